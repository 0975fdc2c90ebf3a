//! Google Analytics' ids: read from the page's cookies, and kept only where a destination may make statistics.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod common;

use common::{NOW, headers, source};
use serde_json::{Value, json};
use tandem_core::Site;
use tandem_core::consent::{Gate, Gates, OnUnknown, Purpose};
use tandem_core::identity::ClickIds;
use tandem_sources::{Decoded, Request};

const COOKIES: &str = "_ga=GA1.1.ada@example.com; _ga=GA1.1.777888999.1795000000; _ga_OTHER=GS3.x; \
                       _ga_ABC=GS2.1.o1$s1795348000$g1; _ttp=abc.tt.1";

fn decode(site: &Site, consent: Value) -> Decoded {
    let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    let headers = headers(&[("cookie", COOKIES), ("user-agent", agent)]);
    let body = json!({
        "visitor": "mg3k2v1x9abcdefghij0123456789", "sent_at": NOW * 1_000, "consent": consent,
        "page": {"url": "https://shop.example/"},
        "events": [{"event_name": "Pageview", "event_id": "abcdefghij"}],
    });
    let body = body.to_string();
    let request = Request { now_ms: NOW * 1_000, ..Request::new(&headers, body.as_bytes()) };
    source("browser", &json!({"hosts": ["shop.example"]})).decode(&request, site)
}

fn site(platforms: &[(&'static str, Purpose)]) -> Site {
    let gate = |(name, purpose): &(&'static str, Purpose)| Gate::new(*name, &[*purpose], OnUnknown::Deny);
    Site { id: "shop".into(), gates: Gates(platforms.iter().map(gate).collect()), ..Site::default() }
}

/// What the visitor's memory gets of the ids, and what the event gets.
fn kept(site: &Site, consent: Value) -> (Option<ClickIds>, ClickIds) {
    let decoded = decode(site, consent);
    assert!(!decoded.cookies.iter().any(|cookie| cookie.starts_with("_ga")), "{:?}", decoded.cookies);
    let visit = decoded.visit.map(|visit| visit.identity.click_ids);
    let event = tandem_core::door::admit(decoded.parts.into_iter().next().unwrap().unwrap(), site, NOW);
    (visit, event.unwrap().0.user.click_ids)
}

const BOTH: &[(&str, Purpose)] = &[("ads", Purpose::Advertising), ("stats", Purpose::Analytics)];

#[test]
fn both_allowed() {
    let (visit, event) = kept(&site(BOTH), json!({"advertising": "granted", "analytics": "granted"}));
    for ids in [visit.unwrap(), event] {
        assert_eq!(ids.ga_client_id.as_deref(), Some("777888999.1795000000"));
        assert_eq!(ids.ga_session_id.as_deref(), Some("1795348000"));
        assert_eq!(ids.ttp.as_deref(), Some("abc.tt.1"));
    }
}

#[test]
fn only_advertising_allowed_or_no_statistics_made() {
    let only_ads = json!({"advertising": "granted", "analytics": "denied"});
    let both = json!({"advertising": "granted", "analytics": "granted"});
    for (platforms, consent) in [(BOTH, only_ads), (&BOTH[..1], both)] {
        let (visit, event) = kept(&site(platforms), consent);
        for ids in [visit.unwrap(), event] {
            assert_eq!((ids.ga_client_id.as_deref(), ids.ga_session_id.as_deref()), (None, None));
            assert_eq!(ids.ttp.as_deref(), Some("abc.tt.1"));
        }
    }
}

#[test]
fn only_statistics_allowed() {
    let (visit, event) = kept(&site(BOTH), json!({"advertising": "denied", "analytics": "granted"}));
    assert!(visit.is_none_or(|ids| ids.is_empty()), "of a visitor who refused ads, nothing is remembered");
    assert_eq!(event.ga_client_id.as_deref(), Some("777888999.1795000000"));
    assert_eq!(event.ttp, None);
}

#[test]
fn nothing_allowed_or_nothing_said() {
    for consent in [json!({"advertising": "denied", "analytics": "denied"}), Value::Null] {
        let (visit, event) = kept(&site(BOTH), consent);
        assert!(visit.is_none_or(|ids| ids.is_empty()) && event.is_empty());
    }
}
