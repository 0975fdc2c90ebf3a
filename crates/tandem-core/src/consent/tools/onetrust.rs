//! OneTrust and CookiePro: a query string with `groups=C0001:1,C0004:0`, and a second cookie once the banner is closed.

use url::form_urlencoded;

use super::super::Purpose;
use super::{Answer, Categories, Jar, Reading, Status, excerpt};

pub(super) fn read(jar: &Jar<'_>, categories: &Categories) -> Option<Reading> {
    let text = jar.get("OptanonConsent")?;
    let (mut groups, mut gpc) = (String::new(), false);
    for (name, value) in form_urlencoded::parse(text.as_bytes()) {
        match name.as_ref() {
            "groups" => groups = value.into_owned(),
            "isGpcEnabled" => gpc = value == "1",
            _ => {}
        }
    }
    // Until then the groups hold the shop's presets, and nobody has chosen.
    let closed = jar.get("OptanonAlertBoxClosed");
    let answers =
        || groups.split(',').filter_map(|group| group.split_once(':')).map(|(id, on)| (id, on == "1"));
    let of = |purpose, known: &str| match closed {
        Some(_) => Answer::chosen(categories.status(purpose, &[known], answers())),
        None => Answer::default(),
    };
    let mut evidence = excerpt([("groups", groups.as_str())]);
    evidence.at_ms =
        closed.and_then(|at| at.parse::<jiff::Timestamp>().ok()).map(jiff::Timestamp::as_millisecond);
    let mut advertising = of(Purpose::Advertising, "C0004");
    if gpc && closed.is_some() {
        // The tool saw the browser's signal; our policy: it outweighs the group.
        advertising = Answer::chosen(Status::Denied);
        evidence = excerpt([("isGpcEnabled", "1"), ("groups", &groups)]);
    }
    Some(Reading {
        evidence,
        advertising,
        analytics: of(Purpose::Analytics, "C0002"),
        functional: of(Purpose::Functional, "C0003"),
        ..Reading::default()
    })
}
