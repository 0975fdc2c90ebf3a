//! How one event stands at one destination.

use super::{Cause, Delivery, Record, State, Story, Verdict, at, inner, rank, span, title, weak};
use crate::codes::{Kind, SERVER_HALF_REPORTS as PAGES_WORD};
use crate::consent::{self, WITHDRAWN};
use crate::{Channel, names};

/// Skips by which nothing is lost: it counts by another way, or is meant so.
const BY_DESIGN: &[&str] =
    &[PAGES_WORD, "page_reports", "event_not_selected", "event_not_supported", "duplicate"];

/// Later than this, and the destination has trouble.
const LATE_MS: i64 = 60_000;

/// Whether the event is the page's word on a sale, which completes the one that the shop's server reports.
pub(super) fn is_pages_word(record: &Record) -> bool {
    record.deliveries.iter().any(|delivery| delivery.code.as_deref() == Some(PAGES_WORD))
}

/// The sale that the page's word completes.
pub(super) fn server_half<'a>(story: &'a Story, page: &Record) -> Option<&'a Record> {
    let event = &page.event;
    story.events.iter().find(|other| {
        other.event.event_name == event.event_name
            && other.event.site == event.site
            && (other.event.order_id == event.order_id || other.event.event_id == event.event_id)
            && !is_pages_word(other)
            && other.seq != page.seq
    })
}

/// An event of a site without destinations.
pub(super) fn nowhere(record: &Record) -> Cause {
    let text = format!(
        "It came in as event {} and is sent nowhere, since the site {} has no destination.",
        record.seq, record.event.site
    );
    Cause::new("no_destination", Verdict::NotSent, rank::NOT_SENT, text)
}

pub(super) fn judge(story: &Story, record: &Record, delivery: &Delivery, now_ms: i64) -> Cause {
    match delivery.state {
        State::Waiting => waiting(delivery, now_ms),
        State::Delivered => weak::delivered(story, record, delivery),
        State::Skipped => skipped(story, record, delivery),
        State::Rejected => rejected(delivery),
        State::Expired => expired(delivery),
    }
}

fn waiting(delivery: &Delivery, now_ms: i64) -> Cause {
    let name = title(delivery);
    let diagnosed = |code, rank, text: String| Cause::new(code, Verdict::Waiting, rank, text);
    if let Some((why, since_ms)) = &delivery.stopped {
        let text = format!(
            "{name} has not received it: the destination stands still since {}, because {}.",
            at(*since_ms),
            lower(first(why))
        );
        return diagnosed("destination_stopped", rank::STOPPED, text);
    }
    if let Some(who) = &delivery.paused_by {
        let text = format!("{name} has not received it: {who} paused the destination, and the event waits.");
        return diagnosed("destination_paused", rank::PAUSED, text);
    }
    let due = at(delivery.due_ms);
    if delivery.attempts > 0 || delivery.code.as_deref() == Some("retry") {
        let tries =
            if delivery.attempts == 1 { "once".to_owned() } else { format!("{} times", delivery.attempts) };
        let why = delivery.message.as_deref().map(|m| format!(" ({})", first(m))).unwrap_or_default();
        let text = format!("{name} was tried {tries} without success{why}; the next try is due at {due}.");
        return Cause::of(Kind::Delivery, "retry", Verdict::Waiting, rank::RETRIED, text);
    }
    let late_ms = now_ms - delivery.due_ms;
    if late_ms > LATE_MS {
        let text = format!(
            "It should have gone to {name} {} ago and is still in the queue, so the destination is behind.",
            span(late_ms)
        );
        return diagnosed("delivery_late", rank::LATE, text);
    }
    if late_ms < 0 && !delivery.is_replay {
        let text = format!("It waits until {due} for its browser half and then goes to {name}.");
        return diagnosed("delivery_held", rank::WAITING, text);
    }
    diagnosed("delivery_due", rank::WAITING, format!("It is due and goes to {name} with the next call."))
}

fn rejected(delivery: &Delivery) -> Cause {
    let name = title(delivery);
    let words = delivery.message.as_deref().or(delivery.attempt.as_ref().map(|a| a.message.as_str()));
    let words = words.map(first).filter(|words| !words.is_empty()).unwrap_or("it does not say why");
    let text = format!("{name} received it and refuses it for good: {words}.");
    Cause::of(Kind::Delivery, "platform_rejected", Verdict::Refused, rank::REFUSED, text)
}

fn expired(delivery: &Delivery) -> Cause {
    let name = title(delivery);
    let last =
        delivery.message.as_deref().map(|m| format!("; the last trouble: {}", first(m))).unwrap_or_default();
    let text = format!(
        "{name} never received it: it could not be delivered in the time in which a repeat is harmless{last}."
    );
    Cause::of(Kind::Delivery, "retry_horizon", Verdict::NotSent, rank::EXPIRED, text)
}

fn skipped(story: &Story, record: &Record, delivery: &Delivery) -> Cause {
    let name = title(delivery);
    let code = delivery.code.clone().unwrap_or_default();
    let why = delivery.message.as_deref().map(inner).unwrap_or("no reason is on record");
    let skip = |rank, text: String| Cause::of(Kind::Skip, code.clone(), Verdict::NotSent, rank, text);
    match code.as_str() {
        PAGES_WORD => pages_word(story, record, delivery),
        "duplicate" => duplicate(story, record, delivery),
        consent::DENIED => skip(rank::CHOSEN, denied(delivery, why)),
        consent::UNKNOWN => {
            let text = format!("{name} does not get it, because {}.", lower(why));
            skip(rank::CHOSEN, text)
        }
        "bot" => {
            skip(rank::CHOSEN, format!("{name} does not get it, because no person did it: {}.", of_bot(why)))
        }
        "event_too_old" => {
            let age = span(record.received_ms - record.event.event_time.saturating_mul(1_000));
            let text = format!(
                "{name} does not get it, because it was too old: it came in {age} after it happened."
            );
            skip(rank::NOT_SENT, text)
        }
        "rule" => {
            skip(rank::CHOSEN, format!("{name} does not get it, because one of your rules says so: {why}."))
        }
        other => {
            let rank = if BY_DESIGN.contains(&other) { rank::BY_DESIGN } else { rank::NOT_SENT };
            skip(rank, format!("{name} does not get it: {}.", lower(why)))
        }
    }
}

fn of_bot(why: &str) -> &str {
    why.strip_prefix("no person: ").unwrap_or(why)
}

fn denied(delivery: &Delivery, why: &str) -> String {
    let name = title(delivery);
    let withdrawn = delivery.ruling.as_deref().is_some_and(|ruling| ruling.ends_with(WITHDRAWN));
    if withdrawn {
        return format!("{name} does not get it, because the visitor allowed it first and took that back.");
    }
    format!("{name} does not get it, because {}.", lower(why))
}

/// The page's word on a sale: the server's report of the order never came, or has another id.
fn pages_word(story: &Story, record: &Record, delivery: &Delivery) -> Cause {
    let name = title(delivery);
    let order = record.event.order_id.as_deref().unwrap_or("without a number");
    match server_half(story, record) {
        Some(server) => {
            let ids = (&record.event.event_id, &server.event.event_id);
            let pixels = &record.event.pixels;
            // A page that tells of no pixel at all may have any.
            let state = pixels.get(&delivery.destination).map(String::as_str);
            let state = state.or((!pixels.is_empty()).then_some("absent"));
            let (rank, text) = two_ids(name, ids, state);
            Cause::of(Kind::Finding, "id_near_miss", Verdict::CountedWeakly, rank, text)
        }
        None => {
            let text = format!(
                "Only the buyer's page told of order {order}; the shop's server, whose word goes to {name}, has not \
                 reported it."
            );
            Cause::new("server_half_missing", Verdict::NotReceived, rank::NOT_SENT, text)
        }
    }
}

/// What becomes of a sale that page and server report under two ids, by what became of the platform's pixel on the page.
fn two_ids(name: &str, (own, other): (&String, &String), pixel: Option<&str>) -> (u8, String) {
    match pixel {
        Some("blocked") => (
            rank::WEAK,
            format!(
                "The page reports the sale as {own:?} and the shop's server as {other:?}; this buyer's pixel was blocked, or \
                 {name} would count it twice."
            ),
        ),
        Some("absent") => (
            rank::WEAK,
            format!(
                "The page reports the sale as {own:?} and the shop's server as {other:?}; if the page has a pixel of its own \
                 for {name}, it counts it twice."
            ),
        ),
        _ => (
            rank::TWICE,
            format!(
                "The page's pixel reports the sale as {own:?} and the shop's server as {other:?}, so {name} counts it twice."
            ),
        ),
    }
}

fn duplicate(story: &Story, record: &Record, delivery: &Delivery) -> Cause {
    let name = title(delivery);
    let first = holder(delivery).and_then(|seq| story.events.iter().find(|other| other.seq == seq));
    let grew =
        first.and_then(|first| first.event.value.zip(record.event.value)).is_some_and(|(was, is)| is > was);
    if grew && record.event.event_name == names::PURCHASE {
        let text = format!(
            "{name} does not get it: it has the id of an earlier, smaller sale, so everybody takes it for a repeat and \
             what was added is not counted."
        );
        return Cause::of(Kind::Finding, "upsell_same_id", Verdict::NotSent, rank::NOT_SENT, text);
    }
    let half = match record.event.channel {
        Channel::Browser => " by the page",
        Channel::Server | Channel::Offline => "",
    };
    let why = delivery.message.as_deref().map(inner).unwrap_or("the same event came in before");
    let text = format!("{name} does not get it{half} again: {why}.");
    Cause::of(Kind::Skip, "duplicate", Verdict::NotSent, rank::BY_DESIGN, text)
}

/// The number at the end of `the same event came in before, as number 17`.
fn holder(delivery: &Delivery) -> Option<i64> {
    delivery.message.as_deref()?.rsplit(' ').next()?.trim_end_matches('.').parse().ok()
}

/// The first sentence of a message; the steps have all of it.
fn first(message: &str) -> &str {
    inner(message.split_once(". ").map_or(message, |(first, _)| first))
}

/// A message as a part of a sentence: words of ours begin small, names and codes stay.
pub(super) fn lower(text: &str) -> String {
    let mut letters = text.chars();
    match (letters.next(), letters.clone().next()) {
        (Some(first), Some(second))
            if first.is_uppercase() && second.is_lowercase() && !text.starts_with("TikTok") =>
        {
            first.to_lowercase().chain(letters).collect()
        }
        _ => text.to_owned(),
    }
}
