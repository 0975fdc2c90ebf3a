//! gtag's requests, cookies and Measurement Protocol requests one by one (`data/ga4-vectors.json`).
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod common;

use common::{NOW, codes, headers, measuring_site, read_json, root, source};
use http::HeaderMap;
use serde_json::{Value, json};
use tandem_core::consent::consent_mode;
use tandem_core::normalise::ga;
use tandem_core::{Event, Site, door, names};
use tandem_sources::{Decoded, Request, Source, ga4, unclaimed};

fn vectors() -> Value {
    read_json(&root().join("tests/data/ga4-vectors.json"))
}

fn tag() -> Box<dyn Source> {
    let settings = json!({
        "measurement_ids": ["G-ABC1234567"], "api_secrets": ["SECRET"], "hosts": ["shop.example"], "bots": "send",
    });
    source("ga4", &settings)
}

fn site() -> Site {
    Site { hybrid: false, ..measuring_site() }
}

/// Owns what a request borrows.
struct Asked {
    headers: HeaderMap,
    body: Vec<u8>,
    method: String,
    path: String,
    query: String,
    ip: Option<String>,
}

impl Asked {
    fn of(request: &Value) -> Self {
        let text = |name: &str| request[name].as_str().map(str::to_owned);
        let pairs = request["headers"].as_object().into_iter().flatten();
        let mut pairs: Vec<(&str, &str)> = pairs.map(|(n, v)| (n.as_str(), v.as_str().unwrap())).collect();
        pairs.extend(request["cookies"].as_str().map(|cookies| ("cookie", cookies)));
        let body = match &request["body"] {
            Value::Null => Vec::new(),
            Value::String(text) => text.clone().into_bytes(),
            json => json.to_string().into_bytes(),
        };
        Self {
            headers: headers(&pairs),
            body,
            method: text("method").unwrap(),
            path: text("path").unwrap(),
            query: text("query").unwrap_or_default(),
            ip: text("remote_ip"),
        }
    }

    fn request(&self) -> Request<'_> {
        Request {
            method: &self.method,
            path: &self.path,
            query: &self.query,
            client_ip: self.ip.as_deref(),
            secure: true,
            now_ms: NOW * 1_000,
            ..Request::new(&self.headers, &self.body)
        }
    }
}

fn same(expected: &Value, found: &Value) -> bool {
    match (expected, found) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Object(a), Value::Object(b)) => {
            a.iter().all(|(key, value)| b.get(key).is_some_and(|other| same(value, other)))
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (a, b) => a == b,
    }
}

fn events(decoded: Decoded, site: &Site) -> Vec<Event> {
    decoded
        .parts
        .into_iter()
        .filter_map(|p| door::admit(p.ok()?, site, NOW).ok())
        .map(|(event, _)| event)
        .collect()
}

#[test]
fn every_request_is_read_as_it_was_meant() {
    let mut count = 0;
    for vector in vectors()["vectors"].as_array().unwrap() {
        let id = vector["id"].as_str().unwrap();
        let asked = Asked::of(&vector["request"]);
        let (request, expect, tag) = (asked.request(), &vector["expect"], tag());
        let claimed = tag.tag().unwrap().claims(&request);
        assert_eq!(claimed, expect["claimed"].as_bool().unwrap(), "{id}");
        count += 1;
        if !claimed {
            assert!(!unclaimed::explain(&request).message.is_empty(), "{id}");
            continue;
        }
        if request.method == "OPTIONS" {
            assert!(tag.tag().unwrap().allows("https://shop.example"), "{id}");
            continue;
        }
        assert_eq!(tag.authenticate(&request), Ok(()), "{id}");
        let models = ga4::hits::models(&request, ga4::hits::denies_analytics(&request));
        let (good, bad): (Vec<_>, Vec<_>) = models.into_iter().partition(Result::is_ok);
        let expected = expect["events"].as_array().unwrap();
        assert_eq!(good.len(), expected.len(), "{id}");
        assert_eq!(bad.len(), expect["dropped"].as_array().map_or(0, Vec::len), "{id}");
        assert!(bad.iter().all(|b| b.as_ref().is_err_and(|r| r.code == "event_name_missing")), "{id}");
        for (model, expected) in good.into_iter().flatten().map(Value::Object).zip(expected) {
            for (key, value) in expected["event"].as_object().unwrap() {
                assert!(same(value, &model[key]), "{id}: {key}: {value} is {}", model[key]);
            }
            for key in expected["absent"].as_array().into_iter().flatten() {
                assert!(model.get(key.as_str().unwrap()).is_none(), "{id}: {key}");
            }
        }
        let decoded = tag.decode(&request, &site());
        assert_eq!(
            u64::from(decoded.reply.as_ref().unwrap().status),
            expect["status"].as_u64().unwrap(),
            "{id}"
        );
        assert_eq!(events(decoded, &site()).len(), expected.len(), "{id}");
        if let Some(consent) = expect["consent"].as_object() {
            let gcd = consent_mode::gcd(&ga4_parameter(request.query, "gcd")).unwrap();
            let effective = json!({
                "ad_storage": gcd.ad_storage.effective(), "analytics_storage": gcd.analytics_storage.effective(),
                "ad_user_data": gcd.ad_user_data.effective(),
                "ad_personalization": gcd.ad_personalization.effective(),
            });
            for (key, word) in consent {
                let word = if word == "unset" { &json!("unknown") } else { word };
                assert_eq!(&effective[key], word, "{id}: {key}");
            }
        }
    }
    assert_eq!(count, 46);
}

fn ga4_parameter(query: &str, name: &str) -> String {
    let found = query.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}=")));
    found.unwrap().to_owned()
}

#[test]
fn cookies_of_gtag() {
    for vector in vectors()["cookie_vectors"].as_array().unwrap() {
        let (id, value, expect) = (&vector["id"], vector["value"].as_str().unwrap(), &vector["expect"]);
        if vector["cookie"] == "_ga" {
            let found = ga::client_id(value).map(|(id, seen)| json!({"client_id": id, "first_seen": seen}));
            assert_eq!(&found.unwrap_or_default(), expect, "{id}");
            continue;
        }
        let Some(visit) = ga::session(value) else {
            assert!(expect.is_null(), "{id}");
            continue;
        };
        let found =
            json!({"sid": visit.id, "sct": visit.number, "engaged": visit.engaged, "last": visit.last_s});
        assert!(same(&found, expect), "{id}: {found}");
    }
}

#[test]
fn names_lead_to_standard_ones_or_are_for_analytics_only() {
    for row in vectors()["event_name_mapping"]["rows"].as_array().unwrap() {
        let given = row["ga4"].as_str().unwrap();
        let resolved = names::resolve(given).unwrap();
        match row["tiktok"].as_str() {
            Some(name) => assert_eq!(resolved.name, name),
            None => {
                assert!(names::ANALYTICS_ONLY.contains(&given), "{given}");
                assert_eq!((resolved.name.as_ref(), resolved.finding), (given, None));
            }
        }
    }
}

#[test]
fn the_measurement_protocol_in_and_its_validation() {
    for vector in vectors()["measurement_protocol_vectors"].as_array().unwrap() {
        let id = vector["id"].as_str().unwrap();
        let mut asked = Asked::of(&vector["request"]);
        if vector["request"].get("body_summary").is_some() {
            let events: Vec<_> = (1..=26).map(|i| json!({"name": format!("e{i}")})).collect();
            asked.body = json!({"client_id": "1.2", "events": events}).to_string().into_bytes();
        }
        let messages = json!(ga4::measurement::validate(&asked.body));
        let expected = vector["expect"]["errors"].as_array().cloned().unwrap_or_default();
        assert!(same(&json!(expected), &messages), "{id}: {messages}");
        let decoded = tag().decode(&asked.request(), &site());
        if asked.path.starts_with("/debug") {
            let reply = decoded.reply.unwrap();
            let answer: Value = serde_json::from_slice(&reply.body).unwrap();
            assert_eq!(
                (reply.status, &answer["validationMessages"], decoded.parts.len()),
                (200, &messages, 0)
            );
            continue;
        }
        // One that Google would take no longer is an event all the same: a destination decides what it can still send.
        let events = events(decoded, &site());
        assert_eq!((events.len(), events[0].event_time), (1, 1_749_196_701), "{id}");
        if id == "mp-01" {
            let event = &events[0];
            assert_eq!((event.event_name.as_str(), event.event_id.as_str()), ("Purchase", "order_000891"));
            assert_eq!(event.user.click_ids.ga_client_id.as_deref(), Some("584335997.1746564151"));
            assert_eq!(event.user.click_ids.ga_session_id.as_deref(), Some("1749196701"));
            assert_eq!(json!(event.value), "72.05");
            assert_eq!(tag().authenticate(&asked.request()), Ok(()));
            asked.query = asked.query.replace("SECRET", "another");
            assert!(tag().authenticate(&asked.request()).is_err());
        }
    }
}

#[test]
fn the_same_hit_again_has_the_same_id_and_another_has_another() {
    let ids = |query: &str, body: &str| {
        let headers = HeaderMap::new();
        let request = Request {
            path: "/g/collect",
            query,
            now_ms: NOW * 1_000,
            ..Request::new(&headers, body.as_bytes())
        };
        let events = events(tag().decode(&request, &site()), &site());
        events
            .iter()
            .map(|e| (e.event_id.clone(), codes(e).contains(&"event_id_unpaired")))
            .collect::<Vec<_>>()
    };
    let hit = |count: u32| format!("v=2&tid=G-ABC1234567&cid=1.2&_p=77&_s={count}&tfd={count}&en=view_item");
    assert_eq!(ids(&hit(1), ""), ids(&hit(1), ""));
    assert_ne!(ids(&hit(1), ""), ids(&hit(2), ""));
    assert!(ids(&hit(1), "")[0].1);
    let lines = "en=add_to_cart\r\nen=add_to_cart";
    let both = ids("v=2&tid=G-ABC1234567&cid=1.2&_p=77&_s=3", lines);
    assert_ne!(both[0].0, both[1].0);
    assert_eq!(ids(&format!("{}&ep.event_id=own", hit(1)), "")[0], ("own".to_owned(), false));
}

#[test]
fn limits_cost_only_what_is_beyond_them() {
    let decoded = |body: &str| {
        let headers = HeaderMap::new();
        let request = Request {
            path: "/g/collect",
            query: "v=2&tid=G-ABC1234567&cid=1.2&_p=7&_s=1",
            now_ms: NOW * 1_000,
            ..Request::new(&headers, body.as_bytes())
        };
        tag().decode(&request, &site()).parts
    };
    let many = decoded(&"en=scroll\n".repeat(30));
    assert_eq!((many.len(), many.iter().filter(|p| p.is_ok()).count()), (21, 20));
    assert_eq!(many.into_iter().last().unwrap().err().unwrap().code, "too_many_events");
    let long = format!("en=scroll&ep.a={}\nen=view_item", "x".repeat(70_000));
    let parts = decoded(&long);
    assert_eq!(parts[0].as_ref().err().unwrap().code, "line_too_long");
    assert!(parts[1].is_ok());
}
