//! The ways in that replace a server container: a gtag session, a Data Tag session and our own script's, with the same
//! actions, make the same canonical events; each sale counts once beside the shop's own report; what nobody takes is shown.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod harness;

use harness::{ACCESS_TOKEN, Answer, Client, Gateway, Home, PIXEL, StandIn, now_ms, now_s, until};
use serde_json::{Value, json};
use tandem_sandbox::{GA4, META, TIKTOK};

const PERSON: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const VISITOR: &str = "mg3k2v1x9abcdefghij0123456789";
const COOKIES: &str = "tdv=mg3k2v1x9abcdefghij0123456789; _ga=GA1.1.584335997.1746564151; \
                       _ga_ABC1234567=GS2.1.s1749196701$o4$g1$t1749197000$j60$l0$h0; _ttp=2F7h37YkS1j57AYSKTI7IHhJPYH.tt.1";
const GRANTED: &str = "gcs=G111&gcd=13r3r3r2r5l1";

struct Bed {
    stand_in: StandIn,
    home: Home,
    gateway: Gateway,
}

/// One site for each way in, each with the shop's server beside it.
fn sites(base_url: &str, more: &str) -> String {
    let site = |name: &str, source: &str| {
        format!(
            r#"
            [[site]]
            id = "{name}"
            consent.on_unknown = "deny"
            [site.sources.events]
            write_keys = ["key-of-{name}"]
            {source}
            [site.destinations.tiktok]
            pixel_id = "{PIXEL}"
            access_token = "{ACCESS_TOKEN}"
            base_url = "{base_url}"
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
        )
    };
    let ga4 = "[site.sources.ga4]\nmeasurement_ids = [\"G-ABC1234567\"]\napi_secrets = [\"api-secret-1\"]\n";
    site("script", "[site.sources.browser]\nhosts = [\"script.example\"]\npath = \"/x7k2\"")
        + &site("gtag", &format!("{ga4}hosts = [\"gtag.example\"]\n{more}"))
        + &site("tag", "[site.sources.data_tag]\nhosts = [\"tag.example\"]")
}

impl Bed {
    fn open(more: &str) -> Self {
        let stand_in = StandIn::start();
        let home = Home::new(&sites(&stand_in.base_url(), more));
        let gateway = home.start();
        Self { stand_in, home, gateway }
    }

    fn call(&self, method: &str, path: &str, host: &str, cookies: &str, body: &str) -> Answer {
        let origin = format!("https://{host}");
        let mut headers = vec![
            ("origin", origin.as_str()),
            ("user-agent", PERSON),
            ("x-forwarded-for", "203.0.113.7"),
            ("x-forwarded-proto", "https"),
            ("content-type", "text/plain;charset=UTF-8"),
        ];
        if !cookies.is_empty() {
            headers.push(("cookie", cookies));
        }
        Client::new(self.gateway.public).call(method, path, &headers, body.as_bytes()).unwrap()
    }

    /// The shop's server reports the order, without anything of the browser.
    fn order(&self, site: &str, id: &str) {
        let bearer = format!("Bearer key-of-{site}");
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
        let order = json!({
            "event_name": "Purchase", "event_id": format!("order_{id}"), "order_id": id, "event_time": now_s(),
            "value": 72.05, "currency": "EUR", "user": {"email": format!("buyer-{id}@example.com")},
        });
        let answer = Client::new(self.gateway.public)
            .call("POST", "/v1/events", &headers, order.to_string().as_bytes())
            .unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    /// Canonical events of a site's pages in their order, without what one format cannot carry or what tells them apart:
    /// site, source, times, the order's number, the name of the consent signal, remarks.
    fn canonical(&self, site: &str) -> Vec<Value> {
        let mut records = self.gateway.records("events");
        records.retain(|e| e["site"] == site && e["source"] != "events");
        records.reverse();
        let clean = |record: Value| {
            let mut event = record["body"].clone();
            for name in ["site", "source", "event_time", "findings"] {
                event.as_object_mut().unwrap().remove(name);
            }
            event["consent"].as_object_mut().unwrap().remove("evidence");
            for supply in event["supplied"].as_object_mut().into_iter().flat_map(|all| all.values_mut()) {
                supply.as_object_mut().unwrap().remove("seen_ms");
            }
            // Made when the visitor's first page was seen; the rest of it is the visitor's.
            if let Some((_, browser)) = event["user"]["fbp"].as_str().and_then(|fbp| fbp.rsplit_once('.')) {
                event["user"]["fbp"] = browser.to_owned().into();
            }
            let text = event
                .to_string()
                .replace(order_of(site), "ORDER")
                .replace(&format!("{site}.example"), "HOST");
            serde_json::from_str(&text).unwrap()
        };
        records.into_iter().map(clean).collect()
    }

    fn notices(&self) -> Vec<Value> {
        let mut notices = self.gateway.records("notices");
        notices.retain(|notice| notice["kind"] == "unclaimed");
        notices
    }
}

fn order_of(site: &str) -> &'static str {
    match site {
        "script" => "7771001",
        "gtag" => "7771002",
        _ => "7771003",
    }
}

fn play_script(bed: &Bed) {
    let (host, order) = ("script.example", order_of("script"));
    let item = json!({
        "content_id": "SKU-1", "content_name": "Mug", "brand": "Acme", "content_category": "Kitchen", "price": 12.45,
        "quantity": 2,
    });
    let shown = json!({"value": 24.9, "currency": "EUR", "contents": [item]});
    let event = |name: &str, id: &str, more: &Value| {
        let mut event = json!({"event_name": name, "event_id": id, "at": now_ms()});
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        event
    };
    let post = |path: &str, title: &str, events: Vec<Value>| {
        let body = json!({
            "visitor": VISITOR, "sent_at": now_ms(), "locale": "de-DE", "events": events,
            "page": {"url": format!("https://{host}{path}"), "referrer": format!("https://{host}/"), "title": title},
            "consent": {"advertising": "granted", "analytics": "granted", "evidence": "tandem('consent')"},
        });
        let answer = bed.call("POST", "/x7k2/a", host, COOKIES, &body.to_string());
        assert_eq!(answer.status, 200, "{}", answer.text());
    };
    post("/?ttclid=E.C.P.click", "Shop", vec![event("Pageview", "pv-1", &json!({}))]);
    post("/p/mug", "Mug", vec![event("ViewContent", "vc-1", &shown), event("AddToCart", "atc-1", &shown)]);
    post("/checkout", "Checkout", vec![event("InitiateCheckout", "ic-1", &shown)]);
    let mut sale = shown.clone();
    sale["value"] = json!(72.05);
    for (name, value) in [("order_id", json!(order)), ("tax", json!(11.5)), ("coupon", json!("TEN"))] {
        sale[name] = value;
    }
    post("/thank-you", "Thanks", vec![event("Purchase", &format!("order_{order}"), &sale)]);
}

const ITEM: &str = "pr1=idSKU-1~nmMug~brAcme~caKitchen~pr12.45~qt2";

fn play_gtag(bed: &Bed) {
    let (host, order) = ("gtag.example", order_of("gtag"));
    let query = |count: u32, path: &str, title: &str| {
        format!(
            "/g/collect?v=2&tid=G-ABC1234567&gtm=45je&_p=1749196701069&{GRANTED}&npa=0&dma=1&cid=584335997.1746564151\
             &ul=de-de&sr=390x844&sid=1749196701&sct=4&seg=1&dl=https%3A%2F%2F{host}{path}&dr=https%3A%2F%2F{host}%2F\
             &dt={title}&_s={count}"
        )
    };
    let landing = query(1, "%2F%3Fttclid%3DE.C.P.click", "Shop") + "&en=page_view&ep.event_id=pv-1&_et=5";
    assert_eq!(bed.call("GET", &landing, host, COOKIES, "").status, 204);
    let shown = format!("cu=EUR&epn.value=24.9&{ITEM}");
    let batch =
        format!("en=view_item&{shown}&ep.event_id=vc-1\r\n_et=3\r\nen=add_to_cart&{shown}&ep.event_id=atc-1");
    let answer = bed.call("POST", &query(2, "%2Fp%2Fmug", "Mug"), host, COOKIES, &batch);
    assert_eq!((answer.status, answer.text().as_str()), (204, ""));
    assert_eq!(answer.headers("access-control-allow-origin"), ["https://gtag.example"]);
    assert_eq!(answer.headers("access-control-allow-credentials"), ["true"]);
    assert!(answer.headers("set-cookie").iter().any(|c| c.starts_with(&format!("tdv={VISITOR}"))));
    let checkout =
        query(3, "%2Fcheckout", "Checkout") + &format!("&en=begin_checkout&{shown}&ep.event_id=ic-1");
    assert_eq!(bed.call("GET", &(checkout + "&richsstsse"), host, COOKIES, "").status, 200);
    let sale = format!(
        "en=purchase&_c=1&cu=EUR&epn.value=72.05&epn.tax=11.5&ep.coupon=TEN&{ITEM}&ep.transaction_id={order}"
    );
    // The page was left and the browser sent it twice.
    for _ in 0..2 {
        let answer = bed.call("POST", &query(4, "%2Fthank-you", "Thanks"), host, COOKIES, &sale);
        assert_eq!(answer.status, 204);
    }
}

fn play_data_tag(bed: &Bed) {
    let (host, order) = ("tag.example", order_of("tag"));
    let item = json!({
        "item_id": "SKU-1", "item_name": "Mug", "item_brand": "Acme", "item_category": "Kitchen", "price": 12.45,
        "quantity": 2,
    });
    let shown = json!({"value": 24.9, "currency": "EUR", "items": [item]});
    let post = |name: &str, id: Option<&str>, path: &str, title: &str, more: &Value| {
        let mut event = json!({
            "event_name": name, "timestamp": now_s(), "unique_event_id": format!("{}_123456789", now_ms()),
            "page_location": format!("https://{host}{path}"), "page_hostname": host,
            "page_referrer": format!("https://{host}/"), "page_title": title, "language": "de-DE",
            "screen_resolution": "390x844", "viewport_size": "390x700", "ga_session_id": "1749196701",
            "consent_state": {
                "ad_storage": true, "ad_user_data": true, "ad_personalization": true, "analytics_storage": true,
            },
        });
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        if let Some(id) = id {
            event["event_id"] = id.into();
        }
        let answer = bed.call("POST", &format!("/data?v=2&event={name}"), host, COOKIES, &event.to_string());
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.json()["unique_event_id"], event["unique_event_id"]);
    };
    post("page_view", Some("pv-1"), "/?ttclid=E.C.P.click", "Shop", &json!({}));
    post("view_item", Some("vc-1"), "/p/mug", "Mug", &shown);
    post("add_to_cart", Some("atc-1"), "/p/mug", "Mug", &shown);
    post("begin_checkout", Some("ic-1"), "/checkout", "Checkout", &shown);
    let mut sale = shown.clone();
    for (name, value) in [
        ("value", json!(72.05)),
        ("transaction_id", json!(order)),
        ("tax", json!(11.5)),
        ("coupon", json!("TEN")),
    ] {
        sale[name] = value;
    }
    post("purchase", None, "/thank-you", "Thanks", &sale);
}

#[test]
fn the_same_actions_make_the_same_events_and_each_sale_counts_once() {
    let bed = Bed::open("");
    play_script(&bed);
    play_gtag(&bed);
    play_data_tag(&bed);
    for site in ["script", "gtag", "tag"] {
        bed.order(site, order_of(site));
    }
    bed.gateway.drain();
    let of_script = bed.canonical("script");
    let names: Vec<_> = of_script.iter().map(|e| e["event_name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Pageview", "ViewContent", "AddToCart", "InitiateCheckout", "Purchase"]);
    for site in ["gtag", "tag"] {
        let others = bed.canonical(site);
        // The sale that the browser sent twice is on record twice, and was taken once.
        let others: Vec<_> = others.into_iter().take(of_script.len()).collect();
        for (ours, theirs) in of_script.iter().zip(&others) {
            assert_eq!(ours, theirs, "{site}");
        }
        assert_eq!(of_script.len(), others.len(), "{site}");
    }
    for site in ["script", "gtag", "tag"] {
        let order = order_of(site);
        for platform in [&TIKTOK, &META, &GA4] {
            let report = bed.stand_in.sandbox.on(platform).conversions();
            let sales: Vec<_> =
                report.conversions.iter().filter(|c| c.order_id.as_deref() == Some(order)).collect();
            assert_eq!(sales.len(), 1, "{site} at {}: {sales:?}", platform.name);
            let (sale, id) = (sales[0], format!("order_{order}"));
            assert_eq!((sale.received, sale.value.map(|v| v.to_string())), (1, Some("72.05".to_owned())));
            assert!(platform.name == GA4.name || sale.event_id == Some(id), "{site} at {}", platform.name);
            assert!(
                sale.user_keys.iter().any(|key| key == "email"),
                "{site} at {}: {:?}",
                platform.name,
                sale.user_keys
            );
        }
    }
    let report = bed.stand_in.sandbox.conversions();
    for site in ["script", "gtag", "tag"] {
        let order = order_of(site);
        let sales: Vec<_> = report
            .conversions
            .iter()
            .filter(|c| c.event == "Purchase" && c.order_id.as_deref() == Some(order))
            .collect();
        assert_eq!(sales.len(), 1, "{site}");
        assert_eq!(
            (sales[0].event_id.as_deref().unwrap(), sales[0].received),
            (format!("order_{order}").as_str(), 1)
        );
        assert!(sales[0].user_keys.iter().any(|key| key == "ttclid"), "{site}: {:?}", sales[0].user_keys);
    }
    let rejected = bed.gateway.records("notices");
    assert_eq!(rejected.iter().filter(|n| n["code"] == "event_name_missing").count(), 1);
}

#[test]
fn a_shop_with_gtag_alone_finds_the_click_of_an_order() {
    let bed = Bed::open("");
    let hit = |more: &str| {
        let path = format!("/g/collect?v=2&tid=G-ABC1234567&_p=7&{GRANTED}&cid=77.88&{more}");
        bed.call("GET", &path, "gtag.example", "", "")
    };
    let landing = hit("_s=1&en=page_view&dl=https%3A%2F%2Fgtag.example%2F%3Fttclid%3DE.C.P.alone");
    let cookie = landing.headers("set-cookie").into_iter().find(|c| c.starts_with("tdv=")).unwrap();
    assert!(cookie.contains("Secure") && cookie.contains("SameSite=Lax"), "{cookie}");
    assert_eq!(hit("_s=2&en=purchase&ep.transaction_id=5001&epn.value=72.05&cu=EUR").status, 204);
    // The page was seen with the order, so the shop's own report finds it. A name for analytics goes nowhere.
    assert_eq!(hit("_s=3&en=scroll").status, 204);
    bed.order("gtag", "5001");
    bed.gateway.drain();
    let report = bed.stand_in.sandbox.conversions();
    let sale = report.conversions.iter().find(|c| c.event == "Purchase").unwrap();
    assert!(sale.user_keys.iter().any(|key| key == "ttclid"), "{:?}", sale.user_keys);
    assert!(report.conversions.iter().all(|c| c.event != "scroll"));
    let scroll = bed.gateway.records("deliveries").into_iter().find(|d| d["event_name"] == "scroll").unwrap();
    assert_eq!((&scroll["state"], &scroll["code"]), (&json!("skipped"), &json!("event_not_supported")));
}

#[test]
fn with_our_script_on_the_same_pages_a_hit_without_a_shared_id_is_not_sent() {
    let bed = Bed::open("[site.sources.browser]\nhosts = [\"gtag.example\"]\npath = \"/y8m3\"");
    let hit = |more: &str| {
        let path = format!("/y8m3/g/collect?v=2&tid=G-ABC1234567&_p=7&{GRANTED}&cid=77.88&{more}");
        assert_eq!(bed.call("GET", &path, "gtag.example", "", "").status, 204);
    };
    hit("_s=1&en=view_item");
    hit("_s=2&en=add_to_cart&ep.event_id=shared-1");
    bed.gateway.drain();
    let deliveries = bed.gateway.records("deliveries");
    let of = |name: &str| deliveries.iter().find(|d| d["event_name"] == name).unwrap();
    assert_eq!(of("ViewContent")["code"], "event_id_unpaired");
    assert_eq!(of("AddToCart")["state"], "delivered");
}

#[test]
fn what_nobody_takes_is_counted_and_explained_without_its_query() {
    let bed = Bed::open("");
    let ask = |method: &str, path: &str, host: &str| bed.call(method, path, host, "", "");
    assert_eq!(ask("GET", "/collect?v=1&tid=UA-1-1&uid=needle@example.com", "gtag.example").status, 404);
    assert_eq!(ask("GET", "/g/collect?v=2&tid=G-OTHER12345&en=page_view", "gtag.example").status, 204);
    assert_eq!(ask("POST", "/g/collect?v=2&tid=G-ABC1234567&en=page_view", "evil.example").status, 403);
    assert_eq!(
        ask("POST", "/mp/collect?measurement_id=G-ABC1234567&api_secret=needle", "gtag.example").status,
        401
    );
    assert_eq!(ask("GET", "/user/needle@example.com", "gtag.example").status, 404);
    assert_eq!(ask("POST", "/webhooks/woocommerce/nobody", "gtag.example").status, 404);
    for i in 0..200 {
        ask("GET", &format!("/wp-login-{i}.php"), "gtag.example");
    }
    let notices = bed.notices();
    let of = |code: &str| {
        notices.iter().find(|n| n["code"] == code).unwrap_or_else(|| panic!("{code}: {notices:?}"))
    };
    assert!(of("universal_analytics")["field"].as_str().unwrap().ends_with("/collect"));
    assert!(of("unknown_site")["field"].as_str().unwrap().ends_with("/webhooks/woocommerce/nobody"));
    let message = of("measurement_id_unknown")["message"].as_str().unwrap();
    assert!(message.contains("G-OTHER12345") && message.contains("sources.ga4.measurement_ids"), "{message}");
    assert_eq!(
        (&of("origin_not_allowed")["site"], of("credentials_wrong")["kind"].as_str()),
        (&json!("gtag"), Some("unclaimed"))
    );
    assert!(notices.len() < 30, "{}", notices.len());
    let metrics = bed.gateway.get("/metrics").text();
    assert!(metrics.contains("tandem_unclaimed_requests_total{reason=\"no_such_path\"} 201"), "{metrics}");
    assert!(!format!("{notices:?}{metrics}{}", bed.gateway.log()).contains("needle"));
}

#[test]
fn nothing_personal_of_a_hit_is_left_behind() {
    let bed = Bed::open("");
    let person = "ep.user_data.email_address=Needle.Mail%40Example.com&ep.user_data.phone_number=%2B491719876543\
                  &ep.user_data.address.0.first_name=Needlefirst&ep.user_data.address.0.last_name=Needlelast\
                  &ep.user_data.address.0.street=Needlestreet%201&ep.note=needle.mail%40example.com";
    for (count, consent) in [(1, GRANTED), (2, "gcs=G100&gcd=13q3q3q2q5")] {
        let path = format!(
            "/g/collect?v=2&tid=G-ABC1234567&_p=7&_s={count}&{consent}&cid=77.88&en=purchase&ep.transaction_id=77&{person}"
        );
        assert_eq!(bed.call("GET", &path, "gtag.example", "", "").status, 204);
        // A mark that nobody lists, with the same in it.
        assert_eq!(
            bed.call("GET", &path.replace("G-ABC1234567", "G-ZZZ1234567"), "gtag.example", "", "").status,
            204
        );
    }
    let tag = json!({
        "event_name": "purchase", "transaction_id": "78", "userEmail": "needle.mail@example.com", "firstName": "Needlefirst",
        "user_data": {"phone_number": "+491719876543", "address": {"last_name": "Needlelast", "street": "Needlestreet 1"}},
        "consent_state": {"ad_storage": true, "ad_user_data": true},
    });
    assert_eq!(bed.call("POST", "/data", "tag.example", "", &tag.to_string()).status, 200);
    assert_eq!(
        bed.call("POST", "/data", "tag.example", "", "{\"userEmail\": \"needle.mail@example.com").status,
        200
    );
    bed.gateway.drain();
    until("the log is there", || bed.gateway.log().contains("ready"));
    let mut left = bed.gateway.log() + &bed.gateway.get("/metrics").text();
    for view in ["events", "deliveries", "attempts", "notices"] {
        left += &json!(bed.gateway.records(view)).to_string();
    }
    let emails = bed.gateway.records("events");
    assert!(
        emails.iter().any(|e| e["body"]["user"]["email"].is_array()),
        "the e-mail address was hashed and kept"
    );
    let store = bed.home.store().to_owned();
    bed.gateway.stop();
    for name in ["tandem.db", "tandem.db-wal"] {
        let bytes = std::fs::read(store.with_file_name(name)).unwrap_or_default();
        left += &String::from_utf8_lossy(&bytes);
    }
    let left = left.to_lowercase();
    for needle in ["needle", "1719876543"] {
        assert!(!left.contains(needle), "{needle} was left behind");
    }
}
