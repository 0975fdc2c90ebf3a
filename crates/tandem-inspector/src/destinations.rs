//! Every destination of every site, and how it stands.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use serde::Serialize;
use tandem_store::embedded::LaneCounts;
use tandem_store::insight::lanes::LaneFigures;

use crate::asked::Asked;
use crate::period::Scope;
use crate::session::Visitor;
use crate::shell::Entry;
use crate::{Inspector, format};

pub(crate) const ENTRY: Entry = Entry { path: "/destinations", name: "Destinations", group: "Set-up" };

/// Later than this, and something is wrong with the destination.
const LATE_MS: i64 = 60_000;

/// How a destination stands, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Standing {
    /// `running`, `late`, `paused`, `stopped` or `not set up`.
    pub(crate) word: &'static str,
    /// Why, in a sentence; empty when it runs.
    pub(crate) why: String,
    /// Since when, Unix milliseconds.
    pub(crate) since_ms: Option<i64>,
}

/// The 24 hours and 7 days of one figure.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Two {
    pub(crate) day: i64,
    pub(crate) week: i64,
}

/// Figures of one destination that list and page share.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Line {
    pub(crate) lane: u32,
    pub(crate) site: String,
    pub(crate) name: String,
    /// For people.
    pub(crate) title: String,
    pub(crate) standing: Standing,
    pub(crate) waiting: i64,
    /// How long ago the oldest waiting event came in.
    pub(crate) oldest: Option<String>,
    /// When the next attempt is due: `due in 4 s`.
    pub(crate) next: Option<String>,
    pub(crate) delivered: Two,
    pub(crate) rejected: Two,
    pub(crate) skipped: Two,
    pub(crate) expired: Two,
    pub(crate) calls: Two,
    /// Average and longest latency of the last 7 days, in milliseconds.
    pub(crate) latency_ms: Option<(i64, i64)>,
}

#[derive(Serialize)]
struct Page {
    scope: Scope,
    answer: (&'static str, String),
    lines: Vec<Line>,
}

pub(crate) async fn page(
    State(inspector): State<Arc<Inspector>>,
    Extension(visitor): Extension<Visitor>,
    uri: Uri,
) -> Response {
    let scope =
        Asked::read(&uri, &["site"]).and_then(|asked| Scope::read(&inspector, ENTRY.path, &asked, "7d"));
    let scope = match scope {
        Ok(scope) => scope,
        Err(text) => return inspector.shell.unclear(&visitor, &text),
    };
    let now_ms = inspector.gateway.clock.now_ms();
    let read = crate::read(&inspector, move |store| Ok((store.lanes()?, store.lane_figures(now_ms)?))).await;
    let Some((lanes, figures)) = read else { return inspector.shell.no_answer(&visitor) };
    let wanted = lanes.iter().filter(|lane| scope.site.is_empty() || lane.site == scope.site);
    let lines: Vec<Line> = wanted
        .map(|lane| line(&inspector, lane, &figures.get(&lane.lane).cloned().unwrap_or_default(), now_ms))
        .filter(|line| line.standing.word != "not set up" || line.waiting > 0)
        .collect();
    let page = Page { answer: answer(&lines), scope, lines };
    inspector.shell.page(Some(&visitor), StatusCode::OK, "destinations.html", ENTRY.name, &page)
}

/// One sentence for all of them.
fn answer(lines: &[Line]) -> (&'static str, String) {
    let of = |word: &str| lines.iter().filter(|line| line.standing.word == word).count();
    let (stopped, paused, late) = (of("stopped"), of("paused"), of("late"));
    let are = |n: usize, word: &str| match n {
        1 => format!("1 destination is {word}"),
        n => format!("{n} destinations are {word}"),
    };
    match () {
        () if lines.is_empty() => {
            ("", "No destination is set up: events are kept and go nowhere.".to_owned())
        }
        () if stopped > 0 => {
            ("bad", format!("{}: events wait until somebody mends it.", are(stopped, "stopped")))
        }
        () if paused > 0 => {
            ("wait", format!("{}: events wait until somebody resumes it.", are(paused, "paused")))
        }
        () if late > 0 => ("wait", format!("{}. The calls below say why.", are(late, "late"))),
        () => ("good", "Every destination takes events.".to_owned()),
    }
}

/// Figures of a lane.
pub(crate) fn line(inspector: &Inspector, lane: &LaneCounts, figures: &LaneFigures, now_ms: i64) -> Line {
    let set_up = inspector.gateway.lane(lane.lane);
    let definition = set_up.as_ref().map(|lane| lane.destination.definition());
    let known = definition.or_else(|| tandem_destinations::platform(&lane.destination).map(|p| p.definition));
    let state = |name: &str| {
        let all = figures.states.iter().filter(|count| count.state == name);
        all.fold(Two::default(), |sum, n| Two { day: sum.day + n.day, week: sum.week + n.week })
    };
    let calls = figures
        .calls
        .iter()
        .fold(Two::default(), |sum, n| Two { day: sum.day + n.day, week: sum.week + n.week });
    let latency_ms = (calls.week > 0).then(|| {
        let sum: i64 = figures.calls.iter().map(|n| n.latency_ms_sum).sum();
        (sum / calls.week, figures.calls.iter().map(|n| n.latency_ms_max).max().unwrap_or(0))
    });
    let oldest = figures.oldest.as_ref().filter(|oldest| oldest.received_ms > 0);
    Line {
        lane: lane.lane.0,
        site: lane.site.clone(),
        name: lane.destination.clone(),
        title: known.map_or_else(|| lane.destination.clone(), |definition| definition.title.to_owned()),
        standing: standing(lane, definition.is_some(), now_ms),
        waiting: lane.waiting,
        oldest: oldest.map(|oldest| format::span(now_ms - oldest.received_ms)),
        next: lane.oldest_due_ms.map(|due_ms| match due_ms - now_ms {
            ahead @ 1.. => format!("due in {}", format::span(ahead)),
            late => format!("due for {}", format::span(late)),
        }),
        delivered: state("delivered"),
        rejected: state("rejected"),
        skipped: state("skipped"),
        expired: state("expired"),
        calls,
        latency_ms,
    }
}

fn standing(lane: &LaneCounts, is_set_up: bool, now_ms: i64) -> Standing {
    let late_ms = lane.oldest_due_ms.map_or(0, |due_ms| now_ms - due_ms);
    let of = |word, why: String, since_ms| Standing { word, why, since_ms };
    if !is_set_up {
        let why = "The configuration does not have it any more. What waits goes out if it comes back.";
        return of("not set up", why.to_owned(), None);
    }
    match (&lane.paused, &lane.stopped) {
        (Some(pause), _) => of("paused", format!("Paused by {}.", pause.by), Some(pause.since_ms)),
        (None, Some(stop)) => of("stopped", stop.why.clone(), Some(stop.since_ms)),
        (None, None) if late_ms > LATE_MS => {
            of("late", format!("The oldest event has been due for {}.", format::span(late_ms)), None)
        }
        (None, None) => of("running", String::new(), None),
    }
}

#[cfg(test)]
mod tests {
    use tandem_store::{LaneId, Pause, Stop};

    use super::*;

    #[test]
    fn a_pause_shows_before_a_stop_and_a_stop_before_lateness() {
        let mut lane = LaneCounts {
            lane: LaneId(1),
            site: "shop".into(),
            destination: "tiktok".into(),
            stopped: None,
            paused: None,
            waiting: 1,
            oldest_due_ms: Some(0),
        };
        assert_eq!(standing(&lane, true, LATE_MS).word, "running");
        assert_eq!(standing(&lane, true, LATE_MS + 1).word, "late");
        lane.stopped = Some(Stop { why: "The token is wrong.".into(), since_ms: 5 });
        assert_eq!(standing(&lane, true, 0).word, "stopped");
        lane.paused = Some(Pause { by: "Ada".into(), since_ms: 7 });
        assert_eq!(standing(&lane, true, 0).since_ms, Some(7));
        assert_eq!(standing(&lane, false, 0).word, "not set up");
    }
}
