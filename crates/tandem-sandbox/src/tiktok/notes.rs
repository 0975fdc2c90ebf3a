//! Remarks about a server body: fields the API ignores and well-known mistakes.

use serde_json::Value;

use crate::{log, tiktok::event::USER_FIELDS};

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
    notes.extend(log::unknown("", top, &TOP, |name| hint(name, false)));
    let events = top.get("data").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for (index, event) in events.iter().enumerate() {
        let Some(event) = event.as_object() else { continue };
        notes.extend(log::unknown(&format!("data.{index}."), event, &EVENT, |name| hint(name, true)));
        if let Some(user) = event.get("user").and_then(Value::as_object) {
            let prefix = format!("data.{index}.user.");
            notes.extend(log::unknown(&prefix, user, &USER_FIELDS, |name| hint(name, true)));
        }
        if notes.len() >= 20 {
            break;
        }
    }
    notes
}

fn hint(name: &str, inside: bool) -> &'static str {
    match name {
        "event_name" => " (the field is called event)",
        "test_event_code" if inside => " (it belongs to the top level: this event is live)",
        "phone_number" => " (the field is called phone)",
        _ => "",
    }
}
