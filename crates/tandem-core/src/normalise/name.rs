//! First and last names, and the street.
//!
//! Accents and letters of every script stay in all forms.

use std::borrow::Cow;

use super::{Normalised, Prepared, Reason, prepare_person, text};

/// Trimmed and lower-cased, nothing removed: the form of Google Ads, Pinterest and Snap, and the input of the
/// other two.
pub fn normalise(raw: &str) -> Result<Normalised, Reason> {
    match prepare_person(raw)? {
        Prepared::Hashed(hashed) => Ok(Normalised::Hashed(hashed)),
        Prepared::Text(text) if compact(text).is_empty() => Err(Reason::Empty),
        Prepared::Text(text) => Ok(Normalised::Text(text.to_lowercase())),
    }
}

/// Without white space and ASCII punctuation: the form of Meta and TikTok (Meta's customer information
/// parameters).
pub fn compact(trimmed: &str) -> Cow<'_, str> {
    text::remove(trimmed, |c| c.is_whitespace() || c.is_ascii_punctuation() || text::is_invisible(c))
}

/// Without digits and symbols: the form of Google Analytics "user-provided data".
///
/// `None` if nothing is left.
pub fn ga4(trimmed: &str) -> Option<Cow<'_, str>> {
    trim_again(text::remove(trimmed, |c| c.is_numeric() || text::is_symbol(c)))
}

/// A street: lower-cased, without symbols, digits kept (Google Analytics "user-provided data").
pub fn street(raw: &str) -> Result<Normalised, Reason> {
    match prepare_person(raw)? {
        Prepared::Hashed(hashed) => Ok(Normalised::Hashed(hashed)),
        Prepared::Text(text) => {
            let lower = text.to_lowercase();
            let bare = trim_again(text::remove(&lower, text::is_symbol)).ok_or(Reason::Empty)?;
            text::refuse_placeholder(&bare)?;
            Ok(Normalised::Text(bare.into_owned()))
        }
    }
}

fn trim_again(text: Cow<'_, str>) -> Option<Cow<'_, str>> {
    let trimmed = text::trim(&text);
    match (trimmed.len(), text.len()) {
        (0, _) => None,
        (short, long) if short == long => Some(text),
        _ => Some(Cow::Owned(trimmed.to_owned())),
    }
}
