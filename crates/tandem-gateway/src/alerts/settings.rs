//! What the shop wants to be told, and where.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use tandem_core::alert::{Key, Rule};

use crate::transport::mail::Mailer;

/// Settings of alerts; without any, all rules are watched and nobody is written to.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Rules that were changed for all sites.
    pub rules: Vec<Rule>,
    /// Where all notices go.
    pub channels: Vec<Channel>,
    /// Where people reach the pages of the private port, without a slash at the end.
    pub link: Option<String>,
    /// What sites have of their own, by their id.
    pub sites: BTreeMap<String, SiteSettings>,
}

/// What one site has of its own.
#[derive(Debug, Clone, Default)]
pub struct SiteSettings {
    /// Rules that were changed for this site.
    pub rules: Vec<Rule>,
    /// Where notices about this site go too.
    pub channels: Vec<Channel>,
}

impl Settings {
    /// A key's rule at a site; `""` for what holds where a site has none of its own.
    #[must_use]
    pub fn rule(&self, key: Key, site: &str) -> Rule {
        let own = self.sites.get(site).map(|own| own.rules.as_slice()).unwrap_or_default();
        let found = own.iter().chain(&self.rules).copied().find(|rule| rule.key == key);
        found.unwrap_or_else(|| tandem_core::alert::rule(key))
    }

    /// The ways that a notice about a site goes; `""` for one about the whole gateway.
    pub fn ways(&self, site: &str) -> impl Iterator<Item = Way<'_>> {
        let own = self.sites.get_key_value(site).into_iter();
        self.ways_of_all().chain(own.flat_map(SiteSettings::ways))
    }

    /// All ways there are, each once.
    pub fn every_way(&self) -> impl Iterator<Item = Way<'_>> {
        self.ways_of_all().chain(self.sites.iter().flat_map(SiteSettings::ways))
    }

    fn ways_of_all(&self) -> impl Iterator<Item = Way<'_>> {
        self.channels.iter().map(|channel| Way { site: None, channel })
    }
}

impl SiteSettings {
    fn ways<'a>((site, own): (&'a String, &'a Self)) -> impl Iterator<Item = Way<'a>> {
        own.channels.iter().map(|channel| Way { site: Some(site), channel })
    }
}

/// A channel, and what goes there.
#[derive(Debug, Clone, Copy)]
pub struct Way<'a> {
    /// The only site it hears of; none where it hears of everything.
    pub site: Option<&'a str>,
    /// The channel.
    pub channel: &'a Channel,
}

impl Way<'_> {
    /// Tells it from the others of one notice over restarts, and tells nothing else.
    #[must_use]
    pub fn id(&self) -> String {
        let id = self.channel.id();
        // A site's mail goes by the server that the mail about everything goes by.
        if self.site.is_some() { format!("own-{id}") } else { id }
    }

    /// For people: its kind and host, and whose it is.
    #[must_use]
    pub fn title(&self) -> String {
        let title = self.channel.title();
        self.site.map(|site| format!("{title} for {site}")).unwrap_or(title)
    }
}

/// A way to people.
#[derive(Debug, Clone)]
pub enum Channel {
    /// A web address that is posted to.
    Webhook {
        /// The address; whoever knows it may post there, so it is shown to nobody.
        url: SecretString,
        /// Signs what is sent.
        secret: Option<SecretString>,
    },
    /// E-mail.
    Mail(Mailer),
}

impl Channel {
    /// Tells it from others over restarts, and tells nothing else.
    #[must_use]
    pub fn id(&self) -> String {
        match self {
            Self::Webhook { url, .. } => {
                let digest = Sha256::digest(url.expose_secret().as_bytes());
                format!("webhook-{}", hex::encode(&digest[..4]))
            }
            Self::Mail(mailer) => format!("mail-{}", mailer.host),
        }
    }

    /// For people: its kind and host.
    #[must_use]
    pub fn title(&self) -> String {
        match self {
            Self::Webhook { url, .. } => {
                let host = url::Url::parse(url.expose_secret()).ok();
                let host = host.and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
                format!("webhook at {host}")
            }
            Self::Mail(mailer) => format!("e-mail by {}", mailer.host),
        }
    }
}

#[cfg(test)]
mod tests {
    use tandem_core::alert::rule;

    use super::*;

    fn webhook(host: &str) -> Channel {
        Channel::Webhook { url: format!("https://{host}/T0KEN").into(), secret: None }
    }

    fn settings() -> Settings {
        let changed = |key, raise| Rule { raise, ..rule(key) };
        let north = SiteSettings {
            rules: vec![changed(Key::QueueAge, 300.0)],
            channels: vec![webhook("north.example")],
        };
        Settings {
            rules: vec![changed(Key::QueueAge, 900.0), changed(Key::ErrorRate, 0.5)],
            channels: vec![webhook("all.example")],
            link: None,
            sites: BTreeMap::from([("north".to_owned(), north)]),
        }
    }

    #[test]
    fn what_a_site_does_not_set_is_what_holds_for_all() {
        let settings = settings();
        let raise = |key, site| settings.rule(key, site).raise;
        assert_eq!([raise(Key::QueueAge, "north"), raise(Key::ErrorRate, "north")], [300.0, 0.5]);
        assert_eq!([raise(Key::QueueAge, "south"), raise(Key::QueueAge, "")], [900.0, 900.0]);
        assert_eq!(settings.rule(Key::EmqDrop, "north"), rule(Key::EmqDrop));
    }

    #[test]
    fn a_sites_channels_hear_of_that_site_only() {
        let settings = settings();
        let titles = |site| settings.ways(site).map(|way| way.title()).collect::<Vec<_>>();
        assert_eq!(titles("north"), ["webhook at all.example", "webhook at north.example for north"]);
        assert_eq!((titles("south").len(), titles("").len(), settings.every_way().count()), (1, 1, 2));
        // The same address for all and for one site stays two ways.
        let own = Way { site: Some("north"), channel: &settings.channels[0] };
        assert_ne!(own.id(), Way { site: None, ..own }.id());
    }
}
