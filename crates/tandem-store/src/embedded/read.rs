//! Queries of the delivery workers.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension, params};

use crate::{Due, DueBatch, LaneId};

pub(super) fn due(
    conn: &Connection,
    lane: LaneId,
    now_ms: i64,
    limit: usize,
    under_way: &HashSet<i64>,
) -> rusqlite::Result<DueBatch> {
    let mut batch = DueBatch::default();
    // The index alone answers this; rows are only read for what is taken.
    let mut waiting = conn.prepare_cached(
        "SELECT seq, due_ms FROM deliveries WHERE lane = ?1 AND state = 0 ORDER BY due_ms, seq LIMIT ?2",
    )?;
    let mut rows = waiting.query(params![lane.0, limit + under_way.len() + 1])?;
    while let Some(row) = rows.next()? {
        let (seq, due_ms): (i64, i64) = (row.get(0)?, row.get(1)?);
        if under_way.contains(&seq) {
            continue;
        }
        if due_ms > now_ms || batch.due.len() == limit {
            batch.next_due_ms = Some(due_ms);
            break;
        }
        batch.due.extend(one(conn, seq)?);
    }
    Ok(batch)
}

fn one(conn: &Connection, seq: i64) -> rusqlite::Result<Option<Due>> {
    conn.prepare_cached(
        "SELECT d.event_seq, e.body, a.ip, d.attempts, d.first_attempt_ms, d.replay, d.consent, e.received_ms
         FROM deliveries AS d JOIN events AS e ON e.seq = d.event_seq
           LEFT JOIN addresses AS a ON a.event_seq = d.event_seq
         WHERE d.seq = ?1",
    )?
    .query_row([seq], |r| {
        Ok(Due {
            seq,
            event_seq: r.get(0)?,
            body: r.get(1)?,
            address: r.get(2)?,
            attempts: r.get(3)?,
            first_attempt_ms: r.get(4)?,
            replay: r.get(5)?,
            consent: r.get(6)?,
            received_ms: r.get(7)?,
        })
    })
    .optional()
}
