//! Secrets: Argon2id once, then a keyed hash that answers in under a microsecond.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

use super::{AuthenticationFailure, failure_budget::Attempt, hashing_threads::HashingThreads, secret_hash};
use crate::{
    crypto::hmac,
    domain::{ConsumerSystem, CredentialId, SecretHash},
    fair_share::FairShare,
    random,
};

/// So many wrong or new secrets are being hashed that one more cannot wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many secrets are waiting to be verified")]
pub struct TooManyWaiting;

/// Verifies secrets off the async threads, and remembers those that it verified.
pub struct SecretVerifier {
    /// Made anew by each process, so that a copy of its memory's tags is of no use elsewhere.
    key: hmac::Key,
    /// A tag for each credential that was verified. Bounded by the number of registered secrets.
    verified: RwLock<HashMap<CredentialId, hmac::Tag>>,
    running: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    threads: HashingThreads,
    places: usize,
    places_by_address: Arc<FairShare>,
}

impl SecretVerifier {
    /// Verifies at most `concurrency` secrets at a time, each of which takes 19 MiB, and lets at most `queue` wait. Of all
    /// these places one address gets at most `per_address`: a flood from there leaves room for others (R54).
    pub fn new(concurrency: usize, queue: usize, per_address: usize) -> Self {
        let places = concurrency.max(1) + queue;
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, &random::bytes::<32>()),
            verified: RwLock::default(),
            running: Arc::new(Semaphore::new(concurrency.max(1))),
            waiting: Arc::new(Semaphore::new(places)),
            threads: HashingThreads::start(concurrency.max(1)),
            places,
            places_by_address: FairShare::new(per_address),
        }
    }

    /// The credential of `consumer` that `secret` proves now. For no consumer, or one without secrets, the answer is
    /// `None` after the same work (R13). Who failed too often gets no work done, unless the secret is known to be right.
    pub async fn verify(
        &self,
        secret: &SecretString,
        consumer: Option<&ConsumerSystem>,
        attempt: &Attempt<'_>,
    ) -> Result<Option<CredentialId>, AuthenticationFailure> {
        let held = || consumer.into_iter().flat_map(|consumer| consumer.secrets_at(attempt.now));
        if let Some(id) = self.remembered_among(held(), secret) {
            return Ok(Some(id));
        }
        attempt.check()?;
        let candidates = held().map(|(id, hash)| (id, hash.clone())).unzip();
        self.verify_slowly(secret, candidates, attempt).await
    }

    /// How many secrets are being hashed or wait for it.
    pub fn waiting(&self) -> usize {
        self.places - self.waiting.available_permits()
    }

    fn remembered_among<'a>(
        &self,
        mut held: impl Iterator<Item = (CredentialId, &'a SecretHash)>,
        secret: &SecretString,
    ) -> Option<CredentialId> {
        held.find(|(id, hash)| self.is_remembered(*id, hash, secret)).map(|(id, _)| id)
    }

    /// Compares in constant time. The hash is part of what is remembered, so a tag dies with the secret it stands for.
    fn is_remembered(&self, id: CredentialId, hash: &SecretHash, secret: &SecretString) -> bool {
        let verified = self.verified.read().unwrap_or_else(PoisonError::into_inner);
        verified.get(&id).is_some_and(|tag| hmac::verify(&self.key, &remembered(hash, secret), tag.as_ref()).is_ok())
    }

    async fn verify_slowly(
        &self,
        secret: &SecretString,
        (ids, hashes): (Vec<CredentialId>, Vec<SecretHash>),
        attempt: &Attempt<'_>,
    ) -> Result<Option<CredentialId>, AuthenticationFailure> {
        let _share = self.places_by_address.take(attempt.address).ok_or(TooManyWaiting)?;
        let _place = self.waiting.clone().try_acquire_owned().map_err(|_| TooManyWaiting)?;
        let slot = self.running.clone().acquire_owned().await.map_err(|_| TooManyWaiting)?;
        // What others did while this one waited: the same secret was right, or too many were wrong.
        if let Some(id) = self.remembered_among(ids.iter().copied().zip(&hashes), secret) {
            return Ok(Some(id));
        }
        attempt.check()?;
        let (presented, client_id) = (secret.clone(), attempt.client_id.to_owned());
        let work = move |memory: &mut Vec<_>| {
            let _slot = slot; // held until the work is done, even if the request is gone by then
            let found = secret_hash::find(presented.expose_secret().as_bytes(), &client_id, &hashes, memory)?;
            hashes.into_iter().nth(found).map(|hash| (found, hash))
        };
        let Some((found, hash)) = self.threads.run(work).await else { return Ok(None) };
        let tag = hmac::sign(&self.key, &remembered(&hash, secret));
        self.verified.write().unwrap_or_else(PoisonError::into_inner).insert(ids[found], tag);
        Ok(Some(ids[found]))
    }
}

fn remembered(hash: &SecretHash, secret: &SecretString) -> zeroize::Zeroizing<Vec<u8>> {
    let mut text = zeroize::Zeroizing::new(Vec::with_capacity(256));
    text.extend_from_slice(hash.as_str().as_bytes());
    text.push(0); // a PHC string has no NUL, so the two parts cannot be shifted against each other
    text.extend_from_slice(secret.expose_secret().as_bytes());
    text
}

impl fmt::Debug for SecretVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretVerifier").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
