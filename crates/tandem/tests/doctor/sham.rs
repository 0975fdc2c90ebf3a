//! A shop's web server with bad habits to choose from, on threads of the test process.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::request::Parts as RequestParts;
use axum::http::{HeaderName, HeaderValue, Request, Response, StatusCode};

use crate::bed::PAGE;
use crate::harness::{Client, Gateway};

/// Headers of a request or an answer, and an answer's status.
pub(crate) struct Parts {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
}

impl Parts {
    pub(crate) fn all(&self, name: &str) -> Vec<String> {
        self.headers.iter().filter(|(n, _)| n == name).map(|(_, v)| v.clone()).collect()
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.headers.retain(|(n, _)| n != name);
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.remove(name);
        self.headers.push((name.to_owned(), value.to_owned()));
    }
}

/// Its habits; by default the good ones.
#[derive(Clone)]
pub(crate) struct Web {
    /// Which paths it passes on.
    pub(crate) passes: fn(&str) -> bool,
    /// What it does to requests it passes on.
    pub(crate) request: fn(&mut Parts),
    /// What it does to the gateway's answers.
    pub(crate) of_gateway: fn(&mut Parts),
    /// What it does to the shop's own answers.
    pub(crate) of_shop: fn(&mut Parts),
    /// The shop's one page.
    pub(crate) page: String,
}

impl Default for Web {
    fn default() -> Self {
        Self {
            passes: |path| ["/x7k2/", "/webhooks/", "/plugin/"].iter().any(|own| path.starts_with(own)),
            request: |request| {
                request.set("x-forwarded-for", "127.0.0.1");
                let cookies = request.all("cookie").join("; ");
                let own = cookies.split("; ").find(|cookie| cookie.starts_with("tdv=")).map(str::to_owned);
                request.remove("cookie");
                if let Some(own) = own {
                    request.set("cookie", &own);
                }
            },
            of_gateway: |_| {},
            of_shop: |_| {},
            page: PAGE.to_owned(),
        }
    }
}

/// A running one.
pub(crate) struct Sham {
    pub(crate) address: SocketAddr,
    _runtime: tokio::runtime::Runtime,
}

impl Sham {
    pub(crate) fn start(gateway: &Gateway, web: Web) -> Self {
        Self::start_before(gateway.public, web)
    }

    /// In front of another listener.
    pub(crate) fn start_before(upstream: SocketAddr, web: Web) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(answer).with_state(Arc::new((upstream, web)));
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { address, _runtime: runtime }
    }
}

async fn answer(State(state): State<Arc<(SocketAddr, Web)>>, request: Request<Body>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    tokio::task::spawn_blocking(move || serve(state.0, &state.1, &head, &body)).await.unwrap()
}

fn serve(upstream: SocketAddr, web: &Web, head: &RequestParts, body: &Bytes) -> Response<Body> {
    if !(web.passes)(head.uri.path()) {
        let headers = vec![("content-type".to_owned(), "text/html; charset=utf-8".to_owned())];
        let mut parts = Parts { status: 200, headers };
        (web.of_shop)(&mut parts);
        return response(parts, web.page.clone().into_bytes());
    }
    let of_connection = ["host", "connection", "content-length", "accept-encoding"];
    let headers = head.headers.iter().map(|(n, v)| (n.to_string(), v.to_str().unwrap().to_owned()));
    let headers = headers.filter(|(n, _)| !of_connection.contains(&n.as_str())).collect();
    let mut request = Parts { status: 0, headers };
    (web.request)(&mut request);
    let pairs: Vec<(&str, &str)> = request.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let target = head.uri.path_and_query().unwrap().as_str();
    let Ok(answer) = Client::new(upstream).call(head.method.as_str(), target, &pairs, body) else {
        return response(Parts { status: 502, headers: vec![] }, b"bad gateway".to_vec());
    };
    let lines = answer.head.lines().skip(1).filter_map(|line| line.split_once(": "));
    let headers = lines.map(|(n, v)| (n.to_ascii_lowercase(), v.to_owned()));
    let headers = headers.filter(|(n, _)| n != "content-length" && n != "date").collect();
    let mut parts = Parts { status: answer.status, headers };
    (web.of_gateway)(&mut parts);
    response(parts, answer.body)
}

fn response(parts: Parts, body: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(parts.status).unwrap();
    for (name, value) in parts.headers {
        let (name, value) = (name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(&value).unwrap());
        response.headers_mut().append(name, value);
    }
    response
}
