//! One event as it came in, taken apart: each field is looked up by its aliases and moved out.

use std::borrow::Cow;

use serde_json::{Map, Value};
use tandem_core::{Finding, page};

use super::aliases::{Alias, NOT_PROPERTIES, NOT_PROPERTY_PREFIXES, Place};
use super::fields::Fields;
use crate::values;

/// A value and the name it was found under.
pub(super) struct Found {
    /// The value, never null or blank text.
    pub(super) value: Value,
    /// Where it stood.
    pub(super) alias: Alias,
}

impl Found {
    /// Path in the input, e.g. `properties.value`.
    pub(super) fn path(&self) -> Cow<'static, str> {
        path(self.alias)
    }
}

/// Path of a name in the input.
pub(super) fn path((place, name): Alias) -> Cow<'static, str> {
    match place.prefix() {
        "" => name.into(),
        prefix => format!("{prefix}{name}").into(),
    }
}

/// The parts of one event, and the remarks made while reading it.
pub(super) struct Entry {
    places: [Fields; Place::COUNT],
    /// Cookies sent along, by name.
    pub(super) cookies: Fields,
    /// Remarks so far.
    pub(super) findings: Vec<Finding>,
}

impl Entry {
    /// Takes an event object apart.
    pub(super) fn new(top: Map<String, Value>) -> Self {
        let mut top = Fields::from(top);
        let mut entry = Self { places: Default::default(), cookies: Fields::default(), findings: Vec::new() };
        for (place, name) in [
            (Place::Properties, "properties"),
            (Place::User, "user"),
            (Place::UserData, "user_data"),
            (Place::ClickIds, "click_ids"),
            (Place::Page, "page"),
            (Place::Consent, "consent"),
            (Place::Consent, "consent_state"),
        ] {
            if let Some(value) = top.remove(name) {
                entry.put(place, name, value);
            }
        }
        for name in ["cookies", "common_cookie"] {
            match top.remove(name) {
                Some(Value::Object(cookies)) => entry.cookies.fill(cookies.into()),
                Some(other) if !values::is_blank(&other) => entry.wrong_type(name),
                _ => {}
            }
        }
        let address = entry.place_mut(Place::UserData).remove("address");
        if let Some(address) = address.or_else(|| entry.place_mut(Place::User).remove("address")) {
            entry.put(Place::Address, "user_data.address", first_of(address));
        }
        entry.places[Place::Top as usize] = top;
        entry
    }

    fn put(&mut self, place: Place, name: &'static str, value: Value) {
        match (place, value) {
            (_, Value::Object(map)) => self.place_mut(place).fill(map.into()),
            (_, blank) if values::is_blank(&blank) => {}
            // Two parts have one value that matters more than all others, and some senders give only that.
            (Place::Page, url @ Value::String(_)) => self.place_mut(place).fill(Fields::one("url", url)),
            (Place::Consent, answer @ (Value::String(_) | Value::Bool(_) | Value::Number(_))) => {
                self.place_mut(place).fill(Fields::one("advertising", answer));
            }
            _ => self.wrong_type(name),
        }
    }

    fn place_mut(&mut self, place: Place) -> &mut Fields {
        &mut self.places[place as usize]
    }

    /// Takes a part of the event as a whole.
    pub(super) fn take_place(&mut self, place: Place) -> Fields {
        std::mem::take(self.place_mut(place))
    }

    /// A part of the event.
    pub(super) fn place(&self, place: Place) -> &Fields {
        &self.places[place as usize]
    }

    /// Takes the first of these names that holds something; the others are forgotten.
    pub(super) fn take(&mut self, aliases: &[Alias]) -> Option<Found> {
        let mut found = None;
        for &alias in aliases {
            let map = &mut self.places[alias.0 as usize];
            if map.is_empty() {
                continue;
            }
            if let Some(value) = map.remove(alias.1)
                && found.is_none()
                && !values::is_blank(&value)
            {
                found = Some(Found { value, alias });
            }
        }
        found
    }

    /// Takes one name from one place.
    pub(super) fn take_one(&mut self, place: Place, name: &str) -> Option<Value> {
        let map = &mut self.places[place as usize];
        if map.is_empty() { None } else { map.remove(name) }
    }

    /// Whether any of these names is there, be it empty.
    pub(super) fn has(&self, aliases: &[Alias]) -> bool {
        aliases.iter().any(|(place, name)| self.place(*place).contains(name))
    }

    /// Takes a text; numbers become text, anything else is remarked on.
    pub(super) fn take_text(&mut self, aliases: &[Alias]) -> Option<String> {
        let found = self.take(aliases)?;
        match found.value {
            Value::String(text) => Some(text),
            Value::Number(ref number) => Some(number.to_string()),
            _ => {
                self.wrong_type(found.path());
                None
            }
        }
    }

    /// Takes a yes or no; anything else is remarked on.
    pub(super) fn take_truth(&mut self, aliases: &[Alias]) -> Option<bool> {
        let found = self.take(aliases)?;
        let truth = values::truth(&found.value);
        if truth.is_none() {
            self.wrong_type(found.path());
        }
        truth
    }

    /// Remarks that a field was left out because of its JSON type.
    pub(super) fn wrong_type(&mut self, field: impl Into<Cow<'static, str>>) {
        let text = "has a JSON type that cannot be used here; left out";
        self.findings.push(Finding::warning("field_type", text).on(field));
    }

    /// What is left over: further properties of the sale.
    pub(super) fn into_rest(mut self) -> (Map<String, Value>, Vec<Finding>) {
        self.remark_unknown_user();
        let given = std::mem::take(self.place_mut(Place::Properties)).into_iter();
        let mut rest: Map<String, Value> = given.filter(|(_, value)| !values::is_blank(value)).collect();
        let scalar = |value: &Value| !value.is_object() && !value.is_array() && !values::is_blank(value);
        for (name, value) in std::mem::take(self.place_mut(Place::Top)) {
            let noise = NOT_PROPERTIES.contains(&name.as_str())
                || NOT_PROPERTY_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
            if !noise && scalar(&value) {
                rest.entry(name).or_insert(value);
            }
        }
        (rest, self.findings)
    }

    /// A misspelt match key is silently lost at every platform, so it is named here.
    fn remark_unknown_user(&mut self) {
        for place in [Place::User, Place::UserData] {
            let plain =
                |name: &String| name.len() <= 40 && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
            let unknown =
                self.place(place).iter().find(|(name, value)| plain(name) && !values::is_blank(value));
            if let Some((name, _)) = unknown {
                let text = "not a match key we know; it is ignored. Is it misspelt?";
                let field = format!("{}{name}", place.prefix());
                if !page::is_personal_text(&field) {
                    self.findings.push(Finding::info("user_field_unknown", text).on(field));
                }
            }
        }
    }
}

fn first_of(value: Value) -> Value {
    match value {
        Value::Array(list) => list.into_iter().next().unwrap_or_default(),
        other => other,
    }
}
