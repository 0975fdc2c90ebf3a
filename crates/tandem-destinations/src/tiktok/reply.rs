//! Reads TikTok's reply.
//!
//! The JSON body decides, whatever the HTTP status: most errors come inside HTTP 200, and a mere rate limit has been
//! seen with HTTP 401. The status counts only when there is no readable JSON.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use tandem_core::retry::Pace;

use super::codes::{self, Class};
use crate::answers::{self, spoken};
use crate::wire::cut;
use crate::{HttpReply, Verdict};

/// Characters kept of `data` on partial success. Its form is documented nowhere, so it is kept as it is.
const DATA_CHARS: usize = 2_000;

/// Fields of the request around the events. TikTok puts the field at fault into the text of 40002 (seen live for a
/// self-chosen `partner_name`); such a refusal is about the settings, and no event deserves to be given up for it.
const ENVELOPE_FIELDS: [&str; 3] = ["partner_name", "event_source_id", "test_event_code"];

/// TikTok's envelope: `{"code":0,"message":"OK","request_id":"…","data":{}}`.
#[derive(Deserialize)]
struct Envelope<'a> {
    code: Value,
    #[serde(default)]
    message: Value,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

impl Envelope<'_> {
    /// A number, or a number in text.
    fn code(&self) -> Option<i64> {
        match &self.code {
            Value::Number(n) => n.as_i64(),
            Value::String(s) => s.trim().parse().ok(),
            _ => None,
        }
    }
}

/// The class of a reply, and the verdict on all events of the request.
#[must_use]
pub fn read(reply: &HttpReply) -> (Class, Verdict) {
    let (status, body) = match reply {
        HttpReply::NoAnswer { why, .. } => return (Class::RetryBackoff, answers::silence(why, "TikTok")),
        HttpReply::Answer { status, body } => (*status, body),
    };
    // Serde would also read the list `[0]` as an envelope.
    let object = body.trim_ascii_start().starts_with(b"{");
    let envelope = serde_json::from_slice::<Envelope<'_>>(body).ok().filter(|_| object);
    match envelope.as_ref().and_then(|e| Some((e, e.code()?))) {
        Some((envelope, code)) => by_code(code, envelope),
        None => by_status(status),
    }
}

fn by_code(code: i64, envelope: &Envelope<'_>) -> (Class, Verdict) {
    let message = envelope.message.as_str().unwrap_or_default();
    let (mut class, mut remedy) = codes::class_of(code);
    if code == codes::PARAMETER_ERROR && ENVELOPE_FIELDS.iter().any(|field| message.contains(field)) {
        (class, remedy) =
            (Class::ConfigError, "The settings of this destination are at fault, not the event.");
    }
    let mut why = spoken("TikTok", code, message);
    if !remedy.is_empty() {
        why.push(' ');
        why.push_str(remedy);
    }
    if code == codes::PARTIAL_SUCCESS
        && let Some(data) = envelope.data
    {
        why.push_str(" data: ");
        why.push_str(&cut(data.get(), DATA_CHARS));
    }
    verdict(class, Some(code), why)
}

/// For answers that are not TikTok's JSON.
fn by_status(status: u16) -> (Class, Verdict) {
    let verdict = answers::unreadable(status, "TikTok");
    let class = match verdict {
        Verdict::StopDestination { .. } => Class::ConfigError,
        Verdict::Rejected { .. } => Class::DeadLetter,
        _ => Class::RetryBackoff,
    };
    (class, verdict)
}

fn verdict(class: Class, code: Option<i64>, why: String) -> (Class, Verdict) {
    let retry = |pace, why| Verdict::Retry { pace, after_ms: None, code, why };
    let verdict = match class {
        Class::Delivered => Verdict::Delivered { warning: None },
        Class::DeliveredWithWarning => Verdict::Delivered { warning: Some(why) },
        Class::RetryBackoff => retry(Pace::Backoff, why),
        Class::RetrySlow => retry(Pace::Slow, why),
        Class::StopCredential | Class::ConfigError => Verdict::StopDestination { code, why },
        Class::DeadLetter => Verdict::Rejected { code, why },
    };
    (class, verdict)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answers::MESSAGE_CHARS;

    fn answer(status: u16, body: &str) -> (Class, Verdict) {
        read(&HttpReply::Answer { status, body: body.as_bytes().to_vec() })
    }

    fn why(verdict: &Verdict) -> &str {
        match verdict {
            Verdict::Delivered { warning } => warning.as_deref().unwrap_or_default(),
            Verdict::Retry { why, .. }
            | Verdict::Rejected { why, .. }
            | Verdict::StopDestination { why, .. } => why,
        }
    }

    #[test]
    fn the_status_decides_only_without_json() {
        for (status, body, expected) in [
            (500, r#"{"code":0}"#, Class::Delivered),
            (404, r#"{"code":"50000","message":"?"}"#, Class::RetryBackoff),
            (404, "404 page not found", Class::ConfigError),
            (413, "<html>", Class::DeadLetter),
            (403, "<html>", Class::RetryBackoff),
            (408, "", Class::RetryBackoff),
            (429, "slow down", Class::RetryBackoff),
            (200, "", Class::RetryBackoff),
            (200, r#"{"code":0,"mess"#, Class::RetryBackoff),
            (200, r#"{"error":"no route"}"#, Class::RetryBackoff),
            (200, r#"{"code":null}"#, Class::RetryBackoff),
            (200, r#"{"code":"zero"}"#, Class::RetryBackoff),
            (200, "[0]", Class::RetryBackoff),
            (200, "0", Class::RetryBackoff),
            (302, "", Class::RetryBackoff),
        ] {
            assert_eq!(answer(status, body).0, expected, "{status} {body}");
        }
        let not_text = HttpReply::Answer { status: 200, body: b"{\"code\":0,\"message\":\"\xff\"}".to_vec() };
        assert_eq!(read(&not_text).0, Class::RetryBackoff);
    }

    #[test]
    fn a_refused_setting_stops_the_destination_and_spares_the_events() {
        let (class, verdict) =
            answer(200, r#"{"code":40002,"message":"Invalid value for partner_name: x."}"#);
        assert_eq!(class, Class::ConfigError);
        assert!(
            why(&verdict).starts_with("TikTok 40002: Invalid value for partner_name: x. "),
            "{verdict:?}"
        );
    }

    #[test]
    fn partial_success_keeps_the_data_and_long_texts_are_cut() {
        let (class, verdict) =
            answer(200, r#"{"code":20001,"message":"Partial success","data":{"failed":[1]}}"#);
        assert_eq!(class, Class::DeliveredWithWarning);
        assert!(why(&verdict).ends_with(r#"data: {"failed":[1]}"#), "{verdict:?}");
        let long = "é".repeat(10_000);
        let (_, verdict) = answer(200, &format!(r#"{{"code":20001,"message":"{long}","data":"{long}"}}"#));
        assert_eq!(
            why(&verdict).matches('é').count(),
            MESSAGE_CHARS + DATA_CHARS - 1,
            "less the quotation mark"
        );
    }

    #[test]
    fn odd_envelopes_are_read_all_the_same() {
        assert_eq!(answer(200, r#"{"code":" 0 ","message":7,"data":null}"#).0, Class::Delivered);
        assert_eq!(answer(200, r#"{"code":40105,"message":null}"#).0, Class::StopCredential);
        let silence = HttpReply::NoAnswer { why: "timed out".into(), reached: true };
        assert_eq!(why(&read(&silence).1), "no answer from TikTok: timed out");
    }
}
