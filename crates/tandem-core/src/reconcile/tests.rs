use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::{Amount, Currency};

/// 2026-11-22T14:00:00Z
const NOW: i64 = 1_795_356_000_000;

fn scope() -> Scope {
    Scope {
        settings: Settings::default(),
        now_ms: NOW,
        days: 14,
        destinations: vec!["tiktok".into(), "meta".into()],
        since_ms: NOW - 60 * DAY_MS,
        list: Some((NOW - 20 * DAY_MS, NOW)),
    }
}

fn days_ago(days: i64) -> i64 {
    NOW - days * DAY_MS
}

fn listed(status: &str, days: i64, total: &str) -> Option<Listed> {
    let currency = Currency::parse("EUR");
    Some(Listed { at_ms: days_ago(days), total: total.parse().ok(), currency, status: status.into() })
}

fn delivery(destination: &str, state: State, code: Option<&str>) -> Delivery {
    Delivery { destination: destination.into(), state, code: code.map(str::to_owned), sent_ms: None }
}

/// Delivered to both.
fn sale(id: &str, days: i64, value: &str) -> Sale {
    let deliveries = ["tiktok", "meta"].map(|name| delivery(name, State::Delivered, None)).to_vec();
    let (value, currency) = (value.parse().ok(), Currency::parse("EUR"));
    Sale { event_seq: 7, event_id: id.into(), at_ms: days_ago(days), value, currency, deliveries }
}

fn order(listed: Option<Listed>, sales: Vec<Sale>, heard: Option<(&str, &str)>) -> Order {
    let heard = heard.map(|(kind, code)| Heard { at_ms: days_ago(5), kind: kind.into(), code: code.into() });
    Order { order_id: "891".into(), listed, sales, heard }
}

fn report(orders: &[Order]) -> Report {
    let mut all = Reconciler::new(scope());
    orders.iter().for_each(|order| all.order(order));
    all.finish(&[], &Hints::default())
}

/// Code, destination, explained, closed.
fn told(report: &Report) -> Vec<(String, String, bool, bool)> {
    let of =
        |d: &Difference| (d.code.clone(), d.destination.clone().unwrap_or_default(), d.explained, d.closed);
    report.differences.iter().map(of).collect()
}

fn with(mut sale: Sale, states: &[(&str, State, Option<&str>)]) -> Sale {
    sale.deliveries = states.iter().map(|(name, state, code)| delivery(name, *state, *code)).collect();
    sale
}

#[test]
fn every_kind_of_difference_has_its_name() {
    use State::{Delivered, Expired, Rejected, Skipped, Waiting};
    let paid = |total| listed("processing", 5, total);
    let both = |state, code| {
        vec![with(sale("a", 5, "10.00"), &[("tiktok", state, code), ("meta", Delivered, None)])]
    };
    let dear = vec![sale("a", 5, "12.00")];
    let growth = vec![sale("a", 5, "10.00"), sale("a_bump_1", 4, "2.00")];
    let upsell = vec![sale("a", 5, "10.00"), sale("a_upsell_1", 5, "2.00")];
    let again = vec![sale("a", 5, "10.00"), sale("a_web", 5, "10.00")];
    let twice = vec![sale("a", 5, "10.00"), sale("b", 5, "10.00")];
    let dollars = vec![Sale { currency: Currency::parse("USD"), ..sale("a", 5, "10.00") }];
    for (name, order, expected) in [
        ("all well", order(paid("10.00"), vec![sale("a", 5, "10.00")], None), vec![]),
        ("rounding", order(paid("10.0"), vec![sale("a", 5, "10.04")], None), vec![]),
        ("missing", order(paid("10.00"), vec![], None), vec![("order_missing", "", false)]),
        ("value", order(paid("10.00"), dear, None), vec![("order_value_differs", "", false)]),
        ("growth", order(paid("12.00"), growth, None), vec![]),
        ("an upsell under a suffix of the shop's own", order(paid("12.00"), upsell, None), vec![]),
        (
            "the whole order again under a suffix",
            order(paid("10.00"), again, None),
            vec![("order_twice", "tiktok", false), ("order_twice", "meta", false)],
        ),
        (
            "twice",
            order(paid("10.00"), twice, None),
            vec![("order_twice", "tiktok", false), ("order_twice", "meta", false)],
        ),
        ("currency", order(paid("10.00"), dollars, None), vec![("order_currency_differs", "", false)]),
        (
            "unknown to the shop",
            order(None, vec![sale("a", 5, "10.00")], None),
            vec![("order_unknown_to_shop", "", false)],
        ),
        (
            "no consent",
            order(paid("10.00"), both(Skipped, Some("consent_denied")), None),
            vec![("consent_denied", "tiktok", true)],
        ),
        (
            "only a page",
            order(paid("10.00"), both(Skipped, Some("server_half_reports")), None),
            vec![("order_not_sent", "tiktok", false)],
        ),
        (
            "no consent, and a page told of it before",
            order(
                paid("10.00"),
                [both(Skipped, Some("server_half_reports")), both(Skipped, Some("consent_denied"))].concat(),
                None,
            ),
            vec![("consent_denied", "tiktok", true)],
        ),
        ("waits", order(paid("10.00"), both(Waiting, None), None), vec![("order_not_sent", "tiktok", false)]),
        (
            "expired",
            order(paid("10.00"), both(Expired, None), None),
            vec![("order_not_sent", "tiktok", false)],
        ),
        (
            "refused",
            order(paid("10.00"), both(Rejected, None), None),
            vec![("order_not_sent", "tiktok", false)],
        ),
        (
            "no destination",
            order(paid("10.00"), vec![with(sale("a", 5, "10.00"), &[("meta", Delivered, None)])], None),
            vec![("no_destination", "tiktok", true)],
        ),
        (
            "bad input",
            order(paid("10.00"), vec![], Some(("rejected", "order_total_invalid"))),
            vec![("order_not_sent", "", false)],
        ),
        (
            "never told as paid",
            order(paid("10.00"), vec![], Some(("ignored", "order_not_paid"))),
            vec![("order_not_sent", "", false)],
        ),
        ("unpaid", order(listed("wc-on-hold", 5, "1"), vec![], None), vec![("order_not_paid", "", true)]),
        ("refunded", order(listed("Refunded", 5, "1"), vec![], None), vec![("order_refunded", "", true)]),
        ("own word", order(listed("packed", 5, "1"), vec![], None), vec![("order_status_unknown", "", true)]),
    ] {
        let report = report(std::slice::from_ref(&order));
        let expected: Vec<_> = expected
            .into_iter()
            .map(|(code, at, ok): (&str, &str, bool)| (code.to_owned(), at.to_owned(), ok, true))
            .collect();
        assert_eq!(told(&report), expected, "{name}");
        assert_eq!(report.share > 0.0, expected.iter().any(|(_, _, explained, _)| !explained), "{name}");
    }
}

#[test]
fn what_is_open_is_told_and_never_counted() {
    let fresh = order(listed("processing", 1, "10"), vec![], None);
    let told_of = report(&[fresh]);
    assert_eq!(told(&told_of), [("order_still_moving".into(), String::new(), true, false)]);
    // The same order once the window closed: nothing came.
    let mut later = Reconciler::new(Scope { now_ms: NOW + 3 * DAY_MS, ..scope() });
    later.order(&order(listed("processing", 1, "10"), vec![], None));
    let report = later.finish(&[], &Hints::default());
    assert_eq!(told(&report), [("order_missing".into(), String::new(), false, true)]);
    assert_eq!(report.totals[0].share, 1.0);
}

#[test]
fn orders_from_before_the_log_are_nobodys_fault() {
    let mut all = Reconciler::new(Scope { since_ms: days_ago(3), ..scope() });
    all.order(&order(listed("completed", 5, "10"), vec![], None));
    let report = all.finish(&[], &Hints::default());
    assert_eq!(told(&report), [("order_before_start".into(), String::new(), true, true)]);
    assert_eq!(report.share, 0.0);
}

#[test]
fn a_day_closes_48_hours_after_its_end() {
    let report = report(&[]);
    let open: Vec<&str> = report.days.iter().filter(|day| !day.closed).map(|day| day.date.as_str()).collect();
    assert_eq!(open, ["2026-11-20", "2026-11-21", "2026-11-22"]);
    assert_eq!((report.days.len(), report.closed_days, report.days[0].date.as_str()), (14, 11, "2026-11-09"));
    // At midnight after two days the next one closes.
    let midnight =
        Reconciler::new(Scope { now_ms: 1_795_392_000_000, ..scope() }).finish(&[], &Hints::default());
    let open = midnight.days.iter().filter(|day| !day.closed).map(|day| day.date.as_str());
    assert_eq!(open.collect::<Vec<_>>(), ["2026-11-21", "2026-11-22", "2026-11-23"]);
}

#[test]
fn the_summary_is_one_sentence() {
    let mut orders = vec![order(listed("processing", 5, "10"), vec![sale("a", 5, "10")], None); 3];
    let denied = with(sale("a", 5, "10"), &[("tiktok", State::Skipped, Some("consent_denied"))]);
    orders.push(order(listed("processing", 5, "10"), vec![denied], None));
    orders.push(order(listed("processing", 5, "10"), vec![], None));
    let report = report(&orders);
    assert_eq!(
        report.totals[0].sentence,
        "Of 5 paid orders in 11 closed days, 3 were delivered to tiktok, 1 had no consent, 1 is missing."
    );
    assert!((report.totals[0].share - 0.2).abs() < 1e-9);
}

fn count(day_ms: i64, events: i64) -> PlatformCount {
    PlatformCount {
        destination: "tiktok".into(),
        day: day_ms.div_euclid(DAY_MS),
        event_name: "Purchase".into(),
        events,
        browser: None,
        server: None,
        attributed: None,
        attributed_only: false,
        value: None,
        currency: None,
        told_ms: NOW,
    }
}

fn compared(counts: &[PlatformCount], hints: &Hints) -> Report {
    let mut all = Reconciler::new(scope());
    for n in 0..10 {
        let mut one = sale("a", 5, "10");
        // One was sent a day late.
        one.deliveries[0].sent_ms = Some(days_ago(if n == 0 { 4 } else { 5 }));
        all.order(&order(listed("processing", 5, "10"), vec![one], None));
    }
    all.finish(counts, hints)
}

#[test]
fn a_platforms_own_figures_are_compared_by_its_days() {
    let at = days_ago(5);
    let nothing = Hints::default();
    let pages = Hints { browser_only: BTreeMap::from([(at.div_euclid(DAY_MS), 4)]), ..Hints::default() };
    let server = |server, total| PlatformCount { server: Some(server), ..count(at, total) };
    let credited = PlatformCount { attributed_only: true, ..count(at, 2) };
    let early = PlatformCount { told_ms: at, ..count(at, 5) };
    for (name, count, hints, code, left, judged) in [
        ("equal", count(at, 10), &nothing, "", 0, true),
        ("one was sent on the next day", count(at, 9), &nothing, "platform_counts_less", 0, true),
        ("less", count(at, 6), &nothing, "platform_counts_less", 3, true),
        ("more", count(at, 13), &nothing, "platform_counts_more", 3, true),
        ("pages alone", count(at, 13), &pages, "platform_counts_more", 0, true),
        ("what servers sent is what we sent", server(10, 30), &nothing, "", 0, true),
        (
            "pages are no reason for more from servers",
            server(12, 30),
            &pages,
            "platform_counts_more",
            2,
            true,
        ),
        ("credited ones are always fewer", credited, &nothing, "platform_counts_less", 0, true),
        ("told too early", early, &nothing, "platform_counts_less", 4, false),
    ] {
        let report = compared(&[count], hints);
        let day = report.days.iter().flat_map(|day| &day.platform).next().unwrap();
        assert_eq!((day.delivered, day.unexplained, day.judged), (10, left, judged), "{name}: {day:?}");
        let codes: Vec<&str> = report.differences.iter().map(|d| d.code.as_str()).collect();
        assert_eq!(codes, if code.is_empty() { vec![] } else { vec![code] }, "{name}");
        let counted = if judged { left } else { 0 };
        assert_eq!(report.totals[0].platform_unexplained, counted, "{name}");
    }
    assert_eq!(compared(&[count(days_ago(30), 5)], &nothing).differences, [], "outside the window");
}

#[test]
fn a_platforms_value_is_compared_where_it_is_of_the_same_sales() {
    let at = days_ago(5);
    let money = |events, value: &str, currency: &str| PlatformCount {
        value: value.parse().ok(),
        currency: Currency::parse(currency),
        ..count(at, events)
    };
    let sold = |sales: &[(&str, Option<&str>)]| {
        let mut all = Reconciler::new(Scope { list: None, ..scope() });
        for (value, currency) in sales {
            let mut one = sale("a", 5, value);
            one.currency = currency.and_then(Currency::parse);
            all.order(&order(None, vec![one], None));
        }
        all
    };
    let eur = |n: usize| vec![("10", Some("EUR")); n];
    let yen = vec![("1000", Some("JPY")); 3];
    let mixed = [("10", Some("EUR")), ("10", Some("USD"))];
    let unknown = [("10", Some("EUR")), ("10", None)];
    for (name, sales, count, told) in [
        ("equal", &eur(3)[..], money(3, "30", "EUR"), ""),
        ("rounded", &eur(3), money(3, "30.16", "EUR"), ""),
        ("other", &eur(3), money(3, "30.17", "EUR"), "30 EUR"),
        ("less", &eur(3), money(3, "25.20", "EUR"), "30 EUR"),
        ("yen have no digits", &yen, money(3, "3016", "JPY"), ""),
        ("yen", &yen, money(3, "3017", "JPY"), "3000 JPY"),
        ("another currency", &eur(3), money(3, "35", "USD"), ""),
        ("without a currency", &eur(3), money(3, "35", ""), ""),
        ("two currencies", &mixed, money(2, "35", "EUR"), ""),
        ("one without", &unknown, money(2, "35", "EUR"), ""),
        (
            "too much for any sum",
            &[("79228162514264337593543950335", Some("EUR"))],
            money(1, "1", "EUR"),
            "in place",
        ),
        (
            "what ads are credited with",
            &eur(3),
            PlatformCount { attributed_only: true, ..money(3, "35", "EUR") },
            "",
        ),
    ] {
        let report = sold(sales).finish(&[count], &Hints::default());
        let differences: Vec<_> =
            report.differences.iter().filter(|d| d.code == "platform_value_differs").collect();
        assert_eq!(differences.len(), usize::from(!told.is_empty()), "{name}: {:?}", report.differences);
        assert!(differences.iter().all(|d| d.sentence.contains(told) && d.closed && !d.explained), "{name}");
        let total = &report.totals[0];
        assert_eq!((total.platform_value_days, total.share), (u64::from(!told.is_empty()), 0.0), "{name}");
    }
    // Another number of sales says nothing of their value.
    let report = sold(&eur(3)).finish(&[money(2, "35", "EUR")], &Hints::default());
    assert_eq!(report.differences.len(), 1, "{:?}", report.differences);
}

#[test]
fn very_many_differences_are_counted_and_the_worst_listed() {
    let mut orders = vec![order(listed("pending", 5, "10"), vec![], None); 600];
    orders.extend(vec![order(listed("processing", 5, "10"), vec![], None); 700]);
    let report = report(&orders);
    assert_eq!((report.differences.len(), report.unlisted), (MAX_LISTED, 800));
    assert!(report.differences.iter().all(|d| d.code == "order_missing"));
}

fn any_state() -> impl Strategy<Value = State> {
    prop::sample::select(vec![
        State::Delivered,
        State::Waiting,
        State::Expired,
        State::Rejected,
        State::Skipped,
    ])
}

fn any_sale() -> impl Strategy<Value = Sale> {
    let code = prop::sample::select(vec!["consent_denied", "server_half_reports", "rule", "money_missing"]);
    let places = prop::collection::vec(
        (prop::sample::select(vec!["tiktok", "meta", "gone"]), any_state(), code),
        0..4,
    );
    (prop::sample::select(vec!["a", "a_bump_1", "b"]), 0..20_i64, places).prop_map(|(id, days, places)| {
        let places: Vec<_> = places.iter().map(|(name, state, code)| (*name, *state, Some(*code))).collect();
        with(sale(id, days, "10"), &places)
    })
}

fn any_order() -> impl Strategy<Value = Order> {
    let status = prop::sample::select(vec!["processing", "", "on-hold", "refunded", "packed"]);
    let list = prop::option::of((status, -2..20_i64).prop_map(|(status, days)| listed(status, days, "10")));
    let notice = prop::sample::select(vec![
        ("rejected", "order_invalid"),
        ("ignored", "order_not_paid"),
        ("duplicate", "x"),
    ]);
    (list, prop::collection::vec(any_sale(), 0..3), prop::option::of(notice))
        .prop_map(|(list, sales, notice)| order(list.flatten(), sales, notice))
}

proptest! {
    /// Every order of the window is in one class, for every destination, and in no other.
    #[test]
    fn the_classes_of_a_day_are_its_orders(orders in prop::collection::vec(any_order(), 0..40)) {
        let report = report(&orders);
        let first = Zone::default().day_of(days_ago(13));
        let inside = orders.iter().filter(|o| (first..=first + 13).contains(&Zone::default().day_of(o.at_ms()))).count();
        let mut seen = 0;
        for day in &report.days {
            seen += day.orders + day.aside.values().sum::<u64>();
            for at in &day.at {
                prop_assert_eq!(day.orders, at.delivered + at.moving + at.not_sent.values().sum::<u64>());
                prop_assert!(!day.closed || at.moving == 0);
            }
        }
        prop_assert_eq!(seen, inside as u64);
        for total in &report.totals {
            prop_assert_eq!(total.orders, total.delivered + total.not_sent.values().sum::<u64>());
            prop_assert!(total.orders_unexplained <= total.orders);
            let unexplained = report.differences.iter().any(|d| d.closed && !d.explained);
            prop_assert_eq!(report.share > 0.0, unexplained);
        }
    }

    #[test]
    fn no_file_makes_the_readers_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), text in ".{0,300}") {
        for bytes in [bytes.as_slice(), text.as_bytes(), format!("id;date;total\n{text}").as_bytes()] {
            let _ = import::orders(bytes, &import::OrderOptions::default());
            let event = Some("Purchase".to_owned());
            let _ = import::platform(bytes, &import::PlatformOptions { event, ..Default::default() });
        }
    }
}

#[test]
fn sums_of_money_are_exact() {
    let mut orders = vec![order(listed("processing", 5, "0.10"), vec![sale("a", 5, "0.10")], None); 3];
    orders.push(order(None, vec![sale("a", 5, "1.00")], None));
    let report = report(&orders);
    let day = report.days.iter().find(|day| day.orders > 0).unwrap();
    assert_eq!(day.value.get("EUR"), Some(&"1.30".parse::<Amount>().unwrap()));
    assert_eq!(day.at[0].delivered_value, day.value);
}
