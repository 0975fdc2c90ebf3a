//! Opening the insight file, and making it anew when it does not fit the log or this program.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OptionalExtension};

use super::{pass, path_of};
use crate::embedded::read_only;

/// Grows whenever the tables, or what is counted in them, change: then everything is counted again.
const VERSION: i64 = 2;

/// The file, open for writing, with the log beside it as schema `log`.
pub(super) fn open(log: &Path) -> rusqlite::Result<Connection> {
    if !path_of(log).exists() {
        return anew(log);
    }
    let why = match set_up(log).and_then(|conn| Ok((misfit(&conn)?, conn))) {
        Ok((None, conn)) => return Ok(conn),
        Ok((Some(why), _)) => why.to_owned(),
        Err(error) if is_damaged(&error) || is_foreign(&error) => error.to_string(),
        Err(error) => return Err(error),
    };
    tracing::warn!(file = %path_of(log).display(), why, "the insight file is made anew from the log");
    anew(log)
}

/// Deletes what is there and begins from nothing.
pub(super) fn anew(log: &Path) -> rusqlite::Result<Connection> {
    for end in ["", "-wal", "-shm"] {
        let mut path = path_of(log).into_os_string();
        path.push(end);
        // What cannot be deleted shows when it is opened.
        let _ = std::fs::remove_file(PathBuf::from(path));
    }
    create(log)
}

fn create(log: &Path) -> rusqlite::Result<Connection> {
    let conn = set_up(log)?;
    conn.execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('version', ?1)", [VERSION])?;
    Ok(conn)
}

/// Whether SQLite cannot make sense of the file.
pub(super) fn is_damaged(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    matches!(code, Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt))
}

/// Whether our statements do not fit its tables.
fn is_foreign(error: &rusqlite::Error) -> bool {
    matches!(error, rusqlite::Error::SqlInputError { .. })
        || error.sqlite_error().is_some_and(|e| e.extended_code == rusqlite::ffi::SQLITE_ERROR)
}

fn set_up(log: &Path) -> rusqlite::Result<Connection> {
    let conn = Connection::open(path_of(log))?;
    conn.busy_timeout(Duration::from_secs(10))?;
    conn.pragma_update(None, "journal_mode", "WAL")?;
    // After a power cut it may lack what came last; the cursors lack it too, so it is made again.
    conn.pragma_update(None, "synchronous", "NORMAL")?;
    conn.pragma_update(None, "cache_size", -32_768)?;
    // Each checkpoint syncs, on the disk that the log is synced to.
    conn.pragma_update(None, "wal_autocheckpoint", 8_000)?;
    conn.pragma_update(None, "journal_size_limit", 64 << 20)?;
    conn.execute_batch(include_str!("schema.sql"))?;
    conn.execute("ATTACH DATABASE ?1 AS log", [read_only(log)])?;
    conn.set_prepared_statement_cache_capacity(64);
    Ok(conn)
}

/// Why the file cannot be gone on with, if it cannot.
fn misfit(conn: &Connection) -> rusqlite::Result<Option<&'static str>> {
    let version: Option<i64> =
        conn.query_row("SELECT value FROM meta WHERE key = 'version'", [], |r| r.get(0)).optional()?;
    Ok(match version {
        Some(VERSION) if pass::fits(conn)? => None,
        Some(VERSION) => Some("it was made from another log, or from a part of this one that is gone"),
        _ => Some("another version of the program made it"),
    })
}
