//! What more than one test needs.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Map, Value, json};
use tandem_core::{Currency, names};
use tandem_destinations::{ContentType, Destination, HttpRequest, tiktok};

/// A pixel set up with these settings besides the required ones.
pub(crate) fn tiktok(more: Value) -> Box<dyn Destination> {
    let mut settings = json!({"pixel_id": "TESTPIXEL0000000001", "access_token": "test-token"});
    if let (Some(all), Value::Object(more)) = (settings.as_object_mut(), more) {
        all.extend(more);
    }
    (tiktok::PLATFORM.configure)(&settings).unwrap()
}

/// The test vectors of one kind.
pub(crate) fn vectors(kind: &str) -> (Value, Vec<Value>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tandem-core/tests/data/tiktok-vectors.json");
    let all: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let of_kind = |v: &&Value| v["input"]["kind"] == kind;
    let chosen = all["vectors"].as_array().unwrap().iter().filter(of_kind).cloned().collect();
    (all["base_request"].clone(), chosen)
}

/// The body of a request as JSON.
pub(crate) fn body(request: &HttpRequest) -> Value {
    serde_json::from_slice(&request.body).unwrap()
}

/// Everything wrong with a body on its way to TikTok, by the codes of the vectors.
pub(crate) fn faults(body: &Value) -> BTreeSet<&'static str> {
    let mut faults = BTreeSet::new();
    if body.get("pixel_code").is_some() || body.get("timestamp").is_some() {
        faults.insert("v1_shape");
    }
    if body["event_source"] != "web" {
        faults.insert("event_source_invalid");
    }
    if body["event_source_id"].as_str().is_none_or(str::is_empty) {
        faults.insert("event_source_id_missing");
    }
    if body.get("partner_name").is_some() {
        faults.insert("partner_name");
    }
    let events = body["data"].as_array().map(Vec::as_slice).unwrap_or_default();
    if events.is_empty() {
        faults.insert("data_empty");
    }
    if events.len() > 1_000 {
        faults.insert("data_too_long");
    }
    for event in events {
        event_faults(event, &mut faults);
        user_faults(&event["user"], &mut faults);
        property_faults(&event["properties"], &mut faults);
    }
    if !hollow(body, "").is_empty() {
        faults.insert("empty_part");
    }
    faults
}

fn event_faults(event: &Value, faults: &mut BTreeSet<&'static str>) {
    match event["event"].as_str() {
        None => _ = faults.insert("event_name_field"),
        Some(name) => match names::resolve(name) {
            Err(error) => _ = faults.insert(error.code()),
            Ok(resolved) => faults.extend(resolved.finding.map(|f| match &*f.code {
                "legacy_event_name" => "legacy_event_name",
                "event_name_case" => "event_name_case",
                _ => "custom_event",
            })),
        },
    }
    match event.get("event_time") {
        None => _ = faults.insert("event_time_missing"),
        Some(Value::String(_)) => _ = faults.insert("event_time_string"),
        Some(time) => match time.as_i64() {
            None => _ = faults.insert("event_time_float"),
            Some(100_000_000_000..) => _ = faults.insert("event_time_ms"),
            Some(_) => {}
        },
    }
    match event.get("event_id") {
        Some(Value::String(id)) if !id.is_empty() => {}
        None | Some(Value::Null | Value::String(_)) => _ = faults.insert("event_id_missing"),
        Some(_) => _ = faults.insert("event_id_type"),
    }
    if event.get("test_event_code").is_some() {
        faults.insert("test_code_misplaced");
    }
    if event.get("user").is_none() {
        faults.insert("no_match_keys");
    }
}

fn user_faults(user: &Value, faults: &mut BTreeSet<&'static str>) {
    if user.get("phone_number").is_some() {
        faults.insert("phone_key_name");
    }
    for key in ["email", "phone", "external_id", "first_name", "last_name", "zip_code"] {
        let hashes = match &user[key] {
            Value::Null => vec![],
            Value::Array(all) => all.clone(),
            one => vec![one.clone()],
        };
        let hashed = |v: &Value| {
            v.as_str()
                .is_some_and(|s| s.len() == 64 && s.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))
        };
        if !hashes.iter().all(hashed) {
            faults.insert("pii_not_hashed");
        }
    }
}

fn property_faults(properties: &Value, faults: &mut BTreeSet<&'static str>) {
    match properties.get("value") {
        Some(Value::Number(n)) if n.as_f64().is_some_and(f64::is_sign_negative) => {
            faults.insert("value_negative");
        }
        Some(Value::String(text)) => {
            let code = text.parse::<tandem_core::Amount>().err().map_or("value_string", |e| e.code());
            faults.insert(code);
        }
        _ => {}
    }
    match properties["currency"].as_str().map(|c| (c, Currency::parse(c))) {
        Some((_, None)) => _ = faults.insert("currency_invalid"),
        Some((text, Some(currency))) if text != currency.code() => _ = faults.insert("currency_case"),
        Some((_, Some(currency))) if !tiktok::currency_sent(currency) => {
            faults.insert("currency_unsupported");
        }
        None if properties.get("value").is_some() => _ = faults.insert("currency_missing"),
        _ => {}
    }
    if properties["content_type"].as_str().is_some_and(|t| ContentType::parse(t).is_none()) {
        faults.insert("content_type_invalid");
    }
    match properties.get("contents").map(Value::as_array) {
        Some(None) => _ = faults.insert("contents_not_array"),
        Some(Some(items)) if items.iter().filter_map(|i| i.get("content_id")).any(|id| !id.is_string()) => {
            faults.insert("content_id_type");
        }
        _ => {}
    }
    let ids = properties.as_object().into_iter().flatten().filter(|(k, _)| k.ends_with("_id"));
    if ids.into_iter().any(|(_, v)| v.is_number()) {
        faults.insert("id_type");
    }
}

/// Where a JSON value holds `null`, a blank text, an empty list or an empty object.
pub(crate) fn hollow(value: &Value, path: &str) -> Vec<String> {
    match value {
        Value::Null => vec![path.to_owned()],
        Value::String(s) if s.trim().is_empty() => vec![path.to_owned()],
        Value::Array(a) if a.is_empty() => vec![path.to_owned()],
        Value::Object(o) if o.is_empty() => vec![path.to_owned()],
        Value::Array(a) => {
            a.iter().enumerate().flat_map(|(at, v)| hollow(v, &format!("{path}/{at}"))).collect()
        }
        Value::Object(o) => o.iter().flat_map(|(k, v)| hollow(v, &format!("{path}/{k}"))).collect(),
        _ => vec![],
    }
}

/// Applies the operations of RFC 6902 the vectors use.
pub(crate) fn patched(mut body: Value, patch: &Value) -> Value {
    for operation in patch.as_array().into_iter().flatten() {
        let path = operation["path"].as_str().unwrap();
        let (parent, key) = path.rsplit_once('/').unwrap();
        let value = operation.get("value").cloned();
        match body.pointer_mut(parent).unwrap() {
            Value::Object(map) => set(map, key, value),
            Value::Array(list) => match (key.parse::<usize>().unwrap(), value) {
                (at, Some(value)) if operation["op"] == "add" => list.insert(at, value),
                (at, Some(value)) => list[at] = value,
                (at, None) => _ = list.remove(at),
            },
            _ => panic!("{path} leads nowhere"),
        }
    }
    body
}

fn set(map: &mut Map<String, Value>, key: &str, value: Option<Value>) {
    match value {
        Some(value) => _ = map.insert(key.to_owned(), value),
        None => _ = map.remove(key),
    }
}
