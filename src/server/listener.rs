//! The accept loop: connections within limits, each in a task of its own, and an orderly end.

use std::{io, net::SocketAddr, num::NonZero, sync::Arc, thread::available_parallelism, time::Duration};

use axum::Router;
use metrics::{counter, gauge};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{connection::Connection, handshake::shake_hands, limits::Limits, tls::ReloadableTls};
use crate::{authentication::peer::PeerConnection, fair_share::FairShare};

const FIRST_BACK_OFF: Duration = Duration::from_millis(20);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(1);

/// Serves `router` over TLS until `stop`, then lets requests in flight finish within `limits.drain_timeout`.
///
/// Every request carries a [`PeerConnection`] as an extension.
pub async fn serve(
    listener: TcpListener,
    tls: Arc<ReloadableTls>,
    router: Router,
    limits: Limits,
    stop: CancellationToken,
) {
    accept(listener, Transport::Tls(tls), router, limits, stop).await;
}

/// As [`serve`], over plain HTTP/1: for listeners that only this machine can reach.
pub async fn serve_plain(listener: TcpListener, router: Router, limits: Limits, stop: CancellationToken) {
    accept(listener, Transport::Plain, router, limits, stop).await;
}

enum Transport {
    Tls(Arc<ReloadableTls>),
    Plain,
}

/// What all connections of a listener share.
struct Service {
    transport: Transport,
    router: Router,
    limits: Limits,
    /// For the computations of handshakes, as many at a time as there are cores: what comes in between, such as requests
    /// on open connections, waits for those at most, however many clients knock.
    handshakes: Semaphore,
    stop: CancellationToken,
}

async fn accept(listener: TcpListener, transport: Transport, router: Router, limits: Limits, stop: CancellationToken) {
    let slots = Arc::new(Semaphore::new(limits.max_connections));
    let handshakes = Semaphore::new(available_parallelism().map_or(1, NonZero::get));
    let shares = FairShare::new(limits.max_connections_per_address);
    let service = Arc::new(Service { transport, router, limits, handshakes, stop });
    let (connections, cut) = (TaskTracker::new(), CancellationToken::new());
    let mut back_off = FIRST_BACK_OFF;
    loop {
        // At the limit the loop waits for a slot, and must still hear that it has to stop.
        let next = async { (Arc::clone(&slots).acquire_owned().await, listener.accept().await) };
        let (slot, accepted) = tokio::select! {
            biased;
            () = service.stop.cancelled() => break,
            next = next => next,
        };
        match accepted {
            Ok((tcp, address)) => {
                back_off = FIRST_BACK_OFF;
                let Some(share) = shares.take(address.ip()) else {
                    refuse(address);
                    continue;
                };
                let (service, cut) = (Arc::clone(&service), cut.clone());
                connections.spawn(async move {
                    let _held = (slot, share);
                    let _finished = cut.run_until_cancelled(service.connect(tcp, address)).await;
                });
            }
            Err(error) if concerns_one_connection(&error) => {}
            Err(error) => {
                counter!("careconnect_accept_errors_total").increment(1);
                tracing::error!(event = "accept_failed", %error, "no connection can be accepted for a while");
                service.stop.run_until_cancelled(tokio::time::sleep(back_off)).await;
                back_off = (back_off * 2).min(LONGEST_BACK_OFF);
            }
        }
    }
    drop(listener);
    connections.close();
    if timeout(service.limits.drain_timeout, connections.wait()).await.is_err() {
        tracing::warn!(event = "connections_cut", count = connections.len(), "connections did not end in time");
        cut.cancel();
        connections.wait().await;
    }
}

fn refuse(address: SocketAddr) {
    counter!("careconnect_connections_refused_total").increment(1);
    tracing::info!(event = "connection_refused", %address, "its address has limits.share_per_address_percent of all");
}

/// The client left before it was accepted. Anything else, such as too many open files, stays true for a while.
fn concerns_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

impl Service {
    async fn connect(&self, tcp: TcpStream, address: SocketAddr) {
        let _open = OpenConnection::count();
        let _not_essential = tcp.set_nodelay(true);
        let connection =
            |peer| Connection { peer, router: self.router.clone(), limits: &self.limits, stop: &self.stop };
        let Transport::Tls(tls) = &self.transport else {
            return connection(PeerConnection { address, certificate: None }).serve_http1(tcp).await;
        };
        let handshake = shake_hands(tcp, address, tls, &self.limits, &self.handshakes);
        let Some(Some((stream, peer))) = self.stop.run_until_cancelled(handshake).await else { return };
        if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
            connection(peer).serve_http2(stream).await;
        } else {
            connection(peer).serve_http1(stream).await;
        }
    }
}

/// Counts in the gauge of open connections, until it is dropped.
struct OpenConnection;

impl OpenConnection {
    fn count() -> Self {
        gauge!("careconnect_connections_open").increment(1.0);
        Self
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        gauge!("careconnect_connections_open").decrement(1.0);
    }
}
