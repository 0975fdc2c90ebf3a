//! What one pass adds up, and writing it: one statement a group, however many events are in it.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use rusqlite::types::{ToSqlOutput, Value};
use rusqlite::{Connection, OptionalExtension, ToSql, params_from_iter};
use tandem_core::Amount;

/// One column of a group.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Cell {
    Int(i64),
    Text(Rc<str>),
    Fixed(&'static str),
}

/// A text that stands in the program.
pub(super) fn text(text: &'static str) -> Cell {
    Cell::Fixed(text)
}

impl ToSql for Cell {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match self {
            Self::Int(n) => n.to_sql(),
            Self::Text(text) => text.as_ref().to_sql(),
            Self::Fixed(text) => text.to_sql(),
        }
    }
}

/// Everything of a pass.
#[derive(Debug, Default)]
pub(super) struct Tally {
    names: HashSet<Rc<str>>,
    pub(super) arrivals: Counts<5>,
    pub(super) coverage: Counts<7>,
    pub(super) consent: Counts<5>,
    pub(super) findings: Counts<6>,
    pub(super) pairs: Counts<4>,
    pub(super) notices: Counts<5>,
    pub(super) revenue: Sums,
}

impl Tally {
    /// The same few names come again and again.
    pub(super) fn text(&mut self, text: &str) -> Cell {
        if let Some(known) = self.names.get(text) {
            return Cell::Text(known.clone());
        }
        let new: Rc<str> = text.into();
        self.names.insert(new.clone());
        Cell::Text(new)
    }

    pub(super) fn write(&self, conn: &Connection) -> rusqlite::Result<()> {
        self.arrivals.write(conn, "arrivals", ["hour", "site", "event_name", "source", "channel"], EVENTS)?;
        let columns = ["day", "site", "event_name", "channel", "source", "device", "keys"];
        self.coverage.write(conn, "coverage", columns, EVENTS)?;
        self.consent.write(conn, "consent", ["day", "site", "law", "advertising", "signal"], EVENTS)?;
        let columns = ["day", "site", "code", "severity", "event_name", "source"];
        self.findings.write(conn, "findings", columns, ("events", true))?;
        self.pairs.write(conn, "pairs", ["day", "site", "event_name", "halves"], EVENTS)?;
        let columns = ["day", "site", "source", "kind", "code"];
        self.notices.write(conn, "notices_by_day", columns, ("notices", true))?;
        self.revenue.write(conn)
    }
}

/// Column of the count, and whether `last_seq` is beside it.
type Counted = (&'static str, bool);

const EVENTS: Counted = ("events", false);

#[derive(Debug, Default, Clone, Copy)]
struct Count {
    n: i64,
    last_seq: i64,
    /// Something was taken away: the group may be empty now.
    shrank: bool,
}

/// Counts by groups of `N` columns.
#[derive(Debug)]
pub(super) struct Counts<const N: usize>(HashMap<[Cell; N], Count>);

impl<const N: usize> Default for Counts<N> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<const N: usize> Counts<N> {
    pub(super) fn add(&mut self, group: [Cell; N], by: i64) {
        self.add_at(group, by, 0);
    }

    /// The same where the newest row of a group is told.
    pub(super) fn add_at(&mut self, group: [Cell; N], by: i64, seq: i64) {
        let count = self.0.entry(group).or_default();
        count.n += by;
        count.shrank |= by < 0;
        if by > 0 {
            count.last_seq = count.last_seq.max(seq);
        }
    }

    fn write(
        &self,
        conn: &Connection,
        table: &str,
        columns: [&str; N],
        (counted, has_last): Counted,
    ) -> rusqlite::Result<()> {
        let names = columns.join(", ");
        let marks = vec!["?"; N].join(", ");
        let (last, last_mark, newer) = match has_last {
            true => (", last_seq", ", ?", ", last_seq = max(last_seq, excluded.last_seq)"),
            false => ("", "", ""),
        };
        let mut add = conn.prepare_cached(&format!(
            "INSERT INTO {table} ({names}, {counted}{last}) VALUES ({marks}, ?{last_mark})
             ON CONFLICT ({names}) DO UPDATE SET {counted} = {counted} + excluded.{counted}{newer}"
        ))?;
        let is_group = columns.map(|c| format!("{c} = ?")).join(" AND ");
        let mut clear =
            conn.prepare_cached(&format!("DELETE FROM {table} WHERE {is_group} AND {counted} <= 0"))?;
        for (group, count) in self.0.iter().filter(|(_, count)| count.n != 0) {
            let (n, last) = (Cell::Int(count.n), Cell::Int(count.last_seq));
            add.execute(params_from_iter(group.iter().chain([&n]).chain(has_last.then_some(&last))))?;
            if count.shrank {
                clear.execute(params_from_iter(group))?;
            }
        }
        Ok(())
    }
}

/// Money by day, site, event name and currency.
#[derive(Debug, Default)]
pub(super) struct Sums(HashMap<[Cell; 4], Sum>);

#[derive(Debug, Default, Clone, Copy)]
struct Sum {
    events: i64,
    value: Amount,
}

/// The sum, or the first when it is too large to be told.
pub(super) fn plus(a: Amount, b: Amount) -> Amount {
    a.decimal().checked_add(b.decimal()).map_or(a, Amount::new)
}

/// The amount, or what takes it away.
pub(super) fn signed(value: Amount, by: i64) -> Amount {
    if by < 0 { Amount::new(-value.decimal()) } else { value }
}

impl Sums {
    pub(super) fn add(&mut self, group: [Cell; 4], by: i64, value: Option<Amount>) {
        let sum = self.0.entry(group).or_default();
        sum.events += by;
        sum.value = plus(sum.value, signed(value.unwrap_or_default(), by));
    }

    fn write(&self, conn: &Connection) -> rusqlite::Result<()> {
        let group_is = "day = ? AND site = ? AND event_name = ? AND currency = ?";
        let mut select =
            conn.prepare_cached(&format!("SELECT events, value FROM revenue WHERE {group_is}"))?;
        let mut set = conn.prepare_cached(
            "INSERT OR REPLACE INTO revenue (day, site, event_name, currency, events, value) VALUES (?, ?, ?, ?, ?, ?)",
        )?;
        let mut clear = conn.prepare_cached(&format!("DELETE FROM revenue WHERE {group_is}"))?;
        for (group, sum) in &self.0 {
            let known: Option<(i64, String)> =
                select.query_row(params_from_iter(group), |r| Ok((r.get(0)?, r.get(1)?))).optional()?;
            let (events, value) = known.unwrap_or_default();
            let events = events + sum.events;
            let value = plus(value.parse().unwrap_or_default(), sum.value);
            if events <= 0 {
                clear.execute(params_from_iter(group))?;
                continue;
            }
            let counted = [Value::from(events), Value::from(value.to_string())];
            let group = group.iter().map(|c| c as &dyn ToSql);
            set.execute(params_from_iter(group.chain(counted.iter().map(|v| v as &dyn ToSql))))?;
        }
        Ok(())
    }
}
