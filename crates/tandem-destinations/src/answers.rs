//! Answers that are not the platform's own: from a proxy, a load balancer, or the wrong host; or none at all.

use tandem_core::retry::Pace;

use crate::{HttpReply, Skip, Verdict, wire};

/// Characters kept of what a platform or the transport said.
pub(crate) const MESSAGE_CHARS: usize = 500;

/// A verdict to try again soon.
pub(crate) fn again(why: String) -> Verdict {
    Verdict::Retry { pace: Pace::Backoff, after_ms: None, code: None, why }
}

/// What an answer says that nobody can read, by its HTTP status alone.
pub(crate) fn unreadable(status: u16, title: &str) -> Verdict {
    let (class, remedy): (fn(String) -> Verdict, String) = match status {
        404 => (stop, "There is no such address: check base_url.".to_owned()),
        // The whole request is too large; halves may pass.
        413 => (reject, "The request is too large for a server on the way.".to_owned()),
        200..=299 => (again, format!("Not counted as delivered: {title} always answers in JSON.")),
        300..=399 => (again, format!("{title} does not redirect: check base_url and any proxy in between.")),
        _ => (again, format!("Perhaps a proxy in between, or trouble at {title}.")),
    };
    class(format!("HTTP {status} without a readable JSON answer. {remedy}"))
}

/// No answer at all.
pub(crate) fn silence(why: &str, title: &str) -> Verdict {
    again(format!("no answer from {title}: {}", wire::cut(why, MESSAGE_CHARS)))
}

fn stop(why: String) -> Verdict {
    Verdict::StopDestination { code: None, why }
}

fn reject(why: String) -> Verdict {
    Verdict::Rejected { code: None, why }
}

/// A platform's words as a sentence.
pub(crate) fn spoken(title: &str, code: impl std::fmt::Display, message: &str) -> String {
    let message = message.trim();
    if message.is_empty() {
        return format!("{title} {code}, without a message.");
    }
    let stop = if message.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{title} {code}: {}{stop}", wire::cut(message, MESSAGE_CHARS))
}

impl HttpReply {
    /// Whether the platform may have taken the events all the same.
    #[must_use]
    pub fn leaves_in_doubt(&self) -> bool {
        match self {
            Self::Answer { status, .. } => matches!(status, 200..=299 | 500..),
            Self::NoAnswer { reached, .. } => *reached,
        }
    }
}

/// The skip of an event that the settings do not select.
pub(crate) fn not_selected(name: &str, title: &str) -> Skip {
    let message = format!("{name} is not among the events selected for {title}");
    Skip { code: "event_not_selected", message, is_open: false }
}
