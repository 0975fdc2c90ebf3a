//! WooCommerce's own webhooks (API v3): every order, signed, without a line of code in the shop.
//!
//! A body shows the order as it is when it is delivered, not as it was when the webhook fired; one order is
//! delivered many times, and an update can come before the creation. So the topic decides nothing about an order:
//! its status does, and every paid snapshot becomes a draft. The ledger tells the first from the rest.
//!
//! Facts are from deliveries of WooCommerce 11.0.1; they stand in `tests/fixtures/woocommerce`.

mod lines;
mod meta;
mod order;
mod plugin;
mod settings;
mod signature;
mod sweep;

use serde_json::{Map, Value};
use tandem_core::Site;
use tandem_core::consent::Policy;
use tandem_core::door::{Draft, Rejection};

pub use plugin::{BodyError, Handed, MAX_ORDERS, Plugin, Stamp, WINDOW_S};
pub use settings::{ClickIdMeta, ContentId, EventIdTemplate, Gateway, Renewals, Settings, ValueOf};
pub use sweep::{PAGE, Stretch, Sweep, SweepError, SweepSettings, Swept};

use crate::{AuthError, Decoded, Request, Source, values};

/// Name in configuration, records and metrics.
pub const NAME: &str = "woocommerce";

const SIGNATURE: &str = "x-wc-webhook-signature";
const TOPIC: &str = "x-wc-webhook-topic";

/// The webhooks of one shop, and its plugin.
pub struct WooCommerce {
    settings: Settings,
}

impl WooCommerce {
    /// Sets it up.
    ///
    /// # Errors
    /// A text that names the setting at fault.
    pub fn new(mut settings: Settings) -> Result<Self, String> {
        use secrecy::ExposeSecret;
        settings.secrets.retain(|secret| !secret.expose_secret().trim().is_empty());
        if let Some(sweep) = &settings.sweep {
            sweep.check()?;
        }
        Ok(Self { settings })
    }

    /// Reads an order in the form of the REST API v3, as a webhook or `GET /wp-json/wc/v3/orders` gives it.
    ///
    /// # Errors
    /// A [`Rejection`], expected when the order is not paid.
    pub fn order(&self, order: Map<String, Value>, policy: &Policy) -> Result<Draft, Rejection> {
        order::draft(order, &self.settings, policy)
    }

    fn read(&self, topic: Option<&str>, body: &[u8], policy: &Policy) -> Result<Draft, Rejection> {
        let order = object(body)?;
        reject_error_body(&order)?;
        match Subject::of(topic, &order) {
            Subject::Order => self.order(order, policy),
            Subject::Deleted => {
                let text = "an order was deleted; what was reported stays reported";
                let mut rejection = Rejection::expected("order_deleted", text);
                rejection.order_id = order.get("id").and_then(values::id_text);
                Err(rejection)
            }
            Subject::Action => {
                let text = "an action webhook carries only the order's number; use the topics Order created and \
                            Order updated instead";
                Err(Rejection::expected("order_action", text))
            }
            Subject::Other => {
                let text = "products, customers and coupons are no conversions; this webhook can be removed";
                Err(Rejection::expected("not_an_order", text))
            }
            Subject::Unknown => {
                let text = "the body is no order: it has neither a topic nor the fields of one";
                Err(Rejection::new("order_invalid", text))
            }
        }
    }
}

impl Source for WooCommerce {
    fn name(&self) -> &'static str {
        NAME
    }

    fn authenticate(&self, request: &Request<'_>) -> Result<(), AuthError> {
        let Some(signature) = request.headers.get(SIGNATURE) else {
            if is_handshake(request) {
                return Ok(());
            }
            return Err(AuthError::Missing("the delivery is not signed: X-WC-Webhook-Signature is missing"));
        };
        let unreadable = AuthError::Wrong("the signature is not base64 of an HMAC-SHA256");
        let signature = signature.to_str().map_err(|_| unreadable)?;
        signature::check(signature, request.body, &self.settings.secrets)
    }

    fn decode(&self, request: &Request<'_>, site: &Site) -> Decoded {
        if is_handshake(request) {
            return Decoded { handshake: true, ..Decoded::default() };
        }
        let part = self.read(request.header(TOPIC), request.body, &site.policy);
        Decoded { parts: vec![part], ..Decoded::default() }
    }

    fn plugin(&self) -> Option<Plugin<'_>> {
        Some(Plugin::of(&self.settings))
    }

    fn sweep(&self) -> Option<Sweep<'_>> {
        Sweep::of(&self.settings)
    }

    fn sale_event_id(&self) -> Option<&str> {
        Some(self.settings.event_id.template())
    }

    fn reports_totals(&self) -> bool {
        self.settings.value == settings::ValueOf::Total
    }
}

fn is_handshake(request: &Request<'_>) -> bool {
    !request.headers.contains_key(TOPIC)
        && !request.headers.contains_key(SIGNATURE)
        && signature::is_ping(request.body)
}

/// What a delivery is about.
enum Subject {
    Order,
    Deleted,
    Action,
    Other,
    Unknown,
}

impl Subject {
    /// By the topic, which is not signed but cannot make an order of anything that is none; else by the fields.
    fn of(topic: Option<&str>, body: &Map<String, Value>) -> Self {
        match topic.map(str::trim).filter(|t| !t.is_empty()) {
            Some("order.deleted") => Self::Deleted,
            Some(topic) if topic.starts_with("order.") => Self::Order,
            Some(topic) if topic.starts_with("action.") => Self::Action,
            Some(_) => Self::Other,
            None if body.contains_key("line_items") && body.contains_key("status") => Self::Order,
            None if body.contains_key("action") && body.contains_key("arg") => Self::Action,
            None if body.len() == 1 && body.contains_key("id") => Self::Deleted,
            None => Self::Unknown,
        }
    }
}

fn object(body: &[u8]) -> Result<Map<String, Value>, Rejection> {
    if std::str::from_utf8(body).is_err() {
        return Err(Rejection::new("body_not_utf8", "the body is not UTF-8 text"));
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err(Rejection::new("body_not_object", "the body is not a JSON object")),
        Err(error) => {
            let place =
                format!("the body is not valid JSON, at line {}, column {}", error.line(), error.column());
            Err(Rejection::new("json_invalid", place))
        }
    }
}

/// A webhook set to an old API version delivers that API's error, signed, under an order's topic.
fn reject_error_body(body: &Map<String, Value>) -> Result<(), Rejection> {
    let is_error =
        body.get("code").and_then(Value::as_str).is_some_and(|c| c.starts_with("woocommerce_rest_"));
    if !is_error || body.contains_key("status") {
        return Ok(());
    }
    let text = "WooCommerce delivered an error instead of the order. In the webhook's settings, set API version to \
                WP REST API Integration v3";
    Err(Rejection::new("wrong_api_version", text))
}
