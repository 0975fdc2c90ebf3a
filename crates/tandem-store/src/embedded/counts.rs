//! What deliveries came to, counted by hour in the transaction that brought them there.
//!
//! Counted are changes of state: a delivery that was skipped for want of consent, taken up when the word came, and delivered,
//! is counted three times, as skipped, as state 0 with the code `taken_up`, and as delivered. Making a delivery that waits
//! counts nothing.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};

use crate::LaneId;

const HOUR_MS: i64 = 3_600_000;

/// The counts of one transaction.
#[derive(Debug, Default)]
pub(super) struct Counts(BTreeMap<(i64, u32, i64, String), i64>);

impl Counts {
    /// A delivery came to this state at this time, Unix milliseconds.
    pub(super) fn came_to(&mut self, at_ms: i64, lane: LaneId, state: i64, code: &str) {
        *self.0.entry((at_ms.div_euclid(HOUR_MS), lane.0, state, code.to_owned())).or_default() += 1;
    }

    /// Adds them to what is in the file.
    pub(super) fn write(&self, conn: &Connection) -> rusqlite::Result<()> {
        let mut add = conn.prepare_cached(
            "INSERT INTO delivery_counts (hour, lane, state, code, n) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (hour, lane, state, code) DO UPDATE SET n = n + excluded.n",
        )?;
        for ((hour, lane, state, code), n) in &self.0 {
            add.execute(params![hour, lane, state, code, n])?;
        }
        Ok(())
    }
}
