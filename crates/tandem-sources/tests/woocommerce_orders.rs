//! Settings, renewals, and orders that are not as they should be.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod common;

use common::{admitted, codes, headers, site, source};
use serde_json::{Value, json};
use tandem_core::Event;
use tandem_core::consent::Status;
use tandem_core::door::{Draft, Rejection};
use tandem_sources::{Decoded, Request};

/// An hour after the order was paid.
const NOW: i64 = 1_795_359_600;

fn order(change: &Value) -> Value {
    let mut order = json!({
        "id": 891, "number": "A-891", "status": "processing", "currency": "EUR", "total": "50.00",
        "created_via": "checkout", "payment_method": "card", "customer_id": 0, "order_key": "wc_order_secret",
        "customer_ip_address": "203.0.113.7", "customer_user_agent": "Mozilla/5.0 (X11)",
        "date_created": "2026-11-22T15:00:00", "date_created_gmt": "2026-11-22T14:00:00",
        "date_modified_gmt": "2026-11-22T14:00:09", "date_paid_gmt": "2026-11-22T14:00:05",
        "billing": {"email": "Ada@Example.com", "phone": "030 123456", "country": "DE"},
        "line_items": [
            {"id": 1, "name": "Mug", "product_id": 13, "variation_id": 0, "quantity": 3, "sku": "MUG", "total": "10.00"},
            {"id": 2, "name": "Cap", "product_id": 18, "variation_id": 19, "quantity": 1, "sku": "CAP", "total": "9.00"},
        ],
        "meta_data": [
            {"key": "_wc_order_attribution_session_entry", "value": "https://s.example/?ttclid=E.C.P.land&gclid=Cj0x"},
            {"key": "_wc_order_attribution_referrer", "value": "https://www.tiktok.com/"},
        ],
    });
    for (name, value) in change.as_object().unwrap() {
        order[name] = value.clone();
    }
    order
}

fn meta(pairs: Value) -> Value {
    let pairs = pairs.as_object().unwrap().iter().map(|(key, value)| json!({"key": key, "value": value}));
    json!({ "meta_data": pairs.collect::<Vec<_>>() })
}

fn decode(settings: &Value, body: &str, topic: &str) -> Decoded {
    let headers = headers(&[("x-wc-webhook-topic", topic)]);
    source("woocommerce", settings).decode(&Request::new(&headers, body.as_bytes()), &site())
}

fn draft(settings: &Value, change: &Value) -> Result<Draft, Rejection> {
    decode(settings, &order(change).to_string(), "order.updated").parts.remove(0)
}

fn event(settings: &Value, change: &Value) -> Event {
    let parts = vec![draft(settings, change)];
    admitted(parts, NOW).remove(0).unwrap_or_else(|r| panic!("{change}: {r:?}"))
}

fn refused(settings: &Value, change: &Value) -> Rejection {
    draft(settings, change).err().unwrap_or_else(|| panic!("{change}: taken"))
}

fn ids(event: &Event) -> Vec<&str> {
    event.contents.iter().map(|item| item.content_id.as_str()).collect()
}

#[test]
fn the_base_is_good() {
    let event = event(&json!({}), &json!({}));
    assert_eq!(codes(&event), Vec::<&str>::new());
    assert_eq!(event.event_time, 1_795_356_005);
    assert_eq!(event.page.referrer.as_deref(), Some("https://www.tiktok.com/"));
    assert_eq!(event.user.click_ids.gclid.as_deref(), Some("Cj0x"));
    let prices: Vec<_> = event.contents.iter().map(|i| i.price.unwrap().to_string()).collect();
    assert_eq!(prices, ["3.3333", "9"]);
    assert_eq!(event.contents[0].line_id.as_deref(), Some("1"));
}

#[test]
fn event_ids_follow_the_template() {
    let id = |template: &str, change: Value| event(&json!({ "event_id": template }), &change).event_id;
    assert_eq!(event(&json!({}), &json!({})).event_id, "wc_order_891");
    assert_eq!(id("shop_{number}", json!({})), "shop_A-891");
    assert_eq!(id("{id}-{number}", json!({"number": null})), "891-891");
    assert_eq!(id("o{id}", json!({"id": "00891"})), "o00891");
}

#[test]
fn values_and_content_ids_by_setting() {
    let subtotal = json!({"value": "subtotal_after_discount"});
    assert_eq!(event(&subtotal, &json!({})).value.unwrap().to_string(), "19.00");
    assert_eq!(event(&json!({}), &json!({})).value.unwrap().to_string(), "50.00");
    let broken = json!({"line_items": [{"sku": "A", "quantity": 1, "total": "?"}]});
    assert_eq!(refused(&subtotal, &broken).code, "order_total_invalid");
    assert_eq!(ids(&event(&json!({"content_id": "id"}), &json!({}))), ["13", "19"]);
    let line = |variation: u32, sku: &str| json!({"product_id": 18, "variation_id": variation, "sku": sku, "quantity": 1, "total": "1"});
    let lines = json!({"line_items": [line(19, "HAT"), line(20, "HAT"), line(21, "HAT-L"), line(22, "")]});
    let catalog = json!({"content_id": "catalog"});
    assert_eq!(ids(&event(&catalog, &lines)), ["HAT-19", "HAT-20", "HAT-L", "22"]);
    assert_eq!(ids(&event(&json!({}), &lines)), ["HAT", "HAT", "HAT-L", "22"]);
}

#[test]
fn paid_statuses_by_shop_and_by_gateway() {
    let settings = json!({"paid_statuses": ["processing", "wc-shipped"], "gateways": {"cod": {"paid_statuses": ["completed"]}}});
    let cod = |status: &str| json!({"payment_method": "cod", "status": status});
    assert_eq!(refused(&settings, &cod("processing")).code, "order_not_paid");
    assert_eq!(event(&settings, &cod("completed")).event_name, "Purchase");
    assert_eq!(event(&settings, &json!({"status": "shipped"})).event_name, "Purchase");
    assert_eq!(event(&settings, &json!({"status": "wc-shipped"})).event_name, "Purchase");
    let unpaid = refused(&settings, &json!({"status": "completed"}));
    assert!(unpaid.expected && unpaid.message.contains("completed"), "{unpaid:?}");
    assert_eq!(unpaid.order_id.as_deref(), Some("891"));
}

#[test]
fn expected_refusals() {
    for (status, code) in [
        ("checkout-draft", "order_draft"),
        ("auto-draft", "order_draft"),
        ("trash", "order_draft"),
        ("pending", "order_not_paid"),
        ("on-hold", "order_not_paid"),
        ("cancelled", "order_not_paid"),
        ("failed", "order_not_paid"),
        ("wfocu-pri-order", "order_not_paid"),
        ("refunded", "order_refunded"),
    ] {
        let rejection = refused(&json!({}), &json!({ "status": status }));
        assert_eq!((rejection.code.as_ref(), rejection.expected), (code, true), "{status}");
    }
    for (topic, code) in [
        ("order.deleted", "order_deleted"),
        ("action.woocommerce_payment_complete", "order_action"),
        ("product.updated", "not_an_order"),
        ("customer.created", "not_an_order"),
        ("coupon.created", "not_an_order"),
    ] {
        let rejection = decode(&json!({}), "{\"id\":891}", topic).parts.remove(0).err().unwrap();
        assert_eq!((rejection.code.as_ref(), rejection.expected), (code, true), "{topic}");
    }
}

#[test]
fn renewals() {
    let change = json!({"created_via": "subscription"});
    let mut marked = order(&json!({}));
    marked["meta_data"].as_array_mut().unwrap().push(json!({"key": "_subscription_renewal", "value": "700"}));
    for change in [change, json!({"meta_data": marked["meta_data"]})] {
        let renewal = event(&json!({}), &change);
        assert_eq!((renewal.event_name.as_str(), renewal.event_id.as_str()), ("Purchase", "wc_order_891"));
        assert_eq!(renewal.user.present(), ["email", "phone", "country"], "{change}");
        assert_eq!(renewal.page.referrer, None);
        assert_eq!(event(&json!({"renewals": "Subscribe"}), &change).event_name, "Subscribe");
        assert_eq!(event(&json!({"renewals": "renewal_paid"}), &change).event_name, "renewal_paid");
        let skipped = refused(&json!({"renewals": "skip"}), &change);
        assert_eq!((skipped.code.as_ref(), skipped.expected), ("order_renewal", true));
    }
}

#[test]
fn the_address_of_whoever_made_the_order_is_not_the_buyers() {
    for (created_via, is_buyer) in
        [("checkout", true), ("store-api", true), ("admin", false), ("rest-api", false), ("", false)]
    {
        let event = event(&json!({}), &json!({ "created_via": created_via }));
        assert_eq!(
            (event.user.ip.is_some(), event.user.user_agent.is_some()),
            (is_buyer, is_buyer),
            "{created_via}"
        );
    }
}

#[test]
fn click_ids_from_meta_then_from_the_landing_page() {
    let ids = |settings: Value, pairs: Value| {
        let ids = event(&settings, &meta(pairs)).user.click_ids;
        (ids.ttclid.unwrap_or_default(), ids.ttp.unwrap_or_default())
    };
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(
        ids(json!({}), json!({"_ttclid": "E.C.P.a", "_tandem_ttp": "01J.tt.1"})),
        pair("E.C.P.a", "01J.tt.1")
    );
    assert_eq!(ids(json!({}), json!({"ttclid": "E.C.P.b", "_ttclid": "E.C.P.a"})), pair("E.C.P.b", ""));
    assert_eq!(
        ids(json!({}), json!({"ttclid": ["x"], "_ttclid": "", "tiktok_ttclid": "E.C.P.c"})),
        pair("E.C.P.c", "")
    );
    let landing = "https://s.example/?ttclid=E.C.P.land";
    let both = json!({"_wc_order_attribution_session_entry": landing, "_my_ttclid": "E.C.P.mine"});
    assert_eq!(ids(json!({}), both.clone()), pair("E.C.P.land", ""));
    assert_eq!(ids(json!({"click_id_meta": {"ttclid": ["_my_ttclid"]}}), both), pair("E.C.P.mine", ""));
}

#[test]
fn click_ids_go_stale() {
    let placed = |days: i64| {
        let created = jiff::Timestamp::from_second(1_795_356_005 - days * 86_400).unwrap();
        json!({ "date_created_gmt": created.to_string().trim_end_matches('Z') })
    };
    assert!(event(&json!({}), &placed(28)).user.click_ids.ttclid.is_some());
    let stale = event(&json!({}), &placed(29));
    assert!(stale.user.click_ids.is_empty());
    assert_eq!(codes(&stale), ["click_ids_expired"]);
    assert!(event(&json!({"attribution_window_days": 7}), &placed(8)).user.click_ids.is_empty());
}

#[test]
fn consent_kept_with_the_order() {
    let status = |pairs: Value| {
        let consent = event(&json!({}), &meta(pairs)).consent;
        assert_eq!(consent.region.as_deref(), Some("DE"));
        let evidence = consent.evidence.unwrap_or_default();
        (consent.advertising, format!("{} {}", evidence.signal, evidence.value.unwrap_or_default()))
    };
    let by = |status, said: &str| (status, format!("order_consent {said}").trim().to_owned());
    for (value, expected) in [
        (json!("allow"), Status::Granted),
        (json!("yes"), Status::Granted),
        (json!("1"), Status::Granted),
        (json!(true), Status::Granted),
        (json!("deny"), Status::Denied),
        (json!("denied"), Status::Denied),
        (json!("0"), Status::Denied),
    ] {
        let said = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        assert_eq!(
            status(json!({"consent_marketing": value})),
            by(expected, &format!("consent_marketing {said}"))
        );
    }
    // It may be anything, so it is not repeated.
    assert_eq!(
        status(json!({"consent_marketing": "ada@example.com"})),
        by(Status::Denied, "consent_marketing ?")
    );
    assert_eq!(status(json!({"_wp_consent": "{broken"})), by(Status::Denied, "_wp_consent ?"));
    assert_eq!(status(json!({})), (Status::Unknown, " ".to_owned()));
    let kept = |value: Value| status(json!({"_wp_consent": value}));
    assert_eq!(kept(json!("{\"marketing\":\"deny\"}")), by(Status::Denied, "_wp_consent marketing=deny"));
    assert_eq!(
        kept(json!("{\"statistics\":\"allow\"}")),
        by(Status::Unknown, "_wp_consent statistics=allow")
    );
    assert_eq!(kept(json!({"marketing": "granted"})), by(Status::Granted, "_wp_consent marketing=granted"));
    let whole = json!({"advertising": "granted", "signal": "cookiebot", "value": "marketing=true", "at": 1_767_225_600_000_i64});
    assert_eq!(kept(whole), by(Status::Granted, "_wp_consent cookiebot marketing=true"));
    assert_eq!(kept(json!({"gcd": "13r3r3q2q5"})), (Status::Denied, "gcd 13r3r3q2q5".to_owned()));
    let both = json!({"_tandem_consent": {"marketing": true}, "consent_marketing": "deny"});
    assert_eq!(status(both), by(Status::Denied, "consent_marketing deny"));
    let opted_out =
        event(&json!({}), &meta(json!({"_tandem_consent": {"marketing": true, "opt_out_of_sale": true}})));
    assert!(opted_out.consent.opt_out_of_sale);
}

#[test]
fn times() {
    let time = |change: Value| event(&json!({}), &change).event_time;
    assert_eq!(time(json!({"date_paid_gmt": null})), 1_795_356_000);
    let cod = json!({"date_paid_gmt": null, "date_completed_gmt": "2026-11-22T14:30:00"});
    assert_eq!(time(cod.clone()), 1_795_356_000);
    let mut completed = cod;
    completed["status"] = json!("completed");
    assert_eq!(time(completed), 1_795_357_800);
    let local =
        json!({"date_paid_gmt": null, "date_created_gmt": "soon", "date_created": "2026-11-22T14:10:00"});
    let local = event(&json!({}), &local);
    assert_eq!((local.event_time, codes(&local)), (1_795_356_600, vec!["event_time_local"]));
    let none = event(&json!({}), &json!({"date_paid_gmt": 5, "date_created_gmt": [], "date_created": null}));
    assert_eq!((none.event_time, codes(&none)), (NOW, vec!["event_time_missing"]));
}

#[test]
fn orders_that_are_not_as_they_should_be() {
    for (change, code) in [
        (json!({"id": null}), "order_id_invalid"),
        (json!({"id": 0}), "order_id_invalid"),
        (json!({"id": {}}), "order_id_invalid"),
        (json!({"id": ""}), "order_id_invalid"),
        (json!({"status": null}), "order_invalid"),
        (json!({"status": 7}), "order_invalid"),
        (json!({"status": "ada@example.com"}), "order_invalid"),
        (json!({"total": null}), "order_total_invalid"),
        (json!({"total": ""}), "order_total_invalid"),
        (json!({"total": "NaN"}), "order_total_invalid"),
        (json!({"total": "1,234.56"}), "order_total_invalid"),
        (json!({"total": {}}), "order_total_invalid"),
        (json!({"total": true}), "order_total_invalid"),
    ] {
        let rejection = refused(&json!({}), &change);
        assert_eq!((rejection.code.as_ref(), rejection.expected), (code, false), "{change}");
    }
    for (change, expected) in [
        (json!({"total": 50}), vec![]),
        (json!({"id": "891"}), vec![]),
        (json!({"currency": "EURO"}), vec!["currency_invalid", "currency_missing"]),
        (json!({"currency": null}), vec!["currency_invalid", "currency_missing"]),
        (json!({"line_items": null}), vec!["line_items_invalid", "content_id_missing"]),
        (json!({"line_items": {}}), vec!["line_items_invalid", "content_id_missing"]),
        (json!({"line_items": [7, null]}), vec!["line_invalid", "line_invalid", "content_id_missing"]),
        (json!({"line_items": [{"sku": "A", "quantity": "x", "total": "1"}]}), vec!["quantity_invalid"]),
        (json!({"line_items": [{"sku": "A", "quantity": 1, "total": "x"}]}), vec!["line_total_invalid"]),
        (json!({"line_items": [{"sku": "A", "quantity": 1, "total": "-1"}]}), vec![]),
        (json!({"line_items": [{"quantity": 1, "total": "1"}]}), vec!["content_id_missing"]),
        (json!({"meta_data": {"ttclid": "x"}}), vec![]),
        (json!({"meta_data": [7, {"key": 1}, {"value": 2}, {"key": "ttclid", "value": 7}]}), vec![]),
    ] {
        assert_eq!(codes(&event(&json!({}), &change)), expected, "{change}");
    }
    assert_eq!(
        codes(&event(
            &json!({}),
            &json!({"billing": 7, "customer_ip_address": null, "customer_user_agent": ""})
        )),
        Vec::<&str>::new()
    );
}

#[test]
fn lines_by_weight_and_lines_taken_back() {
    let lines = json!({"line_items": [
        {"sku": "CHEESE", "quantity": 0.35, "total": "7.00"}, {"sku": "HAM", "quantity": "1.5", "total": "3"},
        {"sku": "GONE", "quantity": 0, "total": "0.00"}, {"sku": "BACK", "quantity": -1, "total": "-5.00"},
    ]});
    let event = event(&json!({}), &lines);
    let shown: Vec<_> = event
        .contents
        .iter()
        .map(|i| format!("{} {} {}", i.content_id, i.quantity.unwrap(), i.price.unwrap()))
        .collect();
    assert_eq!(shown, ["CHEESE 0.35 20", "HAM 1.5 2"]);
}

#[test]
fn bodies_that_are_no_order() {
    for (body, topic, code) in [
        ("", "order.updated", "json_invalid"),
        ("{", "order.updated", "json_invalid"),
        ("[]", "order.updated", "body_not_object"),
        ("null", "order.updated", "body_not_object"),
        ("{}", "order.updated", "order_id_invalid"),
        ("{\"id\":7}", "order.updated", "order_invalid"),
        ("{\"id\":7,\"email\":\"a\"}", "", "order_invalid"),
        (
            "{\"code\":\"woocommerce_rest_cannot_view\",\"message\":\"no\"}",
            "order.updated",
            "wrong_api_version",
        ),
        ("{\"code\":\"woocommerce_rest_cannot_view\",\"message\":\"no\"}", "", "wrong_api_version"),
    ] {
        let decoded = decode(&json!({}), body, topic);
        assert_eq!(decoded.parts[0].as_ref().err().unwrap().code, code, "{body} {topic}");
    }
    let headers = headers(&[]);
    let woo = source("woocommerce", &json!({}));
    let decoded = woo.decode(&Request::new(&headers, b"{\"a\":\"\xff\"}"), &site());
    assert_eq!(decoded.parts[0].as_ref().err().unwrap().code, "body_not_utf8");
}
