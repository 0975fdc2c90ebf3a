//! What several events together show: a sale under two ids, a half that came too late, a click id lost on the way. A pure
//! comparison of a new event with earlier ones that have something in common with it.
//!
//! Whoever calls it finds the earlier ones by [`lookups`], in an index made of [`entries`]. An event that is completed later
//! is to be compared anew: what was observed of it before is then void.

mod links;
mod money;
mod pairs;
mod person;

pub use links::{Link, Lookup, entries, lookups};

use std::cmp::Reverse;

use serde::Serialize;

use super::{Side, halves};
use crate::finding::{Severity, UNPAIRED};
use crate::words::counted;
use crate::{Amount, Channel, Currency, Event, names, page};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// Platforms recognise a repeated id for this long (TikTok's and Meta's help articles on deduplication).
const DUPLICATE_WINDOW_MS: i64 = 48 * HOUR_MS;

/// An event of the log, as far as it is compared.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    /// Position in the log.
    pub seq: i64,
    /// When it came in, Unix milliseconds.
    pub received_ms: i64,
    /// The event, completed as it stands now.
    pub event: &'a Event,
    /// It is the page's word on a sale that the shop's server reports, and is not sent itself (`server_half_reports`).
    pub completes: bool,
}

/// One remark that only several events together allow. The code is as stable as that of a [`crate::Finding`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Observation {
    /// E.g. `id_near_miss`.
    pub code: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// The new event.
    pub event_seq: i64,
    /// The earlier one.
    pub other_seq: i64,
    /// Path of the field, where it is about one.
    pub field: Option<&'static str>,
    /// For a person; names both sides, and nothing personal.
    pub message: String,
    /// What a platform will count twice, if it is a sale that counts twice.
    pub value: Option<Amount>,
    /// Currency of that.
    pub currency: Option<Currency>,
}

impl Observation {
    fn new(severity: Severity, code: &'static str, pair: Pair<'_>, message: String) -> Self {
        Self {
            code,
            severity,
            event_seq: pair.new.seq,
            other_seq: pair.old.seq,
            field: None,
            message,
            value: None,
            currency: None,
        }
    }

    fn info(code: &'static str, pair: Pair<'_>, message: String) -> Self {
        Self::new(Severity::Info, code, pair, message)
    }

    fn warning(code: &'static str, pair: Pair<'_>, message: String) -> Self {
        Self::new(Severity::Warning, code, pair, message)
    }

    fn on(self, field: &'static str) -> Self {
        Self { field: Some(field), ..self }
    }

    /// A sale that counts twice, with its money as far as one of the two tells it.
    fn counting_twice(self, pair: Pair<'_>) -> Self {
        let told = [pair.new.event, pair.old.event].into_iter().find(|event| event.value.is_some());
        Self { value: told.and_then(|e| e.value), currency: told.and_then(|e| e.currency), ..self }
    }
}

/// Everything that a new event and the earlier ones show together. Each code once, with the newest of the earlier ones that
/// shows it; a lost click id once for each platform. Earlier ones of other sites, and the new event itself, are passed over.
#[must_use]
pub fn relate(new: &Known<'_>, earlier: &[Known<'_>]) -> Vec<Observation> {
    let mut earlier: Vec<Known<'_>> = earlier
        .iter()
        .filter(|old| old.seq != new.seq && old.event.site == new.event.site)
        .copied()
        .collect();
    earlier.sort_by_key(|old| Reverse((old.received_ms, old.seq)));
    earlier.dedup_by_key(|old| old.seq);

    let alone: &[fn(Pair<'_>) -> Option<Observation>] = &[
        pairs::near_miss,
        pairs::two_ids,
        pairs::two_names,
        pairs::names_mixed,
        pairs::upsell,
        money::currency_changed,
        money::value_jump,
        person::phone_hash,
        person::email_hash,
    ];
    let mut seen: Vec<Observation> =
        alone.iter().filter_map(|rule| earlier.iter().find_map(|old| rule(Pair { new, old }))).collect();
    seen.extend(pairs::timing(new, &earlier));
    seen.extend(person::guest(new, &earlier));
    seen.extend(person::lost_clicks(new, &earlier));
    seen
}

/// The new event beside one of the earlier ones.
#[derive(Clone, Copy)]
struct Pair<'a> {
    new: &'a Known<'a>,
    old: &'a Known<'a>,
}

impl<'a> Pair<'a> {
    fn any(self, test: impl Fn(&Known<'a>) -> bool) -> bool {
        test(self.new) || test(self.old)
    }

    fn apart_ms(self) -> i64 {
        (self.new.received_ms - self.old.received_ms).abs()
    }

    fn have_same_name(self) -> bool {
        self.new.event.event_name == self.old.event.event_name
    }

    fn have_same_id(self) -> bool {
        self.have_same_name() && self.new.event.event_id == self.old.event.event_id
    }

    fn are_of_one_order(self) -> bool {
        self.new.event.order_id.is_some() && self.new.event.order_id == self.old.event.order_id
    }

    fn are_of_two_orders(self) -> bool {
        self.new.event.order_id.as_ref().zip(self.old.event.order_id.as_ref()).is_some_and(|(a, b)| a != b)
    }

    /// Both amounts, new and old, where both are there.
    fn values(self) -> Option<(Amount, Amount)> {
        self.new.event.value.zip(self.old.event.value)
    }

    fn have_same_currency(self) -> bool {
        self.new.event.currency == self.old.event.currency
    }

    /// Whether both tell of one visitor, by our own id, an e-mail address or an id of the shop's.
    fn are_of_one_person(self) -> bool {
        let (new, old) = (self.new.event, self.old.event);
        let visitor = new.session_id.is_some() && new.session_id == old.session_id;
        visitor
            || new.user.emails().any(|email| old.user.emails().any(|other| other == email))
            || new.user.external_ids().any(|id| old.user.external_ids().any(|other| other == id))
    }

    /// Not two visitors by our own id: where one of them has none, nobody knows.
    fn may_be_one_browser(self) -> bool {
        let (new, old) = (&self.new.event.session_id, &self.old.event.session_id);
        new.is_none() || old.is_none() || new == old
    }

    /// One of them came by the browser and the other by the server.
    fn are_two_halves(self) -> bool {
        matches!(
            (self.new.event.channel, self.old.event.channel),
            (Channel::Browser, Channel::Server) | (Channel::Server, Channel::Browser)
        )
    }
}

impl Known<'_> {
    fn has_finding(&self, code: &str) -> bool {
        self.event.findings.iter().any(|finding| finding.code == code)
    }

    /// Its id is ours, not the sender's; that was said at the door, as was that of a tag with an id of its own.
    fn has_odd_id(&self) -> bool {
        [UNPAIRED, "event_id_missing", "sale_id_differs"].iter().any(|code| self.has_finding(code))
    }

    /// A renewal, or a sale that grew out of another one: it is meant to be counted beside the first.
    fn is_further_sale(&self) -> bool {
        self.event.unattended
            || self.event.parent_order_id.is_some()
            || self.event.event_id.contains("_bump_")
    }

    /// A page's word that is not sent, of a page whose pixel was kept from loading: no platform heard of it.
    fn reached_nobody(&self) -> bool {
        let seen = halves(self.event, self.completes);
        !seen.server && seen.browser == Side::Missing
    }

    fn is_sale(&self) -> bool {
        self.event.event_name == names::PURCHASE
    }

    /// E.g. `number 17 (woocommerce, server)`.
    fn described(&self) -> String {
        let channel = match self.event.channel {
            Channel::Browser => "browser",
            Channel::Server => "server",
            Channel::Offline => "offline",
        };
        format!("number {} ({}, {channel})", self.seq, self.event.source)
    }

    /// The page it happened on, without its parameters.
    fn place(&self) -> String {
        match self.event.page.url.as_deref() {
            Some(url) => page::without_query(url),
            None => self.described(),
        }
    }
}

/// `3 minutes`, `2 hours`, `4 days`.
fn duration(ms: i64) -> String {
    let (n, unit) = match ms {
        ..HOUR_MS => (ms / MINUTE_MS, "minute"),
        HOUR_MS..DAY_MS => (ms / HOUR_MS, "hour"),
        _ => (ms / DAY_MS, "day"),
    };
    counted(n, unit)
}

#[cfg(test)]
mod tests;
