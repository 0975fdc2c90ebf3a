//! The Measurement Protocol for GA4, as a shop's server sends it: JSON, with the site's own secret in the address. Rules and
//! limits as Google documents them (state of 2025).

use serde_json::{Map, Value, json};
use tandem_core::Site;
use tandem_core::door::{Draft, Rejection};

use super::NAME;
use crate::{Decoded, Reply, Request, events, tags, values};

/// Most events of one request.
const MAX_EVENTS: usize = 25;

/// Most parameters of one event.
const MAX_PARAMS: usize = 25;

/// Names that only Google's own code may use.
const RESERVED: &[&str] = &[
    "ad_activeview",
    "ad_click",
    "ad_exposure",
    "ad_query",
    "ad_reward",
    "adunit_exposure",
    "app_clear_data",
    "app_exception",
    "app_install",
    "app_remove",
    "app_store_refund",
    "app_update",
    "app_upgrade",
    "dynamic_link_app_open",
    "dynamic_link_app_update",
    "dynamic_link_first_open",
    "error",
    "firebase_campaign",
    "first_open",
    "first_visit",
    "in_app_purchase",
    "notification_dismiss",
    "notification_foreground",
    "notification_open",
    "notification_receive",
    "os_update",
    "session_start",
    "user_engagement",
];

const PREFIXES: &[&str] = &["_", "firebase_", "ga_", "google_"];

/// One thing that is wrong with a request, as Google's own validation tells it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// Where.
    pub field_path: &'static str,
    /// In words; never a value.
    pub description: &'static str,
    /// Google's code.
    pub validation_code: &'static str,
}

fn message(field_path: &'static str, validation_code: &'static str, description: &'static str) -> Message {
    Message { field_path, description, validation_code }
}

/// What is wrong with a body; an empty list means well formed.
#[must_use]
pub fn validate(body: &[u8]) -> Vec<Message> {
    let Ok(Value::Object(map)) = serde_json::from_slice(body) else {
        return vec![message("", "VALUE_INVALID", "the body is not a JSON object")];
    };
    let mut messages = Vec::new();
    if text(&map, "client_id").is_none() {
        messages.push(message("client_id", "VALUE_REQUIRED", "a web stream's request needs a client_id"));
    }
    if map.get("timestamp_micros").is_some_and(|time| micros(time).is_none()) {
        messages.push(message(
            "timestamp_micros",
            "VALUE_INVALID",
            "a time is Unix microseconds, a whole number",
        ));
    }
    let events = map.get("events").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if events.is_empty() {
        messages.push(message("events", "VALUE_REQUIRED", "a request needs at least one event"));
    }
    if events.len() > MAX_EVENTS {
        messages.push(message("events", "EXCEEDED_MAX_ENTITIES", "a request holds at most 25 events"));
    }
    messages.extend(events.iter().take(MAX_EVENTS).filter_map(|event| name_of(event).err()));
    if events.iter().any(|e| e.get("params").and_then(Value::as_object).is_some_and(|p| p.len() > MAX_PARAMS))
    {
        messages.push(message("events", "EXCEEDED_MAX_ENTITIES", "an event holds at most 25 parameters"));
    }
    messages
}

fn name_of(event: &Value) -> Result<&str, Message> {
    let name = event.get("name").and_then(Value::as_str).unwrap_or_default();
    if name.is_empty() {
        return Err(message("events", "VALUE_REQUIRED", "an event needs a name"));
    }
    if RESERVED.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
        return Err(message("events", "NAME_RESERVED", "the event's name is reserved"));
    }
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if name.len() > 40 || !plain || !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        let text = "an event's name has up to 40 letters, digits and underscores, and begins with a letter";
        return Err(message("events", "NAME_INVALID", text));
    }
    Ok(name)
}

fn text<'a>(map: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    map.get(name).and_then(Value::as_str).filter(|text| !text.trim().is_empty())
}

fn micros(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.trim().parse().ok()).filter(|time| *time > 0)
}

/// Reads a request. Like Google's own endpoint it answers every request alike; what was wrong is on record, and the
/// address `/debug/mp/collect` tells it.
pub(super) fn decode(request: &Request<'_>, site: &Site) -> Decoded {
    if request.path.ends_with("/debug/mp/collect") {
        let answer = json!({ "validationMessages": validate(request.body) });
        let body = answer.to_string().into_bytes();
        let reply = Reply { status: 200, content_type: "application/json", body };
        return Decoded { reply: Some(reply), ..Decoded::default() };
    }
    let parts = parts(request, site).unwrap_or_else(|rejection| vec![Err(rejection)]);
    Decoded { parts, reply: Some(Reply { status: 204, ..Reply::default() }), ..Decoded::default() }
}

fn parts(request: &Request<'_>, site: &Site) -> Result<Vec<Result<Draft, Rejection>>, Rejection> {
    let mut map = match serde_json::from_slice(request.body) {
        Ok(Value::Object(map)) => map,
        Ok(_) => return Err(Rejection::new("body_not_object", "the body is not a JSON object")),
        Err(error) => {
            let text =
                format!("the body is not valid JSON, at line {}, byte {}", error.line(), error.column());
            return Err(Rejection::new("json_invalid", text));
        }
    };
    if text(&map, "client_id").is_none() {
        let text = "a request of the Measurement Protocol needs a client_id: it says whose event it is";
        return Err(Rejection::new("client_id_missing", text).on("client_id"));
    }
    let events = match map.remove("events") {
        Some(Value::Array(events)) if !events.is_empty() => events,
        _ => return Err(Rejection::new("no_events", "there is no event in the request").on("events")),
    };
    if events.len() > MAX_EVENTS {
        let text = "a request of the Measurement Protocol holds at most 25 events; none was taken";
        return Err(Rejection::new("too_many_events", text).on("events"));
    }
    let read = |(index, event): (usize, Value)| {
        let place = format!("events[{index}]");
        let draft = draft(event, &map, request, site);
        draft.map(|d| Draft { place: place.clone(), ..d }).map_err(|r| r.at(&place))
    };
    Ok(events.into_iter().enumerate().map(read).collect())
}

/// Parts of the request that hold for each event.
const SHARED: &[&str] = &["user_id", "user_data", "consent", "ip_override", "user_agent"];

fn draft(
    mut event: Value,
    around: &Map<String, Value>,
    request: &Request<'_>,
    site: &Site,
) -> Result<Draft, Rejection> {
    let name = name_of(&event).map_err(|m| Rejection::new("custom_event_name", m.description).on("name"))?;
    let name = name.to_owned();
    let mut fields = match event.get_mut("params").map(Value::take) {
        Some(Value::Object(params)) => params,
        _ => Map::new(),
    };
    let session = fields.remove("session_id").as_ref().and_then(values::id_text);
    fields.retain(|name, _| !SHARED.contains(&name.as_str()) && !tags::NOT_THE_HITS.contains(&name.as_str()));
    fields.insert("event_name".to_owned(), name.into());
    for name in SHARED {
        fields.extend(around.get(*name).map(|value| ((*name).to_owned(), value.clone())));
    }
    let time = event.get("timestamp_micros").or_else(|| around.get("timestamp_micros")).and_then(micros);
    let time_s = time.map_or(request.now_ms.div_euclid(1_000), |micros| micros / 1_000_000);
    fields.insert("event_time".to_owned(), time_s.into());
    let mut draft = events::read(fields, site)?;
    draft.event.source = NAME.to_owned();
    let client = text(around, "client_id").unwrap_or_default();
    draft.event.session_id = Some(tags::visitor_of(site, client));
    draft.identity.click_ids.ga_client_id = Some(client.to_owned());
    draft.identity.click_ids.ga_session_id = session;
    if draft.event.order_id.is_some() {
        tags::pair(&mut draft, site, String::new);
        draft.event_id = draft.event_id.filter(|id| !id.is_empty());
    }
    Ok(draft)
}
