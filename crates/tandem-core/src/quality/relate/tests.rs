use super::*;
use crate::consent::{Consent, Status};
use crate::identity::{ClickIds, Raw, RawIdentity, hash_identity};
use crate::{Finding, Item};

const NOW_MS: i64 = 1_800_000_000_000;
const WEEK_MS: i64 = 7 * DAY_MS;

/// An event and when it came in, in milliseconds before the new one.
type Told = (i64, Event, bool);

/// The shop's server reports the sale of order 891.
fn sale() -> Event {
    Event {
        site: "shop".into(),
        source: "woocommerce".into(),
        channel: Channel::Server,
        event_name: "Purchase".into(),
        event_id: "order_891".into(),
        event_time: NOW_MS / 1_000,
        order_id: Some("891".into()),
        value: "89.99".parse().ok(),
        currency: Currency::parse("USD"),
        ..Event::default()
    }
}

/// The page's word on it.
fn page() -> Event {
    Event { channel: Channel::Browser, source: "browser".into(), ..sale() }
}

fn id(event: Event, id: &str) -> Event {
    Event { event_id: id.into(), ..event }
}

fn order(event: Event, order: &str) -> Event {
    Event { order_id: Some(order.into()), event_id: format!("order_{order}"), ..event }
}

fn name(event: Event, name: &str) -> Event {
    Event { event_name: name.into(), ..event }
}

fn value(event: Event, value: &str) -> Event {
    Event { value: value.parse().ok(), ..event }
}

fn currency(event: Event, code: &str) -> Event {
    Event { currency: Currency::parse(code), ..event }
}

fn found(mut event: Event, code: &'static str) -> Event {
    event.findings.push(Finding::info(code, ""));
    event
}

fn later_by(event: Event, seconds: i64) -> Event {
    Event { event_time: event.event_time + seconds, ..event }
}

fn visitor(event: Event) -> Event {
    Event { session_id: Some("v1".into()), ..event }
}

fn clicked(mut event: Event, ttclid: &str) -> Event {
    event.user.click_ids = ClickIds { ttclid: Some(ttclid.into()), ..ClickIds::default() };
    event
}

fn on(mut event: Event, url: &str) -> Event {
    event.page.url = Some(url.into());
    event
}

fn view() -> Event {
    Event { order_id: None, value: None, currency: None, ..visitor(id(name(page(), "Pageview"), "pv1")) }
}

fn knowing(event: Event, email: &[&str], phone: &[&str]) -> Event {
    let raw = |values: &[&str]| values.iter().map(|value| Raw::new(*value)).collect();
    let identity = RawIdentity { email: raw(email), phone: raw(phone), ..RawIdentity::default() };
    Event { user: hash_identity(identity).0, ..event }
}

fn product(event: Event, content_id: &str, price: &str) -> Event {
    let item = Item { content_id: content_id.into(), price: price.parse().ok(), ..Item::default() };
    Event { contents: vec![item], ..event }
}

fn seen(earlier: &[Told], new: &Event, completes: bool) -> Vec<Observation> {
    let known = |(at, (ago, event, completes)): (usize, &Told)| (at, *ago, event.clone(), *completes);
    let owned: Vec<_> = earlier.iter().enumerate().map(known).collect();
    let earlier: Vec<Known<'_>> = owned
        .iter()
        .map(|(at, ago, event, completes)| Known {
            seq: i64::try_from(*at).unwrap() + 1,
            received_ms: NOW_MS - ago,
            event,
            completes: *completes,
        })
        .collect();
    relate(&Known { seq: 100, received_ms: NOW_MS, event: new, completes }, &earlier)
}

fn codes(earlier: &[Told], new: &Event, completes: bool) -> Vec<&'static str> {
    seen(earlier, new, completes).iter().map(|o| o.code).collect()
}

#[track_caller]
fn check(cases: Vec<(&str, Vec<Told>, Event, &[&str])>) {
    for (what, earlier, new, expected) in cases {
        assert_eq!(codes(&earlier, &new, false), expected, "{what}");
    }
}

fn ago(ms: i64, event: Event) -> Told {
    (ms, event, false)
}

fn word(ms: i64, event: Event) -> Told {
    (ms, event, true)
}

#[test]
fn a_normal_shop_shows_nothing() {
    let bump = Event { value: "10".parse().ok(), ..id(sale(), "order_891_bump_1") };
    let renewal = Event { unattended: true, ..order(sale(), "900") };
    let child = Event { parent_order_id: Some("891".into()), ..order(sale(), "901") };
    check(vec![
        ("nothing before", vec![], sale(), &[]),
        ("page and server", vec![word(20_000, page())], sale(), &[]),
        ("page, whose total has the tax in it", vec![word(20_000, value(page(), "107.09"))], sale(), &[]),
        ("thank-you page opened again", vec![word(2 * DAY_MS, page()), ago(2 * DAY_MS, sale())], page(), &[]),
        ("another order", vec![ago(60_000, order(sale(), "892"))], order(sale(), "8910"), &[]),
        ("the order grew", vec![ago(HOUR_MS, sale())], bump.clone(), &[]),
        ("it grew again", vec![ago(HOUR_MS, bump)], id(sale(), "order_891_bump_2"), &[]),
        ("a renewal", vec![ago(30 * DAY_MS, sale())], renewal, &[]),
        ("an upsell of its own", vec![ago(60_000, visitor(sale()))], visitor(child), &[]),
        ("webhooks repeated", vec![ago(60_000, sale()), ago(30_000, sale())], sale(), &[]),
        ("the way there", vec![ago(60_000, name(page(), "InitiateCheckout"))], sale(), &[]),
        (
            "another site",
            vec![ago(1_000, Event { site: "other".into(), ..id(page(), "order-891") })],
            sale(),
            &[],
        ),
        (
            "two currencies of one shop",
            vec![ago(DAY_MS, visitor(product(currency(order(sale(), "7"), "EUR"), "mug", "49")))],
            visitor(product(sale(), "mug", "49")),
            &[],
        ),
    ]);
}

#[test]
fn a_healthy_shop_of_another_kind_shows_nothing_either() {
    let part = |suffix: &str| value(id(sale(), &format!("order_891_{suffix}")), "9.99");
    let blocked = |event: Event| Event { pixels: [("tiktok".into(), "blocked".into())].into(), ..event };
    let known = |event: Event| knowing(event, &["ada@navy.example"], &[]);
    let phone = clicked(visitor(known(order(sale(), "7"))), "E.C.P");
    let laptop = Event { session_id: Some("v2".into()), ..known(sale()) };
    check(vec![
        (
            "two upsells of one price",
            vec![ago(60_000, part("upsell_1")), ago(90_000, sale())],
            part("upsell_2"),
            &[],
        ),
        ("a deposit and the rest", vec![ago(DAY_MS, part("deposit"))], part("balance"), &[]),
        ("paid days later, no pixel", vec![word(3 * DAY_MS, blocked(page()))], sale(), &[]),
        ("paid an hour later, no pixel", vec![word(HOUR_MS, blocked(page()))], sale(), &[]),
        ("a buyer comes back on another device", vec![ago(9 * DAY_MS, phone)], laptop, &[]),
    ]);
    let lost = known(sale());
    let lead = || clicked(visitor(known(name(order(sale(), "7"), "Lead"))), "E.C.P");
    let seen_on = |ms| ago(ms, lead());
    let other_host = Event { session_id: Some("v2".into()), ..lost.clone() };
    check(vec![
        ("an order without its visitor", vec![seen_on(DAY_MS)], lost, &["click_id_lost"]),
        ("another host within one visit", vec![seen_on(10 * MINUTE_MS)], other_host, &["click_id_lost"]),
        (
            "the page's half under an id of its own",
            vec![word(20_000, part("web"))],
            part("shop"),
            &["order_under_two_ids"],
        ),
    ]);
}

#[test]
fn one_event_in_two_spellings_is_a_near_miss() {
    let lead = |text: &str| Event { order_id: None, ..id(name(sale(), "Lead"), text) };
    check(vec![
        ("separator, page", vec![word(20_000, id(page(), "order-891"))], sale(), &["id_near_miss"]),
        ("case", vec![ago(20_000, id(page(), "Order_891"))], sale(), &["id_near_miss"]),
        ("zeros", vec![ago(20_000, id(page(), "order_00891"))], sale(), &["id_near_miss"]),
        ("prefix", vec![ago(20_000, id(page(), "wc_order_891"))], sale(), &["id_near_miss"]),
        ("a letter missing", vec![ago(20_000, id(page(), "order_89"))], sale(), &["id_near_miss"]),
        ("a form", vec![ago(20_000, lead("form-5-77"))], lead("form_5_77"), &["id_near_miss"]),
        ("too long ago", vec![ago(3 * DAY_MS, lead("form-5-77"))], lead("form_5_77"), &[]),
        ("another form", vec![ago(20_000, lead("form-57-7"))], lead("form_5_77"), &[]),
        ("another name", vec![ago(20_000, lead("form-5-77"))], name(lead("form_5_77"), "Contact"), &[]),
        (
            "two orders",
            vec![ago(20_000, Event { order_id: Some("8-91".into()), ..id(sale(), "Order_891") })],
            sale(),
            &[],
        ),
        ("our own id", vec![ago(20_000, found(id(page(), "order-891"), UNPAIRED))], sale(), &[]),
        (
            "two parts of one order",
            vec![ago(20_000, value(id(sale(), "order_891_1"), "10"))],
            id(sale(), "order_891_2"),
            &[],
        ),
    ]);
    let seen = seen(&[word(20_000, id(page(), "order-891"))], &sale(), false);
    let near = seen.first().unwrap();
    assert_eq!((near.value, near.currency), (sale().value, sale().currency));
    assert_eq!((near.event_seq, near.other_seq, near.field), (100, 1, Some("event_id")));
    assert!(
        near.message.contains("order-891") && near.message.contains("(browser, browser)"),
        "{}",
        near.message
    );
}

#[test]
fn one_order_under_two_ids_or_names() {
    let uuid = "3f2b8c1e-7a4d-4f6b-9c0e-5d1a2b3c4d5e";
    check(vec![
        (
            "the page has an id of its own",
            vec![word(20_000, id(page(), uuid))],
            sale(),
            &["order_under_two_ids"],
        ),
        ("parts with values of their own", vec![ago(20_000, value(id(sale(), "part-a"), "10"))], sale(), &[]),
        ("a suffix", vec![ago(20_000, sale())], id(sale(), "order_891-upsell"), &[]),
        ("no order", vec![ago(20_000, Event { order_id: None, ..id(page(), uuid) })], sale(), &[]),
        ("told at the door", vec![ago(20_000, found(id(page(), uuid), "sale_id_differs"))], sale(), &[]),
        (
            "a name of its own",
            vec![ago(20_000, name(page(), "purchase_v2"))],
            sale(),
            &["order_under_two_names"],
        ),
        ("order placed", vec![ago(20_000, name(page(), "PlaceAnOrder"))], sale(), &["order_under_two_names"]),
        (
            "order placed, costs other",
            vec![ago(20_000, name(value(page(), "80"), "PlaceAnOrder"))],
            sale(),
            &[],
        ),
        ("a name that says nothing", vec![ago(20_000, name(page(), "thank_you"))], sale(), &[]),
        ("cart of the order", vec![ago(20_000, name(page(), "AddToCart"))], sale(), &[]),
        ("refund of it", vec![ago(20_000, name(page(), "refund"))], sale(), &[]),
    ]);
    let severity = |other: &str| seen(&[ago(1_000, name(page(), other))], &sale(), false)[0].severity;
    assert_eq!((severity("purchase_v2"), severity("PlaceAnOrder")), (Severity::Warning, Severity::Info));
}

#[test]
fn old_and_new_names_of_one_day() {
    let old = found(order(sale(), "7"), "legacy_event_name");
    check(vec![
        ("the old one after the new", vec![ago(HOUR_MS, sale())], old.clone(), &["names_mixed"]),
        ("only the old", vec![ago(HOUR_MS, found(sale(), "legacy_event_name"))], old.clone(), &[]),
        ("changed last week", vec![ago(WEEK_MS, sale())], old, &[]),
    ]);
}

#[test]
fn a_larger_sale_under_the_same_id() {
    check(vec![
        ("upsell", vec![ago(HOUR_MS, sale())], value(sale(), "119.98"), &["upsell_same_id"]),
        ("rounded otherwise", vec![ago(HOUR_MS, value(sale(), "89.985"))], sale(), &[]),
        ("smaller", vec![ago(HOUR_MS, sale())], value(sale(), "60"), &[]),
        ("the page's total", vec![ago(20_000, sale())], value(page(), "119.98"), &[]),
        ("another currency", vec![ago(HOUR_MS, sale())], currency(value(sale(), "119.98"), "EUR"), &[]),
    ]);
}

#[test]
fn halves_that_came_apart() {
    check(vec![
        ("ten minutes", vec![word(10 * MINUTE_MS, page())], sale(), &["late_pair"]),
        ("four minutes", vec![word(4 * MINUTE_MS, page())], sale(), &[]),
        ("server first", vec![ago(HOUR_MS, sale())], page(), &["late_pair"]),
        ("by two ways of the server", vec![ago(HOUR_MS, sale())], sale(), &[]),
        ("found by the sweep", vec![word(HOUR_MS, page())], found(sale(), "found_by_sweep"), &[]),
        ("a clock", vec![word(20_000, page())], later_by(sale(), -2 * 3_600), &["clock_skew"]),
        ("a slow clock", vec![word(20_000, page())], later_by(sale(), -300), &[]),
        ("told", vec![word(20_000, page())], found(later_by(sale(), -7_200), "event_time_local"), &[]),
        ("late and old", vec![word(HOUR_MS, page())], later_by(sale(), -7_200), &["late_pair"]),
    ]);
    let late = |ms| seen(&[word(ms, page())], &sale(), false)[0].clone();
    assert_eq!((late(HOUR_MS).severity, late(HOUR_MS).value), (Severity::Info, None));
    assert_eq!((late(3 * DAY_MS).severity, late(3 * DAY_MS).value), (Severity::Warning, sale().value));
    let skew = &seen(&[word(20_000, page())], &later_by(sale(), -7_200), false)[0];
    assert!(skew.message.contains("2 hours later"), "{}", skew.message);
}

#[test]
fn money_that_cannot_be() {
    let yen = || currency(value(product(visitor(order(sale(), "7")), "mug", "10000"), "10000"), "JPY");
    let dollars = || currency(value(product(visitor(sale()), "mug", "10000"), "10000"), "USD");
    check(vec![
        ("one order", vec![word(20_000, currency(page(), "EUR"))], sale(), &["currency_changed"]),
        ("converted", vec![word(20_000, currency(value(page(), "83.10"), "EUR"))], sale(), &[]),
        ("free", vec![word(20_000, currency(value(page(), "0"), "EUR"))], value(sale(), "0"), &[]),
        ("yen as dollars", vec![ago(HOUR_MS, yen())], dollars(), &["currency_changed"]),
        ("yen", vec![ago(HOUR_MS, yen())], order(yen(), "8"), &[]),
        ("cents", vec![word(20_000, value(page(), "8999"))], sale(), &["value_jump"]),
        ("cents, told later", vec![ago(60_000, sale())], value(sale(), "8999"), &["value_jump"]),
        ("ninety times", vec![word(20_000, value(page(), "8099.1"))], sale(), &[]),
        ("another order's", vec![ago(20_000, value(order(sale(), "7"), "8999"))], sale(), &[]),
        (
            "a small extra",
            vec![ago(20_000, value(sale(), "100"))],
            value(id(sale(), "order_891_extra"), "1"),
            &[],
        ),
    ]);
}

#[test]
fn hashes_of_another_form() {
    use crate::normalise::hash::sha256_hex;
    let (plain, digits) = ("+12133734253", sha256_hex("12133734253"));
    let right = sha256_hex(plain);
    let twice = sha256_hex(&right);
    let phone = |value: &str| knowing(sale(), &[], &[value]);
    let address = |value: &str| knowing(sale(), &[value], &[]);
    let email = "ada.lovelace@gmail.com";
    let (once, no_dots) = (sha256_hex(email), sha256_hex("adalovelace@gmail.com"));
    let other_order = |event: Event| order(event, "7");
    check(vec![
        ("without the plus", vec![ago(20_000, phone(plain))], phone(&digits), &["phone_hash_differs"]),
        ("the earlier one", vec![ago(20_000, phone(&digits))], phone(plain), &["phone_hash_differs"]),
        ("twice", vec![ago(20_000, phone(&right))], phone(&twice), &["phone_hash_differs"]),
        ("right", vec![ago(20_000, phone(plain))], phone(&right), &[]),
        ("another number", vec![ago(20_000, phone("+12133734254"))], phone(&digits), &[]),
        ("nobody's", vec![ago(20_000, other_order(phone(plain)))], phone(&digits), &[]),
        (
            "one visitor's",
            vec![ago(20_000, visitor(other_order(phone(plain))))],
            visitor(phone(&digits)),
            &["phone_hash_differs"],
        ),
        ("dots", vec![ago(20_000, address(email))], address(&no_dots), &["email_hash_differs"]),
        (
            "an address twice",
            vec![ago(20_000, address(&once))],
            address(&sha256_hex(&once)),
            &["email_hash_differs"],
        ),
        ("another address", vec![ago(20_000, address(email))], address("grace@navy.example"), &[]),
        ("the same", vec![ago(20_000, address(email))], address(&once), &[]),
    ]);
}

#[test]
fn clicks_that_got_lost() {
    let landing = || clicked(on(view(), "https://s.example/?ttclid=E.C.P"), "E.C.P");
    let cart = || on(id(view(), "pv2"), "https://s.example/cart");
    let sold = || visitor(sale());
    let denied = Consent { advertising: Status::Denied, ..Consent::default() };
    check(vec![
        ("lost", vec![ago(HOUR_MS, landing())], sold(), &["click_id_lost"]),
        ("there", vec![ago(HOUR_MS, landing())], clicked(sold(), "E.C.P"), &[]),
        ("another visitor", vec![ago(HOUR_MS, landing())], sale(), &[]),
        ("never there", vec![ago(HOUR_MS, cart())], sold(), &[]),
        ("too long ago", vec![ago(29 * DAY_MS, landing())], sold(), &[]),
        ("told", vec![ago(HOUR_MS, landing())], found(sold(), "click_ids_expired"), &[]),
        ("refused", vec![ago(HOUR_MS, landing())], Event { consent: denied, ..sold() }, &[]),
        ("a renewal", vec![ago(HOUR_MS, landing())], Event { unattended: true, ..sold() }, &[]),
    ]);
    let seen = seen(&[ago(HOUR_MS, landing()), ago(MINUTE_MS, cart())], &sold(), false);
    let text = &seen.first().unwrap().message;
    assert!(
        text.ends_with("last seen on https://s.example/ and is gone since https://s.example/cart"),
        "{text}"
    );
    assert!(codes(&[ago(HOUR_MS, landing())], &visitor(page()), true).is_empty(), "it is not sent");
}

#[test]
fn a_guest_among_customers() {
    let named = |n: i64| ago(n * HOUR_MS, knowing(order(sale(), &n.to_string()), &["ada@navy.example"], &[]));
    let nameless = |n: i64| ago(n * HOUR_MS, order(sale(), &n.to_string()));
    let counter = Event { channel: Channel::Offline, ..sale() };
    check(vec![
        ("one without", vec![named(1), named(2), nameless(3)], sale(), &["guest_without_keys"]),
        ("with a click", vec![named(1), named(2), named(3)], clicked(sale(), "E.C.P"), &[]),
        ("most are so", vec![named(1), nameless(2), nameless(3)], sale(), &[]),
        ("too few to tell", vec![named(1), named(2)], sale(), &[]),
        ("in the shop itself", vec![named(1), named(2), named(3)], counter, &[]),
        (
            "another source",
            vec![named(1), named(2), named(3)],
            Event { source: "events".into(), ..sale() },
            &[],
        ),
    ]);
}

#[test]
fn views_cost_one_look() {
    let links = |event: &Event| lookups(event).iter().map(|l| l.link.name()).collect::<Vec<_>>();
    assert_eq!(links(&view()), ["id"]);
    let cart = Event {
        order_id: None,
        ..visitor(id(name(page(), "AddToCart"), "3f2b8c1e7a4d4f6b9c0e5d1a2b3c4d5e"))
    };
    assert_eq!(links(&cart), ["id"]);
    let buyer = visitor(knowing(sale(), &["ada@navy.example"], &[]));
    assert_eq!(links(&buyer), ["id", "near", "name", "order", "visitor", "email"]);
    // Whatever is looked for is filed.
    let filed = entries(&buyer);
    assert!(lookups(&buyer).iter().all(|l| filed.contains(&(l.link, l.text.clone()))));
}
