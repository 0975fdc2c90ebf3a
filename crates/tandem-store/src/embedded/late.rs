//! The browser half that arrives late: it completes what waits for it, and takes up what was skipped for want of it.

use rusqlite::{Connection, OptionalExtension, params};
use tandem_core::claim::{ClaimKey, OrderState};
use tandem_core::{Event, session};

use super::claims::{Claim, ClaimIndex};
use super::record::Columns;
use super::write::{Appender, keep_address, state};
use super::{ledger, sessions};
use crate::{LaneId, NewEvent, OrderClaim};

/// An event that was skipped because nobody told about consent may be taken up again for this long: no platform takes
/// older ones.
const HORIZON_MS: i64 = 7 * 86_400_000;

/// As what a delivery is counted whose skip was undone.
const TAKEN_UP: &str = "taken_up";

/// Code of the skip that a visitor's word can undo.
pub(super) const CONSENT_UNKNOWN: &str = tandem_core::consent::UNKNOWN;

/// Instead of that skip, when the word is there by now.
pub(super) const AGAIN: Columns<'static> =
    (state::WAITING, None, false, Some("retry"), Some("the visitor's word on consent just came in"));

/// A visitor was seen with the order. What the page told lets its events go, which need not wait any longer; what the
/// visitor said on consent takes up those that were skipped for want of it.
pub(super) fn order_seen(
    appender: &mut Appender<'_>,
    claims: &mut ClaimIndex,
    site: &str,
    order_id: &str,
    now_ms: i64,
) -> rusqlite::Result<()> {
    let conn = appender.conn;
    let Some(order) = ledger::known(conn, site, order_id)? else { return Ok(()) };
    let session = match sessions::of_order(conn, site, order_id)? {
        Some(session) => session,
        None => match sessions::refusal(conn, site, order_id)? {
            Some(refused) => refused,
            None => return Ok(()),
        },
    };
    for event_seq in order.events {
        // A shop's second webhook names order and visitor too, and is no reason to give up waiting for the page.
        if session.was_on_a_page() || session.is_refused() {
            release(conn, event_seq, now_ms)?;
        }
        // Without a word it would only be skipped again, with every page that names the order.
        if session.has_word() {
            take_up(appender, claims, site, event_seq, now_ms)?;
        }
    }
    Ok(())
}

/// A second report of a sale: its word on consent counts where the first had none. What it knows completes a first one
/// that still waits for its page, and when it could have gone out by itself, the first does.
pub(super) fn second_report(
    conn: &Connection,
    known: &OrderState,
    event: &NewEvent,
    order: &OrderClaim,
    now_ms: i64,
) -> rusqlite::Result<()> {
    if let Some(order_id) = &event.order_id {
        ledger::keep_word(conn, &event.site, order_id, &order.event.consent)?;
    }
    let Some(&first) = known.events.last() else { return Ok(()) };
    let held: Option<String> = conn
        .prepare_cached(
            "SELECT e.body FROM events AS e WHERE e.seq = ?1 AND EXISTS (SELECT 1 FROM deliveries AS d
               WHERE d.event_seq = e.seq AND d.state = 0)",
        )?
        .query_row([first], |r| r.get(0))
        .optional()?;
    let Some(mut waiting) = held.and_then(|body| serde_json::from_str::<Event>(&body).ok()) else {
        return Ok(());
    };
    session::complete(&mut waiting, &order.event);
    let body = serde_json::to_string(&waiting).unwrap_or_default();
    conn.prepare_cached(
        "INSERT INTO revisions (event_seq, at_ms, body) SELECT seq, ?3, body FROM events WHERE seq = ?1 AND body <> ?2",
    )?
    .execute(params![first, body, now_ms])?;
    conn.prepare_cached("UPDATE events SET body = ?2 WHERE seq = ?1")?.execute(params![first, body])?;
    keep_address(conn, first, event.address.as_deref())?;
    if event.deliveries.iter().any(|d| d.skip.is_none() && d.hold_ms == 0) {
        release(conn, first, now_ms)?;
    }
    Ok(())
}

/// A delivery without an attempt that is due later is held: nothing else makes one.
fn release(conn: &Connection, event_seq: i64, now_ms: i64) -> rusqlite::Result<()> {
    conn.prepare_cached(
        "UPDATE deliveries SET due_ms = ?2 WHERE event_seq = ?1 AND state = 0 AND attempts = 0 AND due_ms > ?2",
    )?
    .execute([event_seq, now_ms])?;
    Ok(())
}

struct Skip {
    seq: i64,
    lane: LaneId,
    destination: String,
    event_name: String,
    event_id: String,
}

fn take_up(
    appender: &mut Appender<'_>,
    claims: &mut ClaimIndex,
    site: &str,
    event_seq: i64,
    now_ms: i64,
) -> rusqlite::Result<()> {
    let conn = appender.conn;
    let skips = conn
        .prepare_cached(
            "SELECT d.seq, d.lane, l.destination, e.event_name, e.event_id
             FROM deliveries AS d JOIN events AS e ON e.seq = d.event_seq JOIN lanes AS l ON l.id = d.lane
             WHERE d.event_seq = ?1 AND d.state = 2 AND d.code = 'consent_unknown' AND e.received_ms > ?2",
        )?
        .query_map([event_seq, now_ms - HORIZON_MS], |r| {
            let (seq, lane) = (r.get(0)?, LaneId(r.get(1)?));
            Ok(Skip { seq, lane, destination: r.get(2)?, event_name: r.get(3)?, event_id: r.get(4)? })
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    for skip in skips {
        // Meanwhile the claim may have gone to another event, which is then the one that counts.
        let claim = Claim {
            key: ClaimKey::new(site, &skip.destination, &skip.event_name, &skip.event_id),
            lane: skip.lane,
            event_seq,
            until_ms: now_ms + HORIZON_MS,
        };
        if claims.take(conn, &mut appender.claim, &claim, now_ms)?.is_none() {
            conn.prepare_cached(
                "UPDATE deliveries SET state = 0, due_ms = ?2, code = NULL, message = NULL WHERE seq = ?1",
            )?
            .execute([skip.seq, now_ms])?;
            appender.counts.came_to(now_ms, skip.lane, state::WAITING, TAKEN_UP);
        }
    }
    Ok(())
}

/// Whether the visitor's word came in while a lane was deciding without it. Yes at most once a delivery, which must
/// have no code yet: another clue may lead the lane to a session without a word, again and again.
pub(super) fn word_came_meanwhile(conn: &Connection, delivery: i64) -> rusqlite::Result<bool> {
    let order: Option<(String, String)> = conn
        .prepare_cached(
            "SELECT e.site, e.order_id FROM deliveries AS d JOIN events AS e ON e.seq = d.event_seq
             WHERE d.seq = ?1 AND d.state = 0 AND d.code IS NULL AND e.order_id IS NOT NULL",
        )?
        .query_row([delivery], |r| Ok((r.get(0)?, r.get(1)?)))
        .optional()?;
    let Some((site, order_id)) = order else { return Ok(false) };
    Ok(sessions::of_order(conn, &site, &order_id)?.is_some_and(|session| session.has_word()))
}
