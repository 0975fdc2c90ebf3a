//! City and postal code.

use std::borrow::Cow;

use super::{Normalised, Prepared, Reason, prepare_person, text};

/// Longer than any postal code of any country.
const MAX_ZIP: usize = 24;

/// A city, trimmed and lower-cased; accents stay. The input of [`plain`] and [`compact`].
pub fn city(raw: &str) -> Result<Normalised, Reason> {
    match prepare_person(raw)? {
        Prepared::Hashed(hashed) => Ok(Normalised::Hashed(hashed)),
        Prepared::Text(text) if compact(text).is_empty() => Err(Reason::Empty),
        Prepared::Text(text) => Ok(Normalised::Text(text.to_lowercase())),
    }
}

/// Without white space: what TikTok takes unhashed for city and state (partner integrations of the Events API).
pub fn plain(lower: &str) -> Cow<'_, str> {
    text::without_spaces(lower)
}

/// Without white space and punctuation, to be hashed for Meta, Pinterest and Snap (Pinterest API for
/// Conversions; Meta's customer information parameters).
pub fn compact(lower: &str) -> Cow<'_, str> {
    text::remove(lower, |c| c.is_whitespace() || text::is_symbol(c) || text::is_invisible(c))
}

/// A postal code, trimmed and lower-cased. The input of the three functions below.
pub fn zip(raw: &str) -> Result<Normalised, Reason> {
    match prepare_person(raw)? {
        Prepared::Hashed(hashed) => Ok(Normalised::Hashed(hashed)),
        Prepared::Text(text) if !text.chars().any(char::is_alphanumeric) => Err(Reason::Empty),
        Prepared::Text(text) => match text.to_lowercase() {
            lower if lower.len() > MAX_ZIP => Err(Reason::TooLong),
            lower => Ok(Normalised::Text(lower)),
        },
    }
}

/// Spaces and dashes removed, nothing cut: the form of TikTok.
pub fn zip_nodash(lower: &str) -> Cow<'_, str> {
    text::remove(lower, |c| c.is_whitespace() || is_dash(c) || text::is_invisible(c))
}

/// As [`zip_nodash`], and the plus four of the United States cut: the form of Meta and Snap (Meta's customer
/// information parameters: five digits for the United States, the whole code elsewhere).
pub fn zip_short(lower: &str) -> Cow<'_, str> {
    let digits = |text: &str, n: usize| text.len() == n && text.bytes().all(|b| b.is_ascii_digit());
    match lower.split_once(is_dash) {
        Some((five, four)) if digits(five.trim_end(), 5) && digits(four.trim_start(), 4) => {
            Cow::Borrowed(five.trim_end())
        }
        _ => zip_nodash(lower),
    }
}

/// Pinterest takes digits only.
pub fn is_digits(zip: &str) -> bool {
    zip.bytes().all(|b| b.is_ascii_digit())
}

fn is_dash(c: char) -> bool {
    matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{ff0d}')
}
