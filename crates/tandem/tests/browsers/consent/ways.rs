//! What consent depends on beside the visitor's tool: the region, the destination's rule, other tabs.

use super::*;
use crate::front::Outcome;
use crate::shop::{COUNTRY, SHOPPER};

const YES: &str = "document.cookie = 'cmplz_marketing=allow; Path=/';";
const NO: &str = "document.cookie = 'cmplz_marketing=deny; Path=/';";
const EVENT: &str = "document.dispatchEvent(new CustomEvent('cmplz_status_change', {detail: {}}))";

/// As a browser that sends it shows it to pages.
const GPC: &str = "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', {get: () => true, configurable: true})";

const USER: &str = "tandem('identify', {email: 'ada.sample@example.com', phone: '+14155550132'});";

pub(crate) fn where_the_visitor_is(kind: Kind) {
    let stage = Stage::with(kind, &Setup { consent: "by_region", country: Some("US"), ..Setup::default() });
    stage.visit("us", "");
    stage.until("us", &EVERYWHERE);
    assert_eq!(stage.delivery("us")["consent"], "send:opt_out_default");
    let questions = stage.shop.front.seen_at("/x7k2/c");
    assert_eq!((questions.len(), questions[0].header("cookie")), (1, ""));
    stage.leave();
    stage.forget();

    stage.comes_from(&[(COUNTRY, "DE")]);
    stage.visit("de", "");
    stage
        .shop
        .browser
        .wait_until("performance.getEntriesByType('resource').some(one => one.name.endsWith('/x7k2/c'))");
    let question = stage.shop.front.seen_at("/x7k2/c").remove(1);
    let Outcome::Answered(_, headers) = question.outcome else { panic!("{question:?}") };
    assert_eq!((headers["cache-control"].as_bytes(), headers.get("set-cookie")), (&b"no-store"[..], None));
    assert_eq!(stage.leave(), BTreeSet::new());
    // Asked again and again, it is always the present place that counts.
    stage.visit("de-agreed", YES);
    stage.until("de-agreed", &EVERYWHERE);
    assert_eq!(stage.delivery("de-agreed")["consent"], "send:complianz");
    stage.leave();
    stage.forget();

    stage.comes_from(&[(COUNTRY, "US"), ("sec-gpc", "1")]);
    stage.visit("us-gpc", GPC);
    assert_eq!(stage.leave(), BTreeSet::new());
    // The gateway alone, since no script could keep back the header.
    stage.visit("us-header", "");
    stage.until("us-header", &Went { sent: false, ..EVERYWHERE });
    assert_eq!(stage.delivery("us-header")["consent"], "suppress+limited:gpc");
    stage.leave();
    stage.forget();

    stage.comes_from(&[(COUNTRY, "US")]);
    stage.marker("marker");
    for id in ["de", "us-gpc"] {
        assert_eq!(stage.went(id), NOWHERE, "{id}");
    }
    assert!(stage.sent("us-header").is_empty());
}

/// An analytics platform, for which TikTok stands in.
pub(crate) fn statistics_without_advertising(kind: Kind) {
    let setup =
        Setup { consent: "deny", destination: "consent.requires = [\"analytics\"]", ..Setup::default() };
    let stage = Stage::with(kind, &setup);
    stage.visit(
        "counted",
        &format!("{USER} tandem('consent', {{advertising: 'denied', analytics: 'granted'}})"),
    );
    until("the event is sent", || !stage.sent("counted").is_empty());
    assert_eq!(stage.delivery("counted")["consent"], "without_identity:page");
    let left = stage.leave();
    stage.forget();
    stage.visit(
        "refused",
        &format!("{USER} tandem('consent', {{advertising: 'granted', analytics: 'denied'}})"),
    );
    stage.leave();
    stage.forget();
    stage.visit("marker", "tandem('consent', 'granted')");
    // An ad platform's own pixel takes what it finds: for statistics alone it does not run.
    let without_pixel = Went { hit: false, ..EVERYWHERE };
    stage.until("marker", &without_pixel);
    assert_eq!((stage.went("refused"), stage.went("counted")), (NOWHERE, without_pixel));

    for (_, body) in stage.posts(Some("counted")) {
        assert!(body["user"].is_null() && body["cookies"].is_null() && body["pixels"].is_null(), "{body}");
        assert!(!body.to_string().contains("E.C.P.click"), "{body}");
    }
    for event in stage.sent("counted") {
        assert!(no_user(&event["user"]) && !event.to_string().contains("E.C.P.click"), "{event}");
    }
    assert!(!left.contains("ttclid"), "{left:?}");
}

/// Of a visitor who refuses, only what happened goes out.
pub(crate) fn anonymous_events_of_who_refused(kind: Kind) {
    let setup =
        Setup { consent: "deny", destination: "consent.on_denied = \"anonymise\"", ..Setup::default() };
    let stage = Stage::with(kind, &setup);
    stage.visit("waiting", "");
    assert_eq!(stage.leave(), BTreeSet::new());
    stage.visit("anonymous", &format!("{NO} {USER}"));
    until("the event is sent", || !stage.sent("anonymous").is_empty());
    stage.track("anonymous-later");
    until("so is a later one", || !stage.sent("anonymous-later").is_empty());
    assert_eq!(stage.leave(), BTreeSet::from(["cmplz_marketing".to_owned()]));
    stage.forget();
    stage.marker("marker");
    let mut nobodies = BTreeSet::new();
    for id in ["anonymous", "anonymous-later"] {
        assert_eq!(stage.went(id), Went { hit: false, ..EVERYWHERE }, "{id}");
        for (seen, body) in stage.posts(Some(id)) {
            assert_eq!(seen.header("cookie"), "");
            let names: BTreeSet<_> =
                body.as_object().expect("an object").keys().map(String::as_str).collect();
            // An id is another one each time, and nobody's.
            assert!(names.is_subset(&BTreeSet::from(["consent", "events", "sent_at", "visitor"])), "{body}");
            let nobody = body["visitor"].as_str().unwrap_or_default().to_owned();
            assert!(!stage.remembered(&nobody).contains("consent"), "{body}");
            assert!(nobodies.insert(nobody), "{body}");
            for event in body["events"].as_array().into_iter().flatten() {
                assert_eq!(
                    event["page"],
                    json!({"url": stage.shop.origin.url("/visit/anonymous")}),
                    "{event}"
                );
            }
        }
        for event in stage.sent(id) {
            assert!(no_user(&event["user"]) && !event.to_string().contains("E.C.P"), "{event}");
            assert!(
                event["properties"]["order_id"].is_null() && event["page"]["referrer"].is_null(),
                "{event}"
            );
        }
        assert_eq!(stage.delivery(id)["consent"], "anonymise:complianz");
    }
    // Silence is no refusal.
    assert_eq!(stage.went("waiting"), NOWHERE);
}

fn no_user(user: &Value) -> bool {
    user.as_object().is_none_or(serde_json::Map::is_empty)
}

pub(crate) fn a_no_in_another_tab(kind: Kind) {
    let stage = Stage::open(kind);
    let browser = &stage.shop.browser;
    stage.visit("here", YES);
    stage.until("here", &EVERYWHERE);
    stage.shop.wait_for_script();
    let here = browser.tab();
    let there = browser.new_tab();
    stage.visit("there", YES);
    stage.until("there", &EVERYWHERE);

    stage.change(&format!("{NO} {EVENT}"));
    browser.wait_until("!document.cookie.includes('tdv=')");
    browser.switch_to(&here);
    stage.track("here-refused");
    browser.switch_to(&there);
    stage.track("there-refused");

    stage.change(&format!("{YES} {EVENT}"));
    stage.track("there-again");
    stage.until("there-again", &EVERYWHERE);
    browser.switch_to(&here);
    stage.change(EVENT);
    stage.track("here-again");
    stage.until("here-again", &EVERYWHERE);
    for id in ["here-refused", "there-refused"] {
        assert_eq!(stage.went(id), NOWHERE, "{id}");
    }
    // And by the page's own word, of which the other tab's tools know nothing.
    browser.run("tandem('consent', 'denied')");
    browser.wait_until("!document.cookie.includes('tdv=')");
    browser.switch_to(&there);
    stage.track("there-told");
    browser.switch_to(&here);
    stage.change("tandem('consent', 'granted')");
    stage.track("here-at-last");
    stage.until("here-at-last", &EVERYWHERE);
    assert_eq!(stage.went("there-told"), NOWHERE);
}

impl Stage {
    /// What the shop's proxy tells the gateway from now on.
    fn comes_from(&self, headers: &[(&'static str, &'static str)]) {
        self.shop.origin.forward_with("/x7k2/", self.shop.gateway.public, SHOPPER, headers);
    }
}
