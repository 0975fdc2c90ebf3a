//! What a search finds, as a file. Rows go out as they are read, and hold nothing personal.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body::Frame;
use serde_json::json;
use tandem_core::table;
use tandem_store::Store;
use tandem_store::insight::{FoundEvent, Search};
use tokio::sync::mpsc;

use super::{PARAMETERS, filter};
use crate::asked::Asked;
use crate::session::Visitor;
use crate::{Inspector, format};

/// Rows at most.
const MAX_ROWS: usize = 10_000;

/// Rows that are read at once, and how many times, whether or not rows are found: a search that finds little must end, too.
const AT_ONCE: usize = 500;
const MAX_READS: usize = 400;

const COLUMNS: [&str; 14] = [
    "seq",
    "received_at",
    "happened_at",
    "site",
    "source",
    "channel",
    "event_name",
    "event_id",
    "order_id",
    "value",
    "currency",
    "consent",
    "findings",
    "deliveries",
];

#[derive(Clone, Copy)]
enum Form {
    Csv,
    JsonLines,
}

pub(crate) async fn csv(
    State(inspector): State<Arc<Inspector>>,
    Extension(visitor): Extension<Visitor>,
    uri: Uri,
) -> Response {
    export(&inspector, &visitor, &uri, Form::Csv)
}

pub(crate) async fn json_lines(
    State(inspector): State<Arc<Inspector>>,
    Extension(visitor): Extension<Visitor>,
    uri: Uri,
) -> Response {
    export(&inspector, &visitor, &uri, Form::JsonLines)
}

fn export(inspector: &Inspector, visitor: &Visitor, uri: &Uri, form: Form) -> Response {
    let search = match Asked::read(uri, PARAMETERS).and_then(|asked| filter(&asked)) {
        Ok(search) => search,
        Err(text) => return inspector.shell.unclear(visitor, &text),
    };
    let (kind, name) = match form {
        Form::Csv => ("text/csv; charset=utf-8", "events.csv"),
        Form::JsonLines => ("application/x-ndjson", "events.jsonl"),
    };
    let (rows, receiver) = mpsc::channel(4);
    let store = inspector.gateway.store.clone();
    // It ends by itself when whoever reads it goes away.
    tokio::task::spawn_blocking(move || write(&store, &search, form, &rows));
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    (StatusCode::OK, headers, Body::new(Rows(receiver))).into_response()
}

fn write(store: &Store, search: &Search, form: Form, rows: &mpsc::Sender<Bytes>) {
    let head = table::line(&COLUMNS.map(str::to_owned));
    if matches!(form, Form::Csv) && rows.blocking_send(head.into()).is_err() {
        return;
    }
    let (mut search, mut left) = (search.clone(), MAX_ROWS);
    for _ in 0..MAX_READS {
        search.limit = AT_ONCE.min(left);
        let page = match store.search(&search) {
            Ok(page) => page,
            Err(error) => {
                tracing::error!(%error, "an export of events ends early");
                return;
            }
        };
        left -= page.events.len();
        let text: String = page.events.iter().map(|event| row(event, form)).collect();
        if !text.is_empty() && rows.blocking_send(text.into()).is_err() {
            return;
        }
        search.before = page.next;
        if left == 0 || search.before.is_none() {
            return;
        }
    }
}

fn row(event: &FoundEvent, form: Form) -> String {
    let (received_at, happened_at) =
        (format::time(event.received_ms), format::time(event.event_time.saturating_mul(1_000)));
    let findings: Vec<&str> = event.findings.iter().map(|one| one.code.as_str()).collect();
    match form {
        Form::Csv => {
            let reached = event.deliveries.iter().map(|one| match &one.code {
                None => format!("{}:{}", one.destination, one.state),
                Some(code) => format!("{}:{}:{code}", one.destination, one.state),
            });
            table::line(&[
                event.seq.to_string(),
                received_at,
                happened_at,
                event.site.clone(),
                event.source.clone(),
                event.channel.to_owned(),
                event.event_name.clone(),
                event.event_id.clone(),
                event.order_id.clone().unwrap_or_default(),
                text(event.value),
                text(event.currency),
                event.advertising.to_owned(),
                findings.join(" "),
                reached.collect::<Vec<_>>().join(" "),
            ])
        }
        Form::JsonLines => {
            let reached = event
                .deliveries
                .iter()
                .map(|one| json!({ "destination": one.destination, "state": one.state, "code": one.code }));
            let object = json!({
                "seq": event.seq,
                "received_at": received_at,
                "happened_at": happened_at,
                "site": event.site,
                "source": event.source,
                "channel": event.channel,
                "event_name": event.event_name,
                "event_id": event.event_id,
                "order_id": event.order_id,
                "value": event.value,
                "currency": event.currency,
                "consent": event.advertising,
                "findings": findings,
                "deliveries": reached.collect::<Vec<_>>(),
            });
            format!("{object}\n")
        }
    }
}

fn text(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// Rows as they come.
struct Rows(mpsc::Receiver<Bytes>);

impl http_body::Body for Rows {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(context).map(|rows| rows.map(|rows| Ok(Frame::data(rows))))
    }
}
