//! A sandbox with a clock that stands still until it is moved, and a client without a network.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use axum::body::Body;
use http::{HeaderMap, Request, StatusCode};
use serde_json::{Value, json};
use tandem_sandbox::{Options, Sandbox};
use tower::ServiceExt;

pub(crate) const TRACK: &str = "/open_api/v1.3/event/track/";
pub(crate) const PIXEL: &str = "TESTPIXEL0000000001";
/// 2026-01-01T00:00:00Z.
pub(crate) const START_MS: i64 = 1_767_225_600_000;

pub(crate) struct Bench {
    pub(crate) sandbox: Sandbox,
    clock: Arc<AtomicI64>,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {}", self.text))
    }

    pub(crate) fn code(&self) -> u64 {
        self.json()["code"].as_u64().unwrap()
    }
}

impl Bench {
    pub(crate) fn new(options: Options) -> Bench {
        let clock = Arc::new(AtomicI64::new(START_MS));
        let hands = clock.clone();
        let sandbox = Sandbox::new(options, Arc::new(move || hands.load(Ordering::Relaxed)));
        Bench { sandbox, clock }
    }

    pub(crate) fn wait_s(&self, seconds: i64) {
        self.clock.fetch_add(seconds * 1000, Ordering::Relaxed);
    }

    pub(crate) async fn call(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self.sandbox.router().oneshot(request).await.unwrap().into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        Answer {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8_lossy(&bytes).into_owned(),
        }
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.call(request.body(Body::from(body)).unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
        self.send("POST", path, headers, body).await
    }

    /// Sends a server request.
    pub(crate) async fn track(&self, body: &Value) -> Answer {
        self.post(TRACK, &[("access-token", "test-token")], serde_json::to_vec(body).unwrap()).await
    }

    /// Sends a hit of the browser pixel.
    pub(crate) async fn hit(&self, event_id: &str) -> Answer {
        let body = json!({
            "event": "Purchase", "event_id": event_id, "is_onsite": false,
            "context": {"user": {"anonymous_id": "01JABC.tt.1"}, "pixel": {"code": PIXEL}},
            "properties": {"value": 10.5, "currency": "EUR"},
        });
        self.post("/api/v2/pixel", &[("content-type", "text/plain")], body.to_string().into()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], Vec::new()).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send("PUT", path, &[], serde_json::to_vec(body).unwrap()).await
    }
}

/// A server request with purchases of 10.50 EUR.
pub(crate) fn purchases(ids: &[&str]) -> Value {
    let events: Vec<Value> = ids
        .iter()
        .map(|id| {
            json!({
                "event": "Purchase", "event_time": START_MS / 1000, "event_id": id,
                "user": {"email": "848a771458438fc2ec420560d769fb9b9b86851ee338ec56517baabd79d3bb4f"},
                "properties": {"value": 10.5, "currency": "EUR", "order_id": id,
                    "contents": [{"content_id": "SKU-1", "price": 10.5, "quantity": 1}]},
            })
        })
        .collect();
    json!({"event_source": "web", "event_source_id": PIXEL, "data": events})
}

/// Applies the three operations of RFC 6902 the vectors use.
pub(crate) fn patch(document: &mut Value, operations: &[Value]) {
    for operation in operations {
        let path = operation["path"].as_str().unwrap();
        let (parent, last) = path.rsplit_once('/').unwrap();
        let parent = document.pointer_mut(parent).unwrap();
        let name = operation["op"].as_str().unwrap();
        let value = operation["value"].clone();
        match parent {
            Value::Object(object) if name == "remove" => drop(object.remove(last).unwrap()),
            Value::Object(object) => drop(object.insert(last.into(), value)),
            Value::Array(list) => {
                let index = if last == "-" { list.len() } else { last.parse().unwrap() };
                match name {
                    "add" => list.insert(index, value),
                    "replace" => list[index] = value,
                    "remove" => drop(list.remove(index)),
                    other => panic!("unknown operation {other}"),
                }
            }
            other => panic!("{path} leads into {other}"),
        }
    }
}

impl Bench {
    /// Sends a request to Meta's server address.
    pub(crate) async fn meta(&self, body: &Value) -> Answer {
        self.post(EVENTS, &[("authorization", "Bearer test-token")], body.to_string().into()).await
    }

    /// Sends a request to Google Analytics.
    pub(crate) async fn ga4(&self, body: &Value) -> Answer {
        self.post(COLLECT, &[("content-type", "application/json")], body.to_string().into()).await
    }
}

pub(crate) const EVENTS: &str = "/v25.0/1234567890/events";
pub(crate) const META_PIXEL: &str = "1234567890";
pub(crate) const COLLECT: &str = "/mp/collect?measurement_id=G-TEST000001&api_secret=sec";
pub(crate) const PROPERTY: &str = "G-TEST000001";
