//! The demo as a newcomer meets it: started by its one command, clicked through, and read.

use serde_json::Value;

use crate::browser::Browser;
use crate::child::Demo;
use crate::driver::Kind;
use crate::harness::Client;

const ACCEPT: &str = "[data-consent] [data-answer=allow]";
const DECLINE: &str = "[data-consent] [data-answer=deny]";
const CHANGE: &str = "[data-consent-open]";

/// Arrives by an ad, and answers the banner.
fn arrive(browser: &Browser, demo: &Demo, answer: Option<&str>) {
    browser.goto(&demo.open);
    browser.wait_until("!document.querySelector('[data-consent]').hidden");
    if let Some(button) = answer {
        browser.click(button);
        browser.wait_until("document.querySelector('[data-consent]').hidden");
    }
}

fn accept(browser: &Browser, demo: &Demo) {
    arrive(browser, demo, Some(ACCEPT));
    browser.wait_until("document.cookie.includes('tdv=')");
}

fn state(browser: &Browser, wanted: &str) {
    browser.wait_until(&format!("document.querySelector('[data-outcome]').dataset.state === '{wanted}'"));
}

/// The browser has no cookie but the cart's and those of the banner.
fn has_no_cookie_of_ours(browser: &Browser) {
    let cookies = browser.cookies();
    let ours = |name: &str| name != "shop_session" && !name.starts_with("wp_consent_");
    let left: Vec<&str> = cookies.iter().map(|cookie| cookie.name()).filter(|name| ours(name)).collect();
    assert!(left.is_empty(), "{left:?}");
}

/// Names of what the stand-in counted of this shop's visitors; the played orders have small numbers.
fn counted(demo: &Demo) -> Vec<String> {
    let report = Client::new(demo.stand_in).call("GET", "/sandbox/conversions", &[], b"").unwrap().json();
    let text = |c: &Value, name: &str| c[name].as_str().unwrap_or_default().to_owned();
    let own = |c: &&Value| c["event"] != "Purchase" || text(c, "order_id").len() > 5;
    report["conversions"].as_array().unwrap().iter().filter(own).map(|c| text(c, "event")).collect()
}

/// Clicks as a person does, who first brings it out from under whatever stays in place; a driver does not.
fn press(browser: &Browser, css: &str) {
    browser.wait_until(&format!(
        "[...document.querySelectorAll('{css}')].slice(0, 1).map(e => e.scrollIntoView({{block: 'center'}})).length"
    ));
    browser.click(css);
}

fn buy(browser: &Browser, method: usize) {
    press(browser, ".card a");
    press(browser, "button[name=then][value=checkout]");
    for (field, text) in [
        ("#billing_email", "ada.sample@example.com"),
        ("#billing_phone", "0176 04069012"),
        ("#billing_first_name", "Ada"),
        ("#billing_last_name", "Sample"),
        ("#billing_address_1", "Beispielweg 7"),
        ("#billing_postcode", "10115"),
        ("#billing_city", "Berlin"),
    ] {
        browser.fill(field, text);
    }
    browser.run(&format!("document.querySelectorAll('[name=payment_method]')[{method}].checked = true"));
    press(browser, "form[data-pay] button");
}

pub(crate) fn one_purchase_arrives_twice_and_counts_once(kind: Kind) {
    let demo = Demo::start();
    let browser = Browser::start(kind);
    accept(&browser, &demo);
    buy(&browser, 0);
    state(&browser, "both");
    assert_eq!(browser.text("[data-counted]"), "1");
    assert_eq!(browser.text("[data-answer-given]"), "You accepted");
    assert_eq!(browser.text("[data-consent-ruling]"), "send:order_consent");
    let keys = browser.run("return [...document.querySelectorAll('[data-half=server] [data-keys] li')].map(li => li.textContent)");
    for key in ["email", "phone", "external_id", "ttclid", "ip", "user_agent"] {
        assert!(keys.as_array().unwrap().iter().any(|k| k == key), "{key}: {keys}");
    }
    // The page says "purchase" again when it is loaded again; it stays one.
    browser.reload();
    state(&browser, "both");
    assert_eq!(browser.text("[data-counted]"), "1");
}

pub(crate) fn a_buyer_who_stays_at_the_bank_counts_all_the_same(kind: Kind) {
    let demo = Demo::start();
    let browser = Browser::start(kind);
    accept(&browser, &demo);
    let shop = browser.run("return location.origin");
    buy(&browser, 1);
    browser.click("button[value=pay-and-leave]");
    browser.wait_until("!document.querySelector('button[value=pay-and-leave]')");
    let order = browser.run("return (location.pathname.match(/\\d+/) || [''])[0]");
    browser.goto(&format!("{}/record/{}", shop.as_str().unwrap(), order.as_str().unwrap()));
    browser.wait_until("document.querySelector('[data-half=server][data-here=yes]') || location.reload()");
    assert_eq!(browser.text("[data-counted]"), "1");
}

pub(crate) fn without_an_answer_neither_half_is_sent(kind: Kind) {
    let demo = Demo::start();
    let browser = Browser::start(kind);
    arrive(&browser, &demo, None);
    buy(&browser, 0);
    state(&browser, "not_sent");
    assert_eq!(browser.text("[data-answer-given]"), "You have not answered");
    assert!(browser.text("[data-detail]").ends_with("on record as consent_unknown (no_signal)."));
    has_no_cookie_of_ours(&browser);
    assert_eq!(counted(&demo), [""; 0]);
    // It is not too late: both halves go out under one id.
    browser.click(ACCEPT);
    state(&browser, "both");
    assert_eq!(browser.text("[data-counted]"), "1");
    assert_eq!(browser.text("[data-answer-given]"), "You accepted after you ordered");
}

pub(crate) fn a_buyer_who_declines_is_reported_by_neither_half(kind: Kind) {
    let demo = Demo::start();
    let browser = Browser::start(kind);
    arrive(&browser, &demo, Some(DECLINE));
    buy(&browser, 0);
    state(&browser, "not_sent");
    assert_eq!(browser.text("[data-answer-given]"), "You declined");
    assert!(browser.text("[data-detail]").ends_with("on record as consent_denied (order_consent)."));
    assert_eq!(browser.text("[data-consent-ruling]"), "suppress:order_consent");
    assert_eq!(browser.run("return document.querySelector('[data-consent]').hidden"), true);
    has_no_cookie_of_ours(&browser);
    assert_eq!(counted(&demo), [""; 0]);
}

pub(crate) fn a_yes_that_is_taken_back_stops_both_halves(kind: Kind) {
    let demo = Demo::start();
    let browser = Browser::start(kind);
    accept(&browser, &demo);
    buy(&browser, 0);
    state(&browser, "both");
    press(&browser, "a.brand");
    browser.wait_until("location.pathname === '/' && document.readyState === 'complete'");
    press(&browser, CHANGE);
    browser.wait_until("document.activeElement.matches('[data-consent]')");
    browser.click(DECLINE);
    browser.wait_until("document.activeElement.matches('[data-consent-open]')");
    browser.wait_until("!document.cookie.includes('tdv=')");
    buy(&browser, 0);
    state(&browser, "not_sent");
    assert_eq!(browser.text("[data-answer-given]"), "You declined");
    has_no_cookie_of_ours(&browser);
    assert_eq!(counted(&demo).iter().filter(|name| *name == "Purchase").count(), 1);
}
