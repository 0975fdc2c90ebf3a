//! What a buyer answered to the banner, and how it gets into the order.

use serde_json::{Value, json};

/// Where the WP Consent API keeps the answer on advertising.
pub(super) const COOKIE: &str = "wp_consent_marketing";

/// What the visitor pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Accepted,
    Declined,
}

impl Answer {
    /// Out of the cookie.
    pub(super) fn of(word: &str) -> Option<Self> {
        [Self::Accepted, Self::Declined].into_iter().find(|answer| answer.word() == word)
    }

    fn word(self) -> &'static str {
        match self {
            Self::Accepted => "allow",
            Self::Declined => "deny",
        }
    }

    fn status(self) -> &'static str {
        match self {
            Self::Accepted => "granted",
            Self::Declined => "denied",
        }
    }
}

/// All that a browser says of consent when somebody buys.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// Nothing while the banner is open.
    pub(super) answer: Option<Answer>,
    /// Global Privacy Control.
    pub(super) gpc: bool,
}

impl Said {
    /// As it stands in the order's meta; of somebody who said nothing, nothing does.
    pub(super) fn meta(self) -> Option<Value> {
        let mut value = match self.answer {
            Some(answer) => json!({
                "advertising": answer.status(), "signal": "wp_consent_api",
                "value": format!("{COOKIE}={}", answer.word()),
            }),
            None => json!({}),
        };
        if self.gpc {
            value["gpc"] = true.into();
        }
        (self != Self::default()).then(|| json!({ "id": 2, "key": "_tandem_consent", "value": value }))
    }
}
