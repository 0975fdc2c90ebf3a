//! Meta's lists: standard events, sources of actions.

/// Standard events, sorted.
const STANDARD_EVENTS: [&str; 17] = [
    "AddPaymentInfo",
    "AddToCart",
    "AddToWishlist",
    "CompleteRegistration",
    "Contact",
    "CustomizeProduct",
    "Donate",
    "FindLocation",
    "InitiateCheckout",
    "Lead",
    "Purchase",
    "Schedule",
    "Search",
    "StartTrial",
    "SubmitApplication",
    "Subscribe",
    "ViewContent",
];

/// Values of `action_source`.
pub(crate) const ACTION_SOURCES: [&str; 9] = [
    "email",
    "website",
    "app",
    "phone_call",
    "chat",
    "physical_store",
    "system_generated",
    "business_messaging",
    "other",
];

pub(crate) fn event_type(event: &str) -> &'static str {
    match event {
        "PageView" => "page_view",
        e if STANDARD_EVENTS.binary_search(&e).is_ok() => "standard",
        _ => "custom",
    }
}

/// Events whose products Meta wants to know.
pub(crate) fn wants_products(event: &str) -> bool {
    matches!(event, "Purchase" | "AddToCart" | "ViewContent")
}

/// Events that are worth little without money and a person.
pub(crate) fn wants_value(event: &str) -> bool {
    matches!(event, "Purchase" | "StartTrial" | "Subscribe")
}

#[cfg(test)]
mod tests {
    #[test]
    fn list_is_sorted() {
        assert!(super::STANDARD_EVENTS.is_sorted());
    }
}
