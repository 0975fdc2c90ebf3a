//! `tandem export consent`: what was ruled, as a file for whoever asks.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod harness;
mod program;

use std::path::Path;

use harness::{Home, StandIn};
use program::{Told, run};
use serde_json::{Value, json};

const COLUMNS: &str = "received_at,event_time,site,source,channel,event_name,event_id,order_id,visitor,region,\
                       advertising,analytics,functional,by_default,gpc,opt_out_of_sale,signal,signal_value,said_at,\
                       note,supplied_by,vendors,destination,state,ruling,limited_data_use,reason,code,sent_at";

fn export(config: &Path, more: &[&str]) -> Told {
    run(&[&["export", "consent", "--config", config.to_str().unwrap()], more].concat(), &[], b"")
}

fn json_of(config: &Path, more: &[&str]) -> Vec<Value> {
    let told = export(config, &[&["--format", "json"], more].concat());
    assert_eq!(told.code, 0, "{}", told.stderr);
    let records: Vec<Value> = told.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let word = if records.len() == 1 { "record" } else { "records" };
    assert_eq!(told.stderr.trim_end(), format!("{} {word}", records.len()));
    records
}

fn ids(records: &[Value]) -> Vec<&str> {
    records.iter().map(|r| r["event_id"].as_str().unwrap()).collect()
}

/// An event with a word on consent, and what must not be in any export.
fn event(id: &str, advertising: &str) -> Value {
    json!({
        "event_name": "Lead", "event_id": id, "consent": { "advertising": advertising },
        "user": { "email": "ada.sample@example.com", "ttclid": "E.C.P.secret-click", "ip": "203.0.113.7" },
    })
}

#[test]
fn a_running_gateways_rulings_and_those_of_one_that_has_ended() {
    let stand_in = StandIn::start();
    let home = Home::shop(&stand_in);
    let gateway = home.start();
    gateway.post_events(&json!([event("yes", "granted"), event("no", "denied")]));
    gateway.drain();
    let records = json_of(&home.config(), &[]);
    assert_eq!(ids(&records), ["yes", "no"]);
    let told = |r: &Value| ["site", "destination", "advertising", "state", "ruling"].map(|k| r[k].clone());
    assert_eq!(told(&records[0]), ["shop", "tiktok", "granted", "delivered", "send"].map(Value::from));
    assert_eq!(told(&records[1]), ["shop", "tiktok", "denied", "skipped", "suppress"].map(Value::from));
    assert_eq!((&records[1]["code"], &records[1]["sent_at"]), (&json!("consent_denied"), &Value::Null));
    assert!(records[0]["sent_at"].as_str() >= records[0]["received_at"].as_str(), "{}", records[0]);
    let text = json!(records).to_string();
    for personal in ["ada.sample", "secret-click", "203.0.113"] {
        assert!(!text.contains(personal), "{personal}: {text}");
    }
    let hashes = text.split(|c: char| !c.is_ascii_hexdigit()).any(|word| word.len() >= 32);
    assert!(!hashes, "{text}");

    assert!(gateway.stop().success());
    assert_eq!(json_of(&home.config(), &[]), records, "the same without a gateway");
    // Reading left nothing behind that hinders the next start.
    let gateway = home.start();
    gateway.post_events(&json!([event("later", "granted")]));
    assert_eq!(ids(&json_of(&home.config(), &[])), ["yes", "no", "later"]);
}

#[test]
fn a_table_opens_in_a_spreadsheet_and_runs_nothing() {
    let stand_in = StandIn::start();
    let home = Home::shop(&stand_in);
    let gateway = home.start();
    gateway.post_events(&json!([event("=1+1", "granted"), event("a,\"b\"", "denied")]));
    let told = export(&home.config(), &[]);
    assert_eq!((told.code, told.stderr.as_str()), (0, "2 records\n"));
    let lines: Vec<&str> = told.stdout.split("\r\n").collect();
    assert_eq!((lines.len(), lines[0], lines[3]), (4, COLUMNS, ""));
    assert!(lines[1].contains(",Lead,'=1+1,"), "{}", lines[1]);
    assert!(lines[2].contains(",Lead,\"a,\"\"b\"\"\","), "{}", lines[2]);
    // The names in JSON are the same; there the id stands as it is.
    let records = json_of(&home.config(), &[]);
    assert_eq!(ids(&records), ["=1+1", "a,\"b\""]);
    assert!(COLUMNS.split(',').all(|name| records[0].get(name).is_some()), "{}", records[0]);
    assert_eq!(records[0].as_object().unwrap().len(), COLUMNS.split(',').count());

    let file = home.store().with_file_name("consent.csv");
    std::fs::write(&file, "what was there before, and longer than what comes ".repeat(100)).unwrap();
    let to_file = export(&home.config(), &["--output", file.to_str().unwrap()]);
    assert_eq!((to_file.code, to_file.stdout.as_str(), to_file.stderr.as_str()), (0, "", "2 records\n"));
    assert_eq!(std::fs::read_to_string(&file).unwrap().lines().next(), Some(COLUMNS));
    assert_eq!(std::fs::read_to_string(&file).unwrap().lines().count(), 3);
}

#[test]
fn a_period_and_a_site_can_be_chosen() {
    let stand_in = StandIn::start();
    let home = Home::shop(&stand_in);
    for (now, id) in [("2026-11-22T14:00:00Z", "first"), ("2026-11-23T14:00:00Z", "second")] {
        let gateway = home.start_with(&["--now", now]);
        gateway.post_events(&json!([event(id, "granted")]));
        assert!(gateway.stop().success());
    }
    let chosen = |more: &[&str]| json_of(&home.config(), more).len();
    assert_eq!(chosen(&[]), 2);
    assert_eq!(chosen(&["--since", "2026-11-23T00:00:00Z"]), 1);
    assert_eq!(chosen(&["--until", "2026-11-23T00:00:00Z"]), 1);
    assert_eq!(chosen(&["--since", "1795356000", "--until", "2026-11-24T00:00:00Z"]), 2);
    assert_eq!(chosen(&["--since", "2027-01-01T00:00:00Z"]), 0);
    assert_eq!((chosen(&["--site", "shop"]), chosen(&["--site", "other"])), (2, 0));
    let first = json_of(&home.config(), &["--until", "2026-11-23T00:00:00Z"]);
    assert!(first[0]["received_at"].as_str().unwrap().starts_with("2026-11-22T14:00:"), "{}", first[0]);
    let empty = export(&home.config(), &["--site", "other"]);
    assert_eq!((empty.stdout, empty.stderr), (format!("{COLUMNS}\r\n"), "0 records\n".to_owned()));
}

#[test]
fn what_cannot_be_exported_is_said_in_words() {
    let stand_in = StandIn::start();
    let home = Home::shop(&stand_in);
    let failed = |more: &[&str], code: i32, words: &str| {
        let told = export(&home.config(), more);
        assert_eq!((told.code, told.stdout.as_str()), (code, ""), "{}", told.stderr);
        assert!(told.stderr.contains(words), "{words} is not in\n{}", told.stderr);
    };
    failed(&[], 1, "there is no file");
    assert!(!home.store().exists(), "it makes none");
    failed(
        &["--since", "2027-01-01T00:00:00Z", "--until", "2026-01-01T00:00:00Z"],
        1,
        "--since must be before",
    );
    failed(&["--since", "yesterday"], 2, "write a time like");
    failed(&["--format", "xml"], 2, "json");
    std::fs::write(home.store(), "not a database, but a text that is long enough to be one ".repeat(100))
        .unwrap();
    failed(&[], 1, "not a file of Tandem's");
    std::fs::remove_file(home.store()).unwrap();
    drop(home.start());
    failed(&["--output", "/nowhere/at/all.csv"], 1, "cannot write /nowhere/at/all.csv");
    let newer = rusqlite::Connection::open(home.store()).unwrap();
    newer.pragma_update(None, "user_version", 99).unwrap();
    drop(newer);
    failed(&[], 1, "newer version");
    let nowhere = run(&["export", "consent", "--config", "/nowhere/at/all.toml"], &[], b"");
    assert_eq!((nowhere.code, nowhere.stdout.as_str()), (2, ""));
    assert!(nowhere.stderr.contains("cannot read /nowhere/at/all.toml"), "{}", nowhere.stderr);
    assert_eq!(run(&["export"], &[], b"").code, 2, "what is to be exported must be said");
}
