//! Where events are that have an id or an order.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension, params};
use tandem_core::quality::ids;

use crate::insight::lookup::{self, Kind};

/// Newest events that are looked at one by one when no index has them yet: a few milliseconds.
const NEWEST_EVENTS: i64 = 5_000;

/// Newest notices that are looked at one by one: they have no index, which would cost the writer.
pub(super) const NEWEST_NOTICES: i64 = 5_000;

/// What shops and plugins put before an order's number.
const PREFIXES: &[&str] = &["order_", "order-", "wc_order_", "wc_", "#", "shopify_"];

/// Looks for events.
pub(super) struct Finder<'c> {
    conn: &'c Connection,
    /// Sites that are looked through.
    pub(super) sites: Vec<String>,
    /// First and last event on record.
    pub(super) oldest: i64,
    pub(super) newest: i64,
    /// Last event that the index has.
    pub(super) indexed: i64,
    /// Events after this one are looked at one by one.
    pub(super) looked_from: i64,
    pub(super) newest_notice: i64,
}

impl<'c> Finder<'c> {
    pub(super) fn new(conn: &'c Connection, site: Option<&str>) -> rusqlite::Result<Self> {
        let number = |sql: &str| -> rusqlite::Result<i64> {
            Ok(conn.prepare_cached(sql)?.query_row([], |r| r.get(0)).optional()?.unwrap_or_default())
        };
        let sites = match site {
            Some(site) => vec![site.to_owned()],
            None => lookup::all_sites(conn)?,
        };
        let newest = number("SELECT coalesce(max(seq), 0) FROM events")?;
        let indexed =
            number("SELECT CAST(value AS INTEGER) FROM insight.meta WHERE key = 'events'")?.min(newest);
        Ok(Self {
            conn,
            sites,
            oldest: number("SELECT coalesce(min(seq), 0) FROM events")?,
            newest,
            indexed,
            looked_from: indexed.max(newest - NEWEST_EVENTS),
            newest_notice: number("SELECT coalesce(max(seq), 0) FROM notices")?,
        })
    }

    /// Events with this event id or of this order, newest first.
    pub(super) fn of_id_or_order(&self, text: &str, most: usize) -> rusqlite::Result<Vec<i64>> {
        let mut found = self.not_indexed(text)?;
        for kind in [Kind::Id, Kind::Order] {
            found.extend(self.indexed(kind, text, most)?);
        }
        // A key is eight bytes of a hash, and those of all sites lie together.
        let sql = "SELECT 1 FROM events WHERE seq = ?1 AND (event_id = ?2 OR order_id = ?2) AND site IN (SELECT value FROM \
                   json_each(?3))";
        let mut check = self.conn.prepare_cached(sql)?;
        let sites = serde_json::to_string(&self.sites).unwrap_or_default();
        let mut kept = Vec::new();
        for seq in found.into_iter().rev() {
            if check.exists(params![seq, text, sites])? {
                kept.push(seq);
            }
            if kept.len() >= most {
                break;
            }
        }
        Ok(kept)
    }

    fn indexed(&self, kind: Kind, text: &str, most: usize) -> rusqlite::Result<Vec<i64>> {
        if self.newest == 0 {
            return Ok(Vec::new());
        }
        lookup::seqs(self.conn, kind, text, (self.newest + 1, self.oldest), most)
    }

    /// The newest events, which no index may have yet.
    fn not_indexed(&self, text: &str) -> rusqlite::Result<BTreeSet<i64>> {
        // Numbers first: these columns lie before the body, so that no long row is read to its end.
        let sql = "SELECT seq FROM events WHERE seq > ?1 AND (event_id = ?2 OR order_id = ?2)";
        let mut select = self.conn.prepare_cached(sql)?;
        select.query_map(params![self.looked_from, text], |r| r.get(0))?.collect()
    }

    /// Events whose id is spelled nearly so, newest first. The index folds ids; every hit is compared.
    pub(super) fn near(&self, text: &str, most: usize) -> rusqlite::Result<Vec<i64>> {
        let mut found = BTreeSet::new();
        if let Some(folded) = ids::folded(text) {
            found.extend(self.indexed(Kind::Near, &folded, 4 * most)?);
        }
        for spelling in spellings(text) {
            found.extend(self.of_id_or_order(&spelling, most)?);
        }
        let mut kept: Vec<i64> = Vec::new();
        let mut ids = BTreeSet::new();
        let sql = "SELECT site, event_id FROM events WHERE seq = ?1";
        let mut select = self.conn.prepare_cached(sql)?;
        for seq in found.into_iter().rev() {
            let named = |r: &rusqlite::Row<'_>| Ok((r.get::<_, String>(0)?, r.get::<_, String>(1)?));
            let Some((site, id)) = select.query_row([seq], named).optional()? else { continue };
            if self.sites.contains(&site) && id != text && are_alike(&id, text) && ids.insert((site, id)) {
                kept.push(seq);
            }
        }
        kept.truncate(most);
        Ok(kept)
    }

    /// Events of this visitor, newest first.
    pub(super) fn of_visitor(&self, visitor: &str, most: usize) -> rusqlite::Result<Vec<i64>> {
        self.indexed(Kind::Visitor, visitor, most)
    }
}

fn are_alike(a: &str, b: &str) -> bool {
    tandem_core::claim::near_miss(a, b) || ids::folded(a).is_some_and(|folded| ids::folded(b) == Some(folded))
}

/// The same order's number with and without what often stands before it; not the spelling itself.
pub(super) fn spellings(id: &str) -> Vec<String> {
    let bare = PREFIXES.iter().find_map(|prefix| id.strip_prefix(prefix)).unwrap_or(id);
    let number = bare.trim_start_matches('0');
    let all = [bare, number].into_iter().filter(|bare| !bare.is_empty()).flat_map(|bare| {
        PREFIXES.iter().map(move |prefix| format!("{prefix}{bare}")).chain([bare.to_owned()])
    });
    let mut spellings: Vec<String> = all.filter(|spelling| spelling != id).collect();
    spellings.sort_unstable();
    spellings.dedup();
    spellings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_orders_number_is_tried_with_its_usual_prefixes() {
        assert!(spellings("891").contains(&"wc_order_891".to_owned()));
        assert!(spellings("order-0891").contains(&"891".to_owned()));
        assert!(!spellings("891").contains(&"891".to_owned()));
    }

    #[test]
    fn only_spellings_of_one_id_are_alike() {
        assert!(are_alike("order-891", "order_891"));
        assert!(are_alike("Order_891", "891"));
        assert!(!are_alike("order_891", "order_892"));
    }
}
