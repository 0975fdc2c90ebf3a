//! Rules, their tests, and exchange rates, as written in the file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value};
use tandem_core::rates::{ECB_URL, Rates, RatesError, Reporting};
use tandem_core::rules::{Inputs, RuleSettings, Rules, Settings, VariableSettings};
use tandem_core::{Amount, Currency};
use tandem_gateway::rates::RatesSource;

use super::{Problems, StoreSettings, read};

/// A test of a site's rules, run by `tandem check`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuleTest {
    pub(crate) name: String,
    /// As for `POST /v1/events`.
    pub(crate) event: Map<String, Value>,
    /// Headers of the request, for rules that look at them.
    #[serde(default)]
    pub(crate) headers: Map<String, Value>,
    /// Whose request and skip are meant; without one, the event at the door.
    #[serde(default)]
    pub(crate) destination: Option<String>,
    /// A part of the event as it is kept.
    #[serde(default)]
    pub(crate) expect: Option<Value>,
    /// Paths that the kept event must not have.
    #[serde(default)]
    pub(crate) expect_absent: Vec<String>,
    /// A part of the reason for which the event is not kept.
    #[serde(default)]
    pub(crate) expect_drop: Option<String>,
    /// A part of an event that a rule adds.
    #[serde(default)]
    pub(crate) expect_emit: Option<Value>,
    /// A part of the code or reason for which it is not sent.
    #[serde(default)]
    pub(crate) expect_skip: Option<String>,
    /// A part of what the destination gets.
    #[serde(default)]
    pub(crate) expect_request: Option<Value>,
}

/// What the file says of a site's rules and of its reporting currency, gathered from the site and its destinations.
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) settings: Settings,
    pub(super) reporting: Reporting,
}

impl Gathered {
    /// What stands in the site's own table.
    pub(super) fn of_site(
        rules: Vec<RuleSettings>,
        variables: Vec<VariableSettings>,
        inputs: Inputs,
        reporting_currency: Option<&str>,
        at: &str,
        problems: &mut Problems,
    ) -> Self {
        let settings = Settings { rules, variables, inputs, ..Settings::default() };
        let default = reporting_currency.and_then(|code| currency(code, at, problems));
        Self { settings, reporting: Reporting { default, ..Reporting::default() } }
    }

    /// Takes what is about rules and money out of a destination's table; the rest is the platform's own.
    pub(super) fn take(&mut self, name: &str, table: &mut toml::Value, at: &str, problems: &mut Problems) {
        let Some(table) = table.as_table_mut() else { return };
        if let Some(rules) = table.remove("rules") {
            let rules = read(rules, &format!("{at}.rules"), problems).unwrap_or_default();
            self.settings.destinations.insert(name.to_owned(), rules);
        }
        if let Some(code) = table.remove("reporting_currency") {
            let code = code.as_str().unwrap_or_default().to_owned();
            let currency = currency(&code, at, problems);
            self.reporting.destinations.extend(currency.map(|currency| (name.to_owned(), currency)));
        }
    }

    /// Compiles; every mistake becomes a problem.
    pub(super) fn compile(self, at: &str, problems: &mut Problems) -> (Arc<Rules>, Reporting) {
        let rules = Rules::compile(self.settings).unwrap_or_else(|mistakes| {
            for mistake in mistakes {
                problems.add(&format!("{at}.{}", mistake.path), &mistake.what, "see docs/rules.md");
            }
            Rules::default()
        });
        (Arc::new(rules), self.reporting)
    }
}

fn currency(code: &str, at: &str, problems: &mut Problems) -> Option<Currency> {
    let currency = Currency::parse(code);
    if currency.is_none() {
        let at = format!("{at}.reporting_currency");
        problems.add(&at, "not an ISO 4217 code", "write three letters, e.g. \"EUR\"");
    }
    currency
}

/// `[currency]`: where exchange rates come from.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct CurrencySettings {
    /// A TOML file of the shop's own.
    rates: Option<PathBuf>,
    /// The European Central Bank's file, fetched by somebody else.
    ecb: Option<PathBuf>,
    /// The bank's daily feed: "ecb", or an address with the same format.
    feed: Option<String>,
}

/// Where rates come from, if any site wants them. A file is read once to see that it can be.
pub(super) fn rates(
    settings: CurrencySettings,
    wanted: bool,
    base: &Path,
    store: &StoreSettings,
    problems: &mut Problems,
) -> Option<RatesSource> {
    let CurrencySettings { rates, ecb, feed } = settings;
    let source = match (rates, ecb, feed) {
        (Some(path), None, None) => RatesSource::File { path: base.join(path), read: from_toml },
        (None, Some(path), None) => RatesSource::File { path: base.join(path), read: Rates::from_ecb },
        (None, None, Some(feed)) => {
            let url = if feed == "ecb" { ECB_URL.to_owned() } else { feed };
            if !url.starts_with("https://") && !url.starts_with("http://") {
                problems.add(
                    "currency.feed",
                    "no address",
                    "write \"ecb\", or an address that begins with https://",
                );
            }
            RatesSource::Feed { url, kept_in: store.path.with_extension("rates.xml") }
        }
        (None, None, None) => {
            if wanted {
                let remedy = "add [currency] with feed = \"ecb\", or with a file in rates or ecb";
                problems.add("currency", "a reporting_currency needs exchange rates", remedy);
            }
            return None;
        }
        _ => {
            problems.add("currency", "more than one source of rates", "keep one of rates, ecb and feed");
            return None;
        }
    };
    if let (RatesSource::File { .. }, Err(why)) = (&source, source.on_disk()) {
        problems.add("currency", &why, "see docs/rules.md for the form of the file");
    }
    Some(source)
}

/// `base = "EUR"`, `day = "2026-11-20"`, and a table `[rates]`.
fn from_toml(text: &str) -> Result<Rates, RatesError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Written {
        base: String,
        day: String,
        rates: BTreeMap<String, Value>,
    }
    let written: Written = toml::from_str(text).map_err(|_| RatesError::Unreadable)?;
    let base = Currency::parse(&written.base).ok_or(RatesError::Rate)?;
    let one = |(code, rate): (&String, &Value)| {
        Some((Currency::parse(code)?, Amount::from_json(rate).ok()?.0.decimal()))
    };
    let list: Option<Vec<_>> = written.rates.iter().map(one).collect();
    Rates::new(base, &written.day, list.ok_or(RatesError::Rate)?)
}
