//! The WooCommerce plugin's side, played over HTTP against the real binary: connected by the line that `tandem connect`
//! prints, it hands orders over until it has an answer for each.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod harness;
mod program;

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use harness::{Answer, Client, Gateway, Home, PIXEL, StandIn, now_ms, now_s, until};
use hmac::{Hmac, KeyInit, Mac};
use program::{Told, run};
use serde_json::{Value, json};
use sha2::Sha256;
use tandem_sandbox::ConversionView;

const SECRET: &str = "first-secret-of-the-plugin";
const OLDER: &str = "older-secret-of-the-plugin";
const WEBHOOK: &str = "test-webhook-secret";
const VISITOR: &str = "mg3k2v1x9abcdefghij0123456789";
const PERSON: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

/// A shop with the script on its pages and the plugin in WooCommerce, and one without either.
struct Shop {
    stand_in: StandIn,
    home: Home,
    gateway: Gateway,
}

impl Shop {
    fn open(on_unknown: &str) -> Self {
        let stand_in = StandIn::start();
        let home = Home::new(&format!(
            r#"
            [[site]]
            id = "shop"
            consent.on_unknown = "{on_unknown}"
            [site.sources.woocommerce]
            secrets = ["{WEBHOOK}"]
            plugin_secrets = ["{SECRET}", "{OLDER}"]
            gateways.cod.paid_statuses = ["completed"]
            [site.sources.browser]
            hosts = ["shop.example"]
            path = "/x7k2"
            hold_seconds = 1
            [site.destinations.tiktok]
            pixel_id = "{PIXEL}"
            access_token = "{}"
            base_url = "{}"
            [[site]]
            id = "other"
            [site.sources.woocommerce]
            secrets = ["{WEBHOOK}"]
            [[site]]
            id = "own-code"
            [site.sources.events]
            write_keys = ["own-code-key"]
            "#,
            harness::ACCESS_TOKEN,
            stand_in.base_url()
        ));
        let gateway = home.start();
        Self { stand_in, home, gateway }
    }

    /// SIGKILL, and a new start on the same store.
    fn killed_and_started(self) -> Self {
        let Self { stand_in, home, gateway } = self;
        gateway.kill();
        let gateway = home.start();
        Self { stand_in, home, gateway }
    }

    fn connect(&self, arguments: &[&str]) -> Told {
        let config = self.home.config().display().to_string();
        run(&[&["connect", "--config", &config], arguments].concat(), &[], b"")
    }

    fn call(&self, path: &str, headers: &[(String, String)], body: &[u8]) -> Answer {
        let headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        Client::new(self.gateway.public).call("POST", path, &headers, body).unwrap()
    }

    /// Signed with the newest secret, now, under a new nonce.
    fn hand_over(&self, body: &Value) -> Answer {
        let body = body.to_string();
        self.call("/plugin/shop", &signed(SECRET, now_s(), &nonce(), body.as_bytes()), body.as_bytes())
    }

    fn orders(&self, orders: &[Value]) -> Vec<Value> {
        let answer = self.hand_over(&json!({"version": 1, "kind": "orders", "orders": orders}));
        assert_eq!(answer.status, 200, "{}", answer.text());
        let told = answer.json()["orders"].as_array().unwrap().clone();
        assert_eq!(told.len(), orders.len());
        told
    }

    fn webhook(&self, order: &Value) -> Value {
        let body = order.to_string();
        let mut mac = Hmac::<Sha256>::new_from_slice(WEBHOOK.as_bytes()).unwrap();
        mac.update(body.as_bytes());
        let signature = BASE64_STANDARD.encode(mac.finalize().into_bytes());
        let headers = [("x-wc-webhook-topic", "order.updated"), ("x-wc-webhook-signature", &signature)];
        let headers = headers.map(|(n, v)| (n.to_owned(), v.to_owned()));
        let answer = self.call("/webhooks/woocommerce/shop", &headers, body.as_bytes());
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["events"][0].clone()
    }

    /// A visitor comes by an ad.
    fn visit(&self) {
        let now = now_ms();
        let body = json!({
            "visitor": VISITOR, "sent_at": now, "locale": "de-DE",
            "page": {"url": "https://shop.example/?ttclid=E.C.P.click", "referrer": "", "title": "Shop"},
            "consent": {"advertising": "granted"},
            "events": [{"event_name": "Pageview", "event_id": "landing0001", "at": now}],
        });
        let headers = [
            ("origin", "https://shop.example"),
            ("user-agent", PERSON),
            ("x-forwarded-for", "203.0.113.7"),
            ("x-forwarded-proto", "https"),
        ];
        let headers = headers.map(|(n, v)| (n.to_owned(), v.to_owned()));
        assert_eq!(self.call("/x7k2/a", &headers, body.to_string().as_bytes()).status, 200);
    }

    fn purchases(&self) -> Vec<ConversionView> {
        let report = self.stand_in.sandbox.conversions();
        report.conversions.into_iter().filter(|c| c.event == "Purchase").collect()
    }

    fn purchase(&self, id: &str) -> ConversionView {
        let found = || self.purchases().into_iter().find(|c| c.order_id.as_deref() == Some(id));
        until("the purchase arrives", || found().is_some());
        found().unwrap()
    }

    fn event(&self, order: u32) -> Value {
        let id = format!("wc_order_{order}");
        let events = self.gateway.records("events");
        events.into_iter().find(|e| e["event_id"] == id.as_str()).unwrap()
    }
}

/// 32 hexadecimal digits, other ones with every call.
fn nonce() -> String {
    use std::hash::{BuildHasher, Hasher};
    let half = || std::hash::RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", half(), half())
}

fn signed(secret: &str, time_s: i64, nonce: &str, body: &[u8]) -> Vec<(String, String)> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("v1\n{time_s}\n{nonce}\n").as_bytes());
    mac.update(body);
    let digits: String = mac.finalize().into_bytes().iter().map(|b| format!("{b:02x}")).collect();
    let headers = [
        ("Content-Type", "application/json"),
        ("X-Tandem-Time", &time_s.to_string()),
        ("X-Tandem-Nonce", nonce),
        ("X-Tandem-Signature", &format!("v1={digits}")),
    ];
    headers.map(|(n, v)| (n.to_owned(), v.to_owned())).to_vec()
}

/// As the plugin makes it of a `WC_Order`, with this in its meta.
fn order(id: u32, meta: Value) -> Value {
    let now = jiff::Timestamp::from_second(now_s()).unwrap().to_string();
    let now = now.trim_end_matches('Z');
    let meta = meta.as_object().unwrap().iter().map(|(key, value)| json!({"key": key, "value": value}));
    json!({
        "id": id, "number": id.to_string(), "parent_id": 0, "status": "processing", "currency": "EUR", "total": "89.99",
        "discount_total": "0.00", "shipping_total": "0.00", "total_tax": "0.00", "date_created_gmt": now,
        "date_modified_gmt": now, "date_paid_gmt": now, "date_completed_gmt": null, "payment_method": "stripe",
        "created_via": "store-api", "customer_id": 0, "customer_ip_address": "203.0.113.7", "customer_user_agent": PERSON,
        "billing": {"email": format!("buyer-{id}@example.com"), "phone": "+4915123456789", "country": "DE"},
        "line_items": [{
            "id": 1, "product_id": 13, "variation_id": 0, "name": "Mug", "quantity": 1, "total": "89.99", "sku": "SKU-1",
        }],
        "fee_lines": [], "shipping_lines": [], "coupon_lines": [], "refunds": [], "meta_data": meta.collect::<Vec<_>>(),
    })
}

fn with(mut order: Value, field: &str, value: Value) -> Value {
    order[field] = value;
    order
}

fn code(answer: &Answer) -> (u16, String) {
    let body = answer.json();
    (answer.status, body["error"]["code"].as_str().unwrap_or_default().to_owned())
}

fn status(told: &Value) -> &str {
    told["status"].as_str().unwrap()
}

#[test]
fn the_line_of_connect_is_all_that_the_plugin_needs() {
    let shop = Shop::open("grant");
    let url = format!("http://{}/", shop.gateway.public);
    let told = shop.connect(&["--url", &url]);
    assert_eq!(told.code, 0, "{}", told.stderr);
    assert!(
        told.stderr.contains("site other has no secret") && told.stderr.contains("remark: "),
        "{}",
        told.stderr
    );
    let line = told.stdout.trim().strip_prefix("tandem1.").unwrap();
    let connection: Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(line).unwrap()).unwrap();
    let expected =
        json!({"url": url.trim_end_matches('/'), "site": "shop", "secret": SECRET, "path": "/x7k2"});
    assert_eq!(connection, expected);

    let path = format!("/plugin/{}", connection["site"].as_str().unwrap());
    let ping = br#"{"version":1,"kind":"ping","plugin":"0.1.0","wordpress":"6.8","woocommerce":"11.0.1","php":"8.2"}"#;
    for secret in [connection["secret"].as_str().unwrap(), OLDER] {
        let answer = shop.call(&path, &signed(secret, now_s(), &nonce(), ping), ping);
        assert_eq!(answer.status, 200, "{}", answer.text());
        let expected = json!({
            "status": "ready", "version": env!("CARGO_PKG_VERSION"), "site": "shop", "script": "/x7k2/s.js",
            "purchase_event_id": "wc_order_{id}", "paid_statuses": ["processing", "completed"],
            "gateways": {"cod": {"paid_statuses": ["completed"]}},
        });
        assert_eq!(answer.json(), expected);
    }
}

#[test]
fn an_order_names_its_visitor_also_before_any_page_is_heard() {
    let shop = Shop::open("grant");
    shop.orders(&[order(35, json!({"_tandem_visitor": VISITOR})), order(36, json!({}))]);
    let named = |id: &str| shop.purchase(id).user_keys.iter().any(|key| key == "external_id");
    assert_eq!((named("35"), named("36")), (true, false));
}

#[test]
fn connect_says_what_is_missing() {
    let shop = Shop::open("grant");
    let secret_of = |told: &Told| {
        assert_eq!((told.code, told.stdout.as_str()), (1, ""), "{}", told.stderr);
        assert!(told.stderr.contains("plugin_secrets = [\"env:OTHER_PLUGIN_SECRET\"]"), "{}", told.stderr);
        let secret =
            told.stderr.split("OTHER_PLUGIN_SECRET=").nth(1).unwrap().lines().next().unwrap().to_owned();
        assert!(secret.len() == 64 && secret.bytes().all(|b| b.is_ascii_hexdigit()), "{secret}");
        secret
    };
    let other = ["--site", "other", "--url", "https://gateway.example"];
    assert_ne!(secret_of(&shop.connect(&other)), secret_of(&shop.connect(&other)));
    for site in ["own-code", "nobody"] {
        let told = shop.connect(&["--site", site, "--url", "https://gateway.example"]);
        assert!(told.code == 1 && told.stderr.contains("[site.sources.woocommerce]"), "{}", told.stderr);
    }
    for url in
        ["gateway.example", "ftp://gateway.example", "https://a:b@gateway.example", "https://g.example/?x"]
    {
        assert_eq!(shop.connect(&["--url", url]).code, 2, "{url}");
    }
}

#[test]
fn only_signed_timely_and_new_requests_come_in() {
    let shop = Shop::open("grant");
    let body = json!({"version": 1, "kind": "orders", "orders": [order(1, json!({}))]}).to_string();
    let body = body.as_bytes();
    let call = |headers: &[(String, String)]| shop.call("/plugin/shop", headers, body);
    let missing = (401, "credentials_missing".to_owned());
    let wrong = (401, "credentials_wrong".to_owned());
    assert_eq!(code(&call(&[])), missing);
    for header in 1..4 {
        let mut headers = signed(SECRET, now_s(), &nonce(), body);
        headers.remove(header);
        assert_eq!(code(&call(&headers)), missing);
    }
    assert_eq!(code(&call(&signed("somebody else's secret", now_s(), &nonce(), body))), wrong);
    assert_eq!(code(&call(&signed(WEBHOOK, now_s(), &nonce(), body))), wrong);
    assert_eq!(code(&call(&signed(SECRET, now_s(), &nonce(), b"another body"))), wrong);
    let mut headers = signed(SECRET, now_s(), &nonce(), body);
    headers[1].1 = (now_s() + 60).to_string();
    assert_eq!(code(&call(&headers)), wrong, "the time is signed");
    headers = signed(SECRET, now_s(), &nonce(), body);
    headers[2].1 = nonce();
    assert_eq!(code(&call(&headers)), wrong, "the nonce is signed");

    for off in [-3_600, 3_600] {
        let before = now_s();
        let answer = call(&signed(SECRET, before + off, &nonce(), body));
        assert_eq!(code(&answer), (401, "time_off".to_owned()));
        let now = answer.json()["now"].as_i64().unwrap();
        assert!((before..=now_s()).contains(&now), "{now}");
    }
    // Who has not signed is not told the time either.
    assert!(call(&signed("x", now_s() - 3_600, &nonce(), body)).json().get("now").is_none());

    let at = |path: &str| code(&shop.call(path, &signed(SECRET, now_s(), &nonce(), body), body));
    assert_eq!(at("/plugin/other"), wrong, "it has no plugin");
    assert_eq!(at("/plugin/own-code"), (404, "unknown_site".to_owned()));
    assert_eq!(at("/plugin/nobody"), (404, "unknown_site".to_owned()));
    assert_eq!(at("/plugin/shop/"), (404, "not_found".to_owned()));
    let get = Client::new(shop.gateway.public).call("GET", "/plugin/shop", &[], b"").unwrap();
    assert_eq!(code(&get), (405, "method_not_allowed".to_owned()));
    let mut notices = shop.gateway.records("notices");
    let unclaimed = notices.len();
    notices.retain(|notice| notice["kind"] != "unclaimed");
    assert!(shop.gateway.records("events").is_empty() && notices.is_empty() && unclaimed == 3);

    let headers = signed(SECRET, now_s(), &nonce(), body);
    assert_eq!(status(&call(&headers).json()["orders"][0]), "accepted");
    assert_eq!(code(&call(&headers)), (409, "nonce_used".to_owned()));
    // A retry is a new request about the same order.
    assert_eq!(status(&call(&signed(SECRET, now_s(), &nonce(), body)).json()["orders"][0]), "duplicate");
}

#[test]
fn bodies_that_are_refused_as_a_whole() {
    let shop = Shop::open("grant");
    let orders: Vec<Value> = (1..=51).map(|id| order(id, json!({}))).collect();
    for (body, status, expected) in [
        (json!([]), 400, "request_invalid"),
        (json!({"version": 1, "kind": "refunds"}), 400, "request_invalid"),
        (json!({"version": 2, "kind": "orders", "orders": {}}), 400, "version_unknown"),
        (json!({"version": 1, "kind": "orders", "orders": orders}), 413, "too_many_orders"),
    ] {
        assert_eq!(code(&shop.hand_over(&body)), (status, expected.to_owned()));
    }
    let huge = vec![b' '; (1 << 20) + 1];
    let answer = shop.call("/plugin/shop", &signed(SECRET, now_s(), &nonce(), &huge), &huge);
    assert_eq!(code(&answer), (413, "body_too_large".to_owned()));
    assert!(shop.gateway.records("events").is_empty() && shop.gateway.records("notices").is_empty());
}

#[test]
fn good_and_bad_orders_each_have_an_answer() {
    let shop = Shop::open("grant");
    let told = shop.orders(&[
        order(11, json!({})),
        json!("no order"),
        with(order(12, json!({})), "status", json!("pending")),
        with(order(13, json!({})), "total", json!("much")),
        with(order(14, json!({})), "status", json!("refunded")),
        with(order(1, json!({})), "id", json!("buyer-1@example.com")),
        order(15, json!({})),
        order(11, json!({})),
    ]);
    let lines: Vec<Value> =
        told.iter().map(|t| json!([t["id"], t["status"], t["event_id"], t["code"]])).collect();
    let expected = [
        json!(["11", "accepted", "wc_order_11", null]),
        json!([null, "rejected", null, "body_not_object"]),
        json!(["12", "ignored", null, "order_not_paid"]),
        json!(["13", "rejected", null, "order_total_invalid"]),
        json!(["14", "ignored", null, "order_refunded"]),
        json!([null, "rejected", null, "order_id_invalid"]),
        json!(["15", "accepted", "wc_order_15", null]),
        json!(["11", "duplicate", "wc_order_11", null]),
    ];
    assert_eq!(lines, expected);
    assert!(told.iter().all(|t| t.get("code").is_none() || t["message"].is_string()), "{told:?}");
    assert!(!Value::from(told).to_string().contains('@'), "nothing personal comes back");
    shop.purchase("11");
    shop.purchase("15");
    shop.gateway.drain();
    assert_eq!(shop.purchases().len(), 2);
    assert_eq!(shop.event(11)["source"], "woocommerce");
    let notices = shop.gateway.records("notices");
    let unpaid = notices.iter().find(|n| n["code"] == "order_not_paid").unwrap();
    assert_eq!((unpaid["source"].as_str(), unpaid["order_id"].as_str()), (Some("woocommerce"), Some("12")));
}

#[test]
fn an_order_counts_once_whichever_way_comes_first() {
    let shop = Shop::open("grant");
    let (by_webhook, by_plugin) = (order(21, json!({})), order(22, json!({})));
    assert_eq!(status(&shop.webhook(&by_webhook)), "accepted");
    assert_eq!(status(&shop.orders(std::slice::from_ref(&by_plugin))[0]), "accepted");
    assert_eq!(status(&shop.webhook(&by_plugin)), "duplicate");
    assert_eq!(status(&shop.orders(std::slice::from_ref(&by_webhook))[0]), "duplicate");
    // An upsell is the difference, by either way.
    let grown = |order: &Value| {
        let order = with(order.clone(), "total", json!("99.99"));
        with(order, "date_modified_gmt", json!("2100-01-01T00:00:00"))
    };
    let told = shop.orders(&[grown(&by_webhook)]);
    assert_eq!((status(&told[0]), &told[0]["event_id"]), ("accepted", &json!("wc_order_21_bump_1")));
    assert_eq!(status(&shop.webhook(&grown(&by_webhook))), "duplicate");
    for id in ["21", "22"] {
        assert_eq!(shop.purchase(id).received, 1);
    }
    shop.gateway.drain();
    let mut values: Vec<String> = shop
        .purchases()
        .iter()
        .map(|p| format!("{} {}", p.event_id.as_deref().unwrap(), p.value.unwrap()))
        .collect();
    values.sort();
    assert_eq!(values, ["wc_order_21 89.99", "wc_order_21_bump_1 10", "wc_order_22 89.99"]);
}

#[test]
fn the_visitor_id_joins_the_order_to_its_session() {
    let shop = Shop::open("grant");
    shop.visit();
    shop.orders(&[
        order(31, json!({"_tandem_visitor": VISITOR})),
        order(32, json!({"_tandem_visitor": "no id"})),
    ]);
    let purchase = shop.purchase("31");
    for key in ["email", "phone", "external_id", "ttclid", "ip", "user_agent"] {
        assert!(purchase.user_keys.iter().any(|k| k == key), "{key} is missing: {:?}", purchase.user_keys);
    }
    let record = &shop.event(31)["body"];
    assert_eq!(record["session_id"], VISITOR);
    let supply = &record["supplied"]["ttclid"];
    assert_eq!((supply["from"].as_str(), supply["via"].as_str()), (Some("session"), Some("visitor_id")));
    assert!(!shop.purchase("32").user_keys.iter().any(|k| k == "ttclid"));
    // A stock webhook carries the same meta, and a renewal only has a copy of it.
    shop.webhook(&order(33, json!({"_tandem_visitor": VISITOR})));
    assert!(shop.purchase("33").user_keys.iter().any(|k| k == "ttclid"));
    let renewal = with(order(34, json!({"_tandem_visitor": VISITOR})), "created_via", json!("subscription"));
    shop.orders(&[renewal]);
    let purchase = shop.purchase("34");
    assert!(
        !purchase.user_keys.iter().any(|k| k == "ttclid" || k == "user_agent"),
        "{:?}",
        purchase.user_keys
    );
}

#[test]
fn what_the_plugin_kept_at_checkout_reaches_the_platform() {
    let shop = Shop::open("deny");
    let kept = json!({
        "_tandem_consent": {"advertising": "granted", "analytics": "unknown", "signal": "wp_consent_api", "at": now_ms()},
        "_tandem_ttclid": "E.C.P.kept", "_tandem_ttp": "2F7h37YkS1j57AYSKTI7IHhJPYH.tt.1", "_tandem_ip": "198.51.99.4",
        "_tandem_agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X)",
    });
    shop.orders(&[order(41, kept)]);
    let purchase = shop.purchase("41");
    for key in ["ttclid", "ttp", "ip", "user_agent"] {
        assert!(purchase.user_keys.iter().any(|k| k == key), "{key} is missing: {:?}", purchase.user_keys);
    }
    let record = &shop.event(41)["body"];
    assert_eq!(record["user"]["ttclid"], "E.C.P.kept");
    assert_eq!(record["user"]["ip"], "198.51.99.0");
    assert!(record["user"]["user_agent"].as_str().unwrap().contains("iPhone"));
    assert_eq!(record["consent"]["evidence"]["signal"], "order_consent");
}

#[test]
fn a_no_that_the_plugin_kept_stops_the_order() {
    let shop = Shop::open("grant");
    let no = json!({"advertising": "denied", "analytics": "denied", "signal": "complianz", "value": "deny"});
    let gpc = json!({"advertising": "granted", "signal": "wp_consent_api", "gpc": true});
    shop.orders(&[
        order(51, json!({ "_tandem_consent": no })),
        order(52, json!({ "_tandem_consent": gpc })),
        order(53, json!({})),
    ]);
    shop.purchase("53");
    shop.gateway.drain();
    assert_eq!(shop.purchases().len(), 1);
    let skipped = shop.gateway.records("deliveries");
    assert_eq!(skipped.iter().filter(|d| d["code"] == "consent_denied").count(), 2);
    let evidence = &shop.event(51)["body"]["consent"]["evidence"];
    assert_eq!(evidence["value"], "_tandem_consent complianz deny");
}

#[test]
fn what_was_answered_survives_a_kill() {
    let shop = Shop::open("grant");
    let orders = [order(61, json!({})), order(62, json!({}))];
    let body = json!({"version": 1, "kind": "orders", "orders": orders}).to_string();
    let headers = signed(SECRET, now_s(), &nonce(), body.as_bytes());
    let answer = shop.call("/plugin/shop", &headers, body.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.text());
    let shop = shop.killed_and_started();
    // The nonce is forgotten, the orders are not.
    let again = shop.call("/plugin/shop", &headers, body.as_bytes()).json();
    assert_eq!(again["orders"].as_array().unwrap().iter().map(status).collect::<Vec<_>>(), ["duplicate"; 2]);
    shop.purchase("61");
    shop.purchase("62");
    shop.gateway.drain();
    assert_eq!(shop.purchases().len(), 2);
}
