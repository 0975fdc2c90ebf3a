//! Slips of senders that the door remarks on: each once where it is, and not where something only looks like it.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

use tandem_core::consent::{Consent, Status};
use tandem_core::door::{Draft, admit};
use tandem_core::identity::{ClickIds, MatchKeys, Raw, RawIdentity, hash_identity};
use tandem_core::normalise::hash::sha256_hex;
use tandem_core::{Channel, Event, Finding, Page, Site};

const NOW_S: i64 = 1_800_000_000;

fn hashed(email: &[&str], phone: &[&str]) -> (MatchKeys, Vec<Finding>) {
    let raw = |values: &[&str]| values.iter().map(|value| Raw::new(*value)).collect();
    hash_identity(RawIdentity { email: raw(email), phone: raw(phone), ..RawIdentity::default() })
}

fn codes(findings: &[Finding]) -> Vec<String> {
    let place = |finding: &Finding| finding.field.as_deref().unwrap_or_default().to_owned();
    findings.iter().map(|finding| format!("{} {}", finding.code, place(finding))).collect()
}

#[test]
fn hashes_with_a_slip() {
    let right = sha256_hex("ada@navy.example");
    let upper = right.to_uppercase();
    let cut = &right[..63];
    let marked = format!("{upper}.AQ");
    let cases = [
        (right.as_str(), vec![], true),
        (&upper, vec!["email_hash_case email[0]"], true),
        (&marked, vec!["email_hash_case email[0]"], true),
        (cut, vec!["email_hash_length email[0]"], false),
        (&right[..41], vec!["email_hash_length email[0]"], false),
        (&right[..40], vec!["email_unsupported_hash email[0]"], false),
        (&right[..39], vec!["email_invalid email[0]"], false),
        ("ada@navy.example", vec![], true),
    ];
    for (given, expected, is_right) in cases {
        let (keys, findings) = hashed(&[given], &[]);
        if is_right {
            assert_eq!(keys.emails().collect::<Vec<_>>(), [right.as_str()], "{given}");
        }
        assert_eq!(codes(&findings), expected, "{given}");
    }
    let digits = "1".repeat(50);
    assert_eq!(codes(&hashed(&[], &[&digits]).1), ["phone_invalid phone[0]"], "digits alone are no hash");
    assert_eq!(codes(&hashed(&[], &[cut]).1), ["phone_hash_length phone[0]"]);
    // An id may be any text, also one of 63 hexadecimal digits.
    let id = RawIdentity { external_id: vec![Raw::new(cut)], ..RawIdentity::default() };
    assert!(hash_identity(id).1.is_empty());
    let id = RawIdentity { external_id: vec![Raw::new(upper)], ..RawIdentity::default() };
    assert_eq!(codes(&hash_identity(id).1), ["external_id_hash_case external_id[0]"]);
}

#[test]
fn addresses_that_only_tests_use() {
    let hash = sha256_hex("test@test.com");
    let cases = [
        ("test@test.com", true),
        (" Test@Example.com ", true),
        ("a@a.com", true),
        (hash.as_str(), true),
        ("testa@web.de", false),
        ("john.doe@gmail.com", false),
        ("test@shop.example", false),
    ];
    for (given, is_test) in cases {
        let (keys, findings) = hashed(&[given], &[]);
        let expected: &[&str] = if is_test { &["email_test_address email[0]"] } else { &[] };
        assert_eq!(codes(&findings), expected, "{given}");
        assert_eq!(keys.emails().count(), 1, "{given}: it is kept");
    }
}

#[test]
fn a_hash_beside_its_plain_value() {
    let mail = "Ada.Lovelace@gmail.com";
    let base = sha256_hex("ada.lovelace@gmail.com");
    let emails = [
        (base.clone(), false, 1),
        (sha256_hex(mail), true, 1),
        (sha256_hex("ADA.LOVELACE@GMAIL.COM"), true, 1),
        (sha256_hex("adalovelace@gmail.com"), true, 1),
        (sha256_hex(&base), true, 1),
        (sha256_hex("grace@navy.example"), false, 2),
    ];
    for (hash, differs, kept) in emails {
        for given in [[mail, hash.as_str()], [hash.as_str(), mail]] {
            let (keys, findings) = hashed(&given, &[]);
            let expected: &[&str] = if differs { &["email_hash_differs email"] } else { &[] };
            assert_eq!(codes(&findings), expected, "{given:?}");
            assert_eq!(keys.emails().count(), kept, "{given:?}");
            assert!(keys.emails().any(|email| email == base), "the right one stays");
        }
    }
    let number = "+1 213 373 4253";
    let phones = [
        (sha256_hex("+12133734253"), false, 1),
        (sha256_hex("12133734253"), true, 1),
        (sha256_hex("0012133734253"), true, 1),
        (sha256_hex(number), true, 1),
        (sha256_hex(&sha256_hex("+12133734253")), true, 1),
        (sha256_hex("+12133734254"), false, 2),
    ];
    for (hash, differs, kept) in phones {
        let (keys, findings) = hashed(&[], &[number, &hash]);
        let expected: &[&str] = if differs { &["phone_hash_differs phone"] } else { &[] };
        assert_eq!(codes(&findings), expected, "{hash}");
        assert_eq!(keys.phones_e164().count(), kept, "{hash}");
    }
}

fn findings(draft: Draft) -> Vec<String> {
    let mut event = draft.event;
    event.event_name = "AddToWishlist".into();
    let identity = RawIdentity { user_agent: Some(Raw::new("Mozilla/5.0 (X11)")), ..draft.identity };
    let draft = Draft {
        event,
        identity,
        event_id: draft.event_id.or(Some("w_1".into())),
        event_time: Some(NOW_S),
        ..draft
    };
    let site = Site { id: "shop".into(), ..Site::default() };
    codes(&admit(draft, &site, NOW_S).unwrap().0.findings)
}

#[test]
fn ids_that_may_be_counted_by_others() {
    let cases =
        [("891", true), ("00000891", true), ("1719403921123", false), ("order_891", false), ("8f1", false)];
    for (id, is_bare) in cases {
        let expected: &[&str] = if is_bare { &["event_id_bare_number event_id"] } else { &[] };
        assert_eq!(findings(Draft { event_id: Some(id.into()), ..Draft::default() }), expected, "{id}");
    }
}

fn landing(url: &str, referrer: Option<&str>) -> Draft {
    let page = Page { url: Some(url.into()), referrer: referrer.map(str::to_owned), title: None };
    Draft { event: Event { channel: Channel::Browser, page, ..Event::default() }, ..Draft::default() }
}

#[test]
fn paid_visits_without_their_click() {
    const STRIPPED: &str = "click_id_stripped page.url";
    let paid = "https://s.example/p?utm_source=tiktok&utm_medium=paid";
    assert_eq!(findings(landing(paid, None)), [STRIPPED]);
    assert_eq!(findings(landing(paid, Some("https://www.tiktok.com/"))), [STRIPPED]);
    assert!(findings(landing(paid, Some("https://s.example/"))).is_empty(), "not the first page");
    assert!(findings(landing(&format!("{paid}&ttclid=E.C.P.x"), None)).is_empty());
    assert!(findings(landing("https://s.example/p?utm_source=tiktok", None)).is_empty());
    assert!(findings(landing("https://s.example/p", Some("https://www.tiktok.com/"))).is_empty(), "organic");

    let mut known = landing(paid, None);
    known.identity.click_ids = ClickIds { ttclid: Some("E.C.P.x".into()), ..ClickIds::default() };
    assert!(findings(known).is_empty(), "kept in a cookie");
    let mut unfilled = landing(paid, None);
    unfilled.identity.click_ids = ClickIds { ttclid: Some("__CLICKID__".into()), ..ClickIds::default() };
    assert_eq!(findings(unfilled), ["ttclid_unresolved_macro ttclid"]);
    let mut refused = landing(paid, None);
    refused.event.consent = Consent { advertising: Status::Denied, ..Consent::default() };
    assert!(findings(refused).is_empty());
    let mut server = landing(paid, None);
    server.event.channel = Channel::Server;
    assert!(findings(server).is_empty(), "an order's landing page is not where it was placed");

    let site = Site { id: "shop".into(), ..Site::default() };
    let mut draft = landing(&format!("{paid}&utm_campaign=x"), None);
    draft.event.event_name = "Pageview".into();
    let event = admit(draft, &site, NOW_S).unwrap().0;
    let told = event.findings.iter().find(|f| f.code == "click_id_stripped").unwrap();
    assert!(told.message.contains("https://s.example/p drops"), "{}", told.message);
}
