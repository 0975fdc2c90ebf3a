//! What the engine remembers, in the form others read it: as JSON, in tests and on the page.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{
    Part, Platform,
    engine::{Channel, Conversion, Detail, Series, Tally},
    keys::KEY_NAMES,
};

/// Which part of the memory is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Query {
    /// `1` leaves the list of conversions out.
    pub summary: u8,
    /// Only this account (pixel code, pixel id or measurement id).
    pub pixel: Option<String>,
    /// Only this event (the name it is counted under).
    pub event: Option<String>,
    /// Only the newest so many conversions.
    pub limit: Option<usize>,
}

/// Everything counted so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Name of the platform.
    pub platform: String,
    /// Counted conversions in order of arrival; empty without `keep_details`.
    pub conversions: Vec<ConversionView>,
    /// Counters by pixel, then by the name an event is counted under.
    pub counts: BTreeMap<String, BTreeMap<String, Counts>>,
    /// What the platform's own tool might complain about.
    pub diagnostics: Vec<Diagnostic>,
    /// Events that were answered with success and count nowhere, and why.
    pub discarded: Vec<Discarded>,
    /// Requests to the server API, whatever became of them.
    pub requests: u64,
    /// Requests that were answered with an error, planned faults included.
    pub refused: u64,
    /// Requests answered by the fault plan.
    pub faulted: u64,
    /// Hits of the browser pixel.
    pub hits: u64,
    /// Events accepted from both halves, duplicates included, test events not.
    pub events: u64,
    /// Test events accepted.
    pub test_events: u64,
}

/// One counted conversion.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ConversionView {
    /// Account: pixel code, pixel id or measurement id.
    pub pixel: String,
    /// Name it is counted under.
    pub event: String,
    /// Name that was sent.
    pub sent_as: String,
    /// `standard`, `page_view` or `custom`.
    pub event_type: String,
    /// Duplicate id.
    pub event_id: Option<String>,
    /// Exact value.
    #[serde(with = "rust_decimal_text")]
    pub value: Option<Decimal>,
    /// Currency.
    pub currency: Option<String>,
    /// Order number.
    pub order_id: Option<String>,
    /// Halves that arrived, the first one first.
    pub channels: Vec<String>,
    /// When the browser half first arrived.
    pub pixel_ms: Option<i64>,
    /// When the server half first arrived.
    pub server_ms: Option<i64>,
    /// Match keys the first event of the browser half brought.
    pub pixel_keys: Vec<String>,
    /// Match keys the first event of the server half brought.
    pub server_keys: Vec<String>,
    /// Page the browser half was sent from.
    pub page_url: Option<String>,
    /// Events that carried this id.
    pub received: u32,
    /// Those of them that were dropped as duplicates; a merged half is not among them.
    pub dropped: u32,
    /// Was the other half recognised as such? (At TikTok it then adds its keys.)
    pub merged: bool,
    /// By which rule a duplicate was first found, for example `event_id`.
    pub rule: Option<String>,
    /// The half whose data counts: `pixel` or `server`.
    pub kept: String,
    /// Match keys the merge added.
    pub merged_keys: Vec<String>,
    /// All match keys.
    pub user_keys: Vec<String>,
    /// Match keys that can never match (not hashed).
    pub unmatchable_keys: Vec<String>,
    /// Match keys that belong to a known person.
    pub matched_keys: Vec<String>,
    /// First arrival.
    pub first_seen_ms: i64,
    /// Unix seconds the sender claimed.
    pub event_time: Option<i64>,
}

/// Counters of one event name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Counts {
    /// `standard`, `page_view` or `custom`.
    pub event_type: String,
    /// Events accepted.
    pub received: u64,
    /// Conversions.
    pub counted: u64,
    /// Pairs that were merged.
    pub merged: u64,
    /// Duplicates that were dropped.
    pub dropped: u64,
    /// Duplicates, merged or dropped, by the rule that found them.
    pub by_rule: BTreeMap<String, u64>,
    /// Pairs whose second half came after the merge window (these are among `dropped`).
    pub late_pairs: u64,
    /// Accepted events that had no id.
    pub without_id: u64,
    /// Conversions only the browser reported.
    pub browser_only: u64,
    /// Conversions only the server reported.
    pub server_only: u64,
    /// Conversions both reported.
    pub both: u64,
    /// Conversions that belong to a known person.
    pub matched: u64,
    /// Exact sum by currency; `none` holds values without a currency.
    pub value: BTreeMap<String, String>,
    /// Conversions that carry a usable value of a match key.
    pub coverage: BTreeMap<String, u64>,
    /// Events that carried a match key which can never match.
    pub unmatchable: BTreeMap<String, u64>,
}

/// One complaint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// Account: pixel code, pixel id or measurement id.
    pub pixel: String,
    /// Event name as sent.
    pub event: String,
    /// Kind, for example `missing_content_id`.
    pub name: String,
    /// How many events or conversions it concerns.
    pub count: u64,
}

/// Events that were answered with success and count nowhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discarded {
    /// Account they were sent to.
    pub pixel: String,
    /// Event name as sent.
    pub event: String,
    /// Reason, for example `too_old`.
    pub why: String,
    /// How many.
    pub count: u64,
}

impl Report {
    /// Counters of one pixel and event; all zero if nothing came.
    pub fn of(&self, pixel: &str, event: &str) -> Counts {
        self.counts.get(pixel).and_then(|events| events.get(event)).cloned().unwrap_or_default()
    }
}

/// What one platform counted.
pub(crate) fn of(platform: &Platform, part: &Part, query: &Query) -> Report {
    let crate::Counters { requests, refused, faulted, hits, events, test_events } = part.counters;
    let platform_name = platform.name.to_owned();
    let mut report = Report {
        platform: platform_name,
        requests,
        refused,
        faulted,
        hits,
        events,
        test_events,
        ..Report::default()
    };
    let mut list: Vec<(&str, &str, &Conversion, &Detail)> = Vec::new();
    let wanted = |pixel: &str| query.pixel.as_deref().is_none_or(|wanted| wanted == pixel);
    for (pixel, names) in part.engine.index.iter().filter(|(pixel, _)| wanted(pixel)) {
        for (sent_as, place) in names {
            let event = (platform.counted_name)(sent_as);
            if query.event.as_deref().is_some_and(|wanted| wanted != event) {
                continue;
            }
            let series = &part.engine.series[*place];
            let counts = report.counts.entry(pixel.to_string()).or_default().entry(event.to_owned());
            let counts = counts.or_default();
            (platform.event_type)(event).clone_into(&mut counts.event_type);
            add(counts, &series.tally);
            diagnose(platform, &mut report.diagnostics, pixel, sent_as, series);
            if query.summary == 0 {
                let details = series.conversions.iter().filter_map(|c| Some((c, c.detail.as_deref()?)));
                list.extend(details.map(|(c, detail)| (&**pixel, &**sent_as, c, detail)));
            }
        }
    }
    list.sort_unstable_by_key(|(.., detail)| detail.number);
    let skip = query.limit.map_or(0, |limit| list.len().saturating_sub(limit));
    let views = list.into_iter().skip(skip).map(|(p, name, c, d)| view(platform, p, name, c, d));
    report.conversions = views.collect();
    report.discarded = part.discarded(query);
    report
}

fn add(counts: &mut Counts, tally: &Tally) {
    counts.received += tally.received;
    counts.counted += tally.counted;
    counts.merged += tally.merged;
    counts.dropped += tally.dropped;
    counts.late_pairs += tally.late_pairs;
    counts.without_id += tally.without_id;
    counts.browser_only += tally.pixel_only;
    counts.server_only += tally.server_only;
    counts.both += tally.both;
    counts.matched += tally.matched;
    for (currency, value) in &tally.values {
        let sum = counts.value.entry(currency.to_string()).or_default();
        let before: Decimal = sum.parse().unwrap_or_default();
        *sum = before.saturating_add(*value).to_string();
    }
    for (rule, n) in &tally.rules {
        *counts.by_rule.entry((*rule).to_owned()).or_default() += n;
    }
    for (map, list) in
        [(&mut counts.coverage, &tally.coverage), (&mut counts.unmatchable, &tally.unmatchable)]
    {
        for (name, n) in KEY_NAMES.iter().zip(list).filter(|(_, n)| **n > 0) {
            *map.entry((*name).to_owned()).or_default() += n;
        }
    }
}

fn diagnose(
    platform: &Platform,
    diagnostics: &mut Vec<Diagnostic>,
    pixel: &str,
    event: &str,
    series: &Series,
) {
    let tally = &series.tally;
    let mut note = |name: &str, count: u64| {
        if count > 0 {
            let (pixel, event, name) = (pixel.to_owned(), event.to_owned(), name.to_owned());
            diagnostics.push(Diagnostic { pixel, event, name, count });
        }
    };
    for (name, count) in platform.flaws.iter().zip(tally.flaws) {
        note(name, count);
    }
    note("late_pair", tally.late_pairs);
    if tally.dropped * 5 > tally.received {
        note("duplicate_rate", tally.dropped);
    }
    // Both halves are in use, yet neither of these found its partner.
    note("mismatched_event_id", tally.pixel_only.min(tally.server_only));
    let people = tally.coverage[0].max(tally.coverage[1]);
    if people * 2 < tally.counted && (platform.wants_value)(event) {
        note("low_key_coverage", tally.counted - people);
    }
}

fn view(
    platform: &Platform,
    pixel: &str,
    sent_as: &str,
    conversion: &Conversion,
    detail: &Detail,
) -> ConversionView {
    let event = (platform.counted_name)(sent_as);
    let second = match conversion.first {
        Channel::Pixel => Channel::Server,
        Channel::Server => Channel::Pixel,
    };
    let arrival_of = |channel: Channel| {
        if conversion.first == channel { Some(conversion.first_ms) } else { conversion.other_ms }
    };
    let keys_of =
        |channel: Channel| if conversion.first == channel { detail.first_keys } else { detail.other_keys };
    let mut channels = vec![conversion.first.name().to_owned()];
    channels.extend(conversion.other_ms.map(|_| second.name().to_owned()));
    ConversionView {
        pixel: pixel.to_owned(),
        event: event.to_owned(),
        sent_as: sent_as.to_owned(),
        event_type: (platform.event_type)(event).to_owned(),
        event_id: detail.event_id.as_deref().map(str::to_owned),
        value: detail.value,
        currency: detail.currency.as_deref().map(str::to_owned),
        order_id: detail.order_id.as_deref().map(str::to_owned),
        channels,
        pixel_ms: arrival_of(Channel::Pixel),
        server_ms: arrival_of(Channel::Server),
        pixel_keys: keys_of(Channel::Pixel).names(),
        server_keys: keys_of(Channel::Server).names(),
        page_url: detail.page_url.as_deref().map(str::to_owned),
        received: conversion.received,
        dropped: conversion.dropped,
        merged: conversion.merged,
        rule: detail.rule.map(str::to_owned),
        kept: detail.kept.name().to_owned(),
        merged_keys: detail.merged_keys.names(),
        user_keys: conversion.keys.names(),
        unmatchable_keys: detail.unmatchable.names(),
        matched_keys: detail.matched_keys.names(),
        first_seen_ms: conversion.first_ms,
        event_time: detail.event_time,
    }
}

/// A decimal as text, so that no reader turns it into a float.
mod rust_decimal_text {
    use rust_decimal::Decimal;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(
        value: &Option<Decimal>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => serializer.collect_str(value),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Decimal>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| text.parse().map_err(D::Error::custom)).transpose()
    }
}
