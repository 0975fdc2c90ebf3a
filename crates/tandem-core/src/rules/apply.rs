//! Runs compiled rules on an event.

use minijinja::value::Value;
use sha2::{Digest, Sha256};

use super::expression::{Expression, Failure};
use super::field::{self, Target, Write};
use super::leave_out::{self, Pattern};
use super::outgoing::{self, Overrides};
use super::settings::MAX_EMITTED;
use super::trace::{Applied, Change};
use super::view::{Context, Scope};
use super::{Emit, Rule, Rules, Variable, VariableKind};
use crate::{Event, Finding, finding};

/// The rule that ended an event's way, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stopped {
    /// The rule's name.
    pub rule: String,
    /// The reason its settings give.
    pub reason: String,
}

/// What the door's rules made of an event, beside the event itself.
#[derive(Debug, Default, PartialEq)]
pub struct AtDoor {
    /// The event is not to be kept.
    pub dropped: Option<Stopped>,
    /// Further events. No rule of the door looks at them.
    pub emitted: Vec<Event>,
}

/// An event as one destination's rules want it.
#[derive(Debug, PartialEq)]
pub struct Outgoing {
    /// The copy.
    pub event: Event,
    /// What is to change in the platform's shape of it.
    pub overrides: Overrides,
    /// What they did.
    pub applied: Vec<Applied>,
    /// What they could not do.
    pub findings: Vec<Finding>,
}

/// Where rules run.
#[derive(Clone, Copy)]
struct Place<'a> {
    variables: &'a [Variable],
    context: &'a Context,
    destination: Option<&'a str>,
}

/// What a run brings beside the changed event.
#[derive(Default)]
struct Ran {
    stopped: Option<Stopped>,
    emitted: Vec<Event>,
    overrides: Overrides,
    applied: Vec<Applied>,
    findings: Vec<Finding>,
}

impl Rules {
    /// Runs the door's rules. What they did is noted with the event.
    pub fn at_door(&self, event: &mut Event, context: &Context) -> AtDoor {
        if self.door.is_empty() {
            return AtDoor::default();
        }
        let ran = run(&self.door, event, Place { variables: &self.variables, context, destination: None });
        event.rules.extend(ran.applied);
        event.findings.extend(ran.findings);
        AtDoor { dropped: ran.stopped, emitted: ran.emitted }
    }

    /// Runs a destination's rules on a copy; `None` when it has none.
    ///
    /// # Errors
    /// The rule that keeps the event from this destination.
    pub fn for_destination(&self, name: &str, event: &Event) -> Result<Option<Outgoing>, Stopped> {
        let Some(rules) = self.destinations.get(name).filter(|rules| !rules.is_empty()) else {
            return Ok(None);
        };
        let mut copy = event.clone();
        let context = Context::default();
        let ran = run(
            rules,
            &mut copy,
            Place { variables: &self.variables, context: &context, destination: Some(name) },
        );
        if let Some(stopped) = ran.stopped {
            return Err(stopped);
        }
        let Ran { overrides, applied, findings, .. } = ran;
        Ok(Some(Outgoing { event: copy, overrides, applied, findings }))
    }

    /// Takes out once more what the door's rules had taken out of an event, after something completed it.
    pub fn withhold_again(event: &mut Event) {
        let applied = std::mem::take(&mut event.rules);
        let ours = applied.iter().filter(|applied| applied.destination.is_none());
        for change in ours.flat_map(|applied| &applied.changes) {
            match &*change.did {
                "removed" if change.field.starts_with("user.") || change.field.ends_with('*') => {
                    Pattern(change.field.clone()).remove(event);
                }
                "anonymised" => leave_out::anonymise(event, &change.field),
                "dropped_person" => leave_out::drop_person_data(event),
                _ => {}
            }
        }
        event.rules = applied;
    }
}

fn run(rules: &[Rule], event: &mut Event, place: Place<'_>) -> Ran {
    let mut ran = Ran::default();
    let variables =
        rules.iter().any(Rule::uses_variables).then(|| variables(event, place, &mut ran.findings));
    let view = |event: &Event| {
        let scope = Scope::of(event, place.context, place.destination);
        match &variables {
            Some(variables) => scope.with("vars", variables.clone()),
            None => scope,
        }
    };
    let mut scope = view(event);
    let mut whole = scope.value();
    for rule in rules {
        match rule.when.as_ref().map_or(Ok(true), |when| when.holds(&whole)) {
            Ok(true) => {}
            Ok(false) => continue,
            Err(failure) => {
                ran.findings.push(failed(rule, place, "when", &failure.to_string()));
                continue;
            }
        }
        let mut changes = Vec::new();
        if let Err((what, why)) = one(rule, event, &scope, &whole, &mut changes, &mut ran, place) {
            ran.findings.push(failed(rule, place, &what, &why));
            continue;
        }
        if let Some(reason) = &rule.stop {
            ran.stopped = Some(Stopped { rule: rule.name.clone(), reason: reason.clone() });
            return ran;
        }
        let destination = place.destination.map(str::to_owned);
        ran.applied.push(Applied { rule: rule.name.clone(), destination, changes });
        if rule.last {
            return ran;
        }
        scope = view(event);
        whole = scope.value();
    }
    ran
}

fn failed(rule: &Rule, place: Place<'_>, what: &str, why: &str) -> Finding {
    let of = place.destination.map(|name| format!(" of {name}")).unwrap_or_default();
    let text = format!("the rule {:?}{of} was left out: {what}: {why}", rule.name);
    Finding::warning("rule_failed", text)
}

/// Each variable that could be worked out.
fn variables(event: &Event, place: Place<'_>, findings: &mut Vec<Finding>) -> Value {
    let scope = Scope::of(event, place.context, place.destination);
    let mut known: Vec<(&str, Value)> = Vec::with_capacity(place.variables.len());
    let whole = |known: &[(&str, Value)]| -> Value {
        Value::from_pairs(known.iter().map(|(name, value)| (*name, value.clone())))
    };
    let mut base = scope.with("vars", whole(&known));
    for variable in place.variables {
        let given = variable.kind.expression().eval(&base.value());
        let value = match (&variable.kind, given) {
            (VariableKind::Value(_), Ok(value)) => Some(value),
            (VariableKind::Lookup { table, default, .. }, Ok(key)) => {
                let key =
                    field::json(&key).map(|key| key.as_str().map_or_else(|| key.to_string(), str::to_owned));
                key.and_then(|key| table.get(&key).cloned()).or_else(|| default.clone())
            }
            (VariableKind::Lookup { default, .. }, Err(Failure::Absent)) => default.clone(),
            (_, Err(Failure::Absent)) => None,
            (_, Err(failure)) => {
                let text = format!("the variable {:?} cannot be worked out: {failure}", variable.name);
                findings.push(Finding::warning("rule_failed", text));
                None
            }
        };
        if let Some(value) = value {
            known.push((&variable.name, value));
            base = Scope::of(event, place.context, place.destination).with("vars", whole(&known));
        }
    }
    whole(&known)
}

type Fault = (String, String);

/// One rule: everything is worked out first, from the event as it was, so that a rule applies as a whole or not at all.
fn one(
    rule: &Rule,
    event: &mut Event,
    scope: &Scope,
    whole: &Value,
    changes: &mut Vec<Change>,
    ran: &mut Ran,
    place: Place<'_>,
) -> Result<(), Fault> {
    let writes = writes(&rule.set, event, scope, whole)?;
    let mut sent = Vec::with_capacity(rule.send.len());
    for (path, outgoing, code) in &rule.send {
        let value = code.eval(whole).map_err(|f| (format!("send {path}"), f.to_string()))?;
        let value =
            field::json(&value).ok_or_else(|| (format!("send {path}"), "gave no JSON value".to_owned()))?;
        sent.push((path, outgoing, value));
    }
    let id = rule.emit.as_ref().map(|emit| emitted_id(emit, whole)).transpose()?;

    if let Some(name) = rule.rename.as_ref().filter(|name| **name != event.event_name) {
        let was = std::mem::replace(&mut event.event_name, name.clone());
        changes.push(Change::new("event_name", "renamed").from(Some(was.into())));
    }
    write(writes, event, changes, &mut ran.findings, rule);
    for pattern in &rule.remove {
        // Also on record where there was nothing: what completes the event later is held back, too.
        if pattern.remove(event) || pattern.0.starts_with("user.") {
            changes.push(Change::new(pattern.0.clone(), "removed"));
        }
    }
    if !rule.keep.is_empty() {
        changes
            .extend(leave_out::keep(event, &rule.keep).into_iter().map(|name| Change::new(name, "removed")));
    }
    for name in &rule.hash {
        changes.extend(hash(event, name));
    }
    for preset in &rule.anonymise {
        leave_out::anonymise(event, preset);
        changes.push(Change::new(preset.clone(), "anonymised"));
    }
    if rule.drop_person_data {
        leave_out::drop_person_data(event);
        changes.push(Change::new("user", "dropped_person"));
    }
    for (path, outgoing, value) in sent {
        if outgoing::is_fit(&value) {
            let value = (!value.is_null()).then_some(value);
            changes.push(Change::new(path.clone(), if value.is_some() { "sent" } else { "unset" }));
            ran.overrides.push(outgoing.clone(), value);
        } else {
            ran.findings.push(personal(rule, path));
        }
    }
    for (path, outgoing) in &rule.unset {
        changes.push(Change::new(path.clone(), "unset"));
        ran.overrides.push(outgoing.clone(), None);
    }
    if let Some((emit, id)) = rule.emit.as_ref().zip(id) {
        emitted(rule, emit, id, event, place, changes, ran)?;
    }
    Ok(())
}

fn personal(rule: &Rule, field: &str) -> Finding {
    let text = format!(
        "the rule {:?} gave a value that is too long, or may be about a person; it was left out",
        rule.name
    );
    Finding::warning("rule_value_dropped", text).on(field.to_owned())
}

fn writes(
    set: &[(Target, Expression)],
    event: &Event,
    scope: &Scope,
    whole: &Value,
) -> Result<Vec<Write>, Fault> {
    let mut currency = event.currency;
    let mut writes = Vec::with_capacity(set.len());
    for (target, code) in set {
        let fault = |why: String| (format!("set {target}"), why);
        if let Target::Item(field) = target {
            let lines: Result<Vec<_>, Fault> = event
                .contents
                .iter()
                .map(|item| {
                    let value = code.eval(&scope.value_with_item(item)).map_err(|f| fault(f.to_string()))?;
                    field::line(field, &value, currency).map_err(fault)
                })
                .collect();
            writes.push(Write::Items(field, lines?));
            continue;
        }
        let value = code.eval(whole).map_err(|f| fault(f.to_string()))?;
        let write = field::write(target, &value, currency).map_err(fault)?;
        if let Write::Currency(new) = &write {
            currency = *new;
        }
        writes.push(write);
    }
    Ok(writes)
}

fn write(
    writes: Vec<Write>,
    event: &mut Event,
    changes: &mut Vec<Change>,
    findings: &mut Vec<Finding>,
    rule: &Rule,
) {
    for write in writes {
        if let Write::Personal(field) = &write {
            findings.push(personal(rule, field));
        }
        changes.extend(write.apply(event));
    }
}

fn hash(event: &mut Event, name: &str) -> Option<Change> {
    let value = event.properties.get_mut(name)?;
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    *value = hex::encode(Sha256::digest(text.as_bytes())).into();
    Some(Change::new(format!("properties.{name}"), "hashed"))
}

fn emitted_id(emit: &Emit, whole: &Value) -> Result<String, Fault> {
    let value = emit.id.eval(whole).map_err(|f| ("emit id".to_owned(), f.to_string()))?;
    match field::write(&Target::EventId, &value, None) {
        Ok(Write::EventId(id)) => Ok(id),
        Ok(_) => Err(("emit id".to_owned(), "gave no id".to_owned())),
        Err(why) => Err(("emit id".to_owned(), why)),
    }
}

fn emitted(
    rule: &Rule,
    emit: &Emit,
    id: String,
    event: &Event,
    place: Place<'_>,
    changes: &mut Vec<Change>,
    ran: &mut Ran,
) -> Result<(), Fault> {
    if ran.emitted.len() >= MAX_EMITTED {
        return Err(("emit".to_owned(), format!("an event brings {MAX_EMITTED} others at most")));
    }
    let scope = Scope::of(event, place.context, place.destination);
    let scope = match variables_of(rule, event, place) {
        Some(variables) => scope.with("vars", variables),
        None => scope,
    };
    let writes = writes(&emit.set, event, &scope, &scope.value())?;
    let mut extra = event.clone();
    extra.event_name.clone_from(&emit.name);
    extra.event_id = id;
    // An id made of one that nobody shares is shared by nobody either.
    let unshared = extra.event_id.contains(&event.event_id);
    extra.findings.retain(|finding| unshared && finding.code == finding::UNPAIRED);
    let mut own = vec![Change::new("event_id", "emitted").from(Some(event.event_id.clone().into()))];
    write(writes, &mut extra, &mut own, &mut ran.findings, rule);
    for pattern in &emit.remove {
        if pattern.remove(&mut extra) {
            own.push(Change::new(pattern.0.clone(), "removed"));
        }
    }
    // What was withheld from the one is withheld from the other.
    extra.rules = ran.applied.clone();
    extra.rules.push(Applied {
        rule: rule.name.clone(),
        destination: None,
        changes: [changes.clone(), own].concat(),
    });
    changes.push(Change::new(emit.name.clone(), "emitted"));
    ran.emitted.push(extra);
    Ok(())
}

fn variables_of(rule: &Rule, event: &Event, place: Place<'_>) -> Option<Value> {
    rule.uses_variables().then(|| variables(event, place, &mut Vec::new()))
}
