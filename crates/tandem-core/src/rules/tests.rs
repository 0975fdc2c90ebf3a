use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::*;
use crate::event::{Item, Page};
use crate::identity::{Raw, RawIdentity, hash_identity};
use crate::{Amount, Currency, Event};

fn amount(text: &str) -> Amount {
    text.parse().unwrap()
}

fn purchase() -> Event {
    let identity = RawIdentity {
        email: vec![Raw::new("ada@example.com")],
        city: Some(Raw::new("Berlin")),
        country: Some(Raw::new("DE")),
        ip: Some(Raw::new("203.0.113.7")),
        ..RawIdentity::default()
    };
    let mut user = hash_identity(identity).0;
    user.click_ids.gclid = Some("CjwKCAjw-abc".to_owned());
    Event {
        site: "shop".into(),
        source: "events".into(),
        event_name: "Purchase".into(),
        event_id: "order_891".into(),
        event_time: 1_800_000_000,
        order_id: Some("891".into()),
        value: Some(amount("89.99")),
        currency: Currency::parse("EUR"),
        contents: vec![
            Item {
                content_id: "MUG-1".into(),
                content_name: Some("Mug".into()),
                price: Some(amount("14.99")),
                quantity: Some(amount("2")),
                ..Item::default()
            },
            Item { content_id: "POT-2".into(), price: Some(amount("60.01")), ..Item::default() },
        ],
        properties: json!({"coupon": "SAVE10", "internal_a": 1, "internal_b": 2, "member_no": "4711"})
            .as_object()
            .unwrap()
            .clone(),
        page: Page {
            url: Some("https://shop.example/thanks?utm_source=news&gclid=CjwKCAjw-abc".into()),
            ..Page::default()
        },
        user,
        session_id: Some("visitor".into()),
        ..Event::default()
    }
}

fn settings(rules: Value) -> Settings {
    Settings { rules: serde_json::from_value(rules).unwrap(), ..Settings::default() }
}

fn compiled(rules: Value) -> Rules {
    Rules::compile(settings(rules)).unwrap_or_else(|mistakes| panic!("{mistakes:?}"))
}

/// One rule at the door, on the usual purchase.
fn door(rule: Value) -> (Event, AtDoor) {
    let mut rule = rule;
    rule["name"] = "r".into();
    let mut event = purchase();
    let done = compiled(json!([rule])).at_door(&mut event, &Context::default());
    (event, done)
}

fn mistakes(rule: Value) -> String {
    let mut rule = rule;
    rule["name"] = "r".into();
    match Rules::compile(settings(json!([rule]))) {
        Ok(_) => String::new(),
        Err(mistakes) => mistakes.iter().map(|m| format!("{}: {}\n", m.path, m.what)).collect(),
    }
}

#[test]
fn every_verb_does_what_it_says() {
    let (event, _) = door(json!({"when": "event_name == 'Purchase' and value > 50", "rename": "Lead"}));
    assert_eq!(event.event_name, "Lead");
    assert_eq!(event.rules[0].changes[0], Change::new("event_name", "renamed").from(Some("Purchase".into())));

    let (event, _) =
        door(json!({"remove": ["properties.internal_*", "user.email", "contents[].content_name"]}));
    assert_eq!(event.properties.keys().collect::<Vec<_>>(), ["coupon", "member_no"]);
    assert!(event.user.email.is_empty() && event.user.city.is_some());
    assert_eq!(event.contents[0].content_name, None);

    let (event, _) = door(json!({"keep": ["value", "contents[].content_id", "properties.coupon"]}));
    assert_eq!((event.value, event.currency), (Some(amount("89.99")), Currency::parse("EUR")));
    assert_eq!(event.contents[0], Item { content_id: "MUG-1".into(), ..Item::default() });
    assert_eq!((event.properties.len(), event.page.url), (1, None));
    assert!(!event.user.email.is_empty(), "the visitor's keys are no parameters");

    let (event, _) = door(json!({"hash": ["properties.member_no"]}));
    assert_eq!(
        event.properties["member_no"],
        "de650d61f5bd166a91f8ccec3158297db18b9d50eaedca238cd29dc3a214a916"
    );
    assert_eq!(event.rules[0].changes[0].was, None);

    let (event, _) = door(json!({"anonymise": ["ip", "click_ids", "page_query"]}));
    assert_eq!((event.user.ip.as_ref(), event.user.click_ids.gclid.as_ref()), (None, None));
    assert_eq!(event.page.url.as_deref(), Some("https://shop.example/thanks"));

    let (event, _) = door(json!({"drop_person_data": true}));
    assert_eq!(event.user.present(), ["country"]);
    assert_eq!((event.session_id, event.order_id.as_deref()), (None, Some("891")));

    let (_, done) = door(json!({"when": "properties.coupon == 'SAVE10'", "drop": "staff orders"}));
    assert_eq!(done.dropped.unwrap().reason, "staff orders");
}

#[test]
fn values_are_set_with_exact_decimals_and_the_currencys_digits() {
    let (event, _) =
        door(json!({"set": {"value": "value * 0.3", "properties.margin": "value|times('0.3')|round(2)"}}));
    assert_eq!(event.value, Some(amount("27.00")));
    assert_eq!(event.properties["margin"], json!(27));
    assert_eq!(event.rules[0].changes.iter().find(|c| c.field == "value").unwrap().was, Some(json!(89.99)));
    let (event, _) = door(json!({"set": {"value": "value * 160", "currency": "'JPY'"}}));
    assert_eq!((event.value.unwrap().to_string(), event.currency), ("14398".into(), Currency::parse("JPY")));
    let (event, _) = door(json!({"set": {"contents[].price": "item.price|divided_by('1.19')"}}));
    assert_eq!(event.contents[0].price, Some(amount("12.60")));
    let (event, _) = door(json!({"set": {"contents[].content_id": "'shop_DE_' ~ item.content_id"}}));
    assert_eq!(event.contents[1].content_id, "shop_DE_POT-2");
    let (event, _) = door(json!({"set": {"properties.n": "contents|map(attribute='price')|sum"}}));
    assert_eq!(event.properties["n"], json!(75));
}

#[test]
fn an_event_is_added_under_an_id_made_of_its_own() {
    let (event, done) = door(json!({"when": "value > 50", "emit": {
        "name": "BigSale", "set": {"properties.size": "'big'"}, "remove": ["contents"]}}));
    assert_eq!(event.event_name, "Purchase");
    let added = &done.emitted[0];
    assert_eq!((added.event_name.as_str(), added.event_id.as_str()), ("BigSale", "order_891.BigSale"));
    assert_eq!((added.properties["size"].as_str(), added.contents.len()), (Some("big"), 0));
    assert!(mistakes(json!({"emit": {"name": "X", "id": "'always'"}})).contains("made of event_id"));
    assert!(mistakes(json!({"emit": {"name": "Purchase"}})).contains("twice"));
}

#[test]
fn what_is_absent_fulfils_no_condition_and_fails_no_event() {
    let mut rules = json!([
        {"name": "a", "when": "properties.tier == 'gold'", "rename": "Lead"},
        {"name": "b", "when": "(properties.tier or 'none') == 'none'", "set": {"properties.b": "true"}},
        {"name": "c", "set": {"properties.c": "properties.tier ~ 'x'"}},
        {"name": "d", "set": {"properties.d": "event_name * 2 - 1"}},
        {"name": "e", "set": {"value": "value|divided_by(0)"}},
        {"name": "f", "set": {"value": "0 - value"}},
    ]);
    rules
        .as_array_mut()
        .unwrap()
        .push(json!({"name": "g", "when": "not properties.tier", "set": {"properties.g": "1"}}));
    let mut event = purchase();
    compiled(rules).at_door(&mut event, &Context::default());
    assert_eq!(event.event_name, "Purchase");
    assert_eq!(event.value, Some(amount("89.99")));
    assert_eq!((&event.properties["b"], &event.properties["g"]), (&json!(true), &json!(1)));
    let failed: Vec<_> = event.findings.iter().map(|f| (f.code.as_ref(), f.message.as_ref())).collect();
    assert_eq!(failed.len(), 4, "{failed:?}");
    assert!(failed.iter().all(|(code, _)| *code == "rule_failed"));
    assert!(failed[0].1.contains("\"c\"") && failed[0].1.contains("set properties.c"), "{failed:?}");
    assert!(failed[2].1.contains("divided by nought"), "{failed:?}");
}

#[test]
fn nothing_personal_is_written_or_seen() {
    let mut event = purchase();
    let context = Context { cookies: vec![("who".into(), "ada@example.com".into())], headers: vec![] };
    let inputs = Inputs { cookies: vec!["who".into()], headers: vec![] };
    let rules = json!([
        {"name": "a", "set": {"properties.note": "cookies.who", "description": "'call +49 151 23456789'"}},
        {"name": "b", "set": {"user.email": "cookies.who"}},
        {"name": "c", "set": {"event_id": "cookies.who"}},
    ]);
    let rules = Rules::compile(Settings { inputs, ..settings(rules) }).unwrap();
    rules.at_door(&mut event, &context);
    let kept = serde_json::to_string(&event).unwrap();
    assert!(!kept.contains("ada@") && !kept.contains("23456789"), "{kept}");
    assert_eq!(event.event_id, "order_891");
    assert_eq!(event.user.emails().count(), 1);
    let codes: Vec<_> = event.findings.iter().map(|f| f.code.as_ref()).collect();
    assert_eq!(codes, ["rule_value_dropped", "rule_value_dropped", "rule_failed"]);
    for path in
        ["properties.customer_email", "site", "consent", "event_time", "order_id", "user.shoe", "nonsense"]
    {
        assert!(!mistakes(json!({"set": {path: "'x'"}})).is_empty(), "{path}");
    }
    for text in [
        "user.email",
        "user.gclid",
        "session_id",
        "cookies.other",
        "headers.authorization",
        "now()",
        "value.x|foo",
    ] {
        assert!(!mistakes(json!({"when": text})).is_empty(), "{text}");
    }
}

#[test]
fn mistakes_are_found_before_any_event() {
    let cases = [
        (json!({"when": "evnt_name == 'x'", "rename": "Lead"}), "evnt_name is not known"),
        (json!({"when": "event_name == 'page_view'", "rename": "Lead"}), "here it is \"Pageview\""),
        (json!({"when": "value|upperr", "rename": "Lead"}), "no filter \"upperr\""),
        (json!({"when": "value is odd", "rename": "Lead"}), "no test \"odd\""),
        (json!({"when": "value >", "rename": "Lead"}), "is no expression"),
        (json!({"when": "page.pathh == '/'", "rename": "Lead"}), "page has no pathh"),
        (json!({"rename": "My Event"}), "custom event name"),
        (json!({"set": {"currency": "'USD'"}}), "set value with it"),
        (json!({"remove": ["currency"]}), "leave out value"),
        (json!({"remove": ["valeu"]}), "can be value"),
        (json!({"anonymise": ["everything"]}), "none of ip"),
        (json!({"send": {"a.b": "1"}}), "belongs to a destination"),
        (json!({"when": "value > 1"}), "does nothing"),
        (json!({"when": format!("'{}' == 'x'", "x".repeat(2_000)), "rename": "Lead"}), "longer than"),
    ];
    for (rule, expected) in cases {
        let found = mistakes(rule.clone());
        assert!(found.contains(expected), "{rule}: {found}");
    }
}

#[test]
fn a_destination_gets_a_copy_and_overrides_by_path() {
    let rules: Vec<RuleSettings> = serde_json::from_value(json!([
        {"name": "none of it", "when": "order_id == '0'", "skip": "test orders"},
        {"name": "delivery", "rename": "Subscribe", "send": {
            "custom_data.delivery_category": "'home_delivery'", "custom_data.contents[0].price": "value",
            "custom_data.ids": "contents|map(attribute='content_id')|list", "custom_data.mail": "'a@b.example'"},
         "unset": ["custom_data.surplus", "user_data.ct"]},
    ]))
    .unwrap();
    let settings = Settings { destinations: [("meta".to_owned(), rules)].into(), ..Settings::default() };
    let rules = Rules::compile(settings).unwrap();
    let event = purchase();
    assert_eq!(rules.for_destination("tiktok", &event), Ok(None));
    let out = rules.for_destination("meta", &event).unwrap().unwrap();
    assert_eq!((out.event.event_name.as_str(), event.event_name.as_str()), ("Subscribe", "Purchase"));
    let sent = json!({"event_id": "1", "user_data": {"ct": "x", "em": "y"},
        "custom_data": {"surplus": 1, "contents": [{"price": 3}]}});
    let sent: Value = serde_json::from_str(&out.overrides.apply(sent.to_string())).unwrap();
    let expected = json!({"event_id": "1", "user_data": {"em": "y"}, "custom_data": {
        "contents": [{"price": 89.99}], "delivery_category": "home_delivery", "ids": ["MUG-1", "POT-2"]}});
    assert_eq!(sent, expected);
    assert_eq!(out.findings[0].code, "rule_value_dropped");
    assert_eq!(out.applied[0].destination.as_deref(), Some("meta"));
    let mut test = event;
    test.order_id = Some("0".into());
    assert_eq!(rules.for_destination("meta", &test).unwrap_err().reason, "test orders");
    for path in ["event_id", "user_data.em", "user.email", "event_time", "", "a[", "a[x]", "a..b"] {
        assert!(super::outgoing::JsonPath::parse(path, true).is_err(), "{path}");
    }
}

#[test]
fn variables_look_things_up() {
    let variables: Vec<VariableSettings> = serde_json::from_value(json!([
        {"name": "country", "value": "user.country|lower"},
        {"name": "market", "lookup": {"of": "vars.country", "table": {"de": "DACH", "at": "DACH"}, "default": "other"}},
        {"name": "margin", "lookup": {"of": "currency", "table": {"USD": 0.5}}},
    ]))
    .unwrap();
    let rules = json!([{"name": "m", "set": {"properties.market": "vars.market", "properties.has": "'email' in user.has"}},
        {"name": "n", "when": "vars.margin > 0", "drop": "x"}]);
    let rules = Rules::compile(Settings { variables, ..settings(rules) }).unwrap();
    let mut event = purchase();
    assert_eq!(rules.at_door(&mut event, &Context::default()), AtDoor::default());
    assert_eq!((&event.properties["market"], &event.properties["has"]), (&json!("DACH"), &json!(true)));
    assert_eq!(event.findings, []);
}

#[test]
fn what_was_withheld_stays_withheld() {
    let (mut event, _) = door(json!({"anonymise": ["click_ids"], "remove": ["user.phone", "user.email"]}));
    event.user.click_ids.ttclid = Some("E.C.P.x".into());
    event.user.email = purchase().user.email;
    Rules::withhold_again(&mut event);
    assert_eq!(event.user.present(), ["city", "country", "ip"]);
}

#[test]
fn endless_work_is_stopped() {
    let (event, _) = door(json!({"set": {"properties.x": "('aaaaaaaaaa' * 100000000)|length"}}));
    assert_eq!(event.findings[0].code, "rule_failed");
    let deep = format!("{}1{}", "(".repeat(400), ")".repeat(400));
    assert!(mistakes(json!({"when": deep, "rename": "Lead"})).contains("is no expression"));
}

proptest! {
    /// One step of plain arithmetic is as exact as the decimal filters.
    #[test]
    fn plain_arithmetic_keeps_cents(cents in 0_i64..10_000_000_000, factor in 0_i64..100_000, places in 0_u32..5) {
        let (value, factor) = (Decimal::new(cents, 2), Decimal::new(factor, places));
        let mut event = purchase();
        event.value = Some(Amount::new(value));
        let rules = json!([{"name": "r", "set": {"value": format!("value * {factor}"),
            "properties.exact": format!("value|times('{factor}')|round(2)")}}]);
        compiled(rules).at_door(&mut event, &Context::default());
        let half_up = rust_decimal::RoundingStrategy::MidpointAwayFromZero;
        let expected = (value * factor).round_dp_with_strategy(2, half_up);
        prop_assume!((value * factor).normalize().mantissa().abs() < 100_000_000_000_000);
        prop_assert_eq!(event.value.unwrap().decimal(), expected);
        prop_assert_eq!(event.properties["exact"].to_string(), Amount::new(expected).to_json_number().to_string());
    }

    /// Whatever is written as an expression either is a mistake or runs without harm, and always the same way.
    #[test]
    fn no_expression_does_harm(text in "[a-z_.'()| 0-9*+~<>=-]{0,60}", field in prop::sample::select(vec![
        "value", "description", "properties.x", "contents[].content_id", "event_id", "user.external_id", "page.url"])) {
        let rules = settings(json!([{"name": "r", "set": {field: text}}]));
        if let Ok(rules) = Rules::compile(rules) {
            let run = || { let mut event = purchase(); rules.at_door(&mut event, &Context::default()); event };
            prop_assert_eq!(run(), run());
        }
    }

    #[test]
    fn no_path_does_harm(path in "[a-z.\\[\\]0-9]{0,30}", json in "[a-z\\[\\]{}\":,0-9]{0,40}") {
        if let Ok(path) = super::outgoing::JsonPath::parse(&path, true) {
            let mut overrides = Overrides::default();
            overrides.push(path.clone(), Some(json!(1)));
            overrides.push(path, None);
            let _ = overrides.apply(json);
        }
    }
}
