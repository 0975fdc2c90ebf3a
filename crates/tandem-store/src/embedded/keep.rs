//! What is kept for people and is not worked out from the log: imported lists, saved searches, states of alerts.

use rusqlite::{Connection, params};

use super::Store;
use crate::{Document, Keep, StoreError};

pub(super) fn keep(conn: &Connection, keep: &Keep, now_ms: i64) -> rusqlite::Result<()> {
    match keep {
        Keep::Document { kind, name, body: Some(body) } => {
            conn.prepare_cached(
                "INSERT OR REPLACE INTO kept (kind, name, body, at_ms) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![kind, name, body, now_ms])?;
        }
        Keep::Document { kind, name, body: None } => {
            conn.prepare_cached("DELETE FROM kept WHERE kind = ?1 AND name = ?2")?.execute([*kind, name])?;
        }
        Keep::ShopOrders(orders) => {
            let mut insert = conn.prepare_cached(
                "INSERT OR REPLACE INTO shop_orders (site, order_id, by_number, at_ms, total, currency, status, imported_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?;
            for o in orders {
                let total = o.total.map(|t| t.to_string());
                let currency = o.currency.map(|c| c.to_string());
                insert.execute(params![
                    o.site,
                    o.order_id,
                    o.by_number,
                    o.at_ms,
                    total,
                    currency,
                    o.status,
                    now_ms
                ])?;
            }
        }
        Keep::PlatformCounts(counts) => {
            let mut insert = conn.prepare_cached(
                "INSERT OR REPLACE INTO platform_counts
                   (site, destination, day, event_name, events, browser, server, attributed, attributed_only, value,
                    currency, origin, imported_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
            )?;
            for c in counts {
                let value = c.value.map(|v| v.to_string());
                let currency = c.currency.map(|c| c.to_string());
                insert.execute(params![
                    c.site,
                    c.destination,
                    c.day,
                    c.event_name,
                    c.events,
                    c.browser,
                    c.server,
                    c.attributed,
                    c.attributed_only,
                    value,
                    currency,
                    c.origin,
                    now_ms
                ])?;
            }
        }
    }
    Ok(())
}

impl Store {
    /// The documents of a kind, by name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn kept(&self, kind: &str) -> Result<Vec<Document>, StoreError> {
        self.read_log(|conn| {
            conn.prepare_cached("SELECT name, body, at_ms FROM kept WHERE kind = ?1 ORDER BY name")?
                .query_map([kind], |r| Ok(Document { name: r.get(0)?, body: r.get(1)?, at_ms: r.get(2)? }))?
                .collect()
        })
    }
}
