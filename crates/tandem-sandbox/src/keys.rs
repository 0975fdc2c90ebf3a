//! Match keys as a set of bits, and the check whether a key belongs to a known person.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use crate::options::Person;

/// SHA-256 of the empty text: what a client sends that hashes a missing value.
const HASH_OF_NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Names of the match keys, in the order of their bits.
pub const KEY_NAMES: [&str; 18] = [
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
    /// Click id.
    pub const TTCLID: KeySet = KeySet(1 << 3);
    /// `_ttp` cookie.
    pub const TTP: KeySet = KeySet(1 << 4);
    /// Address of the visitor.
    pub const IP: KeySet = KeySet(1 << 5);
    /// Browser string of the visitor.
    pub const USER_AGENT: KeySet = KeySet(1 << 6);
    /// Keys TikTok wants hashed.
    pub(crate) const HASHED: KeySet = KeySet(0b111 | (0b111 << 8));

    /// The set with the key of this name; empty for a name that is no match key.
    pub fn named(name: &str) -> KeySet {
        KEY_NAMES.iter().position(|n| *n == name).map_or(KeySet(0), KeySet::bit)
    }

    pub(crate) fn bit(index: usize) -> KeySet {
        KeySet(1 << index)
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
    text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()) && text != HASH_OF_NOTHING
}

/// Knows the right wire values of the configured people.
#[derive(Debug, Default)]
pub(crate) struct Oracle {
    wanted: HashMap<String, KeySet>,
}

impl Oracle {
    pub(crate) fn new(people: &[Person]) -> Oracle {
        let mut oracle = Oracle::default();
        for person in people {
            let email = person.email.as_deref().map(|text| hash(&text.trim().to_lowercase()));
            let phone = person.phone.as_deref().map(|text| {
                hash(&text.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect::<String>())
            });
            oracle.expect(email, KeySet::EMAIL);
            oracle.expect(phone, KeySet::PHONE);
            oracle.expect(person.external_id.as_deref().map(|t| hash(t.trim())), KeySet::EXTERNAL_ID);
            oracle.expect(person.ttclid.clone(), KeySet::TTCLID);
            oracle.expect(person.ttp.clone(), KeySet::TTP);
        }
        oracle
    }

    fn expect(&mut self, wire: Option<String>, key: KeySet) {
        if let Some(wire) = wire {
            let known = self.wanted.entry(wire).or_default();
            *known = known.with(key);
        }
    }

    pub(crate) fn knows_nobody(&self) -> bool {
        self.wanted.is_empty()
    }

    pub(crate) fn matches(&self, key: KeySet, wire: &str) -> bool {
        self.wanted.get(wire).is_some_and(|known| known.meets(key))
    }
}

fn hash(clear: &str) -> String {
    hex::encode(Sha256::digest(clear.as_bytes()))
}
