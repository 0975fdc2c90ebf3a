//! What requests of all platforms have in common.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::Mapped;

/// A text worth sending.
pub(crate) fn filled(text: Option<&str>) -> Option<&str> {
    text.filter(|t| !t.trim().is_empty())
}

/// Only SHA-256 leaves where a hash belongs, whatever stands in the event.
pub(crate) fn sha256(text: &str) -> Option<&str> {
    let digits = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    (digits && text.len() == 64).then_some(text)
}

/// The first characters, with an ellipsis when something was cut off.
pub(crate) fn cut(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// `"name":"value",` for each field that has a value, escaped as JSON wants it.
pub(crate) fn fields(given: &[(&str, Option<&str>)]) -> String {
    let filled = given.iter().filter_map(|(name, value)| Some((name, (*value)?)));
    // A JSON string prints with its quotation marks and escapes.
    filled.map(|(name, value)| format!("\"{name}\":{},", Value::from(value))).collect()
}

/// A body: the events, separated by commas, between `head` and `tail`.
pub(crate) fn body(head: &str, batch: &[Mapped], tail: &str) -> Vec<u8> {
    let events: usize = batch.iter().map(|m| m.json.len() + 1).sum();
    let mut body = Vec::with_capacity(head.len() + events + tail.len());
    body.extend_from_slice(head.as_bytes());
    for (at, mapped) in batch.iter().enumerate() {
        if at > 0 {
            body.push(b',');
        }
        body.extend_from_slice(mapped.json.as_bytes());
    }
    body.extend_from_slice(tail.as_bytes());
    body
}

/// An extra property on its way out.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Extra<'a> {
    AsIs(&'a Value),
    /// An id that came as a number: ids are text everywhere, and a numeric one can cost the whole event.
    Id(String),
}

/// Of the event's own properties those that are filled scalars, but for names that mean something else here.
pub(crate) fn extras<'a>(
    given: &'a Map<String, Value>,
    known: &'static [&'static str],
) -> impl Iterator<Item = (&'a str, Extra<'a>)> {
    let free = |name: &str| !name.trim().is_empty() && !known.contains(&name);
    given.iter().filter(move |(name, _)| free(name)).filter_map(|(name, value)| {
        let extra = match value {
            Value::String(text) => Extra::AsIs(filled(Some(text)).map(|_| value)?),
            Value::Number(number) if is_id(name) => Extra::Id(number.to_string()),
            Value::Number(_) | Value::Bool(_) => Extra::AsIs(value),
            Value::Null | Value::Array(_) | Value::Object(_) => return None,
        };
        Some((name.as_str(), extra))
    })
}

fn is_id(name: &str) -> bool {
    name == "id" || name.ends_with("_id")
}
