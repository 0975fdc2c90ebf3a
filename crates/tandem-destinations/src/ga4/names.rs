//! Event names: ours, as Google Analytics calls them.

use std::borrow::Cow;

/// Documented.
const MAX_CHARS: usize = 40;

/// Google's recommended names; everything else goes in snake case.
const RECOMMENDED: [(&str, &str); 11] = [
    ("Pageview", "page_view"),
    ("ViewContent", "view_item"),
    ("Search", "search"),
    ("AddToWishlist", "add_to_wishlist"),
    ("AddToCart", "add_to_cart"),
    ("InitiateCheckout", "begin_checkout"),
    ("AddPaymentInfo", "add_payment_info"),
    ("Purchase", "purchase"),
    ("CompleteRegistration", "sign_up"),
    ("Lead", "generate_lead"),
    ("Download", "file_download"),
];

/// Documented: names and beginnings of names that may not be sent.
const RESERVED: [&str; 24] = [
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
    "app_update",
    "app_upgrade",
    "error",
    "first_open",
    "first_visit",
    "in_app_purchase",
    "notification_dismiss",
    "notification_foreground",
    "notification_open",
    "notification_receive",
    "os_update",
    "session_start",
    "user_engagement",
];

const RESERVED_BEGINNINGS: [&str; 4] = ["_", "firebase_", "ga_", "google_"];

/// The name that leaves.
pub(super) fn wire(ours: &str) -> Cow<'static, str> {
    if let Some((_, theirs)) = RECOMMENDED.iter().find(|(name, _)| *name == ours) {
        return Cow::Borrowed(theirs);
    }
    let mut name = snake(ours);
    name.truncate(MAX_CHARS);
    Cow::Owned(name)
}

/// Whether Google keeps the name for itself.
pub(super) fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name) || has_reserved_beginning(name)
}

pub(super) fn has_reserved_beginning(name: &str) -> bool {
    RESERVED_BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
}

/// `WaffleEaten` → `waffle_eaten`; only ASCII letters, digits and underscores remain.
fn snake(name: &str) -> String {
    let chars: Vec<char> = name.chars().collect();
    let mut snake = String::with_capacity(name.len() + 4);
    for (at, c) in chars.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|before| chars.get(before));
        let ends_word = before.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
            || before.is_some_and(char::is_ascii_uppercase)
                && chars.get(at + 1).is_some_and(char::is_ascii_lowercase);
        if c.is_ascii_uppercase() && ends_word {
            snake.push('_');
        }
        snake.push(if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' });
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_names_go_in_snake_case() {
        for (ours, theirs) in [
            ("WaffleEaten", "waffle_eaten"),
            ("StartTrial", "start_trial"),
            ("view_cart", "view_cart"),
            ("ABTest2Shown", "ab_test2_shown"),
            ("my-event", "my_event"),
        ] {
            assert_eq!(wire(ours), theirs);
        }
        assert_eq!(wire(&"x".repeat(50)).len(), MAX_CHARS);
    }

    #[test]
    fn reserved_names_are_known() {
        assert!(["session_start", "ga_x", "error"].iter().all(|name| is_reserved(name)));
        assert!(RECOMMENDED.iter().all(|(_, name)| !is_reserved(name)));
    }
}
