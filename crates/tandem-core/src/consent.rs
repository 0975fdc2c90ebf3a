//! Consent: what the visitor allowed, how we know, and what that means for one destination.
//!
//! The decision is taken once, when the event comes in, and stored with it; it is read again before sending.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// The answer to one question ("may this be used for advertising?").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// The visitor said yes.
    Granted,
    /// The visitor said no, or took a yes back.
    Denied,
    /// Nobody told us.
    #[default]
    Unknown,
}

/// What is known of a visitor's consent for one event.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Consent {
    /// Use of the data for advertising; what ad platforms need.
    pub advertising: Status,
    /// The signal it came from, e.g. `order meta consent_marketing`; absent when nobody told us.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Cow<'static, str>>,
    /// Opted out of sale or sharing under a US state law: send, but with limited data use.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub opt_out_of_sale: bool,
    /// Where the visitor is: ISO country, or `US-CA` for a US state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
}

/// What a site does when nobody told us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnUnknown {
    /// Deny where the law asks for opt-in (and where the region is not known), grant elsewhere.
    #[default]
    ByRegion,
    /// Send nothing.
    Deny,
    /// Send. For shops that only let consenting visitors buy, or are outside opt-in regions.
    Grant,
}

/// Whether one event may go to an advertising destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Send it, with TikTok's `limited_data_use` (and the like) when true.
    Send {
        /// Restricted processing under US state laws.
        limited_data_use: bool,
    },
    /// Do not send; the text is the reason on record.
    Skip(&'static str),
}

/// Countries whose law asks for consent before advertising use: EU and EEA, UK, Switzerland.
const OPT_IN: &[&str] = &[
    "AT", "BE", "BG", "CH", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GB", "GR", "HR", "HU", "IE",
    "IS", "IT", "LI", "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK",
];

/// Whether consent must be asked for before use in this region. An unknown region counts as one.
#[must_use]
pub fn opt_in_region(region: Option<&str>) -> bool {
    region.is_none_or(|r| OPT_IN.contains(&r.get(..2).unwrap_or(r)))
}

/// Reason on record: the visitor said no.
pub const DENIED: &str = "consent_denied";

/// Reason on record: nobody told us, and the site sends nothing then.
pub const UNKNOWN: &str = "consent_unknown";

/// Decides for an advertising destination.
#[must_use]
pub fn decide(consent: &Consent, on_unknown: OnUnknown) -> Decision {
    let send = Decision::Send { limited_data_use: consent.opt_out_of_sale };
    match (consent.advertising, on_unknown) {
        (Status::Granted, _) | (Status::Unknown, OnUnknown::Grant) => send,
        (Status::Denied, _) => Decision::Skip(DENIED),
        (Status::Unknown, OnUnknown::Deny) => Decision::Skip(UNKNOWN),
        (Status::Unknown, OnUnknown::ByRegion) if opt_in_region(consent.region.as_deref()) => {
            Decision::Skip(UNKNOWN)
        }
        (Status::Unknown, OnUnknown::ByRegion) => send,
    }
}
