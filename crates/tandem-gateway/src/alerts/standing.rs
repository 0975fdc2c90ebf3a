//! How things stand and what was told, for people.

use serde::{Deserialize, Serialize};
use tandem_core::alert::{Key, News, Notice, Severity, measure, remedy, sentence, shown};

use super::held::{Held, Id, phase_text, since_ms};
use super::{Settings, page};

/// A notice, for the list of recent ones.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Told {
    /// Unix milliseconds.
    pub at_ms: i64,
    /// What kind of news.
    pub event: News,
    /// What was measured.
    pub key: Key,
    /// Site; empty for the whole gateway.
    pub site: String,
    /// How bad.
    pub severity: Severity,
    /// A line.
    pub title: String,
    /// The numbers.
    pub text: String,
}

impl Told {
    pub(super) fn of(id: &Id, severity: Severity, notice: &Notice, at_ms: i64) -> Self {
        let Notice { event, title, text, .. } = notice.clone();
        Self { at_ms, event, key: id.key, site: id.site.clone(), severity, title, text }
    }
}

/// How one key stands at one place, for people.
#[derive(Debug, Clone, Serialize)]
pub struct Standing {
    /// What is measured.
    pub key: Key,
    /// Site; empty for the whole gateway.
    pub site: String,
    /// Destination or way in; empty for the whole site.
    pub destination: String,
    /// `ok`, `pending`, `firing` or `clearing`.
    pub state: &'static str,
    /// Since when, Unix milliseconds; 0 while it is ok.
    pub since_ms: i64,
    /// When it was raised, Unix milliseconds, while people are to know of it.
    pub raised_ms: Option<i64>,
    /// How bad.
    pub severity: Severity,
    /// What would be, or is, wrong.
    pub title: &'static str,
    /// The numbers; empty while there is too little to measure.
    pub text: String,
    /// What to do.
    pub remedy: &'static str,
    /// The value with its unit; none while there is too little to measure.
    pub value: Option<String>,
    /// From which value on it is wrong, and up to which it is right again.
    pub raise: String,
    /// See `raise`.
    pub clear: String,
    /// What the value is of.
    pub measure: &'static str,
    /// The page that shows it.
    pub page: String,
    /// Notices that did not reach their channel yet.
    pub unsent: usize,
}

impl Standing {
    pub(super) fn of(settings: &Settings, id: &Id, held: &Held) -> Self {
        let rule = settings.rule(id.key, &id.site);
        let reading = held.reading.as_ref().filter(|reading| reading.enough);
        Self {
            key: id.key,
            site: id.site.clone(),
            destination: id.destination.clone(),
            state: phase_text(held.state.phase),
            since_ms: since_ms(held.state.phase),
            raised_ms: held.state.phase.raised_ms(),
            severity: rule.severity,
            title: sentence(id.key),
            text: reading.map(|reading| reading.detail.clone()).unwrap_or_default(),
            remedy: remedy(id.key),
            value: reading.map(|reading| shown(rule.unit, reading.value)),
            raise: shown(rule.unit, rule.raise),
            clear: shown(rule.unit, rule.clear),
            measure: measure(id.key),
            page: page(id.key, &id.site),
            unsent: held.unsent.len(),
        }
    }
}
