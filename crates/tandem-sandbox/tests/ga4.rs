//! Google Analytics' stand-in: everything is answered with success; the report says what became of it.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

mod support;

use http::StatusCode;
use serde_json::{Value, json};
use tandem_sandbox::{Fault, FaultKind, GA4, Ga4Options, Options, Person};

use crate::support::{Bench, COLLECT, PROPERTY, START_MS, patch};

const NOW_S: i64 = START_MS / 1000;
const CLIENT: &str = "1234567890.1700000000";

fn purchase(transaction: &str) -> Value {
    json!({"client_id": CLIENT, "user_agent": "UA/1", "ip_override": "203.0.113.7", "events": [{
        "name": "purchase", "params": {
            "transaction_id": transaction, "currency": "EUR", "value": 10.5, "session_id": "1767225000",
            "engagement_time_msec": 1, "items": [{"item_id": "SKU-1", "price": 10.5, "quantity": 1}]}}]})
}

fn patched(operations: Value) -> Value {
    let mut body = purchase("891");
    patch(&mut body, operations.as_array().unwrap());
    body
}

fn with(path: &str, value: Value) -> Value {
    patched(json!([{"op": "add", "path": path, "value": value}]))
}

fn ga4(options: Ga4Options) -> Bench {
    Bench::new(Options { ga4: options, ..Options::default() })
}

async fn explained(bench: &Bench, body: &[u8]) -> Vec<Value> {
    let answer = bench.post(&format!("/debug{COLLECT}"), &[], body.to_vec()).await;
    assert_eq!(answer.status, StatusCode::OK);
    answer.json()["validationMessages"].as_array().unwrap().clone()
}

#[tokio::test]
async fn what_is_wrong_is_discarded_in_silence_and_explained_when_asked() {
    let many = |n: usize| json!(vec![json!({"name": "login"}); n]);
    let cases = [
        (with("/events/0/name", json!("_bad")), "reserved_name", "NAME_INVALID"),
        (with("/events/0/name", json!("session_start")), "reserved_name", "NAME_RESERVED"),
        (with("/events/0/name", json!("ga_x")), "reserved_name", "NAME_RESERVED"),
        (with("/events/0/name", json!("add to cart")), "invalid_name", "NAME_INVALID"),
        (with("/events/0/name", json!("x".repeat(41))), "invalid_name", "NAME_INVALID"),
        (with("/events/0/name", json!("")), "missing_name", "VALUE_REQUIRED"),
        (with("/events", json!([1])), "not_an_object", "VALUE_INVALID"),
        (with("/events/0/params", json!([1])), "malformed_params", "VALUE_INVALID"),
        (
            with("/timestamp_micros", json!((NOW_S - 72 * 3600 - 1) * 1_000_000)),
            "too_old",
            "VALUE_OUT_OF_BOUNDS",
        ),
        (with("/events/0/timestamp_micros", json!("yesterday")), "malformed_time", "VALUE_INVALID"),
        (with("/client_id", json!("")), "missing_client_id", "VALUE_REQUIRED"),
        (with("/events", json!([])), "no_events", "VALUE_REQUIRED"),
        (with("/events", many(26)), "too_many_events", "EXCEEDED_MAX_ENTITIES"),
        (with("/padding", json!("x".repeat(130 * 1024))), "body_too_large", "VALUE_OUT_OF_BOUNDS"),
        (json!("nothing"), "malformed_json", "VALUE_INVALID"),
    ];
    for (body, why, code) in cases {
        let bench = ga4(Ga4Options::default());
        let answer = bench.ga4(&body).await;
        assert_eq!((answer.status, answer.text.as_str()), (StatusCode::NO_CONTENT, ""), "{why}");
        let report = bench.sandbox.on(&GA4).conversions();
        assert_eq!((report.events, report.requests, report.refused), (0, 1, 0), "{why}");
        assert_eq!(report.discarded[0].why, why, "{:?}", report.discarded);
        let log = bench.sandbox.on(&GA4).requests();
        assert!(
            log[0].discarded > 0 && log[0].notes.iter().any(|note| note.contains(why)),
            "{:?}",
            log[0].notes
        );
        let messages = explained(&bench, body.to_string().as_bytes()).await;
        assert!(messages.iter().any(|m| m["validationCode"] == code), "{why}: {messages:?}");
        assert!(messages[0]["fieldPath"].is_string() && messages[0]["description"].is_string());
        assert_eq!(bench.sandbox.on(&GA4).conversions().events, 0, "validation records nothing");
    }
}

#[tokio::test]
async fn limits_are_flaws_unless_recommendations_are_enforced() {
    let many = |n: usize| (0..n).map(|i| (format!("p{i}"), json!(1))).collect::<serde_json::Map<_, _>>();
    let cases = [
        (with("/events/0/params/coupon", json!("x".repeat(101))), "long_value", "VALUE_OUT_OF_BOUNDS"),
        (with("/events/0/params", many(26).into()), "too_many_parameters", "EXCEEDED_MAX_ENTITIES"),
        (with("/events/0/params/_x", json!(1)), "reserved_parameter", "NAME_RESERVED"),
        (with("/events/0/params/a-b", json!(1)), "bad_parameter_name", "NAME_INVALID"),
        (with("/events/0/params/nested", json!({"a": 1})), "wrong_value", "VALUE_INVALID"),
        (with("/events/0/params/value", json!("10.5")), "wrong_value", "VALUE_INVALID"),
        (with("/events/0/params/currency", json!("euro")), "wrong_value", "VALUE_INVALID"),
        (with("/events/0/params/transaction_id", json!("")), "missing_transaction_id", "VALUE_REQUIRED"),
        (with("/events/0/params/items", json!([{"price": 1}])), "missing_item", "VALUE_REQUIRED"),
        (with("/user_properties", many(26).into()), "too_many_parameters", "EXCEEDED_MAX_ENTITIES"),
        (with("/user_properties", json!({"user_id": {"value": "x"}})), "reserved_parameter", "NAME_RESERVED"),
        (with("/consent", json!({"ad_user_data": "granted"})), "wrong_value", "VALUE_INVALID"),
        (
            patched(json!([{"op": "remove", "path": "/events/0/params/currency"}])),
            "missing_value_or_currency",
            "VALUE_REQUIRED",
        ),
    ];
    for (mut body, flaw, code) in cases {
        let bench = ga4(Ga4Options::default());
        bench.ga4(&body).await;
        let report = bench.sandbox.on(&GA4).conversions();
        assert!(report.discarded.is_empty() && report.events == 1, "{flaw}: {report:?}");
        assert!(report.diagnostics.iter().any(|d| d.name == flaw), "{flaw}: {:?}", report.diagnostics);
        let messages = explained(&bench, body.to_string().as_bytes()).await;
        assert!(messages.iter().any(|m| m["validationCode"] == code), "{flaw}: {messages:?}");
        if body.get("consent").is_none() {
            body["validation_behavior"] = "ENFORCE_RECOMMENDATIONS".into();
            bench.sandbox.reset();
            bench.ga4(&body).await;
            let report = bench.sandbox.on(&GA4).conversions();
            assert_eq!(
                (report.events, report.discarded[0].why.as_str()),
                (0, "not_as_recommended"),
                "{flaw}"
            );
        }
    }
    let good = purchase("891").to_string();
    let twice = good.replace("\"currency\":", "\"currency\":\"USD\",\"currency\":");
    let messages = explained(&ga4(Ga4Options::default()), twice.as_bytes()).await;
    let [message] = messages.as_slice() else { panic!("{messages:?}") };
    assert_eq!(message["validationCode"], "NAME_DUPLICATED");
    assert_eq!(message["fieldPath"], "events[0].params.currency");
    assert!(explained(&ga4(Ga4Options::default()), good.as_bytes()).await.is_empty());
}

#[tokio::test]
async fn silent_flaws_are_shown_here_and_nowhere_else() {
    let cases = [
        (with("/events/0/params/email", json!("ada@example.com")), "personal_data"),
        (
            with("/events/0/params/page_location", json!("https://shop.example/?m=ada%40example.com")),
            "personal_data",
        ),
        (with("/user_id", json!("+49 30 901820")), "personal_data"),
        (with("/user_properties", json!({"mail": {"value": "ada@example.com"}})), "personal_data"),
        (with("/user_data", json!({"email_address": "ada@example.com"})), "unhashed_user_data"),
        (with("/user_data", json!({"sha256_email_address": ["ada@example.com"]})), "unhashed_user_data"),
        (with("/timestamp_micros", json!((NOW_S + 3600) * 1_000_000)), "in_the_future"),
        (patched(json!([{"op": "remove", "path": "/events/0/params/session_id"}])), "outside_session"),
        (patched(json!([{"op": "remove", "path": "/events/0/params/items"}])), "missing_item"),
    ];
    for (body, flaw) in cases {
        let bench = ga4(Ga4Options::default());
        bench.ga4(&body).await;
        let report = bench.sandbox.on(&GA4).conversions();
        assert_eq!(report.of(PROPERTY, "purchase").counted, 1);
        assert!(report.diagnostics.iter().any(|d| d.name == flaw), "{flaw}: {:?}", report.diagnostics);
        assert!(explained(&bench, body.to_string().as_bytes()).await.is_empty(), "{flaw}");
        let notes = bench.sandbox.on(&GA4).requests()[0].notes.join(" ");
        assert!(notes.contains(flaw) && !notes.contains("ada"), "{notes}");
    }
}

#[tokio::test]
async fn strangers_are_discarded_whole() {
    let options = || Ga4Options {
        measurement_ids: vec![PROPERTY.into()],
        secrets: vec!["sec".into()],
        ..Ga4Options::default()
    };
    for (query, why) in [
        ("", "missing_measurement_id"),
        ("?measurement_id=G-OTHER&api_secret=sec", "unknown_measurement_id"),
        ("?measurement_id=G-TEST000001", "missing_api_secret"),
        ("?measurement_id=G-TEST000001&api_secret=revoked", "wrong_api_secret"),
        ("?measurement_id=G-TEST000001&api_secret=other", "wrong_api_secret"),
    ] {
        let bench = ga4(options());
        let body = purchase("891").to_string().into_bytes();
        let answer = bench.post(&format!("/mp/collect{query}"), &[], body.clone()).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT);
        let report = bench.get("/sandbox/ga4/conversions").await.json();
        assert_eq!((&report["events"], &report["discarded"][0]["why"]), (&json!(0), &json!(why)));
        assert!(bench.get("/").await.text.contains(&why.replace('_', " ")));
        // The validation server looks at neither.
        let answer = bench.post(&format!("/debug/mp/collect{query}"), &[], body).await;
        assert_eq!(answer.json(), json!({"validationMessages": []}));
    }
    let bench = ga4(options());
    bench.ga4(&purchase("891")).await;
    assert_eq!(bench.sandbox.on(&GA4).conversions().of(PROPERTY, "purchase").counted, 1);
    let log = bench.get("/sandbox/requests").await.text;
    assert!(!log.contains("api_secret=sec"), "{log}");
}

#[tokio::test]
async fn only_purchases_are_compared_by_their_transaction() {
    let properties =
        [(PROPERTY.to_owned(), "shop".to_owned()), ("G-APP".to_owned(), "shop".to_owned())].into();
    let bench = ga4(Ga4Options { properties, ..Ga4Options::default() });
    let other = "/mp/collect?measurement_id=G-APP&api_secret=x";
    let lines = format!(
        "en=purchase&ep.transaction_id=891&epn.value=12\r\nen=purchase&ep.transaction_id=892&epn.value=3\r\n\
         en=page_view&_et=5&em={}\n",
        "tv.1~em.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    );
    bench.ga4(&purchase("891")).await;
    bench.wait_s(90 * 86_400);
    bench.ga4(&purchase("891")).await;
    bench.post(other, &[], purchase("891").to_string().into()).await;
    let hit = format!(
        "/g/collect?v=2&tid={PROPERTY}&cid={CLIENT}&sid=1767225000&cu=eur&dl=https%3A%2F%2Fshop.example%2F"
    );
    let answer = bench.post(&hit, &[("content-type", "text/plain")], lines.into()).await;
    assert_eq!(
        (answer.status, &answer.headers["access-control-allow-origin"]),
        (StatusCode::NO_CONTENT, &"*".parse().unwrap())
    );
    bench.get(&format!("{hit}&en=page_view")).await;
    for broken in
        [hit.replace("v=2", "v=1"), hit.replace(PROPERTY, "UA-1"), hit.replace(CLIENT, ""), hit.clone()]
    {
        bench.get(&broken).await;
    }

    let report = bench.sandbox.on(&GA4).conversions();
    let counts = report.of("shop", "purchase");
    assert_eq!((counts.received, counts.counted, counts.merged, counts.dropped), (5, 2, 1, 2));
    assert_eq!((counts.by_rule["transaction_id"], counts.value["EUR"].as_str()), (3, "13.5"));
    assert_eq!(report.of("shop", "page_view").counted, 2, "nothing else has a duplicate");
    let [first, second, view, ..] = report.conversions.as_slice() else { panic!("{report:?}") };
    assert_eq!((first.kept.as_str(), first.event_id.as_deref()), ("server", Some("891")));
    assert_eq!(first.server_keys, ["ip", "user_agent", "client_id", "session_id"]);
    assert_eq!((second.channels[0].as_str(), second.value.unwrap().to_string()), ("pixel", "3".into()));
    assert!(view.pixel_keys.contains(&"email".into()), "{view:?}");
    let whys: Vec<&str> = report.discarded.iter().map(|d| d.why.as_str()).collect();
    assert_eq!(whys, ["unknown_measurement_id", "missing_client_id", "missing_name", "not_version_2"]);
    assert_eq!(report.hits, 6);

    let bench = ga4(Ga4Options { collapse_transactions: false, ..Ga4Options::default() });
    bench.ga4(&purchase("891")).await;
    bench.ga4(&purchase("891")).await;
    assert_eq!(bench.sandbox.on(&GA4).conversions().of(PROPERTY, "purchase").counted, 2);
}

#[tokio::test]
async fn digests_are_judged_by_the_people_behind_them() {
    let people = vec![Person {
        email: Some("Ada.Byron@Gmail.com".into()),
        client_id: Some(CLIENT.into()),
        ..Person::default()
    }];
    let bench = Bench::new(Options { people, ..Options::default() });
    // SHA-256 of adabyron@gmail.com: Google takes the dots out of Gmail's names.
    use sha2::Digest;
    let digest = hex::encode(sha2::Sha256::digest(b"adabyron@gmail.com"));
    bench.ga4(&with("/user_data", json!({"sha256_email_address": [digest]}))).await;
    let report = bench.sandbox.on(&GA4).conversions();
    assert_eq!(report.conversions[0].matched_keys, ["email", "client_id"]);
}

#[tokio::test]
async fn only_faults_that_exist_here_can_be_planned() {
    let bench = ga4(Ga4Options::default());
    for kind in [json!({"code": {"code": 4}}), json!("partial20001"), json!("truncated_json")] {
        let answer = bench.put("/sandbox/ga4/faults", &json!([{"kind": kind}])).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert!(answer.text.contains("cannot play this fault"), "{}", answer.text);
    }
    let plan = vec![
        Fault::next(1, FaultKind::Http { status: 503 }).for_pixel(PROPERTY),
        Fault::next(1, FaultKind::Html200),
    ];
    bench.sandbox.on(&GA4).set_faults(plan).unwrap();
    assert_eq!(bench.ga4(&purchase("1")).await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(bench.ga4(&purchase("1")).await.status, StatusCode::OK);
    assert_eq!(bench.ga4(&purchase("1")).await.status, StatusCode::NO_CONTENT);
    let report = bench.sandbox.on(&GA4).conversions();
    assert_eq!((report.faulted, report.events), (2, 1));
    assert_eq!(bench.get("/sandbox/nobody/faults").await.status, StatusCode::NOT_FOUND);
}
