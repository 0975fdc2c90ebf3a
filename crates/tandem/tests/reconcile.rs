//! Reconciliation from end to end: the real gateway, a shop's webhooks and its list, the stand-in and its statistics, and
//! a clock that closes the window.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod harness;
mod program;
mod shop;

use harness::{ACCESS_TOKEN, Answer, Client, Gateway, Home, KEY, PIXEL, StandIn, TOKEN, now_s};
use program::{Told, run};
use serde_json::{Value, json};

const WEBHOOK: &str = "test-webhook-secret";

fn sites(stand_in: &StandIn) -> String {
    format!(
        r#"
        [[site]]
        id = "shop"
        currency = "EUR"
        consent.on_unknown = "grant"
        [site.reconcile]
        time_zone = "UTC"
        [site.sources.woocommerce]
        secrets = ["{WEBHOOK}"]
        [site.sources.events]
        write_keys = ["{KEY}"]
        [site.destinations.tiktok]
        pixel_id = "{PIXEL}"
        access_token = "{ACCESS_TOKEN}"
        advertiser_id = "7000000000000000001"
        base_url = "{}"
        "#,
        stand_in.base_url()
    )
}

fn moment(at_s: i64) -> String {
    jiff::Timestamp::from_second(at_s).unwrap().to_string()
}

/// The webhook of an order, placed and paid at a time.
fn webhook(gateway: &Gateway, id: u32, status: &str, at_s: i64) {
    numbered(gateway, id, &id.to_string(), status, at_s);
}

/// The same of a shop with a plugin that numbers orders.
fn numbered(gateway: &Gateway, id: u32, number: &str, status: &str, at_s: i64) {
    let at = moment(at_s);
    let at = at.trim_end_matches('Z');
    let body = json!({
        "id": id, "number": number, "parent_id": 0, "status": status, "currency": "EUR", "total": "19.99",
        "date_created_gmt": at, "date_modified_gmt": at, "date_paid_gmt": at, "payment_method": "stripe",
        "created_via": "checkout", "customer_id": 0, "customer_ip_address": "203.0.113.7",
        "customer_user_agent": "Mozilla/5.0", "billing": {"email": format!("buyer-{id}@example.com"), "country": "DE"},
        "line_items": [{"id": 1, "product_id": 13, "name": "Mug", "quantity": 1, "total": "19.99", "sku": "SKU-1"}],
        "fee_lines": [], "shipping_lines": [], "coupon_lines": [], "refunds": [], "meta_data": [],
    })
    .to_string();
    let signature = shop::sign(WEBHOOK, body.as_bytes());
    let headers = [("x-wc-webhook-topic", "order.updated"), ("x-wc-webhook-signature", signature.as_str())];
    let answer =
        Client::new(gateway.public).call("POST", "/webhooks/woocommerce/shop", &headers, body.as_bytes());
    assert_eq!(answer.unwrap().status, 200);
}

/// Orders 1, 2, 3 and 7 are delivered, 4 has no consent, 6 is not paid; 5 never arrives.
fn play(gateway: &Gateway, at_s: i64) {
    [1, 2, 3, 7].iter().for_each(|id| webhook(gateway, *id, "processing", at_s));
    webhook(gateway, 6, "on-hold", at_s);
    let denied = json!({
        "event_name": "Purchase", "event_id": "wc_order_4", "order_id": "4", "event_time": at_s, "value": 5,
        "currency": "EUR", "user": {"external_id": "x"}, "consent": {"advertising": "denied"},
    });
    assert_eq!(gateway.post_events(&denied).status, 200);
    gateway.drain();
}

/// The shop's list, with all that a shop's export has of its customers. Order 3 was edited later, 7 is not in it.
fn list(at_s: i64) -> String {
    let at = moment(at_s);
    let mut list =
        "order_id,date_created_gmt,status,order_total,currency,first_name,email,phone,address,note\n"
            .to_owned();
    for (id, status, total) in [
        (1, "wc-processing", "19.99"),
        (2, "completed", "19.99"),
        (3, "processing", "24.99"),
        (4, "processing", "5.00"),
        (5, "processing", "49.00"),
        (6, "on-hold", "19.99"),
    ] {
        list.push_str(&format!(
            "{id},{at},{status},{total},EUR,Wilhelmina,wilhelmina{id}@example.org,+4915155512345,Elm Row 7,\"ring, twice\"\n"
        ));
    }
    list
}

/// A moment in the middle of an hour that is over. What a shop sold before the hour of our first event is none of ours, and
/// the tests' orders are a minute older than that.
fn mid_hour_s() -> i64 {
    now_s() / 3_600 * 3_600 - 1_800
}

struct Bed {
    folder: tempfile::TempDir,
    home: Home,
    gateway: Gateway,
}

impl Bed {
    fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// `tandem reconcile` against the gateway that runs now.
    fn reconcile(&self, more: &[&str]) -> Told {
        let config = std::fs::read_to_string(self.home.config()).unwrap();
        let told = format!("private = \"{}\"", self.gateway.private);
        let config = self.file("reconcile.toml", &config.replace("private = \"127.0.0.1:0\"", &told));
        run(&[&["reconcile", "--config", &config], more].concat(), &[], b"")
    }

    fn report(&self, more: &[&str]) -> (i32, Value) {
        let told = self.reconcile(&[more, &["--json"]].concat());
        let report = serde_json::from_str(&told.stdout).unwrap_or_else(|e| panic!("{e}: {}", told.stderr));
        (told.code, report)
    }

    /// The same store, days later.
    fn later(self, at_s: i64) -> Self {
        let Self { folder, home, gateway } = self;
        assert!(gateway.stop().success());
        let gateway = home.start_with(&["--now", &at_s.to_string()]);
        Self { folder, home, gateway }
    }
}

/// Code, order and whether it counts.
fn differences(report: &Value) -> Vec<(String, String, bool)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let of =
        |d: &Value| (text(&d["code"]), text(&d["order_id"]), d["closed"] == true && d["explained"] == false);
    let mut all: Vec<_> = report["differences"].as_array().unwrap().iter().map(of).collect();
    all.sort();
    all
}

fn told(all: &[(&str, &str, bool)]) -> Vec<(String, String, bool)> {
    all.iter().map(|(code, order, counts)| ((*code).to_owned(), (*order).to_owned(), *counts)).collect()
}

#[test]
fn every_difference_is_named_once_the_window_is_closed() {
    let stand_in = StandIn::start();
    let home = Home::new(&sites(&stand_in));
    let began_s = mid_hour_s();
    let gateway = home.start_with(&["--now", &began_s.to_string()]);
    let bed = Bed { folder: tempfile::tempdir().unwrap(), home, gateway };
    let at_s = began_s - 60;
    play(&bed.gateway, at_s);
    assert_eq!(stand_in.sandbox.conversions().conversions.len(), 4);

    // On the day itself everything is still moving.
    let orders = bed.file("orders.csv", &list(at_s));
    let (code, report) = bed.report(&["--orders", &orders]);
    assert_eq!((code, report["share"].as_f64()), (0, Some(0.0)), "{report}");
    assert!(differences(&report).iter().all(|(_, _, counts)| !counts), "{report}");
    assert!(differences(&report).iter().any(|(code, order, _)| code == "order_still_moving" && order == "5"));

    let bed = bed.later(at_s + 4 * 86_400);
    let (code, report) = bed.report(&["--fetch"]);
    let expected = [
        ("consent_denied", "4", false),
        ("order_missing", "5", true),
        ("order_not_paid", "6", false),
        ("order_unknown_to_shop", "7", true),
        ("order_value_differs", "3", true),
    ];
    assert_eq!(differences(&report), told(&expected), "{report}");
    assert_eq!(code, 1);
    let total = &report["totals"][0];
    assert_eq!(
        (total["orders"].as_u64(), total["delivered"].as_u64(), total["orders_unexplained"].as_u64()),
        (Some(6), Some(4), Some(3))
    );
    // The stand-in counted on its own, and it fits.
    assert_eq!((total["platform_unexplained"].as_u64(), report["share"].as_f64()), (Some(0), Some(0.5)));
    let days = report["days"].as_array().unwrap();
    let day = days.iter().find(|day| day["orders"] == 6).unwrap();
    let platform = &day["platform"][0];
    assert_eq!((platform["counted"].as_i64(), platform["figure"].as_str()), (Some(4), Some("server")));

    let page = bed.reconcile(&["--threshold", "0.6"]);
    assert_eq!(page.code, 0, "{}", page.stderr);
    for line in [
        "Of 6 paid orders",
        "4 were delivered to tiktok, 1 had no consent, 1 is missing",
        "within the threshold",
    ] {
        assert!(page.stdout.contains(line), "{line} is not in\n{}", page.stdout);
    }

    // A report that a person downloaded takes the place of what was fetched.
    let date = &moment(at_s)[..10];
    let csv =
        format!("Date,Event name,Total events,Server events\n{date},Complete Payment,2,2\nTotal,,2,2\n");
    let csv = format!("tiktok={}", bed.file("report.csv", &csv));
    let (_, report) = bed.report(&["--platform", &csv]);
    assert!(differences(&report).contains(&("platform_counts_less".into(), String::new(), true)), "{report}");
    assert_eq!(report["totals"][0]["platform_unexplained"], 2);
    assert!(bed.reconcile(&["--platform", &csv]).stderr.contains("line 3: no date"));

    // As many as were delivered, with another value: 4 of 19.99 each.
    let csv = format!(
        "Date,Event name,Total events,Server events,Value,Currency\n{date},Complete Payment,4,4,95.00,EUR\n"
    );
    let csv = format!("tiktok={}", bed.file("value.csv", &csv));
    let (_, report) = bed.report(&["--platform", &csv]);
    assert_eq!(report["totals"][0]["platform_value_days"], 1, "{report}");
    let said = bed.reconcile(&[]).stdout;
    assert!(said.contains("with a value of 95.00 EUR in place of 79.96 EUR"), "{said}");
    assert!(bed.gateway.get("/reconciliation?site=shop&fresh=1").status == 303);
    let page = bed.gateway.get("/reconciliation?site=shop").text();
    assert!(page.contains(", with another value on 1<"), "{page}");

    nothing_personal_stays(&bed);
    page_shows_it(&bed);
}

fn nothing_personal_stays(bed: &Bed) {
    let folder = bed.home.store().parent().unwrap();
    for file in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let bytes = std::fs::read(&file).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        for private in ["Wilhelmina", "wilhelmina5", "155512345", "Elm Row", "ring, twice"] {
            assert!(!text.contains(private), "{private} in {}", file.display());
        }
    }
    assert!(!bed.gateway.log().contains("Wilhelmina"));
}

fn page_shows_it(bed: &Bed) {
    let page = bed.gateway.get("/reconciliation?site=shop&days=14");
    assert_eq!(page.status, 200, "{}", page.text());
    let text = page.text().replace("&#x2f;", "/");
    for part in [
        "orders have a difference that nothing explains",
        "4 of 6</td>",
        "order_missing",
        "/why?q=5&amp;site=shop",
        "<svg",
        "role=\"img\"",
        "/findings/order_value_differs",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    assert!(!text.contains("style=") && !text.contains("<script"), "the policy forbids both");
    assert_eq!(bed.gateway.get("/reconciliation?site=nobody").status, 404);
    assert_eq!(bed.gateway.get("/reconciliation?days=x").status, 400);

    // Its forms: only of a session's own page.
    let (cookie, key) = signed_in(&bed.gateway);
    let csv = "id,date,status,total\n5,2026-11-22,cancelled,49.00\nx,y\n";
    let refused =
        form(&bed.gateway, &cookie, &[("form_key", "00"), ("action", "orders"), ("site", "shop")], csv);
    assert_eq!(refused.status, 403);
    let done =
        form(&bed.gateway, &cookie, &[("form_key", &key), ("action", "orders"), ("site", "shop")], csv);
    assert_eq!(done.status, 200, "{}", done.text());
    assert!(
        done.text().contains("1 row kept, 1 left out") && done.text().contains("Line 3"),
        "{}",
        done.text()
    );
    // What was just brought is in the page that answers, and in the next one.
    assert!(!done.text().contains("order_missing"), "{}", done.text());
    let page = bed.gateway.get("/reconciliation?site=shop").text();
    assert!(page.contains("Compared at <time") && !page.contains("order_missing"), "{page}");
    let again = bed.gateway.get("/reconciliation?site=shop&fresh=1");
    assert_eq!(
        (again.status, again.headers("location")),
        (303, vec!["/reconciliation?site=shop".to_owned()])
    );
    let bad =
        form(&bed.gateway, &cookie, &[("form_key", &key), ("action", "orders"), ("site", "shop")], "a,b\n");
    assert_eq!(bad.status, 400);
    assert!(bad.text().contains("no column for order id"), "{}", bad.text());
    let asked = form(&bed.gateway, &cookie, &[("form_key", &key), ("action", "fetch"), ("site", "shop")], "");
    assert!(asked.text().contains("days fetched"), "{}", asked.text());
}

/// Cookie and form key of a session.
fn signed_in(gateway: &Gateway) -> (String, String) {
    let headers = [("Content-Type", "application/x-www-form-urlencoded")];
    let body = format!("token={TOKEN}&next=/");
    let answer = Client::new(gateway.private).call("POST", "/login", &headers, body.as_bytes()).unwrap();
    let cookie = answer.headers("set-cookie")[0].split(';').next().unwrap().to_owned();
    let headers = [("Cookie", cookie.as_str()), ("Accept", "text/html")];
    let page = Client::new(gateway.private).call("GET", "/reconciliation", &headers, b"").unwrap().text();
    let key = page.split("name=\"form_key\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    (cookie, key)
}

fn form(gateway: &Gateway, cookie: &str, fields: &[(&str, &str)], file: &str) -> Answer {
    let mut body = String::new();
    for (name, value) in fields {
        body.push_str(&format!(
            "--EDGE\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        ));
    }
    body.push_str(&format!(
        "--EDGE\r\nContent-Disposition: form-data; name=\"file\"; filename=\"o.csv\"\r\nContent-Type: text/csv\r\n\r\n\
         {file}\r\n--EDGE--\r\n"
    ));
    let headers =
        [("Cookie", cookie), ("Accept", "text/html"), ("Content-Type", "multipart/form-data; boundary=EDGE")];
    Client::new(gateway.private).call("POST", "/reconciliation", &headers, body.as_bytes()).unwrap()
}

/// A plugin numbers the orders: nobody in the shop knows their ids, and its export does not have them.
#[test]
fn orders_are_known_by_their_numbers() {
    let stand_in = StandIn::start();
    let home = Home::new(&sites(&stand_in));
    let began_s = mid_hour_s();
    let gateway = home.start_with(&["--now", &began_s.to_string()]);
    let bed = Bed { folder: tempfile::tempdir().unwrap(), home, gateway };
    let at_s = began_s - 60;
    let at = moment(at_s);
    // The list comes before some of its orders: 14 is heard of later, 99 never. 13 is the id of one order and the number of
    // another.
    let mut list = "Order #,Date,Status,Order total\n".to_owned();
    for (number, status) in [
        ("INV-11", "completed"),
        ("13", "processing"),
        ("INV-13", "on-hold"),
        ("INV-14", "processing"),
        ("INV-99", "processing"),
    ] {
        list.push_str(&format!("#{number},{at},{status},19.99\n"));
    }
    numbered(&bed.gateway, 11, "INV-11", "processing", at_s);
    let orders = bed.file("orders.csv", &list);
    bed.report(&["--orders", &orders]);
    numbered(&bed.gateway, 12, "13", "processing", at_s);
    numbered(&bed.gateway, 13, "INV-13", "on-hold", at_s);
    numbered(&bed.gateway, 14, "INV-14", "processing", at_s);
    bed.gateway.drain();

    let bed = bed.later(at_s + 4 * 86_400);
    let (code, report) = bed.report(&[]);
    let expected = [("order_missing", "INV-99", true), ("order_not_paid", "13", false)];
    assert_eq!((code, differences(&report)), (1, told(&expected)), "{report}");
    assert_eq!(report["totals"][0]["orders"].as_u64(), Some(4), "each once: {report}");
    // Another list has the ids as well, which then count.
    let both = format!("order_id,order_number,date,status,order_total\n11,INV-11,{at},completed,19.99\n");
    let (_, report) = bed.report(&["--orders", &bed.file("both.csv", &both)]);
    assert_eq!(report["totals"][0]["orders"].as_u64(), Some(4), "{report}");

    let said = bed.reconcile(&[]).stdout;
    assert!(said.contains("Its number is INV-13.\n") && !said.contains("Its number is INV-99"), "{said}");

    let why = |number: &str| bed.gateway.get(&format!("/api/why?q={number}")).json();
    assert_eq!(why("INV-11")["destinations"][0]["verdict"], "counted_weakly", "{}", why("INV-11"));
    assert_eq!(why("INV-11")["question"], "INV-11");
    assert_eq!(why("INV-13")["cause"], "order_not_paid", "{}", why("INV-13"));
    let ambiguous = why("13");
    assert_eq!(ambiguous["cause"], "order_not_paid", "{ambiguous}");
    assert_eq!(ambiguous["candidates"][0]["text"], "12", "{ambiguous}");
    for (page, shows) in [
        ("/orders?q=INV-11", "/why?q=11&amp;site=shop"),
        ("/orders?q=INV-11", "11 (INV-11)</a>"),
        ("/orders", "14 (INV-14)</a>"),
        ("/events?q=INV-11", "11 (INV-11)</span>"),
        ("/events/1", "11 (INV-11)"),
        ("/why?q=13", "what was asked for is the number on it"),
        ("/reconciliation", ">order 13 (INV-13)</a>"),
    ] {
        let text = bed.gateway.get(page).text().replace("&#x2f;", "/");
        assert!(text.contains(shows), "{shows} is not on {page}: {text}");
    }
}

#[test]
fn what_cannot_be_used_is_said_and_ends_with_2() {
    let stand_in = StandIn::start();
    let home = Home::new(&sites(&stand_in));
    let gateway = home.start();
    let bed = Bed { folder: tempfile::tempdir().unwrap(), home, gateway };
    let garbage = bed.file("garbage.csv", "customer,city\nJane,Berlin\n");
    let ambiguous = bed.file("ambiguous.csv", "id,date\n1,04/05/2026\n");
    for (more, word) in [
        (&["--orders", garbage.as_str()][..], "no column for order id"),
        (&["--orders", "/no/such/file.csv"], "cannot read"),
        (&["--orders", &ambiguous], "day/month or as month/day"),
        (&["--orders", &ambiguous, "--date-format", "ymd"], "dmy or mdy"),
        (&["--platform", "report.csv"], "DESTINATION=FILE"),
        (&["--platform", &format!("myspace={ambiguous}")], "no_such_destination"),
        (&["--site", "nobody"], "unknown_site"),
    ] {
        let told = bed.reconcile(more);
        assert_eq!(told.code, 2, "{more:?}: {}", told.stdout);
        assert!(told.stderr.contains(word) && !told.stderr.contains("Jane"), "{more:?}: {}", told.stderr);
    }
    let told = bed.reconcile(&["--orders", &ambiguous, "--date-format", "dmy"]);
    assert_eq!(told.code, 0, "{}", told.stderr);
    // A platform in trouble is named, and nothing is taken for nought.
    stand_in
        .sandbox
        .set_options(tandem_sandbox::Options { tokens: vec!["another".into()], ..Default::default() })
        .unwrap();
    let told = bed.reconcile(&["--fetch"]);
    assert!(told.stderr.contains("tiktok: TikTok 40105"), "{}", told.stderr);
    let report = bed.gateway.get("/api/reconcile?site=shop").json();
    assert!(report["days"].as_array().unwrap().iter().all(|day| day["platform"] == json!([])), "{report}");
    let wrong = Home::new(&sites(&stand_in).replace("\"UTC\"", "\"Mars/Base\""));
    let Err(end) = wrong.try_start(&[]) else { panic!("it started") };
    assert!(end.log.contains("no time zone"), "{}", end.log);
}
