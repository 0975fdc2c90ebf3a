//! The shop's plugin: it hands orders over by itself, some at a time, until it has an answer for each.
//!
//! The signature covers time and nonce beside the body, so that a request that somebody listened to cannot be made again.
//! Whether the time is right and the nonce new is the gateway's to say: this here has no clock and no memory.

use std::borrow::Cow;
use std::fmt;

use hmac::Mac;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::value::RawValue;
use tandem_core::consent::Policy;
use tandem_core::door::{Draft, Rejection};

use super::settings::Settings;
use super::{object, order, signature};
use crate::{AuthError, Request};

/// How far the plugin's clock may be from ours, either way, in seconds.
pub const WINDOW_S: i64 = 300;

/// Most orders of one request.
pub const MAX_ORDERS: usize = 50;

/// The only version of the protocol there is.
const VERSION: u64 = 1;

const TIME: &str = "x-tandem-time";
const NONCE: &str = "x-tandem-nonce";
const SIGNATURE: &str = "x-tandem-signature";

/// The plugin of one shop, as its site is set up.
#[derive(Clone, Copy)]
pub struct Plugin<'a> {
    settings: &'a Settings,
}

/// When a request was signed, and its number used once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Unix seconds, by the plugin's clock.
    pub time_s: i64,
    /// A random number.
    pub nonce: u128,
}

impl Stamp {
    /// Whether the plugin's clock and ours agree well enough.
    #[must_use]
    pub fn is_timely(&self, now_s: i64) -> bool {
        self.time_s.abs_diff(now_s) <= WINDOW_S.unsigned_abs()
    }
}

/// What a request is for.
pub enum Handed {
    /// To know whether the connection works.
    Ping,
    /// Orders, in the request's order.
    Orders {
        /// Of each, its number, if it has one.
        ids: Vec<Option<String>>,
        /// Of each, what became of it.
        parts: Vec<Result<Draft, Rejection>>,
    },
}

/// Why a body is refused as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// Not a body of this protocol.
    #[error(
        "the body is not what a plugin sends: an object with version, kind, and for orders a list of them"
    )]
    Unreadable,
    /// A newer plugin.
    #[error("the gateway knows version 1 of the plugin's protocol only; bring the gateway up to date")]
    Version,
    /// More than [`MAX_ORDERS`].
    #[error("a request holds 50 orders at most; none was taken, send fewer at once")]
    TooMany,
}

impl BodyError {
    /// Stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Unreadable => "request_invalid",
            Self::Version => "version_unknown",
            Self::TooMany => "too_many_orders",
        }
    }
}

#[derive(Deserialize)]
struct Head<'a> {
    version: u64,
    #[serde(borrow, default)]
    kind: Cow<'a, str>,
}

/// Each order as it came: one that cannot be read must not take the others down.
#[derive(Deserialize)]
struct Orders<'a> {
    #[serde(borrow)]
    orders: Vec<&'a RawValue>,
}

impl<'a> Plugin<'a> {
    pub(super) fn of(settings: &'a Settings) -> Self {
        Self { settings }
    }

    /// The secret that the plugin is given; `None` where no plugin may hand anything over.
    #[must_use]
    pub fn secret(&self) -> Option<&'a SecretString> {
        self.settings.plugin_secrets.first()
    }

    /// The order statuses that mean paid.
    #[must_use]
    pub fn paid_statuses(&self) -> &'a [String] {
        &self.settings.paid_statuses
    }

    /// Those of payment methods that have others, by the method's id.
    pub fn paid_statuses_of_gateways(&self) -> impl Iterator<Item = (&'a str, &'a [String])> {
        self.settings.gateways.iter().map(|(name, gateway)| (name.as_str(), gateway.paid_statuses.as_slice()))
    }

    /// Checks the signature over time, nonce and body, in constant time. Time and nonce themselves are not judged.
    ///
    /// # Errors
    /// [`AuthError`] when the request is not signed, or not with one of the site's plugin secrets.
    pub fn check(&self, request: &Request<'_>) -> Result<Stamp, AuthError> {
        let [Some(time), Some(nonce), Some(given)] =
            [TIME, NONCE, SIGNATURE].map(|name| request.header(name))
        else {
            return Err(AuthError::Missing(
                "the request is not signed: X-Tandem-Time, X-Tandem-Nonce or X-Tandem-Signature is missing",
            ));
        };
        let stamp = stamp(time, nonce)?;
        let unreadable = AuthError::Wrong("X-Tandem-Signature is not v1= and 64 hexadecimal digits");
        let given =
            given.strip_prefix("v1=").and_then(|digits| hex::decode(digits).ok()).ok_or(unreadable)?;
        if self.settings.plugin_secrets.is_empty() {
            let text = "this site has no plugin_secrets; run tandem connect on the gateway";
            return Err(AuthError::Wrong(text));
        }
        if signature::fits(&self.settings.plugin_secrets, &signed(time, nonce, request.body), &given) {
            return Ok(stamp);
        }
        Err(AuthError::Wrong(
            "the signature does not fit: the plugin has another secret, so give it what tandem connect prints; or \
             something on the way changed the body",
        ))
    }

    /// `X-Tandem-Signature` as the plugin makes it; `None` without a secret.
    #[must_use]
    pub fn sign(&self, time_s: i64, nonce: &str, body: &[u8]) -> Option<String> {
        let mac = signature::mac(self.secret()?, &signed(&time_s.to_string(), nonce, body))?;
        Some(format!("v1={}", hex::encode(mac.finalize().into_bytes())))
    }

    /// Reads a body. A bad order is a [`Rejection`] among the others.
    ///
    /// # Errors
    /// [`BodyError`] when nothing of it can be used.
    pub fn read(&self, body: &[u8], policy: &Policy) -> Result<Handed, BodyError> {
        let head: Head = parse(body)?;
        if head.version != VERSION {
            return Err(BodyError::Version);
        }
        let Orders { orders } = match head.kind.as_ref() {
            "ping" => return Ok(Handed::Ping),
            "orders" => parse(body)?,
            _ => return Err(BodyError::Unreadable),
        };
        if orders.len() > MAX_ORDERS {
            return Err(BodyError::TooMany);
        }
        let read = |(at, raw)| self.order(at, raw, policy);
        let (ids, parts) = orders.into_iter().enumerate().map(read).unzip();
        Ok(Handed::Orders { ids, parts })
    }

    fn order(
        &self,
        at: usize,
        raw: &RawValue,
        policy: &Policy,
    ) -> (Option<String>, Result<Draft, Rejection>) {
        match object(raw.get().as_bytes()) {
            Ok(map) => (order::id(&map), order::draft(map, self.settings, policy)),
            Err(rejection) => (None, Err(rejection.at(&format!("orders[{at}]")))),
        }
    }
}

impl fmt::Debug for Plugin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plugin").field("secrets", &self.settings.plugin_secrets.len()).finish()
    }
}

fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, BodyError> {
    serde_json::from_slice(body).map_err(|_| BodyError::Unreadable)
}

fn stamp(time: &str, nonce: &str) -> Result<Stamp, AuthError> {
    let digits = |text: &str| text.len() <= 12 && text.bytes().all(|b| b.is_ascii_digit());
    let time_s = Some(time).filter(|time| digits(time)).and_then(|time| time.parse().ok());
    let hexadecimal = |text: &&str| text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
    let nonce = Some(nonce).filter(hexadecimal).and_then(|nonce| u128::from_str_radix(nonce, 16).ok());
    Ok(Stamp {
        time_s: time_s.ok_or(AuthError::Wrong("X-Tandem-Time is not a time in Unix seconds"))?,
        nonce: nonce.ok_or(AuthError::Wrong("X-Tandem-Nonce is not 32 hexadecimal digits"))?,
    })
}

fn signed<'b>(time: &'b str, nonce: &'b str, body: &'b [u8]) -> [&'b [u8]; 6] {
    [b"v1\n", time.as_bytes(), b"\n", nonce.as_bytes(), b"\n", body]
}
