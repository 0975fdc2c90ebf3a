//! Why did this event not count? A question, and the whole path to the answer.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use serde::Serialize;
use tandem_core::diagnose::{Diagnosis, StepState, Verdict};
use tandem_gateway::why;

use crate::asked::Asked;
use crate::session::Visitor;
use crate::{Inspector, format};

pub(crate) const ENTRY: crate::shell::Entry =
    crate::shell::Entry { path: "/why", name: "Why?", group: "Records" };

/// More events than this behind, and the page says so.
const MUCH_BEHIND: i64 = 1_000;

#[derive(Serialize)]
struct Page {
    q: String,
    site: String,
    sites: Vec<String>,
    answer: Option<Answer>,
    /// Events that the index does not have yet, if they are many.
    behind: Option<i64>,
}

/// A diagnosis as pages show it.
#[derive(Serialize)]
pub(crate) struct Answer {
    #[serde(flatten)]
    diagnosis: Diagnosis,
    verdict_words: &'static str,
    mood: &'static str,
    /// The code has a page of its own.
    has_page: bool,
    path: Vec<Part>,
    at: Vec<At>,
}

/// Steps of one destination, or of none.
#[derive(Serialize)]
struct Part {
    destination: Option<String>,
    steps: Vec<Shown>,
}

#[derive(Serialize)]
struct Shown {
    word: &'static str,
    mood: &'static str,
    at_ms: Option<i64>,
    text: String,
    link: Option<String>,
}

#[derive(Serialize)]
struct At {
    title: String,
    event: i64,
    words: &'static str,
    mood: &'static str,
    sentence: String,
}

pub(crate) fn mood(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Counted => "good",
        Verdict::CountedWeakly | Verdict::Waiting => "wait",
        Verdict::NotSent | Verdict::Unknown => "quiet",
        Verdict::Refused | Verdict::NotReceived => "bad",
    }
}

fn of_step(state: StepState) -> (&'static str, &'static str) {
    match state {
        StepState::Done => ("done", "good"),
        StepState::Problem => ("problem", "bad"),
        StepState::Skipped => ("left out", "quiet"),
        StepState::Open => ("open", "wait"),
    }
}

impl From<Diagnosis> for Answer {
    fn from(diagnosis: Diagnosis) -> Self {
        let mut path: Vec<Part> = Vec::new();
        for step in &diagnosis.steps {
            let (word, mood) = of_step(step.state);
            let (text, link) = (step.text.clone(), step.link.clone());
            let shown = Shown { word, mood, at_ms: step.at_ms, text, link };
            match path.last_mut() {
                Some(part) if part.destination == step.destination => part.steps.push(shown),
                _ => path.push(Part { destination: step.destination.clone(), steps: vec![shown] }),
            }
        }
        let at = |one: &tandem_core::diagnose::AtDestination| At {
            title: one.title.clone(),
            event: one.event,
            words: one.verdict.words(),
            mood: mood(one.verdict),
            sentence: one.sentence.clone(),
        };
        Self {
            verdict_words: diagnosis.verdict.words(),
            mood: mood(diagnosis.verdict),
            has_page: tandem_core::codes::find(&diagnosis.cause).is_some(),
            at: diagnosis.destinations.iter().map(at).collect(),
            path,
            diagnosis,
        }
    }
}

pub(crate) async fn page(
    State(inspector): State<Arc<Inspector>>,
    Extension(visitor): Extension<Visitor>,
    uri: Uri,
) -> Response {
    let asked = match Asked::read_ids(&uri, &["q", "site"]) {
        Ok(asked) => asked,
        Err(text) => return inspector.shell.unclear(&visitor, &text),
    };
    let (q, site) = (asked.get("q").to_owned(), asked.get("site").to_owned());
    let gateway = inspector.gateway.clone();
    let (question, of_site) = (q.trim().to_owned(), site.clone());
    let read = tokio::task::spawn_blocking(move || {
        let site = Some(of_site.as_str()).filter(|site| !site.is_empty());
        let asked = Some(question).filter(|question| !question.is_empty());
        asked.map(|question| why::ask(&gateway, &question, site)).transpose()
    });
    let Ok(Ok(found)) = read.await else { return no_answer(&inspector, &visitor) };
    let mut sites: Vec<String> = inspector.gateway.sites().iter().map(|site| site.site.id.clone()).collect();
    sites.sort_unstable();
    let behind = Some(inspector.gateway.store.insight_behind()).filter(|behind| *behind > MUCH_BEHIND);
    let page = Page { q, site, sites, answer: found.map(Answer::from), behind };
    inspector.shell.page(Some(&visitor), StatusCode::OK, "why.html", "Why?", &page)
}

pub(crate) fn no_answer(inspector: &Inspector, visitor: &Visitor) -> Response {
    let text = "The store does not answer. The log says why.";
    inspector.shell.problem(Some(visitor), StatusCode::SERVICE_UNAVAILABLE, "No answer", text)
}

/// The address of the page that answers for this id.
pub(crate) fn address(question: &str, site: &str) -> String {
    format!("/why?q={}&site={}", format::in_address(question), format::in_address(site))
}
