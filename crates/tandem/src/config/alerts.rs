//! `[alerts]`: from when on people are told, and where.

use std::collections::BTreeMap;
use std::net::IpAddr;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tandem_core::alert::{Key, RULES, Rule, Unit, shown};
use tandem_gateway::alerts::{Channel, Settings};
use tandem_gateway::transport::mail::{Address, Encryption, Mailer};
use toml::Value;
use url::Url;

use super::Problems;

/// The longest hold, in seconds: what takes longer to be told is told to nobody.
const LONGEST_S: u64 = 30 * 86_400;

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

/// `[alerts.rules.KEY]`. What is not set stays as it is without settings.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct OwnRule {
    enabled: Option<bool>,
    raise: Option<Value>,
    clear: Option<Value>,
    raise_after: Option<Value>,
    clear_after: Option<Value>,
}

impl Alerts {
    pub(super) fn settings(self, problems: &mut Problems) -> Settings {
        if self.secret.as_ref().is_some_and(|secret| secret.expose_secret().is_empty()) {
            problems.add(
                "alerts.secret",
                "empty: it would prove nothing",
                "give it a value, or leave it out",
            );
        }
        let mut channels = webhooks(&self.webhooks, self.secret.as_ref(), problems);
        channels.extend(self.email.and_then(|email| email.mailer(problems)).map(Channel::Mail));
        let mut rules = RULES.to_vec();
        for (name, own) in self.rules {
            let at = format!("alerts.rules.{name}");
            match rules.iter_mut().find(|rule| Some(rule.key) == Key::named(&name)) {
                Some(rule) => own.change(rule, &at, problems),
                None => {
                    let known: Vec<_> = RULES.iter().map(|rule| rule.key.text()).collect();
                    problems.add(&at, "unknown rule", &format!("known are {}", known.join(", ")));
                }
            }
        }
        Settings { rules, channels, link: self.link.and_then(|link| base(&link, problems)) }
    }
}

/// No message has the address in it: it is often a secret.
fn webhooks(urls: &[SecretString], secret: Option<&SecretString>, problems: &mut Problems) -> Vec<Channel> {
    let mut channels: Vec<Channel> = Vec::new();
    for (i, url) in urls.iter().enumerate() {
        let at = format!("alerts.webhooks[{i}]");
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
        if channels.iter().any(|other| other.id() == channel.id()) {
            problems.add(&at, "given twice", "leave one out: each gets every notice");
        }
        channels.push(channel);
    }
    channels
}

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
        let example = "write ops@shop.example, or Tandem <tandem@shop.example>";
        if from.is_none() {
            wrong("from", "not a mail address", example);
        }
        if self.to.is_empty() {
            wrong("to", "nobody gets it", "name at least one, e.g. to = [\"ops@shop.example\"]");
        }
        let mut to = Vec::new();
        for (i, text) in self.to.iter().enumerate() {
            match Address::parse(text) {
                Some(address) => to.push(address),
                None => wrong(&format!("to[{i}]"), "not a mail address", example),
            }
        }
        let port = self.port.unwrap_or_else(|| encryption.port());
        let (login, authority) = (self.username.zip(self.password), self.authority.map(String::into_bytes));
        let mailer = Mailer { host: self.host, port, encryption, login, from: from?, to, authority };
        if let Err(why) = mailer.check() {
            let remedy = "authority is the certificate as PEM, e.g. \"file:mail-ca.pem\"; without it the system's count";
            wrong("authority", &format!("TLS cannot be set up: {why}"), remedy);
        }
        (problems.0.len() == before).then_some(mailer)
    }
}

impl OwnRule {
    fn change(self, rule: &mut Rule, at: &str, problems: &mut Problems) {
        let before = problems.0.len();
        rule.enabled = self.enabled.unwrap_or(rule.enabled);
        for (name, given, value) in
            [("raise", self.raise, &mut rule.raise), ("clear", self.clear, &mut rule.clear)]
        {
            match given.map(|given| amount(rule.unit, &given)).transpose() {
                Ok(given) => *value = given.unwrap_or(*value),
                Err((what, remedy)) => problems.add(&format!("{at}.{name}"), what, remedy),
            }
        }
        for (name, given, value) in [
            ("raise_after", self.raise_after, &mut rule.raise_after_ms),
            ("clear_after", self.clear_after, &mut rule.clear_after_ms),
        ] {
            match given.map(|given| seconds(&given).ok_or(())).transpose() {
                Ok(given) => *value = given.map_or(*value, |given| i64::from(given) * 1_000),
                Err(()) => problems.add(&format!("{at}.{name}"), "not a duration", DURATION),
            }
        }
        if problems.0.len() == before && rule.clear >= rule.raise {
            let (raise, clear) = (shown(rule.unit, rule.raise), shown(rule.unit, rule.clear));
            let what = format!("raised from {raise} on, and over at {clear}: both at once");
            problems.add(&format!("{at}.clear"), &what, "set raise and clear so that clear is less");
        }
    }
}

const DURATION: &str = "write \"30s\", \"10m\", \"2h\" or \"1d\"; 30 days at most";

type Wrong = (&'static str, &'static str);

/// A threshold in the rule's unit.
fn amount(unit: Unit, given: &Value) -> Result<f64, Wrong> {
    let most = match unit {
        Unit::Seconds => return seconds(given).map(f64::from).ok_or(("not a duration", DURATION)),
        Unit::Switch => {
            let remedy = "leave it out; enabled, raise_after and clear_after can be set";
            return Err(("it is either so or not", remedy));
        }
        Unit::Share => (1.0, "write a share from 0 to 1, e.g. 0.2 for 20 %"),
        Unit::Points => (10.0, "write points from 0 to 10, e.g. 1.0"),
        Unit::Events => (1e9, "write a number of events, e.g. 20"),
    };
    // A whole number in the file is a float here just as well.
    let number = given.clone().try_into::<f64>().ok();
    number.filter(|number| (0.0..=most.0).contains(number)).ok_or(("out of range", most.1))
}

/// `"10m"` in seconds.
fn seconds(given: &Value) -> Option<u32> {
    let text = given.as_str()?;
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    let is_plain = number.bytes().all(|b| b.is_ascii_digit());
    let seconds = number.parse::<u64>().ok().filter(|_| is_plain)?.checked_mul(unit)?;
    u32::try_from(seconds).ok().filter(|_| seconds <= LONGEST_S)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{Config, parse};
    use super::*;

    const SHOP: &str = r#"
        [server]
        private_token = "env:TOKEN"
        [[site]]
        id = "shop"
        [site.sources.events]
        write_keys = ["env:KEY"]
    "#;

    fn read(alerts: &str) -> Result<Config, Problems> {
        let env = |name: &str| {
            Some(match name {
                "HOOK" => "https://chat.example/hooks/T0KEN".to_owned(),
                other => format!("value-of-{other}"),
            })
        };
        parse(&format!("{SHOP}{alerts}"), Path::new("."), env)
    }

    fn problems(alerts: &str) -> Vec<String> {
        let told = read(alerts).err().map(|problems| problems.0).unwrap_or_default();
        told.into_iter().map(|p| format!("{}: {} → {}", p.path, p.what, p.remedy)).collect()
    }

    const EMAIL: &str = r#"
        [alerts.email]
        host = "mail.shop.example"
        username = "tandem"
        password = "env:PASSWORD"
        from = "Tandem <tandem@shop.example>"
        to = ["ops@shop.example", "Ada <ada@shop.example>"]
    "#;

    #[test]
    fn without_a_table_all_rules_are_watched_and_nobody_is_told() {
        let settings = read("").map_err(|p| p.to_string()).unwrap().alerts;
        assert_eq!((settings.rules.as_slice(), settings.channels.len(), settings.link), (RULES, 0, None));
    }

    #[test]
    fn a_whole_table() {
        let text = format!(
            r#"
            [alerts]
            webhooks = ["env:HOOK", "http://127.0.0.1:9/x", "http://[::1]:9/x", "http://localhost/x"]
            secret = "env:SECRET"
            link = "https://tandem.shop.example/"
            {EMAIL}
            [alerts.rules.queue_age]
            raise = "5m"
            clear = "30s"
            raise_after = "0s"
            [alerts.rules.error_rate]
            raise = 1
            clear_after = "1d"
            [alerts.rules.emq_drop]
            enabled = false
            "#
        );
        let config = read(&text).map_err(|p| p.to_string()).unwrap();
        let settings = config.alerts;
        let titles: Vec<String> = settings.channels.iter().map(Channel::title).collect();
        assert_eq!(titles[0], "webhook at chat.example");
        assert_eq!(titles[4], "e-mail by mail.shop.example");
        assert_eq!(settings.link.as_deref(), Some("https://tandem.shop.example"));
        let Some(Channel::Mail(mailer)) = settings.channels.last() else { panic!("{titles:?}") };
        assert_eq!((mailer.port, mailer.encryption, mailer.to.len()), (587, Encryption::StartTls, 2));
        assert_eq!(mailer.login.as_ref().unwrap().1.expose_secret(), "value-of-PASSWORD");
        let queue = settings.rule(Key::QueueAge);
        assert_eq!((queue.raise, queue.clear, queue.raise_after_ms), (300.0, 30.0, 0));
        assert_eq!(queue.clear_after_ms, tandem_core::alert::rule(Key::QueueAge).clear_after_ms);
        let rate = settings.rule(Key::ErrorRate);
        assert_eq!((rate.raise, rate.clear, rate.clear_after_ms), (1.0, 0.05, 86_400_000));
        assert!(!settings.rule(Key::EmqDrop).enabled && rate.enabled);
        let open: Vec<_> = config.remarks.into_iter().map(|remark| remark.path).collect();
        assert_eq!(open, ["alerts.webhooks[1]", "alerts.webhooks[2]", "alerts.webhooks[3]"]);
    }

    #[test]
    fn each_mistake_has_its_path_and_a_remedy() {
        for (text, told) in [
            (
                "[alerts]\nwebhooks = [\"http://chat.example/T0KEN\"]",
                "alerts.webhooks[0]: notices would go over",
            ),
            (
                "[alerts]\nwebhooks = [\"http://localhost.example/\"]",
                "alerts.webhooks[0]: notices would go over",
            ),
            ("[alerts]\nwebhooks = [\"chat.example/T0KEN\"]", "alerts.webhooks[0]: not a web address"),
            ("[alerts]\nwebhooks = [\"ftp://chat.example/\"]", "alerts.webhooks[0]: not a web address"),
            ("[alerts]\nwebhooks = [\"env:HOOK\", \"env:HOOK\"]", "alerts.webhooks[1]: given twice"),
            ("[alerts]\nsecret = \"\"", "alerts.secret: empty"),
            ("[alerts]\nlink = \"tandem.shop.example\"", "alerts.link: not the address"),
            ("[alerts]\nlink = \"https://tandem.shop.example/?a=b\"", "alerts.link: not the address"),
            ("[alerts]\nwebhoks = []", "alerts.webhoks: unknown field"),
            (
                "[alerts.rules.queue]\nraise = \"1m\"",
                "alerts.rules.queue: unknown rule → known are queue_age,",
            ),
            ("[alerts.rules.queue_age]\nraise = 600", "alerts.rules.queue_age.raise: not a duration"),
            ("[alerts.rules.queue_age]\nraise = \"m\"", "alerts.rules.queue_age.raise: not a duration"),
            ("[alerts.rules.queue_age]\nraise = \"+5m\"", "alerts.rules.queue_age.raise: not a duration"),
            ("[alerts.rules.queue_age]\nraise = \"9é\"", "alerts.rules.queue_age.raise: not a duration"),
            (
                "[alerts.rules.queue_age]\nraise_after = \"31d\"",
                "alerts.rules.queue_age.raise_after: not a dur",
            ),
            (
                "[alerts.rules.queue_age]\nraise = \"2m\"",
                "alerts.rules.queue_age.clear: raised from 2 min on, and over at 2 min",
            ),
            (
                "[alerts.rules.error_rate]\nclear = 0.3",
                "alerts.rules.error_rate.clear: raised from 20 % on, and over at 30 %",
            ),
            (
                "[alerts.rules.error_rate]\nraise = 20",
                "alerts.rules.error_rate.raise: out of range → write a share",
            ),
            ("[alerts.rules.error_rate]\nraise = nan", "alerts.rules.error_rate.raise: out of range"),
            ("[alerts.rules.stopped]\nraise = 1", "alerts.rules.stopped.raise: it is either so or not"),
            ("[alerts.rules.stopped]\nenabled = \"no\"", "alerts.rules.stopped.enabled: "),
        ] {
            let found = problems(text);
            assert!(found.len() == 1 && found[0].starts_with(told), "{text}: {found:?}");
            assert!(!found[0].contains("T0KEN") && !found[0].ends_with("→ "), "{found:?}");
        }
    }

    #[test]
    fn each_mistake_in_e_mail_has_its_path_and_a_remedy() {
        assert_eq!(problems(EMAIL), Vec::<String>::new());
        for (old, new, told) in [
            ("host = \"mail", "tls = \"none\"\nhost = \"mail", "tls: mail and password would go"),
            ("host = \"mail", "tls = \"ssl\"\nhost = \"mail", "tls: unknown variant"),
            ("mail.shop.example", "mail.shop.example:587", "host: not a host name"),
            ("mail.shop.example", "", "host: not a host name"),
            ("host =", "port = 0\nhost =", "port: no port"),
            ("password = ", "#", "password: missing: there is a username"),
            ("username = ", "#", "username: missing: there is a password"),
            ("Tandem <tandem@shop.example>", "Tandem", "from: not a mail address"),
            ("\"ops@shop.example\"", "\"ops\"", "to[0]: not a mail address"),
            ("to = [\"ops@shop.example\", \"Ada <ada@shop.example>\"]", "to = []", "to: nobody gets it"),
            ("host =", "authority = \"no certificate\"\nhost =", "authority: TLS cannot be set up"),
        ] {
            let text = EMAIL.replace(old, new);
            assert_ne!(text, EMAIL);
            let found = problems(&text);
            let told = format!("alerts.email.{told}");
            assert!(found.len() == 1 && found[0].starts_with(&told), "{text}: {found:?}");
        }
        let own =
            EMAIL.replace("host = \"mail.shop.example\"", "host = \"::1\"\ntls = \"none\"\nport = 2525");
        assert_eq!(problems(&own), Vec::<String>::new());
    }
}
