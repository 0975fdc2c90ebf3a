//! What is kept of an alert, over restarts too.

use serde::{Deserialize, Serialize};
use tandem_core::alert::{Key, Notice, Phase, Reading, Severity, State};

/// The kind of document.
pub(super) const KIND: &str = "alert";

/// A notice is tried again this long after it came up, in milliseconds; after that it is no news.
const TRIED_MS: i64 = 24 * 3_600_000;

/// First and longest pause between two tries, in milliseconds.
const PAUSE_MS: (i64, i64) = (30_000, 3_600_000);

/// Notices that wait for one alert's channels at most; the oldest goes.
const MAX_UNSENT: usize = 24;

/// One key at one place.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Id {
    pub(super) key: Key,
    pub(super) site: String,
    pub(super) destination: String,
}

impl Id {
    pub(super) fn of(reading: &Reading) -> Self {
        Self { key: reading.key, site: reading.site.clone(), destination: reading.destination.clone() }
    }

    /// The document's name.
    pub(super) fn name(&self) -> String {
        format!("{}:{}:{}", self.key.text(), self.site, self.destination)
    }
}

/// A notice that has not reached one channel yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Unsent {
    /// The channel's id.
    pub(super) to: String,
    /// When it came up, Unix milliseconds.
    pub(super) at_ms: i64,
    /// When to try, Unix milliseconds.
    pub(super) due_ms: i64,
    pub(super) tries: u32,
    #[serde(flatten)]
    pub(super) notice: Notice,
}

/// An alert with what is to be told of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Held {
    pub(super) state: State,
    pub(super) reading: Option<Reading>,
    pub(super) unsent: Vec<Unsent>,
    /// Words of the last notice.
    pub(super) notice: Option<Notice>,
    /// When it was last written, Unix milliseconds; none for never.
    pub(super) kept_ms: Option<i64>,
    pub(super) is_dirty: bool,
}

#[derive(Serialize, Deserialize)]
struct Document {
    #[serde(flatten)]
    id: Id,
    state: String,
    since_ms: i64,
    raised_ms: i64,
    severity: Severity,
    title: String,
    text: String,
    remedy: String,
    value: f64,
    last_sent_ms: i64,
    measured_ms: i64,
    looked_ms: i64,
    #[serde(default)]
    unsent: Vec<Unsent>,
}

/// A phase's stable name.
pub(super) fn phase_text(phase: Phase) -> &'static str {
    match phase {
        Phase::Ok => "ok",
        Phase::Pending { .. } => "pending",
        Phase::Firing { .. } => "firing",
        Phase::Clearing { .. } => "clearing",
    }
}

/// Since when, Unix milliseconds.
pub(super) fn since_ms(phase: Phase) -> i64 {
    match phase {
        Phase::Ok => 0,
        Phase::Pending { since_ms } | Phase::Firing { since_ms } | Phase::Clearing { since_ms, .. } => {
            since_ms
        }
    }
}

impl Held {
    /// The document; none for one that is all right and of which everybody was told.
    pub(super) fn document(&self, id: &Id, severity: Severity) -> Option<String> {
        let State { phase, last_sent_ms, value, measured_ms, looked_ms } = self.state;
        if phase == Phase::Ok && self.unsent.is_empty() {
            return None;
        }
        let words = |of: fn(&Notice) -> &String| self.notice.as_ref().map(of).cloned().unwrap_or_default();
        let document = Document {
            id: id.clone(),
            state: phase_text(phase).to_owned(),
            since_ms: since_ms(phase),
            raised_ms: phase.raised_ms().unwrap_or_default(),
            severity,
            title: words(|notice| &notice.title),
            text: words(|notice| &notice.text),
            remedy: words(|notice| &notice.remedy),
            value,
            last_sent_ms,
            measured_ms,
            looked_ms,
            unsent: self.unsent.clone(),
        };
        serde_json::to_string(&document).ok()
    }

    /// What a document tells. What cannot be read is forgotten: it is raised anew if it is still so.
    pub(super) fn read(body: &str, kept_ms: i64) -> Option<(Id, Self)> {
        let document: Document = serde_json::from_str(body).ok()?;
        let Document { since_ms, raised_ms, last_sent_ms, value, measured_ms, looked_ms, .. } = document;
        let phase = match document.state.as_str() {
            "ok" => Phase::Ok,
            "pending" => Phase::Pending { since_ms },
            "firing" => Phase::Firing { since_ms },
            "clearing" => Phase::Clearing { raised_ms, since_ms },
            _ => return None,
        };
        let state = State { phase, last_sent_ms, value, measured_ms, looked_ms };
        let Document { title, text, remedy, unsent, id, .. } = document;
        let event = tandem_core::alert::News::Raised;
        let notice = (!title.is_empty()).then_some(Notice { event, title, text, remedy });
        Some((id, Self { state, unsent, notice, kept_ms: Some(kept_ms), ..Self::default() }))
    }

    /// A notice for these channels.
    pub(super) fn tell(&mut self, notice: &Notice, channels: impl Iterator<Item = String>, now_ms: i64) {
        let unsent = |to| Unsent { to, at_ms: now_ms, due_ms: now_ms, tries: 0, notice: notice.clone() };
        self.unsent.extend(channels.map(unsent));
        let too_many = self.unsent.len().saturating_sub(MAX_UNSENT);
        self.unsent.drain(..too_many);
        self.is_dirty = true;
    }

    /// The oldest notice for each channel, where its time has come: news reach each channel in their order.
    pub(super) fn due(&self, now_ms: i64) -> Vec<Unsent> {
        let mut first: Vec<&Unsent> = Vec::new();
        for unsent in &self.unsent {
            if !first.iter().any(|other| other.to == unsent.to) {
                first.push(unsent);
            }
        }
        // A clock that was set back makes nobody wait.
        let is_due = |u: &&&Unsent| u.due_ms <= now_ms || u.due_ms > now_ms + PAUSE_MS.1;
        first.iter().filter(is_due).map(|unsent| (*unsent).clone()).collect()
    }

    /// What came of a try.
    pub(super) fn tried(&mut self, sent: &Unsent, taken: bool, now_ms: i64) {
        let is_it = |u: &Unsent| u.to == sent.to && u.at_ms == sent.at_ms && u.notice == sent.notice;
        let Some(at) = self.unsent.iter().position(is_it) else { return };
        self.is_dirty = true;
        if taken || now_ms - sent.at_ms >= TRIED_MS {
            self.unsent.remove(at);
        } else if let Some(unsent) = self.unsent.get_mut(at) {
            unsent.tries += 1;
            unsent.due_ms = now_ms
                + PAUSE_MS.0.saturating_mul(1 << unsent.tries.saturating_sub(1).min(10)).min(PAUSE_MS.1);
        }
    }

    /// As if it had never been.
    pub(super) fn forget(&mut self) {
        let is_dirty = self.is_dirty || self.state.phase != Phase::Ok || !self.unsent.is_empty();
        *self = Self { is_dirty, kept_ms: self.kept_ms, ..Self::default() };
    }

    /// Leaves out what waits for a channel that is no more.
    pub(super) fn keep_channels(&mut self, channels: &[String]) {
        let before = self.unsent.len();
        self.unsent.retain(|unsent| channels.contains(&unsent.to));
        self.is_dirty |= self.unsent.len() != before;
    }
}

#[cfg(test)]
mod tests {
    use tandem_core::alert::News;

    use super::*;

    fn notice() -> Notice {
        Notice { event: News::Raised, title: "t".into(), text: "x".into(), remedy: "r".into() }
    }

    #[test]
    fn a_document_brings_back_what_was_kept() {
        let id = Id { key: Key::Stopped, site: "shop".into(), destination: "tiktok".into() };
        assert_eq!(id.name(), "stopped:shop:tiktok");
        for phase in [
            Phase::Pending { since_ms: 3 },
            Phase::Firing { since_ms: 4 },
            Phase::Clearing { raised_ms: 4, since_ms: 5 },
        ] {
            let state = State { phase, last_sent_ms: 6, value: 1.0, measured_ms: 7, looked_ms: 8 };
            let mut held = Held { state, notice: Some(notice()), ..Held::default() };
            held.tell(&notice(), ["a".to_owned()].into_iter(), 9);
            let (read, back) = Held::read(&held.document(&id, Severity::Error).unwrap(), 10).unwrap();
            assert_eq!(
                (read, back.state, back.unsent, back.notice),
                (id.clone(), state, held.unsent, held.notice)
            );
        }
        assert_eq!(Held::default().document(&id, Severity::Error), None);
        assert!(Held::read("{}", 1).is_none());
    }

    #[test]
    fn each_channel_gets_its_news_in_their_order_and_pauses_grow() {
        let mut held = Held::default();
        let both = || ["a".to_owned(), "b".to_owned()].into_iter();
        held.tell(&notice(), both(), 0);
        held.tell(&Notice { event: News::Cleared, ..notice() }, both(), 10);
        let due = held.due(10);
        assert_eq!(due.iter().map(|u| u.notice.event).collect::<Vec<_>>(), [News::Raised; 2]);
        held.tried(&due[0], true, 10);
        held.tried(&due[1], false, 10);
        let due = held.due(11);
        assert_eq!(due.len(), 1, "b waits, and what comes after it waits too");
        assert_eq!((due[0].to.as_str(), due[0].notice.event), ("a", News::Cleared));
        let mut now = 10;
        for pause in [30_000, 60_000, 120_000, 240_000] {
            assert!(held.due(now + pause - 1).iter().all(|u| u.to == "a"));
            now += pause;
            let due = held.due(now).into_iter().find(|u| u.to == "b").unwrap();
            held.tried(&due, false, now);
        }
        assert_eq!(held.due(now - 86_400_000).len(), 2, "a clock set back");
        let due = held.due(now + TRIED_MS).into_iter().find(|u| u.to == "b").unwrap();
        held.tried(&due, false, now + TRIED_MS);
        assert!(held.unsent.iter().all(|u| u.notice.event == News::Cleared), "after a day it is no news");
        held.keep_channels(&["a".to_owned()]);
        assert!(held.unsent.iter().all(|u| u.to == "a"));
    }
}
