//! Two reports of what may be one thing: their ids, their names, and when they came.

use super::{DAY_MS, DUPLICATE_WINDOW_MS, Known, MINUTE_MS, Observation, Pair, duration};
use crate::names;
use crate::quality::ids;

/// Pixel and server are merged within this time; after it the later one is dropped, with what it knows (TikTok's help
/// articles on deduplication of December 2023 and May 2024).
const MERGE_MS: i64 = 5 * MINUTE_MS;

/// Two halves that came in so close to each other happened at one time.
const TOGETHER_MS: i64 = 2 * MINUTE_MS;

/// Clocks that differ by less are usual, in seconds.
const SKEW_S: i64 = 600;

/// Standard names that a shop may report beside a purchase, of one order, and mean it.
const BESIDE_A_SALE: &[&str] = &["PlaceAnOrder", "Subscribe", "StartTrial"];

/// What names of a shop's own say when they stand for a sale.
const SALE_WORDS: &[&str] = &["purchase", "order", "payment", "sale", "transaction", "conversion", "bought"];

/// One event in two spellings of its id.
pub(super) fn near_miss(pair: Pair<'_>) -> Option<Observation> {
    let (a, b) = (&pair.new.event.event_id, &pair.old.event.event_id);
    let comparable = pair.have_same_name()
        && a != b
        && pair.apart_ms() <= DUPLICATE_WINDOW_MS
        && !pair.any(Known::has_odd_id)
        && !pair.are_of_two_orders();
    (comparable && (is_respelled(a, b) || is_misspelled(pair))).then(|| {
        let text = format!(
            "{} {} has the id {a:?}, {} has {b:?}: to a platform these are two",
            pair.new.event.event_name,
            pair.new.described(),
            pair.old.described()
        );
        Observation::warning("id_near_miss", pair, text).on("event_id").counting_twice(pair)
    })
}

fn is_respelled(a: &str, b: &str) -> bool {
    ids::folded(a).is_some_and(|folded| ids::folded(b) == Some(folded))
}

/// A letter more, less or other, in two reports of one order that agree on what it cost.
fn is_misspelled(pair: Pair<'_>) -> bool {
    let (a, b) = (&pair.new.event.event_id, &pair.old.event.event_id);
    pair.are_of_one_order()
        && pair.new.is_sale()
        && !ids::is_random(a)
        && ids::is_one_letter_off(a, b)
        && !ids::is_extended(a, b)
        && !ids::are_parts(a, b)
        && tell_one_value(pair)
}

/// Not two amounts of one side, which would be two sales of one order.
fn tell_one_value(pair: Pair<'_>) -> bool {
    pair.are_two_halves()
        || pair.any(|known| known.completes)
        || pair.values().is_none_or(|(a, b)| a.decimal() == b.decimal())
}

/// One order's sale under two ids that have nothing in common.
pub(super) fn two_ids(pair: Pair<'_>) -> Option<Observation> {
    let (a, b) = (&pair.new.event.event_id, &pair.old.event.event_id);
    let is_one_sale = pair.are_of_one_order()
        && pair.have_same_name()
        && pair.new.is_sale()
        && a != b
        && !ids::is_extended(a, b)
        && !(is_of_one_side(pair) && ids::are_parts(a, b))
        && !pair.any(|known| known.has_odd_id() || known.is_further_sale())
        && tell_one_value(pair);
    (is_one_sale && near_miss(pair).is_none()).then(|| {
        let text = format!(
            "one order's Purchase has the id {a:?} in {} and {b:?} in {}",
            pair.new.described(),
            pair.old.described()
        );
        Observation::warning("order_under_two_ids", pair, text).on("event_id").counting_twice(pair)
    })
}

/// Both told by the page, or both by the server. One side that tells twice means it; of two sides each may have its own
/// word for one thing.
fn is_of_one_side(pair: Pair<'_>) -> bool {
    pair.new.event.channel == pair.old.event.channel && !pair.any(|known| known.completes)
}

/// One order's sale under two names, with one value.
pub(super) fn two_names(pair: Pair<'_>) -> Option<Observation> {
    let (a, b) = (pair.new.event.event_name.as_str(), pair.old.event.event_name.as_str());
    let other = match (a, b) {
        (names::PURCHASE, other) | (other, names::PURCHASE) if a != b => other,
        _ => return None,
    };
    let is_usual = BESIDE_A_SALE.contains(&other);
    let says_sale = !names::is_standard(other)
        && !names::ANALYTICS_ONLY.contains(&other)
        && SALE_WORDS.iter().any(|word| other.to_ascii_lowercase().contains(word));
    let is_one_sale = pair.are_of_one_order()
        && (is_usual || says_sale)
        && !pair.any(Known::is_further_sale)
        && pair.have_same_currency()
        && pair.values().is_some_and(|(a, b)| a.decimal() == b.decimal());
    is_one_sale.then(|| {
        let text = format!(
            "one order is reported as {a} in {} and as {b} in {}, with one value: whoever counts both counts it twice",
            pair.new.described(),
            pair.old.described()
        );
        match is_usual {
            true => Observation::info("order_under_two_names", pair, text).on("event_name"),
            false => {
                Observation::warning("order_under_two_names", pair, text).on("event_name").counting_twice(pair)
            }
        }
    })
}

/// The old and the new name of one event, within a day.
pub(super) fn names_mixed(pair: Pair<'_>) -> Option<Observation> {
    let is_old = |known: &Known<'_>| known.has_finding("legacy_event_name");
    let name = pair.new.event.event_name.as_str();
    let mixed = pair.have_same_name() && is_old(pair.new) && !is_old(pair.old) && pair.apart_ms() <= DAY_MS;
    mixed.then(|| {
        let old_name = names::legacy_of(name).unwrap_or(name);
        let text = format!(
            "{} is called {old_name}, and {} of the same day {name}: a pixel and a server that differ so count twice",
            pair.new.described(),
            pair.old.described()
        );
        Observation::warning("names_mixed", pair, text).on("event_name")
    })
}

/// A larger sale under the id of the first, which everybody takes for a repeat.
pub(super) fn upsell(pair: Pair<'_>) -> Option<Observation> {
    let grew = pair.values().is_some_and(|(new, old)| new.grew_from(old));
    let is_upsell = pair.have_same_id()
        && is_of_one_side(pair)
        && pair.new.is_sale()
        && pair.have_same_currency()
        && !pair.are_of_two_orders()
        && grew
        && super::money::factor(pair).is_none();
    is_upsell.then(|| {
        let text = format!(
            "{} has the id of {} and a larger value: it is taken for a repeat, and what was added is not counted",
            pair.new.described(),
            pair.old.described()
        );
        Observation::warning("upsell_same_id", pair, text).on("event_id")
    })
}

/// When the two halves of one id came, and when each says that it happened.
pub(super) fn timing(new: &Known<'_>, earlier: &[Known<'_>]) -> Option<Observation> {
    let same_id = |old: &&Known<'_>| Pair { new, old }.have_same_id();
    // A thank-you page that is opened again comes beside a pair that is whole.
    if earlier.iter().filter(same_id).any(|old| old.event.channel == new.event.channel) {
        return None;
    }
    let old = earlier.iter().filter(same_id).find(|old| Pair { new, old }.are_two_halves())?;
    let pair = Pair { new, old };
    // Of a renewal there is no page; what the sweep found late was said at the door.
    if pair
        .any(|known| known.is_further_sale() || known.has_finding("found_by_sweep") || known.reached_nobody())
    {
        return None;
    }
    late(pair).or_else(|| skewed(pair))
}

fn late(pair: Pair<'_>) -> Option<Observation> {
    let apart_ms = pair.apart_ms();
    if apart_ms <= MERGE_MS {
        return None;
    }
    let text = format!(
        "{} came {} after {}, the other half of {:?}",
        pair.new.described(),
        duration(apart_ms),
        pair.old.described(),
        pair.new.event.event_id
    );
    Some(if apart_ms > DUPLICATE_WINDOW_MS {
        let text = format!("{text}: platforms count both");
        Observation::warning("late_pair", pair, text).counting_twice(pair)
    } else {
        Observation::info("late_pair", pair, format!("{text}: the later one's match keys may not be used"))
    })
}

fn skewed(pair: Pair<'_>) -> Option<Observation> {
    const TOLD: &[&str] = &["event_time_missing", "event_time_future", "event_time_local", "event_time_old"];
    let gap_s = pair.new.event.event_time - pair.old.event.event_time;
    let told = pair.any(|known| TOLD.iter().any(|code| known.has_finding(code)));
    (gap_s.abs() > SKEW_S && pair.apart_ms() <= TOGETHER_MS && !told).then(|| {
        let (late, early) = if gap_s > 0 { (pair.new, pair.old) } else { (pair.old, pair.new) };
        let text = format!(
            "both halves of {:?} came in together, but {} says that it happened {} later than {} says",
            pair.new.event.event_id,
            late.described(),
            duration(gap_s.saturating_abs().saturating_mul(1_000)),
            early.described()
        );
        Observation::warning("clock_skew", pair, text).on("event_time")
    })
}
