//! Phone numbers, brought to E.164.
//!
//! TikTok, Google, Microsoft and Reddit hash E.164 with the plus sign, Meta, Pinterest and Snap the digits alone
//! (TikTok Events API 2.0 reference; Meta's customer information parameters). A national number is only read with
//! a country, never guessed.

mod pattern;
mod plan;

use phonenumber::Metadata;

use super::{Normalised, Prepared, Reason, prepare_person, text};

/// E.164 has at most fifteen digits; fewer than seven are nobody's number.
const DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

/// A number as written may have a prefix more.
const MAX_WRITTEN: usize = 24;

/// The number in E.164: `+`, country code, digits.
///
/// `region` is the ISO 3166-1 alpha-2 code a national number is read by. Digits of every script, `00`, a trunk
/// zero in brackets and extensions are understood; letters are refused, and so is any number that the numbering
/// plan of its country does not have.
pub fn normalise(raw: &str, region: Option<&str>) -> Result<Normalised, Reason> {
    let text = match prepare_person(raw)? {
        Prepared::Hashed(hashed) => return Ok(Normalised::Hashed(hashed)),
        Prepared::Text(text) => text,
    };
    let written = Written::read(text).ok_or(Reason::InvalidPhone)?;
    written.e164(region.and_then(plan::region)).map(Normalised::Text)
}

/// The bare national digits of a number in mainland China; older texts of TikTok hash those, so both are sent.
pub fn china_national(e164: &str) -> Option<&str> {
    e164.strip_prefix("+86")
}

/// The calling code of a country by its alpha-2 code: 49 for `DE`.
#[must_use]
pub fn calling_code(alpha2: &str) -> Option<u16> {
    plan::region(alpha2).map(phonenumber::Metadata::country_code)
}

/// Loads the numbering plans, which takes some milliseconds; call it at start.
pub fn warm() {
    plan::load();
}

/// A number as somebody wrote it, reduced to ASCII digits.
struct Written {
    /// Only digits.
    digits: String,
    /// The same with the zero that stood in brackets, if one did.
    with_bracket_zero: Option<String>,
    /// A plus sign stood in front.
    plus: bool,
}

impl Written {
    fn read(text: &str) -> Option<Self> {
        let text = text.strip_prefix("tel:").unwrap_or(text);
        let mut written = Self { digits: String::with_capacity(20), with_bracket_zero: None, plus: false };
        let mut rest = text.chars();
        while let Some(c) = rest.next() {
            if let Some(digit) = ascii_digit(c) {
                written.push(digit);
            } else if matches!(c, '+' | '\u{ff0b}' | '\u{fe62}') {
                if written.plus || !written.digits.is_empty() {
                    return None;
                }
                written.plus = true;
            } else if is_extension(c, rest.as_str()) {
                break;
            } else if matches!(c, '(' | '\u{ff08}') && written.is_international() {
                written.skip_bracket_zero(&mut rest);
            } else if !is_separator(c) {
                return None;
            }
            if written.digits.len() > MAX_WRITTEN {
                return None;
            }
        }
        (written.digits.len() >= 3).then_some(written)
    }

    fn push(&mut self, digit: char) {
        self.digits.push(digit);
        if let Some(other) = &mut self.with_bracket_zero {
            other.push(digit);
        }
    }

    /// `(0)` after a country code is the trunk zero, not to be dialled from abroad.
    fn skip_bracket_zero(&mut self, rest: &mut std::str::Chars<'_>) {
        let mut ahead = rest.clone();
        let zero = ahead.next().and_then(ascii_digit) == Some('0');
        let closed = matches!(ahead.next(), Some(')' | '\u{ff09}'));
        if zero && closed && self.with_bracket_zero.is_none() {
            self.with_bracket_zero = Some(format!("{}0", self.digits));
            *rest = ahead;
        }
    }

    /// Some of the country code has been read.
    fn is_international(&self) -> bool {
        !self.digits.is_empty() && (self.plus || self.digits.starts_with("00"))
    }

    fn e164(&self, region: Option<&Metadata>) -> Result<String, Reason> {
        // In Italy the bracketed zero belongs to the number: the second reading.
        let readings = [Some(&self.digits), self.with_bracket_zero.as_ref()];
        let readings = || readings.into_iter().flatten();
        if self.plus {
            return readings().find_map(|digits| international(digits)).ok_or(Reason::InvalidPhone);
        }
        if let Some(region) = region
            && let Some(number) = readings().find_map(|digits| plan::national(region, digits).and_then(e164))
        {
            return Ok(number);
        }
        let abroad = |digits: &String| digits.strip_prefix("00").and_then(international);
        if let Some(number) = readings().find_map(abroad) {
            return Ok(number);
        }
        let national =
            region.is_none() && !self.digits.starts_with("00") && DIGITS.contains(&self.digits.len());
        Err(if national { Reason::NoCountry } else { Reason::InvalidPhone })
    }
}

/// Reads digits that begin with a country code, perhaps after a superfluous `00`.
fn international(digits: &str) -> Option<String> {
    plan::international(digits.trim_start_matches('0')).and_then(e164)
}

/// The number written out, unless it is a placeholder of one digit repeated.
fn e164(number: plan::Number) -> Option<String> {
    let first = number.national.as_bytes().first()?;
    if number.national.bytes().all(|digit| digit == *first) {
        return None;
    }
    let e164 = format!("+{}{}", number.code, number.national);
    DIGITS.contains(&(e164.len() - 1)).then_some(e164)
}

/// Decimal digits of the scripts in use, full-width ones included.
fn ascii_digit(c: char) -> Option<char> {
    const ZEROS: [u32; 17] = [
        0x30, 0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xe50,
        0xed0, 0x1040, 0xff10,
    ];
    let code = u32::from(c);
    let zero = ZEROS.iter().find(|&&zero| (zero..zero + 10).contains(&code))?;
    char::from_digit(code - zero, 10)
}

/// What people put between digits.
fn is_separator(c: char) -> bool {
    c.is_whitespace()
        || text::is_invisible(c)
        || matches!(
            c,
            '-' | '.' | '/' | '(' | ')' | '[' | ']' | '~' | '\u{b7}' | '\u{2010}'..='\u{2015}' | '\u{2022}'
                | '\u{2212}' | '\u{30fc}' | '\u{ff08}' | '\u{ff09}' | '\u{ff0d}'..='\u{ff0f}'
        )
}

/// An extension begins here: `x12`, `ext. 12`, `#12`, `;ext=12`, or a pause for dialling.
fn is_extension(c: char, rest: &str) -> bool {
    match c {
        '#' | ',' | ';' => true,
        'x' | 'X' => rest.chars().all(|c| ascii_digit(c).is_some() || is_separator(c)),
        'e' | 'E' => rest.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("xt")),
        _ => false,
    }
}
