//! What was found: every code that was met, what it means, and where it comes from.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Extension;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use minijinja::Value;
use serde::Serialize;
use tandem_core::codes::Code;
use tandem_store::pages::{CodeDay, CodeDetail, FoundTogether, NoticeSample, Span};

use crate::asked::Asked;
use crate::period::{Scope, day_label};
use crate::session::Visitor;
use crate::shell::Entry;
use crate::{Inspector, chart, explained, format, read};

pub(crate) const ENTRY: Entry = Entry { path: "/findings", name: "Findings", group: "Records" };

const PARAMETERS: &[&str] = &["site", "period", "from", "to"];

/// Events that are linked beside each code of the list.
const FEW: usize = 3;

/// Events that are linked as samples.
const SAMPLES: usize = 12;

/// Days of a chart at most.
const MAX_DAYS: i64 = 400;

#[derive(Serialize)]
struct Page {
    scope: Scope,
    groups: Vec<Group>,
    is_empty: bool,
    behind: i64,
}

#[derive(Serialize)]
struct Group {
    id: &'static str,
    title: &'static str,
    hint: &'static str,
    /// What is counted.
    unit: &'static str,
    rows: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    code: String,
    /// Severity, kind of notice, or state.
    severity: String,
    what: String,
    n: i64,
    trend: Value,
    samples: Vec<i64>,
    places: String,
}

/// Numbers of every day of a period, from those of some days.
fn filled(by_day: &[(i64, i64)], (first, last): (i64, i64)) -> Vec<i64> {
    let known: BTreeMap<i64, i64> = by_day.iter().copied().collect();
    (first.max(last - MAX_DAYS)..=last).map(|day| known.get(&day).copied().unwrap_or(0)).collect()
}

fn row(code: &str, severity: &str, n: i64, by_day: &[(i64, i64)], days: (i64, i64)) -> Row {
    let words = format!("{code} by day: {} in all", format::count(n));
    Row {
        what: explained::of(code).map(|code| code.what.clone()).unwrap_or_default(),
        trend: chart::sparkline(&words, &filled(by_day, days)),
        code: code.to_owned(),
        severity: severity.to_owned(),
        n,
        samples: Vec::new(),
        places: String::new(),
    }
}

pub(crate) async fn page(
    State(inspector): State<Arc<Inspector>>,
    Extension(visitor): Extension<Visitor>,
    uri: Uri,
) -> Response {
    let scope =
        Asked::read(&uri, PARAMETERS).and_then(|asked| Scope::read(&inspector, ENTRY.path, &asked, "7d"));
    let scope = match scope {
        Ok(scope) => scope,
        Err(text) => return inspector.shell.unclear(&visitor, &text),
    };
    let days = scope.period.days();
    let span = Span { site: scope.chosen(), first: days.0, last: days.1 };
    let found = read(&inspector, move |store| {
        Ok((store.finding_codes(&span, FEW)?, store.notice_codes(&span)?, store.delivery_codes(&span)?))
    });
    let Some((findings, notices, deliveries)) = found.await else {
        return inspector.shell.no_answer(&visitor);
    };
    let of_severity = |severity: &str| {
        let fitting = findings.iter().filter(|one| one.severity == severity);
        let row = |one: &tandem_store::pages::CodeCount| Row {
            samples: one.samples.clone(),
            ..row(&one.code, &one.severity, one.events, &one.by_day, days)
        };
        fitting.map(row).collect::<Vec<_>>()
    };
    let groups = vec![
        Group {
            id: "errors",
            title: "Errors",
            hint: "A part of the event could not be used.",
            unit: "Events",
            rows: of_severity("error"),
        },
        Group {
            id: "warnings",
            title: "Warnings",
            hint: "The event counts for less than it could.",
            unit: "Events",
            rows: of_severity("warning"),
        },
        Group {
            id: "infos",
            title: "Remarks",
            hint: "Corrected, or harmless.",
            unit: "Events",
            rows: of_severity("info"),
        },
        Group {
            id: "not-taken",
            title: "Not taken as events",
            hint: "Turned away, reported before, or nothing to report.",
            unit: "Notices",
            rows: notices
                .iter()
                .map(|one| row(&one.code, &one.kind, one.notices, &one.by_day, days))
                .collect(),
        },
        Group {
            id: "not-sent",
            title: "Not sent, or not taken by the platform",
            hint: "Events that are on record, but did not reach a destination.",
            unit: "Deliveries",
            rows: deliveries
                .iter()
                .map(|one| Row {
                    places: one.destinations.join(", "),
                    ..row(&one.code, one.state, one.deliveries, &one.by_day, days)
                })
                .collect(),
        },
    ];
    let groups: Vec<Group> = groups.into_iter().filter(|group| !group.rows.is_empty()).collect();
    let behind = inspector.gateway.store.insight_behind();
    let page = Page { scope, is_empty: groups.is_empty(), groups, behind };
    inspector.shell.page(Some(&visitor), StatusCode::OK, "findings.html", ENTRY.name, &page)
}

#[derive(Serialize)]
struct One {
    scope: Scope,
    code: String,
    explained: Option<&'static Code>,
    /// How it was met in this time: word and how many.
    counts: Vec<(&'static str, String)>,
    chart: Option<Value>,
    rows: Vec<(String, String)>,
    breakdowns: Vec<Breakdown>,
    samples: Vec<i64>,
    together: Vec<FoundTogether>,
    notices: Vec<NoticeSample>,
    /// To the events that have it.
    events: Option<String>,
}

/// How a count is made up.
#[derive(Serialize)]
struct Breakdown {
    title: &'static str,
    rows: Vec<(String, i64)>,
}

pub(crate) async fn one(
    State(inspector): State<Arc<Inspector>>,
    Extension(visitor): Extension<Visitor>,
    code: Result<Path<String>, PathRejection>,
    uri: Uri,
) -> Response {
    let Ok(Path(code)) = code else { return unknown(&inspector, &visitor) };
    let path = format!("/findings/{}", format::in_address(&code));
    let scope = Asked::read(&uri, PARAMETERS).and_then(|asked| Scope::read(&inspector, &path, &asked, "28d"));
    let scope = match scope {
        Ok(scope) => scope,
        Err(text) => return inspector.shell.unclear(&visitor, &text),
    };
    let days = scope.period.days();
    let span = Span { site: scope.chosen(), first: days.0, last: days.1 };
    let sites = scope.chosen().map_or_else(|| scope.sites.clone(), |site| vec![site]);
    let wanted = code.clone();
    let detail = read(&inspector, move |store| store.code_detail(&wanted, &span, &sites)).await;
    let Some(detail) = detail else { return inspector.shell.no_answer(&visitor) };
    let page = detailed(scope, code, detail);
    if page.explained.is_none() && page.counts.is_empty() && page.together.is_empty() {
        return unknown(&inspector, &visitor);
    }
    let title = page.code.clone();
    inspector.shell.page_below(ENTRY.path, Some(&visitor), StatusCode::OK, "finding.html", &title, &page)
}

fn unknown(inspector: &Inspector, visitor: &Visitor) -> Response {
    let text = "There is no such code in the documents, and none was met in this time.";
    inspector.shell.problem(Some(visitor), StatusCode::NOT_FOUND, "Unknown code", text)
}

fn detailed(scope: Scope, code: String, detail: CodeDetail) -> One {
    let sum = |all: &[CodeDay]| all.iter().map(|one| one.n).sum::<i64>();
    let met =
        [("events", &detail.findings), ("notices", &detail.notices), ("deliveries", &detail.deliveries)];
    let counts = met.iter().map(|(word, all)| (*word, sum(all))).filter(|(_, n)| *n > 0);
    let counts = counts.map(|(word, n)| (word, format::count(n))).collect();
    // Usually a code is met in one way only; then that is what is shown by day.
    let (word, all) =
        met.into_iter().find(|(_, all)| !all.is_empty()).unwrap_or(("events", &detail.findings));
    let days = scope.period.days();
    let labels: Vec<String> = (days.0.max(days.1 - MAX_DAYS)..=days.1).map(day_label).collect();
    let by_day = filled(&grouped(all, |one| one.day), days);
    let words = format!("{} {word} with {code} in {}.", format::count(sum(all)), scope.period.words);
    let class = match all.first() {
        Some(_) if word == "events" => "accent",
        _ => "wait",
    };
    let rows = labels.iter().zip(&by_day).rev().map(|(day, n)| (day.clone(), format::count(*n))).collect();
    let series = [chart::Series { name: word, class, values: by_day }];
    let chart = (!all.is_empty()).then(|| chart::bars(&format!("{code} by day"), &words, &labels, &series));
    let by = |title: &'static str, of: fn(&CodeDay) -> String| {
        let mut rows = grouped(all, of);
        rows.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
        Breakdown { title, rows }
    };
    let (name, source) = match word {
        "notices" => ("Kind", "Source"),
        "deliveries" => ("State", "Destination"),
        _ => ("Event name", "Source"),
    };
    let mut breakdowns = vec![by(name, |one| one.name.clone()), by(source, |one| one.source.clone())];
    if scope.sites.len() > 1 {
        breakdowns.push(by("Site", |one| one.site.clone()));
    }
    breakdowns.retain(|one| !one.rows.is_empty());
    let mut samples = [detail.finding_events, detail.delivery_events].concat();
    samples.sort_unstable_by(|a, b| b.cmp(a));
    samples.dedup();
    samples.truncate(SAMPLES);
    let asked = Asked::default().with("site", &scope.site);
    let events = match word {
        "events" if !all.is_empty() => Some(asked.with("finding", &code)),
        "deliveries" => Some(asked.with("code", &code)),
        _ => None,
    };
    One {
        explained: explained::of(&code),
        events: events.map(|asked| asked.address("/events")),
        together: detail.together,
        notices: detail.notice_samples,
        scope,
        code,
        counts,
        chart,
        rows,
        breakdowns,
        samples,
    }
}

fn grouped<K: Ord>(all: &[CodeDay], key: impl Fn(&CodeDay) -> K) -> Vec<(K, i64)> {
    let mut sums: BTreeMap<K, i64> = BTreeMap::new();
    for one in all {
        *sums.entry(key(one)).or_default() += one.n;
    }
    sums.into_iter().collect()
}
