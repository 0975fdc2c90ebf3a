//! The configuration file itself.

use tandem_gateway::SiteSetup;
use tandem_sources::browser::listed_word;

use super::Check;
use crate::config::{Problem, Problems};

const NAME: &str = "configuration";

/// A file that cannot be used: each mistake.
pub(super) fn broken(problems: &Problems) -> Vec<Check> {
    problems.0.iter().map(|problem| Check::fail(NAME, seen(problem), problem.remedy.clone())).collect()
}

/// A file that can, and what there is to say about it.
pub(super) fn remarks(remarks: &[Problem]) -> Vec<Check> {
    if remarks.is_empty() {
        return vec![Check::ok(NAME, "no mistakes")];
    }
    remarks.iter().map(|remark| Check::warn(NAME, seen(remark), remark.remedy.clone())).collect()
}

fn seen(problem: &Problem) -> String {
    let at = if problem.path.is_empty() { "the file" } else { &problem.path };
    format!("{at}: {}", problem.what)
}

/// Names that filter lists block on any domain.
pub(super) fn names(setup: &SiteSetup) -> Check {
    let name = "neutral names";
    let Some(pages) = setup.sources.iter().find_map(|source| source.pages()) else {
        return Check::ok(name, "the site has no script on pages");
    };
    let cookie = &pages.settings.cookie;
    match [pages.path.as_str(), cookie].into_iter().find_map(|text| Some((text, listed_word(text)?))) {
        None => Check::ok(name, format!("path {} and cookie {cookie} are on no filter list", pages.path)),
        Some((text, word)) => Check::warn(
            name,
            format!("{text} has {word:?} in it, which filter lists block on any domain"),
            "Choose a name that says nothing; path and cookie are settings of [site.sources.browser].",
        ),
    }
}
