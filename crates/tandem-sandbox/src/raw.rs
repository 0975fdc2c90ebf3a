//! Loose JSON shapes: the text of a field is kept as it came, so its type can be judged afterwards.
//!
//! serde's own errors would stop at the first wrong type with words of their own; the API answers with the
//! name of the field in *its* words, and a wrong `event_id` must be told apart from a missing one.

use std::{borrow::Cow, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::value::RawValue;

/// JSON type of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Missing,
    Null,
    Bool,
    Number,
    Text,
    List,
    Object,
}

/// The unparsed text of one field, or nothing if the field was not sent.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Raw<'a>(Option<&'a str>);

impl<'de: 'a, 'a> Deserialize<'de> for Raw<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&'a RawValue>::deserialize(deserializer).map(|raw| Raw(Some(raw.get())))
    }
}

impl<'a> Raw<'a> {
    pub(crate) fn shape(self) -> Shape {
        match self.0.and_then(|text| text.as_bytes().first()) {
            None => Shape::Missing,
            Some(b'n') => Shape::Null,
            Some(b't' | b'f') => Shape::Bool,
            Some(b'"') => Shape::Text,
            Some(b'[') => Shape::List,
            Some(b'{') => Shape::Object,
            Some(_) => Shape::Number,
        }
    }

    /// Not sent at all, or sent as `null`.
    pub(crate) fn is_absent(self) -> bool {
        matches!(self.shape(), Shape::Missing | Shape::Null)
    }

    /// The text exactly as it stood in the body; empty if the field was not sent.
    pub(crate) fn source(self) -> &'a str {
        self.0.unwrap_or_default()
    }

    /// The decoded string, if it is one.
    pub(crate) fn string(self) -> Option<Cow<'a, str>> {
        let source = self.0.filter(|_| self.shape() == Shape::Text)?;
        let inner = source.get(1..source.len().checked_sub(1)?)?;
        if inner.contains('\\') {
            serde_json::from_str(source).ok().map(Cow::Owned)
        } else {
            Some(Cow::Borrowed(inner))
        }
    }

    /// A non-empty string.
    pub(crate) fn filled(self) -> Option<Cow<'a, str>> {
        self.string().filter(|text| !text.is_empty())
    }

    /// Runs over the strings of a field that may hold one string or a list of them.
    pub(crate) fn each_string(self, mut visit: impl FnMut(&str)) {
        match self.shape() {
            Shape::Text => {
                if let Some(text) = self.string() {
                    visit(&text);
                }
            }
            Shape::List => {
                let items: Vec<Raw<'_>> = serde_json::from_str(self.source()).unwrap_or_default();
                items.iter().filter_map(|item| item.string()).for_each(|text| visit(&text));
            }
            _ => {}
        }
    }
}

/// A field that should hold an object (`LIST = false`) or a list (`LIST = true`).
#[derive(Debug, Default)]
pub(crate) enum Typed<T, const LIST: bool> {
    #[default]
    Missing,
    Null,
    Wrong,
    Is(T),
}

/// A field that should hold an object.
pub(crate) type Object<T> = Typed<T, false>;
/// A field that should hold a list.
pub(crate) type List<T> = Typed<Vec<T>, true>;

impl<T> Object<T> {
    pub(crate) fn get(&self) -> Option<&T> {
        if let Typed::Is(inner) = self { Some(inner) } else { None }
    }
}

struct Loose<T>(PhantomData<T>);
struct LooseList<T>(PhantomData<T>);

/// The scalar half of both visitors: everything but `null` is the wrong type.
macro_rules! scalars {
    () => {
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("any JSON value")
        }
        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            Ok(Typed::Null)
        }
        fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
            Ok(Typed::Wrong)
        }
        fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
            Ok(Typed::Wrong)
        }
        fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
            Ok(Typed::Wrong)
        }
        fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
            Ok(Typed::Wrong)
        }
        fn visit_str<E: Error>(self, _: &str) -> Result<Self::Value, E> {
            Ok(Typed::Wrong)
        }
    };
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Loose<T> {
    type Value = Object<T>;
    scalars!();

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Typed::Is)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Typed::Wrong)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for LooseList<T> {
    type Value = List<T>;
    scalars!();

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Typed::Wrong)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = seq.next_element()? {
            list.push(item);
        }
        Ok(Typed::Is(list))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Loose(PhantomData))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LooseList(PhantomData))
    }
}
