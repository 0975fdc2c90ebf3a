//! Files of earlier versions are brought up with all that is in them; those of newer ones are refused.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod common;

use std::path::Path;

use common::{RULING, Rig, WINDOW, page, with_word, word};
use rusqlite::Connection;
use tandem_core::consent::Status;
use tandem_core::session::{Clues, Touch, Via};
use tandem_store::embedded::View;
use tandem_store::{Options, Outcome, Reader, Store};

const DAY: i64 = 86_400_000;

const FIRST: &str = include_str!("data/schema-1.sql");
const SECOND: &str = include_str!("data/schema-2.sql");
const THIRD: &str = include_str!("data/schema-3.sql");

/// An order of 10 USD that waits for the platform, as the first two versions wrote it.
const ORDER: &str = r#"
    INSERT INTO lanes (site, destination) VALUES ('shop', 'tiktok');
    INSERT INTO events (received_ms, site, source, event_name, event_id, event_time, order_id, body)
      VALUES (5, 'shop', 'events', 'Purchase', 'wc_order_7', 1, '7',
        '{"consent":{"advertising":"granted","evidence":"order_consent"}}');
    INSERT INTO deliveries (event_seq, lane, state, due_ms) VALUES (1, 1, 0, 5);
"#;

/// What the first version noted of it.
const NOTED_BY_1: &str = r#"INSERT INTO orders (site, order_id, at_ms, state) VALUES ('shop', '7', 5,
    '{"reported":"10.00","currency":"USD","event_ids":["wc_order_7"],"bumps":0,"lines":[]}');"#;

/// The same of the second, and a visitor who was on the page of another order.
const NOTED_BY_2: &str = r#"INSERT INTO orders (site, order_id, at_ms, state) VALUES ('shop', '7', 5,
    '{"reported":"10.00","currency":"USD","event_ids":["wc_order_7"],"bumps":0,"lines":[],"events":[1]}');
    INSERT INTO sessions (site, visitor, day, state) VALUES ('shop', 'v', 1,
      '{"first_ms":86400000,"last_ms":86400000,"consent":{"advertising":"granted","evidence":"cookiebot"}}');
    INSERT INTO session_links (site, kind, key, visitor, day) VALUES ('shop', 'order', '8', 'v', 1);"#;

fn write(path: &Path, version: i64, parts: &[&str]) {
    let old = Connection::open(path).unwrap();
    old.execute_batch(&parts.concat()).unwrap();
    old.pragma_update(None, "user_version", version).unwrap();
}

async fn brought_up(version: i64, parts: &[&str]) -> Rig {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.db");
    write(&path, version, parts);
    let store = Store::open(Options::new(path)).unwrap();
    let lane = store.lane("shop", "tiktok").await.unwrap();
    let rig = Rig { folder, store, lane };
    assert_eq!(rig.value::<i64>("PRAGMA user_version"), 4);
    assert_eq!(rig.due(5), [1], "what waited still waits");
    rig
}

fn found(rig: &Rig, order: &str) -> Option<(Via, String)> {
    let clues = Clues { order_id: Some(order.into()), ..Clues::default() };
    rig.store.session("shop", &clues).unwrap().map(|found| (found.via, found.visitor))
}

#[tokio::test]
async fn a_file_of_the_first_version_is_brought_up() {
    let rig = brought_up(1, &[FIRST, ORDER, NOTED_BY_1]).await;
    rig.touch(with_word(page("v", DAY, &["7"]), Status::Granted)).await;
    assert_eq!(found(&rig, "7"), Some((Via::OrderId, "v".into())));
    // Its delivery cannot be told from those of other orders, so it counts as reported whatever became of it.
    rig.record_skip(1, "consent_denied").await;
    let again = rig.append(rig.snapshot("7", "10.00", &[]), DAY + WINDOW).await;
    assert_eq!(again, Outcome::Duplicate { of: None });
    let grown = rig.append(rig.snapshot("7", "15.00", &[]), DAY + WINDOW).await;
    assert_eq!(grown, Outcome::Accepted { seq: 2, event_id: Some("wc_order_7_bump_1".into()) });
    rig.record_skip(2, "consent_denied").await;
    let again = rig.append(rig.snapshot("7", "15.00", &[]), DAY + WINDOW).await;
    assert_eq!(again, Outcome::Duplicate { of: None }, "the first report may have been sent");
}

#[tokio::test]
async fn what_an_earlier_version_did_not_note_is_not_known_and_noted_from_now_on() {
    for (version, parts) in [(1, [FIRST, ORDER, NOTED_BY_1]), (2, [SECOND, ORDER, NOTED_BY_2])] {
        let rig = brought_up(version, &parts).await;
        let due = rig.store.due(rig.lane, 5, 9, &Default::default()).unwrap().due;
        assert_eq!((due[0].consent.as_deref(), due[0].received_ms), (None, 5));
        assert_eq!(rig.store.order_consent("shop", &["7"]).unwrap(), None);
        let grown = rig.snapshot("7", "15.00", &[]);
        let chosen = word(Status::Denied, "order_consent", DAY);
        let outcome = rig.append(rig.told(grown, chosen.clone()), DAY).await;
        assert_eq!(outcome, Outcome::Accepted { seq: 2, event_id: Some("wc_order_7_bump_1".into()) });
        assert_eq!(rig.store.order_consent("shop", &["7"]).unwrap(), Some(chosen));
        let rulings: Vec<_> = rig.rows(View::Deliveries).iter().map(|d| d["consent"].clone()).collect();
        assert_eq!(rulings, [serde_json::Value::Null, RULING.into()]);
        // Once is enough.
        let rig = rig.restarted().await;
        assert_eq!(rig.due(DAY), [1, 2]);
    }
}

#[tokio::test]
async fn a_file_of_the_second_version_keeps_its_visitors() {
    let rig = brought_up(2, &[SECOND, ORDER, NOTED_BY_2]).await;
    assert_eq!(found(&rig, "8"), Some((Via::OrderId, "v".into())));
    let again = rig.append(rig.snapshot("7", "10.00", &[]), DAY).await;
    assert_eq!(again, Outcome::Duplicate { of: None });
    assert_eq!(rig.store.last_refusal_ms("shop"), 5, "nobody knows what was said before");
    let no = Touch { visitor: "v".into(), at_ms: 2 * DAY, ..Touch::default() };
    rig.touch(with_word(no, Status::Denied)).await;
    assert!(rig.store.last_refusal_ms("shop") >= 2 * DAY);
}

#[tokio::test]
async fn a_file_of_the_third_version_is_brought_up_and_counted_from_now_on() {
    let rig = brought_up(3, &[THIRD, ORDER, NOTED_BY_2]).await;
    assert_eq!(rig.value::<i64>("SELECT count(*) FROM delivery_counts"), 0, "nobody counted before");
    rig.record_skip(1, "consent_denied").await;
    let counted = "SELECT n FROM delivery_counts WHERE state = 2 AND code = 'consent_denied'";
    assert_eq!(rig.value::<i64>(counted), 1);
    rig.store.catch_up().await.unwrap();
    let arrived = "SELECT sum(events) FROM insight.arrivals";
    assert_eq!(rig.value::<i64>(arrived), 1, "what was in the log before is counted from it");
}

#[test]
fn a_new_file_and_one_brought_up_are_alike() {
    let folder = tempfile::tempdir().unwrap();
    let columns = |name: &str| {
        let path = folder.path().join(name);
        drop(Store::open(Options::new(&path)).unwrap());
        let conn = Connection::open(path).unwrap();
        let sql = "SELECT m.name || '.' || c.name || ' ' || c.type FROM sqlite_schema AS m, pragma_table_info(m.name) AS c
                   ORDER BY m.name, c.name";
        let mut select = conn.prepare(sql).unwrap();
        let all = select.query_map([], |r| r.get::<_, String>(0)).unwrap();
        all.collect::<Result<Vec<_>, _>>().unwrap()
    };
    let new = columns("new.db");
    assert!(new.contains(&"deliveries.consent TEXT".to_owned()), "{new:?}");
    for added in
        ["lanes.paused_by TEXT", "delivery_counts.n INTEGER", "revisions.event_seq INTEGER", "kept.body TEXT"]
    {
        assert!(new.contains(&added.to_owned()), "{added}: {new:?}");
    }
    for (name, version, schema) in [("1.db", 1, FIRST), ("2.db", 2, SECOND), ("3.db", 3, THIRD)] {
        write(&folder.path().join(name), version, &[schema]);
        assert_eq!(columns(name), new, "{name}");
    }
}

#[test]
fn a_file_that_a_reader_cannot_read_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let why = |name: &str| Reader::open(path(name)).unwrap_err().to_string();
    assert!(why("none.db").contains("there is no file") && why("none.db").contains("none.db"));
    assert!(!path("none.db").exists(), "it makes none");
    std::fs::write(path("text.db"), "a shopping list, and more than a hundred bytes of it. ".repeat(40))
        .unwrap();
    assert!(why("text.db").contains("not a file of Tandem's"), "{}", why("text.db"));
    std::fs::write(path("empty.db"), "").unwrap();
    assert!(why("empty.db").contains("not a file of Tandem's"));
    write(&path("other.db"), 4, &["CREATE TABLE recipes (name TEXT);"]);
    assert!(why("other.db").contains("not a file of Tandem's"));
    write(&path("old.db"), 2, &[SECOND]);
    assert!(why("old.db").contains("older version (schema 2, this program reads 4)"), "{}", why("old.db"));
    drop(Store::open(Options::new(path("new.db"))).unwrap());
    write(&path("new.db"), 99, &[]);
    assert!(why("new.db").contains("newer version (schema 99, this program knows 4)"), "{}", why("new.db"));
}
