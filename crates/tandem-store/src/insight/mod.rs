//! What the log adds up to: counts by day and hour, where an id is found, and what only several events together show.
//!
//! It is kept in a file of its own, by one thread that follows the log. So the accept path never waits for it, and
//! whoever deletes the file loses nothing but the time to make it anew.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::StoreError;
use crate::embedded::{into_error, read_only};

pub mod alerts;
mod follow;

/// Where the insight file of a log is.
#[must_use]
pub fn path_of(log: &Path) -> PathBuf {
    log.with_extension("insight.db")
}

/// The follower, from outside.
#[derive(Debug)]
pub(crate) struct Insight {
    asks: mpsc::UnboundedSender<Ask>,
    behind: Arc<AtomicI64>,
}

/// What the follower is asked.
#[derive(Debug)]
enum Ask {
    /// There is something new in the log.
    Look,
    /// Tell when everything is seen that is in the log now.
    CatchUp(oneshot::Sender<Result<(), StoreError>>),
}

impl Insight {
    /// Opens or creates the file and starts to follow.
    pub(crate) fn start(log: &Path) -> Result<Self, StoreError> {
        let conn = open(log).map_err(into_error)?;
        let (asks, inbox) = mpsc::unbounded_channel();
        let behind = Arc::new(AtomicI64::new(0));
        let follower = follow::Follower::new(conn, behind.clone());
        std::thread::Builder::new()
            .name("tandem-insight".into())
            .spawn(move || follower.run(inbox))
            .map_err(|e| StoreError::Database(e.to_string()))?;
        Ok(Self { asks, behind })
    }

    /// Says that there is something new. Costs nothing, and may be said too often.
    pub(crate) fn look(&self) {
        let _ = self.asks.send(Ask::Look);
    }

    pub(crate) async fn catch_up(&self) -> Result<(), StoreError> {
        let (done, answer) = oneshot::channel();
        self.asks.send(Ask::CatchUp(done)).map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// Events in the log that are not seen yet.
    pub(crate) fn behind(&self) -> i64 {
        self.behind.load(Ordering::Relaxed)
    }
}

/// The file, open for writing, with the log beside it as schema `log`.
fn open(log: &Path) -> rusqlite::Result<Connection> {
    let conn = Connection::open(path_of(log))?;
    conn.busy_timeout(std::time::Duration::from_secs(10))?;
    conn.pragma_update(None, "journal_mode", "WAL")?;
    // After a power cut it may lack what came last; the cursors lack it too, so it is made again.
    conn.pragma_update(None, "synchronous", "NORMAL")?;
    conn.pragma_update(None, "cache_size", -65_536)?;
    conn.execute_batch(include_str!("schema.sql"))?;
    conn.execute("ATTACH DATABASE ?1 AS log", [read_only(log)])?;
    conn.set_prepared_statement_cache_capacity(64);
    Ok(conn)
}
