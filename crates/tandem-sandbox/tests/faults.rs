//! The fault plan, over real sockets where the connection itself is the subject.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

mod support;

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use http::StatusCode;
use serde_json::json;
use tandem_sandbox::{Fault, FaultKind, Options, Sandbox};
use tokio::net::TcpListener;

use crate::support::{Bench, PIXEL, TRACK, purchases};

#[tokio::test]
async fn codes_count_down_and_remember_nothing() {
    let bench = Bench::new(Options::default());
    bench.sandbox.set_faults(vec![Fault::next(2, FaultKind::Code { code: 40100, http: Some(401) })]);
    let mut seen = Vec::new();
    for _ in 0..3 {
        let answer = bench.track(&purchases(&["a"])).await;
        seen.push((answer.status.as_u16(), answer.code()));
    }
    assert_eq!(seen, [(401, 40100), (401, 40100), (200, 0)]);
    let report = bench.sandbox.conversions();
    assert_eq!((report.requests, report.refused, report.faulted, report.events), (3, 2, 2, 1));
    assert_eq!(bench.sandbox.requests()[0].message, "Too many requests. Please retry in some time.");
}

#[tokio::test]
async fn plan_over_http_matches_pixel_token_and_turn() {
    let bench = Bench::new(Options::default());
    let plan = json!([
        {"match": {"token": "somebody"}, "kind": "hang"},
        {"match": {"pixel": "OTHER"}, "kind": "hang"},
        {"match": {"pixel": PIXEL}, "next": null, "every": 2, "kind": {"http": {"status": 503}}},
    ]);
    assert_eq!(bench.put("/sandbox/faults", &plan).await.status, StatusCode::OK);
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(bench.track(&purchases(&["a"])).await.status.as_u16());
    }
    assert_eq!(statuses, [200, 503, 200, 503]);
    let state = bench.get("/sandbox/faults").await.json();
    assert_eq!(state[2]["applied"], 2);
    assert_eq!(state[0]["seen"], 0);
    for bad in [json!([{"kind": "explode"}]), json!([{"kind": "hang", "often": 1}])] {
        assert_eq!(bench.put("/sandbox/faults", &bad).await.status, StatusCode::BAD_REQUEST);
    }
}

#[tokio::test]
async fn strange_answers() {
    let cases = [
        (FaultKind::Html502, 502, "<html>", 0),
        (FaultKind::Html200, 200, "<!doctype html>", 0),
        (FaultKind::Http { status: 429 }, 429, "", 0),
        (FaultKind::TruncatedJson, 200, "{\"code\":0", 1),
        (FaultKind::Partial20001, 200, "{\"code\":20001", 1),
        (FaultKind::Latency { ms: 1 }, 200, "{\"code\":0", 1),
    ];
    for (kind, status, start, counted) in cases {
        let bench = Bench::new(Options::default());
        bench.sandbox.set_faults(vec![Fault::always(kind.clone())]);
        let answer = bench.track(&purchases(&["a"])).await;
        assert_eq!(answer.status.as_u16(), status, "{kind:?}");
        assert!(answer.text.starts_with(start), "{kind:?}: {}", answer.text);
        let broken = serde_json::from_str::<serde_json::Value>(&answer.text).is_err();
        assert_eq!(broken, !matches!(kind, FaultKind::Partial20001 | FaultKind::Latency { .. }), "{kind:?}");
        assert_eq!(bench.sandbox.conversions().of(PIXEL, "Purchase").counted, counted, "{kind:?}");
        assert!(answer.headers.contains_key("x-tt-logid") && !answer.headers.contains_key("retry-after"));
    }
}

#[tokio::test]
async fn latency_adds_to_other_faults() {
    let bench = Bench::new(Options::default());
    let code = Fault::always(FaultKind::Code { code: 50000, http: None });
    bench.sandbox.set_faults(vec![Fault::always(FaultKind::Latency { ms: 30 }), code]);
    let start = std::time::Instant::now();
    assert_eq!(bench.track(&purchases(&["a"])).await.code(), 50000);
    assert!(start.elapsed() >= Duration::from_millis(30));
}

async fn listen(sandbox: &Sandbox) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(sandbox.clone().serve(listener));
    address
}

/// Sends one purchase over a plain socket and reads until the end.
async fn raw_request(address: SocketAddr) -> (Vec<u8>, std::io::Result<()>) {
    let body = purchases(&["a"]).to_string();
    let head = format!(
        "POST {TRACK} HTTP/1.1\r\nhost: sandbox\r\naccess-token: test-token\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    tokio::task::spawn_blocking(move || {
        let mut socket = TcpStream::connect(address).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        socket.write_all(head.as_bytes()).unwrap();
        let mut answer = Vec::new();
        let end = socket.read_to_end(&mut answer).map(drop);
        (answer, end)
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn a_cut_connection_gives_no_answer() {
    for (kind, counted) in [(FaultKind::Reset, 0), (FaultKind::ResetAfterAccept, 1), (FaultKind::Hang, 0)] {
        let bench = Bench::new(Options { hang_limit_s: 0, ..Options::default() });
        let address = listen(&bench.sandbox).await;
        bench.sandbox.set_faults(vec![Fault::next(1, kind.clone())]);
        let (answer, end) = raw_request(address).await;
        assert!(answer.is_empty(), "{kind:?}: {}", String::from_utf8_lossy(&answer));
        assert_eq!(end.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset, "{kind:?}");
        assert_eq!(bench.sandbox.conversions().of(PIXEL, "Purchase").counted, counted, "{kind:?}");
        assert_eq!(bench.sandbox.requests()[0].status, None);

        // The next request is served, and an accepted one is a duplicate now.
        let (answer, end) = raw_request(address).await;
        end.unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 200 OK"));
        let counts = bench.sandbox.conversions().of(PIXEL, "Purchase");
        assert_eq!((counts.counted, counts.dropped), (1, counted));
    }
}

#[tokio::test]
async fn a_cut_is_an_error_under_a_foreign_server_too() {
    let bench = Bench::new(Options::default());
    bench.sandbox.set_faults(vec![Fault::always(FaultKind::Reset)]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = bench.sandbox.router();
    tokio::spawn(async move { axum::serve(listener, router).await });
    let (answer, _) = raw_request(address).await;
    let text = String::from_utf8_lossy(&answer);
    let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    assert!(body.is_empty(), "an answer must break off before its body");
    assert!(answer.is_empty() || text.contains("content-length: 2097152"), "{text}");
}
