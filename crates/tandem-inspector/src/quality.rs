//! Match quality: how well a destination can tell who did it, as our own estimate, and what would raise it most.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use minijinja::Value;
use serde::Serialize;
use tandem_core::quality::emq::{self, Verdict, Weights};
use tandem_core::quality::{Key, Keys};
use tandem_destinations::{Definition, PLATFORMS};
use tandem_store::insight::matching::{KeysCount, Matching};

use crate::asked::Asked;
use crate::period::Scope;
use crate::session::Visitor;
use crate::shell::Entry;
use crate::{Inspector, chart};

pub(crate) const ENTRY: Entry = Entry { path: "/quality", name: "Match quality", group: "Quality" };

/// Names in the table of keys; the rest has few events.
const COLUMNS: usize = 8;

/// Names in the list.
const NAMES: usize = 40;

/// A gain below this is not worth a sentence.
const LEAST_GAIN: f64 = 0.05;

type Histogram = Vec<(Keys, u64)>;

#[derive(Serialize)]
struct Page {
    scope: Scope,
    destination: Choice,
    destinations: Vec<Choice>,
    events: i64,
    best: Option<Best>,
    names: Vec<Name>,
    more_names: usize,
    columns: Vec<String>,
    keys: Vec<KeyRow>,
    weights: Vec<(&'static str, u16)>,
    /// The one name that is looked at closely.
    focus: Option<Focus>,
}

#[derive(Serialize)]
struct Choice {
    name: &'static str,
    title: &'static str,
    address: String,
    is_chosen: bool,
}

/// The improvement that brings most.
#[derive(Debug, PartialEq, Serialize)]
struct Best {
    event_name: String,
    sentence: String,
    gain: String,
}

#[derive(Serialize)]
struct Name {
    name: String,
    address: String,
    is_chosen: bool,
    events: i64,
    score: String,
    of_possible: i64,
    band: String,
    meter: Value,
    verdict: Judged,
    trend: Value,
}

/// A verdict in words, with its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
struct Judged {
    /// For a tag.
    state: &'static str,
    word: &'static str,
    note: &'static str,
}

#[derive(Serialize)]
struct KeyRow {
    title: &'static str,
    weight: u16,
    cells: Vec<Cell>,
}

#[derive(Serialize)]
struct Cell {
    class: &'static str,
    text: String,
    /// Events of this name are not expected to have the key.
    is_unexpected: bool,
}

#[derive(Serialize)]
struct Focus {
    name: String,
    best: Option<String>,
    parts: Vec<Part>,
}

/// A part of a name's events, by channel and device.
#[derive(Serialize)]
struct Part {
    channel: String,
    device: String,
    events: i64,
    score: String,
    meter: Value,
    verdict: Judged,
    missing: Vec<&'static str>,
}

pub(crate) async fn page(
    State(inspector): State<Arc<Inspector>>,
    Extension(visitor): Extension<Visitor>,
    uri: Uri,
) -> Response {
    let known = ["site", "destination", "name", "period", "from", "to"];
    let read = Asked::read(&uri, &known)
        .and_then(|asked| Ok((Scope::read(&inspector, ENTRY.path, &asked, "7d")?, asked)));
    let (scope, asked) = match read {
        Ok(read) => read,
        Err(text) => return inspector.shell.unclear(&visitor, &text),
    };
    let all = rated(&inspector, &scope.site);
    let wanted = asked.get("destination");
    let chosen = all.iter().find(|d| wanted.is_empty() || d.name == wanted).copied();
    let Some(chosen) = chosen else {
        return inspector.shell.unclear(&visitor, "No such destination has an estimate.");
    };
    let (site, days) = (Some(scope.site.clone()).filter(|site| !site.is_empty()), scope.period.days());
    let focus = asked.some("name");
    let name = focus.clone();
    let read = crate::read(&inspector, move |store| {
        let all = Matching { site: site.as_deref(), days, event_name: None };
        let one = Matching { event_name: name.as_deref(), ..all };
        let parts = if name.is_some() { store.keys_by_device(one)? } else { Vec::new() };
        Ok((store.keys_by_name(all)?, store.keys_by_day(all)?, parts))
    });
    let Some((by_name, by_day, parts)) = read.await else { return inspector.shell.no_answer(&visitor) };
    let base = asked.without(&["destination"]);
    let choice = |d: &&'static Definition| Choice {
        name: d.name,
        title: d.title,
        address: base.with("destination", d.name).address(ENTRY.path),
        is_chosen: d.name == chosen.name,
    };
    let weights = chosen.match_weights;
    let groups = grouped(&by_name);
    let mut names: Vec<Name> =
        groups.iter().filter_map(|group| named(group, &by_day, days, weights, &asked)).collect();
    let more_names = names.len().saturating_sub(NAMES);
    names.truncate(NAMES);
    let columns: Vec<&(String, Histogram)> = groups.iter().take(COLUMNS).collect();
    let page = Page {
        destination: choice(&chosen),
        destinations: all.iter().map(choice).collect(),
        events: by_name.iter().map(|row| row.events).sum(),
        best: best(&groups, weights),
        names,
        more_names,
        keys: key_rows(&columns, weights),
        columns: columns.iter().map(|(name, _)| name.clone()).collect(),
        weights: weights.iter().map(|(key, weight)| (key.title(), *weight)).collect(),
        focus: focus.map(|name| closely(name, &groups, &parts, weights)),
        scope,
    };
    inspector.shell.page(Some(&visitor), StatusCode::OK, "quality.html", ENTRY.name, &page)
}

/// Destinations with an estimate: those of the site first; every platform's where none is set up.
fn rated(inspector: &Inspector, site: &str) -> Vec<&'static Definition> {
    let sites = inspector.gateway.sites();
    let of_site = sites.lanes().filter(|lane| site.is_empty() || lane.site == site);
    let has: Vec<&str> = of_site.map(|lane| lane.destination.definition().name).collect();
    let all = PLATFORMS.iter().map(|platform| platform.definition).filter(|d| !d.match_weights.is_empty());
    let own: Vec<_> = all.clone().filter(|d| has.contains(&d.name)).collect();
    if own.is_empty() { all.collect() } else { own }
}

fn number(events: i64) -> u64 {
    u64::try_from(events).unwrap_or(0)
}

/// By name, the one with most events first.
fn grouped(rows: &[KeysCount]) -> Vec<(String, Histogram)> {
    let mut all: BTreeMap<&str, Histogram> = BTreeMap::new();
    for row in rows {
        all.entry(&row.event_name).or_default().push((Keys::from_bits(row.keys), number(row.events)));
    }
    let mut all: Vec<(String, Histogram)> = all.into_iter().map(|(name, of)| (name.to_owned(), of)).collect();
    all.sort_by_key(|(_, histogram)| std::cmp::Reverse(count(histogram)));
    all
}

fn count(histogram: &Histogram) -> u64 {
    histogram.iter().map(|(_, n)| n).sum()
}

fn named(
    (name, histogram): &(String, Histogram),
    by_day: &[KeysCount],
    (first, last): (i64, i64),
    weights: Weights<'_>,
    asked: &Asked,
) -> Option<Name> {
    let estimate = emq::estimate(histogram, weights, name)?;
    let band = emq::expected(name);
    let verdict = emq::verdict(estimate.score, name);
    let mut days: BTreeMap<i64, Histogram> = BTreeMap::new();
    for row in by_day.iter().filter(|row| row.event_name == *name) {
        days.entry(row.day).or_default().push((Keys::from_bits(row.keys), number(row.events)));
    }
    let scores: Vec<Option<f64>> = (first..=last)
        .map(|day| days.get(&day).and_then(|of| emq::estimate(of, weights, name)).map(|e| e.score))
        .collect();
    Some(Name {
        address: asked.with("name", name).address(ENTRY.path) + "#closely",
        is_chosen: asked.get("name") == name,
        name: name.clone(),
        events: i64::try_from(estimate.events).unwrap_or(i64::MAX),
        score: format!("{:.1}", estimate.score),
        of_possible: percent(estimate.of_possible),
        band: format!("{:.0} to {:.0}", band.low, band.high),
        meter: meter(estimate.score, name),
        verdict: judged(verdict),
        trend: trend(&scores),
    })
}

fn judged(verdict: Verdict) -> Judged {
    let of = |state, word, note| Judged { state, word, note };
    match verdict {
        Verdict::Good => of("good", "good", "As good as it needs to be."),
        Verdict::Normal => of("", "normal", "As usual for events of this name."),
        Verdict::Low { defect: false } => {
            of("", "below usual", "Lower than usual for this name. Worth a look, and no defect.")
        }
        Verdict::Low { defect: true } => {
            of("bad", "defect", "The buyer said who he is, and that does not arrive.")
        }
    }
}

fn meter(score: f64, name: &str) -> Value {
    let band = emq::expected(name);
    let verdict = judged(emq::verdict(score, name));
    let words = format!("{score:.1} of 10, {}; usual are {:.0} to {:.0}", verdict.word, band.low, band.high);
    let colour = match verdict.state {
        "good" => "good",
        "bad" => "bad",
        _ => "accent",
    };
    chart::meter(&words, score, colour, &[band.low, band.high])
}

/// Days without events carry the score of the day before: a gap is no fall.
fn trend(scores: &[Option<f64>]) -> Value {
    let known: Vec<f64> = scores.iter().flatten().copied().collect();
    let (Some(first), Some(last)) = (known.first(), known.last()) else { return Value::from("") };
    let mut before = *first;
    let mut values = Vec::with_capacity(scores.len());
    for score in scores {
        before = score.unwrap_or(before);
        #[expect(clippy::cast_possible_truncation, reason = "0 to 1,000")]
        values.push((before * 100.0).round() as i64);
    }
    if known.len() < 2 {
        return Value::from("");
    }
    chart::sparkline(&format!("from {first:.1} to {last:.1} in {} days", scores.len()), &values)
}

#[expect(clippy::cast_possible_truncation, reason = "0 to 100")]
fn percent(share: f64) -> i64 {
    (share * 100.0).round() as i64
}

/// The one improvement that is worth most. Where the buyer said who he is comes first: that can be mended, and it is what
/// campaigns are paid for. Then whatever lifts the most events.
fn best(groups: &[(String, Histogram)], weights: Weights<'_>) -> Option<Best> {
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
    let worth = |name: &str, histogram: &Histogram, gain: f64| {
        (emq::expected(name).is_owed, gain * count(histogram) as f64)
    };
    let all = groups.iter().filter_map(|(name, histogram)| {
        let found = emq::best_improvement(histogram, weights, name).filter(|i| i.gain >= LEAST_GAIN)?;
        Some((worth(name, histogram, found.gain), name, found))
    });
    let (_, name, found) = all.reduce(|best, other| {
        let higher = other.0 > best.0;
        if higher { other } else { best }
    })?;
    Some(Best { event_name: name.clone(), sentence: found.sentence, gain: format!("+{:.1}", found.gain) })
}

fn key_rows(columns: &[&(String, Histogram)], weights: Weights<'_>) -> Vec<KeyRow> {
    let cell = |key: Key, (name, histogram): &(String, Histogram)| {
        let share = emq::coverage(histogram, key);
        let is_unexpected = !emq::carries(name).has(key) && share < 0.005;
        Cell {
            class: if is_unexpected { "none" } else { chart::heat(Some(share)) },
            text: if is_unexpected { "–".to_owned() } else { format!("{} %", percent(share)) },
            is_unexpected,
        }
    };
    let row = |(key, weight): &(Key, u16)| KeyRow {
        title: key.title(),
        weight: *weight,
        cells: columns.iter().map(|group| cell(*key, group)).collect(),
    };
    weights.iter().map(row).collect()
}

fn closely(name: String, groups: &[(String, Histogram)], parts: &[KeysCount], weights: Weights<'_>) -> Focus {
    let best = groups
        .iter()
        .find(|(known, _)| *known == name)
        .and_then(|(_, histogram)| emq::best_improvement(histogram, weights, &name))
        .map(|found| found.sentence);
    let mut by: BTreeMap<(&str, &str), Histogram> = BTreeMap::new();
    for row in parts {
        let keys = (Keys::from_bits(row.keys), number(row.events));
        by.entry((&row.channel, &row.device)).or_default().push(keys);
    }
    let mut parts: Vec<Part> =
        by.into_iter().filter_map(|(of, histogram)| part(of, &histogram, &name, weights)).collect();
    parts.sort_by_key(|part| std::cmp::Reverse(part.events));
    Focus { name, best, parts }
}

fn part(
    (channel, device): (&str, &str),
    histogram: &Histogram,
    name: &str,
    weights: Weights<'_>,
) -> Option<Part> {
    let estimate = emq::estimate(histogram, weights, name)?;
    let lacks = |key: &Key| emq::carries(name).has(*key) && emq::coverage(histogram, *key) < 0.005;
    Some(Part {
        channel: channel.to_owned(),
        device: if device == "none" { "no user agent".to_owned() } else { device.to_owned() },
        events: i64::try_from(estimate.events).unwrap_or(i64::MAX),
        score: format!("{:.1}", estimate.score),
        meter: meter(estimate.score, name),
        verdict: judged(emq::verdict(estimate.score, name)),
        missing: weights.iter().map(|(key, _)| *key).filter(lacks).map(Key::title).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights() -> Weights<'static> {
        tandem_destinations::platform("tiktok").unwrap().definition.match_weights
    }

    fn browser() -> Keys {
        Keys::from_list(&[Key::ExternalId, Key::Ttp, Key::Ip, Key::UserAgent])
    }

    #[test]
    fn a_page_view_of_nobody_looks_normal() {
        for score in [3.0, 4.5, 6.0] {
            assert_eq!(judged(emq::verdict(score, "Pageview")).state, "", "{score}");
            assert!(!meter(score, "Pageview").to_string().contains("bad"));
        }
        assert_eq!(judged(emq::verdict(2.0, "Pageview")).state, "", "low, and no defect");
        assert_eq!(judged(emq::verdict(7.9, "Purchase")).state, "bad");
        assert_eq!(judged(emq::verdict(8.0, "Purchase")).word, "good");
    }

    #[test]
    fn the_best_improvement_is_one_of_a_sale_if_there_is_one() {
        let sale = ("Purchase".to_owned(), vec![(browser().with(Key::Email), 10)]);
        let view = ("Pageview".to_owned(), vec![(Keys::from_list(&[Key::Ip]), 1_000_000)]);
        let found = best(&[view.clone(), sale], weights()).unwrap();
        assert_eq!(found.event_name, "Purchase");
        assert!(found.sentence.contains("phone"), "{}", found.sentence);
        assert_eq!(best(&[view], weights()).unwrap().event_name, "Pageview");
        assert_eq!(best(&[], weights()), None);
    }

    #[test]
    fn what_cannot_be_there_is_no_gap() {
        let view = ("Pageview".to_owned(), vec![(browser(), 4)]);
        let rows = key_rows(&[&view], weights());
        let of = |title: &str| rows.iter().find(|row| row.title == title).unwrap();
        assert_eq!(of(Key::Email.title()).cells[0].text, "–");
        assert_eq!(of(Key::Ttp.title()).cells[0].text, "100 %");
        assert_eq!(of(Key::Ttclid.title()).cells[0].text, "0 %");
    }

    #[test]
    fn a_gap_is_no_fall() {
        let line = trend(&[Some(5.0), None, Some(6.0)]).to_string();
        assert!(line.contains("from 5.0 to 6.0 in 3 days"), "{line}");
        assert_eq!(trend(&[None, Some(5.0)]).to_string(), "");
    }
}
