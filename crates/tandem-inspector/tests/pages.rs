//! The pages over a store that is empty, and over one that has something of everything, also what tries to be markup.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use tandem_core::alert::{Key, Rule, rule};
use tandem_core::claim::ClaimKey;
use tandem_core::{Currency, Event, Finding, Site};
use tandem_gateway::alerts::{Channel, Settings, SiteSettings};
use tandem_gateway::{Gateway, Limits, SiteSetup, clock::SystemClock};
use tandem_store::{
    Batch, DeliveryState, NewDelivery, NewEvent, Notice, NoticeKind, Options, Report, Skipped, Stop, Store,
};
use tempfile::TempDir;
use tokio::sync::watch;
use tower::ServiceExt;

/// 22 Nov 2026, 14:03 UTC.
const NOW_MS: i64 = 1_795_356_189_120;

const TOKEN: &str = "a-token-of-the-tests";

/// What no page may take as markup.
const NASTY: &str = "<script>alert(1)</script>";

struct Rig {
    folder: TempDir,
    store: Arc<Store>,
    gateway: Arc<Gateway>,
    pages: Router,
    _stop: watch::Sender<bool>,
}

impl Rig {
    /// A gateway with these sites, each with one destination.
    async fn new(sites: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(Options::new(folder.path().join("t.db"))).unwrap());
        let platform = tandem_destinations::platform("tiktok").unwrap();
        let setups = sites.iter().map(|id| SiteSetup {
            site: Site { id: (*id).to_owned(), ..Site::default() },
            sources: vec![],
            destinations: vec![(platform.configure)(&(platform.placeholder)()).unwrap().into()],
        });
        let clock = Arc::new(SystemClock::starting_at(NOW_MS));
        let gateway = Gateway::new(setups.collect(), store.clone(), clock, Limits::default()).await.unwrap();
        let gateway = Arc::new(gateway);
        let (stop, ended) = watch::channel(false);
        let transport = Arc::new(tandem_gateway::transport::Http::new().unwrap());
        let about = tandem_inspector::About { configuration: None, retention_days: 90, transport };
        let pages = tandem_inspector::router(gateway.clone(), &TOKEN.into(), about, ended).unwrap();
        Self { folder, store, gateway, pages, _stop: stop }
    }

    async fn ask(&self, request: Request<Body>) -> (StatusCode, String) {
        let answer = self.pages.clone().oneshot(request).await.unwrap();
        let status = answer.status();
        let bytes = to_bytes(answer.into_body(), 64 << 20).await.unwrap();
        (status, String::from_utf8(bytes.to_vec()).unwrap())
    }

    async fn get(&self, address: &str) -> (StatusCode, String) {
        let request = Request::get(address).header(header::AUTHORIZATION, format!("Bearer {TOKEN}"));
        self.ask(request.header(header::ACCEPT, "text/html").body(Body::empty()).unwrap()).await
    }

    async fn page(&self, address: &str) -> String {
        let (status, text) = self.get(address).await;
        assert_eq!(status, StatusCode::OK, "{address}: {text}");
        assert_eq!(text.matches("<h1").count(), 1, "{address}");
        assert!(!text.contains(NASTY) && !text.contains("style=\""), "{address}: {text}");
        text
    }

    async fn post(&self, address: &str, form: &str) -> StatusCode {
        let request = Request::post(address).header(header::AUTHORIZATION, format!("Bearer {TOKEN}"));
        self.ask(request.body(Body::from(form.to_owned())).unwrap()).await.0
    }

    fn event(&self, name: &str, id: &str, order: Option<&str>, lane: tandem_store::LaneId) -> NewEvent {
        let event = Event {
            site: "shop".into(),
            source: "events".into(),
            event_name: name.into(),
            event_id: id.into(),
            order_id: order.map(str::to_owned),
            value: Some("1234.5".parse().unwrap()),
            currency: Currency::parse("EUR"),
            findings: vec![Finding::warning("currency_missing", "There is no currency.")],
            ..Event::default()
        };
        NewEvent {
            site: "shop".into(),
            source: "events",
            event_name: name.into(),
            event_id: id.into(),
            event_time: NOW_MS / 1_000,
            order_id: order.map(str::to_owned),
            body: serde_json::to_string(&event).unwrap(),
            address: None,
            deliveries: vec![NewDelivery {
                lane,
                destination: "tiktok",
                claim: ClaimKey::new("shop", "tiktok", name, id),
                window_ms: 1_000_000,
                skip: None,
                hold_ms: 0,
                consent: "send:on_unknown_grant".into(),
            }],
            order: None,
        }
    }

    /// Events, notices, deliveries in every state, an alert.
    async fn fill(&self) {
        let lane = self.store.lane("shop", "tiktok").await.unwrap();
        let events = vec![
            self.event("Purchase", "order_891", Some("891"), lane),
            self.event(NASTY, NASTY, Some(NASTY), lane),
            self.event("Pageview", "view-1", None, lane),
            self.event("Lead", "lead-1", None, lane),
        ];
        let notice = Notice {
            site: "shop".into(),
            source: "events".into(),
            kind: NoticeKind::Rejected,
            code: "event_name_missing".into(),
            message: "There is no name.".into(),
            field: None,
            event_name: Some(NASTY.into()),
            event_id: None,
            order_id: Some("7".into()),
        };
        let batch = Batch { events, notices: vec![notice], ..Batch::default() };
        self.store.append(batch, NOW_MS - 3_600_000).await.unwrap();
        let skipped = Skipped { code: "consent_denied".into(), message: "no".into() };
        let states = vec![
            (1, DeliveryState::Delivered { warning: None }),
            (2, DeliveryState::Rejected { why: NASTY.into() }),
            (3, DeliveryState::Skipped(skipped)),
        ];
        let report = Report { lane, at_ms: NOW_MS, attempt: None, states, joined: vec![], rulings: vec![] };
        self.store.record(report).await.unwrap();
        let stop = Stop { why: NASTY.into(), since_ms: NOW_MS - 60_000 };
        self.store.set_stop(lane, Some(stop)).await.unwrap();
        self.gateway.alerts.look(&self.gateway, true).await;
        self.store.catch_up().await.unwrap();
    }
}

const PAGES: &[&str] = &[
    "/",
    "/?period=7d",
    "/?period=90d",
    "/live",
    "/alerts",
    "/why?q=891",
    "/quality",
    "/deduplication",
    "/consent",
    "/destinations",
    "/sites",
    "/sql",
    "/events",
    "/events?q=891&name=Purchase&state=delivered&from=2026-11-01&to=2026-11-30",
    "/orders",
    "/orders?q=%23891",
    "/findings",
    "/findings?period=24h",
    "/findings/currency_missing",
    "/findings/consent_denied",
];

#[tokio::test]
async fn every_page_answers_with_and_without_records() {
    for sites in [&["shop"][..], &["shop", "other"], &[]] {
        let rig = Rig::new(sites).await;
        for address in PAGES {
            rig.page(address).await;
        }
        rig.fill().await;
        for address in PAGES {
            rig.page(address).await;
        }
    }
}

#[tokio::test]
async fn an_empty_shop_gets_its_first_steps() {
    let rig = Rig::new(&["shop"]).await;
    let page = rig.page("/").await;
    assert!(page.contains("Nothing has come in yet") && page.contains("tandem connect"), "{page}");
    assert!(rig.page("/events").await.contains("No event yet"));
    assert!(rig.page("/orders").await.contains("No order yet"));
    assert!(rig.page("/findings").await.contains("Nothing was found"));
}

#[tokio::test]
async fn the_overview_says_how_everything_stands() {
    let rig = Rig::new(&["shop"]).await;
    rig.fill().await;
    assert!(rig.page("/reconciliation").await.contains("still moving"));
    let page = rig.page("/").await;
    for text in [
        "1 alert is firing",
        // One of four was delivered, one rejected, one waits.
        "50.0",
        "1,234.50",
        "currency_missing",
        "EUR",
    ] {
        assert!(page.contains(text), "{text} is missing: {page}");
    }
}

#[tokio::test]
async fn reconciliation_says_when_it_was_compared_and_compares_again_when_asked() {
    let rig = Rig::new(&["shop", "a b&c"]).await;
    rig.fill().await;
    let page = rig.page("/reconciliation?site=shop&days=7").await;
    for text in ["Compared at <time datetime=\"2026-11-", "Compare now", "days=7&amp;fresh=1\""] {
        assert!(page.contains(text), "{text} is missing: {page}");
    }
    assert!(!page.contains("A newer comparison is being made"), "{page}");
    let made = rig.gateway.comparisons_made();
    for (asked, shown) in [
        ("site=shop&days=7&fresh=1", "/reconciliation?site=shop&days=7"),
        ("site=a+b%26c&fresh=1", "/reconciliation?site=a+b%26c"),
    ] {
        let request = Request::get(format!("/reconciliation?{asked}"));
        let request = request.header(header::AUTHORIZATION, format!("Bearer {TOKEN}"));
        let answer = rig.pages.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(
            (answer.status(), &answer.headers()[header::LOCATION]),
            (StatusCode::SEE_OTHER, &shown.parse().unwrap())
        );
    }
    assert_eq!(rig.gateway.comparisons_made(), made + 2);
    assert_eq!(rig.get("/reconciliation?site=nobody&fresh=1").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn alerts_say_what_is_wrong_and_what_is_watched() {
    let rig = Rig::new(&["shop"]).await;
    let early = rig.page("/alerts").await;
    assert!(early.contains("Nothing has been measured yet"), "{early}");
    rig.gateway.alerts.look(&rig.gateway, true).await;
    let quiet = rig.page("/alerts").await;
    assert!(
        quiet.contains("Nothing is wrong. 10 rules are watched.") && quiet.contains("Nobody is told"),
        "{quiet}"
    );
    assert_eq!(rig.get("/alerts?unknown=x").await.0, StatusCode::BAD_REQUEST);
    rig.fill().await;
    let page = rig.page("/alerts").await;
    for text in ["One thing is wrong.", "firing", "&lt;script&gt;", "raised", "shop, tiktok"] {
        assert!(page.contains(text), "{text} is missing: {page}");
    }
}

#[tokio::test]
async fn alerts_say_what_a_site_has_of_its_own() {
    let rig = Rig::new(&["shop", "south"]).await;
    let webhook = |host: &str| Channel::Webhook { url: format!("https://{host}/T0KEN").into(), secret: None };
    let error_rate = Rule { raise: 0.37, enabled: false, ..rule(Key::ErrorRate) };
    let queue_age = Rule { raise: 191.0, ..rule(Key::QueueAge) };
    let own = SiteSettings { rules: vec![queue_age, error_rate], channels: vec![webhook("own.example")] };
    let settings = Settings { sites: [("shop".to_owned(), own)].into(), ..Settings::default() };
    rig.gateway.alerts.configure(settings.clone());
    rig.fill().await;
    let page = rig.page("/alerts").await;
    for text in [
        "Nobody is told of everything",
        "What concerns shop is told to webhook at own.example.",
        "at shop",
        "3 min",
        "37 %",
        "switched off",
    ] {
        assert!(page.contains(text), "{text} is missing: {page}");
    }
    assert!(!page.contains("at south") && !page.contains("T0KEN"), "{page}");

    // What is switched off for all, and for no site on, is not watched.
    let stopped = Rule { enabled: false, ..rule(Key::Stopped) };
    let all = Settings { rules: vec![stopped], channels: vec![webhook("all.example")], ..settings };
    rig.gateway.alerts.configure(all);
    rig.gateway.alerts.look(&rig.gateway, true).await;
    let page = rig.page("/alerts").await;
    for text in
        ["Told to webhook at all.example.", "is told to webhook at own.example too.", "9 rules are watched"]
    {
        assert!(page.contains(text), "{text} is missing: {page}");
    }
}

#[tokio::test]
async fn events_are_found_and_link_on() {
    let rig = Rig::new(&["shop"]).await;
    rig.fill().await;
    let all = rig.page("/events").await;
    for seq in 1..=4 {
        assert!(all.contains(&format!("href=\"/events/{seq}\"")), "{seq}: {all}");
    }
    assert!(all.contains("&lt;script&gt;"), "{all}");
    for (query, found, not) in [
        ("q=order_891", 1, 2),
        ("q=%23891", 1, 2),
        ("state=rejected", 2, 1),
        ("code=consent_denied", 3, 1),
        ("name=Lead", 4, 1),
        ("finding=currency_missing&name=Pageview", 3, 2),
        ("before=2", 1, 2),
    ] {
        let page = rig.page(&format!("/events?{query}")).await;
        assert!(page.contains(&format!("\"/events/{found}\"")), "{query}: {page}");
        assert!(!page.contains(&format!("\"/events/{not}\"")), "{query}: {page}");
    }
    let by_number = rig.page("/events?q=3").await;
    assert!(by_number.contains("Event number 3 of the log"), "{by_number}");
    assert!(rig.page("/events?q=nothing").await.contains("Nothing fits"));
    let (status, _) = rig.get("/events?q=jane%40example.com").await;
    assert_eq!(status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn searches_are_saved_and_deleted() {
    let rig = Rig::new(&["shop"]).await;
    let form = "name=Lost+sales+%3Cb%3E&query=name%3DPurchase%26state%3Drejected";
    assert_eq!(rig.post("/searches", form).await, StatusCode::SEE_OTHER);
    let page = rig.page("/events").await;
    assert!(page.contains("/events?name=Purchase&amp;state=rejected"), "{page}");
    assert!(page.contains("Lost sales &lt;b&gt;"), "{page}");
    assert_eq!(rig.post("/searches", &format!("{form}&delete=yes")).await, StatusCode::SEE_OTHER);
    assert!(!rig.page("/events").await.contains("Lost sales"));
    for form in ["name=&query=", "name=x&query=colour%3Dred", "name=x&query=state%3Dlost"] {
        assert_eq!(rig.post("/searches", form).await, StatusCode::BAD_REQUEST, "{form}");
    }
}

#[tokio::test]
async fn a_page_of_another_session_saves_nothing() {
    let rig = Rig::new(&["shop"]).await;
    let sign_in = Request::post("/login").body(Body::from(format!("token={TOKEN}"))).unwrap();
    let answer = rig.pages.clone().oneshot(sign_in).await.unwrap();
    let cookie = answer.headers()[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
    let post = |form: &'static str| {
        Request::post("/searches").header(header::COOKIE, &cookie).body(Body::from(form)).unwrap()
    };
    assert_eq!(rig.ask(post("name=x&query=q%3D1")).await.0, StatusCode::FORBIDDEN);
    assert_eq!(rig.ask(post("name=x&query=q%3D1&form_key=00")).await.0, StatusCode::FORBIDDEN);
    assert_eq!(rig.store.kept("search").unwrap(), []);
}

#[tokio::test]
async fn exports_have_what_the_search_finds() {
    let rig = Rig::new(&["shop"]).await;
    rig.fill().await;
    let (status, csv) = rig.get("/events.csv?name=Purchase").await;
    assert_eq!((status, csv.lines().count()), (StatusCode::OK, 2), "{csv}");
    assert!(csv.contains(",order_891,891,1234.5,EUR,"), "{csv}");
    assert!(csv.contains(",currency_missing,tiktok:delivered\r\n"), "{csv}");
    let (_, lines) = rig.get("/events.jsonl").await;
    let rows: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.iter().map(|row| row["seq"].as_i64().unwrap()).collect::<Vec<_>>(), [4, 3, 2, 1]);
    assert_eq!(rows[1]["deliveries"][0]["code"], "consent_denied");
    assert_eq!(rig.get("/events.csv?colour=red").await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn orders_are_listed_by_age_and_found_by_number() {
    let rig = Rig::new(&["shop", "other"]).await;
    rig.fill().await;
    let all = rig.page("/orders").await;
    assert!(all.contains("/why?q=891&amp;site=shop") && all.contains("event name missing"), "{all}");
    let one = rig.page("/orders?q=891&site=shop").await;
    assert!(one.contains("order_891") && !one.contains("&lt;script"), "{one}");
    assert!(rig.page("/orders?q=892").await.contains("No such order"));
    assert!(rig.page("/orders?site=other").await.contains("No order yet"));
    assert!(!rig.page(&format!("/orders?before={}.1000", NOW_MS)).await.contains("No order yet"));
}

#[tokio::test]
async fn findings_are_grouped_and_explained() {
    let rig = Rig::new(&["shop"]).await;
    rig.fill().await;
    let all = rig.page("/findings").await;
    for text in ["Warnings", "Not taken as events", "Not sent", "/findings/consent_denied", "/events/4"] {
        assert!(all.contains(text), "{text} is missing: {all}");
    }
    let one = rig.page("/findings/currency_missing").await;
    for text in ["What to do", "4 events", "events?finding=currency_missing", "Pageview"] {
        assert!(one.contains(text), "{text} is missing: {one}");
    }
    assert!(rig.page("/findings/event_name_missing").await.contains("There is no name."));
    assert!(rig.page("/findings/value_symbol").await.contains("Not met in"));
    let (status, text) = rig.get("/findings/%3Cscript%3Ealert(1)%3C%2Fscript%3E").await;
    assert!(status == StatusCode::NOT_FOUND && !text.contains(NASTY), "{text}");
}

#[tokio::test]
async fn slips_in_an_address_are_told() {
    let rig = Rig::new(&["shop"]).await;
    for (address, words) in [
        ("/?colour=red", "This page has no “colour”"),
        ("/?period=1y", "24h, 7d, 28d and 90d"),
        ("/?site=nowhere", "There is no site “nowhere”"),
        ("/events?state=lost", "waiting, delivered"),
        ("/events?from=yesterday", "is a date or a time"),
        ("/events?before=x", "number of a row"),
        ("/orders?before=x", "link to older orders"),
        ("/findings?q=x", "This page has no “q”"),
        ("/findings/currency_missing?period=x", "24h, 7d"),
    ] {
        let (status, text) = rig.get(address).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{address}");
        assert!(text.contains(words), "{address}: {text}");
    }
    let (_, text) = rig.get(&format!("/?{}=1", "%3Cscript%3Ealert(1)%3C%2Fscript%3E")).await;
    assert!(!text.contains(NASTY), "{text}");
}

/// Ninety days of roll-ups, as a busy shop has them, written beside the follower.
#[tokio::test]
async fn roll_ups_are_summed_up_over_the_period() {
    let rig = Rig::new(&["shop", "other"]).await;
    rig.fill().await;
    let insight = rusqlite::Connection::open(rig.folder.path().join("t.insight.db")).unwrap();
    insight.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
    let (hour, day) = (NOW_MS / 3_600_000, NOW_MS / 86_400_000);
    for (back, n) in [(0, 1_000), (30, 20_000), (24 * 20, 300_000)] {
        let sql = "INSERT INTO arrivals VALUES (?1, 'other', 'Purchase', 'events', 'server', ?2)";
        insight.execute(sql, [hour - back, n]).unwrap();
    }
    for (back, value) in [(0, "0.1"), (1, "0.2"), (40, "1000")] {
        let sql = "INSERT INTO revenue VALUES (?1, 'other', 'Purchase', 'SEK', 1, ?2)";
        insight.execute(sql, rusqlite::params![day - back, value]).unwrap();
    }
    for (address, events) in [
        ("/?site=other", "1,000"),
        ("/?site=other&period=7d", "21,000"),
        ("/?site=other&period=28d", "321,000"),
    ] {
        let page = rig.page(address).await;
        assert!(page.contains(&format!("<dd>{events}</dd>")), "{address}: {page}");
    }
    let week = rig.page("/?site=other&period=7d").await;
    assert!(week.contains("0.30") && week.contains("SEK"), "{week}");
}
