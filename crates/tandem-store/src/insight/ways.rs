//! What comes in by each way, and whether one of them fell silent.

use rusqlite::params;
use serde::Serialize;

use crate::{Store, StoreError};

const HOUR_MS: i64 = 3_600_000;

/// Events that are looked through for the last one of each source; further back the hour is exact enough.
const RECENT_EVENTS: u32 = 2_000;

/// What came by one way in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct WayIn {
    /// Site.
    pub site: String,
    /// Source.
    pub source: String,
    /// Events of the last 24 hours.
    pub day: i64,
    /// Events of the 7 days before.
    pub week_before: i64,
    /// On how many of those days there were any.
    pub days_before: i64,
    /// Since 1970, of the hour of the last event within 28 days.
    pub last_hour: i64,
    /// The last event, if it is among the newest.
    pub last: Option<(i64, i64)>,
    /// Events in the same hours a week ago as there have been none now.
    pub missed: i64,
}

impl WayIn {
    /// Whether it was active, and is not any more. Nights and weekends are silent every week: what counts is what came in
    /// the same hours a week ago.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.missed >= 20 || (self.day == 0 && self.days_before >= 3 && self.week_before >= 20)
    }
}

impl Store {
    /// What came in by each way within 28 days, by site and source. `last` is the event's place and time of arrival.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn ways_in(&self, now_ms: i64) -> Result<Vec<WayIn>, StoreError> {
        let hour = now_ms.div_euclid(HOUR_MS);
        self.read(|conn| {
            let mut rows = conn.prepare_cached(
                "SELECT site, source, sum(CASE WHEN hour > ?1 - 24 THEN events ELSE 0 END),
                   sum(CASE WHEN hour <= ?1 - 24 AND hour > ?1 - 192 THEN events ELSE 0 END),
                   count(DISTINCT CASE WHEN hour <= ?1 - 24 AND hour > ?1 - 192 THEN hour / 24 END), max(hour)
                 FROM insight.arrivals WHERE hour > ?1 - 672 GROUP BY site, source ORDER BY site, source",
            )?;
            let mut all: Vec<WayIn> = rows
                .query_map([hour], |r| {
                    Ok(WayIn {
                        site: r.get(0)?,
                        source: r.get(1)?,
                        day: r.get(2)?,
                        week_before: r.get(3)?,
                        days_before: r.get(4)?,
                        last_hour: r.get(5)?,
                        ..WayIn::default()
                    })
                })?
                .collect::<rusqlite::Result<_>>()?;
            let mut last = conn.prepare_cached(
                "SELECT site, source, max(seq), received_ms
                 FROM (SELECT seq, site, source, received_ms FROM events ORDER BY seq DESC LIMIT ?1) GROUP BY 1, 2",
            )?;
            let mut rows = last.query([RECENT_EVENTS])?;
            while let Some(r) = rows.next()? {
                let (site, source): (String, String) = (r.get(0)?, r.get(1)?);
                if let Some(way) = all.iter_mut().find(|way| way.site == site && way.source == source) {
                    way.last = Some((r.get(2)?, r.get(3)?));
                }
            }
            let mut missed = conn.prepare_cached(
                "SELECT coalesce(sum(events), 0) FROM insight.arrivals
                 WHERE hour > ?1 AND hour < ?2 AND site = ?3 AND source = ?4",
            )?;
            for way in &mut all {
                // The present hour is not over, and that of the last event had one.
                way.missed = missed.query_row(
                    params![way.last_hour - 168, hour - 168, way.site, way.source],
                    |r| r.get(0),
                )?;
            }
            Ok(all)
        })
    }
}
