//! What a form of our own pages sends.

use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::Response;

use crate::Inspector;
use crate::session::Visitor;

/// Bytes of a form.
const MAX_FORM: usize = 64 << 10;

/// The fields, once it is sure that a page of the visitor's session sent them.
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    /// Reads it. What did not come from a page of the session comes back as the answer to give: otherwise any page that a
    /// person has open could press our buttons. A program that sends the token is no page.
    pub(crate) async fn read(
        inspector: &Inspector,
        visitor: &Visitor,
        request: Request,
    ) -> Result<Self, Response> {
        let body = to_bytes(request.into_body(), MAX_FORM).await;
        let Ok(body) = body else { return Err(inspector.shell.unclear(visitor, "The form is too large.")) };
        let form = Self(url::form_urlencoded::parse(&body).into_owned().collect());
        match visitor {
            Visitor::Person(session) if !inspector.sessions.sent_by(session, form.get("form_key")) => {
                let text =
                    "This did not come from a page of your session. Go back, reload the page and try again.";
                Err(inspector.shell.problem(Some(visitor), StatusCode::FORBIDDEN, "Not done", text))
            }
            _ => Ok(form),
        }
    }

    /// The value, without blanks around it, or nothing.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.trim())
    }
}
