//! The hashes of one value each, with every form a platform may want.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{Prehashed, address, email, external_id, hash::sha256_hex, name, phone};

/// The hashes of one e-mail address.
///
/// A variant is stored only where it differs from the one before it in the order `sha256`, `google_dots`,
/// `google`, `microsoft`, `reddit`; read them through the methods of the same names.
#[derive(Default, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmailHashes {
    /// Trimmed and lower-cased: TikTok, Meta, Pinterest, Snap, LinkedIn. Absent if only some platforms can use
    /// the value: an MD5 (Meta), or an address with white space inside (Google, Microsoft).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Google Analytics; see [`EmailHashes::google_dots`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub google_dots: Option<String>,
    /// Google Ads; see [`EmailHashes::google`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub google: Option<String>,
    /// Microsoft; see [`EmailHashes::microsoft`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub microsoft: Option<String>,
    /// Reddit; see [`EmailHashes::reddit`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reddit: Option<String>,
    /// An MD5 that came in instead of a SHA-256; only Meta takes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub md5: Option<String>,
    /// What Meta's parameter builder put behind a ready hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meta_mark: Option<String>,
    /// The value came hashed, so that all variants are the same best guess.
    #[serde(default, skip_serializing_if = "is_false")]
    pub prehashed: bool,
}

impl EmailHashes {
    /// From the base form of an address.
    pub(super) fn of(base: &str) -> Self {
        let mut hashes = Self { sha256: Some(sha256_hex(base)), ..Self::default() };
        hashes.add_variants(base);
        hashes
    }

    /// From an address that had white space inside: nothing for the platforms that do not remove it.
    pub(super) fn of_spaced(compact: &str) -> Self {
        let mut hashes =
            Self { google_dots: Some(sha256_hex(&email::google_dots(compact))), ..Self::default() };
        hashes.add_variants(compact);
        hashes.reddit = None;
        hashes
    }

    fn add_variants(&mut self, base: &str) {
        let dots = email::google_dots(base);
        let google = email::google(base);
        let microsoft = email::microsoft(base);
        let reddit = email::reddit(base);
        let unless_same =
            |text: &str, before: &str| if text == before { None } else { Some(sha256_hex(text)) };
        if self.google_dots.is_none() {
            self.google_dots = unless_same(&dots, base);
        }
        self.google = unless_same(&google, &dots);
        self.microsoft = unless_same(&microsoft, &google);
        self.reddit = unless_same(&reddit, &microsoft);
    }

    pub(super) fn ready(hashed: Prehashed) -> Self {
        Self { sha256: Some(hashed.sha256), meta_mark: hashed.meta_mark, prehashed: true, ..Self::default() }
    }

    /// Whether both are of the same address, as far as hashes tell.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.sha256 == other.sha256
            && self.md5 == other.md5
            && (self.sha256.is_some() || self.google_dots == other.google_dots)
    }

    /// Trimmed and lower-cased: TikTok, Pinterest, Snap, LinkedIn.
    pub fn sha256(&self) -> Option<&str> {
        self.sha256.as_deref()
    }

    /// As [`EmailHashes::sha256`], with the mark of Meta's parameter builder if there was one, or an MD5.
    pub fn meta(&self) -> Option<Cow<'_, str>> {
        with_mark(self.sha256(), self.meta_mark.as_deref()).or(self.md5.as_deref().map(Cow::Borrowed))
    }

    /// Dots of Gmail addresses removed: Google Analytics, older Google Ads API.
    pub fn google_dots(&self) -> Option<&str> {
        self.google_dots.as_deref().or(self.sha256())
    }

    /// Dots and plus tags of Gmail addresses removed: Google Data Manager.
    pub fn google(&self) -> Option<&str> {
        self.google.as_deref().or(self.google_dots())
    }

    /// Dots and plus tags removed, accents folded: Microsoft.
    pub fn microsoft(&self) -> Option<&str> {
        self.microsoft.as_deref().or(self.google())
    }

    /// Only letters and digits before the `@`, plus tag removed: Reddit.
    pub fn reddit(&self) -> Option<&str> {
        let base = self.sha256()?;
        self.reddit.as_deref().or(self.microsoft()).or(Some(base))
    }
}

/// The hashes of one phone number.
#[derive(Default, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhoneHashes {
    /// E.164 with the plus sign: TikTok, Google, Microsoft, Reddit. A value that came hashed stands here.
    pub e164: String,
    /// The same digits without the plus sign: Meta, Pinterest, Snap. Unknown if the value came hashed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digits: Option<String>,
    /// The national digits of a number in mainland China, which TikTok wants besides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cn_national: Option<String>,
    /// What Meta's parameter builder put behind a ready hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meta_mark: Option<String>,
    /// The value came hashed; of which form is unknown.
    #[serde(default, skip_serializing_if = "is_false")]
    pub prehashed: bool,
}

impl PhoneHashes {
    pub(super) fn of(e164: &str) -> Self {
        Self {
            e164: sha256_hex(e164),
            digits: Some(sha256_hex(e164.trim_start_matches('+'))),
            cn_national: phone::china_national(e164).map(sha256_hex),
            ..Self::default()
        }
    }

    pub(super) fn ready(hashed: Prehashed) -> Self {
        Self { e164: hashed.sha256, meta_mark: hashed.meta_mark, prehashed: true, ..Self::default() }
    }

    /// Without the plus sign, or the hash that came in, which its sender may have made for this form.
    pub fn digits_or_given(&self) -> &str {
        self.digits.as_deref().unwrap_or(&self.e164)
    }

    /// As [`PhoneHashes::digits_or_given`], with the mark of Meta's parameter builder if there was one.
    pub fn meta(&self) -> Cow<'_, str> {
        with_mark(Some(self.digits_or_given()), self.meta_mark.as_deref()).unwrap_or_default()
    }
}

/// The hashes of one of the shop's own ids.
#[derive(Default, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdHashes {
    /// Trimmed, case kept: TikTok.
    pub sha256: String,
    /// Lower-cased, white space removed: all others. Only if it differs; see [`IdHashes::lower`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lower: Option<String>,
    /// The value came hashed.
    #[serde(default, skip_serializing_if = "is_false")]
    pub prehashed: bool,
}

impl IdHashes {
    /// From an id without white space around it.
    pub fn of(id: &str) -> Self {
        let lower = external_id::lower(id);
        Self { sha256: sha256_hex(id), lower: (lower != id).then(|| sha256_hex(&lower)), prehashed: false }
    }

    /// Lower-cased, white space removed: Meta, Pinterest, Snap, Reddit.
    pub fn lower(&self) -> &str {
        self.lower.as_deref().unwrap_or(&self.sha256)
    }
}

/// The hashes of a first or last name. `trimmed` and `ga4` are stored only where they differ from the one before.
#[derive(Default, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameHashes {
    /// Without white space and punctuation: Meta, TikTok.
    pub sha256: String,
    /// Google Ads, Pinterest, Snap; see [`NameHashes::trimmed`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trimmed: Option<String>,
    /// Google Analytics; see [`NameHashes::ga4`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ga4: Option<String>,
    /// The value came hashed.
    #[serde(default, skip_serializing_if = "is_false")]
    pub prehashed: bool,
}

impl NameHashes {
    pub(super) fn of(trimmed: &str) -> Self {
        let compact = name::compact(trimmed);
        let sha256 = sha256_hex(&compact);
        let ga4 = match name::ga4(trimmed) {
            Some(ga4) if ga4 == trimmed => None,
            Some(ga4) if ga4 == compact => Some(sha256.clone()),
            Some(ga4) => Some(sha256_hex(&ga4)),
            None => None,
        };
        let trimmed = (compact != trimmed).then(|| sha256_hex(trimmed));
        Self { sha256, trimmed, ga4, prehashed: false }
    }

    /// Trimmed and lower-cased only: Google Ads, Pinterest, Snap.
    pub fn trimmed(&self) -> &str {
        self.trimmed.as_deref().unwrap_or(&self.sha256)
    }

    /// Digits and symbols removed, inner spaces kept: Google Analytics.
    pub fn ga4(&self) -> &str {
        self.ga4.as_deref().unwrap_or(self.trimmed())
    }
}

/// A city, a state or a country: plain where platforms take it unhashed, and hashed.
#[derive(Default, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceKeys {
    /// Lower-cased, without white space: TikTok. A country is its lower-case alpha-2 code. Unknown if the value
    /// came hashed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plain: Option<String>,
    /// Lower-cased with its inner spaces: Google. Only if it differs; see [`PlaceKeys::spaced`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spaced: Option<String>,
    /// Hash of the form Meta, Pinterest and Snap want: without spaces and punctuation, states of the United
    /// States and Canada as their code.
    pub sha256: String,
}

impl PlaceKeys {
    pub(super) fn of(lower: &str, hashed: &str) -> Self {
        let plain = address::plain(lower).into_owned();
        let spaced = (plain != lower).then(|| lower.to_owned());
        Self { plain: Some(plain), spaced, sha256: sha256_hex(hashed) }
    }

    pub(super) fn ready(hashed: Prehashed) -> Self {
        Self { sha256: hashed.sha256, ..Self::default() }
    }

    /// Lower-cased with its inner spaces: Google.
    pub fn spaced(&self) -> Option<&str> {
        self.spaced.as_deref().or(self.plain.as_deref())
    }
}

/// The hashes of a postal code, and the code itself for Google, which takes no hash of it.
#[derive(Default, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZipHashes {
    /// Lower-cased, without spaces and dashes, the plus four of the United States cut: Meta, Snap.
    pub sha256: String,
    /// With the plus four: TikTok. Only if it differs; see [`ZipHashes::nodash`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodash: Option<String>,
    /// The code as hashed in `sha256` has letters, which Pinterest does not take.
    #[serde(default, skip_serializing_if = "is_false")]
    pub letters: bool,
    /// Trimmed, in upper case: Google. Unknown if the value came hashed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plain: Option<String>,
}

impl ZipHashes {
    pub(super) fn of(lower: &str) -> Self {
        let short = address::zip_short(lower);
        let nodash = address::zip_nodash(lower);
        Self {
            sha256: sha256_hex(&short),
            nodash: (nodash != short).then(|| sha256_hex(&nodash)),
            letters: !address::is_digits(&short),
            plain: Some(lower.to_uppercase()),
        }
    }

    pub(super) fn ready(hashed: Prehashed) -> Self {
        Self { sha256: hashed.sha256, ..Self::default() }
    }

    /// With the plus four of the United States: TikTok.
    pub fn nodash(&self) -> &str {
        self.nodash.as_deref().unwrap_or(&self.sha256)
    }

    /// Only if the code is all digits: Pinterest.
    pub fn digits(&self) -> Option<&str> {
        (!self.letters).then_some(self.sha256.as_str())
    }
}

/// A hash with the mark of Meta's parameter builder.
fn with_mark<'a>(hash: Option<&'a str>, mark: Option<&str>) -> Option<Cow<'a, str>> {
    hash.map(|hash| match mark {
        Some(mark) => Cow::Owned([hash, ".", mark].concat()),
        None => Cow::Borrowed(hash),
    })
}

fn is_false(value: &bool) -> bool {
    !value
}
