//! The one thread that writes. It takes what is waiting, writes it in one transaction, syncs, and only then answers.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use super::claims::ClaimIndex;
use super::refusals::Refusals;
use super::write::Appender;
use super::{Options, Wake, Wakers, into_error, keep, prune, record, write};
use crate::insight::Insight;
use crate::{Batch, Keep, LaneId, Outcome, Replay, Report, Stop, StoreError, drill};

pub(super) type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

#[derive(Debug)]
pub(super) enum Command {
    Append { batch: Batch, now_ms: i64, done: Answer<Vec<Outcome>> },
    Record { report: Box<Report>, done: Answer<()> },
    SetStop { lane: LaneId, stop: Option<Stop>, done: Answer<()> },
    Replay { replay: Replay, now_ms: i64, done: Answer<u64> },
    Lane { site: String, destination: String, done: Answer<LaneId> },
    ClampDue { farthest_ms: i64, now_ms: i64, done: Answer<()> },
    Probe { done: Answer<()> },
    Prune { now_ms: i64, done: Answer<bool> },
    Keep { keep: Box<Keep>, now_ms: i64, done: Answer<()> },
}

/// An answer held back until the transaction is on disk.
enum Pending {
    Append(Answer<Vec<Outcome>>, Vec<Outcome>),
    Unit(Answer<()>),
    Count(Answer<u64>, u64),
    Lane(Answer<LaneId>, LaneId),
    More(Answer<bool>, bool),
}

impl Pending {
    fn answer(self, failed: Option<&StoreError>) {
        fn send<T>(done: Answer<T>, value: T, failed: Option<&StoreError>) {
            // The caller may have gone away; what was written stays written.
            let _ = done.send(failed.map_or(Ok(value), |e| Err(e.clone())));
        }
        match self {
            Self::Append(done, outcomes) => send(done, outcomes, failed),
            Self::Unit(done) => send(done, (), failed),
            Self::Count(done, n) => send(done, n, failed),
            Self::Lane(done, lane) => send(done, lane, failed),
            Self::More(done, more) => send(done, more, failed),
        }
    }
}

/// Events, notices and touches in one transaction at most.
const MAX_EVENTS: usize = 4_000;

/// The writer's belongings.
pub(super) struct Writer {
    pub(super) conn: Connection,
    pub(super) options: Options,
    pub(super) wakers: Wakers,
    pub(super) failed: Arc<AtomicBool>,
    pub(super) commits: Arc<AtomicI64>,
    pub(super) refusals: Arc<Refusals>,
    pub(super) insight: Arc<Insight>,
    /// Where the callers live, if they live in one.
    pub(super) runtime: Option<Handle>,
}

impl Writer {
    /// Writes until every sender of commands is gone.
    pub(super) fn run(self, inbox: mpsc::Receiver<Command>) {
        self.write(inbox);
        // Whoever closes the log last empties its write-ahead log, which needs leave to write.
        self.insight.end();
    }

    fn write(&self, mut inbox: mpsc::Receiver<Command>) {
        let mut claims = match Claims::loading(self.options.path.clone()) {
            Ok(claims) => claims,
            Err(error) => {
                tracing::error!(%error, "cannot start to read the claims: the store closes");
                return;
            }
        };
        while let Some(first) = inbox.blocking_recv() {
            let batch = gather(first, &mut inbox);
            let needed = batch.iter().any(|c| matches!(c, Command::Append { .. } | Command::Prune { .. }));
            let Some(index) = claims.index(needed) else { return };
            let forgotten = batch.iter().filter_map(|c| self.options.cutoff_of(c)).max();
            batch.iter().filter_map(time_of).for_each(|now_ms| self.refusals.tell_time(now_ms));
            let Done { wake, answers, refused } =
                transaction(&self.conn, index, batch, &self.options, &self.failed);
            self.commits.fetch_add(1, Ordering::Relaxed);
            // Whoever is told that a no was taken finds it here.
            refused.into_iter().for_each(|(site, at_ms)| self.refusals.note(site, at_ms));
            answers.tell(self.runtime.as_ref());
            self.wakers.ring(&wake);
            self.insight.look(forgotten);
        }
    }
}

impl Options {
    /// Before what time a command forgets.
    fn cutoff_of(&self, command: &Command) -> Option<i64> {
        match command {
            Command::Prune { now_ms, .. } if self.retention_ms > 0 => Some(now_ms - self.retention_ms),
            _ => None,
        }
    }
}

/// What is waiting, up to a size that bounds how long an answer waits for others.
fn gather(first: Command, inbox: &mut mpsc::Receiver<Command>) -> Vec<Command> {
    let mut events = weight(&first);
    let mut batch = vec![first];
    while events < MAX_EVENTS {
        let Ok(command) = inbox.try_recv() else { break };
        events += weight(&command);
        batch.push(command);
    }
    batch
}

/// The claim index, read by a thread of its own at start: what does not ask for claims need not wait for it.
struct Claims {
    loader: Option<JoinHandle<rusqlite::Result<ClaimIndex>>>,
    index: ClaimIndex,
}

impl Claims {
    fn loading(path: PathBuf) -> std::io::Result<Self> {
        let load = move || ClaimIndex::load(&super::open_reader(&path)?);
        let loader = std::thread::Builder::new().name("tandem-claims".into()).spawn(load)?;
        Ok(Self { loader: Some(loader), index: ClaimIndex::default() })
    }

    /// The index; complete when it is `needed`. `None` when it cannot be read: then nothing may be appended.
    fn index(&mut self, needed: bool) -> Option<&mut ClaimIndex> {
        if needed && let Some(loader) = self.loader.take() {
            match loader.join() {
                Ok(Ok(index)) => self.index = index,
                other => {
                    tracing::error!(?other, "cannot read the claims: the store closes");
                    return None;
                }
            }
        }
        Some(&mut self.index)
    }
}

fn weight(command: &Command) -> usize {
    match command {
        Command::Append { batch, .. } => batch.events.len() + batch.notices.len() + batch.touches.len(),
        Command::Record { report, .. } => report.states.len() + report.joined.len() + report.rulings.len(),
        _ => 1,
    }
}

/// What time the caller has.
fn time_of(command: &Command) -> Option<i64> {
    match command {
        Command::Append { now_ms, .. } => Some(*now_ms),
        _ => None,
    }
}

/// What a transaction leaves to be done.
struct Done {
    /// Where something became due.
    wake: Wake,
    answers: Answers,
    /// Sites whose visitors said no, and when.
    refused: Vec<(String, i64)>,
}

/// Writes a batch of commands.
fn transaction(
    conn: &Connection,
    claims: &mut ClaimIndex,
    batch: Vec<Command>,
    options: &Options,
    failed: &AtomicBool,
) -> Done {
    drill::point("store.before_begin");
    claims.begin();
    let substantial = batch.iter().any(is_substantial);
    let mut pending = Vec::with_capacity(batch.len());
    let mut wake = Wake::default();
    let begun = conn.execute_batch("BEGIN IMMEDIATE").and_then(|()| Appender::new(conn));
    let (mut appender, mut trouble) = match begun {
        Ok(appender) => (Some(appender), None),
        Err(error) => (None, Some(error)),
    };
    for command in batch {
        note_wake(&mut wake, &command);
        let tools = appender.as_mut().filter(|_| trouble.is_none());
        let (answer, error) = apply(conn, tools, claims, command, options);
        pending.push(answer);
        trouble = trouble.or(error);
    }
    // Statements still in use would keep the transaction open.
    let (mut refused, counts) = appender.map(|a| (a.refused, a.counts)).unwrap_or_default();
    if trouble.is_none() {
        trouble = counts.write(conn).err();
    }
    if trouble.is_none() {
        drill::point("store.before_commit");
        trouble = conn.execute_batch("COMMIT").err();
        drill::point("store.after_commit");
    }
    let error = trouble.map(|error| {
        // A failed COMMIT may leave the transaction open, and a full disk may already have ended it.
        if !conn.is_autocommit() {
            let _ = conn.execute_batch("ROLLBACK");
        }
        claims.roll_back();
        refused.clear();
        into_error(error)
    });
    if let Some(error) = &error {
        tracing::error!(%error, "write failed, nothing of this batch was kept");
    }
    // A small write that fits does not show that events would.
    if error.is_some() || substantial {
        failed.store(error.is_some(), Ordering::Relaxed);
    }
    Done { wake, answers: Answers { pending, error }, refused }
}

/// What the callers of one transaction are told.
struct Answers {
    pending: Vec<Pending>,
    error: Option<StoreError>,
}

impl Answers {
    /// Tells them from within the runtime that serves them: one wake-up from this thread instead of one a caller.
    fn tell(self, runtime: Option<&Handle>) {
        match runtime {
            Some(runtime) => drop(runtime.spawn(async move { self.tell_all() })),
            None => self.tell_all(),
        }
    }

    fn tell_all(self) {
        for answer in self.pending {
            answer.answer(self.error.as_ref());
        }
    }
}

fn is_substantial(command: &Command) -> bool {
    match command {
        Command::Append { batch, .. } => !batch.events.is_empty(),
        Command::Probe { .. } => true,
        _ => false,
    }
}

/// A bell rung for nothing costs one look at an index, so it is rung whether the transaction worked or not.
fn note_wake(wake: &mut Wake, command: &Command) {
    match command {
        Command::Append { batch, .. } => {
            wake.lanes.extend(
                batch.events.iter().flat_map(|e| &e.deliveries).filter(|d| d.skip.is_none()).map(|d| d.lane),
            );
            // What waits for the browser half of an order may do so in any lane.
            wake.all |= batch.touches.iter().any(|t| !t.touch.orders.is_empty());
        }
        Command::SetStop { lane, .. } => {
            wake.lanes.insert(*lane);
        }
        Command::Replay { .. } | Command::ClampDue { .. } => wake.all = true,
        Command::Record { .. }
        | Command::Lane { .. }
        | Command::Prune { .. }
        | Command::Probe { .. }
        | Command::Keep { .. } => {}
    }
}

/// Applies one command inside the open transaction; without an appender the transaction has failed already, and
/// nothing more is tried.
fn apply(
    conn: &Connection,
    appender: Option<&mut Appender<'_>>,
    claims: &mut ClaimIndex,
    command: Command,
    options: &Options,
) -> (Pending, Option<rusqlite::Error>) {
    fn split<T: Default>(
        healthy: bool,
        run: impl FnOnce() -> rusqlite::Result<T>,
    ) -> (T, Option<rusqlite::Error>) {
        match healthy.then(run) {
            Some(Ok(value)) => (value, None),
            Some(Err(error)) => (T::default(), Some(error)),
            None => (T::default(), None),
        }
    }
    let healthy = appender.is_some();
    match command {
        Command::Append { batch, now_ms, done } => {
            let append = |a: &mut Appender<'_>| split(true, || a.append(claims, batch, now_ms));
            let (outcomes, error) = appender.map_or((Vec::new(), None), append);
            (Pending::Append(done, outcomes), error)
        }
        Command::Record { report, done } => {
            let record = |a: &mut Appender<'_>| split(true, || record::record(conn, &mut a.counts, &report));
            let ((), error) = appender.map_or(((), None), record);
            (Pending::Unit(done), error)
        }
        Command::SetStop { lane, stop, done } => {
            let ((), error) = split(healthy, || write::set_stop(conn, lane, stop.as_ref()));
            (Pending::Unit(done), error)
        }
        Command::Replay { replay, now_ms, done } => {
            let (count, error) = split(healthy, || write::replay(conn, &replay, now_ms));
            (Pending::Count(done, count), error)
        }
        Command::Lane { site, destination, done } => {
            let (lane, error) = split(healthy, || write::lane(conn, &site, &destination));
            (Pending::Lane(done, LaneId(lane)), error)
        }
        Command::ClampDue { farthest_ms, now_ms, done } => {
            let ((), error) = split(healthy, || write::clamp_due(conn, farthest_ms, now_ms));
            (Pending::Unit(done), error)
        }
        Command::Probe { done } => {
            let ((), error) = split(healthy, || write::probe(conn));
            (Pending::Unit(done), error)
        }
        Command::Prune { now_ms, done } => {
            let (more, error) = split(healthy, || prune::prune(conn, claims, now_ms, options));
            (Pending::More(done, more), error)
        }
        Command::Keep { keep, now_ms, done } => {
            let ((), error) = split(healthy, || keep::keep(conn, &keep, now_ms));
            (Pending::Unit(done), error)
        }
    }
}
