use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args as ClapArgs;
use tandem_gateway::clock::SystemClock;

use crate::app;
use crate::config::{self, Log, LogFormat};
use crate::reload::Reload;

#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// For drills: begin at this time instead of the machine's (RFC 3339 or Unix seconds).
    #[arg(long, value_name = "TIME", value_parser = super::instant, hide_short_help = true)]
    now: Option<i64>,
    /// End without clean-up when passing a point the n-th time.
    #[cfg(feature = "drill")]
    #[arg(long, value_name = "POINT:N", hide = true)]
    drill: Option<String>,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let config = match config::load(&args.config) {
        Ok(config) => config,
        Err(problems) => {
            eprint!("{problems}");
            return Ok(ExitCode::from(2));
        }
    };
    #[cfg(feature = "drill")]
    if let Some(plan) = &args.drill {
        tandem_store::drill::plan(plan).map_err(anyhow::Error::msg)?;
    }
    start_log(&config.log);
    for remark in &config.remarks {
        tracing::warn!(at = remark.path, "{}: {}", remark.what, remark.remedy);
    }
    let clock = args.now.map_or_else(SystemClock::default, SystemClock::starting_at);
    let reload = Reload::of(args.config, &config);
    let (interruption, mut hangups) = (super::interruption()?, super::hangups()?);
    let app = app::start(config, Arc::new(clock)).await?;
    tracing::info!(public = %app.public, private = %app.private, sites = app.gateway.sites().iter().count(), "ready");
    tokio::pin!(interruption);
    loop {
        tokio::select! {
            () = &mut interruption => break,
            _ = hangups.recv() => reload.apply(&app.gateway).await,
        }
    }
    tracing::info!("stopping");
    app.shut_down().await;
    Ok(ExitCode::SUCCESS)
}

/// One line a message, on standard error.
pub(crate) fn start_log(log: &Log) {
    let filter = tracing_subscriber::EnvFilter::try_new(&log.level).unwrap_or_else(|_| "info".into());
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match log.format {
        LogFormat::Text => builder.with_target(false).init(),
        LogFormat::Json => builder.json().init(),
    }
}
