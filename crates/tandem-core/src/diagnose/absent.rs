//! Nothing of it is in the log: was it refused at the door, reported long ago, called otherwise, or did it never come?

use super::{
    Cause, Diagnosis, Noticed, Step, StepState, Story, Verdict, WayIn, at, delivery, inner, path, rank, span,
};
use crate::codes::Kind;
use crate::words::counted;

/// Without an event for so long, a way in that reports orders is probably not set up.
const SILENT_MS: i64 = 3 * 86_400_000;

pub(super) fn diagnose(story: &Story, now_ms: i64) -> Diagnosis {
    let cause = cause(story, now_ms);
    let mut steps: Vec<Step> = story.notices.iter().map(path::noticed).collect();
    steps.extend(story.events.iter().map(path::recorded));
    if steps.is_empty() {
        steps = looked_for(story);
        // Others' inputs, which only may have to do with it.
        let around = |notice: &Noticed| Step { what: "around", ..path::noticed(notice) };
        steps.extend(story.turned_away.iter().map(around));
    }
    Diagnosis {
        question: story.question.clone(),
        cause: cause.code.clone(),
        verdict: cause.verdict,
        remedy: cause.remedy(),
        sentence: cause.sentence,
        event: story.events.first().map(|first| first.seq),
        destinations: Vec::new(),
        also: Vec::new(),
        steps,
        candidates: story.candidates.clone(),
        searched: story.searched.clone(),
    }
}

fn cause(story: &Story, now_ms: i64) -> Cause {
    let newest = |kind: &str| story.notices.iter().rev().find(|notice| notice.kind == kind);
    if let Some(order) = story.orders.iter().find(|order| !order.event_ids.is_empty()) {
        let sum = match (order.reported, order.currency) {
            (Some(sum), Some(currency)) => format!(" with {sum} {currency}"),
            _ => String::new(),
        };
        let text = format!(
            "The order {} was reported on {}{sum}, and its events are past their retention, so nothing tells any more what \
             became of them.",
            order.order_id,
            at(order.at_ms)
        );
        return Cause::new("past_retention", Verdict::Unknown, rank::NOT_SENT, text);
    }
    if let Some(notice) = newest("rejected") {
        let text =
            format!("It came in from {} and was refused at the door: {}.", notice.source, because(notice));
        let code = notice.code.clone();
        return Cause::of(Kind::Rejection, code, Verdict::NotReceived, rank::REFUSED, text);
    }
    if let Some(notice) = newest("unclaimed") {
        let text = format!("A request with it came in, and no way in takes it: {}.", because(notice));
        return Cause::of(Kind::Unclaimed, notice.code.clone(), Verdict::NotReceived, rank::REFUSED, text);
    }
    if let Some(notice) = newest("ignored") {
        let text = format!(
            "It came in from {} and there was nothing to report: {}.",
            notice.source,
            because(notice)
        );
        return Cause::of(Kind::Rejection, notice.code.clone(), Verdict::NotReceived, rank::NOT_SENT, text);
    }
    if let Some(notice) = story.notices.last() {
        return repeat(story, notice, now_ms);
    }
    if let Some(near) = story.candidates.first() {
        let what = if near.is_order { "an order" } else { "an event" };
        let text = format!(
            "Nothing came in as {:?}, but {what} did as {:?}: {}.",
            story.question, near.text, near.why
        );
        return Cause::new("asked_id_differs", Verdict::NotReceived, rank::NOT_SENT, text);
    }
    never_came(story, now_ms)
}

/// Another report of an order: it stands as the first one does.
fn repeat(story: &Story, notice: &Noticed, now_ms: i64) -> Cause {
    let Some(first) = story.events.first() else {
        let text = format!(
            "It came in from {} as a repeat, and the first report is past its retention.",
            notice.source
        );
        return Cause::of(Kind::Notice, notice.code.clone(), Verdict::Unknown, rank::NOT_SENT, text);
    };
    let stands = first.deliveries.iter().map(|one| delivery::judge(story, first, one, now_ms));
    let verdict = stands.max_by_key(|cause| cause.rank).map_or(Verdict::NotSent, |cause| cause.verdict);
    let lost = notice.code == "upsell_same_id";
    let (verdict, and) =
        if lost { (Verdict::NotSent, format!(": {}", because(notice))) } else { (verdict, String::new()) };
    let order = first.event.order_id.as_deref().unwrap_or("without a number");
    let text = format!(
        "It came in from {} as a repeat of order {order}, which was reported as {:?} (event {}) and is {}{and}.",
        notice.source,
        first.event.event_id,
        first.seq,
        if lost { "not reported again" } else { verdict.words() }
    );
    Cause::of(Kind::Notice, notice.code.clone(), verdict, rank::NOT_SENT, text)
}

fn because(notice: &Noticed) -> String {
    match &notice.field {
        Some(field) if notice.kind == "rejected" => format!("{} ({field})", inner(&notice.message)),
        _ => inner(&notice.message).to_owned(),
    }
}

/// It never came; what is the likely reason?
fn never_came(story: &Story, now_ms: i64) -> Cause {
    let asked = &story.question;
    let diagnosed = |code, reason: String| {
        let text = format!("Nothing ever came in as {asked:?}: {reason}.");
        Cause::new(code, Verdict::NotReceived, rank::NOT_SENT, text)
    };
    let searched = &story.searched;
    if searched.unseen > 0 {
        let text = format!(
            "Nothing is found as {asked:?} yet, but {} {} not looked through: the index is still being made.",
            counted(searched.unseen, "event"),
            if searched.unseen == 1 { "is" } else { "are" }
        );
        return Cause::new("index_behind", Verdict::Unknown, rank::NOT_SENT, text);
    }
    let orders: Vec<&WayIn> = story.ways_in.iter().filter(|way| way.reports_orders).collect();
    let is_silent = |way: &&&WayIn| way.last_ms.is_none_or(|last_ms| now_ms - last_ms > SILENT_MS);
    if let Some(notice) = story.turned_away.iter().find(|notice| notice.code.starts_with("credentials")) {
        return diagnosed(
            "requests_turned_away",
            format!("requests were turned away lately, since {}", because(notice)),
        );
    }
    if story.ways_in.is_empty() {
        return diagnosed("no_way_in", "the site has no way in, or there is no such site".to_owned());
    }
    if let Some(way) = orders.iter().find(is_silent) {
        let since = match way.last_ms {
            Some(last_ms) => format!("nothing came by it for {}", span(now_ms - last_ms)),
            None => "nothing came by it for a week or more".to_owned(),
        };
        let text = format!("{} of {} should report orders, and {since}", way.source, way.site);
        return diagnosed("way_in_silent", text);
    }
    if let Some(notice) = story.turned_away.iter().find(|notice| notice.kind == "rejected") {
        return diagnosed(
            "inputs_refused",
            format!("inputs were refused lately, the newest since {}", because(notice)),
        );
    }
    if let Some(way) = orders.iter().find(|way| !way.sweeps) {
        let text = format!(
            "other orders come by {} of {}, so a single delivery got lost on the way, and the sweep that would find it \
             is off",
            way.source, way.site
        );
        return diagnosed("delivery_lost", text);
    }
    diagnosed("event_not_found", "no event, order or notice on record has it".to_owned())
}

/// Says where it was looked for.
fn looked_for(story: &Story) -> Vec<Step> {
    let searched = &story.searched;
    let sites = if searched.sites.is_empty() { "no site".to_owned() } else { searched.sites.join(", ") };
    let since = searched.since_ms.map(|ms| format!(", from {} on", at(ms))).unwrap_or_default();
    let text = format!(
        "Looked through {} of {sites}{since}: by event id, by order id, and by both without case, separators and \
         usual prefixes; through the order ledger; and through the newest {} notices.",
        counted(searched.events, "event"),
        searched.notices
    );
    let looked = Step {
        what: "searched",
        at_ms: None,
        state: StepState::Skipped,
        text,
        link: None,
        destination: None,
    };
    let ways = story.ways_in.iter().map(|way| {
        let sweeps = if way.sweeps { "; it also looks through the shop's list of orders" } else { "" };
        let (state, text) = match way.last_ms {
            Some(ms) => (
                StepState::Done,
                format!("{} of {}: something came by it on {}{sweeps}.", way.source, way.site, at(ms)),
            ),
            None => (
                StepState::Open,
                format!("{} of {}: nothing came by it within a week{sweeps}.", way.source, way.site),
            ),
        };
        Step { what: "way_in", at_ms: None, state, text, link: Some("/sites".to_owned()), destination: None }
    });
    std::iter::once(looked).chain(ways).collect()
}
