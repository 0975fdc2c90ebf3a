//! `user`: the match keys, in TikTok's forms.
//!
//! TikTok accepts wrong hashes with code 0 and silently never matches them, so every form is made at the door, where
//! the raw value still is; here they are only put in their places.

use serde::Serialize;
use tandem_core::identity::{MatchKeys, PlaceKeys};

use crate::wire::{filled, sha256 as hash};

/// Hashed: e-mail, phone, external id, names, postal code. Plain: everything else, click ids unchanged.
///
/// The phone key is `phone`; `phone_number` is the 1.0 and the browser's name, and an unknown field here.
#[derive(Serialize)]
pub(super) struct User<'a> {
    #[serde(skip_serializing_if = "Hashes::is_empty")]
    email: Hashes<'a>,
    #[serde(skip_serializing_if = "Hashes::is_empty")]
    phone: Hashes<'a>,
    #[serde(skip_serializing_if = "Hashes::is_empty")]
    external_id: Hashes<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttclid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttp: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ip: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    locale: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    zip_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    city: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<&'a str>,
}

impl<'a> User<'a> {
    pub(super) fn of(keys: &'a MatchKeys) -> Self {
        let clicks = &keys.click_ids;
        Self {
            email: keys.emails().collect(),
            // Numbers of mainland China bring a second hash: TikTok's older texts want them without the country
            // code, the newer ones say nothing of it.
            phone: keys.phones_tiktok().collect(),
            // Sources differ on whether a list is taken here; TikTok's own reference allows it.
            external_id: keys.external_ids().collect(),
            ttclid: filled(clicks.ttclid.as_deref()),
            ttp: filled(clicks.ttp.as_deref()),
            ip: filled(keys.ip.as_deref()),
            user_agent: filled(keys.user_agent.as_deref()),
            locale: filled(keys.locale.as_deref()),
            first_name: keys.first_name.as_ref().and_then(|n| hash(&n.sha256)),
            last_name: keys.last_name.as_ref().and_then(|n| hash(&n.sha256)),
            zip_code: keys.zip_code.as_ref().and_then(|z| hash(z.nodash())),
            city: plain(keys.city.as_ref()),
            state: plain(keys.state.as_ref()),
            country: plain(keys.country.as_ref()),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        let texts = [
            self.ttclid,
            self.ttp,
            self.ip,
            self.user_agent,
            self.locale,
            self.first_name,
            self.last_name,
            self.zip_code,
            self.city,
            self.state,
            self.country,
        ];
        let lists = [&self.email, &self.phone, &self.external_id];
        texts.iter().all(Option::is_none) && lists.iter().all(|list| list.is_empty())
    }
}

fn plain(place: Option<&PlaceKeys>) -> Option<&str> {
    filled(place.and_then(|p| p.plain.as_deref()))
}

/// A text if there is one hash, a list if there are several: some senders know only texts, so the list is kept for
/// where it is needed.
#[derive(Serialize)]
#[serde(untagged)]
enum Hashes<'a> {
    None,
    One(&'a str),
    Many(Vec<&'a str>),
}

impl Hashes<'_> {
    fn is_empty(&self) -> bool {
        matches!(self, Self::None)
    }
}

impl<'a> FromIterator<&'a str> for Hashes<'a> {
    fn from_iter<I: IntoIterator<Item = &'a str>>(given: I) -> Self {
        given.into_iter().filter_map(hash).fold(Self::None, |so_far, new| match so_far {
            Self::None => Self::One(new),
            Self::One(first) if first != new => Self::Many(vec![first, new]),
            Self::Many(mut all) if !all.contains(&new) => {
                all.push(new);
                Self::Many(all)
            }
            same => same,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_hash_is_a_text_and_several_are_a_list_without_doubles_or_clear_text() {
        let (a, b) = ("a".repeat(64), "b".repeat(64));
        for (given, expected) in [
            (vec![], "null".to_owned()),
            (vec![a.as_str()], format!("\"{a}\"")),
            (vec![&a, &a, "ada@example.com", ""], format!("\"{a}\"")),
            (vec![&a, &b, &a], format!("[\"{a}\",\"{b}\"]")),
        ] {
            let hashes: Hashes<'_> = given.into_iter().collect();
            assert_eq!(serde_json::to_string(&hashes).unwrap(), expected);
        }
    }
}
