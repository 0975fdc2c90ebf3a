//! Page addresses without anything personal in them.
//!
//! A platform wants the full address with its parameters; shops put e-mail addresses, order keys and tokens there.

use url::Url;

use crate::event::Page;
use crate::normalise::clicks::{self, percent_decode};

/// Parameters that open an order, log somebody in, or name a person. Compared without case and separators.
const SECRET: &[&str] = &[
    "key",
    "orderkey",
    "token",
    "auth",
    "accesstoken",
    "password",
    "pass",
    "pwd",
    "nonce",
    "wpnonce",
    "signature",
    "sig",
    "hash",
    "code",
    "email",
    "mail",
    "useremail",
    "billingemail",
    "phone",
    "tel",
    "mobile",
    "billingphone",
    "name",
    "firstname",
    "lastname",
    "fullname",
    "address",
    "street",
    "dob",
    "birthday",
    "ssn",
    "login",
    "username",
    // Our own: marks a tester's visits (docs/live.md).
    "tandemdebug",
];

const MAX_LEN: usize = 2_000;

/// An absolute http(s) address without user info, fragment and personal or secret parameters; `None` if it is none.
#[must_use]
pub fn clean_url(text: &str) -> Option<String> {
    let text = text.trim();
    if text.len() > 4 * MAX_LEN {
        return None;
    }
    let mut url = Url::parse(text).ok().filter(|u| matches!(u.scheme(), "http" | "https") && u.has_host())?;
    if !url.username().is_empty() || url.password().is_some() {
        url.set_username("").ok()?;
        url.set_password(None).ok()?;
    }
    url.set_fragment(None);
    if path_is_personal(url.path()) {
        url.set_path("/");
    }
    let drop = |pair: &&str| pair.is_empty() || pair_is_personal(pair);
    if let Some(query) = url.query().filter(|query| query.split('&').any(|pair| drop(&pair))) {
        let kept: Vec<&str> = query.split('&').filter(|pair| !drop(pair)).collect();
        let kept = (!kept.is_empty()).then(|| kept.join("&"));
        url.set_query(kept.as_deref());
    }
    let clean = String::from(url);
    (clean.len() <= MAX_LEN).then_some(clean)
}

/// An address without the parameters that are click ids.
#[must_use]
pub fn without_clicks(url: &str) -> String {
    let Some((bare, query)) = url.split_once('?') else { return url.to_owned() };
    let query = query.split('#').next().unwrap_or_default();
    let is_click = |pair: &&str| {
        let name = pair.split('=').next().unwrap_or_default();
        clicks::parameter_names().any(|click| click.eq_ignore_ascii_case(name))
    };
    let kept: Vec<&str> = query.split('&').filter(|pair| !pair.is_empty() && !is_click(pair)).collect();
    if kept.is_empty() { bare.to_owned() } else { format!("{bare}?{}", kept.join("&")) }
}

/// An address without query and fragment.
#[must_use]
pub fn without_query(url: &str) -> String {
    url.split(['?', '#']).next().unwrap_or_default().to_owned()
}

fn path_is_personal(path: &str) -> bool {
    path.contains('@') || path.contains("%40")
}

fn pair_is_personal(pair: &str) -> bool {
    // Forms encode their names, and an address inside an address encodes its own once more.
    let Some(once) = percent_decode(pair) else { return true };
    let Some(decoded) = percent_decode(&once) else { return true };
    let (name, value) = decoded.split_once('=').unwrap_or((&decoded, ""));
    name_is_personal(name)
        || path_is_personal(&decoded)
        || looks_like_phone(pair.split_once('=').map_or("", |(_, value)| value))
        || value.split(['?', '&', '#']).skip(1).any(|inner| {
            let (name, value) = inner.split_once('=').unwrap_or((inner, ""));
            name_is_personal(name) || looks_like_phone(value)
        })
}

/// `key`, `billing_phone`, `customer[phone]`.
fn name_is_personal(name: &str) -> bool {
    let plain = |part: &str| -> String {
        part.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
    };
    std::iter::once(name).chain(name.split(['[', ']'])).any(|part| SECRET.contains(&plain(part).as_str()))
}

/// `+49…` or a bare run of 9 to 15 digits with phone punctuation; timestamps in click parameters are longer names'
/// values and stay, since only values with a plus or brackets count as a phone.
fn looks_like_phone(value: &str) -> bool {
    let marked =
        value.starts_with('+') || value.starts_with("%2B") || value.starts_with("%2b") || value.contains('(');
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    marked && (7..=17).contains(&digits) && !value.bytes().any(|b| b.is_ascii_lowercase() && b != b'b')
}

/// Whether a free text carries an e-mail address or a phone number; such a text is not kept.
#[must_use]
pub fn is_personal_text(text: &str) -> bool {
    // Every sign looked for below has one of these; nearly no text has.
    if !text.bytes().any(|b| matches!(b, b'@' | b'%' | b'+' | b'(')) {
        return false;
    }
    names_person(text) || looks_like_phone(&text.replace([' ', '-', '.', '/'], ""))
}

/// The same without guessing: an e-mail address, or a phone number with its plus. For names and ids of products,
/// which may have many digits and brackets.
#[must_use]
pub fn names_person(text: &str) -> bool {
    text.split_whitespace().any(|word| {
        word.split_once('@').is_some_and(|(local, domain)| !local.is_empty() && domain.contains('.'))
    }) || text.contains("%40")
        || text.match_indices('+').any(|(at, _)| is_number_with_plus(text, at))
}

/// Whether the plus at this place begins a phone number: `+46 70 174 06 33`, but not `2+12345678`.
fn is_number_with_plus(text: &str, at: usize) -> bool {
    let punctuation = |c: char| c.is_whitespace() || matches!(c, '-' | '.' | '/' | '(' | ')');
    let number = text[at + 1..].chars().take_while(|c| c.is_ascii_digit() || punctuation(*c));
    let digits = number.filter(char::is_ascii_digit).count();
    (8..=15).contains(&digits) && !text[..at].ends_with(char::is_alphanumeric)
}

/// Cleans every address of a page; an address that cannot be cleaned is left out.
#[must_use]
pub fn clean(page: Page) -> Page {
    Page {
        url: page.url.as_deref().and_then(clean_url),
        referrer: page.referrer.as_deref().and_then(clean_url),
        title: page.title.filter(|t| !is_personal_text(t)).map(|t| t.chars().take(300).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_campaigns_and_drops_people() {
        let cases = [
            (
                "https://s.example/p?utm_source=tiktok&ttclid=E.C.P.x",
                Some("https://s.example/p?utm_source=tiktok&ttclid=E.C.P.x"),
            ),
            (
                "https://s.example/order-received/7/?key=wc_order_abc",
                Some("https://s.example/order-received/7/"),
            ),
            ("https://s.example/?email=a%40b.example&x=1", Some("https://s.example/?x=1")),
            ("https://s.example/?who=a@b.example", Some("https://s.example/")),
            ("https://s.example/?t=%2B12133734253", Some("https://s.example/")),
            ("https://user:pw@s.example/#top", Some("https://s.example/")),
            ("https://s.example/?customer%5Bphone%5D=015123456789&x=1", Some("https://s.example/?x=1")),
            ("https://s.example/?customer[first_name]=Ada&x=1", Some("https://s.example/?x=1")),
            (
                "https://s.example/?to=https%3A%2F%2Fs.example%2F%3Fkey%3Dwc_order_x&a=b",
                Some("https://s.example/?a=b"),
            ),
            ("https://s.example/?next=%2Fa%3Femail%3Dada%2540example.com", Some("https://s.example/")),
            ("https://s.example/?next=%2Fa%3Fpage%3D2", Some("https://s.example/?next=%2Fa%3Fpage%3D2")),
            ("https://s.example/u/a@b.example/edit", Some("https://s.example/")),
            ("https://s.example/?tandem_debug=abc.def&utm_source=x", Some("https://s.example/?utm_source=x")),
            ("android-app://com.example/", None),
            ("/relative", None),
            ("", None),
        ];
        for (given, expected) in cases {
            assert_eq!(clean_url(given).as_deref(), expected, "{given}");
        }
    }

    #[test]
    fn free_text_with_an_address_is_personal() {
        assert!(is_personal_text("ada@example.com"));
        assert!(is_personal_text("call +1 213 373 4253"));
        assert!(is_personal_text("Please call (+46) 70-174 06 33 or +46 70-174 06 33."));
        assert!(!is_personal_text("mug @ home, 20% off"));
        assert!(!is_personal_text("spring+20261122 and 1 + 1"));
        assert!(!names_person("SONY WH-1000XM5 (2024)"));
    }
}
