//! The routes and the administration.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use axum::{
    Json, Router,
    body::Body,
    extract::{Query as UrlQuery, Request, State as Shared},
    middleware::{self, Next},
    response::{Html, IntoResponse, Response},
    routing::{get, post},
};
use bytes::Bytes;
use http::{HeaderValue, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::{
    Fault, Options, Planned, Query, Report, RequestEntry, Sandbox, TestEvent,
    answer::{self, JSON, TEXT},
    browser, page, track,
};

/// Largest body that is read.
const BODY_LIMIT: usize = 16 * 1024 * 1024;

/// `request_id` of the request that is being answered.
#[derive(Clone, Debug, Default)]
pub(crate) struct RequestId(pub(crate) String);

pub(crate) fn router(sandbox: Sandbox) -> Router {
    let numbers = Arc::new(AtomicU64::new(0));
    let clock = sandbox.clone();
    Router::new()
        .route("/open_api/v1.3/event/track/", post(server_half))
        .route("/api/v2/pixel", post(browser_half).options(browser::preflight))
        .route("/i18n/pixel/events.js", get(browser::script))
        .route("/", get(overview))
        .route("/sandbox/conversions", get(conversions))
        .route("/sandbox/requests", get(requests))
        .route("/sandbox/test-events", get(test_events))
        .route("/sandbox/options", get(options).put(put_options))
        .route("/sandbox/faults", get(faults).put(put_faults))
        .route("/sandbox/reset", post(reset))
        .fallback(|| async { answer::respond(StatusCode::NOT_FOUND, TEXT, "404 page not found") })
        .layer(middleware::from_fn(move |request, next| {
            let id = request_id(clock.now_ms(), numbers.fetch_add(1, Ordering::Relaxed));
            stamp(id, request, next)
        }))
        .with_state(sandbox)
}

/// 14 digits of time, then 20 hexadecimal digits, as in TikTok's own ids.
fn request_id(now_ms: i64, number: u64) -> String {
    let time = jiff::Timestamp::from_millisecond(now_ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    // Spreads the running number over all digits, so that ids do not look like a counter.
    let mixed = (number ^ now_ms.cast_unsigned()).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    format!("{}{:04X}{mixed:016X}", time.strftime("%Y%m%d%H%M%S"), number & 0xFFFF)
}

/// Gives every request its id and every answer the two headers TikTok sends.
async fn stamp(id: String, mut request: Request, next: Next) -> Response {
    request.extensions_mut().insert(RequestId(id.clone()));
    let mut response = next.run(request).await;
    let trace = format!("00-{}-{}-01", id.to_lowercase(), &id[id.len() - 16..].to_lowercase());
    for (name, text) in [("x-tt-logid", &id), ("x-tt-trace-id", &trace)] {
        if let Ok(value) = HeaderValue::from_str(text) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// The whole body, or nothing if it is too large or breaks off.
pub(crate) async fn whole(body: Body) -> Option<Bytes> {
    axum::body::to_bytes(body, BODY_LIMIT).await.ok()
}

async fn server_half(Shared(sandbox): Shared<Sandbox>, request: Request) -> Response {
    track::track(sandbox, request).await
}

async fn browser_half(Shared(sandbox): Shared<Sandbox>, request: Request) -> Response {
    browser::hit(&sandbox, request).await
}

async fn overview(Shared(sandbox): Shared<Sandbox>) -> Result<Html<String>, Trouble> {
    page::render(&sandbox)
        .map(Html)
        .map_err(|error| Trouble { status: StatusCode::INTERNAL_SERVER_ERROR, text: error.to_string() })
}

async fn conversions(Shared(sandbox): Shared<Sandbox>, UrlQuery(query): UrlQuery<Query>) -> Json<Report> {
    Json(sandbox.report(&query))
}

async fn requests(Shared(sandbox): Shared<Sandbox>) -> Json<Vec<RequestEntry>> {
    Json(sandbox.requests())
}

async fn test_events(Shared(sandbox): Shared<Sandbox>) -> Json<Vec<TestEvent>> {
    Json(sandbox.test_events())
}

async fn options(Shared(sandbox): Shared<Sandbox>) -> Json<Options> {
    Json(sandbox.options())
}

async fn put_options(Shared(sandbox): Shared<Sandbox>, body: Bytes) -> Result<Json<Options>, Trouble> {
    sandbox.set_options(parse(&body)?).map_err(|error| Trouble::bad_request(&error))?;
    Ok(Json(sandbox.options()))
}

async fn faults(Shared(sandbox): Shared<Sandbox>) -> Json<Vec<Planned>> {
    Json(sandbox.faults())
}

async fn put_faults(Shared(sandbox): Shared<Sandbox>, body: Bytes) -> Result<Json<Vec<Planned>>, Trouble> {
    sandbox.set_faults(parse::<Vec<Fault>>(&body)?);
    Ok(Json(sandbox.faults()))
}

async fn reset(Shared(sandbox): Shared<Sandbox>) -> StatusCode {
    sandbox.reset();
    StatusCode::NO_CONTENT
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Trouble> {
    serde_json::from_slice(body).map_err(|error| Trouble::bad_request(&error))
}

/// An administration request that could not be served.
struct Trouble {
    status: StatusCode,
    text: String,
}

impl Trouble {
    fn bad_request(error: &dyn std::error::Error) -> Trouble {
        Trouble { status: StatusCode::BAD_REQUEST, text: error.to_string() }
    }
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        answer::respond(self.status, JSON, json!({"error": self.text}).to_string())
    }
}
