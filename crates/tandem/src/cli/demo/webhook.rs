//! How a WooCommerce shop reports an order.

use std::net::SocketAddr;

use axum::http::{HeaderMap, HeaderName, Method};
use base64::Engine;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tandem_destinations::{HttpReply, HttpRequest};
use tandem_gateway::transport::{Http, Transport};

use crate::cli::capture::Capture;

/// The demo shop's webhook secret.
pub(super) const SECRET: &str = "demo-webhook-secret";

/// Signs `body` and posts it to the gateway with the headers of a captured delivery.
///
/// # Errors
/// When a header of the capture is none.
pub(super) async fn post(
    http: &Http,
    gateway: SocketAddr,
    like: &Capture,
    body: Vec<u8>,
) -> anyhow::Result<HttpReply> {
    let mut headers = HeaderMap::new();
    for (name, value) in like.headers() {
        headers.insert(name.parse::<HeaderName>()?, value.parse()?);
    }
    headers.insert("x-wc-webhook-signature", signature(&body)?.parse()?);
    let url = format!("http://{gateway}/webhooks/woocommerce/shop");
    Ok(http.send(HttpRequest { method: Method::POST, url, headers, body, ..HttpRequest::default() }).await)
}

fn signature(body: &[u8]) -> anyhow::Result<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes())?;
    mac.update(body);
    Ok(base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes()))
}
