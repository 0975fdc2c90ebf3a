//! An order keeps the answer it was placed under, whatever its buyer's pages say later, but for a later no.

use serde_json::json;

use super::bed::{Bed, email_of, line, meta, no, thank_you, yes};

const BUYER: &str = "visitor0who0buys00";

fn billing() -> serde_json::Value {
    json!({"country": "DE", "email": email_of(BUYER)})
}

#[test]
fn the_orders_own_yes_holds() {
    let bed = Bed::open();
    // What the page says has nothing to do with it: nothing, a yes, a preset.
    bed.page(BUYER, json!(null), vec![]);
    bed.page(BUYER, yes(), vec![thank_you("401")]);
    bed.webhook(json!({"id": 401, "billing": billing(), "meta_data": meta("granted")}));
    bed.is_sent("wc_order_401");
    bed.page(BUYER, json!({"advertising": "granted", "default": true, "signal": "cookiebot"}), vec![]);
    // Later reports of it say nothing themselves.
    assert_eq!(bed.webhook(json!({"id": 401, "billing": billing()})), "duplicate");
    bed.webhook(json!({"id": 401, "billing": billing(), "total": "80.00", "line_items": [line(1), line(2)]}));
    bed.is_sent("wc_order_401_bump_1");
    bed.webhook(json!({"id": 402, "parent_id": 401, "billing": {"country": "DE"}}));
    bed.is_sent("wc_order_402");
}

#[test]
fn an_order_that_was_denied_stays_denied() {
    for restarts in [false, true] {
        let mut bed = Bed::open();
        bed.webhook(json!({"id": 411, "billing": billing(), "meta_data": meta("denied")}));
        bed.is_kept_back("wc_order_411", "order_consent");
        // The buyer says yes meanwhile, on the page that names the order among others.
        bed.page(BUYER, yes(), vec![thank_you("411")]);
        if restarts {
            bed = bed.killed();
        }
        bed.webhook(json!({"id": 411, "billing": billing()}));
        bed.webhook(
            json!({"id": 411, "billing": billing(), "total": "80.00", "line_items": [line(1), line(2)]}),
        );
        bed.webhook(json!({"id": 412, "parent_id": 411, "billing": billing()}));
        bed.gateway.drain();
        for event_id in ["wc_order_411", "wc_order_411_bump_1", "wc_order_412"] {
            assert_eq!(bed.taken(event_id), 0, "{event_id}");
        }
        bed.is_kept_back("wc_order_412", "order_consent");
        // Another order of the same buyer goes by what the buyer says now.
        bed.webhook(json!({"id": 413, "billing": billing()}));
        bed.is_sent("wc_order_413");
    }
}

/// The word that the buyer's page had said when the order was placed is the order's.
#[test]
fn an_order_that_was_denied_by_its_page_stays_denied() {
    let bed = Bed::open();
    bed.page_at(BUYER, yes(), 120_000, vec![thank_you("421")]);
    bed.page_at(BUYER, no(), 60_000, vec![]);
    bed.webhook(json!({"id": 421, "billing": billing()}));
    assert_eq!((bed.delivery("wc_order_421").0.as_str(), bed.taken("wc_order_421")), ("skipped", 0));
    bed.page(BUYER, yes(), vec![]);
    bed.webhook(json!({"id": 421, "billing": billing()}));
    bed.webhook(json!({"id": 421, "billing": billing(), "total": "80.00", "line_items": [line(1), line(2)]}));
    bed.webhook(json!({"id": 422, "parent_id": 421, "billing": billing()}));
    bed.gateway.drain();
    for event_id in ["wc_order_421", "wc_order_421_bump_1", "wc_order_422"] {
        assert_eq!(bed.taken(event_id), 0, "{event_id}");
    }
}

#[test]
fn a_renewal_goes_by_its_own_meta_else_by_its_first_order() {
    let bed = Bed::open();
    let renewal = |id: u32, parent: u32, word: Option<&str>| {
        let meta_data = word.map_or(json!([]), meta);
        bed.webhook(json!({
            "id": id, "parent_id": parent, "created_via": "subscription", "billing": billing(), "meta_data": meta_data,
        }));
    };
    bed.webhook(json!({"id": 431, "billing": billing(), "meta_data": meta("granted")}));
    bed.webhook(json!({"id": 432, "billing": billing(), "meta_data": meta("denied")}));
    renewal(433, 431, Some("granted"));
    renewal(434, 431, None);
    renewal(435, 431, Some("denied"));
    renewal(436, 432, Some("granted"));
    renewal(437, 432, None);
    renewal(438, 432, Some("denied"));
    for id in [431, 433, 434, 436] {
        bed.is_sent(&format!("wc_order_{id}"));
    }
    for id in [432, 435, 437, 438] {
        bed.is_kept_back(&format!("wc_order_{id}"), "order_consent");
    }
}

/// A later no of the buyer's ends even what the order itself had allowed.
#[test]
fn only_a_later_no_changes_it() {
    let bed = Bed::open();
    bed.page_at(BUYER, yes(), 60_000, vec![thank_you("441")]);
    bed.hold();
    bed.webhook(json!({"id": 441, "billing": billing(), "meta_data": meta("granted"), "date_created_gmt": "2026-01-01T00:00:00"}));
    bed.page(BUYER, no(), vec![]);
    let bed = bed.killed();
    bed.let_go();
    bed.is_kept_back("wc_order_441", "withdrawn");
}
