//! Cookiebot: a script object, not JSON: `{stamp:'…',necessary:true,marketing:false,method:'explicit',utc:…}`.

use super::{Answer, Categories, Jar, Reading, Status, excerpt};

pub(super) fn read(jar: &Jar<'_>, _: &Categories) -> Option<Reading> {
    let text = jar.decoded("CookieConsent")?;
    let inner = text.trim().trim_start_matches('{').trim_end_matches('}');
    let value = |name: &str| {
        let pairs = inner.split(',').filter_map(|pair| pair.split_once(':'));
        pairs.map(|(n, v)| (n.trim(), v.trim().trim_matches('\''))).find(|(n, _)| *n == name).map(|(_, v)| v)
    };
    // `-1`, as the whole or as the stamp: the visitor is where this shop asks nobody. `0`: not answered.
    if text.trim() == "-1" || value("stamp") == Some("-1") {
        return Some(Reading { evidence: excerpt([("CookieConsent", "-1")]), ..Reading::default() });
    }
    let by_choice = value("method") == Some("explicit");
    let of = |name: &str| match value(name) {
        Some("true") => Answer { status: Status::Granted, by_choice },
        Some("false") => Answer { status: Status::Denied, by_choice },
        _ => Answer::default(),
    };
    let shown = ["marketing", "statistics", "preferences", "method"];
    let mut evidence = excerpt(shown.iter().filter_map(|name| Some((*name, value(name)?))));
    evidence.at_ms = value("utc").and_then(|utc| utc.parse().ok());
    Some(Reading {
        evidence,
        advertising: of("marketing"),
        analytics: of("statistics"),
        functional: of("preferences"),
        ..Reading::default()
    })
}
