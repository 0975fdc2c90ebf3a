//! Lines of a cart or an order, as most platforms want them: whole pieces at the price of one.

use rust_decimal::Decimal;
use tandem_core::{Amount, Finding, Item};

use crate::number::Digits;

/// Whether a line's quantity is not a whole number of pieces.
pub(crate) fn sold_by_measure(item: &Item) -> bool {
    item.quantity.is_some_and(|q| Digits::of(q).is_some() && Digits::whole(q).is_none())
}

/// Price of a piece, and pieces.
///
/// Assumed: `quantity` is a whole number in the platforms' own SDKs, and a refused number would cost the whole event. A
/// line sold by weight or length goes out as one piece at the line's price, which keeps price × quantity right.
pub(crate) fn pieces(item: &Item) -> (Option<Digits>, Option<Digits>) {
    let price = item.price.and_then(Digits::of);
    if !sold_by_measure(item) {
        return (price, item.quantity.and_then(Digits::whole));
    }
    let measure = item.quantity.unwrap_or_default().decimal();
    let line = price.and_then(|p| p.decimal().checked_mul(measure)).map(Amount::new);
    (line.and_then(Digits::of), Digits::of(Amount::new(1.into())))
}

/// Pieces over all lines, by the quantity of each; a line without one counts as one piece. `None` without lines.
pub(crate) fn count(quantities: impl Iterator<Item = Option<Digits>>) -> Option<Digits> {
    let mut pieces = quantities.map(|quantity| quantity.map_or(Decimal::ONE, Digits::decimal)).peekable();
    pieces.peek()?;
    let sum = pieces.try_fold(Decimal::ZERO, |sum, p| sum.checked_add(p))?;
    Digits::whole(Amount::new(sum))
}

/// The remark on lines that are sold by measure, if there are any.
pub(crate) fn remark(items: &[Item], title: &str) -> Option<Finding> {
    let text = format!(
        "{title} counts whole pieces: a line with a fractional quantity goes out as one piece at the line's price"
    );
    items.iter().any(sold_by_measure).then(|| Finding::info("quantity_fractional", text).on("contents"))
}
