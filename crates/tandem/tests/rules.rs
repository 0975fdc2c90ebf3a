//! Rules and reporting currency in the running program, tests of rules in a configuration, and the examples of the docs.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod harness;
mod program;

use std::path::Path;

use harness::{ACCESS_TOKEN, Gateway, Home, KEY, PIXEL, StandIn, now_s, until};
use program::Told;
use serde_json::{Value, json};

const RATES: &str = "base = \"EUR\"\nday = \"DAY\"\n[rates]\nUSD = 1.25\nSEK = \"11.4155\"\n";

/// `YYYY-MM-DD`, some days ago.
fn day(ago: i64) -> String {
    let at = jiff::Timestamp::from_second(now_s() - ago * 86_400).unwrap();
    at.to_string()[..10].to_owned()
}

fn home(stand_in: &StandIn, site: &str, destination: &str, rates_of: &str) -> Home {
    let home = Home::new(&format!(
        r#"
        [currency]
        rates = "rates.toml"
        [[site]]
        id = "shop"
        consent.on_unknown = "grant"
        [site.sources.events]
        write_keys = ["{KEY}"]
        [site.destinations.tiktok]
        pixel_id = "{PIXEL}"
        access_token = "{ACCESS_TOKEN}"
        base_url = "{}"
        {destination}
        {site}
        "#,
        stand_in.base_url()
    ));
    std::fs::write(home.config().with_file_name("rates.toml"), RATES.replace("DAY", rates_of)).unwrap();
    home
}

fn sale(id: &str, extra: Value) -> Value {
    let mut sale = json!({
        "event_name": "Purchase", "event_id": format!("order_{id}"), "order_id": id, "event_time": now_s(),
        "value": 100.01, "currency": "SEK", "user": {"email": "ada@example.com"}, "internal_margin": 3, "tax": 20,
        "items": [{"item_id": "MUG-1", "item_name": "Mug", "price": 50.01, "quantity": 2}],
    });
    sale.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    sale
}

/// What the stand-in got, one entry an event.
fn sent(stand_in: &StandIn) -> Vec<Value> {
    let requests = stand_in.sandbox.requests();
    requests.iter().flat_map(|r| r.body["data"].as_array().cloned().unwrap_or_default()).collect()
}

fn kept(gateway: &Gateway, id: &str) -> Value {
    let row = gateway.records("events").into_iter().find(|row| row["event_id"] == id);
    match &row.unwrap_or_else(|| panic!("{id} is not in the log"))["body"] {
        Value::String(text) => serde_json::from_str(text).unwrap(),
        body => body.clone(),
    }
}

#[test]
fn the_running_gateway_keeps_to_the_rules() {
    let stand_in = StandIn::start();
    let site = r#"
        [[site.rules]]
        name = "survey"
        when = "event_name == 'Pageview' and '/survey' in page.path"
        rename = "Contact"
        [[site.rules]]
        name = "staff"
        when = "properties.coupon == 'STAFF'"
        drop = "orders of our own staff"
        [[site.rules]]
        name = "internals"
        remove = ["properties.internal_*"]
        [[site.rules]]
        name = "big"
        when = "event_name == 'Purchase' and value > 100"
        emit = { name = "BigSale", set = { "properties.size" = "'big'" } }
    "#;
    let destination = r#"
        reporting_currency = "USD"
        [[site.destinations.tiktok.rules]]
        name = "no leads"
        when = "event_name == 'Lead'"
        skip = "leads stay with us"
        [[site.destinations.tiktok.rules]]
        name = "one name for contacts"
        when = "event_name == 'Contact'"
        rename = "SubmitApplication"
        [[site.destinations.tiktok.rules]]
        name = "delivery"
        when = "event_name == 'Purchase'"
        send = { "properties.delivery_category" = "'home_delivery'" }
    "#;
    let home = home(&stand_in, site, destination, &day(1));
    let gateway = home.start();
    let page = json!({"event_name": "page_view", "event_id": "p1", "event_time": now_s(), "user": {"email": "a@b.example"},
        "page": {"url": "https://shop.example/survey/thanks"}});
    let staff = sale("2", json!({"coupon": "STAFF"}));
    let lead = json!({"event_name": "Lead", "event_id": "l1", "event_time": now_s(), "user": {"email": "a@b.example"}});
    let answer = gateway.post_events(&json!([sale("1", json!({})), page, staff, lead]));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let told = answer.json();
    let statuses: Vec<_> = told["events"].as_array().unwrap().iter().map(|e| e["status"].clone()).collect();
    assert_eq!(statuses, ["accepted", "accepted", "ignored", "accepted"], "{told}");
    assert_eq!(told["events"][2]["code"], "rule_drop");
    // A repeat is one, also of the event that the rule added.
    gateway.post_events(&sale("1", json!({})));
    gateway.drain();
    until("three events arrive", || sent(&stand_in).len() >= 3);
    let mut all = sent(&stand_in);
    all.sort_by_key(|event| event["event_id"].to_string());
    let names: Vec<_> =
        all.iter().map(|e| (e["event"].as_str().unwrap(), e["event_id"].as_str().unwrap())).collect();
    assert_eq!(names, [("Purchase", "order_1"), ("BigSale", "order_1.BigSale"), ("SubmitApplication", "p1")]);
    let properties = &all[0]["properties"];
    // 100.01 SEK / 11.4155 × 1.25, and the same for price and tax.
    assert_eq!((&properties["value"], &properties["currency"]), (&json!(10.95), &json!("USD")));
    assert_eq!((&properties["contents"][0]["price"], &properties["tax"]), (&json!(5.48), &json!(2.19)));
    assert_eq!(properties["contents"][0]["content_id"], "MUG-1");
    assert_eq!(properties["delivery_category"], "home_delivery");
    assert_eq!(properties.get("internal_margin"), None);
    assert_eq!(all[1]["properties"]["size"], "big");
    assert_eq!(all[1]["properties"].get("delivery_category"), None);

    let record = kept(&gateway, "order_1");
    assert_eq!((&record["value"], &record["currency"]), (&json!("100.01"), &json!("SEK")));
    let rules: Vec<_> =
        record["rules"].as_array().unwrap().iter().map(|r| r["rule"].as_str().unwrap()).collect();
    assert_eq!(rules, ["internals", "big", "delivery", "reporting_currency"]);
    assert_eq!(record["rules"][3]["changes"][0], json!({"field": "currency", "did": "set", "was": "SEK"}));
    assert_eq!(kept(&gateway, "p1")["event_name"], "Contact");
    let skipped = gateway.records("deliveries").into_iter().find(|row| row["code"] == "rule");
    assert!(skipped.unwrap()["message"].as_str().unwrap().contains("leads stay with us"));
    let dropped = gateway.records("notices").into_iter().find(|row| row["code"] == "rule_drop").unwrap();
    assert_eq!((&dropped["event_id"], &dropped["kind"]), (&json!("order_2"), &json!("ignored")));
    assert!(gateway.stop().success());
}

#[test]
fn old_rates_convert_nothing_and_hold_nothing_up() {
    let stand_in = StandIn::start();
    let rule = "[[site.rules]]\nname = \"broken\"\nset = { \"properties.x\" = \"event_name * 2 - 1\" }";
    let home = home(&stand_in, rule, "reporting_currency = \"USD\"", &day(10));
    let gateway = home.start();
    let told = gateway.post_events(&sale("1", json!({}))).json();
    let codes: Vec<_> =
        told["events"][0]["warnings"].as_array().unwrap().iter().map(|w| w["code"].clone()).collect();
    assert!(
        codes.contains(&json!("currency_not_converted")) && codes.contains(&json!("rule_failed")),
        "{told}"
    );
    gateway.drain();
    until("it arrives", || !sent(&stand_in).is_empty());
    let properties = &sent(&stand_in)[0]["properties"];
    assert_eq!((&properties["value"], &properties["currency"]), (&json!(100.01), &json!("SEK")));
    assert!(gateway.get("/metrics").text().contains("rule_failures_total{site=\"shop\"} 1"));
}

/// Answers every request with this text.
fn feed(text: String) -> std::net::SocketAddr {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 4_096]);
            let head =
                format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", text.len());
            let _ = stream.write_all((head + &text).as_bytes());
        }
    });
    address
}

#[test]
fn the_feed_is_fetched_and_its_last_good_answer_kept() {
    let stand_in = StandIn::start();
    let text = format!("<Cube><Cube time='{}'><Cube currency='SEK' rate='10'/></Cube></Cube>", day(1));
    let home = home(&stand_in, "reporting_currency = \"EUR\"", "", &day(1));
    let config = std::fs::read_to_string(home.config()).unwrap();
    let moved = config
        .replace("reporting_currency = \"EUR\"", "")
        .replace("id = \"shop\"", "id = \"shop\"\nreporting_currency = \"EUR\"");
    let address = feed(text);
    let with_feed =
        moved.replace("rates = \"rates.toml\"", &format!("feed = \"http://{address}/daily.xml\""));
    std::fs::write(home.config(), &with_feed).unwrap();
    let kept = home.store().with_extension("rates.xml");
    let gateway = home.start();
    until("the feed's answer is kept", || kept.exists());
    assert!(gateway.stop().success());
    // Nobody answers any more: the kept one serves.
    let silent = with_feed.replace(&address.to_string(), "127.0.0.1:1");
    std::fs::write(home.config(), silent).unwrap();
    let gateway = home.start();
    gateway.post_events(&sale("1", json!({})));
    gateway.drain();
    until("it arrives", || !sent(&stand_in).is_empty());
    let properties = &sent(&stand_in)[0]["properties"];
    assert_eq!((&properties["value"], &properties["currency"]), (&json!(10), &json!("EUR")));
}

const BASE: &str = r#"
[server]
private_token = "t"
[[site]]
id = "shop"
country = "DE"
[site.sources.events]
write_keys = ["k"]
[site.destinations.tiktok]
pixel_id = "P"
access_token = "T"
"#;

fn check(folder: &Path, text: &str) -> Told {
    let path = folder.join("tandem.toml");
    std::fs::write(&path, text).unwrap();
    program::run(&["check", "--config", path.to_str().unwrap()], &[], b"")
}

#[test]
fn check_runs_the_tests_of_rules() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        r#"{BASE}
        [[site.destinations.tiktok.rules]]
        name = "margin"
        send = {{ "properties.value" = "value|times('0.3')|round(2)" }}
        [[site.rules]]
        name = "gold"
        when = "properties.tier == 'gold'"
        set = {{ "properties.gold" = "true" }}
        [[site.rule_tests]]
        name = "margin is sent"
        destination = "tiktok"
        event = {{ event_name = "Purchase", value = 10, currency = "EUR" }}
        expect = {{ value = 10 }}
        expect_request = {{ properties = {{ value = 3 }} }}
        [[site.rule_tests]]
        name = "gold is marked"
        event = {{ event_name = "Lead", properties = {{ tier = "silver" }} }}
        expect = {{ properties = {{ gold = true }} }}
        "#
    );
    let told = check(folder.path(), &text);
    assert_eq!(told.code, 1, "{}{}", told.stdout, told.stderr);
    assert!(told.stdout.contains("rule test \"margin is sent\" passed"), "{}", told.stdout);
    assert!(told.stdout.contains("rule test \"gold is marked\" FAILED"), "{}", told.stdout);
    assert!(told.stdout.contains("event.properties.gold: expected true, found nothing"), "{}", told.stdout);
    let told = check(folder.path(), &text.replace("silver", "gold"));
    assert_eq!(told.code, 0, "{}{}", told.stdout, told.stderr);
    let told = check(folder.path(), &text.replace("properties.tier == 'gold'", "propertis.tier == 'gold'"));
    assert_eq!(told.code, 2);
    assert!(told.stderr.contains("site[0].rules[0].when: propertis is not known here"), "{}", told.stderr);
}

#[test]
fn every_example_of_the_docs_is_a_working_configuration() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/rules.md");
    let docs = std::fs::read_to_string(docs).unwrap();
    let mut examples = 0;
    for block in docs.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()) {
        let folder = tempfile::tempdir().unwrap();
        let text = if block.starts_with("base =") {
            std::fs::write(folder.path().join("rates.toml"), block).unwrap();
            format!("{BASE}reporting_currency = \"SEK\"\n[currency]\nrates = \"rates.toml\"\n")
        } else if block.contains("[[site]]") {
            let block =
                block.replace("[[site]]", "[[site]]\nid = \"shop\"\nsources.events.write_keys = [\"k\"]");
            let own = "[site.destinations.tiktok]\npixel_id = \"P\"\naccess_token = \"T\"";
            format!("[server]\nprivate_token = \"t\"\n{}", block.replace("[site.destinations.tiktok]", own))
        } else {
            format!("{BASE}{block}")
        };
        let told = check(folder.path(), &text);
        assert_eq!(told.code, 0, "{}{}\n{block}", told.stdout, told.stderr);
        assert!(!told.stdout.contains("FAILED"));
        examples += 1;
    }
    assert!(examples >= 6, "{examples}");
}

#[test]
fn items_of_a_ga4_data_layer_need_no_rule() {
    let body = json!({"event_name": "purchase", "event_id": "o1", "order_id": "1", "value": 30, "currency": "EUR", "items": [
        {"item_id": "MUG-1", "item_name": "Mug", "item_category": "Kitchen", "item_brand": "Own", "price": 15, "quantity": 2}]});
    let arguments = ["explain", "--source", "events", "--destination", "tiktok", "--json", "-"];
    let told = program::run(&arguments, &[], body.to_string().as_bytes());
    assert_eq!(told.code, 0, "{}", told.stderr);
    let shown: Value = serde_json::from_str(&told.stdout).unwrap();
    let sent = &shown["events"][0]["deliveries"][0]["request"]["body"]["data"][0]["properties"]["contents"];
    let expected = json!([{"content_id": "MUG-1", "content_name": "Mug", "content_category": "Kitchen", "brand": "Own",
        "price": 15, "quantity": 2}]);
    assert_eq!(sent, &expected);
}
