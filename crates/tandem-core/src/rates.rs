//! Exchange rates, and an event's money in another currency: value, prices and currency together, or nothing.

use std::collections::BTreeMap;

use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::Value;

use crate::Finding;
use crate::event::Event;
use crate::money::{Amount, Currency};
use crate::rules::{Applied, Change};

/// Rates older than this convert nothing, in days. The European Central Bank publishes on its working days; the longest
/// pause between them, around Easter and Christmas, is five days.
pub const MAX_AGE_DAYS: i64 = 7;

/// Where the European Central Bank publishes its daily reference rates (its documentation, November 2026).
pub const ECB_URL: &str = "https://www.ecb.europa.eu/stats/eurofxref/eurofxref-daily.xml";

/// Bytes of a feed at most; the bank's has under 3,000.
pub const MAX_FEED: usize = 60_000;

/// Properties that are amounts in the event's currency.
const MONEY_PROPERTIES: &[&str] = &["tax", "shipping", "discount"];

const DAY_S: i64 = 86_400;

/// In which currency each destination wants its money.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reporting {
    /// All destinations without one of their own.
    pub default: Option<Currency>,
    /// By the destination's name.
    pub destinations: BTreeMap<String, Currency>,
}

impl Reporting {
    /// What this destination wants; `None` leaves money as it is.
    #[must_use]
    pub fn of(&self, destination: &str) -> Option<Currency> {
        self.destinations.get(destination).copied().or(self.default)
    }

    /// Whether any destination wants its money converted.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.default.is_some() || !self.destinations.is_empty()
    }
}

/// What one piece of a base currency is worth in others, on one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rates {
    day_s: i64,
    per_base: BTreeMap<Currency, Decimal>,
}

/// Why rates cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RatesError {
    /// No day, or one that is no date.
    #[error("the rates have no readable day (YYYY-MM-DD)")]
    Day,
    /// Not in the form it should have.
    #[error("the file has not the form it should have: base, day and a table of rates")]
    Unreadable,
    /// Not a single rate.
    #[error("there is no rate among them")]
    Empty,
    /// One that is not a number above zero, or of an unknown currency.
    #[error("a rate is no number above zero, or its currency is unknown")]
    Rate,
    /// Far more than there are currencies.
    #[error("the text is too long to be a list of rates")]
    TooLong,
}

impl Rates {
    /// Rates of one day (`YYYY-MM-DD`): how much of each currency one piece of `base` is worth.
    ///
    /// # Errors
    /// [`RatesError`]; a list with one bad rate is refused as a whole, since nobody knows what else is wrong.
    pub fn new(
        base: Currency,
        day: &str,
        list: impl IntoIterator<Item = (Currency, Decimal)>,
    ) -> Result<Self, RatesError> {
        let day: jiff::civil::Date = day.trim().parse().map_err(|_| RatesError::Day)?;
        let day_s =
            day.to_zoned(jiff::tz::TimeZone::UTC).map_err(|_| RatesError::Day)?.timestamp().as_second();
        let mut per_base: BTreeMap<Currency, Decimal> = list.into_iter().collect();
        if per_base.is_empty() {
            return Err(RatesError::Empty);
        }
        if per_base.values().any(|rate| *rate <= Decimal::ZERO) {
            return Err(RatesError::Rate);
        }
        per_base.insert(base, Decimal::ONE);
        Ok(Self { day_s, per_base })
    }

    /// Reads the European Central Bank's daily feed: `<Cube time='…'>` around one `<Cube currency='…' rate='…'/>` each.
    ///
    /// # Errors
    /// [`RatesError`].
    pub fn from_ecb(xml: &str) -> Result<Self, RatesError> {
        if xml.len() > MAX_FEED {
            return Err(RatesError::TooLong);
        }
        let euro = Currency::parse("EUR").ok_or(RatesError::Rate)?;
        let (mut day, mut list) = (None, Vec::new());
        for tag in xml.split("<Cube").skip(1).filter_map(|rest| rest.split('>').next()) {
            if let Some(time) = attribute(tag, "time") {
                if day.is_some() {
                    // The history feed has more days; the newest stands first.
                    break;
                }
                day = Some(time);
            }
            if let Some((code, rate)) = attribute(tag, "currency").zip(attribute(tag, "rate")) {
                let rate = Decimal::from_str_exact(rate).map_err(|_| RatesError::Rate)?;
                // A currency that has gone out of use since this was built is of no use to anybody.
                list.extend(Currency::parse(code).map(|currency| (currency, rate)));
            }
        }
        Self::new(euro, day.ok_or(RatesError::Day)?, list)
    }

    /// Age in days at a time (Unix seconds); never below nought.
    #[must_use]
    pub fn age_days(&self, now_s: i64) -> i64 {
        ((now_s - self.day_s) / DAY_S).max(0)
    }

    /// Midnight of their day, Unix seconds.
    #[must_use]
    pub fn day_s(&self) -> i64 {
        self.day_s
    }

    /// An amount in another currency, rounded to that one's minor unit, half away from zero.
    #[must_use]
    pub fn convert(&self, amount: Amount, from: Currency, to: Currency) -> Option<Amount> {
        let (from, into) = (self.per_base.get(&from)?, self.per_base.get(&to)?);
        let whole = amount.decimal().checked_mul(*into)?.checked_div(*from)?;
        let half_up = RoundingStrategy::MidpointAwayFromZero;
        Some(Amount::new(whole.round_dp_with_strategy(to.minor_digits().unwrap_or(2), half_up)))
    }
}

/// `name='value'` or `name="value"` of a tag.
fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    tag.match_indices(name).find_map(|(at, _)| {
        if !tag[..at].ends_with(char::is_whitespace) {
            return None;
        }
        let rest = tag[at + name.len()..].trim_start().strip_prefix('=')?.trim_start();
        let quote = rest.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
        rest[1..].split_once(quote).map(|(value, _)| value)
    })
}

/// Name of the conversion among the rules that applied.
pub const RULE: &str = "reporting_currency";

/// Puts an event's money into another currency, and says what it was. Nothing to do is `Ok(None)`.
///
/// # Errors
/// A finding when it could not be done; the event's money is then untouched.
pub fn convert(
    event: &mut Event,
    to: Currency,
    rates: Option<&Rates>,
    now_s: i64,
) -> Result<Option<Applied>, Finding> {
    let Some(from) = event.currency.filter(|from| *from != to) else { return Ok(None) };
    let failed = |why: &str| {
        let text = format!("the money stays in the event's own currency: {why}");
        Finding::warning("currency_not_converted", text).on("currency")
    };
    let rates = rates.ok_or_else(|| failed("there are no exchange rates"))?;
    if rates.age_days(now_s) > MAX_AGE_DAYS {
        return Err(failed("the exchange rates are older than 7 days"));
    }
    let converted = |amount: Amount| {
        let none = || failed(&format!("there is no rate from {from} to {to}, or the amount is too large"));
        rates.convert(amount, from, to).ok_or_else(none)
    };
    let value = event.value.map(&converted).transpose()?;
    let prices: Result<Vec<_>, _> =
        event.contents.iter().map(|item| item.price.map(&converted).transpose()).collect();
    let prices = prices?;
    let mut properties = Vec::new();
    for name in MONEY_PROPERTIES {
        let given = event.properties.get(*name).and_then(|value| Amount::from_json(value).ok());
        if let Some((amount, _)) = given {
            properties.push((*name, Value::from(converted(amount)?.to_json_number())));
        }
    }
    let mut changes = vec![Change::new("currency", "set").from(Some(from.code().into()))];
    changes
        .extend(event.value.map(|was| Change::new("value", "set").from(Some(was.to_json_number().into()))));
    event.value = value;
    event.currency = Some(to);
    for (item, price) in event.contents.iter_mut().zip(prices) {
        if let Some(was) = item.price {
            changes.push(Change::new("contents[].price", "set").from(Some(was.to_json_number().into())));
        }
        item.price = price;
    }
    for (name, amount) in properties {
        let was = event.properties.insert(name.to_owned(), amount);
        changes.push(Change::new(format!("properties.{name}"), "set").from(was));
    }
    Ok(Some(Applied { rule: RULE.to_owned(), destination: None, changes }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::event::Item;

    const FEED: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<gesmes:Envelope><gesmes:subject>Reference rates</gesmes:subject><Cube><Cube time='2026-11-20'>
<Cube currency='USD' rate='1.0812'/><Cube currency="JPY" rate="168.25"/><Cube currency='XXQ' rate='2'/>
</Cube></Cube></gesmes:Envelope>"#;

    fn amount(text: &str) -> Amount {
        text.parse().unwrap()
    }

    fn currency(code: &str) -> Currency {
        Currency::parse(code).unwrap()
    }

    #[test]
    fn the_banks_feed_is_read_and_cross_rates_are_made() {
        let rates = Rates::from_ecb(FEED).unwrap();
        let convert = |text: &str, from: &str, to: &str| {
            rates.convert(amount(text), currency(from), currency(to)).map(|a| a.to_string())
        };
        assert_eq!(convert("89.99", "EUR", "USD").as_deref(), Some("97.30"));
        assert_eq!(convert("97.30", "USD", "EUR").as_deref(), Some("89.99"));
        assert_eq!(convert("100", "USD", "JPY").as_deref(), Some("15561"));
        assert_eq!(convert("1", "EUR", "CHF"), None);
        assert_eq!(rates.age_days(rates.day_s() + 8 * DAY_S + 5), 8);
        assert_eq!(Rates::from_ecb("<Cube time='x'><Cube currency='USD' rate='1'/>"), Err(RatesError::Day));
        assert_eq!(Rates::from_ecb("<Cube time='2026-11-20'>"), Err(RatesError::Empty));
        assert_eq!(Rates::from_ecb(&FEED.replace("1.0812", "-1")), Err(RatesError::Rate));
        assert_eq!(Rates::from_ecb("nothing"), Err(RatesError::Day));
    }

    #[test]
    fn all_money_changes_or_none() {
        let rates = Rates::from_ecb(FEED).unwrap();
        let event = Event {
            value: Some(amount("100")),
            currency: Some(currency("EUR")),
            contents: vec![Item { price: Some(amount("50")), ..Item::default() }],
            properties: serde_json::json!({"tax": "19", "coupon": "19"}).as_object().unwrap().clone(),
            ..Event::default()
        };
        let now_s = rates.day_s() + DAY_S;
        let mut usd = event.clone();
        let applied = convert(&mut usd, currency("USD"), Some(&rates), now_s).unwrap().unwrap();
        assert_eq!((usd.value, usd.currency), (Some(amount("108.12")), Some(currency("USD"))));
        assert_eq!(
            (usd.contents[0].price, &usd.properties["tax"]),
            (Some(amount("54.06")), &Value::from(20.54))
        );
        assert_eq!(usd.properties["coupon"], "19");
        assert_eq!(applied.changes.len(), 4);
        let refuse = |event: &Event, to: &str, rates: Option<&Rates>, at: i64| {
            let mut copy = event.clone();
            let code = convert(&mut copy, currency(to), rates, at).unwrap_err().code;
            assert_eq!(&copy, event);
            assert_eq!(code, "currency_not_converted");
        };
        refuse(&event, "CHF", Some(&rates), now_s);
        refuse(&event, "USD", None, now_s);
        refuse(&event, "USD", Some(&rates), now_s + 8 * DAY_S);
        let mut large = event.clone();
        large.contents[0].price = Some(Amount::new(Decimal::MAX));
        refuse(&large, "JPY", Some(&rates), now_s);
        assert_eq!(convert(&mut event.clone(), currency("EUR"), None, 0), Ok(None));
    }

    proptest! {
        #[test]
        fn no_feed_does_harm(text in "(<Cube( (time|currency|rate)=['\"]?[A-Z0-9.-]{0,10}['\"]?){0,3}/?>|é){0,8}") {
            let _ = Rates::from_ecb(&text);
        }
    }
}
