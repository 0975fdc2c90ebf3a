//! E-mail addresses.
//!
//! The base form is trimmed and lower-cased, nothing else (TikTok Events API 2.0 reference, Meta's customer
//! information parameters, and the same at Pinterest, Snap and LinkedIn). Google, Reddit and Microsoft each
//! want more removed; those functions take the base form.

use std::borrow::Cow;

use super::{Normalised, Prepared, Reason, prepare_person, text};

/// RFC 5321 allows 254 bytes; a little air for addresses beyond ASCII.
const MAX_BYTES: usize = 320;

/// Trim and lower-case; dots, plus tags and an international domain stay as they are.
pub fn normalise(raw: &str) -> Result<Normalised, Reason> {
    match prepare_person(raw)? {
        Prepared::Hashed(hashed) => Ok(Normalised::Hashed(hashed)),
        Prepared::Text(text) => match text.to_lowercase() {
            lower if is_plausible(&lower) => Ok(Normalised::Text(lower)),
            _ => Err(Reason::InvalidEmail),
        },
    }
}

/// The base form of an address with white space inside, which only Google and Microsoft tell us to remove.
///
/// `None` if there is none, or if what remains is no address either.
pub fn without_spaces(raw: &str) -> Option<String> {
    let trimmed = text::trim(raw);
    match text::without_spaces(trimmed) {
        Cow::Borrowed(_) => None,
        Cow::Owned(compact) => match normalise(&compact) {
            Ok(Normalised::Text(text)) => Some(text),
            _ => None,
        },
    }
}

/// For Google's user-provided data of older date: dots go from the local part of Gmail addresses.
///
/// Source: Google Analytics "user-provided data" and Google Ads API "enhanced conversions".
pub fn google_dots(base: &str) -> Cow<'_, str> {
    match split(base) {
        Some((local, domain)) if is_gmail(domain) && local.contains('.') => {
            join(&local.replace('.', ""), domain, base)
        }
        _ => Cow::Borrowed(base),
    }
}

/// For Google's Data Manager: dots and everything from the plus sign go from Gmail addresses.
///
/// Source: Google Data Manager API, "format user data" (2026).
pub fn google(base: &str) -> Cow<'_, str> {
    match split(base) {
        Some((local, domain)) if is_gmail(domain) && local.contains(['.', '+']) => {
            join(&before_plus(local).replace('.', ""), domain, base)
        }
        _ => Cow::Borrowed(base),
    }
}

/// For Microsoft: the plus tag and the dots of the local part go for every domain, accents are folded.
///
/// Source: Microsoft Advertising help, "enhanced conversions".
pub fn microsoft(base: &str) -> Cow<'_, str> {
    match split(base) {
        Some((local, domain)) if local.contains(['.', '+']) || !base.is_ascii() => {
            let local = before_plus(local).replace('.', "");
            join(&text::fold_accents(&local), &text::fold_accents(domain), base)
        }
        _ => Cow::Borrowed(base),
    }
}

/// For Reddit: the local part is cut at the plus sign, then only its letters and digits stay.
///
/// Source: Reddit "match keys"; Reddit's own sample gives the same hash.
pub fn reddit(base: &str) -> Cow<'_, str> {
    match split(base) {
        Some((local, domain)) if local.contains(|c: char| !c.is_alphanumeric()) => {
            let local: String = before_plus(local).chars().filter(|c| c.is_alphanumeric()).collect();
            join(&local, domain, base)
        }
        _ => Cow::Borrowed(base),
    }
}

/// An empty local part would be nobody's address: then the base form stays.
fn join<'a>(local: &str, domain: &str, base: &'a str) -> Cow<'a, str> {
    if local.is_empty() { Cow::Borrowed(base) } else { Cow::Owned([local, "@", domain].concat()) }
}

fn split(address: &str) -> Option<(&str, &str)> {
    address.rsplit_once('@')
}

fn before_plus(local: &str) -> &str {
    local.split('+').next().unwrap_or(local)
}

fn is_gmail(domain: &str) -> bool {
    matches!(domain, "gmail.com" | "googlemail.com")
}

/// One `@` between a local part and a domain with a dot inside, and nothing an address cannot hold.
fn is_plausible(address: &str) -> bool {
    let Some((local, domain)) = address.split_once('@') else { return false };
    !local.is_empty()
        && address.len() <= MAX_BYTES
        && domain.contains('.')
        && !domain.contains("..")
        && !domain.starts_with(['.', '-'])
        && !domain.ends_with(['.', '-'])
        && !address.contains(is_foreign_to_addresses)
        && !domain.contains('@')
}

fn is_foreign_to_addresses(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || text::is_invisible(c)
        || matches!(c, '(' | ')' | '<' | '>' | '[' | ']' | ',' | ';' | ':' | '\\' | '"')
}
