//! Signing in and out.

use std::sync::Arc;

use axum::body::to_bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::{Deserialize, Serialize};
use tandem_gateway::ingest::caller;

use crate::Inspector;
use crate::session::Visitor;

/// Bytes of a form.
const MAX_FORM: usize = 8 << 10;

#[derive(Serialize)]
struct Login<'a> {
    next: &'a str,
    problem: Option<&'a str>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Wanted {
    next: String,
}

#[derive(Default)]
struct Form {
    token: String,
    next: String,
    form_key: String,
}

/// A path on this server and nothing else.
fn own(next: &str) -> &str {
    let plain = next.starts_with('/')
        && !next.starts_with("//")
        && !next.contains('\\')
        && next.bytes().all(|b| b.is_ascii_graphic());
    if plain { next } else { "/" }
}

fn show(inspector: &Inspector, status: StatusCode, next: &str, problem: Option<&str>) -> Response {
    let login = Login { next: own(next), problem };
    inspector.shell.page(None, status, "login.html", "Sign in", &login)
}

pub(crate) async fn page(
    State(inspector): State<Arc<Inspector>>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Response {
    let next = wanted.map(|Query(wanted)| wanted.next).unwrap_or_default();
    show(&inspector, StatusCode::OK, &next, None)
}

async fn form(request: Request) -> Form {
    let body = to_bytes(request.into_body(), MAX_FORM).await.unwrap_or_default();
    let mut form = Form::default();
    for (name, value) in url::form_urlencoded::parse(&body) {
        match &*name {
            "token" => form.token = value.into_owned(),
            "next" => form.next = value.into_owned(),
            "form_key" => form.form_key = value.into_owned(),
            _ => {}
        }
    }
    form
}

pub(crate) async fn enter(State(inspector): State<Arc<Inspector>>, request: Request) -> Response {
    let (address, secure) = caller(&request, &inspector.gateway.limits);
    let form = form(request).await;
    let now_s = inspector.gateway.clock.now_s();
    let address = address.unwrap_or_default();
    if !inspector.sessions.may_try(&address, now_s) {
        let text = "Too many tries. Wait ten seconds, then try again.";
        return show(&inspector, StatusCode::TOO_MANY_REQUESTS, &form.next, Some(text));
    }
    if !inspector.guard.fits(form.token.trim()) {
        tracing::warn!("somebody tried to sign in with a wrong token");
        let text = "This is not the token. It is server.private_token in the configuration.";
        return show(&inspector, StatusCode::UNAUTHORIZED, &form.next, Some(text));
    }
    inspector.sessions.forgive(&address);
    match inspector.sessions.begin(now_s, secure) {
        Ok(cookie) => with_cookie(Redirect::to(own(&form.next)).into_response(), &cookie),
        Err(error) => {
            tracing::error!(%error, "cannot make a session");
            let text = "The system gives no random bytes; see the log.";
            show(&inspector, StatusCode::SERVICE_UNAVAILABLE, &form.next, Some(text))
        }
    }
}

/// Only a form of the session's own pages ends it.
pub(crate) async fn leave(State(inspector): State<Arc<Inspector>>, request: Request) -> Response {
    let (_, secure) = caller(&request, &inspector.gateway.limits);
    let Some(Visitor::Person(session)) = request.extensions().get::<Visitor>().cloned() else {
        return Redirect::to("/login").into_response();
    };
    let form = form(request).await;
    if !inspector.sessions.sent_by(&session, &form.form_key) {
        let text = "This did not come from a page of your session. Go back, reload the page and try again.";
        let visitor = Visitor::Person(session);
        return inspector.shell.problem(Some(&visitor), StatusCode::FORBIDDEN, "Not done", text);
    }
    let cookie = inspector.sessions.end(&session, inspector.gateway.clock.now_s(), secure);
    with_cookie(Redirect::to("/login").into_response(), &cookie)
}

fn with_cookie(mut response: Response, cookie: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().insert(header::SET_COOKIE, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::own;

    #[test]
    fn only_own_pages_are_gone_to() {
        assert_eq!(own("/live?site=shop"), "/live?site=shop");
        for bad in ["", "//evil.example", "https://evil.example", "/\\evil.example", "/a\r\nb", "live"] {
            assert_eq!(own(bad), "/", "{bad}");
        }
    }
}
