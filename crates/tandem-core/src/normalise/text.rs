//! Rules on plain text that several fields share.

use std::borrow::Cow;

use super::Reason;

/// No identity value is longer than this; more is a mistake or an attack.
pub(super) const MAX_BYTES: usize = 2_048;

/// What software writes when it has no value. Compared as written, so that a person called "Null" stays.
const JUNK: [&str; 26] = [
    "null",
    "NULL",
    "(null)",
    "<null>",
    "nil",
    "undefined",
    "UNDEFINED",
    "NaN",
    "nan",
    "None",
    "none",
    "N/A",
    "n/a",
    "N/a",
    "#N/A",
    "[object Object]",
    "[object Undefined]",
    "[object Null]",
    "(not set)",
    "(none)",
    "not set",
    "-",
    "--",
    ".",
    "true",
    "false",
];

/// Characters that take no room: zero-width and direction marks, byte-order mark, soft hyphen.
pub(super) const fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
    )
}

/// Cuts white space of every kind (no-break spaces too), control and invisible characters off both ends.
pub fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || c.is_control() || is_invisible(c))
}

/// Refuses placeholders, masked values (`g***@example.com`) and unfilled template placeholders.
pub(super) fn refuse_junk(trimmed: &str) -> Result<(), Reason> {
    if trimmed.contains('*') { Err(Reason::JunkLiteral) } else { refuse_placeholder(trimmed) }
}

/// Whether a text is what software writes when it has no value (`undefined`), or a placeholder nobody filled in.
pub fn is_placeholder(text: &str) -> bool {
    let trimmed = trim(text);
    !trimmed.is_empty() && refuse_placeholder(trimmed).is_err()
}

/// Refuses what software writes when it has no value, and unfilled template placeholders.
pub(super) fn refuse_placeholder(trimmed: &str) -> Result<(), Reason> {
    if trimmed.len() <= 18 && JUNK.contains(&trimmed) {
        return Err(Reason::JunkLiteral);
    }
    if is_template(trimmed) { Err(Reason::UnresolvedMacro) } else { Ok(()) }
}

/// A placeholder that an ad platform, a tag manager or a template engine should have replaced.
pub(super) fn is_template(trimmed: &str) -> bool {
    if !trimmed.bytes().any(|b| matches!(b, b'{' | b'}' | b'_' | b'%')) {
        return false;
    }
    let enclosed =
        |open: &str, close: &str| trimmed.len() > 4 && trimmed.starts_with(open) && trimmed.ends_with(close);
    trimmed.contains("{{")
        || trimmed.contains("}}")
        || enclosed("__", "__")
        || enclosed("%%", "%%")
        || enclosed("${", "}")
        || trimmed.as_bytes().windows(3).any(|w| w.eq_ignore_ascii_case(b"%7b"))
}

/// The text without white space and invisible characters.
pub(super) fn without_spaces(text: &str) -> Cow<'_, str> {
    remove(text, |c| c.is_whitespace() || is_invisible(c))
}

/// The text without the characters the test names; borrowed if there are none.
pub(super) fn remove(text: &str, unwanted: impl Fn(char) -> bool) -> Cow<'_, str> {
    if text.contains(&unwanted) {
        Cow::Owned(text.chars().filter(|&c| !unwanted(c)).collect())
    } else {
        Cow::Borrowed(text)
    }
}

/// Punctuation and signs, ASCII and beyond: everything a name or a street can do without.
///
/// Letters of every script and combining marks are not among them.
pub(super) fn is_symbol(c: char) -> bool {
    c.is_ascii_punctuation()
        || matches!(
            c,
            '\u{a1}'..='\u{a9}' | '\u{ab}'..='\u{b4}' | '\u{b6}'..='\u{b9}' | '\u{bb}'..='\u{bf}'
                | '×' | '÷' | '\u{2010}'..='\u{2027}' | '\u{2030}'..='\u{205e}' | '\u{20a0}'..='\u{20cf}'
                | '\u{2100}'..='\u{214f}' | '\u{2190}'..='\u{2bff}' | '\u{3001}'..='\u{3003}'
                | '\u{3008}'..='\u{3020}' | '\u{ff01}'..='\u{ff0f}' | '\u{ff1a}'..='\u{ff20}'
                | '\u{ff3b}'..='\u{ff40}' | '\u{ff5b}'..='\u{ff65}' | '\u{1f000}'..='\u{1faff}'
        )
}

/// Latin letters with accents become their plain letters (à → a, ß → ss); combining accents go.
pub fn fold_accents(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let mut folded = String::with_capacity(text.len());
    for c in text.chars() {
        match plain_letters(c) {
            Some(letters) => folded.push_str(letters),
            None => folded.push(c),
        }
    }
    Cow::Owned(folded)
}

/// The plain letters of one lower-case Latin letter, or nothing for a combining accent.
const fn plain_letters(c: char) -> Option<&'static str> {
    Some(match c {
        '\u{300}'..='\u{36f}' => "",
        'à'..='å' | 'ā' | 'ă' | 'ą' | 'ǎ' | 'ạ'..='ặ' => "a",
        'æ' => "ae",
        'ç' | 'ć' | 'ĉ' | 'ċ' | 'č' => "c",
        'ð' | 'ď' | 'đ' => "d",
        'è'..='ë' | 'ē' | 'ĕ' | 'ė' | 'ę' | 'ě' | 'ẹ'..='ệ' => "e",
        'ĝ' | 'ğ' | 'ġ' | 'ģ' | 'ǧ' => "g",
        'ĥ' | 'ħ' => "h",
        'ì'..='ï' | 'ĩ' | 'ī' | 'ĭ' | 'į' | 'ı' | 'ǐ' | 'ỉ' | 'ị' => "i",
        'ĵ' => "j",
        'ķ' => "k",
        'ĺ' | 'ļ' | 'ľ' | 'ŀ' | 'ł' => "l",
        'ñ' | 'ń' | 'ņ' | 'ň' => "n",
        'ò'..='ö' | 'ø' | 'ō' | 'ŏ' | 'ő' | 'ơ' | 'ǒ' | 'ọ'..='ợ' => "o",
        'œ' => "oe",
        'ŕ' | 'ŗ' | 'ř' => "r",
        'ś' | 'ŝ' | 'ş' | 'š' | 'ș' => "s",
        'ß' => "ss",
        'ţ' | 'ť' | 'ŧ' | 'ț' => "t",
        'þ' => "th",
        'ù'..='ü' | 'ũ' | 'ū' | 'ŭ' | 'ů' | 'ű' | 'ų' | 'ư' | 'ǔ' | 'ụ'..='ự' => "u",
        'ŵ' => "w",
        'ý' | 'ÿ' | 'ŷ' | 'ỳ'..='ỹ' => "y",
        'ź' | 'ż' | 'ž' => "z",
        _ => return None,
    })
}
