//! Amounts as exports write them: with currency signs, and with either comma or point before the cents.

use rust_decimal::Decimal;

use crate::Amount;

/// What stands before the cents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decimals {
    /// 1,234.56
    Point,
    /// 1.234,56
    Comma,
}

impl Decimals {
    /// `point` or `comma`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "point" => Some(Self::Point),
            "comma" => Some(Self::Comma),
            _ => None,
        }
    }

    /// What the amounts of a file say together: the first that can only be read one way.
    pub(super) fn of_all<'a>(mut amounts: impl Iterator<Item = &'a str>) -> Option<Self> {
        amounts.find_map(|text| sure(&plain(text)?))
    }
}

/// Digits and separators alone; `None` when there is more than a currency around them.
fn plain(text: &str) -> Option<String> {
    let text: String = text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '\'' | '’')).collect();
    let outside = |c: char| !(c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | ','));
    let text = text.trim_matches(outside);
    (!text.is_empty() && !text.contains(outside)).then(|| text.to_owned())
}

/// The only way to read it, if there is only one.
fn sure(text: &str) -> Option<Decimals> {
    match (text.rfind('.'), text.rfind(',')) {
        (Some(point), Some(comma)) => Some(if point > comma { Decimals::Point } else { Decimals::Comma }),
        (Some(at), None) => single(text, '.', at).then_some(Decimals::Point),
        (None, Some(at)) => single(text, ',', at).then_some(Decimals::Comma),
        (None, None) => None,
    }
}

/// One separator with other than three digits after it has cents after it.
fn single(text: &str, separator: char, at: usize) -> bool {
    text.matches(separator).count() == 1 && text.len() - at - 1 != 3
}

/// Reads an amount; `None` when it is none, or can be read two ways and nobody said which.
pub(super) fn read(text: &str, decimals: Option<Decimals>) -> Option<Amount> {
    let text = plain(text)?;
    let form = sure(&text).or(decimals);
    let grouped = text.contains(['.', ',']);
    let plain = match form {
        Some(Decimals::Point) => text.replace(',', ""),
        Some(Decimals::Comma) => text.replace('.', "").replace(',', "."),
        None if grouped => return None,
        None => text,
    };
    Decimal::from_str_exact(&plain).ok().map(Amount::new)
}

/// Reads a whole number, with or without groups of three.
pub(super) fn count(text: &str) -> Option<i64> {
    let text = plain(text)?;
    // Counts have no cents: what follows a separator is a group, or nothing but noughts.
    let whole = text.strip_suffix(".0").or(text.strip_suffix(".00")).unwrap_or(&text);
    whole.replace([',', '.'], "").parse().ok().filter(|n| *n >= 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_exports_write_them() {
        let read = |text: &str, form| read(text, form).map(|a| a.to_string());
        for (text, form, expected) in [
            ("89.99", None, Some("89.99")),
            ("89,99 €", None, Some("89.99")),
            ("$1,234.56", None, Some("1234.56")),
            ("1.234,56", None, Some("1234.56")),
            ("CHF 1’234.50", None, Some("1234.50")),
            ("1 234,5", None, Some("1234.5")),
            ("100", None, Some("100")),
            ("-5.00", None, Some("-5.00")),
            ("1,234", None, None),
            ("1,234", Some(Decimals::Point), Some("1234")),
            ("1,234", Some(Decimals::Comma), Some("1.234")),
            ("1.234", Some(Decimals::Comma), Some("1234")),
            ("12,345,678", Some(Decimals::Point), Some("12345678")),
            ("free", None, None),
            ("12 Main St 7", None, None),
            ("", None, None),
        ] {
            assert_eq!(read(text, form).as_deref(), expected, "{text} {form:?}");
        }
        assert_eq!(Decimals::of_all(["1,234", "9,50"].into_iter()), Some(Decimals::Comma));
        assert_eq!(Decimals::of_all(["1,234", "7"].into_iter()), None);
    }

    #[test]
    fn counts_have_no_cents() {
        for (text, expected) in [
            ("1,234", Some(1_234)),
            ("1.234", Some(1_234)),
            ("12.0", Some(12)),
            ("7", Some(7)),
            ("-", None),
            ("-3", None),
        ] {
            assert_eq!(count(text), expected, "{text}");
        }
    }
}
