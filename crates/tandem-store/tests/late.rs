//! The halves of a sale in any order: what waits for its page, what was skipped for want of a word on consent, and what
//! may be reported again because nobody was told.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod common;

use std::time::Duration;

use common::{Rig, WINDOW, accepted, page, skip, with_word};
use proptest::prelude::*;
use tandem_core::consent::Status;
use tandem_core::session::{Clues, Touch};
use tandem_store::embedded::View;
use tandem_store::{Batch, DeliveryState, Joined, LaneId, NewEvent, NewTouch, Outcome, Report, Store};

const DAY: i64 = 86_400_000;
const HOLD: i64 = 5_000;
const NOW: i64 = 20_000 * DAY;

fn held(mut event: NewEvent) -> NewEvent {
    event.deliveries.iter_mut().for_each(|delivery| delivery.hold_ms = HOLD);
    event
}

fn granted(visitor: &str, at_ms: i64, order: &str) -> Touch {
    with_word(page(visitor, at_ms, &[order]), Status::Granted)
}

/// What a webhook that carries a visitor id tells: nothing of a page.
fn of_webhook(visitor: &str, at_ms: i64, order: &str) -> Touch {
    Touch { visitor: visitor.into(), at_ms, orders: vec![order.into()], ..Touch::default() }
}

/// The lane's deliveries by number: state and code.
fn deliveries(rig: &Rig) -> Vec<(String, Option<String>)> {
    let text = |v: &serde_json::Value| v.as_str().map(str::to_owned);
    rig.rows(View::Deliveries).iter().map(|r| (text(&r["state"]).unwrap(), text(&r["code"]))).collect()
}

fn of(states: &[(&str, Option<&str>)]) -> Vec<(String, Option<String>)> {
    states.iter().map(|(state, code)| ((*state).to_owned(), code.map(str::to_owned))).collect()
}

#[tokio::test]
async fn a_held_sale_goes_when_its_page_was_heard_of() {
    let rig = Rig::new().await;
    let bell = rig.store.waker(rig.lane);
    rig.append(held(rig.snapshot("7", "10.00", &[])), NOW).await;
    rig.append(held(rig.snapshot("8", "10.00", &[])), NOW).await;
    assert_eq!(rig.due(NOW + HOLD - 1), [0_i64; 0]);
    // The writer rings before it takes the next command, so this one's answer means that the bell of the appends rang.
    rig.store.probe().await.unwrap();
    bell.notified().await;
    rig.touch(page("v", NOW + 1, &["7"])).await;
    tokio::time::timeout(Duration::from_secs(30), bell.notified()).await.unwrap();
    assert_eq!(rig.due(NOW + 1), [1]);
    assert_eq!(rig.due(NOW + HOLD), [1, 2], "the other one's time comes by itself");
}

#[tokio::test]
async fn what_waits_for_another_try_is_not_hurried() {
    let rig = Rig::new().await;
    rig.append(held(rig.snapshot("7", "10.00", &[])), NOW).await;
    let again = DeliveryState::Waiting { due_ms: NOW + 60_000, why: "busy".into(), counts: true };
    rig.record(1, again, NOW + HOLD).await;
    rig.touch(page("v", NOW + HOLD + 1, &["7"])).await;
    assert_eq!(rig.due(NOW + 59_999), [0_i64; 0]);
}

#[tokio::test]
async fn a_second_webhook_is_no_page() {
    let rig = Rig::new().await;
    for at in [NOW, NOW + 1] {
        let touches = vec![NewTouch { site: "shop".into(), touch: of_webhook("v", at, "7") }];
        let events = vec![held(rig.snapshot("7", "10.00", &[]))];
        rig.store.append(Batch { events, touches, ..Batch::default() }, at).await.unwrap();
    }
    assert_eq!(rig.due(NOW + HOLD - 1), [0_i64; 0]);
    // The page's own touch may name another visitor, or the same.
    rig.touch(page("v", NOW + 2, &["7"])).await;
    assert_eq!(rig.due(NOW + 2), [1]);
}

#[tokio::test]
async fn a_word_that_comes_late_takes_up_what_was_skipped_for_want_of_it() {
    let rig = Rig::new().await;
    rig.append(held(rig.snapshot("7", "10.00", &[])), NOW).await;
    rig.append(held(rig.snapshot("8", "10.00", &[])), NOW).await;
    rig.record_skip(1, "consent_unknown").await;
    rig.record_skip(2, "consent_denied").await;
    rig.touch(page("v", NOW + HOLD, &["7", "8"])).await;
    let skipped = of(&[("skipped", Some("consent_unknown")), ("skipped", Some("consent_denied"))]);
    assert_eq!(deliveries(&rig), skipped, "the page had no word");
    rig.touch(with_word(page("v", NOW + HOLD, &["7", "8"]), Status::Granted)).await;
    assert_eq!(deliveries(&rig), of(&[("waiting", None), ("skipped", Some("consent_denied"))]));
    assert_eq!(rig.due(NOW + HOLD), [1]);
    // It counts again: neither the order nor the event is free any more.
    let rig = rig.restarted().await;
    assert_eq!(rig.append(rig.snapshot("7", "10.00", &[]), NOW + 2).await, Outcome::Duplicate { of: None });
    let same_id = rig.append(rig.event("Purchase", "wc_order_7"), NOW + 3).await;
    assert_eq!(same_id, Outcome::Duplicate { of: Some(1) });
}

#[tokio::test]
async fn after_a_week_nothing_is_taken_up() {
    let rig = Rig::new().await;
    rig.append(held(rig.snapshot("7", "10.00", &[])), NOW).await;
    rig.record_skip(1, "consent_unknown").await;
    rig.touch(granted("v", NOW + 7 * DAY, "7")).await;
    assert_eq!(deliveries(&rig), of(&[("skipped", Some("consent_unknown"))]));
}

#[tokio::test]
async fn a_word_that_comes_while_the_lane_decides_is_heard_once() {
    let rig = Rig::new().await;
    rig.append(held(rig.snapshot("7", "10.00", &[])), NOW).await;
    // The lane has looked for the visitor in vain; before it can say so, the page does.
    rig.touch(granted("v", NOW + HOLD, "7")).await;
    rig.record_skip(1, "consent_unknown").await;
    assert_eq!(deliveries(&rig), of(&[("waiting", Some("retry"))]));
    assert_eq!(rig.due(NOW + HOLD), [1]);
    // It found another session, which has no word: no third look.
    rig.record_skip(1, "consent_unknown").await;
    assert_eq!(deliveries(&rig), of(&[("skipped", Some("consent_unknown"))]));
}

#[tokio::test]
async fn a_claim_whose_holder_was_skipped_for_consent_is_free() {
    let rig = Rig::new().await;
    for (n, code) in (0..).zip(["consent_unknown", "consent_denied", "event_too_old"]) {
        let id = format!("id{n}");
        let (first, second) = (3 * n + 1, 3 * n + 2);
        assert_eq!(rig.append(held(rig.event("Lead", &id)), NOW).await, accepted(first));
        assert_eq!(rig.append(rig.event("Lead", &id), NOW).await, Outcome::Duplicate { of: Some(first) });
        rig.record_skip(first, code).await;
        let third = rig.append(rig.event("Lead", &id), NOW).await;
        if code == "event_too_old" {
            assert_eq!(third, Outcome::Duplicate { of: Some(first) }, "that is no matter of consent");
        } else {
            assert_eq!(third, accepted(second + 1));
        }
    }
    // The second holder's claim holds, also when the index is read from the file.
    let rig = rig.restarted().await;
    assert_eq!(rig.append(rig.event("Lead", "id0"), NOW).await, Outcome::Duplicate { of: Some(3) });
    while rig.store.prune(NOW + WINDOW).await.unwrap() {}
    assert_eq!(rig.append(rig.event("Lead", "id0"), NOW + WINDOW).await, accepted(11));
}

#[tokio::test]
async fn an_order_that_came_to_nothing_counts_as_new() {
    let rig = Rig::new().await;
    assert_eq!(rig.append(held(rig.snapshot("7", "10.00", &["1"])), NOW).await, accepted(1));
    assert_eq!(rig.append(rig.snapshot("7", "10.00", &["1"]), NOW).await, Outcome::Duplicate { of: None });
    let grown = rig.append(rig.snapshot("7", "15.00", &["1", "2"]), NOW).await;
    assert_eq!(grown, Outcome::Accepted { seq: 2, event_id: Some("wc_order_7_bump_1".into()) });
    rig.record_skip(1, "consent_unknown").await;
    assert_eq!(
        rig.append(rig.snapshot("7", "15.00", &["1", "2"]), NOW).await,
        Outcome::Duplicate { of: None },
        "the growth still waits"
    );
    rig.record_skip(2, "consent_unknown").await;
    // The whole of it, under the shop's own id; with that the former reports are over.
    assert_eq!(rig.append(rig.sale("7", "mine", "15.00"), NOW).await, accepted(3));
    rig.touch(granted("v", NOW, "7")).await;
    assert_eq!(
        deliveries(&rig),
        of(&[("skipped", Some("consent_unknown")), ("skipped", Some("consent_unknown")), ("waiting", None)])
    );
    assert_eq!(
        rig.append(rig.snapshot("7", "15.00", &["1", "2"]), NOW).await,
        Outcome::Duplicate { of: None }
    );
}

#[tokio::test]
async fn an_order_skipped_for_another_reason_stays_reported() {
    let rig = Rig::new().await;
    rig.append(held(rig.snapshot("7", "10.00", &[])), NOW).await;
    rig.record_skip(1, "event_too_old").await;
    assert_eq!(rig.append(rig.snapshot("7", "10.00", &[]), NOW).await, Outcome::Duplicate { of: None });
}

#[tokio::test]
async fn what_another_event_took_over_is_not_taken_up() {
    let rig = Rig::new().await;
    let other = rig.store.lane("shop", "meta").await.unwrap();
    let mut both = held(rig.snapshot("7", "10.00", &[]));
    let claim = tandem_core::claim::ClaimKey::new("shop", "meta", "Purchase", "wc_order_7");
    both.deliveries.push(tandem_store::NewDelivery {
        lane: other,
        destination: "meta",
        claim,
        ..both.deliveries[0].clone()
    });
    rig.append(both, NOW).await;
    rig.record_skip(1, "consent_unknown").await;
    deliver(&rig.store, other, 2).await;
    // The other destination has it, so the order is reported; an event outside the ledger may still go to the first.
    assert_eq!(rig.append(rig.snapshot("7", "10.00", &[]), NOW).await, Outcome::Duplicate { of: None });
    assert_eq!(rig.append(rig.event("Purchase", "wc_order_7"), NOW).await, accepted(2));
    rig.touch(granted("v", NOW, "7")).await;
    let states = of(&[("skipped", Some("consent_unknown")), ("delivered", None), ("waiting", None)]);
    assert_eq!(deliveries(&rig), states);
}

#[tokio::test]
async fn a_skip_without_a_claim_takes_one_when_it_is_taken_up() {
    let rig = Rig::new().await;
    let other = rig.store.lane("shop", "meta").await.unwrap();
    let mut both = rig.snapshot("7", "10.00", &[]);
    let claim = tandem_core::claim::ClaimKey::new("shop", "meta", "Purchase", "wc_order_7");
    let reported =
        tandem_store::NewDelivery { lane: other, destination: "meta", claim, ..both.deliveries[0].clone() };
    both.deliveries[0].skip = Some(skip("consent_unknown"));
    both.deliveries.push(reported);
    rig.append(both, NOW).await;
    rig.touch(granted("v", NOW, "7")).await;
    assert_eq!(deliveries(&rig), of(&[("waiting", None), ("waiting", None)]));
    let same = rig.append(rig.event("Purchase", "wc_order_7"), NOW).await;
    assert_eq!(same, Outcome::Duplicate { of: Some(1) });
}

async fn deliver(store: &Store, lane: LaneId, seq: i64) {
    let states = vec![(seq, DeliveryState::Delivered { warning: None })];
    store
        .record(Report { lane, attempt: None, states, joined: vec![], rulings: vec![], at_ms: 0 })
        .await
        .unwrap();
}

#[tokio::test]
async fn a_completed_event_takes_the_place_of_the_one_in_the_log() {
    let rig = Rig::new().await;
    let without_address = NewEvent { address: None, ..rig.event("Lead", "2") };
    rig.append(rig.event("Lead", "1"), NOW).await;
    rig.append(without_address, NOW).await;
    let joined = |event_seq: i64| Joined {
        event_seq,
        body: format!(r#"{{"completed":{event_seq}}}"#),
        address: Some("198.51.100.9".into()),
    };
    let report = Report { joined: vec![joined(1), joined(2)], ..rig.report() };
    rig.store.record(report).await.unwrap();
    let due = rig.store.due(rig.lane, NOW, 9, &std::collections::HashSet::new()).unwrap().due;
    let told: Vec<_> = due.iter().map(|d| (d.body.as_str(), d.address.as_deref().unwrap())).collect();
    let own = (r#"{"completed":1}"#, "203.0.113.7");
    assert_eq!(told, [own, (r#"{"completed":2}"#, "198.51.100.9")]);
}

/// What may happen to the three sales of one evening, in any order.
#[derive(Debug, Clone)]
enum Step {
    /// The webhook of an order.
    Webhook(&'static str),
    /// The shop's own code, under an id of its own.
    Sale(&'static str),
    /// The buyer's page names the order and tells the word.
    Page(&'static str, Status),
    /// The lane looks for the visitors of what is due.
    Decide,
    /// It says what became of that.
    Record,
    Later,
    /// All three, one after another.
    Look,
    Restart,
}

/// Order 7 was allowed, 8 was denied, of 9 nobody said anything.
fn steps() -> impl Strategy<Value = Vec<Step>> {
    let words = [("7", Status::Granted), ("8", Status::Denied), ("9", Status::Unknown)];
    let order = |(order, word): (&'static str, Status)| {
        // One webhook and one page at least.
        (1..3_usize, 0..2_usize, 1..3_usize).prop_map(move |(webhooks, sales, pages)| {
            let mut steps = vec![Step::Webhook(order); webhooks];
            steps.extend(vec![Step::Sale(order); sales]);
            steps.extend(vec![Step::Page(order, word); pages]);
            steps
        })
    };
    let looks = vec![Step::Look; 6].into_iter();
    let lane = looks.chain([Step::Decide, Step::Decide, Step::Record, Step::Later, Step::Restart]);
    let lane: Vec<Step> = lane.collect();
    let orders = words.map(order);
    orders.prop_flat_map(move |orders| Just([orders.concat(), lane.clone()].concat()).prop_shuffle())
}

/// A gateway in small: it holds sales without a word, and sends what the visitor allowed.
struct Evening {
    rig: Rig,
    now: i64,
    decided: Vec<(i64, DeliveryState)>,
}

impl Evening {
    fn word(&self, order: &str) -> Status {
        let clues = Clues { order_id: Some(order.into()), ..Clues::default() };
        let found = self.rig.store.session("shop", &clues).unwrap();
        found.and_then(|f| f.session.consent).map_or(Status::Unknown, |consent| consent.advertising)
    }

    async fn take(&self, event: NewEvent, order: &str) {
        let mut event = held(event);
        match self.word(order) {
            Status::Granted => event.deliveries[0].hold_ms = 0,
            Status::Denied => event.deliveries[0].skip = Some(skip("consent_denied")),
            Status::Unknown => {}
        }
        self.rig.append(event, self.now).await;
    }

    fn decide(&mut self) {
        let under_way = self.decided.iter().map(|(seq, _)| *seq).collect();
        for due in self.rig.store.due(self.rig.lane, self.now, 100, &under_way).unwrap().due {
            let sql = format!("SELECT order_id FROM events WHERE seq = {}", due.event_seq);
            let state = match self.word(&self.rig.value::<String>(&sql)) {
                Status::Granted => DeliveryState::Delivered { warning: None },
                Status::Denied => DeliveryState::Skipped(skip("consent_denied")),
                Status::Unknown => DeliveryState::Skipped(skip("consent_unknown")),
            };
            self.decided.push((due.seq, state));
        }
    }

    async fn record(&mut self) {
        let states = std::mem::take(&mut self.decided);
        self.rig.store.record(Report { states, ..self.rig.report() }).await.unwrap();
    }

    async fn step(mut self, step: Step) -> Self {
        self.now += 1;
        match step {
            Step::Webhook(order) => self.take(self.rig.snapshot(order, "10.00", &[]), order).await,
            Step::Sale(order) => {
                self.take(self.rig.sale(order, &format!("own-{order}"), "10.00"), order).await
            }
            Step::Page(order, word) => {
                let touch = with_word(page(&format!("v{order}"), self.now, &[order]), word);
                self.rig.touch(touch).await;
            }
            Step::Decide => self.decide(),
            Step::Record => self.record().await,
            Step::Later => self.now += HOLD,
            Step::Look => {
                self.now += HOLD;
                self.decide();
                self.record().await;
            }
            Step::Restart => {
                self.decided.clear();
                self.rig = self.rig.restarted().await;
            }
        }
        self
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// However the halves and the lane's looks are shuffled, what was allowed is sent once and nothing else ever.
    #[test]
    fn the_halves_of_a_sale_may_come_in_any_order(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut evening = Evening { rig: Rig::new().await, now: NOW, decided: vec![] };
            for step in steps {
                evening = evening.step(step).await;
            }
            for step in [Step::Record, Step::Look, Step::Look] {
                evening = evening.step(step).await;
            }
            let rows = evening.rig.rows(View::Deliveries);
            let sent = |order: &str| {
                rows.iter().filter(|r| r["order_id"] == order && r["state"] == "delivered").count()
            };
            assert_eq!([sent("7"), sent("8"), sent("9")], [1, 0, 0], "{rows:#?}");
            assert!(rows.iter().all(|r| r["state"] != "waiting"), "{rows:#?}");
        });
    }
}
