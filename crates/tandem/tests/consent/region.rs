//! The page's question what silence means where its visitor is.

use super::harness::{Answer, Client, Gateway, Home, StandIn};
use super::sites;

fn home(stand_in: &StandIn, on_unknown: &str, server: &str) -> Home {
    let sites = format!(
        r#"
        [[site]]
        id = "shop"
        consent.on_unknown = "{on_unknown}"
        consent.opt_in_regions = ["BR", "US-VA"]
        [site.sources.browser]
        hosts = ["shop.example"]
        path = "/x7k2"
        [site.destinations.tiktok]
        pixel_id = "TESTPIXEL0000000001"
        access_token = "test-access-token"
        base_url = "{}"
        "#,
        stand_in.base_url()
    );
    sites::with_country_headers(Home::new(&sites), server)
}

fn ask(gateway: &Gateway, headers: &[(&str, &str)]) -> Answer {
    let answer = Client::new(gateway.public).call("GET", "/x7k2/c", headers, b"").unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.headers("cache-control"), ["no-store"]);
    assert!(answer.headers("set-cookie").is_empty() && answer.headers("etag").is_empty(), "{}", answer.head);
    answer
}

fn word(gateway: &Gateway, headers: &[(&str, &str)]) -> String {
    ask(gateway, headers).json()["unknown"].as_str().unwrap().to_owned()
}

#[test]
fn the_answer_goes_by_the_proxys_word() {
    let stand_in = sites::stand_in();
    let home = home(&stand_in, "by_region", "");
    let gateway = home.start();
    for (country, state, expected) in [
        // It may be Virginia.
        ("US", "", "wait"),
        ("us", "ca", "assume"),
        ("US", "VA", "wait"),
        ("AU", "", "assume"),
        ("DE", "", "wait"),
        ("GB", "", "wait"),
        ("CH", "", "wait"),
        ("BR", "SP", "wait"),
        ("XX", "", "wait"),
        ("T1", "", "wait"),
        ("", "", "wait"),
        ("United States", "", "wait"),
    ] {
        let headers = [("X-Country", country), ("X-State", state)];
        assert_eq!(word(&gateway, &headers), expected, "{country} {state}");
    }
    assert_eq!(word(&gateway, &[]), "wait");
    // Other headers that tell a country are anybody's.
    assert_eq!(word(&gateway, &[("CF-IPCountry", "AU")]), "wait");
    // What a visitor's own header says stands before what the proxy adds.
    assert_eq!(word(&gateway, &[("X-Country", "AU"), ("X-Country", "DE")]), "wait");
    let cookie = ask(&gateway, &[("X-Country", "AU"), ("Cookie", "tdv=mg3k2v1x9abcdefghij0123456789")]);
    assert_eq!(cookie.json().to_string(), r#"{"unknown":"assume"}"#);
    let head = Client::new(gateway.public).call("POST", "/x7k2/c", &[], b"{}").unwrap();
    assert_eq!(head.status, 405);
    // Nobody was there, as far as the record goes.
    let summary = gateway.summary();
    assert_eq!(summary["totals"]["events"], 0, "{summary}");
    assert!(gateway.records("notices").is_empty() && stand_in.sandbox.requests().is_empty());
    assert_eq!(gateway.get("/api/visitors/shop/mg3k2v1x9abcdefghij0123456789").status, 404);
}

#[test]
fn a_strangers_word_on_where_it_is_counts_for_nothing() {
    let stand_in = sites::stand_in();
    // The test itself is no proxy of this gateway's.
    let home = home(&stand_in, "by_region", "trusted_proxies = [\"192.0.2.1/32\"]");
    let gateway = home.start();
    assert_eq!(word(&gateway, &[("X-Country", "AU"), ("X-Forwarded-For", "192.0.2.1")]), "wait");
}

#[test]
fn a_shop_that_does_not_go_by_region_tells_no_region() {
    let stand_in = sites::stand_in();
    for on_unknown in ["deny", "grant"] {
        let home = home(&stand_in, on_unknown, "");
        let gateway = home.start();
        assert_eq!(word(&gateway, &[("X-Country", "US")]), word(&gateway, &[("X-Country", "DE")]));
    }
}
