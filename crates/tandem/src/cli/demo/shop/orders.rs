//! Orders, kept in memory.

use std::collections::BTreeMap;

use super::FIRST_ORDER;
use super::cart::Cart;
use crate::cli::demo::consent::Said;

/// Orders that are kept; the oldest go first.
const MOST_ORDERS: usize = 1_000;

/// How it is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    /// At once, on the shop's own page.
    Card,
    /// On the bank's pages, which send the buyer back.
    Bank,
}

impl Method {
    /// WooCommerce's id of a payment method; the checkout form uses the same.
    pub(super) fn id(self) -> &'static str {
        match self {
            Self::Card => "demo_card",
            Self::Bank => "demo_bank",
        }
    }

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Card => "Card",
            Self::Bank => "Bank redirect",
        }
    }

    pub(super) fn of(id: &str) -> Option<Self> {
        [Self::Card, Self::Bank].into_iter().find(|method| method.id() == id)
    }
}

/// WooCommerce's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Pending,
    Processing,
    Cancelled,
}

impl Status {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Processing => "processing",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Who buys.
#[derive(Debug, Clone, Default)]
pub(super) struct Buyer {
    pub(super) email: String,
    pub(super) phone: String,
    pub(super) first_name: String,
    pub(super) last_name: String,
    pub(super) address: String,
    pub(super) postcode: String,
    pub(super) city: String,
    pub(super) country: String,
    pub(super) user_agent: String,
}

#[derive(Debug, Clone)]
pub(super) struct Order {
    pub(super) id: u64,
    /// Opens the order's pages.
    pub(super) key: String,
    pub(super) cart: Cart,
    pub(super) buyer: Buyer,
    /// What the buyer had said of consent by then.
    pub(super) said: Said,
    pub(super) method: Method,
    pub(super) status: Status,
    pub(super) made_ms: i64,
    pub(super) changed_ms: i64,
    pub(super) paid_ms: Option<i64>,
}

impl Order {
    /// Where the buyer comes back to.
    pub(super) fn received_at(&self) -> String {
        format!("/checkout/order-received/{}/?key={}", self.id, self.key)
    }

    /// Where the buyer pays.
    pub(super) fn bank_at(&self) -> String {
        format!("/bank/{}?key={}", self.id, self.key)
    }

    /// The id under which both halves report it.
    pub(super) fn event_id(&self) -> String {
        format!("wc_order_{}", self.id)
    }
}

/// All orders.
#[derive(Debug)]
pub(super) struct Orders {
    next: u64,
    by_id: BTreeMap<u64, Order>,
}

impl Orders {
    /// Every run has numbers of its own: the buyer's browser remembers which orders its pages have reported.
    pub(super) fn starting_at(now_s: i64) -> Self {
        let next = FIRST_ORDER + now_s.unsigned_abs() % (9 * FIRST_ORDER);
        Self { next, by_id: BTreeMap::new() }
    }

    pub(super) fn place(
        &mut self,
        cart: Cart,
        buyer: Buyer,
        said: Said,
        method: Method,
        now_ms: i64,
    ) -> Order {
        let key = super::token();
        let order = Order {
            id: self.next,
            key: format!("wc_order_{}", &key[..13]),
            cart,
            buyer,
            said,
            method,
            status: Status::Pending,
            made_ms: now_ms,
            changed_ms: now_ms,
            paid_ms: None,
        };
        self.next += 1;
        self.by_id.insert(order.id, order.clone());
        if self.by_id.len() > MOST_ORDERS {
            self.by_id.pop_first();
        }
        order
    }

    pub(super) fn get(&self, id: u64) -> Option<&Order> {
        self.by_id.get(&id)
    }

    /// For whoever has the key.
    pub(super) fn opened_with(&self, id: u64, key: &str) -> Option<&Order> {
        self.get(id).filter(|order| order.key == key)
    }

    /// Pays or cancels an order; `None` when that was done before.
    pub(super) fn end(&mut self, id: u64, status: Status, now_ms: i64) -> Option<Order> {
        let order = self.by_id.get_mut(&id).filter(|order| order.status == Status::Pending)?;
        order.status = status;
        order.changed_ms = now_ms;
        order.paid_ms = (status == Status::Processing).then_some(now_ms);
        Some(order.clone())
    }
}
