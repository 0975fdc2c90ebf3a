//! Meta's stand-in: what it refuses and how, what it counts, and how the halves meet.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

mod support;

use http::StatusCode;
use serde_json::{Value, json};
use tandem_sandbox::{Fault, FaultKind, META, MetaOptions, Options, Person};

use crate::support::{Bench, EVENTS, META_PIXEL, START_MS, patch};

const NOW_S: i64 = START_MS / 1000;
const EMAIL: &str = "848a771458438fc2ec420560d769fb9b9b86851ee338ec56517baabd79d3bb4f";
const FBP: &str = "fb.1.1767225000000.1098115397";
const NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn purchases(ids: &[&str]) -> Value {
    let event = |id: &&str| {
        json!({
            "event_name": "Purchase", "event_time": NOW_S, "event_id": id, "action_source": "website",
            "event_source_url": "https://shop.example/thanks",
            "user_data": {"em": [EMAIL], "client_user_agent": "UA/1"},
            "custom_data": {"currency": "EUR", "value": 10.5, "order_id": id, "content_ids": ["SKU-1"]},
        })
    };
    json!({"data": ids.iter().map(event).collect::<Vec<_>>()})
}

fn patched(operations: Value) -> Value {
    let mut body = purchases(&["a", "b"]);
    patch(&mut body, operations.as_array().unwrap());
    body
}

fn with(path: &str, value: Value) -> Value {
    patched(json!([{"op": "add", "path": path, "value": value}]))
}

fn without(path: &str) -> Value {
    patched(json!([{"op": "remove", "path": path}]))
}

fn meta(options: MetaOptions) -> Bench {
    Bench::new(Options { meta: options, ..Options::default() })
}

/// A report of the page; `more` are further parameters.
async fn hit(bench: &Bench, event_id: &str, more: &str) {
    let eid = if event_id.is_empty() { String::new() } else { format!("&eid={event_id}") };
    let path = format!("/tr?id={META_PIXEL}&ev=Purchase{eid}&cd[value]=12&cd[currency]=eur{more}");
    let answer = bench.get(&path.replace('[', "%5B").replace(']', "%5D")).await;
    assert_eq!(
        (answer.status, &answer.headers["content-type"]),
        (StatusCode::OK, &"image/gif".parse().unwrap())
    );
}

#[tokio::test]
async fn one_bad_event_sinks_the_whole_request() {
    let day = 86_400;
    let cases = [
        (with("/data/1/event_time", json!(NOW_S - 7 * day - 1)), Some(2_804_003), "older than 7 days"),
        (with("/data/1/event_time", json!(NOW_S + 61)), Some(2_804_001), "future"),
        (with("/data/1/event_time", json!(START_MS)), Some(2_804_001), "future"),
        (with("/data/1/event_time", json!("2026-01-01T00:00:00Z")), Some(2_804_001), "Unix time"),
        (without("/data/1/event_time"), Some(2_804_001), "event_time is missing"),
        (without("/data/1/event_name"), Some(2_804_001), "event_name"),
        (without("/data/1/action_source"), Some(2_804_001), "action_source"),
        (with("/data/1/action_source", json!("web")), Some(2_804_001), "action_source"),
        (without("/data/1/event_source_url"), Some(2_804_001), "event_source_url is required"),
        (without("/data/1/user_data/client_user_agent"), Some(2_804_001), "client_user_agent is required"),
        (with("/data/1/event_id", json!({})), Some(2_804_001), "event_id"),
        (with("/data/1/opt_out", json!("no")), Some(2_804_001), "opt_out"),
        (without("/data/1/user_data"), Some(2_804_001), "user_data is missing"),
        (with("/data/1/user_data", json!({"client_user_agent": "UA/1"})), Some(2_804_050), "match keys"),
        (with("/data/1/user_data/em", json!(["ada@example.com"])), Some(2_804_016), "user_data.em"),
        (with("/data/1/user_data/ct", json!("berlin")), Some(2_804_016), "user_data.ct"),
        (with("/data/1/user_data/em", json!([{}])), Some(2_804_001), "user_data.em"),
        (without("/data/1/custom_data/currency"), Some(2_804_001), "needs custom_data.value"),
        (without("/data/1/custom_data/value"), Some(2_804_001), "needs custom_data.value"),
        (with("/data/1/custom_data/currency", json!("EURO")), Some(2_804_001), "currency"),
        (with("/data/1/custom_data/value", json!("1,299.00")), Some(2_804_001), "must be a number"),
        (with("/data/1/custom_data/contents", json!({})), Some(2_804_001), "must be a list"),
        (
            with("/data/1/custom_data/contents", json!([{"id": "1", "quantity": "two"}])),
            Some(2_804_001),
            "quantity",
        ),
        (with("/data/1/data_processing_options", json!(["LMU"])), Some(2_804_001), "knows only LDU"),
        (with("/data/1/data_processing_options", json!(["LDU"])), Some(2_804_001), "LDU needs"),
        (with("/data/1", json!("x")), None, "data[1] must be an object"),
        (json!({"data": []}), None, "must be non-empty"),
        (json!({"data": {}}), None, "must be an array"),
        (json!({}), None, "data is required"),
        (json!([]), None, "JSON object"),
        (purchases(&vec!["x"; 1001]), None, "too many elements"),
    ];
    for (body, subcode, text) in cases {
        let bench = meta(MetaOptions::default());
        let mut body = body;
        // An insertion moves the good event on; the bad one shall be the second of two.
        if let Some(list) = body.pointer_mut("/data").and_then(Value::as_array_mut).filter(|l| l.len() == 3) {
            list.truncate(2);
        }
        let answer = bench.meta(&body).await;
        let error = answer.json()["error"].clone();
        assert_eq!((answer.status, &error["code"]), (StatusCode::BAD_REQUEST, &json!(100)), "{error}");
        assert_eq!(error["error_subcode"], json!(subcode), "{error}");
        assert_eq!((&error["type"], &error["is_transient"]), (&json!("OAuthException"), &json!(false)));
        assert!(error["fbtrace_id"].as_str().unwrap().starts_with('A'));
        assert!(error.to_string().contains(text), "{error} should say {text}");
        assert!(!error.to_string().contains("ada@"), "{error}");
        let report = bench.sandbox.on(&META).conversions();
        assert_eq!(
            (report.events, report.requests, report.refused),
            (0, 1, 1),
            "the good event must not count"
        );
    }
}

#[tokio::test]
async fn what_is_refused_by_default_may_be_let_in() {
    let lenient = || MetaOptions {
        refuse_incomplete_website_events: false,
        refuse_unhashed: false,
        ..MetaOptions::default()
    };
    let cases = [
        (without("/data/0/event_source_url"), "incomplete_website_event"),
        (with("/data/0/user_data/em", json!("ada@example.com")), "not_hashed"),
        (with("/data/0/user_data/em", json!([NOTHING])), "hash_of_empty"),
        (with("/data/0/user_data/em", json!([EMAIL.to_uppercase()])), "upper_case_hash"),
        (with("/data/0/user_data/fbc", json!("IwAR123")), "malformed_click_id"),
        (with("/data/0/custom_data/value", json!("10.5")), "value_as_text"),
        (without("/data/0/custom_data/content_ids"), "missing_content_id"),
        (without("/data/0/event_id"), "without_event_id"),
    ];
    for (body, flaw) in cases {
        let bench = meta(lenient());
        let answer = bench.meta(&body).await;
        assert_eq!(
            (answer.status, answer.json()["events_received"].as_u64()),
            (StatusCode::OK, Some(2)),
            "{flaw}"
        );
        let report = bench.sandbox.on(&META).conversions();
        assert!(report.diagnostics.iter().any(|d| d.name == flaw && d.count == 1), "{flaw}: {report:?}");
        let never = report.conversions[0].unmatchable_keys.join(" ");
        assert_eq!(
            never.is_empty(),
            !matches!(flaw, "not_hashed" | "hash_of_empty" | "upper_case_hash" | "malformed_click_id")
        );
    }
    // A store's events may be older, and need no page.
    let body = patched(json!([
        {"op": "replace", "path": "/data/1", "value": {"event_name": "Purchase", "event_time": NOW_S - 60 * 86_400,
            "action_source": "physical_store", "user_data": {"em": EMAIL}, "custom_data": {"value": 1, "currency": "eur"}}},
    ]));
    assert_eq!(meta(MetaOptions::default()).meta(&body).await.status, StatusCode::OK);
}

#[tokio::test]
async fn digests_are_judged_by_the_people_behind_them() {
    let people = vec![Person {
        email: Some("Alice_ABC@gmail.com ".into()),
        phone: Some("+1 213 373 4253".into()),
        fbp: Some(FBP.into()),
        ..Person::default()
    }];
    let digest = |text: &str| {
        use sha2::Digest;
        hex::encode(sha2::Sha256::digest(text.as_bytes()))
    };
    let bench = Bench::new(Options { people, ..Options::default() });
    let user = |ph: &str| json!({"ph": ph, "fbp": FBP, "client_user_agent": "UA/1"});
    let body = patched(json!([
        {"op": "replace", "path": "/data/0", "value": purchases(&["good"])["data"][0]},
        {"op": "add", "path": "/data/0/user_data", "value": user(&digest("12133734253"))},
        {"op": "add", "path": "/data/1/user_data", "value": user(&digest("+12133734253"))},
    ]));
    assert_eq!(bench.meta(&body).await.status, StatusCode::OK);
    let report = bench.sandbox.on(&META).conversions();
    assert_eq!(report.conversions[0].matched_keys, ["phone", "fbp"]);
    assert_eq!(report.conversions[1].matched_keys, ["fbp"]);
    assert!(report.diagnostics.iter().any(|d| d.name == "phone_with_plus" && d.count == 1), "{report:?}");
}

#[tokio::test]
async fn of_a_pair_one_counts_and_the_browser_is_preferred_for_five_minutes() {
    let bench = meta(MetaOptions::default());
    let on = bench.sandbox.on(&META);
    // The server first, the browser in time: its data takes the place.
    bench.meta(&purchases(&["a"])).await;
    bench.wait_s(300);
    hit(&bench, "a", &format!("&fbp={FBP}")).await;
    let report = on.conversions();
    let a = &report.conversions[0];
    assert_eq!((a.merged, a.kept.as_str(), a.rule.as_deref()), (true, "pixel", Some("event_id")));
    assert_eq!(
        (a.value.unwrap().to_string(), a.user_keys.join(" ")),
        ("12".into(), "ip user_agent fbp".into())
    );
    assert_eq!((a.server_keys.join(" "), a.order_id.as_deref()), ("email user_agent".into(), None));
    let counts = report.of(META_PIXEL, "Purchase");
    assert_eq!((counts.counted, counts.merged, counts.both, counts.by_rule["event_id"]), (1, 1, 1, 1));
    assert_eq!((counts.value["EUR"].as_str(), counts.coverage.get("email").copied().unwrap_or(0)), ("12", 0));
    bench.sandbox.reset();
    // Later the first one stays, until 48 hours are over.
    bench.meta(&purchases(&["a", "b", "b"])).await;
    bench.wait_s(301);
    hit(&bench, "a", "").await;
    bench.wait_s(172_800 - 301);
    hit(&bench, "b", "").await;
    bench.wait_s(1);
    hit(&bench, "b", "").await;
    let report = on.conversions();
    assert_eq!(report.conversions[0].kept, "server");
    let counts = report.of(META_PIXEL, "Purchase");
    assert_eq!((counts.received, counts.counted, counts.merged, counts.dropped), (6, 3, 2, 1));
    assert_eq!(counts.value["EUR"], "33.0");
}

#[tokio::test]
async fn halves_without_a_common_id_meet_by_visitor_if_the_browser_came_first() {
    let anonymous = |key: &str, value: &str| {
        patched(json!([
            {"op": "remove", "path": "/data/1"},
            {"op": "remove", "path": "/data/0/event_id"},
            {"op": "add", "path": format!("/data/0/user_data/{key}"), "value": value},
        ]))
    };
    let counted = |bench: &Bench| bench.sandbox.on(&META).conversions().of(META_PIXEL, "Purchase").counted;
    for (key, value, parameter) in [("fbp", FBP, "fbp"), ("external_id", EMAIL, "ud[external_id]")] {
        let bench = meta(MetaOptions::default());
        hit(&bench, "a", &format!("&{parameter}={value}")).await;
        bench.meta(&anonymous(key, value)).await;
        assert_eq!(counted(&bench), 1);
        assert_eq!(bench.sandbox.on(&META).conversions().conversions[0].rule.as_deref(), Some(key));
        // Neither twice from one side, nor the other way round.
        bench.meta(&anonymous(key, value)).await;
        assert_eq!(counted(&bench), 2);
        hit(&bench, "", &format!("&{parameter}={value}")).await;
        assert_eq!(counted(&bench), 3);
    }
    // Two ids are two events, whoever the visitor is.
    let bench = meta(MetaOptions::default());
    hit(&bench, "a", &format!("&fbp={FBP}")).await;
    bench.meta(&patched(json!([{"op": "remove", "path": "/data/0"}, {"op": "add", "path": "/data/0/user_data/fbp", "value": FBP}]))).await;
    assert_eq!(counted(&bench), 2);
}

#[tokio::test]
async fn server_repeats_collapse_unless_told_otherwise() {
    for (collapse, counted) in [(true, 1), (false, 2)] {
        let bench = meta(MetaOptions { collapse_server_repeats: collapse, ..MetaOptions::default() });
        bench.meta(&purchases(&["a", "a"])).await;
        assert_eq!(bench.sandbox.on(&META).conversions().of(META_PIXEL, "Purchase").counted, counted);
    }
}

#[tokio::test]
async fn tokens_and_pixels() {
    let options = || MetaOptions {
        tokens: vec!["test-token".into(), "expired".into()],
        pixels: vec![META_PIXEL.into(), "2".into()],
        forbidden_pixels: vec!["2".into()],
        ..MetaOptions::default()
    };
    let body = || purchases(&["a"]).to_string().into_bytes();
    let own = [("authorization", "Bearer test-token")];
    let call = async |path: &str, headers: &[(&str, &str)]| {
        let answer = meta(options()).post(path, headers, body()).await;
        let error = answer.json()["error"].clone();
        (
            answer.status.as_u16(),
            error["code"].as_u64().unwrap_or(0),
            error["error_subcode"].as_u64().unwrap_or(0),
        )
    };
    assert_eq!(call(EVENTS, &own).await, (200, 0, 0));
    assert_eq!(call(EVENTS, &[]).await, (403, 200, 0));
    assert_eq!(call(EVENTS, &[("authorization", "Bearer other")]).await, (401, 190, 0));
    assert_eq!(call(EVENTS, &[("authorization", "bearer expired")]).await, (400, 190, 463));
    assert_eq!(call(EVENTS, &[("authorization", "Bearer revoked")]).await, (400, 190, 460));
    assert_eq!(call(&format!("{EVENTS}?access_token=test-token"), &[]).await, (200, 0, 0));
    assert_eq!(call("/v25.0/3/events", &own).await, (400, 100, 33));
    assert_eq!(call("/v25.0/act_1/events", &own).await, (400, 100, 33));
    assert_eq!(call("/v25.0/2/events", &own).await, (403, 200, 0));
    assert_eq!(call("/latest/1234567890/events", &own).await, (400, 2500, 0));
    let bench = meta(options());
    let mut in_body = purchases(&["a"]);
    in_body["access_token"] = "test-token".into();
    assert_eq!(bench.post(EVENTS, &[], in_body.to_string().into()).await.status, StatusCode::OK);
    let kind = [("content-type", "application/x-www-form-urlencoded")];
    let form: String = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("data", &purchases(&["b"])["data"].to_string())
        .append_pair("access_token", "test-token")
        .finish();
    assert_eq!(bench.post(EVENTS, &kind, form.into()).await.status, StatusCode::OK);
    assert_eq!(bench.sandbox.on(&META).conversions().of(META_PIXEL, "Purchase").counted, 2);
    let log = bench.get("/sandbox/meta/requests").await.text;
    assert!(log.contains("…oken") && !log.contains("\"test-token\""), "{log}");
    assert_eq!(bench.send("GET", EVENTS, &[], vec![]).await.status, StatusCode::METHOD_NOT_ALLOWED);

    let bench = meta(MetaOptions { rate_per_s: Some(1), ..MetaOptions::default() });
    assert_eq!(bench.meta(&purchases(&["a"])).await.status, StatusCode::OK);
    assert_eq!(bench.meta(&purchases(&["a"])).await.json()["error"]["code"], 4);
}

#[tokio::test]
async fn faults_speak_metas_language_and_leave_the_others_alone() {
    let bench = meta(MetaOptions::default());
    for code in [1, 2, 3, 4, 10, 17, 32, 100, 102, 190, 200, 299, 341, 368, 613, 80_003, 80_004] {
        let plan = json!([{"next": 1, "kind": {"code": {"code": code}}}]);
        assert_eq!(bench.put("/sandbox/meta/faults", &plan).await.status, StatusCode::OK);
        let answer = bench.meta(&purchases(&["a"])).await;
        let error = answer.json()["error"].clone();
        assert_eq!(error["code"], code);
        assert_eq!(error["is_transient"].as_bool().unwrap_or(false), code <= 2, "{error}");
        let status = match code {
            1 | 2 => 500,
            3 | 10 | 200..=299 => 403,
            190 => 401,
            _ => 400,
        };
        assert_eq!(answer.status.as_u16(), status, "{error}");
    }
    let subcode = FaultKind::Subcode { code: 190, subcode: 463, http: Some(400) };
    bench.sandbox.on(&META).set_faults(vec![Fault::next(1, subcode)]).unwrap();
    let answer = bench.meta(&purchases(&["a"])).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["error"]["error_subcode"]), (400, &json!(463)));

    let other =
        vec![Fault::always(FaultKind::Html502).for_pixel("2"), Fault::always(FaultKind::TruncatedJson)];
    bench.sandbox.on(&META).set_faults(other).unwrap();
    let answer = bench.meta(&purchases(&["a"])).await.text;
    assert!(
        answer.starts_with("{\"events_received")
            || answer.starts_with("{\"fbtrace") && !answer.ends_with('}'),
        "{answer}"
    );
    assert_eq!(bench.track(&support::purchases(&["a"])).await.code(), 0, "TikTok has a plan of its own");
    let report = bench.sandbox.on(&META).conversions();
    assert_eq!((report.events, report.faulted), (1, 19));
    assert!(bench.sandbox.on(&META).set_faults(vec![Fault::always(FaultKind::Partial20001)]).is_err());
}

#[tokio::test]
async fn test_events_stay_apart_and_limited_ones_count() {
    let bench = meta(MetaOptions::default());
    let mut test = purchases(&["a"]);
    test["test_event_code"] = "TEST1".into();
    assert_eq!(bench.meta(&test).await.json()["events_received"], 1);
    let body = patched(json!([
        {"op": "add", "path": "/data/0/data_processing_options", "value": ["LDU"]},
        {"op": "add", "path": "/data/0/data_processing_options_country", "value": 0},
        {"op": "add", "path": "/data/0/data_processing_options_state", "value": 0},
        {"op": "add", "path": "/data/0/event", "value": "x"},
        {"op": "add", "path": "/data/1/data_processing_options", "value": []},
    ]));
    assert_eq!(bench.meta(&body).await.json()["events_received"], 2);
    let report = bench.get("/sandbox/meta/conversions").await.json();
    assert_eq!((&report["test_events"], &report["events"]), (&json!(1), &json!(2)));
    assert_eq!(report["counts"][META_PIXEL]["Purchase"]["counted"], 2);
    assert_eq!(report["conversions"][0]["value"], "10.5");
    assert_eq!(report["diagnostics"][0]["name"], "ldu_without_address");
    assert_eq!(bench.get("/sandbox/meta/test-events").await.json()[0]["event_id"], "a");
    assert_eq!(bench.get("/sandbox/conversions").await.json()["counts"], json!({}), "TikTok saw nothing");
    let log = bench.sandbox.on(&META).requests();
    assert_eq!(
        (log[0].test, log[1].notes[0].as_str()),
        (true, "ignored field data.0.event (the field is called event_name)")
    );
    // A hit without what it needs is answered with the image, and shown.
    bench.get("/tr?ev=PageView").await;
    let page = bench.get("/").await.text;
    for part in
        ["id=\"meta\"", "ldu without address", "TEST1", "the hit has no id of a pixel", "Google Analytics 4"]
    {
        assert!(page.contains(part), "{part} is missing in {page}");
    }
}
