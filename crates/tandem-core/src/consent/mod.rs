//! Consent: what the visitor allowed, how we know, and what that means for one destination.
//!
//! Signals (of consent tools, of Google's consent mode, of the IAB, of the browser) are decoded here ([`consent_mode`], [`tcf`],
//! [`tools`]) and merged into one record ([`Signals::read`]) when an event comes in. The record is stored with the event;
//! each destination's [`Gate`] rules on it then, and again before sending.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub mod consent_mode;
mod gate;
mod merge;
mod names;
mod region;
pub mod tcf;
pub mod tools;

pub use gate::{Decision, Gate, Gates, Gpc, OnDenied, OnUnknown, Policy, Ruling};
pub use merge::{Answer, Reading, Signals};
pub use names::{Categories, VendorNames};
pub use region::{is_opt_in, is_within, region};

/// The answer to one question ("may this be used for advertising?").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
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

impl Status {
    pub(crate) fn of(yes: bool) -> Self {
        if yes { Self::Granted } else { Self::Denied }
    }

    fn is_unknown(&self) -> bool {
        *self == Self::Unknown
    }

    /// As on record.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Granted => "granted",
            Self::Denied => "denied",
            Self::Unknown => "unknown",
        }
    }
}

/// What data is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// Showing ads and measuring them; what ad platforms need.
    Advertising,
    /// Statistics of the shop's own.
    Analytics,
    /// Comfort: language, chat, videos.
    Functional,
}

impl Purpose {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Advertising, Self::Analytics, Self::Functional];

    /// As on record.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Advertising => "advertising",
            Self::Analytics => "analytics",
            Self::Functional => "functional",
        }
    }
}

/// The order's own word, kept with it by the shop.
pub const ORDER: &str = "order_consent";

/// Global Privacy Control.
pub const GPC: &str = "gpc";

/// Reason on record: several signals disagree, and the strictest counts.
pub const MOST_RESTRICTIVE: &str = "most_restrictive";

/// Reason on record: the visitor took a yes back after it was given for this event.
pub const WITHDRAWN: &str = "withdrawn";

/// The signal that a status came from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize)]
pub struct Evidence {
    /// Which one, e.g. `cookiebot`, `gcd`, `order_consent`.
    pub signal: Cow<'static, str>,
    /// The part of its raw value that says yes or no, cut short; never an id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// When it was said or first read, Unix milliseconds; 0 for a time nobody knows, before everything else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_ms: Option<i64>,
    /// More than the signal's name, e.g. [`MOST_RESTRICTIVE`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<Cow<'static, str>>,
}

/// Longest raw value that is kept, in bytes. The purposes of a TC string stand in its first 34 characters.
pub const MAX_VALUE: usize = 120;

impl Evidence {
    /// A signal and its raw value.
    #[must_use]
    pub fn new(signal: impl Into<Cow<'static, str>>, value: impl Into<String>) -> Self {
        let mut value = value.into();
        value.truncate(value.floor_char_boundary(MAX_VALUE));
        Self { signal: signal.into(), value: Some(value).filter(|v| !v.is_empty()), ..Self::default() }
    }
}

/// Files of earlier versions hold a text only.
impl<'de> Deserialize<'de> for Evidence {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Kept {
            Text(String),
            Whole { signal: String, value: Option<String>, at_ms: Option<i64>, note: Option<String> },
        }
        Ok(match Kept::deserialize(deserializer)? {
            Kept::Text(signal) => Self { signal: signal.into(), ..Self::default() },
            Kept::Whole { signal, value, at_ms, note } => {
                Self { signal: signal.into(), value, at_ms, note: note.map(Into::into) }
            }
        })
    }
}

/// What is known of a visitor's consent for one event.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Consent {
    /// Use of the data for advertising; what ad platforms need.
    pub advertising: Status,
    /// Use for statistics.
    #[serde(default, skip_serializing_if = "Status::is_unknown")]
    pub analytics: Status,
    /// Use for comfort.
    #[serde(default, skip_serializing_if = "Status::is_unknown")]
    pub functional: Status,
    /// Purposes whose status is a preset of the shop's tool, with no choice of the visitor's behind it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by_default: Vec<Purpose>,
    /// No destination of the site may have anything of the visitor, though nobody said no to advertising as such.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refused: bool,
    /// What a consent tool says of single platforms, by our name of the platform.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub vendors: BTreeMap<String, Status>,
    /// What decided on advertising; absent when nobody told us.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
    /// The browser sends Global Privacy Control.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gpc: bool,
    /// Opted out of sale or sharing under a US state law: send, but with limited data use.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub opt_out_of_sale: bool,
    /// Where the visitor is: ISO country, or `US-CA` for a state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
}

impl Consent {
    /// The status of a purpose.
    #[must_use]
    pub fn of(&self, purpose: Purpose) -> Status {
        match purpose {
            Purpose::Advertising => self.advertising,
            Purpose::Analytics => self.analytics,
            Purpose::Functional => self.functional,
        }
    }

    /// Whether anybody said anything.
    #[must_use]
    pub fn has_word(&self) -> bool {
        Purpose::ALL.iter().any(|purpose| !self.of(*purpose).is_unknown()) || !self.vendors.is_empty()
    }

    /// Whether anybody said anything, or opted out of anything.
    #[must_use]
    pub fn says_anything(&self) -> bool {
        self.has_word() || self.gpc || self.opt_out_of_sale
    }

    /// Whether the visitor chose anything; a preset is no choice.
    #[must_use]
    pub fn has_choice(&self) -> bool {
        let chosen =
            |purpose: &Purpose| !self.of(*purpose).is_unknown() && !self.by_default.contains(purpose);
        Purpose::ALL.iter().any(chosen) || !self.vendors.is_empty()
    }

    /// Whether the visitor chose not to be used for advertising.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        self.refused || self.denies(Purpose::Advertising)
    }

    /// Whether the visitor chose no.
    pub(crate) fn denies(&self, purpose: Purpose) -> bool {
        self.of(purpose) == Status::Denied && !self.by_default.contains(&purpose)
    }

    /// Whether it says no, by choice, to anything that the other one does not.
    #[must_use]
    pub fn denies_beyond(&self, known: &Self) -> bool {
        let vendor = |(name, status): (&String, &Status)| {
            *status == Status::Denied && known.vendors.get(name) != Some(status)
        };
        Purpose::ALL.iter().any(|purpose| self.denies(*purpose) && !known.denies(*purpose))
            || self.vendors.iter().any(vendor)
            || self.refused && !known.refused
    }

    /// Takes over what a later word says no to, and nothing of what it allows.
    pub(crate) fn restrict(&mut self, word: &Self) {
        for purpose in Purpose::ALL.into_iter().filter(|purpose| word.denies(*purpose)) {
            self.by_default.retain(|preset| *preset != purpose);
            self.set(purpose, Status::Denied);
        }
        let denied = word.vendors.iter().filter(|(_, status)| **status == Status::Denied);
        self.vendors.extend(denied.map(|(name, status)| (name.clone(), *status)));
        self.refused |= word.refused;
        self.opt_out_like(word);
        self.evidence = word.evidence.clone();
    }

    /// When it was said, Unix milliseconds; 0 for a time nobody knows.
    #[must_use]
    pub fn said_ms(&self) -> Option<i64> {
        self.evidence.as_ref()?.at_ms
    }

    /// The same, said at this time unless a signal told its own.
    #[must_use]
    pub fn said_at(mut self, at_ms: i64) -> Self {
        if self.has_word() {
            self.evidence.get_or_insert_default().at_ms.get_or_insert(at_ms);
        }
        self
    }

    /// Whether it lifts a no that was said before it: only a yes to advertising, by choice, does.
    #[must_use]
    pub fn lifts(&self) -> bool {
        let vendor = self.vendors.values().any(|status| *status == Status::Granted);
        let chosen = self.advertising == Status::Granted && !self.by_default.contains(&Purpose::Advertising);
        (chosen || vendor) && !self.is_refusal()
    }

    /// Takes somebody's word on what it has none of itself, and adds up what was opted out of. Whether it took anything.
    pub(crate) fn fill(&mut self, word: &Self) -> bool {
        let mut took = false;
        // An own word on advertising speaks for the platforms too.
        let is_decided = self.advertising != Status::Unknown
            && !self.by_default.contains(&Purpose::Advertising)
            || !self.vendors.is_empty();
        for purpose in Purpose::ALL {
            let own = !self.of(purpose).is_unknown() && !self.by_default.contains(&purpose);
            if own || word.of(purpose).is_unknown() {
                continue;
            }
            self.by_default.retain(|preset| *preset != purpose);
            if word.by_default.contains(&purpose) {
                self.by_default.push(purpose);
            }
            self.set(purpose, word.of(purpose));
            took = true;
            if purpose == Purpose::Advertising || self.evidence.is_none() {
                self.evidence.clone_from(&word.evidence);
            }
        }
        if !is_decided && (word.refused || !word.vendors.is_empty()) {
            self.vendors.clone_from(&word.vendors);
            self.refused |= word.refused;
            took = true;
        }
        if self.evidence.is_none() && took {
            self.evidence.clone_from(&word.evidence);
        }
        self.opt_out_like(word);
        if self.region.is_none() {
            self.region.clone_from(&word.region);
        }
        took
    }

    fn set(&mut self, purpose: Purpose, status: Status) {
        match purpose {
            Purpose::Advertising => self.advertising = status,
            Purpose::Analytics => self.analytics = status,
            Purpose::Functional => self.functional = status,
        }
    }

    /// Takes over somebody's word, and adds up what was opted out of: that is no question of who was asked last.
    pub fn take(&mut self, word: &Self) {
        let kept = std::mem::take(self);
        self.clone_from(word);
        self.opt_out_of_sale |= kept.opt_out_of_sale;
        self.gpc |= kept.gpc;
        self.region = kept.region.or(self.region.take());
    }

    /// Adds what somebody's word opts out of, and leaves the rest.
    pub fn opt_out_like(&mut self, word: &Self) {
        self.opt_out_of_sale |= word.opt_out_of_sale;
        self.gpc |= word.gpc;
    }
}

/// Reason on record: the visitor said no.
pub const DENIED: &str = "consent_denied";

/// Reason on record: nobody told us, and the site sends nothing then.
pub const UNKNOWN: &str = "consent_unknown";
