//! `tandem doctor`: looks at a set-up from outside, as a visitor's browser and the shop would, and says what is wrong.
//!
//! Every check is made whatever the others find. A check is a function that gives a [`Check`]; one file a group.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args as ClapArgs;
use tandem_gateway::SiteSetup;
use tandem_gateway::clock::{Clock, SystemClock};
use tandem_gateway::transport::Http;
use url::Url;

use crate::config;

mod alerts;
mod check;
mod clock;
mod configuration;
mod csp;
mod destination;
mod gateway;
mod html;
mod intake;
mod page;
mod plugin;
mod resolve;
mod safari;
mod script;
mod subject;
mod webhook;

use check::{Check, Report};
use subject::Subject;

#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// The running gateway's configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Only this site; by default the one that --url belongs to, or all.
    #[arg(long)]
    site: Option<String>,
    /// A page of the shop, e.g. https://shop.example
    #[arg(long, value_parser = page_url)]
    url: Option<Url>,
    /// A code for test events, to send one: it shows in the platform's own tool and counts nowhere.
    #[arg(long, value_name = "CODE")]
    test_event_code: Option<String>,
    /// Send a test notice to every webhook and mail address of [alerts] and [site.alerts].
    #[arg(long)]
    test_alert: bool,
    /// For drills: take this for the machine's time (RFC 3339 or Unix seconds).
    #[arg(long, value_name = "TIME", value_parser = super::instant, hide = true)]
    now: Option<i64>,
}

fn page_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|_| "write a whole address like https://shop.example".to_owned())?;
    let web = matches!(url.scheme(), "http" | "https") && url.has_host();
    if web { Ok(url) } else { Err("write an address with http or https".to_owned()) }
}

pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let http = Http::new().context("cannot set up TLS")?;
    let clock = args.now.map_or_else(SystemClock::default, SystemClock::starting_at);
    let mut report = Report::default();
    match config::load(&args.config) {
        Err(problems) => {
            report.add("configuration", configuration::broken(&problems));
            if let Ok(server) = config::load_server(&args.config) {
                report.add("gateway", gateway::running(&http, &server, &clock).await.checks());
            }
        }
        Ok(config) => {
            report.add("configuration", configuration::remarks(&config.remarks));
            let sites = chosen(config.sites, args.site.as_deref(), args.url.as_ref())?;
            let server = &config.server;
            for setup in sites {
                let title = format!("site {}", setup.site.id);
                let subject = Subject {
                    script: super::tag::script(&setup, &server.limits()),
                    page: page::visit(&http, args.url.as_ref(), &clock).await,
                    server: server.clone(),
                    http: http.clone(),
                    test_event_code: args.test_event_code.clone(),
                    clock,
                    setup,
                };
                examine(&subject, &title, &mut report).await;
            }
            if args.test_alert {
                report.add("alerts", alerts::told(&config.alerts, &http, clock.now_ms()).await);
            }
        }
    }
    say_bare!("{report}");
    Ok(if report.failed() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The sites to look at.
fn chosen(sites: Vec<SiteSetup>, id: Option<&str>, url: Option<&Url>) -> anyhow::Result<Vec<SiteSetup>> {
    let known: Vec<String> = sites.iter().map(|setup| setup.site.id.clone()).collect();
    let named = |setup: &SiteSetup| id.is_none_or(|id| id == setup.site.id);
    let mut left: Vec<SiteSetup> = sites.into_iter().filter(named).collect();
    anyhow::ensure!(!left.is_empty(), "no such site; there are {}", known.join(", "));
    let Some(origin) = url.map(|url| url.origin().ascii_serialization()) else { return Ok(left) };
    let owns = |setup: &SiteSetup| {
        setup.sources.iter().filter_map(|source| source.pages()).any(|pages| pages.allows(&origin))
    };
    if left.iter().any(owns) {
        left.retain(owns);
    }
    anyhow::ensure!(left.len() == 1, "the page is on no site's hosts; name the site with --site");
    Ok(left)
}

async fn examine(subject: &Subject, title: &str, report: &mut Report) {
    let running = gateway::running(&subject.http, &subject.server, &subject.clock).await;
    let mut checks = running.checks();
    checks.extend(gateway::lanes(subject, &running));
    checks.push(gateway::hidden(subject).await);
    checks.push(clock::compared(subject).await);
    report.add(format!("{title}: gateway"), checks);

    let mut checks = vec![configuration::names(&subject.setup)];
    checks.extend(page::checks(subject));
    checks.extend(script::checks(subject).await);
    checks.extend(intake::checks(subject, &running).await);
    checks.push(safari::lifetime(subject).await);
    report.add(format!("{title}: pages"), checks);

    report.add(format!("{title}: webhook"), webhook::checks(subject).await);
    report.add(format!("{title}: destinations"), destination::checks(subject).await);
}
