//! Requests as code written for TikTok's Events API makes them, good and bad: what we say, and what we take.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod common;

use common::{NOW, admitted, decode_events, read_json, root};
use serde_json::{Value, json};
use tandem_core::door::Rejection;
use tandem_core::{Amount, Event};

/// Vectors about what happens when *we* send to TikTok, or about another request than ours.
const ELSEWHERE: &[(&str, &str)] = &[
    ("req-020", "which currencies a platform takes is the destination's matter"),
    ("req-028", "a pixel that the token does not own shows when sending"),
    (
        "req-030",
        "batches to a platform are made anew; here the 1,001st event is refused by itself, see below",
    ),
    ("req-031", "as req-030"),
    ("req-037", "path of TikTok's endpoint"),
    ("req-038", "token of TikTok's endpoint"),
    ("req-039", "token of TikTok's endpoint"),
    ("req-040", "token of TikTok's endpoint"),
];

fn vectors() -> Value {
    read_json(&root().join("../tandem-core/tests/data/tiktok-vectors.json"))
}

/// RFC 6902, as far as the vectors go.
fn patch(document: &mut Value, operation: &Value) {
    let path = operation["path"].as_str().unwrap();
    let (parent, key) = path.rsplit_once('/').unwrap();
    let parent = document.pointer_mut(parent).unwrap();
    let value = operation["value"].clone();
    match (operation["op"].as_str().unwrap(), parent) {
        ("remove", Value::Object(map)) => assert!(map.remove(key).is_some(), "{path}"),
        ("add", Value::Array(list)) => list.insert(key.parse().unwrap(), value),
        ("replace", Value::Array(list)) => list[key.parse::<usize>().unwrap()] = value,
        ("add" | "replace", Value::Object(map)) => {
            map.insert(key.to_owned(), value);
        }
        other => panic!("{other:?}"),
    }
}

fn body(base: &Value, input: &Value) -> String {
    if let Some(text) = input["body_text"].as_str() {
        return text.to_owned();
    }
    if let Some(body) = input.get("body") {
        return body.to_string();
    }
    let mut body = base.clone();
    for operation in input["patch"].as_array().unwrap() {
        patch(&mut body, operation);
    }
    body.to_string()
}

fn run(body: &str) -> Vec<Result<Event, Rejection>> {
    admitted(decode_events(body.as_bytes()).parts, NOW)
}

fn said(results: &[Result<Event, Rejection>]) -> Vec<String> {
    let mut codes = Vec::new();
    for result in results {
        match result {
            Ok(event) => codes.extend(event.findings.iter().map(|f| f.code.to_string())),
            Err(rejection) => codes.push(rejection.code.to_string()),
        }
    }
    codes
}

fn check(vector: &Value, results: &[Result<Event, Rejection>]) {
    let id = vector["id"].as_str().unwrap();
    let gateway = &vector["expected"]["gateway"];
    let said = said(results);
    if let Some(lint) = gateway["lint"].as_str() {
        assert!(said.iter().any(|code| code == lint), "{id}: {lint} is not among {said:?}");
    }
    match gateway["action"].as_str().unwrap() {
        "reject" | "reject_if_hybrid" | "do_not_send" => {
            assert!(results.iter().all(Result::is_err), "{id}: taken");
            return;
        }
        "bisect" => {
            // What TikTok refuses as a whole is good here once its id is text.
            assert_eq!(results.iter().filter(|r| r.is_ok()).count(), 2, "{id}");
            return;
        }
        _ => {}
    }
    let [Ok(event)] = results else { panic!("{id}: not taken: {results:?}") };
    match gateway["action"].as_str().unwrap() {
        "convert_to_seconds" | "floor" => assert_eq!(event.event_time, 1_767_225_590, "{id}"),
        "use_capture_time" | "clamp_to_now" => assert_eq!(event.event_time, NOW, "{id}"),
        "hold_or_flag" => assert_eq!(event.event_time, 1_766_361_600, "{id}"),
        "stringify" if id == "req-009" => assert_eq!(event.event_id, "891"),
        "stringify" => assert_eq!(event.contents[0].content_id, "123", "{id}"),
        "to_number" => {
            assert_eq!(event.value.map(Amount::to_json_number), gateway["wire"].as_number().cloned(), "{id}")
        }
        "reject_property" if id == "req-021" => {
            assert_eq!((event.currency, event.value.is_some()), (None, true))
        }
        "reject_property" => assert_eq!((event.value, event.currency.is_some()), (None, true), "{id}"),
        "uppercase" => assert_eq!(event.currency.unwrap().code(), gateway["wire"], "{id}"),
        "fix_case" => assert_eq!(event.event_name, gateway["wire"], "{id}"),
        "rename_or_reject" | "send_same_as_pixel" => assert_eq!(event.event_name, "Purchase", "{id}"),
        "fix_or_drop" => assert_eq!(event.content_type, None, "{id}"),
        "wrap_array" => assert_eq!(event.contents[0].content_id, "SKU-123", "{id}"),
        "omit_field" | "move_to_top" => assert!(event.properties.is_empty(), "{id}: {:?}", event.properties),
        "hash" => {
            assert!(event.user.emails().all(|h| h.len() == 64) && event.user.emails().count() == 1, "{id}");
            assert!(!serde_json::to_string(event).unwrap().contains("alice_abc"), "{id}");
        }
        "rename" => assert_eq!(event.user.phones_e164().count(), 1, "{id}"),
        "send" => {}
        other => panic!("{id}: unknown action {other}"),
    }
}

#[test]
fn every_request_vector() {
    let vectors = vectors();
    assert_eq!(vectors["clock"]["now_unix"], NOW);
    let mut run_count = 0;
    for vector in vectors["vectors"].as_array().unwrap().iter().filter(|v| v["input"]["kind"] == "request") {
        if ELSEWHERE.iter().any(|(id, _)| vector["id"] == *id) {
            continue;
        }
        check(vector, &run(&body(&vectors["base_request"]["body"], &vector["input"])));
        run_count += 1;
    }
    assert_eq!(run_count, 51 - ELSEWHERE.len());
}

#[test]
fn the_base_request_is_taken_whole_and_without_a_remark() {
    let vectors = vectors();
    let results = run(&vectors["base_request"]["body"].to_string());
    let [Ok(event)] = &results[..] else { panic!("{results:?}") };
    assert_eq!(said(&results), Vec::<String>::new());
    let keys = ["email", "phone", "external_id", "ip", "user_agent", "locale", "ttclid", "ttp"];
    assert_eq!(event.user.present(), keys);
    assert_eq!((event.event_id.as_str(), event.order_id.as_deref()), ("wc_order_891", Some("891")));
    assert_eq!(event.page.url.as_deref(), Some("https://shop.example/checkout/order-received/891/"));
    assert!(event.properties.is_empty());
}

#[test]
fn extra_properties_are_kept() {
    let vectors = vectors();
    let mut body = vectors["base_request"]["body"].clone();
    body["data"][0]["properties"]["coupon_code"] = json!("SAVE10");
    let results = run(&body.to_string());
    let [Ok(event)] = &results[..] else { panic!("{results:?}") };
    assert_eq!(event.properties["coupon_code"], "SAVE10");
}

#[test]
fn limited_data_use_is_for_the_web() {
    let vectors = vectors();
    let mut body = vectors["base_request"]["body"].clone();
    body["data"][0]["limited_data_use"] = json!(true);
    let results = run(&body.to_string());
    assert!(results[0].as_ref().unwrap().limited_data_use);
    for event_source in ["offline", "crm"] {
        body["event_source"] = json!(event_source);
        let results = run(&body.to_string());
        assert!(!results[0].as_ref().unwrap().limited_data_use);
        assert_eq!(said(&results), ["ldu_not_applicable"]);
    }
    body["event_source"] = json!("app");
    assert_eq!(said(&run(&body.to_string())), ["event_source_invalid"]);
}

#[test]
fn the_1001st_event_is_refused_by_itself() {
    let vectors = vectors();
    for (count, refused) in [(1_000, 0), (1_001, 1), (1_500, 500)] {
        let mut body = vectors["base_request"]["body"].clone();
        body["data"] = vec![body["data"][0].clone(); count].into();
        let parts = decode_events(body.to_string().as_bytes()).parts;
        assert_eq!(parts.len(), count);
        let bad: Vec<Rejection> = parts.into_iter().filter_map(Result::err).collect();
        assert_eq!(bad.len(), refused);
        assert!(bad.iter().all(|r| r.code == "too_many_events"));
        if let Some(first) = bad.first() {
            assert_eq!(first.field.as_deref(), Some("data[1000]"));
        }
    }
}
