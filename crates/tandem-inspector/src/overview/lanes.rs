//! How one destination stands.

use minijinja::Value;
use serde::Serialize;
use tandem_core::names;
use tandem_core::quality::emq;
use tandem_gateway::Lane;
use tandem_store::embedded::LaneCounts;
use tandem_store::pages::Overview;

use crate::{chart, format};

/// Later than this, and something is wrong with the destination.
pub(super) const LATE_MS: i64 = 60_000;

/// A destination of a site.
#[derive(Default, Serialize)]
pub(super) struct Destination {
    pub(super) site: String,
    pub(super) name: String,
    pub(super) title: String,
    /// `running`, `late`, `paused` or `stopped`.
    pub(super) state: &'static str,
    /// Why it stands still, if it does, and since when in Unix milliseconds.
    pub(super) stopped: Option<(String, i64)>,
    pub(super) paused_by: Option<String>,
    pub(super) waiting: i64,
    /// For how long the oldest that waits has been due.
    pub(super) late_ms: Option<i64>,
    /// Since when that is, Unix milliseconds.
    pub(super) late_since_ms: Option<i64>,
    pub(super) delivered: i64,
    pub(super) rejected: i64,
    pub(super) expired: i64,
    pub(super) skipped: i64,
    /// Per cent, with one decimal.
    pub(super) rate: Option<String>,
    pub(super) mood: &'static str,
    /// Whether the platform looks for persons at all.
    pub(super) is_scored: bool,
    /// Estimate of the match quality of purchases, 0 to 10, and as a picture.
    pub(super) quality: Option<(String, Value)>,
}

/// The colour of a share of losses: more than one in a hundred is worth a look, more than one in ten is bad.
pub(super) fn mood(delivered: i64, lost: i64) -> &'static str {
    match lost {
        0 => "",
        lost if lost * 9 > delivered => "bad",
        lost if lost * 99 > delivered => "wait",
        _ => "",
    }
}

pub(super) fn destination(
    lane: &Lane,
    counts: &[LaneCounts],
    overview: &Overview,
    now_ms: i64,
) -> Destination {
    let outcome = overview.outcomes.get(&lane.id.0).copied().unwrap_or_default();
    let definition = lane.destination.definition();
    let mut one = Destination {
        site: lane.site.clone(),
        name: definition.name.to_owned(),
        title: definition.title.to_owned(),
        state: "running",
        paused_by: overview.paused.get(&lane.id.0).cloned(),
        delivered: outcome.delivered,
        rejected: outcome.rejected,
        expired: outcome.expired,
        skipped: outcome.skipped,
        rate: format::percent(outcome.delivered, outcome.delivered + outcome.rejected + outcome.expired),
        mood: mood(outcome.delivered, outcome.rejected + outcome.expired),
        is_scored: !definition.match_weights.is_empty(),
        quality: quality(lane, overview),
        ..Destination::default()
    };
    if let Some(count) = counts.iter().find(|count| count.lane == lane.id) {
        one.stopped = count.stopped.as_ref().map(|stop| (stop.why.clone(), stop.since_ms));
        one.waiting = count.waiting;
        one.late_since_ms = count.oldest_due_ms.filter(|due_ms| *due_ms <= now_ms);
        one.late_ms = one.late_since_ms.map(|due_ms| now_ms - due_ms);
    }
    if one.stopped.is_some() {
        one.state = "stopped";
    } else if one.paused_by.is_some() {
        one.state = "paused";
    } else if one.late_ms.is_some_and(|late| late > LATE_MS) {
        one.state = "late";
    }
    one
}

fn quality(lane: &Lane, overview: &Overview) -> Option<(String, Value)> {
    let histogram = &overview.coverage.iter().find(|one| one.site == lane.site)?.histogram;
    let weights = lane.destination.definition().match_weights;
    let estimate = emq::estimate(histogram, weights, names::PURCHASE)?;
    let band = match emq::verdict(estimate.score, names::PURCHASE) {
        emq::Verdict::Good => "good",
        emq::Verdict::Normal => "accent",
        emq::Verdict::Low { defect: true } => "bad",
        emq::Verdict::Low { defect: false } => "wait",
    };
    let words = format!(
        "Estimated match quality of {} purchases: {:.1} of 10",
        format::count(i64::try_from(estimate.events).unwrap_or(i64::MAX)),
        estimate.score
    );
    let marks = [emq::expected(names::PURCHASE).low];
    Some((format!("{:.1}", estimate.score), chart::meter(&words, estimate.score, band, &marks)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_have_a_colour() {
        assert_eq!([mood(1_000, 0), mood(1_000, 1), mood(50, 1), mood(5, 5)], ["", "", "wait", "bad"]);
    }
}
