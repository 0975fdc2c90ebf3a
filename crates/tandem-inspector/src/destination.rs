//! One destination: what became of events there, what its codes mean, and the buttons: pause, resume, try again, test.

use std::sync::Arc;

use axum::Extension;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Serialize;
use tandem_core::codes;
use tandem_destinations::Definition;
use tandem_gateway::Lane;
use tandem_gateway::private::pausing_name;
use tandem_gateway::trial;
use tandem_store::insight::lanes::{FailedCall, LaneFigures, Sample, Waiting};
use tandem_store::{LaneId, StoreError};

use crate::asked::Asked;
use crate::destinations::{self, Line, Two};
use crate::form::Form;
use crate::session::Visitor;
use crate::{Inspector, format};

/// Newest events shown with each code.
const SAMPLES: u32 = 3;

/// Nearer to its end than this, a waiting event is worth a warning.
const NEAR_MS: i64 = 24 * 3_600_000;

/// Characters of a message shown in a list.
const MAX_MESSAGE: usize = 240;

/// Longest code of a platform's test tab.
const MAX_TEST_CODE: usize = 100;

/// What a button did; the address carries the word, and no text of anybody's.
const DONE: &[(&str, &str)] = &[
    ("paused", "Paused. Calls under way may end; nothing else is sent until somebody resumes it."),
    ("resumed", "Resumed. What waits is sent now."),
    ("tried", "It tries one event at once. If the platform takes it, the rest follows."),
];

#[derive(Serialize)]
struct Page {
    line: Line,
    is_set_up: bool,
    paused: bool,
    stopped: bool,
    done: Option<&'static str>,
    horizon: Option<Horizon>,
    outcomes: Vec<Outcome>,
    calls: Vec<Call>,
    late: i64,
    /// How to get a code for a test event; nothing where there is no such thing.
    test: Option<&'static str>,
    tested: Option<Tested>,
}

/// What a test event told.
#[derive(Serialize)]
struct Tested {
    mood: &'static str,
    what: String,
    remedy: String,
}

/// When the oldest waiting event cannot be sent any more.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Horizon {
    is_near: bool,
    event_seq: i64,
    /// Nothing when it is over.
    left: Option<String>,
    /// What becomes of it then.
    end: &'static str,
}

/// A state with its code, its explanation and its newest events.
#[derive(Serialize)]
struct Outcome {
    state: &'static str,
    code: String,
    count: Two,
    what: String,
    samples: Vec<Sample>,
}

/// Calls of one kind.
#[derive(Serialize)]
struct Call {
    verdict: String,
    /// The platform's own; nothing where it gave none.
    code: Option<i64>,
    meaning: &'static str,
    count: Two,
    events: i64,
    latency_ms: i64,
    longest_ms: i64,
    last: Option<FailedCall>,
}

pub(crate) async fn page(
    State(inspector): State<Arc<Inspector>>,
    Extension(visitor): Extension<Visitor>,
    lane: Result<Path<String>, PathRejection>,
    uri: Uri,
) -> Response {
    let Ok(Path(lane)) = lane else { return missing(&inspector, &visitor) };
    let asked = match Asked::read(&uri, &["done"]) {
        Ok(asked) => asked,
        Err(text) => return inspector.shell.unclear(&visitor, &text),
    };
    let done = DONE.iter().find(|(word, _)| *word == asked.get("done")).map(|(_, text)| *text);
    show(&inspector, &visitor, &lane, done, None).await
}

async fn show(
    inspector: &Arc<Inspector>,
    visitor: &Visitor,
    lane: &str,
    done: Option<&'static str>,
    tested: Option<Tested>,
) -> Response {
    let Ok(id) = lane.parse().map(LaneId) else { return missing(inspector, visitor) };
    let now_ms = inspector.gateway.clock.now_ms();
    let read = crate::read(inspector, move |store| {
        let Some(counts) = store.lanes()?.into_iter().find(|lane| lane.lane == id) else { return Ok(None) };
        let figures = store.lane_figures(now_ms)?.remove(&id).unwrap_or_default();
        let mut samples = Vec::new();
        for count in figures.states.iter().filter(|count| count.state != "delivered") {
            samples.push(store.lane_samples(id, count.state, &count.code, SAMPLES)?);
        }
        Ok::<_, StoreError>(Some((counts, figures, samples, store.lane_failed_calls(id)?)))
    })
    .await;
    let Some(read) = read else { return inspector.shell.no_answer(visitor) };
    let Some((counts, figures, samples, failed)) = read else { return missing(inspector, visitor) };
    let set_up = inspector.gateway.lane(id);
    let line = destinations::line(inspector, &counts, &figures, now_ms);
    let definition = set_up.as_ref().map(|lane| lane.destination.definition());
    let page = Page {
        is_set_up: set_up.is_some(),
        paused: counts.paused.is_some(),
        stopped: counts.stopped.is_some(),
        done,
        horizon: definition
            .zip(figures.oldest.as_ref())
            .map(|(definition, oldest)| horizon(definition, oldest, now_ms)),
        outcomes: outcomes(&figures, samples),
        late: figures.calls.iter().map(|call| call.late_events).sum(),
        calls: calls(set_up.as_ref(), figures, &failed),
        test: set_up.as_ref().and_then(|lane| lane.destination.aid().test_code),
        tested,
        line,
    };
    let title = format!("{} of {}", page.line.title, page.line.site);
    let name = "destination.html";
    inspector.shell.page_below(destinations::ENTRY.path, Some(visitor), StatusCode::OK, name, &title, &page)
}

fn missing(inspector: &Inspector, visitor: &Visitor) -> Response {
    let text = "No destination has this number. The list of destinations has those that are.";
    inspector.shell.problem(Some(visitor), StatusCode::NOT_FOUND, "Not found", text)
}

fn outcomes(figures: &LaneFigures, samples: Vec<Vec<Sample>>) -> Vec<Outcome> {
    let mut samples = samples.into_iter();
    let of = |count: &tandem_store::insight::lanes::StateCount| {
        let samples = if count.state == "delivered" { None } else { samples.next() };
        let short = |sample: Sample| Sample { message: shortened(&sample.message), ..sample };
        let samples: Vec<Sample> = samples.unwrap_or_default().into_iter().map(short).collect();
        Outcome {
            state: count.state,
            code: count.code.clone(),
            count: Two { day: count.day, week: count.week },
            what: explained(count.state, &count.code),
            samples,
        }
    };
    figures.states.iter().map(of).collect()
}

/// The beginning of what is on record; the event's own page has all of it.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_MESSAGE) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// What a code of ours means, in one sentence.
fn explained(state: &str, code: &str) -> String {
    let kind = if state == "skipped" { codes::Kind::Skip } else { codes::Kind::Delivery };
    let found = codes::find_as(kind, code).or_else(|| codes::find(code));
    found.map_or_else(String::new, |code| code.what.replace('`', ""))
}

fn calls(lane: Option<&Lane>, figures: LaneFigures, failed: &[FailedCall]) -> Vec<Call> {
    let of = |count: tandem_store::insight::lanes::CallCount| {
        let code = Some(count.code).filter(|code| *code != -1);
        Call {
            meaning: code
                .zip(lane)
                .and_then(|(code, lane)| lane.destination.meaning(code))
                .unwrap_or_default(),
            count: Two { day: count.day, week: count.week },
            events: count.events,
            latency_ms: if count.week > 0 { count.latency_ms_sum / count.week } else { 0 },
            longest_ms: count.latency_ms_max,
            last: failed
                .iter()
                .find(|call| (&call.verdict, call.code) == (&count.verdict, count.code))
                .map(|call| FailedCall { message: shortened(&call.message), ..call.clone() }),
            verdict: count.verdict,
            code,
        }
    };
    figures.calls.into_iter().map(of).collect()
}

/// When the oldest waiting event ends: too old for the platform before its first attempt, past the horizon for retries
/// after it.
fn horizon(definition: &Definition, oldest: &Waiting, now_ms: i64) -> Horizon {
    let too_old_ms = oldest.event_time.saturating_add(definition.max_age_s).saturating_mul(1_000);
    let given_up_ms = oldest.first_attempt_ms.map(|first| first.saturating_add(definition.retry_horizon_ms));
    let (end_ms, end) = match given_up_ms {
        Some(given_up_ms) if given_up_ms < too_old_ms => (given_up_ms, "given up if one more attempt fails"),
        _ => (too_old_ms, "too old for the platform, and not sent"),
    };
    let left_ms = end_ms - now_ms;
    Horizon {
        is_near: left_ms < NEAR_MS,
        event_seq: oldest.event_seq,
        left: (left_ms > 0).then(|| format::span(left_ms)),
        end,
    }
}

/// A button was pressed.
pub(crate) async fn act(
    State(inspector): State<Arc<Inspector>>,
    Extension(visitor): Extension<Visitor>,
    path: Result<Path<(String, String)>, PathRejection>,
    request: Request,
) -> Response {
    let Ok(Path((lane, action))) = path else { return missing(&inspector, &visitor) };
    let form = match Form::read(&inspector, &visitor, request).await {
        Ok(form) => form,
        Err(answer) => return answer,
    };
    let Some(set_up) = lane.parse().ok().and_then(|id| inspector.gateway.lane(LaneId(id))) else {
        return missing(&inspector, &visitor);
    };
    let (gateway, id) = (&inspector.gateway, set_up.id);
    let (done, result) = match action.as_str() {
        "pause" => {
            let by = pausing_name(form.get("by")).unwrap_or_else(|| "somebody on this page".to_owned());
            ("paused", gateway.pause(id, by).await)
        }
        "resume" => ("resumed", gateway.resume(id).await),
        "retry" => ("tried", Some(gateway.store.set_stop(id, None).await)),
        "test" => {
            let tested = test(&inspector, &set_up, form.get("code")).await;
            return show(&inspector, &visitor, &lane, None, Some(tested)).await;
        }
        _ => return inspector.shell.unclear(&visitor, "There is no such button."),
    };
    match result {
        Some(Ok(())) => Redirect::to(&format!("/destinations/{}?done={done}", id.0)).into_response(),
        Some(Err(error)) => {
            tracing::error!(%error, "a button of the page on a destination");
            inspector.shell.no_answer(&visitor)
        }
        None => missing(&inspector, &visitor),
    }
}

async fn test(inspector: &Inspector, lane: &Lane, code: &str) -> Tested {
    let is_code =
        !code.is_empty() && code.len() <= MAX_TEST_CODE && code.bytes().all(|b| b.is_ascii_graphic());
    if !is_code {
        let what = "Enter the code that the platform's test tab shows.".to_owned();
        return Tested { mood: "wait", what, remedy: String::new() };
    }
    let mut nonce = [0; 8];
    if getrandom::fill(&mut nonce).is_err() {
        let what = "The system gives no random bytes; see the log.".to_owned();
        return Tested { mood: "bad", what, remedy: String::new() };
    }
    let now_s = inspector.gateway.clock.now_s();
    let mut event = trial::event(&lane.site, "inspector", &hex::encode(nonce), now_s);
    // Platforms ask for the page of a web event.
    let site = inspector.gateway.site(&lane.site);
    let host = site.and_then(|site| {
        site.sources.values().find_map(|s| s.pages().and_then(|pages| pages.settings.hosts.first().cloned()))
    });
    event.page.url = host.map(|host| format!("https://{host}/"));
    let transport = inspector.about.transport.as_ref();
    let told = trial::send(lane.destination.as_ref(), transport, &event, code).await;
    let mood = match told.result {
        trial::Result::Taken => "good",
        trial::Result::Doubtful | trial::Result::Impossible => "wait",
        trial::Result::Refused => "bad",
    };
    let what = told.what.trim_end_matches('.').to_owned() + ".";
    Tested { mood, what, remedy: told.remedy }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: i64 = 86_400_000;

    fn waiting(event_time: i64, first_attempt_ms: Option<i64>) -> Waiting {
        Waiting { event_seq: 7, received_ms: 1, event_time, due_ms: 0, attempts: 0, first_attempt_ms }
    }

    #[test]
    fn the_nearer_end_counts() {
        let definition = tandem_destinations::platform("tiktok").unwrap().definition;
        let fresh = horizon(definition, &waiting(0, None), DAY_MS);
        assert_eq!((fresh.is_near, fresh.left.as_deref()), (false, Some("6 d")));
        assert_eq!(horizon(definition, &waiting(0, None), 8 * DAY_MS).left, None);
        let tried = horizon(definition, &waiting(0, Some(0)), DAY_MS);
        assert!(tried.is_near && tried.end.starts_with("given up"), "{tried:?}");
    }

    #[test]
    fn our_codes_are_explained() {
        assert!(explained("skipped", "duplicate").contains("came in before"));
        assert!(!explained("rejected", "platform_rejected").contains('`'));
        assert_eq!(explained("skipped", "no_such_code"), "");
    }
}
