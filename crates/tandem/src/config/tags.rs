//! Checks of the ways in that are found by what a request looks like.

use tandem_gateway::SiteSetup;
use tandem_sources::{ON_PAGES, Source};

use super::{Problem, Problems};

/// Source, setting and value of everything that makes a request this site's.
pub(super) fn marks(setup: &SiteSetup) -> Vec<(&'static str, &'static str, String)> {
    let of = |source: &dyn Source| {
        let marks = source.tag().map(|tag| tag.marks()).unwrap_or_default();
        marks.into_iter().map(|(setting, mark)| (source.name(), setting, mark)).collect::<Vec<_>>()
    };
    setup.sources.iter().flat_map(|source| of(source.as_ref())).collect()
}

/// A source that nothing can reach.
pub(super) fn check(sources: &[Box<dyn Source>], at: &str, problems: &mut Problems) {
    for source in sources.iter().filter(|source| source.tag().is_some_and(|tag| tag.marks().is_empty())) {
        let remedy = "name what tells its requests from others': hosts, or measurement_ids; see tandem check --example";
        problems.add(
            &format!("{at}.sources.{}", source.name()),
            "nothing makes a request this site's",
            remedy,
        );
    }
}

/// Several ways in on the same pages report the same actions.
pub(super) fn remarks(sites: &[SiteSetup]) -> Vec<Problem> {
    let remark = |(i, setup): (usize, &SiteSetup)| {
        let names = ON_PAGES.iter().filter(|name| setup.sources.iter().any(|source| source.name() == **name));
        let names: Vec<&str> = names.copied().collect();
        let (first, others) = names.split_first()?;
        (!others.is_empty()).then(|| Problem {
            path: format!("site[{i}].sources"),
            what: format!("{} report the same pages", names.join(" and ")),
            remedy: format!(
                "{first} counts; an event of {} without an event_id of its own is kept and not sent (docs/ga4.md)",
                others.join(" or ")
            ),
        })
    };
    sites.iter().enumerate().filter_map(remark).collect()
}
