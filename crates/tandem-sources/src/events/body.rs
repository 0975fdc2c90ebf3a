//! A request's body, split into entries: one event, a list, one a line, or TikTok's envelope.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::value::RawValue;
use serde_json::{Map, Value};
use tandem_core::Finding;
use tandem_core::door::Rejection;

/// Most events in one request; the same as TikTok's own limit.
pub const MAX_EVENTS: usize = 1_000;

/// A request with more entries than this is refused as a whole: an answer and a record for each of half a million
/// would cost far more than the request did.
pub(super) const MAX_ENTRIES: usize = 10 * MAX_EVENTS;

/// Deepest nesting in one event.
pub const MAX_DEPTH: usize = 32;

/// What holds for all events of a body.
#[derive(Default)]
pub(super) struct Shape {
    /// TikTok's envelope around the events.
    pub(super) tiktok: bool,
    /// The envelope says the events did not happen on the web.
    pub(super) offline: bool,
    /// Remarks on the envelope, which go on each event.
    pub(super) findings: Vec<Finding>,
}

/// Where an entry stands, for the `field` of rejections.
#[derive(Clone, Copy)]
pub(super) enum At {
    /// The body is the event.
    Whole,
    /// Of a list: the list's name (empty for the body itself) and the index.
    Index(&'static str, usize),
    /// Of a body with one event a line: the line, from 1.
    Line(usize),
}

impl At {
    /// E.g. `data[3]`, `line 7`; empty for the body itself.
    pub(super) fn place(self) -> String {
        match self {
            Self::Whole => String::new(),
            Self::Index(list, index) => format!("{list}[{index}]"),
            Self::Line(line) => format!("line {line}"),
        }
    }

    /// Prefixes a rejection's path with the place of the entry.
    pub(super) fn of(self, rejection: Rejection) -> Rejection {
        rejection.at(&self.place())
    }
}

/// An entry: JSON, or why there is none.
pub(super) type Part = (At, Result<Value, Rejection>);

/// Splits a body.
///
/// # Errors
/// A [`Rejection`] of the whole request.
pub(super) fn split(body: &[u8], is_lines: bool) -> Result<(Shape, Vec<Part>), Rejection> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii();
    if body.is_empty() {
        return Err(Rejection::new("body_empty", "the body is empty; send one event, a list, or one a line"));
    }
    let error = match serde_json::from_slice::<Value>(body) {
        Ok(Value::Array(list)) => return plain_list(list),
        Ok(Value::Object(map)) => return object(map),
        Ok(_) => {
            return Err(Rejection::new(
                "body_not_object",
                "the body is neither an object nor a list of objects",
            ));
        }
        Err(error) => error,
    };
    if is_lines || (body.starts_with(b"{") && looks_like_lines(body)) {
        return lines(body);
    }
    // One value that cannot be read (a lone surrogate, a number out of range) must not take the others down.
    recover(body).unwrap_or_else(|| Err(unreadable(body, &error)))
}

fn plain_list(list: Vec<Value>) -> Result<(Shape, Vec<Part>), Rejection> {
    counted(list.len())?;
    let parts =
        list.into_iter().enumerate().map(|(index, value)| (At::Index("", index), Ok(value))).collect();
    checked(Shape::default(), parts)
}

/// One answer and one record for each entry must not cost more than the request was worth.
fn counted(entries: usize) -> Result<(), Rejection> {
    if entries <= MAX_ENTRIES {
        return Ok(());
    }
    let text = "a request holds at most 1000 events; this one holds more than 10000, and none was taken";
    Err(Rejection::new("too_many_events", text))
}

fn checked(shape: Shape, parts: Vec<Part>) -> Result<(Shape, Vec<Part>), Rejection> {
    if parts.is_empty() {
        return Err(Rejection::new("no_events", "there is no event in the request"));
    }
    Ok((shape, parts))
}

fn object(mut map: Map<String, Value>) -> Result<(Shape, Vec<Part>), Rejection> {
    reject_other_shapes(|name| map.contains_key(name))?;
    let enveloped = map.contains_key("data")
        || (map.contains_key("event_source_id")
            && !map.contains_key("event")
            && !map.contains_key("event_name"));
    if !enveloped {
        return Ok((Shape::default(), vec![(At::Whole, Ok(Value::Object(map)))]));
    }
    let mut shape = envelope(&map)?;
    match map.remove("data") {
        Some(Value::Array(list)) => {
            counted(list.len())?;
            let parts =
                list.into_iter().enumerate().map(|(i, value)| (At::Index("data", i), Ok(value))).collect();
            checked(shape, parts)
        }
        Some(one @ Value::Object(_)) => {
            let text = "is one object; taken as an array of one";
            shape.findings.push(Finding::warning("data_not_array", text).on("data"));
            Ok((shape, vec![(At::Index("data", 0), Ok(one))]))
        }
        None | Some(Value::Null) => {
            Err(Rejection::new("no_events", "data is missing: it holds the events").on("data"))
        }
        Some(_) => Err(Rejection::new("data_not_array", "data is not an array of events").on("data")),
    }
}

/// Envelopes that we know and do not take; without this, they would read as one event without a name.
fn reject_other_shapes(has: impl Fn(&str) -> bool) -> Result<(), Rejection> {
    if has("batch") && has("pixel_code") {
        let text = "this is the shape of TikTok's Events API 1.0 (pixel/batch). Send the event/track shape: \
                    event_source, event_source_id and data";
        return Err(Rejection::new("v1_shape", text).on("batch"));
    }
    if has("event") || has("event_name") || has("data") {
        return Ok(());
    }
    match ["events", "batch"].into_iter().find(|name| has(name)) {
        Some(list) => {
            let text = "send the list of events itself as the body, without an object around it";
            Err(Rejection::new("unknown_envelope", text).on(list))
        }
        None => Ok(()),
    }
}

fn envelope(map: &Map<String, Value>) -> Result<Shape, Rejection> {
    let invalid = |text: &'static str| Err(Rejection::new("event_source_invalid", text).on("event_source"));
    let offline = match map.get("event_source").and_then(Value::as_str) {
        Some("web") => false,
        Some("offline" | "crm") => true,
        Some("app") => return invalid("app events are not supported yet; web, offline and crm are"),
        Some(_) => return invalid("event_source is not one of web, offline and crm"),
        None => return invalid("event_source is missing or not text: web, offline or crm"),
    };
    if map.get("event_source_id").and_then(crate::values::id_text).is_none() {
        let text = "event_source_id is missing: the pixel code, or the id of the event set";
        return Err(Rejection::new("event_source_id_missing", text).on("event_source_id"));
    }
    let mut findings = Vec::new();
    if map.contains_key("partner_name") {
        let text = "TikTok refuses names it did not assign; left out";
        findings.push(Finding::info("partner_name", text).on("partner_name"));
    }
    if map.get("test_event_code").is_some_and(|code| !crate::values::is_blank(code)) {
        let text =
            "the code is left out and the event counts as a live one: test codes are set on the destination";
        findings.push(Finding::info("test_code_in_production", text).on("test_event_code"));
    }
    Ok(Shape { tiktok: true, offline, findings })
}

/// Whether most lines look like objects of their own. In a spread-out object few do, since a comma follows.
fn looks_like_lines(body: &[u8]) -> bool {
    let (mut lines, mut objects) = (0_usize, 0_usize);
    for line in body.split(|b| *b == b'\n').map(<[u8]>::trim_ascii).filter(|l| !l.is_empty()) {
        lines += 1;
        objects += usize::from(line.starts_with(b"{") && line.ends_with(b"}"));
    }
    lines > 1 && objects * 2 > lines
}

fn lines(body: &[u8]) -> Result<(Shape, Vec<Part>), Rejection> {
    counted(body.iter().filter(|b| **b == b'\n').count())?;
    let lines = body.split(|b| *b == b'\n').enumerate().map(|(index, line)| (index + 1, line.trim_ascii()));
    let parts = lines.filter(|(_, line)| !line.is_empty()).map(|(number, line)| {
        let value = serde_json::from_slice(line).map_err(|error| unreadable(line, &error));
        (At::Line(number), value)
    });
    checked(Shape::default(), parts.collect())
}

/// Reads a list entry by entry, when reading it at once failed. `None` when it is no list, or not JSON at all.
fn recover(body: &[u8]) -> Option<Result<(Shape, Vec<Part>), Rejection>> {
    if body.starts_with(b"[") {
        let list: Vec<&RawValue> = serde_json::from_slice(body).ok()?;
        return Some(counted(list.len()).and_then(|()| checked(Shape::default(), raw_parts("", &list))));
    }
    let fields: BTreeMap<Cow<'_, str>, &RawValue> = serde_json::from_slice(body).ok()?;
    let list: Vec<&RawValue> = serde_json::from_str(fields.get("data")?.get()).ok()?;
    if let Err(rejection) = counted(list.len()) {
        return Some(Err(rejection));
    }
    let rest = fields.iter().filter(|(name, _)| *name != "data");
    let rest = rest.filter_map(|(name, raw)| Some((name.to_string(), serde_json::from_str(raw.get()).ok()?)));
    Some(envelope(&rest.collect()).and_then(|shape| checked(shape, raw_parts("data", &list))))
}

fn raw_parts(list: &'static str, raws: &[&RawValue]) -> Vec<Part> {
    let read =
        |raw: &RawValue| serde_json::from_str(raw.get()).map_err(|e| unreadable(raw.get().as_bytes(), &e));
    raws.iter().enumerate().map(|(index, raw)| (At::Index(list, index), read(raw))).collect()
}

/// Says why a text is not JSON. Position and kind only: the text itself may be personal.
fn unreadable(text: &[u8], error: &serde_json::Error) -> Rejection {
    if std::str::from_utf8(text).is_err() {
        return Rejection::new(
            "body_not_utf8",
            "the body is not UTF-8 text; is it compressed or in another encoding?",
        );
    }
    let message = error.to_string();
    if message.starts_with("recursion limit") {
        return too_deep();
    }
    let what = if error.is_eof() { "ends too early" } else { "is not valid JSON" };
    let place = match error.line() {
        1 => format!("byte {}", error.column()),
        line => format!("line {line}, byte {}", error.column()),
    };
    Rejection::new("json_invalid", format!("the text {what}, at {place}"))
}

fn too_deep() -> Rejection {
    Rejection::new("nested_too_deep", format!("objects and lists are nested more than {MAX_DEPTH} deep"))
}

/// The object an entry must be.
///
/// # Errors
/// A [`Rejection`] for anything else, and for one nested too deeply.
pub(super) fn entry(value: Value) -> Result<Map<String, Value>, Rejection> {
    let Value::Object(map) = value else {
        return Err(Rejection::new("event_not_object", "an event is a JSON object; this is something else"));
    };
    if map.values().any(|value| !is_shallow(value, MAX_DEPTH - 1)) {
        return Err(too_deep());
    }
    Ok(map)
}

fn is_shallow(value: &Value, left: usize) -> bool {
    match value {
        Value::Array(list) => left > 0 && list.iter().all(|value| is_shallow(value, left - 1)),
        Value::Object(map) => left > 0 && map.values().all(|value| is_shallow(value, left - 1)),
        _ => true,
    }
}
