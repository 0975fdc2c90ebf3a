//! The running program: store, listeners and workers put together, and taken down in order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tandem_gateway::clock::Clock;
use tandem_gateway::private::Guard;
use tandem_gateway::{Gateway, alerts, ingest, lanes, live, private, transport};
use tandem_store::Store;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::config::Config;

/// How often retention is looked after.
const PRUNE_EVERY: Duration = Duration::from_secs(600);

/// How often the disk (when full) and the clock are looked at.
const HOUSEKEEPING_EVERY: Duration = Duration::from_secs(2);

/// How long answers of the private port may take once the program ends.
const PRIVATE_PATIENCE: Duration = Duration::from_secs(5);

/// A clock that goes back further than this was set back.
const CLOCK_STEP_MS: i64 = 5_000;

/// A gateway that is up.
pub(crate) struct App {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) public: SocketAddr,
    pub(crate) private: SocketAddr,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

/// Starts everything. Listens before the claim index is in memory: the first answers wait for it, callers do not fail.
pub(crate) async fn start(config: Config, clock: Arc<dyn Clock>) -> anyhow::Result<App> {
    let Config { server, store, sites, rates, alerts: alert_settings, file, .. } = config;
    let token = server.private_token.clone().context("server.private_token is missing")?;
    let limits = server.limits();
    let public = listen(server.public, "server.public").await?;
    let private = listen(server.private, "server.private").await?;
    let (path, retention_days) = (store.path.display().to_string(), store.retention_days);
    let store = Store::open(store.options()).with_context(|| format!("cannot open the store {path}"))?;
    let gateway =
        Gateway::new(sites, Arc::new(store), clock, limits).await.context("cannot set up the sites")?;
    let gateway = Arc::new(gateway);
    gateway.alerts.configure(alert_settings);
    if let Some(signer) = live::link::Signer::new(&token) {
        gateway.live.sign_with(signer);
    }
    if let Some(held) = rates.as_ref().and_then(|source| source.on_disk().ok()) {
        gateway.rates.put(held);
    }
    let (stop, stopped) = watch::channel(false);
    // The first phone number would otherwise wait for its metadata to be unpacked.
    tokio::task::spawn_blocking(tandem_core::normalise::phone::warm);

    let http = transport::Http::new().context("cannot set up TLS")?;
    let (public_addr, private_addr) = (public.local_addr()?, private.local_addr()?);
    let about = tandem_inspector::About {
        configuration: file.map(|path| std::path::absolute(&path).unwrap_or(path)),
        retention_days,
        transport: Arc::new(http.clone()),
    };
    let pages = tandem_inspector::router(gateway.clone(), &token, about, stopped.clone())
        .context("cannot set up the pages of the private port")?;
    let for_people = private::router(gateway.clone(), Guard::new(&token)).merge(pages);
    let mut tasks = vec![
        tokio::spawn(serve(public, ingest::router(gateway.clone()), stopped.clone())),
        tokio::spawn(within(PRIVATE_PATIENCE, stopped.clone(), serve(private, for_people, stopped.clone()))),
        tokio::spawn(lanes::run(gateway.clone(), Arc::new(http.clone()), stopped.clone())),
        tokio::spawn(ingest::sweep::run(gateway.clone(), http.clone(), stopped.clone())),
        tokio::spawn(tandem_gateway::reconcile::fetch::run(gateway.clone(), http.clone(), stopped.clone())),
        tokio::spawn(tandem_gateway::reconcile::ahead::run(gateway.clone(), stopped.clone())),
        tokio::spawn(alerts::run(gateway.clone(), http.clone(), stopped.clone())),
        tokio::spawn(housekeeping(gateway.clone(), stopped.clone())),
    ];
    if let Some(source) = rates {
        let (desk, clock) = (gateway.rates.clone(), gateway.clock.clone());
        tasks.push(tokio::spawn(tandem_gateway::rates::run(desk, source, http, clock, stopped)));
    }
    Ok(App { gateway, public: public_addr, private: private_addr, stop, tasks })
}

impl App {
    /// Takes no more requests, lets those under way end, and returns when all is written.
    pub(crate) async fn shut_down(self) {
        let _ = self.stop.send(true);
        for task in self.tasks {
            let _ = task.await;
        }
    }
}

async fn listen(address: SocketAddr, setting: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address} ({setting}): is it in use?"))
}

async fn serve(listener: TcpListener, router: axum::Router, mut stop: watch::Receiver<bool>) {
    let listener = axum::serve::ListenerExt::tap_io(listener, |tcp| {
        // Answers are small: waiting to fill a packet only delays them.
        let _ = tcp.set_nodelay(true);
    });
    let ended = async move {
        let _ = stop.wait_for(|s| *s).await;
    };
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    if let Err(error) = axum::serve(listener, service).with_graceful_shutdown(ended).await {
        tracing::error!(%error, "a listener ended");
    }
}

/// Ends with the task, or so long after the stop: who watches and does not read must not keep the program from ending.
async fn within(patience: Duration, mut stop: watch::Receiver<bool>, task: impl Future<Output = ()>) {
    let late = async {
        let _ = stop.wait_for(|stop| *stop).await;
        tokio::time::sleep(patience).await;
    };
    tokio::select! {
        () = task => {}
        () = late => {}
    }
}

/// Retention, a look at a full disk, and a clock that was set back.
async fn housekeeping(gateway: Arc<Gateway>, mut stop: watch::Receiver<bool>) {
    let mut last_ms = gateway.clock.now_ms();
    let mut prune_at = tokio::time::Instant::now();
    while !*stop.borrow() {
        let now_ms = gateway.clock.now_ms();
        if now_ms + CLOCK_STEP_MS < last_ms {
            lanes::clock_was_set_back(&gateway).await;
        }
        last_ms = now_ms;
        if !gateway.store.writable() {
            // The error is in the log already, and the health check tells it.
            let _ = gateway.store.probe().await;
        } else if tokio::time::Instant::now() >= prune_at {
            let more = gateway.store.prune(now_ms).await.unwrap_or_else(|error| {
                tracing::warn!(%error, "cannot delete what is past its retention");
                false
            });
            // Small steps, so that events never wait behind a large delete.
            prune_at += if more { Duration::from_millis(50) } else { PRUNE_EVERY };
        }
        let pause = HOUSEKEEPING_EVERY.min(prune_at.saturating_duration_since(tokio::time::Instant::now()));
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = stop.changed() => {}
        }
    }
}
