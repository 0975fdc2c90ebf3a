//! The browser source: who may send, what a body may hold, and what anybody may try.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod common;

use common::{NOW, admitted, headers, site, source};
use proptest::prelude::*;
use serde_json::{Value, json};
use tandem_core::Site;
use tandem_core::consent::{Gates, OnUnknown};
use tandem_sources::{AuthError, Decoded, Request};

const VISITOR: &str = "mg3k2v1x9abcdefghij0123456789";
const PERSON: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

fn settings() -> Value {
    json!({"hosts": ["shop.example", "localhost:8080"]})
}

fn decode(site: &Site, pairs: &[(&str, &str)], body: &Value) -> Decoded {
    let mut all = vec![("origin", "https://shop.example"), ("user-agent", PERSON)];
    all.extend_from_slice(pairs);
    let headers = headers(&all);
    let body = body.to_string();
    let request = Request {
        client_ip: Some("203.0.113.7"),
        secure: true,
        now_ms: NOW * 1_000,
        ..Request::new(&headers, body.as_bytes())
    };
    source("browser", &settings()).decode(&request, site)
}

fn body(extra: Value) -> Value {
    let mut body = json!({
        "visitor": VISITOR, "sent_at": NOW * 1_000, "page": {"url": "https://shop.example/"},
        "events": [{"event_name": "Pageview", "event_id": "abcdefghij", "at": NOW * 1_000}],
    });
    body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    body
}

#[test]
fn only_pages_of_the_shop_may_send() {
    let ask = |pairs: &[(&str, &str)]| {
        source("browser", &settings()).authenticate(&Request::new(&headers(pairs), b"{}"))
    };
    for origin in
        ["https://shop.example", "http://shop.example", "https://SHOP.example:8443", "http://localhost:8080"]
    {
        assert_eq!(ask(&[("origin", origin)]), Ok(()), "{origin}");
    }
    assert_eq!(ask(&[("referer", "https://shop.example/a/b?c")]), Ok(()));
    for origin in [
        "https://evil.example",
        "https://shop.example.evil.example",
        "https://evilshop.example",
        "https://evil.example/shop.example",
        "http://localhost:8081",
        "null",
        "",
    ] {
        assert!(matches!(ask(&[("origin", origin)]), Err(AuthError::Origin(_))), "{origin}");
    }
    assert!(matches!(ask(&[]), Err(AuthError::Origin(_))));
}

#[test]
fn cookies_are_set_only_where_they_may_be() {
    let ask_first = site();
    let assume = Site { gates: Gates::advertising(OnUnknown::Grant), ..site() };
    let names = |site: &Site, consent: Value| -> Vec<String> {
        let page = json!({"url": "https://shop.example/?ttclid=NEW"});
        let cookie = format!("tdv={VISITOR}; ttclid=OLD; _ttp=2F7h37YkS1j57AYSKTI7IHhJPYH");
        let decoded = decode(site, &[("cookie", &cookie)], &body(json!({"consent": consent, "page": page})));
        let first = |c: &String| c.split(';').take(3).collect::<Vec<_>>().join(";");
        decoded.cookies.iter().map(first).collect()
    };
    let granted = json!({"advertising": "granted"});
    let kept = [
        format!("tdv={VISITOR}; Path=/; Max-Age=34560000"),
        "ttclid=NEW; Path=/; Max-Age=2419200".to_owned(),
        "_ttp=2F7h37YkS1j57AYSKTI7IHhJPYH; Path=/; Max-Age=34560000".to_owned(),
    ];
    assert_eq!(names(&ask_first, granted.clone()), kept);
    assert_eq!(names(&assume, granted), kept);
    assert_eq!(names(&assume, Value::Null), kept);
    assert!(names(&ask_first, Value::Null).is_empty());
    assert!(names(&ask_first, json!({"advertising": "unknown"})).is_empty());
    for consent in [json!({"advertising": "denied"}), json!({"advertising": ["nobody", "can read this"]})] {
        let gone = names(&assume, consent);
        assert!(gone.iter().all(|c| c.contains("=; Path=/; Max-Age=0")), "{gone:?}");
        for name in ["tdv", "ttclid", "_ttp", "_fbp", "_fbc", "gclid"] {
            assert!(gone.iter().any(|c| c.starts_with(&format!("{name}="))), "{name}: {gone:?}");
        }
        // What others keep for themselves is not ours to take.
        assert!(!gone.iter().any(|c| c.starts_with("_gcl_aw=")));
    }
}

#[test]
fn the_cookies_visitor_wins_and_a_strange_one_is_none() {
    let visitor = |cookie: &str, told: &str| {
        let decoded = decode(
            &site(),
            &[("cookie", &format!("tdv={cookie}"))],
            &body(json!({"visitor": told, "consent": "granted"})),
        );
        decoded.visit.map(|v| v.visitor)
    };
    let other = "other0other0other0other0";
    assert_eq!(visitor(other, VISITOR).as_deref(), Some(other));
    assert_eq!(visitor("<script>", VISITOR).as_deref(), Some(VISITOR));
    assert_eq!(visitor("short", "ada@example.com"), None);
}

#[test]
fn an_event_cannot_say_who_it_is_from() {
    let event = json!({
        "event_name": "AddToCart", "event_id": "abcdefghij", "at": NOW * 1_000, "channel": "server",
        "session_id": "someone-else", "user": {"ip": "198.51.100.1", "email": "ada@example.com"},
        "consent": {"advertising": "granted"}, "click_ids": {"ttclid": "FORGED"},
    });
    let shown = |word: &str| {
        let consent = json!({"advertising": word});
        let decoded = decode(&site(), &[], &body(json!({"events": [event], "consent": consent})));
        serde_json::to_value(admitted(decoded.parts, NOW).remove(0).unwrap()).unwrap()
    };
    let granted = shown("granted");
    assert_eq!(
        (granted["channel"].as_str(), granted["session_id"].as_str()),
        (Some("browser"), Some(VISITOR))
    );
    assert_eq!(granted["user"]["ip"], "203.0.113.7");
    assert!(granted["user"].get("email").is_none() && granted["user"].get("ttclid").is_none());
    let denied = shown("denied");
    assert_eq!(denied["consent"]["advertising"], "denied");
}

#[test]
fn a_pages_clock_may_be_wrong_but_not_its_stopwatch() {
    let time = |sent: i64, at: i64| {
        let event = json!({"event_name": "Pageview", "event_id": "abcdefghij", "at": at});
        let decoded = decode(&site(), &[], &body(json!({"sent_at": sent, "events": [event]})));
        admitted(decoded.parts, NOW).remove(0).unwrap().event_time
    };
    assert_eq!(time(1_000_000, 940_000), NOW - 60);
    assert_eq!(time(9_999_999_999_999, 9_999_999_993_999), NOW - 6);
    assert_eq!(time(1_000, 2_000), NOW);
    assert_eq!(time(i64::MAX, i64::MIN), NOW);
}

#[test]
fn too_much_is_refused() {
    let events: Vec<Value> =
        (0..51).map(|i| json!({"event_name": "Pageview", "event_id": i.to_string()})).collect();
    let decoded = decode(&site(), &[], &body(json!({"events": events})));
    assert_eq!(decoded.parts.len(), 1);
    assert_eq!(decoded.parts[0].as_ref().err().unwrap().code, "too_many_events");
}

#[test]
fn before_consent_and_after_a_no_nothing_is_kept_of_anybody() {
    let page = json!({"url": "https://shop.example/p?ttclid=CLICK&utm_source=tiktok"});
    let assume = Site { gates: Gates::advertising(OnUnknown::Grant), ..site() };
    let told = |site: &Site, consent: Value| {
        let extra = json!({"page": page, "consent": consent, "user": {"email": ["a".repeat(64)]}});
        let decoded = decode(site, &[], &body(extra));
        let event = admitted(decoded.parts, NOW).remove(0).unwrap();
        (decoded.visit, event)
    };
    for consent in [Value::Null, json!({"advertising": "unknown"})] {
        let (visit, event) = told(&site(), consent);
        assert!(visit.is_none() && event.user.is_empty() && event.session_id.is_none());
        assert_eq!(event.page.url.as_deref(), Some("https://shop.example/p"));
    }
    for consent in [json!({"advertising": "denied"}), json!("denied"), json!({"advertising": {}}), json!([1])]
    {
        let (visit, event) = told(&assume, consent);
        // Only that there was a no, so that it can be kept.
        let visit = visit.unwrap();
        assert!(visit.identity.email.is_empty() && visit.page == tandem_core::Page::default());
        assert!(event.user.is_empty());
    }
    let (visit, event) = told(&assume, json!("granted"));
    assert!(visit.is_some() && event.user.click_ids.ttclid.is_some());
}

#[test]
fn a_small_body_cannot_become_a_large_record() {
    let event = json!({
        "event_name": "AddToCart", "event_id": "abcdefghij", "at": NOW * 1_000,
        "contents": vec![json!(1); 20_000], "properties": (0..500).map(|i| (format!("p{i}"), json!(i))).collect::<serde_json::Map<_, _>>(),
    });
    let consent = json!({"advertising": "granted"});
    let decoded = decode(&site(), &[], &body(json!({"events": [event], "consent": consent})));
    let event = admitted(decoded.parts, NOW).remove(0).unwrap();
    assert!(event.findings.len() <= 25 && event.properties.len() <= 20);
    assert!(serde_json::to_string(&event).unwrap().len() < 10_000);
}

#[test]
fn a_phone_companys_name_makes_nobody_a_robot() {
    let agent = "Mozilla/5.0 (Linux; Android 14) Mobile [FBAN/EMA;FBCR/Türk Telekom]";
    let headers = headers_of(&[("user-agent", agent)]);
    let text = body(json!({"consent": {"advertising": "granted"}})).to_string();
    let request = Request { now_ms: NOW * 1_000, ..Request::new(&headers, text.as_bytes()) };
    let decoded = source("browser", &settings()).decode(&request, &site());
    let event = admitted(decoded.parts, NOW).remove(0).unwrap();
    assert_eq!((event.bot, event.user.user_agent.as_deref()), (None, Some(agent)));
}

/// Headers of any bytes.
fn headers_of(pairs: &[(&str, &str)]) -> http::HeaderMap {
    let value = |v: &str| http::HeaderValue::from_bytes(v.as_bytes()).unwrap();
    pairs.iter().map(|(n, v)| (http::HeaderName::try_from(*n).unwrap(), value(v))).collect()
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[a-z_]{1,12}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_envelope_is_read_or_refused(values in proptest::collection::vec(any_json(), 9), cookie in "[ -~]{0,80}") {
        let names = ["visitor", "sent_at", "page", "locale", "cookies", "consent", "pixels", "user", "events"];
        let map: serde_json::Map<String, Value> =
            names.iter().map(|n| (*n).to_owned()).zip(values).collect();
        let decoded = decode(&site(), &[("cookie", &cookie)], &Value::Object(map));
        for cookie in &decoded.cookies {
            prop_assert!(!cookie.contains(['\r', '\n']));
        }
        let _ = admitted(decoded.parts, NOW);
    }
}
