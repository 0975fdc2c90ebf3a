//! The log, searched by anything.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Serialize;
use sha2::{Digest, Sha256};
use tandem_core::Severity;
use tandem_core::names;
use tandem_gateway::live::names_somebody;
use tandem_store::insight::{Found, FoundEvent, Search};
use tandem_store::{Keep, Store, StoreError};

use crate::asked::Asked;
use crate::form::Form;
use crate::period::moment;
use crate::session::Visitor;
use crate::shell::Entry;
use crate::{Inspector, format, read};

mod export;

pub(crate) use export::{csv, json_lines};

pub(crate) const ENTRY: Entry = Entry { path: "/events", name: "Events", group: "Records" };

/// Rows of a page.
const SHOWN: usize = 50;

const PARAMETERS: &[&str] = &[
    "q",
    "site",
    "name",
    "source",
    "channel",
    "finding",
    "destination",
    "state",
    "code",
    "from",
    "to",
    "before",
];

const STATES: &[&str] = &["waiting", "delivered", "skipped", "rejected", "expired"];

const CHANNELS: &[&str] = &["browser", "server", "offline"];

/// Saved searches at most, and letters of a name.
const MAX_SAVED: usize = 100;
const MAX_NAME: usize = 60;

#[derive(Serialize)]
struct Page {
    /// What is asked for, by name.
    asked: Vec<(String, String)>,
    q: String,
    is_filtered: bool,
    fields: Vec<Field>,
    /// Filters that are on, as words, with the address without each.
    chips: Vec<(String, String, String)>,
    rows: Vec<Row>,
    is_first: bool,
    newest: String,
    older: Option<String>,
    /// The look back ended here.
    looked_back_to: Option<String>,
    /// Newest events that were not looked at, since no index has them yet.
    not_indexed: i64,
    /// The number that is searched for, if an event has it.
    numbered: Option<i64>,
    csv: String,
    json_lines: String,
    /// Filters as a query, to be saved.
    query: String,
    saved: Vec<Saved>,
    several_sites: bool,
}

/// A field of the filter form.
#[derive(Serialize)]
struct Field {
    name: &'static str,
    title: &'static str,
    /// `select`, `text` or `time`.
    kind: &'static str,
    value: String,
    choices: Vec<String>,
}

#[derive(Serialize)]
struct Saved {
    name: String,
    query: String,
}

#[derive(Serialize)]
struct Row {
    seq: i64,
    received_ms: i64,
    name: String,
    event_id: String,
    order_id: Option<String>,
    order_number: Option<String>,
    value: Option<String>,
    currency: Option<String>,
    site: String,
    source: String,
    channel: &'static str,
    findings: usize,
    severity: Option<&'static str>,
    codes: String,
    reached: Vec<(String, &'static str, String)>,
}

impl Row {
    fn of(event: FoundEvent) -> Self {
        let worst = event.findings.iter().map(|one| one.severity).max();
        let codes: Vec<&str> = event.findings.iter().map(|one| one.code.as_str()).collect();
        Self {
            seq: event.seq,
            received_ms: event.received_ms,
            name: event.event_name,
            event_id: event.event_id,
            order_id: event.order_id,
            order_number: event.order_number,
            value: event.value.map(|value| format::money(&value.to_string())),
            currency: event.currency.map(|currency| currency.to_string()),
            site: event.site,
            source: event.source,
            channel: event.channel,
            findings: codes.len(),
            severity: worst.map(word),
            codes: codes.join(", "),
            reached: event
                .deliveries
                .into_iter()
                .map(|one| (one.destination, one.state, one.code.unwrap_or_default()))
                .collect(),
        }
    }
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

/// Reads the filters of an address.
fn filter(asked: &Asked) -> Result<Search, String> {
    asked.check_ids()?;
    for (name, words) in [("state", STATES), ("channel", CHANNELS)] {
        let value = asked.get(name);
        if !value.is_empty() && !words.contains(&value) {
            return Err(format!("“{name}” is one of {}.", words.join(", ")));
        }
    }
    let (from_ms, to_ms) = (moment(asked, "from", false)?, moment(asked, "to", true)?);
    if from_ms.zip(to_ms).is_some_and(|(from, to)| from >= to) {
        return Err("“from” lies after “to”.".to_owned());
    }
    Ok(Search {
        // People write order numbers as they see them: #891.
        text: asked.some("q").map(|q| q.trim_start_matches('#').to_owned()),
        site: asked.some("site"),
        event_name: asked.some("name"),
        source: asked.some("source"),
        channel: asked.some("channel"),
        finding: asked.some("finding"),
        destination: asked.some("destination"),
        state: asked.some("state"),
        code: asked.some("code"),
        from_ms,
        to_ms,
        before: asked.number("before")?,
        limit: SHOWN,
    })
}

/// An e-mail address has no place in an address bar, nor in the log: only its hash is looked for.
fn without_mail(asked: &Asked) -> Option<String> {
    let q = asked.get("q");
    let (name, host) = q.split_once('@')?;
    let is_mail = !name.is_empty() && host.contains('.') && !q.contains(char::is_whitespace);
    let hash = || hex::encode(Sha256::digest(q.to_lowercase().as_bytes()));
    is_mail.then(|| asked.with("q", &hash()).address(ENTRY.path))
}

pub(crate) async fn page(
    State(inspector): State<Arc<Inspector>>,
    Extension(visitor): Extension<Visitor>,
    uri: Uri,
) -> Response {
    let asked = match Asked::read(&uri, PARAMETERS) {
        Ok(asked) => asked,
        Err(text) => return inspector.shell.unclear(&visitor, &text),
    };
    if let Some(address) = without_mail(&asked) {
        return Redirect::to(&address).into_response();
    }
    let search = match filter(&asked) {
        Ok(search) => search,
        Err(text) => return inspector.shell.unclear(&visitor, &text),
    };
    let found = read(&inspector, move |store| {
        let number = search.text.as_ref().and_then(|text| text.parse().ok());
        Ok((store.search(&search)?, numbered(store, number)?, store.kept("search")?))
    });
    let Some((found, numbered, saved)) = found.await else { return inspector.shell.no_answer(&visitor) };
    let saved = saved.into_iter().filter_map(|document| {
        let body: serde_json::Value = serde_json::from_str(&document.body).ok()?;
        Some(Saved { name: document.name, query: body["query"].as_str()?.to_owned() })
    });
    let page = made(&inspector, &asked, found, numbered, saved.collect());
    inspector.shell.page(Some(&visitor), StatusCode::OK, "events.html", ENTRY.name, &page)
}

/// The number itself, if an event of the log has it.
fn numbered(store: &Store, number: Option<i64>) -> Result<Option<i64>, StoreError> {
    let Some(number) = number.filter(|number| *number > 0) else { return Ok(None) };
    let search = Search { before: Some(number.saturating_add(1)), limit: 1, ..Search::default() };
    let found = store.search(&search)?.events.into_iter().next();
    Ok(found.map(|event| event.seq).filter(|seq| *seq == number))
}

fn made(
    inspector: &Inspector,
    asked: &Asked,
    found: Found,
    numbered: Option<i64>,
    saved: Vec<Saved>,
) -> Page {
    let filters = asked.without(&["before"]);
    let chips = filters.pairs().iter();
    let chip = |(name, value): &(String, String)| {
        (name.clone(), value.clone(), filters.without(&[name]).address(ENTRY.path))
    };
    let fields = fields(inspector, asked);
    // The search ended before the page was full.
    let is_cut = found.next.is_some() && found.events.len() < SHOWN;
    Page {
        q: asked.get("q").to_owned(),
        is_filtered: !filters.is_empty(),
        chips: chips.map(chip).collect(),
        is_first: asked.get("before").is_empty(),
        newest: filters.address(ENTRY.path),
        older: found.next.map(|seq| filters.with("before", &seq.to_string()).address(ENTRY.path)),
        looked_back_to: is_cut.then_some(found.looked_back_to_ms).flatten().map(format::day_time),
        not_indexed: found.not_indexed,
        numbered,
        csv: filters.address("/events.csv"),
        json_lines: filters.address("/events.jsonl"),
        query: filters.query(),
        several_sites: fields.iter().any(|field| field.name == "site" && field.choices.len() > 1),
        rows: found.events.into_iter().map(Row::of).collect(),
        asked: filters.pairs().to_vec(),
        fields,
        saved,
    }
}

fn fields(inspector: &Inspector, asked: &Asked) -> Vec<Field> {
    let set_up = inspector.gateway.sites();
    let (mut sites, mut sources, mut destinations) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for site in set_up.iter() {
        sites.insert(site.site.id.clone());
        sources.extend(site.sources.keys().map(|name| (*name).to_owned()));
        destinations.extend(site.lanes.iter().map(|lane| lane.destination.definition().name.to_owned()));
    }
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let field = |name: &'static str, title, kind, choices: Vec<String>| {
        let value = asked.get(name).to_owned();
        // What is asked for can be chosen, whether it is set up today or was once.
        let missing = kind == "select" && !value.is_empty() && !choices.contains(&value);
        let choices = choices.into_iter().chain(missing.then(|| value.clone())).collect();
        Field { name, title, kind, value, choices }
    };
    vec![
        field(
            "name",
            "Event name",
            "text",
            words(&[names::PURCHASE, "Lead", "AddToCart", "InitiateCheckout", "ViewContent", "Pageview"]),
        ),
        field("site", "Site", "select", sites.into_iter().collect()),
        field("source", "Source", "select", sources.into_iter().collect()),
        field("channel", "Channel", "select", words(CHANNELS)),
        field("destination", "Destination", "select", destinations.into_iter().collect()),
        field("state", "State of a delivery", "select", words(STATES)),
        field("finding", "Code of a finding", "text", vec![]),
        field("code", "Code of a delivery", "text", vec![]),
        field("from", "Came in from (UTC)", "time", vec![]),
        field("to", "Until (UTC)", "time", vec![]),
    ]
}

/// Saves the present filters under a name, or deletes such a name.
pub(crate) async fn keep(
    State(inspector): State<Arc<Inspector>>,
    Extension(visitor): Extension<Visitor>,
    request: Request,
) -> Response {
    let form = match Form::read(&inspector, &visitor, request).await {
        Ok(form) => form,
        Err(refused) => return refused,
    };
    let name: String = form.get("name").chars().filter(|c| !c.is_control()).take(MAX_NAME).collect();
    if name.is_empty() {
        return inspector.shell.unclear(&visitor, "A saved search needs a name.");
    }
    if names_somebody(&name) {
        return inspector.shell.unclear(
            &visitor,
            "The name has an e-mail address or a phone number in it, and is kept: choose another.",
        );
    }
    let is_deleted = form.get("delete") == "yes";
    let asked =
        format!("/?{}", form.get("query")).parse::<Uri>().map_err(|_| "This is no search.".to_owned());
    let asked = asked.and_then(|uri| Asked::read(&uri, PARAMETERS));
    let asked = match asked.and_then(|asked| filter(&asked).map(|_| asked)) {
        Ok(asked) => asked.without(&["before"]),
        Err(text) => return inspector.shell.unclear(&visitor, &text),
    };
    let Some(kept) = read(&inspector, |store| store.kept("search")).await else {
        return inspector.shell.no_answer(&visitor);
    };
    let is_new = !kept.iter().any(|document| document.name == name);
    if !is_deleted && is_new && kept.len() >= MAX_SAVED {
        return inspector.shell.unclear(&visitor, "There are 100 saved searches. Delete one first.");
    }
    let body = (!is_deleted).then(|| serde_json::json!({ "query": asked.query() }).to_string());
    let document = Keep::Document { kind: "search", name, body };
    let now_ms = inspector.gateway.clock.now_ms();
    match inspector.gateway.store.keep(document, now_ms).await {
        Ok(()) => Redirect::to(&asked.address(ENTRY.path)).into_response(),
        Err(error) => {
            tracing::error!(%error, "cannot keep a search");
            let text = "It could not be written. The log says why.";
            inspector.shell.problem(Some(&visitor), StatusCode::SERVICE_UNAVAILABLE, "Not done", text)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(query: &str) -> Asked {
        Asked::read(&format!("/events?{query}").parse().unwrap(), PARAMETERS).unwrap()
    }

    #[test]
    fn filters_are_read_and_slips_told() {
        let found = filter(&asked("q=A-1&state=rejected&from=2026-11-22")).unwrap();
        assert_eq!((found.text.as_deref(), found.state.as_deref()), (Some("A-1"), Some("rejected")));
        assert_eq!(found.from_ms, Some(1_795_305_600_000));
        assert!(filter(&asked("state=lost")).unwrap_err().contains("waiting, delivered"));
        assert!(filter(&asked("from=2026-11-22&to=2026-11-21")).is_err());
    }

    #[test]
    fn of_an_address_only_the_hash_is_asked() {
        let to = without_mail(&asked("q=Jane%40example.com&site=shop")).unwrap();
        assert!(to.starts_with(
            "/events?site=shop&q=8c87b489ce35cf2e2f39f80e282cb2e804932a56a213983eeeb428407d43b52d"
        ));
        assert_eq!(without_mail(&asked("q=order%401")), None);
    }
}
