//! One event that a platform shows in its own tool and counts nowhere: whether token and pixel are right.

use tandem_core::Event;
use tandem_core::identity::{IdHashes, MatchKeys};
use tandem_destinations::{Destination, Reply, Verdict};

use crate::transport::Transport;

/// How it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Result {
    /// The platform has no such thing.
    Impossible,
    /// It took the event.
    Taken,
    /// It took it, or could not answer now, and says something.
    Doubtful,
    /// It refuses.
    Refused,
}

/// How it went, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    /// In short.
    pub result: Result,
    /// What happened; the platform's own words where it has some.
    pub what: String,
    /// What to do; may be empty.
    pub remedy: String,
}

impl Trial {
    fn of(result: Result, what: String, remedy: &str) -> Self {
        Self { result, what, remedy: remedy.to_owned() }
    }
}

/// The event: a page view of nobody. `nonce` is random text that makes its id.
#[must_use]
pub fn event(site: &str, source: &str, nonce: &str, now_s: i64) -> Event {
    Event {
        site: site.to_owned(),
        source: source.to_owned(),
        event_name: "Pageview".to_owned(),
        event_id: format!("tandem_{source}_{nonce}"),
        event_time: now_s,
        user: MatchKeys { external_id: vec![IdHashes::of(nonce)], ..MatchKeys::default() },
        ..Event::default()
    }
}

/// Sends it, under a code that the platform gave out for tests.
pub async fn send(
    destination: &dyn Destination,
    transport: &dyn Transport,
    event: &Event,
    code: &str,
) -> Trial {
    let title = destination.definition().title;
    let mapped = destination.map(event, false);
    let Some(request) = destination.test_request(&[mapped], code) else {
        return Trial::of(Result::Impossible, format!("{title} has no test events"), "");
    };
    let verdict = match destination.reply(&transport.send(request).await) {
        Reply::Whole(verdict) => Some(verdict),
        Reply::Each(verdicts) => verdicts.into_iter().next(),
    };
    match verdict {
        Some(Verdict::Delivered { warning: None }) => Trial::of(
            Result::Taken,
            format!("{title} took it: it shows as {} where you got {code}", event.event_name),
            "",
        ),
        Some(Verdict::Delivered { warning: Some(remark) }) => {
            Trial::of(Result::Doubtful, remark, "It was taken all the same.")
        }
        Some(Verdict::StopDestination { why, .. }) => {
            let remedy = format!("Until then {title} takes no event at all; they wait.");
            Trial::of(Result::Refused, why, &remedy)
        }
        Some(Verdict::Rejected { why, .. }) => Trial::of(
            Result::Refused,
            why,
            "The code may be one of another pixel, or have run out: get a new one.",
        ),
        Some(Verdict::Retry { why, .. }) => Trial::of(Result::Doubtful, why, "Try again in a while."),
        None => {
            Trial::of(Result::Doubtful, format!("{title} said nothing about it"), "Try again in a while.")
        }
    }
}
