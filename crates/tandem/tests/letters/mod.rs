//! Where notices arrive: a webhook, a mail server, and somebody who never answers.
#![allow(dead_code, reason = "each test binary uses a part")]

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use serde_json::Value;

pub(crate) mod mail;

pub(crate) use mail::{Mail, MailServer};

/// A request to a webhook.
#[derive(Debug, Clone)]
pub(crate) struct Posted {
    pub(crate) path: String,
    pub(crate) signature: Option<String>,
    pub(crate) bytes: Vec<u8>,
    /// What it was answered with.
    pub(crate) status: u16,
}

impl Posted {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.bytes.clone()).unwrap()
    }
}

/// A web server that notes what is posted to it.
pub(crate) struct Webhook {
    pub(crate) address: SocketAddr,
    state: Arc<Desk>,
    _runtime: tokio::runtime::Runtime,
}

struct Desk {
    status: AtomicU16,
    posted: Mutex<Vec<Posted>>,
}

impl Webhook {
    /// One that answers with this status.
    pub(crate) fn answering(status: u16) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let state = Arc::new(Desk { status: AtomicU16::new(status), posted: Mutex::default() });
        let router = Router::new().fallback(take).with_state(state.clone());
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { address, state, _runtime: runtime }
    }

    pub(crate) fn answer_with(&self, status: u16) {
        self.state.status.store(status, Ordering::SeqCst);
    }

    pub(crate) fn posted(&self) -> Vec<Posted> {
        self.state.posted.lock().unwrap().clone()
    }

    /// Those that were answered with 200.
    pub(crate) fn taken(&self) -> Vec<Posted> {
        self.posted().into_iter().filter(|posted| posted.status == 200).collect()
    }
}

async fn take(State(desk): State<Arc<Desk>>, uri: Uri, headers: HeaderMap, body: Bytes) -> StatusCode {
    let signature = headers.get("x-tandem-signature").map(|value| value.to_str().unwrap().to_owned());
    let status = desk.status.load(Ordering::SeqCst);
    let posted = Posted { path: uri.path().to_owned(), signature, bytes: body.to_vec(), status };
    desk.posted.lock().unwrap().push(posted);
    StatusCode::from_u16(status).unwrap()
}

/// A web server that says yes at once, and never sends the body that it promises.
pub(crate) struct Stalling {
    pub(crate) address: SocketAddr,
}

impl Stalling {
    pub(crate) fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let mut open = Vec::new();
            for mut stream in listener.incoming().map_while(Result::ok) {
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
                open.push(stream);
            }
        });
        Self { address }
    }
}

/// Takes connections and never says a word.
pub(crate) struct Silent(TcpListener);

impl Silent {
    pub(crate) fn open() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }
}
