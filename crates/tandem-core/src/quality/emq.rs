//! Event match quality: how well a platform can tell who did it, as an estimate from 0 to 10.
//!
//! The formula is ours. TikTok says of its score only that it is a weighted average of the coverage of all match keys (help
//! article on the event overview, 2025); weights, scale and targets are published by nobody. docs/match-quality.md has the
//! whole of it for the people who read the figure.

use serde::Serialize;

use super::{Key, Keys};
use crate::names;

/// What each key is worth, in thousandths of a full score.
pub type Weights<'a> = &'a [(Key, u16)];

/// A full score. Weights may add up to more: not every key is needed to be sure of somebody.
pub const FULL: u32 = 1_000;

/// A visitor's address without a user agent is shared by a household or an office, and a user agent by millions: alone,
/// each counts for this part of its weight.
const ALONE: u32 = 4;

/// Sales and forms: the buyer just typed in who he is.
const NAMED: &[&str] = &[
    names::PURCHASE,
    "CompletePayment",
    "PlaceAnOrder",
    "Subscribe",
    "StartTrial",
    "Lead",
    "SubmitForm",
    "CompleteRegistration",
    "SubmitApplication",
    "ApplicationApproval",
    "Schedule",
];

/// On the way to a sale: some buyers have given their address by then.
const CHECKOUT: &[&str] = &["InitiateCheckout", "AddPaymentInfo"];

/// Looking around: nobody has said who he is.
const BROWSING: &[&str] = &[
    "Pageview",
    "ViewContent",
    "Search",
    "AddToCart",
    "AddToWishlist",
    "CustomizeProduct",
    "ClickButton",
    "Contact",
    "Download",
    "FindLocation",
];

/// What an event of a visitor who has not said who he is can carry.
const BROWSER_KEYS: Keys = Keys::from_list(&[
    Key::ExternalId,
    Key::Ttclid,
    Key::Ttp,
    Key::Fbc,
    Key::Fbp,
    Key::Gclid,
    Key::GaClientId,
    Key::OtherClick,
    Key::Ip,
    Key::UserAgent,
    Key::Country,
    Key::Locale,
]);

/// Points of one event, 0 to [`FULL`]: the sum of its keys' weights, cut at the top.
#[must_use]
pub fn points(keys: Keys, weights: Weights<'_>) -> u32 {
    let whole_browser = keys.has(Key::Ip) && keys.has(Key::UserAgent);
    let worth = |(key, weight): &(Key, u16)| match key {
        Key::Ip | Key::UserAgent if !whole_browser => u32::from(*weight) / ALONE,
        _ => u32::from(*weight),
    };
    weights.iter().filter(|(key, _)| keys.has(*key)).map(worth).sum::<u32>().min(FULL)
}

/// The keys that an event of this name can carry: a page view brings no e-mail address, an order can bring everything. A
/// name of the shop's own can, as far as we know, bring everything.
#[must_use]
pub fn carries(event_name: &str) -> Keys {
    if BROWSING.contains(&event_name) { BROWSER_KEYS } else { Keys::ALL }
}

/// The estimate for many events of one name.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimate {
    /// 0 to 10: the average over the events.
    pub score: f64,
    /// 0 to 1: the score as a share of what events of this name can reach.
    pub of_possible: f64,
    /// How many events it is an average of.
    pub events: u64,
}

/// The estimate for a histogram: how many events came with each set of keys. `None` without events, or where the
/// destination has no weights.
#[must_use]
pub fn estimate(histogram: &[(Keys, u64)], weights: Weights<'_>, event_name: &str) -> Option<Estimate> {
    let events = count(histogram);
    let reachable = points(carries(event_name), weights);
    if events == 0 || reachable == 0 {
        return None;
    }
    let average = average(histogram, |keys| points(keys, weights));
    // An event can carry more than we expect of its name.
    let of_possible = (average / f64::from(reachable)).min(1.0);
    Some(Estimate { score: average / 100.0, of_possible, events })
}

/// How often a key is there, 0 to 1; 0 without events.
#[must_use]
pub fn coverage(histogram: &[(Keys, u64)], key: Key) -> f64 {
    average(histogram, |keys| u32::from(keys.has(key)))
}

/// The score that events of a name usually have.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Band {
    /// From here.
    pub low: f64,
    /// To here.
    pub high: f64,
    /// A score below the band is a defect to be mended, not only less than it could be.
    pub is_owed: bool,
}

/// The band for an event of this name. Ours: the figures that advisers pass around for sales (8 to 10) and for views and
/// carts (3 to 6), of which no platform says anything; the ones between are ours alone.
#[must_use]
pub fn expected(event_name: &str) -> Band {
    let is_in = |names: &[&str]| names.contains(&event_name);
    let (low, high) = match () {
        () if is_in(NAMED) => (8.0, 10.0),
        () if is_in(CHECKOUT) => (5.0, 9.0),
        () if is_in(BROWSING) => (3.0, 6.0),
        // A name of the shop's own may stand for anything.
        () => (3.0, 10.0),
    };
    Band { low, high, is_owed: is_in(NAMED) }
}

/// What a score means for events of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// 8 or more, or above what is usual.
    Good,
    /// As usual.
    Normal,
    /// Less than usual.
    Low {
        /// To be mended.
        defect: bool,
    },
}

/// Judges a score as people see it, with one decimal: what is shown as 8.0 is not below 8.
#[must_use]
pub fn verdict(score: f64, event_name: &str) -> Verdict {
    let band = expected(event_name);
    let shown = (score * 10.0).round() / 10.0;
    match () {
        () if shown < band.low => Verdict::Low { defect: band.is_owed },
        () if shown >= 8.0 || shown > band.high => Verdict::Good,
        () => Verdict::Normal,
    }
}

/// The key that would help most.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Improvement {
    /// Name of the key, see [`Key::name`].
    pub key: &'static str,
    /// By how much the average would rise if no event lacked it; above 0.
    pub gain: f64,
    /// Share of the events that lack it, 0 to 1.
    pub missing_share: f64,
    /// For a person: what it would bring, and how to get it.
    pub sentence: String,
}

/// The one key whose presence on every event would raise the average most, of those that events of this name can carry.
///
/// A click id is asked for only when not a single event has one: most visitors did not come by an ad and have none, but
/// that nobody has is a sign of a fault. Of keys that bring the same, the one with the lowest number. `None` when no key
/// would help.
#[must_use]
pub fn best_improvement(
    histogram: &[(Keys, u64)],
    weights: Weights<'_>,
    event_name: &str,
) -> Option<Improvement> {
    let now = average(histogram, |keys| points(keys, weights));
    let (key, gain) = candidates(histogram, event_name)
        .map(|key| (key, average(histogram, |keys| points(keys.with(key), weights)) - now))
        .filter(|(_, gain)| *gain > 0.0)
        .reduce(|best, other| if other.1 > best.1 { other } else { best })?;
    let missing_share = 1.0 - coverage(histogram, key);
    let sentence = format!(
        "{:.0} % of these events come without {}. With it on all of them the estimate would rise from {:.1} to {:.1}. {}",
        (missing_share * 100.0).max(1.0),
        with_article(key),
        now / 100.0,
        (now + gain) / 100.0,
        remedy(key)
    );
    Some(Improvement { key: key.name(), gain: gain / 100.0, missing_share, sentence })
}

/// The keys that can be asked for.
fn candidates(histogram: &[(Keys, u64)], event_name: &str) -> impl Iterator<Item = Key> {
    let seen = |key| histogram.iter().any(|(keys, n)| *n > 0 && keys.has(key));
    carries(event_name).iter().filter(move |key| !key.is_click() || !seen(*key))
}

fn with_article(key: Key) -> String {
    let article = match key {
        Key::Email | Key::ExternalId | Key::OtherClick => "an",
        _ => "a",
    };
    format!("{article} {}", key.title())
}

/// How to get a key.
#[must_use]
pub const fn remedy(key: Key) -> &'static str {
    match key {
        Key::Email => {
            "Send the address of the order or form with the event; the shop's server has it even when the page has not."
        }
        Key::Phone => {
            "Make the phone a field of the checkout, and send it with its country code or the country beside it."
        }
        Key::ExternalId => {
            "Let the page's script run on every page: its visitor id is an external id. Send the customer's id with orders of \
             signed-in customers."
        }
        Key::Ttclid => {
            "Put the script on the pages that ads lead to, and see that no redirect drops the parameter ttclid: the findings \
             click_id_stripped and click_id_lost name the places."
        }
        Key::Fbc => {
            "Put the script on the pages that ads lead to, and see that no redirect drops the parameter fbclid: the findings \
             click_id_stripped and click_id_lost name the places."
        }
        Key::Gclid => {
            "Switch on auto-tagging in Google Ads, and see that no redirect drops the parameter gclid."
        }
        Key::OtherClick => "See that no redirect drops the parameters that the ads' links carry.",
        Key::Ttp => {
            "TikTok's own script sets the cookie _ttp once the visitor has allowed it; orders get it from the visit: see that \
             thank-you pages name the order."
        }
        Key::Fbp => {
            "Let the page's script run, which sets the cookie _fbp where Meta's own has not; orders get it from the visit: see \
             that thank-you pages name the order."
        }
        Key::GaClientId => {
            "Let the page's script run on all pages beside Google's tag, or send ga_client_id with the event."
        }
        Key::Ip => {
            "Pass on the visitor's address, not your server's: look at trusted_proxies and at the finding ip_not_public."
        }
        Key::UserAgent => {
            "Pass on the browser's user agent, not that of your HTTP client: see the finding user_agent_server."
        }
        Key::FirstName | Key::LastName | Key::Address => {
            "Send it with the order: the checkout asks for it anyway."
        }
        Key::Country => "Send the country of the order in plain text, two letters.",
        Key::Locale => "Let the page's script run; it tells the browser's language.",
    }
}

fn count(histogram: &[(Keys, u64)]) -> u64 {
    histogram.iter().fold(0, |sum, (_, n)| sum.saturating_add(*n))
}

/// The average of a figure over all events; 0 without any.
#[expect(clippy::cast_precision_loss, reason = "shown with one decimal; counts stay far below 2^53")]
fn average(histogram: &[(Keys, u64)], of: impl Fn(Keys) -> u32) -> f64 {
    let events = count(histogram);
    let sum = histogram
        .iter()
        .fold(0u128, |sum, (keys, n)| sum.saturating_add(u128::from(of(*keys)) * u128::from(*n)));
    if events == 0 { 0.0 } else { sum as f64 / events as f64 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As a platform's might be.
    const WEIGHTS: Weights<'_> = &[
        (Key::Email, 300),
        (Key::Phone, 250),
        (Key::Ttclid, 250),
        (Key::ExternalId, 150),
        (Key::Ttp, 100),
        (Key::Ip, 80),
        (Key::UserAgent, 40),
        (Key::FirstName, 20),
        (Key::Country, 10),
    ];

    fn score(keys: &[Key]) -> f64 {
        estimate(&[(Keys::from_list(keys), 3)], WEIGHTS, "Purchase").unwrap().score
    }

    #[test]
    fn keys_add_up_and_half_a_browser_is_worth_little() {
        use Key::{Email, ExternalId, Ip, Phone, Ttclid, Ttp, UserAgent};
        let cases: [(&[Key], f64); 6] = [
            (&[Email, Phone, Ttclid, ExternalId, Ttp, Ip, UserAgent], 10.0),
            (&[Email, Phone, ExternalId, Ip, UserAgent], 8.2),
            (&[Ip, UserAgent, Ttp, ExternalId], 3.7),
            (&[Ip], 0.2),
            (&[UserAgent], 0.1),
            (&[], 0.0),
        ];
        for (keys, expected) in cases {
            assert!((score(keys) - expected).abs() < 1e-9, "{keys:?}: {}", score(keys));
        }
    }

    #[test]
    fn a_page_view_is_measured_by_what_it_can_carry() {
        let all = [(carries("Pageview"), 1)];
        let view = estimate(&all, WEIGHTS, "Pageview").unwrap();
        assert!((view.of_possible - 1.0).abs() < 1e-9 && view.score < 8.0);
        assert!(estimate(&all, WEIGHTS, "Purchase").unwrap().of_possible < 0.7);
        assert_eq!(estimate(&[], WEIGHTS, "Pageview"), None);
        assert_eq!(estimate(&all, &[], "Pageview"), None);
    }

    #[test]
    fn only_sales_and_forms_owe_a_good_score() {
        let cases = [
            ("Purchase", 8.0, Verdict::Good),
            ("Purchase", 7.96, Verdict::Good),
            ("Purchase", 7.94, Verdict::Low { defect: true }),
            ("Lead", 5.0, Verdict::Low { defect: true }),
            ("InitiateCheckout", 5.0, Verdict::Normal),
            ("InitiateCheckout", 8.4, Verdict::Good),
            ("AddPaymentInfo", 4.9, Verdict::Low { defect: false }),
            ("Pageview", 3.0, Verdict::Normal),
            ("AddToCart", 6.2, Verdict::Good),
            ("Search", 2.0, Verdict::Low { defect: false }),
            ("my_event", 7.0, Verdict::Normal),
        ];
        for (name, score, expected) in cases {
            assert_eq!(verdict(score, name), expected, "{name} {score}");
        }
    }

    #[test]
    fn the_best_improvement_is_named_with_its_remedy() {
        use Key::{Email, Ip, Phone, UserAgent};
        let base = [Ip, UserAgent];
        let with = |more: &[Key]| base.iter().chain(more).copied().collect::<Keys>();
        let histogram =
            [(with(&[Email]), 60), (with(&[Email, Phone]), 30), (with(&[Email, Key::Ttclid]), 10)];
        let best = best_improvement(&histogram, WEIGHTS, "Purchase").unwrap();
        assert_eq!(best.key, "phone");
        assert!((best.gain - 1.75).abs() < 1e-9 && (best.missing_share - 0.7).abs() < 1e-9);
        assert!(best.sentence.starts_with("70 % of these events come without a phone number."));
        // A page view cannot bring a phone, and what nobody has is missing for a reason.
        let best = best_improvement(&[(with(&[]), 5)], WEIGHTS, "Pageview").unwrap();
        assert_eq!(best.key, "ttclid");
        let best =
            best_improvement(&[(with(&[]), 5), (with(&[Key::Ttclid]), 1)], WEIGHTS, "Pageview").unwrap();
        assert_eq!(best.key, "external_id");
        assert_eq!(best_improvement(&[(Keys::ALL, 5)], WEIGHTS, "Purchase"), None);
        assert_eq!(best_improvement(&[], WEIGHTS, "Purchase"), None);
    }

    fn any_keys() -> impl Strategy<Value = Keys> {
        any::<u32>().prop_map(Keys::from_bits)
    }

    fn any_histogram() -> impl Strategy<Value = Vec<(Keys, u64)>> {
        prop::collection::vec((any_keys(), 0u64..1_000_000), 0..12)
    }

    fn any_weights() -> impl Strategy<Value = Vec<(Key, u16)>> {
        prop::collection::btree_map(0..Key::ALL.len(), 0u16..2_000, 0..Key::ALL.len())
            .prop_map(|map| map.into_iter().map(|(at, weight)| (Key::ALL[at], weight)).collect())
    }

    fn any_name() -> impl Strategy<Value = &'static str> {
        prop::sample::select(&["Purchase", "Pageview", "InitiateCheckout", "own"][..])
    }

    proptest! {
        #[test]
        fn scores_stay_within_bounds(h in any_histogram(), w in any_weights(), name in any_name()) {
            if let Some(estimate) = estimate(&h, &w, name) {
                prop_assert!((0.0..=10.0).contains(&estimate.score));
                prop_assert!((0.0..=1.0).contains(&estimate.of_possible));
            }
        }

        #[test]
        fn a_key_more_is_never_worth_less(keys in any_keys(), w in any_weights(), at in 0..Key::ALL.len()) {
            prop_assert!(points(keys.with(Key::ALL[at]), &w) >= points(keys, &w));
        }

        #[test]
        fn the_best_improvement_is_the_best(h in any_histogram(), w in any_weights(), name in any_name()) {
            let score = |h: &[(Keys, u64)]| estimate(h, &w, name).map_or(0.0, |e| e.score);
            let filled = |key: Key| h.iter().map(|(keys, n)| (keys.with(key), *n)).collect::<Vec<_>>();
            let gain = |key: Key| score(&filled(key)) - score(&h);
            let nobody_has = |key: Key| coverage(&h, key) == 0.0;
            let wanted = Key::ALL.iter().copied().filter(|key| {
                carries(name).has(*key) && (!key.is_click() || nobody_has(*key))
            });
            let most = wanted.map(gain).fold(0.0, f64::max);
            match best_improvement(&h, &w, name) {
                Some(best) => {
                    prop_assert!((gain(Key::named(best.key).unwrap()) - most).abs() < 1e-6);
                    prop_assert!((best.gain - most).abs() < 1e-6 && best.gain > 0.0);
                }
                None => prop_assert!(most < 1e-6),
            }
        }
    }
}
