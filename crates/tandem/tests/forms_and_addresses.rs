//! The private port as somebody uses it who means no good, or slips: forms that no page of ours sent, addresses that no page
//! of ours has, and what every answer says to browsers and caches.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod harness;
mod person;

use harness::{Client, Gateway, Home, StandIn, TOKEN, now_s, shop_sites};
use person::Person;
use serde_json::json;

const PAGES: [&str; 19] = [
    "/",
    "/live",
    "/alerts",
    "/why",
    "/why?q=order_1",
    "/events",
    "/events/1",
    "/orders",
    "/findings",
    "/findings/event_id_missing",
    "/quality",
    "/deduplication",
    "/consent",
    "/reconciliation",
    "/destinations",
    "/destinations/1",
    "/sites",
    "/sql",
    "/login",
];

fn started() -> (StandIn, Home, Gateway) {
    let stand_in = StandIn::start();
    let home = Home::new(&shop_sites(&stand_in.base_url()));
    let gateway = home.start();
    let sale = json!({ "event_name": "Purchase", "event_id": "order_1", "order_id": "1", "event_time": now_s(),
        "value": 5, "currency": "EUR", "user": { "email": "ada@example.com" } });
    assert_eq!(gateway.post_events(&sale).status, 200);
    gateway.drain();
    assert_eq!(gateway.post("/api/catch-up", &json!({})).status, 200);
    (stand_in, home, gateway)
}

/// Everything that changes something wants the key that only pages of the session carry.
#[test]
fn a_form_of_another_page_does_nothing() {
    let (_stand_in, _home, gateway) = started();
    let person = Person::sign_in(&gateway);
    let state = || {
        let kept = person.page("/sql?q=SELECT+kind,name+FROM+kept");
        let rows: Vec<String> = kept.split("<tbody>").skip(1).map(str::to_owned).collect();
        (gateway.summary(), gateway.records("deliveries").len(), rows)
    };
    let before = state();
    for path in [
        "/searches",
        "/sql",
        "/events/1/replay",
        "/destinations/1/pause",
        "/destinations/1/resume",
        "/destinations/1/retry",
        "/destinations/1/test",
        "/reconciliation",
        "/logout",
    ] {
        let all = "name=x&q=SELECT+1&query=site%3Dshop&by=Eve&code=TEST1&destination=tiktok&count_again=yes&action=fetch";
        for key in ["", "&form_key=", "&form_key=00", "&form_key=x"] {
            let is_upload = path == "/reconciliation";
            let answer = if is_upload {
                let key = key.strip_prefix("&form_key=").unwrap_or_default();
                person.upload(path, &[("form_key", key), ("action", "fetch"), ("site", "shop")])
            } else {
                person.post(path, &format!("{all}{key}"))
            };
            assert_eq!(answer.status, 403, "{path} {key}: {}", answer.text());
        }
        // Without a session there is nothing to press at all.
        let stranger =
            Client::new(gateway.private).call("POST", path, &[("Accept", "text/html")], b"").unwrap();
        assert_eq!(
            (stranger.status, stranger.headers("location")[0].as_str()),
            (303, "/login?next=%2F"),
            "{path}"
        );
        let program = Client::new(gateway.private).call("POST", path, &[("Authorization", "Bearer x")], b"");
        assert_eq!(program.unwrap().status, 401, "{path}");
    }
    assert_eq!(person.get("/").status, 200, "still signed in");
    assert_eq!(state(), before);
}

#[test]
fn an_address_that_no_page_has_is_told_so() {
    let (_stand_in, _home, gateway) = started();
    let person = Person::sign_in(&gateway);
    for page in PAGES.iter().filter(|page| !["/login", "/alerts"].contains(page)) {
        let path = format!("{page}{}zzz=1", if page.contains('?') { '&' } else { '?' });
        let answer = person.get(&path);
        assert_eq!(answer.status, 400, "{path}: {}", answer.text());
        assert!(answer.text().contains("<h1"), "{path} is answered by a page");
    }
    for path in [
        "/why?q=a&q=b",
        "/reconciliation?days=many",
        "/reconciliation?days=0",
        "/reconciliation?days=-1",
        "/events?before=x",
        "/events?q=%FF%FE&zzz",
    ] {
        assert_eq!(person.get(path).status, 400, "{path}");
    }
    let long = "x".repeat(5_000);
    for page in
        ["/why?q=", "/events?q=", "/orders?q=", "/live?id=", "/quality?site=", "/reconciliation?site="]
    {
        assert_eq!(person.get(&format!("{page}{long}")).status, 400, "{page}");
    }
    for path in [
        "/events/%FF",
        "/events/99999999999999999999",
        "/events/-1",
        "/events/0",
        "/findings/%FF",
        "/findings/%3Cu%3E",
        "/destinations/%FF",
        "/destinations/%00",
        "/nowhere",
        "/assets/%FF",
        "/assets/..%2f..%2fetc%2fpasswd",
    ] {
        let answer = person.get(path);
        assert_eq!(answer.status, 404, "{path}: {}", answer.text());
        assert!(!answer.text().contains("<u>"), "{path}");
    }
}

#[test]
fn programs_are_told_of_a_slip_too() {
    let (_stand_in, _home, gateway) = started();
    for path in [
        "/api/why",
        "/api/why?q=",
        "/api/why?q=1&zzz=1",
        "/api/search?zzz=1",
        "/api/findings?zzz=1",
        "/api/findings?days=x",
        "/api/observations?zzz=1",
        "/api/records/events?zzz=1",
        "/api/records/events?limit=x",
        "/api/reconcile?site=shop&zzz=1",
        "/api/events/x",
        "/api/events/%FF",
    ] {
        let answer = gateway.get(path);
        assert_eq!(answer.status, 400, "{path}: {}", answer.text());
        assert!(answer.json()["error"]["code"].is_string(), "{path}");
    }
    for (path, status) in [
        ("/api/why?q=never-heard-of", 200),
        ("/api/events/999999", 404),
        ("/api/records/nothing", 404),
        ("/api/visitors/shop/nobody", 404),
        ("/api/reconcile?site=nowhere", 404),
        ("/api/nothing", 404),
        ("/api/alerts/look", 405),
        ("/api/catch-up", 405),
    ] {
        let answer = gateway.get(path);
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
    }
    for path in [
        "/api/summary",
        "/api/records/events",
        "/api/events/1",
        "/api/why?q=1",
        "/api/search",
        "/api/findings",
        "/api/observations",
        "/api/reconcile?site=shop",
        "/api/alerts",
        "/metrics",
    ] {
        for header in [None, Some("Bearer "), Some("Bearer wrong"), Some(TOKEN), Some("Basic dGVzdDp0ZXN0")] {
            let headers: Vec<(&str, &str)> = header.iter().map(|value| ("Authorization", *value)).collect();
            let answer = Client::new(gateway.private).call("GET", path, &headers, b"").unwrap();
            assert_eq!(answer.status, 401, "{path} {header:?}");
        }
    }
    for path in [
        "/api/replay",
        "/api/catch-up",
        "/api/alerts/look",
        "/api/lanes/1/pause",
        "/api/lanes/1/resume",
        "/api/import/orders?site=shop",
        "/api/import/platform?site=shop&destination=tiktok",
        "/api/reconcile/fetch?site=shop",
    ] {
        let answer = Client::new(gateway.private).call("POST", path, &[], b"{}").unwrap();
        assert_eq!(answer.status, 401, "{path}");
    }
}

#[test]
fn every_answer_says_what_browsers_and_caches_may_do() {
    let (_stand_in, _home, gateway) = started();
    let person = Person::sign_in(&gateway);
    let files = ["/events.csv", "/events.jsonl", "/sql.csv?q=SELECT+1", "/nowhere", "/events?zzz=1"];
    for path in PAGES.into_iter().chain(files) {
        for method in ["GET", "HEAD"] {
            let headers =
                [("Accept", "text/html"), ("Cookie", person.cookie.as_str()), ("Connection", "close")];
            let answer = raw(&gateway, method, path, &headers);
            assert!(
                answer.starts_with("http/1.1 200") || answer.starts_with("http/1.1 4"),
                "{method} {path}: {answer}"
            );
            for line in [
                "cache-control: no-store",
                "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'",
                "x-content-type-options: nosniff",
                "x-frame-options: deny",
                "referrer-policy: same-origin",
            ] {
                assert!(answer.contains(line), "{method} {path} lacks {line}: {answer}");
            }
        }
    }
}

/// Status line and headers, in lower case.
fn raw(gateway: &Gateway, method: &str, path: &str, headers: &[(&str, &str)]) -> String {
    use std::io::{Read, Write};
    let mut tcp = std::net::TcpStream::connect(gateway.private).unwrap();
    let lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    tcp.write_all(format!("{method} {path} HTTP/1.1\r\nHost: x\r\n{lines}\r\n").as_bytes()).unwrap();
    let mut all = Vec::new();
    tcp.read_to_end(&mut all).unwrap();
    let text = String::from_utf8_lossy(&all).to_ascii_lowercase();
    text.split("\r\n\r\n").next().unwrap().to_owned()
}

#[test]
fn after_signing_in_one_goes_to_a_page_of_ours_only() {
    let (_stand_in, _home, gateway) = started();
    for next in [
        "//evil.example",
        "https://evil.example",
        "/%5Cevil.example",
        "/%09/evil.example",
        "%2F%2Fevil.example",
        "/%0d%0aSet-Cookie:%20a=b",
        "javascript:alert(1)",
        "",
    ] {
        let headers = [("Content-Type", "application/x-www-form-urlencoded")];
        let body = format!("token={TOKEN}&next={next}");
        let answer = Client::new(gateway.private).call("POST", "/login", &headers, body.as_bytes()).unwrap();
        assert_eq!((answer.status, answer.headers("location")[0].as_str()), (303, "/"), "{next}");
        assert_eq!(answer.headers("set-cookie").len(), 1);
    }
}

/// Whoever presses a button twice, or goes back and presses it again, sends once.
#[test]
fn an_event_that_was_delivered_is_sent_again_once_for_each_time_it_is_asked_for() {
    let (stand_in, _home, gateway) = started();
    let person = Person::sign_in(&gateway);
    let sent = || stand_in.sandbox.report(&tandem_sandbox::Query::default()).events;
    assert_eq!(sent(), 1);
    let fields = replay_fields(&person);
    let unconfirmed = person.post("/events/1/replay", &fields);
    assert_eq!(unconfirmed.headers("location")[0], "/events/1?said=confirm");
    gateway.drain();
    assert_eq!(sent(), 1, "nobody confirmed it");
    for _ in 0..3 {
        assert_eq!(person.post("/events/1/replay", &format!("{fields}count_again=yes")).status, 303);
        gateway.drain();
    }
    assert_eq!(sent(), 2, "one page, one press");
    let again = format!("{}count_again=yes", replay_fields(&person));
    assert_eq!(person.post("/events/1/replay", &again).headers("location")[0], "/events/1?said=sent");
    gateway.drain();
    assert_eq!(sent(), 3);
    let report = stand_in.sandbox.report(&tandem_sandbox::Query::default());
    assert_eq!(report.conversions.len(), 1, "all under one id: it counts once");
}

/// What the form on the event's page sends by itself.
fn replay_fields(person: &Person<'_>) -> String {
    let page = person.page("/events/1");
    let form = page.split("action=\"/events/1/replay\"").nth(1).unwrap().split("</form>").next().unwrap();
    let of =
        |input: &str, name: &str| input.split(name).nth(1).unwrap().split('"').next().unwrap().to_owned();
    let hidden = form.split("type=\"hidden\"").skip(1);
    hidden.map(|input| format!("{}={}&", of(input, "name=\""), of(input, "value=\""))).collect()
}
