//! Orders that were heard of, paid or not, and how far each got.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use serde::Serialize;
use tandem_store::pages::OrderRow;

use crate::asked::Asked;
use crate::period::Scope;
use crate::session::Visitor;
use crate::shell::Entry;
use crate::{Inspector, format, read};

pub(crate) const ENTRY: Entry = Entry { path: "/orders", name: "Orders", group: "Records" };

/// Rows of a page.
const SHOWN: usize = 50;

#[derive(Serialize)]
struct Page {
    scope: Scope,
    q: String,
    rows: Vec<Row>,
    is_first: bool,
    newest: String,
    older: Option<String>,
}

#[derive(Serialize)]
struct Row {
    order_id: String,
    number: Option<String>,
    site: String,
    at_ms: i64,
    events: i64,
    value: Option<String>,
    currency: Option<String>,
    source: String,
    event_id: String,
    reached: Vec<(String, &'static str, String)>,
    /// Kind and code of the newest notice.
    notice: Option<(String, String)>,
}

impl Row {
    fn of(order: OrderRow) -> Self {
        let (source, event_id) = order.told.unwrap_or_default();
        Self {
            order_id: order.order_id,
            number: order.number,
            site: order.site,
            at_ms: order.at_ms,
            events: order.events,
            value: order.value.map(|value| format::money(&value)),
            currency: order.currency,
            source,
            event_id,
            reached: order.reached.into_iter().map(|one| (one.destination, one.state, one.code)).collect(),
            notice: order.notice.map(|notice| (notice.kind, notice.code)),
        }
    }
}

/// `1795356189120.17`: time and number of the last row shown.
fn before(asked: &Asked) -> Result<Option<(i64, i64)>, String> {
    let text = asked.get("before");
    if text.is_empty() {
        return Ok(None);
    }
    let parts = text.split_once('.').and_then(|(at, id)| Some((at.parse().ok()?, id.parse().ok()?)));
    parts.map(Some).ok_or_else(|| "“before” is what the link to older orders has.".to_owned())
}

pub(crate) async fn page(
    State(inspector): State<Arc<Inspector>>,
    Extension(visitor): Extension<Visitor>,
    uri: Uri,
) -> Response {
    let understood = Asked::read_ids(&uri, &["q", "site", "before"]).and_then(|asked| {
        let scope = Scope::read(&inspector, ENTRY.path, &asked, "90d")?;
        let before = before(&asked)?;
        Ok((asked, scope, before))
    });
    let (asked, scope, before) = match understood {
        Ok(understood) => understood,
        Err(text) => return inspector.shell.unclear(&visitor, &text),
    };
    let sites = scope.chosen().map_or_else(|| scope.sites.clone(), |site| vec![site]);
    let q = asked.get("q").to_owned();
    let wanted = q.trim_start_matches('#').to_owned();
    let found = read(&inspector, move |store| match wanted.as_str() {
        "" => store.orders_page(&sites, before, SHOWN),
        order_id => Ok((store.orders_named(&sites, order_id)?, false)),
    });
    let Some((found, has_more)) = found.await else { return inspector.shell.no_answer(&visitor) };
    let last = found.last().map(|order| format!("{}.{}", order.at_ms, order.id));
    let older = last.filter(|_| has_more).map(|last| asked.with("before", &last).address(ENTRY.path));
    let page = Page {
        scope,
        q,
        rows: found.into_iter().map(Row::of).collect(),
        is_first: asked.get("before").is_empty(),
        newest: asked.without(&["before"]).address(ENTRY.path),
        older,
    };
    inspector.shell.page(Some(&visitor), StatusCode::OK, "orders.html", ENTRY.name, &page)
}
