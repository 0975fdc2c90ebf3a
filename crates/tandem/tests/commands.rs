//! The other commands, as a person runs them.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod harness;
mod program;
mod shop;

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use harness::{ACCESS_TOKEN, Client, Gateway, Home, KEY, PIXEL, StandIn, TOKEN, now_ms, now_s, until};
use program::{Told, run};
use serde_json::{Value, json};
use shop::{NOW, deliveries, delivery, secrets_toml};
use tandem_sandbox::{ConversionView, Fault, FaultKind};

fn tandem(arguments: &[&str]) -> Told {
    run(arguments, &[], b"")
}

fn file(folder: &Path, name: &str, bytes: impl AsRef<[u8]>) -> String {
    let path: PathBuf = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn every_command_has_help() {
    let all = tandem(&["--help"]);
    assert_eq!(all.code, 0);
    for command in [
        "serve",
        "demo",
        "sandbox",
        "send",
        "check",
        "doctor",
        "tag",
        "connect",
        "export",
        "reconcile",
        "replay",
        "explain",
        "why",
        "reconcile",
        "tail",
        "debug-link",
    ] {
        assert!(all.stdout.contains(&format!("\n  {command} ")), "{command} is not in\n{}", all.stdout);
        for help in ["--help", "-h"] {
            let told = tandem(&[command, help]);
            assert_eq!((told.code, told.stderr.as_str()), (0, ""), "{command} {help}");
            assert!(told.stdout.contains(&format!("Usage: tandem {command}")), "{}", told.stdout);
        }
        let long = tandem(&[command, "--help"]).stdout;
        let options: Vec<&str> =
            long.lines().map(str::trim_start).filter(|l| l.starts_with("--") || l.starts_with('<')).collect();
        for option in options {
            assert!(option.len() > 5, "{command}: {option}");
        }
        let unknown = tandem(&[command, "--no-such-thing"]);
        assert_eq!(unknown.code, 2, "{command}");
        assert!(unknown.stderr.contains("--no-such-thing"), "{}", unknown.stderr);
    }
    assert!(tandem(&["serve", "--help"]).stdout.contains("--now"));
    let version = tandem(&["--version"]);
    assert_eq!((version.code, version.stdout.trim()), (0, concat!("tandem ", env!("CARGO_PKG_VERSION"))));
    assert_eq!(tandem(&[]).code, 2);
    assert_eq!(tandem(&["sell"]).code, 2);
}

#[test]
fn check_accepts_its_own_example() {
    let folder = tempfile::tempdir().unwrap();
    let example = tandem(&["check", "--example"]);
    assert_eq!((example.code, example.stderr.as_str()), (0, ""));
    let config = file(folder.path(), "tandem.toml", &example.stdout);
    let names = [
        "TANDEM_PRIVATE_TOKEN",
        "WOOCOMMERCE_WEBHOOK_SECRET",
        "SHOP_WRITE_KEY",
        "TIKTOK_PIXEL_ID",
        "TIKTOK_ACCESS_TOKEN",
    ];
    let environment = names.map(|name| (name, "SOMEVALUE00000000001"));
    let good = run(&["check", "--config", &config], &environment, b"");
    assert_eq!((good.code, good.stderr.as_str()), (0, ""), "{}", good.stdout);
    assert!(!good.stdout.contains("remark"), "{}", good.stdout);
    assert!(
        good.stdout.contains("site shop: from ") && good.stdout.contains(" to tiktok"),
        "{}",
        good.stdout
    );
    assert!(good.stdout.trim_end().ends_with("is fine"), "{}", good.stdout);

    // Each variable that is missing is named, all in one go.
    let bare = run(&["check", "--config", &config], &[], b"");
    assert_eq!((bare.code, bare.stdout.as_str()), (2, ""));
    for name in names {
        assert!(bare.stderr.contains(name), "{name} is not in\n{}", bare.stderr);
    }
    // A secret in the open is fine, with a remark that does not repeat it.
    let open = example.stdout.replace("env:TIKTOK_ACCESS_TOKEN", "literally-this");
    let config = file(folder.path(), "open.toml", open);
    let remarked = run(&["check", "--config", &config], &environment, b"");
    assert_eq!(remarked.code, 0, "{}", remarked.stderr);
    assert!(remarked.stdout.contains("site[0].destinations.tiktok.access_token"), "{}", remarked.stdout);
    assert!(!remarked.stdout.contains("literally-this"), "{}", remarked.stdout);
}

#[test]
fn check_names_every_mistake_with_its_place_and_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let text = r#"
        surplus = 1
        [server]
        public = "no address"
        [log]
        colour = "blue"
        [store]
        retention_days = -1
        [[site]]
        id = "Not Short"
        currency = "EURO"
        country = "Germany"
        [site.sources.events]
        write_keys = ["env:TANDEM_TEST_NOT_THERE"]
        [site.sources.woocommerce]
        secrets = ["file:not-there.txt"]
        event_id = "the same for all"
        [site.sources.fax]
        [site.destinations.tiktok]
        pixel_id = "P"
        access_token = "a-secret-that-stays-inside"
        pixle = "x"
        [site.destinations.myspace]
        [[site]]
        id = "empty"
        [[site]]
        id = "empty"
        colour = "red"
    "#;
    let config = file(folder.path(), "tandem.toml", text);
    let told = tandem(&["check", "--config", &config]);
    assert_eq!((told.code, told.stdout.as_str()), (2, ""), "{}", told.stderr);
    for path in [
        "surplus: ",
        "server.public: ",
        "server.private_token: ",
        "log.colour: ",
        "store.retention_days: ",
        "site[0].id: ",
        "site[0].currency: ",
        "site[0].country: ",
        "site[0].sources.events.write_keys[0]: ",
        "site[0].sources.woocommerce.secrets[0]: ",
        "site[0].sources.woocommerce: ",
        "site[0].sources.fax: ",
        "site[0].destinations.tiktok: ",
        "site[0].destinations.myspace: ",
        "site[1].sources: ",
        "site[2].colour: ",
    ] {
        let at = told.stderr.lines().position(|line| line.starts_with(path));
        let at = at.unwrap_or_else(|| panic!("{path} is not in\n{}", told.stderr));
        let remedy = told.stderr.lines().nth(at + 1).unwrap();
        assert!(remedy.trim_start().strip_prefix("remedy: ").is_some_and(|r| r.len() > 5), "{path} {remedy}");
    }
    assert!(told.stderr.contains("16 mistake(s)"), "{}", told.stderr);
    assert!(!told.stderr.contains("a-secret-that-stays-inside"));
    // `serve` says the same and does not start.
    let serve = tandem(&["serve", "--config", &config]);
    assert_eq!(serve.code, 2);
    assert!(serve.stderr.contains("site[0].destinations.myspace"), "{}", serve.stderr);

    let torn = file(folder.path(), "torn.toml", "[server\npublic = 1");
    let told = tandem(&["check", "--config", &torn]);
    assert_eq!(told.code, 2);
    assert!(told.stderr.contains("line 1") && told.stderr.contains("remedy"), "{}", told.stderr);
    let told = tandem(&["check", "--config", "/nowhere/tandem.toml"]);
    assert_eq!(told.code, 2);
    assert!(told.stderr.contains("/nowhere/tandem.toml"), "{}", told.stderr);
}

#[test]
fn the_demo_counts_seven_purchases() {
    let told = tandem(&["demo", "--exit", "--port", "0"]);
    assert_eq!(told.code, 0, "{}\n{}", told.stdout, told.stderr);
    for (id, value, currency) in [
        ("wc_order_25", "27.61", "USD"),
        ("wc_order_27", "27.61", "USD"),
        ("wc_order_30", "6543", "JPY"),
        ("wc_order_33", "22.875", "KWD"),
        ("wc_order_48", "81.14", "EUR"),
        ("wc_order_54", "27.61", "USD"),
        ("wc_order_55", "27.61", "USD"),
    ] {
        let line = told
            .stdout
            .lines()
            .find(|l| l.contains("Purchase") && l.contains(&format!("{id} ")) && l.contains("match keys"));
        let line = line.unwrap_or_else(|| panic!("{id} is not in\n{}", told.stdout));
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(words[..5], ["Purchase", id, value, currency, "once"], "{line}");
    }
    assert!(told.stdout.contains("7 purchases counted, 7 expected"), "{}", told.stdout);
    let store = told.stdout.split_whitespace().find(|w| w.ends_with("tandem.db")).unwrap();
    assert!(!Path::new(store).exists(), "it removes its files");
}

#[test]
fn send_takes_captured_webhooks_and_events() {
    let folder = tempfile::tempdir().unwrap();
    let stand_in = StandIn::start();
    let home = Home::new(&format!(
        r#"
        [[site]]
        id = "shop"
        consent.on_unknown = "grant"
        [site.sources.woocommerce]
        secrets = {}
        [site.sources.events]
        write_keys = ["{KEY}"]
        [site.destinations.tiktok]
        pixel_id = "{PIXEL}"
        access_token = "{ACCESS_TOKEN}"
        base_url = "{}"
        "#,
        secrets_toml(&deliveries()),
        stand_in.base_url()
    ));
    let gateway = home.start_with(&["--now", NOW]);
    let to = format!("http://{}/", gateway.public);
    let path = |prefix: &str| delivery(prefix).path.to_str().unwrap().to_owned();
    let (paid, unpaid, ping) = (path("01b-order"), path("01a-order-created"), path("00"));

    let told = tandem(&["send", "--to", &to, &paid, &paid, &unpaid, &ping]);
    assert_eq!(told.code, 0, "{}{}", told.stdout, told.stderr);
    let lines: Vec<&str> = told.stdout.lines().collect();
    assert_eq!(lines[0], format!("{paid}: 200 accepted Purchase wc_order_25"));
    assert!(lines[1].starts_with(&format!("{paid}: 200 duplicate")), "{}", lines[1]);
    assert!(lines[2].contains("200 ignored") && lines[2].contains("order_not_paid"), "{}", lines[2]);
    assert!(lines[3].ends_with("200 ready"), "{}", lines[3]);

    let one = file(folder.path(), "one.json", r#"{"event_name":"Lead","event_id":"one"}"#);
    let many = file(
        folder.path(),
        "many.ndjson",
        "{\"event_name\":\"Lead\",\"event_id\":\"two\"}\n{\"event_name\":\"Lead\",\"event_id\":\"three\"}\noops\n",
    );
    let list = file(folder.path(), "list.json", r#"[{"event_name":"Lead","event_id":"four"}]"#);
    let key = file(folder.path(), "key.txt", format!("{KEY}\n"));
    let told = tandem(&["send", "--to", &to, "--key", &format!("file:{key}"), &one, &many, &list]);
    assert_eq!(told.code, 0, "{}{}", told.stdout, told.stderr);
    let lines: Vec<&str> = told.stdout.lines().collect();
    assert_eq!(lines[0], format!("{one}: 200 accepted Lead one"));
    assert!(
        lines[1].contains("accepted Lead two, accepted Lead three, rejected (json_invalid:"),
        "{}",
        lines[1]
    );
    assert_eq!(lines[2], format!("{list}: 200 accepted Lead four"));

    let piped = br#"{"event_name":"Lead","event_id":"five"}"#;
    let told = run(&["send", "--to", &to, "-"], &[("SHOP_WRITE_KEY", KEY)], piped);
    assert_eq!((told.code, told.stdout.as_str()), (0, "-: 200 accepted Lead five\n"), "{}", told.stderr);

    // What fails is said, and the rest goes on.
    let told = tandem(&["send", "--to", &to, "--key", "wrong", &one, &paid]);
    assert_eq!(told.code, 1);
    assert!(
        told.stdout.contains("401 credentials_wrong") && told.stdout.contains("200 duplicate"),
        "{}",
        told.stdout
    );
    let told = tandem(&["send", "--to", &to, "--site", "nobody", &paid]);
    assert_eq!(told.code, 1);
    assert!(told.stdout.contains("404 unknown_site"), "{}", told.stdout);
    let told = tandem(&["send", "--to", "http://127.0.0.1:1", "--key", KEY, &one]);
    assert_eq!(told.code, 1);
    assert!(told.stdout.contains("no answer"), "{}", told.stdout);
    let told = tandem(&["send", "--to", &to, &one]);
    assert_eq!(told.code, 1);
    assert!(told.stderr.contains("SHOP_WRITE_KEY"), "{}", told.stderr);
    assert!(!told.stderr.contains(KEY));

    gateway.drain();
    let mut ids = ids(&stand_in);
    ids.sort();
    assert_eq!(ids, ["five", "four", "one", "three", "two", "wc_order_25"]);
}

/// In order, since several calls are under way at once.
fn ids(stand_in: &StandIn) -> Vec<String> {
    let mut ids: Vec<String> = conversions(stand_in).into_iter().filter_map(|c| c.event_id).collect();
    ids.sort();
    ids
}

fn conversions(stand_in: &StandIn) -> Vec<ConversionView> {
    stand_in.sandbox.conversions().conversions
}

/// A configuration that `tandem replay` finds the running gateway with.
fn config_for(gateway: &Gateway, home: &Home, folder: &Path) -> String {
    let text = std::fs::read_to_string(home.config()).unwrap();
    let told = format!("private = \"{}\"", gateway.private);
    let text = text.replace("private = \"127.0.0.1:0\"", &told);
    assert!(text.contains(&told));
    file(folder, "replay.toml", text)
}

fn lead(id: &str) -> Value {
    json!({"event_name": "Lead", "event_id": id, "event_time": now_s(), "user": {"external_id": "7"}})
}

#[test]
fn replay_sends_the_same_again_under_the_same_ids() {
    let folder = tempfile::tempdir().unwrap();
    let stand_in = StandIn::start();
    let home = Home::shop(&stand_in);
    let gateway = home.start();
    let config = config_for(&gateway, &home, folder.path());
    let start = (now_ms() / 1_000 - 60).to_string();
    let replay = |more: &[&str]| tandem(&[&["replay", "--config", &config], more].concat());

    assert_eq!(gateway.post_events(&json!([lead("a"), lead("b"), lead("c")])).status, 200);
    gateway.drain();
    // One that the platform will not have: it ends as rejected.
    stand_in.sandbox.set_faults(vec![Fault::always(FaultKind::Code { code: 40002, http: None })]);
    assert_eq!(gateway.post_events(&lead("refused")).status, 200);
    gateway.drain();
    stand_in.sandbox.set_faults(vec![]);
    let states = |gateway: &Gateway| gateway.summary()["totals"]["deliveries"].clone();
    assert_eq!(states(&gateway), json!({"delivered": 3, "rejected": 1}));
    assert_eq!(ids(&stand_in).len(), 3);

    // Only what did not arrive.
    let told = replay(&["--since", &start]);
    assert_eq!(
        (told.code, told.stdout.as_str()),
        (0, "1 delivery made anew; it goes out now\n"),
        "{}",
        told.stderr
    );
    gateway.drain();
    assert_eq!(ids(&stand_in), ["a", "b", "c", "refused"]);
    assert!(conversions(&stand_in).iter().all(|c| c.received == 1));
    let told = replay(&["--since", &start]);
    assert!(told.stdout.starts_with("0 deliveries"), "it has arrived: {}", told.stdout);

    // Also what did: the platform knows the ids and drops them.
    let told = replay(&["--since", &start, "--delivered-too"]);
    assert!(told.stdout.starts_with("4 deliveries"), "{}{}", told.stdout, told.stderr);
    gateway.drain();
    assert_eq!(ids(&stand_in), ["a", "b", "c", "refused"]);
    for c in conversions(&stand_in) {
        assert_eq!((c.received, c.dropped), (2, 1), "{c:?}");
    }
    // One event, one site, one destination.
    let one = ["--delivered-too", "--event-id", "b", "--site", "shop", "--destination", "tiktok"];
    let told = replay(&[&["--since", "2020-01-01T00:00:00Z"], &one[..]].concat());
    assert!(told.stdout.starts_with("1 delivery made"), "{}{}", told.stdout, told.stderr);
    gateway.drain();
    let received: Vec<u32> = conversions(&stand_in).iter().map(|c| c.received).collect();
    assert_eq!(received, [2, 3, 2, 2]);
    assert_eq!(gateway.records("events").len(), 4, "the log has each event once");
    assert_eq!(states(&gateway), json!({"delivered": 9, "rejected": 1}));

    let later = ((now_ms() + 3_600_000) / 1_000).to_string();
    assert!(replay(&["--since", &later, "--delivered-too"]).stdout.starts_with("0 deliveries"));
    for (more, told) in [
        (&["--since", &start, "--destination", "myspace"][..], "no_such_destination"),
        (&["--since", &start, "--site", "nobody"], "no_such_destination"),
    ] {
        let failed = replay(more);
        assert_eq!(failed.code, 1, "{more:?}");
        assert!(failed.stderr.contains(told), "{more:?}: {}", failed.stderr);
    }
    let failed = replay(&["--since", "yesterday"]);
    assert_eq!(failed.code, 2);
    assert!(failed.stderr.contains("2026-11-22T14:00:00Z"), "the error shows how: {}", failed.stderr);
    let text = std::fs::read_to_string(&config).unwrap();
    let stranger = file(folder.path(), "stranger.toml", text.replace(TOKEN, "another-token"));
    let failed = tandem(&["replay", "--config", &stranger, "--since", &start]);
    assert_eq!(failed.code, 1);
    assert!(failed.stderr.contains("credentials_wrong"), "{}", failed.stderr);
    assert!(gateway.stop().success());
    let failed = replay(&["--since", &start]);
    assert_eq!(failed.code, 1);
    assert!(failed.stderr.contains("tandem serve"), "{}", failed.stderr);
}

#[test]
fn sandbox_serves_until_it_is_told_to_end() {
    let folder = tempfile::tempdir().unwrap();
    let options = file(folder.path(), "options.json", r#"{"tokens": ["only-this-token"]}"#);
    let mut child = Command::new(env!("CARGO_BIN_EXE_tandem"))
        .args(["sandbox", "--port", "0", "--options", &options])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut said = BufReader::new(child.stdout.take().unwrap());
    said.read_line(&mut line).unwrap();
    let address = line.split("http://").nth(1).and_then(|rest| rest.split('/').next()).unwrap();
    let address: SocketAddr = address.parse().unwrap_or_else(|e| panic!("{e}: {line}"));
    assert!(line.contains(&format!("http://{address}/sandbox/conversions")), "{line}");
    // What to paste for each platform follows.
    let mut settings = String::new();
    while !settings.contains("[site.destinations.ga4]") {
        assert_ne!(said.read_line(&mut settings).unwrap(), 0, "{settings}");
    }
    for part in [
        "[site.destinations.tiktok]",
        "[site.destinations.meta]",
        &format!("base_url = \"http://{address}\""),
    ] {
        assert!(settings.contains(part), "{part} is missing in {settings}");
    }
    drop(said);

    let mut client = Client::new(address);
    let event = json!({"event_source": "web", "event_source_id": PIXEL, "data": [
        {"event": "Lead", "event_time": now_s(), "event_id": "x", "user": {"ttclid": "E.C.P.x"}},
    ]});
    let mut track = |token: &str| {
        let headers = [("Access-Token", token), ("Content-Type", "application/json")];
        let body = event.to_string();
        client.call("POST", "/open_api/v1.3/event/track/", &headers, body.as_bytes()).unwrap().json()["code"]
            .clone()
    };
    assert_ne!(track("another"), 0, "the options are in force");
    assert_eq!(track("only-this-token"), 0);
    let report = client.call("GET", "/sandbox/conversions", &[], b"").unwrap().json();
    assert_eq!(report["conversions"][0]["event_id"], "x");
    assert_eq!(client.call("GET", "/", &[], b"").unwrap().status, 200);

    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let mut ended = None;
    until("the stand-in ends", || {
        ended = child.try_wait().unwrap();
        ended.is_some()
    });
    assert!(ended.unwrap().success());

    let wrong = file(folder.path(), "wrong.json", r#"{"no_such_option": 1}"#);
    let told = tandem(&["sandbox", "--port", "0", "--options", &wrong]);
    assert_eq!(told.code, 1);
    assert!(told.stderr.contains("no_such_option") && told.stderr.contains("wrong.json"), "{}", told.stderr);
}
