//! Any bytes as every signal of consent: never a panic, nothing kept longer than promised, and the record reads back as it
//! was written.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tandem_core::consent::tcf::TcString;
use tandem_core::consent::{Consent, Gate, MAX_VALUE, OnUnknown, Policy, Purpose, Signals, VendorNames, tools};

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let (name, value) = text.split_once('\n').unwrap_or(("", &text));
    let vendor = VendorNames { platform: "tiktok".into(), names: vec!["tiktok".into()], tcf: Some(755) };
    let policy = Policy { vendors: vec![vendor], ..Policy::default() };
    // As the cookie it names, and as every cookie at once.
    let named = [(name, value)];
    let every: Vec<(&str, &str)> = tools::COOKIES.iter().map(|cookie| (*cookie, value)).collect();
    for cookies in [&named[..], &every] {
        let signals =
            Signals { gcs: Some(value), gcd: Some(value), tc_string: Some(value), cookies, ..Signals::default() };
        let consent = signals.read(&policy);
        if let Some(evidence) = &consent.evidence {
            assert!(evidence.value.as_ref().is_none_or(|kept| kept.len() <= MAX_VALUE));
        }
        let json = serde_json::to_string(&consent).expect("serialises");
        assert_eq!(serde_json::from_str::<Consent>(&json).expect("reads back"), consent);
        let _ = Gate::new("tiktok", &[Purpose::Advertising], OnUnknown::ByRegion).rule(&consent);
    }
    if let Some(string) = TcString::read(value) {
        for id in [0, 1, 755, u16::MAX] {
            assert!(!string.allows(id) || string.has_vendor(id));
        }
    }
});
