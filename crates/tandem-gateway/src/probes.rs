//! Probes of `tandem doctor`: requests like a page's that make no event and no session. What arrived of each is kept for a
//! moment, so that the doctor can compare it with what was sent.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use http::{HeaderMap, header};
use serde::{Deserialize, Serialize};
use tandem_sources::browser::Settings;

use crate::ingest::Peer;

/// Probes that are remembered; anybody may send one, and the oldest goes first.
const KEPT: usize = 16;

/// Names of cookies that are remembered of one.
const MAX_COOKIES: usize = 50;

/// Seconds the probe's own cookies live.
const COOKIE_SECONDS: u32 = 60;

/// What arrived. Names of cookies only, never their values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// The probe's own random text.
    pub nonce: String,
    /// The visitor's address as the gateway makes it out; none for one of this machine or a private network.
    pub ip: Option<String>,
    /// The connection came from a trusted proxy.
    pub proxied: bool,
    /// `X-Forwarded-Proto`, believed or not.
    pub proto: Option<String>,
    /// `Host`.
    pub host: Option<String>,
    /// Addresses in `X-Forwarded-For`.
    pub hops: usize,
    /// Names of the cookies.
    pub cookies: Vec<String>,
    /// The `Set-Cookie` values of the answer.
    pub set_cookies: Vec<String>,
}

impl Probe {
    /// Of a request with these headers; `secure` as for a page's real request.
    pub(crate) fn of(
        nonce: String,
        headers: &HeaderMap,
        peer: &Peer,
        secure: bool,
        settings: &Settings,
    ) -> Self {
        let texts = |name| headers.get_all(name).iter().filter_map(|v| v.to_str().ok());
        let names = texts(header::COOKIE)
            .flat_map(|v| v.split(';'))
            .map(|pair| pair.split('=').next().unwrap_or(pair));
        let names = names.map(str::trim).filter(|name| !name.is_empty() && name.len() <= 100);
        let hops = headers.get_all("x-forwarded-for").iter().filter_map(|v| v.to_str().ok());
        Self {
            nonce,
            ip: peer.ip.clone(),
            proxied: peer.proxied,
            proto: headers.get("x-forwarded-proto").and_then(|v| v.to_str().ok()).map(str::to_owned),
            host: texts(header::HOST).next().map(str::to_owned),
            hops: hops.flat_map(|v| v.split(',')).filter(|hop| !hop.trim().is_empty()).count(),
            cookies: names.take(MAX_COOKIES).map(str::to_owned).collect(),
            set_cookies: cookies(settings, secure),
        }
    }
}

/// Two, since proxies have been seen to melt several into one. As the visitor's own in all but name and time.
fn cookies(settings: &Settings, secure: bool) -> Vec<String> {
    let domain =
        settings.cookie_domain.as_deref().map(|domain| format!("; Domain={domain}")).unwrap_or_default();
    let secure = if secure { "; Secure" } else { "" };
    let cookie = |name| {
        format!(
            "{}_{name}=1; Path=/; Max-Age={COOKIE_SECONDS}; SameSite=Lax{domain}{secure}",
            settings.cookie
        )
    };
    ["probe", "probe2"].map(cookie).to_vec()
}

/// The probe's text, if a body is one: `{"probe":"…"}` and nothing else.
pub(crate) fn nonce(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Body {
        probe: String,
    }
    let Body { probe } = serde_json::from_slice(body).ok()?;
    let plain = (8..=64).contains(&probe.len()) && probe.bytes().all(|b| b.is_ascii_alphanumeric());
    plain.then_some(probe)
}

/// The last few.
#[derive(Debug, Default)]
pub(crate) struct Probes(Mutex<VecDeque<Probe>>);

impl Probes {
    pub(crate) fn keep(&self, probe: Probe) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT {
            kept.pop_front();
        }
        kept.push_back(probe);
    }

    pub(crate) fn find(&self, nonce: &str) -> Option<Probe> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().rev().find(|probe| probe.nonce == nonce).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(nonce: &str) -> Probe {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("cookie", "tdv=mg3k2v1x9abc; PHPSESSID=secret"),
            ("cookie", "_ttp=secret"),
            ("x-forwarded-for", "203.0.113.9, 10.0.0.1"),
            ("x-forwarded-proto", "https"),
            ("host", "shop.example"),
        ] {
            headers.append(name, value.parse().unwrap());
        }
        Probe::of(nonce.to_owned(), &headers, &Peer::default(), true, &Settings::default())
    }

    #[test]
    fn names_of_cookies_are_kept_and_no_values() {
        let probe = probe("n");
        assert_eq!(probe.cookies, ["tdv", "PHPSESSID", "_ttp"]);
        assert_eq!((probe.hops, probe.proto.as_deref()), (2, Some("https")));
        assert!(!format!("{probe:?}").contains("secret"));
        assert_eq!(probe.set_cookies[0], "tdv_probe=1; Path=/; Max-Age=60; SameSite=Lax; Secure");
    }

    #[test]
    fn only_the_last_few_are_kept() {
        let probes = Probes::default();
        (0..KEPT + 1).for_each(|i| probes.keep(probe(&format!("n{i}"))));
        assert!(probes.find("n0").is_none() && probes.find("n1").is_some());
        assert!(probes.find(&format!("n{KEPT}")).is_some());
    }

    #[test]
    fn a_probe_is_nothing_else() {
        assert_eq!(nonce(br#"{"probe":"abc12345"}"#).as_deref(), Some("abc12345"));
        for body in [
            r#"{"probe":"abc12345","events":[]}"#,
            r#"{"probe":"a b c d e f"}"#,
            r#"{"probe":""}"#,
            "[]",
            "{}",
        ] {
            assert_eq!(nonce(body.as_bytes()), None, "{body}");
        }
    }
}
