//! What the log adds up to: counts by day and hour, where an id is found, and what only several events together show.
//!
//! It is kept in a file of its own, by one thread that follows the log. So the accept path never waits for it, and
//! whoever deletes the file loses nothing but the time to make it anew.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::StoreError;
use crate::embedded::Options;

pub mod alerts;
mod calls;
pub mod choices;
pub mod doubles;
mod event;
mod follow;
mod found;
pub mod lanes;
pub(crate) mod lookup;
pub mod matching;
mod open;
mod orders;
mod pass;
mod prune;
mod query;
mod reconcile;
mod relate;
mod search;
pub mod sql;
mod sql_tame;
mod tally;
pub mod ways;

pub use found::{Found, FoundDelivery, FoundEvent, FoundFinding, Search};
pub use query::{FindingCount, HourCount, ObservationFilter, Observed};
pub use reconcile::Look;

/// Where the insight file of a log is.
#[must_use]
pub fn path_of(log: &Path) -> PathBuf {
    log.with_extension("insight.db")
}

/// The follower, from outside. Dropping it ends the thread after what it is just doing.
#[derive(Debug)]
pub(crate) struct Insight {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What the follower and those who ask it share.
#[derive(Debug, Default)]
struct Shared {
    asked: Mutex<Asked>,
    bell: Condvar,
    /// Events in the log that are not seen yet, as of the last look.
    behind: AtomicI64,
    /// How often the file was made anew while it was in use: who has it open must open it again.
    made_anew: AtomicU64,
}

type CaughtUp = oneshot::Sender<Result<(), StoreError>>;

/// What the follower is asked. Nothing piles up here, however long it does not look.
#[derive(Debug, Default)]
struct Asked {
    /// Something was committed to the log since the last look.
    news: bool,
    /// Who waits until everything is seen that is in the log now.
    waiting: Vec<CaughtUp>,
    /// What came in before this is past its retention, Unix milliseconds.
    forget_before_ms: Option<i64>,
    /// Nobody can ask any more.
    over: bool,
}

impl Insight {
    /// Opens or creates the file and starts to follow. Sales are taken and sent without it: one that cannot be opened keeps
    /// nobody from starting, and the follower tries it again.
    pub(crate) fn start(options: &Options) -> Result<Self, StoreError> {
        let shared = Arc::new(Shared::default());
        let conn = open::open(&options.path)
            .inspect_err(|error| tracing::error!(%error, "cannot open the insight file; it is tried again"));
        let follower = follow::Follower::new(conn.ok(), options.path.clone(), shared.clone());
        let mut thread = None;
        if options.insight {
            // What is in the log already is news to a file that was just made.
            shared.lock().news = true;
            let spawned =
                std::thread::Builder::new().name("tandem-insight".into()).spawn(move || follower.run());
            thread = Some(spawned.map_err(|e| StoreError::Database(e.to_string()))?);
        } else {
            shared.lock().over = true;
        }
        Ok(Self { shared, thread: Mutex::new(thread) })
    }

    /// Says that something was committed, and before what time the log has forgotten, if it just did. Costs next to
    /// nothing, and may be said too often.
    pub(crate) fn look(&self, forget_before_ms: Option<i64>) {
        let mut asked = self.shared.lock();
        asked.news = true;
        asked.forget_before_ms = asked.forget_before_ms.max(forget_before_ms);
        drop(asked);
        self.shared.bell.notify_one();
    }

    pub(crate) async fn catch_up(&self) -> Result<(), StoreError> {
        let (done, answer) = oneshot::channel();
        {
            let mut asked = self.shared.lock();
            if asked.over {
                let text =
                    "the insight file does not follow the log (store.insight is false, or its thread ended)";
                return Err(StoreError::File(text.into()));
            }
            asked.waiting.push(done);
        }
        self.shared.bell.notify_one();
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// Events in the log that are not seen yet.
    pub(crate) fn behind(&self) -> i64 {
        self.shared.behind.load(Ordering::Relaxed)
    }

    /// Grows when the file was made anew in use.
    pub(crate) fn made_anew(&self) -> u64 {
        self.shared.made_anew.load(Ordering::Acquire)
    }
}

impl Insight {
    /// Tells the thread to end, after what it is just doing.
    fn tell_end(&self) {
        self.shared.lock().over = true;
        self.shared.bell.notify_one();
    }

    /// The same, and waits for it.
    pub(crate) fn end(&self) {
        self.tell_end();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        thread.map(JoinHandle::join);
    }
}

impl Drop for Insight {
    fn drop(&mut self) {
        self.tell_end();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Asked> {
        // Nothing is ever half done under this lock.
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `wanted` says so or nobody can ask any more, but not longer than `at_most`.
    fn wait(&self, at_most: Option<Duration>, wanted: impl Fn(&Asked) -> bool) -> MutexGuard<'_, Asked> {
        let asleep = |asked: &mut Asked| !(asked.over || wanted(asked));
        let asked = self.lock();
        match at_most {
            None => self.bell.wait_while(asked, asleep).unwrap_or_else(PoisonError::into_inner),
            Some(at_most) => {
                let waited = self.bell.wait_timeout_while(asked, at_most, asleep);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        }
    }
}
