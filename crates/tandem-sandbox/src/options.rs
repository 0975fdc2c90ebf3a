//! Every switch of the sandbox. What a platform documents has no switch; what nobody documents has one.
//!
//! TikTok's switches stand beside the common ones; the other platforms' have a table of their own.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Ga4Options, MetaOptions};

/// How error codes are carried: TikTok's own pages say "always HTTP 200", live reports say otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HttpMode {
    /// HTTP 200 for every answer of the API, the code in the body decides.
    #[default]
    Envelope200,
    /// 400 for parameter errors, 401 for tokens, permissions and rate limits, 500 for system errors.
    Mapped,
}

/// A simulated person whose clear data is known, so that a wrong hash becomes visible.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Person {
    /// E-mail address in clear.
    pub email: Option<String>,
    /// Phone number with `+` and country code.
    pub phone: Option<String>,
    /// The shop's own id of this person, in clear.
    pub external_id: Option<String>,
    /// Click id, never hashed.
    pub ttclid: Option<String>,
    /// `_ttp` cookie, never hashed.
    pub ttp: Option<String>,
    /// Meta's click id (`fb.1.…`), never hashed.
    pub fbc: Option<String>,
    /// `_fbp` cookie, never hashed.
    pub fbp: Option<String>,
    /// Google Analytics' client id, never hashed.
    pub client_id: Option<String>,
}

/// Behaviour of the sandbox. Missing fields take their default, unknown fields are an error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// HTTP status of error answers.
    pub http_mode: HttpMode,
    /// Accept `"value": "89.99"`.
    pub accept_numeric_string_value: bool,
    /// Refuse every currency outside TikTok's list with 40002. What TikTok does is stated nowhere.
    pub refuse_unsupported_currency: bool,
    /// Refuse these currencies with 40002 in any case, like a text that is no currency code.
    pub refused_currencies: Vec<String>,
    /// Accepted `partner_name`s; `null` turns the check off.
    pub partner_names: Option<Vec<String>>,
    /// Code for a `partner_name` that is not accepted: 40002 or 40063.
    pub partner_code: u32,
    /// Refuse an e-mail, phone or external id that is not a SHA-256 text with 40062.
    pub strict_pii: bool,
    /// Code for more than 1,000 events in a request: 40002 or 40061.
    pub too_many_code: u32,
    /// Merge an event without `event_id` into the newest opposite half that has the same `ttp`.
    pub ttp_fallback: bool,
    /// Unify `CompletePayment` with `Purchase` (and `SubmitForm` with `Lead`) before duplicates are sought.
    pub alias_before_dedup: bool,
    /// How long the two halves of a pair may be apart to be merged, in seconds.
    pub merge_window_s: u32,
    /// How long an event is remembered as a duplicate, in seconds.
    pub dedup_window_s: u32,
    /// Requests a second for one token (40100 beyond); `null` turns it off.
    pub rate_per_s: Option<u32>,
    /// Requests a second for one pixel (40132 beyond); `null` turns it off.
    pub pixel_rate_per_s: Option<u32>,
    /// Accepted access tokens; empty accepts every token that is not revoked.
    pub tokens: Vec<String>,
    /// Tokens answered with 40105.
    pub revoked_tokens: Vec<String>,
    /// Pixels a token may write to; a token not listed may write to every pixel that is not foreign.
    pub pixels: BTreeMap<String, Vec<String>>,
    /// Pixels nobody may write to: answered with 40001.
    pub foreign_pixels: Vec<String>,
    /// Event ids refused with 40002, and their whole request with them: one bad event among good ones, made to order.
    pub refuse_event_ids: Vec<String>,
    /// Keep the list of conversions and the request log. Without it only counters and the duplicate set stay.
    pub keep_details: bool,
    /// Requests kept in the log, both halves together.
    pub log_requests: usize,
    /// Bytes of a body kept in the log.
    pub log_body_limit: usize,
    /// Keep bodies in the log as the text that arrived, also where it is JSON.
    pub log_text: bool,
    /// Test events kept.
    pub test_events: usize,
    /// Longest time a `hang` fault holds a connection, in seconds.
    pub hang_limit_s: u32,
    /// Known people for the match check.
    pub people: Vec<Person>,
    /// Meta's switches.
    pub meta: MetaOptions,
    /// Google Analytics' switches.
    pub ga4: Ga4Options,
}

impl Default for Options {
    fn default() -> Self {
        let names = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        Options {
            http_mode: HttpMode::Envelope200,
            accept_numeric_string_value: true,
            refuse_unsupported_currency: false,
            refused_currencies: vec!["UGX".into()],
            partner_names: Some(names(&["GoogleTagManagerServer", "Segment", "WooCommerce", "WordPress"])),
            partner_code: 40002,
            strict_pii: false,
            too_many_code: 40002,
            ttp_fallback: false,
            alias_before_dedup: false,
            merge_window_s: 300,
            dedup_window_s: 172_800,
            rate_per_s: Some(1000),
            pixel_rate_per_s: None,
            tokens: Vec::new(),
            revoked_tokens: names(&["revoked"]),
            pixels: BTreeMap::new(),
            foreign_pixels: names(&["NOTMYPIXEL"]),
            refuse_event_ids: Vec::new(),
            keep_details: true,
            log_requests: 200,
            log_body_limit: 65_536,
            log_text: false,
            test_events: 1000,
            hang_limit_s: 120,
            people: Vec::new(),
            meta: MetaOptions::default(),
            ga4: Ga4Options::default(),
        }
    }
}

/// An option has a value the sandbox cannot play.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadOptions {
    /// `partner_code` is neither 40002 nor 40063.
    #[error("partner_code must be 40002 or 40063, not {0}")]
    PartnerCode(u32),
    /// `too_many_code` is neither 40002 nor 40061.
    #[error("too_many_code must be 40002 or 40061, not {0}")]
    TooManyCode(u32),
    /// The merge window is longer than the duplicate window.
    #[error("merge_window_s ({merge}) must not be longer than dedup_window_s ({dedup})")]
    Windows {
        /// Seconds of the merge window.
        merge: u32,
        /// Seconds of the duplicate window.
        dedup: u32,
    },
    /// `meta.token_status` is neither 400 nor 401.
    #[error("meta.token_status must be 400 or 401, not {0}")]
    TokenStatus(u16),
    /// `ga4.status` is no success.
    #[error("ga4.status must be from 200 to 299, not {0}")]
    Success(u16),
}

impl Options {
    /// Says whether the sandbox can play these options.
    pub fn check(&self) -> Result<(), BadOptions> {
        if ![40002, 40063].contains(&self.partner_code) {
            return Err(BadOptions::PartnerCode(self.partner_code));
        }
        if ![40002, 40061].contains(&self.too_many_code) {
            return Err(BadOptions::TooManyCode(self.too_many_code));
        }
        if self.merge_window_s > self.dedup_window_s {
            return Err(BadOptions::Windows { merge: self.merge_window_s, dedup: self.dedup_window_s });
        }
        if ![400, 401].contains(&self.meta.token_status) {
            return Err(BadOptions::TokenStatus(self.meta.token_status));
        }
        if !(200..300).contains(&self.ga4.status) {
            return Err(BadOptions::Success(self.ga4.status));
        }
        Ok(())
    }

    pub(crate) fn token_is_good(&self, token: &str) -> bool {
        !self.revoked_tokens.iter().any(|t| t == token)
            && (self.tokens.is_empty() || self.tokens.iter().any(|t| t == token))
    }

    pub(crate) fn token_owns(&self, token: &str, pixel: &str) -> bool {
        !self.foreign_pixels.iter().any(|p| p == pixel)
            && self.pixels.get(token).is_none_or(|owned| owned.iter().any(|p| p == pixel))
    }
}
