//! A file for every finding that produces it through the front door, with real HTTP against the real binary; and a day of
//! a healthy shop, which produces none.
//!
//! The files are in `files/`, each named after the code it is for; `files/together/` has those of several events together.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

#[path = "../harness/mod.rs"]
mod harness;

mod stage;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use stage::{Scenario, differences, play, read};

/// Codes of findings that no scenario can have, each with its reason.
const WITHOUT_A_FILE: &[(&str, &str)] = &[];

/// Files that are for no code.
const CLEAN: &[&str] = &["clean-shop", "clean-tags"];

/// Fields whose name may stand before the ending of a family such as `<field>_junk`.
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
    "ttclid",
    "ttp",
    "fbc",
    "fbp",
    "fbclid",
    "gclid",
    "gbraid",
    "wbraid",
    "epik",
    "sccid",
    "sc_cookie",
    "rdt_cid",
    "rdt_uuid",
    "msclkid",
    "li_fat_id",
];

/// Codes of the part "Findings" of docs/findings.md with their severities; a family's ending with `<field>` before it.
fn documented() -> BTreeMap<String, BTreeSet<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/findings.md");
    let text = std::fs::read_to_string(path).unwrap();
    let part = text.split("\n## Findings\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows = part.lines().filter(|line| line.starts_with("| `"));
    let mut codes = BTreeMap::new();
    for row in rows {
        let mut cells = row.split('|').skip(1);
        let (names, severities) = (cells.next().unwrap(), cells.next().unwrap());
        let severities: BTreeSet<String> = severities.split(',').map(|s| s.trim().to_owned()).collect();
        for name in names.split('`').skip(1).step_by(2) {
            codes.insert(name.to_owned(), severities.clone());
        }
    }
    codes
}

/// Whether a code is this one, or of this family.
fn is_of(code: &str, documented: &str) -> bool {
    let Some(ending) = documented.strip_prefix("<field>") else { return code == documented };
    code.strip_suffix(ending).is_some_and(|field| FIELDS.contains(&field))
}

/// The files of single findings, and those of several events together whose codes the program has by now.
fn scenarios() -> Vec<Scenario> {
    let known = documented();
    let is_known = |one: &Scenario| {
        one.expect.iter().all(|expected| known.keys().any(|documented| is_of(&expected.code, documented)))
    };
    let mut all = read("");
    all.extend(read("together").into_iter().filter(is_known));
    all
}

#[test]
fn every_finding_has_a_file() {
    let (known, all) = (documented(), scenarios());
    assert!(known.len() > 80, "docs/findings.md was not read: {known:?}");
    let mut wrong = Vec::new();
    for (code, severities) in &known {
        let of_code = |one: &&Scenario| is_of(&one.name, code);
        let seen: BTreeSet<String> = all
            .iter()
            .filter(of_code)
            .flat_map(|one| one.expect.iter().filter(|e| is_of(&e.code, code)))
            .map(|expected| expected.severity.clone())
            .collect();
        let excused = WITHOUT_A_FILE.iter().any(|(name, _)| name == code);
        if excused != seen.is_empty() || (!excused && seen != *severities) {
            wrong.push(format!("{code}: {severities:?} in the document, {seen:?} in files"));
        }
    }
    for one in all.iter().filter(|one| !CLEAN.contains(&one.name.as_str())) {
        let named = one.expect.iter().any(|expected| expected.code == one.name);
        if !named || !known.keys().any(|code| is_of(&one.name, code)) {
            wrong.push(format!("{}.json is named after no code that it expects", one.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_brings_its_findings_and_no_other() {
    let all = scenarios();
    let played = play(&all);
    let (found, notices) = (played.found(), played.notices());
    let wrong: Vec<String> = all
        .iter()
        .flat_map(|one| {
            let found = found.get(&one.name).cloned().unwrap_or_default();
            let notices = notices.get(&one.name).cloned().unwrap_or_default();
            let mut wrong = differences(one, &found, &notices);
            let counted = played.at_tiktok(one);
            if one.counted.as_ref().is_some_and(|expected| *expected != counted) {
                wrong.push(format!("TikTok counted {counted:?}"));
            }
            let prefix = |text: String| format!("{} ({}): {text}", one.name, one.about);
            wrong.into_iter().map(prefix).collect::<Vec<_>>()
        })
        .collect();
    assert!(wrong.is_empty(), "{} differences in {} files:\n{}", wrong.len(), all.len(), wrong.join("\n"));
}
