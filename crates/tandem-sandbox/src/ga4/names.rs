//! Google's reserved names and the rule for names.

const EVENTS: [&str; 32] = [
    "ad_activeview",
    "ad_click",
    "ad_exposure",
    "ad_query",
    "ad_reward",
    "adunit_exposure",
    "app_background",
    "app_clear_data",
    "app_exception",
    "app_remove",
    "app_store_refund",
    "app_store_subscription_cancel",
    "app_store_subscription_convert",
    "app_store_subscription_renew",
    "app_update",
    "app_upgrade",
    "dynamic_link_app_open",
    "dynamic_link_app_update",
    "dynamic_link_first_open",
    "error",
    "first_open",
    "first_visit",
    "in_app_purchase",
    "notification_dismiss",
    "notification_foreground",
    "notification_open",
    "notification_receive",
    "notification_send",
    "os_update",
    "screen_view",
    "session_start",
    "user_engagement",
];
const PREFIXES: [&str; 4] = ["_", "firebase_", "ga_", "google_"];
const PROPERTIES: [&str; 5] =
    ["first_open_after_install", "first_open_time", "first_visit_time", "last_deep_link_referrer", "user_id"];

/// Recommended events of shops, and those measured by themselves.
const RECOMMENDED: [&str; 20] = [
    "add_payment_info",
    "add_shipping_info",
    "add_to_cart",
    "add_to_wishlist",
    "begin_checkout",
    "file_download",
    "generate_lead",
    "login",
    "purchase",
    "refund",
    "remove_from_cart",
    "search",
    "select_item",
    "select_promotion",
    "share",
    "sign_up",
    "view_cart",
    "view_item",
    "view_item_list",
    "view_promotion",
];

pub(crate) fn event_type(event: &str) -> &'static str {
    match event {
        "page_view" => "page_view",
        e if RECOMMENDED.binary_search(&e).is_ok() => "standard",
        _ => "custom",
    }
}

/// A letter first, then letters, digits and underscores.
pub(crate) fn is_well_formed(name: &str) -> bool {
    name.starts_with(|c: char| c.is_alphabetic()) && name.chars().all(|c| c.is_alphanumeric() || c == '_')
}

pub(crate) fn is_reserved_event(name: &str) -> bool {
    EVENTS.binary_search(&name).is_ok() || has_reserved_prefix(name)
}

pub(crate) fn is_reserved_parameter(name: &str) -> bool {
    name == "firebase_conversion" || has_reserved_prefix(name)
}

pub(crate) fn is_reserved_property(name: &str) -> bool {
    PROPERTIES.contains(&name) || has_reserved_prefix(name)
}

fn has_reserved_prefix(name: &str) -> bool {
    PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// Most characters of a parameter's value.
pub(crate) fn longest_value(parameter: &str) -> usize {
    match parameter {
        "page_location" => 1000,
        "page_referrer" => 420,
        "page_title" => 300,
        _ => 100,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn lists_are_sorted() {
        assert!(super::EVENTS.is_sorted() && super::RECOMMENDED.is_sorted());
    }
}
