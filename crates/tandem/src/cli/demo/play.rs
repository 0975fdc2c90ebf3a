//! The captured orders the demo plays, and what should come of them.

use std::time::Duration;

use anyhow::Context;
use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tandem_destinations::HttpReply;
use tandem_gateway::transport::Http;

use super::{shop, webhook};
use crate::app::App;
use crate::cli::capture::Capture;
use crate::cli::send;

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

/// One capture, delivered: what it was and what the gateway said.
pub(super) struct Told {
    topic: String,
    order: String,
    answer: String,
    scenario: String,
}

/// Sends every capture to the gateway, dates moved to now.
pub(super) async fn deliver(http: &Http, app: &App) -> anyhow::Result<Vec<Told>> {
    let now_s = app.gateway.clock.now_s();
    let mut told = Vec::with_capacity(FILES.len());
    for text in FILES {
        let capture: Capture = serde_json::from_str(text).context("a shipped capture")?;
        let body = today(&capture, now_s)?;
        let order = describe(&serde_json::from_slice(&body).unwrap_or_default());
        let answer = match webhook::post(http, app.public, &capture, body).await? {
            HttpReply::Answer { status, body } => send::line(status, &body),
            HttpReply::NoAnswer { why } => why,
        };
        let topic = topic(&capture).to_owned();
        told.push(Told { topic, order, answer, scenario: capture.scenario });
    }
    Ok(told)
}

/// Waits until nothing is waiting to be delivered.
pub(super) async fn settled(app: &App) -> anyhow::Result<()> {
    let wait = async {
        while app.gateway.store.lanes().unwrap_or_default().iter().any(|l| l.waiting > 0) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait)
        .await
        .context("deliveries did not end within 20 seconds")
}

/// The body with its dates moved so that the order was last changed just now.
fn today(capture: &Capture, now_s: i64) -> anyhow::Result<Vec<u8>> {
    let body = capture.bytes()?;
    let Ok(mut order) = serde_json::from_slice::<Value>(&body) else { return Ok(body) };
    let Some(changed) = order["date_modified_gmt"].as_str().and_then(|t| t.parse::<DateTime>().ok()) else {
        return Ok(body);
    };
    let then = changed.to_zoned(jiff::tz::TimeZone::UTC)?.timestamp();
    move_dates(&mut order, Timestamp::from_second(now_s)?.duration_since(then));
    Ok(serde_json::to_vec(&order)?)
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

fn topic(capture: &Capture) -> &str {
    capture.headers().find(|(n, _)| n.eq_ignore_ascii_case("x-wc-webhook-topic")).map_or("", |(_, v)| v)
}

/// `order 25, pending, 27.61 USD`
fn describe(order: &Value) -> String {
    let text = |key: &str| order[key].as_str().unwrap_or_default();
    match (&order["id"], text("status")) {
        (Value::Null, _) => format!("no order ({})", text("code")),
        (id, "") => format!("order {id}"),
        (id, status) => format!("order {id}, {status}, {} {}", text("total"), text("currency")),
    }
}

/// Prints every delivery.
pub(super) fn show_deliveries(deliveries: &[Told]) {
    println!(
        "WooCommerce sends {} webhooks, as captured from a real store (dates moved to today):\n",
        FILES.len()
    );
    for Told { topic, order, answer, scenario } in deliveries {
        println!("  {topic:<15} {order:<38} {answer}\n      {scenario}");
    }
}

/// Prints what was counted beside what should be; whether they agree.
pub(super) fn show(report: &Value) -> bool {
    println!("\nWhat TikTok counts:\n");
    let verdict = Verdict::of(report);
    for (line, fits) in EXPECTED.iter().zip(&verdict.fits) {
        let (id, value, currency) = line;
        let word = if fits.once { "once" } else { "WRONG" };
        println!("  Purchase  {id:<14} {value:>8} {currency}   {word:<6} {} match keys", fits.keys);
    }
    println!("\n  {verdict}");
    verdict.right()
}

/// What became of the purchases that should be counted.
pub(super) struct Verdict {
    fits: Vec<Fit>,
    counted: usize,
}

struct Fit {
    once: bool,
    keys: usize,
}

impl Verdict {
    /// Of a report of the stand-in; what the demo's shop sold meanwhile is left out.
    pub(super) fn of(report: &Value) -> Self {
        let all = report["conversions"].as_array().map(Vec::as_slice).unwrap_or_default();
        let played: Vec<&Value> = all.iter().filter(|c| !shop::is_of_a_visitor(c)).collect();
        let fit = |(id, value, currency): &(&str, &str, &str)| {
            let found: Vec<_> = played.iter().filter(|c| c["event_id"] == *id).collect();
            let same = |c: &&&&Value| c["currency"] == *currency && same(&c["value"], value);
            let keys = found.first().and_then(|c| c["user_keys"].as_array()).map_or(0, Vec::len);
            Fit { once: found.len() == 1 && found.iter().all(|c| same(&c)), keys }
        };
        Self { fits: EXPECTED.iter().map(fit).collect(), counted: played.len() }
    }

    /// Everything once, and nothing else.
    pub(super) fn right(&self) -> bool {
        self.counted == EXPECTED.len() && self.fits.iter().all(|fit| fit.once)
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let unpaid = "order 53 (never paid) and the deleted one count nothing";
        write!(f, "{} purchases counted, {} expected; {unpaid}.", self.counted, EXPECTED.len())
    }
}

fn same(counted: &Value, expected: &str) -> bool {
    let text = counted.as_str().map_or_else(|| counted.to_string(), str::to_owned);
    let number = |t: &str| t.parse::<tandem_core::Amount>().map(|a| a.decimal().normalize()).ok();
    number(&text) == number(expected)
}
