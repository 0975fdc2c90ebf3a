//! Whatever an event holds, TikTok gets well-formed JSON with nothing hollow or mistyped in it.

use std::str::FromStr;

use crate::common::{body, faults, hollow, tiktok};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use tandem_core::event::{Item, Page};
use tandem_core::identity::{
    ClickIds, EmailHashes, IdHashes, MatchKeys, NameHashes, PhoneHashes, PlaceKeys, ZipHashes,
};
use tandem_core::{Amount, Currency, Event};
use tandem_destinations::Mapped;
use tandem_destinations::tiktok::currency_sent;

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        Just(" ".to_owned()),
        Just("null".to_owned()),
        any::<String>(),
        "[ -~]{1,12}"
    ]
}

fn hash() -> impl Strategy<Value = String> {
    prop_oneof![4 => "[0-9a-f]{64}", 1 => text()]
}

fn amount() -> impl Strategy<Value = Amount> {
    (any::<(u32, u32, u32)>(), any::<bool>(), 0..=28_u32, any::<bool>()).prop_map(
        |((lo, mid, hi), minus, scale, big)| {
            let (mid, hi) = if big { (mid, hi) } else { (0, 0) };
            Amount::new(Decimal::from_parts(lo, mid, hi, minus, scale))
        },
    )
}

fn currency() -> impl Strategy<Value = Currency> {
    prop::sample::select(vec!["EUR", "USD", "JPY", "KWD", "UGX", "BGN", "XAU"])
        .prop_map(|code| Currency::parse(code).unwrap())
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text().prop_map(Value::from),
    ]
}

fn properties() -> impl Strategy<Value = Map<String, Value>> {
    let nested = prop_oneof![
        6 => scalar(),
        1 => vec(scalar(), 0..3).prop_map(Value::from),
        1 => scalar().prop_map(|v| json!({"a": v})),
        1 => Just(json!({})),
    ];
    let known =
        ["value", "currency", "contents", "order_id", "content_type", "shop_id", "id", "query", "num_items"];
    let name = prop_oneof![2 => prop::sample::select(known.to_vec()).prop_map(str::to_owned), 3 => text()];
    vec((name, nested), 0..6).prop_map(|pairs| pairs.into_iter().collect())
}

prop_compose! {
    fn item()(
        content_id in text(), content_name in of(text()), content_category in of(text()), brand in of(text()),
        price in of(amount()), quantity in of(amount()), line_id in of(text()),
    ) -> Item {
        Item { content_id, content_name, content_category, brand, price, quantity, line_id }
    }
}

prop_compose! {
    fn clicks()(ttclid in of(text()), ttp in of(text()), fbp in of(text())) -> ClickIds {
        ClickIds { ttclid, ttp, fbp, ..ClickIds::default() }
    }
}

fn place() -> impl Strategy<Value = PlaceKeys> {
    (of(text()), hash()).prop_map(|(plain, sha256)| PlaceKeys { plain, spaced: None, sha256 })
}

fn name() -> impl Strategy<Value = NameHashes> {
    hash().prop_map(|sha256| NameHashes { sha256, ..NameHashes::default() })
}

prop_compose! {
    fn keys()(
        email in vec(of(hash()).prop_map(|sha256| EmailHashes { sha256, ..EmailHashes::default() }), 0..4),
        phone in vec(
            (hash(), of(hash())).prop_map(|(e164, cn_national)| {
                PhoneHashes { e164, cn_national, ..PhoneHashes::default() }
            }),
            0..3,
        ),
        external_id in vec(hash().prop_map(|sha256| IdHashes { sha256, ..IdHashes::default() }), 0..3),
        (first_name, last_name) in (of(name()), of(name())),
        (city, state, country) in (of(place()), of(place()), of(place())),
        zip_code in of((hash(), of(hash())).prop_map(|(sha256, nodash)| {
            ZipHashes { sha256, nodash, ..ZipHashes::default() }
        })),
        (ip, user_agent, locale) in (of(text()), of(text()), of(text())),
        click_ids in clicks(),
    ) -> MatchKeys {
        MatchKeys {
            email, phone, external_id, first_name, last_name, city, state, country, zip_code, ip, user_agent, locale,
            click_ids, ..MatchKeys::default()
        }
    }
}

prop_compose! {
    /// Name, id and time as the door lets them through, everything else as it may come.
    fn event()(
        event_name in prop_oneof![Just("Purchase".to_owned()), Just("Search".to_owned()), "[a-z][a-z0-9_]{0,20}x"],
        event_id in any::<String>().prop_map(|s| format!("{s}-1")),
        event_time in 1..100_000_000_000_i64,
        (value, currency, order_id) in (of(amount()), of(currency()), of(text())),
        (content_type, search_string, description) in (of(text()), of(text()), of(text())),
        contents in vec(item(), 0..4),
        properties in properties(),
        (url, referrer, title) in (of(text()), of(text()), of(text())),
        user in keys(),
        limited_data_use in any::<bool>(),
    ) -> Event {
        Event {
            event_name, event_id, event_time, order_id, value, currency, content_type, contents, search_string,
            description, properties, page: Page { url, referrer, title }, user, limited_data_use, ..Event::default()
        }
    }
}

#[derive(Deserialize)]
struct Sent<'a> {
    #[serde(borrow, default)]
    properties: SentProperties<'a>,
}

#[derive(Deserialize, Default)]
struct SentProperties<'a> {
    #[serde(borrow)]
    value: Option<&'a RawValue>,
    #[serde(borrow, default)]
    contents: Vec<SentItem<'a>>,
    num_items: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct SentItem<'a> {
    #[serde(borrow)]
    price: Option<&'a RawValue>,
    #[serde(borrow)]
    quantity: Option<&'a RawValue>,
}

fn digits(raw: &RawValue) -> Decimal {
    Decimal::from_str(raw.get()).unwrap()
}

/// Faults of bodies that are none here: events without keys, or with a name of their own, are sent.
const ALLOWED: [&str; 4] = ["no_match_keys", "custom_event", "event_name_case", "currency_missing"];

proptest! {
    #[test]
    fn the_wire_is_well_formed(event in event(), asked in any::<bool>()) {
        let destination = tiktok(json!({}));
        let mapped = destination.map(&event, asked);
        let sent: Value = serde_json::from_str(&mapped.json).unwrap();
        prop_assert_eq!(hollow(&sent, ""), Vec::<String>::new());
        prop_assert_eq!(sent["event_id"].as_str(), Some(event.event_id.as_str()));
        prop_assert_eq!(sent.get("limited_data_use").is_some(), asked || event.limited_data_use);
        let body = body(&destination.request(std::slice::from_ref(&mapped)));
        let faults: Vec<_> = faults(&body).into_iter().filter(|f| !ALLOWED.contains(f)).collect();
        prop_assert!(faults.is_empty(), "{:?} in {}", faults, mapped.json);
        destination.lint(&event);
    }

    #[test]
    fn money_keeps_every_digit(event in event()) {
        let mapped = tiktok(json!({})).map(&event, false);
        let sent: Sent<'_> = serde_json::from_str(&mapped.json).unwrap();
        let listed = event.currency.is_none_or(currency_sent);
        let expected = event.value.map(Amount::decimal).filter(|v| listed && *v >= Decimal::ZERO);
        prop_assert_eq!(sent.properties.value.map(digits), expected);
        for item in &sent.properties.contents {
            prop_assert!(listed || item.price.is_none());
            prop_assert!(item.quantity.is_none_or(|q| digits(q).is_integer()));
        }
        // Of more pieces than a number can tell nothing is said.
        let one = Decimal::ONE;
        let pieces = event.contents.iter().try_fold(Decimal::ZERO, |sum, item| {
            sum.checked_add(item.quantity.map_or(one, Amount::decimal))
        });
        if pieces.is_some() {
            prop_assert_eq!(sent.properties.num_items.is_some(), !sent.properties.contents.is_empty());
        }
    }

    #[test]
    fn a_batch_is_its_events_in_order(events in vec(event(), 1..5), pixel in "[^\\s]{1,8}", code in text()) {
        let destination = tiktok(json!({"pixel_id": pixel, "test_event_code": code}));
        let mapped: Vec<Mapped> = events.iter().map(|e| destination.map(e, false)).collect();
        let body = body(&destination.request(&mapped));
        let alone: Vec<Value> = mapped.iter().map(|m| serde_json::from_str(&m.json).unwrap()).collect();
        prop_assert_eq!(&body["data"], &Value::from(alone));
        prop_assert_eq!(body["event_source_id"].as_str(), Some(pixel.trim()));
    }

    #[test]
    fn any_bytes_are_read_as_a_reply(status in any::<u16>(), body in any::<Vec<u8>>()) {
        let reply = tandem_destinations::HttpReply::Answer { status, body };
        tiktok(json!({})).reply(&reply);
    }
}
