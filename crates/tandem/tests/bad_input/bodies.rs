//! Malformed bodies for the events API and the webhook.

use serde_json::{Value, json};

use crate::harness::now_s;
use crate::shop::{delivery, sign};
use crate::wire::*;

/// As the product's own default.
pub(crate) const MAX_BODY: usize = 1 << 20;

/// An event that nothing is wrong with.
pub(crate) fn good(id: &str) -> String {
    json!({"event_name": "Lead", "event_id": id, "event_time": now_s(), "user": {"external_id": "7"}})
        .to_string()
}

pub(crate) fn nested(open: &str, close: &str, depth: usize) -> String {
    format!("{}1{}", open.repeat(depth), close.repeat(depth))
}

/// Events that are valid JSON text each, and still no events: text and code.
pub(crate) fn bad_events() -> Vec<(String, &'static str)> {
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
pub(crate) fn broken_texts() -> Vec<Vec<u8>> {
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
pub(crate) fn odd_bytes() -> Vec<(&'static str, Vec<u8>, &'static str)> {
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

pub(crate) fn api_bodies(cases: &mut Cases) {
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

pub(crate) fn short(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let cut: String = text.chars().take(60).collect();
    if cut.len() < text.len() { format!("{cut}… ({} bytes)", bytes.len()) } else { cut }
}

pub(crate) fn hook_bodies(cases: &mut Cases) {
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
