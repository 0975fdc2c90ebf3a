//! What the pages say to the data layer, in GA4's words.

use minijinja::Value as Safe;
use serde_json::{Value, json};

use super::cart::{Cart, Line};
use super::catalogue::Product;

/// Everything is sold in it.
pub(super) const CURRENCY: &str = "EUR";

const BRAND: &str = "Saltmarsh";

/// A product as GA4 describes it.
pub(super) fn item(product: &Product, quantity: u32) -> Value {
    json!({
        "item_id": product.sku,
        "item_name": product.name,
        "item_category": product.category,
        "item_brand": BRAND,
        "price": product.price.number(),
        "quantity": quantity,
    })
}

/// Some pieces of one product.
pub(super) fn of_product(product: &Product, quantity: u32) -> Value {
    let value = (product.price * quantity).number();
    json!({ "currency": CURRENCY, "value": value, "items": [item(product, quantity)] })
}

/// A whole cart, shipping included: what the order's total will be.
pub(super) fn of_cart(cart: &Cart) -> Value {
    let items: Vec<Value> =
        cart.lines.iter().map(|Line { product, quantity }| item(product, *quantity)).collect();
    json!({ "currency": CURRENCY, "value": cart.total().number(), "items": items })
}

/// JSON that may stand inside a page's script.
pub(super) fn in_script(value: &Value) -> Safe {
    Safe::from_safe_string(value.to_string().replace('<', "\\u003c"))
}

/// `{event, ecommerce}` for a page's script to push.
pub(super) fn push(event: &str, ecommerce: Value) -> Safe {
    in_script(&json!({ "event": event, "ecommerce": ecommerce }))
}
