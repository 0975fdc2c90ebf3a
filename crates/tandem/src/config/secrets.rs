//! `env:NAME` and `file:PATH` in place of a value.

use std::path::Path;

use super::{Problem, Problems};

/// Keys whose value should not stand in the file.
const SECRET_KEYS: &[&str] = &[
    "access_token",
    "private_token",
    "write_keys",
    "secrets",
    "plugin_secrets",
    "api_secret",
    "api_secrets",
    "consumer_key",
    "consumer_secret",
    // Of alerts: whoever knows a webhook's address may post there.
    "webhooks",
    "secret",
    "password",
];

/// Replaces every reference in the table. A missing variable or file is a problem, a secret in the open a remark.
pub(super) fn resolve(
    table: &mut toml::Table,
    base: &Path,
    env: &impl Fn(&str) -> Option<String>,
    problems: &mut Problems,
    remarks: &mut Vec<Problem>,
) {
    let mut walk = Walk { base, env, problems, remarks };
    for (key, value) in table.iter_mut() {
        walk.value(key, key, value);
    }
}

struct Walk<'a, E> {
    base: &'a Path,
    env: &'a E,
    problems: &'a mut Problems,
    remarks: &'a mut Vec<Problem>,
}

impl<E: Fn(&str) -> Option<String>> Walk<'_, E> {
    fn value(&mut self, path: &str, key: &str, value: &mut toml::Value) {
        match value {
            toml::Value::String(text) => self.text(path, key, text),
            toml::Value::Array(list) => {
                for (i, item) in list.iter_mut().enumerate() {
                    self.value(&format!("{path}[{i}]"), key, item);
                }
            }
            toml::Value::Table(table) => {
                for (key, item) in table.iter_mut() {
                    self.value(&format!("{path}.{key}"), key, item);
                }
            }
            _ => {}
        }
    }

    fn text(&mut self, path: &str, key: &str, text: &mut String) {
        let found = match reference(text, self.base, self.env) {
            Some(found) => found,
            None => {
                if SECRET_KEYS.contains(&key) {
                    self.remarks.push(Problem {
                        path: path.to_owned(),
                        what: "a secret in the open".to_owned(),
                        remedy: "write \"env:NAME\" or \"file:PATH\" instead".to_owned(),
                    });
                }
                return;
            }
        };
        match found {
            Ok(value) if value.is_empty() => {
                self.problems.add(path, "the referenced value is empty", "give it a value");
            }
            Ok(value) => *text = value,
            Err((what, remedy)) => self.problems.add(path, &what, remedy),
        }
    }
}

type Found = Result<String, (String, &'static str)>;

/// The value a reference stands for, or why there is none and what to do; `None` when the text is no reference.
fn reference(text: &str, base: &Path, env: &impl Fn(&str) -> Option<String>) -> Option<Found> {
    let found = if let Some(name) = text.strip_prefix("env:") {
        env(name).ok_or_else(|| (format!("the environment has no {name}"), "set it before starting"))
    } else {
        let file = text.strip_prefix("file:")?;
        let cannot = |e| (format!("cannot read {file}: {e}"), "check the path and who may read it");
        std::fs::read_to_string(base.join(file)).map_err(cannot)
    };
    Some(found.map(|value| value.trim().to_owned()))
}

/// `env:NAME`, `file:PATH` or the value itself, for a secret on the command line.
///
/// # Errors
/// A text that says what is missing.
pub(crate) fn secret(text: &str, base: &Path) -> Result<String, String> {
    let found = reference(text, base, &|name| std::env::var(name).ok());
    found.unwrap_or_else(|| Ok(text.to_owned())).map_err(|(what, remedy)| format!("{what}: {remedy}"))
}
