//! What the private API reads of what the log adds up to.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};
use tandem_store::StoreError;
use tandem_store::insight::{ObservationFilter, Search};

use super::{Unfit, answer};
use crate::Gateway;

const DAY_MS: i64 = 86_400_000;

/// Rows in one answer at most.
const MOST: usize = 1_000;

/// Terms of a search, with the names they have in the address of the page that lists events.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Terms {
    q: Option<String>,
    site: Option<String>,
    name: Option<String>,
    source: Option<String>,
    channel: Option<String>,
    finding: Option<String>,
    destination: Option<String>,
    state: Option<String>,
    code: Option<String>,
    from: Option<String>,
    to: Option<String>,
    before: Option<i64>,
    limit: Option<usize>,
}

impl Terms {
    fn search(self) -> Result<Search, Unfit> {
        // An empty field of a form asks for nothing.
        let given = |text: Option<String>| text.filter(|t| !t.trim().is_empty());
        Ok(Search {
            text: given(self.q),
            site: given(self.site),
            event_name: given(self.name),
            source: given(self.source),
            channel: given(self.channel),
            finding: given(self.finding),
            destination: given(self.destination),
            state: given(self.state),
            code: given(self.code),
            from_ms: given(self.from).map(|text| time("from", &text)).transpose()?,
            to_ms: given(self.to).map(|text| time("to", &text)).transpose()?,
            before: self.before,
            limit: self.limit.unwrap_or(100).clamp(1, MOST),
        })
    }
}

/// Unix milliseconds, a day (its beginning, UTC) or a moment as ISO 8601 writes it; without an offset it is UTC.
fn time(field: &str, text: &str) -> Result<i64, Unfit> {
    let text = text.trim();
    let moment = |text: &str| text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond);
    text.parse::<i64>()
        .ok()
        .or_else(|| moment(text))
        .or_else(|| moment(&format!("{text}Z")))
        .or_else(|| moment(&format!("{text}T00:00:00Z")))
        .ok_or_else(|| {
            Unfit(format!("{field} is no time: write 2026-05-01, 2026-05-01T12:00:00Z or Unix milliseconds"))
        })
}

pub(super) async fn search(
    State(gateway): State<Arc<Gateway>>,
    terms: Result<Query<Terms>, QueryRejection>,
) -> Result<Response, Unfit> {
    let search = terms.map_err(Unfit::why)?.0.search()?;
    Ok(answer(move || value(gateway.store.search(&search)?)).await)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Days {
    site: Option<String>,
    days: Option<i64>,
}

/// Findings of the last days, today among them.
pub(super) async fn findings(
    State(gateway): State<Arc<Gateway>>,
    asked: Result<Query<Days>, QueryRejection>,
) -> Result<Response, Unfit> {
    let Query(Days { site, days }) = asked.map_err(Unfit::why)?;
    let today = gateway.clock.now_ms().div_euclid(DAY_MS);
    let since = today - days.unwrap_or(7).clamp(1, 10_000) + 1;
    Ok(answer(move || value(gateway.store.finding_counts(site.as_deref(), since)?)).await)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WhichObservations {
    code: Option<String>,
    site: Option<String>,
    event: Option<i64>,
    before: Option<i64>,
    limit: Option<usize>,
}

pub(super) async fn observations(
    State(gateway): State<Arc<Gateway>>,
    asked: Result<Query<WhichObservations>, QueryRejection>,
) -> Result<Response, Unfit> {
    let Query(WhichObservations { code, site, event, before, limit }) = asked.map_err(Unfit::why)?;
    let limit = limit.unwrap_or(100).clamp(1, MOST);
    let filter = ObservationFilter { code, site, event_seq: event, before, limit };
    Ok(answer(move || value(gateway.store.observations(&filter)?)).await)
}

fn value(found: impl serde::Serialize) -> Result<Value, StoreError> {
    Ok(serde_json::to_value(found).unwrap_or_else(|_| json!({})))
}
