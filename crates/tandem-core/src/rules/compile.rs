//! Settings → compiled rules, or every mistake in them.

use std::collections::{BTreeMap, BTreeSet};

use super::expression::{Expression, Known};
use super::field::Target;
use super::leave_out::{PRESETS, Pattern};
use super::outgoing::JsonPath;
use super::settings::{
    EmitSettings, Inputs, LookupSettings, MAX_ENTRIES, MAX_RULES, MAX_TABLE, MAX_VARIABLES, RuleSettings,
    Settings, VariableSettings,
};
use super::view::scalar;
use super::{Emit, Rule, Rules, Variable, VariableKind};
use crate::{door, names};

/// One mistake in the rules of a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Path below the site, e.g. `rules[2].set.value`.
    pub path: String,
    /// What is wrong.
    pub what: String,
}

const MEMBERS: &[&str] = &["authorization", "cookie", "set-cookie", "proxy-authorization", "user-agent"];

/// Parts of names of headers that carry keys, signatures or the caller's address.
const SECRET_PARTS: &[&str] = &["signature", "token", "secret", "api-key", "forwarded", "-ip", "ip-"];

struct Compiler<'a> {
    inputs: &'a Inputs,
    variables: BTreeSet<String>,
    /// Variables that need the request.
    door_only: BTreeSet<String>,
    mistakes: Vec<Mistake>,
}

/// Compiles all rules of a site.
pub(super) fn compile(settings: Settings) -> Result<Rules, Vec<Mistake>> {
    let mut compiler = Compiler {
        inputs: &settings.inputs,
        variables: BTreeSet::new(),
        door_only: BTreeSet::new(),
        mistakes: Vec::new(),
    };
    compiler.inputs();
    let variables = compiler.all_variables(&settings.variables);
    let door = compiler.rules("rules", &settings.rules, true);
    let mut destinations = BTreeMap::new();
    for (name, rules) in &settings.destinations {
        let compiled = compiler.rules(&format!("destinations.{name}.rules"), rules, false);
        destinations.insert(name.clone(), compiled);
    }
    let mistakes = compiler.mistakes;
    if mistakes.is_empty() { Ok(Rules { door, destinations, variables, settings }) } else { Err(mistakes) }
}

impl Compiler<'_> {
    fn wrong(&mut self, path: impl Into<String>, what: impl Into<String>) {
        self.mistakes.push(Mistake { path: path.into(), what: what.into() });
    }

    fn inputs(&mut self) {
        for (i, name) in self.inputs.headers.iter().enumerate() {
            let lower = name.to_ascii_lowercase();
            let secret =
                MEMBERS.contains(&lower.as_str()) || SECRET_PARTS.iter().any(|part| lower.contains(part));
            if secret || name.is_empty() {
                self.wrong(
                    format!("rule_inputs.headers[{i}]"),
                    "rules may not see keys, signatures, cookies and addresses",
                );
            }
        }
        for (i, name) in self.inputs.cookies.iter().enumerate() {
            if name.is_empty() || crate::normalise::clicks::reads_cookie(name) {
                let what =
                    "click ids are read and guarded by consent already: user.has tells which are there";
                self.wrong(format!("rule_inputs.cookies[{i}]"), what);
            }
        }
    }

    fn expression(&mut self, path: &str, text: &str, at_door: bool, item: bool) -> Option<Expression> {
        let known = Known {
            at_door,
            item,
            variables: &self.variables,
            cookies: &self.inputs.cookies,
            headers: &self.inputs.headers,
        };
        match Expression::compile(text, &known) {
            Ok(expression) => {
                let lost = self
                    .door_only
                    .iter()
                    .find(|name| !at_door && expression.names.contains(&format!("vars.{name}")));
                if let Some(name) = lost.cloned() {
                    let what = format!("vars.{name} needs the request, which is gone when an event is sent");
                    self.wrong(path, what);
                }
                Some(expression)
            }
            Err(what) => {
                self.wrong(path, what);
                None
            }
        }
    }

    fn all_variables(&mut self, settings: &[VariableSettings]) -> Vec<Variable> {
        if settings.len() > MAX_VARIABLES {
            self.wrong("variables", format!("more than {MAX_VARIABLES}"));
        }
        let mut variables = Vec::with_capacity(settings.len());
        for (i, variable) in settings.iter().enumerate() {
            let path = format!("variables[{i}]");
            let plain = !variable.name.is_empty()
                && variable.name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
                && !variable.name.starts_with(|c: char| c.is_ascii_digit());
            if !plain || self.variables.contains(&variable.name) {
                self.wrong(format!("{path}.name"), "must be letters, digits and _, and used once");
            }
            let kind = match (&variable.value, &variable.lookup) {
                (Some(value), None) => {
                    self.expression(&format!("{path}.value"), value, true, false).map(VariableKind::Value)
                }
                (None, Some(lookup)) => self.lookup(&format!("{path}.lookup"), lookup),
                _ => {
                    self.wrong(path, "needs either value or lookup");
                    None
                }
            };
            if let Some(kind) = &kind {
                let request = |name: &String| {
                    let named = name.strip_prefix("vars.").is_some_and(|name| self.door_only.contains(name));
                    named || name.starts_with("cookies") || name.starts_with("headers")
                };
                if kind.expression().names.iter().any(request) {
                    self.door_only.insert(variable.name.clone());
                }
            }
            self.variables.insert(variable.name.clone());
            variables.extend(kind.map(|kind| Variable { name: variable.name.clone(), kind }));
        }
        variables
    }

    fn lookup(&mut self, path: &str, lookup: &LookupSettings) -> Option<VariableKind> {
        if lookup.table.len() > MAX_TABLE {
            self.wrong(format!("{path}.table"), format!("more than {MAX_TABLE} entries"));
        }
        let plain = |value: &serde_json::Value| !value.is_array() && !value.is_object();
        if !lookup.table.values().chain(&lookup.default).all(plain) {
            self.wrong(format!("{path}.table"), "holds something else than texts, numbers and booleans");
        }
        let of = self.expression(&format!("{path}.of"), &lookup.of, true, false)?;
        let table = lookup.table.iter().map(|(key, value)| (key.clone(), scalar(value))).collect();
        Some(VariableKind::Lookup { of, table, default: lookup.default.as_ref().map(scalar) })
    }

    fn rules(&mut self, at: &str, settings: &[RuleSettings], at_door: bool) -> Vec<Rule> {
        if settings.len() > MAX_RULES {
            self.wrong(at, format!("more than {MAX_RULES} rules"));
        }
        let mut names = BTreeSet::new();
        let mut rules = Vec::with_capacity(settings.len());
        for (i, rule) in settings.iter().enumerate() {
            let path = format!("{at}[{i}]");
            if rule.name.trim().is_empty() || rule.name.len() > 80 || !names.insert(&rule.name) {
                self.wrong(format!("{path}.name"), "every rule needs a name of its own, of up to 80 bytes");
            }
            rules.extend(self.rule(&path, rule, at_door));
        }
        rules
    }

    fn rule(&mut self, path: &str, rule: &RuleSettings, at_door: bool) -> Option<Rule> {
        let before = self.mistakes.len();
        self.stage(path, rule, at_door);
        let when = rule
            .when
            .as_ref()
            .and_then(|when| self.expression(&format!("{path}.when"), when, at_door, false));
        let rename = rule.rename.as_ref().map(|name| self.event_name(&format!("{path}.rename"), name));
        let set = self.set(path, &rule.set, at_door);
        let remove = self.patterns(&format!("{path}.remove"), &rule.remove);
        let keep = self.patterns(&format!("{path}.keep"), &rule.keep);
        let hash = self.hashed(&format!("{path}.hash"), &rule.hash);
        for (i, preset) in
            rule.anonymise.iter().enumerate().filter(|(_, preset)| !PRESETS.contains(&preset.as_str()))
        {
            self.wrong(
                format!("{path}.anonymise[{i}]"),
                format!("{preset:?} is none of {}", PRESETS.join(", ")),
            );
        }
        let emit = rule.emit.as_ref().and_then(|emit| self.emit(&format!("{path}.emit"), emit));
        let mut send = Vec::with_capacity(rule.send.len());
        for (field, text) in &rule.send {
            let at = format!("{path}.send.{field:?}");
            let outgoing = JsonPath::parse(field, true).map_err(|what| self.wrong(&at, what)).ok();
            send.extend(
                outgoing.zip(self.expression(&at, text, at_door, false)).map(|(p, e)| (field.clone(), p, e)),
            );
        }
        let mut unset = Vec::with_capacity(rule.unset.len());
        for (i, field) in rule.unset.iter().enumerate() {
            match JsonPath::parse(field, false) {
                Ok(outgoing) => unset.push((field.clone(), outgoing)),
                Err(what) => self.wrong(format!("{path}.unset[{i}]"), what),
            }
        }
        let entries = [
            rule.set.len(),
            rule.send.len(),
            rule.remove.len(),
            rule.keep.len(),
            rule.hash.len(),
            rule.unset.len(),
        ];
        if entries.iter().any(|len| *len > MAX_ENTRIES) {
            self.wrong(path, format!("more than {MAX_ENTRIES} entries in one list"));
        }
        (before == self.mistakes.len()).then(|| Rule {
            name: rule.name.clone(),
            when,
            rename,
            set,
            remove,
            keep,
            hash,
            anonymise: rule.anonymise.clone(),
            drop_person_data: rule.drop_person_data,
            stop: rule.drop.clone().or_else(|| rule.skip.clone()),
            emit,
            send,
            unset,
            last: rule.last,
        })
    }

    /// Verbs that belong to the other kind of list, and rules without any.
    fn stage(&mut self, path: &str, rule: &RuleSettings, at_door: bool) {
        let there = [
            ("drop", rule.drop.is_some(), true),
            ("emit", rule.emit.is_some(), true),
            ("skip", rule.skip.is_some(), false),
            ("send", !rule.send.is_empty(), false),
            ("unset", !rule.unset.is_empty(), false),
        ];
        for (verb, is_there, of_door) in there {
            if is_there && of_door != at_door {
                let what = if at_door {
                    "belongs to a destination: [[site.destinations.NAME.rules]]"
                } else {
                    "belongs to the site: [[site.rules]]; a destination has skip"
                };
                self.wrong(format!("{path}.{verb}"), what);
            }
        }
        let own =
            RuleSettings { name: rule.name.clone(), when: rule.when.clone(), ..RuleSettings::default() };
        if *rule == own {
            let verbs = if at_door {
                "rename, set, remove, keep, hash, anonymise, drop_person_data, drop, emit or last"
            } else {
                "rename, set, remove, keep, hash, anonymise, drop_person_data, skip, send, unset or last"
            };
            self.wrong(path, format!("does nothing: add {verbs}"));
        }
        if [&rule.drop, &rule.skip]
            .into_iter()
            .flatten()
            .any(|reason| reason.trim().is_empty() || reason.len() > 200)
        {
            self.wrong(path, "drop and skip give the reason in up to 200 bytes, for the record");
        }
    }

    fn event_name(&mut self, path: &str, name: &str) -> String {
        match names::resolve(name.trim()) {
            Ok(resolved) => resolved.name.into_owned(),
            Err(error) => {
                self.wrong(path, error.to_string());
                String::new()
            }
        }
    }

    fn set(
        &mut self,
        path: &str,
        set: &BTreeMap<String, String>,
        at_door: bool,
    ) -> Vec<(Target, Expression)> {
        let mut compiled = Vec::with_capacity(set.len());
        for (field, text) in set {
            let at = format!("{path}.set.{field:?}");
            match Target::parse(field, at_door) {
                Ok(target) => {
                    let item = matches!(target, Target::Item(_));
                    compiled.extend(self.expression(&at, text, at_door, item).map(|code| (target, code)));
                }
                Err(what) => self.wrong(at, what),
            }
        }
        if set.contains_key("currency") && !set.contains_key("value") {
            let what = "a currency alone would say that the same number is another amount: set value with it, or use \
                        reporting_currency";
            self.wrong(format!("{path}.set.currency"), what);
        }
        // The currency first: values are rounded to its minor unit.
        compiled.sort_by_key(|(target, _)| (*target != Target::Currency, target.clone()));
        compiled
    }

    fn patterns(&mut self, path: &str, texts: &[String]) -> Vec<Pattern> {
        let mut patterns = Vec::with_capacity(texts.len());
        for (i, text) in texts.iter().enumerate() {
            match Pattern::parse(text) {
                Ok(pattern) => patterns.push(pattern),
                Err(what) => self.wrong(format!("{path}[{i}]"), what),
            }
        }
        patterns
    }

    fn hashed(&mut self, path: &str, texts: &[String]) -> Vec<String> {
        let mut names = Vec::with_capacity(texts.len());
        for (i, text) in texts.iter().enumerate() {
            match text.strip_prefix("properties.") {
                Some(name) if door::keeps(name, &true.into()) => names.push(name.to_owned()),
                _ => self.wrong(
                    format!("{path}[{i}]"),
                    "only properties.NAME is hashed; who the visitor is is hashed already",
                ),
            }
        }
        names
    }

    fn emit(&mut self, path: &str, emit: &EmitSettings) -> Option<Emit> {
        let name = self.event_name(&format!("{path}.name"), &emit.name);
        if name == names::PURCHASE {
            self.wrong(format!("{path}.name"), "a second Purchase would count the sale twice");
        }
        let text = emit.id.clone().unwrap_or_else(|| format!("event_id ~ '.{name}'"));
        let id = self.expression(&format!("{path}.id"), &text, true, false);
        if id.as_ref().is_some_and(|id| !id.names.contains("event_id")) {
            self.wrong(
                format!("{path}.id"),
                "must be made of event_id, so that it is another one for each event",
            );
        }
        let set = self.set(path, &emit.set, true);
        if emit.set.contains_key("event_id") {
            self.wrong(format!("{path}.set.event_id"), "write it as id");
        }
        let remove = self.patterns(&format!("{path}.remove"), &emit.remove);
        Some(Emit { name, id: id?, set, remove })
    }
}
