//! What a platform counted on one of its days against what was delivered to it for that day.

use std::collections::BTreeMap;

use serde::Serialize;

use rust_decimal::Decimal;

use super::judge::{Sale, plus};
use super::{CLOSED_AFTER_MS, DAY_MS, PlatformCount, date_text};
use crate::{Amount, Currency};

/// The part of a day's value by which a platform's sum may differ and still be called the same: it may round each sale and
/// the sum. Ours.
const SAME_VALUE: Decimal = Decimal::from_parts(5, 0, 0, false, 3);

/// A currency's digits behind the point where we do not know them.
const USUAL_DIGITS: u32 = 2;

/// Which of a platform's figures was compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Figure {
    /// Events that came from servers: exactly what we send.
    Server,
    /// All events, whoever reported them.
    Total,
    /// Only those credited to an ad: always fewer than there were.
    Attributed,
}

impl Figure {
    /// In words, for "… of which the platform has n".
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Server => "events from servers",
            Self::Total => "all events, from browsers and servers",
            Self::Attributed => "only what is credited to an ad",
        }
    }
}

/// What may explain a difference, by day of arrival (UTC).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hints {
    /// Sales that only a page told of, through its own pixel.
    pub browser_only: BTreeMap<i64, u64>,
    /// Sales that look like a second spelling of another.
    pub near_misses: BTreeMap<i64, u64>,
    /// Sales without an order id, which no order of the list can be laid beside.
    pub without_order: BTreeMap<i64, u64>,
}

/// What was delivered for one day (UTC) of a platform.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sent {
    /// Sales that happened on it.
    pub(super) events: u64,
    /// Those of them that were sent on another day.
    pub(super) left: u64,
    /// Sales of other days that were sent on it.
    pub(super) joined: u64,
    /// What the sales that happened on it are worth.
    pub(super) worth: Worth,
}

/// Values added up, as long as they can be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Worth {
    /// Nothing yet.
    #[default]
    Nothing,
    /// All in one currency.
    Sum(Amount, Currency),
    /// One had no value, or another currency.
    Unknown,
}

impl Worth {
    pub(super) fn with(self, sale: &Sale) -> Self {
        match (self, sale.value.zip(sale.currency)) {
            (Self::Nothing, Some((value, currency))) => Self::Sum(value, currency),
            (Self::Sum(sum, known), Some((value, currency))) if known == currency => {
                Self::Sum(plus(sum, value), known)
            }
            _ => Self::Unknown,
        }
    }
}

/// One day of a platform's report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlatformDay {
    /// Destination.
    pub destination: String,
    /// Days since 1970, UTC.
    #[serde(skip)]
    pub day: i64,
    /// The same as a date.
    pub date: String,
    /// Whether it counts: the day is closed, and the platform told after that.
    pub judged: bool,
    /// Sales delivered that happened on this day (UTC).
    pub delivered: u64,
    /// What the platform says.
    pub counted: i64,
    /// Which of its figures that is.
    pub figure: Figure,
    /// All events, where it tells them apart.
    pub total: Option<i64>,
    /// Events that a browser reported.
    pub browser: Option<i64>,
    /// Events credited to an ad.
    pub attributed: Option<i64>,
    /// Their value, if it says.
    pub value: Option<Amount>,
    /// Its currency.
    pub currency: Option<Currency>,
    /// What was delivered for the day in that currency, where the two can be compared.
    pub delivered_value: Option<Amount>,
    /// The number is the same, and the value is not.
    pub value_differs: bool,
    /// `counted` less `delivered`.
    pub difference: i64,
    /// What of the difference nothing explains; never below 0.
    pub unexplained: u64,
    /// What probably explains it, in words.
    pub reasons: Vec<String>,
}

impl PlatformDay {
    pub(super) fn compare(count: &PlatformCount, sent: Sent, hints: &Hints, now_ms: i64) -> Self {
        let (figure, counted) = match count.server {
            _ if count.attributed_only => (Figure::Attributed, count.events),
            Some(server) => (Figure::Server, server),
            None => (Figure::Total, count.events),
        };
        let closes_ms = (count.day + 1).saturating_mul(DAY_MS).saturating_add(CLOSED_AFTER_MS);
        let difference = counted - i64::try_from(sent.events).unwrap_or(i64::MAX);
        let mut causes = Causes { left: difference.unsigned_abs(), reasons: Vec::new() };
        match difference {
            0 => {}
            ..0 => causes.of_less(figure, sent),
            1.. => causes.of_more(figure, sent, hints, count.day),
        }
        let delivered_value = comparable(count, figure, sent, difference);
        let differ = |(ours, theirs)| differ(ours, theirs, sent.events, count.currency);
        let value_differs = delivered_value.zip(count.value).is_some_and(differ);
        let told_in_time = count.told_ms >= closes_ms;
        if !told_in_time && closes_ms <= now_ms {
            let text = "the report was made before the day was closed: import or fetch it again";
            causes.reasons.push(text.to_owned());
        }
        Self {
            destination: count.destination.clone(),
            day: count.day,
            date: date_text(count.day),
            judged: told_in_time && closes_ms <= now_ms,
            delivered: sent.events,
            counted,
            figure,
            total: (!count.attributed_only).then_some(count.events),
            browser: count.browser,
            attributed: count.attributed,
            value: count.value,
            currency: count.currency,
            delivered_value,
            value_differs,
            difference,
            unexplained: causes.left,
            reasons: causes.reasons,
        }
    }
}

/// What was delivered, where a platform's sum is one of the same sales in the same currency.
fn comparable(count: &PlatformCount, figure: Figure, sent: Sent, difference: i64) -> Option<Amount> {
    let same_sales = difference == 0 && sent.left == 0 && sent.joined == 0 && figure != Figure::Attributed;
    match sent.worth {
        Worth::Sum(sum, currency)
            if same_sales && count.value.is_some() && count.currency == Some(currency) =>
        {
            Some(sum)
        }
        _ => None,
    }
}

/// Whether rounding does not explain it: half of the smallest unit a sale, and a part of the sum.
fn differ(ours: Amount, theirs: Amount, sales: u64, currency: Option<Currency>) -> bool {
    let digits = currency.and_then(|currency| currency.minor_digits()).unwrap_or(USUAL_DIGITS);
    let units = Decimal::new(5, digits + 1).checked_mul(sales.into());
    let part = ours.decimal().abs().checked_mul(SAME_VALUE);
    let allowed = units.zip(part).and_then(|(units, part)| units.checked_add(part));
    let gap = theirs.decimal().checked_sub(ours.decimal()).map(|gap| gap.abs());
    gap.zip(allowed).is_none_or(|(gap, allowed)| gap > allowed)
}

/// What is left of a difference while causes are found.
struct Causes {
    left: u64,
    reasons: Vec<String>,
}

impl Causes {
    fn take(&mut self, number: u64, text: &str) {
        if number > 0 && self.left > 0 {
            self.left = self.left.saturating_sub(number);
            self.reasons.push(format!("{number} {text}"));
        }
    }

    fn of_less(&mut self, figure: Figure, sent: Sent) {
        if figure == Figure::Attributed {
            self.left = 0;
            self.reasons
                .push("the figure has only what is credited to an ad, which is always less".to_owned());
        }
        self.take(sent.left, "happened on this day and were sent on another");
    }

    fn of_more(&mut self, figure: Figure, sent: Sent, hints: &Hints, day: i64) {
        let hint = |of: &BTreeMap<i64, u64>| of.get(&day).copied().unwrap_or_default();
        self.take(sent.joined, "happened on another day and were sent on this one");
        if figure == Figure::Total {
            self.take(hint(&hints.browser_only), "were reported by pages alone");
        }
        self.take(hint(&hints.without_order), "were delivered without an order id");
        self.take(hint(&hints.near_misses), "look like a second spelling of another sale");
    }
}
