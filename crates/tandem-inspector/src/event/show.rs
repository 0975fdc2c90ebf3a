//! What the page of an event shows, made of the records.

use serde::Serialize;
use serde_json::Value;
use tandem_core::codes::{self, Kind};
use tandem_core::diagnose::{Attempt, Delivery, Diagnosis, Record, State, Story};
use tandem_core::quality::{Key, Keys, emq};
use tandem_core::session::Supply;
use tandem_core::{Event, Severity};
use tandem_gateway::why::Sent;
use tandem_store::{Completed, Neighbour};

use super::differ::{self, Mark, Row};
use crate::why::Answer;

/// Fields of the record that are shown in other places of the page.
const SHOWN_ELSEWHERE: &[&str] = &["findings", "rules", "supplied", "bot", "pixels"];

/// What was read beside the story.
pub(super) struct Found {
    pub(super) before: Vec<Completed>,
    pub(super) same_visitor: Vec<Neighbour>,
    /// Calls by delivery.
    pub(super) calls: Vec<(i64, Attempt)>,
    pub(super) sent: Vec<Sent>,
    pub(super) said: Option<(&'static str, &'static str)>,
}

#[derive(Serialize)]
pub(super) struct Page {
    seq: i64,
    said: Option<(&'static str, &'static str)>,
    answer: Answer,
    head: Vec<(&'static str, String, Option<String>)>,
    at_ms: i64,
    happened_ms: i64,
    is_unreadable: bool,
    deliveries: Vec<Row2>,
    keys: Vec<KeyRow>,
    remarks: Vec<RemarkRow>,
    rules: Vec<RuleRow>,
    consent: Vec<(&'static str, String)>,
    rulings: Vec<(String, String)>,
    related: Vec<(&'static str, Vec<Near>)>,
    /// When the event was completed, and what that changed.
    completed: Vec<(i64, Vec<Row>)>,
    sent: Vec<SentForm>,
    record: String,
}

/// One delivery.
#[derive(Serialize)]
struct Row2 {
    destination: String,
    title: String,
    seq: i64,
    state: &'static str,
    mood: &'static str,
    code: Option<String>,
    meaning: Option<String>,
    message: Option<String>,
    due_ms: Option<i64>,
    attempts: u32,
    is_replay: bool,
    calls: Vec<Attempt>,
    /// May be sent again from here.
    may_repeat: bool,
    /// The platform has it: sending it again must be confirmed.
    was_delivered: bool,
}

#[derive(Serialize)]
struct KeyRow {
    title: &'static str,
    is_there: bool,
    from: String,
    counts_at: String,
}

#[derive(Serialize)]
struct RemarkRow {
    code: String,
    severity: &'static str,
    mood: &'static str,
    field: Option<String>,
    message: String,
    fix: Option<String>,
    other: Option<i64>,
}

#[derive(Serialize)]
struct RuleRow {
    rule: String,
    destination: Option<String>,
    changes: String,
}

#[derive(Serialize)]
struct Near {
    seq: i64,
    at_ms: i64,
    name: String,
    id: String,
    source: String,
}

#[derive(Serialize)]
struct SentForm {
    title: &'static str,
    skip: Option<String>,
    rows: Vec<Row>,
    left_out: usize,
    request: Option<String>,
}

pub(super) fn page(story: &Story, record: &Record, diagnosis: Diagnosis, found: Found) -> Page {
    let event = &record.event;
    let value = differ::redacted(&on_record(event));
    Page {
        seq: record.seq,
        said: found.said,
        answer: Answer::from(diagnosis),
        head: head(event),
        at_ms: record.received_ms,
        happened_ms: event.event_time.saturating_mul(1_000),
        is_unreadable: record.is_unreadable,
        deliveries: record.deliveries.iter().map(|one| row(record, one, &found.calls)).collect(),
        keys: keys(record),
        remarks: remarks(record),
        rules: rules(event, &found.sent),
        consent: consent(event),
        rulings: rulings(record),
        related: related(story, record, &found.same_visitor),
        completed: completed(&found.before, event),
        record: serde_json::to_string_pretty(&value).unwrap_or_default(),
        sent: found.sent.into_iter().map(|sent| form(event, sent)).collect(),
    }
}

fn on_record(event: &Event) -> Value {
    let mut value = serde_json::to_value(event).unwrap_or_default();
    if let Some(object) = value.as_object_mut() {
        SHOWN_ELSEWHERE.iter().for_each(|field| drop(object.remove(*field)));
    }
    value
}

fn head(event: &Event) -> Vec<(&'static str, String, Option<String>)> {
    let address = crate::format::in_address;
    let site = address(&event.site);
    let channel = serde_json::to_value(event.channel).ok();
    let channel = channel.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned();
    let money = match (event.value, event.currency) {
        (Some(value), Some(currency)) => Some(format!("{value} {currency}")),
        (Some(value), None) => Some(format!("{value}, no currency")),
        _ => None,
    };
    let mut head = vec![
        ("Name", event.event_name.clone(), Some(format!("/events?name={}", address(&event.event_name)))),
        ("Event id", event.event_id.clone(), Some(crate::why::address(&event.event_id, &event.site))),
    ];
    let order = event.order_id.as_ref();
    let number = event.order_number.as_ref().map(|number| format!(" ({number})")).unwrap_or_default();
    head.extend(
        order.map(|o| {
            ("Order", format!("{o}{number}"), Some(format!("/orders?q={}&site={site}", address(o))))
        }),
    );
    head.extend(money.map(|money| ("Value", money, None)));
    head.push(("Site", event.site.clone(), Some(format!("/events?site={site}"))));
    head.push((
        "Way in",
        event.source.clone(),
        Some(format!("/events?source={}&site={site}", address(&event.source))),
    ));
    head.push(("Channel", channel, None));
    head
}

fn row(record: &Record, delivery: &Delivery, calls: &[(i64, Attempt)]) -> Row2 {
    let mood = match delivery.state {
        State::Waiting => "wait",
        State::Delivered => "good",
        State::Skipped => "quiet",
        State::Rejected | State::Expired => "bad",
    };
    let kind = if delivery.state == State::Skipped { Kind::Skip } else { Kind::Delivery };
    let code = delivery.code.as_deref();
    let known = code.and_then(|code| codes::find_as(kind, code).or_else(|| codes::find(code)));
    let of_lane = || record.deliveries.iter().filter(|other| other.lane == delivery.lane);
    let is_newest = of_lane().all(|other| other.seq <= delivery.seq);
    let is_waiting = of_lane().any(|other| other.state == State::Waiting);
    let can_repeat = matches!(delivery.state, State::Delivered | State::Rejected | State::Expired);
    Row2 {
        destination: delivery.destination.clone(),
        title: if delivery.title.is_empty() { delivery.destination.clone() } else { delivery.title.clone() },
        seq: delivery.seq,
        state: delivery.state.word(),
        mood,
        code: delivery.code.clone(),
        meaning: known.map(|known| known.what.clone()),
        message: delivery.message.clone().filter(|message| !message.is_empty()),
        due_ms: (delivery.state == State::Waiting).then_some(delivery.due_ms),
        attempts: delivery.attempts,
        is_replay: delivery.is_replay,
        calls: calls.iter().filter(|(of, _)| *of == delivery.seq).map(|(_, call)| call.clone()).collect(),
        may_repeat: is_newest && !is_waiting && can_repeat,
        was_delivered: of_lane().any(|other| other.state == State::Delivered),
    }
}

/// Every match key that an event of this name can have, and where it came from.
fn keys(record: &Record) -> Vec<KeyRow> {
    let event = &record.event;
    let (has, possible) = (Keys::of(event), emq::carries(&event.event_name));
    let row = |key: &Key| {
        let mut titles: Vec<&str> = Vec::new();
        for delivery in &record.deliveries {
            if delivery.weights.iter().any(|(known, _)| known == key)
                && !titles.contains(&delivery.title.as_str())
            {
                titles.push(&delivery.title);
            }
        }
        let from = match (has.has(*key), supply(event, *key)) {
            (false, _) => "missing".to_owned(),
            (true, None) => "the event itself".to_owned(),
            (true, Some(supply)) => supplied(supply),
        };
        KeyRow { title: key.title(), is_there: has.has(*key), from, counts_at: titles.join(", ") }
    };
    Key::ALL.iter().filter(|key| has.has(**key) || possible.has(**key)).map(row).collect()
}

fn supply(event: &Event, key: Key) -> Option<&Supply> {
    let names: &[&str] = match key {
        Key::Fbc => &["fbc", "fbclid"],
        Key::Address => &["street", "city", "state", "zip_code"],
        _ => &[],
    };
    let known = |name: &str| event.supplied.get(name);
    known(key.name()).or_else(|| names.iter().find_map(|name| known(name)))
}

fn supplied(supply: &Supply) -> String {
    let via = supply.via.map(|via| format!(", found by {}", via.text())).unwrap_or_default();
    let seen = supply.seen_ms.map(|ms| format!(", seen {}", crate::format::day_time(ms))).unwrap_or_default();
    let page = supply.page.as_ref().map(|page| format!(" on {page}")).unwrap_or_default();
    format!("{}{via}{seen}{page}", supply.from)
}

fn remarks(record: &Record) -> Vec<RemarkRow> {
    let word = |severity| match severity {
        Severity::Info => ("info", "quiet"),
        Severity::Warning => ("warning", "wait"),
        Severity::Error => ("error", "bad"),
    };
    let fix = |code: &str| {
        codes::find_as(Kind::Finding, code).map(|known| known.fix.clone()).filter(|fix| !fix.is_empty())
    };
    let own = record.event.findings.iter().map(|finding| RemarkRow {
        code: finding.code.clone().into_owned(),
        severity: word(finding.severity).0,
        mood: word(finding.severity).1,
        field: finding.field.clone().map(Into::into),
        message: finding.message.clone().into_owned(),
        fix: fix(&finding.code),
        other: None,
    });
    let together = record.observations.iter().map(|seen| RemarkRow {
        code: seen.code.clone(),
        severity: word(seen.severity).0,
        mood: word(seen.severity).1,
        field: None,
        message: seen.message.clone(),
        fix: fix(&seen.code),
        other: seen.other_seq,
    });
    own.chain(together).collect()
}

fn rules(event: &Event, sent: &[Sent]) -> Vec<RuleRow> {
    let row = |applied: &tandem_core::rules::Applied, destination: Option<&str>| RuleRow {
        rule: applied.rule.clone(),
        destination: destination.map(str::to_owned),
        changes: applied
            .changes
            .iter()
            .map(|change| format!("{} {}", change.field, change.did))
            .collect::<Vec<_>>()
            .join(", "),
    };
    let at_door =
        event.rules.iter().filter(|applied| applied.destination.is_none()).map(|applied| row(applied, None));
    let going_out =
        sent.iter().flat_map(|sent| sent.applied.iter().map(move |applied| row(applied, Some(sent.title))));
    at_door.chain(going_out).collect()
}

fn consent(event: &Event) -> Vec<(&'static str, String)> {
    let consent = &event.consent;
    let mut rows = vec![
        ("Advertising", consent.advertising.text().to_owned()),
        ("Statistics", consent.analytics.text().to_owned()),
        ("Comfort", consent.functional.text().to_owned()),
    ];
    if let Some(evidence) = &consent.evidence {
        rows.push(("Signal", evidence.signal.clone().into_owned()));
        rows.extend(evidence.note.clone().map(|note| ("Note", note.into_owned())));
    }
    rows.extend(consent.region.clone().map(|region| ("Region", region)));
    rows.push(("Global Privacy Control", if consent.gpc { "yes" } else { "no" }.to_owned()));
    rows.extend(event.supplied.get("consent").map(|supply| ("Told by", supplied(supply))));
    rows
}

fn rulings(record: &Record) -> Vec<(String, String)> {
    let of = |delivery: &Delivery| {
        let title = if delivery.title.is_empty() { &delivery.destination } else { &delivery.title };
        delivery.ruling.clone().map(|ruling| (title.clone(), ruling))
    };
    let mut rulings: Vec<_> = record.deliveries.iter().filter_map(of).collect();
    rulings.dedup();
    rulings
}

fn related(story: &Story, record: &Record, same_visitor: &[Neighbour]) -> Vec<(&'static str, Vec<Near>)> {
    let near = |other: &Record| Near {
        seq: other.seq,
        at_ms: other.received_ms,
        name: other.event.event_name.clone(),
        id: other.event.event_id.clone(),
        source: other.event.source.clone(),
    };
    let others = || story.events.iter().filter(|other| other.seq != record.seq);
    let is_of_order =
        |other: &&Record| other.event.order_id.is_some() && other.event.order_id == record.event.order_id;
    let has_id = |other: &&Record| other.event.event_id == record.event.event_id;
    let visitor = same_visitor.iter().map(|other| Near {
        seq: other.seq,
        at_ms: other.received_ms,
        name: other.event_name.clone(),
        id: other.event_id.clone(),
        source: other.source.clone(),
    });
    let groups: [(&'static str, Vec<Near>); 3] = [
        ("Of the same order", others().filter(is_of_order).map(near).collect()),
        ("With the same id", others().filter(has_id).map(near).collect()),
        ("Of the same visitor, the newest", visitor.collect()),
    ];
    groups.into_iter().filter(|(_, events)| !events.is_empty()).collect()
}

/// What each completion changed, oldest first.
fn completed(before: &[Completed], event: &Event) -> Vec<(i64, Vec<Row>)> {
    let after = before.iter().skip(1).map(|one| &one.before).chain([event]);
    let changes = before.iter().zip(after).map(|(one, after)| {
        let mut rows = differ::states(&on_record(&one.before), &on_record(after));
        rows.retain(|row| row.mark != Mark::Same);
        (one.at_ms, rows)
    });
    changes.collect()
}

fn form(event: &Event, sent: Sent) -> SentForm {
    // What holds the event; the rest of the request says to whom it goes.
    let body = sent.request.as_ref().map(|request| &request["body"]);
    let rows = body.map(|body| differ::forms(&on_record(event), body)).unwrap_or_default();
    let left_out = rows.iter().filter(|row| row.mark == Mark::LeftOut).count();
    let request = sent.request.as_ref().map(differ::redacted);
    let request = request.and_then(|request| serde_json::to_string_pretty(&request).ok());
    SentForm { title: sent.title, skip: sent.skip, rows, left_out, request }
}
