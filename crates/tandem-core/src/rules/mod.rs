//! What a shop wants changed of its events, as data in its configuration: conditions, variables and transformations.
//!
//! Rules are compiled once ([`Rules::compile`]), which finds every mistake that can be found without an event. At the
//! door they change the event for the record and for everybody ([`Rules::at_door`]); at a destination, a copy
//! ([`Rules::for_destination`]). They cannot touch site, consent or time, see nothing raw, and write nothing that names a
//! person. A rule that fails changes nothing, and says why in a finding; the event goes on.

use std::collections::BTreeMap;

use minijinja::value::Value;

mod apply;
mod compile;
mod expression;
mod field;
mod leave_out;
mod outgoing;
mod settings;
mod trace;
mod view;

pub use apply::{AtDoor, Outgoing, Stopped};
pub use compile::Mistake;
pub use expression::{FILTERS, TESTS};
pub use leave_out::PRESETS;
pub use outgoing::Overrides;
pub use settings::*;
pub use trace::{Applied, Change};
pub use view::Context;

use expression::Expression;
use field::Target;
use leave_out::Pattern;
use outgoing::JsonPath;

/// All rules of a site, compiled.
#[derive(Debug, Default)]
pub struct Rules {
    door: Vec<Rule>,
    destinations: BTreeMap<String, Vec<Rule>>,
    variables: Vec<Variable>,
    settings: Settings,
}

/// Compiled from the same settings, rules do the same.
impl PartialEq for Rules {
    fn eq(&self, other: &Self) -> bool {
        self.settings == other.settings
    }
}

impl Eq for Rules {}

impl Rules {
    /// Compiles a site's rules.
    ///
    /// # Errors
    /// Every mistake, with its path.
    pub fn compile(settings: Settings) -> Result<Self, Vec<Mistake>> {
        compile::compile(settings)
    }

    /// Whether there is none, at the door and at all destinations.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.door.is_empty() && self.destinations.values().all(Vec::is_empty)
    }

    /// Every rule's place (`door`, or a destination) and name, in the order in which they are applied.
    pub fn names(&self) -> impl Iterator<Item = (&str, &str)> {
        let door = self.door.iter().map(|rule| ("door", rule.name.as_str()));
        let destinations = self.destinations.iter();
        door.chain(
            destinations.flat_map(|(at, rules)| rules.iter().map(|rule| (at.as_str(), rule.name.as_str()))),
        )
    }

    /// What of a request these rules may see.
    #[must_use]
    pub fn inputs(&self) -> &Inputs {
        &self.settings.inputs
    }

    /// Picks what these rules may see out of a request. `header` gives one by its lower-case name, `cookies` the whole
    /// `Cookie` header.
    #[must_use]
    pub fn context<'h>(&self, header: impl Fn(&str) -> Option<&'h str>, cookies: &str) -> Context {
        let inputs = self.inputs();
        if inputs.headers.is_empty() && inputs.cookies.is_empty() {
            return Context::default();
        }
        let headers = inputs.headers.iter().map(|name| name.to_ascii_lowercase());
        let headers = headers.filter_map(|name| header(&name).map(|value| (name.clone(), cut(value))));
        let pairs = cookies.split(';').filter_map(|pair| pair.trim().split_once('='));
        let listed = pairs.filter(|(name, _)| inputs.cookies.iter().any(|listed| listed == name));
        Context { headers: headers.collect(), cookies: listed.map(|(n, v)| (n.to_owned(), cut(v))).collect() }
    }
}

/// Longest value of a cookie or header that rules see, in bytes.
const MAX_INPUT: usize = 1_000;

fn cut(text: &str) -> String {
    text[..text.floor_char_boundary(MAX_INPUT)].to_owned()
}

#[derive(Debug)]
struct Variable {
    name: String,
    kind: VariableKind,
}

#[derive(Debug)]
enum VariableKind {
    Value(Expression),
    Lookup { of: Expression, table: BTreeMap<String, Value>, default: Option<Value> },
}

impl VariableKind {
    fn expression(&self) -> &Expression {
        match self {
            Self::Value(expression) | Self::Lookup { of: expression, .. } => expression,
        }
    }
}

#[derive(Debug)]
struct Rule {
    name: String,
    when: Option<Expression>,
    rename: Option<String>,
    set: Vec<(Target, Expression)>,
    remove: Vec<Pattern>,
    keep: Vec<Pattern>,
    hash: Vec<String>,
    anonymise: Vec<String>,
    drop_person_data: bool,
    /// The reason for which the event is not kept, or not sent to this destination.
    stop: Option<String>,
    emit: Option<Emit>,
    send: Vec<(String, JsonPath, Expression)>,
    unset: Vec<(String, JsonPath)>,
    last: bool,
}

impl Rule {
    /// Whether an expression of it names one of the variables.
    fn uses_variables(&self) -> bool {
        let set = self.set.iter().chain(self.emit.iter().flat_map(|emit| &emit.set)).map(|(_, code)| code);
        let send = self.send.iter().map(|(_, _, code)| code);
        let id = self.emit.iter().map(|emit| &emit.id);
        let mut all = self.when.iter().chain(set).chain(send).chain(id);
        all.any(|code| code.names.iter().any(|name| name.starts_with("vars")))
    }
}

/// A further event.
#[derive(Debug)]
struct Emit {
    name: String,
    id: Expression,
    set: Vec<(Target, Expression)>,
    remove: Vec<Pattern>,
}

#[cfg(test)]
mod tests;
