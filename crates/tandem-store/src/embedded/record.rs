//! What became of deliveries, as the lanes report it.

use rusqlite::{Connection, OptionalExtension, params};
use serde::Deserialize;
use tandem_core::consent::{Consent, WITHDRAWN};

use super::counts::Counts;
use super::write::{keep_address, state};
use super::{late, ledger};
use crate::{Attempt, DeliveryState, Joined, Report};

pub(super) fn record(conn: &Connection, counts: &mut Counts, report: &Report) -> rusqlite::Result<()> {
    let attempt = match &report.attempt {
        None => None,
        Some(attempt) => Some((note(conn, report, attempt)?, attempt.started_ms)),
    };
    for joined in &report.joined {
        complete(conn, joined, report.at_ms)?;
    }
    // Before the states: a delivery that reached its end keeps the ruling it ended under.
    for (seq, ruling) in &report.rulings {
        conn.prepare_cached("UPDATE deliveries SET consent = ?2 WHERE seq = ?1 AND state = 0")?
            .execute(params![seq, ruling])?;
    }
    let (attempt_seq, started) = attempt.unzip();
    for (seq, new) in &report.states {
        let undone = matches!(new, DeliveryState::Skipped(skip) if skip.code == late::CONSENT_UNKNOWN)
            && late::word_came_meanwhile(conn, *seq)?;
        let (new_state, due, is_attempt, code, message) = if undone { late::AGAIN } else { columns(new) };
        // A delivery that reached its end keeps it: a late report of an older attempt changes nothing. What does not
        // count as an attempt was surely not delivered, so it does not start the clock of the retry horizon either.
        let counts_as_attempt = is_attempt && attempt.is_some();
        let changed = conn.prepare_cached(
            "UPDATE deliveries SET state = ?2, due_ms = coalesce(?3, due_ms), attempts = attempts + ?4,
               first_attempt_ms = coalesce(first_attempt_ms, ?5), attempt = coalesce(?6, attempt), code = ?7, message = ?8
             WHERE seq = ?1 AND state = 0",
        )?
        .execute(params![
            seq,
            new_state,
            due,
            i64::from(counts_as_attempt),
            started.filter(|_| counts_as_attempt),
            attempt_seq,
            code,
            message
        ])?;
        if changed > 0 && new_state != state::WAITING {
            counts.came_to(report.at_ms, report.lane, new_state, code.unwrap_or_default());
        }
    }
    Ok(())
}

/// Notes a call; its number.
fn note(conn: &Connection, report: &Report, a: &Attempt) -> rusqlite::Result<i64> {
    let seqs = ranges(report.states.iter().map(|(seq, _)| *seq));
    conn.prepare_cached(
        "INSERT INTO attempts (lane, started_ms, latency_ms, status, code, verdict, message, events,
           request_bytes, reply, deliveries) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?
    .execute(params![
        report.lane.0,
        a.started_ms,
        a.latency_ms,
        a.status,
        a.code,
        a.verdict,
        a.message,
        report.states.len(),
        a.request_bytes,
        a.reply,
        seqs
    ])?;
    Ok(conn.last_insert_rowid())
}

fn complete(conn: &Connection, joined: &Joined, at_ms: i64) -> rusqlite::Result<()> {
    conn.prepare_cached(
        "INSERT INTO revisions (event_seq, at_ms, body) SELECT seq, ?3, body FROM events WHERE seq = ?1 AND body <> ?2
           AND (SELECT count(*) FROM json_each(body, '$.supplied'))
             <= (SELECT count(*) FROM json_each(?2, '$.supplied'))",
    )?
    .execute(params![joined.event_seq, joined.body, at_ms])?;
    // Another lane, or a second report of the sale, may have completed it further meanwhile.
    let taken: Option<(String, Option<String>)> = conn
        .prepare_cached(
            "UPDATE events SET body = ?2 WHERE seq = ?1
               AND (SELECT count(*) FROM json_each(body, '$.supplied'))
                 <= (SELECT count(*) FROM json_each(?2, '$.supplied'))
             RETURNING site, order_id",
        )?
        .query_row(params![joined.event_seq, joined.body], |r| Ok((r.get(0)?, r.get(1)?)))
        .optional()?;
    if let Some((site, Some(order_id))) = taken {
        keep_word(conn, &site, &order_id, joined)?;
    }
    keep_address(conn, joined.event_seq, joined.address.as_deref())
}

/// Of a completed event, what the order's word is in.
#[derive(Deserialize)]
struct Completed {
    consent: Consent,
}

/// Keeps with its order what the visitor of a completed sale chose.
fn keep_word(conn: &Connection, site: &str, order_id: &str, joined: &Joined) -> rusqlite::Result<()> {
    let Ok(Completed { consent }) = serde_json::from_str(&joined.body) else { return Ok(()) };
    // What was taken back was another word before, and that one is the order's.
    let withdrawn = consent.evidence.as_ref().is_some_and(|e| e.note.as_deref() == Some(WITHDRAWN));
    if withdrawn || !consent.has_choice() {
        return Ok(());
    }
    // A page may name any order; the order's word comes with what was reported of it.
    match ledger::known(conn, site, order_id)? {
        Some(order) if order.events.contains(&joined.event_seq) => {
            ledger::keep_word(conn, site, order_id, &consent)
        }
        _ => Ok(()),
    }
}

/// State, due time, whether it counts as an attempt, code, message.
pub(super) type Columns<'a> = (i64, Option<i64>, bool, Option<&'a str>, Option<&'a str>);

fn columns(new: &DeliveryState) -> Columns<'_> {
    match new {
        DeliveryState::Delivered { warning: None } => (state::DELIVERED, None, true, None, None),
        DeliveryState::Delivered { warning } => {
            (state::DELIVERED, None, true, Some("platform_warning"), warning.as_deref())
        }
        DeliveryState::Waiting { due_ms, why, counts } => {
            (state::WAITING, Some(*due_ms), *counts, Some("retry"), Some(why.as_str()))
        }
        DeliveryState::Skipped(skip) => (state::SKIPPED, None, false, Some(&skip.code), Some(&skip.message)),
        DeliveryState::Rejected { why } => {
            (state::REJECTED, None, true, Some("platform_rejected"), Some(why))
        }
        DeliveryState::Expired { why } => (state::EXPIRED, None, true, Some("retry_horizon"), Some(why)),
    }
}

/// `[[first, last], …]` of ascending runs.
fn ranges(seqs: impl Iterator<Item = i64>) -> String {
    let mut runs: Vec<[i64; 2]> = Vec::new();
    for seq in seqs {
        match runs.last_mut() {
            Some(run) if run[1] + 1 == seq => run[1] = seq,
            _ => runs.push([seq, seq]),
        }
    }
    serde_json::to_string(&runs).unwrap_or_default()
}
