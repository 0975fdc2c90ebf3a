//! Many signals, one record: a visitor's choice outweighs a preset, and one refusal outweighs any number of grants.

use std::collections::BTreeMap;

use super::{Consent, Evidence, GPC, MOST_RESTRICTIVE, Policy, Purpose, Status, consent_mode, tcf, tools};

/// What one signal says of one purpose.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Answer {
    /// Yes, no, or nothing.
    pub status: Status,
    /// The visitor chose it; else it is a preset of the shop's tool.
    pub by_choice: bool,
}

impl Answer {
    /// The visitor's choice, unless there is none.
    #[must_use]
    pub fn chosen(status: Status) -> Self {
        Self { status, by_choice: status != Status::Unknown }
    }

    /// Who outweighs whom: a chosen no, a chosen yes, a preset no, a preset yes, silence. From 3 on it is a choice.
    pub(super) fn weight(self) -> u8 {
        match (self.status, self.by_choice) {
            (Status::Denied, true) => 4,
            (Status::Granted, true) => 3,
            (Status::Denied, false) => 2,
            (Status::Granted, false) => 1,
            (Status::Unknown, _) => 0,
        }
    }
}

/// What one signal says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reading {
    /// Which, and its raw value.
    pub evidence: Evidence,
    /// Of advertising.
    pub advertising: Answer,
    /// Of statistics.
    pub analytics: Answer,
    /// Of comfort.
    pub functional: Answer,
    /// Of single vendors, by the tool's own ids.
    pub vendors: Vec<(String, bool)>,
    /// A US opt-out of sale or sharing.
    pub opt_out_of_sale: bool,
}

impl Reading {
    /// A plain word on every purpose it names.
    #[must_use]
    pub fn chosen(evidence: Evidence, advertising: Status, analytics: Status, functional: Status) -> Self {
        let [advertising, analytics, functional] = [advertising, analytics, functional].map(Answer::chosen);
        Self { evidence, advertising, analytics, functional, ..Self::default() }
    }

    /// Whether a tool says yes or no with it.
    #[must_use]
    pub fn is_word(text: &str) -> bool {
        ["true", "false", "allow", "deny", "yes", "no", "granted", "denied", "1", "0"].contains(&text)
    }

    fn of(&self, purpose: Purpose) -> Answer {
        match purpose {
            Purpose::Advertising => self.advertising,
            Purpose::Analytics => self.analytics,
            Purpose::Functional => self.functional,
        }
    }
}

/// The signals that came with one event.
#[derive(Debug, Clone, Default)]
pub struct Signals<'a> {
    /// Words that came decoded: the page's own, an order's, a tag manager's `consent_state`.
    pub words: Vec<Reading>,
    /// Consent mode, short form; not looked at beside a `gcd`.
    pub gcs: Option<&'a str>,
    /// Consent mode, long form.
    pub gcd: Option<&'a str>,
    /// TC string of the IAB; without one the usual cookie is looked at.
    pub tc_string: Option<&'a str>,
    /// Cookies of the visitor's browser.
    pub cookies: &'a [(&'a str, &'a str)],
    /// The browser sends Global Privacy Control.
    pub gpc: bool,
    /// Where the visitor is.
    pub region: Option<String>,
}

impl Signals<'_> {
    /// Reads and merges them.
    #[must_use]
    pub fn read(self, policy: &Policy) -> Consent {
        let mut readings = self.words;
        let gcd = self.gcd.and_then(consent_mode::reading_of_gcd);
        readings.extend(gcd.or_else(|| self.gcs.and_then(consent_mode::reading_of_gcs)));
        let jar = tools::Jar(self.cookies);
        let tcf = self.tc_string.or_else(|| jar.get(tools::TCF_COOKIE)).and_then(tcf::reading);
        let tcf = tcf.map(|(reading, string)| {
            readings.push(reading);
            string
        });
        readings.extend(tools::read(self.cookies, &policy.categories));
        if self.gpc && policy.gpc_denies(self.region.as_deref()) {
            // The first of equals counts: whoever sends it has said so everywhere.
            readings.insert(
                0,
                Reading::chosen(Evidence::new(GPC, "1"), Status::Denied, Status::Unknown, Status::Unknown),
            );
        }
        let mut consent = merge(&readings);
        consent.vendors = vendors(&readings, policy);
        for vendor in &policy.vendors {
            if let (Some(string), Some(id)) = (&tcf, vendor.tcf) {
                say(&mut consent.vendors, &vendor.platform, string.allows(id));
            }
        }
        // Where a tool speaks of vendors only, that is the evidence.
        if consent.evidence.is_none() {
            consent.evidence = readings.into_iter().find(|r| !r.vendors.is_empty()).map(|r| r.evidence);
        }
        Consent { gpc: self.gpc, region: self.region, ..consent }
    }
}

fn merge(readings: &[Reading]) -> Consent {
    let mut consent = Consent::default();
    for purpose in Purpose::ALL {
        let Some(strongest) = readings.iter().rev().max_by_key(|r| r.of(purpose).weight()) else { break };
        let Answer { status, by_choice } = strongest.of(purpose);
        if status == Status::Unknown {
            continue;
        }
        if !by_choice {
            consent.by_default.push(purpose);
        }
        consent.set(purpose, status);
        // The record is about advertising where anything says something of it.
        if consent.evidence.is_none() {
            let mut evidence = strongest.evidence.clone();
            let disagrees = |r: &Reading| r.of(purpose).weight() >= 3 && r.of(purpose).status != status;
            if evidence.signal != GPC && readings.iter().any(disagrees) {
                evidence.note = Some(MOST_RESTRICTIVE.into());
            }
            consent.evidence = Some(evidence);
        }
    }
    consent.opt_out_of_sale = readings.iter().any(|r| r.opt_out_of_sale);
    consent
}

/// What the tools say of our platforms.
fn vendors(readings: &[Reading], policy: &Policy) -> BTreeMap<String, Status> {
    let mut vendors = BTreeMap::new();
    for (id, yes) in readings.iter().flat_map(|r| &r.vendors) {
        for vendor in policy.vendors.iter().filter(|vendor| vendor.is_called(id)) {
            say(&mut vendors, &vendor.platform, *yes);
        }
    }
    vendors
}

fn say(vendors: &mut BTreeMap<String, Status>, platform: &str, yes: bool) {
    let known = vendors.entry(platform.to_owned()).or_insert(Status::Granted);
    if !yes {
        *known = Status::Denied;
    }
}
