//! Many shops in one process, and a configuration that changes under it: shops come and go, keys and tokens are exchanged,
//! and a file with a mistake changes nothing. The real binary, by SIGHUP.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod harness;
mod slow;

use std::time::{Duration, Instant};

use harness::{Client, Gateway, Home, PIXEL, StandIn, now_s, until};
use serde_json::{Value, json};
use slow::Slow;
use tandem_sandbox::{Options, Query};

/// One shop with an events API and TikTok.
struct Shop<'a> {
    id: &'a str,
    key: &'a str,
    pixel: &'a str,
    token: &'a str,
}

const NORTH: Shop<'_> = Shop { id: "north", key: "north-key", pixel: PIXEL, token: "north-token" };
const SOUTH: Shop<'_> =
    Shop { id: "south", key: "south-key", pixel: "CSOUTHPIXEL0000000000", token: "south-token" };

fn sites(stand_in: &StandIn, shops: &[Shop<'_>]) -> String {
    sites_at(&stand_in.base_url(), shops)
}

fn sites_at(base_url: &str, shops: &[Shop<'_>]) -> String {
    let site = |shop: &Shop<'_>| {
        let Shop { id, key, pixel, token } = shop;
        format!(
            r#"
            [[site]]
            id = "{id}"
            consent.on_unknown = "grant"
            [site.sources.events]
            write_keys = ["{key}"]
            [site.sources.browser]
            hosts = ["{id}.example"]
            path = "/{id}-path"
            [site.destinations.tiktok]
            pixel_id = "{pixel}"
            access_token = "{token}"
            base_url = "{base_url}"
            "#
        )
    };
    shops.iter().map(site).collect()
}

fn purchase(id: &str) -> Value {
    json!({ "event_name": "Purchase", "event_id": id, "event_time": now_s(), "value": 10, "currency": "EUR",
            "user": { "email": "ada@example.com" } })
}

fn send(gateway: &Gateway, key: &str, id: &str) -> u16 {
    let bearer = format!("Bearer {key}");
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
    let body = purchase(id).to_string();
    Client::new(gateway.public).call("POST", "/v1/events", &headers, body.as_bytes()).unwrap().status
}

fn script(gateway: &Gateway, path: &str) -> u16 {
    Client::new(gateway.public).call("GET", &format!("{path}/s.js"), &[], b"").unwrap().status
}

/// Event ids that a pixel counted.
fn counted(stand_in: &StandIn, pixel: &str) -> Vec<String> {
    let conversions = stand_in.sandbox.report(&Query::default()).conversions;
    let mut ids: Vec<String> =
        conversions.into_iter().filter(|c| c.pixel == pixel).filter_map(|c| c.event_id).collect();
    ids.sort_unstable();
    ids
}

#[test]
fn shops_come_and_go_without_a_restart() {
    let stand_in = StandIn::start();
    let home = Home::new(&sites(&stand_in, &[NORTH]));
    let gateway = home.start();
    assert_eq!((send(&gateway, "north-key", "n1"), send(&gateway, "south-key", "s1")), (200, 401));
    assert_eq!((script(&gateway, "/north-path"), script(&gateway, "/south-path")), (200, 404));

    home.write(&sites(&stand_in, &[NORTH, SOUTH]));
    gateway.hang_up();
    assert_eq!((send(&gateway, "north-key", "n2"), send(&gateway, "south-key", "s2")), (200, 200));
    assert_eq!((script(&gateway, "/north-path"), script(&gateway, "/south-path")), (200, 200));
    gateway.drain();
    assert_eq!(counted(&stand_in, NORTH.pixel), ["n1", "n2"]);
    assert_eq!(counted(&stand_in, SOUTH.pixel), ["s2"], "each shop's events reach its own pixel only");

    home.write(&sites(&stand_in, &[SOUTH]));
    gateway.hang_up();
    assert_eq!((send(&gateway, "north-key", "n3"), send(&gateway, "south-key", "s3")), (401, 200));
    assert_eq!((script(&gateway, "/north-path"), script(&gateway, "/south-path")), (404, 200));
    gateway.drain();
    assert_eq!(counted(&stand_in, SOUTH.pixel), ["s2", "s3"]);
    assert!(gateway.log().contains("removed=\"north\""), "{}", gateway.log());
    assert!(gateway.stop().success());
}

#[test]
fn a_broken_file_changes_nothing_and_is_explained() {
    let stand_in = StandIn::start();
    let home = Home::new(&sites(&stand_in, &[NORTH]));
    let gateway = home.start();
    let broken =
        sites(&stand_in, &[NORTH, SOUTH]).replace("south-key", "north-key").replace("currency", "curency");
    for text in [broken.as_str(), "[[site]\nid =", "", "[[site]]\nid = \"Not A Short Name\""] {
        home.write(text);
        gateway.hang_up();
        assert!(gateway.log().trim_end().ends_with(&format!("path={}", home.config().display())));
        assert_eq!(send(&gateway, "north-key", &format!("n{}", text.len())), 200, "{text}");
    }
    assert!(gateway.log().contains("a key is used twice"), "{}", gateway.log());
    gateway.drain();
    assert_eq!(counted(&stand_in, NORTH.pixel).len(), 4);
    let metrics = gateway.get("/metrics").text();
    assert!(metrics.contains("tandem_configurations_total{result=\"refused\"} 4"), "{metrics}");
}

#[test]
fn a_withdrawn_key_is_refused_and_a_mended_token_is_used_at_once() {
    let stand_in = StandIn::with(Options {
        revoked_tokens: vec!["stale-token".into()],
        rate_per_s: None,
        ..Options::default()
    });
    let stale = Shop { token: "stale-token", ..NORTH };
    let home = Home::new(&sites(&stand_in, &[stale]));
    let gateway = home.start();
    assert_eq!(send(&gateway, "north-key", "n1"), 200);
    until("the destination is stopped", || gateway.summary()["lanes"][0]["stopped"].is_object());

    home.write(&sites(&stand_in, &[Shop { key: "new-key", ..NORTH }]));
    gateway.hang_up();
    gateway.drain();
    assert_eq!(counted(&stand_in, NORTH.pixel), ["n1"]);
    assert_eq!((send(&gateway, "north-key", "n2"), send(&gateway, "new-key", "n3")), (401, 200));
}

#[test]
fn what_waits_for_a_shop_that_left_goes_out_when_it_is_back() {
    let stand_in = StandIn::with(Options {
        revoked_tokens: vec!["stale-token".into()],
        rate_per_s: None,
        ..Options::default()
    });
    let stale = Shop { token: "stale-token", ..NORTH };
    let home = Home::new(&sites(&stand_in, &[stale, SOUTH]));
    let gateway = home.start();
    assert_eq!(send(&gateway, "north-key", "n1"), 200);
    until("the destination is stopped", || {
        let lanes = gateway.summary()["lanes"].clone();
        lanes.as_array().unwrap().iter().any(|lane| lane["stopped"].is_object())
    });
    home.write(&sites(&stand_in, &[SOUTH]));
    gateway.hang_up();
    assert_eq!(gateway.waiting(), 1);
    home.write(&sites(&stand_in, &[SOUTH, NORTH]));
    gateway.hang_up();
    gateway.drain();
    assert_eq!(counted(&stand_in, NORTH.pixel), ["n1"]);
}

#[test]
fn events_that_come_while_the_configuration_changes_are_all_counted_once() {
    let stand_in = StandIn::start();
    let home = Home::new(&sites(&stand_in, &[NORTH]));
    let gateway = home.start();
    std::thread::scope(|scope| {
        let senders: Vec<_> = (0..4)
            .map(|sender| {
                let gateway = &gateway;
                scope.spawn(move || {
                    (0..100).filter(|i| send(gateway, "north-key", &format!("n{sender}-{i}")) == 200).count()
                })
            })
            .collect();
        for round in 0..10 {
            let shops: &[Shop<'_>] = if round % 2 == 0 { &[NORTH, SOUTH] } else { &[NORTH] };
            home.write(&sites(&stand_in, shops));
            gateway.hang_up();
        }
        assert_eq!(senders.into_iter().map(|s| s.join().unwrap()).sum::<usize>(), 400);
    });
    gateway.drain();
    let report = stand_in.sandbox.report(&Query::default());
    assert_eq!(counted(&stand_in, NORTH.pixel).len(), 400);
    assert_eq!(report.events, 400, "nothing was sent twice");
}

/// The answer of a call with the old token speaks of the old token: it must not hold the lane up for the half minute of a
/// destination that is stopped.
#[test]
fn a_call_under_way_with_the_old_token_does_not_hold_up_the_new_one() {
    let slow = Slow::open("stale-token");
    let home = Home::new(&sites_at(&slow.base_url(), &[Shop { token: "stale-token", ..NORTH }]));
    let gateway = home.start();
    assert_eq!(send(&gateway, "north-key", "n1"), 200);
    until("a call is under way", || slow.calls() == 1);
    home.write(&sites_at(&slow.base_url(), &[NORTH]));
    gateway.hang_up();
    let released = Instant::now();
    slow.answer();
    gateway.drain();
    assert!(released.elapsed() < Duration::from_secs(25), "held up for {:?}", released.elapsed());
    until("it is not called stopped any more", || gateway.summary()["lanes"][0]["stopped"].is_null());
    assert_eq!(slow.calls(), 2);
}

/// The same of a person who mends it at the platform and presses Resume while a call from before waits for its answer.
#[test]
fn a_call_from_before_does_not_hold_up_what_a_person_resumed() {
    let slow = Slow::open("stale-token");
    let home = Home::new(&sites_at(&slow.base_url(), &[Shop { token: "stale-token", ..NORTH }]));
    let gateway = home.start();
    for (id, calls) in [("n1", 1), ("n2", 2)] {
        assert_eq!(send(&gateway, "north-key", id), 200);
        until("a call is under way", || slow.calls() == calls);
    }
    slow.answer_one();
    until("the destination is stopped", || !gateway.summary()["lanes"][0]["stopped"].is_null());
    slow.mend();
    let lane = gateway.summary()["lanes"][0]["lane"].clone();
    assert_eq!(gateway.post(&format!("/api/lanes/{lane}/resume"), &serde_json::json!({})).status, 200);
    until("it is tried again", || slow.calls() == 3);
    let released = Instant::now();
    slow.answer();
    gateway.drain();
    assert!(released.elapsed() < Duration::from_secs(25), "held up for {:?}", released.elapsed());
    until("it is not called stopped any more", || gateway.summary()["lanes"][0]["stopped"].is_null());
}
