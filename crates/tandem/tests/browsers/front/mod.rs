//! The web server in front of everything: it plays the shop and everybody else with a page, passes requests on to the
//! gateway as a shop's proxy would, and keeps a record of every request.

mod serve;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use tokio::runtime::Runtime;

use crate::harness::until;

/// A request as it arrived, and what became of it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// Of the origin that it came to, such as `http://localhost:1234`.
    pub(crate) origin: String,
    pub(crate) method: String,
    pub(crate) path: String,
    /// What is behind the `?`.
    pub(crate) query: Option<String>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) outcome: Outcome,
}

/// What became of a request.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// Not answered yet.
    Open,
    /// The connection was dropped.
    Blocked,
    Answered(StatusCode, HeaderMap),
}

impl Seen {
    /// A header, or nothing.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn new(origin: String, head: &Parts, body: Bytes) -> Self {
        Self {
            origin,
            method: head.method.to_string(),
            path: head.uri.path().to_owned(),
            query: head.uri.query().map(str::to_owned),
            headers: head.headers.clone(),
            body,
            outcome: Outcome::Open,
        }
    }
}

/// Serves any number of origins on threads of the test process, until it is dropped.
pub(crate) struct Front {
    runtime: Runtime,
    record: Record,
}

impl Front {
    pub(crate) fn start() -> Self {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).enable_all().build().expect("a runtime for the front");
        Self { runtime, record: Record::default() }
    }

    /// A new origin `http://HOST:PORT` on a free port. Browsers take `localhost` and every name below it for this
    /// machine and for a secure context, but only Chromium and Firefox keep `Secure` cookies there.
    pub(crate) fn http(&self, host: &str) -> Origin {
        self.origin("http", host)
    }

    /// A new origin `https://HOST:PORT` with a certificate that nobody issued.
    pub(crate) fn https(&self, host: &str) -> Origin {
        self.origin("https", host)
    }

    fn origin(&self, scheme: &'static str, host: &str) -> Origin {
        let listener = self.runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0"));
        let listener = listener.expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let url = format!("{scheme}://{host}:{port}");
        let origin = Origin { url, routes: Arc::default(), record: self.record.clone() };
        self.runtime.spawn(serve::accept(listener, origin.clone()));
        origin
    }

    /// All requests so far in the order of their arrival, over all origins.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.record.all().clone()
    }

    /// Those with exactly this path.
    pub(crate) fn seen_at(&self, path: &str) -> Vec<Seen> {
        self.record.all().iter().filter(|seen| seen.path == path).cloned().collect()
    }

    /// Waits for a request that is right, and gives the first.
    pub(crate) fn wait_for(&self, what: &str, right: impl Fn(&Seen) -> bool) -> Seen {
        let mut found = None;
        until(what, || {
            found = self.record.all().iter().find(|seen| right(seen)).cloned();
            found.is_some()
        });
        found.expect("just seen")
    }
}

/// One scheme, host and port. Of the routes the longest prefix counts, and among equals the one that was set last, so a
/// test can change its mind. What has no route is not found.
#[derive(Clone)]
pub(crate) struct Origin {
    url: String,
    routes: Arc<Mutex<Vec<(String, Route)>>>,
    record: Record,
}

impl Origin {
    /// `http://localhost:1234`, or that with a path behind it.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// Answers what begins with `prefix` by what `handler` gives. The handler may block: it has a thread of its own.
    pub(crate) fn on<A: IntoResponse>(
        &self,
        prefix: &str,
        handler: impl Fn(&Seen) -> A + Send + Sync + 'static,
    ) {
        self.route(prefix, Route::Handler(Arc::new(move |seen| handler(seen).into_response())));
    }

    /// Passes what begins with `prefix` on to `upstream`, unchanged but for the headers that say where it came from:
    /// `X-Forwarded-For` is `shopper`, `X-Forwarded-Proto` this origin's scheme.
    pub(crate) fn forward(&self, prefix: &str, upstream: SocketAddr, shopper: &str) {
        self.forward_with(prefix, upstream, shopper, &[]);
    }

    /// The same with further headers, in place of what the browser may have sent under their names.
    pub(crate) fn forward_with(
        &self,
        prefix: &str,
        upstream: SocketAddr,
        shopper: &str,
        headers: &[(&'static str, &'static str)],
    ) {
        self.route(prefix, Route::Forward(upstream, shopper.to_owned(), headers.to_vec()));
    }

    /// Drops the connection at what begins with `prefix`: to the page that looks as if an ad blocker stopped it. A
    /// browser may try again by itself, so the record can have more than one such request.
    pub(crate) fn block(&self, prefix: &str) {
        self.route(prefix, Route::Block);
    }

    /// Takes back what was last said about `prefix`.
    pub(crate) fn undo(&self, prefix: &str) {
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        let last = routes.iter().rposition(|(known, _)| known == prefix).expect("a route of this prefix");
        routes.remove(last);
    }

    fn route(&self, prefix: &str, route: Route) {
        self.routes.lock().unwrap_or_else(PoisonError::into_inner).push((prefix.to_owned(), route));
    }

    fn route_of(&self, path: &str) -> Option<Route> {
        let routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        let fitting = routes.iter().filter(|(prefix, _)| path.starts_with(prefix));
        // The last of the longest.
        fitting.max_by_key(|(prefix, _)| prefix.len()).map(|(_, route)| route.clone())
    }
}

#[derive(Clone)]
enum Route {
    Handler(Arc<dyn Fn(&Seen) -> Response + Send + Sync>),
    Forward(SocketAddr, String, Vec<(&'static str, &'static str)>),
    Block,
}

#[derive(Clone, Default)]
struct Record(Arc<Mutex<Vec<Seen>>>);

impl Record {
    fn all(&self) -> MutexGuard<'_, Vec<Seen>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
