//! Limits of the public listener: sizes, patience, and how often one address may call the pages' intake.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use ipnet::IpNet;

/// What the public listener takes.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes of a request's body.
    pub max_body: usize,
    /// Time to receive a body, in milliseconds.
    pub body_timeout_ms: u64,
    /// Proxies whose word on the caller's address and protocol counts.
    pub trusted_proxies: Vec<IpNet>,
    /// Requests a second that one address may send to the pages' intake, in the long run; 0 for any number. A page sends
    /// one or two; behind one address may be a whole company.
    pub page_requests_per_second: u32,
    /// Header in which a trusted proxy tells the caller's country, in lower case (`cf-ipcountry`).
    pub country_header: Option<String>,
    /// The same for the state within the country.
    pub state_header: Option<String>,
}

impl Default for Limits {
    fn default() -> Self {
        let loopback = ["127.0.0.0/8", "::1/128"];
        let trusted_proxies = loopback.iter().filter_map(|net| net.parse().ok()).collect();
        Self {
            max_body: 1 << 20,
            body_timeout_ms: 20_000,
            trusted_proxies,
            page_requests_per_second: 20,
            country_header: None,
            state_header: None,
        }
    }
}

/// How many seconds' worth an address may use at once, after it was quiet.
const BURST_S: i64 = 10;

/// Addresses remembered at once; beyond it the full ones are forgotten first, which costs nobody anything.
const MAX_ADDRESSES: usize = 50_000;

/// A token bucket for each address. Times are passed in.
#[derive(Debug, Default)]
pub(crate) struct Callers {
    /// By site and address: tokens in thousandths, and when they were counted, Unix milliseconds.
    buckets: Mutex<HashMap<String, (i64, i64)>>,
}

impl Callers {
    /// Whether this address may call this site now: one shop's visitors use up nothing of another's. Callers without a public one share one bucket, a wider one: behind a proxy that
    /// is not trusted it is everybody.
    pub(crate) fn allow(&self, site: &str, address: Option<&str>, per_second: u32, now_ms: i64) -> bool {
        if per_second == 0 {
            return true;
        }
        let rate = i64::from(per_second) * if address.is_none() { 50 } else { 1 };
        let address = &format!("{site} {}", address.map_or_else(String::new, network));
        let full = rate * BURST_S * 1_000;
        let refilled = |(tokens, at): (i64, i64)| (tokens + (now_ms - at).max(0) * rate).min(full);
        // Nothing in here panics half-way through a change.
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MAX_ADDRESSES && !buckets.contains_key(address) {
            buckets.retain(|_, bucket| refilled(*bucket) < full);
        }
        let tokens = buckets.get(address).map_or(full, |bucket| refilled(*bucket));
        let allowed = tokens >= 1_000;
        let left = if allowed { tokens - 1_000 } else { tokens };
        if buckets.len() < MAX_ADDRESSES || buckets.contains_key(address) {
            buckets.insert(address.clone(), (left, now_ms));
        }
        allowed
    }
}

/// What one household or server can change at will counts as one: the first 64 bits of an IPv6 address.
fn network(address: &str) -> String {
    match address.parse() {
        Ok(std::net::IpAddr::V6(v6)) => {
            let [a, b, c, d, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}")
        }
        _ => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_the_rate() {
        let callers = Callers::default();
        let count = |now_ms: i64| {
            (0..1_000).filter(|_| callers.allow("shop", Some("203.0.113.7"), 20, now_ms)).count()
        };
        assert_eq!(count(1_000_000), 200);
        assert_eq!(count(1_000_000), 0);
        assert_eq!(count(1_000_500), 10);
        assert_eq!(count(9_000_000), 200);
        assert!(callers.allow("other-shop", Some("203.0.113.7"), 20, 9_000_000));
        // Another address has its own, and a clock set back gives nothing away.
        assert!(callers.allow("shop", Some("198.51.100.1"), 20, 1_000_000));
        assert_eq!(count(1_000_000), 0);
        assert!((0..10_000).all(|_| callers.allow("shop", Some("203.0.113.9"), 0, 0)));
        let many = (0..1_000)
            .filter(|i| callers.allow("shop", Some(&format!("2001:db8:1:2::{i:x}")), 20, 0))
            .count();
        assert_eq!(many, 200);
        assert_eq!((0..20_000).filter(|_| callers.allow("shop", None, 20, 0)).count(), 10_000);
    }

    #[test]
    fn memory_is_bounded() {
        let callers = Callers::default();
        for i in 0..200_000 {
            assert!(callers.allow("shop", Some(&i.to_string()), 20, i64::from(i)));
        }
        assert!(callers.buckets.lock().unwrap().len() <= MAX_ADDRESSES);
    }
}
