//! What a search asks for and finds, and reading a found event for a list.

use std::collections::BTreeSet;

use rusqlite::{Connection, Row};
use serde::Serialize;
use tandem_core::{Amount, Currency, Event, Severity};

use super::event::channel;
use crate::LaneId;

/// What is searched for; everything that is given must fit.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// An event id, order id, visitor id, e-mail address (or its SHA-256) or id of the shop's, as a whole. Nothing of it is
    /// kept.
    pub text: Option<String>,
    /// Site.
    pub site: Option<String>,
    /// Event name.
    pub event_name: Option<String>,
    /// Source.
    pub source: Option<String>,
    /// `browser`, `server` or `offline`.
    pub channel: Option<String>,
    /// Code of a finding, of the event alone or together with others.
    pub finding: Option<String>,
    /// Destination with a delivery of it.
    pub destination: Option<String>,
    /// State of such a delivery: `waiting`, `delivered`, `skipped`, `rejected` or `expired`.
    pub state: Option<String>,
    /// Code of such a delivery.
    pub code: Option<String>,
    /// Came in at this time or later, Unix milliseconds.
    pub from_ms: Option<i64>,
    /// Came in before this time.
    pub to_ms: Option<i64>,
    /// Only events before this number: [`Found::next`] of the page before.
    pub before: Option<i64>,
    /// At most so many; 50 when 0.
    pub limit: usize,
}

/// What was found, newest first.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Found {
    /// The events.
    pub events: Vec<FoundEvent>,
    /// Where to go on, as [`Search::before`]; `None` when everything was looked at.
    pub next: Option<i64>,
    /// How far back was looked, Unix milliseconds: when the oldest event came in that was looked at. `None` with an empty log.
    pub looked_back_to_ms: Option<i64>,
    /// Whether everything was looked at.
    pub complete: bool,
    /// Events that no index has yet and that were not looked at either.
    pub not_indexed: i64,
}

/// An event in a list.
#[derive(Debug, Clone, Serialize)]
pub struct FoundEvent {
    /// Position in the log.
    pub seq: i64,
    /// When it came in, Unix milliseconds.
    pub received_ms: i64,
    /// When it happened, Unix seconds.
    pub event_time: i64,
    /// Site.
    pub site: String,
    /// Source.
    pub source: String,
    /// `browser`, `server`, `offline`; `unknown` when the event cannot be read.
    pub channel: &'static str,
    /// Event name.
    pub event_name: String,
    /// Event id.
    pub event_id: String,
    /// Order.
    pub order_id: Option<String>,
    /// Its number, where that is not the id.
    pub order_number: Option<String>,
    /// Value.
    pub value: Option<Amount>,
    /// Its currency.
    pub currency: Option<Currency>,
    /// Word on advertising: `granted`, `denied` or `unknown`.
    pub advertising: &'static str,
    /// Findings, each code once.
    pub findings: Vec<FoundFinding>,
    /// What became of it.
    pub deliveries: Vec<FoundDelivery>,
}

/// A finding of an event in a list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct FoundFinding {
    /// Stable code.
    pub code: String,
    /// How much it matters.
    pub severity: Severity,
}

/// A delivery of an event in a list.
#[derive(Debug, Clone, Serialize)]
pub struct FoundDelivery {
    /// Its queue.
    pub lane: LaneId,
    /// Destination.
    pub destination: String,
    /// `waiting`, `delivered`, `skipped`, `rejected` or `expired`.
    pub state: &'static str,
    /// Code.
    pub code: Option<String>,
}

/// Names of the states in the file.
pub(super) const STATES: [&str; 5] = ["waiting", "delivered", "skipped", "rejected", "expired"];

fn state_text(state: i64) -> &'static str {
    usize::try_from(state).ok().and_then(|at| STATES.get(at)).copied().unwrap_or("expired")
}

pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<(FoundEvent, Option<Event>)> {
    let body: Option<Event> = serde_json::from_str(row.get_ref(8)?.as_str()?).ok();
    let event = FoundEvent {
        seq: row.get(0)?,
        received_ms: row.get(1)?,
        event_time: row.get(2)?,
        site: row.get(3)?,
        source: row.get(4)?,
        channel: body.as_ref().map_or("unknown", |b| channel(b.channel)),
        event_name: row.get(5)?,
        event_id: row.get(6)?,
        order_id: row.get(7)?,
        order_number: body.as_ref().and_then(|b| b.order_number.clone()),
        value: body.as_ref().and_then(|b| b.value),
        currency: body.as_ref().and_then(|b| b.currency),
        advertising: body.as_ref().map_or("unknown", |b| b.consent.advertising.text()),
        findings: Vec::new(),
        deliveries: Vec::new(),
    };
    Ok((event, body))
}

pub(super) fn findings(
    conn: &Connection,
    seq: i64,
    body: Option<&Event>,
) -> rusqlite::Result<Vec<FoundFinding>> {
    let door = body.into_iter().flat_map(|b| &b.findings);
    let door = door.map(|f| FoundFinding { code: f.code.clone().into_owned(), severity: f.severity });
    let mut all: BTreeSet<FoundFinding> = door.collect();
    let mut select =
        conn.prepare_cached("SELECT code, severity FROM insight.observations WHERE event_seq = ?1")?;
    for row in select.query_map([seq], |r| Ok((r.get(0)?, r.get::<_, String>(1)?)))? {
        let (code, severity) = row?;
        all.insert(FoundFinding { code, severity: severity_of(&severity) });
    }
    Ok(all.into_iter().collect())
}

pub(super) fn severity_of(text: &str) -> Severity {
    match text {
        "info" => Severity::Info,
        "error" => Severity::Error,
        _ => Severity::Warning,
    }
}

pub(super) fn deliveries(conn: &Connection, seq: i64) -> rusqlite::Result<Vec<FoundDelivery>> {
    conn.prepare_cached(
        "SELECT d.lane, l.destination, d.state, d.code FROM deliveries AS d JOIN lanes AS l ON l.id = d.lane
         WHERE d.event_seq = ?1 ORDER BY d.seq",
    )?
    .query_map([seq], |r| {
        let state = state_text(r.get(2)?);
        Ok(FoundDelivery { lane: LaneId(r.get(0)?), destination: r.get(1)?, state, code: r.get(3)? })
    })?
    .collect()
}
