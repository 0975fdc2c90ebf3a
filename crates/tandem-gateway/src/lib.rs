//! Takes events in, keeps them, and sends them on.
//!
//! [`ingest`] is the public listener, [`private`] the one for people and monitors, [`pipeline`] turns a decoded
//! request into log entries, [`sessions`] completes them with what is remembered, [`lanes`] delivers them. [`transport`] is the only place that opens connections, and
//! [`clock`] the only one that asks what time it is.

use std::collections::HashMap;
use std::sync::Arc;

use tandem_core::Site;
use tandem_core::consent::{Gate, OnUnknown};
use tandem_destinations::Destination;
use tandem_sources::Source;
use tandem_store::{LaneId, Store, StoreError};

pub mod alerts;
pub mod clock;
pub mod ingest;
mod keys;
pub mod lanes;
mod limits;
pub mod live;
pub mod metrics;
mod nonces;
pub mod pipeline;
pub mod private;
mod probes;
pub mod rates;
pub mod reconcile;
pub mod repeated;
mod script;
mod sessions;
pub mod shaping;
mod sites;
pub mod transport;
pub mod trial;
mod unclaimed;
pub mod why;

pub use alerts::Alerts;
pub use clock::Clock;
pub use limits::Limits;
pub use live::Live;
pub use metrics::Metrics;
pub use probes::Probe;
pub use script::{LIBRARY, Script};
pub use sites::{Changed, Sites};

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
    /// What the site wants changed of its events.
    pub rules: Arc<tandem_core::rules::Rules>,
    /// The currency in which it gets money; `None` for each event's own.
    pub reporting: Option<tandem_core::Currency>,
    /// Where exchange rates are.
    pub rates: rates::Desk,
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
        let (rules, reporting) = (site.rules.clone(), site.reporting.of(definition.name));
        let rates = rates::Desk::default();
        Self {
            id,
            site: site.id.clone(),
            gate,
            sessions: site.sessions,
            rules,
            reporting,
            rates,
            destination,
        }
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

impl SiteRuntime {
    /// A way in, if the site has it.
    #[must_use]
    pub fn source(&self, name: &str) -> Option<&dyn Source> {
        self.sources.get(name).map(Box::as_ref)
    }
}

/// Everything a handler needs.
pub struct Gateway {
    /// The shops; see [`Gateway::sites`].
    present: sites::Present,
    /// The log and its companions.
    pub store: Arc<Store>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Counters.
    pub metrics: Metrics,
    /// Limits.
    pub limits: Limits,
    /// What happens, for who is watching.
    pub live: Arc<Live>,
    /// Exchange rates, for destinations that want money in one currency.
    pub rates: rates::Desk,
    /// What is wrong, and who is told.
    pub alerts: Alerts,
    /// Comparisons that are kept for the page of reconciliation.
    comparisons: reconcile::memo::Memo,
    /// What arrived of the doctor's probes.
    probes: probes::Probes,
    /// How often each address called the pages' intake.
    callers: limits::Callers,
    /// Which signed requests of plugins were seen.
    nonces: nonces::Nonces,
    /// What is kept of requests that nobody takes.
    strangers: unclaimed::Strangers,
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
        let rates = rates::Desk::default();
        let present = sites::Present::new(Sites::new(setups, &store, &limits, &rates).await?);
        let (metrics, callers) = (Metrics::default(), limits::Callers::default());
        let (probes, nonces) = (probes::Probes::default(), nonces::Nonces::default());
        let (live, strangers) = (Arc::default(), unclaimed::Strangers::default());
        let (alerts, comparisons) = (Alerts::default(), reconcile::memo::Memo::default());
        Ok(Self {
            alerts,
            comparisons,
            live,
            present,
            store,
            clock,
            metrics,
            limits,
            rates,
            callers,
            probes,
            nonces,
            strangers,
        })
    }
}
