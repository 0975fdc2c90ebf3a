//! What the shop's pages reach, below the site's own path: the script, its intake, and the bait for blockers.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tandem_core::consent::{Gate, OnUnknown};
use tandem_sources::Source;
use tandem_sources::browser;

use super::peer::Peer;
use super::{Refusal, counted, json_response, keep, read, rule_context, tags};
use crate::live::Seen;
use crate::probes::{self, Probe};
use crate::script::LIBRARY;
use crate::{Gateway, Script, SiteRuntime};

/// Bytes of a body: what a browser lets a page send while it is left (`keepalive`).
const MAX_BODY: usize = 64 * 1024;

/// What is asked for, below a site's path.
struct Asked<'a> {
    site: Arc<SiteRuntime>,
    file: &'a str,
}

/// Everything that no fixed route takes.
pub(super) async fn serve(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let Some(asked) = asked(&gateway, &path) else { return tags::serve(&gateway, request).await };
    let Some(script) = &asked.site.script else { return tags::serve(&gateway, request).await };
    match asked.file {
        "s.js" => fixed(&request, || own_script(&request, script)),
        "pixel.gif" => fixed(&request, || StatusCode::NO_CONTENT.into_response()),
        "c" => fixed(&request, || unknown(&gateway, &asked.site, &request)),
        "a" => intake(&gateway, &asked.site, request).await,
        file if file == script.library => fixed(&request, library),
        _ => tags::serve(&gateway, request).await,
    }
}

fn asked<'a>(gateway: &Gateway, path: &'a str) -> Option<Asked<'a>> {
    let (folder, file) = path.rsplit_once('/')?;
    let site = gateway.sites().by_path(folder)?.clone();
    Some(Asked { site, file })
}

fn fixed(request: &Request, answer: impl FnOnce() -> Response) -> Response {
    if matches!(*request.method(), Method::GET | Method::HEAD) { answer() } else { wrong_method("GET") }
}

pub(super) fn wrong_method(allowed: &'static str) -> Response {
    let refusal =
        Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", format!("use {allowed}"));
    ([(header::ALLOW, allowed)], refusal).into_response()
}

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

/// Minutes, so that changed settings reach the pages; afterwards one short question a page view.
fn own_script(request: &Request, script: &Script) -> Response {
    let known = request.headers().get(header::IF_NONE_MATCH).and_then(|v| v.to_str().ok());
    let headers = [
        (header::CONTENT_TYPE, JAVASCRIPT),
        (header::CACHE_CONTROL, "public, max-age=300"),
        (header::ETAG, script.etag.as_str()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    if known.is_some_and(|tags| tags.split(',').any(|tag| tag.trim().trim_start_matches("W/") == script.etag))
    {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, Body::from(script.body.clone())).into_response()
}

/// For ever: another library has another name. Open to all origins, since integrity is only checked on such answers.
fn library() -> Response {
    let headers = [
        (header::CONTENT_TYPE, JAVASCRIPT),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, LIBRARY).into_response()
}

/// What the visitor's silence means where the visitor is. Nothing of it is kept, here or in the browser.
fn unknown(gateway: &Gateway, site: &SiteRuntime, request: &Request) -> Response {
    let peer = Peer::of(request.extensions(), request.headers(), &gateway.limits);
    let asks = |gate: &&Gate| gate.on_unknown == OnUnknown::ByRegion;
    let assumes =
        site.site.gates.0.iter().find(asks).is_some_and(|gate| gate.assumes(peer.region.as_deref()));
    let word = if assumes { "assume" } else { "wait" };
    let mut response = json_response(StatusCode::OK, &json!({ "unknown": word }));
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Asked without credentials, from pages of any of the shop's hosts.
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}

async fn intake(gateway: &Gateway, site: &SiteRuntime, request: Request) -> Response {
    let Some(source) = site.sources.get(browser::NAME) else { return Refusal::not_found().into_response() };
    let origin = request.headers().get(header::ORIGIN).cloned();
    let allowed = origin.filter(|origin| {
        origin.to_str().is_ok_and(|origin| source.pages().is_some_and(|pages| pages.allows(origin)))
    });
    let mut response = match *request.method() {
        Method::OPTIONS => preflight("POST"),
        Method::POST => {
            let result = take(gateway, site, source.as_ref(), request).await;
            counted(gateway, browser::NAME, result)
        }
        _ => wrong_method("POST"),
    };
    if let Some(origin) = allowed {
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    }
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("Origin"));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

pub(super) fn preflight(methods: &'static str) -> Response {
    let headers: [(HeaderName, &str); 3] = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, methods),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "content-type"),
        (header::ACCESS_CONTROL_MAX_AGE, "86400"),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

async fn take(
    gateway: &Gateway,
    site: &SiteRuntime,
    source: &dyn Source,
    request: Request,
) -> Result<Response, Refusal> {
    let peer = Peer::of(request.extensions(), request.headers(), &gateway.limits);
    let (rate, now_ms) = (gateway.limits.page_requests_per_second, gateway.clock.now_ms());
    if !gateway.callers.allow(&site.site.id, peer.ip.as_deref(), rate, now_ms) {
        let text = "too many requests from this address; the script sends again later";
        return Err(Refusal::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", text));
    }
    let (headers, body) = read(gateway, request, MAX_BODY.min(gateway.limits.max_body)).await?;
    let wire = tandem_sources::Request {
        headers: &headers,
        body: &body,
        method: "POST",
        path: "",
        query: "",
        client_ip: peer.ip.as_deref(),
        secure: peer.secure || by_https(&headers),
        region: peer.region.as_deref(),
        now_ms: gateway.clock.now_ms(),
    };
    source.authenticate(&wire).map_err(Refusal::unauthorised)?;
    if let Some((nonce, pages)) = probes::nonce(&body).zip(source.pages()) {
        let probe = Probe::of(nonce, &headers, &peer, wire.secure, &pages.settings);
        let answer = json_response(StatusCode::OK, &json!({ "visitor": null, "events": [] }));
        let answer = with_cookies(answer, &probe.set_cookies);
        gateway.probes.keep(probe);
        return Ok(answer);
    }
    let mut decoded = source.decode(&wire, &site.site);
    decoded.context = rule_context(site, &wire);
    let cookies = std::mem::take(&mut decoded.cookies);
    let visitor = decoded.visit.as_ref().map(|visit| visit.visitor.clone());
    let seen = Seen::of(&gateway.live, &site.site.id, &wire, wire.now_ms);
    if let Some(visitor) = &visitor {
        gateway.live.mark(&site.site.id, visitor, &body, gateway.clock.now_s());
    }
    let answers = keep(gateway, site, source, decoded, seen).await?;
    let events: Vec<_> = answers
        .iter()
        .map(|a| json!({ "status": a.status, "event_id": a.event_id, "code": a.code, "field": a.field }))
        .collect();
    let answer = json_response(StatusCode::OK, &json!({ "visitor": visitor, "events": events }));
    Ok(with_cookies(answer, &cookies))
}

pub(super) fn with_cookies(mut response: Response, cookies: &[String]) -> Response {
    for cookie in cookies.iter().filter_map(|cookie| HeaderValue::from_str(cookie).ok()) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// The page itself came by https, whatever the proxy forgot to say.
pub(super) fn by_https(headers: &HeaderMap) -> bool {
    headers.get(header::ORIGIN).is_some_and(|origin| origin.as_bytes().starts_with(b"https://"))
}
