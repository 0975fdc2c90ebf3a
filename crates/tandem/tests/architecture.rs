//! The invariants of ARCHITECTURE.md that a machine can check: who may depend on what, and who may touch the outside.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Names under `[dependencies]`.
fn dependencies(name: &str) -> BTreeSet<String> {
    let manifest = fs::read_to_string(crates().join(name).join("Cargo.toml")).unwrap();
    let section =
        manifest.split("\n[dependencies]\n").nth(1).unwrap().split("\n[").next().unwrap().to_owned();
    section
        .lines()
        .filter_map(|l| Some(l.split(['.', ' ', '=']).next()?.to_owned()))
        .filter(|n| !n.is_empty())
        .collect()
}

/// Rust files under a folder, with their text.
fn sources(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push((path.clone(), fs::read_to_string(path).unwrap()));
        }
    }
}

/// Product files that hold a text, as paths below `crates/`.
fn holders(text: &str) -> BTreeSet<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(crates()).unwrap() {
        sources(&entry.unwrap().path().join("src"), &mut found);
    }
    assert!(found.len() > 80, "the sources were not found");
    let holding = found.into_iter().filter(|(_, code)| code.contains(text));
    holding.map(|(path, _)| path.strip_prefix(crates()).unwrap().display().to_string()).collect()
}

#[test]
fn the_pure_crates_have_nothing_to_reach_the_outside_with() {
    for name in ["tandem-core", "tandem-sources", "tandem-destinations"] {
        for outside in ["tokio", "reqwest", "rusqlite", "axum", "tracing"] {
            assert!(!dependencies(name).contains(outside), "{name} depends on {outside}");
        }
    }
}

#[test]
fn arrows_point_one_way() {
    let own = |name: &str| -> BTreeSet<String> {
        dependencies(name).into_iter().filter(|d| d.starts_with("tandem")).collect()
    };
    let set = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(own("tandem-core"), set(&[]));
    for name in ["tandem-sources", "tandem-destinations", "tandem-store"] {
        assert_eq!(own(name), set(&["tandem-core"]), "{name}");
    }
    let below = ["tandem-core", "tandem-destinations", "tandem-sources", "tandem-store"];
    assert_eq!(own("tandem-gateway"), set(&below));
    let below = ["tandem-core", "tandem-destinations", "tandem-gateway", "tandem-store"];
    assert_eq!(own("tandem-inspector"), set(&below));
    assert_eq!(own("tandem-sandbox"), set(&[]));
}

#[test]
fn each_door_to_the_outside_has_one_keeper() {
    let only = |text: &str, allowed: &[&str]| {
        let strangers: Vec<_> =
            holders(text).into_iter().filter(|f| !allowed.iter().any(|a| f.starts_with(a))).collect();
        assert!(strangers.is_empty(), "{text} in {strangers:?}");
        assert!(
            !holders(text).is_empty(),
            "{text} is nowhere: does this test still look for the right thing?"
        );
    };
    only("rusqlite", &["tandem-store/src/"]);
    only("reqwest::Client", &["tandem-gateway/src/transport/"]);
    only("lettre::", &["tandem-gateway/src/transport/"]);
    only("env::var", &["tandem/src/config/"]);
    only("SystemTime::now", &["tandem-gateway/src/clock.rs"]);
}

#[test]
fn no_platform_is_named_outside_its_folder() {
    // The sandbox names a platform in its folder, in its list and where its options are exported. Sources have modules
    // of their own under such names; they do not depend on the destinations.
    let lists = ["tandem-sandbox/src/lib.rs", "tandem-sandbox/src/platform.rs"];
    for platform in ["tiktok", "meta", "ga4"] {
        let named = holders(&format!("{platform}::"));
        let stand_in = format!("tandem-sandbox/src/{platform}/");
        let homes = ["tandem-destinations/src/", "tandem-sources/src/", &stand_in];
        let at_home = |f: &str| homes.iter().any(|home| f.starts_with(home)) || lists.contains(&f);
        let strangers: Vec<_> = named.iter().filter(|f| !at_home(f)).collect();
        assert!(strangers.is_empty(), "{platform}: {strangers:?}");
    }
}
