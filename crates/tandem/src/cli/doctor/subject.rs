//! What is looked at: one site, its gateway, and its page.

use axum::http::{HeaderMap, Method};
use tandem_destinations::HttpRequest;
use tandem_gateway::clock::SystemClock;
use tandem_gateway::transport::{Fetched, Http};
use tandem_gateway::{Script, SiteSetup};
use tandem_sources::browser::Pages;
use url::Url;

use super::check::Missing;
use super::page::Page;
use crate::config::Server;

/// Bytes of a page or script that are looked at.
const MAX_BYTES: usize = 8 << 20;

/// No `--url`.
const NO_URL: Missing = Missing { what: "no page was named", remedy: "Name one: --url https://your-shop" };

/// The page could not be fetched; the check of the page says why.
const NO_PAGE: Missing = Missing { what: "needs the page, which does not answer", remedy: "" };

/// Not a shop with pages.
const NO_PAGES: Missing =
    Missing { what: "the site has no [site.sources.browser], so no script on pages", remedy: "" };

pub(super) struct Subject {
    pub(super) server: Server,
    pub(super) setup: SiteSetup,
    /// As the gateway would serve it.
    pub(super) script: Option<Script>,
    pub(super) http: Http,
    pub(super) clock: SystemClock,
    /// None without `--url`.
    pub(super) page: Option<Result<Page, String>>,
    pub(super) test_event_code: Option<String>,
}

impl Subject {
    /// The settings of the site's pages with the page itself.
    pub(super) fn pages(&self) -> Result<(&Pages, &Script, &Page), Missing> {
        let pages = self.setup.sources.iter().find_map(|source| source.pages());
        let (pages, script) = pages.zip(self.script.as_ref()).ok_or(NO_PAGES)?;
        let page = self.page.as_ref().ok_or(NO_URL)?.as_ref().map_err(|_| NO_PAGE)?;
        Ok((pages, script, page))
    }

    /// Where the page loads the script from, or would if it had the usual tag.
    pub(super) fn script_url(&self) -> Result<Url, Missing> {
        let (pages, _, page) = self.pages()?;
        let usual = || page.url.join(&format!("{}/s.js", pages.path)).map_err(|_| NO_PAGE);
        page.tags(&pages.path).first().map_or_else(usual, |tag| Ok(tag.url.clone()))
    }

    pub(super) async fn get(&self, url: &Url) -> Result<Fetched, String> {
        get(&self.http, url.as_str(), HeaderMap::new()).await
    }
}

/// One `GET`.
pub(super) async fn get(http: &Http, url: &str, headers: HeaderMap) -> Result<Fetched, String> {
    send(http, Method::GET, url, headers, Vec::new()).await
}

/// One request.
pub(super) async fn send(
    http: &Http,
    method: Method,
    url: &str,
    headers: HeaderMap,
    body: Vec<u8>,
) -> Result<Fetched, String> {
    http.fetch(
        HttpRequest { method, url: url.to_owned(), headers, body, ..HttpRequest::default() },
        MAX_BYTES,
    )
    .await
}

/// A header's text.
pub(super) fn text<'a>(answer: &'a Fetched, name: &str) -> Option<&'a str> {
    answer.headers.get(name)?.to_str().ok()
}

/// A random text of 16 hexadecimal digits: the standard library's own seed is random, and nothing here is a secret.
pub(super) fn random() -> String {
    use std::hash::{BuildHasher, Hasher};
    format!("{:016x}", std::hash::RandomState::new().build_hasher().finish())
}
