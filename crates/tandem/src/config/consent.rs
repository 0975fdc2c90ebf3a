//! What the file says of consent: one table for the site, one more for a destination that differs.

use std::sync::Arc;

use serde::Deserialize;
use tandem_core::consent::{
    Categories, Gate, Gates, Gpc, OnDenied, OnUnknown, Policy, Purpose, VendorNames, region,
};
use tandem_destinations::Definition;

use super::problems::Problems;

/// `[site.consent]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct SiteConsent {
    on_unknown: OnUnknown,
    opt_in_regions: Vec<String>,
    gpc: Gpc,
    limit_in: Vec<String>,
    accept_defaults: bool,
    categories: Categories,
}

/// `[site.destinations.<name>.consent]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct DestinationConsent {
    requires: Option<Vec<Purpose>>,
    on_denied: OnDenied,
    on_unknown: Option<OnUnknown>,
    vendors: Vec<String>,
    tcf_vendor: Option<u16>,
}

/// The rules of a site and of each of its destinations. `at` is the site's path in the file.
pub(super) fn rules(
    site: SiteConsent,
    destinations: Vec<(&'static Definition, DestinationConsent)>,
    at: &str,
    problems: &mut Problems,
) -> (Arc<Policy>, Gates) {
    for (name, regions) in [("opt_in_regions", &site.opt_in_regions), ("limit_in", &site.limit_in)] {
        for given in regions {
            let (country, state) =
                given.split_once('-').map_or((given.as_str(), None), |(c, s)| (c, Some(s)));
            if region(Some(country), state).as_ref() != Some(given) {
                let remedy = "write a country as \"BR\", a state as \"US-CA\"";
                problems.add(&format!("{at}.consent.{name}"), &format!("{given:?} is no region"), remedy);
            }
        }
    }
    let names = |(definition, own): &(&Definition, DestinationConsent)| VendorNames {
        platform: definition.name.to_owned(),
        names: definition
            .consent_names
            .iter()
            .map(|&n| n.to_owned())
            .chain(own.vendors.iter().cloned())
            .collect(),
        tcf: own.tcf_vendor.or(definition.tcf_vendor),
    };
    let policy = Arc::new(Policy {
        opt_in_regions: site.opt_in_regions,
        gpc: site.gpc,
        limit_in: site.limit_in,
        accept_defaults: site.accept_defaults,
        categories: site.categories,
        vendors: destinations.iter().map(names).collect(),
    });
    if destinations.is_empty() {
        return (policy, Gates::advertising(site.on_unknown));
    }
    let gates = destinations.into_iter().map(|(definition, own)| {
        let requires = own.requires.unwrap_or_else(|| definition.requires.to_vec());
        if requires.is_empty() {
            let path = format!("{at}.destinations.{}.consent.requires", definition.name);
            let remedy = "name at least one of advertising, analytics and functional";
            problems.add(&path, "an empty list would send whatever the visitor says", remedy);
        }
        Gate {
            platform: definition.name.into(),
            requires,
            on_denied: own.on_denied,
            on_unknown: own.on_unknown.unwrap_or(site.on_unknown),
            policy: policy.clone(),
        }
    });
    let gates = Gates(gates.collect());
    (policy, gates)
}
