//! The keys in use: the newest of each algorithm signs, the public halves of all are published.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use careconnect_verifier::{AccessTokenClaims, Algorithm, Group};
use serde::Serialize;
use uuid::Uuid;

use super::{
    KeyFiles, KeySet, SignedToken, SigningError, StoredKey,
    entra::entra_claims,
    jws::{Signer, TokenType},
};
use crate::{clock::UnixTime, hash_chain::CHECKPOINT_TYPE};

/// The signing keys of a running server.
#[derive(Debug)]
pub struct KeyRing {
    signers: BTreeMap<Algorithm, Signer>,
    key_set: KeySet,
    published: Vec<PublishedKey>,
}

/// What may be told of a key: nothing that is private (R43).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedKey {
    /// Its RFC 7638 thumbprint.
    pub kid: Arc<str>,
    /// What it is for.
    pub algorithm: Algorithm,
    /// Its public half: a JWK, as JSON.
    pub jwk: String,
    /// Does it sign? All others are published, so that what they have signed can be verified.
    pub signs: bool,
    /// Since when it is there.
    pub written_at: UnixTime,
}

impl PublishedKey {
    fn of(stored: &StoredKey, all: &[StoredKey]) -> Self {
        let (key, algorithm) = (&stored.key, stored.key.algorithm());
        let signs = newest_key(all, algorithm).is_some_and(|newest| newest.key.kid() == key.kid());
        let (kid, jwk) = (key.kid().clone(), key.public_json());
        Self { kid, algorithm, jwk, signs, written_at: stored.written_at() }
    }
}

impl KeyRing {
    /// Opens the keys in `directory`, and makes those that are missing and can be made.
    pub fn open(directory: &Path) -> Result<Self, SigningError> {
        let keys = KeyFiles::new(directory).load_or_create()?;
        if keys.is_empty() {
            return Err(SigningError::NoKeys { directory: directory.to_owned() });
        }
        let key_set = KeySet::new(keys.iter().rev().map(|stored| &stored.key));
        let published = keys.iter().rev().map(|stored| PublishedKey::of(stored, &keys)).collect();
        // From the oldest to the newest, so the newest stays.
        let signers = keys.into_iter().map(|stored| (stored.key.algorithm(), Signer::new(stored.key))).collect();
        Ok(Self { signers, key_set, published })
    }

    /// The algorithms that have a key in `directory`; none when it is not there. Makes nothing.
    pub fn algorithms_in(directory: &Path) -> Result<Vec<Algorithm>, SigningError> {
        let keys = KeyFiles::new(directory).load()?;
        let has_key = |algorithm: &Algorithm| keys.iter().any(|stored| stored.key.algorithm() == *algorithm);
        Ok(Algorithm::FOR_TOKENS.into_iter().filter(has_key).collect())
    }

    /// The public halves of the keys in `directory`, as they are published; none when it is not there. Makes nothing.
    pub fn published_in(directory: &Path) -> Result<KeySet, SigningError> {
        let keys = KeyFiles::new(directory).load()?;
        Ok(KeySet::new(keys.iter().rev().map(|stored| &stored.key)))
    }

    /// Is there a key for `algorithm`?
    pub fn has(&self, algorithm: Algorithm) -> bool {
        self.signers.contains_key(&algorithm)
    }

    /// The algorithms that have a key, in the order in which they are shown.
    pub fn algorithms(&self) -> Vec<Algorithm> {
        Algorithm::FOR_TOKENS.into_iter().filter(|&algorithm| self.has(algorithm)).collect()
    }

    /// What is published.
    pub const fn key_set(&self) -> &KeySet {
        &self.key_set
    }

    /// All keys, the newest first.
    pub fn published(&self) -> &[PublishedKey] {
        &self.published
    }

    /// Signs an access token of type `at+jwt`.
    pub fn sign(&self, algorithm: Algorithm, claims: &AccessTokenClaims) -> Result<SignedToken, SigningError> {
        self.signer(algorithm)?.sign(TokenType::AccessToken, claims, &claims.jti)
    }

    /// Signs a token of the `entra` profile: type `JWT`, `appidacr` `"1"` for a secret and `"2"` for a certificate, and
    /// groups under their object ids where they have one.
    pub fn sign_entra(
        &self,
        algorithm: Algorithm,
        claims: &AccessTokenClaims,
        appidacr: &str,
        object_id_of: impl Fn(&Group) -> Option<Uuid>,
    ) -> Result<SignedToken, SigningError> {
        let signer = self.signer(algorithm)?;
        signer.sign(TokenType::Entra, &entra_claims(claims, appidacr, object_id_of)?, &claims.jti)
    }

    /// Signs a statement of ours, with ES256, or the first algorithm that has a key. Its type, `typ`, keeps it from being
    /// taken for a token, or for a statement of another kind (R24).
    pub fn sign_statement(&self, typ: &'static str, statement: &impl Serialize) -> Result<String, SigningError> {
        let algorithm = self.algorithms().first().copied().unwrap_or(Algorithm::Es256);
        let signed = self.signer(algorithm)?.sign(TokenType::Statement(typ), statement, typ)?;
        Ok(signed.expose().to_owned())
    }

    /// Signs a statement of how far a chain had come.
    pub fn sign_checkpoint(&self, statement: &impl Serialize) -> Result<String, SigningError> {
        self.sign_statement(CHECKPOINT_TYPE, statement)
    }

    fn signer(&self, algorithm: Algorithm) -> Result<&Signer, SigningError> {
        self.signers.get(&algorithm).ok_or(SigningError::KeyMissing(algorithm))
    }
}

/// Which of `keys`, in the order of [`KeyFiles::load`], signs for `algorithm`.
pub fn newest_key(keys: &[StoredKey], algorithm: Algorithm) -> Option<&StoredKey> {
    keys.iter().rev().find(|stored| stored.key.algorithm() == algorithm)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_algorithm_without_a_key_is_named_with_the_remedy() {
        let ring =
            KeyRing { signers: BTreeMap::new(), key_set: KeySet::new(std::iter::empty()), published: Vec::new() };
        let error = ring.signer(Algorithm::Ps256).unwrap_err();
        assert!(matches!(error, SigningError::KeyMissing(Algorithm::Ps256)));
        assert!(error.to_string().contains("keys import --alg PS256"), "{error}");
    }
}
