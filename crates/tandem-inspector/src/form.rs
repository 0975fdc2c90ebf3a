//! Forms that change something: only those that a page of the session sent.

use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::Response;

use crate::Inspector;
use crate::session::Visitor;

/// Bytes of a form.
const MAX_FORM: usize = 64 << 10;

/// The fields of a form.
#[derive(Debug, Default)]
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    /// The value of a field, trimmed, or nothing.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.trim())
    }
}

/// Reads a form and makes sure where it comes from. A program that sends the token needs no key: no page can make it
/// do that.
pub(crate) async fn sent(
    inspector: &Inspector,
    visitor: &Visitor,
    request: Request,
) -> Result<Form, Box<Response>> {
    let body = to_bytes(request.into_body(), MAX_FORM).await.unwrap_or_default();
    let form = Form(url::form_urlencoded::parse(&body).into_owned().collect());
    match visitor {
        Visitor::Person(session) if !inspector.sessions.sent_by(session, form.get("form_key")) => {
            let text =
                "This did not come from a page of your session. Go back, reload the page and try again.";
            let refused = inspector.shell.problem(Some(visitor), StatusCode::FORBIDDEN, "Not done", text);
            Err(Box::new(refused))
        }
        _ => Ok(form),
    }
}
