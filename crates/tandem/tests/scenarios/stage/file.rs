//! Scenario files: what is in them, and the site and the requests that each stands for.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::fill::{Fill, merge};

const WEBHOOK: &str = "scenario-webhook-secret";
const PERSON: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

/// A scenario file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    /// Name of the file, without its ending; the site's id too.
    #[serde(skip)]
    pub(crate) name: String,
    /// What happens, in a sentence.
    pub(crate) about: String,
    /// TOML of the site beside what the ways in need: keys first, then tables.
    #[serde(default)]
    pub(crate) site: String,
    pub(crate) requests: Vec<Ask>,
    /// Findings and observations that it must yield.
    #[serde(default)]
    pub(crate) expect: Vec<Expected>,
    /// Codes of severity info that may be there beside.
    #[serde(default)]
    pub(crate) also_info: BTreeSet<String>,
    /// Codes of refusals and near misses that must be there; none by default.
    #[serde(default)]
    pub(crate) notices: BTreeSet<String>,
    /// What TikTok's stand-in counts of the site, by name, where the file says so.
    #[serde(default)]
    pub(crate) counted: Option<BTreeMap<String, i64>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expected {
    pub(crate) code: String,
    pub(crate) severity: String,
    /// How many events, or observations, have it.
    pub(crate) events: i64,
}

/// One request.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ask {
    /// `events`, `page`, `woocommerce`, `plugin`, `ga4`, `data_tag`; or `shelf`: the order is put onto the shop's own list,
    /// where only a sweep finds it.
    pub(super) to: String,
    /// A file of `usual/` that `body` is laid over (RFC 7396); without it the body is whole.
    #[serde(default)]
    like: Option<String>,
    /// JSON, or a text that is sent as it is.
    #[serde(default)]
    pub(crate) body: Value,
    #[serde(default)]
    method: Option<String>,
    /// Instead of the way's own.
    #[serde(default)]
    path: Option<String>,
    /// Beside the way's own, or in their place.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// Days after the first request: the gateway is started again with its clock there.
    #[serde(default)]
    pub(crate) after_days: i64,
}

pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios/files")
}

/// The scenarios of a folder below `files`, by name.
pub(crate) fn read(below: &str) -> Vec<Scenario> {
    let mut all: Vec<Scenario> = std::fs::read_dir(folder().join(below))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "json"))
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            let mut scenario: Scenario =
                serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            scenario.name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            scenario
        })
        .collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

/// A body of `usual/`.
fn usual(name: &str) -> Value {
    let path = folder().join("usual").join(name).with_extension("json");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

impl Scenario {
    pub(super) fn goes(&self, to: &str) -> bool {
        self.requests.iter().any(|ask| ask.to == to)
    }

    fn host(&self) -> String {
        // `_test` is another host than `-test` to nobody, but no host has it.
        format!("{}.example", self.name.replace('_', "-"))
    }

    fn path(&self) -> String {
        let digest = Sha256::digest(self.name.as_bytes());
        format!("/x{}", hex::encode(&digest[..4]))
    }

    /// A measurement id that no other scenario has.
    fn measurement_id(&self) -> String {
        format!("G-{}", self.path()[2..].to_uppercase())
    }

    pub(super) fn pixel(&self) -> String {
        format!("PIXEL{}", self.path()[2..].to_uppercase())
    }

    pub(super) fn fill(&self, now_ms: i64, stand_in: &str, shop: &str) -> Fill {
        let words = [
            ("site", self.name.clone()),
            ("host", self.host()),
            ("path", self.path()),
            ("write_key", format!("key-of-{}", self.name)),
            ("measurement_id", self.measurement_id()),
            ("plugin_secret", format!("plugin-secret-of-{}", self.name)),
            ("pixel", self.pixel()),
            ("person", PERSON.to_owned()),
            ("stand_in", stand_in.to_owned()),
            ("shop", shop.to_owned()),
        ];
        Fill { now_ms, words: BTreeMap::from(words) }
    }

    /// The site's table: what the file says, and the usual for everything it does not mention.
    pub(super) fn toml(&self, fill: &Fill) -> String {
        let own = fill.text(&self.site);
        let mut text = format!("[[site]]\nid = \"{}\"\n", self.name);
        if !own.contains("on_unknown") {
            text.push_str("consent.on_unknown = \"grant\"\n");
        }
        text.push_str(&own);
        text.push('\n');
        let woocommerce = self.goes("woocommerce") || self.goes("plugin") || self.goes("shelf");
        for (way, wanted, table) in [
            ("sources.events", true, "write_keys = [\"{{write_key}}\"]\n".to_owned()),
            (
                "sources.woocommerce",
                woocommerce,
                format!("secrets = [\"{WEBHOOK}\"]\nplugin_secrets = [\"{{{{plugin_secret}}}}\"]\n"),
            ),
            (
                "sources.woocommerce.sweep",
                self.goes("shelf"),
                "url = \"{{shop}}\"\nconsumer_key = \"ck_key\"\nconsumer_secret = \"cs_secret\"\n".to_owned(),
            ),
            (
                "sources.browser",
                self.goes("page"),
                "hosts = [\"{{host}}\"]\npath = \"{{path}}\"\nhold_seconds = 1\n".to_owned(),
            ),
            (
                "sources.ga4",
                self.goes("ga4"),
                "measurement_ids = [\"{{measurement_id}}\"]\nhosts = [\"{{host}}\"]\nhold_seconds = 1\n"
                    .to_owned(),
            ),
            (
                "sources.data_tag",
                self.goes("data_tag"),
                "hosts = [\"{{host}}\"]\nhold_seconds = 1\n".to_owned(),
            ),
            (
                "destinations.tiktok",
                true,
                "pixel_id = \"{{pixel}}\"\naccess_token = \"any-token\"\nbase_url = \"{{stand_in}}\"\n"
                    .to_owned(),
            ),
        ] {
            let head = format!("[site.{way}]");
            if wanted && !own.contains(&head) {
                text.push_str(&format!("{head}\n{}", fill.text(&table)));
            }
        }
        text
    }
}

/// Method, address, headers and body of a request.
pub(super) type Wire = (String, String, Vec<(String, String)>, Vec<u8>);

impl Ask {
    pub(super) fn body(&self, fill: &Fill) -> Value {
        let mut body = self.like.as_deref().map_or(Value::Null, usual);
        if self.like.is_some() && !self.body.is_null() {
            merge(&mut body, &self.body);
        } else if self.like.is_none() {
            body = self.body.clone();
        }
        fill.value(&body)
    }

    pub(super) fn wire(&self, site: &str, fill: &Fill, nonce: u64) -> Wire {
        let mut body = self.body(fill);
        if self.to == "plugin" {
            body = json!({"version": 1, "kind": "orders", "orders": [body]});
        }
        let bytes = match &body {
            Value::Null => Vec::new(),
            Value::String(text) => text.clone().into_bytes(),
            json => json.to_string().into_bytes(),
        };
        let own = |text: &str| fill.text(text);
        let (path, mut headers): (String, Vec<(&str, String)>) = match self.to.as_str() {
            "events" => ("/v1/events".into(), vec![("Authorization", own("Bearer {{write_key}}"))]),
            "woocommerce" => {
                let signature = BASE64_STANDARD.encode(mac(WEBHOOK, &[&bytes]));
                let headers = vec![
                    ("x-wc-webhook-topic", "order.updated".to_owned()),
                    ("x-wc-webhook-signature", signature),
                ];
                (format!("/webhooks/woocommerce/{site}"), headers)
            }
            "plugin" => {
                let (time, nonce) = (own("{{now}}"), format!("{nonce:032x}"));
                let head = format!("v1\n{time}\n{nonce}\n");
                let signature = hex::encode(mac(&own("{{plugin_secret}}"), &[head.as_bytes(), &bytes]));
                let headers = vec![
                    ("X-Tandem-Time", time),
                    ("X-Tandem-Nonce", nonce),
                    ("X-Tandem-Signature", format!("v1={signature}")),
                ];
                (format!("/plugin/{site}"), headers)
            }
            "page" | "ga4" | "data_tag" => {
                let headers = vec![
                    ("origin", own("https://{{host}}")),
                    ("user-agent", PERSON.to_owned()),
                    ("x-forwarded-for", "203.0.113.7".to_owned()),
                    ("x-forwarded-proto", "https".to_owned()),
                ];
                let path = match self.to.as_str() {
                    "page" => own("{{path}}/a"),
                    "data_tag" => "/data?v=2".to_owned(),
                    _ => own("/g/collect?v=2&tid={{measurement_id}}"),
                };
                (path, headers)
            }
            other => panic!("{site}: nothing is called {other:?}"),
        };
        let of_pages = matches!(self.to.as_str(), "page" | "ga4" | "data_tag");
        let kind = if of_pages { "text/plain;charset=UTF-8" } else { "application/json" };
        headers.push(("content-type", kind.to_owned()));
        headers.retain(|(name, _)| !self.headers.keys().any(|given| given.eq_ignore_ascii_case(name)));
        let mut headers: Vec<(String, String)> =
            headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        headers.extend(self.headers.iter().map(|(name, value)| (name.clone(), own(value))));
        let path = self.path.as_deref().map_or(path, own);
        let method =
            self.method.clone().unwrap_or_else(|| if bytes.is_empty() { "GET" } else { "POST" }.to_owned());
        (method, path, headers, bytes)
    }
}

fn mac(secret: &str, parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}
