//! The demo's shop, walked through without a browser: what its pages hold, that one order is counted once, and that none is
//! sent without a yes.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod demo;
mod harness;

use demo::Demo;
use harness::{Answer, Client, until};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const TAG: &str = "<script async src=\"/x7k2/s.js\"></script>";
const VISITOR: &str = "mg3k2v1x9abcdefghij0123456789";
const AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const BUYER: &str = "billing_email=ada.sample%40example.com&billing_phone=0176+04069012&billing_first_name=Ada\
    &billing_last_name=Sample&billing_address_1=Beispielweg+7&billing_postcode=10115&billing_city=Berlin\
    &billing_country=DE";

impl Demo {
    fn visitor(&self) -> Visitor {
        Visitor { client: Client::new(self.shop), origin: format!("http://{}", self.shop), cookies: vec![] }
    }

    /// What the stand-in counted under this event id.
    fn counted(&self, event_id: &str) -> Vec<Value> {
        let answer = Client::new(self.stand_in).call("GET", "/sandbox/conversions", &[], b"").unwrap();
        let report = answer.json();
        let all = report["conversions"].as_array().unwrap();
        all.iter().filter(|c| c["event_id"] == event_id).cloned().collect()
    }

    /// The pixel on the thank-you page.
    fn pixel(&self, event_id: &str, value: f64) {
        let hit = json!({
            "event": "Purchase", "event_id": event_id, "properties": { "value": value, "currency": "EUR" },
            "context": { "pixel": { "code": "DEMOPIXEL00000000001" }, "ad": { "ttclid": "demo-click-1" } },
        });
        let answer =
            Client::new(self.stand_in).call("POST", "/api/v2/pixel", &[], hit.to_string().as_bytes());
        assert_eq!(answer.unwrap().status, 200);
    }
}

/// Somebody with a browser that keeps cookies and runs no script.
struct Visitor {
    client: Client,
    origin: String,
    cookies: Vec<(String, String)>,
}

impl Visitor {
    fn ask(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let cookies: Vec<String> = self.cookies.iter().map(|(n, v)| format!("{n}={v}")).collect();
        let cookies = cookies.join("; ");
        let origin = self.origin.clone();
        let mut all = vec![("User-Agent", AGENT), ("Cookie", cookies.as_str()), ("Origin", &origin)];
        all.extend_from_slice(headers);
        let answer = self.client.call(method, path, &all, body.as_bytes()).unwrap();
        for set in answer.head.lines().filter_map(|line| line.strip_prefix("set-cookie: ")) {
            let (name, value) = set.split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.retain(|(known, _)| known != name);
            self.cookies.push((name.to_owned(), value.to_owned()));
        }
        answer
    }

    /// What the banner's script keeps.
    fn answers(&mut self, word: &str) {
        for name in ["wp_consent_marketing", "wp_consent_statistics"] {
            self.cookies.retain(|(known, _)| known != name);
            self.cookies.push((name.to_owned(), word.to_owned()));
        }
    }

    fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn get(&mut self, path: &str) -> Answer {
        self.ask("GET", path, &[], "")
    }

    /// A page that is there.
    fn page(&mut self, path: &str) -> String {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.head);
        answer.text()
    }

    fn post(&mut self, path: &str, form: &str) -> Answer {
        self.ask("POST", path, &[("Content-Type", "application/x-www-form-urlencoded")], form)
    }

    /// What the gateway's script would send from a page.
    fn script(&mut self, mut sent: Value) {
        sent["visitor"] = VISITOR.into();
        let answer = self.ask("POST", "/x7k2/a", &[("Content-Type", "text/plain")], &sent.to_string());
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    /// Posts a form and gives where it leads.
    fn led(&mut self, path: &str, form: &str) -> String {
        let answer = self.post(path, form);
        assert_eq!(answer.status, 303, "{path}: {}\n{}", answer.head, answer.text());
        answer.head.lines().find_map(|line| line.strip_prefix("location: ")).unwrap().to_owned()
    }

    fn buys(&mut self, sku: &str, quantity: u32, method: &str) -> String {
        let wish = format!("sku={sku}&quantity={quantity}&then=checkout");
        assert_eq!(self.led("/cart/add", &wish), "/checkout");
        assert!(self.page("/checkout").contains("begin_checkout"));
        self.led("/checkout", &format!("{BUYER}&payment_method={method}"))
    }

    fn outcome(&mut self, order: &str) -> Value {
        let answer = self.get(&format!("/outcome?order={order}"));
        assert_eq!(answer.status, 200);
        answer.json()
    }

    /// Waits for the server half and gives the outcome.
    fn server_half(&mut self, order: &str) -> Value {
        self.outcome_when(order, "the server half is counted", |outcome| outcome["server"].is_object())
    }

    /// Waits until the gateway has kept the order back and gives the outcome.
    fn kept_back(&mut self, order: &str) -> Value {
        self.outcome_when(order, "the order is kept back", |outcome| outcome["state"] == "not_sent")
    }

    fn outcome_when(&mut self, order: &str, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let mut outcome = Value::Null;
        until(what, || {
            outcome = self.outcome(order);
            holds(&outcome)
        });
        outcome
    }
}

/// The number in `/checkout/order-received/123/?key=…` or `/bank/123?key=…`.
fn number(address: &str) -> String {
    address.split(['/', '?']).find(|part| part.parse::<u64>().is_ok()).unwrap().to_owned()
}

fn title(page: &str) -> &str {
    page.split("<title>").nth(1).unwrap().split(" – ").next().unwrap()
}

#[test]
fn pages_that_caches_keep_say_nothing_about_anybody() {
    let demo = Demo::start();
    let mut visitor = demo.visitor();
    let mut before = Vec::new();
    for (path, name, event) in
        [("/", "Home", "view_item_list"), ("/product/wool-throw", "Wool Throw", "view_item")]
    {
        let answer = visitor.get(path);
        let page = answer.text();
        assert_eq!((answer.status, title(&page)), (200, name));
        assert_eq!(page.matches(TAG).count(), 1, "{path}");
        assert!(page.contains(&format!("\"event\":\"{event}\"")), "{path}");
        assert!(
            page.contains("data-consent") && page.contains("src=\"/consent.js\""),
            "{path} has the banner"
        );
        assert!(answer.head.contains("cache-control: public"), "{}", answer.head);
        assert!(!answer.head.contains("set-cookie"), "{}", answer.head);
        before.push((path, page));
    }
    assert_eq!(visitor.led("/cart/add", "sku=MUG-01&quantity=2"), "/cart");
    let order = number(&visitor.buys("MUG-01", 1, "demo_card"));
    assert_eq!(visitor.led("/cart/add", "sku=MUG-01"), "/cart");
    visitor.cookies.push(("tdv".to_owned(), VISITOR.to_owned()));
    visitor.answers("deny");
    for (path, page) in before {
        let with_click = visitor.page(&format!("{path}?ttclid=demo-click-1"));
        assert_eq!(with_click, page, "{path} is the same for everybody");
        assert!(!page.contains(&order));
    }
    for path in ["/cart", "/checkout"] {
        let answer = visitor.get(path);
        assert_eq!(answer.text().matches(TAG).count(), 1, "{path}");
        assert!(answer.head.contains("cache-control: private, no-store"), "{path}: {}", answer.head);
    }
    assert_eq!(visitor.get("/product/nothing").status, 404);
    assert_eq!(visitor.get(&format!("/checkout/order-received/{order}/?key=wrong")).status, 404);
}

#[test]
fn an_order_by_card_is_counted_once_with_what_the_visit_knew() {
    let demo = Demo::start();
    let mut visitor = demo.visitor();
    visitor.answers("allow");
    assert!(visitor.page("/").contains("/product/stoneware-mug"));
    assert!(visitor.page("/product/stoneware-mug").contains("€18.00"));
    let script = visitor.page("/x7k2/s.js");
    assert!(!script.contains("<html"), "{script}");

    // By script, in place.
    let headers = [("Content-Type", "application/x-www-form-urlencoded"), ("Accept", "application/json")];
    let added = visitor.ask("POST", "/cart/add", &headers, "sku=MUG-01&quantity=2&then=cart");
    assert_eq!(added.json()["pieces"], 2);
    assert!(visitor.page("/cart").contains("€40.90"));

    // What the page's script would send from the checkout.
    let email =
        Sha256::digest("ada.sample@example.com").iter().map(|b| format!("{b:02x}")).collect::<String>();
    let url = format!("{}/?ttclid=demo-click-1", visitor.origin);
    visitor.script(json!({ "user": { "email": [email] }, "page": { "url": url } }));
    assert!(visitor.cookie("tdv").is_some(), "{:?}", visitor.cookies);
    assert_eq!(visitor.cookie("ttclid"), Some("demo-click-1"));

    let missing = visitor.post("/checkout", "payment_method=demo_card&billing_email=ada&billing_city=");
    assert_eq!(missing.status, 422);
    assert!(missing.text().contains("Enter an e-mail address") && missing.text().contains("aria-invalid"));

    let thanks = visitor.led("/checkout", &format!("{BUYER}&payment_method=demo_card"));
    let order = number(&thanks);
    let page = visitor.page(&thanks);
    assert_eq!((title(&page), page.matches(TAG).count()), ("Thank you", 1));
    let layer = page.lines().find(|line| line.contains("\"event\":\"purchase\"")).unwrap();
    assert!(layer.contains(&format!("\"transaction_id\":\"{order}\"")) && layer.contains("\"value\":40.9"));
    assert!(visitor.page("/cart").contains("It is empty"));

    let outcome = visitor.server_half(&order);
    assert_eq!((&outcome["state"], &outcome["counted"]), (&json!("server_only"), &json!(1)), "{outcome}");
    let keys = outcome["server"]["keys"].as_array().unwrap();
    for key in ["email", "phone", "ip", "user_agent", "ttclid", "external_id"] {
        assert!(keys.contains(&json!(key)), "no {key} in {outcome}");
    }
    assert!(outcome["detail"].as_str().unwrap().contains("found by the hashed e-mail address"), "{outcome}");

    let event_id = format!("wc_order_{order}");
    demo.pixel(&event_id, 40.9);
    let outcome = visitor.outcome(&order);
    assert_eq!((&outcome["state"], &outcome["received"]), (&json!("both"), &json!(2)), "{outcome}");
    assert_eq!((&outcome["counted"], &outcome["settled"]), (&json!(1), &json!(true)));
    assert_eq!(
        (&outcome["answer"], &outcome["headline"]),
        (&json!("You accepted"), &json!("Reported twice, counted once"))
    );
    assert_eq!(outcome["ruling"]["consent"], "send:order_consent", "{outcome}");
    let counted = demo.counted(&event_id);
    assert_eq!(counted.len(), 1, "{counted:?}");
    assert_eq!((&counted[0]["value"], &counted[0]["currency"]), (&json!("40.9"), &json!("EUR")));
    assert_eq!(counted[0]["order_id"], order.as_str());

    // The platform has it a moment before the gateway's log says so.
    let mut record = String::new();
    until("the record says delivered", || {
        record = visitor.page(&format!("/record/{order}"));
        record.contains("tiktok: delivered")
    });
    assert!(record.contains("found by the hashed e-mail address"));
    assert!(!record.contains(TAG) && !record.contains("ada.sample@"), "nothing personal is on record");
}

#[test]
fn an_order_by_bank_is_counted_once_it_is_paid() {
    let demo = Demo::start();
    let mut visitor = demo.visitor();
    visitor.answers("allow");
    let bank = visitor.buys("THROW-01", 1, "demo_bank");
    let order = number(&bank);
    let key = bank.split("key=").nth(1).unwrap().to_owned();
    let page = visitor.page(&bank);
    assert!(page.contains("€89.00") && !page.contains("/x7k2/"), "a bank has no tag of the shop");
    assert_eq!(visitor.outcome(&order)["state"], "unpaid");

    let thanks = visitor.led(&format!("/bank/{order}"), &format!("key={key}&choice=pay"));
    assert_eq!(thanks, format!("/checkout/order-received/{order}/?key={key}"));
    // Pressed twice.
    assert_eq!(visitor.led(&format!("/bank/{order}"), &format!("key={key}&choice=pay")), thanks);
    let page = visitor.page(&thanks);
    assert!(page.contains("\"event\":\"purchase\"") && page.contains("\"value\":89.0"), "{page}");
    // The page tells its half, and that the pixel is blocked.
    let event_id = format!("wc_order_{order}");
    visitor.script(json!({
        "pixels": { "tiktok": "blocked" },
        "events": [{ "event_name": "Purchase", "event_id": event_id, "order_id": order, "value": 89, "currency": "EUR" }],
    }));

    let outcome = visitor.server_half(&order);
    assert_eq!((&outcome["counted"], &outcome["received"]), (&json!(1), &json!(1)), "{outcome}");
    assert_eq!(outcome["headline"], "Your blocker stopped the pixel");
    let strip = visitor.get("/outcome").json();
    assert_eq!((&strip["known"], &strip["events"][0]["name"]), (&json!(true), &json!("Purchase")), "{strip}");
    assert_eq!(
        (&strip["events"][0]["browser"], &strip["events"][0]["server"]),
        (&json!(false), &json!(true))
    );
    let counted = demo.counted(&format!("wc_order_{order}"));
    assert_eq!(counted.len(), 1);
    assert_eq!((&counted[0]["value"], &counted[0]["currency"]), (&json!("89"), &json!("EUR")));
}

#[test]
fn an_order_that_was_cancelled_at_the_bank_counts_nothing() {
    let demo = Demo::start();
    let mut visitor = demo.visitor();
    let bank = visitor.buys("CANDLE-02", 1, "demo_bank");
    let order = number(&bank);
    let key = bank.split("key=").nth(1).unwrap().to_owned();
    let back = visitor.led(&format!("/bank/{order}"), &format!("key={key}&choice=cancel"));
    let page = visitor.page(&back);
    assert!(page.contains("Cancelled.") && !page.contains("\"event\":\"purchase\""));
    assert!(visitor.page("/cart").contains("Beeswax Candles"), "the cart is as it was");
    // Another buyer's order is behind it in every queue.
    visitor.answers("allow");
    let other = visitor.buys("MUG-01", 1, "demo_card");
    visitor.server_half(&number(&other));
    assert_eq!(visitor.outcome(&order)["counted"], 0);
    assert!(demo.counted(&format!("wc_order_{order}")).is_empty());
}

#[test]
fn a_declined_order_is_on_record_and_not_sent() {
    let demo = Demo::start();
    let mut visitor = demo.visitor();
    visitor.answers("deny");
    let thanks = visitor.buys("MUG-01", 1, "demo_card");
    let order = number(&thanks);
    let outcome = visitor.kept_back(&order);
    assert_eq!(
        outcome["ruling"],
        json!({
            "state": "skipped", "code": "consent_denied", "consent": "suppress:order_consent",
        })
    );
    assert_eq!((&outcome["counted"], &outcome["received"]), (&json!(0), &json!(0)), "{outcome}");
    assert_eq!((&outcome["browser"], &outcome["server"]), (&Value::Null, &Value::Null));
    assert_eq!(
        (&outcome["answer"], &outcome["headline"]),
        (&json!("You declined"), &json!("Neither half was sent"))
    );

    let page = visitor.page(&thanks);
    for text in
        ["You declined", "Neither half was sent", "not sent", "consent_denied", "suppress:order_consent"]
    {
        assert!(page.contains(text), "no {text} in {page}");
    }
    let record = visitor.page(&format!("/record/{order}"));
    assert!(record.contains("_tandem_consent wp_consent_api wp_consent_marketing=deny"), "{record}");
    let strip = visitor.get("/outcome").json();
    assert!(strip["empty"].as_str().unwrap().contains("you declined"), "{strip}");

    // A yes for what comes later is none for this order.
    visitor.answers("allow");
    visitor.script(json!({
        "events": [{ "event_name": "Purchase", "event_id": format!("wc_order_{order}"), "order_id": order,
            "value": 22.9, "currency": "EUR" }],
    }));
    let other = visitor.buys("MUG-01", 1, "demo_card");
    assert_eq!(visitor.server_half(&number(&other))["answer"], "You accepted");
    assert_eq!(visitor.outcome(&order)["state"], "not_sent");
    assert!(demo.counted(&format!("wc_order_{order}")).is_empty());
}

#[test]
fn an_order_without_an_answer_waits_for_one() {
    let demo = Demo::start();
    let mut visitor = demo.visitor();
    let order = number(&visitor.buys("CANDLE-02", 2, "demo_card"));
    let outcome = visitor.kept_back(&order);
    assert_eq!(
        outcome["ruling"],
        json!({
            "state": "skipped", "code": "consent_unknown", "consent": "suppress:no_signal",
        })
    );
    assert_eq!((&outcome["answer"], &outcome["counted"]), (&json!("You have not answered"), &json!(0)));
    assert!(!visitor.page(&format!("/record/{order}")).contains("_tandem_consent"));

    visitor.answers("deny");
    assert_eq!(visitor.outcome(&order)["answer"], "You declined after you ordered");

    visitor.answers("allow");
    let event_id = format!("wc_order_{order}");
    visitor.script(json!({
        "events": [{ "event_name": "Purchase", "event_id": event_id, "order_id": order, "value": 34.7, "currency": "EUR" }],
    }));
    let outcome = visitor.server_half(&order);
    assert_eq!(outcome["answer"], "You accepted after you ordered");
    assert_eq!(outcome["ruling"]["consent"], "send:wp_consent_api", "{outcome}");
    assert_eq!(demo.counted(&event_id).len(), 1);
}

#[test]
fn the_shop_sets_no_cookie_of_its_own_accord_but_the_carts() {
    let demo = Demo::start();
    let mut visitor = demo.visitor();
    for path in ["/", "/product/wool-throw", "/cart", "/x7k2/s.js", "/shop.js", "/consent.js", "/outcome"] {
        assert!(!visitor.get(path).head.contains("set-cookie"), "{path}");
    }
    let thanks = visitor.buys("MUG-01", 1, "demo_card");
    visitor.page(&thanks);
    let names: Vec<&str> = visitor.cookies.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["shop_session"]);
    let strip = visitor.get("/outcome").json();
    assert!(strip["empty"].as_str().unwrap().contains("you have not answered yet"), "{strip}");
}

#[test]
fn a_browser_that_says_no_outweighs_the_banner() {
    let demo = Demo::start();
    let mut visitor = demo.visitor();
    visitor.answers("allow");
    assert_eq!(visitor.led("/cart/add", "sku=MUG-01&then=checkout"), "/checkout");
    let headers = [("Content-Type", "application/x-www-form-urlencoded"), ("Sec-GPC", "1")];
    let placed = visitor.ask("POST", "/checkout", &headers, &format!("{BUYER}&payment_method=demo_card"));
    let thanks = placed.head.lines().find_map(|line| line.strip_prefix("location: ")).unwrap().to_owned();
    let outcome = visitor.kept_back(&number(&thanks));
    assert_eq!(outcome["ruling"]["code"], "consent_denied");
    assert_eq!(outcome["ruling"]["consent"], "suppress+limited:gpc");
    assert_eq!(outcome["answer"], "Your browser declined for you");
}
