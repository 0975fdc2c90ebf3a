//! Gender and date of birth.

use jiff::civil::Date;

use super::{Normalised, Prepared, Reason, prepare_person};

/// `f`, `m` or `n` from a letter or a word (Meta's customer information parameters; `n` only at Pinterest).
pub fn gender(raw: &str) -> Result<Normalised, Reason> {
    let text = match prepare_person(raw)? {
        Prepared::Hashed(hashed) => return Ok(Normalised::Hashed(hashed)),
        Prepared::Text(text) => text.to_lowercase(),
    };
    let letter = match text.as_str() {
        "f" | "female" | "w" | "woman" | "weiblich" | "femme" | "femenino" | "mrs" | "ms" => "f",
        "m" | "male" | "man" | "männlich" | "homme" | "masculino" | "mr" => "m",
        "n" | "x" | "d" | "non-binary" | "nonbinary" | "non binary" | "divers" | "diverse" | "other" => "n",
        _ => return Err(Reason::InvalidGender),
    };
    Ok(Normalised::Text(letter.to_owned()))
}

/// `YYYYMMDD` (Meta's customer information parameters).
///
/// Reads `1984-02-09` (also with a time behind), `19840209`, `1984/02/09`, `09.02.1984` (day first) and
/// `02/09/1984` (month first, unless the first number is above twelve).
pub fn date_of_birth(raw: &str) -> Result<Normalised, Reason> {
    match prepare_person(raw)? {
        Prepared::Hashed(hashed) => Ok(Normalised::Hashed(hashed)),
        Prepared::Text(text) => read_date(text).map(Normalised::Text).ok_or(Reason::InvalidDate),
    }
}

fn read_date(text: &str) -> Option<String> {
    let text = text.split(['T', ' ']).next()?;
    let (year, month, day) = if text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit()) {
        (text.get(..4)?, text.get(4..6)?, text.get(6..)?)
    } else {
        let separator = text.chars().find(|c| matches!(c, '-' | '/' | '.'))?;
        let mut parts = text.split(separator);
        let (a, b, c) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        match (a.len(), c.len(), separator) {
            (4, _, _) => (a, b, c),
            (_, 4, '/') if number(a)? <= 12 => (c, a, b),
            (_, 4, _) => (c, b, a),
            _ => return None,
        }
    };
    let (year, month, day) = (number(year)?, number(month)?, number(day)?);
    if !(1900..2100).contains(&year) {
        return None;
    }
    let date = Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    Some(format!("{:04}{:02}{:02}", date.year(), date.month(), date.day()))
}

fn number(digits: &str) -> Option<i16> {
    if digits.len() <= 4 && digits.bytes().all(|b| b.is_ascii_digit()) { digits.parse().ok() } else { None }
}
