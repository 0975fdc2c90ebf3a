//! The overview page.

use minijinja::{Environment, Value, value::Serde};
use serde::Serialize;

use crate::{
    ConversionView, Counts, PLATFORMS, Platform, Query, Report, RequestEntry, Sandbox, TestEvent,
    engine::{Channel, Pairing},
    keys::KEY_NAMES,
};

const TEMPLATE: &str = include_str!("page.html");
/// Rows of the two lists.
const ROWS: usize = 50;

#[derive(Serialize)]
struct Page {
    now: String,
    platforms: Vec<Section>,
    details: bool,
}

/// One platform.
#[derive(Serialize)]
struct Section {
    name: &'static str,
    title: &'static str,
    source: &'static str,
    remark: &'static str,
    first_event: &'static str,
    /// Did anything reach it?
    quiet: bool,
    counted: u64,
    report: Report,
    pixels: Vec<PixelRows>,
    conversions: Vec<ConversionRow>,
    refused: Vec<RefusedRow>,
    tests: Vec<TestEvent>,
    faults: usize,
}

#[derive(Serialize)]
struct PixelRows {
    pixel: String,
    events: Vec<EventRow>,
    keys: Vec<&'static str>,
}

#[derive(Serialize)]
struct EventRow {
    name: String,
    counts: Counts,
    connection: &'static str,
    values: Vec<String>,
    coverage: Vec<String>,
    /// Duplicates by the rule that found them, as `rule: number`.
    rules: Vec<String>,
}

#[derive(Serialize)]
struct ConversionRow {
    first_seen: String,
    #[serde(flatten)]
    view: ConversionView,
    value_text: String,
    /// The browser's half, then the server's; nothing if it never came.
    halves: [Option<Half>; 2],
    outcome: &'static str,
}

/// One half of a conversion.
#[derive(Serialize)]
struct Half {
    /// `first`, or how much later than the first half.
    when: String,
    keys: Vec<Key>,
}

#[derive(Serialize)]
struct Key {
    name: String,
    /// Did only the merge bring it?
    added: bool,
}

#[derive(Serialize)]
struct RefusedRow {
    at: String,
    #[serde(flatten)]
    entry: RequestEntry,
}

pub(crate) fn render(sandbox: &Sandbox) -> Result<String, minijinja::Error> {
    let page = Page {
        now: time(sandbox.now_ms()),
        platforms: PLATFORMS.into_iter().map(|platform| section(sandbox, platform)).collect(),
        details: sandbox.options().keep_details,
    };
    let mut environment = Environment::new();
    environment.add_template("page.html", TEMPLATE)?;
    environment.get_template("page.html")?.render(Value::from(Serde(page)))
}

fn section(sandbox: &Sandbox, platform: &'static Platform) -> Section {
    let counter = sandbox.on(platform);
    let report = counter.report(&Query { limit: Some(ROWS), ..Query::default() });
    let pairing = platform.dedup(&sandbox.options()).pairing;
    let went_wrong =
        |entry: &RequestEntry| entry.pixel.is_none() || entry.fault.is_some() || entry.discarded > 0;
    let refused = counter.requests().into_iter().rev().filter(went_wrong).take(ROWS);
    Section {
        name: platform.name,
        title: platform.title,
        source: platform.source,
        remark: platform.remark,
        first_event: platform.first_event,
        quiet: report.requests + report.hits == 0,
        counted: report.counts.values().flat_map(|events| events.values()).map(|c| c.counted).sum(),
        pixels: report.counts.iter().map(|(pixel, counts)| pixel_rows(pixel, counts)).collect(),
        conversions: report.conversions.iter().rev().map(|view| conversion_row(view, pairing)).collect(),
        refused: refused.map(|entry| RefusedRow { at: time(entry.at_ms), entry }).collect(),
        tests: counter.test_events().into_iter().rev().take(ROWS).collect(),
        faults: counter.faults().len(),
        report,
    }
}

fn pixel_rows(pixel: &str, events: &std::collections::BTreeMap<String, Counts>) -> PixelRows {
    let keys: Vec<&'static str> =
        KEY_NAMES.into_iter().filter(|key| events.values().any(|c| c.coverage.contains_key(*key))).collect();
    let rows = events.iter().map(|(name, counts)| EventRow {
        name: name.clone(),
        connection: connection(counts),
        values: counts.value.iter().map(|(currency, sum)| format!("{sum} {currency}")).collect(),
        coverage: keys.iter().map(|key| share(counts.coverage.get(*key), counts.counted)).collect(),
        rules: counts.by_rule.iter().map(|(rule, n)| format!("{rule}: {n}")).collect(),
        counts: counts.clone(),
    });
    PixelRows { pixel: pixel.to_owned(), events: rows.collect(), keys }
}

fn connection(counts: &Counts) -> &'static str {
    let browser = counts.browser_only + counts.both > 0;
    let server = counts.server_only + counts.both > 0;
    match (browser, server) {
        (true, true) => "server and browser",
        (true, false) => "browser only",
        (false, true) => "server only",
        (false, false) => "none",
    }
}

fn share(part: Option<&u64>, whole: u64) -> String {
    let percent = (part.copied().unwrap_or(0) * 100).checked_div(whole).unwrap_or(0);
    format!("{percent} %")
}

fn conversion_row(view: &ConversionView, pairing: Pairing) -> ConversionRow {
    ConversionRow {
        first_seen: time(view.first_seen_ms),
        value_text: view.value.map(|value| value.to_string()).unwrap_or_default(),
        halves: [
            half(view, Channel::Pixel, view.pixel_ms, &view.pixel_keys),
            half(view, Channel::Server, view.server_ms, &view.server_keys),
        ],
        outcome: match (view.pixel_ms, view.server_ms) {
            (Some(_), Some(_)) if !view.merged => "both, too late to merge: second half dropped",
            (Some(_), Some(_)) if pairing == Pairing::AddKeys => "both, merged",
            (Some(_), Some(_)) if view.kept == Channel::Pixel.name() => "both, the browser's counts",
            (Some(_), Some(_)) => "both, the server's counts",
            (Some(_), None) => "browser only",
            (None, _) => "server only",
        },
        view: view.clone(),
    }
}

fn half(view: &ConversionView, channel: Channel, at_ms: Option<i64>, keys: &[String]) -> Option<Half> {
    let later_ms = at_ms? - view.first_seen_ms;
    let is_second = view.channels.get(1).is_some_and(|name| name == channel.name());
    let when = match later_ms {
        _ if !is_second => "first".to_owned(),
        ..1000 => format!("{later_ms} ms later"),
        _ => format!("{} s later", later_ms / 1000),
    };
    let key = |name: &String| Key { name: name.clone(), added: is_second && view.merged_keys.contains(name) };
    Some(Half { when, keys: keys.iter().map(key).collect() })
}

fn time(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms)
        .map(|time| time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
        .unwrap_or_default()
}
