//! Every signal of the vectors, decoded and merged.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::Arc;

use serde_json::{Value, json};
use tandem_core::consent::consent_mode::{self, ConsentMode};
use tandem_core::consent::tcf::TcString;
use tandem_core::consent::{
    Categories, Decision, Evidence, Gate, Gpc, OnUnknown, Policy, Purpose, Reading, Signals, Status,
    VendorNames, tools,
};

fn vectors() -> Vec<Value> {
    let all: Value = serde_json::from_str(include_str!("data/consent-vectors.json")).unwrap();
    all["vectors"].as_array().unwrap().clone()
}

/// Runs the check on every vector of the kind; how many there were.
fn each(kind: &str, check: impl Fn(&Value, &Value) -> Value) -> usize {
    let mut count = 0;
    for vector in vectors().iter().filter(|v| v["kind"] == kind) {
        let (input, expect) = (&vector["input"], &vector["expect"]);
        assert_eq!(check(input, expect), *expect, "{}: {}", vector["id"], vector["title"]);
        count += 1;
    }
    count
}

fn word(status: Status, unknown: &str) -> Value {
    match status {
        Status::Unknown => unknown.into(),
        known => known.text().into(),
    }
}

fn mode(mode: &ConsentMode<Status>, expect: &Value) -> Value {
    let all = json!({
        "ad_storage": word(mode.ad_storage, "unset"), "analytics_storage": word(mode.analytics_storage, "unset"),
        "ad_user_data": word(mode.ad_user_data, "unset"), "ad_personalization": word(mode.ad_personalization, "unset"),
    });
    listed(&all, expect)
}

/// Only the keys that the vector lists.
fn listed(all: &Value, expect: &Value) -> Value {
    let keys = expect.as_object().into_iter().flatten().map(|(key, _)| key);
    keys.map(|key| (key.clone(), all[key].clone())).collect::<serde_json::Map<_, _>>().into()
}

fn cookies(input: &Value) -> Vec<(&str, &str)> {
    let map = input["cookies"].as_object().into_iter().flatten();
    map.map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect()
}

#[test]
fn consent_mode_in_hits() {
    let gcs = each("gcs", |input, expect| {
        consent_mode::gcs(input["gcs"].as_str().unwrap()).map_or(Value::Null, |m| mode(&m, expect))
    });
    let gcd = each("gcd", |input, expect| {
        consent_mode::gcd(input["gcd"].as_str().unwrap()).map_or(Value::Null, |m| {
            let effective = ConsentMode {
                ad_storage: m.ad_storage.effective(),
                analytics_storage: m.analytics_storage.effective(),
                ad_user_data: m.ad_user_data.effective(),
                ad_personalization: m.ad_personalization.effective(),
            };
            mode(&effective, expect)
        })
    });
    let fields = each("gcd_fields", |input, _| {
        let mode = consent_mode::gcd(input["gcd"].as_str().unwrap()).unwrap();
        let pair = if input["key"] == "ad_storage" { mode.ad_storage } else { mode.ad_personalization };
        json!({
            "implicit": word(pair.implicit, "unset"), "default": word(pair.default, "unset"),
            "update": word(pair.update, "unset"), "effective": word(pair.effective(), "unset"),
        })
    });
    assert_eq!((gcs, gcd, fields), (13, 19, 2));
}

#[test]
fn cookies_of_consent_tools() {
    let count = each("cookie", |input, expect| {
        let readings = tools::read(&cookies(input), &Categories::default());
        let all =
            readings.iter().map(|r| (r.evidence.signal.to_string(), shown(r, &expect[&*r.evidence.signal])));
        all.collect::<serde_json::Map<_, _>>().into()
    });
    assert_eq!(count, 26);
}

/// A reading in the vectors' words.
fn shown(reading: &Reading, expect: &Value) -> Value {
    let vendors: serde_json::Map<_, _> =
        reading.vendors.iter().map(|(id, yes)| (id.clone(), (*yes).into())).collect();
    let has_vendors_only = reading.evidence.signal == "axeptio" && !vendors.is_empty();
    let list = |yes| {
        let of = reading.vendors.iter().filter(|(_, y)| *y == yes);
        of.map(|(id, _)| id.as_str()).collect::<Vec<_>>()
    };
    let value = reading.evidence.value.as_deref().unwrap_or_default();
    let ids = |name: &str| {
        let found =
            value.split(' ').find_map(|part| part.strip_prefix(name)?.strip_prefix('=')).unwrap_or_default();
        found.split(',').filter(|id| !id.is_empty()).map(str::to_owned).collect::<Vec<_>>()
    };
    let all = json!({
        "marketing": if has_vendors_only { "per_vendor".into() } else { word(reading.advertising.status, "unknown") },
        "analytics": word(reading.analytics.status, "unknown"),
        "explicit": reading.advertising.by_choice,
        "out_of_region": value.ends_with("=-1"),
        "sale_of_data": if reading.opt_out_of_sale { "denied" } else { "unknown" },
        "vendors": if has_vendors_only { vendors.into() } else { json!({"enabled": list(true), "disabled": list(false)}) },
        "purposes": {"enabled": ids("enabled"), "disabled": ids("disabled")},
    });
    listed(&all, expect)
}

#[test]
fn tc_strings() {
    let count = each("tc_string", |input, expect| {
        let text = input["tc_string"].as_str().unwrap();
        let string = TcString::read(text);
        let signals = Signals { tc_string: Some(text), ..Signals::default() };
        let consent = signals.read(&Policy::default());
        assert_eq!(string.is_some(), consent.advertising != Status::Unknown);
        let string = string.unwrap_or_default();
        let vendors: Vec<u16> = (1..=2_000).filter(|id| string.has_vendor(*id)).collect();
        let all = json!({
            "valid": consent.advertising != Status::Unknown,
            "purposes_consent": string.purposes,
            "purposes_li": string.legitimate_interests,
            "vendors_consent": vendors,
            "marketing": consent.advertising.text(),
            "storage": Status::text(if string.purposes.contains(&1) { Status::Granted } else { Status::Denied }),
        });
        listed(&all, expect)
    });
    assert_eq!(count, 9);
}

#[test]
fn a_vendor_to_whom_a_purpose_is_forbidden_is_denied() {
    let vectors = vectors();
    let text = vectors.iter().find(|v| v["id"] == "tcf-09").unwrap()["input"]["tc_string"].as_str().unwrap();
    let vendor = |tcf| VendorNames { platform: "ads".into(), names: vec![], tcf: Some(tcf) };
    let policy = Policy { vendors: vec![vendor(755)], ..Policy::default() };
    let consent = Signals { tc_string: Some(text), ..Signals::default() }.read(&policy);
    assert_eq!((consent.advertising, consent.vendors["ads"]), (Status::Granted, Status::Denied));
    let gate =
        Gate { policy: Arc::new(policy), ..Gate::new("ads", &[Purpose::Advertising], OnUnknown::Grant) };
    assert_eq!(gate.rule(&consent).record(), "suppress:vendor_denied");
}

#[test]
fn decisions() {
    let count = each("decision", |input, expect| {
        let vendors = input["vendor_map"].as_object().into_iter().flatten();
        let vendors = vendors.map(|(platform, name)| VendorNames {
            platform: platform.clone(),
            names: vec![name.as_str().unwrap().to_owned()],
            tcf: None,
        });
        let gpc = match input["policy"]["gpc"].as_str() {
            Some("deny_marketing") => Gpc::Deny,
            other => panic!("unknown rule {other:?}"),
        };
        let policy = Arc::new(Policy { gpc, vendors: vendors.collect(), ..Policy::default() });
        let mut words = Vec::new();
        if let Some(state) = input["consent_state"].as_object() {
            let of = |name: &str| {
                state
                    .get(name)
                    .map_or(Status::Unknown, |v| if v == true { Status::Granted } else { Status::Denied })
            };
            let evidence = Evidence::new("consent_state", input["consent_state"].to_string());
            words.push(Reading::chosen(evidence, of("ad_storage"), of("analytics_storage"), Status::Unknown));
        }
        if let Some(marketing) = input["order_consent"]["marketing"].as_str() {
            let status = serde_json::from_value(marketing.into()).unwrap();
            let evidence = Evidence::new(tandem_core::consent::ORDER, marketing);
            words.push(Reading::chosen(evidence, status, Status::Unknown, Status::Unknown));
        }
        let cookies = cookies(input);
        let signals = Signals {
            words,
            gcd: input["gcd"].as_str(),
            cookies: &cookies,
            gpc: input["headers"]["sec-gpc"] == "1",
            // An opt-in region and one that is none.
            region: Some(if input["policy"]["mode"] == "opt_in" { "DE" } else { "US-TX" }.to_owned()),
            ..Signals::default()
        };
        let consent = signals.read(&policy);
        let rule = |platform: &str| {
            let gate = Gate::new(platform.to_owned(), &[Purpose::Advertising], OnUnknown::ByRegion);
            Gate { policy: policy.clone(), ..gate }.rule(&consent)
        };
        let sent = |platform: &str| rule(platform).decision == Decision::Send;
        let ruling = rule("");
        let all = json!({
            "marketing": ruling.decision == Decision::Send,
            "reason": ruling.reason,
            "per_destination": {"meta": sent("meta"), "tiktok": sent("tiktok")},
        });
        listed(&all, expect)
    });
    assert_eq!(count, 12);
}
