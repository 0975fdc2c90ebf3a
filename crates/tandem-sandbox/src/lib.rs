//! A stand-in for TikTok's Events API: it checks requests as the real one does, finds duplicates, merges the
//! browser half with the server half, can be told to fail in many ways, and shows what it counted.
//!
//! It serves the demo, tests, benches and everybody who has no access token yet. It judges independently of
//! the rest of Tandem and shares no code with it, so a mistake in the client cannot hide in the judge.
//!
//! | route | use |
//! | --- | --- |
//! | `POST /open_api/v1.3/event/track/` | server half |
//! | `POST /api/v2/pixel` | browser half |
//! | `GET /i18n/pixel/events.js?sdkid=CODE&lib=ttq` | pixel script that sends the browser half here |
//! | `GET /` | overview for people |
//! | `GET /sandbox/conversions` | what was counted (`?summary=1`, `?pixel=`, `?event=`, `?limit=`) |
//! | `GET /sandbox/requests`, `GET /sandbox/test-events` | raw log, test events |
//! | `GET`/`PUT /sandbox/options`, `/sandbox/faults` | behaviour; a `PUT` replaces everything |
//! | `POST /sandbox/reset` | forget everything but the options |

mod answer;
mod browser;
pub mod engine;
mod event;
mod faults;
mod keys;
mod limits;
mod log;
mod options;
mod page;
mod raw;
mod report;
mod routes;
mod schema;
mod serve;
mod track;
mod vocabulary;

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};

pub use crate::{
    faults::{Fault, FaultKind, Match, Planned},
    keys::{KEY_NAMES, KeySet},
    log::RequestEntry,
    options::{BadOptions, HttpMode, Options, Person},
    report::{ConversionView, Counts, Diagnostic, Query, Report},
    schema::MAX_EVENTS,
};

/// Where the time comes from: Unix milliseconds.
pub type NowMs = Arc<dyn Fn() -> i64 + Send + Sync>;

/// The sandbox; clones share one memory.
#[derive(Clone)]
pub struct Sandbox {
    inner: Arc<Inner>,
}

struct Inner {
    now_ms: NowMs,
    state: Mutex<State>,
}

/// Options with what is derived from them.
pub(crate) struct Rules {
    pub(crate) options: Options,
    pub(crate) oracle: keys::Oracle,
}

impl Rules {
    fn new(options: Options) -> Arc<Rules> {
        let oracle = keys::Oracle::new(&options.people);
        Arc::new(Rules { options, oracle })
    }
}

pub(crate) struct State {
    pub(crate) rules: Arc<Rules>,
    pub(crate) memory: Memory,
}

/// All that a reset forgets.
#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) engine: engine::Engine,
    pub(crate) plan: faults::Plan,
    pub(crate) log: log::Log,
    pub(crate) tests: VecDeque<TestEvent>,
    pub(crate) tokens: limits::Buckets,
    pub(crate) pixels: limits::Buckets,
    pub(crate) counters: Counters,
}

#[derive(Default)]
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
    /// Pixel code.
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

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox").finish_non_exhaustive()
    }
}

impl Sandbox {
    /// A sandbox that has seen nothing yet.
    pub fn new(options: Options, now_unix_ms: NowMs) -> Sandbox {
        let state = State { rules: Rules::new(options), memory: Memory::default() };
        Sandbox { inner: Arc::new(Inner { now_ms: now_unix_ms, state: Mutex::new(state) }) }
    }

    /// All routes. Cut connections look cleanest through [`Sandbox::serve`], which can reset the socket;
    /// under any other server they are answers that break off.
    pub fn router(&self) -> axum::Router {
        routes::router(self.clone())
    }

    /// Serves until the task is dropped.
    pub async fn serve(self, listener: tokio::net::TcpListener) -> std::io::Result<()> {
        serve::serve(self.router(), listener).await
    }

    /// Everything counted so far.
    pub fn conversions(&self) -> Report {
        self.report(&Query::default())
    }

    /// A part of what was counted so far.
    pub fn report(&self, query: &Query) -> Report {
        let state = self.state();
        let Counters { requests, refused, faulted, hits, events, test_events } = state.memory.counters;
        let mut report =
            Report { requests, refused, faulted, hits, events, test_events, ..Report::default() };
        report::fill(&mut report, &state.memory.engine, query);
        report
    }

    /// The newest requests of both halves, oldest first.
    pub fn requests(&self) -> Vec<RequestEntry> {
        self.state().memory.log.entries()
    }

    /// The newest test events, oldest first.
    pub fn test_events(&self) -> Vec<TestEvent> {
        self.state().memory.tests.iter().cloned().collect()
    }

    /// Options in force.
    pub fn options(&self) -> Options {
        self.state().rules.options.clone()
    }

    /// Replaces the options; what is remembered stays.
    pub fn set_options(&self, options: Options) -> Result<(), BadOptions> {
        options.check()?;
        self.state().rules = Rules::new(options);
        Ok(())
    }

    /// Fault plan with what each fault did so far.
    pub fn faults(&self) -> Vec<Planned> {
        self.state().memory.plan.faults.clone()
    }

    /// Replaces the fault plan; its counters start anew.
    pub fn set_faults(&self, faults: Vec<Fault>) {
        self.state().memory.plan = faults::Plan::new(faults);
    }

    /// Forgets events, log, faults and rates; the options stay.
    pub fn reset(&self) {
        self.state().memory = Memory::default();
    }

    pub(crate) fn now_ms(&self) -> i64 {
        (self.inner.now_ms)()
    }

    /// Nothing in here panics half-way through a change, so a poisoned lock is as good as any.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
