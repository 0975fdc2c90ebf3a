//! Any text as a page's address: cleaning twice changes nothing, and no e-mail address stays.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tandem_core::normalise::clicks;
use tandem_core::page::clean_url;

fuzz_target!(|text: &str| {
    let _ = clicks::from_url(text);
    if let Some(clean) = clean_url(text) {
        assert!(!clean.contains('@'), "{clean}");
        assert_eq!(clean_url(&clean).as_deref(), Some(clean.as_str()));
    }
});
