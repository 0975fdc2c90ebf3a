//! Google Analytics 4, by the Measurement Protocol.
//!
//! Facts come from Google's *Measurement Protocol reference*, its page on limits, and *User-provided data* (read in 2026).
//! GA4 always answers 2xx and never says what became of an event, knows no repeat but that of a purchase's transaction
//! id, and wants the visitor's id around the events: so only events of one visitor and second share a request. The files in
//! `examples/` show whole exchanges.

mod aid;
mod client;
mod consent;
mod items;
mod map;
mod names;
mod params;
mod reply;
mod settings;
mod user;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method};
use secrecy::SecretString;
use serde_json::{Value, json};
use tandem_core::consent::Purpose;
use tandem_core::{Channel, Event, Finding};

use crate::{
    Aid, Definition, Destination, HttpReply, HttpRequest, Mapped, Platform, Reply, Skip, answers, lines, wire,
};

pub use settings::{BASE_URL, BASE_URL_EU, Send, Settings};

const HOUR_MS: i64 = 3_600_000;

/// Documented.
const MAX_BATCH: usize = 25;

/// Documented: less than 130 kB.
const MAX_BYTES: usize = 110_000;

/// Ours: GA4 recognises a purchase by its transaction id, for a time that is stated nowhere. It takes nothing older than
/// this.
const DUPLICATE_WINDOW_MS: i64 = 72 * HOUR_MS;

/// Ours.
const RETRY_HORIZON_MS: i64 = 71 * HOUR_MS;

/// Documented: 72 hours back. What becomes of older events is not said.
const MAX_AGE_S: i64 = 72 * 3_600;

/// Ours: most requests hold one visitor's one event.
const CONCURRENCY: usize = 8;

static DEFINITION: Definition = Definition {
    name: "ga4",
    title: "Google Analytics",
    max_batch: MAX_BATCH,
    max_bytes: MAX_BYTES,
    duplicate_window_ms: DUPLICATE_WINDOW_MS,
    retry_horizon_ms: RETRY_HORIZON_MS,
    max_age_s: MAX_AGE_S,
    concurrency: CONCURRENCY,
    requires: &[Purpose::Analytics],
    consent_names: &["google-analytics", "googleanalytics", "ga4"],
    // Google is on the IAB's list for its advertising products; whether that is meant to cover Analytics is for the shop
    // to say.
    tcf_vendor: None,
    browser_ids: &[],
    // It looks for nobody: it knows a visitor by the client id of its own cookie, and has no figure for how often.
    match_weights: &[],
};

/// GA4, for the list of platforms.
pub const PLATFORM: Platform = Platform { definition: &DEFINITION, configure, placeholder };

fn placeholder() -> Value {
    json!({"measurement_id": "G-XXXXXXXXXX", "api_secret": "API_SECRET", "send": "all"})
}

fn configure(settings: &Value) -> Result<Box<dyn Destination>, String> {
    Ok(Box::new(Ga4::new(Settings::read(settings)?)))
}

/// One web data stream.
struct Ga4 {
    settings: Settings,
    secret: SecretString,
}

impl Ga4 {
    fn new(settings: Settings) -> Self {
        Self { secret: settings.api_secret.clone(), settings }
    }

    fn request_to(&self, path: &str, batch: &[Mapped]) -> HttpRequest {
        let around = batch.first().map(|first| first.around.as_str()).filter(|around| !around.is_empty());
        let body = wire::body(around.unwrap_or("{\"events\":["), batch, "]}");
        let headers = [(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
        let Settings { base_url, measurement_id, .. } = &self.settings;
        HttpRequest {
            method: Method::POST,
            url: format!("{base_url}{path}?measurement_id={measurement_id}"),
            secret_parameter: Some(("api_secret", self.secret.clone())),
            headers: HeaderMap::from_iter(headers),
            body,
        }
    }

    /// GA4 cannot merge what the page and the server report of one event: whatever the page's own tag reports must not
    /// come from here. A hit of GA4's own that came to us instead is reported by nobody else.
    fn is_ours_to_report(&self, event: &Event) -> bool {
        let unseen = event.channel == Channel::Offline || event.unattended;
        let own_hit = event.source == DEFINITION.name;
        own_hit
            || match self.settings.send {
                Send::All => true,
                Send::Server => event.channel != Channel::Browser,
                Send::Unseen => unseen,
            }
    }
}

impl Destination for Ga4 {
    fn definition(&self) -> &'static Definition {
        &DEFINITION
    }

    fn wants(&self, event: &Event) -> Result<(), Skip> {
        let name = event.event_name.as_str();
        if self.settings.events.as_ref().is_some_and(|selected| selected.iter().all(|s| s != name)) {
            return Err(answers::not_selected(name, "Google Analytics"));
        }
        if names::is_reserved(&names::wire(name)) {
            let message = format!("{name} is a name that Google Analytics keeps for itself");
            return Err(Skip { code: "event_not_supported", message, is_open: false });
        }
        if !self.is_ours_to_report(event) {
            let message = "the page's own tag reports this to Google Analytics, which cannot merge the two: change \
                           `send` if it does not";
            return Err(Skip { code: "page_reports", message: message.to_owned(), is_open: false });
        }
        if client::of(event).is_none() {
            let message =
                "nothing that tells this visitor from others: no `_ga` cookie, visitor id, customer or order";
            return Err(Skip { code: "client_id_missing", message: message.to_owned(), is_open: true });
        }
        Ok(())
    }

    fn lint(&self, event: &Event) -> Vec<Finding> {
        if self.wants(event).is_err() {
            return Vec::new();
        }
        let mut findings = params::Params::of(event).findings();
        if event.user.click_ids.ga_client_id.is_none() {
            let text = "no client id of Google Analytics (`_ga` cookie): one was made from our own id of the visitor, so \
                        that Google Analytics does not connect it with what its own tag has seen";
            findings.push(Finding::info("client_id_made", text).on("user.ga_client_id"));
        }
        findings.extend(lines::remark(&event.contents, "Google Analytics"));
        findings
    }

    fn map(&self, event: &Event, limited_data_use: bool) -> Mapped {
        Mapped {
            json: map::json(event),
            around: map::around(event, limited_data_use, self.settings.user_data),
            counts_twice: !map::is_recognised(event),
        }
    }

    fn request(&self, batch: &[Mapped]) -> HttpRequest {
        self.request_to("/mp/collect", batch)
    }

    /// GA4 knows no code: this address says whether an event is well formed, and records nothing.
    fn test_request(&self, batch: &[Mapped], _code: &str) -> Option<HttpRequest> {
        Some(self.request_to("/debug/mp/collect", batch))
    }

    fn aid(&self) -> Aid {
        aid::of(&self.settings)
    }

    fn reply(&self, reply: &HttpReply) -> Reply {
        Reply::Whole(reply::read(reply))
    }
}
