//! `tandem`: takes a shop's conversion events and sees that every ad platform counts each of them once.

/// `println!` for commands: see [`cli::said`].
macro_rules! say {
    ($($words:tt)*) => { $crate::cli::said(format_args!("{}\n", format_args!($($words)*))) };
}

/// The same without a line's end.
macro_rules! say_bare {
    ($($words:tt)*) => { $crate::cli::said(format_args!($($words)*)) };
}

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
