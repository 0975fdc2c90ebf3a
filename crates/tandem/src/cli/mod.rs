//! The command line. One file a command.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod ask;
mod capture;
mod check;
mod connect;
mod debug_link;
mod demo;
mod doctor;
mod explain;
mod export;
mod reconcile;
mod replay;
mod rule_tests;
mod sandbox;
mod send;
mod serve;
mod tag;
mod tail;
mod why;

/// Takes a shop's conversion events and sees that every ad platform counts each of them once.
#[derive(Debug, Parser)]
#[command(name = "tandem", version, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the gateway.
    Serve(serve::Args),
    /// Run a gateway and a TikTok stand-in, play real orders through them, and show what happened. Needs nothing.
    Demo(demo::Args),
    /// Run the stand-ins of TikTok, Meta and Google Analytics alone.
    Sandbox(sandbox::Args),
    /// Send events or captured webhooks from files to a running gateway.
    Send(send::Args),
    /// Check a configuration and say how to mend each mistake.
    Check(check::Args),
    /// Look at a running set-up from outside, as a visitor and the shop would, and say what is wrong.
    Doctor(doctor::Args),
    /// Print the line that loads the script on the shop's pages.
    Tag(tag::Args),
    /// Print the line that connects the shop's WooCommerce plugin with the gateway.
    Connect(connect::Args),
    /// Write records out of the log, for an audit.
    Export(export::Args),
    /// Compare the shop's orders, the deliveries and what platforms say they counted, and name every difference.
    Reconcile(reconcile::Args),
    /// Make new deliveries from the log, under the same ids.
    Replay(replay::Args),
    /// Show what would be made of an input and sent to a destination. Touches no network and no store; only --event asks
    /// the running gateway for an event on record.
    Explain(explain::Args),
    /// Say why an event or an order did not count: the whole path in steps, one sentence, and what to do.
    Why(why::Args),
    /// Show everything as it happens: the live view in a terminal.
    Tail(tail::Args),
    /// Make a link that marks your own visits to the shop in the live view, for an hour.
    DebugLink(debug_link::Args),
}

impl Cli {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Serve(args) => runtime()?.block_on(serve::run(args)),
            Command::Demo(args) => runtime()?.block_on(demo::run(args)),
            Command::Sandbox(args) => runtime()?.block_on(sandbox::run(args)),
            Command::Send(args) => runtime()?.block_on(send::run(args)),
            Command::Check(args) => Ok(check::run(&args)),
            Command::Doctor(args) => runtime()?.block_on(doctor::run(args)),
            Command::Tag(args) => tag::run(&args),
            Command::Connect(args) => connect::run(&args),
            Command::Export(args) => export::run(&args),
            Command::Reconcile(args) => runtime()?.block_on(reconcile::run(args)),
            Command::Replay(args) => runtime()?.block_on(replay::run(args)),
            Command::Explain(args) => runtime()?.block_on(explain::run(&args)),
            Command::Why(args) => runtime()?.block_on(why::run(args)),
            Command::Tail(args) => runtime()?.block_on(tail::run(args)),
            Command::DebugLink(args) => debug_link::run(args),
        }
    }
}

/// Writes to standard output. Whoever reads the start of it and goes away has seen enough: that ends no command.
pub(crate) fn said(words: std::fmt::Arguments<'_>) {
    use std::io::{ErrorKind, Write};
    match std::io::stdout().lock().write_fmt(words) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            eprintln!("tandem: cannot write to standard output: {error}");
        }
        _ => {}
    }
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

/// Ends on Ctrl-C or SIGTERM. Both are caught from this call on, so that whoever waits for "ready" may send one.
fn interruption() -> anyhow::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// SIGHUP, by custom the wish to read the configuration again.
fn hangups() -> anyhow::Result<tokio::signal::unix::Signal> {
    use tokio::signal::unix::{SignalKind, signal};
    Ok(signal(SignalKind::hangup())?)
}

/// An instant: RFC 3339, or Unix seconds.
fn instant(text: &str) -> Result<i64, String> {
    if let Ok(seconds) = text.parse::<i64>() {
        return Ok(seconds * 1_000);
    }
    text.parse::<jiff::Timestamp>()
        .map(jiff::Timestamp::as_millisecond)
        .map_err(|_| "write a time like 2026-11-22T14:00:00Z, or Unix seconds".to_owned())
}
