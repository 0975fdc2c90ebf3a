//! Where the law asks for consent before use.

/// EU and EEA, UK, Switzerland.
const OPT_IN: &[&str] = &[
    "AT", "BE", "BG", "CH", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GB", "GR", "HR", "HU", "IE",
    "IS", "IT", "LI", "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK",
];

/// Whether consent must be asked for before use in this region. An unknown region counts as one. `more`: those a shop adds.
#[must_use]
pub fn is_opt_in(region: Option<&str>, more: &[String]) -> bool {
    region.is_none_or(|region| {
        OPT_IN.iter().copied().chain(more.iter().map(String::as_str)).any(|of| is_within(region, of))
    })
}

/// `US-CA` is within `US` and within `US-CA`.
#[must_use]
pub fn is_within(region: &str, of: &str) -> bool {
    region.strip_prefix(of).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
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
        assert!(!is_within("USA", "US"));
        assert_eq!(region(Some("us"), Some("ca")).as_deref(), Some("US-CA"));
        assert_eq!(region(Some("DE"), Some("Bavaria")).as_deref(), Some("DE"));
        assert_eq!(
            (region(Some("XX"), None), region(Some("T1"), None), region(None, Some("CA"))),
            (None, None, None)
        );
    }
}
