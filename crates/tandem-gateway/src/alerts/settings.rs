//! What the shop wants to be told, and where.

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use tandem_core::alert::{Key, RULES, Rule};

use crate::transport::mail::Mailer;

/// Settings of alerts; without any, all rules are watched and nobody is written to.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Every rule, with the shop's own thresholds.
    pub rules: Vec<Rule>,
    /// Where notices go.
    pub channels: Vec<Channel>,
    /// Where people reach the pages of the private port, without a slash at the end.
    pub link: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { rules: RULES.to_vec(), channels: vec![], link: None }
    }
}

impl Settings {
    /// A key's rule.
    #[must_use]
    pub fn rule(&self, key: Key) -> Rule {
        let own = self.rules.iter().copied().find(|rule| rule.key == key);
        own.unwrap_or_else(|| tandem_core::alert::rule(key))
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
