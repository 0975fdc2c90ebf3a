//! Sessions on a real file: what is remembered of a visitor, what leads there, and when it is forgotten.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod common;

use common::{Rig, accepted, page, with_word};
use tandem_core::consent::Status;
use tandem_core::identity::{ClickIds, EmailHashes};
use tandem_core::session::{Clues, Touch, Via};
use tandem_store::{Batch, NewTouch, Notice, NoticeKind, Options, Store};

const DAY: i64 = 86_400_000;
const MINUTE: i64 = 60_000;

fn click(touch: Touch, ttclid: &str) -> Touch {
    Touch { click_ids: ClickIds { ttclid: Some(ttclid.into()), ..ClickIds::default() }, ..touch }
}

fn from(touch: Touch, address: &str) -> Touch {
    Touch { address: Some(address.into()), ..touch }
}

fn mail(touch: Touch, hash: &str) -> Touch {
    Touch { email: vec![EmailHashes { sha256: Some(hash.into()), ..EmailHashes::default() }], ..touch }
}

fn by_visitor(visitor: &str) -> Clues {
    Clues { visitor: Some(visitor.into()), ..Clues::default() }
}

fn by_order(order: &str) -> Clues {
    Clues { order_id: Some(order.into()), ..Clues::default() }
}

fn by_mail(hash: &str) -> Clues {
    Clues { email: vec![hash.into()], ..Clues::default() }
}

/// How somebody is found, and who.
fn found(rig: &Rig, clues: &Clues) -> Option<(Via, String)> {
    rig.store.session("shop", clues).unwrap().map(|found| (found.via, found.visitor))
}

#[tokio::test]
async fn touches_of_a_visitor_make_one_session_over_a_restart() {
    let rig = Rig::new().await;
    rig.touch(click(from(page("v", DAY, &[]), "203.0.113.7"), "A")).await;
    rig.touch(page("v", 2 * DAY, &[])).await;
    let rig = rig.restarted().await;
    rig.touch(click(page("v", 3 * DAY, &[]), "B")).await;
    let found = rig.store.session("shop", &by_visitor("v")).unwrap().unwrap();
    assert_eq!((found.via, found.visitor.as_str()), (Via::VisitorId, "v"));
    assert_eq!((found.session.first_ms, found.session.last_ms), (DAY, 3 * DAY));
    let clicks = &found.session.clicks["ttclid"];
    assert_eq!((clicks.first.value.as_str(), clicks.last().value.as_str()), ("A", "B"));
    assert_eq!(found.address.as_deref(), Some("203.0.113.7"), "a touch without one leaves it");
    assert_eq!(rig.store.session("other", &by_visitor("v")).unwrap(), None, "sites do not mix");
    assert_eq!(rig.store.totals().unwrap().sessions, 1);
}

#[tokio::test]
async fn reading_on_writes_once_a_minute() {
    let rig = Rig::new().await;
    let last = |rig: &Rig| rig.store.session("shop", &by_visitor("v")).unwrap().unwrap().session.last_ms;
    rig.touch(page("v", DAY, &["7"])).await;
    rig.touch(page("v", DAY + MINUTE - 1, &["7"])).await;
    assert_eq!(last(&rig), DAY);
    rig.touch(page("v", DAY + MINUTE, &["7"])).await;
    assert_eq!(last(&rig), DAY + MINUTE);
    rig.touch(with_word(page("v", DAY + MINUTE + 1, &["7"]), Status::Granted)).await;
    assert_eq!(last(&rig), DAY + MINUTE + 1, "news are written at once");
}

#[tokio::test]
async fn the_newest_address_counts() {
    let rig = Rig::new().await;
    let address = |rig: &Rig| rig.store.session("shop", &by_visitor("v")).unwrap().unwrap().address;
    rig.touch(page("v", DAY, &[])).await;
    assert_eq!(address(&rig), None);
    rig.touch(from(page("v", DAY + 1, &[]), "203.0.113.7")).await;
    assert_eq!(address(&rig).as_deref(), Some("203.0.113.7"), "an address is news");
    rig.touch(from(page("v", DAY - 1, &[]), "198.51.100.9")).await;
    assert_eq!(address(&rig).as_deref(), Some("203.0.113.7"), "an older touch came late");
    rig.touch(from(page("v", DAY + 2, &[]), "198.51.100.9")).await;
    assert_eq!(address(&rig).as_deref(), Some("198.51.100.9"));
}

#[tokio::test]
async fn the_visitor_id_is_asked_first_then_the_order_then_the_addresses() {
    let rig = Rig::new().await;
    rig.touch(page("visitor", DAY, &[])).await;
    rig.touch(page("order", DAY, &["7"])).await;
    rig.touch(mail(page("mail", DAY, &[]), "hash")).await;
    let mut all = Clues {
        visitor: Some("visitor".into()),
        order_id: Some("7".into()),
        email: vec!["nobody's".into(), "hash".into()],
    };
    assert_eq!(found(&rig, &all), Some((Via::VisitorId, "visitor".into())));
    all.visitor = Some("nobody".into());
    assert_eq!(found(&rig, &all), Some((Via::OrderId, "order".into())));
    all.order_id = Some("8".into());
    assert_eq!(found(&rig, &all), Some((Via::Email, "mail".into())));
    assert_eq!(found(&rig, &by_mail("7")), None, "an order is no address");
    assert_eq!(found(&rig, &Clues::default()), None);
}

#[tokio::test]
async fn an_address_leads_to_the_newest_visitor() {
    let rig = Rig::new().await;
    rig.touch(mail(page("a", 2 * DAY, &[]), "hash")).await;
    rig.touch(mail(page("b", 2 * DAY, &[]), "hash")).await;
    rig.touch(mail(page("c", DAY, &[]), "hash")).await;
    let late = "an older day's touch came late";
    assert_eq!(found(&rig, &by_mail("hash")), Some((Via::Email, "b".into())), "{late}");
    rig.touch(mail(page("a", 3 * DAY, &[]), "hash")).await;
    assert_eq!(found(&rig, &by_mail("hash")), Some((Via::Email, "a".into())));
}

#[tokio::test]
async fn an_order_that_two_visitors_name_leads_nowhere() {
    let rig = Rig::new().await;
    rig.touch(page("a", 2 * DAY, &["7"])).await;
    rig.touch(page("a", 3 * DAY, &["7"])).await;
    assert_eq!(found(&rig, &by_order("7")), Some((Via::OrderId, "a".into())));
    rig.touch(page("b", 2 * DAY, &["7"])).await;
    assert_eq!(found(&rig, &by_order("7")), None);
    rig.touch(page("a", 4 * DAY, &["7"])).await;
    assert_eq!(found(&rig, &by_order("7")), None, "once contested, always contested");
}

#[tokio::test]
async fn a_no_leaves_nothing_but_itself() {
    let rig = Rig::new().await;
    let yes = with_word(page("v", DAY, &["7"]), Status::Granted);
    rig.touch(mail(click(from(yes, "203.0.113.7"), "A"), "hash")).await;
    let no = |visitor: &str| Touch { visitor: visitor.into(), at_ms: 2 * DAY, ..Touch::default() };
    rig.touch(with_word(no("v"), Status::Denied)).await;
    let left = rig.store.session("shop", &by_mail("hash")).unwrap().unwrap();
    assert_eq!(left.address, None);
    assert!(left.session.is_refused() && left.session.clicks.is_empty() && left.session.email.is_empty());
    // Of somebody who was never there, nothing is kept at all.
    rig.touch(with_word(no("w"), Status::Denied)).await;
    assert_eq!(rig.store.visitor("shop", "w").unwrap(), None);
}

#[tokio::test]
async fn a_person_may_look_at_a_visitor() {
    let rig = Rig::new().await;
    assert_eq!(rig.store.visitor("shop", "v").unwrap(), None);
    let touch = with_word(page("v", DAY, &["7"]), Status::Granted);
    rig.touch(mail(click(from(touch, "203.0.113.7"), "A"), "hash")).await;
    let seen = rig.store.visitor("shop", "v").unwrap().unwrap();
    assert_eq!((&seen["ttclid"], &seen["first_seen"]), (&"A".into(), &"1970-01-02T00:00:00.000Z".into()));
    assert_eq!(seen["landing"], "https://shop.example/");
    assert_eq!(seen["state"]["consent"]["advertising"], "granted");
    let links = serde_json::json!([
        { "kind": "email", "key": "hash", "last_seen": "1970-01-02" },
        { "kind": "order", "key": "7", "last_seen": "1970-01-02" },
    ]);
    assert_eq!(seen["links"], links);
    assert!(!seen.to_string().contains("203.0.113.7"), "{seen}");
}

#[tokio::test]
async fn sessions_are_forgotten_by_the_day_and_addresses_before() {
    let mut rig = Rig::new().await;
    let path = rig.folder.path().join("pruned.db");
    let options = Options { retention_ms: 90 * DAY, address_ms: 8 * DAY, ..Options::new(path) };
    rig.store = Store::open(options).unwrap();
    let old = (0..1_200).map(|n| {
        let touch = mail(page(&format!("old{n}"), DAY, &[&n.to_string()]), &format!("hash{n}"));
        NewTouch { site: "shop".into(), touch: from(touch, "203.0.113.7") }
    });
    rig.store.append(Batch { touches: old.collect(), ..Batch::default() }, DAY).await.unwrap();
    rig.touch(from(page("back", DAY, &[]), "203.0.113.7")).await;
    // Without an address: the visitor is remembered for longer, the address is not.
    rig.touch(Touch { visitor: "back".into(), at_ms: 5 * DAY, ..Touch::default() }).await;
    let count = |rig: &Rig, what: &str| rig.value::<i64>(&format!("SELECT count(*) FROM {what}"));

    while rig.store.prune(9 * DAY - 1).await.unwrap() {}
    assert_eq!(count(&rig, "sessions WHERE ip IS NOT NULL"), 1_201);
    while rig.store.prune(9 * DAY).await.unwrap() {}
    assert_eq!(count(&rig, "sessions WHERE ip IS NOT NULL OR ip_day IS NOT NULL"), 0);
    assert_eq!(rig.store.session("shop", &by_visitor("back")).unwrap().unwrap().address, None);

    while rig.store.prune(92 * DAY - 1).await.unwrap() {}
    assert_eq!((count(&rig, "sessions"), count(&rig, "session_links")), (1_201, 2_400));
    while rig.store.prune(92 * DAY).await.unwrap() {}
    assert_eq!((count(&rig, "sessions"), count(&rig, "session_links")), (1, 0));
    assert_eq!(found(&rig, &by_order("7")), None);
    rig.touch(page("back", 93 * DAY, &[])).await;
    while rig.store.prune(95 * DAY).await.unwrap() {}
    assert_eq!(count(&rig, "sessions"), 1, "who comes back is remembered anew");
}

#[tokio::test]
async fn without_retention_only_addresses_go() {
    let mut rig = Rig::new().await;
    let path = rig.folder.path().join("kept.db");
    rig.store = Store::open(Options { retention_ms: 0, ..Options::new(path) }).unwrap();
    rig.touch(from(page("v", DAY, &["7"]), "203.0.113.7")).await;
    while rig.store.prune(9_999 * DAY).await.unwrap() {}
    let found = rig.store.session("shop", &by_order("7")).unwrap().unwrap();
    assert_eq!((found.visitor.as_str(), found.address), ("v", None));
}

#[tokio::test]
async fn a_failed_transaction_leaves_no_half() {
    let rig = Rig::new().await;
    let breaker = rusqlite::Connection::open(rig.store.path()).unwrap();
    let trigger = "CREATE TRIGGER broken BEFORE INSERT ON notices BEGIN SELECT RAISE(ABORT, 'drill'); END";
    breaker.execute_batch(trigger).unwrap();
    let batch = || Batch {
        events: vec![rig.event("Lead", "1")],
        notices: vec![Notice {
            site: "shop".into(),
            source: "events".into(),
            kind: NoticeKind::Ignored,
            code: "x".into(),
            message: String::new(),
            field: None,
            event_name: None,
            event_id: None,
            order_id: None,
        }],
        touches: vec![NewTouch { site: "shop".into(), touch: mail(page("v", DAY, &["7"]), "hash") }],
        numbers: vec![],
    };
    rig.store.append(batch(), DAY).await.unwrap_err();
    assert!(!rig.store.writable());
    for table in ["events", "deliveries", "claims", "sessions", "session_links"] {
        assert_eq!(rig.value::<i64>(&format!("SELECT count(*) FROM {table}")), 0, "{table}");
    }
    breaker.execute_batch("DROP TRIGGER broken").unwrap();
    assert_eq!(rig.store.append(batch(), DAY).await.unwrap(), [accepted(1)], "its claim was given back");
    assert_eq!(found(&rig, &by_order("7")), Some((Via::OrderId, "v".into())));
}
