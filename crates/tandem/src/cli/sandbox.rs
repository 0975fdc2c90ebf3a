use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::Args as ClapArgs;
use tandem_gateway::clock::{Clock, SystemClock};
use tandem_sandbox::{Options, Sandbox};
use tokio::net::TcpListener;

#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// Port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 8090)]
    port: u16,
    /// Options as a JSON file, see GET /sandbox/options.
    #[arg(long, value_name = "FILE")]
    options: Option<std::path::PathBuf>,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let options = match args.options {
        Some(path) => {
            serde_json::from_slice(&std::fs::read(&path).with_context(|| path.display().to_string())?)
                .with_context(|| format!("options in {}", path.display()))?
        }
        None => Options::default(),
    };
    let interruption = super::interruption()?;
    let address = start(options, args.port).await?;
    println!("TikTok stand-in on http://{address}/ (conversions: http://{address}/sandbox/conversions)");
    interruption.await;
    Ok(ExitCode::SUCCESS)
}

/// Starts a stand-in in the background.
pub(crate) async fn start(options: Options, port: u16) -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", port))
        .await
        .with_context(|| format!("cannot listen on port {port}"))?;
    let address = listener.local_addr()?;
    let clock = SystemClock::default();
    let sandbox = Sandbox::new(options, Arc::new(move || clock.now_ms()));
    tokio::spawn(async move {
        if let Err(error) = sandbox.serve(listener).await {
            tracing::error!(%error, "the stand-in ended");
        }
    });
    Ok(address)
}
