//! How SQLite goes about every question that pages, alerts and lanes ask: nothing that grows with the log is read from end
//! to end.
#![allow(clippy::unwrap_used, reason = "only tests are in here")]

use std::collections::{BTreeSet, HashSet};
use std::sync::{Mutex, PoisonError};

use rusqlite::Connection;
use rusqlite::trace::{TraceEvent, TraceEventCodes};
use tandem_core::claim::ClaimKey;
use tandem_core::session::Clues;
use tandem_core::{Channel, Currency, Event};

use crate::insight::doubles::Asked;
use crate::insight::matching::Matching;
use crate::insight::{Look, ObservationFilter, Search, path_of};
use crate::pages::Span;
use crate::{Batch, NewDelivery, NewEvent, Notice, NoticeKind, Options, Skipped, Store};

/// Every statement that a reader ran.
static ASKED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

fn asked() -> BTreeSet<String> {
    ASKED.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// A connection whose statements are noted.
pub(crate) fn watched(mut conn: Connection) -> rusqlite::Result<Connection> {
    let note = |event: TraceEvent<'_>| {
        if let TraceEvent::Stmt(statement, _) = event {
            ASKED.lock().unwrap_or_else(PoisonError::into_inner).insert(statement.sql().into_owned());
        }
    };
    conn.trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, Some(note))?;
    Ok(conn)
}

/// What may be read as a whole: a row a destination, a row a day and name, what people keep, and claims, once at opening.
const SMALL: &[&str] =
    &["lanes", "l", "kept", "json_each", "CONSTANT", "claims", "sqlite_schema", "insight.arrivals"];

/// Statements that walk from the newest by number and end soon, or go through what they just gathered.
const BOUNDED: &[&str] = &["ORDER BY seq DESC LIMIT", "EXISTS (SELECT 1 FROM events)", "WITH heard AS"];

/// What of a statement's plan grows with the log: whole tables, and sorting everything for the newest few.
fn growing(conn: &Connection, sql: &str) -> Vec<String> {
    let mut plan = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let nothing = vec![rusqlite::types::Null; plan.parameter_count()];
    let steps = plan.query_map(rusqlite::params_from_iter(nothing), |r| r.get::<_, String>(3)).unwrap();
    let steps: Vec<String> = steps.map(Result::unwrap).collect();
    let bounded = BOUNDED.iter().any(|text| sql.contains(text));
    let scans = |step: &str| {
        let table = step.strip_prefix("SCAN ").and_then(|rest| rest.split(' ').next());
        table.is_some_and(|table| !bounded && !table.starts_with('(') && !SMALL.contains(&table))
    };
    let sorts = |step: &str| step.contains("FOR ORDER BY") && sql.contains("FROM insight.observations");
    steps.into_iter().filter(|step| scans(step) || sorts(step)).collect()
}

fn event(lane: crate::LaneId, seq: u32, channel: Channel) -> NewEvent {
    let id = format!("order_{seq}");
    let event = Event {
        site: "shop".into(),
        source: "events".into(),
        channel,
        event_name: "Purchase".into(),
        event_id: id.clone(),
        order_id: Some(seq.to_string()),
        value: "10".parse().ok(),
        currency: Currency::parse("EUR"),
        session_id: Some("visitor".into()),
        ..Event::default()
    };
    let skip = seq.is_multiple_of(2).then(|| Skipped { code: "rule".into(), message: "no".into() });
    NewEvent {
        site: "shop".into(),
        source: "events",
        event_name: "Purchase".into(),
        event_id: id.clone(),
        event_time: 1,
        order_id: event.order_id.clone(),
        body: serde_json::to_string(&event).unwrap(),
        address: None,
        deliveries: vec![NewDelivery {
            lane,
            destination: "tiktok",
            claim: ClaimKey::new("shop", "tiktok", "Purchase", &id),
            window_ms: 1,
            skip,
            hold_ms: 0,
            consent: "send".into(),
        }],
        order: None,
    }
}

fn notice(code: &'static str, kind: NoticeKind) -> Notice {
    Notice {
        site: "shop".into(),
        source: "events".into(),
        kind,
        code: code.into(),
        message: "no".into(),
        field: None,
        event_name: Some("Purchase".into()),
        event_id: Some("order_1".into()),
        order_id: Some("1".into()),
    }
}

async fn filled(folder: &std::path::Path) -> (Store, crate::LaneId) {
    let store = Store::open(Options::new(folder.join("t.db"))).unwrap();
    let lane = store.lane("shop", "tiktok").await.unwrap();
    let both = |seq| [event(lane, seq, Channel::Browser), event(lane, seq, Channel::Server)];
    let events = (1..6).flat_map(both).collect();
    let notices =
        vec![notice("order_other_id", NoticeKind::NearMiss), notice("order_unpaid", NoticeKind::Ignored)];
    store.append(Batch { events, notices, ..Batch::default() }, 86_400_000).await.unwrap();
    store.catch_up().await.unwrap();
    let insight = Connection::open(path_of(store.path())).unwrap();
    insight
        .execute_batch(
            "INSERT INTO observations (at_ms, site, code, severity, event_seq, other_seq, event_name, message)
             VALUES (86400000, 'shop', 'id_near_miss', 'warning', 2, 1, 'Purchase', 'm')",
        )
        .unwrap();
    (store, lane)
}

/// Everything that a page, an alert, an API or a lane asks.
fn ask_all(store: &Store, lane: crate::LaneId) {
    let site = Some("shop");
    for site in [site, None] {
        let days = Asked { site, days: (0, 9) };
        store.halves(days).unwrap();
        store.twins(days, "id_near_miss", 0, 10).unwrap();
        store.near_misses(days, 0, 10).unwrap();
        store.skips(days, &["rule"]).unwrap();
        store.notice_counts(days, "ignored").unwrap();
        store.code_counts(days, &["rule"]).unwrap();
        store.choices(days).unwrap();
        store.kept_back(days).unwrap();
        store.recent_rulings(site).unwrap();
        store.finding_counts(site, 0).unwrap();
        store.timeline(site, 0, 99).unwrap();
        store.overview(site, (0, 99)).unwrap();
        for event_name in [Some("Purchase"), None] {
            let asked = Matching { site, days: (0, 9), event_name };
            store.keys_by_name(asked).unwrap();
            store.keys_by_device(asked).unwrap();
            store.keys_by_day(asked).unwrap();
        }
        for code in [Some("id_near_miss".to_owned()), None] {
            for event_seq in [Some(2), None] {
                let site = site.map(str::to_owned);
                let filter =
                    ObservationFilter { site, code: code.clone(), event_seq, ..ObservationFilter::default() };
                store.observations(&filter).unwrap();
            }
        }
        let span = Span { first: 0, last: 9, site: site.map(str::to_owned) };
        store.finding_codes(&span, 3).unwrap();
        store.notice_codes(&span).unwrap();
        store.delivery_codes(&span).unwrap();
        for code in ["id_near_miss", "rule", "order_unpaid"] {
            store.code_detail(code, &span, &["shop".to_owned()]).unwrap();
        }
        let text = |text: &str| Some(text.to_owned());
        let searches = [
            Search { text: text("order_1"), ..Search::default() },
            Search { state: text("waiting"), ..Search::default() },
            Search { state: text("skipped"), ..Search::default() },
            Search { code: text("rule"), ..Search::default() },
            Search { finding: text("id_near_miss"), ..Search::default() },
            Search { event_name: text("Purchase"), ..Search::default() },
            Search { source: text("events"), from_ms: Some(1), to_ms: Some(1 << 40), ..Search::default() },
        ];
        for search in searches {
            store.search(&Search { site: site.map(str::to_owned), ..search }).unwrap();
        }
        for question in ["order_1", "1", "nobody", "order-1"] {
            store.story(question, site).unwrap();
        }
    }
    store.ways_in(2 * 86_400_000).unwrap();
    store.lane_figures(2 * 86_400_000).unwrap();
    store.lane_samples(lane, "skipped", "rule", 10).unwrap();
    store.lane_failed_calls(lane).unwrap();
    store.queues().unwrap();
    store.ended_since(0).unwrap();
    store.arrived(0, 99).unwrap();
    store.order_ends("shop", 0, 1 << 40).unwrap();
    store.doubles_since(0).unwrap();
    store.covered_since(0).unwrap();
    store.platform_days("shop", "tiktok", 0).unwrap();
    let (destinations, settings) = (vec!["tiktok".into()], Default::default());
    store
        .reconcile(&Look { site: "shop".into(), settings, destinations, now_ms: 86_400_000, days: 3 })
        .unwrap();
    store.orders_page(&["shop".to_owned()], None, 10).unwrap();
    store.orders_named(&["shop".to_owned()], "1").unwrap();
    store.story_of(2).unwrap();
    store.completions(2).unwrap();
    store.calls_of(2).unwrap();
    store.of_same_visitor("shop", "visitor", 2).unwrap();
    store.lanes().unwrap();
    store.stopped(lane).unwrap();
    store.kept("alert").unwrap();
    store.due(lane, 1 << 40, 10, &HashSet::new()).unwrap();
    store.session("shop", &Clues::default()).unwrap();
    store.order_consent("shop", &["1"]).unwrap();
    store.refusal_of_order("shop", "1").unwrap();
}

#[tokio::test]
async fn nothing_that_grows_with_the_log_is_read_from_end_to_end() {
    let folder = tempfile::tempdir().unwrap();
    let (store, lane) = filled(folder.path()).await;
    ask_all(&store, lane);
    let statements: Vec<String> = asked().into_iter().filter(|sql| !sql.starts_with("PRAGMA")).collect();
    assert!(statements.len() > 80, "{}", statements.len());
    let mut wrong = Vec::new();
    store
        .read(|conn| {
            for sql in statements.iter().filter(|sql| sql.contains("SELECT")) {
                let growing = growing(conn, sql);
                if !growing.is_empty() {
                    wrong.push(format!("{growing:?}: {sql}"));
                }
            }
            Ok(())
        })
        .unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    // And it would be seen.
    let seen = |sql: &str| store.read(|conn| Ok(growing(conn, sql))).unwrap();
    assert_eq!(seen("SELECT count(*) FROM deliveries WHERE message = 'x'").len(), 1);
    assert_eq!(seen("SELECT * FROM insight.orders WHERE value = '1'").len(), 1);
}
