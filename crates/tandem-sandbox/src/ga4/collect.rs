//! The server half: `POST /mp/collect`, which accepts everything, and `/debug/mp/collect`, which says what is wrong.

use std::borrow::Cow;

use http::{StatusCode, request::Parts};
use serde_json::{Map, Value, json};

use crate::{
    Ga4Options, Platform,
    answer::{self, JSON, Reply},
    call::{Api, Call, PlannedCode, parameter},
    engine::{Arrival, Channel, Flaws},
    ga4::{
        GA4, micros, texts,
        validate::{self, Effect, Problem},
    },
    keys::{KeySet, Oracle, is_hash},
    log::{self, RequestEntry},
    money,
};

const TOP: [&str; 14] = [
    "client_id",
    "user_id",
    "timestamp_micros",
    "user_properties",
    "user_data",
    "consent",
    "non_personalized_ads",
    "user_location",
    "ip_override",
    "device",
    "user_agent",
    "validation_behavior",
    "events",
    "app_instance_id",
];
/// Names kept for events that are no events.
const NO_NAME: &str = "–";

pub(crate) struct Collect;

impl Api for Collect {
    fn platform(&self) -> &'static Platform {
        &GA4
    }

    fn pixel(&self, call: &Call<'_>) -> Option<String> {
        parameter(call.parts, "measurement_id")
    }

    fn token(&self, parts: &Parts, _body: &[u8]) -> Option<String> {
        parameter(parts, "api_secret")
    }

    fn process(&self, call: &Call<'_>, entry: &mut RequestEntry) -> Reply {
        let body: Option<Value> = serde_json::from_slice(call.body).ok();
        let problems = validate::problems(call.body, body.as_ref(), call.sandbox.now_ms().div_euclid(1000));
        if call.parts.uri.path().starts_with("/debug/") {
            return explain(&problems, call, entry);
        }
        accept(call, entry, body.as_ref(), &problems);
        let status = answer::status(call.sandbox.state().rules.options.ga4.status);
        Reply::bare(status)
    }

    /// No code exists here; the plan refuses to play one.
    fn refuse(&self, _: &Call<'_>, planned: PlannedCode, _: &str) -> Reply {
        Reply::bare(answer::status(planned.http.unwrap_or(500)))
    }

    fn notes(&self, body: &Value) -> Vec<String> {
        let Some(top) = body.as_object() else { return Vec::new() };
        log::unknown("", top, &TOP, |name| match name {
            "clientId" => " (the field is called client_id)",
            _ => "",
        })
    }
}

/// The answer of the validation server; nothing is recorded, neither id nor secret is looked at.
fn explain(problems: &[Problem], call: &Call<'_>, entry: &mut RequestEntry) -> Reply {
    entry.pixel = Some(parameter(call.parts, "measurement_id").unwrap_or_default());
    entry.notes.push("validated only, counted nowhere".into());
    let messages: Vec<Value> = problems.iter().filter_map(Problem::message).collect();
    let text = json!({ "validationMessages": messages }).to_string();
    Reply { status: StatusCode::OK, code: None, message: String::new(), content_type: JSON, text }
}

/// Why everything of a request is discarded, whatever it holds.
fn stranger(
    options: &Ga4Options,
    measurement_id: Option<&str>,
    secret: Option<&str>,
) -> Option<&'static str> {
    match (measurement_id, secret) {
        (None, _) => Some("missing_measurement_id"),
        (Some(id), _) if !options.knows(id) => Some("unknown_measurement_id"),
        (_, None) => Some("missing_api_secret"),
        (_, Some(secret)) if !options.secret_is_good(secret) => Some("wrong_api_secret"),
        _ => None,
    }
}

fn accept(call: &Call<'_>, entry: &mut RequestEntry, body: Option<&Value>, problems: &[Problem]) {
    let now_ms = call.sandbox.now_ms();
    let rules = call.sandbox.state().rules.clone();
    let measurement_id = parameter(call.parts, "measurement_id");
    let options = &rules.options.ga4;
    let property = options.property(measurement_id.as_deref().unwrap_or(NO_NAME)).to_owned();
    let whole = stranger(options, measurement_id.as_deref(), call.token).or_else(|| {
        problems.iter().find_map(|problem| match problem {
            Problem { index: None, effect: Effect::Discard(why), .. } => Some(*why),
            _ => None,
        })
    });
    let none = Vec::new();
    let events = body.and_then(|body| body.get("events")).and_then(Value::as_array).unwrap_or(&none);
    let mut state = call.sandbox.state();
    let part = state.memory.part(&GA4);
    let mut kept = Vec::new();
    for (index, event) in events.iter().enumerate() {
        let name = event.get("name").and_then(Value::as_str).unwrap_or(NO_NAME);
        match whole.or_else(|| lost(index, problems)) {
            Some(why) => {
                part.discard(&property, name, why);
                entry.notes.push(format!("discarded {name}: {why}"));
            }
            None => kept.extend(arrival(body, event, flaws(index, problems), rules.oracle(&GA4))),
        }
    }
    if let Some(why) = whole.filter(|_| events.is_empty()) {
        part.discard(&property, NO_NAME, why);
        entry.notes.push(format!("discarded: {why}"));
    }
    entry
        .notes
        .extend(problems.iter().filter(|problem| matches!(problem.effect, Effect::Flaw(_))).map(remark));
    entry.notes.truncate(30);
    entry.events = events.len();
    entry.discarded = (events.len() - kept.len()).max(usize::from(whole.is_some()));
    part.record(&GA4.dedup(&rules.options), &property, &kept, now_ms);
    entry.pixel = Some(property);
}

fn remark(problem: &Problem) -> String {
    let Effect::Flaw(flaw) = problem.effect else { return problem.path.clone() };
    let name = GA4.flaws.get(flaw.trailing_zeros() as usize).copied().unwrap_or_default();
    format!("{}: {name}", problem.path)
}

fn lost(index: usize, problems: &[Problem]) -> Option<&'static str> {
    problems.iter().find_map(|problem| match problem.effect {
        Effect::Discard(why) if problem.index == Some(index) => Some(why),
        _ => None,
    })
}

/// Flaws of an event, those of the whole request included.
fn flaws(index: usize, problems: &[Problem]) -> Flaws {
    let mut flaws = Flaws::default();
    for problem in problems.iter().filter(|problem| problem.index.is_none_or(|i| i == index)) {
        if let Effect::Flaw(flaw) = problem.effect {
            flaws.note(flaw, true);
        }
    }
    flaws
}

fn arrival<'a>(
    body: Option<&'a Value>,
    event: &'a Value,
    flaws: Flaws,
    oracle: &Oracle,
) -> Option<Arrival<'a>> {
    let (body, name) = (body?.as_object()?, event.get("name")?.as_str()?);
    let empty = Map::new();
    let params = event.get("params").and_then(Value::as_object).unwrap_or(&empty);
    let text = |name: &str| params.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let transaction = text("transaction_id").map(|text| Cow::Owned(text.to_owned()));
    let mut arrival = Arrival::new(Channel::Server, name, None);
    arrival.event_id = transaction.clone().filter(|_| name == "purchase");
    arrival.order_id = transaction;
    arrival.value = match params.get("value") {
        Some(Value::Number(number)) => money::decimal(&number.to_string()),
        Some(Value::String(text)) => money::decimal(text),
        _ => None,
    };
    arrival.currency = text("currency").map(|code| Cow::Owned(code.to_ascii_uppercase()));
    arrival.page_url = text("page_location").map(|url| Cow::Owned(url.to_owned()));
    let time = event.get("timestamp_micros").or(body.get("timestamp_micros"));
    arrival.event_time = time.and_then(micros).map(|micros| micros.div_euclid(1_000_000));
    arrival.flaws = flaws;
    keys(body, params, oracle, &mut arrival);
    Some(arrival)
}

fn keys(body: &Map<String, Value>, params: &Map<String, Value>, oracle: &Oracle, arrival: &mut Arrival<'_>) {
    let nothing = Value::Null;
    let user = body.get("user_data").unwrap_or(&nothing);
    let address = user.get("address").unwrap_or(&nothing);
    let address = address.as_array().and_then(|list| list.first()).unwrap_or(address);
    let fields = [
        ("client_id", body.get("client_id"), false),
        ("user_id", body.get("user_id"), false),
        ("ip", body.get("ip_override"), false),
        ("user_agent", body.get("user_agent"), false),
        ("session_id", params.get("session_id"), false),
        ("email", user.get("sha256_email_address"), true),
        ("phone", user.get("sha256_phone_number"), true),
        ("first_name", address.get("sha256_first_name"), true),
        ("last_name", address.get("sha256_last_name"), true),
        ("street", address.get("sha256_street"), true),
        ("city", address.get("city"), false),
        ("state", address.get("region"), false),
        ("zip_code", address.get("postal_code"), false),
        ("country", address.get("country"), false),
    ];
    for (name, value, hashed) in fields {
        let (key, values) = (KeySet::named(name), value.map(texts).unwrap_or_default());
        if values.iter().all(String::is_empty) {
            continue;
        }
        arrival.keys = arrival.keys.with(key);
        if hashed && !values.iter().any(|text| is_hash(text)) {
            arrival.unmatchable = arrival.unmatchable.with(key);
        }
        if values.iter().any(|text| oracle.matches(key, text)) {
            arrival.matched = arrival.matched.with(key);
        }
    }
}
