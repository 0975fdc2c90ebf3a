//! The request log: bounded, secrets shortened.

use std::collections::VecDeque;

use http::{HeaderMap, Uri, request::Parts};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Platform, engine::Channel, options::Options, routes::RequestId};

/// One request of either half as the sandbox saw it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RequestEntry {
    /// Running number since the start or the last reset.
    pub number: u64,
    /// Platform it was for.
    pub platform: String,
    /// `server`, or `pixel` for a report of a page.
    pub half: String,
    /// Arrival.
    pub at_ms: i64,
    /// Method.
    pub method: String,
    /// Path.
    pub path: String,
    /// Parameters of the address; tokens are shortened to their last four characters.
    pub query: String,
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
    /// Those of them that the platform answered with success and counted nowhere.
    pub discarded: usize,
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
    /// Fields the platform ignores, and other remarks.
    pub notes: Vec<String>,
}

impl RequestEntry {
    /// What is known before the body is judged.
    pub(crate) fn opened(platform: &Platform, half: Channel, parts: &Parts, at_ms: i64) -> RequestEntry {
        RequestEntry {
            platform: platform.name.to_owned(),
            half: half.name().to_owned(),
            at_ms,
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
            request_id: parts.extensions.get::<RequestId>().cloned().unwrap_or_default().0,
            ..RequestEntry::default()
        }
    }

    /// Adds what the request carried.
    pub(crate) fn carry(&mut self, parts: &Parts, bytes: &[u8], options: &Options) {
        self.headers = headers(&parts.headers);
        self.query = query(&parts.uri);
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

/// Parameters for the log.
fn query(uri: &Uri) -> String {
    let shown = |pair: &str| match pair.split_once('=') {
        Some((name @ ("access_token" | "api_secret"), secret)) => format!("{name}={}", shorten(secret)),
        _ => pair.to_owned(),
    };
    uri.query().unwrap_or_default().split('&').map(shown).collect::<Vec<_>>().join("&")
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
        let parsed = serde_json::from_slice(body).map(hide_secrets);
        return (parsed.unwrap_or_else(|_| String::from_utf8_lossy(body).into()), false);
    }
    let kept = &body[..limit.min(body.len())];
    (String::from_utf8_lossy(kept).into(), kept.len() < body.len())
}

/// Shortens a token that travels in the body.
fn hide_secrets(mut body: Value) -> Value {
    if let Some(Value::String(secret)) = body.get_mut("access_token") {
        *secret = shorten(secret);
    }
    body
}

/// Notes the fields of an object that its platform does not know; `hint` may add a word to a name.
pub(crate) fn unknown(
    prefix: &str,
    object: &serde_json::Map<String, Value>,
    known: &[&str],
    hint: impl Fn(&str) -> &'static str,
) -> Vec<String> {
    let names = object.keys().filter(|name| !known.contains(&name.as_str()));
    names.map(|name| format!("ignored field {prefix}{name}{}", hint(name))).collect()
}
