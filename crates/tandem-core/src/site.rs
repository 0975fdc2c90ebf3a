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
    /// Set when the shop's pages have our script, so that visitors are remembered.
    pub sessions: Option<Rules>,
    /// Ids by which platforms know a browser (`fbp`) and that are made for those without one, as the site's destinations
    /// ask for.
    pub browser_ids: Vec<&'static str>,
    /// What the shop wants changed of its events.
    pub rules: Arc<crate::rules::Rules>,
    /// In which currency destinations want their money.
    pub reporting: crate::rates::Reporting,
}
