//! The public HTTP API: events as JSON, from a shop's own server, a server container, or code written for
//! TikTok's Events API.
//!
//! A body is one event, a list of events, one event a line (NDJSON), or TikTok's envelope
//! (`event_source`, `event_source_id`, `data`). Names of fields are looked up by [`aliases`]; types are mended
//! where the meaning is plain, with a finding that says so. The visitor's address and user agent are taken from
//! the event only: the caller of this API is a server.

mod aliases;
mod body;
mod draft;
mod entry;
mod fields;
mod person;
mod sale;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};
use tandem_core::Site;
use tandem_core::door::{Draft, Rejection};

pub use body::{MAX_DEPTH, MAX_EVENTS};

use crate::{AuthError, Decoded, Request, Source};

/// Name in configuration, records and metrics.
pub const NAME: &str = "events";

/// Settings of one site's events API.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Keys that may write, several so that one can be replaced without a gap. None: nobody may.
    #[serde(deserialize_with = "crate::values::secrets")]
    pub write_keys: Vec<SecretString>,
}

/// The events API of one site.
pub struct Events {
    /// Digests, so that keys of different lengths compare in the same time.
    keys: Vec<[u8; 32]>,
}

impl Events {
    /// Sets it up.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let keys = settings.write_keys.iter().filter(|key| !key.expose_secret().trim().is_empty());
        Self { keys: keys.map(|key| digest(key.expose_secret())).collect() }
    }
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

impl Source for Events {
    fn name(&self) -> &'static str {
        NAME
    }

    fn authenticate(&self, request: &Request<'_>) -> Result<(), AuthError> {
        let missing = AuthError::Missing("send the site's write key: Authorization: Bearer <key>");
        let Some(header) = request.headers.get(http::header::AUTHORIZATION) else { return Err(missing) };
        let unreadable = AuthError::Wrong("the Authorization header is not plain text");
        let header = header.to_str().map_err(|_| unreadable)?;
        let (scheme, key) = header.trim().split_once(' ').unwrap_or((header, ""));
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(AuthError::Wrong("the Authorization header's scheme is not Bearer"));
        }
        let key = key.trim();
        if key.is_empty() {
            return Err(missing);
        }
        let given = digest(key);
        // All keys are compared, so that the time does not tell which one fits.
        let fits = self.keys.iter().fold(Choice::from(0), |fits, known| fits | known.ct_eq(&given));
        if bool::from(fits) { Ok(()) } else { Err(AuthError::Wrong("this is not a write key of this site")) }
    }

    fn decode(&self, request: &Request<'_>, site: &Site) -> Decoded {
        let (shape, parts) = match body::split(request.body, says_lines(request)) {
            Ok(split) => split,
            Err(rejection) => return Decoded::rejected(rejection),
        };
        let read = |(index, (at, value)): (usize, body::Part)| -> Result<Draft, Rejection> {
            if index >= MAX_EVENTS {
                let text = "a request holds at most 1000 events; send this one again in another request";
                return Err(at.of(Rejection::new("too_many_events", text)));
            }
            let draft = value.and_then(body::entry).and_then(|map| draft::draft(map, &shape, &site.policy));
            draft.map(|draft| Draft { place: at.place(), ..draft }).map_err(|rejection| at.of(rejection))
        };
        Decoded { parts: parts.into_iter().enumerate().map(read).collect(), ..Decoded::default() }
    }
}

/// Reads one event in the form of this API, for a source that puts an envelope of its own around it.
///
/// # Errors
/// A [`Rejection`] with the path inside the event.
pub(crate) fn read(map: Map<String, Value>, site: &Site) -> Result<Draft, Rejection> {
    draft::draft(body::entry(Value::Object(map))?, &body::Shape::default(), &site.policy)
}

/// Whether the caller says that the body holds one event a line.
fn says_lines(request: &Request<'_>) -> bool {
    let content_type = request.header("content-type").unwrap_or_default();
    ["ndjson", "jsonl", "json-lines"].iter().any(|word| content_type.contains(word))
}
