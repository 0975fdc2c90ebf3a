//! Asks shops for the orders that neither webhook nor plugin brought; see [`tandem_sources::woocommerce::Sweep`].
//!
//! Nothing is kept of how far a look came: after a start the last week is looked through again. Orders that are known are
//! duplicates, and an older sale would be too old for the platforms anyway.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, header};
use tandem_destinations::HttpRequest;
use tandem_sources::Decoded;
use tandem_sources::woocommerce::{self, Stretch, Sweep, Swept};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::keep;
use crate::live::Seen;
use crate::transport::Http;
use crate::{Gateway, SiteRuntime};

/// How far back the first look goes, in seconds: platforms take nothing older.
const FIRST_S: i64 = 7 * 86_400;

/// An order is left so long to webhook and plugin, in seconds.
const PATIENCE_S: i64 = 120;

/// A look begins so many seconds before the end of the last: the shop's clock may be behind ours.
const OVERLAP_S: i64 = 300;

/// Bytes of an answer: fifty orders of 160 KiB.
const MAX_ANSWER: usize = 8 << 20;

/// Answers of one look; what is left is for the next.
const MAX_PAGES: usize = 200;

/// How often it is looked whose turn it is.
const TICK: Duration = Duration::from_secs(15);

/// How far the looks at a shop came.
#[derive(Debug, Clone, Copy, Default)]
struct Progress {
    /// Everything modified before was seen; Unix seconds.
    seen_s: i64,
    /// When to look again, Unix seconds.
    due_s: i64,
}

/// Looks at every shop that is set up for it, until `stop` turns true.
pub async fn run(gateway: Arc<Gateway>, http: Http, mut stop: watch::Receiver<bool>) {
    let (mut progress, mut looks) = (HashMap::<String, Progress>::new(), JoinSet::new());
    let mut sites = gateway.sites_changed();
    while !*stop.borrow() {
        let now_s = gateway.clock.now_s();
        for site in gateway.sites().iter() {
            let Some(minutes) = sweep_of(site).map(|sweep| i64::from(sweep.every_minutes())) else {
                continue;
            };
            let entry = progress.entry(site.site.id.clone()).or_default();
            if entry.due_s > now_s {
                continue;
            }
            // Also holds off a second look while the first is under way.
            entry.due_s = now_s + minutes * 60;
            looks.spawn(look(gateway.clone(), http.clone(), site.clone(), entry.seen_s));
        }
        tokio::select! {
            Some(Ok((site, seen_s))) = looks.join_next() => {
                progress.entry(site).or_default().seen_s = seen_s;
            }
            () = tokio::time::sleep(TICK) => {}
            _ = sites.changed() => {}
            _ = stop.changed() => {}
        }
    }
}

fn sweep_of(site: &SiteRuntime) -> Option<Sweep<'_>> {
    site.source(woocommerce::NAME)?.sweep()
}

/// One look at one shop; gives its name, and up to when everything was seen.
async fn look(gateway: Arc<Gateway>, http: Http, site: Arc<SiteRuntime>, seen_s: i64) -> (String, i64) {
    let now_s = gateway.clock.now_s();
    let after_s = if seen_s == 0 { now_s - FIRST_S } else { seen_s - OVERLAP_S };
    let before_s = now_s - PATIENCE_S;
    let mut next = Some(Stretch { after_s, before_s, page: 1 });
    let mut reached_s = seen_s;
    for _ in 0..MAX_PAGES {
        let Some(stretch) = next.take() else { break };
        match ask(&gateway, &http, &site, stretch).await {
            Ok(rest) => {
                reached_s = rest.map_or(before_s, |rest| rest.after_s);
                next = rest;
            }
            Err(why) => {
                tracing::warn!(site = site.site.id, why, "cannot look for the shop's orders");
                gateway.metrics.swept(&site.site.id, "failed", 1);
                break;
            }
        }
    }
    if next.is_some() {
        // Cut short: the next look goes on where this one ended.
        reached_s += OVERLAP_S;
    }
    (site.site.id.clone(), reached_s)
}

/// Asks for one page of a stretch and keeps what it brings; gives what to ask next.
async fn ask(
    gateway: &Gateway,
    http: &Http,
    site: &SiteRuntime,
    stretch: Stretch,
) -> Result<Option<Stretch>, String> {
    let source = site.source(woocommerce::NAME).ok_or("the site has no shop any more")?;
    let sweep = source.sweep().ok_or("the site has no sweep any more")?;
    let request = HttpRequest { url: sweep.url(stretch), headers: headers(&sweep), ..HttpRequest::default() };
    let answer = http.fetch(request, MAX_ANSWER).await?;
    let swept = sweep.read(stretch, answer.status, &answer.body, &site.site.policy);
    let Swept { parts, next } = swept.map_err(|error| error.to_string())?;
    let decoded = Decoded { parts, ..Decoded::default() };
    let wire = tandem_sources::Request::new(&answer.headers, &answer.body);
    let seen = Seen::of(&gateway.live, &site.site.id, &wire, gateway.clock.now_ms());
    let answers = keep(gateway, site, source, decoded, seen).await.map_err(|refusal| refusal.message)?;
    let found = answers.iter().filter(|answer| answer.status == "accepted").count() as u64;
    gateway.metrics.swept(&site.site.id, "found", found);
    gateway.metrics.swept(&site.site.id, "known", answers.len() as u64 - found);
    Ok(next)
}

fn headers(sweep: &Sweep<'_>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    // Base-64 is always a header's value.
    if let Ok(mut authorization) = HeaderValue::from_str(&sweep.authorization()) {
        authorization.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, authorization);
    }
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    headers
}
