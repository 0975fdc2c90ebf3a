//! Signs of a slip at the sender that leave a value usable: addresses made up for a test, and ready hashes that were made of
//! another form of a value which also came plain.

use std::collections::HashSet;
use std::sync::LazyLock;

use super::hash::{self, sha256_hex};
use super::{email, text};

/// What people type who test a shop, before the `@`.
const TEST_NAMES: &[&str] = &[
    "a",
    "abc",
    "admin",
    "asdf",
    "customer",
    "demo",
    "email",
    "example",
    "foo",
    "foobar",
    "hello",
    "info",
    "jane",
    "jane.doe",
    "janedoe",
    "john",
    "john.doe",
    "johndoe",
    "john.smith",
    "mail",
    "me",
    "name",
    "qa",
    "someone",
    "test",
    "test1",
    "test123",
    "tester",
    "testing",
    "testuser",
    "user",
    "user1",
    "you",
];

/// Where nobody has a mailbox, or nobody who buys.
const TEST_DOMAINS: &[&str] = &["example.com", "example.net", "example.org", "test.com", "test.test"];

const TEST_ADDRESSES: &[&str] = &[
    "a@a.com",
    "a@b.com",
    "aa@aa.com",
    "aaa@aaa.com",
    "abc@abc.com",
    "asdf@asdf.com",
    "foo@bar.com",
    "test@gmail.com",
];

/// Hashes of test addresses: one list for those that come plain and those that come hashed.
static TESTS: LazyLock<HashSet<String>> = LazyLock::new(|| {
    let of_domain = |domain: &'static str| TEST_NAMES.iter().map(move |name| [name, "@", domain].concat());
    let made = TEST_DOMAINS.iter().flat_map(|domain| of_domain(domain));
    let listed = TEST_ADDRESSES.iter().map(|address| (*address).to_owned());
    made.chain(listed).map(|address| sha256_hex(&address)).collect()
});

/// Whether this is the hash of an address that only tests use.
pub(super) fn is_test_address(sha256: &str) -> bool {
    TESTS.contains(sha256)
}

/// Whether a ready hash came with upper-case digits, which platforms compare as they are.
pub(super) fn is_upper_case(raw: &str) -> bool {
    let trimmed = text::trim(raw);
    hash::detect(trimmed).is_some() && trimmed.bytes().take(64).any(|b| b.is_ascii_uppercase())
}

/// Of what a hash was made instead of the address that came plain beside it; `None` if it is right, or of something else.
pub(super) fn email_form(raw: &str, base: &str, hashed: &str) -> Option<&'static str> {
    let right = sha256_hex(base);
    let forms = [
        ("the address as it was typed, not trimmed and in lower case", sha256_hex(raw)),
        ("the address as it was typed, not in lower case", sha256_hex(text::trim(raw))),
        ("the address in upper case", sha256_hex(&base.to_uppercase())),
        ("the address without its dots, as only Google wants it", sha256_hex(&email::google_dots(base))),
        ("the address without dots and plus tag, as only Google wants it", sha256_hex(&email::google(base))),
        (OF_A_HASH, sha256_hex(&right)),
    ];
    first(hashed, &right, &forms)
}

/// The same of a phone number. The digits without the plus are right for some platforms and wrong for others; beside the
/// plain number, of which every form is made, such a hash is of no use either way.
pub(super) fn phone_form(raw: &str, e164: &str, hashed: &str) -> Option<&'static str> {
    let right = sha256_hex(e164);
    let digits = e164.trim_start_matches('+');
    let typed: String = raw.chars().filter(char::is_ascii_digit).collect();
    let forms = [
        ("the digits without the plus", sha256_hex(digits)),
        ("the number with 00 instead of the plus", sha256_hex(&["00", digits].concat())),
        ("the number as it was typed", sha256_hex(raw)),
        ("the number as it was typed", sha256_hex(text::trim(raw))),
        ("the digits as they were typed, without country code", sha256_hex(&typed)),
        (OF_A_HASH, sha256_hex(&right)),
        (OF_A_HASH, sha256_hex(&sha256_hex(digits))),
    ];
    first(hashed, &right, &forms)
}

const OF_A_HASH: &str = "the hash: it was hashed twice";

fn first(hashed: &str, right: &str, forms: &[(&'static str, String)]) -> Option<&'static str> {
    if hashed == right {
        return None;
    }
    forms.iter().find(|(_, hash)| hash == hashed).map(|(form, _)| *form)
}
