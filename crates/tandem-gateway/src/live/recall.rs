//! What happened before anybody watched, from the store: the records that are on disk, in the live view's form.

use std::collections::HashMap;

use serde_json::{Value, json};
use tandem_core::words::counted;
use tandem_store::embedded::View;
use tandem_store::{Store, StoreError};

use super::{EventRef, Kind, Record, redact};

/// Rows of each view that are read.
const ROWS: u32 = 300;

/// The newest records on disk, oldest first. Reads the store: not for a thread that serves requests.
///
/// # Errors
/// [`StoreError`].
pub fn recall(store: &Store) -> Result<Vec<Record>, StoreError> {
    let deliveries = store.newest(View::Deliveries, None, 3 * ROWS)?;
    let mut of_events: HashMap<i64, Vec<&Value>> = HashMap::new();
    for delivery in &deliveries {
        of_events.entry(number(delivery, "event_seq").unwrap_or_default()).or_default().push(delivery);
    }
    let events = store.newest(View::Events, None, ROWS)?;
    let mut records: Vec<Record> =
        events.iter().map(|row| event(row, of_events.get(&number(row, "seq").unwrap_or_default()))).collect();
    let visitors: HashMap<i64, &Value> = events
        .iter()
        .filter_map(|row| Some((number(row, "seq")?, row.pointer("/body/session_id")?)))
        .collect();
    let attempts = store.newest(View::Attempts, None, ROWS)?;
    records.extend(attempts.iter().map(|row| attempt(row, &deliveries, &visitors)));
    records.extend(store.newest(View::Notices, None, ROWS)?.iter().map(notice));
    records.sort_by_key(|record| record.at_ms);
    Ok(records)
}

fn text(row: &Value, name: &str) -> Option<String> {
    row.get(name)?.as_str().map(str::to_owned)
}

fn number(row: &Value, name: &str) -> Option<i64> {
    row.get(name)?.as_i64()
}

fn at_ms(row: &Value, name: &str) -> i64 {
    let time = text(row, name).and_then(|text| text.parse::<jiff::Timestamp>().ok());
    time.map_or(0, jiff::Timestamp::as_millisecond)
}

fn event(row: &Value, deliveries: Option<&Vec<&Value>>) -> Record {
    let mut body = row.get("body").cloned().unwrap_or_default();
    let findings = body.as_object_mut().and_then(|body| body.remove("findings"));
    let planned = deliveries.into_iter().flatten().map(|delivery| {
        let skip = (delivery["state"] == "skipped")
            .then(|| json!({ "code": delivery["code"], "message": delivery["message"] }));
        json!({ "destination": delivery["destination"], "consent": delivery["consent"], "skip": skip,
            "state": delivery["state"] })
    });
    let head = EventRef {
        seq: number(row, "seq"),
        event_id: text(row, "event_id"),
        event_name: text(row, "event_name"),
        order_id: text(row, "order_id"),
        visitor: text(&body, "session_id"),
        verdict: Some("accepted".to_owned()),
    };
    Record {
        site: text(row, "site"),
        source: text(row, "source"),
        verdict: Some("accepted".to_owned()),
        events: vec![head],
        detail: json!({
            "outcome": { "status": "accepted" },
            "findings": findings,
            "destinations": planned.collect::<Vec<_>>(),
            "event": body,
        }),
        ..Record::new(at_ms(row, "received_at"), Kind::Event)
    }
}

/// Which deliveries a call carried is kept as ranges; of calls so old that their deliveries were not read, only the
/// number of events is known.
fn attempt(row: &Value, deliveries: &[Value], visitors: &HashMap<i64, &Value>) -> Record {
    let ranges: Vec<(i64, i64)> =
        row.get("deliveries").and_then(|r| serde_json::from_value(r.clone()).ok()).unwrap_or_default();
    let carried = |delivery: &&Value| {
        let seq = number(delivery, "seq").unwrap_or_default();
        ranges.iter().any(|(first, last)| (*first..=*last).contains(&seq))
    };
    let verdict = text(row, "verdict");
    let head = |delivery: &Value| EventRef {
        seq: number(delivery, "event_seq"),
        event_id: text(delivery, "event_id"),
        event_name: text(delivery, "event_name"),
        order_id: text(delivery, "order_id"),
        visitor: visitors
            .get(&number(delivery, "event_seq").unwrap_or_default())
            .and_then(|visitor| visitor.as_str().map(str::to_owned)),
        verdict: verdict.clone(),
    };
    let mut events: Vec<EventRef> = deliveries.iter().filter(carried).map(head).collect();
    events.reverse();
    let reply = text(row, "reply").map(|reply| redact::outgoing(reply.as_bytes()));
    let message = text(row, "message").filter(|m| !m.is_empty()).map(|m| redact::outgoing(m.as_bytes()));
    let count = number(row, "events").unwrap_or_default();
    Record {
        site: text(row, "site"),
        destination: text(row, "destination"),
        summary: counted(count, "event"),
        latency_ms: number(row, "latency_ms"),
        events,
        detail: json!({
            "request": { "bytes": row["request_bytes"], "body": "not kept; see the events for what was sent" },
            "reply": { "status": row["status"], "body": reply },
            "verdict": { "verdict": verdict, "code": row["code"], "message": message },
            "latency_ms": row["latency_ms"],
        }),
        verdict,
        ..Record::new(at_ms(row, "started_at"), Kind::Attempt)
    }
}

fn notice(row: &Value) -> Record {
    let kind = text(row, "kind").unwrap_or_default();
    let head = EventRef {
        event_id: text(row, "event_id"),
        event_name: text(row, "event_name"),
        order_id: text(row, "order_id"),
        verdict: Some(kind.clone()),
        ..EventRef::default()
    };
    Record {
        site: text(row, "site"),
        source: text(row, "source"),
        verdict: Some(kind.clone()),
        summary: text(row, "code").unwrap_or_default(),
        events: vec![head],
        detail: json!({
            "outcome": { "status": kind, "code": row["code"], "message": row["message"], "field": row["field"] },
        }),
        ..Record::new(at_ms(row, "at"), Kind::Event)
    }
}
