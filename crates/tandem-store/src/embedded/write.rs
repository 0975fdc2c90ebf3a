//! The statements behind each command, all inside the writer's open transaction.

use rusqlite::{CachedStatement, Connection, params};

use super::claims::{Claim, ClaimIndex};
use super::ledger::{self, Ledger};
use super::{Options, late, sessions};
use crate::{
    Batch, DeliveryState, Joined, LaneId, NewEvent, Notice, NoticeKind, Outcome, Replay, Report, Stop,
};

/// The statements of the accept path, looked up once a transaction.
pub(super) struct Appender<'c> {
    pub(super) conn: &'c Connection,
    event: CachedStatement<'c>,
    address: CachedStatement<'c>,
    delivery: CachedStatement<'c>,
    pub(super) claim: CachedStatement<'c>,
}

impl<'c> Appender<'c> {
    pub(super) fn new(conn: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            conn,
            event: conn.prepare_cached(
                "INSERT INTO events (received_ms, site, source, event_name, event_id, event_time, order_id, body)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?,
            address: conn.prepare_cached("INSERT INTO addresses (event_seq, ip) VALUES (?1, ?2)")?,
            delivery: conn.prepare_cached(
                "INSERT INTO deliveries (event_seq, lane, state, due_ms, code, message) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?,
            claim: conn.prepare_cached("INSERT INTO claims (seq, until_ms, key, event_seq) VALUES (?1, ?2, ?3, ?4)")?,
        })
    }

    pub(super) fn append(
        &mut self,
        claims: &mut ClaimIndex,
        batch: Batch,
        now_ms: i64,
    ) -> rusqlite::Result<Vec<Outcome>> {
        for new in &batch.touches {
            sessions::touch(self.conn, &new.site, &new.touch)?;
        }
        for new in &batch.touches {
            for order_id in &new.touch.orders {
                late::order_seen(self, claims, &new.site, order_id, now_ms)?;
            }
        }
        let outcomes = batch.events.into_iter().map(|event| self.one(claims, event, now_ms));
        let outcomes = outcomes.collect::<rusqlite::Result<Vec<_>>>()?;
        for notice in &batch.notices {
            write_notice(self.conn, notice, now_ms)?;
        }
        Ok(outcomes)
    }

    fn one(
        &mut self,
        claims: &mut ClaimIndex,
        mut event: NewEvent,
        now_ms: i64,
    ) -> rusqlite::Result<Outcome> {
        let (mut renamed, mut reported) = (None, None);
        if let (Some(order), Some(order_id)) = (event.order.take(), event.order_id.clone()) {
            match ledger::decide(self.conn, &event, &order, &order_id, now_ms)? {
                Ledger::Report(state) => reported = state,
                Ledger::Duplicate(known) => {
                    late::second_report(self.conn, &known, &event, &order, now_ms)?;
                    let text = "this order was reported before";
                    let notice = notice_of(&event, NoticeKind::Duplicate, "order_reported", text);
                    write_notice(self.conn, &notice, now_ms)?;
                    return Ok(Outcome::Duplicate { of: None });
                }
                Ledger::Growth(grown, state) => {
                    renamed = Some(grown.event_id.clone());
                    (event, reported) = (*grown, state);
                }
            }
        }
        self.event.execute(params![
            now_ms,
            event.site,
            event.source,
            event.event_name,
            event.event_id,
            event.event_time,
            event.order_id,
            event.body
        ])?;
        let seq = self.conn.last_insert_rowid();
        if let (Some(state), Some(order_id)) = (reported, &event.order_id) {
            ledger::note(self.conn, &event.site, order_id, state, seq, now_ms)?;
        }
        if let Some(address) = &event.address {
            self.address.execute(params![seq, address])?;
        }
        let first_held = self.deliver(claims, &event, seq, now_ms)?;
        Ok(match first_held {
            Some(of) => Outcome::Duplicate { of: Some(of) },
            None => Outcome::Accepted { seq, event_id: renamed },
        })
    }

    /// Takes the claims and makes the deliveries. The holder's position when every claim asked for was held already.
    fn deliver(
        &mut self,
        claims: &mut ClaimIndex,
        event: &NewEvent,
        seq: i64,
        now_ms: i64,
    ) -> rusqlite::Result<Option<i64>> {
        let (mut held_by, mut won) = (None, false);
        for delivery in &event.deliveries {
            let lane = delivery.lane.0;
            if let Some(skip) = &delivery.skip {
                self.delivery.execute(params![seq, lane, state::SKIPPED, now_ms, skip.code, skip.message])?;
                won = true;
                continue;
            }
            let claim = Claim {
                key: delivery.claim,
                lane: delivery.lane,
                event_seq: seq,
                until_ms: now_ms + delivery.window_ms,
            };
            match claims.take(self.conn, &mut self.claim, &claim, now_ms)? {
                None => {
                    self.delivery.execute(params![
                        seq,
                        lane,
                        state::WAITING,
                        now_ms + delivery.hold_ms,
                        None::<&str>,
                        None::<&str>
                    ])?;
                    won = true;
                }
                Some(held) => {
                    held_by.get_or_insert(held.event_seq);
                    let message = format!("the same event came in before, as number {}", held.event_seq);
                    self.delivery.execute(params![
                        seq,
                        lane,
                        state::SKIPPED,
                        now_ms,
                        "duplicate",
                        message
                    ])?;
                }
            }
        }
        Ok(held_by.filter(|_| !won))
    }
}

/// Numbers of delivery states in the file.
pub(super) mod state {
    pub(crate) const WAITING: i64 = 0;
    pub(crate) const DELIVERED: i64 = 1;
    pub(crate) const SKIPPED: i64 = 2;
    pub(crate) const REJECTED: i64 = 3;
    pub(crate) const EXPIRED: i64 = 4;
}

pub(super) fn notice_of(event: &NewEvent, kind: NoticeKind, code: &'static str, message: &str) -> Notice {
    Notice {
        site: event.site.clone(),
        source: event.source.into(),
        kind,
        code: code.into(),
        message: message.to_owned(),
        field: None,
        event_name: Some(event.event_name.clone()),
        event_id: Some(event.event_id.clone()),
        order_id: event.order_id.clone(),
    }
}

pub(super) fn write_notice(conn: &Connection, n: &Notice, now_ms: i64) -> rusqlite::Result<()> {
    conn.prepare_cached(
        "INSERT INTO notices (at_ms, site, source, kind, code, message, field, event_name, event_id, order_id)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?
    .execute(params![
        now_ms,
        n.site,
        n.source,
        n.kind.text(),
        n.code,
        n.message,
        n.field,
        n.event_name,
        n.event_id,
        n.order_id
    ])?;
    Ok(())
}

pub(super) fn record(conn: &Connection, report: &Report) -> rusqlite::Result<()> {
    let attempt = match &report.attempt {
        None => None,
        Some(a) => {
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
            Some((conn.last_insert_rowid(), a.started_ms))
        }
    };
    for joined in &report.joined {
        complete(conn, joined)?;
    }
    let (attempt_seq, started) = attempt.unzip();
    for (seq, new) in &report.states {
        let undone = matches!(new, DeliveryState::Skipped(skip) if skip.code == late::CONSENT_UNKNOWN)
            && late::word_came_meanwhile(conn, *seq)?;
        let (state, due, counts, code, message) = if undone { late::AGAIN } else { columns(new) };
        // A delivery that reached its end keeps it: a late report of an older attempt changes nothing. What does not
        // count as an attempt was surely not delivered, so it does not start the clock of the retry horizon either.
        let counts = counts && attempt.is_some();
        conn.prepare_cached(
            "UPDATE deliveries SET state = ?2, due_ms = coalesce(?3, due_ms), attempts = attempts + ?4,
               first_attempt_ms = coalesce(first_attempt_ms, ?5), attempt = coalesce(?6, attempt), code = ?7, message = ?8
             WHERE seq = ?1 AND state = 0",
        )?
        .execute(params![seq, state, due, i64::from(counts), started.filter(|_| counts), attempt_seq, code, message])?;
    }
    Ok(())
}

fn complete(conn: &Connection, joined: &Joined) -> rusqlite::Result<()> {
    // Another lane, or a second report of the sale, may have completed it further meanwhile.
    conn.prepare_cached(
        "UPDATE events SET body = ?2 WHERE seq = ?1
           AND (SELECT count(*) FROM json_each(body, '$.supplied'))
             <= (SELECT count(*) FROM json_each(?2, '$.supplied'))",
    )?
    .execute(params![joined.event_seq, joined.body])?;
    keep_address(conn, joined.event_seq, joined.address.as_deref())
}

/// Keeps the address of an event that came without one.
pub(super) fn keep_address(conn: &Connection, event_seq: i64, address: Option<&str>) -> rusqlite::Result<()> {
    if let Some(address) = address {
        conn.prepare_cached("INSERT OR IGNORE INTO addresses (event_seq, ip) VALUES (?1, ?2)")?
            .execute(params![event_seq, address])?;
    }
    Ok(())
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

pub(super) fn set_stop(conn: &Connection, lane: LaneId, stop: Option<&Stop>) -> rusqlite::Result<()> {
    conn.prepare_cached("UPDATE lanes SET stopped_why = ?2, stopped_since_ms = ?3 WHERE id = ?1")?
        .execute(params![lane.0, stop.map(|s| &s.why), stop.map(|s| s.since_ms)])?;
    Ok(())
}

pub(super) fn lane(conn: &Connection, site: &str, destination: &str) -> rusqlite::Result<u32> {
    conn.execute(
        "INSERT OR IGNORE INTO lanes (site, destination) VALUES (?1, ?2)",
        params![site, destination],
    )?;
    conn.query_row(
        "SELECT id FROM lanes WHERE site = ?1 AND destination = ?2",
        params![site, destination],
        |r| r.get(0),
    )
}

pub(super) fn clamp_due(conn: &Connection, farthest_ms: i64, now_ms: i64) -> rusqlite::Result<()> {
    // The lanes are named so that the index answers at once, however much is waiting.
    let sql = "UPDATE deliveries SET due_ms = ?2
               WHERE lane IN (SELECT id FROM lanes) AND state = 0 AND due_ms > ?1";
    conn.execute(sql, [farthest_ms, now_ms])?;
    Ok(())
}

/// Rewrites 64 KiB, about as much as a commit under load.
pub(super) fn probe(conn: &Connection) -> rusqlite::Result<()> {
    conn.execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('probe', zeroblob(65536))", [])?;
    Ok(())
}

/// New deliveries for what was rejected, expired or (asked for) delivered; the old rows stay as they are.
/// Waiting ones need none, and a skip has a reason that a replay does not undo.
pub(super) fn replay(conn: &Connection, replay: &Replay, now_ms: i64) -> rusqlite::Result<u64> {
    let states = if replay.delivered_too { "1, 3, 4" } else { "3, 4" };
    let lanes: Vec<String> = replay.lanes.iter().map(|l| l.0.to_string()).collect();
    let sql = format!(
        "INSERT INTO deliveries (event_seq, lane, state, due_ms, replay)
         SELECT DISTINCT e.seq, d.lane, 0, ?1, 1
         FROM events AS e JOIN deliveries AS d ON d.event_seq = e.seq
         WHERE e.received_ms >= ?2 AND (?3 IS NULL OR e.event_id = ?3) AND d.lane IN ({})
           AND d.state IN ({states})
           AND NOT EXISTS (SELECT 1 FROM deliveries AS w WHERE w.event_seq = e.seq AND w.lane = d.lane
             AND (w.state = 0 OR (w.state = 1 AND NOT ?4)))",
        lanes.join(", ")
    );
    let count =
        conn.execute(&sql, params![now_ms, replay.since_ms, replay.event_id, replay.delivered_too])?;
    Ok(count as u64)
}

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
    }
    for (table, at) in [("attempts", "started_ms"), ("notices", "at_ms")] {
        let sql = format!(
            "DELETE FROM {table} WHERE seq IN
               (SELECT seq FROM (SELECT seq, {at} AS at FROM {table} ORDER BY seq LIMIT {PRUNE_STEP}) WHERE at < ?1)"
        );
        gone += conn.execute(&sql, [cutoff])?;
    }
    Ok(gone)
}
