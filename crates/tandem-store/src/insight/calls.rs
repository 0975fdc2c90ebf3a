//! Calls to platforms, and how many of their events went out late.

use std::collections::HashMap;

use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

use super::event::hour_of;

/// Platforms merge the two halves of an event only when the later one comes within five minutes of the first: sent after
/// that, an event stands alone.
const LATE_MS: i64 = 300_000;

/// Calls by hour, lane, verdict and the platform's code.
#[derive(Debug, Default)]
pub(super) struct Calls(HashMap<(i64, i64, String, i64), Call>);

#[derive(Debug, Default)]
struct Call {
    calls: i64,
    events: i64,
    latency_ms_sum: i64,
    latency_ms_max: i64,
    late_events: i64,
}

/// Reads calls after `cursor` and at most `limit` of them; the number of the last.
pub(super) fn read(
    conn: &Connection,
    calls: &mut Calls,
    cursor: i64,
    limit: usize,
) -> rusqlite::Result<Option<i64>> {
    let mut happened = conn.prepare_cached(
        "SELECT e.event_time FROM log.deliveries AS d JOIN log.events AS e ON e.seq = d.event_seq WHERE d.seq = ?1",
    )?;
    let mut select = conn.prepare_cached(
        "SELECT seq, lane, started_ms, latency_ms, code, verdict, events, deliveries FROM log.attempts
         WHERE seq > ?1 ORDER BY seq LIMIT ?2",
    )?;
    let mut rows = select.query(params![cursor, limit])?;
    let mut last = None;
    while let Some(row) = rows.next()? {
        let (started_ms, latency_ms): (i64, i64) = (row.get(2)?, row.get(3)?);
        let code: Option<i64> = row.get(4)?;
        let key = (hour_of(started_ms), row.get(1)?, row.get(5)?, code.unwrap_or(-1));
        let runs: Vec<[i64; 2]> = serde_json::from_str(row.get_ref(7)?.as_str()?).unwrap_or_default();
        let call = calls.0.entry(key).or_default();
        call.calls += 1;
        call.events += row.get::<_, i64>(6)?;
        call.latency_ms_sum += latency_ms;
        call.latency_ms_max = call.latency_ms_max.max(latency_ms);
        call.late_events += late(&mut happened, &runs, started_ms)?;
        last = Some(row.get(0)?);
    }
    Ok(last)
}

/// How many of a call's events were late. Events of one call happened about the same time: only when the first is late
/// the others are looked at.
fn late(happened: &mut CachedStatement<'_>, runs: &[[i64; 2]], started_ms: i64) -> rusqlite::Result<i64> {
    let mut late = 0;
    for seq in runs.iter().flat_map(|[first, last]| *first..=*last) {
        let at: Option<i64> = happened.query_row([seq], |r| r.get(0)).optional()?;
        if at.is_some_and(|at| started_ms - at.saturating_mul(1_000) > LATE_MS) {
            late += 1;
        } else if late == 0 {
            break;
        }
    }
    Ok(late)
}

impl Calls {
    pub(super) fn write(&self, conn: &Connection) -> rusqlite::Result<()> {
        let mut add = conn.prepare_cached(
            "INSERT INTO calls (hour, lane, verdict, code, calls, events, latency_ms_sum, latency_ms_max, late_events)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
             ON CONFLICT (hour, lane, verdict, code) DO UPDATE SET calls = calls + excluded.calls,
               events = events + excluded.events, latency_ms_sum = latency_ms_sum + excluded.latency_ms_sum,
               latency_ms_max = max(latency_ms_max, excluded.latency_ms_max),
               late_events = late_events + excluded.late_events",
        )?;
        for ((hour, lane, verdict, code), call) in &self.0 {
            let Call { calls, events, latency_ms_sum, latency_ms_max, late_events } = call;
            add.execute(params![
                hour,
                lane,
                verdict,
                code,
                calls,
                events,
                latency_ms_sum,
                latency_ms_max,
                late_events
            ])?;
        }
        Ok(())
    }
}
