//! The documented exchanges in each platform's `examples` are what the code does.

use std::path::Path;

use serde::Deserialize;
use serde_json::{Value, json};
use tandem_core::Event;
use tandem_core::retry::Pace;
use tandem_destinations::{HttpReply, PLATFORMS, Platform, Reply, Verdict};

use crate::common::{hollow, shown};

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
    /// The code of the reason why it is not sent; then there is nothing more.
    #[serde(default)]
    skip: Option<String>,
    #[serde(default)]
    request: Value,
    #[serde(default)]
    reply: Option<ExampleReply>,
    #[serde(default)]
    verdict: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExampleReply {
    status: u16,
    /// JSON, or a text that is none.
    body: Value,
}

pub(crate) fn in_words(verdict: &Verdict) -> Value {
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

fn check(platform: &Platform, name: &str, example: &Example) {
    assert!(!example.title.is_empty(), "{name}");
    let destination = (platform.configure)(&example.settings).unwrap();
    let event = Event::deserialize(&example.event).unwrap();
    assert_eq!(
        serde_json::to_value(&event).unwrap(),
        example.event,
        "{name}: the event is not in canonical form"
    );
    let findings: Vec<_> = destination.lint(&event).into_iter().map(|f| f.code.into_owned()).collect();
    assert_eq!(findings, example.findings, "{name}");
    let skip = destination.wants(&event).err().map(|skip| skip.code.to_owned());
    assert_eq!(skip, example.skip, "{name}");
    if skip.is_some() {
        return;
    }
    let made = shown(&destination.request(&[destination.map(&event, example.limited_data_use)]));
    assert_eq!(made, example.request, "{name}: made {made:#}");
    assert!(hollow(&made, "").is_empty(), "{name}");

    let reply = example.reply.as_ref().unwrap();
    let text = match &reply.body {
        Value::String(text) => text.clone(),
        json => json.to_string(),
    };
    let answer = HttpReply::Answer { status: reply.status, body: text.into_bytes() };
    let verdict = match destination.reply(&answer) {
        Reply::Whole(verdict) => verdict,
        Reply::Each(each) => each.into_iter().next().unwrap(),
    };
    assert_eq!(in_words(&verdict), example.verdict, "{name}");
}

#[test]
fn every_example_holds() {
    for platform in PLATFORMS {
        let folder = format!("src/{}/examples", platform.definition.name);
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let mut seen = 0;
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            let name = format!("{}/{}", platform.definition.name, path.file_name().unwrap().display());
            let example = serde_json::from_slice(&std::fs::read(&path).unwrap());
            check(platform, &name, &example.unwrap_or_else(|e| panic!("{name}: {e}")));
            seen += 1;
        }
        assert!(seen >= 6, "{} has {seen} examples", platform.definition.name);
    }
}
