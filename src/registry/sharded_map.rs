//! A hash map whose copies share what has not changed.

use std::{
    borrow::Borrow,
    collections::{HashMap, hash_map::RandomState},
    hash::{BuildHasher, Hash},
    sync::Arc,
};

/// A change copies one shard: of 280,000 entries, some hundreds.
const SHARDS: u64 = 512;

/// A map in parts, each shared with the copies of the map until one of them changes it.
pub(super) struct ShardedMap<K, V> {
    shards: Vec<Arc<HashMap<K, V>>>,
    hasher: RandomState,
}

impl<K: Hash + Eq + Clone, V: Clone> ShardedMap<K, V> {
    pub(super) fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.shards[self.shard_of(key)].get(key)
    }

    /// Puts the entry in, in place of the one with an equal key, which it gives back.
    pub(super) fn insert(&mut self, key: K, value: V) -> Option<V> {
        let shard = self.shard_of(&key);
        let shard = Arc::make_mut(&mut self.shards[shard]);
        let old = shard.remove(&key); // insert alone would keep the old key, and with it all that the key shares
        shard.insert(key, value);
        old
    }

    pub(super) fn remove<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let shard = self.shard_of(key);
        Arc::make_mut(&mut self.shards[shard]).remove(key)
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.shards.iter().flat_map(|shard| shard.values())
    }

    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.len()).sum()
    }

    fn shard_of<Q: Hash + ?Sized>(&self, key: &Q) -> usize {
        usize::try_from(self.hasher.hash_one(key) % SHARDS).unwrap_or_default()
    }
}

impl<K, V> Default for ShardedMap<K, V> {
    fn default() -> Self {
        Self { shards: (0..SHARDS).map(|_| Arc::default()).collect(), hasher: RandomState::new() }
    }
}

impl<K, V> Clone for ShardedMap<K, V> {
    fn clone(&self) -> Self {
        Self { shards: self.shards.clone(), hasher: self.hasher.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_keeps_what_the_other_changes_and_shares_the_rest() {
        let mut map = ShardedMap::default();
        (0..10_000).for_each(|key| assert_eq!(map.insert(key, "old"), None));
        let before = map.clone();

        assert_eq!(map.insert(7, "new"), Some("old"));
        assert_eq!(map.remove(&8), Some("old"));

        assert_eq!((map.get(&7), map.get(&8), map.len()), (Some(&"new"), None, 9_999));
        assert_eq!((before.get(&7), before.get(&8), before.len()), (Some(&"old"), Some(&"old"), 10_000));
        let copied = map.shards.iter().zip(&before.shards).filter(|(one, other)| !Arc::ptr_eq(one, other)).count();
        assert!((1..=2).contains(&copied), "{copied}");
    }
}
