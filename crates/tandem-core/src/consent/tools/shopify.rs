//! Shopify: JSON with `"1"`, `"0"` or nothing for analytics, marketing, preferences and the sale of data. Not documented.

use serde_json::Value;

use super::{Categories, Jar, Reading, choice, excerpt};

pub(super) fn read(jar: &Jar<'_>, _: &Categories) -> Option<Reading> {
    let json = jar.json("_tracking_consent")?;
    let answers = json.get("con")?.get("CMP")?.as_object()?;
    let word = |name: &str| answers.get(name).and_then(Value::as_str);
    let of = |name: &str| choice(word(name), "1", "0");
    Some(Reading {
        evidence: excerpt(["m", "a", "p", "s"].iter().filter_map(|name| Some((*name, word(name)?)))),
        advertising: of("m"),
        analytics: of("a"),
        functional: of("p"),
        opt_out_of_sale: word("s") == Some("0"),
        ..Reading::default()
    })
}
