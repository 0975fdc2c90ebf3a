//! Deleting what is past its retention, in small steps.

use rusqlite::Connection;

use super::claims::ClaimIndex;
use super::{Options, sessions};

/// An hour, in milliseconds.
const HOUR_MS: i64 = 3_600_000;

/// Rows deleted of one table in one step, so that appends never wait long.
const PRUNE_STEP: u32 = 500;

pub(super) fn prune(
    conn: &Connection,
    claims: &mut ClaimIndex,
    now_ms: i64,
    options: &Options,
) -> rusqlite::Result<bool> {
    let mut gone = claims.prune(conn, now_ms, PRUNE_STEP)?;
    gone += prune_addresses(conn, now_ms - options.address_ms)?;
    gone += sessions::prune_addresses(conn, now_ms - options.address_ms)?;
    if options.retention_ms > 0 {
        gone += prune_events(conn, now_ms - options.retention_ms)?;
        gone += sessions::prune(conn, now_ms - options.retention_ms)?;
    }
    Ok(gone > 0)
}

/// The last of the oldest events that came in before `cutoff`, at most one step of them.
fn last_before(conn: &Connection, table: &str, key: &str, cutoff: i64) -> rusqlite::Result<Option<i64>> {
    let sql = format!(
        "SELECT max(s) FROM (SELECT t.{key} AS s, e.received_ms AS at FROM {table} AS t
           LEFT JOIN events AS e ON e.seq = t.{key} ORDER BY t.{key} LIMIT {PRUNE_STEP})
         WHERE coalesce(at, 0) < ?1"
    );
    conn.query_row(&sql, [cutoff], |r| r.get(0))
}

fn prune_addresses(conn: &Connection, cutoff: i64) -> rusqlite::Result<usize> {
    let Some(last) = last_before(conn, "addresses", "event_seq", cutoff)? else { return Ok(0) };
    conn.execute("DELETE FROM addresses WHERE event_seq <= ?1", [last])
}

fn prune_events(conn: &Connection, cutoff: i64) -> rusqlite::Result<usize> {
    let mut gone = 0;
    // The newest event always stays: SQLite would hand out its number again, and others still point to it.
    let newest: i64 = conn.query_row("SELECT coalesce(max(seq), 0) FROM events", [], |r| r.get(0))?;
    if let Some(last) =
        last_before(conn, "events", "seq", cutoff)?.map(|last| last.min(newest - 1)).filter(|l| *l > 0)
    {
        gone += conn.execute("DELETE FROM deliveries WHERE event_seq <= ?1", [last])?;
        gone += conn.execute("DELETE FROM events WHERE seq <= ?1", [last])?;
        // Here and below the newest stays, too: whoever follows these tables knows how far by number.
        let sql = "DELETE FROM revisions WHERE event_seq <= ?1 AND seq < (SELECT max(seq) FROM revisions)";
        gone += conn.execute(sql, [last])?;
    }
    for (table, at) in [("attempts", "started_ms"), ("notices", "at_ms")] {
        let sql = format!(
            "DELETE FROM {table} WHERE seq IN
               (SELECT seq FROM (SELECT seq, {at} AS at FROM {table} ORDER BY seq LIMIT {PRUNE_STEP}) WHERE at < ?1)
               AND seq < (SELECT max(seq) FROM {table})"
        );
        gone += conn.execute(&sql, [cutoff])?;
    }
    gone += conn.execute("DELETE FROM delivery_counts WHERE hour < ?1", [cutoff.div_euclid(HOUR_MS)])?;
    Ok(gone)
}
