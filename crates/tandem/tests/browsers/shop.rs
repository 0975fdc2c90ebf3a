//! A shop under test: pages as shops have them, a gateway behind the shop's own path, and a stand-in for TikTok behind a
//! host of its own. Everything a browser asks for goes over the front and is on its record.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{Html, IntoResponse, Response};
use serde_json::{Value, json};
use tandem_sandbox::{ConversionView, Options};

use crate::browser::Browser;
use crate::driver::Kind;
use crate::front::{Front, Origin, Outcome, Seen};
use crate::harness::{self, Client, Gateway, Home, PIXEL, StandIn, now_s, until};
use crate::orders::{self, Delivery};

/// Where the shopper is, as the shop's own proxy sees it.
pub(crate) const SHOPPER: &str = "203.0.113.25";

pub(crate) const EMAIL: &str = "Ada.Sample@Example.com";
pub(crate) const PHONE: &str = "(415) 555-0132";

/// Order numbers differ between tests only where they share nothing; within one they count up.
const FIRST_ORDER: u64 = 900;

/// The header in which the shop's proxy names the shopper's country.
pub(crate) const COUNTRY: &str = "x-country";

/// The line that loads the script.
pub(crate) const TAG: &str = "<script async src=\"/x7k2/s.js\"></script>";

/// What the shop's set-up varies in.
pub(crate) struct Setup {
    pub(crate) consent: &'static str,
    pub(crate) hold_seconds: u32,
    /// Further lines of `[site.sources.browser]`.
    pub(crate) more: &'static str,
    /// Further lines of `[site.destinations.tiktok]`.
    pub(crate) destination: &'static str,
    /// Where the shopper is, as the shop's proxy tells the gateway; without one it tells nothing.
    pub(crate) country: Option<&'static str>,
    /// Over TLS, and the gateway on a subdomain.
    pub(crate) subdomain: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            consent: "grant",
            hold_seconds: 240,
            more: "",
            destination: "",
            country: None,
            subdomain: false,
        }
    }
}

pub(crate) struct Shop {
    // First, so that it goes first: a browser that still asks is nobody's fault.
    pub(crate) browser: Browser,
    pub(crate) front: Front,
    pub(crate) origin: Origin,
    /// TikTok's host as the page sees it.
    pub(crate) pixel: Origin,
    /// Where the gateway is reached, when that is not the shop's own host.
    pub(crate) data: Option<Origin>,
    pub(crate) stand_in: StandIn,
    pub(crate) gateway: Gateway,
    pub(crate) home: Home,
    counter: Arc<AtomicU64>,
    template: Delivery,
    /// Where the payment service sends the shopper back to.
    pub(crate) bank: Origin,
    orders: Arc<Mutex<Vec<String>>>,
}

impl Shop {
    pub(crate) fn open(kind: Kind) -> Self {
        Self::with(kind, &Setup::default())
    }

    pub(crate) fn with(kind: Kind, setup: &Setup) -> Self {
        // The whole log of a scenario is looked at.
        let options = Options { rate_per_s: None, log_requests: 10_000, ..Options::default() };
        let stand_in = StandIn::with(options);
        let front = Front::start();
        let origin = if setup.subdomain { front.https("shop.localhost") } else { front.http("localhost") };
        let data = setup.subdomain.then(|| front.https("t.shop.localhost"));
        let pixel = if setup.subdomain { front.https("127.0.0.1") } else { front.http("127.0.0.1") };
        pixel.forward("/", stand_in.address, SHOPPER);
        let template = orders::delivery("01b-order-updated");
        let home =
            Home::new(&sites(setup, &stand_in, &pixel, template.secret.as_deref().expect("its secret")));
        if setup.country.is_some() {
            hear_countries(&home);
        }
        let gateway = home.start();
        let headers: Vec<_> = setup.country.iter().map(|country| (COUNTRY, *country)).collect();
        data.as_ref().unwrap_or(&origin).forward_with("/x7k2/", gateway.public, SHOPPER, &headers);
        let bank = front.http("127.0.0.1");
        let shop = Self {
            browser: Browser::start(kind),
            front,
            origin,
            pixel,
            data,
            stand_in,
            gateway,
            home,
            counter: Arc::new(AtomicU64::new(FIRST_ORDER)),
            template,
            bank,
            orders: Arc::default(),
        };
        shop.serve_pages();
        shop
    }

    /// The line for the head of every page.
    pub(crate) fn tag(&self) -> String {
        match &self.data {
            Some(data) => format!("<script async src=\"{}\"></script>", data.url("/x7k2/s.js")),
            None => TAG.to_owned(),
        }
    }

    fn serve_pages(&self) {
        let tag = self.tag();
        let page = move |body: &str| Html(page(&tag, body));
        let on = |path: &str, body: &'static str| {
            let page = page.clone();
            self.origin.on(path, move |_| page(body));
        };
        on("/", "<h1>Shop</h1><a id=product href=/product/mug>Mug</a>");
        on("/product/mug", PRODUCT);
        on("/cart", "<h1>Cart</h1><a id=checkout href=/checkout>Checkout</a>");
        on("/checkout", CHECKOUT);
        let thanks = page.clone();
        self.origin.on("/thank-you", move |seen| thanks(&thank_you(seen)));
        self.origin.on("/pay", self.pay("/thank-you"));
    }

    /// The shop's server: takes the payment, reports the order, and sends the shopper on. The webhook comes before the
    /// page that thanks for it, which is the harder order of the two.
    pub(crate) fn pay(&self, next: &str) -> impl Fn(&Seen) -> Response + Send + Sync + use<> {
        let (counter, template) = (self.counter.clone(), self.template.clone());
        let (public, orders, next) = (self.gateway.public, self.orders.clone(), next.to_owned());
        move |seen| {
            let id = counter.fetch_add(1, Ordering::Relaxed);
            let webhook = paid(&template, id, seen.header("user-agent"));
            let mut client = Client::new(public);
            let answer =
                client.call("POST", "/webhooks/woocommerce/shop", &webhook.header_refs(), &webhook.body);
            let answer = answer.expect("the gateway answers");
            assert_eq!(answer.json()["events"][0]["status"], "accepted", "{}", answer.text());
            orders.lock().expect("no panic").push(id.to_string());
            let next = format!("{next}?order={id}&key=wc_order_secret");
            (StatusCode::SEE_OTHER, [(LOCATION, next)]).into_response()
        }
    }

    /// From a landing by an ad to the thank-you page, as people go.
    pub(crate) fn buy(&self) {
        self.land();
        self.walk_to_checkout();
        self.pay_now();
        self.browser.wait_until("location.pathname === '/thank-you'");
    }

    pub(crate) fn land(&self) {
        self.browser.goto(&self.origin.url("/?utm_source=tiktok&ttclid=E.C.P.click-0001"));
        self.wait_for_script();
    }

    /// The script is there and its first news have been answered.
    pub(crate) fn wait_for_script(&self) {
        self.browser.wait_until("document.cookie.includes('tdv=')");
    }

    pub(crate) fn walk_to_checkout(&self) {
        let browser = &self.browser;
        browser.goto(&self.origin.url("/product/mug"));
        browser.click("#add");
        browser.wait_until("document.querySelector('#add').textContent === 'In the cart'");
        browser.click("#buy");
        browser.wait_until("location.pathname === '/cart'");
        browser.click("#checkout");
        browser.wait_until("location.pathname === '/checkout'");
        browser.fill("#billing_email", EMAIL);
        browser.fill("#billing_phone", PHONE);
        // Leaving the field is what says that it is filled in.
        browser.click("h1");
    }

    /// The gateway has the address typed at checkout. Without this the order may be faster, and waits for its page.
    pub(crate) fn wait_until_known(&self) {
        self.front.wait_for("the gateway knows who it is", |seen| {
            let body: Value = serde_json::from_slice(&seen.body).unwrap_or_default();
            let taken = matches!(seen.outcome, Outcome::Answered(status, _) if status.is_success());
            seen.path == "/x7k2/a" && body["user"]["email"][0].is_string() && taken
        });
    }

    pub(crate) fn pay_now(&self) {
        self.browser.click("#place_order");
    }

    /// The number of the last order that was paid.
    pub(crate) fn order(&self) -> String {
        let orders = self.orders.clone();
        until("an order is paid", || !orders.lock().expect("no panic").is_empty());
        let orders = self.orders.lock().expect("no panic");
        orders.last().cloned().expect("just seen")
    }

    pub(crate) fn conversions(&self, event: &str) -> Vec<ConversionView> {
        let all = self.stand_in.sandbox.conversions().conversions;
        all.into_iter().filter(|c| c.event == event).collect()
    }

    /// The one conversion of this name, when both halves of it have arrived.
    pub(crate) fn merged(&self, event: &str) -> ConversionView {
        until(&format!("both halves of {event}"), || {
            let found = self.conversions(event);
            found.iter().any(|c| c.channels.len() == 2)
        });
        self.one(event)
    }

    /// The one conversion of this name.
    pub(crate) fn one(&self, event: &str) -> ConversionView {
        until(&format!("a {event}"), || !self.conversions(event).is_empty());
        let mut found = self.conversions(event);
        assert_eq!(found.len(), 1, "{found:#?}");
        found.remove(0)
    }

    /// The gateway's own record of the order's event.
    pub(crate) fn record(&self, order: &str) -> Value {
        let events = self.gateway.records("events");
        let of_order = |e: &&Value| e["order_id"] == order && e["source"] == "woocommerce";
        events.iter().find(of_order).expect("the order's event")["body"].clone()
    }

    /// What the page told the gateway, body by body.
    pub(crate) fn told(&self) -> Vec<Value> {
        let posts = self.front.seen_at("/x7k2/a");
        posts.iter().filter_map(|seen| serde_json::from_slice(&seen.body).ok()).collect()
    }

    /// Names and ids of the events it told of.
    pub(crate) fn told_events(&self) -> Vec<(String, String)> {
        let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
        let bodies = self.told();
        let events = bodies.iter().flat_map(|body| body["events"].as_array().into_iter().flatten());
        events.map(|e| (text(&e["event_name"]), text(&e["event_id"]))).collect()
    }

    /// How often the pixel fired this event.
    pub(crate) fn fired(&self, event: &str) -> usize {
        let hits = self.front.seen_at("/api/v2/pixel");
        let of =
            |seen: &&Seen| serde_json::from_slice::<Value>(&seen.body).is_ok_and(|hit| hit["event"] == event);
        hits.iter().filter(of).count()
    }

    /// No request carried the shopper's address or number in clear, but for the order that the shop itself takes.
    pub(crate) fn assert_nothing_personal(&self) {
        let number: String = PHONE.chars().filter(char::is_ascii_digit).collect();
        let needles = [EMAIL.to_lowercase(), EMAIL.to_lowercase().replace('@', "%40"), number];
        let seen = self.front.seen();
        assert!(seen.len() > 5, "the record is too short to mean anything");
        for request in seen.iter().filter(|seen| seen.path != "/pay") {
            let headers: String = request.headers.values().filter_map(|v| v.to_str().ok()).collect();
            let all = format!("{}?{:?} {headers} {}", request.path, request.query, request.text());
            let all: String = all.to_lowercase().chars().filter(|c| !" -().".contains(*c)).collect();
            for needle in &needles {
                let needle: String = needle.chars().filter(|c| !" -().".contains(*c)).collect();
                assert!(!all.contains(&needle), "{needle} in {} {}", request.method, request.path);
            }
        }
    }

    /// Names of the cookies that answers of the gateway set, and not scripts.
    pub(crate) fn cookies_by_answers(&self) -> Vec<String> {
        let posts = self.front.seen_at("/x7k2/a");
        let answers = posts.iter().filter_map(|seen| match &seen.outcome {
            Outcome::Answered(_, headers) => Some(headers),
            _ => None,
        });
        let set = answers.flat_map(|headers| headers.get_all("set-cookie")).filter_map(|v| v.to_str().ok());
        set.filter_map(|cookie| Some(cookie.split_once('=')?.0.to_owned())).collect()
    }
}

/// All that a purchase can carry for a guest who came by an ad.
pub(crate) const ALL_KEYS: &[&str] = &["email", "phone", "external_id", "ttclid", "ttp", "ip", "user_agent"];

pub(crate) fn assert_keys(purchase: &ConversionView, keys: &[&str]) {
    for key in keys {
        assert!(purchase.user_keys.iter().any(|k| k == key), "{key} is missing: {:?}", purchase.user_keys);
    }
}

fn sites(setup: &Setup, stand_in: &StandIn, pixel: &Origin, secret: &str) -> String {
    let Setup { consent, hold_seconds: hold, more, destination, .. } = setup;
    let hosts = if setup.subdomain { "shop.localhost" } else { "localhost" };
    let domain = if setup.subdomain { "cookie_domain = \"shop.localhost\"" } else { "" };
    format!(
        r#"
        [[site]]
        id = "shop"
        currency = "USD"
        country = "US"
        consent.on_unknown = "{consent}"
        [site.sources.woocommerce]
        secrets = [{}]
        [site.sources.browser]
        hosts = ["{hosts}"]
        path = "/x7k2"
        bots = "send"
        forms = true
        hold_seconds = {hold}
        {domain}
        {more}
        [site.destinations.tiktok]
        pixel_id = "{PIXEL}"
        access_token = "{}"
        base_url = "{}"
        pixel_script = "{}"
        {destination}
        "#,
        json!(secret),
        harness::ACCESS_TOKEN,
        stand_in.base_url(),
        pixel.url("/i18n/pixel/events.js"),
    )
}

/// Lets the gateway read the proxy's header.
fn hear_countries(home: &Home) {
    let text = std::fs::read_to_string(home.config()).expect("the configuration");
    let line = format!("[server]\ncountry_header = \"{COUNTRY}\"");
    std::fs::write(home.config(), text.replacen("[server]", &line, 1)).expect("the configuration");
}

/// A captured order under another number, paid just now, without anything that tells of a click.
pub(crate) fn paid(template: &Delivery, id: u64, user_agent: &str) -> Delivery {
    let now =
        jiff::Timestamp::from_second(now_s()).expect("a time").strftime("%Y-%m-%dT%H:%M:%S").to_string();
    template.changed(|order| {
        order["id"] = id.into();
        order["number"] = id.to_string().into();
        order["order_key"] = "wc_order_secret".into();
        order["meta_data"] = json!([]);
        order["customer_ip_address"] = SHOPPER.into();
        order["customer_user_agent"] = user_agent.into();
        for date in ["date_created", "date_modified", "date_paid"] {
            order[date] = now.clone().into();
            order[format!("{date}_gmt")] = now.clone().into();
        }
        order["billing"]["email"] = EMAIL.into();
        order["billing"]["phone"] = PHONE.into();
    })
}

/// A whole page.
pub(crate) fn page(head: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=en><head><meta charset=utf-8><title>Shop</title>\
         <script>window.dataLayer = window.dataLayer || []</script>{head}</head><body>{body}</body></html>"
    )
}

const MUG: &str = r#"{item_id: "MUG-01", item_name: "Stoneware Mug", price: 18, quantity: 1}"#;

/// A product page: adds by script and stays, or by a link that leaves at once.
const PRODUCT: &str = r##"<h1>Mug</h1><button id=add>Add</button> <a id=buy href=/cart>Buy now</a><script>
    const ecommerce = {currency: "USD", value: 18,
        items: [{item_id: "MUG-01", item_name: "Stoneware Mug", price: 18, quantity: 1}]};
    dataLayer.push({event: "view_item", ecommerce});
    const add = () => dataLayer.push({event: "add_to_cart", ecommerce});
    document.querySelector("#add").onclick = async (e) => { add(); e.target.textContent = "In the cart" };
    document.querySelector("#buy").onclick = add;
    </script>"##;

const CHECKOUT: &str = r#"<h1>Checkout</h1><form method=post action=/pay>
    <input id=billing_email name=billing_email type=email><input id=billing_phone name=billing_phone type=tel>
    <select name=billing_country><option>US</select><button id=place_order>Pay</button></form><script>
    dataLayer.push({event: "begin_checkout", ecommerce: {currency: "USD", value: 27.61,
        items: [{item_id: "MUG-01", item_name: "Stoneware Mug", price: 18, quantity: 1}]}});
    </script>"#;

fn thank_you(seen: &Seen) -> String {
    let query = seen.query.clone().unwrap_or_default();
    let order = query.split('&').find_map(|pair| pair.strip_prefix("order=")).unwrap_or_default().to_owned();
    format!(
        r#"<h1>Thank you</h1><script>dataLayer.push({{event: "purchase", ecommerce: {{transaction_id: "{order}",
        currency: "USD", value: 27.61, items: [{MUG}]}}}})</script>"#
    )
}
