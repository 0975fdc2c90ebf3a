//! A full disk: the gateway says so, keeps nothing by halves, and goes on when there is room again.
//!
//! The disk is a tmpfs of a few megabytes in a mount namespace of its own, so the test runs itself once more under
//! `unshare`: as root, or as anybody where user namespaces are allowed.

mod harness;
mod load;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use harness::{Client, Gateway, Home, StandIn, shop_sites, until};
use load::{Ledger, Maker, check_file, key};
use serde_json::{Value, json};
use tandem_sandbox::{Fault, FaultKind};

/// Set for the run inside: the folder to mount the disk on.
const INSIDE: &str = "TANDEM_TEST_SMALL_DISK";

#[test]
fn a_full_disk_is_told_and_survived() {
    on_a_small_disk("a_full_disk_is_told_and_survived", told_and_survived);
}

#[test]
fn a_full_disk_holds_up_no_clean_stop() {
    on_a_small_disk("a_full_disk_holds_up_no_clean_stop", clean_stop);
}

/// Runs `test`, which is called `name`, with a folder that holds sixteen megabytes: the write-ahead log alone takes four
/// before it is used again, and what pages read is counted into a file beside it.
fn on_a_small_disk(name: &str, test: fn(&Path)) {
    let Some(folder) = std::env::var_os(INSIDE).map(PathBuf::from) else { return run_inside(name) };
    let mount = mount_command(&folder);
    assert!(Command::new(&mount[0]).args(&mount[1..]).status().expect("mount runs").success());
    test(&folder);
}

/// Runs this test again where it may mount; panics when that is possible nowhere.
fn run_inside(test: &str) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let ways: [&[&str]; 2] = [&["--mount"], &["--map-root-user", "--mount"]];
    let mut troubles = String::new();
    for way in ways {
        let tried = Command::new("unshare").args(way).args(mount_command(folder.path())).output();
        match tried {
            Ok(output) if output.status.success() => {
                let status = Command::new("unshare")
                    .args(way)
                    .arg(std::env::current_exe().expect("this program"))
                    .args(["--exact", test, "--nocapture"])
                    .env(INSIDE, folder.path())
                    .status();
                assert!(status.expect("unshare runs").success(), "failed, see above");
                return;
            }
            Ok(output) => troubles.push_str(&String::from_utf8_lossy(&output.stderr)),
            Err(error) => troubles.push_str(&format!("{error}\n")),
        }
    }
    panic!("no small disk to test on: run it as root, or where user namespaces are allowed\n{troubles}");
}

fn mount_command(folder: &Path) -> Vec<String> {
    ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", &folder.display().to_string()]
        .map(str::to_owned)
        .to_vec()
}

/// Four megabytes that can be given back.
fn ballast(disk: &Path, name: &str) -> PathBuf {
    let path = disk.join(name);
    fs::write(&path, vec![1; 4 << 20]).expect("room for the ballast");
    path
}

/// Events with a long text, so that the disk fills soon.
fn batch(maker: &mut Maker) -> Vec<Value> {
    let mut events = maker.batch(10);
    for event in &mut events {
        event["description"] =
            "a long description, as some shops send it with everything. ".repeat(10).into();
    }
    events
}

fn told_and_survived(disk: &Path) {
    let began = Instant::now();
    let ballasts = [ballast(disk, "first"), ballast(disk, "second")];
    let stand_in = StandIn::start();
    let home = Home::with_store(disk.join("tandem.db"), &shop_sites(&stand_in.base_url()));
    let mut test = Test::new();

    let mut gateway = home.start();
    // Deliveries go on while the disk fills: some will be made and cannot be recorded.
    stand_in.sandbox.set_faults(vec![Fault::always(FaultKind::Latency { ms: 20 })]);
    test.fill(&gateway);
    test.check_full(&mut gateway, &stand_in);
    fs::remove_file(&ballasts[0]).expect("the ballast goes");
    test.goes_on(&gateway);
    gateway.drain();
    test.ledger.compare(&stand_in);

    // Once more, and killed while it is full.
    test.fill(&gateway);
    test.check_full(&mut gateway, &stand_in);
    gateway.kill();
    let mut gateway = home.start();
    test.fill(&gateway);
    test.check_full(&mut gateway, &stand_in);
    fs::remove_file(&ballasts[1]).expect("the ballast goes");
    test.goes_on(&gateway);
    gateway.drain();
    assert_eq!(gateway.get("/healthz").status, 200);
    test.ledger.compare(&stand_in);
    test.ledger.show("full disk, three times", &stand_in, began);
    assert!(gateway.stop().success());
    check_file(home.store());
}

/// Deliveries that were made and cannot be recorded must not keep the process for ever.
fn clean_stop(disk: &Path) {
    let ballast = ballast(disk, "ballast");
    let stand_in = StandIn::start();
    let home = Home::with_store(disk.join("tandem.db"), &shop_sites(&stand_in.base_url()));
    let mut test = Test::new();
    let mut gateway = home.start();
    // Slow answers: calls are under way when the disk is full.
    stand_in.sandbox.set_faults(vec![Fault::always(FaultKind::Latency { ms: 200 })]);
    test.fill(&gateway);
    test.check_full(&mut gateway, &stand_in);
    until("a delivery cannot be recorded", || gateway.log().contains("cannot record deliveries"));
    assert!(gateway.waiting() > 0);
    assert!(gateway.stop().success());
    fs::remove_file(&ballast).expect("the ballast goes");
    let gateway = home.start();
    test.goes_on(&gateway);
    gateway.drain();
    test.ledger.compare(&stand_in);
    assert!(gateway.stop().success());
    check_file(home.store());
}

struct Test {
    maker: Maker,
    ledger: Ledger,
    /// Requests that were refused and not repeated yet.
    refused: Vec<Vec<Value>>,
}

impl Test {
    fn new() -> Self {
        Self { maker: Maker::new("disk"), ledger: Ledger::default(), refused: vec![] }
    }

    /// Posts new events; whether they were taken.
    fn post(&mut self, client: &mut Client, events: Vec<Value>) -> bool {
        let answer = client.post_events(&json!(events)).expect("an answer");
        if answer.status == 200 {
            self.ledger.answered(&events, &answer.json(), true);
            return true;
        }
        assert_eq!(answer.status, 503, "{}", answer.text());
        assert_eq!(answer.json()["error"]["code"], "disk_full", "{}", answer.text());
        self.ledger.refused += 1;
        self.refused.push(events);
        false
    }

    /// Posts until there is no room for another event.
    fn fill(&mut self, gateway: &Gateway) {
        let mut client = Client::new(gateway.public);
        let mut full = false;
        for _ in 0..10_000 {
            let events = if full { vec![self.maker.event()] } else { batch(&mut self.maker) };
            if !self.post(&mut client, events) {
                if full {
                    return;
                }
                full = true;
            }
        }
        panic!("the disk is never full");
    }

    /// Alive, honest about its state, and nothing kept of what it refused.
    fn check_full(&mut self, gateway: &mut Gateway, stand_in: &StandIn) {
        let mut client = Client::new(gateway.public);
        for _ in 0..5 {
            // Small writes, such as the record of a delivery, may still find the last free pages and look like a
            // recovery for a moment.
            until("the health check tells of the full disk", || {
                let events = batch(&mut self.maker);
                let refused = !self.post(&mut client, events);
                let health = gateway.get("/healthz");
                let told = health.status == 503 && health.json()["error"]["code"] == "disk_full";
                refused && told && gateway.summary()["writable"] == false
            });
        }
        assert!(gateway.alive());
        // Reading needs no room.
        let kept = gateway.records("events");
        let refused: Vec<_> = self.refused.iter().flatten().map(key).collect();
        assert!(kept.iter().all(|event| !refused.contains(&key(event))), "kept and yet refused");
        let counted = stand_in.sandbox.conversions().conversions;
        let ids: Vec<_> = refused.iter().map(|(_, id)| id.as_str()).collect();
        assert!(counted.iter().all(|c| !ids.contains(&c.event_id.as_deref().expect("an id"))));
    }

    /// With room again: the first request that fits is taken, and so is what was refused, as new.
    fn goes_on(&mut self, gateway: &Gateway) {
        let mut client = Client::new(gateway.public);
        until("events are taken again", || {
            let event = self.maker.event();
            self.post(&mut client, vec![event])
        });
        assert_eq!(gateway.get("/healthz").status, 200);
        for events in std::mem::take(&mut self.refused) {
            // Answered as duplicates, they would have been kept by the request that said they were not.
            assert!(self.post(&mut client, events), "refused though there is room");
        }
    }
}
