//! `tls_client_auth` and `self_signed_tls_client_auth`: the certificate of the handshake is the proof (RFC 8705 §2).

use super::{
    chain_refusal::ChainRefusal,
    client_trust::{ClientTrust, TrustedPath},
    peer::PeerCertificate,
};
use crate::{
    clock::UnixTime,
    domain::{CertificateIdentity, CredentialId, RegisteredCertificate},
};

/// Why a certificate does not prove that the client is the consumer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateRefusal {
    /// It is another's certificate.
    #[error("the certificate is none of those registered for this consumer: received {received}")]
    NotRegistered {
        /// The certificate's subject.
        received: String,
    },
    /// It is the consumer's, and not trusted now.
    #[error("the certificate is registered for this consumer, but not trusted: {0}")]
    NotTrusted(#[from] ChainRefusal),
}

/// Finds the one of a consumer's `registered` certificates that `certificate` proves, by its end-entity certificate alone (R25).
///
/// A name is only as good as the authority that vouches for it, so it needs a trusted path *now*, whatever the handshake
/// found. A self-issued certificate is registered by its thumbprint, and needs only to be within its dates.
pub fn prove<'a>(
    certificate: &PeerCertificate,
    registered: impl Iterator<Item = (CredentialId, &'a RegisteredCertificate)>,
    trust: &ClientTrust,
    now: UnixTime,
) -> Result<(CredentialId, &'a RegisteredCertificate), CertificateRefusal> {
    let mut refusal = CertificateRefusal::NotRegistered { received: certificate.subject().to_owned() };
    for (id, held) in registered.filter(|(_, held)| certificate.identities().contains(&held.identity)) {
        let verdict = match held.identity {
            CertificateIdentity::Thumbprint(_) if certificate.is_self_issued() => certificate.check_dates(now),
            _ => certificate.verdict(trust, now).map(|TrustedPath { .. }| ()),
        };
        match verdict {
            Ok(()) => return Ok((id, held)),
            Err(why) => refusal = why.into(),
        }
    }
    Err(refusal)
}
