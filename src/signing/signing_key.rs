//! One private key, ready to sign, with the algorithm that it is for and its public half.

use std::{fmt, sync::Arc};

use careconnect_verifier::Algorithm;

use super::{
    KeyRejection, PublicJwk, SigningError,
    key_pair::{self, KeyPair},
    pkcs8::Pkcs8,
    pkcs11::Pkcs11Key,
};
use crate::crypto::MAKES_RSA_KEYS;

/// A private key that signs for one algorithm.
pub struct SigningKey {
    algorithm: Algorithm,
    kid: Arc<str>,
    public: PublicJwk,
    half: Half,
}

/// What signs.
enum Half {
    /// In this process, within microseconds.
    Here(KeyPair),
    /// In a PKCS#11 token, which may take its time.
    Token(Pkcs11Key),
}

impl SigningKey {
    /// Can this build make keys for `algorithm`? All others are imported.
    pub const fn can_generate(algorithm: Algorithm) -> bool {
        MAKES_RSA_KEYS || !matches!(algorithm, Algorithm::Ps256 | Algorithm::Rs256)
    }

    /// All for which this build can make keys.
    pub fn generated() -> Vec<Algorithm> {
        Algorithm::FOR_TOKENS.into_iter().filter(|&algorithm| Self::can_generate(algorithm)).collect()
    }

    /// A new key, and its private half to be kept.
    pub(super) fn generate(algorithm: Algorithm) -> Result<(Self, Pkcs8), KeyRejection> {
        let pkcs8 = key_pair::generate(algorithm)?;
        Ok((Self::from_pkcs8(algorithm, &pkcs8)?, pkcs8))
    }

    /// A private key as PKCS#8.
    pub fn from_pkcs8(algorithm: Algorithm, pkcs8: &[u8]) -> Result<Self, KeyRejection> {
        let (pair, public) = KeyPair::parse(algorithm, pkcs8)?;
        Ok(Self { algorithm, kid: public.thumbprint().into(), public, half: Half::Here(pair) })
    }

    /// A private key in a token.
    pub(super) fn in_token(algorithm: Algorithm, key: Pkcs11Key) -> Self {
        let public = key.public().clone();
        Self { algorithm, kid: public.thumbprint().into(), public, half: Half::Token(key) }
    }

    /// What it signs with.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Its RFC 7638 thumbprint.
    pub const fn kid(&self) -> &Arc<str> {
        &self.kid
    }

    /// Its public half.
    pub const fn public(&self) -> &PublicJwk {
        &self.public
    }

    /// Does it sign in this process, within microseconds?
    pub const fn is_here(&self) -> bool {
        match &self.half {
            Half::Here(_) => true,
            Half::Token(_) => false,
        }
    }

    /// Appends the signature of `message` to `signature`.
    pub fn sign(&self, message: &[u8], signature: &mut Vec<u8>) -> Result<(), SigningError> {
        match &self.half {
            Half::Here(pair) => pair.sign(message, signature),
            Half::Token(key) => key.sign(message, signature),
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({} {})", self.algorithm, self.kid)
    }
}
