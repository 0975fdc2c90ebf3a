//! Whatever happens on the way, the insight file says what a count of the whole log says.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::{Rig, skip};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use rusqlite::Connection;
use tandem_core::consent::{Consent, Evidence, Status, is_opt_in};
use tandem_core::quality::{Keys, device, halves};
use tandem_core::{Amount, Channel, Currency, Event, Finding};
use tandem_store::insight::{Search, path_of};
use tandem_store::{Batch, Joined, NewEvent, Options, Report, Store};

const DAY: i64 = 86_400_000;
const HOUR: i64 = 3_600_000;

/// What one event has of everything that is counted.
#[derive(Debug, Clone)]
struct Told {
    name: &'static str,
    id: &'static str,
    site: &'static str,
    order: Option<&'static str>,
    value: i64,
    channel: Channel,
    completes: bool,
    more: More,
}

/// What a session may complete.
#[derive(Debug, Clone)]
struct More {
    clicked: bool,
    agent: Option<&'static str>,
    code: Option<&'static str>,
    pixel: Option<&'static str>,
    advertising: Status,
}

#[derive(Debug, Clone)]
enum Step {
    Send(Vec<Told>),
    Complete(Index, More, i64),
    CatchUp,
    Restart,
    Lose,
}

fn more() -> impl Strategy<Value = More> {
    let agent = select(vec![None, Some("Mozilla/5.0 (iPhone)"), Some("curl")]);
    let code = select(vec![None, Some("event_time_ms"), Some("currency_case")]);
    let pixel = select(vec![None, Some("loaded"), Some("loading"), Some("blocked")]);
    let word = select(vec![Status::Granted, Status::Denied, Status::Unknown]);
    (any::<bool>(), agent, code, pixel, word).prop_map(|(clicked, agent, code, pixel, advertising)| More {
        clicked,
        agent,
        code,
        pixel,
        advertising,
    })
}

fn told() -> impl Strategy<Value = Told> {
    let name = select(vec!["Purchase", "Purchase", "ViewContent", "AddToCart"]);
    let id = select(vec!["order_1", "order-1", "order_2", "wc_3", "x"]);
    let order = select(vec![None, Some("1"), Some("2")]);
    let channel = select(vec![Channel::Browser, Channel::Server]);
    let site = select(vec!["shop", "shop", "b"]);
    let flags = (any::<bool>(), 0..1_000i64, more());
    (name, id, site, order, channel, flags).prop_map(
        |(name, id, site, order, channel, (completes, value, more))| Told {
            name,
            id,
            site,
            order,
            value,
            channel,
            completes,
            more,
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => proptest::collection::vec(told(), 1..5).prop_map(Step::Send),
        3 => (any::<Index>(), more(), 0..1_000i64).prop_map(|(at, more, value)| Step::Complete(at, more, value)),
        2 => Just(Step::CatchUp),
        1 => Just(Step::Restart),
        1 => Just(Step::Lose),
    ]
}

fn complete(event: &mut Event, more: &More, value: i64) {
    event.user.click_ids.ttclid = more.clicked.then(|| "c".into());
    event.user.user_agent = more.agent.map(str::to_owned);
    event.findings = more.code.map(|code| Finding::warning(code, "m")).into_iter().collect();
    event.pixels = more.pixel.map(|state| ("tiktok".to_owned(), state.to_owned())).into_iter().collect();
    event.consent = Consent {
        advertising: more.advertising,
        evidence: more.clicked.then(|| Evidence::new("cookiebot", "")),
        region: more.agent.map(|_| "US".to_owned()),
        ..Consent::default()
    };
    if event.value.is_some() {
        event.value = Some(Amount::new(value.into()));
    }
}

fn new_event(rig: &Rig, told: &Told) -> NewEvent {
    let mut event = Event {
        site: told.site.into(),
        source: "events".into(),
        channel: told.channel,
        event_name: told.name.into(),
        event_id: told.id.into(),
        order_id: told.order.map(str::to_owned),
        value: Some(Amount::ZERO),
        currency: Currency::parse("EUR"),
        ..Event::default()
    };
    complete(&mut event, &told.more, told.value);
    let mut new = NewEvent {
        site: told.site.into(),
        order_id: event.order_id.clone(),
        body: serde_json::to_string(&event).unwrap(),
        ..rig.event(told.name, told.id)
    };
    // Only of a page's act is it said.
    let completes = told.completes && told.channel == Channel::Browser && told.name != "ViewContent";
    new.deliveries[0].skip = completes.then(|| skip("server_half_reports"));
    new
}

/// Groups of a table and their counts.
type Table = BTreeMap<String, i64>;

#[derive(Debug, Default, PartialEq)]
struct Counts {
    arrivals: Table,
    coverage: Table,
    consent: Table,
    findings: Table,
    pairs: Table,
    revenue: BTreeMap<String, (i64, Amount)>,
    orders: BTreeMap<String, (i64, Option<Amount>, i64, i64)>,
}

struct Row {
    seq: i64,
    at: i64,
    completes: bool,
    event: Event,
}

fn log(conn: &Connection) -> rusqlite::Result<Vec<Row>> {
    let sql = "SELECT seq, received_ms, body, EXISTS (SELECT 1 FROM deliveries AS d WHERE d.event_seq = e.seq
                 AND d.code = 'server_half_reports') FROM events AS e ORDER BY seq";
    let read = |r: &rusqlite::Row<'_>| {
        let event: Event = serde_json::from_str(&r.get::<_, String>(2)?).unwrap();
        // Only a page's word completes anything, and views are not looked at so closely.
        let may_complete = event.channel == Channel::Browser && event.event_name != "ViewContent";
        Ok(Row { seq: r.get(0)?, at: r.get(1)?, completes: may_complete && r.get(3)?, event })
    };
    conn.prepare(sql)?.query_map([], read)?.collect()
}

/// From the log alone, without a thought of speed. What was observed of several events is taken as it stands.
fn recounted(conn: &Connection) -> rusqlite::Result<Counts> {
    let (rows, mut counts) = (log(conn)?, Counts::default());
    let one = |table: &mut Table, group: String| *table.entry(group).or_default() += 1;
    let mut groups: BTreeMap<String, Vec<&Row>> = BTreeMap::new();
    for row in &rows {
        let Event { site, event_name, event_id, source, .. } = &row.event;
        let (day, hour) = (row.at / DAY, row.at / HOUR);
        let channel = if row.event.channel == Channel::Browser { "browser" } else { "server" };
        let arrived_by = if row.completes { "half" } else { channel };
        one(&mut counts.arrivals, format!("{hour} {site} {event_name} {source} {arrived_by}"));
        let (device, keys) = (device(row.event.user.user_agent.as_deref()), Keys::of(&row.event).bits());
        if !row.completes {
            one(
                &mut counts.coverage,
                format!("{day} {site} {event_name} {channel} {source} {device} {keys}"),
            );
        }
        let region = row.event.consent.region.as_deref();
        let law = match region {
            None => "unknown",
            _ if is_opt_in(region, &[]) => "opt_in",
            _ => "opt_out",
        };
        let signal = row.event.consent.evidence.as_ref().map_or("", |e| e.signal.as_ref());
        let word = row.event.consent.advertising.text();
        one(&mut counts.consent, format!("{day} {site} {law} {word} {signal}"));
        let codes: BTreeSet<_> = row.event.findings.iter().map(|f| f.code.clone()).collect();
        for code in codes {
            one(&mut counts.findings, format!("{day} {site} {code} warning {event_name} {source}"));
        }
        let group = match event_name.as_str() {
            "ViewContent" => row.seq.to_string(),
            _ => format!("{site} {event_name} {event_id}"),
        };
        let group = groups.entry(group).or_default();
        // A page's word on what the server reports is no sale of its own.
        let repeats = row.completes || group.iter().any(|other| !other.completes);
        group.push(row);
        if event_name == "Purchase" && !repeats {
            let sum = counts.revenue.entry(format!("{day} {site} EUR")).or_default();
            *sum = (sum.0 + 1, plus(sum.1, row.event.value));
        }
        if let Some(order) = &row.event.order_id {
            let order = counts.orders.entry(format!("{site} {order}")).or_insert((0, None, row.seq, 0));
            (order.0, order.3) = (order.0 + 1, row.seq);
            if event_name == "Purchase" && !repeats {
                order.1 = Some(plus(order.1.unwrap_or_default(), row.event.value));
            }
        }
    }
    for group in groups.values().filter(|group| group.len() < 16) {
        let together =
            group.iter().map(|row| halves(&row.event, row.completes)).reduce(|a, b| a.and(b)).unwrap();
        let Event { site, event_name, .. } = &group[0].event;
        one(&mut counts.pairs, format!("{} {site} {event_name} {}", group[0].at / DAY, together.word()));
    }
    let sql = "SELECT DISTINCT o.at_ms / 86400000, o.site, o.code, o.severity, o.event_name, o.event_seq
               FROM insight.observations AS o";
    let mut select = conn.prepare(sql)?;
    let mut observed = select.query([])?;
    while let Some(row) = observed.next()? {
        let text = |i| row.get::<_, String>(i);
        let group =
            format!("{} {} {} {} {} events", row.get::<_, i64>(0)?, text(1)?, text(2)?, text(3)?, text(4)?);
        one(&mut counts.findings, group);
    }
    Ok(counts)
}

fn plus(sum: Amount, value: Option<Amount>) -> Amount {
    Amount::new(sum.decimal() + value.unwrap_or_default().decimal())
}

/// As the insight file has it.
fn counted(conn: &Connection) -> rusqlite::Result<Counts> {
    let table = |sql: &str| -> rusqlite::Result<Table> {
        conn.prepare(sql)?.query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?.collect()
    };
    let space = |columns: &str| columns.replace(", ", " || ' ' || ");
    let of =
        |name: &str, columns: &str| table(&format!("SELECT {}, events FROM insight.{name}", space(columns)));
    let amount = |text: Option<String>| text.map(|t| t.parse::<Amount>().unwrap());
    let revenue = conn
        .prepare("SELECT day || ' ' || site || ' ' || currency, events, value FROM insight.revenue")?
        .query_map([], |r| Ok((r.get(0)?, (r.get(1)?, amount(r.get(2)?).unwrap_or_default()))))?
        .collect::<rusqlite::Result<_>>()?;
    let orders = conn
        .prepare(
            "SELECT site || ' ' || order_id, events, value, first_event, last_event FROM insight.orders",
        )?
        .query_map([], |r| Ok((r.get(0)?, (r.get(1)?, amount(r.get(2)?), r.get(3)?, r.get(4)?))))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(Counts {
        arrivals: of("arrivals", "hour, site, event_name, source, channel")?,
        coverage: of("coverage", "day, site, event_name, channel, source, device, keys")?,
        consent: of("consent", "day, site, law, advertising, signal")?,
        findings: of("findings", "day, site, code, severity, event_name, source")?,
        pairs: of("pairs", "day, site, event_name, halves")?,
        revenue,
        orders,
    })
}

async fn run(steps: Vec<Step>) -> (Counts, Counts) {
    let mut rig = Rig::new().await;
    let (mut now, mut sent) = (100 * DAY, 0);
    for step in steps {
        now += 7 * HOUR;
        match step {
            Step::Send(all) => {
                sent += i64::try_from(all.len()).unwrap();
                let events = all.iter().map(|told| new_event(&rig, told)).collect();
                rig.store.append(Batch { events, ..Batch::default() }, now).await.unwrap();
            }
            Step::Complete(at, more, value) if sent > 0 => {
                let event_seq = i64::try_from(at.index(usize::try_from(sent).unwrap())).unwrap() + 1;
                let body: String = rig.value(&format!("SELECT body FROM events WHERE seq = {event_seq}"));
                let mut event: Event = serde_json::from_str(&body).unwrap();
                complete(&mut event, &more, value);
                let body = serde_json::to_string(&event).unwrap();
                let joined = vec![Joined { event_seq, body, address: None }];
                rig.store.record(Report { joined, ..rig.report() }).await.unwrap();
            }
            Step::Complete(..) => {}
            Step::CatchUp => rig.store.catch_up().await.unwrap(),
            Step::Restart | Step::Lose => {
                let Rig { folder, store, lane } = rig;
                // Wherever the follower is just now.
                store.close();
                let log = folder.path().join("t.db");
                if matches!(step, Step::Lose) {
                    std::fs::remove_file(path_of(&log)).unwrap();
                }
                rig = Rig { store: Store::open(Options::new(&log)).unwrap(), folder, lane };
            }
        }
    }
    rig.store.catch_up().await.unwrap();
    rig.store.read(|conn| Ok((counted(conn)?, recounted(conn)?))).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_counts_are_those_of_the_whole_log(steps in proptest::collection::vec(step(), 1..25)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (counted, recounted) = runtime.block_on(run(steps));
        prop_assert_eq!(counted, recounted);
    }
}

#[tokio::test]
async fn a_follower_that_is_ended_anywhere_goes_on_there() {
    let mut rig = Rig::new().await;
    for batch in 0..4 {
        let event = |n: i64| rig.event("Lead", &format!("{batch}-{n}"));
        let events = (0..3_000).map(event).collect();
        rig.store.append(Batch { events, ..Batch::default() }, DAY).await.unwrap();
        // Several passes' worth, and nobody waits for any.
        rig = rig.restarted().await;
    }
    rig = rig.restarted().await;
    rig.store.catch_up().await.unwrap();
    assert_eq!(rig.value::<i64>("SELECT sum(events) FROM insight.arrivals"), 12_000);
    assert_eq!(rig.value::<i64>("SELECT count(*) FROM insight.arrivals"), 1);
    let last = Search { text: Some("3-2999".into()), ..Search::default() };
    assert_eq!(rig.store.search(&last).unwrap().events[0].seq, 12_000);
}

#[tokio::test]
async fn days_past_the_retention_are_forgotten_with_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let options = || Options { retention_ms: 10 * DAY, ..Options::new(folder.path().join("t.db")) };
    let store = Store::open(options()).unwrap();
    let lane = store.lane("shop", "tiktok").await.unwrap();
    let mut rig = Rig { folder: tempfile::tempdir().unwrap(), store, lane };
    for day in 100..120 {
        let mut view = rig.event("Lead", &format!("of-{day}"));
        view.order_id = Some(format!("{day}"));
        let mut skipped = rig.event("Lead", &format!("skipped-{day}"));
        skipped.deliveries[0].skip = Some(skip("consent_denied"));
        rig.store.append(Batch { events: vec![view, skipped], ..Batch::default() }, day * DAY).await.unwrap();
    }
    rig.store.catch_up().await.unwrap();
    for restarted in [false, true] {
        if restarted {
            rig.store.close();
            rig.store = Store::open(options()).unwrap();
        }
        while rig.store.prune(120 * DAY).await.unwrap() {}
        rig.store.catch_up().await.unwrap();
        let days =
            "SELECT group_concat(DISTINCT hour / 24) FROM (SELECT hour FROM insight.arrivals ORDER BY hour)";
        assert_eq!(rig.value::<String>(days), "110,111,112,113,114,115,116,117,118,119");
        let hours = "SELECT min(hour) || ' ' || sum(n) FROM delivery_counts";
        assert_eq!(rig.value::<String>(hours), format!("{} 10", 110 * 24));
        assert_eq!(rig.value::<i64>("SELECT count(*) FROM insight.orders"), 10);
        assert_eq!(rig.value::<i64>("SELECT min(day) FROM insight.coverage"), 110);
    }
}
