//! What every stable code means and how to mend it, read once out of docs/findings.md: the one place where that is written,
//! for readers of the documents, pages and commands alike.

use std::sync::LazyLock;

use serde::Serialize;

use crate::normalise::clicks;

const DOCUMENT: &str = include_str!("../../../docs/findings.md");

/// The skip of a page's own word on a sale that the shop's server reports: nothing of it is sent, it completes the other.
pub const SERVER_HALF_REPORTS: &str = "server_half_reports";

/// Stands for a field's name in the codes of single values.
const FIELD: &str = "<field>";

/// Fields that a code of a single value may begin with, besides click ids.
const FIELDS: &[&str] = &[
    "email",
    "phone",
    "external_id",
    "first_name",
    "last_name",
    "street",
    "city",
    "state",
    "zip_code",
    "country",
    "gender",
    "date_of_birth",
    "ip",
    "user_agent",
    "locale",
];

/// Where a code is met. One code can be met in several places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A remark on an event that was taken, or on several together.
    Finding,
    /// An event that was not taken.
    Rejection,
    /// An event that is not sent to a destination.
    Skip,
    /// A notice of the order ledger.
    Notice,
    /// A request that no way in takes.
    Unclaimed,
    /// What became of a delivery.
    Delivery,
    /// A request that was refused as a whole.
    Refusal,
    /// Why something did not count, where no other code says it.
    Diagnosis,
    /// A difference between the shop's orders, our deliveries and what a platform counts.
    Difference,
}

/// Headings of the document's chapters. Those of platforms' own codes are not listed: a platform explains its own.
const CHAPTERS: &[(&str, Kind)] = &[
    ("Findings", Kind::Finding),
    ("Rejections", Kind::Rejection),
    ("Skips", Kind::Skip),
    ("Notices of the order ledger", Kind::Notice),
    ("Unclaimed requests", Kind::Unclaimed),
    ("Deliveries", Kind::Delivery),
    ("Refused requests", Kind::Refusal),
    ("Diagnoses", Kind::Diagnosis),
    ("Reconciliation", Kind::Difference),
];

/// One code as the document explains it. Texts keep their backticks; of a link only its words are left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Code {
    /// The code; with `<field>` in front for a family, e.g. `<field>_junk`.
    pub code: String,
    /// Where it is met.
    pub kind: Kind,
    /// Heading it stands under, e.g. `Match keys`.
    pub section: String,
    /// E.g. `warning`, or `info, warning` where it depends; for others than findings what became of it, or the HTTP status.
    pub severity: String,
    /// What was found and what was done.
    pub what: String,
    /// How to mend it at the sender; may be empty.
    pub fix: String,
    /// The heading's anchor in docs/findings.md, without `#`.
    pub anchor: String,
}

static ALL: LazyLock<Vec<Code>> = LazyLock::new(|| read(DOCUMENT));

/// Every code, in the order of the document.
#[must_use]
pub fn all() -> &'static [Code] {
    &ALL
}

/// The explanation of a code: as a finding, if it is one, else in the document's order.
#[must_use]
pub fn find(code: &str) -> Option<&'static Code> {
    find_where(code, |_| true)
}

/// The explanation of a code as it is met in one place: `event_id_missing` can be a finding or a rejection.
#[must_use]
pub fn find_as(kind: Kind, code: &str) -> Option<&'static Code> {
    find_where(code, |row| row.kind == kind)
}

fn find_where(code: &str, fits: impl Fn(&Code) -> bool) -> Option<&'static Code> {
    let named = |name: &str| ALL.iter().find(|row| row.code == name && fits(row));
    named(code).or_else(|| {
        let rest = after_field(code)?;
        named(&[FIELD, rest].concat()).or_else(|| {
            // One row tells it of all click ids.
            (rest == "_invalid" && is_click_id(code.strip_suffix(rest)?)).then(|| named("ttclid_invalid"))?
        })
    })
}

/// What follows the field's name: `_hash_of_empty` of `email_hash_of_empty`.
fn after_field(code: &str) -> Option<&str> {
    let field = |name: &str| code.strip_prefix(name).filter(|rest| rest.starts_with('_'));
    FIELDS.iter().copied().chain(clicks::names()).find_map(field)
}

fn is_click_id(name: &str) -> bool {
    clicks::names().any(|known| known == name)
}

fn read(document: &str) -> Vec<Code> {
    let (mut codes, mut kind, mut section) = (Vec::new(), None, "");
    let mut is_table_of_codes = false;
    for line in document.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            kind = CHAPTERS.iter().find(|(name, _)| *name == heading).map(|(_, kind)| *kind);
            section = heading;
        } else if let Some(heading) = line.strip_prefix("### ") {
            section = heading;
        }
        is_table_of_codes = line.starts_with("| code |") || (is_table_of_codes && line.starts_with('|'));
        if let Some(kind) = kind.filter(|_| is_table_of_codes) {
            codes.extend(row(line, kind, section));
        }
    }
    codes
}

/// The codes of one row, which may name several.
fn row(line: &str, kind: Kind, section: &str) -> Vec<Code> {
    let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
    let [names, severity, what, fix] = cells.as_slice() else { return Vec::new() };
    let code = |name: &str| Code {
        code: name.to_owned(),
        kind,
        section: section.to_owned(),
        severity: (*severity).to_owned(),
        what: without_links(what),
        fix: without_links(fix),
        anchor: anchor(section),
    };
    names.split('`').skip(1).step_by(2).map(code).collect()
}

/// `see [rules.md](rules.md#x)` becomes `see rules.md`.
fn without_links(text: &str) -> String {
    let mut parts = text.split('[');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once("](").and_then(|(words, rest)| Some((words, rest.split_once(')')?.1))) {
            Some((words, rest)) => plain.extend([words, rest]),
            None => plain.extend(["[", part]),
        }
    }
    plain
}

fn anchor(heading: &str) -> String {
    let plain = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-'));
    plain.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_read() {
        assert!(all().len() > 150, "{}", all().len());
        let code = find("event_time_ms").unwrap();
        assert_eq!((code.kind, code.severity.as_str()), (Kind::Finding, "warning"));
        assert_eq!((code.section.as_str(), code.anchor.as_str()), ("Name, id and time", "name-id-and-time"));
        assert_eq!(code.fix, "Divide by 1,000.");
        for code in all() {
            assert!(!code.what.is_empty() && !code.severity.is_empty(), "{}", code.code);
            assert!(!code.what.contains("](") && !code.fix.contains("]("), "{}", code.code);
        }
    }

    #[test]
    fn one_code_can_be_met_in_two_places() {
        assert_eq!(find("event_id_missing").unwrap().kind, Kind::Finding);
        assert_eq!(find_as(Kind::Rejection, "event_id_missing").unwrap().severity, "rejected");
        assert!(find_as(Kind::Skip, "event_id_missing").is_none());
        assert_eq!(find("credentials_wrong").unwrap().kind, Kind::Refusal);
    }

    #[test]
    fn families_are_found_by_their_members() {
        let cases = [
            ("email_junk", Some("<field>_junk")),
            ("zip_code_too_long", Some("<field>_too_long")),
            ("phone_hash_of_empty", Some("<field>_hash_of_empty")),
            ("external_id_guest", Some("external_id_guest")),
            ("email_guest", Some("<field>_guest")),
            ("ttp_invalid", Some("ttp_invalid")),
            ("wbraid_invalid", Some("ttclid_invalid")),
            ("city_invalid", None),
            ("nothing_junk", None),
            ("40002", None),
            ("", None),
        ];
        for (given, expected) in cases {
            assert_eq!(find(given).map(|c| c.code.as_str()), expected, "{given}");
        }
    }

    #[test]
    fn links_leave_their_words() {
        assert_eq!(without_links("See [a.md](a.md#b), then [c](d)."), "See a.md, then c.");
        assert_eq!(without_links("`contents[0].price` is [not closed"), "`contents[0].price` is [not closed");
    }
}
