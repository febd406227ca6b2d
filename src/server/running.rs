//! A running server: the same start for `serve`, for `dev` and for the tests.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    ClientAuthentication, Limits,
    background::{self, Periods},
    certificate_watch::follow_files,
    listeners::Listeners,
    revocation_fetch::follow_lists,
    serve, serve_plain,
};
use crate::{
    app::{App, Opened},
    authentication::{forwarded::proxies::Proxies, key_sets::KeySets, peer::PeerCertificate},
    blocking::blocking,
    clock::{Clock, SteadyClock},
    config::Config,
    http::{self, admin::Gate},
    operations::{change_keys::KeyWork, tend_keys::first_keys},
    record::{CheckpointSigner, IssuanceRecord},
    registry::Registry,
    replay::{self, ReplayGuard},
    signing::{KeyPlaces, KeyStores, Keys},
    storage::Database,
    telemetry::metrics::Metrics,
};

/// How often figures that nobody counts, such as ages, are written into the metrics.
const GAUGES_EVERY: Duration = Duration::from_secs(1);

/// How long, after the drain, the tasks that write to the database may take.
const WRITING_DOWN: Duration = Duration::from_secs(10);

/// The listening sockets.
pub struct Sockets {
    /// For consumers and providers.
    pub public: TcpListener,
    /// For administrators, if it is wanted.
    pub admin: Option<TcpListener>,
    /// For Prometheus, if it is wanted.
    pub metrics: Option<TcpListener>,
}

impl Sockets {
    /// Binds what the configuration names.
    pub async fn bind(config: &Config) -> anyhow::Result<Self> {
        let serving = config.serving()?; // all that is wrong with the configuration, before the first port that is taken
        let bind = async |key: &str, address: SocketAddr| {
            TcpListener::bind(address).await.with_context(|| format!("{key}: cannot listen on {address}"))
        };
        let metrics = match config.metrics.listen.0 {
            Some(address) => Some(bind("metrics.listen", address).await?),
            None => None,
        };
        let admin = match serving.admin {
            Some(admin) => Some(bind("admin.listen", admin.listen).await?),
            None => None,
        };
        Ok(Self { public: bind("listen", config.listen).await?, admin, metrics })
    }
}

/// A server that answers. Dropping it does not stop it; [`Self::stop`] does.
pub struct RunningServer {
    /// Its parts.
    pub app: Arc<App>,
    /// Where consumers and providers reach it.
    pub address: SocketAddr,
    /// Where administrators do.
    pub admin_address: Option<SocketAddr>,
    /// Where Prometheus does.
    pub metrics_address: Option<SocketAddr>,
    stop: CancellationToken,
    tasks: TaskTracker,
    /// How long it is announced that it stops, before it does.
    announcement: Duration,
    /// How long the end may take: the drain, and what is written down after it.
    patience: Duration,
}

impl RunningServer {
    /// Loads everything that `config` names, and serves. Nothing is served when anything is wrong.
    pub async fn start(config: &Config, clock: Arc<dyn Clock>, sockets: Sockets) -> anyhow::Result<Self> {
        let clock = Arc::new(SteadyClock::over(clock));
        let hang_up = signal(SignalKind::hangup())?; // before anything that takes time: unheard, it would end the process
        let serving = config.serving()?;
        let metrics = sockets.metrics.as_ref().map(|_| Metrics::install()).transpose()?; // before there is anything to count
        let database = Database::open(&(&config.database).into()).await?;
        database.require_current_schema().await?;
        let registry = Arc::new(Registry::load(database, clock.clone()).await?);
        let configured = config.proxies.clone();
        let proxies = Arc::new(blocking(move || Proxies::load(&configured)).await?);
        let clients = ClientAuthentication::Optional { self_signed: known_certificates(&registry, &proxies) };
        let listeners = Arc::new(Listeners::load(config, &serving, clients, registry.blocks(), clock.clone()).await?);
        let trust = listeners.public.client_trust().clone();
        let keys = open_keys(config, &registry, clock.clone()).await?;
        let (section, issuer, signs, now) =
            (config.record.clone(), serving.issuer.clone(), keys.clone(), clock.clone());
        let sign: CheckpointSigner = Box::new(move |checkpoint| Ok(signs.sign_checkpoint(checkpoint)?));
        let record = blocking(move || IssuanceRecord::open(&section, issuer.as_str(), sign, now)).await?;
        let (replay, used_assertions) = ReplayGuard::new(registry.database().clone(), replay::PATIENCE);
        used_assertions.remember().await?;
        let (section, now) = (config.assertions.clone(), clock.clone());
        let key_sets = Arc::new(blocking(move || KeySets::open(&section, now)).await?);
        let opened = Opened { registry, keys, record, replay, trust, key_sets };
        let app = Arc::new(App::assemble(config, serving.issuer, clock, opened));

        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        for tls in listeners.iter() {
            follow_lists(tls, &tasks, &stop).await?;
        }
        let (address, limits) = (sockets.public.local_addr()?, Limits::of(&config.limits));
        let patience = limits.drain_timeout + WRITING_DOWN;
        let metrics_address = sockets.metrics.as_ref().map(TcpListener::local_addr).transpose()?;
        let admin_address = sockets.admin.as_ref().map(TcpListener::local_addr).transpose()?;
        let request_timeout = config.limits.request_timeout_seconds.duration();
        let router = http::router(app.clone(), proxies, request_timeout);
        let periods = Periods {
            poll_every: config.registry.poll_every_milliseconds.duration(),
            checkpoint_every: config.record.checkpoint_every_seconds.duration(),
            record_directory: config.record.directory.clone(),
        };
        background::spawn(&app, &listeners, used_assertions, periods, &tasks, &stop);
        let look_every = config.tls.reload_every_seconds.duration();
        let (all, reloaded) = (listeners.iter().cloned().collect(), listeners.reloaded.clone());
        tasks.spawn(follow_files(all, reloaded, hang_up, look_every, stop.clone()));
        tasks.spawn(serve(sockets.public, listeners.public.clone(), router, limits.clone(), stop.clone()));
        if let (Some(listener), Some(tls)) = (sockets.admin, &listeners.admin) {
            let gate = Gate::new(&config.admin, tls.client_trust().clone()).map_err(anyhow::Error::msg)?;
            let router = http::admin::router(app.clone(), gate, request_timeout);
            tasks.spawn(serve(listener, tls.clone(), router, limits.clone(), stop.clone()));
        }
        if let (Some(listener), Some(metrics)) = (sockets.metrics, metrics) {
            tasks.spawn(write_gauges(app.clone(), listeners, metrics.clone(), stop.clone()));
            tasks.spawn(serve_plain(listener, http::metrics_router(metrics), limits, stop.clone()));
        }
        tasks.close();
        tracing::info!(issuer = app.issuer.as_str(), %address, ?admin_address, "serving");
        let announcement = config.limits.announce_stop_seconds.duration();
        Ok(Self { app, address, admin_address, metrics_address, stop, tasks, announcement, patience })
    }

    /// Says that it stops, and goes on for as long as those who balance requests need to hear it. Then it takes no more
    /// connections, and returns when the open ones have ended or the drain timeout has passed, and the record is closed.
    pub async fn stop(self) {
        let Self { app, stop, tasks, announcement, patience, .. } = self;
        app.announce_stop();
        tokio::time::sleep(announcement).await;
        let record_closed = app.record.ended();
        stop.cancel();
        drop(app); // some tasks end when the last request that could need them has
        if tokio::time::timeout(patience, tasks.wait()).await.is_err() {
            tracing::warn!(event = "tasks_cut", count = tasks.len(), "tasks of the server did not end in time");
        } else if tokio::time::timeout(WRITING_DOWN, record_closed).await.is_err() {
            tracing::warn!(
                event = "record_cut",
                "the issuance record's disk does not answer: it has no last checkpoint"
            );
        }
    }
}

/// The signing keys, of which the first are made on the first start.
async fn open_keys(config: &Config, registry: &Registry, clock: Arc<dyn Clock>) -> anyhow::Result<Arc<Keys>> {
    let (places, known) = (KeyPlaces::from(&config.keys), registry.signing_keys());
    let stores = Arc::new(blocking(move || KeyStores::of(places, &known)).await?);
    let (database, schedule, now) = (registry.database().clone(), config.key_schedule(), clock.now());
    let opened = stores.clone();
    blocking(move || opened.for_new_keys().map(drop)).await?;
    let work = KeyWork { database, stores: stores.clone(), schedule };
    first_keys(&work, &registry.signing_keys(), now).await?;
    registry.catch_up(true).await?;
    let records = registry.signing_keys();
    anyhow::ensure!(!stores.confirmed(records.to_vec())?.is_empty(), "there is no signing key, and none can be made");
    Ok(Arc::new(blocking(move || Keys::open(stores, schedule, clock, records)).await))
}

/// Those of consumers, and those of the proxies in front.
fn known_certificates(registry: &Arc<Registry>, proxies: &Arc<Proxies>) -> super::IsRegistered {
    let (registry, proxies) = (registry.clone(), proxies.clone());
    Arc::new(move |certificate: &PeerCertificate| {
        certificate.identities().iter().any(|identity| registry.has_credential_for(identity))
            || proxies.knows_thumbprint(&certificate.thumbprint())
    })
}

async fn write_gauges(app: Arc<App>, listeners: Arc<Listeners>, metrics: Metrics, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(GAUGES_EVERY)).await.is_some() {
        app.write_gauges();
        listeners.iter().for_each(|tls| tls.write_gauges());
        metrics.run_upkeep();
    }
}
