//! The signature algorithms that a token may be signed with.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::InvalidIdentifier;

/// A JWS algorithm (RFC 7518 §3.1, RFC 8037). There is no `none` and no HMAC here, so neither can be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// Ed25519.
    EdDsa,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
}

impl Algorithm {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 5] = [Self::Es256, Self::Rs256, Self::Ps256, Self::Es384, Self::EdDsa];

    /// The name in a token's header, case counting.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
            Self::Ps256 => "PS256",
            Self::Rs256 => "RS256",
        }
    }

    /// Accepts an algorithm's exact name.
    pub fn parse(text: &str) -> Result<Self, InvalidIdentifier> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name() == text)
            .ok_or_else(|| InvalidIdentifier::new("a signature algorithm", "ES256, RS256, PS256, ES384 or EdDSA", text))
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Algorithm {
    type Err = InvalidIdentifier;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Algorithm {
    type Error = InvalidIdentifier;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<Algorithm> for String {
    fn from(algorithm: Algorithm) -> Self {
        algorithm.name().to_owned()
    }
}
