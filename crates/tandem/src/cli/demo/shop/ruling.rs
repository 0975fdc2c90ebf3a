//! What the gateway ruled on the server half of an order.

use serde::Serialize;
use serde_json::Value;

use super::Shop;

/// The last delivery of the order's report to the platform whose counts are shown, as the log has it.
#[derive(Debug, Default, Serialize)]
pub(super) struct Ruling {
    /// `waiting`, `delivered`, `skipped`, …
    pub(super) state: String,
    /// Why it was skipped or refused: `consent_denied`.
    pub(super) code: String,
    /// `send:order_consent`
    pub(super) consent: String,
}

impl Ruling {
    /// What decided: a signal, or the rule for want of one.
    pub(super) fn reason(&self) -> &str {
        self.consent.split_once(':').map_or("", |(_, reason)| reason)
    }

    /// Kept back for want of a yes.
    pub(super) fn is_kept_back(&self) -> bool {
        self.state == "skipped" && self.code.starts_with("consent_")
    }
}

/// `events`: those of the order, newest first.
pub(super) async fn of(shop: &Shop, events: &[&Value]) -> Option<Ruling> {
    let reported = events.iter().find(|row| row["source"] == "woocommerce")?;
    let seq = reported["seq"].as_i64()?;
    let store = shop.gateway.store.clone();
    let event = tokio::task::spawn_blocking(move || store.event(seq)).await.ok()?.ok()??;
    let own = |delivery: &&Value| delivery["destination"] == crate::cli::demo::CHECKED;
    let delivery = event["deliveries"].as_array()?.iter().rfind(own)?;
    let text = |name: &str| delivery[name].as_str().unwrap_or_default().to_owned();
    Some(Ruling { state: text("state"), code: text("code"), consent: text("consent") })
}
