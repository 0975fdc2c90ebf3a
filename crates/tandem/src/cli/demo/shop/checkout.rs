//! The checkout: a guest's data, and a way to pay.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Form;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use minijinja::context;
use minijinja::value::Serde;
use serde::{Deserialize, Serialize};

use super::orders::{Buyer, Method, Status};
use super::pages::Keep;
use super::report::Topic;
use super::{Shop, layer};

/// Where parcels go.
const COUNTRIES: &[(&str, &str)] = &[
    ("AT", "Austria"),
    ("BE", "Belgium"),
    ("DK", "Denmark"),
    ("FR", "France"),
    ("DE", "Germany"),
    ("IE", "Ireland"),
    ("IT", "Italy"),
    ("NL", "Netherlands"),
    ("PL", "Poland"),
    ("PT", "Portugal"),
    ("ES", "Spain"),
    ("SE", "Sweden"),
    ("CH", "Switzerland"),
    ("GB", "United Kingdom"),
    ("US", "United States"),
];

/// Longest text of a field.
const MOST_CHARS: usize = 120;

/// The form, with the names WooCommerce gives its fields.
#[derive(Debug, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Filled {
    billing_email: String,
    billing_phone: String,
    billing_first_name: String,
    billing_last_name: String,
    billing_address_1: String,
    billing_postcode: String,
    billing_city: String,
    billing_country: String,
    payment_method: String,
}

/// A sample buyer, so that nobody has to type: the address is kept for documentation, the number for films.
impl Default for Filled {
    fn default() -> Self {
        Self {
            billing_email: "ada.sample@example.com".to_owned(),
            billing_phone: "0176 04069012".to_owned(),
            billing_first_name: "Ada".to_owned(),
            billing_last_name: "Sample".to_owned(),
            billing_address_1: "Beispielweg 7".to_owned(),
            billing_postcode: "10115".to_owned(),
            billing_city: "Berlin".to_owned(),
            billing_country: "DE".to_owned(),
            payment_method: Method::Card.id().to_owned(),
        }
    }
}

impl Filled {
    /// What keeps the order from being placed, by field.
    fn problems(&self) -> BTreeMap<&'static str, &'static str> {
        let mut found = BTreeMap::new();
        let mut wants = |fine: bool, field, text| {
            if !fine {
                found.insert(field, text);
            }
        };
        let given = |text: &str| !text.trim().is_empty() && text.chars().count() <= MOST_CHARS;
        let (name, host) = self.billing_email.trim().split_once('@').unwrap_or_default();
        let email = given(&self.billing_email) && !name.is_empty() && host.contains('.');
        wants(email, "billing_email", "Enter an e-mail address like ada@example.com.");
        let phone = self.billing_phone.chars().count() <= MOST_CHARS;
        wants(phone, "billing_phone", "Enter a phone number, or leave it empty.");
        wants(given(&self.billing_first_name), "billing_first_name", "Enter your first name.");
        wants(given(&self.billing_last_name), "billing_last_name", "Enter your last name.");
        wants(given(&self.billing_address_1), "billing_address_1", "Enter street and number.");
        wants(given(&self.billing_postcode), "billing_postcode", "Enter your postcode.");
        wants(given(&self.billing_city), "billing_city", "Enter your town.");
        let country = COUNTRIES.iter().any(|(code, _)| *code == self.billing_country);
        wants(country, "billing_country", "Choose a country.");
        wants(Method::of(&self.payment_method).is_some(), "payment_method", "Choose how to pay.");
        found
    }

    fn buyer(&self, headers: &HeaderMap) -> Buyer {
        let text = |text: &str| text.trim().to_owned();
        let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
        Buyer {
            email: text(&self.billing_email),
            phone: text(&self.billing_phone),
            first_name: text(&self.billing_first_name),
            last_name: text(&self.billing_last_name),
            address: text(&self.billing_address_1),
            postcode: text(&self.billing_postcode),
            city: text(&self.billing_city),
            country: text(&self.billing_country),
            user_agent: agent.unwrap_or_default().to_owned(),
        }
    }
}

pub(super) async fn show(State(shop): State<Arc<Shop>>, headers: HeaderMap) -> Response {
    page(&shop, StatusCode::OK, &headers, &Filled::default())
}

fn page(shop: &Shop, status: StatusCode, headers: &HeaderMap, filled: &Filled) -> Response {
    let cart = shop.carts().of(headers);
    if cart.is_empty() {
        return Redirect::to("/cart").into_response();
    }
    let problems = if status == StatusCode::OK { BTreeMap::new() } else { filled.problems() };
    let data = layer::of_cart(&cart);
    let page = context! {
        cart => cart.view(), filled => Serde(filled), problems => Serde(problems), countries => Serde(COUNTRIES),
        ecommerce => data.to_string(), push => layer::push("begin_checkout", data),
        card => Method::Card.id(), bank => Method::Bank.id(),
    };
    shop.pages.answer_with(status, "checkout.html", Keep::Private, page)
}

/// Places the order. The server half leaves in the background; the answer does not wait for it.
pub(super) async fn place(
    State(shop): State<Arc<Shop>>,
    headers: HeaderMap,
    Form(filled): Form<Filled>,
) -> Response {
    let Some(method) = Method::of(&filled.payment_method).filter(|_| filled.problems().is_empty()) else {
        return page(&shop, StatusCode::UNPROCESSABLE_ENTITY, &headers, &filled);
    };
    let cart = shop.carts().of(&headers);
    if cart.is_empty() {
        return Redirect::to("/cart").into_response();
    }
    let now_ms = shop.gateway.clock.now_ms();
    let (buyer, said) = (filled.buyer(&headers), super::said(&headers));
    let order = shop.orders().place(cart, buyer, said, method, now_ms);
    if method == Method::Bank {
        // The cart stays until the bank says yes.
        let to = order.bank_at();
        shop.reporter.tell(vec![(Topic::Created, order)]);
        return Redirect::to(&to).into_response();
    }
    let paid = shop.orders().end(order.id, Status::Processing, now_ms);
    shop.carts().change(&headers, |cart| cart.lines.clear());
    let to = order.received_at();
    let states = [Some((Topic::Created, order)), paid.map(|order| (Topic::Updated, order))];
    shop.reporter.tell(states.into_iter().flatten().collect());
    Redirect::to(&to).into_response()
}
