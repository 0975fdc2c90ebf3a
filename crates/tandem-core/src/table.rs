//! Tables for spreadsheets, after RFC 4180.
//!
//! Ids are a sender's choice, and a spreadsheet runs what looks like a formula: such a text gets an apostrophe in front.
//! Where lists are separated by semicolons, as in much of Europe, spreadsheets cut a line there whatever quotes say, so that
//! what comes after one is looked at like a beginning.

/// A text as a cell, with quotes where it needs them.
#[must_use]
pub fn cell(text: &str) -> String {
    let guarded = guarded(text);
    if guarded.contains(['"', ',', ';', '\t', '\r', '\n']) { in_quotes(&guarded) } else { guarded }
}

/// The same, always with quotes.
#[must_use]
pub fn quoted(text: &str) -> String {
    in_quotes(&guarded(text))
}

/// Cells as a line.
#[must_use]
pub fn line(cells: &[String]) -> String {
    let cells: Vec<String> = cells.iter().map(|text| cell(text)).collect();
    format!("{}\r\n", cells.join(","))
}

fn in_quotes(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

fn guarded(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 1);
    let mut begins = true;
    for c in text.chars() {
        if begins && matches!(c, '=' | '+' | '-' | '@' | '\t' | '\r') {
            out.push('\'');
        }
        // A quote or a blank does not hide what is behind it.
        begins = matches!(c, ';' | '\t' | '\r' | '\n') || begins && matches!(c, '"' | ' ');
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_they_must_and_run_nowhere() {
        for (text, wanted) in [
            ("", ""),
            ("order 7", "order 7"),
            ("a,b", "\"a,b\""),
            ("say \"no\"", "\"say \"\"no\"\"\""),
            ("two\r\nlines", "\"two\r\nlines\""),
            ("=1+1", "'=1+1"),
            ("+49", "'+49"),
            ("-7", "'-7"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("=HYPERLINK(\"https://x\",\"y\")", "\"'=HYPERLINK(\"\"https://x\"\",\"\"y\"\")\""),
            ("\t=1", "\"'\t'=1\""),
            (" =1", " '=1"),
            ("a;=1", "\"a;'=1\""),
            ("a\";\"=1", "\"a\"\";\"\"'=1\""),
            ("a\n=1", "\"a\n'=1\""),
            ("a=b;c", "\"a=b;c\""),
            ("a=b", "a=b"),
        ] {
            assert_eq!(cell(text), wanted, "{text:?}");
        }
        assert_eq!(quoted("=a"), "\"'=a\"");
        assert_eq!(line(&["a".to_owned(), "b,c".to_owned()]), "a,\"b,c\"\r\n");
    }
}
