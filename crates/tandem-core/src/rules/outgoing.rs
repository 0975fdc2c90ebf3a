//! The last word on what one destination gets: parameters set and left out in the platform's own shape, by path.

use serde_json::{Map, Value};

use crate::page;

/// Bytes of one value's JSON at most.
const MAX_BYTES: usize = 8_000;

/// A place in the outgoing event: `custom_data.contents[0].price`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct JsonPath(Vec<Step>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Name(String),
    Index(usize),
}

/// Whose meaning duplicates, consent and identity hang on, whatever the platform.
const FIXED: &[&str] = &["event_id", "eventID", "event_time", "timestamp", "consent", "user", "user_data"];

impl JsonPath {
    /// Whether `writes` or only leaves out: data may always be withheld, but an id keeps duplicates apart.
    pub(super) fn parse(text: &str, writes: bool) -> Result<Self, String> {
        let mut steps = Vec::new();
        for part in text.split('.') {
            let (name, mut rest) = part.split_at(part.find('[').unwrap_or(part.len()));
            if name.is_empty() {
                return Err(
                    "is no path: write names with dots between, and [0] for a place in a list".to_owned()
                );
            }
            steps.push(Step::Name(name.to_owned()));
            while let Some(inner) = rest.strip_prefix('[') {
                let (index, after) = inner.split_once(']').ok_or("has a [ without a ]")?;
                let index =
                    index.parse().ok().filter(|i| *i < 1_000).ok_or("has no number between [ and ]")?;
                steps.push(Step::Index(index));
                rest = after;
            }
            if !rest.is_empty() {
                return Err("has something after a ]".to_owned());
            }
        }
        let root = text.split(['.', '[']).next().unwrap_or_default();
        let person = matches!(root, "user" | "user_data");
        if FIXED.contains(&root) && (writes || !person) {
            return Err(format!(
                "{root} is not for rules to change: ids, time, consent and identity stay what they are"
            ));
        }
        Ok(Self(steps))
    }
}

/// What rules change of an event on its way out.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Overrides {
    steps: Vec<(JsonPath, Option<Value>)>,
}

impl Overrides {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    pub(super) fn push(&mut self, path: JsonPath, value: Option<Value>) {
        self.steps.push((path, value));
    }

    /// The event's JSON with the overrides in it; as it was where it is no object.
    #[must_use]
    pub fn apply(&self, json: String) -> String {
        if self.steps.is_empty() {
            return json;
        }
        let Ok(mut whole @ Value::Object(_)) = serde_json::from_str::<Value>(&json) else { return json };
        for (path, value) in &self.steps {
            match value {
                Some(value) => put(&mut whole, &path.0, value),
                None => take(&mut whole, &path.0),
            }
        }
        whole.to_string()
    }
}

/// Whether a value may go out: not too large, and no text in it that names a person.
pub(super) fn is_fit(value: &Value) -> bool {
    fn clean(value: &Value) -> bool {
        match value {
            Value::String(text) => !text.contains('@') && !page::is_personal_text(text),
            Value::Array(all) => all.iter().all(clean),
            Value::Object(all) => all.values().all(clean),
            _ => true,
        }
    }
    clean(value) && value.to_string().len() <= MAX_BYTES
}

/// Objects on the way are made; a list is not grown, and a scalar in the way is left alone.
fn put(at: &mut Value, path: &[Step], value: &Value) {
    match path {
        [] => *at = value.clone(),
        [Step::Name(name), rest @ ..] => {
            if let Some(object) = at.as_object_mut() {
                let empty = || Value::Object(Map::new());
                let lacks_list = matches!(rest.first(), Some(Step::Index(_))) && !object.contains_key(name);
                if !lacks_list {
                    put(object.entry(name.clone()).or_insert_with(empty), rest, value);
                }
            }
        }
        [Step::Index(index), rest @ ..] => {
            if let Some(inner) = at.get_mut(*index) {
                put(inner, rest, value);
            }
        }
    }
}

fn take(at: &mut Value, path: &[Step]) {
    match path {
        [] => {}
        [Step::Name(name)] => {
            at.as_object_mut().map(|object| object.remove(name));
        }
        [Step::Index(index)] => {
            if let Some(list) = at.as_array_mut().filter(|list| *index < list.len()) {
                list.remove(*index);
            }
        }
        [Step::Name(name), rest @ ..] => {
            if let Some(inner) = at.get_mut(name) {
                take(inner, rest);
            }
        }
        [Step::Index(index), rest @ ..] => {
            if let Some(inner) = at.get_mut(*index) {
                take(inner, rest);
            }
        }
    }
}
