//! A destination that a person pauses sends nothing, whatever happens to the program, and everything once when it may again.
//! The real binary against the stand-in.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod harness;

use harness::{Client, Gateway, Home, StandIn, now_s, shop_sites};
use serde_json::{Value, json};
use tandem_sandbox::Query;

const EVENTS: usize = 50;

fn accept(gateway: &Gateway, from: usize, count: usize) {
    let purchase = |n: usize| {
        json!({ "event_name": "Purchase", "event_id": format!("order_{n}"), "event_time": now_s(), "value": 10,
                "currency": "EUR", "user": { "email": "ada@example.com" } })
    };
    let events: Vec<Value> = (from..from + count).map(purchase).collect();
    let answer = Client::new(gateway.public).post_events(&Value::from(events)).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
}

fn lane(gateway: &Gateway) -> Value {
    gateway.summary()["lanes"][0].clone()
}

/// What the stand-in was sent so far: events, told apart or not.
fn sent(stand_in: &StandIn) -> u64 {
    stand_in.sandbox.report(&Query::default()).events
}

fn post(gateway: &Gateway, path: &str, body: &str) -> harness::Answer {
    gateway.post(path, &serde_json::from_str(body).unwrap())
}

/// All that waits is due: a worker that was free to send would have begun.
fn is_held(gateway: &Gateway, waiting: usize) {
    let lane = lane(gateway);
    assert_eq!(lane["waiting"], waiting, "{lane}");
    assert_eq!(lane["paused"]["by"], "Ada", "{lane}");
    assert!(lane["paused"]["since_ms"].as_i64().unwrap() > 0);
    let metrics = gateway.get("/metrics").text();
    assert!(
        metrics.contains("tandem_paused_destinations{site=\"shop\",destination=\"tiktok\"} 1"),
        "{metrics}"
    );
}

#[test]
fn what_is_paused_sends_nothing_until_a_person_resumes_it() {
    let stand_in = StandIn::start();
    let home = Home::shop(&stand_in);
    let gateway = home.start();
    let id = lane(&gateway)["lane"].clone();
    let (pause, resume) = (format!("/api/lanes/{id}/pause"), format!("/api/lanes/{id}/resume"));

    assert_eq!(post(&gateway, &pause, r#"{"by":" Ada\n"}"#).json()["status"], "paused");
    accept(&gateway, 0, EVENTS);
    is_held(&gateway, EVENTS);

    // A new configuration lets a stopped destination try again, but not a paused one.
    home.write(&shop_sites(&stand_in.base_url()));
    gateway.hang_up();
    accept(&gateway, EVENTS, 1);
    is_held(&gateway, EVENTS + 1);

    // Nor does a start, which looks through every queue at once.
    assert!(gateway.stop().success());
    let gateway = home.start();
    is_held(&gateway, EVENTS + 1);
    // Nor a replay: everything waits already, so there is nothing to make anew.
    assert_eq!(post(&gateway, "/api/replay", r#"{"since_ms":0}"#).json()["deliveries"], 0);
    assert!(gateway.stop().success());
    assert_eq!(sent(&stand_in), 0, "both runs have ended, and none of them had sent a thing");

    let gateway = home.start();
    assert_eq!(post(&gateway, &resume, "{}").json()["status"], "resumed");
    gateway.drain();
    let lane = lane(&gateway);
    assert!(lane["paused"].is_null(), "{lane}");
    let report = stand_in.sandbox.report(&Query::default());
    assert_eq!(report.conversions.len(), EVENTS + 1, "every one counted");
    assert_eq!(report.events, EVENTS as u64 + 1, "and none sent twice");
    let states = gateway.records("deliveries");
    assert!(states.iter().all(|row| row["state"] == "delivered"), "{states:?}");
}

#[test]
fn a_pause_names_a_destination_and_who() {
    let stand_in = StandIn::start();
    let home = Home::shop(&stand_in);
    let gateway = home.start();
    let id = lane(&gateway)["lane"].clone();
    let pause = format!("/api/lanes/{id}/pause");
    assert_eq!(post(&gateway, "/api/lanes/9999/pause", "{}").status, 404);
    assert_eq!(post(&gateway, "/api/lanes/x/pause", "{}").status, 400);
    assert_eq!(post(&gateway, &pause, r#"{"buy":"Ada"}"#).status, 400);
    assert!(lane(&gateway)["paused"].is_null());
    assert_eq!(post(&gateway, &pause, "{}").status, 200);
    assert_eq!(lane(&gateway)["paused"]["by"], "a program");
    assert_eq!(post(&gateway, &pause, &json!({ "by": "é".repeat(500) }).to_string()).status, 200);
    assert_eq!(lane(&gateway)["paused"]["by"], "é".repeat(60));
}
