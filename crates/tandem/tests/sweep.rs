//! The shop's own list of orders as the net: a shop that answers as WooCommerce's REST API does, the real binary, and a
//! webhook that never came.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod harness;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use harness::{Client, Gateway, Home, PIXEL, StandIn, now_s, until};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

const WEBHOOK: &str = "test-webhook-secret";

/// `GET /wp-json/wc/v3/orders`, over orders that a test puts there.
struct FakeShop {
    address: SocketAddr,
    state: Arc<Shelf>,
    _runtime: tokio::runtime::Runtime,
}

#[derive(Default)]
struct Shelf {
    orders: Mutex<Vec<Value>>,
    /// Query strings of the questions, in order.
    asked: Mutex<Vec<HashMap<String, String>>>,
}

impl FakeShop {
    fn open(orders: Vec<Value>) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let state = Arc::new(Shelf { orders: Mutex::new(orders), ..Shelf::default() });
        let router = axum::Router::new()
            .route("/wp-json/wc/v3/orders", axum::routing::get(list))
            .with_state(state.clone());
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { address, state, _runtime: runtime }
    }

    fn put(&self, order: Value) {
        self.state.orders.lock().unwrap().push(order);
    }

    fn asked(&self) -> Vec<HashMap<String, String>> {
        self.state.asked.lock().unwrap().clone()
    }
}

async fn list(
    State(shelf): State<Arc<Shelf>>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    let expected = format!("Basic {}", BASE64_STANDARD.encode("ck_key:cs_secret"));
    if headers.get("authorization").is_none_or(|given| given.as_bytes() != expected.as_bytes()) {
        let body = json!({"code": "woocommerce_rest_cannot_view", "message": "no", "data": {"status": 401}});
        return (StatusCode::UNAUTHORIZED, axum::Json(body)).into_response();
    }
    let word = |name: &str| query.get(name).cloned().unwrap_or_default();
    assert_eq!([word("dates_are_gmt"), word("orderby"), word("order")], ["true", "modified", "asc"]);
    let modified = |order: &Value| order["date_modified_gmt"].as_str().unwrap_or_default().to_owned();
    let mut orders: Vec<Value> = shelf.orders.lock().unwrap().clone();
    orders.retain(|order| {
        modified(order) > word("modified_after") && modified(order) < word("modified_before")
    });
    orders.sort_by_key(|order| (modified(order), order["id"].as_i64()));
    let (page, per_page): (usize, usize) = (word("page").parse().unwrap(), word("per_page").parse().unwrap());
    let body: Vec<Value> = orders.into_iter().skip((page - 1) * per_page).take(per_page).collect();
    shelf.asked.lock().unwrap().push(query);
    axum::Json(body).into_response()
}

/// A paid order, modified so many seconds ago.
fn order(id: u32, ago_s: i64) -> Value {
    let at = jiff::Timestamp::from_second(now_s() - ago_s).unwrap().to_string();
    let at = at.trim_end_matches('Z');
    json!({
        "id": id, "number": id.to_string(), "parent_id": 0, "status": "processing", "currency": "EUR", "total": "19.99",
        "discount_total": "0.00", "shipping_total": "0.00", "total_tax": "0.00", "date_created_gmt": at,
        "date_modified_gmt": at, "date_paid_gmt": at, "date_completed_gmt": null, "payment_method": "stripe",
        "created_via": "checkout", "customer_id": 0, "customer_ip_address": "203.0.113.7",
        "customer_user_agent": "Mozilla/5.0", "billing": {"email": format!("buyer-{id}@example.com"), "country": "DE"},
        "line_items": [{"id": 1, "product_id": 13, "name": "Mug", "quantity": 1, "total": "19.99", "sku": "SKU-1"}],
        "fee_lines": [], "shipping_lines": [], "coupon_lines": [], "refunds": [], "meta_data": [],
    })
}

fn sites(stand_in: &StandIn, shop: &FakeShop, key: &str) -> String {
    format!(
        r#"
        [[site]]
        id = "shop"
        consent.on_unknown = "grant"
        [site.sources.woocommerce]
        secrets = ["{WEBHOOK}"]
        [site.sources.woocommerce.sweep]
        url = "http://{}/"
        consumer_key = "{key}"
        consumer_secret = "cs_secret"
        [site.destinations.tiktok]
        pixel_id = "{PIXEL}"
        access_token = "{}"
        base_url = "{}"
        "#,
        shop.address,
        harness::ACCESS_TOKEN,
        stand_in.base_url()
    )
}

fn webhook(gateway: &Gateway, order: &Value) {
    let body = order.to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(WEBHOOK.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    let signature = BASE64_STANDARD.encode(mac.finalize().into_bytes());
    let headers = [("x-wc-webhook-topic", "order.updated"), ("x-wc-webhook-signature", signature.as_str())];
    let answer =
        Client::new(gateway.public).call("POST", "/webhooks/woocommerce/shop", &headers, body.as_bytes());
    assert_eq!(answer.unwrap().status, 200);
}

/// Orders counted, and how often each.
fn counted(stand_in: &StandIn) -> Vec<String> {
    let conversions = stand_in.sandbox.conversions().conversions;
    let mut ids: Vec<String> = conversions.into_iter().filter_map(|c| c.order_id).collect();
    ids.sort_unstable();
    ids
}

fn swept(gateway: &Gateway, result: &str) -> u64 {
    let metrics = gateway.get("/metrics").text();
    let line = format!("tandem_swept_orders_total{{site=\"shop\",result=\"{result}\"}} ");
    metrics.lines().find_map(|l| l.strip_prefix(&line)).map_or(0, |count| count.parse().unwrap())
}

#[test]
fn orders_that_nobody_brought_are_found_and_the_others_stay_counted_once() {
    let stand_in = StandIn::start();
    // A bulk edit: more orders in one second than an answer holds. Some are not paid, one is not an order at all.
    let mut orders: Vec<Value> = (1..=120).map(|id| order(id, 3_600)).collect();
    orders.extend((201..=260).map(|id| order(id, 1_800 - i64::from(id))));
    for unpaid in &mut orders[..5] {
        unpaid["status"] = "pending".into();
        unpaid["date_paid_gmt"] = Value::Null;
    }
    orders.push(json!({"id": 900, "date_modified_gmt": orders[10]["date_modified_gmt"], "status": 7}));
    orders.push(order(300, 10));
    let shop = FakeShop::open(orders.clone());
    let home = Home::new(&sites(&stand_in, &shop, "ck_key"));
    let gateway = home.start();
    until("the list was looked through", || swept(&gateway, "found") == 175);
    gateway.drain();
    let expected = |more: &[u32]| {
        let mut ids: Vec<String> =
            (6..=120).chain(201..=260).chain(more.iter().copied()).map(|id| id.to_string()).collect();
        ids.sort_unstable();
        ids
    };
    assert_eq!(counted(&stand_in), expected(&[]), "not yet order 300: its webhook may still come");
    let event = gateway.records("events").into_iter().find(|e| e["event_id"] == "wc_order_201").unwrap();
    assert!(event.to_string().contains("found_by_sweep"), "{event}");
    let asked = shop.asked();
    assert!(asked.iter().any(|query| query["page"] == "2"), "{asked:?}");
    assert!(!gateway.log().contains("cs_secret"), "{}", gateway.log());

    // The webhooks come after all, for some, and one order is new. A restart looks through everything again.
    for known in orders.iter().take(40).skip(5) {
        webhook(&gateway, known);
    }
    gateway.kill();
    shop.put(order(301, 900));
    let gateway = home.start();
    // The last page of the look holds order 301.
    until("the list was looked through again", || swept(&gateway, "found") == 1);
    gateway.drain();
    assert_eq!(counted(&stand_in), expected(&[301]));
}

#[test]
fn a_shop_that_refuses_is_named_with_what_to_do() {
    let stand_in = StandIn::start();
    let shop = FakeShop::open(vec![order(1, 3_600)]);
    let home = Home::new(&sites(&stand_in, &shop, "ck_wrong"));
    let gateway = home.start();
    until("the look failed", || swept(&gateway, "failed") == 1);
    until("the log says why", || gateway.log().contains("the shop refuses the key (HTTP 401)"));
    assert_eq!(counted(&stand_in), Vec::<String>::new());
    assert!(gateway.stop().success());
}

#[test]
fn a_key_is_not_sent_in_the_open() {
    let stand_in = StandIn::start();
    let shop = FakeShop::open(Vec::new());
    let open = sites(&stand_in, &shop, "ck_key").replace("http://127.0.0.1", "http://shop.example");
    let Err(end) = Home::new(&open).try_start(&[]) else { panic!("it started") };
    assert!(end.log.contains("sweep.url must begin with https://"), "{}", end.log);
}
