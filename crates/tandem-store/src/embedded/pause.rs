//! Queues that a person holds up. What is paused stands in the file; a set in memory says it without a look there, so that
//! whoever is about to send can ask each time.

use std::collections::HashSet;
use std::sync::{PoisonError, RwLock};

use rusqlite::{Connection, params};

use super::Store;
use super::writer::Command;
use crate::{LaneId, Pause, StoreError};

/// The lanes that may not send now.
#[derive(Debug, Default)]
pub(super) struct Pauses(RwLock<HashSet<LaneId>>);

impl Pauses {
    /// As the file has them.
    pub(super) fn at_opening(conn: &Connection) -> rusqlite::Result<Self> {
        let lanes = conn
            .prepare("SELECT id FROM lanes WHERE paused_by IS NOT NULL")?
            .query_map([], |r| r.get(0).map(LaneId))?
            .collect::<rusqlite::Result<_>>()?;
        Ok(Self(RwLock::new(lanes)))
    }

    /// What was written, once it is on disk.
    pub(super) fn note(&self, lane: LaneId, paused: bool) {
        let mut lanes = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if paused {
            lanes.insert(lane);
        } else {
            lanes.remove(&lane);
        }
    }

    fn holds(&self, lane: LaneId) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).contains(&lane)
    }
}

pub(super) fn set_pause(conn: &Connection, lane: LaneId, pause: Option<&Pause>) -> rusqlite::Result<()> {
    conn.prepare_cached("UPDATE lanes SET paused_by = ?2, paused_since_ms = ?3 WHERE id = ?1")?
        .execute(params![lane.0, pause.map(|p| &p.by), pause.map(|p| p.since_ms)])?;
    Ok(())
}

impl Store {
    /// Keeps a lane from sending until a person lets it go on; nothing else does, no start and no new configuration. Calls
    /// under way may end. Events wait as they would for a platform that does not answer.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_pause(&self, lane: LaneId, pause: Option<Pause>) -> Result<(), StoreError> {
        self.ask(|done| Command::SetPause { lane, pause, done }).await?
    }

    /// Whether a person keeps the lane from sending. Costs no look at the file.
    #[must_use]
    pub fn paused(&self, lane: LaneId) -> bool {
        self.pauses.holds(lane)
    }
}
