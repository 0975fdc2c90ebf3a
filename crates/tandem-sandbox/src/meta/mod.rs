//! Meta: the Conversions API, and the address its pixel reports to.
//!
//! Facts are from Meta's documentation of the Conversions API (state of 2026) and, where said so, from answers seen
//! live. What neither tells is a switch in [`MetaOptions`] or marked as ours.

mod answer;
mod events;
mod options;
mod pixel;
mod schema;
mod user;
mod vocabulary;

pub use options::MetaOptions;

use axum::{
    Router,
    extract::{Request, State as Shared},
    response::Response,
    routing::{get, post},
};

use crate::{
    FaultKind, Options, Platform, Sandbox, call,
    engine::{ByVisitor, Dedup, Pairing},
};

const MISSING_CONTENT_ID: u32 = 1;
const MISSING_VALUE_OR_CURRENCY: u32 = 1 << 1;
const WITHOUT_EVENT_ID: u32 = 1 << 2;
const NOT_HASHED: u32 = 1 << 3;
const HASH_OF_EMPTY: u32 = 1 << 4;
const UPPER_CASE_HASH: u32 = 1 << 5;
const PHONE_WITH_PLUS: u32 = 1 << 6;
const MALFORMED_CLICK_ID: u32 = 1 << 7;
const INCOMPLETE_WEBSITE_EVENT: u32 = 1 << 8;
const VALUE_AS_TEXT: u32 = 1 << 9;
const LDU_WITHOUT_ADDRESS: u32 = 1 << 10;

/// Meta's Conversions API and its pixel.
pub static META: Platform = Platform {
    name: "meta",
    title: "Meta",
    source: "Pixel",
    remark: "Events Manager: of events with one name and id within 48 hours one counts, the browser's if it comes within \
             five minutes. One bad event sinks its whole request.",
    first_event: "Send one to POST /v25.0/1000000000000001/events with any access_token, or let a page load the image \
                  /tr?id=1000000000000001&ev=PageView.",
    flaws: &[
        "missing_content_id",
        "missing_value_or_currency",
        "without_event_id",
        "not_hashed",
        "hash_of_empty",
        "upper_case_hash",
        "phone_with_plus",
        "malformed_click_id",
        "incomplete_website_event",
        "value_as_text",
        "ldu_without_address",
    ],
    counted_name: |name| name,
    event_type: vocabulary::event_type,
    wants_value: vocabulary::wants_value,
    dedup,
    expected: user::expected,
    plays: |kind| !matches!(kind, FaultKind::Partial20001),
    routes,
    settings: |base| {
        format!(
            "[site.destinations.meta]\npixel_id = \"1000000000000001\"\naccess_token = \"any-token\"\nbase_url = \"{base}\"\n"
        )
    },
};

const DAY_MS: i64 = 86_400_000;

fn dedup(options: &Options) -> Dedup {
    Dedup {
        name_of: |name| name,
        rule: "event_id",
        window_ms: 2 * DAY_MS,
        merge_ms: 2 * DAY_MS,
        pairing: Pairing::KeepOne { prefer_browser_ms: 5 * 60_000 },
        by_visitor: ByVisitor::BrowserFirst,
        collapse_repeats: options.meta.collapse_server_repeats,
        keep_details: options.keep_details,
    }
}

fn routes() -> Router<Sandbox> {
    Router::new()
        .route("/{version}/{pixel}/events", post(server_half))
        .route("/tr", get(browser_half).post(browser_half))
        .route("/tr/", get(browser_half).post(browser_half))
}

async fn server_half(Shared(sandbox): Shared<Sandbox>, request: Request) -> Response {
    call::serve(sandbox, &events::Events, request).await
}

async fn browser_half(Shared(sandbox): Shared<Sandbox>, request: Request) -> Response {
    pixel::hit(&sandbox, request).await
}
