//! Reads Meta's reply.
//!
//! `{"events_received":1,"messages":[],"fbtrace_id":"…"}`, or an `error` with codes of the Graph API. The body decides, and
//! an error speaks for the whole request: one bad event has all of them refused.

use serde::Deserialize;
use serde_json::Value;
use tandem_core::retry::Pace;

use crate::answers::{self, spoken};
use crate::wire::cut;
use crate::{HttpReply, Verdict};

/// Characters kept of Meta's remarks on events that it took.
const REMARK_CHARS: usize = 500;

#[derive(Deserialize)]
struct Envelope {
    #[serde(default)]
    events_received: Option<i64>,
    #[serde(default)]
    messages: Vec<Value>,
    #[serde(default)]
    error: Option<GraphError>,
}

/// An error of the Graph API.
#[derive(Default, Deserialize)]
#[serde(default)]
struct GraphError {
    code: Option<i64>,
    error_subcode: Option<i64>,
    is_transient: Option<bool>,
    message: Option<String>,
    error_user_title: Option<String>,
    error_user_msg: Option<String>,
}

/// What an error means for the events in the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Again,
    AgainLater,
    Stop,
    Refused,
}

const TOKEN: &str = "Generate a new access token in Events Manager and put it into access_token.";
const PERMISSION: &str =
    "The token has no right to this pixel: check pixel_id, and that the token was made for it.";
const VERSION: &str = "Meta has switched this version of its API off: set api_version to a newer one.";
const EVENT: &str = "Correct the event at its source.";

/// The verdict on all events of the request.
pub(super) fn read(reply: &HttpReply) -> Verdict {
    let (status, body) = match reply {
        HttpReply::NoAnswer { why, .. } => return answers::silence(why, "Meta"),
        HttpReply::Answer { status, body } => (*status, body),
    };
    // Serde would also read a list as an envelope.
    let object = body.trim_ascii_start().starts_with(b"{");
    match serde_json::from_slice::<Envelope>(body).ok().filter(|_| object) {
        Some(Envelope { error: Some(error), .. }) => refusal(status, &error),
        Some(Envelope { events_received: Some(1..), messages, .. }) => {
            let remark =
                (!messages.is_empty()).then(|| cut(&Value::from(messages).to_string(), REMARK_CHARS));
            Verdict::Delivered { warning: remark }
        }
        _ => answers::unreadable(status, "Meta"),
    }
}

fn refusal(status: u16, error: &GraphError) -> Verdict {
    let (class, remedy) = class_of(status, error);
    let mut why = words(error);
    if !remedy.is_empty() {
        why.push(' ');
        why.push_str(remedy);
    }
    let code = error.code;
    let retry = |pace, why| Verdict::Retry { pace, after_ms: None, code, why };
    match class {
        Class::Again => retry(Pace::Backoff, why),
        Class::AgainLater => retry(Pace::Slow, why),
        Class::Stop => Verdict::StopDestination { code, why },
        Class::Refused => Verdict::Rejected { code, why },
    }
}

/// Class and remedy. The codes are those of the Graph API's list of errors, as integrations that others run read them; 32,
/// 613, 80003 and 80004 stand in its list of rate limits.
fn class_of(status: u16, error: &GraphError) -> (Class, &'static str) {
    match (error.code, error.error_subcode) {
        (Some(4 | 17 | 32 | 613 | 80_000..=80_014), _) => (Class::AgainLater, ""),
        (Some(1 | 2 | 341 | 368 | 5_000 | 21_009), _) => (Class::Again, ""),
        _ if error.is_transient == Some(true) => (Class::Again, ""),
        (Some(102 | 190), _) => (Class::Stop, TOKEN),
        (Some(3 | 10 | 200..=299 | 803), _) | (Some(100), Some(33)) => (Class::Stop, PERMISSION),
        (Some(2_500), _) => (Class::Stop, "There is no such address: check pixel_id and base_url."),
        (Some(2_635), _) => (Class::Stop, VERSION),
        (Some(100), Some(2_804_003)) => {
            (Class::Refused, "Meta takes no event that is older than seven days.")
        }
        (Some(100 | 105), _) => (Class::Refused, EVENT),
        _ if matches!(status, 408 | 425 | 429) => (Class::AgainLater, ""),
        // Stated nowhere: what Meta calls our fault is looked at event by event, the rest is tried again.
        _ if (400..500).contains(&status) => (Class::Refused, EVENT),
        _ => (Class::Again, ""),
    }
}

/// What a code means, for people; `None` for codes that are not known by their number alone.
pub(super) fn meaning(code: i64) -> Option<&'static str> {
    // Nothing else is known of it: a status that says nothing keeps the table's own answers apart from the rest.
    let (class, remedy) = class_of(0, &GraphError { code: Some(code), ..GraphError::default() });
    match (remedy, class) {
        ("", Class::AgainLater) => Some("Meta limits calls: tried again after minutes, by itself."),
        ("", Class::Again) if matches!(code, 1 | 2 | 341 | 368 | 5_000 | 21_009) => {
            Some("Meta is busy: tried again soon, by itself.")
        }
        ("", _) => None,
        (remedy, _) => Some(remedy),
    }
}

/// Meta's words, the ones for people before the ones for programmers.
fn words(error: &GraphError) -> String {
    let text = |text: &Option<String>| text.as_deref().unwrap_or_default().trim().to_owned();
    let (title, message) = (text(&error.error_user_title), text(&error.error_user_msg));
    let said = match (title.is_empty(), message.is_empty()) {
        (true, true) => text(&error.message),
        (false, false) => format!("{title}: {message}"),
        _ => title + &message,
    };
    let code = match (error.code, error.error_subcode) {
        (Some(code), Some(sub)) => format!("{code}/{sub}"),
        (Some(code), None) => code.to_string(),
        (None, _) => "error".to_owned(),
    };
    spoken("Meta", code, &said)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Verdict {
        read(&HttpReply::Answer { status, body: body.as_bytes().to_vec() })
    }

    fn kind(verdict: &Verdict) -> &'static str {
        match verdict {
            Verdict::Delivered { .. } => "delivered",
            Verdict::Retry { pace: Pace::Backoff, .. } => "again",
            Verdict::Retry { pace: Pace::Slow, .. } => "slow",
            Verdict::Rejected { .. } => "refused",
            Verdict::StopDestination { .. } => "stop",
        }
    }

    #[test]
    fn every_code_has_its_verdict() {
        let error = |code: i64, sub: Option<i64>, transient: bool| {
            serde_json::json!({"error": {"message": "m", "code": code, "error_subcode": sub, "is_transient": transient}})
                .to_string()
        };
        for (code, sub, transient, status, expected) in [
            (1, None, false, 400, "again"),
            (2, None, true, 500, "again"),
            (341, None, false, 400, "again"),
            (4, None, false, 400, "slow"),
            (4, None, true, 400, "slow"),
            (17, None, false, 400, "slow"),
            (80_004, None, false, 400, "slow"),
            (190, Some(463), false, 400, "stop"),
            (102, None, false, 400, "stop"),
            (200, None, false, 403, "stop"),
            (294, None, false, 403, "stop"),
            (10, None, false, 403, "stop"),
            (3, None, false, 400, "stop"),
            (100, Some(33), false, 400, "stop"),
            (100, Some(2_804_003), false, 400, "refused"),
            (100, Some(2_804_019), false, 400, "refused"),
            (100, None, true, 400, "again"),
            (105, None, false, 400, "refused"),
            (77_777, None, false, 400, "refused"),
            (77_777, None, false, 500, "again"),
        ] {
            assert_eq!(kind(&answer(status, &error(code, sub, transient))), expected, "{code} {sub:?}");
        }
    }

    #[test]
    fn only_a_count_of_events_is_a_delivery() {
        for (status, body, expected) in [
            (200, r#"{"events_received":2,"messages":[],"fbtrace_id":"A"}"#, "delivered"),
            (200, r#"{"events_received":0,"messages":[]}"#, "again"),
            (200, "{}", "again"),
            (200, "[]", "again"),
            (200, "", "again"),
            (404, "<html>", "stop"),
            (413, "<html>", "refused"),
            (502, "<html>bad gateway</html>", "again"),
            (302, "", "again"),
        ] {
            assert_eq!(kind(&answer(status, body)), expected, "{status} {body}");
        }
        let remark = answer(200, r#"{"events_received":1,"messages":["Missing X"]}"#);
        assert_eq!(remark, Verdict::Delivered { warning: Some(r#"["Missing X"]"#.into()) });
    }

    #[test]
    fn metas_words_for_people_come_first() {
        let body = r#"{"error":{"message":"Invalid parameter","code":100,"error_subcode":2804019,
            "error_user_title":"Missing value","error_user_msg":"Send it"}}"#;
        let Verdict::Rejected { why, .. } = answer(400, body) else { panic!() };
        assert_eq!(why, "Meta 100/2804019: Missing value: Send it. Correct the event at its source.");
    }
}
