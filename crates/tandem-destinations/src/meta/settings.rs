//! What a shop sets up for Meta.

use http::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;

use crate::ContentType;
use crate::settings::{checked_base_url, left_out_if_blank, read, secret, secret_header, standard_names};

/// The host of Meta's Graph API.
pub const BASE_URL: &str = "https://graph.facebook.com";

/// Came on 18 February 2026; a version lives for two years at least.
pub const API_VERSION: &str = "v25.0";

/// The settings as written in the configuration, secrets already in place.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Id of the pixel, also called data set, from Events Manager: digits.
    pub pixel_id: String,
    /// From Events Manager: the pixel, Settings, Conversions API, Generate access token. Without `Bearer`.
    #[serde(deserialize_with = "secret")]
    pub access_token: SecretString,
    /// Scheme and host, perhaps with a path in front, so that a stand-in can take Meta's place.
    #[serde(default = "base_url")]
    pub base_url: String,
    /// Version of the Graph API.
    #[serde(default = "api_version")]
    pub api_version: String,
    /// The code shown under Test Events. While it is set, events show there only and count nowhere.
    #[serde(default)]
    pub test_event_code: Option<String>,
    /// Only events of these names. Without it: all but those that only analytics has a use for.
    #[serde(default)]
    pub events: Option<Vec<String>>,
    /// For events with contents that do not say themselves what their ids stand for.
    #[serde(default)]
    pub content_type: ContentType,
    /// Meta uses the events to credit ads, and not to choose who sees them.
    #[serde(default)]
    pub opt_out: bool,
    /// A name agreed with Meta by which it tells integrations apart.
    #[serde(default)]
    pub partner_agent: Option<String>,
}

fn base_url() -> String {
    BASE_URL.to_owned()
}

fn api_version() -> String {
    API_VERSION.to_owned()
}

impl Settings {
    /// Reads and checks the settings; names become our own ones, blank optional texts count as left out.
    ///
    /// # Errors
    /// A sentence that names the setting at fault and never repeats the token.
    pub fn read(value: &Value) -> Result<Self, String> {
        let mut settings: Self = read("meta", value, &["pixel_id", "access_token"])?;
        settings.pixel_id = settings.pixel_id.trim().to_owned();
        let plain = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric());
        if !plain(&settings.pixel_id) {
            return Err("pixel_id: must be the digits shown in Events Manager".into());
        }
        settings.api_version = settings.api_version.trim().to_owned();
        if !is_version(&settings.api_version) {
            return Err(format!("api_version: must be like {API_VERSION}"));
        }
        settings.base_url = checked_base_url(&settings.base_url, BASE_URL)?;
        settings.test_event_code = left_out_if_blank(settings.test_event_code);
        settings.partner_agent = left_out_if_blank(settings.partner_agent);
        settings.events = settings.events.map(standard_names).transpose()?;
        Ok(settings)
    }

    /// The token as a header value that no debug output shows.
    ///
    /// # Errors
    /// A sentence about the form of the token, without the token.
    pub fn token_header(&self) -> Result<HeaderValue, String> {
        let get = "generate one in Events Manager, in the settings of the pixel";
        secret_header("access_token", &self.access_token, "Bearer ", get)
    }

    /// Whether the token looks like one of Meta's.
    pub(super) fn has_usual_token(&self) -> bool {
        let token = self.access_token.expose_secret();
        token.starts_with("EAA") && token.len() >= 60
    }
}

fn is_version(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.len() <= 3 && part.bytes().all(|b| b.is_ascii_digit());
    let parts = text.strip_prefix('v').and_then(|rest| rest.split_once('.'));
    parts.is_some_and(|(major, minor)| digits(major) && digits(minor))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(patch: Value) -> String {
        let mut settings = json!({"pixel_id": "123", "access_token": "SECRET"});
        if let (Some(all), Value::Object(patch)) = (settings.as_object_mut(), patch) {
            all.extend(patch);
        }
        Settings::read(&settings).and_then(|s| s.token_header().map(|_| ())).unwrap_err()
    }

    #[test]
    fn a_refusal_names_the_setting_and_never_shows_the_token() {
        for (patch, expected) in [
            (json!({"pixel_id": " "}), "pixel_id"),
            (json!({"pixel_id": 7}), "pixel_id"),
            (json!({"pixel_id": "1/../2"}), "pixel_id"),
            (json!({"access_token": ""}), "access_token"),
            (json!({"access_token": 6_665}), "access_token"),
            (json!({"access_token": "Bearer 6665"}), "access_token"),
            (json!({"api_version": "25"}), "api_version"),
            (json!({"api_version": "v25.0/x"}), "api_version"),
            (json!({"base_url": "graph.facebook.com"}), "base_url"),
            (json!({"events": []}), "events"),
            (json!({"opt_out": "yes"}), "opt_out"),
            (json!({"content_type": "products"}), "content_type"),
            (json!({"pixel": "x"}), "pixel"),
        ] {
            let error = refused(patch.clone());
            assert!(error.contains(expected), "{patch}: {error}");
            assert!(!error.contains("666") && !error.contains("SECRET"), "{error}");
        }
        assert!(Settings::read(&json!({"pixel_id": "1"})).unwrap_err().contains("access_token"));
    }

    #[test]
    fn blanks_slashes_and_other_names_are_tidied() {
        let settings = Settings::read(&json!({
            "pixel_id": " 123 ", "access_token": "SECRET\n", "base_url": "http://127.0.0.1:9000/meta/",
            "test_event_code": "", "partner_agent": " ", "events": ["CompletePayment", "page_view"],
        }))
        .unwrap();
        assert_eq!(
            (settings.pixel_id.as_str(), settings.base_url.as_str()),
            ("123", "http://127.0.0.1:9000/meta")
        );
        assert_eq!((&settings.test_event_code, &settings.partner_agent), (&None, &None));
        assert_eq!(settings.events.as_deref(), Some(&["Purchase", "Pageview"].map(str::to_owned)[..]));
        assert_eq!(settings.token_header().unwrap(), "Bearer SECRET");
        let shown = format!("{settings:?} {:?}", settings.token_header());
        assert!(!shown.contains("SECRET"), "{shown}");
    }
}
