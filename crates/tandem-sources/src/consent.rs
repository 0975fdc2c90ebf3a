//! What a JSON object says of consent: our own form, that of tag managers (`consent_state`), and raw signals.
//!
//! All of it is outside input: an answer nobody can read is a no, and evidence is kept only where it is plain and short.

use std::borrow::Cow;

use serde_json::{Map, Value};
use tandem_core::consent::{self, Answer, Consent, Evidence, Policy, Reading, Signals, Status};
use tandem_core::{Finding, page};

use crate::values;

/// The answers to one purpose, under all names in use. All are read: one refusal outweighs any number of grants.
const ADVERTISING: &[&str] = &["advertising", "marketing", "ad_user_data", "ad_storage"];
const ANALYTICS: &[&str] = &["analytics", "statistics", "analytics_storage"];
const FUNCTIONAL: &[&str] = &["functional", "preferences", "functionality_storage"];

/// Longest name of a signal, in bytes.
const MAX_SIGNAL: usize = 40;

/// Most vendors that are looked at.
const MAX_VENDORS: usize = 500;

/// What was said, not merged with anything else yet.
#[derive(Default)]
pub(crate) struct Told {
    /// The plain answers.
    pub(crate) words: Vec<Reading>,
    gcs: Option<String>,
    gcd: Option<String>,
    tc_string: Option<String>,
    pub(crate) gpc: bool,
    pub(crate) region: Option<String>,
    /// Names of answers nobody can read.
    pub(crate) unreadable: Vec<&'static str>,
}

impl Told {
    /// Reads an object. `signal` makes evidence of an answer's name and its word, where the object itself has none.
    pub(crate) fn read(map: &Map<String, Value>, signal: impl Fn(&'static str, &str) -> Evidence) -> Self {
        let mut told = Self::default();
        let text = |name: &str| map.get(name).and_then(Value::as_str).map(str::to_owned);
        let presets = Presets::of(map);
        let mut evidence = None;
        let mut answer = |names: &'static [&'static str]| {
            let (status, by) = told.strictest(map, names);
            if evidence.is_none() {
                evidence =
                    by.map(|name| evidence_of(map).unwrap_or_else(|| signal(name, &said(map.get(name)))));
            }
            let chosen = Answer::chosen(status);
            Answer { by_choice: chosen.by_choice && !presets.hold(names[0]), ..chosen }
        };
        let [advertising, analytics, functional] = [ADVERTISING, ANALYTICS, FUNCTIONAL].map(&mut answer);
        let vendors: Vec<_> = map.get("vendors").and_then(Value::as_object).into_iter().flatten().collect();
        let vendors: Vec<(String, bool)> = vendors
            .into_iter()
            .take(MAX_VENDORS)
            .filter_map(|(id, word)| match values::consent_status(word)? {
                Status::Unknown => None,
                status => Some((id.clone(), status == Status::Granted)),
            })
            .collect();
        let opt_out_of_sale = map.get("opt_out_of_sale").and_then(values::truth).unwrap_or_default();
        let evidence = evidence.unwrap_or_else(|| evidence_of(map).unwrap_or_else(|| signal("vendors", "")));
        told.words.push(Reading { evidence, advertising, analytics, functional, vendors, opt_out_of_sale });
        told.gpc = map.get("gpc").and_then(values::truth).unwrap_or_default();
        told.region = text("region").and_then(|region| {
            let (country, state) =
                region.split_once('-').map_or((region.as_str(), None), |(c, s)| (c, Some(s)));
            consent::region(Some(country), state)
        });
        (told.gcs, told.gcd, told.tc_string) = (text("gcs"), text("gcd"), text("tc_string"));
        told
    }

    /// A bare word about advertising.
    pub(crate) fn word(value: &Value, evidence: Evidence) -> Self {
        let mut told = Self::default();
        let status = values::consent_status(value).unwrap_or_else(|| {
            told.unreadable.push("advertising");
            Status::Denied
        });
        told.words.push(Reading::chosen(evidence, status, Status::Unknown, Status::Unknown));
        told
    }

    /// Adds what another object says.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.words.extend(other.words);
        self.unreadable.extend(other.unreadable);
        self.gpc |= other.gpc;
        Self {
            gcs: self.gcs.or(other.gcs),
            gcd: self.gcd.or(other.gcd),
            tc_string: self.tc_string.or(other.tc_string),
            region: self.region.or(other.region),
            ..self
        }
    }

    /// Merges it with the visitor's cookies.
    pub(crate) fn merge(self, cookies: &[(&str, &str)], policy: &Policy) -> Consent {
        let signals = Signals {
            words: self.words,
            gcs: self.gcs.as_deref(),
            gcd: self.gcd.as_deref(),
            tc_string: self.tc_string.as_deref(),
            cookies,
            gpc: self.gpc,
            region: self.region,
        };
        signals.read(policy)
    }

    /// A remark on each answer nobody can read; `prefix` is the path of the object.
    pub(crate) fn findings(&self, prefix: &str) -> Vec<Finding> {
        let text = "cannot be read as a yes or no, so it is taken as a no";
        let finding = |name| Finding::error("consent_invalid", text).on(format!("{prefix}{name}"));
        self.unreadable.iter().map(finding).collect()
    }

    /// The strictest of the answers, and the name it stands under.
    fn strictest(
        &mut self,
        map: &Map<String, Value>,
        names: &'static [&'static str],
    ) -> (Status, Option<&'static str>) {
        let mut strictest = (Status::Unknown, None);
        for name in names {
            let Some(value) = map.get(*name) else { continue };
            let status = values::consent_status(value).unwrap_or_else(|| {
                self.unreadable.push(name);
                Status::Denied
            });
            match (status, strictest.0) {
                (Status::Denied, Status::Granted | Status::Unknown) | (Status::Granted, Status::Unknown) => {
                    strictest = (status, Some(*name));
                }
                _ => {}
            }
        }
        strictest
    }
}

/// An answer as it goes on record: what nobody can read may be anything, a person's name among it.
pub(crate) fn said(value: Option<&Value>) -> String {
    match value.filter(|value| values::consent_status(value).is_some()) {
        Some(Value::String(word)) => word.trim().to_owned(),
        Some(other) => other.to_string(),
        None => "?".to_owned(),
    }
}

/// Which answers are presets of the shop's, no choice of the visitor's.
struct Presets<'a> {
    all: bool,
    listed: Vec<&'a str>,
}

impl<'a> Presets<'a> {
    fn of(map: &'a Map<String, Value>) -> Self {
        let is = |name: &str, word: bool| map.get(name).and_then(values::truth) == Some(word);
        let listed = map.get("by_default").and_then(Value::as_array).into_iter().flatten();
        Self {
            all: is("default", true) || is("explicit", false),
            listed: listed.filter_map(Value::as_str).collect(),
        }
    }

    fn hold(&self, purpose: &str) -> bool {
        self.all || self.listed.contains(&purpose)
    }
}

/// What the object itself says it goes by: `evidence` as we write it or as a text, else `signal`, `value` and `at`.
fn evidence_of(map: &Map<String, Value>) -> Option<Evidence> {
    let inner = map.get("evidence").and_then(Value::as_object).unwrap_or(map);
    let text = |name: &str| inner.get(name).and_then(Value::as_str).filter(|t| !page::is_personal_text(t));
    let signal =
        text("signal").or_else(|| text("evidence")).filter(|s| !s.is_empty() && s.len() <= MAX_SIGNAL)?;
    let slug =
        |note: &&str| note.len() <= MAX_SIGNAL && note.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    let at = ["at_ms", "at", "ts"].iter().find_map(|name| inner.get(*name)?.as_i64());
    Some(Evidence {
        at_ms: at.filter(|at| *at > 0),
        note: text("note").filter(slug).map(|note| Cow::Owned(note.to_owned())),
        ..Evidence::new(signal.to_owned(), text("value").unwrap_or_default())
    })
}
