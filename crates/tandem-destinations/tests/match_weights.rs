//! The weights of match keys give the scores that docs/match-quality.md promises.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

use tandem_core::quality::emq::{self, Verdict};
use tandem_core::quality::{Key, Keys};
use tandem_destinations::PLATFORMS;

#[test]
fn platforms_that_look_for_persons_have_weights_and_each_key_once() {
    let without: Vec<_> = PLATFORMS.iter().filter(|p| p.definition.match_weights.is_empty()).collect();
    assert_eq!(without.iter().map(|p| p.definition.name).collect::<Vec<_>>(), ["ga4"]);
    for platform in PLATFORMS.iter().filter(|p| !p.definition.match_weights.is_empty()) {
        let definition = platform.definition;
        let weights = definition.match_weights;
        let keys: Keys = weights.iter().map(|(key, _)| *key).collect();
        assert_eq!(keys.iter().count(), weights.len(), "{}: a key stands there twice", definition.name);
        assert_eq!(emq::points(Keys::ALL, weights), emq::FULL, "{}", definition.name);
    }
}

#[test]
fn sales_and_views_score_as_expected() {
    let cases = [("tiktok", Key::Ttclid, Key::Ttp), ("meta", Key::Fbc, Key::Fbp)];
    for (platform, click, cookie) in cases {
        let weights = tandem_destinations::platform(platform).unwrap().definition.match_weights;
        let browser = [Key::Ip, Key::UserAgent, Key::ExternalId];
        let score = |name: &str, more: &[Key]| {
            let keys = browser.iter().chain(more).copied().collect();
            emq::estimate(&[(keys, 1)], weights, name).unwrap().score
        };
        let whole = score("Purchase", &[Key::Email, Key::Phone, click, cookie]);
        assert!((whole - 10.0).abs() < 1e-9, "{platform}: {whole}");
        let usual = score("Purchase", &[Key::Email, Key::Phone]);
        assert_eq!(emq::verdict(usual, "Purchase"), Verdict::Good, "{platform}: {usual}");
        assert_eq!(emq::verdict(score("Purchase", &[Key::Email]), "Purchase"), Verdict::Low { defect: true });
        let view = score("ViewContent", &[cookie]);
        assert_eq!(emq::verdict(view, "ViewContent"), Verdict::Normal, "{platform}: {view}");
        let address = emq::points(Keys::NONE.with(Key::Ip), weights);
        assert!(address <= 30, "{platform}: an address alone is worth {address}");
    }
}
