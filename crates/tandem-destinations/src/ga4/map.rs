//! An event in the shape GA4 wants, and what stands around it.

use std::borrow::Cow;

use serde::Serialize;
use tandem_core::{Event, names as ours};

use super::consent::{self, Consent, Word};
use super::params::Params;
use super::user::UserData;
use super::{client, names};
use crate::wire::filled;

const MICROS: i64 = 1_000_000;

/// One element of `events`.
#[derive(Serialize)]
struct WireEvent<'a> {
    name: Cow<'static, str>,
    params: Params<'a>,
}

/// Everything around the events: who, when, and what is allowed.
#[derive(Serialize)]
struct Around<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<Cow<'a, str>>,
    timestamp_micros: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    consent: Option<Consent>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ip_override: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_data: Option<UserData<'a>>,
}

/// The event as JSON text.
pub(super) fn json(event: &Event) -> String {
    let wire = WireEvent { name: names::wire(&event.event_name), params: Params::of(event) };
    // Nothing in these types can fail to serialise.
    serde_json::to_string(&wire).unwrap_or_else(|_| "{}".to_owned())
}

/// The request's beginning, up to and including the bracket that opens `events`.
pub(super) fn around(event: &Event, limited_data_use: bool, with_user_data: bool) -> String {
    let word = consent::word(event, limited_data_use);
    let allowed = with_user_data && word != Some(Word::Denied);
    let around = Around {
        client_id: client::of(event),
        timestamp_micros: event.event_time.saturating_mul(MICROS),
        consent: word.map(Consent::of),
        ip_override: filled(event.user.ip.as_deref()),
        user_agent: filled(event.user.user_agent.as_deref()),
        user_data: if allowed { UserData::of(&event.user) } else { None },
    };
    let text = serde_json::to_string(&around).unwrap_or_else(|_| "{}".to_owned());
    let open = text.strip_suffix('}').unwrap_or("{");
    let comma = if open == "{" { "" } else { "," };
    format!("{open}{comma}\"events\":[")
}

/// Whether GA4 knows the event when it comes again: by the transaction id of a purchase, and by nothing else.
pub(super) fn is_recognised(event: &Event) -> bool {
    event.event_name == ours::PURCHASE && filled(event.order_id.as_deref()).is_some()
}
