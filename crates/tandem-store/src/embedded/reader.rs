//! The file as another process reads it, beside a running gateway or without one.

use std::ops::ControlFlow;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension, params};

use super::open::open_foreign;
use super::records::{DELIVERY_COLUMNS, EVENT_COLUMNS, of_event, with_delivery};
use super::{ConsentRecord, into_error};
use crate::StoreError;

/// Events read at once. Between two reads nothing of the file is held, however slowly the records are taken, so that the
/// gateway's write-ahead log can be emptied.
const PAGE: u32 = 500;

/// Times of arrival ascend with the log, unless the clock was set back. By as much as this, nothing is missed.
pub(crate) const CLOCK_SLACK_MS: i64 = 3_600_000;

/// A file opened for reading only: it is never written to, and its writer never waits.
#[derive(Debug)]
pub struct Reader {
    conn: Connection,
}

/// Which events are told of.
struct Period<'a> {
    site: Option<&'a str>,
    from_ms: i64,
    to_ms: i64,
    /// The position in the log to stop before.
    end_seq: i64,
}

impl Reader {
    /// Opens the file.
    ///
    /// # Errors
    /// [`StoreError::File`] when there is none, or it is not of this version's schema; otherwise [`StoreError`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Ok(Self { conn: open_foreign(path.as_ref())? })
    }

    /// Tells of every event that came in from `from_ms` on and before `to_ms` (Unix milliseconds), of one site or of all,
    /// in the order of the log: one record for each of its deliveries, or one for an event without. Ends early when
    /// `each` says so.
    ///
    /// # Errors
    /// [`StoreError`]; what was told until then is true.
    pub fn consent_records<B>(
        &self,
        site: Option<&str>,
        from_ms: i64,
        to_ms: i64,
        each: &mut dyn FnMut(ConsentRecord) -> ControlFlow<B>,
    ) -> Result<ControlFlow<B>, StoreError> {
        let (mut next_seq, end_seq) = self.bounds(from_ms, to_ms).map_err(into_error)?;
        let period = Period { site, from_ms, to_ms, end_seq };
        while next_seq < end_seq {
            let (records, read_to) = self.page(&period, next_seq).map_err(into_error)?;
            for record in records {
                if let ControlFlow::Break(with) = each(record) {
                    return Ok(ControlFlow::Break(with));
                }
            }
            next_seq = read_to;
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Where in the log the period lies: the first position to read, and the one to stop before.
    fn bounds(&self, from_ms: i64, to_ms: i64) -> rusqlite::Result<(i64, i64)> {
        let conn = self.conn.unchecked_transaction()?;
        let first = first_since(&conn, from_ms.saturating_sub(CLOCK_SLACK_MS))?;
        let end = first_since(&conn, to_ms.saturating_add(CLOCK_SLACK_MS))?;
        Ok((first, end))
    }

    /// The records of the next events, and where to read on.
    fn page(&self, period: &Period<'_>, next_seq: i64) -> rusqlite::Result<(Vec<ConsentRecord>, i64)> {
        // One view of the file for the events and their deliveries.
        let conn = self.conn.unchecked_transaction()?;
        let sql =
            format!("SELECT {EVENT_COLUMNS} FROM events WHERE seq >= ?1 AND seq < ?2 ORDER BY seq LIMIT ?3");
        let mut events = conn.prepare_cached(&sql)?;
        let mut events = events.query(params![next_seq, period.end_seq, PAGE])?;
        let (mut records, mut read_to) = (Vec::new(), period.end_seq);
        let mut count = 0;
        while let Some(row) = events.next()? {
            let seq: i64 = row.get(0)?;
            count += 1;
            if count == PAGE {
                read_to = seq + 1;
            }
            if period.holds(row.get(1)?, row.get_ref(2)?.as_str()?) {
                of_deliveries(&conn, seq, of_event(row)?, &mut records)?;
            }
        }
        Ok((records, read_to))
    }
}

impl Period<'_> {
    fn holds(&self, received_ms: i64, site: &str) -> bool {
        self.from_ms <= received_ms
            && received_ms < self.to_ms
            && self.site.is_none_or(|wanted| wanted == site)
    }
}

fn of_deliveries(
    conn: &Connection,
    event_seq: i64,
    event: ConsentRecord,
    records: &mut Vec<ConsentRecord>,
) -> rusqlite::Result<()> {
    let sql = format!(
        "SELECT {DELIVERY_COLUMNS} FROM deliveries AS d JOIN lanes AS l ON l.id = d.lane
           LEFT JOIN attempts AS a ON a.seq = d.attempt
         WHERE d.event_seq = ?1 ORDER BY d.seq"
    );
    let before = records.len();
    let mut deliveries = conn.prepare_cached(&sql)?;
    let mut rows = deliveries.query([event_seq])?;
    while let Some(row) = rows.next()? {
        records.push(with_delivery(&event, row)?);
    }
    if records.len() == before {
        records.push(event);
    }
    Ok(())
}

/// The first position in the log from which on events came in at `at_ms` or later; one after the last when none did. No
/// index is kept by time: numbers ascend with it, so a few looks by number find the place.
pub(crate) fn first_since(conn: &Connection, at_ms: i64) -> rusqlite::Result<i64> {
    // Two questions: asked as one, the whole log would be read for the answer.
    let sql =
        "SELECT coalesce((SELECT min(seq) FROM events), 1), coalesce((SELECT max(seq) FROM events), 0) + 1";
    let (mut low, mut high): (i64, i64) = conn.query_row(sql, [], |r| Ok((r.get(0)?, r.get(1)?)))?;
    let mut look = conn.prepare_cached(
        "SELECT seq, received_ms FROM events WHERE seq >= ?1 AND seq < ?2 ORDER BY seq LIMIT 1",
    )?;
    while low < high {
        let middle = low + (high - low) / 2;
        let found: Option<(i64, i64)> =
            look.query_row([middle, high], |r| Ok((r.get(0)?, r.get(1)?))).optional()?;
        match found {
            Some((seq, received_ms)) if received_ms < at_ms => low = seq + 1,
            _ => high = middle,
        }
    }
    Ok(high)
}
