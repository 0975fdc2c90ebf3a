//! What the private API tells of what the log adds up to, asked of the real binary.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod harness;

use harness::{Client, Gateway, Home, KEY, StandIn, TOKEN, now_s};
use serde_json::{Value, json};

fn send(gateway: &Gateway, event: &Value) {
    let bearer = format!("Bearer {KEY}");
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
    let answer =
        Client::new(gateway.public).call("POST", "/v1/events", &headers, event.to_string().as_bytes());
    assert_eq!(answer.unwrap().status, 202);
}

fn ask(gateway: &Gateway, method: &str, path: &str) -> (u16, Value) {
    let bearer = format!("Bearer {TOKEN}");
    let answer =
        Client::new(gateway.private).call(method, path, &[("Authorization", bearer.as_str())], b"").unwrap();
    (answer.status, serde_json::from_slice(&answer.body).unwrap_or_default())
}

#[test]
fn events_findings_and_observations_are_read_of_the_private_port() {
    let stand_in = StandIn::start();
    let home = Home::shop(&stand_in);
    let gateway = home.start();
    let sale = |id: &str| {
        json!({ "event_name": "Purchase", "event_id": id, "event_time": now_s(), "order_id": "891", "value": 10,
                "currency": "EUR", "user": { "email": "ada@example.com" } })
    };
    send(&gateway, &sale("order_891"));
    send(&gateway, &json!({ "event_name": "Lead", "event_id": "lead-1", "event_time": now_s() * 1_000 }));
    assert_eq!(ask(&gateway, "POST", "/api/catch-up"), (200, json!({ "behind": 0 })));
    let found = |terms: &str| -> Vec<i64> {
        let (status, found) = ask(&gateway, "GET", &format!("/api/search?{terms}"));
        assert_eq!(status, 200, "{terms}: {found}");
        found["events"].as_array().unwrap().iter().map(|e| e["seq"].as_i64().unwrap()).collect()
    };
    assert_eq!(found("q=891"), [1]);
    assert_eq!(found("q=ada%40example.com&site=shop"), [1]);
    assert_eq!(found("q=&name=Lead&from=2020-01-01"), [2]);
    assert_eq!(found("to=2020-01-01T00:00:00Z"), [0; 0]);
    assert_eq!(found("finding=event_time_ms"), [2]);
    let (_, findings) = ask(&gateway, "GET", "/api/findings?site=shop&days=2");
    let codes: Vec<_> = findings.as_array().unwrap().iter().map(|f| f["code"].as_str().unwrap()).collect();
    assert!(codes.contains(&"event_time_ms"), "{findings}");
    assert_eq!(ask(&gateway, "GET", "/api/observations?code=id_near_miss"), (200, json!([])));
    for wrong in ["/api/search?from=yesterday", "/api/search?colour=red", "/api/findings?days=x"] {
        let (status, answer) = ask(&gateway, "GET", wrong);
        assert_eq!((status, answer["error"]["code"].as_str()), (400, Some("request_invalid")), "{wrong}");
    }
}
