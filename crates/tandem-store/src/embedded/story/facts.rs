//! What is on record of single events, and notices.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;
use tandem_core::diagnose::{Attempt, Delivery, Noticed, Observed, Record, State};
use tandem_core::{Event, Severity};

use super::super::write::state;
use super::MOST_NOTICES;
use super::find::{Finder, NEWEST_NOTICES};

/// Inputs that were not taken, that are named when nothing is found.
const MOST_TURNED_AWAY: i64 = 5;

/// What an event was before it was completed.
#[derive(Debug, Clone, PartialEq)]
pub struct Completed {
    /// When it was completed, Unix milliseconds.
    pub at_ms: i64,
    /// What it was until then.
    pub before: Event,
}

/// An event beside another, in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Neighbour {
    /// Position in the log.
    pub seq: i64,
    /// When it came in, Unix milliseconds.
    pub received_ms: i64,
    /// Source name.
    pub source: String,
    /// Standard name.
    pub event_name: String,
    /// Shared id.
    pub event_id: String,
    /// Order, if there is one.
    pub order_id: Option<String>,
}

/// One event with all that is known of it; `None` when it is not in the log.
pub(super) fn record(conn: &Connection, seq: i64) -> rusqlite::Result<Option<Record>> {
    let sql = "SELECT received_ms, site, source, event_name, event_id, event_time, order_id, body FROM events WHERE seq = ?1";
    let found = conn.prepare_cached(sql)?.query_row([seq], |row| of_row(seq, row)).optional()?;
    let Some(mut record) = found else { return Ok(None) };
    record.deliveries = deliveries(conn, seq)?;
    record.observations = observations(conn, seq)?;
    let sql = "SELECT at_ms FROM revisions WHERE event_seq = ?1 ORDER BY seq";
    record.completed_ms =
        conn.prepare_cached(sql)?.query_map([seq], |r| r.get(0))?.collect::<rusqlite::Result<_>>()?;
    if let Some(visitor) = &record.event.session_id {
        let sql = "SELECT 1 FROM sessions WHERE site = ?1 AND visitor = ?2";
        record.is_visitor_known = Some(conn.prepare_cached(sql)?.exists([&record.event.site, visitor])?);
    }
    Ok(Some(record))
}

fn of_row(seq: i64, row: &Row<'_>) -> rusqlite::Result<Record> {
    let parsed: Option<Event> = serde_json::from_str(row.get_ref(7)?.as_str()?).ok();
    let is_unreadable = parsed.is_none();
    // Body and columns say the same; the columns can always be read.
    let event = Event {
        site: row.get(1)?,
        source: row.get(2)?,
        event_name: row.get(3)?,
        event_id: row.get(4)?,
        event_time: row.get(5)?,
        order_id: row.get(6)?,
        ..parsed.unwrap_or_default()
    };
    Ok(Record { seq, received_ms: row.get(0)?, event, is_unreadable, ..Record::default() })
}

fn deliveries(conn: &Connection, event_seq: i64) -> rusqlite::Result<Vec<Delivery>> {
    let sql = "SELECT d.seq, d.lane, l.destination, d.state, d.code, d.message, d.consent, d.due_ms, d.attempts, d.replay,
                 l.stopped_why, l.stopped_since_ms, l.paused_by,
                 a.seq, a.started_ms, a.latency_ms, a.status, a.code, a.verdict, a.message, a.events, a.reply
               FROM deliveries AS d JOIN lanes AS l ON l.id = d.lane LEFT JOIN attempts AS a ON a.seq = d.attempt
               WHERE d.event_seq = ?1 ORDER BY d.seq";
    conn.prepare_cached(sql)?.query_map([event_seq], delivery)?.collect()
}

fn delivery(row: &Row<'_>) -> rusqlite::Result<Delivery> {
    let state = match row.get(3)? {
        state::WAITING => State::Waiting,
        state::DELIVERED => State::Delivered,
        state::SKIPPED => State::Skipped,
        state::REJECTED => State::Rejected,
        _ => State::Expired,
    };
    let stopped = row.get::<_, Option<String>>(10)?.zip(row.get(11)?);
    let attempt = match row.get::<_, Option<i64>>(13)? {
        None => None,
        Some(seq) => Some(Attempt {
            seq,
            started_ms: row.get(14)?,
            latency_ms: row.get(15)?,
            status: row.get(16)?,
            code: row.get(17)?,
            verdict: row.get(18)?,
            message: row.get(19)?,
            events: row.get(20)?,
            reply: row.get(21)?,
        }),
    };
    Ok(Delivery {
        seq: row.get(0)?,
        lane: row.get(1)?,
        destination: row.get(2)?,
        state,
        code: row.get(4)?,
        message: row.get(5)?,
        ruling: row.get(6)?,
        due_ms: row.get(7)?,
        attempts: row.get(8)?,
        is_replay: row.get(9)?,
        stopped,
        paused_by: row.get(12)?,
        attempt,
        ..Delivery::default()
    })
}

fn observations(conn: &Connection, seq: i64) -> rusqlite::Result<Vec<Observed>> {
    let sql = "SELECT code, severity, message, other_seq FROM insight.observations WHERE event_seq = ?1 ORDER BY seq LIMIT 20";
    conn.prepare_cached(sql)?
        .query_map([seq], |r| {
            let severity: String = r.get(1)?;
            let severity = match severity.as_str() {
                "error" => Severity::Error,
                "info" => Severity::Info,
                _ => Severity::Warning,
            };
            Ok(Observed { code: r.get(0)?, severity, message: r.get(2)?, other_seq: r.get(3)? })
        })?
        .collect()
}

const NOTICE: &str = "SELECT seq, at_ms, site, source, kind, code, message, field FROM notices";

fn notice(row: &Row<'_>) -> rusqlite::Result<Noticed> {
    Ok(Noticed {
        seq: row.get(0)?,
        at_ms: row.get(1)?,
        site: row.get(2)?,
        source: row.get(3)?,
        kind: row.get(4)?,
        code: row.get(5)?,
        message: row.get(6)?,
        field: row.get(7)?,
    })
}

/// Notices with one of these event ids or orders, oldest first: the newest notice of each order, and what is among the newest
/// of all.
pub(super) fn notices(
    conn: &Connection,
    finder: &Finder<'_>,
    names: &BTreeSet<String>,
) -> rusqlite::Result<Vec<Noticed>> {
    let names = serde_json::to_string(names).unwrap_or_default();
    let mut found = BTreeMap::new();
    let sql = format!(
        "{NOTICE} WHERE seq > ?1 AND (event_id IN (SELECT value FROM json_each(?2))
           OR order_id IN (SELECT value FROM json_each(?2))) ORDER BY seq DESC LIMIT ?3"
    );
    let mut select = conn.prepare_cached(&sql)?;
    let most = i64::try_from(MOST_NOTICES).unwrap_or(i64::MAX);
    let rows = select.query_map(params![finder.newest_notice - NEWEST_NOTICES, names, most], notice)?;
    for row in rows {
        let row = row?;
        found.insert(row.seq, row);
    }
    let sql = format!(
        "{NOTICE} WHERE seq IN (SELECT last_notice FROM insight.orders
           WHERE site = ?1 AND order_id IN (SELECT value FROM json_each(?2)))"
    );
    let mut select = conn.prepare_cached(&sql)?;
    for site in &finder.sites {
        for row in select.query_map(params![site, names], notice)? {
            let row = row?;
            found.insert(row.seq, row);
        }
    }
    Ok(found.into_values().filter(|notice| finder.sites.contains(&notice.site)).collect())
}

/// Inputs that were refused lately, newest first: at the door, or for want of a key.
pub(super) fn turned_away(conn: &Connection, finder: &Finder<'_>) -> rusqlite::Result<Vec<Noticed>> {
    let sql = format!(
        "{NOTICE} WHERE seq > ?1 AND (kind = 'rejected' OR code LIKE 'credentials%')
           AND (site = '' OR site IN (SELECT value FROM json_each(?2))) ORDER BY seq DESC LIMIT ?3"
    );
    let sites = serde_json::to_string(&finder.sites).unwrap_or_default();
    let since = finder.newest_notice - NEWEST_NOTICES;
    conn.prepare_cached(&sql)?.query_map(params![since, sites, MOST_TURNED_AWAY], notice)?.collect()
}

pub(super) fn completions(conn: &Connection, seq: i64) -> rusqlite::Result<Vec<Completed>> {
    let sql = "SELECT at_ms, body FROM revisions WHERE event_seq = ?1 ORDER BY seq";
    let rows = conn
        .prepare_cached(sql)?
        .query_map([seq], |r| Ok((r.get(0)?, r.get::<_, String>(1)?)))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    // What cannot be read any more is not shown.
    let parsed = |(at_ms, body): (i64, String)| {
        serde_json::from_str(&body).ok().map(|before| Completed { at_ms, before })
    };
    Ok(rows.into_iter().filter_map(parsed).collect())
}

/// Events of one site in short, in the order of the numbers given.
pub(super) fn neighbours(conn: &Connection, site: &str, seqs: &[i64]) -> rusqlite::Result<Vec<Neighbour>> {
    let sql =
        "SELECT received_ms, source, event_name, event_id, order_id FROM events WHERE seq = ?1 AND site = ?2";
    let mut select = conn.prepare_cached(sql)?;
    let mut found = Vec::new();
    for seq in seqs {
        let row = select.query_row(params![seq, site], |r| {
            Ok(Neighbour {
                seq: *seq,
                received_ms: r.get(0)?,
                source: r.get(1)?,
                event_name: r.get(2)?,
                event_id: r.get(3)?,
                order_id: r.get(4)?,
            })
        });
        found.extend(row.optional()?);
    }
    Ok(found)
}

/// Calls that are looked through for the earlier attempts of a delivery.
const CALLS_LOOKED_AT: i64 = 3_000;

/// The calls of each of an event's deliveries, oldest first, each with the delivery's number. The last one is known by the
/// delivery; earlier ones are looked for among the calls of its lane since its first attempt, as far as they are near.
pub(super) fn calls(conn: &Connection, event_seq: i64) -> rusqlite::Result<Vec<(i64, Attempt)>> {
    let sql = "SELECT seq, lane, attempt, coalesce(first_attempt_ms, 0), attempts FROM deliveries
               WHERE event_seq = ?1 AND attempt IS NOT NULL ORDER BY seq";
    let mut select = conn.prepare_cached(sql)?;
    let rows = select.query_map([event_seq], |r| {
        Ok((
            r.get::<_, i64>(0)?,
            r.get::<_, u32>(1)?,
            r.get::<_, i64>(2)?,
            r.get::<_, i64>(3)?,
            r.get::<_, i64>(4)?,
        ))
    })?;
    let sql = "SELECT a.seq, started_ms, latency_ms, status, code, verdict, message, events, reply FROM attempts AS a
               WHERE a.seq <= ?1 AND a.seq > ?2 AND lane = ?3 AND started_ms >= ?4
                 AND EXISTS (SELECT 1 FROM json_each(a.deliveries) AS range
                   WHERE ?5 BETWEEN json_extract(range.value, '$[0]') AND json_extract(range.value, '$[1]'))
               ORDER BY a.seq DESC LIMIT 20";
    let mut calls = conn.prepare_cached(sql)?;
    let mut found = Vec::new();
    for row in rows {
        let (seq, lane, last, since_ms, attempts) = row?;
        let from = if attempts > 1 { last - CALLS_LOOKED_AT } else { last - 1 };
        let of = calls.query_map(params![last, from, lane, since_ms, seq], |r| {
            Ok(Attempt {
                seq: r.get(0)?,
                started_ms: r.get(1)?,
                latency_ms: r.get(2)?,
                status: r.get(3)?,
                code: r.get(4)?,
                verdict: r.get(5)?,
                message: r.get(6)?,
                events: r.get(7)?,
                reply: r.get(8)?,
            })
        })?;
        let mut of = of.collect::<rusqlite::Result<Vec<_>>>()?;
        of.reverse();
        found.extend(of.into_iter().map(|call| (seq, call)));
    }
    Ok(found)
}
