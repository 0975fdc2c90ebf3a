//! Reading settings: one way for all platforms to refuse a bad one without showing a secret.

use http::{HeaderValue, Uri};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use tandem_core::names;

/// Reads a platform's table. `required` are the settings that no table can be without; all of them are texts.
///
/// # Errors
/// A sentence that begins with the setting at fault and never repeats a secret.
pub(crate) fn read<T: DeserializeOwned>(
    platform: &str,
    value: &Value,
    required: &[&str],
) -> Result<T, String> {
    let given = value
        .as_object()
        .ok_or_else(|| format!("the settings of {platform} must be a table of names and values"))?;
    T::deserialize(value).map_err(|error| match at_fault::<T>(given, required) {
        Some(name) => format!("{name}: {error}"),
        None => error.to_string(),
    })
}

/// The first setting that is refused next to nothing but good ones; serde itself names a field only when it is
/// missing or unknown.
fn at_fault<'a, T: DeserializeOwned>(given: &'a Map<String, Value>, required: &[&str]) -> Option<&'a str> {
    let refused = |(name, value): &(&String, &Value)| {
        let mut alone: Map<String, Value> =
            required.iter().map(|n| ((*n).to_owned(), Value::from("x"))).collect();
        alone.insert((*name).clone(), (*value).clone());
        T::deserialize(Value::Object(alone)).is_err()
    };
    given.iter().find(refused).map(|(name, _)| name.as_str())
}

/// By way of a value, because serde's own type error would repeat a token that is not text.
pub(crate) fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretString, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::String(text) => Ok(text.trim().into()),
        _ => Err(serde::de::Error::custom("must be text")),
    }
}

/// A secret as a header value that no debug output shows, `prefix` in front of it. `get` says where to get one.
///
/// # Errors
/// A sentence about the form of the secret, without the secret.
pub(crate) fn secret_header(
    name: &str,
    secret: &SecretString,
    prefix: &str,
    get: &str,
) -> Result<HeaderValue, String> {
    let token = checked_secret(name, secret, get)?;
    let mut header = HeaderValue::from_str(&format!("{prefix}{token}"))
        .map_err(|_| format!("{name}: cannot be sent in a header"))?;
    header.set_sensitive(true);
    Ok(header)
}

/// The secret, if it has the form of one.
///
/// # Errors
/// As [`secret_header`].
pub(crate) fn checked_secret<'a>(name: &str, secret: &'a SecretString, get: &str) -> Result<&'a str, String> {
    let token = secret.expose_secret();
    if token.is_empty() {
        return Err(format!("{name}: is empty; {get}"));
    }
    if !token.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(format!(
            "{name}: has blanks or other characters that no token has; give the bare token, without \"Bearer\""
        ));
    }
    Ok(token)
}

pub(crate) fn left_out_if_blank(text: Option<String>) -> Option<String> {
    text.map(|t| t.trim().to_owned()).filter(|t| !t.is_empty())
}

/// Scheme and host, perhaps with a path, without the slash at the end. `usual` stands in the error as an example.
///
/// # Errors
/// A sentence that begins with `base_url`.
pub(crate) fn checked_base_url(text: &str, usual: &str) -> Result<String, String> {
    let text = text.trim().trim_end_matches('/');
    let uri: Uri = text.parse().map_err(|_| format!("base_url: {text:?} is not an address"))?;
    let web = matches!(uri.scheme_str(), Some("http" | "https"));
    let host = uri.host().is_some_and(|h| !h.is_empty());
    let bare = uri.query().is_none() && !text.contains(['@', '#']);
    if web && host && bare {
        Ok(text.to_owned())
    } else {
        Err(format!("base_url: must be like {usual}: http or https and a host, without user, ? or #"))
    }
}

/// The setting `events`: our names of what was named in any of its spellings.
///
/// # Errors
/// A sentence that begins with `events`.
pub(crate) fn standard_names(given: Vec<String>) -> Result<Vec<String>, String> {
    if given.is_empty() {
        return Err("events: is empty, so nothing would ever be sent; leave it out to send all".into());
    }
    let standard = |name: String| match names::resolve(name.trim()) {
        Ok(resolved) => Ok(resolved.name.into_owned()),
        Err(error) => Err(format!("events: {name:?}: {error}")),
    };
    given.into_iter().map(standard).collect()
}
