//! The private listener: health, metrics, and the API behind the commands. Everything but `/healthz` wants the token.

use std::sync::Arc;

use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tandem_store::embedded::View;
use tandem_store::{LaneId, Pause, Replay, StoreError};

use crate::{Gateway, live};

mod insight;

/// Who may use the private port: whoever knows the token.
#[derive(Clone)]
pub struct Guard {
    digest: [u8; 32],
}

impl Guard {
    /// For `server.private_token`.
    #[must_use]
    pub fn new(token: &SecretString) -> Self {
        Self { digest: Sha256::digest(token.expose_secret().as_bytes()).into() }
    }

    /// Whether this is the token. Constant time.
    #[must_use]
    pub fn fits(&self, given: &str) -> bool {
        let digest: [u8; 32] = Sha256::digest(given.as_bytes()).into();
        digest.ct_eq(&self.digest).into()
    }

    /// Whether the request carries it as `Authorization: Bearer`; `None` when it carries none.
    #[must_use]
    pub fn bearer(&self, headers: &HeaderMap) -> Option<bool> {
        let given = headers.get(header::AUTHORIZATION)?.to_str().unwrap_or_default();
        Some(self.fits(given.strip_prefix("Bearer ").unwrap_or_default()))
    }
}

/// The API, health and metrics. The pages for people are merged beside it; [`not_found`] answers what neither has.
pub fn router(gateway: Arc<Gateway>, guard: Guard) -> Router {
    let guarded = Router::new()
        .route("/metrics", get(metrics))
        .route("/api/summary", get(summary))
        .route("/api/records/{view}", get(records))
        .route("/api/events/{seq}", get(event))
        .route("/api/probes/{nonce}", get(probe))
        .route("/api/why", get(why))
        .route("/api/visitors/{site}/{visitor}", get(visitor))
        .route("/api/search", get(insight::search))
        .route("/api/findings", get(insight::findings))
        .route("/api/observations", get(insight::observations))
        .route("/api/replay", post(replay))
        .route("/api/lanes/{lane}/pause", post(pause))
        .route("/api/catch-up", post(catch_up))
        .route("/api/lanes/{lane}/resume", post(resume))
        .merge(crate::reconcile::api::routes())
        .route("/api/alerts", get(alerts))
        .route("/api/alerts/look", post(look))
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn_with_state(guard, let_in));
    Router::new().route("/healthz", get(healthz)).merge(guarded).with_state(gateway)
}

async fn let_in(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    if guard.bearer(request.headers()) == Some(true) { next.run(request).await } else { unauthorised() }
}

/// The answer where nothing is.
#[must_use]
pub fn not_found() -> Response {
    problem(StatusCode::NOT_FOUND, "not_found", "no such page")
}

/// The answer to a program without the token.
#[must_use]
pub fn unauthorised() -> Response {
    let text = "send the private token as Authorization: Bearer TOKEN";
    ([(header::WWW_AUTHENTICATE, "Bearer")], problem(StatusCode::UNAUTHORIZED, "credentials_wrong", text))
        .into_response()
}

pub(crate) fn problem(status: StatusCode, code: &str, message: &str) -> Response {
    (status, Json(json!({ "error": { "code": code, "message": message } }))).into_response()
}

async fn wrong_method() -> Response {
    let text = "GET reads; what changes or begins something wants POST (docs/operating.md)";
    problem(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", text)
}

/// A request whose address, query or body cannot be read.
pub(crate) struct Unfit(String);

impl Unfit {
    pub(crate) fn why(rejection: impl std::fmt::Display) -> Self {
        let text = rejection.to_string();
        // The rejection may quote what it cannot read.
        if live::names_somebody(&text) { Self("the request cannot be read".to_owned()) } else { Self(text) }
    }
}

impl IntoResponse for Unfit {
    fn into_response(self) -> Response {
        problem(StatusCode::BAD_REQUEST, "request_invalid", &self.0)
    }
}

pub(crate) fn store_problem(error: &StoreError) -> Response {
    problem(StatusCode::SERVICE_UNAVAILABLE, "store_unavailable", &error.to_string())
}

/// 200 while events can be taken, 503 when the disk cannot be written.
async fn healthz(State(gateway): State<Arc<Gateway>>) -> Response {
    if gateway.store.writable() {
        return Json(json!({ "status": "ok" })).into_response();
    }
    problem(StatusCode::SERVICE_UNAVAILABLE, "disk_full", "the last write failed: is the disk full?")
}

async fn metrics(State(gateway): State<Arc<Gateway>>) -> Response {
    let text = blocking(move || gateway.metrics.text(&gateway.store, gateway.clock.now_ms())).await;
    ([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text)
        .into_response()
}

/// Reads take a file lock and a moment: they do not belong on the threads that serve requests.
async fn blocking<T: Default + Send + 'static>(read: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(read).await.unwrap_or_default()
}

async fn answer(read: impl FnOnce() -> Result<Value, StoreError> + Send + 'static) -> Response {
    match tokio::task::spawn_blocking(read).await {
        Ok(Ok(Value::Null)) => {
            problem(StatusCode::NOT_FOUND, "not_found", "no such record; it may be past its retention")
        }
        Ok(Ok(value)) => Json(value).into_response(),
        Ok(Err(error)) => store_problem(&error),
        Err(_) => problem(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the query failed"),
    }
}

async fn summary(State(gateway): State<Arc<Gateway>>) -> Response {
    answer(move || {
        let (totals, lanes) = (gateway.store.totals()?, gateway.store.lanes()?);
        Ok(json!({ "totals": totals, "lanes": lanes, "writable": gateway.store.writable() }))
    })
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Paging {
    before: Option<i64>,
    limit: Option<u32>,
}

async fn records(
    State(gateway): State<Arc<Gateway>>,
    view: Result<Path<String>, PathRejection>,
    paging: Result<Query<Paging>, QueryRejection>,
) -> Result<Response, Unfit> {
    let Path(view) = view.map_err(Unfit::why)?;
    let Query(paging) = paging.map_err(Unfit::why)?;
    let Some(view) = View::named(&view) else {
        let text = "records are events, deliveries, attempts, notices";
        return Ok(problem(StatusCode::NOT_FOUND, "not_found", text));
    };
    let limit = paging.limit.unwrap_or(100).clamp(1, 1_000);
    Ok(answer(move || Ok(Value::from(gateway.store.newest(view, paging.before, limit)?))).await)
}

async fn event(
    State(gateway): State<Arc<Gateway>>,
    seq: Result<Path<i64>, PathRejection>,
) -> Result<Response, Unfit> {
    let Path(seq) = seq.map_err(Unfit::why)?;
    Ok(answer(move || Ok(gateway.store.event(seq)?.unwrap_or_default())).await)
}

/// How everything that is watched stands.
async fn alerts(State(gateway): State<Arc<Gateway>>) -> Response {
    Json(json!({ "alerts": gateway.alerts.standing(), "recent": gateway.alerts.recent() })).into_response()
}

/// Looks now instead of within half a minute, and tells what was found.
async fn look(State(gateway): State<Arc<Gateway>>) -> Response {
    gateway.alerts.look(&gateway, true).await;
    alerts(State(gateway)).await
}

/// What arrived of a probe of `tandem doctor`.
async fn probe(
    State(gateway): State<Arc<Gateway>>,
    nonce: Result<Path<String>, PathRejection>,
) -> Result<Response, Unfit> {
    let Path(nonce) = nonce.map_err(Unfit::why)?;
    Ok(match gateway.probes.find(&nonce) {
        Some(probe) => Json(probe).into_response(),
        None => problem(StatusCode::NOT_FOUND, "not_found", "no such probe arrived, or others came after it"),
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    q: String,
    site: Option<String>,
}

/// Why an event or order did not count.
async fn why(
    State(gateway): State<Arc<Gateway>>,
    question: Result<Query<Question>, QueryRejection>,
) -> Result<Response, Unfit> {
    let Query(Question { q, site }) = question.map_err(Unfit::why)?;
    if q.trim().is_empty() {
        return Err(Unfit("q is empty: give an event id or an order id".to_owned()));
    }
    if live::names_somebody(&q) {
        return Err(Unfit(
            "q has an e-mail address or a phone number in it, and no id has: give an event id or an order id"
                .to_owned(),
        ));
    }
    let site = site.filter(|site| !site.is_empty());
    Ok(answer(move || Ok(json!(crate::why::ask(&gateway, &q, site.as_deref())?))).await)
}

/// What is remembered of a visitor.
async fn visitor(
    State(gateway): State<Arc<Gateway>>,
    names: Result<Path<(String, String)>, PathRejection>,
) -> Result<Response, Unfit> {
    let Path((site, visitor)) = names.map_err(Unfit::why)?;
    Ok(answer(move || Ok(gateway.store.visitor(&site, &visitor)?.unwrap_or_default())).await)
}

/// What to send again.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplayRequest {
    /// Unix milliseconds.
    pub since_ms: i64,
    /// Only this event.
    #[serde(default)]
    pub event_id: Option<String>,
    /// Only this destination, for all sites unless `site` is given.
    #[serde(default)]
    pub destination: Option<String>,
    /// Only this site.
    #[serde(default)]
    pub site: Option<String>,
    /// Also what was delivered before.
    #[serde(default)]
    pub delivered_too: bool,
}

impl ReplayRequest {
    /// The store's terms, with the lanes that match.
    #[must_use]
    pub fn resolve(self, lanes: &[tandem_store::embedded::LaneCounts]) -> Replay {
        let fits = |wanted: &Option<String>, have: &str| wanted.as_deref().is_none_or(|w| w == have);
        let lanes =
            lanes.iter().filter(|l| fits(&self.destination, &l.destination) && fits(&self.site, &l.site));
        Replay {
            since_ms: self.since_ms,
            lanes: lanes.map(|l| l.lane).collect(),
            event_id: self.event_id,
            event_seq: None,
            delivered_too: self.delivered_too,
        }
    }
}

async fn replay(
    State(gateway): State<Arc<Gateway>>,
    request: Result<Json<ReplayRequest>, JsonRejection>,
) -> Result<Response, Unfit> {
    let Json(request) = request.map_err(Unfit::why)?;
    let lanes = match gateway.store.lanes() {
        Ok(lanes) => lanes,
        Err(error) => return Ok(store_problem(&error)),
    };
    let replay = request.resolve(&lanes);
    if replay.lanes.is_empty() {
        let text = "no site has such a destination";
        return Ok(problem(StatusCode::NOT_FOUND, "no_such_destination", text));
    }
    Ok(match gateway.store.replay(replay, gateway.clock.now_ms()).await {
        Ok(count) => Json(json!({ "deliveries": count })).into_response(),
        Err(error) => store_problem(&error),
    })
}

/// Comes back when what is worked out from the log has everything that is in it now.
async fn catch_up(State(gateway): State<Arc<Gateway>>) -> Response {
    match gateway.store.catch_up().await {
        Ok(()) => Json(json!({ "behind": gateway.store.insight_behind() })).into_response(),
        Err(error) => store_problem(&error),
    }
}

/// Who pauses a destination.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct PauseRequest {
    /// A name, for whoever finds it paused.
    #[serde(default)]
    by: Option<String>,
}

/// Keeps a destination from sending until somebody resumes it.
async fn pause(
    State(gateway): State<Arc<Gateway>>,
    lane: Result<Path<u32>, PathRejection>,
    request: Result<Option<Json<PauseRequest>>, JsonRejection>,
) -> Result<Response, Unfit> {
    let Path(lane) = lane.map_err(Unfit::why)?;
    let by = request.map_err(Unfit::why)?.and_then(|Json(request)| request.by);
    let by = by.as_deref().and_then(pausing_name).unwrap_or_else(|| "a program".to_owned());
    Ok(match gateway.pause(LaneId(lane), by).await {
        Some(Ok(())) => Json(json!({ "status": "paused" })).into_response(),
        Some(Err(error)) => store_problem(&error),
        None => no_such_lane(),
    })
}

/// Lets a stopped or paused destination try again at once.
async fn resume(
    State(gateway): State<Arc<Gateway>>,
    lane: Result<Path<u32>, PathRejection>,
) -> Result<Response, Unfit> {
    let Path(lane) = lane.map_err(Unfit::why)?;
    Ok(match gateway.resume(LaneId(lane)).await {
        Some(Ok(())) => Json(json!({ "status": "resumed" })).into_response(),
        Some(Err(error)) => store_problem(&error),
        None => no_such_lane(),
    })
}

fn no_such_lane() -> Response {
    problem(StatusCode::NOT_FOUND, "no_such_destination", "no destination has this lane's number")
}

/// A name as it goes on record: one line, not longer than a name is.
#[must_use]
pub fn pausing_name(given: &str) -> Option<String> {
    let plain: String = given.trim().chars().filter(|c| !c.is_control()).take(60).collect();
    Some(plain).filter(|name| !name.is_empty())
}

impl Gateway {
    /// Keeps a destination from sending until somebody resumes it; `None` when no destination has this lane.
    pub async fn pause(&self, lane: LaneId, by: String) -> Option<Result<(), StoreError>> {
        let set_up = self.lane(lane)?;
        let name = set_up.destination.definition().name;
        tracing::warn!(site = set_up.site, destination = name, by, "destination paused, events wait");
        let pause = Pause { by, since_ms: self.clock.now_ms() };
        Some(self.store.set_pause(lane, Some(pause)).await)
    }

    /// Lifts a pause and a stop: the destination tries at once. `None` when no destination has this lane.
    pub async fn resume(&self, lane: LaneId) -> Option<Result<(), StoreError>> {
        self.lane(lane)?;
        Some(match self.store.set_stop(lane, None).await {
            Ok(()) => self.store.set_pause(lane, None).await,
            failed => failed,
        })
    }
}
