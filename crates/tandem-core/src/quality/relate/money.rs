//! One order's money, told twice and differently.

use rust_decimal::Decimal;

use super::{Known, Observation, Pair};
use crate::quality::ids;
use crate::{Amount, Currency, Event};

/// The same number under two currencies: nobody converted it.
///
/// Shops that sell in several currencies often use one number for two of them (49 EUR, 49 USD). So across orders it is only
/// remarked where one of the two has no smaller unit: what costs 10,000 yen never costs 10,000 dollars.
pub(super) fn currency_changed(pair: Pair<'_>) -> Option<Observation> {
    let (new, old) = pair.new.event.currency.zip(pair.old.event.currency)?;
    if new == old {
        return None;
    }
    let is_one_thing = pair.are_of_one_order() || pair.have_same_id();
    let same_value = || pair.values().is_some_and(|(a, b)| is_same_amount(a, b));
    let thing = if is_one_thing && same_value() {
        "one order".to_owned()
    } else {
        let far_apart = (new.minor_digits() == Some(0)) != (old.minor_digits() == Some(0));
        let product = same_price(pair.new.event, pair.old.event).filter(|_| far_apart)?;
        format!("the product {product:?}")
    };
    let amount =
        |currency: Currency, known: &Known<'_>| format!("in {} in {}", currency.code(), known.described());
    let text =
        format!("{thing} costs the same number {} and {}", amount(new, pair.new), amount(old, pair.old));
    Some(Observation::warning("currency_changed", pair, text).on("currency"))
}

fn is_same_amount(a: Amount, b: Amount) -> bool {
    a > Amount::ZERO && a.decimal() == b.decimal()
}

/// A product that has one price in both.
fn same_price<'a>(new: &'a Event, old: &Event) -> Option<&'a str> {
    let same = |item: &&crate::Item| {
        !item.content_id.is_empty()
            && old.contents.iter().any(|other| {
                other.content_id == item.content_id
                    && item.price.zip(other.price).is_some_and(|(a, b)| is_same_amount(a, b))
            })
    };
    new.contents.iter().find(same).map(|item| item.content_id.as_str())
}

/// The same sale with a hundred times the value: one side sends cents.
pub(super) fn value_jump(pair: Pair<'_>) -> Option<Observation> {
    let is_one_thing = pair.have_same_name()
        && (pair.have_same_id() || pair.are_of_one_order())
        && !ids::is_extended(&pair.new.event.event_id, &pair.old.event.event_id)
        && !pair.any(Known::is_further_sale)
        && pair.have_same_currency();
    let factor = factor(pair).filter(|_| is_one_thing)?;
    let (new, old) = pair.values()?;
    let (large, small) = if new > old { (pair.new, pair.old) } else { (pair.old, pair.new) };
    let text = format!("{} has {factor} times the value of {}", large.described(), small.described());
    Some(Observation::warning("value_jump", pair, text).on("value"))
}

/// By which of the factors between main and minor units the two values differ, if they do exactly.
pub(super) fn factor(pair: Pair<'_>) -> Option<Decimal> {
    let (a, b) = pair.values()?;
    let (small, large) = (a.min(b).decimal(), a.max(b).decimal());
    let digits = pair.new.event.currency.and_then(|c| c.minor_digits());
    let own = digits.filter(|digits| *digits > 0).map(|digits| Decimal::from(10u64.pow(digits)));
    [Some(Decimal::ONE_HUNDRED), own]
        .into_iter()
        .flatten()
        .find(|factor| !small.is_zero() && small.checked_mul(*factor) == Some(large))
}
