//! `tandem doctor` against a running gateway behind a web server: a good set-up, and one broken one for each check.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

#[path = "../front/mod.rs"]
mod front;
#[path = "../harness/mod.rs"]
mod harness;
#[path = "../port/mod.rs"]
mod port;
#[path = "../program/mod.rs"]
mod program;

mod bed;
mod sham;

use bed::{Bed, PAGE, TAG};
use front::{Front, Server};
use sham::{Sham, Web};

/// A page that is otherwise as it should be.
fn page(head: &str) -> String {
    PAGE.replace("</head>", &format!("{head}</head>"))
}

#[test]
fn a_good_set_up_is_found_good() {
    let bed = Bed::new();
    let front = Front::start(Server::Nginx, bed.gateway.public);
    std::fs::write(front.shop().join("index.html"), PAGE).unwrap();
    let told = bed.doctor(front.address, &["--test-event-code", "TEST12345"]);
    assert_eq!(told.code, 0, "{}", told.all);
    assert!(told.all.contains(" 0 to look at, 0 failed, 0 skipped"), "{}", told.all);
    assert!(told.all.contains("ok tag: the page loads the script once, from its own host"), "{}", told.all);
    // Nothing of it counts anywhere: one test event is shown, and the log is empty.
    assert_eq!(bed.gateway.summary()["totals"]["events"], 0);
    let report = bed.stand_in.sandbox.report(&tandem_sandbox::Query::default());
    assert_eq!((report.test_events, report.events), (1, 0), "{report:?}");
}

#[test]
fn each_real_web_server_is_found_good() {
    let bed = Bed::new();
    for server in [Server::Caddy, Server::Apache] {
        let front = Front::start(server, bed.gateway.public);
        std::fs::write(front.shop().join("index.html"), PAGE).unwrap();
        let told = bed.doctor(front.address, &[]);
        assert_eq!(told.code, 0, "{server:?}: {}", told.all);
        assert!(told.all.contains(" 0 to look at, 0 failed, 1 skipped"), "{server:?}: {}", told.all);
    }
}

#[test]
fn the_configuration() {
    let bed = Bed::new();
    let told = bed.doctor_with(|config| config.replace("country = \"DE\"", "country = \"Germany\""), &[]);
    told.fails("configuration: site[0].country: not an ISO 3166 code → write two letters");
    // What needs no more than the server's table is looked at all the same.
    told.finds("ok running:");
    let told = bed.doctor_with(|config| config.replace("file:access-token", "in-the-open"), &[]);
    told.warns("configuration: site[0].destinations.tiktok.access_token: a secret in the open");
    let told = bed.doctor_with(|config| config.replace("cookie = \"tdv\"", "cookie = \"shop_pixel\""), &[]);
    told.warns("neutral names: shop_pixel has \"pixel\" in it");
    let told = bed.doctor_with(|config| config.replace("pixel_id = \"C", "pixel_id = \"c"), &[]);
    told.warns("settings: TikTok: pixel_id");
}

#[test]
fn the_clock() {
    let bed = Bed::new();
    let sham = Sham::start(&bed.gateway, Web::default());
    let in_a_while = (harness::now_s() + 3_600).to_string();
    bed.doctor(sham.address, &["--now", &in_a_while]).fails("clock: this machine's clock is");
}

#[test]
fn the_page() {
    let bed = Bed::new();
    for (html, expected) in [
        (
            PAGE.replace("<script", "<i"),
            "tag: the page does not load the script from /x7k2 → Put this into the head",
        ),
        (
            PAGE.replace("<script", "<!-- <script").replace("</script>", "</script> -->"),
            "tag: the page does not load",
        ),
        (
            page("<script>ttq.load('C0');</script>"),
            "other pixels: the page has a TikTok pixel of its own (\"ttq.load(\")",
        ),
        (
            page(
                "<meta http-equiv=Content-Security-Policy content=\"script-src 'self'; connect-src 'none'\">",
            ),
            "content policy: the page's Content-Security-Policy blocks connect-src:",
        ),
    ] {
        let sham = Sham::start(&bed.gateway, Web { page: html, ..Web::default() });
        bed.doctor(sham.address, &[]).fails(expected);
    }
    let twice = page("<script defer src='/x7k2/s.js'></script>");
    let sham = Sham::start(&bed.gateway, Web { page: twice, ..Web::default() });
    bed.doctor(sham.address, &[]).warns("tag: the page loads the script 2 times");
    let held = PAGE.replace("async", "type=\"rocketlazyloadscript\"");
    let sham = Sham::start(&bed.gateway, Web { page: held, ..Web::default() });
    bed.doctor(sham.address, &[]).warns("tag: the tag has type=\"rocketlazyloadscript\"");
    let policy = |answer: &mut sham::Parts| answer.set("content-security-policy", "default-src 'none'");
    let sham = Sham::start(&bed.gateway, Web { of_shop: policy, ..Web::default() });
    bed.doctor(sham.address, &[]).fails("content policy:");
    let lost = |answer: &mut sham::Parts| answer.status = 404;
    let sham = Sham::start(&bed.gateway, Web { of_shop: lost, ..Web::default() });
    let told = bed.doctor(sham.address, &[]);
    told.fails("page: http://127.0.0.1");
    told.finds("tag, other pixels, content policy, script, script's cache, intake");
    told.finds("Safari: needs the page, which does not answer");
}

#[test]
fn the_strict_tag() {
    let bed = Bed::new();
    let tag = program::run(&["tag", "--strict", "--config", &bed.config()], &[], b"").stdout;
    let sham = Sham::start(&bed.gateway, Web { page: page(&tag).replace(TAG, ""), ..Web::default() });
    let told = bed.doctor(sham.address, &[]);
    assert_eq!(told.code, 0, "{}", told.all);
    told.finds("ok tag: the page loads the script once");
    let url = format!("http://{}", sham.address);
    let told = bed.doctor_with(|config| config.replace("forms = false", "forms = true"), &["--url", &url]);
    told.warns("tag: the settings in the tag are not those of this configuration");
}

#[test]
fn a_page_of_another_host() {
    let bed = Bed::new();
    let sham = Sham::start(&bed.gateway, Web::default());
    let told = bed.doctor_at(&format!("http://localhost:{}", sham.address.port()), &[]);
    told.fails("host of the page: localhost is not in hosts");
    told.fails("intake: the gateway refuses this page's origin");
}

#[test]
fn the_script() {
    let bed = Bed::new();
    let sham =
        Sham::start(&bed.gateway, Web { passes: |path| path.starts_with("/webhooks/"), ..Web::default() });
    let told = bed.doctor(sham.address, &[]);
    told.fails("script: http://127.0.0.1");
    told.finds("is a page of the shop, no script → Let the web server pass this path on to the gateway");
    told.fails("intake: http://127.0.0.1");
    let kind = |answer: &mut sham::Parts| answer.set("content-type", "text/plain");
    let sham = Sham::start(&bed.gateway, Web { of_gateway: kind, ..Web::default() });
    bed.doctor(sham.address, &[]).finds("comes as \"text/plain\", which browsers do not run");
    let long = |answer: &mut sham::Parts| answer.set("cache-control", "public, max-age=31536000");
    let sham = Sham::start(&bed.gateway, Web { of_gateway: long, ..Web::default() });
    bed.doctor(sham.address, &[]).warns("script's cache: the script may be kept for 525600 minutes");
    // The gateway has not been restarted since a change.
    let sham = Sham::start(&bed.gateway, Web::default());
    let url = format!("http://{}", sham.address);
    let told = bed.doctor_with(|config| config.replace("forms = false", "forms = true"), &["--url", &url]);
    told.warns("script: http://127.0.0.1");
    let told =
        bed.doctor_with(|config| config.replace("path = \"/x7k2\"", "path = \"/y8\""), &["--url", &url]);
    told.fails("tag: the page does not load the script from /y8");
}

#[test]
fn the_visitors_address() {
    let bed = Bed::new();
    for (request, expected) in [
        (
            (|request| request.remove("x-forwarded-for")) as fn(&mut sham::Parts),
            "visitor's address: the proxy does not tell whose request it is",
        ),
        (|_| {}, "visitor's address: the proxy hands on whatever address a visitor claims"),
    ] {
        let sham = Sham::start(&bed.gateway, Web { request, ..Web::default() });
        bed.doctor(sham.address, &[]).fails(expected);
    }
    let distrusting = Bed::with("trusted_proxies = [\"192.0.2.0/24\"]", "");
    let sham = Sham::start(&distrusting.gateway, Web::default());
    let told = distrusting.doctor(sham.address, &[]);
    told.fails("visitor's address: the proxy's own address is not in trusted_proxies");
    told.finds("now these count: 192.0.2.0/24");
}

#[test]
fn cookies() {
    let bed = Bed::new();
    let all = |request: &mut sham::Parts| request.set("x-forwarded-for", "127.0.0.1");
    let sham = Sham::start(&bed.gateway, Web { request: all, ..Web::default() });
    bed.doctor(sham.address, &[]).warns("cookies that go in: the proxy hands on all cookies");
    let none = |request: &mut sham::Parts| {
        request.set("x-forwarded-for", "127.0.0.1");
        request.remove("cookie");
    };
    let sham = Sham::start(&bed.gateway, Web { request: none, ..Web::default() });
    bed.doctor(sham.address, &[])
        .fails("cookies that go in: the visitor's cookie tdv does not reach the gateway");
    let melted = |answer: &mut sham::Parts| {
        let all = answer.all("set-cookie").join(", ");
        answer.set("set-cookie", &all);
    };
    let sham = Sham::start(&bed.gateway, Web { of_gateway: melted, ..Web::default() });
    bed.doctor(sham.address, &[]).fails("cookies that come back: a cookie is changed on the way");
    let dropped = |answer: &mut sham::Parts| answer.remove("set-cookie");
    let sham = Sham::start(&bed.gateway, Web { of_gateway: dropped, ..Web::default() });
    bed.doctor(sham.address, &[]).fails("cookies that come back: 2 of 2 Set-Cookie headers get lost");
}

#[test]
fn another_gateway_behind_the_proxy() {
    let (bed, other) = (Bed::new(), Bed::new());
    let sham = Sham::start(&other.gateway, Web::default());
    let told = bed.doctor(sham.address, &[]);
    told.fails("intake: http://127.0.0.1");
    told.finds("the probe did not arrive at the gateway of this configuration");
}

#[test]
fn a_script_of_another_host() {
    let bed = Bed::new();
    let data = Sham::start(&bed.gateway, Web::default());
    let from = format!("http://localhost:{}/x7k2/s.js", data.address.port());
    let sham = Sham::start(&bed.gateway, Web { page: PAGE.replace("/x7k2/s.js", &from), ..Web::default() });
    let told = bed.doctor(sham.address, &[]);
    told.fails("Safari: localhost is another site than 127.0.0.1: browsers keep none of its cookies");
    told.finds("ok intake:");
}

#[test]
fn the_webhook() {
    let bed = Bed::new();
    let sham = Sham::start(&bed.gateway, Web { passes: |path| path.starts_with("/x7k2/"), ..Web::default() });
    bed.doctor(sham.address, &[]).fails("webhook: http://127.0.0.1");
    // Without a page, the gateway itself is asked; WordPress would not call such a port.
    let told = bed.doctor_with(str::to_owned, &[]);
    told.finds("ok webhook:");
    told.warns("address for WordPress: WordPress calls only the ports 80, 443 and 8080");
    told.finds("Safari: no page was named → Name one: --url");
}

#[test]
fn the_plugin() {
    let bed = Bed::new();
    let web = Web { passes: |path| path.starts_with("/x7k2/"), ..Web::default() };
    let sham = Sham::start(&bed.gateway, web);
    let told = bed.doctor(sham.address, &[]);
    told.fails("plugin: http://127.0.0.1");
    told.finds("Let the web server pass /plugin/ on to the gateway");
    let sham = Sham::start(&bed.gateway, Web::default());
    let url = format!("http://{}", sham.address);
    bed.doctor(sham.address, &[]).finds("ok plugin:");
    bed.doctor(sham.address, &["--now", "2026-01-01T00:00:00Z"]).finds("Set this machine's clock");
    let other = |config: &str| config.replace("file:plugin-secret", "another secret of the plugin");
    bed.doctor_with(other, &["--url", &url]).finds("has other plugin_secrets than this file: restart it");
    let none = |config: &str| config.replace("plugin_secrets = [\"file:plugin-secret\"]", "");
    let told = bed.doctor_with(none, &["--url", &url]);
    assert!(!told.all.contains("plugin:"), "{}", told.all);
}

#[test]
fn the_platform() {
    let bed = Bed::new();
    let url = &["--test-event-code", "TEST12345"];
    let revoked = |config: &str| config.replace("file:access-token", "file:revoked-token");
    bed.doctor_with(revoked, url).fails("test event: TikTok 40105");
    let foreign = |config: &str| config.replace(bed::PIXEL_ID, bed::FOREIGN_PIXEL);
    bed.doctor_with(foreign, url).fails("test event: TikTok 40001");
    let nobody = |config: &str| config.replace(&bed.stand_in.base_url(), "http://127.0.0.1:9");
    bed.doctor_with(nobody, url).warns("test event: no answer from TikTok");
    bed.doctor_with(str::to_owned, &[]).finds("skipped test event: whether TikTok takes token and pixel");
}

#[test]
fn the_gateway() {
    let bed = Bed::new();
    let token = |config: &str| config.replace("file:private-token", "another");
    bed.doctor_with(token, &[]).fails("running: the gateway on 127.0.0.1");
    let sham = Sham::start(&bed.gateway, Web { passes: |_| true, ..Web::default() });
    bed.doctor(sham.address, &[]).fails("page: http://127.0.0.1");
    // Everything but the shop's own page leads to the private port.
    let sham = Sham::start_before(bed.gateway.private, Web { passes: |path| path != "/", ..Web::default() });
    bed.doctor(sham.address, &[]).fails("private port: http://127.0.0.1");
    let open = |config: &str| {
        let port = bed.gateway.private.port();
        config.replace(&format!("private = \"127.0.0.1:{port}\""), &format!("private = \"0.0.0.0:{port}\""))
    };
    bed.doctor_with(open, &[]).warns("private port: 0.0.0.0:");
}

#[test]
fn a_stopped_destination() {
    let bed = Bed::with("", "revoked");
    let event =
        serde_json::json!({ "event_name": "Purchase", "event_id": "o1", "value": 1, "currency": "EUR" });
    assert_eq!(bed.gateway.post_events(&event).status, 200);
    harness::until("the lane stops", || bed.gateway.summary()["lanes"][0]["stopped"].is_object());
    bed.doctor_with(str::to_owned, &[]).fails("deliveries: TikTok is stopped, with 1 waiting: TikTok 40105");
}

#[test]
fn a_gateway_that_is_not_running() {
    let bed = Bed::new();
    let sham = Sham::start(&bed.gateway, Web::default());
    let (bed, status) = bed.stopped();
    assert!(status.success());
    let told = bed.run(str::to_owned, &["--url", &format!("http://{}", sham.address)]);
    told.fails("running: nothing answers on the private port");
    told.finds("skipped store, deliveries: needs the running gateway");
    told.fails("script: http://127.0.0.1");
    told.finds("cookies that come back: needs the running gateway");
}

#[test]
fn sites() {
    let bed = Bed::new();
    assert!(
        bed.doctor_with(str::to_owned, &["--site", "other"]).all.contains("no such site; there are shop")
    );
    let told = bed.doctor_with(str::to_owned, &["--url", "shop.example"]);
    assert!(told.all.contains("write a whole address like https://shop.example"), "{}", told.all);
}
