//! The shapes the events source takes: one event said in three vocabularies is one event.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod common;

use common::{NOW, admitted, codes, decode_events, event, headers, site, source};
use serde_json::{Value, json};
use tandem_core::claim::OrderReport;
use tandem_core::consent::Status;
use tandem_core::{Channel, Event};
use tandem_sources::{AuthError, Request};

fn ours() -> Value {
    json!({
        "event_name": "Purchase", "event_id": "wc_order_891", "event_time": 1_767_225_590,
        "order_id": "891", "value": 89.99, "currency": "USD", "content_type": "product", "search_string": "mug",
        "contents": [{"content_id": "SKU-123", "content_name": "Mug", "content_category": "Cups", "brand": "Demo",
                      "price": 44.995, "quantity": 2, "line_id": 7}],
        "page": {"url": "https://shop.example/thanks", "referrer": "https://shop.example/", "title": "Thanks"},
        "user": {"email": "ada@example.com", "phone": "+12133734253", "external_id": "c-7", "first_name": "Ada",
                 "last_name": "Sample", "street": "1 Example St", "city": "Sampletown", "state": "CA",
                 "zip_code": "94000", "country": "US", "ip": "203.0.113.7", "user_agent": "Mozilla/5.0 (X11)",
                 "locale": "en-US", "ttclid": "E.C.P.abc", "ttp": "01JABC_.tt.1", "gclid": "Cj0abc"},
        "consent": {"advertising": "granted"}, "session_id": "v-1", "coupon": "SAVE10",
    })
}

fn containers() -> Value {
    json!({
        "event_name": "purchase", "event_id": "wc_order_891", "timestamp": 1_767_225_590_000_i64,
        "transaction_id": "891", "value": "89.99", "currency": "USD", "content_type": "product",
        "search_term": "mug", "client_id": "v-1", "user_id": "c-7", "language": "en-US",
        "items": [{"item_id": "SKU-123", "item_name": "Mug", "item_category": "Cups", "item_brand": "Demo",
                   "price": "44.995", "quantity": "2", "line_id": "7"}],
        "page_location": "https://shop.example/thanks", "page_referrer": "https://shop.example/",
        "page_title": "Thanks", "page_hostname": "shop.example", "page_path": "/thanks",
        "ip_override": "203.0.113.7", "user_agent": "Mozilla/5.0 (X11)",
        "user_data": {
            "email_address": "ada@example.com", "phone_number": "+12133734253",
            "address": [{"first_name": "Ada", "last_name": "Sample", "street": "1 Example St", "city": "Sampletown",
                         "region": "CA", "postal_code": "94000", "country": "US"}],
        },
        "common_cookie": {"_ttp": "01JABC_.tt.1", "ttclid": "E.C.P.abc", "_gcl_aw": "GCL.1767225000.Cj0abc"},
        "consent_state": {"ad_storage": true, "ad_user_data": "granted"},
        "x-ga-gcs": "G111", "x-ga-protocol_version": "2", "client_hints": {"mobile": true}, "coupon": "SAVE10",
    })
}

fn tiktok() -> Value {
    json!({"event_source": "web", "event_source_id": "P1", "data": [{
        "event": "Purchase", "event_id": "wc_order_891", "event_time": 1_767_225_590,
        "user": {"email": ["ada@example.com"], "phone": ["+12133734253"], "external_id": "c-7", "first_name": "Ada",
                 "last_name": "Sample", "street": "1 Example St", "city": "Sampletown", "state": "CA",
                 "zip_code": "94000", "country": "US", "ip": "203.0.113.7", "user_agent": "Mozilla/5.0 (X11)",
                 "locale": "en-US", "ttclid": "E.C.P.abc", "ttp": "01JABC_.tt.1"},
        "page": {"url": "https://shop.example/thanks", "referrer": "https://shop.example/", "title": "Thanks"},
        "properties": {"order_id": "891", "value": 89.99, "currency": "USD", "content_type": "product",
                       "query": "mug", "num_items": 2, "coupon": "SAVE10",
                       "contents": [{"content_id": "SKU-123", "content_name": "Mug", "content_category": "Cups",
                                     "brand": "Demo", "price": 44.995, "quantity": 2, "line_id": "7"}]},
        "cookies": {"_gcl_aw": "GCL.1767225000.Cj0abc"}, "consent": true, "session_id": "v-1",
    }]})
}

/// The event without what may differ: remarks, and which signal told of the consent.
fn essence(mut event: Event) -> Event {
    event.findings.clear();
    event.consent.evidence = None;
    event
}

#[test]
fn three_vocabularies_say_the_same() {
    let ours = event(&ours()).unwrap();
    assert_eq!(codes(&ours), Vec::<&str>::new());
    let evidence = ours.consent.evidence.clone().unwrap();
    assert_eq!(
        (evidence.signal.as_ref(), evidence.value.as_deref()),
        ("consent.advertising", Some("granted"))
    );
    assert_eq!(ours.consent.region.as_deref(), Some("US-CA"));
    assert_eq!(ours.user.present().len(), 16);
    assert_eq!(ours.properties, *json!({"coupon": "SAVE10"}).as_object().unwrap());
    let containers = event(&containers()).unwrap();
    assert_eq!(codes(&containers), ["value_string", "event_name_case", "event_time_ms"]);
    let tiktok = event(&tiktok()).unwrap();
    assert_eq!(codes(&tiktok), ["pii_not_hashed", "pii_not_hashed"]);
    let ours = essence(ours);
    assert_eq!(essence(containers), ours);
    assert_eq!(essence(tiktok), ours);
}

/// What we write, we can read: an exported event comes back with the same id, money and match keys.
#[test]
fn our_own_serialised_event_comes_back() {
    let before = event(&ours()).unwrap();
    let after = event(&serde_json::to_value(&before).unwrap()).unwrap();
    assert_eq!(
        (&after.event_id, after.value, &after.contents),
        (&before.event_id, before.value, &before.contents)
    );
    assert_eq!(after.user.present(), before.user.present());
    assert!(
        after.user.emails().eq(before.user.emails())
            && after.user.phones_e164().eq(before.user.phones_e164())
    );
    assert_eq!(after.user.click_ids, before.user.click_ids);
    assert_eq!((&after.consent, &after.page), (&before.consent, &before.page));
    assert_eq!(after.properties, before.properties);
}

#[test]
fn hashes_are_taken_as_they_are() {
    let hash = "a".repeat(63) + "B";
    for body in [
        json!({"event": "Lead", "event_id": "a", "email": hash}),
        json!({"event": "Lead", "event_id": "a", "user": {"email": [hash]}}),
        json!({"event": "Lead", "event_id": "a", "user_data": {"sha256_email_address": hash}}),
    ] {
        let event = event(&body).unwrap();
        assert_eq!(event.user.emails().collect::<Vec<_>>(), [hash.to_lowercase()], "{body}");
    }
}

#[test]
fn a_flat_event_keeps_its_extras_and_loses_its_people() {
    let body = json!({
        "event": "Lead", "event_id": "a", "email": "ada@example.com", "phone": "+12133734253", "plan": "gold",
        "seats": 3, "trial": true, "customer_name": "Ada", "nested": {"a": 1}, "empty": "", "nothing": null,
    });
    let event = event(&body).unwrap();
    let kept: Vec<_> = event.properties.keys().map(String::as_str).collect();
    assert_eq!(kept, ["plan", "seats", "trial"]);
    assert_eq!(event.user.present(), ["email", "phone"]);
}

#[test]
fn aliases_in_order_of_precedence_and_blanks_do_not_count() {
    let body = json!({
        "event_name": "", "event": "Purchase", "event_id": null, "eventID": "b", "order_id": "",
        "transaction_id": "00891", "value": null, "properties": {"value": 5, "currency": "EUR"}, "currency": "USD",
    });
    let event = event(&body).unwrap();
    assert_eq!((event.event_name.as_str(), event.event_id.as_str()), ("Purchase", "b"));
    assert_eq!(event.order_id.as_deref(), Some("00891"));
    assert_eq!((event.value.unwrap().to_string().as_str(), event.currency.unwrap().code()), ("5", "USD"));
}

#[test]
fn ids_without_lines() {
    let of = |body: Value| {
        let ids = event(&body).unwrap().contents.into_iter().map(|i| i.content_id);
        ids.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(of(json!({"event": "ViewContent", "event_id": "a", "content_ids": ["A", "B"]})), "A B");
    assert_eq!(of(json!({"event": "ViewContent", "event_id": "a", "properties": {"content_ids": "A"}})), "A");
    assert_eq!(of(json!({"event": "ViewContent", "event_id": "a", "content_id": 7})), "7");
    let both =
        json!({"event": "ViewContent", "event_id": "a", "content_ids": ["A"], "contents": [{"id": "C"}]});
    assert_eq!(of(both), "C");
}

#[test]
fn one_refusal_outweighs_all_grants() {
    let status = |consent: Value| {
        let body = json!({"event": "Lead", "event_id": "a", "consent": consent});
        let consent = event(&body).unwrap().consent;
        (consent.advertising, consent.evidence.map(|e| e.signal.into_owned()))
    };
    let by = |status, name: &str| (status, Some(format!("consent.{name}")));
    assert_eq!(
        status(json!({"advertising": "granted", "ad_storage": "denied"})),
        by(Status::Denied, "ad_storage")
    );
    assert_eq!(status(json!({"marketing": "allow", "analytics": "deny"})), by(Status::Granted, "marketing"));
    assert_eq!(status(json!({"ad_user_data": false})), by(Status::Denied, "ad_user_data"));
    assert_eq!(status(json!("denied")), by(Status::Denied, "advertising"));
    assert_eq!(status(json!({"analytics": "granted"})), by(Status::Unknown, "analytics"));
    assert_eq!(status(json!({"marketing": "maybe"})), by(Status::Denied, "marketing"));
    assert_eq!(status(Value::Null), (Status::Unknown, None));
    let body = json!({"event": "Lead", "event_id": "a", "user": {"country": "FR"},
                      "consent": {"opt_out_of_sale": true, "region": "us-ca"}});
    let consent = event(&body).unwrap().consent;
    assert_eq!((consent.opt_out_of_sale, consent.region.as_deref()), (true, Some("US-CA")));
}

#[test]
fn only_a_purchase_with_an_order_is_a_sale() {
    let order = |body: Value| decode_events(body.to_string().as_bytes()).parts.remove(0).ok().unwrap().order;
    assert_eq!(order(json!({"event": "purchase", "order_id": "1"})), Some(OrderReport::Sale));
    assert_eq!(
        order(json!({"event": "CompletePayment", "properties": {"order_id": "1"}})),
        Some(OrderReport::Sale)
    );
    assert_eq!(order(json!({"event": "Purchase"})), None);
    assert_eq!(order(json!({"event": "AddToCart", "order_id": "1"})), None);
}

#[test]
fn the_callers_own_address_is_never_the_visitors() {
    let headers = headers(&[("user-agent", "python-requests/2"), ("x-forwarded-for", "203.0.113.9")]);
    let body = br#"{"event":"Lead","event_id":"a","channel":"browser"}"#;
    let decoded = source("events", &json!({})).decode(&Request::new(&headers, body), &site());
    let event = admitted(decoded.parts, NOW).remove(0).unwrap();
    assert!(event.user.is_empty());
    assert_eq!(event.channel, Channel::Browser);
}

#[test]
fn write_keys() {
    let events = source("events", &json!({"write_keys": ["key-one", "key-two-longer"]}));
    let ask = |header: &str| {
        let headers = headers(&[("authorization", header)]);
        events.authenticate(&Request::new(&headers, b""))
    };
    assert_eq!(ask("Bearer key-one"), Ok(()));
    assert_eq!(ask("bearer  key-two-longer "), Ok(()));
    for wrong in
        ["Bearer key-on", "Bearer KEY-ONE", "Bearer key-one,key-two-longer", "Basic key-one", "key-one"]
    {
        assert!(matches!(ask(wrong), Err(AuthError::Wrong(_))), "{wrong}");
    }
    assert!(matches!(ask("Bearer "), Err(AuthError::Missing(_) | AuthError::Wrong(_))));
    let none = http::HeaderMap::new();
    assert!(matches!(events.authenticate(&Request::new(&none, b"")), Err(AuthError::Missing(_))));
    let nobody = source("events", &json!({}));
    let headers = headers(&[("authorization", "Bearer key-one")]);
    assert!(matches!(nobody.authenticate(&Request::new(&headers, b"")), Err(AuthError::Wrong(_))));
}

#[test]
fn settings_are_checked_and_their_secrets_not_repeated() {
    let error = |name: &str, settings: Value| tandem_sources::configure(name, Some(&settings)).err().unwrap();
    assert!(error("events", json!({"write_key": []})).contains("write_key"));
    assert!(error("events", json!({"write_keys": [" "]})).contains("blank"));
    assert!(!error("events", json!({"write_keys": "s3cret"})).contains("s3cret"));
    assert!(!error("woocommerce", json!({"secrets": {"a": "s3cret"}})).contains("s3cret"));
    assert!(error("woocommerce", json!({"event_id": "order"})).contains("{id}"));
    assert!(error("woocommerce", json!({"event_id": "{id}-{site}"})).contains("{number}"));
    assert!(error("woocommerce", json!({"renewals": "My Event"})).contains("renewals"));
    assert!(error("woocommerce", json!({"content_id": "gtin"})).contains("catalog"));
    assert!(error("shopify", json!({})).contains("woocommerce"));
}
