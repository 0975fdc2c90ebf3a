//! What a reader of another process tells of consent, beside a gateway's open store and without one.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod common;

use std::convert::Infallible;
use std::ops::ControlFlow;

use common::{Rig, skip, word};
use serde_json::{Value, json};
use tandem_core::consent::{Consent, MOST_RESTRICTIVE, Purpose, Status};
use tandem_core::identity::{ClickIds, EmailHashes};
use tandem_core::session::{Supply, Via};
use tandem_core::{Channel, Event};
use tandem_store::{Batch, ConsentRecord, DeliveryState, NewEvent, Reader};

const DAY: i64 = 86_400_000;
/// 2026-11-22T14:00:00Z
const NOW: i64 = 1_795_356_000_000;

fn all_of(reader: &Reader, site: Option<&str>, from_ms: i64, to_ms: i64) -> Vec<ConsentRecord> {
    let mut all = Vec::new();
    let mut each = |record| {
        all.push(record);
        ControlFlow::<Infallible>::Continue(())
    };
    assert!(reader.consent_records(site, from_ms, to_ms, &mut each).unwrap().is_continue());
    all
}

fn everything(rig: &Rig) -> Vec<ConsentRecord> {
    all_of(&Reader::open(rig.store.path()).unwrap(), None, i64::MIN, i64::MAX)
}

fn ids(records: &[ConsentRecord]) -> Vec<&str> {
    records.iter().map(|r| r.event_id.as_str()).collect()
}

/// With another body than its columns tell.
fn with_body(event: NewEvent, body: &Event) -> NewEvent {
    NewEvent { body: serde_json::to_string(body).unwrap(), ..event }
}

fn full_event() -> Event {
    let mut event = Event {
        channel: Channel::Server,
        session_id: Some("visitor-1".into()),
        consent: Consent {
            analytics: Status::Granted,
            functional: Status::Denied,
            by_default: vec![Purpose::Analytics, Purpose::Functional],
            vendors: [("tiktok", Status::Denied), ("meta", Status::Granted)]
                .map(|(n, s)| (n.into(), s))
                .into(),
            gpc: true,
            opt_out_of_sale: true,
            region: Some("US-CA".into()),
            ..word(Status::Denied, "cookiebot", NOW - 1)
        },
        ..Event::default()
    };
    if let Some(evidence) = &mut event.consent.evidence {
        (evidence.value, evidence.note) = (Some("marketing:false".into()), Some(MOST_RESTRICTIVE.into()));
    }
    event.user.click_ids = ClickIds { ttclid: Some("secret-click".into()), ..ClickIds::default() };
    event.user.email = vec![EmailHashes { sha256: Some("secret-hash".into()), ..EmailHashes::default() }];
    event.user.ip = Some("203.0.113.0".into());
    event.page.url = Some("https://shop.example/secret-page".into());
    let supply =
        Supply { via: Some(Via::OrderId), page: Some("/secret-page".into()), ..Supply::of("session") };
    event.supplied.insert("consent".into(), supply);
    event
}

#[tokio::test]
async fn a_record_is_flat_and_says_everything_but_who() {
    let rig = Rig::new().await;
    let mut event =
        NewEvent { event_time: NOW / 1_000 - 60, order_id: Some("7".into()), ..rig.event("Purchase", "a") };
    event.deliveries[0].consent = "anonymise+limited:most_restrictive".into();
    rig.append(with_body(event, &full_event()), NOW).await;
    rig.record(1, DeliveryState::Delivered { warning: None }, NOW + 250).await;
    let records = everything(&rig);
    assert_eq!(records.len(), 1);
    let text = serde_json::to_string(&records[0]).unwrap();
    let wanted = [
        ("received_at", json!("2026-11-22T14:00:00.000Z")),
        ("event_time", json!("2026-11-22T13:59:00Z")),
        ("site", json!("shop")),
        ("source", json!("events")),
        ("channel", json!("server")),
        ("event_name", json!("Purchase")),
        ("event_id", json!("a")),
        ("order_id", json!("7")),
        ("visitor", json!("visitor-1")),
        ("region", json!("US-CA")),
        ("advertising", json!("denied")),
        ("analytics", json!("granted")),
        ("functional", json!("denied")),
        ("by_default", json!("analytics functional")),
        ("gpc", json!(true)),
        ("opt_out_of_sale", json!(true)),
        ("signal", json!("cookiebot")),
        ("signal_value", json!("marketing:false")),
        ("said_at", json!("2026-11-22T13:59:59.999Z")),
        ("note", json!("most_restrictive")),
        ("supplied_by", json!("session via order_id")),
        ("vendors", json!("meta=granted tiktok=denied")),
        ("destination", json!("tiktok")),
        ("state", json!("delivered")),
        ("ruling", json!("anonymise")),
        ("limited_data_use", json!(true)),
        ("reason", json!("most_restrictive")),
        ("code", Value::Null),
        ("sent_at", json!("2026-11-22T14:00:00.250Z")),
    ];
    let lines: Vec<String> = wanted.iter().map(|(name, value)| format!("{}:{value}", json!(name))).collect();
    assert_eq!(text, format!("{{{}}}", lines.join(",")), "names, values and their order");
    assert_eq!(wanted.map(|(name, _)| name), ConsentRecord::COLUMNS);
    assert!(!text.contains("secret") && !text.contains("203.0.113"), "{text}");
}

#[tokio::test]
async fn there_is_one_record_a_delivery_and_one_for_an_event_without() {
    let rig = Rig::new().await;
    let meta = rig.store.lane("shop", "meta").await.unwrap();
    let mut both = rig.event("Lead", "both");
    both.deliveries.push(tandem_store::NewDelivery {
        lane: meta,
        destination: "meta",
        ..both.deliveries[0].clone()
    });
    both.deliveries[0].skip = Some(skip("consent_denied"));
    both.deliveries[0].consent = "suppress:gpc".into();
    both.deliveries[1].consent = "without_identity:usercentrics".into();
    rig.append(both, NOW).await;
    rig.append(NewEvent { deliveries: vec![], ..rig.event("Lead", "none") }, NOW).await;
    rig.append(rig.event("Lead", "retried"), NOW).await;
    rig.record(3, DeliveryState::Waiting { due_ms: NOW, why: "busy".into(), counts: true }, NOW).await;
    let records = everything(&rig);
    let told = |r: &ConsentRecord| {
        json!([r.event_id, r.destination, r.state, r.ruling, r.limited_data_use, r.reason, r.code, r.sent_at])
    };
    assert_eq!(
        records.iter().map(told).collect::<Vec<_>>(),
        [
            json!(["both", "tiktok", "skipped", "suppress", false, "gpc", "consent_denied", null]),
            json!(["both", "meta", "waiting", "without_identity", false, "usercentrics", null, null]),
            json!(["none", null, null, null, null, null, null, null]),
            json!(["retried", "tiktok", "waiting", "send", false, "on_unknown_grant", "retry", null]),
        ]
    );
}

#[tokio::test]
async fn what_nobody_told_and_what_cannot_be_read_is_unknown() {
    let rig = Rig::new().await;
    rig.append(rig.event("Lead", "silent"), NOW).await;
    rig.append(NewEvent { body: "not json".into(), ..rig.event("Lead", "broken") }, NOW).await;
    let mut from_order = full_event();
    from_order.supplied.insert("consent".into(), Supply::of("order"));
    rig.append(with_body(rig.event("Lead", "frozen"), &from_order), NOW).await;
    rig.append(NewEvent { event_time: i64::MAX, ..rig.event("Lead", "never") }, NOW).await;
    let conn = rusqlite::Connection::open(rig.store.path()).unwrap();
    conn.execute_batch("UPDATE deliveries SET consent = NULL WHERE seq = 1").unwrap();
    let records = everything(&rig);
    for record in &records[..2] {
        assert_eq!((record.advertising, &record.signal, &record.said_at), ("unknown", &None, &None));
    }
    assert_eq!((&records[0].ruling, records[0].limited_data_use), (&None, None), "of an earlier version");
    assert_eq!(records[2].supplied_by.as_deref(), Some("order"));
    assert_eq!((records[3].event_time.as_str(), &records[3].supplied_by), ("", &None));
}

#[tokio::test]
async fn a_period_ends_before_its_end_over_any_number_of_pages() {
    let rig = Rig::new().await;
    // Three an hour, over more than a page of the reader's; the first are gone already.
    for n in 0..1_300_i64 {
        let event = rig.event("Lead", &n.to_string());
        rig.store
            .append(Batch { events: vec![event], ..Batch::default() }, NOW + n * 1_200_000)
            .await
            .unwrap();
    }
    while rig.store.prune(NOW + 90 * DAY + 1_200_000 * 10).await.unwrap() {}
    let reader = Reader::open(rig.store.path()).unwrap();
    let at = |n: i64| NOW + n * 1_200_000;
    let between = |from_ms, to_ms| all_of(&reader, None, from_ms, to_ms);
    assert_eq!(ids(&between(at(700), at(703))), ["700", "701", "702"]);
    assert_eq!(ids(&between(at(700) + 1, at(701) + 1)), ["701"]);
    assert_eq!(ids(&between(0, at(11))).len(), between(0, at(10)).len() + 1);
    assert_eq!(ids(&between(at(1_299), i64::MAX)), ["1299"]);
    for (from_ms, to_ms) in [(at(5), at(5)), (at(6), at(5)), (0, NOW), (at(1_300), i64::MAX), (i64::MIN, 0)] {
        assert_eq!(between(from_ms, to_ms), [], "{from_ms} {to_ms}");
    }
    let all = between(i64::MIN, i64::MAX);
    assert_eq!(all.len() as i64, rig.value::<i64>("SELECT count(*) FROM events"));
    assert!(all.len() > 1_000 && all.windows(2).all(|w| w[0].received_at < w[1].received_at));
}

#[tokio::test]
async fn a_clock_that_was_set_back_hides_nothing() {
    let rig = Rig::new().await;
    let minutes = [0, 10, 50, 20, 30, 40, 60, 70, 80];
    for minute in minutes {
        rig.append(rig.event("Lead", &minute.to_string()), NOW + minute * 60_000).await;
    }
    let reader = Reader::open(rig.store.path()).unwrap();
    let between = |from: i64, to: i64| all_of(&reader, None, NOW + from * 60_000, NOW + to * 60_000);
    assert_eq!(ids(&between(45, 65)), ["50", "60"]);
    assert_eq!(ids(&between(15, 35)), ["20", "30"]);
    assert_eq!(ids(&between(0, 51)), ["0", "10", "50", "20", "30", "40"]);
}

#[tokio::test]
async fn one_site_or_all_and_an_early_end() {
    let rig = Rig::new().await;
    for (n, site) in ["shop", "other", "shop"].into_iter().enumerate() {
        rig.append(NewEvent { site: site.into(), ..rig.event("Lead", &n.to_string()) }, NOW).await;
    }
    let reader = Reader::open(rig.store.path()).unwrap();
    let of = |site| all_of(&reader, site, 0, i64::MAX);
    assert_eq!(ids(&of(None)), ["0", "1", "2"]);
    assert_eq!(ids(&of(Some("shop"))), ["0", "2"]);
    assert_eq!(ids(&of(Some("none"))), [""; 0]);
    let mut taken = 0;
    let mut two = |_| {
        taken += 1;
        if taken == 2 { ControlFlow::Break("enough") } else { ControlFlow::Continue(()) }
    };
    let ended = reader.consent_records(None, 0, i64::MAX, &mut two).unwrap();
    assert_eq!((ended, taken), (ControlFlow::Break("enough"), 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_stands_beside_an_open_store_and_without_one() {
    let rig = Rig::new().await;
    let reader = Reader::open(rig.store.path()).unwrap();
    assert_eq!(all_of(&reader, None, 0, i64::MAX), []);
    rig.append(rig.event("Lead", "1"), NOW).await;
    // What comes in while the records are taken does not wait for that, and is for the next time.
    let mut seen = Vec::new();
    let (store, event) = (&rig.store, rig.event("Lead", "2"));
    let mut events = vec![event];
    let mut each = |record: ConsentRecord| {
        seen.push(record.event_id);
        let batch = Batch { events: std::mem::take(&mut events), ..Batch::default() };
        let appended = tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(store.append(batch, NOW + 1))
        });
        appended.unwrap();
        ControlFlow::<()>::Continue(())
    };
    let _ = reader.consent_records(None, 0, i64::MAX, &mut each).unwrap();
    assert_eq!(seen, ["1"]);
    assert_eq!(ids(&all_of(&reader, None, 0, i64::MAX)), ["1", "2"]);
    drop(reader);
    let Rig { folder, store, .. } = rig;
    drop(store);
    let reader = Reader::open(folder.path().join("t.db")).unwrap();
    assert_eq!(ids(&all_of(&reader, None, 0, i64::MAX)), ["1", "2"]);
}
