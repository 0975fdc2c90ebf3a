//! Dates as exports write them.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};

use super::ImportError;
use crate::reconcile::Zone;

/// Which of two numbers is the month, in dates with `/` or `-` between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateForm {
    /// 31/12/2026
    DayFirst,
    /// 12/31/2026
    MonthFirst,
}

impl DateForm {
    /// `dmy` or `mdy`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "dmy" => Some(Self::DayFirst),
            "mdy" => Some(Self::MonthFirst),
            _ => None,
        }
    }

    /// What the dates of a file say together. Without a date that could be read two ways, any answer will do.
    pub(super) fn of_all<'a>(dates: impl Iterator<Item = &'a str>) -> Result<Self, ImportError> {
        let (mut day_first, mut month_first, mut open) = (false, false, false);
        for (first, second) in dates.filter_map(|text| pair(text).map(|(a, b, _)| (a, b))) {
            day_first |= first > 12;
            month_first |= second > 12;
            open |= first <= 12 && second <= 12 && first != second;
        }
        match (day_first, month_first) {
            (true, false) => Ok(Self::DayFirst),
            (false, true) => Ok(Self::MonthFirst),
            // Both at once is no form at all: rows that fit neither are refused one by one, but not guessed.
            _ if open => Err(ImportError::AmbiguousDates),
            _ => Ok(Self::DayFirst),
        }
    }
}

/// A date as it stands in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// With its zone.
    Instant(i64),
    /// As the clock on the wall had it.
    Civil(DateTime),
    /// The same, and where that clock hung.
    Zoned(DateTime, i64),
}

impl Told {
    pub(super) fn millis(self, zone: &Zone) -> Option<i64> {
        match self {
            Self::Instant(at_ms) | Self::Zoned(_, at_ms) => Some(at_ms),
            Self::Civil(civil) => zone.moment(civil),
        }
    }
}

/// Reads a date with or without a time.
pub(super) fn read(text: &str, form: DateForm) -> Option<Told> {
    let text = text.trim();
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Some(Told::Instant(instant.as_millisecond()));
    }
    if text.len() == 10
        && let Ok(seconds) = text.parse::<i64>()
    {
        return Some(Told::Instant(seconds * 1_000));
    }
    if let Some((text, zone)) = zoned(text) {
        let civil = civil(text, form)?;
        return Some(Told::Zoned(civil, zone.moment(civil)?));
    }
    Some(Told::Civil(civil(text, form)?))
}

fn civil(text: &str, form: DateForm) -> Option<DateTime> {
    let (date, time) = apart(text);
    let date = year_first(date).or_else(|| of_pair(date, form)).or_else(|| in_words(date))?;
    Some(date.to_datetime(clock(time)?))
}

/// A time with its zone behind a blank: `2026-11-22 14:03:09 +0100`, as Shopify writes it, or `… UTC`.
fn zoned(text: &str) -> Option<(&str, Zone)> {
    let (rest, zone) = text.rsplit_once(' ').filter(|(rest, _)| rest.contains(':'))?;
    let zone = match zone.split_at_checked(3) {
        _ if ["UTC", "GMT", "Z"].contains(&zone) => Zone::default(),
        Some((hours, minutes)) if minutes.len() == 2 => Zone::offset(&[hours, ":", minutes].concat())?,
        _ => Zone::offset(zone)?,
    };
    Some((rest, zone))
}

/// Date and time; a time begins at the last blank or `T` before the first colon.
fn apart(text: &str) -> (&str, &str) {
    let Some(colon) = text.find(':') else { return (text, "") };
    let before = text.get(..colon).unwrap_or_default();
    let at = before.rfind([' ', 'T', '\u{202f}']).unwrap_or(0);
    let (date, time) = text.split_at(at);
    let time = time.trim_start_matches([' ', 'T', '\u{202f}']);
    (date.trim().trim_end_matches([',', '@']).trim_end_matches(" at").trim(), time.trim())
}

/// `14:03`, `14:03:09`, `2:03 PM`; midnight where there is none.
fn clock(text: &str) -> Option<Time> {
    if text.is_empty() {
        return Some(Time::midnight());
    }
    let lower = text.to_lowercase().replace(['.', '\u{202f}', '\u{a0}'], " ");
    let (digits, noon) =
        match (lower.strip_suffix("pm").or(lower.strip_suffix("p m ")), lower.strip_suffix("am")) {
            (Some(rest), _) => (rest.trim(), Some(true)),
            (_, Some(rest)) => (rest.trim(), Some(false)),
            _ => (lower.trim(), None),
        };
    let digits = digits.trim_end_matches("uhr").trim().trim_end_matches("utc").trim();
    let mut parts = digits.split([':', ' ']).map(str::parse::<i8>);
    let (hour, minute) = (parts.next()?.ok()?, parts.next()?.ok()?);
    let second = parts.next().map_or(Some(0), Result::ok)?;
    let hour = match noon {
        None => hour,
        Some(after) if (1..=12).contains(&hour) => hour % 12 + if after { 12 } else { 0 },
        Some(_) => return None,
    };
    Time::new(hour, minute, second.min(59), 0).ok()
}

/// `2026-11-22`, `2026/11/22`, `2026.11.22`, `20261122`.
fn year_first(text: &str) -> Option<Date> {
    if text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit()) {
        let part = |range: std::ops::Range<usize>| text.get(range)?.parse::<i16>().ok();
        return Date::new(part(0..4)?, i8::try_from(part(4..6)?).ok()?, i8::try_from(part(6..8)?).ok()?).ok();
    }
    let mut parts = text.split(['-', '/', '.']);
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let fits = year.len() == 4 && parts.next().is_none();
    Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok().filter(|_| fits)
}

/// Two numbers and a year, of a text that has `/` or `-` between them: which is the month is open.
fn pair(text: &str) -> Option<(i8, i8, i16)> {
    let date = apart(text).0;
    let separator = if date.contains('/') { '/' } else { '-' };
    let mut parts = date.split(separator);
    let (first, second, year) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?);
    let year: i16 = match year.len() {
        4 => year.parse().ok()?,
        2 => 2_000 + year.parse::<i16>().ok()?,
        _ => return None,
    };
    parts.next().is_none().then_some((first, second, year))
}

fn of_pair(text: &str, form: DateForm) -> Option<Date> {
    if let Some((day, month, year)) = dotted(text) {
        return Date::new(year, month, day).ok();
    }
    let (first, second, year) = pair(text)?;
    match form {
        DateForm::DayFirst => Date::new(year, second, first).ok(),
        DateForm::MonthFirst => Date::new(year, first, second).ok(),
    }
}

/// `22.11.2026`: with dots the day comes first wherever they are used.
fn dotted(text: &str) -> Option<(i8, i8, i16)> {
    let mut parts = text.split('.').map(str::trim);
    let (day, month, year) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?);
    let full = year.len() == 4 && parts.next().is_none();
    full.then(|| Some((day, month, year.parse().ok()?))).flatten()
}

const MONTHS: &[&str] = &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// `November 22, 2026`, `22 Nov 2026`.
fn in_words(text: &str) -> Option<Date> {
    let words: Vec<String> =
        text.split([' ', ',', '-']).filter(|word| !word.is_empty()).map(str::to_lowercase).collect();
    let [first, second, year] = words.as_slice() else { return None };
    let month = |word: &str| {
        let place = MONTHS.iter().position(|month| word.starts_with(month))?;
        i8::try_from(place + 1).ok()
    };
    let number = |word: &str| word.trim_end_matches(['.', 's', 't', 'n', 'd', 'r', 'h']).parse::<i8>().ok();
    let (month, day) = match (month(first), month(second)) {
        (Some(month), _) => (month, number(second)?),
        (None, Some(month)) => (month, number(first)?),
        (None, None) => return None,
    };
    Date::new(year.parse().ok()?, month, day).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(text: &str) -> Option<String> {
        let told = read(text, DateForm::DayFirst)?;
        let at = Timestamp::from_millisecond(told.millis(&Zone::default())?).ok()?;
        Some(at.to_string())
    }

    #[test]
    fn as_exports_write_them() {
        for (text, expected) in [
            ("2026-11-22T14:03:09Z", "2026-11-22T14:03:09Z"),
            ("2026-11-22T14:03:09+02:00", "2026-11-22T12:03:09Z"),
            ("2026-11-22 14:03:09", "2026-11-22T14:03:09Z"),
            ("2026-11-22 14:03", "2026-11-22T14:03:00Z"),
            ("2026-11-22", "2026-11-22T00:00:00Z"),
            ("20261122", "2026-11-22T00:00:00Z"),
            ("2026/11/22", "2026-11-22T00:00:00Z"),
            ("22.11.2026 14:03", "2026-11-22T14:03:00Z"),
            ("22.11.2026, 14:03 Uhr", "2026-11-22T14:03:00Z"),
            ("22/11/2026", "2026-11-22T00:00:00Z"),
            ("2026-11-22 14:03:09 +0100", "2026-11-22T13:03:09Z"),
            ("2026-11-22 14:03:09 -05:30", "2026-11-22T19:33:09Z"),
            ("22/11/2026 2:03 PM UTC", "2026-11-22T14:03:00Z"),
            ("22/11/26 2:03 PM", "2026-11-22T14:03:00Z"),
            ("November 22, 2026 2:03 pm", "2026-11-22T14:03:00Z"),
            ("22 Nov 2026 12:00 AM", "2026-11-22T00:00:00Z"),
            ("1795356189", "2026-11-22T14:03:09Z"),
        ] {
            assert_eq!(utc(text).as_deref(), Some(expected), "{text}");
        }
        for bad in ["", "yesterday", "2026-13-01", "22/13/2026", "Smith, John", "14:03", "Total: 7", "ü:ü"]
        {
            assert_eq!(utc(bad), None, "{bad}");
        }
        // A zone that the file tells goes before the shop's.
        let berlin = Zone::offset("+01:00").unwrap();
        for (text, expected) in [
            ("2026-11-22 14:03:09 UTC", 1_795_356_189_000),
            ("2026-11-22 14:03:09 +0200", 1_795_348_989_000),
            ("2026-11-22 14:03:09", 1_795_352_589_000),
        ] {
            let told = read(text, DateForm::DayFirst).and_then(|told| told.millis(&berlin));
            assert_eq!(told, Some(expected), "{text}");
        }
        let american =
            read("11/22/2026", DateForm::MonthFirst).and_then(|told| told.millis(&Zone::default()));
        assert_eq!(american, Some(1_795_305_600_000));
    }

    #[test]
    fn a_file_settles_the_order_of_day_and_month_or_nobody_does() {
        let form = |dates: &[&str]| DateForm::of_all(dates.iter().copied());
        assert_eq!(form(&["01/02/2026", "13/02/2026"]), Ok(DateForm::DayFirst));
        assert_eq!(form(&["01/02/2026", "02/13/2026 10:00"]), Ok(DateForm::MonthFirst));
        assert_eq!(form(&["01/02/2026"]), Err(ImportError::AmbiguousDates));
        assert_eq!(form(&["13/02/2026", "02/13/2026", "01/02/2026"]), Err(ImportError::AmbiguousDates));
        assert_eq!(form(&["2026-02-01", "05/05/2026", "x"]), Ok(DateForm::DayFirst));
    }
}
