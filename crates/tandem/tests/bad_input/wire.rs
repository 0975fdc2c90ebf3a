//! One malformed request, how it is sent, and what must come back.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

use crate::bodies::short;
use crate::harness::KEY;
use crate::shop::sign;

pub(crate) const SECRET: &str = "bad-input-secret";
pub(crate) const SITE: &str = "/webhooks/woocommerce/shop";

/// What must come back.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Want {
    /// The request as a whole: this status, and a JSON error with this code.
    Refused(u16, &'static str),
    /// Each of the request's events, with this code; a webhook gets 200 for it, the API 422.
    Rejected(&'static str),
    /// No HTTP that a handler ever sees: 4xx in whatever form, or the connection is closed.
    Garbage,
}

pub(crate) use Want::{Garbage, Refused, Rejected};

/// One malformed request.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) private: bool,
    /// Closes the sending half after the last byte: the rest will never come.
    pub(crate) half_close: bool,
    pub(crate) want: Want,
}

/// Bytes of a request with a right Content-Length.
pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut bytes =
        format!("{method} {path} HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n").into_bytes();
    for (name, value) in headers {
        bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    bytes.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
    bytes.extend_from_slice(body);
    bytes
}

/// The same with the headers as text and nothing added but the host.
pub(crate) fn raw_request(head: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{head}\r\nHost: shop.example\r\nConnection: close\r\n\r\n").into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

pub(crate) fn bearer() -> String {
    format!("Bearer {KEY}")
}

pub(crate) fn to_api(content_type: &str, body: &[u8]) -> Vec<u8> {
    request("POST", "/v1/events", &[("Authorization", &bearer()), ("Content-Type", content_type)], body)
}

pub(crate) fn to_hook(topic: &str, body: &[u8]) -> Vec<u8> {
    let signature = sign(SECRET, body);
    let headers = [("X-WC-Webhook-Topic", topic), ("X-WC-Webhook-Signature", &signature)];
    request("POST", SITE, &headers, body)
}

#[derive(Default)]
pub(crate) struct Cases(pub(crate) Vec<Case>);

impl Cases {
    pub(crate) fn add(&mut self, name: impl Into<String>, bytes: Vec<u8>, want: Want) {
        self.0.push(Case { name: name.into(), bytes, private: false, half_close: false, want });
    }

    pub(crate) fn api(&mut self, name: impl Into<String>, body: impl AsRef<[u8]>, code: &'static str) {
        self.add(format!("api: {}", name.into()), to_api("application/json", body.as_ref()), Rejected(code));
    }

    pub(crate) fn hook(&mut self, name: impl Into<String>, body: impl AsRef<[u8]>, code: &'static str) {
        self.add(format!("hook: {}", name.into()), to_hook("order.updated", body.as_ref()), Rejected(code));
    }

    /// The client sends no more.
    pub(crate) fn cut(&mut self, name: impl Into<String>, bytes: Vec<u8>, want: Want) {
        self.0.push(Case { name: name.into(), bytes, private: false, half_close: true, want });
    }

    pub(crate) fn private(&mut self, name: impl Into<String>, bytes: Vec<u8>, want: Want) {
        let name = format!("private: {}", name.into());
        self.0.push(Case { name, bytes, private: true, half_close: false, want });
    }
}

/// What came back: status, and the body.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

/// Sends on one thread and reads on the other, since a server may well answer before it has everything. `None` when
/// the connection ends without an answer.
pub(crate) fn exchange(address: SocketAddr, bytes: &[u8], half_close: bool) -> Option<Reply> {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(40))).unwrap();
    let mut answer = Vec::new();
    std::thread::scope(|scope| {
        let mut writer = &stream;
        scope.spawn(move || {
            // It may be closed half-way; what counts is the answer.
            let _ = writer.write_all(bytes);
            if half_close {
                let _ = writer.shutdown(Shutdown::Write);
            }
        });
        let mut reader = &stream;
        let mut buffer = [0; 16_384];
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => answer.extend_from_slice(&buffer[..n]),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
                Err(error) => panic!("no answer: {error}"),
            }
            if complete(&answer) {
                break;
            }
        }
        let _ = stream.shutdown(Shutdown::Both);
    });
    parse(&answer)
}

pub(crate) fn parse(answer: &[u8]) -> Option<Reply> {
    let end = answer.windows(4).position(|w| w == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Reply { status, head, body: answer[end + 4..].to_vec() })
}

pub(crate) fn length(head: &str) -> Option<usize> {
    head.lines().find_map(|l| l.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok())
}

pub(crate) fn complete(answer: &[u8]) -> bool {
    parse(answer).is_some_and(|r| length(&r.head).is_some_and(|wanted| r.body.len() >= wanted))
}

/// Says what is wrong with the answer to a case.
pub(crate) fn judge(case: &Case, reply: Option<&Reply>) -> Result<(), String> {
    let Some(reply) = reply else {
        return if matches!(case.want, Garbage) { Ok(()) } else { Err("no answer".to_owned()) };
    };
    let text = String::from_utf8_lossy(&reply.body);
    let told = || format!("{} {}", reply.status, short(&reply.body));
    if matches!(case.want, Garbage) {
        return if (400..500).contains(&reply.status) { Ok(()) } else { Err(told()) };
    }
    let is_json = reply.head.to_ascii_lowercase().contains("content-type: application/json");
    if case.bytes.starts_with(b"HEAD ") {
        // There is no body to look at.
        return if reply.status == 405 && is_json { Ok(()) } else { Err(told()) };
    }
    let answer: Value = serde_json::from_str(&text).map_err(|_| format!("no JSON: {}", told()))?;
    if !is_json {
        return Err(format!("not said to be JSON: {}", reply.head));
    }
    match case.want {
        Refused(status, code) => {
            let given = answer["error"]["code"].as_str().unwrap_or_default();
            let message = answer["error"]["message"].as_str().unwrap_or_default();
            let fits = !given.is_empty() && !message.is_empty() && (code.is_empty() || code == given);
            if reply.status == status && fits { Ok(()) } else { Err(told()) }
        }
        Rejected(code) => {
            let status = if case.name.starts_with("hook") { 200 } else { 422 };
            let events = answer["events"].as_array().map(Vec::as_slice).unwrap_or_default();
            let right = |e: &Value| {
                let given = e["code"].as_str().unwrap_or_default();
                let said = !e["message"].as_str().unwrap_or_default().is_empty();
                e["status"] == "rejected" && said && !given.is_empty() && (code.is_empty() || code == given)
            };
            let fits = reply.status == status && !events.is_empty() && events.iter().all(right);
            if fits { Ok(()) } else { Err(told()) }
        }
        Garbage => Ok(()),
    }
}
