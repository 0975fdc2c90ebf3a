//! Settings of the script on one shop's pages.

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::envelope::Keeping;

/// Words that filter lists look for in addresses on any domain (EasyPrivacy, AdGuard and others). An address with one of
/// them anywhere is blocked however neutral the rest is.
const LISTED: &[&str] = &[
    "adserv",
    "advert",
    "analytic",
    "beacon",
    "collect",
    "conversion",
    "fbevents",
    "gtag",
    "gtm",
    "matomo",
    "metric",
    "pixel",
    "plausible",
    "snowplow",
    "stape",
    "telemetry",
    "track",
    "umami",
];

/// The same, as a whole part between slashes.
const LISTED_PARTS: &[&str] =
    &["ad", "ads", "event", "events", "log", "logs", "stat", "stats", "tag", "tags"];

/// What to do with visitors that are machines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bots {
    /// Their events are kept, marked, and sent nowhere.
    #[default]
    Skip,
    /// They count as people: for tests and demonstrations.
    Send,
}

/// What a Purchase that the page reports is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sales {
    /// It completes the shop's own report of the order, and is not sent by itself.
    Complete,
    /// It is sent: nobody else reports orders.
    Send,
}

/// As found under `[site.sources.browser]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Hosts of the shop's pages, e.g. `shop.example`; a port only if it matters. None: nobody may send.
    pub hosts: Vec<String>,
    /// Where script and intake live, e.g. `/x7k2`. By default made from the first host, so that it is another one for
    /// every shop and on no list.
    pub path: Option<String>,
    /// Name of the visitor cookie.
    pub cookie: String,
    /// `Domain` of our cookies: only when the checkout is on another subdomain than the shop, or the gateway is.
    pub cookie_domain: Option<String>,
    /// Name of the data layer to read; empty for none.
    pub data_layer: String,
    /// Take e-mail and phone from forms, hashed in the page.
    pub forms: bool,
    /// Stand back entirely where a blocker is at work.
    pub respect_blockers: bool,
    /// Page views when the address changes without a load.
    pub single_page: bool,
    /// Machines among the visitors.
    pub bots: Bots,
    /// What the page's own Purchase is for. By default it completes where another source reports orders, else it is sent.
    pub sales: Option<Sales>,
    /// Event id of an order, with `{id}` or `{number}`. By default that of the source that reports orders.
    pub sale_event_id: Option<String>,
    /// Seconds a sale without a click id waits for its browser half.
    pub hold_seconds: u32,
    /// Days after which a click id is not joined to an order any more.
    pub click_window_days: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            hosts: Vec::new(),
            path: None,
            cookie: "tdv".to_owned(),
            cookie_domain: None,
            data_layer: "dataLayer".to_owned(),
            forms: false,
            respect_blockers: false,
            single_page: true,
            bots: Bots::default(),
            sales: None,
            sale_event_id: None,
            hold_seconds: 5,
            click_window_days: tandem_core::session::CLICK_WINDOW_DAYS,
        }
    }
}

impl Settings {
    /// Checks what would only show when no event arrives.
    ///
    /// # Errors
    /// A text that names the setting and what to write.
    pub fn check(&self) -> Result<(), String> {
        self.hosts.iter().try_for_each(|host| check_host(host))?;
        if let Some(path) = &self.path {
            check_path(path)?;
        }
        check_cookies(&self.cookie, self.cookie_domain.as_deref(), &self.hosts)?;
        let template = self.sale_event_id.as_deref().unwrap_or("{id}");
        if !template.contains("{id}") && !template.contains("{number}") {
            return Err("sale_event_id must contain {id} or {number}".to_owned());
        }
        check_hold(self.hold_seconds)
    }

    /// How its cookies are called and kept.
    pub(crate) fn keeping(&self) -> Keeping<'_> {
        Keeping {
            cookie: &self.cookie,
            cookie_domain: self.cookie_domain.as_deref(),
            click_window_days: self.click_window_days,
            bots: self.bots,
        }
    }

    /// The path in use.
    #[must_use]
    pub fn path(&self) -> String {
        self.path.clone().unwrap_or_else(|| made_path(self.hosts.first().map_or("", String::as_str)))
    }
}

/// Six letters and digits that only this host has, and no listed word.
fn made_path(host: &str) -> String {
    let digest = hex(&Sha256::digest(host.as_bytes()));
    let at = (0..digest.len() - 6).find(|at| listed_word(&digest[*at..at + 6]).is_none()).unwrap_or(0);
    format!("/t{}", &digest[at..at + 6])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// The word that filter lists block, if the path has one.
#[must_use]
pub fn listed_word(path: &str) -> Option<&'static str> {
    let part = LISTED_PARTS.iter().find(|word| path.split('/').any(|part| part == **word));
    part.or_else(|| LISTED.iter().find(|word| path.contains(**word))).copied()
}

pub(crate) fn check_host(host: &str) -> Result<(), String> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-' | b':');
    if host.is_empty() || !host.bytes().all(plain) {
        return Err(format!("hosts are bare names in lower case like shop.example, not {host:?}"));
    }
    Ok(())
}

fn check_path(path: &str) -> Result<(), String> {
    let plain = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_'))
    };
    let parts = path.strip_prefix('/').filter(|rest| rest.split('/').all(plain));
    if parts.is_none() {
        return Err("path is like /x7k2: a slash, then lower-case letters, digits, - or _".to_owned());
    }
    if path == "/v1" || path.starts_with("/v1/") || path.starts_with("/webhooks") {
        return Err(format!("path {path:?} is taken by the gateway itself"));
    }
    if let Some(word) = listed_word(path) {
        return Err(format!(
            "path has {word:?} in it, which filter lists block on any domain: choose a neutral one"
        ));
    }
    Ok(())
}

/// Checks name and domain of the visitor cookie.
pub(crate) fn check_cookies(cookie: &str, domain: Option<&str>, hosts: &[String]) -> Result<(), String> {
    check_cookie(cookie)?;
    let Some(domain) = domain else { return Ok(()) };
    check_host(domain).map_err(|_| "cookie_domain is a name like shop.example".to_owned())?;
    let outside = |host: &&String| {
        let name = host.split(':').next().unwrap_or(host);
        name != domain && !name.ends_with(&format!(".{domain}"))
    };
    match hosts.iter().find(outside) {
        Some(host) => Err(format!("cookie_domain {domain:?} does not hold for host {host:?}")),
        None => Ok(()),
    }
}

/// Checks that a hold ends inside the platforms' merge.
pub(crate) fn check_hold(hold_seconds: u32) -> Result<(), String> {
    let most = tandem_core::session::MAX_HOLD_MS / 1_000;
    if i64::from(hold_seconds) <= most {
        return Ok(());
    }
    Err(format!("hold_seconds is at most {most}: TikTok merges both halves only inside 5 minutes"))
}

fn check_cookie(name: &str) -> Result<(), String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    if name.is_empty() || name.len() > 40 || !name.bytes().all(plain) {
        return Err("cookie is a name of letters, digits, - or _".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_lists_block_are_refused() {
        for path in ["/x7k2", "/static/u-1", "/catalog"] {
            assert_eq!(check_path(path), Ok(()), "{path}");
        }
        for path in ["/g/collect", "/tracking", "/a/events", "/v1/x", "x7k2", "/", "/A", "/a b", "/metrics"] {
            assert!(check_path(path).is_err(), "{path}");
        }
    }

    #[test]
    fn every_host_has_a_neutral_path_of_its_own() {
        let paths: Vec<String> = (0..2_000).map(|i| made_path(&format!("shop{i}.example"))).collect();
        assert!(paths.iter().all(|path| check_path(path) == Ok(())));
        assert_eq!(made_path("shop.example"), made_path("shop.example"));
        assert_ne!(paths[0], paths[1]);
    }

    #[test]
    fn a_hold_ends_inside_the_merge() {
        let settings = |hold_seconds| Settings { hold_seconds, ..Settings::default() };
        assert!(settings(240).check().is_ok());
        assert!(settings(300).check().is_err());
    }
}
