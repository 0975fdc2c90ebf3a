//! What alerts are worked out from, on rows of the tests' own.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod common;

use common::Rig;
use tandem_store::insight::alerts::{Arrived, Covered, Doubles, Ended, OrderEnds};
use tandem_store::insight::path_of;
use tandem_store::{DeliveryState, Keep, Report, Stop};

const HOUR: i64 = 3_600_000;

/// Rows that the program itself makes of a log.
fn sql(rig: &Rig, file: &str, text: &str) {
    let log = rig.store.path();
    let path = if file == "insight" { path_of(log) } else { log.to_owned() };
    let conn = rusqlite::Connection::open(path).unwrap();
    conn.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
    conn.execute_batch(text).unwrap();
}

#[tokio::test]
async fn a_queue_is_as_old_as_what_came_in_first_whatever_retries_do() {
    let rig = Rig::new().await;
    let idle = rig.store.queues().unwrap();
    assert_eq!((idle[0].waiting, idle[0].oldest_ms, idle[0].paused), (0, None, false));

    rig.append(rig.event("Purchase", "a"), 1_000).await;
    rig.append(rig.event("Purchase", "b"), 2_000).await;
    let first = rig.due(2_000)[0];
    let later = DeliveryState::Waiting { due_ms: 900_000, why: "busy".into(), counts: true };
    let report = Report {
        at_ms: 2_000,
        lane: rig.lane,
        attempt: None,
        states: vec![(first, later)],
        joined: vec![],
        rulings: vec![],
    };
    rig.store.record(report).await.unwrap();
    let stop = Stop { why: "no token".into(), since_ms: 5 };
    rig.store.set_stop(rig.lane, Some(stop.clone())).await.unwrap();
    sql(&rig, "log", "UPDATE lanes SET paused_by = 'somebody'");
    let queue = rig.store.queues().unwrap().remove(0);
    assert_eq!((queue.waiting, queue.oldest_ms), (2, Some(1_000)));
    assert_eq!((queue.stopped, queue.paused), (Some(stop), true));
    assert_eq!((queue.site.as_str(), queue.destination.as_str()), ("shop", "tiktok"));

    // A replayed event may be years old; what counts is how long it has been tried.
    sql(&rig, "log", "UPDATE deliveries SET replay = 1, first_attempt_ms = 777 WHERE seq = 1");
    assert_eq!(rig.store.queues().unwrap()[0].oldest_ms, Some(777));
}

#[tokio::test]
async fn ends_count_from_an_hour_on_and_skips_are_no_ends() {
    let rig = Rig::new().await;
    sql(
        &rig,
        "log",
        "DELETE FROM delivery_counts; INSERT INTO delivery_counts (hour, lane, state, code, n) VALUES
           (9, 1, 3, 'x', 100), (10, 1, 1, '', 30), (10, 1, 2, 'consent_denied', 50), (11, 1, 3, 'x', 4), (11, 1, 4, '', 2)",
    );
    assert_eq!(rig.store.ended_since(10).unwrap(), [Ended { lane: rig.lane, delivered: 30, failed: 6 }]);
    assert_eq!(rig.store.ended_since(12).unwrap(), []);
}

#[tokio::test]
async fn arrivals_doubles_and_keys_are_read_from_the_roll_ups() {
    let rig = Rig::new().await;
    sql(
        &rig,
        "insight",
        "INSERT INTO arrivals VALUES (48, 'shop', 'Pageview', 'browser', 'browser', 70),
           (48, 'shop', 'Purchase', 'browser', 'browser', 2), (48, 'shop', 'Purchase', 'woocommerce', 'server', 5),
           (49, 'shop', 'Purchase', 'woocommerce', 'server', 40), (20, 'shop', 'Purchase', 'woocommerce', 'server', 9);
         INSERT INTO notices_by_day VALUES (2, 'shop', 'events', 'near_miss', 'order_other_id', 3, 1),
           (2, 'shop', 'events', 'duplicate', 'order_reported', 30, 1), (1, 'shop', 'events', 'near_miss', 'order_other_id', 7, 1);
         INSERT INTO findings VALUES (2, 'shop', 'order_under_two_ids', 'error', 'Purchase', 'events', 4, 1),
           (2, 'shop', 'id_near_miss', 'warning', 'Purchase', 'events', 2, 1),
           (2, 'shop', 'id_near_miss', 'warning', 'Lead', 'events', 5, 1),
           (2, 'shop', 'value_zero', 'info', 'Purchase', 'events', 9, 1);
         INSERT INTO coverage VALUES (2, 'shop', 'Purchase', 'server', 'events', 'ios', 5, 3),
           (2, 'shop', 'Purchase', 'browser', 'events', 'none', 5, 4), (2, 'shop', 'Pageview', 'browser', 'browser', 'ios', 5, 9),
           (1, 'shop', 'Purchase', 'server', 'events', 'ios', 1, 8)",
    );
    let of = |hour, source: &str, events, purchases| Arrived {
        hour,
        site: "shop".into(),
        source: source.into(),
        events,
        purchases,
    };
    assert_eq!(rig.store.arrived(48, 49).unwrap(), [of(48, "browser", 72, 2), of(48, "woocommerce", 5, 5)]);
    assert_eq!(rig.store.doubles_since(2).unwrap(), [Doubles { site: "shop".into(), doubles: 9, sales: 47 }]);
    let covered = |day, keys, events| Covered { day, site: "shop".into(), keys, events };
    assert_eq!(rig.store.covered_since(2).unwrap(), [covered(2, 5, 7)]);
    assert_eq!(rig.store.covered_since(1).unwrap().len(), 2);
}

#[tokio::test]
async fn an_order_counts_once_by_the_best_that_became_of_it() {
    let rig = Rig::new().await;
    for id in ["a", "b", "c", "d", "late"] {
        rig.append(rig.event("Purchase", id), HOUR).await;
    }
    rig.append(rig.event("InitiateCheckout", "e"), HOUR).await;
    let state = |seq: i64, state: i64, code: &str| {
        format!("UPDATE deliveries SET state = {state}, code = '{code}' WHERE event_seq = {seq};")
    };
    sql(
        &rig,
        "log",
        &[state(1, 3, "40000"), state(2, 1, ""), state(3, 2, "consent_denied"), state(4, 3, "40000")]
            .concat(),
    );
    // The first order: refused, then reported once more and delivered. The last is of another day.
    sql(
        &rig,
        "insight",
        &format!(
            "DELETE FROM orders; INSERT INTO orders (id, site, order_id, at_ms, first_event, last_event, events) VALUES
               (1, 'shop', '1', {HOUR}, 1, 2, 2), (2, 'shop', '2', {HOUR}, 3, 3, 1), (3, 'shop', '3', {HOUR}, 4, 4, 1),
               (4, 'shop', '4', {HOUR}, 6, 6, 1), (5, 'shop', '5', {}, 5, 5, 1), (6, 'other', '6', {HOUR}, 4, 4, 1),
               (7, 'shop', '7', {HOUR}, NULL, NULL, 0)",
            9 * HOUR
        ),
    );
    let end = |delivered, skipped: Option<&str>| OrderEnds {
        lane: rig.lane,
        delivered,
        skipped: skipped.map(str::to_owned),
        orders: 1,
    };
    let found = rig.store.order_ends("shop", HOUR, 2 * HOUR).unwrap();
    assert_eq!(found, [end(false, None), end(false, Some("consent_denied")), end(true, None)]);
}

#[tokio::test]
async fn states_are_kept_over_a_restart() {
    let rig = Rig::new().await;
    let document = |body: Option<&str>| Keep::Document {
        kind: "alert",
        name: "disk::".into(),
        body: body.map(str::to_owned),
    };
    rig.store.keep(document(Some("{}")), 5).await.unwrap();
    let rig = rig.restarted().await;
    assert_eq!(rig.store.kept("alert").unwrap()[0].name, "disk::");
    rig.store.keep(document(None), 6).await.unwrap();
    assert_eq!(rig.store.kept("alert").unwrap(), []);
}
