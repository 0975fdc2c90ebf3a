//! Where the stream is looked at: at the door, before a call goes out, and where something is turned away.

use axum::http::header;
use serde::Deserialize;
use serde_json::{Value, json};
use tandem_core::words;
use tandem_destinations::{Destination, HttpReply, HttpRequest, Mapped};
use tandem_sources::Request;
use tandem_store::{Attempt, Due, Outcome, Skipped};

use super::{EventRef, Interest, Kind, Live, Record, link, redact};
use crate::Lane;
use crate::pipeline::{Admitted, Answer, Prepared, shortened};

/// Bodies of events of one request that are kept until it is known what became of them.
const MAX_BODIES: usize = 50;

/// Events of a call that are shown in its request.
const MAX_SHOWN: usize = 5;

/// What is remembered of a request while it is worked on: nothing, unless somebody watches.
#[derive(Default)]
pub(crate) struct Seen {
    request: Option<Value>,
    label: Option<String>,
    visitors: Vec<Option<String>>,
    /// When it came in, Unix milliseconds.
    at_ms: i64,
}

impl Seen {
    /// A request that was let in.
    pub(crate) fn of(live: &Live, site: &str, wire: &Request<'_>, now_ms: i64) -> Self {
        if !live.is_watched(now_ms) {
            return Self::default();
        }
        let label = live.label_in(site, wire.body, now_ms.div_euclid(1_000)).map(|(label, _)| label);
        Self { request: Some(shown(wire)), label, visitors: Vec::new(), at_ms: now_ms }
    }

    /// Whose the events are.
    pub(crate) fn admit(&mut self, admitted: &[Admitted]) {
        if self.request.is_some() {
            let events = admitted.iter().filter_map(|part| part.as_ref().ok());
            self.visitors = events.map(|(event, _)| event.session_id.clone()).collect();
        }
    }
}

fn shown(wire: &Request<'_>) -> Value {
    let text = |name: &str| wire.text(name).map(|text| text.into_owned());
    let safe = |name: &str| text(name).filter(|text| !redact::is_personal(text));
    let content_type = text(header::CONTENT_TYPE.as_str());
    json!({
        "from": wire.client_ip.map(shortened),
        "user_agent": safe("user-agent"),
        "origin": safe("origin"),
        "topic": safe("x-wc-webhook-topic"),
        "content_type": content_type.as_deref().filter(|text| text.len() < 100 && !redact::is_personal(text)),
        "bytes": wire.body.len(),
        "body": redact::incoming(content_type.as_deref(), wire.body),
    })
}

/// An event on its way into the log.
struct Pending {
    place: usize,
    head: EventRef,
    /// The event as it is stored; none when there are too many to show.
    body: Option<String>,
    planned: Value,
}

/// A request on its way into the log.
pub(crate) struct Tap {
    seen: Seen,
    request: Value,
    events: Vec<Pending>,
    /// Orders of the parts that did not become events, in their order.
    refused: Vec<Option<String>>,
    site: String,
    source: &'static str,
}

impl Tap {
    /// Notes what goes into the log; `None` unless somebody watches.
    pub(crate) fn of(
        live: &Live,
        mut seen: Seen,
        site: &str,
        source: &'static str,
        prepared: &Prepared,
    ) -> Option<Self> {
        let request = seen.request.take()?;
        let mut events = Vec::with_capacity(prepared.events.len());
        let (mut bodies, mut left_out) = (0, 0);
        for (at, event) in prepared.events.iter().enumerate() {
            let head = EventRef {
                event_id: Some(event.event_id.clone()),
                event_name: Some(event.event_name.clone()),
                order_id: event.order_id.clone(),
                visitor: seen.visitors.get(at).cloned().flatten(),
                ..EventRef::default()
            };
            let mut record = event_record(0, site, source, head);
            let interest = live.interest(&record, true);
            let shows = interest == Some(Interest::Single) || interest.is_some() && bodies < MAX_BODIES;
            bodies += usize::from(shows);
            left_out += u64::from(interest.is_some() && !shows);
            let planned = event.deliveries.iter().map(|delivery| {
                let skip =
                    delivery.skip.as_ref().map(|skip| json!({"code": skip.code, "message": skip.message}));
                json!({ "destination": delivery.destination, "consent": delivery.consent, "skip": skip,
                    "waits_for_its_page_ms": (delivery.hold_ms > 0).then_some(delivery.hold_ms) })
            });
            events.push(Pending {
                place: prepared.place(at),
                head: record.events.pop().unwrap_or_default(),
                body: shows.then(|| event.body.clone()),
                planned: if shows { planned.collect() } else { Value::Null },
            });
        }
        live.left_out(Interest::Any, left_out);
        let refused = prepared.notices.iter().map(|notice| notice.order_id.clone()).collect();
        Some(Self { seen, request, events, refused, site: site.to_owned(), source })
    }

    /// Notes where in the log the events are.
    pub(crate) fn stored(mut self, outcomes: &[Outcome]) -> Self {
        for (pending, outcome) in self.events.iter_mut().zip(outcomes) {
            match outcome {
                Outcome::Accepted { seq, .. } => pending.head.seq = Some(*seq),
                Outcome::Duplicate { of } => pending.head.seq = *of,
            }
        }
        self
    }

    /// Tells what became of the request and of every event in it.
    pub(crate) fn tell(mut self, live: &Live, answers: &[Answer]) {
        let now_ms = self.seen.at_ms;
        let labels =
            self.events.iter().find_map(|e| live.label_of(&self.site, e.head.visitor.as_deref()?, now_ms));
        let label = self.seen.label.take().or(labels);
        let mut refused = self.refused.into_iter();
        let mut pending = self.events.into_iter().peekable();
        let mut told = Vec::with_capacity(answers.len());
        for (place, answer) in answers.iter().enumerate() {
            let (mut head, body, planned) = match pending.next_if(|p| p.place == place) {
                Some(one) => (one.head, one.body, one.planned),
                None => (
                    EventRef { order_id: refused.next().flatten(), ..EventRef::default() },
                    Some(String::new()),
                    Value::Null,
                ),
            };
            head.event_id.clone_from(&answer.event_id);
            if head.event_name.is_none() {
                head.event_name.clone_from(&answer.event_name);
            }
            head.verdict = Some(answer.status.to_owned());
            told.push((head, body, planned, answer));
        }
        let input = Record {
            site: Some(self.site.clone()),
            source: Some(self.source.to_owned()),
            label: label.clone(),
            summary: counted(answers.len()),
            events: told.iter().take(200).map(|(head, ..)| head.clone()).collect(),
            ..Record::new(now_ms, Kind::Received)
        };
        let request = live.offer(input, || self.request);
        for (head, body, planned, answer) in told {
            let Some(body) = body else { continue };
            let record = Record {
                request,
                label: label.clone(),
                verdict: Some(answer.status.to_owned()),
                summary: answer.code.clone().unwrap_or_default(),
                ..event_record(now_ms, &self.site, self.source, head)
            };
            live.offer(record, || detail(&body, planned, answer));
        }
    }
}

fn event_record(now_ms: i64, site: &str, source: &str, head: EventRef) -> Record {
    Record {
        site: Some(site.to_owned()),
        source: Some(source.to_owned()),
        events: vec![head],
        ..Record::new(now_ms, Kind::Event)
    }
}

fn counted(events: usize) -> String {
    match events {
        0 => "no event".to_owned(),
        n => words::counted(n, "event"),
    }
}

fn detail(body: &str, planned: Value, answer: &Answer) -> Value {
    let mut event: Value = serde_json::from_str(body).unwrap_or_default();
    if let Some(event) = event.as_object_mut() {
        // Shown once, beside the event.
        event.remove("findings");
    }
    json!({
        "outcome": { "status": answer.status, "code": answer.code, "message": answer.message, "field": answer.field },
        "findings": answer.warnings,
        "destinations": planned,
        "event": event,
    })
}

/// A call on its way out.
pub(crate) struct Calling {
    record: Record,
    request: HttpRequest,
    shown: usize,
    oldest_ms: i64,
}

/// The few words of a stored event that filters ask for.
#[derive(Deserialize)]
struct Words {
    event_id: Option<String>,
    event_name: Option<String>,
    order_id: Option<String>,
    session_id: Option<String>,
}

fn head_of(due: &Due) -> EventRef {
    let words: Option<Words> = serde_json::from_str(&due.body).ok();
    let base = EventRef { seq: Some(due.event_seq), ..EventRef::default() };
    words.map_or(base.clone(), |words| EventRef {
        event_id: words.event_id,
        event_name: words.event_name,
        order_id: words.order_id,
        visitor: words.session_id,
        ..base
    })
}

impl Live {
    fn label_in(&self, site: &str, body: &[u8], now_s: i64) -> Option<(String, i64)> {
        self.signer.get()?.read(site, link::in_body(body)?, now_s)
    }

    fn label_of(&self, site: &str, visitor: &str, now_ms: i64) -> Option<String> {
        self.marks.of(site, visitor, now_ms.div_euclid(1_000))
    }

    /// Marks a visitor whose page was opened by a debug link, whether or not somebody watches yet.
    pub(crate) fn mark(&self, site: &str, visitor: &str, body: &[u8], now_s: i64) {
        if let Some((label, until_s)) = self.label_in(site, body, now_s) {
            self.marks.put(site, visitor, &label, until_s, now_s);
        }
    }

    /// A request that nothing of ours takes.
    pub fn unclaimed(&self, now_ms: i64, method: &str, path: &str, reason: &str) {
        if !self.is_watched(now_ms) {
            return;
        }
        let (bare, query) = path.split_once('?').map_or((path, None), |(bare, query)| (bare, Some(query)));
        let plain = bare.len() <= 300 && !bare.contains('%') && !redact::is_personal(bare);
        let place = if plain { bare } else { "(hidden path)" };
        let record = Record {
            verdict: Some("unclaimed".to_owned()),
            summary: format!("{method} {place}: {reason}"),
            ..Record::new(now_ms, Kind::Unclaimed)
        };
        self.offer(record, || {
            json!({ "method": method, "path": place, "query": query.map(redact::query), "reason": reason })
        });
    }

    /// A request that was turned away as a whole, with our own words.
    pub(crate) fn refused(&self, now_ms: i64, source: &str, status: u16, code: &str, message: &str) {
        if !self.is_watched(now_ms) {
            return;
        }
        let record = Record {
            source: Some(source.to_owned()),
            verdict: Some(code.to_owned()),
            summary: format!("{status} {message}"),
            ..Record::new(now_ms, Kind::Refused)
        };
        self.offer(record, || json!({ "status": status, "code": code, "message": message }));
    }

    /// A delivery that was kept back at the last moment.
    pub(crate) fn kept_back(&self, now_ms: i64, lane: &Lane, due: &Due, skip: &Skipped) {
        if !self.is_watched(now_ms) {
            return;
        }
        let head = EventRef { verdict: Some("skipped".to_owned()), ..head_of(due) };
        let record = Record {
            verdict: Some("skipped".to_owned()),
            summary: skip.code.to_string(),
            ..self.of_lane(now_ms, lane, vec![head])
        };
        self.offer(record, || json!({ "skip": { "code": skip.code, "message": skip.message } }));
    }

    fn of_lane(&self, now_ms: i64, lane: &Lane, events: Vec<EventRef>) -> Record {
        let label = events.iter().find_map(|e| self.label_of(&lane.site, e.visitor.as_deref()?, now_ms));
        Record {
            site: Some(lane.site.clone()),
            destination: Some(lane.destination.definition().name.to_owned()),
            label,
            events,
            ..Record::new(now_ms, Kind::Attempt)
        }
    }

    /// A call that goes out now; `None` unless somebody wants to see it.
    pub(crate) fn calling<'d>(
        &self,
        now_ms: i64,
        lane: &Lane,
        dues: impl Iterator<Item = &'d Due>,
        mapped: &[Mapped],
    ) -> Option<Calling> {
        if !self.is_watched(now_ms) {
            return None;
        }
        let (mut heads, mut oldest_ms) = (Vec::with_capacity(mapped.len()), now_ms);
        for due in dues {
            heads.push(head_of(due));
            oldest_ms = oldest_ms.min(due.received_ms);
        }
        let record = self.of_lane(now_ms, lane, heads);
        let interest = self.interest(&record, true)?;
        // Of a large call, those events that somebody looks for.
        let mut order: Vec<usize> = (0..mapped.len()).collect();
        if interest == Interest::Single && mapped.len() > MAX_SHOWN {
            let looked_for = |at: &usize| {
                let one = record.events.get(*at).cloned().into_iter().collect();
                self.interest(&self.of_lane(now_ms, lane, one), true) == Some(Interest::Single)
            };
            order.sort_by_key(|at| !looked_for(at));
        }
        let some: Vec<Mapped> =
            order.iter().take(MAX_SHOWN).filter_map(|at| mapped.get(*at)).cloned().collect();
        let destination: &dyn Destination = lane.destination.as_ref();
        Some(Calling { record, request: destination.request(&some), shown: some.len(), oldest_ms })
    }

    /// What came of a call; `verdicts` one an event.
    pub(crate) fn called(
        &self,
        calling: Calling,
        attempt: &Attempt,
        verdicts: impl Iterator<Item = &'static str>,
        reply: &HttpReply,
        now_ms: i64,
    ) {
        let Calling { mut record, request, shown, oldest_ms } = calling;
        for (event, verdict) in record.events.iter_mut().zip(verdicts) {
            event.verdict = Some(verdict.to_owned());
        }
        // As it goes on record, so that both are known to be the same.
        record.at_ms = attempt.started_ms;
        record.verdict = Some(attempt.verdict.to_owned());
        record.latency_ms = Some(attempt.latency_ms);
        record.summary = counted(record.events.len());
        let count = record.events.len();
        let message = Some(&attempt.message).filter(|message| !message.is_empty());
        self.offer(record, || {
            json!({
                "request": with(shown_request(&request), "events", (count > shown).then(|| format!("{shown} of {count} shown"))),
                "reply": answer(reply),
                "verdict": { "verdict": attempt.verdict, "code": attempt.code,
                    "message": message.map(|message| redact::outgoing(message.as_bytes())) },
                "latency_ms": attempt.latency_ms,
                "since_received_ms": now_ms - oldest_ms,
            })
        });
    }
}

/// A request as it may be shown: without secrets, with network addresses cut short.
#[must_use]
pub fn shown_request(request: &HttpRequest) -> Value {
    json!({
        "method": request.method.as_str(),
        "url": redact::target(&request.url),
        "headers": headers(request),
        "body": redact::outgoing(&request.body),
    })
}

fn with(mut shown: Value, name: &str, value: Option<String>) -> Value {
    shown[name] = value.into();
    shown
}

fn headers(request: &HttpRequest) -> Value {
    let shown = request.headers.iter().map(|(name, value)| {
        let secret = value.is_sensitive() || redact::is_secret(&name.as_str().replace('-', ""));
        let text = if secret { "(secret)" } else { value.to_str().unwrap_or("(no text)") };
        (name.to_string(), Value::from(text))
    });
    Value::Object(shown.collect())
}

fn answer(reply: &HttpReply) -> Value {
    match reply {
        HttpReply::Answer { status, body } => {
            json!({ "status": status, "body": redact::outgoing(&body[..body.len().min(4_000)]) })
        }
        HttpReply::NoAnswer { why, .. } => json!({ "none": why }),
    }
}
