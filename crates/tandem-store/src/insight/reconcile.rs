//! Reads what reconciliation compares: the shop's list, the orders that were heard of, and what platforms told.
//!
//! Everything is read by order, in a window of days, and handed on at once: how much there is of it costs time, not
//! memory.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row, params};
use tandem_core::names::PURCHASE;
use tandem_core::reconcile::{
    DAY_MS, Delivery, Heard, Hints, Listed, Order, PlatformCount, Reconciler, Report, Sale, Scope, Settings,
    State,
};
use tandem_core::{Amount, Currency};

use super::lookup;
use crate::StoreError;
use crate::embedded::{Store, numbers};

/// Events of one order that are looked at. An order has two halves and perhaps some growth.
const MAX_EVENTS: usize = 50;

/// What is to be compared.
#[derive(Debug, Clone)]
pub struct Look {
    /// Site.
    pub site: String,
    /// How it compares.
    pub settings: Settings,
    /// Its destinations.
    pub destinations: Vec<Arc<str>>,
    /// Unix milliseconds.
    pub now_ms: i64,
    /// Days, today among them.
    pub days: u32,
}

impl Store {
    /// Compares orders, deliveries and what platforms told.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn reconcile(&self, look: &Look) -> Result<Report, StoreError> {
        self.read(|conn| {
            // One view of everything: the log goes on meanwhile.
            let conn = conn.unchecked_transaction()?;
            compare(&conn, look)
        })
    }

    /// On which days (since 1970, UTC) from `first_day` on a platform told of sales, and when, Unix milliseconds.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn platform_days(
        &self,
        site: &str,
        destination: &str,
        first_day: i64,
    ) -> Result<HashMap<i64, i64>, StoreError> {
        self.read(|conn| {
            conn.prepare_cached(
                "SELECT day, max(imported_ms) FROM platform_counts WHERE site = ?1 AND destination = ?2 AND day >= ?3
                   AND event_name = ?4 GROUP BY day",
            )?
            .query_map(params![site, destination, first_day, PURCHASE], |r| Ok((r.get(0)?, r.get(1)?)))?
            .collect()
        })
    }
}

fn compare(conn: &Connection, look: &Look) -> rusqlite::Result<Report> {
    let mut scope = Scope {
        settings: look.settings.clone(),
        now_ms: look.now_ms,
        days: look.days,
        destinations: look.destinations.clone(),
        since_ms: began_ms(conn, &look.site)?,
        list: None,
    };
    let from_ms = scope.from_ms();
    scope.list = list_range(conn, &look.site, from_ms)?;
    let first_day = from_ms.div_euclid(DAY_MS);
    let mut orders = Orders {
        conn,
        site: &look.site,
        lanes: lanes(conn, &look.site)?,
        reconciler: Reconciler::new(scope),
        seen: BTreeMap::new(),
    };
    orders.listed(from_ms)?;
    orders.heard(from_ms)?;
    let Orders { reconciler, seen, .. } = orders;
    let counts = counts(conn, &look.site, first_day)?;
    let hints = if counts.is_empty() { Hints::default() } else { hints(conn, &look.site, first_day, &seen)? };
    let mut report = reconciler.finish(&counts, &hints);
    // Of what is listed only: an order's number is of no use to the comparison.
    for difference in &mut report.differences {
        let Some(order) = &difference.order_id else { continue };
        difference.order_number = numbers::number_of(conn, &look.site, order)?;
    }
    Ok(report)
}

/// When the site's first event came in; 0 when none ever did, so that nothing is older.
fn began_ms(conn: &Connection, site: &str) -> rusqlite::Result<i64> {
    let sql = "SELECT hour * 3600000 FROM insight.arrivals WHERE site = ?1 ORDER BY hour LIMIT 1";
    Ok(conn.prepare_cached(sql)?.query_row([site], |r| r.get(0)).optional()?.unwrap_or_default())
}

/// The first and the last time of the imported list in the window.
fn list_range(conn: &Connection, site: &str, from_ms: i64) -> rusqlite::Result<Option<(i64, i64)>> {
    let one = |sql: &str| -> rusqlite::Result<Option<i64>> {
        conn.prepare_cached(sql)?.query_row(params![site, from_ms], |r| r.get(0))
    };
    // Two questions, since an index answers one end at a time.
    let first = one("SELECT min(at_ms) FROM shop_orders WHERE site = ?1 AND at_ms >= ?2")?;
    let last = one("SELECT max(at_ms) FROM shop_orders WHERE site = ?1 AND at_ms >= ?2")?;
    Ok(first.zip(last))
}

fn lanes(conn: &Connection, site: &str) -> rusqlite::Result<HashMap<i64, Arc<str>>> {
    conn.prepare_cached("SELECT id, destination FROM lanes WHERE site = ?1")?
        .query_map([site], |r| Ok((r.get(0)?, Arc::from(r.get::<_, String>(1)?))))?
        .collect()
}

/// Orders on their way to the comparison.
struct Orders<'a> {
    conn: &'a Connection,
    site: &'a str,
    lanes: HashMap<i64, Arc<str>>,
    reconciler: Reconciler,
    /// Sales of orders by the day they came in.
    seen: BTreeMap<i64, u64>,
}

/// What the insight file has of an order.
struct Known {
    first_event: Option<i64>,
    last_event: Option<i64>,
    last_notice: Option<i64>,
    value: Option<Amount>,
    currency: Option<Currency>,
}

/// The columns of [`Known`], of `insight.orders AS o`.
const KNOWN: &str = "o.first_event, o.last_event, o.last_notice, o.value, o.currency";

impl Known {
    fn read(row: &Row<'_>, from: usize) -> rusqlite::Result<Self> {
        Ok(Self {
            first_event: row.get(from)?,
            last_event: row.get(from + 1)?,
            last_notice: row.get(from + 2)?,
            value: amount(row, from + 3)?,
            currency: currency(row, from + 4)?,
        })
    }
}

fn amount(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<Amount>> {
    // A body may have a number where text is usual.
    Ok(match row.get_ref(at)? {
        rusqlite::types::ValueRef::Text(text) => {
            std::str::from_utf8(text).ok().and_then(|text| text.parse().ok())
        }
        rusqlite::types::ValueRef::Integer(whole) => Some(Amount::new(whole.into())),
        _ => None,
    })
}

fn currency(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<Currency>> {
    Ok(row.get_ref(at)?.as_str_or_null()?.and_then(Currency::parse))
}

/// The order that a row `s` of the list means by a number; nothing where the number is the id.
const NUMBERED: &str =
    "LEFT JOIN order_numbers AS n ON s.by_number AND n.site = s.site AND n.number = s.order_id";

/// What most orders have: one event, which is read together with its deliveries, in one walk.
const SALE: &str =
    "LEFT JOIN events AS e ON e.seq = o.first_event AND o.last_event = o.first_event AND e.event_name = ?3
     LEFT JOIN deliveries AS d ON d.event_seq = e.seq";

/// The columns of [`SALE`].
const SALE_COLUMNS: &str =
    "e.seq, e.event_id, e.event_time, e.received_ms, d.lane, d.state, d.code, d.first_attempt_ms";

/// An order of which more rows may follow: each has one of its deliveries.
struct Pending {
    order_id: String,
    listed: Option<Listed>,
    known: Known,
    /// With the time it came in.
    sale: Option<(Sale, i64)>,
}

impl Orders<'_> {
    /// Orders in the shop's list, with what is known of them.
    fn listed(&mut self, from_ms: i64) -> rusqlite::Result<()> {
        let sql = format!(
            "SELECT coalesce(n.order_id, s.order_id), {KNOWN}, {SALE_COLUMNS}, s.at_ms, s.total, s.currency, s.status
             FROM shop_orders AS s {NUMBERED}
             LEFT JOIN insight.orders AS o ON o.site = s.site AND o.order_id = coalesce(n.order_id, s.order_id) {SALE}
             WHERE s.site = ?1 AND s.at_ms >= ?2
               AND (n.order_id IS NULL OR NOT EXISTS (SELECT 1 FROM shop_orders AS t
                 WHERE t.site = s.site AND t.order_id = n.order_id AND NOT t.by_number))
             ORDER BY s.at_ms, s.order_id"
        );
        let listed = |row: &Row<'_>| {
            let (total, currency) = (amount(row, 15)?, currency(row, 16)?);
            Ok(Some(Listed { at_ms: row.get(14)?, total, currency, status: row.get(17)? }))
        };
        self.walk(&sql, from_ms, listed)
    }

    /// Orders that the list does not have.
    fn heard(&mut self, from_ms: i64) -> rusqlite::Result<()> {
        let sql = format!(
            "SELECT o.order_id, {KNOWN}, {SALE_COLUMNS} FROM insight.orders AS o {SALE}
             WHERE o.site = ?1 AND o.at_ms >= ?2
               AND NOT EXISTS (SELECT 1 FROM shop_orders AS s {NUMBERED}
                 WHERE s.site = o.site AND s.order_id = o.order_id AND n.order_id IS NULL)
               AND NOT EXISTS (SELECT 1 FROM order_numbers AS m JOIN shop_orders AS s
                 ON s.site = m.site AND s.order_id = m.number AND s.by_number
                 WHERE m.site = o.site AND m.order_id = o.order_id)
             ORDER BY o.at_ms, o.id"
        );
        self.walk(&sql, from_ms, |_| Ok(None))
    }

    fn walk(
        &mut self,
        sql: &str,
        from_ms: i64,
        listed: impl Fn(&Row<'_>) -> rusqlite::Result<Option<Listed>>,
    ) -> rusqlite::Result<()> {
        let conn = self.conn;
        let mut select = conn.prepare_cached(sql)?;
        let mut rows = select.query(params![self.site, from_ms, PURCHASE])?;
        let mut pending: Option<Pending> = None;
        while let Some(row) = rows.next()? {
            let order_id = row.get_ref(0)?.as_str()?;
            if pending.as_ref().is_none_or(|known| known.order_id != order_id) {
                let next = Pending {
                    order_id: order_id.to_owned(),
                    listed: listed(row)?,
                    known: Known::read(row, 1)?,
                    sale: of_row(row, 6)?,
                };
                pending.replace(next).map_or(Ok(()), |done| self.take(done))?;
            }
            if let Some((sale, _)) = pending.as_mut().and_then(|known| known.sale.as_mut()) {
                self.deliver(sale, row, 10)?;
            }
        }
        pending.map_or(Ok(()), |last| self.take(last))
    }

    fn take(&mut self, pending: Pending) -> rusqlite::Result<()> {
        let Pending { order_id, listed, known, sale } = pending;
        let mut sales = match sale {
            Some((sale, received_ms)) => {
                self.note(&sale, received_ms);
                vec![sale]
            }
            None if known.first_event == known.last_event => Vec::new(),
            None => self.several(&order_id, &known)?,
        };
        self.value(&mut sales, &known)?;
        let notice = known.last_notice.filter(|_| sales.is_empty());
        let heard = notice.map(|seq| self.notice(seq)).transpose()?.flatten();
        // An order that only other events than sales name, as a begun checkout does, is none yet.
        if listed.is_some() || !sales.is_empty() || heard.is_some() {
            self.reconciler.order(&Order { order_id, listed, sales, heard });
        }
        Ok(())
    }

    fn notice(&self, seq: i64) -> rusqlite::Result<Option<Heard>> {
        self.conn
            .prepare_cached("SELECT at_ms, kind, code FROM notices WHERE seq = ?1")?
            .query_row([seq], |r| Ok(Heard { at_ms: r.get(0)?, kind: r.get(1)?, code: r.get(2)? }))
            .optional()
    }

    /// The sales of an order with several events, in the order of the log.
    fn several(&mut self, order_id: &str, known: &Known) -> rusqlite::Result<Vec<Sale>> {
        let Some(span) = known.first_event.zip(known.last_event) else { return Ok(Vec::new()) };
        let conn = self.conn;
        let seqs = lookup::of_order(conn, order_id, span, MAX_EVENTS)?;
        let sql = format!(
            "SELECT {SALE_COLUMNS} FROM events AS e LEFT JOIN deliveries AS d ON d.event_seq = e.seq
             WHERE e.seq = ?1 AND e.site = ?2 AND e.event_name = ?3 AND e.order_id = ?4"
        );
        let mut select = conn.prepare_cached(&sql)?;
        let mut sales = Vec::new();
        for seq in seqs {
            let mut rows = select.query(params![seq, self.site, PURCHASE, order_id])?;
            let mut sale = None;
            while let Some(row) = rows.next()? {
                if sale.is_none() {
                    sale = of_row(row, 0)?;
                }
                if let Some((sale, _)) = &mut sale {
                    self.deliver(sale, row, 4)?;
                }
            }
            if let Some((sale, received_ms)) = sale {
                self.note(&sale, received_ms);
                sales.push(sale);
            }
        }
        Ok(sales)
    }

    /// The insight file has the value of all events together, each sale once. Only where an order has several ids does it
    /// take a look at each.
    fn value(&self, sales: &mut [Sale], known: &Known) -> rusqlite::Result<()> {
        let first = sales.first().map(|sale| sale.event_id.clone()).unwrap_or_default();
        let plain = sales.iter().all(|sale| sale.event_id == first);
        for sale in sales {
            (sale.value, sale.currency) =
                if plain { (known.value, known.currency) } else { self.money(sale.event_seq)? };
        }
        Ok(())
    }

    fn note(&mut self, sale: &Sale, received_ms: i64) {
        if sale.deliveries.iter().any(|delivery| delivery.state != State::Skipped) {
            *self.seen.entry(received_ms.div_euclid(DAY_MS)).or_default() += 1;
        }
    }

    /// Adds the row's delivery, if it has one; the best for each destination stays, since a replay makes a second.
    fn deliver(&self, sale: &mut Sale, row: &Row<'_>, at: usize) -> rusqlite::Result<()> {
        let Some(lane) = row.get::<_, Option<i64>>(at)? else { return Ok(()) };
        let Some(destination) = self.lanes.get(&lane) else { return Ok(()) };
        let delivery = Delivery {
            destination: destination.clone(),
            state: state(row.get(at + 1)?),
            code: row.get(at + 2)?,
            sent_ms: row.get(at + 3)?,
        };
        match sale.deliveries.iter_mut().find(|known| known.destination == delivery.destination) {
            Some(known) if delivery.state < known.state => *known = delivery,
            Some(_) => {}
            None => sale.deliveries.push(delivery),
        }
        Ok(())
    }

    fn money(&self, seq: i64) -> rusqlite::Result<(Option<Amount>, Option<Currency>)> {
        let sql = "SELECT json_extract(body, '$.value'), json_extract(body, '$.currency') FROM events WHERE seq = ?1";
        self.conn.prepare_cached(sql)?.query_row([seq], |r| Ok((amount(r, 0)?, currency(r, 1)?)))
    }
}

/// The sale of a row of [`SALE_COLUMNS`], without deliveries, and when it came in.
fn of_row(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<(Sale, i64)>> {
    let Some(event_seq) = row.get::<_, Option<i64>>(at)? else { return Ok(None) };
    let at_ms = row.get::<_, i64>(at + 2)?.saturating_mul(1_000);
    let sale = Sale { event_seq, event_id: row.get(at + 1)?, at_ms, ..Sale::default() };
    Ok(Some((sale, row.get(at + 3)?)))
}

fn state(number: i64) -> State {
    match number {
        0 => State::Waiting,
        1 => State::Delivered,
        2 => State::Skipped,
        3 => State::Rejected,
        _ => State::Expired,
    }
}

/// What platforms told of sales.
fn counts(conn: &Connection, site: &str, first_day: i64) -> rusqlite::Result<Vec<PlatformCount>> {
    conn.prepare_cached(
        "SELECT destination, day, event_name, events, value, currency, browser, server, attributed, attributed_only,
           imported_ms
         FROM platform_counts WHERE site = ?1 AND day >= ?2 AND event_name = ?3 ORDER BY destination, day",
    )?
    .query_map(params![site, first_day, PURCHASE], |r| {
        Ok(PlatformCount {
            destination: r.get(0)?,
            day: r.get(1)?,
            event_name: r.get(2)?,
            events: r.get(3)?,
            value: amount(r, 4)?,
            currency: currency(r, 5)?,
            browser: r.get(6)?,
            server: r.get(7)?,
            attributed: r.get(8)?,
            attributed_only: r.get(9)?,
            told_ms: r.get(10)?,
        })
    })?
    .collect()
}

type ByDay = BTreeMap<i64, u64>;

fn hints(conn: &Connection, site: &str, first_day: i64, seen: &ByDay) -> rusqlite::Result<Hints> {
    let by_day = |sql: &str| -> rusqlite::Result<ByDay> {
        conn.prepare_cached(sql)?
            .query_map(params![first_day, site, PURCHASE], |r| {
                Ok((r.get(0)?, r.get::<_, i64>(1)?.unsigned_abs()))
            })?
            .collect()
    };
    let sales = by_day(
        "SELECT day, sum(events) FROM insight.revenue WHERE day >= ?1 AND site = ?2 AND event_name = ?3 GROUP BY day",
    )?;
    let left =
        |(day, sales): (i64, u64)| (day, sales.saturating_sub(seen.get(&day).copied().unwrap_or_default()));
    Ok(Hints {
        browser_only: by_day(
            "SELECT day, sum(events) FROM insight.pairs
             WHERE day >= ?1 AND site = ?2 AND event_name = ?3 AND halves = 'browser' GROUP BY day",
        )?,
        near_misses: by_day(
            "SELECT day, sum(notices) FROM insight.notices_by_day
             WHERE day >= ?1 AND site = ?2 AND kind = 'near_miss' AND ?3 <> '' GROUP BY day",
        )?,
        without_order: sales.into_iter().map(left).collect(),
    })
}
