//! Senders that behave as a shop's server should, a ledger of what they were promised, and the comparison of that
//! promise with what the stand-in counted.
#![allow(dead_code)] // Every test file uses a part of it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};

use crate::harness::{Client, DEADLINE, PIXEL, StandIn, now_s};

/// Name and id: what a platform tells events apart by.
pub(crate) type Key = (String, String);

/// SplitMix64: the same numbers for the same seed, everywhere.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Of `TANDEM_SEED`, printed so that a failure can be played again.
    pub(crate) fn seeded(default: u64) -> Self {
        let seed = number_from_env("TANDEM_SEED").unwrap_or(default);
        println!("seed {seed} (TANDEM_SEED)");
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// `low..=high`.
    pub(crate) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.next() % (high - low + 1)
    }
}

pub(crate) fn number_from_env(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is not a number")))
}

/// Makes events nobody has made before.
pub(crate) struct Maker {
    prefix: String,
    made: u64,
    /// Seconds between the machine's clock and the one in force.
    pub(crate) offset_s: i64,
}

impl Maker {
    pub(crate) fn new(prefix: impl Into<String>) -> Self {
        Self { prefix: prefix.into(), made: 0, offset_s: 0 }
    }

    pub(crate) fn event(&mut self) -> Value {
        const NAMES: [&str; 6] = ["Purchase", "Lead", "AddToCart", "ViewContent", "Purchase", "my_own_event"];
        self.made += 1;
        let (n, prefix) = (self.made, &self.prefix);
        let name = NAMES[(n % 6) as usize];
        let mut event = json!({
            "event_name": name,
            "event_id": format!("{prefix}-{n}"),
            "event_time": now_s() + self.offset_s,
            "user": { "email": format!("buyer{n}@example.com"), "ip": "203.0.113.7", "ttclid": "E.C.P.test" },
            "page": { "url": "https://shop.example/p/7" },
        });
        if name == "Purchase" {
            event["order_id"] = format!("{prefix}-order-{n}").into();
        }
        if name != "Lead" {
            event["value"] = (n % 500 + 1).into();
            event["currency"] = "EUR".into();
            event["contents"] =
                json!([{ "content_id": format!("SKU-{n}"), "quantity": 1, "price": n % 500 + 1 }]);
        }
        event
    }

    pub(crate) fn batch(&mut self, size: u64) -> Vec<Value> {
        (0..size).map(|_| self.event()).collect()
    }
}

pub(crate) fn key(event: &Value) -> Key {
    let text = |field: &str| event[field].as_str().expect("a text").to_owned();
    (text("event_name"), text("event_id"))
}

/// What senders were told.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// Answered 2xx: to be counted once.
    pub(crate) promised: BTreeSet<Key>,
    /// Requests that were given up without an answer: each may be counted, as a whole, or not at all.
    pub(crate) abandoned: Vec<Vec<Key>>,
    /// Events that a repeated request found taken already: the first answer got lost.
    pub(crate) repeats: u64,
    /// Requests whose connection broke before the answer.
    pub(crate) broken: u64,
    /// Requests answered 503.
    pub(crate) refused: u64,
}

impl Ledger {
    /// Takes down an answer to `events`; they must have the same fate, since a request is kept as a whole.
    pub(crate) fn answered(&mut self, events: &[Value], answer: &Value, first_try: bool) {
        let told = answer["events"].as_array().expect("one answer an event");
        assert_eq!(told.len(), events.len(), "{answer}");
        let fates: BTreeSet<&str> = told.iter().map(|t| t["status"].as_str().expect("a status")).collect();
        assert_eq!(fates.len(), 1, "half a request was kept: {answer}");
        let repeat = fates.contains("duplicate");
        assert!(fates.contains("accepted") || repeat, "{answer}");
        assert!(!(repeat && first_try), "a new event was called a duplicate: {answer}");
        self.repeats += if repeat { events.len() as u64 } else { 0 };
        self.promised.extend(events.iter().map(key));
    }

    pub(crate) fn add(&mut self, other: Ledger) {
        self.promised.extend(other.promised);
        self.abandoned.extend(other.abandoned);
        self.repeats += other.repeats;
        self.broken += other.broken;
        self.refused += other.refused;
    }

    /// Promised and counted must be one and the same, each once.
    pub(crate) fn compare(&self, stand_in: &StandIn) {
        let report = stand_in.sandbox.conversions();
        let mut counted = BTreeSet::new();
        for conversion in &report.conversions {
            assert_eq!(conversion.pixel, PIXEL);
            let key = (conversion.event.clone(), conversion.event_id.clone().expect("an id"));
            assert!(counted.insert(key.clone()), "counted twice: {key:?}");
        }
        let missing: Vec<_> = self.promised.difference(&counted).take(10).collect();
        assert!(missing.is_empty(), "answered 2xx and never counted, among others: {missing:?}");
        let mut allowed = self.promised.clone();
        for request in &self.abandoned {
            let taken = request.iter().filter(|k| counted.contains(*k)).count();
            assert!(taken == 0 || taken == request.len(), "half a request was kept: {request:?}");
            allowed.extend(request.iter().cloned());
        }
        let surplus: Vec<_> = counted.difference(&allowed).take(10).collect();
        assert!(surplus.is_empty(), "counted and never sent, among others: {surplus:?}");
    }

    pub(crate) fn show(&self, what: &str, stand_in: &StandIn, since: Instant) {
        let report = stand_in.sandbox.conversions();
        let dropped: u64 = report.counts.values().flat_map(BTreeMap::values).map(|c| c.dropped).sum();
        println!(
            "{what}: {} promised, {} given up, {} counted, {dropped} sent again and dropped, {} answered as \
             duplicates, {} requests cut off, {} answered 503, {:.1} s",
            self.promised.len(),
            self.abandoned.iter().map(Vec::len).sum::<usize>(),
            report.conversions.len(),
            self.repeats,
            self.broken,
            self.refused,
            since.elapsed().as_secs_f64(),
        );
    }
}

/// Where the gateway is; it moves to another port with every start.
#[derive(Clone, Default)]
pub(crate) struct Whereabouts(Arc<Mutex<Option<SocketAddr>>>);

impl Whereabouts {
    pub(crate) fn set(&self, address: Option<SocketAddr>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = address;
    }

    fn get(&self) -> Option<SocketAddr> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Threads that post events until told to stop.
pub(crate) struct Load {
    pub(crate) whereabouts: Whereabouts,
    /// Events answered so far.
    pub(crate) answered: Arc<AtomicI64>,
    stop: Arc<AtomicBool>,
    senders: Vec<JoinHandle<Ledger>>,
}

impl Load {
    /// `pause` between two requests of a thread keeps the number of events bounded on a fast machine.
    pub(crate) fn start(prefix: &str, threads: u64, pause: Duration, seed: u64) -> Self {
        let (whereabouts, stop) = (Whereabouts::default(), Arc::new(AtomicBool::new(false)));
        let answered = Arc::new(AtomicI64::new(0));
        let sender = |n: u64| Sender {
            whereabouts: whereabouts.clone(),
            stop: stop.clone(),
            answered: answered.clone(),
            pause,
            maker: Maker::new(format!("{prefix}-{n}")),
            random: Random::new(seed ^ (n << 32)),
            client: None,
            ledger: Ledger::default(),
        };
        let senders = (0..threads).map(sender).collect::<Vec<_>>();
        let senders = senders.into_iter().map(|s| std::thread::spawn(move || s.run())).collect();
        Self { whereabouts, answered, stop, senders }
    }

    /// Lets every thread bring its last request to an end; the gateway must be up.
    pub(crate) fn stop(self) -> Ledger {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Ledger::default();
        for sender in self.senders {
            all.add(sender.join().expect("a sender failed"));
        }
        all
    }
}

struct Sender {
    whereabouts: Whereabouts,
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicI64>,
    pause: Duration,
    maker: Maker,
    random: Random,
    client: Option<(SocketAddr, Client)>,
    ledger: Ledger,
}

impl Sender {
    fn run(mut self) -> Ledger {
        while !self.stop.load(Ordering::Relaxed) {
            let size = if self.random.between(0, 3) == 0 { self.random.between(2, 12) } else { 1 };
            let events = self.maker.batch(size);
            // Most senders repeat until they are answered, some give up at the first trouble.
            let patient = self.random.between(0, 7) != 0;
            self.send(&events, patient);
            std::thread::sleep(self.pause);
        }
        self.ledger
    }

    fn send(&mut self, events: &[Value], patient: bool) {
        let body = if events.len() == 1 { events[0].clone() } else { json!(events) };
        let end = Instant::now() + DEADLINE;
        let mut first_try = true;
        loop {
            assert!(Instant::now() < end, "no answer within {DEADLINE:?}");
            let Some(client) = self.client() else {
                std::thread::sleep(Duration::from_millis(1));
                continue;
            };
            match client.post_events(&body) {
                Ok(answer) if answer.status == 200 => {
                    self.ledger.answered(events, &answer.json(), first_try);
                    self.answered.fetch_add(events.len() as i64, Ordering::Relaxed);
                    return;
                }
                Ok(answer) => {
                    assert_eq!(answer.status, 503, "{}", answer.text());
                    self.ledger.refused += 1;
                }
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => self.client = None,
                Err(_) => {
                    self.client = None;
                    self.ledger.broken += 1;
                    if !patient {
                        self.ledger.abandoned.push(events.iter().map(key).collect());
                        return;
                    }
                }
            }
            // Nothing is kept of a request that was refused, but one that was cut off may have been taken.
            first_try = false;
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// A client on the address in force, if the gateway is up.
    fn client(&mut self) -> Option<&mut Client> {
        let address = self.whereabouts.get()?;
        if self.client.as_ref().is_none_or(|(known, _)| *known != address) {
            self.client = Some((address, Client::new(address)));
        }
        self.client.as_mut().map(|(_, client)| client)
    }
}

/// What must hold in a file that nobody has open and in which nothing waits.
pub(crate) fn check_file(store: &Path) {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
    let conn = Connection::open_with_flags(store, flags).expect("the file opens");
    let one = |sql: &str| -> String {
        conn.query_row(sql, [], |row| row.get::<_, rusqlite::types::Value>(0))
            .map(|value| match value {
                rusqlite::types::Value::Integer(n) => n.to_string(),
                rusqlite::types::Value::Text(text) => text,
                other => format!("{other:?}"),
            })
            .unwrap_or_else(|e| panic!("{sql}: {e}"))
    };
    assert_eq!(one("PRAGMA integrity_check"), "ok");
    for (what, sql) in [
        ("deliveries that wait", "SELECT count(*) FROM deliveries WHERE state = 0"),
        (
            "events without exactly one delivery a lane",
            "SELECT count(*) FROM events AS e, lanes AS l WHERE 1 <>
               (SELECT count(*) FROM deliveries AS d WHERE d.event_seq = e.seq AND d.lane = l.id)",
        ),
        (
            "deliveries without their event or lane",
            "SELECT count(*) FROM deliveries WHERE event_seq NOT IN (SELECT seq FROM events)
               OR lane NOT IN (SELECT id FROM lanes)",
        ),
        (
            "claims without their event",
            "SELECT count(*) FROM claims WHERE event_seq NOT IN (SELECT seq FROM events)",
        ),
        (
            "keys claimed twice",
            "SELECT count(*) FROM (SELECT 1 FROM claims GROUP BY key HAVING count(*) > 1)",
        ),
        (
            "addresses without their event",
            "SELECT count(*) FROM addresses WHERE event_seq NOT IN (SELECT seq FROM events)",
        ),
        (
            "events delivered twice",
            "SELECT count(*) FROM (SELECT 1 FROM deliveries AS d JOIN events AS e ON e.seq = d.event_seq
               WHERE d.state = 1 GROUP BY d.lane, e.event_name, e.event_id HAVING count(*) > 1)",
        ),
        (
            "deliveries that hold no claim and are no duplicate either",
            "SELECT count(*) FROM deliveries WHERE event_seq NOT IN (SELECT event_seq FROM claims)
               AND coalesce(code, '') <> 'duplicate'",
        ),
        (
            "orders in the log that the order ledger does not know",
            "SELECT count(*) FROM events AS e WHERE e.order_id IS NOT NULL AND NOT EXISTS
               (SELECT 1 FROM orders AS o WHERE o.site = e.site AND o.order_id = e.order_id)",
        ),
        (
            "orders known to the order ledger only",
            "SELECT count(*) FROM orders AS o WHERE NOT EXISTS
               (SELECT 1 FROM events AS e WHERE e.site = o.site AND e.order_id = o.order_id)",
        ),
    ] {
        assert_eq!(one(sql), "0", "{what}");
    }
}

/// Whether it ended by this signal.
pub(crate) fn by_signal(status: ExitStatus, signal: i32) -> bool {
    status.signal() == Some(signal)
}
