//! The match keys of an event as a set of bits: small enough to count how often each combination came.

use serde::{Deserialize, Serialize};

use crate::Event;
use crate::normalise::clicks;

macro_rules! keys {
    ($($(#[$doc:meta])* $key:ident = $bit:literal, $name:literal;)+) => {
        /// Something by which platforms recognise a visitor. The numbers stand in files and never change.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Key {
            $($(#[$doc])* $key = $bit,)+
        }

        impl Key {
            /// All of them, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$key),+];

            /// The stable name, e.g. `ttclid`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$key => $name,)+
                }
            }
        }
    };
}

keys! {
    /// E-mail address, hashed.
    Email = 0, "email";
    /// Phone number, hashed.
    Phone = 1, "phone";
    /// An id of the shop's own: of the customer, or of the visitor.
    ExternalId = 2, "external_id";
    /// TikTok: click id.
    Ttclid = 3, "ttclid";
    /// TikTok: `_ttp` cookie.
    Ttp = 4, "ttp";
    /// Meta: the click, as `_fbc` or as the `fbclid` of which one is made.
    Fbc = 5, "fbc";
    /// Meta: `_fbp` cookie.
    Fbp = 6, "fbp";
    /// Google: click id.
    Gclid = 7, "gclid";
    /// Google Analytics: client id.
    GaClientId = 8, "ga_client_id";
    /// A click id of any other platform.
    OtherClick = 9, "other_click";
    /// The visitor's network address.
    Ip = 10, "ip";
    /// The browser's user agent.
    UserAgent = 11, "user_agent";
    /// First name, hashed.
    FirstName = 12, "first_name";
    /// Last name, hashed.
    LastName = 13, "last_name";
    /// Any of street, city, region and postal code.
    Address = 14, "address";
    /// Country.
    Country = 15, "country";
    /// Language.
    Locale = 16, "locale";
}

impl Key {
    /// The key of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|key| key.name() == name)
    }

    /// For people, e.g. `e-mail address`.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Email => "e-mail address",
            Self::Phone => "phone number",
            Self::ExternalId => "external id",
            Self::Ttclid => "TikTok click id (ttclid)",
            Self::Ttp => "TikTok cookie (_ttp)",
            Self::Fbc => "Meta click (_fbc)",
            Self::Fbp => "Meta cookie (_fbp)",
            Self::Gclid => "Google click id (gclid)",
            Self::GaClientId => "Google Analytics client id",
            Self::OtherClick => "other click id",
            Self::Ip => "network address",
            Self::UserAgent => "user agent",
            Self::FirstName => "first name",
            Self::LastName => "last name",
            Self::Address => "postal address",
            Self::Country => "country",
            Self::Locale => "language",
        }
    }

    /// Whether only a visitor who came by an ad has it.
    #[must_use]
    pub const fn is_click(self) -> bool {
        matches!(self, Self::Ttclid | Self::Fbc | Self::Gclid | Self::OtherClick)
    }

    const fn bit(self) -> u32 {
        1 << (self as u32)
    }
}

/// A set of [`Key`]s. Serialised as its number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Keys(u32);

impl Keys {
    /// None.
    pub const NONE: Self = Self(0);

    /// Every key there is.
    pub const ALL: Self = Self::from_list(Key::ALL);

    /// The keys of an event, as platforms get them: an e-mail address that only came as MD5 is none.
    #[must_use]
    pub fn of(event: &Event) -> Self {
        let user = &event.user;
        let ids = &user.click_ids;
        let address = user.street.is_some() || user.city.is_some() || user.state.is_some();
        // Google's two others, and those of platforms that have no key of their own here.
        let other =
            |name: &str| clicks::is_click(name) && !matches!(name, "ttclid" | "fbc" | "fbclid" | "gclid");
        let there = [
            (Key::Email, user.emails().next().is_some()),
            (Key::Phone, !user.phone.is_empty()),
            (Key::ExternalId, !user.external_id.is_empty()),
            (Key::Ttclid, ids.ttclid.is_some()),
            (Key::Ttp, ids.ttp.is_some()),
            (Key::Fbc, ids.fbc.is_some() || ids.fbclid.is_some()),
            (Key::Fbp, ids.fbp.is_some()),
            (Key::Gclid, ids.gclid.is_some()),
            (Key::GaClientId, ids.ga_client_id.is_some()),
            (Key::OtherClick, ids.iter().any(|(name, _)| other(name))),
            (Key::Ip, user.ip.is_some()),
            (Key::UserAgent, user.user_agent.is_some()),
            (Key::FirstName, user.first_name.is_some()),
            (Key::LastName, user.last_name.is_some()),
            (Key::Address, address || user.zip_code.is_some()),
            (Key::Country, user.country.is_some()),
            (Key::Locale, user.locale.is_some()),
        ];
        there.into_iter().filter_map(|(key, there)| there.then_some(key)).collect()
    }

    /// From its number; bits that no key has are dropped.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits & Self::ALL.0)
    }

    /// Its number.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// The keys of a list.
    #[must_use]
    pub const fn from_list(keys: &[Key]) -> Self {
        let mut bits = 0;
        let mut rest = keys;
        while let [first, more @ ..] = rest {
            bits |= first.bit();
            rest = more;
        }
        Self(bits)
    }

    /// Whether this key is in it.
    #[must_use]
    pub const fn has(self, key: Key) -> bool {
        self.0 & key.bit() != 0
    }

    /// The set with this key.
    #[must_use]
    pub const fn with(self, key: Key) -> Self {
        Self(self.0 | key.bit())
    }

    /// The set without this key.
    #[must_use]
    pub const fn without(self, key: Key) -> Self {
        Self(self.0 & !key.bit())
    }

    /// What is in both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Its keys, in the order of their numbers.
    pub fn iter(self) -> impl Iterator<Item = Key> {
        Key::ALL.iter().copied().filter(move |key| self.has(*key))
    }

    /// The names of its keys.
    #[must_use]
    pub fn names(self) -> Vec<&'static str> {
        self.iter().map(Key::name).collect()
    }
}

impl FromIterator<Key> for Keys {
    fn from_iter<I: IntoIterator<Item = Key>>(keys: I) -> Self {
        keys.into_iter().fold(Self::NONE, Self::with)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{ClickIds, IdHashes, MatchKeys};

    #[test]
    fn numbers_and_names_are_stable() {
        assert_eq!(Key::Email as u8, 0);
        assert_eq!(Key::Locale as u8, 16);
        assert_eq!(Keys::ALL.bits(), (1 << 17) - 1);
        for key in Key::ALL {
            assert_eq!(Key::named(key.name()), Some(*key));
            assert_eq!(Key::ALL[usize::from(*key as u8)], *key);
        }
        assert_eq!(Keys::from_bits(u32::MAX), Keys::ALL);
        let two = Keys::NONE.with(Key::Ttp).with(Key::Ip);
        assert_eq!(serde_json::to_string(&two).unwrap(), "1040");
        assert_eq!(serde_json::from_str::<Keys>("1040").unwrap(), two);
        assert_eq!(two.names(), ["ttp", "ip"]);
        assert_eq!(two.without(Key::Ip).iter().collect::<Vec<_>>(), [Key::Ttp]);
    }

    #[test]
    fn an_events_keys_are_told() {
        let click_ids = ClickIds {
            fbclid: Some("click".into()),
            wbraid: Some("w".into()),
            ga_session_id: Some("1".into()),
            ..ClickIds::default()
        };
        let user = MatchKeys {
            external_id: vec![IdHashes::of("7")],
            user_agent: Some("Mozilla/5.0".into()),
            street: Some("00".into()),
            click_ids,
            ..MatchKeys::default()
        };
        let event = Event { user, ..Event::default() };
        let keys = Keys::of(&event);
        assert_eq!(keys.names(), ["external_id", "fbc", "other_click", "user_agent", "address"]);
        assert!(Keys::of(&Event::default()).is_empty());
    }
}
