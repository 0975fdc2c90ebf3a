//! How long Safari lets our cookies live when the script does not come from the page's own host.
//!
//! Its rules, as WebKit has them: an answer of another host of the same site sets cookies for seven days only, if that
//! host's name leads by a `CNAME` to a foreign domain (other than the page's own `CNAME`), or if its network address
//! is far from the page's: beyond the first 16 bits of IPv4, or 64 of IPv6, or of the other family.

use std::net::IpAddr;

use super::Check;
use super::resolve::{self, Resolved};
use super::subject::Subject;

const NAME: &str = "Safari";

/// Which rule bites.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Rule {
    /// None.
    Free,
    /// Another site: no cookies at all.
    OtherSite,
    /// A `CNAME` to this foreign domain.
    Cname(String),
    /// All, or some, addresses are far from each other.
    Address { all: bool },
    /// Only one of the hosts has this family, or the same with the hosts exchanged.
    Family(&'static str),
}

/// The check.
pub(super) async fn lifetime(subject: &Subject) -> Check {
    let (page, script) =
        match subject.pages().and_then(|found| Ok((found.2.url.clone(), subject.script_url()?))) {
            Ok(found) => found,
            Err(missing) => return Check::skipped(NAME, &missing),
        };
    let (page, script) = (page.host_str().unwrap_or_default(), script.host_str().unwrap_or_default());
    if page == script {
        return Check::ok(NAME, "the script comes from the page's own host: cookies live 400 days");
    }
    match (resolve::of(page).await, resolve::of(script).await) {
        (Ok(of_page), Ok(of_script)) => told(page, script, rule(page, &of_page, script, &of_script)),
        (Err(why), _) | (_, Err(why)) => {
            Check::fail(NAME, why, "Is the name right? It has to have a DNS entry that this machine can see.")
        }
    }
}

fn told(page: &str, script: &str, rule: Rule) -> Check {
    let best = "Best: pass the path on under the shop's own host (docs/same-origin.md).";
    let short = |why: String, remedy: &str| {
        Check::warn(NAME, format!("cookies live only 7 days: {why}"), format!("{best} {remedy}"))
    };
    match rule {
        Rule::Free => {
            Check::ok(NAME, format!("{script} is near {page}: cookies live 400 days, while it stays so"))
        }
        Rule::OtherSite => Check::fail(
            NAME,
            format!("{script} is another site than {page}: browsers keep none of its cookies"),
            best,
        ),
        Rule::Cname(target) => short(
            format!("{script} leads by a CNAME to {target}, a domain that is not the shop's"),
            "Second best: A and AAAA records of your own, near the shop's addresses.",
        ),
        Rule::Address { all } => short(
            format!(
                "{} addresses of {script} are far from those of {page}",
                if all { "the" } else { "some" }
            ),
            "Second best: a machine in the shop's own network (the same first 16 bits of IPv4, 64 of IPv6).",
        ),
        Rule::Family(family) => short(
            format!("only one of {script} and {page} has {family}, for visitors who use it"),
            "Second best: give both hosts both families, or both the same one.",
        ),
    }
}

/// A registrable domain: what one owner has under a public suffix.
fn site(host: &str) -> Option<String> {
    psl::domain_str(host).map(str::to_owned).filter(|_| host.parse::<IpAddr>().is_err())
}

fn rule(page: &str, of_page: &Resolved, script: &str, of_script: &Resolved) -> Rule {
    let Some(own) = site(page).filter(|own| site(script).as_ref() == Some(own)) else {
        return Rule::OtherSite;
    };
    let target = |resolved: &Resolved| resolved.canonical.as_deref().and_then(site);
    if let Some(domain) = target(of_script)
        && domain != own
        && Some(&domain) != target(of_page).as_ref()
    {
        return Rule::Cname(domain);
    }
    // With a CNAME the addresses are not looked at.
    if of_script.canonical.is_some() {
        return Rule::Free;
    }
    by_address(&of_page.addresses, &of_script.addresses)
}

/// A browser talks to any of a host's addresses: all of them have to be near.
fn by_address(page: &[IpAddr], script: &[IpAddr]) -> Rule {
    for (family, is) in [("IPv6", IpAddr::is_ipv6 as fn(&IpAddr) -> bool), ("IPv4", IpAddr::is_ipv4)] {
        if page.iter().any(is) != script.iter().any(is) {
            return Rule::Family(family);
        }
    }
    let pairs = || page.iter().flat_map(|a| script.iter().map(move |b| (a, b)));
    let same = |(a, b): &(&IpAddr, &IpAddr)| a.is_ipv4() == b.is_ipv4();
    let near = pairs().filter(same).filter(|(a, b)| is_near(a, b)).count();
    if near == pairs().filter(same).count() { Rule::Free } else { Rule::Address { all: near == 0 } }
}

fn is_near(a: &IpAddr, b: &IpAddr) -> bool {
    match (a, b) {
        (IpAddr::V4(a), IpAddr::V4(b)) => a.octets()[..2] == b.octets()[..2],
        (IpAddr::V6(a), IpAddr::V6(b)) => a.segments()[..4] == b.segments()[..4],
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(canonical: Option<&str>, addresses: &[&str]) -> Resolved {
        let addresses = addresses.iter().map(|a| a.parse().unwrap()).collect();
        Resolved { canonical: canonical.map(str::to_owned), addresses }
    }

    #[test]
    fn each_rule() {
        let shop = host(None, &["192.0.2.10", "2001:db8:1:2::10"]);
        let at_cdn = host(Some("shop.cdn.example"), &["192.0.2.10"]);
        for (of_page, of_script, expected) in [
            (&shop, host(None, &["192.0.77.1", "2001:db8:1:2:9::1"]), Rule::Free),
            (&shop, host(None, &["198.51.100.1", "2001:db8:1:2:9::1"]), Rule::Address { all: false }),
            (&shop, host(None, &["198.51.100.1", "2001:db8:1:3::1"]), Rule::Address { all: true }),
            (&shop, host(None, &["192.0.2.10"]), Rule::Family("IPv6")),
            (&shop, host(None, &["2001:db8:1:2::10"]), Rule::Family("IPv4")),
            (&shop, host(Some("x.vendor.example"), &["192.0.2.10"]), Rule::Cname("vendor.example".into())),
            (&shop, host(Some("origin.shop.co.uk"), &["198.51.100.1"]), Rule::Free),
            (&at_cdn, host(Some("data.cdn.example"), &["198.51.100.1"]), Rule::Free),
        ] {
            assert_eq!(
                rule("www.shop.co.uk", of_page, "data.shop.co.uk", &of_script),
                expected,
                "{of_script:?}"
            );
        }
        for other in ["shop.example", "other.co.uk", "127.0.0.1", "localhost"] {
            assert_eq!(rule("www.shop.co.uk", &shop, other, &shop), Rule::OtherSite, "{other}");
        }
    }
}
