//! A load generator: keep-alive connections over raw sockets, every event with an id of its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What to send.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub(crate) connections: usize,
    /// Events in one request; one alone is sent as an object.
    pub(crate) batch: usize,
    /// Ends at whichever comes first.
    pub(crate) duration: Duration,
    pub(crate) max_events: u64,
    /// First number used in ids.
    pub(crate) first_id: u64,
    pub(crate) event_time: i64,
    /// A shop's mixture instead of product views alone.
    pub(crate) is_mixed: bool,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) events: u64,
    pub(crate) requests: u64,
    pub(crate) refused: u64,
    pub(crate) seconds: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
}

impl Outcome {
    #[allow(clippy::cast_precision_loss)]
    pub(crate) fn events_per_s(&self) -> f64 {
        self.events as f64 / self.seconds
    }

    #[allow(clippy::cast_precision_loss)]
    pub(crate) fn requests_per_s(&self) -> f64 {
        self.requests as f64 / self.seconds
    }
}

/// About 600 bytes, as a shop's server sends for a product view.
pub(crate) fn event(id: u64, time: i64) -> String {
    format!(
        concat!(
            r#"{{"event_name":"ViewContent","event_id":"0199aef2-7c55-7e31-9a66-{:012x}","event_time":{},"#,
            r#""user":{{"email":"buyer{}@example.com","external_id":"u{}","ttclid":"E.C.P.CtcBx{:x}Qm9vbGVhbiB0b2tlbiBmb3IgYmVuY2g","#,
            r#""ttp":"01JABCDEFGHJKMNPQRSTVWXYZ0_.tt.1","ip":"203.0.113.{}","user_agent":"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Version/18.5 Mobile/15E148 Safari/604.1"}},"#,
            r#""page":{{"url":"https://shop.example/product/stoneware-mug/?utm_source=tiktok"}},"value":18.5,"currency":"EUR","#,
            r#""contents":[{{"content_id":"MUG-{}","content_name":"Stoneware Mug","price":18.5,"quantity":1}}]}}"#
        ),
        id,
        time,
        id % 100_000,
        id % 100_000,
        id,
        id % 250 + 1,
        id % 500
    )
}

/// Of a hundred events one is a sale, five put something into the cart and two begin to check out; one sender in a thousand
/// writes the value as text.
fn mixed(id: u64, time: i64) -> String {
    let view = event(id, time);
    let named = |name: &str| view.replacen("ViewContent", name, 1);
    match id % 100 {
        0 if id.is_multiple_of(1_000) => view.replacen(r#""value":18.5"#, r#""value":"18.5""#, 1),
        1 => named("Purchase").replacen("0199aef2-7c55-7e31-9a66-", "order_", 1).replacen(
            '{',
            &format!(r#"{{"order_id":"{id}","#),
            1,
        ),
        2..=6 => named("AddToCart"),
        7 | 8 => named("InitiateCheckout"),
        _ => view,
    }
}

pub(crate) async fn run(address: SocketAddr, load: Load) -> anyhow::Result<Outcome> {
    let next = Arc::new(AtomicU64::new(0));
    let began = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..load.connections {
        tasks.spawn(one(address, load, next.clone(), began));
    }
    let (mut latencies, mut refused) = (Vec::new(), 0);
    while let Some(result) = tasks.join_next().await {
        let (own, bad) = result??;
        latencies.extend(own);
        refused += bad;
    }
    let seconds = began.elapsed().as_secs_f64();
    latencies.sort_unstable();
    let at = |share: usize| {
        latencies.get(latencies.len() * share / 100).map_or(0.0, |us| f64::from(*us) / 1_000.0)
    };
    let requests = latencies.len() as u64;
    Ok(Outcome {
        events: requests * load.batch as u64,
        requests,
        refused,
        seconds,
        p50_ms: at(50),
        p99_ms: at(99),
    })
}

async fn one(
    address: SocketAddr,
    load: Load,
    next: Arc<AtomicU64>,
    began: Instant,
) -> anyhow::Result<(Vec<u32>, u64)> {
    let mut socket = TcpStream::connect(address).await.context("connect")?;
    socket.set_nodelay(true)?;
    let (mut latencies, mut refused, mut buffer) = (Vec::new(), 0, Vec::with_capacity(16 << 10));
    while began.elapsed() < load.duration {
        let first = next.fetch_add(load.batch as u64, Ordering::Relaxed);
        if first >= load.max_events {
            break;
        }
        let request = request(&load, load.first_id + first);
        let sent = Instant::now();
        socket.write_all(&request).await?;
        let status = answer(&mut socket, &mut buffer).await?;
        latencies.push(u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX));
        refused += u64::from(!(200..300).contains(&status));
    }
    Ok((latencies, refused))
}

fn request(load: &Load, first: u64) -> Vec<u8> {
    let one = if load.is_mixed { mixed } else { event };
    let body = if load.batch == 1 {
        one(first, load.event_time)
    } else {
        let events: Vec<String> =
            (first..first + load.batch as u64).map(|id| one(id, load.event_time)).collect();
        format!("[{}]", events.join(","))
    };
    format!(
        "POST /v1/events HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer bench\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Reads one answer off a keep-alive connection; its status.
async fn answer(socket: &mut TcpStream, buffer: &mut Vec<u8>) -> anyhow::Result<u16> {
    buffer.clear();
    loop {
        let read = socket.read_buf(buffer).await?;
        anyhow::ensure!(read > 0, "the connection ended");
        let Some(end) = find(buffer, b"\r\n\r\n") else { continue };
        let head = std::str::from_utf8(&buffer[..end])?.to_ascii_lowercase();
        let length: usize = head
            .split("content-length:")
            .nth(1)
            .and_then(|r| r.split("\r\n").next()?.trim().parse().ok())
            .unwrap_or(0);
        while buffer.len() < end + 4 + length {
            anyhow::ensure!(socket.read_buf(buffer).await? > 0, "the connection ended");
        }
        return head.get(9..12).and_then(|s| s.parse().ok()).context("status");
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|w| w == needle)
}

/// GET with the private token; milliseconds and the body.
pub(crate) async fn get(address: SocketAddr, path: &str) -> anyhow::Result<(f64, String)> {
    let Answer { ms, body, .. } = call(address, "GET", path).await?;
    Ok((ms, body))
}

/// What came back of one call.
pub(crate) struct Answer {
    pub(crate) ms: f64,
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// One call with the private token.
pub(crate) async fn call(address: SocketAddr, method: &str, path: &str) -> anyhow::Result<Answer> {
    let began = Instant::now();
    let mut socket = TcpStream::connect(address).await?;
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer bench\r\ncontent-length: 0\r\n\
         connection: close\r\n\r\n"
    );
    socket.write_all(request.as_bytes()).await?;
    let mut text = Vec::new();
    socket.read_to_end(&mut text).await?;
    let text = String::from_utf8_lossy(&text);
    let body = text.split_once("\r\n\r\n").map(|(_, b)| b.to_owned()).unwrap_or_default();
    let status = text.get(9..12).and_then(|s| s.parse().ok()).context("status")?;
    Ok(Answer { ms: began.elapsed().as_secs_f64() * 1_000.0, status, body })
}
