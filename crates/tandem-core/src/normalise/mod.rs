//! Normalisers: one value of one kind in, its canonical form or the reason why it cannot be used out.
//!
//! Every identity normaliser works in the same order: trim (invisible characters included), pass a value that
//! is a SHA-256 already, refuse junk, then bring the text into its canonical form. Hashing is a separate step,
//! see [`hash`]. All functions are pure and never panic, whatever the text.

use std::fmt;

pub mod address;
mod analytics;
pub(crate) mod campaign;
pub mod clicks;
pub mod country;
pub(crate) mod door;
pub mod email;
pub mod external_id;
pub mod ga;
pub mod hash;
pub(crate) mod keys;
mod meta_cookies;
pub mod name;
pub mod net;
pub mod person;
pub mod phone;
mod slips;
pub mod state;
pub mod text;

pub use hash::Prehashed;

/// Why a value is not used. The names returned by [`Reason::as_str`] are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Nothing there, or nothing but white space and invisible characters.
    Empty,
    /// A placeholder such as `null`, `undefined` or a masked value.
    JunkLiteral,
    /// Not an e-mail address.
    InvalidEmail,
    /// Not a phone number that can exist.
    InvalidPhone,
    /// A national phone number, and no country to read it by.
    NoCountry,
    /// The SHA-256 of an empty text.
    HashOfEmpty,
    /// A hash of a kind the platforms cannot match: MD5, SHA-1, SHA-512 or a base64 digest.
    UnsupportedHash,
    /// Hexadecimal digits, too many or too few for a hash of any kind.
    HashLength,
    /// The id every guest shares, e.g. `0`.
    GuestId,
    /// Not a country.
    InvalidCountry,
    /// Not a date of birth.
    InvalidDate,
    /// Not a gender the platforms know.
    InvalidGender,
    /// Not an IP address.
    InvalidIp,
    /// An address of a private, local or reserved network.
    NotPublic,
    /// The user agent of a server or a script, not of a visitor.
    ServerUa,
    /// Not a language tag.
    InvalidLocale,
    /// A template placeholder nobody filled in, e.g. `__CLICKID__`.
    UnresolvedMacro,
    /// Longer than any real value.
    TooLong,
    /// Not in the form this click id or cookie has.
    InvalidClickId,
}

impl Reason {
    /// The stable name, e.g. `invalid_email`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::JunkLiteral => "junk_literal",
            Self::InvalidEmail => "invalid_email",
            Self::InvalidPhone => "invalid_phone",
            Self::NoCountry => "no_country",
            Self::HashOfEmpty => "hash_of_empty",
            Self::UnsupportedHash => "unsupported_hash",
            Self::HashLength => "hash_length",
            Self::GuestId => "guest_id",
            Self::InvalidCountry => "invalid_country",
            Self::InvalidDate => "invalid_date",
            Self::InvalidGender => "invalid_gender",
            Self::InvalidIp => "invalid_ip",
            Self::NotPublic => "not_public",
            Self::ServerUa => "server_ua",
            Self::InvalidLocale => "invalid_locale",
            Self::UnresolvedMacro => "unresolved_macro",
            Self::TooLong => "too_long",
            Self::InvalidClickId => "invalid_click_id",
        }
    }

    /// What follows the field's name in the code of a finding, e.g. `invalid` in `email_invalid`.
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::JunkLiteral => "junk",
            Self::NoCountry => "no_country",
            Self::HashOfEmpty => "hash_of_empty",
            Self::UnsupportedHash => "unsupported_hash",
            Self::HashLength => "hash_length",
            Self::GuestId => "guest",
            Self::NotPublic => "not_public",
            Self::ServerUa => "server",
            Self::UnresolvedMacro => "unresolved_macro",
            Self::TooLong => "too_long",
            Self::InvalidEmail
            | Self::InvalidPhone
            | Self::InvalidCountry
            | Self::InvalidDate
            | Self::InvalidGender
            | Self::InvalidIp
            | Self::InvalidLocale
            | Self::InvalidClickId => "invalid",
        }
    }

    /// One sentence for a person. It never repeats the value.
    pub const fn message(self) -> &'static str {
        match self {
            Self::Empty => "The value is empty; it is left out.",
            Self::JunkLiteral => "This is a placeholder or a masked value, not real data; it is left out.",
            Self::InvalidEmail => "This is not an e-mail address; it is left out.",
            Self::InvalidPhone => "This is not a valid phone number; it is left out.",
            Self::NoCountry => {
                "The phone number has no country code and no country is known to read it by; it is left out. \
                 Send it as +<country code>…, or send the country too."
            }
            Self::HashOfEmpty => "This is the hash of an empty value; it is left out.",
            Self::UnsupportedHash => {
                "This is a hash, but not SHA-256 in hexadecimal, so it cannot be matched. Send SHA-256, or the \
                 plain value and let Tandem hash it."
            }
            Self::HashLength => {
                "This looks like a SHA-256 that was cut off or has something added: it does not have 64 hexadecimal \
                 digits; it is left out."
            }
            Self::GuestId => "This id is shared by all guests, so it would merge them; it is left out.",
            Self::InvalidCountry => "This is not an ISO 3166-1 country; it is left out.",
            Self::InvalidDate => "This is not a date of birth; it is left out. Send YYYY-MM-DD.",
            Self::InvalidGender => "This is not one of f, m and n; it is left out.",
            Self::InvalidIp => "This is not an IP address; it is left out.",
            Self::NotPublic => {
                "This is not a public IP address, so it is not the visitor's; it is left out. Check the trusted \
                 proxies."
            }
            Self::ServerUa => {
                "This user agent belongs to a server or a script, not to the visitor; it is left out."
            }
            Self::InvalidLocale => "This is not a language tag; it is left out. Send one such as en-US.",
            Self::UnresolvedMacro => "This is a template placeholder nobody filled in; it is left out.",
            Self::TooLong => "The value is too long to be real; it is left out.",
            Self::InvalidClickId => "The value does not have the form this id has; it is left out.",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a normaliser found. It may hold plain identity, hence no `Debug`.
pub enum Normalised {
    /// The canonical text, to be hashed.
    Text(String),
    /// The value was a SHA-256 already.
    Hashed(Prehashed),
}

impl Normalised {
    /// The canonical text, or the lower-case hash if the value was hashed already.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Hashed(hashed) => &hashed.sha256,
        }
    }

    /// The SHA-256 to send.
    pub fn into_sha256(self) -> String {
        match self {
            Self::Text(text) => hash::sha256_hex(&text),
            Self::Hashed(hashed) => hashed.sha256,
        }
    }
}

/// A trimmed value that is neither empty nor junk.
enum Prepared<'a> {
    Hashed(Prehashed),
    Text(&'a str),
}

/// The steps all identity fields share: trim, length, ready hash, junk.
fn prepare(text: &str) -> Result<Prepared<'_>, Reason> {
    let text = text::trim(text);
    if text.is_empty() {
        return Err(Reason::Empty);
    }
    if text.len() > text::MAX_BYTES {
        return Err(Reason::TooLong);
    }
    if let Some(hashed) = hash::detect(text) {
        return hash::check(hashed).map(Prepared::Hashed);
    }
    text::refuse_junk(text)?;
    Ok(Prepared::Text(text))
}

/// [`prepare`], then refuse the hashes nobody can match.
fn prepare_person(text: &str) -> Result<Prepared<'_>, Reason> {
    match prepare(text)? {
        Prepared::Text(text) if hash::is_foreign(text) => Err(Reason::UnsupportedHash),
        Prepared::Text(text) if hash::is_mangled(text) => Err(Reason::HashLength),
        prepared => Ok(prepared),
    }
}
