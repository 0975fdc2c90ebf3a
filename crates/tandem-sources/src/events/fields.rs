//! The fields of one object, to be looked up by many aliases and moved out.
//!
//! An event has a dozen fields and is asked for a hundred names: walking a short list beats a tree, and taking from it
//! moves nothing else.

use serde_json::{Map, Value};

/// Names and values, in no order. A name stands at most once.
#[derive(Debug, Default)]
pub(super) struct Fields(Vec<(String, Value)>);

impl Fields {
    pub(super) fn one(name: &str, value: Value) -> Self {
        Self(vec![(name.to_owned(), value)])
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        self.0.iter().any(|(n, _)| n == name)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.0.iter().map(|(n, v)| (n, v))
    }

    pub(super) fn remove(&mut self, name: &str) -> Option<Value> {
        let at = self.0.iter().position(|(n, _)| n == name)?;
        Some(self.0.swap_remove(at).1)
    }

    /// Adds those that are not there yet.
    pub(super) fn fill(&mut self, more: Self) {
        if self.0.is_empty() {
            *self = more;
            return;
        }
        for (name, value) in more.0 {
            if !self.contains(&name) {
                self.0.push((name, value));
            }
        }
    }
}

impl From<Map<String, Value>> for Fields {
    fn from(map: Map<String, Value>) -> Self {
        Self(map.into_iter().collect())
    }
}

impl IntoIterator for Fields {
    type Item = (String, Value);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
