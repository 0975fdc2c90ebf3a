//! One event: everything on record about it, what each destination is sent, and sending it again.

use std::sync::Arc;

use axum::Extension;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use tandem_core::diagnose::Record;
use tandem_gateway::{Gateway, why};
use tandem_store::StoreError;

use crate::Inspector;
use crate::asked::Asked;
use crate::session::Visitor;
use crate::why::no_answer;

mod again;
mod differ;
mod show;

pub(crate) use again::send;

pub(crate) async fn page(
    State(inspector): State<Arc<Inspector>>,
    Extension(visitor): Extension<Visitor>,
    seq: Result<Path<i64>, PathRejection>,
    uri: Uri,
) -> Response {
    let Ok(Path(seq)) = seq else { return not_there(&inspector, &visitor) };
    // `said`: what became of a form, see [`again::words`].
    let said = match Asked::read(&uri, &["said"]) {
        Ok(asked) => asked.get("said").to_owned(),
        Err(text) => return inspector.shell.unclear(&visitor, &text),
    };
    let gateway = inspector.gateway.clone();
    let read = tokio::task::spawn_blocking(move || gathered(&gateway, seq, &said));
    match read.await {
        Ok(Ok(Some(page))) => {
            let title = format!("Event {seq}");
            inspector.shell.page(Some(&visitor), StatusCode::OK, "event.html", &title, &page)
        }
        Ok(Ok(None)) => not_there(&inspector, &visitor),
        _ => no_answer(&inspector, &visitor),
    }
}

fn not_there(inspector: &Inspector, visitor: &Visitor) -> Response {
    let text = "There is no such event. It may be past its retention.";
    inspector.shell.problem(Some(visitor), StatusCode::NOT_FOUND, "Not found", text)
}

fn gathered(gateway: &Gateway, seq: i64, said: &str) -> Result<Option<show::Page>, StoreError> {
    let Some((story, diagnosis)) = why::ask_of(gateway, seq)? else { return Ok(None) };
    let Some(record) = story.events.iter().find(|record| record.seq == seq) else { return Ok(None) };
    let found = show::Found {
        before: gateway.store.completions(seq)?,
        same_visitor: of_visitor(gateway, record)?,
        calls: why::calls_of(gateway, seq)?,
        sent: if record.is_unreadable { Vec::new() } else { why::sent(gateway, &record.event) },
        said: again::words(said),
    };
    Ok(Some(show::page(&story, record, diagnosis, found)))
}

fn of_visitor(gateway: &Gateway, record: &Record) -> Result<Vec<tandem_store::Neighbour>, StoreError> {
    match &record.event.session_id {
        Some(visitor) => gateway.store.of_same_visitor(&record.event.site, visitor, record.seq),
        None => Ok(Vec::new()),
    }
}
