//! Meta's switches.

use serde::{Deserialize, Serialize};

/// Behaviour of the stand-in for Meta. Missing fields take their default, unknown fields are an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MetaOptions {
    /// Known pixels; empty knows every pixel whose id is a number. Others are answered with 100, subcode 33.
    pub pixels: Vec<String>,
    /// Pixels the tokens may not write to: answered with 200 and HTTP 403.
    pub forbidden_pixels: Vec<String>,
    /// Accepted access tokens; empty accepts every token that is neither revoked nor expired.
    pub tokens: Vec<String>,
    /// Tokens answered with 190, subcode 460.
    pub revoked_tokens: Vec<String>,
    /// Tokens answered with 190, subcode 463.
    pub expired_tokens: Vec<String>,
    /// HTTP status of 190 with a subcode. A token that cannot be read at all is seen with 401 live (September 2026);
    /// for the others reports differ between 400 and 401.
    pub token_status: u16,
    /// Refuse website events without `event_source_url` or `client_user_agent`, as documented. Live the browser string
    /// was seen to be optional (September 2026). Off, they are flaws.
    pub refuse_incomplete_website_events: bool,
    /// Refuse keys that must be hashed and are not, with subcode 2804016, as seen live. Off, they only never match.
    pub refuse_unhashed: bool,
    /// Collapse a second server event with the same name and id. Meta documents it for pairs of browser and server;
    /// integrations report it for the server alone.
    pub collapse_server_repeats: bool,
    /// How far ahead of our clock an event may be, in seconds. Meta documents no number.
    pub future_allowance_s: u32,
    /// Requests a second for one token, refused with code 4 beyond; `null` turns it off.
    pub rate_per_s: Option<u32>,
    /// Event ids refused with code 100, and their whole request with them.
    pub refuse_event_ids: Vec<String>,
}

impl Default for MetaOptions {
    fn default() -> Self {
        MetaOptions {
            pixels: Vec::new(),
            forbidden_pixels: Vec::new(),
            tokens: Vec::new(),
            revoked_tokens: vec!["revoked".into()],
            expired_tokens: vec!["expired".into()],
            token_status: 400,
            refuse_incomplete_website_events: true,
            refuse_unhashed: true,
            collapse_server_repeats: true,
            future_allowance_s: 60,
            rate_per_s: None,
            refuse_event_ids: Vec::new(),
        }
    }
}
