//! Personal data in places where Google forbids it. What is found is named by its place, never repeated.

use serde_json::Value;

/// Does the text hold something like an e-mail address, also percent-encoded?
pub(crate) fn looks_personal(text: &str) -> bool {
    text.replace("%40", "@").match_indices('@').any(|(at, _)| {
        let decoded = text.replace("%40", "@");
        let before = decoded.get(..at).and_then(|text| text.chars().next_back());
        let after = decoded.get(at + 1..).unwrap_or_default();
        let host: String =
            after.chars().take_while(|c| c.is_alphanumeric() || matches!(c, '.' | '-')).collect();
        let has_name = before.is_some_and(char::is_alphanumeric);
        has_name
            && host.trim_end_matches('.').rsplit_once('.').is_some_and(|(a, b)| !a.is_empty() && b.len() > 1)
    }) || looks_like_phone(text)
}

/// An international number standing alone: `+` and ten to fifteen digits, with the usual signs between.
fn looks_like_phone(text: &str) -> bool {
    let Some(rest) = text.trim().strip_prefix('+') else { return false };
    let digits = rest.chars().filter(char::is_ascii_digit).count();
    (10..=15).contains(&digits) && rest.chars().all(|c| c.is_ascii_digit() || " ()-/.".contains(c))
}

/// Places of personal data below `path`.
pub(crate) fn places(path: &str, value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) if looks_personal(text) => found.push(path.to_owned()),
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| places(&format!("{path}.{name}"), value, found));
        }
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(i, value)| places(&format!("{path}[{i}]"), value, found));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::looks_personal;

    #[test]
    fn finds_addresses_and_numbers() {
        for text in ["ada@example.com", "https://shop.example/?mail=ada%40example.com&x=1", "+49 30 901820-0"]
        {
            assert!(looks_personal(text), "{text}");
        }
        for text in ["@handle", "a@b", "https://medium.example/@ada/post", "SKU-123", "+1", "4915112345678"] {
            assert!(!looks_personal(text), "{text}");
        }
    }
}
