//! Axeptio: JSON with one truth for each vendor, and `$$completed` once the visitor has answered. It has no categories.

use super::{Categories, Jar, Reading, excerpt};

pub(super) fn read(jar: &Jar<'_>, _: &Categories) -> Option<Reading> {
    let json = jar.json("axeptio_cookies")?;
    let map = json.as_object()?;
    let answered = map.get("$$completed")?.as_bool().unwrap_or_default();
    let vendors = map.iter().filter(|(name, _)| answered && !name.starts_with("$$"));
    let vendors: Vec<_> = vendors.filter_map(|(name, yes)| Some((name.clone(), yes.as_bool()?))).collect();
    let mut evidence = excerpt(vendors.iter().map(|(name, yes)| (name, yes.to_string())));
    let date = map.get("$$date").and_then(|date| date.as_str()?.parse::<jiff::Timestamp>().ok());
    evidence.at_ms = date.map(jiff::Timestamp::as_millisecond);
    Some(Reading { evidence, vendors, ..Reading::default() })
}
