//! Randomness that can be had again.

use careconnect_auth::random;

/// SplitMix64: the same numbers for the same seed.
pub(crate) struct Seeded(u64);

impl Seeded {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Less than `end`.
    pub(crate) const fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// One of them.
    pub(crate) fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[usize::try_from(self.below(all.len().try_into().unwrap())).unwrap()]
    }
}

/// `TEST_SEED` of the environment, or else another one every time. A test that fails says which it had.
pub(crate) fn seed() -> u64 {
    match std::env::var_os("TEST_SEED") {
        Some(text) => text.to_str().unwrap().parse().unwrap(),
        None => u64::from_ne_bytes(random::bytes()),
    }
}
