//! From a TCP connection to a TLS connection with a known client, or to one line in the log that says why not.

use std::{future::poll_fn, io, mem::replace, net::SocketAddr, pin::pin, sync::Arc, task::Poll};

use metrics::counter;
use rustls::{AlertDescription, CertificateError, Error as TlsFailure, HandshakeKind};
use tokio::{net::TcpStream, sync::Semaphore, time::timeout};
use tokio_rustls::{LazyConfigAcceptor, server::TlsStream};

use super::{client_verifier::with_refusal, limits::Limits, linger::close_gently, tls::ReloadableTls};
use crate::{
    authentication::{
        chain_refusal::ChainRefusal,
        peer::{PeerCertificate, PeerConnection},
    },
    telemetry::legible,
};

/// Why there is no connection.
struct Refusal {
    reason: &'static str,
    detail: String,
    /// On which the alert was sent, if it got so far.
    tcp: Option<TcpStream>,
}

/// Shakes hands within the limits. A refusal is logged and counted, and the client gets its alert.
pub(super) async fn shake_hands(
    tcp: TcpStream,
    address: SocketAddr,
    tls: &ReloadableTls,
    limits: &Limits,
    computations: &Semaphore,
) -> Option<(TlsStream<TcpStream>, PeerConnection)> {
    let attempt = timeout(limits.handshake_timeout, attempt(tcp, address, tls, computations)).await;
    let refusal = match attempt {
        Ok(Ok(connected)) => {
            let is_resumed = connected.0.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed);
            let outcome = if is_resumed { "resumed" } else { "accepted" };
            counter!("careconnect_handshakes_total", "outcome" => outcome, "reason" => "none").increment(1);
            return Some(connected);
        }
        Ok(Err(refusal)) => refusal,
        Err(_elapsed) => {
            let detail = format!("not finished within {:?}", limits.handshake_timeout);
            Refusal { reason: "timeout", detail, tcp: None }
        }
    };
    counter!("careconnect_handshakes_total", "outcome" => "refused", "reason" => refusal.reason).increment(1);
    let detail = legible(&refusal.detail);
    let (listener, reason) = (tls.files().listener.name(), refusal.reason);
    tracing::info!(event = "handshake_refused", listener, %address, reason, detail, "TLS handshake refused");
    if let Some(tcp) = refusal.tcp {
        close_gently(tcp).await; // with TLS 1.3 a client sends its first request before it learns of the refusal
    }
    None
}

async fn attempt(
    tcp: TcpStream,
    address: SocketAddr,
    tls: &ReloadableTls,
    computations: &Semaphore,
) -> Result<(TlsStream<TcpStream>, PeerConnection), Refusal> {
    let hello =
        LazyConfigAcceptor::new(rustls::server::Acceptor::default(), tcp).await.map_err(Refusal::of_protocol)?;
    let mut handshake = pin!(with_refusal(hello.into_stream(tls.config()).into_fallible()));
    let (outcome, refused_certificate) = loop {
        // A turn for our share of the work, and none for waiting: a client that stalls holds up nobody.
        let turn = computations.acquire().await;
        let step = poll_fn(|context| Poll::Ready(handshake.as_mut().poll(context))).await;
        drop(turn);
        match step {
            Poll::Ready(done) => break done,
            Poll::Pending => woken().await,
        }
    };
    let stream = outcome.map_err(|(error, tcp)| {
        let refusal = refused_certificate.map_or_else(|| Refusal::of_protocol(error), Refusal::from);
        Refusal { tcp: Some(tcp), ..refusal }
    })?;
    let chain = stream.get_ref().1.peer_certificates();
    let certificate = chain.map(|chain| chain.iter().map(|der| der.clone().into_owned()).collect());
    let certificate = certificate.map(PeerCertificate::parse).transpose()?.map(Arc::new);
    Ok((stream, PeerConnection { address, certificate }))
}

/// Until the task is woken again, by whatever was polled before.
async fn woken() {
    let mut is_waiting = false;
    poll_fn(|_| if replace(&mut is_waiting, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

impl Refusal {
    fn of_protocol(error: io::Error) -> Self {
        let failure = error.get_ref().and_then(|inner| inner.downcast_ref::<TlsFailure>());
        let reason = match failure {
            None => "closed_by_client",
            Some(TlsFailure::InvalidMessage(_)) => "not_tls",
            Some(TlsFailure::PeerIncompatible(_)) => "no_common_parameters",
            Some(TlsFailure::NoCertificatesPresented) => "certificate_required",
            Some(TlsFailure::InvalidCertificate(CertificateError::BadSignature)) => "no_proof_of_possession",
            Some(TlsFailure::InvalidCertificate(_)) => "certificate_refused",
            Some(TlsFailure::AlertReceived(AlertDescription::UnknownCA)) => "client_distrusts_server",
            Some(TlsFailure::AlertReceived(_)) => "alert_from_client",
            Some(_) => "protocol_violation",
        };
        Self { reason, detail: error.to_string(), tcp: None }
    }
}

impl From<ChainRefusal> for Refusal {
    fn from(why: ChainRefusal) -> Self {
        Self { reason: why.reason(), detail: why.to_string(), tcp: None }
    }
}
