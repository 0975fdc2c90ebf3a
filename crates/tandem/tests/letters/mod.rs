//! Where notices arrive: a webhook, a mail server, and somebody who never answers.
#![allow(dead_code, reason = "each test binary uses a part")]

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use serde_json::Value;

/// A request to a webhook.
#[derive(Debug, Clone)]
pub(crate) struct Posted {
    pub(crate) path: String,
    pub(crate) signature: Option<String>,
    pub(crate) bytes: Vec<u8>,
    /// What it was answered with.
    pub(crate) status: u16,
}

impl Posted {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.bytes.clone()).unwrap()
    }
}

/// A web server that notes what is posted to it.
pub(crate) struct Webhook {
    pub(crate) address: SocketAddr,
    state: Arc<Desk>,
    _runtime: tokio::runtime::Runtime,
}

struct Desk {
    status: AtomicU16,
    posted: Mutex<Vec<Posted>>,
}

impl Webhook {
    /// One that answers with this status.
    pub(crate) fn answering(status: u16) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let state = Arc::new(Desk { status: AtomicU16::new(status), posted: Mutex::default() });
        let router = Router::new().fallback(take).with_state(state.clone());
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { address, state, _runtime: runtime }
    }

    pub(crate) fn answer_with(&self, status: u16) {
        self.state.status.store(status, Ordering::SeqCst);
    }

    pub(crate) fn posted(&self) -> Vec<Posted> {
        self.state.posted.lock().unwrap().clone()
    }

    /// Those that were answered with 200.
    pub(crate) fn taken(&self) -> Vec<Posted> {
        self.posted().into_iter().filter(|posted| posted.status == 200).collect()
    }
}

async fn take(State(desk): State<Arc<Desk>>, uri: Uri, headers: HeaderMap, body: Bytes) -> StatusCode {
    let signature = headers.get("x-tandem-signature").map(|value| value.to_str().unwrap().to_owned());
    let status = desk.status.load(Ordering::SeqCst);
    let posted = Posted { path: uri.path().to_owned(), signature, bytes: body.to_vec(), status };
    desk.posted.lock().unwrap().push(posted);
    StatusCode::from_u16(status).unwrap()
}

/// A mail as it arrived.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mail {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    /// Headers, an empty line, and the text; lines end with LF.
    pub(crate) data: String,
}

impl Mail {
    /// A header's value, unfolded.
    pub(crate) fn header(&self, name: &str) -> String {
        let head = self.data.split("\n\n").next().unwrap_or_default().replace("\n ", " ");
        let value = head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        value.unwrap_or_default().to_owned()
    }

    /// The text, decoded (RFC 2045, section 6.7).
    pub(crate) fn text(&self) -> String {
        let text = self.data.split_once("\n\n").unwrap().1;
        if self.header("Content-Transfer-Encoding") != "quoted-printable" {
            return text.to_owned();
        }
        let joined = text.replace("=\n", "");
        let mut parts = joined.split('=');
        let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
        for part in parts {
            let (code, rest) = part.split_at(2);
            bytes.push(u8::from_str_radix(code, 16).unwrap());
            bytes.extend_from_slice(rest.as_bytes());
        }
        String::from_utf8(bytes).unwrap()
    }
}

/// A mail server (RFC 5321) without TLS.
pub(crate) struct MailServer {
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<PostOffice>>,
}

#[derive(Default)]
struct PostOffice {
    /// Lines of the conversations, without the mails.
    said: Vec<String>,
    mails: Vec<Mail>,
}

impl MailServer {
    pub(crate) fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, state) = (listener.local_addr().unwrap(), Arc::<Mutex<PostOffice>>::default());
        let office = state.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let office = office.clone();
                // Who hangs up in the middle has sent nothing.
                std::thread::spawn(move || talk(&stream, &office));
            }
        });
        Self { address, state }
    }

    pub(crate) fn mails(&self) -> Vec<Mail> {
        self.state.lock().unwrap().mails.clone()
    }

    pub(crate) fn said(&self) -> Vec<String> {
        self.state.lock().unwrap().said.clone()
    }
}

fn talk(stream: &TcpStream, office: &Mutex<PostOffice>) -> std::io::Result<()> {
    let (mut lines, mut out) = (BufReader::new(stream).lines(), stream);
    let mut mail = Mail::default();
    out.write_all(b"220 mail.test ESMTP\r\n")?;
    while let Some(line) = lines.next().transpose()? {
        office.lock().unwrap().said.push(line.clone());
        let within = |line: &str| line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
        let answer = match line.to_ascii_uppercase().split([' ', ':']).next().unwrap_or_default() {
            "EHLO" => "250-mail.test\r\n250 AUTH PLAIN\r\n",
            "AUTH" => "235 2.7.0 welcome\r\n",
            "MAIL" => {
                mail = Mail { from: within(&line), ..Mail::default() };
                "250 2.1.0 ok\r\n"
            }
            "RCPT" => {
                mail.to.push(within(&line));
                "250 2.1.5 ok\r\n"
            }
            "DATA" => {
                out.write_all(b"354 go on\r\n")?;
                while let Some(line) = lines.next().transpose()?.filter(|line| line != ".") {
                    mail.data.push_str(line.strip_prefix('.').unwrap_or(&line));
                    mail.data.push('\n');
                }
                office.lock().unwrap().mails.push(std::mem::take(&mut mail));
                "250 2.0.0 taken\r\n"
            }
            "QUIT" => {
                return out.write_all(b"221 2.0.0 bye\r\n");
            }
            _ => "502 5.5.2 what?\r\n",
        };
        out.write_all(answer.as_bytes())?;
    }
    Ok(())
}

/// A web server that says yes at once, and never sends the body that it promises.
pub(crate) struct Stalling {
    pub(crate) address: SocketAddr,
}

impl Stalling {
    pub(crate) fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let mut open = Vec::new();
            for mut stream in listener.incoming().map_while(Result::ok) {
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
                open.push(stream);
            }
        });
        Self { address }
    }
}

/// Takes connections and never says a word.
pub(crate) struct Silent(TcpListener);

impl Silent {
    pub(crate) fn open() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }
}
