//! Stand-ins for ad platforms: they check requests as the real ones do, find duplicates, merge the browser half with
//! the server half, can be told to fail in many ways, and show what they counted.
//!
//! They serve the demo, tests, benches and everybody who has no access token yet. They judge independently of
//! the rest of Tandem and share no code with it, so a mistake in the client cannot hide in the judge.
//!
//! | route | use |
//! | --- | --- |
//! | `POST /open_api/v1.3/event/track/` | TikTok, server half |
//! | `GET /open_api/v1.3/pixel/event/stats/` | TikTok, what was counted by day |
//! | `POST /api/v2/pixel` | TikTok, browser half |
//! | `GET /i18n/pixel/events.js?sdkid=CODE&lib=ttq` | TikTok's pixel script; it sends the browser half here |
//! | `POST /v25.0/{pixel}/events` | Meta, server half |
//! | `GET`/`POST /tr?id=…&ev=…&eid=…` | Meta, browser half |
//! | `POST /mp/collect`, `/debug/mp/collect` | Google Analytics 4, server half and its validation |
//! | `GET`/`POST /g/collect` | Google Analytics 4, browser half |
//! | `GET /` | overview for people |
//! | `GET /sandbox/{platform}/conversions` | what was counted (`?summary=1`, `?pixel=`, `?event=`, `?limit=`) |
//! | `GET /sandbox/{platform}/requests`, `/test-events` | raw log, test events |
//! | `GET`/`PUT /sandbox/{platform}/faults` | planned faults; a `PUT` replaces all of them |
//! | `GET`/`PUT /sandbox/options` | behaviour of all; a `PUT` replaces everything |
//! | `POST /sandbox/reset` | forget everything but the options |
//!
//! `{platform}` is `tiktok`, `meta` or `ga4`; left out it is TikTok, but for `/sandbox/requests`, which has all.

mod answer;
mod call;
pub mod engine;
mod faults;
mod ga4;
mod keys;
mod limits;
mod log;
mod meta;
mod money;
mod options;
mod page;
mod part;
mod platform;
mod raw;
mod report;
mod routes;
mod serve;
mod tiktok;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

pub(crate) use crate::part::{Counters, Part};
pub use crate::{
    faults::{BadFault, Fault, FaultKind, Match, Planned},
    ga4::{GA4, Ga4Options},
    keys::{KEY_NAMES, KeySet},
    log::RequestEntry,
    meta::{META, MetaOptions},
    options::{BadOptions, HttpMode, Options, Person},
    part::TestEvent,
    platform::{PLATFORMS, Platform},
    report::{ConversionView, Counts, Diagnostic, Discarded, Query, Report},
    tiktok::{MAX_EVENTS, TIKTOK},
};

/// Where the time comes from: Unix milliseconds.
pub type NowMs = Arc<dyn Fn() -> i64 + Send + Sync>;

/// The sandbox; clones share one memory. What is asked of it directly is TikTok's; [`Sandbox::on`] leads to the others.
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
    oracles: BTreeMap<&'static str, keys::Oracle>,
    nobody: keys::Oracle,
}

impl Rules {
    fn new(options: Options) -> Arc<Rules> {
        let oracle = |platform: &Platform| keys::Oracle::new(&options.people, platform.expected);
        let oracles = PLATFORMS.into_iter().map(|platform| (platform.name, oracle(platform))).collect();
        Arc::new(Rules { options, oracles, nobody: keys::Oracle::default() })
    }

    pub(crate) fn oracle(&self, platform: &Platform) -> &keys::Oracle {
        self.oracles.get(platform.name).unwrap_or(&self.nobody)
    }
}

pub(crate) struct State {
    pub(crate) rules: Arc<Rules>,
    pub(crate) memory: Memory,
}

/// All that a reset forgets.
#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) log: log::Log,
    parts: BTreeMap<&'static str, Part>,
}

impl Memory {
    pub(crate) fn part(&mut self, platform: &Platform) -> &mut Part {
        self.parts.entry(platform.name).or_default()
    }
}

/// One platform of a sandbox.
#[derive(Clone, Copy, Debug)]
pub struct Counter<'s> {
    sandbox: &'s Sandbox,
    platform: &'static Platform,
}

impl Counter<'_> {
    /// Everything counted so far.
    pub fn conversions(&self) -> Report {
        self.report(&Query::default())
    }

    /// A part of what was counted so far.
    pub fn report(&self, query: &Query) -> Report {
        report::of(self.platform, self.sandbox.state().memory.part(self.platform), query)
    }

    /// Its newest requests of both halves, oldest first.
    pub fn requests(&self) -> Vec<RequestEntry> {
        let mut entries = self.sandbox.requests();
        entries.retain(|entry| entry.platform == self.platform.name);
        entries
    }

    /// The newest test events, oldest first.
    pub fn test_events(&self) -> Vec<TestEvent> {
        self.sandbox.state().memory.part(self.platform).tests.iter().cloned().collect()
    }

    /// Fault plan with what each fault did so far.
    pub fn faults(&self) -> Vec<Planned> {
        self.sandbox.state().memory.part(self.platform).plan.faults.clone()
    }

    /// Replaces the fault plan; its counters start anew. A plan with a fault that cannot happen here changes nothing.
    pub fn set_faults(&self, faults: Vec<Fault>) -> Result<(), BadFault> {
        if let Some(bad) = faults.iter().find(|fault| !(self.platform.plays)(&fault.kind)) {
            let kind = serde_json::to_string(&bad.kind).unwrap_or_default();
            return Err(BadFault { platform: self.platform.title, kind });
        }
        self.sandbox.state().memory.part(self.platform).plan = faults::Plan::new(faults);
        Ok(())
    }
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

    /// One of the platforms.
    pub fn on(&self, platform: &'static Platform) -> Counter<'_> {
        Counter { sandbox: self, platform }
    }

    /// Everything TikTok counted so far.
    pub fn conversions(&self) -> Report {
        self.on(&TIKTOK).conversions()
    }

    /// A part of what TikTok counted so far.
    pub fn report(&self, query: &Query) -> Report {
        self.on(&TIKTOK).report(query)
    }

    /// The newest requests to all platforms, both halves, oldest first.
    pub fn requests(&self) -> Vec<RequestEntry> {
        self.state().memory.log.entries()
    }

    /// TikTok's newest test events, oldest first.
    pub fn test_events(&self) -> Vec<TestEvent> {
        self.on(&TIKTOK).test_events()
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

    /// TikTok's fault plan with what each fault did so far.
    pub fn faults(&self) -> Vec<Planned> {
        self.on(&TIKTOK).faults()
    }

    /// Replaces TikTok's fault plan; its counters start anew.
    pub fn set_faults(&self, faults: Vec<Fault>) {
        self.state().memory.part(&TIKTOK).plan = faults::Plan::new(faults);
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
