//! Killed without warning, again and again, under load: what was answered 2xx is counted once, nothing else is.
//!
//! `TANDEM_KILLS` sets the number of random kills, `TANDEM_SEED` their moments.
#![cfg(feature = "drill")]

mod harness;
mod load;

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use harness::{Home, StandIn, until};
use load::{Ledger, Load, Random, by_signal, check_file, number_from_env};
use tandem_sandbox::{Fault, FaultKind};

/// With answers that take a moment, kills also hit calls that are under way.
fn slow_stand_in() -> StandIn {
    let stand_in = StandIn::start();
    stand_in.sandbox.set_faults(vec![Fault::always(FaultKind::Latency { ms: 4 }).every(2)]);
    stand_in
}

/// One more start, nothing waits, promised equals counted, and the file is sound.
fn settle(home: &Home, load: Load, stand_in: &StandIn) -> Ledger {
    let gateway = home.start();
    load.whereabouts.set(Some(gateway.public));
    let ledger = load.stop();
    gateway.drain();
    ledger.compare(stand_in);
    assert!(gateway.stop().success());
    check_file(home.store());
    ledger
}

#[test]
fn random_kills_lose_nothing_and_double_nothing() {
    let began = Instant::now();
    let kills = number_from_env("TANDEM_KILLS").unwrap_or(200);
    let mut random = Random::seeded(20_261_122);
    let stand_in = slow_stand_in();
    let home = Home::shop(&stand_in);
    let load = Load::start("kill", 4, Duration::from_millis(2), random.next());
    for _ in 0..kills {
        let gateway = home.start();
        load.whereabouts.set(Some(gateway.public));
        // The moment of the kill is the test's input; nothing is awaited here.
        std::thread::sleep(Duration::from_micros(random.between(5_000, 60_000)));
        gateway.kill();
    }
    let ledger = settle(&home, load, &stand_in);
    ledger.show(&format!("{kills} kills"), &stand_in, began);
    assert!(ledger.promised.len() as u64 >= kills, "hardly any load");
    assert!(ledger.broken >= kills / 2, "the kills hardly hit a request");
}

/// Runs under load until the plan ends the process; what became of it all.
fn crash_at(point: &str, nth: u64, seed: u64) -> (Ledger, u64) {
    let stand_in = StandIn::start();
    let home = Home::shop(&stand_in);
    let load = Load::start("drill", 3, Duration::from_millis(1), seed);
    let status = match home.try_start(&["--drill", &format!("{point}:{nth}")]) {
        // The first passes of the store's points are part of the start.
        Err(end) => end.status,
        Ok(mut gateway) => {
            load.whereabouts.set(Some(gateway.public));
            gateway.ended()
        }
    };
    assert!(by_signal(status, 6), "{point}:{nth} ended with {status}");
    let ledger = settle(&home, load, &stand_in);
    let report = stand_in.sandbox.conversions();
    let dropped = report.counts.values().flat_map(|names| names.values()).map(|c| c.dropped).sum();
    (ledger, dropped)
}

#[test]
fn planned_crashes_lose_nothing_and_double_nothing() {
    let mut random = Random::seeded(7);
    for point in tandem_store::drill::POINTS {
        let began = Instant::now();
        let (mut repeats, mut dropped, mut promised) = (0, 0, 0);
        for nth in [1, 2, 3, 4, 5, 11, 40] {
            let (ledger, again) = crash_at(point, nth, random.next());
            repeats += ledger.repeats;
            dropped += again;
            promised += ledger.promised.len();
        }
        println!(
            "{point}: 7 crashes, {promised} events, {repeats} answered as duplicates, {dropped} sent again and \
             dropped, {:.1} s",
            began.elapsed().as_secs_f64()
        );
        // The two windows that make a repeat unavoidable must have been hit, or the test shows nothing.
        match *point {
            "store.after_commit" => assert!(repeats > 0, "no answer was lost after its commit"),
            "lane.after_call" => assert!(dropped > 0, "no call was made twice"),
            "lane.before_call" | "lane.after_record" => assert!(promised > 0),
            _ => {}
        }
    }
}

#[test]
fn a_clean_stop_under_load_needs_no_mending() {
    let stand_in = slow_stand_in();
    let home = Home::shop(&stand_in);
    let load = Load::start("stop", 3, Duration::from_millis(1), 3);
    for round in 1..=5 {
        let gateway = home.start();
        load.whereabouts.set(Some(gateway.public));
        until("events are answered", || load.answered.load(Ordering::Relaxed) > round * 40);
        load.whereabouts.set(None);
        assert!(gateway.stop().success());
    }
    settle(&home, load, &stand_in);
    // Calls under way were recorded before the end, so nothing was sent twice.
    let report = stand_in.sandbox.conversions();
    assert_eq!(report.counts.values().flat_map(|names| names.values()).map(|c| c.dropped).sum::<u64>(), 0);
}
