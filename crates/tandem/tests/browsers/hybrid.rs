//! One purchase, reported by the page and by the shop's server, counted once with everything both know; and what is left
//! of that when blockers, browsers, banks and people get in the way.

use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::Html;

use crate::driver::Kind;
use crate::front::Outcome;
use crate::harness::until;
use crate::shop::{ALL_KEYS, SHOPPER, Setup, Shop, TAG, assert_keys, page};

pub(crate) fn the_whole_way_counts_once(kind: Kind) {
    let shop = Shop::open(kind);
    shop.land();
    shop.walk_to_checkout();
    shop.wait_until_known();
    shop.pay_now();
    shop.browser.wait_until("location.pathname === '/thank-you'");
    let purchase = shop.merged("Purchase");
    assert_keys(&purchase, ALL_KEYS);
    assert_eq!(purchase.event_id, Some(format!("wc_order_{}", shop.order())));
    assert_eq!((purchase.received, purchase.merged), (2, true));
    // The shop's own figures, whatever the page said.
    assert_eq!(purchase.order_id.as_deref(), Some(shop.order().as_str()));
    for event in ["ViewContent", "InitiateCheckout"] {
        let both = shop.merged(event);
        assert_keys(&both, &["external_id", "ttclid", "ttp", "ip", "user_agent"]);
    }
    // One by a button that stays on the page, one by a link that leaves it at once.
    until("both carts by both halves", || {
        let carts = shop.conversions("AddToCart");
        carts.len() == 2 && carts.iter().all(|c| c.channels.len() == 2)
    });
    let record = shop.record(&shop.order());
    // The webhook was faster than the thank-you page: the address typed at checkout, hashed, found the visitor.
    assert_eq!(record["supplied"]["ttclid"]["via"], "email");
    assert_eq!(record["user"]["ttclid"], "E.C.P.click-0001");
    assert!(record["supplied"]["ttclid"]["page"].as_str().is_some_and(|page| page.contains("ttclid=")));
    shop.assert_nothing_personal();
    assert!(shop.told().iter().any(|body| body["user"]["email"][0].as_str().is_some_and(|h| h.len() == 64)));
}

pub(crate) fn a_blocked_pixel_leaves_the_server_half(kind: Kind) {
    let shop = Shop::open(kind);
    shop.pixel.block("/");
    shop.buy();
    let purchase = shop.one("Purchase");
    assert_eq!(purchase.channels, ["server"]);
    assert_keys(&purchase, &["email", "phone", "external_id", "ttclid", "ip", "user_agent"]);
    until("the page knows", || shop.told().iter().any(|body| body["pixels"]["tiktok"] == "blocked"));
    until("carts arrive all the same", || shop.conversions("AddToCart").len() == 2);
}

pub(crate) fn a_blocked_script_loses_no_sale(kind: Kind) {
    let shop = Shop::with(kind, &Setup { hold_seconds: 1, ..Setup::default() });
    shop.origin.block("/x7k2/");
    shop.browser.goto(&shop.origin.url("/?ttclid=E.C.P.click-0001"));
    shop.walk_to_checkout();
    shop.pay_now();
    shop.browser.wait_until("location.pathname === '/thank-you'");
    let purchase = shop.one("Purchase");
    assert_eq!(purchase.channels, ["server"]);
    assert_keys(&purchase, &["email", "phone", "ip", "user_agent"]);
    let codes = shop.record(&shop.order())["findings"].to_string();
    assert!(codes.contains("session_not_found"), "{codes}");
}

/// Safari forgets what scripts have stored after seven days without a visit, and keeps what answers have set.
pub(crate) fn cookies_of_answers_outlive_the_seven_days(kind: Kind) {
    let shop = Shop::open(kind);
    shop.land();
    shop.browser.wait_until("document.cookie.includes('_ttp=')");
    // The pixel's own cookie was written by script; the next answer takes it over.
    shop.browser.goto(&shop.origin.url("/product/mug"));
    until("the answer renews it", || shop.cookies_by_answers().iter().any(|name| name == "_ttp"));
    let kept = shop.cookies_by_answers();
    for cookie in shop.browser.cookies() {
        if !kept.iter().any(|name| name == cookie.name()) {
            shop.browser.run(&format!("document.cookie = '{}=; Path=/; Max-Age=0'", cookie.name()));
        }
    }
    shop.browser.run("localStorage.clear(); sessionStorage.clear()");
    let before = shop.browser.cookie("tdv").expect("the visitor").value().to_owned();
    shop.browser.goto(&shop.origin.url("/"));
    shop.walk_to_checkout();
    shop.pay_now();
    let purchase = shop.merged("Purchase");
    assert_keys(&purchase, ALL_KEYS);
    assert_eq!(shop.browser.cookie("tdv").expect("the visitor").value(), before);
    assert_eq!(shop.record(&shop.order())["user"]["ttclid"], "E.C.P.click-0001");
}

/// A tool that tidies the address, before our script is there.
pub(crate) fn a_click_id_survives_a_page_that_tidies_its_address(kind: Kind) {
    let shop = Shop::open(kind);
    let tidy = "<script>history.replaceState(null, '', location.pathname)</script>";
    shop.origin.on("/landing", move |_| Html(page(&format!("{tidy}{TAG}"), "<h1>Landing</h1>")));
    shop.browser.goto(&shop.origin.url("/landing?ttclid=E.C.P.click-0001"));
    shop.wait_for_script();
    assert!(!shop.browser.url().contains("ttclid"));
    shop.walk_to_checkout();
    shop.pay_now();
    assert_keys(&shop.merged("Purchase"), ALL_KEYS);
}

/// A redirect that strips the query, by the page: the address it came from still has the click id.
pub(crate) fn a_click_id_survives_a_redirect_by_the_page(kind: Kind) {
    let shop = Shop::open(kind);
    shop.origin.on("/go", |_| Html("<!doctype html><script>location.replace('/')</script>"));
    // What a page may tell of where it came from is the shop's choice; browsers tell all of it within one host.
    shop.browser.goto(&shop.origin.url("/go?ttclid=E.C.P.click-0001"));
    shop.wait_for_script();
    shop.walk_to_checkout();
    shop.pay_now();
    assert_keys(&shop.merged("Purchase"), ALL_KEYS);
}

/// A redirect that strips the query, by the server: no page ever sees the click id. The sale counts, and the record says
/// that the visitor is known and came without one.
pub(crate) fn a_click_id_that_no_page_saw_is_missing_and_nothing_else(kind: Kind) {
    let shop = Shop::with(kind, &Setup { hold_seconds: 1, ..Setup::default() });
    shop.origin.on("/go", |_| (StatusCode::FOUND, [(LOCATION, "/")]));
    shop.browser.goto(&shop.origin.url("/go?ttclid=E.C.P.click-0001"));
    shop.wait_for_script();
    shop.walk_to_checkout();
    shop.pay_now();
    let purchase = shop.merged("Purchase");
    assert_keys(&purchase, &["email", "phone", "external_id", "ttp", "ip", "user_agent"]);
    assert!(!purchase.user_keys.iter().any(|key| key == "ttclid"));
    assert!(shop.record(&shop.order())["supplied"]["external_id"]["via"].is_string());
}

/// The bank sends the shopper back over another network.
pub(crate) fn a_bank_and_another_address(kind: Kind) {
    let shop = Shop::open(kind);
    let back = shop.origin.url("/thank-you");
    shop.bank.on("/confirm", move |seen| {
        let query = seen.query.clone().unwrap_or_default();
        Html(format!("<!doctype html><h1>Bank</h1><a id=yes href=\"{back}?{query}\">Confirm</a>"))
    });
    shop.origin.on("/pay", shop.pay(&shop.bank.url("/confirm")));
    shop.land();
    shop.walk_to_checkout();
    shop.pay_now();
    shop.browser.wait_until("location.pathname === '/confirm'");
    shop.origin.forward("/x7k2/", shop.gateway.public, "198.51.100.9");
    shop.browser.click("#yes");
    let purchase = shop.merged("Purchase");
    assert_keys(&purchase, ALL_KEYS);
    assert_eq!(purchase.received, 2);
    // The order's own address is the buyer's.
    assert_eq!(shop.record(&shop.order())["user"]["ip"], SHOPPER.replace(".25", ".0"));
}

/// No thank-you page, no visitor id on the order: the address typed at checkout, hashed, finds the visitor.
pub(crate) fn a_tab_closed_at_once_after_paying(kind: Kind) {
    let shop = Shop::with(kind, &Setup { hold_seconds: 1, ..Setup::default() });
    shop.browser.goto(&shop.origin.url("/"));
    shop.browser.new_tab();
    shop.land();
    shop.walk_to_checkout();
    shop.wait_until_known();
    shop.origin.block("/thank-you");
    // Not by a click of the driver, which would wait for the page that never comes.
    shop.browser.run("setTimeout(() => document.querySelector('#place_order').click())");
    let order = shop.order();
    shop.browser.close_tab();
    let purchase = shop.one("Purchase");
    assert_eq!(purchase.channels, ["server"]);
    assert_keys(&purchase, &["email", "phone", "external_id", "ttclid", "ttp", "ip", "user_agent"]);
    assert_eq!(shop.record(&order)["supplied"]["ttclid"]["via"], "email");
}

pub(crate) fn reload_and_back_count_nothing_twice(kind: Kind) {
    let shop = Shop::open(kind);
    shop.buy();
    shop.merged("Purchase");
    let views = |count: usize| until("the page is viewed again", || shop.fired("Pageview") >= count);
    let before = shop.fired("Pageview");
    shop.browser.reload();
    views(before + 1);
    shop.browser.goto(&shop.origin.url("/"));
    views(before + 2);
    shop.browser.back();
    shop.browser.wait_until("location.pathname === '/thank-you'");
    shop.browser.reload();
    views(before + 3);
    shop.gateway.drain();
    assert_eq!(shop.fired("Purchase"), 1);
    let told: Vec<_> = shop.told_events().into_iter().filter(|(name, _)| name == "Purchase").collect();
    assert!(told.iter().all(|event| *event == told[0]), "{told:?}");
    let purchase = shop.one("Purchase");
    assert_eq!((purchase.received, purchase.dropped), (2, 0));
}

pub(crate) fn two_tabs_are_one_visitor(kind: Kind) {
    let shop = Shop::open(kind);
    let landing = shop.origin.url("/?ttclid=E.C.P.click-0001");
    shop.browser.goto(&landing);
    shop.browser.new_tab();
    shop.browser.goto(&landing);
    shop.wait_for_script();
    until("both have told", || shop.told_events().iter().filter(|(name, _)| name == "Pageview").count() >= 2);
    let visitors: Vec<_> = shop.told().iter().map(|body| body["visitor"].clone()).collect();
    assert!(visitors.iter().all(|visitor| *visitor == visitors[0]), "{visitors:?}");
    for _ in 0..2 {
        shop.browser.goto(&shop.origin.url("/product/mug"));
        shop.browser.click("#add");
        shop.browser.wait_until("document.querySelector('#add').textContent === 'In the cart'");
        shop.browser.new_tab();
    }
    until("both carts by both halves", || {
        let carts = shop.conversions("AddToCart");
        carts.len() == 2 && carts.iter().all(|c| c.channels.len() == 2)
    });
}

pub(crate) fn pages_without_loads_are_pages(kind: Kind) {
    let shop = Shop::open(kind);
    shop.land();
    let go = |address: &str| {
        shop.browser.run(&format!("history.pushState(null, '', '{address}')"));
        let url = shop.origin.url(address);
        until("the view is told", || {
            shop.told()
                .iter()
                .any(|b| b["page"]["url"] == url.as_str() && b["events"][0]["event_name"] == "Pageview")
        });
    };
    go("/one");
    go("/two?x=1");
    shop.browser.run("history.replaceState({scroll: 3}, '')");
    // Not by the button: that skips entries that a page made without a click.
    shop.browser.run("history.back()");
    until("and so is the way back", || {
        shop.told_events().iter().filter(|(n, _)| n == "Pageview").count() == 4
    });
    shop.browser.run(
        "dataLayer.push({event: 'add_to_cart', ecommerce: {currency: 'USD', value: 18, items: [{item_id: 'MUG-01'}]}})",
    );
    let cart = shop.merged("AddToCart");
    assert_keys(&cart, &["ttclid", "external_id"]);
    assert_eq!(cart.page_url.as_deref(), Some(shop.origin.url("/one").as_str()));
}

/// The strict form of the line: a file under its hash, checked by the browser, and a policy that names two hosts.
pub(crate) fn a_strict_policy_and_a_checked_file(kind: Kind) {
    let shop = Shop::open(kind);
    let config = shop.home.config();
    let arguments = ["tag", "--strict", "--config", &config.display().to_string()];
    let told = crate::program::run(&arguments, &[], b"");
    assert_eq!(told.code, 0, "{}", told.stderr);
    let tag = told.stdout;
    assert!(tag.contains("integrity=\"sha384-"), "{tag}");
    let policy = format!(
        "default-src 'none'; form-action 'self'; script-src 'self' {pixel}; connect-src 'self' {pixel}",
        pixel = shop.pixel.url("")
    );
    // Without inline scripts the data layer comes in a file of the shop's own.
    shop.origin.on("/layer.js", |seen| {
        let script = "window.dataLayer = window.dataLayer || []; dataLayer.push({event: 'purchase', ecommerce: \
            {transaction_id: '77', currency: 'USD', value: 5, items: [{item_id: 'A', price: 5}]}})";
        assert_eq!(seen.method, "GET");
        ([("content-type", "text/javascript")], script)
    });
    shop.origin.on("/strict", move |_| {
        let body = format!("<!doctype html><head><script src=/layer.js></script>{tag}</head><h1>Strict</h1>");
        ([("content-security-policy", policy.clone())], Html(body))
    });
    shop.browser.goto(&shop.origin.url("/strict?ttclid=E.C.P.click-0001"));
    shop.wait_for_script();
    until("the page's half arrives", || shop.fired("Purchase") == 1);
    until("and is told to the gateway", || {
        shop.told_events().contains(&("Purchase".to_owned(), "wc_order_77".to_owned()))
    });
}

/// One HTML for everybody: ids are made in the page, so that two visitors stay two.
pub(crate) fn a_page_out_of_a_cache_names_nobody(kind: Kind) {
    let shop = Shop::open(kind);
    let visit = || {
        shop.browser.goto(&shop.origin.url("/product/mug"));
        shop.wait_for_script();
        let told = shop.told().len();
        until("a view is told", || shop.told_events().iter().any(|(name, _)| name == "ViewContent"));
        told
    };
    visit();
    let first = shop.browser.cookie("tdv").expect("the visitor").value().to_owned();
    shop.browser.run("localStorage.clear(); sessionStorage.clear()");
    shop.browser.delete_cookies();
    visit();
    let second = shop.browser.cookie("tdv").expect("the visitor").value().to_owned();
    assert_ne!(first, second);
    until("two views by both halves", || {
        let views = shop.conversions("ViewContent");
        views.len() == 2 && views.iter().all(|c| c.channels.len() == 2)
    });
    let page = shop.front.seen_at("/product/mug").remove(0);
    let Outcome::Answered(_, headers) = page.outcome else { panic!("{page:?}") };
    assert!(headers.get("set-cookie").is_none(), "a cached page may set nothing");
}

/// The gateway was away while the shopper clicked; the next page makes up for it.
pub(crate) fn what_could_not_be_told_is_told_by_the_next_page(kind: Kind) {
    let shop = Shop::open(kind);
    shop.land();
    shop.origin.block("/x7k2/a");
    shop.browser.goto(&shop.origin.url("/product/mug"));
    shop.browser.click("#buy");
    shop.browser.wait_until("location.pathname === '/cart'");
    assert!(
        shop.conversions("AddToCart").iter().all(|c| c.channels == ["pixel"] || c.channels == ["browser"])
    );
    shop.origin.undo("/x7k2/a");
    shop.browser.goto(&shop.origin.url("/checkout"));
    let cart = shop.merged("AddToCart");
    assert_eq!(cart.received, 2);
}

/// Nothing is set, stored, sent or loaded before the visitor agrees; then everything that waited goes out.
pub(crate) fn without_consent_nothing_happens(kind: Kind) {
    let shop = Shop::with(kind, &Setup { consent: "by_region", ..Setup::default() });
    shop.browser.goto(&shop.origin.url("/product/mug?ttclid=E.C.P.click-0001"));
    shop.browser.wait_until("window.tandem && tandem.on");
    shop.browser.click("#add");
    shop.browser.wait_until("document.querySelector('#add').textContent === 'In the cart'");
    assert!(shop.browser.cookies().is_empty());
    assert_eq!(shop.browser.run("return localStorage.length + sessionStorage.length"), 0);
    assert!(
        shop.front.seen_at("/x7k2/a").is_empty() && shop.front.seen_at("/i18n/pixel/events.js").is_empty()
    );
    shop.browser.run("tandem('consent', 'granted')");
    let cart = shop.merged("AddToCart");
    assert_keys(&cart, &["ttclid", "external_id", "ip"]);
    shop.wait_for_script();
    shop.browser.run("tandem('consent', 'denied')");
    shop.browser.wait_until("!document.cookie.includes('tdv=')");
    let fired = shop.fired("AddToCart");
    shop.browser.run("dataLayer.push({event: 'add_to_cart', ecommerce: {items: [{item_id: 'MUG-01'}]}})");
    shop.browser.goto(&shop.origin.url("/"));
    shop.browser.wait_until("window.tandem && tandem.on");
    shop.gateway.drain();
    assert_eq!((shop.fired("AddToCart"), shop.conversions("AddToCart").len()), (fired, 1));
}

/// A shop that respects blockers, and a visitor who has one.
pub(crate) fn a_respected_blocker_stops_everything(kind: Kind) {
    let shop = Shop::with(kind, &Setup { more: "respect_blockers = true", ..Setup::default() });
    shop.origin.block("/x7k2/pixel.gif");
    shop.browser.goto(&shop.origin.url("/?ttclid=E.C.P.click-0001"));
    until("the bait is taken", || !shop.front.seen_at("/x7k2/pixel.gif").is_empty());
    shop.browser.goto(&shop.origin.url("/product/mug"));
    until("again", || shop.front.seen_at("/x7k2/pixel.gif").len() >= 2);
    assert!(
        shop.front.seen_at("/x7k2/a").is_empty() && shop.front.seen_at("/i18n/pixel/events.js").is_empty()
    );
    shop.origin.undo("/x7k2/pixel.gif");
    shop.land();
}

/// Second best: the gateway on a subdomain, over TLS, with cookies for both.
pub(crate) fn a_gateway_on_a_subdomain(kind: Kind) {
    let shop = Shop::with(kind, &Setup { subdomain: true, ..Setup::default() });
    shop.buy();
    let purchase = shop.merged("Purchase");
    assert_keys(&purchase, ALL_KEYS);
    let visitor = shop.browser.cookie("tdv").expect("the visitor");
    assert_eq!(visitor.secure(), Some(true));
    let origins: Vec<_> = shop.front.seen_at("/x7k2/a").iter().map(|seen| seen.origin.clone()).collect();
    let data = shop.data.as_ref().expect("a subdomain").url("");
    assert!(!origins.is_empty() && origins.iter().all(|origin| *origin == data), "{origins:?}");
}
