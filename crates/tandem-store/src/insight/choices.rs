//! What visitors chose, and what was not sent because of it.

use rusqlite::params;
use serde::Serialize;

use super::doubles::Asked;
use crate::{Store, StoreError};

/// Deliveries that are looked through for their rulings: those are on record with each one, and counted nowhere.
const RECENT_DELIVERIES: u32 = 5_000;

/// Events of a day by what their visitors chose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Choice {
    /// Day since 1970.
    pub day: i64,
    /// `opt_in`, `opt_out` or `unknown`: the law where the visitor is.
    pub law: String,
    /// `granted`, `denied` or `unknown`: on advertising.
    pub advertising: String,
    /// What told; empty when nothing did.
    pub signal: String,
    /// How many.
    pub events: i64,
}

/// Deliveries that consent kept back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeptBack {
    /// Site.
    pub site: String,
    /// Destination.
    pub destination: String,
    /// `consent_denied` or `consent_unknown`.
    pub code: String,
    /// How many.
    pub deliveries: i64,
}

/// Recent deliveries that stand under one ruling.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RulingCount {
    /// Destination.
    pub destination: String,
    /// As on record, e.g. `send:cookiebot`.
    pub ruling: String,
    /// How many.
    pub deliveries: i64,
    /// The newest one's event.
    pub event_seq: i64,
}

impl Store {
    /// What visitors chose, in the order of days.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn choices(&self, asked: Asked<'_>) -> Result<Vec<Choice>, StoreError> {
        self.read(|conn| {
            let mut rows = conn.prepare_cached(
                "SELECT day, law, advertising, signal, sum(events) FROM insight.consent
                 WHERE day BETWEEN ?1 AND ?2 AND (?3 IS NULL OR site = ?3)
                 GROUP BY 1, 2, 3, 4 HAVING sum(events) > 0 ORDER BY 1, 2, 3, 4",
            )?;
            rows.query_map(params![asked.days.0, asked.days.1, asked.site], |r| {
                Ok(Choice {
                    day: r.get(0)?,
                    law: r.get(1)?,
                    advertising: r.get(2)?,
                    signal: r.get(3)?,
                    events: r.get(4)?,
                })
            })?
            .collect()
        })
    }

    /// What was not sent for want of consent, by destination.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn kept_back(&self, asked: Asked<'_>) -> Result<Vec<KeptBack>, StoreError> {
        self.read(|conn| {
            let mut rows = conn.prepare_cached(
                "SELECT l.site, l.destination, c.code, sum(c.n)
                 FROM delivery_counts AS c JOIN lanes AS l ON l.id = c.lane
                 WHERE c.hour BETWEEN ?1 AND ?2 AND c.state = 2 AND c.code IN ('consent_denied', 'consent_unknown')
                   AND (?3 IS NULL OR l.site = ?3)
                 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
            )?;
            let hours = (asked.days.0.saturating_mul(24), asked.days.1.saturating_mul(24).saturating_add(23));
            rows.query_map(params![hours.0, hours.1, asked.site], |r| {
                Ok(KeptBack {
                    site: r.get(0)?,
                    destination: r.get(1)?,
                    code: r.get(2)?,
                    deliveries: r.get(3)?,
                })
            })?
            .collect()
        })
    }

    /// The rulings under which the newest deliveries stand, and how many deliveries were looked at.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn recent_rulings(&self, site: Option<&str>) -> Result<Vec<RulingCount>, StoreError> {
        self.read(|conn| {
            let mut rows = conn.prepare_cached(
                "SELECT l.destination, d.consent, count(*), max(d.event_seq)
                 FROM (SELECT event_seq, lane, consent FROM deliveries ORDER BY seq DESC LIMIT ?1) AS d
                 JOIN lanes AS l ON l.id = d.lane
                 WHERE d.consent IS NOT NULL AND (?2 IS NULL OR l.site = ?2)
                 GROUP BY 1, 2 ORDER BY 1, 3 DESC, 2",
            )?;
            rows.query_map(params![RECENT_DELIVERIES, site], |r| {
                Ok(RulingCount {
                    destination: r.get(0)?,
                    ruling: r.get(1)?,
                    deliveries: r.get(2)?,
                    event_seq: r.get(3)?,
                })
            })?
            .collect()
        })
    }
}
