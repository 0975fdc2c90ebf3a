//! The platforms: settings that look odd, and a test event that they show and do not count.

use tandem_core::Event;
use tandem_core::identity::{IdHashes, MatchKeys};
use tandem_destinations::{Destination, Reply, Verdict};
use tandem_gateway::clock::Clock;
use tandem_gateway::transport::Transport;

use super::Check;
use super::subject::{Subject, random};

pub(super) async fn checks(subject: &Subject) -> Vec<Check> {
    let mut checks = Vec::new();
    for destination in &subject.setup.destinations {
        checks.extend(settings(destination.as_ref()));
        checks.push(test_event(subject, destination.as_ref()).await);
    }
    if checks.is_empty() {
        let remedy = "Add one, e.g. [site.destinations.tiktok].";
        checks.push(Check::warn(
            "settings",
            "the site has no destination: events are kept and go nowhere",
            remedy,
        ));
    }
    checks
}

fn settings(destination: &dyn Destination) -> Vec<Check> {
    let (name, title) = ("settings", destination.definition().title);
    let doubts = destination.aid().doubts;
    if doubts.is_empty() {
        return vec![Check::ok(name, format!("those of {title} look right"))];
    }
    doubts.into_iter().map(|(what, remedy)| Check::warn(name, format!("{title}: {what}"), remedy)).collect()
}

async fn test_event(subject: &Subject, destination: &dyn Destination) -> Check {
    let (name, title) = ("test event", destination.definition().title);
    let Some(code) = &subject.test_event_code else {
        let get = destination.aid().test_code.map(|get| format!("Get a code for --test-event-code: {get}."));
        let what = format!("whether {title} takes token and pixel shows only when something is sent");
        let verdict = super::check::Verdict::Skipped;
        return Check { name, verdict, what, remedy: get.unwrap_or_default() };
    };
    let mapped = destination.map(&event(subject), false);
    let Some(request) = destination.test_request(&[mapped], code) else {
        return Check::ok(name, format!("{title} has no test events"));
    };
    let verdict = match destination.reply(&subject.http.send(request).await) {
        Reply::Whole(verdict) => Some(verdict),
        Reply::Each(verdicts) => verdicts.into_iter().next(),
    };
    match verdict {
        Some(Verdict::Delivered { warning: None }) => {
            Check::ok(name, format!("{title} took it: it shows as Pageview where you got {code}"))
        }
        Some(Verdict::Delivered { warning: Some(remark) }) => {
            Check::warn(name, remark, "It was taken all the same.")
        }
        Some(Verdict::StopDestination { why, .. }) => {
            Check::fail(name, why, format!("Until then {title} takes no event at all; they wait."))
        }
        Some(Verdict::Rejected { why, .. }) => {
            Check::fail(name, why, "The code may be one of another pixel, or have run out: get a new one.")
        }
        Some(Verdict::Retry { why, .. }) => Check::warn(name, why, "Try again in a while."),
        None => Check::warn(name, format!("{title} said nothing about it"), "Try again in a while."),
    }
}

fn event(subject: &Subject) -> Event {
    let nonce = random();
    let page = subject.page.as_ref().and_then(|page| page.as_ref().ok()).map(|page| page.url.to_string());
    let mut event = Event {
        site: subject.setup.site.id.clone(),
        source: "doctor".to_owned(),
        event_name: "Pageview".to_owned(),
        event_id: format!("tandem_doctor_{nonce}"),
        event_time: subject.clock.now_s(),
        user: MatchKeys { external_id: vec![IdHashes::of(&nonce)], ..MatchKeys::default() },
        ..Event::default()
    };
    event.page.url = page;
    event
}
