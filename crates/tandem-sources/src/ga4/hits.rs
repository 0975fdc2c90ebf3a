//! gtag's requests: parameters in the address, and one line of parameters for each event in the body. A line's value counts
//! before the address's.
//!
//! A line becomes an event in the model of server containers (`page_location`, `items`, `x-ga-…`), whose names the events
//! API knows already; [`hit`] leaves out of it what only the connection may tell.

use std::borrow::Cow;

use serde_json::{Map, Number, Value, json};
use tandem_core::consent::{Status, consent_mode};
use tandem_core::door::Rejection;
use tandem_core::normalise::ga;
use tandem_core::{Page, Site};

use super::{items, user_data};
use crate::Request;
use crate::envelope::Body;
use crate::tags::{self, Hit, MAX_VALUE, NOT_THE_HITS};

/// Most events of one request; gtag sends no more.
pub const MAX_EVENTS: usize = 20;

/// Most bytes of one line.
const MAX_LINE: usize = 64 * 1024;

/// Most parameters of one line.
const MAX_PARAMETERS: usize = 500;

/// Parameters of the hit and the page: their name in the model.
const NAMED: &[(&str, &str)] = &[
    ("cid", "client_id"),
    ("cu", "currency"),
    ("dl", "page_location"),
    ("dr", "page_referrer"),
    ("dt", "page_title"),
    ("sid", "ga_session_id"),
    ("sr", "screen_resolution"),
    ("uid", "user_id"),
    ("ul", "language"),
    ("cs", "campaign_source"),
    ("cm", "campaign_medium"),
    ("cn", "campaign_name"),
    ("cc", "campaign_content"),
    ("ck", "campaign_term"),
    ("ct", "campaign_term"),
    ("ci", "campaign_id"),
    ("v", "x-ga-protocol_version"),
    ("tid", "x-ga-measurement_id"),
    ("gtm", "x-ga-gtm_version"),
    ("_p", "x-ga-page_id"),
    ("_s", "x-ga-request_count"),
    ("tfd", "x-ga-tfd"),
    ("ur", "x-ga-ur"),
    ("gcs", "x-ga-gcs"),
    ("gcd", "x-ga-gcd"),
    ("npa", "x-ga-npa"),
    ("dma", "x-ga-dma"),
    ("dma_cps", "x-ga-dma_cps"),
    ("pscdl", "x-ga-pscdl"),
    ("ecid", "x-ga-ecid"),
    ("seg", "x-ga-mp2-seg"),
    ("us_privacy", "x-ga-us_privacy"),
    ("gdpr_consent", "x-ga-gdpr_consent"),
];

/// The same for numbers.
const NUMBERED: &[(&str, &str)] = &[("sct", "ga_session_number"), ("_et", "engagement_time_msec")];

/// What the browser says of itself.
const HINTS: &[(&str, &str)] = &[
    ("uaa", "architecture"),
    ("uab", "bitness"),
    ("uam", "model"),
    ("uamb", "mobile"),
    ("uap", "platform"),
    ("uapv", "platform_version"),
    ("uaw", "wow64"),
];

/// Marks of the hit, by their name behind the underscore.
const SYSTEM: &[&str] = &["_c", "_dbg", "_ee", "_fplc", "_fv", "_nsi", "_ss"];

/// Names that a parameter of the page's own cannot take.
const RESERVED: &[&str] = &[
    "client_hints",
    "client_id",
    "en",
    "engagement_time_msec",
    "event_name",
    "ga_session_id",
    "ga_session_number",
    "ip_override",
    "items",
    "contents",
    "content_ids",
    "page_location",
    "page_referrer",
    "page_title",
    "screen_resolution",
    "user_agent",
    "user_data",
    "user_data_errors",
];

type Parameters = Vec<(String, String)>;

/// A text as a JSON number; `None` when it is none, or not finite.
pub(super) fn number(text: &str) -> Option<Value> {
    if let Ok(number) = serde_json::from_str::<Number>(text) {
        return Some(Value::Number(number));
    }
    let plain = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'+' | b'-'));
    let number = text.parse::<f64>().ok().filter(|n| plain && n.is_finite())?;
    Number::from_f64(number).map(Value::Number)
}

/// The parameters, broken escapes and other encodings taken as they are.
fn parameters(text: &str) -> Parameters {
    let all = url::form_urlencoded::parse(text.as_bytes()).take(MAX_PARAMETERS);
    all.filter(|(_, value)| value.len() <= MAX_VALUE)
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect()
}

/// Whether the hit says that statistics were refused: then no cookie says who it is.
pub fn denies_analytics(request: &Request<'_>) -> bool {
    let text = |name| super::parameter(request.query, name);
    let of_gcd = text("gcd").and_then(|gcd| Some(consent_mode::gcd(&gcd)?.analytics_storage.effective()));
    let status =
        of_gcd.or_else(|| text("gcs").and_then(|gcs| Some(consent_mode::gcs(&gcs)?.analytics_storage)));
    status == Some(Status::Denied)
}

/// The events of a request in the common event model of server containers, in its order; a line that is none is rejected by
/// itself. `analytics_denied`: no cookie is read for the client id.
///
/// What the page told of the person is in there in the clear: nothing of it may be kept.
pub fn models(request: &Request<'_>, analytics_denied: bool) -> Vec<Result<Map<String, Value>, Rejection>> {
    let shared = parameters(request.query);
    let body: Cow<'_, str> = String::from_utf8_lossy(request.body);
    let lines: Vec<&str> = body.split(['\r', '\n']).filter(|line| !line.trim().is_empty()).collect();
    let cookies = if analytics_denied { Vec::new() } else { request.cookie_pairs() };
    if lines.is_empty() {
        return vec![model(&shared, &[], &cookies, request)];
    }
    let several = lines.len() > 1;
    let mut models = Vec::with_capacity(lines.len().min(MAX_EVENTS + 1));
    for (index, line) in lines.into_iter().enumerate() {
        let place = if several { format!("line {}", index + 1) } else { String::new() };
        if index == MAX_EVENTS {
            let text = "a request of gtag holds at most 20 events; the lines from here on were not taken";
            models.push(Err(Rejection::new("too_many_events", text).at(&place)));
            break;
        }
        let read = if line.len() > MAX_LINE {
            Err(Rejection::new("line_too_long", "one event of gtag's holds at most 64 KiB"))
        } else {
            model(&shared, &parameters(line), &cookies, request)
        };
        models.push(read.map_err(|rejection| rejection.at(&place)));
    }
    models
}

fn model(
    shared: &Parameters,
    own: &[(String, String)],
    cookies: &Parameters,
    request: &Request<'_>,
) -> Result<Map<String, Value>, Rejection> {
    let mut event = Map::new();
    let (mut system, mut server) = (Map::new(), Map::new());
    let (mut properties, mut hints, mut person) = (Map::new(), Map::new(), Map::new());
    let mut lines: Vec<(usize, Value)> = Vec::new();
    let redacts = shared.iter().chain(own).any(|(name, value)| name == "_uip" && value == "::");
    event.insert(
        "ip_override".into(),
        request.client_ip.filter(|_| !redacts).map_or(Value::Null, Value::from),
    );
    if let Some(agent) = request.text("user-agent") {
        event.insert("user_agent".into(), agent.into());
    }
    let is_own = |name: &str| own.iter().any(|(n, _)| n == name);
    let shared = shared.iter().filter(|(name, _)| !is_own(name));
    let mut parameters_of_page: Vec<(&str, Value)> = Vec::new();
    for (name, value) in shared.chain(own) {
        let text = || Value::from(value.as_str());
        if name == "en" {
            event.insert("event_name".into(), text());
        } else if let Some((_, known)) = NAMED.iter().find(|(n, _)| n == name) {
            event.insert((*known).to_owned(), text());
        } else if let Some((_, known)) = NUMBERED.iter().find(|(n, _)| n == name) {
            event.extend(number(value).map(|number| ((*known).to_owned(), number)));
        } else if let Some((_, known)) = HINTS.iter().find(|(n, _)| n == name) {
            hints.insert((*known).to_owned(), text());
        } else if name == "uafvl" {
            hints.insert("full_version_list".into(), brands(value));
        } else if let Some(flat) = name.strip_prefix("ep.user_data.") {
            user_data::unflatten(&mut person, flat, value);
        } else if let Some(own) = name.strip_prefix("ep.") {
            parameters_of_page.push((own, text()));
        } else if let Some(own) = name.strip_prefix("epn.") {
            parameters_of_page.extend(number(value).map(|number| (own, number)));
        } else if let Some(own) = name.strip_prefix("up.") {
            properties.insert(own.to_owned(), text());
        } else if let Some(own) = name.strip_prefix("upn.") {
            properties.extend(number(value).map(|number| (own.to_owned(), number)));
        } else if let Some(own) = name.strip_prefix("sst.") {
            server.insert(own.to_owned(), text());
        } else if SYSTEM.contains(&name.as_str()) {
            system.insert(name.trim_start_matches('_').to_owned(), text());
        } else if let Some(place) = items::place(name) {
            lines.extend(items::item(value).map(|item| (place, item)));
        } else if name == "em" {
            let hashed = user_data::hashed(value);
            person.extend(hashed.user_data);
            if !hashed.errors.is_empty() {
                event.insert("user_data_errors".into(), json!(hashed.errors));
            }
        }
    }
    if event.get("event_name").and_then(Value::as_str).is_none_or(|name| name.trim().is_empty()) {
        let text = "the event has no name (en); this line was not taken";
        return Err(Rejection::new("event_name_missing", text).on("en"));
    }
    for (name, value) in parameters_of_page {
        let lower = name.to_ascii_lowercase();
        let is_system = lower.starts_with("x-") || RESERVED.contains(&lower.as_str()) || name.is_empty();
        if !is_system && !event.contains_key(name) {
            event.insert(name.to_owned(), value);
        }
    }
    identify(&mut event, cookies);
    lines.sort_by_key(|(place, _)| *place);
    if !lines.is_empty() {
        event.insert("items".into(), lines.into_iter().map(|(_, item)| item).collect());
    }
    for (name, map) in [
        ("user_data", person),
        ("client_hints", hints),
        ("x-ga-mp2-user_properties", properties),
        ("x-ga-system_properties", system),
        ("x-sst-system_properties", server),
    ] {
        if !map.is_empty() {
            event.insert(name.to_owned(), Value::Object(map));
        }
    }
    Ok(event)
}

/// Client and session out of cookies: a server container's own client id counts before the page's, the page's before the
/// one in gtag's cookie.
fn identify(event: &mut Map<String, Value>, cookies: &Parameters) {
    let server_made = cookies.iter().filter(|(name, _)| name == "FPID");
    if let Some(id) = server_made.filter_map(|(_, value)| ga::server_client_id(value)).next()
        && let Some(own) = event.insert("client_id".into(), id.into())
    {
        event.insert("x-ga-js_client_id".into(), own);
    }
    if !event.contains_key("client_id") {
        let of_gtag = cookies.iter().filter(|(name, _)| name == "_ga");
        let id = of_gtag.filter_map(|(_, value)| ga::client_id(value)).next();
        event.extend(id.map(|(id, _)| ("client_id".to_owned(), id.into())));
    }
    if !event.contains_key("ga_session_id") {
        let stream = event.get("x-ga-measurement_id").and_then(Value::as_str).unwrap_or_default();
        let cookie = format!("_ga_{}", stream.trim_start_matches("G-"));
        let of_stream = cookies.iter().filter(|(name, _)| *name == cookie);
        if let Some(visit) = of_stream.filter_map(|(_, value)| ga::session(value)).next() {
            event.insert("ga_session_id".into(), visit.id.into());
            event.entry("ga_session_number").or_insert(visit.number.into());
        }
    }
}

/// `Chromium;137.0.7151.56|Not%2FA)Brand;24.0.0.0`, encoded once more by itself.
fn brands(text: &str) -> Value {
    let decode = |text: &str| {
        let plus = text.replace('+', "%2B");
        let mut decoded = url::form_urlencoded::parse(plus.as_bytes());
        decoded.next().map(|(name, _)| name.into_owned()).unwrap_or_default()
    };
    let brand = |part: &str| {
        let (brand, version) = part.split_once(';')?;
        Some(json!({ "brand": decode(brand), "version": decode(version) }))
    };
    text.split('|').filter_map(brand).collect()
}

/// An event of the model as all tags hand it on. `index`: its place in the request.
pub(super) fn hit(mut model: Map<String, Value>, index: usize, request: &Request<'_>, site: &Site) -> Hit {
    let text =
        |model: &Map<String, Value>, name: &str| model.get(name).and_then(Value::as_str).map(str::to_owned);
    let ga = ga::Ids { client_id: text(&model, "client_id"), session_id: text(&model, "ga_session_id") };
    let body = Body {
        visitor: ga.client_id.as_deref().map(|id| tags::visitor_of(site, id)),
        page: Page {
            url: text(&model, "page_location"),
            referrer: text(&model, "page_referrer"),
            title: text(&model, "page_title"),
        },
        locale: text(&model, "language").map(|language| locale(&language)),
        hides_address: request.client_ip.is_some() && model.get("ip_override") == Some(&Value::Null),
        ga,
        ..Body::default()
    };
    let consent = consent(&model);
    let seed = format!("{index}\n{}", seed(&model, request));
    model.retain(|name, _| name == "event_name" || !NOT_THE_HITS.contains(&name.as_str()));
    model.retain(|name, _| !matches!(name.as_str(), "client_hints" | "user_data_errors"));
    Hit { place: String::new(), fields: model, seed, consent, signal: "consent_mode", body }
}

/// `de-de` → `de-DE`, as the browser itself writes it.
fn locale(language: &str) -> String {
    match language.split_once('-') {
        Some((language, region)) if region.len() == 2 => {
            format!("{language}-{}", region.to_ascii_uppercase())
        }
        _ => language.to_owned(),
    }
}

/// What the hit says of consent, as JSON objects say it.
fn consent(model: &Map<String, Value>) -> Map<String, Value> {
    let mut consent = Map::new();
    for (name, signal) in [("x-ga-gcs", "gcs"), ("x-ga-gcd", "gcd"), ("x-ga-gdpr_consent", "tc_string")] {
        consent.extend(model.get(name).map(|value| (signal.to_owned(), value.clone())));
    }
    // The third sign of the IAB's US privacy string: the visitor has opted out of the sale of data.
    let opted_out = |text: &str| text.as_bytes().get(2).is_some_and(|sign| sign.eq_ignore_ascii_case(&b'Y'));
    if model.get("x-ga-us_privacy").and_then(Value::as_str).is_some_and(opted_out) {
        consent.insert("opt_out_of_sale".to_owned(), true.into());
    }
    consent
}

/// The same for the same hit sent again: the page load, the request's number in it, and the event's place in the request.
/// A hit that counts neither is told from another one by its time.
fn seed(model: &Map<String, Value>, request: &Request<'_>) -> String {
    let text = |name: &str| model.get(name).and_then(Value::as_str);
    let part = |name: &str| text(name).unwrap_or_default();
    let same =
        [part("x-ga-measurement_id"), part("client_id"), part("x-ga-page_id"), part("event_name")].join("\n");
    match (text("x-ga-page_id"), text("x-ga-request_count")) {
        (Some(_), Some(count)) => format!("{same}\n{count}"),
        (Some(_), None) => format!("{same}\n{}", Value::Object(model.clone())),
        _ => format!("{same}\n{}\n{}", request.now_ms, Value::Object(model.clone())),
    }
}
