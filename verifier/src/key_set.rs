//! The issuer's keys: a JWK set (RFC 7517 §5) in which one bad key does not spoil the others.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;

use crate::{
    PublicKey, Rejection, UnusableKey,
    strict_json::{self, Unambiguous},
    unverified::excerpt,
};

/// Keys by `kid`. A key that may not be used is remembered as such, so that a token naming it is told why.
#[derive(Debug, Default)]
pub struct KeySet {
    keys: HashMap<String, Result<PublicKey, UnusableKey>>,
    nameless: usize,
}

/// A text that is no JWK set at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a JWK set: expected a JSON object with an array `keys`, and no member twice")]
pub struct InvalidKeySet;

impl KeySet {
    /// Reads a JWK set. Fails only for what is no set; keys that may not be used are set aside.
    pub fn parse(json: &[u8]) -> Result<Self, InvalidKeySet> {
        strict_json::read(json, |json, _| Unambiguous::deserialize(json)).map_err(|_| InvalidKeySet)?;
        let set: Value = serde_json::from_slice(json).map_err(|_| InvalidKeySet)?;
        let keys = set.get("keys").and_then(Value::as_array).ok_or(InvalidKeySet)?;
        let mut read = Self::default();
        for jwk in keys {
            read.add(jwk);
        }
        Ok(read)
    }

    /// The key of this id; a rejection if it is absent, or present but not to be used.
    pub fn find(&self, key_id: &str) -> Result<&PublicKey, Rejection> {
        match self.keys.get(key_id) {
            Some(Ok(key)) => Ok(key),
            Some(Err(problem)) => Err(Rejection::UnusableKey { key_id: excerpt(key_id), problem: problem.clone() }),
            None => {
                let mut known: Vec<_> = self.key_ids().map(excerpt).collect();
                known.sort();
                known.truncate(8);
                Err(Rejection::UnknownKey { known, key_id: excerpt(key_id) })
            }
        }
    }

    /// The ids of the keys that can be used, in no order.
    pub fn key_ids(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().filter(|(_, key)| key.is_ok()).map(|(key_id, _)| key_id.as_str())
    }

    /// The keys that may not be used, and why; those without a `kid` have an empty one.
    pub fn unusable(&self) -> impl Iterator<Item = (&str, &UnusableKey)> {
        let named = self.keys.iter().filter_map(|(key_id, key)| Some((key_id.as_str(), key.as_ref().err()?)));
        named.chain(std::iter::repeat_n(("", &UnusableKey::NoKeyId), self.nameless))
    }

    fn add(&mut self, jwk: &Value) {
        let Some(key_id) = jwk.get("kid").and_then(Value::as_str) else {
            self.nameless += 1;
            return;
        };
        let key = jwk.as_object().ok_or(UnusableKey::NotAnObject).and_then(PublicKey::from_members);
        // Which of two keys was meant cannot be known, so neither is.
        self.keys.entry(key_id.to_owned()).and_modify(|first| *first = Err(UnusableKey::RepeatedKeyId)).or_insert(key);
    }
}

impl std::str::FromStr for KeySet {
    type Err = InvalidKeySet;
    fn from_str(text: &str) -> Result<Self, InvalidKeySet> {
        Self::parse(text.as_bytes())
    }
}
