//! Queries of the private API: what a person asks the file.

use rusqlite::{Connection, params};
use serde::Serialize;
use serde_json::{Map, Value};

use super::Store;
use crate::{LaneId, Pause, Stop, StoreError};

/// Deliveries of a lane by state.
#[derive(Debug, Clone, Serialize)]
pub struct LaneCounts {
    /// The lane.
    pub lane: LaneId,
    /// Site.
    pub site: String,
    /// Destination.
    pub destination: String,
    /// Set while the lane waits for a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Stop>,
    /// Set while a person keeps it from sending.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused: Option<Pause>,
    /// Waiting deliveries.
    pub waiting: i64,
    /// When the oldest of them came due, Unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest_due_ms: Option<i64>,
}

/// Rows by outcome since a time.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Totals {
    /// Events in the log.
    pub events: i64,
    /// Deliveries by state.
    pub deliveries: Map<String, Value>,
    /// Notices by kind.
    pub notices: Map<String, Value>,
    /// Visitors remembered.
    pub sessions: i64,
}

impl Store {
    /// Every lane and what waits in it. Cheap: reads one index.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn lanes(&self) -> Result<Vec<LaneCounts>, StoreError> {
        self.read_log(|conn| {
            conn.prepare_cached(
                "SELECT l.id, l.site, l.destination, l.stopped_why, l.stopped_since_ms,
                   (SELECT count(*) FROM deliveries WHERE lane = l.id AND state = 0),
                   (SELECT min(due_ms) FROM deliveries WHERE lane = l.id AND state = 0),
                   l.paused_by, l.paused_since_ms
                 FROM lanes AS l ORDER BY l.site, l.destination",
            )?
            .query_map([], |r| {
                let (why, since): (Option<String>, Option<i64>) = (r.get(3)?, r.get(4)?);
                let (by, paused_ms): (Option<String>, Option<i64>) = (r.get(7)?, r.get(8)?);
                Ok(LaneCounts {
                    lane: LaneId(r.get(0)?),
                    site: r.get(1)?,
                    destination: r.get(2)?,
                    stopped: why.zip(since).map(|(why, since_ms)| Stop { why, since_ms }),
                    paused: by.map(|by| Pause { by, since_ms: paused_ms.unwrap_or_default() }),
                    waiting: r.get(5)?,
                    oldest_due_ms: r.get(6)?,
                })
            })?
            .collect()
        })
    }

    /// Whether a lane waits for a person.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn stopped(&self, lane: LaneId) -> Result<bool, StoreError> {
        self.read_log(|conn| {
            conn.prepare_cached("SELECT stopped_why IS NOT NULL FROM lanes WHERE id = ?1")?
                .query_row([lane.0], |r| r.get(0))
        })
    }

    /// Counts over the whole file.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn totals(&self) -> Result<Totals, StoreError> {
        self.read_log(|conn| {
            let grouped = |sql: &str| -> rusqlite::Result<Map<String, Value>> {
                conn.prepare_cached(sql)?
                    .query_map([], |r| Ok((r.get::<_, String>(0)?, Value::from(r.get::<_, i64>(1)?))))?
                    .collect()
            };
            Ok(Totals {
                events: conn.query_row("SELECT count(*) FROM events", [], |r| r.get(0))?,
                deliveries: grouped(
                    "SELECT CASE state WHEN 0 THEN 'waiting' WHEN 1 THEN 'delivered' WHEN 2 THEN 'skipped'
                       WHEN 3 THEN 'rejected' ELSE 'expired' END, count(*) FROM deliveries GROUP BY state",
                )?,
                notices: grouped("SELECT kind, count(*) FROM notices GROUP BY kind")?,
                sessions: conn.query_row("SELECT count(*) FROM sessions", [], |r| r.get(0))?,
            })
        })
    }

    /// The newest rows of one of the views, newest first, as JSON objects with the view's column names.
    /// `before` pages on by `seq`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn newest(&self, view: View, before: Option<i64>, limit: u32) -> Result<Vec<Value>, StoreError> {
        let sql = format!("SELECT * FROM {} WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2", view.name());
        self.read_log(|conn| rows(conn, &sql, params![before.unwrap_or(i64::MAX), limit]))
    }

    /// One event with its deliveries; `None` when it is not in the log.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn event(&self, seq: i64) -> Result<Option<Value>, StoreError> {
        self.read_log(|conn| {
            let Some(mut event) = rows(conn, "SELECT * FROM v_events WHERE seq = ?1", [seq])?.pop() else {
                return Ok(None);
            };
            event["deliveries"] =
                rows(conn, "SELECT * FROM v_deliveries WHERE event_seq = ?1", [seq])?.into();
            Ok(Some(event))
        })
    }

    /// What is remembered of a visitor, with the orders and e-mail addresses that lead there; `None` when nothing is.
    /// The network address is left out.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn visitor(&self, site: &str, visitor: &str) -> Result<Option<Value>, StoreError> {
        self.read_log(|conn| {
            let sql = "SELECT v.*, s.state FROM sessions AS s JOIN v_sessions AS v ON v.seq = s.seq
                       WHERE s.site = ?1 AND s.visitor = ?2";
            let Some(mut found) = rows(conn, sql, [site, visitor])?.pop() else { return Ok(None) };
            // Reads them all in the order they lie in: an index by visitor would cost the writer more than a person's
            // moment is worth, and the one by key leads back and forth.
            let sql =
                "SELECT kind, key, date(day * 86400, 'unixepoch') AS last_seen FROM session_links NOT INDEXED
                       WHERE site = ?1 AND visitor = ?2 ORDER BY kind, key";
            found["links"] = rows(conn, sql, [site, visitor])?.into();
            Ok(Some(found))
        })
    }
}

/// The views a person may page through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// `v_events`
    Events,
    /// `v_deliveries`
    Deliveries,
    /// `v_attempts`
    Attempts,
    /// `v_notices`
    Notices,
}

impl View {
    /// By its short name in an address.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "events" => Self::Events,
            "deliveries" => Self::Deliveries,
            "attempts" => Self::Attempts,
            "notices" => Self::Notices,
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Events => "v_events",
            Self::Deliveries => "v_deliveries",
            Self::Attempts => "v_attempts",
            Self::Notices => "v_notices",
        }
    }
}

fn rows(conn: &Connection, sql: &str, params: impl rusqlite::Params) -> rusqlite::Result<Vec<Value>> {
    let mut statement = conn.prepare_cached(sql)?;
    let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
    statement
        .query_map(params, |row| {
            let mut object = Map::new();
            for (i, name) in names.iter().enumerate() {
                object.insert(name.clone(), json_of(name, row.get_ref(i)?));
            }
            Ok(Value::Object(object))
        })?
        .collect()
}

fn json_of(column: &str, value: rusqlite::types::ValueRef<'_>) -> Value {
    use rusqlite::types::ValueRef;
    match value {
        ValueRef::Null | ValueRef::Blob(_) => Value::Null,
        ValueRef::Integer(n) => n.into(),
        ValueRef::Real(x) => x.into(),
        ValueRef::Text(text) => {
            let text = String::from_utf8_lossy(text);
            let parsed = matches!(column, "body" | "deliveries" | "state")
                .then(|| serde_json::from_str(&text).ok())
                .flatten();
            parsed.unwrap_or_else(|| text.into_owned().into())
        }
    }
}
