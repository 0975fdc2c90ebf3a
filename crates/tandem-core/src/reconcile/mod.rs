//! The shop's orders, our deliveries and what a platform says it counted, laid side by side by day; every difference
//! has a name.
//!
//! A day is looked at as a whole and judged only when it is closed. Orders go in one by one, so that a busy shop costs no
//! more memory than a quiet one, and each order falls into exactly one class for each destination: the classes of a day
//! always add up to its orders.

use std::fmt;

use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone};
use jiff::{Span, Timestamp, ToSpan};
use serde::Serialize;

mod adding;
pub mod import;
mod judge;
mod platform;
mod report;
mod words;

pub use adding::Reconciler;
pub use judge::{Delivery, Heard, Listed, Order, Sale, State, Status, Sums, is_growth};
pub use platform::{Figure, Hints, PlatformDay};
pub use report::{At, Day, Difference, Report, Scope, Totals};
pub use words::Kind;

/// How long after its end a day is still moving, in milliseconds. No source at TikTok was found for how long it takes to
/// be final: 48 hours are TikTok's own window for duplicates (its help article on deduplication), longer than our
/// retries go on (47 hours), and what advisers on such comparisons tell.
pub const CLOSED_AFTER_MS: i64 = 48 * 3_600_000;

/// Days that are looked at when nobody says how many, today among them. Ours.
pub const DEFAULT_DAYS: u32 = 14;

/// Days that are looked at most. Ours: no longer than events are usually kept.
pub const MAX_DAYS: u32 = 90;

/// Differences of one report that are listed; the others are only counted. Ours.
pub const MAX_LISTED: usize = 500;

/// The share of closed days' orders with an unexplained difference from which on something is wrong. Ours: what blockers
/// and lost requests cost a set-up that nobody looks after is far more.
pub const THRESHOLD: f64 = 0.02;

/// Milliseconds of a day.
pub const DAY_MS: i64 = 86_400_000;

/// How a site's orders are compared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// Where the shop's days begin.
    pub zone: Zone,
    /// Whether the gateway asks platforms once a day for what they counted.
    pub fetch: bool,
    /// Words of the shop for a paid order, beside the usual ones.
    pub paid_statuses: Vec<String>,
    /// What is reported is not the order's total, so that the two cannot be compared.
    pub other_values: bool,
}

/// A time zone that days are told in; UTC unless the shop says otherwise.
#[derive(Clone, PartialEq, Eq)]
pub struct Zone(TimeZone);

impl Default for Zone {
    fn default() -> Self {
        Self(TimeZone::UTC)
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

impl Zone {
    /// Wraps a zone.
    #[must_use]
    pub fn new(zone: TimeZone) -> Self {
        Self(zone)
    }

    /// An offset from UTC as `+02:00`; `None` for anything else.
    #[must_use]
    pub fn offset(text: &str) -> Option<Self> {
        let (sign, rest) = match text.split_at_checked(1)? {
            ("+", rest) => (1, rest),
            ("-", rest) => (-1, rest),
            _ => return None,
        };
        let (hours, minutes) = rest.split_once(':')?;
        let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
        let fits = (0..=14).contains(&hours) && (0..60).contains(&minutes) && rest.len() == 5;
        let offset = Offset::from_seconds(sign * (hours * 3_600 + minutes * 60)).ok().filter(|_| fits)?;
        Some(Self(offset.to_time_zone()))
    }

    /// Its name, or its offset.
    #[must_use]
    pub fn name(&self) -> String {
        match (self.0.iana_name(), self.0.to_fixed_offset()) {
            (Some(name), _) => name.to_owned(),
            (None, Ok(offset)) => offset.to_string(),
            (None, Err(_)) => "its own".to_owned(),
        }
    }

    /// Whether its days are those of UTC, as platforms have them.
    #[must_use]
    pub fn is_utc(&self) -> bool {
        self.0 == TimeZone::UTC
    }

    /// The day a moment is in, as days since 1970. A moment that no calendar has is in day 0.
    #[must_use]
    pub fn day_of(&self, at_ms: i64) -> i64 {
        if self.is_utc() {
            return at_ms.div_euclid(DAY_MS);
        }
        let civil = Timestamp::from_millisecond(at_ms).map(|at| self.0.to_datetime(at));
        civil.ok().and_then(|civil| days_of(civil.date())).unwrap_or_default()
    }

    /// When a day begins, Unix milliseconds.
    #[must_use]
    pub fn start_of(&self, day: i64) -> i64 {
        let local = || date_of(day)?.to_zoned(self.0.clone()).ok();
        if self.is_utc() {
            return day.saturating_mul(DAY_MS);
        }
        local().map_or(day.saturating_mul(DAY_MS), |zoned| zoned.timestamp().as_millisecond())
    }

    /// A time of the clock on the wall there, Unix milliseconds.
    #[must_use]
    pub fn moment(&self, civil: jiff::civil::DateTime) -> Option<i64> {
        Some(civil.to_zoned(self.0.clone()).ok()?.timestamp().as_millisecond())
    }
}

/// Days since 1970.
fn days_of(date: Date) -> Option<i64> {
    let midnight = Offset::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()?;
    Some(midnight.as_second().div_euclid(86_400))
}

fn date_of(day: i64) -> Option<Date> {
    let span: Span = i32::try_from(day).ok()?.days();
    jiff::civil::date(1970, 1, 1).checked_add(span).ok()
}

/// `2026-11-22` of days since 1970; empty for a day that no calendar has.
#[must_use]
pub fn date_text(day: i64) -> String {
    date_of(day).map(|date| date.to_string()).unwrap_or_default()
}

/// Days since 1970 of `2026-11-22`.
#[must_use]
pub fn day_of_text(text: &str) -> Option<i64> {
    days_of(text.parse().ok()?)
}

/// Whether a platform's day (UTC) is closed.
#[must_use]
pub fn platform_day_is_closed(day: i64, now_ms: i64) -> bool {
    (day + 1).saturating_mul(DAY_MS).saturating_add(CLOSED_AFTER_MS) <= now_ms
}

/// What a platform says it counted on one of its days (UTC) under our name of the event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlatformCount {
    /// Destination.
    pub destination: String,
    /// Days since 1970, UTC.
    pub day: i64,
    /// Our name of the event.
    pub event_name: String,
    /// How many; [`PlatformCount::attributed_only`] says of what.
    pub events: i64,
    /// Those of them that a browser reported, if it says.
    pub browser: Option<i64>,
    /// Those of them that a server reported, if it says.
    pub server: Option<i64>,
    /// Those that it credits to an ad, if it says.
    pub attributed: Option<i64>,
    /// `events` counts only what is credited to an ad: fewer than there were.
    pub attributed_only: bool,
    /// Their value together, if it says.
    pub value: Option<crate::Amount>,
    /// Currency of the value.
    pub currency: Option<crate::Currency>,
    /// When we learned it, Unix milliseconds.
    pub told_ms: i64,
}

#[cfg(test)]
#[path = "tests.rs"]
mod stories;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_begin_where_the_shop_is() {
        // 2026-11-22T23:30:00Z
        let late = 1_795_390_200_000;
        let (utc, ahead) = (Zone::default(), Zone::offset("+02:00").unwrap());
        assert_eq!(
            (date_text(utc.day_of(late)), date_text(ahead.day_of(late))),
            ("2026-11-22".into(), "2026-11-23".into())
        );
        assert_eq!(ahead.start_of(ahead.day_of(late)), utc.start_of(utc.day_of(late) + 1) - 7_200_000);
        assert_eq!((ahead.name(), utc.name()), ("+02".into(), "UTC".into()));
        for bad in ["", "02:00", "+2", "+15:00", "+02:60", "Europe/Berlin", "+02:00x", "ü"] {
            assert!(Zone::offset(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_day_of_summer_time_has_another_length() {
        let rule = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let zone = Zone::new(rule);
        // 2026-03-29, when clocks go forward.
        let day = zone.day_of(1_774_778_400_000);
        assert_eq!(date_text(day), "2026-03-29");
        assert_eq!(zone.start_of(day + 1) - zone.start_of(day), 23 * 3_600_000);
    }
}
