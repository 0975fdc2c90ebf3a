//! The order's lines → contents.

use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::{Map, Value};
use tandem_core::{Amount, Currency, Finding, Item};

use super::settings::ContentId;
use crate::values;

/// Digits kept beyond the currency's own, so that price × quantity gives back the line's total to within a
/// hundredth of the smallest coin a piece. Destinations that want fewer round.
const EXTRA_DIGITS: u32 = 2;

/// The lines, and the sum of their totals after discount, without tax; `None` when one of them cannot be read.
///
/// A line's own `price` is not read: it is a float with a long tail. Its total by its quantity is the same, exact.
pub(super) fn read(
    order: &Map<String, Value>,
    currency: Option<Currency>,
    content_id: ContentId,
    findings: &mut Vec<Finding>,
) -> (Vec<Item>, Option<Amount>) {
    let Some(Value::Array(lines)) = order.get("line_items") else {
        let text = "the order has no list of lines; catalogue ads cannot use the event";
        findings.push(Finding::warning("line_items_invalid", text).on("line_items"));
        return (Vec::new(), None);
    };
    let digits = currency.and_then(|currency| currency.minor_digits()).unwrap_or(2) + EXTRA_DIGITS;
    let mut items = Vec::with_capacity(lines.len());
    let mut subtotal = Some(Decimal::ZERO);
    for (at, line) in lines.iter().enumerate() {
        let Some(line) = line.as_object() else {
            let text = "is not an object; this line is left out";
            findings.push(Finding::warning("line_invalid", text).on(format!("line_items[{at}]")));
            subtotal = None;
            continue;
        };
        let Some(quantity) = quantity(line, at, findings) else { continue };
        let total = total(line, at, findings);
        subtotal = subtotal.zip(total).and_then(|(sum, total)| sum.checked_add(total));
        items.push(Item {
            content_id: id(line, lines, content_id),
            content_name: text(line, "name").map(str::to_owned),
            price: total.and_then(|total| unit_price(total, quantity, digits)),
            quantity: Some(Amount::new(quantity)),
            line_id: line.get("id").and_then(values::id_text),
            ..Item::default()
        });
    }
    (items, subtotal.map(Amount::new))
}

fn text<'a>(line: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    line.get(name).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty())
}

/// Pieces of a line. `None` for nought and less: such a line was taken back.
fn quantity(line: &Map<String, Value>, at: usize, findings: &mut Vec<Finding>) -> Option<Decimal> {
    let given = line.get("quantity").filter(|quantity| !values::is_blank(quantity));
    let Some(given) = given else { return Some(Decimal::ONE) };
    match Amount::from_json(given) {
        Ok((quantity, _)) => {
            Some(quantity.decimal().normalize()).filter(|quantity| *quantity > Decimal::ZERO)
        }
        Err(error) => {
            let text = format!("{error}; taken as one piece");
            findings
                .push(Finding::warning("quantity_invalid", text).on(format!("line_items[{at}].quantity")));
            Some(Decimal::ONE)
        }
    }
}

fn total(line: &Map<String, Value>, at: usize, findings: &mut Vec<Finding>) -> Option<Decimal> {
    let read = line.get("total").map(Amount::from_json);
    if let Some(Ok((total, _))) = read {
        return Some(total.decimal());
    }
    let text = "the line's total is missing or not a number; the line has no price";
    findings.push(Finding::warning("line_total_invalid", text).on(format!("line_items[{at}].total")));
    None
}

fn unit_price(total: Decimal, quantity: Decimal, digits: u32) -> Option<Amount> {
    if total < Decimal::ZERO {
        return None;
    }
    let price = total.checked_div(quantity)?;
    Some(Amount::new(
        price.round_dp_with_strategy(digits, RoundingStrategy::MidpointAwayFromZero).normalize(),
    ))
}

fn id(line: &Map<String, Value>, lines: &[Value], content_id: ContentId) -> String {
    let nonzero = |name: &str| line.get(name).and_then(values::id_text).filter(|id| id != "0");
    let sku = line.get("sku").and_then(values::id_text);
    let variation = nonzero("variation_id");
    let by_id = || variation.clone().or_else(|| nonzero("product_id")).unwrap_or_default();
    match (content_id, sku) {
        (ContentId::Id, _) | (_, None) => by_id(),
        (ContentId::SkuOrId, Some(sku)) => sku,
        (ContentId::Catalog, Some(sku)) => match &variation {
            Some(variation) if is_parents(line, lines) => format!("{sku}-{variation}"),
            _ => sku,
        },
    }
}

/// Whether another variation of the same product stands in the order under the same SKU.
fn is_parents(line: &Map<String, Value>, lines: &[Value]) -> bool {
    let same = |other: &Map<String, Value>, name: &str| other.get(name) == line.get(name);
    lines
        .iter()
        .filter_map(Value::as_object)
        .any(|other| same(other, "sku") && same(other, "product_id") && !same(other, "variation_id"))
}
