//! The pages on destinations, match quality, deduplication, consent, sites and SQL, as a person's browser gets them from the
//! real binary: with nothing on record and with something, and whatever the address says.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod harness;
mod person;

use harness::{ACCESS_TOKEN, Gateway, Home, KEY, PIXEL, StandIn, TOKEN, now_s, until};
use person::Person;
use serde_json::{Value, json};
use tandem_sandbox::{Options, Query};

const PAGES: [&str; 7] =
    ["/destinations", "/destinations/1", "/quality", "/deduplication", "/consent", "/sites", "/sql"];

fn sites(stand_in: &StandIn) -> String {
    let base_url = stand_in.base_url();
    format!(
        r#"
        [[site]]
        id = "shop"
        consent.on_unknown = "by_region"
        [site.sources.browser]
        hosts = ["shop.example"]
        path = "/x7k2"
        hold_seconds = 0
        [site.sources.events]
        write_keys = ["{KEY}"]
        [site.destinations.tiktok]
        pixel_id = "{PIXEL}"
        access_token = "{ACCESS_TOKEN}"
        base_url = "{base_url}"
        "#
    )
}

fn accept(gateway: &Gateway, events: &[Value]) {
    let answer = gateway.post_events(&Value::from(events.to_vec()));
    assert_eq!(answer.status, 200, "{}", answer.text());
    gateway.drain();
    assert_eq!(gateway.post("/api/catch-up", &json!({})).status, 200);
}

fn sale(id: &str, order: &str, value: f64) -> Value {
    json!({ "event_name": "Purchase", "event_id": id, "order_id": order, "event_time": now_s(), "value": value,
            "currency": "EUR", "consent": { "advertising": "granted" }, "user": { "email": "ada@example.com" } })
}

#[test]
fn every_page_is_there_before_anything_came_in() {
    let stand_in = StandIn::start();
    let home = Home::new(&sites(&stand_in));
    let gateway = home.start();
    let person = Person::sign_in(&gateway);
    for path in PAGES {
        person.page(path);
    }
    assert!(person.page("/destinations").contains("Every destination takes events."));
    assert!(person.page("/quality").contains("No event within"));
    assert!(person.page("/deduplication").contains("nothing that was sent looks counted twice"));
    let set_up = person.page("/sites");
    for shown in ["shop.example", "/x7k2/s.js", "tandem.toml", "tandem.db", "order_{id}", "nothing yet"] {
        assert!(set_up.contains(shown), "{shown}: {set_up}");
    }
    for secret in [KEY, ACCESS_TOKEN, TOKEN] {
        assert!(!set_up.contains(secret), "{secret}");
    }
}

#[test]
fn an_address_with_a_slip_is_told_so() {
    let stand_in = StandIn::start();
    let home = Home::new(&sites(&stand_in));
    let gateway = home.start();
    let person = Person::sign_in(&gateway);
    for path in [
        "/destinations?colour=red",
        "/destinations?site=nowhere",
        "/destinations/1?x=1",
        "/quality?period=1y",
        "/quality?destination=myspace",
        "/quality?site=%3Ci%3E",
        "/deduplication?from=yesterday",
        "/consent?site=nowhere",
        "/sites?x=1",
        "/sql?x=1",
        "/sql?q=SELEC+1",
        "/sql.csv?q=DELETE+FROM+events",
    ] {
        let answer = person.get(path);
        assert_eq!(answer.status, 400, "{path}: {}", answer.text());
        assert!(!answer.text().contains("<i>"), "{path}");
    }
    for path in ["/destinations/99", "/destinations/x", "/destinations/-1"] {
        assert_eq!(person.get(path).status, 404, "{path}");
    }
}

#[test]
fn what_came_in_is_counted_and_nothing_of_it_is_markup() {
    let stand_in = StandIn::start();
    let home = Home::new(&sites(&stand_in));
    let gateway = home.start();
    let odd = json!({ "event_name": "odd_one", "event_id": "o'<u>1", "event_time": now_s(),
        "consent": { "advertising": "denied" }, "user": { "ip": "93.184.216.34", "user_agent": "Mozilla/5.0 (iPhone)" } });
    let silent = json!({ "event_name": "Pageview", "event_id": "p1", "event_time": now_s(),
        "user": { "ip": "93.184.216.34", "user_agent": "Mozilla/5.0 (iPhone)" } });
    let first = [sale("order_891", "891", 89.99), odd, silent];
    accept(&gateway, &first);
    // The same sale again, and once under another spelling with another value.
    accept(&gateway, &[sale("order_891", "891", 89.99)]);
    accept(&gateway, &[sale("order-891", "891", 99.99)]);
    let person = Person::sign_in(&gateway);
    for path in PAGES.into_iter().chain([
        "/quality?name=%3Ci%3EOdd+%26+%22one%22",
        "/quality?name=odd_one",
        "/quality?name=Purchase",
    ]) {
        let text = person.page(path);
        assert!(!text.contains("<i>Odd") && !text.contains("<u>1"), "{path}: {text}");
    }

    let quality = person.page("/quality?name=Purchase");
    assert!(quality.contains("What would help most"), "{quality}");
    assert!(quality.contains("our estimate"));
    let dedup = person.page("/deduplication");
    assert!(dedup.contains("1 event looks counted twice, worth"), "{dedup}");
    assert!(dedup.contains("One repeat was not counted twice."), "{dedup}");
    assert!(dedup.contains("order<mark>-</mark>891") && dedup.contains("order<mark>_</mark>891"), "{dedup}");
    assert!(dedup.contains("sent both"));
    let consent = person.page("/consent");
    assert!(consent.contains("consent_denied") && consent.contains("consent_unknown"), "{consent}");
    assert!(consent.contains("tandem export consent --config"));
    let one = person.page("/destinations/1");
    assert!(one.contains("consent_denied") && one.contains("The visitor said no"), "{one}");
    let set_up = person.page("/sites");
    assert!(set_up.contains("active") && set_up.contains("s ago"), "{set_up}");
}

#[test]
fn a_destination_is_paused_and_resumed_by_its_buttons() {
    let stand_in = StandIn::start();
    let home = Home::new(&sites(&stand_in));
    let gateway = home.start();
    let person = Person::sign_in(&gateway);
    let page = "/destinations/1";
    // Not from another page: without the session's own key nothing happens.
    for body in ["by=Eve", "by=Eve&form_key=00", "by=Eve&form_key="] {
        assert_eq!(person.post("/destinations/1/pause", body).status, 403, "{body}");
    }
    assert!(gateway.summary()["lanes"][0]["paused"].is_null());

    let answer = person.press(page, "/destinations/1/pause", "by=Ada+%3Cb%3E");
    assert_eq!((answer.status, answer.headers("location")[0].as_str()), (303, "/destinations/1?done=paused"));
    let text = person.page("/destinations/1?done=paused");
    assert!(text.contains("Paused by Ada &lt;b&gt;."), "{text}");
    assert!(text.contains(">Resume<") && !text.contains(">Pause<"), "{text}");
    assert!(gateway.post_events(&sale("order_1", "1", 5.0)).status == 200);
    assert_eq!(gateway.waiting(), 1);
    let text = person.page(page);
    assert!(text.contains("The oldest event that waits"), "{text}");
    assert!(person.page("/destinations").contains("1 destination is paused"));
    assert_eq!(person.press(page, "/destinations/1/resume", "").status, 303);
    gateway.drain();
    assert_eq!(stand_in.sandbox.report(&Query::default()).conversions.len(), 1);
    assert_eq!(person.press(page, "/destinations/1/explode", "").status, 400);
    assert_eq!(person.press(page, "/destinations/9/pause", "").status, 404);
}

#[test]
fn a_stopped_destination_says_why_and_a_test_event_shows_the_platforms_answer() {
    let stand_in = StandIn::with(Options {
        revoked_tokens: vec![ACCESS_TOKEN.into()],
        rate_per_s: None,
        ..Options::default()
    });
    let home = Home::new(&sites(&stand_in));
    let gateway = home.start();
    let person = Person::sign_in(&gateway);
    assert_eq!(gateway.post_events(&sale("order_1", "1", 5.0)).status, 200);
    until("the destination is stopped", || gateway.summary()["lanes"][0]["stopped"].is_object());
    assert_eq!(gateway.post("/api/catch-up", &json!({})).status, 200);
    let text = person.page("/destinations/1");
    assert!(text.contains("access_token") && text.contains("Try again now"), "{text}");
    assert!(text.contains("40105"), "the platform's own code: {text}");
    let refused = person.press("/destinations/1", "/destinations/1/test", "code=TEST123");
    assert!(refused.status == 200 && refused.text().contains("takes no event at all"), "{}", refused.text());
    assert_eq!(person.press("/destinations/1", "/destinations/1/retry", "").status, 303);
    until("it tried, and was refused again", || gateway.summary()["lanes"][0]["stopped"].is_object());

    let well = StandIn::start();
    home.write(&sites(&well));
    gateway.hang_up();
    gateway.drain();
    let taken = person.press("/destinations/1", "/destinations/1/test", "code=TEST123");
    assert!(taken.text().contains("TikTok took it"), "{}", taken.text());
    let empty = person.press("/destinations/1", "/destinations/1/test", "code=");
    assert!(empty.text().contains("Enter the code"), "{}", empty.text());
    let report = well.sandbox.report(&Query::default());
    assert_eq!(report.conversions.len(), 1, "a test counts nowhere");
}

#[test]
fn queries_are_asked_saved_and_deleted() {
    let stand_in = StandIn::start();
    let home = Home::new(&sites(&stand_in));
    let gateway = home.start();
    accept(&gateway, &[sale("=order_891", "891", 5.0)]);
    let person = Person::sign_in(&gateway);
    let text = person.page("/sql?q=SELECT+event_id,+seq+AS+event_seq+FROM+events");
    assert!(text.contains("=order_891") && text.contains("href=\"/events/1\""), "{text}");
    let csv = person.get("/sql.csv?q=SELECT+event_id,+seq+FROM+events");
    assert_eq!(csv.text(), "\"event_id\",\"seq\"\r\n\"'=order_891\",1\r\n");
    assert!(csv.head.contains("attachment"));
    let wrong = person.get("/sql?q=SELECT+*+FROM+%3Cb%3E");
    assert!(wrong.status == 400 && wrong.text().contains("syntax error"), "{}", wrong.text());

    let saved = person.press("/sql?q=SELECT+1", "/sql", "name=One+%26+only&q=SELECT+1");
    assert_eq!(saved.headers("location")[0], "/sql?q=SELECT+1&done=saved");
    assert!(person.page("/sql").contains("One &amp; only"));
    let nameless = person.press("/sql?q=SELECT+1", "/sql", "name=&q=SELECT+1");
    assert!(nameless.text().contains("Give it a name"), "{}", nameless.text());
    assert_eq!(person.post("/sql", "name=x&q=SELECT+1").status, 403);
    assert_eq!(person.press("/sql", "/sql", "name=One+%26+only&action=delete").status, 303);
    assert!(!person.page("/sql").contains("One &amp; only"));
    // Every example is one that runs.
    let text = person.page("/sql");
    let examples: Vec<&str> =
        text.split("href=\"/sql?q=").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(examples.len() >= 5, "{examples:?}");
    for example in examples {
        person.page(&format!("/sql?q={}", example.replace("&amp;", "&")));
    }
}
