//! What alerts are worked out from. Every query reads an index or a roll-up; none walks the log.

use rusqlite::{Connection, OptionalExtension, params};

use crate::embedded::Store;
use crate::{LaneId, Stop, StoreError};

/// Orders that are looked at in one period at most, the newest of them: enough to tell a share by.
const MAX_ORDERS: u32 = 5_000;

/// How a queue stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// The queue.
    pub lane: LaneId,
    /// Site.
    pub site: String,
    /// Destination.
    pub destination: String,
    /// Set while it waits for a person.
    pub stopped: Option<Stop>,
    /// A person keeps it from sending.
    pub paused: bool,
    /// Deliveries that wait.
    pub waiting: i64,
    /// When the oldest of them came in, Unix milliseconds. Retries do not make it younger.
    pub oldest_ms: Option<i64>,
}

/// Deliveries of a lane that were tried and came to their end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// The queue.
    pub lane: LaneId,
    /// Delivered.
    pub delivered: i64,
    /// Refused, or given up.
    pub failed: i64,
}

/// Events of one hour, from one way in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrived {
    /// Hours since 1970.
    pub hour: i64,
    /// Site.
    pub site: String,
    /// Way in.
    pub source: String,
    /// How many.
    pub events: i64,
    /// Purchases among them.
    pub purchases: i64,
}

/// Paid orders and one lane: how many of them came to the same end there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderEnds {
    /// The queue.
    pub lane: LaneId,
    /// Delivered at least once.
    pub delivered: bool,
    /// Why they were skipped, as the delivery's code; none for orders that wait, were refused or given up.
    pub skipped: Option<String>,
    /// How many.
    pub orders: i64,
}

/// Doubles and sales of a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubles {
    /// Site.
    pub site: String,
    /// Sales that look like another report of one that was there before.
    pub doubles: i64,
    /// All sales.
    pub sales: i64,
}

/// Sales of a day that came with the same match keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Covered {
    /// Days since 1970.
    pub day: i64,
    /// Site.
    pub site: String,
    /// Bits of [`tandem_core::quality::Keys`].
    pub keys: u32,
    /// How many.
    pub events: u64,
}

impl Store {
    /// How every queue stands.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn queues(&self) -> Result<Vec<Queue>, StoreError> {
        self.read_log(|conn| {
            let mut lanes = conn.prepare_cached(
                "SELECT id, site, destination, stopped_why, stopped_since_ms, paused_by IS NOT NULL FROM lanes",
            )?;
            let mut lanes = lanes.query([])?;
            let mut queues = Vec::new();
            while let Some(row) = lanes.next()? {
                let lane = LaneId(row.get(0)?);
                let (why, since): (Option<String>, Option<i64>) = (row.get(3)?, row.get(4)?);
                let (waiting, oldest_ms) = waiting(conn, lane)?;
                queues.push(Queue {
                    lane,
                    site: row.get(1)?,
                    destination: row.get(2)?,
                    stopped: why.zip(since).map(|(why, since_ms)| Stop { why, since_ms }),
                    paused: row.get(5)?,
                    waiting,
                    oldest_ms,
                });
            }
            Ok(queues)
        })
    }

    /// Deliveries by how they ended, from an hour (since 1970) on.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn ended_since(&self, hour: i64) -> Result<Vec<Ended>, StoreError> {
        self.read_log(|conn| {
            conn.prepare_cached(
                "SELECT lane, sum(CASE state WHEN 1 THEN n ELSE 0 END), sum(CASE state WHEN 1 THEN 0 ELSE n END)
                 FROM delivery_counts WHERE hour >= ?1 AND state IN (1, 3, 4) GROUP BY lane",
            )?
            .query_map([hour], |r| {
                Ok(Ended { lane: LaneId(r.get(0)?), delivered: r.get(1)?, failed: r.get(2)? })
            })?
            .collect()
        })
    }

    /// Events by hour and way in, from one hour (since 1970) on and before another.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn arrived(&self, from_hour: i64, to_hour: i64) -> Result<Vec<Arrived>, StoreError> {
        self.read(|conn| {
            conn.prepare_cached(
                "SELECT hour, site, source, sum(events), sum(CASE WHEN event_name = 'Purchase' AND channel <> 'half' THEN events ELSE 0 END)
                 FROM insight.arrivals WHERE hour >= ?1 AND hour < ?2 GROUP BY hour, site, source",
            )?
            .query_map([from_hour, to_hour], |r| {
                Ok(Arrived {
                    hour: r.get(0)?,
                    site: r.get(1)?,
                    source: r.get(2)?,
                    events: r.get(3)?,
                    purchases: r.get(4)?,
                })
            })?
            .collect()
        })
    }

    /// What became of the sales of a site's orders that were first heard of from `from_ms` on and before `to_ms`, by lane;
    /// of the newest 5,000 of them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn order_ends(&self, site: &str, from_ms: i64, to_ms: i64) -> Result<Vec<OrderEnds>, StoreError> {
        self.read(|conn| {
            conn.prepare_cached(
                "WITH heard AS (
                   SELECT id, first_event, last_event FROM insight.orders
                   WHERE site = ?1 AND at_ms >= ?2 AND at_ms < ?3 AND events > 0 ORDER BY at_ms DESC LIMIT ?4),
                 sales AS (SELECT id, first_event AS seq FROM heard UNION SELECT id, last_event FROM heard),
                 ends AS (
                   SELECT d.lane, s.id, max(d.state = 1) AS delivered, max(CASE d.state WHEN 2 THEN d.code END) AS skipped
                   FROM sales AS s JOIN events AS e ON e.seq = s.seq AND e.event_name = 'Purchase'
                     JOIN deliveries AS d ON d.event_seq = s.seq
                   GROUP BY d.lane, s.id)
                 SELECT lane, delivered, CASE delivered WHEN 0 THEN skipped END AS why, count(*)
                 FROM ends GROUP BY lane, delivered, why",
            )?
            .query_map(params![site, from_ms, to_ms, MAX_ORDERS], |r| {
                Ok(OrderEnds {
                    lane: LaneId(r.get(0)?),
                    delivered: r.get(1)?,
                    skipped: r.get(2)?,
                    orders: r.get(3)?,
                })
            })?
            .collect()
        })
    }

    /// Sales and doubles among them, from a day (since 1970) on.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn doubles_since(&self, day: i64) -> Result<Vec<Doubles>, StoreError> {
        self.read(|conn| {
            conn.prepare_cached(
                "SELECT site, sum(doubles), sum(sales) FROM (
                   SELECT site, notices AS doubles, 0 AS sales FROM insight.notices_by_day
                     WHERE day >= ?1 AND kind = 'near_miss'
                   UNION ALL SELECT site, events, 0 FROM insight.findings
                     WHERE day >= ?1 AND code IN ('order_under_two_ids', 'id_near_miss') AND event_name = 'Purchase'
                   UNION ALL SELECT site, 0, events FROM insight.arrivals
                     WHERE hour >= ?1 * 24 AND event_name = 'Purchase' AND channel <> 'half')
                 GROUP BY site",
            )?
            .query_map([day], |r| Ok(Doubles { site: r.get(0)?, doubles: r.get(1)?, sales: r.get(2)? }))?
            .collect()
        })
    }

    /// Purchases by the match keys they came with, from a day (since 1970) on.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn covered_since(&self, day: i64) -> Result<Vec<Covered>, StoreError> {
        self.read(|conn| {
            conn.prepare_cached(
                "SELECT day, site, keys, sum(events) FROM insight.coverage
                 WHERE day >= ?1 AND event_name = 'Purchase' GROUP BY day, site, keys",
            )?
            .query_map([day], |r| {
                Ok(Covered { day: r.get(0)?, site: r.get(1)?, keys: r.get(2)?, events: r.get(3)? })
            })?
            .collect()
        })
    }
}

/// How many wait in a lane, and when the oldest came in. A replayed one is as old as its first attempt: its event may be
/// from long ago.
fn waiting(conn: &Connection, lane: LaneId) -> rusqlite::Result<(i64, Option<i64>)> {
    // The index alone answers this.
    let (waiting, oldest): (i64, Option<i64>) = conn
        .prepare_cached("SELECT count(*), min(seq) FROM deliveries WHERE lane = ?1 AND state = 0")?
        .query_row([lane.0], |r| Ok((r.get(0)?, r.get(1)?)))?;
    let Some(seq) = oldest else { return Ok((waiting, None)) };
    let at_ms = conn
        .prepare_cached(
            "SELECT CASE WHEN d.replay OR e.received_ms IS NULL THEN coalesce(d.first_attempt_ms, d.due_ms)
               ELSE e.received_ms END
             FROM deliveries AS d LEFT JOIN events AS e ON e.seq = d.event_seq WHERE d.seq = ?1",
        )?
        .query_row([seq], |r| r.get(0))
        .optional()?;
    Ok((waiting, at_ms))
}
