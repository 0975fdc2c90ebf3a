//! Answers of the API: the envelope, the words of the codes, the HTTP status.

use http::StatusCode;
use serde::Serialize;
use serde_json::Value;

use crate::{
    answer::{JSON, Reply},
    options::{HttpMode, Options},
    tiktok::schema::Refusal,
};

/// The envelope of every answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Envelope {
    pub(crate) code: u32,
    pub(crate) message: String,
    pub(crate) request_id: String,
    pub(crate) data: Value,
}

impl Envelope {
    pub(crate) fn ok(request_id: &str) -> Envelope {
        Envelope::of(0, "OK".into(), request_id)
    }

    pub(crate) fn of(code: u32, message: String, request_id: &str) -> Envelope {
        Envelope { code, message, request_id: request_id.into(), data: Value::Object(serde_json::Map::new()) }
    }

    pub(crate) fn refusal(refusal: Refusal, request_id: &str) -> Envelope {
        Envelope::of(refusal.code, refusal.message, request_id)
    }

    pub(crate) fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    pub(crate) fn reply(self, status: StatusCode) -> Reply {
        let text = self.text();
        Reply { status, code: Some(self.code), message: self.message, content_type: JSON, text }
    }
}

/// Words of the codes that always say the same; other codes are only played by the fault plan.
pub(crate) fn words(code: u32) -> &'static str {
    match code {
        0 => "OK",
        20001 => "Partial success.",
        40000 | 40002 => "Invalid parameters.",
        40001 => "No permission to operate.",
        40016 | 40100 | 61000 => "Too many requests. Please retry in some time.",
        40102 => "Access token is expired.",
        40104 => "Access token is null, you should set it in http header with key Access-Token.",
        40105 => "Access token is incorrect or has been revoked.",
        40132 => "The request QPS is limited by pixel_code's value.",
        50000 => "System error.",
        50002 => "Request processing timed out.",
        60001 => "The service is under maintenance.",
        _ => "Error.",
    }
}

/// HTTP status of a return code.
pub(crate) fn status(options: &Options, code: u32) -> StatusCode {
    match (options.http_mode, code) {
        (HttpMode::Envelope200, _) => StatusCode::OK,
        (HttpMode::Mapped, 40001 | 40100 | 40102 | 40104 | 40105) => StatusCode::UNAUTHORIZED,
        (HttpMode::Mapped, 40002) => StatusCode::BAD_REQUEST,
        (HttpMode::Mapped, 50_000..=59_999) => StatusCode::INTERNAL_SERVER_ERROR,
        (HttpMode::Mapped, _) => StatusCode::OK,
    }
}
