//! The tag's path, handed on to the gateway: what `location /x7k2/ { proxy_pass …; }` is in a web server.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;
use tower::ServiceExt;

use super::{Shop, VISITOR_ADDRESS};

/// What the gateway reads; nothing else of the visitor's leaves the shop.
static HANDED_ON: [HeaderName; 8] = [
    header::COOKIE,
    header::ORIGIN,
    header::REFERER,
    header::USER_AGENT,
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::IF_NONE_MATCH,
    HeaderName::from_static("sec-gpc"),
];

/// Both stand in one program, so the call needs no socket; the gateway sees a proxy on this machine all the same.
pub(super) async fn forward(State(shop): State<Arc<Shop>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let mut onward = Request::new(body);
    *onward.method_mut() = parts.method;
    *onward.uri_mut() = parts.uri;
    for name in &HANDED_ON {
        for value in parts.headers.get_all(name) {
            onward.headers_mut().append(name, value.clone());
        }
    }
    // A web server writes the address of the connection here; see there why this one does not.
    let address = HeaderValue::from_static(VISITOR_ADDRESS);
    onward.headers_mut().insert("x-forwarded-for", address);
    onward.extensions_mut().insert(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 0))));
    match shop.upstream.clone().oneshot(onward).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}
