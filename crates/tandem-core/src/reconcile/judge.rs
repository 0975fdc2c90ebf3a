//! One order: what it counts as, for each destination, and what is odd about it.

use std::borrow::Cow;
use std::sync::Arc;

use serde::Serialize;

use super::words::{Kind, is_chosen};
use crate::claim::bump_id;
use crate::codes::SERVER_HALF_REPORTS;
use crate::quality::ids;
use crate::{Amount, Currency};

/// All that is known of one order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Order {
    /// The shop's id.
    pub order_id: String,
    /// What the shop's own list says; `None` when it was not imported, or does not have it.
    pub listed: Option<Listed>,
    /// Sales that were taken for it, the first one first.
    pub sales: Vec<Sale>,
    /// The newest notice about it.
    pub heard: Option<Heard>,
}

/// A row of the shop's own list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listed {
    /// When it was paid or placed, Unix milliseconds.
    pub at_ms: i64,
    /// Total.
    pub total: Option<Amount>,
    /// Its currency.
    pub currency: Option<Currency>,
    /// The shop's word, folded; empty when the list has none.
    pub status: String,
}

/// A sale in the log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sale {
    /// Position in the log.
    pub event_seq: i64,
    /// Shared id.
    pub event_id: String,
    /// When it happened, Unix milliseconds.
    pub at_ms: i64,
    /// Value.
    pub value: Option<Amount>,
    /// Its currency.
    pub currency: Option<Currency>,
    /// What became of it, by destination.
    pub deliveries: Vec<Delivery>,
}

/// A delivery of a sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Destination.
    pub destination: Arc<str>,
    /// How it stands.
    pub state: State,
    /// Why it was skipped.
    pub code: Option<String>,
    /// When it was first sent, Unix milliseconds.
    pub sent_ms: Option<i64>,
}

/// How a delivery stands, from the best to the worst for the count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// The platform has it.
    Delivered,
    /// To be sent, or to be tried again.
    Waiting,
    /// Retries came to their end.
    Expired,
    /// The platform refuses it.
    Rejected,
    /// Not for this destination.
    Skipped,
}

/// A notice about an order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Heard {
    /// When, Unix milliseconds.
    pub at_ms: i64,
    /// `rejected`, `ignored`, `duplicate` …
    pub kind: String,
    /// Its code.
    pub code: String,
}

/// What a word of the shop for an order's state means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// To be counted.
    Paid,
    /// Not yet, or never.
    Unpaid,
    /// Paid back.
    Refunded,
    /// Nobody knows.
    Unknown,
}

/// WooCommerce's words in English and German, and those of common shops and plugins.
const PAID: &[&str] = &[
    "processing",
    "completed",
    "complete",
    "paid",
    "shipped",
    "delivered",
    "fulfilled",
    "partially-shipped",
    "closed",
    "in-bearbeitung",
    "abgeschlossen",
    "fertiggestellt",
    "bezahlt",
    "versendet",
];
const UNPAID: &[&str] = &[
    "pending",
    "pending-payment",
    "on-hold",
    "cancelled",
    "canceled",
    "failed",
    "draft",
    "checkout-draft",
    "auto-draft",
    "trash",
    "unpaid",
    "authorized",
    "voided",
    "zahlung-ausstehend",
    "ausstehend",
    "in-wartestellung",
    "wartend",
    "storniert",
    "fehlgeschlagen",
    "entwurf",
];
const REFUNDED: &[&str] = &["refunded", "rückerstattet", "erstattet"];

impl Status {
    /// Of a word as a list has it. A list without such words has paid orders.
    #[must_use]
    pub fn of(word: &str, own: &[String]) -> Self {
        let word = fold(word);
        if word.is_empty() || PAID.contains(&word.as_str()) || own.iter().any(|own| fold(own) == word) {
            return Self::Paid;
        }
        match word.as_str() {
            known if UNPAID.contains(&known) => Self::Unpaid,
            known if REFUNDED.contains(&known) => Self::Refunded,
            _ => Self::Unknown,
        }
    }
}

/// `wc-on-hold`, `On hold` and `on_hold` are one word.
pub(super) fn fold(word: &str) -> String {
    let word = word.trim().to_lowercase().replace([' ', '_'], "-");
    word.strip_prefix("wc-").map(str::to_owned).unwrap_or(word)
}

/// What an order is for one destination: exactly one of these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Class {
    /// The platform has it.
    Delivered,
    /// On its way, on an open day.
    Moving,
    /// Not delivered, and why: a code that explains it, or one that does not.
    NotSent { reason: Cow<'static, str>, explained: bool },
}

/// What an order is for the site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// To be counted.
    Counts,
    /// Not among the orders of the day, and why.
    Aside(Kind),
}

/// What a judge has to know beside the order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bench<'a> {
    pub(super) own_statuses: &'a [String],
    /// When the first event on record came in, Unix milliseconds.
    pub(super) since_ms: i64,
    /// The order's day is closed.
    pub(super) closed: bool,
}

impl Order {
    /// When it counts: as the list has it, else when the first sale happened, else when it was first heard of.
    #[must_use]
    pub fn at_ms(&self) -> i64 {
        let told = self.listed.as_ref().map(|listed| listed.at_ms);
        let sold = || self.told().first().map(|sale| sale.at_ms);
        told.or_else(sold).or_else(|| self.heard.as_ref().map(|heard| heard.at_ms)).unwrap_or_default()
    }

    pub(super) fn standing(&self, bench: &Bench<'_>) -> Standing {
        let status = self.listed.as_ref().map(|listed| Status::of(&listed.status, bench.own_statuses));
        match status {
            Some(Status::Paid) => Standing::Counts,
            Some(Status::Unpaid) => Standing::Aside(Kind::Unpaid),
            Some(Status::Refunded) => Standing::Aside(Kind::Refunded),
            // What was taken as a sale was paid, whatever the shop calls it since.
            Some(Status::Unknown) if self.sales.is_empty() => Standing::Aside(Kind::UnknownStatus),
            Some(Status::Unknown) => Standing::Counts,
            None if !self.sales.is_empty() => Standing::Counts,
            None => self.unsold(),
        }
    }

    /// An order that only notices know.
    fn unsold(&self) -> Standing {
        match &self.heard {
            Some(heard) if heard.kind == "rejected" => Standing::Counts,
            Some(heard) if heard.code == "order_refunded" => Standing::Aside(Kind::Refunded),
            Some(heard) if heard.kind == "ignored" => Standing::Aside(Kind::Unpaid),
            // It was reported before what is still on record.
            _ => Standing::Aside(Kind::BeforeStart),
        }
    }

    /// The class for one destination, of an order that counts.
    pub(super) fn class(&self, destination: &str, bench: &Bench<'_>) -> Class {
        if self.sales.is_empty() {
            return self.unheard(bench);
        }
        let all = self.sales.iter().flat_map(|sale| &sale.deliveries);
        // The reason of the sale itself comes before that of its page's half.
        let rank = |d: &&Delivery| (d.state, d.code.as_deref() == Some(SERVER_HALF_REPORTS));
        let best = all.filter(|delivery| *delivery.destination == *destination).min_by_key(rank);
        let not_sent = |reason: Cow<'static, str>, explained| Class::NotSent { reason, explained };
        let Some(best) = best else { return not_sent(Kind::NoDestination.code().into(), true) };
        match best.state {
            State::Delivered => Class::Delivered,
            State::Waiting if !bench.closed => Class::Moving,
            State::Waiting => not_sent("waiting".into(), false),
            State::Expired => not_sent("expired".into(), false),
            State::Rejected => not_sent("rejected".into(), false),
            State::Skipped => {
                let code = best.code.clone().unwrap_or_else(|| "skipped".to_owned());
                let explained = is_chosen(&code);
                not_sent(code.into(), explained)
            }
        }
    }

    /// Paid by the shop's word, and no sale came of it.
    fn unheard(&self, bench: &Bench<'_>) -> Class {
        let not_sent = |reason: Cow<'static, str>, explained| Class::NotSent { reason, explained };
        match &self.heard {
            Some(heard) if heard.kind == "duplicate" => not_sent(Kind::BeforeStart.code().into(), true),
            Some(heard) => {
                let code = heard.code.clone();
                let explained = is_chosen(&code);
                not_sent(code.into(), explained)
            }
            None if self.at_ms() < bench.since_ms => not_sent(Kind::BeforeStart.code().into(), true),
            None if !bench.closed => Class::Moving,
            None => not_sent(Kind::Missing.code().into(), false),
        }
    }

    /// The sales that were to be sent; all of them where none was. A page's half under another id is no second sale.
    fn told(&self) -> Vec<&Sale> {
        let to_be_sent = |sale: &&Sale| sale.deliveries.iter().any(|d| d.state != State::Skipped);
        let sent: Vec<&Sale> = self.sales.iter().filter(to_be_sent).collect();
        if sent.is_empty() { self.sales.iter().collect() } else { sent }
    }

    /// The sales that tell of the order as a whole, each id once: the first, and what growth added to it.
    fn chain(&self) -> Vec<&Sale> {
        let mut chain: Vec<&Sale> = Vec::new();
        for sale in self.told() {
            let known = chain.iter().any(|other| other.event_id == sale.event_id);
            let grown = chain.first().is_none_or(|first| adds_to(first, sale));
            if !known && grown {
                chain.push(sale);
            }
        }
        chain
    }

    /// What was reported of it, if all of it had a value in one currency.
    #[must_use]
    pub fn reported(&self) -> Option<(Amount, Option<Currency>)> {
        let chain = self.chain();
        let currency = chain.first()?.currency;
        let mut sum = Amount::ZERO;
        for sale in chain {
            if sale.currency != currency {
                return None;
            }
            sum = plus(sum, sale.value?);
        }
        Some((sum, currency))
    }

    /// What the list has and what was reported, where the two differ by more than rounding.
    pub(super) fn other_value(&self) -> Option<(Amount, Amount, Option<Currency>)> {
        let (total, (reported, currency)) = (self.listed.as_ref()?.total?, self.reported()?);
        let differs = total.grew_from(reported) || reported.grew_from(total);
        (differs && self.other_currency().is_none()).then_some((total, reported, currency))
    }

    /// The list's currency and the reported one, where they differ.
    pub(super) fn other_currency(&self) -> Option<(Currency, Currency)> {
        let (listed, reported) = (self.listed.as_ref()?.currency?, self.told().first()?.currency?);
        (listed != reported).then_some((listed, reported))
    }

    /// A second id under which one destination got the whole order again.
    pub(super) fn twice_at(&self, destination: &str) -> Option<&Sale> {
        let got = |sale: &&Sale| {
            sale.deliveries.iter().any(|d| d.state == State::Delivered && *d.destination == *destination)
        };
        let mut delivered = self.sales.iter().filter(got);
        let first = delivered.next()?;
        delivered.find(|sale| sale.event_id != first.event_id && !adds_to(first, sale))
    }
}

/// Whether a sale adds to the first one of its order: it grew, or the shop's own code put something behind the id for what
/// was bought beside, with a value of its own.
fn adds_to(first: &Sale, sale: &Sale) -> bool {
    let is_beside = ids::extends(&first.event_id, &sale.event_id)
        && sale.value.zip(first.value).is_some_and(|(more, whole)| more.decimal() != whole.decimal());
    is_growth(&first.event_id, &sale.event_id) || is_beside
}

/// Whether an id is one that growth of the order with the first id makes.
#[must_use]
pub fn is_growth(first: &str, id: &str) -> bool {
    let n = id.rsplit('_').next().and_then(|n| n.parse().ok());
    n.is_some_and(|n| bump_id(first, n) == id)
}

/// A sum that never fails: beyond what a decimal holds it stays there.
#[must_use]
pub(super) fn plus(a: Amount, b: Amount) -> Amount {
    Amount::new(a.decimal().saturating_add(b.decimal()))
}

/// Money by currency; `?` where none was told.
pub type Sums = std::collections::BTreeMap<String, Amount>;

pub(super) fn add(sums: &mut Sums, value: Option<Amount>, currency: Option<Currency>) {
    let Some(value) = value else { return };
    let key = currency.map_or_else(|| "?".to_owned(), |c| c.to_string());
    let sum = sums.entry(key).or_default();
    *sum = plus(*sum, value);
}

impl Serialize for State {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Self::Delivered => "delivered",
            Self::Waiting => "waiting",
            Self::Expired => "expired",
            Self::Rejected => "rejected",
            Self::Skipped => "skipped",
        })
    }
}
