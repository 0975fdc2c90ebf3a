//! What a comparison looks at, and what it comes to.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::judge::{Sums, plus};
use super::platform::PlatformDay;
use super::{CLOSED_AFTER_MS, Settings};
use crate::{Amount, Currency, Severity};

/// What is looked at.
#[derive(Debug, Clone)]
pub struct Scope {
    /// How the site compares.
    pub settings: Settings,
    /// Unix milliseconds.
    pub now_ms: i64,
    /// How many days, today among them.
    pub days: u32,
    /// Names of the site's destinations.
    pub destinations: Vec<Arc<str>>,
    /// When the first event on record came in, Unix milliseconds.
    pub since_ms: i64,
    /// From when to when the imported list reaches, Unix milliseconds, if one was imported.
    pub list: Option<(i64, i64)>,
}

impl Scope {
    /// The first day, in the shop's zone.
    #[must_use]
    pub fn first_day(&self) -> i64 {
        self.today() - i64::from(self.days.max(1)) + 1
    }

    /// Today in the shop's zone.
    #[must_use]
    pub fn today(&self) -> i64 {
        self.settings.zone.day_of(self.now_ms)
    }

    /// When the window begins, Unix milliseconds.
    #[must_use]
    pub fn from_ms(&self) -> i64 {
        self.settings.zone.start_of(self.first_day())
    }

    pub(super) fn is_closed(&self, day: i64) -> bool {
        self.settings.zone.start_of(day + 1).saturating_add(CLOSED_AFTER_MS) <= self.now_ms
    }

    /// Whether the list would have an order of this time.
    pub(super) fn list_has(&self, at_ms: i64) -> bool {
        let zone = &self.settings.zone;
        self.list.is_some_and(|(from, to)| zone.start_of(zone.day_of(from)) <= at_ms && at_ms <= to)
    }
}

/// Orders of one day at one destination. `delivered + moving + not_sent` are the day's orders.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct At {
    /// Destination.
    pub destination: String,
    /// Orders that the platform took.
    pub delivered: u64,
    /// What was reported of them, by currency.
    pub delivered_value: Sums,
    /// Orders on their way.
    pub moving: u64,
    /// Orders that were not sent, by reason.
    pub not_sent: BTreeMap<String, u64>,
}

/// One day in the shop's zone.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Day {
    /// Days since 1970.
    #[serde(skip)]
    pub day: i64,
    /// The same as a date.
    pub date: String,
    /// Nothing of it is still moving.
    pub closed: bool,
    /// Paid orders.
    pub orders: u64,
    /// Their value by currency: the shop's own word where there is a list.
    pub value: Sums,
    /// Orders that do not count, by code.
    pub aside: BTreeMap<&'static str, u64>,
    /// What became of them, by destination.
    pub at: Vec<At>,
    /// What platforms say of their day of this date (UTC).
    pub platform: Vec<PlatformDay>,
}

/// Closed days of one destination together.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Totals {
    /// Destination.
    pub destination: String,
    /// Paid orders.
    pub orders: u64,
    /// Delivered ones.
    pub delivered: u64,
    /// Not sent, by reason.
    pub not_sent: BTreeMap<String, u64>,
    /// Orders with an unexplained difference; each once.
    pub orders_unexplained: u64,
    /// Events by which the platform's own figures differ, less what explains them.
    pub platform_unexplained: u64,
    /// Closed days of which the platform's own figures are there.
    pub platform_days: u64,
    /// Those of them that have the same number of sales with another value.
    pub platform_value_days: u64,
    /// Both unexplained numbers, by orders.
    pub share: f64,
    /// All of it in one sentence.
    pub sentence: String,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// Stable code.
    pub code: String,
    /// How bad it is.
    pub severity: Severity,
    /// A choice or a setting explains it: it does not count.
    pub explained: bool,
    /// Its day is closed: it counts if nothing explains it.
    pub closed: bool,
    /// As a date.
    pub date: String,
    /// The order, if it is about one.
    pub order_id: Option<String>,
    /// The number that people see on it, where that is not its id. Whoever has the log adds it.
    pub order_number: Option<String>,
    /// The sale in the log, if there is one.
    pub event_seq: Option<i64>,
    /// The destination, if it is about one.
    pub destination: Option<String>,
    /// How much money it is about.
    pub amount: Option<Amount>,
    /// Its currency.
    pub currency: Option<Currency>,
    /// What it is.
    pub sentence: String,
    /// What to do.
    pub remedy: String,
}

/// The whole comparison.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Zone of the days.
    pub zone: String,
    /// First and last day.
    pub from: String,
    /// Today.
    pub to: String,
    /// How many days are closed.
    pub closed_days: u64,
    /// Whether the shop's own list was imported for any of it.
    pub has_list: bool,
    /// Paid orders of closed days.
    pub orders: u64,
    /// The worst destination's share of unexplained differences, 0 to 1 and beyond.
    pub share: f64,
    /// Closed days by destination.
    pub totals: Vec<Totals>,
    /// By day, the first one first.
    pub days: Vec<Day>,
    /// Unexplained ones of closed days first; [`MAX_LISTED`] at most.
    pub differences: Vec<Difference>,
    /// How many more there are.
    pub unlisted: u64,
}

impl Report {
    /// The value of the closed days' paid orders, by currency.
    #[must_use]
    pub fn value(&self) -> Sums {
        let mut sums = Sums::new();
        for (currency, value) in self.days.iter().filter(|day| day.closed).flat_map(|day| &day.value) {
            let sum = sums.entry(currency.clone()).or_default();
            *sum = plus(*sum, *value);
        }
        sums
    }
}

/// "Of 214 paid orders in 12 closed days, 209 were delivered to tiktok, 4 had no consent, 1 is missing."
pub(super) fn sentence(total: &Totals, closed_days: usize) -> String {
    let days = if closed_days == 1 { "day" } else { "days" };
    if total.orders == 0 {
        return format!("No paid order in {closed_days} closed {days}.");
    }
    let orders = if total.orders == 1 { "order" } else { "orders" };
    let was = |n: u64| if n == 1 { "was" } else { "were" };
    let mut parts =
        vec![format!("{} {} delivered to {}", total.delivered, was(total.delivered), total.destination)];
    let consent: u64 =
        total.not_sent.iter().filter(|(r, _)| r.starts_with("consent_")).map(|(_, number)| number).sum();
    if consent > 0 {
        parts.push(format!("{consent} had no consent"));
    }
    for (reason, &n) in total.not_sent.iter().filter(|(r, _)| !r.starts_with("consent_")) {
        parts.push(match reason.as_str() {
            "order_missing" => format!("{n} {} missing", if n == 1 { "is" } else { "are" }),
            "waiting" => format!("{n} still {}", if n == 1 { "waits" } else { "wait" }),
            "rejected" => format!("{n} {} refused by the platform", was(n)),
            "expired" => format!("{n} could not be delivered in time"),
            "no_destination" => format!("{n} came before the destination was set up"),
            "order_before_start" => format!("{n} {} placed before the log begins", was(n)),
            other => format!("{n} {} not sent ({other})", was(n)),
        });
    }
    format!("Of {} paid {orders} in {closed_days} closed {days}, {}.", total.orders, parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_is_too_much_to_be_added() {
        let most = || Sums::from([("EUR".to_owned(), "79228162514264337593543950335".parse().unwrap())]);
        let day = |closed| Day { closed, value: most(), ..Day::default() };
        let report = Report {
            zone: String::new(),
            from: String::new(),
            to: String::new(),
            closed_days: 2,
            has_list: false,
            orders: 2,
            share: 0.0,
            totals: vec![],
            days: vec![day(true), day(true), day(false)],
            differences: vec![],
            unlisted: 0,
        };
        assert_eq!(report.value(), most());
    }
}
