//! Checks, switches, test events, administration and the page.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

mod support;

use http::StatusCode;
use serde_json::{Value, json};
use tandem_sandbox::{HttpMode, Options, Query};

use crate::support::{Bench, PIXEL, START_MS, TRACK, patch, purchases};

fn patched(operations: Value) -> Value {
    let mut body = purchases(&["a", "b"]);
    patch(&mut body, operations.as_array().unwrap());
    body
}

#[tokio::test]
async fn wrong_fields_are_named() {
    let put = |path: &str, value: Value| patched(json!([{"op": "add", "path": path, "value": value}]));
    let cases = [
        (put("/event_source", json!(null)), "Missing required field(s): event_source."),
        (put("/event_source_id", json!(7)), "Invalid value for event_source_id: not a valid string."),
        (put("/test_event_code", json!(7)), "Invalid value for test_event_code: not a valid string."),
        (put("/data", json!({})), "Invalid value for data: not a valid list."),
        (put("/data/1", json!("x")), "Batch.1: Invalid input type"),
        (put("/data/1/event", json!("")), "Invalid value for event: shorter than minimum length 1."),
        (put("/data/1/event", json!(null)), "Invalid value for event: not a valid string."),
        (
            put("/data/1/event_time", json!("1767225600")),
            "Invalid value for event_time: not a valid integer.",
        ),
        (put("/data/1/user", json!([])), "Batch.1.user: Invalid input type"),
        (put("/data/1/properties", json!("x")), "Batch.1.properties: Invalid input type"),
        (put("/data/1/properties/contents", json!(null)), "Batch.1.properties.contents: Not a valid list"),
        (put("/data/1/properties/contents/0", json!(1)), "Batch.1.properties.contents.0: Invalid input type"),
        (put("/data/1/properties/value", json!(true)), "Batch.1.properties.value: Not a valid number"),
        (put("/data/1/properties/value", json!("")), "Batch.1.properties.value: Not a valid number"),
        (put("/data/1/properties/currency", json!(978)), "Batch.1.properties.currency: Not a valid string"),
        (put("/data/1/properties/currency", json!("UGX")), "Not a valid choice: UGX"),
        (json!({"pixel_code": "P", "batch": []}), "field(s): event_source, event_source_id, data."),
        (
            json!({"event_source": "web", "event_source_id": "P", "data": [{}]}),
            "field(s): event, event_time.",
        ),
        (json!([]), "Invalid JSON"),
    ];
    for (body, message) in cases {
        let bench = Bench::new(Options::default());
        let answer = bench.track(&body).await.json();
        assert_eq!(answer["code"], 40002, "{body}");
        assert!(answer["message"].as_str().unwrap().contains(message), "{answer} should say {message}");
        assert_eq!(bench.sandbox.conversions().events, 0, "the good event before it must not count");
    }
}

#[tokio::test]
async fn switches_change_the_code() {
    let strict = Options { strict_pii: true, ..Options::default() };
    let many = Options { too_many_code: 40061, ..Options::default() };
    let partner = Options { partner_code: 40063, ..Options::default() };
    let open = Options { partner_names: None, ..Options::default() };
    let text = Options { accept_numeric_string_value: false, ..Options::default() };
    let currency = Options { refuse_unsupported_currency: true, ..Options::default() };
    let lenient = Options { refused_currencies: vec![], ..Options::default() };
    let tokens = Options { tokens: vec!["other".into()], ..Options::default() };
    let pixels = Options { pixels: [("test-token".into(), vec!["OWN".into()])].into(), ..Options::default() };
    let named = patched(json!([{"op": "add", "path": "/partner_name", "value": "Me"}]));
    let plain = patched(json!([{"op": "add", "path": "/data/0/user/email", "value": "a@b.example"}]));
    let number = patched(json!([{"op": "add", "path": "/data/0/properties/value", "value": "9.5"}]));
    let unlisted = patched(json!([{"op": "add", "path": "/data/0/properties/currency", "value": "UGX"}]));
    let listed_nowhere =
        patched(json!([{"op": "add", "path": "/data/0/properties/currency", "value": "TND"}]));
    let ids: Vec<&str> = vec!["x"; 1001];
    let cases = [
        (strict, plain.clone(), 40062),
        (Options::default(), plain, 0),
        (many, purchases(&ids), 40061),
        (partner, named.clone(), 40063),
        (open, named, 0),
        (text, number, 40002),
        (Options::default(), listed_nowhere.clone(), 0),
        (currency, listed_nowhere, 40002),
        (Options::default(), unlisted.clone(), 40002),
        (lenient, unlisted, 0),
        (tokens, purchases(&["a"]), 40105),
        (pixels, purchases(&["a"]), 40001),
    ];
    for (options, body, code) in cases {
        assert_eq!(Bench::new(options).track(&body).await.code(), code);
    }
}

#[tokio::test]
async fn mapped_mode_uses_http_statuses() {
    let bench = Bench::new(Options { http_mode: HttpMode::Mapped, ..Options::default() });
    assert_eq!(bench.track(&json!({})).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(bench.post(TRACK, &[], Vec::new()).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(bench.track(&purchases(&["a"])).await.status, StatusCode::OK);
}

#[tokio::test]
async fn rates_are_limited_by_token_and_by_pixel() {
    let bench = Bench::new(Options { rate_per_s: Some(2), ..Options::default() });
    let mut codes = Vec::new();
    for _ in 0..3 {
        codes.push(bench.track(&purchases(&["a"])).await.code());
    }
    bench.wait_s(1);
    codes.push(bench.track(&purchases(&["a"])).await.code());
    assert_eq!(codes, [0, 0, 40100, 0]);

    let bench = Bench::new(Options { pixel_rate_per_s: Some(1), ..Options::default() });
    assert_eq!(bench.track(&purchases(&["a"])).await.code(), 0);
    assert_eq!(bench.track(&purchases(&["a"])).await.code(), 40132);
}

#[tokio::test]
async fn both_halves_meet_and_values_are_exact() {
    let bench = Bench::new(Options::default());
    assert_eq!(bench.hit("a").await.status, StatusCode::OK);
    bench.wait_s(20);
    assert_eq!(bench.track(&purchases(&["a", "b", "b"])).await.code(), 0);
    assert_eq!(bench.track(&purchases(&["late"])).await.code(), 0);
    bench.wait_s(301);
    bench.hit("late").await;

    let report = bench.sandbox.conversions();
    let counts = report.of(PIXEL, "Purchase");
    assert_eq!((counts.received, counts.counted, counts.merged, counts.dropped), (6, 3, 1, 2));
    assert_eq!((counts.browser_only, counts.server_only, counts.both), (0, 1, 2));
    assert_eq!(counts.late_pairs, 1);
    assert_eq!(counts.value["EUR"], "31.5");
    assert_eq!((counts.coverage["email"], counts.coverage["ttp"]), (3, 1));
    let a = &report.conversions[0];
    assert_eq!(a.channels, ["pixel", "server"]);
    assert_eq!((a.pixel_ms, a.server_ms), (Some(START_MS), Some(START_MS + 20_000)));
    assert_eq!(a.merged_keys, ["email"]);
    assert_eq!(a.user_keys, ["email", "ttp", "ip", "user_agent"]);
    assert_eq!(a.order_id.as_deref(), Some("a"));
    assert_eq!((a.received, a.dropped, a.merged), (2, 0, true));
    let names: Vec<&str> = report.diagnostics.iter().map(|d| d.name.as_str()).collect();
    assert_eq!(names, ["missing_content_id", "late_pair", "duplicate_rate"]);
}

#[tokio::test]
async fn sums_do_not_drift() {
    let bench = Bench::new(Options::default());
    for value in [json!(0.1), json!(0.2), json!("89.99"), json!(1e3), json!(-0.29)] {
        let body = patched(json!([
            {"op": "remove", "path": "/data/1"},
            {"op": "remove", "path": "/data/0/event_id"},
            {"op": "add", "path": "/data/0/properties/value", "value": value},
        ]));
        assert_eq!(bench.track(&body).await.code(), 0);
    }
    assert_eq!(bench.sandbox.conversions().of(PIXEL, "Purchase").value["EUR"], "1090.00");
}

#[tokio::test]
async fn test_events_stay_apart() {
    let bench = Bench::new(Options::default());
    let test = patched(json!([{"op": "add", "path": "/test_event_code", "value": "TEST1"}]));
    assert_eq!(bench.track(&test).await.code(), 0);
    let report = bench.sandbox.conversions();
    assert_eq!((report.test_events, report.events, report.conversions.len()), (2, 0, 0));
    assert!(report.counts.is_empty());
    let seen = bench.get("/sandbox/test-events").await.json();
    assert_eq!(seen[0]["test_event_code"], "TEST1");
    assert_eq!(seen[1]["event_id"], "b");

    // The same ids are new to the live side, and a code inside an event does not make it a test.
    let live = patched(json!([{"op": "add", "path": "/data/0/test_event_code", "value": "TEST1"}]));
    assert_eq!(bench.track(&live).await.code(), 0);
    assert_eq!(bench.sandbox.conversions().of(PIXEL, "Purchase").counted, 2);
    let notes = &bench.sandbox.requests()[1].notes;
    assert!(notes[0].contains("data.0.test_event_code"), "{notes:?}");
}

#[tokio::test]
async fn paths_and_methods() {
    let bench = Bench::new(Options::default());
    let answer = bench.get("/open_api/v1.2/event/track/").await;
    assert_eq!((answer.status, answer.text.as_str()), (StatusCode::NOT_FOUND, "404 page not found"));
    assert_eq!(bench.get(TRACK).await.status, StatusCode::METHOD_NOT_ALLOWED);
    let bad = bench.post("/api/v2/pixel", &[], b"{".to_vec()).await;
    assert_eq!(bad.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn request_ids_are_fresh_and_look_like_tiktoks() {
    let bench = Bench::new(Options::default());
    let mut ids = std::collections::BTreeSet::new();
    let router = bench.sandbox.router();
    for _ in 0..100 {
        let request = http::Request::get("/none").body(axum::body::Body::empty()).unwrap();
        let answer = tower::ServiceExt::oneshot(router.clone(), request).await.unwrap();
        let id = answer.headers()["x-tt-logid"].to_str().unwrap().to_owned();
        assert!(id.starts_with("20260101000000") && id.len() == 34, "{id}");
        ids.insert(id);
    }
    assert_eq!(ids.len(), 100);
}

#[tokio::test]
async fn administration_over_http() {
    let bench = Bench::new(Options::default());
    bench.track(&purchases(&["a"])).await;
    bench.hit("h").await;
    let log = bench.get("/sandbox/requests").await;
    assert!(log.text.contains("…oken") && !log.text.contains("test-token"), "{}", log.text);
    assert_eq!(log.json()[0]["body"]["data"][0]["event_id"], "a");

    let all = bench.get("/sandbox/conversions").await.json();
    assert_eq!(all["conversions"][0]["value"], "10.5");
    assert_eq!(all["counts"][PIXEL]["Purchase"]["counted"], 2);
    let short = bench.get("/sandbox/conversions?summary=1&event=Purchase").await.json();
    assert_eq!(short["conversions"], json!([]));
    assert_eq!(short["counts"][PIXEL]["Purchase"]["value"]["EUR"], "21.0");
    assert_eq!(bench.get("/sandbox/conversions?pixel=OTHER").await.json()["counts"], json!({}));
    let newest = bench.sandbox.report(&Query { limit: Some(1), ..Query::default() });
    assert_eq!(newest.conversions[0].event_id.as_deref(), Some("h"));

    assert_eq!(bench.put("/sandbox/options", &json!({"strict_pii": true})).await.json()["strict_pii"], true);
    for bad in [
        json!({"strict": true}),
        json!({"too_many_code": 1}),
        json!({"meta": {"token_status": 200}}),
        json!({"meta": {"no_such_switch": 1}}),
        json!({"ga4": {"status": 500}}),
    ] {
        assert_eq!(bench.put("/sandbox/options", &bad).await.status, StatusCode::BAD_REQUEST);
    }
    assert!(bench.sandbox.options().strict_pii);
    bench.post("/sandbox/reset", &[], Vec::new()).await;
    let empty = bench.sandbox.conversions();
    assert_eq!((empty.requests, empty.events, empty.counts.len()), (0, 0, 0));
    assert!(bench.sandbox.options().strict_pii, "options outlive a reset");
}

#[tokio::test]
async fn lean_operation_still_finds_duplicates() {
    let bench = Bench::new(Options { keep_details: false, ..Options::default() });
    bench.track(&purchases(&["a", "b"])).await;
    bench.track(&purchases(&["b", "c"])).await;
    let report = bench.sandbox.conversions();
    let counts = report.of(PIXEL, "Purchase");
    assert_eq!((counts.counted, counts.dropped), (3, 1));
    assert_eq!(counts.value["EUR"], "31.5");
    assert!(report.conversions.is_empty() && bench.sandbox.requests().is_empty());
}

#[tokio::test]
async fn log_is_bounded() {
    let bench = Bench::new(Options { log_requests: 2, log_body_limit: 10, ..Options::default() });
    for id in ["a", "b", "c"] {
        bench.track(&purchases(&[id])).await;
    }
    let log = bench.sandbox.requests();
    assert_eq!(log.iter().map(|entry| entry.number).collect::<Vec<_>>(), [2, 3]);
    assert!(log[0].body_cut && log[0].body.as_str().is_some_and(|text| text.len() == 10));
}

#[tokio::test]
async fn page_shows_events_and_escapes_them() {
    let bench = Bench::new(Options::default());
    let empty = bench.get("/").await;
    assert_eq!(empty.status, StatusCode::OK, "{}", empty.text);
    assert!(empty.text.contains("No event yet"));

    bench.hit("<script>alert(1)</script>").await;
    bench.track(&purchases(&["<script>alert(1)</script>", "b"])).await;
    bench.track(&json!({"pixel_code": "P"})).await;
    let test = patched(json!([{"op": "add", "path": "/test_event_code", "value": "TEST1"}]));
    bench.track(&test).await;
    let page = bench.get("/").await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    assert!(!page.text.contains("<script>"), "{}", page.text);
    for part in [
        "&lt;script&gt;",
        "21.0 EUR",
        "server and browser",
        "both, merged",
        "50 %",
        "40002",
        "field(s): event_source",
        "older pixel&#x2f;track",
        "TEST1",
        "missing content id",
    ] {
        assert!(page.text.contains(part), "{part} is missing in {}", page.text);
    }
}
