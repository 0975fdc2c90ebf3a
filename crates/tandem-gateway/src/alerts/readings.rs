//! What the measures are now, worked out of what the store adds up.

use std::collections::HashMap;

use tandem_core::alert::usual::{WEEKS, fall, missed};
use tandem_core::alert::{Key, MIN_ENDED, MIN_ORDERS, MIN_SALES, MIN_SCORED, Reading};
use tandem_core::quality::{Keys, emq};
use tandem_core::words::counted;
use tandem_store::StoreError;
use tandem_store::insight::alerts::{Arrived, Covered, Doubles, Ended, OrderEnds, Queue};

use crate::{Gateway, Lane, SiteRuntime};

const HOUR_MS: i64 = 3_600_000;

/// Hours in a week.
const WEEK: i64 = 7 * 24;

/// Closed hours in which purchases are counted: the shorter, and where too few come for it the longer.
const FALL_HOURS: [i64; 2] = [6, 24];

/// Closed hours whose orders are followed to their end; an hour more is left to retries.
const ORDER_HOURS: i64 = 24;

/// A way in that has been silent for longer is gone for good, and nobody needs to be told again.
const SILENT_HOURS: i64 = WEEK;

/// Days that today's match quality is compared with.
const EMQ_DAYS: i64 = 14;

/// Codes of skips that somebody decided on: an order skipped for one of them is where it should be.
const DECIDED: &[&str] = &[
    "consent_denied",
    "consent_unknown",
    "bot",
    "rule",
    "duplicate",
    "event_not_selected",
    "event_not_supported",
    "channel_not_supported",
    "page_reports",
];

fn reading(key: Key, site: &str, destination: &str, at_ms: i64) -> Reading {
    let (site, destination) = (site.to_owned(), destination.to_owned());
    Reading { key, site, destination, value: 0.0, at_ms, enough: true, detail: String::new() }
}

/// Those that change from one moment to the next. Cheap.
pub(super) fn fast(gateway: &Gateway, now_ms: i64) -> Result<Vec<Reading>, StoreError> {
    let mut readings = vec![disk(gateway.store.writable(), now_ms)];
    let queues = of_present(gateway, gateway.store.queues()?);
    let ended = gateway.store.ended_since(now_ms.div_euclid(HOUR_MS) - 1)?;
    for queue in &queues {
        readings.extend(of_queue(queue, now_ms));
        readings.push(error_rate(queue, &ended, now_ms));
    }
    Ok(readings)
}

/// Those that change by the hour or the day, and cost some reading.
pub(super) fn slow(gateway: &Gateway, now_ms: i64) -> Result<Vec<Reading>, StoreError> {
    let (store, hour) = (&gateway.store, now_ms.div_euclid(HOUR_MS));
    let past = i64::try_from(WEEKS).unwrap_or_default() * WEEK + SILENT_HOURS;
    let arrived = Arrivals::of(store.arrived(hour - past, hour + 1)?, hour);
    let doubles = store.doubles_since(hour.div_euclid(24) - 1)?;
    let covered = store.covered_since(hour.div_euclid(24) - EMQ_DAYS)?;
    let queues = of_present(gateway, store.queues()?);
    let mut readings = Vec::new();
    for site in gateway.sites().iter() {
        let id = site.site.id.as_str();
        readings.push(purchases_fall(&arrived, id, now_ms));
        readings.extend(site.sources.keys().map(|source| silent(&arrived, id, source, now_ms)));
        readings.push(duplicate_rate(&doubles, id, now_ms));
        let from_ms = (hour - 1 - ORDER_HOURS) * HOUR_MS;
        let ends = store.order_ends(id, from_ms, (hour - 1) * HOUR_MS)?;
        readings.extend(of_destinations(site, &queues, &ends, &covered, now_ms));
    }
    Ok(readings)
}

/// Queues of destinations that are set up now; the store remembers others.
fn of_present(gateway: &Gateway, queues: Vec<Queue>) -> Vec<Queue> {
    let sites = gateway.sites();
    queues.into_iter().filter(|queue| sites.lanes().any(|lane| lane.id == queue.lane)).collect()
}

fn of_destinations(
    site: &SiteRuntime,
    queues: &[Queue],
    ends: &[OrderEnds],
    covered: &[Covered],
    now_ms: i64,
) -> Vec<Reading> {
    let of_lane = |lane: &Lane| {
        let queue = queues.iter().find(|queue| queue.lane == lane.id)?;
        let weights = lane.destination.definition().match_weights;
        Some([purchases_missing(queue, ends, now_ms), emq_drop(queue, covered, weights, now_ms)])
    };
    site.lanes.iter().filter_map(of_lane).flatten().collect()
}

fn disk(writable: bool, now_ms: i64) -> Reading {
    Reading { value: switch(!writable), ..reading(Key::Disk, "", "", now_ms) }
}

fn of_queue(queue: &Queue, now_ms: i64) -> [Reading; 3] {
    let of = |key| reading(key, &queue.site, &queue.destination, now_ms);
    let stopped = Reading {
        value: switch(queue.stopped.is_some()),
        detail: queue.stopped.as_ref().map(|stop| sentence(&stop.why)).unwrap_or_default(),
        ..of(Key::Stopped)
    };
    let paused = Reading {
        value: switch(queue.paused),
        detail: format!("{} wait for it.", counted(queue.waiting, "event")),
        ..of(Key::Paused)
    };
    let age_ms = queue.oldest_ms.map_or(0, |at_ms| (now_ms - at_ms).max(0));
    let age = Reading {
        value: float(age_ms) / 1_000.0,
        // Why events wait there is known, and told already.
        enough: queue.stopped.is_none() && !queue.paused,
        detail: format!("{} wait.", counted(queue.waiting, "event")),
        ..of(Key::QueueAge)
    };
    [stopped, paused, age]
}

fn error_rate(queue: &Queue, ended: &[Ended], now_ms: i64) -> Reading {
    let of_lane = ended.iter().find(|ended| ended.lane == queue.lane);
    let (delivered, failed) = of_lane.map_or((0, 0), |ended| (ended.delivered, ended.failed));
    Reading {
        value: share(failed, delivered + failed),
        enough: delivered + failed >= MIN_ENDED,
        detail: format!(
            "{failed} of {} deliveries of this hour and the last were refused or given up.",
            delivered + failed
        ),
        ..reading(Key::ErrorRate, &queue.site, &queue.destination, now_ms)
    }
}

fn purchases_missing(queue: &Queue, ends: &[OrderEnds], now_ms: i64) -> Reading {
    let own = || ends.iter().filter(|end| end.lane == queue.lane);
    let is_decided = |end: &&OrderEnds| end.skipped.as_deref().is_some_and(|code| DECIDED.contains(&code));
    let delivered: i64 = own().filter(|end| end.delivered).map(|end| end.orders).sum();
    let missing: i64 = own().filter(|end| !end.delivered && !is_decided(end)).map(|end| end.orders).sum();
    Reading {
        value: share(missing, delivered + missing),
        enough: delivered + missing >= MIN_ORDERS && queue.stopped.is_none() && !queue.paused,
        detail: format!(
            "{missing} of {} paid orders of 24 hours are not there; orders left out for consent or by a rule do not count.",
            delivered + missing
        ),
        ..reading(Key::PurchasesMissing, &queue.site, &queue.destination, now_ms)
    }
}

fn purchases_fall(arrived: &Arrivals, site: &str, now_ms: i64) -> Reading {
    let of = |hours: i64| {
        let weeks = weeks(|shift| arrived.purchases(site, shift, hours));
        Some((hours, arrived.purchases(site, 0, hours), fall(arrived.purchases(site, 0, hours), &weeks)?))
    };
    let empty = reading(Key::PurchasesFall, site, "", now_ms);
    let Some((hours, now, fall)) = FALL_HOURS.into_iter().find_map(of) else {
        return Reading { enough: false, ..empty };
    };
    let detail = format!(
        "{now} purchases came in during the last {hours} full hours. In the same hours of the {WEEKS} weeks before it were \
         {:.0} on average, and {:.0} would still be chance.",
        fall.mean, fall.least
    );
    Reading { value: fall.share, detail, ..empty }
}

fn silent(arrived: &Arrivals, site: &str, source: &str, now_ms: i64) -> Reading {
    let empty = reading(Key::SourceSilent, site, source, now_ms);
    let hours = arrived.silent_hours(site, source);
    if hours == 0 {
        return empty;
    }
    let weeks = weeks(|shift| arrived.events(site, source, shift, hours));
    let Some(missed) = missed(&weeks) else { return Reading { enough: false, ..empty } };
    let detail = format!(
        "Nothing has come for {}. In the same hours of earlier weeks there was at least {}.",
        counted(hours, "full hour"),
        counted(missed, "event")
    );
    // After so long a silence it is not coming back.
    Reading { value: float(missed), enough: hours < SILENT_HOURS, detail, ..empty }
}

fn duplicate_rate(doubles: &[Doubles], site: &str, now_ms: i64) -> Reading {
    let own = doubles.iter().find(|own| own.site == site);
    let (doubles, sales) = own.map_or((0, 0), |own| (own.doubles, own.sales));
    Reading {
        value: share(doubles, sales),
        enough: sales >= MIN_SALES,
        detail: format!("{doubles} of {sales} sales of today and yesterday look like another report of one."),
        ..reading(Key::DuplicateRate, site, "", now_ms)
    }
}

fn emq_drop(queue: &Queue, covered: &[Covered], weights: emq::Weights<'_>, now_ms: i64) -> Reading {
    let today = now_ms.div_euclid(24 * HOUR_MS);
    let score = |wanted: &dyn Fn(i64) -> bool| {
        let own = covered.iter().filter(|c| c.site == queue.site && wanted(c.day));
        let histogram: Vec<(Keys, u64)> = own.map(|c| (Keys::from_bits(c.keys), c.events)).collect();
        let estimate = emq::estimate(&histogram, weights, tandem_core::names::PURCHASE)?;
        (estimate.events >= MIN_SCORED.unsigned_abs()).then_some(estimate.score)
    };
    let empty = reading(Key::EmqDrop, &queue.site, &queue.destination, now_ms);
    let (Some(now), Some(before)) = (score(&|day| day == today), score(&|day| day < today)) else {
        return Reading { enough: false, ..empty };
    };
    let detail = format!(
        "The estimate for today's purchases is {now:.1}; over the {EMQ_DAYS} days before it was {before:.1}."
    );
    Reading { value: (before - now).max(0.0), detail, ..empty }
}

fn weeks(of: impl Fn(i64) -> i64) -> Vec<i64> {
    (1..=i64::try_from(WEEKS).unwrap_or_default()).map(|week| of(week * WEEK)).collect()
}

/// Events by site, way in and hour.
struct Arrivals {
    /// The present hour, which is not over.
    hour: i64,
    events: HashMap<(String, String), HashMap<i64, i64>>,
    purchases: HashMap<String, HashMap<i64, i64>>,
}

impl Arrivals {
    fn of(rows: Vec<Arrived>, hour: i64) -> Self {
        let mut all = Self { hour, events: HashMap::new(), purchases: HashMap::new() };
        for row in rows {
            *all.purchases.entry(row.site.clone()).or_default().entry(row.hour).or_default() += row.purchases;
            *all.events.entry((row.site, row.source)).or_default().entry(row.hour).or_default() += row.events;
        }
        all
    }

    /// Full hours since the newest event; at most [`SILENT_HOURS`].
    fn silent_hours(&self, site: &str, source: &str) -> i64 {
        let Some(hours) = self.events.get(&(site.to_owned(), source.to_owned())) else { return SILENT_HOURS };
        let newest = hours.iter().filter(|(_, n)| **n > 0).map(|(hour, _)| *hour).max();
        newest.map_or(SILENT_HOURS, |newest| (self.hour - newest - 1).clamp(0, SILENT_HOURS))
    }

    fn events(&self, site: &str, source: &str, shift: i64, hours: i64) -> i64 {
        self.sum(self.events.get(&(site.to_owned(), source.to_owned())), shift, hours)
    }

    fn purchases(&self, site: &str, shift: i64, hours: i64) -> i64 {
        self.sum(self.purchases.get(site), shift, hours)
    }

    /// Over so many full hours, `shift` hours ago.
    fn sum(&self, by_hour: Option<&HashMap<i64, i64>>, shift: i64, hours: i64) -> i64 {
        let Some(by_hour) = by_hour else { return 0 };
        let end = self.hour - shift;
        (end - hours..end).filter_map(|hour| by_hour.get(&hour)).sum()
    }
}

fn switch(on: bool) -> f64 {
    if on { 1.0 } else { 0.0 }
}

fn share(part: i64, whole: i64) -> f64 {
    if whole > 0 { float(part) / float(whole) } else { 0.0 }
}

/// Counts and times are far below what a float holds exactly.
#[allow(clippy::cast_precision_loss)]
fn float(n: i64) -> f64 {
    n as f64
}

fn sentence(text: &str) -> String {
    let text = text.trim().trim_end_matches('.');
    if text.is_empty() { String::new() } else { format!("{text}.") }
}

#[cfg(test)]
mod tests;
