//! Delivery: one task a lane takes what is due, calls the platform, and records a verdict for every event.
//!
//! A lane's task outlives its set-up: it asks for the present one before it starts calls, so that a new token or limit
//! holds from the next call on, and ends when its site or destination is gone.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tandem_store::LaneId;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::transport::Transport;
use crate::{Gateway, Lane};

mod call;
mod group;
mod outcome;
mod restraint;

use call::{Call, Called};
use restraint::{Mood, Restraint};

/// A lane looks at its queue at least this often, whatever it was told.
const IDLE: Duration = Duration::from_secs(30);

/// Pause between tries to record a result the disk would not take.
const RECORD_AGAIN: Duration = Duration::from_millis(500);

/// A due time further ahead than any retry makes it: the clock was set back.
const FARTHEST_DUE_MS: i64 = 31 * 60_000;

/// Makes due now what a clock that has been set back would leave lying for as long as it was moved.
pub async fn clock_was_set_back(gateway: &Gateway) {
    let now_ms = gateway.clock.now_ms();
    if let Err(error) = gateway.store.clamp_due(now_ms + FARTHEST_DUE_MS, now_ms).await {
        tracing::warn!(%error, "cannot look for deliveries left behind by a clock that was set back");
    }
}

/// Runs every lane until `stop` turns true; returns when the calls under way have been recorded.
pub async fn run(gateway: Arc<Gateway>, transport: Arc<dyn Transport>, mut stop: watch::Receiver<bool>) {
    clock_was_set_back(&gateway).await;
    let mut sites = gateway.sites_changed();
    let (mut tasks, mut running) = (JoinSet::new(), HashSet::new());
    while !*stop.borrow() {
        for lane in gateway.sites().lanes().filter(|lane| running.insert(lane.id)) {
            let worker = Worker {
                lane: lane.id,
                gateway: gateway.clone(),
                transport: transport.clone(),
                stop: stop.clone(),
                under_way: HashSet::new(),
                restraint: restraint(&gateway, lane.id),
                calls: JoinSet::new(),
                paused: false,
                set_up: 0,
            };
            tasks.spawn(worker.run(stop.clone()));
        }
        tokio::select! {
            Some(ended) = tasks.join_next() => match ended {
                Ok(lane) => _ = running.remove(&lane),
                // A bug: the lane's queue stays, and is gone through after the next start.
                Err(error) => tracing::error!(%error, "a lane's task failed"),
            },
            _ = sites.changed() => {}
            _ = stop.changed() => {}
        }
    }
    while tasks.join_next().await.is_some() {}
}

/// Where a lane begins: one that was stopped tries one event at once.
fn restraint(gateway: &Gateway, lane: LaneId) -> Restraint {
    Restraint::new(gateway.store.stopped(lane).unwrap_or_default())
}

struct Worker {
    lane: LaneId,
    gateway: Arc<Gateway>,
    transport: Arc<dyn Transport>,
    stop: watch::Receiver<bool>,
    under_way: HashSet<i64>,
    restraint: Restraint,
    calls: JoinSet<Called>,
    /// A person held it up when it last looked.
    paused: bool,
    /// Counts what may have mended what it is held up by: calls from before tell nothing of that.
    set_up: u64,
}

impl Worker {
    /// Works until `stop` or until the lane is gone; gives its number.
    async fn run(mut self, mut stop: watch::Receiver<bool>) -> LaneId {
        let bell = self.gateway.store.waker(self.lane);
        let mut sites = self.gateway.sites_changed();
        while !*stop.borrow() {
            let Some(lane) = self.gateway.lane(self.lane) else { break };
            self.look_for_pause();
            let sleep = match self.restraint.until(Instant::now()) {
                Some(until) => until - Instant::now(),
                None if self.paused => IDLE,
                None => self.start_calls(&lane).await,
            };
            tokio::select! {
                () = bell.notified() => {
                    if self.restraint.is_stopped() && self.resumed() {
                        self.begin_anew();
                    }
                }
                () = tokio::time::sleep(sleep) => {}
                Some(called) = self.calls.join_next() => self.finish(called).await,
                // Perhaps a person mended what the lane is held up by.
                _ = sites.changed() => self.begin_anew(),
                _ = stop.changed() => {}
            }
        }
        while self.calls.join_next().await.is_some() {}
        self.lane
    }

    /// Whether a person holds the lane up. Once that is over, it begins as after a start: what held it up before is old.
    fn look_for_pause(&mut self) {
        let was_paused = std::mem::replace(&mut self.paused, self.gateway.store.paused(self.lane));
        if was_paused && !self.paused {
            self.begin_anew();
        }
    }

    /// As after a start: one that is on record as stopped tries one event at once.
    fn begin_anew(&mut self) {
        self.set_up += 1;
        self.restraint = restraint(&self.gateway, self.lane);
    }

    /// Somebody lifted the stop through the API.
    fn resumed(&self) -> bool {
        self.gateway.store.stopped(self.lane).is_ok_and(|stopped| !stopped)
    }

    async fn finish(&mut self, called: Result<Called, tokio::task::JoinError>) {
        match called {
            Ok(called) => {
                for seq in &called.seqs {
                    self.under_way.remove(seq);
                }
                let was_stopped = self.restraint.is_stopped();
                match called.mood {
                    // An answer to the old set-up. It may have put a stop on record, which the next try lifts or confirms.
                    Some(Mood::Stopped) if called.set_up != self.set_up => {
                        self.restraint = restraint(&self.gateway, self.lane);
                    }
                    Some(mood) => self.restraint.note(mood, Instant::now()),
                    None => {}
                }
                if was_stopped && !self.restraint.is_stopped() {
                    self.go_on().await;
                }
            }
            Err(error) => {
                // A bug, not a platform's doing. Which deliveries it held is gone with it; all are looked at anew.
                tracing::error!(%error, "a delivery task failed");
                self.under_way.clear();
                self.restraint.note(Mood::Trouble, Instant::now());
            }
        }
    }

    /// Clears the record of a stop.
    async fn go_on(&self) {
        if let Err(error) = self.gateway.store.set_stop(self.lane, None).await {
            tracing::error!(%error, "cannot record that the destination goes on");
        }
    }

    /// Starts as many calls as there is work and room for; how long to sleep if nothing rings.
    async fn start_calls(&mut self, lane: &Lane) -> Duration {
        let definition = lane.destination.definition();
        let (room, limit) = self.restraint.room(definition);
        while self.calls.len() < room {
            let now_ms = self.gateway.clock.now_ms();
            let (store, id, under_way) = (self.gateway.store.clone(), self.lane, self.under_way.clone());
            let found = tokio::task::spawn_blocking(move || store.due(id, now_ms, limit, &under_way)).await;
            let mut batch = match found {
                Ok(Ok(batch)) => batch,
                Ok(Err(error)) => {
                    tracing::error!(%error, "cannot read the queue");
                    return RECORD_AGAIN;
                }
                Err(_) => return RECORD_AGAIN,
            };
            // Held up while the queue was read.
            if self.gateway.store.paused(self.lane) {
                return IDLE;
            }
            if batch.due.is_empty() {
                return batch.next_due_ms.map_or(IDLE, |due| until(due, now_ms));
            }
            // After an outage due times stand as the retries left them; what is sent together goes in the order it came.
            batch.due.sort_unstable_by_key(|due| due.seq);
            self.under_way.extend(batch.due.iter().map(|d| d.seq));
            let call = Call {
                lane: lane.clone(),
                set_up: self.set_up,
                gateway: self.gateway.clone(),
                transport: self.transport.clone(),
                stop: self.stop.clone(),
            };
            self.calls.spawn(call.deliver(batch.due));
        }
        IDLE
    }
}

fn until(due_ms: i64, now_ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(due_ms - now_ms).unwrap_or(0).max(1)).min(IDLE)
}
