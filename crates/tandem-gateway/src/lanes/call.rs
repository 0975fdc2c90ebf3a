//! One call's work: map what is due, send it, read the verdicts, record them.

use std::sync::Arc;

use tandem_core::Event;
use tandem_core::consent::Gates;
use tandem_core::retry::{Horizon, Pace, next_due};
use tandem_core::session::{self, Rules};
use tandem_destinations::{Mapped, Reply, Verdict, too_old};
use tandem_store::{Attempt, Batch, DeliveryState, Due, Joined, Report, Skipped, Stop, drill};
use tokio::sync::watch;

use super::RECORD_AGAIN;
use super::group::grouped;
use super::outcome::{self, Again};
use super::restraint::Mood;
use crate::metrics::State;
use crate::transport::Transport;
use crate::{Gateway, Lane, pipeline, repeated, sessions, shaping};

/// What a call brings back.
pub(super) struct Called {
    pub(super) seqs: Vec<i64>,
    /// Under which set-up it was made.
    pub(super) set_up: u64,
    /// How the platform is disposed, if the call tells.
    pub(super) mood: Option<Mood>,
}

pub(super) struct Call {
    pub(super) lane: Lane,
    /// Counts the set-ups that the lane had.
    pub(super) set_up: u64,
    pub(super) gateway: Arc<Gateway>,
    pub(super) transport: Arc<dyn Transport>,
    pub(super) stop: watch::Receiver<bool>,
}

/// When it could not be looked up whether consent was withdrawn, in milliseconds.
const LOOK_AGAIN_MS: i64 = 5_000;

/// A delivery and its event, as far as it can be read.
type Read = (serde_json::Result<Event>, Due);

/// What a call does not send, and what was decided anew.
#[derive(Default)]
struct Decided {
    states: Vec<(i64, DeliveryState)>,
    rulings: Vec<(i64, String)>,
    joined: Vec<Joined>,
}

impl Decided {
    fn is_empty(&self) -> bool {
        self.states.is_empty() && self.rulings.is_empty() && self.joined.is_empty()
    }
}

/// A delivery in the platform's shape.
pub(super) struct Ready {
    due: Due,
    pub(super) mapped: Mapped,
    /// The platform's words on the first shape, when this is the second.
    pub(super) reshaped: Option<String>,
}

impl Call {
    /// Brings all of them to a recorded state.
    pub(super) async fn deliver(self, due: Vec<Due>) -> Called {
        let seqs = due.iter().map(|d| d.seq).collect();
        let mut read: Vec<_> = due.into_iter().map(|due| (event_of(&due), due)).collect();
        let mut decided = Decided::default();
        if let Some(rules) = &self.lane.sessions {
            decided.joined = self.complete(&mut read, rules).await;
            self.withdraw(&mut read, &mut decided).await;
        }
        let ready = self.map(read, &mut decided);
        if !decided.is_empty() {
            self.record(None, decided).await;
        }
        let mut mood = None;
        let mut groups: Vec<Vec<Ready>> = self.cut(ready);
        // Held up meanwhile: what is left keeps waiting in the queue.
        while !self.gateway.store.paused(self.lane.id)
            && let Some(group) = groups.pop()
        {
            let (again, told) = self.send(group).await;
            groups.extend(again);
            mood = told.or(mood);
            if matches!(mood, Some(Mood::Stopped | Mood::Trouble)) {
                // The rest would fare no better: it keeps waiting in the queue.
                break;
            }
        }
        Called { seqs, set_up: self.set_up, mood }
    }

    /// Gives sales that waited for it what their page told meanwhile, and keeps it in the log.
    async fn complete(&self, read: &mut [Read], rules: &Rules) -> Vec<Joined> {
        let mut lacking: Vec<(&mut Event, &mut Due)> = read
            .iter_mut()
            .filter_map(|(event, due)| Some((event.as_mut().ok()?, due)))
            .filter(|(event, _)| {
                session::lacks_browser_half(event, || self.lane.gate.rule(&event.consent).is_open)
            })
            .collect();
        if lacking.is_empty() {
            return Vec::new();
        }
        let now_ms = self.gateway.clock.now_ms();
        let mut events: Vec<&mut Event> = lacking.iter_mut().map(|(event, _)| &mut **event).collect();
        let store = &self.gateway.store;
        let visitors = match sessions::join(store, &self.lane.site, rules, &mut events, now_ms).await {
            Ok(visitors) => visitors,
            Err(error) => {
                // The sale matters more than its click id.
                tracing::warn!(%error, "cannot look for the visitors of sales, they go out without");
                return Vec::new();
            }
        };
        let (mut joined, mut touches) = (Vec::with_capacity(lacking.len()), Vec::new());
        for ((event, due), visitor) in lacking.into_iter().zip(visitors) {
            if visitor.is_none() && !event.findings.iter().any(|f| f.code == session::no_session().code) {
                event.findings.push(session::no_session());
            }
            due.address = event.user.ip.clone();
            let gates = Gates(vec![self.lane.gate.clone()]);
            let touch = visitor.and_then(|visitor| sessions::touch_of_order(event, Some(&visitor), &gates));
            touches.extend(touch.map(|touch| sessions::new_touch(&self.lane.site, touch)));
            // The page may have told again what the door's rules had taken out.
            tandem_core::rules::Rules::withhold_again(event);
            due.address.clone_from(&event.user.ip);
            joined.push(kept(event, due));
        }
        if !touches.is_empty()
            && let Err(error) = store.append(Batch { touches, ..Batch::default() }, now_ms).await
        {
            tracing::warn!(%error, "cannot remember whose orders these were");
        }
        joined
    }

    /// Takes back what was allowed for events that came in before somebody last said no.
    async fn withdraw(&self, read: &mut Vec<Read>, decided: &mut Decided) {
        let store = &self.gateway.store;
        let refused_ms = store.last_refusal_ms(&self.lane.site);
        let mut early: Vec<(&mut Event, &mut Due)> = read
            .iter_mut()
            .filter_map(|(event, due)| Some((event.as_mut().ok()?, due)))
            .filter(|(_, due)| due.received_ms <= refused_ms)
            .collect();
        if early.is_empty() {
            return;
        }
        let mut events: Vec<&mut Event> = early.iter_mut().map(|(event, _)| &mut **event).collect();
        match sessions::withdraw(store, &self.lane.site, &mut events).await {
            Ok(withdrawn) => {
                let changed = early.into_iter().zip(withdrawn).filter(|(_, withdrawn)| *withdrawn);
                decided.joined.extend(changed.map(|((event, due), _)| kept(event, due)));
            }
            Err(error) => {
                tracing::error!(%error, "cannot look for withdrawn consent, events wait");
                let due_ms = self.gateway.clock.now_ms() + LOOK_AGAIN_MS;
                let why = "whether consent was withdrawn could not be looked up".to_owned();
                let late =
                    |due: &Due| (due.seq, DeliveryState::Waiting { due_ms, why: why.clone(), counts: false });
                decided.states.extend(early.iter().map(|(_, due)| late(due)));
                read.retain(|(_, due)| due.received_ms > refused_ms);
            }
        }
    }

    fn map(&self, read: Vec<Read>, decided: &mut Decided) -> Vec<Ready> {
        let mut ready = Vec::with_capacity(read.len());
        for (event, due) in read {
            match self.map_one(event, &due, decided) {
                Ok(mapped) => ready.push(Ready { due, mapped, reshaped: None }),
                Err(skip) => {
                    self.gateway.live.kept_back(self.gateway.clock.now_ms(), &self.lane, &due, &skip);
                    decided.states.push((due.seq, DeliveryState::Skipped(skip)));
                }
            }
        }
        ready
    }

    /// The gate again: a word, an age or a set-up may have changed while the event waited.
    fn map_one(
        &self,
        event: serde_json::Result<Event>,
        due: &Due,
        decided: &mut Decided,
    ) -> Result<Mapped, Skipped> {
        let event = event.map_err(|e| Skipped {
            code: "event_unreadable".into(),
            message: format!("the stored event cannot be read by this version: {e}"),
        })?;
        let skipped =
            |skip: tandem_destinations::Skip| Skipped { code: skip.code.into(), message: skip.message };
        let ruling = self.lane.gate.rule(&event.consent);
        let record = ruling.record();
        if due.consent.as_ref() != Some(&record) {
            decided.rulings.push((due.seq, record));
        }
        let cleared = pipeline::gate(&self.lane, &event, &ruling).map_err(skipped)?;
        let definition = self.lane.destination.definition();
        // Whoever replays an old event wants it sent.
        if let Some(skip) = too_old(definition, &event, self.gateway.clock.now_s()).filter(|_| !due.replay) {
            return Err(skipped(skip));
        }
        let mapped = self.lane.destination.map(&cleared.event, cleared.limited_data_use);
        Ok(shaping::overridden(&cleared, mapped))
    }

    /// The last group is sent first, so they are in reverse.
    fn cut(&self, ready: Vec<Ready>) -> Vec<Vec<Ready>> {
        let mut groups = grouped(ready, self.lane.destination.definition(), |one| &one.mapped);
        groups.reverse();
        groups
    }

    /// One call. What is to be tried again at once comes back: the halves of a refused batch, or a refused event in
    /// another shape.
    async fn send(&self, mut group: Vec<Ready>) -> (Vec<Vec<Ready>>, Option<Mood>) {
        let mapped: Vec<Mapped> = group.iter_mut().map(|r| std::mem::take(&mut r.mapped)).collect();
        let live = &self.gateway.live;
        let watched = live.calling(
            self.gateway.clock.now_ms(),
            &self.lane,
            group.iter().map(|ready| &ready.due),
            &mapped,
        );
        let request = self.lane.destination.request(&mapped);
        let request_bytes = request.body.len();
        let started_ms = self.gateway.clock.now_ms();
        let began = std::time::Instant::now();
        drill::point("lane.before_call");
        let reply = self.transport.send(request).await;
        drill::point("lane.after_call");
        let latency = began.elapsed();
        let verdicts = repeated::in_words(self.lane.destination.reply(&reply));
        let refused = matches!(&verdicts, Reply::Whole(Verdict::Rejected { .. }));
        let each = outcome::spread(verdicts, group.len());
        let again = if refused { self.again_at_once(&group, &each) } else { Again::No };
        let mood = each.iter().find_map(outcome::mood);
        let attempt = Attempt {
            started_ms,
            latency_ms: i64::try_from(latency.as_millis()).unwrap_or(i64::MAX),
            status: outcome::status(&reply),
            request_bytes,
            reply: outcome::excerpt(&reply, &each),
            ..outcome::attempt_of(&each, &again)
        };
        let name = self.lane.destination.definition().name;
        self.gateway.metrics.attempt(name, attempt.verdict, latency.as_secs_f64());
        let now_ms = self.gateway.clock.now_ms();
        if let Some(watched) = watched {
            live.called(
                watched,
                &attempt,
                each.iter().map(|v| outcome::verdict_name(v, &again)),
                &reply,
                now_ms,
            );
        }
        let in_doubt = reply.leaves_in_doubt();
        let states = group.iter().zip(&mapped).zip(&each).map(|((ready, mapped), verdict)| {
            let state = match verdict {
                Verdict::Retry { why, .. } if in_doubt && mapped.counts_twice => given_up(why),
                verdict => self.state(ready, verdict, &again, now_ms),
            };
            (ready.due.seq, state)
        });
        let states: Vec<_> = states.collect();
        if mood == Some(Mood::Stopped) {
            self.stop(&attempt.message, now_ms).await;
        }
        self.record(Some(attempt), Decided { states, ..Decided::default() }).await;
        drill::point("lane.after_record");
        (again.groups(group, mapped), mood)
    }

    /// A refused batch is halved until the bad event stands alone; that one may have a second shape.
    fn again_at_once(&self, group: &[Ready], each: &[Verdict]) -> Again {
        let (one, Some(Verdict::Rejected { why, .. })) = (&group[0], each.first()) else { return Again::No };
        if group.len() > 1 {
            return Again::Halves;
        }
        let reshaped = one.reshaped.is_none().then(|| event_of(&one.due).ok()).flatten().and_then(|event| {
            let ruling = self.lane.gate.rule(&event.consent);
            let cleared = pipeline::gate(&self.lane, &event, &ruling).ok()?;
            let mapped = self.lane.destination.second_try(&cleared.event, cleared.limited_data_use, why);
            mapped.map(|mapped| shaping::overridden(&cleared, mapped))
        });
        reshaped.map_or(Again::No, |mapped| Again::Reshaped(mapped, why.clone()))
    }

    fn state(&self, ready: &Ready, verdict: &Verdict, again: &Again, now_ms: i64) -> DeliveryState {
        match verdict {
            Verdict::Delivered { warning } => {
                let reshaped =
                    ready.reshaped.as_ref().map(|why| format!("sent without what was refused: {why}"));
                DeliveryState::Delivered { warning: warning.clone().or(reshaped) }
            }
            Verdict::Rejected { why, .. } if !matches!(again, Again::No) => {
                DeliveryState::Waiting { due_ms: now_ms, why: why.clone(), counts: false }
            }
            Verdict::Rejected { why, .. } => DeliveryState::Rejected { why: why.clone() },
            Verdict::StopDestination { why, .. } => {
                DeliveryState::Waiting { due_ms: now_ms, why: why.clone(), counts: false }
            }
            Verdict::Retry { pace, after_ms, why, .. } => {
                self.later(&ready.due, *pace, *after_ms, why, now_ms)
            }
        }
    }

    fn later(&self, due: &Due, pace: Pace, asked_ms: Option<i64>, why: &str, now_ms: i64) -> DeliveryState {
        let horizon = Horizon { after_first_ms: self.lane.destination.definition().retry_horizon_ms };
        let first = due.first_attempt_ms.unwrap_or(now_ms);
        match next_due(pace, due.attempts + 1, first, now_ms, asked_ms, jitter(due.seq), horizon) {
            Some(due_ms) => DeliveryState::Waiting { due_ms, why: why.to_owned(), counts: true },
            None => DeliveryState::Expired { why: why.to_owned() },
        }
    }

    async fn stop(&self, why: &str, since_ms: i64) {
        let name = self.lane.destination.definition().name;
        tracing::error!(site = self.lane.site, destination = name, why, "destination stopped, events wait");
        let stop = Stop { why: why.to_owned(), since_ms };
        if let Err(error) = self.gateway.store.set_stop(self.lane.id, Some(stop)).await {
            tracing::error!(%error, "cannot record the stop");
        }
    }

    /// Records until the disk takes it: giving up would send the same events again. Only the end of the process does
    /// that, since a full disk must not hold it up for ever.
    async fn record(&self, attempt: Option<Attempt>, decided: Decided) {
        self.count(&decided.states);
        loop {
            let report = Report {
                lane: self.lane.id,
                at_ms: self.gateway.clock.now_ms(),
                attempt: attempt.clone(),
                states: decided.states.clone(),
                rulings: decided.rulings.clone(),
                joined: decided.joined.clone(),
            };
            match self.gateway.store.record(report).await {
                Ok(()) | Err(tandem_store::StoreError::Closed) => return,
                Err(error) if *self.stop.borrow() => {
                    tracing::error!(%error, "cannot record deliveries, they are sent again after the next start");
                    return;
                }
                Err(error) => tracing::error!(%error, "cannot record deliveries, trying again"),
            }
            tokio::time::sleep(RECORD_AGAIN).await;
        }
    }

    fn count(&self, states: &[(i64, DeliveryState)]) {
        let name = self.lane.destination.definition().name;
        let mut counts = [
            (State::Delivered, 0),
            (State::Retried, 0),
            (State::Skipped, 0),
            (State::Rejected, 0),
            (State::Expired, 0),
        ];
        for (_, state) in states {
            let index = match state {
                DeliveryState::Delivered { .. } => 0,
                DeliveryState::Waiting { .. } => 1,
                DeliveryState::Skipped(_) => 2,
                DeliveryState::Rejected { .. } => 3,
                DeliveryState::Expired { .. } => 4,
            };
            counts[index].1 += 1;
        }
        for (state, count) in counts {
            self.gateway.metrics.deliveries(&self.lane.site, name, state, count);
        }
    }
}

/// It may have arrived, and nobody there would know it again.
fn given_up(why: &str) -> DeliveryState {
    let why = format!("{why} It may have arrived, and would count again: not sent a second time.");
    DeliveryState::Expired { why }
}

/// The event as it now goes into the log, in place of the one that came.
fn kept(event: &Event, due: &mut Due) -> Joined {
    let mut kept = event.clone();
    let address = pipeline::hide_address(&mut kept);
    // Events hold text, numbers and maps with text keys only: serialising cannot fail.
    due.body = serde_json::to_string(&kept).unwrap_or_default();
    Joined { event_seq: due.event_seq, body: due.body.clone(), address }
}

/// The stored event with its full network address, if that is still kept.
fn event_of(due: &Due) -> serde_json::Result<Event> {
    let mut event: Event = serde_json::from_str(&due.body)?;
    event.user.ip.clone_from(&due.address);
    Ok(event)
}

/// 0.0..1.0 out of a number that differs between deliveries; spreading a crowd needs no randomness.
fn jitter(seq: i64) -> f64 {
    #[allow(clippy::cast_sign_loss)]
    let mixed = (seq as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
    #[allow(clippy::cast_precision_loss)]
    let fraction = mixed as f64 / f64::from(1_u32 << 24);
    fraction
}
