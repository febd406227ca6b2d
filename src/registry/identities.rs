//! Who has registered a certificate identity.

use std::{collections::hash_map::RandomState, hash::BuildHasher, sync::Arc};

use super::sharded_map::ShardedMap;
use crate::domain::{CertificateIdentity, ConsumerSystem, CredentialKind, ProviderSystem};

/// Something that has certificates.
pub(super) trait Identified {
    fn identities(&self) -> impl Iterator<Item = &CertificateIdentity>;
}

impl Identified for ConsumerSystem {
    fn identities(&self) -> impl Iterator<Item = &CertificateIdentity> {
        self.credentials.iter().filter_map(|credential| match &credential.kind {
            CredentialKind::Certificate(held) => Some(&held.identity),
            _ => None,
        })
    }
}

impl Identified for ProviderSystem {
    fn identities(&self) -> impl Iterator<Item = &CertificateIdentity> {
        self.certificates.iter().map(|held| &held.identity)
    }
}

/// By the hash of a certificate identity: those that may have it, for hashes collide.
pub(super) struct Candidates<T> {
    by_hash: ShardedMap<u64, Vec<Arc<T>>>,
    hasher: RandomState,
}

impl<T: Identified> Candidates<T> {
    pub(super) fn with<'a>(&'a self, identity: &'a CertificateIdentity) -> impl Iterator<Item = &'a Arc<T>> {
        let candidates = self.by_hash.get(&self.hasher.hash_one(identity));
        candidates.into_iter().flatten().filter(move |holder| holder.identities().any(|held| held == identity))
    }

    pub(super) fn add(&mut self, holder: &Arc<T>) {
        for identity in holder.identities() {
            let hash = self.hasher.hash_one(identity);
            let mut candidates = self.by_hash.remove(&hash).unwrap_or_default();
            if !candidates.iter().any(|candidate| Arc::ptr_eq(candidate, holder)) {
                candidates.reserve_exact(1);
                candidates.push(holder.clone());
            }
            self.by_hash.insert(hash, candidates);
        }
    }

    pub(super) fn forget(&mut self, old: &Arc<T>) {
        for identity in old.identities() {
            let hash = self.hasher.hash_one(identity);
            let mut candidates = self.by_hash.remove(&hash).unwrap_or_default();
            candidates.retain(|candidate| !Arc::ptr_eq(candidate, old));
            if !candidates.is_empty() {
                self.by_hash.insert(hash, candidates);
            }
        }
    }
}

impl<T> Clone for Candidates<T> {
    fn clone(&self) -> Self {
        Self { by_hash: self.by_hash.clone(), hasher: self.hasher.clone() }
    }
}

impl<T> Default for Candidates<T> {
    fn default() -> Self {
        Self { by_hash: ShardedMap::default(), hasher: RandomState::new() }
    }
}
