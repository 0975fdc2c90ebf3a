//! Functions of SQLite that take one step for what may be minutes of work, in our own words: the clock is only looked at
//! between steps. Searching here takes as long as the texts are, and not that times the length of what is looked for.

use std::borrow::Cow;
use std::collections::HashSet;

use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Error, Result};

/// Puts them in the place of SQLite's own. A result is not longer than `longest` bytes.
pub(super) fn functions(conn: &Connection, longest: usize) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    conn.create_scalar_function("instr", 2, flags, |call| {
        Ok(texts(call)?.map(|[text, part]| place(&text, &part)))
    })?;
    conn.create_scalar_function("replace", 3, flags, move |call| {
        texts(call)?.map(|[text, part, by]| replaced(&text, &part, &by, longest)).transpose()
    })?;
    let ends = [("trim", true, true), ("ltrim", true, false), ("rtrim", false, true)];
    for (name, left, right) in ends {
        conn.create_scalar_function(name, 2, flags, move |call| {
            Ok(texts(call)?.map(|[text, chars]| trimmed(&text, &chars, left, right).to_owned()))
        })?;
    }
    Ok(())
}

/// The arguments as texts; `None` when one is NULL.
fn texts<'c, const N: usize>(call: &'c Context<'_>) -> Result<Option<[Cow<'c, str>; N]>> {
    let mut all = [const { Cow::Borrowed("") }; N];
    for (at, text) in all.iter_mut().enumerate() {
        *text = match call.get_raw(at) {
            ValueRef::Null => return Ok(None),
            ValueRef::Integer(n) => Cow::Owned(n.to_string()),
            ValueRef::Real(x) => Cow::Owned(format!("{x:?}")),
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => String::from_utf8_lossy(bytes),
        };
    }
    Ok(Some(all))
}

/// Where the part begins, in characters from 1; 0 when it is not there.
fn place(text: &str, part: &str) -> i64 {
    let before = text.find(part).and_then(|at| text.get(..at));
    before.map_or(0, |before| i64::try_from(before.chars().count()).map_or(0, |n| n + 1))
}

fn replaced(text: &str, part: &str, by: &str, longest: usize) -> Result<String> {
    if part.is_empty() {
        return Ok(text.to_owned());
    }
    let grows = by.len().saturating_sub(part.len());
    // Counted first: what is too long is never made.
    if text.matches(part).count().saturating_mul(grows).saturating_add(text.len()) > longest {
        return Err(Error::UserFunctionError("string or blob too big".into()));
    }
    Ok(text.replace(part, by))
}

fn trimmed<'t>(text: &'t str, chars: &str, left: bool, right: bool) -> &'t str {
    let chars: HashSet<char> = chars.chars().collect();
    let is_one = |c: char| chars.contains(&c);
    let text = if left { text.trim_start_matches(is_one) } else { text };
    if right { text.trim_end_matches(is_one) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_answer_as_the_databases_own() {
        let (own, ours) = (Connection::open_in_memory().unwrap(), Connection::open_in_memory().unwrap());
        functions(&ours, 1_000).unwrap();
        for sql in [
            "instr('order_891', '891')",
            "instr('übermäßig', 'ä')",
            "instr('a', '')",
            "instr('a', 'b')",
            "instr(NULL, 'b')",
            "instr(1234, 23)",
            "instr(1.5, '.')",
            "replace('a-b-c', '-', '__')",
            "replace('abc', '', 'x')",
            "replace('abc', 'b', '')",
            "replace('abc', 'b', NULL)",
            "trim('xxabcxx', 'x')",
            "ltrim('xyabc', 'yx')",
            "rtrim('abcüü', 'ü')",
            "trim('abc', '')",
            "trim('  abc ')",
            "trim(NULL, 'x')",
        ] {
            let sql = format!("SELECT quote({sql})");
            let answer = |conn: &Connection| conn.query_row(&sql, [], |r| r.get::<_, String>(0)).unwrap();
            assert_eq!(answer(&ours), answer(&own), "{sql}");
        }
        let long = "SELECT replace(printf('%.600c', 'a'), 'a', 'aaa')";
        assert!(ours.query_row(long, [], |r| r.get::<_, String>(0)).is_err());
    }
}
