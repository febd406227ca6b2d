//! Records that hang on each other: the hash of each covers all before it, so that none can be changed, left out or
//! put in between without a trace.

use std::{fmt, str::FromStr};

use crate::crypto::sha256;

/// The `typ` of a JWS that states how far a chain had come. No verifier of access tokens takes it for one.
pub const CHECKPOINT_TYPE: &str = "careconnect-checkpoint+jwt";

/// The hash of a chain up to some record: SHA-256 of the hash before it and the record's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChainHash([u8; 32]);

impl ChainHash {
    /// Before the first record.
    pub const START: Self = Self([0; 32]);

    /// After `record`.
    #[must_use]
    pub fn then(self, record: &[u8]) -> Self {
        Self(sha256(&[&self.0, record].concat()))
    }
}

/// A text that is no hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is no hash: expected 64 hexadecimal digits in lower case")]
pub struct InvalidChainHash;

impl fmt::Display for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for ChainHash {
    type Err = InvalidChainHash;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut hash = [0; 32];
        if text.len() != 64 || !text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(InvalidChainHash);
        }
        for (index, byte) in hash.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).map_err(|_| InvalidChainHash)?;
        }
        Ok(Self(hash))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_covers_all_records_and_their_order() {
        let of = |records: &[&str]| records.iter().fold(ChainHash::START, |hash, record| hash.then(record.as_bytes()));
        let whole = of(&["a", "b", "c"]);
        for other in [of(&["a", "b"]), of(&["a", "c", "b"]), of(&["a", "x", "c"]), of(&["ab", "c"])] {
            assert_ne!(whole, other);
        }
        assert_eq!(whole.to_string().parse(), Ok(whole));
        assert_eq!("zz".parse::<ChainHash>(), Err(InvalidChainHash));
    }
}
