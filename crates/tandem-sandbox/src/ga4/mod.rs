//! Google Analytics 4: the Measurement Protocol with its validation server, and the address Google's tag reports to.
//!
//! Facts are from Google's documentation of the Measurement Protocol (state of 2026). In life every answer is a
//! success; here the report says what was discarded and why.

mod collect;
mod hit;
mod names;
mod options;
mod personal;
mod twice;
mod validate;

pub use options::Ga4Options;

use axum::{
    Router,
    extract::{Request, State as Shared},
    response::Response,
    routing::{get, post},
};
use serde_json::Value;

use crate::{
    FaultKind, Options, Person, Platform, Sandbox, call,
    engine::{ByVisitor, Dedup, Pairing},
    keys::{KeySet, hash},
};

const MISSING_ITEM: u32 = 1;
const MISSING_VALUE_OR_CURRENCY: u32 = 1 << 1;
const MISSING_TRANSACTION_ID: u32 = 1 << 2;
const OUTSIDE_SESSION: u32 = 1 << 3;
const PERSONAL_DATA: u32 = 1 << 4;
const UNHASHED_USER_DATA: u32 = 1 << 5;
const TOO_MANY_PARAMETERS: u32 = 1 << 6;
const LONG_NAME: u32 = 1 << 7;
const LONG_VALUE: u32 = 1 << 8;
const RESERVED_PARAMETER: u32 = 1 << 9;
const WRONG_VALUE: u32 = 1 << 10;
const FUTURE: u32 = 1 << 11;
const NAME_GIVEN_TWICE: u32 = 1 << 12;

/// Google Analytics 4.
pub static GA4: Platform = Platform {
    name: "ga4",
    title: "Google Analytics 4",
    source: "Property",
    remark: "Every answer is a success, also to what is discarded. Only purchases are compared, by their transaction id.",
    first_event: "Send one to POST /mp/collect?measurement_id=G-SANDBOX01&api_secret=any, or let a page report to \
                  /g/collect. /debug/mp/collect says what is wrong with a body.",
    flaws: &[
        "missing_item",
        "missing_value_or_currency",
        "missing_transaction_id",
        "outside_session",
        "personal_data",
        "unhashed_user_data",
        "too_many_parameters",
        "bad_parameter_name",
        "long_value",
        "reserved_parameter",
        "wrong_value",
        "in_the_future",
        "name_given_twice",
    ],
    counted_name: |name| name,
    event_type: names::event_type,
    wants_value: |_| false,
    dedup,
    expected,
    plays: |kind| {
        !matches!(
            kind,
            FaultKind::Code { .. }
                | FaultKind::Subcode { .. }
                | FaultKind::Partial20001
                | FaultKind::TruncatedJson
        )
    },
    routes,
    settings: |base| {
        format!(
            "[site.destinations.ga4]\nmeasurement_id = \"G-SANDBOX01\"\napi_secret = \"any-secret\"\nbase_url = \"{base}\"\n"
        )
    },
};

/// Google states no window for transaction ids; they are remembered as long as the sandbox runs.
const FOREVER_MS: i64 = i64::MAX / 4;

fn dedup(options: &Options) -> Dedup {
    let window_ms = if options.ga4.collapse_transactions { FOREVER_MS } else { -1 };
    Dedup {
        name_of: |name| name,
        rule: "transaction_id",
        window_ms,
        merge_ms: window_ms,
        pairing: Pairing::KeepOne { prefer_browser_ms: -1 },
        by_visitor: ByVisitor::Never,
        collapse_repeats: true,
        keep_details: options.keep_details,
    }
}

fn expected(person: &Person) -> Vec<(KeySet, String)> {
    let phone = |text: &str| format!("+{}", text.chars().filter(char::is_ascii_digit).collect::<String>());
    let keys = [
        ("email", person.email.as_deref().map(|text| hash(&address(text)))),
        ("phone", person.phone.as_deref().map(|text| hash(&phone(text)))),
        ("client_id", person.client_id.clone()),
    ];
    keys.into_iter().filter_map(|(name, wire)| Some((KeySet::named(name), wire?))).collect()
}

/// Lower case, and without the dots of a Gmail name.
fn address(text: &str) -> String {
    let text = text.trim().to_lowercase();
    match text.split_once('@') {
        Some((name, host @ ("gmail.com" | "googlemail.com"))) => format!("{}@{host}", name.replace('.', "")),
        _ => text,
    }
}

fn routes() -> Router<Sandbox> {
    Router::new()
        .route("/mp/collect", post(server_half))
        .route("/debug/mp/collect", post(server_half))
        .route("/g/collect", get(browser_half).post(browser_half))
}

async fn server_half(Shared(sandbox): Shared<Sandbox>, request: Request) -> Response {
    call::serve(sandbox, &collect::Collect, request).await
}

async fn browser_half(Shared(sandbox): Shared<Sandbox>, request: Request) -> Response {
    hit::hit(&sandbox, request).await
}

/// A text, or the texts of a list.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Number(number) => vec![number.to_string()],
        Value::Array(list) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// Unix microseconds, as a number or its text.
fn micros(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}
