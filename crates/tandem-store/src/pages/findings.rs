//! Codes that were met: findings, notices, and ends of deliveries.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use rusqlite::{Connection, params};
use serde::Serialize;

use super::state_word;
use crate::insight::lookup::{self, Kind};
use crate::{Store, StoreError};

/// Rows of samples.
const SAMPLES: usize = 20;

/// How far back from the newest event more of them are looked for.
const LOOK_BACK: i64 = 65_536;

/// A stretch of days (since 1970, both ends included), of one site or of all.
#[derive(Debug, Clone)]
pub struct Span {
    /// Site.
    pub site: Option<String>,
    /// First day.
    pub first: i64,
    /// Last day.
    pub last: i64,
}

/// A code of findings with its counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeCount {
    /// Stable code.
    pub code: String,
    /// `info`, `warning` or `error`: as it was met most.
    pub severity: String,
    /// Events.
    pub events: i64,
    /// By day, of the days on which it was met, ascending.
    pub by_day: Vec<(i64, i64)>,
    /// The newest events that have it, as many as were asked for.
    pub samples: Vec<i64>,
}

/// A code of notices with its counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeCode {
    /// `rejected`, `ignored`, `duplicate`, `near_miss` or `unclaimed`.
    pub kind: String,
    /// Stable code.
    pub code: String,
    /// Notices.
    pub notices: i64,
    /// By day, ascending.
    pub by_day: Vec<(i64, i64)>,
}

/// A code under which deliveries came to an end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryCode {
    /// `skipped`, `rejected` or `expired`.
    pub state: &'static str,
    /// Stable code, or the platform's own.
    pub code: String,
    /// Destinations, in the order of their names.
    pub destinations: Vec<String>,
    /// Deliveries.
    pub deliveries: i64,
    /// By day, ascending.
    pub by_day: Vec<(i64, i64)>,
}

/// Counts of a code on one day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CodeDay {
    /// Days since 1970.
    pub day: i64,
    /// Site.
    pub site: String,
    /// Event name, or kind of notice, or state of a delivery.
    pub name: String,
    /// Source, or destination.
    pub source: String,
    /// How many.
    pub n: i64,
    /// The newest event or notice of these.
    pub last_seq: i64,
}

/// What only several events together show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FoundTogether {
    /// When the later one came in, Unix milliseconds.
    pub at_ms: i64,
    /// Site.
    pub site: String,
    /// The later one.
    pub event_seq: i64,
    /// The one it was compared with.
    pub other_seq: Option<i64>,
    /// Event name.
    pub event_name: String,
    /// Order.
    pub order_id: Option<String>,
    /// For a person.
    pub message: String,
}

/// A notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NoticeSample {
    /// When, Unix milliseconds.
    pub at_ms: i64,
    /// Site.
    pub site: String,
    /// Source.
    pub source: String,
    /// Kind.
    pub kind: String,
    /// For a person.
    pub message: String,
    /// Event name.
    pub event_name: Option<String>,
    /// Order.
    pub order_id: Option<String>,
}

/// All that is known of one code.
#[derive(Debug, Clone, Default)]
pub struct CodeDetail {
    /// As a finding.
    pub findings: Vec<CodeDay>,
    /// The newest events that have it as a finding, newest first.
    pub finding_events: Vec<i64>,
    /// As a notice.
    pub notices: Vec<CodeDay>,
    /// As the end of deliveries.
    pub deliveries: Vec<CodeDay>,
    /// Newest first.
    pub together: Vec<FoundTogether>,
    /// Newest first.
    pub notice_samples: Vec<NoticeSample>,
    /// Events whose delivery ended under it, newest first.
    pub delivery_events: Vec<i64>,
}

/// Destinations at which deliveries ended under a code, and how many by day.
type Ends = (Vec<String>, BTreeMap<i64, i64>);

impl Store {
    /// Findings by code, most events first, with this many events each.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn finding_codes(&self, span: &Span, samples: usize) -> Result<Vec<CodeCount>, StoreError> {
        self.read(|conn| finding_codes(conn, span, samples))
    }

    /// Notices by kind and code, most first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn notice_codes(&self, span: &Span) -> Result<Vec<NoticeCode>, StoreError> {
        self.read(|conn| {
            let mut all: BTreeMap<(String, String), Vec<(i64, i64)>> = BTreeMap::new();
            let mut select = conn.prepare_cached(
                "SELECT kind, code, day, sum(notices) FROM insight.notices_by_day
                 WHERE day BETWEEN ?1 AND ?2 AND (?3 IS NULL OR site = ?3) GROUP BY kind, code, day ORDER BY day",
            )?;
            let mut rows = select.query(params![span.first, span.last, span.site])?;
            while let Some(row) = rows.next()? {
                let key = (row.get(0)?, row.get(1)?);
                all.entry(key).or_default().push((row.get(2)?, row.get(3)?));
            }
            let counted = |((kind, code), by_day): (_, Vec<(i64, i64)>)| {
                NoticeCode { kind, code, notices: by_day.iter().map(|(_, n)| n).sum(), by_day }
            };
            let mut all: Vec<NoticeCode> = all.into_iter().map(counted).collect();
            all.sort_by_key(|one| Reverse(one.notices));
            Ok(all)
        })
    }

    /// Codes under which deliveries were skipped, rejected or given up, most first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn delivery_codes(&self, span: &Span) -> Result<Vec<DeliveryCode>, StoreError> {
        self.read(|conn| {
            let mut all: BTreeMap<(i64, String), Ends> = BTreeMap::new();
            let mut select = conn.prepare_cached(
                "SELECT c.state, c.code, l.destination, c.hour / 24, sum(c.n)
                 FROM delivery_counts AS c JOIN lanes AS l ON l.id = c.lane
                 WHERE c.hour BETWEEN ?1 AND ?2 AND c.state >= 2 AND c.code <> '' AND (?3 IS NULL OR l.site = ?3)
                 GROUP BY 1, 2, 3, 4",
            )?;
            let mut rows = select.query(params![span.first * 24, span.last * 24 + 23, span.site])?;
            while let Some(row) = rows.next()? {
                let (destinations, by_day) = all.entry((row.get(0)?, row.get(1)?)).or_default();
                let destination: String = row.get(2)?;
                if !destinations.contains(&destination) {
                    destinations.push(destination);
                }
                *by_day.entry(row.get(3)?).or_default() += row.get::<_, i64>(4)?;
            }
            let counted = |((state, code), (destinations, by_day)): (_, Ends)| DeliveryCode {
                state: state_word(state),
                code,
                destinations,
                deliveries: by_day.values().sum(),
                by_day: by_day.into_iter().collect(),
            };
            let mut all: Vec<DeliveryCode> = all.into_iter().map(counted).collect();
            all.sort_by_key(|one| Reverse(one.deliveries));
            Ok(all)
        })
    }

    /// One code, whatever it is met as; `sites` are those whose observations are looked at.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn code_detail(&self, code: &str, span: &Span, sites: &[String]) -> Result<CodeDetail, StoreError> {
        self.read(|conn| {
            let findings = days(
                conn,
                "SELECT day, site, event_name, source, sum(events), max(last_seq) FROM insight.findings
                 WHERE day BETWEEN ?1 AND ?2 AND (?3 IS NULL OR site = ?3) AND code = ?4 GROUP BY 1, 2, 3, 4",
                code,
                span,
            )?;
            let known = findings.iter().map(|one| one.last_seq).collect();
            Ok(CodeDetail {
                finding_events: samples(conn, code, span, known, SAMPLES)?,
                findings,
                notices: days(
                    conn,
                    "SELECT day, site, kind, source, sum(notices), max(last_seq) FROM insight.notices_by_day
                     WHERE day BETWEEN ?1 AND ?2 AND (?3 IS NULL OR site = ?3) AND code = ?4 GROUP BY 1, 2, 3, 4",
                    code,
                    span,
                )?,
                deliveries: days(
                    conn,
                    "SELECT c.hour / 24, l.site, c.state, l.destination, sum(c.n), 0
                     FROM delivery_counts AS c JOIN lanes AS l ON l.id = c.lane
                     WHERE c.hour BETWEEN ?1 * 24 AND ?2 * 24 + 23 AND (?3 IS NULL OR l.site = ?3) AND c.code = ?4
                       AND c.state >= 2 GROUP BY 1, 2, 3, 4",
                    code,
                    span,
                )?,
                together: together(conn, code, sites)?,
                notice_samples: notices(conn, code, span)?,
                delivery_events: delivery_events(conn, code, span)?,
            })
        })
    }
}

fn finding_codes(conn: &Connection, span: &Span, enough: usize) -> rusqlite::Result<Vec<CodeCount>> {
    struct Seen {
        severities: BTreeMap<String, i64>,
        by_day: BTreeMap<i64, i64>,
        samples: Vec<i64>,
    }
    let mut all: BTreeMap<String, Seen> = BTreeMap::new();
    let mut select = conn.prepare_cached(
        "SELECT code, severity, day, events, last_seq FROM insight.findings
         WHERE day BETWEEN ?1 AND ?2 AND (?3 IS NULL OR site = ?3)",
    )?;
    let mut rows = select.query(params![span.first, span.last, span.site])?;
    while let Some(row) = rows.next()? {
        let none = || Seen { severities: BTreeMap::new(), by_day: BTreeMap::new(), samples: Vec::new() };
        let seen = all.entry(row.get(0)?).or_insert_with(none);
        let events: i64 = row.get(3)?;
        *seen.severities.entry(row.get(1)?).or_default() += events;
        *seen.by_day.entry(row.get(2)?).or_default() += events;
        seen.samples.push(row.get(4)?);
    }
    let mut codes = Vec::with_capacity(all.len());
    for (code, seen) in all {
        let severity = seen.severities.into_iter().max_by_key(|(_, n)| *n).map(|(word, _)| word);
        codes.push(CodeCount {
            samples: samples(conn, &code, span, seen.samples, enough)?,
            code,
            severity: severity.unwrap_or_default(),
            events: seen.by_day.values().sum(),
            by_day: seen.by_day.into_iter().collect(),
        });
    }
    codes.sort_by_key(|one| Reverse(one.events));
    Ok(codes)
}

/// The newest events that have a code, of those that are known to have had it: what completes an event may take it away.
fn samples(
    conn: &Connection,
    code: &str,
    span: &Span,
    mut known: Vec<i64>,
    enough: usize,
) -> rusqlite::Result<Vec<i64>> {
    if enough == 0 {
        return Ok(Vec::new());
    }
    let newest = known.iter().copied().max().unwrap_or_default();
    known.extend(lookup::seqs(conn, Kind::Finding, code, (newest + 1, newest - LOOK_BACK), 4 * enough)?);
    known.sort_unstable_by_key(|seq| Reverse(*seq));
    known.dedup();
    let mut has = conn.prepare_cached(
        "SELECT 1 FROM events AS e WHERE e.seq = ?1 AND (?2 IS NULL OR e.site = ?2)
         AND e.received_ms / 86400000 BETWEEN ?3 AND ?4
         AND (EXISTS (SELECT 1 FROM json_each(e.body, '$.findings') AS f WHERE f.value ->> 'code' = ?5)
           OR EXISTS (SELECT 1 FROM insight.observations AS o WHERE o.event_seq = e.seq AND o.code = ?5))",
    )?;
    let mut found = Vec::new();
    for seq in known.into_iter().take(8 * enough) {
        if found.len() < enough && has.exists(params![seq, span.site, span.first, span.last, code])? {
            found.push(seq);
        }
    }
    Ok(found)
}

fn days(conn: &Connection, sql: &str, code: &str, span: &Span) -> rusqlite::Result<Vec<CodeDay>> {
    conn.prepare_cached(sql)?
        .query_map(params![span.first, span.last, span.site, code], |r| {
            // A state is a number, a name a text.
            let name = match r.get_ref(2)? {
                rusqlite::types::ValueRef::Integer(state) => state_word(state).to_owned(),
                other => other.as_str().unwrap_or_default().to_owned(),
            };
            Ok(CodeDay {
                day: r.get(0)?,
                site: r.get(1)?,
                name,
                source: r.get(3)?,
                n: r.get(4)?,
                last_seq: r.get(5)?,
            })
        })?
        .collect()
}

fn together(conn: &Connection, code: &str, sites: &[String]) -> rusqlite::Result<Vec<FoundTogether>> {
    let mut found: Vec<(i64, FoundTogether)> = Vec::new();
    for site in sites {
        let mut select = conn.prepare_cached(
            "SELECT seq, at_ms, site, event_seq, other_seq, event_name, order_id, message FROM insight.observations
             WHERE code = ?1 AND site = ?2 ORDER BY seq DESC LIMIT ?3",
        )?;
        let rows = select.query_map(params![code, site, SAMPLES], |r| {
            let one = FoundTogether {
                at_ms: r.get(1)?,
                site: r.get(2)?,
                event_seq: r.get(3)?,
                other_seq: r.get(4)?,
                event_name: r.get(5)?,
                order_id: r.get(6)?,
                message: r.get(7)?,
            };
            Ok((r.get(0)?, one))
        })?;
        found.extend(rows.collect::<rusqlite::Result<Vec<_>>>()?);
    }
    found.sort_by_key(|(seq, _)| Reverse(*seq));
    found.truncate(SAMPLES);
    Ok(found.into_iter().map(|(_, one)| one).collect())
}

fn notices(conn: &Connection, code: &str, span: &Span) -> rusqlite::Result<Vec<NoticeSample>> {
    conn.prepare_cached(
        "SELECT n.at_ms, n.site, n.source, n.kind, n.message, n.event_name, n.order_id
         FROM (SELECT DISTINCT last_seq FROM insight.notices_by_day
               WHERE day BETWEEN ?1 AND ?2 AND (?3 IS NULL OR site = ?3) AND code = ?4 ORDER BY last_seq DESC LIMIT ?5) AS l
           JOIN notices AS n ON n.seq = l.last_seq ORDER BY n.seq DESC",
    )?
    .query_map(params![span.first, span.last, span.site, code, SAMPLES], |r| {
        Ok(NoticeSample {
            at_ms: r.get(0)?,
            site: r.get(1)?,
            source: r.get(2)?,
            kind: r.get(3)?,
            message: r.get(4)?,
            event_name: r.get(5)?,
            order_id: r.get(6)?,
        })
    })?
    .collect()
}

fn delivery_events(conn: &Connection, code: &str, span: &Span) -> rusqlite::Result<Vec<i64>> {
    let lanes: Vec<i64> = conn
        .prepare_cached("SELECT id FROM lanes WHERE ?1 IS NULL OR site = ?1")?
        .query_map([&span.site], |r| r.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let mut found: Vec<i64> = Vec::new();
    for lane in lanes {
        // One state at a time: then the index gives the newest first, without sorting.
        for state in 2..=4 {
            let mut select = conn.prepare_cached(
                "SELECT event_seq FROM deliveries WHERE state = ?1 AND state >= 2 AND lane = ?2 AND code = ?3
                 ORDER BY seq DESC LIMIT 10",
            )?;
            let rows = select.query_map(params![state, lane, code], |r| r.get(0))?;
            found.extend(rows.collect::<rusqlite::Result<Vec<i64>>>()?);
        }
    }
    found.sort_unstable_by(|a, b| b.cmp(a));
    found.dedup();
    found.truncate(SAMPLES);
    Ok(found)
}
