//! One server request of any platform, from the fault plan to the answer.

use std::time::Duration;

use axum::{extract::Request, response::Response};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header, request::Parts};
use serde_json::Value;

use crate::{
    Platform, Sandbox, State,
    answer::{self, GATEWAY_PAGE, HTML, JSON, PORTAL_PAGE, Reply, TEXT},
    engine::Channel,
    faults::FaultKind,
    log::RequestEntry,
    routes, serve,
};

/// What a platform's server endpoint adds to the common way.
pub(crate) trait Api: Sync {
    fn platform(&self) -> &'static Platform;
    /// The account a request is for, for a fault plan that is bound to accounts.
    fn pixel(&self, call: &Call<'_>) -> Option<String>;
    /// The secret of a request.
    fn token(&self, parts: &Parts, body: &[u8]) -> Option<String>;
    /// Checks and remembers the request.
    fn process(&self, call: &Call<'_>, entry: &mut RequestEntry) -> Reply;
    /// The refusal of a planned fault. `http` and `subcode` replace what usually goes with the code.
    fn refuse(&self, call: &Call<'_>, planned: PlannedCode, request_id: &str) -> Reply;
    /// An accepted reply as a partial success, where the platform knows one.
    fn partial(&self, _call: &Call<'_>, reply: Reply, _request_id: &str) -> Reply {
        reply
    }
    /// The request's id in the platform's manner.
    fn request_id(&self, id: &str) -> String {
        id.to_owned()
    }
    /// Remarks about a body for the log.
    fn notes(&self, body: &Value) -> Vec<String>;
}

/// The code of a planned refusal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlannedCode {
    pub(crate) code: u32,
    pub(crate) subcode: Option<u32>,
    pub(crate) http: Option<u16>,
}

/// A request that is being answered.
pub(crate) struct Call<'c> {
    pub(crate) sandbox: &'c Sandbox,
    pub(crate) parts: &'c Parts,
    pub(crate) body: &'c Bytes,
    pub(crate) token: Option<&'c str>,
    api: &'static dyn Api,
}

/// Answers a server request.
pub(crate) async fn serve(sandbox: Sandbox, api: &'static dyn Api, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Some(body) = routes::whole(body).await else { return answer::too_large() };
    let token = api.token(&parts, &body);
    let call = Call { sandbox: &sandbox, parts: &parts, body: &body, token: token.as_deref(), api };

    let at_ms = sandbox.now_ms();
    let due = {
        let mut state = sandbox.state();
        let part = state.memory.part(api.platform());
        part.counters.requests += 1;
        let pixel = if part.plan.asks_for_pixel() { api.pixel(&call) } else { None };
        part.plan.take(pixel.as_deref(), call.token)
    };
    if due.delay_ms > 0 {
        tokio::time::sleep(Duration::from_millis(due.delay_ms)).await;
    }

    let mut entry = RequestEntry::opened(api.platform(), Channel::Server, &parts, at_ms);
    entry.request_id = api.request_id(&entry.request_id);
    entry.fault = match (&due.kind, due.delay_ms) {
        (Some(kind), _) => serde_json::to_string(kind).ok(),
        (None, 0) => None,
        (None, ms) => serde_json::to_string(&FaultKind::Latency { ms }).ok(),
    };
    match due.kind {
        None => call.usual(entry),
        Some(kind) => call.faulty(kind, entry).await,
    }
}

impl Call<'_> {
    async fn faulty(&self, kind: FaultKind, mut entry: RequestEntry) -> Response {
        let cut = || serve::cut(&self.parts.extensions);
        match kind {
            FaultKind::Code { code, http } => self.refuse(entry, PlannedCode { code, subcode: None, http }),
            FaultKind::Subcode { code, subcode, http } => {
                self.refuse(entry, PlannedCode { code, subcode: Some(subcode), http })
            }
            FaultKind::Hang => {
                let limit = u64::from(self.sandbox.state().rules.options.hang_limit_s);
                self.log(entry);
                tokio::time::sleep(Duration::from_secs(limit)).await;
                cut()
            }
            FaultKind::Reset => {
                self.log(entry);
                cut()
            }
            FaultKind::ResetAfterAccept => {
                let reply = self.api.process(self, &mut entry);
                (entry.code, entry.message) = (reply.code, reply.message);
                self.log(entry);
                cut()
            }
            FaultKind::Html502 => self.say(entry, StatusCode::BAD_GATEWAY, HTML, GATEWAY_PAGE.into()),
            FaultKind::Html200 => self.say(entry, StatusCode::OK, HTML, PORTAL_PAGE.into()),
            FaultKind::Http { status } => self.say(entry, answer::status(status), TEXT, String::new()),
            FaultKind::TruncatedJson => {
                let mut text = self.api.process(self, &mut entry).text;
                text.truncate(text.floor_char_boundary(text.len() / 2));
                self.say(entry, StatusCode::OK, JSON, text)
            }
            FaultKind::Partial20001 => {
                let reply = self.api.process(self, &mut entry);
                let reply = self.api.partial(self, reply, &entry.request_id);
                self.finish(entry, reply)
            }
            // The plan turns a latency into a delay; it never decides.
            FaultKind::Latency { .. } => self.usual(entry),
        }
    }

    fn usual(&self, mut entry: RequestEntry) -> Response {
        let reply = self.api.process(self, &mut entry);
        self.finish(entry, reply)
    }

    fn refuse(&self, entry: RequestEntry, planned: PlannedCode) -> Response {
        let reply = self.api.refuse(self, planned, &entry.request_id);
        self.finish(entry, reply)
    }

    fn finish(&self, mut entry: RequestEntry, reply: Reply) -> Response {
        (entry.code, entry.message) = (reply.code, reply.message);
        self.say(entry, reply.status, reply.content_type, reply.text)
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
        if text.is_empty() && status == StatusCode::NO_CONTENT {
            let mut response = Response::new(axum::body::Body::empty());
            *response.status_mut() = status;
            return response;
        }
        answer::respond(status, content_type, text)
    }

    fn log(&self, mut entry: RequestEntry) {
        let rules = {
            let State { rules, memory } = &mut *self.sandbox.state();
            let counters = &mut memory.part(self.api.platform()).counters;
            counters.faulted += u64::from(entry.fault.is_some());
            counters.refused += u64::from(entry.pixel.is_none());
            rules.clone()
        };
        if !rules.options.keep_details {
            return;
        }
        entry.carry(self.parts, self.body, &rules.options);
        entry.notes.extend(self.api.notes(&entry.body));
        self.sandbox.state().memory.log.push(entry, rules.options.log_requests);
    }
}

/// The token of an `Authorization: Bearer …` header.
pub(crate) fn bearer(parts: &Parts) -> Option<String> {
    let value = parts.headers.get(header::AUTHORIZATION).map(HeaderValue::to_str)?.ok()?;
    let (scheme, token) = value.split_once(' ')?;
    filled(token).filter(|_| scheme.eq_ignore_ascii_case("bearer"))
}

/// A parameter of the address, decoded; nothing if it is empty.
pub(crate) fn parameter(parts: &Parts, name: &str) -> Option<String> {
    let query = parts.uri.query().unwrap_or_default().as_bytes();
    url::form_urlencoded::parse(query).find(|(key, _)| key == name).and_then(|(_, value)| filled(&value))
}

pub(crate) fn filled(text: &str) -> Option<String> {
    Some(text.trim()).filter(|text| !text.is_empty()).map(str::to_owned)
}
