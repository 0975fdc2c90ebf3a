//! What the stand-in for TikTok received: for one order, or for everything this visitor did.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tandem_destinations::{HttpReply, HttpRequest};
use tandem_gateway::transport::Transport;

use super::orders::Order;
use super::ruling::{self, Ruling};
use super::words::Facts;
use super::{Said, Shop, layer, record, said, strip};

/// After so long a half that is not there is missed.
const MISSED_MS: i64 = 8_000;
/// After so long nobody need ask any more.
const SETTLED_MS: i64 = 60_000;

#[derive(Deserialize)]
pub(super) struct Asked {
    order: Option<u64>,
}

/// `?order=…` for one order, nothing for the visitor's newest events.
pub(super) async fn serve(
    State(shop): State<Arc<Shop>>,
    headers: HeaderMap,
    Query(Asked { order }): Query<Asked>,
) -> Response {
    let answer = match order {
        Some(id) => {
            let order = shop.orders().get(id).cloned();
            match order {
                Some(order) => json!(of_order(&shop, &order, said(&headers)).await),
                None => return StatusCode::NOT_FOUND.into_response(),
            }
        }
        None => strip::of_visitor(&shop, &headers).await,
    };
    ([(header::CACHE_CONTROL, "no-store")], Json(answer)).into_response()
}

/// What became of an order.
#[derive(Debug, Serialize)]
pub(super) struct Outcome {
    order: u64,
    event_id: String,
    value: String,
    currency: &'static str,
    state: Stage,
    /// How the buyer answered.
    answer: &'static str,
    headline: &'static str,
    detail: String,
    browser: Option<Half>,
    server: Option<Half>,
    /// How often TikTok counts it.
    counted: usize,
    /// Reports that arrived.
    received: u64,
    /// What the gateway has on record about the server half.
    ruling: Option<Ruling>,
    /// A half that is not there will not come any more, as far as anybody can tell.
    missed: bool,
    /// Nobody need ask again.
    settled: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Stage {
    Unpaid,
    Waiting,
    /// For want of a yes.
    NotSent,
    BrowserOnly,
    ServerOnly,
    Both,
}

/// A half as it arrived.
#[derive(Debug, Serialize)]
struct Half {
    at_ms: i64,
    /// Since the payment.
    after_ms: i64,
    keys: Vec<String>,
    /// Keys that the other half, which is there too, did not bring.
    own: Vec<String>,
}

/// `now`: what whoever looks says of consent by now.
pub(super) async fn of_order(shop: &Shop, order: &Order, now: Said) -> Outcome {
    let id = order.event_id();
    let counted: Vec<Value> = conversions(shop, "?event=Purchase&limit=40").await;
    let counted: Vec<&Value> = counted.iter().filter(|c| c["event_id"] == id.as_str()).collect();
    let known = counted.first().copied().unwrap_or(&Value::Null);
    let log = record::newest(shop).await;
    let number = order.id.to_string();
    let events: Vec<&Value> = log.iter().filter(|row| row["order_id"] == number.as_str()).collect();
    let ruling = ruling::of(shop, &events).await;
    let (browser, server) = (half(known, "pixel", "server", order), half(known, "server", "pixel", order));
    let stage = match (order.paid_ms, &browser, &server) {
        (None, ..) => Stage::Unpaid,
        (_, Some(_), Some(_)) => Stage::Both,
        (_, Some(_), None) => Stage::BrowserOnly,
        (_, None, Some(_)) => Stage::ServerOnly,
        _ if ruling.as_ref().is_some_and(Ruling::is_kept_back) => Stage::NotSent,
        _ => Stage::Waiting,
    };
    let age_ms = order.paid_ms.map_or(0, |paid| shop.gateway.clock.now_ms() - paid);
    let (late, blocked) = (age_ms > MISSED_MS, is_blocked(&log, &events));
    let (joined, with_order) = (joined(&events), order.said);
    let facts = Facts { stage, late, blocked, joined, ruling: ruling.as_ref(), with_order, now };
    let (answer, headline, mut detail) = (facts.stand().text(), facts.headline(), facts.detail());
    let received: u64 = counted.iter().filter_map(|c| c["received"].as_u64()).sum();
    if received > 2 {
        detail.push_str(" What came again under the same id was dropped.");
    }
    Outcome {
        order: order.id,
        event_id: id,
        value: order.cart.total().to_string(),
        currency: layer::CURRENCY,
        state: stage,
        answer,
        headline,
        detail,
        browser,
        server,
        counted: counted.len(),
        received,
        ruling,
        missed: late || (blocked && stage == Stage::ServerOnly),
        settled: stage == Stage::Both || age_ms > SETTLED_MS,
    }
}

fn half(known: &Value, name: &str, other: &str, order: &Order) -> Option<Half> {
    let at_ms = known[format!("{name}_ms")].as_i64()?;
    let keys = |of: &str| -> Vec<String> {
        let list = known[format!("{of}_keys")].as_array();
        list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let (keys, others) = (keys(name), keys(other));
    let own = keys.iter().filter(|key| !others.is_empty() && !others.contains(key)).cloned().collect();
    Some(Half { at_ms, after_ms: at_ms - order.paid_ms.unwrap_or(at_ms), keys, own })
}

/// How the server half came to its click id, if it did.
fn joined(events: &[&Value]) -> Option<&'static str> {
    let server = events.iter().find(|row| row["source"] == "woocommerce")?;
    let supply = &server["body"]["supplied"]["ttclid"];
    match supply["via"].as_str()? {
        "email" => Some("found by the hashed e-mail address"),
        "order_id" => Some("found by the order number on this page"),
        _ => Some("found by the visitor id"),
    }
}

/// Whether the visitor's pages told last that the pixel cannot load. On the thank-you page itself it is mostly still
/// loading when the sale is told.
fn is_blocked(log: &[Value], events: &[&Value]) -> bool {
    let visitor = events.iter().find_map(|row| row["body"]["session_id"].as_str());
    let states = log.iter().filter(|row| visitor.is_some_and(|visitor| row["body"]["session_id"] == visitor));
    let mut states = states.filter_map(|row| row["body"]["pixels"]["tiktok"].as_str());
    states.find(|state| *state != "loading") == Some("blocked")
}

/// What the stand-in counted, oldest first.
pub(super) async fn conversions(shop: &Shop, query: &str) -> Vec<Value> {
    let url = format!("http://{}/sandbox/conversions{query}", shop.sandbox);
    let request = HttpRequest { method: Method::GET, url, ..HttpRequest::default() };
    let HttpReply::Answer { body, .. } = shop.http.send(request).await else { return Vec::new() };
    let mut report: Value = serde_json::from_slice(&body).unwrap_or_default();
    match report["conversions"].take() {
        Value::Array(list) => list,
        _ => Vec::new(),
    }
}
