//! What is remembered of visitors, and what leads to them: the orders and e-mail addresses they were seen with.

use rusqlite::{Connection, OptionalExtension, Row, params};
use tandem_core::identity::EmailHashes;
use tandem_core::session::{Clues, Session, Touch, Via};

use crate::Remembered;

const DAY_MS: i64 = 86_400_000;

const ORDER: &str = "order";
const EMAIL: &str = "email";
/// An order that was named together with a no.
const REFUSED: &str = "refused";

/// Days since 1970.
fn day_of(at_ms: i64) -> i64 {
    at_ms.div_euclid(DAY_MS)
}

/// A session's row without its key.
struct Known {
    seq: i64,
    day: i64,
    ip: Option<String>,
    ip_day: Option<i64>,
    state: String,
}

/// Adds a touch to its visitor's session, and lets its orders and e-mail addresses lead there. Whether a visitor who is
/// known said no.
pub(super) fn touch(conn: &Connection, site: &str, touch: &Touch) -> rusqlite::Result<bool> {
    if touch.is_refusal() {
        return forget(conn, site, touch);
    }
    let (is_taken, takes_back) = remember(conn, site, touch)?;
    if is_taken {
        link(conn, site, touch)?;
    }
    Ok(takes_back)
}

fn link(conn: &Connection, site: &str, touch: &Touch) -> rusqlite::Result<()> {
    let day = day_of(touch.at_ms);
    let orders = touch.orders.iter().map(|order| (ORDER, order.as_str()));
    let emails = touch.email.iter().filter_map(EmailHashes::sha256).map(|hash| (EMAIL, hash));
    for (kind, key) in orders.chain(emails) {
        // An address leads to the newest visitor who gave it. An order has one buyer: two visitors that name it contest
        // it, and it leads nowhere, since anybody can name an order. What stands there is not written twice a day.
        conn.prepare_cached(
            "INSERT INTO session_links (site, kind, key, visitor, day) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (site, kind, key) DO UPDATE SET day = max(day, excluded.day),
               visitor = CASE WHEN kind = 'order' AND visitor <> excluded.visitor THEN '' ELSE excluded.visitor END
             WHERE excluded.day > day OR (excluded.day = day AND excluded.visitor <> visitor)
               OR (kind = 'order' AND excluded.visitor <> visitor)",
        )?
        .execute(params![site, kind, key, touch.visitor, day])?;
    }
    Ok(())
}

/// A visitor who said no, and is known: what was remembered goes, the no stays, and what led to them still does. Whether
/// that is news: a no that is older than the newest word, or was heard before, is none.
fn forget(conn: &Connection, site: &str, touch: &Touch) -> rusqlite::Result<bool> {
    let Some(known) = known(conn, site, &touch.visitor)? else { return refuse_orders(conn, site, touch) };
    let before: Session = serde_json::from_str(&known.state).unwrap_or_default();
    link_refused(conn, site, touch)?;
    let mut session = before.clone();
    session.add(touch);
    if !session.is_refused() || session == before {
        return Ok(false);
    }
    let is_new = !before.is_refused() || session.said_ms() != before.said_ms();
    let state = serde_json::to_string(&session).unwrap_or_default();
    conn.prepare_cached("UPDATE sessions SET ip = NULL, ip_day = NULL, state = ?2 WHERE seq = ?1")?
        .execute(params![known.seq, state])?;
    Ok(is_new)
}

/// A stranger's no is not remembered, but for the orders it was said with (the shop's own report of them must find it),
/// and where something else was allowed under the visitor's id.
fn refuse_orders(conn: &Connection, site: &str, touch: &Touch) -> rusqlite::Result<bool> {
    if touch.orders.is_empty() && !touch.keeps_visitor {
        return Ok(false);
    }
    let mut session = Session::default();
    session.add(touch);
    let state = serde_json::to_string(&session).unwrap_or_default();
    conn.prepare_cached("INSERT INTO sessions (site, visitor, day, state) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![site, touch.visitor, day_of(touch.at_ms), state])?;
    link_refused(conn, site, touch)?;
    Ok(true)
}

/// Lets orders lead to the no they were named with; the first stays, since a page that is opened again says it again.
fn link_refused(conn: &Connection, site: &str, touch: &Touch) -> rusqlite::Result<()> {
    for order_id in &touch.orders {
        conn.prepare_cached(
            "INSERT OR IGNORE INTO session_links (site, kind, key, visitor, day) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![site, REFUSED, order_id, touch.visitor, day_of(touch.at_ms)])?;
    }
    Ok(())
}

/// The no that an order was named with.
pub(super) fn refusal(conn: &Connection, site: &str, order_id: &str) -> rusqlite::Result<Option<Session>> {
    let found = linked(conn, site, REFUSED, order_id, Via::OrderId)?;
    Ok(found.map(|found| found.session).filter(Session::is_refused))
}

/// Whether there was anything to remember (a visitor who said no is not remembered under an older yes), and whether a word
/// of it takes back what was allowed before.
fn remember(conn: &Connection, site: &str, touch: &Touch) -> rusqlite::Result<(bool, bool)> {
    let known = known(conn, site, &touch.visitor)?;
    let before: Session =
        known.as_ref().and_then(|k| serde_json::from_str(&k.state).ok()).unwrap_or_default();
    let mut session = before.clone();
    session.add(touch);
    if before.is_refused() && session.is_refused() {
        return Ok((false, false));
    }
    let said = before.consent.clone().unwrap_or_default();
    let takes_back = session.consent.as_ref().is_some_and(|word| word.denies_beyond(&said));
    // An address keeps the day it was seen on: whoever comes back without one does not lengthen its life.
    let seen = touch.address.as_ref().map(|ip| (ip.clone(), day_of(touch.at_ms)));
    let kept = known.as_ref().and_then(|k| k.ip.clone().zip(k.ip_day));
    let address = if touch.at_ms >= before.last_ms { seen.or(kept.clone()) } else { kept.clone().or(seen) };
    let is_news = session.is_news_after(&before) || address != kept;
    let (ip, ip_day) = address.unzip();
    let day = day_of(session.last_ms);
    // Sessions hold text, numbers and maps with text keys only: serialising cannot fail.
    let state = || serde_json::to_string(&session).unwrap_or_default();
    match known {
        None => conn
            .prepare_cached(
                "INSERT INTO sessions (site, visitor, day, ip, ip_day, state) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![site, touch.visitor, day, ip, ip_day, state()])?,
        Some(_) if !is_news => 0,
        // Columns that are not named leave their index alone.
        Some(known) if known.day == day && known.ip_day == ip_day => conn
            .prepare_cached("UPDATE sessions SET ip = ?2, state = ?3 WHERE seq = ?1")?
            .execute(params![known.seq, ip, state()])?,
        Some(known) => conn
            .prepare_cached(
                "UPDATE sessions SET day = ?2, ip = ?3, ip_day = ?4, state = ?5 WHERE seq = ?1",
            )?
            .execute(params![known.seq, day, ip, ip_day, state()])?,
    };
    Ok((true, takes_back))
}

fn known(conn: &Connection, site: &str, visitor: &str) -> rusqlite::Result<Option<Known>> {
    conn.prepare_cached("SELECT seq, day, ip, ip_day, state FROM sessions WHERE site = ?1 AND visitor = ?2")?
        .query_row([site, visitor], |r| {
            Ok(Known { seq: r.get(0)?, day: r.get(1)?, ip: r.get(2)?, ip_day: r.get(3)?, state: r.get(4)? })
        })
        .optional()
}

/// Finds the session of whoever the clues are of.
pub(super) fn find(conn: &Connection, site: &str, clues: &Clues) -> rusqlite::Result<Option<Remembered>> {
    if let Some(visitor) = &clues.visitor {
        let found = conn
            .prepare_cached("SELECT visitor, ip, state FROM sessions WHERE site = ?1 AND visitor = ?2")?
            .query_row([site, visitor], |r| remembered(r, Via::VisitorId))
            .optional()?;
        if found.is_some() {
            return Ok(found);
        }
    }
    let orders = clues.order_id.iter().map(|order| (Via::OrderId, ORDER, order));
    let emails = clues.email.iter().map(|hash| (Via::Email, EMAIL, hash));
    for (via, kind, key) in orders.chain(emails) {
        let found = linked(conn, site, kind, key, via)?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// The session of the visitor who was seen with the order.
pub(super) fn of_order(conn: &Connection, site: &str, order_id: &str) -> rusqlite::Result<Option<Session>> {
    Ok(linked(conn, site, ORDER, order_id, Via::OrderId)?.map(|found| found.session))
}

fn linked(
    conn: &Connection,
    site: &str,
    kind: &str,
    key: &str,
    via: Via,
) -> rusqlite::Result<Option<Remembered>> {
    conn.prepare_cached(
        "SELECT s.visitor, s.ip, s.state FROM session_links AS l
           JOIN sessions AS s ON s.site = l.site AND s.visitor = l.visitor
         WHERE l.site = ?1 AND l.kind = ?2 AND l.key = ?3",
    )?
    .query_row([site, kind, key], |r| remembered(r, via))
    .optional()
}

fn remembered(row: &Row<'_>, via: Via) -> rusqlite::Result<Remembered> {
    let session = serde_json::from_str(row.get_ref(2)?.as_str()?).unwrap_or_default();
    Ok(Remembered { via, visitor: row.get(0)?, session, address: row.get(1)? })
}

/// Rows forgotten in one step: they lie all over the file, so fewer than of the log.
const PRUNE_STEP: u32 = 100;

/// Forgets the oldest sessions and links whose last day was over before `cutoff_ms`; how many went.
pub(super) fn prune(conn: &Connection, cutoff_ms: i64) -> rusqlite::Result<usize> {
    let cutoff = params![day_of(cutoff_ms), PRUNE_STEP];
    let links = "DELETE FROM session_links WHERE seq IN
                   (SELECT seq FROM session_links WHERE day < ?1 ORDER BY day LIMIT ?2)";
    let sessions = "DELETE FROM sessions WHERE seq IN
                      (SELECT seq FROM sessions WHERE day < ?1 ORDER BY day LIMIT ?2)";
    Ok(conn.prepare_cached(links)?.execute(cutoff)? + conn.prepare_cached(sessions)?.execute(cutoff)?)
}

/// Forgets the oldest addresses seen on the day of `cutoff_ms` or before, so that none stays longer than was said; how
/// many went.
pub(super) fn prune_addresses(conn: &Connection, cutoff_ms: i64) -> rusqlite::Result<usize> {
    conn.prepare_cached(
        "UPDATE sessions SET ip = NULL, ip_day = NULL WHERE seq IN
           (SELECT seq FROM sessions WHERE ip_day <= ?1 ORDER BY ip_day LIMIT ?2)",
    )?
    .execute(params![day_of(cutoff_ms), PRUNE_STEP])
}
