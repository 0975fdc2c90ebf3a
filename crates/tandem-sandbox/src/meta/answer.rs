//! Answers of the Graph API: the receipt and the error object.

use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::answer::{self, JSON, Reply};

/// An event is older than Meta takes.
pub(crate) const TOO_OLD: u32 = 2_804_003;
/// A key that must be hashed is not.
pub(crate) const NOT_HASHED: u32 = 2_804_016;
/// The match keys say too little about a person.
pub(crate) const TOO_FEW_KEYS: u32 = 2_804_050;
/// Any other fault of an event. Meta does not publish which number is for which; this one stands for all.
pub(crate) const FAULTY: u32 = 2_804_001;
/// No such object, or no right to it.
const NO_OBJECT: u32 = 33;

/// Why a request was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: u32,
    pub(crate) subcode: Option<u32>,
    /// HTTP status where it is not the usual one of the code.
    pub(crate) http: Option<u16>,
    pub(crate) message: String,
    /// Title and text for people, where Meta gives them.
    pub(crate) user: Option<(&'static str, String)>,
}

impl Refusal {
    pub(crate) fn new(code: u32, message: impl Into<String>) -> Refusal {
        Refusal { code, subcode: None, http: None, message: message.into(), user: None }
    }

    pub(crate) fn with_subcode(self, subcode: u32) -> Refusal {
        Refusal { subcode: Some(subcode), ..self }
    }

    pub(crate) fn with_http(self, http: u16) -> Refusal {
        Refusal { http: Some(http), ..self }
    }

    /// A parameter of the request itself.
    pub(crate) fn parameter(message: impl Into<String>) -> Refusal {
        Refusal::new(100, format!("(#100) {}", message.into()))
    }

    /// A fault of the event at `index`; it sinks the whole request.
    pub(crate) fn event(subcode: u32, title: &'static str, index: usize, text: &str) -> Refusal {
        let user = Some((title, format!("data[{index}]: {text}")));
        Refusal { user, ..Refusal::new(100, "Invalid parameter").with_subcode(subcode) }
    }

    pub(crate) fn faulty(index: usize, text: &str) -> Refusal {
        Refusal::event(FAULTY, "Invalid Event Parameter", index, text)
    }

    pub(crate) fn no_object(pixel: &str) -> Refusal {
        let text = format!(
            "Unsupported post request. Object with ID '{pixel}' does not exist, cannot be loaded due to missing \
             permissions, or does not support this operation"
        );
        Refusal::new(100, text).with_subcode(NO_OBJECT)
    }

    /// A refusal out of the fault plan, with the words that go with its code.
    pub(crate) fn planned(code: u32, subcode: Option<u32>, http: Option<u16>) -> Refusal {
        let user = match (code, subcode) {
            (100, Some(TOO_OLD)) => Some(("Event Timestamp Too Old", "played by the fault plan".into())),
            (100, Some(NOT_HASHED)) => Some(("User Parameter Not Hashed", "played by the fault plan".into())),
            _ => None,
        };
        Refusal { subcode, http, user, ..Refusal::new(code, words(code)) }
    }

    pub(crate) fn reply(self, trace: &str) -> Reply {
        let kind = if self.subcode == Some(NO_OBJECT) { "GraphMethodException" } else { "OAuthException" };
        let mut error = Map::new();
        error.insert("message".into(), self.message.clone().into());
        error.insert("type".into(), kind.into());
        error.insert("code".into(), self.code.into());
        // A token that cannot be read is answered without these two, as seen live.
        if self.code != 190 || self.subcode.is_some() {
            error.insert("error_subcode".into(), self.subcode.map_or(Value::Null, Value::from));
            error.insert("is_transient".into(), is_transient(self.code).into());
        }
        if let Some((title, text)) = &self.user {
            error.insert("error_user_title".into(), (*title).into());
            error.insert("error_user_msg".into(), text.clone().into());
        }
        error.insert("fbtrace_id".into(), trace.into());
        Reply {
            status: answer::status(self.http.unwrap_or_else(|| usual_status(self.code))),
            code: Some(self.code),
            message: self.user.map_or(self.message, |(title, text)| format!("{title}: {text}")),
            content_type: JSON,
            text: json!({ "error": error }).to_string(),
        }
    }
}

/// The answer to an accepted request.
pub(crate) fn receipt(events: usize, trace: &str) -> Reply {
    let body = json!({"events_received": events, "messages": [], "fbtrace_id": trace});
    Reply {
        status: StatusCode::OK,
        code: None,
        message: String::new(),
        content_type: JSON,
        text: body.to_string(),
    }
}

/// Codes after which the same request may succeed.
fn is_transient(code: u32) -> bool {
    matches!(code, 1 | 2)
}

fn usual_status(code: u32) -> u16 {
    match code {
        1 | 2 => 500,
        3 | 10 | 200..=299 => 403,
        190 => 401,
        _ => 400,
    }
}

fn words(code: u32) -> &'static str {
    match code {
        1 => "An unknown error occurred",
        2 => "An unexpected error has occurred. Please retry your request later.",
        3 => "(#3) Application does not have the capability to make this API call.",
        4 => "(#4) Application request limit reached",
        10 => "(#10) Application does not have permission for this action",
        17 => "(#17) User request limit reached",
        32 => "(#32) Page request limit reached",
        100 => "Invalid parameter",
        102 => "Session key invalid or no longer valid",
        190 => "Error validating access token",
        200..=299 => "Permissions error",
        341 => "(#341) Application limit reached",
        368 => "The action attempted has been deemed abusive or is otherwise disallowed",
        613 => "(#613) Calls to this api have exceeded the rate limit.",
        80_000..=80_099 => "There have been too many calls to this account. Wait a bit and try again.",
        _ => "Error",
    }
}
