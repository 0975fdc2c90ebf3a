//! What the plugin keeps with an order, and its signed hand-over.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod common;

use common::{admitted, codes, headers, site, source};
use proptest::prelude::*;
use serde_json::{Value, json};
use tandem_core::Event;
use tandem_core::consent::{Policy, Status};
use tandem_sources::woocommerce::{BodyError, Handed, Stamp};
use tandem_sources::{AuthError, Request, Source};

/// An hour after the order was paid.
const NOW: i64 = 1_795_359_600;
const SECRET: &str = "0123456789abcdef0123456789abcdef";
const NONCE: &str = "00112233445566778899aabbccddeeff";
const VISITOR: &str = "mg3k2v1x9abcdefghij0123456789";

fn order(change: Value) -> Value {
    let mut order = json!({
        "id": 891, "status": "processing", "currency": "EUR", "total": "50.00", "created_via": "checkout",
        "customer_ip_address": "203.0.113.7", "customer_user_agent": "Mozilla/5.0 (X11)",
        "date_created_gmt": "2026-11-22T14:00:00", "date_paid_gmt": "2026-11-22T14:00:05",
        "billing": {"email": "Ada@Example.com", "country": "DE"},
        "line_items": [{"id": 1, "product_id": 13, "quantity": 1, "sku": "MUG", "total": "50.00"}],
    });
    order.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    order
}

fn meta(pairs: &Value) -> Value {
    let pairs = pairs.as_object().unwrap().iter().map(|(key, value)| json!({"key": key, "value": value}));
    json!({ "meta_data": pairs.collect::<Vec<_>>() })
}

/// As a stock webhook tells it: what the plugin kept is read there too.
fn event_with(settings: &Value, change: Value) -> Event {
    let headers = headers(&[("x-wc-webhook-topic", "order.updated")]);
    let body = order(change).to_string();
    let decoded = source("woocommerce", settings).decode(&Request::new(&headers, body.as_bytes()), &site());
    admitted(decoded.parts, NOW).remove(0).unwrap_or_else(|r| panic!("{r:?}"))
}

fn event(pairs: &Value) -> Event {
    event_with(&json!({}), meta(pairs))
}

fn shop(secrets: &Value) -> Box<dyn Source> {
    source("woocommerce", &json!({ "plugin_secrets": secrets }))
}

fn check(shop: &dyn Source, pairs: &[(&'static str, &str)], body: &[u8]) -> Result<Stamp, AuthError> {
    shop.plugin().unwrap().check(&Request::new(&headers(pairs), body))
}

fn read(body: &str) -> Result<Handed, BodyError> {
    shop(&json!([SECRET])).plugin().unwrap().read(body.as_bytes(), &Policy::default())
}

fn refused(body: &str) -> Option<BodyError> {
    read(body).err()
}

#[test]
fn the_visitor_id_is_the_events_session() {
    assert_eq!(event(&json!({"_tandem_visitor": VISITOR})).session_id.as_deref(), Some(VISITOR));
    for text in ["", "short", "MG3K2V1X9ABCDEFGHIJ", "ada@example.com-0123456789", &"a".repeat(65)] {
        assert_eq!(event(&json!({"_tandem_visitor": text})).session_id, None, "{text}");
    }
    for other in [json!(12_345_678_901_234_567_u64), json!([VISITOR]), json!({"id": VISITOR}), json!(null)] {
        assert_eq!(event(&json!({"_tandem_visitor": other})).session_id, None, "{other}");
    }
    // Keys without the underscore may come from a form of the shop.
    assert_eq!(event(&json!({"tandem_visitor": VISITOR})).session_id, None);
}

#[test]
fn every_click_id_of_ours_is_read_before_other_plugins() {
    let kept = event(&json!({
        "ttclid": "E.C.P.other", "_tandem_ttclid": "E.C.P.ours", "_tandem_ttp": "01J.tt.1", "_ttp": "02J.tt.1",
        "_tandem_fbc": "fb.1.1795356000000.IwAR0", "_tandem_fbp": "fb.1.1795356000000.1098115397",
        "_tandem_gclid": "Cj0KCQ", "_tandem_nosuch": "x",
        "_wc_order_attribution_session_entry": "https://s.example/?ttclid=E.C.P.land&msclkid=0123456789abcdef0123456789abcdef",
    }));
    let ids: Vec<_> = kept.user.click_ids.iter().collect();
    let expected = [
        ("ttclid", "E.C.P.ours"),
        ("ttp", "01J.tt.1"),
        ("fbc", "fb.1.1795356000000.IwAR0"),
        ("fbp", "fb.1.1795356000000.1098115397"),
        ("gclid", "Cj0KCQ"),
        ("msclkid", "0123456789abcdef0123456789abcdef"),
    ];
    assert_eq!(ids, expected);
    assert_eq!(codes(&kept), Vec::<&str>::new());
    // The shop's own setting comes first.
    let settings = json!({"click_id_meta": {"ttclid": ["_mine"]}});
    let both = meta(&json!({"_mine": "E.C.P.mine", "_tandem_ttclid": "E.C.P.ours"}));
    assert_eq!(event_with(&settings, both).user.click_ids.ttclid.as_deref(), Some("E.C.P.mine"));
    let blank = event(&json!({"_tandem_ttclid": " ", "_tandem_fbc": ["x"], "_ttclid": "E.C.P.other"}));
    assert_eq!(blank.user.click_ids.ttclid.as_deref(), Some("E.C.P.other"));
    assert_eq!(blank.user.click_ids.fbc, None);
}

#[test]
fn the_buyers_own_connection_comes_before_the_providers() {
    let pairs = json!({"_tandem_ip": "198.51.99.4", "_tandem_agent": "Mozilla/5.0 (iPhone)"});
    let user = event(&pairs).user;
    assert_eq!(
        (user.ip.as_deref(), user.user_agent.as_deref()),
        (Some("198.51.99.4"), Some("Mozilla/5.0 (iPhone)"))
    );
    let user = event(&json!({"_tandem_ip": "", "_tandem_agent": null})).user;
    assert_eq!(
        (user.ip.as_deref(), user.user_agent.as_deref()),
        (Some("203.0.113.7"), Some("Mozilla/5.0 (X11)"))
    );
    for created_via in ["admin", "rest-api", ""] {
        let mut change = meta(&pairs);
        change["created_via"] = created_via.into();
        let user = event_with(&json!({}), change).user;
        assert_eq!((user.ip, user.user_agent), (None, None), "{created_via}");
    }
}

#[test]
fn a_renewal_has_only_a_copy_of_it() {
    let pairs = json!({
        "_tandem_visitor": VISITOR, "_tandem_ttclid": "E.C.P.ours", "_tandem_ip": "198.51.99.4",
        "_tandem_agent": "Mozilla/5.0 (iPhone)", "_subscription_renewal": "700",
        "_tandem_consent": {"advertising": "granted", "signal": "wp_consent_api", "at": 1_795_000_000_000_i64},
    });
    let renewal = event(&pairs);
    assert_eq!(renewal.session_id, None);
    assert_eq!(renewal.user.present(), ["email", "country"]);
    // What was allowed holds on.
    assert_eq!(renewal.consent.advertising, Status::Granted);
}

#[test]
fn consent_with_its_signal_and_time() {
    let kept = |value: Value| event(&json!({ "_tandem_consent": value })).consent;
    let told = json!({
        "advertising": "granted", "analytics": "denied", "signal": "wp_consent_api", "value": "marketing=allow",
        "at": 1_795_355_990_000_i64,
    });
    let consent = kept(told.clone());
    assert_eq!((consent.advertising, consent.analytics), (Status::Granted, Status::Denied));
    let evidence = consent.evidence.clone().unwrap();
    assert_eq!(evidence.value.as_deref(), Some("_tandem_consent wp_consent_api marketing=allow"));
    assert_eq!((evidence.signal.as_ref(), evidence.at_ms), ("order_consent", Some(1_795_355_990_000)));
    assert_eq!(kept(told.to_string().into()).advertising, Status::Granted, "as JSON text");
    let unknown = kept(json!({"advertising": "unknown", "analytics": "unknown", "signal": "wp_consent_api"}));
    assert!(!unknown.has_word());
    let gpc = kept(json!({"advertising": "granted", "signal": "wp_consent_api", "gpc": true}));
    assert!(gpc.gpc && gpc.is_refusal());
    // Also where the settings name other keys: a no must not get lost by that.
    let settings = json!({"consent_meta": ["marketing_ok"]});
    let both = meta(&json!({"marketing_ok": "yes", "_tandem_consent": {"advertising": "denied"}}));
    assert_eq!(event_with(&settings, both).consent.advertising, Status::Denied);
}

#[test]
fn a_signature_fits_its_time_nonce_and_body_and_nothing_else() {
    let shop = shop(&json!([SECRET, "another secret of this shop"]));
    let body = br#"{"version":1,"kind":"ping"}"#;
    // Made by: printf 'v1\n%s\n%s\n%s' TIME NONCE BODY | openssl dgst -sha256 -hmac SECRET
    let good = "v1=7b0d8731fa0e8f6c4004fdbf616e114ca04cf4919a3a2b8f7fe23d627e3df251";
    let signed = |time: &'static str, nonce: &'static str, signature: &str, body: &[u8]| {
        check(
            shop.as_ref(),
            &[("x-tandem-time", time), ("x-tandem-nonce", nonce), ("x-tandem-signature", signature)],
            body,
        )
    };
    let nonce = u128::from_str_radix(NONCE, 16).unwrap();
    assert_eq!(signed("1795359600", NONCE, good, body), Ok(Stamp { time_s: NOW, nonce }));
    assert_eq!(shop.plugin().unwrap().sign(NOW, NONCE, body).as_deref(), Some(good));
    let other = source("woocommerce", &json!({"plugin_secrets": ["another secret of this shop"]}));
    let by_other = other.plugin().unwrap().sign(NOW, NONCE, body).unwrap();
    assert!(signed("1795359600", NONCE, &by_other, body).is_ok(), "while one is replaced");

    let is_wrong = |told: Result<Stamp, AuthError>| matches!(told, Err(AuthError::Wrong(_)));
    assert!(is_wrong(signed("1795359601", NONCE, good, body)));
    assert!(is_wrong(signed("1795359600", "ff112233445566778899aabbccddeeff", good, body)));
    assert!(is_wrong(signed("1795359600", "00112233445566778899AABBCCDDEEFF", good, body)));
    assert!(is_wrong(signed("1795359600", NONCE, good, br#"{"version":1,"kind":"pong"}"#)));
    for signature in [
        "",
        "v1=",
        "v1=00",
        "v2=00",
        "7b0d8731fa0e8f6c4004fdbf616e114ca04cf4919a3a2b8f7fe23d627e3df251",
        "v1=zz",
        &good[..66],
        &format!("{good}00"),
    ] {
        assert!(is_wrong(signed("1795359600", NONCE, signature, body)), "{signature}");
    }
    for time in ["", "soon", "-1795359600", "+1795359600", "1795359600.5", "9999999999999"] {
        assert!(is_wrong(signed(time, NONCE, good, body)), "{time}");
    }
    for nonce in ["", "0011", "0x112233445566778899aabbccddeeff", "+0112233445566778899aabbccddeeff"] {
        assert!(is_wrong(signed("1795359600", nonce, good, body)), "{nonce}");
    }
}

#[test]
fn unsigned_requests_and_shops_without_a_secret() {
    let all = [("x-tandem-time", "1795359600"), ("x-tandem-nonce", NONCE), ("x-tandem-signature", "v1=00")];
    let ready = shop(&json!([SECRET]));
    for missing in 0..all.len() {
        let mut given = all.to_vec();
        given.remove(missing);
        assert!(matches!(check(ready.as_ref(), &given, b"{}"), Err(AuthError::Missing(_))), "{given:?}");
    }
    let bare = source("woocommerce", &json!({"secrets": [SECRET]}));
    assert!(bare.plugin().unwrap().secret().is_none());
    assert!(bare.plugin().unwrap().sign(NOW, NONCE, b"{}").is_none());
    let AuthError::Wrong(text) = check(bare.as_ref(), &all, b"{}").unwrap_err() else { panic!() };
    assert!(text.contains("plugin_secrets"), "{text}");
    assert!(source("events", &json!({"write_keys": ["k"]})).plugin().is_none());
    assert!(!format!("{:?}", ready.plugin().unwrap()).contains(SECRET));
}

#[test]
fn the_time_may_be_off_by_five_minutes() {
    let is_timely = |time_s: i64| Stamp { time_s, nonce: 0 }.is_timely(NOW);
    assert!(is_timely(NOW - 300) && is_timely(NOW) && is_timely(NOW + 300));
    assert!(!is_timely(NOW - 301) && !is_timely(NOW + 301) && !is_timely(0) && !is_timely(i64::MAX));
}

#[test]
fn bodies() {
    assert!(matches!(read(r#"{"version":1,"kind":"ping","plugin":"0.1.0","php":"8.2"}"#), Ok(Handed::Ping)));
    for body in [
        "",
        "{",
        "[]",
        "null",
        "{}",
        r#"{"kind":"ping"}"#,
        r#"{"version":"1","kind":"ping"}"#,
        r#"{"version":1}"#,
        r#"{"version":1,"kind":"refunds"}"#,
        r#"{"version":1,"kind":7}"#,
        r#"{"version":1,"kind":"orders"}"#,
        r#"{"version":1,"kind":"orders","orders":{}}"#,
        r#"{"version":1,"kind":"orders","orders":null}"#,
        "{\"version\":1,\"kind\":\"ping\"} x",
    ] {
        assert_eq!(refused(body), Some(BodyError::Unreadable), "{body}");
    }
    assert_eq!(refused(r#"{"version":2,"kind":"orders","orders":[]}"#), Some(BodyError::Version));
    let many = |count: usize| {
        json!({"version": 1, "kind": "orders", "orders": vec![json!({"id": 1}); count]}).to_string()
    };
    assert_eq!(refused(&many(51)), Some(BodyError::TooMany));
    assert_eq!(refused(&many(50)), None);
    assert_eq!(refused(&many(0)), None);
}

#[test]
fn a_bad_order_takes_no_other_down() {
    let deep = "[".repeat(200) + &"]".repeat(200);
    let texts = [
        order(json!({})).to_string(),
        "7".to_owned(),
        order(json!({"id": "ada@example.com"})).to_string(),
        r#"{"id": 5, "number": "\ud800"}"#.to_owned(),
        format!(r#"{{"id": 6, "meta_data": {deep}}}"#),
        order(json!({"id": 892, "status": "pending"})).to_string(),
        order(json!({"id": "893"})).to_string(),
    ];
    let body = format!(r#"{{"version":1,"orders":[{}],"kind":"orders"}}"#, texts.join(","));
    let Handed::Orders { ids, parts } = read(&body).unwrap_or_else(|e| panic!("{e}")) else { panic!() };
    let ids: Vec<_> = ids.iter().map(Option::as_deref).collect();
    assert_eq!(ids, [Some("891"), None, None, None, None, Some("892"), Some("893")]);
    let told: Vec<_> = parts.iter().map(|part| part.as_ref().err().map(|r| r.code.as_ref())).collect();
    let (invalid, unpaid) = (Some("json_invalid"), Some("order_not_paid"));
    let expected = [None, Some("body_not_object"), Some("order_id_invalid"), invalid, invalid, unpaid, None];
    assert_eq!(told, expected);
    assert_eq!(parts[1].as_ref().err().unwrap().field.as_deref(), Some("orders[1]"));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_body_and_any_headers(
        body in ".{0,200}", orders in "[\\[\\]{}\",:a-z0-9\\\\u]{0,80}", texts in proptest::array::uniform3("[ -~]{0,70}"),
    ) {
        let shop = shop(&json!([SECRET]));
        let plugin = shop.plugin().unwrap();
        let _ = plugin.read(body.as_bytes(), &Policy::default());
        let list = format!(r#"{{"version":1,"kind":"orders","orders":[{orders}]}}"#);
        if let Ok(Handed::Orders { ids, parts }) = plugin.read(list.as_bytes(), &Policy::default()) {
            prop_assert_eq!(ids.len(), parts.len());
        }
        let [time, nonce, signature] = &texts;
        let pairs = [("x-tandem-time", time.as_str()), ("x-tandem-nonce", nonce), ("x-tandem-signature", signature)];
        prop_assert!(check(shop.as_ref(), &pairs, body.as_bytes()).is_err());
    }
}
