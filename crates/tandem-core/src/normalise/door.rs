//! The door: raw identity in, match keys and findings out.

use std::borrow::Cow;

use super::keys::{EmailHashes, IdHashes, NameHashes, PhoneHashes, PlaceKeys, ZipHashes};
use super::{
    Normalised, Reason, address, clicks, country, email, external_id,
    hash::{self, sha256_hex},
    name, net, person, phone, slips, state, text,
};
use crate::finding::Finding;
use crate::identity::{MatchKeys, Raw, RawIdentity};
use crate::page;

/// More values than this for one key are a mistake; the rest is not looked at.
const MAX_VALUES: usize = 20;

/// Hashes everything and drops the raw values; a finding for each value that could not be used.
///
/// A finding names the field and never the value. Fields that are empty are no finding.
pub fn hash_identity(raw: RawIdentity) -> (MatchKeys, Vec<Finding>) {
    let mut door = Door::default();
    let country = door.one("country", raw.country.as_ref(), country::normalise).map(|value| match value {
        Normalised::Text(code) => {
            let sha256 = sha256_hex(&code);
            PlaceKeys { plain: Some(code), spaced: None, sha256 }
        }
        Normalised::Hashed(hashed) => PlaceKeys::ready(hashed),
    });
    let home = country.as_ref().and_then(|country| country.plain.as_deref());
    let region = raw.default_country.as_deref().filter(|c| !c.trim().is_empty()).or(home);
    let (click_ids, rejected) = clicks::check_all(raw.click_ids);

    let mut keys = MatchKeys {
        email: door.emails(&raw.email),
        phone: door.phones(&raw.phone, region),
        external_id: door.external_ids(&raw.external_id),
        first_name: door.name("first_name", raw.first_name.as_ref()),
        last_name: door.name("last_name", raw.last_name.as_ref()),
        street: door.hash("street", raw.street.as_ref(), name::street),
        city: door.one("city", raw.city.as_ref(), address::city).map(|value| match value {
            Normalised::Text(lower) => PlaceKeys::of(&lower, &address::compact(&lower)),
            Normalised::Hashed(hashed) => PlaceKeys::ready(hashed),
        }),
        state: door.one("state", raw.state.as_ref(), state::normalise).map(|value| match value {
            Normalised::Text(lower) => PlaceKeys::of(&lower, &state::code(&lower, home)),
            Normalised::Hashed(hashed) => PlaceKeys::ready(hashed),
        }),
        zip_code: door.one("zip_code", raw.zip_code.as_ref(), address::zip).map(|value| match value {
            Normalised::Text(lower) => ZipHashes::of(&lower),
            Normalised::Hashed(hashed) => ZipHashes::ready(hashed),
        }),
        gender: door.hash("gender", raw.gender.as_ref(), person::gender),
        date_of_birth: door.hash("date_of_birth", raw.date_of_birth.as_ref(), person::date_of_birth),
        ip: door.one("ip", raw.ip.as_ref(), net::public_ip),
        user_agent: door.one("user_agent", raw.user_agent.as_ref(), net::user_agent),
        locale: door.one("locale", raw.locale.as_ref(), net::locale),
        country,
        click_ids,
    };
    for (name, reason) in rejected {
        door.refuse(name, None, reason);
    }
    if keys.user_agent.as_deref().is_some_and(page::names_person) {
        keys.user_agent = None;
        let text = "holds an e-mail address or phone number instead of a browser's name; not kept";
        door.findings.push(Finding::warning("text_personal", text).on("user_agent"));
    }
    (keys, door.findings)
}

/// Collects the findings while the values go through.
#[derive(Default)]
struct Door {
    findings: Vec<Finding>,
}

impl Door {
    fn refuse(&mut self, field: &'static str, index: Option<usize>, reason: Reason) {
        if reason == Reason::Empty {
            return;
        }
        let mut finding = Finding::warning("", reason.message()).on(place(field, index));
        finding.code = Cow::Owned([field, "_", reason.suffix()].concat());
        self.findings.push(finding);
    }

    fn remark_case(&mut self, field: &'static str, index: Option<usize>, text: &str) {
        if slips::is_upper_case(text) {
            let text =
                "The hash came in upper case, which platforms do not match; it was put into lower case.";
            let mut finding = Finding::info("", text).on(place(field, index));
            finding.code = Cow::Owned([field, "_hash_case"].concat());
            self.findings.push(finding);
        }
    }

    /// Whether a value stays; if not, with the finding that says why.
    fn keeps(&mut self, slip: Option<&'static str>, finding: impl Fn(&str) -> Finding) -> bool {
        self.findings.extend(slip.map(finding));
        slip.is_none()
    }

    fn one<T>(
        &mut self,
        field: &'static str,
        raw: Option<&Raw>,
        normalise: impl Fn(&str) -> Result<T, Reason>,
    ) -> Option<T> {
        let text = raw?.expose();
        self.remark_case(field, None, text);
        normalise(text).map_err(|reason| self.refuse(field, None, reason)).ok()
    }

    fn hash(
        &mut self,
        field: &'static str,
        raw: Option<&Raw>,
        normalise: impl Fn(&str) -> Result<Normalised, Reason>,
    ) -> Option<String> {
        self.one(field, raw, normalise).map(Normalised::into_sha256)
    }

    fn name(&mut self, field: &'static str, raw: Option<&Raw>) -> Option<NameHashes> {
        self.one(field, raw, name::normalise).map(|value| match value {
            Normalised::Text(trimmed) => NameHashes::of(&trimmed),
            Normalised::Hashed(hashed) => {
                NameHashes { sha256: hashed.sha256, prehashed: true, ..NameHashes::default() }
            }
        })
    }

    fn emails(&mut self, raw: &[Raw]) -> Vec<EmailHashes> {
        let mut hashes: Vec<EmailHashes> = Vec::with_capacity(raw.len().min(MAX_VALUES));
        let mut plain = Vec::new();
        for (index, value) in self.capped("email", raw) {
            let text = value.expose();
            self.remark_case("email", Some(index), text);
            let new = match email::normalise(text) {
                Ok(Normalised::Text(base)) => {
                    let hashes = EmailHashes::of(&base);
                    plain.push((text, base));
                    Some(hashes)
                }
                Ok(Normalised::Hashed(hashed)) => Some(EmailHashes::ready(hashed)),
                Err(reason) => {
                    self.refuse("email", Some(index), reason);
                    salvage_email(text, reason)
                }
            };
            if new.as_ref().and_then(EmailHashes::sha256).is_some_and(slips::is_test_address) {
                let text = "an address that people type for a test; it is sent all the same";
                self.findings.push(Finding::info("email_test_address", text).on(format!("email[{index}]")));
            }
            add(&mut hashes, new, EmailHashes::is_same, |e| e.prehashed);
        }
        hashes.retain(|email| {
            let ready = email.sha256().filter(|_| email.prehashed);
            let slip = ready
                .and_then(|hash| plain.iter().find_map(|(raw, base)| slips::email_form(raw, base, hash)));
            self.keeps(slip, |form| {
                let text = format!("the hash beside the plain address was made of {form}; left out");
                Finding::warning("email_hash_differs", text).on("email")
            })
        });
        hashes
    }

    fn phones(&mut self, raw: &[Raw], region: Option<&str>) -> Vec<PhoneHashes> {
        let mut hashes: Vec<PhoneHashes> = Vec::with_capacity(raw.len().min(MAX_VALUES));
        let mut plain = Vec::new();
        for (index, value) in self.capped("phone", raw) {
            let text = value.expose();
            self.remark_case("phone", Some(index), text);
            let new = match phone::normalise(text, region) {
                Ok(Normalised::Text(e164)) => {
                    let hashes = PhoneHashes::of(&e164);
                    plain.push((text, e164));
                    Some(hashes)
                }
                Ok(Normalised::Hashed(hashed)) => Some(PhoneHashes::ready(hashed)),
                Err(reason) => {
                    self.refuse("phone", Some(index), reason);
                    None
                }
            };
            add(&mut hashes, new, |a, b| a.e164 == b.e164, |p| p.prehashed);
        }
        hashes.retain(|phone| {
            let ready = Some(phone.e164.as_str()).filter(|_| phone.prehashed);
            let slip = ready
                .and_then(|hash| plain.iter().find_map(|(raw, e164)| slips::phone_form(raw, e164, hash)));
            self.keeps(slip, |form| {
                let text = format!("the hash beside the plain number was made of {form}; left out");
                Finding::warning("phone_hash_differs", text).on("phone")
            })
        });
        hashes
    }

    fn external_ids(&mut self, raw: &[Raw]) -> Vec<IdHashes> {
        let mut hashes: Vec<IdHashes> = Vec::with_capacity(raw.len().min(MAX_VALUES));
        for (index, value) in self.capped("external_id", raw) {
            self.remark_case("external_id", Some(index), value.expose());
            let new = match external_id::normalise(value.expose()) {
                Ok(Normalised::Text(id)) => Some(IdHashes::of(&id)),
                Ok(Normalised::Hashed(hashed)) => {
                    Some(IdHashes { sha256: hashed.sha256, lower: None, prehashed: true })
                }
                Err(reason) => {
                    self.refuse("external_id", Some(index), reason);
                    None
                }
            };
            add(&mut hashes, new, |a, b| a.sha256 == b.sha256, |i| i.prehashed);
        }
        hashes
    }

    /// The values with their places, at most [`MAX_VALUES`].
    fn capped<'a>(
        &mut self,
        field: &'static str,
        raw: &'a [Raw],
    ) -> impl Iterator<Item = (usize, &'a Raw)> + use<'a> {
        if raw.len() > MAX_VALUES {
            let mut finding =
                Finding::warning("", "Too many values; only the first twenty are used.").on(field);
            finding.code = Cow::Owned([field, "_too_many"].concat());
            self.findings.push(finding);
        }
        raw.iter().enumerate().take(MAX_VALUES)
    }
}

fn place(field: &'static str, index: Option<usize>) -> Cow<'static, str> {
    match index {
        Some(index) => Cow::Owned(format!("{field}[{index}]")),
        None => Cow::Borrowed(field),
    }
}

/// What some platforms can still use of an address that most cannot.
fn salvage_email(text: &str, reason: Reason) -> Option<EmailHashes> {
    let trimmed = text::trim(text);
    match reason {
        Reason::UnsupportedHash if hash::is_md5(trimmed) => Some(EmailHashes {
            md5: Some(trimmed.to_ascii_lowercase()),
            prehashed: true,
            ..Default::default()
        }),
        Reason::InvalidEmail => {
            email::without_spaces(trimmed).map(|compact| EmailHashes::of_spaced(&compact))
        }
        _ => None,
    }
}

/// Adds a value unless it is there; one that came plain replaces the same one that came hashed.
fn add<T>(list: &mut Vec<T>, new: Option<T>, same: impl Fn(&T, &T) -> bool, ready: impl Fn(&T) -> bool) {
    let Some(new) = new else { return };
    match list.iter_mut().find(|old| same(old, &new)) {
        Some(old) if ready(old) && !ready(&new) => *old = new,
        Some(_) => {}
        None => list.push(new),
    }
}
