//! One event object → one draft.

use serde_json::{Map, Value};
use tandem_core::claim::OrderReport;
use tandem_core::consent::Policy;
use tandem_core::door::{Draft, Rejection};
use tandem_core::{Channel, Event, Finding, Page, names};

use super::aliases;
use super::body::Shape;
use super::entry::Entry;
use super::{NAME, person, sale};
use crate::values;

/// Reads one event.
///
/// # Errors
/// A [`Rejection`] whose `field` is a path inside the event.
pub(super) fn draft(map: Map<String, Value>, shape: &Shape, policy: &Policy) -> Result<Draft, Rejection> {
    reject_v1(&map)?;
    let mut entry = Entry::new(map);
    entry.findings.extend_from_slice(&shape.findings);
    let event_name = event_name(&mut entry, shape)?;
    let event_id = event_id(&mut entry)?;
    let event_time = event_time(&mut entry)?;
    let (identity, consent) = person::take(&mut entry, shape.tiktok, policy);
    let mut event = Event {
        source: NAME.to_owned(),
        channel: if shape.offline { Channel::Offline } else { channel(&mut entry) },
        event_name,
        page: page(&mut entry),
        session_id: entry.take_text(aliases::SESSION_ID),
        order_number: entry.take(aliases::ORDER_NUMBER).and_then(|found| values::id_text(&found.value)),
        parent_order_id: entry.take_text(aliases::PARENT_ORDER_ID),
        consent,
        limited_data_use: limited_data_use(&mut entry, shape),
        search_string: entry.take_text(aliases::SEARCH_STRING),
        description: entry.take_text(aliases::DESCRIPTION),
        ..Event::default()
    };
    sale::fill(&mut entry, &mut event);
    remark_test_code(&mut entry);
    (event.properties, event.findings) = entry.into_rest();
    let order = event.order_id.as_ref().filter(|_| is_purchase(&event.event_name)).map(|_| OrderReport::Sale);
    Ok(Draft { event, event_id, event_time, identity, order, place: String::new() })
}

/// TikTok's older shape puts user, page and click id under `context`; read as the newer one, they would be lost.
fn reject_v1(map: &Map<String, Value>) -> Result<(), Rejection> {
    let context = map.get("context").is_some_and(Value::is_object);
    if !context && !map.contains_key("pixel_code") {
        return Ok(());
    }
    let field = if context { "context" } else { "pixel_code" };
    let text = "this is the shape of TikTok's Events API 1.0 (pixel/track). Send the event/track shape: user, page \
                and properties beside event, event_id and event_time";
    Err(Rejection::new("v1_shape", text).on(field))
}

fn is_purchase(name: &str) -> bool {
    names::resolve(name.trim()).is_ok_and(|resolved| resolved.name == names::PURCHASE)
}

fn event_name(entry: &mut Entry, shape: &Shape) -> Result<String, Rejection> {
    let Some(found) = entry.take(aliases::EVENT_NAME) else { return Ok(String::new()) };
    let path = found.path();
    match found.value {
        Value::String(name) => {
            if shape.tiktok && found.alias.1 != "event" {
                let text = "TikTok's field is called event; renamed";
                entry.findings.push(Finding::info("event_name_field", text).on(path));
            }
            Ok(name)
        }
        _ => Err(Rejection::new("event_name_type", "the event's name is not text").on(path)),
    }
}

/// An id that is there but empty is not the same as none: the sender meant to send one, and the door refuses it.
fn event_id(entry: &mut Entry) -> Result<Option<String>, Rejection> {
    let there = entry.has(aliases::EVENT_ID);
    let Some(found) = entry.take(aliases::EVENT_ID) else { return Ok(there.then(String::new)) };
    let path = found.path();
    match found.value {
        Value::String(id) => Ok(Some(id)),
        Value::Number(ref number) if !number.is_f64() => {
            let text =
                "is a number; turned into text. TikTok refuses numbers here, and the pixel's id is text";
            entry.findings.push(Finding::info("event_id_type", text).on(path));
            Ok(Some(number.to_string()))
        }
        _ => {
            let text = "event_id is neither text nor a whole number; send the text the browser uses";
            Err(Rejection::new("event_id_type", text).on(path))
        }
    }
}

fn event_time(entry: &mut Entry) -> Result<Option<i64>, Rejection> {
    let Some(found) = entry.take(aliases::EVENT_TIME) else { return Ok(None) };
    let path = found.path();
    let invalid = || {
        let text = "event_time is not a time: send Unix seconds as a whole number";
        Rejection::new("event_time_invalid", text).on(path.clone())
    };
    let (seconds, finding) = match &found.value {
        Value::Number(number) => match number.as_i64() {
            Some(whole) => return Ok(Some(whole)),
            None => {
                let whole = whole_part(number.as_f64()).ok_or_else(invalid)?;
                let text = "is a fraction; cut to whole seconds";
                (whole, Finding::info("event_time_float", text))
            }
        },
        Value::String(text) => time_text(text).ok_or_else(invalid)?,
        _ => return Err(invalid()),
    };
    entry.findings.push(finding.on(path));
    Ok(Some(seconds))
}

/// The whole part of a number no larger than microseconds of this era.
fn whole_part(number: Option<f64>) -> Option<i64> {
    let number = number.filter(|n| n.is_finite() && n.abs() < 1e17)?;
    // In range, so the cast cannot saturate.
    #[expect(clippy::cast_possible_truncation)]
    Some(number.floor() as i64)
}

fn time_text(text: &str) -> Option<(i64, Finding)> {
    if let Ok(whole) = text.trim().parse::<i64>() {
        return Some((whole, Finding::info("event_time_string", "is text; read as a number")));
    }
    if let Ok(number) = text.trim().parse::<f64>() {
        let finding = Finding::info("event_time_string", "is text; read as a number and cut to a whole one");
        return Some((whole_part(Some(number))?, finding));
    }
    let (seconds, zoned) = values::moment(text)?;
    let finding = if zoned {
        Finding::info("event_time_string", "is ISO 8601 text; converted to Unix seconds")
    } else {
        let text = "is ISO 8601 text without a zone; read as UTC. Send Unix seconds";
        Finding::warning("event_time_string", text)
    };
    Some((seconds, finding))
}

fn channel(entry: &mut Entry) -> Channel {
    let Some(found) = entry.take(aliases::CHANNEL) else { return Channel::Server };
    match found.value.as_str().map(str::trim) {
        Some("browser") => Channel::Browser,
        Some("server") => Channel::Server,
        Some("offline") => Channel::Offline,
        _ => {
            let text = "is none of browser, server and offline; taken as server";
            entry.findings.push(Finding::info("channel_invalid", text).on(found.path()));
            Channel::Server
        }
    }
}

fn page(entry: &mut Entry) -> Page {
    Page {
        url: entry.take_text(aliases::PAGE_URL),
        referrer: entry.take_text(aliases::PAGE_REFERRER),
        title: entry.take_text(aliases::PAGE_TITLE),
    }
}

fn limited_data_use(entry: &mut Entry, shape: &Shape) -> bool {
    let asked = entry.take_truth(aliases::LIMITED_DATA_USE).unwrap_or_default();
    if asked && shape.offline {
        let text = "limited_data_use exists for web and app events only; left out";
        entry.findings.push(Finding::warning("ldu_not_applicable", text).on("limited_data_use"));
        return false;
    }
    asked
}

fn remark_test_code(entry: &mut Entry) {
    if let Some(found) = entry.take(aliases::TEST_CODE) {
        let text = "a test code inside the event does nothing, and the event counts as a live one; left out. \
                    Test codes are set on the destination";
        entry.findings.push(Finding::warning("test_code_misplaced", text).on(found.path()));
    }
}
