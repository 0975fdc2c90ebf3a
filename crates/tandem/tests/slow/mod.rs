//! A platform like TikTok that takes its time: no call is answered before it is told to.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use tokio::sync::Semaphore;

pub(crate) struct Slow {
    address: SocketAddr,
    desk: Arc<Desk>,
    _runtime: tokio::runtime::Runtime,
}

struct Desk {
    /// The token that is not taken.
    stale: &'static str,
    /// Calls that come in from now on are taken with any token.
    mended: AtomicBool,
    calls: AtomicUsize,
    may_answer: Semaphore,
}

impl Slow {
    pub(crate) fn open(stale: &'static str) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (calls, may_answer) = (AtomicUsize::new(0), Semaphore::new(0));
        let desk = Arc::new(Desk { stale, mended: AtomicBool::new(false), calls, may_answer });
        let router = Router::new().fallback(answer).with_state(desk.clone());
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { address, desk, _runtime: runtime }
    }

    pub(crate) fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Calls that came in, answered or not.
    pub(crate) fn calls(&self) -> usize {
        self.desk.calls.load(Ordering::SeqCst)
    }

    /// One call is answered.
    pub(crate) fn answer_one(&self) {
        self.desk.may_answer.add_permits(1);
    }

    /// Calls that come in from now on are taken; those that wait for their answer are not.
    pub(crate) fn mend(&self) {
        self.desk.mended.store(true, Ordering::SeqCst);
    }

    /// From now on everybody is answered.
    pub(crate) fn answer(&self) {
        self.desk.may_answer.add_permits(1_000);
    }
}

async fn answer(State(desk): State<Arc<Desk>>, headers: HeaderMap, _body: String) -> &'static str {
    let mended = desk.mended.load(Ordering::SeqCst);
    desk.calls.fetch_add(1, Ordering::SeqCst);
    if let Ok(turn) = desk.may_answer.acquire().await {
        turn.forget();
    }
    match headers.get("access-token") {
        Some(token) if token == desk.stale && !mended => r#"{"code":40105,"message":"the token is wrong"}"#,
        _ => r#"{"code":0,"message":"OK"}"#,
    }
}
