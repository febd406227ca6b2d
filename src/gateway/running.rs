//! A running gateway: the same start for the command and for the tests.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context;
use axum::Router;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    assemble::{Assembled, assemble},
    forward_auth, reverse_proxy, status,
};
use crate::{
    clock::Clock,
    config::{ClientAuthority, GatewayConfig, GatewayTls},
    server::{
        ClientAuthentication, Limits, ListenerName, ReloadableTls, TlsFiles, certificate_watch::follow_files, serve,
        serve_plain,
    },
    telemetry::metrics::Metrics,
};

/// How often certificates are looked at for changes, and figures written into the metrics.
const RELOAD_EVERY: Duration = Duration::from_secs(60);
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// A gateway that answers.
#[derive(Debug)]
pub struct RunningGateway {
    /// Where the provider's callers reach it.
    pub reverse_proxy: Option<SocketAddr>,
    /// Where the proxy in front does.
    pub forward_auth: Option<SocketAddr>,
    /// Where health and metrics are.
    pub status: Option<SocketAddr>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl RunningGateway {
    /// Everything that [`Self::start`] does before it listens: what it would refuse, this refuses.
    pub fn check(config: &GatewayConfig, clock: Arc<dyn Clock>) -> anyhow::Result<()> {
        let Assembled { guard, .. } = assemble(config, &clock)?;
        if let Some(section) = &config.reverse_proxy {
            drop(reverse_proxy::router(guard, section)?);
            section.tls.as_ref().map(|tls| load_tls(tls, clock)).transpose()?;
        }
        Ok(())
    }

    /// Serves what `config` names. The issuer need not be there yet.
    pub async fn start(config: &GatewayConfig, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        let metrics = config.status.as_ref().map(|_| Metrics::install()).transpose()?;
        let Assembled { guard, keys } = assemble(config, &clock)?;
        let (stop, tasks, limits) = (CancellationToken::new(), TaskTracker::new(), limits());
        let mut gateway = Self { reverse_proxy: None, forward_auth: None, status: None, stop, tasks };
        if let Some(section) = &config.reverse_proxy {
            let router = reverse_proxy::router(guard.clone(), section)?;
            let listener = bind("reverse_proxy.listen", section.listen).await?;
            gateway.reverse_proxy = Some(listener.local_addr()?);
            match &section.tls {
                Some(tls) => gateway.serve_tls(listener, router, limits.clone(), tls, clock)?,
                None => gateway.serve_plainly(listener, router, limits.clone()),
            }
        }
        if let Some(section) = &config.forward_auth {
            let listener = bind("forward_auth.listen", section.listen).await?;
            gateway.forward_auth = Some(listener.local_addr()?);
            gateway.serve_plainly(listener, forward_auth::router(guard, section), limits.clone());
        }
        if let (Some(section), Some(metrics)) = (&config.status, metrics) {
            let listener = bind("status.listen", section.listen).await?;
            gateway.status = Some(listener.local_addr()?);
            gateway.tasks.spawn(keep_up(metrics.clone(), gateway.stop.clone()));
            gateway.serve_plainly(listener, status::router(keys.clone(), metrics), limits);
        }
        // So that readiness does not wait for the first request; without an answer, each request tries again.
        gateway.tasks.spawn(async move { drop(keys.prefetch().await) });
        gateway.tasks.close();
        let Self { reverse_proxy, forward_auth, status, .. } = &gateway;
        tracing::info!(
            issuer = config.issuer.as_str(),
            service_root = config.service_root.as_str(),
            ?reverse_proxy,
            ?forward_auth,
            ?status,
            "guarding"
        );
        Ok(gateway)
    }

    /// Takes no more connections, and returns when the open ones have ended or the drain timeout has passed.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.wait().await;
    }

    fn serve_plainly(&self, listener: TcpListener, router: Router, limits: Limits) {
        self.tasks.spawn(serve_plain(listener, router, limits, self.stop.clone()));
    }

    fn serve_tls(
        &self,
        listener: TcpListener,
        router: Router,
        limits: Limits,
        section: &GatewayTls,
        clock: Arc<dyn Clock>,
    ) -> anyhow::Result<()> {
        let tls = load_tls(section, clock)?;
        let (all, hang_up) = (vec![tls.clone()], signal(SignalKind::hangup())?);
        self.tasks.spawn(follow_files(all, Arc::default(), hang_up, RELOAD_EVERY, self.stop.clone()));
        self.tasks.spawn(serve(listener, tls, router, limits, self.stop.clone()));
        Ok(())
    }
}

fn load_tls(section: &GatewayTls, clock: Arc<dyn Clock>) -> anyhow::Result<Arc<ReloadableTls>> {
    let authorities = &section.client_ca_files;
    let (authentication, client_authorities) = match authorities.is_empty() {
        true => (ClientAuthentication::OptionalOfAuthority, Vec::new()),
        false => (ClientAuthentication::Required, vec![ClientAuthority::simple(authorities.clone())]),
    };
    let files = TlsFiles {
        listener: ListenerName::Gateway,
        certificate_file: section.certificate_file.clone(),
        key_file: section.key_file.clone(),
        client_authorities,
        host: None,
    };
    Ok(Arc::new(ReloadableTls::load(files, authentication, Arc::new(|_, _| false), clock)?))
}

/// One address, the SSP's or a proxy's, may take all of the connections.
fn limits() -> Limits {
    let limits = Limits::default();
    Limits { max_connections_per_address: limits.max_connections, ..limits }
}

async fn bind(key: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("{key}: cannot listen on {address}"))
}

async fn keep_up(metrics: Metrics, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(UPKEEP_EVERY)).await.is_some() {
        metrics.run_upkeep();
    }
}
