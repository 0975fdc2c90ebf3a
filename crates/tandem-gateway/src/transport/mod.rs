//! Outgoing calls: the only place that opens a connection.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use http::HeaderMap;
use tandem_destinations::{HttpReply, HttpRequest};

pub mod mail;

/// Sends a request and brings back the reply, or why there is none.
pub trait Transport: Send + Sync {
    /// Never fails: a missing answer is a [`HttpReply::NoAnswer`].
    fn send(&self, request: HttpRequest) -> Pin<Box<dyn Future<Output = HttpReply> + Send + '_>>;
}

/// Bytes of a reply that are read; platforms answer far less.
const MAX_REPLY: usize = 64 << 10;

/// How long an answer that goes on may take: there is no way to say "for ever".
const A_YEAR: Duration = Duration::from_secs(365 * 86_400);

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

    async fn call(&self, request: HttpRequest, limit: usize) -> Result<Fetched, reqwest::Error> {
        let address = request.address();
        let HttpRequest { method, headers, body, .. } = request;
        let mut answer = self.client.request(method, address).headers(headers).body(body).send().await?;
        let (status, headers) = (answer.status().as_u16(), std::mem::take(answer.headers_mut()));
        let mut body = Vec::new();
        while body.len() < limit
            && let Some(chunk) = answer.chunk().await?
        {
            body.extend_from_slice(&chunk);
        }
        body.truncate(limit);
        Ok(Fetched { status, headers, body })
    }

    /// An answer that goes on, part by part, for as long as `take` says that more is wanted; its status. Of an answer other
    /// than 200 nothing is taken.
    ///
    /// # Errors
    /// Why there is no answer, or why it broke off.
    pub async fn stream(
        &self,
        request: HttpRequest,
        mut take: impl FnMut(&[u8]) -> bool,
    ) -> Result<u16, String> {
        let address = request.address();
        let HttpRequest { method, headers, body, .. } = request;
        let call = self.client.request(method, address).headers(headers).body(body).timeout(A_YEAR);
        let mut answer = call.send().await.map_err(|error| explain(&error))?;
        let status = answer.status().as_u16();
        while status == 200
            && let Some(part) = answer.chunk().await.map_err(|error| explain(&error))?
        {
            if !take(&part) {
                break;
            }
        }
        Ok(status)
    }

    /// An answer with its headers and the first `limit` bytes of its body, for who looks at a web site from outside, or
    /// (with 0) only wants to know the status: then nobody waits for the body.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn fetch(&self, request: HttpRequest, limit: usize) -> Result<Fetched, String> {
        self.call(request, limit).await.map_err(|error| explain(&error))
    }
}

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// HTTP status.
    pub status: u16,
    /// All headers.
    pub headers: HeaderMap,
    /// The body's beginning.
    pub body: Vec<u8>,
}

impl Transport for Http {
    fn send(&self, request: HttpRequest) -> Pin<Box<dyn Future<Output = HttpReply> + Send + '_>> {
        Box::pin(async move {
            match self.call(request, MAX_REPLY).await {
                Ok(Fetched { status, body, .. }) => HttpReply::Answer { status, body },
                Err(error) => HttpReply::NoAnswer { why: explain(&error), reached: !error.is_connect() },
            }
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
