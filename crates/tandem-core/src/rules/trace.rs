//! What rules did to an event, kept with it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One rule that applied.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Applied {
    /// Its name; `reporting_currency` for the conversion.
    pub rule: String,
    /// Set when it applied to what this destination gets only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<String>,
    /// What it did, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Path of the field, or a pattern.
    pub field: String,
    /// `set`, `renamed`, `removed`, `hashed`, `emitted`, `dropped`, `skipped`, `sent` or `unset`.
    pub did: Cow<'static, str>,
    /// What was there before; only of values that were replaced, never of what was taken out or names a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<Value>,
}

impl Change {
    /// A change that keeps nothing of what was there.
    pub fn new(field: impl Into<String>, did: &'static str) -> Self {
        Self { field: field.into(), did: did.into(), was: None }
    }

    /// The same with the value before, if there was one.
    #[must_use]
    pub fn from(mut self, was: Option<Value>) -> Self {
        self.was = was;
        self
    }
}
