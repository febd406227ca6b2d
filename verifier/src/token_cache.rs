//! Tokens whose signature has been proven, so that the same bytes need not be proven again.
//!
//! A table in sets of eight places. A hit takes no lock and writes to nothing that other threads read, but for the count of
//! who holds the token. Only verified tokens get in, so whoever brings others evicts nothing.

use std::{
    hash::{BuildHasher, RandomState},
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use arc_swap::ArcSwapOption;

use crate::VerifiedToken;

/// Longer tokens are not kept, so that the table is bounded in bytes too.
const MAX_BYTES: usize = 4 * 1024;

/// So much of the signature's end tells tokens apart: 192 bits, which nobody can guess.
const TAIL: usize = 32;

const WAYS: usize = 8;

pub(crate) struct TokenCache {
    /// Keyed, so that nobody can aim at a set.
    hasher: RandomState,
    sets: Box<[Set]>,
    /// The set from which the next insertion clears what has ended.
    hand: AtomicUsize,
}

type Set = [Place; WAYS];

/// The tag is a hint that saves looking at the entry; the entry alone decides.
#[derive(Default)]
struct Place {
    tag: AtomicU64,
    entry: ArcSwapOption<Entry>,
}

struct Entry {
    bytes: Box<[u8]>,
    token: VerifiedToken,
}

impl TokenCache {
    /// With room for `tokens`, rounded up to whole sets.
    pub(crate) fn new(tokens: usize) -> Self {
        let sets = (0..tokens.div_ceil(WAYS)).map(|_| Set::default()).collect();
        Self { hasher: RandomState::new(), sets, hand: AtomicUsize::new(0) }
    }

    /// Shows `reader` what exactly these bytes have proven.
    pub(crate) fn read<T>(&self, bytes: &[u8], reader: impl FnOnce(&VerifiedToken) -> T) -> Option<T> {
        let (tag, set) = self.find_set(bytes)?;
        let place = set.iter().find(|place| place.tag.load(Ordering::Relaxed) == tag)?;
        let entry = place.entry.load();
        entry.as_ref().filter(|entry| *entry.bytes == *bytes).map(|entry| reader(&entry.token))
    }

    /// Keeps what `bytes` have proven, if need be in the place of the token that ends first. Clears what has ended: here,
    /// and in one set after another.
    pub(crate) fn insert(&self, bytes: &[u8], token: &VerifiedToken, has_ended: impl Fn(&VerifiedToken) -> bool) {
        let Some((tag, set)) = self.find_set(bytes) else { return };
        let next = self.sets.get(self.hand.fetch_add(1, Ordering::Relaxed) % self.sets.len());
        next.into_iter().chain([set]).flatten().for_each(|place| place.clear_if(&has_ended));
        let same = set.iter().find(|place| place.tag.load(Ordering::Relaxed) == tag);
        if let Some(place) = same.or_else(|| set.iter().min_by_key(|place| place.ends_at())) {
            place.tag.store(tag, Ordering::Relaxed);
            place.entry.store(Some(Arc::new(Entry { bytes: bytes.into(), token: token.clone() })));
        }
    }

    /// None when nothing is kept at all, or nothing of this length.
    fn find_set(&self, bytes: &[u8]) -> Option<(u64, &Set)> {
        let tail = bytes.last_chunk::<TAIL>().filter(|_| bytes.len() <= MAX_BYTES)?;
        let hash = self.hasher.hash_one(tail);
        let index = hash.checked_rem(u64::try_from(self.sets.len()).ok()?)?;
        Some((hash, self.sets.get(usize::try_from(index).ok()?)?))
    }
}

impl Place {
    /// None, which is before all times, when it is empty.
    fn ends_at(&self) -> Option<i64> {
        self.entry.load().as_ref().map(|entry| entry.token.expires_at())
    }

    fn clear_if(&self, has_ended: impl Fn(&VerifiedToken) -> bool) {
        if self.entry.load().as_ref().is_some_and(|entry| has_ended(&entry.token)) {
            self.entry.store(None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample_token::ending_at;

    fn bytes(number: usize) -> Vec<u8> {
        format!("header.payload.{number:032}").into_bytes()
    }

    fn kept(cache: &TokenCache) -> usize {
        cache.sets.iter().flatten().filter(|place| place.ends_at().is_some()).count()
    }

    #[test]
    fn it_holds_no_more_than_it_has_room_for_and_lets_go_what_ends_first() {
        let cache = TokenCache::new(8);
        for number in (1..=100).rev() {
            cache.insert(&bytes(number), &ending_at(i64::try_from(number).unwrap()), |_| false);
        }
        assert_eq!(kept(&cache), 8);
        let is_kept = |number| cache.read(&bytes(number), VerifiedToken::expires_at).is_some();
        assert!((94..=100).all(is_kept) && is_kept(1), "the newest has taken the place of the one that ended first");
    }

    #[test]
    fn what_has_ended_goes_although_nobody_asks_for_it() {
        let cache = TokenCache::new(64);
        for number in 0..40 {
            cache.insert(&bytes(number), &ending_at(1), |_| false);
        }
        for number in 100..108 {
            cache.insert(&bytes(number), &ending_at(9), |token| token.expires_at() <= 1);
        }
        assert_eq!(kept(&cache), 8);
    }

    #[test]
    fn only_the_very_same_bytes_are_found() {
        let cache = TokenCache::new(64);
        cache.insert(&bytes(1), &ending_at(5), |_| false);
        assert_eq!(cache.read(&bytes(1), VerifiedToken::expires_at), Some(5));
        let mut other = bytes(1);
        other[0] ^= 1; // the signature is the same
        assert_eq!(cache.read(&other, VerifiedToken::expires_at), None);
        assert_eq!(cache.read(&other[1..], VerifiedToken::expires_at), None);
        assert_eq!(cache.read(b"", VerifiedToken::expires_at), None);
    }

    #[test]
    fn long_tokens_are_not_kept_and_a_table_without_room_keeps_none() {
        let cache = TokenCache::new(8);
        cache.insert(&[b'A'; MAX_BYTES + 1], &ending_at(5), |_| false);
        assert_eq!(kept(&cache), 0);
        let none = TokenCache::new(0);
        none.insert(&bytes(1), &ending_at(5), |_| false);
        assert_eq!(none.read(&bytes(1), VerifiedToken::expires_at), None);
    }
}
