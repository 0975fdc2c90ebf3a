//! Reading and checking the body of a server request. One bad event sinks all of it.

use std::borrow::Cow;

use rust_decimal::Decimal;
use serde_json::{Map, Value};

use crate::{
    engine::{Arrival, Channel},
    keys::Oracle,
    meta::{
        INCOMPLETE_WEBSITE_EVENT, LDU_WITHOUT_ADDRESS, MISSING_CONTENT_ID, MISSING_VALUE_OR_CURRENCY,
        MetaOptions, VALUE_AS_TEXT, WITHOUT_EVENT_ID,
        answer::{NOT_HASHED, Refusal, TOO_FEW_KEYS, TOO_OLD},
        user,
        vocabulary::{ACTION_SOURCES, wants_products},
    },
    money,
};

/// Most events a request may carry.
pub(crate) const MAX_EVENTS: usize = 1000;
const DAY_S: i64 = 86_400;

/// What the checks need to know.
pub(crate) struct Judge<'j> {
    pub(crate) options: &'j MetaOptions,
    pub(crate) oracle: &'j Oracle,
    pub(crate) spoiled: &'j Oracle,
    pub(crate) now_s: i64,
}

/// Checks the events of a body; `test` is the code for the Test Events tab.
pub(crate) fn read<'a>(body: &'a Value, judge: &Judge<'_>) -> Result<Vec<Arrival<'a>>, Refusal> {
    let Some(data) = body.get("data").filter(|data| !data.is_null()) else {
        return Err(Refusal::parameter("The parameter data is required"));
    };
    let Some(data) = data.as_array() else {
        return Err(Refusal::parameter("param data must be an array."));
    };
    match data.len() {
        0 => Err(Refusal::parameter("param data must be non-empty.")),
        n if n > MAX_EVENTS => {
            Err(Refusal::parameter(format!("param data has too many elements: {n}, at most {MAX_EVENTS}.")))
        }
        _ => data.iter().enumerate().map(|(index, event)| judge.event(index, event)).collect(),
    }
}

impl Judge<'_> {
    fn event<'a>(&self, index: usize, event: &'a Value) -> Result<Arrival<'a>, Refusal> {
        let faulty = |text: &str| Refusal::faulty(index, text);
        let event = event
            .as_object()
            .ok_or_else(|| Refusal::parameter(format!("param data[{index}] must be an object.")))?;
        let name = required_text(event, "event_name").map_err(|text| faulty(&text))?;
        let action_source = required_text(event, "action_source").map_err(|text| faulty(&text))?;
        if !ACTION_SOURCES.contains(&action_source) {
            return Err(faulty("action_source is none of the known ones"));
        }
        let event_time = self.time(index, event, action_source)?;
        let event_id = id(event.get("event_id")).map_err(|()| faulty("event_id must be a string"))?;
        if event_id.as_deref().is_some_and(|id| self.options.refuse_event_ids.iter().any(|r| r == id)) {
            return Err(faulty("refused by the options of the stand-in"));
        }
        if event.get("opt_out").is_some_and(|value| !value.is_boolean()) {
            return Err(faulty("opt_out must be a boolean"));
        }
        let keys = self.keys(index, event)?;
        let mut arrival = Arrival::new(Channel::Server, name, None);
        arrival.flaws = keys.flaws;
        self.website(index, event, action_source, &mut arrival)?;
        limits(event, &mut arrival).map_err(faulty)?;
        goods(event.get("custom_data"), name, &mut arrival).map_err(faulty)?;
        arrival.flaws.note(WITHOUT_EVENT_ID, event_id.is_none());
        let visitor = [("fbp", keys.fbp), ("external_id", keys.external_id)];
        arrival.visitor = visitor.into_iter().filter_map(|(rule, id)| Some((rule, id?.into()))).collect();
        Ok(Arrival {
            event_id,
            event_time: Some(event_time),
            page_url: text(event, "event_source_url").map(Cow::Borrowed),
            keys: keys.present,
            unmatchable: keys.unmatchable,
            matched: keys.matched,
            ..arrival
        })
    }

    fn time(&self, index: usize, event: &Map<String, Value>, action_source: &str) -> Result<i64, Refusal> {
        let faulty = |text: &str| Refusal::faulty(index, text);
        let value = event.get("event_time").filter(|value| !value.is_null());
        let value = value.ok_or_else(|| faulty("event_time is missing"))?;
        let seconds = value.as_i64().or_else(|| value.as_str()?.parse().ok());
        let seconds = seconds.ok_or_else(|| faulty("event_time must be a Unix time in seconds"))?;
        let most_days = if action_source == "physical_store" { 62 } else { 7 };
        if seconds < self.now_s - most_days * DAY_S {
            let text = format!("the event is older than {most_days} days");
            return Err(Refusal::event(TOO_OLD, "Event Timestamp Too Old", index, &text));
        }
        if seconds > self.now_s + i64::from(self.options.future_allowance_s) {
            return Err(Refusal::faulty(index, "event_time is in the future"));
        }
        Ok(seconds)
    }

    fn keys(&self, index: usize, event: &Map<String, Value>) -> Result<user::Keys, Refusal> {
        let user = event.get("user_data").filter(|user| !user.is_null());
        let user = user.ok_or_else(|| Refusal::faulty(index, "user_data is missing"))?;
        let user = user.as_object().ok_or_else(|| Refusal::faulty(index, "user_data must be an object"))?;
        let keys = user::read(user, self.oracle, self.spoiled);
        if let Some(name) = keys.wrong_type {
            let text = format!("user_data.{name} must be a string or a list of strings");
            return Err(Refusal::faulty(index, &text));
        }
        if let Some(name) = keys.unhashed.filter(|_| self.options.refuse_unhashed) {
            let text = format!("user_data.{name} must be a SHA-256 digest in hexadecimal digits");
            return Err(Refusal::event(NOT_HASHED, "User Parameter Not Hashed", index, &text));
        }
        if keys.too_few() {
            let text = "the match keys say too little about a person";
            return Err(Refusal::event(TOO_FEW_KEYS, "Missing Customer Information", index, text));
        }
        Ok(keys)
    }

    /// What Meta requires of events of a website.
    fn website(
        &self,
        index: usize,
        event: &Map<String, Value>,
        action_source: &str,
        arrival: &mut Arrival<'_>,
    ) -> Result<(), Refusal> {
        if action_source != "website" {
            return Ok(());
        }
        let agent = event.get("user_data").and_then(|user| user.get("client_user_agent"));
        let has_agent = agent.and_then(Value::as_str).is_some_and(|text| !text.is_empty());
        let missing = match (text(event, "event_source_url"), has_agent) {
            (None, _) => "event_source_url",
            (_, false) => "client_user_agent",
            _ => return Ok(()),
        };
        if self.options.refuse_incomplete_website_events {
            return Err(Refusal::faulty(index, &format!("{missing} is required of website events")));
        }
        arrival.flaws.note(INCOMPLETE_WEBSITE_EVENT, true);
        Ok(())
    }
}

/// Checks the options of limited data use.
fn limits(event: &Map<String, Value>, arrival: &mut Arrival<'_>) -> Result<(), &'static str> {
    let Some(options) = event.get("data_processing_options").filter(|value| !value.is_null()) else {
        return Ok(());
    };
    let list = options.as_array().ok_or("data_processing_options must be a list")?;
    if list.iter().any(|option| option.as_str() != Some("LDU")) {
        return Err("data_processing_options knows only LDU");
    }
    if list.is_empty() {
        return Ok(());
    }
    let number = |name: &str| event.get(name).and_then(Value::as_u64);
    match (number("data_processing_options_country"), number("data_processing_options_state")) {
        (Some(0), Some(0)) => {
            let address = event.get("user_data").and_then(|user| user.get("client_ip_address"));
            arrival.flaws.note(LDU_WITHOUT_ADDRESS, address.is_none());
            Ok(())
        }
        (Some(0 | 1), Some(0 | 1000..=1999)) => Ok(()),
        _ => Err(
            "LDU needs data_processing_options_country (0 or 1) and data_processing_options_state (0 or 1000 and up)",
        ),
    }
}

/// Reads money and products.
fn goods<'a>(custom: Option<&'a Value>, name: &str, arrival: &mut Arrival<'a>) -> Result<(), &'static str> {
    let empty = Map::new();
    let custom = match custom.filter(|custom| !custom.is_null()) {
        None => &empty,
        Some(custom) => custom.as_object().ok_or("custom_data must be an object")?,
    };
    arrival.value = value(custom.get("value"), arrival)?;
    arrival.currency = currency(custom.get("currency"))?.map(Cow::Owned);
    let no_money = arrival.value.is_none() || arrival.currency.is_none();
    if name == "Purchase" && no_money {
        return Err("a Purchase needs custom_data.value and custom_data.currency");
    }
    arrival.flaws.note(MISSING_VALUE_OR_CURRENCY, arrival.value.is_some() != arrival.currency.is_some());
    arrival.order_id = id(custom.get("order_id"))
        .map_err(|()| "custom_data.order_id must be a string")?
        .map(|id| Cow::Owned(id.into_owned()));
    let has_ids = custom.get("content_ids").and_then(Value::as_array).is_some_and(|ids| !ids.is_empty());
    let has_contents = contents(custom.get("contents"))?;
    arrival.flaws.note(MISSING_CONTENT_ID, wants_products(name) && !has_ids && !has_contents);
    Ok(())
}

fn value(value: Option<&Value>, arrival: &mut Arrival<'_>) -> Result<Option<Decimal>, &'static str> {
    let wrong = "custom_data.value must be a number";
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(number)) => money::decimal(&number.to_string()).map(Some).ok_or(wrong),
        Some(Value::String(text)) => {
            arrival.flaws.note(VALUE_AS_TEXT, true);
            money::decimal(text).map(Some).ok_or(wrong)
        }
        Some(_) => Err(wrong),
    }
}

fn currency(code: Option<&Value>) -> Result<Option<String>, &'static str> {
    let Some(code) = code.filter(|code| !code.is_null()) else { return Ok(None) };
    let upper = code.as_str().map(str::to_uppercase).ok_or("custom_data.currency must be a string")?;
    if money::is_code(&upper) { Ok(Some(upper)) } else { Err("custom_data.currency is no currency code") }
}

/// Checks the product lines; says whether one has an id.
fn contents(contents: Option<&Value>) -> Result<bool, &'static str> {
    let Some(contents) = contents.filter(|contents| !contents.is_null()) else { return Ok(false) };
    let lines = contents.as_array().ok_or("custom_data.contents must be a list")?;
    let mut has_id = false;
    for line in lines {
        let line = line.as_object().ok_or("custom_data.contents must hold objects")?;
        has_id |= id(line.get("id")).map_err(|()| "custom_data.contents.id must be a string")?.is_some();
        let number = |name: &str| match line.get(name) {
            None | Some(Value::Null | Value::Number(_)) => true,
            Some(Value::String(text)) => money::decimal(text).is_some(),
            Some(_) => false,
        };
        if !number("quantity") || !number("item_price") {
            return Err("quantity and item_price of custom_data.contents must be numbers");
        }
    }
    Ok(has_id)
}

/// An id; numbers are taken as their text, an empty text is none.
fn id(value: Option<&Value>) -> Result<Option<Cow<'_, str>>, ()> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(Cow::Borrowed(text.as_str())).filter(|text| !text.is_empty())),
        Some(Value::Number(number)) => Ok(Some(Cow::Owned(number.to_string()))),
        Some(_) => Err(()),
    }
}

fn text<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    object.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

fn required_text<'a>(object: &'a Map<String, Value>, name: &str) -> Result<&'a str, String> {
    text(object, name).ok_or_else(|| format!("{name} is missing or no text"))
}
