//! `[site.reconcile]`: how a site's orders are compared.

use jiff::tz::TimeZone;
use serde::Deserialize;
use tandem_core::reconcile::{Settings, Zone};
use tandem_sources::Source;

use super::Problems;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct SiteReconcile {
    time_zone: Option<String>,
    fetch: bool,
    paid_statuses: Vec<String>,
}

impl SiteReconcile {
    pub(super) fn settings(self, sources: &[Box<dyn Source>], at: &str, problems: &mut Problems) -> Settings {
        let zone = self.time_zone.map(|name| zone(&name).ok_or(name)).transpose().unwrap_or_else(|name| {
            let what = format!("{name:?} is no time zone that this machine knows");
            let remedy = "write a name such as \"Europe/Berlin\", or an offset such as \"+01:00\"";
            problems.add(&format!("{at}.reconcile.time_zone"), &what, remedy);
            None
        });
        Settings {
            zone: zone.unwrap_or_default(),
            fetch: self.fetch,
            paid_statuses: self.paid_statuses,
            other_values: sources.iter().any(|source| !source.reports_totals()),
        }
    }
}

fn zone(name: &str) -> Option<Zone> {
    if name == "UTC" {
        return Some(Zone::default());
    }
    Zone::offset(name).or_else(|| TimeZone::get(name).ok().map(Zone::new))
}
