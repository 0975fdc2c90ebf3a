//! The ways in. A source knows one outside format and turns a request into drafts of events; it is pure, and knows
//! nothing of destinations, storage or sockets.
//!
//! Adding one: a folder here, and a line in [`configure`].

use std::borrow::Cow;

use http::HeaderMap;
use serde_json::Value;
use tandem_core::consent::Consent;
use tandem_core::door::{Draft, Rejection};
use tandem_core::identity::RawIdentity;
use tandem_core::{Page, Site};

pub mod browser;
pub mod events;
pub mod woocommerce;

mod consent;
mod values;

/// What came over the wire.
pub struct Request<'a> {
    /// Headers as received.
    pub headers: &'a HeaderMap,
    /// Body as received, before any decoding; signatures are made over it.
    pub body: &'a [u8],
    /// The caller's public network address, behind the trusted proxies.
    pub client_ip: Option<&'a str>,
    /// Whether the caller came by https, as far as the proxies tell.
    pub secure: bool,
    /// Where the caller is, as far as the proxies tell: ISO country, or `US-CA` for a state.
    pub region: Option<&'a str>,
    /// Time of arrival, Unix milliseconds.
    pub now_ms: i64,
}

impl<'a> Request<'a> {
    /// One of which only headers and body matter.
    #[must_use]
    pub fn new(headers: &'a HeaderMap, body: &'a [u8]) -> Self {
        Self { headers, body, client_ip: None, secure: false, region: None, now_ms: 0 }
    }

    /// A header's text with what is no UTF-8 replaced: browsers send names of networks and devices in any encoding.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        Some(String::from_utf8_lossy(self.headers.get(name)?.as_bytes()))
    }

    /// All cookies. HTTP/2 may bring them in several headers.
    #[must_use]
    pub fn cookies(&self) -> String {
        let all = self.headers.get_all("cookie").iter().map(|v| String::from_utf8_lossy(v.as_bytes()));
        all.collect::<Vec<_>>().join("; ")
    }

    /// A header's text, if present and readable.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// What a request held, in its own order: one entry for each event, good or bad.
#[derive(Default)]
pub struct Decoded {
    /// Drafts for the door, and parts that cannot become one.
    pub parts: Vec<Result<Draft, Rejection>>,
    /// The request is a handshake that wants nothing but this status (WooCommerce's ping wants 200).
    pub handshake: bool,
    /// What the request tells about its visitor, also when it holds no event.
    pub visit: Option<Visit>,
    /// `Set-Cookie` values of the answer.
    pub cookies: Vec<String>,
    /// What of the request the site's rules may see; the listener fills it in.
    pub context: tandem_core::rules::Context,
}

/// A visitor's news, not hashed yet.
#[derive(Default)]
pub struct Visit {
    /// Our own visitor id.
    pub visitor: String,
    /// When, Unix milliseconds.
    pub at_ms: i64,
    /// Who, and every click id at hand.
    pub identity: RawIdentity,
    /// The page.
    pub page: Page,
    /// What the visitor allowed, if the request tells.
    pub consent: Option<Consent>,
    /// The visitor id may be kept.
    pub keeps_visitor: bool,
}

impl Decoded {
    /// A request that is bad, or empty of events, as a whole.
    #[must_use]
    pub fn rejected(rejection: Rejection) -> Self {
        Self { parts: vec![Err(rejection)], ..Self::default() }
    }
}

/// Why a caller is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// No signature or key at all.
    #[error("{0}")]
    Missing(&'static str),
    /// One that does not fit.
    #[error("{0}")]
    Wrong(&'static str),
    /// A page of another site.
    #[error("{0}")]
    Origin(&'static str),
}

/// One way in, set up for one site.
pub trait Source: Send + Sync {
    /// Its name in configuration, records and metrics.
    fn name(&self) -> &'static str;

    /// Checks the caller by what the request carries. Constant time where a secret is compared.
    ///
    /// # Errors
    /// [`AuthError`], answered with 401, or 403 for a page of another site.
    fn authenticate(&self, request: &Request<'_>) -> Result<(), AuthError>;

    /// Decodes a request. Bad parts become rejections; good parts go on.
    fn decode(&self, request: &Request<'_>, site: &Site) -> Decoded;

    /// What the shop's pages need to know, for a source that lives on them.
    fn pages(&self) -> Option<&browser::Pages> {
        None
    }

    /// The shop's plugin, for a source that takes orders from one.
    fn plugin(&self) -> Option<woocommerce::Plugin<'_>> {
        None
    }

    /// The shop's own list of orders, where it may be looked at.
    fn sweep(&self) -> Option<woocommerce::Sweep<'_>> {
        None
    }

    /// Template of the event ids this source gives to orders, for sources that report sales.
    fn sale_event_id(&self) -> Option<&str> {
        None
    }
}

/// Sets a source up from its settings, as found under its name in a site's configuration.
///
/// # Errors
/// A text that names the setting at fault; `None` settings mean the defaults.
pub fn configure(name: &str, settings: Option<&Value>) -> Result<Box<dyn Source>, String> {
    let settings = settings.cloned().unwrap_or_else(|| Value::Object(serde_json::Map::new()));
    match name {
        browser::NAME => {
            Ok(Box::new(browser::Browser::new(serde_json::from_value(settings).map_err(|e| e.to_string())?)?))
        }
        events::NAME => {
            Ok(Box::new(events::Events::new(serde_json::from_value(settings).map_err(|e| e.to_string())?)))
        }
        woocommerce::NAME => Ok(Box::new(woocommerce::WooCommerce::new(
            serde_json::from_value(settings).map_err(|e| e.to_string())?,
        )?)),
        _ => Err(format!("there is no source named {name:?}; known are {}", NAMES.join(", "))),
    }
}

/// Names that [`configure`] knows.
pub const NAMES: &[&str] = &[browser::NAME, events::NAME, woocommerce::NAME];
