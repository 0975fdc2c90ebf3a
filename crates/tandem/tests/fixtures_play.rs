//! Every captured WooCommerce delivery through the real binary, in many orders: each paid order counts once.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod harness;
mod shop;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use harness::{ACCESS_TOKEN, Answer, Client, Gateway, Home, KEY, PIXEL, StandIn};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use shop::{Delivery, Dice, NOW, deliveries, delivery, never_paid, paid, secrets_toml};
use tandem_sandbox::ConversionView;

/// One site with all secrets of the captures. `woocommerce` is TOML that goes on in the source's table.
fn site(id: &str, pixel: &str, key: &str, secrets: &str, woocommerce: &str, stand_in: &StandIn) -> String {
    format!(
        r#"
        [[site]]
        id = "{id}"
        consent.on_unknown = "grant"
        [site.sources.woocommerce]
        secrets = {secrets}
        {woocommerce}
        [site.sources.events]
        write_keys = ["{key}"]
        [site.destinations.tiktok]
        pixel_id = "{pixel}"
        access_token = "{ACCESS_TOKEN}"
        base_url = "{}"
        "#,
        stand_in.base_url()
    )
}

/// A stand-in and a gateway in front of it.
struct Shop {
    stand_in: StandIn,
    gateway: Gateway,
    _home: Home,
}

impl Shop {
    fn open() -> Self {
        Self::open_with("")
    }

    fn open_with(woocommerce: &str) -> Self {
        let stand_in = StandIn::start();
        let secrets = secrets_toml(&deliveries());
        let home = Home::new(&site("shop", PIXEL, KEY, &secrets, woocommerce, &stand_in));
        let gateway = home.start_with(&["--now", NOW]);
        Self { stand_in, gateway, _home: home }
    }

    fn client(&self) -> Client {
        Client::new(self.gateway.public)
    }

    /// Delivers one webhook; the status of its one event, `ready` for a ping.
    fn deliver(&self, delivery: &Delivery) -> String {
        send(&mut self.client(), "shop", delivery)
    }

    fn play(&self, deliveries: &[Delivery]) {
        let mut client = self.client();
        for delivery in deliveries {
            send(&mut client, "shop", delivery);
        }
    }

    /// What was counted, once nothing waits any more; by id, since several calls are under way at once.
    fn conversions(&self) -> Vec<ConversionView> {
        self.gateway.drain();
        let mut conversions = self.stand_in.sandbox.conversions().conversions;
        conversions.sort_by(|a, b| a.event_id.cmp(&b.event_id));
        conversions
    }

    fn ids(&self) -> Vec<String> {
        self.conversions().into_iter().filter_map(|c| c.event_id).collect()
    }

    /// The event as it arrived at the stand-in.
    fn sent(&self, event_id: &str) -> Value {
        sent(&self.stand_in, event_id)
    }
}

fn sent(stand_in: &StandIn, event_id: &str) -> Value {
    let requests = stand_in.sandbox.requests();
    let events = requests.iter().flat_map(|r| r.body["data"].as_array().cloned().unwrap_or_default());
    let mut found: Vec<Value> = events.filter(|e| e["event_id"] == event_id).collect();
    assert_eq!(found.len(), 1, "{event_id} was sent once");
    found.remove(0)
}

fn post(client: &mut Client, site: &str, delivery: &Delivery) -> Answer {
    let path = format!("/webhooks/woocommerce/{site}");
    client.call("POST", &path, &delivery.header_refs(), &delivery.body).unwrap()
}

fn send(client: &mut Client, site: &str, delivery: &Delivery) -> String {
    let answer = post(client, site, delivery);
    assert_eq!(answer.status, 200, "{}: {}", delivery.name, answer.text());
    let answer = answer.json();
    let status = answer["status"].as_str().or_else(|| answer["events"][0]["status"].as_str());
    status.unwrap_or_else(|| panic!("{}: {answer}", delivery.name)).to_owned()
}

fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

/// Literal figures for what must not rest on the test's own reading of the bodies.
const FIGURES: &[(&str, Option<&str>, Option<&str>)] = &[
    ("wc_order_25", Some("27.61"), Some("USD")),
    ("wc_order_26", Some("47.48"), Some("USD")),
    ("wc_order_27", Some("27.61"), Some("USD")),
    // Yen have no decimals, whatever the shop's settings say.
    ("wc_order_30", Some("6543"), Some("JPY")),
    ("wc_order_31", Some("4356"), Some("JPY")),
    // Three decimals.
    ("wc_order_33", Some("22.875"), Some("KWD")),
    ("wc_order_35", Some("26"), Some("VND")),
    ("wc_order_40", Some("25.50"), Some("AED")),
    // TikTok does not list it; it is sent all the same.
    ("wc_order_46", Some("19.845"), Some("TND")),
    // Coupon, tax and shipping on several lines.
    ("wc_order_47", Some("66.88"), Some("EUR")),
    // Product name full of Unicode, prices with tax.
    ("wc_order_48", Some("81.14"), Some("EUR")),
    // Variations.
    ("wc_order_49", Some("158.59"), Some("USD")),
    // Refunded later, in two steps.
    ("wc_order_50", Some("88.22"), Some("USD")),
    // Failed first.
    ("wc_order_54", Some("27.61"), Some("USD")),
    // No SKU.
    ("wc_order_58", Some("14.83"), Some("USD")),
    ("wc_order_60", Some("69.50"), Some("USD")),
    // Made in the back office.
    ("wc_order_63", Some("19.49"), Some("USD")),
    // A coupon over everything.
    ("wc_order_65", Some("0"), Some("USD")),
    ("wc_order_66", Some("10.81"), Some("USD")),
    // Deleted and restored.
    ("wc_order_67", Some("27.61"), Some("USD")),
    // One payment told by four webhooks.
    ("wc_order_72", Some("27.61"), Some("USD")),
    ("wc_order_74", Some("27.61"), Some("USD")),
];

/// Orders that somebody paid for.
const PAID: usize = 40;

/// All paid orders counted once for the pixel, sent once each, and nothing else.
fn assert_counted(conversions: &[ConversionView], pixel: &str) {
    let all = deliveries();
    let expected: BTreeMap<String, (Option<Decimal>, Option<String>)> = paid(&all)
        .into_iter()
        .map(|(id, (total, currency))| (id, (Some(total.normalize()), Some(currency))))
        .collect();
    assert_eq!(expected.len(), PAID);
    let mine: Vec<&ConversionView> = conversions.iter().filter(|c| c.pixel == pixel).collect();
    for c in &mine {
        assert_eq!((c.event.as_str(), c.event_type.as_str()), ("Purchase", "standard"), "{c:?}");
        // The stand-in drops repeats, so "once" is only shown by what it received.
        assert_eq!((c.received, c.dropped), (1, 0), "sent once: {c:?}");
        assert_eq!(c.order_id.as_ref().map(|id| format!("wc_order_{id}")), c.event_id, "{c:?}");
        assert_eq!(c.unmatchable_keys, Vec::<String>::new(), "{c:?}");
    }
    let counted: BTreeMap<String, (Option<Decimal>, Option<String>)> = mine
        .iter()
        .map(|c| (c.event_id.clone().unwrap(), (c.value.map(|v| v.normalize()), c.currency.clone())))
        .collect();
    assert_eq!(counted, expected);
    assert_eq!(mine.len(), expected.len());
    for (id, value, currency) in FIGURES {
        let known = (value.map(|v| dec(v).normalize()), currency.map(str::to_owned));
        assert_eq!(counted[*id], known, "{id}");
    }
    assert_eq!(never_paid(&all), ["wc_order_28", "wc_order_53", "wc_order_61"]);
}

#[test]
fn in_captured_order_and_the_log_keeps_what_tiktok_cannot_take() {
    let shop = Shop::open();
    shop.play(&deliveries());
    assert_counted(&shop.conversions(), PIXEL);

    let events = shop.gateway.records("events");
    let logged = events.iter().find(|e| e["event_id"] == "wc_order_46").unwrap();
    assert_eq!((&logged["value"], &logged["currency"]), (&json!("19.845"), &json!("TND")));
    let lines = shop.sent("wc_order_49")["properties"]["contents"].clone();
    let ids: Vec<&str> = lines.as_array().unwrap().iter().filter_map(|l| l["content_id"].as_str()).collect();
    assert_eq!(ids, ["HOODIE-S-RED", "HOODIE"], "own SKU, and the parent's");
    let bare = shop.sent("wc_order_58")["properties"]["contents"][0]["content_id"].clone();
    assert_eq!(
        bare,
        delivery("11-").json["line_items"][0]["product_id"].to_string(),
        "no SKU: the product's id"
    );
    let name = shop.sent("wc_order_48")["properties"]["contents"][0]["content_name"].clone();
    assert_eq!(name, delivery("06b").json["line_items"][0]["name"], "Unicode comes through");

    // Order 53 was never paid; order 54 failed first, which is of no interest any more.
    assert_eq!(shop.gateway.post("/api/catch-up", &json!({})).status, 200);
    for (order, is_remarked) in [("53", true), ("54", false)] {
        let text = shop.gateway.get(&format!("/orders?q={order}")).text();
        assert!(text.contains(&format!("/why?q={order}&")), "{text}");
        assert_eq!(text.contains("order not paid"), is_remarked, "{order}: {text}");
    }

    // Played once more after a restart, nothing is added.
    let Shop { stand_in, gateway, _home: home } = shop;
    assert!(gateway.stop().success());
    let gateway = home.start_with(&["--now", NOW]);
    let shop = Shop { stand_in, gateway, _home: home };
    shop.play(&deliveries());
    assert_counted(&shop.conversions(), PIXEL);
}

#[test]
fn shuffled() {
    for seed in [1, 20, 300, 4_000] {
        println!("seed {seed}");
        let mut order = deliveries();
        Dice(seed).shuffle(&mut order);
        let shop = Shop::open();
        shop.play(&order);
        assert_counted(&shop.conversions(), PIXEL);
    }
}

#[test]
fn every_delivery_twice() {
    let shop = Shop::open();
    let twice: Vec<Delivery> = deliveries().into_iter().flat_map(|d| [d.clone(), d]).collect();
    shop.play(&twice);
    assert_counted(&shop.conversions(), PIXEL);
}

#[test]
fn from_eight_threads_at_once_with_doubles() {
    for seed in [5, 66] {
        println!("seed {seed}");
        let mut queue: Vec<Delivery> = deliveries().into_iter().flat_map(|d| [d.clone(), d]).collect();
        Dice(seed).shuffle(&mut queue);
        let shop = Shop::open();
        let next = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let mut client = shop.client();
                    while let Some(delivery) = queue.get(next.fetch_add(1, Ordering::Relaxed)) {
                        send(&mut client, "shop", delivery);
                    }
                });
            }
        });
        assert_counted(&shop.conversions(), PIXEL);
    }
}

#[test]
fn only_paid_statuses_count() {
    let shop = Shop::open();
    let known = delivery("01b-order");
    let unpaid = [
        "pending",
        "failed",
        "cancelled",
        "on-hold",
        "checkout-draft",
        "auto-draft",
        "trash",
        "refunded",
        "x",
    ];
    for (i, status) in unpaid.iter().enumerate() {
        let order = known.changed(|o| {
            o["id"] = (9_000 + i).into();
            o["status"] = (*status).into();
        });
        assert_eq!(shop.deliver(&order), "ignored", "{status}");
    }
    assert_eq!(shop.deliver(&known.changed(|o| o["id"] = 9_100.into())), "accepted");
    assert_eq!(shop.ids(), ["wc_order_9100"]);
    assert_eq!(shop.gateway.records("events").len(), 1);
    assert_eq!(shop.gateway.records("notices").len(), unpaid.len());
}

/// The order with one more line on it.
fn grown(order: &Delivery, total: &str, line: u64) -> Delivery {
    order.changed(|o| {
        o["total"] = total.into();
        o["date_modified_gmt"] = "2026-11-22T14:30:00".into();
        let more = json!({
            "id": line, "name": "Gift wrap", "product_id": 99, "variation_id": 0, "quantity": 2,
            "sku": format!("WRAP-{line}"), "total": "20.00", "subtotal": "20.00", "price": 10,
        });
        o["line_items"].as_array_mut().unwrap().push(more);
    })
}

#[test]
fn an_upsell_counts_its_difference_once() {
    let shop = Shop::open();
    let order = delivery("01b-order");
    let more = grown(&order, "47.61", 501);
    let yet_more = grown(&more, "50.00", 502);
    assert_eq!(shop.deliver(&order), "accepted");
    assert_eq!(shop.deliver(&more), "accepted");
    for repeat in [&more, &order, &delivery("01c")] {
        assert_eq!(shop.deliver(repeat), "duplicate");
    }
    assert_eq!(shop.ids(), ["wc_order_25", "wc_order_25_bump_1"]);
    // Part of it back, all of it back: neither counts, neither is taken off, and the old total is no growth.
    for (status, total) in [("processing", "30.00"), ("refunded", "47.61"), ("processing", "47.61")] {
        let back = more.changed(|o| {
            o["status"] = status.into();
            o["total"] = total.into();
        });
        let told = shop.deliver(&back);
        assert_eq!(told, if status == "refunded" { "ignored" } else { "duplicate" }, "{total}");
    }
    let told = post(&mut shop.client(), "shop", &yet_more).json();
    assert_eq!(told["events"][0]["event_id"], "wc_order_25_bump_2");

    let counted = shop.conversions();
    let sums: Vec<(String, Decimal)> =
        counted.iter().map(|c| (c.event_id.clone().unwrap(), c.value.unwrap().normalize())).collect();
    let expected = [("wc_order_25", "27.61"), ("wc_order_25_bump_1", "20"), ("wc_order_25_bump_2", "2.39")];
    assert_eq!(sums, expected.map(|(id, value)| (id.to_owned(), dec(value))));
    assert!(counted.iter().all(|c| c.received == 1), "{counted:?}");
    for (id, only) in
        [("wc_order_25", "MUG-01"), ("wc_order_25_bump_1", "WRAP-501"), ("wc_order_25_bump_2", "WRAP-502")]
    {
        let lines = shop.sent(id)["properties"]["contents"].clone();
        assert_eq!(lines.as_array().unwrap().len(), 1, "{id}: {lines}");
        assert_eq!(lines[0]["content_id"], only, "{id}");
    }
    let lines = shop.sent("wc_order_25_bump_1")["properties"]["contents"].clone();
    assert_eq!((&lines[0]["price"], &lines[0]["quantity"]), (&json!(10), &json!(2)));
}

#[test]
fn an_upsell_told_by_many_at_once_counts_once() {
    let shop = Shop::open();
    let order = delivery("01b-order");
    assert_eq!(shop.deliver(&order), "accepted");
    let more = grown(&order, "47.61", 501);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for delivery in [&more, &order, &more] {
                    shop.deliver(delivery);
                }
            });
        }
    });
    let counted = shop.conversions();
    let ids: Vec<_> = counted.iter().map(|c| (c.event_id.as_deref().unwrap(), c.received)).collect();
    assert_eq!(ids, [("wc_order_25", 1), ("wc_order_25_bump_1", 1)]);
}

#[test]
fn a_renewal_carries_nothing_of_the_first_orders_visit() {
    let shop = Shop::open();
    let first = delivery("10c-order-created").changed(|o| {
        o["customer_ip_address"] = "198.51.100.99".into();
    });
    let renewals = [
        first.changed(|o| {
            o["id"] = 9_001.into();
            o["created_via"] = "subscription".into();
            let meta = json!({"id": 1, "key": "_subscription_renewal", "value": "812"});
            o["meta_data"].as_array_mut().unwrap().push(meta);
        }),
        // Either sign is enough.
        first.changed(|o| {
            o["id"] = 9_002.into();
            o["created_via"] = "subscription".into();
        }),
        first.changed(|o| {
            o["id"] = 9_003.into();
            let meta = json!({"id": 1, "key": "_subscription_renewal", "value": "812"});
            o["meta_data"].as_array_mut().unwrap().push(meta);
        }),
    ];
    assert_eq!(shop.deliver(&first), "accepted");
    for renewal in &renewals {
        assert_eq!(shop.deliver(renewal), "accepted");
    }
    assert_eq!(shop.conversions().len(), 4);

    let of_visit = ["ttclid", "ttp", "ip", "user_agent"];
    let user = shop.sent("wc_order_57")["user"].clone();
    for key in of_visit {
        assert!(user[key].is_string(), "the first order has {key}: {user}");
    }
    for id in ["wc_order_9001", "wc_order_9002", "wc_order_9003"] {
        let event = shop.sent(id);
        for key in of_visit {
            assert_eq!(event["user"][key], Value::Null, "{id}: {event}");
        }
        assert_eq!(event["page"], Value::Null, "{id}: {event}");
        assert_eq!(event["user"]["email"], user["email"], "the buyer is the same");
        let text = event.to_string();
        assert!(!text.contains("E.C.P.") && !text.contains("198.51.100"), "{text}");
    }
}

#[test]
fn cash_on_delivery_can_wait_until_the_order_is_completed() {
    let cod = "[site.sources.woocommerce.gateways.cod]\npaid_statuses = [\"completed\"]";
    let shop = Shop::open_with(cod);
    assert_eq!(shop.deliver(&delivery("03a")), "ignored");
    assert_eq!(shop.deliver(&delivery("05b-order-created")), "ignored", "also cash on delivery");
    assert_eq!(shop.deliver(&delivery("01b-order")), "accepted", "another way of paying");
    assert_eq!(shop.ids(), ["wc_order_25"]);
    assert_eq!(shop.deliver(&delivery("03b")), "accepted");
    assert_eq!(shop.deliver(&delivery("03b")), "duplicate");
    assert_eq!(shop.ids(), ["wc_order_25", "wc_order_27"]);
}

#[test]
fn fewer_decimals_are_no_growth() {
    let shop = Shop::open();
    let dinar = delivery("05a-order-created");
    assert_eq!(shop.deliver(&dinar), "accepted");
    for total in ["22.88", "22.9", "23", "22.875", "22.8750"] {
        assert_eq!(shop.deliver(&dinar.changed(|o| o["total"] = total.into())), "duplicate", "{total}");
    }
    let yen = delivery("04a-order-created");
    assert_eq!(shop.deliver(&yen), "accepted");
    assert_eq!(shop.deliver(&yen.changed(|o| o["total"] = "6543.00".into())), "duplicate");
    assert_eq!(shop.ids(), ["wc_order_30", "wc_order_33"]);
    // The other way round: first seen with two decimals.
    let rounded = dinar.changed(|o| {
        o["id"] = 9_200.into();
        o["total"] = "22.87".into();
    });
    assert_eq!(shop.deliver(&rounded), "accepted");
    assert_eq!(shop.deliver(&rounded.changed(|o| o["total"] = "22.875".into())), "duplicate");
}

fn sale(order: &str, event_id: &str, value: &str, currency: &str) -> Value {
    json!({
        "event_name": "Purchase", "event_id": event_id, "order_id": order, "value": value, "currency": currency,
        "event_time": "2026-11-22T12:59:20Z", "user": {"email": "taro.yamada@example.com"},
    })
}

#[test]
fn a_sale_told_by_the_api_and_by_a_webhook_counts_once() {
    let shop = Shop::open();
    let told = |event: &Value| {
        let answer = shop.gateway.post_events(event);
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["events"][0]["status"].as_str().unwrap().to_owned()
    };
    // First the API, under the same id.
    assert_eq!(told(&sale("33", "wc_order_33", "22.875", "KWD")), "accepted");
    for prefix in ["05a-order-created", "05a-order-updated"] {
        assert_eq!(shop.deliver(&delivery(prefix)), "duplicate");
    }
    // First the webhook.
    assert_eq!(shop.deliver(&delivery("04a-order-created")), "accepted");
    assert_eq!(told(&sale("30", "wc_order_30", "6543", "JPY")), "duplicate");
    // The API without an order, the same id: the id alone decides.
    let mut bare = sale("x", "wc_order_47", "66.88", "EUR");
    bare.as_object_mut().unwrap().remove("order_id");
    assert_eq!(told(&bare), "accepted");
    assert_eq!(shop.deliver(&delivery("06a")), "duplicate");
    // The API under an id of its own, the same order and sum.
    assert_eq!(told(&sale("48", "my-48", "81.14", "EUR")), "accepted");
    assert_eq!(shop.deliver(&delivery("06b")), "duplicate");

    let counted = shop.conversions();
    assert!(counted.iter().all(|c| c.received == 1), "{counted:?}");
    let ids: Vec<_> = counted.iter().filter_map(|c| c.event_id.as_deref()).collect();
    assert_eq!(ids, ["my-48", "wc_order_30", "wc_order_33", "wc_order_47"]);
    let dinar = counted.iter().find(|c| c.event_id.as_deref() == Some("wc_order_33")).unwrap();
    assert_eq!(dinar.value, Some(dec("22.875")));
}

#[test]
fn two_sites_with_the_same_order_numbers_are_two_shops() {
    const OTHER_PIXEL: &str = "TESTPIXEL0000000002";
    const OTHER_SECRET: &str = "the other shop's secret";
    let stand_in = StandIn::start();
    let all = deliveries();
    let both = [
        site("one", PIXEL, KEY, &secrets_toml(&all), "", &stand_in),
        site("two", OTHER_PIXEL, "other-key", &format!("[{:?}]", OTHER_SECRET), "", &stand_in),
    ];
    let home = Home::new(&both.concat());
    let gateway = home.start_with(&["--now", NOW]);
    let resigned = |d: &Delivery| match d.secret {
        Some(_) => d.clone().with("x-wc-webhook-signature", &shop::sign(OTHER_SECRET, &d.body)),
        None => d.clone(),
    };
    let mut client = Client::new(gateway.public);
    // A shop's signature opens no other shop.
    let foreign = post(&mut client, "two", &delivery("01b-order"));
    assert_eq!((foreign.status, foreign.json()["error"]["code"].as_str()), (401, Some("credentials_wrong")));
    for delivery in &all {
        send(&mut client, "one", delivery);
        send(&mut client, "two", &resigned(delivery));
    }
    gateway.drain();
    let counted = stand_in.sandbox.conversions().conversions;
    assert_eq!(counted.len(), 2 * PAID);
    for pixel in [PIXEL, OTHER_PIXEL] {
        assert_counted(&counted, pixel);
    }
}

#[test]
fn a_sale_whose_currency_is_refused_goes_without_its_amount() {
    let shop = Shop::open();
    let strict = tandem_sandbox::Options { refuse_unsupported_currency: true, ..Default::default() };
    shop.stand_in.sandbox.set_options(strict).unwrap();
    shop.deliver(&delivery("05b-order-created"));
    let counted = shop.conversions();
    assert_eq!(counted.len(), 1);
    assert_eq!((counted[0].event_id.as_deref(), counted[0].value), (Some("wc_order_46"), None));
    let verdicts: Vec<Value> =
        shop.gateway.records("attempts").into_iter().map(|a| a["verdict"].clone()).collect();
    assert_eq!(verdicts.len(), 2, "{verdicts:?}");
    assert!(verdicts.contains(&json!("reshaped")) && verdicts.contains(&json!("delivered")), "{verdicts:?}");
    let told = shop.gateway.records("deliveries")[0]["message"].as_str().unwrap_or_default().to_owned();
    assert!(told.contains("currency"), "{told}");
}
