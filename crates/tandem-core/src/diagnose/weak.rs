//! What the platform has: whether it counts in full, and if not, what weakens it.

use super::{
    Also, Cause, Delivery, Noticed, Observed, Record, Story, Verdict, rank, remedy, sentence, title,
};
use crate::codes::Kind;
use crate::quality::{Key, Keys, emq};
use crate::{Event, Finding, Severity};

/// A sale that reaches less than half of a full score usually lacks what the buyer typed in.
const FEW_KEYS: u32 = emq::FULL / 2;

/// Codes by which a delivered event is weak, the worst first. Others follow by their severity.
const WORST_FIRST: &[&str] = &[
    "test_code_in_production",
    "order_under_two_ids",
    "order_other_id",
    "id_near_miss",
    "upsell_same_id",
    "order_under_two_names",
    "names_mixed",
    "sale_id_differs",
    "no_match_keys",
    "guest_without_keys",
    "phone_hash_differs",
    "email_hash_differs",
    "phone_invalid",
    "phone_no_country",
    "click_id_lost",
    "click_id_stripped",
    "currency_changed",
    "value_jump",
    "value_minor_units",
    "currency_missing",
    "currency_invalid",
    "currency_not_converted",
    "currency_unsupported",
    "value_missing",
    "late_pair",
    "clock_skew",
    "session_not_found",
    "click_id_expired",
    "click_ids_expired",
    "legacy_event_name",
];

/// Of these the codes by which the platform counts it twice.
const TWICE: &[&str] =
    &["order_under_two_ids", "order_other_id", "id_near_miss", "order_under_two_names", "sale_id_differs"];

/// Mended by us without any loss: said, but no weakness.
const MENDED: &[&str] = &[
    "event_id_type",
    "order_id_type",
    "event_time_ms",
    "event_time_string",
    "event_time_float",
    "event_name_case",
    "currency_case",
    "value_string",
    "phone_key_name",
    "pii_not_hashed",
];

/// Informative, and yet a reason why nobody is credited.
const WEAK_THOUGH_INFO: &[&str] =
    &["session_not_found", "click_id_expired", "click_ids_expired", "order_under_two_names"];

/// One remark, wherever it was made.
struct Remark<'a> {
    code: &'a str,
    severity: Severity,
    message: &'a str,
}

fn remarks<'a>(story: &'a Story, record: &'a Record, delivery: &'a Delivery) -> Vec<Remark<'a>> {
    let found = |f: &'a Finding| Remark { code: &f.code, severity: f.severity, message: &f.message };
    let seen = |o: &'a Observed| Remark { code: &o.code, severity: o.severity, message: &o.message };
    let own = record.event.findings.iter().chain(&delivery.remarks).map(found);
    // A later event may show what is wrong with this one.
    let is_of_this =
        |other: &&Record, o: &&Observed| other.seq == record.seq || o.other_seq == Some(record.seq);
    let together = story
        .events
        .iter()
        .flat_map(move |other| other.observations.iter().filter(move |o| is_of_this(&other, o)).map(seen));
    let tells = |notice: &&'a Noticed| notice.kind == "near_miss" || notice.code == "upsell_same_id";
    let of_ledger = story.notices.iter().filter(tells).map(|notice| Remark {
        code: &notice.code,
        severity: Severity::Warning,
        message: &notice.message,
    });
    let mut all: Vec<Remark<'_>> = own.chain(together).chain(of_ledger).collect();
    all.sort_by_key(|remark| place(remark));
    all.dedup_by(|later, first| later.code == first.code);
    all
}

/// Where a remark stands among others, the worst first; errors and warnings that nobody ranked come last.
fn place(remark: &Remark<'_>) -> (usize, std::cmp::Reverse<Severity>, String) {
    let known = WORST_FIRST.iter().position(|code| *code == remark.code).unwrap_or(WORST_FIRST.len());
    (known, std::cmp::Reverse(remark.severity), remark.code.to_owned())
}

fn weakens(remark: &Remark<'_>) -> bool {
    let is_listed = WEAK_THOUGH_INFO.contains(&remark.code);
    is_listed || (remark.severity >= Severity::Warning && !MENDED.contains(&remark.code))
}

/// The platform has it.
pub(super) fn delivered(story: &Story, record: &Record, delivery: &Delivery) -> Cause {
    let name = title(delivery);
    let remarks = remarks(story, record, delivery);
    let also: Vec<Also> = remarks
        .iter()
        .filter(|remark| weakens(remark) || MENDED.contains(&remark.code))
        .map(|remark| Also {
            cause: remark.code.to_owned().into(),
            sentence: sentence::of(remark.code, name, remark.message),
            remedy: remedy(Kind::Finding, remark.code),
        })
        .collect();
    let few = few_keys(record, delivery);
    // What is missing is said by the finding that tells why, where there is one.
    let worst = remarks.iter().find(|remark| weakens(remark));
    let mut cause = match (worst, few) {
        (Some(remark), _) if remark.code == "test_code_in_production" => {
            let text = sentence::of(remark.code, name, remark.message);
            Cause::of(Kind::Finding, remark.code.to_owned(), Verdict::NotSent, rank::NOT_SENT, text)
        }
        (Some(remark), _) => {
            let text = sentence::of(remark.code, name, remark.message);
            // An order under a second name counts twice only where that name is a sale's, and is a warning then.
            let is_twice = TWICE.contains(&remark.code) && remark.severity >= Severity::Warning;
            let rank = if is_twice { rank::TWICE } else { rank::WEAK };
            Cause::of(Kind::Finding, remark.code.to_owned(), Verdict::CountedWeakly, rank, text)
        }
        (None, Some(cause)) => cause,
        (None, None) => {
            plainly(record, delivery, remarks.iter().find(|remark| MENDED.contains(&remark.code)))
        }
    };
    cause.also = also;
    cause
}

fn plainly(record: &Record, delivery: &Delivery, mended: Option<&Remark<'_>>) -> Cause {
    let name = title(delivery);
    if delivery.code.as_deref() == Some("platform_warning") {
        let words = delivery.message.as_deref().map(super::inner).unwrap_or("see the call");
        let text = format!("{name} has it, with a remark: {words}.");
        return Cause::of(Kind::Delivery, "platform_warning", Verdict::Counted, rank::REMARK, text);
    }
    if record.event.unattended {
        let text = format!(
            "{name} has it: no buyer was there when it happened (a renewal, or an order typed in by the shop), so no \
             browser half is expected."
        );
        return Cause::new("counted_unattended", Verdict::Counted, rank::COUNTED, text);
    }
    if let Some(remark) = mended {
        let text = sentence::of(remark.code, name, remark.message);
        return Cause::of(Kind::Finding, remark.code.to_owned(), Verdict::Counted, rank::COUNTED, text);
    }
    let keys = carried(&record.event, delivery).len();
    let with = match keys {
        0 => String::new(),
        1 => ", with 1 match key".to_owned(),
        n => format!(", with {n} match keys"),
    };
    let text = format!("{name} has it{with}, and nothing on record stands in its way.");
    Cause::new("counted", Verdict::Counted, rank::COUNTED, text)
}

/// Keys of the event that the platform takes.
pub(super) fn carried(event: &Event, delivery: &Delivery) -> Vec<Key> {
    let keys = Keys::of(event);
    delivery.weights.iter().map(|(key, _)| *key).filter(|key| keys.has(*key)).collect()
}

/// Keys that the platform takes and the event could have and has not, the weightiest first.
pub(super) fn missing(event: &Event, delivery: &Delivery) -> Vec<Key> {
    let (keys, possible) = (Keys::of(event), emq::carries(&event.event_name));
    let mut missing: Vec<(Key, u16)> =
        delivery.weights.iter().copied().filter(|(key, _)| possible.has(*key) && !keys.has(*key)).collect();
    missing.sort_by_key(|(_, weight)| std::cmp::Reverse(*weight));
    missing.into_iter().map(|(key, _)| key).collect()
}

/// Delivered and hardly to be matched, though no finding says why.
fn few_keys(record: &Record, delivery: &Delivery) -> Option<Cause> {
    let event = &record.event;
    let has_weights = !delivery.weights.is_empty();
    let points = emq::points(Keys::of(event), delivery.weights);
    // What consent took out is not missing, and nobody types in who he is on a page view.
    let is_whole = delivery.ruling.as_deref().is_none_or(|ruling| ruling.starts_with("send"));
    if !has_weights || !is_whole || !emq::expected(&event.event_name).is_owed || points >= FEW_KEYS {
        return None;
    }
    let name = title(delivery);
    let titles = |keys: Vec<Key>| keys.into_iter().take(3).map(Key::title).collect::<Vec<_>>().join(", ");
    let (has, lacks) = (titles(carried(event, delivery)), titles(missing(event, delivery)));
    let has = if has.is_empty() { "nothing".to_owned() } else { format!("only {has}") };
    let text = format!("{name} has it, but with {has} to know the buyer by; it lacks {lacks}.");
    Some(Cause::new("few_match_keys", Verdict::CountedWeakly, rank::WEAK, text))
}
