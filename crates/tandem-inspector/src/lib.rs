//! Pages for people, on the private port: what happens now, and how every destination stands.
//!
//! Everything is made here: templates, one style sheet and one script are inside the program, and pages work without the
//! script. A new page is a handler in a file of its own with its [`shell::Entry`], a template, and a line in
//! [`shell::NAVIGATION`] and in [`router`]. A page shows what is on record, which holds nothing personal.

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use secrecy::SecretString;
use tandem_gateway::Gateway;
use tandem_gateway::private::{self, Guard};
use tandem_gateway::transport::Transport;
use tokio::sync::watch;

mod alerts;
mod asked;
mod chart;
mod consent;
mod deduplication;
mod destination;
mod destinations;
mod event;
mod events;
mod explained;
mod findings;
mod form;
mod format;
mod live;
mod login;
mod orders;
mod overview;
mod period;
mod quality;
mod reconciliation;
mod session;
mod shell;
mod sites;
mod sql;
mod why;

use session::{Sessions, Visitor};
use shell::Shell;

/// Why the inspector cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// One of its own templates is broken.
    #[error("a page's template cannot be read: {0}")]
    Template(#[from] minijinja::Error),
    /// No key can be made.
    #[error("the system gives no random bytes: {0}")]
    Random(#[from] getrandom::Error),
}

/// Reads of the store are no business of the threads that serve requests. `None` when the store does not answer; the log
/// says why.
pub(crate) async fn read<T: Send + 'static>(
    inspector: &Arc<Inspector>,
    read: impl FnOnce(&tandem_store::Store) -> Result<T, tandem_store::StoreError> + Send + 'static,
) -> Option<T> {
    let store = inspector.gateway.store.clone();
    let answer = tokio::task::spawn_blocking(move || read(&store)).await;
    match answer {
        Ok(Ok(found)) => Some(found),
        Ok(Err(error)) => {
            tracing::error!(%error, "a page of the inspector cannot read the store");
            None
        }
        Err(error) => {
            tracing::error!(%error, "a page of the inspector");
            None
        }
    }
}

/// What pages tell of the program itself, and what they call platforms with.
pub struct About {
    /// The configuration file, if there is one.
    pub configuration: Option<PathBuf>,
    /// Days for which events are kept; 0 for ever.
    pub retention_days: u32,
    /// For test events.
    pub transport: Arc<dyn Transport>,
}

/// What every handler has.
pub(crate) struct Inspector {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) guard: Guard,
    pub(crate) sessions: Sessions,
    pub(crate) shell: Shell,
    pub(crate) about: About,
    /// Held by whoever sends an event again.
    pub(crate) sending: tokio::sync::Mutex<()>,
    /// Turns true when the program ends: streams end then.
    pub(crate) stop: watch::Receiver<bool>,
}

/// The pages, and the answer to whatever neither they nor the API have. To be merged beside [`private::router`].
///
/// # Errors
/// [`Error`].
pub fn router(
    gateway: Arc<Gateway>,
    token: &SecretString,
    about: About,
    stop: watch::Receiver<bool>,
) -> Result<Router, Error> {
    let inspector = Arc::new(Inspector {
        gateway,
        guard: Guard::new(token),
        sessions: Sessions::new(token)?,
        shell: Shell::new()?,
        about,
        sending: tokio::sync::Mutex::new(()),
        stop,
    });
    let guarded = Router::new()
        .route("/", get(overview::page))
        .route("/events", get(events::page))
        .route("/events.csv", get(events::csv))
        .route("/events.jsonl", get(events::json_lines))
        .route("/searches", post(events::keep))
        .route("/orders", get(orders::page))
        .route("/findings", get(findings::page))
        .route("/findings/{code}", get(findings::one))
        .route("/alerts", get(alerts::page))
        .route("/live", get(live::page))
        .route("/live/stream", get(live::stream))
        .route("/why", get(why::page))
        .route("/events/{seq}", get(event::page))
        .route("/events/{seq}/replay", post(event::send))
        .route("/reconciliation", reconciliation::routes())
        .route("/quality", get(quality::page))
        .route("/deduplication", get(deduplication::page))
        .route("/consent", get(consent::page))
        .route("/destinations", get(destinations::page))
        .route("/destinations/{lane}", get(destination::page))
        .route("/destinations/{lane}/{action}", post(destination::act))
        .route("/sites", get(sites::page))
        .route("/sql", get(sql::page).post(sql::keep))
        .route("/sql.csv", get(sql::csv))
        .route("/logout", post(login::leave))
        .layer(middleware::from_fn_with_state(inspector.clone(), let_in));
    let open = Router::new()
        .route("/login", get(login::page).post(login::enter))
        .route("/assets/{file}", get(shell::asset));
    Ok(guarded
        .merge(open)
        .fallback(missing)
        .layer(middleware::map_response(shell::with_policy))
        .with_state(inspector))
}

/// By session, or by the token itself, as programs do.
async fn let_in(State(inspector): State<Arc<Inspector>>, mut request: Request, next: Next) -> Response {
    if let Some(fits) = inspector.guard.bearer(request.headers()) {
        if !fits {
            return private::unauthorised();
        }
        request.extensions_mut().insert(Visitor::Program);
        return next.run(request).await;
    }
    let now_s = inspector.gateway.clock.now_s();
    if let Some(session) = inspector.sessions.of(request.headers(), now_s) {
        request.extensions_mut().insert(Visitor::Person(session));
        return next.run(request).await;
    }
    if !wants_page(request.headers()) {
        return private::unauthorised();
    }
    let wanted = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let wanted = if request.method() == Method::GET { wanted } else { "/" };
    let next: String = url::form_urlencoded::byte_serialize(wanted.as_bytes()).collect();
    Redirect::to(&format!("/login?next={next}")).into_response()
}

fn wants_page(headers: &HeaderMap) -> bool {
    headers
        .get(header::ACCEPT)
        .and_then(|v| v.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"))
}

async fn missing(State(inspector): State<Arc<Inspector>>, request: Request) -> Response {
    if !wants_page(request.headers()) {
        return private::not_found();
    }
    let known = inspector.sessions.of(request.headers(), inspector.gateway.clock.now_s());
    let visitor = known.map(Visitor::Person);
    let text = "There is no such page here. It may have moved, or the address is not complete.";
    inspector.shell.problem(visitor.as_ref(), StatusCode::NOT_FOUND, "Not found", text)
}
