//! A shop's own list of orders, asked as WooCommerce's REST API is: `GET /wp-json/wc/v3/orders`.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Query, State};
use serde_json::Value;

type Orders = Arc<Mutex<Vec<Value>>>;

pub(crate) struct FakeShop {
    pub(crate) address: SocketAddr,
    orders: Orders,
    _runtime: tokio::runtime::Runtime,
}

impl FakeShop {
    pub(crate) fn open() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime for the shop");
        let orders = Orders::default();
        let router = axum::Router::new()
            .route("/wp-json/wc/v3/orders", axum::routing::get(list))
            .with_state(orders.clone());
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let address = listener.local_addr().expect("its address");
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { address, orders, _runtime: runtime }
    }

    pub(crate) fn put(&self, order: Value) {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner).push(order);
    }
}

async fn list(
    State(orders): State<Orders>,
    Query(query): Query<HashMap<String, String>>,
) -> axum::Json<Vec<Value>> {
    let word = |name: &str| query.get(name).cloned().unwrap_or_default();
    let modified = |order: &Value| order["date_modified_gmt"].as_str().unwrap_or_default().to_owned();
    let mut orders = orders.lock().unwrap_or_else(PoisonError::into_inner).clone();
    orders.retain(|order| {
        modified(order) > word("modified_after") && modified(order) < word("modified_before")
    });
    if word("page") != "1" {
        orders.clear();
    }
    axum::Json(orders)
}
