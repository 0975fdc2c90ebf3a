//! Rules as written in the configuration, and how many of everything there may be.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Rules of one list (the door's, or one destination's) at most.
pub const MAX_RULES: usize = 50;
/// Variables of a site at most.
pub const MAX_VARIABLES: usize = 50;
/// Bytes of one expression at most.
pub const MAX_EXPRESSION: usize = 1_000;
/// Entries of one table in a rule at most.
pub const MAX_ENTRIES: usize = 50;
/// Entries of a look-up table at most.
pub const MAX_TABLE: usize = 5_000;
/// Events that rules add to one event at most.
pub const MAX_EMITTED: usize = 5;

/// All rules of a site, as written.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Settings {
    /// `[[site.rules]]`.
    pub rules: Vec<RuleSettings>,
    /// `[[site.variables]]`.
    pub variables: Vec<VariableSettings>,
    /// `[site.rule_inputs]`.
    pub inputs: Inputs,
    /// `[[site.destinations.NAME.rules]]`, by name.
    pub destinations: BTreeMap<String, Vec<RuleSettings>>,
}

/// What of a request expressions may see.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Inputs {
    /// Names of headers, in any letter case.
    pub headers: Vec<String>,
    /// Names of cookies.
    pub cookies: Vec<String>,
}

/// A named value that several rules use.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VariableSettings {
    /// `vars.NAME`.
    pub name: String,
    /// An expression.
    #[serde(default)]
    pub value: Option<String>,
    /// A table to look something up in.
    #[serde(default)]
    pub lookup: Option<LookupSettings>,
}

/// A look-up table.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LookupSettings {
    /// An expression: what to look up.
    pub of: String,
    /// Text to text, number or boolean.
    pub table: BTreeMap<String, serde_json::Value>,
    /// What an unlisted key gives; without it the variable is absent then.
    #[serde(default)]
    pub default: Option<serde_json::Value>,
}

/// One rule.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RuleSettings {
    /// What people call it.
    pub name: String,
    /// Condition; without one the rule always applies.
    pub when: Option<String>,
    /// New event name.
    pub rename: Option<String>,
    /// Field to expression.
    pub set: BTreeMap<String, String>,
    /// Fields to leave out.
    pub remove: Vec<String>,
    /// The only parameters that stay.
    pub keep: Vec<String>,
    /// Properties that become their SHA-256.
    pub hash: Vec<String>,
    /// Presets, see [`super::leave_out::PRESETS`].
    pub anonymise: Vec<String>,
    /// Nothing that leads to a person stays.
    pub drop_person_data: bool,
    /// At the door: the event is not kept, and why.
    pub drop: Option<String>,
    /// At a destination: the event is not sent there, and why.
    pub skip: Option<String>,
    /// At the door: a further event.
    pub emit: Option<EmitSettings>,
    /// At a destination: path in the outgoing event to expression.
    pub send: BTreeMap<String, String>,
    /// At a destination: paths in the outgoing event to leave out.
    pub unset: Vec<String>,
    /// The rules after this one are not asked any more.
    pub last: bool,
}

/// A further event, made of the one at hand.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmitSettings {
    /// Its name.
    pub name: String,
    /// Expression of its id; `event_id ~ '.' ~ NAME` without one.
    #[serde(default)]
    pub id: Option<String>,
    /// Field to expression, as in a rule.
    #[serde(default)]
    pub set: BTreeMap<String, String>,
    /// Fields to leave out, as in a rule.
    #[serde(default)]
    pub remove: Vec<String>,
}
