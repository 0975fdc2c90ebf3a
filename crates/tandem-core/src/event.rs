//! The canonical event: what every source makes and every destination reads.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Finding;
use crate::consent::Consent;
use crate::identity::MatchKeys;
use crate::money::{Amount, Currency};
use crate::session::Supply;

/// Which half of the hybrid reported the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// The visitor's browser told us.
    Browser,
    /// The shop's server told us.
    #[default]
    Server,
    /// It happened in a shop of bricks, or in a CRM; not on the web.
    Offline,
}

/// One line of a cart or an order.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Item {
    /// The id in the shop's catalogue feed; always text.
    pub content_id: String,
    /// Name shown to buyers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_name: Option<String>,
    /// Category path or name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_category: Option<String>,
    /// Brand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brand: Option<String>,
    /// Price of **one** piece, in the event's currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Amount>,
    /// Pieces; fractional where a shop sells by weight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<Amount>,
    /// The order line in the shop, to tell new lines from reported ones. Not sent to platforms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line_id: Option<String>,
}

/// The page the event happened on, without anything personal in its address.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Page {
    /// Address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Where the visitor came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub referrer: Option<String>,
    /// Document title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
}

impl Page {
    fn is_empty(&self) -> bool {
        self == &Self::default()
    }
}

/// One conversion event, clean: hashed, validated, with its consent frozen.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Event {
    /// The shop it belongs to.
    pub site: String,
    /// The way in, e.g. `woocommerce`.
    pub source: String,
    /// Browser or server half.
    pub channel: Channel,
    /// Standard or custom name, see [`crate::names`].
    pub event_name: String,
    /// The id both halves share; text, compared byte by byte.
    pub event_id: String,
    /// When it happened, Unix seconds UTC.
    pub event_time: i64,
    /// The shop's order id, where there is an order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_id: Option<String>,
    /// The number that people see on the order, where it is not [`Event::order_id`]: plugins number orders their own way.
    /// Not sent to platforms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_number: Option<String>,
    /// The order it grew out of: of an upsell, or of a subscription's renewal. Not sent to platforms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_order_id: Option<String>,
    /// Total in [`Event::currency`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Amount>,
    /// ISO 4217.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    /// `product` or `product_group`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// Lines of the cart or order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contents: Vec<Item>,
    /// What was searched for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search_string: Option<String>,
    /// Free text about the item or page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Further scalar properties, passed on as they are.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub properties: Map<String, Value>,
    /// Page.
    #[serde(default, skip_serializing_if = "Page::is_empty")]
    pub page: Page,
    /// Match keys, hashed.
    pub user: MatchKeys,
    /// No buyer was there when it happened: the shop's clock renewed a subscription, or its staff typed an order in.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unattended: bool,
    /// It is the page's word on a sale that the shop's server reports: it completes that one, and is sent nowhere.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub completes: bool,
    /// Our own visitor id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// Consent as it was when the event happened.
    pub consent: Consent,
    /// Asked for by the sender; consent can also ask for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub limited_data_use: bool,
    /// Where match keys came from that were not part of the event itself.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub supplied: BTreeMap<String, Supply>,
    /// Why it is taken for a machine's doing, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bot: Option<Cow<'static, str>>,
    /// What became of each platform's pixel on the page: `loaded`, `loading` or `blocked`. Where it was still loading, what
    /// the pages before it told in the same visit, if they did.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pixels: BTreeMap<String, String>,
    /// What the site's rules did to it; what a destination's rules do stands here too, and changes nothing else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<crate::rules::Applied>,
    /// Remarks made at the door.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
}

impl Event {
    /// Sum of price × quantity over the lines; `None` when a line has no price.
    #[must_use]
    pub fn items_total(&self) -> Option<Amount> {
        if self.contents.is_empty() {
            return None;
        }
        let one = Amount::new(1.into());
        self.contents
            .iter()
            .map(|i| i.price?.decimal().checked_mul(i.quantity.unwrap_or(one).decimal()))
            .try_fold(rust_decimal::Decimal::ZERO, |sum, line| sum.checked_add(line?))
            .map(Amount::new)
    }

    /// The event without what advertising needs: anything that names a person, a browser or a click. The visitor's own id
    /// stays, for statistics, and so do the ids that are for nothing else.
    #[must_use]
    pub fn without_identity(&self) -> Self {
        Self {
            user: MatchKeys { click_ids: self.user.click_ids.for_analytics(), ..MatchKeys::default() },
            page: Page {
                url: self.page.url.as_deref().map(crate::page::without_clicks),
                referrer: self.page.referrer.as_deref().map(crate::page::without_query),
                title: self.page.title.clone(),
            },
            supplied: BTreeMap::new(),
            pixels: BTreeMap::new(),
            ..self.clone()
        }
    }

    /// The event without anything that could lead to whoever did it: also the visitor's id, the order, addresses beyond
    /// the path, and every field that holds free text. Name, id, time and goods stay.
    #[must_use]
    pub fn anonymous(&self) -> Self {
        Self {
            user: MatchKeys::default(),
            session_id: None,
            order_id: None,
            order_number: None,
            parent_order_id: None,
            page: Page { url: self.page.url.as_deref().map(crate::page::without_query), ..Page::default() },
            search_string: None,
            description: None,
            properties: Map::new(),
            ..self.without_identity()
        }
    }

    /// Number of pieces over all lines.
    #[must_use]
    pub fn num_items(&self) -> Option<Amount> {
        if self.contents.is_empty() {
            return None;
        }
        let one = Amount::new(1.into());
        self.contents
            .iter()
            .try_fold(rust_decimal::Decimal::ZERO, |sum, i| {
                sum.checked_add(i.quantity.unwrap_or(one).decimal())
            })
            .map(Amount::new)
    }
}
