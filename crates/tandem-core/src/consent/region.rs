//! Where the law asks for consent before use.

/// EU and EEA with the territories that belong to the EU, UK, Switzerland. `EU` is what networks say of an address they
/// can place no better.
const OPT_IN: &[&str] = &[
    "AT", "AX", "BE", "BG", "CH", "CY", "CZ", "DE", "DK", "EE", "ES", "EU", "FI", "FR", "GB", "GF", "GP",
    "GR", "HR", "HU", "IE", "IS", "IT", "LI", "LT", "LU", "LV", "MF", "MQ", "MT", "NL", "NO", "PL", "PT",
    "RE", "RO", "SE", "SI", "SK", "YT",
];

/// Codes in use that ISO does not know.
const ALIASES: &[(&str, &str)] = &[("UK", "GB"), ("EL", "GR")];

/// Whether consent must be asked for before use in this region. An unknown region counts as one. `more`: those a shop adds.
#[must_use]
pub fn is_opt_in(region: Option<&str>, more: &[String]) -> bool {
    region.is_none_or(|region| {
        OPT_IN.iter().copied().chain(more.iter().map(String::as_str)).any(|of| is_within(region, of))
    })
}

/// `US-CA` is within `US` and within `US-CA`. A visitor of whom only the country is known may be in any of its states.
#[must_use]
pub fn is_within(region: &str, of: &str) -> bool {
    let begins = |text: &str, start: &str| {
        text.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    begins(region, of) || !region.contains('-') && begins(of, region)
}

/// A region from codes of a country and a state: the ISO country, or `US-CA`. `None` when the country is not two letters
/// (it may be a hash), or the code that stands for an unknown one.
#[must_use]
pub fn region(country: Option<&str>, state: Option<&str>) -> Option<String> {
    let country = country.map(str::trim)?.to_ascii_uppercase();
    let letters = |text: &str| text.len() == 2 && text.bytes().all(|b| b.is_ascii_uppercase());
    // XX: what networks say of an address they cannot place.
    if !letters(&country) || country == "XX" {
        return None;
    }
    let alias = ALIASES.iter().find(|(given, _)| *given == country).map(|(_, iso)| (*iso).to_owned());
    let country = alias.unwrap_or(country);
    let state = state.map(|s| s.trim().to_ascii_uppercase()).filter(|s| letters(s));
    Some(match state {
        Some(state) => format!("{country}-{state}"),
        None => country,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions() {
        assert!(is_opt_in(None, &[]) && is_opt_in(Some("DE"), &[]) && is_opt_in(Some("ES-CT"), &[]));
        assert!(!is_opt_in(Some("US-CA"), &[]) && !is_opt_in(Some("CA-QC"), &["CA-ON".to_owned()]));
        assert!(
            is_opt_in(Some("CA-QC"), &["CA-QC".to_owned()]) && is_opt_in(Some("BR-SP"), &["BR".to_owned()])
        );
        assert!(!is_within("USA", "US") && is_within("CA", "CA-QC") && !is_within("CA-ON", "CA-QC"));
        assert!(is_opt_in(Some("RE"), &[]) && is_opt_in(Some("EU"), &[]));
        assert_eq!(region(Some("uk"), None).as_deref(), Some("GB"));
        assert_eq!(region(Some("us"), Some("ca")).as_deref(), Some("US-CA"));
        assert_eq!(region(Some("DE"), Some("Bavaria")).as_deref(), Some("DE"));
        assert_eq!(
            (region(Some("XX"), None), region(Some("T1"), None), region(None, Some("CA"))),
            (None, None, None)
        );
    }
}
