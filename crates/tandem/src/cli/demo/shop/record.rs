//! What the gateway has on record about an order, for people.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use minijinja::context;
use minijinja::value::Serde;
use serde_json::{Value, json};
use tandem_store::embedded::View;

use super::pages::Keep;
use super::{Shop, outcome, pages};

/// Newest events that are looked through.
const LOOKED_THROUGH: u32 = 200;

/// The newest events of the log, newest first.
pub(super) async fn newest(shop: &Shop) -> Vec<Value> {
    let store = shop.gateway.store.clone();
    // Reads do not belong on the threads that serve requests.
    let rows = tokio::task::spawn_blocking(move || store.newest(View::Events, None, LOOKED_THROUGH));
    rows.await.ok().and_then(Result::ok).unwrap_or_default()
}

/// The events of an order with their deliveries, oldest first.
async fn of_order(shop: &Shop, id: u64) -> Vec<Value> {
    let id = id.to_string();
    let rows = newest(shop).await;
    let store = shop.gateway.store.clone();
    let read = move || {
        let whole = |row: &Value| store.event(row["seq"].as_i64()?).ok()?;
        rows.iter().rev().filter(|row| row["order_id"] == id.as_str()).filter_map(whole).collect()
    };
    tokio::task::spawn_blocking(read).await.unwrap_or_default()
}

pub(super) async fn serve(
    State(shop): State<Arc<Shop>>,
    Path(id): Path<u64>,
    headers: HeaderMap,
) -> Response {
    let order = shop.orders().get(id).cloned();
    let Some(order) = order else { return pages::missing(State(shop)).await };
    let events: Vec<Value> = of_order(&shop, id).await.iter().map(entry).collect();
    let outcome = outcome::of_order(&shop, &order, super::said(&headers)).await;
    let page = context! { id, events => Serde(events), outcome => Serde(outcome) };
    shop.pages.answer("record.html", Keep::Private, page)
}

/// One event: its head, where each key came from, what became of it, and all of it.
fn entry(event: &Value) -> Value {
    let supplied = event["body"]["supplied"].as_object();
    let keys: Vec<Value> = supplied.into_iter().flatten().map(|(name, supply)| key(name, supply)).collect();
    let all = serde_json::to_string_pretty(&event["body"]).unwrap_or_default();
    json!({
        "name": event["event_name"], "event_id": event["event_id"], "source": event["source"],
        "channel": event["channel"], "received_at": event["received_at"], "value": event["value"],
        "currency": event["currency"], "keys": keys, "deliveries": event["deliveries"], "all": all,
    })
}

fn key(name: &str, supply: &Value) -> Value {
    let from = match (supply["from"].as_str(), supply["via"].as_str()) {
        (Some("session"), Some("visitor_id")) => "the visit, found by the visitor id",
        (Some("session"), Some("order_id")) => "the visit, found by the order id",
        (Some("session"), Some("email")) => "the visit, found by the hashed e-mail address",
        (Some("url"), _) => "the page's address",
        (Some("cookie"), _) => "a cookie",
        (Some("connection"), _) => "the connection",
        _ => "elsewhere",
    };
    json!({ "name": name, "from": from, "page": supply["page"] })
}
