//! What the shop's plugin reaches: orders handed over in a signed request, each with an answer of its own.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use serde_json::{Map, Value, json};
use tandem_sources::woocommerce::{self, BodyError, Handed, Plugin, WINDOW_S};
use tandem_sources::{Decoded, Source};

use super::{Refusal, counted, json_response, keep, named, read, tags, takes_orders, woocommerce_of};
use crate::live::Seen;
use crate::nonces::Nonce;
use crate::pipeline::Answer;
use crate::{Gateway, SiteRuntime};

pub(super) async fn serve(
    State(gateway): State<Arc<Gateway>>,
    site: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    let site = named(site);
    if !takes_orders(&gateway, &site) {
        tags::of_no_shop(&gateway, &request).await;
    }
    let result = take(&gateway, &site, request).await;
    counted(&gateway, woocommerce::NAME, result)
}

async fn take(gateway: &Gateway, site: &str, request: Request) -> Result<Response, Refusal> {
    let site = gateway.site(site).ok_or_else(Refusal::unknown_site)?;
    let source = woocommerce_of(&site)?;
    let plugin = source.plugin().ok_or_else(Refusal::unknown_site)?;
    let (headers, body) = read(gateway, request, gateway.limits.max_body).await?;
    let wire = tandem_sources::Request::new(&headers, &body);
    let_in(gateway, &site, plugin, &wire)?;
    match plugin.read(&body, &site.site.policy).map_err(refused)? {
        Handed::Ping => Ok(json_response(StatusCode::OK, &ready(&site, source, plugin))),
        Handed::Orders { ids, parts } => {
            let decoded = Decoded { parts, ..Decoded::default() };
            let seen = Seen::of(&gateway.live, &site.site.id, &wire, gateway.clock.now_ms());
            let answers = keep(gateway, &site, source, decoded, seen).await?;
            let orders: Vec<_> = ids.iter().zip(&answers).map(|(id, answer)| Told { id, answer }).collect();
            Ok(json_response(StatusCode::OK, &json!({ "orders": orders })))
        }
    }
}

/// Checks signature, time and nonce, in this order: who has not signed is told nothing of the others.
fn let_in(
    gateway: &Gateway,
    site: &SiteRuntime,
    plugin: Plugin<'_>,
    wire: &tandem_sources::Request<'_>,
) -> Result<(), Refusal> {
    let stamp = plugin.check(wire).map_err(Refusal::unauthorised)?;
    let now_s = gateway.clock.now_s();
    if !stamp.is_timely(now_s) {
        let text = format!("the time of the request is off by more than {WINDOW_S} s; set the shop's clock");
        let refusal = Refusal::new(StatusCode::UNAUTHORIZED, "time_off", text);
        return Err(Refusal { now_s: Some(now_s), ..refusal });
    }
    match gateway.nonces.take(&site.site.id, stamp, now_s) {
        Nonce::New => Ok(()),
        Nonce::Used => {
            let text = "this request was made before; make another with a new time and nonce";
            Err(Refusal::new(StatusCode::CONFLICT, "nonce_used", text))
        }
        Nonce::TooMany => {
            let text = "too many requests of this site's plugin within minutes; send again later";
            Err(Refusal::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", text))
        }
    }
}

fn refused(error: BodyError) -> Refusal {
    let status = match error {
        BodyError::TooMany => StatusCode::PAYLOAD_TOO_LARGE,
        BodyError::Unreadable | BodyError::Version => StatusCode::BAD_REQUEST,
    };
    Refusal::new(status, error.code(), error.to_string())
}

/// What the plugin wants to know of its site.
fn ready(site: &SiteRuntime, source: &dyn Source, plugin: Plugin<'_>) -> Value {
    let gateways = plugin.paid_statuses_of_gateways();
    let gateways: Map<_, _> =
        gateways.map(|(name, paid)| (name.to_owned(), json!({"paid_statuses": paid}))).collect();
    json!({
        "status": "ready",
        "version": env!("CARGO_PKG_VERSION"),
        "site": site.site.id,
        "script": site.script.as_ref().map(|script| format!("{}/s.js", script.path)),
        "purchase_event_id": source.sale_event_id(),
        // The thank-you page tells of a sale when we take it for one, not before.
        "paid_statuses": plugin.paid_statuses(),
        "gateways": gateways,
    })
}

/// What became of one order.
#[derive(Serialize)]
struct Told<'a> {
    id: &'a Option<String>,
    #[serde(flatten)]
    answer: &'a Answer,
}
