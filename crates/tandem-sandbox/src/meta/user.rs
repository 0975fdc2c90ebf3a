//! `user_data`: which match keys came, and what is wrong with them.

use serde_json::{Map, Value};

use crate::{
    Person,
    engine::Flaws,
    keys::{KeySet, Oracle, hash, is_hash_of_nothing, is_hex},
    meta::{HASH_OF_EMPTY, MALFORMED_CLICK_ID, NOT_HASHED, PHONE_WITH_PLUS, UPPER_CASE_HASH},
};

/// Is the key hashed?
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// It must be.
    Hashed,
    /// It should be, but need not.
    Either,
    /// It must not be.
    Plain,
}

/// Meta's fields, and what they are called in reports.
const FIELDS: [(&str, &str, Form); 20] = [
    ("em", "email", Form::Hashed),
    ("ph", "phone", Form::Hashed),
    ("fn", "first_name", Form::Hashed),
    ("ln", "last_name", Form::Hashed),
    ("ct", "city", Form::Hashed),
    ("st", "state", Form::Hashed),
    ("zp", "zip_code", Form::Hashed),
    ("country", "country", Form::Hashed),
    ("db", "date_of_birth", Form::Hashed),
    ("ge", "gender", Form::Hashed),
    ("external_id", "external_id", Form::Either),
    ("client_ip_address", "ip", Form::Plain),
    ("client_user_agent", "user_agent", Form::Plain),
    ("fbc", "fbc", Form::Plain),
    ("fbp", "fbp", Form::Plain),
    ("lead_id", "lead_id", Form::Plain),
    ("fb_login_id", "fb_login_id", Form::Plain),
    ("subscription_id", "subscription_id", Form::Plain),
    ("anon_id", "anon_id", Form::Plain),
    ("madid", "gaid", Form::Plain),
];

/// Names of Meta's fields that the stand-in knows.
pub(crate) fn names() -> Vec<&'static str> {
    FIELDS.iter().map(|(name, ..)| *name).collect()
}

/// What is read of `user_data`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keys {
    pub(crate) present: KeySet,
    pub(crate) unmatchable: KeySet,
    pub(crate) matched: KeySet,
    pub(crate) flaws: Flaws,
    /// First field that must be hashed and is not.
    pub(crate) unhashed: Option<&'static str>,
    /// First field that is neither text nor a list of texts.
    pub(crate) wrong_type: Option<&'static str>,
    pub(crate) fbp: Option<String>,
    pub(crate) external_id: Option<String>,
}

/// Reads the match keys.
pub(crate) fn read(user: &Map<String, Value>, oracle: &Oracle, spoiled: &Oracle) -> Keys {
    let mut keys = Keys::default();
    for (name, known_as, form) in FIELDS {
        let Some(value) = user.get(name).filter(|value| !value.is_null()) else { continue };
        let Some(values) = texts(value) else {
            keys.wrong_type.get_or_insert(name);
            continue;
        };
        let key = KeySet::named(known_as);
        let (mut filled, mut usable) = (false, false);
        for text in values.iter().filter(|text| !text.is_empty()) {
            filled = true;
            let good = keys.judge(name, form, text);
            usable |= good;
            if good && !oracle.knows_nobody() && oracle.matches(key, hash_part(text)) {
                keys.matched = keys.matched.with(key);
            }
            keys.flaws.note(PHONE_WITH_PLUS, name == "ph" && spoiled.matches(key, hash_part(text)));
        }
        if filled {
            keys.present = keys.present.with(key);
            if !usable {
                keys.unmatchable = keys.unmatchable.with(key);
            }
        }
        let first = || values.iter().find(|text| !text.is_empty()).cloned();
        match name {
            "fbp" => keys.fbp = first(),
            "external_id" => keys.external_id = first(),
            _ => {}
        }
    }
    keys
}

impl Keys {
    /// Can this value match somebody?
    fn judge(&mut self, name: &'static str, form: Form, text: &str) -> bool {
        let part = hash_part(text);
        self.flaws.note(HASH_OF_EMPTY, is_hash_of_nothing(part));
        if is_hash_of_nothing(part) {
            return false;
        }
        if form == Form::Plain {
            let broken = matches!(name, "fbc" | "fbp") && !is_click_id(text);
            self.flaws.note(MALFORMED_CLICK_ID, broken);
            return !broken;
        }
        // MD5 is taken as hashed too.
        let hashed = is_hex(part, 64) || is_hex(part, 32);
        let upper = hashed && part.bytes().any(|b| b.is_ascii_uppercase());
        self.flaws.note(UPPER_CASE_HASH, upper);
        if form == Form::Hashed && !hashed {
            self.flaws.note(NOT_HASHED, true);
            self.unhashed.get_or_insert(name);
        }
        // Whether Meta compares digests in upper case is not documented; here they never match.
        (hashed && !upper) || form == Form::Either
    }

    /// Do the keys say too little about a person, by the combinations Meta lists?
    pub(crate) fn too_few(&self) -> bool {
        let within = |names: &[&str]| {
            let wide = names.iter().fold(KeySet::default(), |set, name| set.with(KeySet::named(name)));
            self.present.without(wide).is_empty()
        };
        within(&["city", "state", "zip_code", "country", "gender", "user_agent"])
            || within(&["date_of_birth", "user_agent"])
            || within(&["first_name", "gender"])
            || within(&["last_name", "gender"])
    }
}

/// The digest without the mark that Meta's page-side builder appends (`.` and two or eight characters).
fn hash_part(text: &str) -> &str {
    match text.split_once('.') {
        Some((digest, mark)) if is_hex(digest, 64) && matches!(mark.len(), 2 | 8) => digest,
        _ => text,
    }
}

/// `fb.<index>.<milliseconds>.<value>`, perhaps with a fifth part.
fn is_click_id(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    let digits = |text: &&str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    matches!(parts.as_slice(), ["fb", index, time, value, rest @ ..]
        if digits(index) && digits(time) && !value.is_empty() && rest.len() <= 1)
}

/// A text, or a list of texts; numbers are taken as their text.
fn texts(value: &Value) -> Option<Vec<String>> {
    let one = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    match value {
        Value::Array(list) => list.iter().map(one).collect(),
        other => one(other).map(|text| vec![text]),
    }
}

/// The wire values that belong to a person.
pub(crate) fn expected(person: &Person) -> Vec<(KeySet, String)> {
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    let bare = |text: &str| text.split_whitespace().collect::<String>().to_lowercase();
    let keys = [
        ("email", person.email.as_deref().map(|text| hash(&text.trim().to_lowercase()))),
        ("phone", person.phone.as_deref().map(|text| hash(&digits(text)))),
        ("external_id", person.external_id.as_deref().map(|text| hash(&bare(text)))),
        ("fbc", person.fbc.clone()),
        ("fbp", person.fbp.clone()),
    ];
    keys.into_iter().filter_map(|(name, wire)| Some((KeySet::named(name), wire?))).collect()
}

/// What the same people's keys look like after a well-known mistake: the phone hashed with its `+`.
pub(crate) fn spoiled(person: &Person) -> Vec<(KeySet, String)> {
    let phone = person.phone.as_deref().map(|text| {
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        (KeySet::named("phone"), hash(&format!("+{digits}")))
    });
    phone.into_iter().collect()
}
