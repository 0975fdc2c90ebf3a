//! A notice on its way to people.

use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderValue, Method, header};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use sha2::Sha256;
use tandem_core::alert::{Key, News, Notice, Severity};
use tandem_destinations::HttpRequest;

use super::settings::{Channel, Settings, Way};
use crate::transport::Http;

/// The header with the signature: `sha256=` and HMAC-SHA256 of the body in hex.
pub const SIGNATURE: &str = "x-tandem-signature";

/// What is sent.
#[derive(Debug, Clone)]
pub(super) struct Letter {
    pub(super) key: Key,
    pub(super) site: String,
    pub(super) destination: String,
    pub(super) severity: Severity,
    pub(super) value: f64,
    pub(super) at_ms: i64,
    pub(super) notice: Notice,
    /// The page that shows it.
    pub(super) link: Option<String>,
}

/// The page that shows what an alert is about.
#[must_use]
pub fn page(key: Key, site: &str) -> String {
    let site: String = url::form_urlencoded::byte_serialize(site.as_bytes()).collect();
    match key {
        Key::QueueAge | Key::ErrorRate | Key::Stopped | Key::Paused => "/destinations".to_owned(),
        Key::PurchasesMissing => format!("/reconciliation?site={site}"),
        Key::PurchasesFall => format!("/orders?site={site}"),
        Key::EmqDrop => format!("/quality?site={site}"),
        Key::DuplicateRate => format!("/deduplication?site={site}"),
        Key::Disk => "/".to_owned(),
        Key::SourceSilent => "/sites".to_owned(),
    }
}

/// Sends it; what was answered.
///
/// # Errors
/// Why it was not taken.
pub(super) async fn send(channel: &Channel, letter: &Letter, http: &Http) -> Result<String, String> {
    match channel {
        Channel::Mail(mailer) => mailer.send(&subject(letter), &text(letter)).await,
        Channel::Webhook { url, secret } => {
            // The status says all. Who is slow with the rest has taken it, and must not get it again.
            match http.fetch(request(url, secret.as_ref(), &body(letter)), 0).await?.status {
                status @ 200..300 => Ok(format!("HTTP {status}")),
                status => Err(format!("it answers HTTP {status}")),
            }
        }
    }
}

/// A notice that says it is none, to every channel of all and of the sites; what came of it.
pub async fn test<'a>(
    settings: &'a Settings,
    http: &Http,
    at_ms: i64,
) -> Vec<(Way<'a>, Result<String, String>)> {
    let notice = Notice {
        event: News::Raised,
        title: "A test of Tandem's alerts".to_owned(),
        text: "Nothing is wrong: somebody asked for this with `tandem doctor --test-alert`.".to_owned(),
        remedy: "Nothing to do.".to_owned(),
    };
    let letter = Letter {
        key: Key::Disk,
        site: String::new(),
        destination: String::new(),
        severity: Severity::Info,
        value: 0.0,
        at_ms,
        notice,
        link: settings.link.as_ref().map(|base| format!("{base}/alerts")),
    };
    let mut told = Vec::new();
    for way in settings.every_way() {
        let letter = Letter { site: way.site.unwrap_or_default().to_owned(), ..letter.clone() };
        told.push((way, send(way.channel, &letter, http).await));
    }
    told
}

fn subject(letter: &Letter) -> String {
    format!("[Tandem] {}", letter.notice.title)
}

/// Lines for people; also what chat programs show.
fn text(letter: &Letter) -> String {
    let Notice { title, text, remedy, .. } = &letter.notice;
    let link = letter.link.as_deref().unwrap_or_default();
    let remedy = if remedy.is_empty() { String::new() } else { format!("What to do: {remedy}") };
    let parts = [title.as_str(), text, &remedy, link];
    let lines: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    lines.join("\n")
}

fn body(letter: &Letter) -> Vec<u8> {
    let text = text(letter);
    let Letter { key, site, destination, severity, value, at_ms, notice, link } = letter;
    json!({
        "event": notice.event,
        "site": site,
        // Slack and Mattermost show `text`, Discord shows `content`.
        "text": text,
        "content": text,
        "alert": {
            "key": key, "site": site, "destination": destination, "severity": severity, "value": value, "at_ms": at_ms,
            "title": notice.title, "text": notice.text, "remedy": notice.remedy, "link": link,
        },
    })
    .to_string()
    .into_bytes()
}

fn request(url: &SecretString, secret: Option<&SecretString>, body: &[u8]) -> HttpRequest {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(secret) = secret
        && let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes())
    {
        mac.update(body);
        let signature = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
        if let Ok(value) = HeaderValue::from_str(&signature) {
            headers.insert(SIGNATURE, value);
        }
    }
    let url = url.expose_secret().to_owned();
    HttpRequest { method: Method::POST, url, headers, body: body.to_vec(), ..HttpRequest::default() }
}
