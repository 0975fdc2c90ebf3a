//! Sending an event again, from its page.

use std::sync::Arc;

use axum::body::to_bytes;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use tandem_core::diagnose::State as DeliveryState;
use tandem_store::{LaneId, Replay};

use crate::Inspector;
use crate::session::Visitor;
use crate::why::no_answer;

/// Bytes of a form.
const MAX_FORM: usize = 8 << 10;

#[derive(Default)]
struct Form {
    form_key: String,
    destination: String,
    /// The newest delivery that the page showed.
    delivery: Option<i64>,
    /// The box about counting again is ticked.
    is_confirmed: bool,
}

/// What is said after a form; by its word in the address, so that nobody can put words there.
pub(super) fn words(said: &str) -> Option<(&'static str, &'static str)> {
    Some(match said {
        "sent" => ("good", "It is in the queue again, under the same id, and goes out now."),
        "nothing" => ("wait", "Nothing was done: it waits already, or what became of it cannot be repeated."),
        "confirm" => (
            "wait",
            "Nothing was done: the platform has this event. Tick the box if it is to be sent again all the same.",
        ),
        "older" => (
            "wait",
            "Nothing was done: it was sent since that page was made. This is how it stands now; send it again from here if it must be.",
        ),
        "destination" => ("bad", "Nothing was done: the event has no such destination."),
        _ => return None,
    })
}

async fn form(request: Request) -> Form {
    let body = to_bytes(request.into_body(), MAX_FORM).await.unwrap_or_default();
    let mut form = Form::default();
    for (name, value) in url::form_urlencoded::parse(&body) {
        match &*name {
            "form_key" => form.form_key = value.into_owned(),
            "destination" => form.destination = value.into_owned(),
            "delivery" => form.delivery = value.parse().ok(),
            "count_again" => form.is_confirmed = value == "yes",
            _ => {}
        }
    }
    form
}

/// Only a form of the session's own pages sends anything.
pub(crate) async fn send(
    State(inspector): State<Arc<Inspector>>,
    seq: Result<Path<i64>, PathRejection>,
    request: Request,
) -> Response {
    let Some(visitor) = request.extensions().get::<Visitor>().cloned() else {
        return Redirect::to("/login").into_response();
    };
    let form = form(request).await;
    // A program shows the token itself, which no other page can make it do.
    let is_own = match &visitor {
        Visitor::Person(session) => inspector.sessions.sent_by(session, &form.form_key),
        Visitor::Program => true,
    };
    if !is_own {
        let text = "This did not come from a page of your session. Go back, reload the page and try again.";
        return inspector.shell.problem(Some(&visitor), StatusCode::FORBIDDEN, "Not done", text);
    }
    let Ok(Path(seq)) = seq else { return Redirect::to("/events").into_response() };
    match replay(&inspector, seq, &form).await {
        Some(said) => Redirect::to(&format!("/events/{seq}?said={said}")).into_response(),
        None => no_answer(&inspector, &visitor),
    }
}

/// What to say; `None` when the store does not answer.
async fn replay(inspector: &Inspector, seq: i64, form: &Form) -> Option<&'static str> {
    // One after the other: of a button that was pressed twice, the second press finds what the first one did.
    let _turn = inspector.sending.lock().await;
    let store = inspector.gateway.store.clone();
    let story = tokio::task::spawn_blocking(move || store.story_of(seq)).await.ok()?.ok()?;
    let record = story.and_then(|story| story.events.into_iter().find(|record| record.seq == seq));
    let of_destination =
        |delivery: &&tandem_core::diagnose::Delivery| delivery.destination == form.destination;
    let deliveries: Vec<_> =
        record.iter().flat_map(|record| &record.deliveries).filter(of_destination).collect();
    let Some(lane) = deliveries.first().map(|delivery| delivery.lane) else { return Some("destination") };
    let was_delivered = deliveries.iter().any(|delivery| delivery.state == DeliveryState::Delivered);
    if was_delivered && !form.is_confirmed {
        return Some("confirm");
    }
    // Going back and pressing it once more is no wish to have it counted once more.
    if was_delivered && form.delivery != deliveries.iter().map(|delivery| delivery.seq).max() {
        return Some("older");
    }
    let replay = Replay {
        event_seq: Some(seq),
        lanes: vec![LaneId(lane)],
        delivered_too: was_delivered,
        ..Replay::default()
    };
    let made = inspector.gateway.store.replay(replay, inspector.gateway.clock.now_ms()).await.ok()?;
    Some(if made > 0 { "sent" } else { "nothing" })
}
