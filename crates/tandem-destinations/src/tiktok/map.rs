//! An event in the shape TikTok wants of web events.

use serde::Serialize;
use tandem_core::{Event, Finding, names};

use super::currencies;
use super::properties::Properties;
use super::user::User;
use crate::ContentType;
use crate::lines;
use crate::wire::filled;

/// What the settings say about the shape.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    /// Names from before 1 May 2025.
    pub(super) legacy_names: bool,
    /// For contents of events that do not say it themselves.
    pub(super) content_type: ContentType,
    /// Amounts in currencies that TikTok does not list go too.
    pub(super) unlisted_money: bool,
}

/// One element of `data`. Whatever is empty is left out: a hash of nothing or an empty text matches nobody, and a
/// `null` of the wrong kind can refuse the whole request.
#[derive(Serialize)]
struct WireEvent<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    event: &'a str,
    event_time: i64,
    #[serde(skip_serializing_if = "str::is_empty")]
    event_id: &'a str,
    #[serde(skip_serializing_if = "User::is_empty")]
    user: User<'a>,
    #[serde(skip_serializing_if = "Page::is_empty")]
    page: Page<'a>,
    #[serde(skip_serializing_if = "Properties::is_empty")]
    properties: Properties<'a>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    limited_data_use: bool,
}

#[derive(Serialize)]
struct Page<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    referrer: Option<&'a str>,
}

impl Page<'_> {
    fn is_empty(&self) -> bool {
        self.url.is_none() && self.referrer.is_none()
    }
}

/// The event as JSON text.
pub(super) fn json(event: &Event, limited_data_use: bool, rules: &Rules) -> String {
    let name = event.event_name.as_str();
    let wire = WireEvent {
        event: if rules.legacy_names { names::legacy_of(name).unwrap_or(name) } else { name },
        event_time: event.event_time,
        event_id: &event.event_id,
        user: User::of(&event.user),
        page: Page {
            url: filled(event.page.url.as_deref()),
            referrer: filled(event.page.referrer.as_deref()),
        },
        properties: Properties::of(event, rules),
        // Either wish is enough; the sender's own cannot be overruled by consent.
        limited_data_use: limited_data_use || event.limited_data_use,
    };
    // Nothing in these types can fail to serialise. Should it ever, TikTok refuses the empty event, and it ends on
    // record as rejected instead of taking its batch down.
    serde_json::to_string(&wire).unwrap_or_else(|_| "{}".to_owned())
}

/// What gets lost on the way into TikTok's shape.
pub(super) fn lint(event: &Event) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(currency) = event.currency.filter(|c| !currencies::supported(*c)) {
        let what = if currencies::sent(currency) {
            "if it refuses the amount, the event goes out"
        } else {
            "the event goes out"
        };
        let text = format!(
            "TikTok does not list {currency}: {what} without value, currency and prices. Send amounts in a listed \
             currency to be sure that they count"
        );
        findings.push(Finding::warning("currency_unsupported", text).on("currency"));
    }
    if event.content_type.as_deref().is_some_and(|t| ContentType::parse(t).is_none()) {
        let text = "content_type must be product or product_group; the set-up's own is sent";
        findings.push(Finding::warning("content_type_invalid", text).on("content_type"));
    }
    findings.extend(lines::remark(&event.contents, "TikTok"));
    findings
}
