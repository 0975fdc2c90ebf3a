//! From one reading to the next.

use super::{News, Notice, Phase, Reading, Rule, State, notice};

/// Whoever was told of something that goes on is told again after so many milliseconds.
pub const REMIND_MS: i64 = 24 * 3_600_000;

/// Between two looks further apart than this nobody knows what was (the program was not running), in milliseconds. Then
/// how long something holds is counted anew.
pub const GAP_MS: i64 = 5 * 60_000;

/// Something raised of which nothing could be measured for so many milliseconds is over.
pub const FORGET_MS: i64 = 24 * 3_600_000;

/// What a reading changes, and what people are to be told.
///
/// `now_ms` is the present time. A reading older than the last look is left out, unless the clock was set back.
#[must_use]
pub fn step(rule: &Rule, state: State, reading: &Reading, now_ms: i64) -> (State, Option<Notice>) {
    let state = not_after(state, now_ms);
    if reading.at_ms < state.looked_ms {
        return (state, None);
    }
    let mut next = not_held_over_a_gap(state, now_ms);
    next.looked_ms = now_ms;
    if !reading.enough {
        return unmeasured(rule, next, reading, now_ms);
    }
    (next.value, next.measured_ms) = (reading.value, now_ms);
    next.phase = moved(rule, next.phase, reading.value, now_ms);
    let news = match (state.phase.raised_ms(), next.phase) {
        (None, Phase::Firing { .. }) => Some(News::Raised),
        (Some(_), Phase::Ok) => Some(News::Cleared),
        (Some(_), Phase::Firing { .. }) if now_ms - next.last_sent_ms >= REMIND_MS => Some(News::Reminder),
        _ => None,
    };
    told(rule, next, reading, news, now_ms)
}

fn told(
    rule: &Rule,
    mut state: State,
    reading: &Reading,
    news: Option<News>,
    now_ms: i64,
) -> (State, Option<Notice>) {
    let Some(news) = news else { return (state, None) };
    state.last_sent_ms = now_ms;
    (state, Some(notice(rule, news, reading)))
}

/// What a value that says something makes of a phase.
fn moved(rule: &Rule, phase: Phase, value: f64, now_ms: i64) -> Phase {
    let (wrong, right) = (value >= rule.raise, value <= rule.clear);
    match phase {
        Phase::Ok | Phase::Pending { .. } if !wrong => Phase::Ok,
        Phase::Ok => ripe(Phase::Pending { since_ms: now_ms }, rule, now_ms),
        Phase::Firing { since_ms } if right => {
            ripe(Phase::Clearing { raised_ms: since_ms, since_ms: now_ms }, rule, now_ms)
        }
        Phase::Clearing { raised_ms, .. } if !right => Phase::Firing { since_ms: raised_ms },
        other => ripe(other, rule, now_ms),
    }
}

/// A phase that held long enough becomes the next.
fn ripe(phase: Phase, rule: &Rule, now_ms: i64) -> Phase {
    match phase {
        Phase::Pending { since_ms } if now_ms - since_ms >= rule.raise_after_ms => {
            Phase::Firing { since_ms: now_ms }
        }
        Phase::Clearing { since_ms, .. } if now_ms - since_ms >= rule.clear_after_ms => Phase::Ok,
        other => other,
    }
}

/// Too little to measure: nothing begins, and what was raised stays for a while, in silence.
fn unmeasured(rule: &Rule, mut state: State, reading: &Reading, now_ms: i64) -> (State, Option<Notice>) {
    match state.phase {
        Phase::Ok => (state, None),
        Phase::Pending { .. } => {
            state.phase = Phase::Ok;
            (state, None)
        }
        Phase::Firing { .. } | Phase::Clearing { .. } if now_ms - state.measured_ms >= FORGET_MS => {
            state.phase = Phase::Ok;
            told(rule, state, reading, Some(News::Cleared), now_ms)
        }
        // Whether it goes on to be right, nobody knows.
        Phase::Clearing { raised_ms, .. } => {
            state.phase = Phase::Firing { since_ms: raised_ms };
            (state, None)
        }
        Phase::Firing { .. } => (state, None),
    }
}

/// No time lies ahead, also when the clock was set back: a hold would last for as long as it was moved.
fn not_after(mut state: State, now_ms: i64) -> State {
    for at in [&mut state.last_sent_ms, &mut state.measured_ms, &mut state.looked_ms] {
        *at = (*at).min(now_ms);
    }
    match &mut state.phase {
        Phase::Ok => {}
        Phase::Pending { since_ms } | Phase::Firing { since_ms } => *since_ms = (*since_ms).min(now_ms),
        Phase::Clearing { raised_ms, since_ms } => {
            (*raised_ms, *since_ms) = ((*raised_ms).min(now_ms), (*since_ms).min(now_ms));
        }
    }
    state
}

fn not_held_over_a_gap(mut state: State, now_ms: i64) -> State {
    if now_ms - state.looked_ms > GAP_MS {
        state.phase = match state.phase {
            Phase::Pending { .. } => Phase::Ok,
            Phase::Clearing { raised_ms, .. } => Phase::Firing { since_ms: raised_ms },
            other => other,
        };
    }
    state
}
