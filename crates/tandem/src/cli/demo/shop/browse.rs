//! Looking around and filling the cart.

use std::sync::Arc;

use axum::Form;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use minijinja::context;
use serde::Deserialize;
use serde_json::{Value, json};

use super::catalogue::{self, PRODUCTS};
use super::pages::Keep;
use super::{Shop, cart, layer, pages};

pub(super) async fn home(State(shop): State<Arc<Shop>>) -> Response {
    let items: Vec<Value> = PRODUCTS.iter().map(|product| layer::item(product, 1)).collect();
    let list = json!({ "item_list_id": "home", "item_list_name": "Home", "items": items });
    let products: Vec<_> = PRODUCTS.iter().map(catalogue::Product::view).collect();
    let push = layer::push("view_item_list", list);
    shop.pages.answer("home.html", Keep::Public, context! { products, push })
}

pub(super) async fn product(State(shop): State<Arc<Shop>>, Path(slug): Path<String>) -> Response {
    let Some(product) = catalogue::by_slug(&slug) else { return pages::missing(State(shop)).await };
    let push = layer::push("view_item", layer::of_product(product, 1));
    let item = layer::item(product, 1).to_string();
    let others: Vec<_> = PRODUCTS
        .iter()
        .filter(|other| other.sku != product.sku)
        .take(3)
        .map(catalogue::Product::view)
        .collect();
    let page = context! { product => product.view(), others, item, push, most => cart::MOST_PIECES };
    shop.pages.answer("product.html", Keep::Public, page)
}

pub(super) async fn cart(State(shop): State<Arc<Shop>>, headers: HeaderMap) -> Response {
    let cart = shop.carts().of(&headers);
    shop.pages.answer("cart.html", Keep::Private, context! { cart => cart.view(), most => cart::MOST_PIECES })
}

/// For the number beside the cart's link: pages that a cache may keep cannot know it.
pub(super) async fn count(State(shop): State<Arc<Shop>>, headers: HeaderMap) -> Response {
    let pieces = shop.carts().of(&headers).pieces();
    ([(header::CACHE_CONTROL, "no-store")], axum::Json(json!({ "pieces": pieces }))).into_response()
}

#[derive(Deserialize)]
pub(super) struct Wish {
    sku: String,
    #[serde(default = "one")]
    quantity: u32,
    /// `checkout` goes there at once.
    #[serde(default)]
    then: String,
}

fn one() -> u32 {
    1
}

/// Into the cart: by a form, which goes on to another page, or by script, which stays.
pub(super) async fn add(
    State(shop): State<Arc<Shop>>,
    headers: HeaderMap,
    Form(wish): Form<Wish>,
) -> Response {
    let Some(product) = catalogue::by_sku(&wish.sku) else { return pages::missing(State(shop)).await };
    let mut pieces = 0;
    let cookie = shop.carts().change(&headers, |cart| {
        cart.add(product, wish.quantity.max(1));
        pieces = cart.pieces();
    });
    let by_script =
        headers.get(header::ACCEPT).is_some_and(|accept| accept.as_bytes().starts_with(b"application/json"));
    let response = match wish.then.as_str() {
        _ if by_script => axum::Json(json!({ "pieces": pieces })).into_response(),
        "checkout" => Redirect::to("/checkout").into_response(),
        _ => Redirect::to("/cart").into_response(),
    };
    with_cookie(response, cookie)
}

#[derive(Deserialize)]
pub(super) struct Change {
    sku: String,
    quantity: u32,
}

pub(super) async fn change(
    State(shop): State<Arc<Shop>>,
    headers: HeaderMap,
    Form(change): Form<Change>,
) -> Response {
    let cookie = shop.carts().change(&headers, |cart| cart.set(&change.sku, change.quantity));
    with_cookie((StatusCode::SEE_OTHER, [(header::LOCATION, "/cart")]).into_response(), cookie)
}

fn with_cookie(mut response: Response, cookie: Option<HeaderValue>) -> Response {
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}
