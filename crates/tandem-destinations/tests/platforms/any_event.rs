//! Whatever an event holds, a platform gets well-formed JSON with nothing hollow in it, and nobody's clear text.

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};
use tandem_core::event::{Item, Page};
use tandem_core::identity::{
    ClickIds, EmailHashes, IdHashes, MatchKeys, NameHashes, PhoneHashes, PlaceKeys, ZipHashes,
};
use tandem_core::{Amount, Channel, Currency, Event};
use tandem_destinations::{HttpReply, Mapped, PLATFORMS};

use crate::common::{body, hollow, set_up};

/// What no request may hold.
const PERSONAL: [&str; 3] = ["ada@example.com", "ada%40example.com", "+4915112345678"];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        Just(" ".to_owned()),
        any::<String>(),
        "[ -~]{1,12}",
        "[a-zäöü ]{90,450}",
    ]
}

/// Where a hash should be and something else is.
fn hash() -> impl Strategy<Value = String> {
    prop_oneof![4 => "[0-9a-f]{64}", 1 => prop::sample::select(PERSONAL.to_vec()).prop_map(str::to_owned)]
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
    prop::sample::select(vec!["EUR", "JPY", "KWD", "UGX", "XAU"])
        .prop_map(|code| Currency::parse(code).unwrap())
}

fn properties() -> impl Strategy<Value = Map<String, Value>> {
    let value = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text().prop_map(Value::from),
        vec(text(), 0..3).prop_map(Value::from),
        Just(json!({"a": {}})),
    ];
    let known =
        ["value", "currency", "items", "tax", "id", "session_id", "user_data", "action_source", "ga_x"];
    let name = prop_oneof![2 => prop::sample::select(known.to_vec()).prop_map(str::to_owned), 3 => text()];
    vec((name, value), 0..40).prop_map(|pairs| pairs.into_iter().collect())
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
    fn clicks()(
        fbc in of(text()), fbp in of(text()), fbclid in of("[a-zA-Z0-9]{1,20}"),
        ga_client_id in of("[0-9]{1,10}\\.[0-9]{1,10}"), ga_session_id in of("[0-9]{1,10}"),
    ) -> ClickIds {
        ClickIds { fbc, fbp, fbclid, ga_client_id, ga_session_id, ..ClickIds::default() }
    }
}

fn place() -> impl Strategy<Value = PlaceKeys> {
    (of("[a-z ]{0,20}"), hash()).prop_map(|(plain, sha256)| PlaceKeys { plain, spaced: None, sha256 })
}

fn name() -> impl Strategy<Value = NameHashes> {
    hash().prop_map(|sha256| NameHashes { sha256, ..NameHashes::default() })
}

prop_compose! {
    fn keys()(
        email in vec(of(hash()).prop_map(|sha256| EmailHashes { sha256, ..EmailHashes::default() }), 0..4),
        phone in vec(hash().prop_map(|e164| PhoneHashes { e164, ..PhoneHashes::default() }), 0..3),
        external_id in vec(hash().prop_map(|sha256| IdHashes { sha256, ..IdHashes::default() }), 0..3),
        (first_name, last_name) in (of(name()), of(name())),
        (city, state, country) in (of(place()), of(place()), of(place())),
        zip_code in of(hash().prop_map(|sha256| ZipHashes { sha256, ..ZipHashes::default() })),
        (gender, date_of_birth) in (of(hash()), of(hash())),
        (ip, user_agent, locale) in (of(text()), of(text()), of(text())),
        click_ids in clicks(),
    ) -> MatchKeys {
        MatchKeys {
            email, phone, external_id, first_name, last_name, city, state, country, zip_code, gender, date_of_birth, ip,
            user_agent, locale, click_ids, ..MatchKeys::default()
        }
    }
}

prop_compose! {
    /// Name, id and time as the door lets them through, everything else as it may come.
    fn event()(
        event_name in prop_oneof![Just("Purchase".to_owned()), Just("Search".to_owned()), "[a-zA-Z][a-zA-Z0-9_-]{0,49}"],
        event_id in any::<String>().prop_map(|s| format!("{s}-1")),
        event_time in 1..100_000_000_000_i64,
        channel in prop::sample::select(vec![Channel::Browser, Channel::Server, Channel::Offline]),
        (value, currency, order_id) in (of(amount()), of(currency()), of("[0-9]{1,9}")),
        (content_type, search_string, description) in (of(text()), of(text()), of(text())),
        contents in vec(item(), 0..4),
        properties in properties(),
        (url, referrer, title) in (of(text()), of(text()), of(text())),
        session_id in of("[a-z0-9]{20}"),
        user in keys(),
        (limited_data_use, unattended) in any::<(bool, bool)>(),
    ) -> Event {
        Event {
            event_name, event_id, event_time, channel, order_id, value, currency, content_type, contents, search_string,
            description, properties, page: Page { url, referrer, title }, user, session_id, limited_data_use, unattended,
            ..Event::default()
        }
    }
}

proptest! {
    #[test]
    fn the_wire_is_well_formed(event in event(), asked in any::<bool>()) {
        for platform in PLATFORMS {
            let destination = set_up(platform.definition.name, &json!({}));
            let mapped = destination.map(&event, asked);
            destination.lint(&event);
            if destination.wants(&event).is_err() {
                continue;
            }
            let alone: Value = serde_json::from_str(&mapped.json).unwrap();
            prop_assert_eq!(hollow(&alone, ""), Vec::<String>::new());
            let body = body(&destination.request(std::slice::from_ref(&mapped)));
            prop_assert_eq!(hollow(&body, ""), Vec::<String>::new());
            let text = body.to_string();
            for personal in PERSONAL {
                prop_assert!(!text.contains(personal), "{} to {}", personal, platform.definition.name);
            }
        }
    }

    #[test]
    fn a_batch_is_its_events_in_order(events in vec(event(), 1..5)) {
        for platform in PLATFORMS {
            let destination = set_up(platform.definition.name, &json!({}));
            let mapped: Vec<Mapped> = events.iter().map(|e| destination.map(e, false)).collect();
            let around = mapped[0].around.clone();
            let mapped: Vec<Mapped> = mapped.into_iter().filter(|m| m.around == around).collect();
            let body = body(&destination.request(&mapped));
            let alone: Vec<Value> = mapped.iter().map(|m| serde_json::from_str(&m.json).unwrap()).collect();
            let list = ["data", "events"].iter().find_map(|name| body.get(name));
            prop_assert_eq!(list, Some(&Value::from(alone)));
        }
    }

    #[test]
    fn any_bytes_are_read_as_a_reply(status in any::<u16>(), body in any::<Vec<u8>>(), json in text()) {
        for platform in PLATFORMS {
            let destination = set_up(platform.definition.name, &json!({}));
            destination.reply(&HttpReply::Answer { status, body: body.clone() });
            let error = json!({"error": {"code": json, "message": json}, "code": json}).to_string();
            destination.reply(&HttpReply::Answer { status, body: error.into_bytes() });
        }
    }
}
