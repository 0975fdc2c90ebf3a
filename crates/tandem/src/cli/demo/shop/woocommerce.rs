//! An order as WooCommerce's REST API, version 3, writes it.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::cart::Line;
use super::orders::{Buyer, Order, Status};
use super::{VISITOR_ADDRESS, layer};

/// Puts the order into the body of a captured one.
pub(super) fn body(captured: &Value, order: &Order) -> Value {
    let mut body = captured.clone();
    let Some(fields) = body.as_object_mut() else { return body };
    let own = [times(order), money(order), people(order), payment(order)];
    for (name, value) in own.into_iter().filter_map(|part| part.as_object().cloned()).flatten() {
        fields.insert(name, value);
    }
    body
}

/// The shop keeps its books in UTC, so local and GMT are the same.
fn times(order: &Order) -> Value {
    let written = |ms: i64| {
        let moment = Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH);
        moment.strftime("%Y-%m-%dT%H:%M:%S").to_string()
    };
    let (made, changed, paid) =
        (written(order.made_ms), written(order.changed_ms), order.paid_ms.map(written));
    json!({
        "id": order.id, "number": order.id.to_string(), "status": order.status.word(),
        "date_created": made, "date_created_gmt": made,
        "date_modified": changed, "date_modified_gmt": changed,
        "date_paid": paid, "date_paid_gmt": paid,
        "date_completed": null, "date_completed_gmt": null,
        "order_key": order.key,
    })
}

/// Prices are what they are: the demo pays no taxes.
fn money(order: &Order) -> Value {
    let cart = &order.cart;
    let shipping = cart.shipping().to_string();
    let line = |(at, line): (usize, &Line)| {
        let (product, total) = (line.product, line.total().to_string());
        json!({
            "id": at + 1, "name": product.name, "product_id": product.id, "variation_id": 0,
            "quantity": line.quantity, "tax_class": "", "subtotal": total, "subtotal_tax": "0.00",
            "total": total, "total_tax": "0.00", "taxes": [], "meta_data": [], "sku": product.sku,
            "global_unique_id": "", "price": product.price.number(), "image": { "id": "", "src": "" },
            "parent_name": null,
        })
    };
    json!({
        "currency": layer::CURRENCY, "currency_symbol": "€", "prices_include_tax": true,
        "discount_total": "0.00", "discount_tax": "0.00", "shipping_total": shipping, "shipping_tax": "0.00",
        "cart_tax": "0.00", "total": cart.total().to_string(), "total_tax": "0.00",
        "line_items": cart.lines.iter().enumerate().map(line).collect::<Vec<_>>(),
        "tax_lines": [], "fee_lines": [], "coupon_lines": [], "refunds": [],
        "shipping_lines": [{
            "id": 90, "method_title": "Parcel", "method_id": "flat_rate", "instance_id": "1", "total": shipping,
            "total_tax": "0.00", "taxes": [], "tax_status": "none", "meta_data": [],
        }],
    })
}

/// What the buyer said of consent, as a plugin writes it. No click id and no landing page: this shop's attribution is off, as it is wherever a blocker stops it. What the
/// order gets of that, it gets from the visit that the page's script told.
fn people(order: &Order) -> Value {
    let Buyer { email, phone, first_name, last_name, address, postcode, city, country, user_agent } =
        &order.buyer;
    let shipping = json!({
        "first_name": first_name, "last_name": last_name, "company": "", "address_1": address, "address_2": "",
        "city": city, "state": "", "postcode": postcode, "country": country, "phone": phone,
    });
    let mut billing = shipping.clone();
    billing["email"] = email.as_str().into();
    let mut meta = vec![json!({ "id": 1, "key": "is_vat_exempt", "value": "no" })];
    meta.extend(order.said.meta());
    json!({
        "customer_id": 0, "customer_ip_address": VISITOR_ADDRESS, "customer_user_agent": user_agent,
        "created_via": "checkout", "billing": billing, "shipping": shipping,
        "meta_data": meta,
    })
}

fn payment(order: &Order) -> Value {
    let paid = order.status == Status::Processing;
    json!({
        "payment_method": order.method.id(), "payment_method_title": order.method.title(),
        "transaction_id": if paid { format!("demo_{}", order.id) } else { String::new() },
        "needs_payment": order.status == Status::Pending, "needs_processing": true,
        "payment_url": "", "cart_hash": order.key.trim_start_matches("wc_order_"), "_links": {},
    })
}
