//! Items: `pr1` to `pr200`, each a list of pieces between tildes. A piece is a code of two characters and a value; a tilde
//! in a value is doubled. Codes as the published gtag script writes them.

use serde_json::{Map, Value};

use super::hits::number;
use crate::tags::MAX_ITEMS;

const CODES: &[(&str, &str)] = &[
    ("id", "item_id"),
    ("nm", "item_name"),
    ("br", "item_brand"),
    ("ca", "item_category"),
    ("c2", "item_category2"),
    ("c3", "item_category3"),
    ("c4", "item_category4"),
    ("c5", "item_category5"),
    ("va", "item_variant"),
    ("pr", "price"),
    ("qt", "quantity"),
    ("cp", "coupon"),
    ("ds", "discount"),
    ("af", "affiliation"),
    ("li", "item_list_id"),
    ("ln", "item_list_name"),
    ("lp", "index"),
    ("lo", "location_id"),
    ("pi", "promotion_id"),
    ("pn", "promotion_name"),
    ("cn", "creative_name"),
    ("cs", "creative_slot"),
];

const NUMBERS: &[&str] = &["price", "quantity", "discount", "index"];

/// Most slots of parameters of the shop's own: `0` to `9`, then `A` to `Q`.
const SLOTS: usize = 27;

/// The number of an item's parameter: 1 to 200, without a leading zero.
pub(super) fn place(parameter: &str) -> Option<usize> {
    let digits = parameter.strip_prefix("pr")?;
    let plain = !digits.starts_with('0') && digits.len() <= 3 && digits.bytes().all(|b| b.is_ascii_digit());
    digits.parse().ok().filter(|at| plain && (1..=MAX_ITEMS).contains(at))
}

/// Reads one; `None` when nothing names the item.
pub(super) fn item(text: &str) -> Option<Value> {
    let mut item = Map::new();
    let (mut names, mut own) = (Vec::new(), Vec::new());
    for piece in pieces(text) {
        let Some((code, value)) = piece.split_at_checked(2) else { continue };
        if let Some((_, name)) = CODES.iter().find(|(known, _)| *known == code) {
            let value =
                number(value).filter(|_| NUMBERS.contains(name)).unwrap_or_else(|| value.to_owned().into());
            item.entry(*name).or_insert(value);
        } else if let Some(slot) = code.strip_prefix('k').filter(|slot| is_slot(slot)) {
            names.push((slot.to_owned(), value.to_owned()));
        } else if let Some(slot) = code.strip_prefix('v').filter(|slot| is_slot(slot)) {
            own.push((slot.to_owned(), value.to_owned()));
        }
    }
    for (slot, name) in names.into_iter().take(SLOTS) {
        if let Some((_, value)) = own.iter().find(|(s, _)| *s == slot) {
            item.entry(name).or_insert(value.clone().into());
        }
    }
    (item.contains_key("item_id") || item.contains_key("item_name")).then_some(Value::Object(item))
}

fn is_slot(slot: &str) -> bool {
    matches!(slot.as_bytes(), [b'0'..=b'9' | b'A'..=b'Q'])
}

fn pieces(text: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if c == '~' && rest.next_if_eq(&'~').is_none() {
            pieces.push(String::new());
        } else if let Some(piece) = pieces.last_mut() {
            piece.push(c);
        }
    }
    pieces
}
