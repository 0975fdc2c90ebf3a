//! `items`: the lines of a cart or an order.

use serde::Serialize;
use tandem_core::{Item, page};

use super::params::cut;
use crate::lines;
use crate::number::Digits;
use crate::wire::filled;

/// Documented: items of one event.
const MOST: usize = 200;

/// Ours: bytes of all items, so that the request stays below Google's 130 kB.
const MOST_BYTES: usize = 90_000;

/// Documented: characters of a value.
const TEXT_CHARS: usize = 100;

#[derive(Serialize)]
pub(super) struct WireItem<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    item_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    item_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    item_category: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    item_brand: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    price: Option<Digits>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quantity: Option<Digits>,
}

/// The items that can be sent, and whether any was cut short or left out.
pub(super) fn of(contents: &[Item]) -> (Vec<WireItem<'_>>, bool) {
    let (mut items, mut bytes, mut is_cut) = (Vec::new(), 0, false);
    for item in contents {
        // Documented: one of the two is required.
        let Some(wire) =
            WireItem::of(item, &mut is_cut).filter(|w| w.item_id.is_some() || w.item_name.is_some())
        else {
            continue;
        };
        bytes += serde_json::to_string(&wire).map_or(0, |text| text.len() + 1);
        if items.len() >= MOST || bytes > MOST_BYTES {
            return (items, true);
        }
        items.push(wire);
    }
    (items, is_cut)
}

impl<'a> WireItem<'a> {
    fn of(item: &'a Item, is_cut: &mut bool) -> Option<Self> {
        let mut text = |text: Option<&'a str>| {
            let text = filled(text).filter(|text| !page::names_person(text))?;
            let short = cut(text, TEXT_CHARS);
            *is_cut |= short.len() < text.len();
            filled(Some(short))
        };
        let (price, quantity) = lines::pieces(item);
        Some(Self {
            item_id: text(Some(&item.content_id)),
            item_name: text(item.content_name.as_deref()),
            item_category: text(item.content_category.as_deref()),
            item_brand: text(item.brand.as_deref()),
            price: price.and_then(Digits::price),
            quantity,
        })
    }
}
