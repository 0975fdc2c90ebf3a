//! The ways in which a hybrid set-up of pixel and server commonly fails, each played through the front door, and each asked
//! for by its order or id: the answer names the cause in a sentence and says what to do. What looks like a failure and is
//! none counts, and the answer says so.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod harness;

#[path = "scenarios/stage/mod.rs"]
mod stage;

use serde_json::{Value, json};
use stage::{Scenario, play};

/// One row of the table.
struct Row {
    /// Name of the site it is played in.
    name: &'static str,
    /// As in a scenario file.
    requests: Value,
    /// What a person asks for.
    asked: &'static str,
    cause: &'static str,
    verdict: &'static str,
    /// What the sentence must have in it, beside the platform's name.
    says: &'static [&'static str],
}

const VISITOR: &str = "mg3k2v1x9abcdefghij0123456789";

/// The shop's server reports a sale.
fn server(patch: Value) -> Value {
    json!({"to": "events", "like": "sale", "body": patch})
}

/// The thank-you page tells of it.
fn thank_you(sale: Value) -> Value {
    let mut event = json!({
        "event_name": "Purchase", "event_id": "order_1001", "order_id": "1001", "value": 89.99, "currency": "EUR",
        "at": "{{now_ms}}",
    });
    event.as_object_mut().unwrap().extend(sale.as_object().unwrap().clone());
    page("/checkout/order-received", json!({"events": [event]}))
}

/// A page tells something.
fn page(path: &str, patch: Value) -> Value {
    let mut body = json!({"page": {"url": format!("https://{{{{host}}}}{path}")}});
    body.as_object_mut().unwrap().extend(patch.as_object().unwrap().clone());
    json!({"to": "page", "like": "page", "body": body})
}

fn landing(query: &str) -> Value {
    page(query, json!({"events": [{"event_name": "Pageview", "event_id": "landing-1", "at": "{{now_ms}}"}]}))
}

fn answer_on_consent(word: &str) -> Value {
    page("/", json!({"consent": {"advertising": word, "analytics": word, "evidence": "tandem('consent')"}}))
}

/// A buyer of whom everything is known.
fn buyer(n: u32) -> Value {
    json!({"email": format!("{{{{mail:buyer{n}}}}}"), "external_id": format!("customer-{n}")})
}

fn ids() -> Vec<Row> {
    vec![
        Row {
            name: "number-and-text",
            requests: json!([
                thank_you(json!({"event_id": "891000177", "order_id": "891000177"})),
                server(json!({"event_id": 891_000_177, "order_id": 891_000_177})),
            ]),
            asked: "891000177",
            cause: "event_id_type",
            verdict: "counted",
            says: &["text"],
        },
        Row {
            name: "one-character",
            requests: json!([
                thank_you(json!({"event_id": "order-891", "order_id": "891"})),
                server(json!({"event_id": "order_891", "order_id": "891"})),
            ]),
            asked: "order_891",
            cause: "id_near_miss",
            verdict: "counted_weakly",
            says: &["order-891", "order_891", "twice"],
        },
        Row {
            name: "upsell-under-one-id",
            requests: json!([
                server(json!({"order_id": null})),
                server(json!({
                    "order_id": null, "value": 109.99, "contents": [{"content_id": "SKU-1", "price": 109.99, "quantity": 1}],
                })),
            ]),
            asked: "order_1001",
            cause: "upsell_same_id",
            verdict: "not_sent",
            says: &["id", "not counted"],
        },
        Row {
            name: "upsell-of-one-order",
            requests: json!([
                server(json!({})),
                server(
                    json!({"value": 109.99, "contents": [{"content_id": "SKU-1", "price": 109.99, "quantity": 1}]})
                ),
            ]),
            asked: "1001",
            cause: "upsell_same_id",
            verdict: "counted_weakly",
            says: &["first sale"],
        },
        Row {
            name: "old-name",
            requests: json!([server(json!({"event_name": "CompletePayment"}))]),
            asked: "order_1001",
            cause: "legacy_event_name",
            verdict: "counted_weakly",
            says: &["CompletePayment", "Purchase"],
        },
        Row {
            name: "two-names",
            requests: json!([
                server(json!({})),
                server(json!({"event_name": "PlaceAnOrder", "event_id": "placed_1001"}))
            ]),
            asked: "1001",
            cause: "order_under_two_names",
            verdict: "counted_weakly",
            says: &["Purchase", "PlaceAnOrder"],
        },
    ]
}

fn money_and_people() -> Vec<Row> {
    let yen = json!({"value": 10_000, "currency": "JPY"});
    let dollars = json!({
        "value": 10_000, "currency": "USD", "contents": [{"content_id": "SKU-1", "price": 10_000, "quantity": 1}],
    });
    let mut guests: Vec<Value> = (1..=4)
        .map(|n| {
            server(
                json!({"event_id": format!("order_200{n}"), "order_id": format!("200{n}"), "user": buyer(n)}),
            )
        })
        .collect();
    guests.push(server(json!({
        "event_id": "order_2005", "order_id": "2005",
        "user": {"email": null, "phone": null, "external_id": null, "ttclid": null, "ttp": null},
    })));
    vec![
        Row {
            name: "yen-as-dollars",
            requests: json!([thank_you(yen), server(dollars)]),
            asked: "order_1001",
            cause: "currency_changed",
            verdict: "counted_weakly",
            says: &["JPY", "USD"],
        },
        Row {
            name: "hash-of-the-typed-phone",
            requests: json!([server(
                json!({"user": {"phone": ["+4915123456789", "{{sha256:4915123456789}}"]}})
            )]),
            asked: "order_1001",
            cause: "phone_hash_differs",
            verdict: "counted_weakly",
            says: &["phone", "hash"],
        },
        Row {
            name: "click-id-stripped-on-arrival",
            requests: json!([landing("/?utm_source=tiktok&utm_medium=paid")]),
            asked: "landing-1",
            cause: "click_id_stripped",
            verdict: "counted_weakly",
            says: &["click id"],
        },
        Row {
            name: "click-id-lost-on-the-way",
            requests: json!([
                server(json!({"event_name": "AddToCart", "event_id": "cart-1", "order_id": null})),
                server(json!({"user": {"ttclid": null}})),
            ]),
            asked: "1001",
            cause: "click_id_lost",
            verdict: "counted_weakly",
            says: &["click id"],
        },
        Row {
            name: "guest-without-keys",
            requests: Value::from(guests),
            asked: "2005",
            cause: "guest_without_keys",
            verdict: "counted_weakly",
            says: &["nobody"],
        },
        Row {
            name: "renewal-without-a-browser",
            requests: json!([
                {"to": "plugin", "like": "order"},
                {"to": "plugin", "like": "order", "body": {
                    "id": 1002, "number": "1002", "parent_id": 1001, "created_via": "subscription", "total": "19.00",
                    "customer_ip_address": "", "customer_user_agent": "", "meta_data": [{"key": "_tandem_consent", "value": "granted"}],
                    "line_items": [{"id": 2, "product_id": 14, "name": "Beans", "quantity": 1, "total": "19.00", "sku": "SKU-2"}],
                }},
            ]),
            asked: "1002",
            cause: "counted_unattended",
            verdict: "counted",
            says: &["renewal", "no browser half is expected"],
        },
    ]
}

fn consent() -> Vec<Row> {
    vec![
        Row {
            name: "consent-declined",
            requests: json!([
                answer_on_consent("denied"),
                server(json!({"consent": {"advertising": "denied"}}))
            ]),
            asked: "1001",
            cause: "consent_denied",
            verdict: "not_sent",
            says: &["consent"],
        },
        Row {
            name: "consent-withdrawn",
            requests: json!([
                landing("/?ttclid=E.C.P.CrcBEiQ4ZGU1"),
                answer_on_consent("denied"),
                // Bought under the yes; the shop's server is slow to tell.
                server(json!({"session_id": VISITOR, "event_time": "{{now-600}}", "user": {"ttclid": null}})),
            ]),
            asked: "1001",
            cause: "consent_denied",
            verdict: "not_sent",
            says: &["took that back"],
        },
    ]
}

fn wrong_with(row: &Row, status: u16, told: &Value) -> Vec<String> {
    let text = |name: &str| told[name].as_str().unwrap_or_default();
    let mut wrong = Vec::new();
    if (status, text("cause"), text("verdict")) != (200, row.cause, row.verdict) {
        wrong.push(format!(
            "HTTP {status}, {:?}, {:?}: {:?}",
            text("cause"),
            text("verdict"),
            text("sentence")
        ));
    }
    let sentence = text("sentence").to_lowercase();
    for word in row.says.iter().chain(&["TikTok"]).filter(|word| !sentence.contains(&word.to_lowercase())) {
        wrong.push(format!("{word:?} is not in {:?}", text("sentence")));
    }
    if text("remedy").is_empty() || told["steps"].as_array().is_none_or(Vec::is_empty) {
        wrong.push("no remedy, or no steps".to_owned());
    }
    wrong
        .into_iter()
        .map(|text| format!("{} ({} instead of {}): {text}", row.name, row.asked, row.cause))
        .collect()
}

#[test]
fn every_failure_is_explained() {
    let rows: Vec<Row> = ids().into_iter().chain(money_and_people()).chain(consent()).collect();
    let scenarios: Vec<Scenario> = rows
        .iter()
        .map(|row| {
            let file = json!({"about": row.name, "requests": row.requests});
            Scenario { name: row.name.to_owned(), ..serde_json::from_value(file).unwrap() }
        })
        .collect();
    let played = play(&scenarios);
    let caught_up = played.gateway.post("/api/catch-up", &json!({}));
    assert_eq!(caught_up.status, 200, "{}", caught_up.text());
    let ask = |row: &Row| {
        let answer = played.gateway.get(&format!("/api/why?q={}&site={}", row.asked, row.name));
        wrong_with(row, answer.status, &serde_json::from_slice(&answer.body).unwrap_or_default())
    };
    let wrong: Vec<String> = rows.iter().flat_map(ask).collect();
    assert!(wrong.is_empty(), "{} things are wrong:\n{}", wrong.len(), wrong.join("\n"));
}
