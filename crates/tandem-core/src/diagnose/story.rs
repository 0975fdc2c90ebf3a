//! What is on record about an event or an order: gathered by the store, completed by the gateway with the present
//! settings.

use serde::Serialize;

use crate::quality::Key;
use crate::{Amount, Currency, Event, Finding, Severity};

/// Everything about what was asked for.
#[derive(Debug, Clone, Default)]
pub struct Story {
    /// The event id or order id, as it was asked for.
    pub question: String,
    /// Only this site, where one was named.
    pub site: Option<String>,
    /// Events with that id or order, oldest first, and others of the same order.
    pub events: Vec<Record>,
    /// Notices with that id or order, oldest first.
    pub notices: Vec<Noticed>,
    /// What the order ledger knows.
    pub orders: Vec<Ledgered>,
    /// Ids on record that are nearly the one asked for.
    pub candidates: Vec<Candidate>,
    /// Where it was looked for.
    pub searched: Searched,
    /// Inputs of the sites asked about that were not taken lately, newest first; looked at only when nothing is found.
    pub turned_away: Vec<Noticed>,
    /// The ways in of the sites asked about.
    pub ways_in: Vec<WayIn>,
}

/// An event of the log.
#[derive(Debug, Clone, Default)]
pub struct Record {
    /// Position in the log.
    pub seq: i64,
    /// When it came in, Unix milliseconds.
    pub received_ms: i64,
    /// The event as it stands now, completed.
    pub event: Event,
    /// Set when this version cannot read its body; then only the columns of the log are in `event`.
    pub is_unreadable: bool,
    /// It has the id or order that was asked for; else it only belongs to the same order.
    pub is_asked: bool,
    /// One for each destination, and more after a replay; oldest first.
    pub deliveries: Vec<Delivery>,
    /// What it shows together with others.
    pub observations: Vec<Observed>,
    /// When it was completed, Unix milliseconds; oldest first.
    pub completed_ms: Vec<i64>,
    /// Whether its visitor is remembered; `None` where nobody looked.
    pub is_visitor_known: Option<bool>,
}

/// How a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It will be sent.
    #[default]
    Waiting,
    /// The platform has it.
    Delivered,
    /// It is never sent.
    Skipped,
    /// The platform refuses it.
    Rejected,
    /// The time for sending it is over.
    Expired,
}

impl State {
    /// As in `v_deliveries`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Skipped => "skipped",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
        }
    }
}

/// One event for one destination.
#[derive(Debug, Clone, Default)]
pub struct Delivery {
    /// Number of the delivery.
    pub seq: i64,
    /// The queue.
    pub lane: u32,
    /// The destination's name in records.
    pub destination: String,
    /// The same for people; empty until the settings are known.
    pub title: String,
    /// How it stands.
    pub state: State,
    /// Stable code of that, if it has one.
    pub code: Option<String>,
    /// The same in words, the platform's among them.
    pub message: Option<String>,
    /// Ruling on consent it stands under.
    pub ruling: Option<String>,
    /// When it is due, Unix milliseconds.
    pub due_ms: i64,
    /// Attempts so far.
    pub attempts: u32,
    /// Made by a replay.
    pub is_replay: bool,
    /// The last call.
    pub attempt: Option<Attempt>,
    /// Why the destination stands still until a person mends something, and since when in Unix milliseconds.
    pub stopped: Option<(String, i64)>,
    /// Who paused the destination.
    pub paused_by: Option<String>,
    /// What each match key is worth to the platform; empty where that is not known.
    pub weights: &'static [(Key, u16)],
    /// What the destination, as it is set up now, remarks on the event.
    pub remarks: Vec<Finding>,
}

/// One call to a platform.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Attempt {
    /// Number of the call.
    pub seq: i64,
    /// When it began, Unix milliseconds.
    pub started_ms: i64,
    /// How long it took, in milliseconds.
    pub latency_ms: i64,
    /// HTTP status, if there was an answer.
    pub status: Option<i64>,
    /// The platform's code.
    pub code: Option<i64>,
    /// Word for the whole call, e.g. `delivered`.
    pub verdict: String,
    /// The platform's words and ours.
    pub message: String,
    /// Events in the call.
    pub events: i64,
    /// Start of the reply, where it was not a plain success.
    pub reply: Option<String>,
}

/// What several events together show, as it is on record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// Stable code, e.g. `id_near_miss`.
    pub code: String,
    /// How much it matters.
    pub severity: Severity,
    /// For a person.
    pub message: String,
    /// The event it was compared with.
    pub other_seq: Option<i64>,
}

/// Something that came in and did not plainly become an event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Noticed {
    /// Number of the notice.
    pub seq: i64,
    /// When, Unix milliseconds.
    pub at_ms: i64,
    /// Site.
    pub site: String,
    /// Source name.
    pub source: String,
    /// `rejected`, `ignored`, `duplicate`, `near_miss` or `unclaimed`.
    pub kind: String,
    /// Stable code.
    pub code: String,
    /// For a person.
    pub message: String,
    /// Path of the field at fault.
    pub field: Option<String>,
}

/// An order in the ledger.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ledgered {
    /// Site.
    pub site: String,
    /// The shop's id.
    pub order_id: String,
    /// When it was last reported, Unix milliseconds.
    pub at_ms: i64,
    /// Sum of everything reported.
    pub reported: Option<Amount>,
    /// Currency of that.
    pub currency: Option<Currency>,
    /// Ids it was reported under.
    pub event_ids: Vec<String>,
}

/// An id on record that is nearly the one asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Candidate {
    /// The id.
    pub text: String,
    /// Whether it is the order's and not the event's.
    pub is_order: bool,
    /// Site.
    pub site: String,
    /// An event with it.
    pub seq: Option<i64>,
    /// What is alike.
    pub why: &'static str,
}

/// Where it was looked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Searched {
    /// Sites whose records were looked through.
    pub sites: Vec<String>,
    /// Events on record.
    pub events: i64,
    /// Newest events that were looked at one by one, since no index has them yet.
    pub newest_events: i64,
    /// Events that neither the index has nor were looked at.
    pub unseen: i64,
    /// Newest notices that were looked at one by one.
    pub notices: i64,
    /// When the oldest event on record came in, Unix milliseconds.
    pub since_ms: Option<i64>,
}

/// A way in, and what came by it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct WayIn {
    /// Site.
    pub site: String,
    /// Source name.
    pub source: String,
    /// Hour in which something last came by it, as far back as a week; Unix milliseconds.
    pub last_ms: Option<i64>,
    /// It reports orders that the shop itself tells of.
    pub reports_orders: bool,
    /// It also looks through the shop's own list of orders.
    pub sweeps: bool,
}
