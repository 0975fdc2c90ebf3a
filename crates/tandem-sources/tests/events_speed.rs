//! How fast the events source decodes. Not a test of correctness; run it by hand:
//! `cargo nextest run --release -p tandem-sources --run-ignored only --no-capture speed`.
#![allow(clippy::unwrap_used, clippy::result_large_err, reason = "tests")]

mod common;

use std::time::Instant;

use common::{headers, site, source};
use serde_json::json;
use tandem_sources::Request;

#[test]
#[ignore = "measures; wants a quiet machine and a release build"]
fn speed() {
    let event = json!({
        "event": "Purchase", "event_time": 1_767_225_590, "event_id": "wc_order_891",
        "user": {"email": "ada@example.com", "ttclid": "E.C.P.Cs4BdemoClickToken-abc_123", "ip": "203.0.113.7",
                 "ttp": "01JABCDEFGHJKMNPQRSTVWXYZ0_.tt.1", "user_agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0)"},
        "page": {"url": "https://shop.example/checkout/order-received/891/", "referrer": "https://shop.example/"},
        "properties": {"currency": "EUR", "value": 89.99, "content_type": "product", "order_id": "891", "contents": [
            {"content_id": "SKU-123", "content_name": "Demo mug", "quantity": 1, "price": 89.99}]},
    });
    let one = event.to_string();
    let many = serde_json::to_string(&vec![event; 100]).unwrap();
    let (headers, site) = (headers(&[]), site());
    let events = source("events", &json!({}));
    for (name, body, count) in [("one by one", &one, 1), ("lists of 100", &many, 100)] {
        let request = Request { headers: &headers, body: body.as_bytes() };
        let started = Instant::now();
        let mut decoded = 0;
        while started.elapsed().as_secs_f64() < 2.0 {
            decoded += events.decode(&request, &site).parts.iter().filter(|part| part.is_ok()).count();
        }
        let per_second = f64::from(u32::try_from(decoded).unwrap()) / started.elapsed().as_secs_f64();
        println!("{name}: {per_second:.0} events/s of {} bytes", body.len() / count);
    }
}
