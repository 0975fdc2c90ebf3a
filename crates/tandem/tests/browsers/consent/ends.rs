//! From the first page to the order, with a yes, with a no, and with a yes that is taken back; and each half alone.

use axum::http::StatusCode;
use axum::http::header::LOCATION;
use tandem_sandbox::{Fault, FaultKind};

use super::*;
use crate::front::Outcome;
use crate::harness::Client;
use crate::orders;
use crate::shop::{ALL_KEYS, assert_keys, paid};

const YES: &str =
    "document.cookie = 'cmplz_marketing=allow; Path=/'; document.cookie = 'cmplz_statistics=deny; Path=/';";
const NO: &str =
    "document.cookie = 'cmplz_marketing=deny; Path=/'; document.cookie = 'cmplz_statistics=deny; Path=/';";
const EVENT: &str = "document.dispatchEvent(new CustomEvent('cmplz_status_change', {detail: {}}))";

pub(crate) fn a_yes_on_the_third_page_and_an_order(kind: Kind) {
    let stage = Stage::open(kind);
    let browser = &stage.shop.browser;
    browser.goto(&stage.shop.origin.url("/?ttclid=E.C.P.too-early-0000"));
    browser.wait_until(HAS_BEGUN);
    browser.goto(&stage.shop.origin.url("/product/mug"));
    browser.wait_until(HAS_BEGUN);
    browser.click("#add");
    browser.wait_until("document.querySelector('#add').textContent === 'In the cart'");
    stage.visit("third", "");
    stage.change(&format!("{YES} {EVENT}"));
    stage.until("third", &EVERYWHERE);
    // The page's view waited too; both halves name it alike.
    let views = || stage.shop.conversions("Pageview").into_iter().find(|view| view.channels.len() == 2);
    until("the view of the third page by both halves", || views().is_some());
    assert!(views().and_then(|view| view.page_url).is_some_and(|url| url.contains("/visit/third")));
    stage.shop.walk_to_checkout();
    stage.shop.pay_now();
    let purchase = stage.shop.merged("Purchase");
    assert_keys(&purchase, ALL_KEYS);
    let order = stage.shop.order();
    assert_eq!(stage.delivery(&format!("wc_order_{order}"))["consent"], "send:complianz");
    assert_eq!(stage.shop.record(&order)["user"]["ttclid"], "E.C.P.click-0001");
    // Of the pages before the yes nobody was told.
    let seen = stage.shop.front.seen().into_iter().filter(|seen| seen.path != "/");
    let told: String = seen.map(|seen| format!("{:?} {}", seen.query, seen.text())).collect();
    assert!(!told.contains("too-early"));
    assert_eq!(stage.shop.conversions("AddToCart").len(), 1 + 2);
    stage.shop.assert_nothing_personal();
}

pub(crate) fn the_order_of_a_visitor_who_refused(kind: Kind) {
    // Silence is a no, everywhere.
    refused_and_bought(kind, &Setup { consent: "deny", hold_seconds: 1, ..Setup::default() });
    // Silence is a yes, everywhere.
    refused_and_bought(kind, &Setup { consent: "grant", hold_seconds: 1, ..Setup::default() });
    // Silence is a yes where the order is from; where the visitor is, nobody tells.
    refused_and_bought(kind, &Setup { consent: "by_region", hold_seconds: 1, ..Setup::default() });
}

/// The shop reports the order when the buyer has seen the page that thanks for it: whatever that had to say, it has said.
fn refused_and_bought(kind: Kind, setup: &Setup) {
    let stage = Stage::with(kind, setup);
    let silence_may_be_a_yes = setup.consent != "deny";
    stage.shop.origin.on("/pay", |_| (StatusCode::SEE_OTHER, [(LOCATION, "/thank-you?order=960")]));
    stage.visit("refused", NO);
    stage.shop.walk_to_checkout();
    stage.shop.pay_now();
    stage.shop.browser.wait_until("location.pathname === '/thank-you'");
    stage.shop.browser.wait_until(HAS_BEGUN);
    let left = stage.leave();
    assert!(left.iter().all(|name| name.starts_with("cmplz_")), "{left:?}");
    let posts = || stage.posts(Some("wc_order_960"));
    let is_answered = |(seen, _): &(Seen, Value)| matches!(seen.outcome, Outcome::Answered(..));
    until("the page has told of the order", || !silence_may_be_a_yes || posts().iter().any(is_answered));
    report(&stage, 960, &json!([]));
    until("the order is decided on", || stage.delivery("wc_order_960")["state"] != "waiting");
    stage.shop.gateway.drain();
    let all = stage.shop.stand_in.sandbox.conversions();
    assert_eq!(
        (all.requests, all.hits),
        (0, 0),
        "{}: {:?}",
        setup.consent,
        stage.shop.conversions("Purchase")
    );
    // It tells which order, and no, and nothing else.
    let told = stage.shop.front.seen_at("/x7k2/a");
    assert_eq!((told.len(), told.len()), (posts().len(), usize::from(silence_may_be_a_yes)), "{told:?}");
    for (seen, body) in posts() {
        assert_eq!(seen.header("cookie"), "", "{body}");
        let names: BTreeSet<_> = body.as_object().expect("an object").keys().map(String::as_str).collect();
        assert_eq!(names, BTreeSet::from(["consent", "events", "sent_at", "visitor"]));
        let events = body["events"].as_array().expect("events");
        let names: BTreeSet<_> =
            events[0].as_object().expect("an event").keys().map(String::as_str).collect();
        assert_eq!(
            (events.len(), names),
            (1, BTreeSet::from(["at", "event_id", "event_name", "order_id", "page"]))
        );
        assert_eq!(events[0]["page"], json!({"url": stage.shop.origin.url("/thank-you")}));
        // Under the id that was made up for it nothing is kept but the no.
        let kept: Value =
            serde_json::from_str(&stage.remembered(body["visitor"].as_str().unwrap_or_default())).unwrap();
        assert!(kept["ttclid"].is_null() && kept["landing"].is_null(), "{kept}");
    }
}

pub(crate) fn a_yes_taken_back_while_the_platform_is_away(kind: Kind) {
    let stage = Stage::open(kind);
    stage.visit("agreed", YES);
    stage.until("agreed", &EVERYWHERE);
    stage.shop.wait_for_script();
    let visitor = stage.visitor();
    stage.shop.stand_in.sandbox.set_faults(vec![Fault::always(FaultKind::Http { status: 503 })]);
    stage.shop.walk_to_checkout();
    stage.shop.pay_now();
    stage.shop.browser.wait_until("location.pathname === '/thank-you'");
    let order = format!("wc_order_{}", stage.shop.order());
    until("the pixel's half is there", || !stage.hits(&order).is_empty());
    // Tried once under the yes: as long as it is only held for its page, it has no word that could be taken back.
    until("the order was tried and waits", || {
        let delivery = stage.delivery(&order);
        delivery["state"] == "waiting" && delivery["attempts"].as_i64() > Some(0)
    });
    stage.change(&format!("{NO} {EVENT}"));
    stage.shop.browser.wait_until("!document.cookie.includes('tdv=')");
    assert!(stage.remembered(&visitor).contains("denied"));
    stage.shop.stand_in.sandbox.set_faults(Vec::new());
    stage.shop.gateway.drain();
    let delivery = stage.delivery(&order);
    assert_eq!((&delivery["state"], &delivery["consent"]), (&json!("skipped"), &json!("suppress:withdrawn")));
    // Nor anything else that waited: only what had been sent before is there from the server.
    let conversions = stage.shop.stand_in.sandbox.conversions().conversions;
    let by_server = conversions.iter().filter(|c| c.channels.iter().any(|channel| channel == "server"));
    assert!(
        by_server.clone().all(|c| c.event == "Pageview" || c.event_id.as_deref() == Some("agreed")),
        "{:#?}",
        by_server.collect::<Vec<_>>()
    );
}

/// The gateway alone: whoever writes a body cannot outvote the browser's own cookies.
pub(crate) fn a_forged_yes(kind: Kind) {
    let stage = Stage::open(kind);
    stage.leave();
    let mut tools = tools::with_cookies();
    tools.extend([tools::shopify(), tools::tcf_cookie()]);
    for tool in &tools {
        stage.shop.browser.run(&tool.denied);
        forge(&stage, tool.id);
        assert!(stage.shop.browser.cookie("tdv").is_none(), "{}", tool.id);
        stage.forget();
    }
    assert!(!stage.remembered("forgedvisitor000001").contains("E.C.P"));
    forge(&stage, "believed");
    until("what nothing speaks against is sent", || !stage.sent("believed").is_empty());
    stage.shop.gateway.drain();
    for tool in &tools {
        assert_eq!(stage.went(tool.id), TOLD, "{}", tool.id);
        let delivery = stage.delivery(tool.id);
        let why = if tool.id == "axeptio" { "suppress:vendor_denied" } else { "suppress:most_restrictive" };
        assert_eq!(
            (&delivery["code"], &delivery["consent"]),
            (&json!("consent_denied"), &json!(why)),
            "{}",
            tool.id
        );
    }
}

fn forge(stage: &Stage, id: &str) {
    let body = json!({
        "visitor": "forgedvisitor000001",
        "page": {"url": stage.shop.origin.url("/blank?ttclid=E.C.P.forged-0001")},
        "consent": {"advertising": "granted", "analytics": "granted", "signal": "cookiebot", "value": "marketing:true"},
        "events": [{"event_name": "AddToCart", "event_id": id, "value": 1, "currency": "USD"}],
    });
    let status =
        format!("return (await fetch('/x7k2/a', {{method: 'POST', body: JSON.stringify({body})}})).status");
    assert_eq!(stage.shop.browser.run_async(&status), 200);
}

/// The gateway alone: our script is kept out, and the order itself says no.
pub(crate) fn a_blocked_script_and_an_order_that_says_no(kind: Kind) {
    let stage = Stage::with(kind, &Setup { hold_seconds: 1, ..Setup::default() });
    stage.shop.origin.block("/x7k2/s.js");
    stage.shop.browser.goto(&stage.shop.origin.url("/thank-you?order=950"));
    report(&stage, 950, &json!([{"key": "_tandem_consent", "value": "denied"}]));
    report(&stage, 951, &json!([{"key": "_tandem_consent", "value": "granted"}]));
    until("the other order is sent", || !stage.sent("wc_order_951").is_empty());
    stage.shop.gateway.drain();
    assert_eq!(stage.went("wc_order_950"), NOWHERE);
    assert_eq!(stage.delivery("wc_order_950")["consent"], "suppress:order_consent");
    assert_eq!(stage.delivery("wc_order_951")["consent"], "send:order_consent");
}

fn report(stage: &Stage, id: u64, meta: &Value) {
    let order = paid(&orders::delivery("01b-order-updated"), id, "Mozilla/5.0")
        .changed(|order| order["meta_data"] = meta.clone());
    let mut client = Client::new(stage.shop.gateway.public);
    let answer = client.call("POST", "/webhooks/woocommerce/shop", &order.header_refs(), &order.body);
    assert_eq!(answer.expect("an answer").json()["events"][0]["status"], "accepted");
}

/// The page alone: it asks nobody whether the pixel may run.
pub(crate) fn a_blocked_intake_and_a_visitor_who_refuses(kind: Kind) {
    let stage = Stage::open(kind);
    stage.shop.origin.block("/x7k2/a");
    stage.visit("refused", NO);
    stage.leave();
    stage.forget();
    stage.visit("agreed", YES);
    until("the pixel runs for another visitor", || !stage.hits("agreed").is_empty());
    assert_eq!(stage.went("refused"), NOWHERE);
    assert!(stage.asked("refused", "agreed").iter().all(|seen| !seen.path.starts_with("/i18n/")));
    assert!(stage.sent("agreed").is_empty());
}
