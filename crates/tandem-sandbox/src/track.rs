//! One request to the Events API, from the fault plan to the answer.

use std::time::Duration;

use axum::{extract::Request, response::Response};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::json;

use crate::{
    Sandbox, State, TestEvent,
    answer::{self, Envelope, GATEWAY_PAGE, HTML, JSON, PORTAL_PAGE, TEXT},
    engine::Arrival,
    faults::FaultKind,
    log::{self, RequestEntry},
    routes,
    schema::{self, Refusal},
    serve,
};

/// `POST /open_api/v1.3/event/track/`.
pub(crate) async fn track(sandbox: Sandbox, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Some(body) = routes::whole(body).await else {
        return answer::respond(StatusCode::PAYLOAD_TOO_LARGE, TEXT, "413 request entity too large");
    };
    let token = parts.headers.get("access-token").and_then(|value| value.to_str().ok());
    let token = token.map(str::trim).filter(|token| !token.is_empty());

    let at_ms = sandbox.now_ms();
    let due = {
        let mut state = sandbox.state();
        state.memory.counters.requests += 1;
        let plan = &mut state.memory.plan;
        let pixel = if plan.asks_for_pixel() { schema::pixel_of(&body) } else { None };
        plan.take(pixel.as_deref(), token)
    };
    if due.delay_ms > 0 {
        tokio::time::sleep(Duration::from_millis(due.delay_ms)).await;
    }

    let mut entry = RequestEntry::opened(&parts, at_ms);
    entry.fault = match (&due.kind, due.delay_ms) {
        (Some(kind), _) => serde_json::to_string(kind).ok(),
        (None, 0) => None,
        (None, ms) => serde_json::to_string(&FaultKind::Latency { ms }).ok(),
    };
    let call = Call { sandbox: &sandbox, headers: &parts.headers, body: &body, token };
    let cut = || serve::cut(&parts.extensions);
    match due.kind {
        None => {
            let envelope = call.process(&mut entry);
            call.finish(entry, envelope)
        }
        Some(FaultKind::Code { code, http }) => {
            let envelope = Envelope::of(code, answer::words(code).into(), &entry.request_id);
            let status = http.and_then(|http| StatusCode::from_u16(http).ok());
            call.finish_with(entry, envelope, status)
        }
        Some(FaultKind::Hang) => {
            let limit = u64::from(sandbox.state().rules.options.hang_limit_s);
            call.log(entry);
            tokio::time::sleep(Duration::from_secs(limit)).await;
            cut()
        }
        Some(FaultKind::Reset) => {
            call.log(entry);
            cut()
        }
        Some(FaultKind::ResetAfterAccept) => {
            let envelope = call.process(&mut entry);
            entry.code = Some(envelope.code);
            entry.message = envelope.message;
            call.log(entry);
            cut()
        }
        Some(FaultKind::Html502) => call.say(entry, StatusCode::BAD_GATEWAY, HTML, GATEWAY_PAGE.into()),
        Some(FaultKind::Html200) => call.say(entry, StatusCode::OK, HTML, PORTAL_PAGE.into()),
        Some(FaultKind::Http { status }) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            call.say(entry, status, TEXT, String::new())
        }
        Some(FaultKind::TruncatedJson) => {
            let envelope = call.process(&mut entry);
            let mut text = envelope.text();
            text.truncate(text.floor_char_boundary(text.len() / 2));
            call.say(entry, StatusCode::OK, JSON, text)
        }
        Some(FaultKind::Partial20001) => {
            let mut envelope = call.process(&mut entry);
            if envelope.code == 0 {
                envelope.code = 20001;
                envelope.message = answer::words(20001).into();
                envelope.data = json!({"warnings": [{"index": 0, "message": "played by the fault plan"}]});
            }
            call.finish(entry, envelope)
        }
        // The plan turns a latency into a delay; it never decides.
        Some(FaultKind::Latency { .. }) => {
            let envelope = call.process(&mut entry);
            call.finish(entry, envelope)
        }
    }
}

struct Call<'c> {
    sandbox: &'c Sandbox,
    headers: &'c HeaderMap,
    body: &'c Bytes,
    token: Option<&'c str>,
}

impl Call<'_> {
    /// Checks and remembers the request.
    fn process(&self, entry: &mut RequestEntry) -> Envelope {
        match self.accept(entry) {
            Ok(()) => Envelope::ok(&entry.request_id),
            Err(refusal) => Envelope::refusal(refusal, &entry.request_id),
        }
    }

    fn accept(&self, entry: &mut RequestEntry) -> Result<(), Refusal> {
        let refuse = |code: u32| Refusal::new(code, answer::words(code));
        let token = self.token.ok_or_else(|| refuse(40104))?;
        let now_ms = self.sandbox.now_ms();
        let rules = {
            let State { rules, memory } = &mut *self.sandbox.state();
            if !rules.options.token_is_good(token) {
                return Err(refuse(40105));
            }
            if rules.options.rate_per_s.is_some_and(|rate| !memory.tokens.take(token, rate, now_ms)) {
                return Err(refuse(40100));
            }
            rules.clone()
        };
        let batch = schema::read(self.body, token, &rules.options, &rules.oracle)?;

        let State { memory, .. } = &mut *self.sandbox.state();
        let rate = rules.options.pixel_rate_per_s;
        if rate.is_some_and(|rate| !memory.pixels.take(&batch.pixel, rate, now_ms)) {
            return Err(refuse(40132));
        }
        entry.pixel = Some(batch.pixel.to_string());
        entry.events = batch.events.len();
        if let Some(code) = &batch.test_event_code {
            entry.test = true;
            memory.counters.test_events += batch.events.len() as u64;
            for event in &batch.events {
                memory.tests.push_back(test_event(code, &batch.pixel, event, now_ms));
            }
            let surplus = memory.tests.len().saturating_sub(rules.options.test_events);
            memory.tests.drain(..surplus);
            return Ok(());
        }
        memory.counters.events += batch.events.len() as u64;
        for event in &batch.events {
            memory.engine.record(&rules.options, &batch.pixel, event, now_ms);
        }
        Ok(())
    }

    fn finish(&self, entry: RequestEntry, envelope: Envelope) -> Response {
        self.finish_with(entry, envelope, None)
    }

    fn finish_with(
        &self,
        mut entry: RequestEntry,
        envelope: Envelope,
        status: Option<StatusCode>,
    ) -> Response {
        let status =
            status.unwrap_or_else(|| answer::status(&self.sandbox.state().rules.options, envelope.code));
        entry.code = Some(envelope.code);
        let text = envelope.text();
        entry.message = envelope.message;
        self.say(entry, status, JSON, text)
    }

    fn say(
        &self,
        mut entry: RequestEntry,
        status: StatusCode,
        content_type: &'static str,
        text: String,
    ) -> Response {
        entry.status = Some(status.as_u16());
        entry.answer.clone_from(&text);
        self.log(entry);
        answer::respond(status, content_type, text)
    }

    fn log(&self, mut entry: RequestEntry) {
        let rules = {
            let State { rules, memory } = &mut *self.sandbox.state();
            memory.counters.faulted += u64::from(entry.fault.is_some());
            memory.counters.refused += u64::from(entry.pixel.is_none());
            rules.clone()
        };
        if !rules.options.keep_details {
            return;
        }
        entry.carry(self.headers, self.body, &rules.options);
        entry.notes = log::notes(&entry.body);
        self.sandbox.state().memory.log.push(entry, rules.options.log_requests);
    }
}

fn test_event(code: &str, pixel: &str, event: &Arrival<'_>, now_ms: i64) -> TestEvent {
    TestEvent {
        test_event_code: code.to_owned(),
        received_ms: now_ms,
        pixel: pixel.to_owned(),
        event: event.event.to_string(),
        event_id: event.event_id.as_deref().map(str::to_owned),
        value: event.value.map(|value| value.to_string()),
        currency: event.currency.as_deref().map(str::to_owned),
        user_keys: event.keys.names(),
    }
}
