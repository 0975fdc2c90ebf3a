//! Takes events in, keeps them, and sends them on.
//!
//! [`ingest`] is the public listener, [`private`] the one for people and monitors, [`pipeline`] turns a decoded
//! request into log entries, [`lanes`] delivers them. [`transport`] is the only place that opens connections, and
//! [`clock`] the only one that asks what time it is.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use tandem_core::Site;
use tandem_destinations::Destination;
use tandem_sources::Source;
use tandem_store::{LaneId, Store, StoreError};

pub mod clock;
pub mod ingest;
mod keys;
pub mod lanes;
pub mod metrics;
pub mod pipeline;
pub mod private;
pub mod transport;

pub use clock::Clock;
pub use metrics::Metrics;

/// A destination of a site with the queue its deliveries wait in.
#[derive(Clone)]
pub struct Lane {
    /// The queue.
    pub id: LaneId,
    /// Site's short name.
    pub site: String,
    /// What the site does when consent is unknown.
    pub on_unknown: tandem_core::consent::OnUnknown,
    /// The platform, set up for the site.
    pub destination: Arc<dyn Destination>,
}

/// One shop, set up.
pub struct SiteSetup {
    /// What the pure parts need.
    pub site: Site,
    /// The ways in.
    pub sources: Vec<Box<dyn Source>>,
    /// The ways out.
    pub destinations: Vec<Arc<dyn Destination>>,
}

/// A site at run time.
pub struct SiteRuntime {
    /// What the pure parts need.
    pub site: Site,
    /// The ways in, by name.
    pub sources: HashMap<&'static str, Box<dyn Source>>,
    /// The ways out.
    pub lanes: Vec<Lane>,
}

/// Limits of the public listener.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes of a request's body.
    pub max_body: usize,
    /// Time to receive a body, in milliseconds.
    pub body_timeout_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_body: 1 << 20, body_timeout_ms: 20_000 }
    }
}

/// Everything a handler needs.
pub struct Gateway {
    /// By short name.
    pub sites: HashMap<String, Arc<SiteRuntime>>,
    /// The log and its companions.
    pub store: Arc<Store>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Counters.
    pub metrics: Metrics,
    /// Limits.
    pub limits: Limits,
    /// SHA-256 of a write key that was let in → its site; saves asking every site for each request.
    known_keys: RwLock<HashMap<[u8; 32], String>>,
}

impl Gateway {
    /// Registers every site's lanes in the store.
    ///
    /// # Errors
    /// [`StoreError`] when a lane cannot be written.
    pub async fn new(
        setups: Vec<SiteSetup>,
        store: Arc<Store>,
        clock: Arc<dyn Clock>,
        limits: Limits,
    ) -> Result<Self, StoreError> {
        let mut sites = HashMap::new();
        for setup in setups {
            let mut lanes = Vec::with_capacity(setup.destinations.len());
            for destination in setup.destinations {
                let id = store.lane(&setup.site.id, destination.definition().name).await?;
                let (site, on_unknown) = (setup.site.id.clone(), setup.site.on_unknown_consent);
                lanes.push(Lane { id, site, on_unknown, destination });
            }
            let sources = setup.sources.into_iter().map(|s| (s.name(), s)).collect();
            sites.insert(setup.site.id.clone(), Arc::new(SiteRuntime { site: setup.site, sources, lanes }));
        }
        Ok(Self { sites, store, clock, metrics: Metrics::default(), limits, known_keys: RwLock::default() })
    }

    /// All lanes of all sites.
    pub fn lanes(&self) -> impl Iterator<Item = &Lane> {
        self.sites.values().flat_map(|s| &s.lanes)
    }
}
