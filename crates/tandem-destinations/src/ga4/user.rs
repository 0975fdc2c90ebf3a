//! `user_data`: hashed identity, where there is an e-mail address or a phone number.

use serde::Serialize;
use tandem_core::identity::{MatchKeys, PlaceKeys};
use tandem_core::page;

use crate::wire::{filled, sha256};

/// Google's own limit for each list.
const MOST: usize = 3;

#[derive(Serialize)]
pub(super) struct UserData<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sha256_email_address: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sha256_phone_number: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<[Address<'a>; 1]>,
}

#[derive(Serialize, PartialEq, Default)]
struct Address<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256_first_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256_last_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256_street: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    city: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    postal_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<String>,
}

impl<'a> UserData<'a> {
    pub(super) fn of(keys: &'a MatchKeys) -> Option<Self> {
        let emails: Vec<&str> = keys.emails_google_dots().filter_map(sha256).take(MOST).collect();
        let phones: Vec<&str> = keys.phones_e164().filter_map(sha256).take(MOST).collect();
        if emails.is_empty() && phones.is_empty() {
            return None;
        }
        let address = Address {
            sha256_first_name: keys.first_name.as_ref().and_then(|name| sha256(name.ga4())),
            sha256_last_name: keys.last_name.as_ref().and_then(|name| sha256(name.ga4())),
            sha256_street: keys.street.as_deref().and_then(sha256),
            city: plain(keys.city.as_ref().and_then(PlaceKeys::spaced)),
            region: plain(keys.state.as_ref().and_then(PlaceKeys::spaced)),
            postal_code: plain(keys.zip_code.as_ref().and_then(|zip| zip.plain.as_deref())),
            country: plain(keys.country_code()).map(str::to_uppercase),
        };
        let address = (address != Address::default()).then_some([address]);
        Some(Self { sha256_email_address: emails, sha256_phone_number: phones, address })
    }
}

/// Google wants places as they are.
fn plain(text: Option<&str>) -> Option<&str> {
    filled(text).filter(|text| !page::is_personal_text(text))
}
