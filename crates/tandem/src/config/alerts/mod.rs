//! `[alerts]` and `[site.alerts]`: from when on people are told, and where.

use std::collections::BTreeMap;
use std::net::IpAddr;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tandem_gateway::alerts::{Channel, Settings, SiteSettings};
use tandem_gateway::transport::mail::{Address, Encryption, Mailer};
use url::Url;

use super::Problems;
use rules::{OwnRule, changed};

mod rules;

/// `[alerts]`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Alerts {
    webhooks: Vec<SecretString>,
    secret: Option<SecretString>,
    link: Option<String>,
    email: Option<Email>,
    rules: BTreeMap<String, OwnRule>,
}

/// `[site.alerts]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct SiteAlerts {
    webhooks: Vec<SecretString>,
    secret: Option<SecretString>,
    to: Vec<String>,
    rules: BTreeMap<String, OwnRule>,
}

/// The id of a site, where its table is, and what the table says.
pub(super) type OfSite = (String, String, SiteAlerts);

/// `[alerts.email]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Email {
    host: String,
    port: Option<u16>,
    #[serde(default)]
    tls: Protection,
    username: Option<String>,
    password: Option<SecretString>,
    from: String,
    to: Vec<String>,
    /// PEM, to trust besides the system's.
    authority: Option<String>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Protection {
    #[default]
    StartTls,
    Implicit,
    None,
}

impl Alerts {
    pub(super) fn settings(self, sites: Vec<OfSite>, problems: &mut Problems) -> Settings {
        let mut channels = webhooks("alerts", &self.webhooks, self.secret.as_ref(), &[], problems);
        let server = match self.email {
            None => Server::Missing,
            Some(email) => email.mailer(problems).map_or(Server::Wrong, Server::Ready),
        };
        if let Server::Ready(mailer) = &server {
            channels.push(Channel::Mail(mailer.clone()));
        }
        let rules = changed("alerts", self.rules, None, problems);
        let link = self.link.and_then(|link| base(&link, problems));
        let mut settings = Settings { rules, channels, link, sites: BTreeMap::new() };
        for (id, at, own) in sites {
            let own = own.settings(&at, &settings, &server, problems);
            settings.sites.insert(id, own);
        }
        // A site that has nothing of its own is like one that is not named.
        settings.sites.retain(|_, own| !own.rules.is_empty() || !own.channels.is_empty());
        settings
    }
}

/// By which server sites' mail may go.
enum Server {
    /// There is no `[alerts.email]`.
    Missing,
    /// It has a mistake, which was told.
    Wrong,
    Ready(Mailer),
}

impl SiteAlerts {
    fn settings(self, at: &str, above: &Settings, server: &Server, problems: &mut Problems) -> SiteSettings {
        let mut channels = webhooks(at, &self.webhooks, self.secret.as_ref(), &above.channels, problems);
        match server {
            _ if self.to.is_empty() => {}
            Server::Missing => {
                let remedy =
                    "set [alerts.email], whose host, from and login count for all sites, or leave to out";
                problems.add(&format!("{at}.to"), "there is no mail server to send by", remedy);
            }
            Server::Wrong => drop(addresses(&format!("{at}.to"), &self.to, &[], problems)),
            Server::Ready(mailer) => {
                let to = addresses(&format!("{at}.to"), &self.to, &mailer.to, problems);
                channels.push(Channel::Mail(Mailer { to, ..mailer.clone() }));
            }
        }
        SiteSettings { rules: changed(at, self.rules, Some(above), problems), channels }
    }
}

/// Channels of a table, which must not be among `others`. No message has the address in it: it is often a secret.
fn webhooks(
    at: &str,
    urls: &[SecretString],
    secret: Option<&SecretString>,
    others: &[Channel],
    problems: &mut Problems,
) -> Vec<Channel> {
    if secret.is_some_and(|secret| secret.expose_secret().is_empty()) {
        let remedy = "give it a value, or leave it out";
        problems.add(&format!("{at}.secret"), "empty: it would prove nothing", remedy);
    }
    let mut channels: Vec<Channel> = Vec::new();
    for (i, url) in urls.iter().enumerate() {
        let at = format!("{at}.webhooks[{i}]");
        match Url::parse(url.expose_secret()) {
            Ok(parsed) if parsed.scheme() == "https" => {}
            Ok(parsed) if parsed.scheme() == "http" && parsed.host_str().is_some_and(is_this_machine) => {}
            Ok(parsed) if parsed.scheme() == "http" => {
                let remedy = "write https://; without TLS only this machine is posted to";
                problems.add(&at, "notices would go over the network in the open", remedy);
            }
            Ok(_) | Err(_) => {
                let remedy =
                    "write the whole address, e.g. \"env:ALERT_WEBHOOK\" for https://chat.example/hooks/…";
                problems.add(&at, "not a web address", remedy);
            }
        }
        let channel = Channel::Webhook { url: url.clone(), secret: secret.cloned() };
        if channels.iter().chain(others).any(|other| other.id() == channel.id()) {
            problems.add(&at, GIVEN_TWICE.0, GIVEN_TWICE.1);
        }
        channels.push(channel);
    }
    channels
}

/// What is wrong, and what to do.
type Wrong = (&'static str, &'static str);

const GIVEN_TWICE: Wrong =
    ("given twice", "leave one out: each gets every notice, those about single sites too");

/// Mailboxes of a list, which must not be among `others`.
fn addresses(at: &str, texts: &[String], others: &[Address], problems: &mut Problems) -> Vec<Address> {
    let mut all: Vec<Address> = Vec::new();
    for (i, text) in texts.iter().enumerate() {
        let at = format!("{at}[{i}]");
        let Some(address) = Address::parse(text) else {
            problems.add(&at, NO_ADDRESS.0, NO_ADDRESS.1);
            continue;
        };
        if all.iter().chain(others).any(|other| other.is_same(&address)) {
            problems.add(&at, GIVEN_TWICE.0, GIVEN_TWICE.1);
        }
        all.push(address);
    }
    all
}

const NO_ADDRESS: Wrong = ("not a mail address", "write ops@shop.example, or Tandem <tandem@shop.example>");

/// Where people reach the pages, without a slash at the end.
fn base(link: &str, problems: &mut Problems) -> Option<String> {
    let url = Url::parse(link).ok().filter(|url| {
        let plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        matches!(url.scheme(), "http" | "https") && url.has_host() && plain && url.password().is_none()
    });
    if url.is_none() {
        let remedy =
            "write where you open the pages of the private port, e.g. \"https://tandem.shop.example\"";
        problems.add("alerts.link", "not the address of pages", remedy);
    }
    url.map(|url| url.as_str().trim_end_matches('/').to_owned())
}

fn is_this_machine(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

impl Email {
    fn mailer(self, problems: &mut Problems) -> Option<Mailer> {
        let before = problems.0.len();
        let encryption = match self.tls {
            Protection::StartTls => Encryption::StartTls,
            Protection::Implicit => Encryption::Implicit,
            Protection::None => Encryption::Plain,
        };
        let mut wrong = |name: &str, what: &str, remedy: &str| {
            problems.add(&format!("alerts.email.{name}"), what, remedy)
        };
        let is_address = self.host.parse::<IpAddr>().is_ok();
        if !is_address && (self.host.contains(':') || url::Host::parse(&self.host).is_err()) {
            wrong("host", "not a host name", "write the mail server's name alone; its port goes into port");
        }
        if encryption == Encryption::Plain && !is_this_machine(&self.host) {
            let remedy = "write tls = \"starttls\" (port 587) or \"implicit\" (465); \"none\" is for a server on this machine";
            wrong("tls", "mail and password would go over the network in the open", remedy);
        }
        if self.port == Some(0) {
            wrong("port", "no port has the number 0", "leave it out for the usual one");
        }
        if self.username.is_some() != self.password.is_some() {
            let (there, missing) =
                if self.username.is_some() { ("username", "password") } else { ("password", "username") };
            wrong(missing, &format!("missing: there is a {there}"), "set both, or neither");
        }
        let from = Address::parse(&self.from);
        if from.is_none() {
            wrong("from", NO_ADDRESS.0, NO_ADDRESS.1);
        }
        if self.to.is_empty() {
            wrong("to", "nobody gets it", "name at least one, e.g. to = [\"ops@shop.example\"]");
        }
        let to = addresses("alerts.email.to", &self.to, &[], problems);
        let port = self.port.unwrap_or_else(|| encryption.port());
        let (login, authority) = (self.username.zip(self.password), self.authority.map(String::into_bytes));
        let mailer = Mailer { host: self.host, port, encryption, login, from: from?, to, authority };
        if let Err(why) = mailer.check() {
            let remedy = "authority is the certificate as PEM, e.g. \"file:mail-ca.pem\"; without it the system's count";
            problems.add("alerts.email.authority", &format!("TLS cannot be set up: {why}"), remedy);
        }
        (problems.0.len() == before).then_some(mailer)
    }
}

#[cfg(test)]
mod tests;
