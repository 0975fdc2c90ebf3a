//! Each site as it is set up now, and the program itself. Nothing secret is shown: no key, no token, no secret.

use std::path::Path;
use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use serde::Serialize;
use tandem_core::consent::Gate;
use tandem_gateway::SiteRuntime;
use tandem_store::insight::ways::WayIn;

use crate::asked::Asked;
use crate::session::Visitor;
use crate::shell::Entry;
use crate::{Inspector, format};

pub(crate) const ENTRY: Entry = Entry { path: "/sites", name: "Sites", group: "Set-up" };

#[derive(Serialize)]
struct Page {
    sites: Vec<Site>,
    /// Name and value.
    program: Vec<(&'static str, String)>,
    behind: i64,
}

#[derive(Serialize)]
struct Site {
    id: String,
    hosts: Vec<String>,
    tag: Option<String>,
    ways: Vec<Way>,
    destinations: Vec<Out>,
    rules: Vec<(String, String)>,
    /// Name and value.
    settings: Vec<(&'static str, String)>,
}

/// A way in.
#[derive(Serialize)]
struct Way {
    name: String,
    state: &'static str,
    word: &'static str,
    why: String,
    day: i64,
    /// Event and how long ago, where it is known.
    last: Option<(i64, String)>,
    /// Where it is known by the hour only.
    last_hour: Option<String>,
}

/// A way out and what it asks of consent.
#[derive(Serialize)]
struct Out {
    lane: u32,
    title: &'static str,
    requires: String,
    on_unknown: String,
    on_denied: String,
    currency: Option<String>,
    pixel: bool,
}

pub(crate) async fn page(
    State(inspector): State<Arc<Inspector>>,
    Extension(visitor): Extension<Visitor>,
    uri: Uri,
) -> Response {
    if let Err(text) = Asked::read(&uri, &["site"]) {
        return inspector.shell.unclear(&visitor, &text);
    }
    let now_ms = inspector.gateway.clock.now_ms();
    let read = crate::read(&inspector, move |store| {
        Ok((store.ways_in(now_ms)?, size(store.path()), size(&tandem_store::insight::path_of(store.path()))))
    });
    let Some((ways, log, insight)) = read.await else { return inspector.shell.no_answer(&visitor) };
    let present = inspector.gateway.sites();
    let mut sites: Vec<Site> = present.iter().map(|site| shown(site, &ways, now_ms)).collect();
    sites.sort_by(|a, b| a.id.cmp(&b.id));
    let behind = inspector.gateway.store.insight_behind();
    let page = Page { sites, program: program(&inspector, log, insight, behind), behind };
    inspector.shell.page(Some(&visitor), StatusCode::OK, "sites.html", ENTRY.name, &page)
}

/// Bytes of a database with what is not merged into it yet.
fn size(path: &Path) -> u64 {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let length = |path: &Path| std::fs::metadata(path).map_or(0, |of| of.len());
    length(path) + length(Path::new(&log))
}

fn megabytes(bytes: u64) -> String {
    let tenths = bytes / 100_000;
    format!("{}.{} MB", format::count(i64::try_from(tenths / 10).unwrap_or(0)), tenths % 10)
}

fn program(inspector: &Inspector, log: u64, insight: u64, behind: i64) -> Vec<(&'static str, String)> {
    let about = &inspector.about;
    let store = inspector.gateway.store.path();
    let configuration = about.configuration.as_ref().map(|path| path.display().to_string());
    let retention = match about.retention_days {
        0 => "for ever".to_owned(),
        days => format::many(i64::from(days), "day", "days"),
    };
    let behind = match behind {
        0 => "up to date".to_owned(),
        n => format!("{} behind", format::many(n, "event", "events")),
    };
    vec![
        ("Version", env!("CARGO_PKG_VERSION").to_owned()),
        ("Configuration", configuration.unwrap_or_else(|| "no file: made by the demo".to_owned())),
        ("Log", format!("{}, {}", store.display(), megabytes(log))),
        ("What pages read", format!("{}, {}", megabytes(insight), behind)),
        ("Events are kept", retention),
    ]
}

fn shown(site: &SiteRuntime, ways: &[WayIn], now_ms: i64) -> Site {
    let mut names: Vec<&str> = site.sources.keys().copied().collect();
    names.sort_unstable();
    let own = |name: &str| ways.iter().find(|way| way.site == site.site.id && way.source == name);
    let mut hosts: Vec<String> = site
        .sources
        .values()
        .filter_map(|source| source.remembering())
        .flat_map(|it| it.hosts.to_vec())
        .collect();
    hosts.sort_unstable();
    hosts.dedup();
    let mut listed: Vec<Way> = names.iter().map(|name| way(name, own(name), now_ms)).collect();
    // What came in by a way that is not set up any more is worth knowing of, too.
    let gone = ways.iter().filter(|way| way.site == site.site.id && !names.contains(&way.source.as_str()));
    listed.extend(gone.map(|gone| {
        let shown = way(&gone.source, Some(gone), now_ms);
        Way { state: "", word: "not set up", why: String::new(), ..shown }
    }));
    Site {
        id: site.site.id.clone(),
        hosts,
        tag: site.script.as_ref().map(|script| script.tag("")),
        ways: listed,
        destinations: site.lanes.iter().map(out).collect(),
        rules: site.site.rules.names().map(|(at, name)| (at.to_owned(), name.to_owned())).collect(),
        settings: settings(site),
    }
}

fn way(name: &str, way: Option<&WayIn>, now_ms: i64) -> Way {
    let nothing = WayIn::default();
    let found = way.unwrap_or(&nothing);
    let (state, word, why) = match way {
        None => ("", "nothing yet", "Nothing came in within 28 days.".to_owned()),
        Some(way) if way.is_silent() && way.missed >= 20 => (
            "wait",
            "silent",
            format!(
                "In the same hours a week ago {} events came in, and now none.",
                format::count(way.missed)
            ),
        ),
        Some(way) if way.is_silent() => (
            "wait",
            "silent",
            format!(
                "{} came in during the week before, and none within 24 hours.",
                format::many(way.week_before, "event", "events")
            ),
        ),
        Some(way) if way.day == 0 => ("", "quiet", String::new()),
        Some(_) => ("good", "active", String::new()),
    };
    let hour = way.map(|way| format::day_time(way.last_hour.saturating_mul(3_600_000)));
    Way {
        name: name.to_owned(),
        state,
        word,
        why,
        day: found.day,
        last: found.last.map(|(seq, at_ms)| (seq, format::span(now_ms - at_ms))),
        last_hour: hour,
    }
}

/// A word of the settings, as it is written there.
fn written(value: &impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

fn out(lane: &tandem_gateway::Lane) -> Out {
    let Gate { requires, on_denied, on_unknown, .. } = &lane.gate;
    let purposes: Vec<String> = requires.iter().map(written).collect();
    Out {
        lane: lane.id.0,
        title: lane.destination.definition().title,
        requires: if purposes.is_empty() { "nothing".to_owned() } else { purposes.join(", ") },
        on_unknown: written(on_unknown),
        on_denied: written(on_denied),
        currency: lane.reporting.map(|currency| currency.to_string()),
        pixel: lane.destination.page_pixel().is_some(),
    }
}

fn settings(site: &SiteRuntime) -> Vec<(&'static str, String)> {
    let policy = &site.site.policy;
    let or = |text: String, none: &str| if text.is_empty() { none.to_owned() } else { text };
    let yes = |is: bool| if is { "yes" } else { "no" }.to_owned();
    vec![
        (
            "Currency of events without one",
            or(site.site.currency.map(|c| c.to_string()).unwrap_or_default(), "none"),
        ),
        ("Country of national phone numbers", or(site.site.country.clone().unwrap_or_default(), "none")),
        ("Pages report the same events (hybrid)", yes(site.site.hybrid)),
        ("Visitors are remembered", yes(site.site.sessions.is_some())),
        ("Event id of an order", site.site.sale_id("{id}")),
        ("Global Privacy Control", written(&policy.gpc)),
        ("Regions that ask, beside those known", or(policy.opt_in_regions.join(", "), "none")),
        ("Limited data use in", or(policy.limit_in.join(", "), "none")),
        ("A preset yes of the consent tool counts", yes(policy.accept_defaults)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_that_fell_silent_is_told() {
        let of = |day, week_before, days_before, missed| {
            way("ga4", Some(&WayIn { day, week_before, days_before, missed, ..WayIn::default() }), 0).word
        };
        assert_eq!(of(50, 300, 7, 0), "active");
        assert_eq!(of(50, 300, 7, 25), "silent");
        assert_eq!(of(0, 300, 7, 0), "silent");
        assert_eq!(of(0, 30, 1, 0), "quiet", "one burst is no habit");
        assert_eq!(way("ga4", None, 0).word, "nothing yet");
    }

    #[test]
    fn sizes_are_read_by_people() {
        assert_eq!(megabytes(0), "0.0 MB");
        assert_eq!(megabytes(1_234_567_890), "1,234.5 MB");
    }
}
