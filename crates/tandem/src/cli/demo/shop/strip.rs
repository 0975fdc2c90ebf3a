//! Everything that the visitor's pages told the gateway, and which halves of it the stand-in received.

use std::collections::HashSet;

use axum::http::HeaderMap;
use serde_json::{Value, json};

use super::{Answer, Shop, cookie, outcome, record, said};

/// Rows of the strip.
const ROWS: usize = 8;

pub(super) async fn of_visitor(shop: &Shop, headers: &HeaderMap) -> Value {
    let empty = why_empty(headers, shop);
    let Some(visitor) = cookie(headers, &shop.visitor_cookie) else {
        return json!({ "known": false, "empty": empty, "page_views": 0, "events": [] });
    };
    let log = record::newest(shop).await;
    let counted = outcome::conversions(shop, "?limit=60").await;
    // A page that was left tells an event again on the next one, under the same id.
    let mut seen = HashSet::new();
    let own = log.iter().filter(|row| row["body"]["session_id"] == visitor);
    let own = own.filter(|row| seen.insert(row["event_id"].as_str()));
    let (views, others): (Vec<&Value>, Vec<&Value>) = own.partition(|row| row["event_name"] == "Pageview");
    let rows: Vec<Value> = others.iter().take(ROWS).map(|row| line(row, &counted)).collect();
    let more = others.len().saturating_sub(ROWS);
    json!({ "known": true, "empty": empty, "page_views": views.len(), "more": more, "events": rows })
}

fn why_empty(headers: &HeaderMap, shop: &Shop) -> &'static str {
    let said = said(headers);
    match said.answer {
        _ if said.gpc => {
            "Nothing, and no cookie of the gateway’s: your browser sends Global Privacy Control."
        }
        None => "Nothing, and no cookie of the gateway’s: you have not answered yet.",
        Some(Answer::Declined) => "Nothing, and no cookie of the gateway’s: you declined.",
        Some(Answer::Accepted) if cookie(headers, &shop.visitor_cookie).is_some() => {
            "Nothing yet but page views. Look at a product."
        }
        Some(Answer::Accepted) => "Nothing yet: no script of the gateway has run in this browser.",
    }
}

fn line(row: &Value, counted: &[Value]) -> Value {
    let found: Vec<&Value> = counted.iter().filter(|c| c["event_id"] == row["event_id"]).collect();
    let has = |half: &str| found.iter().any(|c| c[half].is_i64());
    json!({
        "name": row["event_name"], "order": row["order_id"], "value": row["value"], "currency": row["currency"],
        "browser": has("pixel_ms"), "server": has("server_ms"), "counted": found.len(),
    })
}
