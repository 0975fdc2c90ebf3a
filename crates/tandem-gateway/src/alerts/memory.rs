//! What is remembered from one look to the next.

use std::collections::{BTreeMap, HashSet, VecDeque};

use tandem_core::alert::{Phase, Reading, step};

use super::held::{Held, Id, Unsent};
use super::send::Letter;
use super::{Channel, Settings, Told, page};

/// What is raised is written again after so many milliseconds, so that after a restart it is known when it was last seen.
const KEEP_AGAIN_MS: i64 = 3_600_000;

/// Recent notices that are kept, as one document.
const RECENT: usize = 50;

/// All that the program knows of its alerts while it runs.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pub(super) is_loaded: bool,
    pub(super) held: BTreeMap<Id, Held>,
    pub(super) recent: VecDeque<Told>,
    pub(super) recent_is_dirty: bool,
    /// When they were measured, Unix milliseconds, and what was found.
    pub(super) slow: Option<(i64, Vec<Reading>)>,
    /// The channels, by their id, that somebody is writing to, and of what.
    under_way: HashSet<(Id, String)>,
    pub(super) looked_ms: Option<i64>,
}

/// A notice on its way to one channel.
#[derive(Debug)]
pub(super) struct Sending {
    pub(super) id: Id,
    pub(super) unsent: Unsent,
    pub(super) channel: Channel,
}

impl Memory {
    /// What the readings change.
    pub(super) fn take(&mut self, settings: &Settings, readings: Vec<Reading>, now_ms: i64) {
        let seen: HashSet<Id> = readings.iter().map(Id::of).collect();
        // Of what is gone, or cannot be read now, nothing can be measured.
        let gone = self.held.keys().filter(|id| !seen.contains(*id)).map(|id| unmeasured(id, now_ms));
        let gone: Vec<Reading> = gone.collect();
        for reading in readings.into_iter().chain(gone) {
            self.take_one(settings, reading, now_ms);
        }
        let surplus = self.recent.len().saturating_sub(RECENT);
        self.recent.drain(..surplus);
        self.held.retain(|id, held| {
            seen.contains(id) || held.is_dirty || held.state.phase != Phase::Ok || !held.unsent.is_empty()
        });
    }

    fn take_one(&mut self, settings: &Settings, reading: Reading, now_ms: i64) {
        let (id, rule) = (Id::of(&reading), settings.rule(reading.key, &reading.site));
        let channels: Vec<String> = settings.ways(&id.site).map(|way| way.id()).collect();
        let held = self.held.entry(id.clone()).or_default();
        held.keep_channels(&channels);
        if !rule.enabled {
            return held.forget();
        }
        let (state, notice) = step(&rule, held.state, &reading, now_ms);
        held.is_dirty |= state.phase != held.state.phase || notice.is_some();
        (held.state, held.reading) = (state, Some(reading));
        if let Some(notice) = notice {
            held.tell(&notice, channels.into_iter(), now_ms);
            self.recent.push_back(Told::of(&id, rule.severity, &notice, now_ms));
            held.notice = Some(notice);
            self.recent_is_dirty = true;
        }
    }

    /// Documents that changed, and the list of recent notices if it did.
    pub(super) fn unwritten(
        &mut self,
        settings: &Settings,
        now_ms: i64,
    ) -> (Vec<(Id, Option<String>)>, Option<String>) {
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

    /// Notices whose time has come, marked as under way.
    pub(super) fn due(&mut self, settings: &Settings, now_ms: i64) -> Vec<(Sending, Letter)> {
        let mut due = Vec::new();
        for (id, held) in &self.held {
            for unsent in held.due(now_ms) {
                if let Some(way) = settings.ways(&id.site).find(|way| way.id() == unsent.to)
                    && self.under_way.insert((id.clone(), unsent.to.clone()))
                {
                    let letter = letter(settings, id, held, &unsent);
                    due.push((Sending { id: id.clone(), unsent, channel: way.channel.clone() }, letter));
                }
            }
        }
        due
    }

    /// What came of it.
    pub(super) fn tried(&mut self, Sending { id, unsent, .. }: Sending, is_taken: bool, now_ms: i64) {
        if let Some(held) = self.held.get_mut(&id) {
            held.tried(&unsent, is_taken, now_ms);
        }
        self.under_way.remove(&(id, unsent.to));
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
