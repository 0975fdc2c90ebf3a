//! The start page: every site's destinations, how they stand, and what waits.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use tandem_store::embedded::{LaneCounts, Totals};

use crate::session::Visitor;
use crate::shell::Entry;
use crate::{Inspector, format};

pub(crate) const ENTRY: Entry = Entry { path: "/", name: "Overview", group: "Now" };

#[derive(Serialize)]
struct Home {
    writable: bool,
    events: i64,
    sessions: i64,
    /// State or kind, and how many.
    deliveries: Vec<(String, i64)>,
    notices: Vec<(String, i64)>,
    sites: Vec<Site>,
}

#[derive(Serialize)]
struct Site {
    id: String,
    sources: Vec<&'static str>,
    destinations: Vec<Destination>,
}

#[derive(Serialize)]
struct Destination {
    name: String,
    /// Why it stands still, if it does, and since when in Unix milliseconds.
    stopped: Option<(String, i64)>,
    waiting: i64,
    /// How long the oldest has been due, or until it is.
    oldest: Option<String>,
    is_late: bool,
}

/// Later than this, and something is wrong with the destination.
const LATE_MS: i64 = 60_000;

pub(crate) async fn page(
    State(inspector): State<Arc<Inspector>>,
    Extension(visitor): Extension<Visitor>,
) -> Response {
    let store = inspector.gateway.store.clone();
    let read = tokio::task::spawn_blocking(move || {
        Ok::<_, tandem_store::StoreError>((store.totals()?, store.lanes()?))
    });
    match read.await {
        Ok(Ok((totals, lanes))) => {
            let home = home(&inspector, &totals, &lanes);
            inspector.shell.page(Some(&visitor), StatusCode::OK, "home.html", ENTRY.name, &home)
        }
        _ => {
            let text = "The store does not answer. The log says why.";
            inspector.shell.problem(Some(&visitor), StatusCode::SERVICE_UNAVAILABLE, "No answer", text)
        }
    }
}

fn home(inspector: &Inspector, totals: &Totals, lanes: &[LaneCounts]) -> Home {
    let now_ms = inspector.gateway.clock.now_ms();
    let listed = |map: &serde_json::Map<String, serde_json::Value>| -> Vec<(String, i64)> {
        map.iter().map(|(name, count)| (name.replace('_', " "), count.as_i64().unwrap_or_default())).collect()
    };
    let set_up = inspector.gateway.sites();
    let mut sites: Vec<Site> = set_up
        .iter()
        .map(|site| {
            let mut sources: Vec<&'static str> = site.sources.keys().copied().collect();
            sources.sort_unstable();
            let own = lanes.iter().filter(|lane| lane.site == site.site.id);
            Site {
                id: site.site.id.clone(),
                sources,
                destinations: own.map(|lane| destination(lane, now_ms)).collect(),
            }
        })
        .collect();
    sites.sort_by(|a, b| a.id.cmp(&b.id));
    Home {
        writable: inspector.gateway.store.writable(),
        events: totals.events,
        sessions: totals.sessions,
        deliveries: listed(&totals.deliveries),
        notices: listed(&totals.notices),
        sites,
    }
}

fn destination(lane: &LaneCounts, now_ms: i64) -> Destination {
    Destination {
        name: lane.destination.clone(),
        stopped: lane.stopped.as_ref().map(|stop| (stop.why.clone(), stop.since_ms)),
        waiting: lane.waiting,
        oldest: lane.oldest_due_ms.map(|due_ms| match now_ms - due_ms {
            late if late >= 0 => format!("due for {}", format::span(late)),
            early => format!("due in {}", format::span(early)),
        }),
        is_late: lane.oldest_due_ms.is_some_and(|due_ms| now_ms - due_ms > LATE_MS),
    }
}
