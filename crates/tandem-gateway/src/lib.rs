//! Takes events in, keeps them, and sends them on.
//!
//! [`ingest`] is the public listener, [`private`] the one for people and monitors, [`pipeline`] turns a decoded
//! request into log entries, [`sessions`] completes them with what is remembered, [`lanes`] delivers them. [`transport`] is the only place that opens connections, and
//! [`clock`] the only one that asks what time it is.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use tandem_core::Site;
use tandem_core::consent::{Gate, OnUnknown};
use tandem_destinations::Destination;
use tandem_sources::Source;
use tandem_store::{LaneId, Store, StoreError};

pub mod clock;
pub mod ingest;
mod keys;
pub mod lanes;
mod limits;
pub mod metrics;
mod nonces;
pub mod pipeline;
pub mod private;
mod probes;
mod script;
mod sessions;
pub mod transport;
mod unclaimed;

pub use clock::Clock;
pub use limits::Limits;
pub use metrics::Metrics;
pub use probes::Probe;
pub use script::{LIBRARY, Script};

/// A destination of a site with the queue its deliveries wait in.
#[derive(Clone)]
pub struct Lane {
    /// The queue.
    pub id: LaneId,
    /// Site's short name.
    pub site: String,
    /// What it asks of the visitor's consent.
    pub gate: Gate,
    /// How visitors are remembered, if they are.
    pub sessions: Option<tandem_core::session::Rules>,
    /// The platform, set up for the site.
    pub destination: Arc<dyn Destination>,
}

impl Lane {
    /// A destination's lane.
    #[must_use]
    pub fn new(id: LaneId, site: &Site, destination: Arc<dyn Destination>) -> Self {
        let definition = destination.definition();
        let default = || Gate::new(definition.name, definition.requires, OnUnknown::default());
        let gate = site.gates.of(definition.name).unwrap_or_else(default);
        Self { id, site: site.id.clone(), gate, sessions: site.sessions, destination }
    }
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
    /// The script for the shop's pages, if they have one.
    pub script: Option<Script>,
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
    /// What arrived of the doctor's probes.
    probes: probes::Probes,
    /// How often each address called the pages' intake.
    callers: limits::Callers,
    /// Which signed requests of plugins were seen.
    nonces: nonces::Nonces,
    /// What is kept of requests that nobody takes.
    strangers: unclaimed::Strangers,
    /// Path of a script → its site.
    pages: HashMap<String, String>,
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
        let (mut sites, mut pages) = (HashMap::new(), HashMap::new());
        for setup in setups {
            let mut lanes = Vec::with_capacity(setup.destinations.len());
            for destination in setup.destinations {
                let id = store.lane(&setup.site.id, destination.definition().name).await?;
                lanes.push(Lane::new(id, &setup.site, destination));
            }
            let script = Script::of(&setup.site, &setup.sources, &lanes, &limits);
            if let Some(script) = &script {
                pages.insert(script.path.clone(), setup.site.id.clone());
            }
            let sources = setup.sources.into_iter().map(|s| (s.name(), s)).collect();
            let runtime = SiteRuntime { site: setup.site, sources, lanes, script };
            sites.insert(runtime.site.id.clone(), Arc::new(runtime));
        }
        let (metrics, known_keys, callers) =
            (Metrics::default(), RwLock::default(), limits::Callers::default());
        let (probes, nonces) = (probes::Probes::default(), nonces::Nonces::default());
        let strangers = unclaimed::Strangers::default();
        Ok(Self {
            sites,
            store,
            clock,
            metrics,
            limits,
            callers,
            probes,
            nonces,
            strangers,
            pages,
            known_keys,
        })
    }

    /// All lanes of all sites.
    pub fn lanes(&self) -> impl Iterator<Item = &Lane> {
        self.sites.values().flat_map(|s| &s.lanes)
    }
}
