//! The stream: server-sent events, as JSON for programs or as parts of the page.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body::Frame;
use serde_json::json;
use tandem_gateway::live::{MAX_WATCHERS, Record, Told, Watcher};
use tokio::sync::mpsc;

use super::show;
use crate::Inspector;
use crate::session::Visitor;

/// How often something is sent when nothing happens, so that nobody on the way takes the line for dead.
const BEAT: Duration = Duration::from_secs(10);

/// Parts that wait for a slow reader; then the ring waits in its place.
const AHEAD: usize = 16;

/// What is sent first: reconnect after two seconds.
const HELLO: &str = "retry: 2000\n: tandem\n\n";

pub(crate) async fn stream(
    State(inspector): State<Arc<Inspector>>,
    Extension(visitor): Extension<Visitor>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    let (filter, asked) = match super::read(&uri, &["after", "as"]) {
        Ok(read) => read,
        Err(text) => return (StatusCode::BAD_REQUEST, text).into_response(),
    };
    let resumed = headers.get("last-event-id").and_then(|v| v.to_str().ok()).map(str::to_owned);
    // A browser that comes back knows better than the address it was first given.
    let after = resumed.or(asked.some("after")).and_then(|id| id.trim().parse().ok());
    let Some(watcher) = inspector.gateway.live.watch(filter, after) else {
        let text = format!("{MAX_WATCHERS} watch already; close a page of the live view");
        return (StatusCode::SERVICE_UNAVAILABLE, text).into_response();
    };
    let (parts, body) = mpsc::channel(AHEAD);
    let feed = Feed { inspector, visitor, watcher, parts, as_html: asked.get("as") == "html" };
    tokio::spawn(feed.run());
    let mut response = Response::new(Body::new(Parts(body)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // nginx would keep it back.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// A body that ends with its sender.
struct Parts(mpsc::Receiver<Bytes>);

impl http_body::Body for Parts {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.0.poll_recv(context).map(|part| part.map(|bytes| Ok(Frame::data(bytes))))
    }
}

struct Feed {
    inspector: Arc<Inspector>,
    visitor: Visitor,
    watcher: Watcher,
    parts: mpsc::Sender<Bytes>,
    as_html: bool,
}

impl Feed {
    /// Until the reader leaves, signs out, or the program ends.
    async fn run(mut self) {
        let mut stop = self.inspector.stop.clone();
        tokio::select! {
            () = self.tell() => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }

    async fn tell(&mut self) {
        let mut part = HELLO.to_owned();
        loop {
            let left = self.parts.send(Bytes::from(part)).await.is_err();
            let now_s = self.inspector.gateway.clock.now_s();
            if left || !self.may_stay(now_s) {
                return;
            }
            self.watcher.is_there(self.inspector.gateway.clock.now_ms());
            let parts = self.parts.clone();
            part = tokio::select! {
                told = self.watcher.next() => self.written(&told),
                () = tokio::time::sleep(BEAT) => ": beat\n\n".to_owned(),
                () = parts.closed() => return,
            };
        }
    }

    fn may_stay(&self, now_s: i64) -> bool {
        match &self.visitor {
            Visitor::Person(session) => self.inspector.sessions.holds(session, now_s),
            Visitor::Program => true,
        }
    }

    fn written(&self, told: &[Told]) -> String {
        let mut text = String::new();
        for one in told {
            match one {
                Told::Record(record) => {
                    let data = self.data(record);
                    text.push_str(&format!("id: {}\nevent: record\ndata: {data}\n\n", record.id));
                }
                Told::Missed(count) => {
                    text.push_str(&format!("event: missed\ndata: {{\"count\":{count}}}\n\n"));
                }
            }
        }
        text
    }

    /// One line: JSON writes line ends as escapes.
    fn data(&self, record: &Record) -> String {
        if !self.as_html {
            return serde_json::to_string(record).unwrap_or_default();
        }
        let html = self.inspector.shell.part("record.html", &json!({ "record": show::Shown::of(record) }));
        let html = html.unwrap_or_else(|error| {
            tracing::error!(%error, "a record of the live view");
            String::new()
        });
        json!({ "id": record.id, "html": html }).to_string()
    }
}
