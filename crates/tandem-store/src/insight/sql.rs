//! Queries that a person writes: a connection of their own that can only read, and limits that no query gets around.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode};
use serde::Serialize;

use crate::Store;
use crate::embedded::open_reader_with_insight;

/// Rows of one result at most.
pub const MAX_ROWS: usize = 1_000;

/// Bytes of text in one result at most.
pub const MAX_TEXT: usize = 1 << 20;

/// How long a query may take.
pub const PATIENCE: Duration = Duration::from_secs(2);

/// Bytes of any one value, also of those in between: room for an event (a request has a mebibyte at most), and no more. A
/// query can name as many large values as it has room for, and each is in memory.
const MAX_VALUE: i32 = 5 << 18;

/// Bytes of a query.
const MAX_SQL: i32 = 10_000;

/// Patterns of LIKE and GLOB are worked off in one step, which nothing interrupts; long ones can take minutes.
const MAX_PATTERN: i32 = 100;

/// Steps of the machine between two looks at the clock.
const STEPS: i32 = 1_000;

/// One query at a time: a large sort takes memory and a temporary file, and two people take no more of them than one.
static TURN: Mutex<()> = Mutex::new(());

/// Columns that hold full network addresses: they read as empty.
const HIDDEN: [(&str, &str); 2] = [("addresses", "ip"), ("sessions", "ip")];

/// Ways to join that compare columns without asking whether they may be read, so that a guess at an address could be tried.
const UNASKED: [&str; 2] = ["using", "natural"];

/// Functions that reach beyond the tables, or take minutes in one step.
const HARMFUL: [&str; 8] = [
    "load_extension",
    "fts3_tokenizer",
    "readfile",
    "writefile",
    "edit",
    "randomblob",
    "unhex",
    "json_patch",
];

/// Pragmas that only tell what the tables are like.
const PRAGMAS: [&str; 6] =
    ["table_info", "table_xinfo", "table_list", "index_list", "index_info", "index_xinfo"];

/// What a query gave.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Answer {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Vec<Vec<Cell>>,
    /// Why there are not more, if there may be.
    pub cut: Option<Cut>,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// Why a result is not whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cut {
    /// More than [`MAX_ROWS`].
    Rows,
    /// More than [`MAX_TEXT`].
    Text,
}

/// One value.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "value")]
pub enum Cell {
    /// Nothing.
    Null,
    /// A whole number.
    Integer(i64),
    /// A number.
    Real(f64),
    /// A text.
    Text(String),
    /// So many bytes that are no text.
    Blob(usize),
}

/// Why a query gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// In the database's own words.
    #[error("{0}")]
    Database(String),
    /// It would do something else than read.
    #[error("this page only reads: one SELECT, with what the tables hold ({0})")]
    NotAllowed(String),
    /// It took too long.
    #[error("the query was ended after {} seconds: ask for less, e.g. the newest rows by seq", PATIENCE.as_secs())]
    TooLong,
    /// More than one statement, or none.
    #[error("write one statement")]
    NotOne,
}

/// A table or view that can be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Table {
    /// As it is written in a query.
    pub name: String,
    /// `view` or `table`.
    pub kind: String,
    /// Names of its columns.
    pub columns: Vec<String>,
}

impl Store {
    /// Answers a query that a person wrote. It can read what the tables hold, but no full network address; it cannot write,
    /// attach or load anything, and is ended when it takes longer than [`PATIENCE`].
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn answer_sql(&self, sql: &str) -> Result<Answer, Refusal> {
        if tries_guesses(sql) {
            let text = "write JOIN … ON instead of USING or NATURAL where addresses or sessions are read";
            return Err(Refusal::NotAllowed(text.to_owned()));
        }
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let conn = guarded(self.path(), PATIENCE)?;
        answer(&conn, sql)
    }

    /// What can be asked: views first, then the tables of the log, then those of the insight file.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub fn tables(&self) -> Result<Vec<Table>, crate::StoreError> {
        self.read(|conn| {
            let mut names = conn.prepare_cached(
                "SELECT '', name, type FROM main.sqlite_schema WHERE type IN ('table', 'view')
                 UNION ALL SELECT 'insight.', name, type FROM insight.sqlite_schema WHERE type IN ('table', 'view')
                 ORDER BY 1, 3 DESC, 2",
            )?;
            let mut columns = conn.prepare_cached("SELECT name FROM pragma_table_info(?1, ?2)")?;
            let mut all = Vec::new();
            let mut rows = names.query([])?;
            while let Some(r) = rows.next()? {
                let (schema, name): (String, String) = (r.get(0)?, r.get(1)?);
                let own = if schema.is_empty() { "main" } else { "insight" };
                let columns = columns.query_map([name.as_str(), own], |r| r.get(0))?;
                let columns = columns.collect::<rusqlite::Result<_>>()?;
                all.push(Table { name: schema + &name, kind: r.get(2)?, columns });
            }
            Ok(all)
        })
    }
}

/// A connection that can only read, and ends what takes longer.
fn guarded(log: &Path, patience: Duration) -> Result<Connection, Refusal> {
    let insight = super::path_of(log);
    let set_up = || {
        let mut conn = open_reader_with_insight(log, &insight)?;
        conn.pragma_update(None, "query_only", true)?;
        conn.set_limit(Limit::SQLITE_LIMIT_LENGTH, MAX_VALUE)?;
        conn.set_limit(Limit::SQLITE_LIMIT_SQL_LENGTH, MAX_SQL)?;
        conn.set_limit(Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, MAX_PATTERN)?;
        conn.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 1)?;
        conn.set_limit(Limit::SQLITE_LIMIT_WORKER_THREADS, 0)?;
        super::sql_tame::functions(&conn, MAX_VALUE.unsigned_abs() as usize)?;
        let end = Instant::now() + patience;
        conn.progress_handler(STEPS, Some(move || Instant::now() >= end))?;
        conn.authorizer(Some(judge))?;
        Ok(conn)
    };
    set_up().map_err(|error: rusqlite::Error| Refusal::Database(error.to_string()))
}

/// Whether a hidden column may be compared by a join that names none. Words in names and texts count, too: neither can be
/// written so that it is not seen here.
fn tries_guesses(sql: &str) -> bool {
    let sql = sql.to_ascii_lowercase();
    UNASKED.iter().any(|join| sql.contains(join)) && HIDDEN.iter().any(|(table, _)| sql.contains(table))
}

/// Reading is allowed and nothing else.
fn judge(context: AuthContext<'_>) -> Authorization {
    match context.action {
        AuthAction::Select | AuthAction::Recursive => Authorization::Allow,
        AuthAction::Read { table_name, column_name } => {
            let is = |(table, column): &(&str, &str)| {
                table_name.eq_ignore_ascii_case(table) && column_name.eq_ignore_ascii_case(column)
            };
            match HIDDEN.iter().any(is) {
                true => Authorization::Ignore,
                // They show pages of the file as they are.
                false if table_name.starts_with("sqlite_db") || table_name == "dbstat" => Authorization::Deny,
                false => Authorization::Allow,
            }
        }
        AuthAction::Function { function_name } => {
            if HARMFUL.contains(&function_name) {
                Authorization::Deny
            } else {
                Authorization::Allow
            }
        }
        AuthAction::Pragma { pragma_name, .. } if PRAGMAS.contains(&pragma_name) => Authorization::Allow,
        _ => Authorization::Deny,
    }
}

fn answer(conn: &Connection, sql: &str) -> Result<Answer, Refusal> {
    let began = Instant::now();
    let mut statement = conn.prepare(sql).map_err(refusal)?;
    if !statement.readonly() {
        return Err(Refusal::NotAllowed("it writes".to_owned()));
    }
    let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
    if columns.is_empty() {
        return Err(Refusal::NotOne);
    }
    let mut answer = Answer { columns, ..Answer::default() };
    let mut room = MAX_TEXT;
    let mut rows = statement.query([]).map_err(refusal)?;
    while let Some(row) = rows.next().map_err(refusal)? {
        if answer.rows.len() == MAX_ROWS {
            answer.cut = Some(Cut::Rows);
            break;
        }
        let mut cells = Vec::with_capacity(answer.columns.len());
        for at in 0..answer.columns.len() {
            cells.push(cell(row.get_ref(at).map_err(refusal)?, &mut room));
        }
        answer.rows.push(cells);
        if room == 0 {
            answer.cut = Some(Cut::Text);
            break;
        }
    }
    answer.took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(answer)
}

/// A value, and less room for the next.
fn cell(value: ValueRef<'_>, room: &mut usize) -> Cell {
    let cell = match value {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(n) => Cell::Integer(n),
        ValueRef::Real(x) => Cell::Real(x),
        ValueRef::Blob(bytes) => Cell::Blob(bytes.len()),
        ValueRef::Text(text) => {
            let mut text = String::from_utf8_lossy(text).into_owned();
            text.truncate(text.floor_char_boundary(*room));
            Cell::Text(text)
        }
    };
    let size = match &cell {
        Cell::Text(text) => text.len(),
        _ => size_of::<Cell>(),
    };
    *room = room.saturating_sub(size);
    cell
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn refusal(error: rusqlite::Error) -> Refusal {
    match &error {
        rusqlite::Error::MultipleStatement | rusqlite::Error::InvalidQuery => Refusal::NotOne,
        _ => match error.sqlite_error_code() {
            Some(ErrorCode::OperationInterrupted) => Refusal::TooLong,
            Some(ErrorCode::AuthorizationForStatementDenied | ErrorCode::ReadOnly) => {
                Refusal::NotAllowed(words(&error))
            }
            _ => Refusal::Database(words(&error)),
        },
    }
}

/// What SQLite says, without the statement, which the person has before him.
fn words(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        rusqlite::Error::SqliteFailure(_, Some(text)) => text.clone(),
        other => other.to_string(),
    }
}
