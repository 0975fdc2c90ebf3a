//! Reading and checking the body of a server request. The first failing event refuses all of it.

use std::borrow::Cow;

use serde::Deserialize;

use crate::{
    engine::{Arrival, Channel},
    keys::{KeySet, Oracle},
    options::Options,
    raw::{List, Object, Raw, Shape, Typed},
    tiktok::event::{PropertiesIn, UserIn, arrival, goods_of, keys_of},
};

/// Most events a request may carry.
pub const MAX_EVENTS: usize = 1000;

/// Why a request was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// TikTok's return code.
    pub(crate) code: u32,
    /// TikTok's words, or ours in its manner where none are known.
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn new(code: u32, message: impl Into<String>) -> Refusal {
        Refusal { code, message: message.into() }
    }

    pub(crate) fn parameter(message: impl Into<String>) -> Refusal {
        Refusal::new(40002, message)
    }

    fn missing(fields: &[&str]) -> Refusal {
        Refusal::parameter(format!("Missing required field(s): {}.", fields.join(", ")))
    }

    fn not_a_string(field: &str) -> Refusal {
        Refusal::parameter(format!("Invalid value for {field}: not a valid string."))
    }
}

/// An accepted request.
#[derive(Debug)]
pub(crate) struct Batch<'a> {
    pub(crate) pixel: Cow<'a, str>,
    pub(crate) test_event_code: Option<Cow<'a, str>>,
    pub(crate) events: Vec<Arrival<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RequestIn<'a> {
    #[serde(borrow)]
    event_source: Raw<'a>,
    #[serde(borrow)]
    event_source_id: Raw<'a>,
    #[serde(borrow)]
    test_event_code: Raw<'a>,
    #[serde(borrow)]
    partner_name: Raw<'a>,
    #[serde(borrow)]
    data: List<Object<EventIn<'a>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct EventIn<'a> {
    #[serde(borrow)]
    event: Raw<'a>,
    #[serde(borrow)]
    event_time: Raw<'a>,
    #[serde(borrow)]
    event_id: Raw<'a>,
    #[serde(borrow)]
    user: Object<UserIn<'a>>,
    #[serde(borrow)]
    properties: Object<PropertiesIn<'a>>,
}

/// Only the pixel of a body, for a fault plan that is bound to pixels.
pub(crate) fn pixel_of(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Peek {
        event_source_id: String,
    }
    serde_json::from_slice::<Peek>(body).ok().map(|peek| peek.event_source_id)
}

/// Checks a body that came with a good token.
pub(crate) fn read<'a>(
    body: &'a [u8],
    token: &str,
    options: &Options,
    oracle: &Oracle,
) -> Result<Batch<'a>, Refusal> {
    let text = std::str::from_utf8(body).map_err(|_| Refusal::parameter("Invalid JSON: not UTF-8."))?;
    let request: Object<RequestIn<'a>> =
        serde_json::from_str(text).map_err(|error| Refusal::parameter(format!("Invalid JSON: {error}.")))?;
    let Typed::Is(request) = request else {
        return Err(Refusal::parameter("Invalid JSON: the body is not an object."));
    };

    let missing: Vec<&str> = [
        ("event_source", request.event_source.is_absent()),
        ("event_source_id", request.event_source_id.is_absent()),
        ("data", matches!(request.data, Typed::Missing | Typed::Null)),
    ]
    .into_iter()
    .filter_map(|(name, absent)| absent.then_some(name))
    .collect();
    if !missing.is_empty() {
        return Err(Refusal::missing(&missing));
    }

    let source = request.event_source.string().unwrap_or_default();
    if !matches!(&*source, "web" | "app" | "offline" | "crm") {
        let text = format!("Invalid value for event_source: {source} is not a valid choice.");
        return Err(Refusal::parameter(text));
    }
    let pixel = request.event_source_id.string().ok_or_else(|| Refusal::not_a_string("event_source_id"))?;
    if pixel.is_empty() {
        return Err(Refusal::missing(&["event_source_id"]));
    }
    if !options.token_owns(token, &pixel) {
        let text = format!(
            "No permission to operate pixel code: {pixel}. You must be an admin or operator of this advertiser \
             account."
        );
        return Err(Refusal::new(40001, text));
    }
    partner(request.partner_name, options)?;

    let test_event_code = match request.test_event_code.shape() {
        Shape::Missing | Shape::Null => None,
        Shape::Text => request.test_event_code.filled(),
        _ => return Err(Refusal::not_a_string("test_event_code")),
    };
    let Typed::Is(data) = &request.data else {
        return Err(Refusal::parameter("Invalid value for data: not a valid list."));
    };
    match data.len() {
        0 => return Err(Refusal::parameter("Invalid value for data: shorter than minimum length 1.")),
        n if n > MAX_EVENTS => {
            let text = format!("Invalid value for data: longer than maximum length {MAX_EVENTS}, got {n}.");
            return Err(Refusal::new(options.too_many_code, text));
        }
        _ => {}
    }
    let events = data
        .iter()
        .enumerate()
        .map(|(index, event)| read_event(index, event, options, oracle))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Batch { pixel, test_event_code, events })
}

fn partner(name: Raw<'_>, options: &Options) -> Result<(), Refusal> {
    if name.is_absent() {
        return Ok(());
    }
    let given = name.string().ok_or_else(|| Refusal::not_a_string("partner_name"))?;
    match &options.partner_names {
        Some(known) if !known.iter().any(|k| *k == *given) => {
            let text = format!("Invalid value for partner_name: {given} is not a registered partner.");
            Err(Refusal::new(options.partner_code, text))
        }
        _ => Ok(()),
    }
}

fn read_event<'a>(
    index: usize,
    event: &Object<EventIn<'a>>,
    options: &Options,
    oracle: &Oracle,
) -> Result<Arrival<'a>, Refusal> {
    let Some(event) = event.get() else {
        return Err(Refusal::parameter(format!("Batch.{index}: Invalid input type")));
    };
    let missing: Vec<&str> = [
        ("event", event.event.shape() == Shape::Missing),
        ("event_time", event.event_time.shape() == Shape::Missing),
    ]
    .into_iter()
    .filter_map(|(name, absent)| absent.then_some(name))
    .collect();
    if !missing.is_empty() {
        return Err(Refusal::missing(&missing));
    }
    let name = event.event.string().ok_or_else(|| Refusal::not_a_string("event"))?;
    if name.is_empty() {
        return Err(Refusal::parameter("Invalid value for event: shorter than minimum length 1."));
    }
    let event_time: i64 = Some(event.event_time)
        .filter(|raw| raw.shape() == Shape::Number)
        .and_then(|raw| raw.source().parse().ok())
        .ok_or_else(|| Refusal::parameter("Invalid value for event_time: not a valid integer."))?;
    let event_id = match event.event_id.shape() {
        Shape::Missing => None,
        Shape::Text => event.event_id.filled(),
        _ => return Err(Refusal::not_a_string("event_id")),
    };
    if let Some(id) = event_id.as_deref().filter(|id| options.refuse_event_ids.iter().any(|r| r == id)) {
        return Err(Refusal::parameter(format!("Batch.{index}.event_id: Not a valid choice: {id}")));
    }
    if matches!(event.user, Typed::Wrong) {
        return Err(Refusal::parameter(format!("Batch.{index}.user: Invalid input type")));
    }
    let keys = event.user.get().map(|user| keys_of(user, oracle)).unwrap_or_default();
    if options.strict_pii {
        strict_pii(index, keys.unmatchable)?;
    }
    let goods = goods_of(index, &name, &event.properties, options)?;
    let ttp = event.user.get().and_then(|user| user.ttp.filled());
    let visitor = ttp.map(|ttp| ("ttp", ttp)).into_iter().collect();
    Ok(Arrival {
        event_time: Some(event_time),
        visitor,
        ..arrival(Channel::Server, name, event_id, keys, goods)
    })
}

fn strict_pii(index: usize, unmatchable: KeySet) -> Result<(), Refusal> {
    for (key, name) in
        [(KeySet::EMAIL, "email"), (KeySet::PHONE, "phone"), (KeySet::EXTERNAL_ID, "external_id")]
    {
        if unmatchable.meets(key) {
            return Err(Refusal::new(40062, format!("Batch.{index}.user.{name}: PII is not hashed")));
        }
    }
    Ok(())
}
