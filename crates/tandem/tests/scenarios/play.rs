//! Plays scenario files against the real binary: each file is a site of its own, all of them in one gateway, so that one
//! start serves them all.
#![allow(dead_code, reason = "each test binary uses a part")]
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::fill::{Fill, merge};
use crate::harness::{Client, Gateway, Home, StandIn, now_ms, until};
use crate::shelf::FakeShop;

const WEBHOOK: &str = "scenario-webhook-secret";
const PERSON: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const DAY_S: i64 = 86_400;

/// Exchange rates of the first day of a run; those who read the file find no krona in it.
const RATES: &str = "base = \"EUR\"\nday = \"DAY\"\n[rates]\nUSD = 1.25\n";

/// A scenario file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    /// Name of the file, without its ending; the site's id too.
    #[serde(skip)]
    pub(crate) name: String,
    /// What happens, in a sentence.
    pub(crate) about: String,
    /// TOML of the site beside what the ways in need: keys first, then tables.
    #[serde(default)]
    pub(crate) site: String,
    pub(crate) requests: Vec<Ask>,
    /// Findings and observations that it must yield.
    #[serde(default)]
    pub(crate) expect: Vec<Expected>,
    /// Codes of severity info that may be there beside.
    #[serde(default)]
    pub(crate) also_info: BTreeSet<String>,
    /// Codes of refusals and near misses that must be there; none by default.
    #[serde(default)]
    pub(crate) notices: BTreeSet<String>,
    /// What TikTok's stand-in counts of the site, by name, where the file says so.
    #[serde(default)]
    pub(crate) counted: Option<BTreeMap<String, i64>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expected {
    pub(crate) code: String,
    pub(crate) severity: String,
    /// How many events, or observations, have it.
    pub(crate) events: i64,
}

/// One request.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ask {
    /// `events`, `page`, `woocommerce`, `plugin`, `ga4`, `data_tag`; or `shelf`: the order is put onto the shop's own list,
    /// where only a sweep finds it.
    to: String,
    /// A file of `usual/` that `body` is laid over (RFC 7396); without it the body is whole.
    #[serde(default)]
    like: Option<String>,
    /// JSON, or a text that is sent as it is.
    #[serde(default)]
    pub(crate) body: Value,
    #[serde(default)]
    method: Option<String>,
    /// Instead of the way's own.
    #[serde(default)]
    path: Option<String>,
    /// Beside the way's own, or in their place.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// Days after the first request: the gateway is started again with its clock there.
    #[serde(default)]
    pub(crate) after_days: i64,
}

pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios/files")
}

/// The scenarios of a folder below `files`, by name.
pub(crate) fn read(below: &str) -> Vec<Scenario> {
    let mut all: Vec<Scenario> = std::fs::read_dir(folder().join(below))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "json"))
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            let mut scenario: Scenario =
                serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            scenario.name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            scenario
        })
        .collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

/// A body of `usual/`.
fn usual(name: &str) -> Value {
    let path = folder().join("usual").join(name).with_extension("json");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

impl Scenario {
    fn goes(&self, to: &str) -> bool {
        self.requests.iter().any(|ask| ask.to == to)
    }

    fn host(&self) -> String {
        // `_test` is another host than `-test` to nobody, but no host has it.
        format!("{}.example", self.name.replace('_', "-"))
    }

    fn path(&self) -> String {
        let digest = <sha2::Sha256 as sha2::Digest>::digest(self.name.as_bytes());
        format!("/x{}", hex::encode(&digest[..4]))
    }

    /// A measurement id that no other scenario has.
    fn measurement_id(&self) -> String {
        format!("G-{}", self.path()[2..].to_uppercase())
    }

    fn pixel(&self) -> String {
        format!("PIXEL{}", self.path()[2..].to_uppercase())
    }

    fn fill(&self, now_ms: i64, stand_in: &str, shop: &str) -> Fill {
        let words = [
            ("site", self.name.clone()),
            ("host", self.host()),
            ("path", self.path()),
            ("write_key", format!("key-of-{}", self.name)),
            ("measurement_id", self.measurement_id()),
            ("plugin_secret", format!("plugin-secret-of-{}", self.name)),
            ("pixel", self.pixel()),
            ("person", PERSON.to_owned()),
            ("stand_in", stand_in.to_owned()),
            ("shop", shop.to_owned()),
        ];
        Fill { now_ms, words: BTreeMap::from(words) }
    }

    /// The site's table: what the file says, and the usual for everything it does not mention.
    fn toml(&self, fill: &Fill) -> String {
        let own = fill.text(&self.site);
        let mut text = format!("[[site]]\nid = \"{}\"\n", self.name);
        if !own.contains("on_unknown") {
            text.push_str("consent.on_unknown = \"grant\"\n");
        }
        text.push_str(&own);
        text.push('\n');
        let woocommerce = self.goes("woocommerce") || self.goes("plugin") || self.goes("shelf");
        for (way, wanted, table) in [
            ("sources.events", true, "write_keys = [\"{{write_key}}\"]\n".to_owned()),
            (
                "sources.woocommerce",
                woocommerce,
                format!("secrets = [\"{WEBHOOK}\"]\nplugin_secrets = [\"{{{{plugin_secret}}}}\"]\n"),
            ),
            (
                "sources.woocommerce.sweep",
                self.goes("shelf"),
                "url = \"{{shop}}\"\nconsumer_key = \"ck_key\"\nconsumer_secret = \"cs_secret\"\n".to_owned(),
            ),
            (
                "sources.browser",
                self.goes("page"),
                "hosts = [\"{{host}}\"]\npath = \"{{path}}\"\nhold_seconds = 1\n".to_owned(),
            ),
            (
                "sources.ga4",
                self.goes("ga4"),
                "measurement_ids = [\"{{measurement_id}}\"]\nhosts = [\"{{host}}\"]\nhold_seconds = 1\n"
                    .to_owned(),
            ),
            (
                "sources.data_tag",
                self.goes("data_tag"),
                "hosts = [\"{{host}}\"]\nhold_seconds = 1\n".to_owned(),
            ),
            (
                "destinations.tiktok",
                true,
                "pixel_id = \"{{pixel}}\"\naccess_token = \"any-token\"\nbase_url = \"{{stand_in}}\"\n"
                    .to_owned(),
            ),
        ] {
            let head = format!("[site.{way}]");
            if wanted && !own.contains(&head) {
                text.push_str(&format!("{head}\n{}", fill.text(&table)));
            }
        }
        text
    }
}

/// Method, address, headers and body of a request.
type Wire = (String, String, Vec<(String, String)>, Vec<u8>);

impl Ask {
    fn body(&self, fill: &Fill) -> Value {
        let mut body = self.like.as_deref().map_or(Value::Null, usual);
        if self.like.is_some() && !self.body.is_null() {
            merge(&mut body, &self.body);
        } else if self.like.is_none() {
            body = self.body.clone();
        }
        fill.value(&body)
    }

    fn wire(&self, site: &str, fill: &Fill, nonce: u64) -> Wire {
        let mut body = self.body(fill);
        if self.to == "plugin" {
            body = json!({"version": 1, "kind": "orders", "orders": [body]});
        }
        let bytes = match &body {
            Value::Null => Vec::new(),
            Value::String(text) => text.clone().into_bytes(),
            json => json.to_string().into_bytes(),
        };
        let own = |text: &str| fill.text(text);
        let (path, mut headers): (String, Vec<(&str, String)>) = match self.to.as_str() {
            "events" => ("/v1/events".into(), vec![("Authorization", own("Bearer {{write_key}}"))]),
            "woocommerce" => {
                let signature = BASE64_STANDARD.encode(mac(WEBHOOK, &[&bytes]));
                let headers = vec![
                    ("x-wc-webhook-topic", "order.updated".to_owned()),
                    ("x-wc-webhook-signature", signature),
                ];
                (format!("/webhooks/woocommerce/{site}"), headers)
            }
            "plugin" => {
                let (time, nonce) = (own("{{now}}"), format!("{nonce:032x}"));
                let head = format!("v1\n{time}\n{nonce}\n");
                let signature = hex::encode(mac(&own("{{plugin_secret}}"), &[head.as_bytes(), &bytes]));
                let headers = vec![
                    ("X-Tandem-Time", time),
                    ("X-Tandem-Nonce", nonce),
                    ("X-Tandem-Signature", format!("v1={signature}")),
                ];
                (format!("/plugin/{site}"), headers)
            }
            "page" | "ga4" | "data_tag" => {
                let headers = vec![
                    ("origin", own("https://{{host}}")),
                    ("user-agent", PERSON.to_owned()),
                    ("x-forwarded-for", "203.0.113.7".to_owned()),
                    ("x-forwarded-proto", "https".to_owned()),
                ];
                let path = match self.to.as_str() {
                    "page" => own("{{path}}/a"),
                    "data_tag" => "/data?v=2".to_owned(),
                    _ => own("/g/collect?v=2&tid={{measurement_id}}"),
                };
                (path, headers)
            }
            other => panic!("{site}: nothing is called {other:?}"),
        };
        let of_pages = matches!(self.to.as_str(), "page" | "ga4" | "data_tag");
        let kind = if of_pages { "text/plain;charset=UTF-8" } else { "application/json" };
        headers.push(("content-type", kind.to_owned()));
        headers.retain(|(name, _)| !self.headers.keys().any(|given| given.eq_ignore_ascii_case(name)));
        let mut headers: Vec<(String, String)> =
            headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        headers.extend(self.headers.iter().map(|(name, value)| (name.clone(), own(value))));
        let path = self.path.as_deref().map_or(path, own);
        let method =
            self.method.clone().unwrap_or_else(|| if bytes.is_empty() { "GET" } else { "POST" }.to_owned());
        (method, path, headers, bytes)
    }
}

fn mac(secret: &str, parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

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
        let answer = self.gateway.get("/api/findings");
        if answer.status != 200 {
            return None;
        }
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
