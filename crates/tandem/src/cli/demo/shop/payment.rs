//! The bank's page, and the page the buyer ends on.

use std::sync::Arc;

use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use minijinja::value::Serde;
use minijinja::{Value, context};
use serde::Deserialize;

use super::orders::{Order, Status};
use super::pages::Keep;
use super::report::Topic;
use super::{Shop, layer, outcome, pages};

#[derive(Deserialize)]
pub(super) struct Key {
    #[serde(default)]
    key: String,
}

fn view(order: &Order) -> Value {
    let Order { id, key, cart, buyer, method, status, .. } = order;
    context! {
        id, key, cart => cart.view(), status => status.word(), method => method.title(),
        name => buyer.first_name.as_str(), event_id => order.event_id(),
    }
}

/// The bank is not the shop: no tag, no data layer, another face.
pub(super) async fn bank(
    State(shop): State<Arc<Shop>>,
    Path(id): Path<u64>,
    Query(Key { key }): Query<Key>,
) -> Response {
    let order = shop.orders().opened_with(id, &key).cloned();
    match order {
        Some(order) if order.status == Status::Pending => {
            shop.pages.answer("bank.html", Keep::Private, context! { order => view(&order), done => false })
        }
        Some(order) => Redirect::to(&order.received_at()).into_response(),
        None => pages::missing(State(shop)).await,
    }
}

#[derive(Deserialize)]
pub(super) struct Decision {
    #[serde(default)]
    key: String,
    /// `pay`, `pay-and-leave` or `cancel`.
    choice: String,
}

/// The bank tells the shop, and sends the buyer back, unless he closes the window first.
pub(super) async fn decide(
    State(shop): State<Arc<Shop>>,
    Path(id): Path<u64>,
    headers: HeaderMap,
    Form(Decision { key, choice }): Form<Decision>,
) -> Response {
    let Some(order) = shop.orders().opened_with(id, &key).cloned() else {
        return pages::missing(State(shop)).await;
    };
    let status = if choice == "cancel" { Status::Cancelled } else { Status::Processing };
    let now_ms = shop.gateway.clock.now_ms();
    let ended = shop.orders().end(id, status, now_ms);
    // Pressed twice, it is decided already.
    let Some(ended) = ended else { return Redirect::to(&order.received_at()).into_response() };
    if status == Status::Processing {
        shop.carts().change(&headers, |cart| cart.lines.clear());
    }
    shop.reporter.tell(vec![(Topic::Updated, ended)]);
    if choice == "pay-and-leave" {
        return shop.pages.answer(
            "bank.html",
            Keep::Private,
            context! { order => view(&order), done => true },
        );
    }
    Redirect::to(&order.received_at()).into_response()
}

/// The thank-you page. Each load pushes the sale to the data layer, as in many shops; it counts once.
pub(super) async fn received(
    State(shop): State<Arc<Shop>>,
    Path(id): Path<u64>,
    headers: HeaderMap,
    Query(Key { key }): Query<Key>,
) -> Response {
    let Some(order) = shop.orders().opened_with(id, &key).cloned() else {
        return pages::missing(State(shop)).await;
    };
    let push = order.paid_ms.map(|_| {
        let mut sale = layer::of_cart(&order.cart);
        sale["transaction_id"] = order.id.to_string().into();
        sale["shipping"] = order.cart.shipping().number().into();
        sale["tax"] = 0.into();
        layer::push("purchase", sale)
    });
    let outcome = outcome::of_order(&shop, &order, super::said(&headers)).await;
    let page = context! { order => view(&order), push, outcome => Serde(outcome) };
    shop.pages.answer("received.html", Keep::Private, page)
}
