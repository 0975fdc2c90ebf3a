//! `tandem`: takes a shop's conversion events and sees that every ad platform counts each of them once.

mod app;
mod cli;
mod config;

use std::process::ExitCode;

use clap::Parser;

/// Taking an event in is a few hundred small allocations on one thread that are freed on another; glibc's allocator
/// spends a fifth of the whole time on them (perf, 100-event batches).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match cli.run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("tandem: {error:#}");
            ExitCode::FAILURE
        }
    }
}
