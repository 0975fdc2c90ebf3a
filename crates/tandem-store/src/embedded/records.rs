//! What was ruled on consent, one record an event and destination: what a shop shows when it is asked.

use std::collections::BTreeMap;

use rusqlite::Row;
use serde::{Deserialize, Serialize};
use tandem_core::Channel;
use tandem_core::consent::{Consent, Evidence};

use super::write::state;

/// One event for one destination, and what was known of consent; flat, so that it fits a row. Nothing in it is a hash, an
/// address or a click id.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ConsentRecord {
    /// When the event came in, ISO 8601 in UTC with milliseconds.
    pub received_at: String,
    /// When it happened, ISO 8601 in UTC.
    pub event_time: String,
    /// Site.
    pub site: String,
    /// Source name.
    pub source: String,
    /// `browser`, `server` or `offline`.
    pub channel: Channel,
    /// Standard name.
    pub event_name: String,
    /// Shared id.
    pub event_id: String,
    /// Order, if there is one.
    pub order_id: Option<String>,
    /// Our own visitor id, if the event carried it.
    pub visitor: Option<String>,
    /// Where the visitor is.
    pub region: Option<String>,
    /// `granted`, `denied` or `unknown`.
    pub advertising: &'static str,
    /// The same of statistics.
    pub analytics: &'static str,
    /// The same of comfort.
    pub functional: &'static str,
    /// Purposes whose status is a preset and no choice, with spaces between.
    pub by_default: String,
    /// The browser sent Global Privacy Control.
    pub gpc: bool,
    /// Opted out of sale or sharing.
    pub opt_out_of_sale: bool,
    /// The signal that told.
    pub signal: Option<String>,
    /// Its raw value, cut short.
    pub signal_value: Option<String>,
    /// When it was said, ISO 8601 in UTC with milliseconds.
    pub said_at: Option<String>,
    /// More than the signal's name: `most_restrictive`, `withdrawn`.
    pub note: Option<String>,
    /// Where the word came from when not with the event itself: `session via order_id`, `order`.
    pub supplied_by: Option<String>,
    /// What was said of single platforms: `meta=granted tiktok=denied`.
    pub vendors: String,
    /// The destination; none for an event of a site that sends nowhere, and in the four after it.
    pub destination: Option<String>,
    /// `waiting`, `delivered`, `skipped`, `rejected` or `expired`.
    pub state: Option<&'static str>,
    /// `send`, `without_identity`, `anonymise` or `suppress`; none when an earlier version made the delivery.
    pub ruling: Option<String>,
    /// Restricted processing under US state laws; known with the ruling.
    pub limited_data_use: Option<bool>,
    /// Why it was ruled so: the signal, or the rule in its absence.
    pub reason: Option<String>,
    /// Code of what became of the delivery, if it has one.
    pub code: Option<String>,
    /// When the call began that delivered it, ISO 8601 in UTC with milliseconds.
    pub sent_at: Option<String>,
}

impl ConsentRecord {
    /// The names of its fields in their order, for tables.
    pub const COLUMNS: [&str; 29] = [
        "received_at",
        "event_time",
        "site",
        "source",
        "channel",
        "event_name",
        "event_id",
        "order_id",
        "visitor",
        "region",
        "advertising",
        "analytics",
        "functional",
        "by_default",
        "gpc",
        "opt_out_of_sale",
        "signal",
        "signal_value",
        "said_at",
        "note",
        "supplied_by",
        "vendors",
        "destination",
        "state",
        "ruling",
        "limited_data_use",
        "reason",
        "code",
        "sent_at",
    ];
}

/// Of an event's body, what a record needs.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    channel: Channel,
    session_id: Option<String>,
    consent: Consent,
    supplied: BTreeMap<String, Supplied>,
}

#[derive(Deserialize)]
struct Supplied {
    from: String,
    via: Option<String>,
}

/// The columns that [`of_event`] reads.
pub(super) const EVENT_COLUMNS: &str =
    "seq, received_ms, site, source, event_name, event_id, event_time, order_id, body";

/// The event's part of its records.
pub(super) fn of_event(row: &Row<'_>) -> rusqlite::Result<ConsentRecord> {
    // What cannot be read any more tells of no consent.
    let body: Body = serde_json::from_str(row.get_ref(8)?.as_str()?).unwrap_or_default();
    let Body { channel, session_id, consent, supplied } = body;
    let Evidence { signal, value, at_ms, note } = consent.evidence.unwrap_or_default();
    let pairs = consent.vendors.iter().map(|(name, status)| format!("{name}={}", status.text()));
    Ok(ConsentRecord {
        received_at: millis(row.get(1)?),
        event_time: seconds(row.get(6)?),
        site: row.get(2)?,
        source: row.get(3)?,
        channel,
        event_name: row.get(4)?,
        event_id: row.get(5)?,
        order_id: row.get(7)?,
        visitor: session_id,
        region: consent.region,
        advertising: consent.advertising.text(),
        analytics: consent.analytics.text(),
        functional: consent.functional.text(),
        by_default: joined(consent.by_default.iter().map(|purpose| purpose.text().to_owned())),
        gpc: consent.gpc,
        opt_out_of_sale: consent.opt_out_of_sale,
        signal: Some(signal.into_owned()).filter(|s| !s.is_empty()),
        signal_value: value,
        said_at: at_ms.map(millis),
        note: note.map(Into::into),
        supplied_by: supplied.get("consent").map(Supplied::text),
        vendors: joined(pairs),
        ..ConsentRecord::default()
    })
}

/// The columns that [`with_delivery`] reads, of `deliveries AS d`, `lanes AS l` and `attempts AS a`.
pub(super) const DELIVERY_COLUMNS: &str = "l.destination, d.state, d.consent, d.code, a.started_ms";

/// The record of one delivery of the event.
pub(super) fn with_delivery(event: &ConsentRecord, row: &Row<'_>) -> rusqlite::Result<ConsentRecord> {
    let state: i64 = row.get(1)?;
    let ruling: Option<String> = row.get(2)?;
    let ruling = ruling.as_deref().and_then(|text| text.split_once(':'));
    let plain = |decision: &str| decision.strip_suffix("+limited").unwrap_or(decision).to_owned();
    let started_ms: Option<i64> = row.get(4)?;
    Ok(ConsentRecord {
        destination: row.get(0)?,
        state: Some(state_text(state)),
        ruling: ruling.map(|(decision, _)| plain(decision)),
        limited_data_use: ruling.map(|(decision, _)| decision.ends_with("+limited")),
        reason: ruling.map(|(_, reason)| reason.to_owned()),
        code: row.get(3)?,
        sent_at: started_ms.filter(|_| state == state::DELIVERED).map(millis),
        ..event.clone()
    })
}

impl Supplied {
    fn text(&self) -> String {
        match &self.via {
            Some(via) => format!("{} via {via}", self.from),
            None => self.from.clone(),
        }
    }
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(" ")
}

fn state_text(state: i64) -> &'static str {
    match state {
        state::WAITING => "waiting",
        state::DELIVERED => "delivered",
        state::SKIPPED => "skipped",
        state::REJECTED => "rejected",
        _ => "expired",
    }
}

/// Empty for a time that no calendar has.
fn millis(at_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(at_ms).map(|at| format!("{at:.3}")).unwrap_or_default()
}

fn seconds(at_s: i64) -> String {
    jiff::Timestamp::from_second(at_s).map(|at| at.to_string()).unwrap_or_default()
}
