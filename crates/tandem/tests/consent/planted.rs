//! A person for every event, whose every value can be told from everybody else's wherever it turns up.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Stands in every planted text: `qz`, six letters that make a number, `zq`.
const START: &str = "qz";
const LETTERS: &[u8; 15] = b"ghjklmnprstvwxy";

/// One event's person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Planted(pub(crate) usize);

impl Planted {
    pub(crate) fn word(self) -> String {
        let letter = |at: u32| char::from(LETTERS[self.0 / 15_usize.pow(at) % 15]);
        format!("{START}{}zq", (0..6).rev().map(letter).collect::<String>())
    }

    pub(crate) fn email(self) -> String {
        format!("{}@example.com", self.word())
    }

    pub(crate) fn phone(self) -> String {
        format!("+49151{:08}", 20_000_000 + self.0)
    }

    pub(crate) fn external_id(self) -> String {
        format!("customer-{}", self.word())
    }

    pub(crate) fn ttclid(self) -> String {
        format!("E.C.P.{}", self.word())
    }

    pub(crate) fn ttp(self) -> String {
        format!("{}.tt.1", self.word())
    }

    pub(crate) fn ip(self) -> String {
        format!("81.{}.{}.{}", 20 + self.0 / 65_536, self.0 / 256 % 256, self.0 % 256)
    }

    pub(crate) fn agent(self) -> String {
        format!("Mozilla/5.0 (X11; Linux x86_64; {}) Gecko/20100101 Firefox/140.0", self.word())
    }

    pub(crate) fn visitor(self) -> String {
        format!("{}0visitor0", self.word())
    }

    /// Of the shop's own kind: a number.
    pub(crate) fn order_number(self) -> usize {
        5_000_000_000 + self.0
    }

    pub(crate) fn customer_number(self) -> usize {
        6_000_000_000 + self.0
    }

    /// An address whose query tells the click and the person.
    pub(crate) fn url(self) -> String {
        format!("https://shop.example/p/mug?ttclid={}&utm_term={}", self.ttclid(), self.word())
    }

    pub(crate) fn referrer(self) -> String {
        format!("https://elsewhere.example/{}", self.word())
    }

    /// The keys of a person that every way in takes, as TikTok wants them.
    pub(crate) fn keys(self) -> Value {
        json!({
            "email": hash(&self.email()), "phone": hash(&self.phone()), "ttclid": self.ttclid(), "ttp": self.ttp(),
            "ip": self.ip(), "user_agent": self.agent(),
        })
    }

    /// Those of a name and an address besides.
    pub(crate) fn with_name(self, mut keys: Value, country: Option<&str>, state: Option<&str>) -> Value {
        keys["first_name"] = hash(&self.word()).into();
        keys["last_name"] = hash(&self.word()).into();
        keys["zip_code"] = hash("10115").into();
        keys["city"] = self.word().into();
        for (name, place) in [("country", country), ("state", state)] {
            if let Some(place) = place {
                keys[name] = place.to_lowercase().into();
            }
        }
        keys
    }
}

pub(crate) fn hash(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Something of a person, or that looks like it, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trace {
    pub(crate) at: usize,
    pub(crate) text: String,
}

/// Finds every planted word, every SHA-256, every network address, and every number as long as a phone's or an order's:
/// whatever else is planted holds one of them.
pub(crate) fn traces(text: &str) -> Vec<Trace> {
    let text = text.to_ascii_lowercase();
    let words = text.match_indices(START).map(|(at, _)| Trace { at, text: cut(&text, at, at + 10) });
    let mut traces: Vec<Trace> = words.collect();
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if !is_part(bytes[at]) {
            at += 1;
            continue;
        }
        let end = bytes[at..].iter().position(|b| !is_part(*b)).map_or(bytes.len(), |length| at + length);
        if end - at >= 7 && is_telling(&bytes[at..end]) {
            traces.push(Trace { at, text: cut(&text, at, end) });
        }
        at = end;
    }
    traces
}

fn is_part(byte: u8) -> bool {
    byte.is_ascii_hexdigit() || byte == b'.'
}

/// A run of hexadecimal digits and dots.
fn is_telling(run: &[u8]) -> bool {
    let dots = run.iter().filter(|b| **b == b'.').count();
    let plain = run.iter().all(u8::is_ascii_digit);
    run.len() >= 64 || dots == 3 || (plain && run.len() >= 9)
}

fn cut(text: &str, from: usize, to: usize) -> String {
    text[from..text.ceil_char_boundary(to.min(text.len()))].to_owned()
}

#[test]
fn nothing_planted_is_overlooked() {
    let person = Planted(12_345);
    let numbers = [person.order_number().to_string(), person.customer_number().to_string()];
    let texts = [
        person.email(),
        person.phone(),
        person.external_id(),
        person.ttclid(),
        person.ttp(),
        person.ip(),
        person.agent(),
        person.visitor(),
        person.url(),
        person.referrer(),
        hash("anything"),
    ];
    for text in texts.iter().chain(&numbers) {
        for form in
            [text.clone(), text.to_uppercase(), format!("%22{text}%22"), format!("{{\"x\":\"{text}\"}}")]
        {
            assert!(!traces(&form).is_empty(), "{form}");
        }
    }
    let plain =
        r#"{"event":"Purchase","event_id":"e-12","value":89.99,"page":{"url":"https://shop.example/p/mug"}}"#;
    assert_eq!(traces(plain), []);
}
