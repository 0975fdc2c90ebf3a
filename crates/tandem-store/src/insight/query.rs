//! What several pages and the API read of the insight file.

use rusqlite::params;
use serde::Serialize;
use tandem_core::Severity;

use super::found::severity_of;
use crate::StoreError;
use crate::embedded::Store;

/// How often a finding was made of events of one name and source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FindingCount {
    /// Site.
    pub site: String,
    /// Stable code.
    pub code: String,
    /// How much it matters.
    pub severity: Severity,
    /// Event name.
    pub event_name: String,
    /// Source.
    pub source: String,
    /// Events with it.
    pub events: i64,
    /// The newest of them, as far as it is known: it may have been completed since, and be without it now.
    pub last_seq: i64,
}

/// Which of the observations are wanted.
#[derive(Debug, Clone, Default)]
pub struct ObservationFilter {
    /// Code.
    pub code: Option<String>,
    /// Site.
    pub site: Option<String>,
    /// Position of the event in the log: as the newer or as the older of the two.
    pub event_seq: Option<i64>,
    /// Only observations with a number below this.
    pub before: Option<i64>,
    /// At most so many; 50 when 0.
    pub limit: usize,
}

/// What two events together showed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Observed {
    /// Number of the observation. Numbers are given anew when the file is made anew, or an event is completed.
    pub seq: i64,
    /// When the newer event came in, Unix milliseconds.
    pub at_ms: i64,
    /// Site.
    pub site: String,
    /// Stable code.
    pub code: String,
    /// How much it matters.
    pub severity: Severity,
    /// The newer event's position in the log.
    pub event_seq: i64,
    /// The older one's.
    pub other_seq: Option<i64>,
    /// Name of the newer event.
    pub event_name: String,
    /// Its order.
    pub order_id: Option<String>,
    /// Path of the field.
    pub field: Option<String>,
    /// For a person.
    pub message: String,
    /// What platforms count twice, decimal text.
    pub value: Option<String>,
    /// Currency of that.
    pub currency: Option<String>,
}

/// Events of an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct HourCount {
    /// Hours since 1970.
    pub hour: i64,
    /// Events that came in.
    pub events: i64,
}

impl Store {
    /// Findings of the days from `since_day` (days since 1970) on, most events first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn finding_counts(
        &self,
        site: Option<&str>,
        since_day: i64,
    ) -> Result<Vec<FindingCount>, StoreError> {
        self.read(|conn| {
            conn.prepare_cached(
                "SELECT site, code, severity, event_name, source, sum(events), max(last_seq) FROM insight.findings
                 WHERE day >= ?1 AND (?2 IS NULL OR site = ?2) GROUP BY 1, 2, 3, 4, 5 ORDER BY 6 DESC, 2, 1, 4, 5",
            )?
            .query_map(params![since_day, site], |r| {
                Ok(FindingCount {
                    site: r.get(0)?,
                    code: r.get(1)?,
                    severity: severity_of(r.get_ref(2)?.as_str()?),
                    event_name: r.get(3)?,
                    source: r.get(4)?,
                    events: r.get(5)?,
                    last_seq: r.get(6)?,
                })
            })?
            .collect()
        })
    }

    /// Observations, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn observations(&self, filter: &ObservationFilter) -> Result<Vec<Observed>, StoreError> {
        // Which index serves depends on what is asked.
        let by = match (filter.event_seq, &filter.code) {
            (Some(_), _) => {
                "seq IN (SELECT seq FROM insight.observations WHERE event_seq = ?3
                             UNION SELECT seq FROM insight.observations WHERE other_seq = ?3)"
            }
            // Each has an index of its own that gives the newest first.
            (None, Some(_)) if filter.site.is_some() => "code = ?1 AND site = ?2",
            (None, Some(_)) => "code = ?1",
            (None, None) => "TRUE",
        };
        let sql = format!(
            "SELECT seq, at_ms, site, code, severity, event_seq, other_seq, event_name, order_id, field, message, value,
               currency FROM insight.observations
             WHERE {by} AND (?1 IS NULL OR code = ?1) AND (?2 IS NULL OR site = ?2) AND (?3 IS NULL OR TRUE) AND seq < ?4
             ORDER BY seq DESC LIMIT ?5"
        );
        let limit = if filter.limit == 0 { 50 } else { filter.limit };
        let before = filter.before.unwrap_or(i64::MAX);
        self.read(|conn| {
            conn.prepare_cached(&sql)?
                .query_map(params![filter.code, filter.site, filter.event_seq, before, limit], |r| {
                    Ok(Observed {
                        seq: r.get(0)?,
                        at_ms: r.get(1)?,
                        site: r.get(2)?,
                        code: r.get(3)?,
                        severity: severity_of(r.get_ref(4)?.as_str()?),
                        event_seq: r.get(5)?,
                        other_seq: r.get(6)?,
                        event_name: r.get(7)?,
                        order_id: r.get(8)?,
                        field: r.get(9)?,
                        message: r.get(10)?,
                        value: r.get(11)?,
                        currency: r.get(12)?,
                    })
                })?
                .collect()
        })
    }

    /// Events that came in by hour, from `from_hour` on and before `to_hour` (hours since 1970); hours without any are left
    /// out.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn timeline(
        &self,
        site: Option<&str>,
        from_hour: i64,
        to_hour: i64,
    ) -> Result<Vec<HourCount>, StoreError> {
        self.read(|conn| {
            conn.prepare_cached(
                "SELECT hour, sum(events) FROM insight.arrivals
                 WHERE hour >= ?1 AND hour < ?2 AND (?3 IS NULL OR site = ?3) GROUP BY hour ORDER BY hour",
            )?
            .query_map(params![from_hour, to_hour, site], |r| {
                Ok(HourCount { hour: r.get(0)?, events: r.get(1)? })
            })?
            .collect()
        })
    }
}
