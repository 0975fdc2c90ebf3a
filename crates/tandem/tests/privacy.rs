//! Nothing that names a person is kept, logged, shown or sent: everything the gateway leaves behind is searched for
//! everything personal that went in.
//!
//! Left out on purpose: city, state, country and postcode, which some platforms want in the clear, and the visitor's
//! address and user agent, which every platform wants so. They name nobody.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod harness;
mod shop;

use std::collections::BTreeSet;
use std::path::Path;

use harness::{ACCESS_TOKEN, Client, Gateway, Home, KEY, PIXEL, StandIn, TOKEN};
use rusqlite::types::ValueRef;
use serde_json::{Value, json};
use shop::{Delivery, NOW, deliveries, secrets_toml};
use tandem_sandbox::Options;

/// Names in the captures that are ordinary words, with where they stand for something else. Nothing else is left out.
const ORDINARY: &[&str] = &[
    "example",  // every address is under example.com
    "sample",   // Sampletown, a city; cities go out in the clear, as TikTok wants them
    "phone",    // the name of the match key, and iPhone in user agents
    "customer", // our own texts
    "account",  // our own texts
    "block",    // our own texts
    "new",      // New Delhi, a city
    "ension",   // stands in "dimensions", the name of a field
];

/// A value that must not be found, and what it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Needle {
    text: String,
    /// Short names are searched for as whole words: three letters stand in every long hash.
    word: bool,
    what: &'static str,
}

#[derive(Default)]
struct Needles(BTreeSet<Needle>);

impl Needles {
    fn add(&mut self, what: &'static str, text: &str) {
        let text = text.trim().to_lowercase();
        if text.is_empty() || ORDINARY.contains(&text.as_str()) {
            return;
        }
        let word = text.is_ascii() && text.len() < 4;
        self.0.insert(Needle { text, word, what });
    }

    fn email(&mut self, email: &str) {
        self.add("e-mail", email);
        let local = email.trim().split('@').next().unwrap();
        self.add("e-mail's first part", local);
        if let Some((before_plus, _)) = local.split_once('+') {
            self.add("e-mail's first part", before_plus);
        }
        let bare: String = local.chars().filter(|c| *c != '.').collect();
        if bare.len() > 5 {
            self.add("e-mail without dots", &bare);
        }
    }

    /// As typed, and the end of its digits, which every spelling has in common.
    fn phone(&mut self, phone: &str) {
        self.add("phone as typed", phone);
        let without_extension = phone.split('#').next().unwrap();
        let digits: String =
            without_extension.chars().filter_map(|c| c.to_digit(10)).map(|d| d.to_string()).collect();
        let number = digits.trim_start_matches('0');
        self.add("phone", &number[number.len().saturating_sub(10)..]);
    }

    fn street(&mut self, street: &str) {
        self.add("street", street);
        let plain: String = street.chars().filter(|c| c.is_alphanumeric()).collect();
        self.add("street without blanks", &plain);
    }

    /// What a WooCommerce body says about people.
    fn of_delivery(&mut self, body: &Value) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        for part in [body, &body["billing"], &body["shipping"]] {
            self.email(&text(&part["email"]));
            self.phone(&text(&part["phone"]));
            self.add("first name", &text(&part["first_name"]));
            self.add("last name", &text(&part["last_name"]));
            self.street(&text(&part["address_1"]));
            self.street(&text(&part["address_2"]));
            self.add("user name", &text(&part["username"]));
        }
        self.add("note", &text(&body["customer_note"]));
        self.add("transaction", &text(&body["transaction_id"]));
        self.add("order key", &text(&body["order_key"]));
        self.add("order key", text(&body["order_key"]).trim_start_matches("wc_order_"));
        self.add("payment address", &text(&body["payment_url"]));
    }
}

/// Where something was left behind: the name, its text in lower case, and something that must be in it.
struct Place {
    name: String,
    text: String,
    control: &'static str,
}

impl Place {
    fn new(name: impl Into<String>, bytes: &[u8], control: &'static str) -> Self {
        Self { name: name.into(), text: String::from_utf8_lossy(bytes).to_lowercase(), control }
    }

    fn has(&self, needle: &Needle) -> bool {
        spellings(&needle.text).iter().any(|spelling| {
            self.text.match_indices(spelling.as_str()).any(|(at, found)| {
                let before = self.text[..at].chars().next_back();
                let after = self.text[at + found.len()..].chars().next();
                let ends = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
                !needle.word || ends(before) && ends(after)
            })
        })
    }
}

/// As it is, as JSON, HTML and addresses may write it.
fn spellings(text: &str) -> Vec<String> {
    let percent: String = text
        .bytes()
        .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02x}") })
        .collect();
    let unicode: String = text
        .encode_utf16()
        .map(|u| {
            u8::try_from(u).map_or_else(
                |_| format!("\\u{u:04x}"),
                |b| if b < 128 { char::from(b).to_string() } else { format!("\\u{b:04x}") },
            )
        })
        .collect();
    let json = Value::from(text).to_string();
    let html =
        text.replace('&', "&amp;").replace('\'', "&#x27;").replace('"', "&quot;").replace('/', "&#x2f;");
    let mut all = vec![
        text.to_owned(),
        json.trim_matches('"').to_owned(),
        percent.clone(),
        percent.replace("%20", "+"),
        unicode,
        html,
    ];
    all.sort();
    all.dedup();
    all
}

fn leaks(places: &[Place], needles: &Needles) -> Vec<String> {
    let mut found = Vec::new();
    for place in places {
        assert!(place.text.contains(place.control), "{}: {:?} is not in it", place.name, place.control);
        // Two or three letters stand in any few kilobytes of hashes and page pointers; the rows' texts are searched for
        // them all the same.
        let raw = place.name.starts_with("file");
        let hits = needles.0.iter().filter(|n| !(raw && n.text.len() < 4) && place.has(n));
        found.extend(hits.map(|n| format!("{}: {} {:?}", place.name, n.what, n.text)));
    }
    found
}

/// Every value of every table, since a text that goes over a page's end is cut in the raw file.
fn rows(store: &Path) -> Vec<u8> {
    let conn = rusqlite::Connection::open(store).unwrap();
    let mut text = Vec::new();
    let names: Vec<String> = conn
        .prepare("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    for name in names {
        let mut statement = conn.prepare(&format!("SELECT * FROM {name}")).unwrap();
        let columns = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            for column in 0..columns {
                match row.get_ref(column).unwrap() {
                    ValueRef::Text(bytes) => text.extend_from_slice(bytes),
                    // Keys of claims: half of a SHA-256.
                    ValueRef::Blob(bytes) => assert!(bytes.len() == 16, "a blob in {name}"),
                    other => text.extend_from_slice(format!("{other:?}").as_bytes()),
                }
                text.push(b'\n');
            }
        }
    }
    text
}

/// The store's files as they lie there now.
fn files(store: &Path, when: &str) -> Vec<Place> {
    let mut places = Vec::new();
    for ending in ["", "-wal", "-shm"] {
        let path = format!("{}{ending}", store.display());
        // A clean end leaves only the first one.
        if let Ok(bytes) = std::fs::read(&path) {
            places.push(Place::new(format!("file{ending} {when}"), &bytes, ""));
        }
    }
    places
}

/// All that the gateway shows on its private port.
fn shown(gateway: &Gateway) -> Vec<Place> {
    let mut places = vec![
        Place::new("/metrics", &gateway.get("/metrics").body, "tandem_events"),
        Place::new("/api/summary", &gateway.get("/api/summary").body, "delivered"),
        Place::new("/healthz", &gateway.get("/healthz").body, "ok"),
        Place::new("/", &gateway.get("/").body, "tiktok"),
        Place::new("/live", &gateway.get("/live").body, "purchase"),
    ];
    for (view, control) in [
        ("events", "wc_order_25"),
        ("deliveries", "wc_order_25"),
        ("attempts", "tiktok"),
        ("notices", "kind"),
    ] {
        let all = Value::from(gateway.records(view)).to_string();
        places.push(Place::new(format!("/api/records/{view}"), all.as_bytes(), control));
    }
    for event in gateway.records("events") {
        let answer = gateway.get(&format!("/api/events/{}", event["seq"]));
        assert_eq!(answer.status, 200);
        places.push(Place::new(format!("/api/events/{}", event["seq"]), &answer.body, "event_id"));
    }
    places
}

/// The stand-in's raw log, its conversions and its page.
fn received(stand_in: &StandIn) -> Vec<Place> {
    let get = |path: &str| Client::new(stand_in.address).call("GET", path, &[], b"").unwrap().body;
    assert!(stand_in.sandbox.requests().iter().all(|r| !r.body_cut), "the log has whole bodies");
    vec![
        Place::new("stand-in's log", &get("/sandbox/requests"), "wc_order_25"),
        Place::new("stand-in's conversions", &get("/sandbox/conversions"), "wc_order_25"),
        Place::new("stand-in's page", &get("/"), "purchase"),
    ]
}

struct Person {
    emails: &'static [&'static str],
    phones: &'static [&'static str],
    first: &'static str,
    last: &'static str,
    street: &'static str,
    born: &'static str,
    country: &'static str,
}

/// Nobody: reserved domains, and numbers set aside for fiction where there are such.
const PEOPLE: &[Person] = &[
    Person {
        emails: &["Wilhelmina.Quarrel+Shop@Example.ORG", " wilhelmina.quarrel@example.org "],
        phones: &["+1 (202) 555-0143", "+12025550143", "0012025550143", "1.202.555.0143", "(202) 555 0143"],
        first: "Wilhelmina",
        last: "Quarrel",
        street: "17 Marmalade Crescent",
        born: "1987-03-04",
        country: "US",
    },
    Person {
        emails: &["björn.åkerström@exämple.example", "BJORN.AKERSTROM@EXAMPLE.NET"],
        phones: &["+46 70 174 06 33", "0701740633", "0701-74 06 33", "0046701740633"],
        first: "Björnstjerne",
        last: "Åkerström",
        street: "Kråkslottsgatan 9",
        born: "19790612",
        country: "SE",
    },
    Person {
        emails: &["lokomotive.fuenf@example.com"],
        phones: &["+49 (0)30 23125 014", "030/23125014", "030 23125-014", "49 30 23125014"],
        first: "Annegret",
        last: "Weißhäupl-Ölmüller",
        street: "Kuckucksweg 112a",
        born: "2001-12-31",
        country: "DE",
    },
    Person {
        emails: &["xiaolong@example.com", "小龍@例子.example"],
        phones: &["+86 139 1099 8888", "13910998888"],
        first: "小龍",
        last: "歐陽",
        street: "幸福路88號",
        born: "1990-01-02",
        country: "CN",
    },
    Person {
        emails: &["O'Shaughnessy_Fitz@example.ie", "\"quoted blank\"@example.ie"],
        phones: &["+353 20 911 0123", "020 911 0123"],
        first: "Saoirse-Caoimhe",
        last: "O’Shaughnessy",
        street: "Flat 3/2, 44 Poppy Lane",
        born: "1965-07-08",
        country: "IE",
    },
];

impl Needles {
    fn of_people(&mut self) {
        for person in PEOPLE {
            person.emails.iter().for_each(|e| self.email(e));
            person.phones.iter().for_each(|p| self.phone(p));
            self.add("first name", person.first);
            self.add("last name", person.last);
            self.street(person.street);
            self.add("date of birth", person.born);
            self.add("date of birth", &person.born.replace('-', ""));
        }
    }
}

/// Events about everybody, in every shape, with the personal things where they belong, …
fn proper_events() -> Vec<Value> {
    let mut events = Vec::new();
    for (n, p) in PEOPLE.iter().enumerate() {
        for (m, phone) in p.phones.iter().enumerate() {
            let email = p.emails[m % p.emails.len()];
            let id = format!("person-{n}-{m}");
            let sale = json!({"event_name": "Purchase", "order_id": id, "value": 9.5, "currency": "EUR"});
            let mut own = sale.clone();
            own["event_id"] = format!("{id}-own").into();
            own["user"] = json!({
                "email": email, "phone": phone, "first_name": p.first, "last_name": p.last, "street": p.street,
                "date_of_birth": p.born, "country": p.country, "external_id": email, "gender": "f",
            });
            let mut container = json!({"event_name": "generate_lead", "event_id": format!("{id}-ga")});
            container["user_data"] = json!({
                "email_address": [email], "phone_number": [phone],
                "address": [{"first_name": p.first, "last_name": p.last, "street": p.street, "country": p.country}],
            });
            let tiktok = json!({"event_source": "web", "event_source_id": PIXEL, "data": [{
                "event": "Contact", "event_id": format!("{id}-tt"), "event_time": 1_795_352_335,
                "user": {"email": p.emails, "phone": p.phones, "first_name": p.first, "last_name": p.last},
            }]});
            let flat = json!({
                "event_name": "Subscribe", "event_id": format!("{id}-flat"), "email": email, "phone_number": phone,
                "first_name": p.first, "last_name": p.last, "street": p.street, "country": p.country,
            });
            events.extend([own, container, tiktok, flat]);
        }
    }
    events
}

/// … and where they do not.
fn improper_bodies() -> Vec<String> {
    let mut bodies = Vec::new();
    for (n, p) in PEOPLE.iter().enumerate() {
        let (email, phone) = (p.emails[0].trim(), p.phones[0]);
        let mut number = 0;
        let mut add = |mut event: Value| {
            number += 1;
            let fields = event.as_object_mut().unwrap();
            fields.entry("event_name").or_insert_with(|| "Contact".into());
            fields.entry("event_id").or_insert_with(|| format!("odd-{n}-{number}").into());
            bodies.push(event.to_string());
        };
        let in_address = email.replace('@', "%40").replace(['"', ' '], "");
        for text in [email, phone] {
            add(json!({"event_id": text}));
            add(json!({"order_id": text, "event_name": "Purchase", "value": 1, "currency": "EUR"}));
            add(json!({"event_name": text}));
            add(json!({"event_time": text}));
            add(json!({"value": text, "currency": text}));
            add(json!({"search_string": text, "description": format!("call {text}")}));
            add(json!({"page": {"title": format!("Thank you, {text}"), "url": text, "referrer": text}}));
            add(
                json!({"properties": {"customer_email": text, "note": text, "who": format!("it was {text}")}}),
            );
            add(json!({"user": text}));
            add(
                json!({"user": {"emial": text, "mobile": text, "locale": text, "ip": text, "user_agent": text}}),
            );
            add(json!({"user": {"email": {"value": text}, "phone": [[text]], "city": {"x": text}}}));
            add(json!({"consent": text}));
            add(json!({"consent": {"advertising": text, "evidence": text, "region": text}}));
            add(json!({"channel": text, "content_type": text, "test_event_code": text}));
            add(json!({text: 1, "properties": {text: 2}, "user": {text: 3}}));
            add(json!({"contents": text}));
            add(json!({"contents": [{"quantity": text, "price": text, "content_id": {"x": text}}]}));
            add(json!({"session_id": text}));
            let line = json!({
                "content_id": text, "content_name": format!("Card for {text}"), "brand": text,
                "content_category": text, "line_id": text,
            });
            add(json!({"contents": [line]}));
            add(json!({"content_ids": [text]}));
        }
        add(json!({"page": {
            "url": format!("https://shop.example/thanks?email={in_address}&key=wc_order_SECRETKEY1234&phone={}", phone.replace('+', "%2B").replace(' ', "")),
            "referrer": format!("https://shop.example/u/{in_address}/edit?first_name={}", p.first),
        }}));
        add(
            json!({"properties": {"first_name": p.first, "last_name": p.last, "street": p.street, "birthday": p.born}}),
        );
        add(
            json!({"user": {"first_name": [p.first], "last_name": {"value": p.last}, "street": [p.street], "dob": p.born}}),
        );
        // Broken off in the middle, and no events at all.
        bodies.push(format!(
            "{{\"event_name\":\"Lead\",\"user\":{{\"email\":\"{email}\",\"phone\":\"{phone}\""
        ));
        bodies.push(format!("{email},{phone},{},{},{}", p.first, p.last, p.street));
        bodies.push(format!("{{\"event_name\":\"Lead\"}}\n{{\"email\":\"{email}\" {}\n{{}}", p.last));
        bodies.push(json!({"context": {"user": {"email": email, "phone": phone}}}).to_string());
        bodies.push(json!({"events": [{"email": email}]}).to_string());
        bodies.push(json!({"event_source": email, "event_source_id": phone, "data": [{}]}).to_string());
    }
    bodies
}

/// Reads the live view's stream to its end.
fn watch(address: std::net::SocketAddr, query: &str) -> std::thread::JoinHandle<Vec<u8>> {
    use std::io::{Read, Write};
    let mut tcp = std::net::TcpStream::connect(address).unwrap();
    let request =
        format!("GET /live/stream?{query} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\r\n");
    tcp.write_all(request.as_bytes()).unwrap();
    let mut all = vec![0; 4_096];
    // From the first words on it is watched.
    let read = tcp.read(&mut all).unwrap();
    all.truncate(read);
    std::thread::spawn(move || {
        tcp.read_to_end(&mut all).unwrap();
        all
    })
}

struct Run {
    /// What the live view tells meanwhile.
    live: Vec<std::thread::JoinHandle<Vec<u8>>>,
    stand_in: StandIn,
    home: Home,
    gateway: Gateway,
    /// Everything the senders were told.
    answers: Vec<u8>,
}

impl Run {
    fn start(log_format: &str) -> Self {
        let options =
            Options { rate_per_s: None, log_requests: 10_000, log_body_limit: 1 << 24, ..Options::default() };
        let stand_in = StandIn::with(options);
        let home = Home::new(&format!(
            r#"
            [log]
            level = "trace"
            format = "{log_format}"
            [[site]]
            id = "shop"
            consent.on_unknown = "grant"
            [site.sources.woocommerce]
            secrets = {}
            [site.sources.events]
            write_keys = ["{KEY}"]
            [site.destinations.tiktok]
            pixel_id = "{PIXEL}"
            access_token = "{ACCESS_TOKEN}"
            base_url = "{}"
            "#,
            secrets_toml(&deliveries()),
            stand_in.base_url()
        ));
        let gateway = home.start_with(&["--now", NOW]);
        let live = ["", "as=html", "kind=received"].map(|query| watch(gateway.private, query)).into();
        Self { live, stand_in, home, gateway, answers: Vec::new() }
    }

    fn hook(&mut self, delivery: &Delivery) -> u16 {
        let path = "/webhooks/woocommerce/shop";
        let answer = Client::new(self.gateway.public)
            .call("POST", path, &delivery.header_refs(), &delivery.body)
            .unwrap();
        self.answers.extend_from_slice(&answer.body);
        answer.status
    }

    fn api(&mut self, body: &str, key: &str) -> u16 {
        let bearer = format!("Bearer {key}");
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
        let answer =
            Client::new(self.gateway.public).call("POST", "/v1/events", &headers, body.as_bytes()).unwrap();
        self.answers.extend_from_slice(&answer.body);
        answer.status
    }

    /// Everything left behind, first of the running process, then of the one that ended.
    fn places(self) -> Vec<Place> {
        let Self { live, stand_in, home, gateway, answers } = self;
        gateway.drain();
        let mut places = vec![Place::new("answers to senders", &answers, "wc_order_25")];
        places.extend(shown(&gateway));
        places.extend(received(&stand_in));
        let running = files(home.store(), "while it runs");
        assert!(running.len() >= 2, "there is a write-ahead log to look into");
        assert!(
            running.iter().any(|p| p.text.contains("wc_order_25")),
            "the files are readable text in parts"
        );
        places.extend(running);
        let log = {
            let before = gateway.log();
            assert!(gateway.stop().success());
            before
        };
        for stream in live {
            places.push(Place::new("live stream", &stream.join().unwrap(), "wc_order_25"));
        }
        places.push(Place::new("log", log.as_bytes(), "ready"));
        places.push(Place::new("rows", &rows(home.store()), "wc_order_25"));
        let after = files(home.store(), "after the end");
        assert!(after[0].text.contains("wc_order_25"));
        places.extend(after);
        places
    }
}

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
