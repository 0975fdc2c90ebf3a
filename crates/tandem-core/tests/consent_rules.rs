//! Every record of consent against every rule of a destination: what must hold whatever the combination.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::Arc;

use tandem_core::consent::{
    Consent, Decision, Gate, Gates, Gpc, OnDenied, OnUnknown, Policy, Purpose, Ruling, Status,
};

const STATUSES: [Status; 3] = [Status::Granted, Status::Denied, Status::Unknown];
const REGIONS: [Option<&str>; 4] = [None, Some("DE"), Some("US-CA"), Some("BR")];

/// Calls with every record and every gate.
fn each(mut check: impl FnMut(&Consent, &Gate, &Ruling)) -> usize {
    use Purpose::{Advertising, Analytics, Functional};
    let requires: [&[Purpose]; 4] =
        [&[Advertising], &[Analytics], &[Advertising, Analytics], &[Advertising, Analytics, Functional]];
    let mut gates = Vec::new();
    for gpc in [Gpc::Deny, Gpc::DenyInOptOutRegions, Gpc::Limit] {
        for accept_defaults in [false, true] {
            let policy = Policy {
                gpc,
                accept_defaults,
                opt_in_regions: vec!["BR".into()],
                limit_in: vec!["US-CA".into()],
                ..Policy::default()
            };
            let policy = Arc::new(policy);
            for requires in requires {
                for on_unknown in [OnUnknown::ByRegion, OnUnknown::Deny, OnUnknown::Grant] {
                    for on_denied in [OnDenied::Suppress, OnDenied::Anonymise] {
                        let gate = Gate::new("tiktok", requires, on_unknown);
                        gates.push(Gate { on_denied, policy: policy.clone(), ..gate });
                    }
                }
            }
        }
    }
    let mut count = 0;
    for record in 0..(3 * 3 * 3 * 4 * 3 * 2 * 4_usize) {
        let mut rest = record;
        let mut pick = |of: usize| {
            let picked = rest % of;
            rest /= of;
            picked
        };
        let mut consent = Consent {
            advertising: STATUSES[pick(3)],
            analytics: STATUSES[pick(3)],
            functional: STATUSES[pick(3)],
            by_default: [vec![], vec![Advertising], vec![Analytics], vec![Advertising, Analytics]][pick(4)]
                .clone(),
            ..Consent::default()
        };
        let vendor = STATUSES[pick(3)];
        if vendor != Status::Unknown {
            consent.vendors.insert("tiktok".into(), vendor);
        }
        consent.gpc = pick(2) == 1;
        consent.region = REGIONS[pick(4)].map(str::to_owned);
        for gate in &gates {
            check(&consent, gate, &gate.rule(&consent));
            count += 1;
        }
    }
    count
}

fn by_choice(consent: &Consent, purpose: Purpose) -> bool {
    !consent.by_default.contains(&purpose)
}

#[test]
fn a_no_to_what_is_required_is_never_overruled() {
    let count = each(|consent, gate, ruling| {
        let denied = |p: &Purpose| consent.of(*p) == Status::Denied && by_choice(consent, *p);
        let vendor = consent.vendors.get("tiktok") == Some(&Status::Denied);
        let gpc =
            consent.gpc && gate.policy.gpc == Gpc::Deny && gate.requires.contains(&Purpose::Advertising);
        if gate.requires.iter().any(denied) || vendor || gpc {
            let sent = matches!(ruling.decision, Decision::Send | Decision::SendWithoutIdentity);
            assert!(!sent && !ruling.is_open, "{consent:?} {gate:?} {ruling:?}");
        }
    });
    assert_eq!(count, 2_592 * 144);
}

#[test]
fn in_suppress_mode_nothing_is_sent_without_a_yes_and_in_anonymise_mode_nothing_is_kept_back() {
    each(|_, gate, ruling| match gate.on_denied {
        OnDenied::Suppress => assert_ne!(ruling.decision, Decision::Anonymise),
        OnDenied::Anonymise => assert!(!matches!(ruling.decision, Decision::Suppress(_))),
    });
}

#[test]
fn identity_goes_only_where_advertising_is_allowed() {
    each(|consent, gate, ruling| {
        if ruling.decision != Decision::Send {
            return;
        }
        let vendor = consent.vendors.get("tiktok") == Some(&Status::Granted);
        let silence = gate.assumes(consent.region.as_deref());
        let preset = silence || gate.policy.accept_defaults;
        let allowed = vendor
            || match consent.advertising {
                Status::Granted => by_choice(consent, Purpose::Advertising) || preset,
                Status::Unknown => silence,
                Status::Denied => false,
            };
        assert!(allowed, "{consent:?} {gate:?} {ruling:?}");
    });
}

#[test]
fn a_choice_of_yes_to_everything_is_sent_unless_the_browser_or_the_vendor_says_no() {
    each(|consent, gate, ruling| {
        let yes = |p: &Purpose| consent.of(*p) == Status::Granted && by_choice(consent, *p);
        let vendor = consent.vendors.get("tiktok") == Some(&Status::Denied);
        let all = Purpose::ALL.iter().all(yes) && !vendor && !consent.gpc;
        if all {
            assert_eq!(ruling.decision, Decision::Send, "{consent:?} {gate:?}");
        }
    });
}

#[test]
fn limited_data_use_follows_region_and_opt_out() {
    each(|consent, _, ruling| {
        assert_eq!(ruling.limited_data_use, consent.gpc || consent.region.as_deref() == Some("US-CA"));
    });
}

#[test]
fn what_is_kept_of_a_visitor_is_what_the_most_open_destination_may_have() {
    let gate = |purpose| Gate::new("x", &[purpose], OnUnknown::Deny);
    let both = Gates(vec![gate(Purpose::Advertising), gate(Purpose::Analytics)]);
    let consent = |advertising, analytics| Consent { advertising, analytics, ..Consent::default() };
    use Status::{Denied, Granted};
    assert_eq!(both.widest(&consent(Granted, Denied)), Decision::Send);
    assert_eq!(both.widest(&consent(Denied, Granted)), Decision::SendWithoutIdentity);
    assert!(matches!(both.widest(&consent(Denied, Denied)), Decision::Suppress(_)));
    assert!(both.is_open(&Consent::default()) && !both.is_open(&consent(Denied, Denied)));
}
