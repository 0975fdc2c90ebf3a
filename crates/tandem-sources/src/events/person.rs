//! Who did it and what they allowed. Raw values go from the input into [`Raw`] and nowhere else.

use serde_json::{Map, Value};
use tandem_core::Finding;
use tandem_core::consent::{self, Consent, Evidence, Policy};
use tandem_core::identity::{ClickIds, Raw, RawIdentity};
use tandem_core::normalise::clicks;

use super::aliases::{self, Alias, CLICK_ID_PLACES, Place};
use super::entry::Entry;
use crate::consent::Told;

/// Names of all click ids, as in [`ClickIds`].
const CLICK_IDS: [&str; 17] = [
    "ttclid",
    "ttp",
    "fbc",
    "fbp",
    "fbclid",
    "gclid",
    "gbraid",
    "wbraid",
    "epik",
    "sccid",
    "sc_cookie",
    "rdt_cid",
    "rdt_uuid",
    "msclkid",
    "li_fat_id",
    "ga_client_id",
    "ga_session_id",
];

/// Takes the person out of the event, and what they allowed; they go together, since the region of the consent is
/// read from the address.
pub(super) fn take(entry: &mut Entry, tiktok: bool, policy: &Policy) -> (RawIdentity, Consent) {
    let state = place_value(entry, aliases::STATE);
    let country = place_value(entry, aliases::COUNTRY);
    let region =
        consent::region(country.as_ref().and_then(Value::as_str), state.as_ref().and_then(Value::as_str));
    let identity = RawIdentity {
        email: list(entry, aliases::EMAIL, tiktok),
        phone: list(entry, aliases::PHONE, tiktok),
        external_id: list(entry, aliases::EXTERNAL_ID, false),
        first_name: single(entry, aliases::FIRST_NAME),
        last_name: single(entry, aliases::LAST_NAME),
        street: single(entry, aliases::STREET),
        city: place_value(entry, aliases::CITY).and_then(raw),
        state: state.and_then(raw),
        zip_code: single(entry, aliases::ZIP_CODE),
        country: country.and_then(raw),
        gender: single(entry, aliases::GENDER),
        date_of_birth: single(entry, aliases::DATE_OF_BIRTH),
        ip: single(entry, aliases::IP),
        user_agent: single(entry, aliases::USER_AGENT),
        locale: single(entry, aliases::LOCALE),
        default_country: None,
        click_ids: click_ids(entry),
    };
    (identity, consent(entry, region, policy))
}

fn raw(value: Value) -> Option<Raw> {
    match value {
        Value::String(text) => Some(Raw::new(text)),
        other => Raw::from_json(&other),
    }
}

/// The text inside a hash object of our own serialised events, else the value itself.
fn unnested(value: Value, names: [&str; 3]) -> Value {
    match value {
        Value::Object(mut map) => {
            names.iter().find_map(|name| map.remove(*name)).unwrap_or(Value::Object(map))
        }
        other => other,
    }
}

/// City, state or country, which our own serialised events hold as plain text beside the hash.
fn place_value(entry: &mut Entry, names: &'static [Alias]) -> Option<Value> {
    let found = entry.take(names)?;
    let path = found.path();
    let value = first_of_list(unnested(found.value, ["plain", "sha256", "value"]));
    if !matches!(value, Value::String(_)) {
        entry.wrong_type(path);
        return None;
    }
    Some(value)
}

fn first_of_list(value: Value) -> Value {
    match value {
        Value::Array(list) => list.into_iter().next().unwrap_or_default(),
        other => other,
    }
}

fn single(entry: &mut Entry, names: &'static [Alias]) -> Option<Raw> {
    let found = entry.take(names)?;
    let path = found.path();
    let value = raw(first_of_list(unnested(found.value, ["plain", "sha256", "value"])));
    if value.is_none() {
        entry.wrong_type(path);
    }
    value
}

fn list(entry: &mut Entry, names: &'static [Alias], tiktok: bool) -> Vec<Raw> {
    let Some(found) = entry.take(names) else { return Vec::new() };
    if tiktok {
        remark_tiktok(entry, found.alias, &found.value);
    }
    let path = found.path();
    let given = match found.value {
        Value::Array(list) => list,
        one => vec![one],
    };
    let total = given.len();
    let raws: Vec<Raw> =
        given.into_iter().filter_map(|v| raw(unnested(v, ["sha256", "e164", "value"]))).collect();
    if raws.len() < total {
        entry.wrong_type(path);
    }
    raws
}

/// What TikTok's own endpoint would lose or refuse.
fn remark_tiktok(entry: &mut Entry, alias: Alias, value: &Value) {
    if alias == (Place::User, "phone_number") {
        let text = "TikTok's Events API knows it as phone and would have ignored this; renamed";
        entry.findings.push(Finding::warning("phone_key_name", text).on("user.phone_number"));
    }
    let plain = |v: &Value| v.as_str().is_some_and(|t| !t.trim().is_empty() && !is_hash(t.trim()));
    let any_plain = match value {
        Value::Array(list) => list.iter().any(plain),
        one => plain(one),
    };
    if any_plain {
        let text = "came unhashed; it is normalised and hashed here and not kept";
        entry.findings.push(Finding::info("pii_not_hashed", text).on(super::entry::path(alias)));
    }
}

fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

fn click_ids(entry: &mut Entry) -> ClickIds {
    let mut ids = ClickIds::default();
    for name in CLICK_IDS {
        let mut first = None;
        for place in CLICK_ID_PLACES {
            match entry.take_one(place, name) {
                Some(Value::String(id)) if !id.trim().is_empty() && first.is_none() => first = Some(id),
                Some(value) if !value.is_string() && !value.is_null() => {
                    entry.wrong_type(super::entry::path((place, name)));
                }
                _ => {}
            }
        }
        if let Some(slot) = ids.slot(name) {
            *slot = first;
        }
    }
    if !entry.cookies.is_empty() {
        let cookies = entry.cookies.iter().filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)));
        let cookies: Vec<(&str, &str)> = cookies.collect();
        ids.fill_from(clicks::capture(None, None, &cookies).click_ids);
    }
    ids
}

/// Everything that was said, and the cookies of consent tools.
fn consent(entry: &mut Entry, region: Option<String>, policy: &Policy) -> Consent {
    let given: Map<String, Value> = entry.take_place(Place::Consent).into_iter().collect();
    let cookies = entry.cookies.iter().filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)));
    let cookies: Vec<(&str, &str)> = cookies.collect();
    if given.is_empty() && cookies.is_empty() {
        return Consent { region, ..Consent::default() };
    }
    let mut told = if given.is_empty() {
        Told::default()
    } else {
        Told::read(&given, |name, said| Evidence::new(super::entry::path((Place::Consent, name)), said))
    };
    told.region = told.region.or(region);
    let findings = told.findings(Place::Consent.prefix());
    let consent = told.merge(&cookies, policy);
    entry.findings.extend(findings);
    consent
}
