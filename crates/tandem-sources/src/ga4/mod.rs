//! What Google's gtag sends to a shop's own server (`server_container_url`), and the Measurement Protocol.
//!
//! Google publishes no description of the first. It is read leniently: what is unknown is ignored, a broken value costs
//! itself, a broken line costs itself. Both go through the common event model of server containers ([`hits::models`]) and
//! from there into the form of the events API.

pub mod hits;
mod items;
pub mod measurement;
mod user_data;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};
use tandem_core::Site;

use crate::tags::{self, Settings, Tag};
use crate::{AuthError, Decoded, Remembering, Reply, Request, Source};

/// Name in configuration, records and metrics.
pub const NAME: &str = "ga4";

/// GA4 for one site.
pub struct Ga4 {
    measurement_ids: Vec<String>,
    /// Digests, so that secrets of different lengths compare in the same time.
    secrets: Vec<[u8; 32]>,
    settings: Settings,
}

/// Which of the two a request is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// gtag's own protocol.
    Web,
    /// The Measurement Protocol.
    Measurement,
}

fn kind(path: &str) -> Option<Kind> {
    if path.ends_with("/g/collect") {
        Some(Kind::Web)
    } else if path.ends_with("/mp/collect") {
        Some(Kind::Measurement)
    } else {
        None
    }
}

impl Ga4 {
    /// Sets it up: `measurement_ids`, `api_secrets`, and the settings of all tags.
    ///
    /// # Errors
    /// A text that names the setting at fault.
    pub fn new(mut settings: Value) -> Result<Self, String> {
        let measurement_ids: Vec<String> = tags::take(&mut settings, "measurement_ids")?;
        let secrets: Secrets = tags::take(&mut settings, "api_secrets")?;
        if let Some(id) = measurement_ids.iter().find(|id| !is_measurement_id(id)) {
            return Err(format!("measurement_ids: {id:?} is not like G-ABC1234567"));
        }
        let settings: Settings = serde_json::from_value(settings).map_err(|e| e.to_string())?;
        settings.check()?;
        let secrets =
            secrets.0.iter().map(|secret| Sha256::digest(secret.expose_secret().as_bytes()).into()).collect();
        Ok(Self { measurement_ids, secrets, settings })
    }

    fn has(&self, id: Option<String>) -> bool {
        id.is_some_and(|id| self.measurement_ids.contains(&id))
    }
}

#[derive(Default, serde::Deserialize)]
struct Secrets(#[serde(deserialize_with = "crate::values::secrets")] Vec<SecretString>);

/// `G-` and capital letters or digits.
pub(crate) fn is_measurement_id(id: &str) -> bool {
    let rest = id.strip_prefix("G-").unwrap_or_default();
    (4..=20).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

/// The first value of a parameter.
pub(crate) fn parameter(query: &str, name: &str) -> Option<String> {
    url::form_urlencoded::parse(query.as_bytes()).find(|(n, _)| n == name).map(|(_, v)| v.into_owned())
}

impl Tag for Ga4 {
    fn claims(&self, request: &Request<'_>) -> bool {
        match kind(request.path) {
            // A preflight names no measurement id, but the page.
            Some(_) if request.method == "OPTIONS" => {
                request.header("origin").is_some_and(|origin| self.settings.allows(origin))
            }
            Some(Kind::Web) => {
                parameter(request.query, "v").as_deref() == Some("2")
                    && self.has(parameter(request.query, "tid"))
            }
            Some(Kind::Measurement) => self.has(parameter(request.query, "measurement_id")),
            None => false,
        }
    }

    fn knows(&self, request: &Request<'_>) -> bool {
        kind(request.path).is_some()
    }

    fn allows(&self, origin: &str) -> bool {
        self.settings.allows(origin)
    }

    fn is_from_server(&self, request: &Request<'_>) -> bool {
        kind(request.path) == Some(Kind::Measurement)
    }

    fn marks(&self) -> Vec<(&'static str, String)> {
        self.measurement_ids.iter().map(|id| ("measurement_ids", id.clone())).collect()
    }
}

impl Source for Ga4 {
    fn name(&self) -> &'static str {
        NAME
    }

    fn authenticate(&self, request: &Request<'_>) -> Result<(), AuthError> {
        if kind(request.path) != Some(Kind::Measurement) {
            return self.settings.authenticate(request);
        }
        let missing = AuthError::Missing("the Measurement Protocol wants api_secret in the address");
        let given = parameter(request.query, "api_secret").filter(|s| !s.is_empty()).ok_or(missing)?;
        let given: [u8; 32] = Sha256::digest(given.as_bytes()).into();
        let fits = self.secrets.iter().fold(Choice::from(0), |fits, known| fits | known.ct_eq(&given));
        if bool::from(fits) {
            Ok(())
        } else {
            Err(AuthError::Wrong("this is none of the site's api_secrets (sources.ga4.api_secrets)"))
        }
    }

    fn decode(&self, request: &Request<'_>, site: &Site) -> Decoded {
        if kind(request.path) == Some(Kind::Measurement) {
            return measurement::decode(request, site);
        }
        let analytics_denied = hits::denies_analytics(request);
        let models = hits::models(request, analytics_denied);
        let models = models.into_iter().enumerate();
        let models = models.map(|(index, model)| model.map(|model| hits::hit(model, index, request, site)));
        let mut decoded = tags::decode(NAME, &self.settings, models.collect(), &Map::new(), request, site);
        // With this flag the page waits for a stream of further addresses to call; an empty one ends that.
        let is_stream = parameter(request.query, "richsstsse").is_some();
        decoded.reply = Some(Reply { status: if is_stream { 200 } else { 204 }, ..Reply::default() });
        decoded
    }

    fn remembering(&self) -> Option<Remembering<'_>> {
        Some(self.settings.remembering())
    }

    fn tag(&self) -> Option<&dyn Tag> {
        Some(self)
    }
}
