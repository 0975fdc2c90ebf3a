//! One record, as its template wants it.

use serde::Serialize;
use serde_json::Value;
use tandem_gateway::live::{EventRef, Kind, Record};
use tandem_gateway::repeated;

/// Events of one record that are listed.
const MAX_EVENTS: usize = 50;

#[derive(Serialize)]
pub(crate) struct Shown {
    id: u64,
    at_ms: i64,
    kind: &'static str,
    /// How it went, for the colour: `good`, `wait`, `bad`, `quiet`.
    mood: &'static str,
    site: Option<String>,
    source: Option<String>,
    destination: Option<String>,
    verdict: Option<String>,
    title: String,
    summary: String,
    request: Option<u64>,
    label: Option<String>,
    latency_ms: Option<i64>,
    order: Option<String>,
    events: Vec<Linked>,
    more_events: usize,
    /// Each destination with the decision and the reason, of an event.
    destinations: Vec<Planned>,
    findings: Vec<Remark>,
    /// Heading and text.
    sections: Vec<(&'static str, String)>,
}

#[derive(Serialize)]
struct Linked {
    #[serde(flatten)]
    event: EventRef,
    /// The command that explains it.
    explain: Option<String>,
}

#[derive(Serialize)]
struct Planned {
    destination: String,
    consent: String,
    skip: Option<String>,
    state: String,
}

#[derive(Serialize)]
struct Remark {
    severity: String,
    code: String,
    field: String,
    message: String,
}

fn text(value: &Value, name: &str) -> String {
    value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

impl Shown {
    pub(crate) fn of(record: &Record) -> Self {
        let first = record.events.first();
        let same_order = first
            .and_then(|first| first.order_id.clone())
            .filter(|order| record.events.iter().all(|e| e.order_id.as_ref() == Some(order)));
        Self {
            id: record.id,
            at_ms: record.at_ms,
            kind: record.kind.name(),
            mood: mood(record),
            site: record.site.clone(),
            source: record.source.clone(),
            destination: record.destination.clone(),
            verdict: record.verdict.clone(),
            title: title(record),
            summary: record.summary.clone(),
            request: record.request,
            label: record.label.clone(),
            latency_ms: record.latency_ms,
            order: same_order,
            events: record.events.iter().take(MAX_EVENTS).map(linked).collect(),
            more_events: record.events.len().saturating_sub(MAX_EVENTS),
            destinations: list(&record.detail, "destinations").iter().map(planned).collect(),
            findings: list(&record.detail, "findings").iter().map(remark).collect(),
            sections: sections(record),
        }
    }
}

fn mood(record: &Record) -> &'static str {
    match record.verdict.as_deref() {
        Some("delivered" | "accepted") => "good",
        Some("retry" | "split" | "reshaped" | "near_miss") => "wait",
        Some("duplicate" | "ignored" | "skipped") | None => "quiet",
        Some(_) => "bad",
    }
}

/// What it is about: the event's name, or how many there are.
fn title(record: &Record) -> String {
    let mut names: Vec<&str> = record.events.iter().filter_map(|e| e.event_name.as_deref()).collect();
    names.dedup();
    match (names.as_slice(), record.events.len()) {
        ([name], 1) => (*name).to_owned(),
        ([name], count) if count > 1 => format!("{count} × {name}"),
        (_, count) if count > 1 => format!("{count} events"),
        _ => match record.kind {
            Kind::Received => "nothing to report".to_owned(),
            Kind::Refused => "turned away".to_owned(),
            Kind::Unclaimed => "not ours".to_owned(),
            _ => "event".to_owned(),
        },
    }
}

fn linked(event: &EventRef) -> Linked {
    let explain = event.seq.map(|seq| format!("tandem explain --config tandem.toml --event {seq}"));
    Linked { event: event.clone(), explain }
}

fn list<'a>(detail: &'a Value, name: &str) -> &'a [Value] {
    detail.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn planned(value: &Value) -> Planned {
    let skip = value.get("skip").filter(|skip| skip.is_object());
    Planned {
        destination: text(value, "destination"),
        consent: text(value, "consent"),
        skip: skip.map(|skip| {
            let (code, message) = (text(skip, "code"), text(skip, "message"));
            if message.is_empty() { code } else { format!("{code}: {message}") }
        }),
        state: text(value, "state"),
    }
}

fn remark(value: &Value) -> Remark {
    Remark {
        severity: text(value, "severity"),
        code: text(value, "code"),
        field: text(value, "field"),
        message: text(value, "message"),
    }
}

fn sections(record: &Record) -> Vec<(&'static str, String)> {
    let detail = &record.detail;
    let part = |name: &str| detail.get(name).unwrap_or(&Value::Null);
    let all = match record.kind {
        Kind::Received => vec![("Input, redacted", exchange(detail))],
        Kind::Refused | Kind::Unclaimed => vec![("Request", exchange(detail))],
        Kind::Event => vec![("Outcome", lines(part("outcome"))), ("Event as stored", pretty(part("event")))],
        Kind::Attempt => vec![
            ("Verdict", lines(part("verdict"))),
            ("Kept back", lines(part("skip"))),
            ("Reply", exchange(part("reply"))),
            ("Request, redacted", exchange(part("request"))),
        ],
    };
    // On pages hashes are cut; who compares them whole asks the API.
    all.into_iter()
        .map(|(name, text)| (name, repeated::cut(&text)))
        .filter(|(_, text)| !text.is_empty())
        .collect()
}

fn pretty(value: &Value) -> String {
    tidy(value).map(|value| serde_json::to_string_pretty(&value).unwrap_or_default()).unwrap_or_default()
}

/// `name: value`, one a line; without the braces it reads better.
fn lines(value: &Value) -> String {
    let Value::Object(map) = value else { return String::new() };
    let line = |(name, value): (&String, &Value)| match value {
        Value::Null => None,
        Value::String(text) => Some(format!("{}: {text}", name.replace('_', " "))),
        other => Some(format!("{}: {other}", name.replace('_', " "))),
    };
    map.iter().filter_map(line).collect::<Vec<_>>().join("\n")
}

/// As HTTP is written: what goes before the body, then the body.
fn exchange(value: &Value) -> String {
    let Value::Object(map) = value else { return String::new() };
    let mut head = map.clone();
    let target = head.remove("url").zip(head.remove("method"));
    let target = target.map(|(url, method)| format!("{} {}", bare(&method), bare(&url)));
    let (body, headers) = (head.remove("body"), head.remove("headers").unwrap_or_default());
    let body = match body.unwrap_or_default() {
        Value::String(text) => text,
        other => pretty(&other),
    };
    let head = target.into_iter().chain([lines(&headers), lines(&Value::Object(head))]);
    let head = head.filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n");
    [head, body].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n\n")
}

fn bare(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Without what is empty.
fn tidy(value: &Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Object(map) => {
            let map: serde_json::Map<_, _> =
                map.iter().filter_map(|(key, value)| Some((key.clone(), tidy(value)?))).collect();
            (!map.is_empty()).then_some(Value::Object(map))
        }
        other => Some(other.clone()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::shell::Shell;

    fn rendered(record: &Record) -> String {
        Shell::new().unwrap().part("record.html", &json!({ "record": Shown::of(record) })).unwrap()
    }

    #[test]
    fn a_record_of_every_kind_is_rendered_and_runs_nothing() {
        let evil = "<script>alert(1)</script>\" onload=\"x";
        let event = EventRef {
            seq: Some(7),
            event_id: Some(evil.into()),
            event_name: Some("Purchase".into()),
            order_id: Some("8&9".into()),
            visitor: Some(evil.into()),
            verdict: Some("near_miss".into()),
        };
        for kind in [Kind::Received, Kind::Refused, Kind::Event, Kind::Attempt, Kind::Unclaimed] {
            let bare = rendered(&Record::new(1_795_356_189_120, kind));
            assert!(bare.contains("14:03:09.120") && bare.contains(kind.name()), "{bare}");
            let html = rendered(&Record {
                id: 5,
                site: Some("shop".into()),
                source: Some(evil.into()),
                destination: (kind == Kind::Attempt).then(|| "tiktok".into()),
                verdict: Some("rejected".into()),
                label: Some("ada".into()),
                latency_ms: Some(0),
                events: vec![event.clone(), event.clone()],
                summary: evil.into(),
                detail: json!({
                    "destinations": [{"destination": "tiktok", "consent": "suppress:x", "skip": {"code": "a", "message": evil}}],
                    "findings": [{"severity": "warning", "code": "c", "message": evil}],
                    "event": {"x": evil}, "request": {"x": evil}, "verdict": {"x": null}, "reply": {"body": evil},
                }),
                ..Record::new(0, kind)
            });
            assert!(!html.contains("<script") && !html.contains("\" onload"), "{html}");
            assert!(
                html.contains("data-id=\"5\"") && html.contains("0 ms") && html.contains("order=8%269"),
                "{html}"
            );
            assert!(html.contains("tandem explain --config tandem.toml --event 7"), "{html}");
        }
    }

    #[test]
    fn many_events_are_listed_in_part() {
        let event = EventRef { event_name: Some("ViewContent".into()), ..EventRef::default() };
        let record = Record { events: vec![event; 120], ..Record::new(0, Kind::Attempt) };
        let html = rendered(&record);
        assert!(html.contains("120 × ViewContent") && html.contains("and 70 more"), "{html}");
    }
}
