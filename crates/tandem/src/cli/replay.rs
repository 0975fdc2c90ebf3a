use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use axum::http::{HeaderMap, HeaderValue, Method};
use clap::Args as ClapArgs;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tandem_destinations::{HttpReply, HttpRequest};
use tandem_gateway::transport::{Http, Transport};

use crate::config;

#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// The running gateway's configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Events that came in at or after this time (RFC 3339 or Unix seconds).
    #[arg(long, value_name = "TIME", value_parser = super::instant)]
    since: i64,
    /// Only this event id.
    #[arg(long)]
    event_id: Option<String>,
    /// Only this destination.
    #[arg(long)]
    destination: Option<String>,
    /// Only this site.
    #[arg(long)]
    site: Option<String>,
    /// Also what was delivered before: a platform counts it again once its duplicate window has passed.
    #[arg(long)]
    delivered_too: bool,
}

/// Asks the running gateway over its private port: the writer of the file is the one who may write to it.
pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let server = match config::load_server(&args.config) {
        Ok(server) => server,
        Err(problems) => {
            eprint!("{problems}");
            return Ok(ExitCode::from(2));
        }
    };
    let token = server.private_token.context("server.private_token is missing")?;
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    headers.insert("authorization", format!("Bearer {}", token.expose_secret()).parse()?);
    let body = json!({
        "since_ms": args.since, "event_id": args.event_id, "destination": args.destination, "site": args.site,
        "delivered_too": args.delivered_too,
    });
    let url = format!("http://{}/api/replay", server.private);
    let request = HttpRequest {
        method: Method::POST,
        url,
        headers,
        body: body.to_string().into_bytes(),
        ..HttpRequest::default()
    };
    match Http::new()?.send(request).await {
        HttpReply::Answer { status: 200, body } => {
            let answer: Value = serde_json::from_slice(&body)?;
            let words = match answer["deliveries"].as_u64() {
                Some(1) => "1 delivery made anew; it goes out now".to_owned(),
                _ => format!("{} deliveries made anew; they go out now", answer["deliveries"]),
            };
            say!("{words}");
            Ok(ExitCode::SUCCESS)
        }
        HttpReply::Answer { status, body } => {
            anyhow::bail!("the gateway says {}", super::send::line(status, &body))
        }
        HttpReply::NoAnswer { why, .. } => {
            anyhow::bail!("no gateway on {} ({why}); start it with tandem serve", server.private)
        }
    }
}
