//! Why did this event not count? Asked of the real gateway: by its private API, as a command, and on its pages.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod harness;
mod program;

use harness::{Answer, Client, Gateway, Home, KEY, StandIn, TOKEN, shop_sites};
use program::{Told, run};
use serde_json::{Value, json};
use tandem_sandbox::{Fault, FaultKind};

/// A gateway with its stand-in, and a configuration that leads commands to it.
struct Bed {
    stand_in: StandIn,
    gateway: Gateway,
    config: String,
    _home: Home,
    _folder: tempfile::TempDir,
}

impl Bed {
    fn new(settings: &str) -> Self {
        let stand_in = StandIn::start();
        let sites = [shop_sites(&stand_in.base_url()).as_str(), settings].concat();
        let home = Home::new(&sites);
        let gateway = home.start();
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("tandem.toml");
        let text = format!(
            "[server]\npublic = \"127.0.0.1:0\"\nprivate = \"{}\"\nprivate_token = \"{TOKEN}\"\n[store]\npath = \"x.db\"\n{sites}",
            gateway.private
        );
        std::fs::write(&config, text).unwrap();
        let config = config.to_str().unwrap().to_owned();
        Self { stand_in, gateway, config, _home: home, _folder: folder }
    }

    fn send(&self, event: &Value) {
        let status = self.gateway.post_events(event).status;
        assert!(matches!(status, 200 | 422), "{status}");
        self.gateway.drain();
    }

    fn api(&self, question: &str) -> Value {
        assert_eq!(self.gateway.post("/api/catch-up", &json!({})).status, 200);
        let answer = self.gateway.get(&format!("/api/why?q={question}"));
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    fn why(&self, arguments: &[&str]) -> Told {
        run(&[&["why", "--config", &self.config], arguments].concat(), &[], b"")
    }

    /// Cause and verdict by the API, and the exit code of the command, which names both.
    #[track_caller]
    fn expect(&self, question: &str, cause: &str, verdict: &str, code: i32) -> Value {
        let found = self.api(question);
        assert_eq!((&found["cause"], &found["verdict"]), (&json!(cause), &json!(verdict)), "{found:#}");
        let told = self.why(&[question]);
        assert_eq!(told.code, code, "{}{}", told.stdout, told.stderr);
        let last = told.stdout.lines().rev().nth(1).unwrap();
        assert_eq!(
            last,
            format!("{} ({}, {cause})", found["sentence"].as_str().unwrap(), verdict.replace('_', " "))
        );
        found
    }
}

fn sale(id: Value, order: &str) -> Value {
    json!({
        "event_name": "Purchase", "event_id": id, "order_id": order, "value": 89.99, "currency": "EUR",
        "event_time": harness::now_s(),
        "user": {"email": "ada@shop-of-ada.example", "phone": "+49 151 23456789", "country": "DE", "ttclid": "E.C.P.abcdef"},
        "consent": {"advertising": "granted"},
        "contents": [{"content_id": "SKU-1", "price": 89.99, "quantity": 1}],
    })
}

fn with(mut event: Value, field: &str, value: Value) -> Value {
    event[field] = value;
    event
}

#[test]
fn the_path_of_what_counts_and_of_what_does_not() {
    let bed = Bed::new("");
    bed.send(&sale(json!("order_891"), "891"));
    let found = bed.expect("order_891", "counted", "counted", 0);
    let whats: Vec<&str> =
        found["steps"].as_array().unwrap().iter().map(|s| s["what"].as_str().unwrap()).collect();
    for what in ["arrived", "door", "consent", "logged", "ruling", "claimed", "answered", "matched", "merged"]
    {
        assert!(whats.contains(&what), "{what} is not in {whats:?}");
    }
    assert_eq!(bed.api("891")["event"], found["event"], "by its order, too");

    // A whole number as an id is no failure here.
    bed.send(&sale(json!(7_001), "7001"));
    bed.expect("7001", "event_id_type", "counted", 0);

    bed.send(&with(sale(json!("no_1"), "n1"), "consent", json!({"advertising": "denied"})));
    bed.expect("no_1", "consent_denied", "not_sent", 1);

    bed.send(&with(sale(json!("back_1"), "b1"), "value", json!(-5)));
    bed.expect("back_1", "value_negative", "not_received", 1);

    bed.send(&with(sale(json!("old_1"), "o1"), "event_time", json!(harness::now_s() - 9 * 86_400)));
    bed.expect("old_1", "event_too_old", "not_sent", 1);

    // The sales before it named their buyers.
    bed.send(&with(sale(json!("bare_1"), "g1"), "user", json!({"locale": "de-DE"})));
    bed.expect("bare_1", "guest_without_keys", "counted_weakly", 0);

    bed.stand_in.sandbox.set_faults(vec![Fault::always(FaultKind::Code { code: 40_002, http: None })]);
    bed.send(&sale(json!("refused_1"), "r1"));
    bed.stand_in.sandbox.set_faults(vec![]);
    let found = bed.expect("refused_1", "platform_rejected", "refused", 1);
    assert!(found["sentence"].as_str().unwrap().contains("40002"), "{found:#}");

    // One character of the id.
    let found = bed.expect("order-891", "asked_id_differs", "not_received", 2);
    assert_eq!(found["candidates"][0]["text"], "order_891");
    bed.expect("wc_order_7001", "asked_id_differs", "not_received", 2);

    // Nothing ever came from WooCommerce, which the site has.
    let found = bed.expect("order_4711", "way_in_silent", "not_received", 2);
    assert!(found["steps"][0]["text"].as_str().unwrap().starts_with("Looked through"), "{found:#}");

    let told = bed.why(&["order_891", "--json"]);
    assert_eq!(
        (told.code, serde_json::from_str::<Value>(&told.stdout).unwrap()["cause"].as_str()),
        (0, Some("counted"))
    );
    assert_eq!(bed.why(&["order_891", "--site", "nobody"]).code, 2);
    assert_eq!(bed.gateway.get("/api/why?q=").status, 400);
}

#[test]
fn what_only_several_events_show_is_told() {
    let bed = Bed::new("");
    bed.send(&sale(json!("order_1"), "1"));
    // The same sale again, under another id: nothing new, and it stands as the first.
    bed.send(&sale(json!("sale-1"), "1"));
    let found = bed.expect("sale-1", "order_reported", "counted", 0);
    assert_eq!(found["event"], 1, "{found:#}");
    // Another value under another id, which differs in spelling only.
    bed.send(&with(sale(json!("Order-1"), "1"), "value", json!(109.99)));
    bed.expect("Order-1", "order_other_id", "counted_weakly", 0);
    // More under the first id.
    bed.send(&sale(json!("order_2"), "2"));
    bed.send(&with(sale(json!("order_2"), "2"), "value", json!(139.99)));
    bed.expect("order_2", "upsell_same_id", "counted_weakly", 0);
    // Deprecated, and without an order.
    let lead = json!({"event_name": "SubmitForm", "event_id": "form_1", "user": {"external_id": "7", "email": "ada@shop-of-ada.example"}});
    bed.send(&lead);
    let found = bed.api("form_1");
    assert!(found.to_string().contains("legacy_event_name"), "{found:#}");
}

#[test]
fn a_wrong_token_stops_the_destination_and_the_event_waits() {
    let bed = Bed::new("");
    bed.stand_in.sandbox.set_faults(vec![Fault::always(FaultKind::Code { code: 40_105, http: None })]);
    assert_eq!(bed.gateway.post_events(&sale(json!("order_1"), "1")).status, 200);
    harness::until("the destination stands still", || {
        bed.gateway.summary()["lanes"][0]["stopped"].is_object()
    });
    let found = bed.expect("order_1", "destination_stopped", "waiting", 1);
    assert!(found["remedy"].as_str().unwrap().contains("go on"), "{found:#}");
}

fn browse(gateway: &Gateway, path: &str, cookie: &str) -> Answer {
    let headers = [("Accept", "text/html"), ("Cookie", cookie)];
    Client::new(gateway.private).call("GET", path, &headers, b"").unwrap()
}

fn submit(gateway: &Gateway, path: &str, cookie: &str, body: &str) -> Answer {
    let headers =
        [("Accept", "text/html"), ("Cookie", cookie), ("Content-Type", "application/x-www-form-urlencoded")];
    Client::new(gateway.private).call("POST", path, &headers, body.as_bytes()).unwrap()
}

fn location(answer: &Answer) -> String {
    assert_eq!(answer.status, 303, "{}", answer.head);
    answer.headers("location").remove(0)
}

#[test]
fn pages_tell_the_same_and_send_again_only_when_asked_twice() {
    let bed = Bed::new("");
    bed.send(&sale(json!("order_<b>&"), "891"));
    let gateway = &bed.gateway;
    assert_eq!(bed.api("891")["cause"], "counted");
    let signed_in = submit(gateway, "/login", "", &format!("token={TOKEN}&next=%2F"));
    let cookie = signed_in.headers("set-cookie")[0].split(';').next().unwrap().to_owned();

    let empty = browse(gateway, "/why", &cookie);
    assert!(empty.status == 200 && empty.text().contains("name=\"q\""));
    let answer = browse(gateway, "/why?q=891", &cookie).text();
    assert!(answer.contains("nothing on record stands in its way"), "{answer}");
    assert!(
        answer.contains("href=\"/events/1\"") && answer.contains("aria-label=\"Steps at TikTok\""),
        "{answer}"
    );
    let none = browse(gateway, "/why?q=nothing-of-the-kind", &cookie).text();
    assert!(none.contains("way_in_silent") && none.contains("Looked through"), "{none}");

    let page = browse(gateway, "/events/1", &cookie);
    let text = page.text();
    assert_eq!(page.status, 200, "{text}");
    for part in [
        "Deliveries",
        "Match keys",
        "Consent",
        "Field by field",
        "The request as JSON",
        "Send again<span class=\"unseen\"> to TikTok</span></button>",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    assert!(text.contains("order_&lt;b&gt;&amp;") && !text.contains("<b>&"), "{text}");
    assert!(!text.contains("style=\"") && !text.contains("<script>"), "{text}");
    assert!(text.contains("89.99 EUR") && text.contains("properties.value"), "{text}");
    for personal in ["ada@", "15123456789", TOKEN, harness::ACCESS_TOKEN, KEY] {
        assert!(!text.contains(personal), "{personal}");
    }
    let hash = |c: &char| c.is_ascii_hexdigit();
    let longest = text.split(|c: char| !hash(&c)).map(str::len).max().unwrap();
    assert!(longest < 64 + 1, "the key of the form is the longest");
    let hashes = text.split(|c: char| !hash(&c)).filter(|word| word.len() == 64);
    let key = text.split("name=\"form_key\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    assert!(hashes.into_iter().all(|word| word == key), "only the form's key is that long");

    let replay = "/events/1/replay";
    assert_eq!(submit(gateway, replay, &cookie, "destination=tiktok&count_again=yes").status, 403);
    let keyed = |more: &str| submit(gateway, replay, &cookie, &format!("form_key={key}&{more}"));
    assert_eq!(location(&keyed("destination=tiktok")), "/events/1?said=confirm");
    assert_eq!(location(&keyed("destination=nowhere&count_again=yes")), "/events/1?said=destination");
    assert_eq!(gateway.records("deliveries").len(), 1, "nothing was sent yet");
    assert!(text.contains("name=\"delivery\" value=\"1\""), "{text}");
    let confirmed = "destination=tiktok&delivery=1&count_again=yes";
    assert_eq!(location(&keyed(confirmed)), "/events/1?said=sent");
    gateway.drain();
    assert_eq!(location(&keyed(confirmed)), "/events/1?said=older", "the same press again");
    assert_eq!(gateway.records("deliveries").len(), 2);
    let after = browse(gateway, "/events/1?said=sent", &cookie).text();
    assert!(after.contains("in the queue again") && after.contains("by a replay"), "{after}");
    assert_eq!(browse(gateway, "/events/99", &cookie).status, 404);
    assert_eq!(browse(gateway, "/events/x", &cookie).status, 404);
    assert_eq!(browse(gateway, "/events/1", "").status, 303, "only for who is signed in");
}
