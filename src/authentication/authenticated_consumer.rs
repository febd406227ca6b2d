//! A consumer that has proven itself, and how.

use std::sync::Arc;

use super::{client_assertion::AssertionUse, peer::PeerCertificate, trusted_path::TrustedPath};
use crate::domain::{CertificateThumbprint, ConsumerSystem, CredentialId, KeyThumbprint};

/// A consumer that has proven itself, this second. Only [`Authenticator::authenticate`](super::Authenticator::authenticate) makes one.
#[derive(Debug)]
pub struct AuthenticatedConsumer {
    pub(super) consumer: Arc<ConsumerSystem>,
    pub(super) method: Method,
    pub(super) credential: CredentialId,
    pub(super) assertion_use: Option<AssertionUse>,
    pub(super) certificate: Option<CertificateThumbprint>,
    pub(super) proof: Option<CertificateProof>,
}

/// The certificate that proved a consumer, and the path in which it is trusted, if its names need one.
#[derive(Debug)]
pub struct CertificateProof {
    pub(super) certificate: Arc<PeerCertificate>,
    pub(super) path: Option<Arc<TrustedPath>>,
}

impl CertificateProof {
    /// The hosts that the certificate claims to be.
    pub fn hosts(&self) -> impl Iterator<Item = &str> + Clone {
        self.certificate.hosts()
    }

    /// The keys of all issuers in its path.
    pub fn issuers(&self) -> &[KeyThumbprint] {
        self.path.as_deref().map_or(&[], |path| &path.issuer_keys)
    }
}

/// By which mechanism.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// `client_secret_basic` or `client_secret_post`.
    Secret,
    /// `tls_client_auth` or `self_signed_tls_client_auth`, by that name.
    Certificate(&'static str),
    /// `private_key_jwt`.
    PrivateKeyJwt,
}

impl Method {
    /// Its name in logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Secret => "client_secret",
            Self::Certificate(name) => name,
            Self::PrivateKeyJwt => "private_key_jwt",
        }
    }
}

impl AuthenticatedConsumer {
    /// The registration that was proven.
    pub fn consumer(&self) -> &ConsumerSystem {
        &self.consumer
    }

    /// How it was proven.
    pub const fn method(&self) -> Method {
        self.method
    }

    /// The credential that proved it.
    pub const fn credential(&self) -> CredentialId {
        self.credential
    }

    /// What must be recorded, once, before anything is done for it (R21).
    pub const fn assertion_use(&self) -> Option<AssertionUse> {
        self.assertion_use
    }

    /// The certificate that proved it, where one did.
    pub const fn proof(&self) -> Option<&CertificateProof> {
        self.proof.as_ref()
    }

    /// The consumer's own certificate, on the connection: what a token may be bound to.
    pub const fn certificate(&self) -> Option<CertificateThumbprint> {
        self.certificate
    }
}
