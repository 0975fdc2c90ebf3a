//! `custom_data`: what was seen, searched or bought.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use tandem_core::{Currency, Event, Item};

use crate::number::Digits;
use crate::wire::{extras, filled};
use crate::{ContentType, lines};

/// Names with a meaning of their own here, or elsewhere in the request: extra properties never take their place.
const KNOWN: [&str; 14] = [
    "action_source",
    "content_ids",
    "content_type",
    "contents",
    "currency",
    "data_processing_options",
    "event_id",
    "num_items",
    "opt_out",
    "order_id",
    "search_string",
    "test_event_code",
    "user_data",
    "value",
];

pub(super) struct CustomData<'a> {
    currency: Option<Currency>,
    value: Option<Digits>,
    order_id: Option<&'a str>,
    content_type: Option<ContentType>,
    lines: Vec<Line<'a>>,
    search_string: Option<&'a str>,
    extra: &'a Map<String, Value>,
}

/// Meta asks for id and quantity.
#[derive(Serialize)]
struct Line<'a> {
    id: &'a str,
    quantity: Digits,
    #[serde(skip_serializing_if = "Option::is_none")]
    item_price: Option<Digits>,
}

impl<'a> Line<'a> {
    fn of(item: &'a Item) -> Option<Self> {
        let (price, quantity) = lines::pieces(item);
        Some(Self {
            id: filled(Some(&item.content_id))?,
            quantity: quantity.or_else(|| Digits::whole(tandem_core::Amount::new(1.into())))?,
            item_price: price.and_then(Digits::price),
        })
    }
}

impl<'a> CustomData<'a> {
    pub(super) fn of(event: &'a Event, usual: ContentType) -> Self {
        let lines: Vec<Line<'_>> = event.contents.iter().filter_map(Line::of).collect();
        let usual = (!lines.is_empty()).then_some(usual);
        Self {
            currency: event.currency,
            value: event.value.and_then(|value| Digits::total(value, event.currency)),
            order_id: filled(event.order_id.as_deref()),
            content_type: event.content_type.as_deref().and_then(ContentType::parse).or(usual),
            lines,
            search_string: filled(event.search_string.as_deref()),
            extra: &event.properties,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.currency.is_none()
            && self.value.is_none()
            && self.order_id.is_none()
            && self.content_type.is_none()
            && self.lines.is_empty()
            && self.search_string.is_none()
            && extras(self.extra, &KNOWN).next().is_none()
    }

    /// Each once, in the order of the lines.
    fn content_ids(&self) -> Vec<&'a str> {
        let mut ids = Vec::with_capacity(self.lines.len());
        for line in &self.lines {
            if !ids.contains(&line.id) {
                ids.push(line.id);
            }
        }
        ids
    }
}

impl Serialize for CustomData<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        entry(&mut map, "currency", self.currency.as_ref())?;
        entry(&mut map, "value", self.value.as_ref())?;
        entry(&mut map, "order_id", self.order_id.as_ref())?;
        entry(&mut map, "content_type", self.content_type.as_ref())?;
        if !self.lines.is_empty() {
            map.serialize_entry("content_ids", &self.content_ids())?;
            map.serialize_entry("contents", &self.lines)?;
            let pieces = lines::count(self.lines.iter().map(|line| Some(line.quantity)));
            entry(&mut map, "num_items", pieces.as_ref())?;
        }
        entry(&mut map, "search_string", self.search_string.as_ref())?;
        for (name, extra) in extras(self.extra, &KNOWN) {
            map.serialize_entry(name, &extra)?;
        }
        map.end()
    }
}

fn entry<M: SerializeMap, T: Serialize>(map: &mut M, name: &str, value: Option<&T>) -> Result<(), M::Error> {
    value.map_or(Ok(()), |v| map.serialize_entry(name, v))
}
