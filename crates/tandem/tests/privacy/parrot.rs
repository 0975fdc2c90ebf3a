//! A platform that refuses everything and repeats in its words all that it was sent.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::json;

type Said = Arc<Mutex<Vec<String>>>;

pub(crate) struct Parrot {
    pub(crate) address: SocketAddr,
    said: Said,
    _runtime: tokio::runtime::Runtime,
}

impl Parrot {
    pub(crate) fn open() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let said = Said::default();
        let router = Router::new().fallback(repeat).with_state(said.clone());
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { address, said, _runtime: runtime }
    }

    /// All that it ever repeated.
    pub(crate) fn said(&self) -> Vec<String> {
        self.said.lock().unwrap().clone()
    }
}

/// As Meta's errors look (developers.facebook.com, Handling Errors).
async fn repeat(State(said): State<Said>, body: String) -> (StatusCode, String) {
    said.lock().unwrap().push(body.clone());
    let error = json!({ "error": {
        "message": format!("Invalid parameter, got: {body}"), "type": "OAuthException", "code": 100,
        "error_subcode": 2_804_050, "error_user_title": "Not enough", "error_user_msg": format!("We got {body}."),
    }});
    (StatusCode::BAD_REQUEST, error.to_string())
}
