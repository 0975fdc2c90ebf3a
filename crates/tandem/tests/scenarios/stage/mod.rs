//! Plays scenario files against the real binary: each file is a site of its own, all of them in one gateway, so that one
//! start serves them all.
#![allow(dead_code, reason = "each test binary uses a part")]
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::harness::{Client, Gateway, Home, StandIn, now_ms, until};

mod file;
mod fill;
mod shelf;

#[allow(unused_imports, reason = "each test binary uses a part")]
pub(crate) use file::{Scenario, folder, read};
use shelf::FakeShop;

const DAY_S: i64 = 86_400;

/// Exchange rates of the first day of a run; those who read the file find no krona in it.
const RATES: &str = "base = \"EUR\"\nday = \"DAY\"\n[rates]\nUSD = 1.25\n";

/// Scenarios that were played, in a gateway that still runs.
pub(crate) struct Played {
    pub(crate) gateway: Gateway,
    pub(crate) home: Home,
    pub(crate) stand_in: StandIn,
    _shop: FakeShop,
}

/// Sends all requests of all scenarios, one scenario after the other, and waits until nothing is on its way any more.
pub(crate) fn play(scenarios: &[Scenario]) -> Played {
    play_with(scenarios, "")
}

/// The same beside sites of the caller's own.
pub(crate) fn play_with(scenarios: &[Scenario], more_sites: &str) -> Played {
    let stand_in = StandIn::start();
    let begin_ms = now_ms();
    let shop = FakeShop::open();
    let url = format!("http://{}/", shop.address);
    let fill = |one: &Scenario, now_ms: i64| one.fill(now_ms, &stand_in.base_url(), &url);
    let mut shelved = BTreeMap::new();
    for one in scenarios {
        for ask in one.requests.iter().filter(|ask| ask.to == "shelf") {
            shop.put(ask.body(&fill(one, begin_ms)));
            *shelved.entry(one.name.as_str()).or_insert(0) += 1;
        }
    }
    assert!(shelved.len() <= 1, "the shop's own list is one shop's: {shelved:?}");
    let sites: String = scenarios.iter().map(|one| one.toml(&fill(one, begin_ms))).collect();
    let home = Home::new(&format!("[currency]\nrates = \"rates.toml\"\n{sites}\n{more_sites}"));
    let day = fill_day(begin_ms);
    std::fs::write(home.config().with_file_name("rates.toml"), RATES.replace("DAY", &day)).unwrap();

    let days: BTreeSet<i64> =
        scenarios.iter().flat_map(|one| &one.requests).map(|ask| ask.after_days).collect();
    let mut running: Option<Gateway> = None;
    let mut nonce = 0;
    for day in days.into_iter().chain(std::iter::once(0)).collect::<BTreeSet<i64>>() {
        stand_in.go_ahead(day * DAY_S * 1_000);
        let gateway = match running.take() {
            None => home.start(),
            Some(gateway) => {
                assert!(gateway.stop().success());
                home.start_with(&["--now", &(now_ms() / 1_000 + day * DAY_S).to_string()])
            }
        };
        if day == 0 {
            for (site, count) in &shelved {
                until("the shop's own list was looked through", || swept(&gateway, site) == *count);
            }
        }
        for one in scenarios {
            for ask in one.requests.iter().filter(|ask| ask.to != "shelf" && ask.after_days == day) {
                nonce += 1;
                let now_ms = now_ms() + day * DAY_S * 1_000;
                let (method, path, headers, body) = ask.wire(&one.name, &fill(one, now_ms), nonce);
                let headers: Vec<(&str, &str)> =
                    headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
                let answer = Client::new(gateway.public).call(&method, &path, &headers, &body).unwrap();
                assert!((200..300).contains(&answer.status), "{}: {path}: {}", one.name, answer.text());
            }
        }
        gateway.drain();
        running = Some(gateway);
    }
    Played { gateway: running.unwrap(), home, stand_in, _shop: shop }
}

fn fill_day(now_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(now_ms).unwrap().to_string()[..10].to_owned()
}

fn swept(gateway: &Gateway, site: &str) -> u64 {
    let metrics = gateway.get("/metrics").text();
    let line = format!("tandem_swept_orders_total{{site=\"{site}\",result=\"found\"}} ");
    metrics.lines().find_map(|l| l.strip_prefix(&line)).map_or(0, |count| count.parse().unwrap())
}

/// Code and severity, and how many events have it.
pub(crate) type Found = BTreeMap<(String, String), i64>;

impl Played {
    /// What every site's events have among their findings, and what was seen of several events together.
    pub(crate) fn found(&self) -> BTreeMap<String, Found> {
        let mut all: BTreeMap<String, Found> = BTreeMap::new();
        for event in self.gateway.records("events") {
            let findings = event["body"]["findings"].as_array().cloned().unwrap_or_default();
            let of_event: BTreeSet<(String, String)> =
                findings.iter().map(|f| (text(f, "code"), text(f, "severity"))).collect();
            let site = all.entry(text(&event, "site")).or_default();
            of_event.into_iter().for_each(|finding| *site.entry(finding).or_default() += 1);
        }
        if let Some(counted) = self.counted() {
            for (site, counted) in counted {
                let of_log = all.entry(site.clone()).or_default();
                for (key, events) in counted {
                    // What the log has, the roll-up counts alike.
                    let known = *of_log.entry(key.clone()).or_insert(events);
                    assert_eq!(known, events, "{site}: {key:?} in the log and in /api/findings");
                }
            }
        }
        all
    }

    /// `/api/findings`, once everything in the log was seen; `None` in a gateway without it.
    fn counted(&self) -> Option<BTreeMap<String, Found>> {
        if self.gateway.post("/api/catch-up", &json!({})).status != 200 {
            return None;
        }
        // Over all days that scenarios play in.
        let answer = self.gateway.get("/api/findings?days=90");
        if answer.status == 404 {
            return None;
        }
        assert_eq!(answer.status, 200, "{}", answer.text());
        let mut all: BTreeMap<String, Found> = BTreeMap::new();
        for row in answer.json().as_array().expect("a list") {
            let events = row["events"].as_i64().expect("a number");
            let key = (text(row, "code"), text(row, "severity"));
            *all.entry(text(row, "site")).or_default().entry(key).or_default() += events;
        }
        Some(all)
    }

    /// What TikTok's stand-in counted of a scenario, by name.
    pub(crate) fn at_tiktok(&self, scenario: &Scenario) -> BTreeMap<String, i64> {
        let mut all = BTreeMap::new();
        let pixel = scenario.pixel();
        for one in
            self.stand_in.sandbox.conversions().conversions.into_iter().filter(|one| one.pixel == pixel)
        {
            *all.entry(one.event).or_insert(0) += 1;
        }
        all
    }

    /// Codes of what was refused or seemed a near miss, by site.
    pub(crate) fn notices(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for notice in self.gateway.records("notices") {
            if matches!(text(&notice, "kind").as_str(), "rejected" | "near_miss" | "unclaimed") {
                all.entry(text(&notice, "site")).or_default().insert(text(&notice, "code"));
            }
        }
        all
    }
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}

/// What is otherwise than the file says; nothing when all is as it says.
pub(crate) fn differences(scenario: &Scenario, found: &Found, notices: &BTreeSet<String>) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut left = found.clone();
    for expected in &scenario.expect {
        let key = (expected.code.clone(), expected.severity.clone());
        match left.remove(&key) {
            Some(events) if events == expected.events => {}
            Some(events) => wrong.push(format!("{key:?} on {events} events instead of {}", expected.events)),
            None => wrong.push(format!("{key:?} is missing")),
        }
    }
    left.retain(|(code, severity), _| severity != "info" || !scenario.also_info.contains(code));
    wrong.extend(
        left.iter().map(|(key, events)| format!("{key:?} on {events} events, and nobody expects it")),
    );
    if *notices != scenario.notices {
        wrong.push(format!("notices {notices:?} instead of {:?}", scenario.notices));
    }
    wrong
}
