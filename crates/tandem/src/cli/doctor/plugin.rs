//! The shop's plugin: the test it makes itself, signed, when it is connected.

use axum::http::{HeaderMap, HeaderValue, Method, header};
use serde_json::Value;
use tandem_gateway::Clock;
use tandem_gateway::transport::Fetched;
use tandem_sources::woocommerce::Plugin;
use url::Url;

use super::Check;
use super::subject::{Subject, random, send};

const NAME: &str = "plugin";

const PING: &[u8] = b"{\"version\":1,\"kind\":\"ping\"}";

/// None where the shop has no plugin. `base`: where the shop reaches the gateway.
pub(super) async fn check(subject: &Subject, base: &Url) -> Option<Check> {
    let plugin = subject.setup.sources.iter().find_map(|source| source.plugin())?;
    let url = base.join(&format!("/plugin/{}", subject.setup.site.id)).ok()?;
    let headers = signed(plugin, subject.clock.now_s())?;
    Some(match send(&subject.http, Method::POST, url.as_str(), headers, PING.to_vec()).await {
        Ok(answer) => answered(&url, &answer),
        Err(why) => {
            Check::fail(NAME, format!("{url} does not answer: {why}"), "Is the gateway or its proxy running?")
        }
    })
}

fn signed(plugin: Plugin<'_>, now_s: i64) -> Option<HeaderMap> {
    let nonce = format!("{}{}", random(), random());
    let signature = plugin.sign(now_s, &nonce, PING)?;
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert("x-tandem-time", HeaderValue::from(now_s));
    headers.insert("x-tandem-nonce", HeaderValue::from_str(&nonce).ok()?);
    headers.insert("x-tandem-signature", HeaderValue::from_str(&signature).ok()?);
    Some(headers)
}

fn answered(url: &Url, answer: &Fetched) -> Check {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    if answer.status == 200 && body["status"] == "ready" {
        return Check::ok(NAME, format!("{url} lets the plugin in"));
    }
    let remedy = match body["error"]["code"].as_str() {
        Some("credentials_wrong") => {
            "The running gateway has other plugin_secrets than this file: restart it."
        }
        Some("credentials_missing") => "Let the web server pass on the headers X-Tandem-*.",
        Some("time_off") => "Set this machine's clock, or the gateway's.",
        _ => "Let the web server pass /plugin/ on to the gateway: examples/proxy.",
    };
    Check::fail(NAME, format!("{url} does not let the plugin in (status {})", answer.status), remedy)
}
