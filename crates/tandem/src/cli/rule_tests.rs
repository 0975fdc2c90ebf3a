//! The tests of rules in a configuration: each sends an event through the real way in and compares what comes out.

use std::collections::HashMap;
use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use tandem_core::Amount;
use tandem_destinations::Destination;
use tandem_gateway::rates::Desk;
use tandem_gateway::{Lane, SiteRuntime, SiteSetup};
use tandem_sources::{Decoded, Request, events};
use tandem_store::LaneId;

use super::explain::explain;
use crate::config::{Config, RuleTest};

/// What became of a configuration's tests.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// One line a test, more for one that failed.
    pub(crate) lines: Vec<String>,
    /// How many failed.
    pub(crate) failed: usize,
}

/// Runs all tests of all sites at this time (Unix seconds).
pub(crate) fn run(config: &Config, now_s: i64) -> Told {
    let desk = Desk::default();
    if let Some(held) = config.rates.as_ref().and_then(|source| source.on_disk().ok()) {
        desk.put(held);
    }
    let mut told = Told::default();
    for (id, tests) in &config.rule_tests {
        let Some(setup) = config.sites.iter().find(|setup| setup.site.id == *id) else { continue };
        for test in tests {
            let differences = differences(setup, &desk, test, now_s);
            let verdict = if differences.is_empty() { "passed" } else { "FAILED" };
            told.lines.push(format!("site {id}: rule test {:?} {verdict}", test.name));
            told.failed += usize::from(!differences.is_empty());
            told.lines.extend(differences.into_iter().map(|line| format!("    {line}")));
        }
    }
    told
}

fn differences(setup: &SiteSetup, desk: &Desk, test: &RuleTest, now_s: i64) -> Vec<String> {
    let site = match runtime(setup, desk, test) {
        Ok(site) => site,
        Err(why) => return vec![why],
    };
    let decoded = match decoded(&site, test, now_s) {
        Ok(decoded) => decoded,
        Err(why) => return vec![why],
    };
    compare(test, &explain(&site, decoded, now_s).0)
}

/// The site with the lanes that matter.
fn runtime(setup: &SiteSetup, desk: &Desk, test: &RuleTest) -> Result<SiteRuntime, String> {
    let wanted = |name: &str| test.destination.as_deref() == Some(name);
    let chosen = setup.destinations.iter().filter(|d| wanted(d.definition().name));
    let lane = |d: &Arc<dyn Destination>| Lane {
        rates: desk.clone(),
        ..Lane::new(LaneId(0), &setup.site, d.clone())
    };
    let lanes: Vec<Lane> = chosen.map(lane).collect();
    match &test.destination {
        Some(name) if lanes.is_empty() => return Err(format!("the site has no destination {name:?}")),
        None if test.expect_skip.is_some() || test.expect_request.is_some() => {
            return Err("expect_skip and expect_request need a destination".to_owned());
        }
        _ => {}
    }
    Ok(SiteRuntime { site: setup.site.clone(), sources: HashMap::new(), lanes, script: None })
}

fn decoded(site: &SiteRuntime, test: &RuleTest, now_s: i64) -> Result<Decoded, String> {
    let mut headers = HeaderMap::new();
    for (name, value) in &test.headers {
        let name: HeaderName = name.parse().map_err(|_| format!("{name:?} is no name of a header"))?;
        let value = HeaderValue::from_str(value.as_str().unwrap_or_default())
            .map_err(|_| format!("the header {name} has no value that can be sent"))?;
        headers.append(name, value);
    }
    let mut event = test.event.clone();
    event.entry("event_id").or_insert_with(|| "rule_test".into());
    event.entry("event_time").or_insert_with(|| now_s.into());
    // A test is about rules: it says what was allowed only where that matters.
    if !["consent", "consent_state"].iter().any(|name| event.contains_key(*name)) {
        event.insert(
            "consent".to_owned(),
            serde_json::json!({ "advertising": "granted", "analytics": "granted" }),
        );
    }
    let body = serde_json::to_vec(&event).unwrap_or_default();
    let source = tandem_sources::configure(events::NAME, None)?;
    let request = Request { now_ms: now_s * 1_000, ..Request::new(&headers, &body) };
    let context = site.site.rules.context(|name| request.header(name), &request.cookies());
    Ok(Decoded { context, ..source.decode(&request, &site.site) })
}

fn compare(test: &RuleTest, report: &Value) -> Vec<String> {
    let kept = &report["events"][0];
    let mut found = Vec::new();
    let rejection = &report["rejections"][0];
    if let Some(reason) = &test.expect_drop {
        let message = rejection["message"].as_str().unwrap_or_default();
        if rejection["code"] != "rule_drop" || !message.contains(reason.as_str()) {
            found.push(format!("expected the event to be dropped for {reason:?}"));
        }
        return found;
    }
    if rejection.is_object() {
        found.push(format!("the event is not taken: {}", rejection["message"].as_str().unwrap_or_default()));
        return found;
    }
    if let Some(expected) = &test.expect {
        subset("event", expected, &kept["event"], &mut found);
    }
    for path in &test.expect_absent {
        let at = path.split('.').try_fold(&kept["event"], |at, name| at.get(name));
        if at.is_some() {
            found.push(format!("event.{path}: is there"));
        }
    }
    if let Some(expected) = &test.expect_emit {
        let all = report["events"].as_array().map(Vec::as_slice).unwrap_or_default();
        let fits = |event: &&Value| {
            let mut lines = Vec::new();
            subset("", expected, &event["event"], &mut lines);
            lines.is_empty()
        };
        if !all.iter().skip(1).any(|event| fits(&event)) {
            found.push(format!("no added event fits {expected}; there are {}", all.len().saturating_sub(1)));
        }
    }
    let delivery = &kept["deliveries"][0];
    let skip = &delivery["skip"];
    if let Some(reason) = &test.expect_skip {
        let (code, message) = (skip["code"].as_str(), skip["message"].as_str().unwrap_or_default());
        if code.is_none() || !(code == Some(reason) || message.contains(reason.as_str())) {
            found.push(format!("expected a skip for {reason:?}, found {}", shown(skip)));
        }
    }
    if let Some(expected) = &test.expect_request {
        match request_of(&delivery["request"]["body"], expected) {
            Some(lines) if skip.is_null() => found.extend(lines),
            _ => found.push(format!("nothing is sent: {}", shown(skip))),
        }
    }
    // What a rule could not do is what a failing test is mostly about.
    if !found.is_empty() {
        let findings =
            [&kept["findings"], &delivery["findings"]].into_iter().filter_map(Value::as_array).flatten();
        let failed = findings.filter(|f| f["code"].as_str().is_some_and(|code| code.starts_with("rule_")));
        found.extend(failed.map(|f| format!("note: {}", f["message"].as_str().unwrap_or_default())));
    }
    found
}

/// Differences to the request's body, or to the one event in it, whichever is nearer: an expectation may be written for
/// either, and platforms call their lists of events by different names.
fn request_of(body: &Value, expected: &Value) -> Option<Vec<String>> {
    let inner = body.as_object()?.values().filter_map(Value::as_array).filter_map(|list| list.first());
    let differences = |candidate: &Value| {
        let mut lines = Vec::new();
        subset("request", expected, candidate, &mut lines);
        lines
    };
    inner.chain([body]).map(differences).min_by_key(Vec::len)
}

/// Everything expected is there; what is beside it does not matter. Amounts compare as amounts.
fn subset(path: &str, expected: &Value, found: &Value, lines: &mut Vec<String>) {
    match (expected, found) {
        (Value::Object(expected), Value::Object(there)) => {
            for (name, value) in expected {
                subset(&format!("{path}.{name}"), value, there.get(name).unwrap_or(&Value::Null), lines);
            }
        }
        (Value::Array(expected), Value::Array(there)) if expected.len() == there.len() => {
            for (i, (expected, there)) in expected.iter().zip(there).enumerate() {
                subset(&format!("{path}[{i}]"), expected, there, lines);
            }
        }
        _ if expected == found || same_amount(expected, found) => {}
        _ => lines.push(format!("{path}: expected {}, found {}", shown(expected), shown(found))),
    }
}

fn same_amount(a: &Value, b: &Value) -> bool {
    let amount = |value: &Value| Amount::from_json(value).ok().map(|(amount, _)| amount.decimal());
    (a.is_number() || b.is_number()) && amount(a).is_some() && amount(a) == amount(b)
}

fn shown(value: &Value) -> String {
    if value.is_null() { "nothing".to_owned() } else { value.to_string() }
}
