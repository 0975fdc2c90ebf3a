//! Planned crashes, for tests: the process ends without any clean-up when it passes a named point the n-th time.
//!
//! Compiled in only with the feature `drill`; otherwise [`point`] is nothing at all.

/// The points a crash can be planned at, in the order an event passes them.
pub const POINTS: &[&str] = &[
    "store.before_begin",
    "store.before_commit",
    "store.after_commit",
    "lane.before_call",
    "lane.after_call",
    "lane.after_record",
];

#[cfg(feature = "drill")]
mod plan {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    pub(super) static PLAN: OnceLock<(String, u64)> = OnceLock::new();
    static PASSED: AtomicU64 = AtomicU64::new(0);

    pub(super) fn pass(name: &str) {
        let Some((planned, nth)) = PLAN.get() else { return };
        if planned == name && PASSED.fetch_add(1, Ordering::SeqCst) + 1 == *nth {
            std::process::abort();
        }
    }
}

/// Plans a crash: `lane.after_call:3` ends the process at the third pass.
///
/// # Errors
/// A text when the plan cannot be read or one is in force already.
#[cfg(feature = "drill")]
pub fn plan(text: &str) -> Result<(), String> {
    let (name, nth) = text.split_once(':').ok_or("write POINT:N")?;
    if !POINTS.contains(&name) {
        return Err(format!("points are {}", POINTS.join(", ")));
    }
    let nth = nth.parse().map_err(|_| "N is a number".to_owned())?;
    plan::PLAN.set((name.to_owned(), nth)).map_err(|_| "a plan is in force".to_owned())
}

/// Passes a point.
#[cfg(feature = "drill")]
pub fn point(name: &str) {
    plan::pass(name);
}

/// Passes a point.
#[cfg(not(feature = "drill"))]
#[inline]
pub fn point(_name: &str) {}
