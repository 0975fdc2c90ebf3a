//! How a request is taken, recorded and answered. On hyper itself, since a handler of axum cannot drop a connection.

use std::io;
use std::sync::Arc;

use axum::body::Body;
use axum::http::uri::{Authority, Scheme};
use axum::http::{HeaderValue, Request, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::{Origin, Outcome, Route, Seen};

/// Takes connections until the runtime ends.
pub(super) async fn accept(listener: TcpListener, origin: Origin) {
    let tls = origin.url.starts_with("https:").then(tls);
    while let Ok((stream, _)) = listener.accept().await {
        let (tls, origin) = (tls.clone(), origin.clone());
        tokio::spawn(async move {
            match tls {
                None => connection(stream, origin).await,
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        connection(stream, origin).await;
                    }
                }
            }
        });
    }
}

fn tls() -> TlsAcceptor {
    let pem = include_bytes!("localhost.pem");
    let certificate = CertificateDer::from_pem_slice(pem).expect("the certificate");
    let key = PrivateKeyDer::from_pem_slice(pem).expect("its key");
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|config| config.with_no_client_auth().with_single_cert(vec![certificate], key));
    TlsAcceptor::from(Arc::new(config.expect("a configuration for TLS")))
}

async fn connection(stream: impl AsyncRead + AsyncWrite + Unpin, origin: Origin) {
    let service = service_fn(|request| answer(&origin, request));
    // Ends with an error when a request is blocked, and when the browser goes away: both are meant.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// An error drops the connection without an answer.
async fn answer(origin: &Origin, request: Request<Incoming>) -> io::Result<Response> {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(Body::new(body), usize::MAX).await.map_err(io::Error::other)?;
    let seen = Seen::new(origin.url.clone(), &head, body.clone());
    let number = {
        let mut all = origin.record.all();
        all.push(seen.clone());
        all.len() - 1
    };
    let answer = match origin.route_of(&seen.path) {
        None => Some(StatusCode::NOT_FOUND.into_response()),
        Some(Route::Block) => None,
        Some(Route::Handler(handler)) => {
            let answer = tokio::task::spawn_blocking(move || handler(&seen)).await;
            // The panic of a handler is on standard error already.
            Some(answer.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response()))
        }
        Some(Route::Forward(upstream, shopper, more)) => {
            let mut request = Request::from_parts(head, Body::from(body));
            let mut parts = std::mem::take(request.uri_mut()).into_parts();
            parts.scheme = Some(Scheme::HTTP);
            parts.authority = Some(Authority::try_from(upstream.to_string()).expect("an address"));
            *request.uri_mut() = Uri::from_parts(parts).expect("an address");
            let scheme =
                HeaderValue::from_static(if origin.url.starts_with("https:") { "https" } else { "http" });
            request.headers_mut().insert("x-forwarded-for", shopper.parse().expect("an address"));
            request.headers_mut().insert("x-forwarded-proto", scheme);
            for (name, value) in more {
                request.headers_mut().insert(name, HeaderValue::from_static(value));
            }
            let client = Client::builder(TokioExecutor::new()).build_http::<Body>();
            Some(match client.request(request).await {
                Ok(answer) => answer.map(Body::new),
                Err(e) => (StatusCode::BAD_GATEWAY, e.to_string()).into_response(),
            })
        }
    };
    origin.record.all()[number].outcome = match &answer {
        Some(answer) => Outcome::Answered(answer.status(), answer.headers().clone()),
        None => Outcome::Blocked,
    };
    answer.ok_or_else(|| io::ErrorKind::ConnectionReset.into())
}
