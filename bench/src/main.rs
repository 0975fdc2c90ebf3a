//! Measures a bare axum endpoint and the gateway under the same load, on this machine, in one go, and prints ratios.
//!
//! `cargo run --release -p tandem-bench` builds and runs it all; `--help` lists the parts. Everything stays on
//! loopback and ends by itself.

mod load;
mod parts;
mod pipeline;
mod procs;

use clap::Parser;

#[derive(Debug, Parser)]
pub(crate) struct Args {
    /// Serve as the bare endpoint or as the stand-in (used by the bench itself).
    #[arg(long, hide = true)]
    child: Option<String>,
    /// Only these parts: pipeline, single, batch, delivery, memory, growth.
    #[arg(long, value_delimiter = ',')]
    pub(crate) only: Vec<String>,
    /// Seconds for each measured load.
    #[arg(long, default_value_t = 8)]
    pub(crate) seconds: u64,
    /// Events stored before the growth measurement, in millions; 0.2 is enough for a look.
    #[arg(long, value_delimiter = ',', default_value = "1")]
    pub(crate) millions: Vec<f64>,
    /// Measure this binary instead of building one.
    #[arg(long)]
    pub(crate) binary: Option<std::path::PathBuf>,
    /// Folder for the files; the default is a temporary one.
    #[arg(long)]
    pub(crate) folder: Option<std::path::PathBuf>,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match args.child.as_deref() {
        Some("bare") => runtime.block_on(procs::bare()),
        Some("sink") => runtime.block_on(procs::sink()),
        Some("sandbox") => runtime.block_on(procs::sandbox()),
        Some(other) => anyhow::bail!("no such child: {other}"),
        None => runtime.block_on(parts::run(&args)),
    }
}
