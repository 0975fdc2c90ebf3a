//! Alerts: looks at the measures, keeps how each stands, and tells people what is news.
//!
//! What is news is decided by [`tandem_core::alert`]. Here are the readings, the memory over restarts, and the sending. A
//! notice is kept before it is sent and until it is taken, so that a restart loses none and sends none again; only a crash
//! between the two can send one twice. Nothing waits for a channel.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tandem_core::alert::{
    Key, News, Notice, Phase, Reading, Severity, measure, remedy, sentence, shown, step,
};
use tandem_store::Keep;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use crate::Gateway;
use crate::transport::Http;

mod held;
mod readings;
mod send;
mod settings;

use held::{Held, Id, KIND, Unsent, phase_text, since_ms};
use send::Letter;
pub use send::{SIGNATURE, page, test};
pub use settings::{Channel, Settings, SiteSettings, Way};

/// How often it is looked.
const EVERY: Duration = Duration::from_secs(30);

/// How long what changes by the hour holds, in milliseconds.
const SLOW_MS: i64 = 10 * 60_000;

/// What is raised is written again after so many milliseconds, so that after a restart it is known when it was last seen.
const KEEP_AGAIN_MS: i64 = 3_600_000;

/// Events that what is added up may lag behind before it says too little.
const MAX_LAG: i64 = 1_000;

/// How long notices under way may take once the program ends.
const LAST_PATIENCE: Duration = Duration::from_secs(3);

/// Recent notices that are kept, as one document.
const RECENT: usize = 50;

const RECENT_KIND: &str = "alert_log";

/// All alerts of the process.
#[derive(Debug, Default)]
pub struct Alerts {
    settings: RwLock<Arc<Settings>>,
    memory: Mutex<Memory>,
    /// One look at a time.
    turn: tokio::sync::Mutex<()>,
    /// Rings when there may be something to send.
    bell: Notify,
}

#[derive(Debug, Default)]
struct Memory {
    is_loaded: bool,
    held: BTreeMap<Id, Held>,
    recent: VecDeque<Told>,
    recent_is_dirty: bool,
    /// When they were measured, Unix milliseconds, and what was found.
    slow: Option<(i64, Vec<Reading>)>,
    under_way: HashSet<(Id, String)>,
    looked_ms: Option<i64>,
}

/// A notice, for the list of recent ones.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Told {
    /// Unix milliseconds.
    pub at_ms: i64,
    /// What kind of news.
    pub event: News,
    /// What was measured.
    pub key: Key,
    /// Site; empty for the whole gateway.
    pub site: String,
    /// How bad.
    pub severity: Severity,
    /// A line.
    pub title: String,
    /// The numbers.
    pub text: String,
}

/// How one key stands at one place, for people.
#[derive(Debug, Clone, Serialize)]
pub struct Standing {
    /// What is measured.
    pub key: Key,
    /// Site; empty for the whole gateway.
    pub site: String,
    /// Destination or way in; empty for the whole site.
    pub destination: String,
    /// `ok`, `pending`, `firing` or `clearing`.
    pub state: &'static str,
    /// Since when, Unix milliseconds; 0 while it is ok.
    pub since_ms: i64,
    /// When it was raised, Unix milliseconds, while people are to know of it.
    pub raised_ms: Option<i64>,
    /// How bad.
    pub severity: Severity,
    /// What would be, or is, wrong.
    pub title: &'static str,
    /// The numbers; empty while there is too little to measure.
    pub text: String,
    /// What to do.
    pub remedy: &'static str,
    /// The value with its unit; none while there is too little to measure.
    pub value: Option<String>,
    /// From which value on it is wrong, and up to which it is right again.
    pub raise: String,
    /// See `raise`.
    pub clear: String,
    /// What the value is of.
    pub measure: &'static str,
    /// The page that shows it.
    pub page: String,
    /// Notices that did not reach their channel yet.
    pub unsent: usize,
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
        let mut all: Vec<Standing> = watched.map(|(id, held)| standing(&settings, id, held)).collect();
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
            self.memory().recent_is_dirty = gateway.store.keep(document, now_ms).await.is_err();
        }
    }

    /// Notices whose time has come, marked as under way.
    fn due(&self, now_ms: i64) -> Vec<(Id, Unsent, Letter, Channel)> {
        let settings = self.settings();
        let mut memory = self.memory();
        let Memory { held, under_way, .. } = &mut *memory;
        let mut due = Vec::new();
        for (id, held) in held {
            for unsent in held.due(now_ms) {
                let way = settings.ways(&id.site).find(|way| way.id() == unsent.to);
                let mark = (id.clone(), unsent.to.clone());
                if let Some(way) = way
                    && under_way.insert(mark)
                {
                    let letter = letter(&settings, id, held, &unsent);
                    due.push((id.clone(), unsent, letter, way.channel.clone()));
                }
            }
        }
        due
    }

    async fn sent(&self, gateway: &Gateway, sent: Sent) {
        let now_ms = gateway.clock.now_ms();
        let Sent { id, unsent, channel, answer } = sent;
        match &answer {
            Ok(_) => tracing::info!(alert = id.name(), channel, event = unsent.notice.event.text(), "told"),
            Err(why) => {
                tracing::warn!(alert = id.name(), channel, why, "an alert cannot be told; it is tried again")
            }
        }
        {
            let mut memory = self.memory();
            memory.under_way.remove(&(id.clone(), unsent.to.clone()));
            if let Some(held) = memory.held.get_mut(&id) {
                held.tried(&unsent, answer.is_ok(), now_ms);
            }
        }
        self.write(gateway, now_ms).await;
    }
}

impl Memory {
    /// What the readings change.
    fn take(&mut self, settings: &Settings, readings: Vec<Reading>, now_ms: i64) {
        let seen: HashSet<Id> = readings.iter().map(Id::of).collect();
        // Of what is gone, or cannot be read now, nothing can be measured.
        let gone = self.held.keys().filter(|id| !seen.contains(*id)).map(|id| unmeasured(id, now_ms));
        let gone: Vec<Reading> = gone.collect();
        for (reading, is_gone) in readings
            .into_iter()
            .map(|reading| (reading, false))
            .chain(gone.into_iter().map(|gone| (gone, true)))
        {
            let (id, rule) = (Id::of(&reading), settings.rule(reading.key, &reading.site));
            let channels: Vec<String> = settings.ways(&reading.site).map(|way| way.id()).collect();
            let held = self.held.entry(id.clone()).or_default();
            held.keep_channels(&channels);
            if !rule.enabled {
                held.is_dirty |= held.state.phase != Phase::Ok || !held.unsent.is_empty();
                *held = Held { is_dirty: held.is_dirty, kept_ms: held.kept_ms, ..Held::default() };
                continue;
            }
            let (state, notice) = step(&rule, held.state, &reading, now_ms);
            held.is_dirty |= state.phase != held.state.phase || notice.is_some();
            held.state = state;
            held.reading = (!is_gone).then_some(reading);
            if let Some(notice) = notice {
                held.tell(&notice, channels.into_iter(), now_ms);
                self.recent.push_back(told(&id, rule.severity, &notice, now_ms));
                held.notice = Some(notice);
                self.recent_is_dirty = true;
            }
        }
        let surplus = self.recent.len().saturating_sub(RECENT);
        self.recent.drain(..surplus);
        self.held.retain(|id, held| {
            seen.contains(id) || held.is_dirty || held.state.phase != Phase::Ok || !held.unsent.is_empty()
        });
    }

    /// Documents that changed, and the list of recent notices if it did.
    fn unwritten(&mut self, settings: &Settings, now_ms: i64) -> (Vec<(Id, Option<String>)>, Option<String>) {
        let mut documents = Vec::new();
        for (id, held) in &mut self.held {
            let is_old = held.kept_ms.is_none_or(|at_ms| (now_ms - at_ms).abs() >= KEEP_AGAIN_MS);
            if held.is_dirty || held.state.phase != Phase::Ok && is_old {
                documents.push((id.clone(), held.document(id, settings.rule(id.key, &id.site).severity)));
                (held.is_dirty, held.kept_ms) = (false, Some(now_ms));
            }
        }
        let recent = std::mem::take(&mut self.recent_is_dirty);
        (documents, recent.then(|| serde_json::to_string(&self.recent).ok()).flatten())
    }
}

fn unmeasured(id: &Id, now_ms: i64) -> Reading {
    Reading {
        key: id.key,
        site: id.site.clone(),
        destination: id.destination.clone(),
        value: 0.0,
        at_ms: now_ms,
        enough: false,
        detail: String::new(),
    }
}

fn told(id: &Id, severity: Severity, notice: &Notice, at_ms: i64) -> Told {
    let Notice { event, title, text, .. } = notice.clone();
    Told { at_ms, event, key: id.key, site: id.site.clone(), severity, title, text }
}

fn letter(settings: &Settings, id: &Id, held: &Held, unsent: &Unsent) -> Letter {
    Letter {
        key: id.key,
        site: id.site.clone(),
        destination: id.destination.clone(),
        severity: settings.rule(id.key, &id.site).severity,
        value: held.state.value,
        at_ms: unsent.at_ms,
        notice: unsent.notice.clone(),
        link: settings.link.as_ref().map(|base| format!("{base}{}", page(id.key, &id.site))),
    }
}

fn standing(settings: &Settings, id: &Id, held: &Held) -> Standing {
    let rule = settings.rule(id.key, &id.site);
    let reading = held.reading.as_ref().filter(|reading| reading.enough);
    Standing {
        key: id.key,
        site: id.site.clone(),
        destination: id.destination.clone(),
        state: phase_text(held.state.phase),
        since_ms: since_ms(held.state.phase),
        raised_ms: held.state.phase.raised_ms(),
        severity: rule.severity,
        title: sentence(id.key),
        text: reading.map(|reading| reading.detail.clone()).unwrap_or_default(),
        remedy: remedy(id.key),
        value: reading.map(|reading| shown(rule.unit, reading.value)),
        raise: shown(rule.unit, rule.raise),
        clear: shown(rule.unit, rule.clear),
        measure: measure(id.key),
        page: page(id.key, &id.site),
        unsent: held.unsent.len(),
    }
}

/// A try that ended.
struct Sent {
    id: Id,
    unsent: Unsent,
    channel: String,
    answer: Result<String, String>,
}

/// Looks and sends until `stop` turns true.
pub async fn run(gateway: Arc<Gateway>, http: Http, mut stop: watch::Receiver<bool>) {
    let mut sending: JoinSet<Sent> = JoinSet::new();
    let mut next = tokio::time::Instant::now();
    while !*stop.borrow() {
        if tokio::time::Instant::now() >= next {
            gateway.alerts.look(&gateway, false).await;
            next = tokio::time::Instant::now() + EVERY;
        }
        for (id, unsent, letter, channel) in gateway.alerts.due(gateway.clock.now_ms()) {
            let http = http.clone();
            sending.spawn(async move {
                let answer = send::send(&channel, &letter, &http).await;
                Sent { id, unsent, channel: channel.title(), answer }
            });
        }
        tokio::select! {
            Some(Ok(sent)) = sending.join_next() => gateway.alerts.sent(&gateway, sent).await,
            () = gateway.alerts.bell.notified() => {}
            () = tokio::time::sleep_until(next) => {}
            _ = stop.changed() => {}
        }
    }
    // What is taken now need not be sent again after the start.
    let rest = async {
        while let Some(Ok(sent)) = sending.join_next().await {
            gateway.alerts.sent(&gateway, sent).await;
        }
    };
    let _ = tokio::time::timeout(LAST_PATIENCE, rest).await;
}
