//! Everything on record about an event id or an order id, found by the insight file and a bounded look at the rest.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension, params};
use tandem_core::diagnose::{Attempt, Candidate, Ledgered, Searched, Story, WayIn};

use super::{Store, numbers};
use crate::StoreError;

mod facts;
mod find;

pub use facts::{Completed, Neighbour};
use find::Finder;

/// Events of one question that are looked at, and notices of it.
const MOST_EVENTS: usize = 24;
const MOST_NOTICES: usize = 40;

/// Nearly equal ids that are named.
const MOST_CANDIDATES: usize = 8;

/// Events of one kind that are shown beside one.
const MOST_NEIGHBOURS: usize = 10;

const HOUR_MS: i64 = 3_600_000;
const HOURS_A_WEEK: i64 = 168;

impl Store {
    /// What is on record under an event id or an order id; of all sites, or of one. What settings say is left out.
    ///
    /// Costs a few lookups however large the log is, and a look at a bounded number of the newest rows.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn story(&self, question: &str, site: Option<&str>) -> Result<Story, StoreError> {
        self.read(|conn| asked(conn, question, site))
    }

    /// The same of one event of the log; `None` when it is not there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn story_of(&self, seq: i64) -> Result<Option<Story>, StoreError> {
        self.read(|conn| of_event(conn, seq))
    }

    /// What an event was before it was completed, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn completions(&self, seq: i64) -> Result<Vec<Completed>, StoreError> {
        self.read(|conn| facts::completions(conn, seq))
    }

    /// The calls of each of an event's deliveries, oldest first, each with the number of its delivery.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn calls_of(&self, seq: i64) -> Result<Vec<(i64, Attempt)>, StoreError> {
        self.read(|conn| facts::calls(conn, seq))
    }

    /// Events of the same visitor as this one, the newest ones, newest first and without it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn of_same_visitor(&self, site: &str, visitor: &str, but: i64) -> Result<Vec<Neighbour>, StoreError> {
        self.read(|conn| {
            let finder = Finder::new(conn, Some(site))?;
            let mut seqs = finder.of_visitor(visitor, MOST_NEIGHBOURS + 1)?;
            seqs.retain(|seq| *seq != but);
            seqs.truncate(MOST_NEIGHBOURS);
            facts::neighbours(conn, site, &seqs)
        })
    }
}

fn asked(conn: &Connection, question: &str, site: Option<&str>) -> rusqlite::Result<Story> {
    let question = question.trim();
    let mut finder = Finder::new(conn, site)?;
    let mut story = named(conn, &finder, question, site)?;
    let mut numbered = numbers::orders_of(conn, &finder.sites, question)?.into_iter();
    let is_found = |story: &Story| !story.events.is_empty() || !story.orders.is_empty();
    if !is_found(&story)
        && story.notices.is_empty()
        && let Some((site, order_id)) = numbered.next()
    {
        finder = Finder::new(conn, Some(&site))?;
        story = Story { question: question.to_owned(), ..named(conn, &finder, &order_id, Some(&site))? };
    }
    // An id may be another order's number.
    let others = numbered.map(|(site, text)| Candidate {
        text,
        is_order: true,
        site,
        seq: None,
        why: "what was asked for is the number on it",
    });
    let others: Vec<Candidate> = others.collect();
    if story.events.is_empty() && !story.notices.is_empty() {
        repeated(conn, &finder, &mut story)?;
    }
    if story.events.is_empty() {
        story.candidates = candidates(conn, &finder, question)?;
        story.turned_away = facts::turned_away(conn, &finder)?;
        story.ways_in = ways_in(conn, &finder.sites)?;
    }
    story.candidates.extend(others);
    Ok(story)
}

/// What has this event id or order id.
fn named(conn: &Connection, finder: &Finder<'_>, text: &str, site: Option<&str>) -> rusqlite::Result<Story> {
    let mut story = Story {
        question: text.to_owned(),
        site: site.map(str::to_owned),
        orders: ledger(conn, &finder.sites, text)?,
        searched: finder.searched(conn)?,
        ..Story::default()
    };
    let asked: BTreeSet<i64> = finder.of_id_or_order(text, MOST_EVENTS)?.into_iter().collect();
    fill(conn, finder, &mut story, &asked)?;
    Ok(story)
}

/// What was on record of the order when a repeat of it came in under this id.
fn repeated(conn: &Connection, finder: &Finder<'_>, story: &mut Story) -> rusqlite::Result<()> {
    let sql = "SELECT order_id FROM notices WHERE seq = ?1 AND kind = 'duplicate'";
    let mut select = conn.prepare_cached(sql)?;
    for notice in &story.notices {
        let order: Option<String> = select.query_row([notice.seq], |r| r.get(0)).optional()?.flatten();
        let Some(order) = order else { continue };
        let mut seqs = finder.of_id_or_order(&order, MOST_EVENTS)?;
        seqs.sort_unstable();
        for seq in seqs {
            let is_new = story.events.iter().all(|known| known.seq != seq);
            story.events.extend(facts::record(conn, seq)?.filter(|_| is_new));
        }
    }
    Ok(())
}

fn of_event(conn: &Connection, seq: i64) -> rusqlite::Result<Option<Story>> {
    let sql = "SELECT site, event_id FROM events WHERE seq = ?1";
    let named = |r: &rusqlite::Row<'_>| Ok((r.get::<_, String>(0)?, r.get::<_, String>(1)?));
    let Some((site, event_id)) = conn.prepare_cached(sql)?.query_row([seq], named).optional()? else {
        return Ok(None);
    };
    let finder = Finder::new(conn, Some(&site))?;
    let searched = finder.searched(conn)?;
    let mut story = Story { question: event_id, site: Some(site), searched, ..Story::default() };
    fill(conn, &finder, &mut story, &BTreeSet::from([seq]))?;
    Ok(Some(story))
}

/// Reads the events, what else came of their orders and under their ids, and the notices of all that.
fn fill(
    conn: &Connection,
    finder: &Finder<'_>,
    story: &mut Story,
    asked: &BTreeSet<i64>,
) -> rusqlite::Result<()> {
    let mut names = BTreeSet::from([story.question.clone()]);
    for seq in asked {
        let Some(mut record) = facts::record(conn, *seq)? else { continue };
        record.is_asked = true;
        names.insert(record.event.event_id.clone());
        names.extend(record.event.order_id.clone());
        story.events.push(record);
    }
    let mut beside = BTreeSet::new();
    for name in &names {
        beside.extend(finder.of_id_or_order(name, MOST_EVENTS)?);
    }
    let sites: BTreeSet<String> = story.events.iter().map(|record| record.event.site.clone()).collect();
    for seq in beside.difference(asked).take(MOST_EVENTS) {
        let of_site = |record: &tandem_core::diagnose::Record| sites.contains(&record.event.site);
        story.events.extend(facts::record(conn, *seq)?.filter(of_site));
    }
    story.events.sort_by_key(|record| record.seq);
    story.notices = facts::notices(conn, finder, &names)?;
    Ok(())
}

/// What the ledger knows of an order of this number.
fn ledger(conn: &Connection, sites: &[String], order_id: &str) -> rusqlite::Result<Vec<Ledgered>> {
    let mut select = conn.prepare_cached("SELECT at_ms FROM orders WHERE site = ?1 AND order_id = ?2")?;
    let mut found = Vec::new();
    for site in sites {
        let at_ms: Option<i64> = select.query_row([site.as_str(), order_id], |r| r.get(0)).optional()?;
        if let Some(at_ms) = at_ms {
            let known = super::ledger::known(conn, site, order_id)?;
            let (reported, currency, event_ids) =
                known.map(|state| (state.reported, state.currency, state.event_ids)).unwrap_or_default();
            let (site, order_id) = (site.clone(), order_id.to_owned());
            found.push(Ledgered { site, order_id, at_ms, reported, currency, event_ids });
        }
    }
    Ok(found)
}

/// Ids that are spelled nearly so, and orders with or without what often stands before their number.
fn candidates(conn: &Connection, finder: &Finder<'_>, question: &str) -> rusqlite::Result<Vec<Candidate>> {
    let mut found: Vec<Candidate> = Vec::new();
    for seq in finder.near(question, MOST_CANDIDATES)? {
        let Some(record) = facts::record(conn, seq)? else { continue };
        let event = record.event;
        found.push(Candidate {
            text: event.event_id,
            is_order: false,
            site: event.site,
            seq: Some(seq),
            why: "the two differ only in case, separators, leading zeros or a usual prefix",
        });
    }
    for spelling in find::spellings(question) {
        for order in ledger(conn, &finder.sites, &spelling)? {
            let seq = finder.of_id_or_order(&spelling, 1)?.first().copied();
            found.push(Candidate {
                text: order.order_id,
                is_order: true,
                site: order.site,
                seq,
                why: "the number is the same with another prefix",
            });
        }
    }
    let mut seen = BTreeSet::new();
    found.retain(|one| one.text != question && seen.insert((one.text.clone(), one.site.clone())));
    found.truncate(MOST_CANDIDATES);
    Ok(found)
}

/// By which ways something came within the last week of the log.
fn ways_in(conn: &Connection, sites: &[String]) -> rusqlite::Result<Vec<WayIn>> {
    let sql = "SELECT site, source, max(hour) FROM insight.arrivals
               WHERE hour >= (SELECT coalesce(max(hour), 0) FROM insight.arrivals) - ?1 GROUP BY site, source";
    let mut select = conn.prepare_cached(sql)?;
    let rows = select.query_map(params![HOURS_A_WEEK], |r| {
        let hour: i64 = r.get(2)?;
        Ok(WayIn { site: r.get(0)?, source: r.get(1)?, last_ms: Some(hour * HOUR_MS), ..WayIn::default() })
    })?;
    let all = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(all.into_iter().filter(|way| sites.contains(&way.site)).collect())
}

impl Finder<'_> {
    fn searched(&self, conn: &Connection) -> rusqlite::Result<Searched> {
        let sql = "SELECT received_ms FROM events WHERE seq = ?1";
        let since_ms = conn.prepare_cached(sql)?.query_row([self.oldest], |r| r.get(0)).optional()?;
        Ok(Searched {
            sites: self.sites.clone(),
            events: if self.newest == 0 { 0 } else { self.newest - self.oldest + 1 },
            newest_events: self.newest - self.looked_from,
            unseen: (self.looked_from - self.indexed).max(0),
            notices: find::NEWEST_NOTICES.min(self.newest_notice),
            since_ms,
        })
    }
}
