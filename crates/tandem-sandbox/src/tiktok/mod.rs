//! TikTok: the Events API, and the pixel with its script.

mod answer;
mod browser;
mod event;
mod notes;
pub(crate) mod schema;
mod stats;
mod track;
mod vocabulary;

pub use schema::MAX_EVENTS;

use axum::{
    Router,
    extract::{Request, State as Shared},
    middleware::{self, Next},
    response::Response,
    routing::{get, post},
};
use http::{HeaderValue, StatusCode};

use crate::{
    FaultKind, Options, Person, Platform, Sandbox,
    answer::{TEXT, respond},
    call,
    engine::{ByVisitor, Dedup, Pairing},
    keys::{KeySet, hash},
    routes::RequestId,
};

const MISSING_CONTENT_ID: u32 = 1;
const INVALID_CONTENT_TYPE: u32 = 1 << 1;
const MISSING_VALUE_OR_CURRENCY: u32 = 1 << 2;
const UNSUPPORTED_CURRENCY: u32 = 1 << 3;
const INVALID_CUSTOM_EVENT_TYPE: u32 = 1 << 4;

/// TikTok's Events API and its pixel.
pub static TIKTOK: Platform = Platform {
    name: "tiktok",
    title: "TikTok",
    source: "Pixel",
    remark: "Events Manager: pairs merge within five minutes, duplicates are dropped for 48 hours.",
    first_event: "Send one to POST /open_api/v1.3/event/track/ with any Access-Token, or load the pixel script \
                  /i18n/pixel/events.js?sdkid=CODE&lib=ttq from here in a page.",
    flaws: &[
        "missing_content_id",
        "invalid_content_type",
        "missing_value_or_currency",
        "unsupported_currency",
        "invalid_custom_event_type",
    ],
    counted_name: vocabulary::counted_name,
    event_type,
    wants_value: vocabulary::wants_value,
    dedup,
    expected,
    plays: |kind| !matches!(kind, FaultKind::Subcode { .. }),
    routes,
    settings: |base| {
        format!(
            "[site.destinations.tiktok]\npixel_id = \"SANDBOXPIXEL00000001\"\naccess_token = \"any-token\"\n\
             base_url = \"{base}\"\n"
        )
    },
};

fn event_type(event: &str) -> &'static str {
    match event {
        e if vocabulary::is_standard(e) => "standard",
        e if vocabulary::is_page_view(e) => "page_view",
        _ => "custom",
    }
}

fn dedup(options: &Options) -> Dedup {
    Dedup {
        name_of: if options.alias_before_dedup { vocabulary::counted_name } else { |name| name },
        rule: "event_id",
        window_ms: i64::from(options.dedup_window_s) * 1000,
        merge_ms: i64::from(options.merge_window_s) * 1000,
        pairing: Pairing::AddKeys,
        by_visitor: if options.ttp_fallback { ByVisitor::EitherOrder } else { ByVisitor::Never },
        collapse_repeats: true,
        keep_details: options.keep_details,
    }
}

fn expected(person: &Person) -> Vec<(KeySet, String)> {
    let phone = |text: &str| text.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect::<String>();
    let keys = [
        ("email", person.email.as_deref().map(|text| hash(&text.trim().to_lowercase()))),
        ("phone", person.phone.as_deref().map(|text| hash(&phone(text)))),
        ("external_id", person.external_id.as_deref().map(|text| hash(text.trim()))),
        ("ttclid", person.ttclid.clone()),
        ("ttp", person.ttp.clone()),
    ];
    keys.into_iter().filter_map(|(name, wire)| Some((KeySet::named(name), wire?))).collect()
}

fn routes() -> Router<Sandbox> {
    Router::new()
        .route("/open_api/v1.3/event/track/", post(server_half))
        .route("/open_api/v1.3/pixel/event/stats/", get(statistics))
        .route("/api/v2/pixel", post(browser_half).options(browser::preflight))
        .route("/i18n/pixel/events.js", get(browser::script))
        .fallback(|| async { respond(StatusCode::NOT_FOUND, TEXT, "404 page not found") })
        .layer(middleware::from_fn(stamp))
}

async fn server_half(Shared(sandbox): Shared<Sandbox>, request: Request) -> Response {
    call::serve(sandbox, &track::Track, request).await
}

async fn statistics(Shared(sandbox): Shared<Sandbox>, request: Request) -> Response {
    stats::stats(sandbox, request).await
}

async fn browser_half(Shared(sandbox): Shared<Sandbox>, request: Request) -> Response {
    browser::hit(&sandbox, request).await
}

/// Gives every answer the two headers TikTok sends.
async fn stamp(request: Request, next: Next) -> Response {
    let RequestId(id) = request.extensions().get::<RequestId>().cloned().unwrap_or_default();
    let mut response = next.run(request).await;
    let span = id.get(id.len().saturating_sub(16)..).unwrap_or_default().to_lowercase();
    let trace = format!("00-{}-{span}-01", id.to_lowercase());
    for (name, text) in [("x-tt-logid", &id), ("x-tt-trace-id", &trace)] {
        if let Ok(value) = HeaderValue::from_str(text) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
