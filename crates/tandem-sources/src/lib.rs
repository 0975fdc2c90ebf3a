//! The ways in. A source knows one outside format and turns a request into drafts of events; it is pure, and knows
//! nothing of destinations, storage or sockets.
//!
//! Adding one: a folder here, and a line in [`configure`].

use http::HeaderMap;
use serde_json::Value;
use tandem_core::Site;
use tandem_core::door::{Draft, Rejection};

pub mod events;
pub mod woocommerce;

mod values;

/// What came over the wire.
pub struct Request<'a> {
    /// Headers as received.
    pub headers: &'a HeaderMap,
    /// Body as received, before any decoding; signatures are made over it.
    pub body: &'a [u8],
}

impl Request<'_> {
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
}

impl Decoded {
    /// A request that is bad, or empty of events, as a whole.
    #[must_use]
    pub fn rejected(rejection: Rejection) -> Self {
        Self { parts: vec![Err(rejection)], handshake: false }
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
}

/// One way in, set up for one site.
pub trait Source: Send + Sync {
    /// Its name in configuration, records and metrics.
    fn name(&self) -> &'static str;

    /// Checks the caller by what the request carries. Constant time where a secret is compared.
    ///
    /// # Errors
    /// [`AuthError`], answered with 401.
    fn authenticate(&self, request: &Request<'_>) -> Result<(), AuthError>;

    /// Decodes a request. Bad parts become rejections; good parts go on.
    fn decode(&self, request: &Request<'_>, site: &Site) -> Decoded;
}

/// Sets a source up from its settings, as found under its name in a site's configuration.
///
/// # Errors
/// A text that names the setting at fault; `None` settings mean the defaults.
pub fn configure(name: &str, settings: Option<&Value>) -> Result<Box<dyn Source>, String> {
    let settings = settings.cloned().unwrap_or_else(|| Value::Object(serde_json::Map::new()));
    match name {
        events::NAME => {
            Ok(Box::new(events::Events::new(serde_json::from_value(settings).map_err(|e| e.to_string())?)))
        }
        woocommerce::NAME => Ok(Box::new(woocommerce::WooCommerce::new(
            serde_json::from_value(settings).map_err(|e| e.to_string())?,
        ))),
        _ => Err(format!("there is no source named {name:?}; known are {}", NAMES.join(", "))),
    }
}

/// Names that [`configure`] knows.
pub const NAMES: &[&str] = &[events::NAME, woocommerce::NAME];
