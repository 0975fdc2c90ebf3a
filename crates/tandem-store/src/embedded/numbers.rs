//! Numbers of orders, where they are not the orders' ids: people know no other, and lists often have no other.

use rusqlite::{Connection, OptionalExtension, params};

use crate::OrderNumber;

/// Remembers a number. Of two orders that claim one the later has it.
pub(super) fn note(conn: &Connection, known: &OrderNumber, now_ms: i64) -> rusqlite::Result<()> {
    conn.prepare_cached(
        "INSERT INTO order_numbers (site, number, order_id, at_ms) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (site, number) DO UPDATE SET order_id = excluded.order_id, at_ms = excluded.at_ms
           WHERE order_id <> excluded.order_id",
    )?
    .execute(params![known.site, known.number, known.order_id, now_ms])?;
    Ok(())
}

/// Orders with this number, each with its site.
pub(crate) fn orders_of(
    conn: &Connection,
    sites: &[String],
    number: &str,
) -> rusqlite::Result<Vec<(String, String)>> {
    let sql = "SELECT order_id FROM order_numbers WHERE site = ?1 AND number = ?2";
    let mut select = conn.prepare_cached(sql)?;
    let mut found = Vec::new();
    for site in sites {
        let order: Option<String> = select.query_row([site.as_str(), number], |r| r.get(0)).optional()?;
        found.extend(order.map(|order| (site.clone(), order)));
    }
    Ok(found)
}

/// The newest number of an order, if it has one that is not its id.
pub(crate) fn number_of(conn: &Connection, site: &str, order_id: &str) -> rusqlite::Result<Option<String>> {
    let sql = "SELECT number FROM order_numbers WHERE site = ?1 AND order_id = ?2 ORDER BY at_ms DESC, number LIMIT 1";
    conn.prepare_cached(sql)?.query_row([site, order_id], |r| r.get(0)).optional()
}
