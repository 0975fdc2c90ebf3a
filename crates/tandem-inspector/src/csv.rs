//! Tables for spreadsheets, after RFC 4180.

/// A text as a cell. Ids are a sender's choice, and a spreadsheet runs what looks like a formula: such a text gets an
/// apostrophe in front.
pub(crate) fn cell(text: &str) -> String {
    let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    if text.contains(['"', ',', '\r', '\n']) {
        format!("\"{guard}{}\"", text.replace('"', "\"\""))
    } else {
        format!("{guard}{text}")
    }
}

/// Cells as a line.
pub(crate) fn line(cells: &[String]) -> String {
    let cells: Vec<String> = cells.iter().map(|text| cell(text)).collect();
    format!("{}\r\n", cells.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_they_must_and_run_nowhere() {
        let cells = ["order 7", "a,b", "say \"no\"", "=1+1", "=A(\"x\")", "\t=1", ""].map(str::to_owned);
        assert_eq!(line(&cells), "order 7,\"a,b\",\"say \"\"no\"\"\",'=1+1,\"'=A(\"\"x\"\")\",'\t=1,\r\n");
    }
}
