//! Exchange rates from outside, and whatever somebody writes as a rule.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tandem_core::rates::Rates;
use tandem_core::rules::{Context, RuleSettings, Rules, Settings};

fuzz_target!(|text: &str| {
    let _ = Rates::from_ecb(text);
    let rule = RuleSettings {
        name: "r".to_owned(),
        when: Some(text.to_owned()),
        set: [("properties.x".to_owned(), text.to_owned())].into(),
        ..RuleSettings::default()
    };
    if let Ok(rules) = Rules::compile(Settings { rules: vec![rule], ..Settings::default() }) {
        rules.at_door(&mut tandem_core::Event::default(), &Context::default());
    }
});
