//! The thread that follows the log.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use rusqlite::Connection;
use tokio::sync::mpsc;

use super::Ask;

/// The follower's belongings.
pub(super) struct Follower {
    #[expect(dead_code, reason = "the first step only opens the file")]
    conn: Connection,
    #[expect(dead_code, reason = "the first step only opens the file")]
    behind: Arc<AtomicI64>,
}

impl Follower {
    pub(super) fn new(conn: Connection, behind: Arc<AtomicI64>) -> Self {
        Self { conn, behind }
    }

    /// Follows until nobody can ask any more.
    pub(super) fn run(self, mut inbox: mpsc::UnboundedReceiver<Ask>) {
        while let Some(ask) = inbox.blocking_recv() {
            match ask {
                Ask::Look => {}
                Ask::CatchUp(done) => drop(done.send(Ok(()))),
            }
        }
    }
}
