//! What a hit says of the person: hashed, in one parameter (`em`), or in the clear, flattened over many.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

/// What `em` holds: people, and codes of what the page could not hash.
#[derive(Default)]
pub(super) struct Hashed {
    pub(super) user_data: Map<String, Value>,
    pub(super) errors: Vec<String>,
}

/// `tv.1~em.<digest>~pn.<digest>~fn0.<digest>~ct0.<text>…`; digests in base64url or hexadecimal.
pub(super) fn hashed(text: &str) -> Hashed {
    let mut found = Hashed::default();
    let mut pieces = text.split('~');
    if pieces.next() != Some("tv.1") {
        return found;
    }
    let mut address = Map::new();
    for piece in pieces {
        let Some((key, value)) = piece.split_once('.').filter(|(_, value)| !value.is_empty()) else {
            continue;
        };
        if matches!(value.as_bytes(), [b'e', b'0'..=b'9']) {
            found.errors.push(if key == "ec" { value.to_owned() } else { format!("{key}:{value}") });
            continue;
        }
        let of_address = key.trim_end_matches(|c: char| c.is_ascii_digit());
        let name = match of_address {
            "em" => "sha256_email_address",
            "pn" => "sha256_phone_number",
            "fn" => "sha256_first_name",
            "ln" => "sha256_last_name",
            "sa" => "sha256_street",
            "ct" => "city",
            "rg" => "region",
            "pc" => "postal_code",
            "co" => "country",
            _ => continue,
        };
        let value = if name.starts_with("sha256_") { digest(value) } else { Some(value.to_owned()) };
        let Some(value) = value else { continue };
        if key == of_address {
            let list = found.user_data.entry(name).or_insert_with(|| json!([]));
            if let Some(list) = list.as_array_mut().filter(|list| list.len() < 5) {
                list.push(value.into());
            }
        } else if key.ends_with('0') {
            address.entry(name).or_insert(value.into());
        }
    }
    if !address.is_empty() {
        found.user_data.insert("address".to_owned(), json!([address]));
    }
    found
}

/// A SHA-256 as lower-case hexadecimal digits.
fn digest(text: &str) -> Option<String> {
    if text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Some(text.to_ascii_lowercase());
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    (bytes.len() == 32).then(|| hex::encode(bytes))
}

/// Puts one flattened name (`email_address`, `address.0.first_name`) in its place. Of several addresses the first counts.
pub(super) fn unflatten(user_data: &mut Map<String, Value>, name: &str, value: &str) {
    if value.trim().is_empty() || name.starts_with('_') || name.len() > 60 {
        return;
    }
    if let Some(rest) = name.strip_prefix("address.") {
        let (index, field) = rest.split_once('.').unwrap_or(("0", rest));
        if index != "0" || field.starts_with('_') {
            return;
        }
        let list = user_data.entry("address").or_insert_with(|| json!([{}]));
        if let Some(Value::Object(first)) = list.get_mut(0) {
            first.insert(field.to_owned(), value.into());
        }
        return;
    }
    // A list arrives as `email_address.0`, `email_address.1`.
    let bare = name.split_once('.').map_or(name, |(bare, _)| bare);
    match user_data.get_mut(bare) {
        Some(Value::Array(list)) if list.len() < 5 => list.push(value.into()),
        Some(Value::Array(_)) => {}
        Some(first) => *first = json!([first.take(), value]),
        None => {
            user_data.insert(bare.to_owned(), value.into());
        }
    }
}
