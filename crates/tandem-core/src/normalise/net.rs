//! What the visitor's connection tells: IP address, user agent, language. None of it is ever hashed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::{Reason, text};

/// No browser's user agent is longer.
const MAX_USER_AGENT: usize = 1_024;

/// How the user agents of servers and scripts begin, in lower case.
const SERVER_AGENTS: [&str; 30] = [
    "wordpress/",
    "woocommerce/",
    "wp rocket",
    "curl/",
    "wget/",
    "python-requests",
    "python-urllib",
    "python-httpx",
    "python/",
    "aiohttp",
    "go-http-client",
    "axios/",
    "node-fetch",
    "node",
    "undici",
    "got (",
    "guzzlehttp",
    "php/",
    "symfony",
    "java/",
    "apache-httpclient",
    "libwww-perl",
    "ruby",
    "faraday",
    "reqwest",
    "postmanruntime",
    "insomnia",
    "httpie",
    "stripe/",
    "shopify-",
];

/// The text form of a public address; a port is cut, an IPv4 address mapped into IPv6 is unwrapped.
///
/// Private, loopback, link-local, shared (CGNAT), unique-local and reserved addresses are refused: they are a
/// proxy's or the shop's own. Ranges kept for documentation count as public.
pub fn public_ip(text: &str) -> Result<String, Reason> {
    let (host, ip) = parse_ip(text)?;
    if !is_public(ip) {
        return Err(Reason::NotPublic);
    }
    // A mapped address is written differently from what came in; any other passes in the form it has.
    Ok(match ip {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(_) => host.to_owned(),
    })
}

/// The visitor's address from an `X-Forwarded-For` chain: from the right, the first hop that is not one of the
/// trusted proxies. Hops left of it are whatever the visitor claims.
pub fn client_ip(chain: &str, trusted: &[IpNet]) -> Result<String, Reason> {
    let mut hops = chain.rsplit(',').map(text::trim).filter(|hop| !hop.is_empty()).peekable();
    if hops.peek().is_none() {
        return Err(Reason::Empty);
    }
    for hop in hops {
        let (_, ip) = parse_ip(hop)?;
        if !trusted.iter().any(|net| net.contains(&ip)) {
            return public_ip(hop);
        }
    }
    Err(Reason::NotPublic)
}

/// The visitor's user agent as it is; that of a server or script is refused.
pub fn user_agent(text: &str) -> Result<String, Reason> {
    let text = text::remove(text, char::is_control);
    let agent = text::trim(&text);
    if agent.is_empty() {
        return Err(Reason::Empty);
    }
    if agent.len() > MAX_USER_AGENT {
        return Err(Reason::TooLong);
    }
    text::refuse_placeholder(agent)?;
    let starts =
        |known: &&str| agent.get(..known.len()).is_some_and(|start| start.eq_ignore_ascii_case(known));
    if SERVER_AGENTS.iter().any(starts) || agent.contains("Hookshot") {
        return Err(Reason::ServerUa);
    }
    Ok(agent.to_owned())
}

/// A BCP 47 language tag such as `en-US`; `en_US.UTF-8` and the first of an `Accept-Language` list are read too.
pub fn locale(text: &str) -> Result<String, Reason> {
    let text = text::trim(text);
    if text.is_empty() {
        return Err(Reason::Empty);
    }
    let tag = text.split([',', ';', '.', '@']).next().unwrap_or_default().trim().replace('_', "-");
    let mut parts = tag.split('-');
    let language = parts.next().unwrap_or_default();
    let ok = matches!(language.len(), 2 | 3)
        && language.bytes().all(|b| b.is_ascii_alphabetic())
        && parts.all(|p| matches!(p.len(), 1..=8) && p.bytes().all(|b| b.is_ascii_alphanumeric()))
        && tag.len() <= 35;
    if ok { Ok(tag) } else { Err(Reason::InvalidLocale) }
}

/// The address and the part of the text that wrote it: without port, brackets and zone.
fn parse_ip(text: &str) -> Result<(&str, IpAddr), Reason> {
    let text = text::trim(text);
    if text.is_empty() {
        return Err(Reason::Empty);
    }
    let mut host = text;
    if let Some(inside) = text.strip_prefix('[') {
        host = inside.split(']').next().unwrap_or(inside);
    } else if let Some((address, port)) = text.split_once(':')
        && !port.contains(':')
        && port.bytes().all(|b| b.is_ascii_digit())
    {
        host = address;
    }
    host = host.split('%').next().unwrap_or(host);
    let ip: IpAddr = host.parse().map_err(|_| Reason::InvalidIp)?;
    Ok((host, ip.to_canonical()))
}

fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    !matches!(
        ip.octets(),
        [0 | 10 | 127 | 224..=255, ..]
            | [100, 64..=127, ..]
            | [169, 254, ..]
            | [172, 16..=31, ..]
            | [192, 168, ..]
            | [192, 0, 0, _]
            | [198, 18 | 19, ..]
    )
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let first = ip.segments()[0];
    // ::/16 holds the unspecified and the loopback address; fc00::/7 unique-local; fe80::/9 link- and site-local.
    !(first == 0 || first & 0xfe00 == 0xfc00 || first & 0xff80 == 0xfe80 || first & 0xff00 == 0xff00)
}
