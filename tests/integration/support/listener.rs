//! The production accept loop over a router of a few lines.

use std::{fs, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use axum::{
    Extension, Router,
    body::Bytes,
    extract::State,
    routing::{get, post},
};
use careconnect_auth::{
    authentication::peer::{PeerCertificate, PeerConnection},
    clock::ManualClock,
    config::ClientAuthority,
    server::{ClientAuthentication, Limits, ListenerName, ReloadableTls, TlsFiles, serve},
};
use tempfile::TempDir;
use tokio::{net::TcpListener, sync::Notify, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::authority::{Authority, Identity, NOW};

/// A listener on a free port of this machine, with its files.
pub(crate) struct Listener {
    pub(crate) address: SocketAddr,
    pub(crate) tls: Arc<ReloadableTls>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) stop: CancellationToken,
    /// Hears of every request to `/slow` that has begun.
    pub(crate) slow_began: Arc<Notify>,
    pub(crate) task: JoinHandle<()>,
    /// Who vouches for the server.
    pub(crate) root: Authority,
    pub(crate) directory: TempDir,
}

/// How long `/slow` takes: long enough for something to happen meanwhile.
pub(crate) const SLOW: Duration = Duration::from_secs(2);

/// Limits short enough to wait for, and long enough for an honest client on a busy machine.
pub(crate) fn short_limits() -> Limits {
    let limit = Duration::from_secs(1);
    Limits { handshake_timeout: limit, header_timeout: limit, closing_grace: limit, ..Limits::default() }
}

impl Listener {
    /// Clients of `client_root` may come in, and no self-signed ones.
    pub(crate) async fn start(client_root: &Authority) -> Self {
        Self::with(client_root, &[], Limits::default()).await
    }

    pub(crate) async fn with(client_root: &Authority, self_signed: &[&Identity], limits: Limits) -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("clients.pem"), client_root.pem()).unwrap();
        let registered: Vec<_> = self_signed.iter().map(|one| one.chain[0].clone()).collect();
        let self_signed = Arc::new(move |one: &PeerCertificate| registered.contains(&one.chain()[0]));
        Self::of(files(directory.path()), ClientAuthentication::Optional { self_signed }, limits, directory).await
    }

    /// With these files, of which those for clients are in `directory` already.
    pub(crate) async fn of(
        files: TlsFiles,
        authentication: ClientAuthentication,
        limits: Limits,
        directory: TempDir,
    ) -> Self {
        careconnect_auth::crypto::install();
        let root = Authority::new("Server Root");
        write_identity(directory.path(), &root.server());
        let clock = Arc::new(ManualClock::at(NOW));
        let tls = Arc::new(ReloadableTls::load(files, authentication, Arc::new(|_, _| false), clock.clone()).unwrap());
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, stop) = (socket.local_addr().unwrap(), CancellationToken::new());
        let slow_began = Arc::new(Notify::new());
        let router = router(tls.clone(), clock.clone(), slow_began.clone());
        let task = tokio::spawn(serve(socket, tls.clone(), router, limits, stop.clone()));
        Self { address, tls, clock, stop, slow_began, task, root, directory }
    }
}

pub(crate) fn files(directory: &Path) -> TlsFiles {
    TlsFiles {
        listener: ListenerName::Public,
        certificate_file: directory.join("server.pem"),
        key_file: directory.join("server.key"),
        client_authorities: vec![ClientAuthority::simple(vec![directory.join("clients.pem")])],
        host: Some("localhost".to_owned()),
    }
}

pub(crate) fn write_identity(directory: &Path, identity: &Identity) {
    fs::write(directory.join("server.pem"), identity.pem()).unwrap();
    fs::write(directory.join("server.key"), identity.key_pem()).unwrap();
}

fn router(tls: Arc<ReloadableTls>, clock: Arc<ManualClock>, slow_began: Arc<Notify>) -> Router {
    let slow = async move || {
        slow_began.notify_one();
        tokio::time::sleep(SLOW).await;
    };
    Router::new()
        .route("/whoami", get(whoami))
        .route("/verdict", get(verdict))
        .route("/slow", get(slow))
        .route("/echo", post(|body: Bytes| async move { format!("{} octets", body.len()) }))
        .with_state((tls, clock))
}

/// The peer's identities, one a line.
async fn whoami(Extension(peer): Extension<PeerConnection>) -> String {
    let Some(certificate) = peer.certificate else { return "nobody".to_owned() };
    certificate.identities().iter().map(|one| format!("{} {}\n", one.kind(), one.value())).collect()
}

/// What a token request finds: the certificate of the connection, judged again.
async fn verdict(
    Extension(peer): Extension<PeerConnection>,
    State((tls, clock)): State<(Arc<ReloadableTls>, Arc<ManualClock>)>,
) -> String {
    use careconnect_auth::clock::Clock;
    let trust = tls.client_trust().load_full();
    let verdict = peer.certificate.unwrap().verdict(&trust, clock.now());
    verdict.map_or_else(|refusal| refusal.reason().to_owned(), |_| "trusted".to_owned())
}
