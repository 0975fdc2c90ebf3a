//! What every part needs to know about one shop.

use std::sync::Arc;

use crate::consent::{Gates, Policy};
use crate::money::Currency;
use crate::session::Rules;

/// One shop, as far as the pure parts care.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Site {
    /// Short name; part of every key.
    pub id: String,
    /// Used when an event carries a value and no currency.
    pub currency: Option<Currency>,
    /// ISO alpha-2; region of national phone numbers when the event names none.
    pub country: Option<String>,
    /// The shop's pages report the same events through the browser, so an event without an id cannot be paired.
    pub hybrid: bool,
    /// How consent is read.
    pub policy: Arc<Policy>,
    /// What each destination asks of it.
    pub gates: Gates,
    /// Set when visitors are remembered: the shop's pages have our script, or a tag that sends to us.
    pub sessions: Option<Rules>,
    /// Ids by which platforms know a browser (`fbp`) and that are made for those without one, as the site's destinations
    /// ask for.
    pub browser_ids: Vec<&'static str>,
    /// What the shop wants changed of its events.
    pub rules: Arc<crate::rules::Rules>,
    /// In which currency destinations want their money.
    pub reporting: crate::rates::Reporting,
    /// Event id of an order, with `{id}` or `{number}`, as the source that reports orders makes it.
    pub sale_event_id: Option<String>,
    /// How the shop's orders are compared with what was delivered and counted.
    pub reconcile: crate::reconcile::Settings,
}

/// Event ids of orders where no source of orders says otherwise.
pub const SALE_EVENT_ID: &str = "order_{id}";

impl Site {
    /// The event id of this order's sale.
    #[must_use]
    pub fn sale_id(&self, order: &str) -> String {
        let template = self.sale_event_id.as_deref().unwrap_or(SALE_EVENT_ID);
        template.replace("{id}", order).replace("{number}", order)
    }
}
