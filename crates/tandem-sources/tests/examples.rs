//! The examples in the sources' folders: what comes in, and what becomes of it. They are documentation that is run.
//!
//! An example holds `title`, optional `settings`, `headers`, `client_ip`, `method`, `path` and `query`, the `body` (JSON, or text as it is) and the
//! result: `event`, `rejection`, `parts` (a list of those), or `handshake`, and the `cookies` that are set.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod common;

use std::collections::BTreeSet;
use std::path::Path;

use common::{NOW, admitted_to, headers, json_files, measuring_site, read_json, site, source, updating};
use serde_json::{Value, json};
use tandem_core::Event;
use tandem_core::door::Rejection;
use tandem_sources::Request;

fn shown(result: Result<Event, Rejection>) -> Value {
    match result {
        Ok(event) => json!({ "event": event }),
        Err(rejection) => json!({ "rejection": rejection }),
    }
}

fn run(name: &str, example: &Value) -> Value {
    let pairs = example["headers"].as_object().into_iter().flatten();
    let pairs: Vec<(&str, &str)> =
        pairs.map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect();
    let body = example["body"].as_str().map_or_else(|| example["body"].to_string(), str::to_owned);
    let settings = example.get("settings").cloned().unwrap_or_else(|| json!({}));
    let headers = headers(&pairs);
    let now = example["now"].as_i64().unwrap_or(NOW);
    let request = Request {
        client_ip: example["client_ip"].as_str(),
        method: example["method"].as_str().unwrap_or("POST"),
        path: example["path"].as_str().unwrap_or_default(),
        query: example["query"].as_str().unwrap_or_default(),
        secure: true,
        now_ms: now * 1_000,
        ..Request::new(&headers, body.as_bytes())
    };
    let site = if matches!(name, "ga4" | "data_tag") { measuring_site() } else { site() };
    let decoded = source(name, &settings).decode(&request, &site);
    if decoded.handshake {
        return json!({ "handshake": true });
    }
    let cookies = decoded.cookies;
    let mut results: Vec<Value> = admitted_to(&site, decoded.parts, now).into_iter().map(shown).collect();
    let mut result = if results.len() == 1 { results.remove(0) } else { json!({ "parts": results }) };
    if !cookies.is_empty() {
        result["cookies"] = json!(cookies);
    }
    result
}

/// In the order in which a person reads it.
fn write(path: &Path, example: &Value) {
    let keys = [
        "title",
        "settings",
        "now",
        "client_ip",
        "method",
        "path",
        "query",
        "headers",
        "body",
        "event",
        "rejection",
        "parts",
        "handshake",
        "cookies",
    ];
    let line = |key: &&str| {
        let text = serde_json::to_string_pretty(example.get(*key)?).unwrap();
        Some(format!("  \"{key}\": {}", text.replace('\n', "\n  ")))
    };
    let lines: Vec<String> = keys.iter().filter_map(line).collect();
    std::fs::write(path, format!("{{\n{}\n}}\n", lines.join(",\n"))).unwrap();
}

#[test]
fn every_example_does_what_it_says() {
    let mut count = 0;
    for name in tandem_sources::NAMES {
        for path in json_files(&format!("src/{name}/examples")) {
            let mut example = read_json(&path);
            let result = run(name, &example);
            for (key, value) in result.as_object().unwrap() {
                if updating() {
                    example[key] = value.clone();
                    write(&path, &example);
                }
                assert_eq!(&example[key], value, "{}", path.display());
            }
            let known =
                ["title", "settings", "headers", "client_ip", "method", "path", "query", "now", "body"];
            let rest: BTreeSet<_> =
                example.as_object().unwrap().keys().filter(|key| !known.contains(&key.as_str())).collect();
            assert!(
                rest == result.as_object().unwrap().keys().collect(),
                "{}: has more than one result",
                path.display()
            );
            count += 1;
        }
    }
    assert!(count >= 12, "{count}");
}
