//! What is remembered of one platform.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::{
    Query,
    engine::{Arrival, Dedup, Engine},
    faults, limits,
    report::Discarded,
};

#[derive(Default)]
pub(crate) struct Part {
    pub(crate) engine: Engine,
    pub(crate) plan: faults::Plan,
    pub(crate) tests: VecDeque<TestEvent>,
    pub(crate) tokens: limits::Buckets,
    pub(crate) pixels: limits::Buckets,
    pub(crate) counters: Counters,
    /// By account, event name and reason.
    discarded: BTreeMap<(String, String, &'static str), u64>,
}

#[derive(Clone, Copy, Default)]
pub(crate) struct Counters {
    pub(crate) requests: u64,
    pub(crate) refused: u64,
    pub(crate) faulted: u64,
    pub(crate) hits: u64,
    pub(crate) events: u64,
    pub(crate) test_events: u64,
}

/// An event that came with a `test_event_code`: shown, never counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestEvent {
    /// The code of the request.
    pub test_event_code: String,
    /// Arrival.
    pub received_ms: i64,
    /// Account: pixel code or id.
    pub pixel: String,
    /// Event name as sent.
    pub event: String,
    /// Duplicate id.
    pub event_id: Option<String>,
    /// Value as text.
    pub value: Option<String>,
    /// Currency.
    pub currency: Option<String>,
    /// Match keys that came with it.
    pub user_keys: Vec<String>,
}

impl Part {
    /// Counts the events of an accepted request.
    pub(crate) fn record(&mut self, dedup: &Dedup, pixel: &str, events: &[Arrival<'_>], now_ms: i64) {
        self.counters.events += events.len() as u64;
        for event in events {
            self.engine.record(dedup, pixel, event, now_ms);
        }
    }

    /// Shows the events of a test request; keeps the newest `keep`.
    pub(crate) fn keep_tests(
        &mut self,
        code: &str,
        pixel: &str,
        events: &[Arrival<'_>],
        now_ms: i64,
        keep: usize,
    ) {
        self.counters.test_events += events.len() as u64;
        self.tests.extend(events.iter().map(|event| TestEvent {
            test_event_code: code.to_owned(),
            received_ms: now_ms,
            pixel: pixel.to_owned(),
            event: event.event.to_string(),
            event_id: event.event_id.as_deref().map(str::to_owned),
            value: event.value.map(|value| value.to_string()),
            currency: event.currency.as_deref().map(str::to_owned),
            user_keys: event.keys.names(),
        }));
        let surplus = self.tests.len().saturating_sub(keep);
        self.tests.drain(..surplus);
    }

    /// Notes an event that was answered with success and counts nowhere.
    pub(crate) fn discard(&mut self, pixel: &str, event: &str, why: &'static str) {
        *self.discarded.entry((pixel.to_owned(), event.to_owned(), why)).or_default() += 1;
    }

    pub(crate) fn discarded(&self, query: &Query) -> Vec<Discarded> {
        let fits = |wanted: &Option<String>, given: &str| wanted.as_deref().is_none_or(|w| w == given);
        self.discarded
            .iter()
            .filter(|((pixel, event, _), _)| fits(&query.pixel, pixel) && fits(&query.event, event))
            .map(|((pixel, event, why), count)| Discarded {
                pixel: pixel.clone(),
                event: event.clone(),
                why: (*why).to_owned(),
                count: *count,
            })
            .collect()
    }
}
