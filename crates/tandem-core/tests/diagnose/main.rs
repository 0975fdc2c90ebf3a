//! Every cause in one sentence: stories as the store tells them, and what is made of them.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod stories;

use std::fmt::Write;

use stories::*;
use tandem_core::Event;
use tandem_core::codes::{self, Kind};
use tandem_core::diagnose::{Delivery, Diagnosis, Record, State, StepState, Story, Verdict, diagnose};

fn told(story: &Story) -> Diagnosis {
    diagnose(story, NOW_MS)
}

#[test]
fn each_cause_has_its_sentence() {
    let mut text = String::new();
    for (name, story) in cases() {
        let Diagnosis { verdict, cause, sentence, .. } = told(&story);
        writeln!(text, "{name}: {} / {cause}\n    {sentence}", verdict.words()).unwrap();
    }
    let expected = include_str!("../data/diagnoses.txt");
    // Line by line, so that a change is seen where it is.
    for (told, expected) in text.lines().zip(expected.lines()) {
        assert_eq!(told, expected);
    }
    assert_eq!(text.lines().count(), expected.lines().count(), "{text}");
}

#[test]
fn sentences_are_sentences_and_have_a_remedy() {
    for (name, story) in cases() {
        let Diagnosis { sentence, remedy, steps, .. } = told(&story);
        assert!(sentence.ends_with('.') && !sentence.ends_with(".."), "{name}: {sentence}");
        assert!(sentence.chars().next().unwrap().is_uppercase(), "{name}: {sentence}");
        assert!(!sentence.contains(": .") && !sentence.contains("  "), "{name}: {sentence}");
        assert!(!remedy.is_empty() && !remedy.contains("this version does not know"), "{name}: {remedy}");
        assert!(!steps.is_empty(), "{name}");
    }
}

#[test]
fn every_skip_of_the_document_is_told() {
    for code in codes::all().iter().filter(|code| code.kind == Kind::Skip) {
        let told = told(&of(sale(), skipped(&code.code, "the reason in words")));
        let expected = if code.code == "server_half_reports" { "server_half_missing" } else { &code.code };
        assert_eq!(told.cause, expected);
        assert!(
            told.sentence.contains("TikTok") && !told.verdict.is_counted(),
            "{}: {}",
            code.code,
            told.sentence
        );
        if expected == code.code {
            assert_eq!(told.remedy, code.fix, "{}", code.code);
        }
    }
}

#[test]
fn every_finding_that_weakens_is_told() {
    for code in codes::all().iter().filter(|code| code.kind == Kind::Finding && !code.code.starts_with('<')) {
        let name: &'static str = code.code.clone().leak();
        let told = told(&warned(name, "what was found"));
        let is_named = told.cause == code.code || told.also.iter().any(|also| also.cause == code.code);
        assert!(is_named, "{}: {}", code.code, told.cause);
    }
}

#[test]
fn every_notice_of_the_document_is_told() {
    for code in codes::all() {
        let kind = match code.kind {
            Kind::Rejection if code.severity == "ignored" => "ignored",
            Kind::Rejection => "rejected",
            Kind::Unclaimed => "unclaimed",
            _ => continue,
        };
        let told = told(&only_notice(kind, &code.code, "the reason in words"));
        assert_eq!((told.cause.as_ref(), told.verdict), (code.code.as_str(), Verdict::NotReceived));
        assert_eq!(told.remedy, code.fix, "{}", code.code);
    }
}

#[test]
fn the_worst_of_several_destinations_is_named_and_the_others_are_kept() {
    let mut one = record(sale(), delivered());
    one.deliveries.push(Delivery {
        lane: 2,
        destination: "meta".into(),
        title: "Meta".into(),
        ..ended(State::Rejected, "platform_rejected", "Meta 100: Invalid parameter")
    });
    let told = told(&story(vec![one]));
    assert_eq!((told.verdict, told.cause.as_ref()), (Verdict::Refused, "platform_rejected"));
    let verdicts: Vec<Verdict> = told.destinations.iter().map(|one| one.verdict).collect();
    assert_eq!(verdicts, [Verdict::Counted, Verdict::Refused]);
}

#[test]
fn a_sale_counted_twice_matters_more_than_one_that_its_buyer_keeps_to_himself() {
    let mut story = seen("order_under_two_ids", "the order came as sale_1 and as wc_order_891");
    let declined = skipped("consent_denied", "the visitor did not allow what this destination needs");
    for (elsewhere, cause) in [
        (declined, "order_under_two_ids"),
        (skipped("consent_unknown", "nobody told us about consent"), "order_under_two_ids"),
        (skipped("rule", "wholesale orders stay here"), "order_under_two_ids"),
        (skipped("money_missing", "a Purchase without value or currency"), "money_missing"),
    ] {
        story.events[0].deliveries =
            vec![Delivery { lane: 2, title: "Meta".into(), ..elsewhere }, delivered()];
        assert_eq!(told(&story).cause, cause);
    }
    // What is only weak stands behind: the question is why something did not count.
    let mut story = seen("click_id_lost", "it was there on the landing page");
    let declined = skipped("consent_denied", "the visitor did not allow what this destination needs");
    story.events[0].deliveries.push(Delivery { lane: 2, title: "Meta".into(), ..declined });
    assert_eq!(told(&story).cause, "consent_denied");
}

#[test]
fn what_is_left_out_on_purpose_is_no_trouble_beside_a_delivery() {
    let mut one = record(sale(), delivered());
    one.deliveries.push(Delivery {
        lane: 2,
        destination: "ga4".into(),
        ..skipped("page_reports", "the page reports it")
    });
    assert_eq!(told(&story(vec![one])).verdict, Verdict::Counted);
}

#[test]
fn a_replay_that_waits_does_not_hide_what_was_delivered() {
    let mut one = record(sale(), delivered());
    one.deliveries.push(Delivery { is_replay: true, ..waiting() });
    assert_eq!(told(&story(vec![one])).verdict, Verdict::Counted);
}

#[test]
fn the_path_has_its_steps_in_order() {
    let told = told(&of(session(), delivered()));
    let whats: Vec<&str> = told.steps.iter().map(|step| step.what).collect();
    let expected = [
        "arrived", "decoded", "door", "session", "consent", "rules", "logged", "ruling", "claimed", "sent",
        "answered", "matched", "merged",
    ];
    assert_eq!(whats, expected);
    assert!(told.steps.iter().all(|step| step.state != StepState::Problem));
    assert!(told.steps.iter().skip(7).all(|step| step.destination.as_deref() == Some("TikTok")));
}

#[test]
fn an_event_that_cannot_be_read_is_told_by_its_columns() {
    let told = told(&story(vec![Record {
        is_unreadable: true,
        ..record(
            Event { event_id: "x".into(), ..Event::default() },
            skipped("event_unreadable", "cannot be read"),
        )
    }]));
    assert_eq!(told.cause, "event_unreadable");
    assert_eq!(told.steps.first().unwrap().state, StepState::Problem);
}
