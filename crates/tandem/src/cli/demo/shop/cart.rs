//! Carts, kept in memory under a cookie.

use std::collections::{HashMap, VecDeque};

use axum::http::{HeaderMap, HeaderValue};
use minijinja::{Value, context};

use super::catalogue::Product;
use super::money::Cents;

/// The shop's own session; nothing of the gateway's.
const COOKIE: &str = "shop_session";
/// Carts that are kept; the oldest go first.
const MOST_CARTS: usize = 1_000;
/// Pieces of one product.
pub(super) const MOST_PIECES: u32 = 9;

const SHIPPING: Cents = Cents(4_90);
const FREE_FROM: Cents = Cents(60_00);

/// So many pieces of a product.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) product: &'static Product,
    pub(super) quantity: u32,
}

impl Line {
    pub(super) fn total(&self) -> Cents {
        self.product.price * self.quantity
    }
}

/// What somebody is about to buy, or has bought.
#[derive(Debug, Clone, Default)]
pub(super) struct Cart {
    pub(super) lines: Vec<Line>,
}

impl Cart {
    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    pub(super) fn pieces(&self) -> u32 {
        self.lines.iter().map(|line| line.quantity).sum()
    }

    pub(super) fn goods(&self) -> Cents {
        self.lines.iter().map(Line::total).sum()
    }

    pub(super) fn shipping(&self) -> Cents {
        if self.is_empty() || self.goods() >= FREE_FROM { Cents(0) } else { SHIPPING }
    }

    pub(super) fn total(&self) -> Cents {
        self.goods() + self.shipping()
    }

    pub(super) fn add(&mut self, product: &'static Product, quantity: u32) {
        match self.lines.iter_mut().find(|line| line.product.sku == product.sku) {
            Some(line) => line.quantity = (line.quantity + quantity).min(MOST_PIECES),
            None => self.lines.push(Line { product, quantity: quantity.min(MOST_PIECES) }),
        }
    }

    /// None takes the product out.
    pub(super) fn set(&mut self, sku: &str, quantity: u32) {
        for line in self.lines.iter_mut().filter(|line| line.product.sku == sku) {
            line.quantity = quantity.min(MOST_PIECES);
        }
        self.lines.retain(|line| line.quantity > 0);
    }

    /// For a page.
    pub(super) fn view(&self) -> Value {
        let line = |line: &Line| {
            let (product, quantity, total) = (line.product.view(), line.quantity, line.total().to_string());
            context! { product, quantity, total }
        };
        let lines: Vec<Value> = self.lines.iter().map(line).collect();
        let (goods, shipping, total) = (self.goods(), self.shipping(), self.total());
        context! {
            lines, goods => goods.to_string(), total => total.to_string(), pieces => self.pieces(),
            shipping => (shipping > Cents(0)).then(|| shipping.to_string()),
        }
    }
}

/// All carts.
#[derive(Debug, Default)]
pub(super) struct Carts {
    by_session: HashMap<String, Cart>,
    oldest_first: VecDeque<String>,
}

impl Carts {
    /// The cart of the request's session, empty when there is none.
    pub(super) fn of(&self, headers: &HeaderMap) -> Cart {
        session(headers).and_then(|id| self.by_session.get(id)).cloned().unwrap_or_default()
    }

    /// Changes the cart; gives the cookie to set when the session is new.
    pub(super) fn change(
        &mut self,
        headers: &HeaderMap,
        change: impl FnOnce(&mut Cart),
    ) -> Option<HeaderValue> {
        if let Some(cart) = session(headers).and_then(|id| self.by_session.get_mut(id)) {
            change(cart);
            return None;
        }
        let id = super::token();
        change(self.by_session.entry(id.clone()).or_default());
        self.oldest_first.push_back(id.clone());
        if self.oldest_first.len() > MOST_CARTS
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.by_session.remove(&oldest);
        }
        HeaderValue::from_str(&format!("{COOKIE}={id}; Path=/; HttpOnly; SameSite=Lax")).ok()
    }
}

fn session(headers: &HeaderMap) -> Option<&str> {
    super::cookie(headers, COOKIE)
}
