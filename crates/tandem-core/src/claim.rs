//! The duplicate key and the order ledger: what makes one sale count once.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::money::{Amount, Currency};

/// 128 bits that stand for (site, destination, event name, event id).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClaimKey(pub [u8; 16]);

impl ClaimKey {
    /// The key; parts are compared byte by byte, as platforms do.
    #[must_use]
    pub fn new(site: &str, destination: &str, event_name: &str, event_id: &str) -> Self {
        let mut hasher = Sha256::new();
        for part in [site, destination, event_name, event_id] {
            hasher.update(part.as_bytes());
            hasher.update([0]);
        }
        let digest = hasher.finalize();
        let mut key = [0; 16];
        key.copy_from_slice(&digest[..16]);
        Self(key)
    }
}

/// How an event speaks of an order.
#[derive(Debug, Clone, PartialEq)]
pub enum OrderReport {
    /// "This sale happened": sent once by the shop's own code, perhaps under an id of its choosing.
    Sale,
    /// "This is how the order looks now": a webhook, repeated at every change.
    Snapshot {
        /// When the order was last changed, Unix seconds.
        changed_at: i64,
    },
}

/// What we remember of an order that was reported.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderState {
    /// Sum of everything reported so far; none when a report had no value.
    pub reported: Option<Amount>,
    /// Currency of that sum.
    pub currency: Option<Currency>,
    /// Every event id reported for the order, the first one first.
    pub event_ids: Vec<String>,
    /// How many further events the order's growth has made.
    pub bumps: u32,
    /// Order lines already reported.
    pub lines: Vec<String>,
    /// Positions in the log of the events reported for the order, one for each of `event_ids`; fewer when the order was
    /// first reported by a version that did not note them.
    #[serde(default)]
    pub events: Vec<i64>,
}

/// What to do with a report.
#[derive(Debug, Clone, PartialEq)]
pub enum OrderDecision {
    /// First time: report it.
    First,
    /// Nothing new.
    Duplicate,
    /// The order grew after it was reported (an upsell): report the difference under a suffixed id.
    Growth {
        /// Number of this growth, from 1.
        n: u32,
        /// Total now minus everything reported.
        difference: Amount,
    },
    /// The same order with another id and another value: report it, with a warning.
    OtherId,
}

impl OrderState {
    /// Nothing reported yet.
    #[must_use]
    pub fn new(currency: Option<Currency>) -> Self {
        Self {
            reported: Some(Amount::ZERO),
            currency,
            event_ids: vec![],
            bumps: 0,
            lines: vec![],
            events: vec![],
        }
    }

    /// The first report's id; growth is suffixed to it.
    #[must_use]
    pub fn first_id(&self) -> &str {
        self.event_ids.first().map_or("", String::as_str)
    }
}

/// Decides from what is remembered. `total` is the order's total (snapshot) or the event's value (sale), if it has one.
#[must_use]
pub fn decide(
    known: Option<&OrderState>,
    report: &OrderReport,
    event_id: &str,
    total: Option<Amount>,
    currency: Option<Currency>,
) -> OrderDecision {
    let Some(known) = known else { return OrderDecision::First };
    // A sum in another currency, or none, cannot be compared; the order is reported, that is enough.
    let sums = known.reported.zip(total).filter(|_| known.currency == currency);
    match (report, sums) {
        (OrderReport::Snapshot { .. }, Some((reported, total))) if total.grew_from(reported) => {
            OrderDecision::Growth { n: known.bumps + 1, difference: total.saturating_sub(reported) }
        }
        (OrderReport::Snapshot { .. }, _) => OrderDecision::Duplicate,
        (OrderReport::Sale, _) if known.event_ids.iter().any(|id| id == event_id) => OrderDecision::Duplicate,
        (OrderReport::Sale, Some((reported, total))) if reported.decimal() == total.decimal() => {
            OrderDecision::Duplicate
        }
        (OrderReport::Sale, _) => OrderDecision::OtherId,
    }
}

/// Whether a sale that repeats a reported id brings more money than was reported: an upsell under the id of the first sale,
/// which everybody takes for a repeat.
#[must_use]
pub fn is_lost_growth(
    known: &OrderState,
    report: &OrderReport,
    event_id: &str,
    total: Option<Amount>,
    currency: Option<Currency>,
) -> bool {
    let repeats = *report == OrderReport::Sale && known.event_ids.iter().any(|id| id == event_id);
    let sums = known.reported.zip(total).filter(|_| known.currency == currency);
    repeats && sums.is_some_and(|(reported, total)| total.grew_from(reported))
}

/// The event id of the n-th growth: `wc_order_891_bump_1`.
#[must_use]
pub fn bump_id(event_id: &str, n: u32) -> String {
    format!("{event_id}_bump_{n}")
}

/// Two ids that differ only in letter case, separators or leading zeros: one order, two spellings.
#[must_use]
pub fn near_miss(a: &str, b: &str) -> bool {
    fn folded(id: &str) -> impl Iterator<Item = char> {
        id.trim_start_matches('0').chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase())
    }
    a != b && folded(a).eq(folded(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(reported: &str) -> OrderState {
        OrderState {
            reported: Some(reported.parse().unwrap()),
            event_ids: vec!["wc_order_891".into()],
            ..OrderState::new(Currency::parse("USD"))
        }
    }

    fn run(known: Option<&OrderState>, report: &OrderReport, id: &str, total: &str) -> OrderDecision {
        decide(known, report, id, total.parse().ok(), Currency::parse("USD"))
    }

    #[test]
    fn an_order_is_reported_once_and_its_growth_under_a_suffix() {
        let snapshot = OrderReport::Snapshot { changed_at: 0 };
        assert_eq!(run(None, &snapshot, "wc_order_891", "89.99"), OrderDecision::First);
        let known = state("89.99");
        assert_eq!(run(Some(&known), &snapshot, "wc_order_891", "89.99"), OrderDecision::Duplicate);
        assert_eq!(run(Some(&known), &snapshot, "wc_order_891", "60.00"), OrderDecision::Duplicate);
        assert_eq!(
            run(Some(&known), &snapshot, "wc_order_891", "109.98"),
            OrderDecision::Growth { n: 1, difference: "19.99".parse().unwrap() }
        );
    }

    #[test]
    fn a_second_spelling_of_the_same_sale_is_a_duplicate() {
        let known = state("89.99");
        assert_eq!(run(Some(&known), &OrderReport::Sale, "order-891", "89.99"), OrderDecision::Duplicate);
        assert_eq!(
            run(Some(&known), &OrderReport::Sale, "wc_order_891_bump_1", "19.99"),
            OrderDecision::OtherId
        );
    }

    #[test]
    fn an_upsell_under_the_first_ids_is_told_from_a_repeat() {
        let snapshot = OrderReport::Snapshot { changed_at: 0 };
        let cases = [
            (&OrderReport::Sale, "wc_order_891", "109.98", "USD", true),
            (&OrderReport::Sale, "wc_order_891", "89.99", "USD", false),
            (&OrderReport::Sale, "wc_order_891", "19.99", "USD", false),
            (&OrderReport::Sale, "wc_order_891", "109.98", "EUR", false),
            (&OrderReport::Sale, "order-891", "109.98", "USD", false),
            (&snapshot, "wc_order_891", "109.98", "USD", false),
        ];
        for (report, id, total, currency, expected) in cases {
            let lost =
                is_lost_growth(&state("89.99"), report, id, total.parse().ok(), Currency::parse(currency));
            assert_eq!(lost, expected, "{report:?} {id} {total} {currency}");
        }
    }

    #[test]
    fn near_misses_are_seen() {
        assert!(near_miss("order-891", "order_891"));
        assert!(near_miss("WC_891", "wc_891"));
        assert!(near_miss("000891", "891"));
        assert!(!near_miss("wc_order_891", "wc_order_891"));
        assert!(!near_miss("wc_order_891", "wc_order_892"));
    }

    #[test]
    fn parts_of_a_key_cannot_run_into_each_other() {
        assert_ne!(ClaimKey::new("a", "b", "c", "d"), ClaimKey::new("ab", "", "c", "d"));
    }
}
