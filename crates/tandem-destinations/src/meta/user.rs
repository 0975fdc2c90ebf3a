//! `user_data`: the match keys, in Meta's forms.
//!
//! Every form is made at the door, where the raw value still is; here they are only put in their places.

use std::borrow::Cow;

use serde::Serialize;
use tandem_core::Event;
use tandem_core::identity::PlaceKeys;
use tandem_core::normalise::clicks;

use crate::wire::{filled, sha256};

type Hashes<'a> = Vec<Cow<'a, str>>;

/// Hashed, each a list: everything but address, user agent and the two cookies.
#[derive(Serialize)]
pub(super) struct UserData<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    em: Hashes<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ph: Hashes<'a>,
    #[serde(rename = "fn", skip_serializing_if = "Vec::is_empty")]
    first_name: Hashes<'a>,
    #[serde(rename = "ln", skip_serializing_if = "Vec::is_empty")]
    last_name: Hashes<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ct: Hashes<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    st: Hashes<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    zp: Hashes<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    country: Hashes<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    db: Hashes<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ge: Hashes<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    external_id: Hashes<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_ip_address: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_user_agent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fbc: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fbp: Option<&'a str>,
}

impl<'a> UserData<'a> {
    pub(super) fn of(event: &'a Event) -> Self {
        let keys = &event.user;
        Self {
            em: all(keys.emails_meta()),
            ph: all(keys.phones_meta()),
            first_name: plain(keys.first_name.as_ref().map(|name| name.sha256.as_str())),
            last_name: plain(keys.last_name.as_ref().map(|name| name.sha256.as_str())),
            ct: place(keys.city.as_ref()),
            st: place(keys.state.as_ref()),
            zp: plain(keys.zip_code.as_ref().map(|zip| zip.sha256.as_str())),
            country: place(keys.country.as_ref()),
            db: plain(keys.date_of_birth.as_deref()),
            ge: plain(keys.gender_binary()),
            external_id: all(keys.external_ids_lower().filter_map(sha256).map(Cow::Borrowed)),
            client_ip_address: filled(keys.ip.as_deref()),
            client_user_agent: filled(keys.user_agent.as_deref()),
            fbc: fbc(event),
            fbp: keys.click_ids.fbp.as_deref().filter(|fbp| clicks::is_meta_cookie(fbp)),
        }
    }
}

/// The newest click: an `_fbc` as it came, or one made of the `fbclid` at the time this was first seen. Meta credits no
/// click that is older than ninety days.
fn fbc(event: &Event) -> Option<Cow<'_, str>> {
    let ids = &event.user.click_ids;
    let time_ms = event.event_time.saturating_mul(1_000);
    let seen_ms = event.supplied.get("fbclid").and_then(|supply| supply.seen_ms).unwrap_or(time_ms);
    let fbc = clicks::fbc(ids.fbclid.as_deref(), ids.fbc.as_deref(), seen_ms, None)?;
    clicks::is_fresh_fbc(&fbc, time_ms).then_some(fbc)
}

fn all<'a>(hashes: impl Iterator<Item = Cow<'a, str>>) -> Hashes<'a> {
    let mut all = Hashes::new();
    for hash in hashes.filter(|hash| is_meta_hash(hash)) {
        if !all.contains(&hash) {
            all.push(hash);
        }
    }
    all
}

fn plain(hash: Option<&str>) -> Hashes<'_> {
    hash.and_then(sha256).map(Cow::Borrowed).into_iter().collect()
}

fn place(place: Option<&PlaceKeys>) -> Hashes<'_> {
    plain(place.map(|place| place.sha256.as_str()))
}

/// SHA-256, perhaps with the mark of Meta's own parameter builder behind it; or an MD5, which only Meta takes.
fn is_meta_hash(text: &str) -> bool {
    let is_md5 = text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let marked = |mark: &str| {
        matches!(mark.len(), 2 | 8)
            && mark.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    };
    match text.split_once('.') {
        Some((hash, mark)) => sha256(hash).is_some() && marked(mark),
        None => is_md5 || sha256(text).is_some(),
    }
}

/// Whether there is enough to know somebody by. Documented: at least one parameter, and combinations that fit crowds, such
/// as a country, or a city with a gender, are refused.
pub(super) fn names_somebody(event: &Event) -> bool {
    let user = UserData::of(event);
    let one = [&user.em, &user.ph, &user.external_id].iter().any(|hashes| !hashes.is_empty())
        || user.fbc.is_some()
        || user.fbp.is_some();
    let browser = user.client_ip_address.is_some() && user.client_user_agent.is_some();
    let named = !user.first_name.is_empty() && !user.last_name.is_empty();
    let placed = [&user.ct, &user.zp, &user.db].iter().any(|hashes| !hashes.is_empty());
    one || browser || (named && placed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hashes_pass() {
        let hash = "a".repeat(64);
        for good in [hash.clone(), format!("{hash}.AQ"), format!("{hash}.AQUAAQID"), "b".repeat(32)] {
            assert!(is_meta_hash(&good), "{good}");
        }
        for bad in ["", "ada@example.com", "492345678901", &format!("{hash}.x"), &"A".repeat(64)] {
            assert!(!is_meta_hash(bad), "{bad}");
        }
    }
}
