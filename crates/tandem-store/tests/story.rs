//! What is on record about an id: found by the index, by a look at the newest rows, and by the order ledger.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod common;

use common::Rig;
use tandem_core::diagnose::{State, Story};
use tandem_store::{Batch, DeliveryState, Notice, NoticeKind, Options, Replay, Stop, Store};

fn ids(story: &Story) -> Vec<(&str, bool)> {
    story.events.iter().map(|record| (record.event.event_id.as_str(), record.is_asked)).collect()
}

fn notice(code: &'static str, event_id: Option<&str>, order_id: Option<&str>) -> Notice {
    Notice {
        site: "shop".into(),
        source: "events".into(),
        kind: NoticeKind::Rejected,
        code: code.into(),
        message: "it is wrong".into(),
        field: Some("value".into()),
        event_name: None,
        event_id: event_id.map(str::to_owned),
        order_id: order_id.map(str::to_owned),
    }
}

#[tokio::test]
async fn an_event_is_found_by_its_id_and_by_its_order() {
    let rig = Rig::new().await;
    rig.append(rig.snapshot("891", "89.99", &["mug"]), 1_000).await;
    rig.append(rig.snapshot("891", "109.99", &["mug", "cup"]), 2_000).await;
    rig.append(rig.snapshot("891", "109.99", &["mug", "cup"]), 3_000).await;
    rig.append(rig.event("Lead", "lead_1"), 4_000).await;
    // With the index, and before it.
    for is_indexed in [false, true] {
        if is_indexed {
            rig.store.catch_up().await.unwrap();
        }
        let story = rig.store.story("891", None).unwrap();
        assert_eq!(ids(&story), [("wc_order_891", true), ("wc_order_891_bump_1", true)]);
        let codes: Vec<&str> = story.notices.iter().map(|notice| notice.code.as_str()).collect();
        assert_eq!(codes, ["order_reported"]);
        assert_eq!(story.orders[0].event_ids, ["wc_order_891", "wc_order_891_bump_1"]);
        let story = rig.store.story("wc_order_891", Some("shop")).unwrap();
        assert_eq!(ids(&story), [("wc_order_891", true), ("wc_order_891_bump_1", false)]);
        assert!(story.orders.is_empty() && story.searched.unseen == 0);
        assert!(rig.store.story("wc_order_891", Some("other")).unwrap().events.is_empty());
        assert_eq!(ids(&rig.store.story(" lead_1 ", None).unwrap()), [("lead_1", true)]);
    }
}

#[tokio::test]
async fn deliveries_come_with_their_calls_and_with_what_holds_their_destination() {
    let rig = Rig::new().await;
    rig.append(rig.event("Lead", "lead_1"), 1_000).await;
    let seq = rig.due(2_000)[0];
    let later = DeliveryState::Waiting { due_ms: 9_000, why: "no answer".into(), counts: true };
    rig.record(seq, later, 2_000).await;
    rig.record(seq, DeliveryState::Delivered { warning: None }, 9_000).await;
    let story = rig.store.story("lead_1", None).unwrap();
    let delivery = &story.events[0].deliveries[0];
    assert_eq!(
        (delivery.state, delivery.attempts, delivery.destination.as_str()),
        (State::Delivered, 2, "tiktok")
    );
    assert_eq!(delivery.attempt.as_ref().unwrap().started_ms, 9_000);
    assert_eq!(delivery.ruling.as_deref(), Some(common::RULING));
    let calls = rig.store.calls_of(story.events[0].seq).unwrap();
    assert_eq!(
        calls.iter().map(|(of, call)| (*of, call.started_ms)).collect::<Vec<_>>(),
        [(seq, 2_000), (seq, 9_000)]
    );

    let stop = Stop { why: "the token has ended".into(), since_ms: 10_000 };
    rig.store.set_stop(rig.lane, Some(stop)).await.unwrap();
    let story = rig.store.story_of(1).unwrap().unwrap();
    assert_eq!(story.events[0].deliveries[0].stopped, Some(("the token has ended".into(), 10_000)));
    assert!(rig.store.story_of(99).unwrap().is_none());
}

#[tokio::test]
async fn what_never_became_an_event_is_told_by_its_notice_or_by_what_is_like_it() {
    let rig = Rig::new().await;
    rig.append(rig.snapshot("891", "89.99", &[]), 1_000).await;
    let notices =
        vec![notice("value_negative", Some("bad_1"), Some("77")), notice("json_invalid", None, None)];
    rig.store.append(Batch { notices, ..Batch::default() }, 2_000).await.unwrap();
    rig.store.catch_up().await.unwrap();
    for question in ["bad_1", "77"] {
        let story = rig.store.story(question, None).unwrap();
        assert_eq!((story.events.len(), story.notices[0].code.as_str()), (0, "value_negative"), "{question}");
    }
    for (question, expected) in [("WC-Order-891", "wc_order_891"), ("#891", "891"), ("order_0891", "891")] {
        let story = rig.store.story(question, None).unwrap();
        let near: Vec<&str> = story.candidates.iter().map(|one| one.text.as_str()).collect();
        assert!(near.contains(&expected) && story.events.is_empty(), "{question}: {near:?}");
    }
    let story = rig.store.story("nothing", None).unwrap();
    assert!(story.candidates.is_empty() && story.notices.is_empty());
    assert_eq!(story.turned_away[0].code, "json_invalid");
    assert_eq!((story.searched.events, story.searched.sites.as_slice()), (1, &["shop".to_owned()][..]));
    let ways: Vec<(&str, bool)> =
        story.ways_in.iter().map(|way| (way.source.as_str(), way.last_ms.is_some())).collect();
    assert_eq!(ways, [("events", true)]);
}

#[tokio::test]
async fn what_neither_the_index_nor_a_look_has_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = Options::new(folder.path().join("t.db"));
    options.insight = false;
    let store = Store::open(options).unwrap();
    let lane = store.lane("shop", "tiktok").await.unwrap();
    let rig = Rig { folder, store, lane };
    let events = (0..5_010).map(|n| rig.event("Lead", &format!("lead_{n}"))).collect();
    rig.store.append(Batch { events, ..Batch::default() }, 1_000).await.unwrap();
    let story = rig.store.story("lead_3", None).unwrap();
    assert!(story.events.is_empty());
    assert_eq!(
        (story.searched.events, story.searched.newest_events, story.searched.unseen),
        (5_010, 5_000, 10)
    );
    assert_eq!(ids(&rig.store.story("lead_5000", None).unwrap()), [("lead_5000", true)]);
}

#[tokio::test]
async fn one_event_is_sent_again_and_no_other_of_its_id() {
    let rig = Rig::new().await;
    rig.append(rig.event("Lead", "same"), 1_000).await;
    rig.append(rig.event("Purchase", "same"), 1_000).await;
    for seq in rig.due(2_000) {
        rig.record(seq, DeliveryState::Rejected { why: "no".into() }, 2_000).await;
    }
    let replay = Replay { event_seq: Some(2), lanes: vec![rig.lane], ..Replay::default() };
    assert_eq!(rig.store.replay(replay, 3_000).await.unwrap(), 1);
    let replayed: i64 = rig.value("SELECT event_seq FROM deliveries WHERE replay = 1");
    assert_eq!(replayed, 2);
}
