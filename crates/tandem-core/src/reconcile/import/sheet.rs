//! A CSV file as rows under a head, whatever its separator.

use super::{ImportError, MAX_ROWS};

/// Lines in which the head is looked for: some reports begin with a title.
const HEAD_WITHIN: usize = 10;

/// Our name of a column and what files call it, the best first. Compared without case, blanks, `_`, `-`, `.` and `#`.
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) aliases: &'static [&'static str],
    pub(super) needed: bool,
}

/// A file with its head found.
pub(super) struct Sheet {
    head: Vec<String>,
    /// Line and cells.
    pub(super) rows: Vec<(u64, csv::ByteRecord)>,
}

impl Sheet {
    /// Reads the file; the head is the first line that has every needed column, or a name that was given.
    pub(super) fn read(
        bytes: &[u8],
        columns: &[Column],
        given: &[(String, String)],
    ) -> Result<Self, ImportError> {
        if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
            return Err(ImportError::Utf16);
        }
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        if bytes.trim_ascii().is_empty() {
            return Err(ImportError::Empty);
        }
        let mut best: Result<Self, ImportError> = Err(ImportError::Empty);
        for separator in separators(bytes) {
            let sheet = Self::split(bytes, separator, columns, given);
            match &sheet {
                Ok(_) | Err(ImportError::TooLong) => return sheet,
                Err(_) if matches!(best, Err(ImportError::Empty)) => best = sheet,
                Err(_) => {}
            }
        }
        best
    }

    fn split(
        bytes: &[u8],
        separator: u8,
        columns: &[Column],
        given: &[(String, String)],
    ) -> Result<Self, ImportError> {
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(separator)
            .has_headers(false)
            .flexible(true)
            .from_reader(bytes);
        let mut sheet = Self { head: Vec::new(), rows: Vec::new() };
        let (mut found, mut missing) = (false, None);
        // Reading from memory, and cells may be of any length: nothing is left to fail.
        for (number, record) in reader.byte_records().filter_map(Result::ok).enumerate() {
            let line = record.position().map_or(number as u64 + 1, csv::Position::line);
            if found {
                if sheet.rows.len() == MAX_ROWS {
                    return Err(ImportError::TooLong);
                }
                sheet.rows.push((line, record));
                continue;
            }
            if number >= HEAD_WITHIN {
                break;
            }
            sheet.head = record.iter().map(|cell| String::from_utf8_lossy(cell).trim().to_owned()).collect();
            match sheet.check(columns, given) {
                Ok(()) => found = true,
                Err(error) => missing = missing.or(Some(error)),
            }
        }
        if found { Ok(sheet) } else { Err(missing.unwrap_or(ImportError::Empty)) }
    }

    fn check(&self, columns: &[Column], given: &[(String, String)]) -> Result<(), ImportError> {
        for column in columns.iter().filter(|column| column.needed) {
            if self.places(column, given)?.is_empty() {
                return Err(ImportError::NoColumn { missing: column.name, known: column.aliases.join(", ") });
            }
        }
        Ok(())
    }

    /// Where a column is: the name that was given for it, else all of its aliases that are there, the best first.
    pub(super) fn places(
        &self,
        column: &Column,
        given: &[(String, String)],
    ) -> Result<Vec<usize>, ImportError> {
        let at = |name: &str| self.head.iter().position(|head| folded(head) == folded(name));
        if let Some((_, name)) = given.iter().find(|(of, _)| of == column.name) {
            return at(name)
                .map(|place| vec![place])
                .ok_or_else(|| ImportError::NoSuchColumn(column.name.to_owned()));
        }
        Ok(column.aliases.iter().filter_map(|alias| at(alias)).collect())
    }

    /// What the file calls the column at a place.
    pub(super) fn name(&self, place: usize) -> &str {
        self.head.get(place).map_or("", String::as_str)
    }
}

/// A cell as text; bytes that are no UTF-8 can only be in columns that nobody reads.
pub(super) fn cell(record: &csv::ByteRecord, place: usize) -> String {
    record.get(place).map(|cell| String::from_utf8_lossy(cell).trim().to_owned()).unwrap_or_default()
}

fn folded(name: &str) -> String {
    let plain = |c: &char| !matches!(c, ' ' | '_' | '-' | '.' | '#' | '\u{a0}' | '"');
    name.chars().filter(plain).flat_map(char::to_lowercase).collect()
}

/// Separators by how often the first lines have them.
fn separators(bytes: &[u8]) -> Vec<u8> {
    let head: Vec<u8> = bytes.split(|b| *b == b'\n').take(HEAD_WITHIN).flatten().copied().collect();
    let mut all: Vec<(usize, u8)> =
        b",;\t".iter().map(|s| (head.iter().filter(|b| *b == s).count(), *s)).collect();
    all.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    all.into_iter().map(|(_, separator)| separator).collect()
}
