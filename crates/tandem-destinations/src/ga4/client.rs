//! `client_id`: who the visitor is to Google Analytics.

use std::borrow::Cow;

use tandem_core::Event;
use tandem_core::identity::IdHashes;

use crate::wire::filled;

/// The visitor's own one, out of the `_ga` cookie; else one made, always the same, of what else tells this visitor from
/// others: our visitor id, the shop's id of the customer, and where an order is all there is, that. `None` when nothing does:
/// two visitors must never become one.
pub(super) fn of(event: &Event) -> Option<Cow<'_, str>> {
    if let Some(id) = filled(event.user.click_ids.ga_client_id.as_deref()) {
        return Some(Cow::Borrowed(id));
    }
    let visitor = filled(event.session_id.as_deref()).map(|id| made("visitor", id));
    let customer = || event.user.external_ids_lower().next().map(|id| made("customer", id));
    let order = || filled(event.order_id.as_deref()).map(|id| made("order", id));
    visitor.or_else(customer).or_else(order).map(Cow::Owned)
}

/// Two numbers of up to 31 bits, in the form that Google's own tag makes.
fn made(kind: &str, id: &str) -> String {
    let hash = IdHashes::of(&format!("ga4.{kind}.{id}")).sha256;
    let number = |at: usize| {
        let hex = hash.get(at..at + 8).and_then(|hex| u32::from_str_radix(hex, 16).ok());
        hex.unwrap_or_default() & 0x7fff_ffff
    };
    format!("{}.{}", number(0), number(8))
}

#[cfg(test)]
mod tests {
    use tandem_core::identity::ClickIds;

    use super::*;

    #[test]
    fn the_same_visitor_has_always_the_same_id_and_another_another() {
        let visitor = |id: &str| Event { session_id: Some(id.into()), ..Event::default() };
        let (first, other) = (visitor("aaaaaaaaaaaaaaaa"), visitor("bbbbbbbbbbbbbbbb"));
        let later = Event { order_id: Some("7".into()), event_time: 9, ..first.clone() };
        assert_eq!(of(&first), of(&later));
        assert_ne!(of(&first), of(&other));
        let order = Event { order_id: Some("7".into()), ..Event::default() };
        assert!(of(&order).is_some() && of(&order) != of(&first));
        assert_eq!(of(&Event::default()), None);
        let mut own = first;
        own.user.click_ids = ClickIds { ga_client_id: Some("1.2".into()), ..ClickIds::default() };
        assert_eq!(of(&own).as_deref(), Some("1.2"));
    }
}
