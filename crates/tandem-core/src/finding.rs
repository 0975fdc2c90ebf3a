//! What is wrong, or could be better, with an event: a stable code, how bad it is, and where.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// Code of the finding on an event whose id nobody else can have. It decides whether the event is sent beside others that
/// report the same.
pub const UNPAIRED: &str = "event_id_unpaired";

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Corrected or harmless; shown so that the sender can mend it.
    Info,
    /// The event goes out, but counts for less than it could.
    Warning,
    /// The event, or the named part of it, could not be used.
    Error,
}

/// One remark on one event. The code is part of the public interface: it never changes its meaning.
///
/// A message never repeats personal data; it names the field and what is wrong with its form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Stable, snake case, e.g. `event_time_ms`.
    pub code: Cow<'static, str>,
    /// How much it matters.
    pub severity: Severity,
    /// Path of the field in the input, e.g. `contents[0].content_id`; absent for the event as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<Cow<'static, str>>,
    /// One sentence for a person: what was found and what was done about it.
    pub message: Cow<'static, str>,
}

impl Finding {
    /// A finding on the event as a whole.
    pub fn new(severity: Severity, code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code: code.into(), severity, field: None, message: message.into() }
    }

    /// An [`Severity::Info`] finding.
    pub fn info(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Severity::Info, code, message)
    }

    /// A [`Severity::Warning`] finding.
    pub fn warning(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Severity::Warning, code, message)
    }

    /// A [`Severity::Error`] finding.
    pub fn error(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Severity::Error, code, message)
    }

    /// The same finding, on one field.
    #[must_use]
    pub fn on(mut self, field: impl Into<Cow<'static, str>>) -> Self {
        self.field = Some(field.into());
        self
    }
}
