//! When to try again: a pure function from the past to the next due time.

/// How a failed call wants to be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Passing trouble: time-outs, 5xx, a per-second limit.
    Backoff,
    /// Trouble that takes minutes: maintenance, a limit on one pixel.
    Slow,
}

/// Limits of repeating.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Horizon {
    /// No attempt starts later than this after the first one, in milliseconds. It must lie inside the platform's
    /// duplicate window, since a repeated id outside of it counts a second time.
    pub after_first_ms: i64,
}

const FIRST_MS: i64 = 1_000;
const SLOW_FIRST_MS: i64 = 60_000;
const CEILING_MS: i64 = 30 * 60_000;

/// The next due time, or `None` when the horizon is reached.
///
/// Doubles from 1 second (60 seconds for [`Pace::Slow`]) to half an hour, then stays there. `random` in `0.0..1.0`
/// takes up to a quarter off, so that a crowd of deliveries does not come back in one step. `asked_ms` is the
/// platform's own wish, which is never undercut.
#[must_use]
pub fn next_due(
    pace: Pace,
    attempts: u32,
    first_attempt_ms: i64,
    now_ms: i64,
    asked_ms: Option<i64>,
    random: f64,
    horizon: Horizon,
) -> Option<i64> {
    let first = match pace {
        Pace::Backoff => FIRST_MS,
        Pace::Slow => SLOW_FIRST_MS,
    };
    let doubled = first.saturating_mul(1_i64 << attempts.saturating_sub(1).min(20));
    let wait = doubled.min(CEILING_MS);
    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
    let jitter = (wait as f64 * 0.25 * random.clamp(0.0, 1.0)) as i64;
    let due = now_ms + (wait - jitter).max(asked_ms.unwrap_or(0));
    (due <= first_attempt_ms + horizon.after_first_ms).then_some(due)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO_DAYS: Horizon = Horizon { after_first_ms: 48 * 3_600_000 };

    #[test]
    fn doubles_to_the_ceiling() {
        let waits: Vec<i64> = (1..=13)
            .filter_map(|n| next_due(Pace::Backoff, n, 0, 0, None, 0.0, TWO_DAYS))
            .map(|ms| ms / 1000)
            .collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1800, 1800]);
        assert_eq!(next_due(Pace::Slow, 1, 0, 0, None, 0.0, TWO_DAYS), Some(60_000));
    }

    #[test]
    fn never_past_the_horizon_and_never_before_the_wish() {
        let late = 48 * 3_600_000 - 10;
        assert_eq!(next_due(Pace::Backoff, 3, 0, late, None, 0.0, TWO_DAYS), None);
        assert_eq!(next_due(Pace::Backoff, 1, 0, 0, Some(90_000), 0.9, TWO_DAYS), Some(90_000));
    }

    #[test]
    fn a_day_long_outage_costs_about_sixty_attempts() {
        let (mut now, mut attempts) = (0, 0);
        while let Some(due) = next_due(Pace::Backoff, attempts + 1, 0, now, None, 0.5, TWO_DAYS) {
            now = due;
            attempts += 1;
            if now > 24 * 3_600_000 {
                break;
            }
        }
        assert!((55..=70).contains(&attempts), "{attempts}");
    }
}
