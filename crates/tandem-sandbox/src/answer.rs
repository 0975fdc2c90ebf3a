//! Answers as HTTP, whatever the platform says in them.

use axum::{body::Body, response::Response};
use http::{HeaderValue, StatusCode, header};

/// What a platform answers to a server request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    /// The platform's return code, where it has one.
    pub(crate) code: Option<u32>,
    /// The platform's words.
    pub(crate) message: String,
    pub(crate) content_type: &'static str,
    pub(crate) text: String,
}

impl Reply {
    /// A status alone.
    pub(crate) fn bare(status: StatusCode) -> Reply {
        Reply { status, code: None, message: String::new(), content_type: TEXT, text: String::new() }
    }
}

/// A response with this text.
pub(crate) fn respond(status: StatusCode, content_type: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// Pages fetch and post across origins.
pub(crate) fn open(mut response: Response) -> Response {
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}

/// A status out of a plan or a table; 500 if it is none.
pub(crate) fn status(number: u16) -> StatusCode {
    StatusCode::from_u16(number).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// The body was larger than anybody reads.
pub(crate) fn too_large() -> Response {
    respond(StatusCode::PAYLOAD_TOO_LARGE, TEXT, "413 request entity too large")
}

pub(crate) const JSON: &str = "application/json";
pub(crate) const HTML: &str = "text/html; charset=utf-8";
pub(crate) const SCRIPT: &str = "text/javascript; charset=utf-8";
pub(crate) const TEXT: &str = "text/plain; charset=utf-8";

/// What a proxy in front of the API might say.
pub(crate) const GATEWAY_PAGE: &str = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n\
     <center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n";
/// What a captive portal or a misled name server might say.
pub(crate) const PORTAL_PAGE: &str =
    "<!doctype html><html><head><title>Welcome</title></head><body>Please log in.</body></html>";
