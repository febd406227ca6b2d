//! Who has fetched the key set, so that it is known who knows a key before it signs.

use careconnect_verifier::Asid;
use serde::Serialize;

use super::{ProviderSystem, SigningKeyRecord};
use crate::clock::UnixTime;

/// A provider's latest fetch of the key set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySetFetch {
    /// Whose.
    pub asid: Asid,
    /// Whether its certificate said so; otherwise the caller alone.
    pub proven: bool,
    /// When.
    pub fetched_at: UnixTime,
    /// The keys that were in it.
    pub kids: Vec<Box<str>>,
}

/// How many of the providers that need a key know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KnownTo {
    /// Those whose tokens are signed with its algorithm.
    pub providers: usize,
    /// Those of them that have fetched a key set with the key.
    pub known: usize,
    /// Some of those that have not.
    pub waiting_for: Vec<Asid>,
}

/// Of those that wait, in an answer.
const MOST_NAMED: usize = 100;

impl KnownTo {
    /// By the fetches that were seen.
    pub fn of<'a>(
        key: &SigningKeyRecord,
        providers: impl Iterator<Item = &'a ProviderSystem>,
        fetches: &[KeySetFetch],
    ) -> Self {
        let knows = |asid: &Asid| {
            fetches.iter().any(|fetch| fetch.asid == *asid && fetch.kids.iter().any(|kid| **kid == *key.kid))
        };
        let needs = providers.filter(|provider| provider.is_active() && provider.signing_algorithm == key.algorithm);
        let (known, waiting): (Vec<_>, Vec<_>) = needs.partition(|provider| knows(&provider.asid));
        let mut waiting_for: Vec<_> = waiting.iter().map(|provider| provider.asid.clone()).collect();
        waiting_for.sort();
        waiting_for.truncate(MOST_NAMED);
        Self { providers: known.len() + waiting.len(), known: known.len(), waiting_for }
    }
}
