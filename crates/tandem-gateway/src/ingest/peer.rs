//! Who is calling, behind the proxies we trust.

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::{Extensions, HeaderMap};
use tandem_core::consent;
use tandem_core::normalise::net;

use crate::Limits;

/// A caller.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Peer {
    /// Public address; none for callers on this machine or in a private network.
    pub(crate) ip: Option<String>,
    /// Came by https.
    pub(crate) secure: bool,
    /// The connection is from a trusted proxy.
    pub(crate) proxied: bool,
    /// Where the caller is, as a trusted proxy tells: ISO country, or `US-CA` for a state.
    pub(crate) region: Option<String>,
}

impl Peer {
    /// From the right, the first hop that is not one of our proxies; what stands left of it is the caller's claim.
    pub(crate) fn of(extensions: &Extensions, headers: &HeaderMap, limits: &Limits) -> Self {
        let trusted = &limits.trusted_proxies;
        let Some(ConnectInfo(address)) = extensions.get::<ConnectInfo<SocketAddr>>() else {
            return Self::default();
        };
        let hop: IpAddr = address.ip().to_canonical();
        let proxied = trusted.iter().any(|net| net.contains(&hop));
        let mut chain: Vec<&str> =
            headers.get_all("x-forwarded-for").iter().filter_map(|v| v.to_str().ok()).collect();
        let own = hop.to_string();
        chain.push(&own);
        // A proxy that sets the header itself takes away what the caller put there; the last word is the nearest hop's.
        let last = |name: &str| headers.get_all(name).iter().next_back().and_then(|v| v.to_str().ok());
        let proto = last("x-forwarded-proto").filter(|_| proxied);
        let told = |name: &Option<String>| last(name.as_deref()?).filter(|_| proxied);
        Self {
            ip: net::client_ip(&chain.join(","), trusted).ok(),
            secure: proto.is_some_and(|proto| proto.trim().eq_ignore_ascii_case("https")),
            proxied,
            region: consent::region(told(&limits.country_header), told(&limits.state_header)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(from: &str, chain: &[&'static str]) -> Option<String> {
        let mut extensions = Extensions::new();
        extensions.insert(ConnectInfo(SocketAddr::new(from.parse().unwrap(), 40_000)));
        let mut headers = HeaderMap::new();
        for value in chain {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        let trusted_proxies = ["127.0.0.0/8", "10.0.0.0/8"].map(|n| n.parse().unwrap()).to_vec();
        let country_header = Some("cf-ipcountry".to_owned());
        headers.append("cf-ipcountry", "US".parse().unwrap());
        let peer =
            Peer::of(&extensions, &headers, &Limits { trusted_proxies, country_header, ..Limits::default() });
        // Anybody can write the header.
        assert_eq!(peer.region.is_some(), peer.proxied);
        peer.ip
    }

    #[test]
    fn the_first_hop_that_is_not_ours_is_the_visitor() {
        let visitor = Some("203.0.113.7".to_owned());
        assert_eq!(peer("127.0.0.1", &["203.0.113.7"]), visitor);
        assert_eq!(peer("127.0.0.1", &["203.0.113.7, 10.0.0.2"]), visitor);
        assert_eq!(peer("127.0.0.1", &["198.51.100.9, 203.0.113.7", "10.0.0.2"]), visitor);
        // Without a proxy of ours, the header is anybody's claim.
        assert_eq!(peer("203.0.113.7", &["198.51.100.9"]), visitor);
        assert_eq!(peer("127.0.0.1", &[]), None);
        assert_eq!(peer("127.0.0.1", &["not an address"]), None);
    }
}
