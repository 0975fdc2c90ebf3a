//! Which match keys events came with, counted: what the estimate of match quality is made of.

use rusqlite::params;
use serde::Serialize;

use crate::{Store, StoreError};

/// Which events are asked about.
#[derive(Debug, Clone, Copy)]
pub struct Matching<'a> {
    /// One site, or all.
    pub site: Option<&'a str>,
    /// Days since 1970, first and last.
    pub days: (i64, i64),
    /// One event name, or all.
    pub event_name: Option<&'a str>,
}

/// Events that came with the same keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeysCount {
    /// Event name.
    pub event_name: String,
    /// `browser`, `server` or `offline`; empty when all are counted together.
    pub channel: String,
    /// As [`tandem_core::quality::device`] has it; empty likewise.
    pub device: String,
    /// Day since 1970; 0 when all are counted together.
    pub day: i64,
    /// Bits of [`tandem_core::quality::Keys`].
    pub keys: u32,
    /// How many.
    pub events: i64,
}

impl Store {
    /// Events by name and keys.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn keys_by_name(&self, asked: Matching<'_>) -> Result<Vec<KeysCount>, StoreError> {
        self.keys_of(asked, "'', '', 0")
    }

    /// Events by name, channel, device and keys.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn keys_by_device(&self, asked: Matching<'_>) -> Result<Vec<KeysCount>, StoreError> {
        self.keys_of(asked, "channel, device, 0")
    }

    /// Events by name, day and keys, in the order of days.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn keys_by_day(&self, asked: Matching<'_>) -> Result<Vec<KeysCount>, StoreError> {
        self.keys_of(asked, "'', '', day")
    }

    fn keys_of(&self, asked: Matching<'_>, groups: &str) -> Result<Vec<KeysCount>, StoreError> {
        // The key of the table begins with the day: only the period is read.
        let sql = format!(
            "SELECT event_name, {groups}, keys, sum(events) FROM insight.coverage
             WHERE day BETWEEN ?1 AND ?2 AND (?3 IS NULL OR site = ?3) AND (?4 IS NULL OR event_name = ?4)
             GROUP BY 1, 2, 3, 4, 5 HAVING sum(events) > 0 ORDER BY 4, 1, 2, 3, 5"
        );
        self.read(|conn| {
            let mut rows = conn.prepare_cached(&sql)?;
            let (first, last) = asked.days;
            rows.query_map(params![first, last, asked.site, asked.event_name], |r| {
                Ok(KeysCount {
                    event_name: r.get(0)?,
                    channel: r.get(1)?,
                    device: r.get(2)?,
                    day: r.get(3)?,
                    keys: r.get(4)?,
                    events: r.get(5)?,
                })
            })?
            .collect()
        })
    }
}
