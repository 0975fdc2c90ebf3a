//! Settings of one shop's webhooks.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer};
use tandem_core::names;

use super::sweep::SweepSettings;

/// Settings of one WooCommerce shop. All have defaults; without a secret every signed delivery is refused.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Webhook secrets, as typed into WooCommerce; several so that one can be replaced without a gap.
    #[serde(deserialize_with = "crate::values::secrets")]
    pub secrets: Vec<SecretString>,
    /// Secrets of the shop's plugin; several so that one can be replaced without a gap. The first is given to the plugin.
    #[serde(deserialize_with = "plugin_secrets")]
    pub plugin_secrets: Vec<SecretString>,
    /// The id that the shop's pages give the same purchase.
    pub event_id: EventIdTemplate,
    /// What a line's `content_id` is; it must be what the catalogue feed has.
    pub content_id: ContentId,
    /// Order statuses that mean "paid".
    pub paid_statuses: Vec<String>,
    /// Exceptions for single payment methods, by WooCommerce's id (`cod`, `bacs`, …).
    pub gateways: BTreeMap<String, Gateway>,
    /// What `value` is.
    pub value: ValueOf,
    /// What a subscription renewal is reported as.
    pub renewals: Renewals,
    /// Further order-meta keys that hold click ids; looked at before the usual ones.
    pub click_id_meta: ClickIdMeta,
    /// Order-meta keys that hold the buyer's consent. All are read, and one refusal outweighs all grants.
    pub consent_meta: Vec<String>,
    /// Click ids of an order that was paid more than this many days after it was placed are dropped: the click is
    /// older still. TikTok credits clicks for 28 days at most.
    pub attribution_window_days: u32,
    /// How the shop's own list of orders is looked at; not at all without it.
    pub sweep: Option<SweepSettings>,
}

impl Default for Settings {
    fn default() -> Self {
        let texts = |texts: &[&str]| texts.iter().map(|&t| t.to_owned()).collect();
        Self {
            secrets: Vec::new(),
            plugin_secrets: Vec::new(),
            event_id: EventIdTemplate("wc_order_{id}".to_owned()),
            content_id: ContentId::SkuOrId,
            paid_statuses: texts(&["processing", "completed"]),
            gateways: BTreeMap::new(),
            value: ValueOf::Total,
            renewals: Renewals::Purchase,
            click_id_meta: ClickIdMeta::default(),
            consent_meta: texts(&["_tandem_consent", "_wp_consent", "consent_marketing"]),
            attribution_window_days: 28,
            sweep: None,
        }
    }
}

/// Shortest secret of a plugin, in bytes. Nobody types it, so there is no reason for one that can be guessed.
const MIN_PLUGIN_SECRET: usize = 16;

fn plugin_secrets<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<SecretString>, D::Error> {
    let secrets = crate::values::secrets(deserializer)?;
    if secrets.iter().any(|secret| secret.expose_secret().len() < MIN_PLUGIN_SECRET) {
        let text = "plugin_secrets: one is shorter than 16 characters; `tandem connect` makes a good one";
        return Err(serde::de::Error::custom(text));
    }
    Ok(secrets)
}

/// Settings of one payment method.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gateway {
    /// Statuses that mean "paid" for it, instead of the shop's. `["completed"]` for cash on delivery makes the sale
    /// count when the money is there.
    pub paid_statuses: Vec<String>,
}

/// Template of event ids: `{id}` is the order's id, `{number}` the number people see. One of them must be there.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct EventIdTemplate(String);

impl EventIdTemplate {
    /// The event id of an order.
    #[must_use]
    pub fn fill(&self, id: &str, number: &str) -> String {
        self.0.replace("{id}", id).replace("{number}", number)
    }

    /// As it was written.
    #[must_use]
    pub fn template(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for EventIdTemplate {
    type Error = String;

    fn try_from(template: String) -> Result<Self, String> {
        let bare = template.replace("{id}", "").replace("{number}", "");
        if bare.len() == template.len() {
            return Err("event_id must contain {id} or {number}, or all orders would share one id".to_owned());
        }
        if bare.contains(['{', '}']) {
            return Err("event_id knows no placeholders but {id} and {number}".to_owned());
        }
        Ok(Self(template))
    }
}

/// What a line's `content_id` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContentId {
    /// The SKU, else the variation's id, else the product's.
    #[default]
    SkuOrId,
    /// The variation's id, else the product's.
    Id,
    /// As TikTok's own catalogue sync: as `sku_or_id`, but `SKU-variationID` for a variation that only shows its
    /// parent's SKU. An order does not say whose SKU it is; we know it for certain when two variations of one
    /// product stand in the order under one SKU, and take the SKU for the variation's own otherwise.
    Catalog,
}

/// What `value` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValueOf {
    /// The order's own total: items, shipping, fees and tax, less discounts.
    #[default]
    Total,
    /// The items alone, after discounts, without tax and shipping.
    SubtotalAfterDiscount,
}

/// What a subscription renewal is reported as.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Renewals {
    /// A Purchase of its own.
    #[default]
    Purchase,
    /// Not at all.
    Skip,
    /// An event of this name.
    Named(String),
}

impl<'de> Deserialize<'de> for Renewals {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        match word.as_str() {
            "purchase" => Ok(Self::Purchase),
            "skip" => Ok(Self::Skip),
            name => match names::resolve(name) {
                Ok(resolved) => Ok(Self::Named(resolved.name.into_owned())),
                Err(error) => Err(serde::de::Error::custom(format!("renewals: {error}"))),
            },
        }
    }
}

/// Further order-meta keys that hold click ids.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClickIdMeta {
    /// Keys of TikTok's click id.
    pub ttclid: Vec<String>,
    /// Keys of TikTok's `_ttp` cookie.
    pub ttp: Vec<String>,
}
