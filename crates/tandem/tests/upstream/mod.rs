//! An upstream that notes what arrives, and a visitor whose every byte is ours to choose.
#![allow(dead_code)] // Every test file uses a part of it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, header};
use axum::response::{AppendHeaders, IntoResponse};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinHandle;

use crate::port::Port;

/// Where the visitor's connections come from: told apart from everything else on this machine.
pub(crate) const CLIENT: &str = "127.0.0.77";

/// What the upstream sets.
pub(crate) const COOKIES: [&str; 2] = [
    "tdv=mg3k2v1x9abc; Path=/; Max-Age=34560000; SameSite=Lax; Domain=shop.example; Secure",
    "ttclid=E.C.P.x; Path=/; Max-Age=34560000; SameSite=Lax; Domain=shop.example; Secure",
];

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) uri: String,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Seen {
    /// All values of a header.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(n, _)| n == name).map(|(_, v)| v.as_str()).collect()
    }
}

type Notes = Arc<Mutex<Vec<Seen>>>;

/// A running one.
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    notes: Notes,
    task: JoinHandle<()>,
    port: Port,
}

impl Upstream {
    pub(crate) async fn start() -> Self {
        Self::start_at(Port::keep()).await
    }

    pub(crate) async fn start_at(port: Port) -> Self {
        let address = port.address();
        let listener = TcpListener::bind(address).await.unwrap();
        let notes = Notes::default();
        let router = Router::new().fallback(note).with_state(notes.clone());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, notes, task, port }
    }

    /// Nobody listens there any more.
    pub(crate) async fn stop(self) -> Port {
        self.task.abort();
        let _ = self.task.await;
        self.port
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.notes.lock().unwrap().clone()
    }

    pub(crate) fn last(&self) -> Seen {
        self.seen().pop().expect("a request arrived")
    }

    /// The one request that arrived.
    pub(crate) fn only(&self) -> Seen {
        assert_eq!(self.seen().len(), 1);
        self.last()
    }
}

async fn note(State(notes): State<Notes>, request: Request<Body>) -> impl IntoResponse {
    let (parts, body) = request.into_parts();
    // A proxy that refuses a body half-way cuts it here.
    let body = axum::body::to_bytes(body, usize::MAX).await;
    let headers = parts.headers.iter().map(|(n, v)| (n.to_string(), v.to_str().unwrap().to_owned()));
    if let Ok(body) = body {
        let (method, uri) = (parts.method.to_string(), parts.uri.to_string());
        notes.lock().unwrap().push(Seen { method, uri, headers: headers.collect(), body: body.to_vec() });
    }
    let cookies = AppendHeaders(COOKIES.map(|cookie| (header::SET_COOKIE, cookie)));
    ([(header::CACHE_CONTROL, "no-store")], cookies, "from the gateway")
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// All values of a header.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v).collect()
    }
}

/// One request on a connection of its own, from [`CLIENT`].
pub(crate) async fn send(
    to: SocketAddr,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("{CLIENT}:0").parse().unwrap()).unwrap();
    let (mut reading, mut writing) = socket.connect(to).await.unwrap().into_split();
    let mut request = format!("{method} {target} HTTP/1.1\r\nConnection: close\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        request.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    request.push_str("\r\n");
    let mut bytes = request.into_bytes();
    bytes.extend_from_slice(body);
    // Who refuses a body answers before it is all there, and closes.
    let sent = tokio::spawn(async move {
        let _ = writing.write_all(&bytes).await;
        writing
    });
    let mut answer = Vec::new();
    let _ = reading.read_to_end(&mut answer).await;
    sent.abort();
    let text =
        answer.windows(4).position(|w| w == b"\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer:?}"));
    let (head, body) = (String::from_utf8_lossy(&answer[..text]).into_owned(), answer[text + 4..].to_vec());
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head, body }
}
