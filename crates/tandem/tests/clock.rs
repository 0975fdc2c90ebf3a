//! The clock is moved between two runs, back and forth: nothing counts twice, nothing is left behind.

mod harness;
mod load;

use std::time::Instant;

use harness::{Gateway, Home, StandIn, now_ms, now_s, until};
use load::{Ledger, Maker, check_file};
use serde_json::{Value, json};
use tandem_sandbox::{Fault, FaultKind};

const HOUR_S: i64 = 3_600;

/// A gateway whose clock is off by so many seconds, and what was sent over all its lives.
struct Test {
    stand_in: StandIn,
    home: Home,
    gateway: Option<Gateway>,
    maker: Maker,
    ledger: Ledger,
    sent: Vec<Value>,
}

impl Test {
    fn new() -> Self {
        let stand_in = StandIn::start();
        let home = Home::shop(&stand_in);
        let (maker, ledger) = (Maker::new("clock"), Ledger::default());
        Self { stand_in, home, gateway: None, maker, ledger, sent: vec![] }
    }

    fn gateway(&self) -> &Gateway {
        self.gateway.as_ref().expect("started")
    }

    /// Ends the running gateway and starts it with its clock off by `hours`.
    fn restart(&mut self, hours: i64, kill: bool) {
        if let Some(gateway) = self.gateway.take() {
            if kill {
                gateway.kill();
            } else {
                assert!(gateway.stop().success());
            }
        }
        self.maker.offset_s = hours * HOUR_S;
        let now = (now_s() + hours * HOUR_S).to_string();
        self.gateway = Some(self.home.start_with(&["--now", &now]));
    }

    /// Posts new events, then all that were ever sent once more: those stay duplicates.
    fn post(&mut self, count: u64) {
        let events = self.maker.batch(count);
        let answer = self.gateway().post_events(&json!(events));
        assert_eq!(answer.status, 200, "{}", answer.text());
        self.ledger.answered(&events, &answer.json(), true);
        self.sent.extend(events);
        let answer = self.gateway().post_events(&json!(self.sent)).json();
        assert_eq!(answer["duplicates"], self.sent.len(), "an event was taken twice");
    }

    /// As the gateway sees it, how long the last of what waits has to wait yet, in milliseconds.
    fn longest_wait_ms(&self) -> i64 {
        let conn = rusqlite::Connection::open(self.home.store()).expect("the file opens");
        conn.busy_timeout(std::time::Duration::from_secs(10)).expect("a time-out");
        let last: i64 = conn
            .query_row("SELECT coalesce(max(due_ms), 0) FROM deliveries WHERE state = 0", [], |row| {
                row.get(0)
            })
            .expect("a figure");
        last - now_ms() - self.maker.offset_s * 1_000
    }

    fn trouble(&self) {
        let fault = FaultKind::Code { code: 50_000, http: None };
        self.stand_in.sandbox.set_faults(vec![Fault::always(fault)]);
    }

    fn no_trouble(&self) {
        self.stand_in.sandbox.set_faults(vec![]);
    }

    /// Leaves `count` events waiting for their next attempt.
    fn leave_waiting(&mut self, count: u64) {
        assert_eq!(self.gateway().waiting(), 0);
        self.trouble();
        self.post(count);
        let tried = |d: &&Value| d["state"] == "waiting" && d["attempts"].as_i64() >= Some(1);
        until("each was tried", || {
            self.gateway().records("deliveries").iter().filter(tried).count() as u64 == count
        });
    }

    /// Everything sent so far is counted once.
    fn settle(&mut self) {
        self.no_trouble();
        self.gateway().drain();
        self.ledger.compare(&self.stand_in);
    }

    fn end(mut self, what: &str, began: Instant) {
        self.settle();
        self.ledger.show(what, &self.stand_in, began);
        assert!(self.gateway.take().expect("started").stop().success());
        check_file(self.home.store());
    }
}

#[test]
fn a_day_back_and_forth_again() {
    let began = Instant::now();
    for kill in [true, false] {
        let mut test = Test::new();
        test.restart(0, kill);
        test.post(20);
        test.settle();
        test.leave_waiting(12);

        // A day back: what waits must not wait until that day has passed. New events pass at once.
        test.restart(-24, kill);
        until("nothing waits for the old time to come round", || test.longest_wait_ms() <= HOUR_S * 1_000);
        test.no_trouble();
        test.post(15);
        until("new events are delivered", || test.gateway().waiting() <= 12);

        // A day forward again: the old ones are due.
        test.restart(0, kill);
        test.settle();
        test.leave_waiting(9);

        // 30 hours forward: still inside the time in which retries are made.
        test.restart(30, kill);
        test.settle();
        test.post(11);
        test.settle();

        // And back: the duplicates of a time to come are known.
        test.restart(0, kill);
        test.post(5);
        test.end("24 h back, forth, 30 h on, and back", began);
    }
}

#[test]
fn left_waiting_in_the_past_is_due_today() {
    let began = Instant::now();
    let mut test = Test::new();
    test.restart(-24, true);
    test.post(8);
    test.settle();
    test.leave_waiting(10);
    test.restart(6, true);
    assert!(test.longest_wait_ms() <= 0);
    test.post(3);
    test.end("24 h back to 6 h on", began);
}
