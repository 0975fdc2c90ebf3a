//! Event names: the platforms' shared standard, and the aliases accepted at the door.
//!
//! The standard list and the renames of 1 May 2025 are TikTok's (help articles "Supported standard events" and
//! "TikTok's updated standard events"); the snake-case aliases are GA4's recommended event names.

use std::borrow::Cow;

use crate::Finding;

/// The order paid for: the one name that carries money.
pub const PURCHASE: &str = "Purchase";

/// Standard names, spelled as they leave.
pub const STANDARD: &[&str] = &[
    "AddPaymentInfo",
    "AddToCart",
    "AddToWishlist",
    "ApplicationApproval",
    "ClickButton",
    "CompleteRegistration",
    "Contact",
    "CustomizeProduct",
    "Download",
    "FindLocation",
    "InitiateCheckout",
    "Lead",
    "Pageview",
    "PlaceAnOrder",
    "Purchase",
    "Schedule",
    "Search",
    "StartTrial",
    "SubmitApplication",
    "Subscribe",
    "ViewContent",
];

const GA4: &[(&str, &str)] = &[
    ("add_payment_info", "AddPaymentInfo"),
    ("add_to_cart", "AddToCart"),
    ("add_to_wishlist", "AddToWishlist"),
    ("begin_checkout", "InitiateCheckout"),
    ("contact", "Contact"),
    ("customize_product", "CustomizeProduct"),
    ("file_download", "Download"),
    ("find_location", "FindLocation"),
    ("generate_lead", "Lead"),
    ("page_view", "Pageview"),
    ("purchase", "Purchase"),
    ("schedule", "Schedule"),
    ("search", "Search"),
    ("sign_up", "CompleteRegistration"),
    ("start_trial", "StartTrial"),
    ("submit_application", "SubmitApplication"),
    ("subscribe", "Subscribe"),
    ("view_item", "ViewContent"),
];

/// Names an ad platform once used and converted since, with today's name.
const LEGACY: &[(&str, &str)] = &[("CompletePayment", "Purchase"), ("SubmitForm", "Lead")];

/// GA4 events about reading and browsing that no ad platform has a use for; sending them only litters its account.
pub const ANALYTICS_ONLY: &[&str] = &[
    "add_shipping_info",
    "click",
    "first_visit",
    "form_start",
    "form_submit",
    "login",
    "refund",
    "remove_from_cart",
    "scroll",
    "select_content",
    "select_item",
    "select_promotion",
    "session_start",
    "share",
    "user_engagement",
    "video_complete",
    "video_progress",
    "video_start",
    "view_cart",
    "view_item_list",
    "view_promotion",
    "view_search_results",
];

/// Today's name of an event, and what had to be said about the given one.
#[derive(Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The name we keep.
    pub name: Cow<'static, str>,
    /// What was corrected, if anything.
    pub finding: Option<Finding>,
}

/// Why a name cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// No name at all.
    #[error("the event has no name")]
    Missing,
    /// TikTok's rule for custom names: up to 50 letters, digits, `_`, `-`, the first a letter.
    #[error("a custom event name has 1 to 50 letters, digits, _ or -, and begins with a letter")]
    Custom,
}

impl NameError {
    /// The stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Missing => "event_name_missing",
            Self::Custom => "custom_event_name",
        }
    }
}

/// Finds today's standard name behind an alias, an old name or a slip of letter case.
///
/// # Errors
/// [`NameError`] when there is no name, or a custom one that platforms refuse.
pub fn resolve(given: &str) -> Result<Resolved, NameError> {
    let plain = |name: &'static str| Resolved { name: name.into(), finding: None };
    if let Some(name) = STANDARD.iter().find(|n| **n == given) {
        return Ok(plain(name));
    }
    if let Some((_, name)) = GA4.iter().find(|(alias, _)| *alias == given) {
        // GA4's `purchase` is also TikTok's `Purchase` in the wrong case; both readings agree.
        let finding = given.eq_ignore_ascii_case(name).then(|| {
            Finding::info("event_name_case", "names are case-sensitive; corrected to the standard spelling")
        });
        return Ok(Resolved { name: (*name).into(), finding: finding.map(|f| f.on("event_name")) });
    }
    if let Some((old, new)) = LEGACY.iter().find(|(old, _)| old.eq_ignore_ascii_case(given)) {
        let message = format!(
            "{old} was renamed to {new} on 1 May 2025; kept as {new}. Pixel and server must use one name, \
             or the two halves may count twice"
        );
        let finding = Finding::warning("legacy_event_name", message).on("event_name");
        return Ok(Resolved { name: (*new).into(), finding: Some(finding) });
    }
    if let Some(name) = STANDARD.iter().find(|n| n.eq_ignore_ascii_case(given)) {
        let finding =
            Finding::info("event_name_case", "names are case-sensitive; corrected to the standard spelling");
        return Ok(Resolved { name: (*name).into(), finding: Some(finding.on("event_name")) });
    }
    if let Some(name) = ANALYTICS_ONLY.iter().find(|name| **name == given) {
        return Ok(plain(name));
    }
    custom(given)
}

fn custom(given: &str) -> Result<Resolved, NameError> {
    if given.is_empty() {
        return Err(NameError::Missing);
    }
    let letters = given.starts_with(|c: char| c.is_ascii_alphabetic())
        && given.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    if given.len() > 50 || !letters {
        return Err(NameError::Custom);
    }
    let finding = Finding::info("custom_event", "not a standard event: ad platforms cannot optimise for it");
    Ok(Resolved { name: given.to_owned().into(), finding: Some(finding.on("event_name")) })
}

/// The old name of a standard event, for shops whose pixel still fires it.
#[must_use]
pub fn legacy_of(name: &str) -> Option<&'static str> {
    LEGACY.iter().find(|(_, new)| *new == name).map(|(old, _)| *old)
}

/// Whether the name is one of the standard ones.
#[must_use]
pub fn is_standard(name: &str) -> bool {
    STANDARD.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_alias_leads_to_a_standard_name() {
        for (alias, name) in GA4.iter().chain(LEGACY) {
            assert!(is_standard(name), "{name}");
            assert_eq!(resolve(alias).unwrap().name, *name);
        }
    }

    #[test]
    fn bad_custom_names_are_refused() {
        assert_eq!(resolve("My Event"), Err(NameError::Custom));
        assert_eq!(resolve(&"A".repeat(51)), Err(NameError::Custom));
        assert_eq!(resolve(""), Err(NameError::Missing));
        assert_eq!(resolve("purchase_v2").unwrap().finding.unwrap().code, "custom_event");
    }
}
