//! TikTok Events API ("2.0"; the version in the path is v1.3), web events.
//!
//! Facts come from TikTok's help articles and SDKs, from copies of its developer documents, and from integrations that
//! others run; where TikTok is silent, the choice is ours and says so next to it. The files in `examples/` show whole
//! exchanges.

mod aid;
mod codes;
mod currencies;
mod map;
mod properties;
mod reply;
mod settings;
mod user;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::{Value, json};
use tandem_core::consent::Purpose;
use tandem_core::quality::Key;
use tandem_core::{Channel, Event, Finding, names};

use crate::{
    Aid, Definition, Destination, HttpReply, HttpRequest, Mapped, PagePixel, Platform, Reply, Skip, answers,
    wire,
};

pub use codes::{CODES, Class, Code};
pub use currencies::{sent as currency_sent, supported as currency_supported};
pub use reply::read as read_reply;
pub use settings::{BASE_URL, PIXEL_SCRIPT, Settings};

/// Path of the call. Without the slash at the end TikTok answers `404 page not found`.
pub const PATH: &str = "/open_api/v1.3/event/track/";

/// The bare token goes here; TikTok knows no `Authorization: Bearer`.
const ACCESS_TOKEN: HeaderName = HeaderName::from_static("access-token");

const HOUR_MS: i64 = 3_600_000;

/// Ours. TikTok takes up to 1,000 events and refuses all of 1,001; half of that keeps a refused batch quick to halve.
const MAX_BATCH: usize = 500;

/// Ours: TikTok publishes no limit in bytes. Half of the 1 MB another sender stops at.
const MAX_BYTES: usize = 512 * 1024;

/// Documented: a server event with the same pixel, name and id is dropped for 48 hours after the first.
const DUPLICATE_WINDOW_MS: i64 = 48 * HOUR_MS;

/// Ours: the last attempt starts an hour before the duplicate window ends, since a repeat after it counts twice.
const RETRY_HORIZON_MS: i64 = 47 * HOUR_MS;

/// Assumed: TikTok publishes no age limit for web events. Seven days is its default click window, and what other
/// senders chose.
const MAX_AGE_S: i64 = 7 * 86_400;

/// Ours: far below the 1,000 requests per second TikTok allows, and enough to hide a slow answer.
const CONCURRENCY: usize = 4;

/// Ours, see [`Definition::match_weights`]: what names a person weighs most, then the click, then what names a browser.
const MATCH_WEIGHTS: &[(Key, u16)] = &[
    (Key::Email, 300),
    (Key::Phone, 250),
    (Key::Ttclid, 250),
    (Key::ExternalId, 150),
    (Key::Ttp, 100),
    (Key::Ip, 80),
    (Key::UserAgent, 40),
    (Key::FirstName, 20),
    (Key::LastName, 20),
    (Key::Address, 30),
    (Key::Country, 10),
    (Key::Locale, 5),
];

static DEFINITION: Definition = Definition {
    name: "tiktok",
    title: "TikTok",
    max_batch: MAX_BATCH,
    max_bytes: MAX_BYTES,
    duplicate_window_ms: DUPLICATE_WINDOW_MS,
    retry_horizon_ms: RETRY_HORIZON_MS,
    max_age_s: MAX_AGE_S,
    concurrency: CONCURRENCY,
    requires: &[Purpose::Advertising],
    consent_names: &["tiktok"],
    // Whether TikTok is on the IAB's list could not be confirmed; a shop that knows sets it.
    tcf_vendor: None,
    browser_ids: &[],
    match_weights: MATCH_WEIGHTS,
};

/// TikTok, for the list of platforms.
pub const PLATFORM: Platform = Platform { definition: &DEFINITION, configure, placeholder };

fn placeholder() -> Value {
    json!({"pixel_id": "PIXEL_ID", "access_token": "ACCESS_TOKEN"})
}

fn configure(settings: &Value) -> Result<Box<dyn Destination>, String> {
    Ok(Box::new(TikTok::new(&Settings::read(settings)?)?))
}

/// One pixel.
struct TikTok {
    url: String,
    headers: HeaderMap,
    /// For another head than the usual one.
    settings: Settings,
    /// The body up to and including the bracket that opens `data`.
    head: String,
    rules: map::Rules,
    /// Only these names, if set.
    events: Option<Vec<String>>,
    testing: bool,
    page_pixel: Option<PagePixel>,
}

impl TikTok {
    fn new(settings: &Settings) -> Result<Self, String> {
        let mut headers = HeaderMap::with_capacity(2);
        headers.insert(ACCESS_TOKEN, settings.token_header()?);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(Self {
            url: format!("{}{PATH}", settings.base_url),
            headers,
            settings: settings.clone(),
            head: head(settings),
            rules: map::Rules {
                legacy_names: settings.legacy_names,
                content_type: settings.content_type,
                unlisted_money: true,
            },
            events: settings.events.clone(),
            testing: settings.test_event_code.is_some(),
            page_pixel: settings.page_pixel(),
        })
    }

    fn request_with(&self, head: &str, batch: &[Mapped]) -> HttpRequest {
        let body = wire::body(head, batch, "]}");
        let (url, headers) = (self.url.clone(), self.headers.clone());
        HttpRequest { method: Method::POST, url, headers, body, ..HttpRequest::default() }
    }
}

/// Everything around the events, once. `test_event_code` belongs here: inside an event it is ignored, and the event
/// counts as a real one.
fn head(settings: &Settings) -> String {
    let fields = wire::fields(&[
        ("event_source", Some("web")),
        ("event_source_id", Some(&settings.pixel_id)),
        ("test_event_code", settings.test_event_code.as_deref()),
        ("partner_name", settings.partner_name.as_deref()),
    ]);
    format!("{{{fields}\"data\":[")
}

impl Destination for TikTok {
    fn definition(&self) -> &'static Definition {
        &DEFINITION
    }

    fn wants(&self, event: &Event) -> Result<(), Skip> {
        let name = event.event_name.as_str();
        if event.channel == Channel::Offline {
            let message =
                "TikTok wants offline and CRM events for an event set of their own, not for the pixel";
            return Err(Skip { code: "channel_not_supported", message: message.to_owned(), is_open: false });
        }
        match &self.events {
            Some(selected) if selected.iter().any(|s| s == name) => Ok(()),
            Some(_) => Err(answers::not_selected(name, "TikTok")),
            None if names::ANALYTICS_ONLY.contains(&name) => Err(Skip {
                code: "event_not_supported",
                message: format!("{name} is an event for analytics; TikTok has no use for it"),
                is_open: false,
            }),
            None => Ok(()),
        }
    }

    fn lint(&self, event: &Event) -> Vec<Finding> {
        let mut findings = map::lint(event);
        if self.testing {
            let text =
                "test_event_code is set: TikTok shows the event in the Test Events tab and counts it nowhere";
            findings.push(Finding::warning("test_code_in_production", text));
        }
        findings
    }

    fn map(&self, event: &Event, limited_data_use: bool) -> Mapped {
        Mapped::of(map::json(event, limited_data_use, &self.rules))
    }

    /// A refusal that speaks of the currency, of an event in one that TikTok does not list: the event goes without
    /// its money rather than not at all.
    fn second_try(&self, event: &Event, limited_data_use: bool, why: &str) -> Option<Mapped> {
        let unlisted = event.currency.is_some_and(|c| currencies::sent(c) && !currency_supported(c));
        if !unlisted || !why.to_ascii_lowercase().contains("currency") {
            return None;
        }
        let rules = map::Rules { unlisted_money: false, ..self.rules };
        Some(Mapped::of(map::json(event, limited_data_use, &rules)))
    }

    fn request(&self, batch: &[Mapped]) -> HttpRequest {
        self.request_with(&self.head, batch)
    }

    fn test_request(&self, batch: &[Mapped], code: &str) -> Option<HttpRequest> {
        let settings = Settings { test_event_code: Some(code.to_owned()), ..self.settings.clone() };
        Some(self.request_with(&head(&settings), batch))
    }

    fn aid(&self) -> Aid {
        aid::of(&self.settings.pixel_id)
    }

    fn page_pixel(&self) -> Option<PagePixel> {
        self.page_pixel.clone()
    }

    /// TikTok reports no error per event: one invalid event fails the batch.
    fn reply(&self, reply: &HttpReply) -> Reply {
        Reply::Whole(reply::read(reply).1)
    }
}
