//! A yes that is taken back: what waits, what comes later, and what is sent again.

use serde_json::{Value, json};

use super::bed::{Bed, email_of, in_cart, no, thank_you, yes};

/// Four events of four visitors, each found another way, wait; all visitors say no; the platform comes back.
fn everything_waits_and_is_withdrawn(restarts: bool) {
    let mut bed = Bed::open();
    let visitors = ["visitor0by0itself0", "visitor0by0visitor", "visitor0by0order00", "visitor0by0email00"];
    for visitor in visitors {
        bed.page(visitor, yes(), vec![]);
    }
    bed.page(visitors[2], yes(), vec![thank_you("303")]);
    bed.hold();
    bed.page(visitors[0], yes(), vec![in_cart("cart-1")]);
    bed.order(json!({"event_id": "by-visitor", "order_id": "302", "session_id": visitors[1]}));
    bed.order(json!({"event_id": "by-order", "order_id": "303"}));
    bed.order(json!({"event_id": "by-email", "order_id": "304", "user": {"email": email_of(visitors[3])}}));
    // An order with a yes of its own is withdrawn by its buyer all the same.
    bed.order(
        json!({"event_id": "own-yes", "order_id": "305", "session_id": visitors[1], "consent": "granted"}),
    );
    bed.page("visitor0stays0yes0", yes(), vec![in_cart("cart-2")]);
    assert_eq!(bed.gateway.waiting(), 7, "the six of the test, and the one that the lane stopped at");
    for visitor in visitors {
        bed.page(visitor, no(), vec![]);
    }
    if restarts {
        bed = bed.killed();
    }
    bed.let_go();
    for event_id in ["cart-1", "by-visitor", "by-order", "by-email", "own-yes"] {
        bed.is_kept_back(event_id, "withdrawn");
    }
    bed.is_sent("cart-2");
    nothing_of_them_was_sent(&bed, &visitors);
}

/// Neither click nor any other sign of these visitors stands in a request that the platform took.
fn nothing_of_them_was_sent(bed: &Bed, visitors: &[&str]) {
    let requests = bed.stand_in.sandbox.requests();
    for body in requests.iter().filter(|r| r.code == Some(0)).map(|r| r.body.as_str().unwrap()) {
        for visitor in visitors {
            let telling = [
                (*visitor).to_owned(),
                super::planted::hash(&email_of(visitor)),
                super::planted::hash(visitor),
            ];
            let found = telling.iter().find(|text| body.contains(text.as_str()));
            assert_eq!(found, None, "{visitor}: {body}");
        }
    }
}

#[test]
fn what_waits_is_not_sent_after_a_no() {
    everything_waits_and_is_withdrawn(false);
}

#[test]
fn nor_after_a_kill_and_a_restart() {
    everything_waits_and_is_withdrawn(true);
}

#[test]
fn a_replay_after_a_no_is_skipped() {
    let bed = Bed::open();
    let visitor = "visitor0replayed00";
    bed.page(visitor, yes(), vec![in_cart("cart-3")]);
    bed.order(json!({"event_id": "replayed", "order_id": "311", "session_id": visitor}));
    bed.is_sent("cart-3");
    bed.is_sent("replayed");
    bed.page(visitor, no(), vec![]);
    for event_id in ["cart-3", "replayed"] {
        let asked = json!({"since_ms": 0, "event_id": event_id, "delivered_too": true});
        assert_eq!(bed.gateway.post("/api/replay", &asked).json()["deliveries"], 1);
        bed.gateway.drain();
        let expected = ("skipped".to_owned(), "suppress:withdrawn".to_owned());
        assert_eq!((bed.delivery(event_id), bed.taken(event_id)), (expected, 1), "{event_id}");
    }
}

#[test]
fn a_yes_that_is_newer_than_the_no_counts() {
    for restarts in [false, true] {
        let mut bed = Bed::open();
        let visitor = "visitor0yes0again0";
        bed.page_at(visitor, yes(), 120_000, vec![]);
        bed.hold();
        bed.page_at(visitor, no(), 60_000, vec![in_cart("in-between")]);
        bed.page(visitor, yes(), vec![in_cart("cart-4")]);
        bed.order(json!({"event_id": "after", "order_id": "321", "session_id": visitor}));
        if restarts {
            bed = bed.killed();
        }
        bed.let_go();
        bed.is_sent("cart-4");
        bed.is_sent("after");
        bed.is_kept_back("in-between", "cookiebot");
    }
}

#[test]
fn a_post_under_an_older_yes_does_not_lift_a_no() {
    let bed = Bed::open();
    let visitor = "visitor0in0flight0";
    bed.page_at(visitor, yes(), 60_000, vec![in_cart("cart-5")]);
    bed.is_sent("cart-5");
    bed.page(visitor, no(), vec![]);
    // It was under way when the visitor said no, or lay in a tab that had not heard of it.
    bed.page_at(visitor, yes(), 60_000, vec![in_cart("late"), thank_you("331")]);
    bed.is_kept_back("late", "withdrawn");
    let known = bed.gateway.get(&format!("/api/visitors/shop/{visitor}")).text();
    assert!(known.contains("denied") && !known.contains("E.C.P."), "{known}");
    bed.order(json!({"event_id": "later", "order_id": "331", "session_id": visitor}));
    assert_eq!((bed.delivery("later").0.as_str(), bed.taken("later")), ("skipped", 0));
}

#[test]
fn what_waits_goes_out_as_the_rules_have_it_after_a_no() {
    let anonymise = "requires = [\"advertising\"]\non_denied = \"anonymise\"";
    let analytics = "requires = [\"analytics\"]";
    let ads_no = json!({"advertising": "denied", "analytics": "granted", "signal": "cookiebot"});
    for (rules, word, decision) in [(anonymise, no(), "anonymise"), (analytics, ads_no, "without_identity")] {
        let bed = Bed::with(rules);
        let visitor = "visitor0goes0quiet";
        bed.page(visitor, yes(), vec![]);
        bed.hold();
        bed.page(visitor, yes(), vec![in_cart("cart-8")]);
        bed.order(json!({"event_id": "order-8", "order_id": "308", "user": {"email": email_of(visitor)}}));
        bed.page(visitor, word, vec![]);
        bed.let_go();
        for event_id in ["cart-8", "order-8"] {
            let (state, consent) = bed.delivery(event_id);
            assert_eq!(
                (state.as_str(), consent.split(':').next()),
                ("delivered", Some(decision)),
                "{event_id}"
            );
            assert_eq!(bed.sent(event_id).get("user"), None, "{event_id}");
        }
        nothing_of_them_was_sent(&bed, &[visitor]);
    }
}

/// A no to any purpose that the destination requires, and to the platform itself, is a withdrawal too.
#[test]
fn a_no_to_anything_required_is_a_withdrawal() {
    let analytics_no = json!({"advertising": "granted", "analytics": "denied", "signal": "cookiebot"});
    let vendor_no = json!({"vendors": {"tiktok": "denied"}, "signal": "didomi"});
    let vendor_yes = json!({"vendors": {"tiktok": "granted"}, "signal": "didomi"});
    let cases: [(&str, Value, Value); 2] = [
        ("requires = [\"advertising\", \"analytics\"]", yes(), analytics_no),
        ("requires = [\"advertising\"]", vendor_yes, vendor_no),
    ];
    let kept_back = cases.map(|(requires, before, after)| {
        let bed = Bed::with(requires);
        let visitor = "visitor0of0a0tool0";
        bed.page_at(visitor, before.clone(), 60_000, vec![]);
        bed.hold();
        bed.page_at(visitor, before, 60_000, vec![in_cart("cart-6")]);
        bed.page(visitor, after, vec![]);
        bed.let_go();
        bed.taken("cart-6") == 0
    });
    assert_eq!(kept_back, [true, true], "analytics, the platform itself");
}

/// A tab that was open for days knows how old its yes is.
#[test]
fn a_yes_of_days_ago_does_not_lift_a_no() {
    let bed = Bed::open();
    let visitor = "visitor0days0later";
    bed.page_at(visitor, yes(), 60_000, vec![]);
    bed.page(visitor, no(), vec![]);
    bed.page_at(visitor, yes(), 4 * 86_400_000, vec![in_cart("cart-7")]);
    bed.is_kept_back("cart-7", "withdrawn");
}
