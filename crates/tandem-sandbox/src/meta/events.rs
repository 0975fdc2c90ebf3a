//! The server half: `POST /v25.0/{pixel}/events`.

use http::{header, request::Parts};
use serde_json::{Map, Value};

use crate::{
    Platform, State,
    answer::Reply,
    call::{Api, Call, PlannedCode, bearer, filled, parameter},
    keys::Oracle,
    log::{self, RequestEntry},
    meta::{
        META,
        answer::{Refusal, receipt},
        schema::{self, Judge},
        user,
    },
};

const TOP: [&str; 8] = [
    "data",
    "access_token",
    "test_event_code",
    "partner_agent",
    "namespace_id",
    "upload_id",
    "upload_tag",
    "upload_source",
];
const EVENT: [&str; 13] = [
    "event_name",
    "event_time",
    "event_id",
    "action_source",
    "event_source_url",
    "referrer_url",
    "opt_out",
    "user_data",
    "custom_data",
    "data_processing_options",
    "data_processing_options_country",
    "data_processing_options_state",
    "original_event_data",
];

pub(crate) struct Events;

impl Api for Events {
    fn platform(&self) -> &'static Platform {
        &META
    }

    fn pixel(&self, call: &Call<'_>) -> Option<String> {
        place(call.parts).map(|(_, pixel)| pixel.to_owned())
    }

    fn token(&self, parts: &Parts, body: &[u8]) -> Option<String> {
        let in_body = || parse(parts, body).ok()?.get("access_token")?.as_str().and_then(filled);
        bearer(parts).or_else(|| parameter(parts, "access_token")).or_else(in_body)
    }

    fn process(&self, call: &Call<'_>, entry: &mut RequestEntry) -> Reply {
        let trace = entry.request_id.clone();
        accept(call, entry).map_or_else(|refusal| refusal.reply(&trace), |events| receipt(events, &trace))
    }

    fn refuse(&self, _: &Call<'_>, planned: PlannedCode, request_id: &str) -> Reply {
        Refusal::planned(planned.code, planned.subcode, planned.http).reply(request_id)
    }

    /// `A` and 22 characters, as Meta's traces look.
    fn request_id(&self, id: &str) -> String {
        format!("A{}", id.get(id.len().saturating_sub(22)..).unwrap_or(id))
    }

    fn notes(&self, body: &Value) -> Vec<String> {
        notes(body)
    }
}

/// Version and pixel of the address.
fn place(parts: &Parts) -> Option<(&str, &str)> {
    let mut segments = parts.uri.path().split('/').skip(1);
    Some((segments.next()?, segments.next()?))
}

/// JSON, or a form whose `data` is JSON text.
fn parse(parts: &Parts, body: &[u8]) -> Result<Value, Refusal> {
    let kind =
        parts.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.starts_with("application/x-www-form-urlencoded") && !body.trim_ascii_start().starts_with(b"{") {
        let fields = url::form_urlencoded::parse(body).map(|(name, text)| {
            let json = (name == "data").then(|| serde_json::from_str(&text).ok()).flatten();
            (name.into_owned(), json.unwrap_or_else(|| Value::String(text.into_owned())))
        });
        return Ok(Value::Object(fields.collect::<Map<_, _>>()));
    }
    match serde_json::from_slice(body) {
        Ok(body @ Value::Object(_)) => Ok(body),
        Ok(_) => Err(Refusal::parameter("the body must be a JSON object")),
        Err(error) => Err(Refusal::parameter(format!("the body is no JSON: {error}"))),
    }
}

/// Checks and remembers a request; gives the number of its events.
fn accept(call: &Call<'_>, entry: &mut RequestEntry) -> Result<usize, Refusal> {
    let now_ms = call.sandbox.now_ms();
    let (version, pixel) = place(call.parts).unwrap_or_default();
    if !is_version(version) {
        return Err(Refusal::new(2500, format!("Unknown path components: /{version}")));
    }
    let token = call.token.ok_or_else(|| Refusal::new(200, "(#200) Provide valid app ID"))?;
    let rules = {
        let State { rules, memory } = &mut *call.sandbox.state();
        let options = &rules.options.meta;
        check_token(options, token)?;
        let rate = options.rate_per_s;
        if rate.is_some_and(|rate| !memory.part(&META).tokens.take(token, rate, now_ms)) {
            return Err(Refusal::planned(4, None, None));
        }
        rules.clone()
    };
    let options = &rules.options.meta;
    let is_number = pixel.bytes().all(|b| b.is_ascii_digit()) && !pixel.is_empty();
    if !is_number || !(options.pixels.is_empty() || options.pixels.iter().any(|known| known == pixel)) {
        return Err(Refusal::no_object(pixel));
    }
    if options.forbidden_pixels.iter().any(|forbidden| forbidden == pixel) {
        return Err(Refusal::planned(200, None, None));
    }
    let body = parse(call.parts, call.body)?;
    let spoiled = Oracle::new(&rules.options.people, user::spoiled);
    let judge =
        Judge { options, oracle: rules.oracle(&META), spoiled: &spoiled, now_s: now_ms.div_euclid(1000) };
    let events = schema::read(&body, &judge)?;
    entry.pixel = Some(pixel.to_owned());
    entry.events = events.len();

    let State { memory, .. } = &mut *call.sandbox.state();
    let part = memory.part(&META);
    if let Some(code) = body.get("test_event_code").and_then(Value::as_str).filter(|code| !code.is_empty()) {
        entry.test = true;
        part.keep_tests(code, pixel, &events, now_ms, rules.options.test_events);
        return Ok(events.len());
    }
    part.record(&META.dedup(&rules.options), pixel, &events, now_ms);
    Ok(events.len())
}

fn is_version(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.strip_prefix('v').and_then(|text| text.split_once('.')).is_some_and(|(a, b)| digits(a) && digits(b))
}

fn check_token(options: &crate::MetaOptions, token: &str) -> Result<(), Refusal> {
    let listed = |tokens: &[String]| tokens.iter().any(|known| known == token);
    let refuse = |subcode, why| {
        let text = format!("Error validating access token: {why}");
        Err(Refusal::new(190, text).with_subcode(subcode).with_http(options.token_status))
    };
    if listed(&options.revoked_tokens) {
        return refuse(460, "the session is no longer valid.");
    }
    if listed(&options.expired_tokens) {
        return refuse(463, "the session has expired.");
    }
    if !options.tokens.is_empty() && !listed(&options.tokens) {
        return Err(Refusal::new(190, "Invalid OAuth access token - Cannot parse access token"));
    }
    Ok(())
}

/// Remarks about a body: fields the API ignores and well-known mistakes.
fn notes(body: &Value) -> Vec<String> {
    let mut notes = Vec::new();
    let Some(top) = body.as_object() else { return notes };
    notes.extend(log::unknown("", top, &TOP, |_| ""));
    let events = top.get("data").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for (index, event) in events.iter().enumerate() {
        let Some(event) = event.as_object() else { continue };
        notes.extend(log::unknown(&format!("data.{index}."), event, &EVENT, |name| match name {
            "event" => " (the field is called event_name)",
            "test_event_code" => " (it belongs to the top level: this event is live)",
            "value" | "currency" | "contents" => " (it belongs into custom_data)",
            _ => "",
        }));
        if let Some(user) = event.get("user_data").and_then(Value::as_object) {
            let prefix = format!("data.{index}.user_data.");
            notes.extend(log::unknown(&prefix, user, &user::names(), |name| match name {
                "email" => " (the field is called em)",
                "phone" => " (the field is called ph)",
                _ => "",
            }));
        }
        if notes.len() >= 20 {
            break;
        }
    }
    notes
}
