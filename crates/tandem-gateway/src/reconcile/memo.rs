//! Comparisons that are kept, so that the page of a busy shop does not wait for one.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tandem_core::reconcile::{DEFAULT_DAYS, MAX_DAYS, Report};
use tokio::sync::{Semaphore, watch};

use super::Error;

/// A comparison may be as old as so many times what it took to make: a fiftieth of one core at most goes into one window.
const AGE_FOR_MAKING: i64 = 50;

/// Nothing older is shown, milliseconds.
pub(super) const OLDEST_MS: i64 = 3_600_000;

/// Who waits for less does not notice, milliseconds.
pub(super) const QUICK_MS: i64 = 100;

/// Windows that are kept. A report lists [`tandem_core::reconcile::MAX_LISTED`] differences at most, which is some 300 kB.
const MOST: usize = 64;

/// Comparisons at once. One of them is for who waits: what is made ahead takes one place at most.
const AT_ONCE: usize = 2;

/// A comparison, and when and how it was made.
#[derive(Debug)]
pub struct Comparison {
    /// What came of it.
    pub report: Report,
    /// Events that it lacks, since they were not counted yet.
    pub behind: i64,
    /// When it looked, Unix milliseconds.
    pub made_ms: i64,
    /// How long that took, milliseconds.
    pub took_ms: i64,
}

/// What is done with a kept comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Serve {
    /// It is shown.
    Kept,
    /// It is shown, and a newer one is made meanwhile.
    KeptAndRenew,
    /// A newer one is made and shown.
    Wait,
}

/// What to do with a comparison of this age that took so long to make, both in milliseconds.
#[must_use]
pub(super) fn serve(age_ms: i64, took_ms: i64) -> Serve {
    let fine_ms = took_ms.max(0).saturating_mul(AGE_FOR_MAKING).min(OLDEST_MS);
    match age_ms {
        // The clock was set back: nobody knows how old it is.
        ..0 => Serve::Wait,
        age if age <= fine_ms => Serve::Kept,
        age if took_ms < QUICK_MS || age > OLDEST_MS => Serve::Wait,
        _ => Serve::KeptAndRenew,
    }
}

/// What is compared.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Window {
    pub(super) site: String,
    pub(super) days: u32,
}

impl Window {
    pub(super) fn new(site: &str, days: Option<u32>) -> Self {
        Self { site: site.to_owned(), days: days.unwrap_or(DEFAULT_DAYS).clamp(1, MAX_DAYS) }
    }
}

pub(super) type Made = Result<Arc<Comparison>, Error>;

/// A comparison that is being made: `None` until it is there.
pub(super) type Making = watch::Receiver<Option<Made>>;

#[derive(Default)]
struct Slot {
    kept: Option<Arc<Comparison>>,
    making: Option<Making>,
    /// The greater, the later.
    used: u64,
}

#[derive(Default)]
struct Slots {
    by_window: HashMap<Window, Slot>,
    uses: u64,
}

impl Slots {
    fn of(&mut self, window: &Window) -> &mut Slot {
        if self.by_window.len() >= MOST && !self.by_window.contains_key(window) {
            let idle =
                self.by_window.iter().min_by_key(|(_, slot)| slot.used).map(|(window, _)| window.clone());
            idle.and_then(|window| self.by_window.remove(&window));
        }
        self.uses += 1;
        let slot = self.by_window.entry(window.clone()).or_default();
        slot.used = self.uses;
        slot
    }
}

/// The kept comparisons, by window.
pub(crate) struct Memo {
    slots: Mutex<Slots>,
    made: AtomicU64,
    pub(super) places: Semaphore,
    /// For what nobody waits for.
    pub(super) ahead: Semaphore,
}

impl Default for Memo {
    fn default() -> Self {
        let (places, ahead) = (Semaphore::new(AT_ONCE), Semaphore::new(AT_ONCE - 1));
        Self { slots: Mutex::default(), made: AtomicU64::new(0), places, ahead }
    }
}

impl Memo {
    fn slots(&self) -> MutexGuard<'_, Slots> {
        // What is kept is exchanged whole: a panic cannot leave half of it behind.
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is kept of a window, and whether a newer one is being made.
    pub(super) fn kept(&self, window: &Window) -> Option<(Arc<Comparison>, bool)> {
        let mut slots = self.slots();
        // Who only asks takes nobody's place.
        slots.by_window.get(window)?;
        let slot = slots.of(window);
        let making = slot.making.as_ref().is_some_and(under_way);
        Some((slot.kept.clone()?, making))
    }

    /// The comparison of a window that is being made; if none is, a new one, and where to tell what came of it.
    pub(super) fn join(&self, window: &Window) -> (Making, Option<watch::Sender<Option<Made>>>) {
        let mut slots = self.slots();
        let slot = slots.of(window);
        if let Some(making) = slot.making.as_ref().filter(|making| under_way(making)) {
            return (making.clone(), None);
        }
        let (teller, making) = watch::channel(None);
        slot.making = Some(making.clone());
        (making, Some(teller))
    }

    /// Keeps what was made, unless it was forgotten meanwhile: it may lack what was brought since it looked.
    pub(super) fn landed(&self, window: &Window, making: &Making, made: &Made) {
        let mut slots = self.slots();
        let slot = slots.by_window.get_mut(window);
        let ours = |slot: &&mut Slot| slot.making.as_ref().is_some_and(|known| known.same_channel(making));
        if let Some(slot) = slot.filter(ours) {
            slot.making = None;
            if let Ok(comparison) = made {
                slot.kept = Some(comparison.clone());
            }
        }
        if made.is_ok() {
            self.made.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Forgets a site's comparisons, also those under way.
    pub(super) fn forget(&self, site: &str) {
        self.slots().by_window.retain(|window, _| window.site != site);
    }

    /// Forgets all.
    pub(crate) fn forget_all(&self) {
        self.slots().by_window.clear();
    }

    /// Forgets a site's comparisons when what is returned goes, however that happens: of what fails half is kept.
    pub(super) fn forget_after<'a>(&'a self, site: &'a str) -> impl Drop + use<'a> {
        Forget { memo: self, site }
    }

    pub(super) fn made(&self) -> u64 {
        self.made.load(Ordering::Relaxed)
    }
}

/// Whether who makes it is still there.
fn under_way(making: &Making) -> bool {
    making.has_changed().is_ok()
}

struct Forget<'a> {
    memo: &'a Memo,
    site: &'a str,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.memo.forget(self.site);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(site: &str, days: u32) -> Window {
        Window::new(site, Some(days))
    }

    fn comparison(made_ms: i64) -> Made {
        let report = tandem_core::reconcile::Reconciler::new(tandem_core::reconcile::Scope {
            settings: Default::default(),
            now_ms: made_ms,
            days: 1,
            destinations: vec![],
            since_ms: 0,
            list: None,
        });
        let report = report.finish(&[], &Default::default());
        Ok(Arc::new(Comparison { report, behind: 0, made_ms, took_ms: 4_000 }))
    }

    /// Makes one, with what happens meanwhile.
    fn make(memo: &Memo, window: &Window, made_ms: i64, meanwhile: impl FnOnce()) {
        let (making, teller) = memo.join(window);
        let teller = teller.unwrap();
        meanwhile();
        memo.landed(window, &making, &comparison(made_ms));
        drop(teller);
    }

    fn made_ms(memo: &Memo, window: &Window) -> Option<i64> {
        memo.kept(window).map(|(comparison, _)| comparison.made_ms)
    }

    #[test]
    fn the_longer_it_took_the_older_it_may_be_up_to_an_hour() {
        for (age_ms, took_ms, expected) in [
            (0, 0, Serve::Kept),
            (1, 0, Serve::Wait),
            (250, 5, Serve::Kept),
            (251, 5, Serve::Wait),
            (4_950, 99, Serve::Kept),
            (4_951, 99, Serve::Wait),
            (5_000, 100, Serve::Kept),
            (5_001, 100, Serve::KeptAndRenew),
            (200_000, 4_000, Serve::Kept),
            (200_001, 4_000, Serve::KeptAndRenew),
            (OLDEST_MS, 4_000, Serve::KeptAndRenew),
            (OLDEST_MS + 1, 4_000, Serve::Wait),
            (OLDEST_MS, 600_000, Serve::Kept),
            (OLDEST_MS + 1, 600_000, Serve::Wait),
            (OLDEST_MS + 1, i64::MAX, Serve::Wait),
            (-1, 4_000, Serve::Wait),
            (0, -1, Serve::Kept),
        ] {
            assert_eq!(serve(age_ms, took_ms), expected, "{age_ms} ms old, took {took_ms} ms");
        }
    }

    #[test]
    fn who_comes_while_one_is_made_joins_it() {
        let (memo, shop) = (Memo::default(), window("shop", 14));
        let (first, teller) = memo.join(&shop);
        let (second, none) = memo.join(&shop);
        assert!(none.is_none() && first.same_channel(&second));
        assert!(memo.join(&window("shop", 7)).1.is_some(), "another window is another comparison");
        // Whoever made it is gone without a word: the next one makes it.
        drop(teller);
        assert!(memo.join(&shop).1.is_some());
    }

    #[test]
    fn what_was_forgotten_while_it_was_made_is_not_kept() {
        let (memo, shop, other) = (Memo::default(), window("shop", 14), window("other", 14));
        make(&memo, &shop, 1, || {});
        make(&memo, &other, 1, || {});
        assert_eq!((made_ms(&memo, &shop), made_ms(&memo, &other)), (Some(1), Some(1)));
        make(&memo, &shop, 2, || drop(memo.forget_after("shop")));
        assert_eq!((made_ms(&memo, &shop), made_ms(&memo, &other)), (None, Some(1)));
        make(&memo, &shop, 3, || {});
        assert_eq!(made_ms(&memo, &shop), Some(3));
        memo.forget_all();
        assert_eq!((made_ms(&memo, &shop), made_ms(&memo, &other)), (None, None));
        assert_eq!(memo.made(), 4);
    }

    #[test]
    fn of_many_windows_the_least_used_goes() {
        let memo = Memo::default();
        let most = u32::try_from(MOST).unwrap();
        (1..=most).for_each(|days| make(&memo, &window("shop", days), i64::from(days), || {}));
        assert_eq!(made_ms(&memo, &window("shop", 1)), Some(1));
        // Nobody's place is taken by a question.
        assert_eq!(made_ms(&memo, &window("nobody", 1)), None);
        make(&memo, &window("shop", most + 1), 0, || {});
        assert_eq!(made_ms(&memo, &window("shop", 2)), None);
        assert_eq!(made_ms(&memo, &window("shop", 1)), Some(1));
        assert_eq!(memo.slots().by_window.len(), MOST);
    }
}
