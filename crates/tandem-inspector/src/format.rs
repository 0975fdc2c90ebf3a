//! How times and numbers are written. All times are UTC, and say so once on the page.

use jiff::Timestamp;

/// By one of [`Timestamp::strftime`]'s forms.
pub(crate) fn short(at_ms: i64, form: &str) -> String {
    zoned(at_ms, form)
}

fn zoned(at_ms: i64, form: &str) -> String {
    Timestamp::from_millisecond(at_ms).map(|at| at.strftime(form).to_string()).unwrap_or_default()
}

/// `2026-11-22T14:03:09.120Z`, for machines.
pub(crate) fn time(at_ms: i64) -> String {
    zoned(at_ms, "%Y-%m-%dT%H:%M:%S%.3fZ")
}

/// `22 Nov 14:03`.
pub(crate) fn day_time(at_ms: i64) -> String {
    zoned(at_ms, "%-d %b %H:%M")
}

/// `22 Nov 14:03:09`.
pub(crate) fn second(at_ms: i64) -> String {
    zoned(at_ms, "%-d %b %H:%M:%S")
}

/// `22 Nov`, of days since 1970.
pub(crate) fn day(day: i64) -> String {
    short(day.saturating_mul(86_400_000), "%-d %b")
}

/// `12,345.60`, of a decimal number as it is on record.
pub(crate) fn money(value: &str) -> String {
    let (whole, rest) = value.split_once('.').unwrap_or((value, ""));
    let Ok(number) = whole.parse::<i64>() else { return value.to_owned() };
    let sign = if number == 0 && whole.starts_with('-') { "−" } else { "" };
    let whole = format!("{sign}{}", count(number));
    match rest.len() {
        0 => whole,
        1 => format!("{whole}.{rest}0"),
        _ => format!("{whole}.{rest}"),
    }
}

/// `14:03:09.120`.
pub(crate) fn clock(at_ms: i64) -> String {
    zoned(at_ms, "%H:%M:%S%.3f")
}

/// `1,234,567`.
pub(crate) fn count(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if number < 0 { format!("−{text}") } else { text }
}

/// `1 event`, `2,000 events`.
pub(crate) fn many(number: i64, one: &str, more: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { more })
}

/// `99.5`; never `100` as long as one is missing, and nothing where there was nothing.
pub(crate) fn percent(part: i64, whole: i64) -> Option<String> {
    if whole <= 0 {
        return None;
    }
    let tenths = part.saturating_mul(1_000) / whole;
    Some(if tenths == 1_000 { "100".to_owned() } else { format!("{}.{}", tenths / 10, tenths % 10) })
}

/// A value as a part of an address.
pub(crate) fn in_address(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// `3 s`, `4 min`, `5 h`, `6 d`: how long ago or ahead, roughly.
pub(crate) fn span(ms: i64) -> String {
    match ms.abs() / 1_000 {
        s @ 0..=119 => format!("{s} s"),
        s @ 120..=7_199 => format!("{} min", s / 60),
        s @ 7_200..=172_799 => format!("{} h", s / 3_600),
        s => format!("{} d", s / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_only_said_of_all() {
        assert_eq!(percent(0, 0), None);
        assert_eq!(percent(9_999, 10_000).unwrap(), "99.9");
        assert_eq!(percent(10, 10).unwrap(), "100");
    }

    #[test]
    fn as_people_read_them() {
        assert_eq!(time(1_795_356_189_120), "2026-11-22T14:03:09.120Z");
        assert_eq!(day_time(1_795_356_189_120), "22 Nov 14:03");
        assert_eq!(day(20_779), "22 Nov");
        for (value, text) in
            [("12345.6", "12,345.60"), ("7", "7"), ("0.125", "0.125"), ("-0.5", "−0.50"), ("x", "x")]
        {
            assert_eq!(money(value), text);
        }
        assert_eq!(clock(1_795_356_189_120), "14:03:09.120");
        assert_eq!((many(1, "row", "rows"), many(0, "row", "rows")), ("1 row".into(), "0 rows".into()));
        assert_eq!(time(i64::MAX), "");
        assert_eq!(in_address("a b&c=ü"), "a+b%26c%3D%C3%BC");
        for (number, text) in
            [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567"), (-1_000, "−1,000")]
        {
            assert_eq!(count(number), text);
        }
        for (ms, text) in
            [(900, "0 s"), (119_000, "119 s"), (120_000, "2 min"), (7_200_000, "2 h"), (172_800_000, "2 d")]
        {
            assert_eq!(span(ms), text);
        }
    }
}
