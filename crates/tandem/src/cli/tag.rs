use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args as ClapArgs;
use tandem_gateway::{Lane, Limits, Script, SiteSetup};
use tandem_store::LaneId;

use crate::config;

#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Only this site.
    #[arg(long)]
    site: Option<String>,
    /// Where the gateway is reached when it is not under the shop's own host, e.g. https://data.shop.example
    #[arg(long, default_value = "", value_name = "ORIGIN")]
    origin: String,
    /// For a strict Content-Security-Policy: settings in the page, and an integrity hash.
    #[arg(long)]
    strict: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let config = config::load(&args.config).map_err(|problems| anyhow::anyhow!("{problems}"))?;
    let wanted = |setup: &&SiteSetup| args.site.as_ref().is_none_or(|id| *id == setup.site.id);
    let mut found = false;
    for setup in config.sites.iter().filter(wanted) {
        let Some(script) = script(setup, &config.server.limits()) else { continue };
        found = true;
        let origin = args.origin.trim_end_matches('/');
        say!("{}", if args.strict { script.strict_tag(origin) } else { script.tag(origin) });
    }
    anyhow::ensure!(found, "no such site has [site.sources.browser]");
    Ok(ExitCode::SUCCESS)
}

/// The script as the gateway would serve it.
pub(crate) fn script(setup: &SiteSetup, limits: &Limits) -> Option<Script> {
    let lanes = setup.destinations.iter().map(|d| Lane::new(LaneId(0), &setup.site, d.clone()));
    Script::of(&setup.site, &setup.sources, &lanes.collect::<Vec<_>>(), limits)
}
