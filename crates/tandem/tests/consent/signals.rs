//! Raw signals of consent, made by hand, each with what it says.

use super::oracle::Answer::{self, No, PresetNo, PresetYes, Silent, Yes};

/// What a signal says of advertising, of analytics, and of the platform itself.
pub(crate) type Says = (Answer, Answer, Option<bool>);

const YES: Says = (Yes, Yes, None);
const NO: Says = (No, No, None);
const NOTHING: Says = (Silent, Silent, None);

/// The platform's made-up id on the IAB's list.
pub(crate) const TCF_VENDOR: u16 = 77;

/// Google's `gcd`: two characters for each of ad_storage, analytics_storage, ad_user_data, ad_personalization.
pub(crate) fn gcds() -> Vec<(Option<String>, Says)> {
    let same = |pair: &str| Some(format!("1{}5", pair.repeat(4)));
    vec![
        (None, NOTHING),
        (same("13"), YES),
        (same("12"), NO),
        (same("1c"), (PresetYes, PresetYes, None)),
        (same("18"), (PresetNo, PresetNo, None)),
    ]
}

/// Rarer ones, looked at alone.
pub(crate) fn odd_gcds() -> Vec<(Option<String>, Says)> {
    let of = |pairs: [&str; 4]| Some(format!("1{}5", pairs.concat()));
    vec![
        // Storage granted, personal data refused, and the other way round.
        (of(["13", "13", "12", "13"]), (No, Yes, None)),
        (of(["12", "13", "13", "13"]), (No, Yes, None)),
        // One of the two alone says nothing.
        (of(["13", "12", "11", "11"]), (Silent, No, None)),
        (of(["11", "11", "13", "13"]), NOTHING),
        // The vendor's own preset is nobody's choice.
        (of(["31", "31", "31", "31"]), NOTHING),
        (of(["21", "21", "21", "21"]), NOTHING),
        // A choice of yes under a preset of no.
        (of(["1b", "1b", "1b", "1b"]), YES),
        (of(["1e", "1e", "1e", "1e"]), NO),
    ]
}

/// TC strings: purposes 1 to 10 or none, the platform among the vendors or not.
pub(crate) fn tc_strings() -> Vec<(Option<String>, Says)> {
    let all = 0b1111_1111_1100_0000_0000_0000;
    vec![
        (None, NOTHING),
        (Some(tc_string(all, true)), (Yes, Yes, Some(true))),
        (Some(tc_string(all, false)), (Yes, Yes, Some(false))),
        (Some(tc_string(0, true)), (No, No, Some(true))),
        (Some(tc_string(0, false)), (No, No, Some(false))),
    ]
}

/// Purposes 1 and 9 are what analytics needs; 1, 3, 4 and 7 what advertising does.
pub(crate) fn odd_tc_strings() -> Vec<(Option<String>, Says)> {
    vec![
        (Some(tc_string(0b1000_0000_1000_0000_0000_0000, true)), (No, Yes, Some(true))),
        (Some(tc_string(0b1011_0010_0000_0000_0000_0000, true)), (Yes, No, Some(true))),
        (Some(tc_string(0b1011_0000_0000_0000_0000_0000, true)), (No, No, Some(true))),
        (Some("not a string".to_owned()), NOTHING),
    ]
}

fn tc_string(purposes: u64, vendor: bool) -> String {
    let mut bits = Bits::default();
    // Version, made and changed in tenths of a second.
    bits.put(2, 6).put(17_000_000_000, 36).put(17_000_000_000, 36);
    // Tool, its version, screen, language, vendor list, policy, for this very site.
    bits.put(10, 12).put(1, 12).put(1, 6).put(0, 12).put(150, 12).put(4, 6).put(1, 1);
    // Non-standard texts, special features, purposes, interests, purpose one, country.
    bits.put(0, 1).put(0, 12).put(purposes, 24).put(0, 24).put(0, 1).put(0, 12);
    // Vendors as a bit each, no interests, no restrictions.
    bits.put(u64::from(TCF_VENDOR), 16).put(0, 1).put(0, 38).put(0, 38).put(u64::from(vendor), 1);
    bits.put(0, 16).put(0, 1).put(0, 12);
    bits.text()
}

#[derive(Default)]
struct Bits(Vec<bool>);

impl Bits {
    fn put(&mut self, value: u64, width: u32) -> &mut Self {
        self.0.extend((0..width).rev().map(|at| value >> at & 1 == 1));
        self
    }

    /// base64url without padding.
    fn text(&self) -> String {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let sextet =
            |bits: &[bool]| (0..6).fold(0, |sum, at| sum << 1 | usize::from(bits.get(at) == Some(&true)));
        self.0.chunks(6).map(|bits| char::from(ALPHABET[sextet(bits)])).collect()
    }
}

type Cookies = Vec<(&'static str, String)>;

fn cookie(name: &'static str, value: &str) -> Cookies {
    vec![(name, value.to_owned())]
}

/// One tool's cookie in each of its states.
pub(crate) fn cookies() -> Vec<(Cookies, Says)> {
    let text = |action: &str, word: &str| {
        cookie(
            "cookieyes-consent",
            &format!("action:{action},necessary:yes,analytics:{word},advertisement:{word}"),
        )
    };
    vec![(vec![], NOTHING), (text("yes", "yes"), YES), (text("yes", "no"), NO), (text("", "yes"), NOTHING)]
}

/// The cookies of all other tools, looked at alone.
pub(crate) fn tools() -> Vec<(Cookies, Says)> {
    let pair = |names: [&'static str; 2], values: [&str; 2]| -> Cookies {
        names.into_iter().zip(values).map(|(name, value)| (name, value.to_owned())).collect()
    };
    let wp = ["wp_consent_marketing", "wp_consent_statistics"];
    let complianz = ["cmplz_marketing", "cmplz_statistics"];
    let onetrust = ["OptanonConsent", "OptanonAlertBoxClosed"];
    let closed = "2026-01-02T03:04:05.678Z";
    let cookiebot = |word: &str, method: &str| {
        let value =
            format!("{{stamp:'x',necessary:true,statistics:{word},marketing:{word},method:'{method}'}}");
        cookie("CookieConsent", &value)
    };
    let law = |answered: &str| -> Cookies {
        vec![
            ("cookielawinfo-checkbox-advertisement", "yes".to_owned()),
            ("cookielawinfo-checkbox-analytics", "no".to_owned()),
            ("viewed_cookie_policy", answered.to_owned()),
        ]
    };
    // {"purposes":{"enabled":["advertising","analytics"],"disabled":[]},"vendors":{"enabled":[],"disabled":["c:tiktok-K"]}}
    let didomi = "eyJwdXJwb3NlcyI6eyJlbmFibGVkIjpbImFkdmVydGlzaW5nIiwiYW5hbHl0aWNzIl0sImRpc2FibGVkIjpbXX0sInZlbmRvcnMiOnsiZW5h\
                  YmxlZCI6W10sImRpc2FibGVkIjpbImM6dGlrdG9rLUsiXX19";
    vec![
        (pair(wp, ["allow", "allow"]), YES),
        (pair(wp, ["deny", "allow"]), (No, Yes, None)),
        (pair(complianz, ["allow", "deny"]), (Yes, No, None)),
        (pair(complianz, ["deny", "deny"]), NO),
        (pair(onetrust, ["groups=C0001:1,C0002:1,C0004:1", closed]), YES),
        (pair(onetrust, ["groups=C0001:1,C0002:1,C0004:0", closed]), (No, Yes, None)),
        (pair(onetrust, ["isGpcEnabled=1&groups=C0002:1,C0004:1", closed]), (No, Yes, None)),
        (cookie("OptanonConsent", "groups=C0001:1,C0002:1,C0004:1"), NOTHING),
        (cookiebot("true", "explicit"), YES),
        (cookiebot("false", "explicit"), NO),
        (cookiebot("true", "implied"), (PresetYes, PresetYes, None)),
        (cookiebot("false", "implied"), (PresetNo, PresetNo, None)),
        (law("yes"), (Yes, No, None)),
        (law(""), NOTHING),
        (cookie("didomi_token", didomi), (Yes, Yes, Some(false))),
        (
            cookie("borlabs-cookie", r#"{"consents":{"essential":["b"],"marketing":["tiktok-pixel"]}}"#),
            (Yes, No, Some(true)),
        ),
        (cookie("borlabs-cookie", r#"{"consents":{"essential":["b"],"statistics":["x"]}}"#), (No, Yes, None)),
        (cookie("axeptio_cookies", r#"{"$$completed":true,"tiktok":true}"#), (Silent, Silent, Some(true))),
        (cookie("axeptio_cookies", r#"{"$$completed":true,"TikTok":false}"#), (Silent, Silent, Some(false))),
        (cookie("axeptio_cookies", r#"{"$$completed":false,"tiktok":true}"#), NOTHING),
        (cookie("_tracking_consent", r#"{"con":{"CMP":{"a":"1","m":"1","p":"","s":""}}}"#), YES),
        (cookie("_tracking_consent", r#"{"con":{"CMP":{"a":"1","m":"0","p":"","s":""}}}"#), (No, Yes, None)),
    ]
}
