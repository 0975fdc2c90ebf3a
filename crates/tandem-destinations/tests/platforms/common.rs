//! What more than one test needs.

use serde_json::{Value, json};
use tandem_core::consent::{Gate, Gates, OnUnknown};
use tandem_core::{Event, Site, door};
use tandem_destinations::{Destination, HttpRequest, PLATFORMS, Platform, platform};
use tandem_sources::Request;

/// A site on which whatever a platform asks for counts as granted.
pub(crate) fn site() -> Site {
    let gate = |p: &Platform| Gate::new(p.definition.name, p.definition.requires, OnUnknown::Grant);
    Site { id: "shop".into(), gates: Gates(PLATFORMS.iter().map(gate).collect()), ..Site::default() }
}

/// A platform with its placeholders and these settings besides.
pub(crate) fn set_up(name: &str, more: &Value) -> Box<dyn Destination> {
    let platform = platform(name).unwrap();
    let mut settings = (platform.placeholder)();
    settings.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    (platform.configure)(&settings).unwrap()
}

/// The event that one in our own form becomes at the door; what no source reads is put where it belongs.
pub(crate) fn admitted(event: &Value, now_s: i64) -> Result<Event, String> {
    let mut event = event.clone();
    let mut ids = Vec::new();
    if let Some(user) = event["user"].as_object_mut() {
        for (theirs, ours) in
            [("client_id", "ga_client_id"), ("session_id", "ga_session_id"), ("sc_click_id", "sccid")]
        {
            ids.extend(user.remove(theirs).map(|id| (ours, id.as_str().unwrap().to_owned())));
        }
    }
    let body = event.to_string();
    let (source, headers) = (tandem_sources::configure("events", None).unwrap(), http::HeaderMap::new());
    let request = Request { now_ms: now_s * 1_000, ..Request::new(&headers, body.as_bytes()) };
    let decoded = source.decode(&request, &site());
    let part = decoded.parts.into_iter().next().unwrap();
    let mut draft = part.map_err(|rejection| rejection.code.into_owned())?;
    for (name, id) in ids {
        *draft.identity.click_ids.slot(name).unwrap() = Some(id);
    }
    let event = door::admit(draft, &site(), now_s).map_err(|rejection| rejection.code.into_owned())?;
    Ok(event.0)
}

/// The body of a request as JSON.
pub(crate) fn body(request: &HttpRequest) -> Value {
    serde_json::from_slice(&request.body).unwrap()
}

/// Method, address, headers and body, as a person reads them.
pub(crate) fn shown(request: &HttpRequest) -> Value {
    json!({"method": request.method.as_str(), "url": request.url, "body": body(request)})
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
        Value::Object(o) => o.iter().flat_map(|(key, v)| hollow(v, &format!("{path}/{key}"))).collect(),
        _ => Vec::new(),
    }
}
