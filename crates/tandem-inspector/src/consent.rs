//! Consent: what visitors chose, what told us, and what was not sent because of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use minijinja::Value;
use serde::Serialize;
use tandem_store::insight::choices::{Choice, KeptBack, RulingCount};
use tandem_store::insight::doubles::Asked as Wanted;

use crate::asked::Asked;
use crate::chart::{self, Series};
use crate::period::{Scope, day_label};
use crate::session::Visitor;
use crate::shell::Entry;
use crate::{Inspector, format};

pub(crate) const ENTRY: Entry = Entry { path: "/consent", name: "Consent", group: "Quality" };

/// A share of unknown answers from regions that ask, in percent, that is worth mending.
const GAP_PERCENT: i64 = 10;

/// Answers on advertising.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
struct Three {
    granted: i64,
    denied: i64,
    unknown: i64,
}

impl Three {
    fn add(&mut self, word: &str, events: i64) {
        match word {
            "granted" => self.granted += events,
            "denied" => self.denied += events,
            _ => self.unknown += events,
        }
    }

    fn all(self) -> i64 {
        self.granted + self.denied + self.unknown
    }
}

#[derive(Serialize)]
struct Row {
    name: String,
    note: &'static str,
    counts: Three,
    /// In percent of the row; nothing without events.
    granted_share: Option<i64>,
}

#[derive(Serialize)]
struct Ruled {
    destination: String,
    decision: &'static str,
    limited: bool,
    reason: String,
    deliveries: i64,
    event_seq: i64,
}

/// Events of visitors that a law wants asked, without an answer.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Gap {
    events: i64,
    of: i64,
    percent: i64,
    /// How many of them came from where nobody knows.
    nowhere: i64,
}

#[derive(Serialize)]
struct Page {
    scope: Scope,
    counts: Three,
    events: i64,
    chart: Value,
    days: Vec<(String, i64, i64, i64)>,
    signals: Vec<Row>,
    laws: Vec<Row>,
    kept_back: Vec<KeptBack>,
    kept_back_sum: i64,
    rulings: Vec<Ruled>,
    ruled: i64,
    anonymised: i64,
    gap: Option<Gap>,
    command: String,
}

pub(crate) async fn page(
    State(inspector): State<Arc<Inspector>>,
    Extension(visitor): Extension<Visitor>,
    uri: Uri,
) -> Response {
    let known = ["site", "period", "from", "to"];
    let scope = Asked::read(&uri, &known).and_then(|asked| Scope::read(&inspector, ENTRY.path, &asked, "7d"));
    let scope = match scope {
        Ok(scope) => scope,
        Err(text) => return inspector.shell.unclear(&visitor, &text),
    };
    let (site, days) = (Some(scope.site.clone()).filter(|site| !site.is_empty()), scope.period.days());
    let read = crate::read(&inspector, move |store| {
        let asked = Wanted { site: site.as_deref(), days };
        Ok((store.choices(asked)?, store.kept_back(asked)?, store.recent_rulings(site.as_deref())?))
    });
    let Some((choices, kept_back, rulings)) = read.await else { return inspector.shell.no_answer(&visitor) };
    let by_day = by_day(&choices, days);
    let counts = total(&choices);
    let rulings: Vec<Ruled> = rulings.into_iter().map(ruled).collect();
    let page = Page {
        events: counts.all(),
        chart: drawn(&by_day, counts, &scope.period.words),
        days: by_day.into_iter().map(|(day, n)| (day, n.granted, n.denied, n.unknown)).collect(),
        signals: rows(&choices, |choice| &choice.signal, signal_name),
        laws: rows(&choices, |choice| &choice.law, law_name),
        kept_back_sum: kept_back.iter().map(|row| row.deliveries).sum(),
        kept_back,
        ruled: rulings.iter().map(|row| row.deliveries).sum(),
        anonymised: rulings.iter().filter(|r| r.decision == "anonymised").map(|r| r.deliveries).sum(),
        rulings,
        gap: gap(&choices),
        command: command(&inspector, &scope),
        counts,
        scope,
    };
    inspector.shell.page(Some(&visitor), StatusCode::OK, "consent.html", ENTRY.name, &page)
}

fn total(choices: &[Choice]) -> Three {
    let mut all = Three::default();
    choices.iter().for_each(|choice| all.add(&choice.advertising, choice.events));
    all
}

fn by_day(choices: &[Choice], (first, last): (i64, i64)) -> Vec<(String, Three)> {
    let mut days: BTreeMap<i64, Three> = BTreeMap::new();
    for choice in choices {
        days.entry(choice.day).or_default().add(&choice.advertising, choice.events);
    }
    // A period by dates may begin long before the first event.
    let first = days.keys().next().map_or(first, |known| first.max((*known).min(last - 89))).max(last - 400);
    (first..=last).map(|day| (day_label(day), days.get(&day).copied().unwrap_or_default())).collect()
}

fn drawn(days: &[(String, Three)], counts: Three, period: &str) -> Value {
    let labels: Vec<String> = days.iter().map(|(day, _)| day.clone()).collect();
    let values = |of: fn(&Three) -> i64| days.iter().map(|(_, n)| of(n)).collect();
    let series = [
        Series { name: "granted", class: "good", values: values(|n| n.granted) },
        Series { name: "denied", class: "bad", values: values(|n| n.denied) },
        Series { name: "unknown", class: "quiet", values: values(|n| n.unknown) },
    ];
    let words = format!(
        "In {period}: {} with advertising granted, {} denied, {} unknown.",
        format::many(counts.granted, "event", "events"),
        format::count(counts.denied),
        format::count(counts.unknown)
    );
    chart::bars("Consent to advertising by day", &words, &labels, &series)
}

fn rows(
    choices: &[Choice],
    of: impl Fn(&Choice) -> &String,
    named: fn(&str) -> (String, &'static str),
) -> Vec<Row> {
    let mut all: BTreeMap<&str, Three> = BTreeMap::new();
    for choice in choices {
        all.entry(of(choice)).or_default().add(&choice.advertising, choice.events);
    }
    let mut rows: Vec<Row> = all
        .into_iter()
        .map(|(key, counts)| {
            let (name, note) = named(key);
            let granted_share = (counts.all() > 0).then(|| counts.granted * 100 / counts.all());
            Row { name, note, counts, granted_share }
        })
        .collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.counts.all()));
    rows
}

fn signal_name(signal: &str) -> (String, &'static str) {
    match signal {
        "" => ("none".to_owned(), "Nothing came with the event that speaks of consent."),
        other => (other.replace('_', " "), ""),
    }
}

fn law_name(law: &str) -> (String, &'static str) {
    let (name, note) = match law {
        "opt_in" => ("asks first", "EU, EEA, UK, Switzerland and your opt_in_regions: silence is a no."),
        "opt_out" => ("lets visitors opt out", "Silence may be a yes, as on_unknown says."),
        _ => ("not known", "Nobody told where the visitor is: treated as a region that asks first."),
    };
    (name.to_owned(), note)
}

fn ruled(of: RulingCount) -> Ruled {
    let (decision, reason) = of.ruling.split_once(':').unwrap_or((&of.ruling, ""));
    let (decision, limited) = match decision.strip_suffix("+limited") {
        Some(decision) => (decision, true),
        None => (decision, false),
    };
    let decision = match decision {
        "send" => "sent",
        "without_identity" => "without identity",
        "anonymise" => "anonymised",
        "suppress" => "not sent",
        _ => "other",
    };
    Ruled {
        decision,
        limited,
        reason: reason.to_owned(),
        destination: of.destination,
        deliveries: of.deliveries,
        event_seq: of.event_seq,
    }
}

fn gap(choices: &[Choice]) -> Option<Gap> {
    let asks = |choice: &&Choice| choice.law != "opt_out";
    let sum = |test: fn(&Choice) -> bool| -> i64 {
        choices.iter().filter(asks).filter(|c| test(c)).map(|c| c.events).sum()
    };
    let (of, events) = (sum(|_| true), sum(|c| c.advertising == "unknown"));
    let percent = if of > 0 { events * 100 / of } else { 0 };
    let nowhere = sum(|c| c.advertising == "unknown" && c.law == "unknown");
    (percent >= GAP_PERCENT && events > 0).then_some(Gap { events, of, percent, nowhere })
}

fn command(inspector: &Inspector, scope: &Scope) -> String {
    let path = inspector.about.configuration.as_ref();
    let path = path.map_or_else(|| "tandem.toml".to_owned(), |path| path.display().to_string());
    let site = if scope.site.is_empty() { "SITE" } else { scope.site.as_str() };
    format!(
        "tandem export consent --config {path} --site {site} --since {} --until {} --format csv",
        format::time(scope.period.from_ms),
        format::time(scope.period.to_ms)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(law: &str, advertising: &str, events: i64) -> Choice {
        Choice {
            day: 20_000,
            law: law.into(),
            advertising: advertising.into(),
            signal: String::new(),
            events,
        }
    }

    #[test]
    fn silence_where_the_law_asks_is_a_gap() {
        let quiet = [choice("opt_in", "granted", 95), choice("opt_in", "unknown", 5)];
        assert_eq!(gap(&quiet), None);
        let loud = [choice("opt_in", "granted", 5), choice("unknown", "unknown", 5)];
        assert_eq!(gap(&loud), Some(Gap { events: 5, of: 10, percent: 50, nowhere: 5 }));
        assert_eq!(gap(&[choice("opt_out", "unknown", 100)]), None, "there silence may be a yes");
        assert_eq!(gap(&[]), None);
    }

    #[test]
    fn rulings_are_read() {
        let read = |ruling: &str| {
            let of = RulingCount {
                destination: "tiktok".into(),
                ruling: ruling.into(),
                deliveries: 1,
                event_seq: 1,
            };
            let ruled = ruled(of);
            (ruled.decision, ruled.limited, ruled.reason)
        };
        assert_eq!(read("send:cookiebot"), ("sent", false, "cookiebot".to_owned()));
        assert_eq!(read("anonymise+limited:gpc"), ("anonymised", true, "gpc".to_owned()));
        assert_eq!(read("odd"), ("other", false, String::new()));
    }

    #[test]
    fn days_without_events_are_shown_and_long_periods_are_cut() {
        let days = by_day(&[choice("opt_in", "granted", 1)], (19_998, 20_001));
        assert_eq!(days.iter().map(|(_, n)| n.granted).collect::<Vec<_>>(), [0, 0, 1, 0]);
        assert!(by_day(&[], (0, 20_000)).len() <= 401);
    }
}
