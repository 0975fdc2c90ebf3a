//! CookieYes: a list of `name:yes` in one cookie; before version 3 (Cookie Law Info) a cookie for each box.

use super::{Answer, Categories, Jar, Reading, Status, choice, excerpt};

const BOXES: [&str; 3] = [
    "cookielawinfo-checkbox-advertisement",
    "cookielawinfo-checkbox-analytics",
    "cookielawinfo-checkbox-functional",
];

pub(super) fn current(jar: &Jar<'_>, _: &Categories) -> Option<Reading> {
    let text = jar.decoded("cookieyes-consent")?;
    let value = |name: &str| {
        text.split(',').find_map(|pair| pair.split_once(':').filter(|(n, _)| *n == name)).map(|(_, v)| v)
    };
    // Empty until the visitor has answered; the categories may hold presets until then.
    let answered = value("action") == Some("yes");
    let of = |name: &str| choice(value(name).filter(|_| answered), "yes", "no");
    let shown = ["action", "advertisement", "analytics", "functional"];
    Some(Reading {
        evidence: excerpt(shown.iter().filter_map(|name| Some((*name, value(name)?)))),
        advertising: of("advertisement"),
        analytics: of("analytics"),
        functional: of("functional"),
        ..Reading::default()
    })
}

pub(super) fn legacy(jar: &Jar<'_>, _: &Categories) -> Option<Reading> {
    let given: Vec<_> = BOXES.iter().filter_map(|name| Some((*name, jar.get(name)?))).collect();
    if given.is_empty() {
        return None;
    }
    // The boxes hold presets until the banner is answered, and after "reject all" too.
    let answer = jar.get("viewed_cookie_policy");
    let [advertising, analytics, functional]: [Answer; 3] = BOXES.map(|name| match answer {
        Some("yes") => choice(jar.get(name), "yes", "no"),
        Some("no") => Answer::chosen(Status::Denied),
        _ => Answer::default(),
    });
    Some(Reading { evidence: excerpt(given), advertising, analytics, functional, ..Reading::default() })
}
