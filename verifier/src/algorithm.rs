//! The signature algorithms of tokens, and of the assertions by which clients prove themselves.

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
    /// RSASSA-PSS with SHA-384; for client assertions only.
    Ps384,
    /// RSASSA-PSS with SHA-512; for client assertions only.
    Ps512,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384; for client assertions only.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512; for client assertions only.
    Rs512,
}

impl Algorithm {
    /// Those that access tokens are signed with, in the order in which they are shown. The text forms of this type
    /// ([`Self::parse`], `FromStr`, serde) know no others, so that none gets into a registration or a verifier by name.
    pub const FOR_TOKENS: [Self; 5] = [Self::Es256, Self::Rs256, Self::Ps256, Self::Es384, Self::EdDsa];

    /// Those that a client may sign its assertions with (RFC 7523), in the order in which they are shown.
    pub const FOR_ASSERTIONS: [Self; 9] = [
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::EdDsa,
    ];

    /// The name in a token's header, case counting.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
        }
    }

    /// Accepts the exact name of one of [`Self::FOR_TOKENS`].
    pub fn parse(text: &str) -> Result<Self, InvalidIdentifier> {
        Self::named(text, &Self::FOR_TOKENS, "ES256, RS256, PS256, ES384 or EdDSA")
    }

    /// Accepts the exact name of one of [`Self::FOR_ASSERTIONS`].
    pub fn parse_for_assertions(text: &str) -> Result<Self, InvalidIdentifier> {
        const RULE: &str = "RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 or EdDSA";
        Self::named(text, &Self::FOR_ASSERTIONS, RULE)
    }

    fn named(text: &str, among: &[Self], rule: &'static str) -> Result<Self, InvalidIdentifier> {
        let named = among.iter().find(|algorithm| algorithm.name() == text);
        named.copied().ok_or_else(|| InvalidIdentifier::new("a signature algorithm", rule, text))
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
