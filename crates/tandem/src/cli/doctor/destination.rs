//! The platforms: settings that look odd, and a test event that they show and do not count.

use tandem_destinations::Destination;
use tandem_gateway::clock::Clock;
use tandem_gateway::trial::{self, Trial};

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
    let nonce = random();
    let mut event = trial::event(&subject.setup.site.id, "doctor", &nonce, subject.clock.now_s());
    event.page.url =
        subject.page.as_ref().and_then(|page| page.as_ref().ok()).map(|page| page.url.to_string());
    let Trial { result, what, remedy } = trial::send(destination, &subject.http, &event, code).await;
    match result {
        trial::Result::Taken | trial::Result::Impossible => Check::ok(name, what),
        trial::Result::Doubtful => Check::warn(name, what, remedy),
        trial::Result::Refused => Check::fail(name, what, remedy),
    }
}
