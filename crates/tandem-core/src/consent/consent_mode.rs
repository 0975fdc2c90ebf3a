//! Google's consent mode as it travels with hits: `gcs` and `gcd`, and as JSON (`consent_state` of tag managers).
//!
//! The bit layout of `gcd` is that of the published gtag script; where it goes on to a vendor's preset we stop and say
//! unknown, since that is nobody's choice.

use super::merge::{Answer, Reading};
use super::{Evidence, Status};

/// The four keys of consent mode.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ConsentMode<T> {
    /// Cookies for advertising.
    pub ad_storage: T,
    /// Cookies for statistics.
    pub analytics_storage: T,
    /// Sending a person's data to Google for advertising.
    pub ad_user_data: T,
    /// Remarketing.
    pub ad_personalization: T,
}

/// Reads `gcs`: `G1` and two characters, or `G2` and four. `None` when malformed.
#[must_use]
pub fn gcs(text: &str) -> Option<ConsentMode<Status>> {
    let status = |c: &u8| match c {
        b'0' => Some(Status::Denied),
        b'1' => Some(Status::Granted),
        b'-' => Some(Status::Unknown),
        _ => None,
    };
    let (version, rest) = text.split_at_checked(2)?;
    let each: Vec<Status> = rest.as_bytes().iter().map(status).collect::<Option<_>>()?;
    match (version, each.as_slice()) {
        ("G1", &[ad_storage, analytics_storage]) => {
            Some(ConsentMode { ad_storage, analytics_storage, ..ConsentMode::default() })
        }
        ("G2", &[ad_storage, analytics_storage, ad_user_data, ad_personalization]) => {
            Some(ConsentMode { ad_storage, analytics_storage, ad_user_data, ad_personalization })
        }
        _ => None,
    }
}

/// One key of `gcd`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pair {
    /// The vendor's own preset.
    pub implicit: Status,
    /// Declared in the page beforehand.
    pub declared: Status,
    /// The shop's preset.
    pub default: Status,
    /// The visitor's choice.
    pub update: Status,
}

impl Pair {
    fn of(first: u8, second: u8) -> Self {
        let status = |bits: u8| match bits & 3 {
            2 => Status::Denied,
            3 => Status::Granted,
            _ => Status::Unknown,
        };
        Self {
            implicit: status(first),
            declared: status(second >> 4),
            default: status(second >> 2),
            update: status(second),
        }
    }

    /// Update, else default, else declared.
    #[must_use]
    pub fn effective(&self) -> Status {
        let known = [self.update, self.default, self.declared];
        known.into_iter().find(|status| !status.is_unknown()).unwrap_or_default()
    }

    fn answer(&self) -> Answer {
        Answer { status: self.effective(), by_choice: !self.update.is_unknown() }
    }
}

/// Reads `gcd`: `1`, then two characters for each key, then a tail that means nothing to us. `None` when malformed or of
/// another version.
#[must_use]
pub fn gcd(text: &str) -> Option<ConsentMode<Pair>> {
    let pairs = text.strip_prefix('1')?.as_bytes().get(..8)?;
    let mut values = [0; 8];
    for (value, c) in values.iter_mut().zip(pairs) {
        *value = index(*c)?;
    }
    let [a, b, c, d, e, f, g, h] = values;
    Some(ConsentMode {
        ad_storage: Pair::of(a, b),
        analytics_storage: Pair::of(c, d),
        ad_user_data: Pair::of(e, f),
        ad_personalization: Pair::of(g, h),
    })
}

/// `0-9 a-z A-Z - _`, counted from 0.
fn index(c: u8) -> Option<u8> {
    Some(match c {
        b'0'..=b'9' => c - b'0',
        b'a'..=b'z' => c - b'a' + 10,
        b'A'..=b'Z' => c - b'A' + 36,
        b'-' => 62,
        b'_' => 63,
        _ => return None,
    })
}

/// What the keys say of advertising. Storage alone is not enough: the platforms get a person's data.
pub(super) fn advertising(storage: Answer, user_data: Answer) -> (Answer, Option<&'static str>) {
    let denied = |answer: Answer| answer.status == Status::Denied;
    match (denied(storage), denied(user_data)) {
        (true, true) if user_data.weight() > storage.weight() => (user_data, Some("ad_user_data_denied")),
        (true, _) => (storage, None),
        (false, true) => (user_data, Some("ad_user_data_denied")),
        (false, false) if storage.status == user_data.status => {
            (Answer { by_choice: storage.by_choice && user_data.by_choice, ..storage }, None)
        }
        // One granted, the other not said.
        (false, false) => (Answer::default(), None),
    }
}

/// The reading of a `gcd`.
pub(super) fn reading_of_gcd(text: &str) -> Option<Reading> {
    let mode = gcd(text)?;
    let (advertising, note) = advertising(mode.ad_storage.answer(), mode.ad_user_data.answer());
    Some(Reading {
        evidence: Evidence { note: note.map(Into::into), ..Evidence::new("gcd", text) },
        advertising,
        analytics: mode.analytics_storage.answer(),
        ..Reading::default()
    })
}

/// The reading of a `gcs`, which does not tell choices from presets; we take it for a choice, so that its no counts.
pub(super) fn reading_of_gcs(text: &str) -> Option<Reading> {
    let mode = gcs(text)?;
    let (advertising, note) = advertising(Answer::chosen(mode.ad_storage), Answer::chosen(mode.ad_user_data));
    Some(Reading {
        evidence: Evidence { note: note.map(Into::into), ..Evidence::new("gcs", text) },
        advertising,
        analytics: Answer::chosen(mode.analytics_storage),
        ..Reading::default()
    })
}
