//! Click ids and cookies of the ad platforms: found, checked, never changed and never hashed.
//!
//! All ids are case-sensitive and are percent-decoded exactly once. Names of parameters are compared without
//! case, because Snap's `ScCid` appears in several spellings.

use url::Url;

use super::{Reason, text};
use crate::identity::ClickIds;
use crate::page;

/// More characters than any real click id has.
pub const MAX_CHARS: usize = 1_000;

/// TikTok's click ids are shorter; it publishes no limit, integrations draw the line about here.
const MAX_TTCLID: usize = 512;

/// Where a click id may stand: parameter in the landing URL, cookies in order of preference, the last of which is where
/// we keep one that came with an address.
struct Source {
    key: &'static str,
    parameter: Option<&'static str>,
    cookies: &'static [&'static str],
}

const SOURCES: [Source; 15] = [
    Source { key: "ttclid", parameter: Some("ttclid"), cookies: &["tiktok_ttclid", "ttclid"] },
    Source { key: "ttp", parameter: None, cookies: &["_ttp"] },
    Source { key: "fbc", parameter: None, cookies: &["_fbc"] },
    Source { key: "fbp", parameter: None, cookies: &["_fbp"] },
    Source { key: "fbclid", parameter: Some("fbclid"), cookies: &[] },
    Source { key: "gclid", parameter: Some("gclid"), cookies: &["FPGCLAW", "_gcl_aw", "gclid"] },
    Source { key: "gbraid", parameter: Some("gbraid"), cookies: &["FPGCLAG", "_gcl_ag", "gbraid"] },
    Source { key: "wbraid", parameter: Some("wbraid"), cookies: &["FPGCLGB", "_gcl_gb", "wbraid"] },
    Source { key: "epik", parameter: Some("epik"), cookies: &["_epik"] },
    Source { key: "sccid", parameter: Some("sccid"), cookies: &["_scclid", "sccid"] },
    Source { key: "sc_cookie", parameter: None, cookies: &["_scid"] },
    Source { key: "rdt_cid", parameter: Some("rdt_cid"), cookies: &["_rdt_cid"] },
    Source { key: "rdt_uuid", parameter: None, cookies: &["_rdt_uuid"] },
    Source { key: "msclkid", parameter: Some("msclkid"), cookies: &["_uetmsclkid", "msclkid"] },
    Source { key: "li_fat_id", parameter: Some("li_fat_id"), cookies: &["li_fat_id"] },
];

/// What a page view brought along.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Captured {
    /// The ids to use for this event.
    pub click_ids: ClickIds,
    /// Those of them that came with the URL or the referrer and should be kept in a cookie.
    pub store: ClickIds,
    /// Ids that were there and could not be used, by name, with the reason.
    pub rejected: Vec<(&'static str, Reason)>,
}

impl Captured {
    /// Whether anything is new and to be kept.
    pub fn stores(&self) -> bool {
        !self.store.is_empty()
    }

    /// Why the id of this name was not used, if one was there.
    pub fn reason(&self, key: &str) -> Option<Reason> {
        self.rejected.iter().find(|(name, _)| *name == key).map(|(_, reason)| *reason)
    }
}

/// Takes every click id from the page's URL, else from a referrer on the same host, else from the cookies.
///
/// The order is that of TikTok's server template; Meta's parameter builder and Snap's template do the same. An
/// empty parameter counts as absent.
pub fn capture(url: Option<&str>, referrer: Option<&str>, cookies: &[(&str, &str)]) -> Captured {
    let mut captured = Captured::default();
    if let Some(url) = url {
        read_query(url, &mut captured.store, &mut captured.rejected);
        if let Some(referrer) = referrer.filter(|r| r.contains('?') && same_host(url, r)) {
            read_query(referrer, &mut captured.store, &mut captured.rejected);
        }
    }
    captured.click_ids = captured.store.clone();
    for source in &SOURCES {
        for name in source.cookies {
            let Some((_, value)) = cookies.iter().find(|(cookie, _)| cookie == name) else { continue };
            take(source.key, from_cookie(name, value), &mut captured.click_ids, &mut captured.rejected);
        }
    }
    captured
}

/// Names of all cookies that [`capture`] reads.
pub fn cookie_names() -> impl Iterator<Item = &'static str> {
    SOURCES.iter().flat_map(|source| source.cookies).copied()
}

/// Names of the cookies that are ours to write or to renew.
pub fn kept_cookie_names() -> impl Iterator<Item = &'static str> {
    SOURCES
        .iter()
        .flat_map(|source| {
            let first = if names_browser(source.key) { 0 } else { source.cookies.len().saturating_sub(1) };
            &source.cookies[first..]
        })
        .copied()
}

/// Names of all parameters of addresses that are click ids, in lower case.
pub fn parameter_names() -> impl Iterator<Item = &'static str> {
    SOURCES.iter().filter_map(|source| source.parameter)
}

/// The cookie in which a click id that came with an address is kept, so that the next page finds it. Meta's `fbclid` is
/// kept as `_fbc`, in Meta's form (`fb.1.<milliseconds>.<fbclid>`).
pub fn cookie_of(key: &str) -> Option<&'static str> {
    SOURCES.iter().find(|source| source.key == key)?.cookies.last().copied()
}

/// Meta's `_fbc` for a click id that was seen now.
pub fn fbc_of(fbclid: &str, now_ms: i64) -> String {
    format!("fb.1.{now_ms}.{fbclid}")
}

/// Ids that name a browser, not a click: no attribution window ends them, and their cookies are renewed.
pub fn names_browser(key: &str) -> bool {
    matches!(key, "ttp" | "fbp" | "sc_cookie" | "rdt_uuid" | "ga_client_id" | "ga_session_id")
}

/// The id that a cookie with this value holds, if it is one that may be set again: in the form it should have, and
/// without the signs that end a cookie.
pub fn held_by(cookie: &str, value: &str) -> Option<&'static str> {
    let source = SOURCES.iter().find(|source| source.cookies.contains(&cookie))?;
    let harmless = value.is_ascii() && !value.contains([';', ',', '"', '\\']);
    (harmless && check(source.key, from_cookie(cookie, value)).is_ok()).then_some(source.key)
}

/// Reads every click-id parameter out of a URL's query; the URL may be relative.
pub fn from_url(url: &str) -> ClickIds {
    let mut ids = ClickIds::default();
    read_query(url, &mut ids, &mut Vec::new());
    ids
}

/// Drops the ids that are not in the form they should have.
pub(crate) fn check_all(ids: ClickIds) -> (ClickIds, Vec<(&'static str, Reason)>) {
    let (mut kept, mut rejected) = (ClickIds::default(), Vec::new());
    for (key, value) in ids.iter() {
        take(key, value, &mut kept, &mut rejected);
    }
    (kept, rejected)
}

/// Whether this is a value of Meta's `_fbc` or `_fbp`: `fb.<index>.<milliseconds>.<value>`, with Meta's mark of
/// two or eight characters allowed behind.
pub fn is_meta_cookie(value: &str) -> bool {
    let parts: Vec<&str> = value.split('.').collect();
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    match parts.as_slice() {
        ["fb", index, time, id] => digits(index) && digits(time) && !id.is_empty(),
        ["fb", index, time, id, mark] => {
            digits(index) && digits(time) && !id.is_empty() && matches!(mark.len(), 2 | 8)
        }
        _ => false,
    }
}

/// Puts a value in its place if it is usable and the place is free.
fn take(key: &'static str, value: &str, ids: &mut ClickIds, rejected: &mut Vec<(&'static str, Reason)>) {
    match check(key, value) {
        Ok(value) => {
            if let Some(slot) = ids.slot(key)
                && slot.is_none()
            {
                *slot = Some(value.to_owned());
            }
        }
        Err(Reason::Empty) => {}
        Err(reason) => rejected.push((key, reason)),
    }
}

/// The value as it is to be used, or why not.
fn check<'a>(key: &str, value: &'a str) -> Result<&'a str, Reason> {
    let value = text::trim(value);
    if value.is_empty() {
        return Err(Reason::Empty);
    }
    let max = if key == "ttclid" { MAX_TTCLID } else { MAX_CHARS };
    if value.len() > max && value.chars().count() > max {
        return Err(Reason::TooLong);
    }
    text::refuse_placeholder(value)?;
    if value.contains(['{', '}']) {
        return Err(Reason::UnresolvedMacro);
    }
    // Nobody's click id holds an address; whoever writes one there may not smuggle it into the log.
    if value.contains(|c: char| c.is_control() || c.is_whitespace()) || page::names_person(value) {
        return Err(Reason::InvalidClickId);
    }
    let ok = match key {
        "msclkid" => is_uuid_like(value),
        "fbc" | "fbp" => is_meta_cookie(value),
        _ => true,
    };
    if ok { Ok(value) } else { Err(Reason::InvalidClickId) }
}

/// Thirty-two hexadecimal digits, with or without the dashes of a UUID.
fn is_uuid_like(value: &str) -> bool {
    let digits = value.bytes().filter(|&b| b != b'-');
    matches!(value.len(), 32 | 36)
        && digits.clone().count() == 32
        && digits.clone().all(|b| b.is_ascii_hexdigit())
}

/// The id inside a cookie that wraps one.
fn from_cookie<'a>(name: &str, value: &'a str) -> &'a str {
    match name {
        // GCL.<seconds>.<id>
        "_gcl_aw" | "_gcl_ag" | "_gcl_gb" | "FPGCLAW" | "FPGCLAG" | "FPGCLGB" => {
            let id = value.strip_prefix("GCL.").and_then(|rest| rest.split_once('.'));
            id.map_or("", |(_, id)| id)
        }
        // <milliseconds>.<uuid>
        "_rdt_uuid" => value.split_once('.').map_or(value, |(_, uuid)| uuid),
        "_uetmsclkid" => value.strip_prefix("_uet").unwrap_or(value),
        _ => value,
    }
}

fn read_query(url: &str, ids: &mut ClickIds, rejected: &mut Vec<(&'static str, Reason)>) {
    let Some((_, query)) = url.split_once('?') else { return };
    let query = query.split('#').next().unwrap_or(query);
    for pair in query.split('&') {
        let Some((name, value)) = pair.split_once('=') else { continue };
        let wanted = |source: &&Source| source.parameter.is_some_and(|p| p.eq_ignore_ascii_case(name));
        let Some(source) = SOURCES.iter().find(wanted) else { continue };
        match percent_decode(value) {
            Some(value) => take(source.key, &value, ids, rejected),
            None => rejected.push((source.key, Reason::InvalidClickId)),
        }
    }
}

/// Decodes `%41` once; a plus sign stays, since click ids hold no spaces. `None` if the result is not UTF-8.
pub(crate) fn percent_decode(value: &str) -> Option<std::borrow::Cow<'_, str>> {
    if !value.contains('%') {
        return Some(value.into());
    }
    let bytes = value.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let hex = |i: usize| bytes.get(i).and_then(|&b| char::from(b).to_digit(16));
        match (byte, hex(at + 1), hex(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                decoded.push(u8::try_from(high * 16 + low).ok()?);
                at += 3;
            }
            _ => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8(decoded).ok().map(Into::into)
}

/// Both absolute, and their hosts equal but for a leading `www.`.
fn same_host(a: &str, b: &str) -> bool {
    let (Ok(a), Ok(b)) = (Url::parse(a), Url::parse(b)) else { return false };
    let bare = |host: &str| host.strip_prefix("www.").unwrap_or(host).to_owned();
    match (a.host_str(), b.host_str()) {
        (Some(a), Some(b)) => bare(a) == bare(b),
        _ => false,
    }
}
