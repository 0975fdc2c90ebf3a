//! Google Analytics' switches.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Behaviour of the stand-in for Google Analytics 4. Missing fields take their default, unknown fields are an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ga4Options {
    /// Known measurement ids; empty knows every one that looks like `G-…`. What comes under others is discarded.
    pub measurement_ids: Vec<String>,
    /// Accepted secrets; empty accepts every one that is not revoked. What comes under others is discarded.
    pub secrets: Vec<String>,
    /// Secrets under which everything is discarded.
    pub revoked_secrets: Vec<String>,
    /// Property of a measurement id: streams of one property share their transaction ids and are counted together.
    pub properties: BTreeMap<String, String>,
    /// HTTP status of every answer; Google documents only that it is a success.
    pub status: u16,
    /// Drop a purchase whose transaction id was seen before, in whichever half. Google documents it for one property;
    /// how reliably the halves find each other is not.
    pub collapse_transactions: bool,
}

impl Default for Ga4Options {
    fn default() -> Self {
        Ga4Options {
            measurement_ids: Vec::new(),
            secrets: Vec::new(),
            revoked_secrets: vec!["revoked".into()],
            properties: BTreeMap::new(),
            status: 204,
            collapse_transactions: true,
        }
    }
}

impl Ga4Options {
    pub(crate) fn knows(&self, measurement_id: &str) -> bool {
        let listed = self.measurement_ids.iter().any(|known| known == measurement_id);
        let tail = measurement_id.strip_prefix("G-").unwrap_or_default();
        let looks_right =
            !tail.is_empty() && tail.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        if self.measurement_ids.is_empty() { looks_right } else { listed }
    }

    pub(crate) fn secret_is_good(&self, secret: &str) -> bool {
        let listed = |secrets: &[String]| secrets.iter().any(|known| known == secret);
        !listed(&self.revoked_secrets) && (self.secrets.is_empty() || listed(&self.secrets))
    }

    pub(crate) fn property<'p>(&'p self, measurement_id: &'p str) -> &'p str {
        self.properties.get(measurement_id).map_or(measurement_id, String::as_str)
    }
}
