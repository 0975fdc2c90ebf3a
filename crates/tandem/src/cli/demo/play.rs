//! The orders the demo plays, and what should come of them.

use anyhow::Context;
use base64::Engine;
use hmac::{Hmac, KeyInit, Mac};
use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use sha2::Sha256;

use crate::cli::capture::Capture;

/// In the order they are played.
const FILES: &[&str] = &[
    include_str!("../../../demo/01a-order-created-guest-redirect-gateway-order-created-while-pendi.json"),
    include_str!("../../../demo/01b-order-updated-same-order-payment-complete-pending-to-processin.json"),
    include_str!("../../../demo/01c-order-updated-same-order-processing-to-completed.json"),
    include_str!("../../../demo/03a-order-created-guest-cash-on-delivery-processing-at-once-withou.json"),
    include_str!("../../../demo/04a-order-created-jpy-store-with-0-decimals-tax-10-classic-checkou.json"),
    include_str!("../../../demo/05a-order-created-kwd-store-with-3-decimals.json"),
    include_str!("../../../demo/06b-order-created-prices-include-tax-coupon-unicode-product-name-w.json"),
    include_str!("../../../demo/09a-order-created-order-created-pending-buyer-leaves.json"),
    include_str!("../../../demo/09d-order-updated-payment-failed.json"),
    include_str!("../../../demo/09e-order-updated-retry-succeeds-failed-to-processing.json"),
    include_str!("../../../demo/10a-order-created-order-meta-carries-click-ids-in-underscore-keys.json"),
    include_str!("../../../demo/17a-order-deleted-order-moved-to-trash-body-is-only-the-id.json"),
    include_str!(
        "../../../demo/20-order-updated-one-payment-seen-by-four-order-updated-webhooks-api-v1-error-body.json"
    ),
];

/// Purchases that must be counted, once each: event id, value, currency.
const EXPECTED: &[(&str, &str, &str)] = &[
    ("wc_order_25", "27.61", "USD"),
    ("wc_order_27", "27.61", "USD"),
    ("wc_order_30", "6543", "JPY"),
    ("wc_order_33", "22.875", "KWD"),
    ("wc_order_48", "81.14", "EUR"),
    ("wc_order_54", "27.61", "USD"),
    ("wc_order_55", "27.61", "USD"),
];

pub(super) const SAMPLE_EVENT: &str = r#"{"event_name":"Purchase","event_id":"my-1","order_id":"1","value":9.90,"currency":"EUR","user":{"email":"you@example.com"}}"#;

pub(super) fn captures() -> anyhow::Result<Vec<Capture>> {
    FILES.iter().map(|text| serde_json::from_str(text).context("a shipped capture")).collect()
}

/// The body with its dates moved so that the order was last changed just now, and its signature.
pub(super) fn today(capture: &Capture, now_s: i64, secret: &str) -> anyhow::Result<(Vec<u8>, String)> {
    let mut body = capture.bytes()?;
    if let Ok(mut order) = serde_json::from_slice::<Value>(&body)
        && let Some(changed) = order["date_modified_gmt"].as_str().and_then(|t| t.parse::<DateTime>().ok())
    {
        let then = changed.to_zoned(jiff::tz::TimeZone::UTC)?.timestamp();
        move_dates(&mut order, Timestamp::from_second(now_s)?.duration_since(then));
        body = serde_json::to_vec(&order)?;
    }
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes())?;
    mac.update(&body);
    Ok((body, base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes())))
}

fn move_dates(order: &mut Value, by: SignedDuration) {
    let Some(fields) = order.as_object_mut() else { return };
    for (_, value) in fields.iter_mut().filter(|(name, _)| name.starts_with("date_")) {
        let moved = value.as_str().and_then(|t| t.parse::<DateTime>().ok()?.checked_add(by).ok());
        if let Some(moved) = moved {
            *value = moved.strftime("%Y-%m-%dT%H:%M:%S").to_string().into();
        }
    }
}

/// `order 25, pending, 27.61 USD`
pub(super) fn describe(order: &Value) -> String {
    let text = |key: &str| order[key].as_str().unwrap_or_default();
    match (&order["id"], text("status")) {
        (Value::Null, _) => format!("no order ({})", text("code")),
        (id, "") => format!("order {id}"),
        (id, status) => format!("order {id}, {status}, {} {}", text("total"), text("currency")),
    }
}

/// Prints what was counted beside what should be; whether they agree.
pub(super) fn show(report: &Value) -> bool {
    let none = Vec::new();
    let conversions = report["conversions"].as_array().unwrap_or(&none);
    println!("\nWhat TikTok counts:\n");
    let mut right = conversions.len() == EXPECTED.len();
    for (id, value, currency) in EXPECTED {
        let found: Vec<&Value> = conversions.iter().filter(|c| c["event_id"] == *id).collect();
        let fits = found.len() == 1 && found[0]["currency"] == *currency && same(&found[0]["value"], value);
        let keys = found.first().and_then(|c| c["user_keys"].as_array()).map_or(0, Vec::len);
        let verdict = if fits { "once" } else { "WRONG" };
        println!("  Purchase  {id:<14} {value:>8} {currency}   {verdict:<6} {keys} match keys");
        right &= fits;
    }
    let unpaid = "order 53 (never paid) and the deleted one count nothing";
    println!("\n  {} purchases counted, {} expected; {unpaid}.", conversions.len(), EXPECTED.len());
    right
}

fn same(counted: &Value, expected: &str) -> bool {
    let text = counted.as_str().map_or_else(|| counted.to_string(), str::to_owned);
    let number = |t: &str| t.parse::<tandem_core::Amount>().map(|a| a.decimal().normalize()).ok();
    number(&text) == number(expected)
}
