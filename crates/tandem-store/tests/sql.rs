//! Queries that people write: what they may ask, and that nothing else happens.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod common;

use common::Rig;
use tandem_store::insight::sql::{Cell, Cut, MAX_ROWS, MAX_TEXT, Refusal};

/// A store with an event, its address, and a visitor's address.
async fn rig() -> Rig {
    let rig = Rig::new().await;
    rig.append(rig.event("Purchase", "a"), 1_000).await;
    rig.store.catch_up().await.unwrap();
    rig
}

fn one(rig: &Rig, sql: &str) -> Cell {
    let answer = rig.store.answer_sql(sql).unwrap_or_else(|refusal| panic!("{sql}: {refusal}"));
    answer.rows.into_iter().next().and_then(|row| row.into_iter().next()).unwrap_or(Cell::Null)
}

#[tokio::test]
async fn what_the_tables_hold_can_be_asked() {
    let rig = rig().await;
    for sql in [
        "SELECT count(*) FROM events",
        "SELECT count(*) FROM v_events",
        "WITH e AS (SELECT * FROM v_deliveries) SELECT count(*) FROM e;",
        "SELECT sum(events) FROM insight.arrivals",
        "SELECT count(*) FROM events, json_each('[1]')",
    ] {
        assert_eq!(one(&rig, sql), Cell::Integer(1), "{sql}");
    }
    let answer = rig.store.answer_sql("SELECT 1 AS a, 2.5 AS b, 'x' AS c, x'0001' AS d, NULL AS e").unwrap();
    assert_eq!(answer.columns, ["a", "b", "c", "d", "e"]);
    let expected = [Cell::Integer(1), Cell::Real(2.5), Cell::Text("x".into()), Cell::Blob(2), Cell::Null];
    assert_eq!(answer.rows, [expected]);
    assert!(!rig.store.answer_sql("PRAGMA table_info(events)").unwrap().rows.is_empty());
    assert!(!rig.store.answer_sql("EXPLAIN QUERY PLAN SELECT * FROM events").unwrap().rows.is_empty());
}

#[tokio::test]
async fn nothing_is_written_attached_or_loaded() {
    let rig = rig().await;
    let elsewhere = rig.folder.path().join("elsewhere.db");
    let attach = format!("ATTACH DATABASE '{}' AS x", elsewhere.display());
    let vacuum = format!("VACUUM INTO '{}'", elsewhere.display());
    for sql in [
        "DELETE FROM events",
        "UPDATE events SET site = 'x'",
        "INSERT INTO kept VALUES ('a', 'b', 'c', 1)",
        "INSERT INTO events (seq) VALUES (1) RETURNING seq",
        "DROP TABLE events",
        "CREATE TABLE x (a)",
        "CREATE TEMP TABLE x (a)",
        "CREATE TEMP VIEW x AS SELECT * FROM addresses",
        "CREATE VIRTUAL TABLE temp.x USING dbstat",
        "ALTER TABLE events ADD COLUMN x",
        "REINDEX",
        "ANALYZE",
        "BEGIN IMMEDIATE",
        "SAVEPOINT x",
        "DETACH insight",
        "PRAGMA writable_schema = 1",
        "PRAGMA query_only = 0",
        "PRAGMA journal_mode = DELETE",
        "PRAGMA user_version = 9",
        "PRAGMA temp_store_directory = '/'",
        "PRAGMA wal_checkpoint",
        "SELECT load_extension('x')",
        "SELECT * FROM pragma_database_list",
        "SELECT count(*) FROM dbstat",
        "SELECT count(*) FROM sqlite_dbpage",
        attach.as_str(),
        vacuum.as_str(),
    ] {
        let refused = rig.store.answer_sql(sql);
        assert!(refused.is_err(), "{sql}: {refused:?}");
    }
    assert!(matches!(rig.store.answer_sql("DELETE FROM events"), Err(Refusal::NotAllowed(_))));
    assert!(!elsewhere.exists());
    assert_eq!(one(&rig, "SELECT count(*) FROM events"), Cell::Integer(1));
}

#[tokio::test]
async fn one_statement_and_no_more() {
    let rig = rig().await;
    for sql in ["", "  -- nothing", "SELECT 1; SELECT 2"] {
        assert_eq!(rig.store.answer_sql(sql), Err(Refusal::NotOne), "{sql:?}");
    }
    assert!(rig.store.answer_sql("SELECT 1; DELETE FROM events").is_err());
    assert_eq!(one(&rig, "SELECT count(*) FROM events"), Cell::Integer(1));
    let wrong = rig.store.answer_sql("SELECT * FROM evnts").unwrap_err();
    assert_eq!(wrong, Refusal::Database("no such table: evnts".into()), "in the database's own words");
}

#[tokio::test]
async fn full_network_addresses_read_as_null() {
    let rig = rig().await;
    for sql in [
        "SELECT ip FROM addresses",
        "SELECT a.ip FROM addresses AS a",
        "SELECT max(IP) FROM main.Addresses",
        "SELECT \"ip\" FROM (SELECT * FROM addresses)",
        "SELECT group_concat(ip) FROM addresses",
        "SELECT ip FROM sessions",
        "WITH a AS (SELECT ip AS b FROM addresses) SELECT b FROM a",
        "SELECT ip FROM addresses UNION ALL SELECT NULL ORDER BY 1 DESC",
    ] {
        assert_eq!(one(&rig, sql), Cell::Null, "{sql}");
    }
    // A guess cannot be tried either.
    let guess = "SELECT count(*) FROM addresses WHERE ip LIKE '203.%' OR ip >= ''";
    assert_eq!(one(&rig, guess), Cell::Integer(0));
    assert_eq!(one(&rig, "SELECT count(*) FROM addresses"), Cell::Integer(1));
    let whole = format!("{:?}", rig.store.answer_sql("SELECT * FROM addresses, v_events").unwrap());
    assert!(!whole.contains("203.0.113.7"), "{whole}");
}

#[tokio::test]
async fn a_guess_at_an_address_cannot_be_joined_either() {
    let rig = rig().await;
    for sql in [
        "WITH g(ip) AS (VALUES ('203.0.113.7'), ('203.0.113.8')) SELECT g.ip FROM addresses JOIN g USING (ip)",
        "WITH g(ip) AS (VALUES ('203.0.113.7'), ('203.0.113.8')) SELECT count(*) FROM addresses NATURAL JOIN g",
        "WITH g(ip) AS (VALUES ('203.0.113.7')) SELECT count(*) FROM g JOIN main.addresses USING (ip)",
        "WITH g(ip) AS (VALUES ('203.0.113.7')) SELECT count(*) FROM g LEFT JOIN addresses USING (ip) WHERE event_seq",
        "WITH g(ip) AS (VALUES ('203.0.113.7')) SELECT count(*) FROM (SELECT * FROM addresses) NATURAL JOIN g",
        "WITH g(ip) AS (VALUES ('203.0.113.7')) SELECT count(*) FROM [Addresses] Natural JOIN g",
        "SELECT count(*) FROM addresses WHERE (event_seq, '203.0.113.7') IN addresses",
        "SELECT count(*) FROM addresses AS a JOIN addresses AS b ON a.ip = b.ip",
        "SELECT count(*) FROM addresses, json_each(json_array(ip)) AS e WHERE e.value LIKE '203%'",
        "SELECT count(*) FROM addresses GROUP BY ip HAVING ip > ''",
    ] {
        match rig.store.answer_sql(sql) {
            Ok(answer) => {
                let first = answer.rows.into_iter().flatten().next();
                assert!(matches!(first, None | Some(Cell::Null | Cell::Integer(0))), "{sql}: {first:?}");
            }
            Err(Refusal::NotAllowed(_)) => {}
            Err(other) => panic!("{sql}: {other}"),
        }
    }
}

#[tokio::test]
async fn no_single_step_takes_long() {
    let rig = rig().await;
    for sql in [
        "SELECT instr(printf('%.1300000c', 'a'), printf('%.650000c', 'a') || 'b')",
        "SELECT replace(printf('%.1300000c', 'a'), printf('%.650000c', 'a') || 'b', 'c')",
        "SELECT ltrim(printf('%.1300000c', 'a'), printf('%.650000c', 'b') || 'a')",
        "SELECT printf('%.1300000c', 'a') LIKE '%a%a%a%a%a%a%a%a%a%a%a%a%a%a%ab%c'",
        "SELECT printf('%.1300000c', 'a') GLOB '*a*a*a*a*a*a*a*a*a*a*a*a*a*a*ab*c'",
        "SELECT unhex(printf('%.1300000c', '-'), printf('%.650000c', 'b') || '-')",
    ] {
        // Without bounds of ours each would take minutes, which the runner does not wait for.
        let _ = rig.store.answer_sql(sql);
    }
}

#[tokio::test]
async fn what_has_no_end_is_ended() {
    let rig = rig().await;
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT ";
    assert_eq!(rig.store.answer_sql(&format!("{endless} max(i) FROM n")), Err(Refusal::TooLong));
    let rows = rig.store.answer_sql(&format!("{endless} i FROM n")).unwrap();
    assert_eq!((rows.rows.len(), rows.cut), (MAX_ROWS, Some(Cut::Rows)));
    let text = rig.store.answer_sql(&format!("{endless} printf('%.100000c', 'x') FROM n")).unwrap();
    let size: usize =
        text.rows.iter().flatten().map(|c| if let Cell::Text(t) = c { t.len() } else { 0 }).sum();
    assert_eq!((size, text.cut), (MAX_TEXT, Some(Cut::Text)));
    for sql in [
        "SELECT zeroblob(1000000000)",
        "SELECT hex(zeroblob(1000000))",
        "SELECT printf('%.900000000c', 'x')",
        "SELECT replace(printf('%.1300000c', 'x'), 'x', 'xx')",
        "SELECT replace(printf('%.1300000c', 'x'), 'x', printf('%.1300000c', 'x'))",
        "SELECT 'x' LIKE printf('%.1000c', '%')",
    ] {
        let refused = rig.store.answer_sql(sql);
        assert!(matches!(refused, Err(Refusal::Database(_))), "{sql}: {refused:?}");
    }
    let long = format!("SELECT {}", "1 + ".repeat(10_000) + "1");
    assert!(rig.store.answer_sql(&long).is_err());
    // And nothing of it is left behind.
    assert_eq!(one(&rig, "SELECT count(*) FROM events"), Cell::Integer(1));
}

#[tokio::test]
async fn tables_are_listed_with_their_columns() {
    let rig = rig().await;
    let tables = rig.store.tables().unwrap();
    let of = |name: &str| tables.iter().find(|table| table.name == name).unwrap();
    assert_eq!(of("v_events").kind, "view");
    assert!(of("events").columns.contains(&"body".to_owned()));
    assert!(of("insight.coverage").columns.contains(&"keys".to_owned()));
}
