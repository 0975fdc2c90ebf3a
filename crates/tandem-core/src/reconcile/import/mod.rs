//! Lists that a person hands in: the shop's orders, and a platform's report. Read as CSV in the shapes that shops, plugins
//! and platforms write; of each row only what the comparison needs is kept, and no cell is ever repeated in a message,
//! since any of them may be personal.

use serde::Serialize;

mod dates;
mod numbers;
mod orders;
mod platform;
mod sheet;

pub use dates::DateForm;
pub use numbers::Decimals;
pub use orders::{OrderOptions, OrderRow, orders};
pub use platform::{CountRow, PlatformOptions, platform};

/// Rows that are read; more than a busy shop has in the longest window.
pub const MAX_ROWS: usize = 1_000_000;

/// Remarks on rows that are told; the others are only counted.
pub const MAX_PROBLEMS: usize = 100;

/// What was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Import<T> {
    /// Good rows.
    pub rows: Vec<T>,
    /// Bad ones, each with its line; [`MAX_PROBLEMS`] at most.
    pub problems: Vec<RowProblem>,
    /// How many rows were bad.
    pub bad: usize,
    /// What was found where, for a person to check: our word for a column, and the file's.
    pub columns: Vec<(String, String)>,
}

/// A row that was left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RowProblem {
    /// Line of the file, from 1.
    pub line: u64,
    /// What is wrong with it; no value of it is repeated.
    pub what: String,
}

/// Why nothing of a file can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// Nothing in it.
    #[error("the file is empty")]
    Empty,
    /// Another encoding than UTF-8 and its kin.
    #[error("the file is UTF-16: save it as CSV UTF-8")]
    Utf16,
    /// No line looks like a head.
    #[error("no column for {missing} among the first ten lines; it may be called {known}")]
    NoColumn {
        /// What is missing.
        missing: &'static str,
        /// Names that are known.
        known: String,
    },
    /// A name given for a column is none in the file.
    #[error("the file has no column of the name that was given for {0}")]
    NoSuchColumn(String),
    /// `04/05/2026` can be two days.
    #[error(
        "the dates can be read as day/month or as month/day, and no row settles it: say which (date format dmy or mdy)"
    )]
    AmbiguousDates,
    /// Larger than any window needs.
    #[error("the file has more than {MAX_ROWS} rows: export a shorter period")]
    TooLong,
}

impl<T> Import<T> {
    fn new(columns: Vec<(String, String)>) -> Self {
        Self { rows: Vec::new(), problems: Vec::new(), bad: 0, columns }
    }

    fn refuse(&mut self, line: u64, what: impl Into<String>) {
        self.bad += 1;
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(RowProblem { line, what: what.into() });
        }
    }
}
