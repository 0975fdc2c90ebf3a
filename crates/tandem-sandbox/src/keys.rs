//! Match keys as a set of bits, and the check whether a key belongs to a known person.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use crate::options::Person;

/// SHA-256 of the empty text: what a client sends that hashes a missing value.
const HASH_OF_NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Names of the match keys of all platforms, in the order of their bits; TikTok's are the first eighteen.
///
/// One vocabulary, so that reports can be compared: Meta's `em` and TikTok's `email` are the same person's.
pub const KEY_NAMES: [&str; 30] = [
    "email",
    "phone",
    "external_id",
    "ttclid",
    "ttp",
    "ip",
    "user_agent",
    "locale",
    "first_name",
    "last_name",
    "zip_code",
    "city",
    "state",
    "country",
    "idfa",
    "idfv",
    "gaid",
    "att_status",
    "fbc",
    "fbp",
    "date_of_birth",
    "gender",
    "lead_id",
    "fb_login_id",
    "subscription_id",
    "anon_id",
    "client_id",
    "user_id",
    "session_id",
    "street",
];

/// A set of match keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeySet(u32);

impl KeySet {
    /// Hashed e-mail.
    pub const EMAIL: KeySet = KeySet(1);
    /// Hashed phone.
    pub const PHONE: KeySet = KeySet(1 << 1);
    /// Hashed id of the shop.
    pub const EXTERNAL_ID: KeySet = KeySet(1 << 2);
    /// Address of the visitor.
    pub const IP: KeySet = KeySet(1 << 5);
    /// Browser string of the visitor.
    pub const USER_AGENT: KeySet = KeySet(1 << 6);

    /// The set with the key of this name; empty for a name that is no match key.
    pub fn named(name: &str) -> KeySet {
        KEY_NAMES.iter().position(|n| *n == name).map_or(KeySet(0), KeySet::bit)
    }

    pub(crate) const fn bit(index: usize) -> KeySet {
        KeySet(1 << index)
    }

    pub(crate) const fn of(bits: u32) -> KeySet {
        KeySet(bits)
    }

    /// Both sets together.
    #[must_use]
    pub fn with(self, other: KeySet) -> KeySet {
        KeySet(self.0 | other.0)
    }

    /// This set without the other.
    #[must_use]
    pub fn without(self, other: KeySet) -> KeySet {
        KeySet(self.0 & !other.0)
    }

    /// Have the sets a key in common?
    pub fn meets(self, other: KeySet) -> bool {
        self.0 & other.0 != 0
    }

    /// No key at all?
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Positions of the keys, as in [`KEY_NAMES`].
    pub(crate) fn indices(self) -> impl Iterator<Item = usize> {
        (0..KEY_NAMES.len()).filter(move |i| self.0 & (1 << i) != 0)
    }

    /// Names of the keys in the set.
    pub fn names(self) -> Vec<String> {
        self.indices().map(|i| KEY_NAMES[i].to_owned()).collect()
    }
}

/// Looks like a SHA-256 text of something?
pub(crate) fn is_hash(text: &str) -> bool {
    is_hex(text, 64) && !is_hash_of_nothing(text)
}

pub(crate) fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|b| b.is_ascii_hexdigit())
}

pub(crate) fn is_hash_of_nothing(text: &str) -> bool {
    text.eq_ignore_ascii_case(HASH_OF_NOTHING)
}

/// Knows the right wire values of the configured people for one platform.
#[derive(Debug, Default)]
pub(crate) struct Oracle {
    wanted: HashMap<String, KeySet>,
}

impl Oracle {
    pub(crate) fn new(people: &[Person], expected: fn(&Person) -> Vec<(KeySet, String)>) -> Oracle {
        let mut oracle = Oracle::default();
        for (key, wire) in people.iter().flat_map(expected) {
            let known = oracle.wanted.entry(wire).or_default();
            *known = known.with(key);
        }
        oracle
    }

    pub(crate) fn knows_nobody(&self) -> bool {
        self.wanted.is_empty()
    }

    pub(crate) fn matches(&self, key: KeySet, wire: &str) -> bool {
        self.wanted.get(wire).is_some_and(|known| known.meets(key))
    }
}

/// SHA-256 of a text as lower-case hex.
pub(crate) fn hash(clear: &str) -> String {
    hex::encode(Sha256::digest(clear.as_bytes()))
}
