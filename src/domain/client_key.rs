//! A consumer's public key, with which it signs assertions (`private_key_jwt`).

use std::{fmt, sync::Arc};

use careconnect_verifier::{Algorithm, PublicKey, UnusableKey};
use serde_json::Value;

/// One public key for exactly one algorithm; the register decides it, an assertion can only agree (R22).
#[derive(Clone)]
pub struct ClientKey {
    jwk: Box<str>,
    algorithm: Algorithm,
    key_id: Option<Box<str>>,
    key: Arc<PublicKey>,
}

/// Why a JWK cannot be registered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidClientKey {
    /// It is no public key that can be used.
    #[error("the key {0}")]
    Unusable(#[from] UnusableKey),
    /// It could be used with several algorithms.
    #[error("the key does not say its algorithm: expected a member \"alg\", such as RS512")]
    NoAlgorithm,
    /// Its id is not a text that an assertion could name.
    #[error("the key's \"kid\" is no text of 1 to 256 characters")]
    BadKeyId,
}

impl ClientKey {
    /// Reads a JWK (RFC 7517) that holds a public key and, for RSA, its `alg`.
    pub fn from_jwk(text: &str) -> Result<Self, InvalidClientKey> {
        let key = PublicKey::from_jwk(text.as_bytes())?;
        let mut algorithms = key.algorithms();
        let (Some(algorithm), None) = (algorithms.next(), algorithms.next()) else {
            return Err(InvalidClientKey::NoAlgorithm);
        };
        drop(algorithms);
        let jwk: Value = serde_json::from_str(text).map_err(|_| UnusableKey::NotAnObject)?;
        let key_id = match jwk.get("kid") {
            None => None,
            Some(Value::String(id)) if (1..=256).contains(&id.len()) => Some(id.as_str().into()),
            Some(_) => return Err(InvalidClientKey::BadKeyId),
        };
        Ok(Self { jwk: jwk.to_string().into(), algorithm, key_id, key: Arc::new(key) })
    }

    /// The JWK, as compact JSON.
    pub fn as_jwk(&self) -> &str {
        &self.jwk
    }

    /// The only algorithm that it may be used with.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Its `kid`, by which assertions name it.
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// The key itself.
    pub fn public_key(&self) -> &PublicKey {
        &self.key
    }
}

impl PartialEq for ClientKey {
    fn eq(&self, other: &Self) -> bool {
        self.jwk == other.jwk
    }
}

impl Eq for ClientKey {}

impl fmt::Debug for ClientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientKey({} {:?})", self.algorithm, self.key_id)
    }
}
