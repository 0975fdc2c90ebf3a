//! `tandem`: takes a shop's conversion events and sees that every ad platform counts each of them once.

mod app;
mod cli;
mod config;
mod reload;

use std::process::ExitCode;

use clap::Parser;

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
