//! Finding events: by what they name, by what became of them, and else by walking back from the newest.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension, Row, params};
use tandem_core::Event;
use tandem_core::identity::{IdHashes, Raw, RawIdentity, hash_identity};

use super::event::is_view;
use super::found::{Found, FoundDelivery, FoundEvent, STATES, Search, deliveries, findings, read};
use super::lookup::{self, Kind};
use crate::StoreError;
use crate::embedded::{CLOCK_SLACK_MS, Store, first_since, numbers};

/// Events that one search looks at when nothing leads to those that fit.
const LOOKED_AT: i64 = 50_000;

/// Of these at a time.
const STRIDE: i64 = 2_000;

/// Found by an index at a time.
const BATCH: usize = 256;

/// Events that fit the index, looked at more closely.
const CHECKED: usize = 5_000;

/// Newest events that are walked through because the index does not have them yet.
const TAIL: i64 = 10_000;

impl Store {
    /// Searches the log. Bounded, however large it is: what was not looked at is said in [`Found`].
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn search(&self, search: &Search) -> Result<Found, StoreError> {
        self.read(|conn| {
            // One view of both files.
            let conn = conn.unchecked_transaction()?;
            run(&conn, search)
        })
    }
}

/// What a text may be.
struct Wanted<'a> {
    text: &'a str,
    /// Orders that have it as their number.
    orders: Vec<String>,
    emails: Vec<String>,
    external: Vec<String>,
}

impl<'a> Wanted<'a> {
    fn of(conn: &Connection, text: &'a str, site: Option<&str>) -> rusqlite::Result<Self> {
        let sites = site.map_or_else(|| lookup::all_sites(conn), |site| Ok(vec![site.to_owned()]))?;
        let orders = numbers::orders_of(conn, &sites, text)?.into_iter().map(|(_, order)| order).collect();
        let is_hash = text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
        let hash = is_hash.then(|| text.to_ascii_lowercase());
        let mut emails: Vec<String> = hash.iter().cloned().collect();
        if text.contains('@') {
            let raw = RawIdentity { email: vec![Raw::new(text)], ..RawIdentity::default() };
            emails.extend(hash_identity(raw).0.emails().map(str::to_owned));
        }
        let external = hash.into_iter().chain([IdHashes::of(text).sha256]).collect();
        Ok(Self { text, orders, emails, external })
    }

    fn keys(&self) -> Vec<(Kind, String)> {
        let own = [Kind::Id, Kind::Order, Kind::Visitor].map(|kind| (kind, self.text.to_owned()));
        let emails = self.emails.iter().map(|hash| (Kind::Email, hash.clone()));
        let external = self.external.iter().map(|hash| (Kind::External, hash.clone()));
        let orders = self.orders.iter().map(|order| (Kind::Order, order.clone()));
        own.into_iter().chain(emails).chain(external).chain(orders).collect()
    }

    fn fits(&self, event: &FoundEvent, body: Option<&Event>) -> bool {
        event.event_id == self.text
            || event.order_id.as_ref().is_some_and(|id| id == self.text || self.orders.contains(id))
            || body.is_some_and(|body| {
                body.session_id.as_deref() == Some(self.text)
                    || body.user.emails().any(|hash| self.emails.iter().any(|e| e == hash))
                    || body.user.external_ids().any(|id| self.external.iter().any(|e| e == id))
            })
    }
}

/// What leads to events that may fit.
enum Way {
    /// Nothing: they are walked through.
    Walk,
    Lookup(Vec<(Kind, String)>),
    /// Deliveries by state, lane and code.
    Problems(Vec<(i64, i64, String)>),
    /// Deliveries that wait, by lane.
    Waiting(Vec<i64>),
}

struct Query<'a> {
    search: &'a Search,
    wanted: Option<Wanted<'a>>,
    /// Lanes of the site and destination that were asked for.
    lanes: Vec<i64>,
    asks_for_delivery: bool,
}

fn run(conn: &Connection, search: &Search) -> rusqlite::Result<Found> {
    let (first, end) = bounds(conn, search)?;
    let text = search.text.as_deref().map(str::trim).filter(|t| !t.is_empty());
    let query = Query {
        search,
        wanted: text.map(|text| Wanted::of(conn, text, search.site.as_deref())).transpose()?,
        lanes: lanes(conn, search)?,
        asks_for_delivery: search.destination.is_some() || search.state.is_some() || search.code.is_some(),
    };
    let way = query.way(conn)?;
    let indexed_to: i64 = conn
        .query_row("SELECT value FROM insight.meta WHERE key = 'events'", [], |r| r.get(0))
        .optional()?
        .unwrap_or_default();
    let limit = if search.limit == 0 { 50 } else { search.limit };
    let mut found = Found::default();
    let mut budget = (LOOKED_AT, CHECKED);
    let mut before = end;
    // What no lookup has yet.
    if matches!(way, Way::Lookup(_)) && end > indexed_to + 1 {
        let from = first.max(indexed_to + 1).max(end - TAIL);
        found.not_indexed = from - first.max(indexed_to + 1);
        before = query.gather(conn, &Way::Walk, (from, end), limit, &mut budget, &mut found.events)?;
        if before == from {
            before = from - found.not_indexed;
        }
    }
    if found.events.len() < limit {
        before = query.gather(conn, &way, (first, before), limit, &mut budget, &mut found.events)?;
    }
    found.complete = before <= first && found.not_indexed == 0;
    found.next = (before > first).then_some(before);
    found.looked_back_to_ms = conn
        .prepare_cached("SELECT received_ms FROM events WHERE seq >= ?1 ORDER BY seq LIMIT 1")?
        .query_row([before], |r| r.get(0))
        .optional()?;
    Ok(found)
}

/// The first event that may fit, and the one to stop before.
fn bounds(conn: &Connection, search: &Search) -> rusqlite::Result<(i64, i64)> {
    // Two questions: asked as one, the whole log would be read for the answer.
    let sql =
        "SELECT coalesce((SELECT min(seq) FROM events), 1), coalesce((SELECT max(seq) FROM events), 0) + 1";
    let (mut first, mut end): (i64, i64) = conn.query_row(sql, [], |r| Ok((r.get(0)?, r.get(1)?)))?;
    if let Some(from_ms) = search.from_ms {
        first = first.max(first_since(conn, from_ms.saturating_sub(CLOCK_SLACK_MS))?);
    }
    if let Some(to_ms) = search.to_ms {
        end = end.min(first_since(conn, to_ms.saturating_add(CLOCK_SLACK_MS))?);
    }
    end = end.min(search.before.unwrap_or(i64::MAX));
    Ok((first, end.max(first)))
}

fn lanes(conn: &Connection, search: &Search) -> rusqlite::Result<Vec<i64>> {
    conn.prepare_cached(
        "SELECT id FROM lanes WHERE (?1 IS NULL OR site = ?1) AND (?2 IS NULL OR destination = ?2) ORDER BY id",
    )?
    .query_map(params![search.site, search.destination], |r| r.get(0))?
    .collect()
}

impl Query<'_> {
    /// The way with the fewest events on it, by rule of thumb.
    fn way(&self, conn: &Connection) -> rusqlite::Result<Way> {
        if let Some(wanted) = &self.wanted {
            return Ok(Way::Lookup(wanted.keys()));
        }
        let state = self.search.state.as_deref().and_then(|text| STATES.iter().position(|s| *s == text));
        match state {
            Some(0) => return Ok(Way::Waiting(self.lanes.clone())),
            Some(state @ 2..) => return self.problems(conn, &[i64::try_from(state).unwrap_or_default()]),
            // What was delivered with a remark stands in no index.
            None if self
                .search
                .code
                .as_deref()
                .is_some_and(|code| !matches!(code, "platform_warning" | "retry")) =>
            {
                return self.problems(conn, &[2, 3, 4]);
            }
            _ => {}
        }
        if let Some(code) = &self.search.finding {
            return Ok(Way::Lookup(vec![(Kind::Finding, code.clone())]));
        }
        Ok(match &self.search.event_name {
            Some(name) if !is_view(name) => Way::Lookup(vec![(Kind::Name, name.clone())]),
            _ => Way::Walk,
        })
    }

    /// Every code there is of these states in the lanes, or the one that was asked for.
    fn problems(&self, conn: &Connection, states: &[i64]) -> rusqlite::Result<Way> {
        let mut next = conn.prepare_cached(
            "SELECT min(code) FROM deliveries WHERE state = ?1 AND state >= 2 AND lane = ?2 AND code > ?3",
        )?;
        let mut problems = Vec::new();
        for state in states {
            for lane in &self.lanes {
                if let Some(code) = &self.search.code {
                    problems.push((*state, *lane, code.clone()));
                    continue;
                }
                let mut code = String::new();
                while let Some(found) =
                    next.query_row(params![state, lane, code], |r| r.get::<_, Option<String>>(0))?
                {
                    problems.push((*state, *lane, found.clone()));
                    code = found;
                }
            }
        }
        Ok(Way::Problems(problems))
    }

    /// Gathers what fits from `first` on and before `end`, newest first; where it stopped.
    fn gather(
        &self,
        conn: &Connection,
        way: &Way,
        (first, end): (i64, i64),
        limit: usize,
        (walk, check): &mut (i64, usize),
        events: &mut Vec<FoundEvent>,
    ) -> rusqlite::Result<i64> {
        let mut before = end;
        while before > first && *walk > 0 && *check > 0 {
            let (seqs, down_to) = self.candidates(conn, way, first, before)?;
            if matches!(way, Way::Walk) {
                *walk -= before - down_to;
            }
            for seq in seqs {
                if events.len() >= limit || *check == 0 {
                    return Ok(seq + 1);
                }
                *check -= 1;
                events.extend(self.fitting(conn, seq)?);
            }
            before = down_to;
            if events.len() >= limit {
                break;
            }
        }
        Ok(before)
    }

    /// The next events that may fit, newest first, and down to where that are all.
    fn candidates(
        &self,
        conn: &Connection,
        way: &Way,
        first: i64,
        before: i64,
    ) -> rusqlite::Result<(Seqs, i64)> {
        let mut all = BTreeSet::new();
        let mut down_to = first;
        let mut add = |seqs: Vec<i64>| {
            if seqs.len() >= BATCH {
                down_to = down_to.max(seqs.last().copied().unwrap_or(first));
            }
            all.extend(seqs);
        };
        match way {
            Way::Walk => {
                let from = first.max(before - STRIDE);
                return Ok((self.walk(conn, from, before)?, from));
            }
            Way::Lookup(keys) => {
                for (kind, text) in keys {
                    add(lookup::seqs(conn, *kind, text, (before, first), BATCH)?);
                }
            }
            Way::Problems(problems) => {
                let delivery = first_delivery(conn, before)?;
                let mut select = conn.prepare_cached(
                    "SELECT event_seq FROM deliveries WHERE state = ?1 AND state >= 2 AND lane = ?2 AND code = ?3
                       AND seq < ?4 AND replay = 0 ORDER BY seq DESC LIMIT ?5",
                )?;
                for (state, lane, code) in problems {
                    let rows = select.query_map(params![state, lane, code, delivery, BATCH], |r| r.get(0))?;
                    add(rows.collect::<rusqlite::Result<_>>()?);
                }
            }
            Way::Waiting(lanes) => {
                let mut select = conn.prepare_cached(
                    "SELECT event_seq FROM (SELECT event_seq FROM deliveries WHERE lane = ?1 AND state = 0 LIMIT ?3)
                     WHERE event_seq < ?2 ORDER BY event_seq DESC LIMIT ?4",
                )?;
                for lane in lanes {
                    let rows = select.query_map(params![lane, before, LOOKED_AT, BATCH], |r| r.get(0))?;
                    add(rows.collect::<rusqlite::Result<_>>()?);
                }
            }
        }
        Ok((all.range(down_to..before).rev().copied().collect(), down_to))
    }

    /// Events of a stretch whose columns fit.
    fn walk(&self, conn: &Connection, from: i64, before: i64) -> rusqlite::Result<Vec<i64>> {
        let Search { site, event_name, source, channel, .. } = self.search;
        // It stands third in a body, which is so read to no further than here.
        let channel = channel.as_ref().map(|channel| format!("\"channel\":\"{channel}\""));
        conn.prepare_cached(
            "SELECT seq FROM events WHERE seq >= ?1 AND seq < ?2 AND (?3 IS NULL OR site = ?3)
               AND (?4 IS NULL OR event_name = ?4) AND (?5 IS NULL OR source = ?5)
               AND (?6 IS NULL OR instr(substr(body, 1, 300), ?6)) ORDER BY seq DESC",
        )?
        .query_map(params![from, before, site, event_name, source, channel], |r| r.get(0))?
        .collect()
    }

    /// The event, if everything fits. What costs least is looked at first.
    fn fitting(&self, conn: &Connection, seq: i64) -> rusqlite::Result<Option<FoundEvent>> {
        let is = |wanted: &Option<String>, have: &str| wanted.as_deref().is_none_or(|w| w == have);
        let Search { channel, finding, destination, state, code, .. } = self.search;
        let delivery_fits = |d: &FoundDelivery| {
            is(destination, &d.destination)
                && is(state, d.state)
                && is(code, d.code.as_deref().unwrap_or_default())
        };
        let deliveries = deliveries(conn, seq)?;
        if self.asks_for_delivery && !deliveries.iter().any(delivery_fits) {
            return Ok(None);
        }
        let sql = "SELECT seq, received_ms, event_time, site, source, event_name, event_id, order_id, body
                   FROM events WHERE seq = ?1";
        let read = |row: &Row<'_>| if self.columns_fit(row)? { read(row).map(Some) } else { Ok(None) };
        let found = conn.prepare_cached(sql)?.query_row([seq], read).optional()?;
        let Some((mut event, body)) = found.flatten() else { return Ok(None) };
        let wanted = self.wanted.as_ref().is_none_or(|wanted| wanted.fits(&event, body.as_ref()));
        if !wanted || !is(channel, event.channel) {
            return Ok(None);
        }
        event.findings = findings(conn, seq, body.as_ref())?;
        event.deliveries = deliveries;
        let fits = finding.as_ref().is_none_or(|code| event.findings.iter().any(|f| f.code == *code));
        Ok(fits.then_some(event))
    }

    fn columns_fit(&self, row: &Row<'_>) -> rusqlite::Result<bool> {
        let Search { site, event_name, source, from_ms, to_ms, .. } = self.search;
        let is = |wanted: &Option<String>, column: usize| -> rusqlite::Result<bool> {
            let have = row.get_ref(column)?.as_str()?;
            Ok(wanted.as_deref().is_none_or(|w| w == have))
        };
        let received_ms: i64 = row.get(1)?;
        Ok(is(site, 3)?
            && is(source, 4)?
            && is(event_name, 5)?
            && from_ms.is_none_or(|from| from <= received_ms)
            && to_ms.is_none_or(|to| received_ms < to))
    }
}

/// Numbers of events, newest first.
type Seqs = Vec<i64>;

/// The first delivery of an event or of those after it: deliveries ascend with their events, but for replays.
fn first_delivery(conn: &Connection, event_seq: i64) -> rusqlite::Result<i64> {
    let found: Option<i64> = conn
        .prepare_cached(
            "SELECT seq FROM deliveries WHERE event_seq >= ?1 AND replay = 0 ORDER BY event_seq, seq LIMIT 1",
        )?
        .query_row([event_seq], |r| r.get(0))
        .optional()?;
    Ok(found.unwrap_or(i64::MAX))
}
