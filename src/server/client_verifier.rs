//! What the handshake demands of a client's certificate.

use std::{cell::RefCell, fmt, sync::Arc};

use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, OtherError, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    server::danger::{ClientCertVerified, ClientCertVerifier},
};
use rustls_pki_types::{CertificateDer, UnixTime as TlsTime};

use crate::{
    authentication::{chain_refusal::ChainRefusal, client_trust::ClientTrust, peer::PeerCertificate},
    clock::{Clock, UnixTime},
};

/// Is a self-signed certificate registered for any consumer, by its thumbprint or its key?
pub type IsRegistered = Arc<dyn Fn(&PeerCertificate) -> bool + Send + Sync>;

/// Whether clients present a certificate.
#[derive(Clone)]
pub enum ClientAuthentication {
    /// They may; one that is presented must be trusted, or be self-signed and registered.
    Optional {
        /// Which self-signed certificates may come in.
        self_signed: IsRegistered,
    },
    /// They may; one that is presented must be of a configured authority.
    OptionalOfAuthority,
    /// They must, from a configured authority.
    Required,
}

/// With more authorities than this, naming them all to every client costs more than it helps.
const MAX_HINTS: usize = 16;

/// Paths are judged by [`ClientTrust`], the handshake's signature by webpki.
pub(super) struct ClientVerifier {
    trust: Arc<ClientTrust>,
    authentication: ClientAuthentication,
    hints: Vec<DistinguishedName>,
    provider: Arc<CryptoProvider>,
    clock: Arc<dyn Clock>,
}

impl ClientVerifier {
    pub(super) fn new(
        trust: Arc<ClientTrust>,
        authentication: ClientAuthentication,
        provider: Arc<CryptoProvider>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let hints = match authentication {
            // A client that is told names presents only certificates of these names, never its self-signed one.
            ClientAuthentication::Optional { .. } => Vec::new(),
            _ if trust.subjects().count() > MAX_HINTS => Vec::new(),
            ClientAuthentication::OptionalOfAuthority | ClientAuthentication::Required => {
                trust.subjects().map(DistinguishedName::in_sequence).collect()
            }
        };
        Self { trust, authentication, hints, provider, clock }
    }

    fn judge(&self, chain: Vec<CertificateDer<'static>>) -> Result<(), ChainRefusal> {
        self.authentication.admit(&PeerCertificate::parse(chain)?, &self.trust, self.clock.now())
    }
}

impl ClientAuthentication {
    /// May a client with this certificate come in?
    pub fn admit(&self, certificate: &PeerCertificate, trust: &ClientTrust, now: UnixTime) -> Result<(), ChainRefusal> {
        let Err(why) = certificate.verdict(trust, now) else { return Ok(()) };
        match self {
            Self::Optional { self_signed } if certificate.is_self_issued() && self_signed(certificate) => {
                certificate.check_alone(trust, now)
            }
            _ => Err(why),
        }
    }
}

impl ClientCertVerifier for ClientVerifier {
    fn client_auth_mandatory(&self) -> bool {
        matches!(self.authentication, ClientAuthentication::Required)
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _now: TlsTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let chain = [end_entity].into_iter().chain(intermediates).map(|der| der.clone().into_owned()).collect();
        let verdict = self.judge(chain);
        verdict.map(|()| ClientCertVerified::assertion()).map_err(refuse)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

impl fmt::Debug for ClientVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientVerifier({:?})", self.trust)
    }
}

tokio::task_local! {
    /// rustls passes on an alert's worth of what a verifier found; the whole of it goes round.
    static REFUSAL: RefCell<Option<ChainRefusal>>;
}

/// Runs a handshake; gives with its result why the client's certificate was refused, if it was.
pub(super) async fn with_refusal<T>(handshake: impl Future<Output = T>) -> (T, Option<ChainRefusal>) {
    let handshake = async { (handshake.await, REFUSAL.with(RefCell::take)) };
    REFUSAL.scope(RefCell::new(None), handshake).await
}

fn refuse(why: ChainRefusal) -> rustls::Error {
    let error = alert_for(&why);
    let _outside_a_handshake = REFUSAL.try_with(|refusal| refusal.replace(Some(why)));
    error.into()
}

/// The error whose alert tells the client most.
fn alert_for(why: &ChainRefusal) -> CertificateError {
    match why {
        ChainRefusal::UnknownIssuer { .. } | ChainRefusal::BadSignature => CertificateError::UnknownIssuer,
        ChainRefusal::Revoked | ChainRefusal::Blocked { .. } => CertificateError::Revoked,
        ChainRefusal::WrongUsage { .. } => CertificateError::InvalidPurpose,
        ChainRefusal::Expired { .. } => CertificateError::Expired,
        ChainRefusal::NotYetValid { .. } => CertificateError::NotValidYet,
        why => CertificateError::Other(OtherError(Arc::new(why.clone()))),
    }
}
