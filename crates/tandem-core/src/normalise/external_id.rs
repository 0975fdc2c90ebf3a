//! The shop's own id of a customer or visitor.

use std::borrow::Cow;

use super::{Normalised, Prepared, Reason, prepare, text};

/// Trim only; case stays, because the browser side hashes the id as the shop gives it (TikTok's own server
/// template does the same).
///
/// Ids that every guest shares are refused: `0` of WordPress, a nil UUID, `guest`, `anonymous`.
pub fn normalise(raw: &str) -> Result<Normalised, Reason> {
    match prepare(raw)? {
        Prepared::Hashed(hashed) => Ok(Normalised::Hashed(hashed)),
        Prepared::Text(text) if is_guest(text) => Err(Reason::GuestId),
        Prepared::Text(text) => Ok(Normalised::Text(text.to_owned())),
    }
}

/// White space removed and lower-cased, from the trimmed form (Meta's customer information parameters; used for
/// all platforms but TikTok).
pub fn lower(base: &str) -> Cow<'_, str> {
    let compact = text::without_spaces(base);
    if compact.chars().any(|c| c.is_uppercase()) { Cow::Owned(compact.to_lowercase()) } else { compact }
}

fn is_guest(id: &str) -> bool {
    id.bytes().all(|b| b == b'0' || b == b'-')
        || ["guest", "anonymous", "anon"].iter().any(|g| id.eq_ignore_ascii_case(g))
}
