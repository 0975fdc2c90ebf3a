//! The captured orders the demo plays, and what should come of them.

use super::consent::Answer::{self, Accepted, Declined};
use super::consent::Said;

/// A capture and the demo's own additions: the store it is from had no banner.
pub(super) struct Played {
    pub(super) text: &'static str,
    pub(super) said: Said,
    /// The same order once more, under another number.
    pub(super) number: Option<u64>,
}

impl Played {
    const fn accepted(text: &'static str) -> Self {
        Self { text, said: Said { answer: Some(Accepted), gpc: false }, number: None }
    }

    const fn again(self, number: u64, answer: Option<Answer>) -> Self {
        Self { said: Said { answer, gpc: false }, number: Some(number), ..self }
    }
}

const CREATED_AND_PAID: &str =
    include_str!("../../../demo/03a-order-created-guest-cash-on-delivery-processing-at-once-withou.json");
const WITH_COUPON: &str =
    include_str!("../../../demo/06b-order-created-prices-include-tax-coupon-unicode-product-name-w.json");

/// In the order they are played.
pub(super) const PLAYED: &[Played] = &[
    Played::accepted(include_str!(
        "../../../demo/01a-order-created-guest-redirect-gateway-order-created-while-pendi.json"
    )),
    Played::accepted(include_str!(
        "../../../demo/01b-order-updated-same-order-payment-complete-pending-to-processin.json"
    )),
    Played::accepted(include_str!("../../../demo/01c-order-updated-same-order-processing-to-completed.json")),
    Played::accepted(CREATED_AND_PAID),
    Played::accepted(include_str!(
        "../../../demo/04a-order-created-jpy-store-with-0-decimals-tax-10-classic-checkou.json"
    )),
    Played::accepted(include_str!("../../../demo/05a-order-created-kwd-store-with-3-decimals.json")),
    Played::accepted(WITH_COUPON),
    Played::accepted(include_str!("../../../demo/09a-order-created-order-created-pending-buyer-leaves.json")),
    Played::accepted(include_str!("../../../demo/09d-order-updated-payment-failed.json")),
    Played::accepted(include_str!(
        "../../../demo/09e-order-updated-retry-succeeds-failed-to-processing.json"
    )),
    Played::accepted(include_str!(
        "../../../demo/10a-order-created-order-meta-carries-click-ids-in-underscore-keys.json"
    )),
    Played::accepted(WITH_COUPON).again(60, Some(Declined)),
    Played::accepted(CREATED_AND_PAID).again(61, None),
    Played::accepted(include_str!(
        "../../../demo/17a-order-deleted-order-moved-to-trash-body-is-only-the-id.json"
    )),
    Played::accepted(include_str!(
        "../../../demo/20-order-updated-one-payment-seen-by-four-order-updated-webhooks-api-v1-error-body.json"
    )),
];

/// Purchases that must be counted, once each: event id, value, currency.
pub(super) const COUNTED: &[(&str, &str, &str)] = &[
    ("wc_order_25", "27.61", "USD"),
    ("wc_order_27", "27.61", "USD"),
    ("wc_order_30", "6543", "JPY"),
    ("wc_order_33", "22.875", "KWD"),
    ("wc_order_48", "81.14", "EUR"),
    ("wc_order_54", "27.61", "USD"),
    ("wc_order_55", "27.61", "USD"),
];

/// Purchases that must not be sent: event id, code and ruling on record.
pub(super) const NOT_SENT: &[(&str, &str, &str)] = &[
    ("wc_order_60", "consent_denied", "suppress:order_consent"),
    ("wc_order_61", "consent_unknown", "suppress:no_signal"),
];
