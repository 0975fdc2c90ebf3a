//! The documented exchanges in `src/tiktok/examples` are what the code does.

use std::path::Path;

use crate::common::{body, hollow};
use serde::Deserialize;
use serde_json::{Value, json};
use tandem_core::Event;
use tandem_core::retry::Pace;
use tandem_destinations::{HttpReply, Reply, Verdict, platform};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Example {
    title: String,
    settings: Value,
    event: Value,
    limited_data_use: bool,
    /// Codes of what the destination remarks on the event.
    #[serde(default)]
    findings: Vec<String>,
    request: Value,
    reply: ExampleReply,
    verdict: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExampleReply {
    status: u16,
    /// JSON, or a text that is none.
    body: Value,
}

fn shown(verdict: &Verdict) -> Value {
    let mut shown = match verdict {
        Verdict::Delivered { warning } => json!({"delivered": {"warning": warning}}),
        Verdict::Retry { pace, after_ms, code, why } => {
            let pace = match pace {
                Pace::Backoff => "backoff",
                Pace::Slow => "slow",
            };
            json!({"retry": {"pace": pace, "after_ms": after_ms, "code": code, "why": why}})
        }
        Verdict::Rejected { code, why } => json!({"rejected": {"code": code, "why": why}}),
        Verdict::StopDestination { code, why } => json!({"stop_destination": {"code": code, "why": why}}),
    };
    for fields in shown.as_object_mut().unwrap().values_mut() {
        fields.as_object_mut().unwrap().retain(|_, v| !v.is_null());
    }
    shown
}

fn check(name: &str, example: &Example) {
    assert!(!example.title.is_empty(), "{name}");
    let destination = (platform("tiktok").unwrap().configure)(&example.settings).unwrap();
    let event = Event::deserialize(&example.event).unwrap();
    assert_eq!(
        serde_json::to_value(&event).unwrap(),
        example.event,
        "{name}: the event is not in canonical form"
    );
    assert_eq!(destination.wants(&event), Ok(()), "{name}");
    let findings: Vec<_> = destination.lint(&event).into_iter().map(|f| f.code.into_owned()).collect();
    assert_eq!(findings, example.findings, "{name}");

    let request = destination.request(&[destination.map(&event, example.limited_data_use)]);
    let made = json!({"method": request.method.as_str(), "url": request.url, "body": body(&request)});
    assert_eq!(made, example.request, "{name}");
    assert!(hollow(&made, "").is_empty(), "{name}");

    let text = match &example.reply.body {
        Value::String(text) => text.clone(),
        json => json.to_string(),
    };
    let answer = HttpReply::Answer { status: example.reply.status, body: text.into_bytes() };
    let Reply::Whole(verdict) = destination.reply(&answer) else { panic!("{name}: TikTok answers for all") };
    assert_eq!(shown(&verdict), example.verdict, "{name}");
}

#[test]
fn every_example_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tiktok/examples");
    let mut seen = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let example = serde_json::from_slice(&std::fs::read(&path).unwrap());
        check(&name, &example.unwrap_or_else(|e| panic!("{name}: {e}")));
        seen += 1;
    }
    assert_eq!(seen, 12);
}
