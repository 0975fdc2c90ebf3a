//! What is worked out from the log: it adds up to what the log says, whatever happens to it on the way.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod common;

use common::{Rig, skip};
use rusqlite::Connection;
use tandem_core::consent::{Consent, Evidence, Status};
use tandem_core::identity::{IdHashes, Raw, RawIdentity, hash_identity};
use tandem_core::{Channel, Currency, Event, Finding};
use tandem_store::insight::{ObservationFilter, Search, path_of};
use tandem_store::pages::Span;
use tandem_store::{Batch, DeliveryState, Joined, NewEvent, Notice, NoticeKind, Options, Report, Store};

const DAY: i64 = 86_400_000;
const HOUR: i64 = 3_600_000;

/// An event as a source makes it.
fn made(rig: &Rig, name: &str, id: &str, change: impl FnOnce(&mut Event)) -> NewEvent {
    let mut event = Event {
        site: "shop".into(),
        source: "events".into(),
        event_name: name.into(),
        event_id: id.into(),
        ..Event::default()
    };
    change(&mut event);
    NewEvent {
        order_id: event.order_id.clone(),
        body: serde_json::to_string(&event).unwrap(),
        ..rig.event(name, id)
    }
}

fn sale(rig: &Rig, id: &str, order: &str, value: &str) -> NewEvent {
    made(rig, "Purchase", id, |event| {
        event.order_id = Some(order.into());
        event.value = value.parse().ok();
        event.currency = Currency::parse("EUR");
    })
}

fn notice(order: Option<&str>) -> Notice {
    Notice {
        site: "shop".into(),
        source: "woocommerce".into(),
        kind: NoticeKind::Ignored,
        code: "order_unpaid".into(),
        message: "no".into(),
        field: None,
        event_name: None,
        event_id: None,
        order_id: order.map(str::to_owned),
    }
}

impl Rig {
    async fn send(&self, events: Vec<NewEvent>, now: i64) {
        self.store.append(Batch { events, ..Batch::default() }, now).await.unwrap();
    }

    async fn note(&self, notices: Vec<Notice>, now: i64) {
        self.store.append(Batch { notices, ..Batch::default() }, now).await.unwrap();
    }

    async fn join(&self, event_seq: i64, at_ms: i64, change: impl FnOnce(&mut Event)) {
        let body: String = self.value(&format!("SELECT body FROM events WHERE seq = {event_seq}"));
        let mut event: Event = serde_json::from_str(&body).unwrap();
        change(&mut event);
        let body = serde_json::to_string(&event).unwrap();
        let joined = vec![Joined { event_seq, body, address: None }];
        self.store.record(Report { joined, at_ms, ..self.report() }).await.unwrap();
    }

    /// Rows of a table as text, in order, once everything is seen.
    async fn table(&self, columns: &str, table: &str) -> Vec<String> {
        self.store.catch_up().await.unwrap();
        self.seen(columns, table)
    }

    fn seen(&self, columns: &str, table: &str) -> Vec<String> {
        let sql = format!("SELECT {columns} FROM insight.{table} ORDER BY 1, 2, 3");
        self.store
            .read(|conn| {
                let mut select = conn.prepare(&sql)?;
                let width = select.column_count();
                let row = |r: &rusqlite::Row<'_>| {
                    let cell = |i| Ok(shown(r.get_ref(i)?));
                    Ok((0..width).map(cell).collect::<rusqlite::Result<Vec<_>>>()?.join(" "))
                };
                select.query_map([], row)?.collect()
            })
            .unwrap()
    }
}

fn shown(value: rusqlite::types::ValueRef<'_>) -> String {
    use rusqlite::types::ValueRef;
    match value {
        ValueRef::Null => "-".into(),
        ValueRef::Integer(n) => n.to_string(),
        ValueRef::Real(x) => x.to_string(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
        ValueRef::Blob(_) => "blob".into(),
    }
}

#[tokio::test]
async fn a_log_is_added_up() {
    let rig = Rig::new().await;
    let view = made(&rig, "ViewContent", "v1", |event| {
        event.channel = Channel::Browser;
        event.user.user_agent = Some("Mozilla/5.0 (iPhone)".into());
        event.user.click_ids.ttp = Some("t".into());
        event.findings = vec![
            Finding::warning("event_time_ms", "a"),
            Finding::warning("event_time_ms", "b"),
            Finding::info("currency_case", "c"),
        ];
        event.consent = Consent {
            advertising: Status::Granted,
            evidence: Some(Evidence::new("cookiebot", "")),
            region: Some("DE".into()),
            ..Consent::default()
        };
    });
    rig.send(vec![view, sale(&rig, "p1", "7", "10.10"), sale(&rig, "p2", "8", "0.90")], DAY + 2 * HOUR).await;
    // The other half of the first sale, under the same id: in the log, and no second sale.
    rig.send(vec![sale(&rig, "p1", "7", "10.10")], DAY + 3 * HOUR).await;
    rig.note(vec![notice(Some("9")), notice(Some("7")), notice(None)], 2 * DAY).await;

    let all = "hour, event_name, channel, site, source, events";
    let arrivals = [
        "26 Purchase server shop events 2",
        "26 ViewContent browser shop events 1",
        "27 Purchase server shop events 1",
    ];
    assert_eq!(rig.table(all, "arrivals").await, arrivals);
    let coverage = rig.seen("day, event_name, device, channel, keys, events", "coverage");
    let keys = (1 << 4) + (1 << 11);
    assert_eq!(
        coverage,
        ["1 Purchase none server 0 3".to_owned(), format!("1 ViewContent ios browser {keys} 1")]
    );
    assert_eq!(rig.seen("day, currency, event_name, events, value", "revenue"), ["1 EUR Purchase 2 11.00"]);
    let consent = ["1 opt_in granted cookiebot 1", "1 unknown unknown  3"];
    assert_eq!(rig.seen("day, law, advertising, signal, events", "consent"), consent);
    let findings = ["1 currency_case info ViewContent 1 1", "1 event_time_ms warning ViewContent 1 1"];
    assert_eq!(rig.seen("day, code, severity, event_name, events, last_seq", "findings"), findings);
    assert_eq!(
        rig.seen("day, kind, code, notices, last_seq", "notices_by_day"),
        ["2 ignored order_unpaid 3 3"]
    );
    let orders =
        rig.seen("order_id, first_event, last_event, last_notice, events, value, currency", "orders");
    assert_eq!(orders, ["7 2 4 2 2 10.10 EUR", "8 3 3 - 1 0.90 EUR", "9 - - 1 0 - -"]);
    assert_eq!(rig.store.insight_behind(), 0);
}

#[tokio::test]
async fn a_completed_event_counts_as_what_it_is_now() {
    let rig = Rig::new().await;
    let no_click = Finding::warning("click_id_missing", "no click id");
    let poor = made(&rig, "Purchase", "p", |event| event.findings.push(no_click.clone()));
    rig.send(vec![poor], DAY).await;
    assert_eq!(rig.table("keys, day, events", "coverage").await, ["0 1 1"]);
    let complete = |event: &mut Event| {
        event.user.click_ids.ttclid = Some("c".into());
        event.findings.clear();
        event.consent.advertising = Status::Granted;
        let supply = serde_json::from_str(r#"{"from":"session","via":"order_id"}"#);
        if let Ok(supply) = supply {
            event.supplied.insert("ttclid".into(), supply);
        }
    };
    rig.join(1, DAY, complete).await;
    assert_eq!(rig.value::<i64>("SELECT count(*) FROM revisions"), 1);
    let keys = format!("{} 1 1", 1 << 3);
    assert_eq!(rig.table("keys, day, events", "coverage").await, [keys.as_str()]);
    assert!(rig.seen("code, day, events", "findings").is_empty(), "it has none any more");
    assert_eq!(rig.seen("advertising, law, events", "consent"), ["granted unknown 1"]);
    // Another lane completes it alike: nothing changes, and nothing is noted.
    rig.join(1, DAY, complete).await;
    assert_eq!(rig.value::<i64>("SELECT count(*) FROM revisions"), 1);
    // Twice between two looks: from what was seen to what is there.
    rig.join(1, DAY, |event| event.user.click_ids.ttp = Some("1".into())).await;
    rig.join(1, DAY, |event| event.user.click_ids.fbp = Some("1".into())).await;
    let keys = format!("{} 1 1", (1 << 3) + (1 << 4) + (1 << 6));
    assert_eq!(rig.table("keys, day, events", "coverage").await, [keys.as_str()]);
    // Completed before it was seen: it counts once.
    rig.send(vec![made(&rig, "Purchase", "q", |_| {})], DAY).await;
    rig.join(2, DAY, complete).await;
    let rig = rig.restarted().await;
    let keys = [keys, format!("{} 1 1", 1 << 3)];
    let mut seen = rig.table("keys, day, events", "coverage").await;
    seen.reverse();
    assert_eq!(seen, keys);
}

fn half(rig: &Rig, channel: Channel, id: &str, pixel: Option<&str>) -> NewEvent {
    made(rig, "Purchase", id, |event| {
        event.channel = channel;
        event.order_id = Some("891".into());
        event.value = "10".parse().ok();
        event.currency = Currency::parse("EUR");
        event.pixels.extend(pixel.map(|state| ("tiktok".to_owned(), state.to_owned())));
    })
}

#[tokio::test]
async fn two_reports_of_one_event_are_one_pair() {
    let rig = Rig::new().await;
    rig.send(vec![half(&rig, Channel::Server, "order_891", None)], DAY).await;
    let columns = "day, event_name, halves, events";
    assert_eq!(rig.table(columns, "pairs").await, ["1 Purchase unknown 1"]);
    let mut page = half(&rig, Channel::Browser, "order_891", Some("loading"));
    page.deliveries[0].skip = Some(skip("server_half_reports"));
    rig.send(vec![page, half(&rig, Channel::Server, "order_892", None)], 2 * DAY).await;
    assert_eq!(rig.table(columns, "pairs").await, ["1 Purchase unknown 1", "2 Purchase unknown 1"]);
    rig.join(2, 2 * DAY, |event| {
        event.pixels.insert("tiktok".into(), "loaded".into());
    })
    .await;
    assert_eq!(rig.table(columns, "pairs").await, ["1 Purchase both 1", "2 Purchase unknown 1"]);
    // Pageviews are compared with nothing.
    let view = made(&rig, "Pageview", "pv", |event| {
        event.channel = Channel::Browser;
        event.pixels.insert("tiktok".into(), "blocked".into());
    });
    rig.send(vec![view], 3 * DAY).await;
    assert_eq!(rig.table(columns, "pairs").await[1..], ["2 Purchase unknown 1", "3 Pageview server 1"]);
}

#[tokio::test]
async fn a_page_of_a_visitor_who_said_no_makes_no_second_sale() {
    let rig = Rig::new().await;
    let mut page = made(&rig, "Purchase", "p", |event| {
        event.channel = Channel::Browser;
        event.completes = true;
    });
    let mut server = sale(&rig, "p", "7", "10");
    for event in [&mut page, &mut server] {
        event.deliveries[0].skip = Some(skip("consent_denied"));
    }
    rig.send(vec![page, server], DAY).await;
    let arrivals = rig.table("channel, event_name, events", "arrivals").await;
    assert_eq!(arrivals, ["half Purchase 1", "server Purchase 1"]);
    assert_eq!(rig.seen("channel, event_name, events", "coverage"), ["server Purchase 1"]);
    assert_eq!(rig.seen("events, value, currency", "revenue"), ["1 10 EUR"]);
}

#[tokio::test]
async fn what_two_events_show_together_is_observed_and_taken_back() {
    let rig = Rig::new().await;
    rig.send(vec![half(&rig, Channel::Server, "order_891", None)], DAY).await;
    rig.send(vec![half(&rig, Channel::Browser, "order-891", None)], DAY + 1_000).await;
    let columns = "code, severity, event_seq, other_seq, event_name, order_id, field, value, currency";
    let near_miss = "id_near_miss warning 2 1 Purchase 891 event_id 10 EUR";
    assert_eq!(rig.table(columns, "observations").await, [near_miss]);
    let counted = "code, severity, day, source, events, last_seq";
    assert_eq!(rig.seen(counted, "findings"), ["id_near_miss warning 1 events 1 2"]);
    let found = |finding: &str| Search { finding: Some(finding.into()), ..Search::default() };
    assert_eq!(seqs(&rig, &found("id_near_miss")), [2]);
    // Completed, it shows the same, and is observed once.
    rig.join(2, 2 * DAY, |event| event.user.click_ids.ttp = Some("t".into())).await;
    assert_eq!(rig.table(columns, "observations").await, [near_miss]);
    // With an order of its own it is no misspelling.
    rig.join(2, 2 * DAY, |event| event.order_id = Some("892".into())).await;
    assert!(rig.table(columns, "observations").await.is_empty());
    assert!(rig.seen(counted, "findings").is_empty());
    assert!(seqs(&rig, &found("id_near_miss")).is_empty());
    let observed = rig.store.observations(&ObservationFilter::default()).unwrap();
    assert!(observed.is_empty());
}

#[tokio::test]
async fn samples_of_a_finding_have_it_still() {
    let rig = Rig::new().await;
    let poor = |id: &str| {
        made(&rig, "Purchase", id, |event| event.findings.push(Finding::warning("click_id_missing", "none")))
    };
    let all = ["a", "b", "c", "d", "e"].map(poor);
    rig.send(all.into(), DAY).await;
    rig.store.catch_up().await.unwrap();
    let samples = |site: Option<&str>| {
        let span = Span { site: site.map(str::to_owned), first: 1, last: 1 };
        let codes = rig.store.finding_codes(&span, 3).unwrap();
        codes.into_iter().map(|one| (one.code, one.events, one.samples)).collect::<Vec<_>>()
    };
    assert_eq!(samples(None), [("click_id_missing".to_owned(), 5, vec![5, 4, 3])]);
    rig.join(5, DAY, |event| event.findings.clear()).await;
    rig.join(3, DAY, |event| event.findings.clear()).await;
    rig.store.catch_up().await.unwrap();
    assert_eq!(samples(Some("shop")), [("click_id_missing".to_owned(), 3, vec![4, 2, 1])]);
}

/// Numbers of what a search finds on all its pages.
fn seqs(rig: &Rig, search: &Search) -> Vec<i64> {
    let (mut all, mut search) = (Vec::new(), search.clone());
    loop {
        let found = rig.store.search(&search).unwrap();
        all.extend(found.events.iter().map(|e| e.seq));
        assert_eq!(found.next.is_none(), found.complete);
        search.before = found.next;
        if found.complete {
            return all;
        }
    }
}

#[tokio::test]
async fn events_are_found_by_what_they_name_and_what_became_of_them() {
    let rig = Rig::new().await;
    let email = {
        let raw = RawIdentity { email: vec![Raw::new("Ann@Shop.example")], ..RawIdentity::default() };
        hash_identity(raw).0.email
    };
    let hash = email[0].sha256().unwrap().to_owned();
    let named = |id: &str, name: &str| {
        made(&rig, name, id, |event| {
            event.session_id = Some("visitor-1".into());
            event.user.email = email.clone();
            event.user.external_id = vec![IdHashes::of("customer-7")];
            event.channel = Channel::Browser;
            event.findings = vec![Finding::warning("event_time_ms", "m")];
        })
    };
    let mut other_site = named("a", "Lead");
    other_site.site = "b".into();
    let mut skipped = rig.event("AddToCart", "c");
    skipped.deliveries[0].skip = Some(skip("consent_denied"));
    let events = vec![
        named("a", "ViewContent"),
        sale(&rig, "p", "7", "10"),
        other_site,
        skipped,
        rig.event("Lead", "d"),
    ];
    rig.send(events, DAY).await;
    rig.record(1, DeliveryState::Rejected { why: "no".into() }, DAY).await;
    rig.record(2, DeliveryState::Delivered { warning: None }, DAY).await;
    rig.send(vec![rig.event("Lead", "e")], 3 * DAY).await;
    let text = |text: &str| Search { text: Some(text.into()), ..Search::default() };
    let some = |text: &str| Some(text.to_owned());
    let of = |state: &str| Search { state: some(state), ..Search::default() };
    let cases = [
        (text("a"), vec![3, 1]),
        (text(" p "), vec![2]),
        (text("7"), vec![2]),
        (text("P"), vec![]),
        (text("visitor-1"), vec![3, 1]),
        (text("ann@shop.example"), vec![3, 1]),
        (text(&hash.to_uppercase()), vec![3, 1]),
        (text("customer-7"), vec![3, 1]),
        (text("nobody@shop.example"), vec![]),
        (Search { site: some("shop"), ..text("a") }, vec![1]),
        (Search { event_name: some("Lead"), ..Search::default() }, vec![6, 5, 3]),
        (Search { event_name: some("ViewContent"), ..Search::default() }, vec![1]),
        (Search { channel: some("browser"), ..Search::default() }, vec![3, 1]),
        (Search { source: some("woocommerce"), ..Search::default() }, vec![]),
        (Search { finding: some("event_time_ms"), ..Search::default() }, vec![3, 1]),
        (of("rejected"), vec![1]),
        (of("delivered"), vec![2]),
        (of("skipped"), vec![4]),
        (of("waiting"), vec![6, 5, 3]),
        (Search { code: some("consent_denied"), ..Search::default() }, vec![4]),
        (Search { destination: some("tiktok"), ..of("rejected") }, vec![1]),
        (Search { destination: some("meta"), ..Search::default() }, vec![]),
        (Search { from_ms: Some(2 * DAY), ..Search::default() }, vec![6]),
        (Search { to_ms: Some(DAY + 1), event_name: some("Lead"), ..Search::default() }, vec![5, 3]),
        (Search::default(), vec![6, 5, 4, 3, 2, 1]),
    ];
    for caught_up in [false, true] {
        if caught_up {
            rig.store.catch_up().await.unwrap();
        }
        for (search, expected) in &cases {
            assert_eq!(seqs(&rig, search), *expected, "{search:?}");
            let by_one = Search { limit: 1, ..search.clone() };
            assert_eq!(seqs(&rig, &by_one), *expected, "one at a time: {search:?}");
        }
    }
    let found = rig.store.search(&text("p")).unwrap();
    let sale = &found.events[0];
    assert_eq!((sale.deliveries[0].state, sale.deliveries[0].destination.as_str()), ("delivered", "tiktok"));
    assert_eq!(found.looked_back_to_ms, Some(DAY));
    let listed = serde_json::to_string(&rig.store.search(&text("ann@shop.example")).unwrap()).unwrap();
    assert!(!listed.contains("ann@") && !listed.contains(&hash), "{listed}");
}

#[tokio::test]
async fn a_search_that_nothing_leads_says_how_far_it_looked() {
    let rig = Rig::new().await;
    for batch in 0..13 {
        let event = |n: i64| rig.event("Pageview", &format!("{batch}-{n}"));
        rig.send((0..4_000).map(event).collect(), DAY + batch).await;
    }
    let search = Search { source: Some("woocommerce".into()), ..Search::default() };
    let found = rig.store.search(&search).unwrap();
    assert_eq!((found.events.len(), found.complete, found.next), (0, false, Some(2_001)));
    assert_eq!(found.looked_back_to_ms, Some(DAY));
    let rest = rig.store.search(&Search { before: found.next, ..search }).unwrap();
    assert_eq!((rest.events.len(), rest.complete, rest.next), (0, true, None));
}

#[tokio::test]
async fn what_deliveries_come_to_is_counted_by_hour() {
    let rig = Rig::new().await;
    let mut skipped = rig.event("Purchase", "b");
    skipped.deliveries[0].skip = Some(skip("consent_denied"));
    rig.send(vec![rig.event("Purchase", "a"), skipped, rig.event("Purchase", "a")], HOUR).await;
    let wait = DeliveryState::Waiting { due_ms: 9, why: "later".into(), counts: true };
    rig.record(1, wait, HOUR).await;
    rig.record(1, DeliveryState::Delivered { warning: None }, 3 * HOUR).await;
    // It has its end; what comes later changes nothing, and counts nothing.
    rig.record(1, DeliveryState::Rejected { why: "no".into() }, 3 * HOUR).await;
    let counts = |order: &str| {
        let sql = format!(
            "SELECT group_concat(hour || ':' || state || ':' || code || ':' || n, ' ' ORDER BY {order}) FROM delivery_counts"
        );
        rig.value::<String>(&sql)
    };
    assert_eq!(counts("hour, state, code"), "1:2:consent_denied:1 1:2:duplicate:1 3:1::1");
}

#[tokio::test]
async fn calls_are_added_up_and_late_events_among_them() {
    let rig = Rig::new().await;
    // They happened in the second second of 1970.
    rig.send((0..3).map(|n| rig.event("Lead", &format!("{n}"))).collect(), 1_000).await;
    rig.record(1, DeliveryState::Delivered { warning: None }, 301_000).await;
    rig.record(2, DeliveryState::Delivered { warning: None }, 301_001).await;
    rig.record(3, DeliveryState::Rejected { why: "no".into() }, HOUR).await;
    let calls =
        rig.table("hour, verdict, code, calls, events, latency_ms_sum, latency_ms_max, late_events", "calls");
    assert_eq!(calls.await, ["0 delivered 0 2 2 10 5 1", "1 delivered 0 1 1 5 5 1"]);
}

#[tokio::test]
async fn without_its_file_it_is_made_anew_and_alike() {
    let rig = Rig::new().await;
    rig.send(vec![sale(&rig, "p1", "7", "10"), sale(&rig, "p2", "8", "5")], DAY).await;
    rig.note(vec![notice(Some("9"))], DAY).await;
    let before = rig.table("order_id, site, events, value", "orders").await;
    let Rig { folder, store, lane } = rig;
    let log = folder.path().join("t.db");
    let damages: [&dyn Fn(); 5] = [
        &|| std::fs::remove_file(path_of(&log)).unwrap(),
        &|| {
            std::fs::write(path_of(&log), "a shopping list, and more than a hundred bytes of it. ".repeat(90))
                .unwrap()
        },
        &|| std::fs::write(path_of(&log), "").unwrap(),
        &|| {
            let other = Connection::open(path_of(&log)).unwrap();
            other.execute("UPDATE meta SET value = 0 WHERE key = 'version'", []).unwrap();
            other.execute("DELETE FROM orders", []).unwrap();
        },
        &|| {
            let other = Connection::open(path_of(&log)).unwrap();
            other.execute_batch("DROP TABLE orders; CREATE TABLE orders (recipe TEXT)").unwrap();
        },
    ];
    let mut store = Some(store);
    for damage in damages {
        store.take().unwrap().close();
        damage();
        let opened = Store::open(Options::new(&log)).unwrap();
        let rig = Rig { folder: tempfile::tempdir().unwrap(), store: opened, lane };
        assert_eq!(rig.table("order_id, site, events, value", "orders").await, before);
        store = Some(rig.store);
    }
}

#[tokio::test]
async fn another_log_in_its_place_is_counted_from_its_beginning() {
    let (first, second) = (Rig::new().await, Rig::new().await);
    first.send(vec![sale(&first, "p1", "7", "10"), sale(&first, "p2", "8", "5")], DAY).await;
    second.send(vec![sale(&second, "q1", "70", "10"), sale(&second, "q2", "80", "5")], 2 * DAY).await;
    first.store.catch_up().await.unwrap();
    let (log, other) = (first.folder.path().join("t.db"), second.folder.path().join("t.db"));
    let Rig { folder, store, lane } = first;
    store.close();
    second.store.close();
    std::fs::copy(&other, &log).unwrap();
    let rig = Rig { store: Store::open(Options::new(&log)).unwrap(), folder, lane };
    assert_eq!(rig.table("order_id, site, events", "orders").await, ["70 shop 1", "80 shop 1"]);
    // The same log as it was some time ago.
    let Rig { folder, store, lane } = rig;
    store.close();
    let conn = Connection::open(&log).unwrap();
    conn.execute("DELETE FROM events WHERE seq = 2", []).unwrap();
    drop(conn);
    let rig = Rig { store: Store::open(Options::new(&log)).unwrap(), folder, lane };
    assert_eq!(rig.table("order_id, site, events", "orders").await, ["70 shop 1"]);
}

#[tokio::test]
async fn a_store_that_does_not_follow_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(Options { insight: false, ..Options::new(folder.path().join("t.db")) }).unwrap();
    assert!(store.catch_up().await.is_err());
    assert_eq!(
        store
            .read(|c| c.query_row("SELECT count(*) FROM insight.orders", [], |r| r.get::<_, i64>(0)))
            .unwrap(),
        0
    );
}

#[tokio::test]
async fn a_follower_in_trouble_harms_nothing_and_goes_on_later() {
    let rig = Rig::new().await;
    rig.send(vec![sale(&rig, "p1", "7", "10")], DAY).await;
    rig.store.catch_up().await.unwrap();
    let other = Connection::open(path_of(rig.store.path())).unwrap();
    other.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
    other.execute("ALTER TABLE orders RENAME TO mislaid", []).unwrap();
    rig.send(vec![sale(&rig, "p2", "8", "5")], DAY).await;
    assert!(rig.store.catch_up().await.is_err());
    // Nothing of the pass was kept, and the log goes on.
    assert_eq!(rig.value::<i64>("SELECT sum(events) FROM insight.arrivals"), 1);
    rig.send(vec![sale(&rig, "p3", "9", "5")], DAY).await;
    assert!(rig.store.writable());
    other.execute("ALTER TABLE mislaid RENAME TO orders", []).unwrap();
    assert_eq!(rig.table("order_id, site, events", "orders").await, ["7 shop 1", "8 shop 1", "9 shop 1"]);
    assert_eq!(rig.value::<i64>("SELECT sum(events) FROM insight.arrivals"), 3);
}
