//! The configuration file: one TOML for all sites. Reads the environment for secrets; nothing else does.
//!
//! Every mistake is found in one go, each with its path in the file and a remedy.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ipnet::IpNet;
use secrecy::SecretString;
use serde::Deserialize;
use tandem_core::rules::{Inputs, RuleSettings, VariableSettings};
use tandem_core::session::Rules;
use tandem_core::{Currency, Site};
use tandem_destinations::{Definition, Destination};
use tandem_gateway::rates::RatesSource;
use tandem_gateway::{Limits, SiteSetup};
use tandem_sources::browser::Sales;
use tandem_sources::{ON_PAGES, Source};

mod alerts;
mod consent;
mod problems;
mod reconcile;
mod rules;
mod secrets;
mod tags;

pub(crate) use problems::{Problem, Problems};
pub(crate) use rules::RuleTest;
pub(crate) use secrets::secret;

/// The commented file that `tandem check --example` prints and the tests read.
pub(crate) const EXAMPLE: &str = include_str!("../../../../examples/tandem.toml");

/// A configuration, checked and with its secrets in place.
pub(crate) struct Config {
    /// Where it was read from, if from a file.
    pub(crate) file: Option<PathBuf>,
    pub(crate) server: Server,
    pub(crate) store: StoreSettings,
    pub(crate) log: Log,
    pub(crate) sites: Vec<SiteSetup>,
    /// Where exchange rates come from.
    pub(crate) rates: Option<RatesSource>,
    /// From when on people are told that something is wrong, and where.
    pub(crate) alerts: tandem_gateway::alerts::Settings,
    /// Tests of the sites' rules, by site.
    pub(crate) rule_tests: RuleTests,
    /// Remarks that keep nothing from running.
    pub(crate) remarks: Vec<Problem>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Server {
    pub(crate) public: SocketAddr,
    pub(crate) private: SocketAddr,
    pub(crate) private_token: Option<SecretString>,
    pub(crate) max_body_bytes: usize,
    /// Whose word on a caller's address and protocol counts.
    pub(crate) trusted_proxies: Vec<IpNet>,
    pub(crate) page_requests_per_second: u32,
    /// Headers in which a trusted proxy tells where the caller is.
    pub(crate) country_header: Option<String>,
    pub(crate) state_header: Option<String>,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            public: SocketAddr::from(([127, 0, 0, 1], 8080)),
            private: SocketAddr::from(([127, 0, 0, 1], 8081)),
            private_token: None,
            max_body_bytes: Limits::default().max_body,
            trusted_proxies: Limits::default().trusted_proxies,
            page_requests_per_second: Limits::default().page_requests_per_second,
            country_header: None,
            state_header: None,
        }
    }
}

impl Server {
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            max_body: self.max_body_bytes,
            trusted_proxies: self.trusted_proxies.clone(),
            page_requests_per_second: self.page_requests_per_second,
            country_header: self.country_header.as_deref().map(str::to_ascii_lowercase),
            state_header: self.state_header.as_deref().map(str::to_ascii_lowercase),
            ..Limits::default()
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct StoreSettings {
    pub(crate) path: PathBuf,
    pub(crate) retention_days: u32,
    /// Whether what pages show is counted.
    pub(crate) insight: bool,
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self { path: PathBuf::from("tandem.db"), retention_days: 90, insight: true }
    }
}

impl StoreSettings {
    pub(crate) fn options(&self) -> tandem_store::Options {
        let retention_ms = i64::from(self.retention_days) * 86_400_000;
        tandem_store::Options {
            retention_ms,
            insight: self.insight,
            ..tandem_store::Options::new(&self.path)
        }
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    #[default]
    Text,
    Json,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Log {
    pub(crate) format: LogFormat,
    pub(crate) level: String,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Text, level: "info".to_owned() }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SiteTable {
    id: String,
    #[serde(default)]
    currency: Option<String>,
    #[serde(default)]
    country: Option<String>,
    #[serde(default)]
    hybrid: bool,
    #[serde(default)]
    consent: consent::SiteConsent,
    #[serde(default)]
    reporting_currency: Option<String>,
    #[serde(default)]
    rules: Vec<RuleSettings>,
    #[serde(default)]
    variables: Vec<VariableSettings>,
    #[serde(default)]
    rule_inputs: Inputs,
    #[serde(default)]
    rule_tests: Vec<RuleTest>,
    #[serde(default)]
    reconcile: reconcile::SiteReconcile,
    #[serde(default)]
    alerts: alerts::SiteAlerts,
    #[serde(default)]
    sources: toml::Table,
    #[serde(default)]
    destinations: toml::Table,
}

/// Tests of rules, by the id of their site.
pub(crate) type RuleTests = Vec<(String, Vec<RuleTest>)>;

/// Reads, resolves and checks a file.
///
/// # Errors
/// All [`Problems`] at once.
pub(crate) fn load(path: &Path) -> Result<Config, Problems> {
    let config = parse(&text_of(path)?, folder_of(path), |name| std::env::var(name).ok())?;
    Ok(Config { file: Some(path.to_owned()), ..config })
}

/// Only the listeners' settings, for commands that talk to a running gateway and need no other secret.
///
/// # Errors
/// [`Problems`] of that table.
pub(crate) fn load_server(path: &Path) -> Result<Server, Problems> {
    let mut table = table_of(&text_of(path)?)?;
    table.retain(|name, _| name == "server");
    let mut problems = Problems::default();
    secrets::resolve(
        &mut table,
        folder_of(path),
        &|name| std::env::var(name).ok(),
        &mut problems,
        &mut vec![],
    );
    let server = section(&mut table, "server", &mut problems);
    problems.or(server)
}

fn text_of(path: &Path) -> Result<String, Problems> {
    std::fs::read_to_string(path).map_err(|e| {
        Problems::one("", format!("cannot read {}: {e}", path.display()), "check the path after --config")
    })
}

/// Where relative paths start from.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn table_of(text: &str) -> Result<toml::Table, Problems> {
    text.parse().map_err(|e: toml::de::Error| {
        let remedy = "mend the TOML there; tandem check --example prints a working file";
        Problems::one("", e.to_string().trim().replace('\n', " "), remedy)
    })
}

/// The same on a text; `base` is the folder that relative paths start from.
pub(crate) fn parse(
    text: &str,
    base: &Path,
    env: impl Fn(&str) -> Option<String>,
) -> Result<Config, Problems> {
    let mut table = table_of(text)?;
    let mut problems = Problems::default();
    let mut remarks = Vec::new();
    secrets::resolve(&mut table, base, &env, &mut problems, &mut remarks);
    let server: Server = section(&mut table, "server", &mut problems);
    let mut store: StoreSettings = section(&mut table, "store", &mut problems);
    let log: Log = section(&mut table, "log", &mut problems);
    let currency = section(&mut table, "currency", &mut problems);
    let alerts: alerts::Alerts = section(&mut table, "alerts", &mut problems);
    let (mut rule_tests, mut site_alerts) = (RuleTests::new(), vec![]);
    let sites = sites(&mut table, &mut rule_tests, &mut site_alerts, &mut problems);
    let alerts = alerts.settings(site_alerts, &mut problems);
    remarks.extend(tags::remarks(&sites));
    for unknown in table.keys() {
        problems.add(
            unknown,
            "unknown table",
            "the tables are server, store, log, currency, alerts and [[site]]",
        );
    }
    if store.path.is_relative() {
        store.path = base.join(&store.path);
    }
    if server.private_token.is_none() {
        let remedy = "set it, e.g. private_token = \"env:TANDEM_PRIVATE_TOKEN\"";
        problems.add("server.private_token", "missing: the private port never runs without a token", remedy);
    }
    if server.public == server.private && server.public.port() != 0 {
        problems.add(
            "server.private",
            "the same as server.public",
            "give the private listener a port of its own",
        );
    }
    let wanted = sites.iter().any(|setup| setup.site.reporting.is_wanted());
    let rates = rules::rates(currency, wanted, base, &store, &mut problems);
    problems.or(Config { file: None, server, store, log, sites, rates, alerts, rule_tests, remarks })
}

fn section<T: for<'de> Deserialize<'de> + Default>(
    table: &mut toml::Table,
    name: &str,
    problems: &mut Problems,
) -> T {
    let Some(value) = table.remove(name) else { return T::default() };
    read(value, name, problems).unwrap_or_default()
}

fn read<T: for<'de> Deserialize<'de>>(value: toml::Value, at: &str, problems: &mut Problems) -> Option<T> {
    serde_path_to_error::deserialize(value)
        .map_err(|error| {
            let inner = error.path().to_string();
            let path = if inner == "." { at.to_owned() } else { format!("{at}.{inner}") };
            problems.add(&path, error.inner().message().trim(), "see the same key in tandem check --example");
        })
        .ok()
}

fn sites(
    table: &mut toml::Table,
    tests: &mut RuleTests,
    alerts: &mut Vec<alerts::OfSite>,
    problems: &mut Problems,
) -> Vec<SiteSetup> {
    let list = match table.remove("site") {
        Some(toml::Value::Array(list)) if !list.is_empty() => list,
        Some(toml::Value::Array(_)) | None => {
            problems.add("site", "no site at all", "add a [[site]] with an id");
            return vec![];
        }
        Some(_) => {
            problems.add("site", "must be a list of tables", "write [[site]] with two brackets");
            return vec![];
        }
    };
    let mut sites: Vec<SiteSetup> = Vec::new();
    let (mut keys, mut marks) = (std::collections::HashSet::new(), std::collections::HashSet::new());
    for (i, value) in list.into_iter().enumerate() {
        let at = format!("site[{i}]");
        let Some(mut table) = read::<SiteTable>(value, &at, problems) else { continue };
        tests.push((table.id.clone(), std::mem::take(&mut table.rule_tests)));
        alerts.push((table.id.clone(), format!("{at}.alerts"), std::mem::take(&mut table.alerts)));
        for (source, name) in [("events", "write_keys"), ("woocommerce", "plugin_secrets")] {
            if secrets_of(&table, source, name).into_iter().any(|key| !keys.insert(key)) {
                let remedy = "it says which site an event is for: give every site its own";
                problems.add(&format!("{at}.sources.{source}.{name}"), "a key is used twice", remedy);
            }
        }
        let setup = site(table, &at, problems);
        if sites.iter().any(|s| s.site.id == setup.site.id) {
            problems.add(&format!("{at}.id"), "used twice", "give every site an id of its own");
        }
        if let Some(path) = path_of(&setup)
            && sites.iter().any(|other| path_of(other) == Some(path))
        {
            let remedy = "the path says which site a page is of: give every site its own";
            problems.add(&format!("{at}.sources.browser.path"), "used twice", remedy);
        }
        for (source, name, mark) in tags::marks(&setup) {
            if !marks.insert((source, mark)) {
                let remedy = "it says which site a request is for: give every site its own";
                problems.add(&format!("{at}.sources.{source}.{name}"), "used twice", remedy);
            }
        }
        sites.push(setup);
    }
    sites
}

fn site(table: SiteTable, at: &str, problems: &mut Problems) -> SiteSetup {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    if table.id.is_empty() || table.id.len() > 40 || !table.id.chars().all(plain) {
        let remedy = "use 1 to 40 lower-case letters, digits, - or _; it becomes part of addresses and keys";
        problems.add(&format!("{at}.id"), "not a short name", remedy);
    }
    let currency = table.currency.as_deref().and_then(Currency::parse);
    if table.currency.is_some() && currency.is_none() {
        problems.add(&format!("{at}.currency"), "not an ISO 4217 code", "write three letters, e.g. \"EUR\"");
    }
    let country = table.country.map(|c| c.to_ascii_uppercase());
    if country.as_deref().is_some_and(|c| c.len() != 2 || !c.bytes().all(|b| b.is_ascii_uppercase())) {
        problems.add(&format!("{at}.country"), "not an ISO 3166 code", "write two letters, e.g. \"DE\"");
    }
    let mut sources = Vec::new();
    for (name, settings) in table.sources {
        match tandem_sources::configure(&name, Some(&to_json(&settings))) {
            Ok(source) => sources.push(source),
            Err(why) => problems.add(&format!("{at}.sources.{name}"), &why, "see tandem check --example"),
        }
    }
    let base = table.reporting_currency.as_deref();
    let mut changed =
        rules::Gathered::of_site(table.rules, table.variables, table.rule_inputs, base, at, problems);
    let (destinations, asked) = destinations(table.destinations, &mut changed, at, problems);
    let (rules, reporting) = changed.compile(at, problems);
    let (policy, gates) = consent::rules(table.consent, asked, at, problems);
    if sources.is_empty() {
        let remedy = "add [site.sources.browser], [site.sources.woocommerce] or [site.sources.events]; see tandem check \
                      --example for the others";
        problems.add(&format!("{at}.sources"), "no way in", remedy);
    }
    let sessions = sessions(&sources, at, problems);
    tags::check(&sources, at, problems);
    let has_script = sources.iter().any(|source| source.pages().is_some());
    let page_pixel = has_script && destinations.iter().any(|d| d.page_pixel().is_some());
    let of_script = sources.iter().find_map(|source| source.pages()?.settings.sale_event_id.as_deref());
    let sale_event_id = of_script.or_else(|| sources.iter().find_map(|source| source.sale_event_id()));
    let sale_event_id = sale_event_id.map(str::to_owned);
    let mut browser_ids: Vec<_> =
        destinations.iter().flat_map(|d| d.definition().browser_ids).copied().collect();
    browser_ids.sort_unstable();
    browser_ids.dedup();
    let site = Site {
        id: table.id,
        currency,
        country,
        hybrid: table.hybrid || page_pixel,
        policy,
        gates,
        sessions,
        browser_ids,
        rules,
        reporting,
        sale_event_id,
        reconcile: table.reconcile.settings(&sources, at, problems),
    };
    SiteSetup { site, sources, destinations }
}

/// How visitors are remembered: only where the shop's pages send to us. Our script's settings count before a tag's.
fn sessions(sources: &[Box<dyn Source>], at: &str, problems: &mut Problems) -> Option<Rules> {
    let on_pages = || sources.iter().filter(|source| source.remembering().is_some());
    for source in on_pages().filter(|source| source.remembering().is_some_and(|how| how.hosts.is_empty())) {
        let remedy = "name the hosts of the shop's pages, e.g. hosts = [\"shop.example\"]";
        problems.add(&format!("{at}.sources.{}.hosts", source.name()), "no host: no page may send", remedy);
    }
    let first = on_pages().min_by_key(|source| ON_PAGES.iter().position(|name| *name == source.name()))?;
    let how = first.remembering()?;
    let others = sources.iter().any(|source| source.remembering().is_none());
    Some(Rules {
        hold_ms: i64::from(how.hold_seconds) * 1_000,
        click_window_ms: i64::from(how.click_window_days) * 86_400_000,
        sales_come_otherwise: how.sales.map_or(others, |sales| sales == Sales::Complete),
    })
}

fn path_of(setup: &SiteSetup) -> Option<&str> {
    setup.sources.iter().find_map(|source| Some(source.pages()?.path.as_str()))
}

fn secrets_of(table: &SiteTable, source: &str, name: &str) -> Vec<String> {
    let keys = table.sources.get(source).and_then(|source| source.get(name)?.as_array());
    keys.into_iter().flatten().filter_map(|key| key.as_str().map(str::to_owned)).collect()
}

type Asked = Vec<(&'static Definition, consent::DestinationConsent)>;

/// The ways out, and what each asks of consent.
fn destinations(
    table: toml::Table,
    changed: &mut rules::Gathered,
    at: &str,
    problems: &mut Problems,
) -> (Vec<Arc<dyn Destination>>, Asked) {
    let (mut destinations, mut asked): (Vec<Arc<dyn Destination>>, Asked) = Default::default();
    for (name, mut settings) in table {
        let path = format!("{at}.destinations.{name}");
        let Some(platform) = tandem_destinations::platform(&name) else {
            let known: Vec<_> = tandem_destinations::PLATFORMS.iter().map(|p| p.definition.name).collect();
            problems.add(&path, "unknown destination", &format!("known are {}", known.join(", ")));
            continue;
        };
        let own = settings.as_table_mut().and_then(|settings| settings.remove("consent"));
        let own = own.map(|own| read(own, &format!("{path}.consent"), problems).unwrap_or_default());
        asked.push((platform.definition, own.unwrap_or_default()));
        changed.take(&name, &mut settings, &path, problems);
        match (platform.configure)(&to_json(&settings)) {
            Ok(destination) => destinations.push(destination.into()),
            Err(why) => problems.add(&path, &why, "see tandem check --example"),
        }
    }
    (destinations, asked)
}

fn to_json(value: &toml::Value) -> serde_json::Value {
    serde_json::to_value(value).unwrap_or_default()
}

#[cfg(test)]
mod tests;
