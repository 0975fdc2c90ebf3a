//! All shops together, as one value that is exchanged whole when the configuration is read again.
//!
//! Whoever serves a request or makes a call takes the present value and keeps it to the end: nobody sees half of the old
//! and half of the new.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};

use tandem_store::{LaneId, Store, StoreError};
use tokio::sync::watch;

use crate::keys::KnownKeys;
use crate::rates::Desk;
use crate::{Gateway, Lane, Limits, Script, SiteRuntime, SiteSetup};

/// Every shop, set up.
#[derive(Default)]
pub struct Sites {
    /// By short name.
    by_name: HashMap<String, Arc<SiteRuntime>>,
    /// Path of a script → its site.
    pages: HashMap<String, String>,
    /// Write keys that were let in; of these sites only, since a key may be withdrawn with the next configuration.
    pub(crate) known_keys: KnownKeys,
}

impl Sites {
    /// Registers every site's lanes in the store. A lane keeps its queue however often its site is set up anew.
    ///
    /// # Errors
    /// [`StoreError`] when a lane cannot be written.
    pub(crate) async fn new(
        setups: Vec<SiteSetup>,
        store: &Store,
        limits: &Limits,
        rates: &Desk,
    ) -> Result<Self, StoreError> {
        let mut sites = Self::default();
        for setup in setups {
            let mut lanes = Vec::with_capacity(setup.destinations.len());
            for destination in setup.destinations {
                let id = store.lane(&setup.site.id, destination.definition().name).await?;
                lanes.push(Lane { rates: rates.clone(), ..Lane::new(id, &setup.site, destination) });
            }
            let script = Script::of(&setup.site, &setup.sources, &lanes, limits);
            if let Some(script) = &script {
                sites.pages.insert(script.path.clone(), setup.site.id.clone());
            }
            let sources = setup.sources.into_iter().map(|s| (s.name(), s)).collect();
            let runtime = SiteRuntime { site: setup.site, sources, lanes, script };
            sites.by_name.insert(runtime.site.id.clone(), Arc::new(runtime));
        }
        Ok(sites)
    }

    /// The site of this short name.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Arc<SiteRuntime>> {
        self.by_name.get(id)
    }

    /// The site whose script and intake live below this path.
    #[must_use]
    pub fn by_path(&self, path: &str) -> Option<&Arc<SiteRuntime>> {
        self.by_name.get(self.pages.get(path)?)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<SiteRuntime>> {
        self.by_name.values()
    }

    /// All lanes of all sites.
    pub fn lanes(&self) -> impl Iterator<Item = &Lane> {
        self.by_name.values().flat_map(|site| &site.lanes)
    }
}

/// Where the present sites are kept.
pub(crate) struct Present {
    sites: RwLock<Arc<Sites>>,
    /// Rings when they are exchanged.
    changed: watch::Sender<()>,
}

impl Present {
    pub(crate) fn new(sites: Sites) -> Self {
        Self { sites: RwLock::new(Arc::new(sites)), changed: watch::Sender::new(()) }
    }
}

/// What a new configuration changed: short names of sites, in order.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// Not there before.
    pub added: Vec<String>,
    /// Not there any more. What waits for their destinations stays in the store, and goes on when they come back.
    pub removed: Vec<String>,
}

impl Gateway {
    /// The sites as they are set up now.
    pub fn sites(&self) -> Arc<Sites> {
        // A panic while exchanging one pointer for another cannot leave half of it behind.
        self.present.sites.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// One site as it is set up now.
    #[must_use]
    pub fn site(&self, id: &str) -> Option<Arc<SiteRuntime>> {
        self.sites().get(id).cloned()
    }

    /// A destination's lane as it is set up now.
    #[must_use]
    pub fn lane(&self, id: LaneId) -> Option<Lane> {
        self.sites().lanes().find(|lane| lane.id == id).cloned()
    }

    /// Sets all sites up anew, at once: requests under way end with the old ones, the next ones see the new.
    ///
    /// # Errors
    /// [`StoreError`] when a new site's lane cannot be written; the old sites stay.
    pub async fn replace_sites(&self, setups: Vec<SiteSetup>) -> Result<Changed, StoreError> {
        let new = Arc::new(Sites::new(setups, &self.store, &self.limits, &self.rates).await?);
        let old = {
            let mut sites = self.present.sites.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *sites, new.clone())
        };
        // They were made with the old settings.
        self.comparisons.forget_all();
        self.present.changed.send_replace(());
        Ok(Changed { added: missing(&new, &old), removed: missing(&old, &new) })
    }

    /// Rings whenever the sites were set up anew.
    pub(crate) fn sites_changed(&self) -> watch::Receiver<()> {
        self.present.changed.subscribe()
    }
}

/// Sites of the first that the second does not have.
fn missing(these: &Sites, those: &Sites) -> Vec<String> {
    let others: HashSet<&String> = those.by_name.keys().collect();
    let mut names: Vec<String> = these.by_name.keys().filter(|id| !others.contains(id)).cloned().collect();
    names.sort_unstable();
    names
}
