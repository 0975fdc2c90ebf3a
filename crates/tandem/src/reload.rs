//! A new configuration for the running program: all of it or nothing.

use std::path::PathBuf;

use secrecy::ExposeSecret;
use tandem_gateway::Gateway;
use tandem_gateway::rates::RatesSource;

use crate::config::{self, Config, Log, Server, StoreSettings};

/// The file that was started with, and what of it only a start can change.
pub(crate) struct Reload {
    path: PathBuf,
    server: Server,
    store: StoreSettings,
    log: Log,
    rates: Option<RatesSource>,
}

impl Reload {
    /// To be made of the configuration before it is used up.
    pub(crate) fn of(path: PathBuf, config: &Config) -> Self {
        let Config { server, store, log, rates, .. } = config;
        let (server, store, log, rates) = (server.clone(), store.clone(), log.clone(), rates.clone());
        Self { path, server, store, log, rates }
    }

    /// Reads the file again and sets the sites and alerts up anew. A file with a mistake changes nothing; what is wrong is logged.
    pub(crate) async fn apply(&self, gateway: &Gateway) {
        let path = self.path.display();
        let config = match config::load(&self.path) {
            Ok(config) => config,
            Err(problems) => {
                for problem in &problems.0 {
                    tracing::error!(at = problem.path, "{}: {}", problem.what, problem.remedy);
                }
                tracing::error!(%path, "the new configuration is refused, the old one stays");
                return gateway.metrics.configuration(false);
            }
        };
        for remark in &config.remarks {
            tracing::warn!(at = remark.path, "{}: {}", remark.what, remark.remedy);
        }
        for table in self.needs_restart(&config) {
            tracing::warn!("[{table}] changed: that takes effect at the next start");
        }
        match gateway.replace_sites(config.sites).await {
            Ok(changed) => {
                gateway.alerts.configure(config.alerts);
                let sites = gateway.sites().iter().count();
                let (added, removed) = (changed.added.join(" "), changed.removed.join(" "));
                tracing::info!(%path, sites, added, removed, "the new configuration is in use");
                gateway.metrics.configuration(true);
            }
            Err(error) => {
                tracing::error!(%error, "the new sites cannot be written to the store, the old configuration stays");
                gateway.metrics.configuration(false);
            }
        }
    }

    /// Tables with other contents than at the start, which only a start reads.
    fn needs_restart(&self, new: &Config) -> Vec<&'static str> {
        let token = |server: &Server| server.private_token.as_ref().map(|t| t.expose_secret().to_owned());
        // Debug shows every setting, and hides the token, which is compared by itself.
        let same_server = format!("{:?}", self.server) == format!("{:?}", new.server)
            && token(&self.server) == token(&new.server);
        let same = [
            ("server", same_server),
            ("store", format!("{:?}", self.store) == format!("{:?}", new.store)),
            ("log", format!("{:?}", self.log) == format!("{:?}", new.log)),
            ("currency", format!("{:?}", self.rates) == format!("{:?}", new.rates)),
        ];
        same.into_iter().filter_map(|(table, same)| (!same).then_some(table)).collect()
    }
}
