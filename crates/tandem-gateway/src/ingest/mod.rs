//! The public listener: what the world may reach. Everything that comes in here is untrusted.
//!
//! Here are the events API and the webhooks; [`plugin`] is what the shop's plugin reaches, [`pages`] what its pages do.
//! [`sweep`] asks the shop itself.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, post};
use bytes::Bytes;
use serde::Serialize;
use serde_json::json;
use tandem_core::Event;
use tandem_core::rules::Context;
use tandem_core::session::{Rules, Touch};
use tandem_sources::{AuthError, Decoded, Source, Visit, events, woocommerce};
use tandem_store::{Batch, StoreError};

use crate::live::{Seen, Tap};
use crate::pipeline::{self, Answer};
use crate::{Gateway, Limits, SiteRuntime, sessions, shaping};

mod pages;
mod peer;
mod plugin;
pub mod sweep;
mod tags;

pub(crate) use peer::Peer;

/// The public routes.
pub fn router(gateway: Arc<Gateway>) -> Router {
    Router::new()
        .route("/v1/events", post(post_events).fallback(wrong_method))
        .route("/webhooks/woocommerce/{site}", post(post_woocommerce).fallback(wrong_method))
        .route("/plugin/{site}", post(plugin::serve).fallback(wrong_method))
        .route("/", any(nobodys))
        .fallback(pages::serve)
        .with_state(gateway)
}

async fn nobodys(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    tags::serve(&gateway, request).await
}

async fn wrong_method() -> Response {
    let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "use POST");
    ([(header::ALLOW, "POST")], refusal).into_response()
}

/// A request that is refused as a whole.
struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
    /// Our time, Unix seconds, for a caller whose own is wrong.
    now_s: Option<i64>,
}

impl Refusal {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), now_s: None }
    }

    fn not_found() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not_found",
            "nothing here; see POST /v1/events, /webhooks/woocommerce/{site} and /plugin/{site}",
        )
    }

    fn unknown_site() -> Self {
        Refusal::new(
            StatusCode::NOT_FOUND,
            "unknown_site",
            "no site of that name takes orders from WooCommerce",
        )
    }

    fn unauthorised(error: AuthError) -> Self {
        let (status, code) = match error {
            AuthError::Missing(_) => (StatusCode::UNAUTHORIZED, "credentials_missing"),
            AuthError::Wrong(_) => (StatusCode::UNAUTHORIZED, "credentials_wrong"),
            AuthError::Origin(_) => (StatusCode::FORBIDDEN, "origin_not_allowed"),
        };
        Self::new(status, code, error.to_string())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut body = json!({ "error": { "code": self.code, "message": self.message } });
        if let Some(now_s) = self.now_s {
            body["now"] = now_s.into();
        }
        json_response(self.status, &body)
    }
}

/// Whether a request came by https, and from where, as far as trusted proxies tell.
#[must_use]
pub fn caller(request: &Request, limits: &Limits) -> (Option<String>, bool) {
    let peer = Peer::of(request.extensions(), request.headers(), limits);
    (peer.ip, peer.secure)
}

fn json_response(status: StatusCode, body: &impl Serialize) -> Response {
    // Answers are made of texts and numbers: serialising cannot fail.
    let body = serde_json::to_vec(body).unwrap_or_default();
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

async fn post_events(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    let result = take_events(&gateway, request).await;
    counted(&gateway, events::NAME, result)
}

async fn post_woocommerce(
    State(gateway): State<Arc<Gateway>>,
    site: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    let site = named(site);
    if !takes_orders(&gateway, &site) {
        tags::of_no_shop(&gateway, &request).await;
    }
    let result = take_webhook(&gateway, &site, request).await;
    counted(&gateway, woocommerce::NAME, result)
}

/// The site that an address names; one that is no text names none.
fn named(site: Result<Path<String>, PathRejection>) -> String {
    site.map(|Path(site)| site).unwrap_or_default()
}

/// Whether there is such a site, with a shop.
fn takes_orders(gateway: &Gateway, site: &str) -> bool {
    gateway.site(site).is_some_and(|site| woocommerce_of(&site).is_ok())
}

/// The shop's source.
fn woocommerce_of(site: &SiteRuntime) -> Result<&dyn Source, Refusal> {
    site.source(woocommerce::NAME).ok_or_else(Refusal::unknown_site)
}

fn counted(gateway: &Gateway, source: &'static str, result: Result<Response, Refusal>) -> Response {
    if let Err(Refusal { status, code, message, .. }) = &result {
        gateway.live.refused(gateway.clock.now_ms(), source, status.as_u16(), code, message);
    }
    let response = result.unwrap_or_else(IntoResponse::into_response);
    gateway.metrics.request(source, response.status().as_u16());
    response
}

async fn take_events(gateway: &Gateway, request: Request) -> Result<Response, Refusal> {
    let (headers, body) = read(gateway, request, gateway.limits.max_body).await?;
    let wire = tandem_sources::Request::new(&headers, &body);
    let site = gateway.sites().by_key(&wire).map_err(Refusal::unauthorised)?;
    let source = site.source(events::NAME).ok_or_else(Refusal::unknown_site)?;
    let seen = Seen::of(&gateway.live, &site.site.id, &wire, gateway.clock.now_ms());
    let decoded = Decoded { context: rule_context(&site, &wire), ..source.decode(&wire, &site.site) };
    let answers = keep(gateway, &site, source, decoded, seen).await?;
    let count = |status| answers.iter().filter(|a| a.status == status).count();
    let (accepted, duplicates) = (count("accepted"), count("duplicate"));
    let status = if accepted + duplicates > 0 { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let rejected = answers.len() - accepted - duplicates;
    Ok(json_response(status, &EventsAnswer { accepted, duplicates, rejected, events: &answers }))
}

#[derive(Serialize)]
struct EventsAnswer<'a> {
    accepted: usize,
    duplicates: usize,
    rejected: usize,
    events: &'a [Answer],
}

/// A signed webhook gets 200 even when it holds nothing to report, or something broken: WooCommerce sends nothing
/// twice, and switches a webhook off for good after a few other answers. What was wrong is on record.
async fn take_webhook(gateway: &Gateway, site: &str, request: Request) -> Result<Response, Refusal> {
    let site = gateway.site(site).ok_or_else(Refusal::unknown_site)?;
    let source = woocommerce_of(&site)?;
    let (headers, body) = read(gateway, request, gateway.limits.max_body).await?;
    let wire = tandem_sources::Request::new(&headers, &body);
    source.authenticate(&wire).map_err(Refusal::unauthorised)?;
    let mut decoded = source.decode(&wire, &site.site);
    decoded.context = rule_context(&site, &wire);
    if decoded.handshake {
        return Ok(json_response(StatusCode::OK, &json!({ "status": "ready" })));
    }
    let seen = Seen::of(&gateway.live, &site.site.id, &wire, gateway.clock.now_ms());
    let answers = keep(gateway, &site, source, decoded, seen).await?;
    Ok(json_response(StatusCode::OK, &json!({ "events": answers })))
}

/// What the site's rules may see of a request.
fn rule_context(site: &SiteRuntime, wire: &tandem_sources::Request<'_>) -> Context {
    site.site.rules.context(|name| wire.header(name), &wire.cookies())
}

/// Prepares, appends, and answers once it is on disk.
async fn keep(
    gateway: &Gateway,
    site: &SiteRuntime,
    source: &dyn Source,
    decoded: Decoded,
    mut seen: Seen,
) -> Result<Vec<Answer>, Refusal> {
    let name = source.name();
    let now_s = gateway.clock.now_s();
    let mut admitted = pipeline::admit(&site.site, decoded.parts, now_s);
    let mut events: Vec<_> =
        admitted.iter_mut().filter_map(|part| part.as_mut().ok().map(|(event, _)| event)).collect();
    let touches = match &site.site.sessions {
        Some(rules) => complete(gateway, site, rules, &mut events, decoded.visit).await,
        None => {
            if let Err(error) = sessions::freeze(&gateway.store, &site.site.id, &mut events).await {
                tracing::warn!(%error, "cannot look for what was allowed for the orders");
            }
            Vec::new()
        }
    };
    let asked = admitted.len();
    let admitted = shaping::at_door(site, admitted, &decoded.context);
    seen.admit(&admitted);
    let mut prepared = pipeline::prepare(site, name, admitted, now_s);
    let tap = Tap::of(&gateway.live, seen, &site.site.id, name, &prepared);
    let batch = Batch {
        events: std::mem::take(&mut prepared.events),
        notices: std::mem::take(&mut prepared.notices),
        numbers: std::mem::take(&mut prepared.numbers),
        touches: touches.into_iter().map(|touch| sessions::new_touch(&site.site.id, touch)).collect(),
    };
    let outcomes = gateway.store.append(batch, gateway.clock.now_ms()).await.map_err(unavailable)?;
    let tap = tap.map(|tap| tap.stored(&outcomes));
    let mut answers = prepared.settle(outcomes);
    if let Some(tap) = tap {
        tap.tell(&gateway.live, &answers);
    }
    for status in ["accepted", "duplicate", "ignored", "rejected"] {
        let count = answers.iter().filter(|a| a.status == status).count() as u64;
        gateway.metrics.events(&site.site.id, name, status, count);
    }
    let failed = answers.iter().flat_map(|a| &a.warnings).filter(|f| f.code == "rule_failed").count();
    gateway.metrics.rule_failures(&site.site.id, failed as u64);
    // Nobody asked about the events that rules add.
    answers.truncate(asked);
    Ok(answers)
}

/// Completes events from their sessions, and gives what they and the visit tell of visitors.
async fn complete(
    gateway: &Gateway,
    site: &SiteRuntime,
    rules: &Rules,
    events: &mut [&mut Event],
    visit: Option<Visit>,
) -> Vec<Touch> {
    let now_ms = gateway.clock.now_ms();
    let joined = sessions::join(&gateway.store, &site.site.id, rules, events, now_ms).await;
    // A webhook is not sent twice: the sale matters more than its click id.
    let joined = joined.unwrap_or_else(|error| {
        tracing::warn!(%error, "cannot look for visitors, events are kept without");
        vec![None; events.len()]
    });
    let gates = &site.site.gates;
    let orders = events.iter().zip(&joined);
    let of_orders =
        orders.filter_map(|(event, visitor)| sessions::touch_of_order(event, visitor.as_deref(), gates));
    let mut touches: Vec<Touch> = of_orders.collect();
    touches.extend(visit.map(|visit| sessions::touch_of_visit(visit, events, gates)));
    touches
}

fn unavailable(error: StoreError) -> Refusal {
    let (code, message) = match error {
        StoreError::Disk(_) => {
            ("disk_full", "the disk cannot be written; nothing of this request was kept, send it again")
        }
        _ => {
            ("store_unavailable", "the store cannot answer; nothing of this request was kept, send it again")
        }
    };
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, code, message)
}

async fn read(gateway: &Gateway, request: Request, limit: usize) -> Result<(HeaderMap, Bytes), Refusal> {
    let (headers, bytes) = read_any(gateway, request, limit).await?;
    if bytes.is_empty() {
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "empty_body", "the request has no body"));
    }
    Ok((headers, bytes))
}

/// The same where an empty body is none the worse.
async fn read_any(gateway: &Gateway, request: Request, limit: usize) -> Result<(HeaderMap, Bytes), Refusal> {
    let (parts, body) = request.into_parts();
    if let Some(encoding) = parts.headers.get(header::CONTENT_ENCODING)
        && encoding.as_bytes() != b"identity"
    {
        let text = "send the body uncompressed";
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content_encoding", text));
    }
    let declared =
        parts.headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
    if declared.is_some_and(|length| length > limit) {
        return Err(too_large(limit));
    }
    let patience = Duration::from_millis(gateway.limits.body_timeout_ms);
    let bytes = tokio::time::timeout(patience, axum::body::to_bytes(Body::new(body), limit)).await;
    match bytes {
        Ok(Ok(bytes)) => Ok((parts.headers, bytes)),
        Ok(Err(error)) if is_length_error(&error) => Err(too_large(limit)),
        Ok(Err(_)) => {
            Err(Refusal::new(StatusCode::BAD_REQUEST, "body_cut", "the body ended before its time"))
        }
        Err(_) => {
            Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, "body_slow", "the body did not arrive in time"))
        }
    }
}

fn is_length_error(error: &axum::Error) -> bool {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if error.to_string().contains("length limit") {
            return true;
        }
        cause = error.source();
    }
    false
}

fn too_large(limit: usize) -> Refusal {
    let text = format!("a request holds {limit} bytes at most; send smaller batches");
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", text)
}
