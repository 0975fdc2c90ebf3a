//! TikTok's return codes, as data.
//!
//! Gathered from TikTok's SDKs (`tiktok_code.py` and its fellows), the portal's error pages, and real replies. TikTok
//! publishes no per-event errors for this call: a code speaks for the whole request.

/// What a reply means for the events in the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// TikTok has them.
    Delivered,
    /// TikTok has them, and a person should look at its remark.
    DeliveredWithWarning,
    /// Again soon, under the same ids.
    RetryBackoff,
    /// Again after minutes, under the same ids.
    RetrySlow,
    /// Token, permission or host: nothing passes until a person mends it.
    StopCredential,
    /// Address or settings: nothing passes until a person mends them.
    ConfigError,
    /// TikTok will never take this request; a batch is cut in halves to find the event at fault.
    DeadLetter,
}

/// One return code.
#[derive(Debug, Clone, Copy)]
pub struct Code {
    /// `code` in the reply.
    pub code: i64,
    /// What it means.
    pub class: Class,
    /// What a person can do; empty when there is nothing to do.
    pub remedy: &'static str,
}

/// Partial success; the form of the details in `data` is documented nowhere.
pub(super) const PARTIAL_SUCCESS: i64 = 20_001;

/// A field has the wrong form; the text names it.
pub(super) const PARAMETER_ERROR: i64 = 40_002;

const fn code(code: i64, class: Class, remedy: &'static str) -> Code {
    Code { code, class, remedy }
}

const EVENT: &str = "Correct the event at its source.";
const TOKEN: &str = "Generate a new access token in Events Manager and put it into access_token.";
const PERMISSION: &str = "The token has no right to this pixel: check pixel_id, and give the token's account the \
                          admin or operator role on the pixel's advertiser account.";
const APP: &str = "The developer app behind the token is not allowed to do this: check its status and the scope \
                   \"Report Conversion Event\" in the TikTok for Business portal.";
const VERSION: &str = "Tandem calls v1.3 of the Events API: check base_url, and look for a newer Tandem.";
const ADDRESS: &str = "There is no such address: check base_url.";
const WAIT: &str = "";

/// All codes with a meaning of their own, by number. The rest follow their range.
pub const CODES: &[Code] = &[
    code(0, Class::Delivered, ""),
    code(
        PARTIAL_SUCCESS,
        Class::DeliveredWithWarning,
        "TikTok took only a part and does not say how it marks the rest.",
    ),
    code(40_000, Class::DeadLetter, EVENT),
    code(40_001, Class::StopCredential, PERMISSION),
    code(PARAMETER_ERROR, Class::DeadLetter, EVENT),
    code(40_003, Class::StopCredential, PERMISSION),
    code(40_006, Class::ConfigError, VERSION),
    code(40_007, Class::ConfigError, "Something the request names does not exist: check pixel_id."),
    code(40_008, Class::ConfigError, ADDRESS),
    code(40_010, Class::ConfigError, "The host is not the one for this call: check base_url."),
    code(40_016, Class::RetryBackoff, WAIT),
    // Nobody states what TikTok does with the events; a request it has seen before is one it has.
    code(40_050, Class::DeliveredWithWarning, "TikTok had this request already; counted as delivered."),
    code(40_051, Class::ConfigError, VERSION),
    // 40061 to 40063 are constants of the SDK, never seen in a public reply.
    code(40_061, Class::DeadLetter, "Too many events in one request."),
    code(40_062, Class::DeadLetter, "TikTok holds an e-mail, phone or external_id not to be a SHA-256 hash."),
    // A setting of ours, not an event: events wait instead of being given up.
    code(
        40_063,
        Class::ConfigError,
        "TikTok does not know this partner_name: leave it out unless TikTok assigned it.",
    ),
    code(40_100, Class::RetryBackoff, WAIT),
    code(40_101, Class::StopCredential, TOKEN),
    code(40_102, Class::StopCredential, TOKEN),
    code(
        40_104,
        Class::StopCredential,
        "The token did not arrive: a proxy in between may remove the header Access-Token.",
    ),
    code(40_105, Class::StopCredential, TOKEN),
    code(40_113, Class::StopCredential, APP),
    code(40_118, Class::StopCredential, APP),
    code(40_125, Class::StopCredential, APP),
    code(40_130, Class::StopCredential, APP),
    code(
        40_132,
        Class::RetrySlow,
        "This pixel is called too often: if that is not us, its token may have leaked.",
    ),
    code(40_133, Class::RetryBackoff, WAIT),
    code(40_202, Class::RetryBackoff, WAIT),
    code(40_300, Class::StopCredential, PERMISSION),
    code(40_301, Class::StopCredential, PERMISSION),
    code(40_400, Class::ConfigError, ADDRESS),
    code(40_700, Class::DeadLetter, EVENT),
    code(
        41_000,
        Class::StopCredential,
        "TikTok refuses the country this server stands in: send from another one.",
    ),
    code(41_001, Class::ConfigError, "TikTok has switched this call off: look for a newer Tandem."),
    code(50_000, Class::RetryBackoff, WAIT),
    code(50_002, Class::RetryBackoff, WAIT),
    code(51_010, Class::RetryBackoff, WAIT),
    code(51_012, Class::RetryBackoff, WAIT),
    code(51_305, Class::RetryBackoff, WAIT),
    code(60_001, Class::RetrySlow, WAIT),
    code(61_000, Class::RetryBackoff, WAIT),
];

/// Class and remedy of a code, known or not.
#[must_use]
pub(super) fn class_of(code: i64) -> (Class, &'static str) {
    if let Ok(at) = CODES.binary_search_by_key(&code, |c| c.code) {
        return (CODES[at].class, CODES[at].remedy);
    }
    match code {
        // The portal's rule: 4xxxx is the caller's fault, 5xxxx the service's.
        40_000..=49_999 => (Class::DeadLetter, EVENT),
        // 6xxxx by its known members. Anything else is stated nowhere: never counted as delivered, and to repeat it
        // is safe within the duplicate window.
        _ => (Class::RetryBackoff, WAIT),
    }
}

/// What a code means, for people; `None` for codes that are not in the table.
#[must_use]
pub(super) fn meaning(code: i64) -> Option<&'static str> {
    let known = CODES.get(CODES.binary_search_by_key(&code, |c| c.code).ok()?)?;
    Some(match (known.remedy, known.class) {
        ("", Class::Delivered | Class::DeliveredWithWarning) => "TikTok has the events.",
        ("", Class::RetrySlow) => "TikTok asks for patience: tried again after minutes, by itself.",
        ("", _) => "TikTok is busy or limits calls: tried again soon, by itself.",
        (remedy, _) => remedy,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_for_the_search() {
        assert!(CODES.is_sorted_by(|a, b| a.code < b.code));
    }

    #[test]
    fn whatever_needs_a_person_says_what_to_do() {
        for c in CODES
            .iter()
            .filter(|c| !matches!(c.class, Class::Delivered | Class::RetryBackoff | Class::RetrySlow))
        {
            assert!(c.remedy.ends_with('.'), "{}", c.code);
        }
    }

    #[test]
    fn every_code_of_the_table_has_a_meaning() {
        for c in CODES {
            assert!(meaning(c.code).is_some_and(|text| text.ends_with('.')), "{}", c.code);
        }
        assert_eq!(meaning(49_999), None);
        assert_eq!(meaning(40_100), meaning(50_002));
        assert_eq!(meaning(40_105), Some(TOKEN));
    }

    #[test]
    fn unknown_codes_follow_their_range() {
        for (code, class) in [
            (40_999, Class::DeadLetter),
            (49_999, Class::DeadLetter),
            (59_999, Class::RetryBackoff),
            (60_002, Class::RetryBackoff),
            (1, Class::RetryBackoff),
            (-1, Class::RetryBackoff),
            (20_002, Class::RetryBackoff),
        ] {
            assert_eq!(class_of(code).0, class, "{code}");
        }
    }
}
