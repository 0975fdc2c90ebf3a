//! Several platforms at one site: trouble at one is nobody else's, and what waited for it goes out in order.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod harness;
mod load;

use std::collections::BTreeSet;

use harness::{Gateway, Home, StandIn, now_s, shop_sites, until};
use load::{Maker, key};
use serde_json::json;
use tandem_sandbox::{Fault, FaultKind, GA4, META, MetaOptions, Options, Platform, TIKTOK};

const DAY_S: i64 = 86_400;

fn home(stand_in: &StandIn) -> Home {
    let base_url = stand_in.base_url();
    let more = format!(
        r#"
        [site.destinations.meta]
        pixel_id = "1000000000000001"
        access_token = "any-token"
        base_url = "{base_url}"
        [site.destinations.ga4]
        measurement_id = "G-SANDBOX01"
        api_secret = "any-secret"
        send = "all"
        base_url = "{base_url}"
        "#
    );
    Home::new(&(shop_sites(&base_url) + &more))
}

fn post(gateway: &Gateway, events: &[serde_json::Value]) {
    let answer = gateway.post_events(&json!(events));
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// The ids a platform counted, none of them twice.
fn counted(stand_in: &StandIn, platform: &'static Platform) -> BTreeSet<String> {
    let conversions = stand_in.sandbox.on(platform).conversions().conversions;
    let ids: BTreeSet<_> = conversions.iter().map(|c| c.event_id.clone().unwrap()).collect();
    assert_eq!(ids.len(), conversions.len(), "{}: counted twice", platform.name);
    ids
}

#[test]
fn a_bad_event_sinks_only_itself_at_meta() {
    let stand_in = StandIn::start();
    let home = home(&stand_in);
    let events = Maker::new("poison").batch(60);
    let (_, bad) = key(&events[37]);
    let meta = MetaOptions { refuse_event_ids: vec![bad.clone()], ..MetaOptions::default() };
    stand_in.sandbox.set_options(Options { rate_per_s: None, meta, ..Options::default() }).unwrap();
    let gateway = home.start();
    post(&gateway, &events);
    gateway.drain();
    let mut expected: BTreeSet<_> = events.iter().map(|event| key(event).1).collect();
    assert_eq!(counted(&stand_in, &TIKTOK), expected);
    assert!(expected.remove(&bad));
    assert_eq!(counted(&stand_in, &META), expected);
}

#[test]
fn a_day_without_meta_delays_nobody_else_and_loses_nothing() {
    let stand_in = StandIn::start();
    let home = home(&stand_in);
    let gateway = home.start();
    let fault = Fault::always(FaultKind::Http { status: 500 });
    stand_in.sandbox.on(&META).set_faults(vec![fault]).unwrap();
    let mut events = Maker::new("outage").batch(300);
    for event in &mut events {
        event["user"]["ga_client_id"] = "584335997.1746564151".into();
    }
    for some in events.chunks(50) {
        post(&gateway, some);
    }
    let expected: BTreeSet<_> = events.iter().map(|event| key(event).1).collect();
    until("only Meta's wait", || gateway.waiting() == 300 && counted(&stand_in, &TIKTOK) == expected);
    assert!(counted(&stand_in, &META).is_empty());
    let analytics = stand_in.sandbox.on(&GA4).conversions().conversions.len();
    assert_eq!(analytics, 300, "Google Analytics has them too");

    assert!(gateway.stop().success());
    let gateway = home.start_with(&["--now", &(now_s() + DAY_S).to_string()]);
    stand_in.sandbox.on(&META).set_faults(vec![]).unwrap();
    gateway.drain();
    assert_eq!(counted(&stand_in, &META), expected);
    let posted: Vec<_> = events.iter().map(|event| Some(key(event).1)).collect();
    let drained = stand_in.sandbox.on(&META).conversions().conversions;
    let drained: Vec<_> = drained.into_iter().map(|conversion| conversion.event_id).collect();
    assert_eq!(drained, posted, "in the order of arrival");
    assert_eq!(counted(&stand_in, &TIKTOK), expected);
    assert_eq!(stand_in.sandbox.on(&GA4).conversions().conversions.len(), analytics);
}
