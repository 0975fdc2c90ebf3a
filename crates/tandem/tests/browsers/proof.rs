//! The harness itself, proved in every browser: without these a scenario that passes says nothing.

use std::panic::{AssertUnwindSafe, catch_unwind};

use axum::http::{HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse};

use crate::browser::Browser;
use crate::driver::Kind;
use crate::front::{Front, Origin, Outcome, Seen};
use crate::harness::until;

/// A page with `body` at every path that has nothing else.
fn page(origin: &Origin, body: &'static str) {
    origin.on("/", move |_| Html(format!("<!doctype html><title>Shop</title>{body}")));
}

fn script(text: &'static str) -> impl IntoResponse {
    ([("content-type", "text/javascript")], text)
}

pub(crate) fn a_page_is_read_clicked_and_filled(kind: Kind) {
    let front = Front::start();
    let shop = front.http("localhost");
    page(
        &shop,
        r#"<h1>Cart</h1><input value="old"><button>Buy</button><script>
        document.querySelector("button").onclick = () => {
            document.querySelector("h1").textContent = "Bought by " + document.querySelector("input").value;
        };
        </script>"#,
    );
    let browser = Browser::start(kind);
    browser.goto(&shop.url("/cart?step=1"));
    assert_eq!(browser.text("h1"), "Cart");
    browser.fill("input", "Zoë");
    browser.click("button");
    assert_eq!(browser.text("h1"), "Bought by Zoë");
    assert_eq!(browser.run("return document.title"), "Shop");
    assert_eq!(browser.run("return isSecureContext && typeof crypto.subtle"), "object");
    assert_eq!(browser.run_async("return await Promise.resolve([navigator.webdriver])")[0], true);
    let seen = front.seen_at("/cart");
    assert_eq!((seen.len(), &seen[0].origin), (1, &shop.url("")));
    assert_eq!((seen[0].method.as_str(), seen[0].query.as_deref()), ("GET", Some("step=1")));
    assert!(shop.url("").ends_with(seen[0].header("host")), "{:?}", seen[0].headers);
}

pub(crate) fn tabs_history_and_reload(kind: Kind) {
    let front = Front::start();
    let shop = front.http("shop.localhost");
    page(&shop, r#"<a href="/two">on</a>"#);
    let browser = Browser::start(kind);
    browser.goto(&shop.url("/one"));
    browser.click("a");
    browser.wait_until("location.pathname === '/two' && document.readyState === 'complete'");
    browser.reload();
    until("the page is asked for again", || front.seen_at("/two").len() == 2);
    browser.back();
    browser.wait_until("location.pathname === '/one'");
    let first = browser.tab();
    browser.new_tab();
    browser.goto(&shop.url("/three"));
    browser.close_tab();
    assert_eq!(browser.tab(), first);
    assert_eq!(browser.url(), shop.url("/one"));
}

pub(crate) fn another_user_agent(kind: Kind) {
    let front = Front::start();
    let shop = front.http("localhost");
    page(&shop, "");
    let browser = Browser::with_user_agent(kind, "Mozilla/5.0 (of a test)");
    browser.goto(&shop.url("/"));
    assert_eq!(browser.run("return navigator.userAgent"), "Mozilla/5.0 (of a test)");
    assert_eq!(front.seen_at("/")[0].header("user-agent"), "Mozilla/5.0 (of a test)");
}

pub(crate) fn cookies_of_a_fetch_are_seen(kind: Kind) {
    let front = Front::start();
    let shop = front.http("localhost");
    page(&shop, "");
    shop.on("/set", |_| {
        ([("set-cookie", "visitor=1; Path=/; HttpOnly; SameSite=Lax; Max-Age=34560000")], "ok")
    });
    let browser = Browser::start(kind);
    browser.goto(&shop.url("/"));
    assert_eq!(browser.run_async("return (await fetch('/set', {method: 'POST'})).status"), 200);
    let cookie = browser.cookie("visitor").expect("the cookie");
    assert_eq!((cookie.value(), cookie.http_only(), cookie.secure()), ("1", Some(true), Some(false)));
    assert_eq!(browser.run("return document.cookie"), "");
    browser.goto(&shop.url("/again"));
    assert_eq!(front.seen_at("/again")[0].header("cookie"), "visitor=1");
    browser.delete_cookies();
    assert!(browser.cookies().is_empty());
}

pub(crate) fn secure_cookies_are_kept_over_tls(kind: Kind) {
    let front = Front::start();
    let shop = front.https("shop.localhost");
    shop.on("/", |_| ([("set-cookie", "visitor=1; Path=/; Domain=shop.localhost; Secure")], Html("<p>hi")));
    let gateway = front.https("t.shop.localhost");
    page(&gateway, "");
    let browser = Browser::start(kind);
    browser.goto(&shop.url("/"));
    browser.goto(&gateway.url("/below"));
    assert_eq!(front.seen_at("/below")[0].header("cookie"), "visitor=1");
    assert_eq!(browser.cookie("visitor").and_then(|cookie| cookie.secure()), Some(true));
}

const LEAVING: &str = r#"<a href="/next">on</a><script>
    addEventListener("pagehide", () => navigator.sendBeacon("/sink?beacon", "by beacon"));
    addEventListener("visibilitychange", () => {
        if (document.visibilityState === "hidden")
            fetch("/sink?fetch", {method: "POST", body: "by fetch", keepalive: true});
    });
    </script>"#;

fn sent(front: &Front, by: &str) -> Seen {
    front.wait_for("what the page sends last", |seen| {
        seen.path == "/sink" && seen.query.as_deref() == Some(by)
    })
}

pub(crate) fn what_is_sent_on_leaving_arrives(kind: Kind) {
    let front = Front::start();
    let shop = front.http("localhost");
    page(&shop, LEAVING);
    let browser = Browser::start(kind);
    browser.goto(&shop.url("/"));
    browser.click("a");
    assert_eq!(sent(&front, "beacon").text(), "by beacon");
    assert_eq!(sent(&front, "fetch").text(), "by fetch");
    assert_eq!(sent(&front, "fetch").method, "POST");
}

/// Not the beacon of `pagehide`: Firefox loses every other one when a tab is closed.
pub(crate) fn what_is_sent_on_closing_arrives(kind: Kind) {
    let front = Front::start();
    let shop = front.http("localhost");
    page(&shop, LEAVING);
    let browser = Browser::start(kind);
    browser.goto(&shop.url("/next"));
    browser.new_tab();
    browser.goto(&shop.url("/"));
    browser.close_tab();
    assert_eq!(sent(&front, "fetch").text(), "by fetch");
}

pub(crate) fn a_blocked_path_fails(kind: Kind) {
    let front = Front::start();
    let shop = front.http("localhost");
    page(
        &shop,
        r#"<script>var state = "none"</script>
        <script src="/t/script.js" onerror="state = 'failed'" onload="state = 'loaded'"></script>"#,
    );
    shop.on("/t/", |_| script(""));
    shop.block("/t/");
    let browser = Browser::start(kind);
    browser.goto(&shop.url("/"));
    browser.wait_until("state === 'failed'");
    let fetched =
        "return await fetch('/t/events', {method: 'POST', body: '{}'}).then(() => 'sent', () => 'failed')";
    assert_eq!(browser.run_async(fetched), "failed");
    let events = front.seen_at("/t/events");
    assert!(!events.is_empty() && events.iter().all(|seen| matches!(seen.outcome, Outcome::Blocked)));
    shop.undo("/t/");
    browser.goto(&shop.url("/"));
    browser.wait_until("state === 'loaded'");
    assert_eq!(browser.run_async(fetched), "sent");
}

pub(crate) fn a_strict_policy_holds(kind: Kind) {
    let front = Front::start();
    let shop = front.http("localhost");
    shop.on("/", |_| {
        let policy =
            [("content-security-policy", "default-src 'none'; script-src 'self'; connect-src 'self'")];
        (policy, Html(r#"<script>inline = true</script><script src="/own.js"></script><p>hi"#))
    });
    shop.on("/own.js", |_| script("var own = true; fetch('/call', {method: 'POST'})"));
    let browser = Browser::start(kind);
    browser.goto(&shop.url("/"));
    browser.wait_until("typeof own === 'boolean'");
    assert_eq!(browser.run("return typeof inline"), "undefined");
    front.wait_for("the call of the script", |seen| seen.path == "/call" && seen.method == "POST");
    let elsewhere = front.http("127.0.0.1");
    elsewhere.on("/", |_| ([("access-control-allow-origin", "*")], "ok"));
    let fetched =
        format!("return await fetch('{}').then(() => 'sent', () => 'failed')", elsewhere.url("/far"));
    assert_eq!(browser.run_async(&fetched), "failed");
    assert!(front.seen_at("/far").is_empty());
}

pub(crate) fn an_upstream_sees_the_shopper(kind: Kind) {
    let gateways = Front::start();
    let gateway = gateways.http("127.0.0.1");
    gateway.on("/t/", |seen| ([("set-cookie", "from=gateway; Path=/")], seen.text()));
    let front = Front::start();
    let shop = front.http("localhost");
    page(&shop, "");
    let address = gateway.url("").trim_start_matches("http://").parse().expect("an address");
    shop.forward("/t/", address, "203.0.113.7");
    let browser = Browser::start(kind);
    browser.goto(&shop.url("/"));
    let fetched = "return await (await fetch('/t/e?a=b', {method: 'POST', body: 'ünder'})).text()";
    assert_eq!(browser.run_async(fetched), "ünder");
    let seen = &gateways.seen()[0];
    assert_eq!((seen.path.as_str(), seen.query.as_deref()), ("/t/e", Some("a=b")));
    assert_eq!(seen.header("x-forwarded-for"), "203.0.113.7");
    assert_eq!(seen.header("x-forwarded-proto"), "http");
    assert_eq!(seen.header("host"), shop.url("").trim_start_matches("http://"));
    assert_eq!(seen.header("origin"), shop.url(""));
    assert!(browser.cookie("from").is_some());
    let outcome = front.seen_at("/t/e").remove(0).outcome;
    let Outcome::Answered(status, headers) = outcome else { panic!("{outcome:?}") };
    assert_eq!(
        (status, &headers["set-cookie"]),
        (StatusCode::OK, &HeaderValue::from_static("from=gateway; Path=/"))
    );
}

pub(crate) fn nothing_outlives_a_panic(kind: Kind) {
    let mut group = 0;
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let browser = Browser::start(kind);
        group = browser.group();
        assert!(members(group) > 2, "driver, watcher and browser");
        panic!("as it should be");
    }));
    assert!(panicked.is_err() && group != 0, "the browser did not start");
    until("all processes are gone", || members(group) == 0);
}

/// How many processes of a group are not dead.
fn members(group: u32) -> usize {
    let processes = std::fs::read_dir("/proc").expect("/proc").flatten();
    let stats = processes.filter_map(|process| std::fs::read_to_string(process.path().join("stat")).ok());
    stats
        .filter(|stat| {
            // Behind the name in parentheses: state, parent, group.
            let fields: Vec<_> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
            fields.get(2) == Some(&&*group.to_string()) && fields[0] != "Z"
        })
        .count()
}
