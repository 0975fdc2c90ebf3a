//! Files that hold one request: a captured webhook delivery (headers and body), or a plain body of events.

use std::path::Path;

use anyhow::Context;
use serde::Deserialize;
use serde_json::Value;

/// A delivery as it was captured: `{"request": {"headers": [[name, value], …]}, "body": "…"}`.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Capture {
    #[serde(default)]
    pub(crate) scenario: String,
    pub(crate) request: Head,
    #[serde(default)]
    pub(crate) body: Option<String>,
    #[serde(default)]
    body_base64: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Head {
    pub(crate) headers: Vec<(String, String)>,
}

impl Capture {
    /// The bytes that were sent.
    pub(crate) fn bytes(&self) -> anyhow::Result<Vec<u8>> {
        use base64::Engine;
        match (&self.body_base64, &self.body) {
            (Some(text), _) => base64::engine::general_purpose::STANDARD.decode(text).context("body_base64"),
            (None, Some(text)) => Ok(text.clone().into_bytes()),
            (None, None) => anyhow::bail!("the capture has no body"),
        }
    }

    /// Headers worth sending again: not those that belong to one connection.
    pub(crate) fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        const CONNECTION: &[&str] =
            &["host", "connection", "content-length", "accept-encoding", "transfer-encoding", "expect"];
        let own = |name: &str| CONNECTION.contains(&name.to_ascii_lowercase().as_str());
        self.request.headers.iter().filter(move |(n, _)| !own(n)).map(|(n, v)| (n.as_str(), v.as_str()))
    }
}

/// What a file holds.
pub(crate) enum Input {
    /// A webhook with its headers.
    Webhook(Box<Capture>),
    /// Events for the HTTP API: JSON or NDJSON.
    Events(Vec<u8>),
}

/// Reads a file, or standard input for `-`.
pub(crate) fn read(path: &str) -> anyhow::Result<Vec<u8>> {
    if path == "-" {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut std::io::stdin(), &mut bytes)
            .context("cannot read standard input")?;
        return Ok(bytes);
    }
    std::fs::read(Path::new(path)).with_context(|| format!("cannot read {path}"))
}

/// Tells captures from plain bodies.
pub(crate) fn classify(bytes: Vec<u8>) -> Input {
    let looks = serde_json::from_slice::<Value>(&bytes).ok().filter(|v| v["request"]["headers"].is_array());
    match looks.and_then(|v| serde_json::from_value(v).ok()) {
        Some(capture) => Input::Webhook(Box::new(capture)),
        None => Input::Events(bytes),
    }
}
