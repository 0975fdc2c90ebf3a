//! Who the visitor is: raw values on the way in, hashes and click ids on the way out.
//!
//! Raw identity lives only between the door and [`hash_identity`], which consumes it. What remains is
//! [`MatchKeys`]: every hash a platform may want, so that no raw value is needed later.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::normalise::{hash, text};

pub use crate::normalise::door::hash_identity;
pub use crate::normalise::keys::{EmailHashes, IdHashes, NameHashes, PhoneHashes, PlaceKeys, ZipHashes};

/// One value as the shop or the visitor gave it.
///
/// It can be made and it can be hashed; it cannot be printed, copied or serialised.
pub struct Raw(String);

impl Raw {
    /// Takes a value in.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// A text as it is, an integer as its decimal text; null, booleans, fractions, lists and objects are nothing.
    pub fn from_json(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Some(Self(text.clone())),
            Value::Number(number) if !number.is_f64() => Some(Self(number.to_string())),
            _ => None,
        }
    }

    /// One value or a list of values, each as [`Raw::from_json`] reads it.
    pub fn list_from_json(value: &Value) -> Vec<Self> {
        match value {
            Value::Array(values) => values.iter().filter_map(Self::from_json).collect(),
            one => Self::from_json(one).into_iter().collect(),
        }
    }

    /// Whether there is nothing in it but white space.
    pub fn is_blank(&self) -> bool {
        text::trim(&self.0).is_empty()
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

/// Everything an event may say about a person, before hashing.
#[derive(Default)]
pub struct RawIdentity {
    /// E-mail addresses.
    pub email: Vec<Raw>,
    /// Phone numbers.
    pub phone: Vec<Raw>,
    /// The shop's own ids, the customer's before the visitor's.
    pub external_id: Vec<Raw>,
    /// First name.
    pub first_name: Option<Raw>,
    /// Last name.
    pub last_name: Option<Raw>,
    /// Street and house number.
    pub street: Option<Raw>,
    /// City.
    pub city: Option<Raw>,
    /// State, province or region: name or code.
    pub state: Option<Raw>,
    /// Postal code.
    pub zip_code: Option<Raw>,
    /// Country: code or name.
    pub country: Option<Raw>,
    /// Gender.
    pub gender: Option<Raw>,
    /// Date of birth.
    pub date_of_birth: Option<Raw>,
    /// The visitor's IP address.
    pub ip: Option<Raw>,
    /// The visitor's user agent.
    pub user_agent: Option<Raw>,
    /// The visitor's language tag.
    pub locale: Option<Raw>,
    /// ISO 3166-1 alpha-2 code by which national phone numbers are read; without it `country` is used.
    pub default_country: Option<String>,
    /// Click ids and cookies, which are never hashed.
    pub click_ids: ClickIds,
}

macro_rules! click_ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        /// Click ids and cookies of the ad platforms: case-sensitive, never changed, never hashed.
        #[derive(Default, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub struct ClickIds {
            $($(#[$doc])* #[serde(default, skip_serializing_if = "Option::is_none")] pub $name: Option<String>,)+
        }

        impl ClickIds {
            /// The ids that are there, by name.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
                [$((stringify!($name), self.$name.as_deref())),+]
                    .into_iter()
                    .filter_map(|(name, value)| value.map(|value| (name, value)))
            }

            /// The place of the id of this name.
            pub fn slot(&mut self, name: &str) -> Option<&mut Option<String>> {
                match name {
                    $(stringify!($name) => Some(&mut self.$name),)+
                    _ => None,
                }
            }

            /// Fills the places that are empty from another set.
            pub fn fill_from(&mut self, other: Self) {
                $(if self.$name.is_none() { self.$name = other.$name; })+
            }
        }
    };
}

click_ids! {
    /// TikTok: click id.
    ttclid,
    /// TikTok: `_ttp` cookie.
    ttp,
    /// Meta: `_fbc` cookie.
    fbc,
    /// Meta: `_fbp` cookie.
    fbp,
    /// Meta: click id out of the URL, from which `fbc` can be built.
    fbclid,
    /// Google: click id.
    gclid,
    /// Google: click id of app traffic.
    gbraid,
    /// Google: click id of web traffic without cookies.
    wbraid,
    /// Pinterest: click id.
    epik,
    /// Snap: click id.
    sccid,
    /// Snap: `_scid` cookie.
    sc_cookie,
    /// Reddit: click id.
    rdt_cid,
    /// Reddit: the UUID in the `_rdt_uuid` cookie.
    rdt_uuid,
    /// Microsoft: click id.
    msclkid,
    /// LinkedIn: first-party ads tracking id.
    li_fat_id,
    /// Google Analytics: client id, the last two parts of the `_ga` cookie (`1234567890.1700000000`).
    ga_client_id,
    /// Google Analytics: session id, Unix seconds of the session's start.
    ga_session_id,
}

impl ClickIds {
    /// Without the ids for statistics, see [`crate::normalise::clicks::is_for_analytics`].
    pub fn forget_analytics(&mut self) {
        (self.ga_client_id, self.ga_session_id) = (None, None);
    }

    /// Only the ids for statistics.
    #[must_use]
    pub fn for_analytics(&self) -> Self {
        let (ga_client_id, ga_session_id) = (self.ga_client_id.clone(), self.ga_session_id.clone());
        Self { ga_client_id, ga_session_id, ..Self::default() }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }
}

/// Every key by which a platform may recognise the visitor: hashes, places, connection data and click ids.
#[derive(Default, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatchKeys {
    /// E-mail addresses, without doubles.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub email: Vec<EmailHashes>,
    /// Phone numbers, without doubles.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phone: Vec<PhoneHashes>,
    /// The shop's own ids, without doubles.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub external_id: Vec<IdHashes>,
    /// First name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_name: Option<NameHashes>,
    /// Last name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_name: Option<NameHashes>,
    /// SHA-256 of the street, lower-cased and without symbols: Google.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub street: Option<String>,
    /// City.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub city: Option<PlaceKeys>,
    /// State, province or region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<PlaceKeys>,
    /// Postal code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zip_code: Option<ZipHashes>,
    /// Country.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<PlaceKeys>,
    /// SHA-256 of `f`, `m` or `n`; see [`MatchKeys::gender_binary`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gender: Option<String>,
    /// SHA-256 of `YYYYMMDD`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date_of_birth: Option<String>,
    /// Public IP address, plain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// User agent, plain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// BCP 47 language tag, plain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// Click ids and cookies.
    #[serde(flatten)]
    pub click_ids: ClickIds,
}

impl MatchKeys {
    /// Whether there is no key at all.
    pub fn is_empty(&self) -> bool {
        self == &Self::default()
    }

    /// The names of the keys that are there, e.g. `email`, `ttclid`, `ip`; in a fixed order.
    pub fn present(&self) -> Vec<&'static str> {
        let keys = [
            ("email", self.emails().next().is_some()),
            ("phone", !self.phone.is_empty()),
            ("external_id", !self.external_id.is_empty()),
            ("first_name", self.first_name.is_some()),
            ("last_name", self.last_name.is_some()),
            ("street", self.street.is_some()),
            ("city", self.city.is_some()),
            ("state", self.state.is_some()),
            ("zip_code", self.zip_code.is_some()),
            ("country", self.country.is_some()),
            ("gender", self.gender.is_some()),
            ("date_of_birth", self.date_of_birth.is_some()),
            ("ip", self.ip.is_some()),
            ("user_agent", self.user_agent.is_some()),
            ("locale", self.locale.is_some()),
        ];
        let keys = keys.into_iter().filter_map(|(name, there)| there.then_some(name));
        keys.chain(self.click_ids.iter().map(|(name, _)| name)).collect()
    }

    /// Drops the key of this name, as [`MatchKeys::present`] calls it.
    pub fn forget(&mut self, name: &str) {
        self.take_key(name, &mut Self::default());
    }

    /// Takes the key of this name from another set, in place of its own.
    pub fn take_key(&mut self, name: &str, from: &mut Self) {
        match name {
            "email" => self.email = std::mem::take(&mut from.email),
            "phone" => self.phone = std::mem::take(&mut from.phone),
            "external_id" => self.external_id = std::mem::take(&mut from.external_id),
            "first_name" => self.first_name = from.first_name.take(),
            "last_name" => self.last_name = from.last_name.take(),
            "street" => self.street = from.street.take(),
            "city" => self.city = from.city.take(),
            "state" => self.state = from.state.take(),
            "zip_code" => self.zip_code = from.zip_code.take(),
            "country" => self.country = from.country.take(),
            "gender" => self.gender = from.gender.take(),
            "date_of_birth" => self.date_of_birth = from.date_of_birth.take(),
            "ip" => self.ip = from.ip.take(),
            "user_agent" => self.user_agent = from.user_agent.take(),
            "locale" => self.locale = from.locale.take(),
            _ => {
                let taken = from.click_ids.slot(name).and_then(Option::take);
                if let Some(slot) = self.click_ids.slot(name) {
                    *slot = taken;
                }
            }
        }
    }

    /// Drops everything that identifies a person; country and language stay.
    pub fn anonymise(&mut self) {
        let (country, locale) = (self.country.take(), self.locale.take());
        *self = Self { country, locale, ..Self::default() };
    }

    /// E-mail hashes of the base form: TikTok, Pinterest, Snap, LinkedIn.
    pub fn emails(&self) -> impl Iterator<Item = &str> {
        self.email.iter().filter_map(EmailHashes::sha256)
    }

    /// E-mail hashes for Meta, see [`EmailHashes::meta`].
    pub fn emails_meta(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.email.iter().filter_map(EmailHashes::meta)
    }

    /// E-mail hashes for Google's Data Manager, see [`EmailHashes::google`].
    pub fn emails_google(&self) -> impl Iterator<Item = &str> {
        self.email.iter().filter_map(EmailHashes::google)
    }

    /// E-mail hashes for Google Analytics, see [`EmailHashes::google_dots`].
    pub fn emails_google_dots(&self) -> impl Iterator<Item = &str> {
        self.email.iter().filter_map(EmailHashes::google_dots)
    }

    /// E-mail hashes for Microsoft, see [`EmailHashes::microsoft`].
    pub fn emails_microsoft(&self) -> impl Iterator<Item = &str> {
        self.email.iter().filter_map(EmailHashes::microsoft)
    }

    /// E-mail hashes for Reddit, see [`EmailHashes::reddit`].
    pub fn emails_reddit(&self) -> impl Iterator<Item = &str> {
        self.email.iter().filter_map(EmailHashes::reddit)
    }

    /// Phone hashes of E.164 with the plus sign: Google, Microsoft, Reddit.
    pub fn phones_e164(&self) -> impl Iterator<Item = &str> {
        self.phone.iter().map(|phone| phone.e164.as_str())
    }

    /// As [`MatchKeys::phones_e164`], and the national form of numbers in mainland China: TikTok.
    pub fn phones_tiktok(&self) -> impl Iterator<Item = &str> {
        self.phone
            .iter()
            .flat_map(|phone| [Some(phone.e164.as_str()), phone.cn_national.as_deref()])
            .flatten()
    }

    /// Phone hashes of the digits without the plus sign, leaving out values that came hashed: Pinterest, Snap.
    pub fn phones_digits(&self) -> impl Iterator<Item = &str> {
        self.phone.iter().filter_map(|phone| phone.digits.as_deref())
    }

    /// Phone hashes of the digits without the plus sign, and values that came hashed as they are.
    pub fn phones_digits_or_given(&self) -> impl Iterator<Item = &str> {
        self.phone.iter().map(PhoneHashes::digits_or_given)
    }

    /// Phone hashes for Meta, see [`PhoneHashes::meta`].
    pub fn phones_meta(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.phone.iter().map(PhoneHashes::meta)
    }

    /// Hashes of the shop's ids with their case: TikTok.
    pub fn external_ids(&self) -> impl Iterator<Item = &str> {
        self.external_id.iter().map(|id| id.sha256.as_str())
    }

    /// Hashes of the shop's ids in lower case: Meta, Pinterest, Snap, Reddit.
    pub fn external_ids_lower(&self) -> impl Iterator<Item = &str> {
        self.external_id.iter().map(IdHashes::lower)
    }

    /// The gender's hash if it is `f` or `m`: Meta, Snap. Pinterest takes [`MatchKeys::gender`] as it is.
    pub fn gender_binary(&self) -> Option<&str> {
        self.gender.as_deref().filter(|gender| *gender != hash::SHA256_OF_N)
    }

    /// The country's lower-case alpha-2 code: TikTok.
    pub fn country_code(&self) -> Option<&str> {
        self.country.as_ref().and_then(|country| country.plain.as_deref())
    }
}
