//! Every threshold, in one place. docs/alerts.md has the same figures with the reasons.

use super::{Key, Rule, Severity, Unit};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// Deliveries that must have ended before a share of them says something.
pub const MIN_ENDED: i64 = 20;

/// Paid orders that a destination should have before the missing ones say something.
pub const MIN_ORDERS: i64 = 10;

/// Sales before doubles among them say something.
pub const MIN_SALES: i64 = 20;

/// Sales of today, and of the days before, that must have an estimate of their match quality.
pub const MIN_SCORED: i64 = 30;

const fn line(
    key: Key,
    unit: Unit,
    (raise, clear): (f64, f64),
    (raise_after_ms, clear_after_ms): (i64, i64),
    severity: Severity,
) -> Rule {
    Rule { key, unit, raise, clear, raise_after_ms, clear_after_ms, severity, enabled: true }
}

/// All rules as they are without settings.
pub const RULES: &[Rule] = &[
    // A healthy queue is seconds old. TikTok merges the two halves of an event within five minutes only.
    line(Key::QueueAge, Unit::Seconds, (600.0, 120.0), (MINUTE, 2 * MINUTE), Severity::Error),
    // A few refusals are a few bad events; one in five is the set-up.
    line(Key::ErrorRate, Unit::Share, (0.20, 0.05), (5 * MINUTE, 15 * MINUTE), Severity::Error),
    // A person must mend it, and every minute counts: told at once.
    line(Key::Stopped, Unit::Switch, (1.0, 0.0), (0, MINUTE), Severity::Error),
    // Somebody wanted it so. After a day it may have been forgotten.
    line(Key::Paused, Unit::Switch, (1.0, 0.0), (24 * HOUR, 0), Severity::Info),
    line(Key::PurchasesMissing, Unit::Share, (0.20, 0.05), (10 * MINUTE, 30 * MINUTE), Severity::Error),
    // Counted by whole hours: a longer hold would only wait for the next hour.
    line(Key::PurchasesFall, Unit::Share, (0.30, 0.10), (10 * MINUTE, 30 * MINUTE), Severity::Error),
    line(Key::EmqDrop, Unit::Points, (1.0, 0.5), (30 * MINUTE, 2 * HOUR), Severity::Warning),
    line(Key::DuplicateRate, Unit::Share, (0.05, 0.01), (30 * MINUTE, 2 * HOUR), Severity::Warning),
    line(Key::Disk, Unit::Switch, (1.0, 0.0), (0, MINUTE), Severity::Error),
    // As many events as never fail to come by chance.
    line(Key::SourceSilent, Unit::Events, (20.0, 0.0), (10 * MINUTE, 5 * MINUTE), Severity::Error),
];

/// A key's rule without settings.
#[must_use]
pub fn rule(key: Key) -> Rule {
    // Every key has a line above; a test holds that.
    RULES.iter().copied().find(|rule| rule.key == key).unwrap_or(RULES[0])
}
