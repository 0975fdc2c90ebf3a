use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args as ClapArgs;
use tandem_gateway::SiteSetup;
use tandem_gateway::clock::{Clock, SystemClock};
use tandem_gateway::live::link;
use url::Url;

use crate::config;

#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// The running gateway's configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The site; the first one whose pages have the script by default.
    #[arg(long)]
    site: Option<String>,
    /// A page of the shop; by default the start page of the site's first host.
    #[arg(long)]
    url: Option<Url>,
    /// What the visits are called in the live view: 1 to 20 lower-case letters and digits; made up by default.
    #[arg(long)]
    label: Option<String>,
    /// For drills: the gateway's time, where it is not the machine's (RFC 3339 or Unix seconds).
    #[arg(long, value_name = "TIME", value_parser = super::instant, hide_short_help = true)]
    now: Option<i64>,
}

/// The link goes to standard output, what to do with it to standard error. Nothing has to run: the key is made from the
/// private token.
pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let config = config::load(&args.config).map_err(|problems| anyhow::anyhow!("{problems}"))?;
    let token = config.server.private_token.as_ref().context("server.private_token is missing")?;
    let wanted = |setup: &&SiteSetup| args.site.as_ref().is_none_or(|id| *id == setup.site.id);
    let mut with_pages = config.sites.iter().filter(wanted).filter_map(|setup| {
        let pages = setup.sources.iter().find_map(|source| source.pages())?;
        Some((setup, pages))
    });
    let (setup, pages) =
        with_pages.next().context("no such site has pages with the script ([site.sources.browser])")?;
    let mut url = match args.url {
        Some(url) => url,
        None => {
            let host =
                pages.settings.hosts.first().context("the site names no host (sources.browser.hosts)")?;
            Url::parse(&format!("https://{host}/"))?
        }
    };
    let origin = url.origin().ascii_serialization();
    anyhow::ensure!(pages.allows(&origin), "{origin} is none of the site's hosts (sources.browser.hosts)");
    let label = match args.label {
        Some(label) => label,
        None => {
            let mut bytes = [0; 3];
            getrandom::fill(&mut bytes)
                .map_err(|error| anyhow::anyhow!("the system gives no random bytes: {error}"))?;
            hex::encode(bytes)
        }
    };
    anyhow::ensure!(link::is_label(&label), "--label: 1 to 20 lower-case letters and digits");
    let signer = link::Signer::new(token).context("the private token makes no key")?;
    let now_s = args.now.map_or_else(|| SystemClock::default().now_s(), |ms| ms.div_euclid(1_000));
    url.query_pairs_mut().append_pair(link::PARAMETER, &signer.sign(&setup.site.id, &label, now_s));
    say!("{url}");
    eprintln!(
        "Open it in your browser within the hour and allow advertising; your visits are marked {label}:\n  \
         http://{}/live?visitor={label}",
        config.server.private
    );
    Ok(ExitCode::SUCCESS)
}
