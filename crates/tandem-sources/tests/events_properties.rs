//! Whatever comes in: no panic, and one answer for each entry.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod common;

use common::{NOW, admitted, decode_events, headers, site, source};
use proptest::prelude::*;
use serde_json::{Map, Number, Value, json};
use tandem_sources::Request;

/// Names that mean something to the decoders, so that arbitrary values land where they matter.
const NAMES: &[&str] = &[
    "event",
    "event_name",
    "event_id",
    "event_time",
    "timestamp",
    "user",
    "user_data",
    "address",
    "email",
    "phone",
    "email_address",
    "external_id",
    "country",
    "state",
    "ip",
    "user_agent",
    "ttclid",
    "cookies",
    "common_cookie",
    "_ttp",
    "_fbc",
    "click_ids",
    "properties",
    "contents",
    "items",
    "content_id",
    "item_id",
    "content_ids",
    "price",
    "quantity",
    "value",
    "currency",
    "order_id",
    "transaction_id",
    "page",
    "url",
    "page_location",
    "consent",
    "consent_state",
    "marketing",
    "ad_storage",
    "region",
    "evidence",
    "limited_data_use",
    "channel",
    "session_id",
    "search_string",
    "num_items",
    "test_event_code",
    "id",
    "status",
    "total",
    "line_items",
    "billing",
    "meta_data",
    "key",
    "_wp_consent",
    "_wc_order_attribution_session_entry",
    "date_paid_gmt",
    "created_via",
    "customer_id",
    "number",
    "payment_method",
    "sku",
    "variation_id",
    "name",
    "anything",
];

const WORDS: &[&str] = &[
    "Purchase",
    "purchase",
    "web",
    "processing",
    "89.99",
    "-1",
    "1e400",
    "usd",
    "USD",
    "granted",
    "deny",
    "{",
    "{}",
    "2026-01-01T00:00:00Z",
    "2026-01-01T00:00:00",
    "ada@example.com",
    "https://a.example/?ttclid=E.C.P.x&key=1",
    "+12133734253",
    "checkout",
    "subscription",
    "product",
    "0",
    "",
    " ",
    "\u{0}",
    "é\u{301}🙂",
    "consent_marketing",
];

fn value() -> impl Strategy<Value = Value> {
    let text = prop_oneof![prop::sample::select(WORDS).prop_map(str::to_owned), ".{0,12}"];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(|f| Number::from_f64(f).map_or(Value::Null, Value::Number)),
        (-9_i32..99_999).prop_map(|n| json!(f64::from(n) / 100.0)),
        text.prop_map(Value::String),
    ];
    let name = prop_oneof![9 => prop::sample::select(NAMES).prop_map(str::to_owned), 1 => ".{0,8}"];
    leaf.prop_recursive(5, 64, 8, move |inner| {
        let entries = prop::collection::vec((name.clone(), inner.clone()), 0..10);
        prop_oneof![
            2 => prop::collection::vec(inner, 0..5).prop_map(Value::Array),
            5 => entries.prop_map(|entries| Value::Object(Map::from_iter(entries))),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_list_of_values(list in prop::collection::vec(value(), 1..6)) {
        let body = Value::Array(list.clone()).to_string();
        let parts = decode_events(body.as_bytes()).parts;
        prop_assert_eq!(parts.len(), list.len());
        admitted(parts, NOW);

        let body = json!({"event_source": "web", "event_source_id": "P", "data": list.clone()}).to_string();
        let parts = decode_events(body.as_bytes()).parts;
        prop_assert_eq!(parts.len(), list.len());
        admitted(parts, NOW);
    }

    #[test]
    fn any_value_alone(value in value()) {
        let parts = decode_events(value.to_string().as_bytes()).parts;
        prop_assert!(!parts.is_empty());
        admitted(parts, NOW);
    }

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(!decode_events(&bytes).parts.is_empty());
    }

    #[test]
    fn a_good_order_with_any_change(changes in prop::collection::vec((prop::sample::select(NAMES), value()), 1..6)) {
        let mut order = json!({
            "id": 7, "status": "processing", "total": "10.00", "currency": "EUR", "created_via": "checkout",
            "line_items": [{"id": 1, "sku": "A", "quantity": 3, "total": "10.00"}], "meta_data": [], "billing": {},
        });
        for (name, value) in changes {
            order[name] = value;
        }
        let none = headers(&[]);
        let body = order.to_string();
        for settings in [json!({}), json!({"value": "subtotal_after_discount", "content_id": "catalog"})] {
            let woo = source("woocommerce", &settings);
            let decoded = woo.decode(&Request::new(&none, body.as_bytes()), &site());
            prop_assert_eq!(decoded.parts.len(), 1);
            admitted(decoded.parts, NOW);
        }
    }

    #[test]
    fn any_delivery(value in value(), topic in prop::option::of(".{0,20}")) {
        let topic = topic.and_then(|t| http::HeaderValue::try_from(t).ok());
        let headers = topic.map(|t| [(http::HeaderName::from_static("x-wc-webhook-topic"), t)]);
        let headers = headers.into_iter().flatten().collect();
        let woo = source("woocommerce", &json!({}));
        let body = value.to_string();
        let decoded = woo.decode(&Request::new(&headers, body.as_bytes()), &site());
        prop_assert_eq!(decoded.parts.len(), 1);
        admitted(decoded.parts, NOW);
    }
}
