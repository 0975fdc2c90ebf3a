//! The statements behind each command, all inside the writer's open transaction.

use rusqlite::{CachedStatement, Connection, params};

use tandem_core::claim;

use super::claims::{Claim, ClaimIndex};
use super::counts::Counts;
use super::ledger::{self, Ledger};
use super::{late, numbers, sessions};
use crate::{Batch, LaneId, NewDelivery, NewEvent, Notice, NoticeKind, Outcome, Replay, Skipped, Stop};

/// The statements of the accept path, looked up once a transaction.
pub(super) struct Appender<'c> {
    pub(super) conn: &'c Connection,
    event: CachedStatement<'c>,
    address: CachedStatement<'c>,
    delivery: CachedStatement<'c>,
    pub(super) claim: CachedStatement<'c>,
    /// Visitors who were remembered and said no: site, and time of the touch.
    pub(super) refused: Vec<(String, i64)>,
    /// What deliveries came to.
    pub(super) counts: Counts,
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
                "INSERT INTO deliveries (event_seq, lane, state, due_ms, code, message, consent)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?,
            claim: conn.prepare_cached("INSERT INTO claims (seq, until_ms, key, event_seq) VALUES (?1, ?2, ?3, ?4)")?,
            refused: Vec::new(),
            counts: Counts::default(),
        })
    }

    pub(super) fn append(
        &mut self,
        claims: &mut ClaimIndex,
        batch: Batch,
        now_ms: i64,
    ) -> rusqlite::Result<Vec<Outcome>> {
        for new in &batch.touches {
            if sessions::touch(self.conn, &new.site, &new.touch)? {
                self.refused.push((new.site.clone(), new.touch.at_ms));
            }
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
        for known in &batch.numbers {
            numbers::note(self.conn, known, now_ms)?;
        }
        Ok(outcomes)
    }

    fn one(
        &mut self,
        claims: &mut ClaimIndex,
        mut event: NewEvent,
        now_ms: i64,
    ) -> rusqlite::Result<Outcome> {
        let (mut renamed, mut noted) = (None, None);
        if let (Some(order), Some(order_id)) = (event.order.take(), event.order_id.clone()) {
            match ledger::decide(self.conn, &event, &order, &order_id, now_ms)? {
                Ledger::Report(entry) => noted = Some(entry),
                Ledger::Duplicate(known) => {
                    late::second_report(self.conn, &known, &event, &order, now_ms)?;
                    let (total, currency) = (order.total, order.currency);
                    let lost = claim::is_lost_growth(&known, &order.report, &event.event_id, total, currency);
                    let notice = if lost {
                        let text = "reported before under this id with a smaller value; what was added is not counted";
                        notice_of(&event, NoticeKind::Duplicate, "upsell_same_id", text)
                    } else {
                        let text = "this order was reported before";
                        notice_of(&event, NoticeKind::Duplicate, "order_reported", text)
                    };
                    write_notice(self.conn, &notice, now_ms)?;
                    return Ok(Outcome::Duplicate { of: None });
                }
                Ledger::Growth(grown, entry) => {
                    renamed = Some(grown.event_id.clone());
                    (event, noted) = (*grown, Some(entry));
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
        if let (Some(entry), Some(order_id)) = (noted, &event.order_id) {
            ledger::note(self.conn, &event.site, order_id, entry, seq, now_ms)?;
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
            if let Some(skip) = &delivery.skip {
                self.skip(seq, delivery, skip, now_ms)?;
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
                    self.wait(seq, delivery, now_ms + delivery.hold_ms)?;
                    won = true;
                }
                Some(held) => {
                    held_by.get_or_insert(held.event_seq);
                    let message = format!("the same event came in before, as number {}", held.event_seq);
                    self.skip(seq, delivery, &Skipped { code: "duplicate".into(), message }, now_ms)?;
                }
            }
        }
        Ok(held_by.filter(|_| !won))
    }

    fn wait(&mut self, event_seq: i64, delivery: &NewDelivery, due_ms: i64) -> rusqlite::Result<()> {
        let none = None::<&str>;
        self.delivery.execute(params![
            event_seq,
            delivery.lane.0,
            state::WAITING,
            due_ms,
            none,
            none,
            delivery.consent
        ])?;
        Ok(())
    }

    fn skip(
        &mut self,
        event_seq: i64,
        delivery: &NewDelivery,
        skip: &Skipped,
        now_ms: i64,
    ) -> rusqlite::Result<()> {
        self.delivery.execute(params![
            event_seq,
            delivery.lane.0,
            state::SKIPPED,
            now_ms,
            skip.code,
            skip.message,
            delivery.consent
        ])?;
        self.counts.came_to(now_ms, delivery.lane, state::SKIPPED, &skip.code);
        Ok(())
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

/// Keeps the address of an event that came without one.
pub(super) fn keep_address(conn: &Connection, event_seq: i64, address: Option<&str>) -> rusqlite::Result<()> {
    if let Some(address) = address {
        conn.prepare_cached("INSERT OR IGNORE INTO addresses (event_seq, ip) VALUES (?1, ?2)")?
            .execute(params![event_seq, address])?;
    }
    Ok(())
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

/// New deliveries for what was rejected, expired or (asked for) delivered; the old rows stay as they are, and the new
/// stand under their ruling until the lane makes another.
/// Waiting ones need none, and a skip has a reason that a replay does not undo.
pub(super) fn replay(conn: &Connection, replay: &Replay, now_ms: i64) -> rusqlite::Result<u64> {
    let states = if replay.delivered_too { "1, 3, 4" } else { "3, 4" };
    let lanes: Vec<String> = replay.lanes.iter().map(|l| l.0.to_string()).collect();
    // One event is found at once by its number; otherwise all since a time are looked at.
    let which = if replay.event_seq.is_some() { "e.seq = ?5" } else { "?5 IS NULL" };
    let sql = format!(
        "INSERT INTO deliveries (event_seq, lane, state, due_ms, replay, consent)
         SELECT DISTINCT e.seq, d.lane, 0, ?1, 1,
           (SELECT r.consent FROM deliveries AS r WHERE r.event_seq = e.seq AND r.lane = d.lane AND r.state IN ({states})
            ORDER BY r.seq DESC LIMIT 1)
         FROM events AS e JOIN deliveries AS d ON d.event_seq = e.seq
         WHERE {which} AND e.received_ms >= ?2 AND (?3 IS NULL OR e.event_id = ?3) AND d.lane IN ({})
           AND d.state IN ({states})
           AND NOT EXISTS (SELECT 1 FROM deliveries AS w WHERE w.event_seq = e.seq AND w.lane = d.lane
             AND (w.state = 0 OR (w.state = 1 AND NOT ?4)))",
        lanes.join(", ")
    );
    let count = conn.execute(
        &sql,
        params![now_ms, replay.since_ms, replay.event_id, replay.delivered_too, replay.event_seq],
    )?;
    Ok(count as u64)
}
