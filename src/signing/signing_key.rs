//! One private key, parsed once, with the algorithm that it is for and its public half.

use std::{fmt, sync::Arc};

use careconnect_verifier::Algorithm;

use super::{
    KeyRejection, PublicJwk, SigningError,
    key_pair::{self, KeyPair},
    pkcs8::{self, Pkcs8},
};
use crate::crypto::MAKES_RSA_KEYS;

/// A private key that signs for one algorithm.
pub struct SigningKey {
    algorithm: Algorithm,
    kid: Arc<str>,
    public: PublicJwk,
    pair: KeyPair,
}

impl SigningKey {
    /// Can this build make keys for `algorithm`? All others are imported.
    pub const fn can_generate(algorithm: Algorithm) -> bool {
        MAKES_RSA_KEYS || !matches!(algorithm, Algorithm::Ps256 | Algorithm::Rs256)
    }

    /// A new key, and its private half to be kept.
    pub(super) fn generate(algorithm: Algorithm) -> Result<(Self, Pkcs8), KeyRejection> {
        let pkcs8 = key_pair::generate(algorithm)?;
        Ok((Self::from_pkcs8(algorithm, &pkcs8)?, pkcs8))
    }

    /// Reads the first private key of a PEM text (PKCS#8, PKCS#1 or SEC1), and gives its private half to be kept.
    pub(super) fn from_pem(algorithm: Algorithm, pem: &[u8]) -> Result<(Self, Pkcs8), KeyRejection> {
        let pkcs8 = pkcs8::from_pem(algorithm, pem)?;
        Ok((Self::from_pkcs8(algorithm, &pkcs8)?, pkcs8))
    }

    fn from_pkcs8(algorithm: Algorithm, pkcs8: &[u8]) -> Result<Self, KeyRejection> {
        let (pair, public) = KeyPair::parse(algorithm, pkcs8)?;
        Ok(Self { algorithm, kid: public.thumbprint().into(), public, pair })
    }

    /// What it signs with.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Its RFC 7638 thumbprint.
    pub const fn kid(&self) -> &Arc<str> {
        &self.kid
    }

    /// Its public half as it is published.
    pub fn public_json(&self) -> String {
        self.public.to_json(self.algorithm, &self.kid)
    }

    /// Appends the signature of `message` to `signature`.
    pub fn sign(&self, message: &[u8], signature: &mut Vec<u8>) -> Result<(), SigningError> {
        self.pair.sign(message, signature)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({} {})", self.algorithm, self.kid)
    }
}
