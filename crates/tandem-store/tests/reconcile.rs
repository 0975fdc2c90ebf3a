//! What reconciliation reads of a real file: halves, growth, replays, two ids, and other sites.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod common;

use common::{Rig, accepted, skip};
use tandem_core::reconcile::{DAY_MS, Report, Settings};
use tandem_core::{Channel, Event};
use tandem_store::insight::Look;
use tandem_store::{DeliveryState, Keep, NewEvent, PlatformCount, ShopOrder};

/// 2026-11-22T14:00:00Z
const NOW: i64 = 1_795_356_000_000;
const SOLD: i64 = NOW - 5 * DAY_MS;

fn at(event: NewEvent) -> NewEvent {
    NewEvent { event_time: SOLD / 1_000, ..event }
}

fn order(id: &str, total: &str) -> ShopOrder {
    ShopOrder {
        by_number: false,
        site: "shop".into(),
        order_id: id.into(),
        at_ms: SOLD,
        total: total.parse().ok(),
        currency: None,
        status: "processing".into(),
    }
}

async fn report(rig: &Rig) -> Report {
    rig.store.catch_up().await.unwrap();
    let look = Look {
        site: "shop".into(),
        settings: Settings::default(),
        destinations: vec!["tiktok".into()],
        now_ms: NOW,
        days: 14,
    };
    rig.store.reconcile(&look).unwrap()
}

fn codes(report: &Report) -> Vec<(String, String)> {
    let mut all: Vec<_> =
        report.differences.iter().map(|d| (d.code.clone(), d.order_id.clone().unwrap_or_default())).collect();
    all.sort();
    all
}

fn deliver_all() -> DeliveryState {
    DeliveryState::Delivered { warning: None }
}

#[tokio::test]
async fn halves_growth_and_replays_are_one_sale_and_two_ids_are_two() {
    let rig = Rig::new().await;
    // An order with a page's half, which is not sent; one that grew; one under two ids.
    let mut half = at(rig.sale("1", "wc_order_1", "10.00"));
    half.order = None;
    half.deliveries[0].skip = Some(skip("server_half_reports"));
    rig.append(half, SOLD).await;
    assert_eq!(rig.append(at(rig.snapshot("1", "10.00", &["a"])), SOLD + 1).await, accepted(2));
    rig.append(at(rig.snapshot("2", "10.00", &["a"])), SOLD + 2).await;
    rig.append(at(rig.snapshot("2", "12.50", &["a", "b"])), SOLD + 3).await;
    rig.append(at(rig.sale("3", "wc_order_3", "10.00")), SOLD + 4).await;
    rig.append(at(rig.sale("3", "other_3", "11.00")), SOLD + 5).await;
    for seq in rig.due(NOW) {
        rig.record(seq, deliver_all(), SOLD + 10).await;
    }
    let list = vec![order("1", "10.00"), order("2", "12.50"), order("3", "10.00"), order("4", "7.00")];
    let elsewhere = ShopOrder { site: "other".into(), ..order("9", "1.00") };
    rig.store.keep(Keep::ShopOrders([list, vec![elsewhere]].concat()), NOW).await.unwrap();
    let found = report(&rig).await;
    let told = |code: &str, order: &str| (code.to_owned(), order.to_owned());
    assert_eq!(
        codes(&found),
        [told("order_missing", "4"), told("order_twice", "3")],
        "{:?}",
        found.differences
    );
    let total = &found.totals[0];
    assert_eq!((total.orders, total.delivered, total.orders_unexplained), (4, 3, 2));

    // Delivered again by a replay: still one sale each, for the platform too.
    let lanes = vec![rig.lane];
    let replay = tandem_store::Replay { lanes, delivered_too: true, ..Default::default() };
    rig.store.replay(replay, NOW).await.unwrap();
    for seq in rig.due(NOW) {
        rig.record(seq, deliver_all(), NOW).await;
    }
    let count = PlatformCount {
        site: "shop".into(),
        destination: "tiktok".into(),
        day: SOLD.div_euclid(DAY_MS),
        event_name: "Purchase".into(),
        // Growth happens when the order is changed, which is in 1970 here.
        events: 4,
        browser: None,
        server: Some(4),
        attributed: None,
        attributed_only: false,
        value: None,
        currency: None,
        origin: "csv",
    };
    rig.store.keep(Keep::PlatformCounts(vec![count]), NOW).await.unwrap();
    let found = report(&rig).await;
    assert_eq!(found.totals[0].platform_unexplained, 0, "{:?}", found.days);
    assert_eq!(codes(&found).len(), 2);
    let told_at = rig.store.platform_days("shop", "tiktok", 0).unwrap();
    assert_eq!(told_at.get(&SOLD.div_euclid(DAY_MS)), Some(&NOW));
}

fn saying(event: NewEvent, channel: Channel, value: &str) -> NewEvent {
    let body = Event {
        site: "shop".into(),
        channel,
        event_name: event.event_name.clone(),
        event_id: event.event_id.clone(),
        order_id: event.order_id.clone(),
        value: value.parse().ok(),
        ..Event::default()
    };
    NewEvent { body: serde_json::to_string(&body).unwrap(), ..event }
}

#[tokio::test]
async fn an_order_costs_what_the_server_says_and_not_what_its_page_does() {
    let rig = Rig::new().await;
    // The page comes first, and has the tax in its total.
    let mut half = saying(at(rig.sale("1", "wc_order_1", "11.90")), Channel::Browser, "11.90");
    half.order = None;
    half.deliveries[0].skip = Some(skip("server_half_reports"));
    rig.append(half, SOLD).await;
    rig.append(saying(at(rig.snapshot("1", "10.00", &[])), Channel::Server, "10.00"), SOLD + 1).await;
    for seq in rig.due(NOW) {
        rig.record(seq, deliver_all(), SOLD + 10).await;
    }
    rig.store.keep(Keep::ShopOrders(vec![order("1", "10.00")]), NOW).await.unwrap();
    let found = report(&rig).await;
    assert_eq!(codes(&found), [], "{:?}", found.differences);
    assert_eq!(rig.value::<String>("SELECT value FROM insight.orders"), "10.00");
    assert_eq!(
        rig.value::<String>("SELECT group_concat(events || ' ' || value) FROM insight.revenue"),
        "1 10.00"
    );
}

#[tokio::test]
async fn a_list_replaces_what_it_says_again() {
    let rig = Rig::new().await;
    rig.store.keep(Keep::ShopOrders(vec![order("1", "5.00")]), NOW).await.unwrap();
    assert_eq!(codes(&report(&rig).await), [("order_missing".to_owned(), "1".to_owned())]);
    let cancelled = ShopOrder { status: "cancelled".into(), ..order("1", "5.00") };
    rig.store.keep(Keep::ShopOrders(vec![cancelled]), NOW).await.unwrap();
    assert_eq!(codes(&report(&rig).await), [("order_not_paid".to_owned(), "1".to_owned())]);
}
