//! What may be counted twice, what was, and what was kept from it.

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;
use tandem_core::codes::SERVER_HALF_REPORTS;

use crate::{Store, StoreError};

/// Notices that are looked through for near misses: no index leads to them, and duplicates may be many.
const RECENT_NOTICES: u32 = 20_000;

const DAY_MS: i64 = 86_400_000;

/// How many events of a name had which halves.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Halves {
    /// Event name.
    pub event_name: String,
    /// Reported by the page's pixel and by us.
    pub both: i64,
    /// By the page's pixel alone.
    pub browser: i64,
    /// By us alone: the pixel was blocked, or not there.
    pub server: i64,
    /// No page told what became of its pixel.
    pub unknown: i64,
}

/// Two events that look like one.
#[derive(Debug, Clone, Serialize)]
pub struct Twins {
    /// Code of what was seen, see docs/findings.md.
    pub code: String,
    /// For a person.
    pub message: String,
    /// When it was seen, Unix milliseconds.
    pub at_ms: i64,
    /// Site.
    pub site: String,
    /// The later event.
    pub one: Twin,
    /// The one it was compared with, as far as it is known.
    pub other: Option<Twin>,
    /// Where both went.
    pub both: Both,
}

/// Destinations, by how both of two events reach them; each with spaces between.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Both {
    /// We sent both.
    pub sent_to: String,
    /// The platform's pixel on the page sent at least one under its own id, which we keep as the page's word on a sale only.
    pub pixel_sent_to: String,
    /// One waits, and the other waits or was sent.
    pub due_at: String,
}

/// One of two.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Twin {
    /// Its place in the log; 0 when only a notice is left of it.
    pub seq: i64,
    /// Name.
    pub event_name: String,
    /// Id.
    pub event_id: String,
    /// Source.
    pub source: String,
    /// Decimal text.
    pub value: Option<String>,
    /// Of the value.
    pub currency: Option<String>,
}

/// How often a notice or finding was made in a period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CodeCount {
    /// The code.
    pub code: String,
    /// How often.
    pub count: i64,
    /// Newest of them: a notice's or an event's number.
    pub last_seq: i64,
}

/// What is asked: a site or all of them, and days since 1970, first and last.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// One site, or all.
    pub site: Option<&'a str>,
    /// First and last day.
    pub days: (i64, i64),
}

impl Asked<'_> {
    fn hours(&self) -> (i64, i64) {
        (self.days.0.saturating_mul(24), self.days.1.saturating_mul(24).saturating_add(23))
    }
}

impl Store {
    /// The two halves of the hybrid, by event name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn halves(&self, asked: Asked<'_>) -> Result<Vec<Halves>, StoreError> {
        self.read(|conn| {
            let mut rows = conn.prepare_cached(
                "SELECT event_name, sum(events * (halves = 'both')), sum(events * (halves = 'browser')),
                   sum(events * (halves = 'server')), sum(events * (halves NOT IN ('both', 'browser', 'server')))
                 FROM insight.pairs WHERE day BETWEEN ?1 AND ?2 AND (?3 IS NULL OR site = ?3)
                 GROUP BY event_name ORDER BY sum(events) DESC, event_name",
            )?;
            rows.query_map(params![asked.days.0, asked.days.1, asked.site], |r| {
                Ok(Halves {
                    event_name: r.get(0)?,
                    both: r.get(1)?,
                    browser: r.get(2)?,
                    server: r.get(3)?,
                    unknown: r.get(4)?,
                })
            })?
            .collect()
        })
    }

    /// Observations with this code on events of the period, newest first, with both events and what was sent of them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn twins(
        &self,
        asked: Asked<'_>,
        code: &str,
        from_ms: i64,
        limit: u32,
    ) -> Result<Vec<Twins>, StoreError> {
        // Each has an index of its own that gives the newest first.
        let of_site = if asked.site.is_some() { "site = ?2" } else { "?2 IS NULL" };
        let sql = format!(
            "SELECT code, message, at_ms, site, event_seq, other_seq FROM insight.observations
             WHERE code = ?1 AND {of_site} ORDER BY seq DESC"
        );
        self.read(|conn| {
            let mut rows = conn.prepare_cached(&sql)?;
            let mut rows = rows.query(params![code, asked.site])?;
            let mut all = Vec::new();
            while let Some(r) = rows.next()?
                && all.len() < limit as usize
            {
                let at_ms: i64 = r.get(2)?;
                // What was completed later was looked at anew, and so stands behind what came after it.
                if at_ms < from_ms.saturating_sub(DAY_MS) {
                    break;
                }
                if at_ms < from_ms {
                    continue;
                }
                let (seq, other): (i64, Option<i64>) = (r.get(4)?, r.get(5)?);
                let both = other.map(|other| both_sent(conn, seq, other)).transpose()?.unwrap_or_default();
                all.push(Twins {
                    code: r.get(0)?,
                    message: r.get(1)?,
                    at_ms: r.get(2)?,
                    site: r.get(3)?,
                    one: twin(conn, seq)?.unwrap_or(Twin { seq, ..Twin::default() }),
                    other: other.map(|other| twin(conn, other)).transpose()?.flatten(),
                    both,
                });
            }
            Ok(all)
        })
    }

    /// The newest near misses of the order ledger: an order's sale under another id than before.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn near_misses(&self, asked: Asked<'_>, from_ms: i64, limit: u32) -> Result<Vec<Twins>, StoreError> {
        self.read(|conn| {
            let mut rows = conn.prepare_cached(
                "SELECT code, message, at_ms, site, source, event_name, event_id, order_id
                 FROM (SELECT * FROM notices ORDER BY seq DESC LIMIT ?1)
                 WHERE kind = 'near_miss' AND (?2 IS NULL OR site = ?2) AND at_ms >= ?3 ORDER BY seq DESC LIMIT ?4",
            )?;
            let mut rows = rows.query(params![RECENT_NOTICES, asked.site, from_ms, limit])?;
            let mut all = Vec::new();
            while let Some(r) = rows.next()? {
                all.push(of_notice(conn, r)?);
            }
            Ok(all)
        })
    }

    /// Deliveries that were not made because the event had come before, and what else ended with one of these codes.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn skips(&self, asked: Asked<'_>, codes: &[&str]) -> Result<Vec<CodeCount>, StoreError> {
        self.read(|conn| {
            let mut rows = conn.prepare_cached(
                "SELECT c.code, sum(c.n), 0 FROM delivery_counts AS c JOIN lanes AS l ON l.id = c.lane
                 WHERE c.hour BETWEEN ?1 AND ?2 AND c.state = 2 AND (?3 IS NULL OR l.site = ?3) GROUP BY c.code",
            )?;
            let (first, last) = asked.hours();
            let all: Vec<CodeCount> =
                rows.query_map(params![first, last, asked.site], counted)?.collect::<rusqlite::Result<_>>()?;
            Ok(all.into_iter().filter(|count| codes.contains(&count.code.as_str())).collect())
        })
    }

    /// Notices of a kind, by code.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn notice_counts(&self, asked: Asked<'_>, kind: &str) -> Result<Vec<CodeCount>, StoreError> {
        self.read(|conn| {
            let mut rows = conn.prepare_cached(
                "SELECT code, sum(notices), max(last_seq) FROM insight.notices_by_day
                 WHERE day BETWEEN ?1 AND ?2 AND (?3 IS NULL OR site = ?3) AND kind = ?4 GROUP BY code",
            )?;
            rows.query_map(params![asked.days.0, asked.days.1, asked.site, kind], counted)?.collect()
        })
    }

    /// Events with a finding or observation, by code.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn code_counts(&self, asked: Asked<'_>, codes: &[&str]) -> Result<Vec<CodeCount>, StoreError> {
        self.read(|conn| {
            let mut rows = conn.prepare_cached(
                "SELECT code, sum(events), max(last_seq) FROM insight.findings
                 WHERE day BETWEEN ?1 AND ?2 AND (?3 IS NULL OR site = ?3) GROUP BY code HAVING sum(events) > 0",
            )?;
            let all: Vec<CodeCount> = rows
                .query_map(params![asked.days.0, asked.days.1, asked.site], counted)?
                .collect::<rusqlite::Result<_>>()?;
            Ok(all.into_iter().filter(|count| codes.contains(&count.code.as_str())).collect())
        })
    }
}

fn counted(r: &Row<'_>) -> rusqlite::Result<CodeCount> {
    Ok(CodeCount { code: r.get(0)?, count: r.get(1)?, last_seq: r.get(2)? })
}

fn twin(conn: &Connection, seq: i64) -> rusqlite::Result<Option<Twin>> {
    conn.prepare_cached(
        "SELECT seq, event_name, event_id, source, json_extract(body, '$.value'), json_extract(body, '$.currency')
         FROM events WHERE seq = ?1",
    )?
    .query_row([seq], |r| {
        Ok(Twin {
            seq: r.get(0)?,
            event_name: r.get(1)?,
            event_id: r.get(2)?,
            source: r.get(3)?,
            value: r.get(4)?,
            currency: r.get(5)?,
        })
    })
    .optional()
}

/// Destinations that both reached, and those that both will reach unless somebody hinders it.
///
/// `way`: 2 we sent it, 0 it waits, 1 only the pixel of its page sent it, as what we keep as the page's word on a sale.
fn both_sent(conn: &Connection, one: i64, other: i64) -> rusqlite::Result<Both> {
    let mut lanes = conn.prepare_cached(
        "WITH ways AS (
           SELECT d.event_seq, d.lane, l.destination, iif(d.state = 2, 1, 2 * d.state) AS way
           FROM deliveries AS d JOIN lanes AS l ON l.id = d.lane LEFT JOIN events AS e ON e.seq = d.event_seq
           WHERE d.event_seq IN (?1, ?2) AND (d.state IN (0, 1)
             OR d.code = ?3 AND json_extract(e.body, '$.pixels.' || l.destination) = 'loaded'))
         SELECT a.destination, max(min(a.way, b.way)) FROM ways AS a JOIN ways AS b ON b.lane = a.lane
         WHERE a.event_seq = ?1 AND b.event_seq = ?2 GROUP BY 1 ORDER BY 1",
    )?;
    let (mut sent, mut by_pixel, mut due) = (Vec::new(), Vec::new(), Vec::new());
    let mut rows = lanes.query(params![one, other, SERVER_HALF_REPORTS])?;
    while let Some(r) = rows.next()? {
        let names: &mut Vec<String> = match r.get(1)? {
            0 => &mut due,
            1 => &mut by_pixel,
            _ => &mut sent,
        };
        names.push(r.get(0)?);
    }
    Ok(Both { sent_to: sent.join(" "), pixel_sent_to: by_pixel.join(" "), due_at: due.join(" ") })
}

/// The notice names the new event; the ledger knows the order's others.
fn of_notice(conn: &Connection, r: &Row<'_>) -> rusqlite::Result<Twins> {
    let (site, order_id): (String, Option<String>) = (r.get(3)?, r.get(7)?);
    let event_id: String = r.get::<_, Option<String>>(6)?.unwrap_or_default();
    let seqs: Option<String> = conn
        .prepare_cached(
            "SELECT json_extract(state, '$.events') FROM orders WHERE site = ?1 AND order_id = ?2 AND state <> ''",
        )?
        .query_row(params![site, order_id], |r| r.get(0))
        .optional()?
        .flatten();
    let seqs: Vec<i64> = seqs.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    let (mut one, mut other) = (None, None);
    for seq in seqs {
        match twin(conn, seq)? {
            Some(found) if found.event_id == event_id => one = one.or(Some(found)),
            Some(found) => other = other.or(Some(found)),
            None => {}
        }
    }
    let named = Twin {
        event_name: r.get::<_, Option<String>>(5)?.unwrap_or_default(),
        event_id,
        source: r.get(4)?,
        ..Twin::default()
    };
    let one = one.unwrap_or(named);
    let both = match &other {
        Some(other) if one.seq > 0 => both_sent(conn, one.seq, other.seq)?,
        _ => Both::default(),
    };
    Ok(Twins { code: r.get(0)?, message: r.get(1)?, at_ms: r.get(2)?, site, one, other, both })
}
