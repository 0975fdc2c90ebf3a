//! Didomi: base64 JSON with the purposes and vendors agreed to and refused. The ids are each customer's own.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;

use super::{Answer, Categories, Jar, Reading, excerpt};
use crate::consent::Purpose;

const LAX: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Assumed: the ids Didomi's own catalogue has for these purposes, and plain words that customers use.
const ADVERTISING: &[&str] = &[
    "advertising",
    "marketing",
    "create_ads_profile",
    "select_personalized_ads",
    "measure_ad_performance",
    "advertising_personalization",
];
const ANALYTICS: &[&str] = &["analytics", "audience_measurement", "market_research"];
const FUNCTIONAL: &[&str] = &["functional", "preferences"];

pub(super) fn read(jar: &Jar<'_>, categories: &Categories) -> Option<Reading> {
    let json: Value = serde_json::from_slice(&LAX.decode(jar.decoded("didomi_token")?).ok()?).ok()?;
    let purposes = answers(json.get("purposes")?);
    let vendors = json.get("vendors").map(answers).unwrap_or_default();
    let of = |purpose, known| {
        Answer::chosen(categories.status(
            purpose,
            known,
            purposes.iter().map(|(id, yes)| (id.as_str(), *yes)),
        ))
    };
    let named = |answers: &[(String, bool)], yes: bool| {
        let ids: Vec<_> = answers.iter().filter(|(_, y)| *y == yes).map(|(id, _)| id.as_str()).collect();
        ids.join(",")
    };
    let mut evidence = excerpt([("enabled", named(&purposes, true)), ("disabled", named(&purposes, false))]);
    let updated = json.get("updated").and_then(|at| at.as_str()?.parse::<jiff::Timestamp>().ok());
    evidence.at_ms = updated.map(jiff::Timestamp::as_millisecond);
    Some(Reading {
        evidence,
        advertising: of(Purpose::Advertising, ADVERTISING),
        analytics: of(Purpose::Analytics, ANALYTICS),
        functional: of(Purpose::Functional, FUNCTIONAL),
        vendors,
        ..Reading::default()
    })
}

/// `{ "enabled": […], "disabled": […] }`.
fn answers(value: &Value) -> Vec<(String, bool)> {
    let list = |name: &'static str, yes: bool| {
        let ids = value.get(name).and_then(Value::as_array).into_iter().flatten();
        ids.filter_map(move |id| Some((id.as_str()?.to_owned(), yes)))
    };
    list("enabled", true).chain(list("disabled", false)).collect()
}
