//! What a host's name leads to.

use std::net::{IpAddr, Ipv6Addr};

use dns_lookup::{AddrInfoHints, SockType, getaddrinfo};

/// `AI_CANONNAME`, the same on every Unix: the name at the end of the chain of `CNAME`s.
const CANONICAL: i32 = 2;

/// A name's end and its addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Resolved {
    /// The name at the end of a chain of `CNAME`s, if there is a chain.
    pub(super) canonical: Option<String>,
    pub(super) addresses: Vec<IpAddr>,
}

/// Asks the system. Blocking.
///
/// # Errors
/// Why the name leads nowhere.
pub(super) fn look_up(host: &str) -> Result<Resolved, String> {
    // A literal IPv6 address stands in brackets in an address of the web.
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = bare.parse::<IpAddr>() {
        return Ok(Resolved { canonical: None, addresses: vec![address] });
    }
    let hints =
        AddrInfoHints { flags: CANONICAL, socktype: SockType::Stream.into(), ..AddrInfoHints::default() };
    let found = getaddrinfo(Some(host), None, Some(hints))
        .map_err(|error| format!("{host} leads nowhere: {:?}", error.kind()))?;
    let mut resolved = Resolved::default();
    for info in found.filter_map(Result::ok) {
        let canonical = info.canonname.map(|name| name.trim_end_matches('.').to_ascii_lowercase());
        resolved.canonical = resolved.canonical.or(canonical.filter(|name| name != host));
        let address = info.sockaddr.ip().to_canonical();
        if !resolved.addresses.contains(&address) {
            resolved.addresses.push(address);
        }
    }
    Ok(resolved)
}

/// The same off the threads that serve requests.
///
/// # Errors
/// As [`look_up`].
pub(super) async fn of(host: &str) -> Result<Resolved, String> {
    let host = host.to_owned();
    tokio::task::spawn_blocking(move || look_up(&host)).await.unwrap_or_else(|e| Err(e.to_string()))
}

/// Not an address of the internet: this machine's, or a private network's.
pub(super) fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_private() || ip.is_link_local() || ip.is_unspecified(),
        IpAddr::V6(ip) => {
            ip.is_loopback() || ip.is_unspecified() || unique_local(ip) || ip.is_unicast_link_local()
        }
    }
}

fn unique_local(ip: Ipv6Addr) -> bool {
    ip.segments()[0] & 0xfe00 == 0xfc00
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_need_no_look_up() {
        let found = look_up("[::1]").unwrap();
        assert_eq!((found.canonical, found.addresses), (None, vec!["::1".parse().unwrap()]));
        let found = look_up("localhost").unwrap();
        assert!(!found.addresses.is_empty() && found.addresses.iter().all(IpAddr::is_loopback));
        assert!(look_up("no-such-host.invalid").is_err());
    }

    #[test]
    fn private_networks() {
        for (text, private) in [
            ("10.0.0.1", true),
            ("192.168.1.1", true),
            ("fd00::1", true),
            ("203.0.113.7", false),
            ("2001:db8::1", false),
        ] {
            assert_eq!(is_private(text.parse().unwrap()), private, "{text}");
        }
    }
}
