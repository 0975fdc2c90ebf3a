//! What is wrong now, what is watched, and what was told of lately.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use serde::Serialize;
use tandem_core::alert::{Key, RULES, Severity, measure, sentence, shown};
use tandem_gateway::alerts::{Channel, Settings, Standing, Told};

use crate::asked::Asked;
use crate::session::Visitor;
use crate::shell::Entry;
use crate::{Inspector, format};

/// The page in the navigation.
pub(crate) const ENTRY: Entry = Entry { path: "/alerts", name: "Alerts", group: "Now" };

#[derive(Serialize)]
struct Page {
    mood: &'static str,
    answer: String,
    /// When everything was measured last, Unix milliseconds.
    looked_ms: Option<i64>,
    firing: Vec<Standing>,
    rules: Vec<Watched>,
    told: Vec<Told>,
    /// Where all notices go.
    channels: Vec<String>,
    /// Where those of single sites go too.
    own_channels: Vec<OwnChannels>,
}

#[derive(Serialize)]
struct OwnChannels {
    site: String,
    channels: Vec<String>,
}

/// One rule, and how it stands wherever it is measured.
#[derive(Serialize)]
struct Watched {
    key: &'static str,
    /// The only site it is for; none where it is for all that have none of their own.
    site: Option<String>,
    title: &'static str,
    measure: &'static str,
    enabled: bool,
    raise: String,
    clear: String,
    /// How long it must be wrong, and right again; empty for at once.
    raise_after: String,
    clear_after: String,
    /// Places where something is wrong, or is about to be.
    off: Vec<Reading>,
    /// Places where nothing is.
    fine: Vec<Reading>,
}

#[derive(Serialize)]
struct Reading {
    place: String,
    page: String,
    state: &'static str,
    value: String,
}

/// Alerts that people are to know of, of one site or of all; what concerns the whole gateway is always among them.
pub(crate) fn firing(inspector: &Inspector, site: &str) -> Vec<Standing> {
    let raised = inspector.gateway.alerts.standing().into_iter().filter(|one| one.raised_ms.is_some());
    raised.filter(|one| site.is_empty() || one.site.is_empty() || one.site == site).collect()
}

pub(crate) async fn page(
    State(inspector): State<Arc<Inspector>>,
    Extension(visitor): Extension<Visitor>,
    uri: Uri,
) -> Response {
    if let Err(text) = Asked::read(&uri, &[]) {
        return inspector.shell.unclear(&visitor, &text);
    }
    let alerts = &inspector.gateway.alerts;
    let (settings, standing) = (alerts.settings(), alerts.standing());
    let firing = firing(&inspector, "");
    let rules = watched(&settings, &standing);
    let on: BTreeSet<&str> = rules.iter().filter(|rule| rule.enabled).map(|rule| rule.key).collect();
    let looked_ms = alerts.looked_ms();
    let page = Page {
        mood: mood(&firing, looked_ms),
        answer: answer(firing.len(), on.len(), looked_ms),
        looked_ms,
        firing,
        rules,
        told: alerts.recent(),
        channels: settings.channels.iter().map(Channel::title).collect(),
        own_channels: own_channels(&settings),
    };
    inspector.shell.page(Some(&visitor), StatusCode::OK, "alerts.html", ENTRY.name, &page)
}

/// Something that people are only to know of, as a pause, is not as bad as something broken.
fn mood(firing: &[Standing], looked_ms: Option<i64>) -> &'static str {
    match firing.iter().map(|one| one.severity).max() {
        None if looked_ms.is_none() => "",
        None => "good",
        Some(Severity::Error) => "bad",
        Some(_) => "wait",
    }
}

fn answer(firing: usize, rules: usize, looked_ms: Option<i64>) -> String {
    match firing {
        0 if looked_ms.is_none() => "Nothing has been measured yet; it is done twice a minute.".to_owned(),
        0 => format!("Nothing is wrong. {rules} rules are watched."),
        1 => "One thing is wrong.".to_owned(),
        n => format!("{n} things are wrong."),
    }
}

fn own_channels(settings: &Settings) -> Vec<OwnChannels> {
    let of_sites = settings.sites.iter().filter(|(_, own)| !own.channels.is_empty());
    of_sites
        .map(|(site, own)| OwnChannels {
            site: site.clone(),
            channels: own.channels.iter().map(Channel::title).collect(),
        })
        .collect()
}

/// Each rule, and behind it what sites made of it.
fn watched(settings: &Settings, standing: &[Standing]) -> Vec<Watched> {
    let mut rows = Vec::new();
    for key in RULES.iter().map(|rule| rule.key) {
        let changed = settings.sites.iter().filter(|(_, own)| own.rules.iter().any(|rule| rule.key == key));
        let own: Vec<&String> = changed.map(|(site, _)| site).collect();
        let (at_own, at_others): (Vec<_>, Vec<_>) =
            standing.iter().filter(|one| one.key == key).partition(|one| own.contains(&&one.site));
        rows.push(row(settings, key, None, &at_others));
        for site in own {
            let here: Vec<_> = at_own.iter().copied().filter(|one| one.site == *site).collect();
            rows.push(row(settings, key, Some(site), &here));
        }
    }
    rows
}

fn row(settings: &Settings, key: Key, site: Option<&str>, standing: &[&Standing]) -> Watched {
    let rule = settings.rule(key, site.unwrap_or_default());
    let after = |ms: i64| if ms == 0 { String::new() } else { format::span(ms) };
    let (fine, off) = standing.iter().copied().map(reading).partition(|one| one.state == "ok");
    Watched {
        key: key.text(),
        site: site.map(str::to_owned),
        title: sentence(key),
        measure: measure(key),
        enabled: rule.enabled,
        raise: shown(rule.unit, rule.raise),
        clear: shown(rule.unit, rule.clear),
        raise_after: after(rule.raise_after_ms),
        clear_after: after(rule.clear_after_ms),
        off,
        fine,
    }
}

fn reading(one: &Standing) -> Reading {
    let place = [one.site.as_str(), one.destination.as_str()];
    let place: Vec<&str> = place.into_iter().filter(|part| !part.is_empty()).collect();
    Reading {
        place: if place.is_empty() { "the gateway".to_owned() } else { place.join(", ") },
        page: one.page.clone(),
        state: one.state,
        value: one.value.clone().unwrap_or_else(|| "too little to measure".to_owned()),
    }
}
