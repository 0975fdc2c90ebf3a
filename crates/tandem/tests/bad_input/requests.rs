//! Malformed requests: credentials, places, envelopes of HTTP, the private port.

use crate::bodies::{MAX_BODY, good, short};
use crate::harness::{ACCESS_TOKEN, KEY, TOKEN};
use crate::shop::{delivery, sign};
use crate::wire::*;

pub(crate) fn credentials(cases: &mut Cases) {
    let body = good("never");
    let post = |authorization: &str| {
        request("POST", "/v1/events", &[("Authorization", authorization)], body.as_bytes())
    };
    cases.add(
        "api: no key",
        request("POST", "/v1/events", &[], body.as_bytes()),
        Refused(401, "credentials_missing"),
    );
    for given in ["Bearer", "Bearer ", "Bearer  "] {
        cases.add(format!("api: key {given:?}"), post(given), Refused(401, "credentials_missing"));
    }
    let long = format!("Bearer {}", "k".repeat(8_000));
    for given in [
        "",
        "Bearer wrong",
        &format!("Basic {KEY}"),
        KEY,
        &format!("Bearer {KEY}x"),
        &format!("Bearer x{KEY}"),
        &format!("Bearer {}", &KEY[1..]),
        &format!("Bearer {}", KEY.to_uppercase()),
        &format!("Bearer {TOKEN}"),
        &format!("Bearer {ACCESS_TOKEN}"),
        &format!("Bearer {KEY},{KEY}"),
        &format!("Token {KEY}"),
        "Bearer \u{fc}ber",
        "Bearer null",
        "Bearer undefined",
        "Bearer ' OR 1=1 --",
        &long,
        &format!("Bearer\u{a0}{KEY}"),
    ] {
        cases.add(format!("api: key {}", short(given.as_bytes())), post(given), Refused(401, ""));
    }
    for (name, headers) in
        [("another header", vec![("X-Api-Key", KEY)]), ("TikTok's", vec![("Access-Token", KEY)])]
    {
        let bytes = request("POST", "/v1/events", &headers, body.as_bytes());
        cases.add(format!("api: key in {name}"), bytes, Refused(401, "credentials_missing"));
    }
    let in_query = request("POST", &format!("/v1/events?key={KEY}"), &[], body.as_bytes());
    cases.add("api: key in the address", in_query, Refused(401, "credentials_missing"));

    let order = delivery("01b-order").body;
    let hook = |signature: &str| {
        let headers = [("X-WC-Webhook-Topic", "order.updated"), ("X-WC-Webhook-Signature", signature)];
        request("POST", SITE, &headers, &order)
    };
    let unsigned = request("POST", SITE, &[("X-WC-Webhook-Topic", "order.updated")], &order);
    cases.add("hook: unsigned", unsigned, Refused(401, "credentials_missing"));
    let right = sign(SECRET, &order);
    let flipped = right.replacen(&right[..1], if right.starts_with('A') { "B" } else { "A" }, 1);
    for signature in [
        "",
        "x",
        "not base64!",
        &"A".repeat(43),
        &sign("another secret", &order),
        &sign("", &order),
        &sign(SECRET, b"another body"),
        &flipped,
        &right[1..],
        &right[..right.len() - 1],
        &format!("sha256={right}"),
        &right.to_lowercase(),
        &"0".repeat(64),
        &"f".repeat(64),
        &"A".repeat(10_000),
        "\u{fc}",
        &right.repeat(2),
        &format!("{right},{right}"),
        &"=".repeat(44),
    ] {
        cases.add(
            format!("hook: signature {}", short(signature.as_bytes())),
            hook(signature),
            Refused(401, "credentials_wrong"),
        );
    }
    // An unsigned ping is a ping only when it is nothing else.
    for body in [
        "webhook_id=",
        "webhook_id=x",
        "webhook_id=8&x=1",
        "webhook_id=8 ",
        "webhook_id=-1",
        "webhook_id=123456789012345678901",
    ] {
        let bytes = request("POST", SITE, &[], body.as_bytes());
        cases.add(format!("hook: ping {body:?}"), bytes, Refused(401, "credentials_missing"));
    }
}

pub(crate) fn places(cases: &mut Cases) {
    let methods = ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW", "PROPFIND", "post"];
    for path in ["/v1/events", SITE] {
        for method in methods {
            let bytes = request(method, path, &[("Authorization", &bearer())], b"");
            cases.add(format!("{method} {path}"), bytes, Refused(405, "method_not_allowed"));
        }
    }
    let body = good("never");
    let long = format!("/{}", "x".repeat(8_000));
    for path in [
        "/",
        "/v1",
        "/v1/",
        "/v1/event",
        "/v1/events/",
        "/v1/events/1",
        "//v1/events",
        "/V1/EVENTS",
        "/v2/events",
        "/v1/events/../events",
        "/v1%2fevents",
        "/v1/events%00",
        "/webhooks",
        "/webhooks/",
        "/webhooks/woocommerce",
        "/webhooks/woocommerce/",
        "/webhooks/woocommerce/shop/",
        "/webhooks/woocommerce/shop/x",
        "/webhooks/shopify/shop",
        "/healthz",
        "/metrics",
        "/api/summary",
        "/api/records/events",
        "/api/replay",
        "/.env",
        "/wp-login.php",
        "/index.html",
        "/favicon.ico",
        "/%",
        "/%zz",
        "/%ff",
        "/?",
        "/v1/events;x",
        "/../../etc/passwd",
        &long,
        "/open_api/v1.3/event/track/",
        "/sandbox/conversions",
    ] {
        for method in ["GET", "POST"] {
            let bytes = request(method, path, &[("Authorization", &bearer())], body.as_bytes());
            cases.add(format!("{method} {}", short(path.as_bytes())), bytes, Refused(404, "not_found"));
        }
    }
    for site in
        ["nobody", "SHOP", "shop%20", "%2e%2e", "shop%2f..", "%00", "%ff", "%c3%28", "shop;x", "%73hop%"]
    {
        let bytes = request("POST", &format!("/webhooks/woocommerce/{site}"), &[], body.as_bytes());
        cases.add(format!("site {site}"), bytes, Refused(404, "unknown_site"));
    }
}

pub(crate) fn envelopes(cases: &mut Cases) {
    let event = good("never");
    for path in ["/v1/events", SITE] {
        let key = bearer();
        let with = |name: &str, value: &str, body: &[u8]| {
            request("POST", path, &[("Authorization", &key), (name, value)], body)
        };
        for encoding in [
            "gzip",
            "deflate",
            "br",
            "zstd",
            "x-gzip",
            "compress",
            "gzip, identity",
            "",
            "*",
            "utf-8",
            "\u{fc}",
        ] {
            let bytes = with("Content-Encoding", encoding, event.as_bytes());
            cases.add(format!("{path}: encoding {encoding:?}"), bytes, Refused(415, "content_encoding"));
        }
        cases.add(format!("{path}: no body"), with("X", "y", b""), Refused(400, "empty_body"));
        let start = format!("POST {path} HTTP/1.1\r\nAuthorization: {key}");
        cases.add(
            format!("{path}: no length, no body"),
            raw_request(&start, b""),
            Refused(400, "empty_body"),
        );
        let chunked = format!("{start}\r\nTransfer-Encoding: chunked");
        cases.add(
            format!("{path}: no chunk"),
            raw_request(&chunked, b"0\r\n\r\n"),
            Refused(400, "empty_body"),
        );

        for size in [MAX_BODY + 1, 2 << 20, 8 << 20] {
            let bytes = with("X", "y", &vec![b' '; size]);
            cases.add(format!("{path}: {size} bytes"), bytes, Refused(413, "body_too_large"));
        }
        let announced = format!("{start}\r\nContent-Length: {}", 2 << 20);
        cases.add(
            format!("{path}: 2 MiB announced"),
            raw_request(&announced, b"{"),
            Refused(413, "body_too_large"),
        );
        let waits = format!("{announced}\r\nExpect: 100-continue");
        cases.add(
            format!("{path}: 2 MiB asked for"),
            raw_request(&waits, b""),
            Refused(413, "body_too_large"),
        );
        let huge = format!("{start}\r\nContent-Length: 9223372036854775807");
        cases.add(
            format!("{path}: 8 EiB announced"),
            raw_request(&huge, b"{"),
            Refused(413, "body_too_large"),
        );
        let chunk = format!("{:x}\r\n{}\r\n", 65_536, " ".repeat(65_536));
        let chunks = format!("{}0\r\n\r\n", chunk.repeat(32));
        cases.add(
            format!("{path}: 2 MiB in chunks"),
            raw_request(&chunked, chunks.as_bytes()),
            Refused(413, "body_too_large"),
        );

        for bad in [
            "zz\r\n{}\r\n0\r\n\r\n",
            "-1\r\n{}\r\n0\r\n\r\n",
            "fffffffffffffffff\r\n{}",
            "2\r\n{}{}\r\n0\r\n\r\n",
        ] {
            cases.add(
                format!("{path}: chunk {bad:?}"),
                raw_request(&chunked, bad.as_bytes()),
                Refused(400, "body_cut"),
            );
        }
        cases.cut(
            format!("{path}: chunks end early"),
            raw_request(&chunked, b"5\r\n{\"a\""),
            Refused(400, "body_cut"),
        );
        let longer = format!("{start}\r\nContent-Length: 5000");
        cases.cut(
            format!("{path}: shorter than announced"),
            raw_request(&longer, event.as_bytes()),
            Refused(400, "body_cut"),
        );
    }
    let shorter = raw_request(
        &format!("POST /v1/events HTTP/1.1\r\nAuthorization: {}\r\nContent-Length: 20", bearer()),
        event.as_bytes(),
    );
    cases.add("longer than announced", shorter, Rejected("json_invalid"));
}

pub(crate) fn noise() -> Vec<u8> {
    let mut dice = crate::shop::Dice(7);
    (0..512).flat_map(|_| dice.roll().to_le_bytes()).collect()
}

/// What hyper answers before any code of ours.
pub(crate) fn garbage(cases: &mut Cases) {
    let many: String = (0..300).map(|i| format!("X-{i}: y\r\n")).collect();
    let wide = format!("X: {}\r\n", "y".repeat(2 << 20));
    for (name, bytes) in [
        ("nothing but line ends", b"\r\n\r\n\r\n\r\n".to_vec()),
        ("a word", b"HELLO\r\n\r\n".to_vec()),
        ("mail", b"EHLO example.com\r\nMAIL FROM:<a@example.com>\r\n\r\n".to_vec()),
        ("TLS", [&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3][..], &[7; 200]].concat()),
        ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec()),
        ("HTTP/0.9", b"GET /\r\n\r\n".to_vec()),
        ("HTTP/9.9", b"GET / HTTP/9.9\r\n\r\n".to_vec()),
        ("HTTP/1.x", b"POST /v1/events HTTP/1.x\r\n\r\n".to_vec()),
        ("no path", b"POST HTTP/1.1\r\n\r\n".to_vec()),
        ("blank in the path", b"POST /v1/ events HTTP/1.1\r\n\r\n".to_vec()),
        ("NUL in the path", b"POST /v1/\0events HTTP/1.1\r\n\r\n".to_vec()),
        ("bytes in the path", b"POST /\xff\xfe HTTP/1.1\r\n\r\n".to_vec()),
        ("no colon", b"POST /v1/events HTTP/1.1\r\nHost\r\n\r\n".to_vec()),
        ("blank before the colon", b"POST /v1/events HTTP/1.1\r\nHost : x\r\n\r\n".to_vec()),
        ("NUL in a header", b"POST /v1/events HTTP/1.1\r\nX: a\0b\r\n\r\n".to_vec()),
        ("folded header", b"POST /v1/events HTTP/1.1\r\nX: a\r\n b\r\n\r\n".to_vec()),
        ("name of no bytes", b"POST /v1/events HTTP/1.1\r\n: a\r\n\r\n".to_vec()),
        ("bytes in a name", b"POST /v1/events HTTP/1.1\r\n\xff: a\r\n\r\n".to_vec()),
        ("300 headers", format!("POST /v1/events HTTP/1.1\r\n{many}\r\n").into_bytes()),
        ("2 MiB header", format!("POST /v1/events HTTP/1.1\r\n{wide}\r\n").into_bytes()),
        ("1 MiB path", format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(1 << 20)).into_bytes()),
        ("noise", noise()),
        ("NULs", vec![0; 4_096]),
        ("carriage returns", vec![b'\r'; 4_096]),
        ("proxy", b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nPOST /v1/events HTTP/1.1\r\n\r\n".to_vec()),
    ] {
        cases.cut(format!("garbage: {name}"), bytes, Garbage);
    }
    for length in ["abc", "-1", "+5", "1.5", "0x10", "99999999999999999999999", "5, 6", "5 5", "", "\u{664}"]
    {
        let head = format!("POST /v1/events HTTP/1.1\r\nContent-Length: {length}");
        cases.cut(format!("garbage: length {length:?}"), raw_request(&head, b"{}"), Garbage);
    }
    let two = "POST /v1/events HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 3";
    cases.cut("garbage: two lengths", raw_request(two, b"{}1"), Garbage);
    for encoding in ["gzip", "chunked, gzip", "identity", "chunked, chunked", "xchunked"] {
        let head = format!("POST /v1/events HTTP/1.1\r\nTransfer-Encoding: {encoding}");
        cases.cut(format!("garbage: transfer {encoding}"), raw_request(&head, b"0\r\n\r\n"), Garbage);
    }
}

pub(crate) fn private(cases: &mut Cases) {
    let token = format!("Bearer {TOKEN}");
    let json = ("Content-Type", "application/json");
    for path in ["/metrics", "/api/summary", "/api/records/events", "/api/events/1"] {
        for (name, value) in [
            ("Authorization", "Bearer wrong"),
            ("Authorization", &bearer()),
            ("X", "y"),
            ("Authorization", TOKEN),
        ] {
            let bytes = request("GET", path, &[(name, value)], b"");
            cases.private(format!("{path} {name}: {value}"), bytes, Refused(401, "credentials_wrong"));
        }
        let bytes = request("POST", path, &[("Authorization", &token)], b"{}");
        cases.private(format!("POST {path}"), bytes, Refused(405, "method_not_allowed"));
    }
    for path in ["/api", "/api/", "/v1/events", "/api/records", "/admin"] {
        let bytes = request("GET", path, &[("Authorization", &token)], b"");
        cases.private(path, bytes, Refused(404, "not_found"));
    }
    for path in ["/api/records/people", "/api/events/999999", "/api/events/0"] {
        let bytes = request("GET", path, &[("Authorization", &token)], b"");
        cases.private(path, bytes, Refused(404, "not_found"));
    }
    for path in [
        "/api/records/%ff",
        "/api/events/x",
        "/api/events/99999999999999999999",
        "/api/records/events?limit=x",
        "/api/records/events?limit=-1",
        "/api/records/events?before=x",
        "/api/records/events?limit=1&limit=2",
    ] {
        let bytes = request("GET", path, &[("Authorization", &token)], b"");
        cases.private(path, bytes, Refused(400, "request_invalid"));
    }
    let replay =
        |headers: &[(&str, &str)], body: &str| request("POST", "/api/replay", headers, body.as_bytes());
    let signed = [("Authorization", token.as_str()), json];
    for body in [
        "",
        "x",
        "1",
        "[]",
        "{}",
        "{\"since_ms\":\"x\"}",
        "{\"since_ms\":1e99}",
        "{\"since_ms\":1,\"surplus\":1}",
        "{\"since_ms\":1",
    ] {
        cases.private(format!("replay {body:?}"), replay(&signed, body), Refused(400, "request_invalid"));
    }
    let other = "{\"since_ms\":1,\"destination\":\"myspace\"}";
    cases.private("replay elsewhere", replay(&signed, other), Refused(404, "no_such_destination"));
    cases.private(
        "replay without a token",
        replay(&[json], "{\"since_ms\":1}"),
        Refused(401, "credentials_wrong"),
    );
    for lane in ["x", "-1", "99999999999"] {
        let path = format!("/api/lanes/{lane}/resume");
        let bytes = request("POST", &path, &[("Authorization", &token)], b"");
        cases.private(path, bytes, Refused(400, "request_invalid"));
    }
}
