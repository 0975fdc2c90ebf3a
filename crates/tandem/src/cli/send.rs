use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args as ClapArgs;
use serde_json::Value;
use tandem_destinations::{HttpReply, HttpRequest};
use tandem_gateway::transport::{Http, Transport};

use super::capture::{self, Capture, Input};
use crate::config;

#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// Files: captured webhook deliveries, or events as JSON or NDJSON; - for standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
    /// The gateway's public address.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    to: String,
    /// The site that webhooks are for.
    #[arg(long, default_value = "shop")]
    site: String,
    /// Write key for events: env:NAME, file:PATH or the key itself.
    #[arg(long, default_value = "env:SHOP_WRITE_KEY")]
    key: String,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let http = Http::new()?;
    let mut failed = 0;
    for file in &args.files {
        let request = match capture::classify(capture::read(file)?) {
            Input::Webhook(capture) => webhook(&args, &capture)?,
            Input::Events(body) => events(&args, body)?,
        };
        let (line, fine) = match http.send(request).await {
            HttpReply::Answer { status, body } => (line(status, &body), (200..300).contains(&status)),
            HttpReply::NoAnswer { why, .. } => (format!("no answer: {why}"), false),
        };
        say!("{file}: {line}");
        failed += usize::from(!fine);
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn webhook(args: &Args, capture: &Capture) -> anyhow::Result<HttpRequest> {
    let url = format!("{}/webhooks/woocommerce/{}", args.to.trim_end_matches('/'), args.site);
    let headers = capture.headers().map(|(n, v)| Ok((n.parse::<axum::http::HeaderName>()?, v.parse()?)));
    let headers = headers.collect::<anyhow::Result<_>>().context("headers of the capture")?;
    Ok(HttpRequest {
        method: axum::http::Method::POST,
        url,
        headers,
        body: capture.bytes()?,
        ..HttpRequest::default()
    })
}

fn events(args: &Args, body: Vec<u8>) -> anyhow::Result<HttpRequest> {
    let key = config::secret(&args.key, Path::new(".")).map_err(anyhow::Error::msg)?;
    let mut headers = axum::http::HeaderMap::new();
    headers.insert("content-type", axum::http::HeaderValue::from_static("application/json"));
    headers.insert("authorization", format!("Bearer {key}").parse().context("the write key")?);
    let url = format!("{}/v1/events", args.to.trim_end_matches('/'));
    Ok(HttpRequest { method: axum::http::Method::POST, url, headers, body, ..HttpRequest::default() })
}

/// One line on what the gateway answered.
pub(crate) fn line(status: u16, body: &[u8]) -> String {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    if let Some(code) = answer["error"]["code"].as_str() {
        return format!("{status} {code}: {}", answer["error"]["message"].as_str().unwrap_or_default());
    }
    let events = answer["events"].as_array().map(Vec::as_slice).unwrap_or_default();
    let told: Vec<String> = events.iter().take(20).map(told).collect();
    let more = if events.len() > 20 { format!(", and {} more", events.len() - 20) } else { String::new() };
    format!("{status} {}{more}", if told.is_empty() { "ready".to_owned() } else { told.join(", ") })
}

fn told(event: &Value) -> String {
    let text = |key: &str| event[key].as_str().unwrap_or_default();
    let what = match (text("event_name"), text("event_id")) {
        ("", "") => String::new(),
        (name, id) => format!(" {name} {id}"),
    };
    let why = if text("code").is_empty() {
        String::new()
    } else {
        format!(" ({}: {})", text("code"), text("message"))
    };
    format!("{}{what}{why}", text("status"))
}
