//! Orders that were heard of, paid or not.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, params};
use tandem_core::{Amount, Currency};

use super::event::Logged;
use super::tally::{plus, signed};

/// What a pass adds to each order, by site and order id.
#[derive(Debug, Default)]
pub(super) struct Orders(BTreeMap<(String, String), News>);

#[derive(Debug, Default)]
struct News {
    at_ms: Option<i64>,
    first_event: Option<i64>,
    last_event: Option<i64>,
    last_notice: Option<i64>,
    events: i64,
    sums: Vec<(Option<Currency>, Amount)>,
}

impl News {
    fn heard_at(&mut self, at_ms: i64) {
        self.at_ms = Some(self.at_ms.map_or(at_ms, |known| known.min(at_ms)));
    }
}

impl Orders {
    fn news(&mut self, site: &str, order_id: &str) -> &mut News {
        self.0.entry((site.to_owned(), order_id.to_owned())).or_default()
    }

    /// Adds an event, or takes it away again, as [`Logged::count`] does.
    pub(super) fn count(&mut self, event: &Logged, by: i64, repeats: bool) {
        let Some(order_id) = &event.order_id else { return };
        let news = self.news(&event.site, order_id);
        news.heard_at(event.received_ms);
        news.first_event = Some(news.first_event.map_or(event.seq, |seq| seq.min(event.seq)));
        news.last_event = news.last_event.max(Some(event.seq));
        news.events += by;
        // The growth of an order is an event of its own with the difference as its value: together they are the total.
        if let Some(body) = &event.body
            && let Some(value) = body.value
            && event.is_sale()
            && !repeats
        {
            news.sums.push((body.currency, signed(value, by)));
        }
    }

    pub(super) fn notice(&mut self, site: &str, order_id: &str, at_ms: i64, seq: i64) {
        let news = self.news(site, order_id);
        news.heard_at(at_ms);
        news.last_notice = news.last_notice.max(Some(seq));
    }

    pub(super) fn write(&self, conn: &Connection) -> rusqlite::Result<()> {
        let mut select =
            conn.prepare_cached("SELECT value, currency FROM orders WHERE site = ?1 AND order_id = ?2")?;
        let mut add = conn.prepare_cached(
            "INSERT INTO orders (site, order_id, at_ms, first_event, last_event, last_notice, events, value, currency)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
             ON CONFLICT (site, order_id) DO UPDATE SET at_ms = min(at_ms, excluded.at_ms),
               first_event = coalesce(first_event, excluded.first_event),
               last_event = max(coalesce(last_event, excluded.last_event), coalesce(excluded.last_event, last_event)),
               last_notice = coalesce(excluded.last_notice, last_notice),
               events = events + excluded.events, value = excluded.value, currency = excluded.currency",
        )?;
        for ((site, order_id), news) in &self.0 {
            let known: Option<(Option<String>, Option<String>)> =
                select.query_row([site, order_id], |r| Ok((r.get(0)?, r.get(1)?))).optional()?;
            let (value, currency) = known.unwrap_or_default();
            let (value, currency) = news.added_to(value.and_then(|v| v.parse().ok()), currency);
            add.execute(params![
                site,
                order_id,
                news.at_ms.unwrap_or_default(),
                news.first_event,
                news.last_event,
                news.last_notice,
                news.events,
                value.map(|v| v.to_string()),
                currency
            ])?;
        }
        Ok(())
    }
}

impl News {
    /// The order's value with what is new. It is told in the currency that came first; what came in another is left out.
    fn added_to(
        &self,
        mut value: Option<Amount>,
        mut currency: Option<String>,
    ) -> (Option<Amount>, Option<String>) {
        for (of, amount) in &self.sums {
            let of = of.map(|c| c.to_string());
            if value.is_none() {
                currency.clone_from(&of);
            }
            if of == currency {
                value = Some(plus(value.unwrap_or_default(), *amount));
            }
        }
        (value, currency)
    }
}
