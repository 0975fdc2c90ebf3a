use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::Args as ClapArgs;
use serde_json::Value;
use tandem_destinations::{HttpReply, HttpRequest};
use tandem_gateway::clock::SystemClock;
use tandem_gateway::transport::{Http, Transport};
use tandem_store::embedded::View;

use crate::app::{self, App};
use crate::config;

mod captures;
mod consent;
mod play;
mod shop;
mod verdict;
mod webhook;

use verdict::Verdict;

#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// Open no shop, only play captured orders; the exit code says whether the counts were right.
    #[arg(long)]
    exit: bool,
    /// First of four ports on 127.0.0.1: shop, gateway (next), private (next), stand-in (+10). 0 takes free ones.
    #[arg(long, default_value_t = 8080)]
    port: u16,
}

/// What a person may show on the private port of the demo.
const TOKEN: &str = "demo";

/// Newest deliveries that are looked through.
const LOOKED_THROUGH: u32 = 500;

const SAMPLE_EVENT: &str = r#"{"event_name":"Purchase","event_id":"my-1","order_id":"1","value":9.90,"currency":"EUR","user":{"email":"you@example.com"},"consent":{"advertising":"granted"}}"#;

pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let interruption = super::interruption()?;
    let folder = Folder::new()?;
    let ports = Ports::free(args.port);
    let sandbox = super::sandbox::start(tandem_sandbox::Options::default(), ports.sandbox).await?;
    // Without pages nobody is worth waiting for.
    let hold_s = if args.exit { 0 } else { 3 };
    let text = settings(&ports, sandbox, hold_s);
    let config = config::parse(&text, folder.path(), |_| None).map_err(|p| anyhow::anyhow!("{p}"))?;
    let app = app::start(config, Arc::new(SystemClock::default())).await?;
    let http = Http::new()?;
    if args.exit {
        let right = play_all(&http, &app, sandbox).await?;
        app.shut_down().await;
        return Ok(if right { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let shop = shop::open(&app, sandbox, ports.shop, http.clone()).await?;
    invite(&shop, &app, sandbox);
    let played = async {
        play::deliver(&http, &app).await?;
        play::settled(&app).await?;
        verdict(&http, &app, sandbox).await
    };
    tokio::pin!(interruption);
    tokio::select! {
        () = &mut interruption => return end(shop, app).await,
        verdict = played => sum_up(verdict),
    }
    interruption.await;
    end(shop, app).await
}

async fn end(shop: shop::Open, app: App) -> anyhow::Result<ExitCode> {
    shop.close();
    app.shut_down().await;
    Ok(ExitCode::SUCCESS)
}

/// Plays the captures and prints each.
async fn play_all(http: &Http, app: &App, sandbox: SocketAddr) -> anyhow::Result<bool> {
    say!("Tandem demo: a shop's gateway, and stand-ins for {}. Nothing leaves this machine.\n", platforms());
    play::show_deliveries(&play::deliver(http, app).await?);
    play::settled(app).await?;
    let verdict = verdict(http, app, sandbox).await?;
    verdict.show();
    look_around(app, sandbox);
    Ok(verdict.right())
}

/// Whose stand-ins there are: `TikTok, Meta and Google Analytics`.
fn platforms() -> String {
    let titles: Vec<&str> = tandem_sandbox::PLATFORMS.iter().map(|platform| platform.title).collect();
    match titles.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} and {last}", others.join(", ")),
        _ => titles.concat(),
    }
}

/// Where to begin.
fn invite(shop: &shop::Open, app: &App, sandbox: SocketAddr) {
    let port = shop.address.port();
    // As TikTok's ads do it: another id for every click.
    let click = app.gateway.clock.now_s();
    say!(
        "Tandem demo: a shop, its gateway, and stand-ins for {}. Nothing leaves this machine.\n",
        platforms()
    );
    say!("  Open    http://localhost:{port}/?ttclid=demo-click-{click:x}    in your browser\n");
    say!(
        "as if you came by an ad. The shop asks first: decline, or say nothing, and neither half is sent. Accept and"
    );
    say!(
        "buy something: the sale is reported twice, by your browser and by the shop's server, and counts once."
    );
    say!("The thank-you page shows it.");
    look_around(app, sandbox);
}

fn look_around(app: &App, sandbox: SocketAddr) {
    let App { public, private, gateway, .. } = app;
    say!("\nLook around:");
    say!("  the inspector             http://{private}/   (sign in with the token: {TOKEN})");
    say!("  everything as it happens  http://{private}/live");
    say!("  what platforms would show http://{sandbox}/");
    say!("  the same as data          http://{sandbox}/sandbox/conversions");
    say!("  send an event yourself    curl -H 'Authorization: Bearer demo-key' http://{public}/v1/events \\");
    say!("                              -d '{SAMPLE_EVENT}'");
    say!("  what became of it         curl -H 'Authorization: Bearer {TOKEN}' http://{private}/api/summary");
    say!("                            … /api/records/events  /api/records/deliveries  /api/records/notices");
    say!("  the log, with any SQL tool   {}", gateway.store.path().display());
}

fn sum_up(verdict: anyhow::Result<Verdict>) {
    say!("\nPlayed meanwhile: webhooks captured from a real WooCommerce store.");
    match verdict {
        Ok(verdict) if verdict.right() => say!("  {verdict}\n  As it should be."),
        Ok(verdict) => say!("  WRONG: {verdict}"),
        Err(error) => say!("  Not checked: {error:#}"),
    }
    say!("  tandem demo --exit shows each of them.");
    say!("\nCtrl-C ends it and removes its files.");
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

struct Ports {
    shop: u16,
    public: u16,
    private: u16,
    sandbox: u16,
}

impl Ports {
    /// The wanted ports where they are free, else any.
    fn free(first: u16) -> Self {
        let wanted = |offset| if first == 0 { 0 } else { first.saturating_add(offset) };
        let free = |offset| {
            let port = wanted(offset);
            std::net::TcpListener::bind(("127.0.0.1", port)).map_or(0, |_| port)
        };
        Self { shop: free(0), public: free(1), private: free(2), sandbox: free(10) }
    }
}

/// The platform whose counts are shown and checked; the others are there to be looked at.
const CHECKED: &str = "tiktok";

fn settings(ports: &Ports, sandbox: SocketAddr, hold_s: u32) -> String {
    let Ports { public, private, .. } = ports;
    let secret = webhook::SECRET;
    let base = format!("http://{sandbox}");
    let others = tandem_sandbox::PLATFORMS.iter().filter(|platform| platform.name != CHECKED);
    let others: Vec<String> = others.map(|platform| platform.settings(&base)).collect();
    let others = others.join("\n");
    format!(
        r#"
        [server]
        public = "127.0.0.1:{public}"
        private = "127.0.0.1:{private}"
        private_token = "{TOKEN}"
        [[site]]
        id = "shop"
        currency = "EUR"
        country = "DE"
        consent.on_unknown = "deny"
        [site.sources.browser]
        hosts = ["localhost", "127.0.0.1"]
        path = "/x7k2"
        bots = "send"
        forms = true
        hold_seconds = {hold_s}
        [site.sources.woocommerce]
        secrets = ["{secret}"]
        [site.sources.events]
        write_keys = ["demo-key"]
        [site.destinations.tiktok]
        pixel_id = "DEMOPIXEL00000000001"
        access_token = "demo-token"
        base_url = "{base}"
        {others}
        "#
    )
}

/// The played orders, as the stand-in counted them and as the gateway has them on record.
async fn verdict(http: &Http, app: &App, sandbox: SocketAddr) -> anyhow::Result<Verdict> {
    let report = conversions(http, sandbox).await?;
    let store = app.gateway.store.clone();
    let deliveries = move || store.newest(View::Deliveries, None, LOOKED_THROUGH);
    // Reads do not belong on the threads that serve requests.
    let deliveries = tokio::task::spawn_blocking(deliveries).await??;
    Ok(Verdict::of(&report, &deliveries))
}

/// Everything the stand-in counted.
async fn conversions(http: &Http, sandbox: SocketAddr) -> anyhow::Result<Value> {
    let url = format!("http://{sandbox}/sandbox/conversions");
    let headers = axum::http::HeaderMap::new();
    match http
        .send(HttpRequest { method: axum::http::Method::GET, url, headers, ..HttpRequest::default() })
        .await
    {
        HttpReply::Answer { body, .. } => Ok(serde_json::from_slice(&body)?),
        HttpReply::NoAnswer { why, .. } => anyhow::bail!("the stand-in does not answer: {why}"),
    }
}
