//! The request log: bounded, secrets shortened.

use std::collections::VecDeque;

use http::{HeaderMap, request::Parts};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{options::Options, routes::RequestId};

/// One request of either half as the sandbox saw it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RequestEntry {
    /// Running number since the start or the last reset.
    pub number: u64,
    /// Arrival.
    pub at_ms: i64,
    /// Method.
    pub method: String,
    /// Path.
    pub path: String,
    /// Headers in order; tokens are shortened to their last four characters.
    pub headers: Vec<(String, String)>,
    /// Body: JSON if it can be read, fits the log and is not wanted as text, otherwise text.
    pub body: Value,
    /// Size of the whole body.
    pub body_bytes: usize,
    /// Was the body cut for the log?
    pub body_cut: bool,
    /// Pixel, if the request was accepted.
    pub pixel: Option<String>,
    /// Events of an accepted request.
    pub events: usize,
    /// Was it an accepted request with a `test_event_code`?
    pub test: bool,
    /// HTTP status of the answer; nothing if the connection was cut.
    pub status: Option<u16>,
    /// Return code of the answer, if it had one.
    pub code: Option<u32>,
    /// Message of the answer.
    pub message: String,
    /// `request_id` of the answer.
    pub request_id: String,
    /// Answer text.
    pub answer: String,
    /// Planned fault that was applied.
    pub fault: Option<String>,
    /// Fields the API ignores, and other remarks.
    pub notes: Vec<String>,
}

impl RequestEntry {
    /// What is known before the body is judged.
    pub(crate) fn opened(parts: &Parts, at_ms: i64) -> RequestEntry {
        RequestEntry {
            at_ms,
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
            request_id: parts.extensions.get::<RequestId>().cloned().unwrap_or_default().0,
            ..RequestEntry::default()
        }
    }

    /// Adds what the request carried.
    pub(crate) fn carry(&mut self, carried: &HeaderMap, bytes: &[u8], options: &Options) {
        self.headers = headers(carried);
        self.body_bytes = bytes.len();
        (self.body, self.body_cut) = body(bytes, options);
    }
}

#[derive(Debug, Default)]
pub(crate) struct Log {
    entries: VecDeque<RequestEntry>,
    numbers: u64,
}

impl Log {
    pub(crate) fn push(&mut self, mut entry: RequestEntry, keep: usize) {
        self.numbers += 1;
        entry.number = self.numbers;
        self.entries.push_back(entry);
        while self.entries.len() > keep {
            self.entries.pop_front();
        }
    }

    pub(crate) fn entries(&self) -> Vec<RequestEntry> {
        self.entries.iter().cloned().collect()
    }
}

/// Headers for the log.
fn headers(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| {
            let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
            let secret = matches!(name.as_str(), "access-token" | "authorization" | "cookie");
            (name.as_str().to_owned(), if secret { shorten(&text) } else { text })
        })
        .collect()
}

/// The last four characters of a secret; nothing of a secret that is hardly longer.
fn shorten(secret: &str) -> String {
    let tail: String = secret.chars().skip(secret.chars().count().saturating_sub(4)).collect();
    if secret.chars().count() < 8 { "…".into() } else { format!("…{tail}") }
}

/// Body for the log, and whether it was cut.
fn body(body: &[u8], options: &Options) -> (Value, bool) {
    let limit = options.log_body_limit;
    if body.len() <= limit && !options.log_text {
        let parsed = serde_json::from_slice(body);
        return (parsed.unwrap_or_else(|_| String::from_utf8_lossy(body).into()), false);
    }
    let kept = &body[..limit.min(body.len())];
    (String::from_utf8_lossy(kept).into(), kept.len() < body.len())
}

const TOP: [&str; 5] = ["event_source", "event_source_id", "test_event_code", "partner_name", "data"];
const EVENT: [&str; 11] = [
    "event",
    "event_time",
    "event_id",
    "user",
    "properties",
    "page",
    "limited_data_use",
    "lead",
    "app",
    "ad",
    "device",
];

/// Remarks about a server body: fields the API ignores and well-known mistakes.
pub(crate) fn notes(body: &Value) -> Vec<String> {
    let mut notes = Vec::new();
    let Some(top) = body.as_object() else { return notes };
    if top.contains_key("pixel_code") || top.contains_key("batch") {
        notes.push("the body has the shape of the older pixel/track endpoint".into());
    }
    unknown(&mut notes, "", top, &TOP);
    let events = top.get("data").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for (index, event) in events.iter().enumerate() {
        let Some(event) = event.as_object() else { continue };
        unknown(&mut notes, &format!("data.{index}."), event, &EVENT);
        if let Some(user) = event.get("user").and_then(Value::as_object) {
            unknown(&mut notes, &format!("data.{index}.user."), user, &crate::keys::KEY_NAMES);
        }
        if notes.len() >= 20 {
            break;
        }
    }
    notes
}

fn unknown(notes: &mut Vec<String>, prefix: &str, object: &serde_json::Map<String, Value>, known: &[&str]) {
    for name in object.keys().filter(|name| !known.contains(&name.as_str())) {
        let hint = match (prefix, name.as_str()) {
            (_, "event_name") => " (the field is called event)",
            (p, "test_event_code") if !p.is_empty() => " (it belongs to the top level: this event is live)",
            (_, "phone_number") => " (the field is called phone)",
            _ => "",
        };
        notes.push(format!("ignored field {prefix}{name}{hint}"));
    }
}
