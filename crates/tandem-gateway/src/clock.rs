//! What time it is: the one seam to the wall clock.

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Unix milliseconds, UTC.
    fn now_ms(&self) -> i64;

    /// Unix seconds, UTC.
    fn now_s(&self) -> i64 {
        self.now_ms().div_euclid(1_000)
    }
}

/// The machine's clock, moved by a fixed amount.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock {
    /// Added to the machine's time; for drills that need another day.
    pub offset_ms: i64,
}

impl SystemClock {
    /// A clock that reads `start_ms` now and runs on from there.
    #[must_use]
    pub fn starting_at(start_ms: i64) -> Self {
        Self { offset_ms: start_ms - Self::default().now_ms() }
    }
}

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods)] // The one place that may.
    fn now_ms(&self) -> i64 {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX).saturating_add(self.offset_ms)
    }
}
