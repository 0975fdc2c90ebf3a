//! Opening the file, and bringing one of an earlier version up.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};

use super::into_error;
use crate::StoreError;

/// The version of the tables; a file from a newer one is refused.
const SCHEMA_VERSION: i64 = 4;

/// What files from before version 3 lack beside whole tables. Columns at the end cost no rewriting of rows.
const COLUMNS_OF_3: &str =
    "ALTER TABLE deliveries ADD COLUMN consent TEXT; ALTER TABLE orders ADD COLUMN consent TEXT;";

/// The same of files from before version 4.
const COLUMNS_OF_4: &str =
    "ALTER TABLE lanes ADD COLUMN paused_by TEXT; ALTER TABLE lanes ADD COLUMN paused_since_ms INTEGER;";

pub(super) fn open_writer(path: &Path) -> Result<Connection, StoreError> {
    let mut conn = Connection::open(path).map_err(into_error)?;
    let version = set_up(&mut conn).map_err(into_error)?;
    if version > SCHEMA_VERSION {
        return Err(newer(version));
    }
    Ok(conn)
}

/// The version that was found.
fn set_up(conn: &mut Connection) -> rusqlite::Result<i64> {
    conn.busy_timeout(Duration::from_secs(10))?;
    conn.pragma_update(None, "journal_mode", "WAL")?;
    conn.pragma_update(None, "synchronous", "FULL")?;
    conn.pragma_update(None, "cache_size", -32_768)?;
    conn.pragma_update(None, "wal_autocheckpoint", 8_000)?;
    conn.pragma_update(None, "journal_size_limit", 64 << 20)?;
    conn.set_prepared_statement_cache_capacity(64);
    let version = version_of(conn)?;
    if version >= SCHEMA_VERSION {
        return Ok(version);
    }
    if version > 0 {
        // Millions of rows take their time, and nothing else is heard of until then.
        tracing::info!(from = version, to = SCHEMA_VERSION, "bringing the store's file up to this version");
    }
    let transaction = Transaction::new(conn, TransactionBehavior::Immediate)?;
    bring_up(&transaction)?;
    transaction.commit()?;
    Ok(version)
}

fn bring_up(conn: &Connection) -> rusqlite::Result<()> {
    // Somebody else may have done it while we waited for the lock.
    match version_of(conn)? {
        SCHEMA_VERSION.. => return Ok(()),
        1 | 2 => {
            conn.execute_batch(COLUMNS_OF_3)?;
            conn.execute_batch(COLUMNS_OF_4)?;
        }
        3 => conn.execute_batch(COLUMNS_OF_4)?,
        _ => {}
    }
    conn.execute_batch(include_str!("schema.sql"))?;
    conn.pragma_update(None, "user_version", SCHEMA_VERSION)
}

fn version_of(conn: &Connection) -> rusqlite::Result<i64> {
    conn.pragma_query_value(None, "user_version", |r| r.get(0))
}

fn newer(version: i64) -> StoreError {
    StoreError::File(format!(
        "the file was written by a newer version (schema {version}, this program knows {SCHEMA_VERSION})"
    ))
}

/// A reader with the insight file beside it, as schema `insight`.
pub(crate) fn open_reader_with_insight(path: &Path, insight: &Path) -> rusqlite::Result<Connection> {
    let conn = open_reader(path)?;
    conn.execute("ATTACH DATABASE ?1 AS insight", [read_only(insight)])?;
    Ok(conn)
}

/// The address by which SQLite opens a file for reading only.
pub(crate) fn read_only(path: &Path) -> String {
    let path = path.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    format!("file:{path}?mode=ro")
}

pub(super) fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(Duration::from_secs(5))?;
    conn.pragma_update(None, "cache_size", -4_096)?;
    conn.set_prepared_statement_cache_capacity(32);
    #[cfg(test)]
    let conn = crate::plans::watched(conn)?;
    Ok(conn)
}

/// A reader of a file that nobody of this process has opened, and that may be anything.
pub(super) fn open_foreign(path: &Path) -> Result<Connection, StoreError> {
    if !path.is_file() {
        return Err(StoreError::File(format!("there is no file {}", path.display())));
    }
    let no_tandem = || StoreError::File(format!("{} is not a file of Tandem's", path.display()));
    let looked = open_reader(path).and_then(|conn| Ok((version_of(&conn)?, has_our_tables(&conn)?, conn)));
    match looked {
        Ok((SCHEMA_VERSION, true, conn)) => Ok(conn),
        Ok((version, true, _)) if version > SCHEMA_VERSION => Err(newer(version)),
        Ok((version @ 1.., true, _)) => Err(StoreError::File(format!(
            "the file was written by an older version (schema {version}, this program reads {SCHEMA_VERSION}): start \
             the gateway of this version on it once, which brings it up"
        ))),
        Ok(_) => Err(no_tandem()),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) => Err(no_tandem()),
        Err(error) => Err(into_error(error)),
    }
}

/// In every version there were these.
fn has_our_tables(conn: &Connection) -> rusqlite::Result<bool> {
    let sql = "SELECT count(*) = 3 FROM sqlite_schema WHERE type = 'table' AND name IN ('events', 'deliveries', 'lanes')";
    conn.query_row(sql, [], |r| r.get(0))
}
