//! Token buckets for the request rates.

use std::collections::HashMap;

/// Names remembered before the map is emptied; a sandbox needs no more.
const MOST_NAMES: usize = 10_000;

#[derive(Debug)]
struct Bucket {
    left: f64,
    at_ms: i64,
}

/// One bucket for each name, holding a second's worth of requests.
#[derive(Debug, Default)]
pub(crate) struct Buckets(HashMap<String, Bucket>);

impl Buckets {
    /// Takes one request out of the bucket; `false` if it is empty.
    pub(crate) fn take(&mut self, name: &str, per_s: u32, now_ms: i64) -> bool {
        let full = f64::from(per_s);
        if !self.0.contains_key(name) {
            if self.0.len() >= MOST_NAMES {
                self.0.clear();
            }
            self.0.insert(name.to_owned(), Bucket { left: full, at_ms: now_ms });
        }
        let Some(bucket) = self.0.get_mut(name) else { return true };
        // A clock that is set back does not take anything away.
        let passed_ms = i32::try_from((now_ms - bucket.at_ms).max(0)).unwrap_or(i32::MAX);
        bucket.left = (bucket.left + full * f64::from(passed_ms) / 1000.0).min(full);
        bucket.at_ms = now_ms;
        let enough = bucket.left >= 1.0;
        if enough {
            bucket.left -= 1.0;
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::Buckets;

    #[test]
    fn bucket_refills_with_time() {
        let mut buckets = Buckets::default();
        assert!(buckets.take("a", 2, 0));
        assert!(buckets.take("a", 2, 0));
        assert!(!buckets.take("a", 2, 0));
        assert!(buckets.take("b", 2, 0), "names do not share a bucket");
        assert!(!buckets.take("a", 2, 400));
        assert!(buckets.take("a", 2, 500));
        assert!(!buckets.take("a", 2, 500));
    }
}
