//! Numbers of signed requests, each used once. A restart forgets them: that lets a request of the last minutes be made again
//! once, which the order ledger answers with "duplicate".

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tandem_sources::woocommerce::{Stamp, WINDOW_S};

/// Remembered at once of one site. Only a plugin with the right secret adds any: thirty requests a second for ten minutes.
const MAX_NONCES: usize = 20_000;

/// What is known of a request's nonce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nonce {
    /// Not used yet, and remembered from now on.
    New,
    /// Used before.
    Used,
    /// As many were used as are remembered.
    TooMany,
}

/// By site: nonces of requests whose time is still taken, each with that time. Times are passed in.
#[derive(Debug, Default)]
pub(crate) struct Nonces(Mutex<HashMap<String, HashMap<u128, i64>>>);

impl Nonces {
    /// Uses a nonce. The stamp is timely at `now_s`, Unix seconds.
    pub(crate) fn take(&self, site: &str, stamp: Stamp, now_s: i64) -> Nonce {
        // Nothing in here panics half-way through a change.
        let mut sites = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let used = sites.entry(site.to_owned()).or_default();
        if used.contains_key(&stamp.nonce) {
            return Nonce::Used;
        }
        if used.len() >= MAX_NONCES {
            used.retain(|_, time_s| time_s.saturating_add(WINDOW_S) >= now_s);
        }
        if used.len() >= MAX_NONCES {
            return Nonce::TooMany;
        }
        used.insert(stamp.nonce, stamp.time_s);
        Nonce::New
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(nonce: u128, time_s: i64) -> Stamp {
        Stamp { time_s, nonce }
    }

    #[test]
    fn each_is_used_once_and_each_site_has_its_own() {
        let nonces = Nonces::default();
        assert_eq!(nonces.take("shop", stamp(7, 1_000), 1_000), Nonce::New);
        assert_eq!(nonces.take("shop", stamp(7, 1_001), 1_001), Nonce::Used);
        assert_eq!(nonces.take("other", stamp(7, 1_000), 1_000), Nonce::New);
        assert_eq!(nonces.take("shop", stamp(8, 1_000), 1_000), Nonce::New);
    }

    #[test]
    fn memory_is_bounded_and_what_is_too_old_makes_room() {
        let nonces = Nonces::default();
        let fill = |time_s: i64| {
            (0..MAX_NONCES as u128)
                .map(|n| nonces.take("shop", stamp(n, time_s), time_s))
                .filter(|nonce| *nonce == Nonce::New)
                .count()
        };
        assert_eq!(fill(1_000), MAX_NONCES);
        // Signed at the latest moment that is taken: nothing may be forgotten before its time is up.
        let late = 1_000 + WINDOW_S;
        assert_eq!(nonces.take("shop", stamp(u128::MAX, late), late), Nonce::TooMany);
        assert_eq!(nonces.take("shop", stamp(0, late), late), Nonce::Used);
        assert_eq!(nonces.take("shop", stamp(u128::MAX, late + 1), late + 1), Nonce::New);
        assert_eq!(fill(late + 1), MAX_NONCES - 1);
    }
}
