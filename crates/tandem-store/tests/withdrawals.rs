//! A visitor who said no: when that was, and that nothing older undoes it.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod common;

use common::{Rig, page, word};
use tandem_core::consent::Status::{self, Denied, Granted};
use tandem_core::identity::{ClickIds, EmailHashes};
use tandem_core::session::{Clues, Session, Touch, Via};
use tandem_store::{Batch, NewTouch};

/// What was under way when a no was said counts as earlier, for so many milliseconds.
const UNDER_WAY: i64 = 5_000;

/// A page of the visitor's on which a banner tells what was said when.
fn said(visitor: &str, at_ms: i64, advertising: Status, said_ms: i64) -> Touch {
    Touch { consent: Some(word(advertising, "cookiebot", said_ms)), ..page(visitor, at_ms, &[]) }
}

/// The same with all that there is to remember.
fn full(touch: Touch, order: &str, mail: &str) -> Touch {
    Touch {
        click_ids: ClickIds { ttclid: Some("A".into()), ..ClickIds::default() },
        address: Some("203.0.113.7".into()),
        email: vec![EmailHashes { sha256: Some(mail.into()), ..EmailHashes::default() }],
        orders: vec![order.into()],
        ..touch
    }
}

fn known(rig: &Rig) -> (Session, Option<String>) {
    let clues = Clues { visitor: Some("v".into()), ..Clues::default() };
    let found = rig.store.session("shop", &clues).unwrap().unwrap();
    (found.session, found.address)
}

fn leads(rig: &Rig, clues: &Clues) -> Option<(Via, String)> {
    rig.store.session("shop", clues).unwrap().map(|found| (found.via, found.visitor))
}

fn by_order(order: &str) -> Clues {
    Clues { order_id: Some(order.into()), ..Clues::default() }
}

fn by_mail(hash: &str) -> Clues {
    Clues { email: vec![hash.into()], ..Clues::default() }
}

#[tokio::test]
async fn the_last_no_is_known_by_site() {
    let rig = Rig::new().await;
    let last = |site: &str| rig.store.last_refusal_ms(site);
    assert_eq!(last("shop"), 0, "nothing could have been withdrawn");
    rig.append(rig.event("Lead", "1"), 100).await;
    assert_eq!(last("shop"), 0);
    rig.touch(said("v", 200, Granted, 200)).await;
    rig.touch_at(said("w", 200, Denied, 200), 210).await;
    assert_eq!(last("shop"), 0, "who was never known takes nothing back");
    rig.touch_at(said("v", 300, Denied, 300), 310).await;
    assert_eq!((last("shop"), last("other")), (310 + UNDER_WAY, 0), "by the writer's clock");
    rig.touch(said("x", 320, Granted, 320)).await;
    rig.touch_at(said("x", 350, Denied, 350), 330).await;
    assert_eq!(last("shop"), 350 + UNDER_WAY, "or by the touch's, if that is later");
}

#[tokio::test]
async fn only_a_new_no_counts() {
    let rig = Rig::new().await;
    rig.touch(said("v", 100, Granted, 100)).await;
    rig.touch_at(said("v", 90, Denied, 50), 200).await;
    assert_eq!(rig.store.last_refusal_ms("shop"), 0, "the yes is newer");
    rig.touch(said("v", 300, Denied, 300)).await;
    assert_eq!(rig.store.last_refusal_ms("shop"), 300 + UNDER_WAY);
    rig.touch(said("v", 400, Denied, 300)).await;
    assert_eq!(rig.store.last_refusal_ms("shop"), 300 + UNDER_WAY, "the same no on another page");
    rig.touch(said("v", 500, Denied, 500)).await;
    assert_eq!(
        rig.store.last_refusal_ms("shop"),
        500 + UNDER_WAY,
        "said again, it may take back what was allowed meanwhile"
    );
    rig.touch(said("v", 600, Granted, 600)).await;
    assert_eq!(rig.store.last_refusal_ms("shop"), 500 + UNDER_WAY);
}

#[tokio::test]
async fn at_opening_everything_in_the_log_may_have_been_withdrawn() {
    let rig = Rig::new().await;
    rig.touch(said("v", 100, Granted, 100)).await;
    rig.append(rig.event("Lead", "1"), 700).await;
    // The clock was set back a little.
    rig.append(rig.event("Lead", "2"), 650).await;
    let rig = rig.restarted().await;
    assert_eq!((rig.store.last_refusal_ms("shop"), rig.store.last_refusal_ms("other")), (700, 700));
    // A clock that is set back makes no no older than what came in before it.
    rig.append(rig.event("Lead", "3"), 900).await;
    rig.touch(said("v", 500, Denied, 500)).await;
    assert_eq!(
        (rig.store.last_refusal_ms("shop"), rig.store.last_refusal_ms("other")),
        (900 + UNDER_WAY, 700)
    );
}

#[tokio::test]
async fn a_no_that_could_not_be_kept_was_not_said() {
    let rig = Rig::new().await;
    rig.touch(said("v", 100, Granted, 100)).await;
    let breaker = rusqlite::Connection::open(rig.store.path()).unwrap();
    breaker
        .execute_batch(
            "CREATE TRIGGER broken BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'drill'); END",
        )
        .unwrap();
    let touches = || vec![NewTouch { site: "shop".into(), touch: said("v", 200, Denied, 200) }];
    let both = || Batch { events: vec![rig.event("Lead", "1")], touches: touches(), ..Batch::default() };
    rig.store.append(both(), 200).await.unwrap_err();
    assert_eq!(rig.store.last_refusal_ms("shop"), 0);
    assert!(!known(&rig).0.is_refused());
    breaker.execute_batch("DROP TRIGGER broken").unwrap();
    rig.store.append(both(), 200).await.unwrap();
    assert_eq!(rig.store.last_refusal_ms("shop"), 200 + UNDER_WAY);
}

#[tokio::test]
async fn an_older_yes_does_not_lift_a_no() {
    let rig = Rig::new().await;
    rig.touch(said("v", 100, Granted, 100)).await;
    rig.touch(said("v", 300, Denied, 300)).await;
    let before = known(&rig);
    // A tab that was opened before posts on under its yes, and another touch of it came late.
    rig.touch(full(said("v", 400, Granted, 100), "7", "hash")).await;
    rig.touch_at(full(said("v", 200, Granted, 200), "7", "hash"), 410).await;
    // So does a shop's webhook that carries the visitor id, and has no word at all.
    rig.touch(full(Touch { visitor: "v".into(), at_ms: 500, ..Touch::default() }, "7", "hash")).await;
    assert_eq!(known(&rig), before);
    assert_eq!((leads(&rig, &by_order("7")), leads(&rig, &by_mail("hash"))), (None, None));
    assert_eq!(rig.value::<i64>("SELECT count(*) FROM session_links"), 0);
    rig.touch(full(said("v", 600, Granted, 550), "7", "hash")).await;
    let (session, address) = known(&rig);
    assert!(!session.is_refused() && session.clicks.contains_key("ttclid"));
    assert_eq!(address.as_deref(), Some("203.0.113.7"));
    assert_eq!(leads(&rig, &by_order("7")), Some((Via::OrderId, "v".into())));
    assert_eq!(leads(&rig, &by_mail("hash")), Some((Via::Email, "v".into())));
}

#[tokio::test]
async fn a_no_that_stands_keeps_nothing_whatever_comes_in_which_order() {
    let rig = Rig::new().await;
    rig.touch(said("v", 100, Granted, 100)).await;
    // Said long ago, heard of now; the yes on an earlier page was said later, and comes in last.
    rig.touch(said("v", 400, Denied, 150)).await;
    rig.touch_at(full(said("v", 300, Granted, 250), "7", "hash"), 410).await;
    let (session, address) = known(&rig);
    let forgotten = session.clicks.is_empty() && session.email.is_empty() && address.is_none();
    assert!(forgotten || !session.is_refused(), "{session:?}");
    assert_eq!(leads(&rig, &by_order("7")).is_none(), session.is_refused());
}

#[tokio::test]
async fn what_led_to_a_visitor_still_leads_to_the_no() {
    let rig = Rig::new().await;
    rig.touch(full(said("v", 100, Granted, 100), "7", "hash")).await;
    rig.touch(said("v", 200, Denied, 200)).await;
    let found = rig.store.session("shop", &by_order("7")).unwrap().unwrap();
    assert!(found.session.is_refused() && found.session.clicks.is_empty());
    assert_eq!(found.address, None);
    // Another visitor does not take the order over under cover of that.
    rig.touch(full(said("w", 300, Granted, 300), "7", "other")).await;
    assert_eq!(leads(&rig, &by_order("7")), None);
}
