//! The only crate that touches a disk: the event log, deliveries, claims, the order ledger, sessions, attempts and
//! notices.
//!
//! Everything is written by one thread that gathers what is waiting into one synced transaction (group commit), and
//! an append answers only after that sync. Readers have connections of their own and never block the writer; a [`Reader`]
//! may be another process.
//!
//! [`embedded`] keeps it all in one SQLite file; `docs/schema.md` documents its tables as a public schema.

use std::borrow::Cow;

use serde::Serialize;
use tandem_core::claim::{ClaimKey, OrderReport};
use tandem_core::session::{Session, Touch, Via};
use tandem_core::{Amount, Currency, Event};

pub mod drill;
pub mod embedded;
pub mod insight;
pub mod pages;
#[cfg(test)]
mod plans;

pub use embedded::{Completed, ConsentRecord, Neighbour, Options, Reader, Store};

/// One destination of one site: the queue its deliveries wait in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct LaneId(pub u32);

/// What one request brings; kept whole or not at all.
#[derive(Debug, Default)]
pub struct Batch {
    /// For the log.
    pub events: Vec<NewEvent>,
    /// For the record of what did not become an event.
    pub notices: Vec<Notice>,
    /// For whoever knows an order by its number alone.
    pub numbers: Vec<OrderNumber>,
    /// For the sessions; remembered before the events are looked at.
    pub touches: Vec<NewTouch>,
}

/// The number that people see on an order, where it is not the order's id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderNumber {
    /// Site, from configuration.
    pub site: String,
    /// The number.
    pub number: String,
    /// The shop's id of the order.
    pub order_id: String,
}

/// News of a visitor.
#[derive(Debug)]
pub struct NewTouch {
    /// Site, from configuration.
    pub site: String,
    /// What there is to remember.
    pub touch: Touch,
}

/// A session that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Remembered {
    /// By what.
    pub via: Via,
    /// Whose it is.
    pub visitor: String,
    /// What is remembered.
    pub session: Session,
    /// The visitor's full network address, while it is still kept.
    pub address: Option<String>,
}

/// An event on its way into the log.
#[derive(Debug)]
pub struct NewEvent {
    /// Site, from configuration.
    pub site: String,
    /// Source name.
    pub source: &'static str,
    /// Standard name.
    pub event_name: String,
    /// Shared id.
    pub event_id: String,
    /// Unix seconds.
    pub event_time: i64,
    /// Order, if there is one.
    pub order_id: Option<String>,
    /// The [`Event`] as JSON, its address cut short.
    pub body: String,
    /// The full network address, kept apart and only as long as it can be sent.
    pub address: Option<String>,
    /// One for each destination of the site.
    pub deliveries: Vec<NewDelivery>,
    /// For a sale: what the ledger is asked.
    pub order: Option<OrderClaim>,
}

/// A delivery to be made when the claim is won.
#[derive(Debug, Clone)]
pub struct NewDelivery {
    /// The queue.
    pub lane: LaneId,
    /// The destination's name; part of the duplicate key.
    pub destination: &'static str,
    /// Duplicate key.
    pub claim: ClaimKey,
    /// How long the claim holds, in milliseconds.
    pub window_ms: i64,
    /// Set when the event is not for this destination; then no claim is taken.
    pub skip: Option<Skipped>,
    /// How long it waits for its browser half before it is due, in milliseconds; a touch with its order ends that.
    pub hold_ms: i64,
    /// The ruling it is made under, as [`tandem_core::consent::Ruling::record`] writes it; kept also when nothing is sent.
    pub consent: String,
}

/// Why a delivery was not made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Stable code.
    pub code: Cow<'static, str>,
    /// For a person.
    pub message: String,
}

/// What the order ledger needs to decide.
#[derive(Debug)]
pub struct OrderClaim {
    /// Sale or snapshot.
    pub report: OrderReport,
    /// The order's total, or the sale's value.
    pub total: Option<Amount>,
    /// Its currency.
    pub currency: Option<Currency>,
    /// Order lines in this report.
    pub lines: Vec<String>,
    /// The event itself, from which a growth event is made when the order grew.
    pub event: Box<Event>,
}

/// Something that came in and did not plainly become an event.
#[derive(Debug, Clone, Serialize)]
pub struct Notice {
    /// Site.
    pub site: String,
    /// Source name.
    pub source: Cow<'static, str>,
    /// What kind of notice.
    pub kind: NoticeKind,
    /// Stable code.
    pub code: Cow<'static, str>,
    /// For a person; nothing personal in it.
    pub message: String,
    /// Path of the field at fault.
    pub field: Option<String>,
    /// Event name, if known.
    pub event_name: Option<String>,
    /// Event id, if known.
    pub event_id: Option<String>,
    /// Order, if known.
    pub order_id: Option<String>,
}

/// Kinds of [`Notice`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// Bad input.
    Rejected,
    /// Fine, but nothing to report (an unpaid order).
    Ignored,
    /// Reported before.
    Duplicate,
    /// Taken, but looks like a second spelling of something reported before.
    NearMiss,
    /// A request that no way in takes.
    Unclaimed,
}

impl NoticeKind {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::Ignored => "ignored",
            Self::Duplicate => "duplicate",
            Self::NearMiss => "near_miss",
            Self::Unclaimed => "unclaimed",
        }
    }
}

/// What became of one appended event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// In the log, with deliveries under way.
    Accepted {
        /// Position in the log.
        seq: i64,
        /// Another id than the given one, when an order's growth made it.
        event_id: Option<String>,
    },
    /// Reported before; nothing will be sent.
    Duplicate {
        /// The first one's position, if it is still in the log.
        of: Option<i64>,
    },
}

/// Why the store could not do it. Nothing of the request was kept.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The disk is full or cannot be written.
    #[error("the disk cannot be written: {0}")]
    Disk(String),
    /// The database answers otherwise than expected.
    #[error("database: {0}")]
    Database(String),
    /// The writer is gone; the process is ending.
    #[error("the store is closed")]
    Closed,
    /// The file is not one that this program may use, and why.
    #[error("{0}")]
    File(String),
}

/// A delivery whose time has come.
#[derive(Debug, Clone)]
pub struct Due {
    /// The delivery.
    pub seq: i64,
    /// Its event's position in the log.
    pub event_seq: i64,
    /// The event as JSON.
    pub body: String,
    /// Full network address, if still kept.
    pub address: Option<String>,
    /// Attempts so far.
    pub attempts: u32,
    /// When the first attempt began, Unix milliseconds.
    pub first_attempt_ms: Option<i64>,
    /// Made by a replay: its age is not held against it.
    pub replay: bool,
    /// The ruling it stands under; none when an earlier version made it.
    pub consent: Option<String>,
    /// When the event came in, Unix milliseconds.
    pub received_ms: i64,
}

/// What is due in a lane, or when something will be.
#[derive(Debug, Default)]
pub struct DueBatch {
    /// In order of due time.
    pub due: Vec<Due>,
    /// Due time of the next one, if nothing (more) is due now.
    pub next_due_ms: Option<i64>,
}

/// The new state of a delivery after an attempt, or instead of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryState {
    /// The platform has it.
    Delivered {
        /// The platform's remark.
        warning: Option<String>,
    },
    /// Again later.
    Waiting {
        /// When.
        due_ms: i64,
        /// Why it has to.
        why: String,
        /// Whether this counts as an attempt (a bisected batch or a stopped lane does not).
        counts: bool,
    },
    /// Never to be sent.
    Skipped(Skipped),
    /// The platform refuses it for good.
    Rejected {
        /// The platform's words and ours.
        why: String,
    },
    /// The horizon for retries was reached.
    Expired {
        /// The last trouble.
        why: String,
    },
}

/// One outgoing call, for the record.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// When it began, Unix milliseconds.
    pub started_ms: i64,
    /// How long it took, in milliseconds.
    pub latency_ms: i64,
    /// HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// The platform's code.
    pub code: Option<i64>,
    /// `delivered`, `retry`, `rejected`, `stop`, `split` (halved and tried again), `reshaped` (tried in another shape).
    pub verdict: &'static str,
    /// The platform's words and ours.
    pub message: String,
    /// Bytes of the request's body.
    pub request_bytes: usize,
    /// Start of the reply, only when it was not a plain success.
    pub reply: Option<String>,
}

/// The result of a call, or of a decision not to call.
#[derive(Debug, Clone)]
pub struct Report {
    /// The queue.
    pub lane: LaneId,
    /// When it is reported, Unix milliseconds: in whose hour the new states are counted.
    pub at_ms: i64,
    /// The call, if there was one.
    pub attempt: Option<Attempt>,
    /// New states.
    pub states: Vec<(i64, DeliveryState)>,
    /// Events that were completed from a session before they were sent.
    pub joined: Vec<Joined>,
    /// Deliveries that stand under another ruling than they were made under, by number. One that reached its end keeps
    /// the ruling it ended under.
    pub rulings: Vec<(i64, String)>,
}

/// An event as its session completed it.
#[derive(Debug, Clone)]
pub struct Joined {
    /// Its position in the log.
    pub event_seq: i64,
    /// The event as JSON, its address cut short; it takes the place of the one in the log.
    pub body: String,
    /// The visitor's full network address, when the event came without one.
    pub address: Option<String>,
}

/// A lane that waits for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stop {
    /// What to mend.
    pub why: String,
    /// Since when, Unix milliseconds.
    pub since_ms: i64,
}

/// A lane that a person keeps from sending.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pause {
    /// Who, in words; nobody is asked to prove it.
    pub by: String,
    /// Since when, Unix milliseconds.
    pub since_ms: i64,
}

/// Which deliveries to make anew from the log.
#[derive(Debug, Clone, Default)]
pub struct Replay {
    /// Events that came in at or after this, Unix milliseconds.
    pub since_ms: i64,
    /// Only this event id.
    pub event_id: Option<String>,
    /// Only this event, by its position in the log.
    pub event_seq: Option<i64>,
    /// Only these queues.
    pub lanes: Vec<LaneId>,
    /// Also what was delivered before (the platform removes it only inside its own window).
    pub delivered_too: bool,
}

/// Something to keep for people; see [`embedded::Store::keep`].
#[derive(Debug, Clone, PartialEq)]
pub enum Keep {
    /// A small JSON document; `None` deletes it.
    Document {
        /// What it is: `search`, `sql`, `alert`.
        kind: &'static str,
        /// Its name among those.
        name: String,
        /// JSON.
        body: Option<String>,
    },
    /// Rows of the shop's own list of orders; a row that is there already is replaced.
    ShopOrders(Vec<ShopOrder>),
    /// What a platform says it counted; likewise.
    PlatformCounts(Vec<PlatformCount>),
}

/// A document that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its name among those of its kind.
    pub name: String,
    /// JSON.
    pub body: String,
    /// When it was last written, Unix milliseconds.
    pub at_ms: i64,
}

/// An order in the shop's own list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShopOrder {
    /// Site.
    pub site: String,
    /// The shop's id, or its number.
    pub order_id: String,
    /// The list names orders by their number.
    pub by_number: bool,
    /// When it was placed or paid, Unix milliseconds.
    pub at_ms: i64,
    /// Its total.
    pub total: Option<Amount>,
    /// Currency of the total.
    pub currency: Option<Currency>,
    /// The shop's own word, e.g. `completed`.
    pub status: String,
}

/// What a platform says it counted on one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlatformCount {
    /// Site.
    pub site: String,
    /// Destination.
    pub destination: String,
    /// Days since 1970, UTC.
    pub day: i64,
    /// Our name of the event.
    pub event_name: String,
    /// How many.
    pub events: i64,
    /// Those of them that browsers reported, if it says.
    pub browser: Option<i64>,
    /// Those that servers reported, if it says.
    pub server: Option<i64>,
    /// Those that it credits to an ad, if it says.
    pub attributed: Option<i64>,
    /// `events` has only what is credited to an ad.
    pub attributed_only: bool,
    /// Their value together, if it says.
    pub value: Option<Amount>,
    /// Currency of the value.
    pub currency: Option<Currency>,
    /// `csv` or `api`.
    pub origin: &'static str,
}
