//! Click ids and cookies of the ad platforms: found, checked, never changed and never hashed.
//!
//! All ids are case-sensitive and are percent-decoded exactly once. Names of parameters are compared without
//! case, because Snap's `ScCid` appears in several spellings.

use std::borrow::Cow;

use url::Url;

pub use super::meta_cookies::{fbc, fbp_of, is_fresh_fbc, is_meta_cookie};
use super::{Reason, analytics, text};
use crate::identity::ClickIds;
use crate::page;

/// More characters than any real click id has.
pub const MAX_CHARS: usize = 1_000;

/// TikTok's click ids are shorter; it publishes no limit, integrations draw the line about here.
const MAX_TTCLID: usize = 512;

/// What an id is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A click on an ad. It counts for a time.
    Click,
    /// A browser, for an ad platform.
    Browser,
    /// A browser or a visit, for statistics.
    Analytics,
}

use Kind::{Analytics, Browser, Click};

/// Where an id may stand: parameter in the landing URL, cookies in order of preference, the last of which is where we keep
/// one that came with an address. A cookie that ends in `*` is any whose name begins so.
struct Source {
    key: &'static str,
    kind: Kind,
    parameter: Option<&'static str>,
    cookies: &'static [&'static str],
}

const fn source(
    key: &'static str,
    kind: Kind,
    parameter: Option<&'static str>,
    cookies: &'static [&'static str],
) -> Source {
    Source { key, kind, parameter, cookies }
}

const SOURCES: [Source; 17] = [
    source("ttclid", Click, Some("ttclid"), &["tiktok_ttclid", "ttclid"]),
    source("ttp", Browser, None, &["_ttp"]),
    source("fbc", Click, None, &["_fbc"]),
    source("fbp", Browser, None, &["_fbp"]),
    source("fbclid", Click, Some("fbclid"), &[]),
    source("gclid", Click, Some("gclid"), &["FPGCLAW", "_gcl_aw", "gclid"]),
    source("gbraid", Click, Some("gbraid"), &["FPGCLAG", "_gcl_ag", "gbraid"]),
    source("wbraid", Click, Some("wbraid"), &["FPGCLGB", "_gcl_gb", "wbraid"]),
    source("epik", Click, Some("epik"), &["_epik"]),
    source("sccid", Click, Some("sccid"), &["_scclid", "sccid"]),
    source("sc_cookie", Browser, None, &["_scid"]),
    source("rdt_cid", Click, Some("rdt_cid"), &["_rdt_cid"]),
    source("rdt_uuid", Browser, None, &["_rdt_uuid"]),
    source("msclkid", Click, Some("msclkid"), &["_uetmsclkid", "msclkid"]),
    source("li_fat_id", Click, Some("li_fat_id"), &["li_fat_id"]),
    source("ga_client_id", Analytics, None, &["_ga", "FPID"]),
    source("ga_session_id", Analytics, None, &["_ga_*"]),
];

impl Source {
    fn has_cookie(&self, cookie: &str) -> bool {
        self.cookies.iter().any(|name| is_named(cookie, name))
    }
}

/// Whether a cookie has this name, or one that begins with what stands before its `*`.
fn is_named(cookie: &str, name: &str) -> bool {
    match name.strip_suffix('*') {
        Some(beginning) => cookie.starts_with(beginning),
        None => cookie == name,
    }
}

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
            // Two domains may each have set one: the first that can be read counts.
            for (cookie, value) in cookies.iter().filter(|(cookie, _)| is_named(cookie, name)) {
                let id = from_cookie(cookie, value);
                take(source.key, &id, &mut captured.click_ids, &mut captured.rejected);
            }
        }
    }
    captured
}

/// Names of the cookies that [`capture`] reads, for a script that can only ask by name.
pub fn cookie_names() -> impl Iterator<Item = &'static str> {
    SOURCES.iter().flat_map(|source| source.cookies).copied().filter(|name| !name.ends_with('*'))
}

/// Whether [`capture`] reads this cookie.
pub fn reads_cookie(cookie: &str) -> bool {
    SOURCES.iter().any(|source| source.has_cookie(cookie))
}

/// Names of the cookies that are ours to write or to renew.
pub fn kept_cookie_names() -> impl Iterator<Item = &'static str> {
    SOURCES
        .iter()
        .flat_map(|source| match source.kind {
            Browser => source.cookies,
            Click => &source.cookies[source.cookies.len().saturating_sub(1)..],
            Analytics => &[],
        })
        .copied()
}

/// Names of all click ids and cookies, as events call them.
pub fn names() -> impl Iterator<Item = &'static str> {
    SOURCES.iter().map(|source| source.key)
}

/// Names of all parameters of addresses that are click ids, in lower case.
pub fn parameter_names() -> impl Iterator<Item = &'static str> {
    SOURCES.iter().filter_map(|source| source.parameter)
}

/// The cookie in which a click id that came with an address is kept, so that the next page finds it. Meta's `fbclid` is
/// kept as `_fbc`, in Meta's form, see [`fbc`].
pub fn cookie_of(key: &str) -> Option<&'static str> {
    of_key(key).filter(|source| source.kind != Analytics)?.cookies.last().copied()
}

/// Ids that name a browser to an ad platform, not a click: no attribution window ends them, and their cookies are renewed.
pub fn names_browser(key: &str) -> bool {
    is_of(key, Browser)
}

/// Ids of a click on an ad.
pub fn is_click(key: &str) -> bool {
    is_of(key, Click)
}

/// Ids for statistics: they need leave for that, and no ad platform gets them.
pub fn is_for_analytics(key: &str) -> bool {
    is_of(key, Analytics)
}

fn of_key(key: &str) -> Option<&'static Source> {
    SOURCES.iter().find(|source| source.key == key)
}

fn is_of(key: &str, kind: Kind) -> bool {
    of_key(key).is_some_and(|source| source.kind == kind)
}

/// The id that a cookie with this value holds, if it is one that may be set again: in the form it should have, and
/// without the signs that end a cookie.
pub fn held_by(cookie: &str, value: &str) -> Option<&'static str> {
    let source = SOURCES.iter().find(|source| source.has_cookie(cookie))?;
    let harmless = value.is_ascii() && !value.contains([';', ',', '"', '\\']);
    (harmless && check(source.key, &from_cookie(cookie, value)).is_ok()).then_some(source.key)
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
    // Their forms leave no room for anything else, and some look like numbers to call.
    match key {
        "ga_client_id" if analytics::is_client(value) => return Ok(value),
        "ga_session_id" if analytics::is_session(value) => return Ok(value),
        "ga_client_id" | "ga_session_id" => return Err(Reason::InvalidClickId),
        _ => {}
    }
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
fn from_cookie<'a>(name: &str, value: &'a str) -> Cow<'a, str> {
    let id = match name {
        // GCL.<seconds>.<id>
        "_gcl_aw" | "_gcl_ag" | "_gcl_gb" | "FPGCLAW" | "FPGCLAG" | "FPGCLGB" => {
            let id = value.strip_prefix("GCL.").and_then(|rest| rest.split_once('.'));
            id.map_or("", |(_, id)| id)
        }
        // <milliseconds>.<uuid>
        "_rdt_uuid" => value.split_once('.').map_or(value, |(_, uuid)| uuid),
        "_uetmsclkid" => value.strip_prefix("_uet").unwrap_or(value),
        "_ga" | "FPID" => return analytics::client_in(name, value).map_or("".into(), Cow::Owned),
        _ if name.starts_with("_ga_") => return analytics::session_in(value).map_or("".into(), Cow::Owned),
        _ => value,
    };
    id.into()
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
