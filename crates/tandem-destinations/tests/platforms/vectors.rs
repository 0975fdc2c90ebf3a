//! The shared vectors: what leaves for each platform, and what its replies mean.
//!
//! Vectors about identity, click ids and Meta's cookies are run where those are made, in the core and in the sources.

use serde_json::{Map, Value, json};
use tandem_core::Event;
use tandem_core::retry::Pace;
use tandem_destinations::{Destination, HttpReply, Mapped, PLATFORMS, Reply, Verdict, too_old};

use crate::common::{admitted, body, set_up};

const NOW: i64 = 1_795_348_800;

/// Where a platform keeps what the vectors look at: name, money, time, id. TikTok has vectors of its own.
const PLACES: &[(&str, [&str; 5])] = &[
    (
        "meta",
        [
            "/data/0/event_name",
            "/data/0/custom_data/value",
            "/data/0/custom_data/currency",
            "/data/0/event_time",
            "/data/0/event_id",
        ],
    ),
    // It knows a repeat by the transaction id.
    (
        "ga4",
        [
            "/events/0/name",
            "/events/0/params/value",
            "/events/0/params/currency",
            "/timestamp_micros",
            "/events/0/params/transaction_id",
        ],
    ),
];

/// Kinds that are run elsewhere.
const ELSEWHERE: [&str; 3] = ["normalize", "click_id", "fbp"];

fn vectors() -> Vec<Value> {
    let text = include_str!("../../../tandem-core/tests/data/destination-vectors.json");
    let all: Value = serde_json::from_str(text).unwrap();
    all["vectors"].as_array().unwrap().clone()
}

/// The vectors of one kind, each with a platform it is for and the places to look at.
fn of_kind(kind: &str) -> Vec<(&'static str, [&'static str; 5], Value)> {
    let fits = |platform: &str, v: &Value| {
        v["input"]["kind"] == kind && (v["platform"] == platform || v["platform"] == "all")
    };
    let all = vectors();
    let found: Vec<_> = PLACES
        .iter()
        .flat_map(|(name, places)| all.iter().filter(|v| fits(name, v)).map(|v| (*name, *places, v.clone())))
        .collect();
    assert!(!found.is_empty(), "no vector of kind {kind}");
    found
}

/// A purchase with somebody who bought; `with` takes the place of what is there.
fn purchase(with: Value) -> Value {
    let mut event = json!({
        "event_name": "Purchase", "event_id": "p1", "event_time": NOW, "order_id": "891", "value": 1, "currency": "EUR",
        "user": {"email": "ada@example.com", "client_id": "777888999.1795000000"},
        "consent": {"advertising": "granted", "analytics": "granted"},
    });
    event.as_object_mut().unwrap().extend(with.as_object().cloned().unwrap_or_default());
    event
}

fn sent(destination: &dyn Destination, event: &Event) -> Value {
    body(&destination.request(&[destination.map(event, event.limited_data_use)]))
}

fn leaves(name: &str, event: &Value) -> Value {
    let destination = set_up(name, &json!({}));
    sent(destination.as_ref(), &admitted(event, NOW).unwrap())
}

#[test]
fn no_vector_of_these_platforms_is_forgotten() {
    let run = ["event_name", "money", "time", "id", "map", "reply"];
    for vector in vectors() {
        let kind = vector["input"]["kind"].as_str().unwrap();
        assert!(run.contains(&kind) || ELSEWHERE.contains(&kind), "{kind}");
    }
    for platform in PLATFORMS.iter().map(|p| p.definition.name).filter(|name| *name != "tiktok") {
        assert!(
            PLACES.iter().any(|(name, _)| *name == platform),
            "{platform} is not run against the vectors"
        );
    }
}

#[test]
fn names() {
    for (platform, [name, ..], vector) in of_kind("event_name") {
        let event = purchase(json!({"event_name": vector["input"]["canonical"]}));
        let body = leaves(platform, &event);
        assert_eq!(body.pointer(name), Some(&vector["expected"]["wire"]), "{}", vector["id"]);
    }
}

#[test]
fn money() {
    for (platform, [_, value, currency, ..], vector) in of_kind("money") {
        let (input, expected) = (&vector["input"], &vector["expected"]);
        let event = purchase(json!({"value": input["value"], "currency": input["currency"]}));
        let body = leaves(platform, &event);
        let got = body.pointer(value).cloned().unwrap_or_default();
        let same =
            got == expected["wire"] || got.as_f64().is_some() && got.as_f64() == expected["wire"].as_f64();
        assert!(same, "{}: {got}", vector["id"]);
        assert_eq!(
            body.pointer(currency).cloned().unwrap_or_default(),
            expected["wire_currency"],
            "{}",
            vector["id"]
        );
    }
}

#[test]
fn times() {
    for (platform, [.., time, _], vector) in of_kind("time") {
        let event = admitted(&purchase(json!({"event_time": vector["input"]["event_time"]})), NOW).unwrap();
        let destination = set_up(platform, &json!({}));
        let skip = too_old(destination.definition(), &event, NOW);
        assert_eq!(skip.is_some(), vector["expected"]["action"] == "reject", "{}", vector["id"]);
        if skip.is_none() {
            let body = sent(destination.as_ref(), &event);
            assert_eq!(body.pointer(time), Some(&vector["expected"]["wire"]), "{}", vector["id"]);
        }
    }
}

#[test]
fn ids() {
    for (platform, [.., id], vector) in of_kind("id") {
        let raw = &vector["input"]["raw"];
        let admitted = admitted(&purchase(json!({"event_id": raw, "order_id": raw})), NOW);
        match vector["expected"]["wire"].as_str() {
            Some(wire) => {
                let destination = set_up(platform, &json!({}));
                let body = sent(destination.as_ref(), &admitted.unwrap());
                assert_eq!(body.pointer(id), Some(&json!(wire)), "{} for {platform}", vector["id"]);
            }
            // Either the event is refused for it, or an id is made in its place.
            None => match admitted {
                Ok(event) => {
                    assert!(event.event_id.starts_with("made_"), "{}: {}", vector["id"], event.event_id)
                }
                Err(code) => assert!(code.starts_with("event_id_"), "{}: {code}", vector["id"]),
            },
        }
    }
}

/// Vectors write one word for what we have a code for.
fn skips(reason: &str) -> &'static str {
    match reason {
        "no match key" => "no_match_keys",
        "no client_id" => "client_id_missing",
        "currency" => "money_missing",
        other => panic!("{other}"),
    }
}

#[test]
fn whole_requests() {
    for (platform, _, vector) in of_kind("map") {
        let (id, expected) = (vector["id"].as_str().unwrap(), &vector["expected"]);
        let event = admitted(&vector["input"]["event"], NOW).unwrap();
        let destination = set_up(platform, &vector["input"]["settings"]);
        if expected["action"] == "skip" {
            let skip = destination.wants(&event).unwrap_err();
            assert_eq!(skip.code, skips(expected["reason"].as_str().unwrap()), "{id}");
            continue;
        }
        assert_eq!(destination.wants(&event), Ok(()), "{id}");
        let request = destination.request(&[destination.map(&event, false)]);
        assert_eq!(request.address(), expected["url"].as_str().unwrap(), "{id}");
        let headers: Map<String, Value> =
            request.headers.iter().map(|(n, v)| (n.to_string(), v.to_str().unwrap().into())).collect();
        assert_eq!(json!(headers), expected["headers"], "{id}");
        assert_eq!(body(&request), expected["wire"], "{id}");
    }
}

fn reply(input: &Value) -> HttpReply {
    let Some(status) = input["http_status"].as_u64() else {
        return HttpReply::NoAnswer { why: "no answer in time".to_owned(), reached: true };
    };
    let body = match &input["body"] {
        Value::String(text) => text.clone(),
        json => json.to_string(),
    };
    HttpReply::Answer { status: u16::try_from(status).unwrap(), body: body.into_bytes() }
}

/// What the lane makes of a verdict: a refused batch is halved, and what would count twice is not repeated.
fn word(verdict: &Verdict, whole: bool, sent: &Mapped, count: usize, in_doubt: bool) -> &'static str {
    match verdict {
        Verdict::Delivered { .. } => "delivered",
        Verdict::Retry { .. } if in_doubt && sent.counts_twice => "given_up",
        Verdict::Retry { pace: Pace::Backoff, .. } => "retry",
        Verdict::Retry { pace: Pace::Slow, .. } => "slow_down",
        Verdict::Rejected { .. } if whole && count > 1 => "bisect",
        Verdict::Rejected { .. } => "reject",
        Verdict::StopDestination { .. } => "stop_destination",
    }
}

#[test]
fn replies() {
    for (platform, _, vector) in of_kind("reply") {
        let input = &vector["input"];
        let count = usize::try_from(input["events"].as_u64().unwrap()).unwrap();
        let destination = set_up(platform, &json!({}));
        let mapped = destination.map(&admitted(&purchase(json!({})), NOW).unwrap(), false);
        let reply = reply(input);
        let (verdicts, whole) = match destination.reply(&reply) {
            Reply::Whole(verdict) => (vec![verdict; count], true),
            Reply::Each(each) => (each, false),
        };
        let in_doubt = reply.leaves_in_doubt();
        let words: Vec<&str> = verdicts.iter().map(|v| word(v, whole, &mapped, count, in_doubt)).collect();
        assert_eq!(json!(words), vector["expected"]["verdicts"], "{}", vector["id"]);
    }
}
