//! The ways in. A source knows one outside format and turns a request into drafts of events; it is pure, and knows
//! nothing of destinations, storage or sockets.
//!
//! Adding one: a folder here, and a line in [`configure`].

use std::borrow::Cow;
use std::collections::BTreeMap;

use http::HeaderMap;
use serde_json::Value;
use tandem_core::consent::Consent;
use tandem_core::door::{Draft, Rejection};
use tandem_core::identity::RawIdentity;
use tandem_core::{Page, Site};

pub mod browser;
pub mod data_tag;
pub mod events;
pub mod ga4;
pub mod tags;
pub mod unclaimed;
pub mod woocommerce;

mod consent;
mod cookies;
mod envelope;
mod values;

/// What came over the wire.
pub struct Request<'a> {
    /// Headers as received.
    pub headers: &'a HeaderMap,
    /// Body as received, before any decoding; signatures are made over it.
    pub body: &'a [u8],
    /// Verb, upper case; empty means `POST`.
    pub method: &'a str,
    /// Path of the address, still percent-encoded.
    pub path: &'a str,
    /// Query of the address, still percent-encoded, without its question mark. May hold anything about a person: it is
    /// read and never kept, logged or answered.
    pub query: &'a str,
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
        Self {
            headers,
            body,
            method: "POST",
            path: "",
            query: "",
            client_ip: None,
            secure: false,
            region: None,
            now_ms: 0,
        }
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

    /// Name and value of all cookies.
    #[must_use]
    pub fn cookie_pairs(&self) -> Vec<(String, String)> {
        let header = self.cookies();
        cookies::parse(&header).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
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
    /// What the caller is answered once all is kept, where its protocol prescribes that.
    pub reply: Option<Reply>,
}

/// An answer that a protocol prescribes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Media type; empty for an answer without a body.
    pub content_type: &'static str,
    /// The body.
    pub body: Vec<u8>,
}

/// How visitors are remembered by a source that lives on the shop's pages.
#[derive(Debug, Clone, Copy)]
pub struct Remembering<'a> {
    /// Hosts of the shop's pages.
    pub hosts: &'a [String],
    /// What a Purchase that a page reports is for.
    pub sales: Option<browser::Sales>,
    /// Seconds a sale without a click id waits for its browser half.
    pub hold_seconds: u32,
    /// Days after which a click id is not joined to an order any more.
    pub click_window_days: u32,
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
    /// See [`tandem_core::Event::pixels`].
    pub pixels: BTreeMap<String, String>,
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

    /// How visitors are remembered, for a source whose requests come from visitors' browsers.
    fn remembering(&self) -> Option<Remembering<'_>> {
        None
    }

    /// For a source that is found by what its requests look like, not by a fixed address.
    fn tag(&self) -> Option<&dyn tags::Tag> {
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

    /// Whether a sale's value is the order's total, as the shop's own list has it.
    fn reports_totals(&self) -> bool {
        true
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
        ga4::NAME => {
            Ok(Box::new(ga4::Ga4::new(serde_json::from_value(settings).map_err(|e| e.to_string())?)?))
        }
        data_tag::NAME => Ok(Box::new(data_tag::DataTag::new(
            serde_json::from_value(settings).map_err(|e| e.to_string())?,
        )?)),
        _ => Err(format!("there is no source named {name:?}; known are {}", NAMES.join(", "))),
    }
}

/// Names that [`configure`] knows.
pub const NAMES: &[&str] = &[browser::NAME, data_tag::NAME, events::NAME, ga4::NAME, woocommerce::NAME];

/// Sources whose requests come from visitors' browsers, the one whose word counts first where several report the same.
pub const ON_PAGES: &[&str] = &[browser::NAME, data_tag::NAME, ga4::NAME];
