//! What tags of other makers send: found by what a request looks like, since their addresses are not ours to choose.

use std::sync::Arc;

use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::HeaderMap;
use tandem_sources::unclaimed::Unclaimed;
use tandem_sources::{AuthError, Reply, Source};

use super::pages::{by_https, preflight, with_cookies};
use super::peer::Peer;
use super::{Refusal, counted, keep, read_any, rule_context};
use crate::live::Seen;
use crate::{Gateway, SiteRuntime};

/// A request's parts that say whose it is.
struct Asked {
    method: Method,
    path: String,
    query: String,
    peer: Peer,
}

impl Asked {
    fn of(gateway: &Gateway, request: &Request) -> Self {
        Self {
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            query: request.uri().query().unwrap_or_default().to_owned(),
            peer: Peer::of(request.extensions(), request.headers(), &gateway.limits),
        }
    }

    fn wire<'a>(
        &'a self,
        headers: &'a HeaderMap,
        body: &'a [u8],
        now_ms: i64,
    ) -> tandem_sources::Request<'a> {
        tandem_sources::Request {
            headers,
            body,
            method: self.method.as_str(),
            path: &self.path,
            query: &self.query,
            client_ip: self.peer.ip.as_deref(),
            secure: self.peer.secure || by_https(headers),
            region: self.peer.region.as_deref(),
            now_ms,
        }
    }
}

/// The site whose tag this is, and the tag's source.
fn claimant(
    gateway: &Gateway,
    wire: &tandem_sources::Request<'_>,
) -> Option<(Arc<SiteRuntime>, &'static str)> {
    gateway.sites().iter().find_map(|site| {
        let claims = |source: &dyn Source| source.tag().is_some_and(|tag| tag.claims(wire));
        let source = site.sources.values().find(|source| claims(source.as_ref()))?;
        Some((site.clone(), source.name()))
    })
}

/// Everything that has no address of its own here: a tag's request, or nobody's.
pub(super) async fn serve(gateway: &Gateway, request: Request) -> Response {
    let asked = Asked::of(gateway, &request);
    let headers = request.headers().clone();
    let wire = asked.wire(&headers, b"", gateway.clock.now_ms());
    let Some((site, name)) = claimant(gateway, &wire) else {
        gateway.unclaimed_as_it_looks(&wire).await;
        let is_tag = |site: &Arc<SiteRuntime>| {
            site.sources.values().any(|source| source.tag().is_some_and(|tag| tag.knows(&wire)))
        };
        // A page's console should not fill with errors because of one mark that is missing here.
        let quiet = gateway.sites().iter().any(is_tag) && asked.method != Method::OPTIONS;
        return if quiet {
            StatusCode::NO_CONTENT.into_response()
        } else {
            Refusal::not_found().into_response()
        };
    };
    let Some(source) = site.source(name) else { return Refusal::not_found().into_response() };
    let origin = headers.get(header::ORIGIN).cloned();
    let allowed = origin.filter(|origin| {
        origin.to_str().is_ok_and(|origin| source.tag().is_some_and(|tag| tag.allows(origin)))
    });
    let mut response = match asked.method {
        Method::OPTIONS => preflight("GET, POST"),
        Method::GET | Method::POST => {
            let result = take(gateway, &site, source, &asked, request).await;
            counted(gateway, name, result)
        }
        _ => super::pages::wrong_method("GET, POST"),
    };
    let headers = response.headers_mut();
    if let Some(origin) = allowed {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    }
    headers.insert(header::VARY, HeaderValue::from_static("Origin"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A webhook or plugin of a shop that is none of ours.
pub(super) fn of_no_shop<'g>(
    gateway: &'g Gateway,
    request: &Request,
) -> impl Future<Output = ()> + Send + use<'g> {
    // A body that is still to come cannot be held across the wait.
    let (asked, headers) = (Asked::of(gateway, request), request.headers().clone());
    async move {
        let message = "a webhook or plugin of WooCommerce for a site that is not configured, or takes no such orders. \
                       Compare the last part of the path with the site's id";
        let why = Unclaimed { code: "unknown_site", message: message.to_owned() };
        gateway.unclaimed(&asked.wire(&headers, b"", gateway.clock.now_ms()), None, why).await;
    }
}

async fn take(
    gateway: &Gateway,
    site: &SiteRuntime,
    source: &dyn Source,
    asked: &Asked,
    request: Request,
) -> Result<Response, Refusal> {
    let (rate, now_ms) = (gateway.limits.page_requests_per_second, gateway.clock.now_ms());
    // A server sends for all its visitors from one address, and says who it is.
    let head = asked.wire(request.headers(), b"", now_ms);
    let is_server =
        source.tag().is_some_and(|tag| tag.is_from_server(&head)) && source.authenticate(&head).is_ok();
    if !is_server && !gateway.callers.allow(&site.site.id, asked.peer.ip.as_deref(), rate, now_ms) {
        let text = "too many requests from this address; send again later";
        return Err(Refusal::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", text));
    }
    let (headers, body) = if asked.method == Method::GET {
        (request.into_parts().0.headers, Bytes::new())
    } else {
        read_any(gateway, request, gateway.limits.max_body).await?
    };
    let wire = asked.wire(&headers, &body, now_ms);
    if let Err(error) = source.authenticate(&wire) {
        let code = match error {
            AuthError::Origin(_) => "origin_not_allowed",
            AuthError::Missing(_) => "credentials_missing",
            AuthError::Wrong(_) => "credentials_wrong",
        };
        let why = Unclaimed { code, message: format!("a request for {}: {error}", source.name()) };
        gateway.unclaimed(&wire, Some(&site.site.id), why).await;
        return Err(Refusal::unauthorised(error));
    }
    let mut decoded = source.decode(&wire, &site.site);
    let cookies = std::mem::take(&mut decoded.cookies);
    let reply = decoded.reply.take().unwrap_or_default();
    if !decoded.parts.is_empty() || decoded.visit.is_some() {
        decoded.context = rule_context(site, &wire);
        let seen = Seen::of(&gateway.live, &site.site.id, &wire, now_ms);
        keep(gateway, site, source, decoded, seen).await?;
    }
    Ok(with_cookies(answer(reply), &cookies))
}

fn answer(reply: Reply) -> Response {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::NO_CONTENT);
    if reply.content_type.is_empty() {
        return status.into_response();
    }
    (status, [(header::CONTENT_TYPE, reply.content_type)], reply.body).into_response()
}
