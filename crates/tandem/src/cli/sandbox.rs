use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::Args as ClapArgs;
use tandem_gateway::clock::{Clock, SystemClock};
use tandem_sandbox::{Options, PLATFORMS, Sandbox};
use tokio::net::TcpListener;

#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// Port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 8090)]
    port: u16,
    /// Options as a JSON file, see GET /sandbox/options: tokens, pixels and switches of TikTok at the top, those of the
    /// others under `meta` and `ga4`.
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
    options.check()?;
    let interruption = super::interruption()?;
    let address = start(options, args.port).await?;
    announce(&format!("http://{address}"));
    interruption.await;
    Ok(ExitCode::SUCCESS)
}

/// Says where it is, and what to put into a configuration to send there. Whoever started it may read no further than
/// the first line and hang up: that is no reason to end.
fn announce(base: &str) {
    let mut text = format!("Stand-ins on {base}/ (conversions: {base}/sandbox/conversions)\n");
    for platform in PLATFORMS {
        text += &format!("\n{}: {base}/sandbox/{}/conversions\n", platform.title, platform.name);
        for line in platform.settings(base).lines() {
            text += &format!("    {line}\n");
        }
    }
    text += "\nAny token will do but `revoked`; GET /sandbox/options has every switch, --options takes them from a file.\n";
    let mut out = std::io::stdout().lock();
    if let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        tracing::debug!(%error, "nobody reads what was said");
    }
}

/// Starts the stand-ins in the background.
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
