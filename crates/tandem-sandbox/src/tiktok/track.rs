//! The server half: `POST /open_api/v1.3/event/track/`.

use http::{StatusCode, request::Parts};
use serde_json::{Value, json};

use crate::{
    Platform, State,
    answer::{self, Reply},
    call::{Api, Call, PlannedCode, filled},
    log::RequestEntry,
    tiktok::{
        TIKTOK,
        answer::{Envelope, status, words},
        notes,
        schema::{self, Refusal},
    },
};

pub(crate) struct Track;

impl Api for Track {
    fn platform(&self) -> &'static Platform {
        &TIKTOK
    }

    fn pixel(&self, call: &Call<'_>) -> Option<String> {
        schema::pixel_of(call.body)
    }

    fn token(&self, parts: &Parts, _body: &[u8]) -> Option<String> {
        parts.headers.get("access-token").and_then(|value| value.to_str().ok()).and_then(filled)
    }

    fn process(&self, call: &Call<'_>, entry: &mut RequestEntry) -> Reply {
        let envelope = match accept(call, entry) {
            Ok(()) => Envelope::ok(&entry.request_id),
            Err(refusal) => Envelope::refusal(refusal, &entry.request_id),
        };
        reply(call, envelope, None)
    }

    fn refuse(&self, call: &Call<'_>, planned: PlannedCode, request_id: &str) -> Reply {
        let PlannedCode { code, http, .. } = planned;
        reply(call, Envelope::of(code, words(code).into(), request_id), http.map(answer::status))
    }

    fn partial(&self, call: &Call<'_>, reply: Reply, request_id: &str) -> Reply {
        if reply.code != Some(0) {
            return reply;
        }
        let mut envelope = Envelope::of(20001, words(20001).into(), request_id);
        envelope.data = json!({"warnings": [{"index": 0, "message": "played by the fault plan"}]});
        self::reply(call, envelope, None)
    }

    fn notes(&self, body: &Value) -> Vec<String> {
        notes::notes(body)
    }
}

fn reply(call: &Call<'_>, envelope: Envelope, http: Option<StatusCode>) -> Reply {
    let usual = || status(&call.sandbox.state().rules.options, envelope.code);
    let status = http.unwrap_or_else(usual);
    envelope.reply(status)
}

fn accept(call: &Call<'_>, entry: &mut RequestEntry) -> Result<(), Refusal> {
    let refuse = |code: u32| Refusal::new(code, words(code));
    let token = call.token.ok_or_else(|| refuse(40104))?;
    let now_ms = call.sandbox.now_ms();
    let rules = {
        let State { rules, memory } = &mut *call.sandbox.state();
        if !rules.options.token_is_good(token) {
            return Err(refuse(40105));
        }
        let tokens = &mut memory.part(&TIKTOK).tokens;
        if rules.options.rate_per_s.is_some_and(|rate| !tokens.take(token, rate, now_ms)) {
            return Err(refuse(40100));
        }
        rules.clone()
    };
    let batch = schema::read(call.body, token, &rules.options, rules.oracle(&TIKTOK))?;

    let State { memory, .. } = &mut *call.sandbox.state();
    let part = memory.part(&TIKTOK);
    let rate = rules.options.pixel_rate_per_s;
    if rate.is_some_and(|rate| !part.pixels.take(&batch.pixel, rate, now_ms)) {
        return Err(refuse(40132));
    }
    entry.pixel = Some(batch.pixel.to_string());
    entry.events = batch.events.len();
    if let Some(code) = &batch.test_event_code {
        entry.test = true;
        part.keep_tests(code, &batch.pixel, &batch.events, now_ms, rules.options.test_events);
        return Ok(());
    }
    part.record(&TIKTOK.dedup(&rules.options), &batch.pixel, &batch.events, now_ms);
    Ok(())
}
