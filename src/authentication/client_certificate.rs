//! `tls_client_auth` and `self_signed_tls_client_auth`: the certificate of the handshake is the proof (RFC 8705 §2).

use super::{chain_refusal::ChainRefusal, client_trust::ClientTrust, peer::PeerCertificate, trusted_path::TrustedPath};
use crate::{
    clock::UnixTime,
    domain::{CertificateIdentity, CredentialId, Environment, FailedCheck, KeyThumbprint, RegisteredCertificate},
};

/// What [`prove`] checks once the certificate is trusted, in its order: the check's name, and what is the case when it
/// passes.
pub const CHECKS: [(&str, &str); 3] = [
    ("certificate_not_registered", "it is one that is registered for the consumer and counts now"),
    ("certificate_other_environment", "its authority is of the registration's environment"),
    ("certificate_other_issuer", "its path goes through the issuer's key that is registered, if one is"),
];

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
    #[error("the certificate is registered for this consumer, but not trusted ({reason}): {0}", reason = .0.reason())]
    NotTrusted(#[from] ChainRefusal),
    /// It is of the other world: a test certificate for a live registration, or the reverse.
    #[error(
        "expected a certificate of an authority for {expected}, received one of {authority}, which is for {received}"
    )]
    OtherEnvironment {
        /// That of the registration; `none` for certificates that sign themselves.
        expected: String,
        /// That of the authority.
        received: Environment,
        /// The authority that vouches for it.
        authority: String,
    },
    /// The registration is pinned to an issuer, and another one of whatever name has issued it.
    #[error("expected a path through the key {expected}, received one through {}", listed(received))]
    OtherIssuer {
        /// The key that is registered.
        expected: KeyThumbprint,
        /// The keys of the issuers in the path; none for a certificate that signs itself.
        received: Vec<KeyThumbprint>,
    },
}

impl CertificateRefusal {
    /// The check that failed, with both sides.
    pub fn check(&self) -> FailedCheck {
        match self {
            Self::NotRegistered { received } => {
                let expected = "a certificate that is registered for this consumer and counts now";
                FailedCheck::new("certificate_not_registered", expected, format!("one of subject {received:?}"))
            }
            Self::NotTrusted(why) => why.check(),
            Self::OtherEnvironment { expected, received, authority } => FailedCheck::new(
                "certificate_other_environment",
                format!("an authority for {expected}"),
                format!("{authority}, which is for {received}"),
            ),
            Self::OtherIssuer { expected, received } => FailedCheck::new(
                "certificate_other_issuer",
                format!("a path through the key {expected}"),
                format!("a path through {}", listed(received)),
            ),
        }
    }
}

fn listed(keys: &[KeyThumbprint]) -> String {
    let keys: Vec<_> = keys.iter().map(KeyThumbprint::to_string).collect();
    if keys.is_empty() { "no issuer".to_owned() } else { keys.join(", ") }
}

/// Finds the one of a consumer's `registered` certificates that `certificate` proves, by its end-entity certificate alone (R25).
///
/// A name is only as good as the authority that vouches for it, so it needs a trusted path *now*, whatever the handshake
/// found: in the registration's environment and, where one is registered, through that very issuer's key. A self-issued
/// certificate is registered by its thumbprint, or as one by its key, and needs only to be within its dates. The holder
/// of a key that an authority has certified cannot leave that authority, its lists and the policies for its names behind
/// by signing a certificate itself.
pub fn prove<'a>(
    certificate: &PeerCertificate,
    registered: impl Iterator<Item = (CredentialId, &'a RegisteredCertificate)>,
    trust: &ClientTrust,
    now: UnixTime,
) -> Result<(CredentialId, &'a RegisteredCertificate), CertificateRefusal> {
    let mut refusal = CertificateRefusal::NotRegistered { received: certificate.subject().to_owned() };
    for (id, held) in registered.filter(|(_, held)| certificate.identities().contains(&held.identity)) {
        match check(certificate, held, trust, now) {
            Ok(()) => return Ok((id, held)),
            Err(why) => refusal = why,
        }
    }
    Err(refusal)
}

/// Does `certificate` prove one of a provider's `registered` certificates? By the same rule.
pub fn is_one_of(
    certificate: &PeerCertificate,
    registered: &[RegisteredCertificate],
    trust: &ClientTrust,
    now: UnixTime,
) -> bool {
    let mut held = registered.iter().filter(|held| certificate.identities().contains(&held.identity));
    held.any(|held| check(certificate, held, trust, now).is_ok())
}

fn check(
    certificate: &PeerCertificate,
    held: &RegisteredCertificate,
    trust: &ClientTrust,
    now: UnixTime,
) -> Result<(), CertificateRefusal> {
    let stands_alone = match held.identity {
        CertificateIdentity::Thumbprint(_) => true,
        CertificateIdentity::PublicKey(_) => held.environment.is_none(),
        _ => false,
    };
    if stands_alone && certificate.is_self_issued() {
        certificate.check_alone(trust, now)?;
        return check_pin(held, &[]);
    }
    let path = certificate.verdict(trust, now)?;
    let TrustedPath { authority, issuer_keys, .. } = &*path;
    if Some(&authority.environment) != held.environment.as_ref() {
        return Err(CertificateRefusal::OtherEnvironment {
            expected: held.environment.as_ref().map_or_else(|| "none".to_owned(), Environment::to_string),
            received: authority.environment.clone(),
            authority: authority.name.clone(),
        });
    }
    check_pin(held, issuer_keys)
}

fn check_pin(held: &RegisteredCertificate, issuers: &[KeyThumbprint]) -> Result<(), CertificateRefusal> {
    match held.issuer {
        Some(expected) if !issuers.contains(&expected) => {
            Err(CertificateRefusal::OtherIssuer { expected, received: issuers.to_vec() })
        }
        _ => Ok(()),
    }
}
