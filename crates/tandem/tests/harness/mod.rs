//! Runs the real binary as a child process against the real stand-in, and talks to both.
//!
//! Nothing here waits for a fixed time: what is waited for is a line of the child's log or a condition, with a
//! generous deadline.
#![allow(dead_code)] // Every test file uses a part of it.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;
use tandem_sandbox::{Options, Sandbox};
use tempfile::TempDir;

/// Write key of the usual site.
pub(crate) const KEY: &str = "test-write-key";
/// Token of the private port.
pub(crate) const TOKEN: &str = "test-private-token";
/// Pixel of the usual site.
pub(crate) const PIXEL: &str = "TESTPIXEL0000000001";
/// Access token of the usual site.
pub(crate) const ACCESS_TOKEN: &str = "test-access-token";

/// Far beyond what anything takes on a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(90);

/// Unix milliseconds.
#[allow(clippy::disallowed_methods)] // Tests stand outside: they are the wall clock here.
pub(crate) fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Unix seconds.
pub(crate) fn now_s() -> i64 {
    now_ms() / 1_000
}

/// Looks until `condition` holds; panics with `what` when it does not within [`DEADLINE`].
pub(crate) fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + DEADLINE;
    while !condition() {
        assert!(Instant::now() < end, "not within {DEADLINE:?}: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The stand-in, served on threads of the test process.
pub(crate) struct StandIn {
    pub(crate) sandbox: Sandbox,
    pub(crate) address: SocketAddr,
    /// By how much its clock is ahead, milliseconds.
    ahead_ms: Arc<AtomicI64>,
    _runtime: tokio::runtime::Runtime,
}

impl StandIn {
    /// One without a limit on requests a second.
    pub(crate) fn start() -> Self {
        Self::with(Options { rate_per_s: None, ..Options::default() })
    }

    pub(crate) fn with(options: Options) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime for the stand-in");
        let ahead_ms = Arc::new(AtomicI64::new(0));
        let ahead = Arc::clone(&ahead_ms);
        let sandbox = Sandbox::new(options, Arc::new(move || now_ms() + ahead.load(Ordering::Relaxed)));
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let address = listener.local_addr().expect("its address");
        runtime.spawn(sandbox.clone().serve(listener));
        Self { sandbox, address, ahead_ms, _runtime: runtime }
    }

    /// Its clock goes as far ahead as that of a gateway which is started in some days.
    pub(crate) fn go_ahead(&self, ms: i64) {
        self.ahead_ms.store(ms, Ordering::Relaxed);
    }

    /// What a site's destination puts into `base_url`.
    pub(crate) fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// A folder with a configuration and a store: a gateway can be started on it again and again.
pub(crate) struct Home {
    folder: TempDir,
    store: PathBuf,
}

impl Home {
    /// With `sites`, the TOML from `[[site]]` on.
    pub(crate) fn new(sites: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = folder.path().join("tandem.db");
        Self { folder, store }.written(sites)
    }

    /// The same with the store elsewhere.
    pub(crate) fn with_store(store: PathBuf, sites: &str) -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder"), store }.written(sites)
    }

    /// One site, `shop`, with both sources, that sends everything to the stand-in.
    pub(crate) fn shop(stand_in: &StandIn) -> Self {
        Self::new(&shop_sites(&stand_in.base_url()))
    }

    fn written(self, sites: &str) -> Self {
        self.write(sites);
        self
    }

    /// Another configuration in the place of the first; see [`Gateway::hang_up`].
    pub(crate) fn write(&self, sites: &str) {
        let store = self.store.display();
        let text = format!(
            r#"
            [server]
            public = "127.0.0.1:0"
            private = "127.0.0.1:0"
            private_token = "{TOKEN}"
            [store]
            path = "{store}"
            {sites}
            "#
        );
        std::fs::write(self.config(), text).expect("the configuration is written");
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.folder.path().join("tandem.toml")
    }

    pub(crate) fn store(&self) -> &Path {
        &self.store
    }

    /// A gateway that is ready.
    pub(crate) fn start(&self) -> Gateway {
        self.start_with(&[])
    }

    /// The same with further arguments of `tandem serve`.
    pub(crate) fn start_with(&self, arguments: &[&str]) -> Gateway {
        self.try_start(arguments).unwrap_or_else(|end| {
            panic!("the gateway ended before it was ready: {}\n{}", end.status, end.log)
        })
    }

    /// A gateway that is ready, or how one ended before it was.
    pub(crate) fn try_start(&self, arguments: &[&str]) -> Result<Gateway, NeverReady> {
        Gateway::spawn(&self.config(), arguments)
    }
}

/// The TOML of the usual site.
pub(crate) fn shop_sites(base_url: &str) -> String {
    format!(
        r#"
        [[site]]
        id = "shop"
        consent.on_unknown = "grant"
        [site.sources.woocommerce]
        secrets = ["test-webhook-secret"]
        [site.sources.events]
        write_keys = ["{KEY}"]
        [site.destinations.tiktok]
        pixel_id = "{PIXEL}"
        access_token = "{ACCESS_TOKEN}"
        base_url = "{base_url}"
        "#
    )
}

/// A gateway that ended before it was ready.
#[derive(Debug)]
pub(crate) struct NeverReady {
    pub(crate) status: ExitStatus,
    pub(crate) log: String,
}

/// A running `tandem serve`. Dropping it kills it.
pub(crate) struct Gateway {
    child: Child,
    pub(crate) public: SocketAddr,
    pub(crate) private: SocketAddr,
    log: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Gateway {
    fn spawn(config: &Path, arguments: &[&str]) -> Result<Self, NeverReady> {
        let mut child = Command::new(env!("CARGO_BIN_EXE_tandem"))
            .arg("serve")
            .arg("--config")
            .arg(config)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let log = Arc::new(Mutex::new(String::new()));
        let (reader, ready) = read_log(&mut child, log.clone());
        // The sender goes away with the pipe, so this ends when the child does.
        if let Ok((public, private)) = ready.recv_timeout(DEADLINE) {
            return Ok(Self { child, public, private, log, reader: Some(reader) });
        }
        let _ = child.kill();
        let status = child.wait().expect("its status");
        let _ = reader.join();
        Err(NeverReady { status, log: log.lock().unwrap_or_else(PoisonError::into_inner).clone() })
    }

    /// Everything on standard error so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// For a test that ends it from another thread.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL: no clean-up of any kind.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it can be killed");
        self.ended();
    }

    /// SIGTERM, and a clean end.
    pub(crate) fn stop(mut self) -> ExitStatus {
        self.signal("-TERM");
        self.ended()
    }

    /// SIGHUP: the configuration is read again. Returns when the log says what came of it.
    pub(crate) fn hang_up(&self) {
        let read = |log: &str| log.matches("the new configuration is").count();
        let before = read(&self.log());
        self.signal("-HUP");
        until("the configuration is read again", || read(&self.log()) > before);
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status().expect("kill runs");
        assert!(sent.success(), "cannot send {signal}");
    }

    /// Waits for its end, whoever brings it about.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        let mut status = None;
        until("the gateway ends", || {
            status = self.child.try_wait().expect("its status");
            status.is_some()
        });
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
        status.expect("just seen")
    }

    /// Whether the process is there.
    pub(crate) fn alive(&mut self) -> bool {
        self.child.try_wait().expect("its status").is_none()
    }

    /// `POST /v1/events` of the usual site on a connection of its own.
    pub(crate) fn post_events(&self, body: &Value) -> Answer {
        Client::new(self.public).post_events(body).expect("an answer")
    }

    /// `GET` on the private port.
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.private("GET", path, b"").expect("an answer")
    }

    /// `POST` on the private port.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.private("POST", path, body.to_string().as_bytes()).expect("an answer")
    }

    fn private(&self, method: &str, path: &str, body: &[u8]) -> io::Result<Answer> {
        let bearer = format!("Bearer {TOKEN}");
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
        Client::new(self.private).call(method, path, &headers, body)
    }

    /// `GET /api/summary`.
    pub(crate) fn summary(&self) -> Value {
        let answer = self.get("/api/summary");
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// Deliveries that wait, over all lanes.
    pub(crate) fn waiting(&self) -> i64 {
        let summary = self.summary();
        let lanes = summary["lanes"].as_array().map(Vec::as_slice).unwrap_or_default();
        lanes.iter().map(|lane| lane["waiting"].as_i64().expect("a number")).sum()
    }

    /// Waits until nothing waits.
    pub(crate) fn drain(&self) {
        until("nothing waits", || self.waiting() == 0);
    }

    /// All rows of `/api/records/{view}`, newest first.
    pub(crate) fn records(&self, view: &str) -> Vec<Value> {
        let mut rows: Vec<Value> = Vec::new();
        loop {
            let before = rows.last().map(|row| format!("&before={}", row["seq"])).unwrap_or_default();
            let page = self.get(&format!("/api/records/{view}?limit=1000{before}")).json();
            match page.as_array() {
                Some(page) if !page.is_empty() => rows.extend_from_slice(page),
                _ => return rows,
            }
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- log of the gateway\n{}---", tail(&self.log()));
        }
    }
}

fn tail(log: &str) -> &str {
    let from = log.len().saturating_sub(6_000);
    &log[log.ceil_char_boundary(from)..]
}

type Ready = (SocketAddr, SocketAddr);

/// Keeps reading, so that the child never waits for room in the pipe; tells the addresses once they are logged.
fn read_log(child: &mut Child, log: Arc<Mutex<String>>) -> (JoinHandle<()>, Receiver<Ready>) {
    let pipe = BufReader::new(child.stderr.take().expect("standard error is a pipe"));
    let (tell, ready) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        let mut tell = Some(tell);
        for line in pipe.lines().map_while(Result::ok) {
            let addresses = addresses(&line);
            {
                let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
                log.push_str(&line);
                log.push('\n');
            }
            if let Some(addresses) = addresses
                && let Some(tell) = tell.take()
            {
                let _ = tell.send(addresses);
            }
        }
    });
    (reader, ready)
}

/// Of `… ready public=127.0.0.1:1 private=127.0.0.1:2 sites=1`.
fn addresses(line: &str) -> Option<Ready> {
    let after = |name: &str| {
        let value = line.split_whitespace().find_map(|word| word.strip_prefix(name))?;
        value.parse().ok()
    };
    line.contains(" ready ").then_some(())?;
    Some((after("public=")?, after("private=")?))
}

/// An HTTP answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Status line and headers.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The values of a header, in their order; `name` in lower case.
    pub(crate) fn headers(&self, name: &str) -> Vec<String> {
        let pairs = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        pairs.filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.trim().to_owned()).collect()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body; panics when it is not JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {} {}", self.head, self.text()))
    }
}

/// A blocking HTTP/1.1 client on one connection that it keeps. After an error it connects anew; it repeats nothing
/// by itself, since what became of a request is the test's business.
pub(crate) struct Client {
    address: SocketAddr,
    stream: Option<BufReader<TcpStream>>,
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, stream: None }
    }

    /// `POST /v1/events` with the usual site's key.
    pub(crate) fn post_events(&mut self, body: &Value) -> io::Result<Answer> {
        let bearer = format!("Bearer {KEY}");
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
        self.call("POST", "/v1/events", &headers, body.to_string().as_bytes())
    }

    pub(crate) fn call(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<Answer> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => connect(self.address)?,
        };
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n", self.address);
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
        let mut bytes = request.into_bytes();
        bytes.extend_from_slice(body);
        stream.get_mut().write_all(&bytes)?;
        let answer = read_answer(&mut stream)?;
        if !answer.head.to_ascii_lowercase().contains("\r\nconnection: close") {
            self.stream = Some(stream);
        }
        Ok(answer)
    }
}

fn connect(address: SocketAddr) -> io::Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect_timeout(&address, Duration::from_secs(10))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(DEADLINE))?;
    Ok(BufReader::new(stream))
}

fn read_answer(stream: &mut BufReader<TcpStream>) -> io::Result<Answer> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    let odd = || io::Error::new(io::ErrorKind::InvalidData, head.clone());
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or_else(odd)?;
    if head.to_ascii_lowercase().contains("\r\ntransfer-encoding: chunked") {
        return Ok(Answer { status, head, body: read_chunks(stream)? });
    }
    let length = head
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok())
        .or_else(|| matches!(status, 204 | 304).then_some(0))
        .ok_or_else(odd)?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok(Answer { status, head, body })
}

/// A body in parts (RFC 9112, section 7.1).
fn read_chunks(stream: &mut BufReader<TcpStream>) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        let length = usize::from_str_radix(line.trim(), 16).map_err(|_| io::ErrorKind::InvalidData)?;
        // Each part ends with an empty line.
        let mut part = vec![0; length + 2];
        stream.read_exact(&mut part)?;
        if length == 0 {
            return Ok(body);
        }
        body.extend_from_slice(&part[..length]);
    }
}
