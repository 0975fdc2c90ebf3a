//! Whether a Content-Security-Policy lets a script load and a request out.

use url::Url;

/// What a script tag offers besides its address.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Offer<'a> {
    pub(super) nonce: Option<&'a str>,
    pub(super) integrity: Option<&'a str>,
}

/// One policy, of one header or `meta` tag; a request must pass all of them.
#[derive(Debug)]
pub(super) struct Policy<'a>(Vec<(String, Vec<&'a str>)>);

/// The policies in a header's value, which a comma separates.
pub(super) fn policies(value: &str) -> Vec<Policy<'_>> {
    let directive = |text| {
        let mut words = str::split_ascii_whitespace(text);
        Some((words.next()?.to_ascii_lowercase(), words.collect()))
    };
    value.split(',').map(|policy| Policy(policy.split(';').filter_map(directive).collect())).collect()
}

impl Policy<'_> {
    /// Whether a page at `page` may load a script.
    pub(super) fn allows_script(&self, page: &Url, script: &Url, offer: Offer<'_>) -> bool {
        let Some(sources) = self.directive(&["script-src-elem", "script-src", "default-src"]) else {
            return true;
        };
        let quoted = |kind: &str, value: &str| sources.iter().any(|s| *s == format!("'{kind}{value}'"));
        if offer.nonce.is_some_and(|nonce| quoted("nonce-", nonce)) {
            return true;
        }
        if offer.integrity.is_some_and(|hash| quoted("", hash)) {
            return true;
        }
        !sources.contains(&"'strict-dynamic'") && sources.iter().any(|source| matches(source, page, script))
    }

    /// Whether it may send requests there.
    pub(super) fn allows_connection(&self, page: &Url, to: &Url) -> bool {
        let sources = self.directive(&["connect-src", "default-src"]);
        sources.is_none_or(|sources| sources.iter().any(|source| matches(source, page, to)))
    }

    /// The first of these that the policy has.
    fn directive(&self, names: &[&str]) -> Option<&[&str]> {
        names
            .iter()
            .find_map(|name| self.0.iter().find(|(n, _)| n == name))
            .map(|(_, sources)| sources.as_slice())
    }
}

/// A source expression: `'self'`, `*`, `https:`, `https://*.shop.example:443/path/`.
fn matches(source: &str, page: &Url, to: &Url) -> bool {
    let source = source.to_ascii_lowercase();
    if source == "'self'" {
        return page.origin() == to.origin();
    }
    if source == "*" {
        return matches!(to.scheme(), "http" | "https");
    }
    if source.starts_with('\'') {
        return false;
    }
    if let Some(scheme) = source.strip_suffix(':') {
        return scheme == to.scheme() || (scheme == "http" && to.scheme() == "https");
    }
    let (scheme, rest) = source.split_once("://").unwrap_or((page.scheme(), &source));
    let (authority, path) = rest.split_once('/').map_or((rest, ""), |(a, p)| (a, p));
    let (host, port) = authority.rsplit_once(':').unwrap_or((authority, ""));
    let is_scheme = scheme == to.scheme() || (scheme == "http" && to.scheme() == "https");
    let own = to.host_str().unwrap_or_default();
    let is_host = match host.strip_prefix("*.") {
        Some(parent) => own.strip_suffix(parent).is_some_and(|front| front.ends_with('.')),
        None => host == "*" || host == own,
    };
    let is_port = match port {
        "*" => true,
        "" => to.port().is_none(),
        port => to.port_or_known_default().is_some_and(|own| own.to_string() == port),
    };
    let own = to.path().trim_start_matches('/');
    let is_path = path.is_empty() || path == own || (path.ends_with('/') && own.starts_with(path));
    is_scheme && is_host && is_port && is_path
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn allows(policy: &str, script: &str, offer: Offer<'_>) -> bool {
        let page = url("https://shop.example/cart");
        policies(policy).iter().all(|p| p.allows_script(&page, &url(script), offer))
    }

    #[test]
    fn policies_of_shops() {
        let (own, other) = ("https://shop.example/x7k2/s.js", "https://data.shop.example/x7k2/s.js");
        for (policy, of_own, of_other) in [
            ("", true, true),
            ("img-src 'none'", true, true),
            ("default-src 'self'", true, false),
            ("default-src 'none'; script-src 'self' https://cdn.example", true, false),
            ("script-src https:", true, true),
            ("script-src *.shop.example", false, true),
            ("script-src https://data.shop.example/x7k2/", false, true),
            ("script-src data.shop.example:8443", false, false),
            ("script-src 'none'", false, false),
            ("script-src 'nonce-abc' 'strict-dynamic' https:", false, false),
            ("script-src 'self', script-src 'none'", false, false),
            ("script-src-elem 'self'; script-src 'none'", true, false),
        ] {
            assert_eq!(allows(policy, own, Offer::default()), of_own, "{policy}: {own}");
            assert_eq!(allows(policy, other, Offer::default()), of_other, "{policy}: {other}");
        }
        let offer = Offer { nonce: Some("abc"), integrity: Some("sha384-xyz") };
        assert!(allows("script-src 'nonce-abc' 'strict-dynamic'", own, offer));
        assert!(allows("script-src 'sha384-xyz'", own, offer));
        assert!(!allows("script-src 'nonce-other'", own, offer));
    }

    #[test]
    fn connections() {
        let page = url("https://shop.example/");
        let to = url("https://shop.example/x7k2/a");
        let allows = |policy| policies(policy).iter().all(|p| p.allows_connection(&page, &to));
        assert!(allows("default-src 'none'; connect-src 'self'"));
        assert!(!allows("default-src 'self'; connect-src https://api.example"));
    }
}
