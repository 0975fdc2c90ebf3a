//! Where something may have been left behind.

use std::path::Path;

use rusqlite::types::ValueRef;
use serde_json::Value;

use crate::harness::{Client, Gateway, StandIn};
use crate::needles::{Needle, Needles};

/// Where something was left behind: the name, its text in lower case, and something that must be in it.
pub(crate) struct Place {
    pub(crate) name: String,
    pub(crate) text: String,
    control: &'static str,
}

impl Place {
    pub(crate) fn new(name: impl Into<String>, bytes: &[u8], control: &'static str) -> Self {
        Self { name: name.into(), text: String::from_utf8_lossy(bytes).to_lowercase(), control }
    }

    pub(crate) fn has(&self, needle: &Needle) -> bool {
        spellings(&needle.text).iter().any(|spelling| {
            self.text.match_indices(spelling.as_str()).any(|(at, found)| {
                let before = self.text[..at].chars().next_back();
                let after = self.text[at + found.len()..].chars().next();
                let ends = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
                !needle.word || ends(before) && ends(after)
            })
        })
    }
}

/// As it is, as JSON, HTML and addresses may write it.
fn spellings(text: &str) -> Vec<String> {
    let percent: String = text
        .bytes()
        .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02x}") })
        .collect();
    let unicode: String = text
        .encode_utf16()
        .map(|u| {
            u8::try_from(u).map_or_else(
                |_| format!("\\u{u:04x}"),
                |b| if b < 128 { char::from(b).to_string() } else { format!("\\u{b:04x}") },
            )
        })
        .collect();
    let json = Value::from(text).to_string();
    let html =
        text.replace('&', "&amp;").replace('\'', "&#x27;").replace('"', "&quot;").replace('/', "&#x2f;");
    let mut all = vec![
        text.to_owned(),
        json.trim_matches('"').to_owned(),
        percent.clone(),
        percent.replace("%20", "+"),
        unicode,
        html,
    ];
    all.sort();
    all.dedup();
    all
}

pub(crate) fn leaks(places: &[Place], needles: &Needles) -> Vec<String> {
    let mut found = Vec::new();
    for place in places {
        assert!(place.text.contains(place.control), "{}: {:?} is not in it", place.name, place.control);
        // Two or three letters stand in any few kilobytes of hashes and page pointers; the rows' texts are searched for
        // them all the same.
        let raw = place.name.starts_with("file");
        let hits = needles.0.iter().filter(|n| !(raw && n.text.len() < 4) && place.has(n));
        found.extend(hits.map(|n| format!("{}: {} {:?}", place.name, n.what, n.text)));
    }
    found
}

/// Every value of every table, since a text that goes over a page's end is cut in the raw file.
pub(crate) fn rows(store: &Path) -> Vec<u8> {
    let conn = rusqlite::Connection::open(store).unwrap();
    let mut text = Vec::new();
    let names: Vec<String> = conn
        .prepare("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    for name in names {
        let mut statement = conn.prepare(&format!("SELECT * FROM {name}")).unwrap();
        let columns = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            for column in 0..columns {
                match row.get_ref(column).unwrap() {
                    ValueRef::Text(bytes) => text.extend_from_slice(bytes),
                    // Keys of claims: half of a SHA-256.
                    ValueRef::Blob(bytes) => assert!(bytes.len() == 16, "a blob in {name}"),
                    other => text.extend_from_slice(format!("{other:?}").as_bytes()),
                }
                text.push(b'\n');
            }
        }
    }
    text
}

/// The store's files as they lie there now.
pub(crate) fn files(store: &Path, when: &str) -> Vec<Place> {
    let mut places = Vec::new();
    let insight = store.with_extension("insight.db");
    let of = |file: &Path| ["", "-wal", "-shm"].map(|ending| format!("{}{ending}", file.display()));
    for path in of(store).into_iter().chain(of(&insight)) {
        // A clean end leaves only the first one.
        if let Ok(bytes) = std::fs::read(&path) {
            places.push(Place::new(format!("file {path} {when}"), &bytes, ""));
        }
    }
    places
}

/// All that the gateway shows on its private port.
pub(crate) fn shown(gateway: &Gateway) -> Vec<Place> {
    let mut places = vec![
        Place::new("/metrics", &gateway.get("/metrics").body, "tandem_events"),
        Place::new("/api/summary", &gateway.get("/api/summary").body, "delivered"),
        Place::new("/healthz", &gateway.get("/healthz").body, "ok"),
        Place::new("/", &gateway.get("/").body, "tiktok"),
        Place::new("/live", &gateway.get("/live").body, "purchase"),
    ];
    for (view, control) in [
        ("events", "wc_order_25"),
        ("deliveries", "wc_order_25"),
        ("attempts", "tiktok"),
        ("notices", "kind"),
    ] {
        let all = Value::from(gateway.records(view)).to_string();
        places.push(Place::new(format!("/api/records/{view}"), all.as_bytes(), control));
    }
    for event in gateway.records("events") {
        let answer = gateway.get(&format!("/api/events/{}", event["seq"]));
        assert_eq!(answer.status, 200);
        places.push(Place::new(format!("/api/events/{}", event["seq"]), &answer.body, "event_id"));
    }
    places
}

/// The stand-in's raw log, its conversions and its page.
pub(crate) fn received(stand_in: &StandIn) -> Vec<Place> {
    let get = |path: &str| Client::new(stand_in.address).call("GET", path, &[], b"").unwrap().body;
    assert!(stand_in.sandbox.requests().iter().all(|r| !r.body_cut), "the log has whole bodies");
    vec![
        Place::new("stand-in's log", &get("/sandbox/requests"), "wc_order_25"),
        Place::new("stand-in's conversions", &get("/sandbox/conversions"), "wc_order_25"),
        Place::new("stand-in's page", &get("/"), "purchase"),
    ]
}
