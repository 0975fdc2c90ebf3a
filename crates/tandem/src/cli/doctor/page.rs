//! The shop's page: our tag on it, and what could get in the tag's way.

use axum::http::{HeaderMap, HeaderValue, header};
use serde_json::Value;
use tandem_gateway::clock::{Clock, SystemClock};
use tandem_gateway::transport::{Fetched, Http};
use url::Url;

use super::Check;
use super::check::Missing;
use super::csp::{self, Offer};
use super::html;
use super::subject::{Subject, get, text};

/// Redirects followed before a page counts as lost.
const MAX_HOPS: usize = 5;

/// A page as fetched.
pub(super) struct Page {
    /// Where the redirects ended.
    pub(super) url: Url,
    pub(super) answer: Fetched,
    pub(super) html: String,
    /// Our clock when the answer was there.
    pub(super) at_ms: i64,
}

/// Our script tag on a page.
pub(super) struct OwnTag {
    /// Where it loads the script from.
    pub(super) url: Url,
    tag: html::Tag,
}

impl Page {
    /// Every tag that loads our script from a path.
    pub(super) fn tags(&self, path: &str) -> Vec<OwnTag> {
        let own = |tag: html::Tag| {
            let url = self.url.join(tag.get("src")?).ok()?;
            let file = url.path().strip_suffix(".js")?.strip_prefix(path)?.strip_prefix("/s")?;
            let is_own = file.is_empty() || file.strip_prefix('.').is_some_and(|hash| hash.len() == 16);
            is_own.then_some(OwnTag { url, tag })
        };
        html::tags(&self.html, "script").into_iter().filter_map(own).collect()
    }
}

/// Fetches the page as a browser would, redirects included.
pub(super) async fn visit(
    http: &Http,
    url: Option<&Url>,
    clock: &SystemClock,
) -> Option<Result<Page, String>> {
    let mut url = url?.clone();
    let mut headers = HeaderMap::new();
    headers.insert(header::ACCEPT, HeaderValue::from_static("text/html,*/*;q=0.8"));
    for _ in 0..MAX_HOPS {
        let answer = match get(http, url.as_str(), headers.clone()).await {
            Ok(answer) => answer,
            Err(why) => return Some(Err(format!("{url} does not answer: {why}"))),
        };
        let next = text(&answer, "location").filter(|_| (300..400).contains(&answer.status));
        if let Some(next) = next.and_then(|next| url.join(next).ok()) {
            url = next;
            continue;
        }
        if answer.status != 200 {
            return Some(Err(format!("{url} answers with status {}", answer.status)));
        }
        let html = String::from_utf8_lossy(&answer.body).into_owned();
        return Some(Ok(Page { url, answer, html, at_ms: clock.now_ms() }));
    }
    Some(Err(format!("{url}: more than {MAX_HOPS} redirects")))
}

pub(super) fn checks(subject: &Subject) -> Vec<Check> {
    vec![answers(subject), host(subject), tag(subject), other_pixel(subject), policy(subject)]
}

fn answers(subject: &Subject) -> Check {
    let name = "page";
    match &subject.page {
        Some(Ok(page)) if page.url.scheme() == "https" || is_local(&page.url) => {
            Check::ok(name, format!("{} answers", page.url))
        }
        Some(Ok(page)) => Check::warn(
            name,
            format!("{} is not encrypted: its cookies cannot be Secure", page.url),
            "Serve the shop by https and send visitors there.",
        ),
        Some(Err(why)) => Check::fail(name, why.clone(), "Is the address right, and is the shop up?"),
        None => Check::skipped(
            name,
            &Missing { what: "no page was named", remedy: "Name one: --url https://your-shop" },
        ),
    }
}

/// On this machine, where nobody encrypts.
fn is_local(url: &Url) -> bool {
    url.host_str().is_some_and(|host| host == "localhost" || host.starts_with("127."))
}

fn host(subject: &Subject) -> Check {
    let name = "host of the page";
    let (pages, page) = match subject.pages() {
        Ok((pages, _, page)) => (pages, page),
        Err(missing) => return Check::skipped(name, &missing),
    };
    let origin = page.url.origin().ascii_serialization();
    if pages.allows(&origin) {
        return Check::ok(name, format!("{origin} is one of the site's hosts"));
    }
    let host = page.url.host_str().unwrap_or_default();
    Check::fail(
        name,
        format!("{host} is not in hosts: the gateway refuses what its pages send"),
        format!("Add {host:?} to hosts in [site.sources.browser], and restart the gateway."),
    )
}

fn tag(subject: &Subject) -> Check {
    let name = "tag";
    let (pages, script, page) = match subject.pages() {
        Ok(found) => found,
        Err(missing) => return Check::skipped(name, &missing),
    };
    let tags = page.tags(&pages.path);
    let Some(first) = tags.first() else {
        return Check::fail(
            name,
            format!("the page does not load the script from {}", pages.path),
            format!("Put this into the head of every page, and empty the page cache: {}", script.tag("")),
        );
    };
    if let Some(kind) = first.tag.get("type").filter(|kind| !is_javascript(kind)) {
        return Check::warn(
            name,
            format!("the tag has type={kind:?}: something holds the script back"),
            "Except our tag from optimisers that delay scripts; consent is asked by the script itself.",
        );
    }
    let settings = first.tag.get("data-settings").and_then(|text| serde_json::from_str::<Value>(text).ok());
    if settings.is_some_and(|settings| settings != script.settings) {
        return Check::warn(
            name,
            "the settings in the tag are not those of this configuration",
            "Put the line of tandem tag --strict into the pages anew, and empty the page cache.",
        );
    }
    if tags.len() > 1 {
        return Check::warn(
            name,
            format!("the page loads the script {} times; the first one counts", tags.len()),
            "Remove the others: a theme and a plugin may both have put it there.",
        );
    }
    let from = if first.url.origin() == page.url.origin() {
        "its own host"
    } else {
        first.url.host_str().unwrap_or_default()
    };
    Check::ok(name, format!("the page loads the script once, from {from}"))
}

fn is_javascript(kind: &str) -> bool {
    let kind = kind.trim().to_ascii_lowercase();
    kind.is_empty() || kind == "module" || kind.ends_with("/javascript")
}

/// A platform's pixel that is there besides the one our script runs.
fn other_pixel(subject: &Subject) -> Check {
    let name = "other pixels";
    let page = match subject.pages() {
        Ok((_, _, page)) => page,
        Err(missing) => return Check::skipped(name, &missing),
    };
    for destination in &subject.setup.destinations {
        let title = destination.definition().title;
        let trace = destination.aid().page_traces.iter().find(|trace| page.html.contains(**trace));
        if let Some(trace) = trace.filter(|_| destination.page_pixel().is_some()) {
            return Check::fail(
                name,
                format!(
                    "the page has a {title} pixel of its own ({trace:?}) besides ours: everything counts twice"
                ),
                "Remove it from theme, plugin or tag manager; or leave it and set pixel_on_pages = false.",
            );
        }
    }
    let manager = page.html.contains("googletagmanager.com/gtm.js");
    let note = if manager { "; a tag manager is there, look into it too" } else { "" };
    Check::ok(name, format!("none in the page's HTML{note}"))
}

/// The page's own rules on what may load.
fn policy(subject: &Subject) -> Check {
    let name = "content policy";
    let (pages, page, script) = match subject.pages().and_then(|found| Ok((found, subject.script_url()?))) {
        Ok(((pages, _, page), script)) => (pages, page, script),
        Err(missing) => return Check::skipped(name, &missing),
    };
    let metas = html::tags(&page.html, "meta");
    let metas = metas.iter().filter(|meta| {
        meta.get("http-equiv").is_some_and(|name| name.eq_ignore_ascii_case("content-security-policy"))
    });
    let headers =
        page.answer.headers.get_all("content-security-policy").iter().filter_map(|v| v.to_str().ok());
    let policies: Vec<_> =
        headers.chain(metas.filter_map(|meta| meta.get("content"))).flat_map(csp::policies).collect();
    if policies.is_empty() {
        return Check::ok(name, "the page has none");
    }
    let tags = page.tags(&pages.path);
    let own = tags.first().map(|own| &own.tag);
    let offer =
        Offer { nonce: own.and_then(|t| t.get("nonce")), integrity: own.and_then(|t| t.get("integrity")) };
    let mut blocked = Vec::new();
    if !policies.iter().all(|policy| policy.allows_script(&page.url, &script, offer)) {
        blocked.push(format!("script-src: {script}"));
    }
    let intake = script.join("a").unwrap_or_else(|_| script.clone());
    if !policies.iter().all(|policy| policy.allows_connection(&page.url, &intake)) {
        blocked.push(format!("connect-src: {intake}"));
    }
    for pixel in subject.setup.destinations.iter().filter_map(|destination| destination.page_pixel()) {
        let Ok(url) = Url::parse(&pixel.script) else { continue };
        // A nonce on our tag is passed on to the pixel's.
        let offer = Offer { integrity: None, ..offer };
        if !policies.iter().all(|policy| policy.allows_script(&page.url, &url, offer)) {
            blocked.push(format!("script-src: {}", url.origin().ascii_serialization()));
        }
    }
    if blocked.is_empty() {
        return Check::ok(name, "lets script, intake and pixel through");
    }
    Check::fail(
        name,
        format!("the page's Content-Security-Policy blocks {}", blocked.join(" and ")),
        "Add these to the directives named; under the shop's own host 'self' is enough for the first two.",
    )
}
