//! The two halves of the hybrid, without a browser: what pages tell is remembered and completes the orders that the
//! shop's server reports, whichever comes first.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod harness;

use harness::{Answer, Client, Gateway, Home, KEY, PIXEL, StandIn, now_ms, now_s, until};
use serde_json::{Value, json};
use tandem_sandbox::ConversionView;

const VISITOR: &str = "mg3k2v1x9abcdefghij0123456789";
const PERSON: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

/// A shop whose pages have the script, and whose server reports its orders.
struct Shop {
    stand_in: StandIn,
    home: Home,
    gateway: Gateway,
}

impl Shop {
    fn open(hold_seconds: u32, on_unknown: &str) -> Self {
        let stand_in = StandIn::start();
        let home = Home::new(&format!(
            r#"
            [[site]]
            id = "shop"
            consent.on_unknown = "{on_unknown}"
            [site.sources.events]
            write_keys = ["{KEY}"]
            [site.sources.browser]
            hosts = ["shop.example"]
            path = "/x7k2"
            hold_seconds = {hold_seconds}
            [site.destinations.tiktok]
            pixel_id = "{PIXEL}"
            access_token = "{}"
            base_url = "{}"
            "#,
            harness::ACCESS_TOKEN,
            stand_in.base_url()
        ));
        let gateway = home.start();
        Self { stand_in, home, gateway }
    }

    /// What a page sends, from a public address behind the shop's own web server.
    fn page(&self, body: &Value, headers: &[(&str, &str)]) -> Answer {
        let mut all = vec![
            ("origin", "https://shop.example"),
            ("user-agent", PERSON),
            ("x-forwarded-for", "203.0.113.7"),
            ("x-forwarded-proto", "https"),
            ("content-type", "text/plain;charset=UTF-8"),
        ];
        all.extend_from_slice(headers);
        let mut client = Client::new(self.gateway.public);
        client.call("POST", "/x7k2/a", &all, body.to_string().as_bytes()).unwrap()
    }

    /// An order as the shop's server reports it: no click, no browser.
    fn order(&self, id: &str, extra: Value) {
        let mut order = json!({
            "event_name": "Purchase", "event_id": format!("order_{id}"), "order_id": id, "event_time": now_s(),
            "value": 89.99, "currency": "EUR", "contents": [{"content_id": "SKU-1", "price": 89.99, "quantity": 1}],
            "user": {"email": format!("buyer-{id}@example.com"), "phone": "+4915123456789"},
        });
        order.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let answer = self.gateway.post_events(&order);
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    fn purchases(&self) -> Vec<ConversionView> {
        let report = self.stand_in.sandbox.conversions();
        report.conversions.into_iter().filter(|c| c.event == "Purchase").collect()
    }

    fn purchase(&self, id: &str) -> ConversionView {
        let of = |list: Vec<ConversionView>| list.into_iter().find(|c| c.order_id.as_deref() == Some(id));
        until("the purchase arrives", || of(self.purchases()).is_some());
        of(self.purchases()).unwrap()
    }

    fn event(&self, event_id: &str) -> Value {
        let records = self.gateway.records("events");
        let found = records.iter().find(|e| e["event_id"] == event_id && e["source"] == "events").unwrap();
        found["body"].clone()
    }
}

fn landing() -> Value {
    page(
        "https://shop.example/?ttclid=E.C.P.click",
        vec![json!({"event_name": "Pageview", "event_id": "landing0001"})],
    )
}

fn thank_you(order: &str) -> Value {
    let event = json!({
        "event_name": "Purchase", "event_id": format!("order_{order}"), "order_id": order, "value": 1, "currency": "EUR",
    });
    page("https://shop.example/thank-you", vec![event])
}

fn page(url: &str, mut events: Vec<Value>) -> Value {
    let now = now_ms();
    for event in &mut events {
        event["at"] = now.into();
    }
    json!({
        "visitor": VISITOR, "sent_at": now, "page": {"url": url, "referrer": "", "title": "Shop"}, "locale": "de-DE",
        "cookies": {"_ttp": "2F7h37YkS1j57AYSKTI7IHhJPYH.tt.1"},
        "consent": {"advertising": "granted", "evidence": "tandem('consent')"}, "events": events,
    })
}

const ALL_KEYS: &[&str] = &["email", "phone", "external_id", "ttclid", "ttp", "ip", "user_agent"];

fn assert_all_keys(purchase: &ConversionView) {
    for key in ALL_KEYS {
        assert!(purchase.user_keys.iter().any(|k| k == key), "{key} is missing: {:?}", purchase.user_keys);
    }
}

#[test]
fn a_page_that_knows_the_order_first_completes_it() {
    let shop = Shop::open(60, "deny");
    let answer = shop.page(&landing(), &[]);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["visitor"], VISITOR);
    assert_eq!(shop.page(&thank_you("1"), &[]).status, 200);
    shop.order("1", json!({}));
    // The click id is there already: nothing waits.
    let purchase = shop.purchase("1");
    assert_all_keys(&purchase);
    assert_eq!((purchase.value.unwrap().to_string().as_str(), purchase.received), ("89.99", 1));

    let event = shop.event("order_1");
    let supply = &event["supplied"]["ttclid"];
    assert_eq!((supply["from"].as_str(), supply["via"].as_str()), (Some("session"), Some("order_id")));
    assert_eq!(supply["page"], "https://shop.example/?ttclid=E.C.P.click");
    assert_eq!(event["consent"]["advertising"], "granted");
    let page_half = shop.gateway.records("deliveries");
    let page_half = page_half.iter().find(|d| d["code"] == "server_half_reports");
    assert!(page_half.is_some(), "the page's word is on record");
}

#[test]
fn a_page_that_comes_late_releases_the_order_that_waits() {
    // Longer than the test may take: only the page can release it.
    let shop = Shop::open(240, "deny");
    shop.page(&landing(), &[]);
    shop.order("2", json!({}));
    until("the order is on record", || shop.gateway.waiting() == 1);
    assert!(shop.purchases().is_empty(), "it waits for its browser half");
    shop.page(&thank_you("2"), &[]);
    assert_all_keys(&shop.purchase("2"));
    assert_eq!(shop.event("order_2")["supplied"]["ttclid"]["via"], "order_id");
}

#[test]
fn a_page_that_never_comes_loses_no_sale() {
    let shop = Shop::open(1, "grant");
    shop.order("3", json!({}));
    let purchase = shop.purchase("3");
    assert!(!purchase.user_keys.iter().any(|k| k == "ttclid"));
    until("the remark is kept", || {
        shop.event("order_3")["findings"]
            .as_array()
            .is_some_and(|f| f.iter().any(|f| f["code"] == "session_not_found"))
    });
}

#[test]
fn consent_that_the_page_tells_later_brings_the_sale_back() {
    let shop = Shop::open(1, "deny");
    shop.order("4", json!({}));
    until("it is skipped", || {
        shop.gateway.records("deliveries").iter().any(|d| d["code"] == "consent_unknown")
    });
    assert!(shop.purchases().is_empty());
    shop.page(&landing(), &[]);
    shop.page(&thank_you("4"), &[]);
    assert_all_keys(&shop.purchase("4"));
    shop.gateway.drain();
    assert_eq!(shop.purchases().len(), 1);
}

#[test]
fn the_same_address_finds_the_visitor_of_the_next_order() {
    let shop = Shop::open(1, "grant");
    shop.page(&landing(), &[]);
    shop.page(&thank_you("5"), &[]);
    let buyer = json!({"user": {"email": "Same@Example.com"}});
    shop.order("5", buyer.clone());
    shop.purchase("5");
    // Another browser, weeks later, or a renewal: only the address is the same.
    shop.order("6", buyer);
    let purchase = shop.purchase("6");
    assert!(purchase.user_keys.iter().any(|k| k == "ttclid"), "{:?}", purchase.user_keys);
    assert_eq!(shop.event("order_6")["supplied"]["ttclid"]["via"], "email");
    assert!(!purchase.user_keys.iter().any(|k| k == "user_agent"), "another browser's name is not joined");
}

#[test]
fn an_order_that_carries_the_visitor_id_needs_no_thank_you_page() {
    let shop = Shop::open(60, "grant");
    shop.page(&landing(), &[]);
    shop.order("7", json!({"session_id": VISITOR}));
    assert_all_keys(&shop.purchase("7"));
    assert_eq!(shop.event("order_7")["supplied"]["ttclid"]["via"], "visitor_id");
}

#[test]
fn sessions_survive_a_kill() {
    let shop = Shop::open(60, "grant");
    shop.page(&landing(), &[]);
    shop.page(&thank_you("8"), &[]);
    let Shop { stand_in, home, gateway } = shop;
    gateway.kill();
    let gateway = home.start();
    let shop = Shop { stand_in, home, gateway };
    shop.order("8", json!({}));
    assert_all_keys(&shop.purchase("8"));
}

#[test]
fn browsing_goes_out_under_the_pages_own_ids() {
    let shop = Shop::open(5, "deny");
    let event = json!({
        "event_name": "AddToCart", "event_id": "cart000001", "value": 24.9, "currency": "EUR",
        "contents": [{"content_id": "SKU-1", "price": 12.45, "quantity": 2}],
    });
    let body = page("https://shop.example/p?ttclid=E.C.P.click", vec![event]);
    // Sent, and sent again by the next page, which had no answer: counted once.
    for _ in 0..3 {
        assert_eq!(shop.page(&body, &[]).status, 200);
    }
    until("it arrives", || !shop.stand_in.sandbox.conversions().conversions.is_empty());
    shop.gateway.drain();
    let conversions = shop.stand_in.sandbox.conversions().conversions;
    assert_eq!(conversions.len(), 1);
    assert_eq!(conversions[0].event_id.as_deref(), Some("cart000001"));
    assert_eq!(conversions[0].received, 1);
}

#[test]
fn a_page_cannot_stand_in_the_way_of_a_sale() {
    let shop = Shop::open(1, "grant");
    // Without an order it is a Purchase all the same, and under the id of one to come.
    let forged = json!({"event_name": "Purchase", "event_id": "order_20", "value": 1, "currency": "EUR"});
    assert_eq!(shop.page(&page("https://shop.example/", vec![forged]), &[]).status, 200);
    shop.order("20", json!({}));
    let purchase = shop.purchase("20");
    assert_eq!(purchase.value.unwrap().to_string(), "89.99");
    assert_eq!(shop.purchases().len(), 1);
}

#[test]
fn a_second_report_completes_the_first_that_waits() {
    let shop = Shop::open(240, "deny");
    shop.order("21", json!({}));
    assert_eq!(shop.gateway.waiting(), 1);
    shop.order("21", json!({"consent": "granted", "user": {"ttclid": "E.C.P.second", "ip": "203.0.113.9"}}));
    let purchase = shop.purchase("21");
    for key in ["email", "phone", "ttclid", "ip"] {
        assert!(purchase.user_keys.iter().any(|k| k == key), "{key}: {:?}", purchase.user_keys);
    }
    shop.gateway.drain();
    assert_eq!((shop.purchases().len(), purchase.received), (1, 1));
}

#[test]
fn a_sale_that_was_too_late_to_wait_comes_back_too() {
    let shop = Shop::open(5, "deny");
    shop.order("22", json!({"event_time": now_s() - 600}));
    let codes =
        || -> Vec<Value> { shop.gateway.records("deliveries").iter().map(|d| d["code"].clone()).collect() };
    assert_eq!(codes(), ["consent_unknown"]);
    shop.page(&thank_you("22"), &[]);
    assert_eq!(shop.purchase("22").received, 1);
}

#[test]
fn a_servers_word_on_a_browsers_event_is_sent() {
    let shop = Shop::open(1, "grant");
    shop.order("23", json!({"channel": "browser"}));
    assert_eq!(shop.purchase("23").received, 1);
}

/// A page that has just opened cannot tell what becomes of its pixel; the one before it could.
#[test]
fn a_sale_that_the_pixel_sends_under_another_id_counts_twice_unless_it_is_blocked() {
    for (pixel, says, says_not) in [
        ("loaded", "1 event looks counted twice, worth 89.99 EUR", "not sent both"),
        ("blocked", "nothing that was sent looks counted twice", "whose pixel sent the other"),
    ] {
        let shop = Shop::open(1, "deny");
        let with_pixel = |mut body: Value, state: &str| {
            body["pixels"] = json!({"tiktok": state});
            body
        };
        assert_eq!(shop.page(&with_pixel(landing(), pixel), &[]).status, 200);
        let mut sale = thank_you("61");
        (sale["events"][0]["event_id"], sale["events"][0]["value"]) = (json!("order-61"), json!(89.99));
        assert_eq!(shop.page(&with_pixel(sale, "loading"), &[]).status, 200);
        shop.order("61", json!({}));
        shop.gateway.drain();
        let pages_word =
            shop.gateway.records("events").into_iter().find(|e| e["event_id"] == "order-61").unwrap();
        assert_eq!(pages_word["body"]["pixels"]["tiktok"], pixel);
        assert_eq!(shop.gateway.post("/api/catch-up", &json!({})).status, 200);
        let text = shop.gateway.get("/deduplication").text();
        assert!(text.contains(says) && !text.contains(says_not), "{pixel}: {text}");
        assert!(text.contains("order<mark>-</mark>61"), "{pixel}: {text}");
        // An order stands where its sale stands, though the page told of it first.
        let text = shop.gateway.get("/orders").text();
        assert!(text.contains("order_61") && text.contains("class=\"reach delivered\""), "{text}");
    }
}

#[test]
fn a_yes_taken_back_is_taken_back() {
    let shop = Shop::open(1, "grant");
    shop.page(&landing(), &[]);
    shop.page(&thank_you("24"), &[]);
    shop.order("24", json!({"user": {"email": "same@example.com"}}));
    shop.purchase("24");
    let mut no = page("https://shop.example/", vec![]);
    no["consent"] = json!({"advertising": "denied"});
    assert_eq!(shop.page(&no, &[]).status, 200);
    shop.order("25", json!({"user": {"email": "same@example.com"}}));
    let denied = || shop.gateway.records("deliveries").iter().any(|d| d["code"] == "consent_denied");
    until("the next order is not sent", denied);
    let event = shop.event("order_25");
    assert!(event["user"].get("ttclid").is_none() && event["user"].get("ip").is_none(), "{event}");
    assert_eq!(shop.purchases().len(), 1);
    let remembered = shop.gateway.get(&format!("/api/visitors/shop/{VISITOR}")).text();
    assert!(!remembered.contains("E.C.P.click") && remembered.contains("denied"), "{remembered}");
}

#[test]
fn an_order_that_two_visitors_name_is_nobodys() {
    let shop = Shop::open(1, "deny");
    shop.page(&landing(), &[]);
    shop.page(&thank_you("26"), &[]);
    let mut stranger = thank_you("26");
    stranger["visitor"] = "stranger0stranger0stranger".into();
    stranger["page"]["url"] = "https://shop.example/thank-you?ttclid=STOLEN".into();
    shop.page(&stranger, &[]);
    shop.order("26", json!({}));
    let skipped = || shop.gateway.records("deliveries").iter().any(|d| d["code"] == "consent_unknown");
    until("nobody's word counts for it", skipped);
    assert!(shop.event("order_26")["user"].get("ttclid").is_none());
}

#[test]
fn many_orders_on_one_page_are_a_lie() {
    let shop = Shop::open(1, "deny");
    let events = (0..50).map(
        |i| json!({"event_name": "Purchase", "event_id": format!("order_{i}"), "order_id": i.to_string()}),
    );
    shop.page(&page("https://shop.example/?ttclid=STOLEN", events.collect()), &[]);
    shop.order("40", json!({}));
    let skipped = || shop.gateway.records("deliveries").iter().any(|d| d["code"] == "consent_unknown");
    until("it is nobody's", skipped);
}

#[test]
fn privacy_control_reaches_the_order() {
    let told = |shop: &Shop| {
        for mut told in [landing(), thank_you("27")] {
            told["consent"] = Value::Null;
            shop.page(&told, &[("sec-gpc", "1")]);
        }
        shop.order("27", json!({}));
    };
    let shop = Shop::open(1, "grant\"\nconsent.gpc = \"limit");
    told(&shop);
    shop.purchase("27");
    assert_eq!(shop.event("order_27")["consent"]["gpc"], true);
    // By default it is a no, and nothing is remembered but that.
    let shop = Shop::open(1, "grant");
    told(&shop);
    shop.order("28", json!({}));
    shop.purchase("28");
    assert!(shop.purchases().iter().all(|p| p.order_id.as_deref() != Some("27")));
    assert_eq!(shop.event("order_27")["consent"]["evidence"]["signal"], "gpc");
}

/// Where silence is a yes, the page of a visitor who said no names the order and nobody, and says it again when it is
/// opened again; a stranger's no is not believed against the buyer's own page.
#[test]
fn a_strangers_no_reaches_the_order_unless_the_buyers_page_named_it() {
    let shop = Shop::open(1, "grant");
    let refused = |order: &str, id: &str| {
        let mut told = thank_you(order);
        told["visitor"] = json!(id);
        told["consent"] = json!({"advertising": "denied", "signal": "cookiebot"});
        shop.page(&told, &[]);
    };
    refused("31", "a0a0a0a0a0a0a0a0a0a0");
    refused("31", "c0c0c0c0c0c0c0c0c0c0");
    shop.order("31", json!({}));
    refused("32", "b0b0b0b0b0b0b0b0b0b0");
    shop.page(&thank_you("32"), &[]);
    shop.order("32", json!({}));
    shop.purchase("32");
    let record = shop.event("order_31");
    assert_eq!(record["consent"]["evidence"]["signal"], "cookiebot");
    assert!(shop.purchases().iter().all(|p| p.order_id.as_deref() != Some("31")));
}

/// A page under anybody's control puts a person into every place there is.
#[test]
fn nothing_personal_that_a_page_says_is_kept() {
    let shop = Shop::open(1, "grant");
    let (mail, phone, name) = ("wilhelmina.quarrel@example.org", "+4915123456789", "Wilhelmina-Quarrel");
    let url = format!(
        "https://shop.example/p?email={mail}&customer%5Bfirst_name%5D={name}&next=%2Fa%3Femail%3D{mail}"
    );
    let event = json!({
        "event_name": "Search", "event_id": "search0001", "search_string": mail, "description": phone,
        "properties": {"customer_name": name, "note": mail, "phone": phone}, "at": now_ms(),
        "contents": [{"content_id": mail, "content_name": mail, "brand": phone}],
    });
    let purchase = json!({"event_name": "Purchase", "event_id": format!("order_{mail}"), "order_id": mail, "at": now_ms()});
    let mut body = page(&url, vec![event, purchase]);
    body["page"]["title"] = mail.into();
    body["page"]["referrer"] = url.clone().into();
    body["user"] = json!({"email": [mail], "phone": [phone], "external_id": [mail]});
    body["cookies"] = json!({"_ttp": mail, "ttclid": phone, "mail": mail});
    body["consent"] = json!({"advertising": "granted", "evidence": mail});
    body["pixels"] = json!({"tiktok": mail});
    let agent = format!("Mozilla/5.0 (contact {mail}) Gecko");
    let mut headers: Vec<(&str, &str)> = vec![("user-agent", &agent)];
    let cookie = format!("tdv={VISITOR}; who={mail}");
    headers.push(("cookie", &cookie));
    headers.extend([("origin", "https://shop.example"), ("x-forwarded-for", "203.0.113.7")]);
    let mut client = Client::new(shop.gateway.public);
    let answer = client.call("POST", "/x7k2/a", &headers, body.to_string().as_bytes()).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let known = shop.gateway.get(&format!("/api/visitors/shop/{VISITOR}"));
    assert_eq!(known.status, 200, "the visitor is remembered, so there was something to keep");
    shop.gateway.drain();
    let mut kept = known.text() + &answer.text() + &shop.gateway.log() + &answer.head;
    for suffix in ["", "-wal"] {
        let path = format!("{}{suffix}", shop.home.store().display());
        kept += &String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default());
    }
    kept += &serde_json::to_string(&shop.stand_in.sandbox.requests()).unwrap();
    for needle in [mail, "wilhelmina.quarrel%40", "4915123456789", name] {
        let at = kept.to_lowercase().find(&needle.to_lowercase());
        assert_eq!(
            at.map(|at| kept[at.saturating_sub(60)..].chars().take(160).collect::<String>()),
            None,
            "{needle}"
        );
    }
}

#[test]
fn machines_and_the_unwilling_are_kept_out() {
    let shop = Shop::open(5, "deny");
    let robot = [("user-agent", "Mozilla/5.0 (compatible; Googlebot/2.1)")];
    let mut headers = vec![("origin", "https://shop.example"), ("x-forwarded-for", "203.0.113.7")];
    headers.extend(robot);
    let mut client = Client::new(shop.gateway.public);
    let answer = client.call("POST", "/x7k2/a", &headers, landing().to_string().as_bytes()).unwrap();
    assert_eq!(answer.status, 200);
    let mut denied = landing();
    denied["consent"] = json!({"advertising": "denied"});
    denied["events"][0]["event_id"] = "landing0002".into();
    let answer = shop.page(&denied, &[("cookie", &format!("tdv={VISITOR}; ttclid=OLD"))]);
    assert!(
        answer.headers("set-cookie").iter().all(|c| c.contains("Max-Age=0")),
        "{:?}",
        answer.headers("set-cookie")
    );
    let codes: Vec<Value> = shop.gateway.records("deliveries").iter().map(|d| d["code"].clone()).collect();
    assert!(codes.contains(&json!("bot")) && codes.contains(&json!("consent_denied")), "{codes:?}");
    shop.gateway.drain();
    assert_eq!(shop.stand_in.sandbox.requests().len(), 0, "nothing was sent");
}

#[test]
fn the_script_is_served_with_the_sites_settings() {
    let shop = Shop::open(5, "deny");
    let mut client = Client::new(shop.gateway.public);
    let mut get = |path: &str, headers: &[(&str, &str)]| client.call("GET", path, headers, b"").unwrap();
    let script = get("/x7k2/s.js", &[]);
    assert_eq!(script.status, 200);
    let text = script.text();
    assert!(text.contains("\"purchase_event_id\":\"order_{id}\"") && text.contains(PIXEL), "{text}");
    assert!(!text.contains("__TANDEM_SETTINGS__"));
    let etag = script.headers("etag")[0].clone();
    assert_eq!(get("/x7k2/s.js", &[("if-none-match", &etag)]).status, 304);
    assert_eq!(get("/x7k2/pixel.gif?ad=1", &[]).status, 204);
    for path in ["/x7k2", "/x7k2/", "/x7k2/s.0000000000000000.js", "/x7k2/../v1/events", "/other/s.js"] {
        assert_eq!(get(path, &[]).status, 404, "{path}");
    }
    assert_eq!(get("/x7k2/a", &[]).status, 405);
}

#[test]
fn pages_of_others_are_refused_and_cors_names_only_ours() {
    let shop = Shop::open(5, "deny");
    let mut client = Client::new(shop.gateway.public);
    let ask = |client: &mut Client, method: &str, origin: &str| {
        client.call(
            method,
            "/x7k2/a",
            &[("origin", origin), ("user-agent", PERSON)],
            landing().to_string().as_bytes(),
        )
    };
    let stranger = ask(&mut client, "POST", "https://evil.example").unwrap();
    assert_eq!(
        (stranger.status, stranger.json()["error"]["code"].as_str()),
        (403, Some("origin_not_allowed"))
    );
    assert!(stranger.headers("access-control-allow-origin").is_empty());
    let preflight = ask(&mut client, "OPTIONS", "https://shop.example").unwrap();
    assert_eq!(preflight.status, 204);
    assert_eq!(preflight.headers("access-control-allow-origin"), ["https://shop.example"]);
    assert_eq!(preflight.headers("access-control-allow-credentials"), ["true"]);
    let huge = vec![b' '; 70_000];
    let answer = client.call("POST", "/x7k2/a", &[("origin", "https://shop.example")], &huge).unwrap();
    assert_eq!(answer.status, 413);
}

/// A stranger who guesses the number of an order cannot allow it in the buyer's place, nor take it back.
#[test]
fn a_stranger_who_names_an_order_is_not_its_buyer() {
    let shop = Shop::open(1, "deny");
    let buyer = json!({"email": "buyer@example.com", "ip": "81.20.1.34", "user_agent": "the buyer's own"});
    let stranger = |order: &str, word: &str| {
        let mut told = thank_you(order);
        told["visitor"] = json!(format!("stranger{order}00000000"));
        told["consent"] = json!({"advertising": word, "signal": "cookiebot"});
        shop.page(&told, &[]);
    };
    stranger("51", "granted");
    shop.order("51", json!({"user": buyer}));
    // What an order itself allows, no stranger's no takes back.
    stranger("52", "denied");
    shop.order("52", json!({"user": buyer, "consent": {"advertising": "granted"}}));
    shop.purchase("52");
    let skipped = || shop.gateway.records("deliveries").iter().any(|d| d["code"] == "consent_unknown");
    until("nobody allowed it", skipped);
    assert!(shop.event("order_51")["user"].get("ttclid").is_none());
}
