//! `params` of an event, within Google's limits: 25 of them, names of 40 characters, values of 100.
//!
//! Google's policy forbids personal data in them. The door has let none in; what it lets through is looked at once more.

use std::collections::BTreeSet;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::Value;
use tandem_core::{Event, Finding, page};

use super::items::{self, WireItem};
use super::names;
use crate::number::Digits;
use crate::wire::{Extra, extras, filled};

/// Documented: parameters of one event.
const MOST: usize = 25;

/// Documented: characters of a name.
const NAME_CHARS: usize = 40;

/// Documented: characters of a value, and of the three that may be longer.
const TEXT_CHARS: usize = 100;
const LOCATION_CHARS: usize = 1_000;
const REFERRER_CHARS: usize = 420;
const TITLE_CHARS: usize = 300;

/// Names with a meaning of their own here: extra properties never take their place.
const KNOWN: [&str; 14] = [
    "client_id",
    "currency",
    "debug_mode",
    "engagement_time_msec",
    "items",
    "language",
    "page_location",
    "page_referrer",
    "page_title",
    "search_term",
    "session_id",
    "transaction_id",
    "user_id",
    "value",
];

/// What a parameter holds.
#[derive(Serialize)]
#[serde(untagged)]
enum Param<'a> {
    Text(&'a str),
    Owned(String),
    Number(Digits),
    Json(&'a Value),
    One(u8),
    Items(Vec<WireItem<'a>>),
}

pub(super) struct Params<'a> {
    all: Vec<(String, Param<'a>)>,
    /// A text, or the list of items, was longer than Google takes.
    is_cut: bool,
    /// Properties that found no place.
    left_out: usize,
}

impl Serialize for Params<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.all.len()))?;
        for (name, value) in &self.all {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'a> Params<'a> {
    pub(super) fn of(event: &'a Event) -> Self {
        let mut params = Self { all: Vec::with_capacity(MOST), is_cut: false, left_out: 0 };
        params.text("transaction_id", event.order_id.as_deref(), TEXT_CHARS);
        let value = event.value.and_then(|value| Digits::total(value, event.currency));
        params.add("currency", event.currency.map(|currency| Param::Owned(currency.code().to_owned())));
        params.add("value", value.map(Param::Number));
        params.text("session_id", event.user.click_ids.ga_session_id.as_deref(), TEXT_CHARS);
        // Documented: an event without it hangs outside any visit.
        params.add("engagement_time_msec", Some(Param::One(1)));
        params.address("page_location", event.page.url.as_deref(), LOCATION_CHARS);
        params.address("page_referrer", event.page.referrer.as_deref(), REFERRER_CHARS);
        params.text("page_title", impersonal(event.page.title.as_deref()), TITLE_CHARS);
        params.text("language", event.user.locale.as_deref(), TEXT_CHARS);
        params.text("search_term", impersonal(event.search_string.as_deref()), TEXT_CHARS);
        let (items, is_cut) = items::of(&event.contents);
        params.is_cut |= is_cut;
        params.add("items", (!items.is_empty()).then_some(Param::Items(items)));
        params.extras(event);
        params
    }

    fn add(&mut self, name: &str, value: Option<Param<'a>>) {
        self.all.extend(value.map(|value| (name.to_owned(), value)));
    }

    fn text(&mut self, name: &str, text: Option<&'a str>, chars: usize) {
        let Some(text) = filled(text) else { return };
        let short = cut(text, chars);
        self.is_cut |= short.len() < text.len();
        self.add(name, filled(Some(short)).map(Param::Text));
    }

    /// An address that is too long loses its parameters, since half of one means nothing.
    fn address(&mut self, name: &str, url: Option<&str>, chars: usize) {
        let Some(url) = url.and_then(page::clean_url) else { return };
        let fits = url.chars().count() <= chars;
        self.is_cut |= !fits;
        let url = if fits { url } else { cut(&page::without_query(&url), chars).to_owned() };
        self.add(name, Some(Param::Owned(url)));
    }

    fn extras(&mut self, event: &'a Event) {
        let mut taken: BTreeSet<String> = BTreeSet::new();
        for (given, extra) in extras(&event.properties, &KNOWN) {
            let Some(name) = usable(given).filter(|name| !taken.contains(name)) else {
                self.left_out += 1;
                continue;
            };
            let value = match extra {
                Extra::AsIs(Value::String(text)) => match impersonal(Some(text)) {
                    Some(text) => {
                        let short = cut(text, TEXT_CHARS);
                        self.is_cut |= short.len() < text.len();
                        filled(Some(short)).map(Param::Text)
                    }
                    None => None,
                },
                Extra::AsIs(Value::Bool(yes)) => Some(Param::Text(if *yes { "true" } else { "false" })),
                Extra::AsIs(number) => Some(Param::Json(number)),
                Extra::Id(id) => Some(Param::Owned(id)),
            };
            match value {
                Some(value) if self.all.len() < MOST => {
                    self.all.push((name.clone(), value));
                    taken.insert(name);
                }
                _ => self.left_out += 1,
            }
        }
    }

    /// What was lost on the way.
    pub(super) fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        if self.is_cut {
            let text = "Google Analytics takes texts of 100 characters and 200 items: longer ones are cut";
            findings.push(Finding::info("param_cut", text));
        }
        if self.left_out > 0 {
            let text = "Google Analytics takes 25 parameters, with names of up to 40 letters, digits and underscores that \
                        do not begin like its own, and nothing personal: further properties are left out";
            findings.push(Finding::info("param_left_out", text).on("properties"));
        }
        findings
    }
}

/// A name as Google wants it; `None` for one that cannot be had.
fn usable(given: &str) -> Option<String> {
    let name: String = given.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let begins_well =
        name.starts_with(|c: char| c.is_ascii_alphabetic()) && !names::has_reserved_beginning(&name);
    (begins_well && name.len() <= NAME_CHARS && !KNOWN.contains(&name.as_str())).then_some(name)
}

fn impersonal(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.contains("%40") && !page::is_personal_text(text))
}

/// The first characters, without a sign that something was cut off.
pub(super) fn cut(text: &str, chars: usize) -> &str {
    text.char_indices().nth(chars).map_or(text, |(end, _)| text.get(..end).unwrap_or(text))
}
