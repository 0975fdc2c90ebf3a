//! The ways out. A destination maps an event to its platform's request and reads the platform's reply; it is pure
//! and holds no state. It never knows where an event came from.
//!
//! Adding one: a folder here, and a line in [`PLATFORMS`].

use http::{HeaderMap, Method};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tandem_core::consent::Purpose;
use tandem_core::quality::Key;
use tandem_core::retry::Pace;
use tandem_core::{Event, Finding};

mod answers;
pub mod ga4;
mod lines;
pub mod meta;
mod number;
mod settings;
pub mod tiktok;
mod wire;

/// What a platform allows and expects; numbers come from its documentation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// Name in configuration, records and metrics.
    pub name: &'static str,
    /// For people.
    pub title: &'static str,
    /// Events in one request at most.
    pub max_batch: usize,
    /// Bytes in one request body at most.
    pub max_bytes: usize,
    /// How long the platform recognises a repeated event, in milliseconds.
    pub duplicate_window_ms: i64,
    /// No attempt later than this after the first, in milliseconds; within the duplicate window.
    pub retry_horizon_ms: i64,
    /// Events older than this are not sent on their own, in seconds.
    pub max_age_s: i64,
    /// Requests under way at once.
    pub concurrency: usize,
    /// What the visitor must have allowed, unless the shop's settings say otherwise.
    pub requires: &'static [Purpose],
    /// What consent tools call the platform, see [`tandem_core::consent::VendorNames::is_called`].
    pub consent_names: &'static [&'static str],
    /// Its id on the IAB's list of vendors, where it is known to have one.
    pub tcf_vendor: Option<u16>,
    /// Ids by which it knows a browser (`fbp`), and which our answers make for browsers that have none.
    pub browser_ids: &'static [&'static str],
    /// What each match key is worth to it, in thousandths of a full score, see `tandem_core::quality::emq`. Our estimate:
    /// TikTok says of its score only that it is a "weighted average" of how often each match key is there, Meta names keys
    /// and no weights, and neither publishes a figure. A key that the platform does not take is not listed; none
    /// are where the platform does not look for persons.
    pub match_weights: &'static [(Key, u16)],
}

/// What content ids stand for in a catalogue feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContentType {
    /// SKU ids.
    #[default]
    Product,
    /// Item group ids.
    ProductGroup,
}

impl ContentType {
    /// Reads the two words; `None` for any other.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "product" => Some(Self::Product),
            "product_group" => Some(Self::ProductGroup),
            _ => None,
        }
    }
}

/// Why an event is not for this destination. The code is stable and goes on record.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Skip {
    /// E.g. `event_too_old`.
    pub code: &'static str,
    /// For a person.
    pub message: String,
    /// What the shop's page may still tell of the event can undo it.
    #[serde(skip)]
    pub is_open: bool,
}

/// An event in the platform's own shape, ready to be put into a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mapped {
    /// JSON text of this event alone.
    pub json: String,
    /// What must stand around it in the request, where a platform asks there who did it. Only events of which this is equal
    /// share a request.
    pub around: String,
    /// The platform would count a repeat of it: once it may have arrived, it is not sent again.
    pub counts_twice: bool,
}

impl Mapped {
    /// An event that may share a request with any other, and that the platform recognises when it comes again.
    #[must_use]
    pub fn of(json: String) -> Self {
        Self { json, ..Self::default() }
    }
}

/// An outgoing call, before transport.
#[derive(Clone, Default)]
pub struct HttpRequest {
    /// Verb.
    pub method: Method,
    /// Address, as it may be shown.
    pub url: String,
    /// One more parameter of the address, for platforms that want their secret there; never shown.
    pub secret_parameter: Option<(&'static str, SecretString)>,
    /// Headers; those that carry a secret are marked sensitive and never shown.
    pub headers: HeaderMap,
    /// Body.
    pub body: Vec<u8>,
}

impl HttpRequest {
    /// The whole address, secret and all: for the transport only.
    #[must_use]
    pub fn address(&self) -> String {
        match &self.secret_parameter {
            None => self.url.clone(),
            Some((name, secret)) => {
                let sign = if self.url.contains('?') { '&' } else { '?' };
                format!("{}{sign}{name}={}", self.url, secret.expose_secret())
            }
        }
    }
}

/// What came back, or why nothing did.
#[derive(Debug, Clone)]
pub enum HttpReply {
    /// An answer with its status and body (cut at 64 KiB).
    Answer {
        /// HTTP status.
        status: u16,
        /// Body, perhaps not even text.
        body: Vec<u8>,
    },
    /// No answer: a time-out, a refused or broken connection.
    NoAnswer {
        /// For the record.
        why: String,
        /// The request may have reached the platform.
        reached: bool,
    },
}

/// What became of an event, or of a whole request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The platform has it. The text is a remark of the platform worth keeping.
    Delivered {
        /// A remark worth keeping, e.g. on partial success.
        warning: Option<String>,
    },
    /// Try again later, under the same id.
    Retry {
        /// How soon.
        pace: Pace,
        /// The platform's own wish in milliseconds.
        after_ms: Option<i64>,
        /// Platform's code, if it gave one.
        code: Option<i64>,
        /// For the record.
        why: String,
    },
    /// The platform will never take this event.
    Rejected {
        /// Platform's code.
        code: Option<i64>,
        /// The platform's words.
        why: String,
    },
    /// Nothing will be taken until a person mends the credential or the set-up; events wait.
    StopDestination {
        /// Platform's code, if it gave one.
        code: Option<i64>,
        /// What to mend.
        why: String,
    },
}

/// How the reply speaks of the events in a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// One verdict for all. A rejected batch is cut in halves until the bad event stands alone.
    Whole(Verdict),
    /// One verdict for each, in order.
    Each(Vec<Verdict>),
}

/// A platform set up for one site.
pub trait Destination: Send + Sync {
    /// Limits and names.
    fn definition(&self) -> &'static Definition;

    /// Whether this destination wants such an event at all; asked when the event comes in. Age is not asked here.
    ///
    /// # Errors
    /// [`Skip`] with the reason on record.
    fn wants(&self, event: &Event) -> Result<(), Skip>;

    /// What the platform's shape costs this event, e.g. a currency the platform does not know. Nothing by default.
    fn lint(&self, _event: &Event) -> Vec<Finding> {
        Vec::new()
    }

    /// The event in the platform's shape. `limited_data_use` is the consent gate's decision.
    fn map(&self, event: &Event, limited_data_use: bool) -> Mapped;

    /// Another shape for an event that the platform refused with these words, if a part of it can be given up to save
    /// the rest. Asked once for each event; the id stays the same.
    fn second_try(&self, _event: &Event, _limited_data_use: bool, _why: &str) -> Option<Mapped> {
        None
    }

    /// One request for a batch, within the limits of [`Definition`].
    fn request(&self, batch: &[Mapped]) -> HttpRequest;

    /// The same request as one that the platform shows to a person and counts nowhere, under a code it gave out for that.
    fn test_request(&self, _batch: &[Mapped], _code: &str) -> Option<HttpRequest> {
        None
    }

    /// What helps a person who looks for a fault in the set-up.
    fn aid(&self) -> Aid {
        Aid::default()
    }

    /// The platform's own script on the shop's pages, if the page's half is ours to run.
    fn page_pixel(&self) -> Option<PagePixel> {
        None
    }

    /// What one of the platform's own codes means and what can be done, where that is known.
    fn meaning(&self, _code: i64) -> Option<&'static str> {
        None
    }

    /// Reads the reply; decides by the body, not by the status, where the platform does so.
    fn reply(&self, reply: &HttpReply) -> Reply;

    /// Asks the platform what it counted on these days (since 1970, UTC), [`REPORT_DAYS`] at most; `None` where it cannot
    /// be asked, or not with these settings.
    fn report_request(&self, _first_day: i64, _last_day: i64) -> Option<HttpRequest> {
        None
    }

    /// Reads what it counted.
    ///
    /// # Errors
    /// Why it does not say, with what to do.
    fn report_reply(&self, _reply: &HttpReply) -> Result<Vec<Counted>, String> {
        Err(format!("{} cannot be asked what it counted", self.definition().title))
    }
}

/// Days of one question to a platform about its counts. TikTok's limit, the smallest one known.
pub const REPORT_DAYS: i64 = 30;

/// What a platform counted on one of its days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Counted {
    /// Days since 1970, UTC.
    pub day: i64,
    /// Our name of the event.
    pub event_name: String,
    /// All of them.
    pub events: i64,
    /// Those that browsers reported, if it says.
    pub browser: Option<i64>,
    /// Those that servers reported, if it says.
    pub server: Option<i64>,
    /// Those that it credits to an ad, if it says.
    pub attributed: Option<i64>,
}

/// What a person who looks for a fault should know of a platform and its settings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Aid {
    /// What looks wrong in the settings though it may be right, each with what to do.
    pub doubts: Vec<(String, String)>,
    /// Texts in a page's HTML that show the platform's own pixel.
    pub page_traces: &'static [&'static str],
    /// How to get a code for test events, if there is such a thing.
    pub test_code: Option<&'static str>,
}

/// What the page's script needs to run a platform's own pixel beside our requests, under the same names and ids.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct PagePixel {
    /// The platform's name, as in `browser/src/pixels/`.
    pub platform: &'static str,
    /// The pixel's id.
    pub id: String,
    /// Address of the platform's script.
    pub script: String,
}

/// A platform that sites can be set up for.
pub struct Platform {
    /// Limits and names.
    pub definition: &'static Definition,
    /// Sets it up from settings, secrets already in place. The error names the setting at fault.
    pub configure: fn(&Value) -> Result<Box<dyn Destination>, String>,
    /// Settings with placeholders, for `tandem explain` without a configuration.
    pub placeholder: fn() -> Value,
}

/// All known platforms.
pub const PLATFORMS: &[Platform] = &[tiktok::PLATFORM, meta::PLATFORM, ga4::PLATFORM];

/// Finds a platform by name.
#[must_use]
pub fn platform(name: &str) -> Option<&'static Platform> {
    PLATFORMS.iter().find(|p| p.definition.name == name)
}

/// The reason an event of this age is not sent on its own, if it is too old.
#[must_use]
pub fn too_old(definition: &Definition, event: &Event, now_s: i64) -> Option<Skip> {
    let age = now_s - event.event_time;
    (age > definition.max_age_s).then(|| Skip {
        code: "event_too_old",
        message: format!(
            "the event is {} days old; {} gets nothing older than {} days",
            age / 86_400,
            definition.title,
            definition.max_age_s / 86_400
        ),
        is_open: false,
    })
}
