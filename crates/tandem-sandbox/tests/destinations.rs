//! The shared vectors of the destinations: what they send must be accepted and counted here, and what they must
//! understand can be produced here.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

mod support;

use http::StatusCode;
use serde_json::{Value, json};
use tandem_sandbox::{Fault, FaultKind, META, Options, Platform};

use crate::support::{Bench, START_MS};

/// The vectors of a kind, and the moment they are written for.
fn vectors(kind: &str) -> (i64, Vec<Value>) {
    let file: Value = serde_json::from_str(include_str!("data/destination-vectors.json")).unwrap();
    let wanted = file["vectors"].as_array().unwrap().iter().filter(|v| v["input"]["kind"] == kind);
    (file["clock"]["now_ms"].as_i64().unwrap(), wanted.cloned().collect())
}

fn bench() -> Bench {
    let (now_ms, _) = vectors("map");
    let bench = Bench::new(Options::default());
    bench.wait_s((now_ms - START_MS).div_euclid(1000));
    bench
}

/// Sends a body as a vector says; the host is ours.
async fn send(bench: &Bench, expected: &Value) -> support::Answer {
    let url = url::Url::parse(expected["url"].as_str().unwrap()).unwrap();
    let path = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    let headers = expected["headers"].as_object().unwrap();
    let headers: Vec<_> =
        headers.iter().map(|(name, text)| (name.as_str(), text.as_str().unwrap())).collect();
    bench.post(&path, &headers, expected["wire"].to_string().into()).await
}

#[tokio::test]
async fn what_the_destinations_send_is_accepted_and_counted_without_a_flaw() {
    let mut seen = 0;
    for vector in vectors("map").1.iter().filter(|vector| vector["expected"]["wire"].is_object()) {
        let (id, expected) = (&vector["id"], &vector["expected"]);
        let platform = Platform::named(vector["platform"].as_str().unwrap()).unwrap();
        let bench = bench();
        let answer = send(&bench, expected).await;
        assert!(answer.status.is_success(), "{id}: {}", answer.text);
        let report = bench.sandbox.on(platform).conversions();
        let test = expected["wire"].get("test_event_code").is_some();
        assert_eq!((report.test_events, report.events), if test { (1, 0) } else { (0, 1) }, "{id}");
        let flaws: Vec<&str> = report.diagnostics.iter().map(|d| d.name.as_str()).collect();
        assert!(flaws.is_empty() && report.discarded.is_empty(), "{id}: {flaws:?} {:?}", report.discarded);
        let notes = bench.sandbox.on(platform).requests()[0].notes.clone();
        assert!(notes.is_empty(), "{id}: {notes:?}");
        if !test {
            assert!(report.conversions[0].unmatchable_keys.is_empty(), "{id}");
        }
        // The same once more, without the switch for tests: it counts, and its repetition does not.
        let mut live = expected.clone();
        live["wire"].as_object_mut().unwrap().remove("test_event_code");
        send(&bench, &live).await;
        send(&bench, &live).await;
        let counts = bench.sandbox.on(platform).conversions().counts;
        assert_eq!(
            counts.values().flat_map(|events| events.values()).map(|c| c.counted).sum::<u64>(),
            1,
            "{id}"
        );
        seen += 1;
    }
    assert_eq!(seen, 4);
}

#[tokio::test]
async fn every_reply_the_destinations_must_understand_can_be_produced() {
    let mut seen = 0;
    for vector in vectors("reply").1 {
        let (id, input) = (&vector["id"], &vector["input"]);
        let platform = Platform::named(vector["platform"].as_str().unwrap()).unwrap();
        let Some(status) = input["http_status"].as_u64().and_then(|s| u16::try_from(s).ok()) else {
            // No answer: the tests of faults cut connections over real sockets.
            continue;
        };
        let error = &input["body"]["error"];
        let number = |name: &str| error[name].as_u64().and_then(|n| u32::try_from(n).ok());
        let kind = match (number("code"), number("error_subcode")) {
            (Some(code), Some(subcode)) => Some(FaultKind::Subcode { code, subcode, http: Some(status) }),
            (Some(code), None) => Some(FaultKind::Code { code, http: Some(status) }),
            _ if status == 502 => Some(FaultKind::Html502),
            _ if status >= 300 => Some(FaultKind::Http { status }),
            _ => None,
        };
        let bench = bench();
        bench.sandbox.on(platform).set_faults(kind.map(Fault::always).into_iter().collect()).unwrap();
        let bodies = vectors("map").1;
        let map =
            bodies.iter().find(|v| v["platform"] == vector["platform"] && v["expected"]["wire"].is_object());
        let mut expected = map.unwrap()["expected"].clone();
        if let Some(data) = expected["wire"].get_mut("data").and_then(Value::as_array_mut) {
            *data = vec![data[0].clone(); usize::try_from(input["events"].as_u64().unwrap()).unwrap()];
        }
        let answer = send(&bench, &expected).await;
        assert_eq!(answer.status.as_u16(), status, "{id}");
        if error.is_object() {
            let answer = answer.json();
            // The vectors give every error one type; an unknown object's is another one in life.
            for name in ["code", "error_subcode", "is_transient"] {
                assert_eq!(answer["error"][name], error[name], "{id}: {name} of {answer}");
            }
        } else if input["body"].is_object() {
            let answer = answer.json();
            assert_eq!(answer["events_received"], input["body"]["events_received"], "{id}");
            assert_eq!(answer["messages"], json!([]));
        }
        seen += 1;
    }
    assert_eq!(seen, 10);
}

#[tokio::test]
async fn meta_refuses_by_itself_what_the_vectors_know_as_refusals() {
    let bodies = vectors("map").1;
    let good = bodies.iter().find(|v| v["id"] == "map-009").unwrap()["expected"].clone();
    let error = async |change: &dyn Fn(&mut Value)| {
        let bench = bench();
        let mut request = good.clone();
        change(&mut request);
        let answer = send(&bench, &request).await;
        assert_ne!(answer.status, StatusCode::OK);
        assert_eq!(bench.sandbox.on(&META).conversions().events, 0);
        let error = answer.json()["error"].clone();
        (error["code"].as_u64().unwrap(), error["error_subcode"].as_u64())
    };
    let old = |request: &mut Value| request["wire"]["data"][0]["event_time"] = json!(1_794_743_940);
    assert_eq!(error(&old).await, (100, Some(2_804_003)));
    let unknown =
        |request: &mut Value| request["url"] = "https://graph.facebook.com/v25.0/none/events".into();
    assert_eq!(error(&unknown).await, (100, Some(33)));
    let expired = |request: &mut Value| request["headers"]["authorization"] = "Bearer expired".into();
    assert_eq!(error(&expired).await, (190, Some(463)));
    let nobody = |request: &mut Value| request["wire"]["data"][0]["user_data"] = json!({});
    assert_eq!(error(&nobody).await, (100, Some(2_804_050)));
}
