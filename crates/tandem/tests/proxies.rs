//! The snippets of `examples/proxy`, each in the real server, in front of an upstream that notes what arrives.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod front;
mod port;
mod upstream;

use front::{Front, Server};
use upstream::{Answer, CLIENT, Upstream, send};

const SERVERS: [Server; 4] = [Server::Nginx, Server::Caddy, Server::Apache, Server::Worker];

/// What a browser of a visitor who tries things sends with every request.
const HEADERS: &[(&str, &str)] = &[
    ("Host", "shop.example"),
    ("Origin", "https://shop.example"),
    ("X-Forwarded-For", "198.51.100.9, 198.51.100.10"),
    ("X-Forwarded-Proto", "gopher"),
    ("CF-Connecting-IP", "198.51.100.11"),
    ("Authorization", "Basic c2hvcDpvd25lcg=="),
    (
        "Cookie",
        "wordpress_logged_in_1=owner; xtdv=forged; tdv=mg3k2v1x9abc; _ttp=abc; PHPSESSID=open; tdv_probe=1",
    ),
    ("Content-Type", "text/plain;charset=UTF-8"),
    ("X-WC-Webhook-Signature", "c2lnbmVk"),
    ("X-Tandem-Signature", "v1=00"),
];

/// Runs a check against every server, each with an upstream of its own.
macro_rules! for_each_server {
    ($($check:ident),+ $(,)?) => {
        $(mod $check {
            use super::*;
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn nginx() { super::$check(Server::Nginx).await; }
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn caddy() { super::$check(Server::Caddy).await; }
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn apache() { super::$check(Server::Apache).await; }
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn worker() { super::$check(Server::Worker).await; }
        })+
    };
}

for_each_server!(
    what_arrives,
    no_visitor_no_cookie,
    every_cookie_comes_back,
    methods,
    sizes,
    a_gateway_that_is_down,
    the_shop_keeps_the_rest,
    orders,
    logs,
);

async fn up(server: Server) -> (Upstream, Front) {
    let upstream = Upstream::start().await;
    let front = Front::start(server, upstream.address);
    (upstream, front)
}

/// The scheme under which the visitor came: Cloudflare ends TLS.
fn scheme(server: Server) -> &'static str {
    if server == Server::Worker { "https" } else { "http" }
}

async fn what_arrives(server: Server) {
    let (upstream, front) = up(server).await;
    let answer = send(front.address, "POST", "/x7k2/a?b=c%20d", HEADERS, b"{\"events\":[]}").await;
    assert_eq!(answer.status, 200, "{}", answer.head);
    let seen = upstream.only();
    assert_eq!((seen.method.as_str(), seen.uri.as_str()), ("POST", "/x7k2/a?b=c%20d"));
    assert_eq!(seen.body, b"{\"events\":[]}");
    assert_eq!(seen.all("x-forwarded-for"), [CLIENT], "only the connection counts");
    assert_eq!(seen.all("x-forwarded-proto"), [scheme(server)]);
    assert_eq!(seen.all("cookie"), ["tdv=mg3k2v1x9abc"]);
    assert!(seen.all("authorization").is_empty());
    assert_eq!(seen.all("origin"), ["https://shop.example"]);
    assert_eq!(seen.all("content-type"), ["text/plain;charset=UTF-8"]);
    // A Worker cannot choose the Host of its requests.
    let host = if server == Server::Worker { "x-forwarded-host" } else { "host" };
    assert_eq!(seen.all(host), ["shop.example"]);
}

async fn no_visitor_no_cookie(server: Server) {
    let (upstream, front) = up(server).await;
    for cookie in ["", "PHPSESSID=open", "xtdv=forged; atdv=1", "tdv=", "a=\"tdv=no\""] {
        let headers = [("Host", "shop.example"), ("Cookie", cookie)];
        send(
            front.address,
            "GET",
            "/x7k2/s.js",
            if cookie.is_empty() { &headers[..1] } else { &headers },
            b"",
        )
        .await;
        assert!(upstream.last().all("cookie").is_empty(), "{cookie}: {:?}", upstream.last());
    }
}

async fn every_cookie_comes_back(server: Server) {
    let (_upstream, front) = up(server).await;
    let answer = send(front.address, "POST", "/x7k2/a", HEADERS, b"{}").await;
    assert_eq!(answer.all("set-cookie"), upstream::COOKIES, "{}", answer.head);
    assert_eq!(answer.all("cache-control"), ["no-store"], "{}", answer.head);
    assert!(answer.all("expires").is_empty(), "{}", answer.head);
    assert!(answer.text().contains("from the gateway"), "{}", answer.text());
}

async fn methods(server: Server) {
    let (upstream, front) = up(server).await;
    for method in ["GET", "HEAD", "OPTIONS", "POST"] {
        let body: &[u8] = if method == "POST" { b"{}" } else { b"" };
        let answer = send(front.address, method, "/x7k2/s.js", HEADERS, body).await;
        assert_eq!(answer.status, 200, "{method}: {}", answer.head);
        assert_eq!(upstream.last().method, method);
        assert_eq!(answer.body.is_empty(), method == "HEAD", "{method}: {}", answer.text());
    }
    // Nothing was answered from a cache.
    send(front.address, "GET", "/x7k2/s.js", HEADERS, b"").await;
    assert_eq!(upstream.seen().len(), 5);
}

async fn sizes(server: Server) {
    let (upstream, front) = up(server).await;
    let answer = send(front.address, "POST", "/x7k2/a", HEADERS, &vec![b'a'; 64 * 1024]).await;
    assert_eq!(answer.status, 200, "{}", answer.head);
    assert_eq!(upstream.only().body.len(), 64 * 1024);
    let answer = send(front.address, "POST", "/x7k2/a", HEADERS, &vec![b'a'; 1024 * 1024]).await;
    assert_eq!(answer.status, 413, "{}", answer.head);
    assert!(upstream.seen().len() == 1, "the upstream answered a body that is too large");
}

async fn a_gateway_that_is_down(server: Server) {
    let (upstream, front) = up(server).await;
    let port = upstream.stop().await;
    for _ in 0..2 {
        let begun = std::time::Instant::now();
        let answer = send(front.address, "POST", "/x7k2/a", HEADERS, b"{}").await;
        assert!(matches!(answer.status, 502 | 503), "{}", answer.head);
        assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
        let answer = send(front.address, "GET", "/", HEADERS, b"").await;
        assert!(answer.status == 200 && answer.text().contains("the shop"), "{}", answer.head);
    }
    // Once it is back, the next request reaches it.
    let upstream = Upstream::start_at(port).await;
    let answer = send(front.address, "POST", "/x7k2/a", HEADERS, b"{}").await;
    assert_eq!(answer.status, 200, "{}", answer.head);
    assert_eq!(upstream.seen().len(), 1);
}

async fn the_shop_keeps_the_rest(server: Server) {
    let (upstream, front) = up(server).await;
    for path in [
        "/",
        "/cart",
        "/x7k2.html",
        "/x7k3/a",
        "/wp-login.php",
        "/shop/x7k2/a",
        "/plugins",
        "/shop/plugin/shop",
        "/api/summary",
        "/v1/events",
    ] {
        let answer: Answer = send(front.address, "GET", path, HEADERS, b"").await;
        assert!(answer.text().contains("the shop"), "{path}: {} {}", answer.head, answer.text());
    }
    assert!(upstream.seen().is_empty(), "{:?}", upstream.seen());
    // And the gateway keeps its own, whatever the shop does with such names.
    for path in ["/x7k2/s.js", "/x7k2/s.0123456789abcdef.js", "/x7k2/pixel.gif?ad=1", "/x7k2/a.php"] {
        let answer = send(front.address, "GET", path, HEADERS, b"").await;
        assert!(answer.text().contains("from the gateway"), "{path}: {}", answer.head);
        assert_eq!(upstream.last().uri, path);
    }
}

async fn orders(server: Server) {
    let (upstream, front) = up(server).await;
    let body = vec![b'o'; 200 * 1024];
    for path in ["/webhooks/woocommerce/shop", "/plugin/shop"] {
        let answer = send(front.address, "POST", path, HEADERS, &body).await;
        assert_eq!(answer.status, 200, "{}", answer.head);
        let seen = upstream.last();
        assert_eq!((seen.uri.as_str(), seen.body.len()), (path, body.len()));
        assert_eq!(seen.all("x-wc-webhook-signature"), ["c2lnbmVk"]);
        assert_eq!(seen.all("x-tandem-signature"), ["v1=00"]);
        assert_eq!(seen.all("x-forwarded-for"), [CLIENT]);
        assert!(seen.all("cookie").is_empty() && seen.all("authorization").is_empty(), "{seen:?}");
        let answer = send(front.address, "POST", path, HEADERS, &vec![b'o'; 3 << 20]).await;
        assert_eq!(answer.status, 413, "{}", answer.head);
    }
    assert_eq!(upstream.seen().len(), 2);
}

async fn logs(server: Server) {
    let (upstream, front) = up(server).await;
    let headers = [HEADERS, &[("Referer", "https://shop.example/?ttclid=SECRET-CLICK")]].concat();
    let body = [b"SECRET-BODY".as_slice(), &[b'b'; 60_000]].concat();
    for _ in 0..2 {
        send(front.address, "GET", "/x7k2/pixel.gif?ad=SECRET-QUERY", &headers, b"").await;
        send(front.address, "POST", "/x7k2/a?q=SECRET-QUERY", &headers, &body).await;
        send(front.address, "POST", "/x7k2/a?q=SECRET-QUERY", &headers, &vec![b'a'; 1024 * 1024]).await;
    }
    upstream.stop().await;
    send(front.address, "POST", "/x7k2/a?q=SECRET-QUERY", &headers, &body).await;
    send(front.address, "GET", "/cart?logged=yes", HEADERS, b"").await;
    if server != Server::Worker {
        let end = std::time::Instant::now() + std::time::Duration::from_secs(30);
        while !front.written().contains("logged=yes") {
            assert!(std::time::Instant::now() < end, "the shop's own requests are logged as before");
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }
    let written = front.written();
    assert!(!written.contains("SECRET"), "{written}");
}

#[test]
fn every_snippet_is_tested() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/proxy");
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), SERVERS.len());
}
