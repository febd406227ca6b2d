//! The keys of a running server, which follow what is registered of them.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::ArcSwap;
use careconnect_verifier::{AccessTokenClaims, Algorithm, Group};
use serde::Serialize;
use uuid::Uuid;

use super::{
    KeyRing, KeySet, KeyStores, SignedToken, SigningError,
    entra::entra_claims,
    jws::{Signer, TokenType, Unsigned},
};
use crate::{
    blocking::blocking,
    clock::{Clock, UnixTime},
    domain::{KeySchedule, SigningKeyRecord},
    hash_chain::CHECKPOINT_TYPE,
};

/// Signs with the key whose turn it is. Reading takes no lock and waits for nobody.
pub struct Keys {
    stores: Arc<KeyStores>,
    clock: Arc<dyn Clock>,
    ring: ArcSwap<KeyRing>,
    /// What the ring was made of.
    followed: Mutex<Arc<[SigningKeyRecord]>>,
}

impl Keys {
    /// With the keys of `records`. It opens files: not on a thread that serves.
    pub fn open(
        stores: Arc<KeyStores>,
        schedule: KeySchedule,
        clock: Arc<dyn Clock>,
        records: Arc<[SigningKeyRecord]>,
    ) -> Self {
        let followed = Mutex::new(records.clone());
        let ring = ArcSwap::from_pointee(KeyRing::open(records, &stores, schedule, None, clock.now()));
        Self { stores, clock, ring, followed }
    }

    /// Takes over another state of the register. It opens files: not on a thread that serves.
    pub fn follow(&self, records: Arc<[SigningKeyRecord]>) {
        let mut followed = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
        let lacks_some = self.ring.load().unopened().next().is_some(); // they may have come back
        if lacks_some || !Arc::ptr_eq(&followed, &records) {
            let (former, now) = (self.ring.load(), self.clock.now());
            *followed = records.clone();
            let ring = KeyRing::open(records, &self.stores, *former.schedule(), Some(&former), now);
            if !ring.signs(now) && former.signs(now) {
                // Sealed anew with a key that this server was not given, say: what it has is better than no key at all.
                tracing::error!(
                    event = "keys_not_confirmed",
                    "this server goes on with the keys that it had: see keys.sealing_key_file"
                );
                return;
            }
            self.ring.store(Arc::new(ring));
        }
    }

    /// Where private keys are kept.
    pub const fn stores(&self) -> &Arc<KeyStores> {
        &self.stores
    }

    /// The keys as they are now.
    pub fn ring(&self) -> Arc<KeyRing> {
        self.ring.load_full()
    }

    /// The algorithms that have a key, in the order in which they are shown.
    pub fn algorithms(&self) -> Vec<Algorithm> {
        self.ring.load().algorithms()
    }

    /// Is there a key for `algorithm`?
    pub fn has(&self, algorithm: Algorithm) -> bool {
        self.algorithms().contains(&algorithm)
    }

    /// What is published now.
    pub fn key_set(&self) -> Arc<KeySet> {
        self.ring.load().key_set(self.clock.now())
    }

    /// Signs an access token of type `at+jwt`.
    pub async fn sign(
        &self,
        algorithm: Algorithm,
        claims: &AccessTokenClaims,
        now: UnixTime,
    ) -> Result<SignedToken, SigningError> {
        let signer = self.signer(algorithm, now)?;
        let unsigned = signer.prepare(TokenType::AccessToken, claims, &claims.jti)?;
        finish(signer, unsigned).await
    }

    /// Signs a token of the `entra` profile: type `JWT`, `appidacr` `"1"` for a secret and `"2"` for a certificate, and
    /// groups under their object ids where they have one.
    pub async fn sign_entra(
        &self,
        algorithm: Algorithm,
        claims: &AccessTokenClaims,
        appidacr: &str,
        object_id_of: impl Fn(&Group) -> Option<Uuid>,
        now: UnixTime,
    ) -> Result<SignedToken, SigningError> {
        let signer = self.signer(algorithm, now)?;
        let claims_of_entra = entra_claims(claims, appidacr, object_id_of)?;
        let unsigned = signer.prepare(TokenType::Entra, &claims_of_entra, &claims.jti)?;
        finish(signer, unsigned).await
    }

    /// Signs a token with the key whose turn comes next; none when there is no such key, or it cannot be opened here.
    pub async fn rehearse(
        &self,
        algorithm: Algorithm,
        claims: &AccessTokenClaims,
        now: UnixTime,
    ) -> Result<Option<SignedToken>, SigningError> {
        let Some(signer) = self.ring.load().next_signer(algorithm, now).cloned() else { return Ok(None) };
        let unsigned = signer.prepare(TokenType::AccessToken, claims, &claims.jti)?;
        finish(signer, unsigned).await.map(Some)
    }

    /// Signs a statement that is no token, which its type says (R24), with ES256 or else the first algorithm that has a key.
    pub async fn sign_statement(&self, token_type: &str, statement: &impl Serialize) -> Result<String, SigningError> {
        let signer = self.statement_signer()?;
        let unsigned = signer.prepare_statement(token_type, statement)?;
        Ok(finish(signer, unsigned).await?.expose().to_owned())
    }

    /// Signs a statement of how far a chain had come. A key in a token of hardware takes its time: not on a thread that serves.
    pub fn sign_checkpoint(&self, statement: &impl Serialize) -> Result<String, SigningError> {
        let signer = self.statement_signer()?;
        Ok(signer.sign(signer.prepare_statement(CHECKPOINT_TYPE, statement)?)?.expose().to_owned())
    }

    fn statement_signer(&self) -> Result<Arc<Signer>, SigningError> {
        let algorithm = self.algorithms().first().copied().unwrap_or(Algorithm::Es256);
        self.signer(algorithm, self.clock.now())
    }

    fn signer(&self, algorithm: Algorithm, now: UnixTime) -> Result<Arc<Signer>, SigningError> {
        self.ring.load().signer(algorithm, now).cloned()
    }
}

/// At once, or on a thread that may wait.
async fn finish(signer: Arc<Signer>, unsigned: Unsigned) -> Result<SignedToken, SigningError> {
    if signer.is_here() { signer.sign(unsigned) } else { blocking(move || signer.sign(unsigned)).await }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ring.load().fmt(f)
    }
}
