//! Hundreds of malformed requests against the real binary: each is answered clearly, good events next to them count
//! once, and the process comes out of it alive and small.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod harness;
mod shop;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use harness::{ACCESS_TOKEN, Gateway, Home, KEY, PIXEL, StandIn, TOKEN, now_s};
use serde_json::{Value, json};
use shop::{delivery, sign};

const SECRET: &str = "bad-input-secret";
const SITE: &str = "/webhooks/woocommerce/shop";
/// As the product's own default.
const MAX_BODY: usize = 1 << 20;
const MEMORY_KIB: u64 = 150 * 1024;

/// What must come back.
#[derive(Debug, Clone, Copy)]
enum Want {
    /// The request as a whole: this status, and a JSON error with this code.
    Refused(u16, &'static str),
    /// Each of the request's events, with this code; a webhook gets 200 for it, the API 422.
    Rejected(&'static str),
    /// No HTTP that a handler ever sees: 4xx in whatever form, or the connection is closed.
    Garbage,
}

use Want::{Garbage, Refused, Rejected};

/// One malformed request.
struct Case {
    name: String,
    bytes: Vec<u8>,
    private: bool,
    /// Closes the sending half after the last byte: the rest will never come.
    half_close: bool,
    want: Want,
}

/// Bytes of a request with a right Content-Length.
fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut bytes =
        format!("{method} {path} HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n").into_bytes();
    for (name, value) in headers {
        bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    bytes.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
    bytes.extend_from_slice(body);
    bytes
}

/// The same with the headers as text and nothing added but the host.
fn raw_request(head: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{head}\r\nHost: shop.example\r\nConnection: close\r\n\r\n").into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

fn bearer() -> String {
    format!("Bearer {KEY}")
}

fn to_api(content_type: &str, body: &[u8]) -> Vec<u8> {
    request("POST", "/v1/events", &[("Authorization", &bearer()), ("Content-Type", content_type)], body)
}

fn to_hook(topic: &str, body: &[u8]) -> Vec<u8> {
    let signature = sign(SECRET, body);
    let headers = [("X-WC-Webhook-Topic", topic), ("X-WC-Webhook-Signature", &signature)];
    request("POST", SITE, &headers, body)
}

#[derive(Default)]
struct Cases(Vec<Case>);

impl Cases {
    fn add(&mut self, name: impl Into<String>, bytes: Vec<u8>, want: Want) {
        self.0.push(Case { name: name.into(), bytes, private: false, half_close: false, want });
    }

    fn api(&mut self, name: impl Into<String>, body: impl AsRef<[u8]>, code: &'static str) {
        self.add(format!("api: {}", name.into()), to_api("application/json", body.as_ref()), Rejected(code));
    }

    fn hook(&mut self, name: impl Into<String>, body: impl AsRef<[u8]>, code: &'static str) {
        self.add(format!("hook: {}", name.into()), to_hook("order.updated", body.as_ref()), Rejected(code));
    }

    /// The client sends no more.
    fn cut(&mut self, name: impl Into<String>, bytes: Vec<u8>, want: Want) {
        self.0.push(Case { name: name.into(), bytes, private: false, half_close: true, want });
    }

    fn private(&mut self, name: impl Into<String>, bytes: Vec<u8>, want: Want) {
        let name = format!("private: {}", name.into());
        self.0.push(Case { name, bytes, private: true, half_close: false, want });
    }
}

/// An event that nothing is wrong with.
fn good(id: &str) -> String {
    json!({"event_name": "Lead", "event_id": id, "event_time": now_s(), "user": {"external_id": "7"}})
        .to_string()
}

fn nested(open: &str, close: &str, depth: usize) -> String {
    format!("{}1{}", open.repeat(depth), close.repeat(depth))
}

/// Events that are valid JSON text each, and still no events: text and code.
fn bad_events() -> Vec<(String, &'static str)> {
    let mut bad: Vec<(String, &'static str)> = Vec::new();
    for text in ["1", "-1.5", "null", "true", "\"x\"", "\"\"", "[]", "[1]", "[{}]", "[[]]", "1e5"] {
        bad.push((text.to_owned(), "event_not_object"));
    }
    let long = |n: usize| format!("\"{}\"", "a".repeat(n));
    let mut field = |rest: &str, values: &[String], code: &'static str| {
        for value in values {
            bad.push((format!("{{{}}}", rest.replace("?", value)), code));
        }
    };
    let texts = |values: &[&str]| values.iter().map(|v| (*v).to_owned()).collect::<Vec<_>>();

    field(
        "?",
        &texts(&["", "\"event_id\":\"x\"", "\"event_name\":null", "\"value\":1"]),
        "event_name_missing",
    );
    field("\"event_name\":?", &texts(&["\"\"", "\"  \"", "\"\\t\""]), "event_name_missing");
    field("\"event_name\":?", &texts(&["1", "1.5", "true", "{\"a\":1}", "[\"Lead\"]"]), "event_name_type");
    let names = [
        "\"9lives\"",
        "\"with space\"",
        "\"über\"",
        "\"a.b\"",
        "\"<script>\"",
        "\"x;drop\"",
        "\"a\\u0000b\"",
    ];
    field("\"event_name\":?", &texts(&names), "custom_event_name");
    field("\"event_name\":?", &[long(51), long(5_000)], "custom_event_name");

    let id = "\"event_name\":\"Lead\",\"event_id\":?";
    field(id, &texts(&["\"\"", "\"   \"", "null"]), "event_id_missing");
    field(
        id,
        &texts(&["1.5", "true", "false", "[]", "[\"x\"]", "{}", "{\"id\":\"x\"}", "1e30"]),
        "event_id_type",
    );
    let unfit = [
        "\"a\\u0000b\"",
        "\"a\\nb\"",
        "\"ada@example.com\"",
        "\"+1 213 373 4253\"",
        "\"x\\u007fy\"",
        "\"a@b\"",
    ];
    field(id, &texts(&unfit), "event_id_invalid");
    field(id, &[long(201), long(20_000)], "event_id_invalid");

    let order = "\"event_name\":\"Purchase\",\"event_id\":\"o\",\"order_id\":?";
    field(order, &texts(&unfit), "order_id_invalid");
    field(order, &[long(201)], "order_id_invalid");

    let time = "\"event_name\":\"Lead\",\"event_id\":\"t\",\"event_time\":?";
    let times = [
        "0",
        "-1",
        "-1795352335",
        "-9223372036854775808",
        "\"yesterday\"",
        "\"12:30\"",
        "\"NaN\"",
        "\"Infinity\"",
        "\"1e400\"",
        "1e300",
        "-1e300",
        "true",
        "{}",
        "{\"s\":1}",
        "[]",
        "[1795352335]",
        "18446744073709551615",
        "\"2026-13-45T00:00:00Z\"",
        "\"０\"",
        "0.5",
    ];
    field(time, &texts(&times), "event_time_invalid");

    let value = "\"event_name\":\"Purchase\",\"event_id\":\"v\",\"currency\":\"EUR\",\"value\":?";
    field(value, &texts(&["-1", "-0.01", "\"-5\"", "-1e10", "\"-0.001\""]), "value_negative");

    let more = "\"event_name\":\"Lead\",\"event_id\":\"s\",?";
    field(more, &texts(&["\"context\":{}", "\"context\":{\"user\":{}}", "\"pixel_code\":\"P\""]), "v1_shape");
    let deep = [33, 64, 120].map(|depth| format!("\"properties\":{}", nested("[", "]", depth)));
    field(more, &deep, "nested_too_deep");
    let deep = [40, 100].map(|depth| format!("\"user\":{}", nested("{\"a\":", "}", depth)));
    field(more, &deep, "nested_too_deep");
    let deep = [200, 1_000, 10_000, 100_000].map(|depth| format!("\"x\":{}", nested("[", "]", depth)));
    field(more, &deep, "nested_too_deep");
    let unreadable =
        ["\"value\":1e999", "\"value\":-1e999", "\"title\":\"\\ud800\"", "\"x\":[\"\\udc00\\ud800\"]"];
    field(more, &texts(&unreadable), "json_invalid");
    bad
}

/// Texts of one line that are no JSON.
fn broken_texts() -> Vec<Vec<u8>> {
    let mut texts: Vec<Vec<u8>> = [
        "{",
        "}",
        "[",
        "]",
        "{]",
        "[}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{,}",
        "{a:1}",
        "{'a':1}",
        "{\"a\":1}}",
        "{\"a\":NaN}",
        "{\"a\":Infinity}",
        "{\"a\":-Infinity}",
        "{\"a\":undefined}",
        "{\"a\":+1}",
        "{\"a\":.5}",
        "{\"a\":5.}",
        "{\"a\":01}",
        "{\"a\":0x1F}",
        "{\"a\":1e}",
        "{\"a\":--1}",
        "{\"a\":\"\\x41\"}",
        "{\"a\":\"\\u12\"}",
        "{\"a\":\"\t\"}",
        "{\"a\":tru}",
        "{\"a\":nul}",
        "{\"a\" 1}",
        "{\"a\":1 \"b\":2}",
        "{/* c */}",
        "{\"a\":1} // c",
        "NaN",
        "nul",
        "tru",
        "'x'",
        "\"",
        "event_name=Purchase&value=1",
        "a: 1",
        "<event name=\"Purchase\"/>",
        "<!DOCTYPE html><html></html>",
        "id,value;1,2",
        "--boundary",
        "\\",
        "{{}}",
        "${jndi:ldap://x}",
        "() { :; }",
        "webhook_id=8",
        "data=%7B%7D",
    ]
    .iter()
    .map(|t| t.as_bytes().to_vec())
    .collect();
    let event = good("cut");
    // Of an object every beginning is broken.
    texts.extend((1..event.len()).step_by(3).map(|end| event.as_bytes()[..end].to_vec()));
    texts
}

/// Texts that are not UTF-8, or hold what JSON does not allow raw.
fn odd_bytes() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let event = "{\"event_name\":\"Lead\",\"event_id\":\"e\",\"title\":\"größe\"}";
    let utf16 = |big: bool| -> Vec<u8> {
        event.encode_utf16().flat_map(|u| if big { u.to_be_bytes() } else { u.to_le_bytes() }).collect()
    };
    let latin1: Vec<u8> = event.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    let with = |bytes: &[u8]| [b"{\"event_name\":\"".as_slice(), bytes, b"\"}"].concat();
    vec![
        ("latin-1", latin1, "body_not_utf8"),
        ("utf-16 little", utf16(false), "body_not_utf8"),
        ("utf-16 big", utf16(true), "body_not_utf8"),
        ("utf-16 with mark", [vec![0xff, 0xfe], utf16(false)].concat(), "body_not_utf8"),
        ("overlong", with(&[0xc0, 0xaf]), "body_not_utf8"),
        ("surrogate in utf-8", with(&[0xed, 0xa0, 0x80]), "body_not_utf8"),
        ("beyond unicode", with(&[0xf4, 0x90, 0x80, 0x80]), "body_not_utf8"),
        ("cut sequence", with(&[0xe2, 0x82]), "body_not_utf8"),
        ("lone continuation", with(&[0x80]), "body_not_utf8"),
        ("0xff", vec![0xff; 100], "body_not_utf8"),
        ("gzip without a word", vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xff, 0xfe], "body_not_utf8"),
        ("raw NUL", with(&[0]), "json_invalid"),
        ("NUL alone", vec![0], "json_invalid"),
        ("NULs", vec![0; 4096], "json_invalid"),
        ("NUL after", [event.as_bytes(), &[0]].concat(), "json_invalid"),
        ("raw newline in text", with(b"a\nb"), "json_invalid"),
        ("escape character", with(&[0x1b]), "json_invalid"),
        ("mark twice", [&[0xef, 0xbb, 0xbf, 0xef, 0xbb, 0xbf], event.as_bytes()].concat(), "json_invalid"),
        ("no-break space around", "\u{a0}{}\u{a0}".into(), "json_invalid"),
    ]
}

fn api_bodies(cases: &mut Cases) {
    for (text, code) in bad_events() {
        // Alone, these are no bodies at all, or a list.
        let code = match (text.as_bytes()[0], code) {
            (b'[', _) if text == "[]" => "no_events",
            (b'[', _) if text == "[{}]" => "event_name_missing",
            (b'[' | b'{', code) => code,
            _ => "body_not_object",
        };
        cases.api(format!("event {}", short(text.as_bytes())), &text, code);
    }
    for text in broken_texts() {
        cases.api(format!("text {}", short(&text)), &text, "json_invalid");
    }
    for (name, bytes, code) in odd_bytes() {
        cases.api(name, bytes, code);
    }
    for (name, body) in
        [("blank", " \r\n\t "), ("mark alone", "\u{feff}"), ("mark and blank", "\u{feff}  \n")]
    {
        cases.api(name, body, "body_empty");
    }
    for body in ["[]", " [ ] ", "{\"event_source\":\"web\",\"event_source_id\":\"P\",\"data\":[]}"] {
        cases.api(body, body, "no_events");
    }
    for body in ["{\"events\":[{}]}", "{\"batch\":[{}]}", "{\"events\":[],\"api_key\":\"x\"}"] {
        cases.api(body, body, "unknown_envelope");
    }
    cases.api("older batch", "{\"pixel_code\":\"P\",\"batch\":[{}]}", "v1_shape");
    for source in ["\"app\"", "\"fax\"", "\"\"", "1", "null", "[]", "{}"] {
        let body = format!("{{\"event_source\":{source},\"event_source_id\":\"P\",\"data\":[{{}}]}}");
        cases.api(format!("event_source {source}"), body, "event_source_invalid");
    }
    for id in ["\"\"", "null", "{}", "[]", "true", "1.5"] {
        let body = format!("{{\"event_source\":\"web\",\"event_source_id\":{id},\"data\":[{{}}]}}");
        cases.api(format!("event_source_id {id}"), body, "event_source_id_missing");
    }
    for data in ["1", "\"x\"", "true"] {
        let body = format!("{{\"event_source\":\"web\",\"event_source_id\":\"P\",\"data\":{data}}}");
        cases.api(format!("data {data}"), body, "data_not_array");
    }
    for depth in [129, 1_000, 10_000, 100_000] {
        cases.api(format!("lists {depth} deep"), nested("[", "]", depth), "");
        cases.api(format!("objects {depth} deep"), nested("{\"a\":", "}", depth), "");
        cases.api(format!("{depth} opened"), "[".repeat(depth), "");
        cases.api(format!("{depth} objects opened"), "{\"data\":".repeat(depth), "");
    }
    let many = |n: usize, one: &str| format!("[{}]", vec![one; n].join(","));
    cases.api("1000 numbers", many(1_000, "1"), "event_not_object");
    cases.api("1001 empty objects", many(1_001, "{}"), "");
    cases.api("10000 numbers", many(10_000, "1"), "");
    for one in ["1", "{}", "[]", "null"] {
        cases.api(format!("200000 times {one}"), many(200_000, one), "too_many_events");
    }
    let lines = to_api("application/x-ndjson", "{}\n".repeat(200_000).as_bytes());
    cases.add("api: 200000 lines", lines, Rejected("too_many_events"));
    cases.api("one long text", format!("\"{}\"", "x".repeat(MAX_BODY - 2)), "body_not_object");
    cases.api("a mebibyte of digits", "9".repeat(MAX_BODY), "");
    cases.api("a mebibyte of blanks", " ".repeat(MAX_BODY), "body_empty");
    let lines = to_api("application/x-ndjson", b"{}\n1\n\"x\"\n[]\n{\n\n\xff\n");
    cases.add("api: lines, all bad", lines, Rejected(""));
}

fn short(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let cut: String = text.chars().take(60).collect();
    if cut.len() < text.len() { format!("{cut}… ({} bytes)", bytes.len()) } else { cut }
}

fn hook_bodies(cases: &mut Cases) {
    for text in broken_texts().iter().filter(|t| t.as_slice() != b"webhook_id=8") {
        cases.hook(format!("text {}", short(text)), text, "json_invalid");
    }
    for (name, bytes, code) in odd_bytes() {
        cases.hook(name, bytes, code);
    }
    for text in ["1", "null", "\"x\"", "[]", "[{\"id\":1}]", "true"] {
        cases.hook(text, text, "body_not_object");
    }
    let order = delivery("01b-order");
    let text = order.body.clone();
    for end in (1..text.len()).step_by(text.len() / 30) {
        cases.hook(format!("order cut at {end}"), &text[..end], "json_invalid");
    }
    let change = |field: &str, value: &Value| {
        let mut order = order.json.clone();
        order[field] = value.clone();
        order.to_string()
    };
    let odd = [json!(null), json!({}), json!([]), json!([1]), json!(true), json!("")];
    for value in &odd {
        cases.hook(format!("id {value}"), change("id", value), "order_id_invalid");
        cases.hook(format!("status {value}"), change("status", value), "order_invalid");
        cases.hook(format!("total {value}"), change("total", value), "order_total_invalid");
    }
    for value in [json!(0), json!(1.5), json!("ada@example.com"), json!("a\u{0}b"), json!("x".repeat(300))] {
        cases.hook(
            format!("id {}", short(value.to_string().as_bytes())),
            change("id", &value),
            "order_id_invalid",
        );
    }
    for value in [json!("x y"), json!("<b>"), json!("p".repeat(41)), json!(7)] {
        cases.hook(format!("status {value}"), change("status", &value), "order_invalid");
    }
    for value in [json!("abc"), json!("1,50"), json!("12 345.00"), json!("€ 5"), json!("NaN"), json!("1e999")]
    {
        cases.hook(format!("total {value}"), change("total", &value), "order_total_invalid");
    }
    cases.hook("total -1", change("total", &json!("-1.00")), "value_negative");
    for depth in [129, 10_000] {
        let body = format!("{{\"id\":1,\"status\":\"processing\",\"x\":{}}}", nested("[", "]", depth));
        cases.hook(format!("order {depth} deep"), body, "json_invalid");
    }
    let unlabelled = |body: &str| {
        request("POST", SITE, &[("X-WC-Webhook-Signature", &sign(SECRET, body.as_bytes()))], body.as_bytes())
    };
    for body in ["{}", "{\"id\":1,\"x\":1}", "{\"hello\":\"world\"}"] {
        cases.add(format!("hook: no topic, {body}"), unlabelled(body), Rejected("order_invalid"));
    }
    let error = "{\"code\":\"woocommerce_rest_invalid_id\",\"message\":\"x\",\"data\":{\"status\":404}}";
    cases.hook("another version's error", error, "wrong_api_version");
}

fn credentials(cases: &mut Cases) {
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

fn places(cases: &mut Cases) {
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

fn envelopes(cases: &mut Cases) {
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

fn noise() -> Vec<u8> {
    let mut dice = shop::Dice(7);
    (0..512).flat_map(|_| dice.roll().to_le_bytes()).collect()
}

/// What hyper answers before any code of ours.
fn garbage(cases: &mut Cases) {
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

fn private(cases: &mut Cases) {
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
    for path in ["/", "/api", "/api/", "/v1/events", "/api/records", "/admin"] {
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

/// What came back: status, and the body.
struct Reply {
    status: u16,
    head: String,
    body: Vec<u8>,
}

/// Sends on one thread and reads on the other, since a server may well answer before it has everything. `None` when
/// the connection ends without an answer.
fn exchange(address: SocketAddr, bytes: &[u8], half_close: bool) -> Option<Reply> {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(40))).unwrap();
    let mut answer = Vec::new();
    std::thread::scope(|scope| {
        let mut writer = &stream;
        scope.spawn(move || {
            // It may be closed half-way; what counts is the answer.
            let _ = writer.write_all(bytes);
            if half_close {
                let _ = writer.shutdown(Shutdown::Write);
            }
        });
        let mut reader = &stream;
        let mut buffer = [0; 16_384];
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => answer.extend_from_slice(&buffer[..n]),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
                Err(error) => panic!("no answer: {error}"),
            }
            if complete(&answer) {
                break;
            }
        }
        let _ = stream.shutdown(Shutdown::Both);
    });
    parse(&answer)
}

fn parse(answer: &[u8]) -> Option<Reply> {
    let end = answer.windows(4).position(|w| w == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Reply { status, head, body: answer[end + 4..].to_vec() })
}

fn length(head: &str) -> Option<usize> {
    head.lines().find_map(|l| l.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok())
}

fn complete(answer: &[u8]) -> bool {
    parse(answer).is_some_and(|r| length(&r.head).is_some_and(|wanted| r.body.len() >= wanted))
}

/// Says what is wrong with the answer to a case.
fn judge(case: &Case, reply: Option<&Reply>) -> Result<(), String> {
    let Some(reply) = reply else {
        return if matches!(case.want, Garbage) { Ok(()) } else { Err("no answer".to_owned()) };
    };
    let text = String::from_utf8_lossy(&reply.body);
    let told = || format!("{} {}", reply.status, short(&reply.body));
    if matches!(case.want, Garbage) {
        return if (400..500).contains(&reply.status) { Ok(()) } else { Err(told()) };
    }
    let is_json = reply.head.to_ascii_lowercase().contains("content-type: application/json");
    if case.bytes.starts_with(b"HEAD ") {
        // There is no body to look at.
        return if reply.status == 405 && is_json { Ok(()) } else { Err(told()) };
    }
    let answer: Value = serde_json::from_str(&text).map_err(|_| format!("no JSON: {}", told()))?;
    if !is_json {
        return Err(format!("not said to be JSON: {}", reply.head));
    }
    match case.want {
        Refused(status, code) => {
            let given = answer["error"]["code"].as_str().unwrap_or_default();
            let message = answer["error"]["message"].as_str().unwrap_or_default();
            let fits = !given.is_empty() && !message.is_empty() && (code.is_empty() || code == given);
            if reply.status == status && fits { Ok(()) } else { Err(told()) }
        }
        Rejected(code) => {
            let status = if case.name.starts_with("hook") { 200 } else { 422 };
            let events = answer["events"].as_array().map(Vec::as_slice).unwrap_or_default();
            let right = |e: &Value| {
                let given = e["code"].as_str().unwrap_or_default();
                let said = !e["message"].as_str().unwrap_or_default().is_empty();
                e["status"] == "rejected" && said && !given.is_empty() && (code.is_empty() || code == given)
            };
            let fits = reply.status == status && !events.is_empty() && events.iter().all(right);
            if fits { Ok(()) } else { Err(told()) }
        }
        Garbage => Ok(()),
    }
}

fn memory_kib(gateway: &Gateway) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{}/status", gateway.pid())).unwrap();
    let line = text.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse().unwrap()
}

fn home(stand_in: &StandIn) -> Home {
    Home::new(&format!(
        r#"
        [[site]]
        id = "shop"
        consent.on_unknown = "grant"
        [site.sources.woocommerce]
        secrets = ["{SECRET}"]
        [site.sources.events]
        write_keys = ["{KEY}"]
        [site.destinations.tiktok]
        pixel_id = "{PIXEL}"
        access_token = "{ACCESS_TOKEN}"
        base_url = "{}"
        "#,
        stand_in.base_url()
    ))
}

#[test]
fn each_is_answered_clearly_and_nothing_of_it_counts() {
    let stand_in = StandIn::start();
    let home = home(&stand_in);
    let mut gateway = home.start();
    let mut cases = Cases::default();
    for table in [api_bodies, hook_bodies, credentials, places, envelopes, garbage, private] {
        table(&mut cases);
    }
    let cases = cases.0;
    let distinct: BTreeSet<&[u8]> = cases.iter().map(|c| c.bytes.as_slice()).collect();
    let by_kind = |wanted: fn(&Want) -> bool| cases.iter().filter(|c| wanted(&c.want)).count();
    println!(
        "{} requests, {} distinct: {} refused, {} rejected, {} garbage",
        cases.len(),
        distinct.len(),
        by_kind(|w| matches!(w, Refused(..))),
        by_kind(|w| matches!(w, Rejected(_))),
        by_kind(|w| matches!(w, Garbage)),
    );
    assert!(distinct.len() >= 300, "{}", distinct.len());

    let next = AtomicUsize::new(0);
    let wrong = std::sync::Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let address = if case.private { gateway.private } else { gateway.public };
                    let reply = exchange(address, &case.bytes, case.half_close);
                    if let Err(why) = judge(case, reply.as_ref()) {
                        wrong.lock().unwrap().insert(case.name.clone(), (format!("{:?}", case.want), why));
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} wrong answers: {wrong:#?}", wrong.len());

    assert!(gateway.alive());
    assert_eq!(gateway.get("/healthz").json(), json!({"status": "ok"}));
    assert_eq!(gateway.records("events").len(), 0, "nothing of it is an event");
    assert_eq!(gateway.post_events(&json!({"event_name": "Lead", "event_id": "last"})).status, 200);
    gateway.drain();
    let counted = stand_in.sandbox.conversions().conversions;
    assert_eq!(counted.iter().map(|c| c.event_id.as_deref()).collect::<Vec<_>>(), [Some("last")]);
    assert!(!gateway.log().contains("panicked"), "{}", gateway.log());
    let memory = memory_kib(&gateway);
    println!("{} MiB after it", memory / 1024);
    assert!(memory < MEMORY_KIB, "{memory} KiB");
}

#[test]
fn good_events_next_to_each_malformed_one_count_once() {
    let stand_in = StandIn::start();
    let home = home(&stand_in);
    let mut gateway = home.start();
    // Content type, body, and the ids of the good ones in it.
    let mut batches: Vec<(String, Vec<u8>, [String; 2])> = Vec::new();
    let mut number = 0;
    let mut ids = || {
        number += 1;
        [format!("good-{number}-a"), format!("good-{number}-b")]
    };
    for (bad, _) in bad_events() {
        let [a, b] = ids();
        let list = format!("[{},{bad},{}]", good(&a), good(&b));
        batches.push(("application/json".into(), list.into_bytes(), [a, b]));
        let [a, b] = ids();
        let data = format!("[{},{bad},{}]", good(&a), good(&b));
        let envelope = format!("{{\"event_source\":\"web\",\"event_source_id\":\"P\",\"data\":{data}}}");
        batches.push(("application/json".into(), envelope.into_bytes(), [a, b]));
    }
    let texts = bad_events().into_iter().map(|(t, _)| t.into_bytes()).chain(broken_texts());
    let odd =
        odd_bytes().into_iter().filter(|(_, bytes, _)| !bytes.contains(&b'\n')).map(|(_, bytes, _)| bytes);
    for bad in texts.chain(odd) {
        let [a, b] = ids();
        let lines = [good(&a).as_bytes(), b"\n", &bad, b"\r\n\n", good(&b).as_bytes(), b"\n"].concat();
        batches.push(("application/x-ndjson".into(), lines, [a, b]));
    }
    println!("{} mixed batches", batches.len());

    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some((kind, body, good)) = batches.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let reply = exchange(gateway.public, &to_api(kind, body), false).unwrap();
                    let told = String::from_utf8_lossy(&reply.body).into_owned();
                    let name = short(body);
                    assert_eq!(reply.status, 200, "{name}: {told}");
                    let answer: Value = serde_json::from_str(&told).unwrap();
                    let counts = ["accepted", "duplicates", "rejected"].map(|k| answer[k].as_u64().unwrap());
                    assert_eq!(counts, [2, 0, 1], "{name}: {told}");
                    let events = answer["events"].as_array().unwrap();
                    let status = |i: usize| events[i]["status"].as_str().unwrap();
                    assert_eq!(
                        [status(0), status(1), status(2)],
                        ["accepted", "rejected", "accepted"],
                        "{name}"
                    );
                    assert_eq!(
                        [&events[0]["event_id"], &events[2]["event_id"]],
                        [&good[0], &good[1]],
                        "{name}"
                    );
                    assert!(!events[1]["code"].as_str().unwrap().is_empty(), "{name}");
                }
            });
        }
    });
    gateway.drain();
    let counted = stand_in.sandbox.conversions().conversions;
    let mut found: Vec<&str> = counted.iter().filter_map(|c| c.event_id.as_deref()).collect();
    let mut expected: Vec<&str> = batches.iter().flat_map(|(_, _, ids)| ids).map(String::as_str).collect();
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected);
    assert!(counted.iter().all(|c| c.received == 1));
    assert!(gateway.alive());
    assert_eq!(gateway.get("/healthz").status, 200);
    assert!(memory_kib(&gateway) < MEMORY_KIB);
}

/// What is plainly meant is mended and remarked on, not refused.
#[test]
fn slips_that_leave_the_meaning_plain_are_mended() {
    let stand_in = StandIn::start();
    let home = home(&stand_in);
    let gateway = home.start();
    let cases = [
        (r#""value":"12.50","currency":"EUR""#, "value_string"),
        (r#""value":"1.250,00","currency":"EUR""#, "value_"),
        (r#""value":{},"currency":"EUR""#, "value_"),
        (r#""value":1e29,"currency":"EUR""#, "value_"),
        (r#""value":1,"currency":"euro""#, "currency_invalid"),
        (r#""value":1,"currency":"eur""#, "currency_case"),
        (r#""value":1"#, "currency_missing"),
        (r#""event_time":1795352335000"#, "event_time_ms"),
        (r#""event_time":"1795352335""#, "event_time_string"),
        (r#""event_time":9223372036854775807"#, "event_time_"),
        (r#""user":7"#, "field_type"),
        (r#""user":{"email":{}}"#, "field_type"),
        (r#""contents":"x""#, "contents_not_array"),
        (r#""contents":[1.5,null,true]"#, "content_"),
        (r#""contents":[{"content_id":"a","quantity":"many"}]"#, "quantity_invalid"),
        (r#""event_name":"Lead","event_name":"Contact""#, ""),
    ];
    for (i, (fields, code)) in cases.iter().enumerate() {
        let body = format!("\u{feff}{{\"event_name\":\"Lead\",\"event_id\":\"mended-{i}\",{fields}}}");
        let reply = exchange(gateway.public, &to_api("text/plain", body.as_bytes()), false).unwrap();
        let answer: Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(reply.status, 200, "{fields}: {answer}");
        let warnings = answer["events"][0]["warnings"].as_array().cloned().unwrap_or_default();
        let seen = warnings.iter().any(|w| w["code"].as_str().unwrap().starts_with(code));
        assert!(seen, "{fields}: {answer}");
    }
    gateway.drain();
    let counted = stand_in.sandbox.conversions().conversions;
    // Some are older than seven days or lie in the future by the machine's clock; none is counted twice.
    assert!(counted.iter().all(|c| c.received == 1));
    assert!(counted.len() >= cases.len() - 3, "{}", counted.len());
}

/// Waits as long as the gateway does: twenty seconds.
#[test]
fn a_body_that_does_not_come_is_given_up() {
    let stand_in = StandIn::start();
    let home = home(&stand_in);
    let gateway = home.start();
    let head = format!("POST /v1/events HTTP/1.1\r\nAuthorization: {}\r\nContent-Length: 100", bearer());
    let reply = exchange(gateway.public, &raw_request(&head, b"{\"event_name\""), false).unwrap();
    let answer: Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!((reply.status, &answer["error"]["code"]), (408, &json!("body_slow")));
}
