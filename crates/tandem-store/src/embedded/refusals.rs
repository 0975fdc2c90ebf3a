//! When a visitor last took a yes back, by site: what came in later need not be looked at again before it is sent.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};

use rusqlite::Connection;

/// Newest events looked at for the newest time of the log: a clock that was set back a little may have given it to
/// another than the last.
const NEWEST: u32 = 1_000;

/// An event is completed from its session before it is appended, and a no may be written in between: for as long as that
/// can take, what comes in after a no is still taken for what came in before.
const UNDER_WAY_MS: i64 = 5_000;

#[derive(Debug)]
pub(super) struct Refusals {
    /// Of what was said before the file was opened we know no time.
    at_opening: i64,
    /// The newest time the writer was told; a clock that is set back does not set it back.
    newest_ms: AtomicI64,
    by_site: Mutex<HashMap<String, i64>>,
}

impl Refusals {
    pub(super) fn at_opening(conn: &Connection) -> rusqlite::Result<Self> {
        let sql = format!(
            "SELECT coalesce(max(received_ms), 0) FROM
               (SELECT received_ms FROM events ORDER BY seq DESC LIMIT {NEWEST})"
        );
        let at_opening = conn.query_row(&sql, [], |r| r.get(0))?;
        let by_site = Mutex::default();
        Ok(Self { at_opening, newest_ms: AtomicI64::new(at_opening), by_site })
    }

    /// Hears what time it is.
    pub(super) fn tell_time(&self, now_ms: i64) {
        self.newest_ms.fetch_max(now_ms, Ordering::Relaxed);
    }

    /// A visitor of the site said no, at this time of the touch.
    pub(super) fn note(&self, site: String, at_ms: i64) {
        let at_ms = at_ms.max(self.newest_ms.load(Ordering::Relaxed)).saturating_add(UNDER_WAY_MS);
        let mut by_site = self.by_site.lock().unwrap_or_else(PoisonError::into_inner);
        let last = by_site.entry(site).or_insert(at_ms);
        *last = at_ms.max(*last);
    }

    pub(super) fn last_ms(&self, site: &str) -> i64 {
        let by_site = self.by_site.lock().unwrap_or_else(PoisonError::into_inner);
        by_site.get(site).copied().unwrap_or(self.at_opening)
    }
}
