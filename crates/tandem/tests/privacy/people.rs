//! People who are nobody, and what senders say of them.

use serde_json::{Value, json};

use crate::harness::PIXEL;
use crate::needles::Needles;

pub(crate) struct Person {
    pub(crate) emails: &'static [&'static str],
    pub(crate) phones: &'static [&'static str],
    pub(crate) first: &'static str,
    pub(crate) last: &'static str,
    pub(crate) street: &'static str,
    born: &'static str,
    country: &'static str,
}

/// Nobody: reserved domains, and numbers set aside for fiction where there are such.
pub(crate) const PEOPLE: &[Person] = &[
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
    pub(crate) fn of_people(&mut self) {
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
pub(crate) fn proper_events() -> Vec<Value> {
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
pub(crate) fn improper_bodies() -> Vec<String> {
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
