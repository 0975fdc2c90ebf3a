//! Orders that were heard of, newest first.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, OptionalExtension, Row, params};
use tandem_core::codes::SERVER_HALF_REPORTS as PAGES_WORD;

use super::{Reached, reached};
use crate::embedded::numbers;
use crate::insight::lookup;
use crate::{Store, StoreError};

/// Events of one order that are looked at for a row of a list.
const MAX_EVENTS: usize = 16;

/// What stands in the record of an order besides its events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderNotice {
    /// `rejected`, `ignored`, `duplicate` or `near_miss`.
    pub kind: String,
    /// Stable code.
    pub code: String,
}

/// One order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderRow {
    /// Its number in the insight file; orders of one moment are told apart by it.
    pub id: i64,
    /// Site.
    pub site: String,
    /// The shop's id.
    pub order_id: String,
    /// Its number, where that is not the id.
    pub number: Option<String>,
    /// When it was first heard of, Unix milliseconds.
    pub at_ms: i64,
    /// Its first event in the log.
    pub first_event: Option<i64>,
    /// Its newest.
    pub last_event: Option<i64>,
    /// How many.
    pub events: i64,
    /// Decimal.
    pub value: Option<String>,
    /// Of the value.
    pub currency: Option<String>,
    /// Source and shared id of the first event that is more than the page's word on a sale, else of that.
    pub told: Option<(String, String)>,
    /// How its deliveries stand, of all its events together: the worst of those that were to be made.
    pub reached: Vec<Reached>,
    /// The newest notice about it; not that it was no sale yet, once it is one.
    pub notice: Option<OrderNotice>,
}

const COLUMNS: &str =
    "id, site, order_id, at_ms, first_event, last_event, last_notice, events, value, currency";

impl Store {
    /// The newest orders of these sites, before a time and number if given; and whether there are more.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn orders_page(
        &self,
        sites: &[String],
        before: Option<(i64, i64)>,
        limit: usize,
    ) -> Result<(Vec<OrderRow>, bool), StoreError> {
        let (at_ms, id) = before.unwrap_or((i64::MAX, i64::MAX));
        self.read(|conn| {
            let mut found = Vec::new();
            // By site, since the index is.
            let sql = format!(
                "SELECT {COLUMNS} FROM insight.orders WHERE site = ?1 AND (at_ms, id) < (?2, ?3)
                 ORDER BY at_ms DESC, id DESC LIMIT ?4"
            );
            for site in sites {
                let mut select = conn.prepare_cached(&sql)?;
                let rows = select.query_map(params![site, at_ms, id, limit + 1], row)?;
                found.extend(rows.collect::<rusqlite::Result<Vec<_>>>()?);
            }
            found.sort_by_key(|(order, _)| std::cmp::Reverse((order.at_ms, order.id)));
            let has_more = found.len() > limit;
            found.truncate(limit);
            Ok((complete(conn, found)?, has_more))
        })
    }

    /// Orders of these sites with this id or number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn orders_named(&self, sites: &[String], text: &str) -> Result<Vec<OrderRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM insight.orders WHERE site = ?1 AND order_id = ?2");
        self.read(|conn| {
            let ids = sites.iter().map(|site| (site.clone(), text.to_owned()));
            let numbered = numbers::orders_of(conn, sites, text)?;
            let all: BTreeSet<(String, String)> = ids.chain(numbered).collect();
            let mut found = Vec::new();
            for (site, order_id) in all {
                found.extend(conn.prepare_cached(&sql)?.query_row(params![site, order_id], row).optional()?);
            }
            complete(conn, found)
        })
    }
}

fn row(r: &Row<'_>) -> rusqlite::Result<(OrderRow, Option<i64>)> {
    let order = OrderRow {
        id: r.get(0)?,
        site: r.get(1)?,
        order_id: r.get(2)?,
        number: None,
        at_ms: r.get(3)?,
        first_event: r.get(4)?,
        last_event: r.get(5)?,
        events: r.get(7)?,
        value: r.get(8)?,
        currency: r.get(9)?,
        told: None,
        reached: Vec::new(),
        notice: None,
    };
    Ok((order, r.get(6)?))
}

/// What only the log has.
fn complete(conn: &Connection, found: Vec<(OrderRow, Option<i64>)>) -> rusqlite::Result<Vec<OrderRow>> {
    let mut notice = conn.prepare_cached(
        "SELECT kind, code FROM notices AS n WHERE seq = ?1
         AND (kind <> 'ignored' OR NOT EXISTS (SELECT 1 FROM events AS e WHERE e.seq = ?2 AND e.received_ms >= n.at_ms))",
    )?;
    let mut orders = Vec::with_capacity(found.len());
    for (mut order, last_notice) in found {
        order.number = numbers::number_of(conn, &order.site, &order.order_id)?;
        (order.told, order.reached) = far(conn, &order)?;
        if let Some(seq) = last_notice {
            let told = |r: &Row<'_>| Ok(OrderNotice { kind: r.get(0)?, code: r.get(1)? });
            order.notice = notice.query_row(params![seq, order.last_event], told).optional()?;
        }
        orders.push(order);
    }
    Ok(orders)
}

/// How far an order got.
type Far = (Option<(String, String)>, Vec<Reached>);

fn far(conn: &Connection, order: &OrderRow) -> rusqlite::Result<Far> {
    let mut select = conn.prepare_cached(
        "SELECT source, event_id FROM events WHERE seq = ?1 AND site = ?2 AND order_id = ?3",
    )?;
    let mut events = Vec::new();
    let mut all: BTreeMap<String, Reached> = BTreeMap::new();
    let seqs = match order.first_event.zip(order.last_event) {
        Some(span) => lookup::of_order(conn, &order.order_id, span, MAX_EVENTS)?,
        None => Vec::new(),
    };
    for seq in seqs {
        let event =
            select.query_row(params![seq, order.site, order.order_id], |r| Ok((r.get(0)?, r.get(1)?)));
        let Some(event) = event.optional()? else { continue };
        let reached = reached(conn, seq)?;
        events.push((event, reached.iter().any(|one| one.code == PAGES_WORD)));
        for one in reached {
            match all.get(&one.destination) {
                Some(known) if weight(known) >= weight(&one) => {}
                _ => drop(all.insert(one.destination.clone(), one)),
            }
        }
    }
    let told = events.into_iter().min_by_key(|(_, is_word)| *is_word);
    Ok((told.map(|(event, _)| event), all.into_values().collect()))
}

/// What of several reports of one order says most of how it stands.
fn weight(reached: &Reached) -> u8 {
    match (reached.state, reached.code.as_str()) {
        ("rejected" | "expired", _) => 5,
        ("waiting", _) => 4,
        ("delivered", _) => 3,
        (_, PAGES_WORD) => 0,
        (_, "duplicate") => 1,
        _ => 2,
    }
}
