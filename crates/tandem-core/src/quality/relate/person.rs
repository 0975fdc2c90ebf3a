//! What is known of the buyer from elsewhere, and is wrong or missing here.

use super::{DAY_MS, HOUR_MS, Known, Observation, Pair};
use crate::consent::Purpose;
use crate::identity::{EmailHashes, PhoneHashes};
use crate::normalise::hash::sha256_hex;
use crate::quality::{Key, Keys};
use crate::{Channel, Event};

/// A click is credited for this long at most where nothing else is set, see `click_window_days`.
const CLICK_WINDOW_MS: i64 = 28 * DAY_MS;

/// A visitor who seems another within so short a time may have changed the host, and lost the click by that; after it, it is
/// a buyer's other device, which never had one.
const VISIT_MS: i64 = HOUR_MS;

/// Fewer sales of one source say nothing of what it usually knows.
const ENOUGH: usize = 3;

/// Ids that stand for one and the same click.
const CLICKS: &[&[&str]] = &[
    &["ttclid"],
    &["fbclid", "fbc"],
    &["gclid", "gbraid", "wbraid"],
    &["epik"],
    &["sccid"],
    &["rdt_cid"],
    &["msclkid"],
    &["li_fat_id"],
];

const TWICE: &str = "was hashed twice";

/// A phone number's ready hash that was made of another form than the one platforms agree on.
pub(super) fn phone_hash(pair: Pair<'_>) -> Option<Observation> {
    let slip = |wrong: &Known<'_>, right: &Known<'_>| {
        let numbers = wrong.event.user.phone.iter().filter(|phone| phone.prehashed);
        numbers
            .into_iter()
            .find_map(|phone| right.event.user.phone.iter().find_map(|other| phone_slip(phone, other)))
    };
    hash_differs(pair, slip).map(|text| Observation::warning("phone_hash_differs", pair, text).on("phone"))
}

fn phone_slip(given: &PhoneHashes, other: &PhoneHashes) -> Option<&'static str> {
    let of_digits = || other.digits.as_deref().map(sha256_hex).as_deref() == Some(&given.e164);
    if !other.prehashed && other.digits.as_deref() == Some(&given.e164) {
        Some("was made of the digits without the plus, which TikTok and Google do not match")
    } else if sha256_hex(&other.e164) == given.e164 || of_digits() {
        Some(TWICE)
    } else {
        None
    }
}

/// The same of an e-mail address.
pub(super) fn email_hash(pair: Pair<'_>) -> Option<Observation> {
    let slip = |wrong: &Known<'_>, right: &Known<'_>| {
        let addresses = wrong.event.user.email.iter().filter(|email| email.prehashed);
        addresses
            .into_iter()
            .find_map(|email| right.event.user.email.iter().find_map(|other| email_slip(email, other)))
    };
    hash_differs(pair, slip).map(|text| Observation::warning("email_hash_differs", pair, text).on("email"))
}

fn email_slip(given: &EmailHashes, other: &EmailHashes) -> Option<&'static str> {
    let (given, right) = (given.sha256()?, other.sha256()?);
    let variants = [&other.google_dots, &other.google, &other.microsoft, &other.reddit];
    if given == right {
        None
    } else if variants.iter().any(|variant| variant.as_deref() == Some(given)) {
        Some("was made of the address without dots or plus tag, which TikTok and Meta do not match")
    } else if sha256_hex(right) == given {
        Some(TWICE)
    } else {
        None
    }
}

/// Of one order or one person: which of the two has a hash with a slip, judged by the other.
fn hash_differs(
    pair: Pair<'_>,
    slip: impl Fn(&Known<'_>, &Known<'_>) -> Option<&'static str>,
) -> Option<String> {
    if !pair.are_of_one_order() && !pair.have_same_id() && !pair.are_of_one_person() {
        return None;
    }
    let one = |wrong: &Known<'_>, right: &Known<'_>| {
        let slip = slip(wrong, right)?;
        Some(format!(
            "the hash in {} {slip}, as {} of the same buyer shows",
            wrong.described(),
            right.described()
        ))
    };
    one(pair.new, pair.old).or_else(|| one(pair.old, pair.new))
}

/// A sale that names nobody, of a source whose sales usually do.
pub(super) fn guest(new: &Known<'_>, earlier: &[Known<'_>]) -> Option<Observation> {
    let names_nobody = |event: &Event| {
        !Keys::of(event).iter().any(|key| matches!(key, Key::Email | Key::Phone) || key.is_click())
    };
    if !is_plain_sale(new) || !names_nobody(new.event) {
        return None;
    }
    let alike = |old: &&Known<'_>| old.is_sale() && old.event.source == new.event.source && !old.completes;
    let others: Vec<&Known<'_>> = earlier.iter().filter(alike).collect();
    let naming = || others.iter().filter(|old| !names_nobody(old.event));
    let usual = others.len() >= ENOUGH && naming().count() * 2 > others.len();
    let old = naming().next().filter(|_| usual)?;
    let text = format!(
        "neither e-mail, phone nor click id, while {} of the last {} sales from {} had one",
        naming().count(),
        others.len(),
        new.event.source
    );
    Some(Observation::warning("guest_without_keys", Pair { new, old }, text).on("user"))
}

/// Click ids that the buyer came with and the sale has not.
pub(super) fn lost_clicks(new: &Known<'_>, earlier: &[Known<'_>]) -> Vec<Observation> {
    if !is_plain_sale(new) {
        return Vec::new();
    }
    let within = |old: &&Known<'_>| {
        let age_ms = new.received_ms - old.received_ms;
        let pair = Pair { new, old };
        (0..=CLICK_WINDOW_MS).contains(&age_ms)
            && pair.are_of_one_person()
            && (pair.may_be_one_browser() || age_ms <= VISIT_MS)
    };
    // Newest first, as they come.
    let person: Vec<&Known<'_>> = earlier.iter().filter(within).collect();
    CLICKS.iter().filter_map(|ids| lost_click(new, &person, ids)).collect()
}

fn lost_click(new: &Known<'_>, person: &[&Known<'_>], ids: &[&str]) -> Option<Observation> {
    let has = |known: &Known<'_>| known.event.user.click_ids.iter().any(|(name, _)| ids.contains(&name));
    let is_told = |finding: &crate::Finding| {
        let of_field = |field: &str| ids.iter().any(|id| field.strip_prefix("user.").unwrap_or(field) == *id);
        finding.code == "click_ids_expired" || finding.field.as_deref().is_some_and(of_field)
    };
    if has(new) || new.event.findings.iter().any(is_told) {
        return None;
    }
    let last = person.iter().position(|known| has(known))?;
    let seen = person.get(last)?;
    // The one after it in time; where there is none, it got lost on the way to the sale itself.
    let gone = last.checked_sub(1).and_then(|after| person.get(after)).copied().unwrap_or(new);
    let text =
        format!("{} was last seen on {} and is gone since {}", ids.first()?, seen.place(), gone.place());
    Some(Observation::warning("click_id_lost", Pair { new, old: seen }, text).on("user"))
}

/// A sale that is sent, that a buyer made on the web, and that may be told about.
fn is_plain_sale(known: &Known<'_>) -> bool {
    known.is_sale()
        && known.event.channel != Channel::Offline
        && !known.completes
        && !known.is_further_sale()
        && !known.event.consent.denies(Purpose::Advertising)
}
