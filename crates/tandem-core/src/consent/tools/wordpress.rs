//! WordPress: the WP Consent API, which most tools there can feed, and Complianz. One cookie a category, `allow` or `deny`;
//! `functional` there is what a shop cannot do without, which nobody asks about.

use super::{Answer, Categories, Jar, Reading, choice, excerpt};

pub(super) fn consent_api(jar: &Jar<'_>, _: &Categories) -> Option<Reading> {
    by_category(jar, ["wp_consent_marketing", "wp_consent_statistics", "wp_consent_preferences"])
}

pub(super) fn complianz(jar: &Jar<'_>, _: &Categories) -> Option<Reading> {
    by_category(jar, ["cmplz_marketing", "cmplz_statistics", "cmplz_preferences"])
        // The main site of several under one WordPress.
        .or_else(|| by_category(jar, ["cmplz_rt_marketing", "cmplz_rt_statistics", "cmplz_rt_preferences"]))
}

fn by_category(jar: &Jar<'_>, names: [&str; 3]) -> Option<Reading> {
    let given: Vec<_> = names.iter().filter_map(|name| Some((*name, jar.get(name)?))).collect();
    if given.is_empty() {
        return None;
    }
    let [advertising, analytics, functional]: [Answer; 3] =
        names.map(|name| choice(jar.get(name), "allow", "deny"));
    Some(Reading { evidence: excerpt(given), advertising, analytics, functional, ..Reading::default() })
}
