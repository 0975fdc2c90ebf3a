//! Counters in Prometheus' text format.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tandem_store::Store;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    source: &'static str,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EventLabels {
    site: String,
    source: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DeliveryLabels {
    site: String,
    destination: &'static str,
    state: State,
}

/// What became of a delivery, as a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
#[allow(missing_docs)]
pub enum State {
    Delivered,
    Retried,
    Skipped,
    Rejected,
    Expired,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AttemptLabels {
    destination: &'static str,
    verdict: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LaneLabels {
    site: String,
    destination: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReloadLabels {
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SweptLabels {
    site: String,
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SiteLabels {
    site: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct UnclaimedLabels {
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AlertLabels {
    key: &'static str,
    site: String,
    destination: String,
}

/// All counters of the process.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    requests: Family<RequestLabels, Counter>,
    events: Family<EventLabels, Counter>,
    rule_failures: Family<SiteLabels, Counter>,
    deliveries: Family<DeliveryLabels, Counter>,
    attempts: Family<AttemptLabels, Counter>,
    attempt_ms: Family<AttemptLabels, Counter<f64, AtomicU64>>,
    reloads: Family<ReloadLabels, Counter>,
    swept: Family<SweptLabels, Counter>,
    unclaimed: Family<UnclaimedLabels, Counter>,
    alerts: Family<AlertLabels, Gauge>,
}

impl Metrics {
    /// One answered request.
    pub fn request(&self, source: &'static str, status: u16) {
        self.requests.get_or_create(&RequestLabels { source, status }).inc();
    }

    /// Rules that could not be applied to an event.
    pub fn rule_failures(&self, site: &str, count: u64) {
        if count > 0 {
            self.rule_failures.get_or_create(&SiteLabels { site: site.to_owned() }).inc_by(count);
        }
    }

    /// One request that no way in takes.
    pub fn unclaimed(&self, reason: &'static str) {
        self.unclaimed.get_or_create(&UnclaimedLabels { reason }).inc();
    }

    /// Events with one outcome: `accepted`, `duplicate`, `rejected`, `ignored`.
    pub fn events(&self, site: &str, source: &'static str, outcome: &'static str, count: u64) {
        if count > 0 {
            let labels = EventLabels { site: site.to_owned(), source, outcome };
            self.events.get_or_create(&labels).inc_by(count);
        }
    }

    /// Deliveries that changed their state.
    pub fn deliveries(&self, site: &str, destination: &'static str, state: State, count: u64) {
        if count > 0 {
            let labels = DeliveryLabels { site: site.to_owned(), destination, state };
            self.deliveries.get_or_create(&labels).inc_by(count);
        }
    }

    /// A configuration read while running, taken or refused as a whole.
    pub fn configuration(&self, taken: bool) {
        let result = if taken { "taken" } else { "refused" };
        self.reloads.get_or_create(&ReloadLabels { result }).inc();
    }

    /// Orders of the shop's own list: `found` there only, or `known`; or a look that `failed`.
    pub fn swept(&self, site: &str, result: &'static str, count: u64) {
        if count > 0 {
            self.swept.get_or_create(&SweptLabels { site: site.to_owned(), result }).inc_by(count);
        }
    }

    /// Alerts that are raised now: key, site and destination.
    pub(crate) fn alerts_firing(&self, firing: Vec<(&'static str, String, String)>) {
        self.alerts.clear();
        for (key, site, destination) in firing {
            self.alerts.get_or_create(&AlertLabels { key, site, destination }).set(1);
        }
    }

    /// One outgoing call.
    pub fn attempt(&self, destination: &'static str, verdict: &'static str, seconds: f64) {
        let labels = AttemptLabels { destination, verdict };
        self.attempts.get_or_create(&labels).inc();
        self.attempt_ms.get_or_create(&labels).inc_by(seconds);
    }

    /// The text for a scrape; gauges are read from the store now.
    #[must_use]
    pub fn text(&self, store: &Arc<Store>, now_ms: i64) -> String {
        let mut registry = Registry::with_prefix("tandem");
        registry.register("requests", "Requests answered", self.requests.clone());
        registry.register("unclaimed_requests", "Requests that no way in takes", self.unclaimed.clone());
        registry.register("events", "Events by outcome at the door", self.events.clone());
        let failures = self.rule_failures.clone();
        registry.register("rule_failures", "Rules that could not be applied to an event", failures);
        registry.register("deliveries", "Deliveries by new state", self.deliveries.clone());
        registry.register("attempts", "Calls to platforms by verdict", self.attempts.clone());
        registry.register("attempt_seconds", "Time spent in calls to platforms", self.attempt_ms.clone());
        registry.register("configurations", "Configurations read while running", self.reloads.clone());
        registry.register("swept_orders", "Orders seen in the shops' own lists", self.swept.clone());
        registry.register("alerts_firing", "1 while an alert is raised", self.alerts.clone());
        let waiting: Family<LaneLabels, Gauge> = Family::default();
        let age: Family<LaneLabels, Gauge> = Family::default();
        let stopped: Family<LaneLabels, Gauge> = Family::default();
        let paused: Family<LaneLabels, Gauge> = Family::default();
        for lane in store.lanes().unwrap_or_default() {
            let labels = LaneLabels { site: lane.site, destination: lane.destination };
            waiting.get_or_create(&labels).set(lane.waiting);
            let oldest = lane.oldest_due_ms.map_or(0, |due| (now_ms - due).max(0) / 1_000);
            age.get_or_create(&labels).set(oldest);
            paused.get_or_create(&labels).set(i64::from(lane.paused.is_some()));
            stopped.get_or_create(&labels).set(i64::from(lane.stopped.is_some()));
        }
        registry.register("waiting_deliveries", "Deliveries not at their end", waiting);
        registry.register("oldest_due_seconds", "How long the oldest due delivery has waited", age);
        registry.register("stopped_destinations", "1 while a destination waits for a person", stopped);
        registry.register("paused_destinations", "1 while a person keeps a destination from sending", paused);
        let writable: Gauge = Gauge::default();
        writable.set(i64::from(store.writable()));
        registry.register("store_writable", "0 after a write failed", writable);
        let commits: Counter = Counter::default();
        commits.inc_by(u64::try_from(store.commits()).unwrap_or(0));
        registry.register("store_commits", "Synced transactions since start", commits);
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = encode(&mut text, &registry);
        text
    }
}
