//! The shop's webhooks: the same test that WooCommerce makes when one is saved; and its plugin's.

use axum::http::{HeaderMap, HeaderValue, Method, header};
use tandem_sources::woocommerce;
use url::Url;

use super::Check;
use super::check::Missing;
use super::gateway;
use super::plugin;
use super::resolve;
use super::subject::{Subject, send};

/// What WordPress talks to by itself.
const PORTS: [u16; 3] = [80, 443, 8080];

pub(super) async fn checks(subject: &Subject) -> Vec<Check> {
    let names = ["webhook", "address for WordPress"];
    if subject.setup.sources.iter().all(|source| source.name() != woocommerce::NAME) {
        let missing = Missing { what: "the site has no [site.sources.woocommerce]", remedy: "" };
        return vec![Check::skipped(names[0], &missing)];
    }
    let shop = subject.page.as_ref().and_then(|page| page.as_ref().ok()).map(|page| page.url.clone());
    let base =
        subject.script_url().ok().or_else(|| shop.clone()).or_else(|| gateway::public_url(&subject.server));
    let path = format!("/webhooks/woocommerce/{}", subject.setup.site.id);
    let Some(url) = base.and_then(|base| base.join(&path).ok()) else { return Vec::new() };
    let mut checks = vec![ping(names[0], subject, &url).await, allowed(names[1], &url, shop.as_ref()).await];
    checks.extend(plugin::check(subject, &url).await);
    checks
}

async fn ping(name: &'static str, subject: &Subject, url: &Url) -> Check {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
    match send(&subject.http, Method::POST, url.as_str(), headers, b"webhook_id=1".to_vec()).await {
        Ok(answer) if answer.status == 200 && answer.body.starts_with(b"{\"status\":\"ready\"}") => {
            Check::ok(name, format!("{url} answers the shop's test"))
        }
        Ok(answer) => Check::fail(
            name,
            format!("{url} does not answer the shop's test (status {})", answer.status),
            "Let the web server pass /webhooks/ on to the gateway: examples/proxy. WooCommerce needs this answer \
             when the webhook is saved.",
        ),
        Err(why) => {
            Check::fail(name, format!("{url} does not answer: {why}"), "Is the gateway or its proxy running?")
        }
    }
}

/// WordPress refuses to call private addresses and unusual ports, but for its own.
async fn allowed(name: &'static str, url: &Url, shop: Option<&Url>) -> Check {
    let own = shop.is_some_and(|shop| shop.host_str() == url.host_str());
    let port = url.port_or_known_default().unwrap_or_default();
    let own_port = own && shop.and_then(Url::port_or_known_default) == Some(port);
    if !PORTS.contains(&port) && !own_port {
        return Check::warn(
            name,
            format!("WordPress calls only the ports 80, 443 and 8080, not {port}"),
            "Give the delivery address one of these, best under the shop's own host.",
        );
    }
    let host = url.host_str().unwrap_or_default();
    let found = resolve::of(host).await.unwrap_or_default();
    if !own && found.addresses.iter().copied().any(resolve::is_private) {
        return Check::warn(
            name,
            format!("WordPress calls no private address, and {host} has one"),
            "Give WooCommerce a delivery address under the shop's own host, or a public one.",
        );
    }
    Check::ok(name, "WordPress calls such an address")
}
