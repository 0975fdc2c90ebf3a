//! What the tests of this crate share.
#![allow(dead_code, reason = "each test binary uses a part")]

use std::path::{Path, PathBuf};

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use tandem_core::consent::{Gate, Gates, OnUnknown, Purpose};
use tandem_core::door::{Draft, Rejection, admit};
use tandem_core::{Event, Site};
use tandem_sources::{Decoded, Request, Source};

/// 2026-01-01T00:00:00Z.
pub(crate) const NOW: i64 = 1_767_225_600;

pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn read_json(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

pub(crate) fn write_json(path: &Path, value: &Value) {
    std::fs::write(path, serde_json::to_string_pretty(value).unwrap() + "\n").unwrap();
}

pub(crate) fn updating() -> bool {
    std::env::var_os("UPDATE_EXPECTED").is_some()
}

/// JSON files of a folder, by name.
pub(crate) fn json_files(folder: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join(folder)).unwrap();
    let mut files: Vec<_> =
        entries.map(|e| e.unwrap().path()).filter(|p| p.extension() == Some("json".as_ref())).collect();
    files.sort();
    files
}

pub(crate) fn site() -> Site {
    Site { id: "shop".into(), currency: None, country: None, hybrid: true, ..Site::default() }
}

/// The same with a destination for statistics, without which no id of Google Analytics is kept.
pub(crate) fn measuring_site() -> Site {
    let gate = |name, purpose| Gate::new(name, &[purpose], OnUnknown::Grant);
    let gates = Gates(vec![gate("ads", Purpose::Advertising), gate("statistics", Purpose::Analytics)]);
    Site { gates, ..site() }
}

pub(crate) fn source(name: &str, settings: &Value) -> Box<dyn Source> {
    tandem_sources::configure(name, Some(settings)).unwrap()
}

pub(crate) fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(n, v)| (HeaderName::try_from(*n).unwrap(), HeaderValue::try_from(*v).unwrap()))
        .collect()
}

/// Decodes a body with the events source.
pub(crate) fn decode_events(body: &[u8]) -> Decoded {
    let headers = headers(&[("content-type", "application/json")]);
    source("events", &json!({})).decode(&Request::new(&headers, body), &site())
}

/// Through the door, as the gateway does.
pub(crate) fn admitted(parts: Vec<Result<Draft, Rejection>>, now: i64) -> Vec<Result<Event, Rejection>> {
    admitted_to(&site(), parts, now)
}

pub(crate) fn admitted_to(
    site: &Site,
    parts: Vec<Result<Draft, Rejection>>,
    now: i64,
) -> Vec<Result<Event, Rejection>> {
    parts
        .into_iter()
        .map(|part| part.and_then(|draft| admit(draft, site, now)).map(|(event, _)| event))
        .collect()
}

/// One event through the events source and the door.
pub(crate) fn event(body: &Value) -> Result<Event, Rejection> {
    let decoded = decode_events(body.to_string().as_bytes());
    assert_eq!(decoded.parts.len(), 1);
    admitted(decoded.parts, NOW).remove(0)
}

pub(crate) fn codes(event: &Event) -> Vec<&str> {
    event.findings.iter().map(|f| f.code.as_ref()).collect()
}
