//! What is kept of consent: the ruling with each delivery, and what the buyer first chose with the order.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod common;

use std::collections::HashSet;

use common::{RULING, Rig, accepted, page, skip, with_word, word};
use tandem_core::Event;
use tandem_core::consent::Status::{Denied, Granted};
use tandem_core::consent::{Consent, Purpose, WITHDRAWN};
use tandem_core::session::Supply;
use tandem_store::embedded::View;
use tandem_store::{DeliveryState, Joined, NewEvent, Outcome, Replay, Report};

const NOW: i64 = 1_700_000_000_000;
const HOLD: i64 = 5_000;

fn ruled(mut event: NewEvent, ruling: &str) -> NewEvent {
    event.deliveries.iter_mut().for_each(|d| d.consent = ruling.into());
    event
}

fn skipped(code: &'static str, mut event: NewEvent) -> NewEvent {
    event.deliveries.iter_mut().for_each(|d| d.skip = Some(skip(code)));
    event
}

fn held(mut event: NewEvent) -> NewEvent {
    event.deliveries.iter_mut().for_each(|d| d.hold_ms = HOLD);
    event
}

fn withdrawn(at_ms: i64) -> Consent {
    let mut consent = word(Denied, "cookiebot", at_ms);
    consent.evidence.get_or_insert_default().note = Some(WITHDRAWN.into());
    consent
}

/// The shop's tool presets a yes; the visitor has said nothing.
fn preset() -> Consent {
    Consent { by_default: vec![Purpose::Advertising], ..word(Granted, "gcd", 1) }
}

fn rulings(rig: &Rig) -> Vec<String> {
    let text = |d: &serde_json::Value| d["consent"].as_str().unwrap_or("-").to_owned();
    rig.rows(View::Deliveries).iter().map(text).collect()
}

fn kept(rig: &Rig, order: &str) -> Option<Consent> {
    rig.store.order_consent("shop", &[order]).unwrap()
}

fn orders(rig: &Rig) -> i64 {
    rig.value("SELECT count(*) FROM orders")
}

/// The event as the lane completes it, with one more thing supplied.
fn completed(event_seq: i64, order: &str, consent: Consent) -> Joined {
    let mut event = Event { order_id: Some(order.into()), consent, ..Event::default() };
    event.supplied.insert("consent".into(), Supply::of("session"));
    Joined { event_seq, body: serde_json::to_string(&event).unwrap(), address: None }
}

#[tokio::test]
async fn every_delivery_stands_under_its_ruling() {
    let rig = Rig::new().await;
    rig.append(ruled(rig.event("Lead", "1"), "send:cookiebot"), NOW).await;
    rig.append(ruled(skipped("consent_denied", rig.event("Lead", "2")), "suppress:gpc"), NOW).await;
    rig.append(ruled(rig.event("Lead", "1"), "anonymise+limited:most_restrictive"), NOW).await;
    assert_eq!(rulings(&rig), ["send:cookiebot", "suppress:gpc", "anonymise+limited:most_restrictive"]);
    let rig = rig.restarted().await;
    let due = rig.store.due(rig.lane, NOW, 9, &HashSet::new()).unwrap().due;
    assert_eq!(due.len(), 1);
    assert_eq!((due[0].consent.as_deref(), due[0].received_ms), (Some("send:cookiebot"), NOW));
}

#[tokio::test]
async fn a_report_changes_the_rulings_it_names() {
    let rig = Rig::new().await;
    for id in ["1", "2", "3"] {
        rig.append(rig.event("Lead", id), NOW).await;
    }
    rig.record(3, DeliveryState::Delivered { warning: None }, NOW).await;
    let states = vec![
        (1, DeliveryState::Skipped(skip("consent_denied"))),
        (2, DeliveryState::Delivered { warning: None }),
    ];
    let rulings_of = vec![(1, "suppress:withdrawn".into()), (3, "suppress:withdrawn".into())];
    rig.store.record(Report { states, rulings: rulings_of, ..rig.report() }).await.unwrap();
    let end = "what has ended keeps the ruling it ended under";
    assert_eq!(rulings(&rig), ["suppress:withdrawn", RULING, RULING], "{end}");
}

#[tokio::test]
async fn a_replay_begins_with_the_ruling_it_repeats() {
    let rig = Rig::new().await;
    rig.append(ruled(rig.event("Lead", "1"), "send:cookiebot"), NOW).await;
    rig.record(1, DeliveryState::Rejected { why: "no".into() }, NOW).await;
    let replay = Replay { since_ms: 0, lanes: vec![rig.lane], ..Replay::default() };
    assert_eq!(rig.store.replay(replay.clone(), NOW).await.unwrap(), 1);
    let rejected = vec![(2, DeliveryState::Rejected { why: "no".into() })];
    let corrected = vec![(2, "send+limited:gpc".to_owned())];
    rig.store.record(Report { states: rejected, rulings: corrected, ..rig.report() }).await.unwrap();
    assert_eq!(rig.store.replay(replay, NOW).await.unwrap(), 1, "two have ended, one is made");
    assert_eq!(rulings(&rig), ["send:cookiebot", "send+limited:gpc", "send+limited:gpc"]);
}

#[tokio::test]
async fn what_is_taken_up_keeps_its_ruling_until_the_lane_makes_another() {
    let rig = Rig::new().await;
    rig.append(ruled(held(rig.snapshot("7", "10.00", &[])), "suppress:no_signal"), NOW).await;
    rig.record_skip(1, "consent_unknown").await;
    rig.touch(with_word(page("v", NOW + HOLD, &["7"]), Granted)).await;
    let due = rig.store.due(rig.lane, NOW + HOLD, 9, &HashSet::new()).unwrap().due;
    assert_eq!(due[0].consent.as_deref(), Some("suppress:no_signal"));
}

#[tokio::test]
async fn the_first_choice_stays_with_the_order() {
    let rig = Rig::new().await;
    let first = word(Granted, "order_consent", NOW);
    rig.append(rig.told(rig.snapshot("7", "10.00", &[]), first.clone()), NOW).await;
    assert_eq!(kept(&rig, "7"), Some(first.clone()));
    let no = word(Denied, "order_consent", NOW + 1);
    let grown = rig.append(rig.told(rig.snapshot("7", "15.00", &[]), no.clone()), NOW).await;
    assert_eq!(grown, Outcome::Accepted { seq: 2, event_id: Some("wc_order_7_bump_1".into()) });
    rig.append(rig.told(rig.snapshot("7", "15.00", &[]), no.clone()), NOW).await;
    rig.append(skipped("consent_denied", rig.told(rig.snapshot("7", "20.00", &[]), no.clone())), NOW).await;
    rig.append(rig.told(rig.sale("7", "mine", "1.00"), withdrawn(NOW)), NOW).await;
    let rig = rig.restarted().await;
    assert_eq!(kept(&rig, "7"), Some(first));
    assert_eq!(kept(&rig, "8"), None);
    assert_eq!(rig.store.order_consent("other", &["7"]).unwrap(), None, "sites do not mix");
}

#[tokio::test]
async fn of_several_orders_the_first_that_has_a_word_counts() {
    let rig = Rig::new().await;
    let (of_7, of_8) = (word(Granted, "order_consent", 1), word(Denied, "order_consent", 2));
    rig.append(rig.snapshot("6", "10.00", &[]), NOW).await;
    rig.append(rig.told(rig.snapshot("7", "10.00", &[]), of_7.clone()), NOW).await;
    rig.append(rig.told(rig.snapshot("8", "10.00", &[]), of_8.clone()), NOW).await;
    let first = |ids: &[&str]| rig.store.order_consent("shop", ids).unwrap();
    assert_eq!(first(&["none", "6", "8", "7"]), Some(of_8));
    assert_eq!(first(&["7", "8"]), Some(of_7));
    assert_eq!((first(&["none", "6"]), first(&[])), (None, None));
}

#[tokio::test]
async fn a_preset_is_no_choice() {
    let rig = Rig::new().await;
    rig.append(rig.told(rig.snapshot("7", "10.00", &[]), preset()), NOW).await;
    assert_eq!(kept(&rig, "7"), None);
    rig.append(skipped("consent_denied", rig.told(rig.snapshot("8", "10.00", &[]), preset())), NOW).await;
    assert_eq!(orders(&rig), 1, "an order that goes nowhere and has no word leaves nothing");
    let chosen = word(Granted, "order_consent", NOW);
    rig.append(rig.told(rig.snapshot("7", "15.00", &[]), chosen.clone()), NOW).await;
    assert_eq!(kept(&rig, "7"), Some(chosen), "the first choice comes with the growth");
}

#[tokio::test]
async fn a_denied_order_leaves_its_word_and_is_not_reported() {
    let rig = Rig::new().await;
    let no = word(Denied, "order_consent", NOW);
    let first = rig.told(rig.snapshot("7", "10.00", &["1"]), no.clone());
    assert_eq!(rig.append(skipped("consent_denied", first), NOW).await, accepted(1));
    assert_eq!(rig.value::<String>("SELECT state FROM orders"), "");
    let rig = rig.restarted().await;
    assert_eq!(kept(&rig, "7"), Some(no.clone()), "the later webhook finds it");
    // It found it, and may go nowhere again; or the shop's rules are others now.
    let second = rig.told(rig.snapshot("7", "10.00", &["1"]), no.clone());
    assert_eq!(rig.append(skipped("consent_denied", second), NOW).await, accepted(2));
    rig.touch(with_word(page("v", NOW, &["7"]), Granted)).await;
    assert_eq!(rig.due(NOW), [0_i64; 0], "nothing was noted that a page could release");
    assert_eq!(rig.append(rig.snapshot("7", "10.00", &["1"]), NOW).await, accepted(3));
    assert_eq!(rig.due(NOW), [3]);
    assert_eq!(rig.append(rig.snapshot("7", "10.00", &["1"]), NOW).await, Outcome::Duplicate { of: None });
    assert_eq!(kept(&rig, "7"), Some(no), "the first word stays");
}

#[tokio::test]
async fn a_growth_that_goes_nowhere_leaves_the_order_as_it_was() {
    let rig = Rig::new().await;
    rig.append(rig.snapshot("7", "10.00", &[]), NOW).await;
    let state: String = rig.value("SELECT state FROM orders");
    let no = word(Denied, "order_consent", NOW);
    let grown = rig.told(rig.snapshot("7", "15.00", &[]), no.clone());
    rig.append(skipped("consent_denied", grown), NOW).await;
    assert_eq!(rig.value::<String>("SELECT state FROM orders"), state);
    assert_eq!(kept(&rig, "7"), Some(no));
}

#[tokio::test]
async fn a_second_report_may_bring_the_first_choice() {
    let rig = Rig::new().await;
    for (order, sale) in [("7", held(rig.snapshot("7", "1.00", &[]))), ("8", rig.snapshot("8", "1.00", &[]))]
    {
        rig.append(sale, NOW).await;
        assert_eq!(kept(&rig, order), None);
        for advertising in [Granted, Denied] {
            let again = rig.told(rig.snapshot(order, "1.00", &[]), word(advertising, "order_consent", NOW));
            assert_eq!(rig.append(again, NOW).await, Outcome::Duplicate { of: None });
        }
        assert_eq!(kept(&rig, order), Some(word(Granted, "order_consent", NOW)), "{order}");
    }
    let advertising = |n: usize| rig.rows(View::Events)[n]["consent"].clone();
    // What still waits takes the shop's own later no.
    assert_eq!((advertising(0), advertising(1)), ("denied".into(), "denied".into()));
}

#[tokio::test]
async fn a_late_join_may_bring_the_first_choice() {
    let rig = Rig::new().await;
    let join = async |joined: Joined| {
        rig.store.record(Report { joined: vec![joined], ..rig.report() }).await.unwrap();
    };
    for order in ["7", "8", "9"] {
        rig.append(held(rig.snapshot(order, "10.00", &[])), NOW).await;
    }
    let chosen = word(Denied, "cookiebot", NOW);
    join(completed(1, "7", chosen.clone())).await;
    join(completed(1, "7", word(Granted, "cookiebot", NOW + 1))).await;
    assert_eq!(kept(&rig, "7"), Some(chosen));
    join(completed(2, "8", preset())).await;
    assert_eq!(kept(&rig, "8"), None, "a preset is no choice");
    join(completed(3, "9", withdrawn(NOW))).await;
    assert_eq!(kept(&rig, "9"), None, "what was taken back had been allowed, and is no first word");
}

#[tokio::test]
async fn only_what_was_reported_of_an_order_joins_to_its_word() {
    let rig = Rig::new().await;
    rig.append(held(rig.snapshot("7", "10.00", &[])), NOW).await;
    // Anybody can name an order on a page.
    rig.append(NewEvent { order_id: Some("7".into()), ..rig.event("Lead", "1") }, NOW).await;
    rig.append(NewEvent { order_id: Some("8".into()), ..rig.event("Lead", "2") }, NOW).await;
    let no = || word(Denied, "cookiebot", NOW);
    let joined = vec![completed(2, "7", no()), completed(3, "8", no())];
    rig.store.record(Report { joined, ..rig.report() }).await.unwrap();
    assert_eq!((kept(&rig, "7"), kept(&rig, "8"), orders(&rig)), (None, None, 1));
    // A body that knows less than the log's is not taken, and its word neither.
    rig.store.record(Report { joined: vec![completed(1, "7", no())], ..rig.report() }).await.unwrap();
    let less = Event { consent: word(Granted, "gcd", NOW), ..Event::default() };
    let body = serde_json::to_string(&less).unwrap();
    let joined = vec![Joined { event_seq: 1, body, address: None }];
    rig.store.record(Report { joined, ..rig.report() }).await.unwrap();
    assert_eq!(kept(&rig, "7"), Some(no()));
}

#[tokio::test]
async fn the_word_is_kept_with_its_event_or_not_at_all() {
    let rig = Rig::new().await;
    let breaker = rusqlite::Connection::open(rig.store.path()).unwrap();
    breaker
        .execute_batch(
            "CREATE TRIGGER broken BEFORE INSERT ON deliveries BEGIN SELECT RAISE(ABORT, 'drill'); END",
        )
        .unwrap();
    let no = word(Denied, "order_consent", NOW);
    let sale = || rig.told(rig.snapshot("7", "10.00", &[]), no.clone());
    for event in [sale(), skipped("consent_denied", sale())] {
        let batch = tandem_store::Batch { events: vec![event], ..Default::default() };
        rig.store.append(batch, NOW).await.unwrap_err();
        assert_eq!((orders(&rig), rig.value::<i64>("SELECT count(*) FROM events")), (0, 0));
    }
    breaker.execute_batch("DROP TRIGGER broken").unwrap();
    assert_eq!(rig.append(skipped("consent_denied", sale()), NOW).await, accepted(1));
    // Whatever happens after the answer, another process sees both.
    let other = rusqlite::Connection::open(rig.store.path()).unwrap();
    let sql = "SELECT count(*) FROM orders AS o JOIN events AS e USING (site, order_id) WHERE o.consent IS NOT NULL";
    assert_eq!(other.query_row(sql, [], |r| r.get::<_, i64>(0)).unwrap(), 1);
}

#[tokio::test]
async fn orders_keep_their_word_when_their_events_are_gone() {
    let rig = Rig::new().await;
    let no = word(Denied, "order_consent", NOW);
    rig.append(skipped("consent_denied", rig.told(rig.snapshot("7", "10.00", &[]), no.clone())), NOW).await;
    rig.append(rig.event("Lead", "1"), NOW).await;
    while rig.store.prune(NOW + 91 * 86_400_000).await.unwrap() {}
    assert_eq!(rig.value::<i64>("SELECT min(seq) FROM events"), 2);
    assert_eq!(kept(&rig, "7"), Some(no));
}
