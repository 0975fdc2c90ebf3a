//! TikTok's behaviour around the mapping: names, settings, secrets, batches.

use crate::common::{body, tiktok};
use serde_json::json;
use tandem_core::{Event, names};
use tandem_destinations::{HttpReply, Mapped, PLATFORMS, Reply, Verdict, platform};

fn named(name: &str) -> Event {
    Event { event_name: name.into(), event_id: "id".into(), event_time: 1, ..Event::default() }
}

#[test]
fn the_limits_fit_together() {
    let definition = platform("tiktok").unwrap().definition;
    assert!(definition.max_batch <= 1_000, "TikTok's own limit");
    assert!(definition.retry_horizon_ms < definition.duplicate_window_ms);
    assert_eq!(definition.max_age_s, tandem_core::door::OLD_AFTER_S);
}

#[test]
fn every_placeholder_is_a_valid_set_up() {
    for platform in PLATFORMS {
        assert!((platform.configure)(&(platform.placeholder)()).is_ok(), "{}", platform.definition.name);
    }
}

#[test]
fn selected_events_only() {
    let all = tiktok(json!({}));
    for name in names::STANDARD.iter().chain(&["my_event"]) {
        assert_eq!(all.wants(&named(name)), Ok(()), "{name}");
    }
    for name in names::ANALYTICS_ONLY {
        assert_eq!(all.wants(&named(name)).unwrap_err().code, "event_not_supported", "{name}");
    }
    let some = tiktok(json!({"events": ["CompletePayment", "view_cart"]}));
    assert_eq!(some.wants(&named("Purchase")), Ok(()));
    assert_eq!(some.wants(&named("view_cart")), Ok(()), "a selection is the owner's word");
    assert_eq!(some.wants(&named("Lead")).unwrap_err().code, "event_not_selected");
}

#[test]
fn old_names_go_out_only_when_set_up() {
    for (setting, expected) in
        [(false, ["Purchase", "Lead", "Search"]), (true, ["CompletePayment", "SubmitForm", "Search"])]
    {
        let destination = tiktok(json!({"legacy_names": setting}));
        let sent = ["Purchase", "Lead", "Search"].map(|name| destination.map(&named(name), false));
        let body = body(&destination.request(&sent));
        assert_eq!([0, 1, 2].map(|at| body["data"][at]["event"].as_str().unwrap()), expected);
    }
}

#[test]
fn the_token_is_never_shown() {
    let request = tiktok(json!({})).request(&[Mapped::of("{}".into())]);
    let token = &request.headers["access-token"];
    assert!(token.is_sensitive());
    assert!(!format!("{:?}", request.headers).contains("test-token"));
    assert_eq!(request.headers["content-type"], "application/json");
    assert_eq!(request.headers.get("authorization"), None);
}

#[test]
fn the_envelope_holds_what_is_set_up_and_escapes_it() {
    let plain = tiktok(json!({"test_event_code": "", "partner_name": " "}));
    let sent = plain.request(&[plain.map(&named("Search"), false)]);
    assert_eq!(
        String::from_utf8(sent.body).unwrap(),
        r#"{"event_source":"web","event_source_id":"TESTPIXEL0000000001","data":[{"event":"Search","event_time":1,"event_id":"id"}]}"#
    );
    let full = tiktok(json!({"pixel_id": "a\"b\\", "test_event_code": "T\"1", "partner_name": "Pärtner"}));
    let events = [full.map(&named("Search"), false), full.map(&named("Lead"), true)];
    let sent = body(&full.request(&events));
    assert_eq!(
        (&sent["event_source_id"], &sent["test_event_code"], &sent["partner_name"]),
        (&json!("a\"b\\"), &json!("T\"1"), &json!("Pärtner"))
    );
    assert_eq!(sent["data"].as_array().unwrap().len(), 2);
}

#[test]
fn a_stand_in_can_take_tiktoks_place() {
    for base in ["http://127.0.0.1:9000/x", "http://127.0.0.1:9000/x/", "http://127.0.0.1:9000/x//"] {
        let url = tiktok(json!({"base_url": base})).request(&[]).url;
        assert_eq!(url, "http://127.0.0.1:9000/x/open_api/v1.3/event/track/");
    }
}

#[test]
fn a_reply_speaks_for_the_whole_batch() {
    let answer = HttpReply::Answer { status: 200, body: br#"{"code":0,"data":{"errors":[{}]}}"#.to_vec() };
    assert_eq!(tiktok(json!({})).reply(&answer), Reply::Whole(Verdict::Delivered { warning: None }));
}
