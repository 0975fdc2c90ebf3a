//! Borlabs Cookie: JSON with the ids of the services agreed to, by category. What is not listed was not agreed to.

use serde_json::Value;

use super::{Answer, Categories, Jar, Reading, Status, excerpt};
use crate::consent::Purpose;

pub(super) fn read(jar: &Jar<'_>, categories: &Categories) -> Option<Reading> {
    let json = jar.json("borlabs-cookie")?;
    let consents = json.get("consents")?.as_object()?;
    let services = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(|id| id.as_str().map(str::to_owned)).collect()
    };
    let answers = || consents.iter().map(|(category, list)| (category.as_str(), !services(list).is_empty()));
    let of = |purpose, known: &[&str]| {
        let status = categories.status(purpose, known, answers());
        Answer::chosen(if status == Status::Unknown { Status::Denied } else { status })
    };
    let listed = consents.iter().filter(|(name, _)| name.as_str() != "essential");
    Some(Reading {
        evidence: excerpt(listed.map(|(name, list)| (name, services(list).join(",")))),
        advertising: of(Purpose::Advertising, &["marketing", "advertising"]),
        analytics: of(Purpose::Analytics, &["statistics"]),
        functional: of(Purpose::Functional, &["preferences", "functional", "external-media"]),
        vendors: consents.values().flat_map(services).map(|id| (id, true)).collect(),
        ..Reading::default()
    })
}
