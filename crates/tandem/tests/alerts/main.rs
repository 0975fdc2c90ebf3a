//! Alerts from end to end: the real binary, a platform that takes the token no more, and those who are told of it.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

#[path = "../harness/mod.rs"]
mod harness;
#[path = "../letters/mod.rs"]
mod letters;
#[path = "../program/mod.rs"]
mod program;
mod sites;
mod tls;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use harness::{Gateway, Home, StandIn, now_s, shop_sites, until};
use hmac::{Hmac, KeyInit, Mac};
use letters::{MailServer, Posted, Silent, Stalling, Webhook};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tandem_sandbox::Options;

/// A token that the stand-in takes no more.
const STALE: &str = "stale-token";
const SECRET: &str = "secret-of-the-webhook";
/// A part of a webhook's address that nobody else is to see.
const HIDDEN: &str = "T0KEN-0F-THE-H00K";
const LINK: &str = "https://tandem.shop.example";
const BUYER: &str = "ada.buyer@example.com";

fn stand_in() -> StandIn {
    StandIn::with(Options { revoked_tokens: vec![STALE.into()], rate_per_s: None, ..Options::default() })
}

/// The usual site with this token.
fn site(stand_in: &StandIn, token: &str) -> String {
    shop_sites(&stand_in.base_url()).replace(harness::ACCESS_TOKEN, token)
}

/// Another site.
fn south(stand_in: &StandIn) -> String {
    let base_url = stand_in.base_url();
    format!(
        r#"
        [[site]]
        id = "south"
        consent.on_unknown = "grant"
        [site.sources.events]
        write_keys = ["south-key"]
        [site.destinations.tiktok]
        pixel_id = "CSOUTHPIXEL0000000000"
        access_token = "south-token"
        base_url = "{base_url}"
        "#
    )
}

fn webhooks(hooks: &[std::net::SocketAddr]) -> String {
    let urls: Vec<String> = hooks.iter().map(|address| format!("http://{address}/{HIDDEN}")).collect();
    format!("[alerts]\nwebhooks = {urls:?}\nsecret = \"{SECRET}\"\nlink = \"{LINK}/\"\n")
}

fn email(server: &MailServer) -> String {
    let (host, port) = (server.address.ip(), server.address.port());
    format!(
        r#"
        [alerts.email]
        host = "{host}"
        port = {port}
        tls = "none"
        username = "tandem"
        password = "password-of-the-mail"
        from = "Tandem <tandem@shop.example>"
        to = ["ops@shop.example", "Boss <boss@shop.example>"]
        "#
    )
}

fn purchase(id: &str) -> Value {
    json!({ "event_name": "Purchase", "event_id": id, "event_time": now_s(), "value": 10, "currency": "EUR",
            "user": { "email": BUYER, "external_id": "customer-4711" } })
}

/// A sale that the platform refuses the token for.
fn stop(gateway: &Gateway) {
    assert_eq!(gateway.post_events(&purchase("sale-4711")).status, 200);
    until("the destination is stopped", || gateway.summary()["lanes"][0]["stopped"].is_object());
}

/// A sale of the other site.
fn sell_in_the_south(gateway: &Gateway) {
    let headers = [("Authorization", "Bearer south-key"), ("Content-Type", "application/json")];
    let body = purchase("south-1").to_string();
    let mut client = harness::Client::new(gateway.public);
    assert_eq!(client.call("POST", "/v1/events", &headers, body.as_bytes()).unwrap().status, 200);
}

/// After a start one event is tried at once: waits until it is refused too, and tells how many attempts there were. A
/// refusal that comes after the token was mended would hold the destination up for half a minute.
fn refused_beyond(gateway: &Gateway, before: usize) -> usize {
    until("an event is tried after the start", || gateway.records("attempts").len() > before);
    gateway.records("attempts").len()
}

/// Looks at once; how everything stands.
fn look(gateway: &Gateway) -> Value {
    let answer = gateway.post("/api/alerts/look", &json!({}));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

/// The kinds of all notices there ever were, newest first.
fn notices(stands: &Value) -> Vec<&str> {
    let recent = stands["recent"].as_array().unwrap();
    recent.iter().map(|notice| notice["event"].as_str().unwrap()).collect()
}

/// How the destination's token stands.
fn stopped(stands: &Value) -> Value {
    let all = stands["alerts"].as_array().unwrap();
    all.iter().find(|alert| alert["key"] == "stopped").cloned().unwrap_or_default()
}

/// Every channel took every notice: what arrived until now is all that is ever sent of them.
fn all_told(gateway: &Gateway) {
    until("every channel took every notice", || {
        let stands = gateway.get("/api/alerts").json();
        stands["alerts"].as_array().unwrap().iter().all(|alert| alert["unsent"] == 0)
    });
}

/// Another look is no news.
fn no_more_news(gateway: &Gateway, events: &[&str]) {
    let stands = look(gateway);
    assert_eq!(notices(&stands), events, "{stands:#}");
    assert_eq!(stopped(&stands)["unsent"], 0, "{stands:#}");
}

/// What `tandem doctor` says of these settings, in one line.
fn doctor(home: &Home, settings: &str) -> String {
    home.write(settings);
    let config = home.config().display().to_string();
    let told = program::run(&["doctor", "--config", &config, "--test-alert"], &[], b"");
    // No gateway runs there: it fails in any case.
    assert_eq!(told.code, 1, "{}{}", told.stdout, told.stderr);
    let text = told.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    nothing_personal(&text);
    text
}

fn signature(body: &[u8]) -> String {
    signature_by(SECRET, body)
}

fn signature_by(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

/// Nothing of the sale or its buyer, and no secret.
fn nothing_personal(text: &str) {
    let hash = hex::encode(Sha256::digest(BUYER));
    for part in [BUYER, "ada", &hash, &hash[..8], "4711", STALE, SECRET, HIDDEN, "password-of-the-mail"] {
        assert!(!text.contains(part), "{part} is in {text}");
    }
}

#[test]
fn a_refused_token_is_told_once_and_so_is_its_end_over_restarts() {
    let (stand_in, webhook, server) = (stand_in(), Webhook::answering(200), MailServer::open());
    let alerts = webhooks(&[webhook.address]) + &email(&server);
    let home = Home::new(&(alerts.clone() + &site(&stand_in, STALE)));
    let gateway = home.start();
    stop(&gateway);
    let stands = look(&gateway);
    assert_eq!((notices(&stands), &stopped(&stands)["state"]), (vec!["raised"], &json!("firing")));
    all_told(&gateway);
    no_more_news(&gateway, &["raised"]);
    assert!(gateway.get("/metrics").text().contains("tandem_alerts_firing{"), "the metric");
    nothing_personal(&gateway.log());
    assert!(gateway.stop().success());

    let gateway = home.start();
    no_more_news(&gateway, &["raised"]);
    let attempts = refused_beyond(&gateway, 1);
    gateway.kill();
    let gateway = home.start();
    no_more_news(&gateway, &["raised"]);
    refused_beyond(&gateway, attempts);
    assert_eq!((webhook.posted().len(), server.mails().len()), (1, 1), "a restart tells nothing anew");

    // It counts as over after a minute; here at once.
    let at_once = "[alerts.rules.stopped]\nclear_after = \"0s\"\n";
    home.write(&(alerts + at_once + &site(&stand_in, harness::ACCESS_TOKEN)));
    gateway.hang_up();
    gateway.drain();
    until("the destination goes on", || gateway.summary()["lanes"][0]["stopped"].is_null());
    assert_eq!(notices(&look(&gateway)), ["cleared", "raised"]);
    all_told(&gateway);
    no_more_news(&gateway, &["cleared", "raised"]);
    assert!(gateway.stop().success());
    let gateway = home.start();
    no_more_news(&gateway, &["cleared", "raised"]);

    assert_webhook(&webhook.posted());
    assert_mails(&server);
}

fn assert_webhook(posted: &[Posted]) {
    let events: Vec<Value> = posted.iter().map(|posted| posted.json()["event"].clone()).collect();
    assert_eq!(events, ["raised", "cleared"]);
    for posted in posted {
        assert_eq!(posted.path, format!("/{HIDDEN}"));
        assert_eq!(posted.signature.as_deref(), Some(signature(&posted.bytes).as_str()));
        nothing_personal(&posted.text());
    }
    let body = posted[0].json();
    let alert = &body["alert"];
    assert_eq!(
        [&alert["key"], &alert["site"], &alert["destination"], &alert["severity"], &alert["link"]],
        ["stopped", "shop", "tiktok", "error", "https://tandem.shop.example/destinations"]
    );
    let lines: Vec<&str> = body["text"].as_str().unwrap().lines().collect();
    assert_eq!(lines[0], "shop, tiktok: The platform refuses the access token, and nothing is sent");
    assert_eq!((lines.len(), &body["text"]), (4, &body["content"]), "{body}");
}

fn assert_mails(server: &MailServer) {
    let mails = server.mails();
    let subjects: Vec<String> = mails.iter().map(|mail| mail.header("Subject")).collect();
    let title = "shop, tiktok: The platform refuses the access token, and nothing is sent";
    let over = "shop, tiktok: Over: the platform refuses the access token, and nothing is sent";
    assert_eq!(subjects, [format!("[Tandem] {title}"), format!("[Tandem] {over}")]);
    for mail in &mails {
        assert_eq!(mail.from, "tandem@shop.example");
        assert_eq!(mail.to, ["ops@shop.example", "boss@shop.example"]);
        assert!(mail.text().trim_end().ends_with(&format!("{LINK}/destinations")), "{}", mail.data);
        nothing_personal(&mail.data.replace("=\n", ""));
        nothing_personal(&mail.text());
    }
    let text = mails[0].text();
    assert!(text.starts_with(title) && text.contains("\nWhat to do: Make a new access token"), "{text}");
    let login = BASE64_STANDARD.encode("\0tandem\0password-of-the-mail");
    assert!(server.said().contains(&format!("AUTH PLAIN {login}")), "{:?}", server.said());
}

#[test]
fn who_does_not_take_a_notice_gets_it_later_and_holds_nobody_up() {
    let stand_in = stand_in();
    let (broken, good, silent) = (Webhook::answering(500), Webhook::answering(200), Silent::open());
    let sites = site(&stand_in, STALE) + &south(&stand_in);
    let home = Home::new(&(webhooks(&[silent.address(), broken.address, good.address]) + &sites));
    let gateway = home.start();
    stop(&gateway);
    assert_eq!(notices(&look(&gateway)), ["raised"]);
    until("the good one has it, the broken one refused it", || {
        !good.posted().is_empty() && !broken.posted().is_empty()
    });
    // The other shop's sales go out as ever.
    sell_in_the_south(&gateway);
    until("the other shop's sale counts", || stand_in.sandbox.conversions().conversions.len() == 1);
    assert_eq!(notices(&look(&gateway)), ["raised"]);
    assert!(gateway.log().contains("it answers HTTP 500"), "{}", gateway.log());
    nothing_personal(&gateway.log());
    assert!(gateway.stop().success(), "who never answers does not keep the program from ending");

    // Two minutes on by its clock: the first pause is over. The one without an answer is taken out of the file.
    broken.answer_with(200);
    home.write(&(webhooks(&[broken.address, good.address]) + &sites));
    let gateway = home.start_with(&["--now", &(now_s() + 120).to_string()]);
    assert_eq!(notices(&look(&gateway)), ["raised"]);
    all_told(&gateway);
    let tries = broken.posted();
    assert!(tries.len() >= 2 && tries.iter().all(|posted| posted.bytes == tries[0].bytes), "{tries:?}");
    assert_eq!((broken.taken().len(), good.posted().len()), (1, 1));
    no_more_news(&gateway, &["raised"]);
    assert_eq!((broken.taken().len(), good.posted().len()), (1, 1));
}

#[test]
fn a_rule_that_is_not_wanted_tells_nothing_and_a_refused_file_changes_nothing() {
    let (stand_in, webhook) = (stand_in(), Webhook::answering(200));
    let (alerts, site) = (webhooks(&[webhook.address]), site(&stand_in, STALE));
    let unwanted = "[alerts.rules.stopped]\nenabled = false\n";
    let home = Home::new(&format!("{alerts}{unwanted}{site}"));
    let gateway = home.start();
    stop(&gateway);
    assert_eq!(notices(&look(&gateway)), Vec::<&str>::new());

    home.write(&format!("{alerts}[alerts.rules.stopt]\nenabled = true\n{site}"));
    let told = program::run(&["check", "--config", &home.config().display().to_string()], &[], b"");
    assert_eq!(told.code, 2, "{}", told.stderr);
    let expected = "alerts.rules.stopt: unknown rule\n    remedy: known are queue_age, error_rate, stopped,";
    assert!(told.stderr.contains(expected), "{}", told.stderr);
    gateway.hang_up();
    assert_eq!(notices(&look(&gateway)), Vec::<&str>::new(), "the old rules hold");
    assert!(gateway.log().contains("unknown rule"), "{}", gateway.log());

    home.write(&format!("{alerts}{site}"));
    gateway.hang_up();
    assert_eq!(notices(&look(&gateway)), ["raised"]);
    all_told(&gateway);
    assert_eq!(webhook.posted().len(), 1);
}

#[test]
fn the_doctor_tries_each_channel() {
    let (good, broken, server) = (Webhook::answering(200), Webhook::answering(500), MailServer::open());
    let stand_in = stand_in();
    let home = Home::new("");
    let doctor = |alerts: &str| doctor(&home, &(alerts.to_owned() + &site(&stand_in, harness::ACCESS_TOKEN)));
    let text = doctor(&(webhooks(&[good.address, broken.address]) + &email(&server)));
    for line in [
        "alerts ✓ ok webhook: webhook at 127.0.0.1 took a test notice: HTTP 200",
        "✗ fail webhook: webhook at 127.0.0.1 did not take a test notice: it answers HTTP 500 → see whether",
        "✓ ok e-mail: e-mail by 127.0.0.1 took a test notice: 250 2.0.0 taken",
    ] {
        assert!(text.contains(line), "{line:?} is not in {text}");
    }
    let posted = good.posted();
    assert_eq!((posted.len(), broken.posted().len(), server.mails().len()), (1, 1, 1));
    assert_eq!(posted[0].json()["alert"]["severity"], "info");
    assert_eq!(posted[0].signature.as_deref(), Some(signature(&posted[0].bytes).as_str()));
    assert_eq!(server.mails()[0].header("Subject"), "[Tandem] A test of Tandem's alerts");

    // Who says yes and is slow with the rest has taken it; who sends elsewhere has not, and is not followed there.
    let (stalling, elsewhere) = (Stalling::open(), Webhook::answering(302));
    let text = doctor(&webhooks(&[stalling.address, elsewhere.address]));
    assert!(text.contains("✓ ok webhook: webhook at 127.0.0.1 took a test notice: HTTP 200"), "{text}");
    assert!(text.contains("did not take a test notice: it answers HTTP 302"), "{text}");

    let text = doctor("");
    assert!(text.contains("✗ fail channels: nobody is told when something is wrong"), "{text}");
}
