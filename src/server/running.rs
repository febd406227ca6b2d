//! A running server: the same start for `serve`, for `dev` and for the tests.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    ClientAuthentication, Limits, ReloadableTls, StopOrder, TlsFiles, certificate_watch::follow_files, serve,
    serve_plain,
};
use crate::{
    app::App, blocking::blocking, clock::Clock, config::Config, domain::CertificateThumbprint, expiries::warn_of, http,
    record::IssuanceRecord, registry::Registry, signing::KeyRing, storage::Database, telemetry::metrics::Metrics,
};

/// How often figures that nobody counts, such as ages, are written into the metrics.
const GAUGES_EVERY: Duration = Duration::from_secs(1);

/// How long a task of the server that failed waits before it begins again.
const RESTART_AFTER: Duration = Duration::from_secs(1);

/// The listening sockets.
pub struct Sockets {
    /// For consumers and providers.
    pub public: TcpListener,
    /// For Prometheus, if it is wanted.
    pub metrics: Option<TcpListener>,
}

impl Sockets {
    /// Binds what the configuration names.
    pub async fn bind(config: &Config) -> anyhow::Result<Self> {
        config.serving()?; // all that is wrong with the configuration, before the first port that is taken
        let bind = async |key: &str, address: SocketAddr| {
            TcpListener::bind(address).await.with_context(|| format!("{key}: cannot listen on {address}"))
        };
        let metrics = match config.metrics.listen.0 {
            Some(address) => Some(bind("metrics.listen", address).await?),
            None => None,
        };
        Ok(Self { public: bind("listen", config.listen).await?, metrics })
    }
}

/// A server that answers. Dropping it does not stop it; [`Self::stop`] does.
pub struct RunningServer {
    /// Its parts.
    pub app: Arc<App>,
    /// Where consumers and providers reach it.
    pub address: SocketAddr,
    /// Where Prometheus does.
    pub metrics_address: Option<SocketAddr>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl RunningServer {
    /// Loads everything that `config` names, and serves. Nothing is served when anything is wrong.
    pub async fn start(config: &Config, clock: Arc<dyn Clock>, sockets: Sockets) -> anyhow::Result<Self> {
        let hang_up = signal(SignalKind::hangup())?; // before anything that takes time: unheard, it would end the process
        let serving = config.serving()?;
        let metrics = sockets.metrics.as_ref().map(|_| Metrics::install()).transpose()?; // before there is anything to count
        let database = Database::open(&(&config.database).into()).await?;
        database.require_current_schema().await?;
        let registry = Arc::new(Registry::load(database, clock.clone()).await?);
        let (files, now) = (TlsFiles::of(&config.tls, &serving), clock.clone());
        let clients = ClientAuthentication::Optional { self_signed: registered_thumbprints(&registry) };
        let tls = Arc::new(blocking(move || ReloadableTls::load(files, clients, now)).await?);
        let (trust, keys) = (tls.client_trust().clone(), config.keys.directory.clone());
        let key_ring = blocking(move || KeyRing::open(&keys)).await?; // made on the first start
        let (records, keep_days, now) = (config.record.directory.clone(), config.record.keep_days, clock.clone());
        let record = blocking(move || IssuanceRecord::open(records, keep_days.get(), now)).await?;
        let app = Arc::new(App::assemble(config, serving.issuer, clock, registry, key_ring, record, trust));

        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let (address, limits) = (sockets.public.local_addr()?, Limits::of(&config.limits));
        let metrics_address = sockets.metrics.as_ref().map(TcpListener::local_addr).transpose()?;
        let router = http::router(app.clone(), config.limits.request_timeout_seconds.duration());
        let (registry, every) = (app.registry.clone(), config.registry.poll_every_milliseconds.duration());
        tasks.spawn(restarted("registry", stop.clone(), move |stop| registry.clone().follow(every, stop)));
        let uses = app.clone();
        tasks.spawn(restarted("credential uses", stop.clone(), move |stop| {
            let app = uses.clone();
            async move { app.uses.write_to(app.registry.database(), stop).await }
        }));
        let app_to_watch = app.clone();
        tasks.spawn(restarted("expiries", stop.clone(), move |stop| warn_of(app_to_watch.clone(), stop)));
        tasks.spawn(follow_files(tls.clone(), hang_up, config.tls.reload_every_seconds.duration(), stop.clone()));
        tasks.spawn(serve(sockets.public, tls, router, limits.clone(), stop.clone()));
        if let (Some(listener), Some(metrics)) = (sockets.metrics, metrics) {
            tasks.spawn(write_gauges(app.clone(), metrics.clone(), stop.clone()));
            tasks.spawn(serve_plain(listener, http::metrics_router(metrics), limits, stop.clone()));
        }
        tasks.close();
        tracing::info!(issuer = app.issuer.as_str(), %address, "serving");
        Ok(Self { app, address, metrics_address, stop, tasks })
    }

    /// Serves until the order to stop is given, then finishes the requests in flight. A second order cuts them.
    pub async fn run_until(self, order: &mut StopOrder) {
        order.given().await;
        tracing::info!("stopping");
        match order.or(self.stop()).await {
            Some(()) => tracing::info!("stopped"),
            None => tracing::warn!("stopped at once, as ordered again"),
        }
    }

    /// Takes no more connections, and returns when the open ones have ended or the drain timeout has passed.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.wait().await;
    }
}

fn registered_thumbprints(registry: &Arc<Registry>) -> super::IsRegistered {
    let registry = registry.clone();
    Arc::new(move |thumbprint: &CertificateThumbprint| registry.knows_thumbprint(thumbprint))
}

/// Runs `task` until it ends by itself. A panic is a bug of ours; without that task the server would live on half dead.
async fn restarted<F>(name: &str, stop: CancellationToken, task: impl Fn(CancellationToken) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    while let Err(failure) = tokio::spawn(task(stop.clone())).await {
        tracing::error!(event = "task_failed", task = name, %failure, "a task of the server failed and begins again");
        stop.run_until_cancelled(tokio::time::sleep(RESTART_AFTER)).await;
    }
}

async fn write_gauges(app: Arc<App>, metrics: Metrics, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(GAUGES_EVERY)).await.is_some() {
        app.write_gauges();
        metrics.run_upkeep();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn a_task_that_fails_begins_again_until_it_ends_by_itself() {
        let begun = Arc::new(AtomicU32::new(0));
        let counted = begun.clone();
        let task = move |_stop| {
            let attempt = counted.fetch_add(1, Ordering::Relaxed);
            async move { assert!(attempt > 0, "a bug of ours") }
        };
        restarted("test", CancellationToken::new(), task).await;
        assert_eq!(begun.load(Ordering::Relaxed), 2);
    }
}
