//! Nothing that names a person is kept, logged, shown or sent: everything the gateway leaves behind is searched for
//! everything personal that went in.
//!
//! Left out on purpose: city, state, country and postcode, which some platforms want in the clear, and the visitor's
//! address and user agent, which every platform wants so. They name nobody.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

#[path = "../harness/mod.rs"]
mod harness;
#[path = "../letters/mod.rs"]
mod letters;
mod needles;
mod pages;
mod parrot;
mod people;
#[path = "../person/mod.rs"]
mod person;
mod places;
mod run;
#[path = "../shop/mod.rs"]
mod shop;

use std::collections::BTreeMap;

use harness::{ACCESS_TOKEN, KEY, PIXEL, TOKEN, until};
use letters::{MailServer, Webhook};
use needles::{Needle, Needles};
use parrot::Parrot;
use people::{PEOPLE, improper_bodies, proper_events};
use person::Person;
use places::{Place, leaks, shown};
use run::Run;
use serde_json::json;
use shop::deliveries;

#[test]
fn of_the_captured_orders_nothing_personal_remains() {
    let mut needles = Needles::default();
    let all = deliveries();
    all.iter().for_each(|d| needles.of_delivery(&d.json));
    println!("{} things to look for", needles.0.len());
    assert!(needles.0.len() > 200);
    // The search does find them where they are.
    let bodies = Place::new(
        "bodies",
        &all.iter().flat_map(|d| d.json.to_string().into_bytes()).collect::<Vec<_>>(),
        "",
    );
    let typed = |n: &&Needle| !n.what.contains("without") && n.what != "phone";
    for needle in needles.0.iter().filter(typed) {
        assert!(bodies.has(needle), "the search does not find {needle:?}");
    }

    let mut run = Run::start("text");
    for delivery in &all {
        assert_eq!(run.hook(delivery), 200);
        if delivery.secret.is_some() {
            // Refused ones leave no more behind than others.
            assert_eq!(run.hook(&delivery.clone().with("x-wc-webhook-signature", "AAAA")), 401);
        }
    }
    // An order whose fields hold each other's values, and ones that cannot be read.
    let known = shop::delivery("01b-order");
    for field in ["id", "status", "total", "currency", "date_paid_gmt", "number", "created_via"] {
        for value in ["ada.sample@example.com", "(415) 555-0132"] {
            assert_eq!(run.hook(&known.changed(|o| o[field] = value.into())), 200);
        }
    }
    let found = leaks(&run.places(), &needles);
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn of_people_in_events_nothing_personal_remains() {
    let mut needles = Needles::default();
    needles.of_people();
    needles.add("order key", "wc_order_SECRETKEY1234");
    println!("{} things to look for", needles.0.len());
    let mut run = Run::start("text");
    assert_eq!(run.hook(&shop::delivery("01b-order")), 200);
    for event in proper_events() {
        assert_eq!(run.api(&event.to_string(), KEY), 200, "{event}");
        assert_eq!(run.api(&event.to_string(), "wrong-key"), 401);
    }
    for body in improper_bodies() {
        let status = run.api(&body, KEY);
        assert!([200, 422].contains(&status), "{status}: {body}");
    }
    // Seen by whom it concerns: what came in is hashed, not lost.
    run.gateway.drain();
    let coverage = run.stand_in.sandbox.conversions().of(PIXEL, "Purchase").coverage;
    assert!(coverage["email"] > 10 && coverage["phone"] > 10 && coverage["last_name"] > 10, "{coverage:?}");
    // Nor may what the private port is asked come back.
    let asked = run.gateway.post("/api/replay", &json!({"since_ms": 0, "event_id": PEOPLE[0].emails[0]}));
    assert_eq!(asked.status, 200);
    let found = leaks(&run.places(), &needles);
    assert!(found.is_empty(), "{found:#?}");
}

/// The visitor's full address stands in its own table and in what is sent, the access token nowhere.
#[test]
fn full_addresses_and_secrets_are_not_shown() {
    let mut run = Run::start("text");
    let all = deliveries();
    let mut needles = Needles::default();
    for delivery in &all {
        assert_eq!(run.hook(delivery), 200);
        let address = delivery.text("customer_ip_address");
        // 127.0.0.1 is the machine's own.
        if !address.is_empty() && !address.starts_with("127.") {
            needles.add("network address", address);
        }
    }
    assert!(needles.0.len() > 5, "{needles:?}", needles = needles.0);
    for secret in shop::secrets(&all).iter().map(String::as_str).chain([KEY, TOKEN, ACCESS_TOKEN]) {
        needles.add("secret", secret);
    }
    run.gateway.drain();
    let shown = shown(&run.gateway);
    let found = leaks(&shown, &needles);
    assert!(found.is_empty(), "{found:#?}");
    let log = run.gateway.log();
    let found = leaks(&[Place::new("log", log.as_bytes(), "ready")], &needles);
    assert!(found.is_empty(), "{found:#?}");
    needles.0.retain(|n| n.what == "secret");
    let found = leaks(&run.places(), &needles);
    assert!(found.is_empty(), "{found:#?}");
}

/// Everybody's events with an address of their own, refused by a platform that repeats all it was sent; and all that people
/// are then shown, told and answered.
#[test]
fn of_people_in_events_nothing_personal_is_on_any_page() {
    let (parrot, webhook, mail) = (Parrot::open(), Webhook::answering(200), MailServer::open());
    let mut run = Run::start_with("text", &more(&parrot, &webhook, &mail));
    assert_eq!(run.hook(&shop::delivery("01b-order")), 200);
    let mut needles = Needles::default();
    needles.of_people();
    needles.add("order key", "wc_order_SECRETKEY1234");
    for (at, mut event) in proper_events().into_iter().enumerate() {
        let address = format!("93.184.{}.{}", 100 + at % 50, 101 + at);
        if event["user"].is_object() {
            event["user"]["ip"] = address.as_str().into();
            event["consent"] = json!({"advertising": "granted", "analytics": "granted"});
            needles.add("network address", &address);
        }
        assert_eq!(run.api(&event.to_string(), KEY), 200, "{event}");
    }
    for body in improper_bodies() {
        assert!([200, 422].contains(&run.api(&body, KEY)), "{body}");
    }
    run.gateway.drain();
    assert!(parrot.said().iter().any(|said| said.contains("93.184.1")), "it had something to repeat");
    assert_eq!(run.gateway.post("/api/catch-up", &json!({})).status, 200);
    assert_eq!(run.gateway.post("/api/alerts/look", &json!({})).status, 200);
    until("somebody was told", || !webhook.posted().is_empty() && !mail.mails().is_empty());
    let hashes = pages::hashes(&run.gateway);
    assert!(hashes.len() > 30, "{hashes:?}");

    let person = Person::sign_in(&run.gateway);
    pages::saved(&person, PEOPLE[0].emails[0].trim());
    let mut places = pages::imported(&person);
    places.extend(pages::crawled(&person));
    places.extend(pages::tables(&person));
    // Whoever looks for an address finds the whole hash of it in the field again: nobody else gave it to him.
    let typed = pages::typed(&person);
    let told = webhook.posted().iter().map(letters::Posted::text).collect::<String>();
    places.push(Place::new("webhook", told.as_bytes(), "raised"));
    let told = mail.mails().iter().map(letters::Mail::text).collect::<String>();
    places.push(Place::new("mail", told.as_bytes(), "tandem"));
    for path in
        ["/api/alerts", "/api/findings?days=30", "/api/observations", "/api/search?limit=1000", "/metrics"]
    {
        places.push(Place::new(path, &run.gateway.get(path).body, ""));
    }
    places.extend(shown(&run.gateway).into_iter().filter(|place| place.name != "/"));
    // The log itself is asked for, hashes and all, by programs that have the token; docs/schema.md says what is in it.
    let is_raw = |place: &Place| place.name.starts_with("/api/");
    let mut found = leaks(&places, &needles);
    found.extend(leaks(&typed, &needles));
    for place in places.iter().filter(|place| !is_raw(place)) {
        let whole = hashes.iter().filter(|hash| place.text.contains(hash.as_str()));
        found.extend(whole.map(|hash| format!("{}: the whole hash {hash}", place.name)));
    }
    let found = by_text(&found);
    assert!(found.is_empty(), "{found:#?}");
    // What was typed and kept is nowhere on the disk and in the log either. Full addresses stand in their own tables.
    needles.0.retain(|needle| needle.what != "network address");
    let found = leaks(&run.places(), &needles);
    assert!(found.is_empty(), "{found:#?}");
}

/// A second destination that repeats what it gets, and everybody who is told when something is wrong.
fn more(parrot: &Parrot, webhook: &Webhook, mail: &MailServer) -> String {
    let (host, port) = (mail.address.ip(), mail.address.port());
    format!(
        r#"
        [site.destinations.meta]
        pixel_id = "123456789"
        access_token = "{ACCESS_TOKEN}"
        base_url = "http://{}"
        [alerts]
        webhooks = ["http://{}/hook"]
        [alerts.email]
        host = "{host}"
        port = {port}
        tls = "none"
        from = "Tandem <tandem@shop.example>"
        to = ["ops@shop.example"]
        [alerts.rules.error_rate]
        raise_after = "0s"
        "#,
        parrot.address, webhook.address
    )
}

/// Each text once, with how many places have it and one of them: every page has the same navigation.
fn by_text(found: &[String]) -> BTreeMap<&str, (usize, &str)> {
    let mut by_text = BTreeMap::new();
    for (place, text) in found.iter().filter_map(|line| line.rsplit_once(": ")) {
        by_text.entry(text).or_insert((0, place)).0 += 1;
    }
    by_text
}
