//! SHA-256 and the recognition of values that are hashed already.

use sha2::{Digest, Sha256};

use super::Reason;

/// SHA-256 of nothing at all; a common mistake of senders who hash before they look.
pub const SHA256_OF_EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// SHA-256 of `n`, the gender not every platform knows.
pub(crate) const SHA256_OF_N: &str = "1b16b1df538ba12dc3f97edbb85caa7050d46c148134290feba80f8236c83db9";

/// SHA-256 of placeholders, hashed by senders who did not look.
const SHA256_OF_JUNK: [&str; 12] = [
    "36a9e7f1c95b82ffb99743e0c5c4ce95d83c9a430aac59f84ef3cbfab6145068", // one space
    "74234e98afe7498fb5daf1f36ac2d78acc339464f950703b8c019892f982b90b", // null
    "fb329000228cc5a24c264c57139de8bf854fc86fc18bf1c04ab61a2b5cb4b921", // NULL
    "eb045d78d273107348b0300c01d29b7552d622abbc6faf81b3ec55359aa9950c", // undefined
    "d5b592c05dc25b5032553f1b27f4139be95e881f73db33b02b05ab20c3f9981e", // NaN
    "9b2d5b4678781e53038e91ea5324530a03f27dc1d0e5f6c9bc9d493a23be9de0", // nan
    "b28c94b2195c8ed259f0b415aaee3f39b0b2920a4537611499fa044956917a21", // [object Object]
    "c9a560c74de368dcd2e6ac5544ad12a9afd32584b71a52147303479f726e0408", // [object object]
    "e2f79e5b60330bba4c289962231b6ba2957d0b14e7deb3110417003c79dea635", // N/A
    "a683c5c5349f6f7fb903ba8a9e7e55d0ba1b8f03579f95be83f4954c33e81098", // n/a
    "dc937b59892604f5a86ac96936cd7ff09e25f18ae6b758e8014a24c7fa039e91", // None
    "140bedbf9c3f6d56a9846d2ba7088798683f4da0c248231336e6a05679e4fdfe", // none
];

/// SHA-256 of `0`, the id of every guest.
const SHA256_OF_ZERO: &str = "5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9";

/// A value that came as SHA-256.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prehashed {
    /// 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// The two or eight characters Meta's page-side parameter builder adds after a dot.
    pub meta_mark: Option<String>,
}

/// SHA-256 over the UTF-8 bytes, as 64 lower-case hexadecimal digits.
pub fn sha256_hex(text: &str) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(text.as_bytes()) {
        hex.push(DIGITS[usize::from(byte >> 4)] as char);
        hex.push(DIGITS[usize::from(byte & 15)] as char);
    }
    hex
}

/// Recognises 64 hexadecimal digits of either case, with or without the mark of Meta's parameter builder.
pub fn detect(trimmed: &str) -> Option<Prehashed> {
    if !matches!(trimmed.len(), 64 | 67 | 73) || !trimmed.is_ascii() {
        return None;
    }
    let (digest, rest) = trimmed.split_at(64);
    if !is_hex(digest) {
        return None;
    }
    let meta_mark = match rest.strip_prefix('.') {
        Some(mark) if mark.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') => {
            Some(mark.to_owned())
        }
        Some(_) => return None,
        None if rest.is_empty() => None,
        None => return None,
    };
    Some(Prehashed { sha256: digest.to_ascii_lowercase(), meta_mark })
}

/// Refuses a ready hash of nothing, of a placeholder or of the guests' id.
pub(super) fn check(hashed: Prehashed) -> Result<Prehashed, Reason> {
    match hashed.sha256.as_str() {
        SHA256_OF_EMPTY => Err(Reason::HashOfEmpty),
        SHA256_OF_ZERO => Err(Reason::GuestId),
        junk if SHA256_OF_JUNK.contains(&junk) => Err(Reason::JunkLiteral),
        _ => Ok(hashed),
    }
}

/// MD5 in hexadecimal. Meta takes it as hashed, nobody else does.
pub fn is_md5(trimmed: &str) -> bool {
    trimmed.len() == 32 && is_hex(trimmed)
}

/// A digest of another kind or in another spelling: MD5, SHA-1, SHA-512 or base64 of 32 bytes.
pub(super) fn is_foreign(trimmed: &str) -> bool {
    match trimmed.len() {
        32 | 40 | 128 => is_hex(trimmed),
        44 => {
            let digits = trimmed.strip_suffix('=');
            digits.is_some_and(|d| {
                d.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'-' | b'_'))
            })
        }
        _ => false,
    }
}

/// What is left of a SHA-256 that was cut, or had something added, on its way. Digits alone may be a number of another kind.
pub(super) fn is_mangled(trimmed: &str) -> bool {
    (40..=80).contains(&trimmed.len())
        && !matches!(trimmed.len(), 40 | 64)
        && is_hex(trimmed)
        && trimmed.bytes().any(|b| b.is_ascii_alphabetic())
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_hexdigit())
}
