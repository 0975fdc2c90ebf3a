//! Identity against the vectors of the other destinations: what each platform gets out of one set of match keys.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;

use serde_json::Value;
use tandem_core::identity::{MatchKeys, Raw, RawIdentity, hash_identity};
use tandem_core::normalise::{
    Normalised, Reason, address, clicks, country, email, external_id, name, person, phone, state,
};

const FILE: &str = "destination";

fn vectors() -> Vec<Value> {
    let all: Value = serde_json::from_str(include_str!("data/destination-vectors.json")).unwrap();
    all["vectors"].as_array().unwrap().clone()
}

fn of_kind(kind: &str) -> Vec<Value> {
    vectors().into_iter().filter(|v| v["input"]["kind"] == kind).collect()
}

/// Ids such as `destination/email-014` that are believed wrong. One that no vector has fails the test.
fn known_wrong() -> BTreeSet<String> {
    let list: Value = serde_json::from_str(include_str!("known_wrong_vectors.json")).unwrap();
    let vectors = vectors();
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

fn run(vectors: &[Value], check: impl Fn(&Value) -> Result<(), String>) {
    let wrong = known_wrong();
    let mut failures = Vec::new();
    for vector in vectors {
        let id = vector["id"].as_str().unwrap();
        if wrong.contains(id) {
            continue;
        }
        if let Err(failure) = check(vector) {
            let title = vector["title"].as_str().unwrap();
            failures.push(format!("{id} ({}, {title}): {failure}", vector["platform"].as_str().unwrap()));
        }
    }
    assert!(failures.is_empty(), "{} of {} failed:\n{}", failures.len(), vectors.len(), failures.join("\n"));
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, got: T, expected: T) -> Result<(), String> {
    if got == expected { Ok(()) } else { Err(format!("{what}: got {got:?}, expected {expected:?}")) }
}

fn identity(field: &str, raw: &Value, default_country: Option<&str>) -> RawIdentity {
    let one = || Raw::from_json(raw);
    let list = || Raw::list_from_json(raw);
    let mut identity =
        RawIdentity { default_country: default_country.map(str::to_owned), ..RawIdentity::default() };
    match field {
        "email" => identity.email = list(),
        "phone" => identity.phone = list(),
        "external_id" => identity.external_id = list(),
        "first_name" => identity.first_name = one(),
        "last_name" => identity.last_name = one(),
        "city" => identity.city = one(),
        "state" => identity.state = one(),
        "zip_code" => identity.zip_code = one(),
        "country" => identity.country = one(),
        "gender" => identity.gender = one(),
        "date_of_birth" => identity.date_of_birth = one(),
        other => panic!("unknown field {other}"),
    }
    identity
}

/// What the platform gets of the field.
fn wire(platform: &str, field: &str, keys: &MatchKeys) -> Vec<String> {
    let own = |text: &str| text.to_owned();
    let one = |text: Option<&str>| text.map(own).into_iter().collect();
    match (field, platform) {
        ("email", "meta") => keys.emails_meta().map(|e| e.into_owned()).collect(),
        ("email", "google_ads") => keys.emails_google().map(own).collect(),
        ("email", "ga4") => keys.emails_google_dots().map(own).collect(),
        ("email", "microsoft") => keys.emails_microsoft().map(own).collect(),
        ("email", "reddit") => keys.emails_reddit().map(own).collect(),
        ("email", _) => keys.emails().map(own).collect(),
        ("phone", "meta") => keys.phones_meta().map(|p| p.into_owned()).collect(),
        ("phone", "pinterest" | "snapchat") => keys.phones_digits().map(own).collect(),
        ("phone", "tiktok") => keys.phones_tiktok().map(own).collect(),
        ("phone", _) => keys.phones_e164().map(own).collect(),
        ("external_id", _) => keys.external_ids_lower().map(own).collect(),
        ("first_name" | "last_name", platform) => {
            let name = keys.first_name.as_ref().or(keys.last_name.as_ref());
            one(name.map(|n| match platform {
                "ga4" => n.ga4(),
                "google_ads" | "pinterest" | "snapchat" => n.trimmed(),
                _ => &n.sha256,
            }))
        }
        ("zip_code", "pinterest") => one(keys.zip_code.as_ref().and_then(|z| z.digits())),
        ("zip_code", "google_ads") => one(keys.zip_code.as_ref().and_then(|z| z.plain.as_deref())),
        ("zip_code", _) => one(keys.zip_code.as_ref().map(|z| z.sha256.as_str())),
        ("country", "google_ads") => keys.country_code().map(str::to_uppercase).into_iter().collect(),
        ("country", _) => one(keys.country.as_ref().map(|p| p.sha256.as_str())),
        ("city", _) => one(keys.city.as_ref().map(|p| p.sha256.as_str())),
        ("state", _) => one(keys.state.as_ref().map(|p| p.sha256.as_str())),
        ("gender", "pinterest") => one(keys.gender.as_deref()),
        ("gender", _) => one(keys.gender_binary()),
        ("date_of_birth", _) => one(keys.date_of_birth.as_deref()),
        (other, _) => panic!("unknown field {other}"),
    }
}

/// The text the platform's hash is made of; nothing if the value came hashed.
fn hashed_text(
    platform: &str,
    field: &str,
    text: &str,
    region: Option<&str>,
) -> Result<Option<String>, Reason> {
    let base = match field {
        "email" => match (email::normalise(text), email::without_spaces(text)) {
            (Err(_), Some(compact)) if matches!(platform, "google_ads" | "microsoft") => {
                Normalised::Text(compact)
            }
            (found, _) => found?,
        },
        "phone" => phone::normalise(text, region)?,
        "external_id" => external_id::normalise(text)?,
        "first_name" | "last_name" => name::normalise(text)?,
        "city" => address::city(text)?,
        "state" => state::normalise(text)?,
        "zip_code" => address::zip(text)?,
        "country" => country::normalise(text)?,
        "gender" => person::gender(text)?,
        "date_of_birth" => person::date_of_birth(text)?,
        other => panic!("unknown field {other}"),
    };
    let Normalised::Text(base) = base else { return Ok(None) };
    let text = match (field, platform) {
        ("email", "google_ads") => email::google(&base).into_owned(),
        ("email", "ga4") => email::google_dots(&base).into_owned(),
        ("email", "microsoft") => email::microsoft(&base).into_owned(),
        ("email", "reddit") => email::reddit(&base).into_owned(),
        ("phone", "meta" | "pinterest" | "snapchat") => base.trim_start_matches('+').to_owned(),
        ("external_id", _) => external_id::lower(&base).into_owned(),
        ("first_name" | "last_name", "ga4") => name::ga4(&base).map(|t| t.into_owned()).unwrap_or_default(),
        ("first_name" | "last_name", "meta" | "tiktok") => name::compact(&base).into_owned(),
        ("city", _) => address::compact(&base).into_owned(),
        ("state", _) => state::code(&base, None).into_owned(),
        ("zip_code", "google_ads") => base.to_uppercase(),
        ("zip_code", _) => address::zip_short(&base).into_owned(),
        ("country", "google_ads") => base.to_uppercase(),
        _ => base,
    };
    Ok(Some(text))
}

#[test]
fn normalisation_vectors() {
    let vectors = of_kind("normalize");
    assert_eq!(vectors.len(), 125);
    run(&vectors, |vector| {
        let (input, expected) = (&vector["input"], &vector["expected"]);
        let platform = vector["platform"].as_str().unwrap();
        let field = input["field"].as_str().unwrap();
        let region = input["default_country"].as_str();

        let (keys, _) = hash_identity(identity(field, &input["raw"], region));
        let mut sent = wire(platform, field, &keys);
        if expected["action"] == "passthrough" && (field, platform) == ("phone", "snapchat") {
            // Which form a ready hash was made of is unknown; whoever wants it anyway asks for it.
            same("unknown form", sent, Vec::new())?;
            sent = keys.phones_digits_or_given().map(str::to_owned).collect();
        }
        let wanted: Vec<String> = expected["wire"].as_str().map(str::to_owned).into_iter().collect();
        same("wire", sent, wanted)?;

        if matches!(expected["action"].as_str(), Some("hash" | "plain")) {
            let text = match &input["raw"] {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            let found = hashed_text(platform, field, &text, region).map_err(|r| r.to_string())?;
            same("normalized", found.as_deref(), expected["normalized"].as_str())?;
        }
        Ok(())
    });
}

/// Only the ids themselves: Meta's cookies need a clock, and are run through the page's intake.
#[test]
fn click_id_vectors() {
    let vectors: Vec<Value> = of_kind("click_id").into_iter().filter(|v| v["platform"] != "meta").collect();
    assert_eq!(vectors.len(), 10);
    run(&vectors, |vector| {
        let input = &vector["input"];
        let cookies: Vec<(&str, &str)> = input["cookies"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
            .collect();
        let found = clicks::capture(input["page_url"].as_str(), input["referrer"].as_str(), &cookies);
        let ids = &found.click_ids;
        for (field, value) in vector["expected"]["wire"].as_object().unwrap() {
            let got = match (field.as_str(), vector["platform"].as_str().unwrap()) {
                ("click_id", "pinterest") => &ids.epik,
                ("click_id", "reddit") => &ids.rdt_cid,
                ("uuid", _) => &ids.rdt_uuid,
                ("sc_click_id", _) => &ids.sccid,
                ("sc_cookie1", _) => &ids.sc_cookie,
                ("msclkid", _) => &ids.msclkid,
                ("gclid", _) => &ids.gclid,
                ("client_id", "ga4") => &ids.ga_client_id,
                ("LINKEDIN_FIRST_PARTY_ADS_TRACKING_UUID", _) => &ids.li_fat_id,
                (other, _) => panic!("unknown field {other}"),
            };
            same(field, got.as_deref(), value.as_str())?;
        }
        if vector["expected"]["wire"].as_object().unwrap().is_empty() {
            same("nothing", ids.is_empty(), true)?;
        }
        let sets = vector["expected"]["set_cookie"].as_object().unwrap().values().any(Value::is_string);
        same("store", found.stores(), sets)
    });
}

#[test]
fn meta_cookies() {
    for vector in of_kind("fbp") {
        if let Some(cookie) = vector["input"]["cookies"]["_fbp"].as_str() {
            let found = clicks::capture(None, None, &[("_fbp", cookie)]);
            let valid = vector["expected"]["valid"].as_bool().unwrap();
            assert_eq!(found.click_ids.fbp.is_some(), valid, "{}", vector["id"]);
        }
    }
    assert!(clicks::is_meta_cookie("fb.1.1795000000000.IwY2xjawAbC-dEf_GHiJk.AQ"));
    assert!(!clicks::is_meta_cookie("fb.1.abc"));
    let page = clicks::capture(Some("https://a.example/?fbclid=%7B%7Bfbclid%7D%7D"), None, &[]);
    assert_eq!(page.reason("fbclid"), Some(Reason::UnresolvedMacro));
}

#[test]
fn postal_codes_abroad_keep_all_their_digits() {
    let short = |zip: &str| match address::zip(zip) {
        Ok(zip) => address::zip_short(zip.as_str()).into_owned(),
        Err(reason) => reason.to_string(),
    };
    assert_eq!(short("01310-100"), "01310100");
    assert_eq!(short("00-950"), "00950");
    assert_eq!(short("30301–4455"), "30301");
    assert_eq!(short("123 45"), "12345");
}

#[test]
fn states_by_country() {
    let code = |state: &str, country| state::code(state, country).into_owned();
    assert_eq!(code("california", Some("us")), "ca");
    assert_eq!(code("us-ca", Some("us")), "ca");
    assert_eq!(code("québec", Some("ca")), "qc");
    assert_eq!(code("washington", Some("gb")), "washington", "a town near Sunderland");
    assert_eq!(code("nordrhein-westfalen", Some("de")), "nordrheinwestfalen");
}
