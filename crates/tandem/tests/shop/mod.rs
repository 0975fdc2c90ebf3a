//! A WooCommerce shop: the captured deliveries, as they are or changed and signed anew.
#![allow(dead_code, reason = "each test binary uses a part")]
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

use std::collections::BTreeMap;
use std::path::PathBuf;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use rust_decimal::Decimal;
use serde_json::Value;
use sha2::Sha256;

/// Two hours after the deliveries were captured.
pub(crate) const NOW: &str = "2026-11-22T15:00:00Z";

/// Number of captured deliveries.
pub(crate) const DELIVERIES: usize = 80;

/// One webhook delivery.
#[derive(Clone)]
pub(crate) struct Delivery {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    /// Without those that belong to one connection.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) secret: Option<String>,
    /// The body as JSON; null when it is none.
    pub(crate) json: Value,
}

impl Delivery {
    /// The same with another body, signed.
    pub(crate) fn changed(&self, change: impl FnOnce(&mut Value)) -> Self {
        let mut json = self.json.clone();
        change(&mut json);
        let body = serde_json::to_vec(&json).unwrap();
        let signature = sign(self.secret.as_deref().unwrap(), &body);
        Self { body, json, ..self.clone() }.with("x-wc-webhook-signature", &signature)
    }

    /// The same with one header set.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn header_refs(&self) -> Vec<(&str, &str)> {
        self.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect()
    }

    pub(crate) fn topic(&self) -> &str {
        let topic = self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case("x-wc-webhook-topic"));
        topic.map_or("", |(_, value)| value)
    }

    /// Id of the order it shows; `None` when it shows none.
    pub(crate) fn order_id(&self) -> Option<String> {
        let is_order = self.json["line_items"].is_array();
        is_order.then(|| self.json["id"].to_string())
    }

    pub(crate) fn text(&self, name: &str) -> &str {
        self.json[name].as_str().unwrap_or_default()
    }
}

/// base64 of HMAC-SHA256, as WooCommerce signs.
pub(crate) fn sign(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    BASE64_STANDARD.encode(mac.finalize().into_bytes())
}

pub(crate) fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tandem-sources/tests/fixtures/woocommerce")
}

/// All captured deliveries, in order.
pub(crate) fn deliveries() -> Vec<Delivery> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|e| e == "json"));
    paths.sort();
    let all: Vec<Delivery> = paths.into_iter().map(read).collect();
    assert_eq!(all.len(), DELIVERIES);
    all
}

fn read(path: PathBuf) -> Delivery {
    let file: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let body = match file["body_base64"].as_str() {
        Some(encoded) => BASE64_STANDARD.decode(encoded).unwrap(),
        None => text(&file["body"]).into_bytes(),
    };
    let of_connection =
        ["host", "connection", "content-length", "accept-encoding", "transfer-encoding", "expect"];
    let headers = file["request"]["headers"].as_array().unwrap().iter().map(|h| (text(&h[0]), text(&h[1])));
    Delivery {
        name: text(&file["name"]),
        headers: headers.filter(|(n, _)| !of_connection.contains(&n.to_lowercase().as_str())).collect(),
        json: serde_json::from_slice(&body).unwrap_or_default(),
        body,
        secret: file["secret"].as_str().map(str::to_owned),
        path,
    }
}

/// The one delivery whose name begins so.
pub(crate) fn delivery(prefix: &str) -> Delivery {
    let mut found: Vec<Delivery> = deliveries().into_iter().filter(|d| d.name.starts_with(prefix)).collect();
    assert!(!found.is_empty(), "no delivery {prefix}");
    found.remove(0)
}

/// Every secret the deliveries were signed with.
pub(crate) fn secrets(deliveries: &[Delivery]) -> Vec<String> {
    let mut secrets: Vec<String> = deliveries.iter().filter_map(|d| d.secret.clone()).collect();
    secrets.sort();
    secrets.dedup();
    secrets
}

/// The secrets as a TOML list.
pub(crate) fn secrets_toml(deliveries: &[Delivery]) -> String {
    // A JSON text is a TOML basic string.
    let quoted: Vec<String> =
        secrets(deliveries).iter().map(|s| Value::from(s.as_str()).to_string()).collect();
    format!("[{}]", quoted.join(", "))
}

/// What must be counted: event id → total and currency of every order that some delivery shows as paid. Worked out
/// from the bodies alone.
pub(crate) fn paid(deliveries: &[Delivery]) -> BTreeMap<String, (Decimal, String)> {
    let mut paid: BTreeMap<String, (Decimal, String)> = BTreeMap::new();
    for delivery in deliveries {
        let Some(id) = delivery.order_id() else { continue };
        if !matches!(delivery.text("status"), "processing" | "completed") {
            continue;
        }
        let total: Decimal = delivery.text("total").parse().unwrap();
        let sale = (total, delivery.text("currency").to_owned());
        if let Some(before) = paid.insert(format!("wc_order_{id}"), sale.clone()) {
            assert_eq!(before, sale, "{}: the captured totals of one order agree", delivery.name);
        }
    }
    paid
}

/// Ids of orders that no delivery shows as paid.
pub(crate) fn never_paid(deliveries: &[Delivery]) -> Vec<String> {
    let paid = paid(deliveries);
    let mut ids: Vec<String> =
        deliveries.iter().filter_map(|d| d.order_id().map(|id| format!("wc_order_{id}"))).collect();
    ids.retain(|id| !paid.contains_key(id));
    ids.sort();
    ids.dedup();
    ids
}

/// Random numbers that are the same every time (splitmix64).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.roll() % limit as u64).unwrap()
    }

    pub(crate) fn shuffle<T>(&mut self, list: &mut [T]) {
        for i in (1..list.len()).rev() {
            let j = self.below(i + 1);
            list.swap(i, j);
        }
    }
}
