//! Reads GA4's reply, which says next to nothing: 2xx for everything, rubbish too.

use serde::Deserialize;

use crate::answers::{self, MESSAGE_CHARS};
use crate::wire::cut;
use crate::{HttpReply, Verdict};

/// The answer of the debug address: `{"validationMessages":[{"fieldPath","description","validationCode"}]}`.
#[derive(Deserialize)]
struct Validation {
    #[serde(rename = "validationMessages")]
    messages: Vec<Message>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Message {
    description: String,
    #[serde(rename = "validationCode")]
    code: String,
}

/// The verdict on all events of the request.
pub(super) fn read(reply: &HttpReply) -> Verdict {
    match reply {
        HttpReply::NoAnswer { why, .. } => answers::silence(why, "Google Analytics"),
        HttpReply::Answer { status: 200..=299, body } => match serde_json::from_slice::<Validation>(body) {
            Ok(validation) => validated(&validation.messages),
            Err(_) => Verdict::Delivered { warning: None },
        },
        // Documented: nobody's events get such an answer, so they are not at fault.
        HttpReply::Answer { status, .. } => answers::unreadable(*status, "Google Analytics"),
    }
}

fn validated(messages: &[Message]) -> Verdict {
    if messages.is_empty() {
        let text = "Google Analytics calls the event well formed; it looked at neither measurement_id nor api_secret";
        return Verdict::Delivered { warning: Some(text.to_owned()) };
    }
    let said: Vec<String> = messages.iter().map(|m| format!("{}: {}", m.code, m.description)).collect();
    Verdict::Rejected {
        code: None,
        why: format!("Google Analytics: {}", cut(&said.join("; "), MESSAGE_CHARS)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Verdict {
        read(&HttpReply::Answer { status, body: body.as_bytes().to_vec() })
    }

    #[test]
    fn every_2xx_is_all_that_is_ever_said() {
        for (status, body) in [(204, ""), (200, ""), (200, "GIF89a")] {
            assert_eq!(answer(status, body), Verdict::Delivered { warning: None });
        }
        assert!(matches!(answer(503, ""), Verdict::Retry { .. }));
        assert!(matches!(answer(404, ""), Verdict::StopDestination { .. }));
        assert!(matches!(answer(413, ""), Verdict::Rejected { .. }));
    }

    #[test]
    fn the_debug_address_says_what_is_wrong() {
        let bad = r#"{"validationMessages":[{"fieldPath":"events","description":"Not a name","validationCode":"NAME_INVALID"}]}"#;
        let Verdict::Rejected { why, .. } = answer(200, bad) else { panic!() };
        assert_eq!(why, "Google Analytics: NAME_INVALID: Not a name");
        assert!(matches!(
            answer(200, r#"{"validationMessages":[]}"#),
            Verdict::Delivered { warning: Some(_) }
        ));
    }
}
