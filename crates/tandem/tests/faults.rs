//! TikTok in trouble: whatever it answers, or does not, every accepted event is counted once.

mod harness;
mod load;

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use harness::{ACCESS_TOKEN, Gateway, Home, PIXEL, StandIn, until};
use load::{Ledger, Load, Maker, Random, check_file, key};
use serde_json::{Value, json};
use tandem_sandbox::{Fault, FaultKind, Options};

/// Posts them in one request that must be taken as a whole.
fn post(gateway: &Gateway, ledger: &mut Ledger, events: &[Value]) {
    let answer = gateway.post_events(&json!(events));
    assert_eq!(answer.status, 200, "{}", answer.text());
    ledger.answered(events, &answer.json(), true);
}

/// Ends the gateway and looks at all that is left.
fn settle(home: &Home, gateway: Gateway, ledger: &Ledger, stand_in: &StandIn) {
    gateway.drain();
    ledger.compare(stand_in);
    assert!(gateway.stop().success());
    check_file(home.store());
}

fn applied(stand_in: &StandIn) -> u64 {
    stand_in.sandbox.faults().iter().map(|planned| planned.applied).sum()
}

/// The word on record for the calls that went wrong, and whether the stand-in had kept the events all the same.
struct Trouble {
    name: &'static str,
    kind: FaultKind,
    verdict: &'static str,
    sent_twice: bool,
}

fn trouble(name: &'static str, kind: FaultKind) -> Trouble {
    Trouble { name, kind, verdict: "retry", sent_twice: false }
}

fn troubles() -> Vec<Trouble> {
    let code = |code, http| FaultKind::Code { code, http };
    let kept = |t: Trouble| Trouble { sent_twice: true, ..t };
    let delivered = |t: Trouble| Trouble { verdict: "delivered", ..t };
    vec![
        delivered(trouble("latency", FaultKind::Latency { ms: 300 })),
        trouble("40100", code(40_100, None)),
        trouble("40100 with HTTP 401", code(40_100, Some(401))),
        trouble("50000", code(50_000, None)),
        trouble("50000 with HTTP 500", code(50_000, Some(500))),
        trouble("HTTP 429", FaultKind::Http { status: 429 }),
        trouble("HTTP 500", FaultKind::Http { status: 500 }),
        trouble("HTTP 503", FaultKind::Http { status: 503 }),
        trouble("HTTP 502 and a page", FaultKind::Html502),
        trouble("HTTP 200 and a page", FaultKind::Html200),
        trouble("reset", FaultKind::Reset),
        kept(trouble("reset after accept", FaultKind::ResetAfterAccept)),
        kept(trouble("half an answer", FaultKind::TruncatedJson)),
        delivered(trouble("20001", FaultKind::Partial20001)),
        // Twelve seconds: the client gives up after ten.
        trouble("no answer", FaultKind::Hang),
    ]
}

#[test]
fn every_trouble_passes() {
    let began = Instant::now();
    // Each has its own gateway and stand-in, since most of the time is spent waiting for the next attempt.
    std::thread::scope(|scope| {
        for trouble in troubles() {
            scope.spawn(move || one_trouble(&trouble));
        }
    });
    println!("{} troubles, {:.1} s", troubles().len(), began.elapsed().as_secs_f64());
}

fn one_trouble(trouble: &Trouble) {
    let name = trouble.name;
    let stand_in = StandIn::start();
    let home = Home::shop(&stand_in);
    let gateway = home.start();
    let (mut maker, mut ledger) = (Maker::new("fault"), Ledger::default());
    stand_in.sandbox.set_faults(vec![Fault::next(2, trouble.kind.clone())]);
    for size in [1, 7, 1, 30] {
        post(&gateway, &mut ledger, &maker.batch(size));
    }
    gateway.drain();
    assert!(applied(&stand_in) >= 1, "{name}: never happened");
    let attempts = gateway.records("attempts");
    let gone_wrong = attempts.iter().filter(|a| a["verdict"] != "delivered").count() as u64;
    if trouble.verdict == "delivered" {
        assert_eq!(gone_wrong, 0, "{name}: {attempts:?}");
    } else {
        assert_eq!(gone_wrong, applied(&stand_in), "{name}: {attempts:?}");
        assert!(attempts.iter().all(|a| a["verdict"] == "delivered" || a["verdict"] == trouble.verdict));
    }
    if trouble.kind == FaultKind::Partial20001 {
        let remarked = |d: &&Value| d["code"] == "platform_warning" && d["state"] == "delivered";
        assert!(gateway.records("deliveries").iter().filter(remarked).count() >= 1, "{name}: no remark kept");
    }
    let dropped: u64 =
        stand_in.sandbox.conversions().counts.values().flat_map(|n| n.values()).map(|c| c.dropped).sum();
    assert_eq!(dropped > 0, trouble.sent_twice, "{name}: {dropped} came twice");
    settle(&home, gateway, &ledger, &stand_in);
}

#[test]
fn kills_amid_all_troubles() {
    let began = Instant::now();
    let mut random = Random::seeded(40_100);
    let stand_in = StandIn::start();
    let home = Home::shop(&stand_in);
    let code = |code| FaultKind::Code { code, http: None };
    let plan = [
        (FaultKind::Latency { ms: 10 }, 2),
        (FaultKind::ResetAfterAccept, 5),
        (FaultKind::TruncatedJson, 7),
        (FaultKind::Reset, 11),
        (code(50_000), 13),
        (code(40_100), 17),
        (FaultKind::Http { status: 429 }, 19),
        (FaultKind::Html502, 23),
        (FaultKind::Partial20001, 29),
    ];
    stand_in.sandbox.set_faults(plan.map(|(kind, k)| Fault::always(kind).every(k)).to_vec());
    let load = Load::start("amid", 3, Duration::from_millis(3), random.next());
    for _ in 0..20 {
        let gateway = home.start();
        load.whereabouts.set(Some(gateway.public));
        // The moment of the kill is the test's input; nothing is awaited here.
        std::thread::sleep(Duration::from_millis(random.between(10, 250)));
        gateway.kill();
    }
    let gateway = home.start();
    load.whereabouts.set(Some(gateway.public));
    let so_far = load.answered.load(Ordering::Relaxed);
    until("the load goes on", || load.answered.load(Ordering::Relaxed) > so_far + 50);
    let applied: Vec<u64> = stand_in.sandbox.faults().iter().map(|planned| planned.applied).collect();
    assert!(applied.iter().all(|n| *n > 0), "a trouble never happened: {applied:?}");
    stand_in.sandbox.set_faults(vec![]);
    let ledger = load.stop();
    settle(&home, gateway, &ledger, &stand_in);
    ledger.show("20 kills amid troubles", &stand_in, began);
}

#[test]
fn one_bad_event_is_found_and_all_others_are_delivered() {
    let stand_in = StandIn::start();
    let home = Home::shop(&stand_in);
    let (mut maker, mut ledger) = (Maker::new("poison"), Ledger::default());
    let (first, second) = (maker.batch(150), maker.batch(150));
    let bad = [&first[37], &second[149]].map(key);
    let refuse_event_ids = bad.iter().map(|(_, id)| id.clone()).collect();
    stand_in
        .sandbox
        .set_options(Options { rate_per_s: None, refuse_event_ids, ..Options::default() })
        .expect("good options");
    // Slow answers let what comes later wait together.
    stand_in.sandbox.set_faults(vec![Fault::next(4, FaultKind::Latency { ms: 200 })]);
    let gateway = home.start();
    post(&gateway, &mut ledger, &first);
    post(&gateway, &mut ledger, &second);
    gateway.drain();
    for key in &bad {
        assert!(ledger.promised.remove(key));
    }
    let rejected: Vec<_> =
        gateway.records("deliveries").into_iter().filter(|d| d["state"] != "delivered").collect();
    assert_eq!(rejected.len(), 2, "{rejected:?}");
    for delivery in &rejected {
        assert_eq!(delivery["state"], "rejected");
        assert!(bad.contains(&key(delivery)), "{delivery}");
        let words = delivery["message"].as_str().expect("words");
        let expected = format!("Not a valid choice: {}", delivery["event_id"].as_str().expect("an id"));
        assert!(words.contains("TikTok 40002") && words.contains(&expected), "{words}");
    }
    // Halving, not one by one.
    let attempts = gateway.records("attempts");
    assert!(attempts.iter().any(|a| a["verdict"] == "split"), "{attempts:?}");
    assert!(attempts.len() <= 2 * (2 * 8 + 2), "{} calls for 300 events", attempts.len());
    settle(&home, gateway, &ledger, &stand_in);
}

#[test]
fn a_refused_credential_stops_the_lane_until_somebody_mends_it() {
    let usual = || Options { rate_per_s: None, ..Options::default() };
    for (code, refusing) in [
        (40_105, Options { revoked_tokens: vec![ACCESS_TOKEN.into()], ..usual() }),
        (40_001, Options { foreign_pixels: vec![PIXEL.into()], ..usual() }),
    ] {
        let stand_in = StandIn::start();
        let home = Home::shop(&stand_in);
        let (mut maker, mut ledger) = (Maker::new("stop"), Ledger::default());
        let gateway = home.start();
        post(&gateway, &mut ledger, &maker.batch(5));
        gateway.drain();
        stand_in.sandbox.set_options(refusing).expect("good options");
        post(&gateway, &mut ledger, &maker.batch(20));
        until("the lane stops", || !gateway.summary()["lanes"][0]["stopped"].is_null());
        let calls = stand_in.sandbox.conversions().requests;
        for _ in 0..5 {
            post(&gateway, &mut ledger, &maker.batch(3));
        }
        check_stopped(&gateway, code, 35);
        // A restart does not forget it.
        gateway.kill();
        let gateway = home.start();
        check_stopped(&gateway, code, 35);
        // One try may be made at a start, and calls under way at the stop may still have come; no call an event.
        let more = stand_in.sandbox.conversions().requests - calls;
        assert!(more <= 5, "{more} further calls to a destination that refuses everything");

        stand_in.sandbox.set_options(usual()).expect("good options");
        let lane = gateway.summary()["lanes"][0]["lane"].clone();
        let answer = gateway.post(&format!("/api/lanes/{lane}/resume"), &json!({}));
        assert!((200..300).contains(&answer.status), "{} {}", answer.status, answer.text());
        gateway.drain();
        assert!(gateway.summary()["lanes"][0]["stopped"].is_null());
        settle(&home, gateway, &ledger, &stand_in);
    }
}

fn check_stopped(gateway: &Gateway, code: i64, waiting: i64) {
    let summary = gateway.summary();
    let lane = &summary["lanes"][0];
    let why = lane["stopped"]["why"].as_str().unwrap_or_else(|| panic!("not stopped: {summary}"));
    assert!(why.contains(&format!("TikTok {code}: ")), "{why}");
    assert_eq!(lane["waiting"], waiting, "{summary}");
    assert!(
        gateway.records("deliveries").iter().all(|d| d["state"] == "waiting" || d["state"] == "delivered")
    );
}
