//! What a platform's answer says: a verdict for each event, the line on record, and what is tried again at once.

use tandem_core::retry::Pace;
use tandem_destinations::{HttpReply, Mapped, Reply, Verdict};
use tandem_store::Attempt;

use super::call::Ready;
use super::restraint::Mood;
use crate::repeated;

/// What of a refused call is tried again at once.
pub(super) enum Again {
    No,
    Halves,
    /// The one event in another shape, and the platform's words on the first.
    Reshaped(Mapped, String),
}

impl Again {
    /// How a refusal is called on record.
    pub(super) fn verdict(&self) -> &'static str {
        match self {
            Self::No => "rejected",
            Self::Halves => "split",
            Self::Reshaped(..) => "reshaped",
        }
    }

    /// `mapped` is what the group was sent as.
    pub(super) fn groups(self, mut group: Vec<Ready>, mapped: Vec<Mapped>) -> Vec<Vec<Ready>> {
        match self {
            Self::No => vec![],
            Self::Halves => {
                for (ready, mapped) in group.iter_mut().zip(mapped) {
                    ready.mapped = mapped;
                }
                let second = group.split_off(group.len() / 2);
                // The last one is taken first.
                vec![second, group]
            }
            Self::Reshaped(mapped, why) => {
                for ready in &mut group {
                    (ready.mapped, ready.reshaped) = (mapped.clone(), Some(why.clone()));
                }
                vec![group]
            }
        }
    }
}

/// One verdict an event. A platform that names fewer than it was sent leaves the rest to be tried again.
pub(super) fn spread(reply: Reply, count: usize) -> Vec<Verdict> {
    match reply {
        Reply::Whole(verdict) => vec![verdict; count],
        Reply::Each(mut each) => {
            let missing = || Verdict::Retry {
                pace: Pace::Backoff,
                after_ms: None,
                code: None,
                why: "the reply has no verdict for this event".to_owned(),
            };
            each.resize_with(count, missing);
            each
        }
    }
}

pub(super) fn mood(verdict: &Verdict) -> Option<Mood> {
    match verdict {
        Verdict::StopDestination { .. } => Some(Mood::Stopped),
        Verdict::Retry { .. } => Some(Mood::Trouble),
        Verdict::Delivered { .. } => Some(Mood::Fine),
        // It says something of the event, nothing of the platform.
        Verdict::Rejected { .. } => None,
    }
}

/// What became of one event, in a word.
pub(super) fn verdict_name(verdict: &Verdict, again: &Again) -> &'static str {
    match verdict {
        Verdict::StopDestination { .. } => "stop",
        Verdict::Rejected { .. } => again.verdict(),
        Verdict::Retry { .. } => "retry",
        Verdict::Delivered { .. } => "delivered",
    }
}

/// The attempt's line on record, after its worst verdict.
pub(super) fn attempt_of(each: &[Verdict], again: &Again) -> Attempt {
    let rank = |v: &&Verdict| match v {
        Verdict::StopDestination { .. } => 3,
        Verdict::Rejected { .. } => 2,
        Verdict::Retry { .. } => 1,
        Verdict::Delivered { .. } => 0,
    };
    let (verdict, code, message) = match each.iter().max_by_key(rank) {
        Some(Verdict::StopDestination { code, why }) => ("stop", *code, why.clone()),
        Some(Verdict::Rejected { code, why }) => (again.verdict(), *code, why.clone()),
        Some(Verdict::Retry { code, why, .. }) => ("retry", *code, why.clone()),
        Some(Verdict::Delivered { warning }) => ("delivered", None, warning.clone().unwrap_or_default()),
        None => ("delivered", None, String::new()),
    };
    Attempt {
        started_ms: 0,
        latency_ms: 0,
        status: None,
        code,
        verdict,
        message,
        request_bytes: 0,
        reply: None,
    }
}

pub(super) fn status(reply: &HttpReply) -> Option<u16> {
    match reply {
        HttpReply::Answer { status, .. } => Some(*status),
        HttpReply::NoAnswer { .. } => None,
    }
}

/// The start of a reply that was not a plain success.
pub(super) fn excerpt(reply: &HttpReply, each: &[Verdict]) -> Option<String> {
    if each.iter().all(|v| matches!(v, Verdict::Delivered { warning: None })) {
        return None;
    }
    match reply {
        HttpReply::Answer { body, .. } => {
            Some(repeated::cut(&String::from_utf8_lossy(&body[..body.len().min(2_000)])))
        }
        HttpReply::NoAnswer { why, .. } => Some(why.clone()),
    }
}
