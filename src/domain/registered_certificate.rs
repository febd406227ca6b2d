//! A certificate as it is registered: the feature that names its holder, and whose word for it counts.

use std::{fmt, str::FromStr};

use super::{CertificateIdentity, KeyThumbprint, certificate_identity::InvalidCertificateIdentity};

/// A feature of certificates by which a consumer or a provider is recognised, within one environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredCertificate {
    /// The feature.
    pub identity: CertificateIdentity,
    /// Only authorities of this environment vouch for it, so that a test certificate never opens the live door; none for
    /// certificates that sign themselves, and have nobody to vouch for them.
    pub environment: Option<Environment>,
    /// A key that must be in the path, of an authority or an intermediate, if one must.
    pub issuer: Option<KeyThumbprint>,
}

impl RegisteredCertificate {
    /// Each feature once, in an order that does not depend on who wrote them down.
    pub fn in_order(mut all: Vec<Self>) -> Vec<Self> {
        all.sort_by_cached_key(|held| (held.identity.kind(), held.identity.value()));
        all.dedup_by(|one, other| one.identity == other.identity);
        all
    }
}

impl From<CertificateIdentity> for RegisteredCertificate {
    fn from(identity: CertificateIdentity) -> Self {
        Self { identity, environment: Some(Environment::default()), issuer: None }
    }
}

/// Which world an authority, and what it vouches for, belongs to: `live` unless said otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Environment(Box<str>);

impl Environment {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Environment {
    fn default() -> Self {
        Self("live".into())
    }
}

impl FromStr for Environment {
    type Err = InvalidCertificateIdentity;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if (1..=32).contains(&text.len()) && text.bytes().all(is_allowed) {
            return Ok(Self(text.into()));
        }
        let rule = "expected 1 to 32 lower-case letters, digits and hyphens, such as live";
        Err(InvalidCertificateIdentity::new("environment", text, rule))
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
