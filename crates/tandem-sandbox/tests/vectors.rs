//! The shared test vectors: requests through the real router, pairs through the engine.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

mod support;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tandem_sandbox::{
    KEY_NAMES, KeySet, Options, Person, TIKTOK,
    engine::{Arrival, Channel, Engine, Verdict},
};

use crate::support::{Bench, TRACK, patch};

/// Vectors whose expectation the sandbox does not hold, and why.
const EXCEPTIONS: [(&str, &str); 1] = [(
    "dedup-020",
    "renamed events: TikTok says nothing, the option alias_before_dedup decides; tested below",
)];

fn vectors(kind: &str) -> (Value, Vec<Value>) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tandem-core/tests/data/tiktok-vectors.json");
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let all = file["vectors"].as_array().unwrap().iter();
    let wanted = all.filter(|v| v["input"]["kind"] == kind).filter(|v| {
        let id = v["id"].as_str().unwrap();
        EXCEPTIONS.iter().all(|(exception, _)| *exception != id)
    });
    (file["base_request"].clone(), wanted.cloned().collect())
}

/// Builds the request of a vector out of the base request.
fn build(base: &Value, input: &Value) -> (String, Vec<(String, String)>, Vec<u8>) {
    let mut body = input.get("body").cloned().unwrap_or_else(|| base["body"].clone());
    patch(&mut body, input["patch"].as_array().unwrap());
    if let Some(repeat) = input.get("repeat") {
        let (parent, _) = repeat["path"].as_str().unwrap().rsplit_once('/').unwrap();
        let list = body.pointer_mut(parent).unwrap().as_array_mut().unwrap();
        let count = usize::try_from(repeat["count"].as_u64().unwrap()).unwrap();
        *list = vec![list[0].clone(); count];
    }
    let mut headers = base["headers"].as_object().unwrap().clone();
    if let Some(changed) = input.get("headers").and_then(Value::as_object) {
        headers.extend(changed.clone());
    }
    let headers = headers.into_iter().filter_map(|(k, v)| Some((k, v.as_str()?.to_owned()))).collect();
    let path = input["path"].as_str().unwrap_or(TRACK).to_owned();
    let body = match input["body_text"].as_str() {
        Some(text) => text.into(),
        None => serde_json::to_vec(&body).unwrap(),
    };
    (path, headers, body)
}

#[tokio::test]
async fn requests_are_answered_as_the_vectors_say() {
    let (base, vectors) = vectors("request");
    assert!(vectors.len() >= 51);
    let mut wrong = Vec::new();
    for vector in vectors {
        // The person behind each expectation of a match.
        let upstream = &vector["expected"]["upstream"];
        let people = if upstream["phone_matched"].is_boolean() {
            vec![Person { phone: Some("+1 213 373 4253".into()), ..Person::default() }]
        } else {
            vec![Person { email: Some("Alice_ABC@gmail.com ".into()), ..Person::default() }]
        };
        let bench = Bench::new(Options { people, ..Options::default() });
        let (path, headers, body) = build(&base, &vector["input"]);
        let headers: Vec<(&str, &str)> = headers.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let answer = bench.post(&path, &headers, body).await;
        let mut check = |what: &str, expected: Value, got: Value| {
            if expected != got {
                wrong.push(format!("{}: {what}: expected {expected}, got {got}", vector["id"]));
            }
        };
        check("x-tt-logid", json!(true), answer.headers.contains_key("x-tt-logid").into());
        check("x-tt-trace-id", json!(true), answer.headers.contains_key("x-tt-trace-id").into());
        check("retry-after", json!(false), answer.headers.contains_key("retry-after").into());
        if let Some(status) = upstream.get("http_status") {
            check("status", status.clone(), answer.status.as_u16().into());
        }
        if let Some(text) = upstream.get("body_text") {
            check("text", text.clone(), answer.text.clone().into());
        }
        let Some(code) = upstream.get("code") else { continue };
        let json = answer.json();
        check("code", code.clone(), json["code"].clone());
        check("data", json!({}), json["data"].clone());
        if let Some(like) = upstream["message_like"].as_str() {
            let message = json["message"].as_str().unwrap();
            if !message.contains(like) {
                check("message", like.into(), message.into());
            }
        }
        let report = bench.sandbox.conversions();
        if *code != json!(0) {
            check("nothing counted", json!([0, 1]), json!([report.events, report.refused]));
            continue;
        }
        check(
            "test mode",
            (report.test_events > 0).into(),
            upstream["test_mode"].as_bool().unwrap_or(false).into(),
        );
        let first = report.conversions.first();
        if let Some(matched) = upstream.get("matched").or(upstream.get("phone_matched")) {
            let found = first.is_some_and(|c| !c.matched_keys.is_empty());
            check("matched", matched.clone(), found.into());
        }
        if let Some(kind) = upstream.get("event_type") {
            check("event type", kind.clone(), first.map(|c| c.event_type.clone()).into());
        }
        if let Some(name) = upstream.get("counts_as") {
            check("counts as", name.clone(), first.map(|c| c.event.clone()).into());
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Plays the events of a vector; gives the verdicts and what became of the conversions.
fn play(options: &Options, events: &[Value]) -> (Vec<&'static str>, usize, BTreeSet<&'static str>) {
    let mut engine = Engine::default();
    let mut keys = KeySet::default();
    let mut verdicts = Vec::new();
    for event in events {
        let channel = if event["channel"] == "pixel" { Channel::Pixel } else { Channel::Server };
        let mut arrival = Arrival::new(channel, event["event"].as_str().unwrap(), event["event_id"].as_str());
        for (name, value) in event["user"].as_object().into_iter().flatten() {
            arrival.keys = arrival.keys.with(KeySet::named(name));
            if name == "ttp" {
                arrival.visitor.extend(value.as_str().map(|ttp| ("ttp", ttp.into())));
            }
        }
        let pixel = event["pixel"].as_str().unwrap();
        let now_ms = event["t_s"].as_i64().unwrap() * 1000;
        let verdict = engine.record(&TIKTOK.dedup(options), pixel, &arrival, now_ms);
        if verdict != Verdict::Drop {
            keys = keys.with(arrival.keys);
        }
        verdicts.push(match verdict {
            Verdict::Keep => "keep",
            Verdict::Merge => "merge",
            Verdict::Drop => "drop",
        });
    }
    let counted = verdicts.iter().filter(|v| **v == "keep").count();
    let names = keys.names();
    (verdicts, counted, KEY_NAMES.into_iter().filter(|k| names.iter().any(|n| n == k)).collect())
}

#[test]
fn duplicates_are_found_as_the_vectors_say() {
    let (_, vectors) = vectors("dedup");
    assert!(vectors.len() >= 25);
    for keep_details in [true, false] {
        for vector in &vectors {
            let id = vector["id"].as_str().unwrap();
            let expected = &vector["expected"];
            let ttp_fallback = vector["note"].as_str().is_some_and(|note| note.contains("ttp_fallback"));
            let options = Options { keep_details, ttp_fallback, ..Options::default() };
            let (verdicts, counted, keys) = play(&options, vector["input"]["events"].as_array().unwrap());
            assert_eq!(expected["verdicts"], json!(verdicts), "{id}");
            assert_eq!(expected["counted"], json!(counted), "{id}");
            if let Some(wanted) = expected.get("merged_user_keys") {
                let wanted: BTreeSet<&str> =
                    wanted.as_array().unwrap().iter().filter_map(Value::as_str).collect();
                assert_eq!(wanted, keys, "{id}");
            }
        }
    }
}

#[test]
fn renamed_events_are_one_if_told_so() {
    let events = json!([
        {"t_s": 0, "channel": "pixel", "pixel": "P", "event": "CompletePayment", "event_id": "1"},
        {"t_s": 60, "channel": "server", "pixel": "P", "event": "Purchase", "event_id": "1"},
    ]);
    let events = events.as_array().unwrap();
    let alias = Options { alias_before_dedup: true, ..Options::default() };
    assert_eq!(play(&Options::default(), events).0, ["keep", "keep"]);
    assert_eq!(play(&alias, events).0, ["keep", "merge"]);
}

#[test]
fn an_event_without_id_counts_unless_told_to_look_at_the_cookie() {
    let events = json!([
        {"t_s": 0, "channel": "pixel", "pixel": "P", "event": "Purchase", "event_id": "1", "user": {"ttp": "x"}},
        {"t_s": 60, "channel": "server", "pixel": "P", "event": "Purchase", "user": {"ttp": "x"}},
    ]);
    assert_eq!(play(&Options::default(), events.as_array().unwrap()).0, ["keep", "keep"]);
}

#[test]
fn windows_are_closed_at_their_last_second() {
    let at = |second: u32, channel: &str| json!({"t_s": second, "channel": channel, "pixel": "P", "event": "Purchase", "event_id": "1"});
    let cases = [
        (300, "server", "merge"),
        (301, "server", "drop"),
        (172_800, "pixel", "drop"),
        (172_801, "pixel", "keep"),
    ];
    for (second, channel, verdict) in cases {
        let events = [at(0, "pixel"), at(second, channel)];
        assert_eq!(play(&Options::default(), &events).0, ["keep", verdict], "{second} s");
    }
}
