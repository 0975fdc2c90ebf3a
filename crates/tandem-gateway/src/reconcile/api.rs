//! Reconciliation over the private API.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde::Serialize;

use super::{Error, MAX_LIST, Reading};
use crate::Gateway;
use crate::private::{Unfit, problem, store_problem};

pub(crate) fn routes() -> Router<Arc<Gateway>> {
    Router::new()
        .route("/api/reconcile", get(report))
        .route("/api/reconcile/fetch", post(fetch))
        .route("/api/import/orders", post(orders))
        .route("/api/import/platform", post(platform))
        .layer(DefaultBodyLimit::max(MAX_LIST))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    site: String,
    days: Option<u32>,
    destination: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    site: String,
    #[serde(default)]
    destination: String,
    date_format: Option<String>,
    decimal: Option<String>,
    columns: Option<String>,
    event: Option<String>,
}

impl List {
    fn reading(&self) -> Reading {
        Reading {
            date_format: self.date_format.clone(),
            decimal: self.decimal.clone(),
            columns: self.columns.clone(),
            event: self.event.clone(),
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let text = self.to_string();
        match &self {
            Self::Import(_) | Self::Option(_) => problem(StatusCode::BAD_REQUEST, "import_unreadable", &text),
            Self::NoSite => problem(StatusCode::NOT_FOUND, "unknown_site", &text),
            Self::NoDestination => problem(StatusCode::NOT_FOUND, "no_such_destination", &text),
            Self::Store(error) => store_problem(error),
            Self::Cut => problem(StatusCode::INTERNAL_SERVER_ERROR, "internal", &text),
        }
    }
}

fn told<T: Serialize>(result: Result<T, Error>) -> Response {
    match result {
        Ok(value) => Json(value).into_response(),
        Err(error) => error.into_response(),
    }
}

async fn report(
    State(gateway): State<Arc<Gateway>>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Unfit> {
    let Query(asked) = asked.map_err(Unfit::why)?;
    Ok(told(gateway.reconcile(&asked.site, asked.days, asked.destination.as_deref()).await))
}

async fn fetch(
    State(gateway): State<Arc<Gateway>>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Unfit> {
    let Query(asked) = asked.map_err(Unfit::why)?;
    Ok(told(gateway.fetch_counts(&asked.site, asked.days).await))
}

async fn orders(
    State(gateway): State<Arc<Gateway>>,
    list: Result<Query<List>, QueryRejection>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Unfit> {
    let (Query(list), body) = (list.map_err(Unfit::why)?, body.map_err(Unfit::why)?);
    Ok(told(gateway.import_orders(&list.site, body.into(), &list.reading()).await))
}

async fn platform(
    State(gateway): State<Arc<Gateway>>,
    list: Result<Query<List>, QueryRejection>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Unfit> {
    let (Query(list), body) = (list.map_err(Unfit::why)?, body.map_err(Unfit::why)?);
    Ok(told(gateway.import_platform(&list.site, &list.destination, body.into(), &list.reading()).await))
}
