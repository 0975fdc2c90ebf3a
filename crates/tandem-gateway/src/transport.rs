//! Outgoing calls: the only place that opens a connection.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use tandem_destinations::{HttpReply, HttpRequest};

/// Sends a request and brings back the reply, or why there is none.
pub trait Transport: Send + Sync {
    /// Never fails: a missing answer is a [`HttpReply::NoAnswer`].
    fn send(&self, request: HttpRequest) -> Pin<Box<dyn Future<Output = HttpReply> + Send + '_>>;
}

/// Bytes of a reply that are read; platforms answer far less.
const MAX_REPLY: usize = 64 << 10;

/// Real HTTP, pooled.
#[derive(Debug, Clone)]
pub struct Http {
    client: reqwest::Client,
}

impl Http {
    /// A client that gives a platform ten seconds, three of them to connect.
    ///
    /// # Errors
    /// When the TLS set-up fails.
    pub fn new() -> Result<Self, reqwest::Error> {
        // Installing twice is an error that means "already there".
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(3))
            .timeout(Duration::from_secs(10))
            .pool_idle_timeout(Duration::from_secs(60))
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("tandem/", env!("CARGO_PKG_VERSION")))
            .no_proxy()
            .build()?;
        Ok(Self { client })
    }

    async fn call(&self, request: HttpRequest) -> Result<HttpReply, reqwest::Error> {
        let HttpRequest { method, url, headers, body } = request;
        let mut answer = self.client.request(method, url).headers(headers).body(body).send().await?;
        let status = answer.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await? {
            body.extend_from_slice(&chunk);
            if body.len() >= MAX_REPLY {
                body.truncate(MAX_REPLY);
                break;
            }
        }
        Ok(HttpReply::Answer { status, body })
    }
}

impl Transport for Http {
    fn send(&self, request: HttpRequest) -> Pin<Box<dyn Future<Output = HttpReply> + Send + '_>> {
        Box::pin(async move {
            self.call(request).await.unwrap_or_else(|e| HttpReply::NoAnswer { why: explain(&e) })
        })
    }
}

/// The chain of causes without the address, which may carry a token.
fn explain(error: &reqwest::Error) -> String {
    let kind = if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "cannot connect"
    } else {
        "the connection broke"
    };
    let mut cause = std::error::Error::source(error);
    let mut deepest = None;
    while let Some(next) = cause {
        deepest = Some(next.to_string());
        cause = next.source();
    }
    deepest.map_or_else(|| kind.to_owned(), |text| format!("{kind}: {text}"))
}
