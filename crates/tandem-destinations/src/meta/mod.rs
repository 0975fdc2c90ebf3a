//! Meta's Conversions API: web events, and those of shops of bricks, by telephone and by the shop's own clock.
//!
//! Facts come from Meta's documentation (*Using the API*, *Server event*, *Customer information*, *fbp and fbc*, *Data
//! processing options*, read in 2026) and its published parameter builder; error codes also from integrations that others
//! run. Where Meta is silent, the choice is ours and says so next to it. The files in `examples/` show whole exchanges.

mod aid;
mod custom;
mod map;
mod reply;
mod settings;
mod user;

use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};
use serde_json::{Value, json};
use tandem_core::consent::Purpose;
use tandem_core::quality::Key;
use tandem_core::{Event, Finding, names};

use crate::{
    Aid, Definition, Destination, HttpReply, HttpRequest, Mapped, Platform, Reply, Skip, answers, lines, wire,
};

pub use settings::{API_VERSION, BASE_URL, Settings};

const HOUR_MS: i64 = 3_600_000;

/// Ours. Meta takes up to 1,000 events and refuses all of them for the sake of one; half of that is quick to halve.
const MAX_BATCH: usize = 500;

/// Ours: Meta publishes no limit in bytes; others stop at a megabyte.
const MAX_BYTES: usize = 512 * 1024;

/// Documented: events of the same name and id are merged for 48 hours, the first one is kept.
const DUPLICATE_WINDOW_MS: i64 = 48 * HOUR_MS;

/// Ours: the last attempt starts an hour before the duplicate window ends, since a repeat after it counts twice.
const RETRY_HORIZON_MS: i64 = 47 * HOUR_MS;

/// Documented: an event may be seven days old, and an older one has its whole request refused.
const MAX_AGE_S: i64 = 7 * 86_400;

/// Ours: enough to hide a slow answer.
const CONCURRENCY: usize = 4;

/// Ours, see [`Definition::match_weights`]: what names a person weighs most, then the click, then what names a browser.
const MATCH_WEIGHTS: &[(Key, u16)] = &[
    (Key::Email, 300),
    (Key::Phone, 250),
    (Key::Fbc, 250),
    (Key::ExternalId, 150),
    (Key::Fbp, 100),
    (Key::Ip, 80),
    (Key::UserAgent, 40),
    (Key::FirstName, 20),
    (Key::LastName, 20),
    (Key::Address, 30),
    (Key::Country, 10),
];

static DEFINITION: Definition = Definition {
    name: "meta",
    title: "Meta",
    max_batch: MAX_BATCH,
    max_bytes: MAX_BYTES,
    duplicate_window_ms: DUPLICATE_WINDOW_MS,
    retry_horizon_ms: RETRY_HORIZON_MS,
    max_age_s: MAX_AGE_S,
    concurrency: CONCURRENCY,
    requires: &[Purpose::Advertising],
    consent_names: &["meta", "facebook"],
    // Believed not to be on the IAB's list; a shop that knows better sets it.
    tcf_vendor: None,
    browser_ids: &["fbp"],
    match_weights: MATCH_WEIGHTS,
};

/// Meta, for the list of platforms.
pub const PLATFORM: Platform = Platform { definition: &DEFINITION, configure, placeholder };

fn placeholder() -> Value {
    json!({"pixel_id": "1234567890", "access_token": "ACCESS_TOKEN"})
}

fn configure(settings: &Value) -> Result<Box<dyn Destination>, String> {
    Ok(Box::new(Meta::new(Settings::read(settings)?)?))
}

/// One pixel, which Meta also calls a data set.
struct Meta {
    url: String,
    headers: HeaderMap,
    settings: Settings,
    /// The body behind the events.
    tail: String,
}

impl Meta {
    fn new(settings: Settings) -> Result<Self, String> {
        let mut headers = HeaderMap::with_capacity(2);
        // Not in the address, where proxies and logs would see it.
        headers.insert(AUTHORIZATION, settings.token_header()?);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(Self {
            url: format!("{}/{}/{}/events", settings.base_url, settings.api_version, settings.pixel_id),
            headers,
            tail: tail(&settings, settings.test_event_code.as_deref()),
            settings,
        })
    }

    fn request_with(&self, batch: &[Mapped], tail: &str) -> HttpRequest {
        let body = wire::body("{\"data\":[", batch, tail);
        let (url, headers) = (self.url.clone(), self.headers.clone());
        HttpRequest { method: Method::POST, url, headers, body, ..HttpRequest::default() }
    }
}

/// What stands behind the events. `test_event_code` belongs here: inside an event it is ignored.
fn tail(settings: &Settings, test_event_code: Option<&str>) -> String {
    let fields = wire::fields(&[
        ("test_event_code", test_event_code),
        ("partner_agent", settings.partner_agent.as_deref()),
    ]);
    match fields.strip_suffix(',') {
        Some(fields) => format!("],{fields}}}"),
        None => "]}".to_owned(),
    }
}

impl Destination for Meta {
    fn definition(&self) -> &'static Definition {
        &DEFINITION
    }

    fn wants(&self, event: &Event) -> Result<(), Skip> {
        let name = event.event_name.as_str();
        match &self.settings.events {
            Some(selected) if selected.iter().any(|s| s == name) => {}
            Some(_) => return Err(answers::not_selected(name, "Meta")),
            None if names::ANALYTICS_ONLY.contains(&name) => {
                let message = format!("{name} is an event for analytics; Meta has no use for it");
                return Err(Skip { code: "event_not_supported", message, is_open: false });
            }
            None => {}
        }
        if name == names::PURCHASE && (event.value.is_none() || event.currency.is_none()) {
            let message = "Meta refuses a Purchase without value or currency, and with it the whole request";
            return Err(Skip { code: "money_missing", message: message.to_owned(), is_open: false });
        }
        if !user::names_somebody(event) {
            let message = "nothing by which Meta could know anybody, and it then refuses the whole request";
            return Err(Skip { code: "no_match_keys", message: message.to_owned(), is_open: true });
        }
        Ok(())
    }

    fn lint(&self, event: &Event) -> Vec<Finding> {
        let mut findings = map::lint(event);
        findings.extend(lines::remark(&event.contents, "Meta"));
        if self.settings.test_event_code.is_some() {
            let text = "test_event_code is set: Meta shows the event under Test Events and counts it nowhere";
            findings.push(Finding::warning("test_code_in_production", text));
        }
        findings
    }

    fn map(&self, event: &Event, limited_data_use: bool) -> Mapped {
        Mapped::of(map::json(event, limited_data_use, &self.settings, map::action_source(event)))
    }

    /// A web event without its page or browser, which Meta's documentation asks for: refused as a web event, it goes as
    /// one of the shop's system.
    fn second_try(&self, event: &Event, limited_data_use: bool, _why: &str) -> Option<Mapped> {
        (map::action_source(event) == map::WEBSITE && map::lacks_website(event))
            .then(|| Mapped::of(map::json(event, limited_data_use, &self.settings, map::SYSTEM)))
    }

    fn request(&self, batch: &[Mapped]) -> HttpRequest {
        self.request_with(batch, &self.tail)
    }

    fn test_request(&self, batch: &[Mapped], code: &str) -> Option<HttpRequest> {
        Some(self.request_with(batch, &tail(&self.settings, Some(code))))
    }

    fn aid(&self) -> Aid {
        aid::of(&self.settings)
    }

    /// Meta reports no error per event: one invalid event fails the batch.
    fn reply(&self, reply: &HttpReply) -> Reply {
        Reply::Whole(reply::read(reply))
    }
}
