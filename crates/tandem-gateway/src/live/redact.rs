//! What of a request may be shown: its structure, and of its values only those known to name nobody.
//!
//! For what comes in it is a list of what is allowed: the value of a field that we do not know is replaced by its length,
//! whatever it is, since a person's name looks like any other word. Allowed values are looked at once more, so that an
//! e-mail address in a product's name is not shown either.

use serde_json::{Map, Value, json};
use tandem_core::consent::Reading;
use tandem_core::page;

/// Bytes of a body beyond which only its size is told.
const MAX_BODY: usize = 64 << 10;

/// Entries of a list, characters of a text, and levels that are shown.
const MAX_ITEMS: usize = 20;
const MAX_TEXT: usize = 300;
const MAX_DEPTH: usize = 8;

/// Fields whose texts are the shop's or ours, compared without case and separators: of events in our words, those of
/// platforms and of tag managers; click ids; of WooCommerce's orders. A transaction's id is left out: it may be the payment's.
const PLAIN: &str = "\
    event eventname eventid eventtime eventsource eventsourceid en type status channel orderid \
    parentorderid currency cu tax shipping coupon paymenttype contenttype contentid \
    contentids contentname contentcategory itemid itemname itembrand itemcategory itemvariant itemlistid \
    itemlistname brand price quantity numitems lineid searchstring searchterm affiliation discount \
    index sentat at timestamp timestampmicros testeventcode actionsource locale language ul region \
    country pixels automated v tid cid sid sct seg et gcs gcd npa dma sr gtm clientid sessionid \
    gasessionid visitor partnername measurementid pixelid version method ttclid ttp gclid gbraid \
    wbraid fbclid fbc fbp epik sccid rdtcid msclkid twclid id number total subtotal totaltax \
    shippingtotal discounttotal productid variationid sku datecreated datecreatedgmt datepaid \
    datepaidgmt datemodified datemodifiedgmt datecompleted datecompletedgmt paymentmethod createdvia \
    currencysymbol pricesincludetax parentid customerid webhookid taxclass";

/// Fields that hold addresses of pages.
const ADDRESSES: &[&str] =
    &["url", "referrer", "pageurl", "pagelocation", "pagereferrer", "dl", "dr", "eventsourceurl"];

/// Fields with consent in them, shown only where they say yes or no in a word.
const CONSENT: &[&str] = &["consent", "consentstate"];

/// Fields below which everything is a person's, or a secret, whatever its name.
const PERSON: &[&str] = &[
    "user",
    "userdata",
    "billing",
    "shippingaddress",
    "customer",
    "address",
    "email",
    "em",
    "phone",
    "phonenumber",
    "ph",
    "firstname",
    "fn",
    "lastname",
    "ln",
    "name",
    "street",
    "dateofbirth",
    "db",
    "dob",
];

/// Fields below which only names are shown.
const COOKIES: &[&str] = &["cookies", "commoncookie", "cookie"];

/// Parts of the names of fields that hold secrets.
const SECRETS: &[&str] = &["token", "secret", "password", "signature", "authorization", "apikey", "writekey"];

fn is_plain(name: &str) -> bool {
    PLAIN.split(' ').any(|known| known == name)
}

fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// What came in, as it may be shown.
pub(super) fn incoming(content_type: Option<&str>, body: &[u8]) -> Value {
    if body.len() > MAX_BODY {
        return json!({ "not_shown": "larger than 64 KiB" });
    }
    if let Ok(value) = serde_json::from_slice::<Value>(body) {
        return Incoming.value("", &value, Below::Open, 0);
    }
    let Ok(text) = std::str::from_utf8(body) else { return json!({ "not_shown": "no text" }) };
    let lines: Result<Vec<Value>, _> =
        text.lines().filter(|line| !line.trim().is_empty()).map(serde_json::from_str).collect();
    if let Some(lines) = lines.ok().filter(|lines| !lines.is_empty()) {
        return Incoming.value("", &lines.into(), Below::Open, 0);
    }
    let is_form = content_type.is_some_and(|t| t.starts_with("application/x-www-form-urlencoded"));
    if is_form {
        return query(text);
    }
    json!({ "not_shown": "neither JSON nor a form" })
}

/// The parameters of an address or a form.
pub(super) fn query(text: &str) -> Value {
    let pairs = url::form_urlencoded::parse(text.as_bytes()).take(200);
    let map: Map<String, Value> =
        pairs.map(|(name, value)| (name.into_owned(), Value::from(value.into_owned()))).collect();
    Incoming.value("", &Value::Object(map), Below::Open, 0)
}

/// What a value stands below.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Below {
    Open,
    Consent,
    Person,
    Cookies,
}

struct Incoming;

impl Incoming {
    fn value(&self, name: &str, value: &Value, below: Below, depth: usize) -> Value {
        if depth > MAX_DEPTH {
            return "…".into();
        }
        match value {
            Value::Object(map) => Value::Object(self.object(map, below, depth)),
            Value::Array(list) => {
                let mut shown: Vec<Value> = list
                    .iter()
                    .take(MAX_ITEMS)
                    .map(|item| self.value(name, item, below, depth + 1))
                    .collect();
                shown.extend(rest(list.len()));
                shown.into()
            }
            Value::String(text) => self.text(name, text, below),
            Value::Number(number) => {
                let text = number.to_string();
                // A phone number may come as a number.
                let short = text.bytes().filter(u8::is_ascii_digit).count() < 7;
                if matches!(below, Below::Open | Below::Consent) && (short || is_plain(name)) {
                    value.clone()
                } else {
                    hidden(&text)
                }
            }
            Value::Bool(_) | Value::Null => value.clone(),
        }
    }

    fn object(&self, map: &Map<String, Value>, below: Below, depth: usize) -> Map<String, Value> {
        let mut shown = Map::new();
        for (at, (key, value)) in map.iter().take(100).enumerate() {
            let name = plain(key);
            let below = match () {
                () if COOKIES.contains(&name.as_str()) || below == Below::Cookies => Below::Cookies,
                () if PERSON.contains(&name.as_str()) || below == Below::Person => Below::Person,
                () if CONSENT.contains(&name.as_str()) || below == Below::Consent => Below::Consent,
                () => Below::Open,
            };
            let key = if is_name(key) { key.clone() } else { format!("(hidden name {})", at + 1) };
            shown.insert(key, self.value(&name, value, below, depth + 1));
        }
        if map.len() > 100 {
            shown.insert("…".to_owned(), format!("and {} more", map.len() - 100).into());
        }
        shown
    }

    fn text(&self, name: &str, text: &str, below: Below) -> Value {
        let shows = match below {
            Below::Cookies => false,
            // Whoever hashed it before it came to us has hidden it.
            Below::Person => {
                is_hash(text) || is_click(name) && is_token(text) && text.bytes().any(|b| b.is_ascii_digit())
            }
            Below::Consent => Reading::is_word(text) || matches!(text, "unknown" | "GRANTED" | "DENIED"),
            Below::Open if ADDRESSES.contains(&name) => return address(text),
            // Of a shop's own fields: what they are called, not what is in them.
            Below::Open if name == "key" => is_name(text) && !text.contains("order_"),
            Below::Open => is_plain(name) && !is_personal(text) || is_amount(text),
        };
        if shows { cut(text).into() } else { hidden(text) }
    }
}

fn is_click(name: &str) -> bool {
    name.ends_with("clid") || matches!(name, "ttp" | "fbp" | "fbc" | "gbraid" | "wbraid" | "epik")
}

/// Letters, digits and the few signs that ids are made of; no `@`, no blank.
fn is_token(text: &str) -> bool {
    text.len() <= 500 && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

fn is_amount(text: &str) -> bool {
    text.len() <= 7 && !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b == b'.')
}

/// The name of a field, not a text that somebody put there.
fn is_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '[' | ']' | '$' | ':');
    (1..=60).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(plain)
        && !text.contains("%40")
}

/// An e-mail address, or something with as many digits as a phone number that is written like one.
pub(super) fn is_personal(text: &str) -> bool {
    page::is_personal_text(text) || text.contains('@') || is_phone(text)
}

/// Somewhere in it at least seven digits among nothing but the punctuation of phone numbers, with some of that, or behind a
/// zero. Other digits alone may be any id, and what hangs on a letter is a part of one.
fn is_phone(text: &str) -> bool {
    let of_phone = |c: char| c.is_ascii_digit() || " ()/+-.".contains(c);
    let mut rest = text;
    let mut before = None;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit() || c == '+' || c == '(') {
        // A dash joins digits to the letters before it.
        let joint = rest[..start].trim_end_matches(['-', '.', '_']);
        before = joint.chars().next_back().or(before).filter(|_| !joint.ends_with(' '));
        let run = &rest[start..];
        let end = run.find(|c: char| !of_phone(c)).unwrap_or(run.len());
        let (run, after) = (&run[..end], run[end..].chars().next());
        let hangs = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        let joined = run.ends_with(|c: char| c.is_ascii_digit()) && hangs(after);
        if !hangs(before) && !joined && run_is_phone(run.trim()) {
            return true;
        }
        before = run.chars().next_back();
        rest = &rest[start + end..];
    }
    false
}

fn run_is_phone(run: &str) -> bool {
    let digits = run.bytes().filter(u8::is_ascii_digit).count();
    let at = |place: usize| run.as_bytes().get(place) == Some(&b'-');
    let (date, decimal) = (at(4) && at(7), run.matches('.').count() == 1 && digits + 1 == run.len());
    let punctuated = digits < run.len() && !decimal;
    digits >= 7 && !date && (punctuated || run.starts_with('0'))
}

fn address(text: &str) -> Value {
    match page::clean_url(text) {
        Some(url) => cut(&url).into(),
        None => hidden(text),
    }
}

fn hidden(text: &str) -> Value {
    match text.chars().count() {
        0 => "".into(),
        1 => "(hidden, 1 character)".into(),
        count => format!("(hidden, {count} characters)").into(),
    }
}

fn rest(count: usize) -> Option<Value> {
    (count > MAX_ITEMS).then(|| format!("… and {} more", count - MAX_ITEMS).into())
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(MAX_TEXT) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// What we send and what a platform answers: made of the event on record, so that only secrets, full addresses and whatever
/// a platform may repeat are taken out.
pub(super) fn outgoing(bytes: &[u8]) -> Value {
    match serde_json::from_slice::<Value>(bytes) {
        Ok(value) => own("", &value, 0),
        Err(_) => {
            let text = String::from_utf8_lossy(bytes);
            if is_told(&text) { hidden(&text) } else { cut(&text).into() }
        }
    }
}

fn own(name: &str, value: &Value, depth: usize) -> Value {
    if depth > 2 * MAX_DEPTH {
        return "…".into();
    }
    match value {
        Value::Object(map) => {
            map.iter().map(|(key, value)| (key.clone(), own(&plain(key), value, depth + 1))).collect()
        }
        Value::Array(list) => {
            let mut shown: Vec<Value> =
                list.iter().take(MAX_ITEMS).map(|item| own(name, item, depth + 1)).collect();
            shown.extend(rest(list.len()));
            shown.into()
        }
        Value::String(text) => own_text(name, text),
        other => other.clone(),
    }
}

fn own_text(name: &str, text: &str) -> Value {
    if is_secret(name) {
        return "(secret)".into();
    }
    if matches!(name, "ip" | "clientipaddress" | "ipaddress" | "ipoverride") {
        return crate::pipeline::shortened(text).into();
    }
    if text.starts_with("http://") || text.starts_with("https://") {
        return address(text);
    }
    if is_told(text) { hidden(text) } else { cut(text).into() }
}

/// What a platform may repeat of an event; numbers in there are ids.
pub(super) fn is_told(text: &str) -> bool {
    page::is_personal_text(text) || text.contains('@')
}

pub(super) fn is_secret(name: &str) -> bool {
    SECRETS.iter().any(|secret| name.contains(secret))
}

/// Where we send to, without what stands in for a password there.
pub(super) fn target(url: &str) -> String {
    let Some((bare, query)) = url.split_once('?') else { return url.to_owned() };
    let shown = query.split('&').map(|pair| match pair.split_once('=') {
        Some((name, _)) if is_secret(&plain(name)) => format!("{name}=(secret)"),
        _ => pair.to_owned(),
    });
    format!("{bare}?{}", shown.collect::<Vec<_>>().join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(value: &Value) -> String {
        incoming(None, value.to_string().as_bytes()).to_string()
    }

    #[test]
    fn structure_is_kept_and_people_are_not() {
        let order = json!({
            "id": 891, "status": "processing", "total": "89.99", "currency": "EUR", "order_key": "wc_order_abc",
            "billing": {"first_name": "Ada", "city": "London", "email": "ada@example.com", "phone": "01512 345678"},
            "line_items": [{"sku": "MUG-1", "quantity": 2, "name": "Card for Ada"}],
            "meta_data": [{"id": 1, "key": "_ttclid", "value": "Ada Lovelace"}],
            "customer_note": "ring at Lovelace",
        });
        let text = shown(&order);
        for seen in ["891", "processing", "89.99", "MUG-1", "first_name", "_ttclid", "order_key"] {
            assert!(text.contains(seen), "{seen}: {text}");
        }
        for not in ["Ada", "London", "example", "345678", "Lovelace", "wc_order_abc"] {
            assert!(!text.contains(not), "{not}: {text}");
        }
    }

    #[test]
    fn people_in_odd_places_are_hidden() {
        for person in
            ["ada@example.com", "+1 (202) 555-0143", "0151/23456789", "+4915123456789", "(202) 555 0143"]
        {
            for value in [
                json!({"event_id": person}),
                json!({"event_name": person, "content_name": format!("for {person}")}),
                json!({"user": person}),
                json!({"consent": person}),
                json!({"consent": {"advertising": person}}),
                json!({"page": {"url": person, "title": person}}),
                json!({person: 1}),
                json!([[person]]),
                json!(person),
            ] {
                let text = shown(&value);
                let digits: String = text.chars().filter(char::is_ascii_digit).collect();
                assert!(
                    !text.contains("ada") && !digits.contains("5550143") && !digits.contains("5123456789"),
                    "{text}"
                );
            }
        }
        assert!(
            !shown(&json!({"phone": 4_915_123_456_789_i64, "x": 4_915_123_456_789_i64})).contains("49151")
        );
        for body in ["ada@example.com,Ada", "{\"email\":\"ada@example.com\"", "\u{1}\u{2}"] {
            assert!(incoming(None, body.as_bytes()).to_string().contains("not_shown"));
        }
    }

    #[test]
    fn numbers_of_phones_and_others() {
        for phone in
            ["0151/23456789", "for (202) 555 0143.", "+4915123456789", "call 030 23125-014 now", "0701740633"]
        {
            assert!(is_phone(phone), "{phone}");
        }
        for id in [
            "0f8fad5b-d9cb-469f-a165-70867728950e",
            "wc_order_12345678",
            "order-2024-001234",
            "1795352335",
            "2026-11-22 14:00:00",
            "1795352335.123",
            "1234567.89",
            "",
            "SONY WH-1000XM5 (2024)",
        ] {
            assert!(!is_phone(id), "{id}");
        }
    }

    #[test]
    fn hashes_ids_and_times_are_shown() {
        let hash = "a".repeat(64);
        let text = shown(&json!({
            "events": [{"event_name": "Purchase", "event_id": "wc_order_12345678", "order_id": "12345678",
                "event_time": 1_795_352_335, "date_created": "2026-11-22T14:00:00"}],
            "user": {"email": hash, "ttclid": "E.C.P.x1"}, "cookies": {"_ttp": "secret-cookie"},
            "page": {"url": "https://shop.example/?utm_source=x&email=a%40b.example&tandem_debug=1.2.3"},
            "consent": {"advertising": "granted"},
        }));
        for seen in [
            "wc_order_12345678",
            "12345678",
            "1795352335",
            &hash,
            "E.C.P.x",
            "utm_source=x",
            "_ttp",
            "granted",
        ] {
            assert!(text.contains(seen), "{seen}: {text}");
        }
        assert!(text.contains("2026-11-22T14"), "{text}");
        for not in ["secret-cookie", "b.example", "tandem_debug"] {
            assert!(!text.contains(not), "{not}: {text}");
        }
    }

    #[test]
    fn requests_of_ours_are_shown_without_secrets_and_full_addresses() {
        let body = json!({"access_token": "s3cret", "data": [{"user": {"ip": "203.0.113.77", "email": "b".repeat(64)}}]});
        let text = outgoing(body.to_string().as_bytes()).to_string();
        assert!(text.contains("203.0.113.0") && text.contains("bbb"), "{text}");
        assert!(!text.contains("s3cret") && !text.contains(".77"), "{text}");
        assert_eq!(
            target("https://x.example/mp?api_secret=abc&id=1"),
            "https://x.example/mp?api_secret=(secret)&id=1"
        );
        assert!(!outgoing(b"no event for ada@example.com").to_string().contains("ada"));
        let form =
            incoming(Some("application/x-www-form-urlencoded"), b"en=purchase&em=ada%40example.com&x=Ada");
        assert_eq!(form["en"], "purchase");
        assert!(!form.to_string().contains("da"), "{form}");
    }
}
