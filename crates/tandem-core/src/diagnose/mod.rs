//! Why did this event not count? Walks the whole path of what is on record and ends in one sentence and a remedy.
//!
//! Pure: a [`Story`] goes in, a [`Diagnosis`] comes out. What a code means and how it is mended stands in
//! docs/findings.md and nowhere else; here it is only decided which code is the answer.

use std::borrow::Cow;

use serde::Serialize;

use crate::codes::{self, Kind};
use crate::words::counted;

mod absent;
mod delivery;
mod path;
mod sentence;
mod story;
mod weak;

pub use story::{
    Attempt, Candidate, Delivery, Ledgered, Noticed, Observed, Record, Searched, State, Story, WayIn,
};

/// The short answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The platform has it, and nothing stands in its way.
    Counted,
    /// The platform has it, but it counts for less than it could, or twice.
    CountedWeakly,
    /// It will be sent.
    Waiting,
    /// It came in and is not sent.
    NotSent,
    /// The platform does not take it.
    Refused,
    /// It never became an event here.
    NotReceived,
    /// Nothing on record tells.
    Unknown,
}

impl Verdict {
    /// For people.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Counted => "counted",
            Self::CountedWeakly => "counted weakly",
            Self::Waiting => "waiting",
            Self::NotSent => "not sent",
            Self::Refused => "refused",
            Self::NotReceived => "not received",
            Self::Unknown => "unknown",
        }
    }

    /// Whether a platform has it.
    #[must_use]
    pub fn is_counted(self) -> bool {
        matches!(self, Self::Counted | Self::CountedWeakly)
    }
}

/// The answer.
#[derive(Debug, Clone, Serialize)]
pub struct Diagnosis {
    /// What was asked for.
    pub question: String,
    /// Stable code of the cause, as in docs/findings.md.
    pub cause: Cow<'static, str>,
    /// The short answer.
    pub verdict: Verdict,
    /// One sentence.
    pub sentence: String,
    /// What to do; may say that there is nothing to do.
    pub remedy: String,
    /// The event it is about, if there is one.
    pub event: Option<i64>,
    /// How it stands at each destination.
    pub destinations: Vec<AtDestination>,
    /// Less serious causes, the worst first.
    pub also: Vec<Also>,
    /// The path, in order.
    pub steps: Vec<Step>,
    /// Ids on record that are nearly the one asked for, when nothing was found; and orders that have it as their number.
    pub candidates: Vec<Candidate>,
    /// Where it was looked for.
    pub searched: Searched,
}

/// The answer for one destination.
#[derive(Debug, Clone, Serialize)]
pub struct AtDestination {
    /// Name in records.
    pub destination: String,
    /// For people.
    pub title: String,
    /// The event.
    pub event: i64,
    /// Stable code of the cause.
    pub cause: Cow<'static, str>,
    /// The short answer.
    pub verdict: Verdict,
    /// One sentence.
    pub sentence: String,
    /// What to do.
    pub remedy: String,
}

/// A further cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Also {
    /// Stable code.
    pub cause: Cow<'static, str>,
    /// One sentence.
    pub sentence: String,
    /// What to do.
    pub remedy: String,
}

/// How a step went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StepState {
    /// It was taken.
    Done,
    /// Something is wrong here.
    Problem,
    /// It was left out, or does not apply.
    Skipped,
    /// It is still to come, or nobody knows.
    Open,
}

/// One step of the path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Stable word, e.g. `arrived`.
    pub what: &'static str,
    /// When, Unix milliseconds.
    pub at_ms: Option<i64>,
    /// How it went.
    pub state: StepState,
    /// One sentence.
    pub text: String,
    /// The page that shows more, of the inspector.
    pub link: Option<String>,
    /// The destination, where the step is about one.
    pub destination: Option<String>,
}

/// A cause, and how much it matters beside others.
#[derive(Debug, Clone)]
struct Cause {
    code: Cow<'static, str>,
    kind: Kind,
    verdict: Verdict,
    rank: u8,
    sentence: String,
    also: Vec<Also>,
}

impl Cause {
    /// One that is known only here; its chapter in docs/findings.md is that of diagnoses.
    fn new(code: &'static str, verdict: Verdict, rank: u8, sentence: impl Into<String>) -> Self {
        Self::of(Kind::Diagnosis, code, verdict, rank, sentence)
    }

    fn of(
        kind: Kind,
        code: impl Into<Cow<'static, str>>,
        verdict: Verdict,
        rank: u8,
        sentence: impl Into<String>,
    ) -> Self {
        Self { code: code.into(), kind, verdict, rank, sentence: sentence.into(), also: Vec::new() }
    }

    fn remedy(&self) -> String {
        remedy(self.kind, &self.code)
    }
}

/// How to mend what a code stands for: where the code is met in several places, as it is met in this one.
fn remedy(kind: Kind, code: &str) -> String {
    let explained = codes::find_as(kind, code).or_else(|| codes::find(code));
    let fix = explained.map(|known| known.fix.clone()).filter(|fix| !fix.is_empty());
    fix.unwrap_or_else(|| sentence::REMEDY.to_owned())
}

/// How serious causes are beside each other; the sentence is about the most serious one.
mod rank {
    pub(super) const REFUSED: u8 = 100;
    pub(super) const STOPPED: u8 = 90;
    pub(super) const PAUSED: u8 = 80;
    pub(super) const EXPIRED: u8 = 70;
    pub(super) const NOT_SENT: u8 = 60;
    /// The platform has it and counts it more than once: money that is wrong, and somebody has to mend it.
    pub(super) const TWICE: u8 = 55;
    pub(super) const RETRIED: u8 = 50;
    /// Not sent because the visitor declined or said nothing, a rule of the shop says so, or nobody was there: as the shop
    /// wants it.
    pub(super) const CHOSEN: u8 = 48;
    pub(super) const LATE: u8 = 45;
    pub(super) const WAITING: u8 = 40;
    pub(super) const WEAK: u8 = 30;
    pub(super) const REMARK: u8 = 20;
    pub(super) const COUNTED: u8 = 10;
    /// Not sent because it is meant so: it counts by another way, or the shop wants it so.
    pub(super) const BY_DESIGN: u8 = 5;
}

/// Answers. `now_ms`: Unix milliseconds.
#[must_use]
pub fn diagnose(story: &Story, now_ms: i64) -> Diagnosis {
    if story.events.is_empty() {
        return absent::diagnose(story, now_ms);
    }
    let judged = judge(story, now_ms);
    // Of equally serious ones the first.
    let main = judged.iter().rev().max_by_key(|(.., cause)| cause.rank);
    let Some((record, _, cause)) = main else { return absent::diagnose(story, now_ms) };
    let sites = destinations_of(&judged);
    Diagnosis {
        question: story.question.clone(),
        cause: cause.code.clone(),
        verdict: cause.verdict,
        sentence: cause.sentence.clone(),
        remedy: cause.remedy(),
        event: Some(record.seq),
        also: others(cause, &judged),
        steps: path::steps(story, record, now_ms),
        destinations: sites,
        candidates: story.candidates.clone(),
        searched: story.searched.clone(),
    }
}

type Judged<'a> = (&'a Record, Option<&'a Delivery>, Cause);

/// Every event that matters, at every destination.
fn judge(story: &Story, now_ms: i64) -> Vec<Judged<'_>> {
    let mut judged = Vec::new();
    for record in story.events.iter().filter(|record| is_meant(story, record)) {
        let latest = latest(record);
        if latest.is_empty() {
            judged.push((record, None, delivery::nowhere(record)));
        }
        for one in latest {
            judged.push((record, Some(one), delivery::judge(story, record, one, now_ms)));
        }
    }
    judged
}

/// Where the shop's server reports a sale, the page's word on it is no event of its own: the server's is meant, also when it
/// has another id than the one that was asked for.
fn is_meant(story: &Story, record: &Record) -> bool {
    if delivery::is_pages_word(record) {
        let server = delivery::server_half(story, record);
        return record.is_asked && server.is_none_or(|server| server.event.event_id != record.event.event_id);
    }
    let completed_by = |asked: &&Record| {
        delivery::is_pages_word(asked)
            && delivery::server_half(story, asked).is_some_and(|server| server.seq == record.seq)
    };
    record.is_asked || story.events.iter().filter(|asked| asked.is_asked).any(|asked| completed_by(&asked))
}

/// Of several deliveries to one destination the one that counts: a delivered one, else the newest.
fn latest(record: &Record) -> Vec<&Delivery> {
    let mut latest: Vec<&Delivery> = Vec::new();
    for delivery in &record.deliveries {
        match latest.iter_mut().find(|known| known.lane == delivery.lane) {
            Some(known) if known.state == State::Delivered && delivery.state != State::Delivered => {}
            Some(known) => *known = delivery,
            None => latest.push(delivery),
        }
    }
    latest
}

fn destinations_of(judged: &[Judged<'_>]) -> Vec<AtDestination> {
    let at = |(record, delivery, cause): &Judged<'_>| {
        let delivery = (*delivery)?;
        Some(AtDestination {
            destination: delivery.destination.clone(),
            title: title(delivery).to_owned(),
            event: record.seq,
            cause: cause.code.clone(),
            verdict: cause.verdict,
            sentence: cause.sentence.clone(),
            remedy: cause.remedy(),
        })
    };
    judged.iter().filter_map(at).collect()
}

/// Causes beside the one that is named, each once.
fn others(main: &Cause, judged: &[Judged<'_>]) -> Vec<Also> {
    let mut causes: Vec<&Cause> = judged.iter().map(|(.., cause)| cause).collect();
    causes.sort_by_key(|cause| std::cmp::Reverse(cause.rank));
    let mut also: Vec<Also> = Vec::new();
    let beside = causes.iter().filter(|cause| cause.rank > rank::COUNTED).map(|cause| Also {
        cause: cause.code.clone(),
        sentence: cause.sentence.clone(),
        remedy: cause.remedy(),
    });
    for one in beside.chain(causes.iter().flat_map(|cause| cause.also.iter().cloned())) {
        if one.cause != main.code && also.iter().all(|known| known.cause != one.cause) {
            also.push(one);
        }
    }
    also
}

/// The destination for people.
fn title(delivery: &Delivery) -> &str {
    if delivery.title.is_empty() { &delivery.destination } else { &delivery.title }
}

/// A message in the middle of a sentence, or as its end: without its full stop.
fn inner(message: &str) -> &str {
    message.trim().trim_end_matches('.')
}

/// `2026-11-22 14:03 UTC`; empty for a time that no calendar has.
fn at(at_ms: i64) -> String {
    let known = jiff::Timestamp::from_millisecond(at_ms);
    known.map(|at| at.strftime("%Y-%m-%d %H:%M UTC").to_string()).unwrap_or_default()
}

/// How long something takes, roughly: `40 seconds`, `5 minutes`, `3 hours`, `2 days`.
fn span(ms: i64) -> String {
    match ms.abs() / 1_000 {
        s @ 0..=119 => counted(s, "second"),
        s @ 120..=7_199 => counted(s / 60, "minute"),
        s @ 7_200..=172_799 => counted(s / 3_600, "hour"),
        s => counted(s / 86_400, "day"),
    }
}
