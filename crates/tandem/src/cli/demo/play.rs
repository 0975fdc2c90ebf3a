//! Plays the captured orders.

use std::time::Duration;

use anyhow::Context;
use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tandem_destinations::HttpReply;
use tandem_gateway::transport::Http;

use super::captures::{PLAYED, Played};
use super::consent::Answer;
use super::webhook;
use crate::app::App;
use crate::cli::capture::Capture;
use crate::cli::send;

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
    let mut told = Vec::with_capacity(PLAYED.len());
    for played in PLAYED {
        let capture: Capture = serde_json::from_str(played.text).context("a shipped capture")?;
        let body = body(&capture, played, now_s)?;
        let order = describe(&serde_json::from_slice(&body).unwrap_or_default());
        let answer = match webhook::post(http, app.public, &capture, body).await? {
            HttpReply::Answer { status, body } => send::line(status, &body),
            HttpReply::NoAnswer { why, .. } => why,
        };
        let topic = topic(&capture).to_owned();
        told.push(Told { topic, order, answer, scenario: scenario(capture.scenario, played) });
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

/// The body with the demo's additions, and its dates moved so that the order was last changed just now.
fn body(capture: &Capture, played: &Played, now_s: i64) -> anyhow::Result<Vec<u8>> {
    let body = capture.bytes()?;
    let Ok(mut order) = serde_json::from_slice::<Value>(&body) else { return Ok(body) };
    let Some(changed) = order["date_modified_gmt"].as_str().and_then(|t| t.parse::<DateTime>().ok()) else {
        return Ok(body);
    };
    let then = changed.to_zoned(jiff::tz::TimeZone::UTC)?.timestamp();
    move_dates(&mut order, Timestamp::from_second(now_s)?.duration_since(then));
    if let Some(number) = played.number {
        order["id"] = number.into();
    }
    if let Some(meta) = order["meta_data"].as_array_mut() {
        meta.extend(played.said.meta());
    }
    Ok(serde_json::to_vec(&order)?)
}

fn scenario(captured: String, played: &Played) -> String {
    match played.said.answer {
        Some(Answer::Declined) => format!("{captured}; this buyer declined"),
        None => format!("{captured}; this buyer never answered"),
        Some(Answer::Accepted) => captured,
    }
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
    say!(
        "WooCommerce sends {} webhooks, as captured from a real store (dates moved to today). That store asked nobody:\n\
         the answers in the orders' meta are the demo's, a yes where nothing else is said.\n",
        deliveries.len()
    );
    for Told { topic, order, answer, scenario } in deliveries {
        say!("  {topic:<15} {order:<38} {answer}\n      {scenario}");
    }
}
