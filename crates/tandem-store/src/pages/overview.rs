//! How everything stands.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};
use tandem_core::{Amount, quality::Keys};

use super::add;
use crate::{Store, StoreError};

/// Deliveries of a lane that came to an end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LaneOutcome {
    /// Delivered.
    pub delivered: i64,
    /// Not for this destination, or not allowed.
    pub skipped: i64,
    /// Refused for good.
    pub rejected: i64,
    /// Given up.
    pub expired: i64,
}

impl LaneOutcome {
    /// Delivered ones among those that were to be delivered, 0 to 1; `None` when there were none.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a share for people")]
    pub fn rate(&self) -> Option<f64> {
        let all = self.delivered + self.rejected + self.expired;
        (all > 0).then(|| self.delivered as f64 / all as f64)
    }
}

/// Events that came in during an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArrivalHour {
    /// Hours since 1970.
    pub hour: i64,
    /// All of them.
    pub events: i64,
    /// Sales among them.
    pub purchases: i64,
}

/// Money of sales in one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revenue {
    /// ISO 4217; may be empty.
    pub currency: String,
    /// Sales.
    pub events: i64,
    /// Their sum.
    pub value: Amount,
}

/// Events of a site by which match keys they had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    /// Site.
    pub site: String,
    /// Keys, and how many events had exactly these.
    pub histogram: Vec<(Keys, u64)>,
}

/// The counts of the first page.
#[derive(Debug, Clone, Default)]
pub struct Overview {
    /// By lane.
    pub outcomes: BTreeMap<u32, LaneOutcome>,
    /// Hours in which something came in, ascending.
    pub arrivals: Vec<ArrivalHour>,
    /// By currency, most sales first.
    pub revenue: Vec<Revenue>,
    /// Sales by site and keys.
    pub coverage: Vec<Coverage>,
    /// Whether the log has any event at all.
    pub has_events: bool,
    /// Lanes that a person paused, and who.
    pub paused: BTreeMap<u32, String>,
}

impl Store {
    /// Counts of a stretch of hours (since 1970, both ends included); of one site, or of all.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn overview(&self, site: Option<&str>, (first, last): (i64, i64)) -> Result<Overview, StoreError> {
        let days = (first.div_euclid(24), last.div_euclid(24));
        self.read(|conn| {
            Ok(Overview {
                outcomes: outcomes(conn, first, last)?,
                arrivals: arrivals(conn, site, first, last)?,
                revenue: revenue(conn, site, days)?,
                coverage: coverage(conn, site, days)?,
                has_events: conn.query_row("SELECT EXISTS (SELECT 1 FROM events)", [], |r| r.get(0))?,
                paused: conn
                    .prepare_cached("SELECT id, paused_by FROM lanes WHERE paused_by IS NOT NULL")?
                    .query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?
                    .collect::<rusqlite::Result<_>>()?,
            })
        })
    }
}

fn outcomes(conn: &Connection, first: i64, last: i64) -> rusqlite::Result<BTreeMap<u32, LaneOutcome>> {
    let mut all: BTreeMap<u32, LaneOutcome> = BTreeMap::new();
    let mut select = conn.prepare_cached(
        "SELECT lane, state, sum(n) FROM delivery_counts WHERE hour BETWEEN ?1 AND ?2 GROUP BY lane, state",
    )?;
    let mut rows = select.query([first, last])?;
    while let Some(row) = rows.next()? {
        let outcome = all.entry(row.get(0)?).or_default();
        let n = row.get(2)?;
        match row.get::<_, i64>(1)? {
            1 => outcome.delivered = n,
            2 => outcome.skipped = n,
            3 => outcome.rejected = n,
            4 => outcome.expired = n,
            _ => {}
        }
    }
    Ok(all)
}

fn arrivals(
    conn: &Connection,
    site: Option<&str>,
    first: i64,
    last: i64,
) -> rusqlite::Result<Vec<ArrivalHour>> {
    conn.prepare_cached(
        "SELECT hour, sum(events), sum(CASE WHEN event_name = 'Purchase' AND channel <> 'half' THEN events ELSE 0 END)
         FROM insight.arrivals WHERE hour BETWEEN ?1 AND ?2 AND (?3 IS NULL OR site = ?3) GROUP BY hour ORDER BY hour",
    )?
    .query_map(params![first, last, site], |r| {
        Ok(ArrivalHour { hour: r.get(0)?, events: r.get(1)?, purchases: r.get(2)? })
    })?
    .collect()
}

fn revenue(conn: &Connection, site: Option<&str>, days: (i64, i64)) -> rusqlite::Result<Vec<Revenue>> {
    let mut all: BTreeMap<String, (i64, Amount)> = BTreeMap::new();
    let mut select = conn.prepare_cached(
        "SELECT currency, events, value FROM insight.revenue
         WHERE day BETWEEN ?1 AND ?2 AND (?3 IS NULL OR site = ?3)",
    )?;
    let mut rows = select.query(params![days.0, days.1, site])?;
    while let Some(row) = rows.next()? {
        let (events, sum) = all.entry(row.get(0)?).or_default();
        *events += row.get::<_, i64>(1)?;
        add(sum, row.get_ref(2)?.as_str()?);
    }
    let mut all: Vec<Revenue> =
        all.into_iter().map(|(currency, (events, value))| Revenue { currency, events, value }).collect();
    all.sort_by_key(|one| std::cmp::Reverse(one.events));
    Ok(all)
}

fn coverage(conn: &Connection, site: Option<&str>, days: (i64, i64)) -> rusqlite::Result<Vec<Coverage>> {
    let mut all: BTreeMap<String, Vec<(Keys, u64)>> = BTreeMap::new();
    let mut select = conn.prepare_cached(
        "SELECT site, keys, sum(events) FROM insight.coverage
         WHERE day BETWEEN ?1 AND ?2 AND event_name = 'Purchase' AND (?3 IS NULL OR site = ?3) GROUP BY site, keys",
    )?;
    let mut rows = select.query(params![days.0, days.1, site])?;
    while let Some(row) = rows.next()? {
        let events: i64 = row.get(2)?;
        let keys = Keys::from_bits(row.get(1)?);
        all.entry(row.get(0)?).or_default().push((keys, events.max(0).unsigned_abs()));
    }
    Ok(all.into_iter().map(|(site, histogram)| Coverage { site, histogram }).collect())
}
