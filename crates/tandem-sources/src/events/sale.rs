//! What was sold: order id, value, currency and the lines.

use std::borrow::Cow;

use serde_json::Value;
use tandem_core::{Amount, Currency, Event, Finding, Item};

use super::aliases::{self, line};
use super::entry::{Entry, Found};
use super::fields::Fields;
use crate::values;

/// Fills in everything about the sale.
pub(super) fn fill(entry: &mut Entry, event: &mut Event) {
    event.order_id = order_id(entry);
    event.value = value(entry);
    event.currency = currency(entry);
    event.content_type = content_type(entry);
    event.contents = contents(entry);
    if !event.contents.is_empty() {
        // It is the sum over the lines; a second opinion would only contradict it.
        entry.take(aliases::NUM_ITEMS);
    }
}

fn order_id(entry: &mut Entry) -> Option<String> {
    let found = entry.take(aliases::ORDER_ID)?;
    let path = found.path();
    match found.value {
        Value::String(text) => Some(text),
        Value::Number(ref number) if !number.is_f64() => {
            let text =
                "is a number; turned into text. A long id or one with leading zeros would break as a number";
            entry.findings.push(Finding::info("order_id_type", text).on(path));
            Some(number.to_string())
        }
        _ => {
            let text = "is not text; left out, so the order cannot be told from another report of it";
            entry.findings.push(Finding::error("order_id_type", text).on(path));
            None
        }
    }
}

fn value(entry: &mut Entry) -> Option<Amount> {
    let found = entry.take(aliases::VALUE)?;
    match Amount::from_json(&found.value) {
        Ok((amount, was_text)) => {
            if was_text {
                let text = "is text; read as a number. Send a JSON number";
                entry.findings.push(Finding::info("value_string", text).on(found.path()));
            }
            Some(amount)
        }
        Err(error) => {
            let text = format!("the value {error}; it is left out, the event goes on");
            entry.findings.push(Finding::error(error.code(), text).on(found.path()));
            None
        }
    }
}

fn currency(entry: &mut Entry) -> Option<Currency> {
    let found = entry.take(aliases::CURRENCY)?;
    let currency = found.value.as_str().and_then(Currency::parse);
    let finding = match &currency {
        None => Finding::error("currency_invalid", "is not an ISO 4217 currency code; left out"),
        Some(currency) if Some(currency.code()) != found.value.as_str() => {
            Finding::info("currency_case", "should be three upper-case letters; corrected")
        }
        Some(_) => return currency,
    };
    entry.findings.push(finding.on(found.path()));
    currency
}

fn content_type(entry: &mut Entry) -> Option<String> {
    let found = entry.take(aliases::CONTENT_TYPE)?;
    let word = found.value.as_str().unwrap_or_default().trim();
    let known = ["product", "product_group"].into_iter().find(|known| word.eq_ignore_ascii_case(known));
    if known.is_none() || known != found.value.as_str() {
        let text = match known {
            Some(_) => "should be spelled product or product_group; corrected",
            None => "is neither product nor product_group; left out",
        };
        entry.findings.push(Finding::warning("content_type_invalid", text).on(found.path()));
    }
    known.map(str::to_owned)
}

fn contents(entry: &mut Entry) -> Vec<Item> {
    let Some(found) = entry.take(aliases::CONTENTS) else {
        return match entry.take(aliases::CONTENT_IDS) {
            Some(found) => ids_only(entry, found),
            None => Vec::new(),
        };
    };
    // With lines at hand, the bare ids say nothing new.
    entry.take(aliases::CONTENT_IDS);
    let path = found.path();
    match found.value {
        Value::Array(lines) => {
            let mut items = Vec::with_capacity(lines.len());
            for (at, line) in lines.into_iter().enumerate() {
                items.extend(item(line, &mut Remarks { path: &path, at, findings: &mut entry.findings }));
            }
            items
        }
        line @ Value::Object(_) => {
            let text = "is one object; taken as an array of one";
            entry.findings.push(Finding::warning("contents_not_array", text).on(path.clone()));
            item(line, &mut Remarks { path: &path, at: 0, findings: &mut entry.findings })
                .into_iter()
                .collect()
        }
        _ => {
            let text = "is not an array of objects; left out";
            entry.findings.push(Finding::error("contents_not_array", text).on(path));
            Vec::new()
        }
    }
}

/// `content_ids`, or a single `content_id` beside the value.
fn ids_only(entry: &mut Entry, found: Found) -> Vec<Item> {
    let path = found.path();
    let ids = match found.value {
        Value::Array(ids) => ids,
        one => vec![one],
    };
    let mut items = Vec::with_capacity(ids.len());
    for (at, id) in ids.into_iter().enumerate() {
        let mut remarks = Remarks { path: &path, at, findings: &mut entry.findings };
        let content_id = content_id("", id, &mut remarks);
        if !content_id.is_empty() {
            items.push(Item { content_id, ..Item::default() });
        }
    }
    items
}

/// Where remarks on one line go.
struct Remarks<'a> {
    path: &'a str,
    at: usize,
    findings: &'a mut Vec<Finding>,
}

impl Remarks<'_> {
    fn push(&mut self, finding: Finding, name: &str) {
        let dot = if name.is_empty() { "" } else { "." };
        self.findings.push(finding.on(format!("{}[{}]{dot}{name}", self.path, self.at)));
    }
}

fn item(line: Value, remarks: &mut Remarks<'_>) -> Option<Item> {
    let mut map = match line {
        Value::Object(map) => Fields::from(map),
        id @ (Value::String(_) | Value::Number(_)) => {
            let content_id = content_id("", id, remarks);
            return (!content_id.is_empty()).then(|| Item { content_id, ..Item::default() });
        }
        _ => {
            remarks.push(Finding::error("content_invalid", "is not an object; this line is left out"), "");
            return None;
        }
    };
    let quantity = amount(&mut map, line::QUANTITY, "quantity_invalid", remarks);
    if quantity.is_some_and(|q| q <= Amount::ZERO) {
        remarks.push(
            Finding::warning("quantity_invalid", "is not above zero; this line is left out"),
            "quantity",
        );
        return None;
    }
    let price = amount(&mut map, line::PRICE, "price_invalid", remarks).filter(|price| {
        let fits = *price >= Amount::ZERO;
        if !fits {
            remarks.push(Finding::warning("price_invalid", "is negative; left out"), "price");
        }
        fits
    });
    Some(Item {
        content_id: take(&mut map, line::CONTENT_ID)
            .map(|(name, id)| content_id(name, id, remarks))
            .unwrap_or_default(),
        content_name: text(take(&mut map, line::CONTENT_NAME)),
        content_category: text(take(&mut map, line::CONTENT_CATEGORY)),
        brand: text(take(&mut map, line::BRAND)),
        price,
        quantity,
        line_id: take(&mut map, line::LINE_ID).and_then(|(_, id)| values::id_text(&id)),
    })
}

/// The first of these names that holds something, and what it holds.
fn take(map: &mut Fields, names: &'static [&'static str]) -> Option<(&'static str, Value)> {
    let mut held = names.iter().filter_map(|name| map.remove(name).map(|value| (*name, value)));
    held.find(|(_, value)| !values::is_blank(value))
}

fn text(held: Option<(&'static str, Value)>) -> Option<String> {
    match held?.1 {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The id as text; `name` is where it stood in the line, empty when it is the whole line.
fn content_id(name: &str, value: Value, remarks: &mut Remarks<'_>) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(id) => id,
        Value::Number(number) if !number.is_f64() => {
            remarks.push(Finding::info("content_id_type", "is a number; turned into text"), name);
            number.to_string()
        }
        _ => {
            let text = "is neither text nor a whole number; left out";
            remarks.push(Finding::error("content_id_type", text), name);
            String::new()
        }
    }
}

fn amount(
    map: &mut Fields,
    names: &'static [&'static str],
    code: &'static str,
    remarks: &mut Remarks<'_>,
) -> Option<Amount> {
    let (name, value) = take(map, names)?;
    Amount::from_json(&value)
        .map_err(|error| {
            let text: Cow<'static, str> = format!("{error}; left out").into();
            remarks.push(Finding::warning(code, text), name);
        })
        .ok()
        .map(|(amount, _)| amount)
}
