use proptest::prelude::*;

use super::usual::{fall, missed};
use super::*;

const MINUTE: i64 = 60_000;
const START: i64 = 1_800_000_000_000;

fn queue() -> Rule {
    rule(Key::QueueAge)
}

fn reading(value: f64, at_ms: i64) -> Reading {
    Reading {
        key: Key::QueueAge,
        site: "shop".into(),
        destination: "tiktok".into(),
        value,
        at_ms,
        enough: true,
        detail: "12 events wait.".into(),
    }
}

fn unknown(at_ms: i64) -> Reading {
    Reading { enough: false, ..reading(0.0, at_ms) }
}

/// Looks at each value, half a minute apart; what people were told, and when in half minutes.
fn told(values: impl IntoIterator<Item = f64>) -> Vec<(usize, News)> {
    let (mut state, mut told) = (State::default(), vec![]);
    for (at, value) in values.into_iter().enumerate() {
        let now = START + i64::try_from(at).unwrap() * MINUTE / 2;
        let (next, notice) = step(&queue(), state, &reading(value, now), now);
        state = next;
        told.extend(notice.map(|notice| (at, notice.event)));
    }
    told
}

#[test]
fn every_key_has_a_rule_with_a_gap() {
    for (at, rule) in RULES.iter().enumerate() {
        assert!(rule.clear < rule.raise && rule.clear >= 0.0, "{rule:?}");
        assert_eq!(Key::named(rule.key.text()), Some(rule.key));
        assert!(RULES[..at].iter().all(|other| other.key != rule.key));
        assert_eq!(super::rule(rule.key), *rule);
        for text in [sentence(rule.key), remedy(rule.key), measure(rule.key)] {
            assert!(!text.is_empty());
        }
    }
    assert_eq!(RULES.len(), 10);
    assert_eq!(Key::named("weather"), None);
}

#[test]
fn raised_when_it_held_and_cleared_when_that_held() {
    let calm = [10.0; 4];
    assert_eq!(told(calm), []);
    // A minute is three looks: the first, and two half minutes.
    assert_eq!(told([900.0, 900.0]), []);
    assert_eq!(told([900.0; 3]), [(2, News::Raised)]);
    assert_eq!(told([900.0, 900.0, 10.0, 900.0, 900.0]), [], "a dip begins the hold anew");
    let over = [900.0; 3].into_iter().chain([10.0; 5]);
    assert_eq!(told(over), [(2, News::Raised), (7, News::Cleared)]);
    let relapse = [900.0; 3].into_iter().chain([10.0, 10.0, 300.0, 10.0, 10.0, 900.0]);
    assert_eq!(told(relapse), [(2, News::Raised)], "what is not over is not told as over");
}

#[test]
fn a_day_of_it_is_one_reminder() {
    let day = 2 * 60 * 24;
    assert_eq!(told(vec![900.0; day + 10]), [(2, News::Raised), (day + 2, News::Reminder)]);
}

#[test]
fn what_cannot_be_measured_begins_nothing_and_ends_nothing_for_a_day() {
    let firing = State {
        phase: Phase::Firing { since_ms: START },
        last_sent_ms: START,
        measured_ms: START,
        looked_ms: START,
        value: 900.0,
    };
    let later = START + 23 * 60 * MINUTE;
    let (kept, none) = step(&queue(), firing, &unknown(later), later);
    assert_eq!((kept.phase, none), (firing.phase, None));
    let end = START + FORGET_MS;
    let (over, notice) = step(&queue(), kept, &unknown(end), end);
    let notice = notice.unwrap();
    assert_eq!((over.phase, notice.event), (Phase::Ok, News::Cleared));
    assert!(notice.text.contains("too little"), "{notice:?}");
    let pending = State { phase: Phase::Pending { since_ms: START }, looked_ms: START, ..State::default() };
    assert_eq!(step(&queue(), pending, &unknown(START + 1), START + 1).0.phase, Phase::Ok);
}

#[test]
fn nobody_knows_what_was_while_nobody_looked() {
    let pending = State { phase: Phase::Pending { since_ms: START }, looked_ms: START, ..State::default() };
    let later = START + 60 * MINUTE;
    let (state, notice) = step(&queue(), pending, &reading(900.0, later), later);
    assert_eq!((state.phase, notice), (Phase::Pending { since_ms: later }, None));
    // What was raised before the program ended is not raised again.
    let firing = State {
        phase: Phase::Firing { since_ms: START },
        last_sent_ms: START,
        looked_ms: START,
        ..State::default()
    };
    let (state, notice) = step(&queue(), firing, &reading(900.0, later), later);
    assert_eq!((state.phase, notice), (firing.phase, None));
    let clearing = State { phase: Phase::Clearing { raised_ms: START, since_ms: START }, ..firing };
    let (state, notice) = step(&queue(), clearing, &reading(0.0, later), later);
    assert_eq!(notice, None);
    assert_eq!(state.phase, Phase::Clearing { raised_ms: START, since_ms: later });
}

#[test]
fn a_clock_set_back_holds_up_nothing() {
    let firing = State {
        phase: Phase::Firing { since_ms: START },
        last_sent_ms: START,
        measured_ms: START,
        looked_ms: START,
        value: 900.0,
    };
    let mut now = START - 24 * 60 * MINUTE;
    let (mut state, mut told) = (firing, vec![]);
    for _ in 0..6 {
        let (next, notice) = step(&queue(), state, &reading(0.0, now), now);
        state = next;
        told.extend(notice.map(|notice| notice.event));
        now += MINUTE / 2;
    }
    assert_eq!(told, [News::Cleared]);
    assert!(state.looked_ms < START);
}

#[test]
fn an_old_reading_changes_nothing() {
    let firing = State { phase: Phase::Firing { since_ms: START }, looked_ms: START, ..State::default() };
    let (state, notice) = step(&queue(), firing, &reading(0.0, START - 1), START + 1);
    assert_eq!((state, notice), (firing, None));
}

#[test]
fn words_have_numbers_and_no_blank_ends() {
    for rule in RULES {
        for event in [News::Raised, News::Reminder, News::Cleared] {
            let reading = Reading { key: rule.key, value: 1.0, ..reading(1.0, START) };
            let notice = notice(rule, event, &reading);
            assert!(notice.title.starts_with("shop, tiktok: "), "{notice:?}");
            assert_eq!(notice.remedy.is_empty(), event == News::Cleared);
            assert!(!notice.remedy.contains("  "), "{notice:?}");
            if event == News::Raised {
                assert!(notice.text.contains("12 events wait."), "{notice:?}");
            }
        }
    }
    let whole = Reading { site: String::new(), destination: String::new(), ..reading(1.0, START) };
    assert!(notice(&rule(Key::Disk), News::Raised, &whole).title.starts_with("The disk"));
    let shown_as = |unit, value| shown(unit, value);
    assert_eq!(shown_as(Unit::Seconds, 600.0), "10 min");
    assert_eq!(shown_as(Unit::Seconds, 90.0), "90 s");
    assert_eq!(shown_as(Unit::Seconds, 9_000.0), "2.5 h");
    assert_eq!(shown_as(Unit::Share, 0.2), "20 %");
}

#[test]
fn a_fall_is_what_chance_does_not_explain() {
    assert_eq!(fall(0, &[5, 4, 6, 5]), None, "a small shop has no habit to fall below");
    assert_eq!(fall(0, &[100, 0, 0, 0]), None, "nor has a new one");
    let calm = fall(88, &[100, 104, 96, 100]).unwrap();
    assert!(calm.share < 0.01 && calm.least < 71.0, "{calm:?}");
    assert!(fall(60, &[100, 104, 96, 100]).unwrap().share < 0.3);
    assert!(fall(40, &[100, 104, 96, 100]).unwrap().share > 0.4);
    assert!(fall(0, &[100, 104, 96, 100]).unwrap().share > 0.99);
    // One week of a great sale says little about this one.
    assert!(fall(90, &[100, 900, 110, 95]).unwrap().share < 0.01);
    // A quiet Sunday is compared with Sundays.
    assert!(fall(25, &[31, 24, 28, 33]).unwrap().share < 0.01);
}

#[test]
fn silence_is_measured_by_the_second_quietest_week() {
    assert_eq!(missed(&[40, 0, 38, 41]), Some(38));
    assert_eq!(missed(&[40, 0, 0, 41]), None);
    assert_eq!(missed(&[1, 2, 0, 3]), Some(1));
}

proptest! {
    /// Whatever moves between the two thresholds is no news, and what was raised stays raised.
    #[test]
    fn a_value_that_jitters_within_the_gap_sends_at_most_one_notice(
        begin in prop::collection::vec(0.0..2_000.0_f64, 0..6),
        gap in prop::collection::vec(120.1..599.9_f64, 0..400),
    ) {
        // Less than a day, so that no reminder is due.
        let count = told(begin.iter().copied().chain(gap.iter().copied())).len();
        let before = told(begin.iter().copied()).len();
        prop_assert!(count <= before.max(1), "{count} after {before}");
        prop_assert_eq!(told(gap), vec![]);
    }

    /// News alternate: nothing is raised twice without an end, and nothing ends that was not raised.
    #[test]
    fn news_alternate_whatever_comes(
        steps in prop::collection::vec((0.0..2_000.0_f64, -600_000..900_000_i64, any::<bool>(), -100_000..=0_i64), 0..300),
    ) {
        let (mut state, mut now, mut raised) = (State::default(), START, false);
        for (value, pause, enough, late) in steps {
            now += pause;
            let reading = Reading { enough, ..reading(value, now + late) };
            let (next, notice) = step(&queue(), state, &reading, now);
            match notice.map(|notice| notice.event) {
                Some(News::Raised) => prop_assert!(!std::mem::replace(&mut raised, true)),
                Some(News::Cleared) => prop_assert!(std::mem::replace(&mut raised, false)),
                Some(News::Reminder) => prop_assert!(raised),
                None => {}
            }
            prop_assert_eq!(next.phase.raised_ms().is_some(), raised);
            prop_assert!(next.looked_ms <= now && next.last_sent_ms <= now);
            state = next;
        }
    }

    /// Between two tellings of the same there is a day, and what ends was right for as long as the rule wants.
    #[test]
    fn reminders_are_a_day_apart(values in prop::collection::vec(prop_oneof![Just(10.0), Just(300.0), Just(900.0)], 1..3_000)) {
        let news = told(values.iter().copied());
        for pair in news.windows(2) {
            if pair[1].1 == News::Reminder {
                prop_assert!(pair[1].0 - pair[0].0 >= 2 * 60 * 24);
            }
        }
        for (at, event) in news {
            let held = if event == News::Cleared { 5 } else { 3 };
            let wanted = |value: &f64| if event == News::Cleared { *value <= 120.0 } else { *value >= 600.0 };
            if event != News::Reminder {
                prop_assert!(values[at + 1 - held..=at].iter().all(wanted));
            }
        }
    }
}
