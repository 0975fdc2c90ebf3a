//! Reading outside JSON without trusting its types, and settings that several sources share.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;
use secrecy::SecretString;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use tandem_core::consent::Status;

/// Text of an id, which shops write as text or as a whole number. `None` for blanks and everything else.
pub(crate) fn id_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim()).filter(|t| !t.is_empty()).map(str::to_owned),
        Value::Number(number) if !number.is_f64() => Some(number.to_string()),
        _ => None,
    }
}

/// Whether a value says nothing: null or a text of blanks.
pub(crate) fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        _ => false,
    }
}

/// Our own visitor id. `None` for a text that cannot be one.
pub(crate) fn visitor_id(text: &str) -> Option<String> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    ((16..=64).contains(&text.len()) && text.bytes().all(plain)).then(|| text.to_owned())
}

/// Whether a page of this origin or address (`https://shop.example/cart`) is on one of these hosts; a host's port counts
/// only where it names one.
pub(crate) fn is_of_hosts(origin: &str, hosts: &[String]) -> bool {
    let Some((_, authority)) = origin.split_once("://") else { return false };
    let authority = authority.split('/').next().unwrap_or(authority);
    let name = authority.split(':').next().unwrap_or(authority);
    hosts.iter().any(|host| host.eq_ignore_ascii_case(if host.contains(':') { authority } else { name }))
}

/// Yes or no, in the ways forms and plugins write it.
pub(crate) fn truth(value: &Value) -> Option<bool> {
    match consent_status(value)? {
        Status::Granted => Some(true),
        Status::Denied => Some(false),
        Status::Unknown => None,
    }
}

/// What a consent signal says; `None` when it cannot be understood, which callers take as a refusal.
pub(crate) fn consent_status(value: &Value) -> Option<Status> {
    let word = match value {
        Value::Null => return Some(Status::Unknown),
        Value::Bool(yes) => return Some(if *yes { Status::Granted } else { Status::Denied }),
        Value::Number(number) => return number.as_u64().and_then(number_status),
        Value::String(word) => word.trim(),
        Value::Array(_) | Value::Object(_) => return None,
    };
    let is = |words: &[&str]| words.iter().any(|w| word.eq_ignore_ascii_case(w));
    if is(&["granted", "grant", "allow", "allowed", "accepted", "yes", "true", "1"]) {
        Some(Status::Granted)
    } else if is(&["denied", "deny", "disallow", "rejected", "declined", "no", "false", "0"]) {
        Some(Status::Denied)
    } else if is(&["", "unknown", "unset", "pending", "null"]) {
        Some(Status::Unknown)
    } else {
        None
    }
}

fn number_status(number: u64) -> Option<Status> {
    match number {
        0 => Some(Status::Denied),
        1 => Some(Status::Granted),
        _ => None,
    }
}

/// A moment out of ISO 8601 text, in Unix seconds, and whether the text named its zone. Without one, UTC is taken.
pub(crate) fn moment(text: &str) -> Option<(i64, bool)> {
    let text = text.trim();
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Some((moment.as_second(), true));
    }
    let civil = text.parse::<DateTime>().ok()?;
    Offset::UTC.to_timestamp(civil).ok().map(|moment| (moment.as_second(), false))
}

/// Reads a list of secrets for settings. The messages never repeat what was given, and a blank one is refused: it
/// would let everybody in.
pub(crate) fn secrets<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<SecretString>, D::Error> {
    let error = <D::Error as serde::de::Error>::custom;
    let Value::Array(list) = Value::deserialize(deserializer)? else {
        return Err(error("secrets and keys are a list of texts"));
    };
    let secret = |value: Value| match value {
        Value::String(text) if !text.trim().is_empty() => Ok(SecretString::from(text)),
        Value::String(_) => Err(error("a secret or key is blank; remove it or set it")),
        _ => Err(error("a secret or key is not text")),
    };
    list.into_iter().map(secret).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn moments_keep_their_zone() {
        assert_eq!(moment("2025-12-31T23:59:50Z"), Some((1_767_225_590, true)));
        assert_eq!(moment("2026-01-01T01:59:50+02:00"), Some((1_767_225_590, true)));
        assert_eq!(moment("2025-12-31 23:59:50"), Some((1_767_225_590, false)));
        assert_eq!(moment("yesterday"), None);
    }

    #[test]
    fn consent_words() {
        for (value, status) in [
            (json!("ALLOW"), Some(Status::Granted)),
            (json!(1), Some(Status::Granted)),
            (json!("no"), Some(Status::Denied)),
            (json!(false), Some(Status::Denied)),
            (json!(""), Some(Status::Unknown)),
            (json!("perhaps"), None),
            (json!({}), None),
        ] {
            assert_eq!(consent_status(&value), status, "{value}");
        }
    }
}
