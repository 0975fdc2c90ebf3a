//! Hundreds of malformed requests against the real binary: each is answered clearly, good events next to them count
//! once, and the process comes out of it alive and small.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

#[path = "../harness/mod.rs"]
mod harness;
#[path = "../shop/mod.rs"]
mod shop;

mod bodies;
mod requests;
mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};

use bodies::{api_bodies, bad_events, broken_texts, good, hook_bodies, odd_bytes, short};
use harness::{ACCESS_TOKEN, Gateway, Home, KEY, PIXEL, StandIn};
use requests::{credentials, envelopes, garbage, places, private};
use serde_json::{Value, json};
use wire::*;

const MEMORY_KIB: u64 = 150 * 1024;

fn memory_kib(gateway: &Gateway) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{}/status", gateway.pid())).unwrap();
    let line = text.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse().unwrap()
}

fn home(stand_in: &StandIn) -> Home {
    Home::new(&format!(
        r#"
        [[site]]
        id = "shop"
        consent.on_unknown = "grant"
        [site.sources.woocommerce]
        secrets = ["{SECRET}"]
        [site.sources.events]
        write_keys = ["{KEY}"]
        [site.destinations.tiktok]
        pixel_id = "{PIXEL}"
        access_token = "{ACCESS_TOKEN}"
        base_url = "{}"
        "#,
        stand_in.base_url()
    ))
}

#[test]
fn each_is_answered_clearly_and_nothing_of_it_counts() {
    let stand_in = StandIn::start();
    let home = home(&stand_in);
    let mut gateway = home.start();
    let mut cases = Cases::default();
    for table in [api_bodies, hook_bodies, credentials, places, envelopes, garbage, private] {
        table(&mut cases);
    }
    let cases = cases.0;
    let distinct: BTreeSet<&[u8]> = cases.iter().map(|c| c.bytes.as_slice()).collect();
    let by_kind = |wanted: fn(&Want) -> bool| cases.iter().filter(|c| wanted(&c.want)).count();
    println!(
        "{} requests, {} distinct: {} refused, {} rejected, {} garbage",
        cases.len(),
        distinct.len(),
        by_kind(|w| matches!(w, Refused(..))),
        by_kind(|w| matches!(w, Rejected(_))),
        by_kind(|w| matches!(w, Garbage)),
    );
    assert!(distinct.len() >= 300, "{}", distinct.len());

    let next = AtomicUsize::new(0);
    let wrong = std::sync::Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let address = if case.private { gateway.private } else { gateway.public };
                    let reply = exchange(address, &case.bytes, case.half_close);
                    if let Err(why) = judge(case, reply.as_ref()) {
                        wrong.lock().unwrap().insert(case.name.clone(), (format!("{:?}", case.want), why));
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} wrong answers: {wrong:#?}", wrong.len());

    assert!(gateway.alive());
    assert_eq!(gateway.get("/healthz").json(), json!({"status": "ok"}));
    assert_eq!(gateway.records("events").len(), 0, "nothing of it is an event");
    assert_eq!(gateway.post_events(&json!({"event_name": "Lead", "event_id": "last"})).status, 200);
    gateway.drain();
    let counted = stand_in.sandbox.conversions().conversions;
    assert_eq!(counted.iter().map(|c| c.event_id.as_deref()).collect::<Vec<_>>(), [Some("last")]);
    assert!(!gateway.log().contains("panicked"), "{}", gateway.log());
    let memory = memory_kib(&gateway);
    println!("{} MiB after it", memory / 1024);
    assert!(memory < MEMORY_KIB, "{memory} KiB");
}

#[test]
fn good_events_next_to_each_malformed_one_count_once() {
    let stand_in = StandIn::start();
    let home = home(&stand_in);
    let mut gateway = home.start();
    // Content type, body, and the ids of the good ones in it.
    let mut batches: Vec<(String, Vec<u8>, [String; 2])> = Vec::new();
    let mut number = 0;
    let mut ids = || {
        number += 1;
        [format!("good-{number}-a"), format!("good-{number}-b")]
    };
    for (bad, _) in bad_events() {
        let [a, b] = ids();
        let list = format!("[{},{bad},{}]", good(&a), good(&b));
        batches.push(("application/json".into(), list.into_bytes(), [a, b]));
        let [a, b] = ids();
        let data = format!("[{},{bad},{}]", good(&a), good(&b));
        let envelope = format!("{{\"event_source\":\"web\",\"event_source_id\":\"P\",\"data\":{data}}}");
        batches.push(("application/json".into(), envelope.into_bytes(), [a, b]));
    }
    let texts = bad_events().into_iter().map(|(t, _)| t.into_bytes()).chain(broken_texts());
    let odd =
        odd_bytes().into_iter().filter(|(_, bytes, _)| !bytes.contains(&b'\n')).map(|(_, bytes, _)| bytes);
    for bad in texts.chain(odd) {
        let [a, b] = ids();
        let lines = [good(&a).as_bytes(), b"\n", &bad, b"\r\n\n", good(&b).as_bytes(), b"\n"].concat();
        batches.push(("application/x-ndjson".into(), lines, [a, b]));
    }
    println!("{} mixed batches", batches.len());

    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some((kind, body, good)) = batches.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let reply = exchange(gateway.public, &to_api(kind, body), false).unwrap();
                    let told = String::from_utf8_lossy(&reply.body).into_owned();
                    let name = short(body);
                    assert_eq!(reply.status, 200, "{name}: {told}");
                    let answer: Value = serde_json::from_str(&told).unwrap();
                    let counts = ["accepted", "duplicates", "rejected"].map(|k| answer[k].as_u64().unwrap());
                    assert_eq!(counts, [2, 0, 1], "{name}: {told}");
                    let events = answer["events"].as_array().unwrap();
                    let status = |i: usize| events[i]["status"].as_str().unwrap();
                    assert_eq!(
                        [status(0), status(1), status(2)],
                        ["accepted", "rejected", "accepted"],
                        "{name}"
                    );
                    assert_eq!(
                        [&events[0]["event_id"], &events[2]["event_id"]],
                        [&good[0], &good[1]],
                        "{name}"
                    );
                    assert!(!events[1]["code"].as_str().unwrap().is_empty(), "{name}");
                }
            });
        }
    });
    gateway.drain();
    let counted = stand_in.sandbox.conversions().conversions;
    let mut found: Vec<&str> = counted.iter().filter_map(|c| c.event_id.as_deref()).collect();
    let mut expected: Vec<&str> = batches.iter().flat_map(|(_, _, ids)| ids).map(String::as_str).collect();
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected);
    assert!(counted.iter().all(|c| c.received == 1));
    assert!(gateway.alive());
    assert_eq!(gateway.get("/healthz").status, 200);
    assert!(memory_kib(&gateway) < MEMORY_KIB);
}

/// What is plainly meant is mended and remarked on, not refused.
#[test]
fn slips_that_leave_the_meaning_plain_are_mended() {
    let stand_in = StandIn::start();
    let home = home(&stand_in);
    let gateway = home.start();
    let cases = [
        (r#""value":"12.50","currency":"EUR""#, "value_string"),
        (r#""value":"1.250,00","currency":"EUR""#, "value_"),
        (r#""value":{},"currency":"EUR""#, "value_"),
        (r#""value":1e29,"currency":"EUR""#, "value_"),
        (r#""value":1,"currency":"euro""#, "currency_invalid"),
        (r#""value":1,"currency":"eur""#, "currency_case"),
        (r#""value":1"#, "currency_missing"),
        (r#""event_time":1795352335000"#, "event_time_ms"),
        (r#""event_time":"1795352335""#, "event_time_string"),
        (r#""event_time":9223372036854775807"#, "event_time_"),
        (r#""user":7"#, "field_type"),
        (r#""user":{"email":{}}"#, "field_type"),
        (r#""contents":"x""#, "contents_not_array"),
        (r#""contents":[1.5,null,true]"#, "content_"),
        (r#""contents":[{"content_id":"a","quantity":"many"}]"#, "quantity_invalid"),
        (r#""event_name":"Lead","event_name":"Contact""#, ""),
    ];
    for (i, (fields, code)) in cases.iter().enumerate() {
        let body = format!("\u{feff}{{\"event_name\":\"Lead\",\"event_id\":\"mended-{i}\",{fields}}}");
        let reply = exchange(gateway.public, &to_api("text/plain", body.as_bytes()), false).unwrap();
        let answer: Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(reply.status, 200, "{fields}: {answer}");
        let warnings = answer["events"][0]["warnings"].as_array().cloned().unwrap_or_default();
        let seen = warnings.iter().any(|w| w["code"].as_str().unwrap().starts_with(code));
        assert!(seen, "{fields}: {answer}");
    }
    gateway.drain();
    let counted = stand_in.sandbox.conversions().conversions;
    // Some are older than seven days or lie in the future by the machine's clock; none is counted twice.
    assert!(counted.iter().all(|c| c.received == 1));
    assert!(counted.len() >= cases.len() - 3, "{}", counted.len());
}

/// Waits as long as the gateway does: twenty seconds.
#[test]
fn a_body_that_does_not_come_is_given_up() {
    let stand_in = StandIn::start();
    let home = home(&stand_in);
    let gateway = home.start();
    let head = format!("POST /v1/events HTTP/1.1\r\nAuthorization: {}\r\nContent-Length: 100", bearer());
    let reply = exchange(gateway.public, &raw_request(&head, b"{\"event_name\""), false).unwrap();
    let answer: Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!((reply.status, &answer["error"]["code"]), (408, &json!("body_slow")));
}
