//! The comparison as the page shows it: kept ones where they are young enough, and those of busy shops made ahead.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::Error;
use super::memo::{self, Comparison, Made, Making, OLDEST_MS, QUICK_MS, Serve, Window};
use crate::Gateway;

/// How often it is looked whether a comparison is to be made ahead.
const TICK: Duration = Duration::from_secs(60);

/// By then the follower has told how far behind it is.
const AFTER_START: Duration = Duration::from_secs(5);

/// Events that may still be uncounted when the first comparison is made ahead.
const FEW: i64 = 1_000;

/// So long before nobody may see it any more a kept one is made anew, milliseconds: time for those of all sites.
const EARLY_MS: i64 = 600_000;

/// What the page gets.
#[derive(Debug)]
pub struct Compared {
    /// The comparison.
    pub comparison: Arc<Comparison>,
    /// A newer one is being made.
    pub is_renewed: bool,
}

/// Whether somebody waits for a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Now,
    Ahead,
}

impl Gateway {
    /// A site's comparison, with all destinations, as it is kept or made anew; `fresh`: made after this was asked, or
    /// under way then.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn compared(
        self: &Arc<Self>,
        site: &str,
        days: Option<u32>,
        fresh: bool,
    ) -> Result<Compared, Error> {
        self.known_site(site)?;
        let window = Window::new(site, days);
        if let Some((comparison, under_way)) = self.comparisons.kept(&window).filter(|_| !fresh) {
            let age_ms = self.clock.now_ms().saturating_sub(comparison.made_ms);
            match memo::serve(age_ms, comparison.took_ms) {
                Serve::Kept => return Ok(Compared { comparison, is_renewed: under_way }),
                Serve::KeptAndRenew => {
                    self.make(&window, Wanted::Ahead);
                    return Ok(Compared { comparison, is_renewed: true });
                }
                Serve::Wait => {}
            }
        }
        let comparison = landing(self.make(&window, Wanted::Now)).await?;
        Ok(Compared { comparison, is_renewed: false })
    }

    /// How many comparisons were made to be kept, since the start.
    #[must_use]
    pub fn comparisons_made(&self) -> u64 {
        self.comparisons.made()
    }

    /// Begins a comparison, or joins the one that is under way. It goes on when who asked goes away.
    fn make(self: &Arc<Self>, window: &Window, wanted: Wanted) -> Making {
        let (making, teller) = self.comparisons.join(window);
        if let Some(teller) = teller {
            let (gateway, window, making) = (self.clone(), window.clone(), making.clone());
            tokio::spawn(async move {
                let made = gateway.compare(&window, wanted).await;
                gateway.comparisons.landed(&window, &making, &made);
                teller.send_replace(Some(made));
            });
        }
        making
    }

    async fn compare(&self, window: &Window, wanted: Wanted) -> Made {
        let ahead = &self.comparisons.ahead;
        let _ahead = match wanted {
            Wanted::Ahead => Some(ahead.acquire().await.map_err(|_| Error::Cut)?),
            Wanted::Now => None,
        };
        let _place = self.comparisons.places.acquire().await.map_err(|_| Error::Cut)?;
        // Only now: what is exchanged or brought later makes this comparison forgotten.
        let look = self.question(&window.site, Some(window.days), None)?;
        let store = self.store.clone();
        let read = tokio::task::spawn_blocking(move || {
            let (began, behind, made_ms) = (Instant::now(), store.insight_behind(), look.now_ms);
            let report = store.reconcile(&look)?;
            let took_ms = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
            Ok(Arc::new(Comparison { report, behind, made_ms, took_ms }))
        });
        read.await.map_err(|_| Error::Cut)?
    }
}

/// What comes of a comparison that is being made.
async fn landing(mut making: Making) -> Made {
    let made = making.wait_for(Option::is_some).await.map_err(|_| Error::Cut)?;
    made.clone().unwrap_or(Err(Error::Cut))
}

/// The last comparison of a site's usual window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Last {
    made_ms: i64,
    took_ms: i64,
}

/// Whether a site's usual window is to be compared ahead: once, and then only where somebody would have to wait for it.
fn is_due(now_ms: i64, last: Option<Last>, is_kept: bool) -> bool {
    let Some(last) = last else { return true };
    let age_ms = now_ms.saturating_sub(last.made_ms);
    match last.took_ms {
        ..QUICK_MS => false,
        _ if is_kept => !(0..OLDEST_MS - EARLY_MS).contains(&age_ms),
        // It was forgotten. What is forgotten often costs no more than what is looked at often.
        took_ms => memo::serve(age_ms, took_ms) != Serve::Kept,
    }
}

/// Keeps the usual window of every busy site compared, one after another, until `stop` turns true.
pub async fn run(gateway: Arc<Gateway>, mut stop: watch::Receiver<bool>) {
    let work = async {
        tokio::time::sleep(AFTER_START).await;
        let mut sites = gateway.sites_changed();
        let mut last = HashMap::new();
        loop {
            // While the insight file is made anew there is little to compare, and it soon is more. Asking it to catch up
            // would have it make haste, and slow down who takes events in.
            if !last.is_empty() || gateway.store.insight_behind() <= FEW {
                round(&gateway, &mut last).await;
            }
            tokio::select! {
                () = tokio::time::sleep(TICK) => {}
                _ = sites.changed() => {}
            }
        }
    };
    tokio::select! {
        () = work => {}
        _ = stop.wait_for(|stop| *stop) => {}
    }
}

/// Makes what is due.
async fn round(gateway: &Arc<Gateway>, last: &mut HashMap<String, Last>) {
    let sites = gateway.sites();
    last.retain(|id, _| sites.get(id).is_some());
    for site in sites.iter() {
        let window = Window::new(&site.site.id, None);
        let kept = gateway.comparisons.kept(&window).map(|(comparison, _)| comparison);
        if let Some(kept) = &kept {
            last.insert(window.site.clone(), of(kept));
        }
        if !is_due(gateway.clock.now_ms(), last.get(&window.site).copied(), kept.is_some()) {
            continue;
        }
        match landing(gateway.make(&window, Wanted::Ahead)).await {
            Ok(made) => {
                last.insert(window.site, of(&made));
            }
            Err(error) => tracing::warn!(site = window.site, %error, "cannot compare a site's orders ahead"),
        }
    }
}

fn of(comparison: &Comparison) -> Last {
    Last { made_ms: comparison.made_ms, took_ms: comparison.took_ms }
}

#[cfg(test)]
#[path = "ahead_tests.rs"]
mod tests;
