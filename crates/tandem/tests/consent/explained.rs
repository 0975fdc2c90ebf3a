//! `tandem explain`: the ruling on an event, before anything is sent.

use serde_json::{Value, json};

use super::bed::Bed;
use super::program;

fn delivery(bed: &Bed, event: &Value) -> Value {
    let config = bed.home.config();
    let arguments = ["explain", "--config", config.to_str().unwrap(), "--source", "events", "--json", "-"];
    let told = program::run(&arguments, &[], event.to_string().as_bytes());
    assert_eq!(told.code, 0, "{}", told.stderr);
    let shown: Value = serde_json::from_str(&told.stdout).unwrap();
    shown["events"][0]["deliveries"][0].clone()
}

fn event(consent: Value) -> Value {
    json!({
        "event_name": "Lead", "event_id": "explained", "user": {"email": "ada@example.com", "ttclid": "E.C.P.x"},
        "page": {"url": "https://shop.example/p?utm_source=x"}, "consent": consent,
    })
}

#[test]
fn the_ruling_and_its_reason_are_shown() {
    let bed = Bed::open();
    let sent = delivery(&bed, &event(json!({"gcd": "1131313135"})));
    assert_eq!(sent["consent"]["ruling"], "send:gcd");
    assert!(
        sent["skip"].is_null() && sent["request"]["body"]["data"][0]["user"]["email"].is_string(),
        "{sent}"
    );

    let denied = delivery(&bed, &event(json!({"advertising": "granted", "gcd": "1121212125"})));
    assert_eq!(
        (&denied["consent"]["ruling"], &denied["consent"]["reason"]),
        (&json!("suppress:most_restrictive"), &json!("most_restrictive"))
    );
    assert_eq!((&denied["skip"]["code"], &denied["request"]), (&json!("consent_denied"), &Value::Null));
    assert_eq!(denied["consent"]["may_change"], false);

    let silent = delivery(&bed, &event(Value::Null));
    assert_eq!(
        (&silent["consent"]["ruling"], &silent["skip"]["code"]),
        (&json!("suppress:no_signal"), &json!("consent_unknown"))
    );
    assert_eq!(silent["consent"]["may_change"], true);
}

#[test]
fn an_anonymous_event_is_shown_as_it_would_be_sent() {
    let bed = Bed::with("requires = [\"advertising\"]\non_denied = \"anonymise\"");
    let shown = delivery(&bed, &event(json!({"advertising": "granted", "gpc": true})));
    assert_eq!(shown["consent"]["ruling"], "anonymise+limited:gpc");
    assert_eq!(shown["consent"]["limited_data_use"], true);
    let one = &shown["request"]["body"]["data"][0];
    assert_eq!((one.get("user"), &one["page"]), (None, &json!({"url": "https://shop.example/p"})));
    assert_eq!((&shown["skip"], &one["limited_data_use"]), (&Value::Null, &json!(true)));
}
