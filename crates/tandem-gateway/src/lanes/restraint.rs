//! How hard a platform is pressed: full speed, gently while it is in trouble, hardly at all while it is stopped.

use std::time::Duration;

use tandem_destinations::Definition;
use tokio::time::Instant;

/// How a platform is disposed, as its answers tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    /// It takes events.
    Fine,
    /// It does not answer, or asks for patience.
    Trouble,
    /// A person must mend something.
    Stopped,
}

/// First and longest pause while the platform is in trouble. Each delivery has its own due time besides; this keeps a
/// million waiting ones from being tried, and rewritten, one after another.
const TROUBLE: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(60));

/// The same while it is stopped: one event a time.
const STOPPED: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(900));

/// What a lane holds itself to.
#[derive(Debug, Default)]
pub(super) struct Restraint {
    stopped: bool,
    failures: u32,
    until: Option<Instant>,
}

impl Restraint {
    /// At start: a lane that was stopped tries one event at once.
    pub(super) fn new(stopped: bool) -> Self {
        Self { stopped, ..Self::default() }
    }

    /// Calls at once, and events in one.
    pub(super) fn room(&self, definition: &Definition) -> (usize, usize) {
        match (self.stopped, self.failures) {
            (true, _) => (1, 1),
            (false, 0) => (definition.concurrency, definition.max_batch),
            (false, _) => (1, definition.max_batch),
        }
    }

    /// When the next call may start, if not now.
    pub(super) fn until(&self, now: Instant) -> Option<Instant> {
        self.until.filter(|until| *until > now)
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// A person mended it, or says so.
    pub(super) fn lift(&mut self) {
        *self = Self::default();
    }

    pub(super) fn note(&mut self, mood: Mood, now: Instant) {
        // Calls that were under way when the pause began tell nothing new.
        let pausing = self.until(now).is_some();
        match mood {
            Mood::Fine => self.lift(),
            Mood::Trouble if pausing => {}
            Mood::Stopped if pausing && self.stopped => {}
            Mood::Trouble => self.pause(if self.stopped { STOPPED } else { TROUBLE }, now),
            Mood::Stopped => {
                if !self.stopped {
                    self.failures = 0;
                }
                self.stopped = true;
                self.pause(STOPPED, now);
            }
        }
    }

    fn pause(&mut self, (first, longest): (Duration, Duration), now: Instant) {
        self.until = Some(now + first.saturating_mul(1 << self.failures.min(16)).min(longest));
        self.failures += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pauses in milliseconds after each of these moods, the next one always coming when the pause is over.
    fn pauses(moods: &[Mood]) -> Vec<u128> {
        let (mut restraint, mut now) = (Restraint::default(), Instant::now());
        let step = |mood: &Mood| {
            restraint.note(*mood, now);
            let pause = restraint.until(now).map_or(Duration::ZERO, |until| until - now);
            now += pause;
            pause.as_millis()
        };
        moods.iter().map(step).collect()
    }

    #[test]
    fn pauses_double_and_end_with_the_first_success() {
        use Mood::{Fine, Stopped, Trouble};
        assert_eq!(pauses(&[Trouble, Trouble, Trouble, Fine, Trouble]), [250, 500, 1_000, 0, 250]);
        assert_eq!(pauses(&[Trouble, Stopped, Stopped, Trouble, Fine]), [250, 30_000, 60_000, 120_000, 0]);
        assert_eq!(pauses(&[Trouble; 12]).last(), Some(&60_000));
        assert_eq!(pauses(&[Stopped; 9]).last(), Some(&900_000));
    }

    #[test]
    fn calls_that_end_together_count_once() {
        let (mut restraint, now) = (Restraint::default(), Instant::now());
        for _ in 0..4 {
            restraint.note(Mood::Trouble, now);
        }
        assert_eq!(restraint.until(now), Some(now + TROUBLE.0));
    }
}
