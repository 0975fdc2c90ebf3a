//! The duplicate engine: what is counted, merged or dropped. It knows no clock and no HTTP.
//!
//! Two events are the same if account, event name and duplicate id are equal to the letter. The first one counts.
//! What the other half of a pair (browser and server) is good for differs: it may add its match keys, or it may
//! take the place of the first. [`Dedup`] says so for each platform.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
};

use rust_decimal::Decimal;

use crate::keys::{KEY_NAMES, KeySet};

/// Which half an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// Sent by the script in the browser.
    Pixel,
    /// Sent to the API.
    Server,
}

impl Channel {
    /// `pixel` or `server`.
    pub fn name(self) -> &'static str {
        match self {
            Channel::Pixel => "pixel",
            Channel::Server => "server",
        }
    }

    fn other(self) -> Channel {
        match self {
            Channel::Pixel => Channel::Server,
            Channel::Server => Channel::Pixel,
        }
    }
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Counted as a new conversion.
    Keep,
    /// Added its match keys to the conversion its other half had opened.
    Merge,
    /// A duplicate.
    Drop,
}

/// What the second half of a pair does, if it comes within the merge window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pairing {
    /// It adds the match keys and the money that the first one lacks.
    AddKeys,
    /// It is discarded; the browser's half takes the place of the server's if it comes within this time.
    KeepOne {
        /// Milliseconds after the server's half.
        prefer_browser_ms: i64,
    },
}

/// How events find their other half where no id leads to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByVisitor {
    /// Not at all.
    Never,
    /// An event without id finds the newest opposite half of the same visitor.
    EitherOrder,
    /// Only the browser's half first and the server's after it; one of them has no id.
    BrowserFirst,
}

/// How a platform finds duplicates.
#[derive(Clone, Copy, Debug)]
pub struct Dedup {
    /// The name duplicates are sought under.
    pub name_of: fn(&str) -> &str,
    /// What the duplicate id is called there.
    pub rule: &'static str,
    /// How long an id is remembered.
    pub window_ms: i64,
    /// How far the halves of a pair may be apart.
    pub merge_ms: i64,
    /// What the second half does.
    pub pairing: Pairing,
    /// How halves without a common id meet.
    pub by_visitor: ByVisitor,
    /// Is a second event of the same half a duplicate?
    pub collapse_repeats: bool,
    /// Keep the readable part of conversions.
    pub keep_details: bool,
}

/// Things the platform's own tool would complain about, as bits; the platform names them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flaws(u32);

/// Most flaws of a platform.
pub(crate) const MOST_FLAWS: usize = 16;

impl Flaws {
    pub(crate) fn note(&mut self, flaw: u32, found: bool) {
        if found {
            self.0 |= flaw;
        }
    }
}

/// One event as it reaches the engine.
#[derive(Clone, Debug)]
pub struct Arrival<'a> {
    /// Which half it is.
    pub channel: Channel,
    /// Name as it was sent.
    pub event: Cow<'a, str>,
    /// Duplicate id; without one every arrival counts.
    pub event_id: Option<Cow<'a, str>>,
    /// Unix seconds the sender claims.
    pub event_time: Option<i64>,
    /// Total value.
    pub value: Option<Decimal>,
    /// Upper-case currency.
    pub currency: Option<Cow<'a, str>>,
    /// Order number; no part of the duplicate key.
    pub order_id: Option<Cow<'a, str>>,
    /// Ids of the visitor, each with the name of its rule, for events that no id leads to.
    pub visitor: Vec<(&'static str, Cow<'a, str>)>,
    /// Page the browser was on.
    pub page_url: Option<Cow<'a, str>>,
    /// Match keys that came with it.
    pub keys: KeySet,
    /// Those of them that can never match (not hashed).
    pub unmatchable: KeySet,
    /// Those of them that belong to a known person.
    pub matched: KeySet,
    /// What the platform's own tool would complain about.
    pub flaws: Flaws,
}

impl<'a> Arrival<'a> {
    /// An event with nothing but its identity.
    pub fn new(channel: Channel, event: &'a str, event_id: Option<&'a str>) -> Arrival<'a> {
        Arrival {
            channel,
            event: Cow::Borrowed(event),
            event_id: event_id.map(Cow::Borrowed),
            event_time: None,
            value: None,
            currency: None,
            order_id: None,
            visitor: Vec::new(),
            page_url: None,
            keys: KeySet::default(),
            unmatchable: KeySet::default(),
            matched: KeySet::default(),
            flaws: Flaws::default(),
        }
    }
}

/// One counted conversion.
#[derive(Debug)]
pub(crate) struct Conversion {
    pub(crate) first_ms: i64,
    pub(crate) first: Channel,
    /// First arrival of the other half, merged or too late.
    pub(crate) other_ms: Option<i64>,
    pub(crate) merged: bool,
    has_id: bool,
    has_value: bool,
    matched: bool,
    pub(crate) received: u32,
    pub(crate) dropped: u32,
    pub(crate) keys: KeySet,
    pub(crate) detail: Option<Box<Detail>>,
}

/// The readable part of a conversion; left out in lean operation.
#[derive(Debug)]
pub(crate) struct Detail {
    pub(crate) number: u64,
    pub(crate) event_id: Option<Box<str>>,
    pub(crate) event_time: Option<i64>,
    pub(crate) value: Option<Decimal>,
    pub(crate) currency: Option<Box<str>>,
    pub(crate) order_id: Option<Box<str>>,
    pub(crate) page_url: Option<Box<str>>,
    /// What the first event brought.
    pub(crate) first_keys: KeySet,
    /// What the first event of the other half brought, merged or not.
    pub(crate) other_keys: KeySet,
    pub(crate) merged_keys: KeySet,
    pub(crate) unmatchable: KeySet,
    pub(crate) matched_keys: KeySet,
    /// By which rule a duplicate was first found.
    pub(crate) rule: Option<&'static str>,
    /// The half whose data counts.
    pub(crate) kept: Channel,
}

/// Counters of one pixel and event name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) received: u64,
    pub(crate) counted: u64,
    pub(crate) merged: u64,
    pub(crate) dropped: u64,
    pub(crate) late_pairs: u64,
    pub(crate) without_id: u64,
    pub(crate) pixel_only: u64,
    pub(crate) server_only: u64,
    pub(crate) both: u64,
    pub(crate) matched: u64,
    pub(crate) values: BTreeMap<Box<str>, Decimal>,
    pub(crate) coverage: [u64; KEY_NAMES.len()],
    pub(crate) unmatchable: [u64; KEY_NAMES.len()],
    pub(crate) flaws: [u64; MOST_FLAWS],
    /// Duplicates, merged or dropped, by the rule that found them.
    pub(crate) rules: BTreeMap<&'static str, u64>,
}

#[derive(Debug, Default)]
pub(crate) struct Series {
    pub(crate) tally: Tally,
    pub(crate) conversions: Vec<Conversion>,
    ids: HashMap<Box<str>, usize>,
    visitors: HashMap<(&'static str, Box<str>), usize>,
}

/// Remembers every event and says what became of it.
#[derive(Debug, Default)]
pub struct Engine {
    /// Pixel, then event name, to the place in `series`.
    pub(crate) index: BTreeMap<Box<str>, BTreeMap<Box<str>, usize>>,
    pub(crate) series: Vec<Series>,
    next_number: u64,
}

impl Engine {
    /// Takes one event that reached `pixel` at `now_ms`.
    pub fn record(&mut self, dedup: &Dedup, pixel: &str, event: &Arrival<'_>, now_ms: i64) -> Verdict {
        let name = (dedup.name_of)(&event.event);
        let place = match self.index.get(pixel).and_then(|names| names.get(name)) {
            Some(place) => *place,
            None => {
                let place = self.series.len();
                self.series.push(Series::default());
                self.index.entry(pixel.into()).or_default().insert(name.into(), place);
                place
            }
        };
        self.next_number += 1;
        self.series[place].record(dedup, event, now_ms, self.next_number)
    }
}

impl Series {
    fn record(&mut self, dedup: &Dedup, event: &Arrival<'_>, now_ms: i64, number: u64) -> Verdict {
        self.tally.received += 1;
        bump(&mut self.tally.unmatchable, event.unmatchable.indices());
        bump(&mut self.tally.flaws, (0..MOST_FLAWS).filter(|i| event.flaws.0 & (1 << i) != 0));
        if event.event_id.is_none() {
            self.tally.without_id += 1;
        }
        let Some((index, rule)) = self.earlier(dedup, event, now_ms) else {
            self.keep(dedup, event, now_ms, number);
            return Verdict::Keep;
        };
        let Series { tally, conversions, .. } = self;
        let known = &mut conversions[index];
        known.received += 1;
        *tally.rules.entry(rule).or_default() += 1;
        if let Some(detail) = known.detail.as_deref_mut() {
            detail.rule.get_or_insert(rule);
        }
        let passed_ms = now_ms - known.first_ms;
        if event.channel != known.first && known.other_ms.is_none() {
            known.other_ms = Some(now_ms);
            if let Some(detail) = known.detail.as_deref_mut() {
                detail.other_keys = event.keys;
                detail.page_url =
                    detail.page_url.take().or_else(|| event.page_url.as_deref().map(Into::into));
            }
            *tally.only(known.first) -= 1;
            tally.both += 1;
            if passed_ms <= dedup.merge_ms {
                known.merged = true;
                tally.merged += 1;
                match dedup.pairing {
                    Pairing::AddKeys => tally.merge(known, event),
                    Pairing::KeepOne { prefer_browser_ms } => {
                        if event.channel == Channel::Pixel && passed_ms <= prefer_browser_ms {
                            tally.replace(known, event);
                        }
                    }
                }
                return Verdict::Merge;
            }
            tally.late_pairs += 1;
        }
        known.dropped += 1;
        tally.dropped += 1;
        Verdict::Drop
    }

    /// The conversion this event is a duplicate or the other half of, and the rule that says so.
    fn earlier(&self, dedup: &Dedup, event: &Arrival<'_>, now_ms: i64) -> Option<(usize, &'static str)> {
        if let Some(id) = event.event_id.as_deref() {
            if let Some(&index) = self.ids.get(id) {
                let known = &self.conversions[index];
                let in_time = now_ms - known.first_ms <= dedup.window_ms;
                let pair = known.first != event.channel;
                return (in_time && (pair || dedup.collapse_repeats)).then_some((index, dedup.rule));
            }
            if dedup.by_visitor != ByVisitor::BrowserFirst {
                return None;
            }
        }
        let order_fits = |known: &Conversion| match dedup.by_visitor {
            ByVisitor::Never => false,
            ByVisitor::EitherOrder => true,
            ByVisitor::BrowserFirst => {
                known.first == Channel::Pixel && !(known.has_id && event.event_id.is_some())
            }
        };
        event.visitor.iter().find_map(|(rule, id)| {
            let index = *self.visitors.get(&(*rule, Box::from(&**id)))?;
            let known = &self.conversions[index];
            let fits = known.first == event.channel.other() && known.other_ms.is_none() && order_fits(known);
            (fits && now_ms - known.first_ms <= dedup.merge_ms).then_some((index, *rule))
        })
    }

    fn keep(&mut self, dedup: &Dedup, event: &Arrival<'_>, now_ms: i64, number: u64) {
        let index = self.conversions.len();
        let tally = &mut self.tally;
        tally.counted += 1;
        *tally.only(event.channel) += 1;
        tally.add_value(event.value, event.currency.as_deref());
        bump(&mut tally.coverage, event.keys.without(event.unmatchable).indices());
        tally.matched += u64::from(!event.matched.is_empty());

        let by_visitor = dedup.by_visitor != ByVisitor::Never && !event.visitor.is_empty();
        if event.event_id.is_none() && !by_visitor && !dedup.keep_details {
            return;
        }
        if let Some(id) = event.event_id.as_deref() {
            match self.ids.get_mut(id) {
                Some(place) => *place = index,
                None => {
                    self.ids.insert(id.into(), index);
                }
            }
        }
        if by_visitor {
            for (rule, id) in &event.visitor {
                self.visitors.insert((*rule, Box::from(&**id)), index);
            }
        }
        let detail = dedup.keep_details.then(|| {
            Box::new(Detail {
                number,
                event_id: event.event_id.as_deref().map(Into::into),
                event_time: event.event_time,
                value: event.value,
                currency: event.currency.as_deref().map(Into::into),
                order_id: event.order_id.as_deref().map(Into::into),
                page_url: event.page_url.as_deref().map(Into::into),
                first_keys: event.keys,
                other_keys: KeySet::default(),
                merged_keys: KeySet::default(),
                unmatchable: event.unmatchable,
                matched_keys: event.matched,
                rule: None,
                kept: event.channel,
            })
        });
        self.conversions.push(Conversion {
            first_ms: now_ms,
            first: event.channel,
            other_ms: None,
            merged: false,
            has_id: event.event_id.is_some(),
            has_value: event.value.is_some(),
            matched: !event.matched.is_empty(),
            received: 1,
            dropped: 0,
            keys: event.keys,
            detail,
        });
    }
}

impl Tally {
    fn only(&mut self, channel: Channel) -> &mut u64 {
        match channel {
            Channel::Pixel => &mut self.pixel_only,
            Channel::Server => &mut self.server_only,
        }
    }

    fn add_value(&mut self, value: Option<Decimal>, currency: Option<&str>) {
        let Some(value) = value else { return };
        let currency = currency.unwrap_or("none");
        match self.values.get_mut(currency) {
            Some(sum) => *sum = sum.saturating_add(value),
            None => {
                self.values.insert(currency.into(), value);
            }
        }
    }

    /// Adds what the first half did not have; nothing is overwritten.
    fn merge(&mut self, known: &mut Conversion, event: &Arrival<'_>) {
        let new = event.keys.without(known.keys);
        known.keys = known.keys.with(new);
        bump(&mut self.coverage, new.without(event.unmatchable).indices());
        if !known.matched && !event.matched.is_empty() {
            known.matched = true;
            self.matched += 1;
        }
        let adds_value = !known.has_value && event.value.is_some();
        if adds_value {
            known.has_value = true;
            self.add_value(event.value, event.currency.as_deref());
        }
        let Some(detail) = known.detail.as_deref_mut() else { return };
        detail.merged_keys = new;
        detail.unmatchable = detail.unmatchable.with(event.unmatchable);
        detail.matched_keys = detail.matched_keys.with(event.matched);
        if adds_value {
            detail.value = event.value;
            detail.currency = event.currency.as_deref().map(Into::into);
        }
        if detail.order_id.is_none() {
            detail.order_id = event.order_id.as_deref().map(Into::into);
        }
        if detail.event_id.is_none() {
            detail.event_id = event.event_id.as_deref().map(Into::into);
        }
        detail.event_time = detail.event_time.or(event.event_time);
    }

    /// Puts the event in the place of the first half. Without details nobody remembers what the first half brought,
    /// and it stays.
    fn replace(&mut self, known: &mut Conversion, event: &Arrival<'_>) {
        let Some(detail) = known.detail.as_deref_mut() else { return };
        let before = known.keys.without(detail.unmatchable);
        before.indices().for_each(|i| self.coverage[i] -= 1);
        bump(&mut self.coverage, event.keys.without(event.unmatchable).indices());
        self.matched -= u64::from(known.matched);
        self.matched += u64::from(!event.matched.is_empty());
        self.add_value(detail.value.map(|value| -value), detail.currency.as_deref());
        self.add_value(event.value, event.currency.as_deref());
        known.keys = event.keys;
        known.matched = !event.matched.is_empty();
        known.has_value = event.value.is_some();
        detail.unmatchable = event.unmatchable;
        detail.matched_keys = event.matched;
        detail.value = event.value;
        detail.currency = event.currency.as_deref().map(Into::into);
        detail.order_id = event.order_id.as_deref().map(Into::into);
        detail.event_time = event.event_time.or(detail.event_time);
        detail.kept = event.channel;
    }
}

fn bump(counters: &mut [u64], indices: impl Iterator<Item = usize>) {
    indices.for_each(|i| counters[i] += 1);
}
