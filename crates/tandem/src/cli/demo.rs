use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Args as ClapArgs;
use serde_json::Value;
use tandem_destinations::{HttpReply, HttpRequest};
use tandem_gateway::clock::{Clock, SystemClock};
use tandem_gateway::transport::{Http, Transport};

use super::capture::Capture;
use crate::app::{self, App};
use crate::config;

mod play;

#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// End after the play; the exit code says whether the counts were right.
    #[arg(long)]
    exit: bool,
    /// First of three ports on 127.0.0.1: gateway, private, stand-in. 0 takes free ones.
    #[arg(long, default_value_t = 8080)]
    port: u16,
}

/// What a person may show on the private port of the demo.
const TOKEN: &str = "demo";
/// The demo shop's webhook secret.
const SECRET: &str = "demo-webhook-secret";

pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let interruption = super::interruption()?;
    let folder = Folder::new()?;
    let ports = free_ports(args.port);
    let sandbox = super::sandbox::start(tandem_sandbox::Options::default(), ports[2]).await?;
    let text = settings(&ports, &sandbox.to_string());
    let config = config::parse(&text, folder.path(), |_| None).map_err(|p| anyhow::anyhow!("{p}"))?;
    let clock = Arc::new(SystemClock::default());
    let app = app::start(config, clock.clone()).await?;

    println!("Tandem demo: a shop's gateway, and a stand-in for TikTok. Nothing leaves this machine.\n");
    let captures = play::captures()?;
    println!(
        "WooCommerce sends {} webhooks, as captured from a real store (dates moved to today):\n",
        captures.len()
    );
    let http = Http::new()?;
    for capture in &captures {
        let (told, order) = deliver(&http, &app, capture, clock.now_s()).await?;
        println!("  {:<15} {:<38} {}\n      {}", topic(capture), order, told, capture.scenario);
    }
    settled(&app).await?;
    let counted = conversions(&http, &sandbox.to_string()).await?;
    let right = play::show(&counted);
    println!("\nLook around:");
    println!("  what TikTok would show    http://{sandbox}/");
    println!("  the same as data          http://{sandbox}/sandbox/conversions");
    println!(
        "  send an event yourself    curl -H 'Authorization: Bearer demo-key' http://{}/v1/events \\",
        app.public
    );
    println!("                              -d '{}'", play::SAMPLE_EVENT);
    println!(
        "  what became of it         curl -H 'Authorization: Bearer {TOKEN}' http://{}/api/summary",
        app.private
    );
    println!(
        "                            … /api/records/events  /api/records/deliveries  /api/records/notices"
    );
    println!("  the log, with any SQL tool   {}", app.gateway.store.path().display());
    if args.exit {
        app.shut_down().await;
        return Ok(if right { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    println!("\nCtrl-C ends it and removes its files.");
    interruption.await;
    app.shut_down().await;
    Ok(ExitCode::SUCCESS)
}

/// A temporary folder that goes with the demo.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new() -> anyhow::Result<Self> {
        let path = std::env::temp_dir().join(format!("tandem-demo-{}", std::process::id()));
        std::fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self(path))
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The wanted ports where they are free, else any.
fn free_ports(first: u16) -> [u16; 3] {
    let wanted = if first == 0 { [0; 3] } else { [first, first.saturating_add(1), first.saturating_add(10)] };
    wanted.map(|port| std::net::TcpListener::bind(("127.0.0.1", port)).map_or(0, |_| port))
}

fn settings(ports: &[u16; 3], sandbox: &str) -> String {
    format!(
        r#"
        [server]
        public = "127.0.0.1:{}"
        private = "127.0.0.1:{}"
        private_token = "{TOKEN}"
        [[site]]
        id = "shop"
        consent.on_unknown = "grant"
        [site.sources.woocommerce]
        secrets = ["{SECRET}"]
        [site.sources.events]
        write_keys = ["demo-key"]
        [site.destinations.tiktok]
        pixel_id = "DEMOPIXEL00000000001"
        access_token = "demo-token"
        base_url = "http://{sandbox}"
        "#,
        ports[0], ports[1]
    )
}

async fn deliver(http: &Http, app: &App, capture: &Capture, now_s: i64) -> anyhow::Result<(String, String)> {
    let (body, signature) = play::today(capture, now_s, SECRET)?;
    let order: Value = serde_json::from_slice(&body).unwrap_or_default();
    let mut headers = axum::http::HeaderMap::new();
    for (name, value) in capture.headers() {
        headers.insert(name.parse::<axum::http::HeaderName>()?, value.parse()?);
    }
    headers.insert("x-wc-webhook-signature", signature.parse()?);
    let url = format!("http://{}/webhooks/woocommerce/shop", app.public);
    let reply = http.send(HttpRequest { method: axum::http::Method::POST, url, headers, body }).await;
    let told = match reply {
        HttpReply::Answer { status, body } => super::send::line(status, &body),
        HttpReply::NoAnswer { why } => why,
    };
    Ok((told, play::describe(&order)))
}

fn topic(capture: &Capture) -> &str {
    capture.headers().find(|(n, _)| n.eq_ignore_ascii_case("x-wc-webhook-topic")).map_or("", |(_, v)| v)
}

/// Waits until nothing is waiting to be delivered.
async fn settled(app: &App) -> anyhow::Result<()> {
    let wait = async {
        while app.gateway.store.lanes().unwrap_or_default().iter().any(|l| l.waiting > 0) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait)
        .await
        .context("deliveries did not end within 20 seconds")
}

async fn conversions(http: &Http, sandbox: &str) -> anyhow::Result<Value> {
    let url = format!("http://{sandbox}/sandbox/conversions");
    let headers = axum::http::HeaderMap::new();
    match http.send(HttpRequest { method: axum::http::Method::GET, url, headers, body: vec![] }).await {
        HttpReply::Answer { body, .. } => Ok(serde_json::from_slice(&body)?),
        HttpReply::NoAnswer { why } => anyhow::bail!("the stand-in does not answer: {why}"),
    }
}
