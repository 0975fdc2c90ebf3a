//! The order ledger: what was reported of an order, and what of a new report is new.

use rusqlite::{Connection, OptionalExtension, params};
use tandem_core::claim::{self, ClaimKey, OrderDecision, OrderReport, OrderState};

use tandem_core::Amount;
use tandem_core::consent::{self, Consent};
use tandem_core::quality::ids;

use super::write::{notice_of, write_notice};
use crate::{NewDelivery, NewEvent, NoticeKind, OrderClaim};

/// What becomes of a report. With it comes what is to be noted when the event has its place in the log.
pub(super) enum Ledger {
    Report(Entry),
    Duplicate(OrderState),
    Growth(Box<NewEvent>, Entry),
}

/// What the ledger keeps of a report.
pub(super) struct Entry {
    /// The order's new state; none for an event that goes nowhere.
    state: Option<OrderState>,
    /// What the buyer chose, if anything.
    word: Option<String>,
}

/// What was reported of an order.
pub(super) fn known(conn: &Connection, site: &str, order_id: &str) -> rusqlite::Result<Option<OrderState>> {
    let text: Option<String> = conn
        .prepare_cached("SELECT state FROM orders WHERE site = ?1 AND order_id = ?2")?
        .query_row([site, order_id], |r| r.get(0))
        .optional()?;
    // Of an order that only left its word nothing was reported: its state is empty.
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
}

/// What the buyer chose, of the first of these orders that has it.
pub(super) fn consent_of(
    conn: &Connection,
    site: &str,
    order_ids: &[&str],
) -> rusqlite::Result<Option<Consent>> {
    let mut select = conn.prepare_cached("SELECT consent FROM orders WHERE site = ?1 AND order_id = ?2")?;
    for order_id in order_ids {
        let text: Option<String> = select.query_row([site, order_id], |r| r.get(0)).optional()?.flatten();
        if let Some(consent) = text.and_then(|text| serde_json::from_str(&text).ok()) {
            return Ok(Some(consent));
        }
    }
    Ok(None)
}

/// A choice as it is kept; a preset of the shop's tool is none.
fn word_of(consent: &Consent) -> Option<String> {
    consent.has_choice().then(|| serde_json::to_string(consent).ok()).flatten()
}

/// Keeps what the buyer chose with an order that is known, unless a choice is kept already: the first stays, also when it
/// was taken back since, which is the session's to say.
pub(super) fn keep_word(
    conn: &Connection,
    site: &str,
    order_id: &str,
    consent: &Consent,
) -> rusqlite::Result<()> {
    if let Some(word) = word_of(consent) {
        conn.prepare_cached(
            "UPDATE orders SET consent = ?3 WHERE site = ?1 AND order_id = ?2 AND consent IS NULL",
        )?
        .execute(params![site, order_id, word])?;
    }
    Ok(())
}

/// Asks the ledger about a report.
pub(super) fn decide(
    conn: &Connection,
    event: &NewEvent,
    order: &OrderClaim,
    order_id: &str,
    now_ms: i64,
) -> rusqlite::Result<Ledger> {
    let known = match known(conn, &event.site, order_id)? {
        Some(state) if came_to_nothing(conn, &state)? => None,
        known => known,
    };
    let decision = claim::decide(known.as_ref(), &order.report, &event.event_id, order.total, order.currency);
    let mut state = known.unwrap_or_else(|| OrderState::new(order.currency));
    let is_first = decision == OrderDecision::First;
    let grown = match decision {
        OrderDecision::Duplicate => return Ok(Ledger::Duplicate(state)),
        OrderDecision::First => {
            state.reported = order.total;
            None
        }
        OrderDecision::OtherId => {
            if !is_beside(&state, &event.event_id, order) {
                let text =
                    format!("order reported before as {}; taken, since its value differs", state.first_id());
                write_notice(conn, &notice_of(event, NoticeKind::NearMiss, "order_other_id", &text), now_ms)?;
            }
            let sum = |(a, b): (Amount, Amount)| a.decimal().checked_add(b.decimal()).map(Amount::new);
            state.reported = state.reported.zip(order.total).and_then(sum);
            None
        }
        OrderDecision::Growth { n, difference } => {
            state.reported = order.total;
            state.bumps = n;
            Some(Box::new(grown(event, order, &state, n, difference)))
        }
    };
    let reported = grown.as_deref().unwrap_or(event);
    // An order that goes nowhere (no consent yet, too old) is not reported: a later webhook may find it otherwise.
    let goes_nowhere =
        !reported.deliveries.is_empty() && reported.deliveries.iter().all(|d| d.skip.is_some());
    // But one that only lacks a word on consent can be taken up when the word comes: then its place must be known.
    let lacks_word = |d: &NewDelivery| d.skip.as_ref().is_some_and(|s| s.code == consent::UNKNOWN);
    let goes_nowhere = goes_nowhere && !(is_first && reported.deliveries.iter().any(lacks_word));
    let state = (!goes_nowhere).then(|| {
        state.event_ids.push(reported.event_id.clone());
        for line in &order.lines {
            if !state.lines.contains(line) {
                state.lines.push(line.clone());
            }
        }
        state
    });
    let entry = Entry { state, word: word_of(&order.event.consent) };
    Ok(match grown {
        Some(grown) => Ledger::Growth(grown, entry),
        None => Ledger::Report(entry),
    })
}

/// Whether the shop's own code put something behind the first id for what was bought beside, as everybody is told to do
/// (`order_891_upsell_1`). More than was reported so far may be the whole order once more.
fn is_beside(known: &OrderState, event_id: &str, order: &OrderClaim) -> bool {
    let sums = known.reported.zip(order.total);
    ids::extends(known.first_id(), event_id)
        && sums.is_some_and(|(reported, total)| !total.grew_from(reported))
}

/// Whether everything that was reported of the order was skipped later for want of consent: then nobody was told, and
/// the order is as good as new.
fn came_to_nothing(conn: &Connection, order: &OrderState) -> rusqlite::Result<bool> {
    // What is not known to the last event may have been sent.
    if order.events.is_empty() || order.events.len() != order.event_ids.len() {
        return Ok(false);
    }
    // A destination may have skipped it for reasons of its own; as a duplicate it was sent for another event's sake.
    let mut select = conn.prepare_cached(
        "SELECT min(state = 2 AND code <> 'duplicate') AND max(code IN ('consent_unknown', 'consent_denied'))
         FROM deliveries WHERE event_seq = ?1",
    )?;
    for event_seq in &order.events {
        let nothing: Option<bool> = select.query_row([event_seq], |r| r.get(0))?;
        if nothing != Some(true) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Notes an order's new state, its event's place in the log included, and what the buyer chose.
pub(super) fn note(
    conn: &Connection,
    site: &str,
    order_id: &str,
    entry: Entry,
    event_seq: i64,
    now_ms: i64,
) -> rusqlite::Result<()> {
    let Entry { state, word } = entry;
    let Some(mut state) = state else {
        return word.map_or(Ok(()), |word| note_word(conn, site, order_id, &word, now_ms));
    };
    state.events.push(event_seq);
    let text = serde_json::to_string(&state).unwrap_or_default();
    conn.prepare_cached(
        "INSERT INTO orders (site, order_id, at_ms, state, consent) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (site, order_id) DO UPDATE SET at_ms = excluded.at_ms, state = excluded.state,
           consent = coalesce(consent, excluded.consent)",
    )?
    .execute(params![site, order_id, now_ms, text, word])?;
    Ok(())
}

/// Notes what the buyer of an order chose of which nothing is reported. The state stays what it is, empty at first.
fn note_word(conn: &Connection, site: &str, order_id: &str, word: &str, now_ms: i64) -> rusqlite::Result<()> {
    conn.prepare_cached(
        "INSERT INTO orders (site, order_id, at_ms, state, consent) VALUES (?1, ?2, ?3, '', ?4)
         ON CONFLICT (site, order_id) DO UPDATE SET consent = excluded.consent WHERE consent IS NULL",
    )?
    .execute(params![site, order_id, now_ms, word])?;
    Ok(())
}

/// The event for an order's growth: the lines not reported yet, the difference as value, a suffixed id.
fn grown(event: &NewEvent, order: &OrderClaim, known: &OrderState, n: u32, difference: Amount) -> NewEvent {
    let mut grown = (*order.event).clone();
    grown.event_id = claim::bump_id(known.first_id(), n);
    grown.value = Some(difference);
    grown.contents.retain(|item| item.line_id.as_ref().is_none_or(|line| !known.lines.contains(line)));
    if let OrderReport::Snapshot { changed_at } = order.report {
        grown.event_time = changed_at.max(grown.event_time);
    }
    let delivery = |d: &NewDelivery| NewDelivery {
        claim: ClaimKey::new(&event.site, d.destination, &event.event_name, &grown.event_id),
        // It is as young as the change; whether that is young enough is asked again before sending.
        skip: d.skip.clone().filter(|skip| skip.code != "event_too_old"),
        ..d.clone()
    };
    let deliveries = event.deliveries.iter().map(delivery).collect();
    NewEvent {
        site: event.site.clone(),
        source: event.source,
        event_name: event.event_name.clone(),
        event_id: grown.event_id.clone(),
        event_time: grown.event_time,
        order_id: event.order_id.clone(),
        body: serde_json::to_string(&grown).unwrap_or_default(),
        address: event.address.clone(),
        deliveries,
        order: None,
    }
}
