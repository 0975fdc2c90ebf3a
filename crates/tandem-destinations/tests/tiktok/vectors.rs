//! TikTok against the shared test vectors.

use crate::common::{body, faults, patched, tiktok, vectors};
use serde_json::{Value, json};
use tandem_core::consent::{self, Consent, Decision, Gate, OnUnknown, Purpose};
use tandem_core::retry::Pace;
use tandem_core::{Event, money};
use tandem_destinations::tiktok::{Class, read_reply};
use tandem_destinations::{HttpReply, Reply, Verdict};

fn reply(input: &Value) -> HttpReply {
    let Some(status) = input["http_status"].as_u64() else {
        return HttpReply::NoAnswer { why: input["transport"].as_str().unwrap().to_owned(), reached: true };
    };
    let body = match &input["body"] {
        Value::String(text) => text.clone(),
        json => json.to_string(),
    };
    HttpReply::Answer { status: u16::try_from(status).unwrap(), body: body.into_bytes() }
}

#[test]
fn every_reply_gets_its_decision() {
    let (_, vectors) = vectors("response");
    assert_eq!(vectors.len(), 23);
    let destination = tiktok(json!({}));
    for vector in vectors {
        let reply = reply(&vector["input"]);
        let (class, verdict) = read_reply(&reply);
        assert_eq!(json!(class), vector["expected"]["decision"], "{}", vector["id"]);
        let fits = match class {
            Class::Delivered => verdict == Verdict::Delivered { warning: None },
            Class::DeliveredWithWarning => matches!(verdict, Verdict::Delivered { warning: Some(_) }),
            Class::RetryBackoff => matches!(verdict, Verdict::Retry { pace: Pace::Backoff, .. }),
            Class::RetrySlow => matches!(verdict, Verdict::Retry { pace: Pace::Slow, .. }),
            Class::StopCredential | Class::ConfigError => matches!(verdict, Verdict::StopDestination { .. }),
            Class::DeadLetter => matches!(verdict, Verdict::Rejected { .. }),
        };
        assert!(fits, "{}: {class:?} became {verdict:?}", vector["id"]);
        assert_eq!(destination.reply(&reply), Reply::Whole(verdict), "{}", vector["id"]);
    }
}

fn event() -> Event {
    Event {
        event_name: "AddToCart".into(),
        event_id: "atc-1".into(),
        event_time: 1_767_225_590,
        ..Event::default()
    }
}

#[test]
fn what_consent_lets_through() {
    let (_, vectors) = vectors("consent");
    let gate = Gate::new("tiktok", &[Purpose::Advertising], OnUnknown::ByRegion);
    let mut seen = 0;
    for vector in vectors.iter().filter(|v| v["expected"]["server_send"].is_boolean()) {
        let input = &vector["input"];
        // Asked again at the time of sending, a withdrawal is all that is left of a yes.
        let marketing = input.get("marketing_at_send").unwrap_or(&input["marketing"]);
        let consent = Consent {
            advertising: match marketing.as_bool() {
                Some(true) => consent::Status::Granted,
                Some(false) => consent::Status::Denied,
                None => consent::Status::Unknown,
            },
            opt_out_of_sale: input["opt_out_of_sale"].as_bool().unwrap_or_default(),
            region: input["region"].as_str().map(str::to_owned),
            ..Consent::default()
        };
        let ruling = gate.rule(&consent);
        let expected = &vector["expected"];
        assert_eq!(ruling.decision == Decision::Send, expected["server_send"], "{}", vector["id"]);
        if let Some(limited) = expected["limited_data_use"].as_bool() {
            let sent = tiktok(json!({})).request(&[tiktok(json!({})).map(&event(), ruling.limited_data_use)]);
            assert_eq!(body(&sent)["data"][0]["limited_data_use"], limited);
        }
        seen += 1;
    }
    assert_eq!(seen, 5);
}

/// consent-006: it exists for web and app events only, and all of ours are web events.
#[test]
fn limited_data_use_stays_out_unless_asked_for_and_goes_with_web_events_only() {
    let destination = tiktok(json!({}));
    let sent = body(&destination.request(&[destination.map(&event(), false)]));
    assert_eq!(sent["data"][0].get("limited_data_use"), None);
    assert_eq!(sent["event_source"], "web");
    let asked = Event { limited_data_use: true, ..event() };
    let sent = body(&destination.request(&[destination.map(&asked, false)]));
    assert_eq!(sent["data"][0]["limited_data_use"], true);
}

/// The check that the other tests hold our bodies against sees what the vectors call wrong.
#[test]
fn the_check_of_bodies_sees_the_faults_of_the_vectors() {
    let (base, vectors) = vectors("request");
    assert_eq!(vectors.len(), 51);
    // Sent as they are, or about something else than the body: the clock, the pairing of prices, path and headers.
    const NOT_IN_THE_BODY: [&str; 5] =
        ["event_time_future", "event_time_old", "value_zero", "value_mismatch", "test_code_in_production"];
    let mut seen = 0;
    for vector in vectors {
        let input = &vector["input"];
        if input.get("body_text").is_some() {
            continue;
        }
        let mut body =
            input.get("body").cloned().unwrap_or_else(|| patched(base["body"].clone(), &input["patch"]));
        if let Some(count) = input["repeat"]["count"].as_u64() {
            let event = body["data"][0].clone();
            body["data"] = vec![event; usize::try_from(count).unwrap()].into();
        }
        let faults = faults(&body);
        let lint = vector["expected"]["gateway"]["lint"].as_str();
        let upstream = &vector["expected"]["upstream"];
        match lint {
            Some(lint) if !NOT_IN_THE_BODY.contains(&lint) => {
                assert!(faults.contains(lint), "{}: {lint} not in {faults:?}", vector["id"]);
                seen += 1;
            }
            None if upstream["code"] == 40_002 => assert!(!faults.is_empty(), "{}", vector["id"]),
            _ => assert!(faults.is_empty(), "{}: {faults:?}", vector["id"]),
        }
    }
    assert_eq!(seen, 33);
}

#[test]
fn the_base_request_of_the_vectors_leaves_as_it_is() {
    let (base, _) = vectors("request");
    let hash = |key: &str| base["body"]["data"][0]["user"][key].clone();
    let destination = tiktok(json!({}));
    let event: Event = serde_json::from_value(json!({
        "site": "shop", "source": "woocommerce", "channel": "server",
        "event_name": "Purchase", "event_id": "wc_order_891", "event_time": 1_767_225_590,
        "order_id": "891", "value": "89.99", "currency": "EUR",
        "contents": [{"content_id": "SKU-123", "content_name": "Demo mug", "quantity": "1", "price": "89.99"}],
        "page": {
            "url": "https://shop.example/checkout/order-received/891/",
            "referrer": "https://shop.example/checkout/",
        },
        "user": {
            "email": [{"sha256": hash("email")}], "phone": [{"e164": hash("phone")}],
            "external_id": [{"sha256": hash("external_id")}],
            "ttclid": hash("ttclid"), "ttp": hash("ttp"), "ip": hash("ip"), "user_agent": hash("user_agent"),
            "locale": hash("locale"),
        },
        "consent": {"advertising": "granted"},
    }))
    .unwrap();
    let request = destination.request(&[destination.map(&event, false)]);
    let mut expected = base["body"].clone();
    expected["data"][0]["properties"]["num_items"] = 1.into();
    assert_eq!(body(&request), expected);
    assert_eq!(request.method, base["method"].as_str().unwrap());
    assert!(request.url.ends_with(base["path"].as_str().unwrap()), "{}", request.url);
    let headers = base["headers"].as_object().unwrap();
    assert_eq!(request.headers.len(), headers.len());
    for (name, value) in headers {
        assert_eq!(request.headers[name.as_str()], value.as_str().unwrap());
    }
}

/// req-017, req-020, req-023: what the door lets through or an older record holds, and TikTok must not see.
#[test]
fn what_tiktok_must_not_see_stays_out() {
    let destination = tiktok(json!({}));
    let event = Event {
        value: Some("-10".parse().unwrap()),
        currency: money::Currency::parse("EUR"),
        content_type: Some("products".into()),
        properties: serde_json::from_value(json!({
            "shop_id": 7, "id": 8, "content_ids": "1,2", "value": "x", "test_event_code": "T", "note": "", "list": [1],
        }))
        .unwrap(),
        ..event()
    };
    let sent = body(&destination.request(&[destination.map(&event, false)]));
    assert_eq!(sent["data"][0]["properties"], json!({"currency": "EUR", "shop_id": "7", "id": "8"}));
    assert_eq!(
        destination.lint(&event).iter().map(|f| &*f.code).collect::<Vec<_>>(),
        ["content_type_invalid"]
    );
}
