//! The browser half: the script's route, its hits, and how they meet the server half.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

mod support;

use http::StatusCode;
use serde_json::{Value, json};
use tandem_sandbox::{Options, Person};

use crate::support::{Bench, PIXEL, purchases};

const HITS: &str = "/api/v2/pixel";
const EMAIL: &str = "848a771458438fc2ec420560d769fb9b9b86851ee338ec56517baabd79d3bb4f";
const PHONE: &str = "9f7ec22d72092cd3c0b58726ed9c2d91b92e51a3f29837508fb2948bb22dd2fd";
const PAGE: &str = "https://shop.example/checkout/order-received/891/";

/// A hit as the script sends it.
fn hit(event_id: &str, user: &Value) -> Value {
    json!({
        "event": "Purchase", "event_id": event_id, "message_id": "m", "is_onsite": false,
        "timestamp": "2026-01-01T00:00:00.000Z", "limited_data_use": true,
        "properties": {"value": 10.5, "currency": "EUR", "contents": [{"content_id": "SKU-1"}]},
        "context": {
            "ad": {"callback": "E.C.P.click"}, "user": user, "pixel": {"code": PIXEL, "codes": PIXEL},
            "page": {"url": PAGE, "referrer": ""}, "userAgent": "Paper/1.0",
        },
    })
}

async fn send(bench: &Bench, body: &Value) -> support::Answer {
    bench.post(HITS, &[("content-type", "text/plain;charset=UTF-8")], body.to_string().into()).await
}

#[tokio::test]
async fn the_script_is_served_fresh_to_every_origin() {
    let bench = Bench::new(Options::default());
    let answer = bench.get("/i18n/pixel/events.js?sdkid=CODE&lib=ttq").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.headers["content-type"], "text/javascript; charset=utf-8");
    assert_eq!(answer.headers["cache-control"], "no-cache");
    assert_eq!(answer.headers["access-control-allow-origin"], "*");
    assert!(answer.text.contains("/api/v2/pixel"), "{}", answer.text);
    assert!(bench.sandbox.requests().is_empty(), "loading a script is no hit");
    assert_eq!(bench.get("/i18n/pixel/other.js").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_browser_may_ask_first() {
    let bench = Bench::new(Options::default());
    let asked = [
        ("origin", "https://shop.example"),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "content-type"),
    ];
    let answer = bench.send("OPTIONS", HITS, &asked, Vec::new()).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert_eq!(answer.headers["access-control-allow-origin"], "*");
    assert_eq!(answer.headers["access-control-allow-methods"], "POST");
    assert_eq!(answer.headers["access-control-allow-headers"], "content-type");
    assert_eq!(bench.sandbox.conversions().hits, 0, "a question is no hit");
    assert_eq!(bench.get(HITS).await.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn hits_are_in_the_log() {
    let bench = Bench::new(Options::default());
    let body = hit("purchase.891", &json!({"anonymous_id": "x.tt.1"}));
    let answer = send(&bench, &body).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::OK, 0));
    assert_eq!(answer.headers["access-control-allow-origin"], "*");
    bench.track(&purchases(&["purchase.891"])).await;
    let refused = send(&bench, &json!({"event": "Purchase"})).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::BAD_REQUEST, 40002));
    assert_eq!(refused.headers["access-control-allow-origin"], "*");

    let log = bench.sandbox.requests();
    let lines: Vec<_> = log.iter().map(|e| (e.method.as_str(), e.path.as_str(), e.status)).collect();
    assert_eq!(
        lines,
        [("POST", HITS, Some(200)), ("POST", support::TRACK, Some(200)), ("POST", HITS, Some(400))]
    );
    assert_eq!(log[0].body, body);
    assert_eq!((log[0].pixel.as_deref(), log[0].events), (Some(PIXEL), 1));
    assert_eq!(log[0].headers, [("content-type".into(), "text/plain;charset=UTF-8".into())]);
    assert_eq!(log[0].request_id, answer.headers["x-tt-logid"].to_str().unwrap());
    assert_eq!((&log[2].pixel, &*log[2].message), (&None, "Missing context.pixel.code."));
    let report = bench.sandbox.conversions();
    assert_eq!((report.requests, report.hits), (1, 2), "the counters stay apart");
    assert!(bench.get("/").await.text.contains("Missing context.pixel.code."));

    let lean = Bench::new(Options { keep_details: false, ..Options::default() });
    send(&lean, &body).await;
    assert!(lean.sandbox.requests().is_empty());
}

#[tokio::test]
async fn each_half_shows_what_it_brought() {
    let people = vec![Person { email: Some("alice_abc@gmail.com".into()), ..Person::default() }];
    let bench = Bench::new(Options { people, ..Options::default() });
    let user = json!({"anonymous_id": "x.tt.1", "phone_number": PHONE, "external_id": "891"});
    send(&bench, &hit("purchase.891", &user)).await;
    bench.wait_s(20);
    bench.track(&purchases(&["purchase.891"])).await;

    let report = bench.sandbox.conversions();
    let [one] = report.conversions.as_slice() else { panic!("{report:?}") };
    assert_eq!(one.pixel_keys, ["phone", "external_id", "ttclid", "ttp", "ip", "user_agent"]);
    assert_eq!(one.server_keys, ["email"]);
    assert_eq!(one.merged_keys, ["email"]);
    assert_eq!(one.unmatchable_keys, ["external_id"]);
    assert_eq!(one.matched_keys, ["email"]);
    assert_eq!(one.page_url.as_deref(), Some(PAGE));
    assert!(one.merged);
    // Over HTTP it is the same.
    let json = bench.get("/sandbox/conversions").await.json();
    assert_eq!(json["conversions"][0]["server_keys"], json!(["email"]));
    let page = bench.get("/").await.text;
    for part in ["both, merged", "20 s later", "<b>+ email</b>", "external_id"] {
        assert!(page.contains(part), "{part} is missing in {page}");
    }
}

#[tokio::test]
async fn the_order_of_the_halves_does_not_matter() {
    let bench = Bench::new(Options::default());
    bench.track(&purchases(&["a", "late"])).await;
    bench.wait_s(300);
    send(&bench, &hit("a", &json!({"sha256_email": EMAIL, "sha256_phone_number": PHONE}))).await;
    bench.wait_s(1);
    send(&bench, &hit("late", &json!({"phone_number": PHONE}))).await;
    send(&bench, &hit("late", &json!({"email": EMAIL}))).await;

    let report = bench.sandbox.conversions();
    let [a, late] = report.conversions.as_slice() else { panic!("{report:?}") };
    assert_eq!(a.channels, ["server", "pixel"]);
    assert_eq!(a.pixel_keys, ["email", "phone", "ttclid", "ip", "user_agent"]);
    assert_eq!(a.merged_keys, ["phone", "ttclid", "ip", "user_agent"]);
    assert_eq!((a.merged, late.merged), (true, false));
    assert_eq!(late.pixel_keys, ["phone", "ttclid", "ip", "user_agent"], "shown though it was dropped");
    assert_eq!(late.user_keys, ["email"]);
    assert_eq!((late.received, late.dropped), (3, 2));
    let counts = report.of(PIXEL, "Purchase");
    assert_eq!((counts.counted, counts.merged, counts.late_pairs), (2, 1, 1));
    assert!(bench.get("/").await.text.contains("too late to merge"));
}
