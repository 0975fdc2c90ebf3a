use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args as ClapArgs;

use tandem_gateway::clock::{Clock, SystemClock};

use super::rule_tests;
use crate::config;

#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// The configuration file.
    #[arg(long, value_name = "FILE", required_unless_present = "example")]
    config: Option<PathBuf>,
    /// Print a commented example instead.
    #[arg(long)]
    example: bool,
}

pub(crate) fn run(args: &Args) -> ExitCode {
    let Some(path) = args.config.as_ref().filter(|_| !args.example) else {
        say_bare!("{}", config::EXAMPLE);
        return ExitCode::SUCCESS;
    };
    match config::load(path) {
        Ok(config) => {
            for remark in &config.remarks {
                say!("remark: {remark}");
            }
            for setup in &config.sites {
                let sources: Vec<_> = setup.sources.iter().map(|s| s.name()).collect();
                let destinations: Vec<_> = setup.destinations.iter().map(|d| d.definition().name).collect();
                let to =
                    if destinations.is_empty() { "nowhere yet".to_owned() } else { destinations.join(", ") };
                say!("site {}: from {} to {to}", setup.site.id, sources.join(", "));
            }
            let told = rule_tests::run(&config, SystemClock::default().now_s());
            told.lines.iter().for_each(|line| say!("{line}"));
            if told.failed > 0 {
                eprintln!("{} rule test(s) failed", told.failed);
                return ExitCode::FAILURE;
            }
            say!("{} is fine", path.display());
            ExitCode::SUCCESS
        }
        Err(problems) => {
            eprint!("{problems}");
            eprintln!("{} mistake(s) in {}", problems.0.len(), path.display());
            ExitCode::from(2)
        }
    }
}
