//! A small shop to click through: one purchase arrives twice and counts once.
//!
//! It does what a real shop does: its pages have the one-line tag, a data layer and a checkout; its server sends signed
//! webhooks; its "web server" hands the tag's path on to the gateway. The rest is for the visitor's eyes: a panel that
//! shows what the stand-in for TikTok received.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use axum::Router;
use axum::http::{HeaderMap, header};
use axum::routing::{any, get, post};
use serde_json::Value;
use tandem_gateway::transport::Http;
use tandem_gateway::{Gateway, ingest};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::consent::{self, Answer, Said};
use crate::app::App;

mod browse;
mod cart;
mod catalogue;
mod checkout;
mod layer;
mod money;
mod orders;
mod outcome;
mod pages;
mod payment;
mod proxy;
mod record;
mod report;
mod ruling;
mod strip;
mod woocommerce;
mod words;

/// The visitor's address for gateway and orders. Whoever looks at the demo comes from this very machine, and a loopback
/// address is no match key; this one is kept for documentation and belongs to nobody.
const VISITOR_ADDRESS: &str = "203.0.113.25";

/// Orders of the shop begin here; those of the captured webhooks are far below.
const FIRST_ORDER: u64 = 100_000;

/// What every handler needs.
struct Shop {
    pages: pages::Pages,
    carts: Mutex<cart::Carts>,
    orders: Mutex<orders::Orders>,
    reporter: report::Reporter,
    /// The public routes of the gateway, as behind a web server.
    upstream: Router,
    gateway: Arc<Gateway>,
    http: Http,
    sandbox: SocketAddr,
    /// Name of the visitor cookie.
    visitor_cookie: String,
}

impl Shop {
    fn carts(&self) -> MutexGuard<'_, cart::Carts> {
        self.carts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn orders(&self) -> MutexGuard<'_, orders::Orders> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A shop that is open.
pub(super) struct Open {
    pub(super) address: SocketAddr,
    task: JoinHandle<()>,
}

impl Open {
    pub(super) fn close(self) {
        self.task.abort();
    }
}

/// Opens the shop on a port of this machine.
///
/// # Errors
/// When the port is taken, or the gateway has no site for the shop's pages.
pub(super) async fn open(app: &App, sandbox: SocketAddr, port: u16, http: Http) -> anyhow::Result<Open> {
    let gateway = app.gateway.clone();
    let site = gateway.site("shop").context("the demo's site")?;
    let script = site.script.as_ref().context("the demo's script")?;
    let visitor_cookie = script.settings["cookie"].as_str().unwrap_or_default().to_owned();
    let path = script.path.clone();
    let shop = Arc::new(Shop {
        pages: pages::Pages::new(&script.tag(""), &path, sandbox)?,
        carts: Mutex::default(),
        orders: Mutex::new(orders::Orders::starting_at(gateway.clock.now_s())),
        reporter: report::Reporter::new(http.clone(), app.public)?,
        upstream: ingest::router(gateway.clone()),
        gateway,
        http,
        sandbox,
        visitor_cookie,
    });
    let listener = TcpListener::bind(("127.0.0.1", port)).await.context("cannot listen for the shop")?;
    let address = listener.local_addr()?;
    let router = router(shop, &path);
    let task = tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!(%error, "the demo shop ended");
        }
    });
    Ok(Open { address, task })
}

fn router(shop: Arc<Shop>, path: &str) -> Router {
    Router::new()
        .route("/", get(browse::home))
        .route("/product/{slug}", get(browse::product))
        .route("/cart", get(browse::cart).post(browse::change))
        .route("/cart/add", post(browse::add))
        .route("/cart.json", get(browse::count))
        .route("/checkout", get(checkout::show).post(checkout::place))
        .route("/checkout/order-received/{order}/", get(payment::received))
        .route("/bank/{order}", get(payment::bank).post(payment::decide))
        .route("/outcome", get(outcome::serve))
        .route("/record/{order}", get(record::serve))
        .route("/style.css", get(pages::style))
        .route("/shop.js", get(pages::script))
        .route("/consent.js", get(pages::consent_script))
        .route("/icon.svg", get(pages::icon))
        .route(&format!("{path}/{{*rest}}"), any(proxy::forward))
        .fallback(pages::missing)
        .with_state(shop)
}

/// Whether the stand-in counted it for somebody in this shop, not for a captured order.
pub(super) fn is_of_a_visitor(conversion: &Value) -> bool {
    let number = conversion["order_id"].as_str().and_then(|id| id.parse::<u64>().ok());
    conversion["event"] != "Purchase" || number.is_some_and(|number| number >= FIRST_ORDER)
}

/// The value of a cookie.
fn cookie<'a>(headers: &'a HeaderMap, wanted: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(|(name, _)| *name == wanted).map(|(_, value)| value).next()
}

/// What the visitor's browser says of consent.
fn said(headers: &HeaderMap) -> Said {
    let answer = cookie(headers, consent::COOKIE).and_then(Answer::of);
    let gpc = headers.get("sec-gpc").is_some_and(|value| value.as_bytes() == b"1");
    Said { answer, gpc }
}

/// 128 bits that nobody guesses: the keys of the standard library's hashing come from the system.
fn token() -> String {
    use std::hash::{BuildHasher, Hasher, RandomState};
    let word = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", word(), word())
}
