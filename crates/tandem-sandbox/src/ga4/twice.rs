//! Names that an object has twice: most readers of JSON silently keep the last one.

use std::{collections::BTreeSet, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};

/// The names of a JSON text, without its values.
enum Names {
    Object(Vec<(String, Names)>),
    List(Vec<Names>),
    Leaf,
}

/// Paths of the names that stand twice in one object.
pub(crate) fn names_given_twice(text: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    if let Ok(names) = serde_json::from_slice::<Names>(text) {
        walk("", &names, &mut found);
    }
    found
}

fn walk(path: &str, names: &Names, found: &mut Vec<String>) {
    match names {
        Names::Leaf => {}
        Names::List(list) => {
            list.iter()
                .enumerate()
                .for_each(|(index, names)| walk(&format!("{path}[{index}]"), names, found));
        }
        Names::Object(fields) => {
            let mut seen = BTreeSet::new();
            for (name, names) in fields {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                if !seen.insert(name) {
                    found.push(path.clone());
                }
                walk(&path, names, found);
            }
        }
    }
}

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyShape)
    }
}

struct AnyShape;

impl<'de> Visitor<'de> for AnyShape {
    type Value = Names;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Names, E> {
        Ok(Names::Leaf)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Names, E> {
        Ok(Names::Leaf)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Names, E> {
        Ok(Names::Leaf)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Names, E> {
        Ok(Names::Leaf)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Names, E> {
        Ok(Names::Leaf)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Names, E> {
        Ok(Names::Leaf)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Names, A::Error> {
        let mut list = Vec::new();
        while let Some(names) = seq.next_element()? {
            list.push(names);
        }
        Ok(Names::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Names, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Names::Object(fields))
    }
}
