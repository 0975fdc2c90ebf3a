use std::path::PathBuf;
use std::process::ExitCode;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use clap::Args as ClapArgs;
use secrecy::ExposeSecret;
use serde::Serialize;
use tandem_gateway::SiteSetup;
use tandem_sources::woocommerce::Plugin;
use url::Url;

use crate::config;

/// The form of what follows; the plugin takes no other.
const FORM: &str = "tandem1.";

/// Bytes of a made secret.
const SECRET_BYTES: usize = 32;

#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Only this site.
    #[arg(long)]
    site: Option<String>,
    /// Where the shop's server reaches the gateway's public port, e.g. https://gateway.example
    #[arg(long, value_parser = gateway_url)]
    url: Url,
}

/// What the plugin needs to know, in the order it is written.
#[derive(Serialize)]
struct Connection<'a> {
    url: &'a str,
    site: &'a str,
    secret: &'a str,
    /// Of the pages' script; left out where they have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a str>,
}

/// The lines go to standard output; what a person should know, to standard error.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let config = config::load(&args.config).map_err(|problems| anyhow::anyhow!("{problems}"))?;
    let url = args.url.as_str().trim_end_matches('/');
    let wanted = |setup: &&SiteSetup| args.site.as_ref().is_none_or(|id| *id == setup.site.id);
    let (mut shops, mut lacking) = (0, 0);
    for setup in config.sites.iter().filter(wanted) {
        let Some(plugin) = setup.sources.iter().find_map(|source| source.plugin()) else { continue };
        shops += 1;
        match line(setup, plugin, url)? {
            Some(line) => {
                eprintln!("site {}, for the plugin's settings; keep it like a password:", setup.site.id);
                say!("{line}");
            }
            None => {
                lacking += 1;
                eprint!("{}", remedy(&setup.site.id)?);
            }
        }
    }
    anyhow::ensure!(shops > 0, "no such site has [site.sources.woocommerce]");
    if args.url.scheme() == "http" {
        eprintln!(
            "remark: over http anybody on the way can read the orders; use https outside your own network"
        );
    }
    Ok(if lacking == shops { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The connection in one line; `None` without a secret.
fn line(setup: &SiteSetup, plugin: Plugin<'_>, url: &str) -> anyhow::Result<Option<String>> {
    let Some(secret) = plugin.secret() else { return Ok(None) };
    let connection = Connection {
        url,
        site: &setup.site.id,
        secret: secret.expose_secret(),
        path: setup.sources.iter().find_map(|source| Some(source.pages()?.path.as_str())),
    };
    let json = serde_json::to_vec(&connection)?;
    Ok(Some(format!("{FORM}{}", BASE64_URL_SAFE_NO_PAD.encode(json))))
}

/// What to do for a site without a secret, with one that nobody has seen yet.
fn remedy(site: &str) -> anyhow::Result<String> {
    let mut bytes = [0; SECRET_BYTES];
    getrandom::fill(&mut bytes)
        .map_err(|error| anyhow::anyhow!("the system gives no random bytes: {error}"))?;
    let secret = hex::encode(bytes);
    let name = format!("{}_PLUGIN_SECRET", site.to_ascii_uppercase().replace('-', "_"));
    Ok(format!(
        "site {site} has no secret for the plugin. Put one into the gateway's environment:\n\n    \
         {name}={secret}\n\nname it in the configuration, under [site.sources.woocommerce]:\n\n    \
         plugin_secrets = [\"env:{name}\"]\n\nrestart the gateway, and run this command again.\n"
    ))
}

/// The plugin puts `/plugin/SITE` behind it.
fn gateway_url(text: &str) -> Result<Url, String> {
    let url =
        Url::parse(text).map_err(|_| "write a whole address like https://gateway.example".to_owned())?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err("write an address with http or https".to_owned());
    }
    let bare = url.username().is_empty() && url.password().is_none();
    if !bare || url.query().is_some() || url.fragment().is_some() {
        return Err("write the address without user, query and #".to_owned());
    }
    Ok(url)
}
