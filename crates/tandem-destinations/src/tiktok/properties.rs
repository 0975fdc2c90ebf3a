//! `properties`: what was seen, searched or bought.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use tandem_core::{Currency, Event, Item};

use super::currencies;
use super::map::Rules;
use crate::ContentType;
use crate::lines;
use crate::number::Digits;
use crate::wire::{extras, filled};

/// Names with a meaning of their own here: extra properties never take their place. `query` is the 1.0 name of
/// `search_string`, `content_id` and `content_ids` say what `contents` says, and `test_event_code` belongs elsewhere.
const KNOWN: [&str; 12] = [
    "content_id",
    "content_ids",
    "content_type",
    "contents",
    "currency",
    "description",
    "num_items",
    "order_id",
    "query",
    "search_string",
    "test_event_code",
    "value",
];

pub(super) struct Properties<'a> {
    contents: Contents<'a>,
    content_type: Option<ContentType>,
    money: Money,
    num_items: Option<Digits>,
    order_id: Option<&'a str>,
    search_string: Option<&'a str>,
    description: Option<&'a str>,
    extra: &'a Map<String, Value>,
}

/// `value` and its currency.
#[derive(Default)]
struct Money {
    value: Option<Digits>,
    currency: Option<Currency>,
}

/// A number without its currency would be read as another one, so where the currency cannot go, no amount goes.
fn sends_money(event: &Event, rules: &Rules) -> bool {
    event.currency.is_none_or(|c| currencies::supported(c) || (rules.unlisted_money && currencies::sent(c)))
}

impl<'a> Properties<'a> {
    pub(super) fn of(event: &'a Event, rules: &Rules) -> Self {
        let with_money = sends_money(event, rules);
        let money = if with_money {
            Money { value: event.value.and_then(Digits::of), currency: event.currency }
        } else {
            Money::default()
        };
        let contents = Contents { items: &event.contents, with_prices: with_money };
        let default_type = (!contents.is_empty()).then_some(rules.content_type);
        Self {
            content_type: event.content_type.as_deref().and_then(ContentType::parse).or(default_type),
            num_items: contents.num_items(),
            contents,
            money,
            order_id: filled(event.order_id.as_deref()),
            search_string: filled(event.search_string.as_deref()),
            description: filled(event.description.as_deref()),
            extra: &event.properties,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.contents.is_empty()
            && self.content_type.is_none()
            && self.money.value.is_none()
            && self.money.currency.is_none()
            && self.order_id.is_none()
            && self.search_string.is_none()
            && self.description.is_none()
            && extras(self.extra, &KNOWN).next().is_none()
    }
}

impl Serialize for Properties<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if !self.contents.is_empty() {
            map.serialize_entry("contents", &self.contents)?;
        }
        entry(&mut map, "content_type", self.content_type.as_ref())?;
        entry(&mut map, "currency", self.money.currency.as_ref())?;
        entry(&mut map, "value", self.money.value.as_ref())?;
        entry(&mut map, "num_items", self.num_items.as_ref())?;
        entry(&mut map, "order_id", self.order_id.as_ref())?;
        entry(&mut map, "search_string", self.search_string.as_ref())?;
        entry(&mut map, "description", self.description.as_ref())?;
        for (name, extra) in extras(self.extra, &KNOWN) {
            map.serialize_entry(name, &extra)?;
        }
        map.end()
    }
}

fn entry<M: SerializeMap, T: Serialize>(map: &mut M, name: &str, value: Option<&T>) -> Result<(), M::Error> {
    value.map_or(Ok(()), |v| map.serialize_entry(name, v))
}

/// The lines of a cart or an order.
#[derive(Clone, Copy)]
struct Contents<'a> {
    items: &'a [Item],
    with_prices: bool,
}

#[derive(Serialize)]
struct WireItem<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    content_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_category: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    brand: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    price: Option<Digits>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quantity: Option<Digits>,
}

impl<'a> WireItem<'a> {
    fn of(item: &'a Item, with_prices: bool) -> Option<Self> {
        let (price, quantity) = lines::pieces(item);
        let wire = Self {
            content_id: filled(Some(&item.content_id)),
            content_name: filled(item.content_name.as_deref()),
            content_category: filled(item.content_category.as_deref()),
            brand: filled(item.brand.as_deref()),
            price: price.filter(|_| with_prices),
            quantity,
        };
        let named = [wire.content_id, wire.content_name, wire.content_category, wire.brand];
        (named.iter().any(Option::is_some) || wire.price.is_some()).then_some(wire)
    }
}

impl<'a> Contents<'a> {
    fn wire(self) -> impl Iterator<Item = WireItem<'a>> {
        self.items.iter().filter_map(move |item| WireItem::of(item, self.with_prices))
    }

    fn is_empty(self) -> bool {
        self.wire().next().is_none()
    }

    /// Pieces over all lines that are sent.
    fn num_items(self) -> Option<Digits> {
        lines::count(self.wire().map(|item| item.quantity))
    }
}

impl Serialize for Contents<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.wire())
    }
}
