//! Exchange rates at run time: the desk where the newest ones lie, and the task that brings them.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tandem_core::rates::{MAX_FEED, Rates, RatesError};
use tandem_destinations::HttpRequest;
use tokio::sync::watch;

use crate::Clock;
use crate::transport::Http;

/// How often a file is read again, or a feed asked.
const AGAIN: Duration = Duration::from_secs(6 * 3_600);

/// The same after it failed.
const AFTER_FAILURE: Duration = Duration::from_secs(15 * 60);

/// The newest rates; copies share them.
#[derive(Debug, Clone, Default)]
pub struct Desk(Arc<RwLock<Option<Arc<Rates>>>>);

impl Desk {
    /// The newest rates, if there are any.
    #[must_use]
    pub fn get(&self) -> Option<Arc<Rates>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Newer rates; those of an earlier day than what lies there are not.
    pub fn put(&self, rates: Rates) {
        let mut held = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if held.as_ref().is_none_or(|held| held.day_s() <= rates.day_s()) {
            *held = Some(Arc::new(rates));
        }
    }
}

/// Reads a text of rates.
pub type Reader = fn(&str) -> Result<Rates, RatesError>;

/// Where rates come from.
#[derive(Debug, Clone)]
pub enum RatesSource {
    /// A file that somebody keeps up to date.
    File {
        /// Where it is.
        path: PathBuf,
        /// How it is read.
        read: Reader,
    },
    /// The European Central Bank's daily feed.
    Feed {
        /// Its address.
        url: String,
        /// Where the last good answer is kept, so that a start without network has rates.
        kept_in: PathBuf,
    },
}

impl RatesSource {
    /// What is on disk: the file, or the last good answer of the feed.
    ///
    /// # Errors
    /// Why it cannot be read, in words.
    pub fn on_disk(&self) -> Result<Rates, String> {
        let (path, read): (&Path, Reader) = match self {
            Self::File { path, read } => (path, *read),
            Self::Feed { kept_in, .. } => (kept_in, Rates::from_ecb),
        };
        let text =
            std::fs::read_to_string(path).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
        read(&text).map_err(|e| format!("{}: {e}", path.display()))
    }
}

/// Keeps the desk supplied until `stop` turns true. Deliveries never wait for it.
pub async fn run(
    desk: Desk,
    source: RatesSource,
    http: Http,
    clock: Arc<dyn Clock>,
    mut stop: watch::Receiver<bool>,
) {
    while !*stop.borrow() {
        let brought = match &source {
            RatesSource::File { .. } => on_disk(&source).await,
            RatesSource::Feed { url, kept_in } => fetch(&http, url, kept_in).await,
        };
        let pause = match brought {
            Ok(rates) => {
                tracing::info!(age_days = rates.age_days(clock.now_s()), "exchange rates read");
                desk.put(rates);
                AGAIN
            }
            Err(why) => {
                tracing::warn!(why, "no new exchange rates, the last ones stay in use");
                AFTER_FAILURE
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = stop.changed() => {}
        }
    }
}

async fn on_disk(source: &RatesSource) -> Result<Rates, String> {
    let source = source.clone();
    tokio::task::spawn_blocking(move || source.on_disk()).await.map_err(|e| e.to_string())?
}

async fn fetch(http: &Http, url: &str, kept_in: &Path) -> Result<Rates, String> {
    let request = HttpRequest { url: url.to_owned(), ..HttpRequest::default() };
    let answer = http.fetch(request, MAX_FEED + 1).await?;
    if answer.status != 200 {
        return Err(format!("the feed answers {}", answer.status));
    }
    let text = String::from_utf8(answer.body).map_err(|_| "the feed is no text".to_owned())?;
    let rates = Rates::from_ecb(&text).map_err(|e| format!("the feed cannot be read: {e}"))?;
    // Beside it first: a crash leaves the old one or the new one.
    let beside = kept_in.with_extension("new");
    let kept = match tokio::fs::write(&beside, &text).await {
        Ok(()) => tokio::fs::rename(&beside, kept_in).await,
        Err(error) => Err(error),
    };
    if let Err(error) = kept {
        tracing::warn!(%error, "the exchange rates cannot be kept on disk");
    }
    Ok(rates)
}
