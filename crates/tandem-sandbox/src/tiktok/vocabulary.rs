//! TikTok's lists: standard events, renamed events, currencies.

/// Standard web events, renamed and soft-deprecated ones included.
const STANDARD_EVENTS: [&str; 22] = [
    "AddPaymentInfo",
    "AddToCart",
    "AddToWishlist",
    "ApplicationApproval",
    "ClickButton",
    "CompletePayment",
    "CompleteRegistration",
    "Contact",
    "CustomizeProduct",
    "Download",
    "FindLocation",
    "InitiateCheckout",
    "Lead",
    "PlaceAnOrder",
    "Purchase",
    "Schedule",
    "Search",
    "StartTrial",
    "SubmitApplication",
    "SubmitForm",
    "Subscribe",
    "ViewContent",
];

/// The 62 supported currencies, sorted.
const CURRENCIES: [&str; 62] = [
    "AED", "ARS", "AUD", "BDT", "BHD", "BIF", "BOB", "BRL", "CAD", "CHF", "CLP", "CNY", "COP", "CRC", "CZK",
    "DKK", "DZD", "EGP", "EUR", "GBP", "GTQ", "HKD", "HNL", "HUF", "IDR", "ILS", "INR", "ISK", "JPY", "KES",
    "KHR", "KRW", "KWD", "KZT", "MAD", "MOP", "MXN", "MYR", "NGN", "NIO", "NOK", "NZD", "OMR", "PEN", "PHP",
    "PKR", "PLN", "PYG", "QAR", "RON", "RUB", "SAR", "SEK", "SGD", "THB", "TRY", "TWD", "UAH", "USD", "VES",
    "VND", "ZAR",
];

/// Is this one of TikTok's standard web events (exact case)?
pub(crate) fn is_standard(event: &str) -> bool {
    STANDARD_EVENTS.binary_search(&event).is_ok()
}

/// The page-load event is neither standard nor custom.
pub(crate) fn is_page_view(event: &str) -> bool {
    event == "Pageview"
}

/// The name an event is counted under since the renames of May 2025.
pub(crate) fn counted_name(event: &str) -> &str {
    match event {
        "CompletePayment" => "Purchase",
        "SubmitForm" => "Lead",
        other => other,
    }
}

/// Events whose products TikTok wants to know.
pub(crate) fn wants_products(event: &str) -> bool {
    matches!(counted_name(event), "Purchase" | "AddToCart" | "ViewContent")
}

/// Events that are worth nothing in reports without value and currency.
pub(crate) fn wants_value(event: &str) -> bool {
    matches!(counted_name(event), "Purchase" | "PlaceAnOrder" | "StartTrial" | "Subscribe")
}

/// Rule for the name of a custom event: at most 50 of `A-Z a-z 0-9 _ -`, a letter first.
pub(crate) fn is_valid_custom(event: &str) -> bool {
    event.len() <= 50
        && event.starts_with(|c: char| c.is_ascii_alphabetic())
        && event.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

/// Is this (upper case) code on TikTok's list?
pub(crate) fn is_supported_currency(code: &str) -> bool {
    CURRENCIES.binary_search(&code).is_ok()
}

#[cfg(test)]
mod tests {
    use super::{CURRENCIES, STANDARD_EVENTS};

    #[test]
    fn lists_are_sorted() {
        assert!(CURRENCIES.is_sorted());
        assert!(STANDARD_EVENTS.is_sorted());
    }
}
