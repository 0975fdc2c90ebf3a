use tandem_core::quality;
use tandem_store::{LaneId, Stop};

use super::*;

const NOW_HOUR: i64 = 500_000;
const NOW: i64 = NOW_HOUR * HOUR_MS + 600_000;

fn queue() -> Queue {
    Queue {
        lane: LaneId(1),
        site: "shop".into(),
        destination: "tiktok".into(),
        stopped: None,
        paused: false,
        waiting: 3,
        oldest_ms: Some(NOW - 700_000),
    }
}

/// Events in every hour of five weeks, and of this week only up to so many full hours ago.
fn arrived(per_hour: i64, silent_hours: i64) -> Arrivals {
    let hours = NOW_HOUR - 5 * WEEK..NOW_HOUR - silent_hours;
    let row = |hour| Arrived {
        hour,
        site: "shop".into(),
        source: "woocommerce".into(),
        events: per_hour,
        purchases: per_hour,
    };
    Arrivals::of(hours.map(row).collect(), NOW_HOUR)
}

#[test]
fn why_events_wait_is_told_once() {
    let [stopped, paused, age] = of_queue(&queue(), NOW);
    assert_eq!((stopped.value, paused.value, age.value, age.enough), (0.0, 0.0, 700.0, true));
    let stop = Stop { why: "Access token is wrong.".into(), since_ms: 1 };
    let [stopped, _, age] = of_queue(&Queue { stopped: Some(stop), ..queue() }, NOW);
    assert_eq!((stopped.value, stopped.detail.as_str(), age.enough), (1.0, "Access token is wrong.", false));
    let [_, paused, age] = of_queue(&Queue { paused: true, ..queue() }, NOW);
    assert_eq!((paused.value, age.enough), (1.0, false));
}

#[test]
fn few_ends_say_nothing() {
    let ended = |delivered, failed| [Ended { lane: LaneId(1), delivered, failed }];
    assert!(!error_rate(&queue(), &ended(3, 16), NOW).enough);
    let rate = error_rate(&queue(), &ended(15, 5), NOW);
    assert!(rate.enough && (rate.value - 0.25).abs() < 1e-9, "{rate:?}");
    assert!(!error_rate(&queue(), &[], NOW).enough);
}

#[test]
fn orders_left_out_on_purpose_are_not_missing() {
    let end = |delivered, skipped: Option<&str>, orders| OrderEnds {
        lane: LaneId(1),
        delivered,
        skipped: skipped.map(str::to_owned),
        orders,
    };
    let ends = [
        end(true, None, 15),
        end(false, None, 3),
        end(false, Some("server_half_reports"), 2),
        end(false, Some("consent_denied"), 900),
        OrderEnds { lane: LaneId(2), ..end(false, None, 70) },
    ];
    let missing = purchases_missing(&queue(), &ends, NOW);
    assert!(missing.enough && (missing.value - 0.25).abs() < 1e-9, "{missing:?}");
    assert!(!purchases_missing(&queue(), &ends[1..], NOW).enough, "five orders are too few");
    assert!(!purchases_missing(&Queue { paused: true, ..queue() }, &ends, NOW).enough);
}

#[test]
fn a_shop_that_stops_selling_shows_and_a_small_one_does_not() {
    let busy = purchases_fall(&arrived(30, 0), "shop", NOW);
    assert_eq!((busy.value, busy.enough), (0.0, true));
    let fallen = purchases_fall(&arrived(30, 6), "shop", NOW);
    assert!(fallen.enough && fallen.value > 0.99, "{fallen:?}");
    assert!(
        fallen.detail.starts_with("0 purchases came in during the last 6 full hours"),
        "{}",
        fallen.detail
    );
    // Two an hour are too few over six hours, and enough over a day.
    let small = purchases_fall(&arrived(2, 20), "shop", NOW);
    assert!(small.enough && small.value > 0.5 && small.detail.contains("24 full hours"), "{small:?}");
    assert!(!purchases_fall(&arrived(0, 0), "shop", NOW).enough);
    assert!(!purchases_fall(&arrived(30, 0), "other", NOW).enough);
}

#[test]
fn silence_counts_what_should_have_come() {
    assert_eq!(silent(&arrived(4, 0), "shop", "woocommerce", NOW).value, 0.0);
    assert_eq!(silent(&arrived(4, 3), "shop", "woocommerce", NOW).value, 12.0);
    assert!(!silent(&arrived(4, 0), "shop", "browser", NOW).enough, "it never brought anything");
    // After a week nobody expects it back.
    assert!(!silent(&arrived(4, SILENT_HOURS + 5), "shop", "woocommerce", NOW).enough);
}

#[test]
fn doubles_are_a_share_of_enough_sales() {
    let of = |doubles, sales| duplicate_rate(&[Doubles { site: "shop".into(), doubles, sales }], "shop", NOW);
    assert!(!of(5, 19).enough);
    assert!(of(5, 50).enough && (of(5, 50).value - 0.1).abs() < 1e-9);
}

#[test]
fn a_key_that_goes_missing_lowers_todays_estimate() {
    let today = NOW.div_euclid(24 * HOUR_MS);
    let weights: emq::Weights<'_> = &[(quality::Key::Email, 300), (quality::Key::Ttclid, 250)];
    let of = |day, keys: &[quality::Key], events| Covered {
        day,
        site: "shop".into(),
        keys: Keys::from_list(keys).bits(),
        events,
    };
    let both = [quality::Key::Email, quality::Key::Ttclid];
    let rows = [of(today - 1, &both, 20), of(today - 2, &both, 20), of(today, &both[..1], 30)];
    let drop = emq_drop(&queue(), &rows, weights, NOW);
    assert!(drop.enough && (drop.value - 2.5).abs() < 1e-9, "{drop:?}");
    assert!(!emq_drop(&queue(), &rows[1..], weights, NOW).enough, "twenty sales before are too few");
    assert!(!emq_drop(&queue(), &rows[..2], weights, NOW).enough, "none today");
}
