//! An event in the shape Meta wants.

use serde::Serialize;
use serde_json::Value;
use tandem_core::{Channel, Event, Finding};

use super::custom::CustomData;
use super::settings::Settings;
use super::user::UserData;
use crate::ContentType;
use crate::wire::filled;

/// It happened on the shop's pages.
pub(super) const WEBSITE: &str = "website";

/// No buyer was there: a renewal, an order typed in by the shop.
pub(super) const SYSTEM: &str = "system_generated";

/// It happened in a shop of bricks.
const STORE: &str = "physical_store";

/// All of Meta's words for where an event happened.
const ACTION_SOURCES: [&str; 9] =
    [WEBSITE, SYSTEM, STORE, "app", "business_messaging", "chat", "email", "other", "phone_call"];

/// Our names that Meta spells otherwise.
const NAMES: [(&str, &str); 1] = [("Pageview", "PageView")];

/// One element of `data`. Whatever is empty is left out.
#[derive(Serialize)]
struct WireEvent<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    event_name: &'a str,
    event_time: i64,
    #[serde(skip_serializing_if = "str::is_empty")]
    event_id: &'a str,
    action_source: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_source_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    referrer_url: Option<&'a str>,
    user_data: UserData<'a>,
    #[serde(skip_serializing_if = "CustomData::is_empty")]
    custom_data: CustomData<'a>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    opt_out: bool,
    #[serde(flatten)]
    processing: Option<LimitedDataUse>,
}

/// Restricted processing under US state laws. Country and state 0: Meta finds out itself whose law it is.
#[derive(Serialize)]
struct LimitedDataUse {
    data_processing_options: [&'static str; 1],
    data_processing_options_country: u8,
    data_processing_options_state: u8,
}

const LIMITED: LimitedDataUse = LimitedDataUse {
    data_processing_options: ["LDU"],
    data_processing_options_country: 0,
    data_processing_options_state: 0,
};

/// The event as JSON text.
pub(super) fn json(
    event: &Event,
    limited_data_use: bool,
    settings: &Settings,
    action_source: &str,
) -> String {
    let wire = WireEvent {
        event_name: name(&event.event_name),
        event_time: event.event_time,
        event_id: &event.event_id,
        action_source,
        event_source_url: filled(event.page.url.as_deref()),
        referrer_url: filled(event.page.referrer.as_deref()),
        user_data: UserData::of(event),
        custom_data: CustomData::of(event, settings.content_type),
        opt_out: settings.opt_out,
        // Either wish is enough; the sender's own cannot be overruled by consent.
        processing: (limited_data_use || event.limited_data_use).then_some(LIMITED),
    };
    // Nothing in these types can fail to serialise. Should it ever, Meta refuses the empty event, and it ends on record
    // as rejected instead of taking its batch down.
    serde_json::to_string(&wire).unwrap_or_else(|_| "{}".to_owned())
}

fn name(ours: &str) -> &str {
    NAMES.iter().find(|(name, _)| *name == ours).map_or(ours, |(_, metas)| metas)
}

/// Where it happened: as the sender says in Meta's words, else by how it came.
pub(super) fn action_source(event: &Event) -> &'static str {
    let said = event.properties.get("action_source").and_then(Value::as_str);
    let said = said.and_then(|said| ACTION_SOURCES.iter().find(|word| said.eq_ignore_ascii_case(word)));
    match (said, event.channel) {
        (Some(said), _) => said,
        (None, Channel::Offline) => STORE,
        (None, _) if event.unattended => SYSTEM,
        (None, _) => WEBSITE,
    }
}

/// Whether it lacks what Meta's documentation asks of web events.
pub(super) fn lacks_website(event: &Event) -> bool {
    filled(event.page.url.as_deref()).is_none() || filled(event.user.user_agent.as_deref()).is_none()
}

/// What gets lost on the way into Meta's shape.
pub(super) fn lint(event: &Event) -> Vec<Finding> {
    let mut findings = Vec::new();
    if action_source(event) == WEBSITE && lacks_website(event) {
        let text = "Meta asks for the page's address and the browser's user agent with every web event; it may refuse \
                    this one, which then goes as system_generated";
        findings.push(Finding::info("website_incomplete", text).on("page.url"));
    }
    if event.content_type.as_deref().is_some_and(|t| ContentType::parse(t).is_none()) {
        let text = "content_type must be product or product_group; the set-up's own is sent";
        findings.push(Finding::warning("content_type_invalid", text).on("content_type"));
    }
    findings
}
