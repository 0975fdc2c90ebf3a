//! Alerts: when a measure becomes news, and when it stops to be.
//!
//! A [`Rule`] says from which value on something is wrong, a [`Reading`] what the value is now, and [`step`] what follows
//! from both: nothing, or a [`Notice`] for people. Values are made so that larger is worse. All of this is pure: whoever
//! reads the store, keeps the states and sends the notices is elsewhere.

use serde::{Deserialize, Serialize};

mod rules;
mod step;
pub mod usual;
mod words;

pub use rules::{MIN_ENDED, MIN_ORDERS, MIN_SALES, MIN_SCORED, RULES, rule};
pub use step::{FORGET_MS, GAP_MS, REMIND_MS, step};
pub use words::{measure, notice, remedy, sentence, shown};

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Key {
    /// Seconds that the oldest waiting event of a destination has been here.
    QueueAge,
    /// Share of the deliveries that ended in the last hour or two, and ended badly.
    ErrorRate,
    /// 1 while the platform takes the credential no more, so that the destination stands still.
    Stopped,
    /// 1 while a person keeps a destination from sending.
    Paused,
    /// Share of the paid orders of a day that a destination should have and has not.
    PurchasesMissing,
    /// By how much fewer sales come in than the same hours of four weeks make plausible, as a share.
    PurchasesFall,
    /// Points by which the estimated match quality of today's sales is below that of two weeks.
    EmqDrop,
    /// Sales that look reported under two ids, a sale.
    DuplicateRate,
    /// 1 while the disk cannot be written.
    Disk,
    /// Events that a way in should have brought since it brought the last.
    SourceSilent,
}

impl Key {
    /// Its stable name, in configuration, records and metrics.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::QueueAge => "queue_age",
            Self::ErrorRate => "error_rate",
            Self::Stopped => "stopped",
            Self::Paused => "paused",
            Self::PurchasesMissing => "purchases_missing",
            Self::PurchasesFall => "purchases_fall",
            Self::EmqDrop => "emq_drop",
            Self::DuplicateRate => "duplicate_rate",
            Self::Disk => "disk",
            Self::SourceSilent => "source_silent",
        }
    }

    /// Whether it is about the whole gateway, never about one site.
    #[must_use]
    pub fn is_of_gateway(self) -> bool {
        matches!(self, Self::Disk)
    }

    /// The key of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        RULES.iter().map(|rule| rule.key).find(|key| key.text() == name)
    }
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Look at it today.
    Warning,
    /// Sales are being lost, or will be.
    Error,
}

impl Severity {
    /// Its stable name.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// What a value counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Seconds.
    Seconds,
    /// A share of one.
    Share,
    /// Points of an estimate from 0 to 10.
    Points,
    /// Events.
    Events,
    /// 1 or 0.
    Switch,
}

/// From when on something is news.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rule {
    /// What is measured.
    pub key: Key,
    /// What the value counts.
    pub unit: Unit,
    /// A value of this or more is wrong.
    pub raise: f64,
    /// A value of this or less is right again; below `raise`, so that a value between the two changes nothing.
    pub clear: f64,
    /// How long it must be wrong before anybody is told, in milliseconds.
    pub raise_after_ms: i64,
    /// How long it must be right before it counts as over, in milliseconds.
    pub clear_after_ms: i64,
    /// How bad it is.
    pub severity: Severity,
    /// False when the shop does not want it.
    pub enabled: bool,
}

/// A value, measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// What was measured.
    pub key: Key,
    /// Site; empty for the whole gateway.
    pub site: String,
    /// Destination, or the way in for [`Key::SourceSilent`]; empty for the whole site.
    pub destination: String,
    /// The value, in the rule's unit.
    pub value: f64,
    /// When it was measured, Unix milliseconds.
    pub at_ms: i64,
    /// Whether there was enough to measure. If not, the value says nothing.
    pub enough: bool,
    /// The numbers behind it, as a sentence; nothing personal in it.
    pub detail: String,
}

/// How an alert stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Phase {
    /// All is well.
    #[default]
    Ok,
    /// Wrong, and not yet for long enough.
    Pending {
        /// Since when, Unix milliseconds.
        since_ms: i64,
    },
    /// Wrong, and people were told.
    Firing {
        /// When it was raised, Unix milliseconds.
        since_ms: i64,
    },
    /// Right again, and not yet for long enough.
    Clearing {
        /// When it was raised, Unix milliseconds.
        raised_ms: i64,
        /// Since when it is right, Unix milliseconds.
        since_ms: i64,
    },
}

impl Phase {
    /// When it was raised, Unix milliseconds, while people are to know of it.
    #[must_use]
    pub fn raised_ms(self) -> Option<i64> {
        match self {
            Self::Firing { since_ms } => Some(since_ms),
            Self::Clearing { raised_ms, .. } => Some(raised_ms),
            Self::Ok | Self::Pending { .. } => None,
        }
    }
}

/// What is remembered of one key at one place between two readings.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct State {
    /// How it stands.
    pub phase: Phase,
    /// When people were last told, Unix milliseconds; 0 for never.
    pub last_sent_ms: i64,
    /// The newest value that says something.
    pub value: f64,
    /// When that was measured, Unix milliseconds.
    pub measured_ms: i64,
    /// When it was last looked, Unix milliseconds.
    pub looked_ms: i64,
}

/// What people are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum News {
    /// It began.
    Raised,
    /// It goes on; once a day.
    Reminder,
    /// It is over.
    Cleared,
}

impl News {
    /// Its stable name.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Raised => "raised",
            Self::Reminder => "reminder",
            Self::Cleared => "cleared",
        }
    }
}

/// A message for people; nothing personal in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// What kind of news.
    pub event: News,
    /// A line.
    pub title: String,
    /// A sentence or two with the numbers.
    pub text: String,
    /// What to do; empty when it is over.
    pub remedy: String,
}

#[cfg(test)]
mod tests;
