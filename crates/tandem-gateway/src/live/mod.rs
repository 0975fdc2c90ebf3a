//! Everything as it happens, for who is watching.
//!
//! What passes by is offered as a [`Record`]; while nobody watches, that is one look at a number. Records go into a ring
//! of bounded size, and each watcher reads it at its own pace: whoever is too slow is told how many were missed. More than
//! a person can read are not even made, only counted, so that a stream of any size costs the same.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use serde_json::Value;
use tokio::sync::watch;

pub mod link;
mod recall;
mod record;
mod redact;
mod taps;

pub use recall::recall;
pub use record::{EventRef, Filter, Kind, Record};
pub use taps::shown_request;
pub(crate) use taps::{Seen, Tap};

/// A platform's words or the start of its reply, as they may be shown: it may repeat what it was sent.
#[must_use]
pub fn shown_text(text: &str) -> String {
    match redact::outgoing(text.as_bytes()) {
        Value::String(text) => text,
        value => value.to_string(),
    }
}

/// Whether an e-mail address or a phone number stands in it. Nothing is on record under either: the door takes no such id.
#[must_use]
pub fn names_somebody(text: &str) -> bool {
    redact::is_told(text)
}

/// Records and bytes kept at most.
const MAX_RECORDS: usize = 1_000;
const MAX_BYTES: usize = 8 << 20;

/// Watchers at once.
pub const MAX_WATCHERS: usize = 16;

/// Records are still made for so long after the last watcher left, so that a connection that broke finds them.
const LINGER_MS: i64 = 30_000;

/// Records made a second in the long run, and at once.
const RATE: i64 = 200;
const BURST: i64 = 1_000;

#[derive(Default)]
struct Ring {
    records: VecDeque<Arc<Record>>,
    bytes: usize,
    /// Of the newest record.
    id: u64,
}

/// How many more may be made.
struct Budget {
    /// Thousandths of a record.
    left: i64,
    at_ms: i64,
}

impl Budget {
    fn take(&mut self, now_ms: i64) -> bool {
        let earned = (now_ms - self.at_ms).clamp(0, 60_000) * RATE;
        self.at_ms = now_ms;
        self.left = (self.left + earned).min(BURST * 1_000);
        let takes = self.left >= 1_000;
        self.left -= if takes { 1_000 } else { 0 };
        takes
    }
}

/// What somebody waits for; `before`: as far as it can be told before it is known what became of an event.
struct Wish {
    watcher: u64,
    filter: Filter,
    before: Filter,
    /// Until when records are made for it, Unix milliseconds; no end while the watcher is there.
    until_ms: i64,
}

impl Wish {
    fn is_here(&self) -> bool {
        self.until_ms == i64::MAX
    }
}

/// Whether somebody asks for single events: those are not lost in a crowd of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interest {
    Any,
    Single,
}

/// The live view's memory.
pub struct Live {
    ring: Mutex<Ring>,
    /// Rings when there is a new record.
    newest: watch::Sender<u64>,
    wishes: RwLock<Vec<Wish>>,
    /// Watchers who are here.
    count: AtomicUsize,
    numbers: AtomicU64,
    linger_ms: AtomicI64,
    /// For a crowd, and for single events.
    budgets: Mutex<[Budget; 2]>,
    unshown: [AtomicU64; 2],
    signer: OnceLock<link::Signer>,
    marks: link::Marks,
}

impl Default for Live {
    fn default() -> Self {
        let full = || Budget { left: BURST * 1_000, at_ms: 0 };
        Self {
            ring: Mutex::default(),
            newest: watch::Sender::new(0),
            wishes: RwLock::default(),
            count: AtomicUsize::new(0),
            numbers: AtomicU64::new(0),
            linger_ms: AtomicI64::new(i64::MIN),
            budgets: Mutex::new([full(), full()]),
            unshown: [AtomicU64::new(0), AtomicU64::new(0)],
            signer: OnceLock::new(),
            marks: link::Marks::default(),
        }
    }
}

impl Live {
    /// From now on debug links count; without this none does.
    pub fn sign_with(&self, signer: link::Signer) {
        let _ = self.signer.set(signer);
    }

    /// Makes the value of a debug link's parameter, if links are set up.
    #[must_use]
    pub fn link(&self, site: &str, label: &str, now_s: i64) -> Option<String> {
        Some(self.signer.get()?.sign(site, label, now_s))
    }

    /// Whether records are made at all. The one thing that is done for every request.
    pub(crate) fn is_watched(&self, now_ms: i64) -> bool {
        self.count.load(Ordering::Relaxed) > 0 || now_ms < self.linger_ms.load(Ordering::Relaxed)
    }

    /// Whether somebody wants to see this; `before` it is known what became of it.
    pub(crate) fn interest(&self, record: &Record, before: bool) -> Option<Interest> {
        let wishes = self.wishes.read().unwrap_or_else(PoisonError::into_inner);
        let fits = |wish: &&Wish| {
            let filter = if before { &wish.before } else { &wish.filter };
            record.at_ms < wish.until_ms && filter.fits(record)
        };
        let mut found = None;
        for wish in wishes.iter().filter(fits) {
            if wish.filter.is_narrow() {
                return Some(Interest::Single);
            }
            found = Some(Interest::Any);
        }
        found
    }

    /// Keeps a record that somebody wants to see, and gives its number. `detail` is only made then.
    pub(crate) fn offer(&self, record: Record, detail: impl FnOnce() -> Value) -> Option<u64> {
        let interest = self.interest(&record, false)?;
        if !self.affords(interest, record.at_ms) {
            self.left_out(interest, 1);
            return None;
        }
        let record = Record { detail: detail(), ..record };
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        ring.id += 1;
        let id = ring.id;
        ring.bytes += record.weight();
        ring.records.push_back(Arc::new(Record { id, ..record }));
        while ring.records.len() > MAX_RECORDS || (ring.bytes > MAX_BYTES && ring.records.len() > 1) {
            let Some(oldest) = ring.records.pop_front() else { break };
            ring.bytes -= oldest.weight();
        }
        drop(ring);
        self.newest.send_replace(id);
        Some(id)
    }

    fn affords(&self, interest: Interest, now_ms: i64) -> bool {
        let mut budgets = self.budgets.lock().unwrap_or_else(PoisonError::into_inner);
        let [any, single] = &mut *budgets;
        if interest == Interest::Single { single.take(now_ms) } else { any.take(now_ms) }
    }

    /// Notes that records were not made.
    pub(crate) fn left_out(&self, interest: Interest, count: u64) {
        let [any, single] = &self.unshown;
        let place = if interest == Interest::Single { single } else { any };
        place.fetch_add(count, Ordering::Relaxed);
    }

    fn unshown(&self, filter: &Filter) -> u64 {
        let [any, single] = &self.unshown;
        let single = single.load(Ordering::Relaxed);
        if filter.is_narrow() { single } else { single + any.load(Ordering::Relaxed) }
    }

    /// The records that are at hand and fit, oldest first, and the number of the newest one of all.
    #[must_use]
    pub fn recent(&self, filter: &Filter) -> (Vec<Arc<Record>>, u64) {
        let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        (ring.records.iter().filter(|record| filter.fits(record)).cloned().collect(), ring.id)
    }

    /// Starts to watch, after the record of a number, else from now on; `None` when too many watch.
    #[must_use]
    pub fn watch(self: &Arc<Self>, filter: Filter, after: Option<u64>) -> Option<Watcher> {
        let newest = self.newest.subscribe();
        let mut wishes = self.wishes.write().unwrap_or_else(PoisonError::into_inner);
        let here = wishes.iter().filter(|wish| wish.is_here()).count();
        if here >= MAX_WATCHERS {
            return None;
        }
        // Of those who left, the last ones may come back.
        if wishes.len() >= 2 * MAX_WATCHERS
            && let Some(oldest) = wishes.iter().position(|wish| !wish.is_here())
        {
            wishes.remove(oldest);
        }
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let before = Filter { verdict: String::new(), ..filter.clone() };
        wishes.push(Wish { watcher: number, filter: filter.clone(), before, until_ms: i64::MAX });
        self.count.store(here + 1, Ordering::Relaxed);
        drop(wishes);
        let now = self.ring.lock().unwrap_or_else(PoisonError::into_inner).id;
        // A number that was never given is from before a restart: all that is at hand came after it.
        let last = after.map_or(now, |after| if after > now { 0 } else { after });
        let unshown = self.unshown(&filter);
        Some(Watcher { live: self.clone(), number, filter, last, unshown, newest, until_ms: None })
    }
}

/// What a watcher is told.
#[derive(Debug, Clone)]
pub enum Told {
    /// Something that happened.
    Record(Arc<Record>),
    /// So many that may have fitted cannot be shown.
    Missed(u64),
}

/// Somebody who watches. Dropping it ends that.
pub struct Watcher {
    live: Arc<Live>,
    number: u64,
    filter: Filter,
    last: u64,
    unshown: u64,
    newest: watch::Receiver<u64>,
    until_ms: Option<i64>,
}

impl Watcher {
    /// What is new; waits until something is.
    pub async fn next(&mut self) -> Vec<Told> {
        loop {
            self.newest.mark_unchanged();
            let told = self.look();
            if !told.is_empty() {
                return told;
            }
            if self.newest.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// The number of the newest record that was looked at.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.last
    }

    /// Tells that somebody was still there at this time; records are made a while longer after the watcher is gone.
    pub fn is_there(&mut self, now_ms: i64) {
        self.until_ms = Some(now_ms + LINGER_MS);
    }

    fn look(&mut self) -> Vec<Told> {
        let unshown = self.live.unshown(&self.filter);
        let mut missed = unshown - self.unshown;
        self.unshown = unshown;
        let ring = self.live.ring.lock().unwrap_or_else(PoisonError::into_inner);
        let first = ring.records.front().map_or(ring.id + 1, |record| record.id);
        missed += (first - 1).saturating_sub(self.last);
        let skip = usize::try_from((self.last + 1).saturating_sub(first)).unwrap_or(usize::MAX);
        let new: Vec<_> =
            ring.records.iter().skip(skip).filter(|record| self.filter.fits(record)).cloned().collect();
        self.last = ring.id;
        drop(ring);
        let missed = (missed > 0).then_some(Told::Missed(missed));
        missed.into_iter().chain(new.into_iter().map(Told::Record)).collect()
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let mut wishes = self.live.wishes.write().unwrap_or_else(PoisonError::into_inner);
        match self.until_ms {
            Some(until_ms) => {
                self.live.linger_ms.fetch_max(until_ms, Ordering::Relaxed);
                let own = wishes.iter_mut().filter(|wish| wish.watcher == self.number);
                own.for_each(|wish| wish.until_ms = until_ms);
            }
            None => wishes.retain(|wish| wish.watcher != self.number),
        }
        let here = wishes.iter().filter(|wish| wish.is_here()).count();
        self.live.count.store(here, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(at_ms: i64, id: &str) -> Record {
        let event = EventRef { event_id: Some(id.to_owned()), ..EventRef::default() };
        Record { events: vec![event], ..Record::new(at_ms, Kind::Event) }
    }

    fn offer(live: &Live, at_ms: i64, id: &str) -> Option<u64> {
        live.offer(record(at_ms, id), || Value::Null)
    }

    fn told(watcher: &mut Watcher) -> (Vec<String>, u64) {
        let (mut ids, mut missed) = (vec![], 0);
        for told in watcher.look() {
            match told {
                Told::Record(record) => ids.extend(record.events[0].event_id.clone()),
                Told::Missed(count) => missed += count,
            }
        }
        (ids, missed)
    }

    #[test]
    fn nobody_watching_costs_a_look_at_a_number() {
        let live = Arc::new(Live::default());
        assert!(!live.is_watched(0));
        let mut watcher = live.watch(Filter::default(), None).unwrap();
        assert!(live.is_watched(0));
        watcher.is_there(1_000);
        drop(watcher);
        assert!(live.is_watched(1_000 + LINGER_MS - 1) && !live.is_watched(1_000 + LINGER_MS));
        let all: Vec<_> = (0..MAX_WATCHERS).map(|_| live.watch(Filter::default(), None).unwrap()).collect();
        assert!(live.watch(Filter::default(), None).is_none());
        drop(all);
        assert!(live.watch(Filter::default(), None).is_some());
    }

    #[test]
    fn a_watcher_resumes_and_is_told_what_it_missed() {
        let live = Arc::new(Live::default());
        let mut first = live.watch(Filter::default(), None).unwrap();
        for i in 0..10 {
            assert_eq!(offer(&live, 0, &i.to_string()), Some(i + 1));
        }
        assert_eq!(told(&mut first).0.len(), 10);
        let mut resumed = live.watch(Filter::default(), Some(7)).unwrap();
        assert_eq!(told(&mut resumed), (vec!["7".into(), "8".into(), "9".into()], 0));
        // From before a restart.
        let mut older = live.watch(Filter::default(), Some(700)).unwrap();
        assert_eq!(told(&mut older).0.len(), 10);
        for i in 0..MAX_RECORDS as i64 + 5 {
            assert!(offer(&live, i * 1_000, "x").is_some());
        }
        let (ids, missed) = told(&mut resumed);
        assert_eq!((ids.len(), missed), (MAX_RECORDS, 5));
    }

    #[test]
    fn who_left_may_come_back_for_a_while() {
        let live = Arc::new(Live::default());
        let _another = live.watch(Filter { id: "b".into(), ..Filter::default() }, None).unwrap();
        let mut one = live.watch(Filter { id: "a".into(), ..Filter::default() }, None).unwrap();
        one.is_there(1_000);
        drop(one);
        assert!(offer(&live, 1_001, "a").is_some());
        assert!(offer(&live, 1_001, "c").is_none());
        assert!(offer(&live, 1_000 + LINGER_MS, "a").is_none());
        for _ in 0..100 {
            let mut watcher = live.watch(Filter::default(), None).unwrap();
            watcher.is_there(1_000);
        }
        assert!(live.wishes.read().unwrap().len() <= 2 * MAX_WATCHERS);
    }

    #[test]
    fn a_crowd_is_counted_and_single_events_are_found_in_it() {
        let live = Arc::new(Live::default());
        let mut all = live.watch(Filter::default(), None).unwrap();
        let filter = Filter { id: "needle".into(), ..Filter::default() };
        let mut one = live.watch(filter, None).unwrap();
        for i in 0..50_000 {
            offer(&live, 0, if i == 40_000 { "needle" } else { "hay" });
        }
        let (ids, missed) = told(&mut all);
        assert_eq!(ids.len() as u64 + missed, 50_000);
        assert_eq!(told(&mut one).0, ["needle"]);
        drop(all);
        // What nobody asked for is not made.
        assert_eq!(offer(&live, 60_000, "hay"), None);
    }

    #[test]
    fn memory_is_bounded() {
        let live = Arc::new(Live::default());
        let _watcher = live.watch(Filter::default(), None).unwrap();
        for i in 0..900 {
            live.offer(record(i * 1_000, "x"), || "y".repeat(64 << 10).into());
        }
        let ring = live.ring.lock().unwrap();
        assert!(ring.bytes <= MAX_BYTES && ring.records.len() > 50);
        assert_eq!(ring.bytes, ring.records.iter().map(|r| r.weight()).sum::<usize>());
    }
}
