//! Asks platforms what they counted.
//!
//! Only closed days are asked for by the clock: what is still moving is asked for again until it is closed, and then
//! rests. A person may ask for any day at any time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tandem_core::names::PURCHASE;
use tandem_core::reconcile::{DAY_MS, DEFAULT_DAYS, MAX_DAYS, platform_day_is_closed};
use tandem_destinations::{Counted, Destination, REPORT_DAYS};
use tandem_store::{Keep, PlatformCount};
use tokio::sync::watch;

use super::Error;
use crate::transport::{Http, Transport};
use crate::{Gateway, SiteRuntime};

/// How often it is looked whether a day was closed.
const TICK: Duration = Duration::from_secs(900);

/// After a failure nobody is asked again for so long, in milliseconds.
const AFTER_FAILURE_MS: i64 = 6 * 3_600_000;

/// What a platform told, or why it did not.
#[derive(Debug, Clone, Serialize)]
pub struct Fetched {
    /// Destination.
    pub destination: String,
    /// Days that are kept now.
    pub days: usize,
    /// Why there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// Asks for closed days of every site that wants it, until `stop` turns true.
pub async fn run(gateway: Arc<Gateway>, http: Http, mut stop: watch::Receiver<bool>) {
    let mut sites = gateway.sites_changed();
    // Site and destination → when to ask again, after a failure.
    let mut rests: BTreeMap<(String, &'static str), i64> = BTreeMap::new();
    while !*stop.borrow() {
        let now_ms = gateway.clock.now_ms();
        for site in gateway.sites().iter().filter(|site| site.site.reconcile.fetch) {
            for lane in &site.lanes {
                let key = (site.site.id.clone(), lane.destination.definition().name);
                if rests.get(&key).is_some_and(|until| *until > now_ms) {
                    continue;
                }
                if let Err(why) = look(&gateway, &http, site, &*lane.destination, now_ms).await {
                    tracing::warn!(
                        site = key.0,
                        destination = key.1,
                        why,
                        "cannot learn what the platform counted"
                    );
                    rests.insert(key, now_ms + AFTER_FAILURE_MS);
                }
            }
        }
        tokio::select! {
            () = tokio::time::sleep(TICK) => {}
            _ = sites.changed() => {}
            _ = stop.changed() => {}
        }
    }
}

/// Closed days of the usual window that the platform did not tell of since they were closed.
async fn look(
    gateway: &Gateway,
    http: &Http,
    site: &SiteRuntime,
    destination: &dyn Destination,
    now_ms: i64,
) -> Result<(), String> {
    let today = now_ms.div_euclid(DAY_MS);
    let first = today - i64::from(DEFAULT_DAYS) + 1;
    let name = destination.definition().name;
    let known = gateway.store.platform_days(&site.site.id, name, first).map_err(|error| error.to_string())?;
    let is_final = |day: &i64| known.get(day).is_some_and(|told_ms| platform_day_is_closed(*day, *told_ms));
    let missing: Vec<i64> =
        (first..=today).filter(|day| platform_day_is_closed(*day, now_ms) && !is_final(day)).collect();
    let (Some(first), Some(last)) = (missing.first(), missing.last()) else { return Ok(()) };
    ask(gateway, http, &site.site.id, destination, (*first, *last)).await.map(|_| ())
}

/// Asks for some days and keeps what comes; how many days were told of.
pub(super) async fn ask(
    gateway: &Gateway,
    http: &Http,
    site: &str,
    destination: &dyn Destination,
    (first, last): (i64, i64),
) -> Result<usize, String> {
    let name = destination.definition().name;
    let (mut from, mut days) = (first, 0);
    while from <= last {
        let to = last.min(from + REPORT_DAYS - 1);
        let Some(request) = destination.report_request(from, to) else { return Ok(days) };
        let counted = destination.report_reply(&http.send(request).await)?;
        let counts = counts(site, name, &counted, from, to);
        let _forgotten = gateway.comparisons.forget_after(site);
        gateway
            .store
            .keep(Keep::PlatformCounts(counts), gateway.clock.now_ms())
            .await
            .map_err(|e| e.to_string())?;
        days += usize::try_from(to - from + 1).unwrap_or_default();
        from = to + 1;
    }
    Ok(days)
}

/// A day of which the platform says nothing about sales had none: it was asked for.
fn counts(site: &str, destination: &str, counted: &[Counted], first: i64, last: i64) -> Vec<PlatformCount> {
    let none = |day: i64| Counted {
        day,
        event_name: PURCHASE.to_owned(),
        events: 0,
        browser: None,
        server: None,
        attributed: None,
    };
    let told = |day: &i64| counted.iter().any(|c| c.day == *day && c.event_name == PURCHASE);
    let inside = counted.iter().filter(|c| (first..=last).contains(&c.day)).cloned();
    let all = inside.chain((first..=last).filter(|day| !told(day)).map(none));
    all.map(|c| PlatformCount {
        site: site.to_owned(),
        destination: destination.to_owned(),
        day: c.day,
        event_name: c.event_name,
        events: c.events,
        browser: c.browser,
        server: c.server,
        attributed: c.attributed,
        attributed_only: false,
        value: None,
        currency: None,
        origin: "api",
    })
    .collect()
}

impl Gateway {
    /// Asks every destination of a site that can be asked, now, for the last `days` days.
    ///
    /// # Errors
    /// [`Error`]; a platform that does not answer is told of in the result.
    pub async fn fetch_counts(&self, site: &str, days: Option<u32>) -> Result<Vec<Fetched>, Error> {
        let runtime = self.known_site(site)?;
        let http = Http::new().map_err(|_| Error::Option("the TLS set-up failed"))?;
        let last = self.clock.now_ms().div_euclid(DAY_MS);
        let first = last - i64::from(days.unwrap_or(DEFAULT_DAYS).clamp(1, MAX_DAYS)) + 1;
        let mut all = Vec::new();
        for lane in &runtime.lanes {
            let destination = &*lane.destination;
            let name = destination.definition().name.to_owned();
            if destination.report_request(last, last).is_none() {
                let problem = Some("cannot be asked what it counted, or not with these settings".to_owned());
                all.push(Fetched { destination: name, days: 0, problem });
                continue;
            }
            let asked = ask(self, &http, site, destination, (first, last)).await;
            all.push(match asked {
                Ok(days) => Fetched { destination: name, days, problem: None },
                Err(why) => Fetched { destination: name, days: 0, problem: Some(why) },
            });
        }
        Ok(all)
    }
}
