//! A store on a real file, and what to put into it.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]
#![allow(dead_code, reason = "each test binary uses a part")]

use std::collections::HashSet;

use tandem_core::claim::{ClaimKey, OrderReport};
use tandem_core::consent::{Consent, Evidence, Status};
use tandem_core::session::Touch;
use tandem_core::{Currency, Event, Item};
use tandem_store::embedded::View;
use tandem_store::{
    Attempt, Batch, DeliveryState, LaneId, NewDelivery, NewEvent, NewTouch, Options, OrderClaim, Outcome,
    Report, Skipped, Store,
};
use tempfile::TempDir;

pub(crate) const WINDOW: i64 = 1_000_000;

/// Under which everything is made here.
pub(crate) const RULING: &str = "send:on_unknown_grant";

pub(crate) struct Rig {
    pub(crate) folder: TempDir,
    pub(crate) store: Store,
    pub(crate) lane: LaneId,
}

impl Rig {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(Options::new(folder.path().join("t.db"))).unwrap();
        let lane = store.lane("shop", "tiktok").await.unwrap();
        Self { folder, store, lane }
    }

    pub(crate) async fn restarted(self) -> Self {
        let Self { folder, store, lane } = self;
        drop(store);
        let store = Store::open(Options::new(folder.path().join("t.db"))).unwrap();
        assert_eq!(store.lane("shop", "tiktok").await.unwrap(), lane);
        Self { folder, store, lane }
    }

    pub(crate) fn event(&self, name: &str, id: &str) -> NewEvent {
        let event = Event { event_name: name.into(), event_id: id.into(), ..Event::default() };
        NewEvent {
            site: "shop".into(),
            source: "events",
            event_name: name.into(),
            event_id: id.into(),
            event_time: 1,
            order_id: None,
            body: serde_json::to_string(&event).unwrap(),
            address: Some("203.0.113.7".into()),
            deliveries: vec![NewDelivery {
                lane: self.lane,
                destination: "tiktok",
                claim: ClaimKey::new("shop", "tiktok", name, id),
                window_ms: WINDOW,
                skip: None,
                hold_ms: 0,
                consent: RULING.into(),
            }],
            order: None,
        }
    }

    /// A paid order's webhook: total, lines.
    pub(crate) fn snapshot(&self, order: &str, total: &str, lines: &[&str]) -> NewEvent {
        let id = format!("wc_order_{order}");
        let item = |line: &&str| Item {
            content_id: (*line).into(),
            line_id: Some((*line).into()),
            ..Item::default()
        };
        let event = Event {
            event_name: "Purchase".into(),
            event_id: id.clone(),
            value: Some(total.parse().unwrap()),
            contents: lines.iter().map(item).collect(),
            ..Event::default()
        };
        let claim = OrderClaim {
            report: OrderReport::Snapshot { changed_at: 77 },
            total: total.parse().ok(),
            currency: Currency::parse("USD"),
            lines: lines.iter().map(|l| (*l).to_owned()).collect(),
            event: Box::new(event),
        };
        NewEvent { order_id: Some(order.into()), order: Some(claim), ..self.event("Purchase", &id) }
    }

    pub(crate) fn sale(&self, order: &str, id: &str, total: &str) -> NewEvent {
        let snapshot = self.snapshot(order, total, &[]);
        let order = snapshot.order.map(|o| OrderClaim { report: OrderReport::Sale, ..o });
        NewEvent { order, order_id: snapshot.order_id, ..self.event("Purchase", id) }
    }

    /// The same with what came with it of consent.
    pub(crate) fn told(&self, event: NewEvent, consent: Consent) -> NewEvent {
        let mut body: Event = serde_json::from_str(&event.body).unwrap();
        body.consent = consent.clone();
        body.order_id.clone_from(&event.order_id);
        let order = event.order.map(|mut order| {
            order.event.consent = consent;
            order.event.order_id.clone_from(&event.order_id);
            order
        });
        NewEvent { body: serde_json::to_string(&body).unwrap(), order, ..event }
    }

    pub(crate) async fn append(&self, event: NewEvent, now: i64) -> Outcome {
        let batch = Batch { events: vec![event], ..Batch::default() };
        self.store.append(batch, now).await.unwrap().remove(0)
    }

    pub(crate) fn due(&self, now: i64) -> Vec<i64> {
        let batch = self.store.due(self.lane, now, 100, &HashSet::new()).unwrap();
        batch.due.into_iter().map(|d| d.seq).collect()
    }

    pub(crate) async fn record(&self, seq: i64, state: DeliveryState, at: i64) {
        let attempt = Attempt {
            started_ms: at,
            latency_ms: 5,
            status: Some(200),
            code: Some(0),
            verdict: "delivered",
            message: String::new(),
            request_bytes: 10,
            reply: None,
        };
        let states = vec![(seq, state)];
        self.store
            .record(Report { attempt: Some(attempt), states, at_ms: at, ..self.report() })
            .await
            .unwrap();
    }

    /// A report of the lane that says nothing yet.
    pub(crate) fn report(&self) -> Report {
        Report { lane: self.lane, attempt: None, states: vec![], joined: vec![], rulings: vec![], at_ms: 0 }
    }

    /// Nothing was sent, for want of consent.
    pub(crate) async fn record_skip(&self, seq: i64, code: &'static str) {
        let states = vec![(seq, DeliveryState::Skipped(skip(code)))];
        self.store.record(Report { states, ..self.report() }).await.unwrap();
    }

    /// Remembers one visit's news.
    pub(crate) async fn touch(&self, touch: Touch) {
        let now = touch.at_ms;
        self.touch_at(touch, now).await;
    }

    pub(crate) async fn touch_at(&self, touch: Touch, now: i64) {
        let touches = vec![NewTouch { site: "shop".into(), touch }];
        self.store.append(Batch { touches, ..Batch::default() }, now).await.unwrap();
    }

    /// The first column of a query that gives one row.
    pub(crate) fn value<T: rusqlite::types::FromSql>(&self, sql: &str) -> T {
        self.store.read(|conn| conn.query_row(sql, [], |r| r.get(0))).unwrap()
    }

    pub(crate) fn rows(&self, view: View) -> Vec<serde_json::Value> {
        let mut rows = self.store.newest(view, None, 1_000).unwrap();
        rows.reverse();
        rows
    }

    pub(crate) fn states(&self) -> Vec<(String, String)> {
        let text = |v: &serde_json::Value| v.as_str().unwrap_or_default().to_owned();
        self.rows(View::Deliveries).iter().map(|r| (text(&r["event_id"]), text(&r["state"]))).collect()
    }
}

/// A skip as the gate makes it.
pub(crate) fn skip(code: &'static str) -> Skipped {
    Skipped { code: code.into(), message: "no".into() }
}

/// A word of the visitor's, by a signal, said at a time.
pub(crate) fn word(advertising: Status, signal: &'static str, at_ms: i64) -> Consent {
    let evidence = Evidence { at_ms: Some(at_ms), ..Evidence::new(signal, "") };
    Consent { advertising, evidence: Some(evidence), ..Consent::default() }
}

/// A page of a visitor with some orders on it.
pub(crate) fn page(visitor: &str, at_ms: i64, orders: &[&str]) -> Touch {
    Touch {
        visitor: visitor.into(),
        at_ms,
        page: Some("https://shop.example/".into()),
        user_agent: Some("Mozilla/5.0".into()),
        orders: orders.iter().map(|o| (*o).to_owned()).collect(),
        ..Touch::default()
    }
}

/// The same with a word on consent.
pub(crate) fn with_word(touch: Touch, advertising: Status) -> Touch {
    Touch { consent: Some(Consent { advertising, ..Consent::default() }), ..touch }
}

pub(crate) fn accepted(seq: i64) -> Outcome {
    Outcome::Accepted { seq, event_id: None }
}
