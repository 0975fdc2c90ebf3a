//! `env:NAME` and `file:PATH` in place of a value.

use std::path::Path;

use super::{Problem, Problems};

/// Keys whose value should not stand in the file.
const SECRET_KEYS: &[&str] = &["access_token", "private_token", "write_keys", "secrets", "api_secret"];

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
        let found = if let Some(name) = text.strip_prefix("env:") {
            (self.env)(name)
                .ok_or_else(|| (format!("the environment has no {name}"), "set it before starting"))
        } else if let Some(file) = text.strip_prefix("file:") {
            std::fs::read_to_string(self.base.join(file))
                .map_err(|e| (format!("cannot read {file}: {e}"), "check the path and who may read it"))
        } else {
            if SECRET_KEYS.contains(&key) {
                self.remarks.push(Problem {
                    path: path.to_owned(),
                    what: "a secret in the open".to_owned(),
                    remedy: "write \"env:NAME\" or \"file:PATH\" instead".to_owned(),
                });
            }
            return;
        };
        match found.map(|value| value.trim().to_owned()) {
            Ok(value) if value.is_empty() => {
                self.problems.add(path, "the referenced value is empty", "give it a value");
            }
            Ok(value) => *text = value,
            Err((what, remedy)) => self.problems.add(path, &what, remedy),
        }
    }
}
