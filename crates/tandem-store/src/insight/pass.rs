//! One pass: what is new in the log, seen in one view of it and written in one transaction with how far it got.
//!
//! An event that is read has all the revisions of that view in it already. So a revision counts only of an event that an
//! earlier pass read: away with what the event was then, which is the first body that was replaced since, and in with what
//! it is now.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::calls::{self, Calls};
use super::event::{self, Logged, day_of};
use super::lookup::Fresh;
use super::orders::Orders;
use super::prune;
use super::relate::{Earlier, Related};
use super::tally::{Cell, Tally};

/// Events in a pass.
const CHUNK: i64 = 2_000;

/// The same when very many are waiting: each pass rewrites about as much, however many it counts.
const LARGE_CHUNK: i64 = 10_000;
const VERY_MANY: i64 = 50_000;

/// Notices and calls in a pass.
const OTHERS: usize = 5_000;

/// What a pass leaves.
pub(super) struct Passed {
    /// Events that are not seen yet.
    pub(super) behind: i64,
    /// Whether everything is seen that the view held.
    pub(super) is_through: bool,
}

/// How far the log was read, by the numbers of each table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Cursors {
    events: i64,
    notices: i64,
    attempts: i64,
    revisions: i64,
}

impl Cursors {
    fn read(conn: &Connection) -> rusqlite::Result<Self> {
        let mut select = conn.prepare_cached("SELECT value FROM meta WHERE key = ?1")?;
        let mut of = |key: &str| -> rusqlite::Result<i64> {
            Ok(select.query_row([key], |r| r.get(0)).optional()?.unwrap_or_default())
        };
        Ok(Self {
            events: of("events")?,
            notices: of("notices")?,
            attempts: of("attempts")?,
            revisions: of("revisions")?,
        })
    }

    fn write(self, conn: &Connection) -> rusqlite::Result<()> {
        let mut set = conn.prepare_cached("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)")?;
        for (key, value) in [
            ("events", self.events),
            ("notices", self.notices),
            ("attempts", self.attempts),
            ("revisions", self.revisions),
        ] {
            set.execute(params![key, value])?;
        }
        // By which the log is known again.
        conn.prepare_cached("INSERT OR REPLACE INTO meta (key, value) VALUES ('last_event', ?1)")?
            .execute([mark_of(conn, self.events)?])?;
        Ok(())
    }

    /// Where the log ends.
    fn of_log(conn: &Connection) -> rusqlite::Result<Self> {
        let last = |table: &str| -> rusqlite::Result<i64> {
            let sql = format!("SELECT coalesce(max(seq), 0) FROM log.{table}");
            conn.prepare_cached(&sql)?.query_row([], |r| r.get(0))
        };
        Ok(Self {
            events: last("events")?,
            notices: last("notices")?,
            attempts: last("attempts")?,
            revisions: last("revisions")?,
        })
    }
}

/// What tells an event of this number from one of another log.
fn mark_of(conn: &Connection, seq: i64) -> rusqlite::Result<Option<String>> {
    conn.prepare_cached("SELECT received_ms || ' ' || event_id FROM log.events WHERE seq = ?1")?
        .query_row([seq], |r| r.get(0))
        .optional()
}

/// Whether what was counted came from this log. The newest row of each table always stays in a log, and the last event
/// that was seen with it, unless the log went on without us for longer than its retention.
pub(super) fn fits(conn: &Connection) -> rusqlite::Result<bool> {
    let (at, end) = (Cursors::read(conn)?, Cursors::of_log(conn)?);
    let sql = "SELECT value FROM meta WHERE key = 'last_event'";
    let known: Option<String> = conn.query_row(sql, [], |r| r.get(0)).optional()?.flatten();
    Ok(known == mark_of(conn, at.events)?
        && at.events <= end.events
        && at.notices <= end.notices
        && at.attempts <= end.attempts
        && at.revisions <= end.revisions)
}

/// What a pass gathers.
#[derive(Default)]
struct Gathered {
    tally: Tally,
    orders: Orders,
    calls: Calls,
    /// What was completed since it was seen: as it was then, and as it is now.
    revised: Vec<(Logged, Logged)>,
    /// New, and to be compared with what came before.
    acts: Vec<Logged>,
}

/// Sees what is new, up to a bound.
pub(super) fn pass(conn: &Connection, forget_before_ms: Option<i64>) -> rusqlite::Result<Passed> {
    // Begins the view of the log as well.
    let transaction = Transaction::new_unchecked(conn, TransactionBehavior::Immediate)?;
    let (at, end) = (Cursors::read(&transaction)?, Cursors::of_log(&transaction)?);
    let mut to = at;
    if at != end {
        let (mut gathered, mut fresh) = (Gathered::default(), Fresh::default());
        if at.events > 0 && at.revisions < end.revisions {
            gathered.revisions(&transaction, &mut fresh, &at)?;
        }
        to.revisions = end.revisions;
        to.events = gathered.events(&transaction, &mut fresh, &at, &end)?;
        to.notices = gathered.notices(&transaction, at.notices)?.unwrap_or(end.notices);
        to.attempts =
            calls::read(&transaction, &mut gathered.calls, at.attempts, OTHERS)?.unwrap_or(end.attempts);
        fresh.write(&transaction)?;
        gathered.compare(&transaction, &at)?;
        gathered.write(&transaction)?;
        to.write(&transaction)?;
    }
    if let Some(before_ms) = forget_before_ms {
        prune::prune(&transaction, before_ms)?;
    }
    transaction.commit()?;
    Ok(Passed { behind: end.events - to.events, is_through: to == end })
}

impl Gathered {
    /// Reads new events; those that are compared with nothing are counted at once.
    fn events(
        &mut self,
        conn: &Connection,
        fresh: &mut Fresh,
        at: &Cursors,
        end: &Cursors,
    ) -> rusqlite::Result<i64> {
        let limit = if end.events - at.events > VERY_MANY { LARGE_CHUNK } else { CHUNK };
        let sql = format!(
            "SELECT {} FROM log.events AS e WHERE e.seq > ?1 ORDER BY e.seq LIMIT ?2",
            event::COLUMNS
        );
        let mut select = conn.prepare_cached(&sql)?;
        let mut rows = select.query([at.events, limit])?;
        let (mut last, mut read) = (at.events, 0);
        while let Some(row) = rows.next()? {
            let event = Logged::read(row)?;
            (last, read) = (event.seq, read + 1);
            event.note_keys(fresh);
            if event.is_view() {
                event.count(&mut self.tally, 1, false, false);
                event.count_halves(&mut self.tally);
                self.orders.count(&event, 1, false);
            } else {
                self.acts.push(event);
            }
        }
        // There may be gaps at the end only in theory; then there is nothing more to read.
        Ok(if read < limit { end.events } else { last })
    }

    /// Reads events that were seen before and are completed since.
    fn revisions(&mut self, conn: &Connection, fresh: &mut Fresh, at: &Cursors) -> rusqlite::Result<()> {
        let sql = format!(
            "SELECT {}, r.body FROM log.revisions AS r JOIN log.events AS e ON e.seq = r.event_seq
             WHERE r.seq > ?1 AND r.event_seq <= ?2 ORDER BY r.seq",
            event::COLUMNS
        );
        let mut select = conn.prepare_cached(&sql)?;
        let mut rows = select.query([at.revisions, at.events])?;
        let mut seen = HashSet::new();
        while let Some(row) = rows.next()? {
            if seen.insert(row.get::<_, i64>(0)?) {
                let now = Logged::read(row)?;
                now.note_keys(fresh);
                let then = now.before(row.get_ref(8)?.as_str()?);
                self.revised.push((then, now));
            }
        }
        Ok(())
    }

    /// The number of the last notice that was read, when there may be more.
    fn notices(&mut self, conn: &Connection, cursor: i64) -> rusqlite::Result<Option<i64>> {
        let mut select = conn.prepare_cached(
            "SELECT seq, at_ms, site, source, kind, code, order_id FROM log.notices WHERE seq > ?1 ORDER BY seq LIMIT ?2",
        )?;
        let mut rows = select.query(params![cursor, OTHERS])?;
        let mut last = None;
        while let Some(row) = rows.next()? {
            let (seq, at_ms): (i64, i64) = (row.get(0)?, row.get(1)?);
            let site = row.get_ref(2)?.as_str()?;
            let mut name = |i: usize| Ok::<_, rusqlite::Error>(self.tally.text(row.get_ref(i)?.as_str()?));
            let group = [name(2)?, name(3)?, name(4)?, name(5)?];
            let [of_site, source, kind, code] = group;
            let day = Cell::Int(day_of(at_ms));
            self.tally.notices.add_at([day, of_site, source, kind, code], 1, seq);
            if let Some(order_id) = row.get_ref(6)?.as_str_or_null()? {
                self.orders.notice(site, order_id, at_ms, seq);
            }
            last = Some(seq);
        }
        Ok(last)
    }

    /// Counts what depends on earlier events, whose keys are all written by now.
    fn compare(&mut self, conn: &Connection, at: &Cursors) -> rusqlite::Result<()> {
        let mut earlier = Earlier::new(conn, at.events, &self.revised);
        let mut related = Related::default();
        for (then, now) in &self.revised {
            let completes = now.completes(conn)?;
            let repeats = earlier.repeats(now, completes)?;
            for (event, by) in [(then, -1), (now, 1)] {
                event.count(&mut self.tally, by, repeats, completes);
                self.orders.count(event, by, repeats);
            }
            earlier.count_revised_halves(&mut self.tally, then, now, completes)?;
            if !now.is_view() {
                related.void(conn, &mut self.tally, now)?;
                related.observe(&mut self.tally, now, completes, &mut earlier)?;
            }
        }
        for event in &self.acts {
            let completes = event.completes(conn)?;
            let repeats = earlier.repeats(event, completes)?;
            event.count(&mut self.tally, 1, repeats, completes);
            self.orders.count(event, 1, repeats);
            earlier.count_halves(&mut self.tally, event, completes)?;
            related.observe(&mut self.tally, event, completes, &mut earlier)?;
        }
        related.write(conn)
    }

    fn write(&self, conn: &Connection) -> rusqlite::Result<()> {
        self.tally.write(conn)?;
        self.orders.write(conn)?;
        self.calls.write(conn)
    }
}
