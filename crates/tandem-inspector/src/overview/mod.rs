//! The start page: is everything all right, and if not, what to look at first.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use minijinja::Value;
use serde::Serialize;
use tandem_gateway::alerts::Standing;
use tandem_store::embedded::LaneCounts;
use tandem_store::pages::{CodeCount, Overview, Span};
use tandem_store::{Store, StoreError};

use crate::asked::Asked;
use crate::period::{Scope, day_label, hour_label};
use crate::session::Visitor;
use crate::shell::Entry;
use crate::{Inspector, alerts, chart, explained, format, read};

mod lanes;
mod verdict;

use lanes::Destination;

pub(crate) const ENTRY: Entry = Entry { path: "/", name: "Overview", group: "Now" };

/// Findings of the last day that are shown.
const PROBLEMS: usize = 6;

/// Currencies that have a figure of their own.
const CURRENCIES: usize = 3;

/// Events that the insight file may lack before it is worth a word.
const LAG: i64 = 1_000;

#[derive(Serialize)]
struct Page {
    scope: Scope,
    answer: verdict::Answer,
    remarks: Vec<verdict::Remark>,
    alerts: Vec<Standing>,
    figures: Vec<Figure>,
    chart: Value,
    rows: Vec<(String, String, String)>,
    destinations: Vec<Destination>,
    problems: Vec<Problem>,
    /// The first steps stand here as long as nothing came in.
    is_empty: bool,
    sources: Vec<(String, Vec<&'static str>)>,
    behind: Option<i64>,
}

#[derive(Serialize)]
struct Figure {
    name: String,
    value: String,
    unit: &'static str,
    note: String,
    href: String,
    mood: &'static str,
}

#[derive(Serialize)]
struct Problem {
    code: String,
    severity: String,
    events: i64,
    remedy: String,
    trend: Value,
}

/// What is read for the page.
struct Known {
    lanes: Vec<LaneCounts>,
    overview: Overview,
    findings: Vec<CodeCount>,
}

impl Known {
    fn read(store: &Store, site: Option<&str>, hours: (i64, i64), today: i64) -> Result<Self, StoreError> {
        let span = Span { site: site.map(str::to_owned), first: today - 1, last: today };
        Ok(Self {
            lanes: store.lanes()?,
            overview: store.overview(site, hours)?,
            findings: store.finding_codes(&span, 0)?,
        })
    }
}

pub(crate) async fn page(
    State(inspector): State<Arc<Inspector>>,
    Extension(visitor): Extension<Visitor>,
    uri: Uri,
) -> Response {
    let asked = Asked::read(&uri, &["site", "period", "from", "to"]);
    let scope = asked.and_then(|asked| Scope::read(&inspector, ENTRY.path, &asked, "24h"));
    let scope = match scope {
        Ok(scope) => scope,
        Err(text) => return inspector.shell.unclear(&visitor, &text),
    };
    let now_ms = inspector.gateway.clock.now_ms();
    let (site, hours) = (scope.chosen(), scope.period.hours());
    let today = now_ms.div_euclid(86_400_000);
    let known = read(&inspector, move |store| Known::read(store, site.as_deref(), hours, today)).await;
    let Some(known) = known else { return inspector.shell.no_answer(&visitor) };
    let page = made(&inspector, scope, &known, now_ms);
    inspector.shell.page(Some(&visitor), StatusCode::OK, "overview.html", ENTRY.name, &page)
}

fn made(inspector: &Inspector, scope: Scope, known: &Known, now_ms: i64) -> Page {
    let set_up = inspector.gateway.sites();
    let is_shown = |site: &str| scope.site.is_empty() || scope.site == site;
    let mut destinations: Vec<Destination> = set_up
        .lanes()
        .filter(|lane| is_shown(&lane.site))
        .map(|lane| lanes::destination(lane, &known.lanes, &known.overview, now_ms))
        .collect();
    destinations.sort_by(|a, b| (&a.site, &a.name).cmp(&(&b.site, &b.name)));
    let alerts = alerts::firing(inspector, &scope.site);
    let writable = inspector.gateway.store.writable();
    let has_events = known.overview.has_events;
    let answer = verdict::answer(&destinations, alerts.len(), writable, has_events);
    let behind = Some(inspector.gateway.store.insight_behind()).filter(|behind| *behind > LAG);
    let (chart, rows) = arrivals(&scope, &known.overview);
    let mut sources: Vec<(String, Vec<&'static str>)> = set_up
        .iter()
        .filter(|site| is_shown(&site.site.id))
        .map(|site| {
            let mut names: Vec<&'static str> = site.sources.keys().copied().collect();
            names.sort_unstable();
            (site.site.id.clone(), names)
        })
        .collect();
    sources.sort_unstable();
    Page {
        remarks: verdict::remarks(&destinations, writable),
        figures: figures(&scope, &known.overview, &destinations),
        problems: known
            .findings
            .iter()
            .filter(|one| one.severity != "info")
            .take(PROBLEMS)
            .map(problem)
            .collect(),
        is_empty: !has_events,
        scope,
        answer,
        alerts,
        chart,
        rows,
        destinations,
        sources,
        behind,
    }
}

fn problem(found: &CodeCount) -> Problem {
    let explained = explained::of(&found.code);
    let values: Vec<i64> = found.by_day.iter().map(|(_, n)| *n).collect();
    Problem {
        code: found.code.clone(),
        severity: found.severity.clone(),
        events: found.events,
        remedy: explained.map(|code| code.fix.clone()).unwrap_or_default(),
        trend: chart::sparkline(&format!("{} by day", found.code), &values),
    }
}

/// Events by hour or by day, as a chart and as its numbers.
fn arrivals(scope: &Scope, overview: &Overview) -> (Value, Vec<(String, String, String)>) {
    let hourly = scope.period.is_hourly();
    let unit = |hour: i64| if hourly { hour } else { hour.div_euclid(24) };
    let (first, last) = if hourly { scope.period.hours() } else { scope.period.days() };
    // A period given by dates may be as long as it likes; a chart may not.
    let first = first.max(last - 400);
    let units: Vec<i64> = (first..=last).collect();
    let mut counts = vec![(0, 0); units.len()];
    for arrival in &overview.arrivals {
        let at = usize::try_from(unit(arrival.hour) - first).ok();
        if let Some(count) = at.and_then(|at| counts.get_mut(at)) {
            count.0 += arrival.events - arrival.purchases;
            count.1 += arrival.purchases;
        }
    }
    let labels: Vec<String> =
        units.iter().map(|at| if hourly { hour_label(*at) } else { day_label(*at) }).collect();
    let words = format!(
        "{} by {} in {}; purchases among them: {}.",
        format::many(counts.iter().map(|(other, sales)| other + sales).sum(), "event", "events"),
        if hourly { "hour" } else { "day" },
        scope.period.words,
        format::count(counts.iter().map(|(_, sales)| sales).sum()),
    );
    let series = [
        chart::Series {
            name: "purchases",
            class: "accent",
            values: counts.iter().map(|(_, sales)| *sales).collect(),
        },
        chart::Series {
            name: "other events",
            class: "soft",
            values: counts.iter().map(|(other, _)| *other).collect(),
        },
    ];
    let rows = labels.iter().zip(&counts);
    let rows =
        rows.map(|(label, (other, sales))| (label.clone(), format::count(*sales), format::count(*other)));
    let rows = rows.rev().collect();
    (chart::bars("Events that came in", &words, &labels, &series), rows)
}

fn purchases(n: i64) -> String {
    format!("{} purchase{}", format::count(n), if n == 1 { "" } else { "s" })
}

fn figures(scope: &Scope, overview: &Overview, destinations: &[Destination]) -> Vec<Figure> {
    let events: i64 = overview.arrivals.iter().map(|a| a.events).sum();
    let sales: i64 = overview.arrivals.iter().map(|a| a.purchases).sum();
    let address = |path: &str, more: &[(&str, &str)]| {
        let asked = Asked::default().with("site", &scope.site);
        more.iter().fold(asked, |asked, (name, value)| asked.with(name, value)).address(path)
    };
    let mut figures = vec![Figure {
        name: "Events".to_owned(),
        value: format::count(events),
        unit: "",
        note: purchases(sales),
        href: address("/events", &[]),
        mood: "",
    }];
    // Money is added up by whole days.
    let since = if scope.period.is_hourly() {
        format!(" since {}", day_label(scope.period.days().0))
    } else {
        String::new()
    };
    for revenue in overview.revenue.iter().take(CURRENCIES) {
        figures.push(Figure {
            name: format!(
                "Revenue, {}",
                if revenue.currency.is_empty() { "no currency" } else { &revenue.currency }
            ),
            value: format::money(&revenue.value.to_string()),
            unit: "",
            note: format!("{}{since}", purchases(revenue.events)),
            href: address("/orders", &[]),
            mood: "",
        });
    }
    let sum = |of: fn(&Destination) -> i64| destinations.iter().map(of).sum::<i64>();
    let (delivered, lost) = (sum(|d| d.delivered), sum(|d| d.rejected + d.expired));
    let rate = format::percent(delivered, delivered + lost);
    figures.push(Figure {
        name: "Delivered".to_owned(),
        value: rate.clone().unwrap_or_else(|| "–".to_owned()),
        unit: if rate.is_some() { "%" } else { "" },
        note: format!("{} of {}", format::count(delivered), format::count(delivered + lost)),
        href: "/destinations".to_owned(),
        mood: lanes::mood(delivered, lost),
    });
    let waiting = sum(|d| d.waiting);
    let oldest = destinations.iter().filter_map(|d| d.late_ms).max();
    figures.push(Figure {
        name: "Waiting".to_owned(),
        value: format::count(waiting),
        unit: "",
        note: oldest
            .map_or_else(|| "none is late".to_owned(), |ms| format!("oldest for {}", format::span(ms))),
        href: address("/events", &[("state", "waiting")]),
        mood: if oldest.is_some_and(|ms| ms > lanes::LATE_MS) { "wait" } else { "" },
    });
    figures
}
