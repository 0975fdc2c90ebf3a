//! Any text as any piece of identity: hashes or nothing, never the text itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tandem_core::identity::{Raw, RawIdentity, hash_identity};

fuzz_target!(|input: (String, String, String, Option<String>)| {
    let (one, two, three, country) = input;
    let raw = || Some(Raw::new(three.clone()));
    let (keys, _) = hash_identity(RawIdentity {
        email: vec![Raw::new(one.clone()), Raw::new(two.clone())],
        phone: vec![Raw::new(two.clone()), Raw::new(one.clone())],
        external_id: vec![Raw::new(one)],
        first_name: raw(),
        last_name: raw(),
        zip_code: raw(),
        city: raw(),
        state: raw(),
        country: raw(),
        ip: raw(),
        user_agent: raw(),
        locale: raw(),
        date_of_birth: raw(),
        gender: raw(),
        default_country: country,
        ..RawIdentity::default()
    });
    for hash in keys.emails().chain(keys.phones_e164()).chain(keys.external_ids()) {
        assert!(hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)));
    }
});
