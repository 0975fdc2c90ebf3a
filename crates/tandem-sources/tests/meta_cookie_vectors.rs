//! Meta's `_fbc` and `_fbp` by the shared vectors, through the page's intake: what the event gets, and what is set.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod common;

use common::{headers, source};
use serde_json::{Value, json};
use tandem_core::Site;
use tandem_core::consent::{Gates, OnUnknown};
use tandem_core::identity::ClickIds;
use tandem_core::normalise::clicks;
use tandem_sources::Request;

const VISITOR: &str = "mg3k2v1x9abcdefghij0123456789";

fn vectors(kind: &str) -> Vec<Value> {
    let all: Value =
        serde_json::from_str(include_str!("../../tandem-core/tests/data/destination-vectors.json")).unwrap();
    let wanted = |v: &&Value| v["input"]["kind"] == kind && v["platform"] == "meta";
    all["vectors"].as_array().unwrap().iter().filter(wanted).cloned().collect()
}

/// The ids that an event gets, and the cookies that are set. `known`: the visitor came back.
fn intake(input: &Value, browser_ids: &[&'static str], known: bool) -> (ClickIds, Vec<String>) {
    let domain = input["cookie_domain"].as_str().unwrap();
    let page = input["page_url"].as_str().map_or_else(|| format!("https://{domain}/"), str::to_owned);
    let given = input["cookies"].as_object().into_iter().flatten();
    let mut cookies: Vec<String> = given.map(|(n, v)| format!("{n}={}", v.as_str().unwrap())).collect();
    if known {
        cookies.push(format!("tdv={VISITOR}"));
    }
    let headers = headers(&[("cookie", &cookies.join("; "))]);
    let body = json!({
        "visitor": VISITOR, "page": {"url": page, "referrer": input["referrer"]},
        "events": [{"event_name": "Pageview", "event_id": "abcdefghij"}],
    });
    let body = body.to_string();
    let request =
        Request { now_ms: input["now_ms"].as_i64().unwrap(), ..Request::new(&headers, body.as_bytes()) };
    let gates = Gates::advertising(OnUnknown::Grant);
    let site = Site { id: "shop".into(), gates, browser_ids: browser_ids.to_vec(), ..Site::default() };
    let settings = json!({"hosts": [domain], "cookie_domain": domain, "cookie": "tdv"});
    let decoded = source("browser", &settings).decode(&request, &site);
    let draft = decoded.parts.into_iter().next().unwrap().unwrap();
    (draft.identity.click_ids, decoded.cookies)
}

fn set<'a>(cookies: &'a [String], name: &str) -> Option<&'a str> {
    let found = cookies.iter().find_map(|cookie| cookie.strip_prefix(name)?.strip_prefix('='));
    found.and_then(|rest| rest.split(';').next())
}

#[test]
fn clicks_are_kept_and_made() {
    let vectors = vectors("click_id");
    assert_eq!(vectors.len(), 15);
    for vector in vectors {
        let (ids, cookies) = intake(&vector["input"], &[], true);
        let expected = &vector["expected"];
        assert_eq!(ids.fbc.as_deref(), expected["wire"]["fbc"].as_str(), "{}", vector["id"]);
        assert_eq!(set(&cookies, "_fbc"), expected["set_cookie"]["_fbc"].as_str(), "{}", vector["id"]);
    }
}

#[test]
fn browsers_are_named_once() {
    let vectors = vectors("fbp");
    assert_eq!(vectors.len(), 6);
    for vector in vectors {
        let (input, expected) = (&vector["input"], &vector["expected"]);
        let random = u32::try_from(input["random"].as_u64().unwrap()).unwrap();
        let (now_ms, domain) = (input["now_ms"].as_i64().unwrap(), input["cookie_domain"].as_str());
        let (ids, cookies) = intake(input, &["fbp"], true);
        let fbp = ids.fbp.unwrap();
        assert_eq!(set(&cookies, "_fbp"), Some(fbp.as_str()), "{}: set or renewed", vector["id"]);
        let existing = input["cookies"]["_fbp"].as_str();
        if existing.is_some_and(clicks::is_meta_cookie) {
            assert_eq!(fbp, expected["wire"].as_str().unwrap(), "{}", vector["id"]);
        } else {
            assert_eq!(clicks::fbp_of(random, now_ms, domain), expected["wire"].as_str().unwrap());
            // All but the random part, which is ours.
            let made = |text: &str| text.rsplit_once('.').map(|(front, _)| front.to_owned());
            assert_eq!(made(&fbp), made(expected["wire"].as_str().unwrap()), "{}", vector["id"]);
        }
        let valid = existing.map_or(Some(true), |text| Some(clicks::is_meta_cookie(text)));
        assert_eq!(valid, expected["valid"].as_bool(), "{}", vector["id"]);
        // Without a destination that asks for it, and for a visitor who comes for the first time, none is made.
        if existing.is_none() {
            assert_eq!(intake(input, &[], true).0.fbp, None);
            assert_eq!(intake(input, &["fbp"], false).0.fbp, None);
        }
    }
}

#[test]
fn without_a_cookie_domain_the_pages_host_counts_dots() {
    let fbc = |host: &str| clicks::fbc(Some("x"), None, 5, Some(host)).unwrap().into_owned();
    assert_eq!(fbc("com"), "fb.0.5.x");
    assert_eq!(fbc("www.shop.example"), "fb.2.5.x");
    assert_eq!(fbc(".shop.example"), "fb.1.5.x");
}
