//! What the events source and the door say to malformed input: always a code, never a panic, and good events in the
//! same request go on.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod common;

use common::{NOW, admitted, codes, decode_events, event};
use serde_json::{Value, json};

/// Body → code of its one rejection.
const WHOLE: &[(&[u8], &str)] = &[
    (b"", "body_empty"),
    (b"   \r\n\t ", "body_empty"),
    (b"\xef\xbb\xbf", "body_empty"),
    (b"\xff\xfe{\x00}\x00", "body_not_utf8"),
    (b"\x1f\x8b\x08\x00\x00", "body_not_utf8"),
    (b"{\"event\":\"\xc3\x28\"}", "body_not_utf8"),
    (b"[{\"event\":\"\xe9\"}]", "body_not_utf8"),
    (b"null", "body_not_object"),
    (b"true", "body_not_object"),
    (b"42", "body_not_object"),
    (b"\"Purchase\"", "body_not_object"),
    (b"[]", "no_events"),
    (b"{", "json_invalid"),
    (b"[", "json_invalid"),
    (b"{]", "json_invalid"),
    (b"{\"event\":}", "json_invalid"),
    (b"{\"event\":\"Purchase\",}", "json_invalid"),
    (b"{'event':'Purchase'}", "json_invalid"),
    (b"{event:\"Purchase\"}", "json_invalid"),
    (b"{\"event\":\"Purchase\"} trailing", "json_invalid"),
    (b"{\"event\":\"Purchase\"}{\"event\":\"Purchase\"}", "json_invalid"),
    (b"[{\"event\":\"Purchase\"},]", "json_invalid"),
    (b"[{\"event\":\"Purchase\"}", "json_invalid"),
    (b"{\"event\":\"Pur\nchase\"}", "json_invalid"),
    (b"{\"event\":\"\\x\"}", "json_invalid"),
    (b"{\"event\":\"\\ud800\"}", "json_invalid"),
    (b"{\"value\":1e999}", "json_invalid"),
    (b"{\"value\":NaN}", "json_invalid"),
    (b"{\"value\":Infinity}", "json_invalid"),
    (b"{\"value\":01}", "json_invalid"),
    (b"{\"value\":+1}", "json_invalid"),
    (b"{\"value\":.5}", "json_invalid"),
    (b"event=Purchase&value=1", "json_invalid"),
    (b"<xml/>", "json_invalid"),
    (b"/* comment */ {}", "json_invalid"),
    (b"undefined", "json_invalid"),
    (b"[object Object]", "json_invalid"),
    (b"{}", "event_name_missing"),
    (b"[null]", "event_not_object"),
    (b"[1]", "event_not_object"),
    (b"[\"Purchase\"]", "event_not_object"),
    (b"[[]]", "event_not_object"),
    (b"[[{\"event\":\"Purchase\"}]]", "event_not_object"),
    (b"[true]", "event_not_object"),
    (b"{\"events\":[{\"event\":\"Purchase\"}]}", "unknown_envelope"),
    (b"{\"batch\":[{\"event\":\"Purchase\"}]}", "unknown_envelope"),
    (b"{\"pixel_code\":\"C1\",\"batch\":[{\"event\":\"Purchase\"}]}", "v1_shape"),
    (b"{\"pixel_code\":\"C1\",\"event\":\"Purchase\"}", "v1_shape"),
    (b"{\"event\":\"Purchase\",\"context\":{\"ad\":{\"callback\":\"x\"}}}", "v1_shape"),
    (b"{\"data\":[]}", "event_source_invalid"),
    (b"{\"data\":[{\"event\":\"Purchase\"}]}", "event_source_invalid"),
    (b"{\"event_source\":\"website\",\"event_source_id\":\"P\",\"data\":[{}]}", "event_source_invalid"),
    (b"{\"event_source\":\"app\",\"event_source_id\":\"P\",\"data\":[{}]}", "event_source_invalid"),
    (b"{\"event_source\":\"WEB\",\"event_source_id\":\"P\",\"data\":[{}]}", "event_source_invalid"),
    (b"{\"event_source\":1,\"event_source_id\":\"P\",\"data\":[{}]}", "event_source_invalid"),
    (b"{\"event_source\":null,\"event_source_id\":\"P\",\"data\":[{}]}", "event_source_invalid"),
    (b"{\"event_source\":\"web\",\"data\":[{}]}", "event_source_id_missing"),
    (b"{\"event_source\":\"web\",\"event_source_id\":\"\",\"data\":[{}]}", "event_source_id_missing"),
    (b"{\"event_source\":\"web\",\"event_source_id\":null,\"data\":[{}]}", "event_source_id_missing"),
    (b"{\"event_source\":\"web\",\"event_source_id\":[],\"data\":[{}]}", "event_source_id_missing"),
    (b"{\"event_source\":\"web\",\"event_source_id\":\"P\",\"data\":[]}", "no_events"),
    (b"{\"event_source\":\"web\",\"event_source_id\":\"P\",\"data\":null}", "no_events"),
    (b"{\"event_source\":\"web\",\"event_source_id\":\"P\"}", "no_events"),
    (b"{\"event_source\":\"web\",\"event_source_id\":\"P\",\"data\":\"x\"}", "data_not_array"),
    (b"{\"event_source\":\"web\",\"event_source_id\":\"P\",\"data\":7}", "data_not_array"),
    (b"{\"event_source\":\"web\",\"event_source_id\":\"P\",\"data\":[null]}", "event_not_object"),
    (b"{\"event_source\":\"web\",\"event_source_id\":\"P\",\"data\":[{}]}", "event_name_missing"),
];

#[test]
fn whole_bodies() {
    for (body, code) in WHOLE {
        let shown = String::from_utf8_lossy(body);
        let results = admitted(decode_events(body).parts, NOW);
        assert_eq!(results.len(), 1, "{shown}");
        let rejection = results[0].as_ref().expect_err(&shown);
        assert_eq!(rejection.code, *code, "{shown}");
        assert!(!rejection.expected && rejection.message.len() > 20, "{shown}: {}", rejection.message);
    }
}

/// A change to a good event → code of the rejection, and the field it names.
fn rejected() -> Vec<(Value, &'static str, &'static str)> {
    vec![
        (json!({"event_name": null}), "event_name_missing", "event_name"),
        (json!({"event_name": ""}), "event_name_missing", "event_name"),
        (json!({"event_name": "  "}), "event_name_missing", "event_name"),
        (json!({"event_name": 7}), "event_name_type", "event_name"),
        (json!({"event_name": {}}), "event_name_type", "event_name"),
        (json!({"event_name": ["Purchase"]}), "event_name_type", "event_name"),
        (json!({"event_name": true}), "event_name_type", "event_name"),
        (json!({"event_name": "My Event"}), "custom_event_name", "event_name"),
        (json!({"event_name": "1st"}), "custom_event_name", "event_name"),
        (json!({"event_name": "köpa"}), "custom_event_name", "event_name"),
        (json!({"event_name": "A".repeat(51)}), "custom_event_name", "event_name"),
        (json!({"event_id": null}), "event_id_missing", "event_id"),
        (json!({"event_id": ""}), "event_id_missing", "event_id"),
        (json!({"event_id": " "}), "event_id_missing", "event_id"),
        (json!({"event_id": true}), "event_id_type", "event_id"),
        (json!({"event_id": {}}), "event_id_type", "event_id"),
        (json!({"event_id": ["a"]}), "event_id_type", "event_id"),
        (json!({"event_id": 1.5}), "event_id_type", "event_id"),
        (json!({"event_id": 1e30}), "event_id_type", "event_id"),
        (json!({"event_id": "x".repeat(201)}), "event_id_invalid", "event_id"),
        (json!({"event_id": "a\u{0}b"}), "event_id_invalid", "event_id"),
        (json!({"event_id": "ada@example.com"}), "event_id_invalid", "event_id"),
        (json!({"event_time": 0}), "event_time_invalid", "event_time"),
        (json!({"event_time": -1}), "event_time_invalid", "event_time"),
        (json!({"event_time": true}), "event_time_invalid", "event_time"),
        (json!({"event_time": {}}), "event_time_invalid", "event_time"),
        (json!({"event_time": [1_767_225_590]}), "event_time_invalid", "event_time"),
        (json!({"event_time": "yesterday"}), "event_time_invalid", "event_time"),
        (json!({"event_time": "2025-13-45T99:00:00Z"}), "event_time_invalid", "event_time"),
        (json!({"event_time": "31/12/2025"}), "event_time_invalid", "event_time"),
        (json!({"event_time": "NaN"}), "event_time_invalid", "event_time"),
        (json!({"event_time": "1e300"}), "event_time_invalid", "event_time"),
        (json!({"event_time": 1e300}), "event_time_invalid", "event_time"),
        (json!({"event_time": u64::MAX}), "event_time_invalid", "event_time"),
        (json!({"value": -1}), "value_negative", "value"),
        (json!({"value": "-0.01"}), "value_negative", "value"),
        (json!({"order_id": "x".repeat(201)}), "order_id_invalid", "order_id"),
        (json!({"order_id": "ada@example.com"}), "order_id_invalid", "order_id"),
        (json!({"context": {}}), "v1_shape", "context"),
        (json!({"pixel_code": "C1"}), "v1_shape", "pixel_code"),
    ]
}

/// A change to a good event → codes of the findings; the event goes on.
fn mended() -> Vec<(Value, &'static [&'static str])> {
    vec![
        (json!({"value": "89.99"}), &["value_string"]),
        (json!({"value": "€89.99"}), &["value_symbol", "value_missing"]),
        (json!({"value": "89,99"}), &["value_separator", "value_missing"]),
        (json!({"value": "1'234"}), &["value_separator", "value_missing"]),
        (json!({"value": "1 234"}), &["value_separator", "value_missing"]),
        (json!({"value": "NaN"}), &["value_symbol", "value_missing"]),
        (json!({"value": true}), &["value_invalid", "value_missing"]),
        (json!({"value": {}}), &["value_invalid", "value_missing"]),
        (json!({"value": [1]}), &["value_invalid", "value_missing"]),
        (json!({"value": 1e300}), &["value_invalid", "value_missing"]),
        (json!({"value": null}), &["value_missing"]),
        (json!({"value": 0}), &["value_zero", "value_mismatch"]),
        (json!({"currency": "usd"}), &["currency_case"]),
        (json!({"currency": " USD "}), &["currency_case"]),
        (json!({"currency": "US"}), &["currency_invalid", "currency_missing"]),
        (json!({"currency": "$"}), &["currency_invalid", "currency_missing"]),
        (json!({"currency": 840}), &["currency_invalid", "currency_missing"]),
        (json!({"currency": ["USD"]}), &["currency_invalid", "currency_missing"]),
        (json!({"currency": null}), &["currency_missing"]),
        (json!({"contents": {"content_id": "S", "price": 89.99}}), &["contents_not_array"]),
        (json!({"contents": "S"}), &["contents_not_array", "content_id_missing"]),
        (json!({"contents": 1}), &["contents_not_array", "content_id_missing"]),
        (json!({"contents": [null]}), &["content_invalid", "content_id_missing"]),
        (json!({"contents": [[]]}), &["content_invalid", "content_id_missing"]),
        (json!({"contents": [{"content_id": 7}]}), &["content_id_type"]),
        (json!({"contents": [{"content_id": 7.5}]}), &["content_id_type", "content_id_missing"]),
        (json!({"contents": [{"content_id": {}}]}), &["content_id_type", "content_id_missing"]),
        (json!({"contents": [7]}), &["content_id_type"]),
        (json!({"contents": ["S"]}), &[]),
        (json!({"contents": []}), &["content_id_missing"]),
        (json!({"contents": [{"content_id": "S", "price": "$5"}]}), &["price_invalid"]),
        (json!({"contents": [{"content_id": "S", "price": -5}]}), &["price_invalid"]),
        (
            json!({"contents": [{"content_id": "S", "quantity": 0}]}),
            &["quantity_invalid", "content_id_missing"],
        ),
        (json!({"contents": [{"content_id": "S", "quantity": "two"}]}), &["quantity_invalid"]),
        (json!({"content_type": "products"}), &["content_type_invalid"]),
        (json!({"content_type": "Product"}), &["content_type_invalid"]),
        (json!({"content_type": 1}), &["content_type_invalid"]),
        (json!({"order_id": 891}), &["order_id_type"]),
        (json!({"order_id": 1.5}), &["order_id_type"]),
        (json!({"order_id": {}}), &["order_id_type"]),
        (json!({"event_id": 891}), &["event_id_type", "event_id_bare_number"]),
        (json!({"event_id": 1_719_403_921_123_i64}), &["event_id_type"]),
        (json!({"event_time": "1767225590"}), &["event_time_string"]),
        (json!({"event_time": "1767225590.7"}), &["event_time_string"]),
        (json!({"event_time": "2025-12-31 23:59:50"}), &["event_time_string"]),
        (json!({"event_time": 1_767_225_590_000_u64}), &["event_time_ms"]),
        (json!({"event_time": 1_767_225_590.25}), &["event_time_float"]),
        (json!({"event_time": null}), &["event_time_missing"]),
        (json!({"user": "ada"}), &["field_type", "no_match_keys"]),
        (json!({"user": ["ada"]}), &["field_type", "no_match_keys"]),
        (json!({"user": {}}), &["no_match_keys"]),
        (json!({"user": {"email": {}, "ttclid": "E.C.P.x"}}), &["field_type"]),
        (json!({"user": {"email": true, "ttclid": "E.C.P.x"}}), &["field_type"]),
        (json!({"user": {"ttclid": 7}}), &["field_type", "no_match_keys"]),
        (json!({"user": {"e_mail": "x", "ttclid": "E.C.P.x"}}), &["user_field_unknown"]),
        (json!({"properties": "x"}), &["field_type"]),
        (json!({"properties": [1]}), &["field_type"]),
        (json!({"properties": {"deep": {"a": 1}}}), &["property_dropped"]),
        (json!({"page": 7}), &["field_type"]),
        (json!({"page": {"url": 7}}), &[]),
        (json!({"page": {"url": {}}}), &["field_type"]),
        (json!({"cookies": "a=b"}), &["field_type"]),
        (json!({"consent": []}), &["field_type"]),
        (json!({"consent": "perhaps"}), &["consent_invalid"]),
        (json!({"consent": {"marketing": {}}}), &["consent_invalid"]),
        (json!({"consent": {"ad_storage": 7}}), &["consent_invalid"]),
        (json!({"channel": "telepathy"}), &["channel_invalid"]),
        (json!({"channel": 1}), &["channel_invalid"]),
        (json!({"limited_data_use": "perhaps"}), &["field_type"]),
        (json!({"search_string": {}}), &["field_type"]),
        (json!({"description": "ask ada@example.com"}), &["text_personal"]),
        (json!({"test_event_code": "TEST1"}), &["test_code_misplaced"]),
    ]
}

fn changed(change: &Value) -> Value {
    let mut event = json!({
        "event_name": "Purchase", "event_id": "a-1", "event_time": 1_767_225_590, "value": 89.99, "currency": "USD",
        "contents": [{"content_id": "S", "price": 89.99, "quantity": 1}], "user": {"ttclid": "E.C.P.x"},
    });
    for (name, value) in change.as_object().unwrap() {
        event[name] = value.clone();
    }
    event
}

#[test]
fn the_base_is_good() {
    assert_eq!(codes(&event(&changed(&json!({}))).unwrap()), Vec::<&str>::new());
}

#[test]
fn what_cannot_be_used_is_refused_by_field() {
    for (change, code, field) in rejected() {
        let rejection = event(&changed(&change)).expect_err(&change.to_string());
        assert_eq!((rejection.code.as_ref(), rejection.field.as_deref()), (code, Some(field)), "{change}");
    }
}

#[test]
fn what_can_be_mended_goes_on() {
    for (change, expected) in mended() {
        let event = event(&changed(&change)).unwrap_or_else(|r| panic!("{change}: {r:?}"));
        assert_eq!(codes(&event), expected, "{change}");
    }
}

#[test]
fn a_refusal_never_repeats_the_value() {
    for (change, ..) in rejected() {
        let rejection = event(&changed(&change)).unwrap_err();
        assert!(!serde_json::to_string(&rejection).unwrap().contains("ada@"), "{rejection:?}");
    }
}

#[test]
fn one_bad_event_does_not_take_the_others_down() {
    let good = changed(&json!({})).to_string();
    let deep = format!("{{\"event\":\"Purchase\",\"x\":{}1{}}}", "[".repeat(200), "]".repeat(200));
    let bad: Vec<String> = rejected()
        .into_iter()
        .map(|(change, ..)| changed(&change).to_string())
        .chain(["7", "null", "\"\\ud800\"", "{\"value\":1e999}", &deep].map(str::to_owned))
        .collect();
    for bad in &bad {
        let list = format!("[{good},{bad},{good}]");
        let envelope = format!("{{\"event_source\":\"web\",\"event_source_id\":\"P\",\"data\":{list}}}");
        let lines = format!("{good}\n\n{bad}\r\n{good}\n");
        for (body, place) in [(list, "[1]"), (envelope, "data[1]"), (lines, "line 3")] {
            let parts = decode_events(body.as_bytes()).parts;
            let fields: Vec<_> = parts.iter().filter_map(|p| p.as_ref().err()?.field.clone()).collect();
            assert!(fields.iter().all(|f| f.starts_with(place)), "{body}: {fields:?}");
            let results = admitted(parts, NOW);
            let good: Vec<bool> = results.iter().map(Result::is_ok).collect();
            assert_eq!(good, [true, false, true], "{body}");
        }
    }
}

#[test]
fn a_broken_line_is_refused_with_its_number() {
    let good = changed(&json!({})).to_string();
    let body = format!("{good}\n{{\"event\":\n{good}\nhello\n{good}");
    let parts = decode_events(body.as_bytes()).parts;
    let fields: Vec<_> =
        parts.iter().map(|p| p.as_ref().err().map(|r| r.field.as_deref().unwrap())).collect();
    assert_eq!(fields, [None, Some("line 2"), None, Some("line 4"), None]);
    let not_utf8 = [good.as_bytes(), b"\n{\"a\":\"\xff\"}\n", good.as_bytes()].concat();
    let parts = decode_events(&not_utf8).parts;
    assert_eq!(parts[1].as_ref().err().unwrap().code, "body_not_utf8");
    assert_eq!(parts.len(), 3);
}

#[test]
fn nesting_ends_at_32() {
    for (depth, fits) in [(30, true), (31, true), (32, false), (120, false)] {
        let nested = format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        let body = format!("[{{\"event\":\"Purchase\",\"event_id\":\"a\",\"x\":{nested}}}]");
        let parts = decode_events(body.as_bytes()).parts;
        assert_eq!(parts[0].is_ok(), fits, "{depth}");
        if let Err(rejection) = &parts[0] {
            assert_eq!(
                (rejection.code.as_ref(), rejection.field.as_deref()),
                ("nested_too_deep", Some("[0]"))
            );
        }
    }
    let alone = format!("{{\"event\":\"Purchase\",\"x\":{}1{}}}", "[".repeat(10_000), "]".repeat(10_000));
    let parts = decode_events(alone.as_bytes()).parts;
    assert_eq!(parts[0].as_ref().err().unwrap().code, "nested_too_deep");
}

#[test]
fn the_table_is_long_enough() {
    assert!(WHOLE.len() + rejected().len() >= 100, "{}", WHOLE.len() + rejected().len());
}

/// One answer an entry ends somewhere: beyond ten times the limit the request is refused as a whole.
#[test]
fn far_too_many_entries_get_one_answer() {
    for (count, answers) in [(10_000, 10_000), (10_001, 1)] {
        let body = format!("[{}]", vec!["{}"; count].join(","));
        let parts = decode_events(body.as_bytes()).parts;
        assert_eq!(parts.len(), answers);
        assert_eq!(parts.last().unwrap().as_ref().err().unwrap().code, "too_many_events");
    }
}
