//! Set-up of all platforms: placeholders, limits, and secrets that nobody sees.

use serde_json::json;
use tandem_core::Event;
use tandem_destinations::{Mapped, PLATFORMS};

use crate::common::set_up;

#[test]
fn every_placeholder_is_a_valid_set_up() {
    for platform in PLATFORMS {
        assert!((platform.configure)(&(platform.placeholder)()).is_ok(), "{}", platform.definition.name);
    }
}

#[test]
fn the_limits_fit_together() {
    for platform in PLATFORMS {
        let definition = platform.definition;
        assert!(definition.retry_horizon_ms < definition.duplicate_window_ms, "{}", definition.name);
        assert!(definition.max_batch > 0 && definition.max_bytes > 0 && definition.concurrency > 0);
        assert!(!definition.requires.is_empty() && !definition.consent_names.is_empty());
    }
}

#[test]
fn secrets_are_never_shown() {
    for platform in PLATFORMS {
        let placeholders = (platform.placeholder)();
        let named = ["access_token", "api_secret"].iter().find_map(|name| placeholders[name].as_str());
        let secret = named.unwrap();
        let request = set_up(platform.definition.name, &json!({})).request(&[Mapped::of("{}".into())]);
        assert!(!request.url.contains(secret) && !format!("{:?}", request.headers).contains(secret));
        assert!(!String::from_utf8_lossy(&request.body).contains(secret));
        let holds = |value: &&http::HeaderValue| value.to_str().is_ok_and(|text| text.contains(secret));
        let in_headers: Vec<_> = request.headers.values().filter(holds).collect();
        assert!(in_headers.iter().all(|value| value.is_sensitive()));
        assert!(!in_headers.is_empty() || request.address().contains(secret), "it is sent all the same");
        assert_eq!(request.headers["content-type"], "application/json");
    }
}

#[test]
fn a_stand_in_can_take_every_platforms_place() {
    for platform in PLATFORMS {
        for base in ["http://127.0.0.1:9000/x", "http://127.0.0.1:9000/x/"] {
            let destination = set_up(platform.definition.name, &json!({"base_url": base}));
            let mapped = destination.map(&Event::default(), false);
            let url = destination.request(std::slice::from_ref(&mapped)).url;
            assert!(url.starts_with("http://127.0.0.1:9000/x/") && !url.contains("x//"), "{url}");
            let test = destination.test_request(&[mapped], "TEST1").unwrap();
            assert!(test.url.starts_with("http://127.0.0.1:9000/x/"), "{}", test.url);
        }
    }
}

#[test]
fn selected_events_only() {
    for platform in PLATFORMS {
        let destination = set_up(platform.definition.name, &json!({"events": ["purchase"]}));
        let lead = Event { event_name: "Lead".into(), ..Event::default() };
        assert_eq!(destination.wants(&lead).unwrap_err().code, "event_not_selected");
    }
}
