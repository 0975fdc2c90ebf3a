//! `tandem explain`: what it prints, and how it ends.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod program;
mod shop;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use program::Told;
use serde_json::{Value, json};
use shop::{NOW, deliveries, delivery};
use tempfile::TempDir;

impl Told {
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {}\n{}", self.stdout, self.stderr))
    }
}

fn run(arguments: &[&str], stdin: &[u8]) -> Told {
    let arguments: Vec<&str> = ["explain"].iter().chain(arguments).copied().collect();
    program::run(&arguments, &[], stdin)
}

const TOPIC: &str = "X-WC-Webhook-Topic: order.updated";

fn order_of(body: &Path) -> Vec<&str> {
    let body = body.to_str().unwrap();
    let shared = ["--source", "woocommerce", "--header", TOPIC, "--destination", "tiktok", "--now", NOW];
    shared.into_iter().chain(["--json", body]).collect()
}

fn file(folder: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn a_paid_order_shows_its_event_and_its_whole_request() {
    let folder = tempfile::tempdir().unwrap();
    let order = delivery("01b-order");
    let body = file(&folder, "order.json", &order.body);
    let told = run(&order_of(&body), b"");
    assert_eq!(told.code, 0, "{}", told.stderr);
    let shown = told.json();
    assert_eq!(keys(&shown), ["events", "rejections"]);
    assert_eq!(shown["rejections"], json!([]));
    assert_eq!(shown["events"].as_array().unwrap().len(), 1);
    let one = &shown["events"][0];
    assert_eq!(keys(one), ["deliveries", "event", "findings"]);
    assert_eq!(one["findings"], json!([]));
    let event = &one["event"];
    assert_eq!(event["event_name"], "Purchase");
    assert_eq!(event["event_id"], "wc_order_25");
    assert_eq!((&event["value"], &event["currency"]), (&json!("27.61"), &json!("USD")));
    assert_eq!(event["source"], "woocommerce");
    assert!(event.get("findings").is_none(), "they stand beside the event");

    assert_eq!(one["deliveries"].as_array().unwrap().len(), 1);
    let delivery = &one["deliveries"][0];
    assert_eq!(delivery["destination"], "tiktok");
    assert_eq!(delivery["skip"], Value::Null);
    let request = &delivery["request"];
    assert_eq!(keys(request), ["body", "headers", "method", "url"]);
    assert_eq!(request["method"], "POST");
    assert_eq!(request["url"], "https://business-api.tiktok.com/open_api/v1.3/event/track/");
    assert_eq!(request["headers"], json!({"access-token": "…", "content-type": "application/json"}));
    let body_sent = &request["body"];
    assert_eq!(body_sent["event_source"], "web");
    let sent = &body_sent["data"][0];
    assert_eq!((&sent["event"], &sent["event_id"]), (&json!("Purchase"), &json!("wc_order_25")));
    assert_eq!(
        (&sent["properties"]["value"], &sent["properties"]["currency"]),
        (&json!(27.61), &json!("USD"))
    );
    assert!(!told.stdout.contains("ada.sample"), "no clear text");

    // The same from standard input, and from the capture, which brings its headers along.
    let piped = run(&order_of(Path::new("-")), &order.body);
    assert_eq!((piped.code, &piped.stdout), (0, &told.stdout));
    let shared = ["--source", "woocommerce", "--destination", "tiktok", "--now", NOW];
    let capture = run(&[&shared[..], &["--json", order.path.to_str().unwrap()]].concat(), b"");
    assert_eq!((capture.code, &capture.stdout), (0, &told.stdout));
    let piped = run(&[&shared[..], &["--json", "-"]].concat(), &std::fs::read(&order.path).unwrap());
    assert_eq!((piped.code, &piped.stdout), (0, &told.stdout));
}

#[test]
fn every_kind_of_delivery_is_explained_as_it_would_be_taken() {
    let mut all = deliveries();
    let mut seen = BTreeSet::new();
    // One of each kind: a process for each of the eighty would take long.
    all.retain(|d| {
        seen.insert([d.topic(), d.text("status"), d.text("created_via"), d.text("code")].map(str::to_owned))
    });
    assert!(all.len() > 20, "{}", all.len());
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(delivery) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let paid = delivery.order_id().is_some()
                        && matches!(delivery.text("status"), "processing" | "completed");
                    let path = delivery.path.to_str().unwrap();
                    let told = run(&["--source", "woocommerce", "--now", NOW, "--json", path], b"");
                    let shown = told.json();
                    let lengths = ["events", "rejections"].map(|k| shown[k].as_array().unwrap().len());
                    // A ping is a handshake: neither an event nor a rejection.
                    let expected = match (paid, delivery.secret.is_some()) {
                        (true, _) => (0, [1, 0]),
                        (false, true) => (2, [0, 1]),
                        (false, false) => (2, [0, 0]),
                    };
                    assert_eq!((told.code, lengths), expected, "{}: {}", delivery.name, told.stdout);
                    if lengths[1] == 1 {
                        let rejection = &shown["rejections"][0];
                        assert!(rejection["code"].as_str().is_some_and(|c| !c.is_empty()), "{rejection}");
                        assert!(rejection["message"].as_str().is_some_and(|m| !m.is_empty()), "{rejection}");
                    }
                }
            });
        }
    });
}

#[test]
fn an_event_that_is_too_old_shows_its_request_all_the_same() {
    let order = delivery("01b-order");
    let explain = |now: &str| {
        let told =
            run(&["--source", "woocommerce", "--now", now, "--json", order.path.to_str().unwrap()], b"");
        assert_eq!(told.code, 0, "{}", told.stderr);
        told.json()["events"][0]["deliveries"][0].clone()
    };
    let (fresh, old) = (explain(NOW), explain("2026-12-24T00:00:00Z"));
    assert_eq!(old["skip"]["code"], "event_too_old");
    assert!(old["skip"]["message"].as_str().unwrap().contains("31 days"), "{}", old["skip"]);
    assert_eq!(old["request"], fresh["request"]);
    // A week is the limit, to the second.
    assert_eq!(explain("2026-11-29T12:58:55Z")["skip"], Value::Null);
    assert_eq!(explain("2026-11-29T12:58:56Z")["skip"]["code"], "event_too_old");
}

const CONFIG: &str = r#"
[server]
private_token = "private-token-that-must-not-show"
[store]
path = "never-made.db"
[[site]]
id = "first"
consent.on_unknown = "by_region"
[site.sources.woocommerce]
secrets = ["webhook-secret-that-must-not-show"]
event_id = "order-{number}"
[site.sources.events]
write_keys = ["write-key-that-must-not-show"]
[site.destinations.tiktok]
pixel_id = "FIRSTPIXEL0000000001"
access_token = "access-token-that-must-not-show"
base_url = "http://127.0.0.1:1"
[[site]]
id = "second"
consent.on_unknown = "deny"
[site.sources.events]
write_keys = ["other-write-key-that-must-not-show"]
[site.destinations.tiktok]
pixel_id = "SECONDPIXEL000000001"
access_token = "other-access-token-that-must-not-show"
"#;

#[test]
fn a_configuration_and_one_of_its_sites_can_be_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let config = file(&folder, "tandem.toml", CONFIG.as_bytes());
    let config = config.to_str().unwrap();
    let american = delivery("01b-order").path;
    let shared = ["--config", config, "--now", NOW];
    let with = |more: &[&str], stdin: &str| {
        let told = run(&[&shared[..], more].concat(), stdin.as_bytes());
        assert!(!told.stdout.contains("must-not-show"), "{}", told.stdout);
        assert!(!told.stderr.contains("must-not-show"), "{}", told.stderr);
        told
    };
    // Without --site the first one. In the United States the visitor need not be asked.
    let told = with(&["--source", "woocommerce", "--json", american.to_str().unwrap()], "");
    let delivery_shown = told.json()["events"][0]["deliveries"][0].clone();
    assert_eq!((told.code, &delivery_shown["skip"]), (0, &Value::Null));
    let request = &delivery_shown["request"];
    assert_eq!(request["body"]["event_source_id"], "FIRSTPIXEL0000000001");
    assert_eq!(request["body"]["data"][0]["event_id"], "order-25");
    assert_eq!(request["url"], "http://127.0.0.1:1/open_api/v1.3/event/track/");
    assert_eq!(request["headers"]["access-token"], "…");
    // In Spain it must, and a refused event has no request to show.
    let spanish = delivery("02b").path;
    let told = with(&["--site", "first", "--source", "woocommerce", "--json", spanish.to_str().unwrap()], "");
    let delivery_shown = told.json()["events"][0]["deliveries"][0].clone();
    assert_eq!((told.code, &delivery_shown["skip"]["code"]), (0, &json!("consent_unknown")));
    assert_eq!(delivery_shown["request"], Value::Null);

    let granted = r#"{"event_name":"Lead","event_id":"a","consent":{"advertising":"granted"}}"#;
    let second = ["--site", "second", "--source", "events", "--json", "-"];
    let request = with(&second, granted).json()["events"][0]["deliveries"][0]["request"].clone();
    assert_eq!(request["body"]["event_source_id"], "SECONDPIXEL000000001");
    let silent = r#"{"event_name":"Lead","event_id":"a"}"#;
    assert_eq!(with(&second, silent).json()["events"][0]["deliveries"][0]["skip"]["code"], "consent_unknown");

    for (arguments, told) in [
        (&["--site", "third", "--source", "events", "--json", "-"][..], "no such site"),
        (&["--site", "second", "--source", "woocommerce", "--json", "-"], "no source \"woocommerce\""),
        (&["--source", "fax", "--json", "-"], "no source \"fax\""),
        (&["--source", "events", "--destination", "myspace", "--json", "-"], "no such destination"),
        (&["--source", "events", "--header", "no colon", "--json", "-"], "Name: value"),
        (&["--source", "events", "--json", "/nowhere/at/all.json"], "cannot read"),
    ] {
        let failed = with(arguments, silent);
        assert_eq!((failed.code, failed.stdout.as_str()), (1, ""), "{arguments:?}");
        assert!(failed.stderr.contains(told), "{arguments:?}: {}", failed.stderr);
    }
    assert!(!folder.path().join("never-made.db").exists(), "it touches no store");
    let wrong = file(&folder, "wrong.toml", b"[server]\nport = 1\n");
    let failed = run(&["--config", wrong.to_str().unwrap(), "--source", "events", "--json", "-"], b"{}");
    assert_eq!(failed.code, 1);
    assert!(failed.stderr.contains("server.port") && failed.stderr.contains("remedy"), "{}", failed.stderr);
}

#[test]
fn several_events_are_shown_in_order_beside_what_is_rejected() {
    let lines = "{\"event_name\":\"Lead\",\"event_id\":\"a\"}\nnot json\n{\"event_name\":\"purchase\",\"event_id\":\"b\",\
                 \"value\":\"1.5\",\"currency\":\"eur\"}\n{\"event_id\":\"c\"}\n";
    let events = ["--source", "events", "--now", NOW, "--json", "-"];
    let typed = [&events[..], &["--header", "Content-Type: application/x-ndjson"]].concat();
    let told = run(&typed, lines.as_bytes());
    let shown = told.json();
    assert_eq!(told.code, 0);
    let ids: Vec<&str> =
        shown["events"].as_array().unwrap().iter().filter_map(|e| e["event"]["event_id"].as_str()).collect();
    assert_eq!(ids, ["a", "b"]);
    let codes: Vec<&str> =
        shown["rejections"].as_array().unwrap().iter().filter_map(|r| r["code"].as_str()).collect();
    assert_eq!(codes, ["json_invalid", "event_name_missing"]);
    let second = &shown["events"][1];
    assert_eq!(second["event"]["event_name"], "Purchase");
    let findings: Vec<&str> =
        second["findings"].as_array().unwrap().iter().filter_map(|f| f["code"].as_str()).collect();
    assert!(findings.contains(&"value_string") && findings.contains(&"currency_case"), "{findings:?}");

    for (bad, count) in [("", 1), ("x", 1), ("[]", 1), ("[1,2]", 2), ("{\"event_id\":\"c\"}", 1)] {
        let told = run(&events, bad.as_bytes());
        assert_eq!(told.code, 2, "{bad:?}");
        assert_eq!(told.json()["events"], json!([]), "{bad:?}");
        assert_eq!(told.json()["rejections"].as_array().unwrap().len(), count, "{bad:?}");
    }
}

#[test]
fn a_currency_without_a_place_at_tiktok_is_sent_and_remarked_on() {
    let path = delivery("05b-order-created").path;
    let told = run(&["--source", "woocommerce", "--now", NOW, "--json", path.to_str().unwrap()], b"");
    let shown = told.json()["events"][0].clone();
    assert_eq!((&shown["event"]["value"], &shown["event"]["currency"]), (&json!("19.845"), &json!("TND")));
    let text = shown["deliveries"][0]["findings"].to_string();
    assert!(text.contains("currency_unsupported"), "{text}");
    let properties = &shown["deliveries"][0]["request"]["body"]["data"][0]["properties"];
    assert_eq!((&properties["value"], &properties["currency"]), (&json!(19.845), &json!("TND")));
}

#[test]
fn every_destination_shows_its_request() {
    let order = delivery("01b-order").path;
    let shown = |destination: &str| {
        let more = ["--destination", destination, "--json", order.to_str().unwrap()];
        let told = run(&[&["--source", "woocommerce", "--now", NOW][..], &more].concat(), b"");
        assert_eq!(told.code, 0, "{}", told.stderr);
        for secret in ["ACCESS_TOKEN", "API_SECRET", "ada.sample"] {
            assert!(!told.stdout.contains(secret), "{secret} for {destination}");
        }
        told.json()["events"][0]["deliveries"][0].clone()
    };
    let meta = shown("meta");
    assert_eq!(meta["skip"], Value::Null);
    assert_eq!(meta["request"]["url"], "https://graph.facebook.com/v25.0/1234567890/events");
    assert_eq!(meta["request"]["headers"]["authorization"], "…");
    let sent = &meta["request"]["body"]["data"][0];
    assert_eq!((&sent["event_name"], &sent["event_id"]), (&json!("Purchase"), &json!("wc_order_25")));
    assert_eq!(sent["custom_data"]["value"], 27.61);
    assert_eq!(sent["user_data"]["em"].as_array().unwrap().len(), 1);

    let ga4 = shown("ga4");
    assert_eq!(ga4["skip"], Value::Null);
    let url = "https://www.google-analytics.com/mp/collect?measurement_id=G-XXXXXXXXXX";
    assert_eq!(ga4["request"]["url"], url);
    let body = &ga4["request"]["body"];
    assert!(body["client_id"].as_str().is_some_and(|id| id.contains('.')), "{body}");
    assert_eq!(body["events"][0]["name"], "purchase");
    assert_eq!(body["events"][0]["params"]["transaction_id"], "25");
    assert_eq!(ga4["findings"][0]["code"], "client_id_made");
}
