//! A probe through the proxy to the intake, and what the gateway says arrived of it.

use axum::http::{HeaderMap, HeaderValue, Method, header};
use serde_json::{Value, json};
use tandem_gateway::Probe;
use tandem_gateway::transport::Fetched;
use url::Url;

use super::Check;
use super::check::{Missing, Verdict};
use super::gateway::{self, NOT_RUNNING, Running};
use super::resolve;
use super::subject::{Subject, random, send, text};

/// What no proxy may believe: an address of the range kept for documentation.
const CLAIMED: &str = "203.0.113.9";

/// A cookie as the shop's own might be.
const FOREIGN: &str = "tandem_doctor_session";

/// What was sent did not come to this gateway.
const LOST: Missing = Missing { what: "the probe did not arrive at the gateway", remedy: "" };

const NAMES: [&str; 5] =
    ["intake", "visitor's address", "https", "cookies that go in", "cookies that come back"];

/// What was sent, what came back, and what arrived.
struct Round<'a> {
    subject: &'a Subject,
    intake: Url,
    cookie: &'a str,
    answer: Fetched,
    probe: Probe,
}

pub(super) async fn checks(subject: &Subject, running: &Running) -> Vec<Check> {
    let [name, rest @ ..] = NAMES;
    let skipped = |missing: &Missing| rest.map(|name| Check::skipped(name, missing));
    let (pages, page, script) = match subject.pages().and_then(|found| Ok((found, subject.script_url()?))) {
        Ok(((pages, _, page), script)) => (pages, page, script),
        Err(missing) => return NAMES.map(|name| Check::skipped(name, &missing)).to_vec(),
    };
    let (page, cookie) = (&page.url, pages.settings.cookie.as_str());
    let intake = script.join("a").unwrap_or(script);
    let nonce = random();
    let answer = match post(subject, page, &intake, cookie, &nonce).await {
        Ok(answer) => answer,
        Err(why) => {
            let remedy = "Browsers do not reach it either: is the host's name, port and certificate right?";
            let first = Check::fail(name, format!("{intake} does not answer: {why}"), remedy);
            return [&[first][..], &skipped(&LOST)].concat();
        }
    };
    let first = answered(page, &intake, &answer);
    match arrived(subject, running, &nonce).await {
        Ok(probe) => {
            let round = Round { subject, intake, cookie, answer, probe };
            vec![
                first,
                round.address().await,
                https(round.intake.scheme(), round.probe.proto.as_deref()),
                round.cookies_in(),
                round.cookies_out(),
            ]
        }
        Err(missing) => {
            let other = missing == LOST && first.verdict == Verdict::Ok;
            [&[if other { elsewhere(&intake) } else { first }][..], &skipped(&missing)].concat()
        }
    }
}

/// What the gateway knows of the probe.
async fn arrived(subject: &Subject, running: &Running, nonce: &str) -> Result<Probe, Missing> {
    running.summary().ok_or(NOT_RUNNING)?;
    let answer = gateway::private(&subject.http, &subject.server, &format!("/api/probes/{nonce}")).await;
    serde_json::from_slice(&answer.map_err(|_| NOT_RUNNING)?.body).map_err(|_| LOST)
}

/// The same name again, for an answer that is not this gateway's.
fn elsewhere(intake: &Url) -> Check {
    Check::fail(
        NAMES[0],
        format!("{intake} answers, but the probe did not arrive at the gateway of this configuration"),
        "The proxy leads to another gateway, or to another program.",
    )
}

async fn post(
    subject: &Subject,
    page: &Url,
    intake: &Url,
    cookie: &str,
    nonce: &str,
) -> Result<Fetched, String> {
    let mut headers = HeaderMap::new();
    let cookies = format!("{FOREIGN}=1; {cookie}=tandemdoctorprobe; PHPSESSID=tandemdoctor");
    for (name, value) in [
        (header::CONTENT_TYPE, "text/plain;charset=UTF-8".to_owned()),
        (header::ORIGIN, page.origin().ascii_serialization()),
        (header::COOKIE, cookies),
        (header::HeaderName::from_static("x-forwarded-for"), CLAIMED.to_owned()),
    ] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
    let body = json!({ "probe": nonce }).to_string().into_bytes();
    send(&subject.http, Method::POST, intake.as_str(), headers, body).await
}

fn answered(page: &Url, intake: &Url, answer: &Fetched) -> Check {
    let name = NAMES[0];
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let allowed = text(answer, "access-control-allow-origin");
    let crosses = page.origin() != intake.origin();
    match answer.status {
        200 if body.get("events").is_none() => Check::fail(
            name,
            format!("{intake} does not lead to the gateway: something else answers"),
            "Let the web server pass this path on, POST requests too: examples/proxy, docs/same-origin.md.",
        ),
        200 if crosses && allowed != Some(page.origin().ascii_serialization().as_str()) => Check::fail(
            name,
            "the answer lost its Access-Control-Allow-Origin: browsers drop it",
            "Let the proxy keep the gateway's headers, and add none of that name.",
        ),
        200 => Check::ok(name, format!("{intake} takes what pages send")),
        403 if body["error"]["code"] == "origin_not_allowed" => Check::fail(
            name,
            "the gateway refuses this page's origin",
            "Add the page's host to hosts in [site.sources.browser]; let the proxy keep the header Origin.",
        ),
        405 | 501 => Check::fail(
            name,
            format!("{intake} refuses POST (status {})", answer.status),
            "Let the web server pass all methods on.",
        ),
        502..=504 => Check::fail(
            name,
            format!("{intake} answers with status {}: the proxy does not reach the gateway", answer.status),
            "See the check of the script.",
        ),
        status => Check::fail(
            name,
            format!("{intake} answers with status {status}"),
            "See the check of the script; a firewall may also refuse the POST.",
        ),
    }
}

impl Round<'_> {
    /// What the gateway takes for the visitor's address. Ours is known only roughly: it is public where the page is.
    async fn address(&self) -> Check {
        let (name, probe) = (NAMES[1], &self.probe);
        let set = "Let the proxy set X-Forwarded-For to the connection's address; examples/proxy shows how.";
        let host = self.intake.host_str().unwrap_or_default();
        let local =
            resolve::of(host).await.is_ok_and(|r| r.addresses.iter().copied().all(resolve::is_private));
        if self.is_direct() {
            return Check::ok(name, "no proxy is on the way: the gateway sees the connection itself");
        }
        match (&probe.ip, probe.hops) {
            (Some(ip), 1) if ip == CLAIMED && probe.proxied => {
                Check::fail(name, "the proxy hands on whatever address a visitor claims", set)
            }
            (Some(ip), _) if ip == CLAIMED && !local => Check::fail(
                name,
                "the gateway believes an address that the visitor claims",
                "trusted_proxies holds too much: only your own proxies and the CDN's published addresses belong there.",
            ),
            (_, 0) if probe.proxied => Check::fail(name, "the proxy does not tell whose request it is", set),
            _ if !probe.proxied => Check::fail(
                name,
                "the proxy's own address is not in trusted_proxies: every visitor has the proxy's address",
                format!("Add it to trusted_proxies in [server]; now these count: {}.", self.trusted()),
            ),
            (Some(ip), _) if ip != CLAIMED => {
                Check::ok(name, format!("the gateway sees this machine as {ip}"))
            }
            _ if local => {
                Check::ok(name, "the proxy tells it (asked from its own machine, so it is no public one)")
            }
            _ => Check::fail(
                name,
                "the gateway sees an address of a private network instead of the visitor's",
                "Add every proxy on the way to trusted_proxies in [server], and let each tell X-Forwarded-For.",
            ),
        }
    }

    /// Pages talk to the gateway itself, which knows no TLS.
    fn is_direct(&self) -> bool {
        self.intake.scheme() == "http" && self.intake.port() == Some(self.subject.server.public.port())
    }

    fn trusted(&self) -> String {
        let nets: Vec<String> = self.subject.server.trusted_proxies.iter().map(ToString::to_string).collect();
        if nets.is_empty() { "none".to_owned() } else { nets.join(", ") }
    }

    fn cookies_in(&self) -> Check {
        let (name, own) = (NAMES[3], self.cookie);
        let arrived = |wanted: &str| self.probe.cookies.iter().any(|name| name == wanted);
        if !arrived(own) {
            return Check::fail(
                name,
                format!(
                    "the visitor's cookie {own} does not reach the gateway: every visit is a new visitor's"
                ),
                format!("Let the proxy pass the cookie {own} on."),
            );
        }
        if arrived(FOREIGN) || arrived("PHPSESSID") {
            return Check::warn(
                name,
                "the proxy hands on all cookies, the shop's sessions and log-ins among them",
                format!("Pass only {own} on; examples/proxy shows how."),
            );
        }
        Check::ok(name, format!("{own} and no other"))
    }

    /// Each cookie of the answer must come as it was sent.
    fn cookies_out(&self) -> Check {
        let name = NAMES[4];
        let came: Vec<&str> =
            self.answer.headers.get_all(header::SET_COOKIE).iter().filter_map(|v| v.to_str().ok()).collect();
        let lost: Vec<&String> =
            self.probe.set_cookies.iter().filter(|sent| !came.contains(&sent.as_str())).collect();
        let Some(first) = lost.first() else {
            return Check::ok(name, "each arrives with its attributes");
        };
        let own = first.split('=').next().unwrap_or_default();
        let changed = came.iter().find(|cookie| cookie.contains(own));
        let what = match changed {
            None => format!(
                "{} of {} Set-Cookie headers get lost on the way",
                lost.len(),
                self.probe.set_cookies.len()
            ),
            Some(changed) => format!("a cookie is changed on the way: {first:?} arrives as {changed:?}"),
        };
        Check::fail(
            name,
            what,
            "Let proxy and CDN keep every Set-Cookie header of this path as it is, each by itself.",
        )
    }
}

/// By the address of the intake and what the proxy says.
fn https(scheme: &str, proto: Option<&str>) -> Check {
    let name = NAMES[2];
    match (scheme, proto) {
        ("https", Some("https")) => Check::ok(name, "the gateway knows: its cookies are Secure"),
        ("https", told) => Check::warn(
            name,
            format!("the page came by https, but the proxy says {}", told.unwrap_or("nothing about it")),
            "Let the proxy set X-Forwarded-Proto; behind a CDN that ends TLS, set it to https.",
        ),
        _ => Check::ok(name, "the page has none, so the cookies are not Secure"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_tells_of_https() {
        for (scheme, proto, verdict) in [
            ("https", Some("https"), Verdict::Ok),
            ("https", Some("http"), Verdict::Warn),
            ("https", None, Verdict::Warn),
            ("http", None, Verdict::Ok),
        ] {
            assert_eq!(https(scheme, proto).verdict, verdict, "{scheme} {proto:?}");
        }
    }
}
