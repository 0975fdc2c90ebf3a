//! What a shop sets up for GA4.

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;

use crate::settings::{checked_base_url, checked_secret, left_out_if_blank, read, secret, standard_names};

/// The host of the Measurement Protocol.
pub const BASE_URL: &str = "https://www.google-analytics.com";

/// The same in the EU.
pub const BASE_URL_EU: &str = "https://region1.google-analytics.com";

/// Which events go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Send {
    /// Only what no page can report: renewals, orders typed in by the shop, sales in a shop of bricks. For shops whose
    /// pages have Google's tag and report their sales with it.
    #[default]
    Unseen,
    /// All that the shop's server reports. For shops whose pages have Google's tag without sales.
    Server,
    /// All events. For shops whose pages have no tag of Google's.
    All,
}

/// The settings as written in the configuration, secrets already in place.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// `G-…`, from Admin, Data streams, the stream.
    pub measurement_id: String,
    /// From the same page: Measurement Protocol API secrets.
    #[serde(deserialize_with = "secret")]
    pub api_secret: SecretString,
    /// Scheme and host, perhaps with a path in front, so that a stand-in can take Google's place.
    #[serde(default)]
    pub base_url: String,
    /// Collect in the EU.
    #[serde(default)]
    pub eu: bool,
    /// Which events go; see there what counts twice.
    #[serde(default)]
    pub send: Send,
    /// Only events of these names.
    #[serde(default)]
    pub events: Option<Vec<String>>,
    /// Hashed e-mail, phone and address of visitors who allow advertising. The property must have user-provided data
    /// collection switched on.
    #[serde(default = "yes")]
    pub user_data: bool,
}

fn yes() -> bool {
    true
}

impl Settings {
    /// Reads and checks the settings; names become our own ones.
    ///
    /// # Errors
    /// A sentence that names the setting at fault and never repeats the secret.
    pub fn read(value: &Value) -> Result<Self, String> {
        let mut settings: Self = read("ga4", value, &["measurement_id", "api_secret"])?;
        settings.measurement_id = settings.measurement_id.trim().to_owned();
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        if settings.measurement_id.is_empty() || !settings.measurement_id.bytes().all(plain) {
            return Err("measurement_id: must be like G-XXXXXXXXXX, as shown for the data stream".into());
        }
        let get = "create one under Admin, Data streams, the stream, Measurement Protocol API secrets";
        checked_secret("api_secret", &settings.api_secret, get)?;
        // It stands in the address.
        let unescaped = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~');
        if !settings.api_secret.expose_secret().bytes().all(unescaped) {
            return Err("api_secret: has signs that no secret of Google Analytics has".into());
        }
        let usual = if settings.eu { BASE_URL_EU } else { BASE_URL };
        let base_url = left_out_if_blank(Some(settings.base_url)).unwrap_or_else(|| usual.to_owned());
        settings.base_url = checked_base_url(&base_url, usual)?;
        settings.events = settings.events.map(standard_names).transpose()?;
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read_with(patch: Value) -> Result<Settings, String> {
        let mut settings = json!({"measurement_id": "G-TEST000001", "api_secret": "SECRET"});
        if let (Some(all), Value::Object(patch)) = (settings.as_object_mut(), patch) {
            all.extend(patch);
        }
        Settings::read(&settings)
    }

    #[test]
    fn a_refusal_names_the_setting_and_never_shows_the_secret() {
        for (patch, expected) in [
            (json!({"measurement_id": " "}), "measurement_id"),
            (json!({"measurement_id": "G-1&x=2"}), "measurement_id"),
            (json!({"api_secret": ""}), "api_secret"),
            (json!({"api_secret": 6_665}), "api_secret"),
            (json!({"api_secret": "6665&x"}), "api_secret"),
            (json!({"send": "everything"}), "send"),
            (json!({"eu": "yes"}), "eu"),
            (json!({"base_url": "google-analytics.com"}), "base_url"),
            (json!({"events": []}), "events"),
            (json!({"pixel_id": "x"}), "pixel_id"),
        ] {
            let error = read_with(patch.clone()).unwrap_err();
            assert!(error.contains(expected), "{patch}: {error}");
            assert!(!error.contains("666") && !error.contains("SECRET"), "{error}");
        }
    }

    #[test]
    fn the_region_chooses_the_host() {
        assert_eq!(read_with(json!({})).unwrap().base_url, BASE_URL);
        assert_eq!(read_with(json!({"eu": true})).unwrap().base_url, BASE_URL_EU);
        let own = read_with(json!({"eu": true, "base_url": "http://127.0.0.1:9000/ga4/"})).unwrap();
        assert_eq!(own.base_url, "http://127.0.0.1:9000/ga4");
        assert!(!format!("{own:?}").contains("SECRET"));
    }
}
