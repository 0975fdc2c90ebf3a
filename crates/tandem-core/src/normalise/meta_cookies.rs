//! Meta's cookies `_fbc` (the click) and `_fbp` (the browser): read, kept and made.
//!
//! Form and rules are those of Meta's documentation (*fbp and fbc parameters*, 2026) and of its published parameter
//! builder: `fb.<index>.<milliseconds>.<value>`, where the index counts the dots of the domain the cookie is set on.

use std::borrow::Cow;

/// Meta credits no click that is older, in milliseconds.
const CLICK_LIFE_MS: i64 = 90 * 86_400_000;

/// Whether this is a value of `_fbc` or `_fbp`: `fb.<index>.<milliseconds>.<value>`, with the mark of Meta's builder, two
/// or eight characters, allowed behind.
pub fn is_meta_cookie(value: &str) -> bool {
    parts(value).is_some()
}

/// The `_fbc` to use, for a click id out of an address, if there is one, and the `_fbc` that is known. The known one stays
/// while it is of the same click; another click makes a new one, seen at `now_ms`. `domain` is the one that the cookie is
/// set on, if it is to be set.
pub fn fbc<'a>(
    fbclid: Option<&str>,
    known: Option<&'a str>,
    now_ms: i64,
    domain: Option<&str>,
) -> Option<Cow<'a, str>> {
    let known = known.filter(|known| is_meta_cookie(known));
    let of_click = |known: &str, fbclid: &str| parts(known).is_some_and(|(_, id)| id == fbclid);
    match (fbclid, known) {
        (None, known) => known.map(Cow::Borrowed),
        (Some(fbclid), Some(known)) if of_click(known, fbclid) => Some(Cow::Borrowed(known)),
        (Some(fbclid), _) => Some(Cow::Owned(format!("fb.{}.{now_ms}.{fbclid}", index(domain)))),
    }
}

/// Whether the click of an `_fbc` may still count at this time.
pub fn is_fresh_fbc(fbc: &str, now_ms: i64) -> bool {
    parts(fbc).is_some_and(|(seen_ms, _)| now_ms.saturating_sub(seen_ms) <= CLICK_LIFE_MS)
}

/// A new `_fbp`. Of `random` 31 bits are used.
pub fn fbp_of(random: u32, now_ms: i64, domain: Option<&str>) -> String {
    format!("fb.{}.{now_ms}.{}", index(domain), random & 0x7fff_ffff)
}

/// `com` 0, `shop.example` 1, `www.shop.example` 2; 1 where no cookie is set.
fn index(domain: Option<&str>) -> usize {
    domain.map_or(1, |domain| domain.trim_matches('.').matches('.').count())
}

/// When it was made, and the value.
fn parts(cookie: &str) -> Option<(i64, &str)> {
    let parts: Vec<&str> = cookie.split('.').collect();
    let (index, time, value) = match parts.as_slice() {
        ["fb", index, time, value] => (index, time, value),
        ["fb", index, time, value, mark] if matches!(mark.len(), 2 | 8) => (index, time, value),
        _ => return None,
    };
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    (digits(index) && !value.is_empty() && digits(time)).then(|| Some((time.parse().ok()?, *value)))?
}
