//! The live view: everything as it happens, everybody's traffic.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use serde::Serialize;
use tandem_gateway::live::{Filter, Kind, Record, link, recall};

use crate::session::Visitor;
use crate::shell::Entry;
use crate::{Inspector, asked};

mod show;
mod stream;

pub(crate) use stream::stream;

pub(crate) const ENTRY: Entry = Entry { path: "/live", name: "Live", group: "Now" };

/// Records on a fresh page.
const SHOWN: usize = 100;

/// Two records closer than this, in milliseconds, with the same words, are the same from memory and from the store.
const SAME_MS: i64 = 5_000;

#[derive(Serialize)]
struct Live<'a> {
    filter: &'a Filter,
    /// What the stream is asked for: filters, and where to go on.
    stream: String,
    is_filtered: bool,
    sites: Vec<String>,
    destinations: BTreeSet<String>,
    kinds: &'static [&'static str],
    verdicts: &'static [&'static str],
    links: Vec<Link>,
    records: Vec<show::Shown>,
}

/// A debug link of one site.
#[derive(Serialize)]
struct Link {
    site: String,
    label: String,
    url: String,
}

const KINDS: &[&str] = &["received", "event", "attempt", "refused", "unclaimed"];

const VERDICTS: &[&str] = &[
    "accepted",
    "duplicate",
    "ignored",
    "rejected",
    "delivered",
    "retry",
    "skipped",
    "stop",
    "split",
    "reshaped",
    "near_miss",
];

/// What records are chosen by, in addresses.
const FILTERS: [&str; 8] = ["site", "event", "id", "order", "visitor", "destination", "verdict", "kind"];

/// Reads the filters of an address that may have further parameters, too.
fn read(uri: &Uri, further: &[&str]) -> Result<(Filter, asked::Asked), String> {
    let asked = asked::Asked::read_ids(uri, &[&FILTERS[..], further].concat())?;
    let of = |name: &str| asked.get(name).to_owned();
    let filter = Filter {
        site: of("site"),
        event: of("event"),
        id: of("id"),
        order: of("order"),
        visitor: of("visitor"),
        destination: of("destination"),
        verdict: of("verdict"),
        kind: of("kind"),
    };
    if !filter.kind.is_empty() && !KINDS.contains(&filter.kind.as_str()) {
        return Err(format!("There is no such kind of record. There are {}.", KINDS.join(", ")));
    }
    Ok((filter.tidied(), asked))
}

pub(crate) async fn page(
    State(inspector): State<Arc<Inspector>>,
    Extension(visitor): Extension<Visitor>,
    uri: Uri,
) -> Response {
    let filter = match read(&uri, &[]) {
        Ok((filter, _)) => filter,
        Err(text) => return inspector.shell.unclear(&visitor, &text),
    };
    let (recent, newest) = inspector.gateway.live.recent(&filter);
    let store = inspector.gateway.store.clone();
    let recalled = match tokio::task::spawn_blocking(move || recall(&store)).await {
        Ok(Ok(recalled)) => recalled,
        _ => {
            let text = "The store does not answer. The log says why.";
            let status = StatusCode::SERVICE_UNAVAILABLE;
            return inspector.shell.problem(Some(&visitor), status, "No answer", text);
        }
    };
    let earlier = recalled.into_iter().filter(|old| filter.fits(old));
    let earlier = earlier.filter(|old| !recent.iter().any(|new| is_same(old, new))).map(Arc::new);
    let mut records: Vec<Arc<Record>> = earlier.chain(recent.iter().cloned()).collect();
    records.sort_by_key(|record| record.at_ms);
    let set_up = inspector.gateway.sites();
    let mut sites: Vec<String> = set_up.iter().map(|site| site.site.id.clone()).collect();
    sites.sort_unstable();
    let live = Live {
        stream: query(&filter, newest),
        is_filtered: !filter.is_empty(),
        filter: &filter,
        sites,
        destinations: set_up.lanes().map(|l| l.destination.definition().name.to_owned()).collect(),
        kinds: KINDS,
        verdicts: VERDICTS,
        links: links(&inspector),
        records: records.iter().rev().take(SHOWN).map(|record| show::Shown::of(record)).collect(),
    };
    inspector.shell.page(Some(&visitor), StatusCode::OK, "live.html", ENTRY.name, &live)
}

/// Whether a record from the store is one that is in memory, too.
fn is_same(old: &Record, new: &Record) -> bool {
    let first = |record: &Record| record.events.first().map(|e| (e.seq, e.event_id.clone()));
    old.kind == new.kind
        && old.site == new.site
        && old.destination == new.destination
        && old.verdict == new.verdict
        && first(old).map(|f| f.1) == first(new).map(|f| f.1)
        && match old.kind {
            Kind::Attempt => old.at_ms == new.at_ms,
            _ => (old.at_ms - new.at_ms).abs() < SAME_MS,
        }
}

fn query(filter: &Filter, newest: u64) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("as", "html").append_pair("after", &newest.to_string());
    let set = [
        ("site", &filter.site),
        ("event", &filter.event),
        ("id", &filter.id),
        ("order", &filter.order),
        ("visitor", &filter.visitor),
        ("destination", &filter.destination),
        ("verdict", &filter.verdict),
        ("kind", &filter.kind),
    ];
    for (name, value) in set.into_iter().filter(|(_, value)| !value.is_empty()) {
        query.append_pair(name, value);
    }
    query.finish()
}

/// One for each site whose pages have the script, new on every page view.
fn links(inspector: &Inspector) -> Vec<Link> {
    let now_s = inspector.gateway.clock.now_s();
    let set_up = inspector.gateway.sites();
    let mut links: Vec<Link> = set_up
        .iter()
        .filter_map(|site| {
            let pages = site.sources.values().find_map(|source| source.pages())?;
            let host = pages.settings.hosts.first()?;
            let mut random = [0; 3];
            getrandom::fill(&mut random).ok()?;
            let label = hex::encode(random);
            let value = inspector.gateway.live.link(&site.site.id, &label, now_s)?;
            let url = format!("https://{host}/?{}={value}", link::PARAMETER);
            Some(Link { site: site.site.id.clone(), label, url })
        })
        .collect();
    links.sort_by(|a, b| a.site.cmp(&b.site));
    links
}
