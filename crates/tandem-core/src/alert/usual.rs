//! What is usual: the same hours of the weeks before, and how far from them chance alone may lead.

/// Weeks that are compared with.
pub const WEEKS: usize = 4;

/// Weeks of them that must have something: before that a shop has no habit.
pub const MIN_WEEKS: usize = 3;

/// What is expected must be this much, or its absence says nothing.
pub const MIN_EXPECTED: f64 = 20.0;

/// By how many standard deviations chance may fall short. Counts that come by themselves vary by the root of their mean;
/// weeks that differ by more than that are believed to.
const DEVIATIONS: f64 = 3.0;

/// How far `now` is below what `weeks` (the same hours of the weeks before) make plausible, as a share of that: 0.3 is
/// three tenths below the least that chance explains. `None` where there is too little to compare with.
#[must_use]
pub fn fall(now: i64, weeks: &[i64]) -> Option<Fall> {
    if weeks.iter().filter(|n| **n > 0).count() < MIN_WEEKS {
        return None;
    }
    let counts = || weeks.iter().map(|n| float(*n));
    let len = float(i64::try_from(weeks.len()).ok()?);
    let mean = counts().sum::<f64>() / len;
    if mean < MIN_EXPECTED {
        return None;
    }
    let spread = counts().map(|n| (n - mean).powi(2)).sum::<f64>() / (len - 1.0).max(1.0);
    let least = mean - DEVIATIONS * spread.max(mean).sqrt();
    // Weeks this different make nothing implausible.
    let share = if least <= 0.0 { 0.0 } else { (1.0 - float(now) / least).max(0.0) };
    Some(Fall { share, mean, least: least.max(0.0) })
}

/// See [`fall`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fall {
    /// How far below the least that is plausible, as a share of it; 0 when it is not.
    pub share: f64,
    /// The weeks' mean.
    pub mean: f64,
    /// The least that chance explains.
    pub least: f64,
}

/// How many events are missing of somebody who has been silent: what came in the same hours of the second quietest of the
/// weeks, so that one week of holidays, or of another outage, is no measure. `None` without a habit.
#[must_use]
pub fn missed(weeks: &[i64]) -> Option<i64> {
    let mut weeks = weeks.to_vec();
    weeks.sort_unstable();
    if weeks.iter().filter(|n| **n > 0).count() < MIN_WEEKS {
        return None;
    }
    weeks.get(1).copied()
}

/// Counts are far below what a float holds exactly.
#[allow(clippy::cast_precision_loss)]
fn float(n: i64) -> f64 {
    n as f64
}
