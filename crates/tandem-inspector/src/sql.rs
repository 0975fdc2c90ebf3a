//! Questions that no other page answers: one SELECT, read-only, within limits.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Serialize;
use serde_json::json;
use tandem_core::table;
use tandem_gateway::live::names_somebody;
use tandem_gateway::repeated;
use tandem_store::Keep;
use tandem_store::insight::sql::{Answer, Cell, Cut, MAX_ROWS, Refusal, Table};

use crate::Inspector;
use crate::form::Form;
use crate::format::in_address;
use crate::session::Visitor;
use crate::shell::Entry;

pub(crate) const ENTRY: Entry = Entry { path: "/sql", name: "SQL", group: "Set-up" };

/// What saved queries are kept as.
const KIND: &str = "sql";

/// Longest query, in bytes; longer ones do not fit into an address.
const MAX_QUERY: usize = 8_000;

/// Saved queries, and characters of a name.
const MAX_SAVED: usize = 100;
const MAX_NAME: usize = 60;

/// Characters of one value on the page; the CSV has all of it.
const MAX_SHOWN: usize = 2_000;

/// Columns of numbers that are a place in the log.
const EVENT_COLUMNS: [&str; 3] = ["event_seq", "other_seq", "last_seq"];

const EXAMPLES: &[(&str, &str)] = &[
    (
        "The newest deliveries that did not succeed",
        "SELECT seq, event_seq, destination, state, code, message FROM v_deliveries\nWHERE state <> 'delivered' ORDER BY seq DESC LIMIT 50",
    ),
    (
        "Calls by verdict and hour, with latency",
        "SELECT datetime(hour * 3600, 'unixepoch') AS hour, verdict, code, calls, events,\n  latency_ms_sum / calls AS average_ms, latency_ms_max\nFROM insight.calls ORDER BY insight.calls.hour DESC LIMIT 100",
    ),
    (
        "Revenue of sales by day",
        "SELECT date(day * 86400, 'unixepoch') AS day, site, currency, events, value\nFROM insight.revenue ORDER BY 1 DESC LIMIT 100",
    ),
    (
        "What was found most often this week",
        "SELECT code, severity, sum(events) AS events, max(last_seq) AS last_seq FROM insight.findings\nWHERE day > unixepoch() / 86400 - 7 GROUP BY 1, 2 ORDER BY 3 DESC",
    ),
    (
        "Rulings on consent among the newest deliveries",
        "SELECT consent, count(*) AS deliveries FROM (SELECT consent FROM deliveries ORDER BY seq DESC LIMIT 10000)\nGROUP BY 1 ORDER BY 2 DESC",
    ),
    (
        "What is known of one order",
        "SELECT event_seq, destination, state, code, message FROM v_deliveries\nWHERE event_seq IN (SELECT first_event FROM insight.orders WHERE order_id = '891')",
    ),
    (
        "Events of the last hour by source",
        "SELECT site, source, event_name, sum(events) AS events FROM insight.arrivals\nWHERE hour >= unixepoch() / 3600 - 1 GROUP BY 1, 2, 3 ORDER BY 4 DESC",
    ),
];

#[derive(Serialize)]
struct Page<'a> {
    query: &'a str,
    result: Option<Shown>,
    problem: Option<String>,
    csv: String,
    saved: Vec<Saved>,
    examples: Vec<Saved>,
    tables: Vec<Table>,
    done: Option<&'static str>,
    max_rows: usize,
}

#[derive(Serialize)]
struct Saved {
    name: String,
    sql: String,
    address: String,
}

impl Saved {
    fn of(name: &str, sql: &str) -> Self {
        let address = format!("/sql?q={}", in_address(sql));
        Self { name: name.to_owned(), sql: sql.to_owned(), address }
    }
}

#[derive(Serialize)]
struct Shown {
    columns: Vec<Column>,
    rows: Vec<Vec<Value>>,
    count: usize,
    cut: Option<Cut>,
    took_ms: u64,
}

#[derive(Serialize)]
struct Column {
    name: String,
    is_number: bool,
}

/// One value as it is shown.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Value {
    text: String,
    /// `null`, `number`, `text` or `blob`.
    kind: &'static str,
    /// Of an event.
    href: Option<String>,
}

/// `q`, and `done`: what a form did. Queries are longer than other parameters.
fn asked(uri: &Uri) -> Result<(String, Option<&'static str>), &'static str> {
    let (mut query, mut done) = (String::new(), None);
    for (name, value) in url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
        match (&*name, &*value) {
            ("q", sql) => query = sql.trim().to_owned(),
            ("done", "saved") => done = Some("Saved."),
            ("done", "deleted") => done = Some("Deleted."),
            _ => return Err("This page has “q”, a query, and nothing else."),
        }
    }
    if query.len() > MAX_QUERY {
        Err("The query is too long: 8,000 bytes are taken.")
    } else {
        Ok((query, done))
    }
}

pub(crate) async fn page(
    State(inspector): State<Arc<Inspector>>,
    Extension(visitor): Extension<Visitor>,
    uri: Uri,
) -> Response {
    match asked(&uri) {
        Ok((query, done)) => show(&inspector, &visitor, &query, done, None).await,
        Err(text) => inspector.shell.unclear(&visitor, text),
    }
}

/// A query and what it gave, as one read.
type Run = (Option<Result<Answer, Refusal>>, Vec<tandem_store::Document>, Vec<Table>);

async fn show(
    inspector: &Arc<Inspector>,
    visitor: &Visitor,
    query: &str,
    done: Option<&'static str>,
    problem: Option<String>,
) -> Response {
    let sql = query.to_owned();
    let run = problem.is_none() && !sql.is_empty();
    let read = crate::read(inspector, move |store| {
        let answer = run.then(|| store.answer_sql(&sql));
        Ok::<Run, _>((answer, store.kept(KIND)?, store.tables()?))
    });
    let Some((answer, kept, tables)) = read.await else { return inspector.shell.no_answer(visitor) };
    let (result, refused) = match answer {
        Some(Ok(answer)) => (Some(shown(answer)), None),
        Some(Err(refusal)) => (None, Some(refusal.to_string())),
        None => (None, None),
    };
    let status = if refused.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    let saved = kept.iter().filter_map(|document| {
        let body: serde_json::Value = serde_json::from_str(&document.body).ok()?;
        Some(Saved::of(&document.name, body["sql"].as_str()?))
    });
    let page = Page {
        query,
        result,
        problem: problem.or(refused),
        csv: format!("/sql.csv?q={}", in_address(query)),
        saved: saved.collect(),
        examples: EXAMPLES.iter().map(|(name, sql)| Saved::of(name, sql)).collect(),
        tables,
        done,
        max_rows: MAX_ROWS,
    };
    inspector.shell.page(Some(visitor), status, "sql.html", ENTRY.name, &page)
}

fn shown(answer: Answer) -> Shown {
    let numeric = |at: usize| {
        let mut known = answer.rows.iter().filter_map(|row| row.get(at)).filter(|cell| **cell != Cell::Null);
        known.clone().next().is_some() && known.all(|c| matches!(c, Cell::Integer(_) | Cell::Real(_)))
    };
    let columns: Vec<Column> = answer
        .columns
        .iter()
        .enumerate()
        .map(|(at, name)| Column { name: name.clone(), is_number: numeric(at) })
        .collect();
    let rows: Vec<Vec<Value>> = answer
        .rows
        .iter()
        .map(|row| row.iter().zip(&answer.columns).map(|(cell, name)| value(cell, name)).collect())
        .collect();
    Shown { count: rows.len(), rows, columns, cut: answer.cut, took_ms: answer.took_ms }
}

fn value(cell: &Cell, column: &str) -> Value {
    let of = |text: String, kind| Value { text, kind, href: None };
    match cell {
        Cell::Null => of("NULL".to_owned(), "null"),
        Cell::Integer(n) => Value {
            href: EVENT_COLUMNS.contains(&column).then(|| format!("/events/{n}")),
            ..of(n.to_string(), "number")
        },
        Cell::Real(x) => of(x.to_string(), "number"),
        Cell::Blob(bytes) => of(format!("{bytes} bytes"), "blob"),
        Cell::Text(text) => {
            let text = repeated::cut(text);
            match text.char_indices().nth(MAX_SHOWN) {
                Some((end, _)) => of(format!("{}…", text.get(..end).unwrap_or_default()), "text"),
                None => of(text, "text"),
            }
        }
    }
}

/// Saves or deletes a query.
pub(crate) async fn keep(
    State(inspector): State<Arc<Inspector>>,
    Extension(visitor): Extension<Visitor>,
    request: Request,
) -> Response {
    let form = match Form::read(&inspector, &visitor, request).await {
        Ok(form) => form,
        Err(answer) => return answer,
    };
    let (name, sql) = (form.get("name").to_owned(), form.get("q").to_owned());
    let is_name = (1..=MAX_NAME).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    if !is_name {
        let text = "Give it a name of up to 60 characters.".to_owned();
        return show(&inspector, &visitor, &sql, None, Some(text)).await;
    }
    let deletes = form.get("action") == "delete";
    let Some(kept) = crate::read(&inspector, |store| store.kept(KIND)).await else {
        return inspector.shell.no_answer(&visitor);
    };
    let is_new = !kept.iter().any(|document| document.name == name);
    let problem = match () {
        () if deletes => None,
        () if names_somebody(&name) || names_a_mail(&sql) => {
            Some("An e-mail address or a phone number stands in it, and would be kept: take it out.")
        }
        () if sql.is_empty() || sql.len() > MAX_QUERY => {
            Some("There is no query to save, or it is too long.")
        }
        () if is_new && kept.len() >= MAX_SAVED => Some("A hundred queries are saved: delete one first."),
        () => None,
    };
    if let Some(text) = problem {
        return show(&inspector, &visitor, &sql, None, Some(text.to_owned())).await;
    }
    let body = (!deletes).then(|| json!({ "sql": sql }).to_string());
    let now_ms = inspector.gateway.clock.now_ms();
    let written = inspector.gateway.store.keep(Keep::Document { kind: KIND, name, body }, now_ms).await;
    if let Err(error) = written {
        tracing::error!(%error, "a query cannot be saved");
        return inspector.shell.no_answer(&visitor);
    }
    let done = if deletes { "deleted" } else { "saved" };
    Redirect::to(&format!("/sql?q={}&done={done}", in_address(&sql))).into_response()
}

/// Operators and numbers are no phone numbers here.
fn names_a_mail(sql: &str) -> bool {
    sql.split(|c: char| c.is_whitespace() || matches!(c, '\'' | '"' | '(' | ')' | ','))
        .any(|word| word.contains('@'))
}

/// The same result as a table for spreadsheets.
pub(crate) async fn csv(
    State(inspector): State<Arc<Inspector>>,
    Extension(visitor): Extension<Visitor>,
    uri: Uri,
) -> Response {
    let query = match asked(&uri) {
        Ok((query, _)) => query,
        Err(text) => return inspector.shell.unclear(&visitor, text),
    };
    let read = crate::read(&inspector, move |store| Ok(store.answer_sql(&query)));
    match read.await {
        Some(Ok(answer)) => {
            let headers = [
                (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
                (header::CONTENT_DISPOSITION, "attachment; filename=\"tandem.csv\""),
            ];
            (headers, file(&answer)).into_response()
        }
        Some(Err(refusal)) => inspector.shell.unclear(&visitor, &refusal.to_string()),
        None => inspector.shell.no_answer(&visitor),
    }
}

/// As [`table`] writes it, every text quoted so that it is told from a number.
fn file(answer: &Answer) -> String {
    let written = |cell: &Cell| match cell {
        Cell::Null => String::new(),
        Cell::Integer(n) => n.to_string(),
        Cell::Real(x) => x.to_string(),
        Cell::Text(text) => table::quoted(&repeated::cut(text)),
        Cell::Blob(bytes) => format!("\"{bytes} bytes\""),
    };
    let mut lines = vec![answer.columns.iter().map(|name| table::quoted(name)).collect::<Vec<_>>().join(",")];
    lines.extend(answer.rows.iter().map(|row| row.iter().map(written).collect::<Vec<_>>().join(",")));
    lines.join("\r\n") + "\r\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_for_spreadsheets_runs_no_formula() {
        let answer = Answer {
            columns: vec!["a\"b".into(), "n".into()],
            rows: vec![
                vec![Cell::Text("=HYPERLINK(\"x\")".into()), Cell::Integer(-1)],
                vec![Cell::Null, Cell::Blob(3)],
            ],
            ..Answer::default()
        };
        let text = file(&answer);
        assert_eq!(text, "\"a\"\"b\",\"n\"\r\n\"'=HYPERLINK(\"\"x\"\")\",-1\r\n,\"3 bytes\"\r\n");
    }

    #[test]
    fn values_lead_to_their_event_and_long_ones_are_cut() {
        assert_eq!(value(&Cell::Integer(7), "event_seq").href.as_deref(), Some("/events/7"));
        assert_eq!(value(&Cell::Integer(7), "n").href, None);
        let long = value(&Cell::Text("é".repeat(MAX_SHOWN + 1)), "body");
        assert_eq!(long.text.chars().count(), MAX_SHOWN + 1);
        assert!(long.text.ends_with('…'));
    }

    #[test]
    fn an_address_is_read() {
        assert_eq!(
            asked(&"/sql?q=SELECT+1&done=saved".parse().unwrap()),
            Ok(("SELECT 1".into(), Some("Saved.")))
        );
        assert!(asked(&"/sql?x=1".parse().unwrap()).is_err());
        assert!(asked(&format!("/sql?q={}", "x".repeat(9_000)).parse().unwrap()).is_err());
    }
}
