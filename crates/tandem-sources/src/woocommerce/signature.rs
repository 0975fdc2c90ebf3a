//! Who sent it: WooCommerce signs the raw body, and sends one unsigned ping when a webhook is first saved.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use crate::AuthError;

/// Checks `X-WC-Webhook-Signature`: base64 of HMAC-SHA256 over the raw body.
pub(super) fn check(given: &str, body: &[u8], secrets: &[SecretString]) -> Result<(), AuthError> {
    let given = given.trim();
    let Some(signature) = BASE64_STANDARD.decode(given).ok().filter(|bytes| bytes.len() == 32) else {
        return Err(AuthError::Wrong(if given.len() == 64 && given.bytes().all(|b| b.is_ascii_hexdigit()) {
            "the signature is hexadecimal; WooCommerce sends base64 of HMAC-SHA256 over the raw body"
        } else {
            "the signature is not base64 of an HMAC-SHA256"
        }));
    };
    if secrets.is_empty() {
        return Err(AuthError::Wrong("no webhook secret is configured for this site"));
    }
    if fits(secrets, &[body], &signature) {
        return Ok(());
    }
    Err(AuthError::Wrong(
        "the signature does not fit the body: the webhook's secret differs from the configured one, or something \
         on the way changed the body",
    ))
}

/// Whether one of the secrets made the signature of these parts, one after the other. Constant time; all secrets are
/// tried, so that the time does not tell which one fits.
pub(super) fn fits(secrets: &[SecretString], parts: &[&[u8]], signature: &[u8]) -> bool {
    let verifies =
        |secret| mac(secret, parts).is_some_and(|mac: Hmac<Sha256>| mac.verify_slice(signature).is_ok());
    secrets.iter().fold(false, |fits, secret| fits | verifies(secret))
}

/// Any length of key will do, so there is always one.
pub(super) fn mac(secret: &SecretString, parts: &[&[u8]]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()).ok()?;
    parts.iter().for_each(|part| mac.update(part));
    Some(mac)
}

/// The unsigned ping: a form with the webhook's number and nothing else.
pub(super) fn is_ping(body: &[u8]) -> bool {
    body.strip_prefix(b"webhook_id=")
        .is_some_and(|number| (1..=20).contains(&number.len()) && number.iter().all(u8::is_ascii_digit))
}
