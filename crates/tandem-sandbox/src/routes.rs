//! The routes and the administration.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use axum::{
    Json, Router,
    body::Body,
    extract::{FromRequestParts, Query as UrlQuery, Request, State as Shared},
    middleware::{self, Next},
    response::{Html, IntoResponse, Response},
    routing::{get, post},
};
use bytes::Bytes;
use http::{StatusCode, Uri, request::Parts};
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::{
    Fault, Options, PLATFORMS, Planned, Platform, Query, Report, RequestEntry, Sandbox, TIKTOK, TestEvent,
    answer::{self, JSON},
    page,
};

/// Largest body that is read.
const BODY_LIMIT: usize = 16 * 1024 * 1024;

/// `request_id` of the request that is being answered.
#[derive(Clone, Debug, Default)]
pub(crate) struct RequestId(pub(crate) String);

pub(crate) fn router(sandbox: Sandbox) -> Router {
    let numbers = Arc::new(AtomicU64::new(0));
    let clock = sandbox.clone();
    let common = Router::new()
        .route("/", get(overview))
        .route("/sandbox/conversions", get(conversions))
        .route("/sandbox/requests", get(requests))
        .route("/sandbox/test-events", get(test_events))
        .route("/sandbox/options", get(options).put(put_options))
        .route("/sandbox/faults", get(faults).put(put_faults))
        .route("/sandbox/{platform}/conversions", get(conversions))
        .route("/sandbox/{platform}/requests", get(requests))
        .route("/sandbox/{platform}/test-events", get(test_events))
        .route("/sandbox/{platform}/faults", get(faults).put(put_faults))
        .route("/sandbox/reset", post(reset));
    PLATFORMS
        .into_iter()
        .fold(common, |router, platform| router.merge((platform.routes)()))
        .layer(middleware::from_fn(move |mut request: Request, next: Next| {
            let id = request_id(clock.now_ms(), numbers.fetch_add(1, Ordering::Relaxed));
            request.extensions_mut().insert(RequestId(id));
            next.run(request)
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

/// The whole body, or nothing if it is too large or breaks off.
pub(crate) async fn whole(body: Body) -> Option<Bytes> {
    axum::body::to_bytes(body, BODY_LIMIT).await.ok()
}

/// The platform that an address of the administration names.
struct Of(&'static Platform);

impl<S: Sync> FromRequestParts<S> for Of {
    type Rejection = Trouble;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Of, Trouble> {
        let mut segments = parts.uri.path().split('/').skip(2);
        match (segments.next(), segments.next()) {
            (Some(name), Some(_)) => Platform::named(name).map(Of).ok_or_else(Trouble::no_platform),
            _ => Ok(Of(&TIKTOK)),
        }
    }
}

async fn overview(Shared(sandbox): Shared<Sandbox>) -> Result<Html<String>, Trouble> {
    page::render(&sandbox)
        .map(Html)
        .map_err(|error| Trouble { status: StatusCode::INTERNAL_SERVER_ERROR, text: error.to_string() })
}

async fn conversions(
    Of(platform): Of,
    Shared(sandbox): Shared<Sandbox>,
    UrlQuery(query): UrlQuery<Query>,
) -> Json<Report> {
    Json(sandbox.on(platform).report(&query))
}

async fn requests(Of(platform): Of, Shared(sandbox): Shared<Sandbox>, uri: Uri) -> Json<Vec<RequestEntry>> {
    let all = uri.path() == "/sandbox/requests";
    Json(if all { sandbox.requests() } else { sandbox.on(platform).requests() })
}

async fn test_events(Of(platform): Of, Shared(sandbox): Shared<Sandbox>) -> Json<Vec<TestEvent>> {
    Json(sandbox.on(platform).test_events())
}

async fn options(Shared(sandbox): Shared<Sandbox>) -> Json<Options> {
    Json(sandbox.options())
}

async fn put_options(Shared(sandbox): Shared<Sandbox>, body: Bytes) -> Result<Json<Options>, Trouble> {
    sandbox.set_options(parse(&body)?).map_err(|error| Trouble::bad_request(&error))?;
    Ok(Json(sandbox.options()))
}

async fn faults(Of(platform): Of, Shared(sandbox): Shared<Sandbox>) -> Json<Vec<Planned>> {
    Json(sandbox.on(platform).faults())
}

async fn put_faults(
    Of(platform): Of,
    Shared(sandbox): Shared<Sandbox>,
    body: Bytes,
) -> Result<Json<Vec<Planned>>, Trouble> {
    let counter = sandbox.on(platform);
    counter.set_faults(parse::<Vec<Fault>>(&body)?).map_err(|error| Trouble::bad_request(&error))?;
    Ok(Json(counter.faults()))
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
    fn no_platform() -> Trouble {
        let names = PLATFORMS.map(|platform| platform.name).join(", ");
        Trouble { status: StatusCode::NOT_FOUND, text: format!("the platforms are {names}") }
    }

    fn bad_request(error: &dyn std::error::Error) -> Trouble {
        Trouble { status: StatusCode::BAD_REQUEST, text: error.to_string() }
    }
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        answer::respond(self.status, JSON, json!({"error": self.text}).to_string())
    }
}
