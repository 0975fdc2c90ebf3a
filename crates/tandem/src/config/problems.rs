//! Mistakes in a configuration, collected.

use std::fmt;

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Where, e.g. `site[0].destinations.tiktok`.
    pub(crate) path: String,
    pub(crate) what: String,
    pub(crate) remedy: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = if self.path.is_empty() { "file" } else { &self.path };
        write!(f, "{at}: {}\n    remedy: {}", self.what, self.remedy)
    }
}

/// All mistakes of a file.
#[derive(Debug, Default)]
pub(crate) struct Problems(pub(crate) Vec<Problem>);

impl Problems {
    pub(crate) fn one(path: &str, what: impl Into<String>, remedy: &str) -> Self {
        let mut problems = Self::default();
        problems.add(path, &what.into(), remedy);
        problems
    }

    pub(crate) fn add(&mut self, path: &str, what: &str, remedy: &str) {
        self.0.push(Problem { path: path.to_owned(), what: what.to_owned(), remedy: remedy.to_owned() });
    }

    pub(crate) fn or<T>(self, value: T) -> Result<T, Self> {
        if self.0.is_empty() { Ok(value) } else { Err(self) }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.0 {
            writeln!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
