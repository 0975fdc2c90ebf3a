//! What an event and those before it show together: whether it is the same once more, which halves there were, and what
//! the core observes of them.

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use rusqlite::{Connection, OptionalExtension, params};
use tandem_core::codes::SERVER_HALF_REPORTS;
use tandem_core::quality::relate::{self, Known, Link, Observation};
use tandem_core::quality::{Halves, halves};
use tandem_core::{Channel, Severity};

use super::event::{self, Logged, day_of, severity_text};
use super::lookup::{self, Fresh, Kind};
use super::tally::{Cell, Tally, text};
use crate::embedded::{CLOCK_SLACK_MS, first_since};

const DAY_MS: i64 = 86_400_000;
const HOUR_MS: i64 = 3_600_000;

/// The same event under the same id comes again within this time, or it counts as another.
const REPEATS_WITHIN_MS: i64 = 28 * DAY_MS;

/// Reports of one id that are looked at.
const MANY: usize = 16;

/// Events that one event is compared with at most, however much it shares with how many.
const COMPARED: usize = 80;

impl Logged {
    /// Whether it is the page's word on a sale that the shop's server reports.
    pub(super) fn completes(&self, conn: &Connection) -> rusqlite::Result<bool> {
        let Some(body) = self.body.as_ref().filter(|b| b.channel == Channel::Browser && !self.is_view())
        else {
            return Ok(false);
        };
        if body.completes {
            return Ok(true);
        }
        // Events of earlier versions say it only so.
        let sql = "SELECT 1 FROM deliveries WHERE event_seq = ?1 AND code = ?2";
        conn.prepare_cached(sql)?.exists(params![self.seq, SERVER_HALF_REPORTS])
    }

    fn halves(&self, completes: bool) -> Option<Halves> {
        self.body.as_ref().map(|body| halves(body, completes))
    }

    /// Counts the halves of an event that stands alone.
    pub(super) fn count_halves(&self, tally: &mut Tally) {
        if let Some(halves) = self.halves(false) {
            self.add_halves(tally, halves, 1);
        }
    }

    fn add_halves(&self, tally: &mut Tally, halves: Halves, by: i64) {
        let (site, name) = (tally.text(&self.site), tally.text(&self.event_name));
        tally.pairs.add([Cell::Int(day_of(self.received_ms)), site, name, text(halves.word())], by);
    }

    fn is_same(&self, other: &Self) -> bool {
        self.site == other.site && self.event_name == other.event_name && self.event_id == other.event_id
    }
}

/// An event of the log, and whether it completes another.
type Read = Rc<(Logged, bool)>;

/// The events before, as far as they are asked for, kept for as long as a pass.
pub(super) struct Earlier<'c> {
    conn: &'c Connection,
    /// The last event that an earlier pass counted.
    counted_to: i64,
    read: HashMap<i64, Option<Read>>,
    /// Bodies that were counted and are replaced since; taken out when the new ones are counted.
    as_counted: HashMap<i64, &'c Logged>,
    /// First event of an hour that was asked for.
    since: HashMap<i64, i64>,
}

impl<'c> Earlier<'c> {
    pub(super) fn new(conn: &'c Connection, counted_to: i64, revised: &'c [(Logged, Logged)]) -> Self {
        let as_counted = revised.iter().map(|(then, _)| (then.seq, then)).collect();
        Self { conn, counted_to, read: HashMap::new(), as_counted, since: HashMap::new() }
    }

    fn event(&mut self, seq: i64) -> rusqlite::Result<Option<Read>> {
        if let Some(known) = self.read.get(&seq) {
            return Ok(known.clone());
        }
        let sql = format!("SELECT {} FROM log.events AS e WHERE e.seq = ?1", event::COLUMNS);
        let event = self.conn.prepare_cached(&sql)?.query_row([seq], Logged::read).optional()?;
        let read = match event {
            Some(event) => {
                let completes = event.completes(self.conn)?;
                Some(Rc::new((event, completes)))
            }
            None => None,
        };
        self.read.insert(seq, read.clone());
        Ok(read)
    }

    /// The first number that came in at this time or later, or somewhat before.
    fn since(&mut self, at_ms: i64) -> rusqlite::Result<i64> {
        let hour = (at_ms - CLOCK_SLACK_MS).div_euclid(HOUR_MS);
        if let Some(known) = self.since.get(&hour) {
            return Ok(*known);
        }
        let first = first_since(self.conn, hour * HOUR_MS)?;
        self.since.insert(hour, first);
        Ok(first)
    }

    /// Other events of the same site and name under the same id, oldest first, of those before `end`.
    fn same(&mut self, event: &Logged, end: i64) -> rusqlite::Result<Vec<Read>> {
        let since = self.since(event.received_ms - REPEATS_WITHIN_MS)?;
        let mut same = Vec::new();
        for seq in lookup::seqs(self.conn, Kind::Act, &event.event_id, (end, since), MANY)? {
            let Some(other) = self.event(seq)?.filter(|_| seq != event.seq) else { continue };
            let apart_ms = (other.0.received_ms - event.received_ms).abs();
            if apart_ms <= REPEATS_WITHIN_MS && other.0.is_same(event) {
                same.push(other);
            }
        }
        same.reverse();
        Ok(same)
    }

    /// Whether it is no sale of its own: an earlier event is the same sale (two ways in, under one id), or it is only the
    /// page's word on one that the server reports, with the page's idea of what it cost.
    pub(super) fn repeats(&mut self, event: &Logged, completes: bool) -> rusqlite::Result<bool> {
        if !event.is_sale() {
            return Ok(false);
        }
        Ok(completes || self.same(event, event.seq)?.iter().any(|other| !other.1))
    }

    /// What all of these tell of their halves, as it was counted.
    fn together(&self, same: &[Read]) -> Option<Halves> {
        let halves = same.iter().filter_map(|read| {
            let (event, completes) = read.as_ref();
            self.as_counted.get(&event.seq).copied().unwrap_or(event).halves(*completes)
        });
        halves.reduce(Halves::and)
    }

    /// Counts the halves of a new event together with those of the same id, on the day of the first.
    pub(super) fn count_halves(
        &mut self,
        tally: &mut Tally,
        event: &Logged,
        completes: bool,
    ) -> rusqlite::Result<()> {
        let Some(own) = event.halves(completes) else { return Ok(()) };
        let same = self.same(event, event.seq)?;
        match (same.first(), self.together(&same)) {
            // Who gives many events one id makes no pairs.
            _ if same.len() + 1 >= MANY => {}
            (Some(first), Some(known)) => {
                first.0.add_halves(tally, known, -1);
                first.0.add_halves(tally, known.and(own), 1);
            }
            _ => event.add_halves(tally, own, 1),
        }
        Ok(())
    }

    /// The same of an event that was counted with another body.
    pub(super) fn count_revised_halves(
        &mut self,
        tally: &mut Tally,
        then: &Logged,
        now: &Logged,
        completes: bool,
    ) -> rusqlite::Result<()> {
        self.as_counted.remove(&now.seq);
        let (Some(before), Some(after)) = (then.halves(completes), now.halves(completes)) else {
            return Ok(());
        };
        if before == after {
            return Ok(());
        }
        let same = if now.is_view() { Vec::new() } else { self.same(now, self.counted_to + 1)? };
        if same.len() + 1 >= MANY {
            return Ok(());
        }
        let first = same.first().map_or(now, |first| if first.0.seq < now.seq { &first.0 } else { now });
        let (before, after) = match self.together(&same) {
            Some(others) => (others.and(before), others.and(after)),
            None => (before, after),
        };
        first.add_halves(tally, before, -1);
        first.add_halves(tally, after, 1);
        Ok(())
    }

    /// Earlier events that have something in common with it.
    fn related(&mut self, event: &Logged) -> rusqlite::Result<Vec<Read>> {
        let Some(body) = &event.body else { return Ok(Vec::new()) };
        let mut seqs = BTreeSet::new();
        for lookup in relate::lookups(body) {
            // Of what is compared, ids are found in fewer steps so.
            let kind = if lookup.link == Link::Id { Kind::Act } else { lookup.link.into() };
            let since = self.since(event.received_ms - lookup.within_ms)?;
            seqs.extend(lookup::seqs(self.conn, kind, &lookup.text, (event.seq, since), lookup.most)?);
        }
        let newest = seqs.into_iter().rev().take(COMPARED);
        let read = newest.map(|seq| self.event(seq)).collect::<rusqlite::Result<Vec<_>>>()?;
        Ok(read.into_iter().flatten().collect())
    }
}

fn known(event: &Logged, completes: bool) -> Option<Known<'_>> {
    let Logged { seq, received_ms, body, .. } = event;
    Some(Known { seq: *seq, received_ms: *received_ms, event: body.as_deref()?, completes })
}

/// What a pass observed.
#[derive(Default)]
pub(super) struct Related {
    observed: Vec<(Noted, Observation)>,
}

/// Of the event that something is observed of.
struct Noted {
    at_ms: i64,
    site: String,
    event_name: String,
    order_id: Option<String>,
}

impl Related {
    /// Compares an event with those before it.
    pub(super) fn observe(
        &mut self,
        tally: &mut Tally,
        event: &Logged,
        completes: bool,
        earlier: &mut Earlier<'_>,
    ) -> rusqlite::Result<()> {
        let related = earlier.related(event)?;
        let Some(new) = known(event, completes).filter(|_| !related.is_empty()) else { return Ok(()) };
        let old: Vec<Known<'_>> = related.iter().filter_map(|read| known(&read.0, read.1)).collect();
        let observed = relate::relate(&new, &old);
        let codes: BTreeSet<_> = observed.iter().map(|o| (o.code, severity_text(o.severity))).collect();
        codes.into_iter().for_each(|(code, severity)| event.count_finding(tally, code, severity, 1));
        self.observed.extend(observed.into_iter().map(|observation| {
            let (site, event_name) = (event.site.clone(), event.event_name.clone());
            let order_id = event.order_id.clone();
            (Noted { at_ms: event.received_ms, site, event_name, order_id }, observation)
        }));
        Ok(())
    }

    /// Takes back what was observed of an event that is completed since.
    pub(super) fn void(&self, conn: &Connection, tally: &mut Tally, event: &Logged) -> rusqlite::Result<()> {
        let mut select =
            conn.prepare_cached("SELECT DISTINCT code, severity FROM observations WHERE event_seq = ?1")?;
        let mut rows = select.query([event.seq])?;
        while let Some(row) = rows.next()? {
            let severity: String = row.get(1)?;
            let severity = [Severity::Info, Severity::Warning, Severity::Error]
                .into_iter()
                .map(severity_text)
                .find(|text| *text == severity);
            event.count_finding(tally, row.get_ref(0)?.as_str()?, severity.unwrap_or_default(), -1);
        }
        conn.prepare_cached("DELETE FROM observations WHERE event_seq = ?1")?.execute([event.seq])?;
        Ok(())
    }

    pub(super) fn write(self, conn: &Connection) -> rusqlite::Result<()> {
        let mut insert = conn.prepare_cached(
            "INSERT INTO observations (at_ms, site, code, severity, event_seq, other_seq, event_name, order_id, field,
               message, value, currency) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )?;
        let mut fresh = Fresh::default();
        for (noted, o) in &self.observed {
            fresh.note(Kind::Finding, o.code, o.event_seq);
            insert.execute(params![
                noted.at_ms,
                noted.site,
                o.code,
                severity_text(o.severity),
                o.event_seq,
                o.other_seq,
                noted.event_name,
                noted.order_id,
                o.field,
                o.message,
                o.value.map(|v| v.to_string()),
                o.currency.map(|c| c.to_string())
            ])?;
        }
        fresh.write(conn)
    }
}

impl Logged {
    fn count_finding(&self, tally: &mut Tally, code: &str, severity: &'static str, by: i64) {
        let (site, source) = (tally.text(&self.site), tally.text(&self.source));
        let (code, name) = (tally.text(code), tally.text(&self.event_name));
        let day = Cell::Int(day_of(self.received_ms));
        tally.findings.add_at([day, site, code, text(severity), name, source], by, self.seq);
    }
}
