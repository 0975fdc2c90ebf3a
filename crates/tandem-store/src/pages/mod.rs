//! What the inspector's pages ask. Roll-ups are read whole; the log is walked by number and never further than a page's
//! moment allows.

use rusqlite::Connection;
use tandem_core::Amount;

mod findings;
mod orders;
mod overview;

pub use findings::{
    CodeCount, CodeDay, CodeDetail, DeliveryCode, FoundTogether, NoticeCode, NoticeSample, Span,
};
pub use orders::{OrderNotice, OrderRow};
pub use overview::{ArrivalHour, Coverage, LaneOutcome, Overview, Revenue};

/// Where one delivery stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached {
    /// Destination.
    pub destination: String,
    /// `waiting`, `delivered`, `skipped`, `rejected` or `expired`.
    pub state: &'static str,
    /// Stable code, or nothing.
    pub code: String,
}

/// The word for a delivery's state, as the views write it.
fn state_word(state: i64) -> &'static str {
    match state {
        0 => "waiting",
        1 => "delivered",
        2 => "skipped",
        3 => "rejected",
        _ => "expired",
    }
}

/// Adds decimals as they are on record; what is no number counts nothing.
fn add(sum: &mut Amount, value: &str) {
    if let Ok(value) = value.parse::<Amount>() {
        *sum = Amount::new(sum.decimal().saturating_add(value.decimal()));
    }
}

/// Where each of an event's deliveries stands.
fn reached(conn: &Connection, event_seq: i64) -> rusqlite::Result<Vec<Reached>> {
    conn.prepare_cached(
        "SELECT l.destination, d.state, coalesce(d.code, '') FROM deliveries AS d JOIN lanes AS l ON l.id = d.lane
         WHERE d.event_seq = ?1 ORDER BY l.destination, d.seq",
    )?
    .query_map([event_seq], |r| {
        Ok(Reached { destination: r.get(0)?, state: state_word(r.get(1)?), code: r.get(2)? })
    })?
    .collect()
}
