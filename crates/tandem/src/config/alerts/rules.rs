//! Rules that a table changes.

use std::collections::BTreeMap;

use serde::Deserialize;
use tandem_core::alert::{Key, RULES, Rule, Unit, rule, shown};
use tandem_gateway::alerts::Settings;
use toml::Value;

use super::super::Problems;
use super::Wrong;

/// The longest hold, in seconds: what takes longer to be told is told to nobody.
const LONGEST_S: u64 = 30 * 86_400;

/// `[alerts.rules.KEY]` and `[site.alerts.rules.KEY]`. What is not set stays as it is above: for all sites, or without settings.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct OwnRule {
    enabled: Option<bool>,
    raise: Option<Value>,
    clear: Option<Value>,
    raise_after: Option<Value>,
    clear_after: Option<Value>,
}

/// The rules that a table changes. A site's start from what holds for all, `above`.
pub(super) fn changed(
    at: &str,
    rules: BTreeMap<String, OwnRule>,
    above: Option<&Settings>,
    problems: &mut Problems,
) -> Vec<Rule> {
    let mut all = Vec::new();
    for (name, own) in rules {
        let at = format!("{at}.rules.{name}");
        match Key::named(&name) {
            None => {
                let known: Vec<_> = RULES.iter().map(|rule| rule.key.text()).collect();
                problems.add(&at, "unknown rule", &format!("known are {}", known.join(", ")));
            }
            Some(key) if key.is_of_gateway() && above.is_some() => {
                let remedy = format!("set it in [alerts.rules.{name}]");
                problems.add(&at, "it is about the whole gateway, not about one site", &remedy);
            }
            Some(key) => {
                let from = above.map_or_else(|| rule(key), |above| above.rule(key, ""));
                all.extend(own.change(from, &at, problems));
            }
        }
    }
    all
}

impl OwnRule {
    /// The rule as it is with what is set here; none with a mistake.
    fn change(self, mut rule: Rule, at: &str, problems: &mut Problems) -> Option<Rule> {
        let before = problems.0.len();
        rule.enabled = self.enabled.unwrap_or(rule.enabled);
        for (name, given, value) in
            [("raise", self.raise, &mut rule.raise), ("clear", self.clear, &mut rule.clear)]
        {
            match given.map(|given| amount(rule.unit, &given)).transpose() {
                Ok(given) => *value = given.unwrap_or(*value),
                Err((what, remedy)) => problems.add(&format!("{at}.{name}"), what, remedy),
            }
        }
        for (name, given, value) in [
            ("raise_after", self.raise_after, &mut rule.raise_after_ms),
            ("clear_after", self.clear_after, &mut rule.clear_after_ms),
        ] {
            match given.map(|given| seconds(&given).ok_or(())).transpose() {
                Ok(given) => *value = given.map_or(*value, |given| i64::from(given) * 1_000),
                Err(()) => problems.add(&format!("{at}.{name}"), "not a duration", DURATION),
            }
        }
        if problems.0.len() == before && rule.clear >= rule.raise {
            let (raise, clear) = (shown(rule.unit, rule.raise), shown(rule.unit, rule.clear));
            let what = format!("raised from {raise} on, and over at {clear}: both at once");
            problems.add(&format!("{at}.clear"), &what, "set raise and clear so that clear is less");
        }
        (problems.0.len() == before).then_some(rule)
    }
}

const DURATION: &str = "write \"30s\", \"10m\", \"2h\" or \"1d\"; 30 days at most";

/// A threshold in the rule's unit.
fn amount(unit: Unit, given: &Value) -> Result<f64, Wrong> {
    let most = match unit {
        Unit::Seconds => return seconds(given).map(f64::from).ok_or(("not a duration", DURATION)),
        Unit::Switch => {
            let remedy = "leave it out; enabled, raise_after and clear_after can be set";
            return Err(("it is either so or not", remedy));
        }
        Unit::Share => (1.0, "write a share from 0 to 1, e.g. 0.2 for 20 %"),
        Unit::Points => (10.0, "write points from 0 to 10, e.g. 1.0"),
        Unit::Events => (1e9, "write a number of events, e.g. 20"),
    };
    // A whole number in the file is a float here just as well.
    let number = given.clone().try_into::<f64>().ok();
    number.filter(|number| (0.0..=most.0).contains(number)).ok_or(("out of range", most.1))
}

/// `"10m"` in seconds.
fn seconds(given: &Value) -> Option<u32> {
    let text = given.as_str()?;
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    let is_plain = number.bytes().all(|b| b.is_ascii_digit());
    let seconds = number.parse::<u64>().ok().filter(|_| is_plain)?.checked_mul(unit)?;
    u32::try_from(seconds).ok().filter(|_| seconds <= LONGEST_S)
}
