//! Identity against the TikTok vectors, kinds `normalize` and `capture`, and the properties that hold for any input.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::Value;
use tandem_core::identity::{MatchKeys, Raw, RawIdentity, hash_identity};
use tandem_core::normalise::{
    Normalised, Reason, address, clicks, country, email, external_id, name, net, person, phone, state,
};

const FILE: &str = "tiktok";

fn vectors(kind: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(include_str!("data/tiktok-vectors.json")).unwrap();
    let of_kind = |v: &&Value| v["input"]["kind"] == kind;
    all["vectors"].as_array().unwrap().iter().filter(of_kind).cloned().collect()
}

/// Ids such as `tiktok/email-001` that are believed wrong. One that no vector has fails the test.
fn known_wrong(vectors: &[Value]) -> BTreeSet<String> {
    let list: Value = serde_json::from_str(include_str!("known_wrong_vectors.json")).unwrap();
    let mut wrong = BTreeSet::new();
    for entry in list.as_array().unwrap() {
        let (file, id) = entry["id"].as_str().unwrap().split_once('/').expect("an id is <file>/<vector>");
        assert!(!entry["reason"].as_str().unwrap().is_empty());
        assert!(matches!(file, "tiktok" | "destination"), "unknown file {file}");
        if file == FILE {
            assert!(vectors.iter().any(|v| v["id"] == id), "unknown vector {file}/{id}");
            wrong.insert(id.to_owned());
        }
    }
    wrong
}

/// Runs the check on every vector and reports all failures together.
fn run(vectors: &[Value], check: impl Fn(&Value) -> Result<(), String>) {
    let wrong = known_wrong(
        &self::vectors("normalize").into_iter().chain(self::vectors("capture")).collect::<Vec<_>>(),
    );
    let mut failures = Vec::new();
    for vector in vectors {
        let id = vector["id"].as_str().unwrap();
        if wrong.contains(id) {
            continue;
        }
        if let Err(failure) = check(vector) {
            failures.push(format!("{id} ({}): {failure}", vector["title"].as_str().unwrap()));
        }
    }
    assert!(failures.is_empty(), "{} of {} failed:\n{}", failures.len(), vectors.len(), failures.join("\n"));
}

/// One value through the normaliser of its field: the canonical texts TikTok hashes or takes plain.
fn normalise_one(field: &str, text: &str, input: &Value) -> Result<Vec<String>, Reason> {
    let own = |value: Normalised| value.as_str().to_owned();
    let text = match field {
        "email" => own(email::normalise(text)?),
        "phone" => {
            let e164 = own(phone::normalise(text, input["context"]["default_country"].as_str())?);
            let china = phone::china_national(&e164).map(str::to_owned);
            return Ok([e164].into_iter().chain(china).collect());
        }
        "external_id" => own(external_id::normalise(text)?),
        "first_name" | "last_name" => name::compact(&own(name::normalise(text)?)).into_owned(),
        "zip_code" => address::zip_nodash(&own(address::zip(text)?)).into_owned(),
        "city" => address::plain(&own(address::city(text)?)).into_owned(),
        "state" => address::plain(&own(state::normalise(text)?)).into_owned(),
        "country" => own(country::normalise(text)?),
        "ip" => net::client_ip(text, &trusted(input))?,
        "user_agent" => net::user_agent(text)?,
        "locale" => net::locale(text)?,
        other => panic!("unknown field {other}"),
    };
    Ok(vec![text])
}

fn trusted(input: &Value) -> Vec<ipnet::IpNet> {
    let list = input["context"]["trusted_proxies"].as_array();
    list.into_iter().flatten().map(|net| net.as_str().unwrap().parse().unwrap()).collect()
}

fn identity(field: &str, raw: &Value, input: &Value) -> RawIdentity {
    let one = || Raw::from_json(raw);
    let list = || Raw::list_from_json(raw);
    let mut identity = RawIdentity {
        default_country: input["context"]["default_country"].as_str().map(str::to_owned),
        ..RawIdentity::default()
    };
    match field {
        "email" => identity.email = list(),
        "phone" => identity.phone = list(),
        "external_id" => identity.external_id = list(),
        "first_name" => identity.first_name = one(),
        "last_name" => identity.last_name = one(),
        "zip_code" => identity.zip_code = one(),
        "city" => identity.city = one(),
        "state" => identity.state = one(),
        "country" => identity.country = one(),
        // The chain is taken apart where the request comes in, before the identity is put together.
        "ip" => identity.ip = net::client_ip(raw.as_str().unwrap(), &trusted(input)).ok().map(Raw::new),
        "user_agent" => identity.user_agent = one(),
        "locale" => identity.locale = one(),
        other => panic!("unknown field {other}"),
    }
    identity
}

/// What TikTok gets of the field.
fn wire(field: &str, keys: &MatchKeys) -> Vec<String> {
    let own = |text: &str| text.to_owned();
    let one = |text: Option<&str>| text.map(own).into_iter().collect();
    match field {
        "email" => keys.emails().map(own).collect(),
        "phone" => keys.phones_tiktok().map(own).collect(),
        "external_id" => keys.external_ids().map(own).collect(),
        "first_name" => one(keys.first_name.as_ref().map(|n| n.sha256.as_str())),
        "last_name" => one(keys.last_name.as_ref().map(|n| n.sha256.as_str())),
        "zip_code" => one(keys.zip_code.as_ref().map(|z| z.nodash())),
        "city" => one(keys.city.as_ref().and_then(|p| p.plain.as_deref())),
        "state" => one(keys.state.as_ref().and_then(|p| p.plain.as_deref())),
        "country" => one(keys.country_code()),
        "ip" => one(keys.ip.as_deref()),
        "user_agent" => one(keys.user_agent.as_deref()),
        "locale" => one(keys.locale.as_deref()),
        other => panic!("unknown field {other}"),
    }
}

/// A text or a list of texts; null is an empty list.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(list) => list.iter().flat_map(texts).collect(),
        Value::String(text) => vec![text.clone()],
        _ => Vec::new(),
    }
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, got: T, expected: T) -> Result<(), String> {
    if got == expected { Ok(()) } else { Err(format!("{what}: got {got:?}, expected {expected:?}")) }
}

fn check_normalise(vector: &Value) -> Result<(), String> {
    let (input, expected) = (&vector["input"], &vector["expected"]);
    let field = input["field"].as_str().unwrap();
    let raw = &input["raw"];

    let mut normalised: Vec<String> = Vec::new();
    let mut reasons = Vec::new();
    let parts: Vec<Value> = raw.as_array().cloned().unwrap_or_else(|| vec![raw.clone()]);
    for part in &parts {
        let text = match part {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => String::new(),
        };
        match normalise_one(field, &text, input) {
            Ok(found) => {
                for text in found {
                    if !normalised.contains(&text) {
                        normalised.push(text);
                    }
                }
            }
            Err(reason) => reasons.push(reason.as_str()),
        }
    }
    if !expected["normalized"].is_null() {
        same("normalized", normalised, texts(&expected["normalized"]))?;
    }
    if let Some(reason) = expected["reason"].as_str() {
        same("reason", reasons.first().copied(), Some(reason))?;
    }

    let (keys, findings) = hash_identity(identity(field, raw, input));
    let sent = wire(field, &keys);
    same("wire", &sent, &texts(&expected["wire"]))?;
    for forbidden in texts(&expected["must_not_equal"]) {
        if sent.contains(&forbidden) {
            return Err("sends a forbidden value".into());
        }
    }
    let passed = keys.email.iter().any(|e| e.prehashed && e.sha256.is_some())
        || keys.phone.iter().any(|p| p.prehashed)
        || keys.external_id.iter().any(|i| i.prehashed);
    same("already hashed", passed, expected["action"] == "passthrough")?;
    if expected["action"] == "omit" && field != "ip" {
        let silent = expected["reason"] == "empty";
        same("finding", findings.is_empty(), silent)?;
    }
    Ok(())
}

#[test]
fn normalize_vectors() {
    let vectors = vectors("normalize");
    assert!(vectors.len() > 90, "only {} vectors", vectors.len());
    run(&vectors, check_normalise);
}

#[test]
fn capture_vectors() {
    let vectors = vectors("capture");
    assert_eq!(vectors.len(), 15);
    run(&vectors, |vector| {
        let (input, expected) = (&vector["input"], &vector["expected"]);
        let cookies: Vec<(&str, &str)> = input["cookies"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
            .collect();
        let found = clicks::capture(input["url"].as_str(), input["referrer"].as_str(), &cookies);
        if let Some(ttclid) = expected.get("ttclid") {
            same("ttclid", found.click_ids.ttclid.as_deref(), ttclid.as_str())?;
            same("reason", found.reason("ttclid").map(Reason::as_str), expected["reason"].as_str())?;
        }
        if let Some(ttp) = expected.get("ttp") {
            same("ttp", found.click_ids.ttp.as_deref(), ttp.as_str())?;
        }
        if let Some(store) = expected["store"].as_bool() {
            same("store", found.stores(), store)?;
        }
        Ok(())
    });
}

#[test]
fn findings_name_field_and_code_and_never_the_value() {
    let raw = RawIdentity {
        email: vec![Raw::new("fine@shop.example"), Raw::new("broken-address"), Raw::new("  ")],
        phone: vec![Raw::new("213 373 4253")],
        external_id: vec![Raw::new("0")],
        ip: Some(Raw::new("10.0.0.5")),
        user_agent: Some(Raw::new("WordPress/6.8; https://shop.example")),
        ..RawIdentity::default()
    };
    let (keys, findings) = hash_identity(raw);
    let got: Vec<_> = findings.iter().map(|f| (f.code.as_ref(), f.field.as_deref().unwrap())).collect();
    assert_eq!(
        got,
        [
            ("email_invalid", "email[1]"),
            ("phone_no_country", "phone[0]"),
            ("external_id_guest", "external_id[0]"),
            ("ip_not_public", "ip"),
            ("user_agent_server", "user_agent"),
        ]
    );
    let text = serde_json::to_string(&findings).unwrap();
    for value in ["broken", "213", "10.0", "WordPress/6"] {
        assert!(!text.contains(value), "{value} in {text}");
    }
    assert_eq!(keys.present(), ["email"]);
}

#[test]
fn the_country_of_the_address_reads_a_national_number() {
    let with = |default: Option<&str>, country: &str| {
        let raw = RawIdentity {
            phone: vec![Raw::new("(213) 373-4253")],
            country: Some(Raw::new(country)),
            default_country: default.map(str::to_owned),
            ..RawIdentity::default()
        };
        hash_identity(raw).0.phone.len()
    };
    assert_eq!(with(None, "US"), 1);
    assert_eq!(with(None, "United States"), 1);
    assert_eq!(with(None, "Atlantis"), 0);
    assert_eq!(with(Some("US"), "DE"), 1);
    assert_eq!(with(Some("ZZ"), "US"), 0);
}

#[test]
fn a_plain_value_replaces_the_same_value_that_came_hashed() {
    let hash = "848a771458438fc2ec420560d769fb9b9b86851ee338ec56517baabd79d3bb4f";
    let raw = RawIdentity {
        email: vec![Raw::new(hash), Raw::new("alice_abc@gmail.com")],
        ..RawIdentity::default()
    };
    let (keys, _) = hash_identity(raw);
    assert_eq!(keys.email.len(), 1);
    assert!(!keys.email[0].prehashed);
}

#[test]
fn stored_form_is_small_and_reads_back() {
    let (keys, findings) = hash_identity(order());
    assert_eq!(findings, []);
    let json = serde_json::to_value(&keys).unwrap();
    assert_eq!(json["email"][0].as_object().unwrap().len(), 1, "a plain address has no variants: {json}");
    assert_eq!(json["ttclid"], "E.C.P.abc");
    assert_eq!(serde_json::from_value::<MatchKeys>(json).unwrap(), keys);
    let mut nobody = keys;
    nobody.anonymise();
    assert_eq!(nobody.present(), ["country", "locale"]);
    assert!(MatchKeys::default().is_empty());
    assert_eq!(serde_json::to_string(&MatchKeys::default()).unwrap(), "{}");
}

#[test]
fn phone_oddities() {
    let read = |text: &str, region: Option<&str>| {
        phone::normalise(text, region).map(|n| n.as_str().to_owned()).map_err(Reason::as_str)
    };
    let ok = |text: &str, region, e164: &str| assert_eq!(read(text, region).as_deref(), Ok(e164), "{text}");
    ok("+39 (0)6 698 12345", None, "+390669812345");
    ok("tel:+49-30-901820", None, "+4930901820");
    ok("+44 (0) 7911 123456", Some("GB"), "+447911123456");
    ok("213.373.4253 x12", Some("us"), "+12133734253");
    ok("011 44 7911 123456", Some("US"), "+447911123456");
    ok("00447911123456", Some("US"), "+447911123456");
    ok("00447911123456", None, "+447911123456");
    ok("\u{202a}+49 30 901820\u{202c}", None, "+4930901820");
    ok("+1 868 291 1234", None, "+18682911234");
    ok("+7 701 234 5678", None, "+77012345678");
    ok("+7 812 345-67-89", None, "+78123456789");
    ok("8 (812) 345-67-89", Some("RU"), "+78123456789");
    ok("8-800-555-35-35", Some("RU"), "+78005553535");
    ok("49 30 901820", Some("DE"), "+4930901820");
    ok("0 15 11 96123-4567", Some("BR"), "+5511961234567");
    ok("010 49 30 901820", Some("JP"), "+4930901820");
    ok("291-1234", Some("TT"), "+18682911234");
    for text in [
        "xxx",
        "+",
        "++49 30 901820",
        "12+34567890",
        "030 901820 oder 030 901821",
        "+49",
        "+39 0236618300000",
    ] {
        assert_eq!(read(text, Some("DE")), Err("invalid_phone"), "{text}");
    }
    assert_eq!(read("22222222", Some("DK")), Err("invalid_phone"), "one digit only");
}

#[test]
fn more_addresses() {
    let ip = |text: &str| net::public_ip(text).map_err(Reason::as_str);
    assert_eq!(ip("[2001:db8::1]:443").as_deref(), Ok("2001:db8::1"));
    assert_eq!(ip("2A00:1450:4001:800::200E").as_deref(), Ok("2A00:1450:4001:800::200E"));
    for local in
        ["100.64.0.1", "169.254.1.1", "192.168.1.1", "fe80::1%eth0", "fd00::1", "::1", "::", "0.0.0.0"]
    {
        assert_eq!(ip(local), Err("not_public"), "{local}");
    }
    for broken in ["unknown", "1.2.3", "1.2.3.4.5", "203.0.113.7:http", "https://shop.example"] {
        assert_eq!(ip(broken), Err("invalid_ip"), "{broken}");
    }
    let nets = ["10.0.0.0/8".parse().unwrap(), "2001:db8::/32".parse().unwrap()];
    let client = |chain: &str| net::client_ip(chain, &nets).map_err(Reason::as_str);
    assert_eq!(
        client("1.1.1.1, 198.51.100.4, 10.0.0.2").as_deref(),
        Ok("198.51.100.4"),
        "left ones are claims"
    );
    assert_eq!(client("198.51.100.4, ::ffff:10.0.0.2, [2001:db8::5]:80").as_deref(), Ok("198.51.100.4"));
    assert_eq!(client("10.0.0.1, 10.0.0.2"), Err("not_public"));
    assert_eq!(client("198.51.100.4, unknown, 10.0.0.2"), Err("invalid_ip"));
    assert_eq!(client(" , "), Err("empty"));
}

#[test]
fn languages_and_agents() {
    let locale = |text: &str| net::locale(text).map_err(Reason::as_str);
    assert_eq!(locale("de_DE.UTF-8").as_deref(), Ok("de-DE"));
    assert_eq!(locale("de-DE,de;q=0.9,en;q=0.8").as_deref(), Ok("de-DE"));
    assert_eq!(locale("zh-Hant-TW").as_deref(), Ok("zh-Hant-TW"));
    assert_eq!(locale("C"), Err("invalid_locale"));
    for agent in
        ["WooCommerce/9.8 Hookshot (WordPress/6.8)", "curl/8.5", "python-requests/2", "Go-http-client/2.0"]
    {
        assert_eq!(net::user_agent(agent), Err(Reason::ServerUa), "{agent}");
    }
    assert_eq!(net::user_agent(" "), Err(Reason::Empty));
}

fn order() -> RawIdentity {
    let one = |text: &str| Some(Raw::new(text));
    RawIdentity {
        email: vec![Raw::new("greta@beispiel.example")],
        phone: vec![Raw::new("+49 30 901820")],
        external_id: vec![Raw::new("4711")],
        first_name: one("Greta"),
        last_name: one("Thomsen"),
        street: one("Hauptstr. 5"),
        city: one("Berlin"),
        state: one("Berlin"),
        zip_code: one("10115"),
        country: one("DE"),
        ip: one("203.0.113.7"),
        user_agent: one("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X)"),
        locale: one("de-DE"),
        click_ids: clicks::from_url("/?utm_source=x&ttclid=E.C.P.abc"),
        ..RawIdentity::default()
    }
}

/// Text of the kinds that break normalisers.
fn nasty() -> impl Strategy<Value = String> {
    prop_oneof![
        ".*",
        "[ \u{a0}\u{feff}]{0,2}[a-zA-ZÀ-ž0-9.+_@'* -]{0,40}[ \u{200b}]{0,2}",
        "[+0-9() x./-]{0,24}",
        "[0-9a-fA-F]{62,66}",
        "[0-9]{1,4}[-/.][0-9]{1,4}[-/.][0-9]{1,4}",
    ]
}

fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// Every hash in the keys, through every accessor.
fn hashes(keys: &MatchKeys) -> Vec<String> {
    let mut all: Vec<&str> = Vec::new();
    all.extend(keys.emails().chain(keys.emails_google()).chain(keys.emails_google_dots()));
    all.extend(keys.emails_microsoft().chain(keys.emails_reddit()));
    all.extend(keys.phones_tiktok().chain(keys.phones_digits()).chain(keys.phones_digits_or_given()));
    all.extend(keys.external_ids().chain(keys.external_ids_lower()));
    for name in [&keys.first_name, &keys.last_name].into_iter().flatten() {
        all.extend([name.sha256.as_str(), name.trimmed(), name.ga4()]);
    }
    for place in [&keys.city, &keys.state, &keys.country].into_iter().flatten() {
        all.push(&place.sha256);
    }
    if let Some(zip) = &keys.zip_code {
        all.extend([zip.sha256.as_str(), zip.nodash()]);
        all.extend(zip.digits());
    }
    all.extend([&keys.street, &keys.gender, &keys.date_of_birth].into_iter().flatten().map(String::as_str));
    all.into_iter().map(str::to_owned).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn normalising_twice_changes_nothing(text in nasty()) {
        let again = |once: Result<Normalised, Reason>, f: &dyn Fn(&str) -> Result<Normalised, Reason>| {
            if let Ok(once) = once {
                let twice = f(once.as_str());
                prop_assert_eq!(twice.as_ref().map(Normalised::as_str).map_err(|r| *r), Ok(once.as_str()));
            }
            Ok(())
        };
        again(email::normalise(&text), &email::normalise)?;
        again(phone::normalise(&text, Some("DE")), &|t| phone::normalise(t, None))?;
        again(phone::normalise(&text, Some("US")), &|t| phone::normalise(t, None))?;
        again(external_id::normalise(&text), &external_id::normalise)?;
        again(name::normalise(&text), &name::normalise)?;
        again(name::street(&text), &name::street)?;
        again(address::city(&text), &address::city)?;
        again(address::zip(&text), &address::zip)?;
        again(country::normalise(&text), &country::normalise)?;
        again(person::gender(&text), &person::gender)?;
        again(person::date_of_birth(&text), &person::date_of_birth)?;
        if let Ok(agent) = net::user_agent(&text) {
            prop_assert_eq!(net::user_agent(&agent), Ok(agent.clone()));
        }
        if let Ok(locale) = net::locale(&text) {
            prop_assert_eq!(net::locale(&locale), Ok(locale.clone()));
        }
    }

    #[test]
    fn any_text_anywhere_gives_hashes_or_nothing(texts in prop::collection::vec(nasty(), 14), region in "[A-Z]{2}|.{0,3}") {
        let one = |i: usize| Some(Raw::new(texts[i].as_str()));
        let mut raw = RawIdentity {
            email: vec![Raw::new(texts[0].as_str()), Raw::new(texts[1].as_str())],
            phone: vec![Raw::new(texts[2].as_str()), Raw::new(texts[1].as_str())],
            external_id: vec![Raw::new(texts[3].as_str())],
            first_name: one(4), last_name: one(5), street: one(6), city: one(7), state: one(8), zip_code: one(9),
            country: one(10), gender: one(11), date_of_birth: one(12), ip: one(13), user_agent: one(0),
            locale: one(1), default_country: Some(region), ..RawIdentity::default()
        };
        raw.click_ids.ttclid = Some(texts[2].clone());
        raw.click_ids.msclkid = Some(texts[3].clone());
        raw.click_ids.fbc = Some(texts[4].clone());
        let (keys, _) = hash_identity(raw);
        for hash in hashes(&keys) {
            prop_assert!(is_hash(&hash), "{}", hash);
        }
        let json = serde_json::to_string(&keys).unwrap();
        prop_assert_eq!(serde_json::from_str::<MatchKeys>(&json).unwrap(), keys);
    }

    #[test]
    fn no_raw_value_comes_out(local in "[g-z]{3}[a-zA-Z0-9.+_-]{2,12}", domain in "[g-z]{4,12}\\.example", number in "15[1-9][0-9]{8}") {
        let address = format!("{local}@{domain}");
        let raw = RawIdentity {
            email: vec![Raw::new(address.as_str()), Raw::new(format!("x {address}"))],
            phone: vec![Raw::new(format!("+49{number}")), Raw::new(format!("0{number}"))],
            ..RawIdentity::default()
        };
        let (keys, findings) = hash_identity(raw);
        for text in [format!("{keys:?}"), serde_json::to_string(&keys).unwrap(), format!("{findings:?}")] {
            let lower = text.to_lowercase();
            prop_assert!(!lower.contains(&domain), "{}", text);
            prop_assert!(!lower.contains(&local.to_lowercase()), "{}", text);
            prop_assert!(!lower.contains(&number), "{}", text);
        }
    }

    #[test]
    fn any_url_can_be_read(url in ".*", referrer in "(https://shop.example/)?\\?(ttclid|ScCid|fbclid)=.*", cookie in ".*") {
        let found = clicks::capture(Some(&url), Some(&referrer), &[("_fbc", &cookie), ("_gcl_aw", &cookie), ("_rdt_uuid", &cookie)]);
        let direct = clicks::from_url(&referrer);
        for (_, value) in found.click_ids.iter().chain(direct.iter()) {
            prop_assert!(!value.is_empty() && value.chars().count() <= clicks::MAX_CHARS);
            prop_assert!(!value.contains(char::is_control));
        }
    }
}
