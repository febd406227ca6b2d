//! One way in: a secret, a certificate, a key or a key set, with a label, a start and an end.

use uuid::Uuid;

use super::{CertificateIdentity, ClientKey, KeySetUri, RegisteredCertificate, SecretHash};
use crate::clock::UnixTime;

/// A credential's own identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CredentialId(pub Uuid);

/// A way in that an administrator has registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// Its identity.
    pub id: CredentialId,
    /// What people call it.
    pub label: String,
    /// What proves it.
    pub kind: CredentialKind,
    /// From when it counts.
    pub starts_at: UnixTime,
    /// Until when it counts, if that is known.
    pub ends_at: Option<UnixTime>,
}

/// What proves a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CredentialKind {
    /// A secret that the server made; only its hash is kept (`client_secret_basic`, `client_secret_post`).
    Secret(SecretHash),
    /// A client certificate (`tls_client_auth`, `self_signed_tls_client_auth`).
    Certificate(RegisteredCertificate),
    /// A public key (`private_key_jwt`).
    Key(ClientKey),
    /// Where the consumer publishes its public keys (`private_key_jwt`).
    KeySet(KeySetUri),
}

impl From<CertificateIdentity> for CredentialKind {
    fn from(identity: CertificateIdentity) -> Self {
        Self::Certificate(identity.into())
    }
}

impl CredentialKind {
    /// Its name in the register; of a certificate, that of the feature by which it is recognised.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Secret(_) => "secret",
            Self::Certificate(certificate) => certificate.identity.kind(),
            Self::Key(_) => "key",
            Self::KeySet(_) => "key_set",
        }
    }

    /// What may be shown of it; nothing of a secret.
    pub fn public_value(&self) -> Option<String> {
        match self {
            Self::Secret(_) => None,
            Self::Certificate(certificate) => Some(certificate.identity.value()),
            Self::Key(key) => Some(key.as_jwk().to_owned()),
            Self::KeySet(uri) => Some(uri.to_string()),
        }
    }
}

impl Credential {
    /// Does it count at `now`? The start is included, the end is not.
    pub fn is_valid_at(&self, now: UnixTime) -> bool {
        self.starts_at <= now && self.ends_at.is_none_or(|end| now < end)
    }
}
