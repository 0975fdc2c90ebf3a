//! A request's events out of parameters, JSON or a form.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde_json::{Map, Value, json};
use tandem_core::door::Rejection;
use tandem_core::normalise::ga;
use tandem_core::{Page, Site};

use super::person;
use crate::envelope::Body;
use crate::tags::{self, Hit, MAX_VALUE, NOT_THE_HITS};
use crate::{Request, values};

/// Most parameters of an address or a form.
const MAX_PARAMETERS: usize = 500;

/// Names the event's name stands under, in this order.
const EVENT_NAME: &[&str] = &["event_name", "eventName", "event", "e_n"];

/// Names of the browser's own id.
const CLIENT_ID: &[&str] = &["client_id", "data_client_id", "_dcid"];

/// What describes the hit, the window or the tag, and is no property of the sale.
const NOT_PROPERTIES: &[&str] = &[
    "v",
    "e_n",
    "_dcid",
    "data_client_id",
    "data_tag",
    "tag_version",
    "unique_event_id",
    "protocol_version",
    "gtm_id",
    "dtcd",
    "dtdc",
    "richsstsse",
    "screen_width",
    "screen_height",
    "viewport_width",
    "viewport_height",
    "title",
    "referrer",
];

/// The events, and whether they came as a list.
pub(super) fn events(request: &Request<'_>) -> Result<(bool, Vec<Value>), Rejection> {
    let query = dotted(request.query);
    let around = with_payload(query);
    if request.method == "GET" || request.body.iter().all(u8::is_ascii_whitespace) {
        return Ok((false, vec![Value::Object(around)]));
    }
    let is_form =
        request.header("content-type").is_some_and(|t| t.starts_with("application/x-www-form-urlencoded"));
    let parsed = if is_form {
        Value::Object(dotted(&String::from_utf8_lossy(request.body)))
    } else {
        serde_json::from_slice(request.body).map_err(|error| {
            let text =
                format!("the body is not valid JSON, at line {}, byte {}", error.line(), error.column());
            Rejection::new("json_invalid", text)
        })?
    };
    match parsed {
        Value::Object(map) => Ok((false, vec![completed(map, &around)])),
        Value::Array(list) if list.is_empty() => {
            Err(Rejection::new("no_events", "there is no event in the request"))
        }
        Value::Array(list) => {
            let complete = |event| match event {
                Value::Object(map) => completed(map, &around),
                other => other,
            };
            Ok((true, list.into_iter().take(super::MAX_EVENTS + 1).map(complete).collect()))
        }
        _ => Err(Rejection::new("body_not_object", "the body is neither an object nor a list of objects")),
    }
}

/// The body counts before the address. A name of the event under one spelling is not joined by one under another.
fn completed(mut event: Map<String, Value>, around: &Map<String, Value>) -> Value {
    let is_named = EVENT_NAME.iter().any(|name| event.contains_key(*name));
    for (name, value) in around {
        if !(is_named && EVENT_NAME.contains(&name.as_str())) {
            event.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }
    Value::Object(event)
}

/// Parameters of an address or a form; `user_data.address.city` becomes objects in objects.
fn dotted(text: &str) -> Map<String, Value> {
    let mut map = Map::new();
    for (name, value) in url::form_urlencoded::parse(text.as_bytes()).take(MAX_PARAMETERS) {
        if value.len() <= 2 * MAX_VALUE {
            put(&mut map, &name, &value);
        }
    }
    map
}

fn put(map: &mut Map<String, Value>, name: &str, value: &str) {
    const DEEPEST: usize = 4;
    match name.split_once('.').filter(|_| name.matches('.').count() < DEEPEST) {
        Some((outer, inner)) if !outer.is_empty() => {
            let inside = map.entry(outer.to_owned()).or_insert_with(|| json!({}));
            if let Value::Object(inside) = inside {
                put(inside, inner, value);
            }
        }
        _ => {
            // Lists and objects cannot be flattened: they come as JSON.
            let parsed = value.trim_start().starts_with(['[', '{']).then(|| serde_json::from_str(value).ok());
            let value = parsed.flatten().unwrap_or_else(|| Value::from(value));
            map.entry(name.to_owned()).or_insert(value);
        }
    }
}

/// A GET may carry the event as JSON in one parameter: bare (`dtcd`) or in base64 (`dtdc`).
fn with_payload(mut query: Map<String, Value>) -> Map<String, Value> {
    let of_text = |text: &str| serde_json::from_str::<Map<String, Value>>(text).ok();
    let bare = match query.remove("dtcd") {
        Some(Value::Object(map)) => Some(map),
        Some(Value::String(text)) => of_text(&text),
        _ => None,
    };
    let coded = query.remove("dtdc").and_then(|value| {
        let text = value.as_str()?.replace(' ', "+");
        let bytes = STANDARD.decode(&text).or_else(|_| STANDARD_NO_PAD.decode(&text)).ok()?;
        of_text(&String::from_utf8_lossy(&bytes))
    });
    match bare.or(coded) {
        Some(payload) => match completed(payload, &query) {
            Value::Object(map) => map,
            _ => query,
        },
        None => query,
    }
}

fn text(map: &Map<String, Value>, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| map.get(*name).and_then(values::id_text))
}

/// When and as what the event was taken, for the answer: the tag's own words, where it sent them.
pub(super) fn receipt(event: &Map<String, Value>, request: &Request<'_>) -> (i64, String) {
    let now_s = request.now_ms.div_euclid(1_000);
    let timestamp = event.get("timestamp").and_then(Value::as_i64).unwrap_or(now_s);
    let plain = |id: &String| {
        id.len() <= 64 && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
    };
    (timestamp, text(event, &["unique_event_id"]).filter(plain).unwrap_or_default())
}

/// One event as all tags hand it on.
pub(super) fn hit(
    mut event: Map<String, Value>,
    place: String,
    request: &Request<'_>,
    site: &Site,
) -> Result<Hit, Rejection> {
    let Some(name) = text(&event, EVENT_NAME) else {
        let text = "the event has no name (event_name)";
        return Err(Rejection::new("event_name_missing", text).on("event_name").at(&place));
    };
    let client = text(&event, CLIENT_ID).or_else(|| {
        let cookies = request.cookie_pairs();
        cookies.into_iter().find(|(name, _)| name == "_dcid").map(|(_, value)| value)
    });
    let client = client.filter(|id| id.len() <= 200);
    // In a container beside gtag the tag often hands on gtag's client id.
    let of_gtag =
        |id: &String| id.split('.').count() == 2 && id.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let body = Body {
        visitor: client.as_deref().map(|id| tags::visitor_of(site, id)),
        page: Page {
            url: text(&event, &["page_location", "page_url", "url"]),
            referrer: text(&event, &["page_referrer", "referrer"]),
            title: text(&event, &["page_title", "title"]),
        },
        locale: text(&event, &["language"]).or_else(|| accepted_language(request)),
        ga: ga::Ids {
            client_id: client.clone().filter(of_gtag),
            session_id: text(&event, &["ga_session_id"]),
        },
        ..Body::default()
    };
    let consent = match event.remove("consent_state").or_else(|| event.remove("consent")) {
        Some(Value::Object(consent)) => consent,
        Some(word @ (Value::Bool(_) | Value::String(_))) => {
            Map::from_iter([("advertising".to_owned(), word)])
        }
        _ => Map::new(),
    };
    let user_data = person::take(&mut event);
    let seed = seed(&event, &name, client.as_deref(), request);
    event.retain(|name, _| {
        !EVENT_NAME.contains(&name.as_str())
            && !NOT_THE_HITS.contains(&name.as_str())
            && !NOT_PROPERTIES.contains(&name.as_str())
    });
    event.insert("event_name".to_owned(), name.into());
    for (field, value) in [
        ("page_location", &body.page.url),
        ("page_referrer", &body.page.referrer),
        ("page_title", &body.page.title),
    ] {
        event.extend(value.as_deref().map(|value| (field.to_owned(), value.into())));
    }
    if !user_data.is_empty() {
        event.insert("user_data".to_owned(), Value::Object(user_data));
    }
    Ok(Hit { place, fields: event, seed, consent, signal: "consent_state", body })
}

/// The tag numbers its hits; one without a number is told from another by its time.
fn seed(event: &Map<String, Value>, name: &str, client: Option<&str>, request: &Request<'_>) -> String {
    let client = client.unwrap_or_default();
    match text(event, &["unique_event_id"]) {
        Some(id) => format!("{client}\n{name}\n{id}"),
        None => format!("{client}\n{name}\n{}\n{}", request.now_ms, Value::Object(event.clone())),
    }
}

/// The browser's first language.
fn accepted_language(request: &Request<'_>) -> Option<String> {
    let first = request.header("accept-language")?.split([',', ';']).next()?.trim();
    (!first.is_empty() && first.len() <= 20 && first != "*").then(|| first.to_owned())
}
