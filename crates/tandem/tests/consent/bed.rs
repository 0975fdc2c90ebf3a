//! One shop whose deliveries can be made to wait: what its pages, its server and its webhooks tell, and what came of it.

use serde_json::{Value, json};
use tandem_sandbox::Options;

use super::harness::{ACCESS_TOKEN, Client, Gateway, Home, KEY, PIXEL, StandIn, now_ms, now_s, until};
use super::shop::sign;
use super::sites::{self, SECRET};
use super::ways::gmt;

pub(crate) const PATH: &str = "/x7k2";

pub(crate) struct Bed {
    pub(crate) stand_in: StandIn,
    pub(crate) home: Home,
    pub(crate) gateway: Gateway,
}

impl Bed {
    /// Silence is a no here, so that whatever is sent was allowed.
    pub(crate) fn open() -> Self {
        Self::with("requires = [\"advertising\"]")
    }

    /// With these rules of the destination's.
    pub(crate) fn with(consent: &str) -> Self {
        let stand_in = sites::stand_in();
        let home = Home::new(&format!(
            r#"
            [[site]]
            id = "shop"
            consent.on_unknown = "deny"
            [site.sources.events]
            write_keys = ["{KEY}"]
            [site.sources.woocommerce]
            secrets = ["{SECRET}"]
            [site.sources.browser]
            hosts = ["shop.example"]
            path = "{PATH}"
            hold_seconds = 0
            [site.destinations.tiktok]
            pixel_id = "{PIXEL}"
            access_token = "{ACCESS_TOKEN}"
            base_url = "{}"
            [site.destinations.tiktok.consent]
            {consent}
            "#,
            stand_in.base_url()
        ));
        let gateway = home.start();
        Self { stand_in, home, gateway }
    }

    /// From now on everything waits: the platform takes the credential no more.
    pub(crate) fn hold(&self) {
        let options = self.stand_in.sandbox.options();
        let refusing = Options { revoked_tokens: vec![ACCESS_TOKEN.into()], ..options };
        self.stand_in.sandbox.set_options(refusing).unwrap();
        self.order(json!({"event_id": "stopper", "consent": yes()}));
        until("the lane stops", || !self.gateway.summary()["lanes"][0]["stopped"].is_null());
    }

    /// The platform comes back, and everything that waits is decided.
    pub(crate) fn let_go(&self) {
        let options = Options { revoked_tokens: vec![], ..self.stand_in.sandbox.options() };
        self.stand_in.sandbox.set_options(options).unwrap();
        let lane = self.gateway.summary()["lanes"][0]["lane"].clone();
        let answer = self.gateway.post(&format!("/api/lanes/{lane}/resume"), &json!({}));
        assert_eq!(answer.status, 200, "{}", answer.text());
        self.gateway.drain();
    }

    /// `kill -9`, and another start.
    pub(crate) fn killed(self) -> Self {
        let Self { stand_in, home, gateway } = self;
        gateway.kill();
        let gateway = home.start();
        Self { stand_in, home, gateway }
    }

    /// A page's post with this word, said so many milliseconds ago.
    pub(crate) fn page_at(&self, visitor: &str, word: Value, ago_ms: i64, mut events: Vec<Value>) {
        let now = now_ms();
        for event in &mut events {
            event["at"] = now.into();
        }
        let mut consent = word;
        if consent.is_object() {
            consent["at"] = (now - ago_ms).into();
        }
        let body = json!({
            "visitor": visitor, "sent_at": now, "events": events, "consent": consent, "locale": "de-DE",
            "page": {"url": format!("https://shop.example/?ttclid=E.C.P.{visitor}"), "referrer": "", "title": "Shop"},
            "user": {"email": [email_of(visitor)]},
        });
        let headers = [
            ("Origin", "https://shop.example"),
            ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
            ("X-Forwarded-For", "203.0.113.7"),
            ("X-Forwarded-Proto", "https"),
        ];
        let mut client = Client::new(self.gateway.public);
        let answer =
            client.call("POST", &format!("{PATH}/a"), &headers, body.to_string().as_bytes()).unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    pub(crate) fn page(&self, visitor: &str, word: Value, events: Vec<Value>) {
        self.page_at(visitor, word, 0, events);
    }

    /// An order as a shop's own code reports it.
    pub(crate) fn order(&self, part: Value) {
        let mut order =
            json!({"event_name": "Purchase", "event_time": now_s(), "value": 89.99, "currency": "EUR"});
        order.as_object_mut().unwrap().extend(part.as_object().unwrap().clone());
        let answer = self.gateway.post_events(&order);
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    /// An order's webhook; what came of it.
    pub(crate) fn webhook(&self, order: Value) -> String {
        let now = gmt();
        let mut whole = json!({
            "number": order["id"].to_string(), "status": "processing", "created_via": "checkout", "currency": "EUR",
            "total": "50.00", "date_created_gmt": now, "date_modified_gmt": now, "date_paid_gmt": now, "customer_id": 0,
            "billing": {"country": "DE"}, "line_items": [line(1)],
        });
        whole.as_object_mut().unwrap().extend(order.as_object().unwrap().clone());
        let body = whole.to_string();
        let signature = sign(SECRET, body.as_bytes());
        let headers =
            [("X-WC-Webhook-Topic", "order.updated"), ("X-WC-Webhook-Signature", signature.as_str())];
        let mut client = Client::new(self.gateway.public);
        let answer = client.call("POST", "/webhooks/woocommerce/shop", &headers, body.as_bytes()).unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["events"][0]["status"].as_str().unwrap().to_owned()
    }

    /// How often the platform took an event of this id.
    pub(crate) fn taken(&self, event_id: &str) -> usize {
        let needle = format!("\"event_id\":\"{event_id}\"");
        let requests = self.stand_in.sandbox.requests();
        let bodies = requests.iter().filter(|r| r.code == Some(0)).map(|r| r.body.as_str().unwrap());
        bodies.map(|body| body.matches(&needle).count()).sum()
    }

    /// An event as the platform took it.
    pub(crate) fn sent(&self, event_id: &str) -> Value {
        let requests = self.stand_in.sandbox.requests();
        let bodies = requests.iter().filter(|r| r.code == Some(0)).map(|r| r.body.as_str().unwrap());
        let bodies = bodies.map(|body| serde_json::from_str::<Value>(body).unwrap());
        let mut events = bodies.flat_map(|body| body["data"].as_array().unwrap().clone());
        events.find(|event| event["event_id"] == event_id).unwrap()
    }

    /// State and consent of an event's newest delivery.
    pub(crate) fn delivery(&self, event_id: &str) -> (String, String) {
        let deliveries = self.gateway.records("deliveries");
        let found = deliveries.iter().find(|d| d["event_id"] == event_id);
        let found = found.unwrap_or_else(|| panic!("{event_id} is not on record: {deliveries:#?}"));
        let text = |name: &str| found[name].as_str().unwrap_or_default().to_owned();
        (text("state"), text("consent"))
    }

    #[track_caller]
    pub(crate) fn is_sent(&self, event_id: &str) {
        self.gateway.drain();
        let (state, consent) = self.delivery(event_id);
        assert_eq!((state.as_str(), self.taken(event_id)), ("delivered", 1), "{event_id} {consent}");
        assert!(consent.starts_with("send:"), "{event_id} {consent}");
    }

    /// It was not sent, for this reason.
    #[track_caller]
    pub(crate) fn is_kept_back(&self, event_id: &str, reason: &str) {
        self.gateway.drain();
        let expected = ("skipped".to_owned(), format!("suppress:{reason}"));
        assert_eq!((self.delivery(event_id), self.taken(event_id)), (expected, 0), "{event_id}");
    }
}

pub(crate) fn yes() -> Value {
    json!({"advertising": "granted", "analytics": "granted", "signal": "cookiebot"})
}

pub(crate) fn no() -> Value {
    json!({"advertising": "denied", "analytics": "denied", "signal": "cookiebot"})
}

/// Everybody has an address of their own.
pub(crate) fn email_of(visitor: &str) -> String {
    format!("{visitor}@example.com")
}

/// The page that a buyer sees at the end.
pub(crate) fn thank_you(order: &str) -> Value {
    json!({"event_name": "Purchase", "event_id": format!("wc_order_{order}"), "order_id": order})
}

pub(crate) fn in_cart(event_id: &str) -> Value {
    json!({"event_name": "AddToCart", "event_id": event_id, "value": 5, "currency": "EUR"})
}

pub(crate) fn line(id: u32) -> Value {
    json!({"id": id, "name": "Mug", "price": 50, "product_id": 13, "quantity": 1, "sku": "MUG", "total": "50.00", "variation_id": 0})
}

pub(crate) fn meta(word: &str) -> Value {
    json!([{"key": "_tandem_consent", "value": word}])
}
