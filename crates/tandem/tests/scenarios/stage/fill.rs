//! Placeholders of scenario files: `{{now-600}}`, `{{sha256:text}}`, `{{host}}` and so on. The innermost is filled first, so
//! that `{{sha256:{{mail:ada}}}}` works.

use std::collections::BTreeMap;

use serde_json::Value;
use sha2::{Digest, Sha256};

/// Where the made-up people of the scenarios have their mail. A healthy shop has no customers at `example.com`, which the
/// program remarks on.
const MAIL: &str = "kaufmann-privat.de";

/// What the placeholders of one site stand for.
pub(crate) struct Fill {
    /// Unix milliseconds as the gateway has it.
    pub(crate) now_ms: i64,
    pub(crate) words: BTreeMap<&'static str, String>,
}

impl Fill {
    /// A text with every placeholder filled in.
    pub(crate) fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        while let Some(end) = text.find("}}") {
            let start = text[..end].rfind("{{").unwrap_or_else(|| panic!("no {{{{ before }}}} in {text:?}"));
            let value = self.one(&text[start + 2..end]);
            text.replace_range(start..end + 2, &value);
        }
        assert!(!text.contains("{{"), "{text:?} is not closed");
        text
    }

    /// The same in all texts of a value. A text that is nothing but a time becomes a number.
    pub(crate) fn value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => {
                let filled = self.text(text);
                let is_time = text.starts_with("{{now") && text.ends_with("}}");
                // A whole number or a fraction: both are JSON.
                let number = is_time.then(|| serde_json::from_str(&filled).ok()).flatten();
                number.unwrap_or(Value::String(filled))
            }
            Value::Array(list) => list.iter().map(|one| self.value(one)).collect(),
            Value::Object(map) => map
                .iter()
                .map(|(name, one)| (self.text(name), self.value(one)))
                .collect::<serde_json::Map<_, _>>()
                .into(),
            other => other.clone(),
        }
    }

    fn one(&self, name: &str) -> String {
        if let Some(word) = self.words.get(name) {
            return word.clone();
        }
        if let Some((kind, rest)) = name.split_once(':') {
            return match kind {
                "sha256" => hex::encode(Sha256::digest(rest.as_bytes())),
                "sha256_upper" => hex::encode_upper(Sha256::digest(rest.as_bytes())),
                "upper" => rest.to_uppercase(),
                "mail" => format!("{rest}@{MAIL}"),
                "repeat" => {
                    let (times, text) = rest.split_once(':').expect("repeat:TIMES:TEXT");
                    text.repeat(times.parse().expect("a number of times"))
                }
                _ => panic!("no placeholder {{{{{name}}}}}"),
            };
        }
        let at = name.find(['+', '-']).unwrap_or(name.len());
        let (kind, shift) = name.split_at(at);
        let shift: i64 = if shift.is_empty() { 0 } else { shift.parse().expect("a number of seconds") };
        let ms = if kind == "now_ms" { self.now_ms + shift } else { self.now_ms + 1_000 * shift };
        let moment = || jiff::Timestamp::from_second(ms.div_euclid(1_000)).expect("a time").to_string();
        match kind {
            "now" => ms.div_euclid(1_000).to_string(),
            "now_ms" => ms.to_string(),
            "now_fraction" => format!("{}.5", ms.div_euclid(1_000) - 1),
            // As WooCommerce writes it, without a zone.
            "gmt" => moment().trim_end_matches('Z').to_owned(),
            "iso" => moment(),
            _ => panic!("no placeholder {{{{{name}}}}}"),
        }
    }
}

/// `patch` laid over `base` (RFC 7396): null takes out, lists are replaced.
pub(crate) fn merge(base: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *base = patch.clone();
        return;
    };
    if !base.is_object() {
        *base = Value::Object(serde_json::Map::new());
    }
    let Value::Object(base) = base else { return };
    for (name, value) in patch {
        if value.is_null() {
            base.remove(name);
        } else {
            merge(base.entry(name.clone()).or_insert(Value::Null), value);
        }
    }
}
