//! The rules of the Measurement Protocol: what is wrong with a body, and what follows from it.
//!
//! Google documents the limits and the codes of its validation server, not what becomes of a body that breaks a limit.
//! Here a broken name or an old event loses the event; a limit is a flaw, and loses the event only under
//! `ENFORCE_RECOMMENDATIONS`.

use serde_json::{Map, Value, json};

use crate::ga4::{
    FUTURE, LONG_NAME, LONG_VALUE, MISSING_ITEM, MISSING_TRANSACTION_ID, MISSING_VALUE_OR_CURRENCY,
    NAME_GIVEN_TWICE, OUTSIDE_SESSION, PERSONAL_DATA, RESERVED_PARAMETER, TOO_MANY_PARAMETERS,
    UNHASHED_USER_DATA, WRONG_VALUE, names, personal, twice,
};

/// Most events of a request.
pub(crate) const MOST_EVENTS: usize = 25;
/// Bodies must be smaller.
pub(crate) const BODY_LIMIT: usize = 130 * 1024;
const MOST_PARAMETERS: usize = 25;
const MOST_ITEMS: usize = 200;
const OLDEST_S: i64 = 72 * 3600;
/// Clocks differ a little.
const AHEAD_S: i64 = 60;

/// What follows from a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// The event, or without an index the whole request, counts nowhere.
    Discard(&'static str),
    /// It counts, with a flaw.
    Flaw(u32),
}

#[derive(Clone, Debug)]
pub(crate) struct Problem {
    /// Event it concerns; nothing for the whole request.
    pub(crate) index: Option<usize>,
    pub(crate) path: String,
    text: String,
    code: &'static str,
    pub(crate) effect: Effect,
    /// Does the validation server tell of it?
    told: bool,
}

impl Problem {
    pub(crate) fn message(&self) -> Option<Value> {
        let Problem { path, text, code, .. } = self;
        self.told.then(|| json!({"fieldPath": path, "description": text, "validationCode": code}))
    }
}

#[derive(Default)]
struct Findings {
    list: Vec<Problem>,
    index: Option<usize>,
    strict: bool,
}

impl Findings {
    fn add(&mut self, path: impl Into<String>, text: &str, code: &'static str, effect: Effect) {
        let effect = match effect {
            Effect::Flaw(_) if self.strict => Effect::Discard("not_as_recommended"),
            effect => effect,
        };
        let (path, text) = (path.into(), text.to_owned());
        self.list.push(Problem { index: self.index, path, text, code, effect, told: true });
    }

    /// A flaw that the validation server is silent about.
    fn silent(&mut self, path: impl Into<String>, flaw: u32) {
        let (path, effect) = (path.into(), Effect::Flaw(flaw));
        self.list.push(Problem {
            index: self.index,
            path,
            text: String::new(),
            code: "",
            effect,
            told: false,
        });
    }
}

/// Everything that is wrong with a body.
pub(crate) fn problems(raw: &[u8], body: Option<&Value>, now_s: i64) -> Vec<Problem> {
    let mut found = Findings::default();
    if raw.len() >= BODY_LIMIT {
        found.add(
            "",
            "The body is not smaller than 130 kB.",
            "VALUE_OUT_OF_BOUNDS",
            Effect::Discard("body_too_large"),
        );
    }
    let Some(body) = body.and_then(Value::as_object) else {
        found.add("", "The body is no JSON object.", "VALUE_INVALID", Effect::Discard("malformed_json"));
        return found.list;
    };
    if body.get("client_id").and_then(Value::as_str).is_none_or(str::is_empty) {
        found.add(
            "client_id",
            "client_id is required.",
            "VALUE_REQUIRED",
            Effect::Discard("missing_client_id"),
        );
    }
    consent(body.get("consent"), &mut found);
    let Some(events) = body.get("events").and_then(Value::as_array).filter(|events| !events.is_empty())
    else {
        found.add(
            "events",
            "At least one event is required.",
            "VALUE_REQUIRED",
            Effect::Discard("no_events"),
        );
        return found.list;
    };
    if events.len() > MOST_EVENTS {
        let text = "A request may have at most 25 events.";
        found.add("events", text, "EXCEEDED_MAX_ENTITIES", Effect::Discard("too_many_events"));
    }
    found.strict = body.get("validation_behavior").and_then(Value::as_str) == Some("ENFORCE_RECOMMENDATIONS");
    for path in twice::names_given_twice(raw) {
        let text = "The name is given twice.";
        found.add(path, text, "NAME_DUPLICATED", Effect::Flaw(NAME_GIVEN_TWICE));
    }
    properties(body.get("user_properties"), &mut found);
    user_data(body.get("user_data"), &mut found);
    let mut places = Vec::new();
    for name in ["user_id", "user_properties", "client_id"] {
        body.get(name).inspect(|value| personal::places(name, value, &mut places));
    }
    places.drain(..).for_each(|path| found.silent(path, PERSONAL_DATA));
    let shared_time = body.get("timestamp_micros");
    for (index, each) in events.iter().enumerate() {
        found.index = Some(index);
        event(index, each, shared_time, now_s, &mut found);
    }
    found.list
}

fn consent(consent: Option<&Value>, found: &mut Findings) {
    for (name, value) in consent.and_then(Value::as_object).into_iter().flatten() {
        let known = matches!(name.as_str(), "ad_user_data" | "ad_personalization");
        if !known || !matches!(value.as_str(), Some("GRANTED" | "DENIED")) {
            let text = "Consent must be GRANTED or DENIED, for ad_user_data and ad_personalization.";
            found.add(format!("consent.{name}"), text, "VALUE_INVALID", Effect::Flaw(WRONG_VALUE));
        }
    }
}

fn properties(properties: Option<&Value>, found: &mut Findings) {
    let Some(properties) = properties.and_then(Value::as_object) else { return };
    if properties.len() > MOST_PARAMETERS {
        let text = "At most 25 user properties.";
        found.add("user_properties", text, "EXCEEDED_MAX_ENTITIES", Effect::Flaw(TOO_MANY_PARAMETERS));
    }
    for (name, value) in properties {
        let path = format!("user_properties.{name}");
        if names::is_reserved_property(name) {
            found.add(&*path, "The name is reserved.", "NAME_RESERVED", Effect::Flaw(RESERVED_PARAMETER));
        }
        if name.chars().count() > 24 || !names::is_well_formed(name) {
            let text = "A name has at most 24 letters, digits and underscores, a letter first.";
            found.add(&*path, text, "NAME_INVALID", Effect::Flaw(LONG_NAME));
        }
        let text = value.get("value").and_then(Value::as_str).unwrap_or_default();
        if text.chars().count() > 36 {
            found.add(path, "At most 36 characters.", "VALUE_OUT_OF_BOUNDS", Effect::Flaw(LONG_VALUE));
        }
    }
}

/// Fields of `user_data` that must be digests: `sha256_…`; and those that must not come in clear.
fn user_data(user: Option<&Value>, found: &mut Findings) {
    let Some(user) = user.and_then(Value::as_object) else { return };
    let addresses = user.get("address").map(|address| match address {
        Value::Array(list) => list.iter().filter_map(Value::as_object).collect(),
        other => other.as_object().into_iter().collect::<Vec<_>>(),
    });
    for fields in addresses.unwrap_or_default().into_iter().chain([user]) {
        for (name, value) in fields {
            let raw =
                matches!(&**name, "email_address" | "phone_number" | "first_name" | "last_name" | "street");
            let digests = super::texts(value);
            let wrong = name.starts_with("sha256_") && !digests.iter().all(|text| crate::keys::is_hash(text));
            if raw || wrong {
                found.silent(format!("user_data.{name}"), UNHASHED_USER_DATA);
            }
        }
    }
}

fn event(index: usize, event: &Value, shared_time: Option<&Value>, now_s: i64, found: &mut Findings) {
    let path = format!("events[{index}]");
    let Some(event) = event.as_object() else {
        found.add(path, "An event must be an object.", "VALUE_INVALID", Effect::Discard("not_an_object"));
        return;
    };
    let name = event.get("name").and_then(Value::as_str).unwrap_or_default();
    event_name(name, found);
    time(event.get("timestamp_micros").or(shared_time), now_s, found);
    let empty = Map::new();
    let params = match event.get("params") {
        None | Some(Value::Null) => &empty,
        Some(Value::Object(params)) => params,
        Some(_) => {
            let text = "params must be an object.";
            found.add(format!("{path}.params"), text, "VALUE_INVALID", Effect::Discard("malformed_params"));
            return;
        }
    };
    parameters(&format!("{path}.params"), params, found);
    money(&format!("{path}.params"), name, params, found);
    items(&format!("{path}.params.items"), name, params.get("items"), found);
    let in_session = params.contains_key("session_id") && params.contains_key("engagement_time_msec");
    if !in_session {
        found.silent(format!("{path}.params.session_id"), OUTSIDE_SESSION);
    }
    let mut places = Vec::new();
    params
        .iter()
        .for_each(|(name, value)| personal::places(&format!("{path}.params.{name}"), value, &mut places));
    places.into_iter().for_each(|place| found.silent(place, PERSONAL_DATA));
}

fn event_name(name: &str, found: &mut Findings) {
    if name.is_empty() {
        found.add("events", "An event needs a name.", "VALUE_REQUIRED", Effect::Discard("missing_name"));
    } else if names::is_reserved_event(name) {
        let code = if name.starts_with('_') { "NAME_INVALID" } else { "NAME_RESERVED" };
        found.add("events", "The name of the event is reserved.", code, Effect::Discard("reserved_name"));
    } else if !names::is_well_formed(name) || name.chars().count() > 40 {
        let text = "A name has at most 40 letters, digits and underscores, a letter first.";
        found.add("events", text, "NAME_INVALID", Effect::Discard("invalid_name"));
    }
}

fn time(micros: Option<&Value>, now_s: i64, found: &mut Findings) {
    let Some(micros) = micros.filter(|value| !value.is_null()) else { return };
    let Some(seconds) = super::micros(micros).map(|micros| micros.div_euclid(1_000_000)) else {
        let text = "timestamp_micros must be a Unix time in microseconds.";
        found.add("timestamp_micros", text, "VALUE_INVALID", Effect::Discard("malformed_time"));
        return;
    };
    if seconds < now_s - OLDEST_S {
        let text = "The event is older than 72 hours.";
        found.add("timestamp_micros", text, "VALUE_OUT_OF_BOUNDS", Effect::Discard("too_old"));
    } else if seconds > now_s + AHEAD_S {
        found.silent("timestamp_micros", FUTURE);
    }
}

fn parameters(path: &str, params: &Map<String, Value>, found: &mut Findings) {
    if params.keys().filter(|name| *name != "items").count() > MOST_PARAMETERS {
        found.add(path, "At most 25 parameters.", "EXCEEDED_MAX_ENTITIES", Effect::Flaw(TOO_MANY_PARAMETERS));
    }
    for (name, value) in params {
        let path = format!("{path}.{name}");
        if names::is_reserved_parameter(name) {
            found.add(&*path, "The name is reserved.", "NAME_RESERVED", Effect::Flaw(RESERVED_PARAMETER));
        } else if !names::is_well_formed(name) || name.chars().count() > 40 {
            let text = "A name has at most 40 letters, digits and underscores, a letter first.";
            found.add(&*path, text, "NAME_INVALID", Effect::Flaw(LONG_NAME));
        }
        if value.as_str().is_some_and(|text| text.chars().count() > names::longest_value(name)) {
            let text = "The value is longer than allowed.";
            found.add(&*path, text, "VALUE_OUT_OF_BOUNDS", Effect::Flaw(LONG_VALUE));
        }
        if name != "items" && (value.is_object() || value.is_array()) {
            found.add(
                path,
                "A value must be a text or a number.",
                "VALUE_INVALID",
                Effect::Flaw(WRONG_VALUE),
            );
        }
    }
}

fn money(path: &str, name: &str, params: &Map<String, Value>, found: &mut Findings) {
    let value = params.get("value").filter(|value| !value.is_null());
    let currency = params.get("currency").and_then(Value::as_str);
    if value.is_some_and(|value| !value.is_number()) {
        let text = "value must be a number.";
        found.add(format!("{path}.value"), text, "VALUE_INVALID", Effect::Flaw(WRONG_VALUE));
    }
    if value.is_some() && currency.is_none() {
        let text = "currency is required where there is a value.";
        let flaw = Effect::Flaw(MISSING_VALUE_OR_CURRENCY);
        found.add(format!("{path}.currency"), text, "VALUE_REQUIRED", flaw);
    }
    if currency.is_some_and(|code| !crate::money::is_code(code)) {
        let text = "currency must be a code of three upper-case letters.";
        found.add(format!("{path}.currency"), text, "VALUE_INVALID", Effect::Flaw(WRONG_VALUE));
    }
    if !matches!(name, "purchase" | "refund") {
        return;
    }
    if params.get("transaction_id").and_then(Value::as_str).is_none_or(str::is_empty) {
        let text = "transaction_id is required.";
        let flaw = Effect::Flaw(MISSING_TRANSACTION_ID);
        found.add(format!("{path}.transaction_id"), text, "VALUE_REQUIRED", flaw);
    }
    if value.is_none() {
        found.silent(format!("{path}.value"), MISSING_VALUE_OR_CURRENCY);
    }
}

fn items(path: &str, name: &str, items: Option<&Value>, found: &mut Findings) {
    let Some(items) = items.filter(|items| !items.is_null()) else {
        if matches!(name, "purchase" | "add_to_cart" | "begin_checkout" | "view_item") {
            found.silent(path, MISSING_ITEM);
        }
        return;
    };
    let Some(list) = items.as_array() else {
        found.add(path, "items must be a list.", "VALUE_INVALID", Effect::Flaw(WRONG_VALUE));
        return;
    };
    if list.len() > MOST_ITEMS {
        let flaw = Effect::Flaw(TOO_MANY_PARAMETERS);
        found.add(path, "At most 200 items.", "EXCEEDED_MAX_ENTITIES", flaw);
    }
    let named = |item: &Value| item.get("item_id").or(item.get("item_name")).is_some();
    if let Some(index) = list.iter().position(|item| !named(item)) {
        let text = "An item needs an item_id or an item_name.";
        found.add(format!("{path}[{index}]"), text, "VALUE_REQUIRED", Effect::Flaw(MISSING_ITEM));
    }
}
