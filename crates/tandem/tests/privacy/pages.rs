//! Every page of the private port, as somebody sees it who is signed in and follows all links; and what that person types.

use std::collections::{BTreeSet, VecDeque};

use serde_json::Value;

use crate::harness::{Client, Gateway};
use crate::people::PEOPLE;
use crate::person::Person;
use crate::places::Place;

/// Pages that are followed at most: a log of any length has as many.
const MOST: usize = 1_500;

/// A text as a part of an address.
pub(crate) fn in_address(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// Addresses that a page leads to, on this server.
fn links(text: &str) -> Vec<String> {
    let plain = |link: &str| link.replace("&amp;", "&").replace("&#x2f;", "/").replace("&#x27;", "'");
    let all = text.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()).map(plain);
    all.filter(|link| link.starts_with('/') && !link.starts_with("/assets/")).collect()
}

/// All that can be reached by links from the navigation, and every row of every table by the page that answers SQL.
pub(crate) fn crawled(person: &Person<'_>) -> Vec<Place> {
    let mut waiting: VecDeque<String> = links(&person.page("/")).into();
    let mut known: BTreeSet<String> = waiting.iter().cloned().collect();
    let mut places = Vec::new();
    while let Some(path) = waiting.pop_front() {
        let answer = person.get(&path);
        // Unknown codes of a platform's own have no page, and what was done anew leads back to where it is shown.
        assert!([200, 303, 404].contains(&answer.status), "{path}: {} {}", answer.status, answer.text());
        for link in links(&answer.text()) {
            if known.len() < MOST && known.insert(link.clone()) {
                waiting.push_back(link);
            }
        }
        places.push(Place::new(path, &answer.body, ""));
    }
    assert!(places.len() > 100, "{} pages", places.len());
    places
}

/// Every table and every column, as a page and as a file.
pub(crate) fn tables(person: &Person<'_>) -> Vec<Place> {
    let list = person.page("/sql");
    let names: Vec<&str> =
        list.split("<summary><code>").skip(1).filter_map(|rest| rest.split('<').next()).collect();
    assert!(names.contains(&"events") && names.contains(&"insight.orders"), "{names:?}");
    let mut places = Vec::new();
    for name in names {
        let count =
            format!("/sql?q={}", in_address(&format!("SELECT * FROM {name} ORDER BY 1 DESC LIMIT 400")));
        for path in [count.clone(), count.replace("/sql?", "/sql.csv?")] {
            let answer = person.get(&path);
            assert_eq!(answer.status, 200, "{path}: {}", answer.text());
            places.push(Place::new(path, &answer.body, ""));
        }
    }
    places
}

/// What is typed where something is looked for, also by programs, and the pages that answer with an error.
pub(crate) fn typed(person: &Person<'_>) -> Vec<Place> {
    let mut places = Vec::new();
    for text in PEOPLE.iter().flat_map(|person| person.emails).map(|email| email.trim()) {
        let q = in_address(text);
        for path in [
            format!("/why?q={q}"),
            format!("/why?q={q}&site=shop"),
            format!("/why?q=+{q}"),
            format!("/orders?q={q}"),
            format!("/events?q={q}"),
            format!("/events?q={q}&site=shop"),
            format!("/events?{q}=1"),
            format!("/events/{q}"),
            format!("/findings/{q}"),
            format!("/destinations/{q}"),
            format!("/{q}"),
            format!("/quality?site={q}"),
            format!("/consent?{q}"),
            format!("/reconciliation?site={q}"),
            format!("/reconciliation?days={q}"),
            format!("/live?id={q}"),
            format!("/live?order={q}"),
            format!("/live?visitor={q}"),
        ] {
            let mut answer = person.get(&path);
            if answer.status == 303 {
                let to = answer.headers("location")[0].clone();
                places.push(Place::new(format!("{path} leads to"), to.as_bytes(), ""));
                answer = person.get(&to);
            }
            places.push(Place::new(format!("typed: {path}"), &answer.body, ""));
        }
        for path in [
            format!("/api/why?q={q}"),
            format!("/api/search?q={q}"),
            format!("/api/search?{q}=1"),
            format!("/api/search?from={q}"),
            format!("/api/findings?days={q}"),
            format!("/api/observations?code={q}"),
            format!("/api/visitors/shop/{q}"),
            format!("/api/events/{q}"),
            format!("/api/records/{q}"),
            format!("/api/reconcile?site={q}"),
            format!("/api/probes/{q}"),
        ] {
            places.push(Place::new(format!("asked: {path}"), &person.gateway.get(&path).body, ""));
        }
    }
    places
}

/// A list of the shop's with everything that such lists have, and what the page says about it.
pub(crate) fn imported(person: &Person<'_>) -> Vec<Place> {
    let mut list = "order_id;date;status;total;currency;Name;E-Mail;Phone;Street\n".to_owned();
    let mut odd = "order_id;date;status;total;currency\n".to_owned();
    for (at, one) in PEOPLE.iter().enumerate() {
        let (email, phone) = (one.emails[0].trim(), one.phones[0]);
        list.push_str(&format!(
            "{};2026-11-21;processing;5.00;EUR;{} {};{email};{phone};{}\n",
            9_000 + at,
            one.first,
            one.last,
            one.street
        ));
        for cells in [
            format!("{email};2026-11-21;processing;5.00;EUR"),
            format!("1;{phone};processing;5.00;EUR"),
            format!("2;2026-11-21;{email};5.00;EUR"),
            format!("3;2026-11-21;processing;{};EUR", one.street),
            format!("4;2026-11-21;processing;5.00;{}", one.last),
        ] {
            odd.push_str(&cells);
            odd.push('\n');
        }
    }
    let no_head: String = list.lines().skip(1).map(|line| format!("{line}\n")).collect();
    let key = person.form_key();
    let mut places = Vec::new();
    for (action, text) in [("orders", &list), ("orders", &odd), ("orders", &no_head), ("platform", &list)] {
        let fields = [
            ("form_key", key.as_str()),
            ("action", action),
            ("site", "shop"),
            ("days", "30"),
            ("destination", "tiktok"),
            ("text", text),
        ];
        let answer = person.upload("/reconciliation", &fields);
        assert!([200, 400].contains(&answer.status), "{}", answer.text());
        places.push(Place::new(format!("/reconciliation after a list of {action}"), &answer.body, ""));
    }
    assert!(places[0].text.contains("5 rows kept"), "{}", places[0].text);
    places.push(Place::new("/api/reconcile", &person.gateway.get("/api/reconcile?site=shop").body, "totals"));
    places
}

/// What the log holds of everybody as hashes, whole.
pub(crate) fn hashes(gateway: &Gateway) -> BTreeSet<String> {
    fn gather(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::String(text) if text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()) => {
                found.insert(text.to_lowercase());
            }
            Value::Array(list) => list.iter().for_each(|one| gather(one, found)),
            Value::Object(map) => map.values().for_each(|one| gather(one, found)),
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    for event in gateway.records("events") {
        let whole = gateway.get(&format!("/api/events/{}", event["seq"])).json();
        let body = whole["event"]
            .as_str()
            .or(whole["body"].as_str())
            .map(|text| serde_json::from_str(text).unwrap());
        gather(&body.unwrap_or(whole), &mut found);
    }
    found
}

/// What people keep under names of their own.
pub(crate) fn saved(person: &Person<'_>, email: &str) {
    let key = person.form_key();
    let q = in_address(email);
    for (path, body) in [
        ("/searches", format!("form_key={key}&name=a&query={}", in_address(&format!("q={q}")))),
        ("/searches", format!("form_key={key}&name={q}&query=site%3Dshop")),
        ("/sql", format!("form_key={key}&name=b&q={}", in_address(&format!("SELECT '{email}'")))),
        ("/sql", format!("form_key={key}&name={q}&q=SELECT+1")),
    ] {
        let answer = person.post(path, &body);
        assert!([303, 200, 400].contains(&answer.status), "{path}: {}", answer.text());
    }
    let headers = [("Accept", "text/html")];
    let stranger = Client::new(person.gateway.private).call("GET", &format!("/why?q={q}"), &headers, b"");
    assert_eq!(stranger.unwrap().status, 303);
}
