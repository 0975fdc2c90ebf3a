//! The documents keep up with the code: every code has its row in docs/findings.md, and every link leads somewhere.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What stands before a code that is written down. A status may stand between: `problem(StatusCode::NOT_FOUND, "…"`.
const BEFORE: &[&str] = &[
    "Finding::info(",
    "Finding::warning(",
    "Finding::error(",
    "Rejection::new(",
    "Rejection::expected(",
    "Refusal::new(",
    "problem(",
    "DENIED: &str = ",
    "UNKNOWN: &str = ",
    "SERVER_HALF_REPORTS: &str = ",
    " code: ",
    "NoticeKind::Duplicate, ",
    "NoticeKind::NearMiss, ",
    "state::SKIPPED, now_ms, ",
    "seems(",
    "Observation::info(",
    "Observation::warning(",
    "Cause::new(",
    "diagnosed(",
];

/// Functions that hold nothing but codes and sentences.
const WHOLE: &[&str] = &["fn code(self)", "fn unauthorised(", "fn unavailable(", "fn columns("];

/// The one whose texts become codes with a field's name in front of them.
const ENDINGS: &str = "fn suffix(self)";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| if path.is_dir() { files(&path, extension) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|e| e == extension))
        .collect()
}

/// A file's code without tests and comments, in one line.
fn squeezed(path: &Path) -> String {
    let text = read(path);
    let code = text.split("#[cfg(test)]").next().unwrap_or_default().lines();
    let words = code.filter(|line| !line.trim_start().starts_with("//")).flat_map(str::split_whitespace);
    words.collect::<Vec<_>>().join(" ").replace("( ", "(")
}

fn is_code(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// The text literals of the functions that begin so.
fn literals<'a>(code: &'a str, start: &str) -> Vec<&'a str> {
    let bodies = code.split(start).skip(1).map(|rest| rest.split(" fn ").next().unwrap_or_default());
    bodies.flat_map(|body| body.split('"').skip(1).step_by(2)).filter(|text| is_code(text)).collect()
}

/// Codes, and endings of codes, in the sources of everything but the stand-in.
fn in_code() -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut codes, mut endings) = (BTreeSet::new(), BTreeSet::new());
    for path in files(&root().join("crates"), "rs") {
        let relative = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
        if !relative.contains("/src/") || relative.contains("tandem-sandbox") {
            continue;
        }
        let code = squeezed(&path);
        for before in BEFORE {
            for rest in code.split(before).skip(1) {
                let status = rest.starts_with("StatusCode::").then(|| rest.split_once(", ")).flatten();
                let literal = status.map_or(rest, |(_, rest)| rest).strip_prefix('"');
                codes.extend(literal.and_then(|l| l.split('"').next()).map(str::to_owned));
            }
        }
        codes.extend(WHOLE.iter().flat_map(|start| literals(&code, start)).map(str::to_owned));
        // An empty value is no finding.
        endings
            .extend(literals(&code, ENDINGS).into_iter().filter(|e| *e != "empty").map(|e| format!("_{e}")));
    }
    codes.retain(|code| is_code(code));
    (codes, endings)
}

/// Codes in the first column of the tables of codes.
fn in_docs() -> BTreeSet<String> {
    let text = read(&root().join("docs/findings.md"));
    let tables = text.split("| code |").skip(1).map(|table| table.split("\n\n").next().unwrap_or_default());
    let cells = tables.flat_map(|table| table.lines().skip(2)).filter_map(|row| row.split('|').nth(1));
    cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).map(str::to_owned).collect()
}

#[test]
fn every_code_has_its_row() {
    let (codes, endings) = in_code();
    assert!(codes.len() >= 60 && endings.len() >= 8, "the scan is broken: {codes:?} {endings:?}");
    for code in ["event_time_ms", "order_not_paid", "consent_denied", "order_reported", "duplicate", "retry"]
    {
        assert!(codes.contains(code), "the scan misses {code}");
    }
    let documented = in_docs();
    let missing: Vec<_> = codes.difference(&documented).collect();
    assert!(missing.is_empty(), "not in docs/findings.md: {missing:?}");
    let missing: Vec<_> =
        endings.iter().filter(|ending| !documented.iter().any(|d| d.ends_with(*ending))).collect();
    assert!(missing.is_empty(), "endings not in docs/findings.md: {missing:?}");
    let of_a_field = |code: &&String| {
        ["_too_many", "_hash_case"].iter().any(|ending| code.ends_with(ending))
            || endings.iter().any(|ending| code.ends_with(ending.as_str()))
    };
    let stale: Vec<_> = documented.difference(&codes).filter(|code| !of_a_field(code)).collect();
    assert!(stale.is_empty(), "in docs/findings.md and nowhere else: {stale:?}");
}

/// Pages and commands explain a code by what the document says of it.
#[test]
fn every_code_is_explained() {
    let (codes, _) = in_code();
    let of_fields: Vec<String> = in_docs()
        .iter()
        .filter_map(|code| code.strip_prefix("<field>"))
        .map(|e| format!("email{e}"))
        .collect();
    assert!(of_fields.len() >= 8, "the scan is broken: {of_fields:?}");
    for code in codes.into_iter().chain(of_fields) {
        let row = tandem_core::codes::find(&code);
        assert!(row.is_some_and(|row| !row.what.is_empty()), "{code} is not explained");
    }
}

#[test]
fn every_relative_link_leads_to_a_file() {
    let mut documents = files(&root().join("docs"), "md");
    documents.extend(["README.md", "ARCHITECTURE.md", "CHANGELOG.md"].map(|name| root().join(name)));
    let (mut links, mut broken) = (0, Vec::new());
    for path in documents {
        let text = read(&path);
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().unwrap_or_default();
            if file.is_empty() || target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            links += 1;
            if !path.with_file_name(file).exists() {
                broken.push(format!("{} → {target}", path.file_name().unwrap().display()));
            }
        }
    }
    assert!(links >= 10, "the scan is broken: {links} links");
    assert!(broken.is_empty(), "broken links: {broken:?}");
}
