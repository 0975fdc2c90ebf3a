//! The log, searched: a page at a time, never further back than a page's moment allows.

use rusqlite::{Connection, ToSql, params_from_iter};

use super::reached;
use crate::embedded::first_since;
use crate::{Store, StoreError};

/// Events that one page looks at.
const LOOK_BACK: i64 = 20_000;

/// The same when every event's body has to be opened.
const LOOK_BACK_IN_BODIES: i64 = 8_000;

/// Which events are wanted; what is `None` does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// An event id, order id, visitor id, hash of an e-mail address or of an own id, or a number of the log.
    pub q: Option<String>,
    /// Site.
    pub site: Option<String>,
    /// Event name.
    pub name: Option<String>,
    /// Source.
    pub source: Option<String>,
    /// `browser`, `server` or `offline`.
    pub channel: Option<String>,
    /// Code of a finding.
    pub finding: Option<String>,
    /// With a delivery to this destination.
    pub destination: Option<String>,
    /// With a delivery in this state (of [`super::state_word`]).
    pub state: Option<String>,
    /// With a delivery of this code.
    pub code: Option<String>,
    /// Came in at or after this, Unix milliseconds.
    pub from_ms: Option<i64>,
    /// Came in before this, Unix milliseconds.
    pub to_ms: Option<i64>,
}

/// Where one delivery stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached {
    /// Destination.
    pub destination: String,
    /// `waiting`, `delivered`, `skipped`, `rejected` or `expired`.
    pub state: &'static str,
    /// Stable code, or nothing.
    pub code: String,
}

/// One event of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRow {
    /// Position in the log.
    pub seq: i64,
    /// When it came in, Unix milliseconds.
    pub received_ms: i64,
    /// When it happened, Unix seconds.
    pub event_time: i64,
    /// Site.
    pub site: String,
    /// Source.
    pub source: String,
    /// Channel.
    pub channel: String,
    /// Name.
    pub event_name: String,
    /// Shared id.
    pub event_id: String,
    /// Order.
    pub order_id: Option<String>,
    /// Decimal.
    pub value: Option<String>,
    /// Of the value.
    pub currency: Option<String>,
    /// What its visitor allowed: `granted`, `denied` or nothing.
    pub consent: Option<String>,
    /// Codes of its findings.
    pub findings: Vec<String>,
    /// The worst of their severities.
    pub severity: Option<&'static str>,
    /// Where its deliveries stand.
    pub reached: Vec<Reached>,
}

/// Some events, newest first.
#[derive(Debug, Clone, Default)]
pub struct EventPage {
    /// The events.
    pub rows: Vec<EventRow>,
    /// Where to go on; `None` when there is nothing before.
    pub next: Option<i64>,
    /// Set when the look back ended before the page was full: how far back it went, Unix milliseconds.
    pub looked_back_to_ms: Option<i64>,
}

impl Store {
    /// Events before a position (`None`: the newest), newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn events_page(
        &self,
        filter: &EventFilter,
        before: Option<i64>,
        limit: usize,
    ) -> Result<EventPage, StoreError> {
        self.read(|conn| page(conn, filter, before, limit))
    }
}

fn page(
    conn: &Connection,
    filter: &EventFilter,
    before: Option<i64>,
    limit: usize,
) -> rusqlite::Result<EventPage> {
    let end = "SELECT coalesce((SELECT max(seq) FROM events), 0) + 1";
    let mut high: i64 = conn.query_row(end, [], |r| r.get(0))?;
    if let Some(to_ms) = filter.to_ms {
        high = high.min(first_since(conn, to_ms)?);
    }
    high = high.min(before.unwrap_or(high));
    let start = "SELECT coalesce((SELECT min(seq) FROM events), 1)";
    let mut oldest: i64 = conn.query_row(start, [], |r| r.get(0))?;
    if let Some(from_ms) = filter.from_ms {
        oldest = oldest.max(first_since(conn, from_ms)?);
    }
    let wanted = Wanted::of(filter);
    let reach = if wanted.opens_bodies { LOOK_BACK_IN_BODIES } else { LOOK_BACK };
    let low = oldest.max(high.saturating_sub(reach));
    let mut rows = select(conn, &wanted, low, high, limit + 1)?;
    let is_full = rows.len() > limit;
    rows.truncate(limit);
    let next = match rows.last() {
        Some(last) if is_full => Some(last.seq),
        _ => (low > oldest).then_some(low),
    };
    let looked_back_to_ms = match next {
        Some(seq) if !is_full => Some(time_of(conn, seq)?),
        _ => None,
    };
    Ok(EventPage { rows, next, looked_back_to_ms })
}

fn time_of(conn: &Connection, seq: i64) -> rusqlite::Result<i64> {
    conn.prepare_cached(
        "SELECT coalesce((SELECT received_ms FROM events WHERE seq >= ?1 ORDER BY seq LIMIT 1), 0)",
    )?
    .query_row([seq], |r| r.get(0))
}

/// A filter as conditions of a query.
#[derive(Default)]
struct Wanted {
    sql: String,
    values: Vec<Box<dyn ToSql>>,
    opens_bodies: bool,
}

impl Wanted {
    fn of(filter: &EventFilter) -> Self {
        let mut wanted = Self::default();
        for (column, value) in [
            ("e.site = ?", &filter.site),
            ("e.event_name = ?", &filter.name),
            ("e.source = ?", &filter.source),
        ] {
            wanted.and(column, value.as_ref());
        }
        if let Some(q) = &filter.q {
            wanted.search(q);
        }
        wanted.in_body("json_extract(e.body, '$.channel') = ?", filter.channel.as_ref());
        let finding = "EXISTS (SELECT 1 FROM json_each(e.body, '$.findings') AS f
              WHERE json_extract(f.value, '$.code') = ?)";
        wanted.in_body(finding, filter.finding.as_ref());
        wanted.deliveries(filter);
        wanted
    }

    fn and(&mut self, condition: &str, value: Option<&String>) {
        if let Some(value) = value {
            self.sql.push_str(" AND ");
            self.sql.push_str(condition);
            self.values.push(Box::new(value.clone()));
        }
    }

    fn in_body(&mut self, condition: &str, value: Option<&String>) {
        self.opens_bodies |= value.is_some();
        self.and(condition, value);
    }

    fn search(&mut self, q: &str) {
        // An id is long enough not to stand in a body by chance; the body is looked through as it lies there.
        self.opens_bodies = true;
        self.sql.push_str(" AND (e.event_id = ? OR e.order_id = ? OR e.seq = ?");
        let plain = q.strip_prefix('#').unwrap_or(q);
        self.values.push(Box::new(q.to_owned()));
        self.values.push(Box::new(plain.to_owned()));
        self.values.push(Box::new(plain.parse::<i64>().unwrap_or(-1)));
        if q.len() >= 8 {
            self.sql.push_str(" OR instr(e.body, ?) > 0");
            self.values.push(Box::new(format!("\"{q}\"")));
        }
        self.sql.push(')');
    }

    fn deliveries(&mut self, filter: &EventFilter) {
        let state = filter.state.as_deref().map(|word| (0..5).find(|n| super::state_word(*n) == word));
        if filter.destination.is_none() && state.is_none() && filter.code.is_none() {
            return;
        }
        self.opens_bodies = true;
        self.sql.push_str(
            " AND EXISTS (SELECT 1 FROM deliveries AS d JOIN lanes AS l ON l.id = d.lane WHERE d.event_seq = e.seq",
        );
        self.and("l.destination = ?", filter.destination.as_ref());
        if let Some(state) = state {
            self.sql.push_str(" AND d.state = ?");
            self.values.push(Box::new(state.unwrap_or(-1)));
        }
        self.and("d.code = ?", filter.code.as_ref());
        self.sql.push(')');
    }
}

fn select(
    conn: &Connection,
    wanted: &Wanted,
    low: i64,
    high: i64,
    limit: usize,
) -> rusqlite::Result<Vec<EventRow>> {
    let sql = format!(
        "SELECT e.seq, e.received_ms, e.event_time, e.site, e.source, e.event_name, e.event_id, e.order_id,
           coalesce(json_extract(e.body, '$.channel'), ''), CAST(json_extract(e.body, '$.value') AS TEXT),
           json_extract(e.body, '$.currency'), json_extract(e.body, '$.consent.advertising'),
           (SELECT group_concat(json_extract(f.value, '$.severity') || ' ' || json_extract(f.value, '$.code'), ',')
            FROM json_each(e.body, '$.findings') AS f)
         FROM events AS e WHERE e.seq >= ? AND e.seq < ?{} ORDER BY e.seq DESC LIMIT {limit}",
        wanted.sql
    );
    let ends: [&dyn ToSql; 2] = [&low, &high];
    let values = ends.into_iter().chain(wanted.values.iter().map(|value| &**value as &dyn ToSql));
    let mut select = conn.prepare_cached(&sql)?;
    let mut rows: Vec<EventRow> = select
        .query_map(params_from_iter(values), |r| {
            let findings: Option<String> = r.get(12)?;
            let findings = findings.unwrap_or_default();
            Ok(EventRow {
                seq: r.get(0)?,
                received_ms: r.get(1)?,
                event_time: r.get(2)?,
                site: r.get(3)?,
                source: r.get(4)?,
                event_name: r.get(5)?,
                event_id: r.get(6)?,
                order_id: r.get(7)?,
                channel: r.get(8)?,
                value: r.get(9)?,
                currency: r.get(10)?,
                consent: r.get(11)?,
                severity: worst(&findings),
                findings: codes(&findings),
                reached: Vec::new(),
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    for row in &mut rows {
        row.reached = reached(conn, row.seq)?;
    }
    Ok(rows)
}

/// Of `warning value_missing,info custom_event`.
fn worst(findings: &str) -> Option<&'static str> {
    let is_there = |severity: &str| {
        findings.split(',').any(|one| one.split(' ').next().is_some_and(|word| word == severity))
    };
    ["error", "warning", "info"].into_iter().find(|severity| is_there(severity))
}

fn codes(findings: &str) -> Vec<String> {
    findings.split(',').filter_map(|one| Some(one.split_once(' ')?.1.to_owned())).collect()
}
