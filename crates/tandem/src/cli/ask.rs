//! Questions to the running gateway, over its private port.

use anyhow::Context;
use axum::http::HeaderMap;
use secrecy::ExposeSecret;
use serde_json::Value;
use tandem_destinations::{HttpReply, HttpRequest};
use tandem_gateway::transport::{Http, Transport};

use crate::config::Server;

/// A request that the gateway lets in.
pub(crate) fn request(server: &Server, path: &str) -> anyhow::Result<HttpRequest> {
    let token = server.private_token.as_ref().context("server.private_token is missing")?;
    let mut headers = HeaderMap::new();
    let mut bearer: axum::http::HeaderValue = format!("Bearer {}", token.expose_secret()).parse()?;
    bearer.set_sensitive(true);
    headers.insert("authorization", bearer);
    let url = format!("http://{}{path}", server.private);
    Ok(HttpRequest { url, headers, ..HttpRequest::default() })
}

/// What the private API answers.
pub(crate) async fn get(server: &Server, path: &str) -> anyhow::Result<Value> {
    match Http::new()?.send(request(server, path)?).await {
        HttpReply::Answer { status: 200, body } => Ok(serde_json::from_slice(&body)?),
        HttpReply::Answer { status, body } => {
            anyhow::bail!("the gateway says {}", super::send::line(status, &body))
        }
        HttpReply::NoAnswer { why, .. } => anyhow::bail!("{}", no_gateway(server, &why)),
    }
}

/// What to do when nobody answers.
pub(crate) fn no_gateway(server: &Server, why: &str) -> String {
    format!("no gateway on {} ({why}); start it with tandem serve", server.private)
}
