//! Debug links: `https://shop.example/?tandem_debug=…` marks the visits of whoever follows it, for an hour.
//!
//! The link is signed, so that nobody else can mark visits, and the mark is in memory only.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// The parameter. [`tandem_core::page`] takes it out of every address that is kept or sent.
pub const PARAMETER: &str = "tandem_debug";

/// How long a link, and a mark, lasts, in seconds.
pub const LIFE_S: i64 = 3_600;

/// Marks kept at once.
const MAX_MARKS: usize = 1_000;

/// Signs and reads links; the key is made from the private token.
#[derive(Clone)]
pub struct Signer(Hmac<Sha256>);

impl Signer {
    /// From `server.private_token`.
    #[must_use]
    pub fn new(token: &SecretString) -> Option<Self> {
        let mut mac = Hmac::<Sha256>::new_from_slice(token.expose_secret().as_bytes()).ok()?;
        mac.update(b"tandem debug link 1");
        let key = mac.finalize().into_bytes();
        Some(Self(Hmac::new_from_slice(&key).ok()?))
    }

    fn mac(&self, site: &str, until_s: i64, label: &str) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        mac.update(format!("{site}\n{until_s}\n{label}").as_bytes());
        mac
    }

    /// The parameter's value: `UNTIL.LABEL.SIGNATURE`. `label` is 1 to 20 lower-case letters and digits.
    #[must_use]
    pub fn sign(&self, site: &str, label: &str, now_s: i64) -> String {
        let until_s = now_s + LIFE_S;
        let signature = self.mac(site, until_s, label).finalize().into_bytes();
        format!("{until_s}.{label}.{}", BASE64_URL_SAFE_NO_PAD.encode(&signature[..16]))
    }

    /// The label and the end (Unix seconds) of a link of this site, unless it is over or somebody else's.
    #[must_use]
    pub fn read(&self, site: &str, value: &str, now_s: i64) -> Option<(String, i64)> {
        let mut parts = value.split('.');
        let (until, label, signature) = (parts.next()?, parts.next()?, parts.next()?);
        let until_s: i64 = until.parse().ok()?;
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).ok().filter(|bytes| bytes.len() == 16)?;
        let timely = now_s < until_s && until_s <= now_s + LIFE_S + 300;
        self.mac(site, until_s, label).verify_truncated_left(&signature).ok()?;
        (timely && is_label(label) && parts.next().is_none()).then(|| (label.to_owned(), until_s))
    }
}

/// Whether a label can stand in a link and in a filter.
#[must_use]
pub fn is_label(label: &str) -> bool {
    (1..=20).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

/// The parameter's value somewhere in a body, whatever its form; the value needs no encoding.
pub(super) fn in_body(body: &[u8]) -> Option<&str> {
    let at = body
        .windows(PARAMETER.len() + 1)
        .position(|part| part.starts_with(PARAMETER.as_bytes()) && part.ends_with(b"="))?;
    let value = body.get(at + PARAMETER.len() + 1..)?;
    let plain = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    let length = value.iter().take_while(|b| plain(b)).take(200).count();
    std::str::from_utf8(value.get(..length)?).ok()
}

/// By site and visitor: label, and until when in Unix seconds.
type Labels = HashMap<(String, String), (String, i64)>;

/// Visitors who came by a link.
#[derive(Default)]
pub(super) struct Marks(Mutex<Labels>);

impl Marks {
    pub(super) fn put(&self, site: &str, visitor: &str, label: &str, until_s: i64, now_s: i64) {
        let mut marks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        marks.retain(|_, (_, until)| *until > now_s);
        if marks.len() < MAX_MARKS {
            marks.insert((site.to_owned(), visitor.to_owned()), (label.to_owned(), until_s));
        }
    }

    pub(super) fn of(&self, site: &str, visitor: &str, now_s: i64) -> Option<String> {
        let marks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if marks.is_empty() {
            return None;
        }
        let (label, until_s) = marks.get(&(site.to_owned(), visitor.to_owned()))?;
        (*until_s > now_s).then(|| label.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_holds_for_its_site_and_hour_only() {
        let signer = Signer::new(&"token".into()).unwrap();
        let value = signer.sign("shop", "ada", 1_000);
        assert_eq!(signer.read("shop", &value, 1_001), Some(("ada".to_owned(), 1_000 + LIFE_S)));
        assert_eq!(signer.read("shop", &value, 1_000 + LIFE_S), None);
        assert_eq!(signer.read("other", &value, 1_001), None);
        assert_eq!(signer.read("shop", &value.replace("ada", "bob"), 1_001), None);
        assert_eq!(signer.read("shop", &format!("{value}.x"), 1_001), None);
        assert_eq!(Signer::new(&"another".into()).unwrap().read("shop", &value, 1_001), None);
        for bad in ["", ".", "..", "a.b.c", "99999999999.ada.AAAAAAAAAAAAAAAAAAAAAA"] {
            assert_eq!(signer.read("shop", bad, 1_001), None, "{bad}");
        }
        // Nobody can make it last longer.
        assert_eq!(signer.read("shop", &signer.sign("shop", "ada", 900_000), 1_001), None);
    }

    #[test]
    fn it_is_found_in_a_body() {
        let body = br#"{"page":{"url":"https://s.example/?a=b&tandem_debug=12.ada.xY_-&c=d"}}"#;
        assert_eq!(in_body(body), Some("12.ada.xY_-"));
        assert_eq!(in_body(b"tandem_debug="), Some(""));
        assert_eq!(in_body(b"tandem_debug"), None);
        assert_eq!(in_body(b""), None);
    }

    #[test]
    fn marks_end() {
        let marks = Marks::default();
        marks.put("shop", "v", "ada", 100, 0);
        assert_eq!(marks.of("shop", "v", 99).as_deref(), Some("ada"));
        assert_eq!(marks.of("shop", "v", 100), None);
        assert_eq!(marks.of("other", "v", 1), None);
        for i in 0..3_000 {
            marks.put("shop", &i.to_string(), "ada", 1_000, 200);
        }
        assert_eq!(marks.0.lock().unwrap().len(), MAX_MARKS);
    }
}
