//! The three ways in: one event with a full set of identity, as each of them takes it.

use serde_json::{Value, json};

use super::cases::{Case, Told, places};
use super::harness::{Client, now_ms, now_s};
use super::planted::{Planted, hash};
use super::shop::sign;
use super::sites;

const AT: &str = "https://shop.example";

/// Now, as WooCommerce writes it.
pub(crate) fn gmt() -> String {
    jiff::Timestamp::from_second(now_s()).unwrap().strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

pub(crate) fn event_id(case: &Case, who: Planted) -> String {
    match case.told {
        Told::Order { .. } => format!("wc_order_{}", who.order_number()),
        Told::Api { .. } | Told::Page { .. } => format!("e-{}", who.0),
    }
}

/// An event of the events API.
pub(crate) fn api_event(case: &Case, who: Planted, consent: &Value, cookies: &Value) -> Value {
    let (country, state) = places(case.said.region);
    let word = who.word();
    json!({
        "event_name": "Purchase", "event_id": event_id(case, who), "event_time": now_s(), "order_id": format!("order-{word}"),
        "value": 89.99, "currency": "EUR", "contents": [{"content_id": "MUG", "price": 89.99, "quantity": 1}],
        "search_string": word, "description": word, "properties": {"note": word}, "session_id": who.visitor(),
        "page": {"url": who.url(), "referrer": who.referrer(), "title": word},
        "user": {
            "email": who.email(), "phone": who.phone(), "external_id": who.external_id(), "ttclid": who.ttclid(),
            "ttp": who.ttp(), "ip": who.ip(), "user_agent": who.agent(), "first_name": word, "last_name": word,
            "zip_code": "10115", "city": word, "country": country, "state": state,
        },
        "consent": consent, "cookies": cookies,
    })
}

/// What the page's script posts.
fn page_body(case: &Case, who: Planted, consent: &Value) -> Value {
    let (word, now) = (who.word(), now_ms());
    let event = json!({
        "event_name": "AddToCart", "event_id": event_id(case, who), "at": now, "order_id": format!("order-{word}"),
        "value": 89.99, "currency": "EUR", "contents": [{"content_id": "MUG", "price": 89.99, "quantity": 1}],
        "search_string": word, "description": word, "properties": {"note": word},
    });
    let consent =
        if consent.as_object().is_some_and(|c| c.is_empty()) { Value::Null } else { consent.clone() };
    json!({
        "visitor": who.visitor(), "sent_at": now, "locale": "de-DE", "consent": consent, "events": [event],
        "page": {"url": who.url(), "referrer": who.referrer(), "title": word},
        "cookies": {"_ttp": who.ttp()},
        "user": {"email": [who.email()], "phone": [who.phone()], "external_id": [who.external_id()]},
    })
}

/// An order's webhook.
fn order(case: &Case, who: Planted, meta: &Value) -> Value {
    let (country, state) = places(case.said.region);
    let (word, number) = (who.word(), who.order_number());
    let now = gmt();
    let mut pairs = vec![
        json!({"key": "_wc_order_attribution_session_entry", "value": who.url()}),
        json!({"key": "_wc_order_attribution_referrer", "value": who.referrer()}),
        json!({"key": "_ttp", "value": who.ttp()}),
    ];
    if !meta.is_null() {
        pairs.push(json!({"key": "_tandem_consent", "value": meta}));
    }
    json!({
        "id": number, "number": number.to_string(), "status": "processing", "created_via": "checkout", "currency": "EUR",
        "total": "89.99", "date_created_gmt": now, "date_modified_gmt": now, "date_paid_gmt": now,
        "customer_id": who.customer_number(), "customer_ip_address": who.ip(), "customer_user_agent": who.agent(),
        "payment_method": "card", "order_key": format!("wc_order_{word}"), "meta_data": pairs,
        "billing": {
            "email": who.email(), "phone": who.phone(), "first_name": word, "last_name": word, "address_1": word,
            "city": word, "postcode": "10115", "country": country.unwrap_or_default(), "state": state.unwrap_or_default(),
        },
        "line_items": [{"id": 1, "name": "Mug", "price": 89.99, "product_id": 13, "quantity": 1, "sku": "MUG",
            "total": "89.99", "variation_id": 0}],
    })
}

/// `user` of an event that goes out as it is.
pub(crate) fn user(case: &Case, who: Planted) -> Value {
    let (country, state) = places(case.said.region);
    let mut keys = who.keys();
    match case.told {
        Told::Api { .. } => {
            keys["external_id"] = hash(&who.external_id()).into();
            who.with_name(keys, country, state)
        }
        Told::Order { .. } => {
            keys["external_id"] = hash(&who.customer_number().to_string()).into();
            who.with_name(keys, country, state)
        }
        Told::Page { .. } => {
            keys["external_id"] = json!([hash(&who.external_id()), hash(&who.visitor())]);
            keys["locale"] = "de-DE".into();
            keys
        }
    }
}

/// A connection to the gateway as everybody who sends for one site.
pub(crate) struct Sender {
    pub(crate) site: usize,
    pub(crate) client: Client,
}

impl Sender {
    pub(crate) fn api(&mut self, events: &[Value]) {
        let bearer = format!("Bearer {}", sites::key(self.site));
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
        let body = Value::from(events.to_vec()).to_string();
        let answer = self.client.call("POST", "/v1/events", &headers, body.as_bytes()).unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.json()["accepted"], events.len(), "{}", answer.text());
    }

    pub(crate) fn page(&mut self, case: &Case, who: Planted, word: &Value, cookie: &str) {
        let (country, state) = places(case.said.region);
        let (agent, ip) = (who.agent(), who.ip());
        let mut headers = vec![
            ("Origin", AT),
            ("User-Agent", agent.as_str()),
            ("X-Forwarded-For", ip.as_str()),
            ("X-Forwarded-Proto", "https"),
        ];
        headers.extend(country.map(|country| ("X-Country", country)));
        headers.extend(state.map(|state| ("X-State", state)));
        headers.extend((!cookie.is_empty()).then_some(("Cookie", cookie)));
        headers.extend(case.said.gpc.then_some(("Sec-GPC", "1")));
        let body = page_body(case, who, word).to_string();
        let path = format!("/x{}/a", self.site);
        let answer = self.client.call("POST", &path, &headers, body.as_bytes()).unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.json()["events"][0]["status"], "accepted", "{}", answer.text());
    }

    pub(crate) fn order(&mut self, case: &Case, who: Planted, meta: &Value) {
        let body = order(case, who, meta).to_string();
        let signature = sign(sites::SECRET, body.as_bytes());
        let headers = [
            ("X-WC-Webhook-Topic", "order.updated"),
            ("X-WC-Webhook-Signature", signature.as_str()),
            ("Content-Type", "application/json"),
        ];
        let path = format!("/webhooks/woocommerce/site{}", self.site);
        let answer = self.client.call("POST", &path, &headers, body.as_bytes()).unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.json()["events"][0]["status"], "accepted", "{}", answer.text());
    }
}
