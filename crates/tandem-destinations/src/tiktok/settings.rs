//! What a shop sets up for TikTok.

use http::HeaderValue;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;

use crate::settings::{checked_base_url, left_out_if_blank, read, secret, secret_header, standard_names};
use crate::{ContentType, PagePixel};

/// TikTok's host. There is no sandbox host that offers this call; testing goes through `test_event_code`.
pub const BASE_URL: &str = "https://business-api.tiktok.com";

/// TikTok's pixel script, where the shop's pages load it from.
pub const PIXEL_SCRIPT: &str = "https://analytics.tiktok.com/i18n/pixel/events.js";

/// The settings as written in the configuration, secrets already in place.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Pixel code, from Events Manager.
    pub pixel_id: String,
    /// From Events Manager: pixel, Settings, Generate Access Token. The bare token, without `Bearer`.
    #[serde(deserialize_with = "secret")]
    pub access_token: SecretString,
    /// Scheme and host, perhaps with a path in front, so that a stand-in can take TikTok's place.
    #[serde(default = "base_url")]
    pub base_url: String,
    /// The code shown in the Test Events tab. While it is set, events show there only and count nowhere.
    #[serde(default)]
    pub test_event_code: Option<String>,
    /// Only events of these names. Without it: all but those that only analytics has a use for.
    #[serde(default)]
    pub events: Option<Vec<String>>,
    /// Sends `CompletePayment` and `SubmitForm` for `Purchase` and `Lead`, for shops whose pixel still fires those.
    /// Pixel and server must use one name: TikTok nowhere says that it pairs the old with the new.
    #[serde(default)]
    pub legacy_names: bool,
    /// The integration name **TikTok has assigned** to you. A self-chosen one is refused; leave it out otherwise.
    #[serde(default)]
    pub partner_name: Option<String>,
    /// For events with contents that do not say themselves what their ids stand for.
    #[serde(default)]
    pub content_type: ContentType,
    /// Whether our script runs TikTok's pixel on the shop's pages. By default it does, unless `legacy_names` says that
    /// the shop has a pixel of its own. Two pixels on a page count twice.
    #[serde(default)]
    pub pixel_on_pages: Option<bool>,
    /// Address of TikTok's pixel script.
    #[serde(default)]
    pub pixel_script: Option<String>,
    /// The advertiser account of the pixel: with it TikTok can be asked what it counted.
    #[serde(default)]
    pub advertiser_id: Option<String>,
    /// For that question, where the token of the Events API may not ask it.
    #[serde(default, deserialize_with = "maybe_secret")]
    pub report_token: Option<SecretString>,
}

fn maybe_secret<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<SecretString>, D::Error> {
    secret(deserializer).map(Some)
}

fn base_url() -> String {
    BASE_URL.to_owned()
}

impl Settings {
    /// Reads and checks the settings; names become today's standard ones, blank optional texts count as left out.
    ///
    /// # Errors
    /// A sentence that names the setting at fault and never repeats the token.
    pub fn read(value: &Value) -> Result<Self, String> {
        let mut settings: Self = read("tiktok", value, &["pixel_id", "access_token"])?;
        settings.pixel_id = settings.pixel_id.trim().to_owned();
        if settings.pixel_id.is_empty() {
            return Err("pixel_id: is empty; it is the pixel code shown in Events Manager".into());
        }
        settings.base_url = checked_base_url(&settings.base_url, BASE_URL)?;
        settings.test_event_code = left_out_if_blank(settings.test_event_code);
        settings.partner_name = left_out_if_blank(settings.partner_name);
        settings.advertiser_id = left_out_if_blank(settings.advertiser_id);
        settings.events = settings.events.map(standard_names).transpose()?;
        if settings.legacy_names && settings.pixel_on_pages == Some(true) {
            return Err(
                "pixel_on_pages: our script's pixel uses today's names; leave legacy_names out".into()
            );
        }
        Ok(settings)
    }

    /// The pixel for the shop's pages. A stand-in at `base_url` serves a pixel of its own.
    #[must_use]
    pub fn page_pixel(&self) -> Option<PagePixel> {
        let on = self.pixel_on_pages.unwrap_or(!self.legacy_names);
        let usual = || match self.base_url.as_str() {
            BASE_URL => PIXEL_SCRIPT.to_owned(),
            other => format!("{other}/i18n/pixel/events.js"),
        };
        on.then(|| PagePixel {
            platform: "tiktok",
            id: self.pixel_id.clone(),
            script: self.pixel_script.clone().unwrap_or_else(usual),
        })
    }

    /// The token as a header value that no debug output shows.
    ///
    /// # Errors
    /// A sentence about the form of the token, without the token.
    pub fn token_header(&self) -> Result<HeaderValue, String> {
        let get = "generate one in Events Manager, in the settings of the pixel";
        secret_header("access_token", &self.access_token, "", get)
    }

    /// The same of the token for reports.
    ///
    /// # Errors
    /// As above.
    pub fn report_header(&self) -> Result<HeaderValue, String> {
        let get = "make one in TikTok's developer portal, for an app that may read pixels";
        let Some(token) = &self.report_token else { return self.token_header() };
        secret_header("report_token", token, "", get)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(patch: Value) -> String {
        let mut settings = json!({"pixel_id": "PIXEL", "access_token": "SECRET"});
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
            (json!({"access_token": ""}), "access_token"),
            (json!({"access_token": 6_665}), "access_token"),
            (json!({"access_token": "Bearer 6665"}), "access_token"),
            (json!({"access_token": "6665\u{1}"}), "access_token"),
            (json!({"access_token": "6665é"}), "access_token"),
            (json!({"base_url": "ftp://host"}), "base_url"),
            (json!({"base_url": "business-api.tiktok.com"}), "base_url"),
            (json!({"base_url": "https://host/?x=1"}), "base_url"),
            (json!({"base_url": "https://me:pw@host"}), "base_url"),
            (json!({"events": []}), "events"),
            (json!({"events": ["My Event"]}), "events"),
            (json!({"events": "Purchase"}), "events"),
            (json!({"legacy_names": "yes"}), "legacy_names"),
            (json!({"content_type": "products"}), "content_type"),
            (json!({"pixel_code": "x"}), "pixel_code"),
        ] {
            let error = refused(patch.clone());
            assert!(error.contains(expected), "{patch}: {error}");
            assert!(!error.contains("666") && !error.contains("SECRET"), "{error}");
        }
        assert!(Settings::read(&json!({"pixel_id": "P"})).unwrap_err().contains("access_token"));
        assert!(Settings::read(&json!("SECRET")).is_err_and(|e| !e.contains("SECRET")));
    }

    #[test]
    fn blanks_slashes_and_old_names_are_tidied() {
        let settings = Settings::read(&json!({
            "pixel_id": " P ", "access_token": "SECRET\n", "base_url": "http://127.0.0.1:9000/tiktok/",
            "test_event_code": "", "partner_name": " ", "events": ["CompletePayment", "page_view", "my_event"],
        }))
        .unwrap();
        assert_eq!(
            (settings.pixel_id.as_str(), settings.base_url.as_str()),
            ("P", "http://127.0.0.1:9000/tiktok")
        );
        assert_eq!((&settings.test_event_code, &settings.partner_name), (&None, &None));
        assert_eq!(
            settings.events.as_deref(),
            Some(&["Purchase", "Pageview", "my_event"].map(str::to_owned)[..])
        );
        assert_eq!(settings.token_header().unwrap(), "SECRET");
        let shown = format!("{settings:?} {:?}", settings.token_header());
        assert!(!shown.contains("SECRET"), "{shown}");
    }
}
