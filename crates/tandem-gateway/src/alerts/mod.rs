//! Alerts: looks at the measures, keeps how each stands, and tells people what is news.
//!
//! What is news is decided by [`tandem_core::alert`]. Here are the readings, the memory over restarts, and the sending. A
//! notice is kept before it is sent and until it is taken, so that a restart loses none and sends none again; only a crash
//! between the two can send one twice. Nothing waits for a channel.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use tandem_core::alert::Reading;
use tandem_store::Keep;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use crate::Gateway;
use crate::transport::Http;

mod held;
mod memory;
mod readings;
mod send;
mod settings;
mod standing;

use held::{Held, Id, KIND};
use memory::{Memory, Sending};
pub use send::{SIGNATURE, page, test};
pub use settings::{Channel, Settings, SiteSettings, Way};
pub use standing::{Standing, Told};

/// How often it is looked.
const EVERY: Duration = Duration::from_secs(30);

/// How long what changes by the hour holds, in milliseconds.
const SLOW_MS: i64 = 10 * 60_000;

/// Events that what is added up may lag behind before it says too little.
const MAX_LAG: i64 = 1_000;

/// How long notices under way may take once the program ends.
const LAST_PATIENCE: Duration = Duration::from_secs(3);

/// The kind of the document with recent notices.
const RECENT_KIND: &str = "alert_log";

/// All alerts of the process.
#[derive(Debug, Default)]
pub struct Alerts {
    settings: RwLock<Arc<Settings>>,
    memory: Mutex<Memory>,
    /// One look at a time.
    turn: tokio::sync::Mutex<()>,
    /// One writer at a time: what was read earlier must not be written later.
    writing: tokio::sync::Mutex<()>,
    /// Rings when there may be something to send.
    bell: Notify,
}

impl Alerts {
    /// The settings now.
    #[must_use]
    pub fn settings(&self) -> Arc<Settings> {
        self.settings.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Other settings; they hold from the next look on.
    pub fn configure(&self, settings: Settings) {
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
        self.bell.notify_one();
    }

    /// How everything that is watched stands, what is raised first.
    #[must_use]
    pub fn standing(&self) -> Vec<Standing> {
        let settings = self.settings();
        let memory = self.memory();
        let watched = memory.held.iter().filter(|(id, _)| settings.rule(id.key, &id.site).enabled);
        let mut all: Vec<Standing> = watched.map(|(id, held)| Standing::of(&settings, id, held)).collect();
        all.sort_by_key(|one| (one.raised_ms.is_none(), std::cmp::Reverse(one.severity)));
        all
    }

    /// When everything was measured last, Unix milliseconds; none before the first time.
    #[must_use]
    pub fn looked_ms(&self) -> Option<i64> {
        self.memory().looked_ms
    }

    /// Newest first.
    #[must_use]
    pub fn recent(&self) -> Vec<Told> {
        self.memory().recent.iter().rev().cloned().collect()
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Measures everything and keeps what is news of it; it is sent by [`run`]. `anew`: also what changes by the hour only.
    pub async fn look(&self, gateway: &Arc<Gateway>, anew: bool) {
        let _turn = self.turn.lock().await;
        let now_ms = gateway.clock.now_ms();
        let measuring = gateway.clone();
        let readings = tokio::task::spawn_blocking(move || {
            measuring.alerts.load(&measuring);
            measuring.alerts.readings(&measuring, now_ms, anew)
        });
        match readings.await {
            Ok(readings) => {
                let mut memory = self.memory();
                memory.take(&self.settings(), readings, now_ms);
                memory.looked_ms = Some(now_ms);
            }
            Err(error) => tracing::error!(%error, "the measures of alerts cannot be read"),
        }
        let raised = |(id, held): (&Id, &Held)| {
            held.state.phase.raised_ms().map(|_| (id.key.text(), id.site.clone(), id.destination.clone()))
        };
        let firing = self.memory().held.iter().filter_map(raised).collect();
        gateway.metrics.alerts_firing(firing);
        self.write(gateway, now_ms).await;
        self.bell.notify_one();
    }

    /// What was kept before the program started.
    fn load(&self, gateway: &Gateway) {
        if self.memory().is_loaded {
            return;
        }
        let (Ok(kept), Ok(recent)) = (gateway.store.kept(KIND), gateway.store.kept(RECENT_KIND)) else {
            return;
        };
        let mut memory = self.memory();
        memory.held = kept.iter().filter_map(|kept| Held::read(&kept.body, kept.at_ms)).collect();
        memory.recent =
            recent.first().and_then(|kept| serde_json::from_str(&kept.body).ok()).unwrap_or_default();
        memory.is_loaded = true;
    }

    fn readings(&self, gateway: &Gateway, now_ms: i64, anew: bool) -> Vec<Reading> {
        let unread = |error| {
            tracing::warn!(%error, "a part of the measures of alerts cannot be read");
            Vec::new()
        };
        let mut readings = readings::fast(gateway, now_ms).unwrap_or_else(unread);
        let kept =
            self.memory().slow.clone().filter(|(at_ms, _)| (0..SLOW_MS).contains(&(now_ms - at_ms)) && !anew);
        let slow = match kept {
            Some((_, slow)) => slow,
            None if gateway.store.insight_behind() > MAX_LAG => Vec::new(),
            None => {
                let slow = readings::slow(gateway, now_ms).unwrap_or_else(unread);
                self.memory().slow = Some((now_ms, slow.clone()));
                slow
            }
        };
        readings.extend(slow.into_iter().map(|reading| Reading { at_ms: now_ms, ..reading }));
        readings
    }

    /// Writes what changed. What the disk does not take is written with the next look.
    async fn write(&self, gateway: &Gateway, now_ms: i64) {
        let _writing = self.writing.lock().await;
        let (documents, recent) = self.memory().unwritten(&self.settings(), now_ms);
        for (id, body) in documents {
            let document = Keep::Document { kind: KIND, name: id.name(), body };
            if gateway.store.keep(document, now_ms).await.is_err()
                && let Some(held) = self.memory().held.get_mut(&id)
            {
                held.is_dirty = true;
            }
        }
        if let Some(body) = recent {
            let document = Keep::Document { kind: RECENT_KIND, name: "recent".to_owned(), body: Some(body) };
            if gateway.store.keep(document, now_ms).await.is_err() {
                self.memory().recent_is_dirty = true;
            }
        }
    }

    async fn sent(&self, gateway: &Gateway, sending: Sending, answer: Result<String, String>) {
        let now_ms = gateway.clock.now_ms();
        let (alert, channel) = (sending.id.name(), sending.channel.title());
        match &answer {
            Ok(_) => tracing::info!(alert, channel, event = sending.unsent.notice.event.text(), "told"),
            Err(why) => tracing::warn!(alert, channel, why, "an alert cannot be told; it is tried again"),
        }
        self.memory().tried(sending, answer.is_ok(), now_ms);
        self.write(gateway, now_ms).await;
    }
}

/// Looks and sends until `stop` turns true.
pub async fn run(gateway: Arc<Gateway>, http: Http, mut stop: watch::Receiver<bool>) {
    let mut under_way: JoinSet<(Sending, Result<String, String>)> = JoinSet::new();
    let mut next = tokio::time::Instant::now();
    while !*stop.borrow() {
        if tokio::time::Instant::now() >= next {
            gateway.alerts.look(&gateway, false).await;
            next = tokio::time::Instant::now() + EVERY;
        }
        let settings = gateway.alerts.settings();
        let due = gateway.alerts.memory().due(&settings, gateway.clock.now_ms());
        for (sending, letter) in due {
            let http = http.clone();
            under_way.spawn(async move {
                let answer = send::send(&sending.channel, &letter, &http).await;
                (sending, answer)
            });
        }
        tokio::select! {
            Some(Ok((sending, answer))) = under_way.join_next() => gateway.alerts.sent(&gateway, sending, answer).await,
            () = gateway.alerts.bell.notified() => {}
            () = tokio::time::sleep_until(next) => {}
            _ = stop.changed() => {}
        }
    }
    // What is taken now need not be sent again after the start.
    let rest = async {
        while let Some(Ok((sending, answer))) = under_way.join_next().await {
            gateway.alerts.sent(&gateway, sending, answer).await;
        }
    };
    let _ = tokio::time::timeout(LAST_PATIENCE, rest).await;
}
