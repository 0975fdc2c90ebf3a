//! The insight file is worth nothing that the log does not have: whatever becomes of it, sales are taken and sent.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod common;

use std::path::Path;

use common::Rig;
use tandem_core::session::Clues;
use tandem_store::insight::path_of;
use tandem_store::{Options, Store};

/// Everything that a lane asks on its way to a platform.
fn delivers(rig: &Rig, now: i64) {
    let store = &rig.store;
    assert!(!store.due(rig.lane, now, 10, &std::collections::HashSet::new()).unwrap().due.is_empty());
    assert!(store.session("shop", &Clues::default()).unwrap().is_none());
    assert!(store.order_consent("shop", &["7"]).unwrap().is_none());
}

fn remove(log: &Path) {
    for end in ["", "-wal", "-shm"] {
        let mut path = path_of(log).into_os_string();
        path.push(end);
        let _ = std::fs::remove_file(path);
    }
}

#[tokio::test]
async fn sales_are_sent_while_it_is_gone_or_damaged() {
    for damage in ["gone", "damaged", "a folder"] {
        let rig = Rig::new().await;
        rig.append(rig.event("Purchase", "a"), 1_000).await;
        rig.store.catch_up().await.unwrap();
        // The pool keeps what it has opened: let it be empty.
        let rig = rig.restarted().await;
        let log = rig.store.path().to_owned();
        match damage {
            "gone" => remove(&log),
            "damaged" => std::fs::write(path_of(&log), "no database at all, ".repeat(500)).unwrap(),
            _ => {
                remove(&log);
                std::fs::create_dir(path_of(&log)).unwrap();
            }
        }
        delivers(&rig, 2_000);
        rig.append(rig.event("Purchase", "b"), 3_000).await;
        delivers(&rig, 4_000);
    }
}

#[tokio::test]
async fn deleted_in_use_it_is_made_anew() {
    let rig = Rig::new().await;
    rig.append(rig.event("Purchase", "a"), 1_000).await;
    rig.store.catch_up().await.unwrap();
    let events = "SELECT sum(events) FROM insight.arrivals";
    assert_eq!(rig.value::<i64>(events), 1);
    remove(rig.store.path());
    rig.append(rig.event("Purchase", "b"), 2_000).await;
    rig.store.catch_up().await.unwrap();
    assert_eq!(rig.value::<i64>(events), 2);
    assert!(path_of(rig.store.path()).exists());
}

#[tokio::test]
async fn a_file_that_cannot_be_opened_keeps_nobody_from_starting() {
    let rig = Rig::new().await;
    rig.append(rig.event("Purchase", "a"), 1_000).await;
    let Rig { folder, store, lane } = rig;
    let log = store.path().to_owned();
    store.close();
    remove(&log);
    std::fs::create_dir(path_of(&log)).unwrap();
    let rig = Rig { store: Store::open(Options::new(&log)).unwrap(), folder, lane };
    delivers(&rig, 2_000);
    assert!(rig.store.catch_up().await.is_err());
    std::fs::remove_dir(path_of(&log)).unwrap();
    rig.store.catch_up().await.unwrap();
    assert_eq!(rig.value::<i64>("SELECT sum(events) FROM insight.arrivals"), 1);
}
