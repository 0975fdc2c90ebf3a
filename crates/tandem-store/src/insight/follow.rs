//! The thread that follows the log.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::pass::{self, Passed};
use super::{CaughtUp, Shared, open, path_of};
use crate::embedded::into_error;

/// While the log keeps growing, the follower rests this many times as long as it worked: who takes events in comes first.
const REST: u32 = 3;

/// And at least this long, so that what comes in meanwhile is counted together.
const SHORTEST_REST: Duration = Duration::from_millis(100);

/// After a failure.
const AGAIN: Duration = Duration::from_secs(5);

/// The follower's belongings. With it goes the hope of whoever still waits.
pub(super) struct Follower {
    /// `None` while the file cannot be opened.
    conn: Option<Connection>,
    log: PathBuf,
    shared: Arc<Shared>,
    /// Whether the last pass failed: one line in the program's log is enough.
    failing: bool,
}

impl Follower {
    pub(super) fn new(conn: Option<Connection>, log: PathBuf, shared: Arc<Shared>) -> Self {
        Self { conn, log, shared, failing: false }
    }

    /// Follows until nobody can ask any more.
    pub(super) fn run(mut self) {
        loop {
            let mut asked = self.shared.wait(None, |asked| asked.news || !asked.waiting.is_empty());
            if asked.over {
                return;
            }
            asked.news = false;
            let (waiting, forget) = (std::mem::take(&mut asked.waiting), asked.forget_before_ms);
            drop(asked);
            // Waiting callers drop with it when the thread is told to end: they find the store closed.
            let Some(()) = self.catch_up(waiting, forget) else { return };
        }
    }

    /// Sees everything that is in the log now. `None` when told to end.
    fn catch_up(&mut self, mut waiting: Vec<CaughtUp>, forget_before_ms: Option<i64>) -> Option<()> {
        // Who asks while a pass is on may have written after it began: for those there is another one.
        loop {
            let began = Instant::now();
            match self.pass(forget_before_ms) {
                Ok(Passed { behind, is_through }) => {
                    self.failing = false;
                    self.shared.behind.store(behind, Ordering::Relaxed);
                    if is_through {
                        waiting.into_iter().for_each(|done| drop(done.send(Ok(()))));
                        return self.rest(began.elapsed());
                    }
                    if waiting.is_empty() {
                        self.rest(began.elapsed())?;
                    }
                    // Those who came meanwhile need not wait for the next round to make haste.
                    let mut asked = self.shared.lock();
                    if asked.over {
                        return None;
                    }
                    waiting.append(&mut asked.waiting);
                }
                Err(error) => {
                    self.failed(error, waiting);
                    return self.pause();
                }
            }
        }
    }

    fn pass(&mut self, forget_before_ms: Option<i64>) -> rusqlite::Result<Passed> {
        // Deleted in use, it would be written on without a name, and nobody else could read it.
        if self.conn.is_none() || !path_of(&self.log).exists() {
            self.make_anew(open::open)?;
        }
        match &self.conn {
            Some(conn) => pass::pass(conn, forget_before_ms),
            None => Err(rusqlite::Error::InvalidPath(path_of(&self.log))),
        }
    }

    /// Rests while the log grows. Without news there is no need to.
    fn rest(&self, worked: Duration) -> Option<()> {
        let mut asked = self.shared.lock();
        if asked.over {
            return None;
        }
        if !asked.news {
            return Some(());
        }
        drop(asked);
        asked = self.shared.wait(Some((worked * REST).max(SHORTEST_REST)), |asked| !asked.waiting.is_empty());
        (!asked.over).then_some(())
    }

    /// Waits before another try, unless somebody asks; then looks again by itself.
    fn pause(&self) -> Option<()> {
        let mut asked = self.shared.wait(Some(AGAIN), |asked| !asked.waiting.is_empty());
        asked.news = true;
        (!asked.over).then_some(())
    }

    fn failed(&mut self, error: rusqlite::Error, waiting: Vec<CaughtUp>) {
        // Once: if the trouble is the log's, a new file changes nothing.
        let damaged = open::is_damaged(&error) && !self.failing;
        let error = into_error(error);
        if !self.failing {
            tracing::error!(%error, "cannot count what came in; the log is not harmed, and it is tried again");
        }
        self.failing = true;
        waiting.into_iter().for_each(|done| drop(done.send(Err(error.clone()))));
        if damaged && let Err(error) = self.make_anew(open::anew) {
            tracing::error!(%error, "cannot make the insight file anew");
        }
    }

    /// The file is gone or damaged, or the log is: the file at least can be had again.
    fn make_anew(&mut self, open: fn(&Path) -> rusqlite::Result<Connection>) -> rusqlite::Result<()> {
        // Closed first: whoever closes a file last tidies up beside it, by name.
        self.conn = None;
        self.conn = Some(open(&self.log)?);
        self.shared.made_anew.fetch_add(1, Ordering::Release);
        Ok(())
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let mut asked = self.shared.lock();
        asked.over = true;
        asked.waiting.clear();
    }
}
