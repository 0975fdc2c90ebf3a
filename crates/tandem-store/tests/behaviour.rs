//! What any store must do, on a real file: once, in order, remembered across a restart.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod common;

use std::collections::{HashMap, HashSet};

use common::{Rig, WINDOW, accepted, skip};
use proptest::prelude::*;
use tandem_core::Amount;
use tandem_store::embedded::View;
use tandem_store::{
    Batch, DeliveryState, NewEvent, Notice, NoticeKind, Options, Outcome, Replay, Stop, Store,
};

#[tokio::test]
async fn a_claim_holds_for_its_window_and_over_a_restart() {
    let rig = Rig::new().await;
    assert_eq!(rig.append(rig.event("Lead", "1"), 100).await, accepted(1));
    assert_eq!(rig.append(rig.event("Lead", "1"), 200).await, Outcome::Duplicate { of: Some(1) });
    assert_eq!(rig.append(rig.event("Search", "1"), 200).await, accepted(3));
    let rig = rig.restarted().await;
    assert_eq!(rig.append(rig.event("Lead", "1"), 300).await, Outcome::Duplicate { of: Some(1) });
    assert_eq!(rig.append(rig.event("Lead", "1"), 100 + WINDOW).await, accepted(5));
    let states: Vec<String> = rig.states().into_iter().map(|(_, state)| state).collect();
    assert_eq!(states, ["waiting", "skipped", "waiting", "skipped", "waiting"]);
}

#[tokio::test]
async fn a_batch_meets_its_own_duplicates() {
    let rig = Rig::new().await;
    let events = vec![rig.event("Lead", "a"), rig.event("Lead", "b"), rig.event("Lead", "a")];
    let outcomes = rig.store.append(Batch { events, ..Batch::default() }, 1).await.unwrap();
    assert_eq!(outcomes, [accepted(1), accepted(2), Outcome::Duplicate { of: Some(1) }]);
}

#[tokio::test]
async fn a_skipped_event_takes_no_claim() {
    let rig = Rig::new().await;
    let mut skipped = rig.event("Lead", "1");
    skipped.deliveries[0].skip = Some(skip("consent_denied"));
    assert_eq!(rig.append(skipped, 1).await, accepted(1));
    assert_eq!(rig.append(rig.event("Lead", "1"), 2).await, accepted(2));
    assert_eq!(rig.due(2), [2]);
}

#[tokio::test]
async fn an_order_is_reported_once_and_its_growth_as_the_difference() {
    let rig = Rig::new().await;
    assert_eq!(rig.append(rig.snapshot("891", "89.99", &["1"]), 1).await, accepted(1));
    assert_eq!(rig.append(rig.snapshot("891", "89.99", &["1"]), 2).await, Outcome::Duplicate { of: None });
    let rig = rig.restarted().await;
    // Long after the claim's window: the ledger still knows.
    assert_eq!(
        rig.append(rig.snapshot("891", "89.99", &["1"]), 9 * WINDOW).await,
        Outcome::Duplicate { of: None }
    );
    let grown = rig.append(rig.snapshot("891", "109.98", &["1", "2"]), 9 * WINDOW).await;
    assert_eq!(grown, Outcome::Accepted { seq: 2, event_id: Some("wc_order_891_bump_1".into()) });
    let again = rig.append(rig.snapshot("891", "109.98", &["1", "2"]), 9 * WINDOW).await;
    assert_eq!(again, Outcome::Duplicate { of: None });
    let body = &rig.rows(View::Events)[1]["body"];
    assert_eq!((&body["event_id"], &body["value"]), (&"wc_order_891_bump_1".into(), &"19.99".into()));
    assert_eq!(body["contents"].as_array().map(Vec::len), Some(1));
    assert_eq!(body["contents"][0]["content_id"], "2");
    assert_eq!(body["event_time"], 77);
    let third = rig.append(rig.snapshot("891", "120.00", &["1", "2", "3"]), 9 * WINDOW).await;
    assert_eq!(third, Outcome::Accepted { seq: 3, event_id: Some("wc_order_891_bump_2".into()) });
}

#[tokio::test]
async fn a_sale_and_a_webhook_for_the_same_order_count_once() {
    let rig = Rig::new().await;
    assert_eq!(rig.append(rig.sale("7", "wc_order_7", "10.00"), 1).await, accepted(1));
    assert_eq!(rig.append(rig.snapshot("7", "10.00", &[]), 2).await, Outcome::Duplicate { of: None });
    // The same sale under another spelling of its id.
    assert_eq!(rig.append(rig.sale("7", "wc-order-7", "10.00"), 3).await, Outcome::Duplicate { of: None });
    // The shop reports an upsell itself; the webhook that shows the new total then adds nothing.
    assert_eq!(rig.append(rig.sale("7", "wc_order_7_bump_1", "5.00"), 4).await, accepted(2));
    assert_eq!(rig.append(rig.snapshot("7", "15.00", &[]), 5).await, Outcome::Duplicate { of: None });
    let kinds: Vec<_> = rig.rows(View::Notices).iter().map(|n| n["kind"].clone()).collect();
    assert_eq!(
        kinds,
        ["duplicate", "duplicate", "duplicate"],
        "an upsell under the first id and a suffix is no slip"
    );
    // The whole order under a suffix may be the same sale once more, and so may any other id.
    assert_eq!(rig.append(rig.sale("7", "wc_order_7-2", "16.00"), 6).await, accepted(3));
    assert_eq!(rig.append(rig.sale("7", "wc_order_70", "3.00"), 7).await, accepted(4));
    let kinds: Vec<_> = rig.rows(View::Notices).iter().map(|n| n["kind"].clone()).collect();
    assert_eq!(kinds, ["duplicate", "duplicate", "duplicate", "near_miss", "near_miss"]);
}

#[tokio::test]
async fn a_skipped_order_is_not_reported_and_may_go_later() {
    let rig = Rig::new().await;
    let skipped = |code: &'static str, mut event: NewEvent| {
        event.deliveries[0].skip = Some(skip(code));
        event
    };
    assert_eq!(
        rig.append(skipped("consent_unknown", rig.snapshot("7", "10.00", &["1"])), 1).await,
        accepted(1)
    );
    assert_eq!(rig.append(rig.snapshot("7", "10.00", &["1"]), 2).await, accepted(2));
    assert_eq!(rig.append(rig.snapshot("7", "10.00", &["1"]), 3).await, Outcome::Duplicate { of: None });
    // The order is old by now, its growth is not.
    let grown = rig.append(skipped("event_too_old", rig.snapshot("7", "15.00", &["1", "2"])), 4).await;
    assert_eq!(grown, Outcome::Accepted { seq: 3, event_id: Some("wc_order_7_bump_1".into()) });
    assert_eq!(rig.due(9).len(), 2);
    // What the webhook made of the growth, the shop's own code does not add again.
    assert_eq!(
        rig.append(rig.sale("7", "wc_order_7_bump_1", "5.00"), 5).await,
        Outcome::Duplicate { of: None }
    );
}

#[tokio::test]
async fn a_repeated_sale_under_another_id_adds_nothing_to_the_sum() {
    let rig = Rig::new().await;
    rig.append(rig.sale("7", "a", "10.00"), 1).await;
    assert_eq!(rig.append(rig.sale("7", "b", "5.00"), 2).await, accepted(2));
    for now in 3..6 {
        assert_eq!(rig.append(rig.sale("7", "b", "5.00"), now).await, Outcome::Duplicate { of: None });
    }
    assert_eq!(rig.append(rig.snapshot("7", "15.00", &[]), 9).await, Outcome::Duplicate { of: None });
    let grown = rig.append(rig.snapshot("7", "16.00", &[]), 9).await;
    assert_eq!(grown, Outcome::Accepted { seq: 3, event_id: Some("a_bump_1".into()) });
}

#[tokio::test]
async fn deliveries_wait_for_their_time_and_keep_their_end() {
    let rig = Rig::new().await;
    rig.append(rig.event("Lead", "1"), 100).await;
    rig.append(rig.event("Lead", "2"), 100).await;
    assert_eq!(rig.due(99), [0_i64; 0]);
    let batch = rig.store.due(rig.lane, 100, 1, &HashSet::from([1])).unwrap();
    assert_eq!(batch.due[0].seq, 2);
    assert_eq!(batch.due[0].address.as_deref(), Some("203.0.113.7"));
    rig.record(1, DeliveryState::Waiting { due_ms: 500, why: "busy".into(), counts: true }, 110).await;
    rig.record(2, DeliveryState::Delivered { warning: None }, 110).await;
    // A late report of an older attempt does not wake what has ended.
    rig.record(2, DeliveryState::Waiting { due_ms: 120, why: "late".into(), counts: true }, 120).await;
    assert_eq!(rig.store.due(rig.lane, 499, 9, &HashSet::new()).unwrap().next_due_ms, Some(500));
    let rig = rig.restarted().await;
    let due = rig.store.due(rig.lane, 500, 9, &HashSet::new()).unwrap().due;
    assert_eq!((due.len(), due[0].seq, due[0].attempts, due[0].first_attempt_ms), (1, 1, 1, Some(110)));
    rig.record(1, DeliveryState::Expired { why: "gone".into() }, 600).await;
    assert_eq!(rig.due(i64::MAX), [0_i64; 0]);
}

#[tokio::test]
async fn what_does_not_count_as_an_attempt_leaves_the_horizon_alone() {
    let rig = Rig::new().await;
    rig.append(rig.event("Lead", "1"), 100).await;
    rig.record(1, DeliveryState::Waiting { due_ms: 200, why: "stopped".into(), counts: false }, 110).await;
    let due = rig.store.due(rig.lane, 200, 9, &HashSet::new()).unwrap().due;
    assert_eq!((due[0].attempts, due[0].first_attempt_ms), (0, None));
}

#[tokio::test]
async fn a_replay_makes_new_deliveries_for_what_did_not_arrive() {
    let rig = Rig::new().await;
    for id in ["rejected", "delivered", "waiting"] {
        rig.append(rig.event("Lead", id), 100).await;
    }
    rig.record(1, DeliveryState::Rejected { why: "no".into() }, 110).await;
    rig.record(2, DeliveryState::Delivered { warning: None }, 110).await;
    let replay = Replay { since_ms: 0, lanes: vec![rig.lane], ..Replay::default() };
    assert_eq!(rig.store.replay(replay.clone(), 200).await.unwrap(), 1);
    assert_eq!(rig.store.replay(replay.clone(), 201).await.unwrap(), 0, "it waits already");
    let everything = Replay { delivered_too: true, ..replay.clone() };
    assert_eq!(rig.store.replay(everything, 202).await.unwrap(), 1, "only the delivered one is left");
    let other = Replay { event_id: Some("none".into()), delivered_too: true, ..replay };
    assert_eq!(rig.store.replay(other, 203).await.unwrap(), 0);
    assert!(
        rig.store.due(rig.lane, 300, 9, &HashSet::new()).unwrap().due.iter().filter(|d| d.replay).count()
            == 2
    );
}

#[tokio::test]
async fn retention_takes_the_old_and_leaves_the_new() {
    let folder = tempfile::tempdir().unwrap();
    let options =
        Options { retention_ms: 1_000, address_ms: 100, ..Options::new(folder.path().join("t.db")) };
    let store = Store::open(options).unwrap();
    let lane = store.lane("shop", "tiktok").await.unwrap();
    let rig = Rig { folder, store, lane };
    let events = (0..1_200).map(|n| rig.event("Lead", &format!("old{n}"))).collect();
    rig.store.append(Batch { events, ..Batch::default() }, 10).await.unwrap();
    let notice = Notice {
        site: "shop".into(),
        source: "events".into(),
        kind: NoticeKind::Ignored,
        code: "x".into(),
        message: String::new(),
        field: None,
        event_name: None,
        event_id: None,
        order_id: None,
    };
    let batch = Batch { events: vec![rig.event("Lead", "new")], notices: vec![notice], ..Batch::default() };
    rig.store.append(batch, 2_000).await.unwrap();
    while rig.store.prune(2_050).await.unwrap() {}
    let totals = rig.store.totals().unwrap();
    assert_eq!(totals.events, 1);
    assert_eq!(totals.deliveries["waiting"], 1);
    let addresses: i64 =
        rig.store.read(|c| c.query_row("SELECT count(*) FROM addresses", [], |r| r.get(0))).unwrap();
    assert_eq!(addresses, 1);
    while rig.store.prune(2_050 + WINDOW).await.unwrap() {}
    assert_eq!(rig.append(rig.event("Lead", "old1"), 2_060 + WINDOW).await, accepted(1202));
}

#[tokio::test]
async fn a_stop_is_remembered_and_a_clock_set_back_is_mended() {
    let rig = Rig::new().await;
    rig.append(rig.event("Lead", "1"), 900_000).await;
    rig.store.clamp_due(800_000, 500).await.unwrap();
    rig.store.probe().await.unwrap();
    assert!(rig.store.writable());
    assert_eq!(rig.due(500), [1]);
    rig.store.set_stop(rig.lane, Some(Stop { why: "token".into(), since_ms: 5 })).await.unwrap();
    let rig = rig.restarted().await;
    assert_eq!(rig.store.lanes().unwrap()[0].stopped, Some(Stop { why: "token".into(), since_ms: 5 }));
    rig.store.set_stop(rig.lane, None).await.unwrap();
    assert!(!rig.store.stopped(rig.lane).unwrap());
}

#[tokio::test]
async fn a_newer_file_is_refused_in_words() {
    let rig = Rig::new().await;
    let path = rig.store.path().to_owned();
    drop(rig.store);
    let conn = rusqlite::Connection::open(&path).unwrap();
    conn.pragma_update(None, "user_version", 99).unwrap();
    drop(conn);
    let error = Store::open(Options::new(path)).unwrap_err().to_string();
    assert!(error.contains("newer version"), "{error}");
}

#[derive(Debug, Clone)]
enum Step {
    Append { id: u8, late: bool },
    Restart,
    Prune,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (0_u8..12, any::<bool>()).prop_map(|(id, late)| Step::Append { id, late }),
        1 => Just(Step::Restart),
        1 => Just(Step::Prune),
    ];
    prop::collection::vec(step, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Against the simplest model: a map of id to the time its claim ends.
    #[test]
    fn claims_agree_with_a_map(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut rig = Rig::new().await;
            let (mut open, mut now) = (HashMap::<u8, i64>::new(), 1_000);
            for step in steps {
                match step {
                    Step::Append { id, late } => {
                        now += if late { WINDOW / 3 } else { 1 };
                        let outcome = rig.append(rig.event("Lead", &id.to_string()), now).await;
                        let held = open.get(&id).is_some_and(|until| *until > now);
                        assert_eq!(matches!(outcome, Outcome::Duplicate { .. }), held);
                        if !held {
                            open.insert(id, now + WINDOW);
                        }
                    }
                    Step::Restart => rig = rig.restarted().await,
                    Step::Prune => while rig.store.prune(now).await.unwrap() {},
                }
            }
        });
    }
}

#[test]
fn amounts_in_the_ledger_are_exact() {
    let sum: Amount = "0.1".parse::<Amount>().unwrap();
    assert_eq!(serde_json::to_string(&sum).unwrap(), "\"0.1\"");
}
