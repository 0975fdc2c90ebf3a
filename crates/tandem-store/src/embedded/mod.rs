//! Everything in one SQLite file (WAL, `synchronous=FULL`): one writer thread with group commit, many readers.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tandem_core::consent::Consent;
use tandem_core::session::Clues;
use tokio::sync::{Notify, mpsc, oneshot};

use crate::insight::{self, Insight};
use crate::{Batch, DueBatch, Keep, LaneId, Outcome, Remembered, Replay, Report, Stop, StoreError};

mod claims;
mod counts;
mod inspect;
mod keep;
mod late;
mod ledger;
pub(crate) mod numbers;
mod open;
mod pause;
mod prune;
mod read;
mod reader;
mod record;
mod records;
mod refusals;
mod sessions;
mod story;
mod write;
mod writer;

pub use inspect::{LaneCounts, Totals, View};
pub(crate) use open::open_reader_with_insight;
pub(crate) use open::read_only;
use open::{open_reader, open_writer};
use pause::Pauses;
pub use reader::Reader;
pub(crate) use reader::{CLOCK_SLACK_MS, first_since};
pub use records::ConsentRecord;
use refusals::Refusals;
pub use story::{Completed, Neighbour};
use writer::{Command, Writer};

/// How the file is used.
#[derive(Debug, Clone)]
pub struct Options {
    /// The SQLite file; its folder must exist.
    pub path: PathBuf,
    /// Events are deleted this many milliseconds after they came in, sessions after the day of the last visit; 0 keeps
    /// them for ever.
    pub retention_ms: i64,
    /// Full network addresses are deleted this many milliseconds after they came in; those of sessions count from the
    /// start of that day.
    pub address_ms: i64,
    /// Appends waiting for the writer at once; beyond it callers wait.
    pub queue: usize,
    /// Whether the insight file follows the log; without that its tables stay as they are.
    pub insight: bool,
}

impl Options {
    /// Defaults: 90 days of events, 8 days of addresses.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        const DAY: i64 = 86_400_000;
        Self { path: path.into(), retention_ms: 90 * DAY, address_ms: 8 * DAY, queue: 4_096, insight: true }
    }
}

/// The embedded store. Dropping it ends the writer after what was handed to it is written.
#[derive(Debug)]
pub struct Store {
    /// With which making of the insight file each was opened. They close before the writer is told to end.
    readers: Mutex<Vec<(u64, Connection)>>,
    /// Those of the log alone.
    log_readers: Mutex<Vec<Connection>>,
    commands: mpsc::Sender<Command>,
    path: PathBuf,
    wakers: Wakers,
    last_commit_failed: Arc<AtomicBool>,
    commits: Arc<AtomicI64>,
    refusals: Arc<Refusals>,
    pauses: Arc<Pauses>,
    insight: Arc<Insight>,
    writer: JoinHandle<()>,
}

impl Store {
    /// Opens or creates the file, brings its schema up, and starts the writer.
    ///
    /// The claim index is rebuilt in the writer's thread: the first append waits for it, opening does not.
    ///
    /// # Errors
    /// [`StoreError`] when the file cannot be opened, is not ours, or was made by a newer version.
    pub fn open(options: Options) -> Result<Self, StoreError> {
        let conn = open_writer(&options.path)?;
        let refusals = Arc::new(Refusals::at_opening(&conn).map_err(into_error)?);
        let pauses = Arc::new(Pauses::at_opening(&conn).map_err(into_error)?);
        let insight = Arc::new(Insight::start(&options)?);
        let (commands, inbox) = mpsc::channel(options.queue);
        let wakers = Wakers::default();
        let last_commit_failed = Arc::new(AtomicBool::new(false));
        let commits = Arc::new(AtomicI64::new(0));
        let path = options.path.clone();
        let writer = Writer {
            conn,
            options,
            wakers: wakers.clone(),
            failed: last_commit_failed.clone(),
            commits: commits.clone(),
            refusals: refusals.clone(),
            pauses: pauses.clone(),
            insight: insight.clone(),
            runtime: tokio::runtime::Handle::try_current().ok(),
        };
        let writer = std::thread::Builder::new()
            .name("tandem-writer".into())
            .spawn(move || writer.run(inbox))
            .map_err(|e| StoreError::Database(e.to_string()))?;
        Ok(Self {
            commands,
            readers: Mutex::default(),
            log_readers: Mutex::default(),
            path,
            wakers,
            last_commit_failed,
            commits,
            refusals,
            pauses,
            insight,
            writer,
        })
    }

    /// Ends it, and comes back when nothing of it has a file open any more: then files may be moved, replaced or deleted.
    /// What was handed to it is written before.
    pub fn close(self) {
        let Self { commands, readers, log_readers, writer, .. } = self;
        drop((readers, log_readers));
        drop(commands);
        // The follower ends with the writer. A thread that panicked has nothing open either.
        let _ = writer.join();
    }

    /// Appends a batch in one synced transaction; the answer comes after the sync, one outcome an event.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing of this batch was kept, and the caller must say so.
    pub async fn append(&self, batch: Batch, now_ms: i64) -> Result<Vec<Outcome>, StoreError> {
        self.ask(|done| Command::Append { batch, now_ms, done }).await?
    }

    /// Records what became of deliveries.
    ///
    /// # Errors
    /// [`StoreError`]; the deliveries keep their former state.
    pub async fn record(&self, report: Report) -> Result<(), StoreError> {
        self.ask(|done| Command::Record { report: Box::new(report), done }).await?
    }

    /// Stops a lane until a person mends what is said, or lets it go on.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_stop(&self, lane: LaneId, stop: Option<Stop>) -> Result<(), StoreError> {
        self.ask(|done| Command::SetStop { lane, stop, done }).await?
    }

    /// Makes new deliveries from the log under the same ids; how many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn replay(&self, replay: Replay, now_ms: i64) -> Result<u64, StoreError> {
        self.ask(|done| Command::Replay { replay, now_ms, done }).await?
    }

    /// Finds or makes the lane of a site's destination.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn lane(&self, site: &str, destination: &str) -> Result<LaneId, StoreError> {
        let (site, destination) = (site.to_owned(), destination.to_owned());
        self.ask(|done| Command::Lane { site, destination, done }).await?
    }

    /// Waiting deliveries due after `farthest_ms` become due at `now_ms`: the clock was set back.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn clamp_due(&self, farthest_ms: i64, now_ms: i64) -> Result<(), StoreError> {
        self.ask(|done| Command::ClampDue { farthest_ms, now_ms, done }).await?
    }

    /// Tries to write as much as a busy moment would: tells whether a full disk has room again.
    ///
    /// # Errors
    /// [`StoreError`] while it has not.
    pub async fn probe(&self) -> Result<(), StoreError> {
        self.ask(|done| Command::Probe { done }).await?
    }

    /// Deletes what is past its retention, in small steps between appends; whether there is more.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn prune(&self, now_ms: i64) -> Result<bool, StoreError> {
        self.ask(|done| Command::Prune { now_ms, done }).await?
    }

    /// Deliveries of a lane due at `now_ms`, without those in `under_way`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn due(
        &self,
        lane: LaneId,
        now_ms: i64,
        limit: usize,
        under_way: &HashSet<i64>,
    ) -> Result<DueBatch, StoreError> {
        self.read_log(|conn| read::due(conn, lane, now_ms, limit, under_way))
    }

    /// Finds the session of whoever the clues are of: by visitor id, else by order, else by e-mail address.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn session(&self, site: &str, clues: &Clues) -> Result<Option<Remembered>, StoreError> {
        self.read_log(|conn| sessions::find(conn, site, clues))
    }

    /// What the buyer chose when one of these orders was first reported with a choice: of the first of them that has one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn order_consent(&self, site: &str, order_ids: &[&str]) -> Result<Option<Consent>, StoreError> {
        self.read_log(|conn| ledger::consent_of(conn, site, order_ids))
    }

    /// The no that a page told together with the order, if any did.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn refusal_of_order(&self, site: &str, order_id: &str) -> Result<Option<Consent>, StoreError> {
        self.read_log(|conn| Ok(sessions::refusal(conn, site, order_id)?.and_then(|session| session.consent)))
    }

    /// Until when what came in may have been taken back, Unix milliseconds: a few seconds after a visitor of the site who
    /// was remembered last said no. An event received at this time or before may have been withdrawn since; a later one
    /// was not. Before the first no since the file was opened, that goes for everything in it. Costs no look at the file.
    #[must_use]
    pub fn last_refusal_ms(&self, site: &str) -> i64 {
        self.refusals.last_ms(site)
    }

    /// Keeps something for people.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn keep(&self, keep: Keep, now_ms: i64) -> Result<(), StoreError> {
        self.ask(|done| Command::Keep { keep: Box::new(keep), now_ms, done }).await?
    }

    /// Comes back when the insight file has everything that is in the log now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn catch_up(&self) -> Result<(), StoreError> {
        self.insight.catch_up().await
    }

    /// Events in the log that the insight file does not have yet.
    #[must_use]
    pub fn insight_behind(&self) -> i64 {
        self.insight.behind()
    }

    /// Runs a query on a reader connection, with the insight file as schema `insight`; for the inspector and the API.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn read<T>(&self, query: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        let made = self.insight.made_anew();
        let pooled = self.readers.lock().ok().and_then(|mut pool| pool.pop());
        let conn = match pooled {
            Some((of, conn)) if of == made => conn,
            _ => {
                let insight = insight::path_of(&self.path);
                // The follower may not know yet that the file is gone.
                let opened = open_reader_with_insight(&self.path, &insight);
                opened.inspect_err(|_| self.insight.look(None)).map_err(into_error)?
            }
        };
        let result = query(&conn).map_err(into_error);
        if let Ok(mut pool) = self.readers.lock()
            && pool.len() < 8
        {
            pool.push((made, conn));
        }
        result
    }

    /// The same on the log alone. What sales need on their way asks so: it works without the insight file, whatever became
    /// of that.
    pub(crate) fn read_log<T>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let pooled = self.log_readers.lock().ok().and_then(|mut pool| pool.pop());
        let conn = pooled.map_or_else(|| open_reader(&self.path), Ok).map_err(into_error)?;
        let result = query(&conn).map_err(into_error);
        if let Ok(mut pool) = self.log_readers.lock()
            && pool.len() < 8
        {
            pool.push(conn);
        }
        result
    }

    /// Told whenever new deliveries may be due in a lane.
    #[must_use]
    pub fn waker(&self, lane: LaneId) -> Arc<Notify> {
        self.wakers.of(lane)
    }

    /// False after a write failed, until events or a [`Store::probe`] could be written: the health check's business.
    #[must_use]
    pub fn writable(&self) -> bool {
        !self.last_commit_failed.load(Ordering::Relaxed)
    }

    /// Synced transactions since start.
    #[must_use]
    pub fn commits(&self) -> i64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Result<T, StoreError> {
        let (done, answer) = oneshot::channel();
        self.commands.send(command(done)).await.map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)
    }
}

/// One bell a lane: rung by the writer after a commit that made something due there.
#[derive(Debug, Default, Clone)]
struct Wakers(Arc<Mutex<HashMap<LaneId, Arc<Notify>>>>);

impl Wakers {
    fn of(&self, lane: LaneId) -> Arc<Notify> {
        self.0.lock().map(|mut all| all.entry(lane).or_default().clone()).unwrap_or_default()
    }

    fn ring(&self, wake: &Wake) {
        let Ok(all) = self.0.lock() else { return };
        let rung = all.iter().filter(|(lane, _)| wake.all || wake.lanes.contains(lane));
        rung.for_each(|(_, bell)| bell.notify_one());
    }
}

/// Which lanes a transaction made something due in.
#[derive(Debug, Default)]
struct Wake {
    all: bool,
    lanes: HashSet<LaneId>,
}

pub(crate) fn into_error(error: rusqlite::Error) -> StoreError {
    use rusqlite::ErrorCode::{CannotOpen, DiskFull, OutOfMemory, ReadOnly, SystemIoFailure};
    match error.sqlite_error_code() {
        Some(DiskFull | SystemIoFailure | ReadOnly | CannotOpen | OutOfMemory) => {
            StoreError::Disk(error.to_string())
        }
        _ => StoreError::Database(error.to_string()),
    }
}
