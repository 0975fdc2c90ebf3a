//! Two forms of one event side by side: which fields came through, which were changed, added or left out.

use serde::Serialize;
use serde_json::Value;

/// Rows that are shown.
const MOST_ROWS: usize = 200;

/// Characters of a value that are shown; of a hash.
const LONGEST: usize = 120;
const OF_A_HASH: usize = 8;

/// Where a person lives, which is kept readable for platforms and is nobody's business on a page.
const PLACES: &[&str] = &["city", "state", "zip_code", "zip", "street", "ct", "st", "zp"];

/// What became of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Mark {
    Same,
    Changed,
    Added,
    LeftOut,
}

/// One field in both forms; one side is empty where it is not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Row {
    pub(super) mark: Mark,
    /// Path and value in the first form.
    pub(super) before: Option<(String, String)>,
    /// The same in the second.
    pub(super) after: Option<(String, String)>,
}

/// One value and its place.
struct Leaf {
    path: String,
    value: Value,
}

impl Leaf {
    fn shown(&self) -> (String, String) {
        (self.path.clone(), shown(&self.path, &self.value))
    }

    fn name(&self) -> &str {
        let end = self.path.rsplit('.').next().unwrap_or_default();
        end.split('[').next().unwrap_or_default()
    }
}

/// Compares two states of one event, field by field.
pub(super) fn states(before: &Value, after: &Value) -> Vec<Row> {
    let same_place = |a: &Leaf, b: &Leaf| a.path == b.path;
    pair(before, after, &[same_place])
}

/// Compares an event with what a platform is sent. Platforms have names of their own: a field is found by its value, else by
/// its name.
pub(super) fn forms(before: &Value, after: &Value) -> Vec<Row> {
    let both = |a: &Leaf, b: &Leaf| a.name() == b.name() && equal(&a.value, &b.value);
    let telling = |a: &Leaf, b: &Leaf| equal(&a.value, &b.value) && is_telling(&a.value);
    let named = |a: &Leaf, b: &Leaf| a.name() == b.name();
    pair(before, after, &[both, telling, named])
}

type Fits = fn(&Leaf, &Leaf) -> bool;

fn pair(before: &Value, after: &Value, ways: &[Fits]) -> Vec<Row> {
    let (before, after) = (leaves(before), leaves(after));
    let mut partner: Vec<Option<usize>> = vec![None; before.len()];
    let mut is_taken = vec![false; after.len()];
    for fits in ways {
        for (leaf, partner) in before.iter().zip(&mut partner).filter(|(_, partner)| partner.is_none()) {
            let free = after.iter().zip(&is_taken).position(|(other, taken)| !taken && fits(leaf, other));
            if let Some(taken) = free.and_then(|at| is_taken.get_mut(at)) {
                (*taken, *partner) = (true, free);
            }
        }
    }
    let mut rows: Vec<Row> = Vec::new();
    for (leaf, partner) in before.iter().zip(&partner) {
        let other = partner.and_then(|at| after.get(at));
        let mark = match other {
            None => Mark::LeftOut,
            Some(other) if equal(&leaf.value, &other.value) => Mark::Same,
            Some(_) => Mark::Changed,
        };
        rows.push(Row { mark, before: Some(leaf.shown()), after: other.map(Leaf::shown) });
    }
    let new = after.iter().zip(&is_taken).filter(|(_, taken)| !**taken);
    rows.extend(new.map(|(leaf, _)| Row { mark: Mark::Added, before: None, after: Some(leaf.shown()) }));
    rows.truncate(MOST_ROWS);
    rows
}

/// Numbers and their texts are one: amounts are texts with us and numbers elsewhere.
fn equal(a: &Value, b: &Value) -> bool {
    a == b || bare(a) == bare(b)
}

fn bare(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A value that does not stand in two places by chance.
fn is_telling(value: &Value) -> bool {
    matches!(value, Value::String(text) if text.len() > 3) || value.as_f64().is_some_and(|n| n.abs() >= 100.0)
}

fn leaves(value: &Value) -> Vec<Leaf> {
    let mut leaves = Vec::new();
    gather("", value, &mut leaves);
    leaves
}

fn gather(path: &str, value: &Value, leaves: &mut Vec<Leaf>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                gather(&path, value, leaves);
            }
        }
        Value::Array(list) => {
            for (at, value) in list.iter().enumerate() {
                gather(&format!("{path}[{at}]"), value, leaves);
            }
        }
        Value::Null => {}
        one => leaves.push(Leaf { path: path.to_owned(), value: one.clone() }),
    }
}

fn shown(path: &str, value: &Value) -> String {
    let text = bare(value);
    let is_hash = text.len() >= 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
    let is_place = path.split(['.', '[', ']']).any(|part| PLACES.contains(&part));
    match () {
        () if is_hash => format!("{}…", text.get(..OF_A_HASH).unwrap_or_default()),
        () if is_place => "(not shown)".to_owned(),
        () => match text.char_indices().nth(LONGEST) {
            Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
            None => text,
        },
    }
}

/// The same values as JSON for people: hashes cut, places hidden.
pub(super) fn redacted(value: &Value) -> Value {
    fn at(path: &str, value: &Value) -> Value {
        match value {
            Value::Object(map) => {
                map.iter().map(|(key, value)| (key.clone(), at(&format!("{path}.{key}"), value))).collect()
            }
            Value::Array(list) => list.iter().map(|value| at(path, value)).collect(),
            Value::String(_) => shown(path, value).into(),
            other => other.clone(),
        }
    }
    at("", value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn marks(rows: &[Row]) -> Vec<(Mark, &str, &str)> {
        fn path(side: &Option<(String, String)>) -> &str {
            side.as_ref().map_or("", |(path, _)| path)
        }
        rows.iter().map(|row| (row.mark, path(&row.before), path(&row.after))).collect()
    }

    #[test]
    fn two_states_are_compared_by_place() {
        let before = json!({"a": 1, "b": {"c": "x"}, "gone": true});
        let after = json!({"a": 1, "b": {"c": "y"}, "new": [1]});
        let rows = states(&before, &after);
        assert_eq!(
            marks(&rows),
            [
                (Mark::Same, "a", "a"),
                (Mark::Changed, "b.c", "b.c"),
                (Mark::LeftOut, "gone", ""),
                (Mark::Added, "", "new[0]"),
            ]
        );
    }

    #[test]
    fn a_platforms_form_is_compared_by_value_and_name() {
        let before = json!({"event_name": "Purchase", "value": "89.99", "order_id": "o1", "page": {"url": "https://a.b/"}});
        let after = json!({"event": "Purchase", "properties": {"value": 89.99}, "source": "web", "page": {"url": "https://a.b/c"}});
        let rows = forms(&before, &after);
        let expected = [
            (Mark::Same, "event_name", "event"),
            (Mark::LeftOut, "order_id", ""),
            (Mark::Changed, "page.url", "page.url"),
            (Mark::Same, "value", "properties.value"),
            (Mark::Added, "", "source"),
        ];
        assert_eq!(marks(&rows), expected);
    }

    #[test]
    fn hashes_are_cut_and_places_hidden() {
        let hash = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
        assert_eq!(shown("user.email[0].sha256", &json!(hash)), "9f86d081…");
        assert_eq!(shown("user.city.plain", &json!("berlin")), "(not shown)");
        assert_eq!(shown("data[0].user.zip_code", &json!("10115")), "(not shown)");
        assert_eq!(shown("value", &json!("89.99")), "89.99");
        let whole = redacted(&json!({"user": {"em": [hash], "ct": "berlin"}, "n": 1}));
        assert_eq!(whole, json!({"user": {"em": ["9f86d081…"], "ct": "(not shown)"}, "n": 1}));
    }
}
