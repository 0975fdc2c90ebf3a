//! Forgetting with the log: days that are wholly past the retention, and what leads to events that are gone.

use rusqlite::{Connection, OptionalExtension, params};

use super::lookup;

const DAY_MS: i64 = 86_400_000;

/// Tables by the column that tells the time, and how many of its units are a day.
const DAILY: &[(&str, &str, i64)] = &[
    ("arrivals", "hour", 24),
    ("calls", "hour", 24),
    ("coverage", "day", 1),
    ("revenue", "day", 1),
    ("consent", "day", 1),
    ("findings", "day", 1),
    ("pairs", "day", 1),
    ("notices_by_day", "day", 1),
];

/// Deletes what came in on days before that of `before_ms`, when that day was not done yet.
pub(super) fn prune(conn: &Connection, before_ms: i64) -> rusqlite::Result<()> {
    let day = before_ms.div_euclid(DAY_MS);
    let sql = "SELECT value FROM meta WHERE key = 'forgotten_before'";
    let done: Option<i64> = conn.query_row(sql, [], |r| r.get(0)).optional()?;
    let first: Option<i64> = conn.query_row("SELECT min(seq) FROM log.events", [], |r| r.get(0))?;
    let first = first.unwrap_or_default();
    lookup::prune(conn, first)?;
    if done.is_some_and(|done| day <= done) {
        return Ok(());
    }
    for (table, column, units) in DAILY {
        conn.execute(&format!("DELETE FROM {table} WHERE {column} < ?1"), [day * units])?;
    }
    conn.execute("DELETE FROM observations WHERE event_seq < ?1", [first])?;
    let sql = "DELETE FROM orders WHERE at_ms < ?1 AND coalesce(last_event, 0) < ?2
                 AND NOT EXISTS (SELECT 1 FROM log.notices AS n WHERE n.seq = last_notice)";
    conn.execute(sql, [day * DAY_MS, first])?;
    conn.execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('forgotten_before', ?1)", params![day])?;
    Ok(())
}
