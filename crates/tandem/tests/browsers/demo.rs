//! The demo as a newcomer meets it: started by its one command, clicked through, and read.

use crate::browser::Browser;
use crate::child::Demo;
use crate::driver::Kind;

fn buy(browser: &Browser, method: usize) {
    browser.click(".card a");
    browser.click("button[name=then][value=checkout]");
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
    browser.click("form[data-pay] button");
}

pub(crate) fn one_purchase_arrives_twice_and_counts_once(kind: Kind) {
    let demo = Demo::start();
    let browser = Browser::start(kind);
    browser.goto(&demo.open);
    browser.wait_until("document.cookie.includes('tdv=')");
    buy(&browser, 0);
    browser.wait_until("document.querySelectorAll('[data-half][data-here=yes]').length === 2");
    assert_eq!(browser.text("[data-counted]"), "1");
    let keys = browser.run("return [...document.querySelectorAll('[data-half=server] [data-keys] li')].map(li => li.textContent)");
    for key in ["email", "phone", "external_id", "ttclid", "ip", "user_agent"] {
        assert!(keys.as_array().unwrap().iter().any(|k| k == key), "{key}: {keys}");
    }
    // The page says "purchase" again when it is loaded again; it stays one.
    browser.reload();
    browser.wait_until("document.querySelectorAll('[data-half][data-here=yes]').length === 2");
    assert_eq!(browser.text("[data-counted]"), "1");
}

pub(crate) fn a_buyer_who_stays_at_the_bank_counts_all_the_same(kind: Kind) {
    let demo = Demo::start();
    let browser = Browser::start(kind);
    browser.goto(&demo.open);
    browser.wait_until("document.cookie.includes('tdv=')");
    let shop = browser.run("return location.origin");
    buy(&browser, 1);
    browser.click("button[value=pay-and-leave]");
    browser.wait_until("!document.querySelector('button[value=pay-and-leave]')");
    let order = browser.run("return (location.pathname.match(/\\d+/) || [''])[0]");
    browser.goto(&format!("{}/record/{}", shop.as_str().unwrap(), order.as_str().unwrap()));
    browser.wait_until("document.querySelector('[data-half=server][data-here=yes]') || location.reload()");
    assert_eq!(browser.text("[data-counted]"), "1");
}
