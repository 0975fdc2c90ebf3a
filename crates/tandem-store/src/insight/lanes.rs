//! How each destination fares: what a person looks at before pausing it, or letting it go on.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;

use crate::{LaneId, Store, StoreError};

const HOUR_MS: i64 = 3_600_000;

/// Calls that are looked through for samples of a platform's codes: no index leads from a code to its calls.
const RECENT_CALLS: u32 = 2_000;

/// How a lane fares.
#[derive(Debug, Clone, Default, Serialize)]
pub struct LaneFigures {
    /// The delivery that has been due for longest, if any waits.
    pub oldest: Option<Waiting>,
    /// What became of deliveries, by state and code.
    pub states: Vec<StateCount>,
    /// Calls, by verdict and the platform's code.
    pub calls: Vec<CallCount>,
}

/// A delivery that waits.
#[derive(Debug, Clone, Serialize)]
pub struct Waiting {
    /// Its event.
    pub event_seq: i64,
    /// When the event came in, Unix milliseconds; 0 when it is past its retention.
    pub received_ms: i64,
    /// When it happened, Unix seconds.
    pub event_time: i64,
    /// When the next attempt is due, Unix milliseconds.
    pub due_ms: i64,
    /// Attempts so far.
    pub attempts: i64,
    /// When the first of them began, Unix milliseconds.
    pub first_attempt_ms: Option<i64>,
}

/// Deliveries that came to one end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StateCount {
    /// `delivered`, `skipped`, `rejected` or `expired`.
    pub state: &'static str,
    /// Why; empty where there is no more to say.
    pub code: String,
    /// In the last 24 hours.
    pub day: i64,
    /// In the last 7 days.
    pub week: i64,
}

/// Calls that ended alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CallCount {
    /// As in [`crate::Attempt::verdict`].
    pub verdict: String,
    /// The platform's code; -1 when it gave none.
    pub code: i64,
    /// In the last 24 hours.
    pub day: i64,
    /// In the last 7 days.
    pub week: i64,
    /// Events in the calls of the last 7 days.
    pub events: i64,
    /// Their latencies together, in milliseconds.
    pub latency_ms_sum: i64,
    /// The longest, in milliseconds.
    pub latency_ms_max: i64,
    /// Events of the last 7 days sent more than five minutes after they happened.
    pub late_events: i64,
}

/// A delivery that shows what a code is about.
#[derive(Debug, Clone, Serialize)]
pub struct Sample {
    /// Its event.
    pub event_seq: i64,
    /// Name of the event; empty when it is past its retention.
    pub event_name: String,
    /// Id of the event.
    pub event_id: String,
    /// When the event came in, Unix milliseconds.
    pub received_ms: i64,
    /// What is on record about it.
    pub message: String,
}

/// A call to a platform that did not go well.
#[derive(Debug, Clone, Serialize)]
pub struct FailedCall {
    /// As in [`crate::Attempt::verdict`].
    pub verdict: String,
    /// The platform's code; -1 when it gave none.
    pub code: i64,
    /// When it began, Unix milliseconds.
    pub started_ms: i64,
    /// The platform's words and ours.
    pub message: String,
    /// One of its events.
    pub event_seq: Option<i64>,
}

fn state_name(state: i64) -> Option<&'static str> {
    Some(match state {
        1 => "delivered",
        2 => "skipped",
        3 => "rejected",
        4 => "expired",
        _ => return None,
    })
}

fn state_number(name: &str) -> Option<i64> {
    (1..=4).find(|state| state_name(*state) == Some(name))
}

impl Store {
    /// How every lane fared in the 24 hours and 7 days before `now_ms`, whole hours with the present one. Reads counts, not
    /// deliveries.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn lane_figures(&self, now_ms: i64) -> Result<HashMap<LaneId, LaneFigures>, StoreError> {
        let hour = now_ms.div_euclid(HOUR_MS);
        self.read(|conn| {
            let mut all: HashMap<LaneId, LaneFigures> = HashMap::new();
            states(conn, hour, &mut all)?;
            calls(conn, hour, &mut all)?;
            let mut lanes = conn.prepare_cached("SELECT id FROM lanes")?;
            for lane in lanes.query_map([], |r| r.get(0))? {
                let lane: u32 = lane?;
                if let Some(oldest) = oldest(conn, lane)? {
                    all.entry(LaneId(lane)).or_default().oldest = Some(oldest);
                }
            }
            Ok(all)
        })
    }

    /// The newest deliveries of a lane that ended so (`skipped`, `rejected` or `expired`), newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn lane_samples(
        &self,
        lane: LaneId,
        state: &str,
        code: &str,
        limit: u32,
    ) -> Result<Vec<Sample>, StoreError> {
        let Some(state @ 2..) = state_number(state) else { return Ok(Vec::new()) };
        self.read(|conn| {
            let mut rows = conn.prepare_cached(
                "SELECT d.event_seq, coalesce(e.event_name, ''), coalesce(e.event_id, ''),
                   coalesce(e.received_ms, 0), coalesce(d.message, '')
                 FROM deliveries AS d INDEXED BY deliveries_problem LEFT JOIN events AS e ON e.seq = d.event_seq
                 WHERE d.state = ?1 AND d.state >= 2 AND d.lane = ?2 AND d.code = ?3 ORDER BY d.seq DESC LIMIT ?4",
            )?;
            rows.query_map(params![state, lane.0, code, limit], |r| {
                Ok(Sample {
                    event_seq: r.get(0)?,
                    event_name: r.get(1)?,
                    event_id: r.get(2)?,
                    received_ms: r.get(3)?,
                    message: r.get(4)?,
                })
            })?
            .collect()
        })
    }

    /// The newest call of each verdict and code among a lane's recent ones that did not go well.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn lane_failed_calls(&self, lane: LaneId) -> Result<Vec<FailedCall>, StoreError> {
        self.read(|conn| {
            let mut rows = conn.prepare_cached(
                "SELECT verdict, coalesce(code, -1), started_ms, message,
                   (SELECT event_seq FROM deliveries WHERE seq = json_extract(deliveries_of, '$[0][0]'))
                 FROM (SELECT seq, lane, verdict, code, started_ms, message, deliveries AS deliveries_of
                       FROM attempts ORDER BY seq DESC LIMIT ?2)
                 WHERE lane = ?1 AND verdict <> 'delivered' GROUP BY verdict, code HAVING seq = max(seq)
                 ORDER BY seq DESC",
            )?;
            rows.query_map(params![lane.0, RECENT_CALLS], |r| {
                Ok(FailedCall {
                    verdict: r.get(0)?,
                    code: r.get(1)?,
                    started_ms: r.get(2)?,
                    message: r.get(3)?,
                    event_seq: r.get(4)?,
                })
            })?
            .collect()
        })
    }
}

/// Hours that count for the day and for the week: above these.
fn bounds(hour: i64) -> [i64; 2] {
    [hour - 24, hour - 168]
}

fn states(conn: &Connection, hour: i64, all: &mut HashMap<LaneId, LaneFigures>) -> rusqlite::Result<()> {
    let mut rows = conn.prepare_cached(
        "SELECT lane, state, code, sum(CASE WHEN hour > ?1 THEN n ELSE 0 END), sum(n) FROM delivery_counts
         WHERE hour > ?2 AND state > 0 GROUP BY lane, state, code ORDER BY lane, state, 5 DESC, code",
    )?;
    let mut rows = rows.query(bounds(hour))?;
    while let Some(r) = rows.next()? {
        let Some(state) = state_name(r.get(1)?) else { continue };
        let count = StateCount { state, code: r.get(2)?, day: r.get(3)?, week: r.get(4)? };
        all.entry(LaneId(r.get(0)?)).or_default().states.push(count);
    }
    Ok(())
}

fn calls(conn: &Connection, hour: i64, all: &mut HashMap<LaneId, LaneFigures>) -> rusqlite::Result<()> {
    let mut rows = conn.prepare_cached(
        "SELECT lane, verdict, code, sum(CASE WHEN hour > ?1 THEN calls ELSE 0 END), sum(calls), sum(events),
           sum(latency_ms_sum), max(latency_ms_max), sum(late_events)
         FROM insight.calls WHERE hour > ?2 GROUP BY lane, verdict, code ORDER BY lane, 5 DESC, verdict, code",
    )?;
    let mut rows = rows.query(bounds(hour))?;
    while let Some(r) = rows.next()? {
        let count = CallCount {
            verdict: r.get(1)?,
            code: r.get(2)?,
            day: r.get(3)?,
            week: r.get(4)?,
            events: r.get(5)?,
            latency_ms_sum: r.get(6)?,
            latency_ms_max: r.get(7)?,
            late_events: r.get(8)?,
        };
        all.entry(LaneId(r.get(0)?)).or_default().calls.push(count);
    }
    Ok(())
}

fn oldest(conn: &Connection, lane: u32) -> rusqlite::Result<Option<Waiting>> {
    conn.prepare_cached(
        "SELECT d.event_seq, coalesce(e.received_ms, 0), coalesce(e.event_time, 0), d.due_ms, d.attempts, d.first_attempt_ms
         FROM deliveries AS d LEFT JOIN events AS e ON e.seq = d.event_seq
         WHERE d.lane = ?1 AND d.state = 0 ORDER BY d.due_ms LIMIT 1",
    )?
    .query_row([lane], |r| {
        Ok(Waiting {
            event_seq: r.get(0)?,
            received_ms: r.get(1)?,
            event_time: r.get(2)?,
            due_ms: r.get(3)?,
            attempts: r.get(4)?,
            first_attempt_ms: r.get(5)?,
        })
    })
    .optional()
}
