//! The duplicate engine: what is counted, merged or dropped. It knows no clock and no HTTP.
//!
//! Two events are the same if pixel, event name and event id are equal to the letter. The first one counts.
//! The other half of a pair (browser and server) adds its match keys if it comes within the merge window,
//! once; everything else within the duplicate window is dropped.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
};

use rust_decimal::Decimal;

use crate::{
    keys::{KEY_NAMES, KeySet},
    options::Options,
    vocabulary,
};

/// Which half an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// Sent by the script in the browser.
    Pixel,
    /// Sent to the Events API.
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

/// Things Events Manager would complain about, as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flaws(u8);

/// Names of the flaws in the order of their bits.
pub(crate) const FLAW_NAMES: [&str; 5] = [
    "missing_content_id",
    "invalid_content_type",
    "missing_value_or_currency",
    "unsupported_currency",
    "invalid_custom_event_type",
];

impl Flaws {
    pub(crate) const MISSING_CONTENT_ID: u8 = 1;
    pub(crate) const INVALID_CONTENT_TYPE: u8 = 1 << 1;
    pub(crate) const MISSING_VALUE_OR_CURRENCY: u8 = 1 << 2;
    pub(crate) const UNSUPPORTED_CURRENCY: u8 = 1 << 3;
    pub(crate) const INVALID_CUSTOM_EVENT_TYPE: u8 = 1 << 4;

    pub(crate) fn note(&mut self, flaw: u8, found: bool) {
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
    /// Cookie id, for the fallback of events without an id.
    pub ttp: Option<Cow<'a, str>>,
    /// Page the browser was on.
    pub page_url: Option<Cow<'a, str>>,
    /// Match keys that came with it.
    pub keys: KeySet,
    /// Those of them that can never match (not hashed).
    pub unmatchable: KeySet,
    /// Those of them that belong to a known person.
    pub matched: KeySet,
    /// What Events Manager would complain about.
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
            ttp: None,
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
    pub(crate) flaws: [u64; FLAW_NAMES.len()],
}

#[derive(Debug, Default)]
pub(crate) struct Series {
    pub(crate) tally: Tally,
    pub(crate) conversions: Vec<Conversion>,
    ids: HashMap<Box<str>, usize>,
    ttps: HashMap<Box<str>, usize>,
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
    pub fn record(&mut self, options: &Options, pixel: &str, event: &Arrival<'_>, now_ms: i64) -> Verdict {
        let name = if options.alias_before_dedup {
            vocabulary::counted_name(&event.event)
        } else {
            event.event.as_ref()
        };
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
        self.series[place].record(options, event, now_ms, self.next_number)
    }
}

impl Series {
    fn record(&mut self, options: &Options, event: &Arrival<'_>, now_ms: i64, number: u64) -> Verdict {
        self.tally.received += 1;
        bump(&mut self.tally.unmatchable, event.unmatchable.indices());
        bump(&mut self.tally.flaws, (0..FLAW_NAMES.len()).filter(|i| event.flaws.0 & (1 << i) != 0));
        if event.event_id.is_none() {
            self.tally.without_id += 1;
        }
        let merge_ms = i64::from(options.merge_window_s) * 1000;
        let dedup_ms = i64::from(options.dedup_window_s) * 1000;
        let Some(index) = self.earlier(options, event, now_ms, merge_ms, dedup_ms) else {
            self.keep(options, event, now_ms, number);
            return Verdict::Keep;
        };
        let Series { tally, conversions, .. } = self;
        let known = &mut conversions[index];
        known.received += 1;
        let in_time = now_ms - known.first_ms <= merge_ms;
        if event.channel != known.first && known.other_ms.is_none() {
            known.other_ms = Some(now_ms);
            if let Some(detail) = known.detail.as_deref_mut() {
                detail.other_keys = event.keys;
                detail.page_url =
                    detail.page_url.take().or_else(|| event.page_url.as_deref().map(Into::into));
            }
            *tally.only(known.first) -= 1;
            tally.both += 1;
            if in_time {
                known.merged = true;
                tally.merge(known, event);
                return Verdict::Merge;
            }
            tally.late_pairs += 1;
        }
        known.dropped += 1;
        tally.dropped += 1;
        Verdict::Drop
    }

    /// The conversion this event is a duplicate or the other half of.
    fn earlier(
        &self,
        options: &Options,
        event: &Arrival<'_>,
        now_ms: i64,
        merge_ms: i64,
        dedup_ms: i64,
    ) -> Option<usize> {
        if let Some(id) = event.event_id.as_deref() {
            let index = *self.ids.get(id)?;
            return (now_ms - self.conversions[index].first_ms <= dedup_ms).then_some(index);
        }
        let ttp = event.ttp.as_deref().filter(|_| options.ttp_fallback)?;
        let index = *self.ttps.get(ttp)?;
        let known = &self.conversions[index];
        let fits = known.first == event.channel.other() && known.other_ms.is_none();
        (fits && now_ms - known.first_ms <= merge_ms).then_some(index)
    }

    fn keep(&mut self, options: &Options, event: &Arrival<'_>, now_ms: i64, number: u64) {
        let index = self.conversions.len();
        let tally = &mut self.tally;
        tally.counted += 1;
        *tally.only(event.channel) += 1;
        tally.add_value(event);
        bump(&mut tally.coverage, event.keys.without(event.unmatchable).indices());
        tally.matched += u64::from(!event.matched.is_empty());

        let by_ttp = event.ttp.as_deref().filter(|_| options.ttp_fallback);
        if event.event_id.is_none() && by_ttp.is_none() && !options.keep_details {
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
        if let Some(ttp) = by_ttp {
            self.ttps.insert(ttp.into(), index);
        }
        let detail = options.keep_details.then(|| {
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
            })
        });
        self.conversions.push(Conversion {
            first_ms: now_ms,
            first: event.channel,
            other_ms: None,
            merged: false,
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

    fn add_value(&mut self, event: &Arrival<'_>) {
        let Some(value) = event.value else { return };
        let currency = event.currency.as_deref().unwrap_or("none");
        match self.values.get_mut(currency) {
            Some(sum) => *sum = sum.saturating_add(value),
            None => {
                self.values.insert(currency.into(), value);
            }
        }
    }

    /// Adds what the first half did not have; nothing is overwritten.
    fn merge(&mut self, known: &mut Conversion, event: &Arrival<'_>) {
        self.merged += 1;
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
            self.add_value(event);
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
}

fn bump(counters: &mut [u64], indices: impl Iterator<Item = usize>) {
    indices.for_each(|i| counters[i] += 1);
}
