//! The steps from the request to the platform, as far as they are on record.

use super::{
    Attempt, Delivery, Noticed, Record, State, Step, StepState, Story, at, inner, span, title, weak,
};
use crate::consent::Status;
use crate::quality::Key;
use crate::session::Supply;
use crate::{Channel, Event, Severity, names};

/// TikTok merges pixel and server within five minutes (help article on event deduplication).
const MERGE_S: i64 = 300;

fn step(what: &'static str, state: StepState, text: impl Into<String>) -> Step {
    Step { what, at_ms: None, state, text: text.into(), link: None, destination: None }
}

impl Step {
    fn when(self, at_ms: i64) -> Self {
        Self { at_ms: Some(at_ms), ..self }
    }

    fn leading(self, link: String) -> Self {
        Self { link: Some(link), ..self }
    }

    fn to(self, delivery: &Delivery) -> Self {
        Self { destination: Some(title(delivery).to_owned()), ..self }
    }
}

fn page_of(seq: i64) -> String {
    format!("/events/{seq}")
}

/// The whole path of one event; other reports of the same are one step each, in the order they came.
pub(super) fn steps(story: &Story, record: &Record, now_ms: i64) -> Vec<Step> {
    let mut steps: Vec<Step> = story
        .events
        .iter()
        .filter(|other| other.seq < record.seq)
        .map(|other| report(record, other))
        .collect();
    steps.extend(arrival(record));
    steps.extend(record.deliveries.iter().flat_map(|delivery| delivered(record, delivery, now_ms)));
    steps.extend(
        story.events.iter().filter(|other| other.seq > record.seq).map(|other| report(record, other)),
    );
    steps.extend(seen_together(story, record));
    let (before, after): (Vec<_>, Vec<_>) =
        story.notices.iter().partition(|notice| notice.at_ms < record.received_ms);
    let mut all: Vec<Step> = before.into_iter().map(noticed).collect();
    all.append(&mut steps);
    all.extend(after.into_iter().map(noticed));
    all
}

/// Another report of the same event or order.
fn report(record: &Record, other: &Record) -> Step {
    let event = &other.event;
    let of_order = event.order_id.is_some() && event.order_id == record.event.order_id;
    let alike = if event.event_id == record.event.event_id { "the same id" } else { event.event_id.as_str() };
    let text = format!(
        "{} came from {} {}as event {}, with {alike}.",
        event.event_name,
        event.source,
        if of_order { "for the same order " } else { "" },
        other.seq
    );
    step("other_report", StepState::Done, text).when(other.received_ms).leading(page_of(other.seq))
}

/// An event of the order whose repeat was asked for.
pub(super) fn recorded(record: &Record) -> Step {
    let event = &record.event;
    let text = format!(
        "{} came from {} as event {}, with {}.",
        event.event_name, event.source, record.seq, event.event_id
    );
    step("other_report", StepState::Done, text).when(record.received_ms).leading(page_of(record.seq))
}

pub(super) fn noticed(notice: &Noticed) -> Step {
    let state = match notice.kind.as_str() {
        "duplicate" if notice.code == "upsell_same_id" => StepState::Problem,
        "rejected" | "near_miss" | "unclaimed" => StepState::Problem,
        _ => StepState::Skipped,
    };
    let did = match notice.kind.as_str() {
        "rejected" => "An input was refused at the door",
        "ignored" => "An input had nothing to report",
        "duplicate" => "The order came again and had nothing new",
        "near_miss" => "The order came again under another id",
        _ => "A request came that no way in takes",
    };
    let text = format!("{did} ({}, from {}): {}.", notice.code, notice.source, inner(&notice.message));
    step("door", state, text).when(notice.at_ms).leading(format!("/findings/{}", notice.code))
}

fn arrival(record: &Record) -> Vec<Step> {
    let event = &record.event;
    if record.is_unreadable {
        let text = "It is in the log and cannot be read by this version of the program.";
        return vec![step("decoded", StepState::Problem, text).when(record.received_ms)];
    }
    let from = match event.channel {
        Channel::Browser => "the visitor's browser",
        Channel::Server => "the shop's server",
        Channel::Offline => "outside the web",
    };
    let arrived = format!("A request came to {} for the site {}, from {from}.", event.source, event.site);
    let order = event.order_id.as_ref().map(|order| format!(", order {order}")).unwrap_or_default();
    let decoded = format!("It was read as {} with the id {}{order}.", event.event_name, event.event_id);
    let mut steps = vec![
        step("arrived", StepState::Done, arrived).when(record.received_ms),
        step("decoded", StepState::Done, decoded),
        door(event),
        session(record),
        consent(event),
        rules(event),
        step("logged", StepState::Done, format!("It is event {} of the log.", record.seq))
            .leading(page_of(record.seq)),
    ];
    if let Some(why) = &event.bot {
        steps.insert(
            3,
            step(
                "person",
                StepState::Problem,
                format!("It was taken for a machine's doing: {}.", inner(why)),
            ),
        );
    }
    steps
}

fn door(event: &Event) -> Step {
    let worse = event.findings.iter().filter(|finding| finding.severity > Severity::Info);
    let codes: Vec<&str> = worse.map(|finding| finding.code.as_ref()).collect();
    let infos = event.findings.len() - codes.len();
    // Beside what is named, these are others.
    let small = if codes.is_empty() { "small" } else { "smaller" };
    let mended = match infos {
        0 => String::new(),
        1 => format!(" One {small} thing was corrected or noted."),
        n => format!(" {n} {small} things were corrected or noted."),
    };
    if codes.is_empty() {
        return step("door", StepState::Done, format!("It passed the door.{mended}"));
    }
    let text = format!("It passed the door with {}.{mended}", codes.join(", "));
    let link = codes.first().map(|code| format!("/findings/{code}"));
    Step { link, ..step("door", StepState::Problem, text) }
}

fn session(record: &Record) -> Step {
    let event = &record.event;
    let from_session = |supply: &Supply| {
        (supply.from == "session").then(|| supply.via.map_or("", crate::session::Via::text))
    };
    let via = event.supplied.values().find_map(from_session);
    let keys: Vec<&str> = event
        .supplied
        .iter()
        .filter(|(_, supply)| supply.from == "session")
        .map(|(key, _)| key.as_str())
        .collect();
    if let Some(via) = via {
        let text = format!("The visitor's session, found by {via}, added {}.", keys.join(", "));
        let at_ms = record.completed_ms.last().copied();
        return Step { at_ms, ..step("session", StepState::Done, text) };
    }
    if event.findings.iter().any(|finding| finding.code == "session_not_found") {
        let text =
            "No visit of the buyer is known by visitor id, order or e-mail address, so nothing was added.";
        return step("session", StepState::Problem, text).leading("/findings/session_not_found".to_owned());
    }
    let text = match record.is_visitor_known {
        Some(true) => "The visitor is remembered; nothing had to be added.",
        Some(false) => "The visitor is not remembered; nothing was added.",
        None => "Nothing was added from a session.",
    };
    step("session", StepState::Skipped, text)
}

fn consent(event: &Event) -> Step {
    let record = &event.consent;
    let signal = record.evidence.as_ref().map(|e| format!(", told by {}", e.signal)).unwrap_or_default();
    let gpc = if record.gpc { "; the browser sent Global Privacy Control" } else { "" };
    let by =
        event.supplied.get("consent").map(|supply| format!(", from the {}", supply.from)).unwrap_or_default();
    let (state, word) = match record.advertising {
        Status::Granted => (StepState::Done, "allows advertising"),
        Status::Denied => (StepState::Problem, "does not allow advertising"),
        Status::Unknown => (StepState::Open, "has said nothing on advertising that is known"),
    };
    step("consent", state, format!("The visitor {word}{signal}{by}{gpc}.")).leading("/consent".to_owned())
}

fn rules(event: &Event) -> Step {
    let names: Vec<&str> = event.rules.iter().map(|applied| applied.rule.as_str()).collect();
    if names.is_empty() {
        return step("rules", StepState::Skipped, "No rule of yours changed it.");
    }
    step("rules", StepState::Done, format!("Rules of yours changed it: {}.", names.join(", ")))
}

fn delivered(record: &Record, delivery: &Delivery, now_ms: i64) -> Vec<Step> {
    let mut steps = ruled(delivery);
    match delivery.state {
        State::Skipped => {
            let code = delivery.code.as_deref().unwrap_or("no code");
            let why = delivery.message.as_deref().map(|why| format!(": {}", inner(why))).unwrap_or_default();
            let what = if code == "duplicate" { "claimed" } else { "sent" };
            let text = format!("It is not sent ({code}){why}.");
            steps.push(step(what, StepState::Skipped, text).leading(format!("/findings/{code}")));
        }
        _ => {
            let again = if delivery.is_replay {
                "It was to be sent again by a replay."
            } else {
                "No event of the same name and id was in the way."
            };
            steps.push(step("claimed", StepState::Done, again));
            steps.push(due(delivery, now_ms));
            steps.extend(delivery.attempt.as_ref().map(|attempt| answered(delivery, attempt)));
        }
    }
    if delivery.state == State::Delivered {
        steps.push(matched(&record.event, delivery));
        steps.push(merged(record, delivery));
    }
    steps.into_iter().map(|step| step.to(delivery)).collect()
}

fn ruled(delivery: &Delivery) -> Vec<Step> {
    let Some(ruling) = &delivery.ruling else { return Vec::new() };
    let (decision, reason) = ruling.split_once(':').unwrap_or((ruling, "no reason on record"));
    let (decision, limited) = match decision.strip_suffix("+limited") {
        Some(plain) => (plain, ", with limited data use"),
        None => (decision, ""),
    };
    let (state, may) = match decision {
        "send" => (StepState::Done, "It may be sent"),
        "without_identity" => (StepState::Done, "It may be sent without what names a person"),
        "anonymise" => (StepState::Done, "It may be sent without anything that leads to the visitor"),
        _ => (StepState::Problem, "It may not be sent"),
    };
    vec![step("ruling", state, format!("{may}{limited} ({reason})."))]
}

fn due(delivery: &Delivery, now_ms: i64) -> Step {
    let due_ms = delivery.due_ms;
    match delivery.state {
        State::Waiting if delivery.stopped.is_some() || delivery.paused_by.is_some() => {
            let why = match (&delivery.stopped, &delivery.paused_by) {
                (Some((why, since_ms)), _) => format!("stands still since {}: {}", at(*since_ms), inner(why)),
                (None, who) => format!("is paused by {}", who.as_deref().unwrap_or("somebody")),
            };
            step("due", StepState::Problem, format!("The destination {why}."))
                .leading("/destinations".to_owned())
        }
        State::Waiting if due_ms > now_ms => step(
            "due",
            StepState::Open,
            format!("It waits; due at {}, in {}.", at(due_ms), span(due_ms - now_ms)),
        ),
        State::Waiting => step("due", StepState::Open, format!("It is due since {}.", at(due_ms))),
        _ => {
            let tries = match delivery.attempts {
                0 | 1 => "It was sent once.".to_owned(),
                n => format!("It was sent {n} times."),
            };
            step("sent", StepState::Done, tries)
        }
    }
}

fn answered(delivery: &Delivery, attempt: &Attempt) -> Step {
    let status = attempt.status.map_or("no answer".to_owned(), |status| format!("HTTP {status}"));
    let code = attempt.code.map(|code| format!(", code {code}")).unwrap_or_default();
    let message = inner(&attempt.message);
    let message = if message.is_empty() { String::new() } else { format!(": {message}") };
    let (state, word) = match delivery.state {
        State::Delivered => (StepState::Done, "took it"),
        State::Rejected => (StepState::Problem, "refuses it"),
        _ => (StepState::Problem, "did not take it yet"),
    };
    let text =
        format!("{} {word} ({status}{code}, after {} ms){message}.", title(delivery), attempt.latency_ms);
    step("answered", state, text).when(attempt.started_ms)
}

fn matched(event: &Event, delivery: &Delivery) -> Step {
    let titles = |keys: Vec<Key>| keys.into_iter().map(Key::title).collect::<Vec<_>>().join(", ");
    let (has, lacks) = (weak::carried(event, delivery), weak::missing(event, delivery));
    if delivery.weights.is_empty() {
        return step("matched", StepState::Open, "What it takes to match an event there is not known.");
    }
    let state = if has.is_empty() { StepState::Problem } else { StepState::Done };
    let has = if has.is_empty() { "nothing".to_owned() } else { titles(has) };
    let lacks =
        if lacks.is_empty() { String::new() } else { format!("; it could also have {}", titles(lacks)) };
    step("matched", state, format!("It can be matched by {has}{lacks}.")).leading("/quality".to_owned())
}

/// Whether the platform merges it with what its pixel reported.
fn merged(record: &Record, delivery: &Delivery) -> Step {
    let event = &record.event;
    let pixel = event.pixels.get(&delivery.destination).map(String::as_str);
    let late_s = delivery.attempt.as_ref().map_or(0, |call| call.started_ms / 1_000 - event.event_time);
    if event.unattended {
        let text = "No browser half is expected: no buyer was there.";
        return step("merged", StepState::Skipped, text);
    }
    let (state, text) = match pixel {
        Some("loaded") if late_s > MERGE_S => (
            StepState::Problem,
            "The page's pixel fired under the same id, but this came too late to be merged with it."
                .to_owned(),
        ),
        Some("loaded") => (
            StepState::Done,
            "The page's pixel fired under the same name and id; the platform merges the two.".to_owned(),
        ),
        Some("blocked") => {
            (StepState::Skipped, "The page's pixel was blocked: this is the only half.".to_owned())
        }
        _ if event.event_name == names::PURCHASE && event.channel == Channel::Server => (
            StepState::Open,
            "Whether a pixel reported it too stands with the page's own word, if there is one.".to_owned(),
        ),
        _ => (StepState::Open, "Nobody told whether a pixel reported it too.".to_owned()),
    };
    step("merged", state, text)
}

/// What this event shows together with others.
fn seen_together(story: &Story, record: &Record) -> Vec<Step> {
    let of_this = story.events.iter().flat_map(|other| {
        other.observations.iter().filter(move |o| other.seq == record.seq || o.other_seq == Some(record.seq))
    });
    of_this
        .map(|seen| {
            let state = if seen.severity > Severity::Info { StepState::Problem } else { StepState::Done };
            step(
                "together",
                state,
                format!("Together with other events: {} ({}).", inner(&seen.message), seen.code),
            )
            .leading(format!("/findings/{}", seen.code))
        })
        .collect()
}
