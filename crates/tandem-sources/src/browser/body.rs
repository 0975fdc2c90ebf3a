//! The envelope and the events in it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use tandem_core::consent::{Consent, Evidence, Reading, tools};
use tandem_core::door::{Draft, Rejection};
use tandem_core::identity::RawIdentity;
use tandem_core::{Page, Site};

use super::{NAME, Settings};
use crate::consent::{Told, said};
use crate::envelope::{self, Body, Envelope};
use crate::{Decoded, Request, events, values};

/// Most events in one body.
pub const MAX_EVENTS: usize = 50;

/// Most lines and further properties of one event: anybody can send one, and each costs the log room.
const MAX_LINES: usize = 100;
const MAX_PROPERTIES: usize = 20;

/// A stored event is sent again for two days; older than this it is taken as of now.
const MAX_AGE_MS: i64 = 3 * 86_400_000;

/// Parts of an event that only the envelope or the connection may tell.
const NOT_THE_EVENTS: &[&str] = &[
    "user",
    "user_data",
    "cookies",
    "common_cookie",
    "click_ids",
    "consent",
    "consent_state",
    "channel",
    "session_id",
    "client_id",
    "ip",
    "user_agent",
];

/// The signal where a page only says a word.
const PAGE: &str = "page";

/// Reads a body.
///
/// # Errors
/// A [`Rejection`] of the whole body.
pub(super) fn decode(request: &Request<'_>, site: &Site, settings: &Settings) -> Result<Decoded, Rejection> {
    let mut map = object(request.body)?;
    let events = match map.remove("events") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(list)) => list,
        Some(_) => return Err(Rejection::new("body_not_object", "events is not a list").on("events")),
    };
    if events.len() > MAX_EVENTS {
        let text = "a body of the page's script holds at most 50 events";
        return Err(Rejection::new("too_many_events", text).on("events"));
    }
    let told = map.get("cookies").and_then(Value::as_object).into_iter().flatten();
    let given = envelope::given_cookies(request, told, &settings.cookie);
    let pairs: Vec<(&str, &str)> = given.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let earlier: Vec<Page> = events.iter().map(|event| page_of(event.get("page"))).collect();
    let body = read(&map, earlier, request, site);
    let envelope = Envelope::new(NAME, body, request, site, settings.keeping(), &pairs);
    let sent_at = map.get("sent_at").and_then(Value::as_i64);
    let parts = events.into_iter().enumerate().map(|(index, event)| {
        let place = format!("events[{index}]");
        draft(event, &envelope, sent_at, request, site)
            .map(|d| Draft { place: place.clone(), ..d })
            .map_err(|r| r.at(&place))
    });
    let parts = parts.collect();
    let cookies = envelope.cookies(request, settings.keeping(), &pairs);
    let visit = envelope.visit(RawIdentity::default(), request);
    Ok(Decoded { parts, cookies, visit, ..Decoded::default() })
}

fn object(body: &[u8]) -> Result<Map<String, Value>, Rejection> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err(Rejection::new("body_not_object", "the body is not a JSON object")),
        Err(error) => Err(Rejection::new(
            "json_invalid",
            format!("the body is not valid JSON, at line {}, byte {}", error.line(), error.column()),
        )),
    }
}

fn read(map: &Map<String, Value>, earlier: Vec<Page>, request: &Request<'_>, site: &Site) -> Body {
    let text = |name: &str| map.get(name).and_then(Value::as_str).filter(|t| !t.trim().is_empty());
    let user = |name: &str| match map.get("user").and_then(|u| u.get(name)) {
        Some(Value::Array(list)) => list.iter().take(5).cloned().collect(),
        Some(one @ Value::String(_)) => vec![one.clone()],
        _ => Vec::new(),
    };
    Body {
        visitor: text("visitor").and_then(values::visitor_id),
        page: page_of(map.get("page")),
        earlier,
        consent: consent_of(map, request, site),
        email: user("email"),
        phone: user("phone"),
        external_id: user("external_id"),
        locale: text("locale").map(str::to_owned),
        automated: map.get("automated").and_then(Value::as_bool).unwrap_or_default(),
        pixels: pixels(map.get("pixels")),
        ..Body::default()
    }
}

fn draft(
    event: Value,
    envelope: &Envelope,
    sent_at: Option<i64>,
    request: &Request<'_>,
    site: &Site,
) -> Result<Draft, Rejection> {
    let Value::Object(mut map) = event else {
        return Err(Rejection::new("event_not_object", "an event is a JSON object; this is something else"));
    };
    map.retain(|name, _| !NOT_THE_EVENTS.contains(&name.as_str()));
    bound(&mut map);
    let happened_ms = happened_ms(sent_at, map.remove("at").as_ref().and_then(Value::as_i64), request.now_ms);
    map.insert("event_time".into(), happened_ms.div_euclid(1_000).into());
    let draft = events::read(map, site)?;
    if draft.event_id.is_none() {
        let text = "the page's script gives every event an id, and this one has none";
        return Err(Rejection::new("event_id_missing", text).on("event_id"));
    }
    Ok(envelope.finish(draft, RawIdentity::default(), request))
}

pub(crate) fn bound(map: &mut Map<String, Value>) {
    for name in ["contents", "items", "content_ids"] {
        if let Some(Value::Array(lines)) = map.get_mut(name) {
            lines.truncate(MAX_LINES);
            lines.retain(|line| line.is_object() || line.is_string());
        }
    }
    if let Some(Value::Object(properties)) = map.get_mut("properties") {
        let mut left = MAX_PROPERTIES;
        properties.retain(|_, value| {
            let keeps = left > 0 && !value.is_array() && !value.is_object();
            left -= usize::from(keeps);
            keeps
        });
    }
    let mut left = 2 * MAX_PROPERTIES;
    map.retain(|_, _| {
        let keeps = left > 0;
        left -= usize::from(keeps);
        keeps
    });
}

fn page_of(value: Option<&Value>) -> Page {
    let text = |name: &str| value.and_then(|p| p.get(name)?.as_str()).map(str::to_owned);
    Page { url: text("url"), referrer: text("referrer"), title: text("title") }
}

/// What the script tells, and the same request's cookies: both are read, so that neither half trusts the other.
fn consent_of(map: &Map<String, Value>, request: &Request<'_>, site: &Site) -> Consent {
    let mut told = match map.get("consent") {
        None | Some(Value::Null) => Told::default(),
        Some(Value::Object(told)) => Told::read(told, |_, said| Evidence::new(PAGE, said)),
        Some(word) => Told::word(word, Evidence::new(PAGE, said(Some(word)))),
    };
    told.gpc = map.get("gpc").and_then(Value::as_bool).unwrap_or_default();
    let sent_at = map.get("sent_at").and_then(Value::as_i64);
    for word in &mut told.words {
        // Anybody can write a body: on record are the names of signals that we know.
        if !tools::is_signal(&word.evidence.signal) {
            word.evidence = Evidence { at_ms: word.evidence.at_ms, ..Evidence::new(PAGE, "") };
        }
        word.evidence.value =
            word.evidence.value.as_deref().map(only_words).filter(|value| !value.is_empty());
        let at = word.evidence.at_ms.take();
        word.evidence.at_ms = Some(said_ms(sent_at, at, request.now_ms));
    }
    envelope::consent(told, request, site)
}

/// Of what a page says a tool holds, the pairs that say yes or no: `marketing:true,method:explicit`.
fn only_words(value: &str) -> String {
    let plain = |id: &str| {
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b':' | b'$');
        (1..=40).contains(&id.len()) && id.bytes().all(is_plain) && !id.contains("E.C.P")
    };
    let says = |word: &str| matches!(word, "explicit" | "implied") || Reading::is_word(word);
    let pair = |part: &&str| part.rsplit_once([':', '=']).is_some_and(|(id, word)| plain(id) && says(word));
    value.split([',', ' ']).filter(pair).collect::<Vec<_>>().join(",")
}

/// When a word was said, however long ago: an old yes must not seem newer than a no.
fn said_ms(sent_at: Option<i64>, at: Option<i64>, now_ms: i64) -> i64 {
    let age_ms = sent_at.zip(at).map_or(0, |(sent, at)| sent.saturating_sub(at));
    now_ms.saturating_sub(age_ms.max(0)).max(0)
}

/// The page's clock may be wrong by years; how long ago it was, it knows well.
fn happened_ms(sent_at: Option<i64>, at: Option<i64>, now_ms: i64) -> i64 {
    let age_ms = sent_at.zip(at).and_then(|(sent, at)| sent.checked_sub(at)).unwrap_or(0);
    if (0..=MAX_AGE_MS).contains(&age_ms) { now_ms - age_ms } else { now_ms }
}

fn pixels(value: Option<&Value>) -> BTreeMap<String, String> {
    let states = ["loaded", "loading", "blocked"];
    let told = value.and_then(Value::as_object).into_iter().flatten();
    let plain = |name: &&String| name.len() <= 20 && name.bytes().all(|b| b.is_ascii_lowercase());
    told.take(10)
        .filter(|(name, _)| plain(name))
        .filter_map(|(name, state)| {
            Some((name.clone(), state.as_str().filter(|s| states.contains(s))?.to_owned()))
        })
        .collect()
}
