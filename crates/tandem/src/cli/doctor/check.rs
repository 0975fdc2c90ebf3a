//! What one look finds, and how a list of such looks is shown.

use std::fmt::{self, Write};

/// Columns of the list.
const WIDTH: usize = 100;

/// Where the text beside name and verdict begins.
const INDENT: &str = "              ";

/// What a check comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Ok,
    /// Works, and could be better or will break.
    Warn,
    /// Does not work.
    Fail,
    /// Could not be looked at.
    Skipped,
}

impl Verdict {
    /// A symbol for the eye and a word for everybody.
    fn shown(self) -> &'static str {
        match self {
            Self::Ok => "✓ ok",
            Self::Warn => "! look",
            Self::Fail => "✗ fail",
            Self::Skipped => "– skipped",
        }
    }
}

/// One look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Check {
    pub(super) name: &'static str,
    pub(super) verdict: Verdict,
    /// What was seen.
    pub(super) what: String,
    /// What to do; empty when there is nothing to do.
    pub(super) remedy: String,
}

impl Check {
    pub(super) fn ok(name: &'static str, what: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Ok, what: what.into(), remedy: String::new() }
    }

    pub(super) fn warn(name: &'static str, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Warn, what: what.into(), remedy: remedy.into() }
    }

    pub(super) fn fail(name: &'static str, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Fail, what: what.into(), remedy: remedy.into() }
    }

    pub(super) fn skipped(name: &'static str, why: &Missing) -> Self {
        let (what, remedy) = (why.what.to_owned(), why.remedy.to_owned());
        Self { name, verdict: Verdict::Skipped, what, remedy }
    }
}

/// Why something cannot be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Missing {
    pub(super) what: &'static str,
    pub(super) remedy: &'static str,
}

impl Check {
    /// Skipped for the same reason: told once.
    fn is_skipped_like(&self, other: &Self) -> bool {
        self.verdict == Verdict::Skipped && Self { name: other.name, ..self.clone() } == *other
    }
}

/// One check, or several that were skipped alike.
fn shown(checks: &[Check]) -> String {
    let Some(first) = checks.first() else { return String::new() };
    let verdict = first.verdict.shown();
    let gap = " ".repeat(INDENT.len().saturating_sub(2 + verdict.chars().count()));
    let names: Vec<&str> = checks.iter().map(|check| check.name).collect();
    let mut text = wrapped(&format!("  {verdict}{gap}"), &format!("{}: {}", names.join(", "), first.what));
    if !first.remedy.is_empty() {
        text.push_str(&wrapped(&format!("{INDENT}→ "), &first.remedy));
    }
    text
}

/// A paragraph behind `start`, its further lines indented alike.
fn wrapped(start: &str, text: &str) -> String {
    let indent = start.chars().count();
    let (mut out, mut column) = (start.to_owned(), indent);
    for (at, word) in text.split_whitespace().enumerate() {
        let length = word.chars().count();
        if at > 0 && column + 1 + length > WIDTH {
            let _ = write!(out, "\n{}", " ".repeat(indent));
            column = indent;
        } else if at > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
    }
    out.push('\n');
    out
}

/// All looks, in groups.
#[derive(Debug, Default)]
pub(super) struct Report(Vec<(String, Vec<Check>)>);

impl Report {
    pub(super) fn add(&mut self, group: impl Into<String>, checks: Vec<Check>) {
        self.0.push((group.into(), checks));
    }

    fn count(&self, verdict: Verdict) -> usize {
        self.0.iter().flat_map(|(_, checks)| checks).filter(|check| check.verdict == verdict).count()
    }

    pub(super) fn failed(&self) -> bool {
        self.count(Verdict::Fail) > 0
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (group, checks) in &self.0 {
            writeln!(f, "{group}")?;
            checks.chunk_by(Check::is_skipped_like).try_for_each(|alike| f.write_str(&shown(alike)))?;
            writeln!(f)?;
        }
        let [ok, warn, fail, skipped] =
            [Verdict::Ok, Verdict::Warn, Verdict::Fail, Verdict::Skipped].map(|verdict| self.count(verdict));
        writeln!(f, "{ok} ok, {warn} to look at, {fail} failed, {skipped} skipped")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_reads_without_colour_and_within_the_width() {
        let check = Check::fail("intake", "word ".repeat(40), "mend it ".repeat(20));
        let text = shown(&[check]);
        assert!(text.starts_with("  ✗ fail      intake: word"), "{text}");
        assert!(text.contains("\n              → mend it"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
    }

    #[test]
    fn what_is_skipped_alike_is_told_once() {
        let missing = Missing { what: "no page", remedy: "name one" };
        let mut report = Report::default();
        report.add("pages", ["a", "b"].map(|name| Check::skipped(name, &missing)).to_vec());
        let text = report.to_string();
        assert!(
            text.contains("– skipped   a, b: no page\n") && text.contains("0 failed, 2 skipped"),
            "{text}"
        );
    }

    #[test]
    fn only_a_failure_fails() {
        let mut report = Report::default();
        report.add("a", vec![Check::ok("x", "y"), Check::warn("x", "y", "z")]);
        assert!(!report.failed());
        report.add("b", vec![Check::fail("x", "y", "z")]);
        assert!(report.failed());
        assert!(report.to_string().ends_with("1 ok, 1 to look at, 1 failed, 0 skipped\n"), "{report}");
    }
}
